/*
 * See writer.h. The forward records of a batch are kept in memory until the commit, which puts
 * them into the log or, together with the log's, inverts them into units that end at window
 * borders. Those in the log stay in memory too, some MB of them, so that a fold need not read them.
 */
#include "index/writer.h"

#include "base/error.h"
#include "index/ahead.h"
#include "index/column.h"
#include "index/deleted.h"
#include "index/likeness.h"
#include "index/log.h"
#include "index/names.h"
#include "index/unit_build.h"
#include "postings/bitmap.h"
#include "store/compress.h"

#include <math.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum {
    VOCABULARY_CACHE_BYTES = 32 << 20, /* of terms, and as much of facet values */
    BULK_BYTES = 16 << 20,             /* of a batch, above which memory matters more than time */
    MAPPED_BYTES = 64 << 20,           /* of the file, resident while much is read; */
    MERGED_BYTES = 16 << 20,           /* and after a step of merging */
    POSTS_A_FORGETTING = 16,
    LOGGED_POSTS_MIN = 4,        /* of a batch whose drafts are kept: fewer are soon read again */
    LOGGED_BYTES_MAX = 16 << 20, /* of terms of all that are */
    AREA_BYTES_MAX = 24 << 20,   /* of memory that is kept from fold to fold */
    DUE_AT_ONCE = 2, /* times a step's cost */
};

struct index_writer {
    index_handle *index;
    store_txn *txn;      /* NULL between commit and the next change */
    uint64_t txn_number; /* of the last commit seen: others may have committed since */
    catalog cat;
    bool loaded; /* cat and the caches are those of txn_number */
    bool broken; /* a change failed half-way: the batch cannot be committed */
    bool expecting; /* posts of the batch are on their way: the transaction is kept for them */
    numbers terms;
    numbers values;
    bool fields_changed;
    pool *pool;             /* that helps to build units; NULL: none */
    drafter *drafter;       /* of posts that come one by one */
    batch_draft *own;       /* its draft of this batch, or NULL */
    names *own_names;       /* its numbers in the index */
    VEC(names *) known;     /* all names that were taken: forgotten with the caches */
    const dictionary *dictionary; /* of the catalog's state, or NULL */
    VEC(dictionary *) trained;    /* here: drafts in the making may use them until the end */
    buffer samples;         /* posts to train one on, while there is none */
    VEC(size_t) sample_sizes;
    bool untrainable;    /* the samples made none: do without for this writer's life */
    VEC(batch_post) posts;
    uint32_t prepared; /* posts that are not yet taken */
    VEC(batch_post) logged; /* the log's last posts, as long as their drafts are here */
    size_t logged_bytes;
    area area; /* of the last fold, unless it was large and no import goes on */
    VEC(forward_number) numbers; /* of both */
    VEC(uint32_t) facets;
    size_t pending_bytes; /* of the batch */
    ahead ahead;          /* the next step */
    bitmap *deleted;      /* by this batch */
    likeness *likeness;   /* NULL where posts are not stored */
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
    w->ahead.store = index_store(index);
    w->terms = (numbers){.table = STORE_TERMS, .next = &w->cat.state.term_end};
    w->values = (numbers){.table = STORE_VALUES, .next = &w->cat.state.value_end};
    w->deleted = bitmap_new();
    w->own_names = names_new();
    bool stores = settings->store == ANP_STORE_ALL;
    w->likeness = stores ? likeness_open(index) : NULL;
    anp_status status = w->own_names && w->deleted && vec_push(&w->known, w->own_names) &&
                                !w->likeness == !stores
                            ? ANP_OK
                            : error_nomem(err, "a writer");
    if (status == ANP_OK) {
        status = drafter_open(settings, &w->drafter, err);
    }
    if (status != ANP_OK) {
        writer_close(w);
        return status;
    }
    *out = w;
    return ANP_OK;
}

/* ---- Drafts of the batch ------------------------------------------------------------------- */

batch_draft *batch_draft_new(names *n) {
    batch_draft *d = calloc(1, sizeof *d);
    if (d) {
        d->references = 1;
        d->names = n;
        if (n) {
            n->references++;
        }
    }
    return d;
}

