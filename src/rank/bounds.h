/*
 * Upper bounds of contributions, from the bounds that a posting list keeps of its impacts.
 *
 * An impact is tf / (tf + norm) with the norm of when the list was built. A list keeps the greatest
 * x of its impacts, and the greatest y of impact * factor(build) / 1.3. Three things may be other
 * when a query runs: k1, b or the average length; the blend or the weights; and what a term weighs.
 *
 *   norm     c = the least norm(now) / norm(build) of any length. An impact x was tf / (tf + n);
 *            now it is at most tf / (tf + c n) = x g(x) with g(x) = 1 / (x + c (1 - x)). What is
 *            kept of y becomes y g(y) where c <= 1: y is at most the impact, and g falls. Where
 *            c > 1 it rises: y g(x), with the x that no impact exceeds.
 *   blend    the settings of the build: y says all. No prior: x does. Others: x * the greatest
 *            factor of the posts in question, y * their greatest factor / factor(build), the lesser
 *            of both (index/factors.h).
 *   weight   a bound in units is weight * x or weight * 1.3 y, a little more for the rounding of
 *            floats and of contributions to whole units.
 */
#ifndef ANP_RANK_BOUNDS_H
#define ANP_RANK_BOUNDS_H

#include "rank/bm25.h"

#include <stdbool.h>
#include <stddef.h>

/* What bounds were made with. KEEP IN STEP: postings/format.h, impact. */
#define RANK_BUILD_SETTINGS RANK_SETTINGS_DEFAULT
#define RANK_BUILD_FACTOR_MAX 1.3f

/* Rounding: of the weight upwards, and of each contribution, by half a unit times a factor < 2. */
#define RANK_BOUND_ROUND 1.00001f
#define RANK_BOUND_UNITS 1.0f

/* Which of a list's bounds count. */
typedef enum rank_bound_kind {
    RANK_BOUND_PLAIN,   /* impacts: no prior has a part */
    RANK_BOUND_BLENDED, /* impacts with their factors, as built */
    RANK_BOUND_BOTH,    /* the lesser of both, with the factors of posts */
} rank_bound_kind;

/* How the prior of a query's settings is bounded, whatever the scores. */
typedef struct rank_prior_bound {
    rank_bound_kind kind;
    bool blends; /* false: the factor is 1 for every post */
    float factor_min, factor_max;
    float linear[RANK_SCORES + 1]; /* factor = linear[4] + sum linear[i] * score i of 0 to 100 */
} rank_prior_bound;

rank_prior_bound rank_prior_bound_make(const rank_settings *now);

/* Least and largest norm(now) / norm(build). */
typedef struct rank_norm_ratio {
    float least, largest;
} rank_norm_ratio;

/* What does not depend on a build's average length: bases, slopes at an average of a word. */
typedef struct rank_norm_scale {
    float bases, slopes;
} rank_norm_scale;

rank_norm_scale rank_norm_scale_make(rank_norm now);

/* norms are base + slope * length: their ratio lies between those of bases and of slopes. */
static inline rank_norm_ratio rank_norm_ratio_of(rank_norm_scale scale, float length_average) {
    float slopes = scale.slopes * (length_average > 1 ? length_average : 1);
    float least = scale.bases < slopes ? scale.bases : slopes;
    float largest = scale.bases < slopes ? slopes : scale.bases;
    if (least > 0.999999f && largest < 1.000001f) {
        return (rank_norm_ratio){1, 1};
    }
    return (rank_norm_ratio){least / RANK_BOUND_ROUND, largest * RANK_BOUND_ROUND};
}

static inline float rank_remap(float impact, float ratio) {
    return ratio == 1 ? impact : impact / (impact + ratio * (1 - impact));
}

/* Factors of some posts, and these by factor(build): none is more. */
typedef struct rank_factors {
    float most, ratio;
} rank_factors;

/* From the codes of one list to units. Codes are > 0. */
typedef struct rank_bound {
    rank_bound_kind kind;
    float weight, ratio;
    float high;                      /* no impact is greater */
    float most;                      /* of the whole list */
    rank_factors factors;            /* of all posts of the list */
    float low, step;                 /* of codes: impact <= low + step * code */
    float blended_low, blended_step; /* the same of y */
    float plain, of_code;      /* at ratio 1: units without a factor = their sum, with the code */
    float blended, of_blended; /* likewise with the build's */
} rank_bound;

typedef struct rank_list_bounds {
    float low, high;                 /* of impacts; 0 and 1 where the list has no bounds */
    float blended_low, blended_high; /* of impacts * factor / 1.3 */
} rank_list_bounds;

/* What impacts of the build up to `impact` give at most, in units without a factor. */
static inline float rank_bound_plain(const rank_bound *b, float impact) {
    return b->weight * rank_remap(impact, b->ratio) + RANK_BOUND_UNITS;
}

/* What y gives at most, with the build's factor; no impact is greater than `impact`. */
static inline float rank_bound_blended(const rank_bound *b, float y, float impact) {
    float at = b->ratio > 1 ? impact : y;
    float now = b->ratio == 1 ? y : y / (at + b->ratio * (1 - at));
    return b->weight * RANK_BUILD_FACTOR_MAX * now + RANK_BOUND_UNITS;
}

/* By both, in units, with the factors of the posts. */
static inline float rank_bound_units(const rank_bound *b, float impact, float y, rank_factors f) {
    float plain = b->kind == RANK_BOUND_BLENDED ? INFINITY : rank_bound_plain(b, impact);
    float blended = b->kind == RANK_BOUND_PLAIN ? INFINITY : rank_bound_blended(b, y, impact);
    if (b->kind == RANK_BOUND_BOTH) {
        plain *= f.most;
        blended *= f.ratio;
    }
    return plain < blended ? plain : blended;
}

/* What does not tell of codes. factors: of the posts that the list may have; they only count in
   RANK_BOUND_BOTH. */
static inline void rank_bound_begin(float high, float blended_high, float weight, float ratio,
                                    rank_bound_kind kind, rank_factors factors, rank_bound *b) {
    b->kind = kind;
    b->weight = weight * RANK_BOUND_ROUND;
    b->ratio = ratio;
    b->high = high;
    b->factors = factors;
    b->most = rank_bound_units(b, high, blended_high, factors);
}

/* And what does. */
void rank_bound_codes(rank_list_bounds list, rank_bound *b);

/* The units of a pair of codes; factors as there. */
static inline float rank_bound_of(const rank_bound *b, uint32_t code, uint32_t blended,
                                  rank_factors f) {
    return rank_bound_units(b, b->low + b->step * (float)code,
                            b->blended_low + b->blended_step * (float)blended, f);
}

/* The units of postings of the list that have no more than this of one kind. */
static inline float rank_bound_one(const rank_bound *b, bool blended, float value) {
    float units = blended ? rank_bound_blended(b, value, b->high) : rank_bound_plain(b, value);
    if (b->kind == RANK_BOUND_BOTH) {
        units *= blended ? b->factors.ratio : b->factors.most;
    }
    return units;
}

/* The same of a code. */
static inline float rank_bound_one_of(const rank_bound *b, bool blended, uint32_t code) {
    float value = blended ? b->blended_low + b->blended_step * (float)code
                          : b->low + b->step * (float)code;
    return rank_bound_one(b, blended, value);
}

#endif
