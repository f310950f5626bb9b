/*
 * What no score of a cell, a block or a posting exceeds; the first threshold; the order of blocks.
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

#include "index/unit.h"

/* ---- Lanes --------------------------------------------------------------------------------- */

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

/* Of a word that is in nearly all posts each contribution may be rounded to 0. */
static bool is_weightless(const eval_term *term, float impact) {
    return impact * term->weight * RANK_BOUND_ROUND < 0.5f;
}

float eval_whole_units(const eval_term *term, float impact) {
    return (float)(int32_t)(impact * term->weight * RANK_BOUND_ROUND + 0.5f);
}

/* What a posting has at most of which nothing is known: as if it had an impact of 1. */
static float most_of_any(const evaluation *e, const eval_term *term) {
    float most = term->weight * RANK_BOUND_ROUND + RANK_BOUND_UNITS;
    return is_weightless(term, 1) ? 0 : most * e->prior.factor_max;
}

static void bound_lane(const evaluation *e, const eval_cell *ec, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    const eval_term *term = lane->term;
    const float unit = 1.0f / 65535;
    rank_list_bounds bounds = {(float)load_u16(list->bounds) * unit,
                               (float)list->impact_max * unit,
                               (float)load_u16(list->bounds + 4) * unit,
                               (float)list->blended_max * unit};
    lane->ratio = eval_is_constant(term)
                      ? (rank_norm_ratio){1, 1}
                      : rank_norm_ratio_make(term->norm, lane->in->length_average);
    rank_factors factors = ec->factors ? ec->factors->most : (rank_factors){1, 1};
    rank_bound_make(bounds, term->weight, lane->ratio.least, e->prior.kind, factors, &lane->bound);
    float impact = rank_remap(bounds.high, lane->bound.ratio);
    lane->most = is_weightless(term, impact) ? 0 : lane->bound.most;
    if (eval_is_light(term)) {
        float whole = eval_whole_units(term, impact) * e->prior.factor_max;
        lane->most = whole < lane->most ? whole : lane->most;
    }
}

/* For counting the lists alone will do. */
static void make_lane(evaluation *e, eval_term *term, uint32_t i, float most_of_any) {
    cell_list *in = &term->lists->lists[i];
    eval_cell *ec = &e->cells[in->cell];
    eval_lane *lane = &term->lanes[i];
    lane->in = in;
    lane->term = term;
    lane->values = NULL;
    lane->blocks = NULL;
    lane->starts = NULL;
    lane->tfs = NULL;
    lane->levels = NULL;
    lane->strips = NULL;
    lane->asked = 0;
    lane->most = most_of_any;
    ec->lanes[term - e->terms] = lane;
    if (in->list.bounds && e->request->k) {
        bound_lane(e, ec, lane);
    }
}

/* ---- Priors ---------------------------------------------------------------------------------- */

anp_status eval_find_factors(evaluation *e, eval_cell *ec) {
    if (ec->factors) {
        return ANP_OK;
    }
    if (!e->factors) {
        TRY(factors_find(e->snapshot, e->request->rank, &e->factors, e->err));
    }
    return factors_of_cell(e->factors, ec->c, &ec->factors, e->err);
}

/* Which of a list's bests tell more: those of the narrower range of factors. */
static bool blended_tells(const rank_factors *most, float least, float ratio_least) {
    return most->ratio * least < most->most * ratio_least;
}

/*
 * Of settings that are not the build's: what the posts of all cells in which some term is have at
 * most. Where none of them has scores, no prior has a part.
 */
