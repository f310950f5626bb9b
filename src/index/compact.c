/*
 * See compact.h. Records wait in a file without a name for the order of all posts. Where that of
 * before is kept, the records of one old window after the other fill new windows, so at most two
 * windows' records are in memory.
 *
 * Term numbers keep their order: then a post's terms, sorted by old number, are so by new number,
 * and nothing needs sorting.
 */
#include "index/compact.h"

#include "base/error.h"
#include "index/group_build.h"
#include "index/likeness.h"
#include "index/numbers.h"
#include "index/reorder.h"
#include "index/snapshot_impl.h"
#include "index/spill.h"
#include "index/uninvert.h"
#include "index/unit_build.h"
#include "store/rewrite.h"

#include <unistd.h>

typedef struct compaction {
    snapshot *snapshot;
    pool *pool; /* that builds units */
    const compact_options *options;
    store_rewrite *rewrite;
    renumbering numbers;
    uint32_t live;     /* posts */
    uint32_t *docnos;  /* old ordinals, in the new order */
    uninverter from;
    group_builder *group; /* that the windows in hand belong to; NULL: none */
    catalog cat;       /* the new one's state and units; settings and fields are the snapshot's */
    spill *spill;      /* for a new order: all records, in the old one */
    uint64_t *places;  /* likewise: where each post's record begins in the spill, by its rank */
    uint32_t *ranks;   /* likewise: by new ordinal */
    uint64_t puts;     /* into the new file */
} compaction;

enum { PUTS_AN_ASKING = 256 }; /* so often is asked while a window is written: one takes seconds */

static anp_status ask(const compaction *c, const char *step, uint64_t done, anp_error *err) {
    const compact_options *o = c->options;
    if (!o->ask || o->ask(o->user, step, done, c->live)) {
        return ANP_OK;
    }
    return error_set(err, ANP_CANCELLED, "stopped as asked; the index is as it was");
}

static anp_status put(compaction *c, store_table table, store_key key, str value, anp_error *err) {
    if (++c->puts % PUTS_AN_ASKING == 0) {
        TRY(ask(c, "writing", c->cat.state.docno_end, err));
    }
    return store_rewrite_put(c->rewrite, table, key, value, err);
}

/* ---- Units --------------------------------------------------------------------------------- */

/* How many threads help this one. */
static unsigned thread_count(uint32_t wanted) {
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t most = processors > 0 ? (uint32_t)processors : 1;
    uint32_t count = wanted && wanted < most ? wanted : most;
    return count < 2 ? 0 : count < 64 ? count : 64;
}

static anp_status build_unit(compaction *c, const unit_info *unit, const str *records,
                             unit_sink sink, anp_error *err) {
    arena memory = {0};
    forward_view *posts = malloc((unit->count + 1u) * sizeof *posts);
    anp_status status = posts ? ANP_OK : error_nomem(err, "compacting");
    for (uint32_t i = 0; i < unit->count && status == ANP_OK; i++) {
        status = forward_view_open(records[i], &memory, &posts[i], err);
    }
    if (status == ANP_OK) {
        status = unit_build(c->pool, sink, &c->cat.settings, unit, posts, NULL, NULL, err);
    }
    free(posts);
    arena_free(&memory);
    return status;
}

static anp_status put_in_file(void *user, store_table table, uint64_t key, str value,
                              anp_error *err) {
    return put(user, table, store_key_u64(key), value, err);
}

static anp_status put_unit_value(void *user, store_table table, uint64_t key, str value,
                                 anp_error *err) {
    compaction *c = user;
    return c->group && unit_kind_packs(unit_key_kind(key))
               ? group_builder_put(c->group, table, key, value, err)
               : put_in_file(user, table, key, value, err);
}

/* Before a window: a group begins with its first one, if all its windows will be full. */
static anp_status begin_group(compaction *c, uint32_t window, anp_error *err) {
    uint32_t windows = c->live >> WINDOW_BITS;
    if (unit_slot(window) != 0 || windows - window < GROUP_WINDOWS) {
        return ANP_OK;
    }
    return group_builder_open(store_rewrite_path(c->rewrite), window >> GROUP_BITS, &c->group, err);
}

