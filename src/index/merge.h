/* Merging the segments of a full window into one unit, and whole windows into groups, a step at a
   time. */
#ifndef ANP_INDEX_MERGE_H
#define ANP_INDEX_MERGE_H

#include "base/pool.h"
#include "index/catalog.h"

/* Whether a window is being merged, or could be. */
bool merge_window_pending(const catalog *c);

/* Whether a window or a group is. */
bool merge_pending(const catalog *c);

/*
 * Merges on, a window if one is pending, else a group, until about `bytes` were written or it is
 * whole, inside txn; changes c and saves its state. *done: no merge is pending any more. Readers
 * see each key either in the window's unit or in its segments, as the merge cursor in the catalog
 * says. p: threads that help, or NULL; the same is written at any number of them.
 */
anp_status merge_step(pool *p, store_txn *txn, catalog *c, uint64_t bytes, bool *done,
                      anp_error *err);

#endif
