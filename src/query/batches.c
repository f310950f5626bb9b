/*
 * Candidates scored 256 at a time, whatever their blocks: where many of them will be kept, bounds
 * save little, and each block costs more than its few candidates do.
 *
 *     candidates      3   7 | 262   301 | 517 …      ascending, of a cell
 *     term by term    their ranks in its list, a block's together; tfs; contributions in 256 lanes
 *     kept            the lanes that reach the threshold
 */
#include "query/evaluation.h"

enum { ALONE_MAX = 2 }; /* so few candidates of a block are looked up one by one */

typedef struct batch {
    evaluation *e;
    eval_cell *ec;
    const uint16_t *docs;
    uint32_t count;
    bool normed[INDEX_FIELDS];
    float norms[INDEX_FIELDS][RANK_LANES] __attribute__((aligned(64)));
    int32_t sums[RANK_LANES] __attribute__((aligned(64)));
} batch;

bool eval_is_for_batches(const evaluation *e) {
    return e->term_count && !e->phrase_count && !e->constant;
}

/* ---- Contributions ------------------------------------------------------------------------- */

static const float *norms_of(batch *b, const eval_term *term) {
    index_field field = term->lists->field;
    if (!b->normed[field]) {
        b->normed[field] = true;
        eval_norms_of(b->e, b->ec->c, term, b->docs, b->count, b->norms[field]);
    }
    return b->norms[field];
}

/* The tfs of candidates [from, end), all of one block; 0 where the term is not there. */
static void read_block(const batch *b, const list_view *list, uint32_t from, uint32_t end,
                       uint32_t *tfs) {
    const postings_reader *lists = b->e->lists;
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint32_t first, last, block = b->docs[from] / BLOCK_DOCS, before[KERNEL_BLOCK_WORDS] = {0};
    bool large;
    lists->block(list, block, &first, &last);
    lists->block_bits(list, block, first, last, bits);
    const uint8_t *bytes = lists->tf_bytes(list, first, last - first, room, &large);
    for (uint32_t word = 0; word + 1 < (uint32_t)KERNEL_BLOCK_WORDS; word++) {
        before[word + 1] = before[word] + (uint32_t)__builtin_popcountll(bits[word]);
    }
    for (uint32_t i = from; i < end; i++) {
        uint32_t word = b->docs[i] % BLOCK_DOCS / 64;
        uint64_t bit = (uint64_t)1 << b->docs[i] % 64;
        uint32_t rank = before[word] + (uint32_t)__builtin_popcountll(bits[word] & (bit - 1));
        bool here = (bits[word] & bit) && rank < last - first;
        tfs[i] = !here ? 0 : bytes[rank] < UINT8_MAX ? bytes[rank] : list_tf(list, first + rank);
    }
}

static void read_tfs(const batch *b, const list_view *list, uint32_t tfs[RANK_LANES]) {
    const postings_reader *lists = b->e->lists;
    for (uint32_t from = 0, end; from < b->count; from = end) {
        uint32_t block = b->docs[from] / BLOCK_DOCS;
        for (end = from + 1; end < b->count && b->docs[end] / BLOCK_DOCS == block; end++) {
        }
        if (end - from > ALONE_MAX) {
            read_block(b, list, from, end, tfs);
            continue;
        }
        for (uint32_t i = from; i < end; i++) {
            uint32_t rank = lists->rank(list, b->docs[i]);
            tfs[i] = rank == UINT32_MAX ? 0 : lists->tf(list, rank);
        }
    }
}

static void add_term(batch *b, const eval_lane *lane) {
    const eval_term *term = lane->term;
    const float *norms = norms_of(b, term);
    uint32_t tfs[RANK_LANES];
    uint8_t lanes[RANK_LANES];
    read_tfs(b, &lane->in->list, tfs);
    for (uint32_t i = 0; i < b->count; i++) {
        bool fits = tfs[i] <= UINT8_MAX;
        lanes[i] = fits ? (uint8_t)tfs[i] : 0;
        b->sums[i] += fits ? 0 : (int32_t)rank_contribution(term->weight, tfs[i], norms[i]);
    }
    memset(lanes + b->count, 0, RANK_LANES - b->count);
    b->e->lanes->add(lanes, norms, term->weight, b->sums);
}

/* ---- What is kept -------------------------------------------------------------------------- */

/* The factors of the candidates; NULL: 1 everywhere. */
static const float *factors_of(const batch *b, float factors[RANK_LANES]) {
    const evaluation *e = b->e;
    const cell *c = b->ec->c;
    uint8_t scores[RANK_LANES * RANK_SCORES];
    if (!e->prior.blends) {
        return NULL;
    }
    if (c->score_bytes != RANK_SCORES) {
        for (uint32_t i = 0; i < b->count; i++) {
            factors[i] = eval_factor(e, c, b->docs[i]);
        }
        memset(factors + b->count, 0, (RANK_LANES - b->count) * sizeof *factors);
        return factors;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        memcpy(scores + (size_t)RANK_SCORES * i,
               c->scores + (size_t)RANK_SCORES * (b->docs[i] - c->from), RANK_SCORES);
    }
    memset(scores + (size_t)RANK_SCORES * b->count, 0,
           (size_t)RANK_SCORES * (RANK_LANES - b->count));
    e->lanes->factors(scores, e->prior.linear, factors);
    return factors;
}

/* What a sum, times the factor, has to reach. */
static float batch_threshold(const batch *b) {
    const evaluation *e = b->e;
    return e->prior.blends || !eval_top_full(e)
               ? e->theta * EVAL_SUM_ROUND
               : eval_least_behind(e, b->ec->c->first + b->docs[0]);
}

static void keep(const batch *b) {
    evaluation *e = b->e;
    eval_cell *ec = b->ec;
    float room[RANK_LANES];
    uint64_t over[RANK_LANE_WORDS];
    eval_posts posts = {0};
    e->lanes->over(b->sums, factors_of(b, room), batch_threshold(b), over);
    for (uint32_t word = 0; word < (uint32_t)RANK_LANE_WORDS; word++) {
        for (uint64_t left = over[word]; left; left &= left - 1) {
            uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(left);
            if (eval_keeps_many(e, ec)) {
                eval_add_post(&posts, ec, b->docs[i], b->sums[i]);
            } else {
                eval_keep(e, ec, b->docs[i], b->sums[i]);
            }
        }
    }
    if (posts.count) {
        eval_keep_posts(e, &posts);
    }
}

anp_status eval_candidate_batches(evaluation *e, eval_cell *ec) {
    TRY(cells_open(e->snapshot, ec->c, e->err));
    TRY(ec->docs ? ANP_OK : eval_candidate_docs(e, ec));
    batch b = {.e = e, .ec = ec};
    for (uint32_t from = 0; from < ec->count; from += b.count) {
        uint32_t left = ec->count - from;
        b.docs = ec->docs + from;
        b.count = left < RANK_LANES ? left : RANK_LANES;
        memset(b.normed, 0, sizeof b.normed);
        memset(b.sums, 0, sizeof b.sums);
        for (uint32_t i = 0; i < e->term_count; i++) {
            if (ec->lanes[i]) {
                add_term(&b, ec->lanes[i]);
            }
        }
        if (e->trace) {
            e->trace->postings += b.count;
        }
        keep(&b);
    }
    return ANP_OK;
}
