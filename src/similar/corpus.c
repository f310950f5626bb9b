/* See corpus.h. Some chunks more than there are threads are under way; they are kept in order. */
#include "similar/corpus.h"

#include "base/error.h"
#include "base/pool.h"
#include "index/catalog.h"

#include <stdlib.h>

#ifndef CORPUS_CHUNK_POSTS
#define CORPUS_CHUNK_POSTS 4096
#endif

enum { SLACK = 2 };

/* What a thread of the pool keeps. */
typedef struct worker {
    reader *reader;
    chunk_maker *maker;
} worker;

typedef struct job {
    pool_task task;
    worker *workers; /* by the pool's number */
    stored_post *posts;
    uint32_t first, count;
    chunk *out;
    anp_status status;
    anp_error error;
} job;

typedef struct builder {
    snapshot *snapshot;
    const corpus_options *options;
    corpus *corpus;
    pool *pool;
    worker *workers;
    unsigned worker_count;
    job *jobs; /* one a chunk */
    chunk *chunks;
    size_t chunk_count;
} builder;

static void run_job(void *user, unsigned number) {
    job *j = user;
    worker *w = &j->workers[number];
    j->status = chunk_make(w->maker, w->reader, j->posts, j->first, j->count, j->out, &j->error);
    free(j->posts);
    j->posts = NULL;
}

/* ---- Reading ------------------------------------------------------------------------------- */

static anp_status list_live(builder *b, anp_error *err) {
    corpus *c = b->corpus;
    uint32_t end = snapshot_docno_end(b->snapshot);
    const bitmap *deleted = snapshot_deleted(b->snapshot);
    c->docnos = malloc(((size_t)end + 1) * sizeof *c->docnos);
    if (!c->docnos) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t docno = 0; docno < end; docno++) {
        if (!bitmap_contains(deleted, docno)) {
            c->docnos[c->count++] = docno;
        }
    }
    return ANP_OK;
}

static anp_status open_workers(builder *b, anp_error *err) {
    unsigned threads = b->options->threads;
    b->pool = pool_open(threads);
    b->worker_count = b->pool ? pool_workers(b->pool) : 0;
    b->workers = calloc(b->worker_count + 1, sizeof *b->workers);
    b->chunk_count = ((size_t)b->corpus->count + CORPUS_CHUNK_POSTS - 1) / CORPUS_CHUNK_POSTS;
    b->jobs = calloc(b->chunk_count + 1, sizeof *b->jobs);
    b->chunks = calloc(b->chunk_count + 1, sizeof *b->chunks);
    if (!b->pool || !b->workers || !b->jobs || !b->chunks) {
        return error_nomem(err, "similar posts");
    }
    for (unsigned i = 0; i < b->worker_count; i++) {
        TRY(reader_open(snapshot_settings(b->snapshot), &b->workers[i].reader, err));
        b->workers[i].maker = chunk_maker_open();
        if (!b->workers[i].maker) {
            return error_nomem(err, "similar posts");
        }
    }
    return ANP_OK;
}

static anp_status submit(builder *b, size_t i, anp_error *err) {
    job *j = &b->jobs[i];
    *j = (job){.task = {.run = run_job, .user = j},
               .workers = b->workers,
               .first = (uint32_t)(i * CORPUS_CHUNK_POSTS),
               .out = &b->chunks[i],
               .error = ANP_ERROR_INIT};
    uint32_t left = b->corpus->count - j->first;
    j->count = left < CORPUS_CHUNK_POSTS ? left : CORPUS_CHUNK_POSTS;
    j->posts = malloc(j->count * sizeof *j->posts);
    anp_status status = j->posts ? ANP_OK : error_nomem(err, "similar posts");
    for (uint32_t p = 0; p < j->count && status == ANP_OK; p++) {
        status = snapshot_stored(b->snapshot, b->corpus->docnos[j->first + p], &j->posts[p], err);
    }
    if (status != ANP_OK) {
        free(j->posts);
        j->posts = NULL;
        return status;
    }
    pool_submit(b->pool, &j->task, false);
    return ANP_OK;
}

