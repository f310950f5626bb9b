/*
 * Posts made of the same few words, all of one length, so that very many scores are equal: the
 * evaluator against full evaluation, to the ordinal. Of equals the lower ordinal wins, whatever the
 * order in which blocks and batches come: now and then a post holds a word three times, so that
 * blocks behind others come first.
 */
#include "api/handles.h"
#include "base/prng.h"
#include "query/query.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

enum {
    POSTS = WINDOW_BITS < 12 ? 1500 : 7000,
    WORDS = 12,
    LENGTH = 30, /* words of a post */
    RICH_EACH = 400,
    QUERIES = 400,
    SEED = 20261130,
};

static bool add_posts(anp_index *index, prng *random, uint32_t score_kinds) {
    anp_writer *writer;
    bool good = CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK);
    for (uint32_t i = 0; i < POSTS && good; i++) {
        char json[800];
        size_t len = (size_t)snprintf(json, sizeof json, "{\"id\":\"p%u\",\"body\":\"", i);
        uint32_t rich = prng_below(random, RICH_EACH), words = 0;
        for (uint32_t word = 0; word < WORDS; word++) {
            uint32_t times = prng_below(random, 2 + word) < 2 ? rich == word ? 3 : 1 : 0;
            for (words += times; times > 0; times--) {
                len += (size_t)snprintf(json + len, sizeof json - len, "t%u ", word);
            }
        }
        if (i % 1000 != 7) { /* so that hardly a post is left without it */
            len += (size_t)snprintf(json + len, sizeof json - len, "most ");
            words++;
        }
        for (; words < LENGTH; words++) {
            len += (size_t)snprintf(json + len, sizeof json - len, "pad ");
        }
        static const char *const scores[] = {"", ",\"meta\":{\"score\":{\"quality\":80}}",
                                             ",\"meta\":{\"score\":{\"depth\":20}}"};
        snprintf(json + len, sizeof json - len, "\"%s}", scores[prng_below(random, score_kinds)]);
        good = CHECK_EQ_INT(anp_writer_add(writer, json, strlen(json), NULL), ANP_OK);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
    anp_writer_close(writer);
    return good;
}

static bool is_same(const query_answer *a, const query_answer *b) {
    bool same = a->hit_count == b->hit_count && a->total == b->total;
    for (size_t i = 0; same && i < a->hit_count; i++) {
        same = a->hits[i].ordinal == b->hits[i].ordinal && a->hits[i].score == b->hits[i].score;
    }
    return same;
}

/* How many hits have the score of the one before. */
static uint32_t count_ties(const query_answer *answer) {
    uint32_t ties = 0;
    for (size_t i = 1; i < answer->hit_count; i++) {
        ties += answer->hits[i].score == answer->hits[i - 1].score;
    }
    return ties;
}

static uint32_t compare(anp_snapshot *shot, const char *text, uint32_t k, double blend) {
    arena memory = {0};
    query_answer fast, full;
    uint32_t ties = 0;
    query_request request = {.text = str_from(text), .k = k, .rank = RANK_SETTINGS_DEFAULT};
    request.rank.blend = blend;
    anp_status status = query_run(shot->inner, &request, &memory, &fast, NULL);
    request.in_full = true;
    if (!CHECK_EQ_INT(status, ANP_OK) ||
        !CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &full, NULL), ANP_OK) ||
        !CHECK(is_same(&fast, &full))) {
        test_note("%s, k %u, blend %g", text, k, blend);
    } else {
        ties = count_ties(&full);
    }
    arena_free(&memory);
    return ties;
}

static void compare_many(anp_index *index, prng *random) {
    static const char *const forms[] = {"+t%u +t%u", "t%u t%u", "+t%u +t%u +t%u", "t%u t%u t%u",
                                        "+t%u t%u -t%u", "+t%u +t%u -t%u", "t%u"};
    static const uint32_t ks[] = {1, 3, 10, 40, 100, 1000};
    static const double blends[] = {0, 0.3, 0, 0.05, 0.9};
    anp_snapshot *shot;
    uint32_t ties = 0;
    if (!CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < QUERIES; i++) {
        char text[40];
        uint32_t first = prng_below(random, WORDS);
        snprintf(text, sizeof text, forms[i % 7], first,
                 (first + 1 + prng_below(random, 5)) % WORDS,
                 (first + 6 + prng_below(random, 6)) % WORDS);
        ties += compare(shot, text, ks[prng_below(random, 6)], blends[i / 7 % 5]);
    }
    CHECK(ties > QUERIES * 10);
    static const char *const few[] = {"t0 -most", "t1 -most", "pad -most", "t9 -most",
                                      "t11^0.00001", "t3^0.00001 -most", "most^0.00001 -t1"};
    for (size_t i = 0; i < sizeof few / sizeof *few; i++) {
        for (int k = 1; k <= 1000; k *= 10) {
            compare(shot, few[i], (uint32_t)k, 0.3);
            compare(shot, few[i], (uint32_t)k, 0);
        }
    }
    anp_snapshot_close(shot);
}

static void run(prng *random, const char *name, uint32_t score_kinds) {
    char path[200], label[80];
    anp_index *index;
    snprintf(path, sizeof path, "%s/ties-%u.db", test_folder(), score_kinds);
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK)) {
        return;
    }
    CASE(name);
    if (add_posts(index, random, score_kinds)) {
        compare_many(index, random);
        snprintf(label, sizeof label, "%s, compacted", name);
        CASE(label);
        CHECK_EQ_INT(anp_index_compact(index, NULL, NULL, NULL, NULL), ANP_OK);
        compare_many(index, random);
    }
    anp_index_close(index);
}

void test_query_ties(void) {
    prng random = {SEED};
    run(&random, "posts without scores", 1);
    run(&random, "scores of three kinds", 3);
}
