/*
 * What no score of a cell, a block or a posting exceeds; the order of blocks.
 *
 *     list       its greatest impact                          16 bits in its header
 *     block      codes of 8 bits, one a block                 from 256 postings on
 *     posting    codes of 8 bits, one a posting               64 to 255 postings
 *                the contribution itself, computed            fewer, and short lists made in memory
 *
 * Everything is in units of scores times the prior's factor. A list without bounds that is longer
 * (titles, lists made in memory) has its weight as the bound of every posting.
 */
#include "query/evaluation.h"

/* ---- Short lists --------------------------------------------------------------------------- */

static float post_factor(const evaluation *e, const cell *c, uint32_t low) {
    double scores[RANK_SCORES];
    const rank_settings *rank = e->request->rank;
    cell_scores(c, low, scores);
    return (float)rank_factor(rank->blend, rank_prior(rank->weights, scores));
}

/* The bound of each posting of a short list: its contribution, a little more. */
static anp_status make_values(evaluation *e, const cell *c, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    uint16_t docs[EVAL_VALUES_MAX];
    uint32_t tfs[EVAL_VALUES_MAX];
    const eval_term *term = lane->term;
    float *values = arena_alloc(e->memory, list->count * sizeof *values);
    if (!values) {
        return eval_nomem(e);
    }
    TRY(cells_open(e->snapshot, c, e->err));
    uint32_t count = list_docs(list, docs);
    list_tfs(list, tfs);
    lane->values = values;
    lane->most = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t length = cell_length(c, term->lists->field, e->title_weight, docs[i]);
        float norm = rank_norm_of(term->norm, length);
        float units = term->weight * rank_saturation(tfs[i], norm) * RANK_BOUND_ROUND;
        float factor = e->prior.blends ? post_factor(e, c, docs[i]) * RANK_BOUND_ROUND : 1;
        values[i] = (units + RANK_BOUND_UNITS) * factor;
        lane->most = values[i] > lane->most ? values[i] : lane->most;
    }
    return ANP_OK;
}

/* ---- Cells and blocks ---------------------------------------------------------------------- */

/* Bounds of a light term's blocks: whole units, times the largest factor of the block's posts,
   where that is less. */
static anp_status bound_light_blocks(evaluation *e, eval_cell *ec, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    const rank_bound *b = &lane->bound;
    TRY(e->prior.blends ? eval_find_factors(e, ec) : ANP_OK);
    const float *factors = e->prior.blends ? ec->factors->blocks : NULL;
    float bounds[EVAL_CELL_BLOCKS]; /* beside the arrays that codes may be bytes of: vectors */
    uint8_t codes[EVAL_CELL_BLOCKS];
    memcpy(codes, list->bound_bytes, sizeof codes);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        bounds[block] = b->low + b->step * (float)codes[block];
    }
    for (uint32_t block = 0; b->ratio != 1 && block < EVAL_CELL_BLOCKS; block++) {
        bounds[block] = rank_remap(bounds[block], b->ratio);
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        bounds[block] = eval_whole_units(lane->term, bounds[block]);
    }
    for (uint32_t block = 0; factors && block < EVAL_CELL_BLOCKS; block++) {
        bounds[block] *= factors[block];
    }
    bool both = e->prior.kind == RANK_BOUND_BOTH;
    float spare = both ? 0 : RANK_BOUND_UNITS - eval_rounding_most(e);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float bound = lane->blocks[block];
        bound = bound > 0 ? bound - spare : 0;
        lane->blocks[block] = bounds[block] < bound ? bounds[block] : bound;
    }
    return ANP_OK;
}

float eval_posting_bound(const eval_lane *lane, const eval_cell *ec, uint32_t block,
                         uint32_t rank) {
    if (lane->values) {
        return lane->values[rank];
    }
    const list_view *list = &lane->in->list;
    if (list->bound_count == 0 || list->count >= (uint32_t)LIST_BLOCKS) {
        return lane->most;
    }
    const cell_factors *f = ec->factors;
    rank_factors factors = f ? (rank_factors){f->blocks[block], f->ratios[block]}
                             : lane->bound.factors;
    return rank_bound_of(&lane->bound, list->bound_bytes[rank], list->blended_bytes[rank], factors);
}

