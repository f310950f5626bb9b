/*
 * The source of the loops (loops.h), to be compiled once a file: LOOPS is their name, LOOPS_NAME
 * that of its processors.
 *
 *     byte j of counts[i] counts bit 8 j + i: eight hashes' worth of adding is three instructions
 *     where a register holds the eight counts
 */
#include "sketch/loops.h"

#include "base/hash.h"

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

/* ---- MinHash ------------------------------------------------------------------------------- */

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: spreads small numbers */

/*
 * The first occupied slot in the probe sequence of `slot`: 8 probes a mix. `used` has at least one.
 */
static unsigned find_donor(unsigned slot, const uint8_t used[SKETCH_SLOTS]) {
    for (uint64_t round = 0;; round++) {
        uint64_t probes = hash_mix64((round * SKETCH_SLOTS + slot + 1) * GOLDEN);
        unsigned found = 0;
        for (unsigned i = 0; i < 8; i++) {
            found |= (unsigned)used[probes >> 8 * i & (SKETCH_SLOTS - 1)] << i;
        }
        if (found) {
            return (unsigned)(probes >> 8 * (unsigned)__builtin_ctz(found)) & (SKETCH_SLOTS - 1);
        }
    }
}

static void minhash(const uint64_t *hashes, size_t count, uint8_t *bytes) {
    uint64_t least[SKETCH_SLOTS];
    uint8_t used[SKETCH_SLOTS] = {0}, values[SKETCH_SLOTS], empty[SKETCH_SLOTS];
    unsigned empty_count = 0;
    memset(least, 0xff, sizeof least);
    for (size_t i = 0; i < count; i++) {
        uint64_t slot = hashes[i] >> SLOT_SHIFT;
        least[slot] = least[slot] < hashes[i] ? least[slot] : hashes[i];
        used[slot] = 1;
    }
    for (unsigned slot = 0; slot < SKETCH_SLOTS; slot++) {
        empty[empty_count] = (uint8_t)slot;
        empty_count += !used[slot];
    }
    for (unsigned i = 0; i < empty_count; i++) {
        least[empty[i]] = least[find_donor(empty[i], used)];
    }
    for (unsigned slot = 0; slot < SKETCH_SLOTS; slot++) {
        values[slot] = (uint8_t)(hash_mix64(least[slot] + slot * GOLDEN) >> 60);
    }
    for (unsigned i = 0; i < SKETCH_MINHASH_BYTES; i++) {
        bytes[i] = (uint8_t)(values[2 * i] | values[2 * i + 1] << SKETCH_SLOT_BITS);
    }
}

const sketch_loops LOOPS = {.name = LOOPS_NAME, .add = add, .minhash = minhash};
