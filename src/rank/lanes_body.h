/*
 * What each lanes_*.c compiles for its processor; before it is included: LANES, the table's name,
 * and LANES_NAME. Plain loops, which compilers make vectors of, but for two that they do not: the
 * rounding of contributions, and bits out of comparisons.
 */
#include "rank/lanes.h"

#include <string.h>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "rank/strips_body.h"
#include "rank/able_body.h"

/* ---- Norms and factors --------------------------------------------------------------------- */

/* The entry of a lane, of numbers of 1, 2 or 4 bytes. */
static inline int32_t entry_1(const uint8_t *entries, int i) {
    return entries[i];
}

static inline int32_t entry_2(const uint8_t *entries, int i) {
    uint16_t entry;
    memcpy(&entry, entries + 2 * i, sizeof entry);
    return entry;
}

static inline int32_t entry_4(const uint8_t *entries, int i) {
    int32_t entry;
    memcpy(&entry, entries + 4 * i, sizeof entry);
    return entry;
}

static inline int32_t entry_0(const uint8_t *entries, int i) {
    (void)entries, (void)i;
    return 0;
}

/*
 * A loop for each pair of widths, 0 being a part that does not count: `put` a lane's length, of the
 * entries number `at`.
 */
#define LENGTHS_LOOP(first, second, n, at, put)                                                \
    for (int i = 0; i < n; i++) {                                                              \
        int32_t length = times_a * first(a->entries, at) + times_b * second(b->entries, at);   \
        put(base + length)                                                                     \
    }
#define LENGTHS_SECOND(first, n, at, put)                                                      \
    switch (b->times ? b->width : 0) {                                                         \
    case 0: LENGTHS_LOOP(first, entry_0, n, at, put) break;                                    \
    case 1: LENGTHS_LOOP(first, entry_1, n, at, put) break;                                    \
    case 2: LENGTHS_LOOP(first, entry_2, n, at, put) break;                                    \
    default: LENGTHS_LOOP(first, entry_4, n, at, put) break;                                   \
    }
#define LENGTHS(n, at, put)                                                                    \
    const rank_lengths *a = &parts[0], *b = &parts[1];                                         \
    const int32_t times_a = (int32_t)a->times, times_b = (int32_t)b->times;                    \
    const int32_t base = (int32_t)(a->base * a->times + b->base * b->times);                   \
    switch (a->times ? a->width : 0) {                                                         \
    case 0: LENGTHS_SECOND(entry_0, n, at, put) break;                                         \
    case 1: LENGTHS_SECOND(entry_1, n, at, put) break;                                         \
    case 2: LENGTHS_SECOND(entry_2, n, at, put) break;                                         \
    default: LENGTHS_SECOND(entry_4, n, at, put) break;                                        \
    }

/* In full vectors. */
static void norms(const rank_lengths parts[2], rank_norm norm, float out[RANK_LANES]) {
#define PUT_NORM(length)                              \
    float scaled = norm.slope * (float)(length);      \
    out[i] = norm.base + scaled;
    LENGTHS(RANK_LANES, i, PUT_NORM)
#undef PUT_NORM
}

/* Lengths one by one, then norms in vectors. */
static void norms_at(const rank_lengths parts[2], rank_norm norm, const uint16_t *lows,
                     uint32_t count, uint32_t from, uint32_t end, float *out) {
    int32_t lengths[RANK_LANES];
    const uint32_t entries = end - from;
    const int n = (int)count;
#define ENTRY ((uint32_t)lows[i] - from < entries ? (int)((uint32_t)lows[i] - from) : 0)
#define PUT_LENGTH(length) lengths[i] = length;
    LENGTHS(n, ENTRY, PUT_LENGTH)
#undef PUT_LENGTH
#undef ENTRY
    for (int i = 0; i < n; i++) {
        float scaled = norm.slope * (float)lengths[i];
        out[i] = norm.base + scaled;
    }
}

/* Of four bytes. */
static inline uint32_t sum_of(uint32_t four) {
    return (four & 0xff) + (four >> 8 & 0xff) + (four >> 16 & 0xff) + (four >> 24);
}

static inline float factor_of(uint32_t four, const float linear[RANK_SCORES + 1]) {
    return linear[4] + linear[0] * (float)(int32_t)(four & 0xff) +
           linear[1] * (float)(int32_t)(four >> 8 & 0xff) +
           linear[2] * (float)(int32_t)(four >> 16 & 0xff) +
           linear[3] * (float)(int32_t)(four >> 24);
}

