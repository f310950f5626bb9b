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
 *
 * Fresh strings of one commit, each of which would change another block, are put as a run instead:
 * sorted blocks of their own, one behind the other in the table's table of runs, under the run's
 * number and the key as above. The few strings of a small commit go into the block of the newest
 * run, if that has but one, until it is full. The table's strings are those in its blocks and in
 * its runs, no one twice:
 *
 *     00 "hash-3"      hash-02 911, … hash-3 904
 *     00 ff ff ff      hash-31 977, … zulu 902
 *     01 ff ff ff      hash-7 1021, … yaml 1020
 *
 * Once there are RUNS_MAX of them, the last ones are joined into one, in one transaction, if they
 * are small (numbers_join.c). Else steps move the least strings of all runs into the blocks of the
 * table, each step in a transaction of its own: what it moves is out of the runs with the same
 * commit, so steps may be interrupted anywhere, and go on with the next commit of fresh strings.
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
    uint64_t *filter;       /* of all strings: numbers_filter.c; NULL until it pays */
    unsigned filter_log2;   /* of its lines */
    uint32_t vain;          /* look-ups in vain without it */
    bool merge_due;         /* after numbers_save: there are RUNS_MAX runs */
    bool moving;            /* their strings, by steps that are not done */
    uint32_t join_blocks;   /* of runs that are joined; 0: RUN_JOIN_BLOCKS */
} numbers;

anp_status numbers_of(numbers *n, store_txn *txn, str text, uint32_t *number, anp_error *err);

/*
 * The same for who looks many strings up: what each step looks at is fetched into the cache, a step
 * for several strings before the next one, so that their misses overlap; then numbers_of_hashed.
 */
enum { NUMBERS_FETCHES = 3 };
uint64_t numbers_hash(str text);
void numbers_fetch(const numbers *n, uint64_t hash, unsigned step); /* 0 to NUMBERS_FETCHES - 1 */
anp_status numbers_of_hashed(numbers *n, store_txn *txn, str text, uint64_t hash, uint32_t *number,
                             anp_error *err);

/* Puts the fresh ones. */
anp_status numbers_save(numbers *n, store_txn *txn, anp_error *err);

/* Memory that the cache holds. */
size_t numbers_bytes(const numbers *n);

/* Forgets everything, fresh ones too: after an abort, or when others may have committed. */
void numbers_clear(numbers *n);

/* Empties the cache when it has grown too large; after a commit. */
void numbers_clear_cache(numbers *n);

/*
 * Joins the last runs, or moves strings from all of them into the table until about `bytes` are
 * written, in a transaction that has written neither; *done: there is room for runs again. The
 * steps begin when merge_due is set, and go on until *done. Some 20 us a block of the table that
 * strings fall into, 0.2 us a string of runs that are joined.
 */
anp_status numbers_merge_step(numbers *n, store_txn *txn, size_t bytes, bool *done,
                              anp_error *err);

/* The number of a string of the table; ANP_NOT_FOUND (no error text) when it has none. */
anp_status numbers_find(store_txn *txn, store_table table, str text, uint32_t *number,
                        anp_error *err);

/* Every string that is not less than `from`, in byte order, runs included; visit returns false to
   stop. */
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
 * Checks a whole table and its runs: blocks whole, strings under the right keys and none twice,
 * numbers exactly 0 to end - 1, each once. ANP_CORRUPT says the first thing that is wrong. A bit a
 * number of memory.
 */
anp_status numbers_verify(store_txn *txn, store_table table, uint32_t end, anp_error *err);

#endif
