/* xxHash is compiled into this file only, inlined, so that its symbols never leave the library. */
#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

uint64_t hash64(const void *bytes, size_t len) {
    return XXH3_64bits(bytes, len);
}

uint64_t hash64_seed(const void *bytes, size_t len, uint64_t seed) {
    return XXH3_64bits_withSeed(bytes, len, seed);
}
