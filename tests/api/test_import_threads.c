/* An import is the same whatever the threads: the file, reports, what is left out, where it
   stops. */
#include "help.h"

#include <stdlib.h>

enum { POSTS = 2600, FILES = 3, MEMORY = 1 << 20 };

typedef struct reports {
    char text[1 << 16]; /* file's name, line and reason of each bad post */
    size_t len;
    int left; /* progress calls until it is cancelled; negative: never */
} reports;

static void note_bad(void *user, const char *file, uint64_t line, const char *reason) {
    reports *r = user;
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    int len = snprintf(r->text + r->len, sizeof r->text - r->len, "%s:%llu %s\n", name,
                       (unsigned long long)line, reason);
    if (CHECK(len > 0 && r->len + (size_t)len < sizeof r->text)) {
        r->len += (size_t)len;
    }
}

static bool note_progress(void *user, const anp_import_report *so_far) {
    reports *r = user;
    (void)so_far;
    return r->left < 0 || r->left-- > 0;
}

/* Posts of words that most have in common and some have alone; bad ones, replaced ones and such as
   were not reviewed among them. */
static void write_post(FILE *f, unsigned i) {
    unsigned id = i % 61 ? i : i / 3;
    if (i % 37 == 5) {
        fprintf(f, i % 2 ? "{\"title\":\"no id %u\"}\n" : "{broken %u\n", i);
        return;
    }
    fprintf(f, "{\"id\":\"p%u\",\"title\":\"Post %u\",\"meta\":{\"n\":%u,\"tag\":\"t%u\","
            "\"own\":\"o%u\",\"revision\":{\"status\":\"%s\"},"
            "\"flags\":{\"needs_human_review\":%d}},\"body\":\"",
            id, i, i, i % 11, i, i % 3 ? "reviewed" : "draft", i % 29 == 0);
    for (unsigned w = 0; w < 200; w++) {
        fprintf(f, "w%u ", w % 7 ? (w * w + i * 31) % 97 : (i * 7919 + w * 104729) % 40009);
    }
    fprintf(f, "Only%uOf\"}\n", i);
}

static void write_corpus(char paths[FILES][300]) {
    for (unsigned file = 0; file < FILES; file++) {
        snprintf(paths[file], 300, "%s/posts%u.jsonl", test_folder(), file);
        FILE *f = fopen(paths[file], "w");
        if (!CHECK(f != NULL)) {
            return;
        }
        for (unsigned i = file * POSTS / FILES; i < (file + 1) * POSTS / FILES; i++) {
            write_post(f, i);
        }
        fclose(f);
    }
}

typedef struct run {
    reports reports;
    anp_import_report report;
    anp_status status;
    anp_error err;
} run;

/* Imports the corpus into a new index of that name. */
static void import(const char *name, unsigned threads, anp_import_options options, run *out) {
    static char paths[FILES][300];
    const char *list[FILES];
    anp_index *index = open_index(name, ANP_OPEN_CREATE, NULL);
    anp_writer *w;
    if (!paths[0][0]) {
        write_corpus(paths);
    }
    for (int i = 0; i < FILES; i++) {
        list[i] = paths[i];
    }
    out->reports.len = 0;
    out->reports.text[0] = 0;
    out->err = (anp_error)ANP_ERROR_INIT;
    options.threads = threads;
    options.memory_bytes = MEMORY;
    options.on_bad_post = note_bad;
    options.user = &out->reports;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    out->status = anp_writer_import(w, list, FILES, &options, &out->report, &out->err);
    anp_writer_close(w);
    check_verifies(index);
    anp_index_close(index);
}

static const unsigned threads_of[] = {1, 2, 4};

static void same_files(const char *stem, anp_import_options options, anp_status status) {
    static run runs[3];
    char *first = NULL;
    size_t first_len = 0;
    for (int i = 0; i < 3; i++) {
        char name[40];
        size_t len = 0;
        snprintf(name, sizeof name, "%s%u", stem, threads_of[i]);
        runs[i].reports.left = -1;
        import(name, threads_of[i], options, &runs[i]);
        CHECK_EQ_INT(runs[i].status, status);
        char *bytes = read_whole(name, ".db", &len);
        if (i == 0) {
            first = bytes;
            first_len = len;
            continue;
        }
        CHECK_EQ_STR(runs[i].reports.text, runs[0].reports.text);
        CHECK_EQ_STR(runs[i].err.message, runs[0].err.message);
        CHECK_EQ_INT(runs[i].err.position, runs[0].err.position);
        CHECK_EQ_INT(runs[i].report.posts_added, runs[0].report.posts_added);
        CHECK_EQ_INT(runs[i].report.posts_replaced, runs[0].report.posts_replaced);
        CHECK_EQ_INT(runs[i].report.posts_skipped, runs[0].report.posts_skipped);
        CHECK_EQ_INT(runs[i].report.posts_held_back, runs[0].report.posts_held_back);
        CHECK_EQ_INT(len, first_len);
        CHECK(bytes && first && len == first_len && memcmp(bytes, first, len) == 0);
        free(bytes);
    }
    CHECK(runs[0].reports.len > 0);
    free(first);
}

/* Stopped by the caller: what was taken is there, and as many as the report says. */
static void cancelled(void) {
    static run r;
    for (int i = 0; i < 3; i++) {
        char name[40];
        anp_snapshot *s;
        anp_stats stats = ANP_STATS_INIT;
        anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
        options.on_progress = note_progress;
        snprintf(name, sizeof name, "cancelled%u", threads_of[i]);
        r.reports.left = 2;
        import(name, threads_of[i], options, &r);
        if (r.status != ANP_CANCELLED) { /* so fast that it was done before it was asked */
            CHECK_EQ_INT(r.status, ANP_OK);
        }
        anp_index *index = open_index(name, 0, NULL);
        if (CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK)) {
            CHECK_EQ_INT(anp_snapshot_stats(s, &stats, NULL), ANP_OK);
            CHECK_EQ_INT(stats.posts_live, r.report.posts_added);
            anp_snapshot_close(s);
        }
        anp_index_close(index);
    }
}

void test_api_import_threads(void) {
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    CASE("the same file at 1, 2 and 4 threads, in many batches");
    same_files("all", options, ANP_OK);
    CASE("and of reviewed posts only");
    options.require_reviewed = true;
    same_files("reviewed", options, ANP_OK);
    CASE("a strict import stops at the same post");
    options.strict = true;
    same_files("strict", options, ANP_BAD_POST);
    CASE("cancelled, the index holds what the report says");
    cancelled();
}