static anp_status take(builder *b, size_t i, anp_error *err) {
    job *j = &b->jobs[i];
    pool_wait(b->pool, &j->task);
    if (j->status != ANP_OK) {
        if (err) {
            *err = j->error;
        }
        return j->status;
    }
    const corpus_options *o = b->options;
    if (o->on_progress && !o->on_progress(o->user, (uint64_t)j->first + j->count)) {
        return error_set(err, ANP_CANCELLED, "stopped as asked");
    }
    return ANP_OK;
}

static anp_status read_chunks(builder *b, anp_error *err) {
    size_t submitted = 0, taken = 0, most = b->worker_count + SLACK;
    anp_status status = ANP_OK;
    while (status == ANP_OK && taken < b->chunk_count) {
        while (status == ANP_OK && submitted < b->chunk_count && submitted - taken < most) {
            status = submit(b, submitted, err);
            submitted += status == ANP_OK;
        }
        if (status == ANP_OK) {
            status = take(b, taken++, err);
        }
    }
    for (; taken < submitted; taken++) {
        pool_wait(b->pool, &b->jobs[taken].task);
    }
    return status;
}

/* ---- Joining ------------------------------------------------------------------------------- */

static bool join_names(builder *b) {
    corpus *c = b->corpus;
    size_t bytes = 0, at = 0, n = 0;
    for (size_t i = 0; i < b->chunk_count; i++) {
        bytes += b->chunks[i].names.len;
    }
    c->names = malloc(bytes + 1);
    c->name_end = malloc((2 * (size_t)c->count + 1) * sizeof *c->name_end);
    for (size_t i = 0; c->names && c->name_end && i < b->chunk_count; i++) {
        chunk *k = &b->chunks[i];
        if (k->names.len) {
            memcpy(c->names + at, k->names.data, k->names.len);
        }
        for (size_t e = 0; e < k->name_end.count; e++) {
            c->name_end[n++] = at + k->name_end.items[e];
        }
        at += k->names.len;
        c->print += k->print;
        buffer_free(&k->names);
    }
    return c->names && c->name_end;
}

/* Sets of all chunks, each once. */
typedef struct sets {
    uint32_t *table; /* over keys: number, plus 1 */
    size_t mask;
    VEC(uint64_t) keys;
    VEC(uint64_t) terms;
    VEC(uint32_t) start;
    VEC(uint32_t) posts; /* how many share it */
} sets;

static bool add_set(sets *s, const chunk *k, size_t set, uint32_t *number) {
    uint64_t key = k->set_keys.items[set];
    size_t at = key & s->mask;
    while (s->table[at] && s->keys.items[s->table[at] - 1] != key) {
        at = (at + 1) & s->mask;
    }
    if (s->table[at]) {
        *number = s->table[at] - 1;
        return true;
    }
    *number = (uint32_t)s->keys.count;
    s->table[at] = *number + 1;
    uint32_t from = k->set_start.items[set], to = k->set_start.items[set + 1];
    if (!vec_reserve(&s->terms, s->terms.count + (to - from) + 1)) {
        return false;
    }
    for (uint32_t i = from; i < to; i++) {
        s->terms.items[s->terms.count++] = k->terms.items[i];
    }
    return vec_push(&s->keys, key) && vec_push(&s->posts, 0) &&
           vec_push(&s->start, (uint32_t)s->terms.count);
}

static bool join_sets(builder *b, sets *s) {
    corpus *c = b->corpus;
    size_t slots = 64;
    while (slots < 2 * (size_t)c->count) {
        slots *= 2;
    }
    s->table = calloc(slots, sizeof *s->table);
    s->mask = slots - 1;
    c->set_of = malloc(((size_t)c->count + 1) * sizeof *c->set_of);
    bool made = s->table && c->set_of && vec_push(&s->start, 0);
    for (size_t i = 0; made && i < b->chunk_count; i++) {
        chunk *k = &b->chunks[i];
        uint32_t *numbers = malloc((k->set_keys.count + 1) * sizeof *numbers);
        made = numbers != NULL;
        for (size_t n = 0; made && n < k->set_keys.count; n++) {
            made = s->terms.count < UINT32_MAX / 2 && add_set(s, k, n, &numbers[n]);
        }
        for (uint32_t p = 0; made && p < k->count; p++) {
            uint32_t set = numbers[k->set_of[p]];
            c->set_of[k->first + p] = set;
            s->posts.items[set]++;
        }
        free(numbers);
    }
    c->set_count = (uint32_t)s->keys.count;
    return made;
}

