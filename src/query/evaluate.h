/*
 * The evaluator: the k best posts and the number of matches, without scoring every match.
 *
 *     plan ─> shape ─┬─ one term:   champions; codes of bounds ─> best blocks first ─> heap
 *                    ├─ union:      bounds of all blocks ─> best blocks first ─> lanes ─> heap
 *                    └─ candidates: sets of each cell ─> bounds of their blocks ─> … ─> heap
 *                                                                  ^                     │
 *                                                                  └───── threshold ─────┘
 *
 * A cell (index/cells.h) has 256 blocks of 256 ordinals. Every list says for each of its blocks, or
 * for each posting while it has fewer than 256, what no impact exceeds, with and without the prior
 * (rank/bounds.h). The bounds of a query's terms are added up lane by lane; blocks that can still
 * win are scored, the best bounds first, until none reaches the worst post that is kept.
 *
 * Long lists also name their best postings, the champions and runners-up: mostly all that a query
 * of one word needs (one_term.c), and, where the bounds of blocks are flat, all that a union needs
 * in a cell (champions.c).
 *
 * Of a block only the ordinals that have all its mandatory terms are looked at: those that the
 * query requires, and those without which the others' bounds do not reach the threshold. Where one
 * term is required, and nothing else, no set of candidates is made; excluded terms are looked up
 * last. Candidates are scored many at a time, those of several blocks together (batches.c).
 *
 * The answer is that of full evaluation (match.h, score.h) to the bit: what is skipped is skipped
 * by bounds that are true for any k1, b, weights, blend, filter and deletes, and a score is made by
 * the same functions.
 *
 * It answers all of the language. What counts in some posts only (a phrase, a value or a group
 * that is optional beside others) has its lists cut to these posts, so that each posting of each
 * list counts wherever it is in a match (where.c); up to four such parts are answered as queries
 * with and without them instead (alternatives.c). Words of body: have lists that are made of the
 * combined text's (index/cells.h). Full evaluation answers what is to be explained, more than 64
 * terms, more than 64 phrases and values, and boosts so great that 32 bits do not hold their sums.
 */
#ifndef ANP_QUERY_EVALUATE_H
#define ANP_QUERY_EVALUATE_H

#include "query/score.h"

typedef struct evaluate_request {
    query_plan *plan;
    const bitmap *filter; /* NULL: none */
    const rank_settings *rank;
    bool count; /* the number of matches is wanted too */
    uint32_t k; /* 0: only the number */
} evaluate_request;

/* What an evaluation did, for --trace and tests. */
typedef struct evaluate_trace {
    bool in_full;            /* every match was scored; the numbers below are 0 */
    uint32_t terms, lists;   /* that score, and their lists in all cells */
    uint64_t list_bytes;     /* of those lists, positions apart not counted */
    uint32_t cells, cells_skipped;
    uint32_t blocks;         /* bounds looked at */
    uint32_t blocks_scored;
    uint64_t strips;         /* of blocks that were not scored: strips that were, */
    uint64_t strip_posts;    /* and posts that were, of other strips */
    uint64_t postings;       /* added to accumulators */
    uint64_t champions;      /* postings that were taken as such, runners-up too */
    uint64_t probes;         /* ordinals looked up in a list */
    uint64_t phrases;        /* posts whose positions were looked at */
    uint64_t pairs;          /* lists of two words side by side that were taken for phrases */
    arena *memory;           /* NULL, or where to keep: */
    str pair_lines;          /* what is known of each two words of a phrase, a line each */
    double plan_us, rank_us, fetch_us; /* set by query.c */
} evaluate_trace;

/*
 * *answered false: the plan is not of a kind that is known here, or its terms weigh too much for
 * 32-bit sums; nothing else is set then. The items of top are in `scratch`. *total is set where it
 * was asked for.
 */
anp_status evaluate(snapshot *s, const evaluate_request *request, arena *scratch, top_list *top,
                    uint64_t *total, bool *answered, evaluate_trace *trace, anp_error *err);

#endif
