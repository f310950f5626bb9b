/*
 * The index file: environment, transactions, tables. Knows bytes, not meaning. The one door to
 * LMDB.
 *
 * What it adds to LMDB: a checksum on every value, checked when it is read (once a process for
 * large ones); a count and an order-free set-hash for every table, kept in the same transaction; a
 * witness file beside the index that notices a rolled-back or torn file; one environment per file
 * and process; creation by rename; named errors for a full disk, a truncated file, a foreign file
 * system, another format.
 *
 * Threads: a store may be used by many; a transaction by one at a time. One write transaction at a
 * time over all processes: store_begin_write waits.
 */
#ifndef ANP_STORE_STORE_H
#define ANP_STORE_STORE_H

#include "anpsearch.h"
#include "base/str.h"
#include "store/schema.h"

typedef struct store store;
typedef struct store_txn store_txn;
typedef struct store_cursor store_cursor;

/* A key of either kind, as the table's key_kind says. */
typedef union store_key {
    str bytes;
    uint64_t number;
} store_key;

static inline store_key store_key_bytes(str bytes) {
    return (store_key){.bytes = bytes};
}

static inline store_key store_key_u64(uint64_t number) {
    return (store_key){.number = number};
}

/*
 * Opens an index that exists. ANP_NOT_FOUND when there is none; ANP_FORMAT when it is none of ours
 * or of another version (says what to do); ANP_CORRUPT when it is cut or rolled back behind its
 * witness; ANP_IO otherwise. With `writable` false nothing on the medium is changed if it is
 * read-only (a lock file is used where one can be made). A second open of the same file (device
 * and inode) in the process gives the same environment with a count.
 */
anp_status store_open(const char *path, bool writable, store **out, anp_error *err);

/*
 * Makes an index at path, all at once: in a temporary name beside it, `init` fills the first
 * transaction, sync, then a rename that never overwrites (ANP_BUSY when somebody else was first:
 * open theirs). Does not leave it open.
 */
anp_status store_create(const char *path,
                        anp_status (*init)(void *user, store_txn *txn, anp_error *err), void *user,
                        anp_error *err);

/* The last close of a file ends its environment. NULL is allowed. All transactions must have
   ended. */
void store_close(store *s);

const char *store_path(const store *s);
bool store_writable(const store *s);

/*
 * Changes when another process compacted the index and this store followed to the new file: what
 * was remembered of records by their keys holds no longer. (Numbers of transactions go on.)
 */
uint64_t store_generation(const store *s);

/* A consistent view of the last commit. Cheap (a slot in the reader table). */
anp_status store_begin_read(store *s, store_txn **out, anp_error *err);

/*
 * The one writer; waits while there is another, in this process or another one. Where snapshots
 * keep so many pages that the file grows (readers.c), it also waits up to 50 ms for them.
 */
anp_status store_begin_write(store *s, store_txn **out, anp_error *err);

/* Whether this thread began the write transaction: only it may write with it, commit or abort
   it. */
bool store_in_own_thread(const store_txn *txn);

/* Whether it is a write transaction. */
bool store_is_writing(const store_txn *txn);

/*
 * Durable when it returns ANP_OK: data and meta page synced, then the witness. Frees txn in any
 * case. After a failure (ANP_NOSPACE, ANP_IO) nothing committed before is lost; the batch itself is
 * there as a whole or not at all (nearly always). If it was the meta page that could not be
 * written, the next transaction waits for the others of this process to end (two seconds, then
 * ANP_IO), since LMDB is closed and opened again.
 */
anp_status store_commit(store_txn *txn, anp_error *err);

/*
 * Takes the file's pages out of this process's resident memory, when those of all mapped files are
 * more than `above` bytes (0: always; where the system does not tell, only then). They stay in the
 * system's cache and come back when they are read. At any time, also while a transaction of the
 * same thread is open: so a bulk build's memory does not grow with the file.
 */
void store_forget_pages(store *s, uint64_t above);

/* The same now and then, for who reads much of the file value by value, and calls this for each:
   some systems map a megabyte of a file just written for the page that is read. Not for queries,
   which will want the same pages again. */
void store_read_on(store_txn *txn);

/* Ends a read transaction, or drops a write transaction's changes. NULL is allowed. */
void store_abort(store_txn *txn);

