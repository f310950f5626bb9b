/* See intake.h. */
#include "index/intake.h"

#include "base/error.h"
#include "index/arrange.h"

enum {
    ARTICLES_BYTES = 128 << 10, /* the same of posts that were read already */
    POST_BYTES = 256,           /* of memory beside a post's own */
    RUN_BYTES = 16 << 20,       /* of drafts: a run of more is complete */
};

/* Of posts as they came, a batch. The tests are also built with few. */
#ifndef INTAKE_BATCH_BYTES
#define INTAKE_BATCH_BYTES (256 << 10)
#endif

/* Posts of a run, and the fewest that are arranged where a window ends, or memory. The tests are
   also built with few. */
#ifndef INTAKE_RUN_POSTS
#define INTAKE_RUN_POSTS 8192
#endif
#define INTAKE_RUN_LEAST (INTAKE_RUN_POSTS / 8)


/* Posts of a source, one task's work: as they came, or read. */
typedef struct batch {
    struct batch *next;
    intake *intake;
    VEC(raw_post) posts; /* bytes is an offset into `bytes` until the batch is submitted */
    VEC(size_t) offsets;
    buffer bytes;
    VEC(post) articles;
    size_t article_bytes; /* of their JSON */
    arena memory; /* of names, stems, articles */
    const char *file; /* of the last post, here and where it came from */
    const char *file_source;
    draft_options options;
    batch_draft *draft;
    size_t size;     /* what it counts in the queue */
    unsigned worker; /* that drafted it */
    anp_status status;
    anp_error error;
    pool_task task;
} batch;

struct intake {
    index_writer *writer;
    intake_options options;
    pool *pool;
    drafter **drafters; /* by worker */
    names **names;      /* by worker */
    batch *open;        /* being filled, or NULL */
    batch *first, *last; /* submitted, in order */
    size_t queued_bytes; /* of those submitted */
    bool submitted;      /* some, since it was last drained */
    VEC(batch_post) run; /* that wait to be taken */
    VEC(batch_draft *) run_drafts;
    size_t run_bytes;
    anp_status stopped;
    anp_error error; /* that stopped it */
};

static void free_batch(batch *b) {
    if (b) {
        batch_draft_release(b->draft);
        free(b->posts.items);
        free(b->offsets.items);
        free(b->articles.items);
        buffer_free(&b->bytes);
        arena_free(&b->memory);
        free(b);
    }
}

anp_status intake_open(index_writer *w, const intake_options *options, intake **out,
                       anp_error *err) {
    intake *in = calloc(1, sizeof *in);
    if (!in) {
        return error_nomem(err, "reading posts");
    }
    in->writer = w;
    in->options = *options;
    *out = in;
    return ANP_OK;
}

static void stop_threads(intake *in) {
    unsigned workers = in->pool ? pool_workers(in->pool) : 0;
    writer_use_pool(in->writer, NULL, false);
    for (unsigned i = 0; in->drafters && in->names && i < workers; i++) {
        drafter_close(in->drafters[i]);
        names_release(in->names[i]);
    }
    pool_close(in->pool);
    free(in->drafters);
    free(in->names);
    in->pool = NULL;
    in->drafters = NULL;
    in->names = NULL;
}

/* Before the first task: many writers never have one. */
static anp_status start_threads(intake *in, anp_error *err) {
    if (in->pool) {
        return ANP_OK;
    }
    unsigned threads = in->options.threads > 1 ? in->options.threads : 0;
    in->pool = pool_open(threads);
    unsigned workers = in->pool ? pool_workers(in->pool) : 0;
    in->drafters = calloc(workers + 1, sizeof *in->drafters);
    in->names = calloc(workers + 1, sizeof *in->names);
    anp_status status =
        workers && in->drafters && in->names ? ANP_OK : error_nomem(err, "threads for reading");
    for (unsigned i = 0; i < workers && status == ANP_OK; i++) {
        status = writer_drafter(in->writer, &in->drafters[i], err);
    }
    if (status != ANP_OK) {
        stop_threads(in);
        return status;
    }
    writer_use_pool(in->writer, threads ? in->pool : NULL, threads && in->options.aside);
    return ANP_OK;
}

