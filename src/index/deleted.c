/* See deleted.h. */
#include "index/deleted.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>

/* What is stored of the dead of [first, to) goes. */
static anp_status purge(store_txn *txn, const bitmap *dead, uint64_t first, uint64_t to,
                        anp_error *err) {
    uint32_t docno = (uint32_t)first;
    while (bitmap_next(dead, docno, &docno) && docno < to) {
        anp_status status = store_delete(txn, STORE_POSTS, store_key_u64(docno++), err);
        TRY(status == ANP_NOT_FOUND ? ANP_OK : status);
    }
    return store_tighten(txn, STORE_POSTS, first, to, err);
}

/* What the batch owes of a window. Chunks may still be made of posts whose block is not full. */
static anp_status purge_window(store_txn *txn, const bitmap *dead, const bitmap *fresh,
                               uint64_t first, uint32_t docno_end, anp_error *err) {
    uint64_t settled = docno_end - docno_end % CHUNK_POSTS, end = first + WINDOW_DOCS;
    uint32_t docno = (uint32_t)first;
    for (uint64_t to; bitmap_next(fresh, docno, &docno) && docno < end; docno = (uint32_t)to) {
        first = docno - docno % PURGE_POSTS;
        to = first + PURGE_POSTS;
        if (to > settled) {
            break;
        }
        uint64_t now = bitmap_count_range(dead, first, to);
        uint64_t before = now - bitmap_count_range(fresh, first, to);
        if (now / PURGE_DEAD > before / PURGE_DEAD) {
            TRY(purge(txn, dead, first, to, err));
        }
    }
    return ANP_OK;
}

static anp_status load_window(store_txn *txn, uint32_t window, bitmap **out, anp_error *err) {
    str value;
    anp_status status = store_get(txn, STORE_DELETED, store_key_u64(window), &value, err);
    *out = NULL;
    if (status == ANP_NOT_FOUND) {
        *out = bitmap_new();
        return *out ? ANP_OK : error_nomem(err, "the deleted posts");
    }
    status = status == ANP_OK ? bitmap_load(value.data, value.len, out) : status;
    return status == ANP_CORRUPT
               ? error_corrupt(err, "the deleted posts of a window are damaged; restore a backup")
           : status == ANP_NOMEM ? error_nomem(err, "the deleted posts")
                                 : status;
}

static anp_status put_window(store_txn *txn, uint32_t window, const bitmap *dead, anp_error *err) {
    size_t len = bitmap_bytes(dead);
    char *bytes = len ? malloc(len) : NULL;
    if (!bytes) {
        return error_nomem(err, "the deleted posts");
    }
    bitmap_write(dead, bytes);
    anp_status status =
        store_put(txn, STORE_DELETED, store_key_u64(window), str_make(bytes, len), false, err);
    free(bytes);
    return status;
}

/* Those of a window join what it has. */
static anp_status save_window(store_txn *txn, const bitmap *fresh, uint32_t window,
                              uint32_t docno_end, anp_error *err) {
    uint64_t first = (uint64_t)window << WINDOW_BITS;
    bitmap *dead;
    TRY(load_window(txn, window, &dead, err));
    bool held = true;
    uint32_t docno = (uint32_t)first;
    while (held && bitmap_next(fresh, docno, &docno) && docno < first + WINDOW_DOCS) {
        held = bitmap_add(dead, docno++);
    }
    anp_status status = held ? ANP_OK : error_nomem(err, "the deleted posts");
    if (status == ANP_OK) {
        status = put_window(txn, window, dead, err);
    }
    if (status == ANP_OK) {
        status = purge_window(txn, dead, fresh, first, docno_end, err);
    }
    bitmap_free(dead);
    return status;
}

anp_status deleted_save(store_txn *txn, const bitmap *deleted, uint32_t docno_end,
                        anp_error *err) {
    uint32_t docno = 0;
    while (bitmap_next(deleted, docno, &docno)) {
        TRY(save_window(txn, deleted, docno >> WINDOW_BITS, docno_end, err));
        docno = (docno | (WINDOW_DOCS - 1)) + 1;
    }
    return ANP_OK;
}
