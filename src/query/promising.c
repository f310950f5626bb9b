/*
 * Which posts of a block may reach the threshold with one term: for lists that many posts of a
 * block are in, so that most of them are out before anything is computed of them. It takes some
 * 10 ns a block without a prior, and 30 with one.
 *
 * A contribution is weight * tf / (tf + norm), and up to half a unit more by rounding; what it has
 * to be without that, times the factor, is `need`:
 *
 *     no prior    base + slope * length <= tf * weight / need - tf
 *     blended     factor >= need / weight * (1 + (base + slope * length) / tf), where the factor is
 *                 linear[4] + linear[0] * the sum of four scores, which weigh the same
 *     few units   each number of units with the factor that it needs
 *     uneven      where scores do not weigh the same: with the best factor of the block
 *
 * So tables by tf say what a post may have: they change with the threshold only, and numbers of 16
 * bits are compared, 32 at a time.
 */
#include "query/evaluation.h"

enum { SCORES_MAX = 4 * UINT8_MAX }; /* no sum of four scores is more */

/* What rounding can take from a sum of four scores. */
#define SUM_ROUND 0.1f

/* The least that four scores add up to which give a post this factor, a little less; UINT32_MAX:
   none do. */
static uint32_t least_sum(const evaluation *e, float factor) {
    float sum = (factor - e->prior.linear[RANK_SCORES]) / e->prior.linear[0] - SUM_ROUND;
    return sum > (float)SCORES_MAX ? UINT32_MAX : sum > 0 ? (uint32_t)sum : 0;
}

void eval_promise_begin(eval_promise *p, const eval_term *term) {
    p->term = term;
    p->theta = -1;
    p->units_known = 0;
}

uint8_t eval_least_tf(const evaluation *e, const eval_term *term) {
    float most = term->weight * e->prior.factor_max * RANK_BOUND_ROUND;
    float share = (e->theta * EVAL_SUM_ROUND - 2 * e->prior.factor_max) / most;
    if (share <= 0) {
        return 1;
    }
    float tf = share < 1 ? term->norm.base * share / (1 - share) * EVAL_SUM_ROUND : UINT8_MAX;
    return tf >= UINT8_MAX ? UINT8_MAX : tf > 1 ? (uint8_t)ceilf(tf) : 1;
}

/* The words of the longest posts that have `need` with each tf. */
static void find_longest(const eval_term *term, float need, uint16_t longest[RANK_TFS]) {
    const rank_norm norm = term->norm;
    float share = need / (term->weight * RANK_BOUND_ROUND);
    for (uint32_t tf = 0; tf < RANK_TFS; tf++) {
        float norm_most = share > 0 ? (float)tf / share - (float)tf : (float)(2 * RANK_ONE);
        float words = norm.slope > 0 ? (norm_most - norm.base) / norm.slope : UINT16_MAX;
        longest[tf] = words < 0 ? 0 : words < UINT16_MAX ? (uint16_t)words + 1 : UINT16_MAX;
    }
    longest[RANK_TFS - 1] = UINT16_MAX; /* it stands for greater ones */
}

/* The sums of scores that are needed. */
static void find_needs(const eval_term *term, const float *linear, float need,
                       rank_needs *needs) {
    const rank_norm norm = term->norm;
    float share = (need > 0 ? need : 0) / (term->weight * RANK_BOUND_ROUND);
    for (uint32_t tf = 1; tf + 1 < RANK_TFS; tf++) {
        float part = share / (float)tf;
        float base = (share + part * norm.base - linear[RANK_SCORES]) / linear[0] - SUM_ROUND;
        float slope = part * norm.slope / linear[0] * 4096, less = ceilf(-base);
        needs->base[tf] = base > 0 ? base < (float)SCORES_MAX ? (uint16_t)base : UINT16_MAX : 0;
        needs->less[tf] = less > 0 ? less < UINT16_MAX ? (uint16_t)less : UINT16_MAX : 0;
        needs->slope[tf] = slope < UINT16_MAX ? (uint16_t)slope : UINT16_MAX;
    }
    needs->base[0] = needs->slope[0] = needs->less[0] = 0;
    needs->base[RANK_TFS - 1] = needs->slope[RANK_TFS - 1] = 0; /* as in find_longest */
    needs->less[RANK_TFS - 1] = 0;
}