static void factors(const uint8_t scores[RANK_LANES * RANK_SCORES],
                    const float linear[RANK_SCORES + 1], float out[RANK_LANES]) {
    uint32_t packed[RANK_LANES];
    memcpy(packed, scores, sizeof packed);
    for (int i = 0; i < RANK_LANES; i++) {
        out[i] = factor_of(packed[i], linear);
    }
}

static void value(const int32_t units[RANK_LANES],
                  const uint8_t scores[RANK_LANES * RANK_SCORES], uint32_t count,
                  const float linear[RANK_SCORES + 1], float values[RANK_LANES]) {
    uint32_t packed[RANK_LANES];
    const int n = (int)count;
    memcpy(packed, scores, (size_t)RANK_SCORES * count);
    for (int i = 0; i < n; i++) {
        values[i] = (float)units[i] * factor_of(packed[i], linear);
    }
    memset(values + n, 0, (size_t)(RANK_LANES - n) * sizeof *values);
}

/* ---- Contributions and lanes --------------------------------------------------------------- */

#if defined(__AVX512BW__)

static void add(const uint8_t tfs[RANK_LANES], const float n[RANK_LANES], float weight,
                int32_t sums[RANK_LANES]) {
    const __m512 w = _mm512_set1_ps(weight);
    for (int i = 0; i < RANK_LANES; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(tfs + i));
        __mmask16 here = _mm_test_epi8_mask(bytes, bytes);
        if (!here) {
            continue;
        }
        __m512 t = _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
        __m512 share = _mm512_div_ps(t, _mm512_add_ps(t, _mm512_loadu_ps(n + i)));
        __m512i units = _mm512_cvtps_epi32(_mm512_mul_ps(w, share));
        __m512i sum = _mm512_loadu_si512((const void *)(sums + i));
        _mm512_storeu_si512((void *)(sums + i), _mm512_mask_add_epi32(sum, here, sum, units));
    }
}

static void weigh(const uint8_t *tfs, const float *n, uint32_t count, float weight,
                  int32_t units[RANK_LANES], float values[RANK_LANES]) {
    const __m512 w = _mm512_set1_ps(weight);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i += 16) {
        uint32_t left = i < count ? count - i : 0;
        __mmask16 some = (__mmask16)(left < 16 ? (1u << left) - 1 : UINT16_MAX);
        __m512 x = _mm512_setzero_ps();
        if (left) {
            __m512 t = _mm512_cvtepi32_ps(
                _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(some, tfs + i)));
            __m512 share = _mm512_div_ps(t, _mm512_add_ps(t, _mm512_maskz_loadu_ps(some, n + i)));
            __m512i whole = _mm512_cvtps_epi32(_mm512_mul_ps(w, share));
            _mm512_storeu_si512((void *)(units + i), whole);
            x = _mm512_maskz_cvtepi32_ps(some, whole);
        }
        _mm512_storeu_ps(values + i, x);
    }
}

static uint32_t over(const int32_t sums[RANK_LANES], const float *f, float least,
                     uint64_t lanes[RANK_LANE_WORDS]) {
    const __m512 want = _mm512_set1_ps(least);
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i += 16) {
            __m512i sum = _mm512_loadu_si512((const void *)(sums + 64 * word + i));
            __mmask16 mask = _mm512_cmpgt_epi32_mask(sum, _mm512_setzero_si512());
            __m512 x = _mm512_cvtepi32_ps(sum);
            x = f ? _mm512_mul_ps(x, _mm512_loadu_ps(f + 64 * word + i)) : x;
            bits |= (uint64_t)_mm512_mask_cmp_ps_mask(mask, x, want, _CMP_GE_OQ) << i;
        }
        lanes[word] = bits;
        count += (uint32_t)__builtin_popcountll(bits);
    }
    return count;
}

static inline uint32_t leave(const int32_t sums[RANK_LANES], const float *f, const float *each,
                             float least, uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 64 * word; i < 64 * word + 64 && lanes[word]; i += 16) {
            __m512 x = _mm512_cvtepi32_ps(_mm512_loadu_si512((const void *)(sums + i)));
            x = f ? _mm512_mul_ps(x, _mm512_loadu_ps(f + i)) : x;
            __m512 want = each ? _mm512_loadu_ps(each + i) : _mm512_set1_ps(least);
            __mmask16 mask = _mm512_cmp_ps_mask(x, want, _CMP_GE_OQ);
            bits |= (uint64_t)mask << i % 64;
        }
        lanes[word] &= bits;
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

