/* The order of things: shape, lanes, count, candidates or union, the heap. See evaluate.h. */
#include "query/evaluation.h"

/* Of more candidates bounds are made before phrases are looked at. The tests are also built with
   few. */
#ifndef EVAL_CHECK_MAX
#define EVAL_CHECK_MAX 2048
#endif

/* Blocks that are scored before champions are asked; then again after FINISH_TIMES as many. The
   tests are also built with few. */
#ifndef EVAL_FINISH_FIRST
#define EVAL_FINISH_FIRST 32
#endif

enum {
    /* A cell with so few candidates, or a query with so many times those that are wanted and some
       more, is scored without bounds: these would cost more. Batches cost the least. */
    DIRECT_CELL = 24,
    DIRECT_EACH = 4,
    DIRECT_BATCHES = 16,
    DIRECT_ALL = 64,
    ONLY_BLOCKS = 28, /* of so many blocks and more the only list of a cell is scored as a whole */
    FINISH_TIMES = 2,
    FIRST_CELLS = 4, /* of a union, where there are so many: */
    FIRST_CELLS_FROM = 8,
    COUNT_FIRST_FROM = 4096, /* from this k on the heap is not made larger than there are matches */
};

static anp_status open_cells(evaluation *e) {
    const cell *cells = cells_all(e->snapshot, &e->cell_count);
    e->cells = arena_array(e->memory, eval_cell, e->cell_count + 1);
    if (!e->cells) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < e->cell_count; i++) {
        e->cells[i].c = &cells[i];
    }
    return ANP_OK;
}

/* ---- Unions -------------------------------------------------------------------------------- */

/* The list of a cell in which only one term is, else NULL. */
static const eval_lane *only_lane(const evaluation *e, const eval_cell *ec) {
    const eval_lane *only = NULL;
    for (uint32_t i = 0; i < e->term_count; i++) {
        if (ec->lanes[i] && only) {
            return NULL;
        }
        only = ec->lanes[i] ? ec->lanes[i] : only;
    }
    return only;
}

/* What the next blocks need comes from memory meanwhile. */
static void fetch_ahead(const evaluation *e, const eval_order *order) {
    enum { TFS_AHEAD = 1, AHEAD = 3, CELLS_FROM = 32 /* fewer stay in caches */ };
    if (e->cell_count >= CELLS_FROM && order->at + AHEAD < order->count) {
        const eval_block *b = &order->blocks[order->at];
        eval_fetch_tfs(&e->cells[b[TFS_AHEAD].cell], b[TFS_AHEAD].block);
        eval_fetch_block(e, &e->cells[b[AHEAD].cell], b[AHEAD].block);
    }
}

/*
 * Best blocks first, `most` of them or all. When some were scored, so that the threshold has nearly
 * its height, and then ever more, what champions can tell of the cells that are left is asked; and
 * what strips can, once the threshold no longer rises.
 */
static anp_status rank_union_blocks(evaluation *e, uint32_t most) {
    const eval_block *b;
    eval_order order;
    uint32_t done = 0, then = EVAL_FINISH_FIRST;
    float theta = 0;
    eval_order_begin(e, &order);
    TRY(eval_next_block(e, &order, &b));
    while (b && done < most) {
        const uint64_t *allowed;
        fetch_ahead(e, &order);
        eval_cell *ec = &e->cells[b->cell];
        if (!ec->finished) {
            TRY(eval_unscored(e, ec, &allowed));
            TRY(eval_union_block(e, ec, b->block, allowed));
            ec->sums[b->block] = 0; /* done with */
            done++;
        }
        if (done == then && done < most) {
            then *= FINISH_TIMES;
            TRY(eval_finish_cells(e));
            TRY(done > EVAL_FINISH_FIRST || e->theta <= theta ? eval_finish_strips(e) : ANP_OK);
            theta = e->theta;
        }
        TRY(eval_next_block(e, &order, &b));
    }
    return ANP_OK;
}

/* Bounds of a cell's blocks, or all of its scores where that is as soon done; what can't win is
   counted. */
