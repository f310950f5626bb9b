/*
 * Runs the tests: `anp-tests [--list] [--here] [--one] [WORD...]`.
 *
 * With words, only the files whose ROOM/NAME contains one of them. Each file's function runs in a
 * child process, which counts in memory shared with this one, as many at the same time as there are
 * processors (--one: one after the other); a child that dies by a signal or runs too long fails the
 * case it was in. --here runs in this process instead, for a debugger.
 * The last line is `N passed, N failed, N skipped`.
 */
#include "test.h"

#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_SECONDS_MAX =
        900, /* a hang ends here; the slowest file under sanitizers takes a tenth of it */
    FAILURES_SHOWN_MAX = 20, /* of one case: a broken loop must not bury the first lines */
    JOBS_MAX = 8
};

/* A file that runs: what a child tells its parent. */
struct tally {
    const struct test_entry *entry; /* NULL: none, the place is free */
    pid_t child;
    double start;
    long passed, failed, skipped, checks;
    long case_failures; /* checks that failed in the current case */
    bool in_case, case_skipped, case_named;
    char case_name[160];
    char folder[80];
};

static struct tally *tally;
static const char *current_file = "";

static void case_begin(const char *name, bool named) {
    snprintf(tally->case_name, sizeof tally->case_name, "%s", name);
    tally->case_failures = 0;
    tally->case_skipped = false;
    tally->in_case = true;
    tally->case_named = named;
}

static void case_end(void) {
    if (!tally->in_case) return;
    tally->in_case = false;
    if (tally->case_failures > 0) {
        tally->failed++;
        fprintf(stderr, "FAILED %s: %s (%ld checks)\n", current_file, tally->case_name,
                tally->case_failures);
    } else if (tally->case_skipped) {
        tally->skipped++;
    } else {
        tally->passed++;
    }
}

void test_case(const char *name) {
    /* What ran before the first CASE only counts if it failed. */
    if (tally->in_case && !tally->case_named && tally->case_failures == 0) tally->in_case = false;
    case_end();
    case_begin(name, true);
}

/* Whether this failure is still shown. */
static bool fail(void) {
    tally->case_failures++;
    if (tally->case_failures == FAILURES_SHOWN_MAX + 1) {
        fprintf(stderr, "    ... further failures of this case are only counted\n");
    }
    return tally->case_failures <= FAILURES_SHOWN_MAX;
}

bool test_check(bool held, const char *file, int line, const char *what) {
    tally->checks++;
    if (!held && fail())
        fprintf(stderr, "%s:%d: [%s] not true: %s\n", file, line, tally->case_name, what);
    return held;
}

bool test_check_int(long long actual, long long expected, const char *file, int line,
                    const char *what) {
    tally->checks++;
    if (actual != expected && fail()) {
        fprintf(stderr, "%s:%d: [%s] %s is %lld, expected %lld\n", file, line, tally->case_name,
                what, actual, expected);
    }
    return actual == expected;
}

bool test_check_str(const char *actual, const char *expected, const char *file, int line,
                    const char *what) {
    bool same = actual == expected || (actual && expected && strcmp(actual, expected) == 0);
    tally->checks++;
    if (!same && fail()) {
        fprintf(stderr, "%s:%d: [%s] %s is\n    \"%s\", expected\n    \"%s\"\n", file, line,
                tally->case_name, what, actual ? actual : "(null)", expected ? expected : "(null)");
    }
    return same;
}

bool test_check_near(double actual, double expected, double tolerance, const char *file, int line,
                     const char *what) {
    bool near = fabs(actual - expected) <= tolerance; /* false for NaN */
    tally->checks++;
    if (!near && fail()) {
        fprintf(stderr, "%s:%d: [%s] %s is %.17g, expected %.17g within %g\n", file, line,
                tally->case_name, what, actual, expected, tolerance);
    }
    return near;
}

void test_skip(const char *file, int line, const char *reason) {
    tally->case_skipped = true;
    fprintf(stderr, "%s:%d: SKIPPED %s: %s\n", file, line, tally->case_name, reason);
}

void test_note(const char *format, ...) {
    va_list arguments;
    if (tally->case_failures > FAILURES_SHOWN_MAX) return;
    va_start(arguments, format);
    fputs("    ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk) {
    (void)info, (void)kind, (void)walk;
    return remove(path);
}

const char *test_folder(void) {
    const char *base = getenv("TMPDIR");
    if (tally->folder[0]) return tally->folder;
    snprintf(tally->folder, sizeof tally->folder, "%.60s/anp-test-XXXXXX",
             base && base[0] ? base : "/tmp");
    if (!mkdtemp(tally->folder)) {
        perror(tally->folder);
        abort();
    }
    return tally->folder;
}

int test_files(const char *start) {
    DIR *folder = opendir(test_folder());
    int count = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        count += strncmp(entry->d_name, start, strlen(start)) == 0;
    }
    if (folder) closedir(folder);
    return count;
}

