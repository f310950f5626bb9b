/*
 * Runs that are joined: before strings of runs are put into the blocks of the table, each of which
 * costs a page written for as many strings as fall into it, runs that are small are made one. So
 * batches of a thousand posts, each of which brings a run of some thousand strings, rewrite the
 * table's blocks once in a million strings, not once in eighty thousand.
 */
#include "index/numbers_impl.h"

#include "base/limits.h"

enum { JOINED_MIN = 4 /* fewer are not worth it: then they go into the table */ };

typedef VEC(numbered) numbered_list;

static anp_status count_blocks(store_txn *txn, store_table runs, uint32_t counts[RUN_END],
                               anp_error *err) {
    store_cursor *cursor;
    store_key key = store_key_bytes(str_make("", 1));
    str block;
    TRY(store_cursor_open(txn, runs, &cursor, err));
    anp_status status = store_seek(cursor, key, &key, &block, err);
    while (status == ANP_OK) {
        unsigned run = key.bytes.len ? (uint8_t)key.bytes.data[0] : RUN_END;
        if (run >= RUN_END) {
            status = numbers_damaged(runs, err);
            break;
        }
        counts[run]++;
        status = store_next(cursor, &key, &block, err);
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

/* The first of the last runs that have `most` blocks in all; RUN_END: too few. */
static unsigned choose_first(const uint32_t counts[RUN_END], uint32_t most) {
    uint32_t blocks = 0, joined = 0;
    unsigned first = RUN_END;
    while (first > 0 && blocks + counts[first - 1] <= most) {
        blocks += counts[--first];
        joined += counts[first] > 0;
    }
    return joined >= JOINED_MIN ? first : RUN_END;
}

static anp_status read_strings(store_txn *txn, store_table table, unsigned first, arena *memory,
                               numbered_list *out, anp_error *err) {
    merged m;
    numbered next = {0};
    anp_status status = merged_open(&m, txn, table, (int)first, (str){NULL, 0}, err);
    while (status == ANP_OK) {
        status = merged_next(&m, &next.text, &next.number, err);
        if (status == ANP_OK) {
            next.text = arena_str(memory, next.text);
            if (!next.text.data || !vec_push(out, next)) {
                status = error_nomem(err, "joining the vocabulary's runs");
            }
        }
    }
    merged_close(&m);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status delete_runs(store_txn *txn, store_table runs, unsigned first, anp_error *err) {
    char least[] = {(char)first, 0};
    for (;;) {
        char bytes[RUN_KEY_BYTES_MAX];
        store_key key;
        str block;
        anp_status status = store_get_at_least(txn, runs, store_key_bytes(str_make(least, 2)), &key,
                                               &block, err);
        if (status != ANP_OK) {
            return status == ANP_NOT_FOUND ? ANP_OK : status;
        }
        if (key.bytes.len > sizeof bytes) {
            return numbers_damaged(runs, err);
        }
        memcpy(bytes, key.bytes.data, key.bytes.len);
        TRY(store_delete(txn, runs, store_key_bytes(str_make(bytes, key.bytes.len)), err));
    }
}

anp_status runs_join(numbers *n, store_txn *txn, bool *joined, anp_error *err) {
    store_table runs = runs_of(n->table);
    uint32_t counts[RUN_END] = {0};
    arena memory = {0};
    numbered_list all = {0};
    *joined = false;
    TRY(count_blocks(txn, runs, counts, err));
    unsigned first = choose_first(counts, n->join_blocks ? n->join_blocks : RUN_JOIN_BLOCKS);
    if (first == RUN_END) {
        return ANP_OK;
    }
    anp_status status = read_strings(txn, n->table, first, &memory, &all, err);
    if (status == ANP_OK) {
        status = delete_runs(txn, runs, first, err);
    }
    if (status == ANP_OK) {
        status = runs_put_blocks(txn, runs, first, all.items, all.count, numbers_bits(*n->next),
                                 ABOVE_ALL, true, err);
    }
    *joined = status == ANP_OK;
    free(all.items);
    arena_free(&memory);
    return status;
}
