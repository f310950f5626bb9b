/* See ahead.h. */
#include "index/ahead.h"

#include "base/limits.h"

/* A thread of the pool ends its own transaction: whoever replaces the file waits for it. */
static void run(void *user, unsigned worker) {
    ahead *a = user;
    (void)worker;
    a->status = merge_make(a->job, NULL, a->txn, NULL);
    store_abort(a->txn);
}

static void wait_for_thread(ahead *a) {
    if (a->running) {
        pool_wait(a->pool, &a->task);
        a->running = false;
    }
}

void ahead_use_pool(ahead *a, pool *p, bool aside) {
    wait_for_thread(a);
    a->pool = p;
    a->aside = aside && p;
}

void ahead_drop(ahead *a) {
    wait_for_thread(a);
    merge_job_free(a->job);
    a->job = NULL;
    a->status = ANP_OK;
}

/*
 * Every post owes the bytes of its record in merging, as long as a merge is pending, three times as
 * many where it is late: so windows and groups are merged before the next ones are full, little by
 * little, and one small commit in some hundreds has a step to put. The debt is in the catalog:
 * writers may live for one commit.
 */
void ahead_owe(ahead *a, catalog *c, uint64_t bytes) {
    uint64_t owed = merge_late(c) ? 3 * bytes : bytes, due = c->state.merge_due + owed;
    a->bytes = owed < MERGE_STEP_BYTES       ? MERGE_STEP_BYTES
               : owed < MERGE_STEP_BYTES_MAX ? owed
                                             : MERGE_STEP_BYTES_MAX;
    due = merge_pending(c) ? due : 0;
    c->state.merge_due = due < UINT32_MAX ? (uint32_t)due : UINT32_MAX;
}

void ahead_plan(ahead *a, const catalog *c) {
    if (!a->job && merge_pending(c)) {
        merge_plan(c, a->bytes, &a->job, NULL); /* without memory: another time */
    }
}

void ahead_start(ahead *a) {
    bool waits = a->job && !a->running && !merge_made(a->job) && a->status == ANP_OK;
    if (a->aside && waits && store_begin_read(a->store, &a->txn, NULL) == ANP_OK) {
        a->running = true;
        a->task = (pool_task){.run = run, .user = a};
        pool_submit(a->pool, &a->task, false);
    }
}

bool ahead_due(const ahead *a, const catalog *c, unsigned times) {
    return a->job && c->state.merge_due >= times * merge_job_cost(a->job);
}

anp_status ahead_put(ahead *a, store_txn *txn, catalog *c, bool *put, anp_error *err) {
    wait_for_thread(a);
    merge_job *job = a->job;
    anp_status status = a->status == ANP_OK ? merge_make(job, a->pool, txn, NULL) : a->status;
    a->job = NULL;
    a->status = ANP_OK;
    c->state.merge_due -= (uint32_t)merge_job_cost(job);
    *put = status == ANP_OK;
    if (*put) {
        status = merge_put(job, txn, c, err);
        ahead_plan(a, c);
        if (status == ANP_OK && a->job && merge_job_follows(a->job, job)) {
            ahead_start(a); /* while this commit waits for the disk */
        }
    }
    merge_job_free(job);
    return *put ? status : ANP_OK;
}
