/*
 * Candidates scored up to 256 of a cell at a time, whatever their blocks: a block costs more than
 * its few candidates do.
 *
 *     blocks       those that can win, best first; or all candidates of a cell, in their order
 *     waiting      3   7 | 262   301 | 517 …     by cell, until there are enough
 *     term by      tfs, contributions; out are those that do not reach the threshold with what the
 *     term         terms that are left have at most in their block
 *     kept         those that reach it in the end
 *
 * The term that has the greatest bound comes first: after it few are left as a rule, and these move
 * together. Where blocks have many candidates each, tfs are read block by block instead, until few
 * are left; a block with more still (EVAL_BLOCK_WHOLE) is a batch by itself, in which each ordinal
 * stands in its place, so that norms need no gathering.
 *
 * A list of which many tfs are asked for is read once, as a whole (prepare_lane).
 *
 * The first batches are small, as the threshold grows fastest then. Loops run over all candidates
 * of a batch, not block by block: how many a block has is what a processor cannot foresee.
 *
 * Tried for unions too: posts that hold all mandatory terms are so few in a block that waiting for
 * others costs more, by a threshold that comes late, than batches save (passages, best ten: 1.3
 * times as long), though unions of long posts took 0.83 to 0.89.
 */
#include "query/evaluation.h"

enum {
    BATCH_FIRST = 32,  /* candidates of all cells that are scored first */
    FEW_LEFT = 16,     /* candidates of a block by itself that move together */
    EACH_CELL = 32,    /* of so many a cell, and more, later */
};

bool eval_is_for_batches(const evaluation *e) {
    return e->term_count && !e->phrase_count && !e->constant;
}

/* ---- Candidates that wait ------------------------------------------------------------------ */

/* Terms by descending bound. */
static void order_terms(eval_batch *b) {
    const evaluation *e = b->e;
    float most[EVAL_TERMS_MAX];
    for (uint32_t term = 0; term < e->term_count; term++) {
        float bound = 0;
        uint32_t at = term;
        for (uint32_t i = 0; i < e->terms[term].lists->count; i++) {
            float one = e->terms[term].lanes[i].most;
            bound = one > bound ? one : bound;
        }
        for (; at && most[at - 1] < bound; at--) {
            most[at] = most[at - 1];
            b->order[at] = b->order[at - 1];
        }
        most[at] = bound;
        b->order[at] = (uint8_t)term;
    }
}

void eval_batch_begin(evaluation *e, eval_batch *b) {
    size_t first = e->top->capacity + e->top->capacity / 2;
    b->e = e;
    b->waiting = 0;
    b->enough = first < BATCH_FIRST ? BATCH_FIRST : first < RANK_LANES ? (uint32_t)first
                                                                       : RANK_LANES;
    order_terms(b);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        b->every[i] = (uint8_t)i;
    }
}

/* By block, what the terms behind each one, in their order, have at most together. */
static anp_status sum_rests(const eval_batch *b, eval_cell *ec) {
    const evaluation *e = b->e;
    uint32_t terms = e->term_count;
    float *rests = arena_alloc(e->memory, (size_t)terms * EVAL_CELL_BLOCKS * sizeof *rests);
    if (!rests) {
        return eval_nomem(e);
    }
    memset(rests + (size_t)(terms - 1) * EVAL_CELL_BLOCKS, 0, EVAL_CELL_BLOCKS * sizeof *rests);
    for (uint32_t i = terms - 1; i-- > 0;) {
        const eval_lane *lane = ec->lanes[b->order[i + 1]];
        float *rest = rests + (size_t)i * EVAL_CELL_BLOCKS;
        const float *behind = rest + EVAL_CELL_BLOCKS;
        for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
            float bound = lane ? lane->blocks[block] * RANK_BOUND_ROUND : 0;
            rest[block] = behind[block] + bound;
        }
    }
    ec->rests = rests;
    return ANP_OK;
}

