/* See intake.h. */
#include "index/intake.h"

#include "base/error.h"

enum { BATCH_BYTES = 256 << 10, POST_BYTES = 256 /* of memory beside a post's own */ };

/* Posts of a source, one task's work. */
typedef struct batch {
    struct batch *next;
    intake *intake;
    VEC(raw_post) posts; /* bytes is an offset into `bytes` until the batch is submitted */
    VEC(size_t) offsets;
    buffer bytes;
    arena memory; /* of names and stems */
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
    anp_status stopped;
    anp_error error; /* that stopped it */
};

static void free_batch(batch *b) {
    if (b) {
        batch_draft_release(b->draft);
        free(b->posts.items);
        free(b->offsets.items);
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
    in->pool = pool_open(options->threads > 1 ? options->threads : 0);
    unsigned workers = in->pool ? pool_workers(in->pool) : 0;
    in->drafters = calloc(workers + 1, sizeof *in->drafters);
    in->names = calloc(workers + 1, sizeof *in->names);
    anp_status status =
        workers && in->drafters && in->names ? ANP_OK : error_nomem(err, "threads for reading");
    for (unsigned i = 0; i < workers && status == ANP_OK; i++) {
        status = writer_drafter(w, &in->drafters[i], err);
    }
    if (status != ANP_OK) {
        intake_close(in);
        return status;
    }
    writer_use_pool(w, options->threads > 1 ? in->pool : NULL);
    *out = in;
    return ANP_OK;
}

void intake_close(intake *in) {
    if (!in) {
        return;
    }
    writer_use_pool(in->writer, NULL);
    for (batch *b = in->first, *next; b; b = next) {
        next = b->next;
        pool_wait(in->pool, &b->task);
        free_batch(b);
    }
    free_batch(in->open);
    unsigned workers = in->pool ? pool_workers(in->pool) : 0;
    for (unsigned i = 0; in->drafters && in->names && i < workers; i++) {
        drafter_close(in->drafters[i]);
        names_release(in->names[i]);
    }
    pool_close(in->pool);
    free(in->drafters);
    free(in->names);
    free(in);
}

/* ---- In a thread of the pool --------------------------------------------------------------- */

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    drafter *d = b->intake->drafters[worker];
    b->worker = worker;
    draft_begin(d, &b->draft->draft);
    for (size_t i = 0; i < b->posts.count && b->status == ANP_OK; i++) {
        b->status = draft_raw_add(d, &b->options, &b->posts.items[i], &b->draft->draft, &b->error);
    }
    draft_finish(&b->draft->draft);
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

static anp_status take_posts(intake *in, batch *b, anp_error *err) {
    const draft *d = &b->draft->draft;
    TRY(find_names(in, b, err));
    TRY(writer_take_names(in->writer, b->draft, err));
    for (uint32_t i = 0; i < d->posts.count; i++) {
        const draft_post *p = &d->posts.items[i];
        bool replaced = false;
        if (p->status == ANP_OK) {
            TRY(writer_take(in->writer, b->draft, i, &replaced, err));
        }
        TRY(in->options.took(in->options.user, p, replaced, err));
    }
    draft_drop_stored(&b->draft->draft);
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
    return b->bytes.len + b->posts.count * POST_BYTES;
}

static anp_status submit(intake *in, anp_error *err) {
    batch *b = in->open;
    in->open = NULL;
    anp_status status = writer_draft_options(in->writer, &b->options, err);
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
    return batch_size(in->open) >= BATCH_BYTES ? turn(in, err) : ANP_OK;
}

anp_status intake_drain(intake *in, anp_error *err) {
    if (in->stopped != ANP_OK) {
        return stop(in, in->stopped, &in->error, err);
    }
    if (in->open) {
        TRY(submit(in, err));
    }
    while (in->first) {
        TRY(take_first(in, err));
    }
    return ANP_OK;
}
