/* See similar.h. Yardsticks are made when first asked for; finders are lent to one search at a
   time and kept for the next. */
#include "similar/similar.h"

#include "base/error.h"

#include <pthread.h>
#include <stdlib.h>

enum { MEASURES = 5 }; /* anp_measure is below */

typedef struct kept_yardstick {
    bool made;
    yardstick y;
    VEC(finder *) idle;
} kept_yardstick;

struct similar {
    corpus *corpus;
    pthread_mutex_t labelling; /* held by who makes labels */
    _Atomic(labels *) labels;
    pthread_mutex_t mutex; /* over all below */
    unsigned holders;
    kept_yardstick kept[MEASURES];
};

anp_status similar_open(snapshot *s, const corpus_options *options, similar **out, anp_error *err) {
    similar *m = calloc(1, sizeof *m);
    if (!m || pthread_mutex_init(&m->mutex, NULL) != 0 ||
        pthread_mutex_init(&m->labelling, NULL) != 0) {
        free(m);
        return error_nomem(err, "similar posts");
    }
    m->holders = 1;
    anp_status status = corpus_open(s, options, &m->corpus, err);
    if (status != ANP_OK) {
        similar_close(m);
        return status;
    }
    *out = m;
    return ANP_OK;
}

similar *similar_share(similar *m) {
    pthread_mutex_lock(&m->mutex);
    m->holders++;
    pthread_mutex_unlock(&m->mutex);
    return m;
}

void similar_close(similar *m) {
    if (!m) {
        return;
    }
    pthread_mutex_lock(&m->mutex);
    unsigned left = --m->holders;
    pthread_mutex_unlock(&m->mutex);
    if (left > 0) {
        return;
    }
    for (int i = 0; i < MEASURES; i++) {
        kept_yardstick *k = &m->kept[i];
        for (size_t f = 0; f < k->idle.count; f++) {
            finder_close(k->idle.items[f]);
        }
        free(k->idle.items);
        yardstick_close(&k->y);
    }
    labels_close(m->labels);
    corpus_close(m->corpus);
    pthread_mutex_destroy(&m->labelling);
    pthread_mutex_destroy(&m->mutex);
    free(m);
}

const corpus *similar_corpus(const similar *m) {
    return m->corpus;
}

anp_status similar_label(similar *m, snapshot *s, const corpus_options *options, anp_error *err) {
    anp_status status = ANP_OK;
    labels *made = NULL;
    pthread_mutex_lock(&m->labelling);
    if (!m->labels) {
        status = labels_open(s, m->corpus, options, &made, err);
        m->labels = made;
    }
    pthread_mutex_unlock(&m->labelling);
    return status;
}

const labels *similar_labels(const similar *m) {
    return m->labels;
}

/* ---- Finders ------------------------------------------------------------------------------- */

static anp_status lend(similar *m, anp_measure measure, finder **out, anp_error *err) {
    kept_yardstick *k = &m->kept[measure];
    anp_status status = ANP_OK;
    *out = NULL;
    pthread_mutex_lock(&m->mutex);
    if (!k->made) {
        status = yardstick_open(m->corpus, measure, NULL, &k->y, err);
        k->made = status == ANP_OK;
    }
    if (status == ANP_OK && k->idle.count) {
        *out = k->idle.items[--k->idle.count];
    }
    pthread_mutex_unlock(&m->mutex);
    return status == ANP_OK && !*out ? finder_open(&k->y, out, err) : status;
}

static void give_back(similar *m, anp_measure measure, finder *f) {
    pthread_mutex_lock(&m->mutex);
    bool kept = vec_push(&m->kept[measure].idle, f);
    pthread_mutex_unlock(&m->mutex);
    if (!kept) {
        finder_close(f);
    }
}

/* ---- Answers ------------------------------------------------------------------------------- */

anp_status similar_accepted(const similar *m, const similar_request *request, arena *perm,
                            const uint64_t **out, anp_error *err) {
    const corpus *c = m->corpus;
    *out = NULL;
    if (!request->filter) {
        return ANP_OK;
    }
    uint64_t *bits = arena_array(perm, uint64_t, (size_t)c->count / 64 + 1);
    if (!bits) {
        return error_nomem(err, "a filter");
    }
    for (uint32_t number = 0; number < c->count; number++) {
        if (bitmap_contains(request->filter, c->docnos[number])) {
            bits[number / 64] |= (uint64_t)1 << number % 64;
        }
    }
    *out = bits;
    return ANP_OK;
}

anp_status similar_hit_of(const similar *m, snapshot *s, uint32_t number, double similarity,
                          arena *perm, similar_hit *out, anp_error *err) {
    const labels *l = m->labels;
    *out = (similar_hit){.docno = m->corpus->docnos[number], .similarity = similarity};
    if (!l) {
        return label_find(s, out->docno, perm, &out->id, &out->title, err);
    }
    out->id = labels_id(l, number);
    out->title = labels_title(l, number);
    return ANP_OK;
}

static anp_status take(const similar *m, snapshot *s, const neighbour *found, uint32_t count,
                       arena *perm, similar_answer *out, anp_error *err) {
    out->hits = arena_array(perm, similar_hit, count);
    out->hit_count = count;
    if (!out->hits) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(similar_hit_of(m, s, found[i].post, found[i].likeness, perm, &out->hits[i], err));
    }
    return ANP_OK;
}

