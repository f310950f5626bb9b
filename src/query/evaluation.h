/* What the files of the evaluator share: evaluate.c, alternatives.c, shape.c, sets.c, where.c,
   lanes.c, bounding.c, strips.c, strip_batch.c, few.c, one_term.c, light_term.c, term_batch.c,
   term_able.c, promising.c, blocks.c, champions.c, batches.c, candidates.c, counting.c,
   phrases.c, phrase_pairs.c. Nobody else includes this. */
#ifndef ANP_QUERY_EVALUATION_H
#define ANP_QUERY_EVALUATION_H

#include "base/error.h"
#include "index/cells.h"
#include "index/factors.h"
#include "postings/kernels.h"
#include "postings/reader.h"
#include "query/evaluate.h"
#include "query/match.h"
#include "rank/lanes.h"

#include <stdlib.h>

enum {
    EVAL_TERMS_MAX = 64, /* more are left to full evaluation: a block's terms are on the stack */
    EVAL_SETS_MAX = 64,  /* likewise phrases and values: bits of one take 8 KiB a window */
    EVAL_UNITS_SURE = 2, /* who has at least so much by bounds has a unit, whatever is rounded */
    EVAL_LISTS_MAX = 2 * EVAL_TERMS_MAX, /* of required terms, and of pairs of words */
    EVAL_VALUES_MAX = 255, /* a list of so few postings without bounds gets one for each */
    EVAL_CELL_BLOCKS = 256,
    /* The field of a term whose postings all score its weight: one more than an index has. */
    EVAL_CONSTANT = INDEX_FIELDS,
    EVAL_FIELDS,
};

/* A word in nearly all posts weighs so little that its contributions are some few units: what its
   bounds are to the unit tells blocks apart, which codes do not. */
#define EVAL_LIGHT_WEIGHT 256.0f

/* The sums of a block are of 32 bits; all weights together stay below this. */
#define EVAL_UNITS_MAX 1073741824.0

/* Of a post that is kept, whose prior has no part in its score: evaluate.c will fill it in. */
#define EVAL_PRIOR_LATER (-1.0)

/* What rounding can take from a sum of floats that stands for whole units. */
#define EVAL_SUM_ROUND 0.99999f

/* One list of one scoring term; what lanes.c knows of it before it is looked into comes first. */
typedef struct eval_lane {
    cell_list *in;
    const struct eval_term *term;
    rank_norm_ratio ratio; /* of norms now to those of the list's bounds, where it has any */
    float most;            /* no posting's bound is greater; 0: none contributes a unit */
    bool ready;            /* eval_ready_lane: all that follows, and codes of */
    rank_bound bound;      /* where it has bounds */
    const float *values;   /* a bound for each posting, in units, factor included; NULL: codes */
    float *blocks;         /* bounds by block, beside the cell's sums */
    uint32_t asked;        /* ordinals that batches looked up; after many: */
    uint16_t *starts;      /* of a blocked container's blocks */
    uint8_t *tfs;          /* by rank, as bytes */
    struct strips_levels *levels; /* strips.c: once its strips were asked */
    const struct rank_strips_term *strips; /* while those of its cell are */
} eval_lane;

/* A term that scores. */
typedef struct eval_term {
    const term_lists *lists;
    double boost;
    float weight;
    rank_norm norm;
    bool required;
    float kept; /* champions.c: the share of postings that are left when it is added, about */
    eval_lane *lanes; /* beside lists->lists */
} eval_term;

typedef struct eval_phrase {
    const plan_node *node;
    const term_lists **body;  /* by word: of the title, or else of the combined text */
    const term_lists **title; /* by word: of the title */
    uint32_t *before;         /* as in phrase_words (match.h) */
    const cell_pair **pairs;  /* by word: it and the next one, by cell; NULL: nothing known */
} eval_phrase;

