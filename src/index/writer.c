/*
 * See writer.h. The forward records of a batch are kept in memory until the commit, which puts
 * them into the log or, together with the log's, inverts them into units that end at window
 * borders.
 */
#include "index/writer.h"

#include "base/error.h"
#include "index/analysis.h"
#include "index/column.h"
#include "index/merge.h"
#include "index/unit_write.h"
#include "postings/bitmap.h"
#include "store/compress.h"

enum {
    VOCABULARY_CACHE_BYTES = 96 << 20,
    SAMPLE_BYTES_MAX = 16 << 10, /* of one post */
};

struct index_writer {
    index_handle *index;
    store_txn *txn;      /* NULL between commit and the next change */
    uint64_t txn_number; /* of the last commit seen: others may have committed since */
    catalog cat;
    bool loaded; /* cat and the caches are those of txn_number */
    bool broken; /* a change failed half-way: the batch cannot be committed */
    numbers terms;
    numbers values;
    analysis analysis;
    compressor *compressor;
    dictionary *dictionary; /* of the catalog's state, or NULL */
    buffer samples;         /* posts to train one on, while there is none */
    VEC(size_t) sample_sizes;
    bool untrainable;       /* the samples made none: do without for this writer's life */
    buffer records;       /* the batch's forward records, one behind the other */
    VEC(size_t) offsets;  /* of each in records */
    VEC(forward_head) heads;
    bitmap *deleted; /* by this batch */
    buffer stored;   /* scratch of one post */
};

anp_status writer_open(index_handle *index, index_writer **out, anp_error *err) {
    if (!index_writable(index)) {
        return error_set(err, ANP_INVALID, "%s was opened for reading only; open it for writing",
                         store_path(index_store(index)));
    }
    index_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return error_nomem(err, "a writer");
    }
    const catalog_settings *settings = index_settings(index);
    w->index = index;
    w->terms = (numbers){.table = STORE_TERMS, .next = &w->cat.state.term_end};
    w->values = (numbers){.table = STORE_VALUES, .next = &w->cat.state.value_end};
    w->analysis = (analysis){.catalog = &w->cat, .terms = &w->terms, .values = &w->values};
    w->compressor = compressor_open();
    w->deleted = bitmap_new();
    anp_status status = w->compressor && w->deleted ? ANP_OK : error_nomem(err, "a writer");
    if (status == ANP_OK) {
        status = analyzer_open(settings->analyzer, settings->language, &w->analysis.analyzer, err);
    }
    if (status != ANP_OK) {
        writer_close(w);
        return status;
    }
    *out = w;
    return ANP_OK;
}

/* Forgets the batch, and the caches with it: they may hold numbers that were never committed. */
static void drop_batch(index_writer *w) {
    store_abort(w->txn);
    w->txn = NULL;
    w->loaded = w->broken = false;
    w->records.len = 0;
    w->offsets.count = w->heads.count = 0;
    catalog_free(&w->cat);
    numbers_clear(&w->terms);
    numbers_clear(&w->values);
    w->analysis.fields_changed = false;
    dictionary_close(w->dictionary);
    w->dictionary = NULL;
    bitmap_free(w->deleted);
    w->deleted = bitmap_new();
}

void writer_close(index_writer *w) {
    if (w) {
        drop_batch(w);
        bitmap_free(w->deleted);
        analysis_free(&w->analysis);
        compressor_close(w->compressor);
        buffer_free(&w->records);
        buffer_free(&w->stored);
        buffer_free(&w->samples);
        free(w->sample_sizes.items);
        free(w->offsets.items);
        free(w->heads.items);
        free(w);
    }
}

/* Begins the transaction if there is none, and reads the catalog afresh when somebody else
   committed in between. */
