/* What the files of the evaluator share: evaluate.c, shape.c, bounding.c, blocks.c, candidates.c,
   counting.c, phrases.c. Nobody else includes this. */
#ifndef ANP_QUERY_EVALUATION_H
#define ANP_QUERY_EVALUATION_H

#include "base/error.h"
#include "index/cells.h"
#include "postings/kernels.h"
#include "query/evaluate.h"
#include "query/match.h"
#include "rank/lanes.h"

enum {
    EVAL_TERMS_MAX = 64, /* more are left to full evaluation: a block's terms are on the stack */
    EVAL_LISTS_MAX = 2 * EVAL_TERMS_MAX, /* of required terms, and of pairs of words */
    EVAL_VALUES_MAX = 255, /* a list of so few postings without bounds gets one for each */
    EVAL_CELL_BLOCKS = 256,
};

/* The sums of a block are of 32 bits; all weights together stay below this. */
#define EVAL_UNITS_MAX 1073741824.0

/* One list of one scoring term. */
typedef struct eval_lane {
    cell_list *in;
    const struct eval_term *term;
    rank_bound bound;
    const float *values; /* a bound for each posting, in units, factor included; NULL: codes */
    float most;          /* no posting's bound is greater */
    float *blocks;       /* bounds by block, beside the cell's sums */
} eval_lane;

/* A term that scores. */
typedef struct eval_term {
    const term_lists *lists;
    double boost;
    float weight;
    rank_norm norm;
    bool required;
    eval_lane *lanes; /* beside lists->lists */
} eval_term;

typedef struct eval_phrase {
    const plan_node *node;
    const term_lists **body;  /* by word: of the field that is looked for */
    const term_lists **title; /* by word: of the title */
    uint32_t *before;         /* as in phrase_words (match.h) */
    const cell_pair **pairs;  /* by word: it and the next one, by cell; NULL: nothing known */
} eval_phrase;

typedef struct eval_cell {
    const cell *c;
    eval_lane **lanes;         /* by scoring term; NULL: no list here */
    float *sums;               /* bounds by block, once they are needed; then also: */
    eval_lane **by_most;       /* its lanes, by ascending bound */
    uint32_t lane_count;
    float *factors_most;       /* by block, where bounds are capped */
    uint64_t *allowed;         /* once it is needed, where there are restrictions */
    uint32_t count;            /* candidates: */
    uint16_t *docs;            /* either ascending lows */
    uint64_t *words;           /* or bits; both may be there */
    struct phrase_side *sides; /* two a phrase: body (or the field it is in), title; phrases.c */
} eval_cell;

typedef struct evaluation {
    snapshot *snapshot;
    const evaluate_request *request;
    arena *memory;
    anp_error *err;
    evaluate_trace *trace;
    const rank_lanes *lanes;
    const postings_kernels *sets;
    uint32_t title_weight;

    eval_cell *cells;
    uint32_t cell_count;

    eval_term terms[EVAL_TERMS_MAX];
    uint32_t term_count, required_count;
    const term_lists *excluded[EVAL_TERMS_MAX];
    uint32_t excluded_count;
    bitmap *required_sets[EVAL_TERMS_MAX], *excluded_sets[EVAL_TERMS_MAX];
    uint32_t required_set_count, excluded_set_count;
    eval_phrase phrases[EVAL_TERMS_MAX];
    uint32_t phrase_count;
    int32_t constant; /* units that every match gets */
    bool impossible;  /* something required is in no post */

    rank_prior_bound prior;
    float theta; /* units times factor: what is below cannot be kept */
    top_list *top;
    uint32_t in_block;   /* phrases.c: so many posts of a block are asked for; 0: not known */
    uint32_t *positions; /* of a phrase's words in a post, grown as needed */
    size_t positions_room;
} evaluation;

/* shape.c: the plan as terms, sets and phrases; *known false: not of a kind for this evaluator. */
anp_status eval_shape(evaluation *e, bool *known);

