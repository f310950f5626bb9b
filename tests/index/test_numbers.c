/* A table of numbers against an array: batches of strings in any order, found, walked, verified. */
#include "index/numbers.h"

#include "base/prng.h"
#include "index/index.h"
#include "index/numbers_block.h"
#include "index/numbers_impl.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { STRINGS = 20000, BATCHES = 24 };

typedef struct twin {
    char text[STRINGS][40];
    uint32_t number[STRINGS]; /* UINT32_MAX: not given yet */
    uint32_t sorted[STRINGS]; /* places, in byte order */
} twin;

static twin *t; /* for the comparison */

static int by_text(const void *a, const void *b) {
    return str_compare(str_from(t->text[*(const uint32_t *)a]),
                       str_from(t->text[*(const uint32_t *)b]));
}

/* Distinct words that share much, with long ones and bytes above 127 among them. */
static void make_strings(void) {
    prng p = {11};
    for (uint32_t i = 0; i < STRINGS; i++) {
        static const char *const stems[] = {"", "cache", "cached_in_a_very_long_name", "\xc3\xa9t",
                                            "z", "--flag"};
        snprintf(t->text[i], sizeof t->text[i], "%s%x", stems[prng_below(&p, 6)], i * 7919u);
        t->number[i] = UINT32_MAX;
        t->sorted[i] = i;
    }
    qsort(t->sorted, STRINGS, sizeof *t->sorted, by_text);
}

static bool finds_all(store_txn *txn) {
    for (uint32_t i = 0; i < STRINGS; i++) {
        uint32_t number = 0;
        anp_status status = numbers_find(txn, STORE_TERMS, str_from(t->text[i]), &number, NULL);
        if (t->number[i] == UINT32_MAX ? status != ANP_NOT_FOUND
                                       : status != ANP_OK || number != t->number[i]) {
            test_note("%s: status %d, number %u", t->text[i], status, number);
            return false;
        }
    }
    return true;
}

typedef struct walk {
    uint32_t at; /* in sorted, of the next one expected */
    uint32_t left;
    bool right;
} walk;

static bool visit(void *user, str text, uint32_t number) {
    walk *w = user;
    while (w->at < STRINGS && t->number[t->sorted[w->at]] == UINT32_MAX) {
        w->at++;
    }
    w->right = w->right && w->at < STRINGS && t->number[t->sorted[w->at]] == number &&
               str_equal(text, str_from(t->text[t->sorted[w->at]]));
    w->at++;
    return w->right && --w->left > 0;
}

static void check_walks(store_txn *txn, prng *p) {
    for (int i = 0; i < 20; i++) {
        uint32_t from = i ? prng_below(p, STRINGS) : 0;
        walk w = {from, i ? 1 + prng_below(p, 900) : UINT32_MAX, true};
        str text = i ? str_from(t->text[t->sorted[from]]) : (str){NULL, 0};
        CHECK_EQ_INT(numbers_walk(txn, STORE_TERMS, text, visit, &w, NULL), ANP_OK);
        CHECK(w.right);
        while (w.at < STRINGS && w.left && t->number[t->sorted[w.at]] == UINT32_MAX) {
            w.at++;
        }
        CHECK(w.left == 0 || w.at == STRINGS);
    }
}

/* Gives numbers to some strings, old ones among them. */
static void run_batch(store *s, prng *p, uint32_t *next, uint32_t count, bool forget) {
    numbers n = {.table = STORE_TERMS, .next = next};
    store_txn *txn;
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t place = prng_below(p, STRINGS), number, expect = t->number[place];
        expect = expect == UINT32_MAX ? *next : expect;
        CHECK_EQ_INT(numbers_of(&n, txn, str_from(t->text[place]), &number, NULL), ANP_OK);
        CHECK_EQ_INT(number, expect);
        t->number[place] = number;
        if (forget && i == count / 2) { /* saved twice in one transaction */
            CHECK_EQ_INT(numbers_save(&n, txn, NULL), ANP_OK);
            numbers_clear(&n);
        }
    }
    CHECK_EQ_INT(numbers_save(&n, txn, NULL), ANP_OK);
    CHECK_EQ_INT(numbers_save(&n, txn, NULL), ANP_OK); /* nothing is left to do */
    CHECK(finds_all(txn));
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    numbers_clear(&n);
}

static void check_sizes(store_txn *txn, uint32_t strings) {
    store_table_size size;
    CHECK_EQ_INT(store_table_measure(txn, STORE_TERMS, &size, NULL), ANP_OK);
    test_note("%u strings in %llu blocks, %llu bytes", strings, (unsigned long long)size.entries,
              (unsigned long long)size.bytes);
    CHECK(size.bytes < strings * 20ull + 20000);
}

