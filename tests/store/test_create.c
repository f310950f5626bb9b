/* Creation: whole or not at all, whoever is killed when; one winner; leftovers go. */
#include "store/aid.h"

#include "store/environment.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static anp_status init(void *user, store_txn *txn, anp_error *err) {
    (void)user;
    return store_put(txn, STORE_META, store_key_bytes(STR("settings")), STR("made"), false, err);
}

static anp_status refuse(void *user, store_txn *txn, anp_error *err) {
    (void)user, (void)txn, (void)err;
    return ANP_CANCELLED;
}

/* Files of the folder whose name begins so. */
static int count_files(const char *folder, const char *prefix) {
    DIR *list = opendir(folder);
    int count = 0;
    for (const struct dirent *entry; list && (entry = readdir(list));) {
        count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
    }
    if (list) {
        closedir(list);
    }
    return count;
}

static void die_at(void *user, const char *step) {
    if (strcmp(user, step) == 0) {
        kill(getpid(), SIGKILL);
    }
}

static bool is_whole(const char *path) {
    store_txn *txn;
    str value = {0};
    store *s = aid_open(path, true);
    if (!s) {
        return false;
    }
    bool whole = CHECK_EQ_INT(aid_verify(s, true, true), 0);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    whole = CHECK_EQ_INT(store_get(txn, STORE_META, store_key_bytes(STR("settings")), &value, NULL),
                         ANP_OK) &&
            whole;
    whole = CHECK(str_equal(value, STR("made"))) && whole;
    store_abort(txn);
    store_close(s);
    return whole;
}

/* `stale`: a witness that lies there before, or NULL. */
static void check_killed_at(char *step, bool there, const char *stale) {
    const char *path = aid_path("killed.db");
    anp_error err = ANP_ERROR_INIT;
    aid_remove(path);
    if (stale) {
        char name[450];
        snprintf(name, sizeof name, "%s.witness", path);
        CHECK(aid_copy(stale, name));
    }
    pid_t child = fork();
    if (child == 0) {
        store_registry.hook_step = die_at;
        store_registry.hook_user = step;
        _exit(store_create(path, init, NULL, NULL) == ANP_OK ? 1 : 2);
    }
    if (!CHECK_EQ_INT(aid_wait(child), -SIGKILL) || !CHECK_EQ_INT(access(path, F_OK) == 0, there)) {
        test_note("step %s", step);
    }
    CHECK_EQ_INT(count_files(test_folder(), "killed.db.create-"), !there);
    CHECK_EQ_INT(store_create(path, init, NULL, &err), there ? ANP_BUSY : ANP_OK);
    CHECK_EQ_INT(count_files(test_folder(), "killed.db.create-"), 0);
    CHECK(is_whole(path));
}

/* At any moment, not only at the steps that we thought of. */
static void check_killed_anywhere(void) {
    const char *path = aid_path("anywhere.db");
    prng p = {99};
    int made = 0, rounds = 60;
    for (int i = 0; i < rounds; i++) {
        aid_remove(path);
        pid_t child = fork();
        if (child == 0) {
            _exit(store_create(path, init, NULL, NULL) == ANP_OK ? 0 : 1);
        }
        struct timespec pause = {0, (long)prng_below(&p, 6000000)};
        nanosleep(&pause, NULL);
        kill(child, SIGKILL);
        int end = aid_wait(child);
        CHECK(end == -SIGKILL || end == 0);
        if (access(path, F_OK) == 0) {
            made++;
            CHECK(is_whole(path));
        } else {
            CHECK(end != 0);
        }
    }
    aid_remove(path);
    CHECK_EQ_INT(store_create(path, init, NULL, NULL), ANP_OK);
    CHECK_EQ_INT(count_files(test_folder(), "anywhere.db.create-"), 0);
    (void)made;
}

