/*
 * Cells of a union by their strips: which ones can win, and the scores of these.
 *
 * Bounds of blocks add up what different posts have: of words that most posts have they are all
 * about the same, and nearly every block of 256 posts reaches the threshold though no post of it
 * does. Of its 16 strips (postings/format.h) most do not: on a million synthesised posts 94 % of
 * the blocks reach the threshold of `log file`, and 4 % of the strips; 99 and 13 % of a sentence of
 * 14 terms. And their share falls as posts become more.
 *
 *     sums       a number for each strip of the cell: of each term what its level stands for, out
 *                of a table of 16; of a rare term, whose list has no strips, what the bound of the
 *                block says where there are postings. Compared with what the threshold needs, which
 *                with a prior is less the better the best post of the block is
 *     posts      bits of those that may win: in a strip whose sum is enough, and with each term
 *                without whose number it would not be. Few strips have more than they need, so that
 *                most posts have to have nearly all terms: a rare one leaves few. Then those whose
 *                own terms have enough in their strip: of a sentence of 19 terms one in 22
 *     score      strip by strip where most posts of a strip may win (strip_batch.c), else post by
 *                post (few.c): what a post has at most is known from the terms that it has, before
 *                a tf is read
 *
 * Where many may win, the best strips are scored first: that raises the threshold sooner than
 * blocks do, whose bounds are about the same. In the cells that follow champions are asked again.
 */
#include "query/strips.h"

/* Fewer blocks are scored. The tests are also built with few. */
#ifndef EVAL_STRIPS_LEFT
#define EVAL_STRIPS_LEFT 24
#endif

/* Of more posts the best are scored first. Likewise. */
#ifndef EVAL_STRIPS_POSTS
#define EVAL_STRIPS_POSTS 256
#endif

/* Of so many cells and more the best are scored first though many may win, up to FIRST_TIMES as
   many as else. Of rare terms so many times EVAL_STRIPS_LEFT have to be left. Likewise. */
#ifndef EVAL_STRIPS_CELLS
#define EVAL_STRIPS_CELLS 8u
#endif
#ifndef EVAL_STRIPS_RARE
#define EVAL_STRIPS_RARE 4
#endif

/* Of fewer terms nearly all posts that have those that they need have enough. Likewise. */
#ifndef EVAL_STRIPS_ABLE
#define EVAL_STRIPS_ABLE 5u
#endif

enum {
    STRIPS_EACH = 6,     /* or where more strips a block have posts that may win, and more */
                         /* such posts than terms */
    FIRST_TIMES = 6,
    ROUNDS = 4,          /* of scoring the best first */
    POSTINGS_EACH = 128, /* for each so many postings of rare terms one block more has to be left */
    POSTINGS_MAX = LIST_BLOCKED_MAX + KERNEL_READ_BYTES, /* of lists that are no bitsets */
    STEPS = 64,          /* of what they have */
    BATCH_EACH = 4,      /* posts a strip: from here on all posts of it are scored together */
};

/* No sum of a strip is more, but for what is rounded up. */
#define NUMBERS_MOST 65000.0f
#define NEVER UINT16_MAX

/* ---- Levels -------------------------------------------------------------------------------- */

/* From units to numbers. */
static void find_scale(evaluation *e) {
    float most = 0;
    for (uint32_t i = 0; i < e->term_count && e->strip_scale == 0; i++) {
        most += e->terms[i].weight * RANK_BOUND_ROUND + RANK_BOUND_UNITS;
    }
    e->strip_scale = e->strip_scale == 0 ? NUMBERS_MOST / most : e->strip_scale;
}

/* What no posting has more than, in units, without its factor, whose impact is at most this. */
static float units_of(const eval_lane *lane, float impact) {
    float x = rank_remap(impact, lane->bound.ratio);
    float units = lane->bound.weight * x + RANK_BOUND_UNITS;
    float whole = eval_is_light(lane->term) ? eval_whole_units(lane->term, x) : units;
    return whole < units ? whole : units;
}

