/*
 * Getting, putting, deleting and walking, against the twin: counts and set-hashes exact at every
 * commit.
 */
#include "store/aid.h"

#include "base/bytes.h"
#include "store/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ROUNDS = 60,       /* transactions of the random test */
    ROUND_STEPS = 120, /* at most, in each */
    VALUE_BYTES = 20000
};

static char filler[VALUE_BYTES + 8];

static void check_round_trip(store *s) {
    store_txn *txn;
    store_key key = store_key_bytes(STR("post-7")), found_key;
    str value;
    store_cursor *cursor;
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_IDS, key, &value, NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(store_put(txn, STORE_IDS, key, STR("seven"), false, NULL), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_IDS, key, STR("a longer seven"), false, NULL), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_POSTS, store_key_u64(300), STR(""), true, NULL), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_POSTS, store_key_u64(UINT64_MAX), STR("end"), true, NULL),
                 ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_IDS, key, &value, NULL), ANP_OK);
    CHECK(str_equal(value, STR("a longer seven")));
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_IDS, key, &value, NULL), ANP_OK);
    CHECK(str_equal(value, STR("a longer seven")));
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(300), &value, NULL), ANP_OK);
    CHECK_EQ_INT(value.len, 0);
    CHECK_EQ_INT(store_cursor_open(txn, STORE_POSTS, &cursor, NULL), ANP_OK);
    CHECK_EQ_INT(store_seek(cursor, store_key_u64(301), &found_key, &value, NULL), ANP_OK);
    CHECK(found_key.number == UINT64_MAX);
    CHECK_EQ_INT(store_next(cursor, &found_key, &value, NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(store_last(cursor, &found_key, &value, NULL), ANP_OK);
    CHECK(found_key.number == UINT64_MAX && str_equal(value, STR("end")));
    store_cursor_close(cursor);
    store_abort(txn);
}

static void check_refusals(store *s) {
    store_txn *txn;
    anp_error err = ANP_ERROR_INIT;
    str value;
    uint64_t number;
    memset(filler, 'x', sizeof filler);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    number = store_txn_number(txn);
    store_key longest = store_key_bytes(str_make(filler, 511)),
              longer = store_key_bytes(str_make(filler, 512));
    CHECK_EQ_INT(store_put(txn, STORE_TERMS, longest, STR("v"), false, &err), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_TERMS, longer, STR("v"), false, &err), ANP_LIMIT);
    CHECK_EQ_INT(store_put(txn, STORE_TERMS, store_key_bytes((str){0}), STR("v"), false, &err),
                 ANP_LIMIT);
    CHECK_EQ_INT(store_get(txn, STORE_TERMS, longer, &value, NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(store_delete(txn, STORE_TERMS, store_key_bytes(STR("none")), NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(9), STR("v"), true, &err), ANP_OK);
    CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(9), STR("v"), true, &err), ANP_INVALID);
    CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(8), STR("v"), true, &err), ANP_INVALID);
    CHECK_EQ_INT(store_put(txn, STORE_META, store_key_bytes(STR("tables")), STR("v"), false, &err),
                 ANP_INVALID);
    CHECK_EQ_INT(store_delete(txn, STORE_META, store_key_bytes(STR("format")), &err), ANP_INVALID);
    CHECK_EQ_INT(store_delete_range(txn, STORE_IDS, 0, 5, &err), ANP_INVALID);
    /* None of these spoils the transaction. */
    CHECK_EQ_INT(store_commit(txn, &err), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_txn_number(txn), number);
    CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(10), STR("v"), true, &err), ANP_INVALID);
    CHECK_EQ_INT(store_get(txn, STORE_TERMS, longest, &value, NULL), ANP_OK);
    CHECK_EQ_INT(store_commit(txn, &err), ANP_INVALID);
    /* A commit of nothing is no commit. */
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    store_txn *second;
    CHECK_EQ_INT(store_begin_write(s, &second, &err), ANP_BUSY);
    CHECK_EQ_INT(store_commit(txn, &err), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_txn_number(txn), number);
    store_abort(txn);
    store_abort(NULL);
}

