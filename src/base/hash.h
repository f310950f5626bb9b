/* XXH3-64: the one door to xxHash. Not for defence against chosen inputs; for checksums, tables,
   sketches. */
#ifndef ANP_BASE_HASH_H
#define ANP_BASE_HASH_H

#include "base/str.h"

uint64_t hash64(const void *bytes, size_t len);
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