typedef struct eval_cell {
    const cell *c;
    eval_lane **lanes;         /* by scoring term; NULL: no list here */
    float most;                /* no score is greater */
    float *sums;               /* bounds by block, once they are needed; then also: */
    float best;                /* no sum is greater */
    eval_lane **by_most;       /* its lanes, by ascending bound */
    uint32_t lane_count;
    bool begun;                /* a union's: of the first that were looked at */
    bool finished;             /* champions.c: no post can win that was not scored */
    const cell_factors *factors; /* of its posts, once they were asked for */
    uint64_t *allowed;         /* once it is needed, where there are restrictions */
    uint64_t *unscored;        /* of these (or of all), what strips.c left, if it scored some */
    uint64_t *excluded;        /* bits of what excluded terms have, once it is often asked for */
    uint32_t excluded_asked;
    uint32_t count;            /* candidates: */
    uint16_t *docs;            /* either ascending lows */
    uint64_t *words;           /* or bits; both may be there */
    uint32_t *starts;          /* of those of each block among docs, where batches need it */
    struct eval_late *late;    /* they are found block by block, and count is about how many */
    const float *rests;        /* batches.c: bounds by block, of the terms behind each one */
    struct eval_waiting *waiting;
    struct phrase_side *sides; /* two a phrase: body (or the field it is in), title; phrases.c */
} eval_cell;

/* Where a clause counts: in posts that a part of the plan matches, and `outer` lets through. */
typedef struct eval_gate {
    const plan_node *node;
    struct eval_gate *outer; /* NULL: all posts */
    uint64_t *words;         /* bits of all cells, once it was asked for: eval_gate_close frees */
} eval_gate;

/* Lists that were cut to a gate: all choices have it in common. */
typedef struct eval_cut {
    const plan_node *gate;
    const term_lists *from; /* NULL: a constant */
    const term_lists *to;
    struct eval_cut *next;
} eval_cut;

/* The posts of a phrase or a value. */
typedef struct eval_set {
    const plan_node *node;
    bitmap *posts;    /* of a value, those of its text; NULL: none */
    uint64_t *ranges; /* of a value, bits by window of those in its ranges; NULL: none */
} eval_set;

typedef struct eval_sets {
    eval_set *items; /* room for every part of the plan */
    uint32_t count;
    eval_cut *cuts;
} eval_sets;

typedef struct evaluation {
    snapshot *snapshot;
    const evaluate_request *request;
    arena *memory;
    anp_error *err;
    evaluate_trace *trace;
    const rank_lanes *lanes;
    const postings_kernels *sets;
    const postings_reader *lists;
    uint32_t title_weight;

    eval_cell *cells;
    uint32_t cell_count;

    uint32_t room; /* of each of the arrays that follow: the clauses of the plan, as far as known */
    eval_term *terms;
    uint32_t term_count, required_count;
    const term_lists **excluded;
    uint32_t excluded_count;
    const plan_node **required_sets, **excluded_sets; /* parts of the plan */
    uint32_t required_set_count, excluded_set_count;
    eval_sets *sets_made; /* what these are made of */
    const plan_node **needed; /* words that each match has, whatever is chosen */
    uint32_t needed_count;
    bool chooses;    /* of choices: */
    uint32_t chosen; /* those that are required, a bit each; others are left out */
    eval_phrase *phrases;
    uint32_t phrase_count;
    bool phrases_checked; /* the candidates that are left hold them */
    const eval_term *driver; /* the only term that is required, where nothing else is and each of
                                its postings scores: they are the matches, less the excluded */
    int32_t constant; /* units that every match gets */
    uint32_t tf_bytes; /* of the lists that were read whole: eval_lane.tfs */
    bool impossible;  /* something required is in no post */

    rank_prior_bound prior;
    bool by_blended; /* what is best of a list is told by its impacts with factors */
    factor_set *factors; /* of these settings, once they were asked for */
    double weights_total;
    float theta; /* units times factor: what is below cannot be kept */
    float strip_scale; /* strips.c: from units to the numbers of levels; 0: not yet known */
    struct strips_room **strip_rooms; /* by term of a cell, those that are there; NULL: none is */
    top_list *top;
    bool scores_lanes;   /* blocks.c: the last block had many that may win */
    uint64_t *crossing;  /* champions.c: bits of a window, all 0 */
    uint32_t *positions; /* of a phrase's words in a post, grown as needed */
    size_t positions_room;
} evaluation;

