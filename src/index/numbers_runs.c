/*
 * Runs: fresh strings put in a row where each would change another block of the table; taken into
 * the table by steps once there are RUNS_MAX. The many of a bulk commit are a run of their own; the
 * few of a small one go into the newest run while that is one block, so that a post's new strings
 * cost two or three pages, not three or four each.
 */
#include "index/numbers_impl.h"

#include "base/limits.h"

#include <assert.h>

static_assert(RUNS_MAX <= RUN_END, "a look-up goes through all of them");

static str run_key(unsigned run, str text, char out[RUN_KEY_BYTES_MAX]) {
    out[0] = (char)run;
    memcpy(out + 1, text.data, text.len);
    return str_make(out, 1 + text.len);
}

/* ---- Looking up ---------------------------------------------------------------------------- */

anp_status runs_block(store_txn *txn, store_table runs, unsigned *run, str text, str *key,
                      str *block, anp_error *err) {
    char bytes[RUN_KEY_BYTES_MAX];
    store_key found;
    for (;;) {
        str at = run_key(*run, text, bytes);
        TRY(store_get_at_least(txn, runs, store_key_bytes(at), &found, block, err));
        unsigned of = (uint8_t)found.bytes.data[0];
        if (of < *run || of >= RUN_END || found.bytes.len < 2 ||
            found.bytes.len > 1 + NUMBERS_TEXT_BYTES_MAX) {
            return numbers_damaged(runs, err);
        }
        if (of == *run) {
            *key = str_slice(found.bytes, 1, found.bytes.len);
            return ANP_OK;
        }
        *run = of; /* text may lie behind this run's first block */
    }
}

static anp_status find_in(store_table runs, str block, str text, uint32_t *number,
                          anp_error *err) {
    switch (numbers_block_find(block, text, number)) {
    case NUMBERS_FOUND: return ANP_OK;
    case NUMBERS_ABSENT: return ANP_NOT_FOUND;
    default: return numbers_damaged(runs, err);
    }
}

anp_status runs_find(store_txn *txn, store_table runs, str text, uint32_t *number,
                     anp_error *err) {
    str key, block;
    anp_status status = ANP_NOT_FOUND;
    for (unsigned run = 0; run < RUN_END && status == ANP_NOT_FOUND; run++) {
        TRY(runs_block(txn, runs, &run, text, &key, &block, err)); /* the end too */
        status = find_in(runs, block, text, number, err);
    }
    return status;
}

/* ---- Reading a block ----------------------------------------------------------------------- */

typedef VEC(numbered) numbered_list;

/* What is left of a block above `reached`. */
static anp_status take_rest(store_table runs, str block, str reached, arena *memory,
                            numbered_list *rest, anp_error *err) {
    numbers_walker w;
    numbers_walker_open(&w, block);
    while (numbers_walker_next(&w)) {
        str text = str_make(w.text, w.len);
        if (str_compare(text, reached) > 0) {
            numbered kept = {arena_str(memory, text), w.number, 0};
            if (!kept.text.data || !vec_push(rest, kept)) {
                return error_nomem(err, "the vocabulary");
            }
        }
    }
    return numbers_walker_whole(&w) ? ANP_OK : numbers_damaged(runs, err);
}

/* ---- Writing a run ------------------------------------------------------------------------- */

anp_status runs_put_blocks(store_txn *txn, store_table runs, unsigned run, numbered *sorted,
                           size_t count, unsigned bits, str last_key, bool append,
                           anp_error *err) {
    buffer block = {0};
    char bytes[RUN_KEY_BYTES_MAX];
    anp_status status = ANP_OK;
    numbers_block_share(sorted, count);
    for (size_t from = 0; from < count && status == ANP_OK;) {
        block.len = 0;
        from += numbers_block_build(sorted + from, count - from, bits, NUMBERS_BLOCK_BYTES,
                                    &block);
        str key = run_key(run, from < count ? sorted[from - 1].text : last_key, bytes);
        str value = str_make((const char *)block.data, block.len);
        status = block.failed ? error_nomem(err, "the vocabulary")
                              : store_put(txn, runs, store_key_bytes(key), value, append, err);
    }
    buffer_free(&block);
    return status;
}

