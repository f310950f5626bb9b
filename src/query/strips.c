/*
 * Cells of a union by their strips: which ones can win, and the scores of these.
 *
 * Bounds of blocks add up what different posts have: of words that most posts have they are all
 * about the same, and nearly every block of 256 posts reaches the threshold though no post of it
 * does. Of its 16 strips (postings/format.h) most do not: on a million synthesised posts 94 % of
 * the blocks reach the threshold of `log file`, and 4 % of the strips; 99 and 13 % of a sentence of
 * 14 terms. And their share falls as posts become more.
 *
 *     bound      a number for each strip of the cell: of each term what its level stands for, out
 *                of a table of 16; with a prior times the factor of the block's best post
 *     score      16 strips that reach the threshold at once, 256 posts: terms are added in the
 *                order of what they have at most, until no post can win with what is left
 *
 * Where a term is so rare that its list has no strips, blocks are scored: in most of them no post
 * has all that it takes.
 */
#include "query/evaluation.h"

/* Fewer blocks are scored. The tests are also built with few. */
#ifndef EVAL_STRIPS_LEFT
#define EVAL_STRIPS_LEFT 24
#endif

enum {
    STRIPS_EACH = 6,  /* likewise where so many strips a block can win */
    STRIP_DOCS = LIST_STRIP_DOCS,
    BATCH = RANK_LANES / STRIP_DOCS, /* strips */
    STRIPS_A_WORD = 64 / STRIP_DOCS,
};

/* No sum of a strip is more, but for what is rounded up. */
#define NUMBERS_MOST 65000.0f
#define NEVER UINT16_MAX

/* A cell. */
typedef struct strip_cell {
    evaluation *e;
    eval_cell *ec;
    const uint64_t *allowed;
    uint16_t sums[LIST_STRIPS];
    float factors[EVAL_CELL_BLOCKS]; /* of a block's best post */
    uint16_t least[EVAL_CELL_BLOCKS];
    uint16_t reached[EVAL_CELL_BLOCKS]; /* bits of strips */
} strip_cell;

/* Strips whose posts are scored together. */
typedef struct strip_batch {
    strip_cell *s;
    uint32_t count;
    uint16_t strips[BATCH];
    uint32_t rests[BATCH]; /* numbers of terms that are not yet added */
    bool normed[EVAL_FIELDS];
    uint64_t alive[RANK_LANE_WORDS];
    uint8_t tfs[RANK_LANES];
    float norms[EVAL_FIELDS][RANK_LANES] __attribute__((aligned(64)));
    float factors[RANK_LANES] __attribute__((aligned(64)));
    float least[RANK_LANES] __attribute__((aligned(64)));
    int32_t sums[RANK_LANES] __attribute__((aligned(64)));
} strip_batch;

/* ---- Levels -------------------------------------------------------------------------------- */

/* From units to numbers. */
static float scale_of(evaluation *e) {
    float most = 0;
    for (uint32_t i = 0; i < e->term_count && e->strip_scale == 0; i++) {
        most += e->terms[i].weight * RANK_BOUND_ROUND + RANK_BOUND_UNITS;
    }
    e->strip_scale = e->strip_scale == 0 ? NUMBERS_MOST / most : e->strip_scale;
    return e->strip_scale;
}

/* What no posting has more than, in units, without its factor, whose impact is at most this. */
static float units_of(const eval_lane *lane, float impact) {
    float x = rank_remap(impact, lane->bound.ratio);
    float units = lane->bound.weight * x + RANK_BOUND_UNITS;
    float whole = eval_is_light(lane->term) ? eval_whole_units(lane->term, x) : units;
    return whole < units ? whole : units;
}

static anp_status make_levels(evaluation *e, eval_lane *lane) {
    float scale = scale_of(e);
    lane->levels = arena_alloc(e->memory, sizeof *lane->levels);
    if (!lane->levels) {
        return eval_nomem(e);
    }
    lane->levels->low[0] = lane->levels->high[0] = 0;
    for (uint32_t i = 1; i <= LIST_STRIP_LEVELS; i++) {
        float impact = list_strip_level(&lane->in->list, i);
        uint32_t number = (uint32_t)(units_of(lane, impact) * scale) + 1;
        lane->levels->low[i] = (uint8_t)number;
        lane->levels->high[i] = (uint8_t)(number >> 8);
    }
    return ANP_OK;
}

