/*
 * Whole queries on a small index: what each kind of text finds, and the numbers behind a score.
 *
 * Expected lists are in alphabetical order of ids, since these tests are about matching; order and
 * scores are the business of test_twin.c.
 */
#include "test.h"

#include "api/handles.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const posts[] = {
    "{\"id\":\"a\",\"title\":\"Redis cache rules\","
    "\"body\":\"Expire each key. The cache of Node.js is small.\","
    "\"meta\":{\"stack\":[\"redis caching\",\"node\"],\"difficulty\":\"beginner\","
    "\"score\":{\"quality\":90,\"freshness\":80,\"depth\":70,\"clarity\":60},"
    "\"reading_time\":5,\"revision\":{\"last_reviewed\":\"2025-01-31\",\"version\":2}}}",
    "{\"id\":\"b\",\"title\":\"Owner notes\","
    "\"body\":\"A rollback note is kept by its owner. Long-term plans help.\","
    "\"meta\":{\"stack\":[\"git\"],\"difficulty\":\"expert\",\"reading_time\":12,"
    "\"score\":{\"quality\":40},\"flags\":{\"has_images\":1},"
    "\"revision\":{\"last_reviewed\":\"2025-02-01\",\"version\":\"beta\"}}}",
    "{\"id\":\"c\",\"title\":\"\",\"body\":\"note the rollback\\ncached <pages> & keys\","
    "\"meta\":{\"reading_time\":8,\"revision\":{\"last_reviewed\":\"2024-12-31\"},"
    "\"flags\":{\"has_images\":0}}}",
    "{\"id\":\"d\",\"title\":\"Varnish\",\"body\":\"\"}",
    "{\"id\":\"gone\",\"title\":\"Redis cache\",\"body\":\"rollback note\",\"reading_time\":5}",
};

static anp_index *index_of_posts;
static anp_snapshot *shot;

static bool build(const char *name, anp_store_mode mode) {
    char path[200];
    anp_error err = ANP_ERROR_INIT;
    anp_writer *writer = NULL;
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.store = mode;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    anp_status opened = anp_index_open(path, ANP_OPEN_CREATE, &options, &index_of_posts, &err);
    bool good =
        CHECK_EQ_INT(opened, ANP_OK) &&
        CHECK_EQ_INT(anp_writer_open(index_of_posts, &writer, &err), ANP_OK);
    for (size_t i = 0; i < sizeof posts / sizeof *posts && good; i++) {
        good = CHECK_EQ_INT(anp_writer_add(writer, posts[i], strlen(posts[i]), &err), ANP_OK);
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(writer, &err), ANP_OK);
    if (good && mode != ANP_STORE_NONE) {
        good = CHECK_EQ_INT(anp_writer_delete(writer, "gone", &err), ANP_OK) &&
               CHECK_EQ_INT(anp_writer_commit(writer, &err), ANP_OK);
    }
    anp_writer_close(writer);
    return good && CHECK_EQ_INT(anp_snapshot_open(index_of_posts, &shot, &err), ANP_OK);
}

static void close_all(void) {
    anp_snapshot_close(shot);
    anp_index_close(index_of_posts);
    shot = NULL;
}

static query_request request_for(const char *text) {
    return (query_request){.text = str_from(text),
                           .k = 100,
                           .mark_open = STR("["),
                           .mark_close = STR("]"),
                           .rank = RANK_SETTINGS_DEFAULT};
}

/* The ids found, sorted, as one string. */
static void ids_of(const query_answer *answer, char out[200]) {
    out[0] = 0;
    for (char id = 'a'; id <= 'z'; id++) {
        for (size_t i = 0; i < answer->hit_count; i++) {
            if (answer->hits[i].id[0] == id) {
                snprintf(out + strlen(out), 200 - strlen(out), "%s%s", out[0] ? " " : "",
                         answer->hits[i].id);
            }
        }
    }
}

static void check_finds(const char *text, uint32_t flags, const char *filter,
                        const char *expected) {
    arena memory = {0};
    anp_error err = ANP_ERROR_INIT;
    query_answer answer;
    char ids[200];
    query_request request = request_for(text);
    request.flags = flags;
    request.filter = str_from(filter);
    bool good = CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_OK);
    if (good) {
        ids_of(&answer, ids);
        good = CHECK_EQ_STR(ids, expected) && CHECK_EQ_INT(answer.total, answer.hit_count);
    }
    if (!good) {
        test_note("query: %s, filter: %s, %s", text, filter, err.message);
    }
    arena_free(&memory);
}