static anp_status begin_union(evaluation *e, eval_cell *ec, uint32_t *skipped) {
    const eval_lane *lane = only_lane(e, ec);
    if (ec->most <= 0 || ec->most < e->theta) {
        ++*skipped;
        return ANP_OK;
    }
    eval_ready_cell(e, ec);
    if (lane && lane->in->list.count < RANK_LANES) {
        return eval_only_list(e, ec, lane);
    }
    TRY(eval_block_sums(e, ec));
    if (lane && lane->in->list.container_kind != LIST_BITSET &&
        eval_blocks_left(e, ec) > ONLY_BLOCKS) {
        ec->sums = NULL;
        return eval_only_list(e, ec, lane);
    }
    return ANP_OK;
}

/* The cells with the greatest bounds, FIRST_CELLS of them. */
static void best_cells(const evaluation *e, uint32_t cells[FIRST_CELLS]) {
    float mosts[FIRST_CELLS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        float most = e->cells[i].most;
        uint32_t at = count < FIRST_CELLS ? count++ : FIRST_CELLS - 1;
        if (i >= FIRST_CELLS && most <= mosts[at]) {
            continue;
        }
        for (; at && mosts[at - 1] < most; at--) {
            mosts[at] = mosts[at - 1];
            cells[at] = cells[at - 1];
        }
        mosts[at] = most;
        cells[at] = i;
    }
}

/* Of many cells a few come first: with the threshold that these give most of the others may be done
   with by their best postings, before bounds of their blocks are made. */
static anp_status begin_first(evaluation *e, uint32_t *skipped) {
    uint32_t first[FIRST_CELLS];
    if (e->cell_count < FIRST_CELLS_FROM || !eval_may_finish(e)) {
        return ANP_OK;
    }
    best_cells(e, first);
    for (uint32_t i = 0; i < FIRST_CELLS; i++) {
        TRY(begin_union(e, &e->cells[first[i]], skipped));
        e->cells[first[i]].begun = true;
    }
    return rank_union_blocks(e, EVAL_FINISH_FIRST);
}

/* Also the posts of the driver: the bounds of what is optional are added to its own. */
static anp_status rank_union(evaluation *e) {
    uint32_t skipped = 0;
    if (eval_is_one_term(e)) {
        return eval_one_term(e);
    }
    if (!e->request->filter && !e->excluded_set_count) {
        eval_seed(e);
    }
    TRY(begin_first(e, &skipped));
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        eval_fetch_cells(e, i);
        if (!ec->begun) {
            TRY(eval_finish_early(e, ec));
            TRY(ec->finished ? ANP_OK : begin_union(e, ec, &skipped));
        }
    }
    if (e->trace) {
        e->trace->cells_skipped += skipped;
    }
    return rank_union_blocks(e, UINT32_MAX);
}

/* ---- Candidates ---------------------------------------------------------------------------- */

/* Candidates that all have the same but for their priors: the best prior of a block tells whether
   it can win. */
static anp_status score_constants(evaluation *e, eval_cell *ec) {
    TRY(eval_candidate_words(e, ec));
    TRY(e->prior.blends ? eval_find_factors(e, ec) : ANP_OK);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS && e->constant; block++) {
        const uint64_t *words = ec->words + (size_t)block * RANK_LANE_WORDS;
        float factor = e->prior.blends ? ec->factors->blocks[block] : 1;
        float bound = (float)e->constant * factor * RANK_BOUND_ROUND;
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            for (uint64_t left = words[word];
                 left && eval_can_win(e, ec->c, block, bound); left &= left - 1) {
                uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
                eval_candidate(e, ec, (uint16_t)(block * BLOCK_DOCS + lane));
            }
        }
    }
    return ANP_OK;
}

static anp_status score_directly(evaluation *e, eval_cell *ec) {
    if (ec->count > DIRECT_CELL && eval_is_for_batches(e)) {
        return eval_candidate_batches(e, ec);
    }
    TRY(cells_open(e->snapshot, ec->c, e->err));
    if (!e->term_count) {
        return score_constants(e, ec); /* and those without a score come last: fill() */
    }
    for (uint32_t i = 0; ec->docs && i < ec->count; i++) {
        eval_candidate(e, ec, ec->docs[i]);
    }
    for (uint32_t word = 0; !ec->docs && ec->words && word < (uint32_t)KERNEL_WORDS; word++) {
        for (uint64_t left = ec->words[word]; left; left &= left - 1) {
            eval_candidate(e, ec, (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left)));
        }
    }
    return ANP_OK;
}

