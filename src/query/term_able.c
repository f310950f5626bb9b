/*
 * Posts of a list of one term that may win, where the prior's settings are not the build's: those
 * whose own factor is enough for what is known of their impacts.
 *
 *     needed    the factor that the greatest impact asks for, and the ratio of factors that the
 *               greatest impact with the build's factor does (rank/bounds.h): by block, by posting
 *               where the list has codes of these, and by level of strips
 *     strips    of a bitset: those of whose best posts (index/factors.h) both reach what is needed
 *     posts     of these, or of the blocks that may win: the same of each one
 *     batch     tfs, contributions, scores (term_batch.c)
 *
 * What posts have and need is compared as codes of a byte. Bounds of blocks hardly tell such posts
 * apart: of `the` in 760 thousand documents, with uneven weights, all 256 blocks of a cell may win,
 * 30 to 700 strips, and 20 to 300 posts.
 */
#include "query/term_batch.h"

enum { NEVER = UINT8_MAX };

/* What posts need, with the threshold that was when it was found: by code, of a block or of a
   posting. */
typedef struct able_needs {
    float factors[LIST_BLOCKS], ratios[LIST_BLOCKS];
    uint8_t factor_codes[LIST_BLOCKS], ratio_codes[LIST_BLOCKS];
    uint16_t both[LIST_BLOCKS]; /* the same codes */
} able_needs;

/* A list that is looked through. */
typedef struct able_list {
    term_batch *batch;
    eval_cell *ec;
    const eval_lane *lane;
    const uint64_t *allowed;
    const coded_factors *codes;
    const uint16_t *starts; /* as eval_lane has them */
} able_list;

/* ---- What is needed -------------------------------------------------------------------------- */

static float least_of(const evaluation *e) {
    return e->theta * EVAL_SUM_ROUND * EVAL_SUM_ROUND;
}

/* The codes of what posts need, a hair less than it; of far more than any has, NEVER. */
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

static inline uint16_t both_codes(uint8_t factor, uint8_t ratio) {
    return (uint16_t)(factor | ratio << 8);
}

static void find_needs(const able_list *a, able_needs *needs) {
    const list_view *list = &a->lane->in->list;
    const rank_bound *b = &a->lane->bound;
    const float least = least_of(a->batch->e), ratio = b->ratio;
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
    find_codes(a->codes->most_codes, needs->factors, LIST_BLOCKS, needs->factor_codes);
    find_codes(a->codes->ratio_codes, needs->ratios, LIST_BLOCKS, needs->ratio_codes);
    for (uint32_t i = 0; i < LIST_BLOCKS; i++) {
        needs->both[i] = both_codes(needs->factor_codes[i], needs->ratio_codes[i]);
    }
}

/* ---- Posts ----------------------------------------------------------------------------------- */

/* Up to 256 postings go into the batch. */
static void take_some(const able_list *a, const uint16_t *able, uint32_t count) {
    term_batch *b = a->batch;
    evaluation *e = b->e;
    const list_view *list = &a->lane->in->list;
    uint32_t at = term_batch_room(b, count), found = 0, kept = 0;
    uint16_t *docs = b->docs + at;
    uint8_t *tfs = b->tfs + at;
    for (uint32_t i = 0; i < count; i++) {
        docs[found] = able[i];
        found += eval_is_allowed(a->allowed, able[i]);
    }
    bool large = e->lists->tfs_of_docs(list, NULL, a->starts, docs, found, tfs);
    for (uint32_t i = 0; i < found; i++) {
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
        e->trace->probes += found;
    }
    if (b->count >= (uint32_t)TERM_ENOUGH) {
        term_batch_end(b);
    }
}

static void take_docs(const able_list *a, const uint16_t *able, uint32_t count) {
    while (count) {
        uint32_t some = count < (uint32_t)BLOCK_DOCS ? count : (uint32_t)BLOCK_DOCS;
        take_some(a, able, some);
        able += some;
        count -= some;
    }
}

static const uint8_t *block_codes(const coded_factors *codes, uint32_t block) {
    return codes->posts + (size_t)block * BLOCK_DOCS * 2;
}

/* ---- Strips ---------------------------------------------------------------------------------- */

/* The strips that may have posts that win, bits by block. */
static void find_strips(const able_list *a, const able_needs *needs,
                        const uint8_t level_codes[LIST_STRIP_LEVELS + 1],
                        uint16_t able[LIST_BLOCKS]) {
    const list_view *list = &a->lane->in->list;
    uint32_t first = list->strips[0], blocks = list->strips[1] - first + 1u;
    size_t strip = (size_t)first * RANK_STRIPS;
    memset(able, 0, LIST_BLOCKS * sizeof *able);
    a->batch->e->lanes->able_strips(list->strips + LIST_STRIP_HEAD, blocks, level_codes,
                                    a->codes->most + strip, needs->ratio_codes + first,
                                    a->codes->ratios + strip, able + first);
}

static void find_levels(const able_list *a, uint8_t codes[LIST_STRIP_LEVELS + 1]) {
    float levels[LIST_STRIP_LEVELS + 1] = {0};
    for (uint32_t i = 1; i <= LIST_STRIP_LEVELS; i++) {
        float impact = list_strip_level(&a->lane->in->list, i);
        levels[i] = least_of(a->batch->e) / rank_bound_plain(&a->lane->bound, impact);
    }
    find_codes(a->codes->most_codes, levels, LIST_STRIP_LEVELS + 1, codes);
    codes[0] = NEVER; /* no posting */
}

