/*
 * A file that takes the place of the index (store/replace.c): readers and writers of other
 * processes lose nothing, see nothing twice, and a kill at any moment leaves one of the two whole.
 */
#include "store/aid.h"
#include "store/environment.h"
#include "store/rewrite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { NUMBERS = 60, WRITERS = 3, INCREMENTS = 150 };

/* Writes all tables anew, as a compaction does, and puts the file in place. */
static anp_status rewrite_index(store *s, anp_error *err) {
    store_txn *txn;
    store_rewrite *rewrite = NULL;
    anp_status status = store_begin_write(s, &txn, err);
    if (status == ANP_OK) {
        status = store_rewrite_open(txn, NULL, &rewrite, err);
        for (int table = 0; table < STORE_TABLES && status == ANP_OK; table++) {
            store_cursor *cursor;
            bool numbers = store_table_infos[table].key_kind == STORE_KEY_U64;
            store_key key = numbers ? store_key_u64(0) : store_key_bytes((str){0});
            str value;
            status = store_cursor_open(txn, (store_table)table, &cursor, err);
            anp_status at = store_seek(cursor, key, &key, &value, err);
            for (; at == ANP_OK && status == ANP_OK; at = store_next(cursor, &key, &value, err)) {
                status = store_rewrite_put(rewrite, (store_table)table, key, value, err);
            }
            store_cursor_close(cursor);
        }
        if (status == ANP_OK) {
            status = store_rewrite_finish(rewrite, err);
        }
        if (status == ANP_OK) {
            status = store_rewrite_replace(rewrite, txn, err);
        } else {
            store_abort(txn);
        }
        store_rewrite_close(rewrite);
    }
    return status;
}

/* Adds one to all numbers, in one commit. */
static anp_status increment(store *s, anp_error *err) {
    store_txn *txn;
    anp_status status = store_begin_write(s, &txn, err);
    if (status != ANP_OK) {
        return status;
    }
    for (uint64_t i = 0; i < NUMBERS && status == ANP_OK; i++) {
        str value;
        uint64_t number = 0;
        status = store_get(txn, STORE_LOG, store_key_u64(i), &value, err);
        if (status == ANP_OK) {
            number = load_u64(value.data);
        }
        number++;
        if (status == ANP_OK || status == ANP_NOT_FOUND) {
            status = store_put(txn, STORE_LOG, store_key_u64(i),
                               str_make((const char *)&number, 8), false, err);
        }
    }
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    return store_commit(txn, err);
}

/* What all numbers are; UINT64_MAX when they differ or cannot be read. */
static uint64_t numbers_in(store_txn *txn) {
    uint64_t all = 0;
    for (uint64_t i = 0; i < NUMBERS; i++) {
        str value;
        if (store_get(txn, STORE_LOG, store_key_u64(i), &value, NULL) != ANP_OK) {
            return i == 0 ? 0 : UINT64_MAX;
        }
        all = i ? all : load_u64(value.data);
        if (load_u64(value.data) != all) {
            return UINT64_MAX;
        }
    }
    return all;
}

static uint64_t numbers_of(store *s) {
    store_txn *txn;
    anp_error err = ANP_ERROR_INIT;
    if (store_begin_read(s, &txn, &err) != ANP_OK) {
        test_note("%s", err.message);
        return UINT64_MAX;
    }
    uint64_t all = numbers_in(txn);
    store_abort(txn);
    return all;
}

/* Opens anew, and checks all of it. */
static void check_whole(const char *path, uint64_t numbers) {
    store *s = aid_open(path, true);
    if (s) {
        CHECK_EQ_INT(numbers_of(s), numbers);
        CHECK_EQ_INT(increment(s, NULL), ANP_OK);
        CHECK_EQ_INT(numbers_of(s), numbers + 1);
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
    }
    store_close(s);
}

