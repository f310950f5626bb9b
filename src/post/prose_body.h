/*
 * The source of a kernel (prose.h), to be compiled once a file: PROSE is its name, PROSE_NAME that
 * of its processors.
 */
#include "post/prose.h"

#if defined(__SSE2__)
#include <immintrin.h>

enum { STEP_BYTES = 64 };

/* A bit for each of 64 bytes that ends the copy; the bytes are copied. */
static inline uint64_t step(const char *from, char *to) {
#if defined(__AVX512BW__)
    __m512i bytes = _mm512_loadu_si512(from);
    _mm512_storeu_si512(to, bytes);
    return _mm512_cmplt_epi8_mask(bytes, _mm512_set1_epi8(0x20)) | /* signed: not ASCII, too */
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('"')) |
           _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8('\\'));
#elif defined(__AVX2__)
    uint64_t ends = 0;
    for (unsigned i = 0; i < STEP_BYTES; i += 32) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(from + i));
        _mm256_storeu_si256((__m256i *)(void *)(to + i), bytes);
        __m256i end = _mm256_or_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), bytes),
                                      _mm256_or_si256(
                                          _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"')),
                                          _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'))));
        ends |= (uint64_t)(uint32_t)_mm256_movemask_epi8(end) << i;
    }
    return ends;
#else
    uint64_t ends = 0;
    for (unsigned i = 0; i < STEP_BYTES; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(from + i));
        _mm_storeu_si128((__m128i *)(void *)(to + i), bytes);
        __m128i end = _mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                   _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')),
                                                _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))));
        ends |= (uint64_t)(unsigned)_mm_movemask_epi8(end) << i;
    }
    return ends;
#endif
}
#endif

static size_t copy(const char *from, size_t len, char *to) {
    size_t at = 0;
#if defined(__SSE2__)
    for (; len - at >= STEP_BYTES; at += STEP_BYTES) {
        uint64_t ends = step(from + at, to + at);
        if (ends) {
            return at + (size_t)__builtin_ctzll(ends);
        }
    }
#endif
    for (; at < len; at++) {
        char c = from[at];
        if ((uint8_t)c < 0x20 || (uint8_t)c >= 0x80 || c == '"' || c == '\\') {
            break;
        }
        to[at] = c;
    }
    return at;
}

const prose_kernel PROSE = {.name = PROSE_NAME, .copy = copy};
