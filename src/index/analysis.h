/* A post analysed: words of title and body to hits, meta to numbers and facets, body to a
   sketch; then its forward record. */
#ifndef ANP_INDEX_ANALYSIS_H
#define ANP_INDEX_ANALYSIS_H

#include "index/catalog.h"
#include "index/forward.h"
#include "index/numbers.h"
#include "post/post.h"
#include "text/analyzer.h"

typedef struct analysis {
    analyzer *analyzer;
    catalog *catalog;
    numbers *terms;
    numbers *values;
    bool fields_changed;
    VEC(forward_hit) hits; /* scratch of one post, kept for its memory */
    VEC(uint32_t) facets;
    VEC(forward_number) numbers;
} analysis;

/* Appends the post's forward record to out. ANP_BAD_POST when it breaks a limit; then nothing
   was appended. */
anp_status analysis_run(analysis *a, store_txn *txn, const post *post, forward_head *head,
                        buffer *out, anp_error *err);
void analysis_free(analysis *a);

#endif