static void check_plain(void) {
    const char *path = aid_path("plain.db");
    anp_error err = ANP_ERROR_INIT;
    aid_create(path);
    store *s = aid_open(path, true);
    for (uint64_t i = 1; i <= 20; i++) {
        CHECK_EQ_INT(increment(s, NULL), ANP_OK);
        if (!CHECK_EQ_INT(rewrite_index(s, &err), ANP_OK)) {
            test_note("%s", err.message);
        }
        CHECK_EQ_INT(numbers_of(s), i);
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
        CHECK_EQ_INT(store_generation(s), i);
    }
    store_close(s);
    check_whole(path, 20);
    CHECK_EQ_INT(test_files("plain.db"), 3); /* with -lock and .witness */
}

/* Two stores of one process: the file and its environment are shared, so both follow. */
static void check_same_process(void) {
    const char *path = aid_path("process.db");
    anp_error err = ANP_ERROR_INIT;
    aid_create(path);
    store *a = aid_open(path, true), *b = aid_open(path, false);
    store_txn *old;
    CHECK(a == b);
    CHECK_EQ_INT(increment(a, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_read(b, &old, NULL), ANP_OK);
    CHECK_EQ_INT(rewrite_index(a, &err), ANP_OK);
    CHECK_EQ_INT(numbers_in(old), 1);
    CHECK_EQ_INT(increment(a, &err), ANP_BUSY); /* after a wait */
    CHECK(strstr(err.message, "compacted") != NULL);
    CHECK_EQ_INT(numbers_in(old), 1);
    CHECK_EQ_INT(numbers_of(b), 1); /* the last commit is that of both files */
    store *c = NULL;
    CHECK_EQ_INT(store_open(path, false, &c, &err), ANP_BUSY);
    store_abort(old);
    c = aid_open(path, false);
    CHECK(c == a);
    CHECK_EQ_INT(increment(a, NULL), ANP_OK);
    CHECK_EQ_INT(numbers_of(b), 2);
    store_close(c);
    store_close(b);
    store_close(a);
    check_whole(path, 2);
}

/* ---- Between processes --------------------------------------------------------------------- */

/* Each counts its own commits; the sum must be there at the end. */
static void be_writer(const char *path) {
    store *s = NULL;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = store_open(path, true, &s, &err);
    for (int i = 0; i < INCREMENTS && status == ANP_OK; i++) {
        status = increment(s, &err);
        if (i % 40 == 39 && status == ANP_OK) {
            store_close(s);
            status = store_open(path, true, &s, &err);
        }
    }
    if (status != ANP_OK) {
        fprintf(stderr, "writer: %s\n", err.message);
        _exit(1);
    }
    store_close(s);
    _exit(0);
}

/* Until its parent ends it: every view whole, none older than one before. */
static void be_reader(const char *path, bool again) {
    store *s = NULL;
    uint64_t before = 0;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = store_open(path, false, &s, &err);
    while (status == ANP_OK && getppid() != 1) {
        store_txn *txn;
        status = store_begin_read(s, &txn, &err);
        if (status != ANP_OK) {
            break;
        }
        uint64_t now = numbers_in(txn);
        if (now == UINT64_MAX || now < before) {
            fprintf(stderr, "reader: %llu after %llu\n", (unsigned long long)now,
                    (unsigned long long)before);
            _exit(2);
        }
        before = now;
        nanosleep(&(struct timespec){0, 300000}, NULL);
        if (numbers_in(txn) != now) {
            _exit(3);
        }
        store_abort(txn);
        if (again) {
            store_close(s);
            status = store_open(path, false, &s, &err);
        }
    }
    fprintf(stderr, "reader: %s\n", err.message);
    _exit(1);
}

static void check_crowd(int writers, int rewrites) {
    const char *path = aid_path("crowd.db");
    anp_error err = ANP_ERROR_INIT;
    pid_t children[WRITERS], readers[2];
    aid_remove(path);
    aid_create(path);
    for (int i = 0; i < writers; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            be_writer(path);
        }
    }
    for (int i = 0; i < 2; i++) {
        readers[i] = fork();
        if (readers[i] == 0) {
            be_reader(path, i == 1);
        }
    }
    store *s = aid_open(path, true);
    for (int i = 0; s && i < rewrites; i++) {
        if (!CHECK_EQ_INT(rewrite_index(s, &err), ANP_OK)) {
            test_note("%s", err.message);
        }
        nanosleep(&(struct timespec){0, 5000000}, NULL);
    }
    for (int i = 0; i < writers; i++) {
        CHECK_EQ_INT(aid_wait(children[i]), 0);
    }
    CHECK_EQ_INT(numbers_of(s), writers * INCREMENTS);
    for (int i = 0; i < 2; i++) {
        kill(readers[i], SIGKILL);
        CHECK_EQ_INT(aid_wait(readers[i]), -SIGKILL); /* and not earlier, by itself */
    }
    store_close(s);
    check_whole(path, (uint64_t)writers * INCREMENTS);
    CHECK_EQ_INT(test_files("crowd.db"), 3);
}