static anp_status begin(index_writer *w, anp_error *err) {
    if (w->broken) {
        return error_set(err, ANP_INVALID, "an earlier change failed and the batch is lost; close "
                         "the writer and open a new one");
    }
    if (w->txn) {
        return store_in_own_thread(w->txn)
                   ? ANP_OK
                   : error_set(err, ANP_INVALID,
                               "another thread changed this batch first; change and "
                               "commit it in that one");
    }
    TRY(store_begin_write(index_store(w->index), &w->txn, err));
    if (w->loaded && store_txn_number(w->txn) == w->txn_number + 1) {
        return ANP_OK;
    }
    store_txn *txn = w->txn;
    w->txn = NULL;
    drop_batch(w);
    w->txn = txn;
    anp_status status = w->deleted ? catalog_load(txn, &w->cat, err) : error_nomem(err, "a writer");
    if (status == ANP_OK) {
        status = catalog_load_dictionary(txn, w->cat.state.dictionary, &w->dictionary, err);
    }
    w->loaded = status == ANP_OK;
    w->txn_number = store_txn_number(txn) - 1;
    if (status != ANP_OK) {
        store_abort(w->txn);
        w->txn = NULL;
    }
    return status;
}

/* After a change that changed nothing: others need not wait for a batch that is empty. */
static void release_if_empty(index_writer *w) {
    if (w->txn && w->offsets.count == 0 && bitmap_count(w->deleted) == 0) {
        store_abort(w->txn);
        w->txn = NULL;
    }
}

/* ---- Deleting ------------------------------------------------------------------------------ */

static anp_status unit_length(index_writer *w, const unit_info *unit, uint32_t column,
                              uint32_t docno, uint32_t *out, anp_error *err) {
    str value;
    column_view view;
    uint64_t key = unit_key(unit->number, UNIT_COLUMN, column);
    TRY(unit_get(w->txn, (unit_level)unit->level, key, &value, err));
    TRY(column_open(value, &view, err));
    if (docno - unit->first >= view.count) {
        return error_corrupt(err, "a unit's lengths are too few; restore a backup");
    }
    *out = (uint32_t)column_get(&view, docno - unit->first);
    return ANP_OK;
}

/* A column lies in the window's unit or still in a segment: the first unit that holds the post
   and has it. */
static anp_status find_length(index_writer *w, uint32_t column, uint32_t docno, uint32_t *out,
                              anp_error *err) {
    for (size_t i = 0; i < w->cat.units.count; i++) {
        const unit_info *unit = &w->cat.units.items[i];
        if (docno < unit->first || docno - unit->first >= unit->count) {
            continue;
        }
        anp_status status = unit_length(w, unit, column, docno, out, err);
        if (status != ANP_NOT_FOUND) {
            return status;
        }
    }
    return error_corrupt(err, "the lengths of post %u are missing; restore a backup", docno);
}

static anp_status post_head(index_writer *w, uint32_t docno, forward_head *head, anp_error *err) {
    uint32_t batch_first = w->cat.state.docno_end - (uint32_t)w->heads.count;
    if (docno >= batch_first) {
        *head = w->heads.items[docno - batch_first];
        return ANP_OK;
    }
    if (docno >= w->cat.state.log_first) {
        str record;
        TRY(store_get(w->txn, STORE_LOG, store_key_u64(docno), &record, err));
        forward_open(record, head);
        return ANP_OK;
    }
    TRY(find_length(w, COLUMN_TITLE_LENGTH, docno, &head->title_words, err));
    return find_length(w, COLUMN_BODY_LENGTH, docno, &head->body_words, err);
}

/* Takes a live post out of the counts; its entry in ids is the caller's. */
static anp_status kill_post(index_writer *w, uint32_t docno, anp_error *err) {
    forward_head head;
    TRY(post_head(w, docno, &head, err));
    if (!bitmap_add(w->deleted, docno)) {
        return error_nomem(err, "the deleted posts");
    }
    w->cat.state.post_count--;
    w->cat.state.title_words -= head.title_words;
    w->cat.state.body_words -= head.body_words;
    return ANP_OK;
}