static uint32_t number_of_impact(const evaluation *e, const eval_lane *lane, float impact) {
    return (uint32_t)(units_of(lane, impact) * e->strip_scale) + 1;
}

anp_status strips_make_levels(evaluation *e, eval_lane *lane) {
    strips_levels *levels = lane->levels;
    if (levels) {
        return ANP_OK;
    }
    levels = lane->levels = arena_alloc(e->memory, sizeof *levels);
    if (!levels) {
        return eval_nomem(e);
    }
    find_scale(e);
    for (uint32_t i = 0; i <= LIST_STRIP_LEVELS; i++) {
        uint32_t number =
            i ? number_of_impact(e, lane, list_strip_level(&lane->in->list, i)) : 0;
        levels->numbers[i] = (uint16_t)number;
        levels->bytes.low[i] = (uint8_t)number;
        levels->bytes.high[i] = (uint8_t)(number >> 8);
    }
    return ANP_OK;
}

/* Of a list without strips: what the bounds of its blocks or postings say. */
static void make_numbers(const evaluation *e, const eval_lane *lane, const uint16_t *docs,
                         uint16_t numbers[EVAL_CELL_BLOCKS]) {
    const list_view *list = &lane->in->list;
    const rank_bound *b = &lane->bound;
    bool by_block = list->count >= (uint32_t)LIST_BLOCKS;
    uint32_t any = (uint32_t)((lane->term->weight * RANK_BOUND_ROUND + RANK_BOUND_UNITS) *
                              e->strip_scale) + 1;
    memset(numbers, 0, EVAL_CELL_BLOCKS * sizeof *numbers);
    for (uint32_t i = 0; i < (by_block ? (uint32_t)LIST_BLOCKS : list->count); i++) {
        uint16_t *number = &numbers[by_block ? i : docs[i] / BLOCK_DOCS];
        uint32_t own = any;
        if (list->bounds) {
            float impact = b->low + b->step * (float)list->bound_bytes[i];
            own = list->bound_bytes[i] ? number_of_impact(e, lane, impact) : 0;
        }
        *number = own > *number ? (uint16_t)own : *number;
    }
}

/* ---- Bounds -------------------------------------------------------------------------------- */

/* From how many blocks on that are left strips are asked: more where lists without strips are read,
   whose blocks are soon scored. UINT32_MAX: one is long, as those made in memory may be. */
static uint32_t blocks_from(const eval_cell *ec) {
    uint32_t postings = 0;
    for (uint32_t i = 0; i < ec->lane_count; i++) {
        const list_view *list = &ec->by_most[i]->in->list;
        if (!list->strips && list->container_kind == LIST_BITSET) {
            return UINT32_MAX;
        }
        postings += list->strips ? 0 : list->count;
    }
    uint32_t times = postings ? EVAL_STRIPS_RARE : 1;
    return times * (uint32_t)EVAL_STRIPS_LEFT + postings / POSTINGS_EACH;
}

/* From what a post has to numbers: with the factor of its block's best post. */
static anp_status find_scales(strip_cell *s) {
    evaluation *e = s->e;
    find_scale(e);
    TRY(e->prior.blends ? eval_find_factors(e, s->ec) : ANP_OK);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float factor = e->prior.blends ? s->ec->factors->blocks[block] : 1;
        s->scales[block] = e->strip_scale * EVAL_SUM_ROUND / factor;
    }
    return ANP_OK;
}

/* Room for the postings of term number i of a cell; NULL: no memory. */
static strips_room *take_room(evaluation *e, uint32_t i) {
    if (!e->strip_rooms) {
        size_t bytes = e->term_count * sizeof *e->strip_rooms;
        e->strip_rooms = (strips_room **)arena_alloc(e->memory, bytes);
        if (!e->strip_rooms) {
            return NULL;
        }
        memset(e->strip_rooms, 0, bytes);
    }
    if (!e->strip_rooms[i]) {
        e->strip_rooms[i] = arena_alloc(e->memory, sizeof **e->strip_rooms);
    }
    return e->strip_rooms[i];
}

