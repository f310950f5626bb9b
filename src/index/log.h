/*
 * Appending to the log: a batch's posts as forward records, made by threads.
 */
#ifndef ANP_INDEX_LOG_H
#define ANP_INDEX_LOG_H

#include "base/pool.h"
#include "index/forward.h"
#include "store/store.h"

/* The records of posts from ordinal `first` on. p may be NULL. */
anp_status log_append(pool *p, store_txn *txn, uint32_t first, const forward_view *posts,
                      uint32_t count, anp_error *err);

#endif
