/*
 * Cells of a union in which every post that can still win is among the best postings of one list.
 *
 * The bounds of blocks add up what different posts of a block have at most. Where many posts are
 * alike they are flat: a third of all blocks may reach the threshold, and none of their posts does.
 * But a post that has all other terms at their best still needs something of this one:
 *
 *     need     threshold - what all others have at most in the cell
 *     seeds    no posting but the first champions, or champions and runners-up (postings/format.h),
 *              has so much: only these can win
 *
 * The term is taken whose postings are the fewest. Those in blocks that can win, and among the next
 * term's too, get their contributions, at once; those that can win with what the others have at
 * most in their blocks are scored. Then the cell is done with: some µs, whatever its blocks are
 * like.
 */
#include "query/strips.h"

enum {
    BEST_MAX = 512,  /* that a list names */
    LEFT_LEAST = 4,  /* fewer blocks are scored */
    PER_BLOCK = 16,  /* postings that are looked at rather than scoring one block */
    CROSS_FROM = 16, /* so many are looked for among those of another term, */
    CROSS_TIMES = 8, /* if these are so many times as many, or fewer */
    TERMS_MAX = 8,   /* that are crossed */
    EARLY_MAX = 48,  /* of more postings the bounds of their blocks are asked */
};

/* A term in a cell, and how many of its best postings can win: champions and runners-up. */
typedef struct best_postings {
    const eval_lane *lane;
    uint32_t count; /* UINT32_MAX: not known */
} best_postings;

/* Those that may win, in any order. */
typedef struct able_postings {
    uint32_t count;
    uint16_t docs[BEST_MAX + KERNEL_READ_BYTES];
    uint8_t tfs[BEST_MAX + KERNEL_READ_BYTES]; /* 255: or more; 0: not known */
    float most[BEST_MAX]; /* what the term has there at most */
} able_postings;

/* How many postings a list names: the kind that a query's bounds are made of. */
static uint32_t named_of(const evaluation *e, const list_digest *digest) {
    return digest->champions + (e->by_blended ? 0u : digest->runners);
}

/* Whether what is behind seed i loses beside all others. */
static bool loses_behind(const evaluation *e, const eval_lane *lane, uint32_t i, double others) {
    float value = list_seed_most(eval_digest(lane)->seeds[e->by_blended][i]);
    double bound = (double)rank_bound_one(&lane->bound, e->by_blended, value) + others;
    return bound * (double)RANK_BOUND_ROUND < (double)e->theta;
}

/* From the last seed on: mostly it is too good already. */
static uint32_t postings_needed(const evaluation *e, const eval_lane *lane, double others) {
    const list_digest *digest = eval_digest(lane);
    uint32_t named = named_of(e, digest), count = UINT32_MAX;
    uint32_t i = named ? 32 - (uint32_t)__builtin_clz(named) : 0;
    while (i > 0 && loses_behind(e, lane, i - 1, others)) {
        i--;
        count = 1u << i <= digest->champions ? 1u << i : named;
    }
    return count;
}

/* The terms of a cell of which so much is known, the one with the fewest first; how many. */
static uint32_t find_fewest(const evaluation *e, const eval_cell *ec, best_postings *best) {
    double sum = 0;
    uint32_t known = 0;
    for (uint32_t i = 0; i < ec->lane_count; i++) {
        sum += (double)ec->by_most[i]->most;
    }
    for (uint32_t i = ec->lane_count; i-- > 0;) {
        const eval_lane *lane = ec->by_most[i];
        uint32_t count = postings_needed(e, lane, sum - (double)lane->most), at = known;
        if (count == UINT32_MAX || (at == TERMS_MAX && best[at - 1].count <= count)) {
            continue;
        }
        known += at < TERMS_MAX;
        at -= at == TERMS_MAX;
        for (; at && best[at - 1].count > count; at--) {
            best[at] = best[at - 1];
        }
        best[at] = (best_postings){lane, count};
    }
    return known;
}

/* Their lows and tfs, as far as known; docs has room for BEST_MAX, and tfs, which may be NULL. */
static uint32_t read_best(const evaluation *e, const best_postings *best, uint16_t *docs,
                          uint8_t *tfs) {
    const list_view *list = &best->lane->in->list;
    uint32_t first = e->by_blended ? list->champion_count : 0;
    uint32_t champions = best->count < list->champion_count ? best->count : list->champion_count;
    uint32_t count = champions;
    const uint8_t *lows = list->champions + (size_t)first * sizeof *docs;
    for (uint32_t i = 0; i < champions; i++) {
        docs[i] = load_u16(lows + i * sizeof *docs);
    }
    if (best->count > champions) {
        count += list_runner_docs(list, docs + champions);
    }
    if (tfs) {
        memcpy(tfs, list->champion_tfs + first, champions);
        memset(tfs + champions, 0, count - champions);
    }
    return count;
}

