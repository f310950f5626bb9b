/*
 * The evaluator against full evaluation: the same posts, scores and totals, to the bit, for random
 * queries, settings and filters over an index with a large unit, smaller ones, a log and dead
 * posts; and again when it is compacted. (Full evaluation has its own twin: test_twin.c.)
 */
#include "api/handles.h"
#include "base/prng.h"
#include "index/cells.h"
#include "query/evaluate.h"
#include "query/query.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SMALL = WINDOW_BITS < 12, /* windows of 64 posts */
    FIRST_POSTS = SMALL ? 700 : 8500, /* a unit with pairs of words */
    BATCHES = 4,
    BATCH_POSTS = SMALL ? 60 : 500,
    BRIEF_POSTS = SMALL ? 30 : 4700, /* a unit of brief lists, some of more than 4,096 */
    BRIEF_QUERIES = 40,
    LAST_POSTS = SMALL ? 7 : 300,
    WORDS = 400,
    QUERIES = SMALL ? 600 : 300,
    QUERY_BYTES = 512,
    WORDS_ASKED = 20, /* down to rare ones, whose lists have no bounds of blocks */
    DELETED_EACH = 15,
    SEED = 20261129,
};

typedef struct world {
    prng random;
    anp_index *index;
    anp_snapshot *shot;
    uint32_t posts;
    evaluate_trace trace; /* of all queries */
    uint32_t answered, ranked, closed; /* queries; the last: that left columns of a cell unread */
} world;

/* Words by rank: the first ones are in most posts, the last ones in few. */
static uint32_t random_word(world *w) {
    uint32_t below = 1 + prng_below(&w->random, WORDS);
    return prng_below(&w->random, 1 + prng_below(&w->random, below));
}

static void put_words(world *w, char *out, size_t room, uint32_t count) {
    size_t len = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < count && len + 16 < room; i++) {
        uint32_t word = random_word(w);
        uint32_t times = prng_below(&w->random, 40) ? 1 : 1 + word * 61 % 300;
        for (uint32_t k = 0; k < times && len + 16 < room; k++) {
            len += (size_t)snprintf(out + len, room - len, "w%u ", word);
        }
    }
}

static bool add_posts(world *w, uint32_t count, uint32_t replaced) {
    static char json[8192], title[200], body[6000];
    anp_error err = ANP_ERROR_INIT;
    anp_writer *writer;
    if (!CHECK_EQ_INT(anp_writer_open(w->index, &writer, &err), ANP_OK)) {
        return false;
    }
    bool good = true;
    for (uint32_t i = 0; i < count && good; i++) {
        uint32_t id = i < replaced ? prng_below(&w->random, w->posts) : w->posts++;
        put_words(w, title, sizeof title, prng_below(&w->random, 5));
        if (id % 7 == 1) { /* side by side in the title alone */
            snprintf(title, sizeof title, "w2 w3");
        }
        bool apart = id % 50 == 9; /* in the title alone, what all bodies have else */
        if (apart) {
            snprintf(title, sizeof title, "everywhere");
        }
        uint32_t times = prng_below(&w->random, 300) ? 1 : 300; /* a tf that is no byte */
        size_t len = 0;
        for (uint32_t k = 0; k < times && !apart; k++) {
            len += (size_t)snprintf(body + len, sizeof body - len, "everywhere ");
        }
        if (id % 3 == 0) { /* so often that their list is bits of w3's */
            len += (size_t)snprintf(body + len, sizeof body - len, "w2 w3 ");
        } else if (id % 7 == 1) {
            len += (size_t)snprintf(body + len, sizeof body - len, "w3 w2 ");
        }
        put_words(w, body + len, sizeof body - len, 1 + prng_below(&w->random, 24));
        int has_scores = (int)prng_below(&w->random, 4);
        char scores[120] = "";
        if (has_scores) {
            snprintf(scores, sizeof scores,
                     ",\"score\":{\"quality\":%u,\"freshness\":%u,\"depth\":%u,\"clarity\":%u%s}",
                     prng_below(&w->random, 101), prng_below(&w->random, 101),
                     70 + prng_below(&w->random, 31), prng_below(&w->random, 101),
                     id > FIRST_POSTS && id % 400 == 399 ? ".5" : "");
        }
        snprintf(json, sizeof json, "{\"id\":\"p%u\",\"title\":\"%s\",\"body\":\"%s\","
                 "\"meta\":{\"reading_time\":%u%s}}",
                 id, title, body, prng_below(&w->random, 20), scores);
        good = CHECK_EQ_INT(anp_writer_add(writer, json, strlen(json), &err), ANP_OK);
        if (good && prng_below(&w->random, 60) == 0) {
            char gone[20];
            snprintf(gone, sizeof gone, "p%u", prng_below(&w->random, w->posts));
            anp_status status = anp_writer_delete(writer, gone, &err);
            good = CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
        }
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, &err), ANP_OK);
    anp_writer_close(writer);
    return good;
}