static bool list_sets(corpus *c, const sets *s) {
    c->set_start = calloc((size_t)c->set_count + 2, sizeof *c->set_start);
    c->set_posts = malloc(((size_t)c->count + 1) * sizeof *c->set_posts);
    if (!c->set_start || !c->set_posts) {
        return false;
    }
    /* One place ahead, so that filling moves each start to where it belongs. */
    for (uint32_t n = 0; n < c->set_count; n++) {
        c->some_bare |= s->start.items[n] == s->start.items[n + 1];
        c->set_start[n + 2] = s->posts.items[n];
    }
    for (uint32_t n = 2; n <= c->set_count; n++) {
        c->set_start[n] += c->set_start[n - 1];
    }
    for (uint32_t p = 0; p < c->count; p++) {
        c->set_posts[c->set_start[c->set_of[p] + 1]++] = p;
    }
    return true;
}

static anp_status join(builder *b, anp_error *err) {
    corpus *c = b->corpus;
    sets s = {0};
    anp_status status = join_names(b) && join_sets(b, &s) && list_sets(c, &s)
                            ? ANP_OK
                            : error_nomem(err, "similar posts");
    if (status == ANP_OK) {
        status = family_of_sets(s.terms.items, s.start.items, s.posts.items, c->set_count,
                                &c->about, err);
    }
    free(s.table);
    free(s.keys.items);
    free(s.terms.items);
    free(s.start.items);
    free(s.posts.items);
    if (status == ANP_OK) {
        status = family_join(b->chunks, b->chunk_count, c->count, &c->text, err);
    }
    return status;
}

/* ---- The corpus ---------------------------------------------------------------------------- */

static void close_builder(builder *b) {
    for (unsigned i = 0; b->workers && i < b->worker_count; i++) {
        reader_close(b->workers[i].reader);
        chunk_maker_close(b->workers[i].maker);
    }
    for (size_t i = 0; b->chunks && i < b->chunk_count; i++) {
        chunk_free(&b->chunks[i]);
    }
    pool_close(b->pool);
    free(b->workers);
    free(b->chunks);
    free(b->jobs);
}

anp_status corpus_open(snapshot *s, const corpus_options *options, corpus **out, anp_error *err) {
    builder b = {.snapshot = s, .options = options, .corpus = calloc(1, sizeof(corpus))};
    if (!b.corpus) {
        return error_nomem(err, "similar posts");
    }
    anp_status status = list_live(&b, err);
    if (status == ANP_OK) {
        status = open_workers(&b, err);
    }
    if (status == ANP_OK) {
        status = read_chunks(&b, err);
    }
    if (status == ANP_OK) {
        status = join(&b, err);
    }
    close_builder(&b);
    if (status != ANP_OK) {
        corpus_close(b.corpus);
        return status;
    }
    *out = b.corpus;
    return ANP_OK;
}

void corpus_close(corpus *c) {
    if (c) {
        free(c->docnos);
        family_free(&c->text);
        family_free(&c->about);
        free(c->set_of);
        free(c->set_start);
        free(c->set_posts);
        free(c->names);
        free(c->name_end);
        free(c);
    }
}

uint32_t corpus_find(const corpus *c, uint32_t docno) {
    uint32_t from = 0, to = c->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (c->docnos[middle] < docno) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < c->count && c->docnos[from] == docno ? from : UINT32_MAX;
}

str corpus_id(const corpus *c, uint32_t number) {
    size_t from = number ? c->name_end[2 * (size_t)number - 1] : 0;
    return str_make(c->names + from, c->name_end[2 * (size_t)number] - from);
}

str corpus_title(const corpus *c, uint32_t number) {
    size_t from = c->name_end[2 * (size_t)number];
    return str_make(c->names + from, c->name_end[2 * (size_t)number + 1] - from);
}
