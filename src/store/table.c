/*
 * Getting, putting and deleting. Every put writes the checksum behind the payload and keeps the
 * table's tally.
 *
 * A put of a new key costs one search: LMDB is asked to reserve the place unless the key is there;
 * only when it is, the old checksum is read for the set-hash and a second search replaces the
 * value.
 */
#include "base/error.h"
#include "store/guard.h"

/* LMDB counts a value's size in 32 bits. */
#define VALUE_BYTES_MAX ((size_t)UINT32_MAX - 64)

/* ---- Reading ------------------------------------------------------------------------------- */

/* "posts 17" or "ids 'x'": the entry as messages name it. */
static anp_status wrong_value(store_txn *txn, store_table table, str key, anp_error *err) {
    const store_table_info *info = &store_table_infos[table];
    if (info->key_kind == STORE_KEY_U64) {
        return error_corrupt(
            err,
            "%s is damaged: checksum of a value, table %s, key %llu; verify it, restore a backup",
            txn->store->path, info->name, (unsigned long long)load_u64(key.data));
    }
    return error_corrupt(
        err,
        "%s is damaged: checksum of a value, table %s, key '%.*s'; verify it, restore a backup",
        txn->store->path, info->name, (int)key.len, key.data);
}

anp_status table_tree(store_txn *txn, store_table table, const page_tree **out, anp_error *err) {
    anp_status status = txn_tree(txn, table, out, err);
    if (status == ANP_NOT_FOUND) {
        return error_corrupt(err, "%s is damaged: table %s is missing; verify it, restore a backup",
                             txn->store->path, store_table_infos[table].name);
    }
    return status;
}

/* Behind a large value's page header (page.h); a small one lies within one page. */
bool table_value_fits(const store_txn *txn, const MDB_val *value) {
    enum { DIRTY = 0x10 }; /* LMDB's mark of a page in memory */
    if (value->mv_size <= txn->view.page_bytes) {
        return true;
    }
    page_header top;
    memcpy(&top, (const uint8_t *)value->mv_data - sizeof top, sizeof top);
    return (top.flags & ~DIRTY) == PAGE_OVERFLOW &&
           (uint64_t)top.pages * txn->view.page_bytes >=
               PAGE_HEADER_BYTES + (uint64_t)value->mv_size;
}

anp_status table_check_value(store_txn *txn, store_table table, str key, str raw, bool viewed,
                             str *payload, anp_error *err) {
    uint64_t place = viewed ? (uint64_t)((const uint8_t *)raw.data - txn->view.map) : 0;
    if (!checksum_holds(viewed ? txn->store->seen : NULL, table, key, raw, place)) {
        return wrong_value(txn, table, key, err);
    }
    *payload = str_make(raw.data, raw.len - CHECKSUM_BYTES);
    return ANP_OK;
}

/* From the view: in place, never outside of the file. */
static anp_status get_viewed(store_txn *txn, store_table table, str key, str *raw, anp_error *err) {
    const page_tree *tree;
    tree_cursor cursor;
    tree_node node;
    TRY(table_tree(txn, table, &tree, err));
    tree_cursor_begin(&cursor, &txn->view, tree,
                      store_table_infos[table].key_kind == STORE_KEY_U64);
    anp_status status = guard_find(txn, table, &cursor, key, err);
    if (status != ANP_OK) {
        return status;
    }
    if (!tree_entry(&cursor, &node)) {
        return store_fault(txn->store, store_table_infos[table].name, &cursor.fault, err);
    }
    *raw = node.value;
    return ANP_OK;
}

/* From LMDB: what this transaction has written. */
static anp_status get_written(store_txn *txn, store_table table, str key, str *raw,
                              anp_error *err) {
    MDB_val k = {key.len, (void *)(uintptr_t)key.data}, v;
    int code = mdb_get(txn->mdb, txn->store->dbis[table], &k, &v);
    if (code == MDB_NOTFOUND) {
        return ANP_NOT_FOUND;
    }
    if (code || !table_value_fits(txn, &v)) {
        return store_fail(txn->store, code ? code : MDB_CORRUPTED, "read a value", err);
    }
    *raw = str_make(v.mv_data, v.mv_size);
    return ANP_OK;
}

static anp_status get_key(store_txn *txn, store_table table, str key, str *out, anp_error *err) {
    str raw = {0};
    *out = raw;
    if (key.len == 0 || key.len > PAGE_KEY_BYTES_MAX) {
        return ANP_NOT_FOUND; /* such keys cannot be put */
    }
    bool viewed = !txn->written[table];
    anp_status status =
        viewed ? get_viewed(txn, table, key, &raw, err) : get_written(txn, table, key, &raw, err);
    if (status != ANP_OK) {
        return status;
    }
    return table_check_value(txn, table, key, raw, viewed, out, err);
}

