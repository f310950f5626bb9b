/*
 * Scores: window by window an array of fixed-point sums, one a post, filled term by term; then the
 * heap.
 *
 *     cache ──┐                   ┌ sums[0] 0
 *     redis ──┼─ postings of the ─┼ sums[1] 6312201 ─ matches? ─ blend with its prior ─> heap of k
 *     …     ──┘  window           └ …
 */
#ifndef ANP_QUERY_SCORE_H
#define ANP_QUERY_SCORE_H

#include "query/plan.h"
#include "query/query.h"

/* What adds to a score. Equal terms of one group are one scorer, with their boosts added up. */
typedef struct scorer {
    const plan_term *term; /* NULL: a constant */
    const plan_node *node; /* where it stands */
    const bitmap *where;   /* the posts in which it counts */
    double boost;
    double idf;
    float weight;
    rank_norm norm;
    int64_t constant; /* units */
} scorer;

typedef struct scorer_list {
    scorer *items;
    size_t count;
} scorer_list;

/* After match_run. */
anp_status scorers_make(snapshot *s, const query_plan *plan, const rank_settings *rank, arena *perm,
                        scorer_list *out, anp_error *err);

typedef struct scored {
    double score;
    double prior;
    int64_t units; /* bm25 */
    uint32_t docno;
} scored;

/* The best: score descending, then docno ascending. Once there are as many as capacity, no post
   that is worse than the first one is kept; more of them may be there until the end. */
typedef struct top_list {
    scored *items; /* in the arena of top_make */
    size_t count;
    size_t capacity;
    size_t sunk;       /* offers that were put into the heap (topk.c) */
    size_t full, more; /* of a pool: when room is made, and how many come until then; 0: a heap */
} top_list;

/* The items lie in `memory`; false: it is out. */
bool top_make(top_list *top, size_t capacity, arena *memory);

static inline bool top_is_full(const top_list *top) {
    return top->count >= top->capacity;
}

void top_offer(top_list *top, double score, double prior, int64_t units, uint32_t docno);
/* The same of several. */
void top_offer_all(top_list *top, const double *scores, const double *priors, const int32_t *units,
                   const uint32_t *docnos, uint32_t count);
/* Takes out what is in [docno, docno + count), of a list whose capacity is at most TOP_DROP_MAX. */
enum { TOP_DROP_MAX = 255 };
void top_drop(top_list *top, uint32_t docno, uint32_t count);
/* Best first, no more than capacity; no offers after it. The items may be others then, in
   `memory`. */
void top_sort(top_list *top, arena *memory);

/* Scores every post of `posts` and offers it. */
anp_status score_run(snapshot *s, const scorer_list *scorers, const bitmap *posts,
                     const rank_settings *rank, top_list *top, anp_error *err);

/* A term's part in one post: tf 0 when it is not there. */
anp_status score_posting(snapshot *s, const plan_term *term, uint32_t docno, arena *scratch,
                         uint32_t *tf, uint32_t *length, anp_error *err);

#endif
