/*
 * A query of one term: its champions, or the best postings by the codes of their bounds.
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
 * Where the prior's settings are not the build's, codes count with the factors of their blocks, and
 * of the best few hundred what champions do not tell is told by posts' own factors (term_able.c).
 */
#include "query/term_batch.h"

enum {
    SURE_PART = 4,       /* codes beyond k that make it worth to ask what is sure, as a part of k */
    DEAD_SURE_MAX = 512, /* with more deleted posts codes vouch for too little */
    SURE_STEPS = 256,
};

/* ---- Codes ----------------------------------------------------------------------------------- */

/* A list of the term with bounds; codes of its postings, or of its blocks, that reach the
   threshold, or parts of its champions that do. */
typedef struct coded_list {
    eval_cell *ec;
    const eval_lane *lane;
    bool champions;
    bool able; /* the rest, or all, is told by the factors of posts */
    uint32_t rest; /* the first part that is not offered; CHAMPION_PARTS: other postings */
    float *bounds; /* one a code, where factors of blocks count; else NULL */
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
    term_batch batch;
} one_term;

static float code_bound(const one_term *t, const eval_lane *lane, uint32_t code) {
    return rank_bound_one_of(&lane->bound, t->blended, code);
}

/* The least code that may reach the threshold; 256: none. */
static uint32_t least_code(const one_term *t, const eval_lane *lane) {
    const rank_bound *b = &lane->bound;
    float theta = t->e->theta, step = t->blended ? b->of_blended : b->of_code;
    uint32_t code = 128;
    if (b->ratio == 1 && b->kind != RANK_BOUND_BOTH && step > 0) {
        float about = (theta - (t->blended ? b->blended : b->plain)) / step;
        code = about < 1 ? 1 : about > UINT8_MAX ? UINT8_MAX : (uint32_t)about;
    } else { /* by halves, nearly */
        for (uint32_t half = 64; half; half /= 2) {
            code = code_bound(t, lane, code) < theta ? code + half : code - half;
        }
    }
    while (code > 1 && code_bound(t, lane, code - 1) >= theta) {
        code--;
    }
    while (code <= UINT8_MAX && code_bound(t, lane, code) < theta) {
        code++;
    }
    return code;
}

/* What codes and the factors of the blocks say. */
static anp_status make_bounds(const one_term *t, coded_list *l) {
    const evaluation *e = t->e;
    const cell_factors *factors = l->ec->factors;
    const list_view *list = &l->lane->in->list;
    float unused[RANK_LANES] = {0};
    if (l->bounds || e->prior.kind != RANK_BOUND_BOTH) {
        return ANP_OK;
    }
    l->bounds = arena_alloc(e->memory, RANK_LANES * sizeof *l->bounds);
    if (!l->bounds) {
        return eval_nomem(e);
    }
    if (eval_bounds_postings(l->lane)) {
        uint16_t docs[LIST_BLOCKS];
        e->lists->docs(list, docs);
        eval_posting_bounds(e, l->lane, l->ec, docs, l->bounds);
    } else {
        e->lanes->bounds(list->bound_bytes, list->blended_bytes, factors->blocks, factors->ratios,
                         &l->lane->bound, l->bounds, unused);
    }
    return ANP_OK;
}

/* What the posting or block of a code has at most. */
static float bound_at(const one_term *t, const coded_list *l, uint32_t at) {
    const list_view *list = &l->lane->in->list;
    const uint8_t *codes = t->blended ? list->blended_bytes : list->bound_bytes;
    return l->bounds ? l->bounds[at] : code_bound(t, l->lane, codes[at]);
}

/* How many codes reach the threshold. */
static uint32_t find_reached(const one_term *t, coded_list *l) {
    const list_view *list = &l->lane->in->list;
    l->codes = 0;
    if (l->bounds) {
        t->e->lanes->reached(l->bounds, t->e->theta, l->reached);
        for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
            l->codes += (uint32_t)__builtin_popcountll(l->reached[word]);
        }
        return l->codes;
    }
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

/* ---- Postings -------------------------------------------------------------------------------- */

/* Those of a list that has a code for each posting. */
static void take_postings(term_batch *b, const coded_list *l, const uint64_t *allowed,
                          uint32_t count) {
    const postings_reader *reader = b->e->lists;
    const list_view *list = &l->lane->in->list;
    uint16_t docs[LIST_BLOCKS];
    uint8_t room[LIST_TF_ROOM];
    const uint8_t *tfs = room;
    bool large = true, whole = count > TERM_FEW;
    uint32_t at = term_batch_room(b, count), taken = 0;
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
                term_offer(b->e, l->ec, l->lane, allowed, low, tf);
            } else if (eval_is_allowed(allowed, low)) {
                b->docs[at + taken] = low;
                b->tfs[at + taken++] = (uint8_t)tf;
            }
        }
    }
    term_batch_take(b, l->ec, taken);
}

