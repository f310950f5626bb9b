/*
 * A list by itself, and a query of one term: the best postings by the codes of their bounds.
 *
 *     champions of long lists ────────────────────────────────────────┐
 *     codes of others ─> those that reach the threshold ─┬─ postings ─┤
 *                          ^                             │            v
 *                          ├ seeds of the lists          └─ blocks ─> batch ─> heap
 *                          └ where far more than k reach it:          lengths, contributions,
 *                            the k-th best of what is sure            scores, the k-th best
 *
 * A code stands for the best posting of its block, or for a posting of a shorter list: it says what
 * its impact does not exceed, and that it is no more than a step below that. So k codes vouch for k
 * postings; but seeds alone mostly leave hardly more codes than are wanted. Codes are compared as
 * they are, 64 at a time: a threshold is made the least code that reaches it, list by list.
 *
 * Of a block those postings go into the batch whose tf reaches the threshold in a post without
 * words; of a bitset's block, in a post of its length and scores (promising.c). What is in a batch
 * is made by vectors: contributions, then, of those that can win with the best prior, the values
 * that scores give them; the k-th best of these is a threshold for what follows, and what reaches
 * it gets its exact score. Reads of columns, most of which miss the nearest caches, do not wait for
 * each other so. How many postings a block gives is what a processor cannot foresee: loops over
 * few of them cost more by wrong guesses than all else that is done with them.
 */
#include "query/evaluation.h"

enum {
    FEW_POSTINGS = 3,    /* of a list that are scored one by one */
    FEW_LANES = 8,       /* of a list whose lengths and scores are read with those of others */
    BATCH_ENOUGH = 64,   /* postings of blocks that wait for others */
    SURE_PART = 4,       /* codes beyond k that make it worth to ask what is sure, as a part of k */
    DEAD_SURE_MAX = 512, /* with more deleted posts codes vouch for too little */
    SURE_STEPS = 256,
};

/* ---- Postings ------------------------------------------------------------------------------ */

static void offer_posting(evaluation *e, eval_cell *ec, const eval_lane *lane,
                          const uint64_t *allowed, uint16_t low, uint32_t tf) {
    if (eval_is_allowed(allowed, low)) {
        int32_t units = eval_contribution(e, ec->c, lane->term, low, tf);
        eval_offer(e, ec, low, units, eval_factor(e, ec->c, low));
    }
}

/* Ranks [from, from + count) of a list, one by one. */
static void offer_each(evaluation *e, eval_cell *ec, const eval_lane *lane,
                       const uint64_t *allowed, const uint16_t *docs, uint32_t from,
                       uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        offer_posting(e, ec, lane, allowed, docs[i], e->lists->tf(&lane->in->list, from + i));
    }
}

/* ---- Many at once -------------------------------------------------------------------------- */

/* Postings of one term, of one list or several, whose contributions are made together. All are
   allowed. */
typedef struct batch {
    evaluation *e;
    const eval_term *term;
    uint32_t count;
    uint32_t cells[BLOCK_DOCS + FEW_LANES];
    uint16_t docs[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint8_t tfs[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint8_t every[BLOCK_DOCS]; /* 0, 1, 2 … */
    eval_promise promise;
    float norms[BLOCK_DOCS];
    uint8_t later[BLOCK_DOCS + FEW_LANES]; /* those whose norms are not yet made */
    uint32_t later_count;
} batch;

static void batch_begin(batch *b, evaluation *e, const eval_term *term) {
    b->e = e;
    b->term = term;
    b->count = b->later_count = 0;
    eval_promise_begin(&b->promise, term);
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        b->every[i] = (uint8_t)i;
    }
}

/* Their lengths are read one behind the other: no read waits for another one. */
static void read_later(batch *b) {
    const evaluation *e = b->e;
    for (uint32_t k = 0; k < b->later_count; k++) {
        uint32_t i = b->later[k];
        const cell *c = e->cells[b->cells[i]].c;
        uint32_t length = cell_length(c, b->term->lists->field, e->title_weight, b->docs[i]);
        b->norms[i] = rank_norm_of(b->term->norm, length);
    }
    b->later_count = 0;
}

/* All are matches: the k-th best of them is a threshold. */
static void raise_to_best(evaluation *e, const float *values, uint32_t count) {
    if (count > e->top->capacity) {
        uint32_t k = (uint32_t)e->top->capacity;
        float best = e->lanes->nth(values, count, k, e->theta) * EVAL_SUM_ROUND;
        e->theta = best > e->theta ? best : e->theta;
    }
}

/* Those of the batch whose value reaches `least`, to `posts`; what cannot be there is offered. */
static void pick_posts(const batch *b, const int32_t *units, const float *values, float least,
                       eval_posts *posts) {
    evaluation *e = b->e;
    uint64_t reached[RANK_LANE_WORDS];
    e->lanes->reached(values, least, reached);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = reached[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            eval_cell *ec = &e->cells[b->cells[i]];
            if (!eval_keeps_many(e, ec)) {
                eval_offer(e, ec, b->docs[i], units[i], eval_factor(e, ec->c, b->docs[i]));
            } else if (!e->excluded_count || !eval_is_excluded(e, ec, b->docs[i])) {
                eval_add_post(posts, ec, b->docs[i], units[i]);
            }
        }
    }
}

