/*
 * The store's costs: bench_store [FOLDER] (default: the working directory; its disk is what is
 * measured).
 *
 * Appending of large and small values, random reads, walking, beginning to read, one-record commits
 * (beside the least that they can take on this disk: two synced writes), verify. The file is
 * removed at the end.
 */
#include "base/prng.h"
#include "store/store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    LARGE_COUNT = 30000,
    LARGE_BYTES = 8000,
    SMALL_COUNT = 1000000,
    SMALL_BYTES = 40,
    READS = 1000000,
    COMMITS = 1000
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_times(const char *what, double *seconds, size_t count) {
    qsort(seconds, count, sizeof *seconds, by_size);
    printf("%-28s p50 %.3f  p99 %.3f ms\n", what, seconds[count / 2] * 1e3,
           seconds[count * 99 / 100] * 1e3);
}

static void must(anp_status status, const anp_error *err) {
    if (status != ANP_OK) {
        fprintf(stderr, "%s: %s\n", anp_status_name(status), err->message);
        exit(1);
    }
}

static void append(store *s, store_table table, uint64_t count, size_t bytes, const char *what) {
    static char value[LARGE_BYTES];
    anp_error err = ANP_ERROR_INIT;
    store_txn *txn;
    double start = now();
    must(store_begin_write(s, &txn, &err), &err);
    for (uint64_t i = 0; i < count; i++) {
        memcpy(value, &i, sizeof i);
        must(store_put(txn, table, store_key_u64(i), str_make(value, bytes), true, &err), &err);
    }
    double put = now() - start;
    must(store_commit(txn, &err), &err);
    double all = now() - start, megabytes = (double)(count * bytes) / 1e6;
    printf("append %-21s %.0f MB/s, with sync %.0f MB/s, %.0f ns a put\n", what, megabytes / put,
           megabytes / all, put / (double)count * 1e9);
}

static void get(store_txn *txn, store_table table, uint32_t count, const char *what) {
    anp_error err = ANP_ERROR_INIT;
    prng p = {3};
    uint64_t bytes = 0;
    double start = now();
    for (int i = 0; i < READS; i++) {
        str value;
        must(store_get(txn, table, store_key_u64(prng_below(&p, count)), &value, &err), &err);
        bytes += value.len;
    }
    printf("get %-24s %.0f ns (%llu bytes)\n", what, (now() - start) / (double)READS * 1e9,
           (unsigned long long)bytes);
}

static void walk(store_txn *txn) {
    anp_error err = ANP_ERROR_INIT;
    store_cursor *cursor;
    store_key key = store_key_u64(0);
    str value;
    must(store_cursor_open(txn, STORE_LOG, &cursor, &err), &err);
    double start = now();
    anp_status status = store_seek(cursor, key, &key, &value, &err);
    while (status == ANP_OK) {
        status = store_next(cursor, &key, &value, &err);
    }
    printf("%-28s %.0f ns\n", "next, small", (now() - start) / (double)SMALL_COUNT * 1e9);
    store_cursor_close(cursor);
}

static void begin(store *s) {
    anp_error err = ANP_ERROR_INIT;
    double start = now();
    for (int i = 0; i < READS / 10; i++) {
        store_txn *txn;
        must(store_begin_read(s, &txn, &err), &err);
        store_abort(txn);
    }
    printf("%-28s %.0f ns\n", "begin and end a read", (now() - start) / (double)(READS / 10) * 1e9);
}

static void commit(store *s, const char *floor_path) {
    static double ours[COMMITS], least[COMMITS];
    static char page[8192];
    anp_error err = ANP_ERROR_INIT;
    int fd = open(floor_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    int synced = open(floor_path, O_WRONLY | O_DSYNC);
    for (int i = 0; i < COMMITS; i++) { /* by turns, so that both see the same disk */
        store_txn *txn;
        double start = now();
        must(store_begin_write(s, &txn, &err), &err);
        must(store_put(txn, STORE_POSTINGS, store_key_u64((uint64_t)i), STR("one small record"),
                       true, &err),
             &err);
        must(store_commit(txn, &err), &err);
        ours[i] = now() - start;
        start = now();
        if (pwrite(fd, page, sizeof page, 8192 + i % 50 * 8192) < 0 || fdatasync(fd) != 0 ||
            pwrite(synced, page, 136, 0) < 0) {
            exit(1);
        }
        least[i] = now() - start;
    }
    close(fd);
    close(synced);
    unlink(floor_path);
    print_times("commit of one record", ours, COMMITS);
    print_times("two synced writes", least, COMMITS);
}

static void verify(store *s, bool full) {
    anp_error err = ANP_ERROR_INIT;
    uint64_t problems, bytes;
    double start = now();
    must(store_verify(s, full, NULL, NULL, &problems, &err), &err);
    double took = now() - start;
    must(store_file_bytes(s, &bytes, &err), &err);
    printf("verify %-21s %.1f ms, %.0f MB/s, %llu problems\n", full ? "full" : "quick", took * 1e3,
           (double)bytes / 1e6 / took, (unsigned long long)problems);
}

int main(int argc, char **argv) {
    anp_error err = ANP_ERROR_INIT;
    char path[1000], witness[1010], lock[1010], rival[1010];
    store *s;
    store_txn *txn;
    snprintf(path, sizeof path, "%s/bench_store.%d", argc > 1 ? argv[1] : ".", (int)getpid());
    snprintf(witness, sizeof witness, "%s.witness", path);
    snprintf(lock, sizeof lock, "%s-lock", path);
    snprintf(rival, sizeof rival, "%s.rival", path);
    double start = now();
    must(store_create(path, NULL, NULL, &err), &err);
    printf("%-28s %.1f ms\n", "create", (now() - start) * 1e3);
    start = now();
    must(store_open(path, true, &s, &err), &err);
    printf("%-28s %.2f ms\n", "open", (now() - start) * 1e3);
    append(s, STORE_POSTS, LARGE_COUNT, LARGE_BYTES, "8000 bytes");
    append(s, STORE_LOG, SMALL_COUNT, SMALL_BYTES, "40 bytes");
    must(store_begin_read(s, &txn, &err), &err);
    get(txn, STORE_POSTS, LARGE_COUNT, "8000 bytes, first time");
    get(txn, STORE_POSTS, LARGE_COUNT, "8000 bytes, again");
    get(txn, STORE_LOG, SMALL_COUNT, "40 bytes");
    walk(txn);
    store_abort(txn);
    begin(s);
    commit(s, rival);
    verify(s, false);
    verify(s, true);
    store_close(s);
    unlink(path);
    unlink(witness);
    unlink(lock);
    return 0;
}