static anp_status begin_waiting(const eval_batch *b, eval_cell *ec) {
    if (ec->waiting) {
        return ANP_OK;
    }
    TRY(cells_open(b->e->snapshot, ec->c, b->e->err));
    TRY(sum_rests(b, ec));
    ec->waiting = arena_alloc(b->e->memory, sizeof *ec->waiting);
    if (!ec->waiting) {
        return eval_nomem(b->e);
    }
    ec->waiting->count = ec->waiting->blocks = 0;
    return ANP_OK;
}

anp_status eval_block_starts(evaluation *e, eval_cell *ec) {
    uint32_t *starts = arena_array(e->memory, uint32_t, EVAL_CELL_BLOCKS + 1);
    if (!starts) {
        return eval_nomem(e);
    }
    const uint16_t *docs = ec->docs;
    for (uint32_t i = 0, count = ec->count; i < count; i++) {
        starts[docs[i] / BLOCK_DOCS + 1] = i + 1;
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        starts[block + 1] = starts[block + 1] ? starts[block + 1] : starts[block];
    }
    ec->starts = starts;
    return ANP_OK;
}

/* ---- What all terms need ------------------------------------------------------------------- */

static const float *norms_of(eval_batch *b, const eval_term *term) {
    index_field field = term->lists->field;
    if (!b->normed[field]) {
        b->normed[field] = true;
        if (b->whole) {
            eval_block_norms(b->e, b->ec->c, term, b->block, b->norms[field]);
        } else {
            eval_norms_of(b->e, b->ec->c, term, b->docs, b->count, b->norms[field]);
        }
    }
    return b->norms[field];
}

/* The factors of the candidates, if they are not all 1. */
static void make_factors(eval_batch *b) {
    const evaluation *e = b->e;
    const cell *c = b->ec->c;
    uint8_t scores[RANK_LANES * RANK_SCORES];
    if (!e->prior.blends) {
        return;
    }
    if (b->whole) {
        eval_block_factors(e, c, b->block, b->factors);
        return;
    }
    if (c->score_bytes != RANK_SCORES) {
        for (uint32_t i = 0; i < b->count; i++) {
            b->factors[i] = eval_factor(e, c, b->docs[i]);
        }
        return;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        memcpy(scores + (size_t)RANK_SCORES * i,
               cell_scores_at(c, b->docs[i]), RANK_SCORES);
    }
    memset(scores + (size_t)RANK_SCORES * b->count, 0,
           (size_t)RANK_SCORES * (RANK_LANES - b->count));
    e->lanes->factors(scores, e->prior.linear, b->factors);
}

/* ---- Blocks of many candidates ------------------------------------------------------------- */

/* Their bits, of a block whose candidates all are in the batch from those of the cell. */
static void find_lanes(const eval_batch *b, eval_stretch *run) {
    const uint64_t *words = b->ec->words;
    uint32_t count = 0;
    if (words) {
        memcpy(run->lanes, words + (size_t)run->block * RANK_LANE_WORDS, sizeof run->lanes);
        count = b->e->sets->block_count(run->lanes);
    }
    if (count != run->end - run->from) {
        memset(run->lanes, 0, sizeof run->lanes);
        for (uint32_t i = run->from; i < run->end; i++) {
            run->lanes[b->docs[i] % BLOCK_DOCS / 64] |= (uint64_t)1 << b->docs[i] % 64;
        }
    }
}

static void add_run(eval_batch *b, uint32_t block, uint32_t from, uint32_t end) {
    eval_stretch *run = &b->runs[b->run_count++];
    run->block = block;
    run->from = from;
    run->end = end;
    find_lanes(b, run);
}

/* Of ascending candidates. */
static void find_runs(eval_batch *b) {
    uint32_t spanned = b->docs[b->count - 1] / BLOCK_DOCS - b->docs[0] / BLOCK_DOCS + 1u;
    b->run_count = 0;
    for (uint32_t i = 0, end; i < b->count && b->count >= EVAL_BLOCK_MANY * spanned; i = end) {
        uint32_t block = b->docs[i] / BLOCK_DOCS;
        for (end = i + 1; end < b->count && b->docs[end] / BLOCK_DOCS == block; end++) {
        }
        add_run(b, block, i, end);
    }
}