/* Keeps those of `posts` whose value, with the prior, reaches the threshold. */
static void keep_valuable(evaluation *e, eval_posts *posts) {
    float values[RANK_LANES];
    uint64_t reached[RANK_LANE_WORDS];
    uint32_t kept = 0;
    e->lanes->value(posts->units, posts->scores, posts->count, e->prior.linear, values);
    raise_to_best(e, values, posts->count);
    e->lanes->reached(values, e->theta * EVAL_SUM_ROUND, reached);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = reached[word]; left; left &= left - 1) {
            eval_move_post(posts, word * 64 + (uint32_t)__builtin_ctzll(left), kept++);
        }
    }
    posts->count = kept;
}

/* Offers them. Scores are read of those only that can win with the best prior. */
static void batch_end(batch *b) {
    evaluation *e = b->e;
    int32_t units[RANK_LANES];
    float values[RANK_LANES];
    eval_posts posts;
    uint32_t count = b->count;
    b->count = posts.count = 0;
    if (count == 0) {
        return;
    }
    read_later(b);
    e->lanes->weigh(b->tfs, b->norms, count, b->term->weight, units, values);
    if (!e->prior.blends && !e->excluded_count) {
        raise_to_best(e, values, count);
    }
    pick_posts(b, units, values, e->theta * EVAL_SUM_ROUND / e->prior.factor_max, &posts);
    if (e->prior.blends && posts.count) {
        keep_valuable(e, &posts);
    }
    if (posts.count) {
        eval_keep_posts(e, &posts);
    }
}

/* Room for `count` <= 256 more postings, whose docs and tfs go where is returned. */
static uint32_t batch_room(batch *b, uint32_t count) {
    if (b->count + count > (uint32_t)BLOCK_DOCS) {
        batch_end(b);
    }
    return b->count;
}

/* So many postings of a cell are in their place. For few of them no loop is as long as they are
   many: how many is what nobody foresees. */
static void batch_take(batch *b, const eval_cell *ec, uint32_t count) {
    const evaluation *e = b->e;
    uint32_t at = b->count, number = eval_cell_number(e, ec);
    b->count += count;
    if (count <= FEW_LANES) {
        for (uint32_t i = 0; i < FEW_LANES; i++) {
            b->cells[at + i] = number;
            b->later[b->later_count + i] = (uint8_t)(at + i);
        }
        b->later_count += count;
        return;
    }
    for (uint32_t i = at; i < at + count; i++) {
        b->cells[i] = number;
    }
    eval_norms_of(e, ec->c, b->term, b->docs + at, count, b->norms + at);
}

/* Of places of a block those `count` with a 1. */
static void batch_pick(batch *b, const eval_cell *ec, uint32_t block, const uint64_t bits[4],
                       uint32_t count, uint32_t words, const uint8_t *lows, const uint8_t *tfs) {
    uint32_t at = batch_room(b, count);
    b->e->sets->pick(bits, words, lows, tfs, (uint16_t)(block * BLOCK_DOCS), b->docs + at,
                     b->tfs + at);
    batch_take(b, ec, count);
}

/* Ranks [from, from + count) of a list, at most 256; each by itself where a tf is no byte or some
   may not be allowed. */
static void batch_list(batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                       const uint16_t *docs, uint32_t from, uint32_t count) {
    evaluation *e = b->e;
    uint8_t room[LIST_TF_ROOM];
    bool large;
    const uint8_t *tfs = e->lists->tf_bytes(&lane->in->list, from, count, room, &large);
    if (large || allowed) {
        offer_each(e, ec, lane, allowed, docs, from, count);
        return;
    }
    uint32_t at = batch_room(b, count);
    memcpy(b->docs + at, docs, count * sizeof *docs);
    memcpy(b->tfs + at, tfs, count);
    batch_take(b, ec, count);
}

/* ---- Lists as a whole ---------------------------------------------------------------------- */

/* Postings whose bounds, one each, reach the threshold. */
static void offer_bounded(evaluation *e, eval_cell *ec, const eval_lane *lane,
                          const uint64_t *allowed, const uint16_t *docs) {
    float bounds[RANK_LANES];
    uint64_t reached[RANK_LANE_WORDS];
    const list_view *list = &lane->in->list;
    eval_posting_bounds(e, lane, ec, docs, bounds);
    e->lanes->reached(bounds, e->theta, reached);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = reached[word]; left; left &= left - 1) {
            uint32_t rank = word * 64 + (uint32_t)__builtin_ctzll(left);
            if (bounds[rank] >= e->theta) {
                offer_posting(e, ec, lane, allowed, docs[rank], e->lists->tf(list, rank));
            }
        }
    }
}

