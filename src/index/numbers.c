/*
 * See numbers.h. Fresh strings are put sorted, so that each block is read and written once a
 * commit.
 */
#include "index/numbers_impl.h"

#include "base/hash.h"

/* ---- Looking up ---------------------------------------------------------------------------- */

/* In the table itself. */
static anp_status find_in_table(store_txn *txn, store_table table, str text, uint32_t *number,
                                anp_error *err) {
    store_key key, at = store_key_bytes(text);
    str block;
    TRY(store_peek_at_least(txn, table, at, &key, &block, err));
    if (numbers_block_find(block, text, number) == NUMBERS_FOUND) {
        return ANP_OK;
    }
    TRY(store_get_at_least(txn, table, at, &key, &block, err)); /* before "no" is believed */
    switch (numbers_block_find(block, text, number)) {
    case NUMBERS_FOUND: return ANP_OK;
    case NUMBERS_ABSENT: return ANP_NOT_FOUND;
    default: return numbers_damaged(table, err);
    }
}

static bool can_be_there(str text) {
    return text.len > 0 && text.len <= NUMBERS_TEXT_BYTES_MAX;
}

anp_status numbers_find(store_txn *txn, store_table table, str text, uint32_t *number,
                        anp_error *err) {
    if (!can_be_there(text)) {
        return ANP_NOT_FOUND;
    }
    anp_status status = find_in_table(txn, table, text, number, err);
    return status == ANP_NOT_FOUND ? runs_find(txn, runs_of(table), text, number, err)
                                   : status;
}

static anp_status look_up(numbers *n, store_txn *txn, str text, uint64_t hash, uint32_t *number,
                          anp_error *err) {
    if (filter_excludes(n, hash)) {
        return ANP_NOT_FOUND;
    }
    anp_status status = numbers_find(txn, n->table, text, number, err);
    store_read_on(txn);
    if (status == ANP_NOT_FOUND) {
        TRY(filter_note_vain(n, txn, err));
    }
    return status;
}

uint64_t numbers_hash(str text) {
    return hash64(text.data, text.len);
}

anp_status numbers_of(numbers *n, store_txn *txn, str text, uint32_t *number, anp_error *err) {
    return numbers_of_hashed(n, txn, text, numbers_hash(text), number, err);
}

anp_status numbers_of_hashed(numbers *n, store_txn *txn, str text, uint64_t hash, uint32_t *number,
                             anp_error *err) {
    bool is_new;
    uint32_t place = intern_add_hashed(&n->cache, text, (uint32_t)hash, &is_new);
    if (place == INTERN_NONE || (is_new && !vec_push(&n->by_cache, UINT32_MAX))) {
        return error_nomem(err, "the vocabulary");
    }
    if (n->by_cache.items[place] != UINT32_MAX) {
        *number = n->by_cache.items[place];
        return ANP_OK;
    }
    anp_status status = look_up(n, txn, text, hash, number, err);
    if (status == ANP_OK) {
        n->by_cache.items[place] = *number;
    }
    if (status != ANP_NOT_FOUND) {
        return status;
    }
    if (*n->next == UINT32_MAX) {
        return error_set(err, ANP_LIMIT,
                         "the index has 4 billion distinct terms; start another");
    }
    if (!vec_push(&n->fresh, place)) {
        return error_nomem(err, "the vocabulary");
    }
    *number = n->by_cache.items[place] = (*n->next)++;
    filter_add(n, hash);
    return ANP_OK;
}

void numbers_fetch(const numbers *n, uint64_t hash, unsigned step) {
    switch (step) {
    case 0:
        intern_fetch_slot(&n->cache, (uint32_t)hash);
        filter_fetch(n, hash);
        break;
    case 1: intern_fetch_key(&n->cache, (uint32_t)hash); break;
    default: intern_fetch_bytes(&n->cache, (uint32_t)hash); break;
    }
}

