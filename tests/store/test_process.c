/*
 * Several processes and threads on one file: killed ones, readers beside a writer, maps that grow.
 */
#include "store/aid.h"

#include "base/bytes.h"
#include "store/environment.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static anp_status put_all(store *s, uint64_t count, uint64_t generation, anp_error *err) {
    store_txn *txn;
    anp_status status = store_begin_write(s, &txn, err);
    if (status != ANP_OK) {
        return status;
    }
    for (uint64_t i = 0; i < count && status == ANP_OK; i++) {
        char bytes[2000] = {0};
        memcpy(bytes, &generation, sizeof generation);
        status = store_put(txn, STORE_POSTS, store_key_u64(i), str_make(bytes, sizeof bytes), false,
                           err);
    }
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    return store_commit(txn, err);
}

/* The generation that all records have, or UINT64_MAX when they differ. */
static uint64_t read_all(store *s, uint64_t count) {
    store_txn *txn;
    uint64_t generation = UINT64_MAX;
    if (store_begin_read(s, &txn, NULL) != ANP_OK) {
        return UINT64_MAX;
    }
    for (uint64_t i = 0; i < count; i++) {
        str value;
        if (store_get(txn, STORE_POSTS, store_key_u64(i), &value, NULL) != ANP_OK ||
            value.len < 8 || (i > 0 && load_u64(value.data) != generation)) {
            generation = UINT64_MAX;
            break;
        }
        generation = load_u64(value.data);
    }
    store_abort(txn);
    return generation;
}