static anp_status take_strips(strip_cell *s, eval_lane *lane, strips_term *t) {
    const list_view *list = &lane->in->list;
    TRY(strips_make_levels(s->e, lane));
    t->halves = list->strips + LIST_STRIP_HEAD;
    t->levels = lane->levels->numbers;
    t->first = list->strips[0];
    t->blocks = list->strips[1] - list->strips[0] + 1u;
    return ANP_OK;
}

static anp_status take_term(strip_cell *s, uint32_t i) {
    eval_lane *lane = s->ec->by_most[i];
    const list_view *list = &lane->in->list;
    strips_term *t = &s->terms[i];
    uint16_t docs[POSTINGS_MAX];
    *t = (strips_term){.postings = list->container, .blocks = EVAL_CELL_BLOCKS};
    lane->strips = t;
    if (list->container_kind != LIST_BITSET) {
        strips_room *room = take_room(s->e, i);
        if (!room) {
            return eval_nomem(s->e);
        }
        eval_find_starts(s->e, lane);
        eval_set_words(s->e, room->postings.words, docs, s->e->lists->docs(list, docs));
        make_numbers(s->e, lane, docs, room->numbers);
        t->postings = (const uint8_t *)room->postings.words;
        t->numbers = room->numbers;
    }
    return list->strips ? take_strips(s, lane, t) : ANP_OK;
}

/* The sums of the strips. */
static anp_status find_sums(strip_cell *s) {
    const rank_lanes *lanes = s->e->lanes;
    memset(s->sums, 0, sizeof s->sums);
    s->has_rare = false;
    for (uint32_t i = 0; i < s->ec->lane_count; i++) {
        const strips_term *t = &s->terms[i];
        TRY(take_term(s, i));
        uint16_t *sums = s->sums + (size_t)t->first * RANK_STRIPS;
        if (t->halves) {
            lanes->add_levels(t->halves, t->blocks, &s->ec->by_most[i]->levels->bytes, sums);
        } else {
            s->has_rare = true;
            lanes->add_numbers(t->postings, t->blocks, t->numbers, sums);
        }
    }
    return ANP_OK;
}

/* Leaves the posts that have the driver, or else one of the terms without all of which nothing in
   the cell can win. */
static void keep_essential(strip_cell *s) {
    const evaluation *e = s->e;
    const eval_cell *ec = s->ec;
    strips_posts any;
    double sum = 0;
    uint32_t i = 0;
    memset(&any, 0, sizeof any);
    while (i < ec->lane_count && !e->driver) {
        sum += (double)ec->by_most[i]->most;
        if (sum * (double)RANK_BOUND_ROUND >= (double)e->theta) {
            break;
        }
        i++;
    }
    for (; i < ec->lane_count; i++) {
        if (!e->driver || ec->by_most[i]->term == e->driver) {
            e->sets->or_into(any.words, s->terms[i].postings);
        }
    }
    e->sets->and_into(s->posts.words, (const uint8_t *)any.words);
}

/* All posts of the cell that are allowed, were not scored, and have such terms. */
static anp_status begin_posts(strip_cell *s) {
    const uint64_t *allowed;
    TRY(eval_unscored(s->e, s->ec, &allowed));
    eval_all_words(s->ec->c, s->posts.words);
    if (allowed) {
        s->e->sets->and_into(s->posts.words, (const uint8_t *)allowed);
    }
    keep_essential(s);
    return ANP_OK;
}

/* The numbers that the strips of each block need: a little less, but more than one without postings
   has. */
static void find_least(strip_cell *s) {
    const float *sums = s->ec->sums;
    float needs[EVAL_CELL_BLOCKS];
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        needs[block] = strips_need(s, block);
    }
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float number = needs[block] * s->scales[block] - 1;
        number = number < 1 ? 1 : number;
        number = sums[block] * RANK_BOUND_ROUND >= needs[block] ? number : NEVER;
        s->least[block] = number < NEVER ? (uint16_t)number : NEVER;
    }
}