static void finds(void) {
    static const struct {
        const char *text;
        const char *ids;
    } table[] = {
        {"cache", "a c"}, /* cached is the same word */
        {"CACHES", "a c"},
        {"redis varnish", "a d"},
        {"+cache -redis", "c"},
        {"-cache", "b d"},
        {"nosuchword", ""},
        {"cache nosuchword", "a c"},
        {"+cache +nosuchword", ""},
        {"*", "a b c d"},
        {"* -note", "a d"},
        {"", ""},
        {"  ?! ", ""},
        {"title:cache", "a"},
        {"body:redis", ""},
        {"title:*", "a b d"},
        {"body:*", "a b c"},
        {"\"rollback note\"", "b"},
        {"\"note rollback\"~1", "c"},
        {"\"rollback note\"~2", "b"},
        {"\"rollback note\"~3", "b c"}, /* exchanged, with a word between */
        {"\"note the rollback\"", "c"}, /* stop words stay in phrases */
        {"\"rules expire\"", ""},       /* not from title into body */
        {"title:\"cache rules\"", "a"},
        {"body:\"cache rules\"", ""},
        {"node.js", "a"},
        {"node", "a"},
        {"\"cache of node\"", "a"}, /* a part stands where the whole does */
        {"\"cache of node.js is\"", "a"},
        {"long-term", "b"},
        {"+long-term", "b"},
        {"+long-varnish", ""},      /* under + all of its words */
        {"* -long-varnish", "a b c d"}, /* under - only posts that have both */
        {"* -long-term", "a c d"},
        {"long-varnish", "b d"},
        {"stack:\"redis caching\"", "a"},
        {"stack:redis", ""},
        {"stack:(git OR node)", "a b"},
        {"difficulty:beginner", "a"},
        {"quality:>=80", "a"},
        {"quality:<80", "b"},
        {"score.quality:40", "b"},
        {"reading_time:[5 TO 8]", "a c"},
        {"reading_time:{5 TO 12}", "c"},
        {"reading_time:*", "a b c"},
        {"has_images:true", "b"},
        {"flags.has_images:false", "c"},
        {"version:2", "a"},
        {"version:beta", "b"},
        {"last_reviewed:2025-01-31", "a"},
        {"last_reviewed:2025", "a b"},
        {"last_reviewed:2025-02", "b"},
        {"last_reviewed:<=2025-01-31", "a c"},
        {"last_reviewed:<2025-01-31", "c"},
        {"last_reviewed:>2025-01-31", "b"},
        {"last_reviewed:[2024-12 TO 2025-01]", "a c"},
    };
    CASE("what a query finds");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        check_finds(table[i].text, 0, "", table[i].ids);
    }
    CASE("--operator and");
    check_finds("cache redis", ANP_QUERY_AND, "", "a");
    check_finds("long-term", ANP_QUERY_AND, "", "b");
    check_finds("long-varnish", ANP_QUERY_AND, "", "");
    check_finds("redis OR varnish", ANP_QUERY_AND, "", "a d");
}

static void stopwords(void) {
    CASE("stop words are dropped beside other words");
    check_finds("the varnish", 0, "", "d");
    check_finds("is the of", 0, "", "a b c"); /* nothing else: all stay */
    check_finds("+the varnish", 0, "", "a c");
    check_finds("the^2 varnish", 0, "", "d");
    check_finds("body:the varnish", 0, "", "a c d");
    check_finds("\"the\" varnish", 0, "", "a c d");
    check_finds("* -the", 0, "", "b d");
    check_finds("the -varnish", 0, "", "a c"); /* else all posts but d */
    check_finds("(the of) AND redis", 0, "", "a");
    check_finds("the varnish", ANP_QUERY_KEEP_STOPWORDS, "", "a c d");
    check_finds("the redis", ANP_QUERY_AND, "", "a");
    check_finds("the of", ANP_QUERY_AND, "", "a");
}

