/*
 * Scoring a block of 256 ordinals, or one post.
 *
 * The terms of a block stand in the order of their bounds there.
 *
 *     mandatory       terms without which a post of the block cannot win: lanes that lack one are
 *                     out; a few that are left are looked up, term by term
 *     non-essential   the first terms, whose bounds together do not reach the threshold (MaxScore):
 *                     a post that has only those cannot win. The essential ones are added up in 256
 *                     accumulators; the lanes that can still win with what the others have at most
 *                     are looked up when they are few, else the next term is added to all lanes
 */
#include "query/evaluation.h"

enum {
    SINGLE_MAX = 6, /* lanes that are looked up in the only term, rather than adding it to all */
    PROBE_MAX = 12, /* the same where there are more terms: most are given up before the last */
    SPARSE_MAX = 24, /* postings of a block that are added one by one */
};

/* One block being scored. */
typedef struct block_terms {
    evaluation *e;
    eval_cell *ec;
    uint32_t block;
    uint32_t low_from, low_end; /* of its posts */
    uint32_t count;
    struct block_term {
        const eval_lane *lane;
        float bound, below; /* of it; of all that stand before it together */
        uint32_t from, to;  /* ranks; from == to == 0 until they are needed */
    } terms[EVAL_TERMS_MAX];
    bool mandatory; /* a lane has to have the term with the greatest bound */
    bool normed[EVAL_FIELDS], has_factors;
    float norms[EVAL_FIELDS][BLOCK_DOCS] __attribute__((aligned(64)));
    float factors[BLOCK_DOCS] __attribute__((aligned(64)));
    int32_t sums[BLOCK_DOCS] __attribute__((aligned(64)));
} block_terms;

static void open_block(block_terms *b, evaluation *e, eval_cell *ec, uint32_t block) {
    uint32_t from = block * BLOCK_DOCS, end = from + BLOCK_DOCS;
    b->e = e;
    b->ec = ec;
    b->block = block;
    b->low_from = from > ec->c->from ? from : ec->c->from;
    b->low_end = end < ec->c->end ? end : ec->c->end;
    b->count = 0;
    b->has_factors = false;
    b->mandatory = false;
    memset(b->normed, 0, sizeof b->normed);
}

/* ---- What lanes need: norms and factors ---------------------------------------------------- */

static rank_lengths lane_lengths(const list_lengths *lengths, uint32_t low, uint32_t times) {
    rank_lengths out = {.times = times};
    if (lengths->count) {
        out.entries = (const uint8_t *)lengths->entries +
                      (size_t)(low - lengths->first) * lengths->stride;
        out.width = lengths->width;
        out.base = lengths->base;
    } else {
        out.times = 0;
    }
    return out;
}

void eval_lengths_of(const evaluation *e, const cell *c, const eval_term *term, uint32_t low,
                     rank_lengths parts[2]) {
    assert(c->open);
    index_field field = term->lists->field;
    uint32_t titles = field == INDEX_TITLE ? 1 : field == INDEX_BODY ? 0 : e->title_weight;
    parts[0] = lane_lengths(&c->title, low, titles);
    parts[1] = lane_lengths(&c->body, low, field != INDEX_TITLE);
}

void eval_block_norms(const evaluation *e, const cell *c, const eval_term *term, uint32_t block,
                      float norms[BLOCK_DOCS]) {
    uint32_t from = block * BLOCK_DOCS, end = from + BLOCK_DOCS;
    if (eval_block_is_whole(c, block)) {
        rank_lengths parts[2];
        eval_lengths_of(e, c, term, from, parts);
        e->lanes->norms(parts, term->norm, norms);
        return;
    }
    for (uint32_t low = from; low < end; low++) {
        bool here = low >= c->from && low < c->end;
        uint32_t length = here ? cell_length(c, term->lists->field, e->title_weight, low) : 0;
        norms[low % BLOCK_DOCS] = here ? rank_norm_of(term->norm, length) : 1;
    }
}

