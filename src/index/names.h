/*
 * What a drafter's numbers are in the index: terms, fields, facet values. The strings are kept, so
 * that a transaction that was dropped costs a look-up each and not the drafts.
 *
 * Terms are mapped when the batch is inverted, so other terms need other names; fields and facets
 * are mapped when a post is taken, so they may begin anew in the same ones.
 */
#ifndef ANP_INDEX_NAMES_H
#define ANP_INDEX_NAMES_H

#include "index/draft.h"
#include "index/numbers.h"

typedef struct names {
    unsigned references;
    arena memory; /* of terms */
    arena meta;   /* of fields and facets */
    VEC(str) term_texts;
    VEC(draft_field) field_texts;
    VEC(draft_facet) facet_texts;
    /* By the drafter's number; what is not yet looked up lies behind their counts. */
    VEC(uint32_t) terms;
    VEC(uint32_t) fields; /* DRAFT_NONE: the catalog has no room for it */
    VEC(uint32_t) facets; /* likewise */
} names;

/* One reference, the caller's. NULL when memory is out. */
names *names_new(void);
void names_release(names *n); /* NULL is allowed */

/* How far a draft's fresh strings were taken. */
typedef struct names_taken {
    bool begun;
    size_t terms, fields, facets;
} names_taken;

/* Takes a draft's further strings. */
anp_status names_extend(names *n, const draft *from, names_taken *taken, anp_error *err);

/* What the strings are numbered in: those of a write transaction. */
typedef struct names_index {
    store_txn *txn;
    catalog *catalog;
    numbers *terms;
    numbers *values;
    bool fields_changed;
} names_index;

/* Looks up or makes the numbers of all strings that have none. */
anp_status names_resolve(names *n, names_index *index, anp_error *err);

/* Forgets the numbers: they were never committed, or others have committed since. */
void names_forget(names *n);

#endif
