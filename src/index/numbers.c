/* See numbers.h. Fresh strings are put sorted, so that each leaf page of the table is touched
   once a commit. */
#include "index/numbers.h"

#include "base/bytes.h"
#include "base/error.h"

anp_status numbers_of(numbers *n, store_txn *txn, str text, uint32_t *number, anp_error *err) {
    bool is_new;
    uint32_t place = intern_add(&n->cache, text, &is_new);
    if (place == INTERN_NONE || (is_new && !vec_push(&n->by_cache, UINT32_MAX))) {
        return error_nomem(err, "the vocabulary");
    }
    if (n->by_cache.items[place] != UINT32_MAX) {
        *number = n->by_cache.items[place];
        return ANP_OK;
    }
    str value;
    anp_status status = store_get(txn, n->table, store_key_bytes(text), &value, err);
    if (status == ANP_OK && value.len == 4) {
        n->by_cache.items[place] = load_u32(value.data);
    } else if (status == ANP_NOT_FOUND) {
        if (*n->next == UINT32_MAX) {
            return error_set(err, ANP_LIMIT,
                             "the index has 4 billion distinct terms; start another");
        }
        if (!vec_push(&n->fresh, place)) {
            return error_nomem(err, "the vocabulary");
        }
        n->by_cache.items[place] = (*n->next)++;
    } else {
        return status == ANP_OK ? error_corrupt(err, "an entry of a table of numbers is damaged")
                                : status;
    }
    *number = n->by_cache.items[place];
    return ANP_OK;
}

typedef struct fresh_entry {
    str text;
    uint32_t number;
} fresh_entry;

static int by_text(const void *a, const void *b) {
    return str_compare(((const fresh_entry *)a)->text, ((const fresh_entry *)b)->text);
}

anp_status numbers_save(numbers *n, store_txn *txn, anp_error *err) {
    fresh_entry *entries = malloc((n->fresh.count + 1) * sizeof *entries);
    anp_status status = entries ? ANP_OK : error_nomem(err, "the vocabulary");
    if (entries) {
        for (size_t i = 0; i < n->fresh.count; i++) {
            uint32_t place = n->fresh.items[i];
            entries[i] = (fresh_entry){n->cache.keys[place], n->by_cache.items[place]};
        }
        qsort(entries, n->fresh.count, sizeof *entries, by_text);
    }
    for (size_t i = 0; i < n->fresh.count && status == ANP_OK; i++) {
        char value[4];
        store_u32(value, entries[i].number);
        status = store_put(txn, n->table, store_key_bytes(entries[i].text), str_make(value, 4),
                           false, err);
    }
    free(entries);
    if (status == ANP_OK) {
        n->fresh.count = 0;
    }
    return status;
}

void numbers_clear(numbers *n) {
    intern_free(&n->cache);
    free(n->by_cache.items);
    free(n->fresh.items);
    *n = (numbers){.table = n->table, .next = n->next};
}
