/* What is seen when: snapshots stay as they were, readers in threads see whole batches. */
#include "api/help.h"

#include <pthread.h>
#include <stdatomic.h>

/* ---- Snapshots ----------------------------------------------------------------------------- */

/* The total of a query, and the stored title of post `id` ("-" when it is not there). */
static void check_sees(anp_snapshot *s, const char *query, uint64_t total, const char *id,
                       const char *title) {
    anp_results *r = NULL;
    char *json = NULL, expected[100];
    if (CHECK_EQ_INT(anp_query(s, query, NULL, &r, NULL), ANP_OK)) {
        if (!CHECK_EQ_INT(anp_results_total(r), total)) {
            test_note("query %s", query);
        }
        anp_results_free(r);
    }
    anp_status status = anp_post_json(s, id, &json, NULL, NULL);
    snprintf(expected, sizeof expected, "\"title\":\"%s\"", title);
    if (title[0] == '-') {
        CHECK_EQ_INT(status, ANP_NOT_FOUND);
    } else if (CHECK_EQ_INT(status, ANP_OK)) {
        CHECK(strstr(json, expected) != NULL);
        anp_free(json);
    }
}

static anp_snapshot *snap(anp_index *index) {
    anp_snapshot *s = NULL;
    CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK);
    return s;
}

static void isolation(void) {
    anp_index *index = open_index("isolation", ANP_OPEN_CREATE, NULL);
    anp_writer *w = NULL;
    anp_snapshot *empty = snap(index), *first, *during, *after;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    add(w, "{\"id\":\"a\",\"title\":\"old\",\"body\":\"fig\"}");
    add(w, "{\"id\":\"b\",\"title\":\"old\",\"body\":\"fig\"}");
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    first = snap(index);
    add(w, "{\"id\":\"a\",\"title\":\"new\",\"body\":\"plum\"}");
    add(w, "{\"id\":\"c\",\"title\":\"new\",\"body\":\"fig\"}");
    CHECK_EQ_INT(anp_writer_delete(w, "b", NULL), ANP_OK);
    during = snap(index);
    check_sees(during, "fig", 2, "b", "old");
    check_sees(during, "plum", 0, "c", "-");
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    after = snap(index);
    check_sees(empty, "fig", 0, "a", "-");
    check_sees(first, "fig", 2, "a", "old");
    check_sees(first, "plum", 0, "c", "-");
    check_sees(during, "fig", 2, "a", "old");
    check_sees(after, "fig", 1, "a", "new");
    check_sees(after, "plum", 1, "b", "-");
    check_sees(after, "title:new", 2, "c", "new");
    anp_snapshot_close(after);
    /* What was not committed goes with its writer; a bad post leaves the batch as it was. */
    CHECK_EQ_INT(anp_writer_delete(w, "a", NULL), ANP_OK);
    anp_writer_close(w);
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    add(w, "{\"id\":\"d\",\"title\":\"new\",\"body\":\"fig\"}");
    CHECK_EQ_INT(anp_writer_add(w, "{\"id\":", 6, NULL), ANP_BAD_POST);
    CHECK_EQ_INT(anp_writer_add(w, "{}", 2, NULL), ANP_BAD_POST);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    after = snap(index);
    check_sees(after, "fig", 2, "a", "new");
    check_sees(first, "fig", 2, "a", "old");
    anp_snapshot_close(after);
    anp_snapshot_close(during);
    anp_snapshot_close(first);
    anp_snapshot_close(empty);
    check_verifies(index);
    anp_index_close(index);
}

/* Results outlive their snapshot and index. */
static void results_stay(void) {
    anp_index *index = open_index("stay", ANP_OPEN_CREATE, NULL);
    anp_writer *w = NULL;
    anp_results *r = NULL;
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    add(w, "{\"id\":\"a\",\"title\":\"figs\",\"body\":\"a fig tree\"}");
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    anp_snapshot *s = snap(index);
    options.flags = ANP_QUERY_EXPLAIN;
    options.snippet_words = 5;
    CHECK_EQ_INT(anp_query(s, "fig", &options, &r, NULL), ANP_OK);
    anp_snapshot_close(s);
    anp_index_close(index);
    if (CHECK_EQ_INT(anp_results_count(r), 1)) {
        anp_hit hit = anp_results_hit(r, 0);
        const char *why = anp_results_explanation(r, 0);
        CHECK_EQ_STR(hit.id, "a");
        CHECK(hit.snippet && strstr(hit.snippet, "<mark>fig</mark>"));
        CHECK(why && strstr(why, "idf"));
        CHECK(why == anp_results_explanation(r, 0));
        CHECK(anp_results_explanation(r, 1) == NULL);
        CHECK(strstr(anp_results_json(r), "\"explain\":{") != NULL);
    }
    anp_results_free(r);
}

/* ---- Ordinals and traces ------------------------------------------------------------------- */