/* ---- Champions ------------------------------------------------------------------------------- */

/*
 * The best 128 of a longer list, in their order, as parts of 1, 1, 2, 4 … 64 postings: what a part
 * has at most, the seed before it says; about half of the posts that are looked at are kept. Where
 * the last seed does not reach the threshold, there is no need of codes. Where it does, and no more
 * posts are wanted, champions raise the threshold; a list whose other postings still reach it is
 * taken by codes then, as if its champions had not been offered.
 */

enum {
    CHAMPION_PARTS = LIST_SEEDS,
    TOLD_FROM = 5, /* the least part that is left to the factors of posts */
    TOLD_BEST = 16, /* champions a hit that are asked before */
};

/* What no posting has more than from a part on; behind the last one, all others. */
static float part_bound(const one_term *t, const eval_lane *lane, uint32_t part) {
    if (part == 0) {
        return lane->most;
    }
    float most = list_seed_most(list_seed(&lane->in->list, t->blended, part - 1));
    return rank_bound_one(&lane->bound, t->blended, most);
}

static bool takes_champions(const one_term *t, const eval_lane *lane) {
    return lane->in->list.champion_count > 0 &&
           (t->e->top->capacity <= LIST_CHAMPIONS ||
            part_bound(t, lane, CHAMPION_PARTS) < t->e->theta);
}

/* Behind the first 16 champions, and enough for all hits, no more are of use where the threshold is
   still so low that all postings will be told by their own factors (score_rest). */
