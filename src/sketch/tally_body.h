/*
 * The source of a tally (tally.h), to be compiled once a file: TALLY is its name, TALLY_NAME that
 * of its processors.
 *
 *     byte j of counts[i] counts bit 8 j + i: eight hashes' worth of adding is three instructions
 *     where a register holds the eight counts
 */
#include "sketch/tally.h"

typedef uint64_t counters __attribute__((vector_size(64)));

enum { COUNTED_MAX = 255 }; /* then a byte is full */

static void flush(const counters *counts, uint32_t totals[64]) {
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 8; j++) {
            totals[8 * j + i] += (uint32_t)((*counts)[i] >> (8 * j)) & 0xff;
        }
    }
}

static void add(const uint64_t *hashes, size_t count, uint32_t totals[64]) {
    const counters shifts = {0, 1, 2, 3, 4, 5, 6, 7};
    while (count > 0) {
        size_t some = count < COUNTED_MAX ? count : COUNTED_MAX;
        counters counts = {0};
        for (size_t i = 0; i < some; i++) {
            counts += (hashes[i] >> shifts) & 0x0101010101010101u;
        }
        flush(&counts, totals);
        hashes += some;
        count -= some;
    }
}

const sketch_tally TALLY = {.name = TALLY_NAME, .add = add};