static const float *norms_of(block_terms *b, const eval_term *term) {
    index_field field = term->lists->field;
    if (!b->normed[field]) {
        b->normed[field] = true;
        eval_block_norms(b->e, b->ec->c, term, b->block, b->norms[field]);
    }
    return b->norms[field];
}

void eval_norms_of(const evaluation *e, const cell *c, const eval_term *term, const uint16_t *docs,
                   uint32_t count, float *norms) {
    rank_lengths parts[2];
    eval_lengths_of(e, c, term, c->from, parts);
    e->lanes->norms_at(parts, term->norm, docs, count, c->from, c->end, norms);
}

float eval_blend_factor(const evaluation *e, const cell *c, uint32_t low) {
    double scores[RANK_SCORES];
    float factor = e->prior.linear[RANK_SCORES];
    if (c->score_bytes == 4) {
        const uint8_t *four = cell_scores_at(c, low);
        for (int i = 0; i < RANK_SCORES; i++) {
            factor += e->prior.linear[i] * (float)four[i];
        }
        return factor;
    }
    cell_scores(c, low, scores);
    for (int i = 0; i < RANK_SCORES; i++) {
        factor += e->prior.linear[i] * (float)scores[i];
    }
    return factor;
}

void eval_block_factors(const evaluation *e, const cell *c, uint32_t block,
                        float factors[BLOCK_DOCS]) {
    uint32_t from = block * BLOCK_DOCS, end = from + BLOCK_DOCS;
    if (eval_block_is_whole(c, block) && c->score_bytes == RANK_SCORES) {
        const uint8_t *scores = c->scores + (size_t)(from - c->from) * RANK_SCORES;
        e->lanes->factors(scores, e->prior.linear, factors);
        return;
    }
    for (uint32_t low = from; low < end; low++) {
        bool here = low >= c->from && low < c->end;
        factors[low % BLOCK_DOCS] = here ? eval_factor(e, c, low) : 1;
    }
}

/* NULL: 1 everywhere. */
static const float *factors_of(block_terms *b) {
    if (!b->e->prior.blends) {
        return NULL;
    }
    if (!b->has_factors) {
        b->has_factors = true;
        eval_block_factors(b->e, b->ec->c, b->block, b->factors);
    }
    return b->factors;
}

/* ---- Contributions ------------------------------------------------------------------------- */

/* Of a term in one post; 0 where it is not there. */
static int32_t probe(const evaluation *e, const cell *c, const eval_lane *lane, uint16_t low) {
    uint32_t rank = e->lists->rank(&lane->in->list, low);
    if (e->trace) {
        e->trace->probes++;
    }
    return rank == UINT32_MAX
               ? 0
               : eval_contribution(e, c, lane->term, low, e->lists->tf(&lane->in->list, rank));
}

static void find_ranks(const block_terms *b, struct block_term *t) {
    if (t->from == t->to) {
        b->e->lists->block(&t->lane->in->list, b->block, &t->from, &t->to);
    }
}

/* Contributions whose tf does not fit a byte, in place of those made with 255. */
static void mend_large(block_terms *b, const struct block_term *t, const uint64_t bits[4],
                       const uint8_t *tfs, const float *norms) {
    uint32_t i = 0;
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = bits[word]; left && t->from + i < t->to; left &= left - 1, i++) {
            if (tfs[i] == UINT8_MAX) {
                uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
                uint32_t tf = list_tf(&t->lane->in->list, t->from + i);
                b->sums[lane] += eval_more_of(t->lane->term, tf, norms[lane]);
            }
        }
    }
}

