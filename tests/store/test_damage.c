/*
 * Damaged files: no flip of bits may crash a reader or give a wrong value; verify finds each that
 * does harm, and nothing wrong with clean files.
 */
#include "store/aid.h"

#include "store/environment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    FLIPS = 900,
    SMEARS = 250, /* runs of random bytes */
    SMEAR_BYTES_MAX = 200,
    PAGE = 4096
};

/* What one reading of a damaged file met. */
typedef struct reading {
    bool refused; /* at open */
    bool errors;  /* some entry gave an error */
    bool lost;    /* some entry was not found, as if it had never been there: must not be */
    bool wrong;   /* a value of other bytes, or an entry that nobody put: must not be */
    uint64_t problems_quick;
    uint64_t problems_full;
} reading;

/* A file with deep trees, large values, free pages and several commits. */
static void build(const char *path, twin *t) {
    static char bytes[9000];
    prng p = {42};
    store_txn *txn;
    char name[300];
    aid_create(path);
    store *s = aid_open(path, true);
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (char)prng_next(&p);
    }
    for (int commit = 0; commit < 4; commit++) {
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        for (uint32_t i = 0; i < 150; i++) {
            size_t size =
                prng_below(&p, 12) ? prng_below(&p, 200) : prng_below(&p, sizeof bytes - 8);
            str value = str_make(bytes + prng_below(&p, 8), size);
            store_table table = (store_table)prng_below(&p, STORE_TABLES);
            bool numbers = store_table_infos[table].key_kind == STORE_KEY_U64;
            int digits = 1 + (int)prng_below(&p, 250); /* one draw a statement: in order */
            int len = snprintf(name, sizeof name, "%0*u", digits, prng_below(&p, 5000));
            store_key key = numbers ? store_key_u64(prng_below(&p, 2000))
                                    : store_key_bytes(str_make(name, (size_t)len));
            CHECK_EQ_INT(store_put(txn, table, key, value, false, NULL), ANP_OK);
            twin_put(t, table, key, value);
            if (i % 5 == 4) {
                const twin_entry *old = &t->entries[prng_below(&p, (uint32_t)t->count)];
                table = old->table;
                CHECK_EQ_INT(store_delete(txn, table, twin_key(old), NULL), ANP_OK);
                twin_delete(t, table, twin_key(old));
            }
        }
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    }
    store_close(s);
}

static void read_by_get(store_txn *txn, const twin *t, reading *r) {
    for (size_t i = 0; i < t->count; i++) {
        const twin_entry *e = &t->entries[i];
        str value;
        anp_status status = store_get(txn, e->table, twin_key(e), &value, NULL);
        r->lost |= status == ANP_NOT_FOUND;
        r->errors |= status != ANP_OK && status != ANP_NOT_FOUND;
        r->wrong |= status == ANP_OK && !str_equal(value, str_make(e->value, e->len));
    }
}

static void read_by_cursor(store_txn *txn, const twin *t, store_table table, reading *r) {
    store_cursor *cursor;
    store_key key = store_table_infos[table].key_kind == STORE_KEY_U64 ? store_key_u64(0)
                                                                       : store_key_bytes((str){0});
    str value;
    size_t expected = 0, found = 0;
    for (size_t i = 0; i < t->count; i++) {
        expected += t->entries[i].table == table;
    }
    if (store_cursor_open(txn, table, &cursor, NULL) != ANP_OK) {
        r->errors = true;
        return;
    }
    anp_status status = store_seek(cursor, key, &key, &value, NULL);
    for (; status == ANP_OK && found < expected + 100;
         status = store_next(cursor, &key, &value, NULL)) {
        if (table == STORE_META &&
            (str_equal(key.bytes, STR("format")) || str_equal(key.bytes, STR("tables")))) {
            continue;
        }
        const twin_entry *e = twin_find(t, table, key);
        found++;
        r->wrong |= !e || !str_equal(value, str_make(e->value, e->len));
    }
    r->errors |= status != ANP_OK && status != ANP_NOT_FOUND;
    r->lost |= status == ANP_NOT_FOUND && found != expected;
    store_cursor_close(cursor);
}

static reading read_all(const char *path, const twin *t) {
    reading r = {0};
    store *s;
    store_txn *txn;
    if (store_open(path, false, &s, NULL) != ANP_OK) {
        r.refused = true;
        return r;
    }
    if (store_begin_read(s, &txn, NULL) != ANP_OK) {
        r.errors = true;
    } else {
        read_by_get(txn, t, &r);
        for (int table = 0; table < STORE_TABLES; table++) {
            read_by_cursor(txn, t, (store_table)table, &r);
        }
        store_abort(txn);
    }
    r.problems_quick = aid_verify(s, false, false);
    r.problems_full = aid_verify(s, true, false);
    store_close(s);
    return r;
}

/* Half of them where structure is: headers, offsets, the first pages. */
static uint64_t place_of_damage(prng *p, uint64_t file_bytes) {
    uint64_t at = prng_next(p) % file_bytes, meta = prng_below(p, 2);
    switch (prng_below(p, 4)) {
    case 0:
        return at / PAGE * PAGE + prng_below(p, 64);
    case 1:
        return meta * PAGE + prng_below(p, 160);
    default:
        return at;
    }
}