/* After a window: a group ends with its last one. */
static anp_status end_group(compaction *c, uint32_t window, anp_error *err) {
    if (!c->group || unit_slot(window) != GROUP_WINDOWS - 1) {
        return ANP_OK;
    }
    TRY(group_builder_finish(c->group, (unit_sink){put_in_file, c}, err));
    group_builder_close(c->group);
    c->group = NULL;
    c->cat.state.group_end++;
    return ANP_OK;
}

/* The stored posts of a new window. */
static anp_status copy_posts(compaction *c, uint32_t first, uint32_t count, anp_error *err) {
    for (uint32_t i = 0; i < count; i++) {
        str value;
        uint32_t old = c->docnos[first + i];
        anp_status status =
            store_get(c->snapshot->txn, STORE_POSTS, store_key_u64(old), &value, err);
        if (status == ANP_NOT_FOUND) {
            return error_corrupt(err, "post %u is missing from the index; restore a backup", old);
        }
        TRY(status);
        TRY(put(c, STORE_POSTS, store_key_u64(first + i), value, err));
    }
    return ANP_OK;
}

/* A unit of the next posts: a window when there are so many, at the end a segment. */
static anp_status write_unit(compaction *c, const str *records, uint32_t count, anp_error *err) {
    catalog_state *state = &c->cat.state;
    unit_info unit = {.first = state->docno_end, .count = count, .level = UNIT_SEGMENT};
    if (count == WINDOW_DOCS) {
        unit.level = UNIT_WINDOW;
        unit.number = (uint16_t)(unit.first >> WINDOW_BITS);
        TRY(begin_group(c, unit.number, err));
    } else {
        state->segment_next = 1;
        state->segments_made++;
    }
    unit.length_average =
        (float)((double)catalog_text_words(&c->cat) / (double)(c->live ? c->live : 1));
    unit_sink sink = {put_unit_value, c};
    TRY(build_unit(c, &unit, records, sink, err));
    TRY(end_group(c, unit.number, err));
    if (!vec_push(&c->cat.units, unit)) {
        return error_nomem(err, "compacting");
    }
    TRY(copy_posts(c, unit.first, count, err));
    state->docno_end += count;
    return ask(c, "writing", state->docno_end, err);
}

/* ---- In the order of before ---------------------------------------------------------------- */

/* Records that wait for their window to be full: the rest of one old window, and a second one. */
typedef struct waiting {
    uninverted old[2];
    str *records;
    uint32_t count;
} waiting;

/* Writes full windows, and at the `end` what is left. */
static anp_status write_waiting(compaction *c, waiting *w, bool end, anp_error *err) {
    uint32_t from = 0;
    anp_status status = ANP_OK;
    while (status == ANP_OK && (w->count - from >= WINDOW_DOCS || (end && w->count > from))) {
        uint32_t count = w->count - from < WINDOW_DOCS ? w->count - from : WINDOW_DOCS;
        status = write_unit(c, w->records + from, count, err);
        from += count;
    }
    memmove(w->records, w->records + from, (w->count - from) * sizeof *w->records);
    w->count -= from;
    return status;
}

/* Few posts of many old windows may wait for one new window: their records go together. */
static anp_status join_waiting(waiting *w, anp_error *err) {
    buffer all = {0};
    for (uint32_t i = 0; i < w->count; i++) {
        buffer_put_str(&all, w->records[i]);
    }
    if (all.failed) {
        buffer_free(&all);
        return error_nomem(err, "compacting");
    }
    const char *at = (const char *)all.data;
    for (uint32_t i = 0; i < w->count; i++) {
        w->records[i].data = at;
        at += w->records[i].len;
    }
    uninvert_free(&w->old[0]);
    uninvert_free(&w->old[1]);
    w->old[0].bytes = all;
    return ANP_OK;
}

