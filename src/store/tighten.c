/*
 * Small values of neighbouring keys into as few pages as they take: in LMDB a page from which some
 * went stays as it is until it is three quarters empty.
 *
 * All are taken out and put again in order. For that to fill pages two things must be seen to:
 *
 *     - Keys that are put before others of the same page split it in the middle, again and again.
 *       So all of the last page are taken too: what follows has a page of its own. And none of the
 *       first page below a branch, which, emptied, would be given values of the page behind it.
 *     - A page that is full is split before its last value, not behind it. So that the page is
 *       filled again, its last value (a) is put after the next two (b, c), of which c made it
 *       split: [.. z b] + c gives [.. z] [b c], and a has its place behind z.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/vec.h"
#include "store/environment.h"

#include <errno.h>

enum { VALUES_A_PAGE_MIN = 6 }; /* fewer, and what a page wastes is less sure to be won */

typedef struct value_copy {
    uint64_t key;
    size_t at, len; /* with its checksum */
} value_copy;

typedef struct tightening {
    store_txn *txn;
    store_table table;
    VEC(value_copy) all;
    buffer bytes;
    size_t page;   /* bytes of a page for nodes and their offsets */
    bool known;    /* `room` is */
    size_t room;   /* of it left in the page that is being filled */
    size_t leaves; /* pages of the table */
} tightening;

/* What it takes of a page. */
static size_t node_bytes(size_t len) {
    return ((PAGE_NODE_BYTES + sizeof(uint64_t) + len + 1) & ~(size_t)1) + sizeof(uint16_t);
}

static size_t bytes_at(const tightening *t, size_t i) {
    return node_bytes(t->all.items[i].len);
}

static int take_out(tightening *t, uint64_t from, uint64_t end, bool *small) {
    MDB_cursor *cursor;
    MDB_val k = {sizeof from, &from}, v;
    MDB_dbi dbi = t->txn->store->dbis[t->table];
    int code = mdb_cursor_open(t->txn->mdb, dbi, &cursor);
    if (code) {
        return code;
    }
    code = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    *small = true;
    while (code == 0 && *small && load_u64(k.mv_data) < end) {
        value_copy copy = {load_u64(k.mv_data), t->bytes.len, v.mv_size};
        *small = node_bytes(v.mv_size) <= t->page / VALUES_A_PAGE_MIN;
        if (*small) {
            buffer_put(&t->bytes, v.mv_data, v.mv_size);
            code = vec_push(&t->all, copy) && !t->bytes.failed ? 0 : ENOMEM;
        }
        code = code ? code : mdb_cursor_get(cursor, &k, &v, MDB_NEXT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

static int delete_all(tightening *t) {
    int code = 0;
    for (size_t i = t->all.count; i-- > 0 && code == 0;) {
        MDB_val k = {sizeof t->all.items[i].key, &t->all.items[i].key};
        code = mdb_del(t->txn->mdb, t->txn->store->dbis[t->table], &k, NULL);
    }
    return code;
}

/* *split: the page was full. */
static int put_one(tightening *t, size_t i, bool *split) {
    MDB_stat now;
    value_copy *copy = &t->all.items[i];
    MDB_val k = {sizeof copy->key, &copy->key}, v = {copy->len, t->bytes.data + copy->at};
    MDB_dbi dbi = t->txn->store->dbis[t->table];
    int code = mdb_put(t->txn->mdb, dbi, &k, &v, 0);
    code = code ? code : mdb_stat(t->txn->mdb, dbi, &now);
    *split = code == 0 && now.ms_leaf_pages > t->leaves;
    t->leaves = code == 0 ? now.ms_leaf_pages : t->leaves;
    return code;
}

/* i fits as the last one, and could be put after the next two, which then begin a page. */
static bool may_wait(const tightening *t, size_t i) {
    if (!t->known || i + 2 >= t->all.count) {
        return false;
    }
    size_t a = bytes_at(t, i), b = bytes_at(t, i + 1), c = bytes_at(t, i + 2);
    return a <= t->room && a + b > t->room && b <= t->room && b + c > t->room;
}

static int put_all(tightening *t) {
    MDB_stat now;
    int code = mdb_stat(t->txn->mdb, t->txn->store->dbis[t->table], &now);
    t->leaves = now.ms_leaf_pages;
    for (size_t i = 0, more; i < t->all.count && code == 0; i += more) {
        bool split = false, early = false, late = false;
        more = may_wait(t, i) ? 3 : 1;
        if (more == 1) {
            code = put_one(t, i, &split);
            t->known = split ? i > 0 : t->known;
            t->room = split ? t->page - (i ? bytes_at(t, i - 1) : 0) : t->room;
            t->room -= bytes_at(t, i);
            continue;
        }
        code = put_one(t, i + 1, &early);
        code = code ? code : put_one(t, i + 2, &split);
        code = code ? code : put_one(t, i, &late);
        t->known = split && !early && !late;
        t->room = t->page - bytes_at(t, i + 1) - bytes_at(t, i + 2);
    }
    return code;
}

/* The values of [from, end), where these are all of their last page. */
static anp_status tighten(store_txn *txn, store_table table, uint64_t from, uint64_t end,
                          anp_error *err) {
    bool small = false;
    tightening t = {.txn = txn,
                    .table = table,
                    .page = txn->view.page_bytes - PAGE_HEADER_BYTES};
    int code = take_out(&t, from, end, &small);
    if (code == 0 && small && t.all.count) {
        txn->written[table] = txn->dirty = true;
        code = delete_all(&t);
        code = code ? code : put_all(&t);
    }
    free(t.all.items);
    buffer_free(&t.bytes);
    return code ? table_fail_write(txn, code, "tighten a table", err) : ANP_OK;
}

/* The least and the greatest key of a page. */
static bool page_keys(tree_cursor *c, uint64_t *least, uint64_t *greatest) {
    struct tree_level *leaf = &c->levels[c->height - 1];
    tree_node first, last;
    leaf->index = 0;
    bool read = tree_entry(c, &first);
    leaf->index = leaf->page.count - 1;
    read = read && tree_entry(c, &last) && first.key.len == sizeof *least &&
           last.key.len == sizeof *greatest;
    *least = read ? load_u64(first.key.data) : 0;
    *greatest = read ? load_u64(last.key.data) : 0;
    return read;
}

/* Page by page, as of the last commit. */
anp_status store_tighten(store_txn *txn, store_table table, uint64_t from, uint64_t to,
                         anp_error *err) {
    const page_tree *tree;
    tree_cursor c;
    TRY(table_check_write(txn, err));
    TRY(table_tree(txn, table, &tree, err));
    tree_cursor_begin(&c, &txn->view, tree, true);
    uint64_t least, greatest = from, end = from;
    tree_result found = tree_seek(&c, str_make((const char *)&from, sizeof from));
    while (found == TREE_FOUND && page_keys(&c, &least, &greatest) && least < to) {
        if (c.height < 2 || c.levels[c.height - 2].index == 0) {
            TRY(from < end ? tighten(txn, table, from, end, err) : ANP_OK);
            from = greatest + 1;
        }
        end = greatest + 1;
        found = tree_next(&c);
    }
    return from < end ? tighten(txn, table, from, end, err) : ANP_OK;
}