/* Adds a term to all lanes. */
static void add_term(block_terms *b, struct block_term *t) {
    const list_view *list = &t->lane->in->list;
    const eval_term *term = t->lane->term;
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[4];
    bool large;
    find_ranks(b, t);
    uint32_t count = t->to - t->from;
    if (count == 0) {
        return;
    }
    if (b->e->trace) {
        b->e->trace->postings += count;
    }
    const uint8_t *tfs = b->e->lists->tf_bytes(list, t->from, count, room, &large);
    const float *norms = norms_of(b, term);
    if (count < SPARSE_MAX && list->container_kind != LIST_BITSET) {
        for (uint32_t i = 0; i < count; i++) {
            uint32_t lane = list_block_doc(list, b->block, t->from + i) % BLOCK_DOCS;
            uint32_t tf = tfs[i] < UINT8_MAX ? tfs[i] : list_tf(list, t->from + i);
            b->sums[lane] += (int32_t)rank_contribution(term->weight, tf, norms[lane]);
        }
        return;
    }
    uint8_t lanes[BLOCK_DOCS];
    b->e->lists->block_bits(list, b->block, t->from, t->to, bits);
    b->e->sets->expand(bits, tfs, lanes);
    b->e->lanes->add(lanes, norms, term->weight, b->sums);
    if (large) {
        mend_large(b, t, bits, tfs, norms);
    }
}

/* ---- Offers -------------------------------------------------------------------------------- */

static void raise_threshold(evaluation *e) {
    if (eval_top_full(e)) {
        float kth = eval_threshold(e->top->items[0].score);
        e->theta = kth > e->theta ? kth : e->theta;
    }
}

/* A match; units are all its contributions. */
static void offer(evaluation *e, const eval_cell *ec, uint16_t low, int32_t units) {
    int64_t all = (int64_t)units + e->constant;
    double prior = e->prior.blends ? eval_prior(e, ec->c, low) : 0.5;
    double score = rank_blend(all, e->request->rank->blend, prior);
    top_offer(e->top, score, e->prior.blends ? prior : EVAL_PRIOR_LATER, all, ec->c->first + low);
    raise_threshold(e);
}

void eval_keep(evaluation *e, eval_cell *ec, uint16_t low, int32_t units) {
    if (!e->excluded_count || eval_requires(e) || !eval_is_excluded(e, ec, low)) {
        offer(e, ec, low, units);
    }
}

void eval_keep_posts(evaluation *e, eval_posts *posts) {
    double priors[RANK_LANES], scores[RANK_LANES];
    e->lanes->blend(posts->units, posts->scores, posts->count, e->request->rank, priors, scores);
    top_offer_all(e->top, scores, priors, posts->units, posts->docnos, posts->count);
    posts->count = 0;
    raise_threshold(e);
}

/* ---- Unions -------------------------------------------------------------------------------- */

/* The terms that have postings in the block, by ascending bound; the sum of bounds. */
static float take_terms(block_terms *b) {
    float sum = 0;
    for (uint32_t i = 0; i < b->ec->lane_count; i++) {
        const eval_lane *lane = b->ec->by_most[i]; /* nearly the order */
        struct block_term t = {.lane = lane, .bound = lane->blocks[b->block]};
        if (t.bound <= 0) {
            continue;
        }
        uint32_t at = b->count++;
        for (; at && b->terms[at - 1].bound > t.bound; at--) {
            b->terms[at] = b->terms[at - 1];
        }
        b->terms[at] = t;
        sum += t.bound;
    }
    return sum;
}

/* Once the terms are in their order. */
static void sum_below(block_terms *b) {
    for (uint32_t i = 1; i < b->count; i++) {
        b->terms[i].below = b->terms[i - 1].below + b->terms[i - 1].bound;
    }
}

/* What the terms before number `next` have at most together. */
static float rest_of(const block_terms *b, uint32_t next) {
    return b->terms[next].below * RANK_BOUND_ROUND;
}

