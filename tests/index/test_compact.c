/*
 * Compaction: forward records come back out of units byte for byte, and the new file says what the
 * old one said. (test_history.c compacts in the midst of any history.)
 */
#include "index/compact.h"

#include "base/hash.h"
#include "base/prng.h"
#include "base/vec.h"
#include "index/merge.h"
#include "index/snapshot_impl.h"
#include "index/uninvert.h"
#include "index/verify.h"
#include "index/writer.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { POSTS = LOG_POSTS_MAX + LOG_POSTS_MAX / 2 + 200, BATCH = LOG_POSTS_MAX / 20 + 1 };

static void put_words(prng *p, char **at, uint32_t count, uint32_t words) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = prng_below(p, words);
        *at += sprintf(*at, "%sw%ux", i ? " " : "", prng_below(p, word + 1));
    }
}

static char *make_post(prng *p, uint32_t id) {
    char *json = malloc(8192), *at = json;
    at += sprintf(at, "{\"id\":\"id-%u\",\"title\":\"", id);
    put_words(p, &at, prng_below(p, 5), 40);
    at += sprintf(at, "\",\"body\":\"");
    put_words(p, &at, prng_below(p, id % 50 == 0 ? 900 : 30), 600);
    at += sprintf(at, "\",\"meta\":{\"stack\":[\"s%u\",\"t%u\"],\"reading_time\":%u.%u",
                  prng_below(p, 9), prng_below(p, 900), prng_below(p, 20), prng_below(p, 3));
    if (prng_below(p, 2)) {
        at += sprintf(at, ",\"score\":{\"quality\":%u,\"depth\":%u.5}", prng_below(p, 101),
                      prng_below(p, 100));
    }
    sprintf(at, "}}");
    return json;
}

static void add(index_writer *w, char *json) {
    arena memory = {0};
    post article;
    CHECK_EQ_INT(post_from_json(str_from(json), &memory, &article, NULL), ANP_OK);
    CHECK_EQ_INT(writer_add(w, &article, NULL, NULL), ANP_OK);
    arena_free(&memory);
    free(json);
}

/* ---- Records come back --------------------------------------------------------------------- */

static str records[POSTS]; /* by ordinal, as the log had them; data NULL: not seen */

static void note_log(index_handle *index) {
    snapshot *s;
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    for (uint32_t docno = s->cat.state.log_first; docno < s->cat.state.docno_end; docno++) {
        str record;
        if (!records[docno].data &&
            CHECK_EQ_INT(store_get(s->txn, STORE_LOG, store_key_u64(docno), &record, NULL),
                         ANP_OK)) {
            records[docno] = str_make(memcpy(malloc(record.len), record.data, record.len),
                                      record.len);
        }
    }
    snapshot_close(s);
}

/* Some posts are deleted: theirs do not come back. */
static void compare_records(index_handle *index, bool some_dead) {
    snapshot *s;
    renumbering fresh;
    uint32_t seen = 0, listed = 0;
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    CHECK_EQ_INT(renumbering_make(s, &fresh, NULL), ANP_OK);
    if (some_dead) { /* numbers differ then: look at them one to one */
        for (uint32_t i = 0; i < s->cat.state.term_end; i++) {
            fresh.terms[i] = i;
        }
        for (uint32_t i = 0; i < s->cat.state.value_end; i++) {
            fresh.values[i] = i;
        }
    } else {
        CHECK_EQ_INT(fresh.term_end, s->cat.state.term_end);
        CHECK_EQ_INT(fresh.value_end, s->cat.state.value_end);
    }
    uninverter from = {s, &fresh, store_path(index_store(index)), NULL, 0};
    for (uint32_t window = 0; window < snapshot_window_count(s); window++) {
        uninverted u;
        if (!CHECK_EQ_INT(uninvert_window(&from, window, &u, NULL), ANP_OK)) {
            break;
        }
        listed += u.count;
        for (uint32_t i = 0; i < u.count; i++) {
            str want = records[u.docnos[i]];
            CHECK(!bitmap_contains(s->deleted, u.docnos[i]));
            if (want.data) {
                seen++;
                if (!CHECK(str_equal(uninvert_record(&u, i), want))) {
                    test_note("post %u", u.docnos[i]);
                }
            }
        }
        uninvert_free(&u);
    }
    CHECK_EQ_INT(listed, s->cat.state.post_count);
    CHECK(seen > listed / 2);
    uninverter_close(&from);
    renumbering_free(&fresh);
    snapshot_close(s);
}