/* The lanes of a term so light that contributions are few different numbers of units: for each of
   them the lanes that have as many, with scores that let them win. */
static uint32_t find_by_units(const evaluation *e, eval_promise *p, const rank_lengths parts[2],
                              const uint8_t *scores, const uint8_t tfs[BLOCK_DOCS],
                              uint64_t lanes[RANK_LANE_WORDS]) {
    uint32_t most = (uint32_t)(p->term->weight * RANK_BOUND_ROUND + 0.5f), count = 0;
    memset(lanes, 0, RANK_LANE_WORDS * sizeof *lanes);
    for (uint32_t units = most; units; units--) {
        uint32_t sum = least_sum(e, e->theta * EVAL_SUM_ROUND / (float)units);
        uint64_t have[RANK_LANE_WORDS], rich[RANK_LANE_WORDS];
        if (sum == UINT32_MAX) {
            break;
        }
        if (!(p->units_known >> units & 1)) {
            find_longest(p->term, (float)units - 0.5f, p->longest_with[units]);
            p->units_known |= 1u << units;
        }
        e->lanes->within(tfs, parts, p->longest_with[units], have);
        e->lanes->scored(scores, (uint16_t)sum, rich);
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            lanes[word] |= have[word] & rich[word];
        }
    }
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

/* Whether all four scores weigh the same. */
static bool weighs_evenly(const rank_prior_bound *prior) {
    const float *linear = prior->linear;
    return linear[0] == linear[1] && linear[0] == linear[2] && linear[0] == linear[3];
}

/* The lanes of posts that reach the threshold with the best factor of their block. */
static uint32_t find_with_best(const evaluation *e, eval_promise *p, float factor,
                               const rank_lengths parts[2], const uint8_t tfs[BLOCK_DOCS],
                               uint64_t lanes[RANK_LANE_WORDS]) {
    float need = e->theta * EVAL_SUM_ROUND / factor - 0.5f;
    if (p->theta != need) {
        find_longest(p->term, need, p->longest);
        p->theta = need;
    }
    return e->lanes->within(tfs, parts, p->longest, lanes);
}

uint32_t eval_find_promising(const evaluation *e, eval_promise *p, const eval_cell *ec,
                             uint32_t block, const uint8_t tfs[BLOCK_DOCS],
                             uint64_t lanes[RANK_LANE_WORDS]) {
    rank_lengths parts[2];
    uint32_t low = block * BLOCK_DOCS;
    const cell *c = ec->c;
    bool even = weighs_evenly(&e->prior);
    bool unknown = e->prior.blends && (c->score_bytes != RANK_SCORES || (!even && !ec->factors));
    if (!eval_block_is_whole(c, block) || unknown) {
        return e->sets->at_least(tfs, BLOCK_DOCS, eval_least_tf(e, p->term), lanes);
    }
    eval_lengths_of(e, c, p->term, low, parts);
    if (!even) {
        return find_with_best(e, p, ec->factors->blocks[block], parts, tfs, lanes);
    }
    const uint8_t *scores = c->scores + (size_t)RANK_SCORES * (low - c->from);
    if (e->prior.blends && p->term->weight < (float)(EVAL_FEW_UNITS - 1)) {
        return find_by_units(e, p, parts, scores, tfs, lanes);
    }
    if (p->theta != e->theta) {
        float need = e->theta * EVAL_SUM_ROUND - 0.5f * e->prior.factor_max;
        if (e->prior.blends) {
            find_needs(p->term, e->prior.linear, need, &p->needs);
        } else {
            find_longest(p->term, need, p->longest);
        }
        p->theta = e->theta;
    }
    return e->prior.blends ? e->lanes->worthy(tfs, parts, scores, &p->needs, lanes)
                           : e->lanes->within(tfs, parts, p->longest, lanes);
}
