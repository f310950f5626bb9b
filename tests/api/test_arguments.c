/* What callers get wrong: missing arguments, options out of their range, indexes made otherwise. */
#include "api/help.h"

#include <math.h>
#include <unistd.h>

static bool no_term(void *user, const anp_term *term) {
    (void)user, (void)term;
    return true;
}

static bool no_results(void *user, anp_results *results) {
    (void)user, (void)results;
    return true;
}

static bool no_post(void *user, const char *json, size_t len) {
    (void)user, (void)json, (void)len;
    return true;
}

static bool no_token(void *user, const anp_token *token) {
    (void)user, (void)token;
    return true;
}

static void null_arguments(void) {
    anp_error err;
    anp_index *index = open_index("null", ANP_OPEN_CREATE, NULL), *no_index;
    anp_writer *w = NULL;
    anp_snapshot *s = NULL;
    anp_results *r;
    anp_stats stats = ANP_STATS_INIT;
    char *text;
    size_t len;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK);
    REFUSED(anp_index_open(NULL, ANP_OPEN_READ, NULL, &no_index, &err));
    REFUSED(anp_index_open("x.db", ANP_OPEN_READ, NULL, NULL, &err));
    REFUSED(anp_snapshot_open(NULL, &s, &err));
    REFUSED(anp_snapshot_open(index, NULL, &err));
    REFUSED(anp_snapshot_stats(NULL, &stats, &err));
    REFUSED(anp_snapshot_stats(s, NULL, &err));
    REFUSED(anp_snapshot_terms(NULL, "a", no_term, NULL, &err));
    REFUSED(anp_snapshot_terms(s, "a", NULL, NULL, &err));
    REFUSED(anp_index_verify(NULL, ANP_VERIFY_FULL, NULL, NULL, NULL, &err));
    REFUSED(anp_writer_open(NULL, &w, &err));
    REFUSED(anp_writer_open(index, NULL, &err));
    REFUSED(anp_writer_add(NULL, "{}", 2, &err));
    REFUSED(anp_writer_add(w, NULL, 2, &err));
    REFUSED(anp_writer_delete(NULL, "a", &err));
    REFUSED(anp_writer_delete(w, NULL, &err));
    REFUSED(anp_writer_commit(NULL, &err));
    REFUSED(anp_writer_import(NULL, NULL, 0, NULL, NULL, &err));
    REFUSED(anp_writer_import(w, NULL, 1, NULL, NULL, &err));
    REFUSED(anp_query(NULL, "a", NULL, &r, &err));
    REFUSED(anp_query(s, NULL, NULL, &r, &err));
    REFUSED(anp_query(s, "a", NULL, NULL, &err));
    REFUSED(anp_similar(NULL, "a", NULL, &r, &err));
    REFUSED(anp_similar(s, NULL, NULL, &r, &err));
    REFUSED(anp_similar(s, "a", NULL, NULL, &err));
    REFUSED(anp_similar_text(NULL, "a", 1, NULL, &r, &err));
    REFUSED(anp_similar_text(s, NULL, 1, NULL, &r, &err));
    REFUSED(anp_similar_text(s, "a", 1, NULL, NULL, &err));
    REFUSED(anp_similar_all(NULL, NULL, no_results, NULL, &err));
    REFUSED(anp_similar_all(s, NULL, NULL, NULL, &err));
    REFUSED(anp_post_json(NULL, "a", &text, &len, &err));
    REFUSED(anp_post_json(s, NULL, &text, &len, &err));
    REFUSED(anp_post_json(s, "a", NULL, &len, &err));
    REFUSED(anp_post_text(NULL, "a", &text, &len, &err));
    REFUSED(anp_post_text(s, NULL, &text, &len, &err));
    REFUSED(anp_post_text(s, "a", NULL, &len, &err));
    REFUSED(anp_posts_export(NULL, no_post, NULL, &err));
    REFUSED(anp_posts_export(s, NULL, NULL, &err));
    REFUSED(anp_analyze(NULL, 3, NULL, no_token, NULL, &err));
    REFUSED(anp_analyze("abc", 3, NULL, NULL, NULL, &err));
    /* Without an anp_error too. */
    CHECK_EQ_INT(anp_query(NULL, "a", NULL, &r, NULL), ANP_INVALID);
    CHECK_EQ_INT(anp_post_json(s, "a", &text, NULL, NULL), ANP_NOT_FOUND);
    anp_writer_close(w);
    anp_snapshot_close(s);
    anp_index_close(index);
    anp_writer_close(NULL);
    anp_snapshot_close(NULL);
    anp_index_close(NULL);
    anp_results_free(NULL);
    anp_free(NULL);
}