static anp_status find_post(index_writer *w, str id, uint32_t *docno, anp_error *err) {
    str value;
    TRY(store_get(w->txn, STORE_IDS, store_key_bytes(id), &value, err));
    if (value.len != 4 || load_u32(value.data) >= w->cat.state.docno_end) {
        return error_corrupt(err, "the entry of id %.*s is damaged", (int)id.len, id.data);
    }
    *docno = load_u32(value.data);
    return ANP_OK;
}

anp_status writer_delete(index_writer *w, str id, anp_error *err) {
    uint32_t docno;
    anp_status status = ANP_NOT_FOUND;
    if (id.len && id.len <= ID_BYTES_MAX) {
        TRY(begin(w, err));
        status = find_post(w, id, &docno, err);
    }
    if (status == ANP_NOT_FOUND) {
        release_if_empty(w);
        return error_set(err, ANP_NOT_FOUND, "no post has the id %.*s", (int)id.len, id.data);
    }
    if (status == ANP_OK) {
        status = kill_post(w, docno, err);
    }
    if (status == ANP_OK) {
        status = store_delete(w->txn, STORE_IDS, store_key_bytes(id), err);
    }
    w->broken = status != ANP_OK;
    return status;
}

/* ---- Adding -------------------------------------------------------------------------------- */

/* Makes the samples into the index's dictionary, for the posts that follow. */
static anp_status train(index_writer *w, anp_error *err) {
    buffer bytes = {0};
    anp_status status = dictionary_train(&w->samples, w->sample_sizes.items, w->sample_sizes.count,
                                         &bytes, err);
    if (status == ANP_OK) {
        str record = str_make((const char *)bytes.data, bytes.len);
        status = dictionary_open(record, &w->dictionary, err);
        if (status == ANP_OK) {
            w->cat.state.dictionary = dictionary_id(w->dictionary);
            status = catalog_save_dictionary(w->txn, w->cat.state.dictionary, record, err);
        }
    } else if (status == ANP_NOT_FOUND) {
        w->untrainable = true;
        status = ANP_OK;
    }
    buffer_free(&bytes);
    buffer_free(&w->samples);
    w->sample_sizes.count = 0;
    return status;
}

static anp_status take_sample(index_writer *w, str json, anp_error *err) {
    if (w->dictionary || w->untrainable || w->cat.settings.store != ANP_STORE_ALL) {
        return ANP_OK;
    }
    size_t len = json.len < SAMPLE_BYTES_MAX ? json.len : SAMPLE_BYTES_MAX;
    buffer_put(&w->samples, json.data, len);
    if (w->samples.failed || !vec_push(&w->sample_sizes, len)) {
        return error_nomem(err, "a dictionary");
    }
    return w->sample_sizes.count < DICTIONARY_SAMPLES ? ANP_OK : train(w, err);
}

/* u8 id length, id, zstd frame of the canonical JSON (nothing with --store none). */
static anp_status put_stored(index_writer *w, uint32_t docno, const post *article, anp_error *err) {
    w->stored.len = 0;
    buffer_put_u8(&w->stored, (uint8_t)article->id.len);
    buffer_put_str(&w->stored, article->id);
    if (w->cat.settings.store == ANP_STORE_ALL) {
        TRY(compressor_write(w->compressor, w->dictionary, article->json, &w->stored, err));
    }
    if (w->stored.failed) {
        return error_nomem(err, "storing a post");
    }
    str value = str_make((const char *)w->stored.data, w->stored.len);
    return store_put(w->txn, STORE_POSTS, store_key_u64(docno), value, true, err);
}