/* Hits without ids, and their ids afterwards; what evaluation tells of itself. */
static void check_ordinals(anp_snapshot *s, const char *query) {
    anp_query_options options = ANP_QUERY_OPTIONS_INIT;
    anp_results *named = NULL, *bare = NULL;
    char id[256] = "";
    options.flags = ANP_QUERY_TRACE;
    CHECK_EQ_INT(anp_query(s, query, &options, &named, NULL), ANP_OK);
    options.flags = ANP_QUERY_ORDINALS | ANP_QUERY_NO_TOTAL;
    CHECK_EQ_INT(anp_query(s, query, &options, &bare, NULL), ANP_OK);
    CHECK(anp_results_count(named) > 0);
    CHECK_EQ_INT(anp_results_count(bare), anp_results_count(named));
    CHECK(strstr(anp_results_json(named), "\"took_us\"") != NULL);
    CHECK(strstr(anp_results_json(bare), "\"took_us\"") == NULL);
    CHECK_EQ_INT(anp_results_took_us(bare), 0);
    for (size_t i = 0; i < anp_results_count(bare); i++) {
        anp_hit hit = anp_results_hit(bare, i), other = anp_results_hit(named, i);
        CHECK_EQ_STR(hit.id, "");
        CHECK_EQ_STR(hit.title, "");
        CHECK(hit.score == other.score && hit.ordinal == other.ordinal);
        CHECK_EQ_INT(anp_ordinal_id(s, hit.ordinal, id, NULL), ANP_OK);
        CHECK_EQ_STR(id, other.id);
    }
    CHECK(strstr(anp_results_trace(named), "evaluation by bounds\n") != NULL);
    CHECK(anp_results_trace(bare) == NULL);
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(anp_ordinal_id(s, 1000000, id, &err), ANP_INVALID);
    CHECK(strstr(err.message, "1000000") != NULL);
    anp_results_free(named);
    anp_results_free(bare);
}

static void ordinals(void) {
    anp_index *index = open_index("ordinals", ANP_OPEN_CREATE, NULL);
    anp_writer *w = NULL;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    add(w, "{\"id\":\"a\",\"title\":\"figs\",\"body\":\"a fig tree\"}");
    add(w, "{\"id\":\"b\",\"title\":\"plums\",\"body\":\"no fruit here\"}");
    add(w, "{\"id\":\"c\",\"title\":\"trees\",\"body\":\"a plum tree and a fig tree\"}");
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_snapshot *s = snap(index), *later;
    check_ordinals(s, "fig tree");
    check_ordinals(s, "+tree -plum");
    CHECK_EQ_INT(anp_writer_delete(w, "a", NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    later = snap(index);
    char id[256];
    CHECK_EQ_INT(anp_ordinal_id(s, 0, id, NULL), ANP_OK);
    CHECK_EQ_STR(id, "a");
    CHECK_EQ_INT(anp_ordinal_id(later, 0, id, NULL), ANP_INVALID);
    CHECK_EQ_INT(anp_ordinal_id(later, 1, id, NULL), ANP_OK);
    anp_snapshot_close(later);
    anp_snapshot_close(s);
    anp_index_close(index);
}

/* ---- Threads ------------------------------------------------------------------------------- */

enum { BATCHES = 25, BATCH_POSTS = 8, READERS = 2 };

typedef struct reader {
    anp_index *index;
    atomic_bool *done;
    uint64_t least; /* posts seen last */
    uint32_t rounds, wrong;
    anp_status status; /* the first that was not ANP_OK */
} reader;

static anp_status read_once(reader *r) {
    anp_snapshot *s = NULL;
    anp_results *all = NULL, *near = NULL;
    anp_status status = anp_snapshot_open(r->index, &s, NULL);
    if (status == ANP_OK) {
        status = anp_query(s, "shared", NULL, &all, NULL);
    }
    if (status == ANP_OK) {
        uint64_t total = anp_results_total(all);
        /* Whole batches, and never fewer than before. */
        r->wrong += total % BATCH_POSTS != 0 || total < r->least;
        r->least = total;
        if (total > 0) {
            status = anp_similar(s, anp_results_hit(all, 0).id, NULL, &near, NULL);
            r->wrong += status == ANP_OK && anp_results_count(near) != 10 &&
                        anp_results_count(near) != total - 1;
        }
    }
    anp_results_free(all);
    anp_results_free(near);
    anp_snapshot_close(s);
    return status;
}

static void *run_reader(void *argument) {
    reader *r = argument;
    bool last = false;
    do { /* once more after the writer is done, to see its last batch */
        last = atomic_load(r->done);
        anp_status status = read_once(r);
        r->status = r->status == ANP_OK ? status : r->status;
        r->rounds++;
    } while (!last && r->status == ANP_OK);
    return NULL;
}

static void threads(void) {
    anp_index *index = open_index("threads", ANP_OPEN_CREATE, NULL);
    anp_writer *w = NULL;
    atomic_bool done = false;
    reader readers[READERS];
    pthread_t ids[READERS];
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (reader){.index = index, .done = &done};
        CHECK_EQ_INT(pthread_create(&ids[i], NULL, run_reader, &readers[i]), 0);
    }
    for (int batch = 0; batch < BATCHES; batch++) {
        for (int i = 0; i < BATCH_POSTS; i++) {
            char json[200];
            snprintf(json, sizeof json,
                     "{\"id\":\"%d-%d\",\"body\":\"a shared body of few words %d\"}", batch, i, i);
            add(w, json);
        }
        CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    }
    atomic_store(&done, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(ids[i], NULL);
        CHECK_EQ_INT(readers[i].status, ANP_OK);
        CHECK_EQ_INT(readers[i].wrong, 0);
        CHECK_EQ_INT(readers[i].least, BATCHES * BATCH_POSTS);
        CHECK(readers[i].rounds > 0);
    }
    anp_writer_close(w);
    check_verifies(index);
    anp_index_close(index);
}

void test_api_snapshots(void) {
    CASE("a snapshot stays as it was");
    isolation();
    CASE("results outlive what they came from");
    results_stay();
    CASE("hits by ordinal, and what evaluation tells");
    ordinals();
    CASE("readers in threads see whole batches");
    threads();
}
