/* SplitMix64: a repeatable sequence for tests, benches and hash seeds. Not for secrets. */
#ifndef ANP_BASE_PRNG_H
#define ANP_BASE_PRNG_H

#include <stdint.h>

typedef struct prng {
    uint64_t state; /* any value is a good seed */
} prng;

static inline uint64_t prng_next(prng *p) {
    uint64_t x = p->state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

/* In [0, bound), bound > 0; the bias is below bound / 2^32. */
static inline uint32_t prng_below(prng *p, uint32_t bound) {
    return (uint32_t)(((prng_next(p) >> 32) * bound) >> 32);
}

/* In [0, 1). */
static inline double prng_unit(prng *p) {
    return (double)(prng_next(p) >> 11) * 0x1.0p-53;
}

#endif