typedef struct sums {
    int harmless, refused, errors, lost, unseen_space;
} sums;

static void judge(const reading *r, uint64_t at, uint64_t seed, sums *total) {
    bool harm = r->errors || r->lost;
    if (!CHECK(!r->wrong && !r->lost) || !CHECK(r->refused || !harm || r->problems_full > 0) ||
        !CHECK(r->problems_quick <= r->problems_full)) {
        test_note("seed %llu, byte %llu: errors %d, lost %d, problems %llu quick, "
                  "%llu full",
                  (unsigned long long)seed, (unsigned long long)at, r->errors, r->lost,
                  (unsigned long long)r->problems_quick, (unsigned long long)r->problems_full);
    }
    total->refused += r->refused;
    total->errors += r->errors;
    total->lost += r->lost && !r->errors;
    total->unseen_space += !r->refused && !harm && r->problems_full > 0;
    total->harmless += !r->refused && !harm && r->problems_full == 0;
}

static void check_flips(const char *path, const twin *t, bool smear) {
    uint64_t seed = smear ? 77 : 7;
    uint64_t file_bytes = aid_file_bytes(path);
    prng p = {seed};
    sums total = {0};
    int fd = open(path, O_RDWR);
    CHECK(fd >= 0);
    for (int i = 0; i < (smear ? SMEARS : FLIPS); i++) {
        uint8_t old[SMEAR_BYTES_MAX] = {0}, bad[SMEAR_BYTES_MAX];
        uint64_t at = place_of_damage(&p, file_bytes);
        size_t want = smear ? 1 + prng_below(&p, SMEAR_BYTES_MAX) : 1;
        ssize_t len = pread(fd, old, want, (off_t)at);
        memcpy(bad, old, sizeof bad);
        for (ssize_t j = 0; j < len; j++) {
            uint64_t bits = smear ? prng_next(&p) : 1u << prng_below(&p, 8);
            bad[j] = (uint8_t)((old[j] ^ bits) & 255);
        }
        CHECK(len > 0 && pwrite(fd, bad, (size_t)len, (off_t)at) == len);
        reading r = read_all(path, t);
        judge(&r, at, seed, &total);
        CHECK(pwrite(fd, old, (size_t)len, (off_t)at) == len);
    }
    close(fd);
    /* The test itself must reach all of these. */
    CHECK(total.refused > 10 && total.errors > 10 && total.harmless > 10);
    if (getenv("STORE_TEST_SUMS")) {
        printf("%s: refused %d, errors %d, lost %d, space %d, harmless %d\n",
               smear ? "smears" : "flips", total.refused, total.errors, total.lost,
               total.unseen_space, total.harmless);
    }
}

/* Cut at every page, and a byte before and behind. */
static void check_cuts(const char *path, const twin *t) {
    const char *cut = aid_path("cut.db");
    uint64_t file_bytes = aid_file_bytes(path);
    for (uint64_t size = 0; size < file_bytes; size += PAGE) {
        for (int off = -1; off <= 1; off++) {
            if (size == 0 && off < 0) {
                continue;
            }
            CHECK(aid_copy(path, cut));
            CHECK_EQ_INT(truncate(cut, (off_t)size + off), 0);
            reading r = read_all(cut, t);
            /* Pages that are missing must have been free. */
            if (!CHECK(r.refused || (!r.errors && !r.lost && !r.wrong && r.problems_full == 0))) {
                test_note("cut to %lld of %llu", (long long)size + off,
                          (unsigned long long)file_bytes);
            }
            CHECK(r.refused || size > file_bytes / 2);
        }
    }
    aid_remove(cut);
}

/*
 * A transaction that puts much and deletes it again leaves free pages at the end that were never
 * written.
 */
static void check_short(const char *path) {
    static char bytes[100000];
    twin none = {0};
    store_txn *txn;
    aid_create(path);
    store *s = aid_open(path, true);
    for (uint64_t i = 0; i < 4;
         i++) { /* LMDB keeps given-back pages apart only once it reuses older ones */
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        CHECK_EQ_INT(
            store_put(txn, STORE_POSTS, store_key_u64(1), str_make(bytes, 9000), false, NULL),
            ANP_OK);
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    }
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 10; i < 50; i++) {
        CHECK_EQ_INT(store_put(txn, STORE_POSTS, store_key_u64(i), str_make(bytes, sizeof bytes),
                               true, NULL),
                     ANP_OK);
    }
    CHECK_EQ_INT(store_delete_range(txn, STORE_POSTS, 0, UINT64_MAX, NULL), ANP_OK);
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    store_close(s);
    uint8_t meta[PAGE_HEADER_BYTES + sizeof(page_meta)];
    int fd = open(path, O_RDONLY);
    page_meta first, second;
    CHECK(pread(fd, meta, sizeof meta, 0) == (ssize_t)sizeof meta);
    memcpy(&first, meta + PAGE_HEADER_BYTES, sizeof first);
    CHECK(pread(fd, meta, sizeof meta, PAGE) == (ssize_t)sizeof meta);
    memcpy(&second, meta + PAGE_HEADER_BYTES, sizeof second);
    close(fd);
    uint64_t last = first.txn > second.txn ? first.last_page : second.last_page;
    CHECK(aid_file_bytes(path) < (last + 1) * PAGE); /* else the test tests nothing */
    reading r = read_all(path, &none);
    CHECK(!r.refused && !r.errors && !r.lost && !r.wrong);
    CHECK_EQ_INT(r.problems_full, 0);
    s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 100; i < 160; i++) {
        CHECK_EQ_INT(store_put(txn, STORE_POSTS, store_key_u64(i), str_make(bytes, sizeof bytes),
                               true, NULL),
                     ANP_OK);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}