/* ---- Queries ------------------------------------------------------------------------------- */

static void put_clause(world *w, char *out, size_t room) {
    static const char *const values[] = {"reading_time:[3 TO 9]", "quality:>50", "depth:>=70"};
    static const char *const marks[] = {"", "", "", "+", "+", "-"};
    prng *r = &w->random;
    const char *mark = marks[prng_below(r, 6)];
    uint32_t a = random_word(w), b = random_word(w), kind = prng_below(r, 26);
    if (kind < 11) {
        snprintf(out, room, "%sw%u", mark, a);
    } else if (kind < 13) {
        snprintf(out, room, "%stitle:w%u", mark, a % 40);
    } else if (kind < 16) {
        snprintf(out, room, "%s\"w%u w%u\"%s", mark, a % 30, b % 30,
                 prng_below(r, 4) ? "" : "~2");
    } else if (kind < 17) {
        snprintf(out, room, "%sw%u^%u.5", mark, a, prng_below(r, 3));
    } else if (kind < 18) {
        static const char *const groups[] = {"%s(w%u w%u)", "%s(w%u (w%u w3))", "%s(+w%u w%u)",
                                             "%s(w%u -w%u)", "%s(w%u (+w%u w7))"};
        snprintf(out, room, groups[prng_below(r, 5)], mark, a, b);
    } else if (kind < 19 && prng_below(r, 2)) { /* weighs little, or nothing */
        snprintf(out, room, "%severywhere%s", mark, prng_below(r, 2) ? "^0.001" : "");
    } else if (kind < 19) {
        snprintf(out, room, "%s%s", mark, values[prng_below(r, 3)]);
    } else if (kind < 20) {
        snprintf(out, room, "%sbody:w%u", mark, a);
    } else if (kind < 22) { /* where they are: bodies, or what groups say */
        static const char *const forms[] = {
            "%sbody:\"w%u w%u\"",      "%sbody:\"w%u w%u\"~2",       "%s(w%u \"w%u w3\")",
            "%s(w%u \"w%u w2\"^2)",    "%s(+w%u quality:>50 w%u)",   "%s(body:w%u title:w%u)",
            "%s(+w%u +w%u w3)",        "%s(w%u (w%u -depth:>80)^1.5)", "%s(-w%u -w%u)",
            "%s(+\"w%u w%u\" w1 -w5)", "%s(+(w%u w%u) +w2 (w4 +w5))",  "%s(+w%u -\"w%u w3\" w1 w1)",
        };
        snprintf(out, room, forms[prng_below(r, 12)], mark, prng_below(r, 2) ? a : a % 30, b % 30);
    } else if (kind < 24) { /* the plain ones among many */
        static const char *const forms[] = {
            "%s*", "%stitle:*", "%s\"w1 w2\"", "%s\"w3 w1\"^0.5", "%sbody:everywhere",
            "%s(w1 w1 -w2)", "%sreading_time:[5 TO *]^3.5", "%s(quality:>90 depth:<80)",
        };
        snprintf(out, room, forms[prng_below(r, 8)], mark);
    } else { /* of the most frequent words: there are lists of their pairs */
        snprintf(out, room, "%s\"w%u w%u%s%u w%u\"", mark, a % 3, b % 4,
                 prng_below(r, 2) ? " everywhere w" : " w", prng_below(r, 4), a % 5);
    }
}