/* The number of a term in a strip. */
static uint32_t number_of(const eval_lane *lane, uint32_t strip) {
    uint32_t level = list_strip(&lane->in->list, strip * STRIP_DOCS);
    return lane->levels->low[level] | (uint32_t)lane->levels->high[level] << 8;
}

/* ---- Bounds -------------------------------------------------------------------------------- */

/* Whether all lists of a cell have strips. */
static bool all_have_strips(const eval_cell *ec) {
    bool all = ec->lane_count > 0;
    for (uint32_t i = 0; i < ec->lane_count; i++) {
        all &= ec->by_most[i]->in->list.strips != NULL;
    }
    return all;
}

/* The factor of each block's best post. */
static anp_status find_factors(strip_cell *s) {
    const evaluation *e = s->e;
    const uint16_t *sums = NULL;
    if (e->prior.blends && !e->prior.capped) {
        TRY(cells_best_sums(e->snapshot, s->ec->c, &sums, e->err));
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        s->factors[block] = s->ec->factors_most ? s->ec->factors_most[block]
                            : sums              ? eval_sum_factor(e, sums[block])
                                                : e->prior.factor_max;
    }
    return ANP_OK;
}

/* What a post of a block needs, ties with the worst that is kept included. */
static float need_of(const strip_cell *s, uint32_t block) {
    const evaluation *e = s->e;
    float behind = e->prior.blends || !eval_top_full(e)
                       ? 0 : eval_least_behind(e, s->ec->c->first + block * BLOCK_DOCS);
    return behind > e->theta ? behind : e->theta;
}

/* The number that the strips of a block need: a little less, but more than one without postings. */
static uint16_t least_of(const strip_cell *s, uint32_t block) {
    float number = need_of(s, block) * EVAL_SUM_ROUND / s->factors[block] * s->e->strip_scale - 1;
    return number < 1 ? 1 : number < NEVER ? (uint16_t)number : NEVER;
}

/* Sums of the strips, and those that can win, of all blocks that are left; how many. */
static anp_status find_strips(strip_cell *s, uint32_t *count) {
    evaluation *e = s->e;
    memset(s->sums, 0, sizeof s->sums);
    for (uint32_t i = 0; i < s->ec->lane_count; i++) {
        eval_lane *lane = s->ec->by_most[i];
        const list_view *list = &lane->in->list;
        uint32_t first = list->strips[0], last = list->strips[1];
        TRY(lane->levels ? ANP_OK : make_levels(e, lane));
        e->lanes->add_levels(list->strips + LIST_STRIP_HEAD, last - first + 1, lane->levels,
                             s->sums + (size_t)first * RANK_STRIPS);
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float sum = s->ec->sums[block];
        bool left = sum > 0 && eval_can_win(e, s->ec->c, block, sum * RANK_BOUND_ROUND);
        s->least[block] = left ? least_of(s, block) : NEVER;
    }
    *count = e->lanes->strips(s->sums, EVAL_CELL_BLOCKS, s->least, s->reached);
    return ANP_OK;
}

/* ---- Scores -------------------------------------------------------------------------------- */

/* 16 entries of so many bytes. */
static void copy_entries(uint8_t *to, const uint8_t *from, uint32_t width) {
    switch (width) {
    case 1: memcpy(to, from, STRIP_DOCS); break;
    case 2: memcpy(to, from, STRIP_DOCS * 2); break;
    default: memcpy(to, from, STRIP_DOCS * 4); break;
    }
}

/* The entries of 16 posts a strip, of a column of the cell, one strip behind the other. */
static rank_lengths gather(const strip_batch *b, const rank_lengths *all, uint8_t *room) {
    const cell *c = b->s->ec->c;
    uint32_t width = all->width;
    for (uint32_t i = 0; i < b->count && all->times; i++, room += (size_t)STRIP_DOCS * width) {
        uint32_t low = (uint32_t)b->strips[i] * STRIP_DOCS, end = low + STRIP_DOCS;
        if (low >= c->from && end <= c->end) {
            copy_entries(room, all->entries + (size_t)(low - c->from) * width, width);
            continue;
        }
        uint32_t from = low > c->from ? low : c->from;
        end = end < c->end ? end : c->end;
        memcpy(room + (size_t)(from - low) * width,
               all->entries + (size_t)(from - c->from) * width, (size_t)(end - from) * width);
    }
    return (rank_lengths){NULL, width, all->base, all->times};
}