static void check_records(uint32_t title_weight) {
    char path[512];
    index_handle *index;
    index_writer *w;
    prng p = {title_weight + 5};
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.title_weight = title_weight;
    options.title_excluded = title_weight == 0;
    snprintf(path, sizeof path, "%s/records-%u.db", test_folder(), title_weight);
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, &options, &index, NULL), ANP_OK);
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < POSTS; i++) {
        add(w, make_post(&p, i));
        if (i % BATCH == BATCH - 1 || i + 1 == POSTS) {
            CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
            note_log(index);
        }
    }
    compare_records(index, false);
    for (uint32_t i = 0; i < POSTS; i += 1 + prng_below(&p, 9)) {
        char id[32];
        sprintf(id, "id-%u", i);
        CHECK_EQ_INT(writer_delete(w, str_from(id), NULL), ANP_OK);
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    compare_records(index, true);
    writer_close(w);
    index_close(index);
    for (uint32_t i = 0; i < POSTS; i++) {
        free((void *)(uintptr_t)records[i].data);
        records[i] = (str){0};
    }
}

/* ---- What a compaction leaves -------------------------------------------------------------- */

static bool stop_at(void *user, const char *step, uint64_t done, uint64_t whole) {
    (void)step;
    CHECK(done <= whole);
    return --*(int *)user > 0;
}

static bool count_asking(void *user, const char *step, uint64_t done, uint64_t whole) {
    (void)step, (void)done, (void)whole;
    ++*(int *)user;
    return true;
}

/* Ctrl-C need not wait for a whole window of posts. */
static void check_asked_often(index_handle *index, uint32_t posts) {
    int count = 0;
    uint64_t bytes;
    char path[300];
    compact_options options = {.ask = count_asking, .user = &count};
    snprintf(path, sizeof path, "%s/asked.db", test_folder());
    CHECK_EQ_INT(index_compact(index, path, &options, &bytes, NULL), ANP_OK);
    if (!CHECK(count > (int)(2 * posts / 256))) { /* posts and ids */
        test_note("asked %d times while %u posts were written", count, posts);
    }
}

static void report_line(void *user, const char *line) {
    (void)user;
    test_note("verify: %s", line);
}