static void reached(const float bounds[RANK_LANES], float least, uint64_t lanes[RANK_LANE_WORDS]) {
    const __m512 want = _mm512_set1_ps(least);
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i += 16) {
            __m512 bound = _mm512_loadu_ps(bounds + 64 * word + i);
            __mmask16 mask = _mm512_cmp_ps_mask(bound, _mm512_setzero_ps(), _CMP_GT_OQ);
            bits |= (uint64_t)_mm512_mask_cmp_ps_mask(mask, bound, want, _CMP_GE_OQ) << i;
        }
        lanes[word] = bits;
    }
}

#elif defined(__AVX2__)

static void add(const uint8_t tfs[RANK_LANES], const float n[RANK_LANES], float weight,
                int32_t sums[RANK_LANES]) {
    const __m256 w = _mm256_set1_ps(weight);
    for (int i = 0; i < RANK_LANES; i += 8) {
        __m256i codes = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(tfs + i)));
        if (_mm256_testz_si256(codes, codes)) {
            continue;
        }
        __m256 t = _mm256_cvtepi32_ps(codes);
        __m256 share = _mm256_div_ps(t, _mm256_add_ps(t, _mm256_loadu_ps(n + i)));
        __m256i units = _mm256_cvtps_epi32(_mm256_mul_ps(w, share));
        /* A lane without the term may have norm 0: 0 / 0. */
        units = _mm256_and_si256(units, _mm256_cmpgt_epi32(codes, _mm256_setzero_si256()));
        __m256i *at = (__m256i *)(void *)(sums + i);
        _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), units));
    }
}

static void weigh(const uint8_t *tfs, const float *n, uint32_t count, float weight,
                  int32_t units[RANK_LANES], float values[RANK_LANES]) {
    const __m256 w = _mm256_set1_ps(weight);
    const __m256i eight = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    for (int i = 0; i < RANK_LANES; i += 8) {
        __m256 x = _mm256_setzero_ps();
        if (i < (int)count) {
            __m256 t = _mm256_cvtepi32_ps(
                _mm256_cvtepu8_epi32(_mm_loadl_epi64((const void *)(tfs + i))));
            __m256 share = _mm256_div_ps(t, _mm256_add_ps(t, _mm256_loadu_ps(n + i)));
            __m256i whole = _mm256_cvtps_epi32(_mm256_mul_ps(w, share));
            _mm256_storeu_si256((__m256i *)(void *)(units + i), whole);
            __m256i here = _mm256_cmpgt_epi32(_mm256_set1_epi32((int)count - i), eight);
            x = _mm256_and_ps(_mm256_cvtepi32_ps(whole), _mm256_castsi256_ps(here));
        }
        _mm256_storeu_ps(values + i, x);
    }
}

static uint32_t over(const int32_t sums[RANK_LANES], const float *f, float least,
                     uint64_t lanes[RANK_LANE_WORDS]) {
    const __m256 want = _mm256_set1_ps(least);
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i += 8) {
            const void *at = sums + 64 * word + i;
            __m256i sum = _mm256_loadu_si256((const __m256i *)at);
            __m256 x = _mm256_cvtepi32_ps(sum);
            x = f ? _mm256_mul_ps(x, _mm256_loadu_ps(f + 64 * word + i)) : x;
            __m256i mask = _mm256_and_si256(
                _mm256_cmpgt_epi32(sum, _mm256_setzero_si256()),
                _mm256_castps_si256(_mm256_cmp_ps(x, want, _CMP_GE_OQ)));
            uint32_t eight = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(mask));
            bits |= (uint64_t)eight << i;
        }
        lanes[word] = bits;
        count += (uint32_t)__builtin_popcountll(bits);
    }
    return count;
}

static inline uint32_t leave(const int32_t sums[RANK_LANES], const float *f, const float *each,
                             float least, uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 64 * word; i < 64 * word + 64 && lanes[word]; i += 8) {
            const void *at = sums + i;
            __m256 x = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)at));
            x = f ? _mm256_mul_ps(x, _mm256_loadu_ps(f + i)) : x;
            __m256 want = each ? _mm256_loadu_ps(each + i) : _mm256_set1_ps(least);
            __m256 mask = _mm256_cmp_ps(x, want, _CMP_GE_OQ);
            bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(mask) << i % 64;
        }
        lanes[word] &= bits;
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

