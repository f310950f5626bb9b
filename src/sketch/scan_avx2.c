/*
 * sketch_scan with AVX2: 64 slots a register; equal ones become bytes of -1, which are taken off
 * byte counters.
 */
#include "sketch/scan.h"

#if defined(__x86_64__)

#include <immintrin.h>

enum { LANES = SKETCH_MINHASH_BYTES / 32 };

/* Counters of the equal slots in each of 32 bytes, at most 2 * LANES. */
static __m256i count_bytes(const __m256i probe[LANES], const uint8_t *sketch) {
    const __m256i low = _mm256_set1_epi8(0x0f);
    const __m256i high = _mm256_set1_epi8((char)0xf0);
    const __m256i zero = _mm256_setzero_si256();
    __m256i counts = zero;
    for (size_t lane = 0; lane < LANES; lane++) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(sketch + lane * 32));
        __m256i x = _mm256_xor_si256(probe[lane], bytes);
        counts = _mm256_sub_epi8(counts, _mm256_cmpeq_epi8(_mm256_and_si256(x, low), zero));
        counts = _mm256_sub_epi8(counts, _mm256_cmpeq_epi8(_mm256_and_si256(x, high), zero));
    }
    return counts;
}

void scan_avx2(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal) {
    bool probe_is_empty = scan_is_empty(probe);
    __m256i lanes[LANES];
    for (size_t lane = 0; lane < LANES; lane++) {
        lanes[lane] = _mm256_loadu_si256((const __m256i *)(const void *)(probe + lane * 32));
    }
    for (size_t i = 0; i < count; i++, sketches += SKETCH_BYTES) {
        __m256i sums = _mm256_sad_epu8(count_bytes(lanes, sketches), _mm256_setzero_si256());
        __m128i half =
            _mm_add_epi64(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
        int total = _mm_cvtsi128_si32(half) + _mm_extract_epi16(half, 4);
        equal[i] = probe_is_empty || scan_is_empty(sketches) ? 0 : (uint16_t)total;
    }
}

#endif
