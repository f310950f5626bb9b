/*
 * Scoring a block of 256 ordinals, or one post.
 *
 * The terms of a block stand in the order of their bounds there. The first ones, whose bounds
 * together do not reach the threshold, are non-essential (MaxScore): a post that has only those
 * cannot win. The essential ones are added up first:
 *
 *     one term, few postings     posting by posting: its bound, its contribution, then look-ups
 *     else                       256 accumulators; the lanes that can still win with what the
 *                                non-essential terms have at most are looked up one by one when
 *                                they are few, else the next term is added to all lanes
 */
#include "query/evaluation.h"

enum {
    SINGLE_MAX = 16, /* postings of an only essential term that are looked at one by one */
    PROBE_MAX = 12,  /* lanes that are looked up rather than adding a term to all of them */
    SPARSE_MAX = 24, /* postings of a block that are added one by one */
};

/* What rounding can take from a sum of floats that stands for whole units. */
static const float SUM_ROUND = 0.99999f;

/* One block being scored. */
typedef struct block_terms {
    evaluation *e;
    eval_cell *ec;
    uint32_t block;
    uint32_t low_from, low_end; /* of its posts */
    uint32_t count;
    struct block_term {
        const eval_lane *lane;
        float bound;
        uint32_t from, to; /* ranks; from == to == 0 until they are needed */
    } terms[EVAL_TERMS_MAX];
    bool normed[INDEX_FIELDS], has_factors;
    float norms[INDEX_FIELDS][BLOCK_DOCS] __attribute__((aligned(64)));
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
    memset(b->normed, 0, sizeof b->normed);
}

static bool is_whole(const block_terms *b) {
    return b->low_end - b->low_from == BLOCK_DOCS;
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

static const float *norms_of(block_terms *b, const eval_term *term) {
    index_field field = term->lists->field;
    float *norms = b->norms[field];
    const cell *c = b->ec->c;
    if (b->normed[field]) {
        return norms;
    }
    b->normed[field] = true;
    uint32_t weight = field == INDEX_TITLE ? 1 : b->e->title_weight;
    if (is_whole(b)) {
        rank_lengths parts[2] = {
            lane_lengths(&c->title, b->low_from, weight),
            lane_lengths(&c->body, b->low_from, field == INDEX_TEXT),
        };
        b->e->lanes->norms(parts, term->norm, norms);
        return norms;
    }
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        norms[i] = 1;
    }
    for (uint32_t low = b->low_from; low < b->low_end; low++) {
        uint32_t length = cell_length(c, field, b->e->title_weight, low);
        norms[low % BLOCK_DOCS] = rank_norm_of(term->norm, length);
    }
    return norms;
}

/* About the factor of a post; sums that it is multiplied with are compared with some room. */
static float factor_of(const evaluation *e, const cell *c, uint32_t low) {
    double scores[RANK_SCORES];
    if (!e->prior.blends) {
        return 1;
    }
    cell_scores(c, low, scores);
    float factor = e->prior.linear[RANK_SCORES];
    for (int i = 0; i < RANK_SCORES; i++) {
        factor += e->prior.linear[i] * (float)scores[i];
    }
    return factor;
}

/* NULL: 1 everywhere. */
static const float *factors_of(block_terms *b) {
    evaluation *e = b->e;
    const cell *c = b->ec->c;
    if (!e->prior.blends) {
        return NULL;
    }
    if (b->has_factors) {
        return b->factors;
    }
    b->has_factors = true;
    if (is_whole(b) && c->score_bytes == 4) {
        const uint8_t *scores = c->scores + (size_t)(b->low_from - c->from) * 4;
        e->lanes->factors(scores, e->prior.linear, b->factors);
        return b->factors;
    }
    for (uint32_t i = 0; i < BLOCK_DOCS; i++) {
        b->factors[i] = 1;
    }
    for (uint32_t low = b->low_from; low < b->low_end; low++) {
        b->factors[low % BLOCK_DOCS] = factor_of(e, c, low);
    }
    return b->factors;
}

/* ---- Contributions ------------------------------------------------------------------------- */

static int32_t contribution(const evaluation *e, const cell *c, const eval_term *term,
                            uint32_t low, uint32_t tf) {
    uint32_t length = cell_length(c, term->lists->field, e->title_weight, low);
    return (int32_t)rank_contribution(term->weight, tf, rank_norm_of(term->norm, length));
}

