/* Posts that are on their way while more are added: by which thread, which of them are deleted,
   what an import or a close does to them. */
#include "help.h"

#include <pthread.h>

typedef struct attempt {
    anp_writer *writer;
    anp_status add, commit;
} attempt;

static void *try_elsewhere(void *user) {
    attempt *a = user;
    const char post[] = "{\"id\":\"elsewhere\",\"title\":\"t\",\"body\":\"b\"}";
    a->add = anp_writer_add(a->writer, post, sizeof post - 1, NULL);
    a->commit = anp_writer_commit(a->writer, NULL);
    return NULL;
}

static uint64_t live(anp_index *index) {
    anp_snapshot *s;
    anp_stats stats = ANP_STATS_INIT;
    if (CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK)) {
        CHECK_EQ_INT(anp_snapshot_stats(s, &stats, NULL), ANP_OK);
        anp_snapshot_close(s);
    }
    return stats.posts_live;
}

static void add_many(anp_writer *w, uint32_t from, uint32_t to) {
    static char post[3000];
    for (uint32_t i = from; i < to; i++) {
        snprintf(post, sizeof post, "{\"id\":\"p%u\",\"title\":\"t\",\"body\":\"own%u %2000d\"}",
                 i, i, 0);
        add(w, post);
    }
}

/* Refused, and the batch is as it was. */
static void other_thread(anp_index *index, anp_writer *w) {
    attempt a = {.writer = w};
    pthread_t thread;
    add_many(w, 0, 100);
    if (CHECK_EQ_INT(pthread_create(&thread, NULL, try_elsewhere, &a), 0)) {
        pthread_join(thread, NULL);
    }
    CHECK_EQ_INT(a.add, ANP_INVALID);
    CHECK_EQ_INT(a.commit, ANP_INVALID);
    CHECK_EQ_INT(live(index), 0);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(live(index), 100);
}

static void deleted(anp_index *index, anp_writer *w) {
    add_many(w, 100, 103);
    CHECK_EQ_INT(anp_writer_delete(w, "p102", NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_delete(w, "p102", NULL), ANP_NOT_FOUND);
    add_many(w, 103, 200);
    CHECK_EQ_INT(anp_writer_delete(w, "p199", NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_delete(w, "p5", NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(live(index), 197);
}

/* An import comes after them and commits them too; it takes nothing here. */
static void imported(anp_index *index, anp_writer *w) {
    add_many(w, 200, 300);
    CHECK_EQ_INT(anp_writer_import(w, NULL, 0, NULL, NULL, NULL), ANP_OK);
    CHECK_EQ_INT(live(index), 297);
    add_many(w, 300, 301);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(live(index), 298);
}

void test_api_writer_threads(void) {
    anp_index *index = open_index("on-their-way", ANP_OPEN_CREATE, NULL);
    anp_writer *w;
    if (!CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK)) {
        return;
    }
    CASE("another thread may neither add to a batch nor commit it");
    other_thread(index, w);
    CASE("posts of the same batch are deleted");
    deleted(index, w);
    CASE("an import takes them first");
    imported(index, w);
    CASE("a close drops them");
    add_many(w, 400, 500);
    anp_writer_close(w);
    CHECK_EQ_INT(live(index), 298);
    check_verifies(index);
    anp_index_close(index);
}
