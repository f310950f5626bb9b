/*
 * One writer, eight readers, one that verifies and one that makes backups, each a process of its
 * own, for a while: every answer is that of one committed state, never older than what was
 * acknowledged before it was asked, and the file stays below twice of what is in use. Nobody rests:
 * on two processors a verification or a backup takes seconds, and what is written meanwhile cannot
 * reuse pages (store/readers.c).
 *
 * There are always POSTS posts and "state". A batch puts some of them anew; each post names the
 * batch that put it, whether that was an even or an odd one, and the tenth that it belongs to; so
 * in any committed state the counts of these add up.
 */
#include "base/prng.h"
#include "faults/work.h"
#include "store/aid.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
    POSTS = 300,
    TENTHS = 10,
    BATCH_POSTS = 15,
    READERS = 8,
    SECONDS = 5, SECONDS_FULL = 600,
    SAMPLE_SECONDS = 10,
    /* What readers hold back weighs much beside the little that a short run writes. */
    SMALL_SLACK_BYTES = 24 << 20,
};

typedef struct shared {
    _Atomic uint32_t committed; /* batches */
    _Atomic bool over;
    _Atomic uint64_t answers, wrong, failed, verified, unsound, copies;
    char why[300]; /* the first one */
} shared;

static shared *all;

static void note(_Atomic uint64_t *counter, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(_Atomic uint64_t *counter, const char *format, ...) {
    va_list args;
    if (atomic_fetch_add(counter, 1) == 0 && !all->why[0]) {
        va_start(args, format);
        vsnprintf(all->why, sizeof all->why, format, args);
        va_end(args);
    }
}

/* ---- Writing ------------------------------------------------------------------------------- */

static anp_status put_post(anp_writer *writer, uint32_t number, uint32_t batch, anp_error *err) {
    char json[600];
    int len = snprintf(json, sizeof json,
                       "{\"id\":\"p%u\",\"title\":\"Post %u\",\"body\":\"everyz batch%uz %s and a "
                       "few words on caches, queues and tokens\",\"meta\":{\"topic\":\"tenth%u\"}}",
                       number, number, batch, batch % 2 ? "oddz" : "evenz", number % TENTHS);
    return anp_writer_add(writer, json, (size_t)len, err);
}

static anp_status put_batch(anp_writer *writer, uint32_t batch, anp_error *err) {
    char json[200];
    uint32_t count = batch ? BATCH_POSTS : POSTS;
    int len = snprintf(json, sizeof json, "{\"id\":\"state\",\"title\":\"\",\"body\":\"batch%uz\"}",
                       batch);
    anp_status status = anp_writer_add(writer, json, (size_t)len, err);
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        status = put_post(writer, batch ? (batch * 31 + i * 17) % POSTS : i, batch, err);
    }
    return status == ANP_OK ? anp_writer_commit(writer, err) : status;
}

