/*
 * Numbers of strings that a table keeps (terms, facet values), with a cache in front: looked up
 * once, new ones numbered at once and put in byte order at the commit.
 */
#ifndef ANP_INDEX_NUMBERS_H
#define ANP_INDEX_NUMBERS_H

#include "base/intern.h"
#include "base/vec.h"
#include "store/store.h"

typedef struct numbers {
    store_table table;
    uint32_t *next; /* the catalog's counter */
    intern cache;
    VEC(uint32_t) by_cache; /* number by place in the cache */
    VEC(uint32_t) fresh;    /* places in the cache of strings not yet in the table */
} numbers;

anp_status numbers_of(numbers *n, store_txn *txn, str text, uint32_t *number, anp_error *err);

/* Puts the fresh ones. */
anp_status numbers_save(numbers *n, store_txn *txn, anp_error *err);

/* Forgets everything, fresh ones too: after an abort, or when the cache has grown over `bytes`. */
void numbers_clear(numbers *n);

#endif