static const float *norms_of(strip_batch *b, const eval_term *term) {
    const evaluation *e = b->s->e;
    index_field field = term->lists->field;
    if (!b->normed[field]) {
        uint8_t rooms[2][RANK_LANES * sizeof(uint32_t)] = {{0}};
        rank_lengths all[2], parts[2];
        b->normed[field] = true;
        eval_lengths_of(e, b->s->ec->c, term, b->s->ec->c->from, all);
        for (int i = 0; i < 2; i++) {
            parts[i] = gather(b, &all[i], rooms[i]);
            parts[i].entries = rooms[i];
        }
        e->lanes->norms(parts, term->norm, b->norms[field]);
    }
    return b->norms[field];
}

static void find_post_factors(strip_batch *b) {
    const evaluation *e = b->s->e;
    const cell *c = b->s->ec->c;
    uint8_t room[RANK_LANES * RANK_SCORES] = {0};
    if (e->prior.blends) {
        gather(b, &(rank_lengths){c->scores, RANK_SCORES, 0, 1}, room);
        e->lanes->factors(room, e->prior.linear, b->factors);
    }
}

/* The posts of the strips that are the cell's and allowed. */
static void find_alive(strip_batch *b) {
    const cell *c = b->s->ec->c;
    memset(b->alive, 0, sizeof b->alive);
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t low = (uint32_t)b->strips[i] * STRIP_DOCS, bits = UINT16_MAX;
        const uint64_t *allowed = b->s->allowed;
        if (allowed) {
            bits &= (uint32_t)(allowed[low / 64] >> low % 64);
        }
        if (low < c->from) {
            bits &= UINT32_MAX << (c->from - low);
        }
        if (low + STRIP_DOCS > c->end) {
            bits &= UINT16_MAX >> (low + STRIP_DOCS - c->end);
        }
        b->alive[i / STRIPS_A_WORD] |= (uint64_t)(bits & UINT16_MAX)
                                       << i % STRIPS_A_WORD * STRIP_DOCS;
    }
}

static bool lives(const strip_batch *b, uint32_t i) {
    return b->alive[i / STRIPS_A_WORD] >> i % STRIPS_A_WORD * STRIP_DOCS & UINT16_MAX;
}

/* The post in a lane. */
static uint16_t low_of(const strip_batch *b, uint32_t lane) {
    return (uint16_t)(b->strips[lane / STRIP_DOCS] * STRIP_DOCS + lane % STRIP_DOCS);
}

/* Contributions whose tf does not fit a byte, in place of those made with 255. */
static void mend_large(strip_batch *b, const eval_lane *lane, const float *norms) {
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        if (b->tfs[i] == UINT8_MAX) {
            b->sums[i] += eval_more_at(b->s->e, lane, low_of(b, i), norms[i]);
        }
    }
}

/* Leaves those that can win with what is not yet added; how many. */
static uint32_t keep_alive(strip_batch *b) {
    const evaluation *e = b->s->e;
    for (uint32_t i = 0; i < b->count; i++) {
        float units = (float)b->rests[i] / e->strip_scale * RANK_BOUND_ROUND;
        float need = need_of(b->s, b->strips[i] / RANK_STRIPS) * EVAL_SUM_ROUND;
        for (uint32_t lane = i * STRIP_DOCS; lane < (i + 1) * STRIP_DOCS; lane++) {
            b->least[lane] = need - units * b->factors[lane];
        }
    }
    return e->lanes->reach_each(b->sums, e->prior.blends ? b->factors : NULL, b->least, b->alive);
}

