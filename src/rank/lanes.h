/*
 * Arithmetic on the 256 ordinals of a block at once, a lane each: norms, contributions, bounds.
 *
 * lanes_body.h is the one source, compiled for each kind of processor (lanes_portable.c,
 * lanes_avx2.c, …); all give the same bits, and `add` those of rank_contribution.
 */
#ifndef ANP_RANK_LANES_H
#define ANP_RANK_LANES_H

#include "rank/bounds.h"

enum {
    RANK_LANES = 256,
    RANK_LANE_WORDS = RANK_LANES / 64,
    RANK_TFS = 64,
    RANK_STRIPS = 16, /* of a block, each of as many lanes */
};

/* Numbers of 1, 2 or 4 bytes, a lane each, times `times`. */
typedef struct rank_lengths {
    const uint8_t *entries;
    uint32_t width;
    uint32_t base; /* added to each */
    uint32_t times;
} rank_lengths;

/* What the four scores of a post have to add up to, by tf: base + (slope * length >> 12), at most
   UINT16_MAX, and `less` less than that, at least 0; a length of more than 12 bits counts as
   4,095. */
typedef struct rank_needs {
    uint16_t base[RANK_TFS];
    uint16_t slope[RANK_TFS];
    uint16_t less[RANK_TFS];
} rank_needs;

/* 16 numbers below 65,536, by their bytes. */
typedef struct rank_levels {
    uint8_t low[16], high[16];
} rank_levels;

/* A term's numbers in the strips of some blocks. */
typedef struct rank_strips_term {
    const uint8_t *postings; /* bits of posts, two bytes a strip */
    const uint8_t *halves;   /* half a byte a strip, low half first, of `blocks` from `first` on: */
    const uint16_t *levels;  /* which of these 16; NULL: none, but */
    const uint16_t *numbers; /* one a block, of the strips with postings */
    uint32_t first, blocks;
} rank_strips_term;