static void filters(void) {
    static const struct {
        const char *filter;
        anp_status status;
        int position;
    } bad[] = {
        {"quality:high", ANP_SYNTAX, 8},   {"(stack:git", ANP_SYNTAX, 0},
        {"stack:git AND", ANP_SYNTAX, 13}, {"stack:g*", ANP_UNSUPPORTED, 7},
        {"quality:[1 2]", ANP_SYNTAX, 8},  {"&&", ANP_SYNTAX, 0},
    };
    CASE("filters");
    check_finds("cache note", 0, "reading_time:<10", "a c");
    check_finds("cache note", 0, "  ", "a b c");
    check_finds("cache note", 0, "-quality:40", "a c");
    check_finds("cache note", 0, "owner", "b");
    check_finds("*", 0, "stack:git OR title:varnish", "b d");
    CASE("filters are strict, however the query is read");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        arena memory = {0};
        anp_error err = ANP_ERROR_INIT;
        query_answer answer;
        query_request request = request_for("cache");
        request.filter = str_from(bad[i].filter);
        bool good = CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err),
                                 bad[i].status);
        good &= CHECK_EQ_INT(err.position, bad[i].position) &&
            CHECK(strstr(err.message, "filter") != NULL);
        if (!good) {
            test_note("%s: %s", bad[i].filter, err.message);
        }
        arena_free(&memory);
    }
    CASE("a filter alone is the set of live posts");
    bitmap *set;
    CHECK_EQ_INT(query_filter(shot->inner, STR("reading_time:5"), &set, NULL), ANP_OK);
    CHECK_EQ_INT(bitmap_count(set), 1);
    bitmap_free(set);
    CHECK_EQ_INT(query_filter(shot->inner, STR(""), &set, NULL), ANP_OK);
    CHECK_EQ_INT(bitmap_count(set), 4);
    bitmap_free(set);
}

static void limits_and_counts(void) {
    arena memory = {0};
    anp_error err = ANP_ERROR_INIT;
    query_answer answer;
    CASE("counts, offsets, limits, notes");
    query_request request = request_for("cache note");
    request.flags = ANP_QUERY_COUNT_ONLY;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_OK);
    CHECK_EQ_INT(answer.total, 3);
    CHECK_EQ_INT(answer.hit_count, 0);
    request.flags = 0;
    request.offset = 2;
    request.k = 2;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_OK);
    CHECK_EQ_INT(answer.total, 3);
    CHECK_EQ_INT(answer.hit_count, 1);
    request.offset = 9;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_OK);
    CHECK_EQ_INT(answer.hit_count, 0);
    request.offset = RESULTS_MAX;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_LIMIT);
    request = request_for("cach* \"note");
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_OK);
    CHECK_EQ_STR(answer.note.data,
                 "taken as words: byte 4: a wildcard is not in this version; "
                 "byte 6: expected a second \" that closes this one");
    CHECK_EQ_INT(answer.total, 3);
    request.flags = ANP_QUERY_STRICT_SYNTAX;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, &err), ANP_UNSUPPORTED);
    CHECK_EQ_INT(err.position, 4);
    arena_free(&memory);
}