static anp_status put_post(index_writer *w, const post *article, const forward_head *head,
                           size_t record_at, bool *replaced, anp_error *err) {
    uint32_t docno = w->cat.state.docno_end, before;
    char value[4];
    anp_status status = find_post(w, article->id, &before, err);
    if (status == ANP_OK) {
        *replaced = true;
        TRY(kill_post(w, before, err));
    } else if (status != ANP_NOT_FOUND) {
        return status;
    }
    store_u32(value, docno);
    TRY(take_sample(w, article->json, err));
    TRY(put_stored(w, docno, article, err));
    TRY(store_put(w->txn, STORE_IDS, store_key_bytes(article->id), str_make(value, 4), false, err));
    if (!vec_push(&w->offsets, record_at) || !vec_push(&w->heads, *head)) {
        return error_nomem(err, "a batch of posts");
    }
    w->cat.state.docno_end++;
    w->cat.state.post_count++;
    w->cat.state.title_words += head->title_words;
    w->cat.state.body_words += head->body_words;
    return ANP_OK;
}

anp_status writer_add(index_writer *w, const post *article, bool *replaced, anp_error *err) {
    bool ignored;
    forward_head head;
    replaced = replaced ? replaced : &ignored;
    *replaced = false;
    TRY(begin(w, err));
    if (w->cat.state.docno_end >= DOCNO_MAX) {
        return error_set(err, ANP_LIMIT,
                         "the index has used all %u ordinals; rebuild it (--rebuild)", DOCNO_MAX);
    }
    size_t record_at = w->records.len;
    anp_status status = analysis_run(&w->analysis, w->txn, article, &head, &w->records, err);
    if (status == ANP_BAD_POST || status == ANP_LIMIT) {
        w->records.len = record_at; /* nothing was written yet: only this post is left out */
        release_if_empty(w);
        if (err) {
            err->status = ANP_BAD_POST;
        }
        return ANP_BAD_POST;
    }
    if (status == ANP_OK) {
        status = put_post(w, article, &head, record_at, replaced, err);
    }
    w->broken = status != ANP_OK;
    return status;
}

/* ---- Committing ---------------------------------------------------------------------------- */

static str batch_record(const index_writer *w, size_t i) {
    size_t end = i + 1 < w->offsets.count ? w->offsets.items[i + 1] : w->records.len;
    return str_make((const char *)w->records.data + w->offsets.items[i], end - w->offsets.items[i]);
}

static anp_status append_log(index_writer *w, anp_error *err) {
    uint64_t docno = w->cat.state.docno_end - w->offsets.count;
    for (size_t i = 0; i < w->offsets.count; i++) {
        TRY(store_put(w->txn, STORE_LOG, store_key_u64(docno + i), batch_record(w, i), true, err));
    }
    return ANP_OK;
}

/* The next segment's number, and whether it is greater than those of all live segments. */
static uint16_t next_segment(catalog *c, bool *append) {
    uint32_t number = c->state.segment_next;
    for (size_t i = 0; i < c->units.count; i++) {
        const unit_info *unit = &c->units.items[i];
        if (unit->level == UNIT_SEGMENT && unit->number == number) {
            number = (number + 1) & 0xffff;
            i = (size_t)-1; /* taken: look again from the first */
        }
    }
    *append = true;
    for (size_t i = 0; i < c->units.count; i++) {
        const unit_info *unit = &c->units.items[i];
        *append = *append && (unit->level != UNIT_SEGMENT || unit->number < number);
    }
    c->state.segment_next = (number + 1) & 0xffff;
    c->state.segments_made++;
    return (uint16_t)number;
}

/* Windows are appended in order: those before must be merged before a whole one is written
   behind them. */
static anp_status finish_merges(index_writer *w, anp_error *err) {
    bool done = false;
    while (!done) {
        TRY(merge_step(w->txn, &w->cat, UINT64_MAX, &done, err));
    }
    return ANP_OK;
}

