/*
 * The twin of unit_build.c and tail.c: forward records of consecutive posts to references grouped
 * by term, facet value and field, by sorting them.
 *
 * A reference points into its record; records must outlive the result.
 */
#ifndef ANP_TESTS_INDEX_INVERT_H
#define ANP_TESTS_INDEX_INVERT_H

#include "base/vec.h"
#include "index/records.h"
#include "index/rows.h"

typedef struct term_ref {
    uint32_t term;
    uint32_t post;     /* index among the records */
    const uint8_t *at; /* its body tf in the record */
} term_ref;

typedef struct facet_ref {
    uint32_t value;
    uint32_t post;
} facet_ref;

typedef struct number_ref {
    uint32_t field;
    uint32_t post;
    double value;
} number_ref;

typedef struct inverted {
    uint32_t post_count;
    forward_head *heads;      /* by post */
    const uint8_t **sketches; /* by post */
    const uint8_t **ends;     /* of the records, by post */
    VEC(term_ref) terms;      /* by term, then post */
    VEC(facet_ref) facets;    /* by value, then post */
    VEC(number_ref) numbers;  /* by field, then post */
} inverted;

anp_status invert(const str *records, uint32_t count, inverted *out, anp_error *err);
void invert_free(inverted *in);

/* The references of one term: [from, to) of in->terms. */
void invert_find_term(const inverted *in, uint32_t term, size_t *from, size_t *to);
void invert_find_facet(const inverted *in, uint32_t value, size_t *from, size_t *to);
void invert_find_field(const inverted *in, uint32_t field, size_t *from, size_t *to);

/* Appends the posting that a reference points at. */
anp_status rows_add_forward(term_rows *rows, uint16_t low, const uint8_t *at, const uint8_t *end,
                            anp_error *err);

#endif
