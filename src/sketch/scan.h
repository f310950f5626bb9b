/*
 * The kernels of sketch_scan, one a file, and the byte that they read: private to this room.
 *
 * A kernel counts, for each of `count` sketches, the slots of 4 bits that equal the probe's; it may
 * read bytes at any alignment and never outside the sketches. All give the same numbers.
 */
#ifndef ANP_SKETCH_SCAN_H
#define ANP_SKETCH_SCAN_H

#include "base/bytes.h"
#include "sketch/sketch.h"

/* SimHash 0 is kept for the empty set (see sketch.c), so that one load tells it. */
static inline bool scan_is_empty(const uint8_t *sketch) {
    return load_u64(sketch + SKETCH_MINHASH_BYTES) == 0;
}

void scan_portable(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal);
void scan_avx2(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal);
void scan_avx512(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal);
void scan_neon(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal);

#endif