void batch_draft_release(batch_draft *d) {
    if (d && --d->references == 0) {
        names_release(d->names);
        draft_free(&d->draft);
        free(d);
    }
}

/* Notes names that must be forgotten with the caches. */
static bool know(index_writer *w, names *n) {
    for (size_t i = 0; i < w->known.count; i++) {
        if (w->known.items[i] == n) {
            return true;
        }
    }
    if (!vec_push(&w->known, n)) {
        return false;
    }
    n->references++;
    return true;
}

/* Those that nobody else holds will not come again. */
static void drop_names(index_writer *w) {
    size_t kept = 0;
    for (size_t i = 0; i < w->known.count; i++) {
        names *n = w->known.items[i];
        if (n->references == 1 && n != w->own_names) {
            names_release(n);
        } else {
            w->known.items[kept++] = n;
        }
    }
    w->known.count = kept;
}

static void drop_logged(index_writer *w) {
    for (size_t i = 0; i < w->logged.count; i++) {
        batch_draft_release(w->logged.items[i].from);
    }
    w->logged.count = w->logged_bytes = 0;
}

static void clear_posts(index_writer *w) {
    for (size_t i = 0; i < w->posts.count; i++) {
        batch_draft_release(w->posts.items[i].from);
    }
    w->posts.count = w->prepared = 0;
    if (w->logged.count == 0) {
        w->numbers.count = w->facets.count = 0;
    }
    w->pending_bytes = 0;
    batch_draft_release(w->own);
    w->own = NULL;
    drop_names(w);
}

/* The batch was put in the log: its drafts stay for the fold, which need not read it again. */
static void keep_logged(index_writer *w) {
    size_t count = w->posts.count;
    bool in_log = w->cat.state.docno_end > w->cat.state.log_first;
    for (size_t i = 0; i < count; i++) {
        w->logged_bytes += batch_drafted(&w->posts.items[i])->weight;
    }
    if (!in_log || (count && count < LOGGED_POSTS_MIN) || w->logged_bytes > LOGGED_BYTES_MAX ||
        !vec_reserve(&w->logged, w->logged.count + count)) {
        drop_logged(w);
        return;
    }
    if (count) {
        memcpy(w->logged.items + w->logged.count, w->posts.items, count * sizeof *w->posts.items);
    }
    w->logged.count += count;
    w->posts.count = 0;
    if (w->own) { /* others have posts that are not taken yet; the intake does it with them */
        draft_drop_taken(&w->own->draft);
    }
}

/* Forgets the batch, and the caches with it: they may hold numbers that were never committed. */
static void drop_batch(index_writer *w) {
    if (w->likeness) {
        likeness_drop(w->likeness);
    }
    store_abort(w->txn);
    w->txn = NULL;
    w->loaded = w->broken = w->expecting = false;
    ahead_drop(&w->ahead);
    drop_logged(w);
    clear_posts(w);
    for (size_t i = 0; i < w->known.count; i++) {
        names_forget(w->known.items[i]);
    }
    catalog_free(&w->cat);
    numbers_clear(&w->terms);
    numbers_clear(&w->values);
    w->fields_changed = false;
    w->dictionary = NULL;
    w->samples.len = w->sample_sizes.count = 0;
    bitmap_free(w->deleted);
    w->deleted = bitmap_new();
}