static void reached(const float bounds[RANK_LANES], float least, uint64_t lanes[RANK_LANE_WORDS]) {
    const __m256 want = _mm256_set1_ps(least);
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i += 8) {
            __m256 bound = _mm256_loadu_ps(bounds + 64 * word + i);
            __m256 mask = _mm256_and_ps(_mm256_cmp_ps(bound, _mm256_setzero_ps(), _CMP_GT_OQ),
                                        _mm256_cmp_ps(bound, want, _CMP_GE_OQ));
            bits |= (uint64_t)(uint32_t)_mm256_movemask_ps(mask) << i;
        }
        lanes[word] = bits;
    }
}

#else

static void add(const uint8_t tfs[RANK_LANES], const float n[RANK_LANES], float weight,
                int32_t sums[RANK_LANES]) {
    for (int i = 0; i < RANK_LANES; i++) {
        if (tfs[i]) {
            sums[i] += (int32_t)rank_contribution(weight, tfs[i], n[i]);
        }
    }
}

static void weigh(const uint8_t *tfs, const float *n, uint32_t count, float weight,
                  int32_t units[RANK_LANES], float values[RANK_LANES]) {
    for (uint32_t i = 0; i < count; i++) {
        units[i] = (int32_t)rank_contribution(weight, tfs[i], n[i]);
        values[i] = (float)units[i];
    }
    memset(values + count, 0, (RANK_LANES - count) * sizeof *values);
}

static uint32_t over(const int32_t sums[RANK_LANES], const float *f, float least,
                     uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i++) {
            int32_t sum = sums[64 * word + i];
            float x = f ? (float)sum * f[64 * word + i] : (float)sum;
            bits |= (uint64_t)(sum > 0 && x >= least) << i;
        }
        lanes[word] = bits;
        count += (uint32_t)__builtin_popcountll(bits);
    }
    return count;
}

static inline uint32_t leave(const int32_t sums[RANK_LANES], const float *f, const float *each,
                             float least, uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 64 * word; i < 64 * word + 64 && lanes[word]; i++) {
            float x = f ? (float)sums[i] * f[i] : (float)sums[i];
            bits |= (uint64_t)(x >= (each ? each[i] : least)) << i % 64;
        }
        lanes[word] &= bits;
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

static void reached(const float bounds[RANK_LANES], float least, uint64_t lanes[RANK_LANE_WORDS]) {
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        uint64_t bits = 0;
        for (int i = 0; i < 64; i++) {
            float bound = bounds[64 * word + i];
            bits |= (uint64_t)(bound > 0 && bound >= least) << i;
        }
        lanes[word] = bits;
    }
}

#endif

static uint32_t reach(const int32_t sums[RANK_LANES], const float *f, float least,
                      uint64_t lanes[RANK_LANE_WORDS]) {
    return leave(sums, f, NULL, least, lanes);
}

static uint32_t reach_each(const int32_t sums[RANK_LANES], const float *f,
                           const float least[RANK_LANES], uint64_t lanes[RANK_LANE_WORDS]) {
    return leave(sums, f, least, 0, lanes);
}

/* ---- Posts that may win -------------------------------------------------------------------- */

static inline uint32_t lesser(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

static inline uint32_t length_of(const rank_lengths *part, int i) {
    int32_t entry = !part->times       ? 0
                    : part->width == 1 ? entry_1(part->entries, i)
                    : part->width == 2 ? entry_2(part->entries, i)
                                       : entry_4(part->entries, i);
    return ((uint32_t)entry + part->base) * part->times;
}

/* Either longest, or needs and scores. */
static uint32_t ask_each(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                         const uint16_t *longest, const uint8_t *scores, const rank_needs *needs,
                         uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        lanes[word] = 0;
        for (int i = 64 * word; i < 64 * word + 64; i++) {
            uint32_t length = length_of(&parts[0], i) + length_of(&parts[1], i);
            uint32_t tf = lesser(tfs[i], RANK_TFS - 1);
            bool may = tf > 0;
            if (needs) {
                uint32_t more = needs->slope[tf] * lesser(length, 4095) >> 12;
                may &= lesser(needs->base[tf] + more, UINT16_MAX) <=
                       sum_of((uint32_t)entry_4(scores, i)) + needs->less[tf];
            } else {
                may &= lesser(length, UINT16_MAX) <= longest[tf];
            }
            lanes[word] |= (uint64_t)may << i % 64;
            count += may;
        }
    }
    return count;
}

