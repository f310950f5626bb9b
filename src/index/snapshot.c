/* A snapshot's life, the corpus, posts, sketches. Terms: snapshot_terms.c; positions:
   snapshot_positions.c; columns and facets: snapshot_columns.c. */
#include "index/snapshot_impl.h"

#include "base/error.h"
#include "sketch/sketch.h"

static anp_status load_deleted(snapshot *s, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    s->deleted = bitmap_new();
    if (!s->deleted) {
        return error_nomem(err, "the deleted posts");
    }
    TRY(store_cursor_open(s->txn, STORE_DELETED, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, err);
    while (status == ANP_OK) {
        bitmap *of_window = NULL;
        status = bitmap_load(value.data, value.len, &of_window);
        if (status == ANP_CORRUPT) {
            status =
                error_corrupt(err, "the deleted posts of a window are damaged; restore a backup");
        } else if (status != ANP_OK || !bitmap_or(s->deleted, of_window)) {
            status = error_nomem(err, "the deleted posts");
        }
        bitmap_free(of_window);
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, err);
        }
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

anp_status snapshot_open(index_handle *index, snapshot **out, anp_error *err) {
    snapshot *s = calloc(1, sizeof *s);
    if (!s) {
        return error_nomem(err, "a snapshot");
    }
    s->index = index;
    s->column_window = s->sparse_window = UINT32_MAX;
    anp_status status = store_begin_read(index_store(index), &s->txn, err);
    if (status == ANP_OK) {
        status = catalog_load(s->txn, &s->cat, err);
    }
    if (status == ANP_OK) {
        s->merging = catalog_merging(&s->cat);
        s->merged = s->cat.state.merge_cursor;
        catalog_keep_read(&s->cat);
    }
    if (status == ANP_OK) {
        status = load_deleted(s, err);
    }
    if (status == ANP_OK) {
        status = index_tail(index, s->txn, &s->cat.state, &s->tail, err);
    }
    if (status != ANP_OK) {
        snapshot_close(s);
        return status;
    }
    *out = s;
    return ANP_OK;
}

void snapshot_close(snapshot *s) {
    if (s) {
        if (s->tail) {
            index_tail_release(s->index, s->tail);
        }
        analyzer_close(s->analyzer);
        compressor_close(s->compressor);
        bitmap_free(s->deleted);
        catalog_free(&s->cat);
        store_cursor_close(s->group_lists);
        snapshot_free_cells(s);
        arena_free(&s->scratch);
        store_abort(s->txn);
        for (int field = 0; field < INDEX_FIELDS; field++) {
            free(s->lengths[field]);
        }
        free((void *)s->scores);
        buffer_free(&s->sketches);
        free(s);
    }
}

uint64_t snapshot_post_count(const snapshot *s) {
    return s->cat.state.post_count;
}

uint32_t snapshot_docno_end(const snapshot *s) {
    return s->cat.state.docno_end;
}

uint32_t snapshot_window_count(const snapshot *s) {
    return (uint32_t)(((uint64_t)s->cat.state.docno_end + WINDOW_DOCS - 1) >> WINDOW_BITS);
}

double snapshot_length_average(const snapshot *s, index_field field) {
    const catalog_state *state = &s->cat.state;
    uint64_t words = field == INDEX_TEXT    ? catalog_text_words(&s->cat)
                     : field == INDEX_TITLE ? state->title_words
                                            : state->body_words;
    return state->post_count ? (double)words / (double)state->post_count : 0;
}

uint32_t snapshot_title_weight(const snapshot *s) {
    return s->cat.settings.title_weight;
}

const catalog_settings *snapshot_settings(const snapshot *s) {
    return &s->cat.settings;
}

arena *snapshot_scratch(snapshot *s) {
    arena_reset(&s->scratch, SNAPSHOT_SCRATCH_BYTES);
    return &s->scratch;
}

const bitmap *snapshot_deleted(const snapshot *s) {
    return s->deleted;
}

struct analyzer *snapshot_analyzer(snapshot *s) {
    if (!s->analyzer) {
        const catalog_settings *settings = &s->cat.settings;
        /* It opened when the index was made or opened; only memory can fail now. */
        if (analyzer_open(settings->analyzer, settings->language, &s->analyzer, NULL) != ANP_OK) {
            s->analyzer = NULL;
        }
    }
    return s->analyzer;
}

size_t snapshot_units(const snapshot *s, uint32_t window, const unit_info **units) {
    size_t from = 0, to = s->cat.units.count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (s->cat.units.items[middle].first >> WINDOW_BITS < window) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    size_t end = from;
    while (end < s->cat.units.count && s->cat.units.items[end].first >> WINDOW_BITS == window) {
        end++;
    }
    *units = s->cat.units.items + from;
    return end - from;
}

anp_status snapshot_unit_value(snapshot *s, const unit_info *unit, unit_entry entry, str *out,
                               anp_error *err) {
    uint64_t inner = snapshot_inner_key(unit->first >> WINDOW_BITS, entry);
    unit_place place = catalog_place(&s->cat, unit, inner);
    uint64_t key = (uint64_t)place.number << 48 | inner;
    anp_status status = unit_get(s->txn, place.level, key, out, err);
    if (status == ANP_NOT_FOUND) {
        *out = (str){NULL, 0};
        return ANP_OK;
    }
    return status;
}

anp_status snapshot_statistics_of(snapshot *s, snapshot_statistics *out, anp_error *err) {
    *out = (snapshot_statistics){.settings = &s->cat.settings,
                                 .deleted = bitmap_count(s->deleted),
                                 .terms = s->cat.state.term_end,
                                 .words = catalog_text_words(&s->cat),
                                 .log_posts = s->tail->count};
    for (size_t i = 0; i < s->cat.units.count; i++) {
        out->segments += s->cat.units.items[i].level == UNIT_SEGMENT;
        out->windows += s->cat.units.items[i].level == UNIT_WINDOW;
    }
    for (int table = 0; table < STORE_TABLES; table++) {
        TRY(store_table_measure(s->txn, (store_table)table, &out->tables[table], err));
    }
    return store_file_bytes(index_store(s->index), &out->file_bytes, err);
}

/* ---- Posts --------------------------------------------------------------------------------- */

anp_status snapshot_docno(snapshot *s, str id, uint32_t *docno, anp_error *err) {
    str value;
    if (id.len == 0 || id.len > ID_BYTES_MAX) {
        return ANP_NOT_FOUND;
    }
    TRY(store_get(s->txn, STORE_IDS, store_key_bytes(id), &value, err));
    if (value.len != 4 || load_u32(value.data) >= s->cat.state.docno_end) {
        return error_corrupt(err, "the entry of id %.*s is damaged", (int)id.len, id.data);
    }
    *docno = load_u32(value.data);
    return ANP_OK;
}

anp_status snapshot_id(snapshot *s, uint32_t docno, arena *perm, str *id, anp_error *err) {
    str in_place, frame;
    TRY(index_row(s->txn, docno, &in_place, &frame, err));
    *id = arena_str(perm, in_place);
    return id->data ? ANP_OK : error_nomem(err, "an id");
}

anp_status snapshot_stored(snapshot *s, uint32_t docno, stored_post *out, anp_error *err) {
    if (!snapshot_stores_posts(s)) {
        return error_set(err, ANP_UNSUPPORTED, "this index was made with --store none and has no "
                         "posts to show; rebuild it with --store all");
    }
    return index_stored(s->index, s->txn, docno, out, err);
}

anp_status snapshot_post(snapshot *s, uint32_t docno, arena *perm, str *json, anp_error *err) {
    stored_post post;
    TRY(snapshot_stored(s, docno, &post, err));
    if (!s->compressor && !(s->compressor = compressor_open())) {
        return error_nomem(err, "reading a post");
    }
    return compressor_read(s->compressor, post.dictionary, post.frame, STORED_POST_BYTES_MAX, perm,
                           json, err);
}

snapshot_version snapshot_version_of(const snapshot *s) {
    return (snapshot_version){store_generation(index_store(s->index)), store_txn_number(s->txn)};
}

bool snapshot_stores_posts(const snapshot *s) {
    return s->cat.settings.store == ANP_STORE_ALL;
}

/* ---- Sketches ------------------------------------------------------------------------------ */

static anp_status log_sketches(snapshot *s, uint32_t docno, const uint8_t **sketches,
                               uint32_t *count, anp_error *err) {
    uint32_t from = docno - s->tail->first;
    s->sketches.len = 0;
    for (uint32_t i = from; i < s->tail->count; i++) {
        buffer_put(&s->sketches, tail_sketch(s->tail, i), SKETCH_BYTES);
    }
    *sketches = s->sketches.data;
    *count = s->tail->count - from;
    return s->sketches.failed ? error_nomem(err, "sketches") : ANP_OK;
}

anp_status snapshot_sketches(snapshot *s, uint32_t docno, const uint8_t **sketches,
                             uint32_t *count, anp_error *err) {
    const unit_entry entry = {UNIT_SKETCH, unit_piece_of(docno), 0};
    if (!snapshot_stores_posts(s)) {
        return error_set(err, ANP_UNSUPPORTED, "this index was made with --store none and knows no "
                         "similar posts; rebuild it with --store all");
    }
    if (docno >= s->tail->first && docno - s->tail->first < s->tail->count) {
        return log_sketches(s, docno, sketches, count, err);
    }
    const unit_info *units;
    size_t n = snapshot_units(s, docno >> WINDOW_BITS, &units);
    for (size_t i = 0; i < n; i++) {
        uint32_t from, end;
        str value;
        unit_piece(&units[i], entry.number, &from, &end);
        if (docno < from || docno >= end) {
            continue;
        }
        TRY(snapshot_unit_value(s, &units[i], entry, &value, err));
        if (value.len != (size_t)(end - from) * SKETCH_BYTES) {
            return error_corrupt(err, "the sketches of %u posts have %zu bytes", end - from,
                                 value.len);
        }
        *sketches = (const uint8_t *)value.data + (size_t)(docno - from) * SKETCH_BYTES;
        *count = end - docno;
        return ANP_OK;
    }
    return error_corrupt(err, "post %u has no sketch; restore a backup", docno);
}