/* Whether candidates of blocks with bounds are scored in batches: not where most terms are
   optional, so that few posts of many have what counts. */
static bool blocks_in_batches(const evaluation *e) {
    return eval_is_for_batches(e) && (e->required_count == e->term_count || e->required_count > 1);
}

/* Bounds of all blocks, less those in which some required word is not. */
static anp_status bound_late(evaluation *e, eval_cell *ec) {
    TRY(eval_block_sums(e, ec));
    float *sums = ec->sums;
    ec->best++;
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        sums[block]++;
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        const eval_lane *lane = ec->lanes[i];
        bool tells = e->terms[i].required && lane->most > 0 && !eval_is_light(&e->terms[i]);
        for (uint32_t block = 0; tells && block < EVAL_CELL_BLOCKS; block++) {
            sums[block] = lane->blocks[block] > 0 ? sums[block] : 0;
        }
    }
    return ANP_OK;
}

/* Bounds of the blocks that have candidates. */
static anp_status bound_candidates(evaluation *e, eval_cell *ec) {
    if (ec->late) {
        return bound_late(e, ec);
    }
    bool by_docs = ec->docs && blocks_in_batches(e);
    TRY(by_docs ? eval_block_starts(e, ec) : eval_candidate_words(e, ec));
    TRY(eval_block_sums(e, ec));
    const uint32_t *starts = ec->starts;
    float *sums = ec->sums;
    ec->best++;
    for (uint32_t block = 0; by_docs && block < EVAL_CELL_BLOCKS; block++) {
        sums[block] = starts[block] < starts[block + 1] ? sums[block] + 1 : 0;
    }
    for (uint32_t block = 0; !by_docs && block < EVAL_CELL_BLOCKS; block++) {
        const uint64_t *w = ec->words + (size_t)block * 4;
        sums[block] = w[0] | w[1] | w[2] | w[3] ? sums[block] + 1 : 0;
    }
    return ANP_OK;
}

/* The phrases of every n-th candidate: how many hold them. */
static anp_status sample_phrases(evaluation *e, uint32_t every, uint64_t *held) {
    uint32_t next = 0;
    *held = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        uint32_t count = 0, at = next;
        uint16_t *lows = arena_array(e->memory, uint16_t, ec->count / every + 1);
        if (!lows) {
            return eval_nomem(e);
        }
        TRY(ec->count && !ec->docs ? eval_candidate_docs(e, ec) : ANP_OK);
        for (; at < ec->count; at += every) {
            lows[count++] = ec->docs[at];
        }
        next = at - ec->count;
        TRY(eval_phrases_hold(e, ec, lows, &count));
        *held += count;
    }
    return ANP_OK;
}

/*
 * The phrases of candidates are looked at when these would be kept, best blocks first: that is
 * right where there are many more matches than are wanted. Where there are not, the phrases of all
 * are looked at together: what does not hold them needs no score, and each look is cheaper.
 */

/* Whether positions are needed in some cell. */
static bool phrases_are_open(const evaluation *e) {
    bool open = false;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        open |= e->cells[i].count && eval_phrases_open(e, &e->cells[i]);
    }
    return open;
}

/* The phrases of all candidates in bounded cells whose blocks are not done with. */
static anp_status check_left(evaluation *e) {
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        if (ec->count > DIRECT_CELL) {
            ec->count = e->sets->count(ec->words);
            ec->docs = NULL;
            TRY(eval_phrases_keep(e, ec));
            TRY(eval_candidate_words(e, ec));
        }
    }
    e->phrases_checked = true;
    return ANP_OK;
}

/* The phrases of all candidates. */
static anp_status check_phrases(evaluation *e, uint64_t *found) {
    *found = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        TRY(eval_phrases_keep(e, &e->cells[i]));
        *found += e->cells[i].count;
    }
    e->phrases_checked = true;
    return ANP_OK;
}

