/*
 * Posts of a list of one term that may win, where the prior's settings are not the build's: those
 * whose own factor is enough for what is known of their impacts.
 *
 *     needed    the factor that the greatest impact asks for, and the ratio of factors that the
 *               greatest impact with the build's factor does (rank/bounds.h): by block, by posting
 *               where the list has codes of these, and by level of strips
 *     strips    of a bitset: those of whose best posts (index/factors.h) both reach what is needed;
 *               codes of a byte are compared
 *     posts     of these, or of the blocks that may win: the same of each one's own factors
 *     batch     tfs, contributions, scores (term_batch.c)
 *
 * Bounds of blocks hardly tell such posts apart: of `the` in 760 thousand documents, with uneven
 * weights, all 256 blocks of a cell may win, 30 to 700 strips, and 20 to 300 posts.
 */
#include "query/term_batch.h"

enum { NEVER = UINT8_MAX };

/* What posts need, with the threshold that was when it was found. */
typedef struct able_needs {
    float factors[LIST_BLOCKS], ratios[LIST_BLOCKS]; /* by code: of a block, or of a posting */
    float levels[LIST_STRIP_LEVELS + 1];             /* factors by level */
} able_needs;

/* Up to 256 posts, to be looked at. */
typedef struct able_posts {
    term_batch *batch;
    eval_cell *ec;
    const eval_lane *lane;
    const uint64_t *allowed;
    uint32_t count;
    uint64_t wanted[RANK_LANE_WORDS]; /* of these, postings that are allowed */
    uint16_t lows[RANK_LANES];
    float factors[RANK_LANES], ratios[RANK_LANES]; /* that they need */
    uint8_t scores[RANK_LANES * RANK_SCORES];
} able_posts;

/* ---- What is needed -------------------------------------------------------------------------- */

static float least_of(const evaluation *e) {
    return e->theta * EVAL_SUM_ROUND * EVAL_SUM_ROUND;
}

static void find_needs(const evaluation *e, const eval_lane *lane, able_needs *needs) {
    const list_view *list = &lane->in->list;
    const rank_bound *b = &lane->bound;
    const float least = least_of(e), ratio = b->ratio;
    float values[LIST_BLOCKS] = {0}, impacts[LIST_BLOCKS] = {0};
    for (uint32_t i = 0; i < list->bound_count; i++) {
        values[i] = b->blended_low + b->blended_step * (float)list->blended_bytes[i];
        impacts[i] = b->low + b->step * (float)list->bound_bytes[i];
    }
    for (uint32_t i = 0; ratio != 1 && i < LIST_BLOCKS; i++) {
        float at = ratio > 1 ? impacts[i] : values[i];
        values[i] = values[i] / (at + ratio * (1 - at));
        impacts[i] = rank_remap(impacts[i], ratio);
    }
    const float weight = b->weight, most = b->weight * RANK_BUILD_FACTOR_MAX;
    for (uint32_t i = 0; i < LIST_BLOCKS; i++) {
        float factor = least / (weight * impacts[i] + RANK_BOUND_UNITS);
        float of_ratio = least / (most * values[i] + RANK_BOUND_UNITS);
        needs->factors[i] = factor > 0 ? factor : 0; /* of nothing with k1 0: any */
        needs->ratios[i] = of_ratio > 0 ? of_ratio : 0;
    }
}

/* ---- Posts ----------------------------------------------------------------------------------- */

/* The postings of those that have what they need go into the batch. */
static void take_posts(able_posts *a) {
    term_batch *b = a->batch;
    evaluation *e = b->e;
    const list_view *list = &a->lane->in->list;
    uint64_t able[RANK_LANE_WORDS];
    uint32_t at = term_batch_room(b, a->count), count = 0, kept = 0;
    uint16_t *docs = b->docs + at;
    uint8_t *tfs = b->tfs + at;
    e->lanes->able_posts(a->scores, e->prior.linear, e->build_linear, a->factors, a->ratios, able);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = able[word] & a->wanted[word]; left; left &= left - 1) {
            docs[count++] = a->lows[word * 64 + (uint32_t)__builtin_ctzll(left)];
        }
    }
    a->count = 0;
    memset(a->wanted, 0, sizeof a->wanted);
    if (count == 0) {
        return;
    }
    bool large = e->lists->tfs_of_docs(list, NULL, a->lane->starts, docs, count, tfs);
    for (uint32_t i = 0; i < count; i++) {
        docs[kept] = docs[i];
        tfs[kept] = tfs[i];
        if (large && tfs[i] == UINT8_MAX) {
            term_offer_large(e, a->ec, a->lane, NULL, docs[i]);
        } else {
            kept++;
        }
    }
    term_batch_take(b, a->ec, kept);
    if (e->trace) {
        e->trace->probes += count;
    }
    if (b->count >= (uint32_t)TERM_ENOUGH) {
        term_batch_end(b);
    }
}

