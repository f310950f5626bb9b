/* Table deleted: the dead posts of a window, a set (postings/bitmap.h), by the window's number. */
#ifndef ANP_INDEX_DELETED_H
#define ANP_INDEX_DELETED_H

#include "postings/bitmap.h"
#include "store/store.h"

/* Adds ordinals to what is there. ANP_CORRUPT, ANP_NOMEM. */
anp_status deleted_add(store_txn *txn, const bitmap *docnos, anp_error *err);

#endif