void intake_close(intake *in) {
    if (!in) {
        return;
    }
    for (batch *b = in->first, *next; b; b = next) {
        next = b->next;
        pool_wait(in->pool, &b->task);
        free_batch(b);
    }
    free_batch(in->open);
    for (size_t i = 0; i < in->run_drafts.count; i++) {
        batch_draft_release(in->run_drafts.items[i]);
    }
    free(in->run_drafts.items);
    free(in->run.items);
    stop_threads(in);
    free(in);
}

/* ---- In a thread of the pool --------------------------------------------------------------- */

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    drafter *d = b->intake->drafters[worker];
    b->worker = worker;
    draft *out = &b->draft->draft;
    draft_begin(d, out);
    for (size_t i = 0; i < b->posts.count && b->status == ANP_OK; i++) {
        b->status = draft_raw_add(d, &b->options, &b->posts.items[i], out, &b->error);
    }
    for (size_t i = 0; i < b->articles.count && b->status == ANP_OK; i++) {
        b->status = draft_post_add(d, &b->options, &b->articles.items[i], out, &b->error);
    }
    draft_finish(d, out);
    buffer_free(&b->bytes);
}

/* ---- In order ------------------------------------------------------------------------------ */

static anp_status stop(intake *in, anp_status status, const anp_error *why, anp_error *err) {
    if (in->stopped == ANP_OK) {
        in->stopped = status;
        in->error = *why;
    }
    if (err) {
        *err = in->error;
    }
    return in->stopped;
}

static anp_status find_names(intake *in, batch *b, anp_error *err) {
    names **of_worker = &in->names[b->worker];
    if (b->draft->draft.restarted || !*of_worker) {
        names *fresh = names_new();
        if (!fresh) {
            return error_nomem(err, "reading posts");
        }
        names_release(*of_worker);
        *of_worker = fresh;
    }
    b->draft->names = *of_worker;
    b->draft->names->references++;
    return ANP_OK;
}

static anp_status tell(intake *in, const draft_post *p, bool replaced, anp_error *err) {
    return in->options.took ? in->options.took(in->options.user, p, replaced, err) : ANP_OK;
}

static anp_status settle(intake *in, anp_error *err) {
    return in->options.settled ? in->options.settled(in->options.user, err) : ANP_OK;
}

static anp_status take_prepared(intake *in, const batch_post *p, anp_error *err) {
    bool replaced;
    TRY(writer_take(in->writer, p, &replaced, NULL, err));
    return tell(in, batch_drafted(p), replaced, err);
}

static anp_status take_post(intake *in, batch_draft *from, uint32_t place, anp_error *err) {
    batch_post made = {.from = from, .place = place};
    if (batch_drafted(&made)->status != ANP_OK) {
        return tell(in, batch_drafted(&made), false, err);
    }
    TRY(writer_prepare(in->writer, from, place, &made, err));
    return take_prepared(in, &made, err);
}

static anp_status take_all(intake *in, anp_error *err) {
    for (size_t i = 0; i < in->run.count; i++) {
        TRY(take_prepared(in, &in->run.items[i], err));
    }
    return ANP_OK;
}

/* The order of a run; room for its posts. *as_they_came: it has none of its own. */
static anp_status find_order(const intake *in, uint32_t *order, bool *as_they_came,
                             anp_error *err) {
    uint32_t count = (uint32_t)in->run.count;
    uint32_t weight = index_settings(writer_index(in->writer))->title_weight;
    arrange_post *posts = malloc((count + 1u) * sizeof *posts);
    for (uint32_t i = 0; posts && i < count; i++) {
        const draft_post *p = batch_drafted(&in->run.items[i]);
        const float *scores = p->head.scores;
        posts[i] = (arrange_post){.id = p->id,
                                  .prior = (scores[0] + scores[1] + scores[2] + scores[3]) / 400,
                                  .words = p->head.body_words + weight * p->head.title_words};
    }
    bool arranged = posts && arrange(posts, count, order, as_they_came);
    free(posts);
    return arranged ? ANP_OK : error_nomem(err, "reading posts");
}