/* The postings of a block's strips, and of these the posts, that may win. */
static uint32_t able_of_strips(const able_list *a, const able_needs *needs,
                               const uint8_t level_codes[LIST_STRIP_LEVELS + 1], uint32_t block,
                               uint32_t strips, uint16_t *docs) {
    const evaluation *e = a->batch->e;
    const list_view *list = &a->lane->in->list;
    uint16_t each[RANK_STRIPS];
    uint64_t lanes[RANK_LANE_WORDS];
    uint32_t count = 0;
    memset(each, UINT8_MAX, sizeof each); /* NEVER, of both */
    for (uint32_t left = strips; left; left &= left - 1) {
        uint32_t i = (uint32_t)__builtin_ctz(left);
        uint8_t level = level_codes[list_strip(list, (block * RANK_STRIPS + i) * LIST_STRIP_DOCS)];
        uint8_t own = needs->factor_codes[block];
        each[i] = both_codes(level > own ? level : own, needs->ratio_codes[block]);
    }
    e->lanes->able_lanes(block_codes(a->codes, block), each, lanes);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        uint32_t low = block * BLOCK_DOCS + word * 64;
        uint64_t left = lanes[word] & load_u64(list->container + low / 8);
        for (; left; left &= left - 1) {
            docs[count++] = (uint16_t)(low + (uint32_t)__builtin_ctzll(left));
        }
    }
    return count;
}

static void take_strips(const able_list *a, const able_needs *needs) {
    uint8_t level_codes[LIST_STRIP_LEVELS + 1];
    uint16_t able[LIST_BLOCKS], docs[2 * BLOCK_DOCS];
    uint32_t count = 0;
    find_levels(a, level_codes);
    find_strips(a, needs, level_codes, able);
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        if (able[block] == 0) {
            continue;
        }
        count += able_of_strips(a, needs, level_codes, block, able[block], docs + count);
        if (count >= (uint32_t)BLOCK_DOCS) {
            take_docs(a, docs, count);
            count = 0;
        }
    }
    take_docs(a, docs, count);
}

/* ---- Postings -------------------------------------------------------------------------------- */

/* Of a list with a code for each. */
static void take_coded(const able_list *a, const able_needs *needs) {
    const evaluation *e = a->batch->e;
    uint16_t docs[LIST_BLOCKS + RANK_STRIPS], able[LIST_BLOCKS];
    uint32_t count = e->lists->docs(&a->lane->in->list, docs);
    for (uint32_t i = count; i < count + RANK_STRIPS; i++) {
        docs[i] = docs[0];
    }
    take_docs(a, able, e->lanes->able_docs(docs, needs->both, count, a->codes->posts, able));
}

/* Of a list that is no bitset, those of the blocks that may win. */
static void take_blocks(able_list *a, const able_needs *needs) {
    const evaluation *e = a->batch->e;
    const list_view *list = &a->lane->in->list;
    const cell_factors *factors = a->ec->factors;
    uint64_t blocks[RANK_LANE_WORDS] = {0};
    uint16_t starts[LIST_BLOCKS + 1], able[LIST_BLOCKED_MAX];
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        bool may = factors->blocks[block] >= needs->factors[block] &&
                   factors->ratios[block] >= needs->ratios[block];
        blocks[block / 64] |= (uint64_t)may << block % 64;
    }
    e->sets->starts(list->high, list_high_words(list->count), list->count, starts);
    a->starts = starts;
    take_docs(a, able, e->lanes->able_blocks(list->container, starts, blocks, needs->both,
                                             a->codes->posts, able));
}

bool term_tells_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane) {
    const list_view *list = &lane->in->list;
    bool known = e->prior.kind == RANK_BOUND_BOTH && ec->c->score_bytes;
    return known && list->bounds && (list->strips || list->container_kind != LIST_BITSET);
}

anp_status term_batch_able(term_batch *b, eval_cell *ec, const eval_lane *lane) {
    able_list a = {.batch = b, .ec = ec, .lane = lane, .starts = lane->starts};
    able_needs needs;
    TRY(eval_allowed(b->e, ec, &a.allowed));
    TRY(factors_codes(b->e->factors, ec->c, &a.codes, b->e->err));
    find_needs(&a, &needs);
    if (lane->in->list.container_kind == LIST_BITSET) {
        take_strips(&a, &needs);
    } else if (eval_bounds_postings(lane)) {
        take_coded(&a, &needs);
    } else {
        take_blocks(&a, &needs);
    }
    return ANP_OK;
}

anp_status term_keep_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane,
                          uint32_t block, uint64_t lanes[RANK_LANE_WORDS], uint32_t *count) {
    const list_view *list = &lane->in->list;
    const rank_bound *b = &lane->bound;
    const coded_factors *codes;
    uint16_t needs[RANK_STRIPS];
    uint64_t able[RANK_LANE_WORDS];
    uint8_t own, of_build;
    TRY(factors_codes(e->factors, ec->c, &codes, e->err));
    float impact = b->low + b->step * (float)list->bound_bytes[block];
    float y = b->blended_low + b->blended_step * (float)list->blended_bytes[block];
    float factor = least_of(e) / rank_bound_plain(b, impact);
    float ratio = least_of(e) / rank_bound_blended(b, y, impact);
    find_codes(codes->most_codes, &factor, 1, &own);
    find_codes(codes->ratio_codes, &ratio, 1, &of_build);
    for (uint32_t i = 0; i < RANK_STRIPS; i++) {
        needs[i] = both_codes(own, of_build);
    }
    e->lanes->able_lanes(block_codes(codes, block), needs, able);
    *count = 0;
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        lanes[word] &= able[word];
        *count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return ANP_OK;
}