size_t numbers_bytes(const numbers *n) {
    return n->cache.memory.used_bytes + n->cache.capacity * sizeof *n->cache.keys +
           (n->cache.mask + 1u) * 2 * sizeof(uint32_t) + n->by_cache.capacity * sizeof(uint32_t);
}

void numbers_clear_cache(numbers *n) {
    numbers kept = {.table = n->table, .next = n->next, .filter = n->filter,
                    .filter_log2 = n->filter_log2, .vain = n->vain, .merge_due = n->merge_due,
                    .moving = n->moving, .join_blocks = n->join_blocks};
    intern_free(&n->cache);
    free(n->by_cache.items);
    free(n->fresh.items);
    *n = kept;
}

void numbers_clear(numbers *n) {
    filter_drop(n);
    n->merge_due = n->moving = false;
    numbers_clear_cache(n);
}

/* ---- Saving -------------------------------------------------------------------------------- */

/*
 * Some blocks in a row and the fresh strings that fall into them. When they do not fit in as many
 * blocks, the next block is taken too, up to ROW_BLOCKS, and all are written evenly full: so blocks
 * are 8/9 full or more, not 1/2, for one such row in some hundred new strings.
 */
enum { ROW_BLOCKS = 8 };

typedef struct row {
    store_txn *txn;
    store_table table;
    arena memory; /* of the blocks' strings */
    char *texts;  /* what is left of the last piece: */
    size_t room;
    VEC(numbered) old; /* of the block in hand */
    VEC(numbered) all;
    buffer block;
    uint32_t blocks; /* taken: */
    uint32_t key_lens[ROW_BLOCKS];
    char keys[ROW_BLOCKS][NUMBERS_TEXT_BYTES_MAX];
    size_t bytes;  /* of a block that held all, about */
    unsigned bits; /* of the greatest number that was given */
    bool append;  /* the table is empty */
    size_t put_bytes;
} row;

static int by_text(const void *a, const void *b) {
    return str_compare(((const numbered *)a)->text, ((const numbered *)b)->text);
}

static str key_of(const row *r, uint32_t block) {
    return str_make(r->keys[block], r->key_lens[block]);
}

/* Room for a string of a block, for the row's life: pieces of large allocations. */
static char *keep_text(row *r, size_t len) {
    enum { PIECE_BYTES = 16 << 10 };
    if (r->room < len) {
        r->texts = arena_alloc(&r->memory, PIECE_BYTES);
        r->room = r->texts ? PIECE_BYTES : 0;
    }
    if (!r->texts) {
        return NULL;
    }
    char *kept = r->texts;
    r->texts += len;
    r->room -= len;
    return kept;
}

/* Takes the block that text belongs to; none and the key above all when the table is empty. */
static anp_status take_block(row *r, str text, anp_error *err) {
    store_key key;
    str block;
    r->old.count = 0;
    anp_status status =
        store_get_at_least(r->txn, r->table, store_key_bytes(text), &key, &block, err);
    r->append = status == ANP_NOT_FOUND && r->blocks == 0;
    key.bytes = r->append ? ABOVE_ALL : key.bytes;
    if (status != ANP_OK && !r->append) {
        return status == ANP_NOT_FOUND ? numbers_damaged(r->table, err) : status;
    }
    if (str_compare(text, key.bytes) > 0 || key.bytes.len > sizeof r->keys[0]) {
        return numbers_damaged(r->table, err);
    }
    memcpy(r->keys[r->blocks], key.bytes.data, key.bytes.len);
    r->key_lens[r->blocks++] = (uint32_t)key.bytes.len;
    if (r->append) {
        return ANP_OK;
    }
    numbers_walker w;
    numbers_walker_open(&w, block);
    while (numbers_walker_next(&w)) {
        char *kept = keep_text(r, w.len);
        if (!kept || !vec_push(&r->old, ((numbered){str_make(kept, w.len), w.number, 0}))) {
            return error_nomem(err, "the vocabulary");
        }
        memcpy(kept, w.text, w.len);
    }
    return numbers_walker_whole(&w) ? ANP_OK : numbers_damaged(r->table, err);
}

