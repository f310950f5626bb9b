/*
 * What an index keeps of its posts' shingles and terms, after any commits, crashes, deletes and
 * compactions: of each post just what the reader finds in it.
 */
#include "base/prng.h"
#include "index/chunk_code.h"
#include "index/compact.h"
#include "index/likeness.h"
#include "index/verify.h"
#include "index/writer.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { COMMITS = 24, BATCH_MOST = CHUNK_POSTS_MIN + CHUNK_POSTS_MIN / 2, IDS = CHUNK_POSTS * 4 };

/* What posts say: of some a text that others share, of some one of their own. */
static void add_post(prng *p, uint32_t id, bool shared, index_writer *w) {
    char json[8192], *at = json;
    arena memory = {0};
    post article;
    anp_error err = ANP_ERROR_INIT;
    uint32_t words = shared ? 6 : 1u << 30, count = prng_below(p, shared ? 30 : 200);
    at += sprintf(at, "{\"id\":\"%u\",\"title\":\"The Post %u of Node.js\",\"body\":\"", id,
                  prng_below(p, 5));
    for (uint32_t i = 0; i < count; i++) {
        at += sprintf(at, " Word%u", prng_below(p, words));
    }
    at += sprintf(at, "\"");
    if (prng_below(p, 2)) {
        at += sprintf(at, ",\"meta\":{\"topic\":\"Cache %u / Redis\",\"problem\":\"stale keys\"}",
                      prng_below(p, 3));
    } else if (prng_below(p, 2)) {
        at += sprintf(at, ",\"meta\":{\"topic\":\"Slow / Zig\",\"stack\":[\"C\",\"the %u\"]}",
                      prng_below(p, 9));
    }
    sprintf(at, "}");
    anp_status status = post_from_json(str_from(json), &memory, &article, &err);
    status = status == ANP_OK ? writer_add(w, &article, NULL, &err) : status;
    if (!CHECK_EQ_INT(status, ANP_OK)) {
        test_note("%s: %s", json, err.message);
    }
    arena_free(&memory);
}

/* ---- Every post's features, by its chunk and by its text ----------------------------------- */

typedef struct totals {
    uint32_t chunks, left_out, alone; /* posts */
    uint32_t pieces, whole;           /* of CHUNK_POSTS posts */
} totals;

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static bool stands_in(const chunk_side *s, uint32_t class, uint32_t place) {
    const uint16_t *from = s->posts + s->start[class];
    uint32_t count = s->start[class + 1] - s->start[class], at = 0;
    while (at < count && from[at] < place) {
        at++;
    }
    return at < count && from[at] == place;
}

/* hashes may repeat, in any order. */
static bool same_features(const chunk_side *s, uint32_t place, const uint64_t *hashes,
                          size_t count) {
    uint64_t *sorted = malloc((count + 1) * sizeof *sorted);
    size_t kept = 0, found = 0;
    bool same = true;
    if (count) {
        memcpy(sorted, hashes, count * sizeof *sorted);
        qsort(sorted, count, sizeof *sorted, ascending);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            sorted[kept++] = sorted[i];
        }
    }
    for (uint32_t i = 0; i < s->feature_count && same; i++) {
        if (stands_in(s, s->classes[i], place)) {
            same = found < kept && sorted[found++] == s->hashes[i];
        }
    }
    free(sorted);
    return same && found == kept;
}

static void check_piece(snapshot *s, const likeness_piece *piece, reader *r, prng *p) {
    chunk c = {0};
    CHECK_EQ_INT(chunk_decode(piece->value, &c, NULL), ANP_OK);
    CHECK_EQ_INT(c.count, piece->count);
    uint32_t step = 1 + c.count / 24;
    for (uint32_t i = prng_below(p, step); i < c.count; i += step) {
        stored_post stored;
        features f;
        anp_status status = snapshot_stored(s, piece->first + i, &stored, NULL);
        if (status == ANP_CORRUPT && bitmap_contains(snapshot_deleted(s), piece->first + i)) {
            continue; /* a dead post's row may be gone */
        }
        CHECK_EQ_INT(status, ANP_OK);
        CHECK_EQ_INT(reader_read(r, &stored, &f, NULL), ANP_OK);
        CHECK(same_features(&c.text, i, f.shingles, f.shingle_count));
        CHECK(same_features(&c.about, i, f.terms, f.term_count));
    }
    chunk_free(&c);
}

