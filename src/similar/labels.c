/* See labels.h. */
#include "similar/labels.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "index/catalog.h"
#include "post/post.h"
#include "store/compress.h"

enum { BATCH_POSTS = 1024, SLACK = 2 };

typedef struct batch {
    pool_task task;
    stored_post *posts;
    uint32_t first, count;
    buffer names; /* ids and titles, one behind the other */
    VEC(uint32_t) ends; /* two a post */
    uint64_t print;
    anp_status status;
    anp_error error;
} batch;

struct labels {
    buffer names;
    size_t *ends; /* [2 i] is behind the id of post i */
    size_t end_count;
    uint64_t print;
};

void labels_close(labels *l) {
    if (l) {
        buffer_free(&l->names);
        free(l->ends);
        free(l);
    }
}

str labels_id(const labels *l, uint32_t number) {
    size_t from = number ? l->ends[2 * (size_t)number - 1] : 0;
    return str_make((const char *)l->names.data + from, l->ends[2 * (size_t)number] - from);
}

str labels_title(const labels *l, uint32_t number) {
    size_t from = l->ends[2 * (size_t)number];
    return str_make((const char *)l->names.data + from, l->ends[2 * (size_t)number + 1] - from);
}

uint64_t labels_print(const labels *l) {
    return l->print;
}

anp_status label_find(snapshot *s, uint32_t docno, arena *perm, str *id, str *title,
                      anp_error *err) {
    str json, body, found;
    arena scratch = {0};
    TRY(snapshot_id(s, docno, perm, id, err));
    anp_status status = snapshot_post(s, docno, &scratch, &json, err);
    if (status == ANP_OK) {
        status = post_title_body(json, &scratch, &found, &body, err);
    }
    if (status == ANP_OK) {
        *title = arena_str(perm, found);
        status = title->data ? ANP_OK : error_nomem(err, "similar posts");
    }
    arena_free(&scratch);
    return status;
}

/* ---- In a thread --------------------------------------------------------------------------- */

static anp_status read_label(batch *b, uint32_t i, compressor *c, arena *scratch, anp_error *err) {
    const stored_post *stored = &b->posts[i];
    str json, title, body;
    TRY(compressor_read(c, stored->dictionary, stored->frame, STORED_POST_BYTES_MAX, scratch, &json,
                        err));
    TRY(post_title_body(json, scratch, &title, &body, err));
    buffer_put_str(&b->names, stored->id);
    bool pushed = vec_push(&b->ends, (uint32_t)b->names.len);
    buffer_put_str(&b->names, title);
    /* A sum, so that it does not depend on how posts are cut into batches. */
    b->print += hash64_seed(json.data, json.len, hash_mix64((uint64_t)b->first + i + 1));
    return pushed && vec_push(&b->ends, (uint32_t)b->names.len) && !b->names.failed
               ? ANP_OK
               : error_nomem(err, "similar posts");
}

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    (void)worker;
    arena scratch = {0};
    compressor *c = compressor_open();
    b->status = c ? ANP_OK : error_nomem(&b->error, "similar posts");
    for (uint32_t i = 0; i < b->count && b->status == ANP_OK; i++) {
        arena_mark mark = arena_save(&scratch);
        b->status = read_label(b, i, c, &scratch, &b->error);
        arena_rewind(&scratch, mark);
    }
    arena_free(&scratch);
    compressor_close(c);
}

/* ---- In order ------------------------------------------------------------------------------ */

typedef struct work {
    snapshot *snapshot;
    const corpus *corpus;
    const corpus_options *options;
    labels *labels;
    pool *pool;
    batch *ring;
    uint32_t ring_count;
} work;

static void free_batch(batch *b) {
    free(b->posts);
    free(b->ends.items);
    buffer_free(&b->names);
    *b = (batch){0};
}

static anp_status submit(const work *w, batch *b, uint32_t first, anp_error *err) {
    uint32_t left = w->corpus->count - first;
    *b = (batch){.task = {.run = run_batch, .user = b},
                 .first = first,
                 .count = left < BATCH_POSTS ? left : BATCH_POSTS,
                 .error = ANP_ERROR_INIT};
    b->posts = malloc(b->count * sizeof *b->posts);
    if (!b->posts) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t i = 0; i < b->count; i++) {
        TRY(snapshot_stored(w->snapshot, w->corpus->docnos[first + i], &b->posts[i], err));
    }
    pool_submit(w->pool, &b->task, false);
    return ANP_OK;
}

static anp_status take(const work *w, batch *b, anp_error *err) {
    labels *l = w->labels;
    if (b->status != ANP_OK) {
        if (err) {
            *err = b->error;
        }
        return b->status;
    }
    size_t before = l->names.len;
    buffer_put(&l->names, b->names.data, b->names.len);
    for (size_t i = 0; i < b->ends.count; i++) {
        l->ends[l->end_count++] = before + b->ends.items[i];
    }
    l->print += b->print;
    const corpus_options *o = w->options;
    if (o->on_progress && !o->on_progress(o->user, (uint64_t)b->first + b->count)) {
        return error_set(err, ANP_CANCELLED, "stopped as asked");
    }
    return l->names.failed ? error_nomem(err, "similar posts") : ANP_OK;
}

static anp_status read_all(work *w, anp_error *err) {
    uint32_t batches = (w->corpus->count + BATCH_POSTS - 1) / BATCH_POSTS, given = 0, taken = 0;
    anp_status status = ANP_OK;
    while (taken < given || (status == ANP_OK && given < batches)) {
        while (status == ANP_OK && given < batches && given - taken < w->ring_count) {
            batch *b = &w->ring[given % w->ring_count];
            status = submit(w, b, given * BATCH_POSTS, err);
            given += status == ANP_OK;
            if (status != ANP_OK) {
                free_batch(b);
            }
        }
        if (taken < given) {
            batch *b = &w->ring[taken++ % w->ring_count];
            pool_wait(w->pool, &b->task);
            status = status == ANP_OK ? take(w, b, err) : status;
            free_batch(b);
        }
    }
    return status;
}

anp_status labels_open(snapshot *s, const corpus *c, const corpus_options *options, labels **out,
                       anp_error *err) {
    const catalog_settings *settings = snapshot_settings(s);
    work w = {.snapshot = s, .corpus = c, .options = options, .pool = pool_open(options->threads)};
    w.ring_count = (w.pool ? pool_workers(w.pool) : 0) + SLACK;
    w.ring = calloc(w.ring_count, sizeof *w.ring);
    w.labels = calloc(1, sizeof *w.labels);
    if (w.labels) {
        w.labels->ends = malloc((2 * (size_t)c->count + 1) * sizeof *w.labels->ends);
        w.labels->print = (uint64_t)settings->analyzer +
                          hash64(settings->language, strlen(settings->language));
    }
    bool made = w.pool && w.ring && w.labels && w.labels->ends;
    anp_status status = made ? read_all(&w, err) : error_nomem(err, "similar posts");
    pool_close(w.pool);
    free(w.ring);
    if (status != ANP_OK) {
        labels_close(w.labels);
        return status;
    }
    *out = w.labels;
    return ANP_OK;
}