/* Of those that waited. */
static void take_runs(eval_batch *b, const eval_waiting *waiting) {
    b->run_count = 0;
    for (uint32_t i = 0, from = 0;
         i < waiting->blocks && b->count >= EVAL_BLOCK_MANY * waiting->blocks; i++) {
        add_run(b, waiting->block[i], from, waiting->ends[i]);
        from = waiting->ends[i];
    }
}

/* Whether some candidate of a run is not out yet. */
static bool is_alive(const eval_batch *b, const eval_stretch *run) {
    uint64_t any = 0;
    for (uint32_t word = run->from / 64; word <= (run->end - 1) / 64; word++) {
        uint32_t low = run->from > word * 64 ? run->from - word * 64 : 0;
        uint32_t end = run->end - word * 64;
        uint64_t below = end < 64 ? ((uint64_t)1 << end) - 1 : UINT64_MAX;
        any |= b->alive[word] & below & (UINT64_MAX << low);
    }
    return any != 0;
}

/* Of the runs in which some are left; 0 in the others. Whether one is 255. */
static bool read_runs(eval_batch *b, const eval_lane *lane) {
    const list_view *list = &lane->in->list;
    bool large = false;
    for (const eval_stretch *run = b->runs; run < b->runs + b->run_count; run++) {
        if (is_alive(b, run)) {
            large |= b->e->lists->tfs_of(list, lane->tfs, run->block, run->lanes,
                                          b->tfs + run->from);
        } else {
            memset(b->tfs + run->from, 0, run->end - run->from);
        }
    }
    return large;
}

/* A post by its place. */
static uint16_t doc_at(const eval_batch *b, uint32_t i) {
    return b->whole ? (uint16_t)(b->block * BLOCK_DOCS + i) : b->docs[i];
}

/* ---- Term by term -------------------------------------------------------------------------- */

/* Contributions of tfs that are no bytes; the others' tfs are left. */
static void add_large(eval_batch *b, const eval_lane *lane, const float *norms) {
    const list_view *list = &lane->in->list;
    uint64_t full[RANK_LANE_WORDS];
    b->e->sets->at_least(b->tfs, b->count, UINT8_MAX, full);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = full[word] & b->alive[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint32_t rank = b->e->lists->rank(list, doc_at(b, i));
            uint32_t tf = rank == UINT32_MAX ? 0 : list_tf(list, rank);
            if (tf > UINT8_MAX) {
                b->tfs[i] = 0;
                b->sums[i] += (int32_t)rank_contribution(lane->term->weight, tf, norms[i]);
            }
        }
    }
}

void eval_find_starts(evaluation *e, eval_lane *lane) {
    const list_view *list = &lane->in->list;
    if (lane->starts || list->container_kind != LIST_BLOCKED) {
        return;
    }
    lane->starts = arena_alloc(e->memory, (EVAL_CELL_BLOCKS + 1) * sizeof *lane->starts);
    if (lane->starts) {
        e->sets->starts(list->high, list_high_words(list->count), list->count, lane->starts);
    }
}

/*
 * What makes looking ordinals up in a list cheaper, once many were: where the blocks of a blocked
 * container begin; all its tfs, in about the time that so many look-ups took. Where memory is out
 * there is none of it.
 */
static void prepare_lane(eval_batch *b, eval_lane *lane) {
    enum { MANY = 16, TFS_PART = 8, TFS_BYTES_MAX = 1 << 20 };
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    lane->asked += b->count;
    if (lane->asked > MANY) {
        eval_find_starts(e, lane);
    }
    uint32_t part = list->tf_bits ? TFS_PART : LIST_DOCS; /* else each is searched for */
    if (!lane->tfs && lane->asked > MANY + list->count / part &&
        e->tf_bytes + list->count <= TFS_BYTES_MAX) {
        lane->tfs = arena_alloc(e->memory, list->count + KERNEL_READ_BYTES);
        if (lane->tfs) {
            e->lists->tfs_of_all(list, lane->tfs);
            e->tf_bytes += list->count;
        }
    }
}

