/*
 * A list by itself, and a query of one term: the best postings by the codes of their bounds.
 *
 *     codes of each list ─> those that reach the threshold ─> sure ─> those that still reach it
 *                             ^                                │        │
 *                             └ seeds of the lists             │        └─> tfs that can, then
 *                                 the k-th best of what is ────┘            contributions ─> heap
 *
 * A code stands for the best posting of its block, or for a posting of a shorter list: it says what
 * its impact does not exceed, and that it is no more than a step below that. So k codes vouch for k
 * postings, and after the threshold that they give hardly a block is looked at that has no post to
 * be kept. Codes are compared as they are, 64 at a time: a threshold is made the least code that
 * reaches it, list by list.
 *
 * In a block first the tfs are compared with the least one that reaches the threshold in a post
 * without words; a few that are left are scored one by one.
 */
#include "query/evaluation.h"

enum {
    FEW_LANES = 5,       /* postings of a block that are scored one by one */
    FEW_POSTINGS = 3,    /* the same of a list */
    PARTS_MAX = 32,      /* lists or blocks of a batch */
    BATCH_BLOCKS = 64,   /* postings of blocks that wait for others */
    DEAD_SURE_MAX = 512, /* with more deleted posts codes vouch for too little */
    SURE_STEPS = 256,
};

/* ---- Postings ------------------------------------------------------------------------------ */

/* The least tf that may reach the threshold, from 1 to 255. */
static uint8_t least_tf(const evaluation *e, const eval_term *term) {
    float most = term->weight * e->prior.factor_max * RANK_BOUND_ROUND;
    float share = (e->theta * EVAL_SUM_ROUND - 2 * e->prior.factor_max) / most;
    if (share <= 0) {
        return 1;
    }
    float tf = share < 1 ? term->norm.base * share / (1 - share) * EVAL_SUM_ROUND : UINT8_MAX;
    return tf >= UINT8_MAX ? UINT8_MAX : tf > 1 ? (uint8_t)tf : 1;
}

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

/* Postings of one term, of one list or several, whose contributions are made together. */
typedef struct batch {
    evaluation *e;
    const eval_term *term;
    uint32_t count, part_count;
    struct batch_part {
        eval_cell *ec;
        const uint64_t *allowed;
    } parts[PARTS_MAX];
    uint8_t part_of[BLOCK_DOCS];
    uint16_t docs[BLOCK_DOCS];
    uint8_t tfs[BLOCK_DOCS + KERNEL_READ_BYTES];
    float norms[BLOCK_DOCS];
} batch;

/* Offers them. */
static void batch_end(batch *b) {
    evaluation *e = b->e;
    int32_t sums[RANK_LANES];
    uint64_t reached[RANK_LANE_WORDS];
    uint32_t count = b->count;
    b->count = b->part_count = 0;
    if (count == 0) {
        return;
    }
    for (uint32_t i = count; i % 16; i++) {
        b->norms[i] = 1; /* lanes beside others are added up too */
    }
    memset(b->tfs + count, 0, BLOCK_DOCS - count);
    memset(sums, 0, sizeof sums);
    e->lanes->add(b->tfs, b->norms, b->term->weight, sums);
    e->lanes->over(sums, NULL, e->theta * EVAL_SUM_ROUND / e->prior.factor_max, reached);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = reached[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            const struct batch_part *part = &b->parts[b->part_of[i]];
            uint16_t low = b->docs[i];
            if (eval_is_allowed(part->allowed, low)) {
                eval_offer(e, part->ec, low, sums[i], eval_factor(e, part->ec->c, low));
            }
        }
    }
}

/* Room for `count` <= 256 more postings of a cell, which begin at the number that is returned. */
static uint32_t batch_begin(batch *b, eval_cell *ec, const uint64_t *allowed, uint32_t count) {
    if (b->count + count > BLOCK_DOCS || b->part_count == PARTS_MAX) {
        batch_end(b);
    }
    b->parts[b->part_count] = (struct batch_part){ec, allowed};
    memset(b->part_of + b->count, (int)b->part_count++, count);
    return b->count;
}

/* Their docs and tfs are in place. */
static void batch_take(batch *b, uint32_t from, uint32_t count) {
    const eval_cell *ec = b->parts[b->part_count - 1].ec;
    eval_norms_of(b->e, ec->c, b->term, b->docs + from, count, b->norms + from);
    b->count += count;
}

