/*
 * See likeness.h: what a compaction does. Each new chunk is a task; its posts are those of old
 * pieces, in turn:
 *
 *     new 0 … 4,095     old 0 2 3 5 … │ 4,096 4,099 …        runs: where the old piece changes, or
 *                       └ run of 0    └ run of 1                   the order
 *
 * A run of a chunk is a part of it; of posts alone, or where runs are short (another order), the
 * posts are read. Where most of the posts were left out, the new chunk is.
 */
#include "base/error.h"
#include "base/vec.h"
#include "index/likeness_impl.h"

enum { TASKS_AHEAD = 2, RUN_MIN_SHARE = 16 /* of a piece */ };

typedef struct run {
    const likeness_piece *piece;
    uint32_t from, count; /* places in the new chunk */
    stored_post *posts; /* of one that is read; NULL: a part */
    uint16_t *places;   /* else */
    chunk chunk;
} run;

typedef struct task {
    pool_task task;
    uint32_t first, count; /* new ordinals */
    const uint32_t *docnos; /* of them */
    const catalog_settings *settings;
    VEC(run) runs;
    uint32_t left_out; /* posts */
    bool submitted;
    buffer value;
    anp_status status;
    anp_error error;
} task;

static void free_task(task *t) {
    for (size_t i = 0; i < t->runs.count; i++) {
        free(t->runs.items[i].posts);
        free(t->runs.items[i].places);
        chunk_free(&t->runs.items[i].chunk);
    }
    free(t->runs.items);
    buffer_free(&t->value);
    *t = (task){0};
}

/* ---- In a thread --------------------------------------------------------------------------- */

static anp_status read_run(const task *t, const run *r, reader **opened, chunk_maker *m,
                           anp_error *err) {
    if (!*opened) {
        TRY(reader_open(t->settings, opened, err));
    }
    for (uint32_t i = 0; i < r->count; i++) {
        features f;
        TRY(reader_read(*opened, &r->posts[i], &f, err));
        if (!chunk_maker_add(m, &f)) {
            return error_nomem(err, "similar posts");
        }
    }
    return ANP_OK;
}

static anp_status add_part(const task *t, run *r, chunk_maker *m, anp_error *err) {
    r->places = malloc(CHUNK_POSTS * sizeof *r->places);
    if (!r->places) {
        return error_nomem(err, "similar posts");
    }
    TRY(chunk_decode(r->piece->value, &r->chunk, err));
    memset(r->places, 0xff, CHUNK_POSTS * sizeof *r->places);
    for (uint32_t i = 0; i < r->count; i++) {
        r->places[t->docnos[r->from + i] - r->piece->first] = (uint16_t)i;
    }
    return chunk_maker_add_part(m, &r->chunk, r->places, r->count)
               ? ANP_OK
               : error_nomem(err, "similar posts");
}

static anp_status make(task *t, chunk_maker *m, anp_error *err) {
    reader *opened = NULL;
    anp_status status = ANP_OK;
    likeness_begin(m, t->count);
    for (size_t i = 0; i < t->runs.count && status == ANP_OK; i++) {
        run *r = &t->runs.items[i];
        status = r->posts ? read_run(t, r, &opened, m, err) : add_part(t, r, m, err);
    }
    reader_close(opened);
    return status == ANP_OK ? likeness_finish(m, t->count, &t->value, err) : status;
}

static void run_task(void *user, unsigned worker) {
    task *t = user;
    (void)worker;
    if (t->left_out > t->count / 2) {
        chunk_encode_nothing(t->count, &t->value);
        t->status = t->value.failed ? error_nomem(&t->error, "similar posts") : ANP_OK;
        return;
    }
    chunk_maker *m = chunk_maker_open();
    t->status = m ? make(t, m, &t->error) : error_nomem(&t->error, "similar posts");
    chunk_maker_close(m);
}

/* ---- In order ------------------------------------------------------------------------------ */

typedef struct rewriting {
    const likeness_rewrite *of;
    likeness_piece *pieces;
    size_t piece_count;
    task *tasks;
    size_t ring;
} rewriting;