/* The block in hand and fresh strings, both sorted, behind all; no string is in both. */
static anp_status join(row *r, const numbered *fresh, size_t count, anp_error *err) {
    size_t a = 0, b = 0, n = r->all.count;
    if (!vec_reserve(&r->all, n + r->old.count + count)) {
        return error_nomem(err, "the vocabulary");
    }
    while (a < r->old.count || b < count) {
        bool of_old = b == count ||
                      (a < r->old.count && by_text(&r->old.items[a], &fresh[b]) < 0);
        r->all.items[n++] = of_old ? r->old.items[a++] : fresh[b++];
    }
    numbers_block_share(r->all.items + r->all.count, n - r->all.count);
    r->bytes += numbers_block_measure(r->all.items + r->all.count, n - r->all.count, r->bits);
    r->all.count = n;
    return ANP_OK;
}

/* Writes all as as few blocks as hold them, evenly full; the last keeps the last key. */
static anp_status put_row(row *r, anp_error *err) {
    if (r->blocks > 1) { /* the first string of each block has one before it now */
        numbers_block_share(r->all.items, r->all.count);
    }
    size_t bytes = r->blocks == 1 /* then it was measured exactly */
                       ? r->bytes : numbers_block_measure(r->all.items, r->all.count, r->bits);
    size_t blocks = (bytes + NUMBERS_BLOCK_BYTES - 1) / NUMBERS_BLOCK_BYTES;
    for (uint32_t i = 0; i + 1 < r->blocks; i++) {
        TRY(store_delete(r->txn, r->table, store_key_bytes(key_of(r, i)), err));
    }
    for (size_t from = 0; from < r->all.count;) {
        r->block.len = 0;
        size_t left = r->all.count - from;
        from += numbers_block_build(r->all.items + from, left, r->bits, bytes / blocks + 8,
                                    &r->block);
        if (r->block.failed) {
            return error_nomem(err, "the vocabulary");
        }
        str key = from < r->all.count ? r->all.items[from - 1].text : key_of(r, r->blocks - 1);
        str value = str_make((const char *)r->block.data, r->block.len);
        TRY(store_put(r->txn, r->table, store_key_bytes(key), value, r->append, err));
        r->put_bytes += value.len;
    }
    return ANP_OK;
}

/* Whether the strings in hand need more blocks than were taken, and another one would help. */
static bool wants_more(const row *r) {
    return r->bytes > r->blocks * (size_t)NUMBERS_BLOCK_BYTES && r->blocks < ROW_BLOCKS &&
           r->bytes < ROW_BLOCKS * (size_t)NUMBERS_BLOCK_BYTES &&
           !str_equal(key_of(r, r->blocks - 1), ABOVE_ALL);
}

/* The row that begins with the block of fresh[0]; *taken: how many of fresh went into it. */
static anp_status put_first_row(row *r, const numbered *fresh, size_t count, size_t *taken,
                           anp_error *err) {
    size_t from = 0, to;
    char after[NUMBERS_TEXT_BYTES_MAX + 1]; /* the least string above the last key */
    str text = fresh[0].text;
    arena_rewind(&r->memory, (arena_mark){NULL, 0});
    r->texts = NULL;
    r->all.count = r->blocks = 0;
    r->bytes = r->room = 0;
    do {
        TRY(take_block(r, text, err));
        str key = key_of(r, r->blocks - 1);
        for (to = from; to < count && str_compare(fresh[to].text, key) <= 0; to++) {
        }
        TRY(join(r, fresh + from, to - from, err));
        from = to;
        memcpy(after, key.data, key.len);
        after[key.len] = 0;
        text = str_make(after, key.len + 1);
    } while (wants_more(r));
    *taken = to;
    return put_row(r, err);
}

