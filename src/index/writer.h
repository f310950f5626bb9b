/*
 * The writer: posts in, one durable batch a commit.
 *
 *     add ─> analyse ─> forward record ─┐                      ┌─> log            (few)
 *     delete ─> set of dead ordinals ───┴─> commit ────────────┴─> segment, window (4,096 or more
 *     with the log's)
 *                                              └─ one transaction, with a step of a merge if
 *                                              one is due; large batches owe more, each in its own
 *
 * Posts and ids go into the transaction at once, the rest at the commit. The transaction is held
 * from the first change to the commit: other writers wait so long.
 */
#ifndef ANP_INDEX_WRITER_H
#define ANP_INDEX_WRITER_H

#include "base/pool.h"
#include "index/index.h"
#include "index/names.h"
#include "post/post.h"

typedef struct index_writer index_writer;

anp_status writer_open(index_handle *index, index_writer **out, anp_error *err);

/* Drops what was not committed. */
void writer_close(index_writer *w);

/* *replaced (may be NULL): whether a live post had the id. After any other status than ANP_OK or
   ANP_BAD_POST the batch is lost. */
anp_status writer_add(index_writer *w, const post *post, bool *replaced, anp_error *err);

/* Begins the transaction, which is then held until the commit: posts for it are on their way. */
anp_status writer_expect(index_writer *w, anp_error *err);

/* Whether only writer_add can tell if the post is good: it may have too many words. */
bool writer_must_count(const index_writer *w, const post *article);

index_handle *writer_index(const index_writer *w);

/* ANP_NOT_FOUND (with text) when no live post has the id. */
anp_status writer_delete(index_writer *w, str id, anp_error *err);

anp_status writer_commit(index_writer *w, anp_error *err);

/* ---- Posts that were drafted elsewhere ----------------------------------------------------- */

/*
 * A draft that the writer takes posts of. It lives until everybody who took a reference has
 * released it; the writer holds one for each post, until the commit.
 */
typedef struct batch_draft {
    draft draft;
    names *names; /* its drafter's, or those of its drafter's numbers since it began anew */
    names_taken taken;
    unsigned references;
} batch_draft;

/* One reference, the caller's, and one more to n (NULL: set before it is taken). NULL when memory
   is out. */
batch_draft *batch_draft_new(names *n);
void batch_draft_release(batch_draft *d); /* NULL is allowed */

/* A drafter as the index's settings want it; the caller's. */
anp_status writer_drafter(const index_writer *w, drafter **out, anp_error *err);

/* Takes over a draft's new strings, also those of posts that are left out: before its posts, for
   every draft. */
anp_status writer_take_names(index_writer *w, batch_draft *from, anp_error *err);

/* A post of the batch: where it was drafted, and its meta by the index's numbers. */
typedef struct batch_post {
    batch_draft *from;
    uint32_t place; /* among the draft's posts */
    uint32_t number_count, facet_count;
    size_t number_at, facet_at; /* in the writer's numbers and facets */
} batch_post;

static inline const draft_post *batch_drafted(const batch_post *p) {
    return &p->from->draft.posts.items[p->place];
}

/*
 * Finds the index's numbers for the post at `place` of a draft, whose status must be ANP_OK. Posts
 * of one drafter are prepared in the order in which they were made: its numbers begin anew now and
 * then. They may be taken in any order; none waits while the batch is committed. As writer_add.
 */
anp_status writer_prepare(index_writer *w, batch_draft *from, uint32_t place, batch_post *out,
                          anp_error *err);

/*
 * Adds a post that was prepared. As writer_add. With docno its id's entry is left to
 * writer_put_id, before the commit and before any other post of that id.
 */
anp_status writer_take(index_writer *w, const batch_post *prepared, bool *replaced,
                       uint32_t *docno, anp_error *err);
anp_status writer_put_id(index_writer *w, str id, uint32_t docno, anp_error *err);

/* What drafts of the next posts should be made with: the index's dictionary, or samples for it. */
anp_status writer_draft_options(index_writer *w, draft_options *out, anp_error *err);
bool writer_wants_samples(const index_writer *w);

/*
 * Threads that help to build units, until it is called with NULL. aside: they also do work of
 * former batches while posts come (ahead.h): the same index, but not the same file at any number of
 * them.
 */
void writer_use_pool(index_writer *w, pool *p, bool aside);

/* Posts added and memory held since the last commit: when to commit is the caller's choice. */
uint32_t writer_pending_posts(const index_writer *w);
size_t writer_pending_bytes(const index_writer *w);

/* How many more posts fill the window: a batch that ends there makes the fewest units. */
uint32_t writer_window_room(const index_writer *w);

#endif