/* The number that the next run gets: all there are have less. */
static anp_status next_run(store_txn *txn, store_table runs, unsigned *run, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str block;
    *run = 0;
    TRY(store_cursor_open(txn, runs, &cursor, err));
    anp_status status = store_last(cursor, &key, &block, err);
    if (status == ANP_OK) {
        *run = (uint8_t)key.bytes.data[0] + 1u;
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

/* The block in hand and fresh strings, both sorted, as the one block of a run; *put: it fits. */
static anp_status put_joined(store_txn *txn, store_table runs, unsigned run, numbered_list *all,
                             const numbered *sorted, size_t count, unsigned bits, bool *put,
                             anp_error *err) {
    if (!vec_reserve(all, all->count + count)) {
        return error_nomem(err, "the vocabulary");
    }
    memcpy(all->items + all->count, sorted, count * sizeof *sorted);
    all->count += count;
    if (!numbers_sort(all->items, all->count)) {
        return error_nomem(err, "the vocabulary");
    }
    numbers_block_share(all->items, all->count);
    *put = numbers_block_measure(all->items, all->count, bits) <= NUMBERS_BLOCK_BYTES;
    return *put ? runs_put_blocks(txn, runs, run, all->items, all->count, bits, ABOVE_ALL, false,
                                  err)
                : ANP_OK;
}

/* Into the run itself, if it is one block and has room for them. */
static anp_status put_into(store_txn *txn, store_table runs, unsigned run, const numbered *sorted,
                           size_t count, unsigned bits, bool *put, anp_error *err) {
    arena memory = {0};
    numbered_list all = {0};
    str key, block;
    *put = false;
    TRY(runs_block(txn, runs, &run, str_make("", 1), &key, &block, err));
    if (!str_equal(key, ABOVE_ALL)) {
        return ANP_OK;
    }
    anp_status status = take_rest(runs, block, str_make("", 0), &memory, &all, err);
    if (status == ANP_OK) {
        status = put_joined(txn, runs, run, &all, sorted, count, bits, put, err);
    }
    free(all.items);
    arena_free(&memory);
    return status;
}

anp_status runs_put(numbers *n, store_txn *txn, numbered *sorted, size_t count, bool *put,
                    anp_error *err) {
    store_table runs = runs_of(n->table);
    store_table_size size;
    unsigned run, bits = numbers_bits(*n->next);
    TRY(next_run(txn, runs, &run, err));
    TRY(store_table_measure(txn, n->table, &size, err));
    bool few = count < RUN_STRINGS_MIN && size.entries >= RUN_FEW_BLOCKS_MIN;
    bool many = count >= RUN_STRINGS_MIN && count / RUN_BLOCK_STRINGS < size.entries;
    *put = false;
    if (few && run > 0) {
        TRY(put_into(txn, runs, run - 1, sorted, count, bits, put, err));
    }
    if (!*put && (few || many) && run < RUNS_MAX) {
        TRY(runs_put_blocks(txn, runs, run, sorted, count, bits, ABOVE_ALL, true, err));
        *put = true;
        run++;
    }
    n->merge_due = run >= RUNS_MAX;
    return ANP_OK;
}

/* ---- Merging ------------------------------------------------------------------------------- */

enum { BATCH_STRINGS = 8192 };

/* Some next strings of all runs. Less than BATCH_STRINGS: there are no more. */
static anp_status take_batch(merged *m, arena *memory, numbered_list *batch, anp_error *err) {
    numbered next = {0};
    anp_status status = ANP_OK;
    arena_rewind(memory, (arena_mark){NULL, 0});
    batch->count = 0;
    while (batch->count < BATCH_STRINGS) {
        status = merged_next(m, &next.text, &next.number, err);
        if (status != ANP_OK) {
            return status == ANP_NOT_FOUND ? ANP_OK : status;
        }
        next.text = arena_str(memory, next.text);
        if (!next.text.data || !vec_push(batch, next)) {
            return error_nomem(err, "merging the vocabulary");
        }
    }
    return ANP_OK;
}

/* Takes the strings up to `reached` out of the first block of a run. *more: its next block may
   hold some too. */
static anp_status cut_block(store_txn *txn, store_table runs, unsigned run, str key, str block,
                            unsigned bits, str reached, bool *more, anp_error *err) {
    arena memory = {0};
    numbered_list rest = {0};
    char bytes[RUN_KEY_BYTES_MAX];
    str kept_key = arena_str(&memory, key);
    anp_status status = kept_key.data ? take_rest(runs, block, reached, &memory, &rest, err)
                                      : error_nomem(err, "merging the vocabulary");
    bool cut = status == ANP_OK && rest.count < load_u16(block.data);
    *more = rest.count == 0;
    if (cut) {
        status = store_delete(txn, runs, store_key_bytes(run_key(run, kept_key, bytes)), err);
    }
    if (cut && status == ANP_OK) {
        status = runs_put_blocks(txn, runs, run, rest.items, rest.count, bits, kept_key, false,
                                 err);
    }
    free(rest.items);
    arena_free(&memory);
    return status;
}

/* Takes the strings up to `reached` out of all runs. */
static anp_status cut_runs(store_txn *txn, store_table runs, unsigned bits, str reached,
                           anp_error *err) {
    bool more;
    for (unsigned run = 0; run < RUN_END; run += !more) {
        str key, block, least = str_make("", 1);
        anp_status status = runs_block(txn, runs, &run, least, &key, &block, err);
        if (status != ANP_OK) {
            return status == ANP_NOT_FOUND ? ANP_OK : status;
        }
        TRY(cut_block(txn, runs, run, key, block, bits, reached, &more, err));
    }
    return ANP_OK;
}

/* Into the table. */
static anp_status move_strings(numbers *n, store_txn *txn, size_t bytes, bool *done,
                               anp_error *err) {
    merged m;
    arena memory = {0};
    numbered_list batch = {0};
    unsigned bits = numbers_bits(*n->next);
    str reached = ABOVE_ALL;
    *done = false;
    anp_status status = merged_open(&m, txn, n->table, 0, (str){NULL, 0}, err);
    while (status == ANP_OK && bytes && !*done) {
        size_t taken = 0, at = 0;
        status = take_batch(&m, &memory, &batch, err);
        while (status == ANP_OK && bytes && at < batch.count) {
            status = numbers_put(txn, n->table, batch.items + at, batch.count - at, bits, &bytes,
                                 &taken, err);
            at += taken;
        }
        *done = status == ANP_OK && at == batch.count && batch.count < BATCH_STRINGS;
        reached = *done ? ABOVE_ALL : at ? batch.items[at - 1].text : reached;
    }
    merged_close(&m);
    if (status == ANP_OK) {
        status = cut_runs(txn, runs_of(n->table), bits, reached, err);
    }
    free(batch.items);
    arena_free(&memory);
    return status;
}

anp_status numbers_merge_step(numbers *n, store_txn *txn, size_t bytes, bool *done,
                              anp_error *err) {
    *done = false;
    if (!n->moving) {
        TRY(runs_join(n, txn, done, err));
    }
    if (!*done) {
        n->moving = true;
        TRY(move_strings(n, txn, bytes, done, err));
    }
    n->merge_due = !*done;
    n->moving = n->moving && !*done;
    return ANP_OK;
}