/* Whether so many of `of` candidates that hold the phrases promise that there are far more matches
   than are wanted. */
static bool promise_many(const evaluation *e, uint64_t held, uint64_t of, uint64_t found) {
    enum { TIMES = 2 };
    return held * found >= TIMES * of * e->top->capacity;
}

/* Of not many candidates, whether a sample promises so; it may be wrong. */
static anp_status are_worth_bounds(evaluation *e, uint64_t found, bool *worth) {
    enum { SAMPLE_PART = 64, SAMPLE_LEAST = 16 };
    uint64_t sampled = found / SAMPLE_PART + SAMPLE_LEAST, held;
    *worth = found > EVAL_CHECK_MAX;
    if (!*worth) {
        TRY(sample_phrases(e, (uint32_t)(found / sampled), &held));
        *worth = held && promise_many(e, held - 1, sampled, found);
    }
    return ANP_OK;
}

/* How many of `found` candidates were seen; after `enough` their phrases are thought about. */
typedef struct phrase_watch {
    uint64_t found, seen, enough;
} phrase_watch;

/* Where the phrases of a part of all promise too little, those of what is left come first. */
static anp_status watch_phrases(evaluation *e, uint64_t words[4], phrase_watch *watch) {
    for (uint32_t word = 0; word < 4; word++) {
        watch->seen += (uint64_t)__builtin_popcountll(words[word]);
        words[word] = 0; /* done with */
    }
    bool late = watch->seen >= watch->enough && !eval_top_full(e) &&
                !promise_many(e, e->top->count, watch->seen, watch->found);
    return late ? check_left(e) : ANP_OK;
}

/* Blocks in the order of their bounds. */
static anp_status rank_batches(evaluation *e) {
    const eval_block *b;
    eval_batch batch;
    eval_order order;
    eval_order_begin(e, &order);
    order.in_parts = true; /* putting all blocks in order is much of the cost */
    eval_batch_begin(e, &batch);
    TRY(eval_next_block(e, &order, &b));
    while (b) {
        eval_cell *ec = &e->cells[b->cell];
        TRY(eval_batch_add(&batch, ec, b->block));
        TRY(eval_next_block(e, &order, &b));
    }
    eval_batch_end(&batch);
    return ANP_OK;
}

/* The same, one by one: their scores are made first, then their phrases are looked at. */
static anp_status rank_blocks(evaluation *e, uint64_t found) {
    enum { SEEN_PART = 32, SEEN_LEAST = 32 };
    phrase_watch watch = {.found = found, .enough = found / SEEN_PART + SEEN_LEAST};
    const eval_block *b;
    eval_order order;
    eval_order_begin(e, &order);
    TRY(eval_next_block(e, &order, &b));
    while (b) {
        eval_cell *ec = &e->cells[b->cell];
        TRY(eval_candidate_block(e, ec, b->block));
        if (e->phrase_count && !e->phrases_checked) {
            TRY(watch_phrases(e, ec->words + (size_t)b->block * 4, &watch));
        }
        TRY(eval_next_block(e, &order, &b));
    }
    return ANP_OK;
}

/* Whether so many candidates are scored without bounds. */
static bool are_few(const evaluation *e, uint64_t found) {
    uint64_t times = eval_is_for_batches(e) ? DIRECT_BATCHES : DIRECT_EACH;
    return e->term_count == 0 || found <= times * e->top->capacity + DIRECT_ALL;
}

/* Finds them; what is to be counted holds the phrases. Not before their blocks are scored where
   that will do: *found is about how many there are. */
static anp_status find_candidates(evaluation *e, bool late, uint64_t *found) {
    *found = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        if (!e->request->count && ec->most < e->theta) {
            continue; /* of a choice whose others have better ones */
        }
        TRY(late ? eval_find_late(e, ec) : ANP_OK);
        TRY(ec->late ? ANP_OK : eval_find_candidates(e, ec));
        if (e->phrase_count && e->request->count) {
            TRY(eval_phrases_keep(e, ec));
        }
        *found += ec->count;
    }
    return ANP_OK;
}