static anp_status write_by_windows(compaction *c, anp_error *err) {
    waiting w = {.records = malloc(2 * WINDOW_DOCS * sizeof *w.records)};
    anp_status status = w.records ? ANP_OK : error_nomem(err, "compacting");
    uint32_t listed = 0;
    for (uint32_t i = 0; i < snapshot_window_count(c->snapshot) && status == ANP_OK; i++) {
        status = uninvert_window(&c->from, i, &w.old[1], err);
        if (status != ANP_OK) {
            break;
        }
        for (uint32_t post = 0; post < w.old[1].count; post++) {
            c->docnos[listed++] = w.old[1].docnos[post];
            w.records[w.count++] = uninvert_record(&w.old[1], post);
        }
        status = write_waiting(c, &w, false, err);
        if (status == ANP_OK) {
            status = join_waiting(&w, err);
        }
    }
    if (status == ANP_OK) {
        status = write_waiting(c, &w, true, err);
    }
    uninvert_free(&w.old[0]);
    uninvert_free(&w.old[1]);
    free(w.records);
    return status;
}

/* ---- All posts in a new order -------------------------------------------------------------- */

static anp_status spill_records(compaction *c, anp_error *err) {
    uint32_t rank = 0;
    TRY(spill_open(store_rewrite_path(c->rewrite), &c->spill, err));
    for (uint32_t i = 0; i < snapshot_window_count(c->snapshot); i++) {
        uninverted u;
        TRY(uninvert_window(&c->from, i, &u, err));
        uint64_t base = spill_bytes(c->spill);
        for (uint32_t post = 0; post < u.count; post++) {
            c->docnos[rank] = u.docnos[post];
            c->places[rank++] = base + u.offsets[post];
        }
        anp_status status = spill_write(c->spill, u.bytes.data, u.bytes.len, err);
        uninvert_free(&u);
        TRY(status);
        TRY(ask(c, "reading", rank, err));
    }
    c->places[rank] = spill_bytes(c->spill);
    return ANP_OK;
}

static str spilled(void *user, uint32_t rank) {
    compaction *c = user;
    return str_make(spill_data(c->spill) + c->places[rank],
                    (size_t)(c->places[rank + 1] - c->places[rank]));
}

static bool ask_reorder(void *user, uint64_t done, uint64_t whole) {
    const compact_options *o = ((compaction *)user)->options;
    return !o->ask || o->ask(o->user, "ordering", done, whole);
}

static anp_status write_reordered(compaction *c, anp_error *err) {
    c->places = malloc(((size_t)c->live + 1) * sizeof *c->places);
    c->ranks = malloc(((size_t)c->live + 1) * sizeof *c->ranks);
    str *records = malloc(WINDOW_DOCS * sizeof *records);
    uint32_t *sorted = malloc(((size_t)c->live + 1) * sizeof *sorted);
    anp_status status = c->places && c->ranks && records && sorted
                            ? spill_records(c, err)
                            : error_nomem(err, "compacting");
    if (status == ANP_OK) {
        status = spill_map(c->spill, err);
    }
    if (status == ANP_OK) {
        reorder_input input = {.count = c->live, .term_end = c->numbers.term_end,
                               .title_weight = c->cat.settings.title_weight,
                               .memory_bytes = c->options->memory_bytes, .pool = c->pool,
                               .record = spilled, .ask = ask_reorder, .user = c};
        status = reorder(&input, c->ranks, err);
    }
    for (uint32_t i = 0; status == ANP_OK && i < c->live; i++) {
        sorted[i] = c->docnos[c->ranks[i]];
    }
    if (status == ANP_OK) {
        memcpy(c->docnos, sorted, c->live * sizeof *sorted);
    }
    free(sorted);
    for (uint32_t from = 0; status == ANP_OK && from < c->live;) {
        uint32_t count = c->live - from < WINDOW_DOCS ? c->live - from : WINDOW_DOCS;
        for (uint32_t i = 0; i < count; i++) {
            records[i] = spilled(c, c->ranks[from + i]);
        }
        status = write_unit(c, records, count, err);
        from += count;
    }
    free(records);
    return status;
}

/* ---- The other tables ---------------------------------------------------------------------- */

typedef struct vocabulary {
    numbers_packer packer;
    const uint32_t *numbers; /* new by old */
    uint32_t old_end;
    anp_status status;
    anp_error *err;
} vocabulary;