/* evaluate.c: a post's prior. */
double eval_prior(const evaluation *e, const cell *c, uint32_t low);
/* Cells, shape, lanes; *known as of eval_shape. Before anything else that takes an evaluation. */
anp_status eval_prepare(evaluation *e, bool *known);
/* Whether nothing can match. */
bool eval_is_empty(const evaluation *e);
/* All of it, from eval_prepare to eval_close: e->top, not sorted, and *total if it is asked for. */
anp_status eval_run(evaluation *e, uint64_t *total, bool *known);

/* alternatives.c: the same for a plan with so many choices; with more their lists are cut. */
enum { EVAL_CHOICES_MAX = 4 };
anp_status eval_alternatives(const evaluation *e, uint32_t choices, bool requires, uint64_t *total,
                             bool *known);

/* shape.c: the plan as terms, sets and phrases; *known false: not of a kind for this evaluator. */
anp_status eval_shape(evaluation *e, bool *known);
/* Parts of the plan that are optional beside others and are no words; whether some are required. */
uint32_t eval_choices(const query_plan *plan, bool *requires);
/* Fills in e->needed. */
anp_status eval_find_needed(evaluation *e);

/* sets.c: finds what a part of the plan needs, before: */
anp_status eval_set_find(evaluation *e, plan_node *node);
/* Its bits in a cell. Those of dead posts and of ones behind the cell mean nothing. */
anp_status eval_node_words(evaluation *e, const eval_cell *ec, const plan_node *node,
                           uint64_t *words);
anp_status eval_bitmap_words(evaluation *e, const eval_cell *ec, const bitmap *set,
                             uint64_t *words);
void eval_all_words(const cell *c, uint64_t *words); /* all posts of a cell */

/* where.c: cuts the lists of some terms, by number, to where they count (NULL: everywhere). */
anp_status eval_cut_terms(evaluation *e, const uint32_t *terms, uint32_t count,
                          eval_gate *gate);
/* The posts in which a gate is open, as a term of EVAL_CONSTANT. */
anp_status eval_list_gate(evaluation *e, eval_gate *gate, const term_lists **out);
void eval_gate_close(eval_gate *gate);

/* lanes.c: lanes, the first threshold. */
anp_status eval_make_lanes(evaluation *e);
/* Those of a union are made ready when their lists are looked into, others' by eval_make_lanes. */
void eval_ready_lane(const evaluation *e, eval_lane *lane);
void eval_ready_cell(const evaluation *e, const eval_cell *ec);
/* What the cells behind number i need comes from memory meanwhile. */
void eval_fetch_cells(const evaluation *e, uint32_t i);
void eval_seed(evaluation *e);
/* What a posting surely scores now, in units times factor, that had this impact (blended: times its
   factor, over 1.3) when its list was built. */
float eval_sure_units(const evaluation *e, const eval_lane *lane, float impact, bool blended);
/* What a contribution with this impact is at most, in whole units, of a light term. */
float eval_whole_units(const eval_term *term, float impact);
/* Fills in ec->factors; only where there is a prior. */
anp_status eval_find_factors(evaluation *e, eval_cell *ec);

/* bounding.c: bounds of blocks, of a cell that is ready. */
anp_status eval_block_sums(evaluation *e, eval_cell *ec);
anp_status eval_sort_lanes(evaluation *e, eval_cell *ec); /* is part of it */
uint32_t eval_blocks_left(const evaluation *e, const eval_cell *ec); /* that reach the threshold */
/* A posting's bound, by its rank. */
float eval_posting_bound(const eval_lane *lane, const eval_cell *ec, uint32_t block, uint32_t rank);
/* Whether a list has a bound for each posting; all of them, by rank, 0 behind the last. */
bool eval_bounds_postings(const eval_lane *lane);
void eval_posting_bounds(const evaluation *e, const eval_lane *lane, const eval_cell *ec,
                         const uint16_t *docs, float bounds[RANK_LANES]);

