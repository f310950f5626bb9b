/*
 * A rewrite: a whole index file written from front to back, for compaction and backup. It is what
 * LMDB itself would have made of the same entries, but every page full, in key order, none free,
 * and with the memory of a few pages.
 *
 *     put ─> leaf of its table ─full─> next free page of the file ─> its first key to the branch
 *            │                                                       above ─full─> …
 *            └─ large value: whole pages at once
 *
 *     page  0      1      2 …                                                     last
 *          | meta | meta | leaves, branches and values of all tables as they fill | main tree |
 *
 * Entries of different tables may come in any mixture, the keys of one table in ascending order
 * (meta: in any). The file grows in a temporary name beside its place (create.c) and gets its name
 * when it is whole and synced; it is dropped with its maker's life otherwise.
 *
 * Threads: one at a time. Costs one pass of writing and one of reading back.
 */
#ifndef ANP_STORE_REWRITE_H
#define ANP_STORE_REWRITE_H

#include "store/store.h"

typedef struct store_rewrite store_rewrite;

/*
 * Begins a file that is to be `path`, or, with path NULL, to take the place of the index that
 * `txn` writes to. `txn` also gives the page size and the number of the commit that the new file
 * will be: its own number (a writer's, the one it would commit). It is borrowed.
 */
anp_status store_rewrite_open(store_txn *txn, const char *path, store_rewrite **out,
                              anp_error *err);

/* ANP_INVALID when key is not above the last one of its table. The store's own records of meta
   ("format", "tables") are made by the rewrite. */
anp_status store_rewrite_put(store_rewrite *p, store_table table, store_key key, str value,
                             anp_error *err);

/* Bytes written so far. */
uint64_t store_rewrite_bytes(const store_rewrite *p);

/*
 * Puts what is still held back, syncs, reads the file back and checks all of it: it is whole, in
 * its temporary name, which store_rewrite_path tells. ANP_IO when the disk has not what was
 * written.
 */
anp_status store_rewrite_finish(store_rewrite *p, anp_error *err);
const char *store_rewrite_path(const store_rewrite *p);

/* Gives a finished file its name, durably, with its witness. ANP_BUSY when the name is taken:
   nothing is overwritten. */
anp_status store_rewrite_publish(store_rewrite *p, anp_error *err);

/*
 * Puts a finished file in the place of the index that the writing `txn` of store_rewrite_open
 * belongs to, and ends txn in any case. replace.c says how others notice.
 */
anp_status store_rewrite_replace(store_rewrite *p, store_txn *txn, anp_error *err);

/* Removes what was not published. NULL is allowed. */
void store_rewrite_close(store_rewrite *p);

/* Asked now and then how far a long work is, in bytes; false stops it with ANP_CANCELLED. */
typedef struct store_watch {
    bool (*ask)(void *user, uint64_t done, uint64_t whole); /* NULL: nobody asks */
    void *user;
} store_watch;

/*
 * A copy of the last commit at `path`, every value's checksum checked on the way, durable, without
 * free pages, with a witness of its own. Others may read and write meanwhile; what they write while
 * it runs makes the source grow, since its pages are kept from reuse. ANP_BUSY when something has
 * that name. *bytes (may be NULL): of the copy.
 */
anp_status store_backup(store *s, const char *path, store_watch watch, uint64_t *bytes,
                        anp_error *err);

#endif