static anp_status write_unit(index_writer *w, uint32_t first, uint32_t count, const str *records,
                             anp_error *err) {
    catalog *c = &w->cat;
    bool append = true;
    unit_info unit = {.first = first, .count = count, .level = UNIT_WINDOW};
    if (c->units.count >= UINT16_MAX) {
        return error_set(err, ANP_LIMIT, "the index has %zu units; rebuild it (--rebuild)",
                         c->units.count);
    }
    if (count == WINDOW_DOCS) {
        TRY(finish_merges(w, err));
        unit.number = (uint16_t)(first >> WINDOW_BITS);
    } else {
        unit.level = UNIT_SEGMENT;
        unit.number = next_segment(c, &append);
    }
    unit.length_average = (float)((double)catalog_text_words(c) /
                                  (double)(c->state.post_count ? c->state.post_count : 1));
    unit_txn_sink sink = {w->txn, append};
    TRY(unit_write_records(unit_sink_of_txn(&sink), &c->settings, &unit, records, err));
    if (!vec_push(&c->units, unit)) {
        return error_nomem(err, "a unit");
    }
    c->state.log_first = first + count;
    return ANP_OK;
}

/* The log and the batch become units, cut at window borders. */
static anp_status fold(index_writer *w, anp_error *err) {
    catalog_state before = w->cat.state;
    before.docno_end -= (uint32_t)w->offsets.count;
    uint32_t in_log = before.docno_end - before.log_first;
    uint32_t total = in_log + (uint32_t)w->offsets.count;
    str *log_records = NULL;
    char *bytes = NULL;
    TRY(tail_records(w->txn, &before, &log_records, &bytes, err));
    str *records = realloc(log_records, (total + 1u) * sizeof *records);
    anp_status status = records ? ANP_OK : error_nomem(err, "folding the log");
    log_records = records ? records : log_records;
    for (uint32_t i = in_log; status == ANP_OK && i < total; i++) {
        records[i] = batch_record(w, i - in_log);
    }
    for (uint32_t from = 0; status == ANP_OK && from < total;) {
        uint32_t first = before.log_first + from;
        uint32_t room = WINDOW_DOCS - window_low(first);
        uint32_t count = total - from < room ? total - from : room;
        status = write_unit(w, first, count, records + from, err);
        from += count;
    }
    if (status == ANP_OK) {
        status = store_delete_range(w->txn, STORE_LOG, before.log_first, before.docno_end, err);
    }
    free(log_records);
    free(bytes);
    return status;
}

