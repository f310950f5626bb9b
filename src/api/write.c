/* Writers and imports. */
#include "api/handles.h"
#include "base/error.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    /* Threads that analyse added posts: more of them wait for the one that writes. */
    ADD_THREADS_MAX = 4,
    ADD_QUEUE_BYTES = 2 << 20, /* of JSON, on its way */
};

static anp_status missing(anp_error *err, const char *what) {
    return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it", what);
}

anp_status anp_writer_open(anp_index *index, anp_writer **out, anp_error *err) {
    if (!index || !out) {
        return missing(err, index ? "out" : "the index");
    }
    anp_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return error_nomem(err, "a writer");
    }
    anp_status status = writer_open(index->inner, &w->inner, err);
    if (status != ANP_OK) {
        free(w);
        return status;
    }
    *out = w;
    return ANP_OK;
}

void anp_writer_close(anp_writer *w) {
    if (w) {
        intake_close(w->posts);
        writer_close(w->inner);
        free(w);
    }
}

static unsigned processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : (unsigned)count;
}

/* Takes the posts that are on their way. In the batch's own thread only: another one is told so,
   and nothing is lost. */
static anp_status drain(anp_writer *w, anp_error *err) {
    if (!w->posts || intake_empty(w->posts)) {
        return w->posts ? intake_drain(w->posts, err) : ANP_OK;
    }
    TRY(writer_expect(w->inner, err));
    return intake_drain(w->posts, err);
}

anp_status anp_writer_add(anp_writer *w, const char *json, size_t len, anp_error *err) {
    if (!w || !json) {
        return missing(err, w ? "the post" : "the writer");
    }
    if (!w->posts) {
        unsigned threads = processors();
        intake_options how = {.threads = threads < ADD_THREADS_MAX ? threads : ADD_THREADS_MAX,
                              .queue_bytes = ADD_QUEUE_BYTES,
                              .aside = true};
        TRY(intake_open(w->inner, &how, &w->posts, err));
    }
    return intake_add_json(w->posts, str_make(json, len), err);
}

anp_status anp_writer_delete(anp_writer *w, const char *id, anp_error *err) {
    if (!w || !id) {
        return missing(err, w ? "the id" : "the writer");
    }
    TRY(drain(w, err)); /* it may be the id of one of them */
    return writer_delete(w->inner, str_from(id), err);
}

anp_status anp_writer_commit(anp_writer *w, anp_error *err) {
    if (!w) {
        return missing(err, "the writer");
    }
    TRY(drain(w, err));
    return writer_commit(w->inner, err);
}

/* ---- Import -------------------------------------------------------------------------------- */

enum {
    PROGRESS_US = 100000,
    /* Of the memory allowed: what a batch may hold before it is inverted, which takes as much
       again, and as much as dirty pages of LMDB; and posts read ahead, the threads' work while a
       batch is committed. */
    BATCH_SHARE = 3,
    PAIRS_SHARE = 8, /* of it all: what making pairs of words takes, of two windows at once */
    QUEUE_SHARE = 64,
};

/* Held between commits unless the caller says otherwise. */
#define MEMORY_BYTES_DEFAULT ((uint64_t)512 << 20)

typedef struct import_run {
    index_writer *writer;
    intake *intake;
    anp_error stop_error; /* of a stop inside take_bad, which has none to fill */
    anp_import_options options;
    anp_import_report report;
    uint64_t added_before;    /* of the report: as of the last commit */
    uint64_t replaced_before;
    size_t batch_bytes_max;
    uint64_t started_us;
    uint64_t shown_us;
} import_run;

static anp_status show_progress(import_run *run, anp_error *err) {
    uint64_t now = clock_us();
    if (!run->options.on_progress || now - run->shown_us < PROGRESS_US) {
        return ANP_OK;
    }
    run->shown_us = now;
    run->report.seconds = (double)(now - run->started_us) / 1e6;
    return run->options.on_progress(run->options.user, &run->report)
               ? ANP_OK
               : error_set(err, ANP_CANCELLED, "stopped as asked; what was indexed so far is kept");
}

static anp_status tell_bad(import_run *run, const char *file, uint64_t line,
                           const anp_error *reason, anp_error *err) {
    run->report.posts_skipped++;
    if (run->options.on_bad_post) {
        run->options.on_bad_post(run->options.user, file, line, reason->message);
    }
    return run->options.strict ? error_at(err, ANP_BAD_POST, line, "%s", reason->message) : ANP_OK;
}