static void put_query(world *w, char *out) {
    uint32_t count = 1 + prng_below(&w->random, prng_below(&w->random, 4) ? 4 : 8);
    size_t len = 0;
    if (prng_below(&w->random, 3) == 0) { /* the plain kinds often */
        static const char *const forms[] = {"+w%u +w%u", "\"w%u w%u\"", "w%u -w%u", "+w%u -w%u",
                                            "+w%u w%u", "w%u", "w%u", "\"w%u w%u\"",
                                            "everywhere", "everywhere w%u", "+everywhere -w%u"};
        uint32_t form = prng_below(&w->random, 11);
        uint32_t below = form == 7 ? 4 : 60; /* there are lists of pairs of the most frequent */
        uint32_t a = random_word(w) % below, b = random_word(w) % below;
        snprintf(out, QUERY_BYTES, forms[form], a, b);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        put_clause(w, out + len, QUERY_BYTES - len);
        len += strlen(out + len);
        len += (size_t)snprintf(out + len, QUERY_BYTES - len, "%s", i + 1 < count ? " " : "");
    }
}

static rank_settings random_settings(prng *r) {
    rank_settings s = RANK_SETTINGS_DEFAULT;
    switch (prng_below(r, 4)) {
    case 0:
        s.blend = 0;
        break;
    case 1:
        s.k1 = 0.3 * prng_below(r, 9);
        s.b = 0.25 * prng_below(r, 5);
        s.blend = 0.19 * prng_below(r, 6);
        for (int i = 0; i < RANK_SCORES; i++) {
            s.weights[i] = prng_below(r, 4);
        }
        break;
    case 2:
        s.weights[prng_below(r, 4)] = 0;
        break;
    default:
        break;
    }
    return s;
}

static bool is_same(const anp_hit *a, const anp_hit *b) {
    return a->ordinal == b->ordinal && memcmp(&a->score, &b->score, sizeof a->score) == 0 &&
           memcmp(&a->bm25, &b->bm25, sizeof a->bm25) == 0 &&
           memcmp(&a->prior, &b->prior, sizeof a->prior) == 0;
}

static bool compare_answers(const query_answer *fast, const query_answer *full, bool total) {
    bool same = fast->hit_count == full->hit_count && (!total || fast->total == full->total);
    for (size_t i = 0; same && i < full->hit_count; i++) {
        same = is_same(&fast->hits[i], &full->hits[i]);
    }
    return same;
}

static bool leaves_closed(snapshot *s) {
    uint32_t count = 0;
    bool closed = false;
    CHECK_EQ_INT(cells_begin(s, NULL), ANP_OK);
    const cell *cells = cells_all(s, &count);
    for (uint32_t i = 0; i < count; i++) {
        closed |= !cells[i].open;
    }
    return closed;
}

/* Each second query has a snapshot of its own, of which nothing was read before. */
static bool look_anew(world *w, uint32_t number) {
    if (number % 2 == 0) {
        return true;
    }
    anp_snapshot_close(w->shot);
    w->shot = NULL;
    return CHECK_EQ_INT(anp_snapshot_open(w->index, &w->shot, NULL), ANP_OK);
}