static void check_clean(index_handle *index) {
    uint64_t problems = 0;
    CHECK_EQ_INT(index_verify(index, true, report_line, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
}

static bool take_term(void *user, str text, uint32_t number) {
    (void)text, (void)number;
    ++*(uint32_t *)user;
    return true;
}

/* No dead term, value or post is left, no log, and numbers are dense. */
static void check_dense(index_handle *index, uint32_t live) {
    snapshot *s;
    uint32_t terms = 0;
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    CHECK_EQ_INT(s->cat.state.post_count, live);
    CHECK_EQ_INT(s->cat.state.docno_end, live);
    CHECK_EQ_INT(s->cat.state.log_first, live);
    CHECK_EQ_INT(bitmap_count(s->deleted), 0);
    CHECK_EQ_INT(snapshot_terms(s, STR(""), take_term, &terms, NULL), ANP_OK);
    CHECK_EQ_INT(terms, s->cat.state.term_end);
    CHECK_EQ_INT(s->cat.state.group_end, live >> WINDOW_BITS >> GROUP_BITS);
    CHECK(!merge_pending(&s->cat));
    uint32_t units = (live + WINDOW_DOCS - 1) / WINDOW_DOCS;
    CHECK(s->cat.units.count <= units);
    snapshot_close(s);
    check_clean(index);
}

static void check_shrinks(void) {
    char path[512], other[512];
    index_handle *index, *copy;
    index_writer *w;
    prng p = {3};
    anp_error err = ANP_ERROR_INIT;
    uint64_t bytes;
    compact_options options = {0};
    uint32_t live = 0, posts = POSTS / 2;
    snprintf(path, sizeof path, "%s/shrinks.db", test_folder());
    snprintf(other, sizeof other, "%s/shrunk.db", test_folder());
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    CASE("an empty index");
    CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, &err), ANP_OK);
    check_dense(index, 0);
    options.order = COMPACT_ALL;
    CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, &err), ANP_OK);
    check_dense(index, 0);
    CASE("the dead go");
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < posts; i++) {
        add(w, make_post(&p, i));
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    check_asked_often(index, posts);
    for (uint32_t i = 0; i < posts; i++) {
        char id[32];
        sprintf(id, "id-%u", i);
        if (i % 10 && CHECK_EQ_INT(writer_delete(w, str_from(id), NULL), ANP_OK)) {
            continue;
        }
        live++;
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    options.order = COMPACT_MANY;
    CHECK_EQ_INT(index_compact(index, other, &options, &bytes, &err), ANP_OK);
    CHECK_EQ_INT(index_compact(index, other, &options, &bytes, &err), ANP_BUSY);
    CHECK_EQ_INT(index_open(other, ANP_OPEN_READ, NULL, &copy, NULL), ANP_OK);
    check_dense(copy, live);
    CHECK_EQ_INT(index_compact(copy, NULL, &options, &bytes, &err), ANP_INVALID);
    index_close(copy);
    CASE("stopped");
    int files = test_files("shrinks.db");
    for (int steps = 1; steps < 4; steps++) {
        int left = steps;
        options.ask = stop_at;
        options.user = &left;
        options.order = steps % 2 ? COMPACT_ALL : COMPACT_KEPT;
        CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, &err), ANP_CANCELLED);
        CHECK_EQ_INT(test_files("shrinks.db"), files);
        check_clean(index);
        if (live <= WINDOW_DOCS && steps == 2) {
            break; /* there are no more steps */
        }
    }
    CASE("a writer goes on");
    options = (compact_options){0};
    CHECK_EQ_INT(index_compact(index, NULL, &options, &bytes, &err), ANP_OK);
    check_dense(index, live);
    add(w, make_post(&p, posts));
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    check_clean(index);
    writer_close(w);
    index_close(index);
    CHECK_EQ_INT(test_files("shrinks.db"), 3);
}

enum { ID_BYTES = 16 };

static index_handle *compact_to(index_handle *index, const char *name, compact_order order) {
    char path[512];
    uint64_t bytes;
    index_handle *copy = NULL;
    compact_options options = {.order = order};
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    CHECK_EQ_INT(index_compact(index, path, &options, &bytes, NULL), ANP_OK);
    CHECK_EQ_INT(index_open(path, ANP_OPEN_READ, NULL, &copy, NULL), ANP_OK);
    return copy;
}

/* Ids by ordinal, each at ID_BYTES. */
static char *list_ids(index_handle *index, uint32_t count) {
    arena memory = {0};
    snapshot *s;
    char *ids = calloc(count, ID_BYTES);
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    CHECK_EQ_INT(snapshot_docno_end(s), count);
    for (uint32_t docno = 0; docno < count; docno++) {
        str id;
        if (CHECK_EQ_INT(snapshot_id(s, docno, &memory, &id, NULL), ANP_OK)) {
            memcpy(ids + (size_t)docno * ID_BYTES, id.data, id.len);
        }
    }
    snapshot_close(s);
    arena_free(&memory);
    return ids;
}

static int by_id(const void *a, const void *b) {
    return strcmp(a, b);
}

/* Whether the posts of an index are those of before, in another order or not; closes it. */
static void check_order(index_handle *index, const char *was, uint32_t posts, bool moves) {
    check_dense(index, posts);
    char *sorted = malloc((size_t)posts * ID_BYTES), *now = list_ids(index, posts);
    memcpy(sorted, was, (size_t)posts * ID_BYTES);
    CHECK_EQ_INT(memcmp(was, now, (size_t)posts * ID_BYTES) != 0, moves);
    qsort(sorted, posts, ID_BYTES, by_id);
    qsort(now, posts, ID_BYTES, by_id);
    CHECK(memcmp(sorted, now, (size_t)posts * ID_BYTES) == 0);
    free(sorted);
    free(now);
    index_close(index);
}