/* The best postings of a term: the seed before each one says what it has at most. */
static void take_best(const evaluation *e, const best_postings *best, able_postings *able) {
    const eval_lane *lane = best->lane;
    const list_view *list = &lane->in->list;
    float most = lane->most;
    able->count = read_best(e, best, able->docs, able->tfs);
    for (uint32_t i = 0, seed = 0; i < able->count; seed++) {
        float value = list_seed_most(eval_digest(lane)->seeds[e->by_blended][seed]);
        float bound = rank_bound_one(&lane->bound, e->by_blended, value);
        uint32_t end = 2 * i + 1 < list->champion_count ? 2 * i + 1 : able->count;
        most = bound < most ? bound : most;
        for (end = end < able->count ? end : able->count; i < end; i++) {
            able->most[i] = most;
        }
    }
}

static void keep_able(able_postings *able, uint32_t from, uint32_t to) {
    able->docs[to] = able->docs[from];
    able->tfs[to] = able->tfs[from];
    able->most[to] = able->most[from];
}

/* Keeps those in blocks that were not scored and can win, with what they have themselves at most.
   Of a block that was scored, the sum is 0. */
static void keep_in_blocks(const evaluation *e, const eval_cell *ec, const eval_lane *lane,
                           able_postings *able) {
    uint32_t kept = 0;
    uint16_t which[BEST_MAX];
    float needs[EVAL_CELL_BLOCKS]; /* of this term, where the block can win */
    for (uint32_t block = 0; block < EVAL_CELL_BLOCKS; block++) {
        float sum = ec->sums[block] * RANK_BOUND_ROUND; /* what is left may be far less */
        float need = e->theta - (sum - lane->blocks[block]);
        needs[block] = sum >= e->theta && sum > 0 ? need : INFINITY;
    }
    for (uint32_t i = 0; i < able->count; i++) {
        which[kept] = (uint16_t)i;
        kept += able->most[i] >= needs[able->docs[i] / BLOCK_DOCS];
    }
    for (uint32_t i = 0; i < kept; i++) {
        keep_able(able, which[i], i);
        float own = lane->blocks[able->docs[i] / BLOCK_DOCS];
        able->most[i] = own < able->most[i] ? own : able->most[i];
    }
    able->count = kept;
}

/* Keeps those that are among another term's too; find_words was there before. */
static void cross(const evaluation *e, const best_postings *other, able_postings *able) {
    uint64_t *words = e->crossing;
    uint16_t docs[BEST_MAX];
    uint32_t count = read_best(e, other, docs, NULL), kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        words[docs[i] / 64] |= (uint64_t)1 << docs[i] % 64;
    }
    for (uint32_t i = 0; i < able->count; i++) {
        uint16_t low = able->docs[i];
        keep_able(able, i, kept);
        kept += words[low / 64] >> low % 64 & 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        words[docs[i] / 64] = 0;
    }
    able->count = kept;
}

/* Whether a list surely has no posting there: bitsets say it, and lists with strips mostly are. */
static inline bool lacks_post(const list_view *list, uint32_t low) {
    return list->container_kind == LIST_BITSET && !(list->container[low / 8] >> low % 8 & 1);
}

/* Keeps those whose strips reach the threshold, of the terms that they may have, with what they
   have themselves at most. */
static anp_status keep_in_strips(evaluation *e, const eval_cell *ec, const eval_lane *own,
                                 able_postings *able) {
    uint32_t numbers[BEST_MAX], kept = 0;
    float others = 0; /* terms without strips */
    memset(numbers, 0, able->count * sizeof *numbers);
    for (uint32_t k = 0; k < ec->lane_count; k++) {
        eval_lane *lane = ec->by_most[k];
        if (lane == own || !lane->in->list.strips) {
            others += lane == own ? 0 : lane->most;
            continue;
        }
        TRY(strips_make_levels(e, lane));
        for (uint32_t i = 0; i < able->count; i++) {
            bool lacks = lacks_post(&lane->in->list, able->docs[i]);
            numbers[i] += lacks ? 0 : strips_level_number(lane, able->docs[i]);
        }
    }
    for (uint32_t i = 0; i < able->count && e->strip_scale > 0; i++) {
        float most = strips_units(e, numbers[i]) * e->prior.factor_max + others + able->most[i];
        keep_able(able, i, kept);
        kept += most * RANK_BOUND_ROUND >= e->theta;
    }
    able->count = e->strip_scale > 0 ? kept : able->count;
    return ANP_OK;
}