static anp_status batch_only_list(batch *b, eval_cell *ec, const eval_lane *lane) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    uint16_t docs[LIST_BITSET_FROM];
    const uint64_t *allowed;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    TRY(eval_allowed(e, ec, &allowed));
    e->lists->docs(list, docs);
    if (eval_bounds_postings(lane)) {
        offer_bounded(e, ec, lane, allowed, docs);
    } else if (list->count <= FEW_POSTINGS) {
        offer_each(e, ec, lane, allowed, docs, 0, list->count);
    } else {
        for (uint32_t from = 0; from < list->count; from += BLOCK_DOCS) {
            uint32_t left = list->count - from;
            left = left < BLOCK_DOCS ? left : BLOCK_DOCS;
            batch_list(b, ec, lane, allowed, docs + from, from, left);
        }
    }
    if (e->trace) {
        e->trace->postings += list->count;
    }
    return ANP_OK;
}

anp_status eval_only_list(evaluation *e, eval_cell *ec, const eval_lane *lane) {
    batch b;
    batch_begin(&b, e, lane->term);
    TRY(batch_only_list(&b, ec, lane));
    batch_end(&b);
    return ANP_OK;
}

/* ---- One term: codes ----------------------------------------------------------------------- */

/* A list of the term with bounds; codes of its postings, or of its blocks, that reach the
   threshold, or parts of its champions that do. */
typedef struct coded_list {
    eval_cell *ec;
    const eval_lane *lane;
    bool champions;
    uint64_t reached[RANK_LANE_WORDS];
    uint32_t codes; /* of them; or parts */
} coded_list;

typedef struct one_term {
    evaluation *e;
    eval_term *term;
    bool blended; /* the codes with the prior's factor are those that count */
    coded_list *lists;
    uint32_t list_count;
    uint32_t parts; /* of champions */
    float *sure; /* what postings surely have; at most one a code */
    uint32_t sure_count;
    uint64_t dead; /* posts that sure ones may be of: also the excluded */
    batch batch;
} one_term;

static float code_bound(const eval_lane *lane, uint32_t code) {
    return rank_bound_of(&lane->bound, code, code, 0); /* one of both weighs nothing */
}

/* The least code that may reach the threshold; 256: none. */
static uint32_t least_code(const one_term *t, const eval_lane *lane) {
    const rank_bound *b = &lane->bound;
    float theta = t->e->theta, step = t->blended ? b->of_blended : b->of_code;
    uint32_t code = 128;
    if (b->ratio == 1 && step > 0) {
        float about = (theta - b->constant) / step;
        code = about < 1 ? 1 : about > UINT8_MAX ? UINT8_MAX : (uint32_t)about;
    } else { /* by halves, nearly */
        for (uint32_t half = 64; half; half /= 2) {
            code = code_bound(lane, code) < theta ? code + half : code - half;
        }
    }
    while (code > 1 && code_bound(lane, code - 1) >= theta) {
        code--;
    }
    while (code <= UINT8_MAX && code_bound(lane, code) < theta) {
        code++;
    }
    return code;
}

/* How many. */
static uint32_t find_reached(const one_term *t, coded_list *l) {
    const list_view *list = &l->lane->in->list;
    uint32_t least = least_code(t, l->lane);
    if (least > UINT8_MAX) {
        memset(l->reached, 0, sizeof l->reached);
        return l->codes = 0;
    }
    l->codes = t->e->sets->at_least(t->blended ? list->blended_bytes : list->bound_bytes,
                                    list->bound_count, (uint8_t)least, l->reached);
    return l->codes;
}

/* What the postings that codes stand for have at least. */
static void add_sure(one_term *t, const coded_list *l) {
    const list_view *list = &l->lane->in->list;
    const rank_bound *b = &l->lane->bound;
    const uint8_t *codes = t->blended ? list->blended_bytes : list->bound_bytes;
    float low = t->blended ? b->blended_low : b->low;
    float step = t->blended ? b->blended_step : b->step;
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = l->reached[word]; left; left &= left - 1) {
            uint32_t code = codes[word * 64 + (uint32_t)__builtin_ctzll(left)];
            code = code > 2 ? code - 1 : 1;
            t->sure[t->sure_count++] =
                eval_sure_units(t->e, l->lane, low + step * (float)code, t->blended);
        }
    }
}

/* The n-th best of what is sure, a little less; 0 when there are fewer. */
static float sure_at(const one_term *t, uint64_t n) {
    uint32_t counts[SURE_STEPS] = {0};
    if (t->sure_count < n || n == 0) {
        return 0;
    }
    float most = t->sure[0], least = t->sure[0];
    for (uint32_t i = 1; i < t->sure_count; i++) {
        most = t->sure[i] > most ? t->sure[i] : most;
        least = t->sure[i] < least ? t->sure[i] : least;
    }
    if (!(most > least)) {
        return least;
    }
    float scale = (SURE_STEPS - 1) / (most - least);
    for (uint32_t i = 0; i < t->sure_count; i++) {
        counts[(uint32_t)((most - t->sure[i]) * scale)]++;
    }
    uint32_t step = 0;
    for (uint64_t found = counts[0]; found < n; found += counts[step]) {
        step++;
    }
    return most - (float)(step + 1) / scale; /* what rounding does is far below a step */
}