static store_key random_key(prng *p, store_table table, char *spelled) {
    if (store_table_infos[table].key_kind == STORE_KEY_U64) {
        uint64_t number = prng_below(p, 400);
        return store_key_u64(prng_below(p, 4) ? number : number << 40);
    }
    /* Short ones collide, long ones make deep trees. */
    int len = snprintf(spelled, 300, "k%u", prng_below(p, 500));
    if (prng_below(p, 3) == 0) {
        memset(spelled + len, 'p', 200);
        len += 200;
    }
    return store_key_bytes(str_make(spelled, (size_t)len));
}

static size_t random_size(prng *p) {
    switch (prng_below(p, 5)) {
    case 0:
        return prng_below(p, VALUE_BYTES);
    case 1:
        return 1900 + prng_below(p, 200); /* where LMDB begins to use pages of their own */
    case 2:
        return 1020 + prng_below(p, 8); /* where checking once begins */
    default:
        return prng_below(p, 60);
    }
}

static bool random_step(prng *p, store_txn *txn, twin *t) {
    char spelled[300];
    str value;
    store_table table = (store_table)prng_below(p, STORE_TABLES);
    store_key key = random_key(p, table, spelled);
    uint32_t what = prng_below(p, 20);
    if (what < 12) {
        size_t size = random_size(p);
        str bytes = str_make(filler + prng_below(p, 8), size);
        twin_put(t, table, key, bytes);
        return CHECK_EQ_INT(store_put(txn, table, key, bytes, false, NULL), ANP_OK);
    }
    if (what < 16) {
        bool was = twin_delete(t, table, key);
        return CHECK_EQ_INT(store_delete(txn, table, key, NULL), was ? ANP_OK : ANP_NOT_FOUND);
    }
    if (what == 16 && store_table_infos[table].key_kind == STORE_KEY_U64) {
        uint64_t from = key.number, to = from + prng_below(p, 100);
        for (uint64_t i = from; i < to; i++) {
            twin_delete(t, table, store_key_u64(i));
        }
        return CHECK_EQ_INT(store_delete_range(txn, table, from, to, NULL), ANP_OK);
    }
    const twin_entry *e = twin_find(t, table, key);
    anp_status status = store_get(txn, table, key, &value, NULL);
    return CHECK_EQ_INT(status, e ? ANP_OK : ANP_NOT_FOUND) &&
           (!e || CHECK(str_equal(value, str_make(e->value, e->len))));
}

/* Seeks for keys that are there and that are not: what comes is the least entry not below. */
static bool same_seeks(prng *p, store_txn *txn, const twin *t) {
    for (int i = 0; i < 40; i++) {
        char spelled[300];
        store_cursor *cursor;
        store_key found;
        str value;
        store_table table = (store_table)(STORE_IDS + prng_below(p, STORE_TABLES - STORE_IDS));
        store_key key = random_key(p, table, spelled);
        const twin_entry *expected = NULL;
        bool numbers = store_table_infos[table].key_kind == STORE_KEY_U64;
        for (size_t j = 0; j < t->count && !expected; j++) {
            const twin_entry *e = &t->entries[j];
            bool below = numbers ? load_u64(e->key) < key.number
                                 : str_compare(str_make(e->key, e->key_len), key.bytes) < 0;
            expected = e->table == table && !below ? e : NULL;
        }
        if (!CHECK_EQ_INT(store_cursor_open(txn, table, &cursor, NULL), ANP_OK)) {
            return false;
        }
        anp_status status = store_seek(cursor, key, &found, &value, NULL);
        bool same = CHECK_EQ_INT(status, expected ? ANP_OK : ANP_NOT_FOUND);
        if (same && expected) {
            store_key wanted = twin_key(expected);
            same = numbers ? CHECK(found.number == wanted.number)
                           : CHECK(str_equal(found.bytes, wanted.bytes));
        }
        store_cursor_close(cursor);
        if (!same) {
            return false;
        }
    }
    return true;
}