/* A term in a lane: adds its contribution; false when the lane cannot win any more. */
static bool look_up(block_terms *b, struct block_term *t, uint16_t low, float factor,
                    int32_t *units) {
    evaluation *e = b->e;
    const eval_lane *lane = t->lane;
    const list_view *list = &lane->in->list;
    float rest = t->below * RANK_BOUND_ROUND;
    if ((float)*units * factor + rest + t->bound < e->theta * EVAL_SUM_ROUND) {
        return false;
    }
    find_ranks(b, t);
    uint32_t rank = e->lists->rank_in(list, t->from, t->to, low);
    if (e->trace) {
        e->trace->probes++;
    }
    if (rank == UINT32_MAX) {
        return true;
    }
    if (list->count < (uint32_t)LIST_BLOCKS && (lane->values || list->bounds)) {
        float bound = eval_posting_bound(lane, b->ec, b->block, rank);
        if ((float)*units * factor + rest + bound < e->theta * EVAL_SUM_ROUND) {
            return false;
        }
    }
    index_field field = lane->term->lists->field;
    uint32_t tf = e->lists->tf(list, rank);
    *units += b->normed[field] ? (int32_t)rank_contribution(lane->term->weight, tf,
                                                            b->norms[field][low % BLOCK_DOCS])
                               : eval_contribution(e, b->ec->c, lane->term, low, tf);
    return true;
}

/*
 * Adds a term to the sums of a few lanes at once: its ranks and tfs in the block are read once, and
 * no lane waits for the one before. Lanes that cannot win with the terms below are taken out; how
 * many are left.
 */
static uint32_t look_up_together(block_terms *b, struct block_term *t, uint64_t lanes[4]) {
    evaluation *e = b->e;
    const list_view *list = &t->lane->in->list;
    const eval_term *term = t->lane->term;
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[4];
    uint32_t before = 0, left = 0;
    bool large;
    find_ranks(b, t);
    e->lists->block_bits(list, b->block, t->from, t->to, bits);
    const uint8_t *tfs = e->lists->tf_bytes(list, t->from, t->to - t->from, room, &large);
    float need = e->theta * EVAL_SUM_ROUND - rest_of(b, (uint32_t)(t - b->terms));
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t some = lanes[word]; some; some &= some - 1) {
            uint64_t bit = some & (0 - some);
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(some);
            uint16_t low = (uint16_t)(b->block * BLOCK_DOCS + lane);
            uint32_t rank = before + (uint32_t)__builtin_popcountll(bits[word] & (bit - 1));
            uint32_t tf = bits[word] & bit ? tfs[rank] : 0;
            tf = tf == UINT8_MAX ? list_tf(list, t->from + rank) : tf;
            b->sums[lane] += tf ? eval_contribution(e, b->ec->c, term, low, tf) : 0;
            bool wins = (float)b->sums[lane] * eval_factor(e, b->ec->c, low) >= need;
            lanes[word] &= wins ? UINT64_MAX : ~bit;
            left += wins;
        }
        before += (uint32_t)__builtin_popcountll(bits[word]);
    }
    if (e->trace) {
        e->trace->probes += left;
    }
    return left;
}

/* Looks up the terms below `next` in a lane that has `units` of the others. */
static void finish_lane(block_terms *b, uint32_t lane, uint32_t next, int32_t units) {
    uint16_t low = (uint16_t)(b->block * BLOCK_DOCS + lane);
    float factor = eval_factor(b->e, b->ec->c, low);
    while (next-- > 0) {
        if (!look_up(b, &b->terms[next], low, factor, &units)) {
            return;
        }
    }
    eval_offer(b->e, b->ec, low, units, factor);
}

static void finish_lanes(block_terms *b, const uint64_t lanes[4], uint32_t next) {
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = lanes[word]; left; left &= left - 1) {
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
            finish_lane(b, lane, next, next < b->count ? b->sums[lane] : 0);
        }
    }
}

