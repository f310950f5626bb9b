/*
 * Walking a table: over the transaction's view by tree.h, or over what the transaction has written
 * by LMDB's cursor. Which of the two is settled when the cursor is opened, so the table must not be
 * written meanwhile.
 */
#include "base/error.h"
#include "store/guard.h"

struct store_cursor {
    store_txn *txn;
    store_table table;
    MDB_cursor *mdb; /* NULL: the view is read */
    bool placed;
    tree_cursor tree;
};

static anp_status begin(store_cursor *cursor, store_txn *txn, store_table table, anp_error *err) {
    cursor->txn = txn;
    cursor->table = table;
    cursor->mdb = NULL;
    cursor->placed = false;
    if (txn->written[table]) {
        int code = mdb_cursor_open(txn->mdb, txn->store->dbis[table], &cursor->mdb);
        return code ? store_fail(txn->store, code, "open a cursor", err) : ANP_OK;
    }
    const page_tree *tree;
    TRY(table_tree(txn, table, &tree, err));
    tree_cursor_begin(&cursor->tree, &txn->view, tree,
                      store_table_infos[table].key_kind == STORE_KEY_U64);
    return ANP_OK;
}

anp_status store_cursor_open(store_txn *txn, store_table table, store_cursor **out,
                             anp_error *err) {
    *out = NULL;
    store_cursor *cursor = malloc(sizeof *cursor);
    if (!cursor) {
        return error_nomem(err, "a cursor");
    }
    anp_status status = begin(cursor, txn, table, err);
    if (status != ANP_OK) {
        free(cursor);
        return status;
    }
    *out = cursor;
    return ANP_OK;
}

void store_cursor_close(store_cursor *cursor) {
    if (cursor && cursor->mdb) {
        mdb_cursor_close(cursor->mdb);
    }
    free(cursor);
}

/* Checks the entry that was reached and gives it out. */
static anp_status give(store_cursor *c, str key, str raw, store_key *key_out, str *value,
                       anp_error *err) {
    bool numbers = store_table_infos[c->table].key_kind == STORE_KEY_U64;
    if (numbers && key.len != sizeof(uint64_t)) {
        return error_corrupt(
            err, "%s is damaged: a number key of %zu bytes, table %s; verify it, restore a backup",
            c->txn->store->path, key.len, store_table_infos[c->table].name);
    }
    TRY(table_check_value(c->txn, c->table, key, raw, !c->mdb, value, err));
    *key_out = numbers ? store_key_u64(load_u64(key.data)) : store_key_bytes(key);
    c->placed = true;
    return ANP_OK;
}

static anp_status give_viewed(store_cursor *c, anp_status reached, store_key *key, str *value,
                              anp_error *err) {
    tree_node node;
    if (reached != ANP_OK) {
        return reached;
    }
    if (!tree_entry(&c->tree, &node)) {
        return store_fault(c->txn->store, store_table_infos[c->table].name, &c->tree.fault, err);
    }
    return give(c, node.key, node.value, key, value, err);
}

static anp_status walk_to(store_cursor *c, guard_move *move, anp_error *err) {
    return guard_walk(c->txn, c->table, &c->tree, move, err);
}

/* Whether the entry that a tree's cursor reached is the key itself or has the mark. */
static bool covers(tree_cursor *tree, uint64_t key, uint64_t mark) {
    tree_node node;
    if (!tree_entry(tree, &node) || node.key.len != sizeof key) {
        return true; /* damaged: give_viewed says so */
    }
    uint64_t found = load_u64(node.key.data);
    return found == key || (found & mark);
}

static anp_status give_written(store_cursor *c, MDB_cursor_op op, str at, store_key *key,
                               str *value, anp_error *err) {
    MDB_val k = {at.len, (void *)(uintptr_t)at.data}, v;
    int code = mdb_cursor_get(c->mdb, &k, &v, op);
    if (code == MDB_NOTFOUND) {
        return ANP_NOT_FOUND;
    }
    if (code || !table_value_fits(c->txn, &v)) {
        return store_fail(c->txn->store, code ? code : MDB_CORRUPTED, "read a table", err);
    }
    return give(c, str_make(k.mv_data, k.mv_size), str_make(v.mv_data, v.mv_size), key, value, err);
}

anp_status store_seek(store_cursor *cursor, store_key at_least, store_key *key, str *value,
                      anp_error *err) {
    str at = table_key_bytes(cursor->table, &at_least);
    cursor->placed = false;
    if (at.len > PAGE_KEY_BYTES_MAX) {
        return error_set(err, ANP_LIMIT, "cannot seek in table %s: a key has up to %d bytes",
                         store_table_infos[cursor->table].name, PAGE_KEY_BYTES_MAX);
    }
    if (!cursor->mdb) {
        anp_status reached = at.len ? guard_seek(cursor->txn, cursor->table, &cursor->tree, at, err)
                                    : walk_to(cursor, tree_first, err);
        return give_viewed(cursor, reached, key, value, err);
    }
    return give_written(cursor, at.len ? MDB_SET_RANGE : MDB_FIRST, at, key, value, err);
}

anp_status store_next(store_cursor *cursor, store_key *key, str *value, anp_error *err) {
    if (!cursor->placed) {
        return error_set(err, ANP_INVALID, "cannot go on in table %s: seek first",
                         store_table_infos[cursor->table].name);
    }
    cursor->placed = false;
    if (!cursor->mdb) {
        return give_viewed(cursor, walk_to(cursor, tree_next, err), key, value, err);
    }
    return give_written(cursor, MDB_NEXT, (str){0}, key, value, err);
}

anp_status store_last(store_cursor *cursor, store_key *key, str *value, anp_error *err) {
    cursor->placed = false;
    if (!cursor->mdb) {
        return give_viewed(cursor, walk_to(cursor, tree_last, err), key, value, err);
    }
    return give_written(cursor, MDB_LAST, (str){0}, key, value, err);
}

static anp_status get_cover(store_txn *txn, store_table table, uint64_t key, uint64_t mark,
                            bool guarded, uint64_t *found, str *value, anp_error *err) {
    store_cursor c;
    store_key at = store_key_u64(key), reached = at;
    *value = (str){0};
    TRY(begin(&c, txn, table, err));
    if (!c.mdb) {
        anp_status status = (guarded ? guard_seek : guard_peek)(txn, table, &c.tree,
                                                                table_key_bytes(table, &at), err);
        if (status == ANP_OK && !covers(&c.tree, key, mark)) {
            return ANP_NOT_FOUND;
        }
        TRY(give_viewed(&c, status, &reached, value, err));
    } else {
        anp_status status = store_seek(&c, at, &reached, value, err);
        mdb_cursor_close(c.mdb);
        TRY(status);
    }
    *found = reached.number;
    if (*found != key && !(*found & mark)) {
        *value = (str){0};
        return ANP_NOT_FOUND;
    }
    return ANP_OK;
}

anp_status store_get_cover(store_txn *txn, store_table table, uint64_t key, uint64_t mark,
                           uint64_t *found, str *value, anp_error *err) {
    return get_cover(txn, table, key, mark, true, found, value, err);
}

anp_status store_peek_cover(store_txn *txn, store_table table, uint64_t key, uint64_t mark,
                            uint64_t *found, str *value, anp_error *err) {
    return get_cover(txn, table, key, mark, false, found, value, err);
}