static bool read_tfs(eval_batch *b, const eval_lane *lane) {
    const postings_reader *lists = b->e->lists;
    const list_view *list = &lane->in->list;
    return b->whole       ? lists->lane_tfs_of(list, lane->tfs, b->block, b->alive, b->tfs)
           : b->run_count ? read_runs(b, lane)
                          : lists->tfs_of_docs(list, lane->tfs, lane->starts, b->docs, b->count,
                                               b->tfs);
}

static void add_term(eval_batch *b, eval_lane *lane) {
    const evaluation *e = b->e;
    const float *norms = norms_of(b, lane->term);
    prepare_lane(b, lane);
    bool large = read_tfs(b, lane);
    memset(b->tfs + b->count, 0, RANK_LANES - b->count);
    if (large) {
        add_large(b, lane, norms);
    }
    e->lanes->add(b->tfs, norms, lane->term->weight, b->sums);
    if (e->trace) {
        e->trace->postings += b->count;
    }
}

/* Takes out those whose sum, times the factor, is less. */
static uint32_t drop_below(eval_batch *b, float least) {
    const evaluation *e = b->e;
    return e->lanes->reach(b->sums, e->prior.blends ? b->factors : NULL, least, b->alive);
}

/* The same, each with a threshold of its own: b->least. */
static uint32_t drop_below_each(eval_batch *b) {
    const evaluation *e = b->e;
    return e->lanes->reach_each(b->sums, e->prior.blends ? b->factors : NULL, b->least, b->alive);
}

/* When number `i` of the terms is added, and others are left: how many candidates are. */
static uint32_t drop_hopeless(eval_batch *b, uint32_t i) {
    const float theta = b->e->theta * EVAL_SUM_ROUND;
    if (!b->ec->rests) {
        return drop_below(b, theta - b->rest);
    }
    const float *rests = b->ec->rests + (size_t)i * EVAL_CELL_BLOCKS;
    if (b->whole) {
        return drop_below(b, theta - rests[b->block]);
    }
    for (const eval_stretch *run = b->runs; run < b->runs + b->run_count; run++) {
        const float least = theta - rests[run->block];
        for (uint32_t k = run->from; k < run->end; k++) {
            b->least[k] = least;
        }
    }
    for (uint32_t k = 0; !b->run_count && k < b->count; k++) {
        b->least[k] = theta - rests[b->docs[k] / BLOCK_DOCS];
    }
    return drop_below_each(b);
}

/* When all are. Where no prior has a part, ties go to the lower ordinal, as eval_least_behind has
   it. */
static uint32_t drop_losers(eval_batch *b) {
    const evaluation *e = b->e;
    const uint32_t first = b->ec->c->first;
    if (e->prior.blends || !eval_top_full(e) || !b->e->top->capacity) {
        return drop_below(b, e->theta * EVAL_SUM_ROUND);
    }
    if (b->whole) {
        return drop_below(b, eval_least_behind(e, first + b->block * BLOCK_DOCS));
    }
    const uint32_t worst = e->top->items[0].docno;
    const float before = eval_least_behind(e, 0), behind = eval_least_behind(e, UINT32_MAX);
    if (worst < first || worst - first >= WINDOW_DOCS) {
        return drop_below(b, worst < first ? behind : before);
    }
    const uint16_t at = (uint16_t)(worst - first);
    for (uint32_t i = 0; i < b->count; i++) {
        b->least[i] = b->docs[i] > at ? behind : before;
    }
    return drop_below_each(b);
}

/* Puts the candidates that are left in a row. */
static void move_together(eval_batch *b, uint32_t left) {
    uint32_t to = 0;
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t some = b->alive[word]; some; some &= some - 1, to++) {
            uint32_t from = word * 64 + (uint32_t)__builtin_ctzll(some);
            b->docs[to] = doc_at(b, from);
            b->sums[to] = b->sums[from];
            b->factors[to] = b->factors[from];
            for (uint32_t field = 0; field < (uint32_t)EVAL_FIELDS; field++) {
                b->norms[field][to] = b->norms[field][from];
            }
        }
    }
    b->count = left;
    b->run_count = 0;
    b->whole = false;
}