static void check_batches(store *s, uint32_t *next) {
    static const uint32_t counts[BATCHES] = {1, 2, 1, 15, 16, 17, 300, 900, 5, 4000, 1, 1, 1};
    prng p = {5};
    store_txn *txn;
    for (uint32_t i = 0; i < BATCHES; i++) {
        run_batch(s, &p, next, counts[i] ? counts[i] : prng_below(&p, 3000), i % 3 == 2);
        CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
        CHECK(finds_all(txn));
        check_walks(txn, &p);
        CHECK_EQ_INT(numbers_verify(txn, STORE_TERMS, *next, NULL), ANP_OK);
        CHECK_EQ_INT(numbers_verify(txn, STORE_TERMS, *next + 1, NULL), ANP_CORRUPT);
        CHECK_EQ_INT(numbers_verify(txn, STORE_TERMS, *next - 1, NULL), ANP_CORRUPT);
        store_abort(txn);
    }
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    check_sizes(txn, *next);
    store_abort(txn);
}

/* Puts one block in place of another and asks verify. */
static void check_wrong_block(store *s, uint32_t end, const char *key, numbered *items,
                              size_t count) {
    buffer block = {0};
    store_txn *txn;
    numbers_block_share(items, count);
    CHECK_EQ_INT(numbers_block_build(items, count, 8, 4000, &block), count);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    str value = str_make((const char *)block.data, block.len);
    CHECK_EQ_INT(store_put(txn, STORE_TERMS, store_key_bytes(str_from(key)), value, false, NULL),
                 ANP_OK);
    CHECK_EQ_INT(numbers_verify(txn, STORE_TERMS, end, NULL), ANP_CORRUPT);
    store_abort(txn);
    buffer_free(&block);
}

static void check_verify(store *s) {
    numbered above[] = {{STR("a"), 0, 0}, {STR("c"), 1, 0}};    /* c is above the key b */
    numbered order[] = {{STR("b"), 0, 0}, {STR("a"), 1, 0}};    /* not sorted */
    numbered twice[] = {{STR("a"), 0, 0}, {STR("aa"), 0, 0}};   /* one number of two strings */
    numbered beyond[] = {{STR("a"), 0, 0}, {STR("aa"), 2, 0}};  /* a number that was not given */
    numbered right[] = {{STR("a"), 1, 0}, {STR("c"), 0, 0}};
    check_wrong_block(s, 2, "b", above, 2);
    check_wrong_block(s, 2, "\xff\xff\xff", order, 2);
    check_wrong_block(s, 2, "\xff\xff\xff", twice, 2);
    check_wrong_block(s, 2, "\xff\xff\xff", beyond, 2);
    check_wrong_block(s, 2, "c", right, 2); /* the last block's key is not above all */
}

static index_handle *open_new(const char *name) {
    char path[512];
    index_handle *index;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    return CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK) ? index
                                                                                       : NULL;
}

/* Byte by byte; whatever ends first is less. */
static bool not_above(str a, str b) {
    size_t i = 0;
    while (i < a.len && i < b.len && a.data[i] == b.data[i]) {
        i++;
    }
    return i == a.len || (i < b.len && (uint8_t)a.data[i] < (uint8_t)b.data[i]);
}

/* Strings that agree in many bytes, few and many of them: in order, and each still there. */
static void check_sort(void) {
    static const char bytes[] = {0, 'a', 'b', (char)0xff};
    static const size_t counts[] = {0, 1, 2, 256, 257, 300, 20000};
    static char texts[20000][12];
    static numbered sorted[20000];
    static bool seen[20000];
    prng p = {12};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
        for (size_t i = 0; i < counts[c]; i++) {
            size_t len = prng_below(&p, sizeof texts[i] + 1);
            for (size_t b = 0; b < len; b++) {
                texts[i][b] = bytes[prng_below(&p, sizeof bytes)];
            }
            sorted[i] = (numbered){str_make(texts[i], len), (uint32_t)i, 0};
            seen[i] = false;
        }
        CHECK(numbers_sort(sorted, counts[c]));
        size_t wrong = 0;
        for (size_t i = 0; i < counts[c]; i++) {
            wrong += i && !not_above(sorted[i - 1].text, sorted[i].text);
            wrong += sorted[i].text.data != texts[sorted[i].number] || seen[sorted[i].number];
            seen[sorted[i].number] = true;
        }
        CHECK_EQ_INT(wrong, 0);
    }
}

void test_index_numbers(void) {
    CASE("strings are sorted");
    check_sort();
    CASE("verify names a wrong block");
    index_handle *index = open_new("wrong");
    if (!index) {
        return;
    }
    check_verify(index_store(index));
    index_close(index);
    CASE("batches of strings");
    uint32_t next = 0;
    t = malloc(sizeof *t);
    index = open_new("batches");
    if (!index || !t) {
        return;
    }
    make_strings();
    check_batches(index_store(index), &next);
    index_close(index);
    free(t);
}