typedef struct rank_lanes {
    const char *name;

    /* norms of lengths that are the sums of both; a part with times 0 is not read. Sums < 2^31. */
    void (*norms)(const rank_lengths parts[2], rank_norm norm, float norms[RANK_LANES]);

    /*
     * The same of `count` <= 256 ordinals, whose entries are those of lows[i] - from; a low outside
     * of [from, end) gets any of them. from < end.
     */
    void (*norms_at)(const rank_lengths parts[2], rank_norm norm, const uint16_t *lows,
                     uint32_t count, uint32_t from, uint32_t end, float *norms);

    /* sums += rank_contribution(weight, tf, norm) where tf > 0. The sums must not overflow. */
    void (*add)(const uint8_t tfs[RANK_LANES], const float norms[RANK_LANES], float weight,
                int32_t sums[RANK_LANES]);

    /* factors from scores of a byte each, as linear says. */
    void (*factors)(const uint8_t scores[RANK_LANES * RANK_SCORES],
                    const float linear[RANK_SCORES + 1], float factors[RANK_LANES]);

    /* Of `count` <= 256 postings: units = rank_contribution(weight, tf, norm), tf > 0; the same as
       values, 0 behind them. Up to 15 tfs and norms behind them are read. */
    void (*weigh)(const uint8_t *tfs, const float *norms, uint32_t count, float weight,
                  int32_t units[RANK_LANES], float values[RANK_LANES]);

    /* Of `count` <= 256 posts with so many units and scores of a byte each: values = units * what
       linear makes of the scores, 0 behind them. */
    void (*value)(const int32_t units[RANK_LANES], const uint8_t scores[RANK_LANES * RANK_SCORES],
                  uint32_t count, const float linear[RANK_SCORES + 1], float values[RANK_LANES]);

    /*
     * About the n-th greatest of `count` values, and never more than it; `least` where fewer than n
     * reach that. Neither is below 0; behind the values are zeros.
     */
    float (*nth)(const float values[RANK_LANES], uint32_t count, uint32_t n, float least);

    /*
     * Of `count` <= 256 posts with so many units and scores of a byte each: their priors and their
     * blended scores, as rank_prior and rank_blend have them.
     */
    void (*blend)(const int32_t *units, const uint8_t *scores, uint32_t count,
                  const rank_settings *settings, double *priors, double *blended);

    /*
     * The lanes with a tf > 0 whose length, the sum of both parts as for `norms`, is at most what
     * `longest` says of it; of what does not fit there more are taken: a tf of RANK_TFS and more
     * counts as RANK_TFS - 1, a length above UINT16_MAX as that. How many.
     */
    uint32_t (*within)(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint16_t longest[RANK_TFS], uint64_t lanes[RANK_LANE_WORDS]);

    /* The same of those whose four scores (of a byte each) add up to what `needs` says. */
    uint32_t (*worthy)(const uint8_t tfs[RANK_LANES], const rank_lengths parts[2],
                       const uint8_t scores[RANK_LANES * RANK_SCORES], const rank_needs *needs,
                       uint64_t lanes[RANK_LANE_WORDS]);

    /* The lanes whose four scores add up to `least` or more. */
    void (*scored)(const uint8_t scores[RANK_LANES * RANK_SCORES], uint16_t least,
                   uint64_t lanes[RANK_LANE_WORDS]);

    /* The lanes with a sum > 0 and sum * factor >= least; factors NULL: 1. How many. */
    uint32_t (*over)(const int32_t sums[RANK_LANES], const float *factors, float least,
                     uint64_t lanes[RANK_LANE_WORDS]);

    /* Leaves of `lanes` those with sum * factor >= least; factors NULL: 1. How many are left. */
    uint32_t (*reach)(const int32_t sums[RANK_LANES], const float *factors, float least,
                      uint64_t lanes[RANK_LANE_WORDS]);
    /* The same, each lane with a threshold of its own. */
    uint32_t (*reach_each)(const int32_t sums[RANK_LANES], const float *factors,
                           const float least[RANK_LANES], uint64_t lanes[RANK_LANE_WORDS]);

    /* The lanes with a bound > 0 and >= least. */
    void (*reached)(const float bounds[RANK_LANES], float least, uint64_t lanes[RANK_LANE_WORDS]);

    /* The strips of `blocks` blocks: adds the numbers that half a byte each says, low half first.
       Sums must stay below 65,536. */
    void (*add_levels)(const uint8_t *halves, uint32_t blocks, const rank_levels *levels,
                       uint16_t *sums);

    /* Bits of the strips of each of `blocks` blocks whose sum is what `least` says of the block, or
       more. How many. */
    uint32_t (*strips)(const uint16_t *sums, uint32_t blocks, const uint16_t *least,
                       uint16_t *reached);

    /* Numbers of a list with one a block, which its strips with postings have. postings: bits
       of posts, two bytes a strip. */
    void (*add_numbers)(const uint8_t *postings, uint32_t blocks, const uint16_t *numbers,
                        uint16_t *sums);
    /* Bits of posts: leaves those of the strips whose sum is what `least` says of the block, or
       more. */
    void (*keep_strips)(const uint16_t *sums, uint32_t blocks, const uint16_t *least,
                        uint8_t *posts);
    /* Where the sum without a term's number is less than that, leaves those that have the term. */
    void (*need_levels)(const uint8_t *halves, uint32_t blocks, const rank_levels *levels,
                        const uint16_t *sums, const uint16_t *least, const uint8_t *postings,
                        uint8_t *posts);
    void (*need_numbers)(const uint16_t *numbers, uint32_t blocks, const uint16_t *sums,
                         const uint16_t *least, const uint8_t *postings, uint8_t *posts);

    /* Of `count` strips leaves the posts the numbers of whose terms add up to what `least` says of
       the block, or more. Sums must stay below 65,536. */
    void (*keep_able)(const rank_strips_term *terms, uint32_t term_count, const uint16_t *strips,
                      uint32_t count, const uint16_t *least, uint8_t *posts);

    /* Bits of the strips of each of `blocks` blocks whose two codes are no less than what
       level_needs says of the level, half a byte each, and block_needs of the block. */
    void (*able_strips)(const uint8_t *halves, uint32_t blocks, const uint8_t level_needs[16],
                        const uint8_t *codes, const uint8_t *block_needs, const uint8_t *others,
                        uint16_t *able);

    /*
     * Posts whose two codes, one behind the other, are both no less than the two of `needs`, the
     * first one the lower byte. codes: of a block, of a cell, of a cell; up to two bytes behind
     * them are read, and up to 15 docs, needs and lows behind those that are there.
     *
     * able_lanes   of a block, with needs by strip
     * able_docs    of `count` <= 256, each with its own needs; what stands behind them must be of
     *              the cell, too. How many go to `able`
     * able_blocks  of a blocked container's `lows` in `blocks` (bits), with needs by block.
     *              Likewise
     */
    void (*able_lanes)(const uint8_t *codes, const uint16_t needs[RANK_STRIPS],
                       uint64_t lanes[RANK_LANE_WORDS]);
    uint32_t (*able_docs)(const uint16_t *docs, const uint16_t *needs, uint32_t count,
                          const uint8_t *codes, uint16_t *able);
    uint32_t (*able_blocks)(const uint8_t *lows, const uint16_t starts[RANK_LANES + 1],
                            const uint64_t blocks[RANK_LANE_WORDS],
                            const uint16_t needs[RANK_LANES], const uint8_t *codes,
                            uint16_t *able);

    /*
     * units = rank_bound_of(codes), 0 where a code is 0; sums += units. most, ratios: of each
     * lane's posts, as rank_factors has them; they are only read in RANK_BOUND_BOTH.
     */
    void (*bounds)(const uint8_t *codes, const uint8_t *blended, const float *most,
                   const float *ratios, const rank_bound *bound, float units[RANK_LANES],
                   float sums[RANK_LANES]);
} rank_lanes;

/* Those that this processor can run (best: what base/cpu.h says), portable first; how many. */
size_t rank_lanes_all(const rank_lanes *const **all);
const rank_lanes *rank_lanes_best(void);

extern const rank_lanes rank_lanes_portable;
extern const rank_lanes rank_lanes_avx2;
extern const rank_lanes rank_lanes_avx512;

#endif