static void check_killed_reader(void) {
    const char *path = aid_path("reader.db");
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(put_all(s, 50, 0, NULL), ANP_OK);
    for (int i = 0; i < 3; i++) {
        pid_t child = fork();
        if (child == 0) {
            store *own = NULL;
            store_txn *txn;
            if (store_open(path, false, &own, NULL) == ANP_OK &&
                store_begin_read(own, &txn, NULL) == ANP_OK) {
                kill(getpid(), SIGKILL);
            }
            _exit(1);
        }
        CHECK_EQ_INT(aid_wait(child), -SIGKILL);
        for (uint64_t j = 1; j < 40; j++) {
            CHECK_EQ_INT(put_all(s, 50, j, NULL), ANP_OK);
        }
    }
    uint64_t bytes = 0;
    CHECK_EQ_INT(store_file_bytes(s, &bytes, NULL), ANP_OK);
    if (!CHECK(bytes < 1 << 20)) { /* 50 values of 2 KB, twice or three times */
        test_note("the file has grown to %llu bytes", (unsigned long long)bytes);
    }
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

static double now_ms(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec * 1e-6;
}

/* Writes `count` times; the longest took *slowest ms. */
static void put_often(store *s, int count, double *slowest) {
    *slowest = 0;
    for (int i = 0; i < count; i++) {
        double start = now_ms();
        CHECK_EQ_INT(put_all(s, 200, 1, NULL), ANP_OK);
        double took = now_ms() - start;
        *slowest = took > *slowest ? took : *slowest;
    }
}

/* A snapshot that somebody holds for long slows writers down, once the file has grown by it. */
static void check_held_snapshot(void) {
    const char *path = aid_path("held.db");
    double slowest, start;
    uint64_t bytes = 0, after = 0;
    int pipes[2];
    aid_create(path);
    store *s = aid_open(path, true);
    put_often(s, 20, &slowest);
    CHECK(readers_oldest(s) == UINT64_MAX);
    CHECK_EQ_INT(pipe(pipes), 0);
    pid_t child = fork();
    if (child == 0) {
        store *own = NULL;
        store_txn *txn;
        if (store_open(path, false, &own, NULL) == ANP_OK &&
            store_begin_read(own, &txn, NULL) == ANP_OK && write(pipes[1], "", 1) == 1) {
            sleep(60);
        }
        _exit(1);
    }
    char byte;
    CHECK(read(pipes[0], &byte, 1) == 1);
    CHECK(readers_oldest(s) == 20 + 1); /* the first commit made the file */
    for (int i = 0; i < 100 && !s->held_back; i++) {
        put_often(s, 1, &slowest);
    }
    CHECK_EQ_INT(store_file_bytes(s, &bytes, NULL), ANP_OK);
    CHECK(s->held_back && bytes > 5 << 20 && bytes < 12 << 20);
    start = now_ms();
    put_often(s, 1, &slowest);
    CHECK(now_ms() - start > 45 && now_ms() - start < 5000 && s->waits == 1);
    kill(child, SIGKILL);
    CHECK_EQ_INT(aid_wait(child), -SIGKILL);
    close(pipes[0]);
    close(pipes[1]);
    CHECK_EQ_INT(store_file_bytes(s, &bytes, NULL), ANP_OK);
    put_often(s, 30, &slowest); /* there is room again */
    CHECK_EQ_INT(store_file_bytes(s, &after, NULL), ANP_OK);
    CHECK(s->waits <= 2 && after <= bytes + (1 << 20) && !s->held_back);
    store_close(s);
}

static void check_whole_commits(void) {
    const char *path = aid_path("commits.db");
    enum { COUNT = 40 };
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(put_all(s, COUNT, 1, NULL), ANP_OK);
    pid_t child = fork();
    if (child == 0) {
        store *own = NULL;
        bool fine = store_open(path, true, &own, NULL) == ANP_OK;
        for (uint64_t i = 2; i < 250 && fine; i++) {
            fine = put_all(own, COUNT, i, NULL) == ANP_OK;
        }
        store_close(own);
        _exit(fine ? 0 : 1);
    }
    uint64_t last = 0;
    int steps = 0, end;
    while (waitpid(child, &end, WNOHANG) == 0) {
        uint64_t generation = read_all(s, COUNT);
        steps += generation != last;
        if (!CHECK(generation != UINT64_MAX && generation >= last)) {
            test_note("generation %llu after %llu", (unsigned long long)generation,
                      (unsigned long long)last);
            break;
        }
        last = generation;
    }
    CHECK(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    CHECK(steps > 3);
    CHECK(read_all(s, COUNT) == 249);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

static void *end_soon(void *txn) {
    struct timespec pause = {0, 200000000};
    nanosleep(&pause, NULL);
    store_abort(txn);
    return NULL;
}

/* Another process, whose map is larger, takes the file past ours. */
static void check_map_growth(void) {
    const char *path = aid_path("map.db");
    anp_error err = ANP_ERROR_INIT;
    store_txn *old, *txn;
    aid_create(path);
    store_registry.hook_map_bytes = 1 << 20;
    store *s = aid_open(path, true);
    store_registry.hook_map_bytes = 0;
    CHECK_EQ_INT(put_all(s, 20, 1, &err), ANP_OK);
    CHECK_EQ_INT(put_all(s, 5000, 2, &err), ANP_LIMIT);
    if (!CHECK(strstr(err.message, "map") != NULL &&
               strstr(err.message, "open it again") != NULL)) {
        test_note("message: %s", err.message);
    }
    CHECK_EQ_INT(put_all(s, 20, 3, &err), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &old, &err), ANP_OK);
    pid_t child = fork();
    if (child == 0) {
        store *own = NULL;
        bool fine =
            store_open(path, true, &own, NULL) == ANP_OK && put_all(own, 3000, 4, NULL) == ANP_OK;
        store_close(own);
        _exit(fine ? 0 : 1);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    /* We hold a transaction ourselves: the map cannot move, and waiting ends. */
    CHECK_EQ_INT(store_begin_read(s, &txn, &err), ANP_BUSY);
    CHECK(strstr(err.message, "larger") != NULL);
    /* Now another thread ends it in a moment: it is waited for. */
    pthread_t other;
    CHECK_EQ_INT(pthread_create(&other, NULL, end_soon, old), 0);
    CHECK(read_all(s, 3000) == 4);
    pthread_join(other, NULL);
    CHECK_EQ_INT(put_all(s, 4000, 5, &err), ANP_OK);
    CHECK(read_all(s, 4000) == 5);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

static void commit_until_killed(const char *path, uint64_t from, int acknowledge) {
    store *s = NULL;
    if (store_open(path, true, &s, NULL) != ANP_OK) {
        _exit(1);
    }
    for (uint64_t i = from;; i++) {
        static char bytes[3000];
        store_txn *txn;
        if (store_begin_write(s, &txn, NULL) != ANP_OK) {
            _exit(2);
        }
        anp_status status = store_put(txn, STORE_LOG, store_key_u64(i),
                                      str_make(bytes, i * 37 % sizeof bytes), true, NULL);
        if (status == ANP_OK && i >= 60) { /* so that pages are reused */
            status = store_delete(txn, STORE_LOG, store_key_u64(i - 60), NULL);
        }
        if (status != ANP_OK || store_commit(txn, NULL) != ANP_OK ||
            write(acknowledge, &i, sizeof i) != (ssize_t)sizeof i) {
            _exit(3);
        }
    }
}

static void check_killed_writers(void) {
    const char *path = aid_path("writer.db");
    prng p = {5};
    uint64_t next = 0;
    aid_create(path);
    for (int round = 0; round < 30; round++) {
        int ends[2];
        CHECK_EQ_INT(pipe(ends), 0);
        pid_t child = fork();
        if (child == 0) {
            commit_until_killed(path, next, ends[1]);
        }
        close(ends[1]);
        uint64_t number, acknowledged = next;
        for (uint32_t i = prng_below(&p, 8); i > 0 && read(ends[0], &number, sizeof number) > 0;
             i--) {
            acknowledged = number + 1;
        }
        struct timespec pause = {
            0, (long)prng_below(&p, 3000000)}; /* a commit takes about one of these */
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        CHECK_EQ_INT(aid_wait(child), -SIGKILL);
        while (read(ends[0], &number, sizeof number) == (ssize_t)sizeof number) {
            acknowledged = number + 1;
        }
        close(ends[0]);
        store_txn *txn;
        store_cursor *cursor;
        store_key key = store_key_u64(0);
        str value;
        store *s = aid_open(path, true);
        if (!s) {
            return;
        }
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
        CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
        CHECK_EQ_INT(store_cursor_open(txn, STORE_LOG, &cursor, NULL), ANP_OK);
        anp_status status = store_last(cursor, &key, &value, NULL);
        uint64_t found = status == ANP_OK ? key.number + 1 : 0;
        CHECK(found == acknowledged || found == acknowledged + 1);
        for (uint64_t i = found > 60 ? found - 60 : 0; i < found; i++) {
            CHECK_EQ_INT(store_get(txn, STORE_LOG, store_key_u64(i), &value, NULL), ANP_OK);
        }
        store_cursor_close(cursor);
        store_abort(txn);
        store_close(s);
        next = found;
    }
    CHECK(next > 80); /* else nothing was deleted, no page reused */
}

static void die(void *user, const char *step) {
    if (strcmp(user, step) == 0) {
        kill(getpid(), SIGKILL);
    }
}

/* Between LMDB's commit and the witness. */
static void check_killed_before_witness(void) {
    const char *path = aid_path("between.db");
    static char step[] = "committed";
    aid_create(path);
    for (uint64_t i = 1; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            store *s = NULL;
            store_registry.hook_step = die;
            store_registry.hook_user = step;
            _exit(store_open(path, true, &s, NULL) == ANP_OK ? (int)put_all(s, 3, i, NULL) : 1);
        }
        CHECK_EQ_INT(aid_wait(child), -SIGKILL);
        store *s = aid_open(path, i == 2);
        CHECK(read_all(s, 3) == i);
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
        store_close(s);
    }
}

/* ---- Threads ------------------------------------------------------------------------------- */

enum { THREAD_COUNT = 20, THREAD_COMMITS = 60 };

typedef struct crew {
    store *s;
    _Atomic bool done;
    _Atomic int wrong;
    store_txn *txn;
    anp_status status;
} crew;

static void *read_along(void *user) {
    crew *c = user;
    uint64_t last = 0;
    while (!atomic_load(&c->done)) {
        uint64_t generation = read_all(c->s, THREAD_COUNT);
        c->wrong += generation == UINT64_MAX || generation < last;
        last = generation;
    }
    return NULL;
}

/* Adds one to the generation, so that no update of the two writers may be lost. */
static void *write_along(void *user) {
    crew *c = user;
    for (int i = 0; i < THREAD_COMMITS; i++) {
        store_txn *txn;
        str value;
        if (store_begin_write(c->s, &txn, NULL) != ANP_OK) {
            c->wrong++;
            continue;
        }
        c->wrong += store_get(txn, STORE_POSTS, store_key_u64(0), &value, NULL) != ANP_OK;
        uint64_t generation = load_u64(value.data) + 1;
        for (uint64_t j = 0; j < THREAD_COUNT; j++) {
            c->wrong += store_put(txn, STORE_POSTS, store_key_u64(j),
                                  str_make((const char *)&generation, 8), false, NULL) != ANP_OK;
        }
        c->wrong += store_commit(txn, NULL) != ANP_OK;
    }
    return NULL;
}

static void *commit_elsewhere(void *user) {
    crew *c = user;
    c->status = store_commit(c->txn, NULL);
    return NULL;
}

static void check_threads(void) {
    const char *path = aid_path("threads.db");
    pthread_t readers[2], writers[2];
    aid_create(path);
    crew c = {.s = aid_open(path, true)};
    CHECK_EQ_INT(put_all(c.s, THREAD_COUNT, 1, NULL), ANP_OK);
    for (int i = 0; i < 2; i++) {
        CHECK_EQ_INT(pthread_create(&readers[i], NULL, read_along, &c), 0);
        CHECK_EQ_INT(pthread_create(&writers[i], NULL, write_along, &c), 0);
    }
    pthread_join(writers[0], NULL);
    pthread_join(writers[1], NULL);
    atomic_store(&c.done, true);
    pthread_join(readers[0], NULL);
    pthread_join(readers[1], NULL);
    CHECK_EQ_INT(c.wrong, 0);
    CHECK(read_all(c.s, THREAD_COUNT) == 1 + 2 * THREAD_COMMITS);
    CHECK_EQ_INT(aid_verify(c.s, true, true), 0);
    /* A write transaction stays in its thread. */
    CHECK_EQ_INT(store_begin_write(c.s, &c.txn, NULL), ANP_OK);
    CHECK_EQ_INT(pthread_create(&writers[0], NULL, commit_elsewhere, &c), 0);
    pthread_join(writers[0], NULL);
    CHECK_EQ_INT(c.status, ANP_INVALID);
    store_abort(c.txn);
    CHECK_EQ_INT(put_all(c.s, 1, 7, NULL), ANP_OK);
    store_close(c.s);
}

/* All slots taken is told; those of the dead are taken back. */
static void check_reader_slots(void) {
    enum { SLOTS = 1022 };
    static store_txn *txns[SLOTS + 1];
    const char *path = aid_path("slots.db");
    anp_error err = ANP_ERROR_INIT;
    aid_create(path);
    store *s = aid_open(path, true);
    pid_t child = fork();
    if (child == 0) {
        store *own = NULL;
        bool fine = store_open(path, false, &own, NULL) == ANP_OK;
        for (int i = 0; i < 600 && fine; i++) {
            fine = store_begin_read(own, &txns[i], NULL) == ANP_OK;
        }
        _exit(fine ? 0 : 1);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    int taken = 0;
    while (taken <= SLOTS && store_begin_read(s, &txns[taken], &err) == ANP_OK) {
        taken++;
    }
    CHECK_EQ_INT(taken, SLOTS);
    CHECK(strstr(err.message, "reader slots") != NULL);
    CHECK_EQ_INT(err.status, ANP_BUSY);
    for (int i = 0; i < taken; i++) {
        store_abort(txns[i]);
    }
    CHECK_EQ_INT(store_begin_read(s, &txns[0], &err), ANP_OK);
    store_abort(txns[0]);
    store_close(s);
}

void test_store_process(void) {
    CASE("a killed reader does not make the file grow");
    check_killed_reader();
    CASE("a snapshot that is held slows writers");
    check_held_snapshot();
    CASE("readers see whole commits of another process");
    check_whole_commits();
    CASE("another process makes the map grow");
    check_map_growth();
    CASE("killed writers: what was acknowledged is there");
    check_killed_writers();
    CASE("killed between commit and witness");
    check_killed_before_witness();
    CASE("threads");
    check_threads();
    CASE("reader slots");
    check_reader_slots();
}
