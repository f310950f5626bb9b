/*
 * An import whose runs are arranged, and the same posts in the order in which they are read: all
 * answers are the same but for the order of ties, each id's last post is the one that is kept, and
 * nothing is lost where runs end. Each post has a value of its own, so that drafters forget theirs
 * in the midst of runs. Some ids come twice, in one run and in others; some posts are bad, and some
 * wait for a review.
 */
#include "base/limits.h"
#include "base/prng.h"
#include "help.h"

#include <stdlib.h>

enum {
    SMALL = WINDOW_BITS < 12,
    POSTS = SMALL ? 700 : 30000,
    QUERIES = 14,
    FIRST_BAD = SMALL ? 410 : 2300,
    WORDS_MAX = 60,
    K = 2000,
    SEED = 20261130,
};

static const char *const queries[QUERIES] = {
    "w1",          "w2 w5",     "w0 w1 w2",        "+w3 +w7",     "\"w1 w2\"",  "w4 -w2",
    "n:>=500 w6",  "w9 w11^2",  "+w1 w12",         "title:w3 w1", "*",          "\"w0 w1\" w8",
    "of:t3 w2",    "own:o399",
};

static void write_post(FILE *f, prng *random, unsigned i) {
    if (i % 4001 == FIRST_BAD || (SMALL && i > FIRST_BAD && i % 97 == 5)) {
        fprintf(f, "{\"title\":\"no id\"}\n");
        return;
    }
    unsigned id = i % 9001 == 9000 ? i - 40 : i % 13001 == 13000 ? 5 : i;
    id = SMALL && i % 101 == 100 ? i - 7 : id;
    fprintf(f, "{\"id\":\"p%u\",\"title\":\"w%u post\",\"meta\":{\"n\":%u,"
            "\"own\":\"o%u\",\"of\":\"t%u\","
            "\"revision\":{\"status\":\"%s\"},"
            "\"flags\":{\"needs_human_review\":0},\"score\":{\"quality\":%u,\"depth\":%u}},"
            "\"body\":\"",
            id, prng_below(random, 9), i, i, i % 7, i % 50 == 3 ? "draft" : "reviewed",
            prng_below(random, 101), prng_below(random, 101));
    for (unsigned w = 2 + prng_below(random, WORDS_MAX); w > 0; w--) {
        fprintf(f, "w%u ", prng_below(random, 1 + prng_below(random, 20)));
    }
    fprintf(f, "only%u\"}\n", i);
}

static void write_corpus(char path[300]) {
    prng random = {SEED};
    snprintf(path, 300, "%s/order.jsonl", test_folder());
    FILE *f = fopen(path, "w");
    for (unsigned i = 0; CHECK(f != NULL) && i < POSTS; i++) {
        write_post(f, &random, i);
    }
    if (f) {
        fclose(f);
    }
}

static anp_index *import(const char *name, const char *path, bool keep_order, unsigned threads,
                         anp_import_report *report) {
    anp_index *index = open_index(name, ANP_OPEN_CREATE, NULL);
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    anp_writer *w;
    options.keep_order = keep_order;
    options.threads = threads;
    options.require_reviewed = true;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_import(w, &path, 1, &options, report, NULL), ANP_OK);
    anp_writer_close(w);
    check_verifies(index);
    return index;
}

/* ---- What is exported ---------------------------------------------------------------------- */

typedef struct exported {
    char *lines[POSTS];
    uint32_t count;
    uint32_t descents; /* lines whose meta has a lesser n than the one before */
    uint32_t last;
} exported;

