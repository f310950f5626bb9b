/* XXH3-64: the one door to xxHash. Not for defence against chosen inputs; for checksums, tables,
   sketches. */
#ifndef ANP_BASE_HASH_H
#define ANP_BASE_HASH_H

#include "base/str.h"

uint64_t hash64(const void *bytes, size_t len);

/* out[i] = hash64 of words[i], words[i + 1] and words[i + 2] as they lie in memory (24 bytes), for
   i below count: two words more are read. Some 2 ns each. out overlaps nothing. */
void hash64_triples(const uint64_t *words, size_t count, uint64_t *out);

uint64_t hash64_seed(const void *bytes, size_t len, uint64_t seed);

/* A bijective mix of 64 bits (the finaliser of SplitMix64): spreads a hash or a counter over all
   bits. */
static inline uint64_t hash_mix64(uint64_t x) {
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9u;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebu;
    x ^= x >> 31;
    return x;
}

#endif