/* ---- Killed -------------------------------------------------------------------------------- */

static void die_at(void *user, const char *step) {
    if (strcmp(user, step) == 0) {
        raise(SIGKILL);
    }
}

static void kill_rewrite(const char *path, char *step) {
    pid_t child = fork();
    if (child == 0) {
        store *s = NULL;
        store_registry.hook_step = die_at;
        store_registry.hook_user = step;
        if (store_open(path, true, &s, NULL) == ANP_OK) {
            rewrite_index(s, NULL);
        }
        _exit(0);
    }
    CHECK_EQ_INT(aid_wait(child), -SIGKILL);
}

/* `held`: another process (we) has the old file open all the time, and goes on with it. */
static void check_killed_at(char *step, bool held) {
    const char *path = aid_path("killed.db");
    aid_remove(path);
    aid_create(path);
    store *s = aid_open(path, true);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    }
    if (!held) {
        store_close(s);
    }
    kill_rewrite(path, step);
    if (held) {
        CHECK_EQ_INT(numbers_of(s), 3);
        CHECK_EQ_INT(increment(s, NULL), ANP_OK);
        CHECK_EQ_INT(numbers_of(s), 4);
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
        store_close(s);
    } else { /* a reader alone finishes nothing, and needs nothing finished */
        s = aid_open(path, false);
        CHECK_EQ_INT(numbers_of(s), 3);
        CHECK_EQ_INT(aid_verify(s, true, true), 0);
        store_close(s);
    }
    check_whole(path, held ? 4 : 3);
    s = aid_open(path, true);
    CHECK_EQ_INT(rewrite_index(s, NULL), ANP_OK);
    store_close(s);
    check_whole(path, held ? 5 : 4);
    CHECK_EQ_INT(test_files("killed.db"), 3);
}

/* The old file, copied when it was already replaced but still had its name. */
static void check_lone_copy(void) {
    const char *path = aid_path("lone.db"), *copy = aid_path("lone-copy.db");
    static char step[] = "marked";
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    store_close(s);
    kill_rewrite(path, step);
    CHECK(aid_copy(path, copy));
    check_whole(copy, 1);
    check_whole(copy, 2);
    /* And what stands beside it is not the file that it tells of. */
    const char *other = aid_path("lone-other.db"), *wrong = aid_path("lone-other.db.compacted");
    CHECK(aid_copy(path, other) && aid_copy(copy, wrong));
    check_whole(other, 1);
    check_whole(path, 1);
}

