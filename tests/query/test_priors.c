/*
 * Any blend and weights beside full evaluation, to the bit: words in most posts (bits, strips), in
 * some and in few (codes of blocks, of postings), alone and together; posts whose scores are all
 * alike, of few kinds, or at random, and posts without any. And how many postings that cost.
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
    POSTS = SMALL ? 500 : 12000, /* of the only unit; then: */
    LAST_POSTS = SMALL ? 6 : 200,
    SETTINGS = SMALL ? 20 : 6,
    SEED = 1201,
};

/* How scores are drawn. */
typedef enum drawn { DRAWN_NONE, DRAWN_KINDS, DRAWN_RANDOM } drawn;

/* In how many of a thousand posts each is. */
static const struct {
    const char *text;
    uint32_t of_1000;
} words[] = {{"most", 930}, {"many", 600}, {"some", 90}, {"few", 12}};
enum { WORDS = sizeof words / sizeof *words };

static void put_scores(prng *r, drawn kind, char *out, size_t room) {
    uint32_t base = kind == DRAWN_KINDS ? 70 : 0, spread = kind == DRAWN_KINDS ? 28 : 101;
    out[0] = 0;
    if (kind == DRAWN_NONE || (kind == DRAWN_KINDS && prng_below(r, 5))) {
        return;
    }
    uint32_t s[RANK_SCORES];
    for (int i = 0; i < RANK_SCORES; i++) {
        s[i] = base + prng_below(r, spread);
    }
    snprintf(out, room,
             "\"score\":{\"quality\":%u,\"freshness\":%u,\"depth\":%u,\"clarity\":%u}", s[0],
             s[1], s[2], s[3]);
}

static bool add_posts(anp_index *index, prng *r, drawn kind, uint32_t first, uint32_t count) {
    static char json[4096], scores[200];
    anp_writer *writer;
    if (!CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK)) {
        return false;
    }
    bool good = true;
    for (uint32_t i = first; good && i < first + count; i++) {
        put_scores(r, kind, scores, sizeof scores);
        size_t len = (size_t)snprintf(json, sizeof json,
                                      "{\"id\":\"p%u\",\"meta\":{%s},\"body\":\"x", i, scores);
        for (int w = 0; w < WORDS; w++) {
            uint32_t there = prng_below(r, 1000) < words[w].of_1000;
            uint32_t times = there * (1 + prng_below(r, prng_below(r, 5) ? 2 : 9));
            times = there && prng_below(r, 900) == 0 ? 300 : times; /* a tf that is no byte */
            for (uint32_t k = 0; k < times; k++) {
                len += (size_t)snprintf(json + len, sizeof json - len, " %s", words[w].text);
            }
        }
        for (uint32_t k = prng_below(r, 80); k; k--) {
            len += (size_t)snprintf(json + len, sizeof json - len, " y%u", k);
        }
        len += (size_t)snprintf(json + len, sizeof json - len, "\"}");
        good = CHECK_EQ_INT(anp_writer_add(writer, json, len, NULL), ANP_OK);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
    anp_writer_close(writer);
    return good;
}

static bool delete_some(anp_index *index, prng *r, uint32_t count) {
    anp_writer *writer;
    if (!CHECK_EQ_INT(anp_writer_open(index, &writer, NULL), ANP_OK)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        char id[20];
        snprintf(id, sizeof id, "p%u", prng_below(r, POSTS));
        anp_status status = anp_writer_delete(writer, id, NULL);
        CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
    }
    bool good = CHECK_EQ_INT(anp_writer_commit(writer, NULL), ANP_OK);
    anp_writer_close(writer);
    return good;
}

static rank_settings random_settings(prng *r) {
    static const double blends[] = {0.1, 0.3, 0.5, 0.8, 0.95};
    rank_settings s = RANK_SETTINGS_DEFAULT;
    s.blend = blends[prng_below(r, 5)];
    for (int i = 0; i < RANK_SCORES; i++) {
        s.weights[i] = prng_below(r, 3);
    }
    if (prng_below(r, 3) == 0) {
        s.k1 = 0.4 * prng_below(r, 8);
        s.b = 0.25 * prng_below(r, 5);
    }
    return s;
}