static anp_status bound_priors(evaluation *e) {
    rank_prior_bound *prior = &e->prior;
    rank_factors most = {0, 0};
    float least = INFINITY, ratio_least = INFINITY;
    bool neutral = !e->constant;
    for (uint32_t i = 0; i < e->term_count; i++) {
        for (uint32_t k = 0; k < e->terms[i].lists->count; k++) {
            eval_cell *ec = &e->cells[e->terms[i].lists->lists[k].cell];
            TRY(eval_find_factors(e, ec));
            most.most = fmaxf(most.most, ec->factors->most.most);
            most.ratio = fmaxf(most.ratio, ec->factors->most.ratio);
            least = fminf(least, ec->factors->least);
            ratio_least = fminf(ratio_least, ec->factors->ratio_least);
            neutral &= ec->factors->neutral;
        }
    }
    e->by_blended = blended_tells(&most, least, ratio_least);
    if (neutral) {
        *prior = (rank_prior_bound){.kind = RANK_BOUND_PLAIN, .factor_min = 1, .factor_max = 1,
                                    .linear = {0, 0, 0, 0, 1}};
        e->by_blended = false;
    } else if (!e->constant) {
        prior->factor_max = fminf(prior->factor_max, most.most);
        prior->factor_min = fmaxf(prior->factor_min, least);
    }
    return ANP_OK;
}

/* The heads of lists lie all over the file: they are fetched some lanes ahead. */
anp_status eval_make_lanes(evaluation *e) {
    enum { LANES_AHEAD = 6 };
    eval_lane **table = (eval_lane **)arena_array(e->memory, void *,
                                                  (size_t)e->cell_count * e->term_count + 1);
    if (!table) {
        return eval_nomem(e);
    }
    e->by_blended = e->prior.kind == RANK_BOUND_BLENDED;
    if (e->prior.kind == RANK_BOUND_BOTH && e->request->k && e->term_count) {
        TRY(bound_priors(e));
    }
    for (uint32_t i = 0; i < e->cell_count; i++) {
        e->cells[i].lanes = table + (size_t)i * e->term_count;
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_term *term = &e->terms[i];
        term->lanes = arena_alloc(e->memory, (term->lists->count + 1) * sizeof *term->lanes);
        if (!term->lanes) {
            return eval_nomem(e);
        }
        float most = e->request->k && term->lists->count ? most_of_any(e, term) : 0;
        for (uint32_t k = 0; k < term->lists->count; k++) {
            uint32_t next = k + LANES_AHEAD < term->lists->count ? k + LANES_AHEAD : k;
            __builtin_prefetch(term->lists->lists[next].list.bounds);
            make_lane(e, term, k, most);
        }
    }
    return ANP_OK;
}

/* ---- The first threshold ------------------------------------------------------------------- */

enum { SEED_CELLS_MAX = 256 };

/* A contribution is rounded to a unit: by half of one, times the factor. */
static float most_of_rounding(const evaluation *e) {
    return 0.5f * e->prior.factor_max * RANK_BOUND_ROUND;
}

float eval_sure_units(const evaluation *e, const eval_lane *lane, float impact, bool blended) {
    const cell_factors *factors = e->cells[lane->in->cell].factors;
    float scale = lane->term->weight * (1 / RANK_BOUND_ROUND / RANK_BOUND_ROUND);
    float ratio = lane->ratio.largest;
    if (blended) {
        scale *= RANK_BUILD_FACTOR_MAX;
        impact = ratio > 1 ? impact / ratio : impact;
    } else {
        impact = rank_remap(impact, ratio);
    }
    if (e->prior.kind == RANK_BOUND_BOTH) {
        scale *= blended ? factors->ratio_least : factors->least;
    }
    return impact * scale - most_of_rounding(e);
}

/* Seeds of lists, each list's best first. */
typedef struct seed_run {
    const eval_lane *lane;
    uint32_t first, next; /* seeds: that it begins with; that comes next */
} seed_run;

/* Runs as a heap, the best next seed at its root: its value, a float above 0 whose bits keep the
   order, above the number of its run. */
typedef uint64_t seed_key;