static inline void add_post(able_posts *a, uint32_t low, float factor, float ratio) {
    uint32_t i = a->count;
    a->lows[i] = (uint16_t)low;
    a->factors[i] = factor;
    a->ratios[i] = ratio;
    memcpy(a->scores + (size_t)i * RANK_SCORES, cell_scores_at(a->ec->c, low), RANK_SCORES);
    a->count += eval_is_allowed(a->allowed, low);
}

/* When all of them are postings that are allowed. */
static void take_all(able_posts *a) {
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        uint32_t here = a->count > word * 64 ? a->count - word * 64 : 0;
        a->wanted[word] = here < 64 ? ((uint64_t)1 << here) - 1 : UINT64_MAX;
    }
    take_posts(a);
}

/* ---- Strips ---------------------------------------------------------------------------------- */

/* The codes that strips have to have of whose posts one has so much, a hair less than it; of far
   more than any has, NEVER. */
static void find_codes(factor_codes codes, const float *needs, uint32_t count, uint8_t *out) {
    int32_t numbers[LIST_BLOCKS];
    for (uint32_t i = 0; i < count; i++) {
        float at = (needs[i] - codes.low) * codes.scale;
        at = at > 0 ? at : 0;
        at = at < (float)(NEVER - 1) ? at : (float)(NEVER - 1);
        numbers[i] = 1 + (int32_t)at;
    }
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (uint8_t)numbers[i];
    }
}

/* The strips that may have posts that win, bits by block. */
static void find_strips(const able_posts *a, const strip_factors *strips, able_needs *needs,
                        uint16_t able[LIST_BLOCKS]) {
    const evaluation *e = a->batch->e;
    const list_view *list = &a->lane->in->list;
    uint8_t level_codes[LIST_STRIP_LEVELS + 1], block_codes[LIST_BLOCKS];
    uint32_t first = list->strips[0], blocks = list->strips[1] - first + 1u;
    size_t strip = (size_t)first * RANK_STRIPS;
    needs->levels[0] = 0;
    for (uint32_t i = 1; i <= LIST_STRIP_LEVELS; i++) {
        float most = rank_bound_plain(&a->lane->bound, list_strip_level(list, i));
        needs->levels[i] = least_of(e) / most;
    }
    find_codes(strips->most_codes, needs->levels, LIST_STRIP_LEVELS + 1, level_codes);
    find_codes(strips->ratio_codes, needs->ratios, LIST_BLOCKS, block_codes);
    level_codes[0] = NEVER; /* no posting */
    memset(able, 0, LIST_BLOCKS * sizeof *able);
    e->lanes->able_strips(list->strips + LIST_STRIP_HEAD, blocks, level_codes, strips->most + strip,
                          block_codes + first, strips->ratios + strip, able + first);
}

/* All posts of a strip have places. */
static void add_strip(able_posts *a, uint32_t strip, float factor, float ratio) {
    const cell *c = a->ec->c;
    uint32_t low = strip * LIST_STRIP_DOCS, at = a->count;
    uint64_t wanted = load_u16(a->lane->in->list.container + (size_t)strip * 2);
    if (at == (uint32_t)RANK_LANES) {
        take_posts(a);
        at = 0;
    }
    for (uint32_t i = 0; i < LIST_STRIP_DOCS; i++) {
        a->lows[at + i] = (uint16_t)(low + i);
        a->factors[at + i] = factor;
        a->ratios[at + i] = ratio;
    }
    uint8_t *scores = a->scores + (size_t)at * RANK_SCORES;
    bool inside = low >= c->from && low + LIST_STRIP_DOCS <= c->end;
    if (inside) {
        memcpy(scores, cell_scores_at(c, low), (size_t)LIST_STRIP_DOCS * RANK_SCORES);
    }
    for (uint32_t i = 0; !inside && i < LIST_STRIP_DOCS; i++) { /* no posting is outside */
        memcpy(scores + (size_t)i * RANK_SCORES, cell_scores_at(c, low + i), RANK_SCORES);
    }
    wanted &= a->allowed ? a->allowed[low / 64] >> low % 64 : UINT64_MAX;
    a->wanted[at / 64] |= wanted << at % 64;
    a->count = at + LIST_STRIP_DOCS;
}