/* A block whose bound can still win; entries of the list are in the order to be scored. */
typedef struct eval_block {
    uint32_t cell;
    uint32_t block;
    float bound;
} eval_block;
/* Best first, in steps of the range of bounds, of which `most` is the greatest. */
void eval_sort_blocks(const eval_block *found, uint32_t count, float most, eval_block *sorted);
/* All blocks of cells with sums that can win, best first, some at a time. */
typedef struct eval_order {
    uint32_t cells;
    bool in_parts;   /* of few cells too */
    uint32_t wanted; /* blocks the next time */
    float most;      /* no sum is greater */
    float below;     /* the sums of those that are still to come */
    const eval_block *blocks; /* put in order: */
    uint32_t count, at;
} eval_order;
void eval_order_begin(const evaluation *e, eval_order *order);
/* The next of them are put in order; count 0: none is left. */
anp_status eval_order_more(const evaluation *e, eval_order *order);

/* one_term.c, light_term.c, term_batch.c, term_able.c */
/* A union of one term, less what is excluded, whose lists have bounds or are short: whether this is
   one; all of it. */
bool eval_is_one_term(const evaluation *e);
anp_status eval_one_term(evaluation *e);
/* All postings of the only list of a cell, which is no bitset, without bounds of blocks. */
anp_status eval_only_list(evaluation *e, eval_cell *ec, const eval_lane *lane);

/* blocks.c: scoring one block, or one post. */
float eval_blend_factor(const evaluation *e, const cell *c, uint32_t low);
void eval_keep(evaluation *e, eval_cell *ec, uint16_t low, int32_t units);
/* Several, of any cells. */
typedef struct eval_posts {
    uint32_t count;
    uint32_t docnos[RANK_LANES];
    int32_t units[RANK_LANES];
    uint8_t scores[RANK_LANES * RANK_SCORES];
} eval_posts;
/* Whether those of a cell can be kept so; one more, which is not excluded; all of them. */
static inline bool eval_keeps_many(const evaluation *e, const eval_cell *ec) {
    return ec->c->score_bytes == RANK_SCORES && !e->constant;
}
static inline void eval_add_post(eval_posts *posts, const eval_cell *ec, uint16_t low,
                                 int32_t units) {
    uint32_t i = posts->count++;
    posts->docnos[i] = ec->c->first + low;
    posts->units[i] = units;
    memcpy(posts->scores + (size_t)RANK_SCORES * i, cell_scores_at(ec->c, low), RANK_SCORES);
}
static inline void eval_move_post(eval_posts *posts, uint32_t from, uint32_t to) {
    posts->docnos[to] = posts->docnos[from];
    posts->units[to] = posts->units[from];
    memcpy(posts->scores + (size_t)RANK_SCORES * to, posts->scores + (size_t)RANK_SCORES * from,
           RANK_SCORES);
}
void eval_keep_posts(evaluation *e, eval_posts *posts);
/* The norms of some posts for a term. */
void eval_norms_of(const evaluation *e, const cell *c, const eval_term *term, const uint16_t *docs,
                   uint32_t count, float *norms);
/* The norms of a block for a term, and the factors; any where no post is. */
void eval_block_norms(const evaluation *e, const cell *c, const eval_term *term, uint32_t block,
                      float norms[BLOCK_DOCS]);
void eval_block_factors(const evaluation *e, const cell *c, uint32_t block,
                        float factors[BLOCK_DOCS]);
