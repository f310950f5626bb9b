/*
 * The loops of lanes.h about strips, 16 posts each: the numbers of a block's strips, or those of
 * the posts of a strip, are 16 lanes of 16 bits. lanes_body.h includes this, and has what it uses.
 */
#include "rank/lanes.h"

/* Of a strip, its 16 posts. */
static inline uint32_t posts_of(const uint8_t *bits, size_t strip) {
    return bits[2 * strip] | (uint32_t)bits[2 * strip + 1] << 8;
}

static inline void leave_posts(uint8_t *bits, size_t strip, uint32_t posts) {
    bits[2 * strip] &= (uint8_t)posts;
    bits[2 * strip + 1] &= (uint8_t)(posts >> 8);
}

/* What those posts of a strip have of a term that hold it. */
static inline uint16_t strip_number(const rank_strips_term *t, uint32_t strip) {
    uint32_t block = strip / RANK_STRIPS, at = strip - t->first * RANK_STRIPS;
    if (!t->halves) {
        return t->numbers[block];
    }
    return block - t->first < t->blocks ? t->levels[t->halves[at / 2] >> at % 2 * 4 & 15u] : 0;
}

#if defined(__AVX2__)

/* 16 half bytes as bytes. */
static inline __m128i halves_of(const uint8_t *halves) {
    const __m128i half = _mm_set1_epi8(15);
    __m128i packed = _mm_loadl_epi64((const __m128i *)(const void *)halves);
    return _mm_unpacklo_epi8(_mm_and_si128(packed, half),
                             _mm_and_si128(_mm_srli_epi16(packed, 4), half));
}

static inline __m256i load_256(const void *at) {
    return _mm256_loadu_si256((const __m256i *)at);
}

/* 16 numbers of their low and their high bytes. */
static inline __m256i bytes_to_16(__m128i low, __m128i high) {
    return _mm256_set_m128i(_mm_unpackhi_epi8(low, high), _mm_unpacklo_epi8(low, high));
}

/* The numbers of a block's strips. */
static inline __m256i numbers_of(const uint8_t *halves, const rank_levels *levels) {
    const __m128i lows = _mm_loadu_si128((const __m128i *)(const void *)levels->low);
    const __m128i highs = _mm_loadu_si128((const __m128i *)(const void *)levels->high);
    __m128i at = halves_of(halves);
    return bytes_to_16(_mm_shuffle_epi8(lows, at), _mm_shuffle_epi8(highs, at));
}

/* All bits of the strips with `least` and more. */
static inline __m256i strips_with(__m256i sums, uint16_t least) {
    return _mm256_cmpeq_epi16(sums, _mm256_max_epu16(sums, _mm256_set1_epi16((short)least)));
}

/* A bit of each. */
static inline uint32_t lanes_of_16(__m256i here) {
    __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(here),
                                    _mm256_extracti128_si256(here, 1));
    return (uint32_t)_mm_movemask_epi8(bytes);
}

static inline uint32_t block_strips(const uint16_t *sums, uint16_t least) {
    return lanes_of_16(strips_with(load_256(sums), least));
}

/* Adds a block's number where there are postings. */
static inline void add_block_numbers(const uint8_t *postings, uint16_t number, uint16_t *sums) {
    __m256i none = _mm256_cmpeq_epi16(load_256(postings), _mm256_setzero_si256());
    __m256i more = _mm256_andnot_si256(none, _mm256_set1_epi16((short)number));
    _mm256_storeu_si256((__m256i *)(void *)sums, _mm256_add_epi16(load_256(sums), more));
}

static inline void add_block_levels(const uint8_t *halves, const rank_levels *levels,
                                    uint16_t *sums) {
    __m256i more = numbers_of(halves, levels);
    _mm256_storeu_si256((__m256i *)(void *)sums, _mm256_add_epi16(load_256(sums), more));
}

static inline void keep_block_strips(const uint16_t *sums, uint16_t least, uint8_t *posts) {
    __m256i left = _mm256_and_si256(load_256(posts), strips_with(load_256(sums), least));
    _mm256_storeu_si256((__m256i *)(void *)posts, left);
}

static inline void need_strips(__m256i numbers, const uint16_t *sums, uint16_t least,
                               const uint8_t *postings, uint8_t *posts) {
    __m256i without = strips_with(_mm256_sub_epi16(load_256(sums), numbers), least);
    __m256i able = _mm256_or_si256(without, load_256(postings));
    _mm256_storeu_si256((__m256i *)(void *)posts, _mm256_and_si256(load_256(posts), able));
}

static inline void need_block_levels(const uint8_t *halves, const rank_levels *levels,
                                     const uint16_t *sums, uint16_t least,
                                     const uint8_t *postings, uint8_t *posts) {
    need_strips(numbers_of(halves, levels), sums, least, postings, posts);
}

static inline void need_block_numbers(uint16_t number, const uint16_t *sums, uint16_t least,
                                      const uint8_t *postings, uint8_t *posts) {
    __m256i none = _mm256_cmpeq_epi16(load_256(postings), _mm256_setzero_si256());
    need_strips(_mm256_andnot_si256(none, _mm256_set1_epi16((short)number)), sums, least, postings,
                posts);
}

/* The posts of a strip, as bits. */
static inline __m256i spread_posts(uint32_t posts) {
    const __m256i own = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                          8192, 16384, (short)32768);
    return _mm256_cmpeq_epi16(_mm256_and_si256(_mm256_set1_epi16((short)posts), own), own);
}

typedef __m256i post_sums;

static inline post_sums no_sums(void) {
    return _mm256_setzero_si256();
}

static inline post_sums add_to_posts(post_sums sums, uint32_t posts, uint16_t number) {
    __m256i more = _mm256_and_si256(spread_posts(posts), _mm256_set1_epi16((short)number));
    return _mm256_add_epi16(sums, more);
}