/* Odd keys stand for those before them too. */
static bool same_covers(prng *p, store_txn *txn, const twin *t) {
    bool same = true;
    for (int i = 0; i < 40 && same; i++) {
        store_table table = (store_table)prng_below(p, STORE_TABLES);
        if (store_table_infos[table].key_kind != STORE_KEY_U64) {
            continue;
        }
        uint64_t key = random_key(p, table, NULL).number, found;
        const twin_entry *expected = NULL;
        for (size_t j = 0; j < t->count && !expected; j++) {
            const twin_entry *e = &t->entries[j];
            expected = e->table == table && load_u64(e->key) >= key ? e : NULL;
        }
        bool covers = expected && (load_u64(expected->key) == key || load_u64(expected->key) & 1);
        str value;
        anp_status status = store_get_cover(txn, table, key, 1, &found, &value, NULL);
        same = CHECK_EQ_INT(status, covers ? ANP_OK : ANP_NOT_FOUND) &&
               (covers ? CHECK(found == load_u64(expected->key)) &&
                             CHECK(str_equal(value, str_make(expected->value, expected->len)))
                       : CHECK_EQ_INT(value.len, 0));
    }
    return same;
}

static bool same_tallies(store_txn *txn, const twin *t) {
    str record;
    if (!CHECK_EQ_INT(store_get(txn, STORE_META, store_key_bytes(STR("tables")), &record, NULL),
                      ANP_OK) ||
        !CHECK_EQ_INT(record.len, 8 + STORE_TABLES * 16) ||
        !CHECK_EQ_INT(load_u64(record.data), store_txn_number(txn))) {
        return false;
    }
    for (int table = 0; table < STORE_TABLES; table++) {
        uint64_t entries, set_hash;
        store_table_size size;
        twin_tally(t, (store_table)table, &entries, &set_hash);
        CHECK_EQ_INT(store_table_measure(txn, (store_table)table, &size, NULL), ANP_OK);
        if (!CHECK_EQ_INT(load_u64(record.data + 8 + 16 * table), entries) ||
            !CHECK(load_u64(record.data + 16 + 16 * table) == set_hash) ||
            !CHECK_EQ_INT(size.entries, entries + (table == STORE_META))) {
            return false;
        }
    }
    return true;
}

static bool random_round(prng *p, store *s, twin *kept) {
    store_txn *txn;
    twin now = twin_copy(kept);
    if (!CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK)) {
        return false;
    }
    bool fine = true;
    for (uint32_t i = prng_below(p, ROUND_STEPS); i > 0 && fine; i--) {
        fine = random_step(p, txn, &now);
    }
    fine = fine && CHECK(aid_same(txn, &now)) && same_seeks(p, txn, &now) &&
           same_covers(p, txn, &now);
    if (prng_below(p, 4) == 0) {
        store_abort(txn);
        twin_free(&now);
    } else {
        fine = CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK) && fine;
        twin_free(kept);
        *kept = now;
    }
    if (!CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK)) {
        return false;
    }
    fine =
        fine && CHECK(aid_same(txn, kept)) && same_tallies(txn, kept) && same_seeks(p, txn, kept) &&
        same_covers(p, txn, kept);
    store_abort(txn);
    return fine;
}

static void check_random(const char *path, uint64_t seed) {
    prng p = {seed};
    twin kept = {0};
    bool fine = true;
    for (size_t i = 0; i < sizeof filler; i++) {
        filler[i] = (char)prng_next(&p);
    }
    aid_create(path);
    store *s = aid_open(path, true);
    for (int round = 0; s && fine && round < ROUNDS; round++) {
        fine = random_round(&p, s, &kept);
        if (prng_below(&p, 6) == 0) {
            store_close(s);
            s = aid_open(path, true);
        }
        if (s && round % 10 == 9) {
            fine = CHECK_EQ_INT(aid_verify(s, true, true), 0) && fine;
        }
        if (!fine) {
            test_note("seed %llu, round %d", (unsigned long long)seed, round);
        }
    }
    store_close(s);
    twin_free(&kept);
}