/* promising.c: what a post must be like to reach the threshold with a term. */
enum { EVAL_FEW_UNITS = 16 }; /* a term that weighs less: its contributions are few numbers */
typedef struct eval_promise {
    const eval_term *term;
    float theta; /* the threshold that is meant, or with uneven weights what is needed: */
    uint16_t longest[RANK_TFS];
    rank_needs needs;
    uint32_t units_known; /* bits: the numbers of units that this is known of: */
    uint16_t longest_with[EVAL_FEW_UNITS][RANK_TFS];
} eval_promise;
void eval_promise_begin(eval_promise *p, const eval_term *term);
/* The least tf that may reach the threshold in some post, from 1 to 255. */
uint8_t eval_least_tf(const evaluation *e, const eval_term *term);
/* The lanes of a block whose tf, one by lane, may reach it, and a few more; how many. */
uint32_t eval_find_promising(const evaluation *e, eval_promise *p, const eval_cell *ec,
                             uint32_t block, const uint8_t tfs[BLOCK_DOCS],
                             uint64_t lanes[RANK_LANE_WORDS]);

/* Whether all ordinals of a block are the cell's. */
static inline bool eval_block_is_whole(const cell *c, uint32_t block) {
    return block * BLOCK_DOCS >= c->from && (block + 1) * BLOCK_DOCS <= c->end;
}
/* The title's and the body's lengths from `low` on, as a term's norm has them. */
void eval_lengths_of(const evaluation *e, const cell *c, const eval_term *term, uint32_t low,
                     rank_lengths parts[2]);
/* allowed: bits of the cell, or NULL: all posts. */
anp_status eval_union_block(evaluation *e, eval_cell *ec, uint32_t block, const uint64_t *allowed);
anp_status eval_candidate_block(evaluation *e, eval_cell *ec, uint32_t block);
/* Brings what scoring a block will need nearer: first all but the tfs. */
void eval_fetch_block(const evaluation *e, const eval_cell *ec, uint32_t block);
void eval_fetch_tfs(const eval_cell *ec, uint32_t block);
/* One that holds the phrases. */
void eval_candidate(evaluation *e, eval_cell *ec, uint16_t low);

/* champions.c: finishes a cell with sums, of a union, in which champions tell what can still win;
   all of them. The sum of a block that was scored has to be 0. */
anp_status eval_finish_cell(evaluation *e, eval_cell *ec);
anp_status eval_finish_cells(evaluation *e);
/* Whether they can tell anything, whatever the threshold; before there are bounds of blocks: a cell
   that can be done with at once (ec->finished). */
bool eval_may_finish(const evaluation *e);
anp_status eval_finish_early(evaluation *e, eval_cell *ec);
/* few.c: up to 256 posts of a cell, in any order, whose scores are made together. */
typedef struct eval_few {
    evaluation *e;
    eval_cell *ec;
    uint32_t count;
    const eval_lane *own; /* a list that all are in, to be asked soon, or NULL; of it: */
    uint8_t own_tfs[RANK_LANES]; /* as far as known: not 0 */
    float own_most[RANK_LANES];
    bool strips; /* rest comes not from bounds of blocks, but from: */
    uint32_t numbers[RANK_LANES];    /* of the terms that are not yet added */
    float rest[RANK_LANES];          /* what these have at most, in units times factor */
    bool normed[EVAL_FIELDS];
    uint16_t docs[RANK_LANES + KERNEL_READ_BYTES];
    uint8_t tfs[RANK_LANES + KERNEL_READ_BYTES];
    float factors[RANK_LANES] __attribute__((aligned(64)));
    float norms[EVAL_FIELDS][RANK_LANES] __attribute__((aligned(64)));
    int32_t sums[RANK_LANES] __attribute__((aligned(64)));
} eval_few;
/* All but own, strips, and what they say of each post, which the caller sets; offers those that can
   win. */
void eval_few_begin(eval_few *f, evaluation *e, eval_cell *ec, const uint16_t *docs,
                    uint32_t count);
void eval_few_score(eval_few *f);
/* strips.c: finishes the cells with sums, of a union, of whose strips or of whose rare terms'
   postings few enough can win. The sum of a block that was scored has to be 0. */
anp_status eval_finish_strips(evaluation *e);

