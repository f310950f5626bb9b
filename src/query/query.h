/*
 * A query from its text to ranked hits.
 *
 *     text ─> parse ─> plan ─┬─> evaluate ──────┬─> heap of k ─> fetch k rows ─> hits
 *             (ast)   (terms, └─> match ─> score ┘   (score desc,  (id, title,
 *                      stats)    (all of them)        docno asc)    snippet)
 *
 * evaluate.h answers without scoring every match; what is to be explained, more than 64 words and
 * huge boosts are left to full evaluation, which is also what the evaluator is tested against.
 */
#ifndef ANP_QUERY_QUERY_H
#define ANP_QUERY_QUERY_H

#include "anpsearch.h"
#include "index/snapshot.h"
#include "rank/bm25.h"

typedef struct query_request {
    str text;
    str filter; /* empty: none */
    uint32_t flags; /* ANP_QUERY_… */
    uint32_t k;
    uint32_t offset;
    uint32_t snippet_words;
    str mark_open;
    str mark_close;
    rank_settings rank;
    bool in_full;                  /* full evaluation, whatever the query */
    struct evaluate_trace *trace;  /* NULL: not wanted */
} query_request;

/* One clause's share in a hit's score. */
typedef struct query_part {
    str name;      /* "cache", "title:redis", "\"rollback note\"", "difficulty:beginner" */
    double boost;  /* times how often the clause stands in the query */
    uint64_t df;
    double idf;
    uint32_t tf;
    uint32_t length;
    double length_average;
    double norm;
    double score; /* what it adds to bm25, as the fixed-point sum has it */
    bool constant; /* no term: the score is the boost */
} query_part;

typedef struct query_explanation {
    query_part *parts;
    size_t part_count;
    double scores[RANK_SCORES]; /* 0 to 100 */
    double prior;
    double factor; /* 1 + blend (2 prior - 1) */
    uint64_t post_count;
} query_explanation;

typedef struct query_answer {
    anp_hit *hits; /* ranks offset + 1 …; id and title are "" where only ordinals are wanted */
    size_t hit_count;
    const query_explanation **explanations; /* by hit; NULL when not asked for */
    uint64_t total; /* posts that match, filter included */
    str note;       /* what was taken as words; data NULL: nothing */
} query_answer;

/* Answers live in perm. Statuses as anp_query. */
anp_status query_run(snapshot *s, const query_request *request, arena *perm, query_answer *out,
                     anp_error *err);

/*
 * The posts that an unscored expression selects (live only), as the filter of a query; the caller
 * frees it.
 */
anp_status query_filter(snapshot *s, str expression, bitmap **out, anp_error *err);

#endif