#if defined(__AVX512BW__)

enum { SOME = 32 }; /* lanes of 16 bits */
typedef __m512i some;

/* A table by tf. */
typedef struct tf_table {
    const uint16_t *all;
} tf_table;

static inline tf_table table_of(const uint16_t all[RANK_TFS]) {
    return (tf_table){all};
}

/* What it says of some tfs. */
static inline some look_up(const tf_table *t, const uint8_t *tfs) {
    __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)tfs);
    some at = _mm512_cvtepu8_epi16(_mm256_min_epu8(bytes, _mm256_set1_epi8(RANK_TFS - 1)));
    return _mm512_permutex2var_epi16(_mm512_loadu_si512((const void *)t->all), at,
                                     _mm512_loadu_si512((const void *)(t->all + 32)));
}

static inline some entries_of(const rank_lengths *part, int i) {
    const uint8_t *at = part->entries + (size_t)part->width * (size_t)i;
    if (!part->times) {
        return _mm512_setzero_si512();
    }
    if (part->width == 1) {
        __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)at);
        return _mm512_mullo_epi16(_mm512_cvtepu8_epi16(bytes),
                                  _mm512_set1_epi16((short)part->times));
    }
    if (part->width == 2) {
        return _mm512_loadu_si512((const void *)at);
    }
    __m256i first = _mm512_cvtusepi32_epi16(_mm512_loadu_si512((const void *)at));
    __m256i second = _mm512_cvtusepi32_epi16(_mm512_loadu_si512((const void *)(at + 64)));
    return _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1);
}

static inline some add_saturating(some a, some b) {
    return _mm512_adds_epu16(a, b);
}

static inline some all_of(uint32_t number) {
    return _mm512_set1_epi16((short)number);
}

/* base + (slope * length >> 12) - less; a length of more than 12 bits counts as 4,095. */
static inline some need_of(some base, some slope, some length, some less) {
    length = _mm512_slli_epi16(_mm512_min_epu16(length, all_of(4095)), 4);
    some need = _mm512_adds_epu16(base, _mm512_mulhi_epu16(length, slope));
    return _mm512_subs_epu16(need, less);
}

/* Sums of four bytes. */
static inline some score_sums_of(const uint8_t *scores) {
    const __m512i one = _mm512_set1_epi8(1), ones = _mm512_set1_epi16(1);
    __m512i a = _mm512_maddubs_epi16(_mm512_loadu_si512((const void *)scores), one);
    __m512i b = _mm512_maddubs_epi16(_mm512_loadu_si512((const void *)(scores + 64)), one);
    __m512i mixed = _mm512_packus_epi32(_mm512_madd_epi16(a, ones), _mm512_madd_epi16(b, ones));
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), mixed);
}

/* Bits of the lanes in which `less` is not more. */
static inline uint64_t not_more(some less, some more) {
    return _mm512_cmple_epu16_mask(less, more);
}

#elif defined(__AVX2__)

enum { SOME = 16 }; /* lanes of 16 bits */
typedef __m256i some;

/* A table by tf: its first 16 entries by their bytes, which is what most tfs ask for. */
typedef struct tf_table {
    const uint16_t *all;
    __m128i low, high;
} tf_table;

static inline tf_table table_of(const uint16_t all[RANK_TFS]) {
    __m256i first = load_256(all);
    __m256i bytes = _mm256_packus_epi16(_mm256_and_si256(first, _mm256_set1_epi16(UINT8_MAX)),
                                        _mm256_srli_epi16(first, 8));
    bytes = _mm256_permute4x64_epi64(bytes, _MM_SHUFFLE(3, 1, 2, 0));
    return (tf_table){all, _mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1)};
}

/* What it says of some tfs. */
static inline some look_up(const tf_table *t, const uint8_t *tfs) {
    __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)tfs);
    if (!_mm_testz_si128(bytes, _mm_set1_epi8((char)0xf0))) { /* one is 16 or more */
        uint16_t found[SOME];
        for (int i = 0; i < SOME; i++) {
            found[i] = t->all[lesser(tfs[i], RANK_TFS - 1)];
        }
        return load_256(found);
    }
    return bytes_to_16(_mm_shuffle_epi8(t->low, bytes), _mm_shuffle_epi8(t->high, bytes));
}

