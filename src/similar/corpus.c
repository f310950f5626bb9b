/* See corpus.h. Some pieces more than there are threads are under way; they are kept in order. */
#include "similar/corpus.h"

#include "base/error.h"
#include "base/pool.h"
#include "index/catalog.h"

#include <stdlib.h>

enum { SLACK = 2 };

typedef struct job {
    pool_task task;
    part_tools *tools; /* by the pool's number */
    const likeness_piece *piece;
    const uint32_t *docnos;
    stored_post *posts; /* NULL: the piece is a chunk */
    uint32_t first, count;
    corpus_part *out;
    anp_status status;
    anp_error error;
} job;

typedef struct builder {
    snapshot *snapshot;
    const corpus_options *options;
    corpus *corpus;
    pool *pool;
    part_tools *tools;
    unsigned worker_count;
    likeness_piece *pieces;
    job *jobs; /* one a piece */
    corpus_part *parts;
    size_t piece_count;
    uint32_t next; /* number of the next piece's first post */
} builder;

static void run_job(void *user, unsigned number) {
    job *j = user;
    j->status = part_make(&j->tools[number], j->piece, j->docnos, j->posts, j->first, j->count,
                          j->out, &j->error);
    free(j->posts);
    j->posts = NULL;
}

/* ---- Reading ------------------------------------------------------------------------------- */

anp_status corpus_live(snapshot *s, uint32_t **docnos, uint32_t *count, anp_error *err) {
    uint32_t end = snapshot_docno_end(s), dead = end, live = 0;
    const bitmap *deleted = snapshot_deleted(s);
    uint32_t *listed = malloc(((size_t)end + 1) * sizeof *listed);
    if (!listed) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t docno = 0; docno < end; docno++) {
        dead = bitmap_next(deleted, docno, &dead) && dead < end ? dead : end;
        for (; docno < dead; docno++) {
            listed[live++] = docno;
        }
    }
    *docnos = listed;
    *count = live;
    return ANP_OK;
}

static anp_status open_workers(builder *b, anp_error *err) {
    b->pool = pool_open(b->options->threads);
    b->worker_count = b->pool ? pool_workers(b->pool) : 0;
    b->tools = calloc(b->worker_count + 1, sizeof *b->tools);
    b->jobs = calloc(b->piece_count + 1, sizeof *b->jobs);
    b->parts = calloc(b->piece_count + 1, sizeof *b->parts);
    if (!b->pool || !b->tools || !b->jobs || !b->parts) {
        return error_nomem(err, "similar posts");
    }
    for (unsigned i = 0; i < b->worker_count; i++) {
        b->tools[i].settings = snapshot_settings(b->snapshot);
    }
    return ANP_OK;
}

static anp_status submit(builder *b, size_t i, anp_error *err) {
    const corpus *c = b->corpus;
    const likeness_piece *piece = &b->pieces[i];
    job *j = &b->jobs[i];
    *j = (job){.task = {.run = run_job, .user = j},
               .tools = b->tools,
               .piece = piece,
               .docnos = c->docnos + b->next,
               .first = b->next,
               .out = &b->parts[i],
               .error = ANP_ERROR_INIT};
    while (b->next < c->count && c->docnos[b->next] - piece->first < piece->count) {
        b->next++;
    }
    j->count = b->next - j->first;
    TRY(part_posts(b->snapshot, piece, j->docnos, j->count, &j->posts, err));
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

static anp_status read_pieces(builder *b, anp_error *err) {
    size_t submitted = 0, taken = 0, most = b->worker_count + SLACK;
    anp_status status = ANP_OK;
    while (status == ANP_OK && taken < b->piece_count) {
        while (status == ANP_OK && submitted < b->piece_count && submitted - taken < most) {
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

/* Sets of all parts, each once. */
typedef struct sets {
    uint32_t *table; /* over keys: number, plus 1 */
    size_t mask;
    VEC(uint64_t) keys;
    VEC(uint64_t) terms;
    VEC(uint32_t) start;
    VEC(uint32_t) posts; /* how many share it */
} sets;

static bool add_set(sets *s, const corpus_part *k, size_t set, uint32_t *number) {
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
    for (size_t i = 0; made && i < b->piece_count; i++) {
        corpus_part *k = &b->parts[i];
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
    anp_status status = join_sets(b, &s) && list_sets(c, &s)
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
        status = family_join(b->parts, b->piece_count, c->count, b->pool, &c->text, err);
    }
    return status;
}

/* ---- The corpus ---------------------------------------------------------------------------- */

static void close_builder(builder *b) {
    for (unsigned i = 0; b->tools && i < b->worker_count; i++) {
        part_tools_free(&b->tools[i]);
    }
    for (size_t i = 0; b->parts && i < b->piece_count; i++) {
        part_free(&b->parts[i]);
    }
    pool_close(b->pool);
    free(b->tools);
    free(b->parts);
    free(b->jobs);
    free(b->pieces);
}

anp_status corpus_open(snapshot *s, const corpus_options *options, corpus **out, anp_error *err) {
    builder b = {.snapshot = s, .options = options, .corpus = calloc(1, sizeof(corpus))};
    if (!b.corpus) {
        return error_nomem(err, "similar posts");
    }
    anp_status status = likeness_pieces(s, &b.pieces, &b.piece_count, err);
    if (status == ANP_OK) {
        status = corpus_live(s, &b.corpus->docnos, &b.corpus->count, err);
    }
    if (status == ANP_OK) {
        status = open_workers(&b, err);
    }
    if (status == ANP_OK) {
        status = read_pieces(&b, err);
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
