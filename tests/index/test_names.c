/* The numbers of strings: looked up once, told anew after a batch that was lost; and the writer
   never loses what its own drafter numbered. */
#include "base/error.h"
#include "index/batches.h"

/* A draft that numbers these terms, fields and facets next. */
static void fill(draft *d, const char *const *terms, size_t count) {
    for (size_t i = 0; i < count; i++) {
        CHECK(vec_push(&d->terms, str_from(terms[i])));
    }
}

static void resolve(names *n, store_txn *txn, catalog *c, numbers *terms, numbers *values,
                    bool *changed) {
    names_index index = {txn, c, terms, values, *changed};
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(names_resolve(n, &index, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    *changed = index.fields_changed;
}

/* Two drafters that met the same words in another order: one number a word. */
static void two_drafters(store_txn *txn) {
    static const char *const first[] = {"cache", "redis", "key"};
    static const char *const second[] = {"key", "lock", "cache"};
    static const char *const third[] = {"shard", "redis"};
    catalog c = {0};
    names_taken taken[3] = {{0}};
    draft drafts[3] = {{0}};
    numbers terms = {.table = STORE_TERMS, .next = &c.state.term_end};
    numbers values = {.table = STORE_VALUES, .next = &c.state.value_end};
    bool changed = false;
    names *a = names_new(), *b = names_new();
    CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
    uint32_t known = (uint32_t)c.fields.count;
    fill(&drafts[0], first, 3);
    fill(&drafts[1], second, 3);
    fill(&drafts[2], third, 2);
    CHECK_EQ_INT(names_extend(a, &drafts[0], &taken[0], NULL), ANP_OK);
    CHECK_EQ_INT(names_extend(a, &drafts[0], &taken[0], NULL), ANP_OK); /* nothing is taken twice */
    CHECK_EQ_INT(a->term_texts.count, 3);
    resolve(a, txn, &c, &terms, &values, &changed);
    CHECK_EQ_INT(names_extend(b, &drafts[1], &taken[1], NULL), ANP_OK);
    resolve(b, txn, &c, &terms, &values, &changed);
    CHECK_EQ_INT(names_extend(a, &drafts[2], &taken[2], NULL), ANP_OK);
    resolve(a, txn, &c, &terms, &values, &changed);
    static const uint32_t of_a[] = {0, 1, 2, 4, 1}, of_b[] = {2, 3, 0};
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(a->terms.items[i], of_a[i]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(b->terms.items[i], of_b[i]);
    }

    /* The batch is lost: b's words come first this time. */
    names_forget(a);
    names_forget(b);
    numbers_clear(&terms);
    c.state.term_end = 0;
    resolve(b, txn, &c, &terms, &values, &changed);
    resolve(a, txn, &c, &terms, &values, &changed);
    static const uint32_t then_a[] = {2, 3, 0, 4, 3}, then_b[] = {0, 1, 2};
    for (int i = 0; i < 5; i++) {
        CHECK_EQ_INT(a->terms.items[i], then_a[i]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_EQ_INT(b->terms.items[i], then_b[i]);
    }
    CHECK(!changed);

    /* Fields by name, whatever their kind; values by field and text; those begin anew. */
    draft meta = {.meta_restarted = true};
    names_taken meta_taken = {0};
    static const struct { const char *name; uint8_t kind; } fields[] = {
        {"zone", FIELD_TEXT}, {"zone", FIELD_NUMBER}, {"rank", FIELD_NUMBER}};
    for (size_t i = 0; i < 3; i++) {
        CHECK(vec_push(&meta.fields, ((draft_field){str_from(fields[i].name), fields[i].kind})));
    }
    CHECK(vec_push(&meta.facets, ((draft_facet){0, STR("eu")})));
    CHECK(vec_push(&meta.facets, ((draft_facet){0, STR("")})));
    CHECK_EQ_INT(names_extend(b, &meta, &meta_taken, NULL), ANP_OK);
    resolve(b, txn, &c, &terms, &values, &changed);
    CHECK(changed);
    CHECK_EQ_INT(b->fields.items[0], known);
    CHECK_EQ_INT(b->fields.items[1], known);
    CHECK_EQ_INT(b->fields.items[2], known + 1);
    CHECK_EQ_INT(c.kinds.items[known], FIELD_TEXT | FIELD_NUMBER);
    CHECK_EQ_INT(b->facets.items[0], 0);
    CHECK_EQ_INT(b->facets.items[1], 1);
    meta.fields.items[0] = meta.fields.items[2];
    meta.fields.count = 1;
    meta.facets.items[0] = (draft_facet){0, STR("eu")};
    meta.facets.count = 1;
    meta_taken = (names_taken){0};
    CHECK_EQ_INT(names_extend(b, &meta, &meta_taken, NULL), ANP_OK);
    resolve(b, txn, &c, &terms, &values, &changed);
    CHECK_EQ_INT(b->fields.count, 1);
    CHECK_EQ_INT(b->fields.items[0], known + 1);
    CHECK_EQ_INT(b->facets.items[0], 2); /* the same text under another field */
    CHECK_EQ_INT(b->terms.count, 3);     /* terms stay */

    names_release(a);
    names_release(b);
    draft *all[] = {&drafts[0], &drafts[1], &drafts[2], &meta};
    for (int i = 0; i < 4; i++) {
        draft_free(all[i]);
    }
    numbers_clear(&terms);
    numbers_clear(&values);
    catalog_free(&c);
}

static uint64_t count_word(index_handle *index, const char *word) {
    snapshot *s;
    uint32_t number;
    uint64_t found = UINT64_MAX;
    store_txn *txn;
    (void)s;
    if (CHECK_EQ_INT(store_begin_read(index_store(index), &txn, NULL), ANP_OK)) {
        anp_status status = numbers_find(txn, STORE_TERMS, str_from(word), &number, NULL);
        found = status == ANP_OK ? 1 : 0;
        store_abort(txn);
    }
    return found;
}

/* A title of too many words, each of them new. */
static char *long_title(void) {
    char *json = malloc(2 << 20), *at = json;
    at += sprintf(at, "{\"id\":\"long\",\"body\":\"zebra\",\"title\":\"");
    for (int i = 0; i < 70000; i++) {
        at += sprintf(at, "q%d ", i);
    }
    sprintf(at, "\"}");
    return json;
}

/*
 * A post is left out between two others; then comes a commit, or a batch is lost to another
 * writer. The index must be the one without that post.
 */
static void left_out(const char *name, bool bad, int where) {
    static const char *const posts[] = {
        "{\"id\":\"a\",\"title\":\"cache\",\"meta\":{\"k\":\"v\"},\"body\":\"redis key\"}",
        "{\"id\":\"b\",\"title\":\"lock\",\"meta\":{\"l\":\"w\"},\"body\":\"shard key\"}",
        "{\"id\":\"c\",\"title\":\"queue\",\"meta\":{\"m\":\"x\"},\"body\":\"redis topic\"}"};
    index_handle *index = batches_index(name);
    index_writer *w, *other;
    char *json = long_title();
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK);
    for (int i = 0; i < 3; i++) {
        if (bad && i == where) {
            CHECK_EQ_INT(batches_add(w, json, &err), ANP_BAD_POST);
            CHECK_EQ_INT(err.status, ANP_BAD_POST);
            CHECK(strstr(err.message, "title") != NULL);
        }
        CHECK_EQ_INT(batches_add(w, posts[i], &err), ANP_OK);
        if (bad && i == where) {
            CHECK_EQ_INT(batches_add(w, json, &err), ANP_BAD_POST);
        }
        CHECK_EQ_INT(writer_commit(w, &err), ANP_OK);
        if (bad && i == where) {
            CHECK_EQ_INT(batches_add(w, json, &err), ANP_BAD_POST);
        }
        if (i == 0) {
            CHECK_EQ_INT(writer_open(index, &other, NULL), ANP_OK);
            CHECK_EQ_INT(batches_add(other, "{\"id\":\"o\",\"title\":\"other\"}", &err), ANP_OK);
            CHECK_EQ_INT(writer_commit(other, &err), ANP_OK);
            writer_close(other);
        }
    }
    CHECK_EQ_INT(count_word(index, "shard"), 1);
    CHECK_EQ_INT(count_word(index, "topic"), 1);
    CHECK_EQ_INT(count_word(index, "q17"), 0); /* of the post that was left out */
    writer_close(w);
    index_close(index);
    free(json);
}

static void left_out_anywhere(void) {
    left_out("without", false, 0);
    index_handle *index = batches_index("without");
    batches_sums expected = batches_sum(index);
    index_close(index);
    for (int where = 0; where < 3; where++) {
        char name[20];
        snprintf(name, sizeof name, "with%d", where);
        left_out(name, true, where);
        index = batches_index(name);
        batches_sums sums = batches_sum(index);
        batches_compare(&expected, &sums, true);
        index_close(index);
    }
}

void test_index_names(void) {
    CASE("one number a word, whoever met it first; forgotten and found again");
    index_handle *index = batches_index("names");
    store_txn *txn;
    if (CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK)) {
        two_drafters(txn);
        store_abort(txn);
    }
    index_close(index);
    CASE("a post that is left out leaves nothing, and no number moves");
    left_out_anywhere();
}
