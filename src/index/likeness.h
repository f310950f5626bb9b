/*
 * What similar posts are found by, kept in the index: chunks (chunk.h) in table shingles, so that
 * nobody reads all posts again who asks for one's neighbours.
 *
 *     ordinals   0          4,096        8,192   8,704  9,216          next
 *                | chunk    | chunk      | chunk | chunk | posts alone |
 *                └ block ───┴ block ─────┴ block, not yet full ────────┘
 *
 * Chunks lie one behind the other from 0 on, each inside a block of CHUNK_POSTS ordinals. A batch's
 * shingles are those that its drafts had for their sketches. When the posts behind the last chunk
 * are CHUNK_POSTS_MIN or fill their block they become a chunk; when a block is full, its chunks are
 * joined into one. Until then posts alone are read by who asks. Dead posts stay in their chunks and
 * are left out by who reads them; a compaction drops them.
 *
 * An index that stores no posts has none.
 */
#ifndef ANP_INDEX_LIKENESS_H
#define ANP_INDEX_LIKENESS_H

#include "base/pool.h"
#include "index/chunk.h"
#include "index/index.h"

/* ---- Writing ------------------------------------------------------------------------------- */

/* A writer's part of it: one thread. */
typedef struct likeness likeness;

likeness *likeness_open(index_handle *index); /* NULL when memory is out */
void likeness_close(likeness *l);             /* NULL is allowed */

/* Threads that make chunks, until it is called with NULL. */
void likeness_use_pool(likeness *l, pool *p);

/* The next post of the batch, whose ordinal is docno; f is copied. */
anp_status likeness_add(likeness *l, store_txn *txn, uint32_t docno, const features *f,
                        anp_error *err);

/* No more posts come to the batch, which ends before docno_end: its last chunk is begun. */
anp_status likeness_end(likeness *l, store_txn *txn, uint32_t docno_end, anp_error *err);

/* Puts what the batch made of chunks: with its commit, after likeness_end. */
anp_status likeness_save(likeness *l, store_txn *txn, anp_error *err);

/* Forgets the batch, and what was known of the index. */
void likeness_drop(likeness *l);

/* ---- Reading ------------------------------------------------------------------------------- */

/* A chunk, or posts alone. */
typedef struct likeness_piece {
    uint32_t first, count; /* ordinals, dead ones too */
    str value;             /* in place; empty: its posts are to be read, */
    bool left_out;         /* since their chunk was left out */
} likeness_piece;

/* All of a snapshot, in ordinal order, none of more than CHUNK_POSTS. *pieces is malloc'd and the
   caller's. ANP_CORRUPT when they do not lie one behind the other. */
anp_status likeness_pieces(snapshot *s, likeness_piece **pieces, size_t *count, anp_error *err);

/* ---- Compacting ---------------------------------------------------------------------------- */

typedef struct likeness_rewrite {
    snapshot *snapshot;
    const uint32_t *docnos; /* old ordinals, in the new order */
    uint32_t count;
    pool *pool;
    anp_status (*put)(void *user, uint64_t docno, str value, anp_error *err);
    void *user;
} likeness_rewrite;

/* Chunks of the new order: out of the old ones where that is the old order without the dead, else
   of posts read anew. */
anp_status likeness_write(const likeness_rewrite *r, anp_error *err);

#endif
