/*
 * Up to 256 posts of a cell, any ones: their scores are made together, term by term. After each
 * term those are given up that cannot win with what the terms that are left have at most: by the
 * bounds of their blocks, or of their strips. A handful is scored one by one: where cells are many
 * there are mostly no more in each.
 */
#include "query/strips.h"

enum { FEW_EACH = 24 };

static bool is_handful(const eval_few *f) {
    return f->count <= FEW_EACH;
}

void eval_few_begin(eval_few *f, evaluation *e, eval_cell *ec, const uint16_t *docs,
                    uint32_t count) {
    f->e = e;
    f->ec = ec;
    f->own = NULL;
    f->strips = false;
    f->count = count;
    uint32_t lanes = is_handful(f) ? count : RANK_LANES; /* others are computed too */
    memset(f->normed, 0, sizeof f->normed);
    memset(f->sums, 0, lanes * sizeof *f->sums);
    memset(f->rest, 0, lanes * sizeof *f->rest);
    memset(f->factors + count, 0, (lanes - count) * sizeof *f->factors);
    memset(f->own_tfs, 0, count);
    memcpy(f->docs, docs, count * sizeof *docs);
    for (uint32_t i = 0; i < count; i++) {
        f->factors[i] = eval_factor(e, ec->c, docs[i]);
    }
}

static const float *norms_of(eval_few *f, const eval_term *term) {
    index_field field = term->lists->field;
    if (!f->normed[field]) {
        f->normed[field] = true;
        eval_norms_of(f->e, f->ec->c, term, f->docs, f->count, f->norms[field]);
        uint32_t rest = is_handful(f) ? 0 : RANK_LANES - f->count;
        memset(f->norms[field] + f->count, 0, rest * sizeof *f->norms[field]);
    }
    return f->norms[field];
}

static void move(eval_few *f, uint32_t from, uint32_t to) {
    f->docs[to] = f->docs[from];
    f->own_tfs[to] = f->own_tfs[from];
    f->own_most[to] = f->own_most[from];
    f->rest[to] = f->rest[from];
    f->numbers[to] = f->numbers[from];
    f->factors[to] = f->factors[from];
    f->sums[to] = f->sums[from];
    for (uint32_t field = 0; field < (uint32_t)EVAL_FIELDS; field++) {
        if (f->normed[field]) {
            f->norms[field][to] = f->norms[field][from];
        }
    }
}

/* Those that can win with the rest, one by one. */
static void keep_each(eval_few *f) {
    const evaluation *e = f->e;
    const float theta = e->theta * EVAL_SUM_ROUND;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        float sum = (float)f->sums[i] * (e->prior.blends ? f->factors[i] : 1);
        if (sum >= theta - f->rest[i]) {
            move(f, i, kept++);
        }
    }
    f->count = kept;
}

/* All together. */
static void keep_reaching(eval_few *f) {
    const evaluation *e = f->e;
    if (is_handful(f)) {
        keep_each(f);
        return;
    }
    float least[RANK_LANES] __attribute__((aligned(64)));
    uint64_t lanes[RANK_LANE_WORDS];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        least[i] = e->theta * EVAL_SUM_ROUND - f->rest[i];
    }
    memset(lanes, UINT8_MAX, sizeof lanes);
    e->lanes->reach_each(f->sums, e->prior.blends ? f->factors : NULL, least, lanes);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = lanes[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            if (i >= f->count) {
                break;
            }
            move(f, i, kept++);
        }
    }
    f->count = kept;
    memset(f->sums + kept, 0, (RANK_LANES - kept) * sizeof *f->sums);
}

/* The tfs of a term, where those posts are known that have it. */
static void find_known_tfs(eval_few *f, const eval_lane *lane) {
    uint16_t docs[RANK_LANES + KERNEL_READ_BYTES];
    uint8_t places[RANK_LANES];
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        docs[count] = f->docs[i];
        places[count] = (uint8_t)i;
        count += strips_has(lane->strips, f->docs[i]);
    }
    strips_put_tfs(f->e, lane, docs, places, count, f->tfs);
    if (f->e->trace) {
        f->e->trace->probes += count;
    }
}

/* The tfs of a term. */
static void find_tfs(eval_few *f, const eval_lane *lane) {
    const evaluation *e = f->e;
    if (lane == f->own && !memchr(f->own_tfs, 0, f->count)) {
        memcpy(f->tfs, f->own_tfs, f->count);
        return;
    }
    if (f->strips) {
        find_known_tfs(f, lane);
        return;
    }
    e->lists->tfs_of_docs(&lane->in->list, NULL, lane->starts, f->docs, f->count, f->tfs);
    if (e->trace) {
        e->trace->probes += f->count;
    }
}

/* What a term has at most in a post, by the bounds of blocks and of strips as far as there are
   some. */
