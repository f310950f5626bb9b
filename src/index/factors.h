/*
 * The factors that priors give to the posts of cells, for a query's blend and weights: what bounds
 * need of them, so that a query with any settings reads the scores of a cell only once.
 *
 *     of all posts     least and most, of factors and of factors by those of the build's settings
 *     of blocks        most, of both
 *     of posts         both, as codes of a byte; most of strips of 16
 *     of best posts    in the order of their factors (those that a word in nearly all posts needs)
 *
 * Dead posts count too. Kept for the snapshot's life for the FACTORS_KEPT settings that were used
 * last: some 50 us a cell the first time, and 2 KiB; codes, 136 KiB, and best posts, 3 KiB,
 * once they are asked for. One thread at a time, as all of a snapshot.
 */
#ifndef ANP_INDEX_FACTORS_H
#define ANP_INDEX_FACTORS_H

#include "index/cells.h"
#include "rank/bounds.h"

enum { FACTORS_KEPT = 4, FACTORS_BEST = 512, FACTORS_READ = 2 };

/* None of them is exceeded, whatever is rounded. */
typedef struct cell_factors {
    bool neutral; /* no post has scores: each factor is exactly 1 */
    rank_factors most;
    float least, ratio_least;
    float blocks[LIST_BLOCKS], ratios[LIST_BLOCKS];
} cell_factors;

/* Posts of a cell by descending factor, of the same one the lower one first; so many, or all. */
typedef struct best_posts {
    uint32_t count;
    uint16_t lows[FACTORS_BEST];
    float most[FACTORS_BEST]; /* their factors */
} best_posts;

/* From factors to codes, which keep the order: 1 to 254. */
typedef struct factor_codes {
    float low, scale;
} factor_codes;

static inline uint32_t factor_code(factor_codes codes, float factor) {
    float at = (factor - codes.low) * codes.scale;
    at = at > 0 ? at : 0;
    at = at < 253 ? at : 253;
    return 1 + (uint32_t)(int32_t)at;
}

/* Of each post of a cell, and the greatest of each strip of 16 posts. */
typedef struct coded_factors {
    factor_codes most_codes, ratio_codes;
    uint8_t most[LIST_STRIPS], ratios[LIST_STRIPS];
    /* Both of a post, one behind the other; what is not of the cell has any. FACTORS_READ bytes
       behind them can be read. */
    uint8_t posts[LIST_DOCS * 2 + FACTORS_READ];
} coded_factors;

typedef struct factor_set factor_set;

/* Those of a blend and weights with a prior (rank_prior_bound: blends), until FACTORS_KEPT others
   were asked for; k1 and b do not count. */
anp_status factors_find(snapshot *s, const rank_settings *settings, factor_set **out,
                        anp_error *err);

/* Those of a cell, which is opened. Live as the set does. */
anp_status factors_of_cell(factor_set *set, const cell *c, const cell_factors **out,
                           anp_error *err);
anp_status factors_codes(factor_set *set, const cell *c, const coded_factors **out,
                         anp_error *err);
anp_status factors_best(factor_set *set, const cell *c, const best_posts **out, anp_error *err);

/* All of a snapshot, which it owns. */
typedef struct factor_sets factor_sets;
void factors_free(factor_sets *sets);

#endif
