/*
 * Unions whose blocks have flat bounds, because all posts are made of the same few words: the
 * evaluator, which finishes cells by champions and runners-up, or by strips, against full
 * evaluation, to the bit.
 * Among the posts some are best by two or three words at once, in blocks whose bounds are no
 * greater than others'; in many cells, and in one. Also with values beside words, all of whose
 * posts score the same of them, and with posts deleted that were the best.
 */
#include "api/handles.h"
#include "base/prng.h"
#include "query/evaluate.h"
#include "query/query.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

enum {
    SMALL = WINDOW_BITS < 12,
    POSTS = SMALL ? 3000 : 24000,
    MANY_POSTS = SMALL ? 1000 : 37000, /* for an index of many cells: */
    BATCH = 4100,                      /* more than the log takes, so each is one */
    WORDS = 9,
    STACKS = 5, /* optional values: more than there are choices (alternatives.c) */
    QUERIES = 240,
    SEED = 20261130,
};

typedef struct sums {
    uint64_t champions;
    uint32_t runners; /* queries that took some */
    uint64_t strips, strip_posts;
} sums;

static size_t put_word(char *json, size_t room, size_t len, uint32_t word, uint32_t times) {
    for (; times > 0 && len + 8 < room; times--) {
        len += (size_t)snprintf(json + len, room - len, "t%u ", word);
    }
    return len;
}

/* Word i is in each (1 + i)-th post or so. */
static bool add_posts(anp_index *index, prng *random, uint32_t posts, uint32_t batch) {
    anp_writer *writer;
    bool good = CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK);
    for (uint32_t i = 0; i < posts && good; i++) {
        char json[900];
        size_t len = (size_t)snprintf(json, sizeof json, "{\"id\":\"p%u\",\"body\":\"", i);
        uint32_t rich = prng_below(random, 20) ? 0 : 1 + prng_below(random, 4);
        for (uint32_t word = 0; word < WORDS; word++) {
            uint32_t times = prng_below(random, 1 + word) ? 0 : 1 + prng_below(random, 3);
            times += times && prng_below(random, 4) < rich ? prng_below(random, 9) : 0;
            len = put_word(json, sizeof json - 60, len, word, times);
        }
        for (uint32_t left = prng_below(random, 60); left > 0; left--) {
            len = put_word(json, sizeof json - 60, len, 100 + prng_below(random, 30), 1);
        }
        snprintf(json + len, sizeof json - len,
                 "\",\"meta\":{\"score\":{\"quality\":%u},\"stack\":[\"s%u\"]}}",
                 prng_below(random, 101), prng_below(random, STACKS));
        good = CHECK_EQ_INT(anp_writer_add(writer, json, strlen(json), NULL), ANP_OK);
        if (good && ((i + 1) % batch == 0 || i + 1 == posts)) {
            good = CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
        }
    }
    anp_writer_close(writer);
    return good;
}

static bool is_same_hits(const query_answer *a, const query_answer *b) {
    bool same = a->hit_count == b->hit_count;
    for (size_t i = 0; same && i < a->hit_count; i++) {
        same = a->hits[i].ordinal == b->hits[i].ordinal && a->hits[i].score == b->hits[i].score;
    }
    return same;
}

static bool is_same(const query_answer *a, const query_answer *b) {
    return a->total == b->total && is_same_hits(a, b);
}

