/* See index.h. What snapshots share: tails, under a mutex of their own, since whoever loads one
   holds it so long, and dictionaries. */
#include "index/index.h"

#include "base/error.h"
#include "index/snapshot.h"
#include "text/analyzer.h"

#include <pthread.h>
#include <stdio.h>

struct index_handle {
    store *store;
    bool writable;
    catalog_settings settings;
    pthread_mutex_t mutex;
    pthread_mutex_t tail_mutex;
    tail *newest; /* holds one reference */
    uint64_t newest_generation; /* of the store, when it was read */
    VEC(dictionary *) dictionaries;
};

static anp_status settings_of(const anp_index_options *options, catalog_settings *out,
                              anp_error *err) {
    *out = (catalog_settings){ANP_ANALYZER_TECHNICAL, ANP_STORE_ALL, 3, "english"};
    if (!options) {
        return ANP_OK;
    }
    if (options->analyzer) {
        out->analyzer = options->analyzer;
    }
    if ((unsigned)options->store > ANP_STORE_NONE) {
        return error_set(err, ANP_INVALID, "the store mode %u is unknown; give one of ANP_STORE_…",
                         (unsigned)options->store);
    }
    if (options->store) {
        out->store = options->store;
    }
    if (options->title_weight > TITLE_WEIGHT_MAX) {
        return error_set(err, ANP_INVALID, "a title weight of %u is out of range; give 0 to %d",
                         options->title_weight, TITLE_WEIGHT_MAX);
    }
    if (options->title_weight || options->title_excluded) {
        out->title_weight = options->title_excluded ? 0 : options->title_weight;
    }
    if (options->language && options->language[0]) {
        if (strlen(options->language) >= sizeof out->language) {
            return error_set(err, ANP_INVALID, "\"%s\" is not a language that can be stemmed",
                             options->language);
        }
        snprintf(out->language, sizeof out->language, "%s", options->language);
    }
    analyzer *tried;
    TRY(analyzer_open(out->analyzer, out->language, &tried, err));
    analyzer_close(tried);
    return ANP_OK;
}

/* Options that are given must be those that the index was made with. */
static anp_status compare_settings(const char *path, const anp_index_options *options,
                                   const catalog_settings *given, const catalog_settings *have,
                                   anp_error *err) {
    const char *what = NULL;
    if (options && options->analyzer && given->analyzer != have->analyzer) {
        what = "analyzer";
    } else if (options && options->store && given->store != have->store) {
        what = "store mode";
    } else if (options && (options->title_weight || options->title_excluded) &&
               given->title_weight != have->title_weight) {
        what = "title weight";
    } else if (options && options->language && options->language[0] &&
               strcmp(given->language, have->language) != 0) {
        what = "language";
    }
    if (!what) {
        return ANP_OK;
    }
    return error_set(err, ANP_INVALID, "%s was made with another %s; leave the option out, or make "
                     "a new index (--rebuild)", path, what);
}

static anp_status fill_new(void *user, store_txn *txn, anp_error *err) {
    return catalog_create(txn, user, err);
}

static anp_status open_store(const char *path, unsigned flags, catalog_settings *settings,
                             store **out, anp_error *err) {
    bool writable = flags & ANP_OPEN_WRITE;
    anp_status status = store_open(path, writable, out, err);
    if (status != ANP_NOT_FOUND || flags != ANP_OPEN_CREATE) {
        return status;
    }
    status = store_create(path, fill_new, settings, err);
    /* BUSY: somebody else made it in the meantime; theirs is as good. */
    return status == ANP_OK || status == ANP_BUSY ? store_open(path, writable, out, err) : status;
}

static anp_status read_settings(store *s, catalog_settings *out, anp_error *err) {
    store_txn *txn;
    catalog c;
    TRY(store_begin_read(s, &txn, err));
    anp_status status = catalog_load(txn, &c, err);
    if (status == ANP_OK) {
        *out = c.settings;
        catalog_free(&c);
    }
    store_abort(txn);
    return status;
}

