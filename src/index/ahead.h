/*
 * Merging ahead: the next step of a merge is planned as soon as one is pending, made by a thread of
 * the pool while the next posts come, and put with the commit whose debt reaches its cost: nobody
 * waits for it, and it needs no commit of its own.
 *
 *     posts      batch 7          │ batch 8          │ batch 9
 *     writer     take … commit ───┤ take … commit ───┤ take …
 *     pool       drafts           │ drafts │ step k  │ drafts │ step k + 1
 *                                   plan k ┘  put k ─┘
 *
 * When a step is put follows from what was committed alone: without threads to spare the same step
 * is made when it is put. (The file is another one: a thread's snapshot keeps pages from use.)
 */
#ifndef ANP_INDEX_AHEAD_H
#define ANP_INDEX_AHEAD_H

#include "index/merge.h"

typedef struct ahead {
    store *store;
    pool *pool;      /* NULL: none */
    bool aside;      /* its threads make steps while posts come; else they help with the putting */
    uint64_t bytes;  /* of the steps that are planned */
    merge_job *job;  /* the next one, or NULL */
    bool running;    /* a thread makes it, */
    store_txn *txn;  /* and reads this */
    pool_task task;
    anp_status status; /* of the thread's work */
} ahead;

void ahead_use_pool(ahead *a, pool *p, bool aside);

/* Forgets what was made: the catalog is another one. */
void ahead_drop(ahead *a);

/* The debt of posts whose records have so many bytes. */
void ahead_owe(ahead *a, catalog *c, uint64_t bytes);

/* Plans the next step, if there is none and one is pending. */
void ahead_plan(ahead *a, const catalog *c);

/* Lets a thread make it, of the last commit, if there is one to spare. */
void ahead_start(ahead *a);

/* Whether a step is planned, and `times` its cost is owed. */
bool ahead_due(const ahead *a, const catalog *c, unsigned times);

/*
 * Puts the step; the state is the caller's to save. *put: it could be made. If it cannot (it meets
 * damage, which verify reports), the caller's transaction is as good as before, and another commit
 * tries again.
 */
anp_status ahead_put(ahead *a, store_txn *txn, catalog *c, bool *put, anp_error *err);

#endif
