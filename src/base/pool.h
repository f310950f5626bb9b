/*
 * A pool of threads that run tasks: first come, first served, urgent ones before the others.
 *
 *     pool_task t = {.run = build, .user = &unit};
 *     pool_submit(pool, &t, false);
 *     … pool_wait(pool, &t);
 *
 * A task is the caller's memory and must stay until it was waited for. A pool of no threads runs a
 * task when it is waited for, in the waiting thread: the same work in the same order, which is what
 * tests and --threads 1 want. Any thread may submit and wait. A task must not wait for another.
 */
#ifndef ANP_BASE_POOL_H
#define ANP_BASE_POOL_H

#include <stdbool.h>

typedef struct pool pool;

typedef struct pool_task {
    /* worker: 0 … threads - 1, of the thread that runs it; 0 in a pool of none. */
    void (*run)(void *user, unsigned worker);
    void *user;
    /* The pool's own: */
    struct pool_task *next;
    int state;
} pool_task;

/* threads: 0 to 256. NULL when memory or threads are out. */
pool *pool_open(unsigned threads);

/* Waits for what was submitted, then ends the threads. NULL is allowed. */
void pool_close(pool *p);

/* At least 1: how many values `worker` has. */
unsigned pool_workers(const pool *p);

void pool_submit(pool *p, pool_task *task, bool urgent);

/* Whether the task has run. In a pool of no threads: false until it was waited for. */
bool pool_done(pool *p, pool_task *task);

void pool_wait(pool *p, pool_task *task);

#endif