static bool same_hits(const query_answer *a, const query_answer *b) {
    bool same = a->hit_count == b->hit_count;
    for (size_t i = 0; same && i < a->hit_count; i++) {
        const anp_hit *x = &a->hits[i], *y = &b->hits[i];
        same = x->ordinal == y->ordinal && x->score == y->score && x->bm25 == y->bm25 &&
               x->prior == y->prior;
    }
    return same;
}

/* How many postings were added and looked up. */
static uint64_t compare(snapshot *s, const rank_settings *settings, str text, uint32_t k) {
    arena memory = {0};
    query_answer fast, full;
    evaluate_trace trace = {0};
    query_request request = {.text = text, .flags = ANP_QUERY_NO_TOTAL, .k = k, .rank = *settings,
                             .trace = &trace};
    anp_status status = query_run(s, &request, &memory, &fast, NULL);
    request.in_full = true;
    if (!CHECK_EQ_INT(status, ANP_OK) || !CHECK(!trace.in_full) ||
        !CHECK_EQ_INT(query_run(s, &request, &memory, &full, NULL), ANP_OK) ||
        !CHECK(same_hits(&fast, &full))) {
        const double *w = settings->weights;
        test_note("seed %d: [%s] k %u blend %g weights %g %g %g %g k1 %g b %g", SEED, text.data, k,
                  settings->blend, w[0], w[1], w[2], w[3], settings->k1, settings->b);
    }
    arena_free(&memory);
    return trace.postings + trace.probes;
}

static void compare_all(anp_index *index, prng *r) {
    static const str texts[] = {STR("most"), STR("many"), STR("some"), STR("few"), STR("most -few"),
                                STR("many some"), STR("most few some"), STR("+most +some"),
                                STR("+many most"), STR("\"most many\"")};
    static const uint32_t ks[] = {1, 10, 100, 128, 129, 700};
    anp_snapshot *shot;
    if (!CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK)) {
        return;
    }
    for (int i = 0; i < SETTINGS; i++) {
        rank_settings s = random_settings(r);
        for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
            compare(shot->inner, &s, texts[t], ks[prng_below(r, 6)]);
        }
    }
    anp_snapshot_close(shot);
}

/* The best ten of a word in most posts: of those without scores, of which champions are the best,
   hardly any is looked at; of all others some of its postings, by their own factors. */
static void count_postings(anp_index *index, drawn kind) {
    const rank_settings s = {1.2, 0.75, 0.3, {2, 0, 0, 1}};
    anp_snapshot *shot;
    if (CHECK_EQ_INT(anp_snapshot_open(index, &shot, NULL), ANP_OK)) {
        uint64_t postings = compare(shot->inner, &s, STR("most"), 10);
        if (!CHECK(SMALL || postings < (kind == DRAWN_NONE ? POSTS / 40 : POSTS / 10))) {
            test_note("%llu postings", (unsigned long long)postings);
        }
        anp_snapshot_close(shot);
    }
}

static void run(drawn kind, const char *name) {
    prng r = {SEED + (uint64_t)kind};
    char path[300];
    anp_index *index;
    CASE(name);
    snprintf(path, sizeof path, "%s/priors-%s.db", test_folder(), name);
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK)) {
        return;
    }
    if (add_posts(index, &r, kind, 0, POSTS)) {
        count_postings(index, kind);
        compare_all(index, &r);
    }
    if (add_posts(index, &r, kind, POSTS, LAST_POSTS) && delete_some(index, &r, POSTS / 50)) {
        compare_all(index, &r);
    }
    anp_index_close(index);
}

void test_query_priors(void) {
    run(DRAWN_NONE, "none");
    run(DRAWN_KINDS, "kinds");
    run(DRAWN_RANDOM, "random");
}