static anp_status save_deleted_window(index_writer *w, uint32_t window, anp_error *err) {
    str value;
    uint64_t first = (uint64_t)window << WINDOW_BITS;
    bitmap *set = NULL;
    anp_status status = store_get(w->txn, STORE_DELETED, store_key_u64(window), &value, err);
    if (status == ANP_OK) {
        set = bitmap_read(value.data, value.len);
        if (!set) {
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
    while (held && bitmap_next(w->deleted, docno, &docno) && docno < first + WINDOW_DOCS) {
        held = bitmap_add(set, docno++);
    }
    size_t len = held ? bitmap_bytes(set) : 0;
    char *bytes = held ? malloc(len) : NULL;
    status = bytes ? ANP_OK : error_nomem(err, "the deleted posts");
    if (bytes) {
        bitmap_write(set, bytes);
        status = store_put(w->txn, STORE_DELETED, store_key_u64(window), str_make(bytes, len),
                           false, err);
    }
    free(bytes);
    bitmap_free(set);
    return status;
}

static anp_status save_deleted(index_writer *w, anp_error *err) {
    uint32_t docno = 0;
    while (bitmap_next(w->deleted, docno, &docno)) {
        TRY(save_deleted_window(w, docno >> WINDOW_BITS, err));
        docno = (docno | (WINDOW_DOCS - 1)) + 1;
    }
    return ANP_OK;
}

/* The log never spans a window border, so that it can be read as one more unit of its window. */
static bool fits_log(const index_writer *w) {
    const catalog_state *state = &w->cat.state;
    uint32_t count = state->docno_end - state->log_first;
    return count <= LOG_POSTS_MAX &&
           (count == 0 || (state->docno_end - 1) >> WINDOW_BITS == state->log_first >> WINDOW_BITS);
}

/*
 * Every post owes twice the bytes of its record in merging, as long as a merge is pending: so
 * windows are merged before the next ones are full, and one small commit in some hundreds has a
 * step to do. The debt is in the catalog: writers may live for one commit.
 */
static void owe_merging(index_writer *w) {
    catalog_state *state = &w->cat.state;
    uint64_t due = state->merge_due + 2 * (uint64_t)w->records.len;
    due = merge_pending(&w->cat) ? due : 0;
    state->merge_due = due < UINT32_MAX ? (uint32_t)due : UINT32_MAX;
}

static anp_status write_batch(index_writer *w, anp_error *err) {
    TRY(numbers_save(&w->terms, w->txn, err));
    TRY(numbers_save(&w->values, w->txn, err));
    TRY(fits_log(w) ? append_log(w, err) : fold(w, err));
    TRY(save_deleted(w, err));
    owe_merging(w);
    if (w->analysis.fields_changed) {
        TRY(catalog_save_fields(w->txn, &w->cat, err));
    }
    return catalog_save_state(w->txn, &w->cat, err);
}

static void clear_batch(index_writer *w) {
    w->records.len = 0;
    w->offsets.count = w->heads.count = 0;
    w->analysis.fields_changed = false;
    if (w->terms.cache.memory.used_bytes > VOCABULARY_CACHE_BYTES) {
        numbers_clear(&w->terms);
    }
    if (w->values.cache.memory.used_bytes > VOCABULARY_CACHE_BYTES) {
        numbers_clear(&w->values);
    }
    if (w->deleted && bitmap_count(w->deleted)) {
        bitmap_free(w->deleted);
        w->deleted = bitmap_new();
        w->loaded = w->loaded && w->deleted;
    }
}

static anp_status end_transaction(index_writer *w, anp_error *err) {
    w->txn_number = store_txn_number(w->txn);
    anp_status status = store_commit(w->txn, err);
    w->txn = NULL;
    return status;
}

static bool merging_is_due(const index_writer *w) {
    return w->loaded && w->cat.state.merge_due >= MERGE_STEP_BYTES && merge_pending(&w->cat);
}

/*
 * The steps of a pending merge that are due, each in a transaction of its own. The batch is durable
 * already, so a step that fails (a full disk) does not fail the commit: the next commit tries
 * again, and verify reports what is damaged.
 */
static void maintain(index_writer *w) {
    bool done = false;
    while (!done && merging_is_due(w)) {
        if (begin(w, NULL) != ANP_OK) {
            return;
        }
        if (!merging_is_due(w)) { /* somebody else was here in between */
            release_if_empty(w);
            return;
        }
        w->cat.state.merge_due -= MERGE_STEP_BYTES;
        if (merge_step(w->txn, &w->cat, MERGE_STEP_BYTES, &done, NULL) != ANP_OK ||
            end_transaction(w, NULL) != ANP_OK) {
            drop_batch(w);
            return;
        }
    }
}

anp_status writer_commit(index_writer *w, anp_error *err) {
    if (!w->txn && !w->broken) {
        return ANP_OK;
    }
    TRY(begin(w, err));
    anp_status status = write_batch(w, err);
    if (status == ANP_OK) {
        status = end_transaction(w, err);
    }
    if (status != ANP_OK) {
        drop_batch(w);
        return status;
    }
    clear_batch(w);
    maintain(w);
    return ANP_OK;
}

uint32_t writer_pending_posts(const index_writer *w) {
    return (uint32_t)w->offsets.count;
}

size_t writer_pending_bytes(const index_writer *w) {
    return w->records.len + w->offsets.count * (sizeof(size_t) + sizeof(forward_head));
}

uint32_t writer_window_room(const index_writer *w) {
    return WINDOW_DOCS - window_low(w->cat.state.docno_end);
}
