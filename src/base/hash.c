/*
 * xxHash is compiled into this file and its kernels only, inlined, so that its symbols never leave
 * the library. Short inputs are not worth a call through a pointer.
 */
#include "base/hash.h"

#include "base/cpu.h"
#include "base/hash_kernels.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { LONG_BYTES = 1024 };

uint64_t hash64(const void *bytes, size_t len) {
    return XXH3_64bits(bytes, len);
}

uint64_t hash64_seed(const void *bytes, size_t len, uint64_t seed) {
#if defined(__x86_64__)
    if (len >= LONG_BYTES) {
        switch (cpu_best()) {
        case CPU_AVX512: return hash_seeded_avx512(bytes, len, seed);
        case CPU_AVX2: return hash_seeded_avx2(bytes, len, seed);
        default: break;
        }
    }
#endif
    return XXH3_64bits_withSeed(bytes, len, seed);
}

void hash64_triples(const uint64_t *words, size_t count, uint64_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = XXH3_64bits(words + i, 3 * sizeof *words); /* a constant size: inlined whole */
    }
}