enum { NOT_TAKEN = UINT32_MAX };

/*
 * Takes a run in an order; docnos: room for theirs. Entries of ids go in as they came: often they
 * ascend, and pages are full. No id is there twice. Also when something fails half-way: what was
 * taken is complete.
 */
static anp_status take_in_order(intake *in, const uint32_t *order, uint32_t *docnos,
                                anp_error *err) {
    anp_status status = ANP_OK;
    uint32_t count = (uint32_t)in->run.count;
    for (uint32_t i = 0; i < count; i++) {
        docnos[i] = NOT_TAKEN;
    }
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        const batch_post *p = &in->run.items[order[i]];
        bool replaced;
        TRY(writer_take(in->writer, p, &replaced, &docnos[order[i]], err));
        status = tell(in, batch_drafted(p), replaced, err);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (docnos[i] != NOT_TAKEN) {
            TRY(writer_put_id(in->writer, batch_drafted(&in->run.items[i])->id, docnos[i],
                              status == ANP_OK ? err : NULL));
        }
    }
    return status;
}

static anp_status take_arranged(intake *in, anp_error *err) {
    size_t count = in->run.count;
    uint32_t *order = malloc(2 * count * sizeof *order);
    bool as_they_came = true;
    if (!order) {
        return error_nomem(err, "reading posts");
    }
    anp_status status = find_order(in, order, &as_they_came, err);
    if (status == ANP_OK) {
        status = as_they_came ? take_all(in, err) : take_in_order(in, order, order + count, err);
    }
    free(order);
    return status;
}

/* The drafts of a run that was taken; `open`: one that more posts are to come of, or NULL. */
static void drop_run(intake *in, batch_draft *open) {
    size_t kept = 0;
    for (size_t i = 0; i < in->run_drafts.count; i++) {
        batch_draft *d = in->run_drafts.items[i];
        if (d == open) {
            in->run_drafts.items[kept++] = d;
        } else {
            draft_drop_taken(&d->draft);
            batch_draft_release(d);
        }
    }
    in->run_drafts.count = kept;
    in->run.count = in->run_bytes = 0;
}

static anp_status take_run(intake *in, batch_draft *open, bool whole, anp_error *err) {
    bool arranged = whole && in->run.count >= (size_t)INTAKE_RUN_LEAST;
    TRY(arranged ? take_arranged(in, err) : take_all(in, err));
    drop_run(in, open);
    return settle(in, err);
}

static bool run_is_whole(const intake *in) {
    uint32_t room = writer_window_room(in->writer);
    size_t most = room < (uint32_t)INTAKE_RUN_POSTS ? room : (size_t)INTAKE_RUN_POSTS;
    size_t bytes = in->options.run_bytes < (size_t)RUN_BYTES ? in->options.run_bytes : RUN_BYTES;
    return in->run.count >= most || in->run_bytes >= bytes;
}

/* A post of a draft joins the run, or is told of at once. */
static anp_status join_run(intake *in, batch_draft *from, uint32_t place, anp_error *err) {
    batch_post made = {.from = from, .place = place};
    const draft_post *p = batch_drafted(&made);
    if (p->status != ANP_OK) {
        TRY(p->held_back ? ANP_OK : take_run(in, from, true, err));
        return tell(in, p, false, err);
    }
    TRY(writer_prepare(in->writer, from, place, &made, err));
    if (!vec_push(&in->run, made)) {
        return error_nomem(err, "reading posts");
    }
    in->run_bytes += p->stored_len + p->weight + POST_BYTES +
                     ((size_t)p->shingle_count + p->about_count) * sizeof(uint64_t);
    return run_is_whole(in) ? take_run(in, from, true, err) : ANP_OK;
}

static anp_status join_all(intake *in, batch_draft *from, anp_error *err) {
    if (!vec_push(&in->run_drafts, from)) {
        return error_nomem(err, "reading posts");
    }
    from->references++;
    for (uint32_t i = 0; i < from->draft.posts.count; i++) {
        TRY(join_run(in, from, i, err));
    }
    if (in->run.count == 0) {
        drop_run(in, NULL);
    }
    return ANP_OK;
}