/* Of a term in one post; 0 where it is not there. */
static int32_t probe(const evaluation *e, const cell *c, const eval_lane *lane, uint16_t low) {
    uint32_t rank = list_rank(&lane->in->list, low);
    if (e->trace) {
        e->trace->probes++;
    }
    return rank == UINT32_MAX
               ? 0
               : contribution(e, c, lane->term, low, list_tf(&lane->in->list, rank));
}

static void find_ranks(const block_terms *b, struct block_term *t) {
    if (t->from == t->to) {
        list_block(&t->lane->in->list, b->block, &t->from, &t->to);
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
                float weight = t->lane->term->weight;
                b->sums[lane] += (int32_t)(rank_contribution(weight, tf, norms[lane]) -
                                           rank_contribution(weight, UINT8_MAX, norms[lane]));
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
    const uint8_t *tfs = list_tf_bytes(list, t->from, count, room, &large);
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
    list_block_bits(list, b->block, t->from, t->to, bits);
    b->e->sets->expand(bits, tfs, lanes);
    b->e->lanes->add(lanes, norms, term->weight, b->sums);
    if (large) {
        mend_large(b, t, bits, tfs, norms);
    }
}

/* ---- Offers -------------------------------------------------------------------------------- */

static void raise_threshold(evaluation *e) {
    if (eval_top_full(e)) {
        float kth = (float)(e->top->items[0].score * RANK_ONE) * 0.999999f;
        e->theta = kth > e->theta ? kth : e->theta;
    }
}

/* A match; units are all its contributions. */
static void offer(evaluation *e, const eval_cell *ec, uint16_t low, int32_t units) {
    const rank_settings *rank = e->request->rank;
    scored item = {.docno = ec->c->first + low, .units = (int64_t)units + e->constant,
                   .prior = 0.5};
    if (e->prior.blends) { /* else the factor is 1: evaluate.c fills priors in */
        double scores[RANK_SCORES];
        cell_scores(ec->c, low, scores);
        item.prior = rank_prior(rank->weights, scores);
    }
    item.score = rank_blend(item.units, rank->blend, item.prior);
    top_offer(e->top, item);
    raise_threshold(e);
}

static bool is_allowed(const uint64_t *allowed, uint32_t low) {
    return !allowed || (allowed[low / 64] >> (low % 64) & 1);
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

/* Of candidates the excluded are no longer there. */
static void offer_if_kept(evaluation *e, const eval_cell *ec, uint16_t low, int32_t units,
                          float factor) {
    if (units > 0 && (float)units * factor + RANK_BOUND_UNITS >= e->theta * SUM_ROUND &&
        (eval_requires(e) || !eval_is_excluded(e, ec, low))) {
        offer(e, ec, low, units);
    }
}

/* The only essential term, posting by posting. rest: what the others have at most. */
static void score_single(block_terms *b, uint32_t essential, float rest,
                         const uint64_t *allowed) {
    evaluation *e = b->e;
    const cell *c = b->ec->c;
    const struct block_term *t = &b->terms[essential];
    const list_view *list = &t->lane->in->list;
    uint64_t bits[4] = {0};
    uint32_t word = 0;
    if (list->container_kind == LIST_BITSET) {
        list_block_bits(list, b->block, t->from, t->to, bits);
    }
    for (uint32_t rank = t->from; rank < t->to; rank++) {
        uint16_t low;
        if (list->container_kind == LIST_BITSET) {
            while (word < 3 && !bits[word]) {
                word++;
            }
            if (!bits[word]) {
                break;
            }
            low = (uint16_t)(b->block * BLOCK_DOCS + word * 64 +
                             (uint32_t)__builtin_ctzll(bits[word]));
            bits[word] &= bits[word] - 1;
        } else {
            low = list_block_doc(list, b->block, rank);
        }
        if (eval_posting_bound(t->lane, b->ec, b->block, rank) + rest < e->theta &&
            (t->lane->values || list->count < (uint32_t)LIST_BLOCKS)) {
            continue;
        }
        if (!is_allowed(allowed, low)) {
            continue;
        }
        int32_t units = contribution(e, c, t->lane->term, low, list_tf(list, rank));
        float factor = factor_of(e, c, low), left = rest;
        for (uint32_t i = essential; i-- > 0;) {
            if ((float)units * factor + left < e->theta * SUM_ROUND) {
                break;
            }
            left -= b->terms[i].bound;
            units += probe(e, c, b->terms[i].lane, low);
        }
        offer_if_kept(e, b->ec, low, units, factor);
    }
}

/* Looks up the terms below `next` in a lane that can still win with them. */
static void finish_lane(block_terms *b, uint32_t lane, uint32_t next, float rest) {
    evaluation *e = b->e;
    uint16_t low = (uint16_t)(b->block * BLOCK_DOCS + lane);
    int32_t units = b->sums[lane];
    float factor = factor_of(e, b->ec->c, low);
    while (next-- > 0) {
        if ((float)units * factor + rest < e->theta * SUM_ROUND) {
            return;
        }
        rest -= b->terms[next].bound;
        units += probe(e, b->ec->c, b->terms[next].lane, low);
    }
    offer_if_kept(e, b->ec, low, units, factor);
}

static void finish_lanes(block_terms *b, const uint64_t lanes[4], uint32_t next, float rest) {
    for (uint32_t word = 0; word < 4; word++) {
        for (uint64_t left = lanes[word]; left; left &= left - 1) {
            finish_lane(b, word * 64 + (uint32_t)__builtin_ctzll(left), next, rest);
        }
    }
}

/* ---- A short list by itself ---------------------------------------------------------------- */

/* Bounds of its postings by rank, where the list brings none: of contributions. */
static void bound_all(const evaluation *e, const eval_cell *ec, const eval_lane *lane,
                      const uint16_t *docs, float bounds[RANK_LANES]) {
    const list_view *list = &lane->in->list;
    const eval_term *term = lane->term;
    uint8_t room[LIST_TF_ROOM], tfs[BLOCK_DOCS] = {0};
    float norms[BLOCK_DOCS];
    int32_t sums[BLOCK_DOCS] = {0};
    bool large;
    memcpy(tfs, list_tf_bytes(list, 0, list->count, room, &large), list->count);
    for (uint32_t i = 0; i < (uint32_t)BLOCK_DOCS; i++) {
        norms[i] = 1;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t length = cell_length(ec->c, term->lists->field, e->title_weight, docs[i]);
        norms[i] = rank_norm_of(term->norm, length);
    }
    e->lanes->add(tfs, norms, term->weight, sums);
    memset(bounds, 0, RANK_LANES * sizeof *bounds);
    for (uint32_t i = 0; i < list->count; i++) {
        bounds[i] = ((float)sums[i] + RANK_BOUND_UNITS) * e->prior.factor_max * RANK_BOUND_ROUND;
        bounds[i] = large ? lane->most : bounds[i]; /* some tf is not a byte */
    }
}

anp_status eval_short_list(evaluation *e, eval_cell *ec, const eval_lane *lane) {
    const list_view *list = &lane->in->list;
    uint16_t docs[BLOCK_DOCS];
    float bounds[RANK_LANES];
    uint64_t reached[RANK_LANE_WORDS];
    const uint64_t *allowed;
    TRY(eval_allowed(e, ec, &allowed));
    list_docs(list, docs);
    if (eval_bounds_postings(lane)) {
        eval_posting_bounds(e, lane, ec, docs, bounds);
    } else {
        bound_all(e, ec, lane, docs, bounds);
    }
    e->lanes->reached(bounds, e->theta, reached);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = reached[word]; left; left &= left - 1) {
            uint32_t rank = word * 64 + (uint32_t)__builtin_ctzll(left);
            uint16_t low = docs[rank];
            if (bounds[rank] >= e->theta && is_allowed(allowed, low)) {
                int32_t units = contribution(e, ec->c, lane->term, low, list_tf(list, rank));
                offer_if_kept(e, ec, low, units, factor_of(e, ec->c, low));
            }
        }
    }
    if (e->trace) {
        e->trace->postings += list->count;
    }
    return ANP_OK;
}