/* batches.c: candidates scored many at once; whether the query's candidates can be. */
bool eval_is_for_batches(const evaluation *e);
/* Of so many candidates of a block, in the mean, and more tfs are read block by block; with so many
   a block is scored by itself, each ordinal in its place. */
enum { EVAL_BLOCK_MANY = 8, EVAL_BLOCK_WHOLE = 64 };
/* Candidates of a cell that will be scored. */
typedef struct eval_waiting {
    uint32_t count, blocks;
    uint16_t docs[RANK_LANES + KERNEL_READ_BYTES];
    uint8_t block[RANK_LANES]; /* number; its candidates end before: */
    uint16_t ends[RANK_LANES];
} eval_waiting;
typedef struct eval_stretch { /* those of a block */
    uint32_t block;
    uint32_t from, end; /* places in the batch */
    uint64_t lanes[RANK_LANE_WORDS];
} eval_stretch;
typedef struct eval_batch {
    evaluation *e;
    uint8_t order[EVAL_TERMS_MAX]; /* of terms */
    uint32_t waiting; /* candidates of all cells */
    uint32_t enough;  /* then they are scored */
    eval_cell *ec;    /* whose candidates are scored: */
    uint32_t count;
    bool whole;         /* the ordinals of a block, each in its place: */
    uint32_t block;
    uint32_t run_count; /* 0: tfs are not read by block */
    eval_stretch runs[RANK_LANES / EVAL_BLOCK_MANY];
    uint64_t alive[RANK_LANE_WORDS]; /* candidates that may win */
    float rest; /* of terms that are left, where blocks have no bounds */
    bool normed[EVAL_FIELDS];
    uint8_t every[RANK_LANES]; /* 0, 1, 2 … */
    uint16_t docs[RANK_LANES];
    uint8_t tfs[RANK_LANES + KERNEL_READ_BYTES];
    float norms[EVAL_FIELDS][RANK_LANES] __attribute__((aligned(64)));
    float factors[RANK_LANES] __attribute__((aligned(64)));
    float least[RANK_LANES] __attribute__((aligned(64)));
    int32_t sums[RANK_LANES] __attribute__((aligned(64)));
} eval_batch;
void eval_batch_begin(evaluation *e, eval_batch *b);
/* Where the candidates of each block begin, of a cell that has lows of them. */
anp_status eval_block_starts(evaluation *e, eval_cell *ec);
/* The candidates of a block of a bounded cell; they are scored now or later. */
anp_status eval_batch_add(eval_batch *b, eval_cell *ec, uint32_t block);
/* Scores those that wait. */
void eval_batch_end(eval_batch *b);
/* Where the blocks of a lane's blocked container begin, which makes looking ordinals up cheaper;
   without memory they stay unknown. */
void eval_find_starts(evaluation *e, eval_lane *lane);
/* All candidates of a cell. */
anp_status eval_candidate_batches(evaluation *e, eval_cell *ec);

/* candidates.c */
/* Bits of what the filter, the sets and the dead leave; NULL: all. Excluded terms are not in it. */
anp_status eval_allowed(evaluation *e, eval_cell *ec, const uint64_t **words);
/* The same of a union's cell, without the posts that were scored by strips: those that are left. */
anp_status eval_unscored(evaluation *e, eval_cell *ec, const uint64_t **words);
bool eval_restricted_by_sets(const evaluation *e, const eval_cell *ec); /* or by the dead */
bool eval_restricted(const evaluation *e, const eval_cell *ec);         /* or by excluded terms */
anp_status eval_find_candidates(evaluation *e, eval_cell *ec);
/*
 * Where so many are expected that those of a block are found when it is scored, ec->late is made.
 * The tests are also built with few.
 */