static void compare(world *w, uint32_t number) {
    static const uint32_t ks[] = {1, 3, 10, 10, 100, 1000, 20000};
    char text[QUERY_BYTES];
    arena memory = {0};
    query_answer fast, full;
    anp_error err = ANP_ERROR_INIT;
    evaluate_trace trace = {0};
    put_query(w, text);
    bool filtered = prng_below(&w->random, 5) == 0, total = prng_below(&w->random, 2);
    query_request request = {.text = str_from(text),
                             .filter = filtered ? STR("reading_time:[2 TO 14]") : STR(""),
                             .flags = ANP_QUERY_KEEP_STOPWORDS,
                             .k = ks[prng_below(&w->random, 7)],
                             .offset = prng_below(&w->random, 4) ? 0 : 5,
                             .rank = random_settings(&w->random),
                             .trace = &trace};
    bool count_only = prng_below(&w->random, 6) == 0;
    request.flags |= count_only ? ANP_QUERY_COUNT_ONLY : total ? 0 : ANP_QUERY_NO_TOTAL;
    total |= count_only;
    anp_status status = query_run(w->shot->inner, &request, &memory, &fast, &err);
    w->closed += fast.hit_count > 1 && leaves_closed(w->shot->inner);
    w->answered += !trace.in_full;
    request.in_full = true;
    if (!CHECK_EQ_INT(status, ANP_OK) ||
        !CHECK_EQ_INT(query_run(w->shot->inner, &request, &memory, &full, &err), ANP_OK) ||
        !CHECK(compare_answers(&fast, &full, total))) {
        test_note("seed %d, query %u: [%s] filter %d flags %u k %u+%u blend %g k1 %g b %g weights "
                  "%g %g %g %g: %zu of %llu hits, not %zu of %llu", SEED, number, text, filtered,
                  request.flags, request.offset, request.k, request.rank.blend, request.rank.k1,
                  request.rank.b, request.rank.weights[0], request.rank.weights[1],
                  request.rank.weights[2], request.rank.weights[3], fast.hit_count,
                  (unsigned long long)fast.total, full.hit_count, (unsigned long long)full.total);
    }
    w->ranked += full.hit_count > 1;
    w->trace.blocks += trace.blocks;
    w->trace.blocks_scored += trace.blocks_scored;
    w->trace.cells_skipped += trace.cells_skipped;
    w->trace.phrases += trace.phrases;
    w->trace.pairs += trace.pairs;
    arena_free(&memory);
}

static void compare_many(world *w) {
    anp_error err = ANP_ERROR_INIT;
    w->trace = (evaluate_trace){0};
    w->answered = w->ranked = w->closed = 0;
    if (!CHECK_EQ_INT(anp_snapshot_open(w->index, &w->shot, &err), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < QUERIES && look_anew(w, i); i++) {
        compare(w, i);
    }
    anp_snapshot_close(w->shot);
    /* The evaluator answered all of them, and skipped much. */
    CHECK_EQ_INT(w->answered, QUERIES);
    CHECK(w->ranked > QUERIES / 3);
    CHECK(w->trace.blocks_scored > QUERIES && w->trace.blocks > w->trace.blocks_scored);
    CHECK(w->trace.phrases > QUERIES);
    CHECK(w->trace.pairs > QUERIES / 30);
    CHECK(!SMALL || (w->trace.cells_skipped > 0 && w->closed > 0));
}

/* Deletes the best posts of a few words, whose bounds and seeds then tell of what is dead. */
static bool delete_best(world *w) {
    anp_error err = ANP_ERROR_INIT;
    anp_writer *writer;
    bool good = CHECK_EQ_INT(anp_snapshot_open(w->index, &w->shot, &err), ANP_OK) &&
                CHECK_EQ_INT(anp_writer_open(w->index, &writer, &err), ANP_OK);
    for (uint32_t word = 0; word < WORDS_ASKED && good; word++) {
        char text[20];
        arena memory = {0};
        query_answer best;
        snprintf(text, sizeof text, "w%u", word * word);
        query_request request = {.text = str_from(text), .k = DELETED_EACH,
                                 .rank = RANK_SETTINGS_DEFAULT};
        request.rank.blend = word % 2 ? 0.3 : 0;
        good = CHECK_EQ_INT(query_run(w->shot->inner, &request, &memory, &best, &err), ANP_OK);
        for (size_t i = 0; i < best.hit_count && good; i++) {
            anp_status status = anp_writer_delete(writer, best.hits[i].id, &err);
            good = CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
        }
        arena_free(&memory);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, &err), ANP_OK);
    anp_writer_close(writer);
    anp_snapshot_close(w->shot);
    return good;
}

/* The same answer by bounds and in full; *trace: of the first. */
static bool ask(world *w, const query_request *asked, evaluate_trace *trace) {
    anp_error err = ANP_ERROR_INIT;
    arena memory = {0};
    query_request request = *asked;
    query_answer fast, full;
    *trace = (evaluate_trace){0};
    request.trace = trace;
    anp_status status = query_run(w->shot->inner, &request, &memory, &fast, &err);
    request.in_full = true;
    request.trace = NULL;
    bool good = CHECK_EQ_INT(status, ANP_OK) &&
                CHECK_EQ_INT(query_run(w->shot->inner, &request, &memory, &full, &err), ANP_OK) &&
                CHECK(compare_answers(&fast, &full, !(request.flags & ANP_QUERY_NO_TOTAL)));
    if (!good) {
        test_note("%.*s, k %u, blend %g k1 %g b %g", (int)request.text.len, request.text.data,
                  request.k, request.rank.blend, request.rank.k1, request.rank.b);
    }
    arena_free(&memory);
    return good;
}