/* How many lanes. */
static uint32_t count_lanes(const uint64_t lanes[4]) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < 4; word++) {
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

/* Of a term in the block; of a list that has a bound for each posting these are asked first. */
static uint32_t postings_of(const block_terms *b, struct block_term *t) {
    find_ranks(b, t);
    return t->lane->in->list.count < (uint32_t)LIST_BLOCKS ? UINT32_MAX : t->to - t->from;
}

/* Lanes of which nothing is known yet. */
static void look_up_lanes(block_terms *b, uint64_t lanes[4]) {
    enum { TOGETHER = 3, EACH_OF = 24 }; /* lanes; of so many postings one is asked for */
    uint32_t next = b->count, left = count_lanes(lanes);
    if (left >= TOGETHER) {
        memset(b->sums, 0, sizeof b->sums);
    }
    while (next && left >= TOGETHER && EACH_OF * left >= postings_of(b, &b->terms[next - 1])) {
        left = look_up_together(b, &b->terms[--next], lanes);
    }
    if (left) {
        finish_lanes(b, lanes, next);
    }
}

/* ---- Blocks of unions ---------------------------------------------------------------------- */

/* The driver behind all others, so that it is essential, and it alone. */
static void put_driver_last(block_terms *b) {
    uint32_t at = 0;
    while (b->terms[at].lane->term != b->e->driver) {
        at++;
    }
    struct block_term driver = b->terms[at];
    for (; at + 1 < b->count; at++) {
        b->terms[at] = b->terms[at + 1];
    }
    b->terms[at] = driver;
}

/* What the sum of a lane has to reach when the rest has at most so much. */
static float lane_threshold(const block_terms *b, float rest) {
    const evaluation *e = b->e;
    return rest > 0 || e->prior.blends || !eval_top_full(e)
               ? e->theta * EVAL_SUM_ROUND - rest
               : eval_least_behind(e, b->ec->c->first + b->low_from);
}

/*
 * The lanes that have all mandatory terms: those that are required, and those without which the
 * bounds of all others do not reach the threshold. In most blocks that are looked at bounds are not
 * far above it, so that nearly all terms are mandatory and no lane has them all.
 */
static uint32_t meet_mandatory(block_terms *b, const uint64_t *allowed, uint64_t lanes[4]) {
    double sum = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        sum += (double)b->terms[i].bound;
    }
    for (uint32_t word = 0; word < 4; word++) {
        lanes[word] = allowed ? allowed[b->block * 4 + word] : UINT64_MAX;
    }
    for (uint32_t i = b->count; i-- > 0;) {
        struct block_term *t = &b->terms[i];
        double others = (sum - (double)t->bound) * (double)RANK_BOUND_ROUND;
        if (others >= (double)b->e->theta && t->lane->term != b->e->driver) {
            continue;
        }
        uint64_t bits[4], any = 0;
        find_ranks(b, t);
        b->e->lists->block_bits(&t->lane->in->list, b->block, t->from, t->to, bits);
        for (uint32_t word = 0; word < 4; word++) {
            lanes[word] &= bits[word];
            any |= lanes[word];
        }
        if (!any) {
            return 0;
        }
        b->mandatory = true;
    }
    return count_lanes(lanes);
}

/* Adds essential terms to all lanes, then more of them until few lanes can win. `lanes` can. */
static void score_lanes(block_terms *b, uint64_t lanes[4]) {
    evaluation *e = b->e;
    uint32_t next = 0; /* non-essential: those below */
    while (next + 1 < b->count &&
           (b->mandatory || b->terms[next + 1].below * RANK_BOUND_ROUND < e->theta)) {
        next++;
    }
    memset(b->sums, 0, sizeof b->sums);
    for (uint32_t i = b->count; i-- > next;) {
        add_term(b, &b->terms[i]);
    }
    const float *factors = factors_of(b);
    for (;; add_term(b, &b->terms[--next])) {
        uint64_t over[4];
        e->lanes->over(b->sums, factors, lane_threshold(b, rest_of(b, next)), over);
        for (uint32_t word = 0; word < 4; word++) {
            lanes[word] &= over[word];
        }
        uint32_t count = count_lanes(lanes);
        if (next == 0 || count <= PROBE_MAX) {
            finish_lanes(b, lanes, next);
            return;
        }
    }
}