/* Ranks [from, from + count) of a list, at most 256; each by itself where a tf is no byte. */
static void batch_list(batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                       const uint16_t *docs, uint32_t from, uint32_t count) {
    uint8_t room[LIST_TF_ROOM];
    bool large;
    const uint8_t *tfs = b->e->lists->tf_bytes(&lane->in->list, from, count, room, &large);
    if (large) {
        offer_each(b->e, ec, lane, allowed, docs, from, count);
        return;
    }
    uint32_t at = batch_begin(b, ec, allowed, count);
    memcpy(b->docs + at, docs, count * sizeof *docs);
    memcpy(b->tfs + at, tfs, count);
    batch_take(b, at, count);
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
    b.e = e;
    b.term = lane->term;
    b.count = b.part_count = 0;
    TRY(batch_only_list(&b, ec, lane));
    batch_end(&b);
    return ANP_OK;
}

/* ---- One term: codes ----------------------------------------------------------------------- */

/* A list of the term with bounds; codes of its postings, or of its blocks, that reach the
   threshold. */
typedef struct coded_list {
    eval_cell *ec;
    const eval_lane *lane;
    uint64_t reached[RANK_LANE_WORDS];
    uint16_t *docs; /* of a list with a code a posting, once they are needed */
} coded_list;

typedef struct one_term {
    evaluation *e;
    eval_term *term;
    bool blended; /* the codes with the prior's factor are those that count */
    coded_list *lists;
    uint32_t list_count;
    float *sure; /* what postings surely have; at most one a code */
    uint32_t sure_count;
    uint64_t dead; /* posts that sure ones may be of */
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

static void find_reached(const one_term *t, coded_list *l) {
    const list_view *list = &l->lane->in->list;
    uint32_t least = least_code(t, l->lane);
    memset(l->reached, 0, sizeof l->reached);
    if (least <= UINT8_MAX) {
        t->e->sets->at_least(t->blended ? list->blended_bytes : list->bound_bytes,
                             list->bound_count, (uint8_t)least, l->reached);
    }
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

/* The postings of a block of a list that is no bitset: of those whose tf can reach the threshold a
   few one by one, else all together. */
static void offer_block(batch *b, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                        uint32_t block, uint8_t least) {
    evaluation *e = b->e;
    const list_view *list = &lane->in->list;
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t picked[4];
    uint32_t from, to;
    bool large;
    e->lists->block(list, block, &from, &to);
    const uint8_t *read = e->lists->tf_bytes(list, from, to - from, room, &large);
    uint32_t count = e->sets->at_least(read, to - from, least, picked);
    if (e->trace) {
        e->trace->postings += to - from;
    }
    if (count > FEW_LANES && !large) {
        uint32_t at = batch_begin(b, ec, allowed, to - from);
        for (uint32_t i = 0; i < to - from; i++) {
            b->docs[at + i] = list_block_doc(list, block, from + i);
        }
        memcpy(b->tfs + at, read, to - from);
        batch_take(b, at, to - from);
        if (b->count >= BATCH_BLOCKS) { /* so that the threshold rises */
            batch_end(b);
        }
        return;
    }
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = picked[word]; left; left &= left - 1) {
            uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint32_t tf = large ? e->lists->tf(list, from + at) : read[at];
            offer_posting(e, ec, lane, allowed, list_block_doc(list, block, from + at), tf);
        }
    }
}

static anp_status score_posting_of(one_term *t, coded_list *l, uint32_t rank,
                                   const uint64_t *allowed) {
    const list_view *list = &l->lane->in->list;
    if (!l->docs) {
        l->docs = arena_alloc(t->e->memory, list->count * sizeof *l->docs);
        if (!l->docs) {
            return eval_nomem(t->e);
        }
        t->e->lists->docs(list, l->docs);
    }
    offer_posting(t->e, l->ec, l->lane, allowed, l->docs[rank], t->e->lists->tf(list, rank));
    return ANP_OK;
}

