/*
 * Every allocation and every system call fails once: a named error or none at all, no crash, no
 * hang; other handles of the process go on reading, the next try goes through, and the index is
 * sound.
 */
#include "faults/shim.h"
#include "faults/work.h"
#include "store/aid.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ALLOCATIONS = 7, /* of each scenario */
    CALLS = 3,        /* the same, for each errno */
    /* There are ten thousand in a scenario with many merges. */
    ALLOCATIONS_FULL = WORK_SMALL ? 500 : 1 << 30,
    CALLS_FULL = WORK_SMALL ? 100 : 1 << 30,
    SECONDS_MAX = 30,
};

/* What a child tells. */
typedef struct outcome {
    unsigned acknowledged;
    anp_status status;  /* of the run with the fault */
    anp_status reading; /* of another handle of the process, afterwards */
    anp_status retry;   /* of the same steps, afterwards */
    bool done;          /* it came to the end */
    verdict after;      /* as the same process found the index before the retry */
    char message[512];
    char reading_message[512];
    char retry_message[512];
} outcome;

static outcome *told;

typedef struct sums {
    unsigned runs, fired, tolerated, misnamed, crashed, stuck, unsound;
} sums;

static void acknowledge(void *user, unsigned steps) {
    (void)user;
    told->acknowledged = steps;
}

static const char *folder(void) {
    static char name[400];
    snprintf(name, sizeof name, "%s/run", test_folder());
    mkdir(name, 0755);
    return name;
}

/* A handle that somebody else in the process has: search goes on whatever a writer meets. */
static anp_status read_on(anp_index *index, anp_error *err) {
    anp_snapshot *snapshot = NULL;
    anp_results *results = NULL;
    if (!index) {
        return ANP_OK;
    }
    anp_status status = anp_snapshot_open(index, &snapshot, err);
    if (status == ANP_OK) {
        status = anp_query(snapshot, "cache queue", NULL, &results, err);
        if (status == ANP_OK) {
            status = anp_results_total(results) > 5 ? ANP_OK : ANP_CORRUPT;
            anp_results_free(results);
        }
    }
    anp_snapshot_close(snapshot);
    return status;
}

static void run_child(const scenario *s, const char *path, const shim_plan *plan) {
    anp_error err = ANP_ERROR_INIT, later = ANP_ERROR_INIT;
    anp_index *other = NULL;
    if (s->base_posts && anp_index_open(path, ANP_OPEN_WRITE, NULL, &other, &err) != ANP_OK) {
        _exit(9);
    }
    alarm(SECONDS_MAX);
    shim_begin(plan);
    told->status = work_run(s, path, 0, acknowledge, NULL, &err);
    shim_end();
    memcpy(told->message, err.message, sizeof told->message);
    told->reading = read_on(other, &later);
    memcpy(told->reading_message, later.message, sizeof later.message);
    told->after = work_judge_here(s, path, told->acknowledged);
    if (told->acknowledged < s->steps) {
        later.message[0] = 0;
        told->retry = work_run(s, path, told->acknowledged, NULL, NULL, &later);
        memcpy(told->retry_message, later.message, sizeof later.message);
    }
    anp_index_close(other);
    told->done = true;
    _exit(0);
}

static void run_reader(const char *path, const shim_plan *plan) {
    anp_error err = ANP_ERROR_INIT, later = ANP_ERROR_INIT;
    alarm(SECONDS_MAX);
    shim_begin(plan);
    told->status = work_read(path, &err);
    shim_end();
    memcpy(told->message, err.message, sizeof told->message);
    told->retry = work_read(path, &later);
    memcpy(told->retry_message, later.message, sizeof later.message);
    told->done = true;
    _exit(0);
}

/* Runs one plan; the child's end. */
static int run(const scenario *s, const char *base, const char *path, const shim_plan *plan) {
    work_remove(path);
    work_copy(base, path);
    memset(told, 0, sizeof *told);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (s->run) {
            run_child(s, path, plan);
        }
        run_reader(path, plan);
    }
    return aid_wait(child);
}

static bool named(const shim_plan *plan) {
    anp_status status = told->status;
    if (!told->message[0]) {
        return false;
    }
    if (plan->fail_allocation) {
        return status == ANP_NOMEM;
    }
    if (status == ANP_BUSY && strcmp(shim_counted()->what, "unlink") == 0) {
        return true; /* the scenario's own: then the last copy is in the way */
    }
    return status == ANP_IO || status == ANP_NOSPACE || status == ANP_NOMEM;
}

