/* The synthesizer's own random numbers: SplitMix64 (Steele, Lea, Flood: "Fast splittable
 * pseudorandom number generators", 2014). Not the library's generator on purpose: post N must keep
 * its bytes for ever, whatever happens to the library.
 *
 * Only integers, only wrap-around arithmetic: the same numbers on every machine. The state starts
 * at a mixed N: from a plain N·γ, post N + 1 would draw what post N draws, one draw earlier. */
#ifndef SYNTH_PRNG_H
#define SYNTH_PRNG_H

#include <stdint.h>

typedef struct synth_prng {
    uint64_t state;
} synth_prng;

static inline uint64_t synth_prng_mix(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline synth_prng synth_prng_for(uint64_t number) {
    return (synth_prng){synth_prng_mix(number + 0x616c7068616e6f64u)};
}

static inline uint64_t synth_prng_next(synth_prng *prng) {
    prng->state += 0x9e3779b97f4a7c15u;
    return synth_prng_mix(prng->state);
}

/* A number in [0, bound), bound > 0: the high half of a product, without a division. */
static inline uint32_t synth_prng_below(synth_prng *prng, uint32_t bound) {
    return (uint32_t)(((synth_prng_next(prng) >> 32) * bound) >> 32);
}

/* A number in [low, high]. */
static inline uint32_t synth_prng_between(synth_prng *prng, uint32_t low, uint32_t high) {
    return low + synth_prng_below(prng, high - low + 1);
}

#endif
