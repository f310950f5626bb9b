/*
 * The log: appending a batch's posts as forward records, which threads make; viewing what is there.
 */
#ifndef ANP_INDEX_LOG_H
#define ANP_INDEX_LOG_H

#include "base/pool.h"
#include "index/catalog.h"
#include "index/forward.h"

/* The records of posts from ordinal `first` on. p may be NULL. */
anp_status log_append(pool *p, store_txn *txn, uint32_t first, const forward_view *posts,
                      uint32_t count, anp_error *err);

/* What the log's records are read into: their views point there. Zero at first. */
typedef struct log_records {
    str *records;
    char *bytes;
    arena memory;
} log_records;

/* Views of all posts of state's log. Free `read` in any case, with log_records_free. */
anp_status log_view(store_txn *txn, const catalog_state *state, log_records *read,
                    forward_view *views, anp_error *err);
void log_records_free(log_records *read);

#endif