/* What a code stands for. */
static anp_status score_code(one_term *t, coded_list *l, uint32_t at) {
    evaluation *e = t->e;
    const uint64_t *allowed;
    TRY(cells_open(e->snapshot, l->ec->c, e->err));
    TRY(eval_allowed(e, l->ec, &allowed));
    if (eval_bounds_postings(l->lane)) {
        return score_posting_of(t, l, at, allowed);
    }
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    if (l->lane->in->list.container_kind == LIST_BITSET) {
        return eval_list_block(e, l->ec, l->lane, at, allowed);
    }
    offer_block(&t->batch, l->ec, l->lane, allowed, at, least_tf(e, t->term));
    return ANP_OK;
}

/* The codes that reach the threshold, the best first, until none does. */
static anp_status score_codes(one_term *t) {
    uint32_t count = 0;
    float most = 0;
    eval_block *found = arena_alloc(t->e->memory, (t->sure_count + 1) * sizeof *found);
    eval_block *sorted = arena_alloc(t->e->memory, (t->sure_count + 1) * sizeof *sorted);
    if (!found || !sorted) {
        return eval_nomem(t->e);
    }
    for (uint32_t i = 0; i < t->list_count; i++) {
        coded_list *l = &t->lists[i];
        const list_view *list = &l->lane->in->list;
        const uint8_t *codes = t->blended ? list->blended_bytes : list->bound_bytes;
        find_reached(t, l);
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            for (uint64_t left = l->reached[word]; left; left &= left - 1) {
                uint32_t at = word * 64 + (uint32_t)__builtin_ctzll(left);
                float bound = code_bound(l->lane, codes[at]);
                found[count++] = (eval_block){i, at, bound};
                most = bound > most ? bound : most;
            }
        }
    }
    eval_sort_blocks(found, count, most, sorted);
    for (uint32_t i = 0; i < count; i++) {
        coded_list *l = &t->lists[sorted[i].cell];
        uint32_t block = eval_bounds_postings(l->lane) ? 0 : sorted[i].block;
        if (eval_can_win(t->e, l->ec->c, block, sorted[i].bound)) {
            TRY(score_code(t, l, sorted[i].block));
        }
    }
    batch_end(&t->batch);
    return ANP_OK;
}

/* ---- One term ------------------------------------------------------------------------------ */

bool eval_is_one_term(const evaluation *e) {
    if (e->term_count != 1 || eval_requires(e) || e->excluded_count || e->excluded_set_count ||
        e->request->filter || e->prior.capped || eval_is_light(e->terms)) {
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
    return dead <= DEAD_SURE_MAX;
}

static anp_status make_room(one_term *t) {
    uint32_t lists = t->term->lists->count, codes = 0;
    for (uint32_t i = 0; i < lists; i++) {
        codes += t->term->lists->lists[i].list.bound_count;
    }
    t->lists = arena_alloc(t->e->memory, lists * sizeof *t->lists);
    t->sure = arena_alloc(t->e->memory, codes * sizeof *t->sure);
    return t->lists && t->sure ? ANP_OK : eval_nomem(t->e);
}

anp_status eval_one_term(evaluation *e) {
    one_term t;
    t.e = t.batch.e = e;
    t.batch.term = t.term = &e->terms[0];
    t.blended = e->prior.alpha == 0;
    t.list_count = t.sure_count = t.batch.count = t.batch.part_count = 0;
    t.dead = 0;
    uint32_t skipped = 0;
    TRY(make_room(&t));
    eval_seed(e);
    for (uint32_t i = 0; i < t.term->lists->count; i++) {
        const eval_lane *lane = &t.term->lanes[i];
        const list_view *list = &lane->in->list;
        eval_cell *ec = &e->cells[lane->in->cell];
        if (lane->most <= 0 || lane->most < e->theta) {
            skipped++;
            continue;
        }
        if (!list->bounds) {
            TRY(batch_only_list(&t.batch, ec, lane));
            continue;
        }
        coded_list *l = &t.lists[t.list_count++];
        *l = (coded_list){.ec = ec, .lane = lane};
        find_reached(&t, l);
        add_sure(&t, l);
        t.dead += ec->c->dead;
        if (e->trace) {
            e->trace->blocks += list->bound_count;
        }
    }
    if (e->trace) {
        e->trace->cells_skipped += e->cell_count - t.term->lists->count + skipped;
    }
    batch_end(&t.batch);
    float sure = sure_at(&t, e->top->capacity + t.dead);
    e->theta = sure > e->theta ? sure : e->theta;
    return score_codes(&t);
}