#ifndef EVAL_LATE_LEAST
#define EVAL_LATE_LEAST 512
#endif
typedef struct eval_late {
    uint32_t blocks, found; /* that were looked at, and candidates in them */
    uint32_t count;         /* of required lists, the shortest first: */
    const list_view *lists[EVAL_TERMS_MAX];
    const uint16_t *starts[EVAL_TERMS_MAX]; /* of blocks, in those that are no bitsets */
} eval_late;
anp_status eval_find_late(evaluation *e, eval_cell *ec);
anp_status eval_candidate_words(evaluation *e, eval_cell *ec); /* makes bits of lows */
anp_status eval_candidate_docs(evaluation *e, eval_cell *ec);  /* and lows of bits */
/* The lows of a window's bits, the first `most`; how many. */
uint32_t eval_words_docs(const uint64_t *words, uint32_t most, uint16_t *docs);
uint64_t *eval_words(evaluation *e); /* room for the bits of a window */
/* The lists of the required terms in a cell, and those of pairs of a phrase's words in place of
   these words', shortest first; 0 when one of them has none. */
uint32_t eval_required_lists(const evaluation *e, const eval_cell *ec,
                             const list_view *lists[EVAL_LISTS_MAX]);
void eval_set_words(const evaluation *e, uint64_t *words, const uint16_t *docs, size_t count);
/* Excluded terms: whether a post holds one; bits without theirs, of which `count` are left. */
bool eval_is_excluded(evaluation *e, eval_cell *ec, uint16_t low);
anp_status eval_drop_excluded(evaluation *e, const eval_cell *ec, uint64_t *words,
                              uint32_t *count);

/* counting.c */
anp_status eval_count(evaluation *e, uint64_t *total);
/* The bits of a cell's matches in a union. */
anp_status eval_union_words(evaluation *e, eval_cell *ec, uint64_t *words);

/* phrase_pairs.c: what lists of pairs of words (index/pairs.h) say of phrases. */
anp_status eval_find_pairs(evaluation *e, eval_phrase *p);
typedef enum eval_pairs { EVAL_PAIRS_OPEN, EVAL_PAIRS_NOWHERE, EVAL_PAIRS_ALL } eval_pairs;
/* Of a phrase in a cell: nowhere, in every post that all of its pairs' lists hold, or not known. */
eval_pairs eval_pairs_say(const evaluation *e, const eval_cell *ec, const eval_phrase *p);
/* Whether each two neighbours of a phrase of three words and more have a list. */
bool eval_pairs_chain(const evaluation *e, const eval_cell *ec, const eval_phrase *p);
/* Adds their lists, and says in `covered` (by scoring term) whose lists they make needless; false:
   a phrase is nowhere in the cell. */
bool eval_pair_lists(const evaluation *e, const eval_cell *ec, const list_view **lists,
                     uint32_t *count, uint64_t *covered);

/* For the trace: how many cells list each pair, and what is known in the others. */
anp_status eval_trace_pairs(const evaluation *e);

/* phrases.c: keeps of *count ascending posts those that hold all the phrases; likewise of a cell's
   candidates. */
anp_status eval_phrases_hold(evaluation *e, eval_cell *ec, uint16_t *lows, uint32_t *count);
/* Whether positions are needed for some phrase in a cell. */
bool eval_phrases_open(const evaluation *e, const eval_cell *ec);
anp_status eval_phrases_keep(evaluation *e, eval_cell *ec);

/* What is not in the arena, but for the sets. */
static inline void eval_close(const evaluation *e) {
    free(e->positions);
}

static inline bool eval_is_constant(const eval_term *term) {
    return (int)term->lists->field == (int)EVAL_CONSTANT;
}

static inline bool eval_is_light(const eval_term *term) {
    return term->weight < EVAL_LIGHT_WEIGHT;
}

static inline const list_digest *eval_digest(const eval_lane *lane) {
    return &lane->term->lists->digests[lane - lane->term->lanes];
}

/* A contribution is rounded to a unit: by half of one, times the factor. */
static inline float eval_rounding_most(const evaluation *e) {
    return 0.5f * e->prior.factor_max * RANK_BOUND_ROUND;
}

static inline anp_status eval_nomem(const evaluation *e) {
    return error_nomem(e->err, "the evaluation of a query");
}