static void judge(const scenario *s, const char *path, const shim_plan *plan, int end,
                  sums *total) {
    const shim_counts *counts = shim_counted();
    const char *what = counts->fired ? counts->what : "nothing";
    unsigned long long at = plan->fail_allocation ? plan->fail_allocation : plan->fail_call;
    bool crashed = end != 0 && end != -SIGALRM;
    total->runs++;
    total->fired += counts->fired;
    total->crashed += crashed;
    total->stuck += end == -SIGALRM;
    total->tolerated += counts->fired && told->status == ANP_OK;
    if (!CHECK(end == 0 && told->done)) {
        test_note("%s, %s %llu failed with %d: ended with %d", s->name, what, at, plan->fail_code,
                  end);
        return;
    }
    if (told->status != ANP_OK && !CHECK(named(plan))) {
        total->misnamed++;
        test_note("%s, %s %llu failed with %d: status %d: %s", s->name, what, at, plan->fail_code,
                  told->status, told->message);
    }
    if (!CHECK_EQ_INT(told->reading, ANP_OK)) {
        test_note("%s, %s %llu failed with %d, then: %s", s->name, what, at, plan->fail_code,
                  told->reading_message);
    }
    if (!CHECK_EQ_INT(told->retry, ANP_OK)) {
        test_note("%s, %s %llu failed with %d, tried again: %s", s->name, what, at,
                  plan->fail_code, told->retry_message);
    }
    verdict v = told->after;
    if (s->run && !v.lost && !v.refused && !v.problems) {
        v = work_judge(s, path, s->steps);
    }
    total->unsound += v.lost || v.refused || v.problems;
    if (!CHECK(!v.lost && !v.refused && !v.problems)) {
        test_note("%s, %s %llu failed with %d, %u acknowledged: %s", s->name, what, at,
                  plan->fail_code, told->acknowledged, v.why);
    }
}

static void tell(const scenario *s, uint64_t all, const char *what, const sums *total) {
    work_tell("%-10s %5u of %llu %s failed once: without effect %u, named errors %u, misnamed %u, "
              "crashes %u, hangs %u, unsound %u",
              s->name, total->fired, (unsigned long long)all, what, total->tolerated,
              total->fired - total->tolerated - total->misnamed - total->crashed - total->stuck,
              total->misnamed, total->crashed, total->stuck, total->unsound);
}

static void check_allocations(const scenario *s, const char *base, const char *path) {
    shim_plan plan = {.folder = folder()};
    sums total = {0};
    if (!CHECK_EQ_INT(run(s, base, path, &plan), 0)) {
        return;
    }
    uint64_t all = shim_counted()->allocations, points = work_rounds(ALLOCATIONS, ALLOCATIONS_FULL);
    points = s->run ? points : all; /* reading is quick */
    uint64_t step = all > points ? all / points : 1;
    CHECK(all > 20);
    for (uint64_t at = 1; at <= all; at += step) {
        plan.fail_allocation = at;
        judge(s, path, &plan, run(s, base, path, &plan), &total);
    }
    tell(s, all, "allocations", &total);
}

static void check_calls(const scenario *s, const char *base, const char *path, int code,
                        const char *name) {
    char what[40];
    shim_plan plan = {.folder = folder(), .fail_code = code};
    sums total = {0};
    run(s, base, path, &plan);
    uint64_t all = shim_counted()->calls, points = work_rounds(CALLS, CALLS_FULL);
    uint64_t step = all > points ? all / points : 1;
    CHECK(all > 10);
    for (uint64_t at = 1 + (uint64_t)code % step; at <= all; at += step) {
        plan.fail_call = at;
        judge(s, path, &plan, run(s, base, path, &plan), &total);
    }
    snprintf(what, sizeof what, "calls (%s)", name);
    tell(s, all, what, &total);
}

void test_faults_fail(void) {
    static const scenario reader = {.name = "read", .base_posts = 60};
    static const struct { int code; const char *name; } codes[] = {
        {EIO, "EIO"}, {ENOSPC, "ENOSPC"}, {EINTR, "EINTR"}};
    char name[120], path[450];
    CASE("works here");
    if (!shim_works()) {
        SKIP("this build does not count calls");
    }
    work_take_time();
    shim_share();
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    snprintf(path, sizeof path, "%s/posts.db", folder());
    for (size_t i = 0; i == 0 || scenarios[i - 1].name; i++) {
        const scenario *s = i ? &scenarios[i - 1] : &reader;
        if (!work_wanted(s->name)) {
            continue;
        }
        const char *base = aid_path(s->name);
        work_prepare(s, base);
        snprintf(name, sizeof name, "%s: an allocation fails", s->name);
        CASE(name);
        check_allocations(s, base, path);
        for (size_t j = 0; j < sizeof codes / sizeof *codes; j++) {
            snprintf(name, sizeof name, "%s: a call fails with %s", s->name, codes[j].name);
            CASE(name);
            check_calls(s, base, path, codes[j].code, codes[j].name);
        }
    }
}