/* Parts add up to bm25 to the last bit, and bm25 times the factor is the score. */
static void explanations(void) {
    arena memory = {0};
    query_answer answer;
    CASE("explanations add up");
    query_request request =
        request_for("cache cache title:redis^2 \"rollback note\"~3 note (owner OR keys)^0.5 "
                    "reading_time:>5 *");
    request.flags = ANP_QUERY_EXPLAIN;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, NULL), ANP_OK);
    CHECK_EQ_INT(answer.hit_count, 4);
    for (size_t i = 0; i < answer.hit_count; i++) {
        const anp_hit *hit = &answer.hits[i];
        const query_explanation *e = answer.explanations[i];
        double sum = 0;
        for (size_t p = 0; p < e->part_count; p++) {
            const query_part *part = &e->parts[p];
            sum += part->score;
            if (!part->constant) {
                double value = part->boost * part->idf * part->tf / (part->tf + part->norm);
                double norm = 1.2 * (0.25 + 0.75 * part->length / part->length_average);
                CHECK_NEAR(part->score, value, 2e-6 * (1 + value));
                CHECK_NEAR(part->norm, norm, 1e-5);
                double df = (double)part->df;
                CHECK_NEAR(part->idf, log(1 + (4 - df + 0.5) / (df + 0.5)), 1e-12);
            }
        }
        CHECK(sum == hit->bm25);
        CHECK(hit->bm25 * e->factor == hit->score);
        CHECK(e->factor == 1 + 0.3 * (2 * e->prior - 1));
        CHECK(e->prior == hit->prior && e->post_count == 4);
    }
    CASE("names and boosts of parts");
    request = request_for("cache Caches title:redis^2 +reading_time:5 \"cache rules\"");
    request.flags = ANP_QUERY_EXPLAIN;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, NULL), ANP_OK);
    if (CHECK_EQ_INT(answer.hit_count, 1) &&
        CHECK_EQ_INT(answer.explanations[0]->part_count, 5)) {
        const query_part *parts = answer.explanations[0]->parts;
        CHECK_EQ_STR(parts[0].name.data, "cache");
        CHECK_NEAR(parts[0].boost, 2, 0); /* it stands there twice */
        CHECK_EQ_INT(parts[0].tf, 4);     /* title three times, body once */
        CHECK_EQ_STR(parts[1].name.data, "title:redis");
        CHECK_NEAR(parts[1].boost, 2, 0);
        CHECK_EQ_INT(parts[1].tf, 1);
        CHECK_EQ_STR(parts[2].name.data, "reading_time:5");
        CHECK(parts[2].constant && parts[2].score == 1);
        CHECK_EQ_STR(parts[3].name.data, "cache in \"cache rules\"");
        CHECK_EQ_STR(parts[4].name.data, "rules in \"cache rules\"");
        CHECK_NEAR(answer.hits[0].prior, 0.75, 1e-12);
    }
    CASE("excluded words and negatives score nothing");
    request = request_for("-cache");
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, NULL), ANP_OK);
    CHECK(answer.hit_count == 2 && answer.hits[0].score == 0 && answer.hits[1].score == 0);
    arena_free(&memory);
}

static void check_snippet(const char *text, uint32_t words, uint32_t flags, const char *title,
                          const char *snippet) {
    arena memory = {0};
    query_answer answer;
    query_request request = request_for(text);
    request.snippet_words = words;
    request.flags = flags;
    CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, NULL), ANP_OK);
    if (CHECK(answer.hit_count > 0)) {
        CHECK_EQ_STR(answer.hits[0].title, title);
        CHECK_EQ_STR(answer.hits[0].snippet, snippet);
    }
    arena_free(&memory);
}

static void snippets(void) {
    CASE("titles and snippets");
    check_snippet("rollback +owner", 4, 0, "Owner notes", "A [rollback] note is …");
    check_snippet("body:owner", 3, 0, "Owner notes", "… its [owner]. Long- …");
    check_snippet("title:redis", 3, 0, "Redis cache rules", "Expire each key. …");
    check_snippet("cache -redis", 20, ANP_QUERY_ESCAPE_HTML, "",
                  "note the rollback [cached] &lt;pages&gt; &amp; keys");
    check_snippet("varnish", 5, 0, "Varnish", "");
    check_snippet("cache +redis", 0, 0, "Redis cache rules", NULL);
}

static void without_posts(void) {
    CASE("an index without stored posts");
    if (build("bare", ANP_STORE_NONE)) {
        arena memory = {0};
        query_answer answer;
        query_request request = request_for("varnish");
        request.snippet_words = 5;
        CHECK_EQ_INT(query_run(shot->inner, &request, &memory, &answer, NULL), ANP_OK);
        if (CHECK_EQ_INT(answer.hit_count, 1)) {
            CHECK_EQ_STR(answer.hits[0].id, "d");
            CHECK_EQ_STR(answer.hits[0].title, "");
            CHECK_EQ_STR(answer.hits[0].snippet, "");
        }
        arena_free(&memory);
    }
    close_all();
}

void test_query_query(void) {
    CASE("build");
    if (build("posts", ANP_STORE_ALL)) {
        finds();
        stopwords();
        filters();
        limits_and_counts();
        explanations();
        snippets();
    }
    close_all();
    without_posts();
}
