/*
 * Tails against the inversion of the whole log: made in any order of commits, shared by old and new
 * transactions, asked by several threads.
 */
#include "index/tail.h"

#include "base/prng.h"
#include "index/index.h"
#include "index/invert.h"
#include "index/writer.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { KEPT = 6, COMMITS = 150, WORDS = 60, THREADS = 4, LONG_WORDS = 75000, LONG_EVERY = 500 };

static void add_posts(index_writer *w, prng *p, uint32_t count, uint32_t *id) {
    for (uint32_t i = 0; i < count; i++) {
        static char json[LONG_WORDS * 5 + 2000];
        char *at = json;
        arena memory = {0};
        post article;
        at += sprintf(at, "{\"id\":\"p%u\",\"title\":\"w%ux w%ux\",\"body\":\"", (*id)++,
                      prng_below(p, WORDS), prng_below(p, WORDS));
        /* Now and then one whose record is longer than 64 KB. */
        for (uint32_t words = *id % LONG_EVERY == 7 ? LONG_WORDS : prng_below(p, 40); words > 0;
             words--) {
            at += sprintf(at, "w%ux ", prng_below(p, WORDS));
        }
        sprintf(at, "\",\"meta\":{\"stack\":[\"s%u\"],\"reading_time\":%u}}", prng_below(p, 5),
                prng_below(p, 30));
        CHECK_EQ_INT(post_from_json(str_from(json), &memory, &article, NULL), ANP_OK);
        CHECK_EQ_INT(writer_add(w, &article, NULL, NULL), ANP_OK);
        arena_free(&memory);
    }
}

/* Whether the cursor gives what the inversion has of a number. */
static bool same_places(const tail *t, const inverted *in, tail_kind kind, uint32_t number) {
    tail_cursor c = tail_find(t, kind, number);
    tail_place place;
    size_t from, to;
    if (kind == TAIL_TERMS) {
        invert_find_term(in, number, &from, &to);
    } else if (kind == TAIL_FACETS) {
        invert_find_facet(in, number, &from, &to);
    } else {
        invert_find_field(in, number, &from, &to);
    }
    for (size_t i = from; i < to; i++) {
        uint32_t posted = kind == TAIL_TERMS  ? in->terms.items[i].post
                        : kind == TAIL_FACETS ? in->facets.items[i].post
                                              : in->numbers.items[i].post;
        if (!tail_next(&c, &place) || place.post != posted) {
            return false;
        }
        if (kind == TAIL_TERMS) {
            const uint8_t *at = in->terms.items[i].at, *end = in->ends[posted];
            if (end - at != place.end - place.at || memcmp(at, place.at, (size_t)(end - at)) != 0) {
                return false;
            }
        }
        if (kind == TAIL_NUMBERS && memcmp(&in->numbers.items[i].value, place.at, 8) != 0) {
            return false;
        }
    }
    return !tail_next(&c, &place) && !tail_next(&c, &place);
}

/* A transaction, its state and tail. */
typedef struct view {
    store_txn *txn;
    catalog cat;
    tail *tail;
} view;

static bool same_tail(const view *v, prng *p) {
    str *records;
    char *bytes;
    inverted in;
    const catalog_state *state = &v->cat.state;
    bool same = v->tail->first == state->log_first &&
                v->tail->count == state->docno_end - state->log_first;
    CHECK_EQ_INT(tail_records(v->txn, state, &records, &bytes, NULL), ANP_OK);
    CHECK_EQ_INT(invert(records, v->tail->count, &in, NULL), ANP_OK);
    for (uint32_t at = 0; at < v->tail->count; at++) {
        same = same && memcmp(tail_head(v->tail, at), &in.heads[at], sizeof *in.heads) == 0 &&
               memcmp(tail_sketch(v->tail, at), in.sketches[at], 136) == 0;
    }
    uint32_t step = 1 + prng_below(p, 3); /* sometimes few look-ups, so that chunks stay unsorted */
    for (uint32_t number = prng_below(p, 3); same && number < state->term_end + 2; number += step) {
        same = same_places(v->tail, &in, TAIL_TERMS, number);
    }
    bool asked = prng_below(p, 3) > 0; /* else facets and numbers stay unread */
    if (asked) {
        CHECK_EQ_INT(tail_read_meta(v->tail, NULL), ANP_OK);
    }
    for (uint32_t number = 0; same && asked && number < 64; number++) {
        same = same_places(v->tail, &in, TAIL_FACETS, number) &&
               same_places(v->tail, &in, TAIL_NUMBERS, number);
    }
    invert_free(&in);
    free(records);
    free(bytes);
    return same;
}