/* A file that cannot be read on: after the posts that stood before it. */
static anp_status take_bad(void *user, const char *file, uint64_t line, const anp_error *reason) {
    import_run *run = user;
    TRY(intake_drain(run->intake, &run->stop_error));
    return tell_bad(run, file, line, reason, &run->stop_error);
}

/* Posts count for good once they are durable: a batch that fails is taken off the report. */
static anp_status commit_batch(import_run *run, anp_error *err) {
    anp_status status = writer_commit(run->writer, err);
    if (status == ANP_OK) {
        run->added_before = run->report.posts_added;
        run->replaced_before = run->report.posts_replaced;
    } else {
        run->report.posts_added = run->added_before;
        run->report.posts_replaced = run->replaced_before;
    }
    return status;
}

static anp_status took(void *user, const draft_post *p, bool replaced, anp_error *err) {
    import_run *run = user;
    if (p->held_back) {
        run->report.posts_held_back++;
        return show_progress(run, err);
    }
    if (p->status != ANP_OK) {
        anp_error reason = ANP_ERROR_INIT;
        error_set(&reason, p->status, "%s", p->reason);
        return tell_bad(run, p->file, p->line, &reason, err);
    }
    run->report.posts_added += !replaced;
    run->report.posts_replaced += replaced;
    return show_progress(run, err);
}

static anp_status settled(void *user, anp_error *err) {
    import_run *run = user;
    bool due = writer_window_room(run->writer) == WINDOW_DOCS ||
               writer_pending_bytes(run->writer) >= run->batch_bytes_max;
    return due && writer_pending_posts(run->writer) ? commit_batch(run, err) : ANP_OK;
}

static anp_status take_raw(void *user, const raw_post *raw, anp_error *err) {
    import_run *run = user;
    return intake_add(run->intake, raw, err);
}

static anp_status take_progress(void *user, uint64_t bytes_read, uint64_t bytes_total,
                                anp_error *err) {
    import_run *run = user;
    run->report.bytes_read = bytes_read;
    run->report.bytes_total = bytes_total;
    return show_progress(run, err);
}

anp_status anp_writer_import(anp_writer *w, const char *const *paths, size_t path_count,
                             const anp_import_options *options, anp_import_report *report,
                             anp_error *err) {
    if (!w || (!paths && path_count)) {
        return missing(err, w ? "the paths" : "the writer");
    }
    TRY(drain(w, err));
    intake_close(w->posts); /* its threads would be in the way */
    w->posts = NULL;
    import_run run = {.writer = w->inner, .started_us = clock_us(), .stop_error = ANP_ERROR_INIT};
    if (options) {
        TRY(options_take(&run.options, sizeof run.options, options, err));
    }
    uint64_t memory = run.options.memory_bytes ? run.options.memory_bytes : MEMORY_BYTES_DEFAULT;
    run.batch_bytes_max = (size_t)((memory - memory / PAIRS_SHARE) / BATCH_SHARE);
    intake_options how = {.threads = run.options.threads ? run.options.threads : processors(),
                          .queue_bytes = (size_t)(memory / QUEUE_SHARE),
                          .require_reviewed = run.options.require_reviewed,
                          .arrange = !run.options.keep_order,
                          .run_bytes = run.batch_bytes_max,
                          .took = took,
                          .settled = settled,
                          .user = &run};
    TRY(intake_open(w->inner, &how, &run.intake, err));
    import_sink sink = {
        .take_raw = take_raw, .bad = take_bad, .progress = take_progress, .user = &run};
    anp_status status = import_paths(paths, path_count, run.options.format, &sink, err);
    if (status == ANP_OK || status == ANP_IO) {
        /* All that could be read is still to be indexed. */
        anp_error of_drain = ANP_ERROR_INIT;
        anp_status drained = intake_drain(run.intake, &of_drain);
        if (drained != ANP_OK) {
            status = drained;
            if (err) {
                *err = of_drain;
            }
        }
    }
    if (status != ANP_OK && run.stop_error.status != ANP_OK && err) {
        *err = run.stop_error; /* import_paths knows the bad file only */
    }
    /* What was taken before a stop is kept; what failed half-way cannot be, and says so itself. The
       intake's threads build the last units too. */
    anp_error of_commit = ANP_ERROR_INIT;
    anp_status committed = commit_batch(&run, &of_commit);
    intake_close(run.intake);
    bool stopped = status == ANP_CANCELLED || status == ANP_BAD_POST || status == ANP_IO;
    if (committed != ANP_OK && (status == ANP_OK || stopped)) {
        status = committed;
        if (err) {
            *err = of_commit;
        }
    }
    run.report.seconds = (double)(clock_us() - run.started_us) / 1e6;
    if (report) {
        *report = run.report;
    }
    return status;
}