anp_status store_get(store_txn *txn, store_table table, store_key key, str *out, anp_error *err) {
    return get_key(txn, table, table_key_bytes(table, &key), out, err);
}

/* The first entry at or behind `at`; found_key as it stands in its page. */
static anp_status seek_viewed(store_txn *txn, store_table table, str at, bool guarded,
                              str *found_key, str *raw, anp_error *err) {
    const page_tree *tree;
    tree_cursor cursor;
    tree_node node;
    TRY(table_tree(txn, table, &tree, err));
    tree_cursor_begin(&cursor, &txn->view, tree,
                      store_table_infos[table].key_kind == STORE_KEY_U64);
    anp_status status = (guarded ? guard_seek : guard_peek)(txn, table, &cursor, at, err);
    if (status != ANP_OK) {
        return status;
    }
    if (!tree_entry(&cursor, &node)) {
        return store_fault(txn->store, store_table_infos[table].name, &cursor.fault, err);
    }
    *found_key = node.key;
    *raw = node.value;
    return ANP_OK;
}

static anp_status seek_written(store_txn *txn, store_table table, str at, str *found_key, str *raw,
                               anp_error *err) {
    MDB_cursor *cursor;
    MDB_val k = {at.len, (void *)(uintptr_t)at.data}, v;
    int code = mdb_cursor_open(txn->mdb, txn->store->dbis[table], &cursor);
    if (code) {
        return store_fail(txn->store, code, "open a cursor", err);
    }
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND) {
        return ANP_NOT_FOUND;
    }
    if (code || !table_value_fits(txn, &v)) {
        return store_fail(txn->store, code ? code : MDB_CORRUPTED, "read a value", err);
    }
    *found_key = str_make(k.mv_data, k.mv_size);
    *raw = str_make(v.mv_data, v.mv_size);
    return ANP_OK;
}

static anp_status get_at_least(store_txn *txn, store_table table, store_key key, bool guarded,
                               store_key *found, str *out, anp_error *err) {
    str at = table_key_bytes(table, &key), found_key = {0}, raw = {0};
    *out = raw;
    if (at.len == 0 || at.len > PAGE_KEY_BYTES_MAX) {
        return error_set(err, ANP_LIMIT, "cannot seek in table %s: a key has 1 to %d bytes",
                         store_table_infos[table].name, PAGE_KEY_BYTES_MAX);
    }
    bool viewed = !txn->written[table];
    anp_status status = viewed ? seek_viewed(txn, table, at, guarded, &found_key, &raw, err)
                               : seek_written(txn, table, at, &found_key, &raw, err);
    if (status != ANP_OK) {
        return status;
    }
    bool numbers = store_table_infos[table].key_kind == STORE_KEY_U64;
    if (numbers && found_key.len != sizeof(uint64_t)) {
        return error_corrupt(
            err, "%s is damaged: a number key of %zu bytes, table %s; verify it, restore a backup",
            txn->store->path, found_key.len, store_table_infos[table].name);
    }
    TRY(table_check_value(txn, table, found_key, raw, viewed, out, err));
    *found = numbers ? store_key_u64(load_u64(found_key.data)) : store_key_bytes(found_key);
    return ANP_OK;
}

anp_status store_get_at_least(store_txn *txn, store_table table, store_key key, store_key *found,
                              str *out, anp_error *err) {
    return get_at_least(txn, table, key, true, found, out, err);
}

anp_status store_peek_at_least(store_txn *txn, store_table table, store_key key, store_key *found,
                               str *out, anp_error *err) {
    return get_at_least(txn, table, key, false, found, out, err);
}

void table_write_tallies(uint64_t commit, const store_tally tallies[STORE_TABLES],
                         uint8_t out[TALLY_RECORD_BYTES]) {
    store_u64(out, commit);
    for (int i = 0; i < STORE_TABLES; i++) {
        store_u64(out + 8 + 16 * i, tallies[i].entries);
        store_u64(out + 8 + 16 * i + 8, tallies[i].set_hash);
    }
}