/* ---- What the next blocks need ------------------------------------------------------------- */

enum { LINE = 64 }; /* bytes of a processor's cache */

static void fetch_lengths(const list_lengths *lengths, uint32_t low) {
    if (lengths->count == 0) {
        return;
    }
    const uint8_t *at = (const uint8_t *)lengths->entries +
                        (size_t)(low - lengths->first) * lengths->stride;
    for (uint32_t i = 0; i < BLOCK_DOCS * lengths->stride; i += LINE) {
        __builtin_prefetch(at + i);
    }
}

void eval_fetch_block(const evaluation *e, const eval_cell *ec, uint32_t block) {
    const cell *c = ec->c;
    for (uint32_t i = 0; i < ec->lane_count; i++) {
        const list_view *list = &ec->by_most[i]->in->list;
        if (list->container_kind == LIST_BITSET) {
            __builtin_prefetch(list->ranks + (size_t)block * 2);
            __builtin_prefetch(list->container + (size_t)block * 32);
        }
    }
    if (e->scores_lanes && c->open && eval_block_is_whole(c, block)) {
        fetch_lengths(&c->body, block * BLOCK_DOCS);
        fetch_lengths(&c->title, block * BLOCK_DOCS);
    }
}

void eval_fetch_tfs(const eval_cell *ec, uint32_t block) {
    for (uint32_t i = 0; i < ec->lane_count; i++) {
        const list_view *list = &ec->by_most[i]->in->list;
        if (list->container_kind == LIST_BITSET) {
            const uint8_t *at = list->tf_codes + (size_t)load_u16(list->ranks + (size_t)block * 2) *
                                                     list->tf_bits / 8;
            __builtin_prefetch(at);
            __builtin_prefetch(at + (size_t)BLOCK_DOCS * list->tf_bits / 8);
        }
    }
}

/* ---- A block of a union -------------------------------------------------------------------- */

anp_status eval_union_block(evaluation *e, eval_cell *ec, uint32_t block,
                            const uint64_t *allowed) {
    block_terms b;
    uint64_t lanes[4];
    TRY(cells_open(e->snapshot, ec->c, e->err));
    open_block(&b, e, ec, block);
    float sum = take_terms(&b);
    if (b.count == 0 || sum * RANK_BOUND_ROUND < e->theta) {
        return ANP_OK;
    }
    if (e->driver) {
        put_driver_last(&b);
    }
    sum_below(&b);
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    uint32_t count = meet_mandatory(&b, allowed, lanes);
    e->scores_lanes = count > (b.count == 1 ? (uint32_t)SINGLE_MAX : (uint32_t)PROBE_MAX);
    if (e->scores_lanes) {
        score_lanes(&b, lanes);
    } else {
        look_up_lanes(&b, lanes);
    }
    return ANP_OK;
}

/* ---- Candidates ---------------------------------------------------------------------------- */

/* Adds all terms to the lanes; takes out of `lanes` those that cannot be kept. */
static void add_all(block_terms *b, uint64_t lanes[4]) {
    const evaluation *e = b->e;
    uint64_t over[4];
    memset(b->sums, 0, sizeof b->sums);
    for (uint32_t i = 0; i < b->ec->lane_count; i++) {
        struct block_term t = {.lane = b->ec->by_most[i]};
        add_term(b, &t);
    }
    float least = lane_threshold(b, (float)e->constant * e->prior.factor_max);
    if (least > 0) {
        e->lanes->over(b->sums, factors_of(b), least, over);
        for (uint32_t word = 0; word < 4; word++) {
            lanes[word] &= over[word];
        }
    }
}