static void check_index(index_handle *index, prng *p, totals *t) {
    likeness_piece *pieces = NULL;
    size_t count = 0;
    snapshot *s;
    reader *r;
    uint32_t next = 0;
    uint64_t problems;
    *t = (totals){0};
    CHECK_EQ_INT(index_verify(index, true, NULL, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    CHECK_EQ_INT(reader_open(snapshot_settings(s), &r, NULL), ANP_OK);
    CHECK_EQ_INT(likeness_pieces(s, &pieces, &count, NULL), ANP_OK);
    for (size_t i = 0; i < count; i++) {
        const likeness_piece *piece = &pieces[i];
        CHECK_EQ_INT(piece->first, next);
        CHECK(piece->count > 0 && piece->count <= CHUNK_POSTS);
        next += piece->count;
        uint32_t *of = piece->value.len ? &t->chunks : piece->left_out ? &t->left_out : &t->alone;
        *of += piece->count;
        t->pieces++;
        t->whole += piece->count == CHUNK_POSTS && piece->value.len;
        if (piece->value.len) {
            check_piece(s, piece, r, p);
        }
    }
    CHECK_EQ_INT(next, snapshot_docno_end(s));
    CHECK(t->alone < CHUNK_POSTS_MIN);
    reader_close(r);
    free(pieces);
    snapshot_close(s);
}

/* ---- Histories ----------------------------------------------------------------------------- */

static index_handle *open_index(const char *name, uint64_t seed, anp_store_mode mode) {
    char path[512];
    index_handle *index = NULL;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.store = mode;
    snprintf(path, sizeof path, "%s/%s-%d.db", test_folder(), name, (int)seed);
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, &options, &index, NULL), ANP_OK);
    return index;
}

static void delete_some(prng *p, index_writer *w) {
    for (uint32_t i = prng_below(p, 6); i > 0; i--) {
        char id[16];
        int len = sprintf(id, "%u", prng_below(p, IDS));
        anp_status status = writer_delete(w, str_make(id, (size_t)len), NULL);
        CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
    }
}

static void compact(index_handle *index, compact_order order) {
    compact_options options = {.order = order};
    uint64_t bytes;
    CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, NULL), ANP_OK);
}

/* own: of so many hundred posts one has a text of its own. */
static void run_history(uint64_t seed, uint32_t own) {
    prng p = {seed};
    index_handle *index = open_index("history", seed, ANP_STORE_ALL);
    index_writer *w = NULL;
    totals t;
    for (int commit = 0; commit < COMMITS; commit++) {
        if (!w) {
            CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
        }
        pool *threads = prng_below(&p, 3) ? NULL : pool_open(prng_below(&p, 3));
        writer_use_pool(w, threads, true);
        uint32_t most = prng_below(&p, 4) ? BATCH_MOST / 16 + 9 : BATCH_MOST;
        for (uint32_t i = prng_below(&p, most); i > 0; i--) {
            add_post(&p, prng_below(&p, IDS), prng_below(&p, 100) >= own, w);
        }
        delete_some(&p, w);
        if (prng_below(&p, 6) == 0) { /* what was not committed goes, and another writer comes */
            writer_use_pool(w, NULL, false);
            writer_close(w);
            w = NULL;
        } else {
            CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
            writer_use_pool(w, NULL, false);
        }
        pool_close(threads);
        if (commit % 12 == 11) {
            check_index(index, &p, &t);
            compact(index, seed % 2 && commit > 12 ? COMPACT_ALL : COMPACT_MANY);
            check_index(index, &p, &t);
        }
    }
    CHECK(own > 50 || t.chunks > 0);
    CHECK(own < 50 || t.left_out > 0);
    writer_close(w);
    index_close(index);
}

/* Full blocks are one chunk each, however the posts came. */
static void fills_blocks(void) {
    index_handle *index = open_index("blocks", 1, ANP_STORE_ALL);
    index_writer *w;
    prng p = {5};
    totals t;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < 2 * CHUNK_POSTS + CHUNK_POSTS_MIN + 1; i++) {
        add_post(&p, i, true, w);
        if (prng_below(&p, CHUNK_POSTS_MIN / 2 + i % 3) == 0) {
            CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
        }
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
    check_index(index, &p, &t);
    CHECK_EQ_INT(t.whole, 2);
    CHECK_EQ_INT(t.left_out, 0);
    compact(index, COMPACT_MANY);
    check_index(index, &p, &t);
    CHECK_EQ_INT(t.whole, 2);
    index_close(index);
}

static void stores_nothing(void) {
    index_handle *index = open_index("none", 1, ANP_STORE_NONE);
    index_writer *w;
    snapshot *s;
    prng p = {9};
    uint64_t problems;
    likeness_piece *pieces;
    size_t count;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < CHUNK_POSTS + 3; i++) {
        add_post(&p, i, true, w);
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
    compact(index, COMPACT_ALL);
    CHECK_EQ_INT(index_verify(index, true, NULL, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    CHECK_EQ_INT(likeness_pieces(s, &pieces, &count, NULL), ANP_UNSUPPORTED);
    snapshot_close(s);
    index_close(index);
}

void test_index_likeness(void) {
    CASE("full blocks");
    fills_blocks();
    CASE("no posts stored");
    stores_nothing();
    CASE("histories");
    run_history(1, 1);
    run_history(2, 20);
    run_history(3, 95);
}
