/* The index handle: one open file with its settings, and what its snapshots share. */
#ifndef ANP_INDEX_INDEX_H
#define ANP_INDEX_INDEX_H

#include "index/catalog.h"
#include "index/tail.h"
#include "store/store.h"

typedef struct index_handle index_handle;

/* As anp_index_open. */
anp_status index_open(const char *path, unsigned flags, const anp_index_options *options,
                      index_handle **out, anp_error *err);
void index_close(index_handle *index);

store *index_store(index_handle *index);

/* Opened for writing: a read-only handle may share the environment of a writable one. */
bool index_writable(const index_handle *index);
const catalog_settings *index_settings(const index_handle *index);

/*
 * The dictionary of that id, kept for the life of the handle and shared; *out NULL for id 0. Any
 * thread.
 */
anp_status index_dictionary(index_handle *index, store_txn *txn, uint32_t id,
                            const dictionary **out, anp_error *err);

/* The row of a post, in place: its id, and its frame, if posts are stored. ANP_CORRUPT when it is
   not there. */
anp_status index_row(store_txn *txn, uint32_t docno, str *id, str *frame, anp_error *err);

/* The same as snapshot_stored gives it. */
struct stored_post;
anp_status index_stored(index_handle *index, store_txn *txn, uint32_t docno,
                        struct stored_post *out, anp_error *err);

/* The tail of a transaction's state, shared with other snapshots of the same one and built on the
   newest that is known: one thread reads what is new, the others wait for it. Give it back with
   index_tail_release. */
anp_status index_tail(index_handle *index, store_txn *txn, const catalog_state *state, tail **out,
                      anp_error *err);
void index_tail_release(index_handle *index, tail *t);

#endif
