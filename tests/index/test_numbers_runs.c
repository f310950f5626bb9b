/*
 * A table of numbers with its runs against an array: random histories of small and bulk commits,
 * aborts and merges that stop anywhere; found, walked and verified at every state.
 */
#include "base/limits.h"
#include "base/prng.h"
#include "index/index.h"
#include "index/numbers.h"
#include "index/verify.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { STRINGS = 250000, FIRST = 50000, BULK = 4156, COMMITS = 56 };

_Static_assert((int)BULK >= (int)RUN_STRINGS_MIN, "a run each");

typedef struct twin {
    char text[STRINGS][52];
    uint32_t number[STRINGS]; /* UINT32_MAX: not given yet */
    uint32_t before[STRINGS]; /* the same as of the last commit */
    uint32_t sorted[STRINGS]; /* places, in byte order */
    uint32_t next, next_before;
    uint32_t used; /* all places below have numbers */
    prng p;
} twin;

static twin *t; /* for the comparison */

static str text_at(uint32_t place) {
    return str_from(t->text[place]);
}

static int by_text(const void *a, const void *b) {
    return str_compare(text_at(*(const uint32_t *)a), text_at(*(const uint32_t *)b));
}

/* Distinct strings, some of which share much. */
static bool make_twin(uint64_t seed) {
    t = malloc(sizeof *t);
    if (!t) {
        return false;
    }
    t->p = (prng){seed};
    t->next = t->next_before = t->used = 0;
    for (uint32_t i = 0; i < STRINGS; i++) {
        static const char *const stems[] = {"", "\x01", "hash-of-a-file/", "z", "\xf0\x9f/"};
        unsigned long long a = prng_next(&t->p), b = prng_next(&t->p);
        snprintf(t->text[i], sizeof t->text[i], "%s%016llx%016llx", stems[i % 5], a, b);
        t->number[i] = t->before[i] = UINT32_MAX;
        t->sorted[i] = i;
    }
    qsort(t->sorted, STRINGS, sizeof *t->sorted, by_text);
    return true;
}

/* ---- A state compared ---------------------------------------------------------------------- */

static bool finds(store_txn *txn, uint32_t place) {
    uint32_t number = 0;
    anp_status status = numbers_find(txn, STORE_VALUES, text_at(place), &number, NULL);
    return t->number[place] == UINT32_MAX ? status == ANP_NOT_FOUND
                                          : status == ANP_OK && number == t->number[place];
}

typedef struct walk {
    uint32_t at; /* in sorted, of the next one expected */
    uint32_t left;
    bool right;
} walk;

static uint32_t next_given(uint32_t at) {
    while (at < STRINGS && t->number[t->sorted[at]] == UINT32_MAX) {
        at++;
    }
    return at;
}

static bool visit(void *user, str text, uint32_t number) {
    walk *w = user;
    w->at = next_given(w->at);
    w->right = w->at < STRINGS && t->number[t->sorted[w->at]] == number &&
               str_equal(text, text_at(t->sorted[w->at]));
    w->at++;
    return w->right && --w->left > 0;
}

static bool walks(store_txn *txn, uint32_t from, uint32_t most) {
    walk w = {from, most, true};
    str text = from ? text_at(t->sorted[from]) : (str){NULL, 0};
    anp_status status = numbers_walk(txn, STORE_VALUES, text, visit, &w, NULL);
    return status == ANP_OK && w.right && (w.left == 0 || next_given(w.at) == STRINGS);
}

static bool is_twin(store_txn *txn) {
    for (uint32_t i = 0; i < 600; i++) {
        if (!finds(txn, prng_below(&t->p, i % 2 ? STRINGS : t->used + 1))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < 8; i++) {
        if (!walks(txn, prng_below(&t->p, STRINGS), 1 + prng_below(&t->p, 900))) {
            return false;
        }
    }
    return prng_below(&t->p, 3) ||
           (walks(txn, 0, UINT32_MAX) &&
            numbers_verify(txn, STORE_VALUES, t->next, NULL) == ANP_OK);
}

static void check_state(store *s) {
    store_txn *txn;
    if (CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK)) {
        CHECK(is_twin(txn));
        store_abort(txn);
    }
}