/* ---- One term: postings -------------------------------------------------------------------- */

/* The postings of a block of a blocked container whose tf can reach the threshold. */
static void take_block(batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                       uint32_t block) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t picked[4];
    uint32_t from, to;
    bool large;
    e->lists->block(list, block, &from, &to);
    const uint8_t *tfs;
    uint32_t count = e->lists->tfs_least(list, from, to - from, eval_least_tf(e, lane->term), room,
                                         &tfs, &large, picked);
    if (e->trace) {
        e->trace->postings += to - from;
    }
    for (uint32_t i = 0; (large || allowed) && i < to - from; i++) {
        uint64_t bit = (uint64_t)1 << i % 64;
        uint16_t low = list_block_doc(list, block, from + i);
        bool is_large = large && tfs[i] == UINT8_MAX;
        if (!(picked[i / 64] & bit) || (!is_large && eval_is_allowed(allowed, low))) {
            continue;
        }
        if (is_large) {
            offer_posting(e, ec, lane, allowed, low, e->lists->tf(list, from + i));
        }
        picked[i / 64] &= ~bit;
        count--;
    }
    batch_pick(b, ec, block, picked, count, (to - from + 63) / 64, list->container + from, tfs);
}

/* The tfs of a block of a bitset, by lane; whether some are no bytes. */
static bool spread_tfs(const evaluation *e, const list_view *list, uint32_t block,
                       uint8_t tfs[BLOCK_DOCS]) {
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[4];
    uint32_t from, to;
    bool large;
    e->lists->block(list, block, &from, &to);
    const uint8_t *by_rank = e->lists->tf_bytes(list, from, to - from, room, &large);
    e->lists->block_bits(list, block, from, to, bits);
    e->sets->expand(bits, by_rank, tfs);
    if (e->trace) {
        e->trace->postings += to - from;
    }
    return large;
}

/* Takes out of the lanes of a bitset's block those that are not allowed, and those whose tf may be
   no byte, which are offered one by one; how many are left. */
static uint32_t drop_lanes(evaluation *e, eval_cell *ec, const eval_lane *lane,
                           const uint64_t *allowed, uint32_t block, const uint8_t tfs[BLOCK_DOCS],
                           uint64_t lanes[4]) {
    const list_view *list = &lane->in->list;
    uint32_t count = 0;
    for (uint32_t word = 0; word < 4; word++) {
        lanes[word] &= allowed ? allowed[4 * block + word] : UINT64_MAX;
        for (uint64_t left = lanes[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint16_t low = (uint16_t)(block * BLOCK_DOCS + i);
            if (tfs[i] < UINT8_MAX) {
                count++;
                continue;
            }
            uint32_t rank = e->lists->rank(list, low);
            offer_posting(e, ec, lane, NULL, low, e->lists->tf(list, rank));
            lanes[word] &= ~((uint64_t)1 << i % 64);
        }
    }
    return count;
}

/* The postings of a block of a bitset that may reach the threshold. */
static void take_bits(batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                      uint32_t block) {
    evaluation *e = b->e;
    uint8_t tfs[BLOCK_DOCS];
    uint64_t picked[4];
    bool large = spread_tfs(e, &lane->in->list, block, tfs);
    uint32_t count = eval_find_promising(e, &b->promise, ec->c, block, tfs, picked);
    if (large || allowed) {
        count = drop_lanes(e, ec, lane, allowed, block, tfs, picked);
    }
    batch_pick(b, ec, block, picked, count, 4, b->every, tfs);
}

/* Those of a list that has a code for each posting. */
static void take_postings(batch *b, const coded_list *l, const uint64_t *allowed,
                          uint32_t count) {
    const postings_reader *reader = b->e->lists;
    const list_view *list = &l->lane->in->list;
    uint16_t docs[LIST_BLOCKS];
    uint8_t room[LIST_TF_ROOM];
    const uint8_t *tfs = room;
    bool large = true, whole = count > FEW_LANES;
    uint32_t at = batch_room(b, count), taken = 0;
    if (whole) {
        reader->docs(list, docs);
        tfs = reader->tf_bytes(list, 0, list->count, room, &large);
    }
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = l->reached[word]; left; left &= left - 1) {
            uint32_t rank = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint16_t low = whole ? docs[rank] : reader->doc(list, rank);
            uint32_t tf = large ? reader->tf(list, rank) : tfs[rank];
            if (tf > UINT8_MAX) {
                offer_posting(b->e, l->ec, l->lane, allowed, low, tf);
            } else if (eval_is_allowed(allowed, low)) {
                b->docs[at + taken] = low;
                b->tfs[at + taken++] = (uint8_t)tf;
            }
        }
    }
    batch_take(b, l->ec, taken);
}