static anp_status take_posts(intake *in, batch *b, anp_error *err) {
    TRY(find_names(in, b, err));
    TRY(writer_take_names(in->writer, b->draft, err));
    if (in->options.arrange && !writer_wants_samples(in->writer)) {
        return join_all(in, b->draft, err);
    }
    for (uint32_t i = 0; i < b->draft->draft.posts.count; i++) {
        TRY(take_post(in, b->draft, i, err));
        TRY(settle(in, err));
    }
    draft_drop_taken(&b->draft->draft);
    return ANP_OK;
}

/* Takes the oldest batch, waiting for it. */
static anp_status take_first(intake *in, anp_error *err) {
    batch *b = in->first;
    anp_error why = ANP_ERROR_INIT;
    pool_wait(in->pool, &b->task);
    in->first = b->next;
    in->last = in->first ? in->last : NULL;
    in->queued_bytes -= b->size;
    anp_status status = b->status;
    if (status != ANP_OK) {
        why = b->error;
    } else if (in->stopped == ANP_OK) {
        status = take_posts(in, b, &why);
    }
    free_batch(b);
    return status == ANP_OK ? ANP_OK : stop(in, status, &why, err);
}

static size_t batch_size(const batch *b) {
    return b->bytes.len + b->article_bytes + (b->posts.count + b->articles.count) * POST_BYTES;
}

static anp_status submit(intake *in, anp_error *err) {
    batch *b = in->open;
    in->open = NULL;
    anp_status status = start_threads(in, err);
    if (status == ANP_OK) {
        status = writer_draft_options(in->writer, &b->options, err);
    }
    b->draft = status == ANP_OK ? batch_draft_new(NULL) : NULL;
    if (!b->draft) {
        free_batch(b);
        return status == ANP_OK ? error_nomem(err, "reading posts") : status;
    }
    b->options.require_reviewed = in->options.require_reviewed;
    b->size = batch_size(b);
    for (size_t i = 0; i < b->posts.count && b->bytes.data; i++) {
        b->posts.items[i].bytes.data = (const char *)b->bytes.data + b->offsets.items[i];
    }
    b->task = (pool_task){.run = run_batch, .user = b};
    if (in->last) {
        in->last->next = b;
    } else {
        in->first = b;
    }
    in->last = b;
    in->queued_bytes += b->size;
    in->submitted = true;
    pool_submit(in->pool, &b->task, false);
    return ANP_OK;
}

/* How much may be on its way. Without a dictionary each batch is waited for, so that the same
   posts train it at any number of threads. */
static size_t bytes_allowed(const intake *in) {
    bool alone = in->options.threads <= 1 || writer_wants_samples(in->writer);
    return alone ? 0 : in->options.queue_bytes;
}

/* Submits the open batch and takes what is ready, or is too much. */
static anp_status turn(intake *in, anp_error *err) {
    TRY(submit(in, err));
    size_t allowed = bytes_allowed(in);
    while (in->first && (in->queued_bytes > allowed || pool_done(in->pool, &in->first->task))) {
        TRY(take_first(in, err));
    }
    return ANP_OK;
}

static anp_status open_batch(intake *in, anp_error *err) {
    if (!in->open) {
        in->open = calloc(1, sizeof *in->open);
        if (!in->open) {
            return error_nomem(err, "reading posts");
        }
        in->open->intake = in;
        in->open->error = (anp_error)ANP_ERROR_INIT;
    }
    return ANP_OK;
}

static anp_status append(batch *b, const raw_post *raw, anp_error *err) {
    raw_post copy = *raw;
    if (b->file_source != raw->file) {
        b->file = arena_str(&b->memory, str_from(raw->file)).data;
        b->file_source = raw->file;
    }
    copy.file = b->file;
    copy.stem = arena_str(&b->memory, raw->stem);
    if (!b->bytes.data) { /* half more is what a buffer takes */
        buffer_reserve(&b->bytes, INTAKE_BATCH_BYTES / 4 * 3);
    }
    size_t at = b->bytes.len;
    buffer_put_str(&b->bytes, raw->bytes);
    bool held = copy.file && copy.stem.data && !b->bytes.failed && vec_push(&b->offsets, at) &&
                vec_push(&b->posts, copy);
    return held ? ANP_OK : error_nomem(err, "reading posts");
}