static void open_view(index_handle *index, view *v) {
    v->tail = NULL;
    CHECK_EQ_INT(store_begin_read(index_store(index), &v->txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(v->txn, &v->cat, NULL), ANP_OK);
}

static void close_view(index_handle *index, view *v) {
    if (v->txn) {
        if (v->tail) {
            index_tail_release(index, v->tail);
        }
        catalog_free(&v->cat);
        store_abort(v->txn);
        *v = (view){0};
    }
}

static void run_commits(index_handle *index, uint64_t seed) {
    prng p = {seed};
    view kept[KEPT] = {{0}};
    index_writer *w;
    uint32_t id = 0;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (int commit = 0; commit < COMMITS; commit++) {
        view *v = &kept[prng_below(&p, KEPT)];
        uint32_t few = LOG_POSTS_MAX < 100 ? 3 : 20;
        add_posts(w, &p, 1 + (prng_below(&p, 4) ? 0 : prng_below(&p, few)), &id);
        CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
        close_view(index, v);
        open_view(index, v);
        /* Its tail is asked for now or some commits later. */
        v = &kept[prng_below(&p, KEPT)];
        if (v->txn && !v->tail) {
            CHECK_EQ_INT(index_tail(index, v->txn, &v->cat.state, &v->tail, NULL), ANP_OK);
        }
        v = &kept[prng_below(&p, KEPT)];
        if (v->tail) {
            CHECK(v->tail->chunk_count <= 14);
            CHECK(same_tail(v, &p));
        }
    }
    for (int i = 0; i < KEPT; i++) {
        CHECK(!kept[i].tail || same_tail(&kept[i], &p));
        close_view(index, &kept[i]);
    }
    writer_close(w);
}

/* ---- Threads ------------------------------------------------------------------------------- */

typedef struct asker {
    index_handle *index;
    view view;
    uint64_t seed;
    bool right;
} asker;

static void *ask(void *user) {
    asker *a = user;
    prng p = {a->seed};
    uint32_t posts = 0;
    index_tail(a->index, a->view.txn, &a->view.cat.state, &a->view.tail, NULL);
    for (int i = 0; i < 300; i++) {
        tail_place place;
        uint32_t before = 0;
        tail_cursor c = tail_find(a->view.tail, TAIL_TERMS, prng_below(&p, WORDS));
        for (uint32_t n = 0; tail_next(&c, &place); n++) {
            a->right = a->right && (n == 0 || place.post > before);
            before = place.post;
            posts++;
        }
    }
    a->right = a->right && (posts > 0 || a->view.tail->count == 0);
    return NULL;
}

/* All at once: one loads, all scan, one sorts. */
static void run_threads(index_handle *index) {
    pthread_t threads[THREADS];
    asker askers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        askers[i] = (asker){.index = index, .seed = (uint64_t)i, .right = true};
        open_view(index, &askers[i].view);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK_EQ_INT(pthread_create(&threads[i], NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        CHECK(askers[i].right);
        prng p = {7};
        CHECK(same_tail(&askers[i].view, &p));
        CHECK(askers[i].view.tail == askers[0].view.tail);
    }
    for (int i = 0; i < THREADS; i++) {
        close_view(index, &askers[i].view);
    }
}

void test_index_tail(void) {
    for (uint64_t seed = 1; seed <= 3; seed++) {
        char path[512];
        index_handle *index;
        CASE("commits, old and new transactions");
        snprintf(path, sizeof path, "%s/tail-%d.db", test_folder(), (int)seed);
        if (!CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK)) {
            return;
        }
        run_commits(index, seed);
        index_close(index);
        CASE("threads at a log that nobody read yet");
        if (CHECK_EQ_INT(index_open(path, 0, NULL, &index, NULL), ANP_OK)) {
            run_threads(index);
            index_close(index);
        }
    }
}