/* Whether a candidate of these units may be kept. */
static bool reaches(const evaluation *e, const eval_cell *ec, uint16_t low, int32_t units) {
    float score = ((float)units + (float)e->constant) * eval_factor(e, ec->c, low);
    return score * RANK_BOUND_ROUND >= e->theta;
}

/* A candidate's units; false: it cannot be kept. It is given up when what the terms that are left
   have at most in its block is too little. */
static bool score_candidate(evaluation *e, const eval_cell *ec, uint16_t low, int32_t *units) {
    uint32_t block = low / BLOCK_DOCS;
    float factor = eval_factor(e, ec->c, low), rest = ec->sums ? ec->sums[block] : 0;
    *units = 0;
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_lane *lane = ec->lanes[i];
        if (!lane || (ec->sums && lane->blocks[block] <= 0)) {
            continue;
        }
        *units += probe(e, ec->c, lane, low);
        if (ec->sums) {
            rest -= lane->blocks[block];
            float bound = ((float)*units + (float)e->constant) * factor + rest;
            if (bound * RANK_BOUND_ROUND < e->theta) {
                return false;
            }
        }
    }
    /* evaluate.c comes to those without a score in the order of ordinals */
    return *units + e->constant || e->phrase_count ? reaches(e, ec, low, *units) : false;
}

/* Offers ascending candidates of these units (by low % 256) if they hold the phrases. */
static anp_status offer_candidates(evaluation *e, eval_cell *ec, uint16_t *lows, uint32_t count,
                                   const int32_t units[BLOCK_DOCS]) {
    if (count && e->phrase_count && !e->phrases_checked) {
        TRY(eval_phrases_hold(e, ec, lows, &count));
    }
    for (uint32_t i = 0; i < count; i++) {
        offer(e, ec, lows[i], units[lows[i] % BLOCK_DOCS]);
    }
    return ANP_OK;
}

void eval_candidate(evaluation *e, eval_cell *ec, uint16_t low) {
    int32_t units;
    if (score_candidate(e, ec, low, &units)) {
        offer(e, ec, low, units);
    }
}

/* Candidates of a block where nothing but terms scores, and nothing else is to be looked at. */
static void score_candidates(evaluation *e, eval_cell *ec, uint32_t block, uint64_t lanes[4],
                             uint32_t count) {
    block_terms b;
    open_block(&b, e, ec, block);
    float sum = take_terms(&b);
    if (b.count == 0 || sum * RANK_BOUND_ROUND < e->theta) {
        return;
    }
    sum_below(&b);
    b.mandatory = e->required_count == e->term_count; /* they have them all */
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    if (count <= PROBE_MAX) {
        look_up_lanes(&b, lanes);
    } else {
        score_lanes(&b, lanes);
    }
}

anp_status eval_candidate_block(evaluation *e, eval_cell *ec, uint32_t block) {
    uint64_t lanes[4];
    uint16_t lows[BLOCK_DOCS];
    uint32_t kept = 0;
    TRY(cells_open(e->snapshot, ec->c, e->err));
    memcpy(lanes, ec->words + (size_t)block * 4, sizeof lanes);
    uint32_t count = count_lanes(lanes);
    bool few = count < PROBE_MAX;
    if (!e->phrase_count && !e->constant) {
        score_candidates(e, ec, block, lanes, count);
        return ANP_OK;
    }
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    block_terms b;
    if (!few) {
        open_block(&b, e, ec, block);
        add_all(&b, lanes);
    }
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = lanes[word]; left; left &= left - 1) {
            uint32_t lane = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint16_t low = (uint16_t)(block * BLOCK_DOCS + lane);
            lows[kept] = low;
            kept += few ? score_candidate(e, ec, low, &b.sums[lane])
                        : reaches(e, ec, low, b.sums[lane]);
        }
    }
    return offer_candidates(e, ec, lows, kept, b.sums);
}
