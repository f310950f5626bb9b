/* What the tests of the bulk build share: posts to add, and all that an index holds as one hash a
   table. */
#ifndef ANP_TESTS_INDEX_BATCHES_H
#define ANP_TESTS_INDEX_BATCHES_H

#include "base/error.h"
#include "base/hash.h"
#include "base/prng.h"
#include "index/intake.h"
#include "index/snapshot.h"
#include "index/verify.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

static inline index_handle *batches_index(const char *name) {
    char path[512];
    index_handle *index = NULL;
    anp_error err = ANP_ERROR_INIT;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    if (!CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, NULL, &index, &err), ANP_OK)) {
        test_note("%s", err.message);
    }
    return index;
}

/* Post `number` in JSON: some 300 words of which some are its own. */
static inline size_t batches_post(uint32_t number, char *out, size_t room) {
    prng p = {number + 1};
    size_t at = (size_t)snprintf(out, room,
                                 "{\"id\":\"p%u\",\"title\":\"Post %u of w%u\",\"meta\":{\"n\":%u,"
                                 "\"tag\":\"t%u\",\"own\":\"o%u\"},\"body\":\"",
                                 number, number, prng_below(&p, 500), number, number % 7, number);
    for (uint32_t i = 0; i < 300; i++) {
        uint32_t word = prng_below(&p, 4) ? prng_below(&p, 60) : prng_below(&p, 5000);
        at += (size_t)snprintf(out + at, room - at, i % 90 ? "w%u " : "Only%uOf ",
                               i % 90 ? word : number);
    }
    return at + (size_t)snprintf(out + at, room - at, "\"}");
}

enum { BATCHES_POST_BYTES = 4096 };

static inline anp_status batches_add(index_writer *w, const char *json, anp_error *err) {
    arena memory = {0};
    post article;
    anp_status status = post_from_json(str_from(json), &memory, &article, err);
    if (status == ANP_OK) {
        status = writer_add(w, &article, NULL, err);
    }
    arena_free(&memory);
    return status;
}

/* Of every value, in the order of the keys. */
static inline uint64_t batches_table(store_txn *txn, store_table table) {
    store_cursor *cursor;
    store_key key;
    str value;
    bool by_number = store_table_infos[table].key_kind == STORE_KEY_U64;
    uint64_t sum = 0;
    if (!CHECK_EQ_INT(store_cursor_open(txn, table, &cursor, NULL), ANP_OK)) {
        return 0;
    }
    store_key first = by_number ? store_key_u64(0) : store_key_bytes((str){NULL, 0});
    anp_status status = store_seek(cursor, first, &key, &value, NULL);
    while (status == ANP_OK) {
        uint64_t of_key = by_number ? key.number : hash64(key.bytes.data, key.bytes.len);
        sum = hash_mix64(sum ^ of_key) + hash64(value.data, value.len);
        status = store_next(cursor, &key, &value, NULL);
    }
    CHECK_EQ_INT(status, ANP_NOT_FOUND);
    store_cursor_close(cursor);
    return sum;
}

typedef struct batches_sums {
    uint64_t tables[STORE_TABLES];
} batches_sums;

static inline batches_sums batches_sum(index_handle *index) {
    batches_sums sums = {{0}};
    store_txn *txn;
    uint64_t problems = 99;
    if (CHECK_EQ_INT(store_begin_read(index_store(index), &txn, NULL), ANP_OK)) {
        for (int table = 0; table < STORE_TABLES; table++) {
            sums.tables[table] = batches_table(txn, (store_table)table);
        }
        store_abort(txn);
    }
    CHECK_EQ_INT(index_verify(index, true, NULL, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
    return sums;
}

/* Table meta too when all of the index's life was the same. */
static inline void batches_compare(const batches_sums *a, const batches_sums *b, bool meta) {
    for (int table = meta ? 0 : STORE_META + 1; table < STORE_TABLES; table++) {
        if (!CHECK(a->tables[table] == b->tables[table])) {
            test_note("table %s", store_table_infos[table].name);
        }
    }
}

#endif
