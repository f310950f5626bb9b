/*
 * Values damaged under good checksums, or a wrong merge cursor, while a window is being merged: who
 * reads, verifies, compacts or merges on may say so, but no more.
 */
#include "index/compact.h"
#include "index/snapshot_impl.h"
#include "index/staged.h"
#include "index/verify.h"
#include "query/query.h"
#include "store/rewrite.h"

#include <unistd.h>

enum { KEYS = 4000, SEEDS = 2, SEED = 51 };

/* ANP_INVALID: a cursor that went back has keys put that are there. */
static bool is_said(anp_status status) {
    return status == ANP_OK || status == ANP_CORRUPT || status == ANP_INVALID;
}

static void move_cursor(prng *p, store_txn *txn) {
    catalog c;
    CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
    if (c.state.merge_cursor != UINT64_MAX) {
        const uint64_t choices[] = {MERGE_WRITTEN, c.state.merge_cursor + prng_below(p, KEYS),
                                    (uint64_t)prng_below(p, 1 << 30) << 14, 0};
        c.state.merge_cursor = choices[prng_below(p, 4)];
        CHECK_EQ_INT(catalog_save_state(txn, &c, NULL), ANP_OK);
    }
    catalog_free(&c);
}

/* One of a table's keys; false when it has none. */
static bool draw_key(prng *p, store_txn *txn, store_table table, store_key *out) {
    store_cursor *cursor;
    store_key keys[KEYS];
    str value;
    uint32_t count = 0;
    CHECK_EQ_INT(store_cursor_open(txn, table, &cursor, NULL), ANP_OK);
    anp_status status = store_seek(cursor, store_key_u64(0), &keys[0], &value, NULL);
    while (status == ANP_OK && ++count < KEYS) {
        status = store_next(cursor, &keys[count], &value, NULL);
    }
    store_cursor_close(cursor);
    *out = keys[count ? prng_below(p, count) : 0];
    return count > 0;
}

/* Cut, longer, or some other bytes. */
static size_t change_bytes(prng *p, char *bytes, size_t len) {
    uint32_t how = prng_below(p, 6);
    if (how == 0) {
        return prng_below(p, (uint32_t)len + 1);
    }
    if (how == 1) {
        memset(bytes + len, (int)prng_below(p, 256), 32);
        return len + 1 + prng_below(p, 32);
    }
    for (uint32_t i = prng_below(p, 6) + 1; len && i > 0; i--) {
        uint32_t extreme = prng_below(p, 2) ? 0 : 255;
        bytes[prng_below(p, (uint32_t)len)] =
            (char)(prng_below(p, 3) ? prng_below(p, 256) : extreme);
    }
    return len;
}

static void change_value(prng *p, store_txn *txn, store_table table) {
    store_key key;
    str value;
    if (!draw_key(p, txn, table, &key) ||
        !CHECK_EQ_INT(store_get(txn, table, key, &value, NULL), ANP_OK)) {
        return;
    }
    if (prng_below(p, 12) == 0) {
        CHECK_EQ_INT(store_delete(txn, table, key, NULL), ANP_OK);
        return;
    }
    char *bytes = malloc(value.len + 64);
    memcpy(bytes, value.data, value.len);
    str changed = str_make(bytes, change_bytes(p, bytes, value.len));
    CHECK_EQ_INT(store_put(txn, table, key, changed, false, NULL), ANP_OK);
    free(bytes);
}

static void damage(prng *p, index_handle *index) {
    static const store_table tables[] = {STORE_SEGMENTS, STORE_SEGMENT_POSITIONS, STORE_POSTINGS,
                                         STORE_POSITIONS, STORE_COLUMNS, STORE_PAIRS};
    store_txn *txn;
    if (!CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK)) {
        return;
    }
    if (prng_below(p, 6) == 0) {
        move_cursor(p, txn);
    }
    for (uint32_t n = prng_below(p, 4) + 1; n > 0; n--) {
        change_value(p, txn, tables[prng_below(p, sizeof tables / sizeof *tables)]);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
}

