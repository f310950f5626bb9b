/*
 * Posts from a source into a writer: threads read and analyse them, the caller's thread takes the
 * drafts in the order of the source.
 *
 *     add ─> batch of 256 KB ─> pool: read, analyse, compress ─> draft ─┐ in order
 *     add ─> batch           ─> pool                          ─> draft ─┴─> writer, told to `took`
 *
 * Or, where they may be arranged, in runs of 8,192 posts, each in an order of its own (arrange.h):
 * a run ends where a window does, or memory, and waits until it is complete, 16 MB at most. What
 * is left at a drain, and what comes before there is a dictionary, is taken in order.
 *
 * While the writer commits, the threads go on with what is queued. The same index comes out at any
 * number of threads. One thread calls everything here.
 */
#ifndef ANP_INDEX_INTAKE_H
#define ANP_INDEX_INTAKE_H

#include "index/writer.h"

typedef struct intake intake;

typedef struct intake_options {
    unsigned threads; /* 1: all in the calling thread */
    size_t queue_bytes; /* of posts read ahead, as they came */
    bool require_reviewed;
    bool aside; /* threads also merge while posts come: see writer_use_pool */
    bool arrange;     /* posts, in runs */
    size_t run_bytes; /* of posts that wait to be, about: a run of more is complete */
    /*
     * Each post in its turn: taken by the writer, or left out (its status and held_back say why).
     * Before a bad post all before it were taken. Any status but ANP_OK stops the intake. NULL:
     * nobody is told.
     */
    anp_status (*took)(void *user, const draft_post *post, bool replaced, anp_error *err);
    /* All posts before the next one were taken: the place to commit. Likewise. */
    anp_status (*settled)(void *user, anp_error *err);
    void *user;
} intake_options;

/* Threads begin with the first batch; then the writer builds its units with them, too, until the
   intake is closed. */
anp_status intake_open(index_writer *w, const intake_options *options, intake **out,
                       anp_error *err);

/* Copies the post; takes posts that are ready. After a stop, the status that stopped it. */
anp_status intake_add(intake *in, const raw_post *raw, anp_error *err);

/*
 * The same for a post in the JSON form, which is read at once: ANP_BAD_POST leaves it out, and
 * others as they were. The writer's transaction begins with it. An intake takes posts of one kind,
 * these or those above.
 */
anp_status intake_add_json(intake *in, str json, anp_error *err);

/* Whether nothing waits to be taken. */
bool intake_empty(const intake *in);

/* Takes everything that was added: posts that were read, and are fewer than a batch, in the calling
   thread. */
anp_status intake_drain(intake *in, anp_error *err);

/* Drops what was not taken. NULL is allowed. */
void intake_close(intake *in);

#endif