static float bound_of(const eval_few *f, const eval_lane *lane, uint32_t i) {
    uint32_t low = f->docs[i];
    float most = lane->blocks ? lane->blocks[low / BLOCK_DOCS] : lane->most;
    if (lane == f->own) {
        return f->own_most[i];
    }
    if (lane->levels) {
        float strip = strips_units(f->e, strips_level_number(lane, low)) * f->factors[i];
        return strip < most ? strip : most;
    }
    return most;
}

/* What a term has at most in a post by strips, if it has the post. */
static uint32_t number_of(const eval_lane *lane, uint32_t low) {
    return strips_has(lane->strips, low) ? strips_number(lane, low / STRIP_DOCS) : 0;
}

/* What the terms have at most in a post that are left when this one was added. */
static void take_off(eval_few *f, const eval_lane *lane, uint32_t i) {
    if (f->strips) {
        f->numbers[i] -= number_of(lane, f->docs[i]);
        f->rest[i] = strips_units(f->e, f->numbers[i]) * f->factors[i];
    } else {
        f->rest[i] -= bound_of(f, lane, i);
    }
}

static int32_t units_of(const eval_term *term, uint32_t tf, float norm) {
    return (int32_t)rank_contribution(term->weight, tf, norm);
}

/* Adds a term; keeps what can win, and has the driver. */
static void add_lane(eval_few *f, const eval_lane *lane) {
    const evaluation *e = f->e;
    find_tfs(f, lane);
    const float *norms = norms_of(f, lane->term);
    if (is_handful(f)) {
        for (uint32_t i = 0; i < f->count; i++) {
            f->sums[i] += f->tfs[i] ? units_of(lane->term, f->tfs[i], norms[i]) : 0;
        }
    } else {
        memset(f->tfs + f->count, 0, RANK_LANES - f->count);
        e->lanes->add(f->tfs, norms, lane->term->weight, f->sums);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->tfs[i] == UINT8_MAX) {
            f->sums[i] += eval_more_at(e, lane, f->docs[i], norms[i]);
        }
        take_off(f, lane, i);
        f->rest[i] = lane->term == e->driver && !f->tfs[i] ? -INFINITY : f->rest[i];
    }
    keep_reaching(f);
}

/* The terms of a cell: those first that most posts were given up for so far, then their own one,
   then the others by what they have at most; how many. */
static uint32_t order_lanes(const eval_few *f, const eval_lane **lanes) {
    const eval_cell *ec = f->ec;
    uint32_t count = 0;
    if (f->own) {
        lanes[count++] = f->own;
    }
    for (uint32_t i = ec->lane_count; i-- > 0;) {
        const eval_lane *lane = ec->by_most[i];
        uint32_t at = count;
        if (lane == f->own) {
            continue;
        }
        for (; at && lanes[at - 1]->term->kept > lane->term->kept; at--) {
            lanes[at] = lanes[at - 1];
        }
        lanes[at] = lane;
        count++;
    }
    return count;
}

/* How many of `before` posts a term left. */
static void note_kept(evaluation *e, const eval_term *term, uint32_t before, uint32_t after) {
    enum { TOLD_BY = 8 };
    if (before >= TOLD_BY) {
        float *kept = &e->terms[term - e->terms].kept;
        *kept = 0.75f * *kept + 0.25f * (float)after / (float)before;
    }
}

/* What each post has at most: by strips, of those terms that it has. */
static void find_rests(eval_few *f) {
    const eval_cell *ec = f->ec;
    memset(f->numbers, 0, f->count * sizeof *f->numbers);
    for (uint32_t k = 0; k < ec->lane_count; k++) {
        const eval_lane *lane = ec->by_most[k];
        for (uint32_t i = 0; i < f->count; i++) {
            if (f->strips) {
                f->numbers[i] += number_of(lane, f->docs[i]);
            } else {
                f->rest[i] += bound_of(f, lane, i);
            }
        }
    }
    for (uint32_t i = 0; i < f->count; i++) {
        f->rest[i] = f->strips ? strips_units(f->e, f->numbers[i]) * f->factors[i]
                               : f->rest[i] * RANK_BOUND_ROUND; /* bounds are taken off it */
    }
    keep_reaching(f);
}

void eval_few_score(eval_few *f) {
    const eval_lane *lanes[EVAL_TERMS_MAX];
    uint32_t count = order_lanes(f, lanes);
    find_rests(f);
    for (uint32_t i = 0; i < count && f->count; i++) {
        uint32_t before = f->count;
        add_lane(f, lanes[i]);
        note_kept(f->e, lanes[i]->term, before, f->count);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        eval_offer(f->e, f->ec, f->docs[i], f->sums[i], f->factors[i]);
    }
}
