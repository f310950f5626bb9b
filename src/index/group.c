/*
 * The windows of a group walked in step by inner key, each value copied as it is: the key has the
 * window's slot already.
 *
 *     window 16    cache·0     redis·0  rules·0 …       cursor: all keys before it are in the
 *     window 17    cache·1              rules·1 …               group, all others in the windows
 *     window 18                redis·2          …
 *                     │         ▲ cursor
 *                     ▼
 *     group 1      cache·0 cache·1
 *
 * Cost: reads and writes every byte once; nothing is decoded. A step of 1 MB takes 5 ms, the 170 MB
 * of a group of a million short posts 0.8 s in all; a rare term of it is then found in 2 us, not 9.
 */
#include "index/group.h"

#include "base/error.h"

/* Terms and facets: what a group has. */
#define GROUP_KEYS_END unit_key(0, UNIT_COLUMN, 0)

typedef struct source {
    unit_cursor *cursor;
    uint64_t inner; /* of the current value; UINT64_MAX: exhausted */
    str value;
} source;

typedef struct move {
    source sources[GROUP_WINDOWS];
    unit_packer packer;
} move;

static bool group_begun(const catalog *c) {
    return c->state.group_cursor != UINT64_MAX;
}

bool group_pending(const catalog *c) {
    return group_begun(c) ||
           catalog_whole_windows(c) >= (c->state.group_end + 1) << GROUP_BITS;
}

static anp_status advance(source *s, anp_error *err) {
    anp_status status = unit_cursor_next(s->cursor, &s->inner, &s->value, err);
    if (status == ANP_NOT_FOUND) {
        s->inner = UINT64_MAX;
        return ANP_OK;
    }
    return status;
}

static source *least_source(move *m) {
    source *least = &m->sources[0];
    for (uint32_t i = 1; i < GROUP_WINDOWS; i++) {
        least = m->sources[i].inner < least->inner ? &m->sources[i] : least;
    }
    return least;
}

/* *reached: the first key that was not moved; UINT64_MAX: all were. What a term has in one window
   is moved as one. */
static anp_status move_values(move *m, uint64_t bytes, uint64_t *reached, anp_error *err) {
    source *s = least_source(m);
    uint64_t last = UINT64_MAX;
    while (s->inner != UINT64_MAX && (m->packer.bytes < bytes || s->inner >> 8 == last >> 8)) {
        last = s->inner;
        TRY(unit_packer_put(&m->packer, s->inner, s->value, err));
        TRY(advance(s, err));
        s = least_source(m);
    }
    *reached = s->inner;
    return unit_packer_finish(&m->packer, err);
}

static anp_status open_sources(move *m, store_txn *txn, uint32_t group, uint64_t from,
                               anp_error *err) {
    for (uint32_t i = 0; i < GROUP_WINDOWS; i++) {
        source *s = &m->sources[i];
        TRY(unit_cursor_open(txn, UNIT_WINDOW, (group << GROUP_BITS) + i, from, GROUP_KEYS_END,
                             &s->cursor, err));
        TRY(advance(s, err));
    }
    return ANP_OK;
}

static void close_sources(move *m) {
    for (uint32_t i = 0; i < GROUP_WINDOWS; i++) {
        unit_cursor_close(m->sources[i].cursor);
        m->sources[i].cursor = NULL;
    }
}

uint64_t group_cursor(const catalog *c) {
    return group_begun(c) ? c->state.group_cursor : 0;
}

anp_status group_move(store_txn *txn, uint32_t group, uint64_t from, uint64_t bytes,
                      unit_sink sink, uint64_t *reached, anp_error *err) {
    move *m = calloc(1, sizeof *m);
    if (!m) {
        return error_nomem(err, "merging a group of windows");
    }
    unit_packer_init(&m->packer, sink, UNIT_GROUP, group);
    anp_status status = open_sources(m, txn, group, from, err);
    if (status == ANP_OK) {
        status = move_values(m, bytes, reached, err);
    }
    close_sources(m);
    unit_packer_free(&m->packer);
    free(m);
    return status;
}

/* What was moved goes from the windows. A pack's key is that of its last entry: it stays until all
   of them are moved. */
static anp_status delete_moved(store_txn *txn, const catalog *c, uint64_t reached,
                               anp_error *err) {
    static const store_table tables[] = {STORE_POSTINGS, STORE_POSITIONS, STORE_FACETS};
    uint64_t from = group_cursor(c), end = reached == UINT64_MAX ? GROUP_KEYS_END : reached;
    for (uint32_t i = 0; i < GROUP_WINDOWS; i++) {
        uint64_t unit = (uint64_t)((c->state.group_end << GROUP_BITS) + i) << 48;
        for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
            TRY(store_delete_range(txn, tables[t], unit | from, unit | end, err));
        }
    }
    return ANP_OK;
}

anp_status group_moved(store_txn *txn, catalog *c, uint64_t reached, anp_error *err) {
    TRY(delete_moved(txn, c, reached, err));
    c->state.group_cursor = reached;
    c->state.group_end += reached == UINT64_MAX;
    return ANP_OK;
}
