/*
 * A query of one word that stands in nearly all posts.
 *
 * Contributions are some few units, as many in nearly all posts: codes tell nothing, whole units
 * and priors do. Without a prior the first cell mostly has as many posts with the most units as are
 * wanted, and all that come later lose. With one the posts with the best scores, of which a cell
 * keeps some hundreds in their order, are looked up in its list; those that have more units than
 * nearly all others are champions, and come before. Where these do not tell all, or far more are
 * wanted, blocks are scored by the best prior of each (bounding.c).
 */
#include "query/term_batch.h"

enum { RICH_STEP = 16, RICH_MAX = 128 };

/* A cell with its list of a light term. */
typedef struct rich_cell {
    eval_cell *ec;
    const eval_lane *lane;
    const best_posts *best;
    uint32_t at;    /* of these */
    uint32_t heads; /* champions by impact that have been taken */
    float units;    /* no other posting has more */
} rich_cell;

/* What is not yet looked at has no more. */
static float rich_bound(const rich_cell *r) {
    const cell *c = r->ec->c;
    uint32_t at = r->at < r->best->count ? r->at : r->best->count - 1;
    return r->at == c->end - c->from ? 0 : r->units * r->best->most[at] * RANK_BOUND_ROUND;
}

static bool is_head(const rich_cell *r, uint16_t low) {
    bool found = false;
    for (uint32_t i = 0; i < r->heads; i++) {
        found |= load_u16(r->lane->in->list.champions + (size_t)i * 2) == low;
    }
    return found;
}

/* Postings of a list by low: no more than 256. */
static anp_status take_lows(term_batch *b, eval_cell *ec, const eval_lane *lane,
                            const uint16_t *lows, uint32_t count) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    const uint64_t *allowed;
    uint32_t at = term_batch_room(b, count), taken = 0;
    TRY(eval_allowed(e, ec, &allowed));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = e->lists->rank(list, lows[i]);
        uint32_t tf = rank == UINT32_MAX ? 0 : e->lists->tf(list, rank);
        if (tf > UINT8_MAX) {
            term_offer(e, ec, lane, allowed, lows[i], tf);
            continue;
        }
        b->docs[at + taken] = lows[i];
        b->tfs[at + taken] = (uint8_t)tf;
        taken += tf > 0 && eval_is_allowed(allowed, lows[i]);
    }
    term_batch_take(b, ec, taken);
    if (e->trace) {
        e->trace->probes += count;
    }
    if (b->count >= (uint32_t)TERM_ENOUGH) {
        term_batch_end(b);
    }
    return ANP_OK;
}

/* Takes the champions that have more units than what is behind the last of them. */
static anp_status take_heads(term_batch *b, rich_cell *r) {
    const list_view *list = &r->lane->in->list;
    uint16_t lows[LIST_CHAMPIONS];
    uint32_t part = LIST_SEEDS;
    float least = r->units;
    for (; list->champion_count && part > 0; part--) { /* the first part that is enough */
        float impact = list_seed_most(list_seed(list, false, part - 1));
        float units = eval_whole_units(b->term, rank_remap(impact, r->lane->bound.ratio));
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
    return r->heads ? take_lows(b, r->ec, r->lane, lows, r->heads) : ANP_OK;
}

/* The next of a cell. */
static anp_status take_rich(term_batch *b, rich_cell *r) {
    uint16_t lows[RICH_STEP];
    uint32_t count = 0;
    for (; r->at < r->best->count && count < RICH_STEP; r->at++) {
        lows[count] = r->best->lows[r->at];
        count += !is_head(r, lows[count]);
    }
    return take_lows(b, r->ec, r->lane, lows, count);
}

/* Cells whose best posts can win, the best next one first. */
static anp_status take_richest(term_batch *b, rich_cell *cells, uint32_t count) {
    const evaluation *e = b->e;
    for (;;) {
        rich_cell *best = NULL;
        float most = e->theta;
        for (uint32_t i = 0; i < count; i++) {
            float bound = cells[i].at < cells[i].best->count ? rich_bound(&cells[i]) : 0;
            if (bound > 0 && bound >= most) {
                best = &cells[i];
                most = bound;
            }
        }
        if (!best) {
            term_batch_end(b);
            return ANP_OK;
        }
        TRY(take_rich(b, best));
    }
}

/* Adds a cell, where there is an order of its posts. */
static anp_status add_rich(term_batch *b, eval_cell *ec, const eval_lane *lane, rich_cell *cells,
                           uint32_t *count) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    rich_cell *r = &cells[*count];
    float most = rank_remap((float)list->impact_max / 65535, lane->bound.ratio);
    *r = (rich_cell){.ec = ec, .lane = lane, .units = eval_whole_units(b->term, most)};
    TRY(eval_find_factors(e, ec));
    if (ec->factors->neutral) {
        return ANP_OK;
    }
    TRY(factors_best(e->factors, ec->c, &r->best, e->err));
    ++*count;
    return take_heads(b, r);
}