static void write_on(const char *path) {
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    anp_status status = anp_index_open(path, ANP_OPEN_WRITE, NULL, &index, &err);
    status = status == ANP_OK ? anp_writer_open(index, &writer, &err) : status;
    while (status == ANP_OK && !all->over) {
        status = put_batch(writer, all->committed, &err);
        all->committed += status == ANP_OK;
    }
    if (status != ANP_OK) {
        note(&all->failed, "writer: %s", err.message);
    }
    anp_writer_close(writer);
    anp_index_close(index);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static bool count_of(anp_snapshot *snapshot, const char *query, uint64_t *count, anp_error *err) {
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    anp_results *results = NULL;
    options.flags = ANP_QUERY_COUNT_ONLY;
    if (anp_query(snapshot, query, &options, &results, err) != ANP_OK) {
        note(&all->failed, "query %s: %s", query, err->message);
        return false;
    }
    *count = anp_results_total(results);
    anp_results_free(results);
    return true;
}

/* The batch of the state that the snapshot shows. */
static bool state_of(anp_snapshot *snapshot, uint32_t *batch, anp_error *err) {
    char *json = NULL;
    size_t len;
    if (anp_post_json(snapshot, "state", &json, &len, err) != ANP_OK) {
        note(&all->failed, "state: %s", err->message);
        return false;
    }
    const char *at = strstr(json, "batch");
    *batch = at ? (uint32_t)strtoul(at + 5, NULL, 10) : UINT32_MAX;
    anp_free(json);
    return true;
}

static void check_snapshot(anp_snapshot *snapshot, uint32_t committed, prng *p) {
    anp_error err = ANP_ERROR_INIT;
    char query[40];
    uint64_t whole, even, odd, last, tenth;
    uint32_t batch;
    uint32_t number = prng_below(p, TENTHS);
    if (!state_of(snapshot, &batch, &err) || !count_of(snapshot, "everyz", &whole, &err) ||
        !count_of(snapshot, "evenz", &even, &err) || !count_of(snapshot, "oddz", &odd, &err)) {
        return;
    }
    snprintf(query, sizeof query, "batch%uz", batch);
    bool counted = count_of(snapshot, query, &last, &err);
    snprintf(query, sizeof query, "topic:tenth%u", number);
    if (!counted || !count_of(snapshot, query, &tenth, &err)) {
        return;
    }
    uint64_t expected = 1 + (uint64_t)(batch ? BATCH_POSTS : POSTS);
    all->answers += 5;
    if (whole != POSTS || even + odd != POSTS || last != expected || tenth != POSTS / TENTHS ||
        batch + 1 < committed) {
        note(&all->wrong,
             "batch %u of %u: %llu posts, %llu even, %llu odd, %llu of the last batch (%llu), %llu "
             "of tenth %u", batch, committed, (unsigned long long)whole, (unsigned long long)even,
             (unsigned long long)odd, (unsigned long long)last, (unsigned long long)expected,
             (unsigned long long)tenth, number);
    }
}

static void read_on(const char *path, uint64_t seed) {
    prng p = {seed};
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    if (anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err) != ANP_OK) {
        note(&all->failed, "reader: %s", err.message);
        return;
    }
    while (!all->over) {
        uint32_t committed = all->committed;
        anp_snapshot *snapshot = NULL;
        if (anp_snapshot_open(index, &snapshot, &err) != ANP_OK) {
            note(&all->failed, "snapshot: %s", err.message);
            break;
        }
        check_snapshot(snapshot, committed, &p);
        if (prng_below(&p, 20) == 0) { /* one that holds its snapshot for a while */
            nanosleep(&(struct timespec){0, 50000000}, NULL);
            check_snapshot(snapshot, committed, &p);
        }
        anp_snapshot_close(snapshot);
    }
    anp_index_close(index);
}

static void first_line(void *user, const char *line) {
    (void)user;
    if (strncmp(line, "note:", 5) != 0) {
        note(&all->unsound, "verify: %s", line);
    }
}

static void verify_on(const char *path) {
    anp_error err = ANP_ERROR_INIT;
    while (!all->over) {
        anp_index *index = NULL;
        uint64_t problems = 0;
        anp_status status = anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err);
        if (status == ANP_OK) {
            status = anp_index_verify(index, ANP_VERIFY_FULL, first_line, NULL, &problems, &err);
        }
        anp_index_close(index);
        all->verified++;
        if (status != ANP_OK) {
            note(&all->unsound, "verify: status %d, %llu problems: %s", status,
                 (unsigned long long)problems, err.message);
        }
    }
}

static void copy_on(const char *path) {
    char copy[500];
    prng p = {9};
    anp_error err = ANP_ERROR_INIT;
    snprintf(copy, sizeof copy, "%s.copy", path);
    while (!all->over) {
        anp_index *index = NULL, *made = NULL;
        anp_snapshot *snapshot = NULL;
        uint32_t committed = all->committed;
        aid_remove(copy);
        anp_status status = anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err);
        status = status == ANP_OK ? anp_index_backup(index, copy, NULL, NULL, &err) : status;
        status = status == ANP_OK ? anp_index_open(copy, ANP_OPEN_READ, NULL, &made, &err) : status;
        status = status == ANP_OK ? anp_snapshot_open(made, &snapshot, &err) : status;
        if (status == ANP_OK) {
            check_snapshot(snapshot, committed, &p);
            uint64_t problems = 0;
            status = anp_index_verify(made, ANP_VERIFY_FULL, NULL, NULL, &problems, &err);
        }
        anp_snapshot_close(snapshot);
        anp_index_close(made);
        anp_index_close(index);
        all->copies++;
        if (status != ANP_OK) {
            note(&all->unsound, "backup: %s", err.message);
        }
    }
}

/* ---- All of them --------------------------------------------------------------------------- */

static pid_t start(const char *path, int role) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        switch (role) {
        case 0: write_on(path); break;
        case 1: verify_on(path); break;
        case 2: copy_on(path); break;
        default: read_on(path, (uint64_t)role); break;
        }
        _exit(0);
    }
    return child;
}