anp_status intake_add(intake *in, const raw_post *raw, anp_error *err) {
    if (in->stopped != ANP_OK) {
        return stop(in, in->stopped, &in->error, err);
    }
    TRY(open_batch(in, err));
    TRY(append(in->open, raw, err));
    return batch_size(in->open) >= INTAKE_BATCH_BYTES ? turn(in, err) : ANP_OK;
}

/* Few posts: no thread is worth the wait for it. */
static anp_status add_here(intake *in, anp_error *err) {
    batch *b = in->open;
    anp_error why = ANP_ERROR_INIT;
    anp_status status = ANP_OK;
    in->open = NULL;
    for (size_t i = 0; i < b->articles.count && status == ANP_OK; i++) {
        status = writer_add(in->writer, &b->articles.items[i], NULL, &why);
    }
    free_batch(b);
    return status == ANP_OK ? ANP_OK : stop(in, status, &why, err);
}

anp_status intake_drain(intake *in, anp_error *err) {
    if (in->stopped != ANP_OK) {
        return stop(in, in->stopped, &in->error, err);
    }
    if (in->open && in->open->articles.count && !in->submitted) {
        return add_here(in, err);
    }
    if (in->open) {
        TRY(submit(in, err));
    }
    while (in->first) {
        TRY(take_first(in, err));
    }
    anp_error why = ANP_ERROR_INIT;
    anp_status status = take_run(in, NULL, false, &why);
    if (status != ANP_OK) {
        return stop(in, status, &why, err);
    }
    in->submitted = false;
    return ANP_OK;
}

/* ---- Posts that the caller reads ------------------------------------------------------------ */

static anp_status read_json(const intake *in, str json, arena *perm, post *out, anp_error *err) {
    return index_settings(writer_index(in->writer))->store == ANP_STORE_ALL
               ? post_from_json(json, perm, out, err)
               : post_from_json_bare(json, perm, out, err);
}

/* A post whose words must be counted before it is known to be good: after the others, at once. */
static anp_status add_long(intake *in, str json, anp_error *err) {
    arena memory = {0};
    post article;
    anp_error why = ANP_ERROR_INIT;
    TRY(intake_drain(in, err));
    anp_status status = read_json(in, json, &memory, &article, &why);
    if (status == ANP_OK) {
        status = writer_add(in->writer, &article, NULL, &why);
    }
    arena_free(&memory);
    if (err) {
        *err = why;
    }
    return status == ANP_OK || status == ANP_BAD_POST ? status : stop(in, status, &why, err);
}

anp_status intake_add_json(intake *in, str json, anp_error *err) {
    if (in->stopped != ANP_OK) {
        return stop(in, in->stopped, &in->error, err);
    }
    TRY(open_batch(in, err));
    batch *b = in->open;
    arena_mark before = arena_save(&b->memory);
    post article;
    anp_status status = read_json(in, json, &b->memory, &article, err);
    bool is_long = status == ANP_OK && writer_must_count(in->writer, &article);
    if (status == ANP_OK && !is_long) {
        status = writer_expect(in->writer, err);
    }
    if (status == ANP_OK && !is_long && !vec_push(&b->articles, article)) {
        status = error_nomem(err, "reading posts");
    }
    if (status != ANP_OK || is_long) {
        arena_rewind(&b->memory, before);
        return status != ANP_OK ? status : add_long(in, json, err);
    }
    b->article_bytes += json.len;
    return batch_size(b) >= ARTICLES_BYTES ? turn(in, err) : ANP_OK;
}

bool intake_empty(const intake *in) {
    return !in->first && in->run.count == 0 && (!in->open || batch_size(in->open) == 0);
}
