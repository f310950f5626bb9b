/*
 * kill -9 at every change of a file that a commit makes, and at random moments: what was
 * acknowledged is there, no batch is there by half, and the index opens within a second and is
 * sound.
 */
#include "faults/shim.h"
#include "faults/work.h"
#include "store/aid.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    RANDOM_KILLS = 5, RANDOM_KILLS_FULL = 120, /* of each scenario */
    POINTS = 5, POINTS_FULL = 1 << 20,         /* of each scenario, and way to die */
};

#define OPEN_MS_MAX 1000.0

static _Atomic unsigned *acknowledged; /* shared with children */

static void acknowledge(void *user, unsigned steps) {
    (void)user;
    atomic_store(acknowledged, steps);
}

typedef struct sums {
    unsigned runs, killed, lost, refused, problems, slow;
    double slowest_ms;
} sums;

static void judge(const scenario *s, const char *path, sums *total, const char *when,
                  unsigned long long at) {
    unsigned steps = atomic_load(acknowledged);
    verdict v = work_judge(s, path, steps);
    total->runs++;
    total->lost += v.lost;
    total->refused += v.refused;
    total->problems += v.problems > 0;
    total->slow += v.open_ms > OPEN_MS_MAX;
    total->slowest_ms = v.open_ms > total->slowest_ms ? v.open_ms : total->slowest_ms;
    if (!CHECK(!v.lost && !v.refused && !v.problems && v.open_ms <= OPEN_MS_MAX)) {
        test_note("%s, killed %s %llu, %u acknowledged: %s", s->name, when, at, steps, v.why);
    }
}

static const char *folder(void) {
    static char name[400];
    snprintf(name, sizeof name, "%s/run", test_folder());
    mkdir(name, 0755);
    return name;
}

/* In a child: the scenario under a plan. */
static int run(const scenario *s, const char *path, const shim_plan *plan) {
    atomic_store(acknowledged, 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        shim_begin(plan);
        _exit((int)work_run(s, path, 0, acknowledge, NULL, NULL));
    }
    return aid_wait(child);
}

static void check_every_change(const scenario *s, const char *base, const char *path) {
    static const char *const deaths[] = {"before change", "amid change", "after change"};
    shim_plan plan = {.folder = folder()};
    sums total = {0};
    work_sweep(path); /* to take away what was left is a change too: it is not to be counted */
    work_copy(base, path);
    if (!CHECK_EQ_INT(run(s, path, &plan), ANP_OK)) {
        return;
    }
    uint64_t changes = shim_counted()->changes;
    CHECK(changes > 5);
    for (int death = 0; death < SHIM_DEATHS; death++) {
        uint64_t points = work_rounds(POINTS, POINTS_FULL);
        uint64_t step = changes > points ? changes / points : 1;
        for (uint64_t at = 1 + (uint64_t)death % step; at <= changes; at += step) {
            plan.kill_at_change = at;
            plan.death = (shim_death)death;
            work_remove(path);
            work_copy(base, path);
            int end = run(s, path, &plan);
            total.killed += end == -SIGKILL;
            if (!CHECK(end == -SIGKILL || (death == SHIM_HALF && end == ANP_OK))) {
                test_note("%s, %s %llu of %llu: ended with %d after %llu changes", s->name,
                          deaths[death], (unsigned long long)at, (unsigned long long)changes, end,
                          (unsigned long long)shim_counted()->changes);
            }
            judge(s, path, &total, deaths[death], (unsigned long long)at);
        }
    }
    work_tell("%-10s %4u kills at %llu changes (before, amid, after): lost %u, refused %u, unsound "
              "%u, opens over 1 s %u (slowest %.1f ms)",
              s->name, total.killed, (unsigned long long)changes, total.lost, total.refused,
              total.problems, total.slow, total.slowest_ms);
}

/* How long the scenario takes, for the random moments to lie in it. */
static long nanoseconds_of(const scenario *s, const char *base, const char *path) {
    struct timespec from, to;
    work_copy(base, path);
    clock_gettime(CLOCK_MONOTONIC, &from);
    run(s, path, &(shim_plan){0});
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (to.tv_sec - from.tv_sec) * 1000000000L + to.tv_nsec - from.tv_nsec;
}

/* In a build with small windows the scenario must do what its name says. */
static void check_merges(const scenario *s, const char *base, const char *path) {
    anp_index *index = NULL;
    anp_snapshot *snapshot = NULL;
    anp_stats stats = ANP_STATS_INIT;
    uint64_t grouped = 0;
    work_copy(base, path);
    CHECK_EQ_INT(run(s, path, &(shim_plan){0}), ANP_OK);
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_READ, NULL, &index, NULL), ANP_OK);
    CHECK_EQ_INT(anp_snapshot_open(index, &snapshot, NULL), ANP_OK);
    CHECK_EQ_INT(anp_snapshot_stats(snapshot, &stats, NULL), ANP_OK);
    for (size_t i = 0; i < stats.table_count; i++) {
        if (strncmp(stats.tables[i].name, "group_po", 8) == 0) { /* lists, and positions */
            grouped += stats.tables[i].entries;
        }
    }
    if (!CHECK(grouped > 10 && stats.windows >= GROUP_WINDOWS + 1)) {
        test_note("%llu values of groups, %u windows", (unsigned long long)grouped, stats.windows);
    }
    anp_snapshot_close(snapshot);
    anp_index_close(index);
}

static void check_random(const scenario *s, const char *base, const char *path) {
    prng p = {2026};
    sums total = {0};
    long whole = nanoseconds_of(s, base, path);
    unsigned wanted = work_rounds(RANDOM_KILLS, RANDOM_KILLS_FULL);
    for (unsigned i = 0; i < 4 * wanted && total.killed < wanted; i++) { /* some come too late */
        work_remove(path);
        work_copy(base, path);
        atomic_store(acknowledged, 0);
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            alarm(60);
            _exit((int)work_run(s, path, 0, acknowledge, NULL, NULL));
        }
        long pause = (long)(prng_next(&p) % (uint64_t)whole);
        nanosleep(&(struct timespec){pause / 1000000000L, pause % 1000000000L}, NULL);
        kill(child, SIGKILL);
        total.killed += aid_wait(child) == -SIGKILL;
        judge(s, path, &total, "at random, round", i);
    }
    work_tell("%-10s %4u kills at random moments: lost %u, refused %u, unsound %u, opens over 1 s "
              "%u (slowest %.1f ms)",
              s->name, total.killed, total.lost, total.refused, total.problems, total.slow,
              total.slowest_ms);
}

void test_faults_kill(void) {
    char name[120], path[450];
    acknowledged = mmap(NULL, sizeof *acknowledged, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    work_take_time();
    shim_share();
    snprintf(path, sizeof path, "%s/posts.db", folder());
    for (const scenario *s = scenarios; s->name; s++) {
        if (!work_wanted(s->name)) {
            continue;
        }
        const char *base = aid_path(s->name);
        work_prepare(s, base);
        if (strcmp(s->name, "merge") == 0) {
            CASE("merge: merges");
            check_merges(s, base, path);
        }
        snprintf(name, sizeof name, "%s: killed at random", s->name);
        CASE(name);
        check_random(s, base, path);
        snprintf(name, sizeof name, "%s: killed at every change", s->name);
        CASE(name);
        if (!shim_works()) {
            SKIP("this build does not count the changes");
        }
        check_every_change(s, base, path);
    }
}