/* ---- One term: champions ------------------------------------------------------------------- */

/*
 * The best 128 of a longer list, in their order, as parts of 1, 1, 2, 4 … 64 postings: what a part
 * has at most, the seed before it says; about half of the posts that are looked at are kept. Where
 * the last seed does not reach the threshold, there is no need of codes. Where it does, and no more
 * posts are wanted, champions raise the threshold; a list whose other postings still reach it is
 * taken by codes then, as if its champions had not been offered.
 */

enum { CHAMPION_PARTS = LIST_SEEDS };

/* What no posting has more than from a part on; behind the last one, all others. */
static float part_bound(const one_term *t, const eval_lane *lane, uint32_t part) {
    if (part == 0) {
        return lane->most;
    }
    float most = list_seed_most(list_seed(&lane->in->list, t->blended, part - 1));
    return rank_bound_units(&lane->bound, most, most, 0); /* as of codes */
}

static bool takes_champions(const one_term *t, const eval_lane *lane) {
    return lane->in->list.champion_count > 0 &&
           (t->e->top->capacity <= LIST_CHAMPIONS ||
            part_bound(t, lane, CHAMPION_PARTS) < t->e->theta);
}

/* How many parts reach the threshold. */
static uint32_t find_parts(const one_term *t, coded_list *l) {
    l->codes = 1;
    while (l->codes < CHAMPION_PARTS && part_bound(t, l->lane, l->codes) >= t->e->theta) {
        l->codes++;
    }
    return l->codes;
}

static anp_status take_champions(one_term *t, const coded_list *l, uint32_t part) {
    batch *b = &t->batch;
    const list_view *list = &l->lane->in->list;
    uint32_t from = part ? 1u << (part - 1) : 0, end = 1u << part, first = 0, taken = 0;
    const uint64_t *allowed;
    TRY(eval_allowed(t->e, l->ec, &allowed));
    end = end < list->champion_count ? end : list->champion_count;
    first = t->blended ? list->champion_count : 0;
    uint32_t at = batch_room(b, end - from);
    for (uint32_t i = first + from; i < first + end; i++) {
        uint16_t low = load_u16(list->champions + (size_t)i * 2);
        uint8_t tf = list->champion_tfs[i];
        b->docs[at + taken] = low;
        b->tfs[at + taken] = tf;
        if (tf == UINT8_MAX) {
            uint32_t rank = t->e->lists->rank(list, low);
            offer_posting(t->e, l->ec, l->lane, allowed, low, t->e->lists->tf(list, rank));
        } else {
            taken += eval_is_allowed(allowed, low);
        }
    }
    batch_take(b, l->ec, taken);
    if (t->e->trace) {
        t->e->trace->postings += end - from;
        t->e->trace->champions += end - from;
    }
    if (b->count >= (uint32_t)BATCH_ENOUGH) {
        batch_end(b);
    }
    return ANP_OK;
}

/* ---- One term: all of it ------------------------------------------------------------------- */

/* The postings of a block. */
static anp_status score_block(one_term *t, eval_cell *ec, const eval_lane *lane, uint32_t block) {
    const uint64_t *allowed;
    TRY(eval_allowed(t->e, ec, &allowed));
    if (t->e->trace) {
        t->e->trace->blocks_scored++;
    }
    if (lane->in->list.container_kind == LIST_BITSET) {
        take_bits(&t->batch, ec, lane, allowed, block);
    } else {
        take_block(&t->batch, ec, lane, allowed, block);
    }
    if (t->batch.count >= (uint32_t)BATCH_ENOUGH) { /* so that the threshold rises */
        batch_end(&t->batch);
    }
    return ANP_OK;
}

/* Postings that reach the threshold now; blocks that do, as `found`. */
static anp_status take_codes(one_term *t, eval_block *found, uint32_t *count, float *most) {
    for (uint32_t i = 0; i < t->list_count; i++) {
        const coded_list *l = &t->lists[i];
        const list_view *list = &l->lane->in->list;
        const uint8_t *codes = t->blended ? list->blended_bytes : list->bound_bytes;
        if (l->codes == 0) {
            continue;
        }
        TRY(cells_open(t->e->snapshot, l->ec->c, t->e->err));
        for (uint32_t part = 0; l->champions && part < l->codes; part++) {
            float bound = part_bound(t, l->lane, part);
            found[(*count)++] = (eval_block){i, part, bound};
            *most = bound > *most ? bound : *most;
        }
        if (l->champions) {
            continue;
        }
        if (eval_bounds_postings(l->lane)) {
            const uint64_t *allowed;
            TRY(eval_allowed(t->e, l->ec, &allowed));
            take_postings(&t->batch, l, allowed, l->codes);
            continue;
        }
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            for (uint64_t left = l->reached[word]; left; left &= left - 1) {
                uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
                float bound = code_bound(l->lane, codes[at]);
                found[(*count)++] = (eval_block){i, at, bound};
                *most = bound > *most ? bound : *most;
            }
        }
    }
    return ANP_OK;
}

