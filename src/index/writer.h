/*
 * The writer: posts in, one durable batch a commit.
 *
 *     add ─> analyse ─> forward record ─┐                      ┌─> log            (few)
 *     delete ─> set of dead ordinals ───┴─> commit ────────────┴─> segment, window (4,096 or more
 *     with the log's)
 *                                              └─ one transaction; then steps of a merge, if
 *                                              they are due, each in its own
 *
 * Posts and ids go into the transaction at once, the rest at the commit. The transaction is held
 * from the first change to the commit: other writers wait so long.
 */
#ifndef ANP_INDEX_WRITER_H
#define ANP_INDEX_WRITER_H

#include "index/index.h"
#include "post/post.h"

typedef struct index_writer index_writer;

anp_status writer_open(index_handle *index, index_writer **out, anp_error *err);

/* Drops what was not committed. */
void writer_close(index_writer *w);

/* *replaced (may be NULL): whether a live post had the id. After any other status than ANP_OK or
   ANP_BAD_POST the batch is lost. */
anp_status writer_add(index_writer *w, const post *post, bool *replaced, anp_error *err);

/* ANP_NOT_FOUND (with text) when no live post has the id. */
anp_status writer_delete(index_writer *w, str id, anp_error *err);

anp_status writer_commit(index_writer *w, anp_error *err);

/* Posts added and memory held since the last commit: when to commit is the caller's choice. */
uint32_t writer_pending_posts(const index_writer *w);
size_t writer_pending_bytes(const index_writer *w);

/* How many more posts fill the window: a batch that ends there makes the fewest units. */
uint32_t writer_window_room(const index_writer *w);

#endif
