/*
 * Upper bounds of contributions, from the bounds that a posting list keeps of its impacts.
 *
 * An impact is tf / (tf + norm) with the norm of when the list was built. Three things may be other
 * when a query runs: k1, b or the average length; the blend or the weights; and what a term weighs.
 *
 *   norm     c = the least norm(now) / norm(build) of any length, at most 1. An impact x was
 *            tf / (tf + n); now it is at most tf / (tf + c n) = x / (x + c (1 - x)).
 *   blend    the factor is linear in the four scores, so factor(now) <= alpha + beta factor(build)
 *            over all scores in [0,1]: the least alpha for a beta is a sum over the scores. Where
 *            neither weights nor blend are the build's, also bound * the largest factor of the
 *            block's posts holds; the lesser one is taken.
 *            A list keeps y = max impact * factor(build). With c < 1 the map above is applied to
 *            y / 1.3, which is at most the impact: 1 / (x + c (1 - x)) falls as x grows, so what it
 *            gives is no less than the mapped impact times the factor.
 *   weight   a bound in units is weight * (alpha x + beta y), a little more for the rounding of
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

/* How the prior of a query's settings is bounded. */
typedef struct rank_prior_bound {
    float alpha, beta;           /* factor <= alpha + beta * factor(build) */
    float factor_min, factor_max;
    float seed_ratio;            /* factor >= seed_ratio * factor(build) */
    float linear[RANK_SCORES + 1]; /* factor = linear[4] + sum linear[i] * score i of 0 to 100 */
    bool blends;                 /* false: the factor is 1 for every post */
    bool capped;                 /* bounds are also taken from the factors of a block's posts */
} rank_prior_bound;

rank_prior_bound rank_prior_bound_make(const rank_settings *now);

/* Least and largest norm(now) / norm(build). */
typedef struct rank_norm_ratio {
    float least, largest;
} rank_norm_ratio;

rank_norm_ratio rank_norm_ratio_make(rank_norm now, double length_average_build);

static inline float rank_remap(float impact, float ratio) {
    return ratio == 1 ? impact : impact / (impact + ratio * (1 - impact));
}

/* From the codes of one list to units. Codes are > 0. */
typedef struct rank_bound {
    float low, step;                 /* impact <= low + step * code */
    float blended_low, blended_step; /* the same of y / 1.3 */
    float weight, alpha, beta;       /* beta: times 1.3 */
    float ratio;
    float constant, of_code, of_blended; /* at ratio 1: units = their sum */
    float plain, plain_of_code;          /* likewise without any factor */
    float most;                          /* of the whole list */
    bool capped;
} rank_bound;

typedef struct rank_list_bounds {
    float low, high;                 /* of impacts; 0 and 1 where the list has no bounds */
    float blended_low, blended_high; /* of impacts * factor / 1.3 */
} rank_list_bounds;

void rank_bound_make(rank_list_bounds list, float weight, float ratio,
                     const rank_prior_bound *prior, rank_bound *out);

/* What an impact (build) and y / 1.3 give: in units. */
static inline float rank_bound_units(const rank_bound *b, float impact, float blended,
                                     float factor_max) {
    float x = rank_remap(impact, b->ratio), y = rank_remap(blended, b->ratio);
    float units = b->weight * (b->alpha * x + b->beta * y) + RANK_BOUND_UNITS;
    float other = (b->weight * x + RANK_BOUND_UNITS) * factor_max;
    return b->capped && other < units ? other : units;
}

/* The units of a pair of codes; factor_max only counts where capped. */
static inline float rank_bound_of(const rank_bound *b, uint32_t code, uint32_t blended,
                                  float factor_max) {
    if (b->ratio != 1) {
        return rank_bound_units(b, b->low + b->step * (float)code,
                                b->blended_low + b->blended_step * (float)blended, factor_max);
    }
    float units = b->constant + b->of_code * (float)code + b->of_blended * (float)blended;
    float other = (b->plain + b->plain_of_code * (float)code) * factor_max;
    return b->capped && other < units ? other : units;
}

#endif