static inline bool eval_is_allowed(const uint64_t *allowed, uint32_t low) {
    return !allowed || (allowed[low / 64] >> (low % 64) & 1);
}

/* What a term adds to a post's score, in units. */
static inline int32_t eval_contribution(const evaluation *e, const cell *c, const eval_term *term,
                                        uint32_t low, uint32_t tf) {
    uint32_t length = cell_length(c, term->lists->field, e->title_weight, low);
    return (int32_t)rank_contribution(term->weight, tf, rank_norm_of(term->norm, length));
}

/* About the factor of a post; sums that it is multiplied with are compared with some room. */
static inline float eval_factor(const evaluation *e, const cell *c, uint32_t low) {
    return e->prior.blends ? eval_blend_factor(e, c, low) : 1;
}

/* What a posting contributes more than was made of it with a tf of 255, which stands for greater
   ones too; of an ordinal of the list. */
static inline int32_t eval_more_of(const eval_term *term, uint32_t tf, float norm) {
    return (int32_t)(rank_contribution(term->weight, tf, norm) -
                     rank_contribution(term->weight, UINT8_MAX, norm));
}
static inline int32_t eval_more_at(const evaluation *e, const eval_lane *lane, uint16_t low,
                                   float norm) {
    uint32_t rank = e->lists->rank(&lane->in->list, low);
    uint32_t tf = rank == UINT32_MAX ? UINT8_MAX : e->lists->tf(&lane->in->list, rank);
    return eval_more_of(lane->term, tf, norm);
}

/* A post with so many units, unless it cannot be kept or is excluded (of candidates the excluded
   are no longer there). */
static inline void eval_offer(evaluation *e, eval_cell *ec, uint16_t low, int32_t units,
                              float factor) {
    if (units > 0 && (float)units * factor >= e->theta * EVAL_SUM_ROUND) {
        eval_keep(e, ec, low, units);
    }
}

static inline uint32_t eval_cell_number(const evaluation *e, const eval_cell *ec) {
    return (uint32_t)(ec - e->cells);
}

/* Whether matches are candidates: something is required. Else they are a union of terms, or what
   one of them has. */
static inline bool eval_requires(const evaluation *e) {
    return !e->driver && (e->required_count || e->required_set_count || e->phrase_count);
}

/* What units times factor must reach where the worst post that is kept has this score, or ties. */
static inline float eval_threshold(double score) {
    return (float)(score * RANK_ONE) * 0.999999f;
}

static inline bool eval_top_full(const evaluation *e) {
    return top_is_full(e->top);
}

/*
 * Where no prior has a part and the heap is full: the units that a post of an ordinal from `docno`
 * on needs. Ties go to the lower ordinal, so that behind the worst post that is kept it is one
 * more.
 * As a float it is never too much: conversion keeps the order.
 */
static inline float eval_least_behind(const evaluation *e, uint32_t docno) {
    const scored *worst = &e->top->items[0];
    return e->top->capacity ? (float)(worst->units + (docno > worst->docno)) : 0;
}

/* Whether posts from a block on that have `bound` or less can still win. */
static inline bool eval_can_win(const evaluation *e, const cell *c, uint32_t block, float bound) {
    bool ties = !e->prior.blends && eval_top_full(e) &&
                bound < eval_least_behind(e, c->first + block * BLOCK_DOCS);
    return bound >= e->theta && !ties;
}

/* The next block that can still win; NULL: none is left. */
static inline anp_status eval_next_block(const evaluation *e, eval_order *order,
                                         const eval_block **out) {
    *out = NULL;
    do {
        for (; order->at < order->count && !*out; order->at++) {
            const eval_block *b = &order->blocks[order->at];
            bool wins = eval_can_win(e, e->cells[b->cell].c, b->block, b->bound * RANK_BOUND_ROUND);
            *out = wins ? b : NULL;
        }
        TRY(*out ? ANP_OK : eval_order_more(e, order));
    } while (!*out && order->count);
    return ANP_OK;
}

#endif