/* The strips with some posts, ascending; how many. */
static uint32_t find_strips(const evaluation *e, const strips_posts *posts,
                            uint16_t strips[LIST_STRIPS]) {
    uint16_t ones[EVAL_CELL_BLOCKS], have[EVAL_CELL_BLOCKS];
    uint32_t count = 0;
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        ones[block] = 1;
    }
    e->lanes->strips(posts->strips, EVAL_CELL_BLOCKS, ones, have);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        for (uint32_t left = have[block]; left; left &= left - 1) {
            strips[count++] = (uint16_t)(block * RANK_STRIPS + (uint32_t)__builtin_ctz(left));
        }
    }
    return count;
}

/* Leaves the posts that may win: in a strip whose sum tells so, with each term without whose number
   it would not. How many. */
static uint32_t keep_posts(strip_cell *s) {
    const evaluation *e = s->e;
    uint8_t *posts = (uint8_t *)s->posts.words;
    find_least(s);
    e->lanes->keep_strips(s->sums, EVAL_CELL_BLOCKS, s->least, posts);
    for (uint32_t i = s->ec->lane_count; i-- > 0;) {
        const strips_term *t = &s->terms[i];
        const size_t strip = (size_t)t->first * RANK_STRIPS;
        if (t->halves) {
            e->lanes->need_levels(t->halves, t->blocks, &s->ec->by_most[i]->levels->bytes,
                                  s->sums + strip, s->least + t->first, t->postings + strip * 2,
                                  posts + strip * 2);
        } else {
            e->lanes->need_numbers(t->numbers, t->blocks, s->sums, s->least, t->postings, posts);
        }
    }
    uint16_t strips[LIST_STRIPS];
    if (s->ec->lane_count >= EVAL_STRIPS_ABLE) {
        uint32_t count = find_strips(e, &s->posts, strips);
        e->lanes->keep_able(s->terms, s->ec->lane_count, strips, count, s->least, posts);
    }
    return e->sets->count(s->posts.words);
}

/* ---- Scores -------------------------------------------------------------------------------- */

/* Of more posts than are scored at once, those in the best strips; the others are left. */
static void take_best(strip_cell *s, strips_posts *best) {
    const evaluation *e = s->e;
    uint32_t counts[STEPS] = {0}, most = 1, found = 0, step = STEPS;
    uint16_t least[EVAL_CELL_BLOCKS], strips[LIST_STRIPS], more[LIST_STRIPS];
    uint32_t count = find_strips(e, &s->posts, strips);
    for (uint32_t i = 0; i < count; i++) {
        more[i] = (uint16_t)(s->sums[strips[i]] - s->least[strips[i] / RANK_STRIPS]);
        most = more[i] > most ? more[i] : most;
    }
    float scale = (float)(STEPS - 1) / (float)most;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t posts = (uint32_t)__builtin_popcount(s->posts.strips[strips[i]]);
        counts[(uint32_t)((float)more[i] * scale)] += posts;
    }
    do {
        found += counts[--step];
    } while (step && found + counts[step - 1] <= (uint32_t)EVAL_STRIPS_POSTS);
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float sum = (float)s->least[block] + (float)step / scale;
        least[block] = sum < NEVER ? (uint16_t)sum : NEVER;
    }
    *best = s->posts;
    e->lanes->keep_strips(s->sums, EVAL_CELL_BLOCKS, least, (uint8_t *)best->words);
    e->sets->andnot_into(s->posts.words, (const uint8_t *)best->words);
}

static void score_docs(const strip_cell *s, const uint16_t *docs, uint32_t count) {
    eval_few few;
    if (s->e->trace) {
        s->e->trace->strip_posts += count;
    }
    eval_few_begin(&few, s->e, s->ec, docs, count);
    few.strips = true;
    eval_few_score(&few);
}

/* Post by post. */
static void score_few(const strip_cell *s, const strips_posts *posts) {
    uint16_t docs[RANK_LANES];
    uint32_t count = 0;
    for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word++) {
        for (uint64_t left = posts->words[word]; left; left &= left - 1) {
            docs[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
            if (count == (uint32_t)RANK_LANES) {
                score_docs(s, docs, count);
                count = 0;
            }
        }
    }
    if (count) {
        score_docs(s, docs, count);
    }
}