/* Those of a cell that were left for later. */
static anp_status find_left(evaluation *e, eval_cell *ec) {
    if (!ec->late) {
        return ANP_OK;
    }
    ec->late = NULL;
    return eval_find_candidates(e, ec);
}

/* Whether candidates may be left for later: in no cell if a required word is too rare for it. */
static bool may_be_late(const evaluation *e) {
    bool late = !e->request->count && blocks_in_batches(e);
    for (uint32_t i = 0; i < e->term_count && late; i++) {
        late = !e->terms[i].required || e->terms[i].lists->df >= (uint32_t)EVAL_LATE_LEAST;
    }
    return late;
}

static anp_status rank_candidates(evaluation *e, uint64_t *total) {
    uint64_t found;
    bool late = may_be_late(e);
    TRY(find_candidates(e, late, &found));
    *total = late ? 0 : found;
    for (uint32_t i = 0; i < e->cell_count && late && are_few(e, found); i++) {
        uint32_t guessed = e->cells[i].count;
        TRY(find_left(e, &e->cells[i]));
        found = found - guessed + e->cells[i].count;
    }
    if (e->request->count || !phrases_are_open(e)) {
        e->phrase_count = 0; /* what is left holds them */
    }
    if (e->phrase_count) {
        bool worth = false;
        TRY(are_few(e, found) ? ANP_OK : are_worth_bounds(e, found, &worth));
        TRY(worth ? ANP_OK : check_phrases(e, &found));
    }
    bool direct = are_few(e, found);
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        if (ec->count && !direct && ec->count > DIRECT_CELL) {
            TRY(bound_candidates(e, ec));
        } else if (ec->count) {
            TRY(e->phrase_count && !e->phrases_checked ? eval_phrases_keep(e, ec) : ANP_OK);
            TRY(score_directly(e, ec));
        }
    }
    return blocks_in_batches(e) ? rank_batches(e) : rank_blocks(e, found);
}

/* ---- Matches without a score --------------------------------------------------------------- */

static int by_docno(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Those of a cell, until the heap is full. `kept`: ordinals that it has, ascending. */
static anp_status fill_from(evaluation *e, const eval_cell *ec, const uint64_t *words,
                            const uint32_t *kept, size_t kept_count) {
    TRY(cells_open(e->snapshot, ec->c, e->err));
    for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word++) {
        for (uint64_t left = words[word]; left && !eval_top_full(e); left &= left - 1) {
            uint32_t docno = ec->c->first + word * 64 + (uint32_t)__builtin_ctzll(left);
            if (!bsearch(&docno, kept, kept_count, sizeof docno, by_docno)) {
                double scores[RANK_SCORES];
                cell_scores(ec->c, docno - ec->c->first, scores);
                double prior = rank_prior(e->request->rank->weights, scores);
                double score = rank_blend(0, e->request->rank->blend, prior);
                top_offer(e->top, score, prior, 0, docno);
            }
        }
    }
    return ANP_OK;
}

/* Whether a posting is surely worth a unit in a post of so many words at most. */
static bool surely_scores_in(const evaluation *e, const eval_term *term, uint64_t title_most,
                             uint64_t body_most) {
    bool in_title = term->lists->field == INDEX_TITLE;
    double title = (double)title_most * (in_title ? 1 : e->title_weight);
    double body = in_title ? 0 : (double)body_most;
    double norm = (double)term->norm.base + (double)term->norm.slope * (title + body);
    return (double)term->weight >= (double)EVAL_UNITS_SURE * (1 + norm);
}

/* Whether each posting of a term is surely worth a unit: of rare ones in posts of any length, so
   that no columns are read for it. */
static anp_status surely_scores(const evaluation *e, const eval_term *term, bool *all) {
    *all = surely_scores_in(e, term, TITLE_WORDS_MAX, POST_WORDS_MAX);
    if (*all) {
        return ANP_OK;
    }
    *all = true;
    for (uint32_t i = 0; i < e->cell_count && *all; i++) {
        const cell *c = e->cells[i].c;
        TRY(cells_open(e->snapshot, c, e->err));
        *all = surely_scores_in(e, term, c->title_most, c->body_most);
    }
    return ANP_OK;
}