bool eval_bounds_postings(const eval_lane *lane) {
    const list_view *list = &lane->in->list;
    return list->bounds && list->count < (uint32_t)LIST_BLOCKS;
}

void eval_posting_bounds(const evaluation *e, const eval_lane *lane, const eval_cell *ec,
                         const uint16_t *docs, float bounds[RANK_LANES]) {
    const list_view *list = &lane->in->list;
    uint8_t codes[RANK_LANES] = {0}, blended[RANK_LANES] = {0};
    float most[RANK_LANES], ratios[RANK_LANES], unused[RANK_LANES] = {0};
    memcpy(codes, list->bound_bytes, list->bound_count);
    memcpy(blended, list->blended_bytes, list->bound_count);
    bool both = e->prior.kind == RANK_BOUND_BOTH;
    for (uint32_t i = 0; both && i < (uint32_t)RANK_LANES; i++) {
        uint32_t block = docs[i < list->bound_count ? i : 0] / BLOCK_DOCS;
        most[i] = ec->factors->blocks[block];
        ratios[i] = ec->factors->ratios[block];
    }
    e->lanes->bounds(codes, blended, most, ratios, &lane->bound, bounds, unused);
}

/* Postings one by one, the greatest of each block. */
static void add_by_posting(const evaluation *e, const eval_lane *lane, const eval_cell *ec,
                           float *sums) {
    const list_view *list = &lane->in->list;
    uint16_t docs[LIST_BLOCKS];
    float room[RANK_LANES];
    const float *bounds = lane->values ? lane->values : room;
    uint32_t count = list_docs(list, docs);
    if (!lane->values) {
        eval_posting_bounds(e, lane, ec, docs, room);
    }
    for (uint32_t i = 0; i < count; i++) {
        float *most = &lane->blocks[docs[i] / BLOCK_DOCS];
        *most = bounds[i] > *most ? bounds[i] : *most;
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        sums[block] += lane->blocks[block];
    }
}

static void add_everywhere(const eval_lane *lane, float *sums) {
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        uint32_t from, to;
        list_block(&lane->in->list, block, &from, &to);
        lane->blocks[block] = from < to ? lane->most : 0;
        sums[block] += lane->blocks[block];
    }
}

/* The same of a list that has bounds of blocks. */
static anp_status bound_blocks(evaluation *e, eval_cell *ec, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    float unused[EVAL_CELL_BLOCKS] = {0};
    bool light = eval_is_light(lane->term);
    const cell_factors *factors = ec->factors;
    e->lanes->bounds(list->bound_bytes, list->blended_bytes, factors ? factors->blocks : NULL,
                     factors ? factors->ratios : NULL, &lane->bound, lane->blocks,
                     light ? unused : ec->sums);
    if (light) {
        TRY(bound_light_blocks(e, ec, lane));
        for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
            ec->sums[block] += lane->blocks[block];
        }
    }
    return ANP_OK;
}

anp_status eval_sort_lanes(evaluation *e, eval_cell *ec) {
    if (!ec->by_most) {
        ec->by_most = (eval_lane **)arena_alloc(e->memory, e->term_count * sizeof *ec->by_most);
    }
    if (!ec->by_most) {
        return eval_nomem(e);
    }
    ec->lane_count = 0;
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_lane *lane = ec->lanes[i];
        if (!lane || lane->most <= 0) {
            continue;
        }
        uint32_t at = ec->lane_count++;
        for (; at && ec->by_most[at - 1]->most > lane->most; at--) {
            ec->by_most[at] = ec->by_most[at - 1];
        }
        ec->by_most[at] = lane;
    }
    return ANP_OK;
}