anp_status numbers_put(store_txn *txn, store_table table, const numbered *sorted, size_t count,
                       unsigned bits, size_t *bytes, size_t *taken, anp_error *err) {
    row r = {.txn = txn, .table = table, .bits = bits};
    anp_status status = ANP_OK;
    size_t at = 0;
    while (at < count && r.put_bytes < *bytes && status == ANP_OK) {
        size_t into_row = 0;
        status = put_first_row(&r, sorted + at, count - at, &into_row, err);
        at += into_row;
    }
    *bytes -= r.put_bytes < *bytes ? r.put_bytes : *bytes;
    *taken = at;
    arena_free(&r.memory);
    free(r.old.items);
    free(r.all.items);
    buffer_free(&r.block);
    return status;
}

/* The fresh strings sorted, malloc'd; NULL when memory is out. */
static numbered *sort_fresh(const numbers *n) {
    numbered *fresh = malloc(n->fresh.count * sizeof *fresh);
    for (size_t i = 0; fresh && i < n->fresh.count; i++) {
        uint32_t place = n->fresh.items[i];
        fresh[i] = (numbered){n->cache.keys[place], n->by_cache.items[place], 0};
    }
    if (fresh && !numbers_sort(fresh, n->fresh.count)) {
        free(fresh);
        return NULL;
    }
    return fresh;
}

anp_status numbers_save(numbers *n, store_txn *txn, anp_error *err) {
    size_t taken, bytes = SIZE_MAX;
    bool in_run = false;
    if (n->fresh.count == 0) {
        return ANP_OK;
    }
    numbered *fresh = sort_fresh(n);
    anp_status status = fresh ? runs_put(n, txn, fresh, n->fresh.count, &in_run, err)
                              : error_nomem(err, "the vocabulary");
    if (status == ANP_OK && !in_run) {
        status = numbers_put(txn, n->table, fresh, n->fresh.count, numbers_bits(*n->next), &bytes,
                             &taken, err);
    }
    free(fresh);
    if (status == ANP_OK) {
        n->fresh.count = 0;
    }
    return status;
}

/* ---- Writing a whole table ----------------------------------------------------------------- */

/* More than one block ever holds: 3 bytes an entry and more. */
enum { PACKER_HELD_MAX = 2 * NUMBERS_BLOCK_BYTES };

/* The first block's worth of what is held. */
static anp_status pack_block(numbers_packer *p, anp_error *err) {
    p->block.len = 0;
    numbers_block_share(p->held.items, p->held.count);
    size_t count = numbers_block_build(p->held.items, p->held.count, p->bits, NUMBERS_BLOCK_BYTES,
                                       &p->block);
    if (p->block.failed) {
        return error_nomem(err, "the vocabulary");
    }
    bool last = count == p->held.count; /* only at the end: see PACKER_HELD_MAX */
    str key = last ? ABOVE_ALL : p->held.items[count - 1].text;
    str value = str_make((const char *)p->block.data, p->block.len);
    TRY(p->put(p->user, p->table, key, value, err));
    /* What is left moves to memory of its own, so that the old one goes. */
    arena kept = {0};
    for (size_t i = count; i < p->held.count; i++) {
        numbered *to = &p->held.items[i - count];
        *to = (numbered){.text = arena_str(&kept, p->held.items[i].text),
                         .number = p->held.items[i].number};
        if (!to->text.data) {
            arena_free(&kept);
            return error_nomem(err, "the vocabulary");
        }
    }
    p->held.count -= count;
    arena_free(&p->memory);
    p->memory = kept;
    return ANP_OK;
}

anp_status numbers_packer_add(numbers_packer *p, str text, uint32_t number, anp_error *err) {
    numbered entry = {.text = arena_str(&p->memory, text), .number = number};
    if (!entry.text.data || !vec_push(&p->held, entry)) {
        return error_nomem(err, "the vocabulary");
    }
    return p->held.count < PACKER_HELD_MAX ? ANP_OK : pack_block(p, err);
}

anp_status numbers_packer_finish(numbers_packer *p, anp_error *err) {
    while (p->held.count) {
        TRY(pack_block(p, err));
    }
    return ANP_OK;
}

void numbers_packer_free(numbers_packer *p) {
    arena_free(&p->memory);
    free(p->held.items);
    buffer_free(&p->block);
}