static uint64_t blocks_of(store *s, store_table table) {
    store_txn *txn;
    store_table_size size = {0};
    if (CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK)) {
        CHECK_EQ_INT(store_table_measure(txn, table, &size, NULL), ANP_OK);
        store_abort(txn);
    }
    return size.entries;
}

/* ---- Histories ----------------------------------------------------------------------------- */

static bool number(numbers *n, store_txn *txn, uint32_t place) {
    uint32_t got = 0, expect = t->number[place] == UINT32_MAX ? t->next : t->number[place];
    anp_status status = numbers_of(n, txn, text_at(place), &got, NULL);
    t->number[place] = got;
    return status == ANP_OK && got == expect;
}

/* Fresh strings and old ones; kept, or aborted at the end. */
static void run_commit(store *s, numbers *n, uint32_t fresh, bool keep) {
    store_txn *txn;
    if (!CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK)) {
        return;
    }
    uint32_t used = t->used, end = used + fresh < STRINGS ? used + fresh : STRINGS;
    bool right = true;
    for (; t->used < end && right; t->used++) {
        right = number(n, txn, t->used) && number(n, txn, prng_below(&t->p, t->used + 1));
    }
    CHECK(right);
    CHECK_EQ_INT(numbers_save(n, txn, NULL), ANP_OK);
    if (prng_below(&t->p, 4) == 0) {
        CHECK(is_twin(txn)); /* in the transaction that wrote it */
    }
    if (keep) {
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
        memcpy(t->before, t->number, sizeof t->before);
        t->next_before = t->next;
    } else {
        store_abort(txn);
        memcpy(t->number, t->before, sizeof t->before);
        t->next = t->next_before;
        t->used = used;
        numbers_clear(n);
    }
}

/* Steps of any size, some of them aborted, until all are done or it stops. */
static bool merge(store *s, numbers *n, bool to_the_end) {
    bool done = false;
    for (int i = 0; !done; i++) {
        store_txn *txn;
        uint32_t bytes = 1 + prng_below(&t->p, prng_below(&t->p, 5) ? 1 << 20 : 9000);
        if (!CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK) ||
            !CHECK_EQ_INT(numbers_merge_step(n, txn, bytes, &done, NULL), ANP_OK)) {
            return true;
        }
        if (prng_below(&t->p, 9) == 0) {
            store_abort(txn);
            numbers_clear(n);
            done = false;
        } else {
            CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
        }
        if (i % 9 == 0) {
            check_state(s);
        }
        if (!done && !to_the_end && prng_below(&t->p, 5) == 0) {
            return false;
        }
    }
    CHECK(!n->moving && !n->merge_due);
    return true;
}

static index_handle *open_index(const char *name) {
    char path[512];
    index_handle *index;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    return CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK) ? index
                                                                                       : NULL;
}

typedef struct history {
    index_handle *index;
    numbers n;
    uint32_t merges, joins, stops;
    uint64_t most; /* blocks in runs */
} history;

static void run_step(history *h, const char *name, bool first) {
    bool bulk = prng_below(&t->p, 3) != 0;
    uint32_t few = prng_below(&t->p, 2) ? 9 : 500;
    uint32_t fresh = first ? FIRST : bulk ? BULK : prng_below(&t->p, few);
    store *s = index_store(h->index);
    run_commit(s, &h->n, fresh, first || prng_below(&t->p, 7) != 0);
    check_state(s);
    uint64_t runs = blocks_of(s, STORE_VALUES_RUNS);
    h->most = runs > h->most ? runs : h->most;
    if (h->n.merge_due) {
        bool done = merge(s, &h->n, prng_below(&t->p, 3) == 0);
        h->merges += done && !blocks_of(s, STORE_VALUES_RUNS);
        h->joins += done && blocks_of(s, STORE_VALUES_RUNS);
        h->stops += !done;
    }
    if (prng_below(&t->p, 6) == 0) { /* another process comes */
        numbers_clear(&h->n);
        index_close(h->index);
        h->index = open_index(name);
    } else if (prng_below(&t->p, 2)) {
        numbers_clear_cache(&h->n);
    }
}

