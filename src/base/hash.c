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

void hash64_triples(const uint64_t *words, size_t count, uint64_t *out) {
    for (size_t i = 0; i < count; i++) {
        out[i] = XXH3_64bits(words + i, 3 * sizeof *words); /* a constant size: inlined whole */
    }
}
