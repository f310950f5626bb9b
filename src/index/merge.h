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

/* Whether they should hurry: a window is pending and a group, too, or half of the window behind it
   has come. */
bool merge_late(const catalog *c);

/*
 * A step of a merge: planned of the catalog, made in memory, put with a commit. Making only reads
 * what no commit but the step's own takes away, so it may go on in another thread, with a snapshot,
 * while the next batch is on its way.
 *
 *     catalog ─> plan ─> make (reads a snapshot; the values are held) ─> put, with a batch's commit
 */
typedef struct merge_job merge_job;

/* The next step, of about `bytes`: of a window if one is pending, else of a group, one of which
   must be. */
anp_status merge_plan(const catalog *c, uint64_t bytes, merge_job **out, anp_error *err);
void merge_job_free(merge_job *job); /* NULL is allowed */

/* About how much work it is, in bytes that are merged. */
uint64_t merge_job_cost(const merge_job *job);

/* Whether the step can be made of any commit that the one before it could be made of: it needs
   nothing that is put with that one. */
bool merge_job_follows(const merge_job *job, const merge_job *before);

bool merge_made(const merge_job *job);

/* Nothing, if it was made before. p: threads that help, not one of which this is; or NULL. The same
   is made at any number of them. */
anp_status merge_make(merge_job *job, pool *p, store_txn *txn, anp_error *err);

/*
 * What was made, into txn; changes c, the state of which is the caller's to save. Readers see a
 * window's segments until all of its unit is written (catalog_reads), but the positions that it has
 * only there (snapshot_positions.c); each key of a group either there or in its windows, as the
 * group cursor in the catalog says.
 */
anp_status merge_put(merge_job *job, store_txn *txn, catalog *c, anp_error *err);

/* A whole step inside txn, the state saved; *done: no merge is pending any more. */
anp_status merge_step(pool *p, store_txn *txn, catalog *c, uint64_t bytes, bool *done,
                      anp_error *err);

#endif
