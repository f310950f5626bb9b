/*
 * Any history of adds, replaces, deletes and compactions, in any batching, gives the same index as
 * one built afresh from what is live.
 *
 * The model is an array of live posts in the order of their last add. Two indexes are compared
 * through snapshots, post by post and term by term: ordinals differ by the dead ones (and in any
 * way after a compaction to a new order), all else must be equal.
 */
#include "base/prng.h"
#include "index/compact.h"
#include "index/snapshot.h"
#include "index/verify.h"
#include "index/writer.h"
#include "similar/scan.h"
#include "sketch/sketch.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { IDS = 120, WORDS = 40, STEPS = 260 };

typedef struct model {
    char *live[IDS];     /* JSON by id number, NULL when dead */
    uint64_t order[IDS]; /* of its last add */
    uint64_t clock;
} model;

static void put_words(prng *p, char **at, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = prng_below(p, WORDS);
        word = prng_below(p, word + 1); /* low numbers more often */
        *at += sprintf(*at, "%sw%ux", i ? " " : "", word);
    }
}

static char *make_post(prng *p, uint32_t id) {
    static const char *const stacks[] = {"alpha one", "beta", "gamma"};
    char *json = malloc(4096), *at = json;
    at += sprintf(at, "{\"id\":\"id-%u\",\"title\":\"", id);
    put_words(p, &at, prng_below(p, 5));
    at += sprintf(at, "\",\"body\":\"");
    put_words(p, &at, prng_below(p, 30));
    at += sprintf(at, "\",\"meta\":{\"stack\":[\"%s\"],\"reading_time\":%u",
                  stacks[prng_below(p, 3)], prng_below(p, 20));
    if (prng_below(p, 2)) {
        at += sprintf(at, ",\"score\":{\"quality\":%u,\"depth\":%u.5}", prng_below(p, 101),
                      prng_below(p, 100));
    }
    if (prng_below(p, 3) == 0) {
        at += sprintf(at, ",\"revision\":{\"last_reviewed\":\"20%02u-0%u-11\"}", prng_below(p, 30),
                      1 + prng_below(p, 9));
    }
    sprintf(at, "}}");
    return json;
}

static bool add_json(index_writer *w, const char *json) {
    arena memory = {0};
    post article;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = post_from_json(str_from(json), &memory, &article, &err);
    if (status == ANP_OK) {
        status = writer_add(w, &article, NULL, &err);
    }
    if (status != ANP_OK) {
        test_note("%s: %s", json, err.message);
    }
    arena_free(&memory);
    return status == ANP_OK;
}

static void random_change(prng *p, model *m, index_writer *w) {
    uint32_t id = prng_below(p, IDS);
    anp_error err = ANP_ERROR_INIT;
    if (prng_below(p, 4) == 0) {
        char name[32];
        sprintf(name, "id-%u", id);
        anp_status expected = m->live[id] ? ANP_OK : ANP_NOT_FOUND;
        CHECK_EQ_INT(writer_delete(w, str_from(name), &err), expected);
        free(m->live[id]);
        m->live[id] = NULL;
        return;
    }
    char *json = make_post(p, id);
    CHECK(add_json(w, json));
    free(m->live[id]);
    m->live[id] = json;
    m->order[id] = ++m->clock;
}