/* Words by themselves; the last ones are in all posts, and weigh next to nothing, or by their boost
   as much as others. */
static void ask_words(world *w) {
    uint64_t champions = 0;
    for (uint32_t i = 0; i < (WORDS_ASKED + 6) * 24; i++) {
        static const uint32_t ks[] = {1, 3, 10, 100, 300, 1000};
        static const str last[] = {STR("everywhere"), STR("everywhere^0.1"),
                                   STR("everywhere^0.03"), STR("everywhere^500"),
                                   STR("everywhere^100000"), STR("everywhere^9000 -w2")};
        uint32_t word = i / 24;
        char text[20];
        evaluate_trace trace;
        snprintf(text, sizeof text, i % 5 ? "w%u" : i % 2 ? "w%u -w2" : "+w%u -w120 -w7",
                 word * word);
        query_request request = {.text = word < WORDS_ASKED ? str_from(text)
                                                            : last[word - WORDS_ASKED],
                                 .k = ks[i % 6],
                                 .rank = RANK_SETTINGS_DEFAULT};
        request.rank.blend = i / 6 % 2 ? 0.3 : 0;
        if (i / 12 % 2) { /* norms that are others than those of bounds */
            request.rank.k1 = 0.4 + 0.1 * prng_below(&w->random, 20);
            request.rank.b = 0.05 * prng_below(&w->random, 21);
        }
        ask(w, &request, &trace);
        champions += trace.champions;
    }
    CHECK(champions > 1000);
}

/* Words in many posts, of which one weighs next to nothing: candidates that are found late. */
static void ask_both(world *w) {
    for (uint32_t i = 0; i < 240; i++) {
        static const uint32_t ks[] = {1, 3, 10, 20};
        char text[60];
        evaluate_trace trace;
        snprintf(text, sizeof text, "+w%u +w%u^0.001 %s", 1 + i % 24, i / 24,
                 i % 2 ? "+everywhere" : "w60");
        query_request request = {.text = str_from(text),
                                 .flags = ANP_QUERY_NO_TOTAL,
                                 .k = ks[i % 4],
                                 .rank = RANK_SETTINGS_DEFAULT};
        request.rank.blend = i / 4 % 2 ? 0.3 : 0;
        ask(w, &request, &trace);
    }
}

/* Words of bodies, and words cut to where a group is, whose lists have bounds of their own. */
static void ask_made(world *w) {
    static const char *const forms[] = {"body:w%u", "body:w%u body:w%u", "+body:w%u w%u",
                                        "body:w%u^3 w%u", "(w%u -w%u) w7", "(+w%u w%u) w90",
                                        "w%u (w%u depth:>80)", "(w%u quality:<40)^2 w%u",
                                        "w%u body:\"w2 w3\"", "+body:\"w2 w3\" w%u"};
    enum { FORMS = 10 };
    for (uint32_t i = 0; i < WORDS_ASKED * FORMS * 3; i++) {
        static const uint32_t ks[] = {1, 3, 10};
        char text[80];
        evaluate_trace trace;
        uint32_t word = i / FORMS % WORDS_ASKED;
        snprintf(text, sizeof text, forms[i % FORMS], word * word,
                 prng_below(&w->random, 1 + word * 4));
        query_request request = {.text = str_from(text), .k = ks[prng_below(&w->random, 3)],
                                 .flags = ANP_QUERY_NO_TOTAL,
                                 .rank = random_settings(&w->random)};
        ask(w, &request, &trace);
        CHECK(!trace.in_full);
    }
}

/* Lists of all posts, as they are stored, and of nearly all bodies, which are made: bitsets beside
   blocked ones, the shorter or the longer of two. */