static uint32_t first_block(const coded_list *l) {
    return l->ec->c->from / BLOCK_DOCS;
}

/* The codes that reach the threshold; those of blocks the best first, until none does. */
static anp_status score_codes(one_term *t, uint32_t codes) {
    uint32_t count = 0;
    float most = 0;
    eval_block *found = arena_alloc(t->e->memory, (codes + 1) * sizeof *found);
    eval_block *sorted = arena_alloc(t->e->memory, (codes + 1) * sizeof *sorted);
    if (!found || !sorted) {
        return eval_nomem(t->e);
    }
    TRY(take_codes(t, found, &count, &most));
    eval_sort_blocks(found, count, most, sorted);
    for (uint32_t i = 0; i < count; i++) {
        const coded_list *l = &t->lists[sorted[i].cell];
        uint32_t block = l->champions ? first_block(l) : sorted[i].block;
        if (!eval_can_win(t->e, l->ec->c, block, sorted[i].bound)) {
            continue;
        }
        TRY(l->champions ? take_champions(t, l, sorted[i].block)
                         : score_block(t, l->ec, l->lane, block));
    }
    batch_end(&t->batch);
    return ANP_OK;
}

/* The lists whose champions do not tell all. */
static anp_status score_rest(one_term *t) {
    evaluation *e = t->e;
    uint32_t codes = 0;
    for (uint32_t i = 0; i < t->list_count; i++) {
        coded_list *l = &t->lists[i];
        const cell *c = l->ec->c;
        l->codes = 0;
        if (l->champions &&
            eval_can_win(e, c, first_block(l), part_bound(t, l->lane, CHAMPION_PARTS))) {
            l->champions = false;
            top_drop(e->top, c->first + c->from, c->end - c->from);
            codes += find_reached(t, l);
        }
    }
    return codes ? score_codes(t, codes) : ANP_OK;
}

/* Where posts are excluded seeds tell little, and codes would be taken that blocks, by and by
   (evaluate.c), spare; champions come by and by as well. */
static bool has_champions(const term_lists *lists) {
    bool all = true, any = false;
    for (uint32_t i = 0; i < lists->count; i++) {
        bool has = lists->lists[i].list.champion_count > 0;
        all &= has || !lists->lists[i].list.bounds;
        any |= has;
    }
    return all && any;
}

bool eval_is_one_term(const evaluation *e) {
    if (e->term_count != 1 || eval_requires(e) || e->excluded_set_count || e->request->filter ||
        e->prior.capped) {
        return false;
    }
    const eval_term *term = &e->terms[0];
    uint64_t dead = 0;
    for (uint32_t i = 0; i < term->lists->count; i++) {
        const list_view *list = &term->lists->lists[i].list;
        if (!list->bounds && list->container_kind == LIST_BITSET) {
            return false;
        }
        dead += list->bounds ? e->cells[term->lists->lists[i].cell].c->dead : 0;
    }
    return dead <= DEAD_SURE_MAX && (e->excluded_count == 0 || has_champions(term->lists));
}

/* Raises the threshold to what so many codes vouch for; those that still reach it. */
static anp_status find_sure(one_term *t, uint32_t *codes) {
    t->sure = arena_alloc(t->e->memory, *codes * sizeof *t->sure);
    t->sure_count = 0;
    if (!t->sure) {
        return eval_nomem(t->e);
    }
    for (uint32_t i = 0; i < t->list_count; i++) {
        if (!t->lists[i].champions) {
            add_sure(t, &t->lists[i]);
        }
    }
    float sure = sure_at(t, t->e->top->capacity + t->dead);
    if (sure > t->e->theta) {
        t->e->theta = sure;
        *codes = 0;
        for (uint32_t i = 0; i < t->list_count; i++) {
            *codes += t->lists[i].champions ? 0 : find_reached(t, &t->lists[i]);
        }
    }
    return ANP_OK;
}

/* Lists without codes now, the codes of the others that reach the threshold of seeds. */
static anp_status open_lists(one_term *t, uint32_t *codes) {
    evaluation *e = t->e;
    uint32_t skipped = 0;
    *codes = 0;
    for (uint32_t i = 0; i < t->term->lists->count; i++) {
        const eval_lane *lane = &t->term->lanes[i];
        const list_view *list = &lane->in->list;
        eval_cell *ec = &e->cells[lane->in->cell];
        if (lane->most <= 0 || lane->most < e->theta) {
            skipped++;
            continue;
        }
        if (!list->bounds) {
            TRY(batch_only_list(&t->batch, ec, lane));
            continue;
        }
        coded_list *l = &t->lists[t->list_count++];
        l->ec = ec;
        l->lane = lane;
        l->champions = takes_champions(t, lane);
        if (l->champions) {
            t->parts += find_parts(t, l);
        } else {
            *codes += find_reached(t, l);
            t->dead += ec->c->dead;
        }
        if (e->trace) {
            e->trace->blocks += l->champions ? CHAMPION_PARTS : list->bound_count;
        }
    }
    if (e->trace) {
        e->trace->cells_skipped += e->cell_count - t->term->lists->count + skipped;
    }
    batch_end(&t->batch);
    return ANP_OK;
}

