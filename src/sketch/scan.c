/*
 * sketch_scan without SIMD: 16 slots at a time.
 *
 *     x = probe ^ sketch           a slot is equal where its 4 bits of x are 0
 *     z = x | x >> 1 | … | x >> 3  bit 0 of each slot: 1 where it differs
 */
#include "sketch/scan.h"

static const uint64_t SLOT_LOW_BITS = 0x1111111111111111u;

/* Equal slots in the low and high half of each byte, added: 0, 1 or 2 a byte. */
static uint64_t equal_by_byte(uint64_t a, uint64_t b) {
    uint64_t x = a ^ b;
    x |= x >> 2;
    x |= x >> 1;
    uint64_t same = ~x & SLOT_LOW_BITS;
    return (same + (same >> 4)) & 0x0f0f0f0f0f0f0f0fu;
}

void scan_portable(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal) {
    bool probe_is_empty = scan_is_empty(probe);
    for (size_t i = 0; i < count; i++, sketches += SKETCH_BYTES) {
        uint64_t bytes = 0; /* at most 2 * 16 words: no carry into the next byte */
        for (size_t at = 0; at < SKETCH_MINHASH_BYTES; at += 8) {
            bytes += equal_by_byte(load_u64(probe + at), load_u64(sketches + at));
        }
        uint64_t pairs = (bytes & 0x00ff00ff00ff00ffu) + ((bytes >> 8) & 0x00ff00ff00ff00ffu);
        uint64_t total = (pairs * 0x0001000100010001u) >> 48;
        equal[i] = probe_is_empty || scan_is_empty(sketches) ? 0 : (uint16_t)total;
    }
}

uint32_t sketch_equal_slots(const uint8_t a[SKETCH_BYTES], const uint8_t b[SKETCH_BYTES]) {
    uint16_t equal;
    scan_portable(a, b, 1, &equal);
    return equal;
}