static void compare(anp_snapshot *shot, prng *random, const char *text, uint32_t i, sums *all) {
    static const uint32_t ks[] = {1, 10, 3, 2, 20};
    static const double blends[] = {0, 0.3, 0, 0};
    arena memory = {0};
    query_answer fast, full;
    evaluate_trace trace = {0};
    query_request request = {.text = str_from(text), .k = ks[i % 5],
                             .rank = RANK_SETTINGS_DEFAULT, .trace = &trace};
    request.rank.blend = blends[i / 5 % 4];
    if (i % 3 == 0) { /* norms that are others than those of bounds */
        request.rank.k1 = 0.4 + 0.1 * prng_below(random, 20);
        request.rank.b = 0.05 * prng_below(random, 21);
    }
    anp_status status = query_run(shot->inner, &request, &memory, &fast, NULL);
    all->champions += trace.champions;
    all->strips += trace.strips;
    all->strip_posts += trace.strip_posts;
    all->runners += trace.champions > 0 && trace.champions % 128 == 0 && trace.champions >= 256;
    request.in_full = true;
    if (!CHECK_EQ_INT(status, ANP_OK) ||
        !CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &full, NULL), ANP_OK) ||
        !CHECK(is_same(&fast, &full))) {
        test_note("%s, k %u, blend %g k1 %g b %g", text, request.k, request.rank.blend,
                  request.rank.k1, request.rank.b);
    }
    arena_free(&memory);
}

static sums compare_many(anp_index *index, prng *random) {
    static const char *const forms[] = {"t%u t%u^0.2",        "t%u^0.3 t%u t%u^0.2",
                                        "t%u^0.3 t%u^2",      "t%u^0.2 t%u -t%u",
                                        "+t%u t%u^0.1 t%u^9", "t%u t%u^0.5 t%u t0 t1",
                                        "t%u^0.1 t%u t8^0.1",
                                        ("t%u t%u^0.2 stack:s0^0.01 stack:s1^0.01 "
                                         "stack:s2^0.02 stack:s3^0.02 stack:s4^0.01")};
    anp_snapshot *shot;
    sums all = {0};
    if (!CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK)) {
        return all;
    }
    for (uint32_t i = 0; i < QUERIES; i++) {
        char text[120];
        uint32_t first = prng_below(random, WORDS);
        snprintf(text, sizeof text, forms[i % 8], first,
                 (first + 1 + prng_below(random, 4)) % WORDS,
                 (first + 5 + prng_below(random, 4)) % WORDS);
        compare(shot, random, text, i, &all);
    }
    anp_snapshot_close(shot);
    return all;
}

/*
 * Intersections of which so few are expected that they are scored without bounds, though they are
 * found late where bounds are: also where fewer posts have both words than was expected.
 */
static void intersect(anp_index *index) {
    static const uint8_t words[][2] = {{8, 1}, {7, 1}, {8, 2}, {7, 2}, {6, 2}, {5, 2}};
    anp_snapshot *shot;
    uint32_t fewer = 0;
    if (!CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK)) {
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char text[20];
        arena memory = {0};
        query_answer fast, full;
        evaluate_trace trace = {0};
        snprintf(text, sizeof text, "+t%u +t%u", words[i][0], words[i][1]);
        query_request request = {.text = str_from(text), .k = 110, .trace = &trace,
                                 .flags = ANP_QUERY_NO_TOTAL, .rank = RANK_SETTINGS_DEFAULT};
        CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &fast, NULL), ANP_OK);
        request.in_full = true;
        request.flags = 0;
        CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &full, NULL), ANP_OK);
        CHECK(is_same_hits(&fast, &full) && (SMALL || trace.blocks == 0));
        fewer += full.total < (uint64_t)POSTS / (words[i][0] + 1u) / (words[i][1] + 1u);
        arena_free(&memory);
    }
    CHECK(SMALL || fewer > 0);
    anp_snapshot_close(shot);
}

/* The best posts of each word, and some others. */
static bool delete_some(anp_index *index) {
    anp_writer *writer;
    anp_snapshot *shot;
    bool good = CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK) &&
                CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK);
    for (uint32_t word = 0; word < WORDS && good; word++) {
        char text[20];
        arena memory = {0};
        query_answer best;
        snprintf(text, sizeof text, "t%u", word);
        query_request request = {.text = str_from(text), .k = 40, .rank = RANK_SETTINGS_DEFAULT};
        request.rank.blend = 0;
        good = CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &best, NULL), ANP_OK);
        for (size_t i = 0; i < best.hit_count && good; i++) {
            anp_status status = anp_writer_delete(writer, best.hits[i].id, NULL);
            good = CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
        }
        arena_free(&memory);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
    anp_writer_close(writer);
    anp_snapshot_close(shot);
    return good;
}