/* Of 8 and 8 numbers of 32 bits, below 2^31, what fits 16. */
static inline some cut_to_16(__m256i first, __m256i second) {
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(first, second), _MM_SHUFFLE(3, 1, 2, 0));
}

static inline some entries_of(const rank_lengths *part, int i) {
    const uint8_t *at = part->entries + (size_t)part->width * (size_t)i;
    if (!part->times) {
        return _mm256_setzero_si256();
    }
    if (part->width == 1) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        return _mm256_mullo_epi16(_mm256_cvtepu8_epi16(bytes),
                                  _mm256_set1_epi16((short)part->times));
    }
    return part->width == 2 ? load_256(at) : cut_to_16(load_256(at), load_256(at + 32));
}

static inline some add_saturating(some a, some b) {
    return _mm256_adds_epu16(a, b);
}

static inline some all_of(uint32_t number) {
    return _mm256_set1_epi16((short)number);
}

/* base + (slope * length >> 12) - less; a length of more than 12 bits counts as 4,095. */
static inline some need_of(some base, some slope, some length, some less) {
    length = _mm256_slli_epi16(_mm256_min_epu16(length, all_of(4095)), 4);
    some need = _mm256_adds_epu16(base, _mm256_mulhi_epu16(length, slope));
    return _mm256_subs_epu16(need, less);
}

/* Sums of four bytes. */
static inline some score_sums_of(const uint8_t *scores) {
    const __m256i one = _mm256_set1_epi8(1), ones = _mm256_set1_epi16(1);
    __m256i a = _mm256_maddubs_epi16(load_256(scores), one);
    __m256i b = _mm256_maddubs_epi16(load_256(scores + 32), one);
    return cut_to_16(_mm256_madd_epi16(a, ones), _mm256_madd_epi16(b, ones));
}

/* Bits of the lanes in which `less` is not more. */
static inline uint64_t not_more(some less, some more) {
    return lanes_of_16(_mm256_cmpeq_epi16(_mm256_max_epu16(less, more), more));
}

#endif

#if defined(__AVX2__)

/* Whether products fit 16 bits, so that sums are cut there by adding with saturation. */
static inline bool can_saturate(const rank_lengths parts[2]) {
    uint64_t base = (uint64_t)parts[0].base * parts[0].times +
                    (uint64_t)parts[1].base * parts[1].times;
    return parts[0].times <= (parts[0].width == 1 ? UINT8_MAX : 1) &&
           parts[1].times <= (parts[1].width == 1 ? UINT8_MAX : 1) && base <= UINT16_MAX;
}

static inline some lengths_of(const rank_lengths parts[2], int i) {
    uint32_t base = parts[0].base * parts[0].times + parts[1].base * parts[1].times;
    some sum = add_saturating(entries_of(&parts[0], i), entries_of(&parts[1], i));
    return add_saturating(sum, all_of(base));
}