/* ---- Blocks of unions ---------------------------------------------------------------------- */

/* Takes lanes that are not allowed, or without the driver, out; how many are left. */
static uint32_t keep_allowed(const block_terms *b, const uint64_t *allowed,
                             const uint64_t driver[4], uint64_t lanes[4]) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < 4; word++) {
        lanes[word] &= driver[word] & (allowed ? allowed[b->block * 4 + word] : UINT64_MAX);
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    return count;
}

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

static float lane_threshold(const evaluation *e, float rest) {
    return e->theta * SUM_ROUND - rest - RANK_BOUND_UNITS;
}

anp_status eval_union_block(evaluation *e, eval_cell *ec, uint32_t block,
                            const uint64_t *allowed) {
    block_terms b;
    open_block(&b, e, ec, block);
    float sum = take_terms(&b), rest = 0;
    if (b.count == 0 || sum * RANK_BOUND_ROUND < e->theta) {
        return ANP_OK;
    }
    if (e->trace) {
        e->trace->blocks_scored++;
    }
    if (e->driver) {
        put_driver_last(&b);
    }
    uint32_t next = 0; /* non-essential: those below */
    while (next + 1 < b.count && (e->driver || (rest + b.terms[next].bound) * RANK_BOUND_ROUND < e->theta)) {
        rest += b.terms[next++].bound;
    }
    rest *= RANK_BOUND_ROUND;
    if (next + 1 == b.count) {
        find_ranks(&b, &b.terms[next]);
        if (b.terms[next].to - b.terms[next].from <= SINGLE_MAX) {
            score_single(&b, next, rest, allowed);
            return ANP_OK;
        }
    }
    memset(b.sums, 0, sizeof b.sums);
    for (uint32_t i = b.count; i-- > next;) {
        add_term(&b, &b.terms[i]);
    }
    const float *factors = factors_of(&b);
    uint64_t driver[4] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    if (e->driver) {
        const struct block_term *t = &b.terms[b.count - 1];
        list_block_bits(&t->lane->in->list, block, t->from, t->to, driver);
    }
    for (;;) {
        uint64_t lanes[4];
        uint32_t count = e->lanes->over(b.sums, factors, lane_threshold(e, rest), lanes);
        if (count && (allowed || e->driver)) {
            count = keep_allowed(&b, allowed, driver, lanes);
        }
        if (count == 0) {
            return ANP_OK;
        }
        if (next == 0 || count <= PROBE_MAX) {
            finish_lanes(&b, lanes, next, rest);
            return ANP_OK;
        }
        rest -= b.terms[--next].bound;
        rest = rest > 0 && next ? rest : 0;
        add_term(&b, &b.terms[next]);
    }
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
    float least = lane_threshold(e, (float)e->constant * e->prior.factor_max);
    if (least > 0) {
        e->lanes->over(b->sums, factors_of(b), least, over);
        for (uint32_t word = 0; word < 4; word++) {
            lanes[word] &= over[word];
        }
    }
}

