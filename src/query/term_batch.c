/*
 * See term_batch.h.
 *
 * Of a block those postings go into the batch whose tf reaches the threshold in a post without
 * words; of a bitset's block, in a post of its length and scores (promising.c). What is in a batch
 * is made by vectors: contributions, then, of those that can win with the best prior, the values
 * that scores give them; the k-th best of these is a threshold for what follows, and what reaches
 * it gets its exact score. Reads of columns, most of which miss the nearest caches, do not wait for
 * each other so. How many postings a block gives is what a processor cannot foresee: loops over
 * few of them cost more by wrong guesses than all else that is done with them.
 */
#include "query/term_batch.h"

enum {
    FEW_POSTINGS = 3, /* of a list that are scored one by one */
    ABLE_FROM = 8,    /* of more of a block those are kept whose own factors are enough */
};

/* ---- Postings -------------------------------------------------------------------------------- */

void term_offer(evaluation *e, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                uint16_t low, uint32_t tf) {
    if (eval_is_allowed(allowed, low)) {
        int32_t units = eval_contribution(e, ec->c, lane->term, low, tf);
        eval_offer(e, ec, low, units, eval_factor(e, ec->c, low));
    }
}

void term_offer_large(evaluation *e, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                      uint16_t low) {
    const list_view *list = &lane->in->list;
    uint32_t rank = e->lists->rank(list, low);
    if (rank != UINT32_MAX) {
        term_offer(e, ec, lane, allowed, low, e->lists->tf(list, rank));
    }
}

/* Ranks [from, from + count) of a list, one by one. */
static void offer_each(evaluation *e, eval_cell *ec, const eval_lane *lane,
                       const uint64_t *allowed, const uint16_t *docs, uint32_t from,
                       uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        term_offer(e, ec, lane, allowed, docs[i], e->lists->tf(&lane->in->list, from + i));
    }
}

/* ---- Many at once ---------------------------------------------------------------------------- */

void term_batch_begin(term_batch *b, evaluation *e, const eval_term *term) {
    b->e = e;
    b->term = term;
    b->count = b->later_count = 0;
    eval_promise_begin(&b->promise, term);
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        b->every[i] = (uint8_t)i;
    }
}

/* Their lengths are read one behind the other: no read waits for another one. */
static void read_later(term_batch *b) {
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
static void pick_posts(const term_batch *b, const int32_t *units, const float *values, float least,
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
void term_batch_end(term_batch *b) {
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
uint32_t term_batch_room(term_batch *b, uint32_t count) {
    if (b->count + count > (uint32_t)BLOCK_DOCS) {
        term_batch_end(b);
    }
    return b->count;
}

/* So many postings of a cell are in their place. For few of them no loop is as long as they are
   many: how many is what nobody foresees. */
void term_batch_take(term_batch *b, const eval_cell *ec, uint32_t count) {
    const evaluation *e = b->e;
    uint32_t at = b->count, number = eval_cell_number(e, ec);
    b->count += count;
    if (count <= TERM_FEW) {
        for (uint32_t i = 0; i < TERM_FEW; i++) {
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
static void take_picked(term_batch *b, const eval_cell *ec, uint32_t block, const uint64_t bits[4],
                       uint32_t count, uint32_t words, const uint8_t *lows, const uint8_t *tfs) {
    uint32_t at = term_batch_room(b, count);
    b->e->sets->pick(bits, words, lows, tfs, (uint16_t)(block * BLOCK_DOCS), b->docs + at,
                     b->tfs + at);
    term_batch_take(b, ec, count);
}

/* Ranks [from, from + count) of a list, at most 256; each by itself where a tf is no byte or some
   may not be allowed. */
static void take_range(term_batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                       const uint16_t *docs, uint32_t from, uint32_t count) {
    evaluation *e = b->e;
    uint8_t room[LIST_TF_ROOM];
    bool large;
    const uint8_t *tfs = e->lists->tf_bytes(&lane->in->list, from, count, room, &large);
    if (large || allowed) {
        offer_each(e, ec, lane, allowed, docs, from, count);
        return;
    }
    uint32_t at = term_batch_room(b, count);
    memcpy(b->docs + at, docs, count * sizeof *docs);
    memcpy(b->tfs + at, tfs, count);
    term_batch_take(b, ec, count);
}

/* ---- Lists as a whole ------------------------------------------------------------------------ */

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
                term_offer(e, ec, lane, allowed, docs[rank], e->lists->tf(list, rank));
            }
        }
    }
}

anp_status term_batch_list(term_batch *b, eval_cell *ec, const eval_lane *lane) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    uint16_t docs[LIST_BLOCKED_MAX];
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
            take_range(b, ec, lane, allowed, docs + from, from, left);
        }
    }
    if (e->trace) {
        e->trace->postings += list->count;
    }
    return ANP_OK;
}

anp_status eval_only_list(evaluation *e, eval_cell *ec, const eval_lane *lane) {
    term_batch b;
    term_batch_begin(&b, e, lane->term);
    TRY(term_batch_list(&b, ec, lane));
    term_batch_end(&b);
    return ANP_OK;
}

/* ---- Blocks ---------------------------------------------------------------------------------- */

/* The postings of a block of a blocked container whose tf can reach the threshold. */
static void take_block(term_batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
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
            term_offer(e, ec, lane, allowed, low, e->lists->tf(list, from + i));
        }
        picked[i / 64] &= ~bit;
        count--;
    }
    take_picked(b, ec, block, picked, count, (to - from + 63) / 64, list->container + from, tfs);
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
            term_offer_large(e, ec, lane, NULL, low);
            lanes[word] &= ~((uint64_t)1 << i % 64);
        }
    }
    return count;
}

/* The postings of a block of a bitset that may reach the threshold. */
static anp_status take_bits(term_batch *b, eval_cell *ec, const eval_lane *lane,
                            const uint64_t *allowed, uint32_t block) {
    evaluation *e = b->e;
    uint8_t tfs[BLOCK_DOCS];
    uint64_t picked[4];
    bool large = spread_tfs(e, &lane->in->list, block, tfs);
    uint32_t count = eval_find_promising(e, &b->promise, ec, block, tfs, picked);
    if (count > ABLE_FROM && term_tells_able(e, ec, lane)) {
        TRY(term_keep_able(e, ec, lane, block, picked, &count));
    }
    if (large || allowed) {
        count = drop_lanes(e, ec, lane, allowed, block, tfs, picked);
    }
    take_picked(b, ec, block, picked, count, 4, b->every, tfs);
    return ANP_OK;
}

anp_status term_batch_block(term_batch *b, eval_cell *ec, const eval_lane *lane, uint32_t block) {
    const uint64_t *allowed;
    TRY(eval_allowed(b->e, ec, &allowed));
    if (b->e->trace) {
        b->e->trace->blocks_scored++;
    }
    if (lane->in->list.container_kind == LIST_BITSET) {
        TRY(take_bits(b, ec, lane, allowed, block));
    } else {
        take_block(b, ec, lane, allowed, block);
    }
    if (b->count >= (uint32_t)TERM_ENOUGH) {
        term_batch_end(b);
    }
    return ANP_OK;
}
