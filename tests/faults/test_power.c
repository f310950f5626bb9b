/*
 * Power failures, replayed from the writes and syncs that a run made: whatever had reached the
 * disk, what was acknowledged is there, no batch is there by half, and the index is sound; a torn
 * meta page never goes unnoticed.
 */
#include "faults/power.h"
#include "faults/shim.h"
#include "faults/work.h"
#include "store/aid.h"
#include "store/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    IMAGES = 30, IMAGES_FULL = 400, /* of each scenario, spread over its log */
    TEARS = 36, TEARS_FULL = 400,   /* of meta pages, of each scenario */
    META_BYTES_MAX = 200,
};

typedef struct sums {
    unsigned images, lost, refused, problems, absent, late;
} sums;

typedef struct places {
    char base[450]; /* folder with the index as it was at the beginning */
    char run[450];
    char image[450];
} places;

static void tell_note(void *user, unsigned steps) {
    (void)user;
    shim_note(steps);
}

static void make_places(places *at, const char *name) {
    snprintf(at->base, sizeof at->base, "%s/base-%s", test_folder(), name);
    snprintf(at->run, sizeof at->run, "%s/run-%s", test_folder(), name);
    snprintf(at->image, sizeof at->image, "%s/image-%s", test_folder(), name);
    mkdir(at->base, 0755);
    mkdir(at->run, 0755);
    mkdir(at->image, 0755);
}

static const char *index_in(const char *folder) {
    static char paths[4][500];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof paths[0], "%s/posts.db", folder);
    return path;
}

/* Runs the scenario once and writes down what it does to its files; how many entries that are. */
static size_t record(const scenario *s, const places *at) {
    work_prepare(s, index_in(at->base));
    work_copy(index_in(at->base), index_in(at->run));
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        shim_begin(&(shim_plan){.folder = at->run, .log = true});
        _exit((int)work_run(s, index_in(at->run), 0, tell_note, NULL, NULL));
    }
    CHECK_EQ_INT(aid_wait(child), ANP_OK);
    size_t bytes, count = 0;
    const uint8_t *log = shim_log(&bytes);
    power *p = power_open(log, bytes, at->base);
    while (power_next(p)) {
        count++;
    }
    power_close(p);
    return count;
}

static power *open_log(const places *at) {
    size_t bytes;
    const uint8_t *log = shim_log(&bytes);
    return power_open(log, bytes, at->base);
}

static void check_images(const scenario *s, const places *at, size_t count) {
    prng random = {31};
    sums total = {0};
    power *p = open_log(at);
    uint64_t images = work_rounds(IMAGES, IMAGES_FULL), made = 0, passed = 0;
    while (power_next(p)) {
        passed++;
        for (; made < images * passed / count; made++) {
            power_image(p, &random, at->image);
            verdict v = work_judge(s, index_in(at->image), power_noted(p));
            total.images++;
            total.lost += v.lost;
            total.refused += v.refused;
            total.absent += v.absent;
            total.problems += v.problems > 0;
            if (!CHECK(!v.lost && !v.refused && !v.problems)) {
                test_note("%s, image %llu, at entry %llu of %zu, %u acknowledged: %s", s->name,
                          (unsigned long long)made, (unsigned long long)passed, count,
                          power_noted(p), v.why);
            }
        }
    }
    power_close(p);
    work_tell("%-10s %5u images of power failures at %zu changes: lost %u, refused %u, unsound %u "
              "(not yet made: %u)",
              s->name, total.images, count, total.lost, total.refused, total.problems,
              total.absent);
}

/* A commit's last write. */
static bool is_meta_write(const power *p, const shim_entry *entry) {
    return entry->kind == SHIM_WRITE && entry->synced && power_is_of(p, "posts.db") &&
           entry->offset < PAGE_META_COUNT * 4096 && entry->bytes <= META_BYTES_MAX;
}

/* The front or the back of it, or any of its 8-byte words. */
static void tear(uint8_t *taken, uint32_t bytes, prng *random, uint32_t number) {
    uint32_t at = prng_below(random, bytes);
    for (uint32_t i = 0; i < bytes; i++) {
        taken[i] = number % 3 == 0 ? i < at : i >= at;
    }
    if (number % 3 == 2) {
        for (uint32_t i = 0; i < bytes; i += 8) {
            uint8_t word = (uint8_t)prng_below(random, 2);
            memset(taken + i, word, bytes - i < 8 ? bytes - i : 8);
        }
    }
}

static void check_torn(const scenario *s, const places *at) {
    prng random = {73};
    sums total = {0};
    unsigned metas = 0, seen = 0;
    power *p = open_log(at);
    for (const shim_entry *entry; (entry = power_next(p));) {
        metas += is_meta_write(p, entry);
    }
    power_close(p);
    p = open_log(at);
    for (const shim_entry *entry; (entry = power_next(p));) {
        if (!is_meta_write(p, entry)) {
            continue;
        }
        unsigned tears = work_rounds(TEARS, TEARS_FULL);
        for (unsigned i = tears * seen / metas; i < tears * (seen + 1) / metas; i++) {
            uint8_t taken[META_BYTES_MAX] = {0};
            tear(taken, entry->bytes, &random, i);
            power_torn(p, taken, at->image);
            verdict v = work_judge(s, index_in(at->image), power_noted(p));
            total.images++;
            total.refused += v.refused;
            total.problems += v.problems > 0;
            total.late += v.lost && v.problems > 0;
            total.lost += v.lost && !v.problems;
            if (!CHECK(!v.lost || v.problems > 0)) {
                test_note("%s, torn meta page %u, tear %u: %s", s->name, seen, i, v.why);
            }
        }
        seen++;
    }
    power_close(p);
    CHECK(metas > 0);
    work_tell("%-10s %5u torn meta pages of %u: whole %u, refused %u, found by verify %u (of these "
              "opened with another state %u), unnoticed %u",
              s->name, total.images, metas, total.images - total.refused - total.problems,
              total.refused, total.problems, total.late, total.lost);
}

void test_faults_power(void) {
    char name[120];
    if (!shim_works()) {
        CASE("power failures");
        SKIP("this build does not write down what is written");
    }
    work_take_time();
    shim_share();
    for (const scenario *s = scenarios; s->name; s++) {
        if (!work_wanted(s->name)) {
            continue;
        }
        places at;
        make_places(&at, s->name);
        snprintf(name, sizeof name, "%s: power fails", s->name);
        CASE(name);
        size_t count = record(s, &at);
        check_images(s, &at, count);
        snprintf(name, sizeof name, "%s: a torn meta page", s->name);
        CASE(name);
        check_torn(s, &at);
    }
}
