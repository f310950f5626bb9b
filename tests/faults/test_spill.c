/*
 * What a write transaction has read stays as it was while it writes, also when there are more
 * changed pages than LMDB keeps in memory (131,071) and it writes some to the file before the
 * commit; and what it has written reads back.
 */
#include "faults/work.h"
#include "store/aid.h"

#include <stdio.h>

enum {
    READ_POSTS = 200,
    READ_BYTES = 3000,
    PUTS = 2000, PUTS_FULL = 140000, /* a page of its own each */
    PUT_BYTES = 4000,
};

static void fill(char *bytes, size_t len, uint64_t seed) {
    prng p = {seed};
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word = prng_next(&p);
        memcpy(bytes + i, &word, 8);
    }
}

static bool put(store_txn *txn, store_table table, uint64_t key, size_t len) {
    char bytes[PUT_BYTES];
    fill(bytes, len, key);
    return CHECK_EQ_INT(store_put(txn, table, store_key_u64(key), str_make(bytes, len), true, NULL),
                        ANP_OK);
}

static bool same(str value, uint64_t key, size_t len) {
    char bytes[PUT_BYTES];
    fill(bytes, len, key);
    return value.len == len && memcmp(value.data, bytes, len) == 0;
}

void test_faults_spill(void) {
    static str values[READ_POSTS];
    const char *path = aid_path("spill.db");
    store_txn *txn;
    store_cursor *cursor;
    store_key key = store_key_u64(0);
    str value;
    CASE("values of tables that are not written");
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < READ_POSTS; i++) {
        put(txn, STORE_POSTS, i, READ_BYTES);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < READ_POSTS; i++) {
        CHECK_EQ_INT(store_get(txn, STORE_POSTS, store_key_u64(i), &values[i], NULL), ANP_OK);
    }
    CHECK_EQ_INT(store_cursor_open(txn, STORE_POSTS, &cursor, NULL), ANP_OK);
    anp_status status = store_seek(cursor, key, &key, &value, NULL);
    unsigned puts = work_rounds(PUTS, PUTS_FULL);
    for (uint64_t i = 0; i < puts; i++) {
        if (!put(txn, STORE_LOG, i, PUT_BYTES)) {
            break;
        }
        if (i % (puts / READ_POSTS) == 0 && status == ANP_OK) {
            CHECK(same(value, key.number, READ_BYTES));
            status = store_next(cursor, &key, &value, NULL);
        }
    }
    store_cursor_close(cursor);
    /* Deleting them frees their pages, which no commit reuses before this one is done. */
    CHECK_EQ_INT(store_delete_range(txn, STORE_POSTS, 0, READ_POSTS, NULL), ANP_OK);
    for (uint64_t i = 0; i < 500; i++) {
        put(txn, STORE_LOG, puts + i, PUT_BYTES);
    }
    for (uint64_t i = 0; i < READ_POSTS; i++) {
        if (!CHECK(same(values[i], i, READ_BYTES))) {
            break;
        }
    }
    CASE("values of a table that is written");
    for (uint64_t i = 0; i < puts; i += 97) {
        CHECK_EQ_INT(store_get(txn, STORE_LOG, store_key_u64(i), &value, NULL), ANP_OK);
        CHECK(same(value, i, PUT_BYTES));
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(aid_verify(s, true, true), 0);
    store_close(s);
}