static int by_order(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The live posts in order, into a new index, in one batch. */
static void build_fresh(const model *m, index_handle *index) {
    index_writer *w;
    uint64_t orders[IDS];
    uint32_t count = 0;
    for (uint32_t id = 0; id < IDS; id++) {
        if (m->live[id]) {
            orders[count++] = m->order[id] << 32 | id;
        }
    }
    qsort(orders, count, sizeof *orders, by_order);
    if (!CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        CHECK(add_json(w, m->live[(uint32_t)orders[i]]));
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
}

/* ---- Comparing two snapshots --------------------------------------------------------------- */

typedef struct pair {
    snapshot *have, *want;
    uint32_t *rank; /* of have's live ordinals: want's ordinal; UINT32_MAX for dead ones */
    arena memory;
} pair;

static void map_ordinals(pair *p, bool reordered) {
    uint32_t end = snapshot_docno_end(p->have), next = 0;
    p->rank = arena_array(&p->memory, uint32_t, end + 1);
    for (uint32_t docno = 0; docno < end; docno++) {
        str id;
        p->rank[docno] = UINT32_MAX;
        if (!bitmap_contains(snapshot_deleted(p->have), docno)) {
            CHECK_EQ_INT(snapshot_id(p->have, docno, &p->memory, &id, NULL), ANP_OK);
            CHECK_EQ_INT(snapshot_docno(p->want, id, &p->rank[docno], NULL), ANP_OK);
            CHECK(reordered || p->rank[docno] == next);
            next++;
        }
    }
    CHECK_EQ_INT(next, snapshot_docno_end(p->want));
}

static void compare_posts(pair *p) {
    for (uint32_t docno = 0; docno < snapshot_docno_end(p->have); docno++) {
        str a, b;
        uint32_t found;
        if (p->rank[docno] == UINT32_MAX) {
            continue;
        }
        CHECK_EQ_INT(snapshot_post(p->have, docno, &p->memory, &a, NULL), ANP_OK);
        CHECK_EQ_INT(snapshot_post(p->want, p->rank[docno], &p->memory, &b, NULL), ANP_OK);
        CHECK(str_equal(a, b));
        CHECK_EQ_INT(snapshot_id(p->have, docno, &p->memory, &a, NULL), ANP_OK);
        CHECK_EQ_INT(snapshot_docno(p->have, a, &found, NULL), ANP_OK);
        CHECK_EQ_INT(found, docno);
    }
}

static void compare_columns(pair *p) {
    for (uint32_t docno = 0; docno < snapshot_docno_end(p->have); docno++) {
        window_columns a, b;
        const uint8_t *x, *y;
        uint32_t to = p->rank[docno], count;
        if (to == UINT32_MAX) {
            continue;
        }
        CHECK_EQ_INT(snapshot_columns(p->have, docno >> WINDOW_BITS, &a, NULL), ANP_OK);
        CHECK_EQ_INT(snapshot_columns(p->want, to >> WINDOW_BITS, &b, NULL), ANP_OK);
        for (int field = 0; field < INDEX_FIELDS; field++) {
            CHECK_EQ_INT(a.lengths[field][window_low(docno)], b.lengths[field][window_low(to)]);
        }
        CHECK(memcmp(a.scores[window_low(docno)], b.scores[window_low(to)], 16) == 0);
        CHECK_EQ_INT(snapshot_sketches(p->have, docno, &x, &count, NULL), ANP_OK);
        CHECK_EQ_INT(snapshot_sketches(p->want, to, &y, &count, NULL), ANP_OK);
        CHECK(memcmp(x, y, SKETCH_BYTES) == 0);
    }
}

/* Some entries of each window, asked for by themselves, are those of the whole window. */
static void compare_some(index_handle *index, snapshot *whole, prng *p) {
    snapshot *s;
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t window = 0; window < snapshot_window_count(whole); window++) {
        window_columns all, some;
        uint16_t lows[WINDOW_DOCS < 400 ? WINDOW_DOCS : 400];
        uint32_t count = 0, step = 1 + prng_below(p, 60);
        CHECK_EQ_INT(snapshot_columns(whole, window, &all, NULL), ANP_OK);
        for (uint32_t low = prng_below(p, step); low < all.count && count < sizeof lows / 2;
             low += 1 + prng_below(p, step)) {
            lows[count++] = (uint16_t)low;
        }
        CHECK_EQ_INT(snapshot_columns_of(s, window, lows, count, &some, NULL), ANP_OK);
        CHECK_EQ_INT(some.count, all.count);
        for (uint32_t i = 0; i < count; i++) {
            for (int field = 0; field < INDEX_FIELDS; field++) {
                CHECK_EQ_INT(some.lengths[field][lows[i]], all.lengths[field][lows[i]]);
            }
            CHECK(memcmp(some.scores[lows[i]], all.scores[lows[i]], sizeof all.scores[0]) == 0);
        }
    }
    snapshot_close(s);
}

/* have's set, its live ordinals renumbered, equals want's. Frees both. */
static void compare_sets(pair *p, bitmap *have, bitmap *want) {
    uint32_t docno = 0, count = 0;
    while (bitmap_next(have, docno, &docno)) {
        if (p->rank[docno] != UINT32_MAX) {
            CHECK(bitmap_contains(want, p->rank[docno]));
            count++;
        }
        docno++;
    }
    CHECK_EQ_INT(count, bitmap_count(want));
    bitmap_free(have);
    bitmap_free(want);
}

static void compare_meta(pair *p) {
    static const char *const stacks[] = {"alpha one", "beta", "gamma", "absent"};
    snapshot_field a, b;
    bitmap *x, *y;
    if (snapshot_field_find(p->want, STR("stack"), &b, NULL) == ANP_OK) {
        CHECK_EQ_INT(snapshot_field_find(p->have, STR("stack"), &a, NULL), ANP_OK);
        for (int i = 0; i < 4; i++) {
            CHECK_EQ_INT(snapshot_facet(p->have, a.number, str_from(stacks[i]), &x, NULL), ANP_OK);
            CHECK_EQ_INT(snapshot_facet(p->want, b.number, str_from(stacks[i]), &y, NULL), ANP_OK);
            compare_sets(p, x, y);
        }
    }
    static const char *const columns[] = {"reading_time", "quality", "score.depth",
                                          "last_reviewed"};
    for (int i = 0; i < 4; i++) {
        number_range range = {i == 3 ? 1.2e9 : 7, i == 3 ? 1.6e9 : 60, i % 2 == 0, true};
        if (snapshot_field_find(p->want, str_from(columns[i]), &b, NULL) == ANP_OK) {
            CHECK_EQ_INT(snapshot_field_find(p->have, str_from(columns[i]), &a, NULL), ANP_OK);
            CHECK_EQ_INT(snapshot_range(p->have, a.number, range, &x, NULL), ANP_OK);
            CHECK_EQ_INT(snapshot_range(p->want, b.number, range, &y, NULL), ANP_OK);
            compare_sets(p, x, y);
        }
    }
}

/* tf and positions of every posting of one window of have against what want says of the same
   post. */
static void compare_postings(pair *p, index_field field, uint32_t mine, uint32_t theirs) {
    for (uint32_t window = 0; window < snapshot_window_count(p->have); window++) {
        window_postings a, b;
        CHECK_EQ_INT(snapshot_postings(p->have, field, mine, window, &p->memory, &a, NULL), ANP_OK);
        for (uint32_t i = 0; i < a.count; i++) {
            uint32_t docno = window << WINDOW_BITS | a.docs[i], to = p->rank[docno], at = 0;
            const uint32_t *x, *y;
            uint32_t x_count, y_count;
            if (to == UINT32_MAX) {
                continue;
            }
            snapshot_postings(p->want, field, theirs, to >> WINDOW_BITS, &p->memory, &b, NULL);
            while (at < b.count && b.docs[at] != window_low(to)) {
                at++;
            }
            if (!CHECK(at < b.count) || !CHECK_EQ_INT(a.tfs[i], b.tfs[at]) || field == INDEX_TEXT) {
                continue;
            }
            snapshot_positions(p->have, field, mine, docno, &p->memory, &x, &x_count, NULL);
            snapshot_positions(p->want, field, theirs, to, &p->memory, &y, &y_count, NULL);
            CHECK_EQ_INT(x_count, a.tfs[i]);
            CHECK_EQ_INT(x_count, y_count);
            CHECK(x_count != y_count || memcmp(x, y, x_count * sizeof *x) == 0);
        }
    }
}

static void compare_terms(pair *p) {
    for (uint32_t word = 0; word < WORDS; word++) {
        char text[16];
        uint32_t mine, theirs, df, df_want;
        uint64_t cf, cf_want;
        sprintf(text, "w%ux", word);
        if (snapshot_term(p->want, str_from(text), &theirs, NULL) != ANP_OK) {
            continue;
        }
        if (!CHECK_EQ_INT(snapshot_term(p->have, str_from(text), &mine, NULL), ANP_OK)) {
            continue;
        }
        for (int field = 0; field < INDEX_FIELDS; field++) {
            snapshot_term_stats(p->have, (index_field)field, mine, &df, &cf, NULL);
            snapshot_term_stats(p->want, (index_field)field, theirs, &df_want, &cf_want, NULL);
            CHECK_EQ_INT(df, df_want);
            CHECK_EQ_INT(cf, cf_want);
            compare_postings(p, (index_field)field, mine, theirs);
        }
    }
}

/* The lists of similar posts, all others in each, by their ordinals in the fresh index; ties may
   stand in another order after a compaction to one. */
static void compare_list(pair *p, similar *have, similar *want, anp_measure measure,
                         uint32_t docno) {
    similar_request request = {.measure = measure, .k = IDS};
    similar_answer mine, theirs;
    double similarity[IDS] = {0};
    if (!CHECK_EQ_INT(similar_to_post(have, p->have, docno, &request, &p->memory, &mine, NULL),
                      ANP_OK) ||
        !CHECK_EQ_INT(similar_to_post(want, p->want, p->rank[docno], &request, &p->memory, &theirs,
                                      NULL), ANP_OK) ||
        !CHECK_EQ_INT(mine.hit_count, theirs.hit_count)) {
        return;
    }
    for (size_t i = 0; i < theirs.hit_count; i++) {
        similarity[theirs.hits[i].docno] = theirs.hits[i].similarity + 1;
    }
    for (size_t i = 0; i < mine.hit_count; i++) {
        const similar_hit *hit = &mine.hits[i];
        CHECK_NEAR(hit->similarity, theirs.hits[i].similarity, 0);
        CHECK_NEAR(hit->similarity + 1, similarity[p->rank[hit->docno]], 0);
    }
}

static bool same_hits(const similar_answer *a, const similar_answer *b) {
    bool same = CHECK_EQ_INT(a->hit_count, b->hit_count);
    for (size_t i = 0; i < a->hit_count && same; i++) {
        const similar_hit *x = &a->hits[i], *y = &b->hits[i];
        same = CHECK_EQ_INT(x->docno, y->docno) && CHECK_NEAR(x->similarity, y->similarity, 0) &&
               CHECK(str_equal(x->id, y->id) && str_equal(x->title, y->title));
    }
    return same;
}

/* A scan finds what the finder does, of any post or draft, with any filter, k and least. */
static void compare_scan(pair *p, similar *m, prng *random, const bitmap *filter) {
    similar_request request = {.measure = ANP_MEASURE_JACCARD + prng_below(random, 4),
                               .k = prng_below(random, 3) ? 1 + prng_below(random, 8) : IDS,
                               .similarity_min = prng_below(random, 4) * 0.2,
                               .filter = prng_below(random, 3) ? NULL : filter};
    corpus_options options = {.threads = prng_below(random, 3)};
    uint32_t docno = prng_below(random, snapshot_docno_end(p->have));
    similar_answer want, have;
    char body[400] = "", *at = body;
    if (p->rank[docno] != UINT32_MAX) {
        CHECK_EQ_INT(similar_to_post(m, p->have, docno, &request, &p->memory, &want, NULL), ANP_OK);
        CHECK_EQ_INT(scan_to_post(p->have, docno, &request, &options, &p->memory, &have, NULL),
                     ANP_OK);
        if (!same_hits(&have, &want)) {
            test_note("post %u, measure %d, k %u", docno, (int)request.measure, request.k);
        }
    }
    put_words(random, &at, prng_below(random, 30));
    str text = str_from(body);
    CHECK_EQ_INT(similar_to_text(m, p->have, text, &request, &p->memory, &want, NULL), ANP_OK);
    CHECK_EQ_INT(scan_to_text(p->have, text, &request, &options, &p->memory, &have, NULL), ANP_OK);
    if (!same_hits(&have, &want)) {
        test_note("draft %s, measure %d, k %u", body, (int)request.measure, request.k);
    }
}

static void compare_scans(pair *p, similar *m, prng *random) {
    bitmap *filter = bitmap_new();
    for (uint32_t docno = 0; docno < snapshot_docno_end(p->have); docno++) {
        if (prng_below(random, 2)) {
            bitmap_add(filter, docno);
        }
    }
    for (int i = 0; i < 40; i++) {
        compare_scan(p, m, random, filter);
    }
    bitmap_free(filter);
}

static void compare_similar(pair *p, prng *random) {
    similar *have, *want;
    corpus_options options = {.threads = prng_below(random, 3)};
    if (!CHECK_EQ_INT(similar_open(p->have, &options, &have, NULL), ANP_OK) ||
        !CHECK_EQ_INT(similar_open(p->want, &options, &want, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t docno = 0; docno < snapshot_docno_end(p->have); docno++) {
        anp_measure measure = ANP_MEASURE_JACCARD + prng_below(random, 4);
        if (p->rank[docno] != UINT32_MAX) {
            compare_list(p, have, want, measure, docno);
        }
    }
    compare_scans(p, have, random);
    similar_close(have);
    similar_close(want);
}

static void report_line(void *user, const char *line) {
    (void)user;
    test_note("verify: %s", line);
}

static void check_clean(index_handle *index) {
    uint64_t problems = 0;
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(index_verify(index, true, report_line, NULL, &problems, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    CHECK_EQ_INT(problems, 0);
}

static void compare(index_handle *have, const model *m, const anp_index_options *options,
                    bool reordered, int round) {
    char path[512];
    index_handle *want;
    pair p = {0};
    snprintf(path, sizeof path, "%s/fresh-%d.db", test_folder(), round);
    if (!CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, options, &want, NULL), ANP_OK)) {
        return;
    }
    build_fresh(m, want);
    check_clean(have);
    check_clean(want);
    if (CHECK_EQ_INT(snapshot_open(have, &p.have, NULL), ANP_OK) &&
        CHECK_EQ_INT(snapshot_open(want, &p.want, NULL), ANP_OK)) {
        CHECK_EQ_INT(snapshot_post_count(p.have), snapshot_post_count(p.want));
        for (int field = 0; field < INDEX_FIELDS; field++) {
            double a = snapshot_length_average(p.have, (index_field)field);
            CHECK_NEAR(a, snapshot_length_average(p.want, (index_field)field), 0);
        }
        map_ordinals(&p, reordered);
        compare_posts(&p);
        compare_columns(&p);
        prng random = {(uint64_t)round};
        for (int i = 0; i < 5; i++) {
            compare_some(have, p.have, &random);
        }
        compare_meta(&p);
        compare_terms(&p);
        compare_similar(&p, &random);
    }
    snapshot_close(p.have);
    snapshot_close(p.want);
    arena_free(&p.memory);
    index_close(want);
}

static void compact(index_handle *index, compact_order order) {
    compact_options options = {.order = order};
    anp_error err = ANP_ERROR_INIT;
    uint64_t bytes;
    if (!CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
}

static void run_history(uint64_t seed, uint32_t title_weight) {
    prng p = {seed};
    model m = {0};
    char path[512];
    index_handle *index;
    index_writer *w = NULL;
    bool reordered = false;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.title_weight = title_weight;
    options.title_excluded = title_weight == 0;
    snprintf(path, sizeof path, "%s/history-%llu.db", test_folder(), (unsigned long long)seed);
    if (!CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, &options, &index, NULL), ANP_OK)) {
        return;
    }
    for (int step = 0; step < STEPS; step++) {
        if (!w && !CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK)) {
            break;
        }
        for (uint32_t changes = 1 + prng_below(&p, step % 7 == 0 ? 60 : 4); changes > 0;
             changes--) {
            random_change(&p, &m, w);
        }
        CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
        if (prng_below(&p, 20) == 0) {
            writer_close(w);
            w = NULL;
        }
        if (prng_below(&p, 25) == 0) {
            compact_order order = COMPACT_KEPT;
            if (seed % 2) {
                order = (compact_order)prng_below(&p, COMPACT_ALL + 1);
            }
            compact(index, order);
            reordered |= order != COMPACT_KEPT;
        }
        if (step % 65 == 64) {
            writer_close(w);
            w = NULL;
            compare(index, &m, &options, reordered, (int)seed * 1000 + step);
        }
    }
    writer_close(w);
    index_close(index);
    for (int id = 0; id < IDS; id++) {
        free(m.live[id]);
    }
}

void test_index_history(void) {
    static const uint32_t weights[] = {3, 0, 1, 15};
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char name[64];
        sprintf(name, "seed %d, title weight %u", (int)seed, weights[seed - 1]);
        CASE(name);
        run_history(seed, weights[seed - 1]);
    }
}