/* ---- A light term -------------------------------------------------------------------------- */

/*
 * Contributions are some few units, as many in nearly all posts: codes tell nothing, whole units
 * and priors do. Without a prior the first cell mostly has as many posts with the most units as are
 * wanted, and all that come later lose. With one the posts with the best scores, of which a cell
 * keeps some hundreds in their order, are looked up in its list; those that have more units than
 * nearly all others are champions, and come before. Where these do not tell all, or far more are
 * wanted, blocks are scored by the best prior of each (bounding.c).
 */

enum { RICH_STEP = 16, RICH_MAX = 128 };

/* A cell with its list of a light term. */
typedef struct rich_cell {
    eval_cell *ec;
    const eval_lane *lane;
    const uint16_t *lows; /* the posts with the best scores */
    uint32_t count, at;
    uint32_t heads; /* champions by impact that have been taken */
    float units;    /* no other posting has more */
} rich_cell;

/* What is not yet looked at has no more. */
static float rich_bound(const evaluation *e, const rich_cell *r) {
    const cell *c = r->ec->c;
    uint32_t at = r->at < r->count ? r->at : r->count - 1;
    float factor = eval_sum_factor(e, cell_score_sum(c, r->lows[at]));
    return r->at == c->end - c->from ? 0 : r->units * factor * RANK_BOUND_ROUND;
}

static bool is_head(const rich_cell *r, uint16_t low) {
    bool found = false;
    for (uint32_t i = 0; i < r->heads; i++) {
        found |= load_u16(r->lane->in->list.champions + (size_t)i * 2) == low;
    }
    return found;
}

/* Postings of a list by low: no more than 256. */
static anp_status take_lows(batch *b, eval_cell *ec, const eval_lane *lane, const uint16_t *lows,
                            uint32_t count) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    const uint64_t *allowed;
    uint32_t at = batch_room(b, count), taken = 0;
    TRY(eval_allowed(e, ec, &allowed));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = e->lists->rank(list, lows[i]);
        uint32_t tf = rank == UINT32_MAX ? 0 : e->lists->tf(list, rank);
        if (tf > UINT8_MAX) {
            offer_posting(e, ec, lane, allowed, lows[i], tf);
            continue;
        }
        b->docs[at + taken] = lows[i];
        b->tfs[at + taken] = (uint8_t)tf;
        taken += tf > 0 && eval_is_allowed(allowed, lows[i]);
    }
    batch_take(b, ec, taken);
    if (b->count >= (uint32_t)BATCH_ENOUGH) {
        batch_end(b);
    }
    return ANP_OK;
}

/* Takes the champions that have more units than what is behind the last of them. */
static anp_status take_heads(one_term *t, rich_cell *r) {
    const list_view *list = &r->lane->in->list;
    uint16_t lows[LIST_CHAMPIONS];
    uint32_t part = LIST_SEEDS;
    float least = r->units;
    for (; list->champion_count && part > 0; part--) { /* the first part that is enough */
        float impact = list_seed_most(list_seed(list, false, part - 1));
        float units = eval_whole_units(t->term, rank_remap(impact, r->lane->bound.ratio));
        if (units > least) {
            break;
        }
        least = units < least ? units : least;
        r->heads = least < r->units ? 1u << (part - 1) : 0;
    }
    r->heads = r->heads < list->champion_count ? r->heads : list->champion_count;
    r->units = least;
    for (uint32_t i = 0; i < r->heads; i++) {
        lows[i] = load_u16(list->champions + (size_t)i * 2);
    }
    return r->heads ? take_lows(&t->batch, r->ec, r->lane, lows, r->heads) : ANP_OK;
}

/* The next of a cell. */
static anp_status take_rich(one_term *t, rich_cell *r) {
    uint16_t lows[RICH_STEP];
    uint32_t count = 0;
    for (; r->at < r->count && count < RICH_STEP; r->at++) {
        lows[count] = r->lows[r->at];
        count += !is_head(r, lows[count]);
    }
    return take_lows(&t->batch, r->ec, r->lane, lows, count);
}