/* Leaves the lanes with a tf; how many. */
static uint32_t keep_present(const uint8_t tfs[RANK_LANES], uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t count = 0;
    for (int i = 0; i < RANK_LANES; i += 32) {
        __m256i none = _mm256_cmpeq_epi8(load_256(tfs + i), _mm256_setzero_si256());
        lanes[i / 64] &= ~((uint64_t)(uint32_t)_mm256_movemask_epi8(none) << i % 64);
    }
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

static uint32_t within(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint16_t longest[RANK_TFS], uint64_t lanes[RANK_LANE_WORDS]) {
    if (!can_saturate(parts)) {
        return ask_each(tfs, parts, longest, NULL, NULL, lanes);
    }
    const tf_table most = table_of(longest);
    memset(lanes, 0, RANK_LANE_WORDS * sizeof *lanes);
    for (int i = 0; i < RANK_LANES; i += SOME) {
        lanes[i / 64] |= not_more(lengths_of(parts, i), look_up(&most, tfs + i)) << i % 64;
    }
    return keep_present(tfs, lanes);
}

static uint32_t worthy(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint8_t scores[RANK_LANES * RANK_SCORES], const rank_needs *needs,
                       uint64_t lanes[RANK_LANE_WORDS]) {
    if (!can_saturate(parts)) {
        return ask_each(tfs, parts, NULL, scores, needs, lanes);
    }
    const tf_table bases = table_of(needs->base), slopes = table_of(needs->slope);
    const tf_table less = table_of(needs->less);
    memset(lanes, 0, RANK_LANE_WORDS * sizeof *lanes);
    for (int i = 0; i < RANK_LANES; i += SOME) {
        some need = need_of(look_up(&bases, tfs + i), look_up(&slopes, tfs + i),
                            lengths_of(parts, i), look_up(&less, tfs + i));
        lanes[i / 64] |= not_more(need, score_sums_of(scores + RANK_SCORES * i)) << i % 64;
    }
    return keep_present(tfs, lanes);
}

static void scored(const uint8_t scores[RANK_LANES * RANK_SCORES], uint16_t least,
                   uint64_t lanes[RANK_LANE_WORDS]) {
    const some want = all_of(least);
    memset(lanes, 0, RANK_LANE_WORDS * sizeof *lanes);
    for (int i = 0; i < RANK_LANES; i += SOME) {
        lanes[i / 64] |= not_more(want, score_sums_of(scores + RANK_SCORES * i)) << i % 64;
    }
}

#else

static uint32_t within(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint16_t longest[RANK_TFS], uint64_t lanes[RANK_LANE_WORDS]) {
    return ask_each(tfs, parts, longest, NULL, NULL, lanes);
}

static uint32_t worthy(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint8_t scores[RANK_LANES * RANK_SCORES], const rank_needs *needs,
                       uint64_t lanes[RANK_LANE_WORDS]) {
    return ask_each(tfs, parts, NULL, scores, needs, lanes);
}

static void scored(const uint8_t scores[RANK_LANES * RANK_SCORES], uint16_t least,
                   uint64_t lanes[RANK_LANE_WORDS]) {
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        lanes[word] = 0;
        for (int i = 64 * word; i < 64 * word + 64; i++) {
            bool may = sum_of((uint32_t)entry_4(scores, i)) >= least;
            lanes[word] |= (uint64_t)may << i % 64;
        }
    }
}

#endif

/* ---- Exact scores -------------------------------------------------------------------------- */

/* What a score is worth, of four bytes the one from bit `shift` on. */
static inline double worth(uint32_t four, int shift) {
    int32_t score = (int32_t)(four >> shift & 0xff);
    return (double)(score < 100 ? score : 100) / 100.0;
}

/* Operation by operation what bm25.h does. */
static void blend(const int32_t *units, const uint8_t *scores, uint32_t count,
                  const rank_settings *settings, double *priors, double *blended) {
    const double *w = settings->weights, share = settings->blend;
    const double total = w[0] + w[1] + w[2] + w[3];
    uint32_t packed[RANK_LANES];
    const int n = (int)count;
    memcpy(packed, scores, (size_t)RANK_SCORES * count);
    for (int i = 0; i < n; i++) {
        double sum = w[0] * worth(packed[i], 0) + w[1] * worth(packed[i], 8) +
                     w[2] * worth(packed[i], 16) + w[3] * worth(packed[i], 24);
        double prior = total > 0 ? sum / total : 0.5;
        priors[i] = prior;
        blended[i] = (double)units[i] / RANK_ONE * (1.0 + share * (2.0 * prior - 1.0));
    }
}

/* ---- The n-th greatest --------------------------------------------------------------------- */

enum { NTH_FEW = RANK_LANES / 4 };

/* In loops of known length. */
static uint32_t count_from(const int32_t bits[RANK_LANES], bool few, int32_t least) {
    uint32_t count = 0;
    if (few) {
        for (int i = 0; i < NTH_FEW; i++) {
            count += bits[i] >= least;
        }
        return count;
    }
    for (int i = 0; i < RANK_LANES; i++) {
        count += bits[i] >= least;
    }
    return count;
}

/* Floats that are no less than 0 are in the order of their bits: the octave, then by its halves. An
   eighth of n too many will do. */