static void set_alive(eval_batch *b) {
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        uint32_t here = b->count > word * 64 ? b->count - word * 64 : 0;
        b->alive[word] = here < 64 ? ((uint64_t)1 << here) - 1 : UINT64_MAX;
    }
}

static void keep(eval_batch *b) {
    evaluation *e = b->e;
    bool many = eval_keeps_many(e, b->ec);
    eval_posts posts;
    posts.count = 0;
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = b->alive[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            if (b->sums[i] <= 0) {
                continue;
            }
            if (many) {
                eval_add_post(&posts, b->ec, doc_at(b, i), b->sums[i]);
            } else {
                eval_keep(e, b->ec, doc_at(b, i), b->sums[i]);
            }
        }
    }
    if (posts.count) {
        eval_keep_posts(e, &posts);
    }
}

/* Without bounds of blocks: those of the lists. */
static float most_of_lists(const eval_batch *b) {
    float rest = 0;
    for (uint32_t i = 0; i < b->e->term_count; i++) {
        const eval_lane *lane = b->ec->lanes[b->order[i]];
        rest += lane ? lane->most : 0;
    }
    return rest * RANK_BOUND_ROUND;
}

static void begin(eval_batch *b, eval_cell *ec, const uint16_t *docs, uint32_t count) {
    b->ec = ec;
    b->count = count;
    b->whole = false;
    memcpy(b->docs, docs, count * sizeof *docs);
    memset(b->normed, 0, sizeof b->normed);
    memset(b->sums, 0, sizeof b->sums);
    set_alive(b);
}

/* The candidates of a batch that has begun. */
static void score(eval_batch *b) {
    const evaluation *e = b->e;
    const eval_cell *ec = b->ec;
    uint32_t left = b->count;
    make_factors(b);
    b->rest = most_of_lists(b);
    for (uint32_t i = 0; i < e->term_count && left; i++) {
        eval_lane *lane = ec->lanes[b->order[i]];
        if (lane && lane->most > 0) {
            b->rest -= lane->most;
            add_term(b, lane);
        }
        bool last = i + 1 == e->term_count;
        if (!last && e->theta <= 0) {
            continue;
        }
        left = last ? drop_losers(b) : drop_hopeless(b, i);
        uint32_t few = b->whole ? FEW_LEFT : b->run_count ? b->count / 4 : b->count / 2;
        if (left < few && !last) {
            move_together(b, left);
            set_alive(b);
        }
    }
    if (left) {
        keep(b);
    }
}

/* A block by itself. */
static void score_whole(eval_batch *b, eval_cell *ec, uint32_t block, const uint64_t *lanes) {
    b->ec = ec;
    b->count = RANK_LANES;
    b->whole = true;
    b->block = block;
    b->run_count = 0;
    memset(b->normed, 0, sizeof b->normed);
    memset(b->sums, 0, sizeof b->sums);
    memcpy(b->alive, lanes, sizeof b->alive);
    score(b);
}

/* ---- Blocks in any order ------------------------------------------------------------------- */

static void score_waiting(eval_batch *b, eval_cell *ec) {
    eval_waiting *waiting = ec->waiting;
    if (waiting->count) {
        begin(b, ec, waiting->docs, waiting->count);
        take_runs(b, waiting);
        b->waiting -= waiting->count;
        waiting->count = waiting->blocks = 0;
        score(b);
    }
}

void eval_batch_end(eval_batch *b) {
    evaluation *e = b->e;
    for (uint32_t i = 0; i < e->cell_count && b->waiting; i++) {
        if (e->cells[i].waiting) {
            score_waiting(b, &e->cells[i]);
        }
    }
}

/* What all terms have at most in a block. */
static float most_in(const eval_batch *b, const eval_cell *ec, uint32_t block) {
    const eval_lane *lane = ec->lanes[b->order[0]];
    return ec->rests[block] + (lane ? lane->blocks[block] * RANK_BOUND_ROUND : 0);
}

