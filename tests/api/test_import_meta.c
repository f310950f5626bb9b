/*
 * An import of posts with values of their own, more than a drafter keeps the numbers of at once,
 * while posts wait for their run to be complete: each value finds its post, whatever the threads,
 * and the file is the same.
 */
#include "base/limits.h"
#include "base/prng.h"
#include "help.h"

#include <stdlib.h>

enum {
    SMALL = WINDOW_BITS < 12,
    POSTS = SMALL ? 900 : 21000,
    OWN = 3, /* values of each post alone */
    ASKED = 400,
    SEED = 20261130,
};

static void write_corpus(char path[300]) {
    prng random = {SEED};
    snprintf(path, 300, "%s/meta.jsonl", test_folder());
    FILE *f = fopen(path, "w");
    for (unsigned i = 0; CHECK(f != NULL) && i < POSTS; i++) {
        fprintf(f, "{\"id\":\"p%u\",\"title\":\"Post\",\"meta\":{\"n\":%u", i, i);
        for (unsigned k = 0; k < OWN; k++) {
            fprintf(f, ",\"own%u\":\"o%ux\"", k, i);
        }
        fprintf(f, ",\"score\":{\"quality\":%u}},\"body\":\"", prng_below(&random, 101));
        for (unsigned w = 2 + prng_below(&random, 40); w > 0; w--) {
            fprintf(f, "w%u ", prng_below(&random, 1 + prng_below(&random, 3000)));
        }
        fprintf(f, "only%u\"}\n", i);
    }
    if (f) {
        fclose(f);
    }
}

/* Each value is in one post, which has it. */
static void find_own(anp_index *index) {
    prng random = {SEED};
    anp_snapshot *shot;
    uint32_t wrong = 0;
    CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK);
    for (unsigned i = 0; i < ASKED; i++) {
        char text[60], id[20];
        anp_results *found;
        unsigned post = prng_below(&random, POSTS);
        snprintf(text, sizeof text, "own%u:o%ux", prng_below(&random, OWN), post);
        snprintf(id, sizeof id, "p%u", post);
        CHECK_EQ_INT(anp_query(shot, text, NULL, &found, NULL), ANP_OK);
        wrong += anp_results_total(found) != 1 || strcmp(anp_results_hit(found, 0).id, id) != 0;
        anp_results_free(found);
    }
    CHECK_EQ_INT(wrong, 0);
    anp_snapshot_close(shot);
}

static void import(const char *name, const char *path, unsigned threads) {
    anp_index *index = open_index(name, ANP_OPEN_CREATE, NULL);
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    anp_import_report report;
    anp_writer *w;
    options.threads = threads;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_import(w, &path, 1, &options, &report, NULL), ANP_OK);
    CHECK_EQ_INT(report.posts_added, POSTS);
    anp_writer_close(w);
    check_verifies(index);
    find_own(index);
    anp_index_close(index);
}

void test_api_import_meta(void) {
    static const char *const names[] = {"one", "two", "four"};
    char path[300];
    char *first = NULL;
    size_t first_len = 0;
    write_corpus(path);
    for (unsigned i = 0; i < 3; i++) {
        size_t len = 0;
        CASE(names[i]);
        import(names[i], path, 1u << i);
        char *bytes = read_whole(names[i], ".db", &len);
        if (i == 0) {
            first = bytes;
            first_len = len;
            continue;
        }
        CHECK_EQ_INT(len, first_len);
        CHECK(bytes && first && len == first_len && memcmp(bytes, first, len) == 0);
        free(bytes);
    }
    free(first);
}
