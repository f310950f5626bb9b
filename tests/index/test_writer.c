/* What a writer must survive: refused posts, too many fields, empty batches, the wrong thread. */
#include "index/snapshot.h"
#include "index/verify.h"
#include "index/writer.h"
#include "test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static anp_status add(index_writer *w, const char *json, anp_error *err) {
    arena memory = {0};
    post article;
    anp_status status = post_from_json(str_from(json), &memory, &article, err);
    if (status == ANP_OK) {
        status = writer_add(w, &article, NULL, err);
    }
    arena_free(&memory);
    return status;
}

static index_handle *new_index(const char *name) {
    char path[512];
    index_handle *index = NULL;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    return index;
}

static uint64_t count_value(index_handle *index, const char *field, const char *value) {
    snapshot *s;
    snapshot_field found;
    bitmap *set = NULL;
    uint64_t count = UINT64_MAX;
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        return count;
    }
    if (snapshot_field_find(s, str_from(field), &found, NULL) == ANP_OK &&
        snapshot_facet(s, found.number, str_from(value), &set, NULL) == ANP_OK) {
        count = bitmap_count(set);
    }
    bitmap_free(set);
    snapshot_close(s);
    return count;
}

/* More distinct keys than an index has fields: what does not fit is kept, and no later post
   suffers. */
static void too_many_fields(void) {
    CASE("a post with too many fields harms no other");
    index_handle *index = new_index("fields");
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    char *json = malloc(64 * 1100), *at = json;
    at += sprintf(at, "{\"id\":\"many\",\"meta\":{\"k\":\"v\"");
    for (int i = 0; i < 1100; i++) {
        at += sprintf(at, ",\"key%d\":\"v\"", i);
    }
    sprintf(at, "}}");
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(add(w, json, &err), ANP_OK);
    CHECK_EQ_INT(add(w, "{\"id\":\"b\",\"meta\":{\"stack\":[\"redis\"],\"new\":\"v\"}}", &err),
                 ANP_OK);
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(count_value(index, "stack", "redis"), 1);
    CHECK_EQ_INT(count_value(index, "key0", "v"), 1);
    CHECK_EQ_INT(count_value(index, "new", "v"), UINT64_MAX); /* no room: not a field */
    writer_close(w);
    index_close(index);
    free(json);
}

static void known_fields(void) {
    CASE("the fields of the contract are known to an empty index");
    index_handle *index = new_index("known");
    snapshot *s;
    snapshot_field found;
    if (CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        CHECK_EQ_INT(snapshot_field_find(s, STR("quality"), &found, NULL), ANP_OK);
        CHECK(found.has_number && !found.has_text);
        CHECK_EQ_INT(snapshot_field_find(s, STR("last_reviewed"), &found, NULL), ANP_OK);
        CHECK(found.has_date && found.has_text);
        CHECK_EQ_INT(snapshot_field_find(s, STR("nosuch"), &found, NULL), ANP_NOT_FOUND);
        snapshot_close(s);
    }
    CHECK_EQ_INT(count_value(index, "stack", "redis"), 0);
    index_close(index);
}

typedef struct other_thread {
    index_writer *writer;
    index_handle *index;
    anp_status status;
} other_thread;

static void *commit_there(void *user) {
    other_thread *t = user;
    t->status = writer_commit(t->writer, NULL);
    return NULL;
}

/* Opens, adds and commits: would wait for ever if the lock were held. */
static void *write_there(void *user) {
    other_thread *t = user;
    index_writer *w;
    t->status = writer_open(t->index, &w, NULL);
    if (t->status == ANP_OK) {
        t->status = add(w, "{\"id\":\"there\"}", NULL);
        t->status = t->status == ANP_OK ? writer_commit(w, NULL) : t->status;
        writer_close(w);
    }
    return NULL;
}

static anp_status in_thread(void *(*run)(void *), other_thread *t) {
    pthread_t thread;
    t->status = ANP_NOMEM;
    if (CHECK_EQ_INT(pthread_create(&thread, NULL, run, t), 0)) {
        pthread_join(thread, NULL);
    }
    return t->status;
}

static void threads(void) {
    CASE("a commit in the wrong thread is refused and the batch stays");
    index_handle *index = new_index("threads");
    index_writer *w;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    CHECK_EQ_INT(add(w, "{\"id\":\"a\",\"meta\":{\"stack\":\"x\"}}", &err), ANP_OK);
    other_thread t = {w, index, ANP_OK};
    CHECK_EQ_INT(in_thread(commit_there, &t), ANP_INVALID);
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(count_value(index, "stack", "x"), 1);

    CASE("changes that change nothing hold nobody up");
    CHECK_EQ_INT(writer_delete(w, STR("nobody"), &err), ANP_NOT_FOUND);
    CHECK_EQ_INT(in_thread(write_there, &t), ANP_OK);
    CHECK_EQ_INT(add(w, "{\"id\":\"b\",\"meta\":{\"stack\":\"x\"}}", &err), ANP_OK);
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(count_value(index, "stack", "x"), 2);
    uint64_t problems = 1;
    CHECK_EQ_INT(index_verify(index, true, NULL, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
    writer_close(w);
    index_close(index);
}

void test_index_writer(void) {
    too_many_fields();
    known_fields();
    threads();
}
