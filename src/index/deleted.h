/*
 * The posts that a batch deleted, put into the table of deleted ordinals: a bitmap a window. Their
 * postings, columns and sketches stay until a compaction. What is stored of them goes sooner, many
 * at once: from each PURGE_POSTS ordinals when PURGE_DEAD more of them are dead; small posts are
 * then put close together, so that pages come free: up to 16 for each that died.
 */
#ifndef ANP_INDEX_DELETED_H
#define ANP_INDEX_DELETED_H

#include "postings/bitmap.h"
#include "store/store.h"

/* Adds them to those of before. docno_end: of all posts, for those near it are still read. */
anp_status deleted_save(store_txn *txn, const bitmap *deleted, uint32_t docno_end, anp_error *err);

#endif
