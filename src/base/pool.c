/* See pool.h. One mutex for all: tasks are some milliseconds long. */
#include "base/pool.h"

#include <pthread.h>
#include <stdlib.h>

enum { THREADS_MAX = 256 };

enum { TASK_QUEUED = 1, TASK_RUNNING, TASK_DONE };

typedef struct queue {
    pool_task *first, *last;
} queue;

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t submitted; /* or ending */
    pthread_cond_t finished;
    queue urgent, usual;
    bool ending;
    unsigned count; /* of threads */
    pthread_t threads[];
};

typedef struct start {
    pool *pool;
    unsigned worker;
} start;

static pool_task *take(queue *q) {
    pool_task *task = q->first;
    if (task) {
        q->first = task->next;
        q->last = q->first ? q->last : NULL;
    }
    return task;
}

/* With the mutex held; it is let go while the task runs. */
static void run(pool *p, pool_task *task, unsigned worker) {
    task->state = TASK_RUNNING;
    pthread_mutex_unlock(&p->mutex);
    task->run(task->user, worker);
    pthread_mutex_lock(&p->mutex);
    task->state = TASK_DONE;
    pthread_cond_broadcast(&p->finished);
}

static void *work(void *user) {
    start given = *(start *)user;
    pool *p = given.pool;
    free(user);
    pthread_mutex_lock(&p->mutex);
    for (;;) {
        pool_task *task = take(&p->urgent);
        task = task ? task : take(&p->usual);
        if (task) {
            run(p, task, given.worker);
        } else if (p->ending) {
            break;
        } else {
            pthread_cond_wait(&p->submitted, &p->mutex);
        }
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

static bool start_thread(pool *p) {
    start *given = malloc(sizeof *given);
    if (!given) {
        return false;
    }
    *given = (start){p, p->count};
    if (pthread_create(&p->threads[p->count], NULL, work, given) != 0) {
        free(given);
        return false;
    }
    p->count++;
    return true;
}

pool *pool_open(unsigned threads) {
    threads = threads < THREADS_MAX ? threads : THREADS_MAX;
    pool *p = calloc(1, sizeof *p + threads * sizeof *p->threads);
    if (!p) {
        return NULL;
    }
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->submitted, NULL);
    pthread_cond_init(&p->finished, NULL);
    while (p->count < threads) {
        pthread_mutex_lock(&p->mutex); /* new threads read the pool's count in run() only */
        bool started = start_thread(p);
        pthread_mutex_unlock(&p->mutex);
        if (!started) {
            pool_close(p);
            return NULL;
        }
    }
    return p;
}

void pool_close(pool *p) {
    if (!p) {
        return;
    }
    pthread_mutex_lock(&p->mutex);
    p->ending = true;
    pthread_cond_broadcast(&p->submitted);
    pthread_mutex_unlock(&p->mutex);
    for (unsigned i = 0; i < p->count; i++) {
        pthread_join(p->threads[i], NULL);
    }
    pthread_mutex_destroy(&p->mutex);
    pthread_cond_destroy(&p->submitted);
    pthread_cond_destroy(&p->finished);
    free(p);
}

unsigned pool_workers(const pool *p) {
    return p->count ? p->count : 1;
}

void pool_submit(pool *p, pool_task *task, bool urgent) {
    queue *q = urgent ? &p->urgent : &p->usual;
    pthread_mutex_lock(&p->mutex);
    task->next = NULL;
    task->state = TASK_QUEUED;
    if (p->count) {
        if (q->last) {
            q->last->next = task;
        } else {
            q->first = task;
        }
        q->last = task;
        pthread_cond_signal(&p->submitted);
    }
    pthread_mutex_unlock(&p->mutex);
}

bool pool_done(pool *p, pool_task *task) {
    pthread_mutex_lock(&p->mutex);
    bool done = task->state == TASK_DONE;
    pthread_mutex_unlock(&p->mutex);
    return done;
}

void pool_wait(pool *p, pool_task *task) {
    pthread_mutex_lock(&p->mutex);
    if (!p->count && task->state == TASK_QUEUED) {
        run(p, task, 0);
    }
    while (task->state != TASK_DONE) {
        pthread_cond_wait(&p->finished, &p->mutex);
    }
    pthread_mutex_unlock(&p->mutex);
}