/* In cells, few of which come first: most of the others are done with before there are bounds. */
static void compare_in_cells(prng *random) {
    char path[200];
    anp_index *index;
    snprintf(path, sizeof path, "%s/cells.db", test_folder());
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK)) {
        return;
    }
    CASE("flat bounds, many cells");
    if (add_posts(index, random, MANY_POSTS, BATCH)) {
        compare_many(index, random);
        CASE("flat bounds, many cells, the best posts deleted");
        CHECK(delete_some(index));
        compare_many(index, random);
    }
    anp_index_close(index);
}

/*
 * A word in nearly all posts beside a rare one: the threshold is little beside what both weigh, and
 * most blocks only tie, in a window that is not full.
 */
static void compare_at_end(void) {
    enum { WHOLE = 65536, REST = 78 * 256 + 48, WINDOWS_SMALL = 20 };
    static const uint32_t ks[] = {200, 250, 300, 500, 1000};
    const uint32_t posts = SMALL ? WINDOWS_SMALL * WINDOW_DOCS + 7 : WHOLE + REST;
    char path[200], json[200];
    anp_index *index;
    anp_writer *writer;
    anp_snapshot *shot;
    uint64_t strips = 0;
    snprintf(path, sizeof path, "%s/end.db", test_folder());
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK);
    for (uint32_t i = 0; i < posts; i++) {
        bool rich = i < WHOLE ? i % 512 == 40 : i % 1024 == 552;
        size_t len = (size_t)snprintf(json, sizeof json, "{\"id\":\"p%u\",\"body\":\"%s", i,
                                      i < 3 ? "rare " : "");
        for (int times = rich ? 7 : 1; times > 0; times--) {
            len += (size_t)snprintf(json + len, sizeof json - len, "common ");
        }
        snprintf(json + len, sizeof json - len, "w%u w%u\"}", i % 97, i % 13);
        CHECK_EQ_INT(anp_writer_add(writer, json, strlen(json), NULL), ANP_OK);
    }
    CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
    anp_writer_close(writer);
    CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK);
    for (size_t i = 0; i < sizeof ks / sizeof *ks; i++) {
        arena memory = {0};
        query_answer fast, full;
        evaluate_trace trace = {0};
        query_request request = {.text = str_from("rare common"), .k = ks[i],
                                 .rank = RANK_SETTINGS_DEFAULT, .trace = &trace};
        request.rank.blend = 0;
        CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &fast, NULL), ANP_OK);
        strips += trace.strips;
        request.in_full = true;
        CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &full, NULL), ANP_OK);
        CHECK(is_same(&fast, &full));
        arena_free(&memory);
    }
    CHECK(SMALL || strips > 100);
    anp_snapshot_close(shot);
    anp_index_close(index);
}

void test_query_champions(void) {
    prng random = {SEED};
    char path[200];
    anp_index *index;
    snprintf(path, sizeof path, "%s/champions.db", test_folder());
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK)) {
        return;
    }
    CASE("flat bounds");
    if (add_posts(index, &random, POSTS, POSTS)) {
        sums all = compare_many(index, &random);
        if (!CHECK(SMALL ||
                   (all.champions > 1000 && all.runners > 3 &&
                    all.strips + all.strip_posts > 200))) {
            test_note("%llu champions, %u queries with runners-up, %llu strips, %llu posts",
                      (unsigned long long)all.champions, all.runners,
                      (unsigned long long)all.strips, (unsigned long long)all.strip_posts);
        }
        CASE("fewer in both than expected");
        intersect(index);
        CASE("flat bounds, the best posts deleted");
        CHECK(delete_some(index));
        compare_many(index, &random);
        CASE("flat bounds, compacted");
        CHECK_EQ_INT(anp_index_compact(index, NULL, NULL, NULL, NULL), ANP_OK);
        compare_many(index, &random);
    }
    anp_index_close(index);
    compare_in_cells(&random);
    CASE("a rare word and one in all posts, at the end");
    compare_at_end();
}