/* An eighth of a window less one, and one more. */
static void check_moves(void) {
    char path[512];
    index_handle *index;
    index_writer *w;
    prng p = {5};
    uint32_t few = WINDOW_DOCS / 8 - 1;
    snprintf(path, sizeof path, "%s/moves.db", test_folder());
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < few; i++) {
        add(w, make_post(&p, i));
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    char *was = list_ids(index, few);
    check_order(compact_to(index, "moves-1.db", COMPACT_MANY), was, few, false);
    check_order(compact_to(index, "moves-2.db", COMPACT_ALL), was, few, true);
    free(was);
    add(w, make_post(&p, few));
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
    was = list_ids(index, few + 1);
    check_order(compact_to(index, "moves-3.db", COMPACT_KEPT), was, few + 1, false);
    check_order(compact_to(index, "moves-4.db", COMPACT_MANY), was, few + 1, true);
    free(was);
    index_close(index);
}

/* ---- Groups -------------------------------------------------------------------------------- */

typedef struct group_key {
    uint64_t inner, hash;
} group_key;

/* All that the groups have, in order; hash of the values. Free it. */
static group_key *list_groups(index_handle *index, size_t *count) {
    VEC(group_key) keys = {0};
    snapshot *s;
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    for (uint32_t group = 0; group < s->cat.state.group_end; group++) {
        unit_cursor *cursor;
        group_key key;
        str value;
        CHECK_EQ_INT(unit_cursor_open(s->txn, UNIT_GROUP, group, 0, UINT64_MAX, &cursor, NULL),
                     ANP_OK);
        while (unit_cursor_next(cursor, &key.inner, &value, NULL) == ANP_OK) {
            key.hash = hash64(value.data, value.len);
            CHECK(vec_push(&keys, key));
        }
        unit_cursor_close(cursor);
    }
    snapshot_close(s);
    *count = keys.count;
    return keys.items;
}

static void merge_all(index_handle *index) {
    store_txn *txn;
    catalog c = {0};
    bool done = false;
    CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
    while (!done && CHECK_EQ_INT(merge_step(NULL, txn, &c, UINT64_MAX, &done, NULL), ANP_OK)) {
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    catalog_free(&c);
}

/* Groups have the keys that steps of merges gave them, and come through a compaction unchanged;
   only meaningful with tiny windows, else there is none. */
static void check_groups(void) {
    uint32_t posts = WINDOW_DOCS > 64 ? 100 : (2 * GROUP_WINDOWS + 1) * WINDOW_DOCS + 7;
    char path[512];
    index_handle *index;
    index_writer *w;
    prng p = {11};
    size_t counts[3];
    snprintf(path, sizeof path, "%s/groups.db", test_folder());
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < posts; i++) {
        add(w, make_post(&p, i));
        if (i % 20 == 19) {
            CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
        }
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
    merge_all(index);
    index_handle *once = compact_to(index, "groups-1.db", COMPACT_KEPT);
    index_handle *twice = compact_to(once, "groups-2.db", COMPACT_KEPT);
    index_handle *other = compact_to(once, "groups-3.db", COMPACT_ALL);
    check_dense(once, posts);
    check_dense(twice, posts);
    check_dense(other, posts);
    group_key *merged = list_groups(index, &counts[0]);
    group_key *first = list_groups(once, &counts[1]), *second = list_groups(twice, &counts[2]);
    CHECK(WINDOW_DOCS > 64 || counts[0] > 0);
    CHECK_EQ_INT(counts[1], counts[0]);
    CHECK_EQ_INT(counts[2], counts[0]);
    for (size_t i = 0; i < counts[0] && counts[1] == counts[0] && counts[2] == counts[0]; i++) {
        CHECK(first[i].inner == merged[i].inner && second[i].inner == merged[i].inner);
        CHECK(first[i].hash == second[i].hash);
    }
    free(merged);
    free(first);
    free(second);
    index_close(other);
    index_close(twice);
    index_close(once);
    index_close(index);
}

void test_index_compact(void) {
    CASE("records");
    check_records(3);
    CASE("records, title weight 0");
    check_records(0);
    check_shrinks();
    CASE("many posts move, few do not");
    check_moves();
    CASE("groups");
    check_groups();
}