static void score_posts(strip_cell *s, const strips_posts *posts, uint32_t count) {
    uint16_t strips[LIST_STRIPS];
    uint32_t strip_count = find_strips(s->e, posts, strips);
    if (count >= BATCH_EACH * strip_count) {
        strips_score_batches(s, posts, strips, strip_count);
    } else {
        score_few(s, posts);
    }
}

/* ---- Cells --------------------------------------------------------------------------------- */

/* Whether scoring so many posts is more work than scoring the blocks. */
static bool is_much(const strip_cell *s, uint32_t count, uint32_t blocks) {
    uint16_t strips[LIST_STRIPS];
    return count > s->ec->lane_count * blocks &&
           (s->has_rare || find_strips(s->e, &s->posts, strips) > STRIPS_EACH * blocks);
}

/* Posts that were scored must not be offered again by blocks or champions. */
static anp_status leave_out(strip_cell *s, const strips_posts *done) {
    eval_cell *ec = s->ec;
    if (!ec->unscored) {
        const uint64_t *allowed;
        TRY(eval_allowed(s->e, ec, &allowed));
        ec->unscored = eval_words(s->e);
        if (!ec->unscored) {
            return eval_nomem(s->e);
        }
        eval_all_words(ec->c, ec->unscored);
        if (allowed) {
            memcpy(ec->unscored, allowed, KERNEL_WORDS * sizeof *allowed);
        }
    }
    s->e->sets->andnot_into(ec->unscored, (const uint8_t *)done->words);
    return ANP_OK;
}

/* Scores the best posts of a cell, as long as that makes the threshold rise; how many may win that
   are left. */
static anp_status score_best(strip_cell *s, uint32_t *count, bool *rises) {
    evaluation *e = s->e;
    for (int i = 0; i < ROUNDS && *rises && *count > (uint32_t)EVAL_STRIPS_POSTS; i++) {
        strips_posts best;
        float theta = e->theta;
        take_best(s, &best);
        TRY(leave_out(s, &best));
        score_posts(s, &best, e->sets->count(best.words));
        *count = keep_posts(s);
        *rises = e->theta > theta;
    }
    return ANP_OK;
}

/* Scores what can win in a cell, unless that is too much: then ec->finished stays false. */
static anp_status try_cell(evaluation *e, eval_cell *ec, uint32_t blocks, bool *rises) {
    strip_cell s;
    s.e = e;
    s.ec = ec;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    if (e->prior.blends && ec->c->score_bytes != RANK_SCORES) {
        return ANP_OK;
    }
    TRY(find_scales(&s));
    TRY(find_sums(&s));
    TRY(begin_posts(&s));
    uint32_t count = keep_posts(&s);
    if (!is_much(&s, count, e->cell_count < EVAL_STRIPS_CELLS ? blocks : FIRST_TIMES * blocks)) {
        TRY(score_best(&s, &count, rises));
        blocks = eval_blocks_left(e, ec);
    }
    if (is_much(&s, count, blocks)) {
        return ANP_OK;
    }
    score_posts(&s, &s.posts, count);
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

/* Cells are much alike: where some were too much, so are the others, for now. */
anp_status eval_finish_strips(evaluation *e) {
    enum { REFUSED_MAX = 2 };
    bool tells = e->theta > 0 && !e->constant && !are_light(e), rises = true;
    uint32_t refused = 0;
    for (uint32_t i = 0; i < e->cell_count && tells && refused < REFUSED_MAX; i++) {
        eval_cell *ec = &e->cells[i];
        TRY(eval_finish_cell(e, ec));
        uint32_t left = ec->sums && !ec->finished ? eval_blocks_left(e, ec) : 0;
        if (left && left >= blocks_from(ec)) {
            TRY(try_cell(e, ec, left, &rises));
            refused += !ec->finished;
        }
    }
    return ANP_OK;
}