anp_status similar_to_post(similar *m, snapshot *s, uint32_t docno, const similar_request *request,
                           arena *perm, similar_answer *out, anp_error *err) {
    uint32_t number = corpus_find(m->corpus, docno), count;
    const neighbour *found;
    finder *f;
    finder_options options = {.k = request->k, .likeness_min = request->similarity_min};
    if (number == UINT32_MAX) {
        return error_set(err, ANP_NOT_FOUND, "post %u is deleted", docno);
    }
    options.k = options.k < m->corpus->count ? options.k : m->corpus->count;
    TRY(similar_accepted(m, request, perm, &options.accepted, err));
    TRY(lend(m, request->measure, &f, err));
    anp_status status = finder_run_post(f, number, &options, &found, &count, err);
    if (status == ANP_OK) {
        status = take(m, s, found, count, perm, out, err);
    }
    give_back(m, request->measure, f);
    return status;
}

/* ---- Drafts -------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* A draft's shingles by class. */
typedef struct draft_probe {
    uint32_t *inside;  /* by class: how many of its shingles */
    uint32_t *classes; /* those with any, ascending */
    uint64_t *weights;
    uint32_t class_count;
    uint32_t feature_count;
    uint32_t unknown; /* shingles that no post has */
} draft_probe;

static anp_status probe_of(const corpus *c, const features *f, arena *scratch, draft_probe *out,
                           anp_error *err) {
    uint64_t *hashes = arena_array(scratch, uint64_t, f->shingle_count + 1);
    *out = (draft_probe){0};
    out->inside = arena_array(scratch, uint32_t, (size_t)c->text.class_count + 1);
    out->classes = arena_array(scratch, uint32_t, f->shingle_count + 1);
    out->weights = arena_array(scratch, uint64_t, f->shingle_count + 1);
    if (!hashes || !out->inside || !out->classes || !out->weights) {
        return error_nomem(err, "a draft");
    }
    if (f->shingle_count) {
        memcpy(hashes, f->shingles, f->shingle_count * sizeof *hashes);
        qsort(hashes, f->shingle_count, sizeof *hashes, ascending);
    }
    for (size_t i = 0; i < f->shingle_count; i++) {
        if (i > 0 && hashes[i] == hashes[i - 1]) {
            continue;
        }
        uint32_t class = family_find(&c->text, hashes[i]);
        out->feature_count++;
        if (class == FAMILY_NONE) {
            out->unknown++;
        } else if (out->inside[class]++ == 0) {
            out->weights[out->class_count++] = class;
        }
    }
    if (out->class_count) {
        qsort(out->weights, out->class_count, sizeof *out->weights, ascending);
    }
    for (uint32_t i = 0; i < out->class_count; i++) {
        out->classes[i] = (uint32_t)out->weights[i];
    }
    return ANP_OK;
}

static anp_status run_draft(similar *m, snapshot *s, draft_probe *d, const similar_request *request,
                            arena *perm, similar_answer *out, anp_error *err) {
    const corpus *c = m->corpus;
    int power = request->measure == ANP_MEASURE_JACCARD ? WEIGH_COUNT : WEIGH_TEXT_POWER;
    uint64_t n = (uint64_t)c->count + 1;
    finder_options options = {.k = request->k < c->count ? request->k : c->count,
                              .likeness_min = request->similarity_min};
    probe p = {.post = FAMILY_NONE,
               .classes = d->classes,
               .weights = d->weights,
               .class_count = d->class_count,
               .inside = d->inside,
               .feature_count = d->feature_count,
               .total = d->unknown * weigh_feature(n, 1, power)};
    for (uint32_t i = 0; i < d->class_count; i++) {
        uint32_t class = d->classes[i];
        d->weights[i] = d->inside[class] * weigh_feature(n, c->text.df[class] + 1, power);
        p.total += d->weights[i];
    }
    yardstick y;
    finder *f = NULL;
    const neighbour *found;
    uint32_t count;
    TRY(similar_accepted(m, request, perm, &options.accepted, err));
    TRY(yardstick_open(c, request->measure, d->inside, &y, err));
    anp_status status = finder_open(&y, &f, err);
    if (status == ANP_OK) {
        status = finder_run(f, &p, &options, &found, &count, err);
    }
    if (status == ANP_OK) {
        status = take(m, s, found, count, perm, out, err);
    }
    finder_close(f);
    yardstick_close(&y);
    return status;
}

anp_status similar_to_text(similar *m, snapshot *s, str body, const similar_request *request,
                           arena *perm, similar_answer *out, anp_error *err) {
    reader *r;
    features f;
    draft_probe d;
    arena scratch = {0};
    TRY(reader_open(snapshot_settings(s), &r, err));
    anp_status status = reader_read_draft(r, body, &f, err);
    if (status == ANP_OK) {
        status = probe_of(m->corpus, &f, &scratch, &d, err);
    }
    if (status == ANP_OK) {
        status = run_draft(m, s, &d, request, perm, out, err);
    }
    arena_free(&scratch);
    reader_close(r);
    return status;
}