/* Of sums, none of which is below 0: as numbers their bits are in the same order. */
static float greatest(const float sums[EVAL_CELL_BLOCKS]) {
    int32_t bits[EVAL_CELL_BLOCKS], most = 0;
    float out;
    memcpy(bits, sums, sizeof bits);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        most = bits[block] > most ? bits[block] : most;
    }
    memcpy(&out, &most, sizeof out);
    return out;
}

anp_status eval_block_sums(evaluation *e, eval_cell *ec) {
    ec->sums = arena_alloc(e->memory, EVAL_CELL_BLOCKS * sizeof *ec->sums);
    if (!ec->sums) {
        return eval_nomem(e);
    }
    memset(ec->sums, 0, EVAL_CELL_BLOCKS * sizeof *ec->sums);
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_lane *lane = ec->lanes[i];
        if (!lane) {
            continue;
        }
        const list_view *list = &lane->in->list;
        assert(lane->ready);
        lane->blocks = arena_alloc(e->memory, EVAL_CELL_BLOCKS * sizeof *lane->blocks);
        if (!lane->blocks) {
            return eval_nomem(e);
        }
        if (list->bounds && list->count >= (uint32_t)LIST_BLOCKS && lane->most > 0) {
            TRY(bound_blocks(e, ec, lane));
            continue;
        }
        memset(lane->blocks, 0, EVAL_CELL_BLOCKS * sizeof *lane->blocks);
        if (lane->most <= 0) {
            continue;
        }
        if (!list->bounds && list->count <= EVAL_VALUES_MAX) {
            TRY(make_values(e, ec->c, lane));
        }
        if (!lane->values && !list->bounds) {
            add_everywhere(lane, ec->sums);
        } else {
            add_by_posting(e, lane, ec, ec->sums);
        }
    }
    TRY(eval_sort_lanes(e, ec));
    if (e->driver) {
        const float *driver = ec->lanes[e->driver - e->terms]->blocks;
        for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
            ec->sums[block] = driver[block] > 0 ? ec->sums[block] : 0;
        }
    }
    ec->best = greatest(ec->sums);
    return ANP_OK;
}

/* ---- The order of blocks ------------------------------------------------------------------- */

enum {
    ORDER_STEPS = 256,
    ORDER_STEPS_FROM = 24, /* fewer blocks are sorted by insertion */
};