anp_status table_read_tallies(store_txn *txn, store_tally out[STORE_TABLES], bool *torn,
                              anp_error *err) {
    str record;
    anp_status status = get_key(txn, STORE_META, STR(STORE_TALLY_KEY), &record, err);
    if (status == ANP_NOT_FOUND || (status == ANP_OK && record.len != TALLY_RECORD_BYTES)) {
        return error_corrupt(
            err, "%s is damaged: the record of its tables is missing; verify it, restore a backup",
            txn->store->path);
    }
    TRY(status);
    /* A rewritten file tells its one commit under two numbers, the record's and the one before. */
    uint64_t commit = load_u64(record.data);
    if (commit != txn->meta.txn && commit != txn->meta.txn + 1) {
        if (torn) {
            *torn = true;
        }
        return error_corrupt(
            err,
            "%s is damaged: its header names commit %llu, its tables are of %llu; restore a backup",
            txn->store->path, (unsigned long long)txn->meta.txn,
            (unsigned long long)commit);
    }
    for (int i = 0; i < STORE_TABLES; i++) {
        out[i].entries = load_u64(record.data + 8 + 16 * i);
        out[i].set_hash = load_u64(record.data + 8 + 16 * i + 8);
    }
    return ANP_OK;
}

/* ---- Writing ------------------------------------------------------------------------------- */

anp_status table_fail_write(store_txn *txn, int code, const char *what, anp_error *err) {
    txn->failed = true;
    if (code == MDB_MAP_FULL) {
        mdb_reader_check(txn->store->env, NULL); /* the next transaction may find more free pages */
    }
    return store_fail(txn->store, code, what, err);
}

anp_status table_check_write(const store_txn *txn, anp_error *err) {
    if (!txn->write) {
        return error_set(err, ANP_INVALID, "cannot write to %s: the transaction is for reading",
                         txn->store->path);
    }
    if (txn->failed) {
        return store_fail(txn->store, MDB_BAD_TXN, "write", err);
    }
    return ANP_OK;
}

/*
 * The stored checksum of a value that is about to go; of a damaged one, whatever: verify will see
 * it.
 */
static uint64_t old_checksum(const store_txn *txn, const MDB_val *value) {
    if (value->mv_size < CHECKSUM_BYTES || !table_value_fits(txn, value)) {
        return 0;
    }
    return checksum_stored(str_make(value->mv_data, value->mv_size));
}

/* Puts payload and checksum; tells the checksum of what it replaced, if it did. */
static anp_status put_raw(store_txn *txn, store_table table, str key, str payload, bool append,
                          uint64_t *checksum, bool *replaced, uint64_t *old, anp_error *err) {
    MDB_dbi dbi = txn->store->dbis[table];
    MDB_val k = {key.len, (void *)(uintptr_t)key.data};
    MDB_val v = {payload.len + CHECKSUM_BYTES, NULL};
    int code =
        mdb_put(txn->mdb, dbi, &k, &v, MDB_RESERVE | (append ? MDB_APPEND : MDB_NOOVERWRITE));
    *replaced = code == MDB_KEYEXIST;
    if (*replaced && append) {
        return error_set(err, ANP_INVALID,
                         "cannot append to table %s of %s: the key is not above all others",
                         store_table_infos[table].name, txn->store->path);
    }
    if (*replaced) {
        *old = old_checksum(txn, &v);
        v = (MDB_val){payload.len + CHECKSUM_BYTES, NULL};
        code = mdb_put(txn->mdb, dbi, &k, &v, MDB_RESERVE);
    }
    txn->written[table] = true;
    txn->dirty = true;
    if (code) {
        return table_fail_write(txn, code, "write a value", err);
    }
    *checksum = checksum_of(table, key, payload);
    if (payload.len) {
        memcpy(v.mv_data, payload.data, payload.len);
    }
    store_u64((uint8_t *)v.mv_data + payload.len, *checksum);
    return ANP_OK;
}

static anp_status put_counted(store_txn *txn, store_table table, str key, str payload, bool append,
                              anp_error *err) {
    uint64_t checksum = 0, old = 0;
    bool replaced = false;
    TRY(put_raw(txn, table, key, payload, append, &checksum, &replaced, &old, err));
    txn->tallies[table].set_hash += checksum - old;
    txn->tallies[table].entries += !replaced;
    return ANP_OK;
}

anp_status table_put_own(store_txn *txn, str key, str payload, anp_error *err) {
    if (!str_equal(key, STR(STORE_TALLY_KEY))) {
        return put_counted(txn, STORE_META, key, payload, false, err);
    }
    uint64_t checksum, old;
    bool replaced;
    return put_raw(txn, STORE_META, key, payload, false, &checksum, &replaced, &old, err);
}

static bool is_own(store_table table, str key) {
    return table == STORE_META &&
           (str_equal(key, STR(STORE_TALLY_KEY)) || str_equal(key, STR(STORE_FORMAT_KEY)));
}

