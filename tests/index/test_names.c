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

/* What strings are numbered in, in a transaction that is dropped at the end. */
typedef struct vocabulary {
    store_txn *txn;
    catalog catalog;
    numbers terms, values;
    bool changed;
} vocabulary;

static void resolve(vocabulary *v, names *n) {
    names_index index = {v->txn, &v->catalog, &v->terms, &v->values, v->changed};
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(names_resolve(n, &index, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    v->changed = index.fields_changed;
}

static void check_numbers(const names *n, const uint32_t *expected, size_t count) {
    CHECK_EQ_INT(n->terms.count, count);
    for (size_t i = 0; i < count && i < n->terms.count; i++) {
        CHECK_EQ_INT(n->terms.items[i], expected[i]);
    }
}

/* Two drafters that met the same words in another order: one number a word. */
static void two_drafters(vocabulary *v, names *a, names *b) {
    static const char *const first[] = {"cache", "redis", "key"};
    static const char *const second[] = {"key", "lock", "cache"};
    static const char *const third[] = {"shard", "redis"};
    names_taken taken[3] = {0};
    draft drafts[3];
    memset(drafts, 0, sizeof drafts);
    fill(&drafts[0], first, 3);
    fill(&drafts[1], second, 3);
    fill(&drafts[2], third, 2);
    CHECK_EQ_INT(names_extend(a, &drafts[0], &taken[0], NULL), ANP_OK);
    CHECK_EQ_INT(names_extend(a, &drafts[0], &taken[0], NULL), ANP_OK); /* nothing is taken twice */
    CHECK_EQ_INT(a->term_texts.count, 3);
    resolve(v, a);
    CHECK_EQ_INT(names_extend(b, &drafts[1], &taken[1], NULL), ANP_OK);
    resolve(v, b);
    CHECK_EQ_INT(names_extend(a, &drafts[2], &taken[2], NULL), ANP_OK);
    resolve(v, a);
    check_numbers(a, (const uint32_t[]){0, 1, 2, 4, 1}, 5);
    check_numbers(b, (const uint32_t[]){2, 3, 0}, 3);

    /* The batch is lost: b's words come first this time. */
    names_forget(a);
    names_forget(b);
    numbers_clear(&v->terms);
    v->catalog.state.term_end = 0;
    resolve(v, b);
    resolve(v, a);
    check_numbers(a, (const uint32_t[]){2, 3, 0, 4, 3}, 5);
    check_numbers(b, (const uint32_t[]){0, 1, 2}, 3);
    CHECK(!v->changed);
    for (int i = 0; i < 3; i++) {
        draft_free(&drafts[i]);
    }
}

/* Fields by name, whatever their kind; values by field and text; they begin anew, terms stay. */
static void meta_anew(vocabulary *v, names *n) {
    static const struct {
        const char *name;
        uint8_t kind;
    } fields[] = {{"zone", FIELD_TEXT}, {"zone", FIELD_NUMBER}, {"rank", FIELD_NUMBER}};
    draft meta = {.meta_restarted = true};
    names_taken taken = {0};
    uint32_t known = (uint32_t)v->catalog.fields.count;
    size_t terms = n->terms.count;
    for (size_t i = 0; i < 3; i++) {
        CHECK(vec_push(&meta.fields, ((draft_field){str_from(fields[i].name), fields[i].kind})));
    }
    CHECK(vec_push(&meta.facets, ((draft_facet){0, STR("eu")})));
    CHECK(vec_push(&meta.facets, ((draft_facet){0, STR("")})));
    CHECK_EQ_INT(names_extend(n, &meta, &taken, NULL), ANP_OK);
    resolve(v, n);
    CHECK(v->changed);
    CHECK_EQ_INT(n->fields.items[0], known);
    CHECK_EQ_INT(n->fields.items[1], known);
    CHECK_EQ_INT(n->fields.items[2], known + 1);
    CHECK_EQ_INT(v->catalog.kinds.items[known], FIELD_TEXT | FIELD_NUMBER);
    CHECK_EQ_INT(n->facets.items[0], 0);
    CHECK_EQ_INT(n->facets.items[1], 1);
    meta.fields.items[0] = meta.fields.items[2];
    meta.fields.count = meta.facets.count = 1;
    taken = (names_taken){0};
    CHECK_EQ_INT(names_extend(n, &meta, &taken, NULL), ANP_OK);
    resolve(v, n);
    CHECK_EQ_INT(n->fields.count, 1);
    CHECK_EQ_INT(n->fields.items[0], known + 1);
    CHECK_EQ_INT(n->facets.items[0], 2); /* the same text under another field */
    CHECK_EQ_INT(n->terms.count, terms);
    draft_free(&meta);
}

static void numbering(store_txn *txn) {
    vocabulary v = {.txn = txn};
    names *a = names_new(), *b = names_new();
    v.terms = (numbers){.table = STORE_TERMS, .next = &v.catalog.state.term_end};
    v.values = (numbers){.table = STORE_VALUES, .next = &v.catalog.state.value_end};
    CHECK_EQ_INT(catalog_load(txn, &v.catalog, NULL), ANP_OK);
    two_drafters(&v, a, b);
    meta_anew(&v, b);
    names_release(a);
    names_release(b);
    numbers_clear(&v.terms);
    numbers_clear(&v.values);
    catalog_free(&v.catalog);
}

static uint64_t count_word(index_handle *index, const char *word) {
    uint32_t number;
    uint64_t found = UINT64_MAX;
    store_txn *txn;
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
        numbering(txn);
        store_abort(txn);
    }
    index_close(index);
    CASE("a post that is left out leaves nothing, and no number moves");
    left_out_anywhere();
}