static float nth(const float values[RANK_LANES], uint32_t count, uint32_t n, float least) {
    enum { OCTAVE = 1 << 23, OCTAVES = 4, LOOKS = 10 };
    int32_t bits[RANK_LANES], low, high;
    const bool few = count <= NTH_FEW;
    memcpy(bits, values, sizeof bits);
    memcpy(&low, &least, sizeof low);
    high = low;
    for (int i = 0; i < RANK_LANES; i++) {
        high = bits[i] > high ? bits[i] : high;
    }
    for (int look = 0; look < LOOKS && low < high; look++) {
        bool octave = look < OCTAVES && high - low > OCTAVE;
        int32_t middle = octave ? high - OCTAVE : low + (high - low) / 2 + 1;
        uint32_t reached = count_from(bits, few, middle);
        if (reached < n) {
            high = middle - 1;
        } else {
            low = middle;
            high = reached - n <= n / 8 ? low : high;
        }
    }
    float value;
    memcpy(&value, &low, sizeof value);
    return value;
}

/* ---- Bounds -------------------------------------------------------------------------------- */

/* Without branches, so that it becomes vectors: a loop for each case. */
#define BOUNDS_LOOP(expression)                             \
    for (int i = 0; i < RANK_LANES; i++) {                  \
        float code = (float)codes[i];                       \
        float blend_code = (float)blended[i];               \
        float value = (expression);                         \
        units[i] = codes[i] ? value : 0.0f;                 \
        (void)code, (void)blend_code;                       \
    }

static inline float least_of(float a, float b) {
    return a < b ? a : b;
}

static inline float mapped(float x, float at, float ratio) {
    return x / (at + ratio * (1 - at));
}

static void bounds_mapped(const uint8_t *codes, const uint8_t *blended, const float *most,
                          const float *ratios, const rank_bound *b, float units[RANK_LANES]) {
    float impacts[RANK_LANES];
    for (int i = 0; i < RANK_LANES; i++) {
        impacts[i] = b->low + b->step * (float)codes[i];
    }
    const bool rises = b->ratio > 1, both = b->kind == RANK_BOUND_BOTH;
    for (int i = 0; b->kind != RANK_BOUND_BLENDED && i < RANK_LANES; i++) {
        units[i] = b->weight * mapped(impacts[i], impacts[i], b->ratio) + RANK_BOUND_UNITS;
    }
    for (int i = 0; both && i < RANK_LANES; i++) {
        units[i] *= most[i];
    }
    const float weight = b->weight * RANK_BUILD_FACTOR_MAX;
    for (int i = 0; b->kind != RANK_BOUND_PLAIN && i < RANK_LANES; i++) {
        float y = b->blended_low + b->blended_step * (float)blended[i];
        float value = weight * mapped(y, rises ? impacts[i] : y, b->ratio) + RANK_BOUND_UNITS;
        units[i] = both ? least_of(units[i], value * ratios[i]) : value;
    }
    for (int i = 0; i < RANK_LANES; i++) {
        units[i] = codes[i] ? units[i] : 0.0f;
    }
}

static void bounds(const uint8_t *codes, const uint8_t *blended, const float *most,
                   const float *ratios, const rank_bound *b, float units[RANK_LANES],
                   float sums[RANK_LANES]) {
    const float plain = b->plain, of_code = b->of_code;
    const float with = b->blended, of_blended = b->of_blended;
    if (b->ratio != 1) {
        bounds_mapped(codes, blended, most, ratios, b, units);
    } else if (b->kind == RANK_BOUND_BOTH) {
        BOUNDS_LOOP(least_of((plain + of_code * code) * most[i],
                             (with + of_blended * blend_code) * ratios[i]))
    } else if (b->kind == RANK_BOUND_BLENDED) {
        BOUNDS_LOOP(with + of_blended * blend_code)
    } else {
        BOUNDS_LOOP(plain + of_code * code)
    }
    for (int i = 0; i < RANK_LANES; i++) {
        sums[i] += units[i];
    }
}

const rank_lanes LANES = {
    .name = LANES_NAME,
    .norms = norms,
    .norms_at = norms_at,
    .add = add,
    .factors = factors,
    .weigh = weigh,
    .value = value,
    .nth = nth,
    .blend = blend,
    .within = within,
    .worthy = worthy,
    .scored = scored,
    .over = over,
    .reach = reach,
    .reach_each = reach_each,
    .reached = reached,
    .add_levels = add_levels,
    .strips = strips,
    .add_numbers = add_numbers,
    .keep_strips = keep_strips,
    .need_levels = need_levels,
    .need_numbers = need_numbers,
    .keep_able = keep_able,
    .able_strips = able_strips,
    .able_lanes = able_lanes,
    .able_docs = able_docs,
    .able_blocks = able_blocks,
    .bounds = bounds,
};