static bool needs_part(const one_term *t, const coded_list *l, uint32_t part) {
    uint64_t asked = (uint64_t)t->list_count << part >> 1;
    bool enough = part >= TOLD_FROM && asked >= TOLD_BEST * (uint64_t)t->e->top->capacity;
    return !l->able || !enough || part_bound(t, l->lane, CHAMPION_PARTS) <= t->e->theta;
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
    term_batch *b = &t->batch;
    const list_view *list = &l->lane->in->list;
    uint32_t from = part ? 1u << (part - 1) : 0, end = 1u << part, first = 0, taken = 0;
    const uint64_t *allowed;
    TRY(eval_allowed(t->e, l->ec, &allowed));
    end = end < list->champion_count ? end : list->champion_count;
    first = t->blended ? list->champion_count : 0;
    uint32_t at = term_batch_room(b, end - from);
    for (uint32_t i = first + from; i < first + end; i++) {
        uint16_t low = load_u16(list->champions + (size_t)i * 2);
        uint8_t tf = list->champion_tfs[i];
        b->docs[at + taken] = low;
        b->tfs[at + taken] = tf;
        if (tf == UINT8_MAX) {
            term_offer_large(t->e, l->ec, l->lane, allowed, low);
        } else {
            taken += eval_is_allowed(allowed, low);
        }
    }
    term_batch_take(b, l->ec, taken);
    if (t->e->trace) {
        t->e->trace->postings += end - from;
        t->e->trace->champions += end - from;
    }
    if (b->count >= (uint32_t)TERM_ENOUGH) {
        term_batch_end(b);
    }
    return ANP_OK;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* Postings that reach the threshold now; blocks that do, as `found`. */
static anp_status take_codes(one_term *t, eval_block *found, uint32_t *count, float *most) {
    for (uint32_t i = 0; i < t->list_count; i++) {
        const coded_list *l = &t->lists[i];
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
                float bound = bound_at(t, l, at);
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
        coded_list *l = &t->lists[sorted[i].cell];
        uint32_t block = l->champions ? first_block(l) : sorted[i].block;
        if (!eval_can_win(t->e, l->ec->c, block, sorted[i].bound)) {
            continue;
        }
        if (l->champions && !needs_part(t, l, sorted[i].block)) {
            l->rest = sorted[i].block < l->rest ? sorted[i].block : l->rest;
            continue;
        }
        TRY(l->champions ? take_champions(t, l, sorted[i].block)
                         : term_batch_block(&t->batch, l->ec, l->lane, block));
    }
    term_batch_end(&t->batch);
    return ANP_OK;
}

/* All postings of a list that may win, as if none had been offered; or its codes. */
static anp_status score_anew(one_term *t, coded_list *l, uint32_t *codes) {
    evaluation *e = t->e;
    const cell *c = l->ec->c;
    if (l->champions) {
        top_drop(e->top, c->first + c->from, c->end - c->from);
    }
    l->champions = false;
    if (l->able) {
        TRY(cells_open(e->snapshot, c, e->err));
        return term_batch_able(&t->batch, l->ec, l->lane);
    }
    TRY(make_bounds(t, l));
    *codes += find_reached(t, l);
    return ANP_OK;
}

/* The lists whose champions do not tell all. */
static anp_status score_rest(one_term *t) {
    uint32_t codes = 0;
    for (uint32_t i = 0; i < t->list_count; i++) {
        coded_list *l = &t->lists[i];
        l->codes = 0;
        float bound = part_bound(t, l->lane, l->champions ? l->rest : 0);
        if ((l->champions || l->able) && eval_can_win(t->e, l->ec->c, first_block(l), bound)) {
            TRY(score_anew(t, l, &codes));
        }
    }
    term_batch_end(&t->batch);
    return codes ? score_codes(t, codes) : ANP_OK;
}

/* Where posts are excluded seeds tell little, and codes would be taken that blocks, by and by
   (evaluate.c), spare; champions come by and by as well. */
static bool has_champions(const term_lists *lists) {
    bool all = true, any = false;
    for (uint32_t i = 0; i < lists->count; i++) {
        bool has = lists->digests[i].champions > 0;
        all &= has || !lists->digests[i].seed_count;
        any |= has;
    }
    return all && any;
}

bool eval_is_one_term(const evaluation *e) {
    if (e->term_count != 1 || eval_requires(e) || e->excluded_set_count || e->request->filter) {
        return false;
    }
    const eval_term *term = &e->terms[0];
    uint64_t dead = 0;
    for (uint32_t i = 0; i < term->lists->count; i++) {
        const list_digest *digest = &term->lists->digests[i];
        bool bounded = digest->seed_count > 0;
        if (!bounded && term->lists->lists[i].list.container_kind == LIST_BITSET) {
            return false;
        }
        dead += bounded ? e->cells[digest->cell].c->dead : 0;
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
        if (!t->lists[i].champions && !t->lists[i].able) {
            add_sure(t, &t->lists[i]);
        }
    }
    float sure = sure_at(t, t->e->top->capacity + t->dead);
    if (sure > t->e->theta) {
        t->e->theta = sure;
        *codes = 0;
        for (uint32_t i = 0; i < t->list_count; i++) {
            bool coded = !t->lists[i].champions && !t->lists[i].able;
            *codes += coded ? find_reached(t, &t->lists[i]) : 0;
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
        eval_lane *lane = &t->term->lanes[i];
        eval_cell *ec = &e->cells[eval_digest(lane)->cell];
        if (lane->most <= 0 || lane->most < e->theta) {
            skipped++;
            continue;
        }
        const list_view *list = &lane->in->list;
        eval_ready_lane(e, lane);
        if (!list->bounds) {
            TRY(term_batch_list(&t->batch, ec, lane));
            continue;
        }
        coded_list *l = &t->lists[t->list_count++];
        l->ec = ec;
        l->lane = lane;
        l->bounds = NULL;
        l->champions = takes_champions(t, lane);
        l->able = e->top->capacity <= LIST_CHAMPIONS && term_tells_able(e, ec, lane);
        l->codes = 0;
        l->rest = CHAMPION_PARTS;
        if (l->champions) {
            t->parts += find_parts(t, l);
        } else if (!l->able) {
            TRY(make_bounds(t, l));
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
    term_batch_end(&t->batch);
    return ANP_OK;
}

/* ---- One term -------------------------------------------------------------------------------- */

anp_status eval_one_term(evaluation *e) {
    one_term t;
    uint32_t codes;
    t.e = e;
    t.term = &e->terms[0];
    t.blended = e->by_blended;
    t.list_count = t.parts = 0;
    t.dead = 0;
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        t.dead += e->excluded[i]->df;
    }
    t.lists = arena_alloc(e->memory, t.term->lists->count * sizeof *t.lists);
    if (!t.lists) {
        return eval_nomem(e);
    }
    term_batch_begin(&t.batch, e, t.term);
    eval_seed(e);
    if (eval_is_light(t.term)) {
        return eval_light_term(&t.batch);
    }
    TRY(open_lists(&t, &codes));
    if (codes > e->top->capacity + e->top->capacity / SURE_PART + t.dead) {
        TRY(find_sure(&t, &codes));
    }
    TRY(score_codes(&t, codes + t.parts));
    return score_rest(&t);
}