static void run_function(const struct test_entry *entry) {
    case_begin(entry->name, false);
    entry->run();
    case_end();
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void begin_file(struct tally *t, const struct test_entry *entry) {
    *t = (struct tally){.entry = entry, .start = seconds()};
    tally = t;
    current_file = entry->name;
}

/* Adds a file's counts to those of all. */
static void end_file(struct tally *t, struct tally *all) {
    double took = seconds() - t->start;
    all->passed += t->passed;
    all->failed += t->failed;
    all->skipped += t->skipped;
    all->checks += t->checks;
    if (t->folder[0]) nftw(t->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (took > 1) printf("%s took %.1f s\n", t->entry->name, took);
    t->entry = NULL;
}

/* Runs one file in a child. */
static void start_child(struct tally *t, const struct test_entry *entry) {
    begin_file(t, entry);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(FILE_SECONDS_MAX);
        run_function(entry);
        exit(0); /* not _exit: sanitizers check for leaks here */
    }
    if (child < 0) {
        perror("cannot run a test in a child");
        exit(2);
    }
    t->child = child;
}

/* Waits for one, and reports how it ended, if not by returning. */
static void await_child(struct tally *all, struct tally *some, int jobs) {
    int status = 0;
    pid_t child = wait(&status);
    if (child < 0) {
        perror("cannot run a test in a child");
        exit(2);
    }
    for (struct tally *t = some; t < some + jobs; t++) {
        if (!t->entry || t->child != child) continue;
        if (WIFSIGNALED(status)) {
            fprintf(stderr, "FAILED %s: %s: killed by signal %d (%s)\n", t->entry->name,
                    t->case_name, WTERMSIG(status),
                    WTERMSIG(status) == SIGALRM ? "too slow" : strsignal(WTERMSIG(status)));
            t->failed++;
        } else if (WEXITSTATUS(status) != 0) {
            fprintf(stderr, "FAILED %s: %s: ended with exit status %d\n", t->entry->name,
                    t->case_name, WEXITSTATUS(status));
            t->failed++;
        }
        end_file(t, all);
    }
}

static int count_busy(const struct tally *some, int jobs) {
    int busy = 0;
    for (int i = 0; i < jobs; i++) busy += some[i].entry != NULL;
    return busy;
}

static struct tally *find_free(struct tally *some) {
    while (some->entry) some++;
    return some;
}

static bool wanted(const char *name, char **words, int count) {
    for (int i = 0; i < count; i++) {
        if (strstr(name, words[i])) return true;
    }
    return count == 0;
}

int main(int argc, char **argv) {
    bool here = false, list = false, one = false;
    int files = 0, first = 1;
    struct tally all = {0};
    for (; first < argc && strncmp(argv[first], "--", 2) == 0; first++) {
        here |= strcmp(argv[first], "--here") == 0;
        list |= strcmp(argv[first], "--list") == 0;
        one |= strcmp(argv[first], "--one") == 0;
    }
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int jobs = processors < 1 || here || one ? 1 : processors < JOBS_MAX ? (int)processors
                                                                         : JOBS_MAX;
    struct tally *some = mmap(NULL, JOBS_MAX * sizeof *some, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (some == MAP_FAILED) {
        perror("cannot share memory with the tests");
        return 2;
    }
    for (const struct test_entry *entry = test_list; entry->name; entry++) {
        if (!wanted(entry->name, argv + first, argc - first)) continue;
        files++;
        if (list) {
            puts(entry->name);
        } else if (here) {
            begin_file(some, entry);
            run_function(entry);
            end_file(some, &all);
        } else {
            if (count_busy(some, jobs) == jobs) await_child(&all, some, jobs);
            start_child(find_free(some), entry);
        }
    }
    while (count_busy(some, jobs) > 0) await_child(&all, some, jobs);
    if (list) return 0;
    if (files == 0) {
        fprintf(stderr, "no test file is named like that; --list shows all\n");
        return 2;
    }
    printf("%d test files, %ld checks\n", files, all.checks);
    printf("%ld passed, %ld failed, %ld skipped\n", all.passed, all.failed, all.skipped);
    return all.failed > 0;
}
