/*
 * Numbers of strings that a table keeps (terms, facet values), with a cache in front: looked up
 * once, new ones numbered at once and put in byte order at the commit.
 *
 * The table holds blocks (numbers_block.h) under the last string that each may hold; the last
 * block's key is above every string:
 *
 *     "cacti"     adapt 9, … cache 7, cached 300, cacti 5
 *     "letter"    cad 812, … let 90
 *     ff ff ff    level 2, … zone 88
 *
 * So a string lies in the block of the first key that is not less, a new one changes the value of
 * one key, and a block that is too full is split by keys that are new. Some 6 to 9 bytes a term.
 */
#ifndef ANP_INDEX_NUMBERS_H
#define ANP_INDEX_NUMBERS_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/intern.h"
#include "base/vec.h"
#include "index/numbers_block.h"
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

/* Memory that the cache holds. */
size_t numbers_bytes(const numbers *n);

/* Forgets everything, fresh ones too: after an abort, or when the cache has grown over `bytes`. */
void numbers_clear(numbers *n);

/* The number of a string of the table; ANP_NOT_FOUND (no error text) when it has none. */
anp_status numbers_find(store_txn *txn, store_table table, str text, uint32_t *number,
                        anp_error *err);

/* Every string that is not less than `from`, in byte order; visit returns false to stop. */
anp_status numbers_walk(store_txn *txn, store_table table, str from,
                        bool (*visit)(void *user, str text, uint32_t number), void *user,
                        anp_error *err);

/*
 * Writes a whole table: strings come in byte order, blocks go out, full ones, in the order of their
 * keys. The last one is put by numbers_packer_finish. numbers_packer_free in any case.
 */
typedef struct numbers_packer {
    store_table table;
    unsigned bits; /* of the greatest number: numbers_bits */
    anp_status (*put)(void *user, store_table table, str key, str block, anp_error *err);
    void *user;
    arena memory; /* of the strings held */
    VEC(struct numbered) held;
    buffer block;
} numbers_packer;

anp_status numbers_packer_add(numbers_packer *p, str text, uint32_t number, anp_error *err);
anp_status numbers_packer_finish(numbers_packer *p, anp_error *err);
void numbers_packer_free(numbers_packer *p);

/*
 * Checks a whole table: blocks whole, strings in order and under the right keys, numbers exactly
 * 0 to end - 1, each once. ANP_CORRUPT says the first thing that is wrong. A bit a number of
 * memory.
 */
anp_status numbers_verify(store_txn *txn, store_table table, uint32_t end, anp_error *err);

#endif
