/* The posts that a batch deleted, put into the table of deleted ordinals: a bitmap a window. */
#ifndef ANP_INDEX_DELETED_H
#define ANP_INDEX_DELETED_H

#include "postings/bitmap.h"
#include "store/store.h"

/* Adds them to those of before. */
anp_status deleted_save(store_txn *txn, const bitmap *deleted, anp_error *err);

#endif