/* Whether no match has score 0. */
static anp_status all_score(const evaluation *e, bool *all) {
    *all = e->term_count > 0 && !e->required_set_count;
    for (uint32_t i = 0; i < e->term_count && *all && !e->driver; i++) {
        TRY(surely_scores(e, &e->terms[i], all));
    }
    return ANP_OK;
}

/*
 * All matches with a score are kept and there is room for more: a word that is in nearly all posts
 * weighs less than a unit. Such matches have score 0, and their order is that of ordinals.
 */
static anp_status fill(evaluation *e) {
    size_t kept_count = e->top->count;
    uint32_t *kept = arena_alloc(e->memory, (kept_count + 1) * sizeof *kept);
    uint64_t *words = eval_words(e);
    if (!kept || !words) {
        return eval_nomem(e);
    }
    for (size_t i = 0; i < kept_count; i++) {
        kept[i] = e->top->items[i].docno;
    }
    qsort(kept, kept_count, sizeof *kept, by_docno);
    for (uint32_t i = 0; i < e->cell_count && !eval_top_full(e); i++) {
        eval_cell *ec = &e->cells[i];
        if (eval_requires(e)) {
            TRY(find_left(e, ec));
            if (ec->count) {
                TRY(eval_candidate_words(e, ec));
                TRY(fill_from(e, ec, ec->words, kept, kept_count));
            }
        } else {
            TRY(eval_union_words(e, ec, words));
            TRY(fill_from(e, ec, words, kept, kept_count));
        }
    }
    return ANP_OK;
}

/* ---- All of it ----------------------------------------------------------------------------- */

static anp_status make_heap(evaluation *e, uint64_t most) {
    size_t k = e->request->k < most ? e->request->k : (size_t)most;
    return top_make(e->top, k, e->memory) ? ANP_OK : eval_nomem(e);
}

static anp_status rank(evaluation *e, uint64_t *total) {
    bool begun = e->theta > 0; /* no match without a score is wanted */
    bool counted = e->request->k >= (uint32_t)COUNT_FIRST_FROM;
    if (counted) {
        TRY(eval_count(e, total));
    }
    TRY(make_heap(e, counted ? *total : UINT32_MAX));
    if (eval_requires(e)) {
        uint64_t found;
        TRY(rank_candidates(e, &found));
        *total = counted ? *total : found;
    } else {
        TRY(rank_union(e));
        if (!counted && e->request->count) {
            TRY(eval_count(e, total));
        }
    }
    /* With phrases every candidate is offered. */
    bool all = eval_top_full(e) || e->phrase_count || begun;
    if (!all) {
        TRY(all_score(e, &all));
    }
    return all ? ANP_OK : fill(e);
}

static void count_lists(const evaluation *e) {
    evaluate_trace *t = e->trace;
    if (!t) {
        return;
    }
    t->cells = e->cell_count;
    t->terms = e->term_count > t->terms ? e->term_count : t->terms; /* of several choices */
    for (uint32_t i = 0; i < e->term_count; i++) {
        const term_lists *lists = e->terms[i].lists;
        t->lists += lists->count;
        for (uint32_t k = 0; k < lists->count; k++) {
            t->list_bytes += lists->lists[k].list.len - lists->lists[k].list.positions.len;
        }
    }
}

static const cell *cell_of(const evaluation *e, uint32_t docno) {
    uint32_t from = 0, to = e->cell_count, window = docno >> WINDOW_BITS;
    if (window < to && docno - e->cells[window].c->first - e->cells[window].c->from <
                           e->cells[window].c->end - e->cells[window].c->from) {
        return e->cells[window].c; /* each window is one cell so far */
    }
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        const cell *c = e->cells[middle].c;
        if (c->first + c->from <= docno) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return e->cells[from].c;
}

double eval_prior(const evaluation *e, const cell *c, uint32_t low) {
    double scores[RANK_SCORES];
    if (c->score_bytes == 4) {
        return rank_prior_of_bytes(e->request->rank->weights, e->weights_total,
                                   cell_scores_at(c, low));
    }
    cell_scores(c, low, scores);
    return rank_prior(e->request->rank->weights, scores);
}