/* ANP_SOAK_FROM=4080 begins a little before the first window is full, so that merges are met. */
static void first_batches(const char *path) {
    const char *from = getenv("ANP_SOAK_FROM");
    uint32_t end = from ? (uint32_t)atoi(from) : 1;
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    anp_status status = anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, &err);
    status = status == ANP_OK ? anp_writer_open(index, &writer, &err) : status;
    for (; all->committed < end && status == ANP_OK; all->committed++) {
        status = put_batch(writer, all->committed, &err);
    }
    if (!CHECK_EQ_INT(status, ANP_OK)) {
        test_note("%s", err.message);
    }
    anp_writer_close(writer);
    anp_index_close(index);
}

typedef struct sizes {
    uint64_t file, used, dead;
} sizes;

/* Bytes of the file, and of it in use. */
static sizes measure(const char *path) {
    anp_index *index = NULL;
    anp_snapshot *snapshot = NULL;
    anp_stats stats = ANP_STATS_INIT;
    sizes is = {0, 0, 0};
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_READ, NULL, &index, NULL), ANP_OK);
    CHECK_EQ_INT(anp_snapshot_open(index, &snapshot, NULL), ANP_OK);
    CHECK_EQ_INT(anp_snapshot_stats(snapshot, &stats, NULL), ANP_OK);
    for (size_t i = 0; i < stats.table_count; i++) {
        is.used += stats.tables[i].bytes;
    }
    is.file = stats.file_bytes;
    is.dead = stats.posts_deleted;
    anp_snapshot_close(snapshot);
    anp_index_close(index);
    return is;
}

static double ratio_of(sizes is) {
    return (double)is.file / (double)is.used;
}

/* Lets them run; the largest ratio that was seen in between. */
static double wait_for(const char *path, unsigned seconds) {
    double most = 0;
    for (unsigned i = 0; i < seconds; i++) {
        nanosleep(&(struct timespec){1, 0}, NULL);
        if (i % SAMPLE_SECONDS == SAMPLE_SECONDS - 1) {
            double ratio = ratio_of(measure(path));
            most = ratio > most ? ratio : most;
        }
    }
    return most;
}

static void check_size(const char *path, unsigned seconds, double most) {
    sizes is = measure(path);
    uint64_t slack = work_rounds(SMALL_SLACK_BYTES, 0);
    if (!CHECK(is.file <= 2 * is.used + slack)) {
        test_note("%llu bytes, %llu in use", (unsigned long long)is.file,
                  (unsigned long long)is.used);
    }
    work_tell("soak     %u s, 1 writer, %d readers, verify, backup: %u batches, %llu answers, "
              "wrong %llu, errors %llu, %llu verifications and %llu backups, unsound %llu; file "
              "%llu bytes, in use %llu, ratio %.2f (at most %.2f on the way); dead posts %llu",
              seconds, READERS, all->committed, (unsigned long long)all->answers,
              (unsigned long long)all->wrong, (unsigned long long)all->failed,
              (unsigned long long)all->verified, (unsigned long long)all->copies,
              (unsigned long long)all->unsound, (unsigned long long)is.file,
              (unsigned long long)is.used, ratio_of(is), most, (unsigned long long)is.dead);
}

void test_faults_soak(void) {
    pid_t children[READERS + 3];
    const char *path = aid_path("soak.db"), *asked = getenv("ANP_SOAK_SECONDS");
    unsigned seconds = asked ? (unsigned)atoi(asked) : work_rounds(SECONDS, SECONDS_FULL);
    CASE("one writer, readers, verify and backup");
    alarm(seconds + 300);
    all = mmap(NULL, sizeof *all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    first_batches(path);
    for (int i = 0; i < READERS + 3; i++) {
        children[i] = start(path, i);
    }
    double most = wait_for(path, seconds);
    all->over = true;
    for (int i = 0; i < READERS + 3; i++) {
        CHECK_EQ_INT(aid_wait(children[i]), 0);
    }
    CHECK(all->committed > 5 && all->answers > 50 && all->verified > 0 && all->copies > 0);
    if (!CHECK(!all->wrong && !all->failed && !all->unsound)) {
        test_note("%llu wrong, %llu errors, %llu unsound: %s", (unsigned long long)all->wrong,
                  (unsigned long long)all->failed, (unsigned long long)all->unsound, all->why);
    }
    check_size(path, seconds, most);
}
