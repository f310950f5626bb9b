/*
 * The loops of lanes.h about codes of factors, a byte each: which strips, and which posts, have
 * what they need. A post has two, one behind the other, and so has what it needs: both have to be
 * reached. lanes_body.h includes this, behind strips_body.h.
 */
#include "rank/lanes.h"

enum { POST_CODES = 2 };

#if defined(__AVX2__)

static inline __m128i codes_from(const uint8_t *codes, __m128i least) {
    __m128i have = _mm_loadu_si128((const __m128i *)(const void *)codes);
    return _mm_cmpeq_epi8(have, _mm_max_epu8(have, least));
}

static inline uint32_t able_block(const uint8_t *halves, const uint8_t level_needs[16],
                                  const uint8_t *codes, uint8_t need, const uint8_t *others) {
    const __m128i needs = _mm_loadu_si128((const __m128i *)(const void *)level_needs);
    __m128i able = codes_from(codes, _mm_shuffle_epi8(needs, halves_of(halves)));
    able = _mm_and_si128(able, codes_from(others, _mm_set1_epi8((char)need)));
    return (uint32_t)_mm_movemask_epi8(able);
}

/* Of 16 posts, a bit each. */
static inline uint32_t able_of_16(__m256i codes, __m256i needs) {
    __m256i able = _mm256_cmpeq_epi8(_mm256_max_epu8(codes, needs), codes);
    return lanes_of_16(_mm256_cmpeq_epi16(able, _mm256_set1_epi8(-1)));
}

/* The codes of 16 posts at those places. */
static inline __m256i codes_at(const uint8_t *codes, __m256i places) {
    const __m256i own = _mm256_set1_epi32(UINT16_MAX);
    const int *from = (const int *)(const void *)codes;
    __m256i low = _mm256_cvtepu16_epi32(_mm256_castsi256_si128(places));
    __m256i high = _mm256_cvtepu16_epi32(_mm256_extracti128_si256(places, 1));
    low = _mm256_and_si256(_mm256_i32gather_epi32(from, low, POST_CODES), own);
    high = _mm256_and_si256(_mm256_i32gather_epi32(from, high, POST_CODES), own);
    return _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
}

static inline uint32_t able_strip(const uint8_t *codes, uint16_t need) {
    return able_of_16(load_256(codes), _mm256_set1_epi16((short)need));
}

static inline uint32_t able_16_each(const uint16_t *docs, const uint16_t *needs,
                                    const uint8_t *codes) {
    return able_of_16(codes_at(codes, load_256(docs)), load_256(needs));
}

/* lows: of a block, whose codes these are. */
static inline uint32_t able_16_lows(const uint8_t *lows, uint16_t need, const uint8_t *codes) {
    __m256i places = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)lows));
    return able_of_16(codes_at(codes, places), _mm256_set1_epi16((short)need));
}

#else

static inline uint32_t able_block(const uint8_t *halves, const uint8_t level_needs[16],
                                  const uint8_t *codes, uint8_t need, const uint8_t *others) {
    uint32_t bits = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        uint8_t least = level_needs[halves[i / 2] >> i % 2 * 4 & 15u];
        bits |= (uint32_t)(codes[i] >= least && others[i] >= need) << i;
    }
    return bits;
}

static inline uint32_t able_post(const uint8_t *codes, uint16_t need) {
    return codes[0] >= (need & UINT8_MAX) && codes[1] >= need >> 8;
}

static inline uint32_t able_strip(const uint8_t *codes, uint16_t need) {
    uint32_t able = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        able |= able_post(codes + (size_t)i * POST_CODES, need) << i;
    }
    return able;
}

static inline uint32_t able_16_each(const uint16_t *docs, const uint16_t *needs,
                                    const uint8_t *codes) {
    uint32_t able = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        able |= able_post(codes + (size_t)docs[i] * POST_CODES, needs[i]) << i;
    }
    return able;
}

static inline uint32_t able_16_lows(const uint8_t *lows, uint16_t need, const uint8_t *codes) {
    uint32_t able = 0;
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        able |= able_post(codes + (size_t)lows[i] * POST_CODES, need) << i;
    }
    return able;
}

#endif

static void able_strips(const uint8_t *halves, uint32_t blocks, const uint8_t level_needs[16],
                        const uint8_t *codes, const uint8_t *block_needs, const uint8_t *others,
                        uint16_t *able) {
    for (size_t i = 0; i < blocks; i++) {
        able[i] = (uint16_t)able_block(halves + i * BLOCK_HALVES, level_needs,
                                       codes + i * RANK_STRIPS, block_needs[i],
                                       others + i * RANK_STRIPS);
    }
}

static void able_lanes(const uint8_t *codes, const uint16_t needs[RANK_STRIPS],
                       uint64_t lanes[RANK_LANE_WORDS]) {
    memset(lanes, 0, RANK_LANE_WORDS * sizeof *lanes);
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        uint64_t able = able_strip(codes + (size_t)i * RANK_STRIPS * POST_CODES, needs[i]);
        lanes[i / 4] |= able << i % 4 * RANK_STRIPS;
    }
}

/* Those of up to 16 that are there. */
static inline uint32_t first_of(uint32_t bits, uint32_t count) {
    return count < RANK_STRIPS ? bits & ((1u << count) - 1) : bits;
}

static uint32_t able_docs(const uint16_t *docs, const uint16_t *needs, uint32_t count,
                          const uint8_t *codes, uint16_t *able) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i += RANK_STRIPS) {
        uint32_t left = first_of(able_16_each(docs + i, needs + i, codes), count - i);
        for (; left; left &= left - 1) {
            able[found++] = docs[i + (uint32_t)__builtin_ctz(left)];
        }
    }
    return found;
}

/* lows [from, to) are of the block. */
static inline uint32_t able_of_block(const uint8_t *lows, uint32_t from, uint32_t to,
                                     uint32_t block, uint16_t need, const uint8_t *codes,
                                     uint16_t *able) {
    uint32_t found = 0;
    codes += (size_t)block * RANK_LANES * POST_CODES;
    for (; from < to; from += RANK_STRIPS) {
        uint32_t left = first_of(able_16_lows(lows + from, need, codes), to - from);
        for (; left; left &= left - 1) {
            uint32_t low = lows[from + (uint32_t)__builtin_ctz(left)];
            able[found++] = (uint16_t)(block * RANK_LANES + low);
        }
    }
    return found;
}

static uint32_t able_blocks(const uint8_t *lows, const uint16_t starts[RANK_LANES + 1],
                            const uint64_t blocks[RANK_LANE_WORDS],
                            const uint16_t needs[RANK_LANES], const uint8_t *codes,
                            uint16_t *able) {
    uint32_t found = 0;
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t some = blocks[word]; some; some &= some - 1) {
            uint32_t block = word * 64 + (uint32_t)__builtin_ctzll(some);
            found += able_of_block(lows, starts[block], starts[block + 1], block, needs[block],
                                   codes, able + found);
        }
    }
    return found;
}
