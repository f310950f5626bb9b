/*
 * Lanes: of the list of each term in each cell first what its digest tells, then, of those that are
 * looked into, what bounds of blocks and postings are made of. The factors of other settings; the
 * first threshold.
 *
 * A union of ten million posts has 153 cells; what a term has at most, and its seeds, mostly tell
 * that a cell has nothing or next to nothing that can win. Lists lie all over the file, so that
 * each that is looked into is some hundred ns of waiting.
 */
#include "query/evaluation.h"

/* ---- What digests tell ---------------------------------------------------------------------- */

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

static const float UNIT = 1.0f / 65535;

static void bound_list(const evaluation *e, const list_digest *digest, rank_norm_scale scale,
                       eval_lane *lane) {
    const rank_norm_ratio ratio = eval_is_constant(lane->term)
                                      ? (rank_norm_ratio){1, 1}
                                      : rank_norm_ratio_of(scale, digest->length_average);
    const eval_term *term = lane->term;
    const cell_factors *of = e->cells[digest->cell].factors;
    float high = (float)digest->impact_max * UNIT;
    rank_factors factors = of ? of->most : (rank_factors){1, 1};
    lane->ratio = ratio;
    rank_bound_begin(high, (float)digest->blended_max * UNIT, term->weight, ratio.least,
                     e->prior.kind, factors, &lane->bound);
    float impact = rank_remap(high, ratio.least);
    lane->most = is_weightless(term, impact) ? 0 : lane->bound.most;
    if (eval_is_light(term)) {
        float whole = eval_whole_units(term, impact) * e->prior.factor_max;
        lane->most = whole < lane->most ? whole : lane->most;
    }
}

/* For counting the lists alone will do. */
static void make_lanes_of(const evaluation *e, eval_term *term, eval_lane **table) {
    const term_lists *lists = term->lists;
    const rank_norm_scale scale = rank_norm_scale_make(term->norm);
    float most = e->request->k && lists->count ? most_of_any(e, term) : 0;
    table += term - e->terms;
    for (uint32_t i = 0; i < lists->count; i++) {
        const list_digest *digest = &lists->digests[i];
        eval_lane *lane = &term->lanes[i];
        lane->in = &lists->lists[i];
        lane->term = term;
        lane->most = most;
        lane->ready = false;
        table[(size_t)digest->cell * e->term_count] = lane;
        if (digest->seed_count && e->request->k) {
            bound_list(e, digest, scale, lane);
        }
    }
}

/* ---- What lists tell ------------------------------------------------------------------------- */

void eval_ready_lane(const evaluation *e, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    if (lane->ready) {
        return;
    }
    lane->ready = true;
    lane->values = NULL;
    lane->blocks = NULL;
    lane->starts = NULL;
    lane->tfs = NULL;
    lane->levels = NULL;
    lane->strips = NULL;
    lane->asked = 0;
    if (list->bounds && e->request->k) {
        rank_bound_codes((rank_list_bounds){(float)load_u16(list->bounds) * UNIT,
                                            (float)list->impact_max * UNIT,
                                            (float)load_u16(list->bounds + 4) * UNIT,
                                            (float)list->blended_max * UNIT},
                         &lane->bound);
    }
}

void eval_ready_cell(const evaluation *e, const eval_cell *ec) {
    for (uint32_t i = 0; i < e->term_count; i++) {
        if (ec->lanes[i]) {
            eval_ready_lane(e, ec->lanes[i]);
        }
    }
}

/* Cell i, if it may have something that can win, else NULL. */
static const eval_cell *promising_cell(const evaluation *e, uint32_t i) {
    const eval_cell *ec = i < e->cell_count ? &e->cells[i] : NULL;
    return ec && !ec->begun && ec->most >= e->theta ? ec : NULL;
}