anp_status store_put(store_txn *txn, store_table table, store_key key, str value, bool append,
                     anp_error *err) {
    str bytes = table_key_bytes(table, &key);
    TRY(table_check_write(txn, err));
    if (bytes.len == 0 || bytes.len > PAGE_KEY_BYTES_MAX) {
        return error_set(err, ANP_LIMIT,
                         "cannot put into table %s: a key has 1 to %d bytes, this one %zu",
                         store_table_infos[table].name, PAGE_KEY_BYTES_MAX, bytes.len);
    }
    if (value.len > VALUE_BYTES_MAX) {
        return error_set(err, ANP_LIMIT,
                         "cannot put into table %s: a value has up to %zu bytes, this one %zu",
                         store_table_infos[table].name, VALUE_BYTES_MAX, value.len);
    }
    if (is_own(table, bytes)) {
        return error_set(err, ANP_INVALID,
                         "cannot put '%.*s' into table meta: the store keeps it itself",
                         (int)bytes.len, bytes.data);
    }
    return put_counted(txn, table, bytes, value, append, err);
}

/* Deletes the entry that the cursor stands on. */
static anp_status delete_at(store_txn *txn, store_table table, MDB_cursor *cursor,
                            const MDB_val *value, anp_error *err) {
    uint64_t old = old_checksum(txn, value);
    int code = mdb_cursor_del(cursor, 0);
    txn->written[table] = true;
    txn->dirty = true;
    if (code) {
        return table_fail_write(txn, code, "delete a value", err);
    }
    txn->tallies[table].entries--;
    txn->tallies[table].set_hash -= old;
    return ANP_OK;
}

anp_status store_delete(store_txn *txn, store_table table, store_key key, anp_error *err) {
    str bytes = table_key_bytes(table, &key);
    MDB_cursor *cursor;
    TRY(table_check_write(txn, err));
    if (bytes.len == 0 || bytes.len > PAGE_KEY_BYTES_MAX) {
        return ANP_NOT_FOUND;
    }
    if (is_own(table, bytes)) {
        return error_set(err, ANP_INVALID,
                         "cannot delete '%.*s' from table meta: the store keeps it itself",
                         (int)bytes.len, bytes.data);
    }
    int code = mdb_cursor_open(txn->mdb, txn->store->dbis[table], &cursor);
    if (code) {
        return table_fail_write(txn, code, "delete a value", err);
    }
    MDB_val k = {bytes.len, (void *)(uintptr_t)bytes.data}, v;
    anp_status status;
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    if (code == MDB_NOTFOUND) {
        status = ANP_NOT_FOUND;
    } else if (code) {
        status = table_fail_write(txn, code, "delete a value", err);
    } else {
        status = delete_at(txn, table, cursor, &v, err);
    }
    mdb_cursor_close(cursor);
    return status;
}

anp_status store_delete_range(store_txn *txn, store_table table, uint64_t from, uint64_t to,
                              anp_error *err) {
    MDB_cursor *cursor;
    TRY(table_check_write(txn, err));
    if (store_table_infos[table].key_kind != STORE_KEY_U64) {
        return error_set(err, ANP_INVALID,
                         "cannot delete a range of table %s: its keys are not numbers",
                         store_table_infos[table].name);
    }
    int code = mdb_cursor_open(txn->mdb, txn->store->dbis[table], &cursor);
    if (code) {
        return table_fail_write(txn, code, "delete a range", err);
    }
    anp_status status = ANP_OK;
    MDB_val k = {sizeof from, &from}, v;
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    while (code == 0 && status == ANP_OK && load_u64(k.mv_data) < to) {
        status = delete_at(txn, table, cursor, &v, err);
        store_read_on(txn);
        if (status == ANP_OK) {
            code = mdb_cursor_get(cursor, &k, &v,
                                  MDB_NEXT); /* after a delete: the one that moved up */
        }
    }
    if (status == ANP_OK && code && code != MDB_NOTFOUND) {
        status = table_fail_write(txn, code, "delete a range", err);
    }
    mdb_cursor_close(cursor);
    return status;
}

anp_status store_table_measure(store_txn *txn, store_table table, store_table_size *out,
                               anp_error *err) {
    *out = (store_table_size){0};
    if (!txn->written[table]) {
        const page_tree *tree;
        TRY(table_tree(txn, table, &tree, err));
        out->entries = tree->entries;
        out->bytes =
            (tree->branch_pages + tree->leaf_pages + tree->overflow_pages) * txn->view.page_bytes;
        return ANP_OK;
    }
    MDB_stat stat;
    int code = mdb_stat(txn->mdb, txn->store->dbis[table], &stat);
    if (code) {
        return store_fail(txn->store, code, "measure a table", err);
    }
    out->entries = stat.ms_entries;
    out->bytes =
        (stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages) * txn->view.page_bytes;
    return ANP_OK;
}