anp_status index_open(const char *path, unsigned flags, const anp_index_options *options,
                      index_handle **out, anp_error *err) {
    catalog_settings given;
    TRY(settings_of(options, &given, err));
    index_handle *index = calloc(1, sizeof *index);
    if (!index) {
        return error_nomem(err, "opening an index");
    }
    anp_status status = open_store(path, flags, &given, &index->store, err);
    if (status == ANP_OK) {
        status = read_settings(index->store, &index->settings, err);
    }
    if (status == ANP_OK) {
        status = compare_settings(path, options, &given, &index->settings, err);
    }
    if (status != ANP_OK) {
        store_close(index->store);
        free(index);
        return status;
    }
    index->writable = flags & ANP_OPEN_WRITE;
    pthread_mutex_init(&index->mutex, NULL);
    pthread_mutex_init(&index->tail_mutex, NULL);
    *out = index;
    return ANP_OK;
}

void index_close(index_handle *index) {
    if (index) {
        tail_release(index->newest);
        for (size_t i = 0; i < index->dictionaries.count; i++) {
            dictionary_close(index->dictionaries.items[i]);
        }
        free(index->dictionaries.items);
        store_close(index->store);
        pthread_mutex_destroy(&index->mutex);
        pthread_mutex_destroy(&index->tail_mutex);
        free(index);
    }
}

store *index_store(index_handle *index) {
    return index->store;
}

bool index_writable(const index_handle *index) {
    return index->writable;
}

const catalog_settings *index_settings(const index_handle *index) {
    return &index->settings;
}

static anp_status find_dictionary(index_handle *index, store_txn *txn, uint32_t id,
                                  const dictionary **out, anp_error *err) {
    dictionary *loaded;
    for (size_t i = 0; i < index->dictionaries.count; i++) {
        if (dictionary_id(index->dictionaries.items[i]) == id) {
            *out = index->dictionaries.items[i];
            return ANP_OK;
        }
    }
    TRY(catalog_load_dictionary(txn, id, &loaded, err));
    if (!vec_push(&index->dictionaries, loaded)) {
        dictionary_close(loaded);
        return error_nomem(err, "a dictionary");
    }
    *out = loaded;
    return ANP_OK;
}

anp_status index_dictionary(index_handle *index, store_txn *txn, uint32_t id,
                            const dictionary **out, anp_error *err) {
    *out = NULL;
    if (id == 0) {
        return ANP_OK;
    }
    pthread_mutex_lock(&index->mutex);
    anp_status status = find_dictionary(index, txn, id, out, err);
    pthread_mutex_unlock(&index->mutex);
    return status;
}

/* u8 id length, id, zstd frame. */
anp_status index_row(store_txn *txn, uint32_t docno, str *id, str *frame, anp_error *err) {
    str value;
    anp_status status = store_get(txn, STORE_POSTS, store_key_u64(docno), &value, err);
    if (status == ANP_NOT_FOUND || (status == ANP_OK && (value.len == 0 ||
                                    value.len < 1u + (uint8_t)value.data[0]))) {
        return error_corrupt(err, "post %u is missing from the index; restore a backup", docno);
    }
    if (status == ANP_OK) {
        size_t id_len = (uint8_t)value.data[0];
        *id = str_slice(value, 1, 1 + id_len);
        *frame = str_slice(value, 1 + id_len, value.len);
    }
    return status;
}

anp_status index_stored(index_handle *index, store_txn *txn, uint32_t docno, stored_post *out,
                        anp_error *err) {
    TRY(index_row(txn, docno, &out->id, &out->frame, err));
    uint32_t id = compressor_dictionary_of(out->frame);
    return index_dictionary(index, txn, id, &out->dictionary, err);
}

anp_status index_tail(index_handle *index, store_txn *txn, const catalog_state *state, tail **out,
                      anp_error *err) {
    uint32_t count = state->docno_end - state->log_first;
    uint64_t generation = store_generation(index->store);
    anp_status status = ANP_OK;
    pthread_mutex_lock(&index->tail_mutex);
    if (index->newest_generation != generation) { /* a compaction's log is another one */
        tail_release(index->newest);
        index->newest = NULL;
        index->newest_generation = generation;
    }
    tail *have = index->newest;
    /* Log posts are never changed in place: the same first post and count are the same tail. */
    if (have && have->first == state->log_first && have->count == count) {
        *out = have;
        have->references++;
    } else {
        status = tail_load(txn, state, have, out, err);
        if (status == ANP_OK && (!have || have->version < (*out)->version)) {
            tail_release(have);
            index->newest = *out;
            (*out)->references++;
        }
    }
    pthread_mutex_unlock(&index->tail_mutex);
    return status;
}

void index_tail_release(index_handle *index, tail *t) {
    pthread_mutex_lock(&index->tail_mutex);
    tail_release(t);
    pthread_mutex_unlock(&index->tail_mutex);
}