static void check_race(void) {
    const char *path = aid_path("race.db");
    enum { RIVALS = 6 };
    for (int round = 0; round < 5; round++) {
        pid_t children[RIVALS];
        int winners = 0;
        aid_remove(path);
        for (int i = 0; i < RIVALS; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                anp_status status = store_create(path, init, NULL, NULL);
                _exit(status == ANP_OK ? 1 : status == ANP_BUSY ? 2 : 3);
            }
        }
        for (int i = 0; i < RIVALS; i++) {
            int end = aid_wait(children[i]);
            CHECK(end == 1 || end == 2);
            winners += end == 1;
        }
        CHECK_EQ_INT(winners, 1);
        CHECK(is_whole(path));
        CHECK_EQ_INT(count_files(test_folder(), "race.db.create-"), 0);
    }
}

static void wait_in_init(void *user, const char *step) {
    int *pipe_ends = user;
    char byte;
    if (strcmp(step, "filled") == 0) {
        if (write(pipe_ends[1], "f", 1) != 1 || read(pipe_ends[2], &byte, 1) != 1) {
            _exit(9);
        }
    }
}

/* A creator that lives keeps its file while another one sweeps. */
static void check_sweep_spares_the_living(void) {
    const char *path = aid_path("living.db");
    int to_us[2], to_child[2];
    CHECK(pipe(to_us) == 0 && pipe(to_child) == 0);
    pid_t child = fork();
    if (child == 0) {
        int ends[3] = {0, to_us[1], to_child[0]};
        store_registry.hook_step = wait_in_init;
        store_registry.hook_user = ends;
        _exit(store_create(path, init, NULL, NULL) == ANP_BUSY ? 0 : 1);
    }
    char byte;
    CHECK_EQ_INT(read(to_us[0], &byte, 1), 1);
    CHECK_EQ_INT(count_files(test_folder(), "living.db.create-"), 1);
    CHECK_EQ_INT(store_create(path, init, NULL, NULL), ANP_OK);
    CHECK_EQ_INT(count_files(test_folder(), "living.db.create-"), 1);
    CHECK_EQ_INT(write(to_child[1], "g", 1), 1);
    CHECK_EQ_INT(aid_wait(child), 0); /* it lost, and found out */
    CHECK_EQ_INT(count_files(test_folder(), "living.db.create-"), 0);
    CHECK(is_whole(path));
}

void test_store_create(void) {
    anp_error err = ANP_ERROR_INIT;
    CASE("plain");
    const char *path = aid_path("plain.db");
    CHECK_EQ_INT(store_create(path, init, NULL, &err), ANP_OK);
    CHECK(is_whole(path));
    CHECK_EQ_INT(store_create(path, init, NULL, &err), ANP_BUSY);
    CHECK_EQ_INT(store_create(aid_path("no/plain.db"), init, NULL, &err), ANP_NOT_FOUND);
    CHECK_EQ_INT(count_files(test_folder(), "plain.db"), 3); /* with -lock and .witness */
    CASE("init refuses");
    CHECK_EQ_INT(store_create(aid_path("refused.db"), refuse, NULL, &err), ANP_CANCELLED);
    CHECK_EQ_INT(count_files(test_folder(), "refused.db"), 0);
    CASE("a witness of an index that is gone");
    store *s = aid_open(path, true);
    for (uint64_t i = 0; i < 5; i++) {
        store_txn *txn;
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(i), STR("x"), true, NULL), ANP_OK);
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    }
    store_close(s);
    unlink(path);
    CHECK_EQ_INT(store_create(path, init, NULL, &err), ANP_OK);
    CHECK(is_whole(path));
    /* And if nobody came to write the new one. */
    char stale[450];
    s = aid_open(path, true);
    for (uint64_t i = 0; i < 5; i++) {
        store_txn *txn;
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(i), STR("x"), true, NULL), ANP_OK);
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    }
    store_close(s);
    snprintf(stale, sizeof stale, "%s.witness", path);
    CHECK(aid_copy(stale, aid_path("stale")));
    static char published[] = "published";
    check_killed_at(published, true, aid_path("stale"));
    CASE("killed at each step");
    static char steps[][12] = {"made",    "opened",    "filled", "synced",
                               "cleared", "published", "folder", "witnessed"};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        check_killed_at(steps[i], i >= 5, NULL);
    }
    CASE("killed anywhere");
    check_killed_anywhere();
    CASE("many at once, one wins");
    check_race();
    CASE("sweeping spares the living");
    check_sweep_spares_the_living();
}