/* Cells whose best posts can win, the best next one first. */
static anp_status take_richest(one_term *t, rich_cell *cells, uint32_t count) {
    const evaluation *e = t->e;
    for (;;) {
        rich_cell *best = NULL;
        float most = e->theta;
        for (uint32_t i = 0; i < count; i++) {
            float bound = cells[i].at < cells[i].count ? rich_bound(e, &cells[i]) : 0;
            best = bound >= most ? &cells[i] : best;
            most = bound >= most ? bound : most;
        }
        if (!best) {
            batch_end(&t->batch);
            return ANP_OK;
        }
        TRY(take_rich(t, best));
    }
}

/* Adds a cell, where there is an order of its posts. */
static anp_status add_rich(one_term *t, eval_cell *ec, const eval_lane *lane, rich_cell *cells,
                           uint32_t *count) {
    evaluation *e = t->e;
    const list_view *list = &lane->in->list;
    uint32_t posts = ec->c->end - ec->c->from;
    rich_cell *r = &cells[*count];
    float most = rank_remap((float)list->impact_max / 65535, lane->bound.ratio);
    *r = (rich_cell){.ec = ec, .lane = lane, .units = eval_whole_units(t->term, most)};
    r->count = posts < CELL_BEST_POSTS ? posts : CELL_BEST_POSTS;
    TRY(cells_best_posts(e->snapshot, ec->c, &r->lows, e->err));
    *count += r->lows != NULL;
    return r->lows ? take_heads(t, r) : ANP_OK;
}

/* The blocks of the cells that have sums, best first. */
static anp_status score_light_blocks(one_term *t) {
    evaluation *e = t->e;
    const eval_block *b;
    eval_order order;
    eval_order_begin(e, &order);
    TRY(eval_next_block(e, &order, &b));
    while (b) {
        eval_cell *ec = &e->cells[b->cell];
        TRY(cells_open(e->snapshot, ec->c, e->err));
        TRY(score_block(t, ec, ec->lanes[0], b->block));
        TRY(eval_next_block(e, &order, &b));
    }
    batch_end(&t->batch);
    return ANP_OK;
}

/* The cells whose posts with the best scores tell all have `rich` set: they are done with. */
static anp_status score_rich(one_term *t, bool *rich) {
    evaluation *e = t->e;
    uint32_t count = 0;
    rich_cell *cells = arena_array(e->memory, rich_cell, t->term->lists->count);
    if (!cells) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < t->term->lists->count; i++) {
        const eval_lane *lane = &t->term->lanes[i];
        if (lane->most > 0 && lane->in->list.bounds) {
            TRY(add_rich(t, &e->cells[lane->in->cell], lane, cells, &count));
        }
    }
    TRY(take_richest(t, cells, count));
    for (uint32_t i = 0; i < count; i++) {
        const cell *c = cells[i].ec->c;
        bool done = rich_bound(e, &cells[i]) < e->theta;
        rich[cells[i].lane - t->term->lanes] = done;
        if (!done) {
            top_drop(e->top, c->first + c->from, c->end - c->from);
        }
    }
    return ANP_OK;
}

static anp_status score_light(one_term *t) {
    evaluation *e = t->e;
    bool *rich = arena_array(e->memory, bool, t->term->lists->count);
    if (!rich) {
        return eval_nomem(e);
    }
    if (e->prior.blends && e->top->capacity <= RICH_MAX) {
        TRY(score_rich(t, rich));
    }
    for (uint32_t i = 0; i < t->term->lists->count; i++) {
        const eval_lane *lane = &t->term->lanes[i];
        eval_cell *ec = &e->cells[lane->in->cell];
        uint32_t first = ec->c->from / BLOCK_DOCS;
        bool can_win = eval_can_win(e, ec->c, first, lane->most * RANK_BOUND_ROUND);
        if (lane->most <= 0 || rich[i] || !can_win) {
            continue;
        }
        if (!lane->in->list.bounds) {
            TRY(batch_only_list(&t->batch, ec, lane));
            continue;
        }
        TRY(eval_block_sums(e, ec));
        if (!e->prior.blends) {
            TRY(score_light_blocks(t));
            ec->sums = NULL;
        }
    }
    return score_light_blocks(t);
}

/* ---- One term ------------------------------------------------------------------------------ */

anp_status eval_one_term(evaluation *e) {
    one_term t;
    uint32_t codes;
    t.e = e;
    t.term = &e->terms[0];
    t.blended = e->prior.alpha == 0;
    t.list_count = t.parts = 0;
    t.dead = 0;
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        t.dead += e->excluded[i]->df;
    }
    t.lists = arena_alloc(e->memory, t.term->lists->count * sizeof *t.lists);
    if (!t.lists) {
        return eval_nomem(e);
    }
    batch_begin(&t.batch, e, t.term);
    eval_seed(e);
    if (eval_is_light(t.term)) {
        return score_light(&t);
    }
    TRY(open_lists(&t, &codes));
    if (codes > e->top->capacity + e->top->capacity / SURE_PART + t.dead) {
        TRY(find_sure(&t, &codes));
    }
    TRY(score_codes(&t, codes + t.parts));
    return score_rest(&t);
}