/* Where most blocks that were looked at have no candidate, or one, those of all are found. */
static anp_status give_up_late(evaluation *e, eval_cell *ec) {
    enum { SEEN = 32 };
    if (ec->late->blocks >= SEEN && ec->late->found < ec->late->blocks) {
        ec->late = NULL;
        TRY(eval_find_candidates(e, ec));
        TRY(ec->docs ? eval_block_starts(e, ec) : eval_candidate_words(e, ec));
    }
    return ANP_OK;
}

static void need_waiting(eval_batch *b, eval_cell *ec, uint32_t count) {
    if (ec->waiting->count + count > (uint32_t)RANK_LANES) {
        score_waiting(b, ec);
    }
}

/* Candidates of a block that are found only now; how many. */
static uint32_t wait_late(eval_batch *b, eval_cell *ec, uint32_t block) {
    eval_late *late = ec->late;
    uint32_t from = late->starts[0][block], to = late->starts[0][block + 1];
    uint32_t most = to - from < BLOCK_DOCS ? to - from : BLOCK_DOCS;
    need_waiting(b, ec, most);
    uint32_t count = b->e->lists->block_common(late->lists, late->starts, late->count, block,
                                               ec->waiting->docs + ec->waiting->count);
    late->blocks++;
    late->found += count;
    return count;
}

/* Those that were found; of so many that they are scored at once 0. */
static uint32_t wait_found(eval_batch *b, eval_cell *ec, uint32_t block) {
    const evaluation *e = b->e;
    const uint64_t *words = ec->starts ? NULL : ec->words + (size_t)block * RANK_LANE_WORDS;
    uint32_t count = words ? e->sets->block_count(words)
                           : ec->starts[block + 1] - ec->starts[block];
    if (words && count >= EVAL_BLOCK_WHOLE) {
        score_whole(b, ec, block, words);
        return 0;
    }
    need_waiting(b, ec, count);
    uint16_t *docs = ec->waiting->docs + ec->waiting->count;
    if (!words) {
        memcpy(docs, ec->docs + ec->starts[block], count * sizeof *docs);
    } else {
        e->sets->pick(words, RANK_LANE_WORDS, b->every, b->every,
                      (uint16_t)(block * BLOCK_DOCS), docs, b->tfs);
    }
    return count;
}

anp_status eval_batch_add(eval_batch *b, eval_cell *ec, uint32_t block) {
    evaluation *e = b->e;
    TRY(begin_waiting(b, ec));
    if (!eval_can_win(e, ec->c, block, most_in(b, ec, block))) {
        return ANP_OK; /* sums are a little more, so that none is 0 */
    }
    TRY(ec->late ? give_up_late(e, ec) : ANP_OK);
    uint32_t count = ec->late ? wait_late(b, ec, block) : wait_found(b, ec, block);
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    if (count == 0) {
        return ANP_OK;
    }
    ec->waiting->count += count;
    ec->waiting->block[ec->waiting->blocks] = (uint8_t)block;
    ec->waiting->ends[ec->waiting->blocks++] = (uint16_t)ec->waiting->count;
    b->waiting += count;
    if (b->waiting >= b->enough) {
        uint32_t most = EACH_CELL * e->cell_count;
        eval_batch_end(b);
        most = most < (uint32_t)RANK_LANES ? RANK_LANES : most;
        b->enough = 2 * b->enough < most ? 2 * b->enough : most;
    }
    return ANP_OK;
}

anp_status eval_candidate_batches(evaluation *e, eval_cell *ec) {
    eval_batch b;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    TRY(ec->docs ? ANP_OK : eval_candidate_docs(e, ec));
    eval_batch_begin(e, &b);
    for (uint32_t from = 0, count; from < ec->count; from += count) {
        count = ec->count - from < RANK_LANES ? ec->count - from : RANK_LANES;
        begin(&b, ec, ec->docs + from, count);
        find_runs(&b);
        score(&b);
    }
    return ANP_OK;
}