static bool note_post(void *user, const char *json, size_t len) {
    exported *all = user;
    const char *n = strstr(json, "\"n\":");
    uint32_t number = n ? (uint32_t)strtoul(n + 4, NULL, 10) : 0;
    if (!CHECK(all->count < POSTS && n)) {
        return false;
    }
    all->descents += all->count && number < all->last;
    all->last = number;
    all->lines[all->count] = calloc(1, len + 1);
    memcpy(all->lines[all->count++], json, len);
    return true;
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static exported *export_all(anp_snapshot *shot) {
    exported *all = calloc(1, sizeof *all);
    CHECK_EQ_INT(anp_posts_export(shot, note_post, all, NULL), ANP_OK);
    qsort(all->lines, all->count, sizeof *all->lines, by_text);
    return all;
}

static void free_exported(exported *all) {
    for (uint32_t i = 0; i < all->count; i++) {
        free(all->lines[i]);
    }
    free(all);
}

static void compare_exports(anp_snapshot *arranged, anp_snapshot *kept) {
    exported *a = export_all(arranged), *b = export_all(kept);
    CHECK_EQ_INT(b->descents, 0);
    CHECK(a->descents > (SMALL ? 30 : 100));
    bool same = CHECK_EQ_INT(a->count, b->count);
    for (uint32_t i = 0; same && i < a->count; i++) {
        same = CHECK(strcmp(a->lines[i], b->lines[i]) == 0);
    }
    free_exported(a);
    free_exported(b);
}

/* ---- What is found ------------------------------------------------------------------------- */

static int by_score_then_id(const void *a, const void *b) {
    const anp_hit *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return strcmp(x->id, y->id);
}

/* The hits sorted; without those of the last score, which may have more than there is room for. */
static size_t sorted_hits(const anp_results *r, anp_hit *hits) {
    size_t count = anp_results_count(r);
    for (size_t i = 0; i < count; i++) {
        hits[i] = anp_results_hit(r, i);
    }
    qsort(hits, count, sizeof *hits, by_score_then_id);
    double last = count == K ? hits[count - 1].score : -1;
    while (count && hits[count - 1].score == last) {
        count--;
    }
    return count;
}

static void compare_queries(anp_snapshot *arranged, anp_snapshot *kept) {
    anp_hit *hits[2] = {malloc(K * sizeof **hits), malloc(K * sizeof **hits)};
    for (size_t q = 0; q < QUERIES; q++) {
        anp_results *found[2];
        size_t counts[2];
        anp_snapshot *shots[2] = {arranged, kept};
        anp_query_options options = ANP_QUERY_OPTIONS_INIT;
        options.k = K;
        for (int i = 0; i < 2; i++) {
            CHECK_EQ_INT(anp_query(shots[i], queries[q], &options, &found[i], NULL), ANP_OK);
            counts[i] = sorted_hits(found[i], hits[i]);
        }
        bool same = CHECK_EQ_INT(anp_results_total(found[0]), anp_results_total(found[1])) &&
                    CHECK_EQ_INT(counts[0], counts[1]) && CHECK(anp_results_count(found[0]) > 0);
        for (size_t i = 0; same && i < counts[0]; i++) {
            same = CHECK(strcmp(hits[0][i].id, hits[1][i].id) == 0 &&
                         hits[0][i].score == hits[1][i].score);
        }
        if (!same) {
                }
        anp_results_free(found[0]);
        anp_results_free(found[1]);
    }
    free(hits[0]);
    free(hits[1]);
}

/* All posts before the first bad one are there, though their run was not complete. */
static void stop_at_bad(const char *path) {
    anp_index *index = open_index("strict", ANP_OPEN_CREATE, NULL);
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    anp_import_report report;
    anp_writer *w;
    options.strict = true;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_import(w, &path, 1, &options, &report, NULL), ANP_BAD_POST);
    CHECK_EQ_INT(report.posts_added + report.posts_replaced, FIRST_BAD);
    anp_writer_close(w);
    check_verifies(index);
    anp_index_close(index);
}

/* Runs are no larger than what a batch may hold: of so few posts none is arranged. */
static void with_little_memory(const char *path) {
    anp_index *index = open_index("little", ANP_OPEN_CREATE, NULL);
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    anp_import_report report;
    anp_snapshot *shot;
    anp_writer *w;
    options.memory_bytes = 1 << 18;
    options.require_reviewed = true;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_import(w, &path, 1, &options, &report, NULL), ANP_OK);
    anp_writer_close(w);
    check_verifies(index);
    CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK);
    exported *all = export_all(shot);
    CHECK_EQ_INT(all->count, report.posts_added);
    CHECK(SMALL || all->descents == 0);
    free_exported(all);
    anp_snapshot_close(shot);
    anp_index_close(index);
}

void test_api_import_order(void) {
    char path[300];
    anp_import_report reports[2];
    anp_snapshot *shots[2];
    anp_index *indexes[2];
    write_corpus(path);
    for (int i = 0; i < 2; i++) {
        indexes[i] = import(i ? "kept" : "arranged", path, i, i ? 1 : 3, &reports[i]);
        CHECK_EQ_INT(anp_snapshot_open(indexes[i], &shots[i], NULL), ANP_OK);
    }
    CASE("the same report");
    CHECK_EQ_INT(reports[0].posts_added, reports[1].posts_added);
    CHECK_EQ_INT(reports[0].posts_replaced, reports[1].posts_replaced);
    CHECK_EQ_INT(reports[0].posts_skipped, reports[1].posts_skipped);
    CHECK_EQ_INT(reports[0].posts_held_back, reports[1].posts_held_back);
    CHECK(reports[0].posts_replaced > 2 && reports[0].posts_skipped > 2);
    CASE("the same posts");
    compare_exports(shots[0], shots[1]);
    CASE("the same answers");
    compare_queries(shots[0], shots[1]);
    CASE("where it stops");
    stop_at_bad(path);
    CASE("with little memory");
    with_little_memory(path);
    for (int i = 0; i < 2; i++) {
        anp_snapshot_close(shots[i]);
        anp_index_close(indexes[i]);
    }
}