void eval_fetch_cells(const evaluation *e, uint32_t i) {
    enum { VIEWS_AHEAD = 6, AHEAD = 3 };
    const eval_cell *far = promising_cell(e, i + VIEWS_AHEAD);
    const eval_cell *near = promising_cell(e, i + AHEAD);
    for (uint32_t term = 0; term < e->term_count; term++) {
        if (far && far->lanes[term]) {
            __builtin_prefetch(&far->lanes[term]->in->list.bounds);
        }
        if (near && near->lanes[term]) {
            __builtin_prefetch(near->lanes[term]->in->list.bounds);
        }
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
            eval_cell *ec = &e->cells[e->terms[i].lists->digests[k].cell];
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

static float cell_most(const evaluation *e, const eval_cell *ec) {
    float sum = (float)e->constant * e->prior.factor_max;
    if (e->driver && !ec->lanes[e->driver - e->terms]) {
        return 0;
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        sum += ec->lanes[i] ? ec->lanes[i]->most : 0;
    }
    return sum * RANK_BOUND_ROUND;
}

/* The lists of all cells are looked into, but for unions. */
anp_status eval_make_lanes(evaluation *e) {
    size_t entries = (size_t)e->cell_count * e->term_count;
    eval_lane **table = (eval_lane **)arena_array(e->memory, void *, entries + 1);
    if (!table) {
        return eval_nomem(e);
    }
    e->by_blended = e->prior.kind == RANK_BOUND_BLENDED;
    if (e->prior.kind == RANK_BOUND_BOTH && e->request->k && e->term_count) {
        TRY(bound_priors(e));
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_term *term = &e->terms[i];
        term->lanes = arena_alloc(e->memory, (term->lists->count + 1) * sizeof *term->lanes);
        if (!term->lanes) {
            return eval_nomem(e);
        }
        make_lanes_of(e, term, table);
    }
    for (uint32_t i = 0; i < e->cell_count; i++) {
        e->cells[i].lanes = table + (size_t)i * e->term_count;
        e->cells[i].most = cell_most(e, &e->cells[i]);
    }
    for (uint32_t i = 0; i < e->cell_count && (eval_requires(e) || !e->request->k); i++) {
        eval_fetch_cells(e, i);
        eval_ready_cell(e, &e->cells[i]);
    }
    return ANP_OK;
}

/* ---- The first threshold ------------------------------------------------------------------- */

enum { SEED_CELLS_MAX = 256 };

float eval_sure_units(const evaluation *e, const eval_lane *lane, float impact, bool blended) {
    float scale = lane->term->weight * (1 / RANK_BOUND_ROUND / RANK_BOUND_ROUND);
    float ratio = lane->ratio.largest;
    if (blended) {
        scale *= RANK_BUILD_FACTOR_MAX;
        impact = ratio > 1 ? impact / ratio : impact;
    } else {
        impact = rank_remap(impact, ratio);
    }
    if (e->prior.kind == RANK_BOUND_BOTH) {
        const cell_factors *factors = e->cells[eval_digest(lane)->cell].factors;
        scale *= blended ? factors->ratio_least : factors->least;
    }
    return impact * scale - eval_rounding_most(e);
}

/* Seeds of lists, each list's best first. */
typedef struct seed_run {
    const eval_lane *lane;
    const list_digest *digest;
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
    if (run->next == run->digest->seed_count) {
        return 0;
    }
    float impact = (float)run->digest->seeds[blended][run->next++] * UNIT;
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
        const list_digest *digest = &term->lists->digests[i];
        if (digest->seed_count && !e->cells[digest->cell].c->dead) {
            runs[count++] = (seed_run){.lane = &term->lanes[i], .digest = digest};
        }
    }
    uint32_t first = first_seed(k, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t last = runs[i].digest->seed_count - 1;
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
        bool tells_nothing = term->weight * e->prior.factor_max < e->theta;
        if (term->lists->df < k || (e->driver && term != e->driver) || tells_nothing) {
            continue;
        }
        for (int blended = 0; blended < 2; blended++) {
            bool tells = e->prior.kind == RANK_BOUND_BOTH || blended == e->by_blended;
            float sure = tells ? seed_of(e, term, (uint32_t)k, blended) : 0;
            e->theta = sure > e->theta ? sure : e->theta;
        }
    }
}

