/* How many bits positions take, and how bits are read; private to this room. The forms are drawn in
   postings/format.h. */
#ifndef ANP_POSTINGS_WIDTHS_H
#define ANP_POSTINGS_WIDTHS_H

#include "postings/list.h"

enum { CIRCLE_MAX = 4, LENGTH_MAX = 1 << 28 }; /* so that a pair has 56 bits at most */

static inline uint32_t bits_of(uint32_t value) {
    return value ? 32 - (uint32_t)__builtin_clz(value) : 0;
}

/* Elias-Fano's low bits for t values below `range`: the largest w with range >= t 2^w. */
static inline uint32_t low_bits(uint32_t t, uint32_t range) {
    uint32_t a = bits_of(range), b = bits_of(t);
    uint32_t w = a > b ? a - b : 0;
    return w && range < (uint64_t)t << w ? w - 1 : w;
}

/* Bits of t positions below length, t <= length. */
static inline uint64_t width_of(uint32_t t, uint32_t length) {
    if (t == 0) {
        return 0;
    }
    /* Both are cheaper than a branch that is not foreseen. */
    uint32_t range = length - t + 1, w = low_bits(t, range);
    uint64_t circle = (uint64_t)t * bits_of(length - 1) - (t - 1);
    uint64_t elias_fano = (uint64_t)t * (w + 1) + ((range - 1) >> w);
    return t <= CIRCLE_MAX ? circle : elias_fano;
}

/* 57 bits or more from a bit of the value on; zeros behind its end. `inside`: 8 bytes are there. */
static inline uint64_t positions_peek(const uint8_t *bytes, size_t len, uint64_t bit,
                                      bool inside) {
    size_t byte = (size_t)(bit / 8);
    uint64_t word = 0;
    if (inside || byte + 8 <= len) {
        word = load_u64(bytes + byte);
    } else if (byte < len) {
        memcpy(&word, bytes + byte, len - byte);
    }
    return word >> bit % 8;
}

/* Where a group of 32 postings begins, in bytes. */
uint64_t positions_group_offset(const positions_view *view, uint32_t group);

/* The t positions that begin at `bit`, in a post of `length` words. */
anp_status positions_read_at(const positions_view *view, uint64_t bit, uint32_t length, uint32_t t,
                             uint32_t *out, anp_error *err);

#endif
