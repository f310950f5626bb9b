/* lanes.h, 32 posts an instruction: a block's 512 sums stay in 16 registers while all rows are
   added. */
#include "similar/lanes.h"

#include "similar/family.h"

#include <immintrin.h>
#include <string.h>

enum { LANES = 32, PARTS = FAMILY_BLOCK / LANES, AHEAD = 4, ROWS_AHEAD = 8 };

static size_t hits_of(__m512i sums, const float *totals, size_t item, __m512 base, __m512 slope,
                      lane_hit *out) {
    size_t hits = 0;
    for (int half = 0; half < 2; half++) {
        __m256i part = half ? _mm512_extracti64x4_epi64(sums, 1) : _mm512_castsi512_si256(sums);
        __m512i wide = _mm512_cvtepu16_epi32(part);
        __m512 total = _mm512_loadu_ps(totals + 16 * half);
        __m512 need = _mm512_add_ps(base, _mm512_mul_ps(slope, total));
        __mmask16 some = _mm512_test_epi32_mask(wide, wide);
        __mmask16 hit = _mm512_mask_cmp_ps_mask(some, _mm512_cvtepi32_ps(wide), need, _CMP_GE_OQ);
        if (hit) {
            uint32_t units[16];
            _mm512_storeu_si512(units, wide);
            for (unsigned bits = hit; bits; bits &= bits - 1) {
                unsigned lane = (unsigned)__builtin_ctz(bits);
                out[hits++] = (lane_hit){(uint32_t)(item + 16 * (size_t)half + lane), units[lane]};
            }
        }
    }
    return hits;
}

size_t lanes_avx512(const lane_work *work, lane_hit *out) {
    const __m512 base = _mm512_set1_ps(work->base), slope = _mm512_set1_ps(work->slope);
    const __m512i kept = _mm512_set1_epi32(work->keep ? -1 : 0);
    size_t hits = 0;
    for (size_t block = 0; block < work->blocks; block++) {
        uint16_t *sums = work->sums + block * FAMILY_BLOCK;
        size_t word = block * (FAMILY_BLOCK / 64);
        __m512i s[PARTS];
#pragma GCC unroll 16
        for (int p = 0; p < PARTS; p++) {
            s[p] = _mm512_load_si512(sums + p * LANES);
        }
        for (size_t r = 0; r < work->row_count; r++) {
            const uint64_t *row = work->rows[r] + word;
            __m512i units = _mm512_set1_epi16((short)work->units[r]);
            size_t later = r + ROWS_AHEAD < work->row_count ? r + ROWS_AHEAD : r;
            /* More streams than the processor follows by itself, and some are short. */
            _mm_prefetch((const char *)(row + AHEAD * (FAMILY_BLOCK / 64)), _MM_HINT_T0);
            _mm_prefetch((const char *)(work->rows[later] + word), _MM_HINT_T0);
#pragma GCC unroll 8
            for (int p = 0; p < PARTS / 2; p++) {
                __mmask32 low = (__mmask32)row[p], high = (__mmask32)(row[p] >> 32);
                s[2 * p] = _mm512_mask_adds_epu16(s[2 * p], low, s[2 * p], units);
                s[2 * p + 1] = _mm512_mask_adds_epu16(s[2 * p + 1], high, s[2 * p + 1], units);
            }
        }
#pragma GCC unroll 16
        for (int p = 0; p < PARTS; p++) {
            size_t item = block * FAMILY_BLOCK + (size_t)p * LANES;
            _mm512_store_si512(sums + p * LANES, _mm512_and_si512(s[p], kept));
            hits += hits_of(s[p], work->totals + item, work->first + item, base, slope, out + hits);
        }
    }
    return hits;
}