/* Scores that no prior had a part in are made without it; what is kept gets it now. */
static void fill_priors(evaluation *e) {
    for (size_t i = 0; i < e->top->count && !e->prior.blends; i++) {
        scored *item = &e->top->items[i];
        if (item->prior < 0) {
            const cell *c = cell_of(e, item->docno);
            item->prior = eval_prior(e, c, item->docno - c->first);
        }
    }
}

/* Where one term is required, and nothing else. */
static anp_status find_driver(evaluation *e) {
    bool sure = false;
    const eval_term *term = e->terms;
    if (e->required_count == 1 && !e->required_set_count && !e->phrase_count) {
        while (!term->required) {
            term++;
        }
        TRY(surely_scores(e, term, &sure));
    }
    e->driver = sure ? term : NULL;
    return ANP_OK;
}

anp_status eval_prepare(evaluation *e, bool *known) {
    TRY(open_cells(e));
    TRY(eval_shape(e, known));
    if (!*known) {
        return ANP_OK;
    }
    TRY(find_driver(e));
    TRY(eval_make_lanes(e));
    count_lists(e);
    bool trace_pairs = e->trace && e->trace->memory && !e->trace->pair_lines.len;
    return trace_pairs ? eval_trace_pairs(e) : ANP_OK;
}

bool eval_is_empty(const evaluation *e) {
    return e->impossible || (!eval_requires(e) && e->term_count == 0);
}

static anp_status answer(evaluation *e, uint64_t *total, bool *known) {
    TRY(eval_prepare(e, known));
    if (!*known) {
        return ANP_OK;
    }
    if (eval_is_empty(e)) {
        *total = 0;
        return e->request->k ? make_heap(e, 0) : ANP_OK;
    }
    if (!e->request->k) {
        return eval_count(e, total);
    }
    TRY(rank(e, total));
    fill_priors(e);
    return ANP_OK;
}

anp_status eval_run(evaluation *e, uint64_t *total, bool *known) {
    anp_status status = answer(e, total, known);
    eval_close(e);
    return status;
}

static anp_status run(evaluation *e, uint64_t *total, bool *known) {
    bool requires;
    uint32_t choices = eval_choices(e->request->plan, &requires);
    e->sets_made->items =
        arena_array(e->memory, eval_set, 2 * (size_t)e->request->plan->clause_count + 1);
    if (!e->sets_made->items) {
        return eval_nomem(e);
    }
    TRY(eval_find_needed(e));
    e->chooses = choices && choices <= EVAL_CHOICES_MAX;
    return e->chooses ? eval_alternatives(e, choices, requires, total, known)
                      : eval_run(e, total, known);
}

static void free_sets(eval_sets *sets) {
    for (uint32_t i = 0; i < sets->count; i++) {
        bitmap_free(sets->items[i].posts);
        free(sets->items[i].ranges);
    }
}

anp_status evaluate(snapshot *s, const evaluate_request *request, arena *scratch, top_list *top,
                    uint64_t *total, bool *answered, evaluate_trace *trace, anp_error *err) {
    evaluation *e = arena_new(scratch, evaluation);
    eval_sets sets = {0};
    if (!e) {
        return error_nomem(err, "the evaluation of a query");
    }
    e->sets_made = &sets;
    e->snapshot = s;
    e->request = request;
    e->memory = scratch;
    e->err = err;
    e->trace = trace;
    e->lanes = rank_lanes_best();
    e->sets = postings_kernels_best();
    e->lists = postings_reader_best();
    e->title_weight = snapshot_title_weight(s);
    e->prior = rank_prior_bound_make(request->rank);
    for (int i = 0; i < RANK_SCORES; i++) {
        e->weights_total += request->rank->weights[i];
    }
    e->top = top;
    *top = (top_list){0};
    *answered = false;
    anp_status status = run(e, total, answered);
    free_sets(&sets);
    if (status != ANP_OK || !*answered) {
        *top = (top_list){0};
    }
    return status;
}