/* join_blocks: as numbers has them. */
static void check_history(uint64_t seed, uint32_t join_blocks) {
    char name[32];
    snprintf(name, sizeof name, "runs-%d", (int)seed);
    history h = {.index = make_twin(seed) ? open_index(name) : NULL};
    h.n = (numbers){.table = STORE_VALUES, .next = t ? &t->next : NULL,
                    .join_blocks = join_blocks};
    for (int i = 0; h.index && i < COMMITS; i++) {
        run_step(&h, name, i == 0);
    }
    if (h.index) {
        merge(index_store(h.index), &h.n, true);
        check_state(index_store(h.index));
        test_note("%u strings, %u merges, %u joins, %u stopped; up to %llu blocks in runs", t->next,
                  h.merges, h.joins, h.stops, (unsigned long long)h.most);
        /* With so few runs (tools/small.txt) they are never joined: they are merged first. */
        bool joins = join_blocks != 1 && RUNS_MAX > 3;
        CHECK(h.most > 2 && (joins ? h.joins > 0 : h.merges + h.stops > 0 && !h.joins));
    }
    numbers_clear(&h.n);
    index_close(h.index);
    free(t);
}

/* Small commits fill the one block of the newest run, and leave the table alone. */
static void check_small_commits(uint64_t seed) {
    enum { SMALL_COMMITS = 80, SMALL = 3, MOST = 3 /* blocks */ };
    index_handle *index = make_twin(seed) ? open_index("small-commits") : NULL;
    numbers n = {.table = STORE_VALUES, .next = t ? &t->next : NULL};
    if (index) {
        store *s = index_store(index);
        run_commit(s, &n, FIRST, true);
        uint64_t in_table = blocks_of(s, STORE_VALUES);
        for (int i = 0; i < SMALL_COMMITS; i++) {
            uint64_t before = blocks_of(s, STORE_VALUES_RUNS);
            run_commit(s, &n, SMALL, prng_below(&t->p, 7) != 0);
            CHECK(blocks_of(s, STORE_VALUES_RUNS) <= before + 1);
        }
        CHECK_EQ_INT(blocks_of(s, STORE_VALUES), in_table);
        CHECK(blocks_of(s, STORE_VALUES_RUNS) > 1 && blocks_of(s, STORE_VALUES_RUNS) <= MOST);
        check_state(s);
    }
    numbers_clear(&n);
    index_close(index);
    free(t);
}

/* ---- Damage -------------------------------------------------------------------------------- */

typedef struct planted {
    store_txn *txn;
    uint32_t end; /* numbers given */
} planted;

#define LAST STR("\xff\xff\xff")

static void put_block(planted *d, unsigned run, str key, str text, uint32_t number) {
    numbered item = {text, number, 0};
    buffer block = {0};
    char bytes[600];
    bytes[0] = (char)run;
    memcpy(bytes + 1, key.data, key.len);
    numbers_block_share(&item, 1);
    numbers_block_build(&item, 1, 32, 4000, &block);
    str value = str_make((const char *)block.data, block.len);
    CHECK_EQ_INT(store_put(d->txn, STORE_VALUES_RUNS, store_key_bytes(str_make(bytes, key.len + 1)),
                           value, false, NULL), ANP_OK);
    buffer_free(&block);
}

/* Takes the first block of a run away, or its last; puts it into run `to` if that is not -1. */
static void take_block(planted *d, unsigned run, bool last, int to) {
    char at[] = {(char)run, (char)(last ? 0xff : 0), (char)0xff, (char)0xff}, key[600];
    store_key found;
    str value;
    if (!CHECK_EQ_INT(store_get_at_least(d->txn, STORE_VALUES_RUNS,
                                         store_key_bytes(str_make(at, last ? 4 : 2)), &found,
                                         &value, NULL), ANP_OK)) {
        return;
    }
    memcpy(key, found.bytes.data, found.bytes.len);
    store_key of = store_key_bytes(str_make(key, found.bytes.len));
    char *copy = malloc(value.len);
    memcpy(copy, value.data, value.len);
    CHECK_EQ_INT(store_delete(d->txn, STORE_VALUES_RUNS, of, NULL), ANP_OK);
    key[0] = (char)to;
    CHECK(to < 0 || store_put(d->txn, STORE_VALUES_RUNS, of, str_make(copy, value.len), false,
                              NULL) == ANP_OK);
    free(copy);
}