/* One number out of its range, all else as it should be. */
static void bad_numbers(anp_snapshot *s) {
    static const struct {
        uint32_t set;
        double value;
    } table[] = {{ANP_SET_BLEND, -0.01},  {ANP_SET_BLEND, 0.96},     {ANP_SET_BLEND, NAN},
                 {ANP_SET_K1, -1},        {ANP_SET_K1, INFINITY},    {ANP_SET_B, 1.1},
                 {ANP_SET_B, -0.1},       {ANP_SET_QUALITY, -1},     {ANP_SET_FRESHNESS, -1},
                 {ANP_SET_DEPTH, NAN},    {ANP_SET_CLARITY, -0.5},   {ANP_SET_CLARITY, INFINITY}};
    anp_error err;
    anp_results *r;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        anp_query_options options = ANP_QUERY_OPTIONS_INIT;
        options.blend = options.k1 = options.b = table[i].value;
        options.weight_quality = options.weight_freshness = table[i].value;
        options.weight_depth = options.weight_clarity = table[i].value;
        options.set = table[i].set;
        REFUSED(anp_query(s, "a", &options, &r, &err));
        options.set = 0; /* not given: the default counts */
        if (CHECK_EQ_INT(anp_query(s, "a", &options, &r, NULL), ANP_OK)) {
            anp_results_free(r);
        }
    }
}

static void bad_requests(anp_snapshot *s) {
    anp_error err;
    anp_results *r;
    anp_query_options query = ANP_QUERY_OPTIONS_INIT;
    anp_similar_options similar = ANP_SIMILAR_OPTIONS_INIT;
    query.k = UINT32_MAX;
    REFUSED(anp_query(s, "a", &query, &r, &err));
    query.offset = UINT32_MAX; /* the sum must not wrap */
    REFUSED(anp_query(s, "a", &query, &r, &err));
    query.k = 0;
    REFUSED(anp_query(s, "a", &query, &r, &err));
    query.offset = 0;
    query.filter = "stack:(";
    CHECK_EQ_INT(anp_query(s, "a", &query, &r, &err), ANP_SYNTAX);
    similar.k = UINT32_MAX;
    REFUSED(anp_similar_text(s, "a", 1, &similar, &r, &err));
    similar.k = 5;
    similar.similarity_min = 1.01;
    REFUSED(anp_similar_text(s, "a", 1, &similar, &r, &err));
    similar.similarity_min = NAN;
    REFUSED(anp_similar_text(s, "a", 1, &similar, &r, &err));
    similar.similarity_min = -0.5;
    REFUSED(anp_similar_text(s, "a", 1, &similar, &r, &err));
    similar.similarity_min = 0;
    similar.measure = (anp_measure)(ANP_MEASURE_BLEND + 1);
    REFUSED(anp_similar_text(s, "a", 1, &similar, &r, &err));
    similar.measure = ANP_MEASURE_BLEND;
    similar.filter = "stack:(";
    CHECK_EQ_INT(anp_similar_text(s, "a", 1, &similar, &r, &err), ANP_SYNTAX);
}

static void bad_index_options(void) {
    static const anp_index_options table[] = {
        {.title_weight = 16},    {.analyzer = (anp_analyzer)9}, {.store = (anp_store_mode)9},
        {.language = "volapuk"}, {.analyzer = (anp_analyzer)-1},
    };
    static const anp_index_options other[] = {
        {.title_weight = 4}, {.title_excluded = 1}, {.analyzer = ANP_ANALYZER_PLAIN},
        {.store = ANP_STORE_NONE}, {.language = "german"}};
    char path[300];
    anp_error err;
    anp_index *index = NULL;
    snprintf(path, sizeof path, "%s/options.db", test_folder());
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        anp_index_options options = table[i];
        options.size = sizeof options;
        REFUSED(anp_index_open(path, ANP_OPEN_CREATE, &options, &index, &err));
        CHECK(access(path, F_OK) != 0); /* and nothing was made */
    }
    REFUSED(anp_index_open(path, 7, NULL, &index, &err));
    REFUSED(anp_index_open(path, 2, NULL, &index, &err));
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_READ, NULL, &index, &err), ANP_NOT_FOUND);
    index = open_index("options", ANP_OPEN_CREATE, NULL);
    anp_index_close(index);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        anp_index_options options = other[i];
        options.size = sizeof options;
        REFUSED(anp_index_open(path, ANP_OPEN_CREATE, &options, &index, &err));
    }
    anp_index_options same = {sizeof same, ANP_ANALYZER_TECHNICAL, ANP_STORE_ALL, "english", 3, 0};
    index = open_index("options", ANP_OPEN_CREATE, &same);
    anp_index_close(index);
    index = open_index("options", ANP_OPEN_READ, NULL);
    anp_writer *w = NULL;
    CHECK(anp_writer_open(index, &w, &err) != ANP_OK);
    anp_index_close(index);
}

static void bad_options(void) {
    anp_index *index = open_index("bad", ANP_OPEN_CREATE, NULL);
    anp_snapshot *s = NULL;
    if (CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK)) {
        bad_numbers(s);
        bad_requests(s);
    }
    anp_snapshot_close(s);
    anp_index_close(index);
}

void test_api_arguments(void) {
    CASE("missing arguments are refused");
    null_arguments();
    CASE("options out of their range are refused");
    bad_options();
    CASE("index options out of their range are refused");
    bad_index_options();
}
