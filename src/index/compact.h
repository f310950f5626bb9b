/*
 * Compaction: the index written anew, without the dead, its log folded, every page full, its posts
 * in an order that makes queries faster.
 *
 *     snapshot ─> forward records of a window ─┬───────────────────────┬─> units of new windows ─┐
 *                 (uninvert.h), live ones      └─> spill ─> new order ─┘                         │
 *     terms and values that live, ids, stored posts, settings ──────────────────────────────────┴─>
 *     rewritten file (store/rewrite.h) ─> its place
 */
#ifndef ANP_INDEX_COMPACT_H
#define ANP_INDEX_COMPACT_H

#include "index/index.h"

/* Posts that share words and are about as good and as long, side by side, all over the index
   (reorder.h). */
typedef enum compact_order {
    COMPACT_MANY, /* if they are an eighth of a window or more: fewer have too few blocks */
    COMPACT_KEPT, /* never: the order of before */
    COMPACT_ALL,  /* however few they are */
} compact_order;

typedef struct compact_options {
    compact_order order;
    uint64_t memory_bytes; /* about what it may take for itself */
    uint32_t threads;
    /* Asked now and then; false stops with ANP_CANCELLED. NULL: nobody asks. */
    bool (*ask)(void *user, const char *step, uint64_t done, uint64_t whole);
    void *user;
} compact_options;

/*
 * To the new file `path`, or, with NULL, in the place of the index: then writers wait until it is
 * done, and go on in the new file. ANP_OK: durable. Else the index is as it was, and nothing is
 * left. *bytes: of the new file.
 */
anp_status index_compact(index_handle *index, const char *path, const compact_options *options,
                         uint64_t *bytes, anp_error *err);

#endif