static void move_block(planted *d) {
    take_block(d, 0, false, 1);
}

static void lose_first(planted *d) {
    take_block(d, 1, false, -1);
}

static void lose_last(planted *d) {
    take_block(d, 0, true, -1);
}

static void lose_last_of_all(planted *d) {
    take_block(d, 1, true, -1);
}

static void repeat_of_table(planted *d) {
    put_block(d, 2, LAST, text_at(0), d->end++);
}

static void repeat_of_run(planted *d) {
    put_block(d, 2, LAST, text_at(t->used - 1), d->end++);
}

static void repeat_number(planted *d) {
    put_block(d, 2, LAST, STR("other"), 3);
}

static void wrong_key(planted *d) {
    put_block(d, 2, STR("a"), STR("b"), d->end++);
    put_block(d, 2, LAST, STR("c"), d->end++);
}

/* The second block's string is looked for in the first. */
static void wrong_block(planted *d) {
    put_block(d, 2, STR("m"), STR("g"), d->end++);
    put_block(d, 2, LAST, STR("h"), d->end++);
}

static void wrong_run(planted *d) {
    put_block(d, 16, LAST, STR("other"), d->end++);
}

static void no_last(planted *d) { /* behind the greatest string of all */
    put_block(d, 2, STR("\xfe"), STR("\xfe"), d->end++);
}

static void no_last_before_another(planted *d) {
    put_block(d, 2, STR("m"), STR("m"), d->end++);
    put_block(d, 3, LAST, STR("n"), d->end++);
}

static void nothing_wrong(planted *d) {
    put_block(d, 2, STR("m"), STR("m"), d->end++);
    put_block(d, 2, LAST, STR("n"), d->end++);
}

static uint64_t problems_of(index_handle *index) {
    uint64_t problems = UINT64_MAX;
    CHECK_EQ_INT(index_verify(index, true, NULL, NULL, &problems, NULL), ANP_OK);
    return problems;
}

static void check_damage(void) {
    static void (*const plants[])(planted *d) = {
        move_block,    lose_first,    lose_last, lose_last_of_all, repeat_of_table,
        repeat_of_run, repeat_number, wrong_key, wrong_block,      wrong_run,
        no_last,       no_last_before_another,   nothing_wrong,
    };
    index_handle *index = make_twin(99) ? open_index("damage") : NULL;
    if (!index) {
        return;
    }
    numbers n = {.table = STORE_VALUES, .next = &t->next};
    store *s = index_store(index);
    CHECK_EQ_INT(problems_of(index), 0);
    run_commit(s, &n, FIRST, true);
    CHECK_EQ_INT(problems_of(index), 1); /* the catalog does not know of them */
    run_commit(s, &n, BULK + 540, true);
    run_commit(s, &n, BULK + 540, true);
    CHECK(blocks_of(s, STORE_VALUES_RUNS) >= 4);
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        planted d = {.end = t->next};
        CHECK_EQ_INT(store_begin_write(s, &d.txn, NULL), ANP_OK);
        plants[i](&d);
        anp_status status = numbers_verify(d.txn, STORE_VALUES, d.end, NULL);
        if (!CHECK_EQ_INT(status, plants[i] == nothing_wrong ? ANP_OK : ANP_CORRUPT)) {
            test_note("plant %zu", i);
        }
        store_abort(d.txn);
    }
    numbers_clear(&n);
    index_close(index);
    free(t);
}

void test_index_numbers_runs(void) {
    CASE("histories: runs are merged into the table");
    check_history(1, 1);
    CASE("and joined");
    check_history(2, 200);
    CASE("small commits share the newest run");
    check_small_commits(3);
    CASE("verify names what is wrong with runs");
    check_damage();
}