static const likeness_piece *piece_of(const rewriting *w, uint32_t docno) {
    size_t from = 0, to = w->piece_count;
    while (to - from > 1) {
        size_t middle = from + (to - from) / 2;
        if (w->pieces[middle].first <= docno) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return &w->pieces[from];
}

/* Where the run that begins at a place ends. */
static uint32_t run_end(const task *t, uint32_t from, const likeness_piece *piece) {
    uint32_t end = from + 1;
    while (end < t->count && t->docnos[end] > t->docnos[end - 1] &&
           t->docnos[end] - piece->first < piece->count) {
        end++;
    }
    return end;
}

static anp_status find_posts(const rewriting *w, task *t, run *r, anp_error *err) {
    r->posts = malloc(r->count * sizeof *r->posts);
    if (!r->posts) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t i = 0; i < r->count; i++) {
        TRY(snapshot_stored(w->of->snapshot, t->docnos[r->from + i], &r->posts[i], err));
    }
    return ANP_OK;
}

static anp_status find_runs(const rewriting *w, task *t, anp_error *err) {
    for (uint32_t from = 0; from < t->count;) {
        const likeness_piece *piece = piece_of(w, t->docnos[from]);
        run r = {.piece = piece, .from = from, .count = run_end(t, from, piece) - from};
        if (!vec_push(&t->runs, r)) {
            return error_nomem(err, "similar posts");
        }
        t->left_out += piece->left_out ? r.count : 0;
        from += r.count;
    }
    for (size_t i = 0; i < t->runs.count && t->left_out <= t->count / 2; i++) {
        run *r = &t->runs.items[i];
        if (r->piece->value.len == 0 || r->count < r->piece->count / RUN_MIN_SHARE) {
            TRY(find_posts(w, t, r, err));
        }
    }
    return ANP_OK;
}

static anp_status submit(rewriting *w, task *t, uint32_t first, anp_error *err) {
    uint32_t left = w->of->count - first;
    *t = (task){.task = {.run = run_task, .user = t},
                .first = first,
                .count = left < CHUNK_POSTS ? left : CHUNK_POSTS,
                .docnos = w->of->docnos + first,
                .settings = snapshot_settings(w->of->snapshot),
                .error = ANP_ERROR_INIT};
    TRY(find_runs(w, t, err));
    pool_submit(w->of->pool, &t->task, false);
    t->submitted = true;
    return ANP_OK;
}

static anp_status take(const rewriting *w, task *t, anp_error *err) {
    pool_wait(w->of->pool, &t->task);
    if (t->status != ANP_OK) {
        if (err) {
            *err = t->error;
        }
        return t->status;
    }
    return w->of->put(w->of->user, t->first, str_make((const char *)t->value.data, t->value.len),
                      err);
}

static anp_status write_all(rewriting *w, anp_error *err) {
    uint32_t chunks = (uint32_t)(((uint64_t)w->of->count + CHUNK_POSTS - 1) / CHUNK_POSTS);
    /* What few posts are left at the end stay alone, as after a commit. */
    chunks -= chunks && w->of->count - (chunks - 1) * CHUNK_POSTS < CHUNK_POSTS_MIN;
    uint32_t given = 0, taken = 0;
    anp_status status = ANP_OK;
    while (status == ANP_OK && taken < chunks) {
        for (; status == ANP_OK && given < chunks && given - taken < w->ring; given++) {
            status = submit(w, &w->tasks[given % w->ring], given * CHUNK_POSTS, err);
        }
        if (status == ANP_OK) {
            task *t = &w->tasks[taken++ % w->ring];
            status = take(w, t, err);
            free_task(t);
        }
    }
    for (; taken < given; taken++) {
        task *t = &w->tasks[taken % w->ring];
        if (t->submitted) {
            pool_wait(w->of->pool, &t->task);
        }
        free_task(t);
    }
    return status;
}

anp_status likeness_write(const likeness_rewrite *r, anp_error *err) {
    rewriting w = {.of = r, .ring = (size_t)pool_workers(r->pool) + TASKS_AHEAD};
    w.tasks = calloc(w.ring, sizeof *w.tasks);
    if (!w.tasks) {
        return error_nomem(err, "similar posts");
    }
    anp_status status = likeness_pieces(r->snapshot, &w.pieces, &w.piece_count, err);
    if (status == ANP_OK) {
        status = write_all(&w, err);
    }
    free(w.pieces);
    free(w.tasks);
    return status;
}
