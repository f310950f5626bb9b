/*
 * How many of some hashes have each bit: what a SimHash is the majority of. Private to this room.
 *
 * tally_body.h is the one source, compiled for each kind of processor (tally_portable.c,
 * tally_avx2.c, …); all give the same numbers.
 */
#ifndef ANP_SKETCH_TALLY_H
#define ANP_SKETCH_TALLY_H

#include <stddef.h>
#include <stdint.h>

typedef struct sketch_tally {
    const char *name;
    /* totals[i] += hashes with bit i. */
    void (*add)(const uint64_t *hashes, size_t count, uint32_t totals[64]);
} sketch_tally;

/* Those that this processor can run, portable first; how many. */
size_t sketch_tally_all(const sketch_tally *const **all);
const sketch_tally *sketch_tally_best(void);

extern const sketch_tally sketch_tally_portable;
extern const sketch_tally sketch_tally_avx2;
extern const sketch_tally sketch_tally_avx512;

#endif
