/*
 * A rewritten file is what LMDB would have made: a backup of random tables reads, verifies and can
 * be written on like its source. Under a writer, killed at any step, and with a full disk.
 */
#include "store/rewrite.h"

#include "store/aid.h"
#include "store/environment.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { VALUE_BYTES_MAX = 40000 };

static char noise[VALUE_BYTES_MAX];

static str random_value(prng *p) {
    static const uint32_t most[] = {20, 200, 2100, 5000, VALUE_BYTES_MAX};
    uint32_t kind = prng_below(p, 12);
    uint32_t len = prng_below(p, most[kind < 5 ? kind : kind % 2]);
    return str_make(noise + prng_below(p, VALUE_BYTES_MAX - len), len);
}

static store_key random_key(prng *p, store_table table, uint32_t range, char bytes[520]) {
    if (store_table_infos[table].key_kind == STORE_KEY_U64) {
        return store_key_u64(prng_below(p, range) * UINT64_C(0x100000001));
    }
    uint32_t number = prng_below(p, range);
    int len = sprintf(bytes, "%07u", number);
    while (len < 511 && number % 3 == 0) { /* long ones fill branches: a deep tree */
        bytes[len++] = (char)('a' + number % 26);
    }
    return store_key_bytes(str_make(bytes, (size_t)len));
}

/* Puts and deletes at random, in the store and in the twin. */
static void change(store *s, twin *t, prng *p, uint32_t changes, uint32_t range) {
    store_txn *txn;
    if (!CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < changes; i++) {
        char bytes[520];
        store_table table = (store_table)prng_below(p, STORE_TABLES);
        if (table == STORE_META || table == STORE_VALUES) { /* one stays empty, one small */
            table = STORE_IDS;
        }
        store_key key = random_key(p, table, range, bytes);
        if (prng_below(p, 4) == 0) {
            anp_status expected = twin_delete(t, table, key) ? ANP_OK : ANP_NOT_FOUND;
            CHECK_EQ_INT(store_delete(txn, table, key, NULL), expected);
            continue;
        }
        str value = random_value(p);
        CHECK_EQ_INT(store_put(txn, table, key, value, false, NULL), ANP_OK);
        twin_put(t, table, key, value);
    }
    store_key settings = store_key_bytes(STR("settings"));
    CHECK_EQ_INT(store_put(txn, STORE_META, settings, STR("some"), false, NULL), ANP_OK);
    twin_put(t, STORE_META, settings, STR("some"));
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
}

static void check_same(store *s, const twin *t) {
    store_txn *txn;
    if (CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK)) {
        CHECK(aid_same(txn, t));
        store_abort(txn);
    }
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
}

static anp_status backup(store *s, const char *to, anp_error *err) {
    return store_backup(s, to, (store_watch){0}, NULL, err);
}

static void check_random(uint64_t seed, uint32_t changes, uint32_t range) {
    prng p = {seed};
    twin t = {0};
    const char *from = aid_path("from.db"), *to = aid_path("to.db");
    aid_remove(from);
    aid_remove(to);
    aid_create(from);
    store *s = aid_open(from, true);
    for (int round = 0; s && round < 3; round++) {
        change(s, &t, &p, changes, range);
    }
    CHECK_EQ_INT(backup(s, to, NULL), ANP_OK);
    store *copy = aid_open(to, true);
    check_same(copy, &t);
    /* LMDB goes on with it: splits, merges, free pages. */
    twin other = twin_copy(&t);
    for (int round = 0; copy && round < 6; round++) {
        change(copy, &other, &p, changes / 2, range);
        check_same(copy, &other);
    }
    check_same(s, &t);
    store_close(copy);
    copy = aid_open(to, false);
    check_same(copy, &other);
    store_close(copy);
    store_close(s);
    twin_free(&t);
    twin_free(&other);
}