/* LMDB's transaction number: grows by one with each commit. */
uint64_t store_txn_number(const store_txn *txn);

/*
 * The payload under key, in place. Of a table that this transaction has not written: valid until
 * the transaction ends, whatever it writes or deletes meanwhile, that table included. Of one that
 * it has written: only until its next write to any table, which may move the value (LMDB also
 * writes changed pages out when a transaction has more than 131,071 of them).
 *
 * ANP_NOT_FOUND leaves *out empty and fills no error text (it is often no error); ANP_CORRUPT when
 * the checksum differs, or when what should be there may have been lost to damage (guard.h).
 */
anp_status store_get(store_txn *txn, store_table table, store_key key, str *out, anp_error *err);

/*
 * The entry of the first key that is not less, with one search and no cursor; in place as with
 * store_get. ANP_NOT_FOUND (no error text) when every key is less.
 */
anp_status store_get_at_least(store_txn *txn, store_table table, store_key key, store_key *found,
                              str *out, anp_error *err);

/*
 * For tables of u64 keys where some values stand for all keys from the one before up to their own,
 * and have the bit `mark` in it: the value under key, or else that of the first greater key if that
 * one has the mark. Otherwise as store_get.
 */
anp_status store_get_cover(store_txn *txn, store_table table, uint64_t key, uint64_t mark,
                           uint64_t *found, str *value, anp_error *err);

/*
 * Both without the guard against what damage hides, which costs a look at the neighbours: what
 * such a value holds is there (its checksum says so), but what it does not hold, or ANP_NOT_FOUND,
 * is only to be believed of the functions above.
 */
anp_status store_peek_at_least(store_txn *txn, store_table table, store_key key, store_key *found,
                               str *out, anp_error *err);
anp_status store_peek_cover(store_txn *txn, store_table table, uint64_t key, uint64_t mark,
                            uint64_t *found, str *value, anp_error *err);

/* Puts or replaces. With `append`, key must be greater than every key of the table (much
   faster); else ANP_INVALID. */
anp_status store_put(store_txn *txn, store_table table, store_key key, str value, bool append,
                     anp_error *err);

/* ANP_NOT_FOUND when there is no such key (no error text). */
anp_status store_delete(store_txn *txn, store_table table, store_key key, anp_error *err);

/* Deletes every u64 key in [from, to). */
anp_status store_delete_range(store_txn *txn, store_table table, uint64_t from, uint64_t to,
                              anp_error *err);

/*
 * Puts the values of the u64 keys in [from, to), and of some behind them, into fewer pages, where
 * some between them were deleted. Does nothing when one of them is larger than a sixth of a page.
 */
anp_status store_tighten(store_txn *txn, store_table table, uint64_t from, uint64_t to,
                         anp_error *err);

/*
 * Walks a table in key order. After store_seek(…) or store_next(…) returned ANP_OK, key and value
 * are set; ANP_NOT_FOUND is the end. Values are checked as in store_get. The table must not be
 * written while a cursor is open on it.
 */
anp_status store_cursor_open(store_txn *txn, store_table table, store_cursor **out, anp_error *err);
anp_status store_seek(store_cursor *cursor, store_key at_least, store_key *key, str *value,
                      anp_error *err);
anp_status store_next(store_cursor *cursor, store_key *key, str *value, anp_error *err);
/* The greatest key of the table. */
anp_status store_last(store_cursor *cursor, store_key *key, str *value, anp_error *err);
void store_cursor_close(store_cursor *cursor);

typedef struct store_table_size {
    uint64_t entries;
    uint64_t bytes; /* pages in use */
} store_table_size;

anp_status store_table_measure(store_txn *txn, store_table table, store_table_size *out,
                               anp_error *err);

/* Bytes of the file. */
anp_status store_file_bytes(store *s, uint64_t *out, anp_error *err);

/*
 * Checks the file itself: quick = header, size, witness, counts against LMDB's own; full = every
 * value's checksum, key order, counts and set-hashes too. One report line for each thing that is
 * wrong; *problems counts them. ANP_OK also when problems were found; other statuses when the
 * check itself could not be done.
 */
anp_status store_verify(store *s, bool full, void (*report)(void *user, const char *line),
                        void *user, uint64_t *problems, anp_error *err);

#endif