void eval_sort_blocks(const eval_block *found, uint32_t count, float most, eval_block *sorted) {
    uint32_t starts[ORDER_STEPS + 1];
    float least = most;
    if (count < ORDER_STEPS_FROM) {
        for (uint32_t i = 0, at; i < count; i++) {
            for (at = i; at && sorted[at - 1].bound < found[i].bound; at--) {
                sorted[at] = sorted[at - 1];
            }
            sorted[at] = found[i];
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        least = found[i].bound < least ? found[i].bound : least;
    }
    float scale = (ORDER_STEPS - 1) / (most - least + 1);
    memset(starts, 0, sizeof starts);
    for (uint32_t i = 0; i < count; i++) {
        starts[1 + (uint32_t)((most - found[i].bound) * scale)]++;
    }
    for (uint32_t i = 0; i < ORDER_STEPS; i++) {
        starts[i + 1] += starts[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[starts[(uint32_t)((most - found[i].bound) * scale)]++] = found[i];
    }
}

void eval_order_begin(const evaluation *e, eval_order *order) {
    enum { FIRST = 64 };
    *order = (eval_order){.below = INFINITY, .wanted = FIRST};
    for (uint32_t i = 0; i < e->cell_count; i++) {
        const eval_cell *ec = &e->cells[i];
        if (ec->sums) {
            order->most = ec->best > order->most ? ec->best : order->most;
            order->cells++;
        }
    }
    if (e->trace) {
        e->trace->blocks += order->cells * EVAL_CELL_BLOCKS;
    }
}

/* The blocks of a cell whose sums are in [least, below); how many, else they are not set. */
static uint32_t blocks_between(const evaluation *e, const eval_cell *ec, float least, float below,
                               uint64_t blocks[RANK_LANE_WORDS]) {
    uint64_t above[RANK_LANE_WORDS] = {0};
    uint32_t count = 0;
    if (ec->finished || ec->best < least) {
        return 0;
    }
    e->lanes->reached(ec->sums, least, blocks);
    if (below < INFINITY) {
        e->lanes->reached(ec->sums, below, above);
    }
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        blocks[word] &= ~above[word];
        count += (uint32_t)__builtin_popcountll(blocks[word]);
    }
    return count;
}

uint32_t eval_blocks_left(const evaluation *e, const eval_cell *ec) {
    uint64_t blocks[RANK_LANE_WORDS];
    return blocks_between(e, ec, e->theta, INFINITY, blocks);
}

static uint32_t count_between(const evaluation *e, float least, float below) {
    uint64_t blocks[RANK_LANE_WORDS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        const eval_cell *ec = &e->cells[i];
        count += ec->sums ? blocks_between(e, ec, least, below, blocks) : 0;
    }
    return count;
}

/* The greatest of their bounds. */
static float find_between(const evaluation *e, float least, float below, eval_block *found,
                          uint32_t *count) {
    uint64_t blocks[RANK_LANE_WORDS];
    float most = 0, constant = (float)e->constant * e->prior.factor_max;
    *count = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        const eval_cell *ec = &e->cells[i];
        if (!ec->sums || !blocks_between(e, ec, least, below, blocks)) {
            continue;
        }
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            for (uint64_t left = blocks[word]; left; left &= left - 1) {
                uint32_t block = word * 64 + (uint32_t)__builtin_ctzll(left);
                float bound = ec->sums[block] + constant;
                found[(*count)++] = (eval_block){i, block, bound};
                most = bound > most ? bound : most;
            }
        }
    }
    return most;
}

/* From which sum on there are as many blocks as are wanted, or all; *count is at least theirs. Of
   few cells all are taken at once. */
static float range_of(const evaluation *e, const eval_order *order, float least, uint32_t *count) {
    enum { FEW_CELLS = 12 };
    float top = order->below < order->most ? order->below : order->most;
    *count = order->cells * EVAL_CELL_BLOCKS;
    if (order->cells <= FEW_CELLS && !order->in_parts) {
        return least;
    }
    for (float part = 1.0f / 16; part < 1 && top > least; part *= 2) {
        float from = top - (top - least) * part;
        *count = count_between(e, from, order->below);
        if (*count >= order->wanted) {
            return from;
        }
    }
    *count = count_between(e, least, order->below);
    return least;
}

/*
 * Where the best few show that no others can win, these are never put in order. Nor are so many
 * that each cell has some, behind the first: most of these are scored anyway, and in the order in
 * which they are stored what they need comes sooner (ten million posts: 0.4 to 0.8 of the time).
 */
anp_status eval_order_more(const evaluation *e, eval_order *order) {
    enum { STORED_FROM = 1024, STORED_EACH = 16 };
    float least = e->theta - (float)e->constant * e->prior.factor_max, from, most;
    uint32_t room;
    order->at = order->count = 0;
    if (!order->cells || order->below <= least) {
        return ANP_OK;
    }
    from = range_of(e, order, least, &room);
    eval_block *found = arena_alloc(e->memory, (room + 1) * sizeof *found), *sorted = found;
    if (!found) {
        return eval_nomem(e);
    }
    most = find_between(e, from, order->below, found, &order->count);
    bool stored = order->below < INFINITY && order->count >= STORED_FROM &&
                  order->count >= STORED_EACH * order->cells;
    if (!stored) {
        sorted = arena_alloc(e->memory, (order->count + 1) * sizeof *sorted);
        if (!sorted) {
            return eval_nomem(e);
        }
        eval_sort_blocks(found, order->count, most, sorted);
    }
    order->blocks = sorted;
    order->below = from;
    order->wanted *= 4;
    return ANP_OK;
}
