/*
 * Opening: what is refused and in which words, sharing, the witness, full disks, read-only media.
 */
#include "store/aid.h"

#include "store/environment.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#if defined(__linux__)
#include <sys/mount.h>
#endif
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Opens what cannot be opened: the status, and a word that the message must have. */
static void refused(const char *path, bool writable, anp_status status, const char *word) {
    anp_error err = ANP_ERROR_INIT;
    store *s = NULL;
    CHECK_EQ_INT(store_open(path, writable, &s, &err), status);
    CHECK(s == NULL);
    if (!CHECK(strstr(err.message, word) != NULL)) {
        test_note("message: %s", err.message);
    }
    store_close(s);
}

static void write_file(const char *path, const void *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}

static void put_number(store *s, uint64_t number) {
    store_txn *txn;
    anp_error err = ANP_ERROR_INIT;
    if (CHECK_EQ_INT(store_begin_write(s, &txn, &err), ANP_OK)) {
        CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(number), STR("record"), false, &err),
                     ANP_OK);
        CHECK_EQ_INT(store_commit(txn, &err), ANP_OK);
    }
}

static void check_strangers(void) {
    static const char text[9000] = "SQLite format 3, or what else may lie about";
    const char *path = aid_path("stranger");
    refused(aid_path("none.db"), false, ANP_NOT_FOUND, "none.db");
    refused(aid_path("none/none.db"), true, ANP_NOT_FOUND, "none.db");
    refused("", false, ANP_INVALID, "empty");
    refused(test_folder(), false, ANP_FORMAT, "directory");
    refused(test_folder(), true, ANP_FORMAT, "directory");
    write_file(path, text, 0);
    refused(path, true, ANP_FORMAT, "empty");
    write_file(path, text, 50);
    refused(path, true, ANP_FORMAT, "not an index");
    write_file(path, text, sizeof text);
    refused(path, false, ANP_FORMAT, "not an index");
    unlink(path);
    CHECK_EQ_INT(mkfifo(path, 0644), 0);
    refused(path, false, ANP_FORMAT, "pipe");
    unlink(path);
    /* An LMDB file of somebody else. */
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    MDB_val key = {1, "k"}, value = {1, "v"};
    CHECK_EQ_INT(mdb_env_create(&env), 0);
    CHECK_EQ_INT(mdb_env_set_maxdbs(env, 2), 0);
    CHECK_EQ_INT(mdb_env_open(env, path, MDB_NOSUBDIR, 0644), 0);
    CHECK_EQ_INT(mdb_txn_begin(env, NULL, 0, &txn), 0);
    CHECK_EQ_INT(mdb_dbi_open(txn, "other", MDB_CREATE, &dbi), 0);
    CHECK_EQ_INT(mdb_put(txn, dbi, &key, &value, 0), 0);
    CHECK_EQ_INT(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    refused(path, true, ANP_FORMAT, "not an index");
}

/* Rewrites the format record behind the store's back. */
static void check_versions(void) {
    const char *path = aid_path("version.db");
    for (uint32_t version = STORE_FORMAT_VERSION - 1; version <= STORE_FORMAT_VERSION + 1;
         version++) {
        store_txn *txn;
        aid_remove(path);
        aid_create(path);
        store *s = aid_open(path, true);
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        CHECK_EQ_INT(
            table_put_own(txn, STR(STORE_FORMAT_KEY), str_make((const char *)&version, 4), NULL),
            ANP_OK);
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
        store_close(s);
        if (version == STORE_FORMAT_VERSION) {
            store_close(aid_open(path, false));
        } else {
            refused(path, false, ANP_FORMAT, version > STORE_FORMAT_VERSION ? "newer" : "older");
            refused(path, true, ANP_FORMAT, "anpsearch export");
        }
    }
}

static void check_sharing(void) {
    const char *path = aid_path("shared.db"), *link_path = aid_path("link.db");
    store_txn *txn;
    anp_error err = ANP_ERROR_INIT;
    store *second = NULL;
    str value;
    aid_create(path);
    CHECK_EQ_INT(symlink(path, link_path), 0);
    store *first = aid_open(path, true);
    second = aid_open(link_path, false);
    CHECK(first == second);
    CHECK_EQ_STR(store_path(first), path);
    store_close(first);
    put_number(second, 1); /* one reference is left */
    CHECK_EQ_INT(store_begin_read(second, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_LOG, store_key_u64(1), &value, NULL), ANP_OK);
    store_abort(txn);
    store_close(second);
    first = aid_open(path, false);
    CHECK(!store_writable(first));
    CHECK_EQ_INT(store_begin_write(first, &txn, &err), ANP_INVALID);
    CHECK_EQ_INT(store_open(path, true, &second, &err), ANP_BUSY);
    CHECK(strstr(err.message, "for reading") != NULL);
    /* Replaced under our feet. */
    unlink(path);
    aid_create(path);
    CHECK_EQ_INT(store_open(path, false, &second, &err), ANP_BUSY);
    CHECK(strstr(err.message, "replaced") != NULL);
    store_close(first);
    store_close(aid_open(path, true));
    store_close(NULL);
}

/* After another process resets the lock file nothing may go wrong: LMDB opened twice would. */
static void check_second_open_keeps_locks(void) {
    const char *path = aid_path("locks.db");
    aid_create(path);
    store *first = aid_open(path, true), *second = aid_open(path, true);
    store_txn *reader;
    put_number(first, 0);
    CHECK_EQ_INT(store_begin_read(first, &reader, NULL), ANP_OK);
    store_close(second); /* with a second environment this would drop the process's locks */
    pid_t child = fork();
    if (child == 0) {
        store *s = NULL;
        bool fine = store_open(path, true, &s, NULL) == ANP_OK;
        for (uint64_t i = 1; i < 200 && fine; i++) {
            store_txn *txn;
            fine = store_begin_write(s, &txn, NULL) == ANP_OK &&
                   store_put(txn, STORE_LOG, store_key_u64(i % 7), STR("other"), false, NULL) ==
                       ANP_OK &&
                   store_commit(txn, NULL) == ANP_OK;
        }
        store_close(s);
        _exit(fine ? 0 : 1);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    str value;
    CHECK_EQ_INT(store_get(reader, STORE_LOG, store_key_u64(0), &value, NULL), ANP_OK);
    CHECK(str_equal(value, STR("record")));
    store_abort(reader);
    CHECK_EQ_INT(aid_verify(first, true, true), 0);
    store_close(first);
}

static void check_fork(void) {
    const char *path = aid_path("fork.db");
    store_txn *txn;
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    pid_t child = fork();
    if (child == 0) {
        anp_error err = ANP_ERROR_INIT;
        store_txn *other;
        alarm(20); /* without the check for a fork it would wait for locks for ever */
        store *own = NULL;
        int wrong = store_begin_read(s, &other, &err) != ANP_INVALID;
        wrong |= (strstr(err.message, "fork") == NULL) << 1;
        wrong |= (store_begin_write(s, &other, &err) != ANP_INVALID) << 2;
        store_abort(txn);
        wrong |= (store_open(path, true, &own, &err) != ANP_OK || own == s) << 3;
        store_close(s);
        wrong |= (store_begin_write(own, &other, &err) != ANP_OK) << 4;
        store_abort(other);
        store_close(own);
        _exit(wrong);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    store_abort(txn);
    put_number(s, 1);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

static void check_witness(void) {
    const char *path = aid_path("witness.db"), *old = aid_path("old.db"),
               *aside = aid_path("aside");
    char witness_path[450], lock_path[450];
    anp_error err = ANP_ERROR_INIT;
    snprintf(witness_path, sizeof witness_path, "%s.witness", path);
    snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    aid_create(path);
    CHECK_EQ_INT(aid_file_bytes(witness_path), 64);
    store *s = aid_open(path, true);
    put_number(s, 1);
    put_number(s, 2);
    store_close(s);
    CHECK(aid_copy(path, old));
    CHECK(aid_copy(witness_path, aside));
    s = aid_open(path, true);
    put_number(s, 3);
    store_close(s);

    CASE("a witness one commit behind is fine, and renewed");
    CHECK(aid_copy(aside, witness_path));
    s = aid_open(path, true);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    put_number(s, 4);
    put_number(s, 5);
    store_close(s);
    CASE("far behind is fine: power failed before it was written back");
    CHECK(aid_copy(witness_path, aid_path("newest")));
    CHECK(aid_copy(aside, witness_path));
    s = aid_open(path, false);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
    CHECK(aid_copy(aid_path("newest"), witness_path));

    CASE("an older file is noticed");
    CHECK(aid_copy(old, path));
    refused(path, false, ANP_CORRUPT, "put back");
    refused(path, true, ANP_CORRUPT, "restored an older copy");
    CASE("another file with the same number of commits is noticed");
    s = NULL;
    unlink(witness_path);
    s = aid_open(path, true);
    uint64_t problems;
    store_txn *txn;
    CHECK_EQ_INT(store_verify(s, false, NULL, NULL, &problems, &err), ANP_OK);
    CHECK_EQ_INT(problems, 0); /* a missing witness is a note */
    put_number(s, 33);
    CHECK_EQ_INT(aid_file_bytes(witness_path), 64); /* made anew */
    store_close(s);
    CHECK(aid_copy(witness_path, aside));
    CHECK(aid_copy(old, path));
    unlink(witness_path);
    s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_IDS, store_key_bytes(STR("a")), STR("b"), false, NULL),
                 ANP_OK);
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    store_close(s);
    CHECK(aid_copy(aside, witness_path));
    refused(path, true, ANP_CORRUPT, "differs");
    CASE("a damaged witness is a problem, not a refusal");
    write_file(witness_path, "garbage", 7);
    s = aid_open(path, true);
    CHECK_EQ_INT(aid_verify(s, false, false), 1);
    put_number(s, 45);
    CHECK_EQ_INT(aid_verify(s, false, true), 0);
    store_close(s);
}

static int fill_up(store *s, uint64_t from, uint64_t *committed, anp_error *err) {
    static char bytes[60000];
    for (uint64_t i = from; i < from + 5000; i++) {
        store_txn *txn;
        anp_status status = store_begin_write(s, &txn, err);
        if (status == ANP_OK) {
            status = store_put(txn, STORE_POSTS, store_key_u64(i), str_make(bytes, sizeof bytes),
                               false, err);
            if (status != ANP_OK) {
                store_abort(txn);
            } else {
                status = store_commit(txn, err);
            }
        }
        if (status != ANP_OK) {
            return (int)status;
        }
        *committed = i + 1;
    }
    return ANP_OK;
}

#if defined(__linux__)
static void check_after_full(store *s, const char *path, uint64_t committed) {
    store_txn *txn;
    store_table_size size;
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_table_measure(txn, STORE_POSTS, &size, NULL), ANP_OK);
    CHECK_EQ_INT(size.entries, committed);
    store_abort(txn);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
    s = aid_open(path, true);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

static void check_full_disk(void) {
    const char *folder = aid_path("small");
    char path[450];
    anp_error err = ANP_ERROR_INIT;
    if (!aid_mount(folder, "size=3m")) {
        SKIP("a small tmpfs cannot be mounted here");
    }
    snprintf(path, sizeof path, "%s/full.db", folder);
    aid_create(path);
    store *s = aid_open(path, true);
    uint64_t committed = 0;
    CHECK_EQ_INT(fill_up(s, 0, &committed, &err), ANP_NOSPACE);
    CHECK(committed > 10 && committed < 100);
    if (!CHECK(strstr(err.message, "no space left") != NULL)) {
        test_note("message: %s", err.message);
    }
    check_after_full(s, path, committed);
    /* No room for a new one either; nothing of it stays. */
    char second[450];
    snprintf(second, sizeof second, "%s/second.db", folder);
    static char zeros[1 << 16];
    char ballast[450];
    snprintf(ballast, sizeof ballast, "%s/ballast", folder);
    int fd = open(ballast, O_WRONLY | O_CREAT, 0644);
    while (write(fd, zeros, sizeof zeros) > 0) {
    }
    close(fd);
    CHECK_EQ_INT(store_create(second, NULL, NULL, &err), ANP_NOSPACE);
    CHECK_EQ_INT(access(second, F_OK), -1);
    /* With room again the same file goes on. */
    CHECK_EQ_INT(unlink(ballast), 0);
    CHECK_EQ_INT(mount("tmpfs", folder, "tmpfs", MS_REMOUNT, "size=8m"), 0);
    s = aid_open(path, true);
    put_number(s, 7);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
    CHECK_EQ_INT(umount(folder), 0);
}

#else
static void check_full_disk(void) {
    SKIP("needs a small tmpfs");
}
#endif

static void check_file_limit(void) {
    const char *path = aid_path("limited.db");
    aid_create(path);
    pid_t child = fork();
    if (child == 0) {
        struct rlimit limit = {2 << 20, 2 << 20};
        anp_error err = ANP_ERROR_INIT;
        uint64_t committed = 0;
        store *s = NULL;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        int wrong = store_open(path, true, &s, &err) != ANP_OK;
        wrong |= (fill_up(s, 0, &committed, &err) != ANP_NOSPACE) << 1;
        wrong |= (strstr(err.message, "ulimit -f") == NULL) << 2;
        wrong |= (aid_verify(s, true, false) != 0) << 3;
        store_close(s);
        _exit(wrong);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
    store *s = aid_open(path, true);
    put_number(s, 1);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

#if defined(__linux__)
static void check_read_only_medium(void) {
    const char *folder = aid_path("frozen");
    char path[450], lock_path[460];
    store_txn *txn;
    str value;
    if (!aid_mount(folder, "size=4m")) {
        SKIP("a tmpfs cannot be mounted here");
    }
    snprintf(path, sizeof path, "%s/frozen.db", folder);
    snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    aid_create(path);
    store *s = aid_open(path, true);
    put_number(s, 5);
    store_close(s);
    unlink(lock_path);
    CHECK_EQ_INT(mount("tmpfs", folder, "tmpfs", MS_REMOUNT | MS_RDONLY, ""), 0);
    refused(path, true, ANP_IO, "for writing");
    s = aid_open(path, false);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_LOG, store_key_u64(5), &value, NULL), ANP_OK);
    store_abort(txn);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
    CHECK_EQ_INT(umount(folder), 0);
}

#else
static void check_read_only_medium(void) {
    SKIP("needs a tmpfs");
}
#endif

/* A user who may read the index but not write beside it. */
static void check_no_rights(void) {
    if (geteuid() != 0) {
        SKIP("only root can become somebody else");
    }
    const char *folder = aid_path("guarded");
    char path[450], lock_path[460];
    CHECK_EQ_INT(chmod(test_folder(), 0755), 0);
    CHECK_EQ_INT(mkdir(folder, 0755), 0);
    snprintf(path, sizeof path, "%s/guarded.db", folder);
    snprintf(lock_path, sizeof lock_path, "%s-lock", path);
    aid_create(path);
    CHECK_EQ_INT(chmod(path, 0644), 0);
    for (int locked = 0; locked < 2; locked++) {
        pid_t child = fork();
        if (child == 0) {
            anp_error err = ANP_ERROR_INIT;
            store *s = NULL;
            if (setgid(65534) != 0 || setuid(65534) != 0) {
                _exit(8);
            }
            anp_status status = store_open(path, false, &s, &err);
            bool fine =
                locked ? status == ANP_IO && strstr(err.message, "-lock") : status == ANP_OK;
            fine = fine && store_open(path, true, &s, &err) == ANP_IO;
            _exit(fine ? 0 : 1);
        }
        CHECK_EQ_INT(aid_wait(child), 0);
        store_close(aid_open(path, true)); /* leaves a lock file for the second round */
        CHECK_EQ_INT(access(lock_path, F_OK), 0);
        CHECK_EQ_INT(chmod(lock_path, 0644), 0);
    }
}

/* Addresses for a small map only. */
static void check_few_addresses(void) {
    const char *path = aid_path("narrow.db");
    unsigned long pages = 0;
    FILE *size = fopen("/proc/self/statm", "r");
    if (!size || fscanf(size, "%lu", &pages) != 1) {
        if (size) {
            fclose(size);
        }
        SKIP("nobody tells how many addresses are in use");
    }
    fclose(size);
    aid_create(path);
    rlim_t used = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
    pid_t child = fork();
    if (child == 0) {
        /* So many that a large map is tried first, but most of them taken. */
        rlim_t most = (rlim_t)100 << 30, all = used + most + (1200u << 20);
        struct rlimit limit = {all, all};
        anp_error err = ANP_ERROR_INIT;
        store *s = NULL;
        setrlimit(RLIMIT_AS, &limit);
        void *taken =
            mmap(NULL, most, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        int wrong = taken == MAP_FAILED || store_open(path, true, &s, &err) != ANP_OK;
        if (!wrong) {
            put_number(s, 1);
            wrong |= (s->map_bytes > 600u << 20) << 1;
            wrong |= (aid_verify(s, true, false) != 0) << 2;
            store_close(s);
        }
        limit.rlim_cur = used + most + (100 << 20);
        setrlimit(RLIMIT_AS, &limit);
        wrong |= (store_open(path, true, &s, &err) != ANP_NOMEM) << 3;
        wrong |= (strstr(err.message, "ulimit -v") == NULL) << 4;
        _exit(wrong);
    }
    CHECK_EQ_INT(aid_wait(child), 0);
}

void test_store_open(void) {
    CASE("what is not an index");
    check_strangers();
    CASE("other format versions");
    check_versions();
    CASE("a second open shares");
    check_sharing();
    CASE("a second close keeps the locks");
    check_second_open_keeps_locks();
    CASE("use across fork");
    check_fork();
    CASE("witness");
    check_witness();
    CASE("a full disk");
    check_full_disk();
    CASE("a limit of the file's size");
    check_file_limit();
    CASE("few addresses");
    check_few_addresses();
    CASE("a read-only medium");
    check_read_only_medium();
    CASE("a reader without rights");
    check_no_rights();
}
