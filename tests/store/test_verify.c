/*
 * What verify says, of changes that LMDB itself takes for sound: made through it, behind the
 * store's back.
 */
#include "store/aid.h"

#include "store/checksum.h"

#include <lmdb.h>
#include <stdio.h>
#include <unistd.h>

static char lines[4000];

static void collect(void *user, const char *line) {
    size_t len = strlen(lines);
    (void)user;
    snprintf(lines + len, sizeof lines - len, "%s\n", line);
}

static uint64_t verify(const char *path, bool full) {
    uint64_t problems = 0;
    store *s = aid_open(path, false);
    lines[0] = 0;
    if (s) {
        CHECK_EQ_INT(store_verify(s, full, collect, NULL, &problems, NULL), ANP_OK);
    }
    store_close(s);
    return problems;
}

/* Makes the record of tables say that it is of this commit. */
static void number_record(MDB_txn *txn) {
    char bytes[8 + STORE_TABLES * 16 + CHECKSUM_BYTES];
    MDB_dbi meta;
    MDB_val key = {6, "tables"}, value;
    CHECK_EQ_INT(mdb_dbi_open(txn, "meta", 0, &meta), 0);
    CHECK_EQ_INT(mdb_get(txn, meta, &key, &value), 0);
    memcpy(bytes, value.mv_data, sizeof bytes);
    store_u64(bytes, mdb_txn_id(txn));
    str payload = str_make(bytes, sizeof bytes - CHECKSUM_BYTES);
    store_u64(bytes + payload.len, checksum_of(STORE_META, STR("tables"), payload));
    value = (MDB_val){sizeof bytes, bytes};
    CHECK_EQ_INT(mdb_put(txn, meta, &key, &value, 0), 0);
}

/*
 * Changes a file of ours through LMDB alone, then removes the witness, which would tell. `hidden`:
 * the number of the commit is put right too.
 */
static void change(const char *path, const char *table, bool hidden,
                   void (*work)(MDB_txn *txn, MDB_dbi dbi)) {
    char witness[450];
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi dbi;
    CHECK_EQ_INT(mdb_env_create(&env), 0);
    CHECK_EQ_INT(mdb_env_set_maxdbs(env, 20), 0);
    CHECK_EQ_INT(mdb_env_set_mapsize(env, 1 << 26), 0);
    CHECK_EQ_INT(mdb_env_open(env, path, MDB_NOSUBDIR, 0644), 0);
    CHECK_EQ_INT(mdb_txn_begin(env, NULL, 0, &txn), 0);
    CHECK_EQ_INT(mdb_dbi_open(txn, table, strcmp(table, "extra") == 0 ? MDB_CREATE : 0, &dbi), 0);
    if (hidden) {
        number_record(txn);
    }
    work(txn, dbi);
    CHECK_EQ_INT(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
    snprintf(witness, sizeof witness, "%s.witness", path);
    unlink(witness);
}

/* A value that is whole, but another than was put: as an old page that came back. */
static void put_other(MDB_txn *txn, MDB_dbi dbi) {
    uint64_t number = 4;
    char raw[3 + CHECKSUM_BYTES] = "old";
    store_u64(raw + 3,
              checksum_of(STORE_LOG, str_make((const char *)&number, 8), str_make(raw, 3)));
    MDB_val key = {8, &number}, value = {sizeof raw, raw};
    CHECK_EQ_INT(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void drop_one(MDB_txn *txn, MDB_dbi dbi) {
    uint64_t number = 4;
    MDB_val key = {8, &number};
    CHECK_EQ_INT(mdb_del(txn, dbi, &key, NULL), 0);
}

static void swap_two(MDB_txn *txn, MDB_dbi dbi) {
    uint64_t numbers[2] = {3, 4};
    char bytes[2][100];
    size_t sizes[2];
    for (int i = 0; i < 2; i++) {
        MDB_val key = {8, &numbers[i]}, value;
        CHECK_EQ_INT(mdb_get(txn, dbi, &key, &value), 0);
        sizes[i] = value.mv_size;
        memcpy(bytes[i], value.mv_data, value.mv_size);
    }
    for (int i = 0; i < 2; i++) {
        MDB_val key = {8, &numbers[i]}, value = {sizes[1 - i], bytes[1 - i]};
        CHECK_EQ_INT(mdb_put(txn, dbi, &key, &value, 0), 0);
    }
}

static void spoil_record(MDB_txn *txn, MDB_dbi dbi) {
    MDB_val key = {6, "tables"}, value;
    char bytes[8 + STORE_TABLES * 16 + CHECKSUM_BYTES];
    CHECK_EQ_INT(mdb_get(txn, dbi, &key, &value), 0);
    memcpy(bytes, value.mv_data, sizeof bytes);
    bytes[20] ^= 1;
    value = (MDB_val){sizeof bytes, bytes};
    CHECK_EQ_INT(mdb_put(txn, dbi, &key, &value, 0), 0);
}

static void nothing(MDB_txn *txn, MDB_dbi dbi) {
    (void)txn, (void)dbi;
}

static const char *fresh(void) {
    const char *path = aid_path("verify.db");
    store_txn *txn;
    aid_remove(path);
    aid_create(path);
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint64_t i = 0; i < 10; i++) {
        CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64(i), STR("new"), true, NULL), ANP_OK);
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    store_close(s);
    CHECK_EQ_INT(verify(path, true), 0);
    CHECK_EQ_STR(lines, "");
    return path;
}

static void expect(const char *path, bool quick, bool full, const char *words) {
    CHECK_EQ_INT(verify(path, false) > 0, quick);
    CHECK_EQ_INT(verify(path, true) > 0, full);
    if (!CHECK(strstr(lines, words) != NULL)) {
        test_note("expected '%s' in: %s", words, lines);
    }
}

void test_store_verify(void) {
    CASE("another whole value");
    const char *path = fresh();
    change(path, "log", true, put_other);
    expect(path, false, true, "set-hash");
    CASE("an entry less");
    path = fresh();
    change(path, "log", true, drop_one);
    expect(path, true, true, "table log has 9 entries, the record of tables says 10");
    CASE("values that changed places");
    path = fresh();
    change(path, "log", true, swap_two);
    expect(path, false, true, "table log, key 3: checksum");
    CASE("a table more");
    path = fresh();
    change(path, "extra", true, nothing);
    expect(path, false, true, "table 'extra'");
    CASE("the record of tables");
    path = fresh();
    change(path, "meta", true, spoil_record);
    expect(path, true, true, "key 'tables'");
    anp_error err = ANP_ERROR_INIT;
    store_txn *txn;
    store *s = aid_open(path, true);
    CHECK_EQ_INT(store_begin_write(s, &txn, &err), ANP_CORRUPT); /* counts could not go on */
    store_close(s);
    CASE("another program's commit");
    path = fresh();
    change(path, "log", false, put_other);
    CHECK_EQ_INT(store_open(path, false, &s, &err), ANP_CORRUPT);
    CHECK(strstr(err.message, "its tables are of") != NULL);
    CASE("a missing witness is a note");
    path = fresh();
    char witness[450];
    snprintf(witness, sizeof witness, "%s.witness", path);
    unlink(witness);
    CHECK_EQ_INT(verify(path, true), 0);
    CHECK(strncmp(lines, "note: there is no witness", 25) == 0);
}