static inline uint32_t posts_reaching(post_sums sums, uint16_t least) {
    return lanes_of_16(strips_with(sums, least));
}

#else

typedef struct post_sums {
    uint16_t of[RANK_STRIPS];
} post_sums;

static inline post_sums no_sums(void) {
    return (post_sums){{0}};
}

static inline post_sums add_to_posts(post_sums sums, uint32_t posts, uint16_t number) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        sums.of[i] = (uint16_t)(sums.of[i] + (posts >> i & 1 ? number : 0));
    }
    return sums;
}

static inline uint32_t posts_reaching(post_sums sums, uint16_t least) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        bits |= (uint32_t)(sums.of[i] >= least) << i;
    }
    return bits;
}

static inline uint32_t block_strips(const uint16_t *sums, uint16_t least) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        bits |= (uint32_t)(sums[i] >= least) << i;
    }
    return bits;
}

static inline uint32_t level_number(const uint8_t *halves, const rank_levels *levels,
                                    uint32_t strip) {
    uint32_t at = halves[strip / 2] >> strip % 2 * 4 & 15u;
    return levels->low[at] | (uint32_t)levels->high[at] << 8;
}

static inline void add_block_numbers(const uint8_t *postings, uint16_t number, uint16_t *sums) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        sums[i] = (uint16_t)(sums[i] + (posts_of(postings, i) ? number : 0));
    }
}

static inline void add_block_levels(const uint8_t *halves, const rank_levels *levels,
                                    uint16_t *sums) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        sums[i] = (uint16_t)(sums[i] + level_number(halves, levels, i));
    }
}

static inline void keep_block_strips(const uint16_t *sums, uint16_t least, uint8_t *posts) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        leave_posts(posts, i, sums[i] >= least ? UINT16_MAX : 0);
    }
}

static inline void need_strip(uint32_t strip, uint32_t number, const uint16_t *sums,
                              uint16_t least, const uint8_t *postings, uint8_t *posts) {
    bool without = (uint16_t)(sums[strip] - number) >= least;
    leave_posts(posts, strip, without ? UINT16_MAX : posts_of(postings, strip));
}

static inline void need_block_levels(const uint8_t *halves, const rank_levels *levels,
                                     const uint16_t *sums, uint16_t least,
                                     const uint8_t *postings, uint8_t *posts) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        need_strip(i, level_number(halves, levels, i), sums, least, postings, posts);
    }
}

static inline void need_block_numbers(uint16_t number, const uint16_t *sums, uint16_t least,
                                      const uint8_t *postings, uint8_t *posts) {
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        need_strip(i, posts_of(postings, i) ? number : 0, sums, least, postings, posts);
    }
}

#endif

/* Bytes of a block. */
enum { BLOCK_HALVES = RANK_STRIPS / 2, BLOCK_POSTS = RANK_LANES / 8 };

static void add_levels(const uint8_t *halves, uint32_t blocks, const rank_levels *levels,
                       uint16_t *sums) {
    for (size_t i = 0; i < blocks; i++) {
        add_block_levels(halves + i * BLOCK_HALVES, levels, sums + i * RANK_STRIPS);
    }
}

static uint32_t strips(const uint16_t *sums, uint32_t blocks, const uint16_t *least,
                       uint16_t *reached) {
    uint32_t count = 0;
    for (size_t i = 0; i < blocks; i++) {
        uint32_t bits = block_strips(sums + i * RANK_STRIPS, least[i]);
        reached[i] = (uint16_t)bits;
        count += (uint32_t)__builtin_popcount(bits);
    }
    return count;
}

static void add_numbers(const uint8_t *postings, uint32_t blocks, const uint16_t *numbers,
                        uint16_t *sums) {
    for (size_t i = 0; i < blocks; i++) {
        add_block_numbers(postings + i * BLOCK_POSTS, numbers[i], sums + i * RANK_STRIPS);
    }
}

static void keep_strips(const uint16_t *sums, uint32_t blocks, const uint16_t *least,
                        uint8_t *posts) {
    for (size_t i = 0; i < blocks; i++) {
        keep_block_strips(sums + i * RANK_STRIPS, least[i], posts + i * BLOCK_POSTS);
    }
}

static void need_levels(const uint8_t *halves, uint32_t blocks, const rank_levels *levels,
                        const uint16_t *sums, const uint16_t *least, const uint8_t *postings,
                        uint8_t *posts) {
    for (size_t i = 0; i < blocks; i++) {
        need_block_levels(halves + i * BLOCK_HALVES, levels, sums + i * RANK_STRIPS, least[i],
                          postings + i * BLOCK_POSTS, posts + i * BLOCK_POSTS);
    }
}

static void need_numbers(const uint16_t *numbers, uint32_t blocks, const uint16_t *sums,
                         const uint16_t *least, const uint8_t *postings, uint8_t *posts) {
    for (size_t i = 0; i < blocks; i++) {
        need_block_numbers(numbers[i], sums + i * RANK_STRIPS, least[i],
                           postings + i * BLOCK_POSTS, posts + i * BLOCK_POSTS);
    }
}

static void keep_able(const rank_strips_term *terms, uint32_t term_count, const uint16_t *which,
                      uint32_t count, const uint16_t *least, uint8_t *posts) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t strip = which[i];
        post_sums sums = no_sums();
        for (uint32_t k = 0; k < term_count; k++) {
            sums = add_to_posts(sums, posts_of(terms[k].postings, strip),
                                strip_number(&terms[k], strip));
        }
        leave_posts(posts, strip, posts_reaching(sums, least[strip / RANK_STRIPS]));
    }
}