/* Phrases, and positions of posts. */
static void ask(prng *p, index_handle *index) {
    snapshot *s;
    arena memory = {0};
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        return;
    }
    for (int i = 0; i < 12; i++) {
        char text[96];
        query_answer answer;
        snprintf(text, sizeof text, "%s\"w%ux w%ux%s\"%s", prng_below(p, 3) ? "" : "title:",
                 prng_below(p, STAGED_WORDS), prng_below(p, STAGED_WORDS),
                 prng_below(p, 2) ? " w1x" : "", prng_below(p, 3) ? "" : "~3");
        query_request request = {.text = str_from(text), .filter = STR(""), .k = 10,
                                 .rank = RANK_SETTINGS_DEFAULT,
                                 .flags = ANP_QUERY_KEEP_STOPWORDS};
        CHECK(is_said(query_run(s, &request, &memory, &answer, NULL)));
    }
    for (int i = 0; i < 60; i++) {
        index_field field = prng_below(p, 2) ? INDEX_TEXT : INDEX_TITLE;
        uint32_t term = prng_below(p, s->cat.state.term_end), count;
        uint32_t docno = prng_below(p, s->cat.state.docno_end);
        const uint32_t *positions;
        CHECK(is_said(snapshot_positions(s, field, term, docno, &memory, &positions, &count,
                                         NULL)));
    }
    snapshot_close(s);
    arena_free(&memory);
}

static void merge_on(prng *p, index_handle *index) {
    anp_status status = ANP_OK;
    for (bool done = false; status == ANP_OK && !done;) {
        store_txn *txn;
        catalog c;
        CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK);
        CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
        status = merge_step(NULL, txn, &c, 1 + prng_below(p, 3000), &done, NULL);
        CHECK(is_said(status));
        catalog_free(&c);
        if (status == ANP_OK) {
            CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
        } else {
            store_abort(txn);
        }
    }
}

static void check_copy(prng *p, index_handle *index) {
    char copy[512], compacted[512];
    compact_options options = {.order = COMPACT_KEPT};
    store_watch watch = {0};
    index_handle *damaged;
    uint64_t bytes, problems;
    snprintf(copy, sizeof copy, "%s/copy.db", test_folder());
    snprintf(compacted, sizeof compacted, "%s/compacted.db", test_folder());
    if (!CHECK_EQ_INT(store_backup(index_store(index), copy, watch, &bytes, NULL), ANP_OK) ||
        !CHECK_EQ_INT(index_open(copy, ANP_OPEN_WRITE, NULL, &damaged, NULL), ANP_OK)) {
        return;
    }
    damage(p, damaged);
    ask(p, damaged);
    CHECK(is_said(index_verify(damaged, prng_below(p, 2), NULL, NULL, &problems, NULL)));
    if (prng_below(p, 3) == 0) {
        CHECK(is_said(index_compact(damaged, compacted, &options, &bytes, NULL)));
    }
    merge_on(p, damaged);
    ask(p, damaged);
    index_close(damaged);
    unlink(copy);
    unlink(compacted);
}

void test_index_damaged_merge(void) {
    CASE("damaged values at some steps of a merge");
    for (uint64_t seed = SEED; seed < SEED + SEEDS; seed++) {
        char path[512];
        prng p = {seed};
        catalog c;
        snprintf(path, sizeof path, "%s/damaged-%llu.db", test_folder(), (unsigned long long)seed);
        index_handle *index = staged_open(path, seed, 1);
        if (!index) {
            return;
        }
        while (staged_step(index, 1 + prng_below(&p, 400), &c)) {
            catalog_free(&c);
            if (prng_below(&p, 3) == 0) {
                check_copy(&p, index);
            }
        }
        catalog_free(&c);
        index_close(index);
    }
}
