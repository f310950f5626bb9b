/* Tasks run once each, urgent ones first, and are waited for. */
#include "base/pool.h"
#include "test.h"

#include <pthread.h>

enum { TASKS = 200 };

typedef struct log {
    pthread_mutex_t mutex;
    int order[TASKS];
    int count;
    unsigned worker_most;
} log;

typedef struct job {
    log *log;
    int number;
    pool_task task;
} job;

static void note(void *user, unsigned worker) {
    job *j = user;
    pthread_mutex_lock(&j->log->mutex);
    j->log->order[j->log->count++] = j->number;
    j->log->worker_most = worker > j->log->worker_most ? worker : j->log->worker_most;
    pthread_mutex_unlock(&j->log->mutex);
}

static void run_all(unsigned threads) {
    static job jobs[TASKS];
    static log l;
    bool seen[TASKS] = {false};
    l.count = 0;
    l.worker_most = 0;
    pthread_mutex_init(&l.mutex, NULL);
    pool *p = pool_open(threads);
    if (!CHECK(p != NULL)) {
        return;
    }
    CHECK_EQ_INT(pool_workers(p), threads ? threads : 1);
    for (int i = 0; i < TASKS; i++) {
        jobs[i] = (job){.log = &l, .number = i, .task = {.run = note, .user = &jobs[i]}};
        pool_submit(p, &jobs[i].task, i % 7 == 0);
    }
    for (int i = 0; i < TASKS; i++) {
        pool_wait(p, &jobs[i].task);
        CHECK(pool_done(p, &jobs[i].task));
    }
    pool_close(p);
    CHECK_EQ_INT(l.count, TASKS);
    CHECK(l.worker_most < (threads ? threads : 1));
    for (int i = 0; i < l.count; i++) {
        CHECK(!seen[l.order[i]]);
        seen[l.order[i]] = true;
        CHECK(threads != 0 || l.order[i] == i); /* without threads: as they are waited for */
    }
    pthread_mutex_destroy(&l.mutex);
}

typedef struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    bool open;
} gate;

static void stand(void *user, unsigned worker) {
    gate *g = user;
    (void)worker;
    pthread_mutex_lock(&g->mutex);
    while (!g->open) {
        pthread_cond_wait(&g->opened, &g->mutex);
    }
    pthread_mutex_unlock(&g->mutex);
}

/* While the only thread stands at the gate, others are submitted. */
static void urgency(void) {
    gate g = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    static log l = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    static const int expected[] = {2, 4, 0, 1, 3};
    job jobs[5];
    pool *p = pool_open(1);
    if (!CHECK(p != NULL)) {
        return;
    }
    pool_task first = {.run = stand, .user = &g};
    pool_submit(p, &first, true);
    for (int i = 0; i < 5; i++) {
        jobs[i] = (job){.log = &l, .number = i, .task = {.run = note, .user = &jobs[i]}};
        pool_submit(p, &jobs[i].task, i == 2 || i == 4);
    }
    CHECK(!pool_done(p, &jobs[0].task));
    pthread_mutex_lock(&g.mutex);
    g.open = true;
    pthread_cond_signal(&g.opened);
    pthread_mutex_unlock(&g.mutex);
    pool_close(p); /* ends when all have run */
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(l.order[i], expected[i]);
    }
}

void test_base_pool(void);
void test_base_pool(void) {
    CASE("no thread of its own");
    run_all(0);
    CASE("three threads");
    run_all(3);
    CASE("urgent tasks");
    urgency();
}
