/* See hash_kernels.h. */
#if defined(__x86_64__)
#include "base/hash_kernels.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash_seeded_avx512(const void *bytes, size_t len, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, len, seed);
}
#endif