void writer_close(index_writer *w) {
    if (w) {
        drop_batch(w);
        bitmap_free(w->deleted);
        drafter_close(w->drafter);
        for (size_t i = 0; i < w->known.count; i++) {
            names_release(w->known.items[i]);
        }
        for (size_t i = 0; i < w->trained.count; i++) {
            dictionary_close(w->trained.items[i]);
        }
        likeness_close(w->likeness);
        buffer_free(&w->samples);
        free(w->trained.items);
        free(w->known.items);
        free(w->sample_sizes.items);
        free(w->posts.items);
        free(w->logged.items);
        area_free(&w->area);
        free(w->numbers.items);
        free(w->facets.items);
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
        status = index_dictionary(w->index, txn, w->cat.state.dictionary, &w->dictionary, err);
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
    if (w->txn && !w->expecting && w->posts.count + w->prepared == 0 &&
        bitmap_count(w->deleted) == 0) {
        store_abort(w->txn);
        w->txn = NULL;
    }
}

static anp_status end_transaction(index_writer *w, anp_error *err) {
    w->txn_number = store_txn_number(w->txn);
    anp_status status = store_commit(w->txn, err);
    w->txn = NULL;
    return status;
}

/* Merging reads all that it moves, and 16 pages are mapped for one that is read: they are given
   back. */
static void forget_merged(index_writer *w) {
    store_forget_pages(index_store(w->index), MERGED_BYTES);
}

/* ---- Runs of fresh strings ----------------------------------------------------------------- */

/* Runs of fresh strings are merged, once there are as many as may be, by steps, each in a
   transaction of its own, until there is room again. What fails is tried again another time. */
static void merge_runs(index_writer *w, numbers *n) {
    bool done = !n->merge_due;
    while (!done) {
        if (begin(w, NULL) != ANP_OK) {
            return;
        }
        if (numbers_merge_step(n, w->txn, RUN_STEP_BYTES, &done, NULL) != ANP_OK ||
            end_transaction(w, NULL) != ANP_OK) {
            drop_batch(w);
            return;
        }
        forget_merged(w);
    }
}

/*
 * Before the first post of a batch: in its transaction, while threads draft the others. What takes
 * more than one step has transactions of its own.
 */
static anp_status merge_runs_first(index_writer *w, anp_error *err) {
    numbers *all[] = {&w->terms, &w->values};
    bool empty = w->posts.count + w->prepared == 0 && bitmap_count(w->deleted) == 0;
    for (size_t i = 0; empty && i < sizeof all / sizeof *all; i++) {
        bool done = !all[i]->merge_due, expecting = w->expecting;
        anp_status status =
            done ? ANP_OK : numbers_merge_step(all[i], w->txn, RUN_STEP_BYTES, &done, NULL);
        if (status == ANP_OK && done) {
            continue;
        }
        if (status == ANP_OK && end_transaction(w, NULL) == ANP_OK) {
            merge_runs(w, all[i]);
        } else {
            drop_batch(w); /* another time */
        }
        TRY(begin(w, err));
        w->expecting = expecting;
    }
    return ANP_OK;
}

/* Folds follow each other: the next one takes as much memory as the last one, which it may have at
   once, since fresh pages cost much. */
static bool is_importing(const index_writer *w) {
    return w->pool && !w->ahead.aside;
}

void writer_use_pool(index_writer *w, pool *p, bool aside) {
    ahead_use_pool(&w->ahead, p, aside);
    w->pool = p;
    if (!is_importing(w)) {
        area_free(&w->area);
    }
    if (w->likeness) {
        likeness_use_pool(w->likeness, p);
    }
    if (!aside && !w->txn) { /* nobody may come any more */
        merge_runs(w, &w->terms);
        merge_runs(w, &w->values);
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
    *out = column_get_length(&view, docno - unit->first);
    return ANP_OK;
}

/* A window's unit that is being written may not yet have a column, but its segments have: the first
   unit that holds the post and has it. */
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
    uint32_t batch_first = w->cat.state.docno_end - (uint32_t)w->posts.count;
    if (docno >= batch_first) {
        *head = batch_drafted(&w->posts.items[docno - batch_first])->head;
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

static anp_status keep_trained(index_writer *w, str record, anp_error *err) {
    dictionary *opened;
    TRY(dictionary_open(record, &opened, err));
    if (!vec_push(&w->trained, opened)) {
        dictionary_close(opened);
        return error_nomem(err, "a dictionary");
    }
    w->dictionary = opened;
    return ANP_OK;
}

/* Makes the samples into the index's dictionary, for the posts that follow. */
static anp_status train(index_writer *w, anp_error *err) {
    buffer bytes = {0};
    anp_status status = dictionary_train(&w->samples, w->sample_sizes.items, w->sample_sizes.count,
                                         &bytes, err);
    if (status == ANP_OK) {
        str record = str_make((const char *)bytes.data, bytes.len);
        status = keep_trained(w, record, err);
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

static anp_status take_sample(index_writer *w, const draft *from, const draft_post *p,
                              anp_error *err) {
    if (!writer_wants_samples(w) || !p->sample_len) {
        return ANP_OK;
    }
    buffer_put(&w->samples, from->samples.data + p->sample_at, p->sample_len);
    if (w->samples.failed || !vec_push(&w->sample_sizes, p->sample_len)) {
        return error_nomem(err, "a dictionary");
    }
    return w->sample_sizes.count < DICTIONARY_SAMPLES ? ANP_OK : train(w, err);
}

bool writer_wants_samples(const index_writer *w) {
    return !w->dictionary && !w->untrainable &&
           index_settings(w->index)->store == ANP_STORE_ALL;
}

anp_status writer_draft_options(index_writer *w, draft_options *out, anp_error *err) {
    TRY(begin(w, err));
    out->dictionary = w->dictionary;
    out->samples = writer_wants_samples(w);
    release_if_empty(w);
    return ANP_OK;
}

/* By field, and in document order inside one. */
static int by_field(const void *a, const void *b) {
    const forward_number *x = a, *y = b;
    if (x->field != y->field) {
        return x->field < y->field ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

static int by_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Most posts have some twenty, the fresh ones behind the others: by insertion. */
static void sort_facets(uint32_t *facets, uint32_t count) {
    enum { FEW = 64 };
    if (count > FEW) {
        qsort(facets, count, sizeof *facets, by_u32);
        return;
    }
    for (uint32_t i = 1; i < count; i++) {
        uint32_t facet = facets[i], to = i;
        for (; to > 0 && facets[to - 1] > facet; to--) {
            facets[to] = facets[to - 1];
        }
        facets[to] = facet;
    }
}

/* The meta by the index's numbers, ascending; of a field's numbers the first one is kept. */
static anp_status take_values(index_writer *w, const names *n, const draft *from,
                              const draft_post *p, batch_post *out, anp_error *err) {
    out->number_at = w->numbers.count;
    out->facet_at = w->facets.count;
    if (!vec_reserve(&w->numbers, w->numbers.count + p->value_count) ||
        !vec_reserve(&w->facets, w->facets.count + p->value_count)) {
        return error_nomem(err, "a batch of posts");
    }
    forward_number *found = w->numbers.items + out->number_at;
    uint32_t *facets = w->facets.items + out->facet_at;
    uint32_t number_count = 0, facet_count = 0;
    for (uint32_t i = 0; i < p->value_count; i++) {
        const draft_value *value = &from->values.items[p->value_from + i];
        uint32_t field = n->fields.items[value->field];
        uint32_t facet = value->facet == DRAFT_NONE ? DRAFT_NONE : n->facets.items[value->facet];
        if (field != DRAFT_NONE && !isnan(value->number)) {
            found[number_count++] = (forward_number){field, i, value->number};
        }
        if (facet != DRAFT_NONE) {
            facets[facet_count++] = facet;
        }
    }
    if (number_count) {
        qsort(found, number_count, sizeof *found, by_field);
    }
    sort_facets(facets, facet_count);
    for (uint32_t i = 0; i < number_count; i++) {
        if (i == 0 || found[i].field != found[i - 1].field) {
            found[out->number_count++] = found[i];
        }
    }
    for (uint32_t i = 0; i < facet_count; i++) {
        if (i == 0 || facets[i] != facets[i - 1]) {
            facets[out->facet_count++] = facets[i];
        }
    }
    w->numbers.count += out->number_count;
    w->facets.count += out->facet_count;
    return ANP_OK;
}

static anp_status put_id(index_writer *w, str id, uint32_t docno, anp_error *err) {
    char value[4];
    store_u32(value, docno);
    return store_put(w->txn, STORE_IDS, store_key_bytes(id), str_make(value, 4), false, err);
}

static anp_status put_post(index_writer *w, const draft *from, const draft_post *p, bool with_id,
                           bool *replaced, anp_error *err) {
    uint32_t docno = w->cat.state.docno_end, before;
    anp_status status = find_post(w, p->id, &before, err);
    if (status == ANP_OK) {
        *replaced = true;
        TRY(kill_post(w, before, err));
    } else if (status != ANP_NOT_FOUND) {
        return status;
    }
    str stored = str_make((const char *)from->stored.data + p->stored_at, p->stored_len);
    TRY(store_put(w->txn, STORE_POSTS, store_key_u64(docno), stored, true, err));
    TRY(with_id ? put_id(w, p->id, docno, err) : ANP_OK);
    w->cat.state.docno_end++;
    w->cat.state.post_count++;
    w->cat.state.title_words += p->head.title_words;
    w->cat.state.body_words += p->head.body_words;
    w->pending_bytes += p->stored_len + p->id.len + p->weight;
    return ANP_OK;
}

anp_status writer_drafter(const index_writer *w, drafter **out, anp_error *err) {
    return drafter_open(index_settings(w->index), out, err);
}

anp_status writer_take_names(index_writer *w, batch_draft *from, anp_error *err) {
    return know(w, from->names) ? names_extend(from->names, &from->draft, &from->taken, err)
                                : error_nomem(err, "a batch of posts");
}

static anp_status take_features(index_writer *w, const draft *from, const draft_post *p,
                                anp_error *err) {
    const uint64_t *shingles = from->features.items + p->feature_at;
    features f = {shingles, p->shingle_count, shingles + p->shingle_count, p->about_count};
    return w->likeness ? likeness_add(w->likeness, w->txn, w->cat.state.docno_end - 1, &f, err)
                       : ANP_OK;
}

static anp_status prepare_post(index_writer *w, batch_draft *from, uint32_t place,
                               batch_post *out, anp_error *err) {
    names_index index = {w->txn, &w->cat, &w->terms, &w->values, w->fields_changed};
    *out = (batch_post){.from = from, .place = place};
    TRY(writer_take_names(w, from, err));
    anp_status status = names_resolve(from->names, &index, err);
    w->fields_changed = index.fields_changed;
    TRY(status);
    return take_values(w, from->names, &from->draft, batch_drafted(out), out, err);
}

static anp_status take_post(index_writer *w, const batch_post *made, bool with_id, bool *replaced,
                            anp_error *err) {
    const draft_post *p = batch_drafted(made);
    TRY(put_post(w, &made->from->draft, p, with_id, replaced, err));
    TRY(take_sample(w, &made->from->draft, p, err));
    TRY(take_features(w, &made->from->draft, p, err));
    if (!vec_push(&w->posts, *made)) {
        return error_nomem(err, "a batch of posts");
    }
    made->from->references++;
    /* Look-ups of ids and terms read the whole file, now here, now there. */
    if (w->posts.count % POSTS_A_FORGETTING == 0) {
        store_forget_pages(index_store(w->index), MAPPED_BYTES);
    }
    return ANP_OK;
}

static anp_status check_room(const index_writer *w, anp_error *err) {
    return w->cat.state.docno_end < DOCNO_MAX
               ? ANP_OK
               : error_set(err, ANP_LIMIT,
                           "the index has used all %u ordinals; rebuild it (--rebuild)", DOCNO_MAX);
}

anp_status writer_prepare(index_writer *w, batch_draft *from, uint32_t place, batch_post *out,
                          anp_error *err) {
    TRY(begin(w, err));
    TRY(merge_runs_first(w, err));
    anp_status status = prepare_post(w, from, place, out, err);
    w->prepared += status == ANP_OK;
    w->broken = status != ANP_OK;
    return status;
}

anp_status writer_take(index_writer *w, const batch_post *prepared, bool *replaced,
                       uint32_t *docno, anp_error *err) {
    *replaced = false;
    TRY(begin(w, err));
    TRY(check_room(w, err));
    anp_status status = take_post(w, prepared, !docno, replaced, err);
    w->prepared--;
    w->broken = status != ANP_OK;
    if (docno && status == ANP_OK) {
        *docno = w->cat.state.docno_end - 1;
    }
    return status;
}

anp_status writer_put_id(index_writer *w, str id, uint32_t docno, anp_error *err) {
    TRY(begin(w, err));
    anp_status status = put_id(w, id, docno, err);
    w->broken = status != ANP_OK;
    return status;
}

/* The draft of posts that come one by one, begun with the batch. */
static anp_status own_draft(index_writer *w, anp_error *err) {
    if (w->own) {
        return ANP_OK;
    }
    w->own = batch_draft_new(w->own_names);
    if (!w->own) {
        return error_nomem(err, "a batch of posts");
    }
    draft_begin(w->drafter, &w->own->draft);
    return ANP_OK;
}

/* Its numbers begin anew: other names. */
static anp_status renew_names(index_writer *w, anp_error *err) {
    names *fresh = names_new();
    if (!fresh || !vec_push(&w->known, fresh)) {
        names_release(fresh);
        return error_nomem(err, "a batch of posts");
    }
    w->own_names = fresh;
    names_release(w->own->names);
    w->own->names = fresh;
    fresh->references++;
    drop_names(w);
    return ANP_OK;
}

anp_status writer_expect(index_writer *w, anp_error *err) {
    TRY(begin(w, err));
    w->expecting = true;
    return ANP_OK;
}

bool writer_must_count(const index_writer *w, const post *article) {
    return drafter_must_count(w->drafter, article);
}

index_handle *writer_index(const index_writer *w) {
    return w->index;
}

anp_status writer_add(index_writer *w, const post *article, bool *replaced, anp_error *err) {
    bool ignored;
    replaced = replaced ? replaced : &ignored;
    *replaced = false;
    TRY(begin(w, err));
    TRY(merge_runs_first(w, err));
    TRY(check_room(w, err));
    bool fresh = !w->own;
    anp_status status = own_draft(w, err);
    if (status == ANP_OK && fresh && w->own->draft.restarted) {
        status = renew_names(w, err);
    }
    if (status == ANP_OK && fresh) { /* at once: the draft may be dropped without a post */
        status = writer_take_names(w, w->own, err);
    }
    if (status == ANP_OK) {
        draft_options options = {.samples = writer_wants_samples(w), .dictionary = w->dictionary};
        status = draft_post_add(w->drafter, &options, article, &w->own->draft, err);
    }
    if (status == ANP_BAD_POST) { /* nothing was written yet: only this post is left out */
        release_if_empty(w);
        return status;
    }
    if (status == ANP_OK) {
        batch_post made;
        status = prepare_post(w, w->own, (uint32_t)w->own->draft.posts.count - 1, &made, err);
        status = status == ANP_OK ? take_post(w, &made, true, replaced, err) : status;
        draft_drop_features(&w->own->draft);
    }
    w->broken = status != ANP_OK;
    return status;
}

/* ---- Committing ---------------------------------------------------------------------------- */

static forward_view view_of(const index_writer *w, const batch_post *p) {
    const draft_post *made = batch_drafted(p);
    const uint8_t *kept = p->from->draft.kept.data;
    return (forward_view){.head = made->head,
                          .numbers = w->numbers.items + p->number_at,
                          .facets = w->facets.items + p->facet_at,
                          .number_count = p->number_count,
                          .facet_count = p->facet_count,
                          .sketch = made->terms_at > made->kept_at ? kept + made->kept_at : NULL,
                          .terms = kept + made->terms_at,
                          .terms_end = kept + made->terms_at + made->terms_len,
                          .term_count = made->term_count,
                          .map_count = (uint32_t)p->from->names->terms.count,
                          .map = p->from->names->terms.items};
}

static anp_status append_log(index_writer *w, anp_error *err) {
    uint32_t count = (uint32_t)w->posts.count;
    forward_view *views = malloc((count + 1u) * sizeof *views);
    for (uint32_t i = 0; views && i < count; i++) {
        views[i] = view_of(w, &w->posts.items[i]);
    }
    anp_status status = views ? log_append(w->pool, w->txn, w->cat.state.docno_end - count, views,
                                           count, err)
                              : error_nomem(err, "a batch of posts");
    free(views);
    return status;
}

/* Windows are appended in order: those before must be merged before a whole one is written
   behind them. */
static anp_status finish_merges(index_writer *w, anp_error *err) {
    bool done;
    ahead_drop(&w->ahead);
    while (merge_window_pending(&w->cat)) {
        TRY(merge_step(w->pool, w->txn, &w->cat, MERGE_STEP_BYTES_MAX, &done, err));
    }
    return ANP_OK;
}

/* Fresh terms and facet values: only once, for then they are not fresh. */
static anp_status save_numbers(void *user, anp_error *err) {
    index_writer *w = user;
    TRY(numbers_save(&w->terms, w->txn, err));
    return numbers_save(&w->values, w->txn, err);
}

static anp_status write_unit(index_writer *w, uint32_t first, uint32_t count,
                             const forward_view *posts, anp_error *err) {
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
        unit.number = catalog_new_segment(c, &append);
    }
    unit.length_average = (float)((double)catalog_text_words(c) /
                                  (double)(c->state.post_count ? c->state.post_count : 1));
    unit_txn_sink sink = {w->txn, append};
    unit_meanwhile meanwhile = {save_numbers, w};
    anp_status status = unit_build(w->pool, unit_sink_of_txn(&sink), &c->settings, &unit, posts,
                                   &meanwhile, &w->area, err);
    if (status != ANP_OK || (w->area.capacity > AREA_BYTES_MAX && !is_importing(w))) {
        area_free(&w->area);
    }
    TRY(status);
    if (!vec_push(&c->units, unit)) {
        return error_nomem(err, "a unit");
    }
    c->state.log_first = first + count;
    return ANP_OK;
}

/* What the log's records are read into: their views point there. */
typedef struct log_records {
    str *records;
    char *bytes;
    arena memory;
} log_records;

static void free_records(log_records *r) {
    free(r->records);
    free(r->bytes);
    arena_free(&r->memory);
}

/* Views of the log's posts, then of the batch's. */
static anp_status view_posts(index_writer *w, const catalog_state *before, log_records *read,
                             forward_view *views, anp_error *err) {
    catalog_state unknown = *before; /* the log up to what is kept of it */
    unknown.docno_end -= (uint32_t)w->logged.count;
    uint32_t count = unknown.docno_end - unknown.log_first;
    if (count) {
        TRY(tail_records(w->txn, &unknown, &read->records, &read->bytes, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(forward_view_open(read->records[i], &read->memory, views++, err));
    }
    for (size_t i = 0; i < w->logged.count; i++) {
        *views++ = view_of(w, &w->logged.items[i]);
    }
    for (size_t i = 0; i < w->posts.count; i++) {
        *views++ = view_of(w, &w->posts.items[i]);
    }
    return ANP_OK;
}

static anp_status write_units(index_writer *w, uint32_t first, uint32_t total,
                              const forward_view *views, anp_error *err) {
    for (uint32_t from = 0; from < total;) {
        uint32_t room = WINDOW_DOCS - window_low(first + from);
        uint32_t count = total - from < room ? total - from : room;
        TRY(write_unit(w, first + from, count, views + from, err));
        from += count;
    }
    return ANP_OK;
}

/* The log and the batch become units, cut at window borders. */
static anp_status fold(index_writer *w, anp_error *err) {
    catalog_state before = w->cat.state;
    before.docno_end -= (uint32_t)w->posts.count;
    uint32_t total = w->cat.state.docno_end - before.log_first;
    log_records read = {0};
    forward_view *views = malloc((total + 1u) * sizeof *views);
    anp_status status = views ? view_posts(w, &before, &read, views, err)
                              : error_nomem(err, "folding the log");
    if (status == ANP_OK) {
        status = write_units(w, before.log_first, total, views, err);
    }
    if (status == ANP_OK) {
        status = store_delete_range(w->txn, STORE_LOG, before.log_first, before.docno_end, err);
    }
    free(views);
    free_records(&read);
    return status;
}

/* The log never spans a window border, so that it can be read as one more unit of its window. */
static bool fits_log(const index_writer *w) {
    const catalog_state *state = &w->cat.state;
    uint32_t count = state->docno_end - state->log_first;
    return count <= LOG_POSTS_MAX &&
           (count == 0 || (state->docno_end - 1) >> WINDOW_BITS == state->log_first >> WINDOW_BITS);
}

/* What the batch owes in merging, and what is due of it. */
static anp_status merge_on(index_writer *w, anp_error *err) {
    uint64_t bytes = 0;
    bool put;
    for (size_t i = 0; i < w->posts.count; i++) {
        bytes += batch_drafted(&w->posts.items[i])->weight;
    }
    ahead_owe(&w->ahead, &w->cat, bytes);
    return ahead_due(&w->ahead, &w->cat, 1) ? ahead_put(&w->ahead, w->txn, &w->cat, &put, err)
                                            : ANP_OK;
}

/* The last chunk is made by a thread beside the log, but not beside a fold, which takes most of the
   memory that a writer ever has. */
static anp_status write_posts(index_writer *w, anp_error *err) {
    uint32_t end = w->cat.state.docno_end;
    bool folds = !fits_log(w);
    TRY(!folds && w->likeness ? likeness_end(w->likeness, w->txn, end, err) : ANP_OK);
    if (!folds) { /* a fold does it while threads build */
        TRY(save_numbers(w, err));
    }
    TRY(folds ? fold(w, err) : append_log(w, err));
    TRY(folds && w->likeness ? likeness_end(w->likeness, w->txn, end, err) : ANP_OK);
    return w->likeness ? likeness_save(w->likeness, w->txn, err) : ANP_OK;
}

static anp_status write_batch(index_writer *w, anp_error *err) {
    TRY(write_posts(w, err));
    TRY(deleted_save(w->txn, w->deleted, w->cat.state.docno_end, err));
    TRY(merge_on(w, err));
    if (w->fields_changed) {
        TRY(catalog_save_fields(w->txn, &w->cat, err));
    }
    return catalog_save_state(w->txn, &w->cat, err);
}

static void clear_batch(index_writer *w) {
    keep_logged(w);
    clear_posts(w);
    w->fields_changed = w->expecting = false;
    if (numbers_bytes(&w->terms) > VOCABULARY_CACHE_BYTES) {
        numbers_clear_cache(&w->terms);
    }
    if (numbers_bytes(&w->values) > VOCABULARY_CACHE_BYTES) {
        numbers_clear_cache(&w->values);
    }
    if (w->deleted && bitmap_count(w->deleted)) {
        bitmap_free(w->deleted);
        w->deleted = bitmap_new();
        w->loaded = w->loaded && w->deleted;
    }
}

/* *done: no step was due, or it could not be made. */
static anp_status put_step(index_writer *w, bool *done) {
    bool put;
    TRY(begin(w, NULL));
    *done = !ahead_due(&w->ahead, &w->cat, DUE_AT_ONCE); /* somebody else was here in between */
    if (!*done) {
        TRY(ahead_put(&w->ahead, w->txn, &w->cat, &put, NULL));
        *done = !put;
    }
    if (*done) {
        release_if_empty(w);
        return ANP_OK;
    }
    TRY(catalog_save_state(w->txn, &w->cat, NULL));
    TRY(end_transaction(w, NULL));
    forget_merged(w);
    return ANP_OK;
}

/*
 * Large batches owe more than the step that was put with them: others come now, each in a
 * transaction of its own. The batch is durable already, so a step that fails (a full disk) does not
 * fail the commit: the next commit tries again.
 */
static void maintain(index_writer *w) {
    bool done = false;
    ahead_plan(&w->ahead, &w->cat);
    while (!done && ahead_due(&w->ahead, &w->cat, DUE_AT_ONCE)) {
        if (put_step(w, &done) != ANP_OK) {
            drop_batch(w);
            return;
        }
        ahead_plan(&w->ahead, &w->cat);
    }
    ahead_start(&w->ahead);
}

/* A large batch leaves holes between what lives on, which the allocator would keep. */
static void give_back_freed(void) {
#if defined(__GLIBC__)
    malloc_trim(0);
#endif
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
    bool bulk = w->pending_bytes > BULK_BYTES;
    clear_batch(w);
    if (bulk) {
        if (!is_importing(w)) {
            area_free(&w->area);
        }
        give_back_freed();
    }
    maintain(w);
    if (bulk || !w->ahead.aside) { /* else with the next batch */
        merge_runs(w, &w->terms);
        merge_runs(w, &w->values);
    }
    if (bulk) {
        store_forget_pages(index_store(w->index), 0);
    }
    return ANP_OK;
}

uint32_t writer_pending_posts(const index_writer *w) {
    return (uint32_t)w->posts.count;
}

size_t writer_pending_bytes(const index_writer *w) {
    return w->pending_bytes + w->posts.count * (sizeof(batch_post) + sizeof(forward_view));
}

uint32_t writer_window_room(const index_writer *w) {
    return WINDOW_DOCS - window_low(w->cat.state.docno_end);
}