/* No page is free, and but for one a level of each table every page is full. */
static void check_rewritten(void) {
    const char *from = aid_path("dense.db"), *to = aid_path("dense-copy.db");
    enum { ENTRIES = 20000, VALUE = 100, A_PAGE = (4096 - 16) / (2 + 8 + 8 + VALUE + 8) };
    prng p = {5};
    store_txn *txn;
    store_table_size size;
    aid_create(from);
    store *s = aid_open(from, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < ENTRIES; i++) {
        store_key key = store_key_u64(i * 7919 % ENTRIES);
        store_put(txn, STORE_LOG, key, str_make(noise + prng_below(&p, 1000), VALUE), false, NULL);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    uint64_t bytes = 0;
    CHECK_EQ_INT(store_backup(s, to, (store_watch){0}, &bytes, NULL), ANP_OK);
    CHECK_EQ_INT(bytes, aid_file_bytes(to));
    CHECK(bytes < aid_file_bytes(from));
    store *copy = aid_open(to, false);
    CHECK_EQ_INT(store_begin_read(copy, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_table_measure(txn, STORE_LOG, &size, NULL), ANP_OK);
    store_abort(txn);
    uint64_t leaves = (ENTRIES + A_PAGE - 1) / A_PAGE, branches = leaves / 200 + 2;
    CHECK(size.bytes / 4096 >= leaves && size.bytes / 4096 <= leaves + branches);
    CHECK(bytes <= size.bytes + 4096 * (2 + 2)); /* metas, main, meta's leaf */
    store_close(copy);
    store_close(s);
}

/* ---- While others write -------------------------------------------------------------------- */

/* Commit after commit, each of which sets all numbers to its own. */
static void write_rounds(const char *path, uint64_t rounds) {
    store *s = NULL;
    if (store_open(path, true, &s, NULL) != ANP_OK) {
        _exit(2);
    }
    for (uint64_t round = 1; round <= rounds; round++) {
        store_txn *txn;
        if (store_begin_write(s, &txn, NULL) != ANP_OK) {
            _exit(3);
        }
        for (uint64_t key = 0; key < 2000; key++) {
            if (store_put(txn, STORE_LOG, store_key_u64(key), str_make((const char *)&round, 8),
                          false, NULL) != ANP_OK) {
                _exit(4);
            }
        }
        if (store_commit(txn, NULL) != ANP_OK) {
            _exit(5);
        }
    }
    store_close(s);
    _exit(0);
}

/* Whether all numbers are of one round; which. */
static bool one_round(const char *path, uint64_t *round) {
    store_txn *txn;
    store *s = aid_open(path, false);
    bool same = s && CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    for (uint64_t key = 0; same && key < 2000; key++) {
        str value;
        same = store_get(txn, STORE_LOG, store_key_u64(key), &value, NULL) == ANP_OK;
        uint64_t here = same ? load_u64(value.data) : 0;
        *round = key ? *round : here;
        same = same && here == *round;
    }
    if (s) {
        store_abort(txn);
        same = same && aid_verify(s, true, true) == 0;
    }
    store_close(s);
    return same;
}

static void check_under_writer(void) {
    const char *from = aid_path("busy.db");
    uint64_t last = 0;
    aid_create(from);
    pid_t first = fork();
    if (first == 0) {
        write_rounds(from, 1);
    }
    CHECK_EQ_INT(aid_wait(first), 0);
    pid_t child = fork();
    if (child == 0) {
        write_rounds(from, 200);
    }
    store *s = aid_open(from, false);
    for (int i = 0; i < 12; i++) {
        char name[32];
        uint64_t round = 0;
        sprintf(name, "busy-copy-%d.db", i);
        const char *to = aid_path(name);
        CHECK_EQ_INT(backup(s, to, NULL), ANP_OK);
        CHECK(one_round(to, &round));
        CHECK(round >= last || last == 1); /* the second child begins at 1 again */
        last = round;
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    store_close(s);
}

/* ---- What goes wrong ----------------------------------------------------------------------- */

static void die_at(void *user, const char *step) {
    if (strcmp(user, step) == 0) {
        raise(SIGKILL);
    }
}

static void check_killed_at(store *s, char *step, bool there, const twin *t) {
    const char *to = aid_path("killed.db");
    aid_remove(to);
    pid_t child = fork();
    if (child == 0) {
        store *own = NULL;
        store_registry.hook_step = die_at;
        store_registry.hook_user = step;
        if (store_open(store_path(s), false, &own, NULL) == ANP_OK) {
            backup(own, to, NULL);
        }
        _exit(0);
    }
    CHECK_EQ_INT(aid_wait(child), -SIGKILL);
    CHECK_EQ_INT(access(to, F_OK) == 0, there);
    if (there) {
        store *copy = aid_open(to, true);
        check_same(copy, t);
        store_close(copy);
        CHECK_EQ_INT(backup(s, to, NULL), ANP_BUSY);
    } else {
        CHECK_EQ_INT(backup(s, to, NULL), ANP_OK);
    }
    CHECK_EQ_INT(test_files("killed.db.create-"), 0);
}

static bool refuse_later(void *user, uint64_t done, uint64_t whole) {
    CHECK(done > 0 && whole > 0);
    return ++*(int *)user < 2;
}

static void check_refusals(store *s) {
    anp_error err = ANP_ERROR_INIT;
    int asked = 0;
    CASE("what exists is not overwritten");
    const char *to = aid_path("taken.db");
    CHECK(aid_copy("README.md", to));
    uint64_t before = aid_file_bytes(to);
    CHECK_EQ_INT(backup(s, to, &err), ANP_BUSY);
    CHECK(strstr(err.message, "exists") != NULL);
    CHECK_EQ_INT(aid_file_bytes(to), before);
    CHECK_EQ_INT(backup(s, store_path(s), &err), ANP_BUSY);
    CHECK_EQ_INT(backup(s, aid_path("no/such.db"), &err), ANP_NOT_FOUND);
    CASE("cancelled");
    store_watch watch = {refuse_later, &asked};
    CHECK_EQ_INT(store_backup(s, aid_path("cancelled.db"), watch, NULL, &err), ANP_CANCELLED);
    CHECK_EQ_INT(asked, 2);
    CHECK_EQ_INT(test_files("cancelled.db"), 0);
}

static void check_full_disk(store *s) {
    CASE("full disk");
    const char *folder = aid_path("disk");
    char to[450];
    snprintf(to, sizeof to, "%s/copy.db", folder);
    pid_t child = fork();
    if (child == 0) {
        anp_error err = ANP_ERROR_INIT;
        store *own = NULL;
        struct stat info;
        if (!aid_mount(folder, "size=1m")) {
            _exit(77);
        }
        bool fine = store_open(store_path(s), false, &own, NULL) == ANP_OK &&
                    backup(own, to, &err) == ANP_NOSPACE && strstr(err.message, "no space") &&
                    stat(to, &info) != 0 && rmdir(folder) != 0;
        DIR *dir = opendir(folder);
        int files = 0;
        while (dir && readdir(dir)) {
            files++;
        }
        _exit(fine && files == 2 ? 0 : 1); /* . and .. */
    }
    int end = aid_wait(child);
    if (end == 77) {
        SKIP("no right to mount");
    }
    CHECK_EQ_INT(end, 0);
}

static void check_order(store *s) {
    CASE("keys in order");
    store_txn *txn;
    store_rewrite *rewrite;
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    if (CHECK_EQ_INT(store_rewrite_open(txn, aid_path("order.db"), &rewrite, NULL), ANP_OK)) {
        CHECK_EQ_INT(store_rewrite_put(rewrite, STORE_LOG, store_key_u64(256), STR("a"), NULL),
                     ANP_OK);
        CHECK_EQ_INT(store_rewrite_put(rewrite, STORE_LOG, store_key_u64(256), STR("b"), NULL),
                     ANP_INVALID);
        CHECK_EQ_INT(store_rewrite_put(rewrite, STORE_LOG, store_key_u64(1), STR("b"), NULL),
                     ANP_INVALID);
        CHECK_EQ_INT(store_rewrite_put(rewrite, STORE_LOG, store_key_u64(257), STR("b"), NULL),
                     ANP_OK);
        CHECK_EQ_INT(store_rewrite_publish(rewrite, NULL), ANP_INVALID);
        store_rewrite_close(rewrite);
    }
    store_abort(txn);
    CHECK_EQ_INT(test_files("order.db"), 0);
}

void test_store_rewrite(void) {
    prng p = {1};
    for (int i = 0; i < VALUE_BYTES_MAX; i++) {
        noise[i] = (char)prng_next(&p);
    }
    CASE("empty");
    check_random(1, 0, 10);
    for (uint64_t seed = 2; seed < 8; seed++) {
        char name[32];
        sprintf(name, "random %d", (int)seed);
        CASE(name);
        check_random(seed, seed < 6 ? 300 : 6000, seed % 2 ? 100 : 100000);
    }
    CASE("rewritten");
    check_rewritten();
    CASE("under a writer");
    check_under_writer();

    const char *path = aid_path("source.db");
    twin t = {0};
    aid_create(path);
    store *s = aid_open(path, true);
    change(s, &t, &p, 2000, 100000);
    CASE("killed at each step");
    static char steps[][12] = {"made", "written", "synced", "cleared",
                               "published", "folder", "witnessed"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        check_killed_at(s, steps[i], i >= 4, &t);
    }
    check_refusals(s);
    check_order(s);
    check_full_disk(s);
    store_close(s);
    twin_free(&t);
}