/*
 * A value that was found right is not hashed again, unless its stored checksum or its key is
 * another.
 */
static void check_large_values(const char *path) {
    static char bytes[50000];
    store_txn *txn;
    str value;
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(
        store_put(txn, STORE_POSTS, store_key_u64(1), str_make(bytes, sizeof bytes), true, NULL),
        ANP_OK);
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(1), &value, NULL), ANP_OK);
    CHECK(((uintptr_t)value.data & 15) == 0); /* schema.h promises it */
    store_abort(txn);
    store_close(s);
    /* A flip in its middle: found by the next process, or environment. */
    int fd = open(path, O_RDWR);
    static char file[1 << 20];
    ssize_t len = pread(fd, file, sizeof file, 0);
    uint64_t at = 0;
    for (ssize_t i = 2 * PAGE; i + PAGE <= len && !at; i += PAGE) {
        page_header top;
        memcpy(&top, file + i, sizeof top);
        at = top.flags == PAGE_OVERFLOW ? (uint64_t)i + 30000 : 0;
    }
    CHECK(at && pwrite(fd, "!", 1, (off_t)at) == 1);
    close(fd);
    s = aid_open(path, false);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(1), &value, &err), ANP_CORRUPT);
    CHECK(strstr(err.message, "table posts, key 1") != NULL);
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(1), &value, NULL),
                 ANP_CORRUPT); /* not only once */
    store_abort(txn);
    CHECK_EQ_INT(aid_verify(s, false, false), 0);
    CHECK_EQ_INT(aid_verify(s, true, false), 2); /* the value and the set-hash */
    store_close(s);
}

/*
 * A search, and a walk to another leaf, look at a leaf's entries but not at the pages of its large
 * values: a hundred of them would be a hundred pages more. So damage to one value's first page is
 * told to who reads that value or stands beside it, and to nobody else.
 */
static void check_values_apart(const char *path) {
    enum { VALUES = 100, BYTES = 6000, DAMAGED = 40 };
    static char bytes[BYTES];
    store_txn *txn;
    store_cursor *cursor;
    store_key key;
    str value;
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < VALUES; i++) {
        store_key at = store_key_u64(10 * i);
        CHECK_EQ_INT(store_put(txn, STORE_POSTS, at, str_make(bytes, BYTES), true, NULL), ANP_OK);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(10 * DAMAGED), &value, NULL), ANP_OK);
    off_t at = (off_t)((const uint8_t *)value.data - txn->view.map) - PAGE_HEADER_BYTES;
    store_abort(txn);
    store_close(s);
    int fd = open(path, O_RDWR);
    CHECK(at % PAGE == 0 && pwrite(fd, "!", 1, at) == 1); /* in the page's number */
    close(fd);
    s = aid_open(path, false);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(5), &value, NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(store_cursor_open(txn, STORE_POSTS, &cursor, NULL), ANP_OK);
    CHECK_EQ_INT(store_seek(cursor, store_key_u64(205), &key, &value, NULL), ANP_OK);
    CHECK(key.number == 210 && value.len == BYTES);
    store_cursor_close(cursor);
    for (uint64_t beside = 10 * DAMAGED - 5; beside <= 10 * DAMAGED + 5; beside += 5) {
        CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(beside), &value, NULL), ANP_CORRUPT);
    }
    store_abort(txn);
    CHECK(aid_verify(s, true, false) > 0);
    store_close(s);
}

void test_store_damage(void) {
    twin t = {0};
    const char *path = aid_path("damage.db");
    CASE("clean");
    build(path, &t);
    reading r = read_all(path, &t);
    CHECK(!r.refused && !r.errors && !r.lost && !r.wrong);
    CHECK_EQ_INT(r.problems_full, 0);
    CASE("flipped bits");
    check_flips(path, &t, false);
    CASE("smeared bytes");
    check_flips(path, &t, true);
    CASE("cut files");
    check_cuts(path, &t);
    CASE("free pages that were never written");
    check_short(aid_path("short.db"));
    CASE("large values are checked once a process");
    check_large_values(aid_path("large.db"));
    CASE("a search looks at no large values but its neighbours");
    check_values_apart(aid_path("apart.db"));
    twin_free(&t);
}