/* Adds a term; how many posts can still win. */
static uint32_t add_lane(strip_batch *b, const eval_lane *lane) {
    const evaluation *e = b->s->e;
    const float *norms = norms_of(b, lane->term);
    bool large = false;
    for (uint32_t i = 0; i < b->count; i++) {
        uint8_t *tfs = b->tfs + (size_t)i * STRIP_DOCS;
        if (lives(b, i)) {
            large |= e->lists->strip_tfs(&lane->in->list, b->strips[i], tfs);
            b->rests[i] -= number_of(lane, b->strips[i]);
        } else {
            memset(tfs, 0, STRIP_DOCS);
        }
    }
    memset(b->tfs + (size_t)b->count * STRIP_DOCS, 0, (size_t)(BATCH - b->count) * STRIP_DOCS);
    e->lanes->add(b->tfs, norms, lane->term->weight, b->sums);
    if (large) {
        mend_large(b, lane, norms);
    }
    for (uint32_t i = 0; lane->term == e->driver && i < (uint32_t)RANK_LANES; i++) {
        b->alive[i / 64] &= b->tfs[i] ? UINT64_MAX : ~((uint64_t)1 << i % 64);
    }
    if (e->trace) {
        e->trace->probes += (uint64_t)b->count * STRIP_DOCS;
    }
    return keep_alive(b);
}

static void offer_alive(strip_batch *b) {
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = b->alive[word]; left; left &= left - 1) {
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
            eval_offer(b->s->e, b->s->ec, low_of(b, lane), b->sums[lane], b->factors[lane]);
        }
    }
}

static void score_batch(strip_batch *b) {
    uint32_t left = b->count;
    memset(b->normed, 0, sizeof b->normed);
    memset(b->sums, 0, sizeof b->sums);
    find_alive(b);
    find_post_factors(b);
    for (uint32_t i = b->s->ec->lane_count; i-- > 0 && left;) {
        left = add_lane(b, b->s->ec->by_most[i]);
    }
    offer_alive(b);
    if (b->s->e->trace) {
        b->s->e->trace->strips += b->count;
    }
    b->count = 0;
}

/* Whether a strip has posts of the cell: damaged levels may tell of others. */
static bool is_in_cell(const cell *c, uint32_t strip) {
    return (strip + 1) * STRIP_DOCS > c->from && strip * STRIP_DOCS < c->end;
}

/* All that can win. */
static void score_cell(strip_cell *s) {
    strip_batch b;
    b.s = s;
    b.count = 0;
    memset(b.norms, 0, sizeof b.norms);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        b.factors[i] = 1;
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        for (uint32_t left = s->reached[block]; left; left &= left - 1) {
            uint32_t strip = block * RANK_STRIPS + (uint32_t)__builtin_ctz(left);
            if (!is_in_cell(s->ec->c, strip)) {
                continue;
            }
            b.strips[b.count] = (uint16_t)strip;
            b.rests[b.count++] = s->sums[strip];
            if (b.count == BATCH) {
                score_batch(&b);
            }
        }
    }
    if (b.count) {
        score_batch(&b);
    }
}

/* ---- Cells --------------------------------------------------------------------------------- */

static anp_status try_cell(evaluation *e, eval_cell *ec, uint32_t blocks) {
    strip_cell s;
    uint32_t found;
    s.e = e;
    s.ec = ec;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    if (e->prior.blends && ec->c->score_bytes != RANK_SCORES) {
        return ANP_OK;
    }
    TRY(find_factors(&s));
    TRY(find_strips(&s, &found));
    if (found > STRIPS_EACH * blocks) {
        return ANP_OK;
    }
    TRY(eval_allowed(e, ec, &s.allowed));
    score_cell(&s);
    ec->finished = true;
    memset(ec->sums, 0, EVAL_CELL_BLOCKS * sizeof *ec->sums);
    return ANP_OK;
}

/* Of light terms alone units are so few that levels, which are rounded up, tell too little. */
static bool are_light(const evaluation *e) {
    bool light = true;
    for (uint32_t i = 0; i < e->term_count; i++) {
        light &= eval_is_light(&e->terms[i]);
    }
    return light;
}

anp_status eval_finish_strips(evaluation *e) {
    bool tells = e->theta > 0 && !e->constant && !are_light(e);
    for (uint32_t i = 0; i < e->cell_count && tells; i++) {
        eval_cell *ec = &e->cells[i];
        bool open = ec->sums && !ec->finished && all_have_strips(ec);
        uint32_t left = open ? eval_blocks_left(e, ec) : 0;
        if (left >= EVAL_STRIPS_LEFT) {
            TRY(try_cell(e, ec, left));
        }
    }
    return ANP_OK;
}