/* Room for the bits of a window, all 0. */
static anp_status find_words(evaluation *e) {
    if (!e->crossing) {
        e->crossing = eval_words(e);
        if (!e->crossing) {
            return eval_nomem(e);
        }
        memset(e->crossing, 0, KERNEL_WORDS * sizeof *e->crossing);
    }
    return ANP_OK;
}

/* Scores so many, from number `from` on. */
static void score_some(evaluation *e, eval_cell *ec, const eval_lane *own,
                       const able_postings *able, uint32_t from, uint32_t count) {
    eval_few few;
    eval_few_begin(&few, e, ec, able->docs + from, count);
    few.own = own;
    memcpy(few.own_tfs, able->tfs + from, count);
    memcpy(few.own_most, able->most + from, count * sizeof *able->most);
    eval_few_score(&few);
}

/* Takes out those that are not allowed, or not the cell's (of a damaged list), and scores the
   rest. */
static void score_able(evaluation *e, eval_cell *ec, const eval_lane *own,
                       const uint64_t *allowed, able_postings *able) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < able->count; i++) {
        uint32_t low = able->docs[i];
        keep_able(able, i, kept);
        kept += low >= ec->c->from && low < ec->c->end && eval_is_allowed(allowed, low);
    }
    for (uint32_t from = 0; from < kept; from += RANK_LANES) {
        uint32_t count = kept - from < (uint32_t)RANK_LANES ? kept - from : (uint32_t)RANK_LANES;
        score_some(e, ec, own, able, from, count);
    }
}

/* Crosses with one term after the other, as long as that pays. */
static anp_status cross_all(evaluation *e, const best_postings *best, uint32_t known,
                            able_postings *able) {
    TRY(find_words(e));
    for (uint32_t i = 1; i < known && able->count >= CROSS_FROM &&
                         best[i].count <= CROSS_TIMES * able->count; i++) {
        cross(e, &best[i], able);
    }
    return ANP_OK;
}

static anp_status score_last(evaluation *e, eval_cell *ec, const best_postings *best,
                             able_postings *able) {
    const uint64_t *allowed;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    TRY(eval_unscored(e, ec, &allowed));
    score_able(e, ec, best->lane, allowed, able);
    ec->finished = true;
    if (e->trace) {
        e->trace->champions += best->count;
    }
    return ANP_OK;
}

static anp_status finish_cell(evaluation *e, eval_cell *ec, const best_postings *best,
                              uint32_t known) {
    able_postings able;
    take_best(e, &best[0], &able);
    keep_in_blocks(e, ec, best[0].lane, &able);
    TRY(cross_all(e, best, known, &able));
    TRY(keep_in_strips(e, ec, best[0].lane, &able));
    TRY(score_last(e, ec, &best[0], &able));
    memset(ec->sums, 0, EVAL_CELL_BLOCKS * sizeof *ec->sums);
    return ANP_OK;
}

bool eval_may_finish(const evaluation *e) {
    return !e->constant;
}

anp_status eval_finish_cell(evaluation *e, eval_cell *ec) {
    best_postings best[TERMS_MAX];
    bool open = eval_may_finish(e) && e->theta > 0 && ec->sums && !ec->finished;
    uint32_t left = open ? eval_blocks_left(e, ec) : 0;
    uint32_t known = left >= LEFT_LEAST ? find_fewest(e, ec, best) : 0;
    return known && best[0].count <= PER_BLOCK * left ? finish_cell(e, ec, best, known) : ANP_OK;
}

anp_status eval_finish_cells(evaluation *e) {
    for (uint32_t i = 0; i < e->cell_count; i++) {
        TRY(eval_finish_cell(e, &e->cells[i]));
    }
    return ANP_OK;
}

anp_status eval_finish_early(evaluation *e, eval_cell *ec) {
    best_postings best[TERMS_MAX];
    able_postings able;
    if (!eval_may_finish(e) || e->theta <= 0 || ec->most < e->theta) {
        return ANP_OK;
    }
    TRY(eval_sort_lanes(e, ec));
    uint32_t known = find_fewest(e, ec, best);
    if (known < 2 && !(known && best[0].count <= EARLY_MAX)) {
        return ANP_OK;
    }
    eval_ready_cell(e, ec);
    take_best(e, &best[0], &able);
    TRY(cross_all(e, best, known, &able));
    return able.count <= EARLY_MAX ? score_last(e, ec, &best[0], &able) : ANP_OK;
}