/* Its postings alone, where they are few. */
static void add_postings(able_posts *a, uint32_t strip, float factor, float ratio) {
    uint32_t postings = load_u16(a->lane->in->list.container + (size_t)strip * 2);
    if (a->count + LIST_STRIP_DOCS > (uint32_t)RANK_LANES) {
        take_all(a);
    }
    for (uint32_t left = postings; left; left &= left - 1) {
        add_post(a, strip * LIST_STRIP_DOCS + (uint32_t)__builtin_ctz(left), factor, ratio);
    }
}

static anp_status take_strips(able_posts *a, able_needs *needs) {
    enum { FEW = 6 /* postings of a strip */ };
    evaluation *e = a->batch->e;
    const list_view *list = &a->lane->in->list;
    const strip_factors *strips;
    uint16_t able[LIST_BLOCKS];
    bool few = list->count < (uint32_t)LIST_STRIPS * FEW;
    TRY(factors_strips(e->factors, a->ec->c, &strips, e->err));
    find_strips(a, strips, needs, able);
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        for (uint32_t left = able[block]; left; left &= left - 1) {
            uint32_t strip = block * RANK_STRIPS + (uint32_t)__builtin_ctz(left);
            uint32_t level = list_strip(list, strip * LIST_STRIP_DOCS);
            float factor = fmaxf(needs->levels[level], needs->factors[block]);
            if (few) {
                add_postings(a, strip, factor, needs->ratios[block]);
            } else {
                add_strip(a, strip, factor, needs->ratios[block]);
            }
        }
    }
    if (a->count && few) {
        take_all(a);
    } else if (a->count) {
        take_posts(a);
    }
    return ANP_OK;
}

/* ---- Postings -------------------------------------------------------------------------------- */

/* Of a list with a code for each. */
static void take_coded(able_posts *a, const able_needs *needs) {
    const list_view *list = &a->lane->in->list;
    uint16_t docs[LIST_BLOCKS];
    a->batch->e->lists->docs(list, docs);
    for (uint32_t i = 0; i < list->count; i++) {
        add_post(a, docs[i], needs->factors[i], needs->ratios[i]);
    }
    take_all(a);
}

/* Of a list that is no bitset, those of the blocks that may win. */
static void take_blocks(able_posts *a, const able_needs *needs) {
    const evaluation *e = a->batch->e;
    const list_view *list = &a->lane->in->list;
    const cell_factors *factors = a->ec->factors;
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        uint32_t from = 0, to = 0;
        if (factors->blocks[block] >= needs->factors[block] &&
            factors->ratios[block] >= needs->ratios[block]) {
            e->lists->block(list, block, &from, &to);
        }
        if (a->count + to - from > (uint32_t)RANK_LANES) {
            take_all(a);
        }
        for (uint32_t i = from; i < to; i++) {
            add_post(a, list_block_doc(list, block, i), needs->factors[block],
                     needs->ratios[block]);
        }
    }
    if (a->count) {
        take_all(a);
    }
}

bool term_tells_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane) {
    const list_view *list = &lane->in->list;
    bool known = e->prior.kind == RANK_BOUND_BOTH && ec->c->score_bytes == RANK_SCORES;
    return known && list->bounds && (list->strips || list->container_kind != LIST_BITSET);
}

anp_status term_batch_able(term_batch *b, eval_cell *ec, const eval_lane *lane) {
    able_posts a;
    able_needs needs;
    a.batch = b;
    a.ec = ec;
    a.lane = lane;
    a.count = 0;
    memset(a.wanted, 0, sizeof a.wanted);
    TRY(eval_allowed(b->e, ec, &a.allowed));
    find_needs(b->e, lane, &needs);
    if (lane->in->list.container_kind == LIST_BITSET) {
        return take_strips(&a, &needs);
    }
    if (eval_bounds_postings(lane)) {
        take_coded(&a, &needs);
    } else {
        take_blocks(&a, &needs);
    }
    return ANP_OK;
}

uint32_t term_keep_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane,
                        uint32_t block, uint64_t lanes[RANK_LANE_WORDS]) {
    const list_view *list = &lane->in->list;
    const rank_bound *b = &lane->bound;
    float impact = b->low + b->step * (float)list->bound_bytes[block];
    float y = b->blended_low + b->blended_step * (float)list->blended_bytes[block];
    float factor = least_of(e) / rank_bound_plain(b, impact);
    float ratio = least_of(e) / rank_bound_blended(b, y, impact);
    float factors[RANK_LANES], ratios[RANK_LANES];
    uint64_t able[RANK_LANE_WORDS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        factors[i] = factor;
        ratios[i] = ratio;
    }
    const uint8_t *scores = cell_scores_at(ec->c, block * BLOCK_DOCS);
    e->lanes->able_posts(scores, e->prior.linear, e->build_linear, factors, ratios, able);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        lanes[word] &= able[word];
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}
