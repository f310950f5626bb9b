/* lanes.h, 16 posts an instruction: 16 bits of a row are spread over 16 lanes and compared. */
#include "similar/lanes.h"

#include "similar/family.h"

#include <immintrin.h>
#include <string.h>

enum { LANES = 16, PARTS = FAMILY_BLOCK / LANES };

static size_t hits_of(const uint16_t *sums, const float *totals, size_t item, __m256 base,
                      __m256 slope, lane_hit *out) {
    size_t hits = 0;
    for (int half = 0; half < 2; half++) {
        __m256i wide =
            _mm256_cvtepu16_epi32(_mm_load_si128((const __m128i *)(const void *)(sums + 8 * half)));
        __m256 total = _mm256_loadu_ps(totals + 8 * half);
        __m256 need = _mm256_add_ps(base, _mm256_mul_ps(slope, total));
        __m256 hit = _mm256_cmp_ps(_mm256_cvtepi32_ps(wide), need, _CMP_GE_OQ);
        unsigned bits = (unsigned)_mm256_movemask_ps(hit);
        for (; bits; bits &= bits - 1) {
            unsigned lane = (unsigned)__builtin_ctz(bits) + 8 * (unsigned)half;
            if (sums[lane] > 0) {
                out[hits++] = (lane_hit){(uint32_t)(item + lane), sums[lane]};
            }
        }
    }
    return hits;
}

size_t lanes_avx2(const lane_work *work, lane_hit *out) {
    const __m256 base = _mm256_set1_ps(work->base), slope = _mm256_set1_ps(work->slope);
    const __m256i bit = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                          8192, 16384, (short)-32768);
    size_t hits = 0;
    for (size_t block = 0; block < work->blocks; block++) {
        for (size_t part = 0; part < PARTS; part += 8) { /* 8 registers of sums at a time */
            size_t item = block * FAMILY_BLOCK + part * LANES;
            uint16_t *sums = work->sums + item;
            __m256i s[8];
            for (int p = 0; p < 8; p++) {
                s[p] = _mm256_load_si256((const __m256i *)(const void *)(sums + p * LANES));
            }
            for (size_t r = 0; r < work->row_count; r++) {
                const uint64_t *row = work->rows[r] + item / 64;
                __m256i units = _mm256_set1_epi16((short)work->units[r]);
                for (int p = 0; p < 8; p++) {
                    short lanes = (short)(row[p / 4] >> p % 4 * LANES);
                    __m256i set = _mm256_and_si256(_mm256_set1_epi16(lanes), bit);
                    __m256i mask = _mm256_cmpeq_epi16(set, bit);
                    s[p] = _mm256_adds_epu16(s[p], _mm256_and_si256(mask, units));
                }
            }
            for (int p = 0; p < 8; p++) {
                _mm256_store_si256((__m256i *)(void *)(sums + p * LANES), s[p]);
            }
            for (size_t p = 0; p < 8; p++) {
                hits += hits_of(sums + p * LANES, work->totals + item + p * LANES,
                                work->first + item + p * LANES, base, slope, out + hits);
            }
            if (!work->keep) {
                memset(sums, 0, 8 * LANES * sizeof *sums);
            }
        }
    }
    return hits;
}