/* The blocks of the cells that have sums, best first. */
static anp_status score_light_blocks(term_batch *b) {
    evaluation *e = b->e;
    const eval_block *best;
    eval_order order;
    eval_order_begin(e, &order);
    TRY(eval_next_block(e, &order, &best));
    while (best) {
        eval_cell *ec = &e->cells[best->cell];
        TRY(cells_open(e->snapshot, ec->c, e->err));
        TRY(term_batch_block(b, ec, ec->lanes[0], best->block));
        TRY(eval_next_block(e, &order, &best));
    }
    term_batch_end(b);
    return ANP_OK;
}

/* The cells whose posts with the best scores tell all have `rich` set: they are done with. */
static anp_status score_rich(term_batch *b, bool *rich) {
    evaluation *e = b->e;
    uint32_t count = 0;
    rich_cell *cells = arena_array(e->memory, rich_cell, b->term->lists->count);
    if (!cells) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < b->term->lists->count; i++) {
        eval_lane *lane = &b->term->lanes[i];
        const list_digest *digest = eval_digest(lane);
        if (lane->most > 0 && digest->seed_count) {
            eval_ready_lane(e, lane);
            TRY(add_rich(b, &e->cells[digest->cell], lane, cells, &count));
        }
    }
    TRY(take_richest(b, cells, count));
    for (uint32_t i = 0; i < count; i++) {
        const cell *c = cells[i].ec->c;
        bool done = rich_bound(&cells[i]) < e->theta;
        rich[cells[i].lane - b->term->lanes] = done;
        if (!done) {
            top_drop(e->top, c->first + c->from, c->end - c->from);
        }
    }
    return ANP_OK;
}

anp_status eval_light_term(term_batch *b) {
    evaluation *e = b->e;
    bool *rich = arena_array(e->memory, bool, b->term->lists->count);
    if (!rich) {
        return eval_nomem(e);
    }
    if (e->prior.blends && e->top->capacity <= RICH_MAX) {
        TRY(score_rich(b, rich));
    }
    for (uint32_t i = 0; i < b->term->lists->count; i++) {
        eval_lane *lane = &b->term->lanes[i];
        eval_cell *ec = &e->cells[eval_digest(lane)->cell];
        uint32_t first = ec->c->from / BLOCK_DOCS;
        bool can_win = eval_can_win(e, ec->c, first, lane->most * RANK_BOUND_ROUND);
        if (lane->most <= 0 || rich[i] || !can_win) {
            continue;
        }
        eval_ready_lane(e, lane);
        if (!lane->in->list.bounds) {
            TRY(term_batch_list(b, ec, lane));
            continue;
        }
        TRY(eval_block_sums(e, ec));
        if (!e->prior.blends) {
            TRY(score_light_blocks(b));
            ec->sums = NULL;
        }
    }
    return score_light_blocks(b);
}
