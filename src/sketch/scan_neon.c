/*
 * sketch_scan with NEON: 32 slots a register; equal ones become bytes of -1, which are taken off
 * byte counters.
 */
#include "sketch/scan.h"

#if defined(__aarch64__)

#include <arm_neon.h>

enum { LANES = SKETCH_MINHASH_BYTES / 16 };

void scan_neon(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal) {
    bool probe_is_empty = scan_is_empty(probe);
    uint8x16_t lanes[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        lanes[lane] = vld1q_u8(probe + lane * 16);
    }
    for (size_t i = 0; i < count; i++, sketches += SKETCH_BYTES) {
        uint8x16_t counts = vdupq_n_u8(0); /* at most 2 * LANES a byte */
        for (size_t lane = 0; lane < LANES; lane++) {
            uint8x16_t x = veorq_u8(lanes[lane], vld1q_u8(sketches + lane * 16));
            counts = vsubq_u8(counts, vceqzq_u8(vshlq_n_u8(x, 4)));
            counts = vsubq_u8(counts, vceqzq_u8(vshrq_n_u8(x, 4)));
        }
        uint16_t total = vaddlvq_u8(counts);
        equal[i] = probe_is_empty || scan_is_empty(sketches) ? 0 : total;
    }
}

#endif
