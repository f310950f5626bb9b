/* What bytes are, 64 at a time, a bit each: private to this room. Only where SSE2 is. */
#ifndef ANP_TEXT_SPANS_H
#define ANP_TEXT_SPANS_H

#if defined(__SSE2__)

#include "base/str.h"

#include <emmintrin.h>

enum { SPAN_LANES = 16, SPAN_BYTES = 64 };

/* 0xff where first <= byte < first + count, as unsigned bytes. */
static inline __m128i span_range(__m128i bytes, char first, int count) {
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(-128 - first)));
    return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + count)));
}

/* 0xff where the byte is an ASCII letter or digit. */
static inline __m128i span_alnum(__m128i bytes) {
    return _mm_or_si128(span_range(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26),
                        span_range(bytes, '0', 10));
}

static inline __m128i span_is(__m128i bytes, char c) {
    return _mm_cmpeq_epi8(bytes, _mm_set1_epi8(c));
}

static inline __m128i span_load(const char *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

static inline uint64_t span_bits(__m128i bytes, unsigned at) {
    return (uint64_t)(unsigned)_mm_movemask_epi8(bytes) << at;
}

/* Bits from, from + 1, …, to - 1; to <= 64. */
static inline uint64_t span_between(unsigned from, unsigned to) {
    uint64_t below = to < SPAN_BYTES ? ((uint64_t)1 << to) - 1 : ~(uint64_t)0;
    return from < SPAN_BYTES ? below & ~(uint64_t)0 << from : 0;
}

/* The first bit that is not set, from `start` on; SPAN_BYTES: all are. */
static inline unsigned span_end(uint64_t set, unsigned start) {
    uint64_t ends = ~set & ~(uint64_t)0 << start;
    return ends ? (unsigned)__builtin_ctzll(ends) : SPAN_BYTES;
}

#endif

#endif