/* A candidate whose units are known. */
static anp_status finish_candidate(evaluation *e, eval_cell *ec, uint16_t low, int32_t units) {
    float score = ((float)units + (float)e->constant) * factor_of(e, ec->c, low);
    bool hold = score * RANK_BOUND_ROUND + RANK_BOUND_UNITS >= e->theta;
    if (hold && e->phrase_count) {
        TRY(eval_phrases_hold(e, ec, low, &hold));
    }
    if (hold) {
        offer(e, ec, low, units);
    }
    return ANP_OK;
}

/* A post is given up when what the terms that are left have at most in its block is too little. */
anp_status eval_candidate(evaluation *e, eval_cell *ec, uint16_t low) {
    int32_t units = 0;
    uint32_t block = low / BLOCK_DOCS;
    float factor = factor_of(e, ec->c, low), rest = ec->sums ? ec->sums[block] : 0;
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_lane *lane = ec->lanes[i];
        if (!lane || (ec->sums && lane->blocks[block] <= 0)) {
            continue;
        }
        units += probe(e, ec->c, lane, low);
        if (ec->sums) {
            rest -= lane->blocks[block];
            float bound = ((float)units + (float)e->constant) * factor + rest;
            if (bound * RANK_BOUND_ROUND + RANK_BOUND_UNITS < e->theta) {
                return ANP_OK;
            }
        }
    }
    if (units + e->constant == 0 && !e->phrase_count) {
        return ANP_OK; /* evaluate.c comes to those in the order of ordinals */
    }
    return finish_candidate(e, ec, low, units);
}

anp_status eval_candidate_block(evaluation *e, eval_cell *ec, uint32_t block) {
    uint64_t lanes[4];
    memcpy(lanes, ec->words + (size_t)block * 4, sizeof lanes);
    uint32_t count = 0;
    for (uint32_t word = 0; word < 4; word++) {
        count += (uint32_t)__builtin_popcountll(lanes[word]);
    }
    bool few = count < PROBE_MAX;
    if (!few && !e->phrase_count && !e->constant) {
        return eval_union_block(e, ec, block, ec->words); /* of a union these are allowed */
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
            TRY(few ? eval_candidate(e, ec, low) : finish_candidate(e, ec, low, b.sums[lane]));
        }
    }
    return ANP_OK;
}
