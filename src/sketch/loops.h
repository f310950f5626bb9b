/*
 * The loops that a sketch is made of. Private to this room.
 *
 * loops_body.h is the one source, compiled for each kind of processor (loops_portable.c,
 * loops_avx2.c, …); all give the same numbers.
 */
#ifndef ANP_SKETCH_LOOPS_H
#define ANP_SKETCH_LOOPS_H

#include "sketch/sketch.h"

enum { SLOT_SHIFT = 56 };

typedef struct sketch_loops {
    const char *name;
    /* totals[i] += hashes with bit i: what a SimHash is the majority of. */
    void (*add)(const uint64_t *hashes, size_t count, uint32_t totals[64]);
    /* Of one hash or more: the 256 slots, packed. */
    void (*minhash)(const uint64_t *hashes, size_t count, uint8_t *bytes);
} sketch_loops;

/* Those that this processor can run, portable first; how many. */
size_t sketch_loops_all(const sketch_loops *const **all);
const sketch_loops *sketch_loops_best(void);

extern const sketch_loops sketch_loops_portable;
extern const sketch_loops sketch_loops_avx2;
extern const sketch_loops sketch_loops_avx512;

#endif
