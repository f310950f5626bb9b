/*
 * Transactions: beginning, committing, and the view of the commit that each began with.
 *
 * A read transaction holds a slot of LMDB's reader table, which keeps the pages of its commit from
 * being reused, and reads them through tree.h. A write transaction reads through tree.h what it has
 * not written, else through LMDB. Invariants: `active` counts every transaction and every call that
 * is beginning one; a write transaction ends in the thread that began it (LMDB's lock is a robust
 * mutex, which only its owner can unlock).
 */
#include "base/error.h"
#include "store/environment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Beginning is tried again when a commit, or a map that grew, came between; each takes far longer
 * than a try.
 */
enum { BEGIN_TRIES = 100 };

/* ---- Counting in and out ------------------------------------------------------------------- */

/* Locks the mutex, when nobody but this thread is moving the map. */
static void lock_unmoved(store *s) {
    pthread_mutex_lock(&s->mutex);
    while (s->moving && !(s->following && pthread_equal(s->follower, pthread_self()))) {
        pthread_cond_wait(&s->changed, &s->mutex);
    }
}

static anp_status enter(store *s, bool write, anp_error *err) {
    TRY(environment_check_pid(s, err));
    anp_status status = ANP_OK;
    lock_unmoved(s);
    if (s->lost) { /* opening it again has failed; now it may go */
        pthread_mutex_unlock(&s->mutex);
        TRY(environment_renew(s, err));
        lock_unmoved(s);
    }
    if (s->lost) {
        status = error_set(err, ANP_NOMEM,
                           "cannot use %s: its map is lost; close and open it again", s->path);
    } else if (write && s->writing && pthread_equal(s->writer, pthread_self())) {
        status = error_set(
            err, ANP_BUSY,
            "cannot write to %s: this thread has a write transaction open; end it first", s->path);
    } else {
        s->active++;
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static void leave(store *s, bool wrote) {
    pthread_mutex_lock(&s->mutex);
    s->active--;
    if (wrote) {
        s->writing = false;
    }
    if (s->active == 0) {
        pthread_cond_broadcast(&s->changed);
    }
    pthread_mutex_unlock(&s->mutex);
}

/* ---- The view ------------------------------------------------------------------------------ */

static const uint8_t *meta_at(const store *s, uint64_t number) {
    return s->map + (number & 1) * s->page_bytes + PAGE_HEADER_BYTES;
}

/* May be torn if commit number + 2 is just being written: the caller must rule that out. */
static bool copy_meta(const store *s, uint64_t number, page_meta *out) {
    memcpy(out, meta_at(s, number), sizeof *out);
    atomic_thread_fence(memory_order_acquire);
    return out->magic == PAGE_MAGIC && out->txn == number;
}

/* Commit n + 2 begins to overwrite the page of commit n only when n + 1 is in the other page. */
bool txn_meta(const store *s, uint64_t number, page_meta *out) {
    const uint8_t *other = meta_at(s, number + 1) + offsetof(page_meta, txn);
    return copy_meta(s, number, out) && *(const volatile uint64_t *)(const void *)other <= number;
}

static anp_status set_view(store_txn *txn, const page_meta *meta, anp_error *err) {
    store *s = txn->store;
    uint64_t pages = meta->last_page + 1;
    uint64_t file_pages = atomic_load_explicit(&s->file_pages, memory_order_relaxed);
    if (pages > file_pages) {
        struct stat info;
        if (fstat(s->fd, &info) != 0) {
            return error_os(err, ANP_IO, errno, "cannot ask the size of %s", s->path);
        }
        file_pages = (uint64_t)info.st_size / s->page_bytes;
        atomic_store_explicit(&s->file_pages, file_pages, memory_order_relaxed);
    }
    pages =
        pages < file_pages ? pages : file_pages; /* the last ones may be free and never written */
    uint64_t mapped = s->map_bytes / s->page_bytes;
    txn->view = (tree_view){s->map, s->page_bytes, pages < mapped ? pages : mapped};
    txn->meta = *meta;
    return ANP_OK;
}

anp_status txn_tree(store_txn *txn, store_table table, const page_tree **out, anp_error *err) {
    const store_table_info *info = &store_table_infos[table];
    page_tree *tree = &txn->trees[table];
    *out = tree;
    if (txn->tree_known[table]) {
        return ANP_OK;
    }
    tree_cursor cursor;
    tree_node node;
    tree_cursor_begin(&cursor, &txn->view, &txn->meta.main, false);
    tree_result result = tree_find(&cursor, str_from(info->name));
    if (result == TREE_NONE) {
        return ANP_NOT_FOUND;
    }
    if (result == TREE_DAMAGED || !tree_entry(&cursor, &node)) {
        return store_fault(txn->store, info->name, &cursor.fault, err);
    }
    tree_fault fault = {"a table of wrong form", cursor.levels[cursor.height - 1].page.number};
    if (node.flags != NODE_TREE || node.value.len != sizeof *tree) {
        return store_fault(txn->store, info->name, &fault, err);
    }
    memcpy(tree, node.value.data, sizeof *tree);
    unsigned flags = info->key_kind == STORE_KEY_U64 ? PAGE_TREE_INTEGER_KEYS : 0;
    bool empty = tree->root == PAGE_NONE;
    if (tree->flags != flags || tree->depth > PAGE_DEPTH_MAX || empty != (tree->depth == 0) ||
        empty != (tree->entries == 0)) {
        return store_fault(txn->store, info->name, &fault, err);
    }
    txn->tree_known[table] = true;
    return ANP_OK;
}

/* Pages in use, but for the free list's own; UINT64_MAX when a table is damaged: whoever reads it
   says so. */
static uint64_t used_pages(store_txn *txn) {
    const page_tree *tree = &txn->meta.main;
    uint64_t pages = PAGE_META_COUNT + tree->branch_pages + tree->leaf_pages;
    for (int i = 0; i < STORE_TABLES; i++) {
        if (txn_tree(txn, (store_table)i, &tree, NULL) != ANP_OK) {
            return UINT64_MAX;
        }
        pages += tree->branch_pages + tree->leaf_pages + tree->overflow_pages;
    }
    return pages;
}

/* Whether every page of the file is in use, as rewrite.c leaves it: then none need be noted as
   free. */
static bool is_rewritten(store_txn *txn) {
    uint64_t pages = used_pages(txn);
    return pages == txn->meta.last_page + 1 || pages == UINT64_MAX;
}

/*
 * Every commit but that of a new or rewritten file gives back pages, for it writes its roots anew,
 * and notes them in the free list under its own number.
 */
static anp_status check_free_list(store_txn *txn, anp_error *err) {
    tree_cursor cursor;
    tree_node node;
    tree_cursor_begin(&cursor, &txn->view, &txn->meta.free, true);
    tree_result result = tree_last(&cursor);
    if (result == TREE_DAMAGED || (result == TREE_FOUND && !tree_entry(&cursor, &node))) {
        return store_fault(txn->store, "of free pages", &cursor.fault, err);
    }
    if (result == TREE_NONE ? is_rewritten(txn)
                            : node.key.len == sizeof(uint64_t) &&
                                  load_u64(node.key.data) == txn->meta.txn) {
        return ANP_OK;
    }
    return error_corrupt(err,
                         "%s is damaged: its header names commit %llu, its free list is of "
                         "another; restore a backup",
                         txn->store->path, (unsigned long long)txn->meta.txn);
}

anp_status txn_check_header(store_txn *txn, anp_error *err) {
    store_tally unused[STORE_TABLES];
    TRY(table_read_tallies(txn, unused, NULL, err));
    return check_free_list(txn, err);
}

/* ---- Reading ------------------------------------------------------------------------------- */

static int begin_lmdb_read(store *s, MDB_txn **mdb) {
    int code = mdb_txn_begin(s->env, NULL, MDB_RDONLY, mdb);
    if (code == MDB_READERS_FULL) {
        int dead = 0;
        mdb_reader_check(s->env, &dead);
        code = dead ? mdb_txn_begin(s->env, NULL, MDB_RDONLY, mdb) : code;
    }
    return code;
}

/*
 * Takes the meta page of the commit that the transaction reads. LMDB tells the number of the last
 * complete commit, n; n + 2 can only be written after n + 1 is complete. So if the last complete
 * one is still n after the copy was made, the copy is whole; else we move on to the newer one.
 */
static int settle(store_txn *txn, page_meta *meta, bool *whole) {
    *whole = false;
    for (int attempt = 0; attempt < BEGIN_TRIES && !*whole; attempt++) {
        txn->number = mdb_txn_id(txn->mdb);
        bool copied = copy_meta(txn->store, txn->number, meta);
        mdb_txn_reset(txn->mdb);
        int code = mdb_txn_renew(txn->mdb);
        if (code) {
            return code;
        }
        *whole = copied && mdb_txn_id(txn->mdb) == txn->number;
    }
    return 0;
}

/* After what LMDB cannot get over by itself. */
static anp_status make_usable(store *s, int code, anp_error *err) {
    return code == MDB_PANIC ? environment_renew(s, err) : map_grow(s, err);
}

/* One try; *again when it should be repeated. */
static anp_status try_read(store *s, store_txn *txn, bool *again, anp_error *err) {
    page_meta meta;
    bool whole = false;
    anp_status status;
    TRY(enter(s, false, err));
    int code = begin_lmdb_read(s, &txn->mdb);
    bool begun = code == 0;
    if (begun) {
        code = settle(txn, &meta, &whole);
    }
    if (whole) {
        status = set_view(txn, &meta, err);
    } else if (code) {
        status = store_fail(s, code, "read the newest commit", err);
    } else {
        status = error_corrupt(
            err,
            "cannot read %s: the header of its last commit is damaged; verify it, restore a "
            "backup",
            s->path);
    }
    if (status != ANP_OK) {
        if (begun) {
            mdb_txn_abort(txn->mdb);
        }
        leave(s, false);
    }
    *again = code == MDB_MAP_RESIZED || code == MDB_PANIC;
    if (*again) {
        return make_usable(s, code, err);
    }
    /* The last commit's number stands in the lock file, and may be one of the file that replaced
       ours. */
    *again = status == ANP_CORRUPT && !code && replace_noticed(s);
    return *again ? environment_follow(s, err) : status;
}

anp_status store_begin_read(store *s, store_txn **out, anp_error *err) {
    *out = NULL;
    store_txn *txn = calloc(1, sizeof *txn);
    if (!txn) {
        return error_nomem(err, "a transaction");
    }
    txn->store = s;
    anp_status status = ANP_OK;
    bool again = true;
    for (int attempt = 0; status == ANP_OK && again && attempt < BEGIN_TRIES; attempt++) {
        again = false;
        status = try_read(s, txn, &again, err);
    }
    if (status == ANP_OK && again) {
        status = store_fail(s, MDB_MAP_RESIZED, "read the newest commit", err);
    }
    if (status != ANP_OK) {
        free(txn);
        return status;
    }
    *out = txn;
    return ANP_OK;
}

/* ---- Writing ------------------------------------------------------------------------------- */

/*
 * The first write after an open brings the witness up to date. We hold the writers' lock, so the
 * last commit is complete; but its writer may have been killed while it waited for the disk: sync,
 * or the witness could be ahead.
 */
static void renew_witness(store *s, const page_meta *base) {
    if (s->witness_fd >= 0) {
        return;
    }
    s->witness_fd = witness_open(s->path);
    if (s->witness_fd >= 0 && fsync(s->fd) == 0) {
        witness_write(s->witness_fd, base);
    }
}

static anp_status begin_lmdb(store *s, MDB_txn **mdb, anp_error *err) {
    for (int attempt = 0;; attempt++) {
        TRY(enter(s, true, err));
        mdb_reader_check(s->env, NULL); /* a killed reader would make the file grow without end */
        int code = mdb_txn_begin(s->env, NULL, 0, mdb);
        if (code == 0) {
            return ANP_OK;
        }
        leave(s, false);
        if ((code != MDB_MAP_RESIZED && code != MDB_PANIC) || attempt == BEGIN_TRIES) {
            return store_fail(s, code, "begin a write", err);
        }
        TRY(make_usable(s, code, err));
    }
}

static void end(store_txn *txn) {
    leave(txn->store, txn->write);
    free(txn);
}

static anp_status begin_writer(store *s, store_txn **out, page_meta *base, anp_error *err) {
    store_txn *txn = calloc(1, sizeof *txn);
    if (!txn) {
        return error_nomem(err, "a transaction");
    }
    txn->store = s;
    txn->write = true;
    anp_status status = begin_lmdb(s, &txn->mdb, err);
    if (status != ANP_OK) {
        free(txn);
        return status;
    }
    pthread_mutex_lock(&s->mutex);
    s->writing = true;
    s->writer = pthread_self();
    pthread_mutex_unlock(&s->mutex);
    txn->number = mdb_txn_id(txn->mdb);
    if (!copy_meta(s, txn->number - 1, base)) { /* whole: no other writer is at work */
        status = error_corrupt(
            err,
            "cannot write to %s: the header of its last commit is damaged; verify it, restore "
            "a backup",
            s->path);
    } else {
        status = set_view(txn, base, err);
    }
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    *out = txn;
    return ANP_OK;
}

static anp_status check_writer(store_txn *txn, bool *replaced, anp_error *err) {
    TRY(table_read_tallies(txn, txn->tallies, NULL, err));
    TRY(check_free_list(txn, err));
    return replace_check(txn, replaced, err);
}

anp_status txn_try_write(store *s, store_txn **out, bool *replaced, anp_error *err) {
    page_meta base, before;
    store_txn *txn;
    /* Before the writers' lock is touched: if its owner died, LMDB would set the number of the last
       commit by our file. */
    *replaced = replace_noticed(s);
    if (*replaced) {
        return ANP_OK;
    }
    anp_status status = begin_writer(s, &txn, &base, err);
    if (status != ANP_OK) {
        *replaced = status == ANP_CORRUPT && replace_noticed(s);
        return *replaced ? ANP_OK : status;
    }
    status = check_writer(txn, replaced, err);
    if (status != ANP_OK || *replaced) {
        store_abort(txn);
        return status;
    }
    renew_witness(s, &base);
    s->held_back = copy_meta(s, txn->number - 2, &before) &&
                   readers_hold_back(&base, &before, used_pages(txn));
    *out = txn;
    return ANP_OK;
}

static anp_status wait_for_readers(store *s, anp_error *err) {
    if (s->held_back) {
        TRY(enter(s, true, err));
        readers_wait(s);
        leave(s, false);
    }
    return ANP_OK;
}

anp_status store_begin_write(store *s, store_txn **out, anp_error *err) {
    bool replaced = true;
    *out = NULL;
    if (!s->writable) {
        return error_set(err, ANP_INVALID, "cannot write to %s: it was opened for reading only",
                         s->path);
    }
    TRY(wait_for_readers(s, err));
    for (int attempt = 0; replaced && attempt < BEGIN_TRIES; attempt++) {
        TRY(txn_try_write(s, out, &replaced, err));
        if (replaced) {
            TRY(environment_follow(s, err));
        }
    }
    return replaced ? error_set(err, ANP_BUSY, "cannot write to %s: it is being replaced without "
                                "end; try again", s->path)
                    : ANP_OK;
}

anp_status txn_begin_first(store *s, store_txn **out, anp_error *err) {
    page_meta base;
    store_txn *txn;
    TRY(begin_writer(s, &txn, &base, err));
    for (int i = 0; i < STORE_TABLES; i++) {
        const store_table_info *info = &store_table_infos[i];
        unsigned flags = info->key_kind == STORE_KEY_U64 ? MDB_INTEGERKEY : 0;
        int code = mdb_dbi_open(txn->mdb, info->name, MDB_CREATE | flags, &s->dbis[i]);
        if (code) {
            anp_status status = store_fail(s, code, "make the tables", err);
            store_abort(txn);
            return status;
        }
        txn->written[i] = true;
    }
    *out = txn;
    return ANP_OK;
}

anp_status txn_keep_tables(store_txn *txn, anp_error *err) {
    store *s = txn->store;
    for (int i = 0; i < STORE_TABLES; i++) {
        const store_table_info *info = &store_table_infos[i];
        unsigned flags = info->key_kind == STORE_KEY_U64 ? MDB_INTEGERKEY : 0;
        int code = mdb_dbi_open(txn->mdb, info->name, flags, &s->dbis[i]);
        if (code) {
            anp_status status = store_fail(s, code, "open the tables", err);
            store_abort(txn);
            return status;
        }
    }
    int code =
        mdb_txn_commit(txn->mdb); /* of a read transaction: an abort would drop the handles */
    anp_status status = code ? store_fail(s, code, "open the tables", err) : ANP_OK;
    end(txn);
    return status;
}

bool store_is_writing(const store_txn *txn) {
    return txn->write;
}

bool store_in_own_thread(const store_txn *txn) {
    pthread_mutex_lock(&txn->store->mutex);
    bool own = pthread_equal(txn->store->writer, pthread_self());
    pthread_mutex_unlock(&txn->store->mutex);
    return own;
}

static anp_status write_tallies(store_txn *txn, anp_error *err) {
    uint8_t record[TALLY_RECORD_BYTES];
    table_write_tallies(txn->number, txn->tallies, record);
    return table_put_own(txn, STR(STORE_TALLY_KEY), str_make((const char *)record, sizeof record),
                         err);
}

anp_status txn_commit(store_txn *txn, anp_error *err) {
    store *s = txn->store;
    anp_status status = ANP_OK;
    if (!txn->write) {
        status = error_set(err, ANP_INVALID, "cannot commit to %s: the transaction is for reading",
                           s->path);
    } else if (txn->failed) {
        status = store_fail(s, MDB_BAD_TXN, "commit", err);
    }
    if (status == ANP_OK && txn->dirty) {
        status = write_tallies(txn, err);
    }
    if (status != ANP_OK || !txn->dirty) {
        store_abort(txn);
        return status;
    }
    int code = mdb_txn_commit(txn->mdb);
    if (code == MDB_MAP_FULL) {
        mdb_reader_check(s->env, NULL);
    }
    if (code) {
        status = store_fail(s, code, "commit", err);
    }
    end(txn);
    return status;
}

anp_status store_commit(store_txn *txn, anp_error *err) {
    store *s = txn->store;
    anp_status status = environment_check_pid(s, err);
    if (status != ANP_OK) {
        store_abort(txn);
        return status;
    }
    if (txn->write && !store_in_own_thread(txn)) {
        return error_set(
            err, ANP_INVALID,
            "cannot commit to %s: another thread began the transaction; end it in that one",
            s->path);
    }
    uint64_t number = txn->number;
    bool dirty = txn->dirty;
    TRY(txn_commit(txn, err));
    if (dirty) {
        /*
         * The next writer's business if another commit is on its way; and the commit is durable
         * even if this fails.
         */
        page_meta meta;
        environment_step("committed");
        if (s->witness_fd >= 0 && txn_meta(s, number, &meta)) {
            witness_write(s->witness_fd, &meta);
        }
    }
    return ANP_OK;
}

void store_abort(store_txn *txn) {
    if (!txn) {
        return;
    }
    if (txn->store->pid != getpid()) { /* after a fork: slot and lock are the parent's */
        free(txn);
        return;
    }
    assert(!txn->write || store_in_own_thread(txn));
    mdb_txn_abort(txn->mdb);
    end(txn);
}

uint64_t store_txn_number(const store_txn *txn) {
    return txn->number;
}
