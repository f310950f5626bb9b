/* See deleted.h. */
#include "index/deleted.h"

#include "base/error.h"
#include "base/limits.h"

#include <stdlib.h>

/* Those of a window join what it has. */
static anp_status save_window(store_txn *txn, const bitmap *deleted, uint32_t window,
                              anp_error *err) {
    str value;
    uint64_t first = (uint64_t)window << WINDOW_BITS;
    bitmap *set = NULL;
    anp_status status = store_get(txn, STORE_DELETED, store_key_u64(window), &value, err);
    if (status == ANP_OK) {
        status = bitmap_load(value.data, value.len, &set);
        if (status == ANP_CORRUPT) {
            return error_corrupt(err,
                                 "the deleted posts of a window are damaged; restore a backup");
        }
    } else if (status == ANP_NOT_FOUND) {
        set = bitmap_new();
    } else {
        return status;
    }
    bool held = set != NULL;
    uint32_t docno = (uint32_t)first;
    while (held && bitmap_next(deleted, docno, &docno) && docno < first + WINDOW_DOCS) {
        held = bitmap_add(set, docno++);
    }
    size_t len = held ? bitmap_bytes(set) : 0;
    char *bytes = held ? malloc(len) : NULL;
    status = bytes ? ANP_OK : error_nomem(err, "the deleted posts");
    if (bytes) {
        bitmap_write(set, bytes);
        status = store_put(txn, STORE_DELETED, store_key_u64(window), str_make(bytes, len),
                           false, err);
    }
    free(bytes);
    bitmap_free(set);
    return status;
}

anp_status deleted_save(store_txn *txn, const bitmap *deleted, anp_error *err) {
    uint32_t docno = 0;
    while (bitmap_next(deleted, docno, &docno)) {
        TRY(save_window(txn, deleted, docno >> WINDOW_BITS, err));
        docno = (docno | (WINDOW_DOCS - 1)) + 1;
    }
    return ANP_OK;
}
