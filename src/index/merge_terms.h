/*
 * Terms of a window's segments, merged by threads: what the segments have of some terms is copied,
 * a task makes the window's lists of it, and they are put in order.
 *
 *     segments ─> batch of terms ─> pool: rows ─> lists ─┐ in order
 *              ─> batch          ─> pool               ─┴─> sink
 *
 * Positions are copied as they lie in the segments. Cost: some 10 ms a MB in a task. Memory: four
 * times MERGE_BATCH_BYTES for each of the pool's threads.
 */
#ifndef ANP_INDEX_MERGE_TERMS_H
#define ANP_INDEX_MERGE_TERMS_H

#include "base/pool.h"
#include "index/unit_write.h"

typedef struct merge_terms merge_terms;

/*
 * Only the calling thread uses the sink; p may be NULL. settings, window and heads (by low) must
 * stay until merge_terms_close. The same values are put at any number of threads.
 */
anp_status merge_terms_open(pool *p, unit_sink sink, const catalog_settings *settings,
                            const unit_info *window, const forward_head *heads, merge_terms **out,
                            anp_error *err);

/* Copies a value. Terms ascend; of a term, segments in the order of their posts; keys of a segment
   ascend. */
anp_status merge_terms_add(merge_terms *m, uint64_t inner, size_t segment, str value,
                           anp_error *err);

/* Bytes of all values that were added. */
uint64_t merge_terms_bytes(const merge_terms *m);

/* Puts what is still on its way. */
anp_status merge_terms_finish(merge_terms *m, anp_error *err);

/* Waits for its tasks. NULL is allowed. */
void merge_terms_close(merge_terms *m);

#endif