static bool take_string(void *user, str text, uint32_t number) {
    vocabulary *v = user;
    if (number >= v->old_end) {
        v->status = error_corrupt(v->err, "a string has a number that was never given; verify the "
                                  "index");
    } else if (v->numbers[number] != UINT32_MAX) {
        v->status = numbers_packer_add(&v->packer, text, v->numbers[number], v->err);
    }
    return v->status == ANP_OK;
}

static anp_status put_block(void *user, store_table table, str key, str block, anp_error *err) {
    return put(user, table, store_key_bytes(key), block, err);
}

static anp_status write_vocabulary(compaction *c, store_table table, const uint32_t *renumbered,
                                   uint32_t old_end, uint32_t new_end, anp_error *err) {
    vocabulary v = {.numbers = renumbered, .old_end = old_end, .err = err};
    v.packer = (numbers_packer){.table = table, .put = put_block, .user = c};
    v.packer.bits = numbers_bits(new_end);
    anp_status status = numbers_walk(c->snapshot->txn, table, (str){"", 0}, take_string, &v, err);
    status = status == ANP_OK ? v.status : status;
    if (status == ANP_OK) {
        status = numbers_packer_finish(&v.packer, err);
    }
    numbers_packer_free(&v.packer);
    return status;
}

static anp_status put_chunk(void *user, uint64_t docno, str value, anp_error *err) {
    return put(user, STORE_SHINGLES, store_key_u64(docno), value, err);
}

static anp_status write_likeness(compaction *c, anp_error *err) {
    likeness_rewrite r = {c->snapshot, c->docnos, c->live, c->pool, put_chunk, c};
    return snapshot_stores_posts(c->snapshot) ? likeness_write(&r, err) : ANP_OK;
}

/* Ids keep their order: only what they lead to is new. */
static anp_status write_ids(compaction *c, anp_error *err) {
    uint32_t end = c->snapshot->cat.state.docno_end;
    uint32_t *new = malloc((end + 1u) * sizeof *new);
    store_cursor *cursor;
    store_key key;
    str value;
    if (!new) {
        return error_nomem(err, "compacting");
    }
    memset(new, 0xff, end * sizeof *new);
    for (uint32_t i = 0; i < c->live; i++) {
        new[c->docnos[i]] = i;
    }
    anp_status status = store_cursor_open(c->snapshot->txn, STORE_IDS, &cursor, err);
    if (status != ANP_OK) {
        free(new);
        return status;
    }
    status = store_seek(cursor, store_key_bytes((str){"", 0}), &key, &value, err);
    while (status == ANP_OK) {
        char docno[4];
        uint32_t old = value.len == 4 ? load_u32(value.data) : UINT32_MAX;
        if (old >= end || new[old] == UINT32_MAX) {
            status = error_corrupt(err, "the entry of id %.*s is damaged; verify the index",
                                   (int)key.bytes.len, key.bytes.data);
            break;
        }
        store_u32(docno, new[old]);
        status = put(c, STORE_IDS, key, str_make(docno, 4), err);
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, err);
        }
    }
    store_cursor_close(cursor);
    free(new);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status write_meta(compaction *c, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    buffer state = {0};
    TRY(store_cursor_open(c->snapshot->txn, STORE_META, &cursor, err));
    anp_status status = store_seek(cursor, store_key_bytes((str){"", 0}), &key, &value, err);
    while (status == ANP_OK) {
        status = store_rewrite_put(c->rewrite, STORE_META, key, value, err);
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, err);
        }
    }
    store_cursor_close(cursor);
    if (status != ANP_NOT_FOUND) {
        return status;
    }
    catalog_state_record(&c->cat, &state);
    status = state.failed
                 ? error_nomem(err, "compacting")
                 : store_rewrite_put(c->rewrite, STORE_META, store_key_bytes(STR(CATALOG_STATE)),
                                  str_make((const char *)state.data, state.len), err);
    buffer_free(&state);
    return status;
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void begin_catalog(compaction *c) {
    const catalog_state *old = &c->snapshot->cat.state;
    c->live = (uint32_t)old->post_count;
    c->cat.settings = c->snapshot->cat.settings;
    c->cat.state = *old;
    c->cat.state.docno_end = 0;
    c->cat.state.segment_next = 0;
    c->cat.state.merge_cursor = UINT64_MAX;
    c->cat.state.group_cursor = UINT64_MAX;
    c->cat.state.group_end = 0;
    c->cat.state.merge_due = 0;
}