/* bounding.c: lanes, bounds of cells and blocks, the first threshold. */
anp_status eval_make_lanes(evaluation *e);
void eval_seed(evaluation *e);
float eval_cell_most(const evaluation *e, const eval_cell *ec);
anp_status eval_block_sums(evaluation *e, eval_cell *ec);
/* A posting's bound, by its rank. */
float eval_posting_bound(const eval_lane *lane, const eval_cell *ec, uint32_t block, uint32_t rank);

/* A block whose bound can still win; entries of the list are in the order to be scored. */
typedef struct eval_block {
    uint32_t cell;
    uint32_t block;
    float bound;
} eval_block;
anp_status eval_order_blocks(evaluation *e, const eval_block **blocks, uint32_t *count);

/* blocks.c: scoring one block, or one post. */
/* allowed: bits of the cell, or NULL: all posts. */
anp_status eval_union_block(evaluation *e, eval_cell *ec, uint32_t block, const uint64_t *allowed);
anp_status eval_candidate_block(evaluation *e, eval_cell *ec, uint32_t block);
anp_status eval_candidate(evaluation *e, eval_cell *ec, uint16_t low);

/* candidates.c */
anp_status eval_allowed(evaluation *e, eval_cell *ec, const uint64_t **words);
bool eval_restricted(const evaluation *e, const eval_cell *ec);
anp_status eval_find_candidates(evaluation *e, eval_cell *ec);
anp_status eval_candidate_words(evaluation *e, eval_cell *ec); /* makes bits of lows */
anp_status eval_candidate_docs(evaluation *e, eval_cell *ec);  /* and lows of bits */
uint64_t *eval_words(evaluation *e); /* room for the bits of a window */
/* The lists of the required terms in a cell, and those of pairs of a phrase's words in place of
   these words', shortest first; 0 when one of them has none. */
uint32_t eval_required_lists(const evaluation *e, const eval_cell *ec,
                             const list_view *lists[EVAL_LISTS_MAX]);
void eval_set_words(uint64_t *words, const uint16_t *docs, size_t count);

/* counting.c */
anp_status eval_count(evaluation *e, uint64_t *total);
/* The bits of a cell's matches in a union. */
anp_status eval_union_words(evaluation *e, eval_cell *ec, uint64_t *words);

/* phrase_pairs.c: what lists of pairs of words (index/pairs.h) say of phrases. */
anp_status eval_find_pairs(evaluation *e, eval_phrase *p);
typedef enum eval_pairs { EVAL_PAIRS_OPEN, EVAL_PAIRS_NOWHERE, EVAL_PAIRS_ALL } eval_pairs;
/* Of a phrase in a cell: nowhere, in every post that all of its pairs' lists hold, or not known. */
eval_pairs eval_pairs_say(const evaluation *e, const eval_cell *ec, const eval_phrase *p);
/* Adds their lists, and says in `covered` (by scoring term) whose lists they make needless; false:
   a phrase is nowhere in the cell. */
bool eval_pair_lists(const evaluation *e, const eval_cell *ec, const list_view **lists,
                     uint32_t *count, uint64_t *covered);

/* phrases.c: whether a post holds all the phrases; a cell's candidates cut to those that do. */
anp_status eval_phrases_hold(evaluation *e, eval_cell *ec, uint16_t low, bool *hold);
anp_status eval_phrases_keep(evaluation *e, eval_cell *ec);

static inline anp_status eval_nomem(const evaluation *e) {
    return error_nomem(e->err, "the evaluation of a query");
}

static inline uint32_t eval_cell_number(const evaluation *e, const eval_cell *ec) {
    return (uint32_t)(ec - e->cells);
}

/* Whether matches are candidates: something is required. Else they are a union of terms. */
static inline bool eval_requires(const evaluation *e) {
    return e->required_count || e->required_set_count || e->phrase_count;
}

static inline bool eval_top_full(const evaluation *e) {
    return e->top->count == e->top->capacity;
}

#endif
