/*
 * What each kernels_*.c compiles for its processor. Before it is included: KERNELS, the table's
 * name, and KERNELS_NAME. See kernels.h.
 */
#include "postings/kernels.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512VBMI2__)

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        __m512i from = _mm512_loadu_si512((const void *)bytes);
        _mm512_storeu_si512((void *)(lanes + 64 * word),
                            _mm512_maskz_expand_epi8(bits[word], from));
        bytes += __builtin_popcountll(bits[word]);
    }
}

#elif defined(__AVX2__) && defined(__BMI2__)

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        uint64_t left = bits[word];
        for (size_t at = 64 * word; at < 64 * word + 64; at += 8, left >>= 8) {
            uint64_t ones = _pdep_u64(left & 0xff, 0x0101010101010101u); /* one a lane */
            store_u64(lanes + at, _pdep_u64(load_u64(bytes), ones * 0xff));
            bytes += __builtin_popcountll(left & 0xff);
        }
    }
}

#else

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    memset(lanes, 0, BLOCK_DOCS);
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        for (uint64_t left = bits[word]; left; left &= left - 1) {
            lanes[64 * word + (size_t)__builtin_ctzll(left)] = *bytes++;
        }
    }
}

#endif

/* The loops over a window: simple, so that every compiler makes vectors of them. */
#define WINDOW_LOOP(name, expression)                        \
    static uint32_t name(uint64_t *a, const uint8_t *b) {    \
        uint64_t ones = 0;                                   \
        for (size_t i = 0; i < KERNEL_WORDS; i++) {          \
            uint64_t x = a[i], y = load_u64(b + 8 * i);      \
            a[i] = (expression);                             \
            ones += (uint64_t)__builtin_popcountll(a[i]);    \
        }                                                    \
        return (uint32_t)ones;                               \
    }

WINDOW_LOOP(and_into, x & y)
WINDOW_LOOP(or_into, x | y)
WINDOW_LOOP(andnot_into, x & ~y)

static uint32_t and_count(const uint8_t *a, const uint8_t *b) {
    uint64_t ones = 0;
    for (size_t i = 0; i < KERNEL_WORDS; i++) {
        ones += (uint64_t)__builtin_popcountll(load_u64(a + 8 * i) & load_u64(b + 8 * i));
    }
    return (uint32_t)ones;
}

static uint32_t count(const uint64_t *a) {
    uint64_t ones = 0;
    for (size_t i = 0; i < KERNEL_WORDS; i++) {
        ones += (uint64_t)__builtin_popcountll(a[i]);
    }
    return (uint32_t)ones;
}

const postings_kernels KERNELS = {
    .name = KERNELS_NAME,
    .expand = expand,
    .and_count = and_count,
    .and_into = and_into,
    .or_into = or_into,
    .andnot_into = andnot_into,
    .count = count,
};