static bool keeps_order(const compaction *c) {
    compact_order order = c->options->order;
    return order == COMPACT_KEPT || (order == COMPACT_MANY && c->live < WINDOW_DOCS / 8);
}

static anp_status write_all(compaction *c, anp_error *err) {
    const catalog_state *old = &c->snapshot->cat.state;
    begin_catalog(c);
    c->pool = pool_open(thread_count(c->options->threads));
    if (!c->pool) {
        return error_nomem(err, "compacting");
    }
    TRY(ask(c, "reading", 0, err));
    if (old->docno_end - bitmap_count(c->snapshot->deleted) != old->post_count) {
        return error_corrupt(err, "the index counts %llu posts, others are there; verify it",
                             (unsigned long long)old->post_count);
    }
    TRY(renumbering_make(c->snapshot, &c->numbers, err));
    c->docnos = malloc(((size_t)c->live + 1) * sizeof *c->docnos);
    if (!c->docnos) {
        return error_nomem(err, "compacting");
    }
    c->from = (uninverter){c->snapshot, &c->numbers, store_rewrite_path(c->rewrite), NULL, 0};
    TRY(keeps_order(c) ? write_by_windows(c, err) : write_reordered(c, err));
    c->cat.state.log_first = c->cat.state.docno_end;
    c->cat.state.term_end = c->numbers.term_end;
    c->cat.state.value_end = c->numbers.value_end;
    TRY(write_vocabulary(c, STORE_TERMS, c->numbers.terms, old->term_end, c->numbers.term_end,
                         err));
    TRY(write_vocabulary(c, STORE_VALUES, c->numbers.values, old->value_end, c->numbers.value_end,
                         err));
    TRY(write_likeness(c, err));
    TRY(write_ids(c, err));
    TRY(write_meta(c, err));
    return store_rewrite_finish(c->rewrite, err);
}

static void end_compaction(compaction *c) {
    renumbering_free(&c->numbers);
    free(c->docnos);
    free(c->places);
    free(c->ranks);
    free(c->cat.units.items);
    uninverter_close(&c->from);
    group_builder_close(c->group);
    spill_close(c->spill);
    pool_close(c->pool);
    snapshot_close(c->snapshot);
}

/* `lock`: the write transaction of a compaction in place; ended in any case. */
static anp_status compact(index_handle *index, const char *path, const compact_options *options,
                          store_txn *lock, uint64_t *bytes, anp_error *err) {
    compaction c = {.options = options};
    anp_status status = snapshot_open(index, &c.snapshot, err);
    if (status == ANP_OK) {
        status = store_rewrite_open(lock ? lock : c.snapshot->txn, path, &c.rewrite, err);
    }
    if (status == ANP_OK) {
        status = write_all(&c, err);
    }
    end_compaction(&c);
    if (status == ANP_OK) {
        *bytes = store_rewrite_bytes(c.rewrite);
        status = lock ? store_rewrite_replace(c.rewrite, lock, err)
                      : store_rewrite_publish(c.rewrite, err);
    } else {
        store_abort(lock);
    }
    store_rewrite_close(c.rewrite);
    return status;
}

anp_status index_compact(index_handle *index, const char *path, const compact_options *options,
                         uint64_t *bytes, anp_error *err) {
    store_txn *lock = NULL;
    *bytes = 0;
    if (!path) {
        if (!index_writable(index)) {
            return error_set(err, ANP_INVALID,
                             "%s was opened for reading only; open it for writing",
                             store_path(index_store(index)));
        }
        TRY(store_begin_write(index_store(index), &lock, err));
    }
    return compact(index, path, options, lock, bytes, err);
}