/* Writing on top of many values makes deep trees, then deleting them merges pages. */
static void check_deep(const char *path) {
    aid_create(path);
    store *s = aid_open(path, true);
    store_txn *txn;
    char key[16], value[40] = {0};
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (int i = 0; i < 60000; i++) {
        str bytes = str_make(key, (size_t)snprintf(key, sizeof key, "%05d", i * 7919 % 60000));
        if (store_put(txn, STORE_TERMS, store_key_bytes(bytes), str_make(value, sizeof value),
                      false, NULL)) {
            CHECK(false && "put");
        }
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (int i = 0; i < 60000; i++) {
        str bytes = str_make(key, (size_t)snprintf(key, sizeof key, "%05d", i));
        if (i % 100 && store_delete(txn, STORE_TERMS, store_key_bytes(bytes), NULL)) {
            CHECK(false && "delete");
        }
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    store_table_size size;
    str found;
    CHECK_EQ_INT(store_table_measure(txn, STORE_TERMS, &size, NULL), ANP_OK);
    CHECK_EQ_INT(size.entries, 600);
    CHECK_EQ_INT(store_get(txn, STORE_TERMS, store_key_bytes(STR("59900")), &found, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_TERMS, store_key_bytes(STR("59901")), &found, NULL),
                 ANP_NOT_FOUND);
    store_abort(txn);
    store_close(s);
}

/* Bytes of mapped files that are resident; 0 where the system does not tell. */
static uint64_t mapped_bytes(void) {
    unsigned long pages = 0;
    FILE *size = fopen("/proc/self/statm", "r");
    if (size && fscanf(size, "%*u %*u %lu", &pages) != 1) {
        pages = 0;
    }
    if (size) {
        fclose(size);
    }
    return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* A store with so many posts of VALUE_BYTES. */
static store *create_with_values(const char *path, uint64_t count) {
    store_txn *txn;
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < count; i++) {
        store_key key = store_key_u64(i);
        CHECK_EQ_INT(store_put(txn, STORE_POSTS, key, str_make(filler, VALUE_BYTES), true, NULL),
                     ANP_OK);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    return s;
}

static void read_all(store_txn *txn, uint64_t count) {
    str value;
    for (uint64_t i = 0; i < count; i++) {
        CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(i), &value, NULL), ANP_OK);
    }
}

/* Pages that were read are given back above a bound, and read again where they are needed. */
static void check_forgetting(const char *path) {
    enum { VALUES = 1000 };
    const uint64_t file = (uint64_t)VALUES * VALUE_BYTES, before = mapped_bytes();
    store_txn *txn;
    str value;
    if (before == 0) {
        SKIP("nobody tells what is resident");
    }
    store *s = create_with_values(path, VALUES);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    read_all(txn, VALUES);
    CHECK(mapped_bytes() >= before + file);
    store_forget_pages(s, before + file + (64 << 20));
    CHECK(mapped_bytes() >= before + file);
    CHECK_EQ_INT(store_put(txn, STORE_IDS, store_key_bytes(STR("a")), STR("1"), false, NULL),
                 ANP_OK);
    store_forget_pages(s, before + file / 2);
    CHECK(mapped_bytes() < before + file / 2);
    read_all(txn, VALUES);
    store_forget_pages(s, 0);
    CHECK(mapped_bytes() < before + file / 2);
    CHECK_EQ_INT(store_get(txn, STORE_IDS, store_key_bytes(STR("a")), &value, NULL), ANP_OK);
    CHECK(str_equal(value, STR("1")));
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

/* Who reads much value by value gives pages back on the way. */
static void check_reading_on(const char *path) {
    enum { VALUES = 8000, MUCH = 112 << 20 };
    const uint64_t before = mapped_bytes();
    uint64_t most = 0;
    store_txn *txn;
    if (before == 0) {
        SKIP("nobody tells what is resident");
    }
    store *s = create_with_values(path, VALUES);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < VALUES; i++) {
        str value;
        CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(i), &value, NULL), ANP_OK);
        store_read_on(txn);
        uint64_t now = i % 100 == 99 ? mapped_bytes() : 0;
        most = now > most ? now : most;
    }
    CHECK(most < before + MUCH);
    store_abort(txn);
    store_close(s);
}

void test_store_table(void) {
    CASE("round trips");
    const char *path = aid_path("table.db");
    aid_create(path);
    store *s = aid_open(path, true);
    if (!s) {
        return;
    }
    check_round_trip(s);
    CASE("what is refused leaves the transaction whole");
    check_refusals(s);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
    CASE("deep trees");
    check_deep(aid_path("deep.db"));
    static const uint64_t seeds[] = {1, 20, 333};
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        CASE("random operations against the twin");
        aid_remove(aid_path("random.db"));
        check_random(aid_path("random.db"), seeds[i]);
    }
    CASE("pages are given back");
    check_forgetting(aid_path("forget.db"));
    CASE("pages are given back on the way");
    check_reading_on(aid_path("read-on.db"));
}