/* Killed before it could mark the old file: the next open that writes removes the new one. */
static void check_leftover(void) {
    const char *path = aid_path("leftover.db"), *new = aid_path("leftover.db.compacted");
    const char *kept = aid_path("leftover.db.compacted.witness");
    anp_error err = ANP_ERROR_INIT;
    static char step[] = "moved";
    aid_create(path);
    kill_rewrite(path, step);
    CHECK(access(new, F_OK) == 0);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(numbers_of(s), 0);
    CHECK(access(new, F_OK) == 0);
    CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    CHECK(access(new, F_OK) != 0);
    CASE("somebody's index of that name");
    store_close(s);
    CHECK(aid_copy(path, new));
    CHECK(aid_copy(aid_path("leftover.db.witness"), kept));
    s = aid_open(path, true);
    CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    CHECK(access(new, F_OK) == 0);
    CHECK_EQ_INT(rewrite_index(s, &err), ANP_BUSY);
    CHECK(strstr(err.message, "in the way") != NULL);
    CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    CHECK(access(new, F_OK) == 0);
    store_close(s);
    check_whole(new, 1);
    check_whole(path, 3);
}

/* ---- A bad disk ---------------------------------------------------------------------------- */

/* Changes a byte of the new file behind its maker's back; user: its place, then -1. */
static void spoil(void *user, const char *step) {
    off_t *at = user;
    char name[600];
    snprintf(name, sizeof name, "%s/spoilt.db.create-%ld-0", test_folder(), (long)getpid());
    int fd = *at >= 0 && strcmp(step, "synced back") == 0 ? open(name, O_RDWR) : -1;
    char byte;
    if (fd >= 0) {
        CHECK_EQ_INT(pread(fd, &byte, 1, *at), 1);
        byte ^= 4;
        CHECK_EQ_INT(pwrite(fd, &byte, 1, *at), 1);
        close(fd);
        *at = -1;
    }
}

static void check_bad_disk(void) {
    const char *path = aid_path("spoilt.db");
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(increment(s, NULL), ANP_OK);
    store_registry.hook_step = spoil;
    static const off_t places[] = {20, 4096 + 20, 3 * 4096 - 2}; /* both headers, a checksum */
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        anp_error err = ANP_ERROR_INIT;
        off_t at = places[i];
        store_registry.hook_user = &at;
        CHECK_EQ_INT(rewrite_index(s, &err), ANP_IO);
        CHECK_EQ_INT(at, -1);
        CHECK(strstr(err.message, "check the disk") != NULL);
        CHECK_EQ_INT(test_files("spoilt.db"), 3);
    }
    store_registry.hook_step = NULL;
    store_close(s);
    check_whole(path, 1);
}

static void check_killed_anywhere(void) {
    const char *path = aid_path("anywhere.db");
    prng p = {7};
    aid_create(path);
    store *s = aid_open(path, true);
    uint64_t numbers = 0;
    for (int i = 0; i < 60; i++) {
        pid_t child = fork();
        if (child == 0) {
            store *own = NULL;
            anp_status status = store_open(path, true, &own, NULL);
            _exit(status == ANP_OK && rewrite_index(own, NULL) == ANP_OK ? 0 : 1);
        }
        nanosleep(&(struct timespec){0, (long)prng_below(&p, 5000000)}, NULL);
        kill(child, SIGKILL);
        int end = aid_wait(child);
        CHECK(end == -SIGKILL || end == 0);
        CHECK_EQ_INT(increment(s, NULL), ANP_OK);
        CHECK_EQ_INT(numbers_of(s), ++numbers);
    }
    store_close(s);
    check_whole(path, numbers);
}

void test_store_replace(void) {
    CASE("plain");
    check_plain();
    CASE("same process");
    check_same_process();
    CASE("readers and writers of other processes");
    check_crowd(WRITERS, 40);
    check_crowd(1, 100);
    static char steps[][12] = {"made",        "written",  "moved",    "marked",
                               "unwitnessed", "replaced", "rewitnessed"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        char name[64];
        for (int held = 0; held < 2; held++) {
            sprintf(name, "killed at %s%s", steps[i], held ? ", held by another" : "");
            CASE(name);
            check_killed_at(steps[i], held);
        }
    }
    CASE("a copy alone");
    check_lone_copy();
    CASE("left over");
    check_leftover();
    CASE("bad disk");
    check_bad_disk();
    CASE("killed anywhere");
    check_killed_anywhere();
}
