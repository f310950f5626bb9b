/* An index whose merges wait until a test asks for them, a step of any size at a time. */
#ifndef ANP_TESTS_INDEX_STAGED_H
#define ANP_TESTS_INDEX_STAGED_H

#include "base/prng.h"
#include "index/merge.h"
#include "index/writer.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    STAGED_WORDS = 16,
    STAGED_BATCH = LOG_POSTS_MAX / 20 + 1, /* folds a log, owes less than a step */
};

/* So many groups, a window and a part of one, a log; with large windows some segments. */
static inline uint32_t staged_posts(uint32_t groups) {
    return WINDOW_BITS > 8 ? LOG_POSTS_MAX + LOG_POSTS_MAX / 4
                           : (groups * GROUP_WINDOWS + 1) * WINDOW_DOCS + 37;
}

static inline void staged_words(prng *p, char **at, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = prng_below(p, STAGED_WORDS);
        *at += sprintf(*at, "%sw%ux", i ? " " : "", prng_below(p, word + 1));
    }
}

static inline bool staged_add(prng *p, uint32_t id, index_writer *w) {
    char json[2048], *at = json;
    arena memory = {0};
    post article;
    anp_error err = ANP_ERROR_INIT;
    at += sprintf(at, "{\"id\":\"id-%u\",\"title\":\"", id);
    staged_words(p, &at, prng_below(p, 4));
    at += sprintf(at, "\",\"body\":\"");
    staged_words(p, &at, prng_below(p, 25));
    sprintf(at, "\",\"meta\":{\"stack\":[\"s%u\"],\"reading_time\":%u}}", prng_below(p, 7),
            prng_below(p, 20));
    anp_status status = post_from_json(str_from(json), &memory, &article, &err);
    status = status == ANP_OK ? writer_add(w, &article, NULL, &err) : status;
    if (!CHECK_EQ_INT(status, ANP_OK)) {
        test_note("%s: %s", json, err.message);
    }
    arena_free(&memory);
    return status == ANP_OK;
}

/* Forgets what merging the commits so far owe. */
static inline void staged_forgive(index_handle *index) {
    store_txn *txn;
    catalog c;
    CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
    c.state.merge_due = 0;
    CHECK_EQ_INT(catalog_save_state(txn, &c, NULL), ANP_OK);
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    catalog_free(&c);
}

/* Every 9th post replaces a former one. */
static inline index_handle *staged_open(const char *path, uint64_t seed, uint32_t groups) {
    prng p = {seed};
    uint32_t posts = staged_posts(groups);
    index_handle *index;
    index_writer *w;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    if (!CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, &options, &index, NULL), ANP_OK)) {
        return NULL;
    }
    if (CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK)) {
        for (uint32_t i = 0; i < posts; i++) {
            bool replaces = i % 9 == 8;
            staged_add(&p, replaces ? prng_below(&p, i) : i, w);
            if (i % STAGED_BATCH == 0 || i + 1 == posts) {
                CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
                staged_forgive(index);
            }
        }
        writer_close(w);
    }
    return index;
}

/* One step; *c is the catalog afterwards (the caller frees it). false: none was pending. */
static inline bool staged_step(index_handle *index, uint64_t bytes, catalog *c) {
    store_txn *txn;
    bool done;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(txn, c, NULL), ANP_OK);
    bool pending = merge_pending(c);
    if (pending && !CHECK_EQ_INT(merge_step(NULL, txn, c, bytes, &done, &err), ANP_OK)) {
        test_note("%s", err.message);
        pending = false;
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    return pending;
}

#endif