static float key_value(seed_key key) {
    uint32_t bits = (uint32_t)(key >> 32);
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* The next seed of a run; 0: no more. */
static seed_key take_seed(const evaluation *e, seed_run *runs, uint32_t i, bool blended) {
    seed_run *run = &runs[i];
    const list_view *list = &run->lane->in->list;
    if (run->next == list->seed_count) {
        return 0;
    }
    float impact = (float)list_seed(list, blended, run->next++) * (1.0f / 65535);
    float value = eval_sure_units(e, run->lane, impact, blended);
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return value > 0 ? (seed_key)bits << 32 | i : 0;
}

/* Puts a key into the free place `at`, or further down. */
static void sink_key(seed_key *heap, uint32_t count, uint32_t at, seed_key key) {
    for (uint32_t child = 2 * at + 1; child < count; child = 2 * at + 1) {
        child += child + 1 < count && heap[child + 1] > heap[child];
        if (heap[child] <= key) {
            break;
        }
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = key;
}

/* The seed that a run begins with: all runs' together stand for half of k or less. */
static uint32_t first_seed(uint32_t k, uint32_t runs) {
    uint32_t first = 0;
    while (first + 1 < LIST_SEEDS_MAX && (4 * runs << first) <= k) {
        first++;
    }
    return first;
}

/* About the k-th best of what the seeds of a term stand for, or 0: the first that is taken for all
   postings up to it, the next for those in between. */
static float seed_of(const evaluation *e, const eval_term *term, uint32_t k, bool blended) {
    seed_run runs[SEED_CELLS_MAX];
    seed_key heap[SEED_CELLS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < term->lists->count && count < SEED_CELLS_MAX; i++) {
        const eval_lane *lane = &term->lanes[i];
        if (lane->in->list.bounds && !e->cells[lane->in->cell].c->dead) {
            runs[count++] = (seed_run){.lane = lane};
        }
    }
    uint32_t first = first_seed(k, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t last = runs[i].lane->in->list.seed_count - 1;
        runs[i].first = runs[i].next = first < last ? first : last;
        heap[i] = take_seed(e, runs, i, blended);
    }
    for (uint32_t at = count / 2; at-- > 0;) {
        sink_key(heap, count, at, heap[at]);
    }
    for (uint32_t found = 0; count && heap[0];) {
        uint32_t run = (uint32_t)heap[0];
        uint32_t taken = runs[run].next - 1;
        found += taken == runs[run].first ? 1u << taken : 1u << (taken - 1);
        if (found >= k) {
            return key_value(heap[0]);
        }
        sink_key(heap, count, 0, take_seed(e, runs, run, blended));
    }
    return 0;
}

/*
 * In a union without sets a posting that a seed tells of is a match with that score, unless an
 * excluded term is in it too: of so many more seeds, k are matches. The same holds of the driver.
 */
void eval_seed(evaluation *e) {
    uint64_t k = e->top->capacity;
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        k += e->excluded[i]->df;
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        const eval_term *term = &e->terms[i];
        if (term->lists->df < k || (e->driver && term != e->driver)) {
            continue;
        }
        for (int blended = 0; blended < 2; blended++) {
            bool tells = e->prior.kind == RANK_BOUND_BOTH || blended == e->by_blended;
            float sure = tells ? seed_of(e, term, (uint32_t)k, blended) : 0;
            e->theta = sure > e->theta ? sure : e->theta;
        }
    }
}

/* ---- Cells and blocks ---------------------------------------------------------------------- */

float eval_cell_most(const evaluation *e, const eval_cell *ec) {
    if (e->driver && !ec->lanes[e->driver - e->terms]) {
        return 0;
    }
    float sum = (float)e->constant * e->prior.factor_max;
    for (uint32_t i = 0; i < e->term_count; i++) {
        sum += ec->lanes[i] ? ec->lanes[i]->most : 0;
    }
    return sum * RANK_BOUND_ROUND;
}

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
    float spare = both ? 0 : RANK_BOUND_UNITS - most_of_rounding(e);
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
            float most = eval_cell_most(e, ec);
            order->most = most > order->most ? most : order->most;
            order->cells++;
        }
    }
    if (e->trace) {
        e->trace->blocks += order->cells * EVAL_CELL_BLOCKS;
    }
}

/* The blocks of a cell whose sums are in [least, below); how many. */
static uint32_t blocks_between(const evaluation *e, const eval_cell *ec, float least, float below,
                               uint64_t blocks[RANK_LANE_WORDS]) {
    uint64_t above[RANK_LANE_WORDS] = {0};
    uint32_t count = 0;
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