static void ask_everywhere(world *w) {
    static const str texts[] = {STR("+body:everywhere +everywhere"), STR("+everywhere +w0 +w1"),
                                STR("body:everywhere everywhere"), STR("body:everywhere -w1"),
                                STR("+body:everywhere +everywhere w3"), STR("* -everywhere"),
                                STR("+everywhere -body:everywhere"), STR("+everywhere quality:>50"),
                                STR("+body:everywhere +everywhere +w2"), STR("everywhere w0 -w9")};
    for (size_t i = 0; i < 2 * sizeof texts / sizeof *texts; i++) {
        evaluate_trace trace;
        query_request request = {.text = texts[i / 2], .k = i % 2 ? 10 : 0,
                                 .rank = RANK_SETTINGS_DEFAULT};
        ask(w, &request, &trace);
    }
}

/* Values of a query are kept, some KiB a window each: of many full evaluation takes one after the
   other. */
static void ask_many_values(world *w) {
    enum { FEW = 60, MANY = 70 };
    for (int values = FEW; values <= MANY; values += MANY - FEW) {
        char text[4096];
        evaluate_trace trace;
        size_t len = (size_t)snprintf(text, sizeof text, "w2 (w1 w3");
        for (int i = 0; i < values; i++) {
            len += (size_t)snprintf(text + len, sizeof text - len, " -quality:%d", i);
        }
        snprintf(text + len, sizeof text - len, ")");
        query_request request = {.text = str_from(text), .k = 10, .rank = RANK_SETTINGS_DEFAULT};
        ask(w, &request, &trace);
        CHECK_EQ_INT(trace.in_full, values == MANY);
    }
}

/* Each in one snapshot. */
static void in_snapshot(world *w, void (*asks)(world *)) {
    anp_error err = ANP_ERROR_INIT;
    if (CHECK_EQ_INT(anp_snapshot_open(w->index, &w->shot, &err), ANP_OK)) {
        asks(w);
        anp_snapshot_close(w->shot);
    }
}

static bool compact(world *w) {
    anp_error err = ANP_ERROR_INIT;
    return CHECK_EQ_INT(anp_index_compact(w->index, NULL, NULL, NULL, &err), ANP_OK);
}

/* Lists without champions, and no bitsets but those that are made. */
static void ask_brief(void) {
    static world w = {.random = {SEED + 1}};
    char path[200];
    snprintf(path, sizeof path, "%s/brief.db", test_folder());
    if (!CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &w.index, NULL), ANP_OK) ||
        !add_posts(&w, BRIEF_POSTS, 0)) {
        return;
    }
    in_snapshot(&w, ask_everywhere);
    if (CHECK_EQ_INT(anp_snapshot_open(w.index, &w.shot, NULL), ANP_OK)) {
        for (uint32_t i = 0; i < BRIEF_QUERIES; i++) {
            compare(&w, i);
        }
        CHECK_EQ_INT(w.answered, BRIEF_QUERIES);
        anp_snapshot_close(w.shot);
    }
    anp_index_close(w.index);
}

void test_query_evaluate(void) {
    static world w = {.random = {SEED}};
    char path[200];
    anp_error err = ANP_ERROR_INIT;
    snprintf(path, sizeof path, "%s/evaluate.db", test_folder());
    CASE("one unit, without dead posts, scores of a byte each");
    anp_status opened = anp_index_open(path, ANP_OPEN_CREATE, NULL, &w.index, &err);
    if (!CHECK_EQ_INT(opened, ANP_OK) || !add_posts(&w, FIRST_POSTS, 0) || !compact(&w)) {
        return;
    }
    in_snapshot(&w, ask_words);
    in_snapshot(&w, ask_both);
    CASE("units, a log and dead posts");
    for (uint32_t i = 0; i < BATCHES; i++) {
        add_posts(&w, BATCH_POSTS, BATCH_POSTS / 4);
    }
    add_posts(&w, LAST_POSTS, LAST_POSTS / 10);
    compare_many(&w);
    in_snapshot(&w, ask_made);
    CASE("many values");
    in_snapshot(&w, ask_many_values);
    CASE("compacted");
    if (compact(&w)) {
        compare_many(&w);
        in_snapshot(&w, ask_words);
        in_snapshot(&w, ask_made);
    }
    CASE("the best are deleted");
    if (delete_best(&w)) {
        in_snapshot(&w, ask_words);
    }
    anp_index_close(w.index);
    CASE("a unit of brief lists");
    ask_brief();
}
