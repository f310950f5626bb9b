/*
 * See import.h. Paths are walked first (walk.c), then each file is opened (stream.c) and read by
 * its format's row (formats.c).
 */
#include "post/import.h"
#include "base/error.h"
#include "post/formats.h"
#include "post/walk.h"

enum {
    PROGRESS_BYTES = 1 << 20,
    POST_MEMORY_BYTES = 256 << 10, /* kept from post to post, so that most need no malloc */
};

anp_status run_bad(import_run *run, uint64_t line, const anp_error *reason, anp_error *err) {
    if (reason->status != ANP_BAD_POST) { /* out of memory: not the post's fault */
        return error_set(err, reason->status, "%s", reason->message);
    }
    anp_status status = run->sink->bad(run->sink->user, run->file, line, reason);
    return status == ANP_OK ? ANP_OK : error_at(err, status, line, "%s", reason->message);
}

anp_status run_damaged(import_run *run, uint64_t line, const anp_error *reason, anp_error *err) {
    if (reason->status == ANP_NOMEM) {
        return error_set(err, ANP_NOMEM, "%s", reason->message);
    }
    if (run->file_status == ANP_OK) {
        const char *name = strcmp(run->file, "-") == 0 ? "standard input" : run->file;
        run->file_status = error_set(&run->file_error, reason->status, "cannot read all of %s: %s",
                                     name, reason->message);
        run->file_error.os_code = reason->os_code;
    }
    anp_status status = run->sink->bad(run->sink->user, run->file, line, reason);
    return status == ANP_OK ? ANP_OK : error_at(err, status, line, "%s", reason->message);
}

anp_status raw_post_read(const raw_post *raw, bool bare, arena *perm, post *out, uint64_t *line,
                         anp_error *err) {
    *line = raw->line;
    if (raw->format != ANP_FORMAT_SCRAPED) {
        return bare ? post_from_json_bare(raw->bytes, perm, out, err)
                    : post_from_json(raw->bytes, perm, out, err);
    }
    anp_error why = ANP_ERROR_INIT;
    anp_status status = post_from_scraped(raw->bytes, raw->stem, perm, out, &why);
    if (status != ANP_OK && why.position) {
        *line = why.position;
    }
    if (status != ANP_OK && err) {
        *err = why;
    }
    return status;
}

anp_status run_post(import_run *run, const raw_post *raw, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    post found;
    uint64_t line;
    if (run->sink->take_raw) {
        return run->sink->take_raw(run->sink->user, raw, err);
    }
    arena_rewind(&run->memory, run->start);
    if (raw_post_read(raw, false, &run->memory, &found, &line, &reason) != ANP_OK) {
        return run_bad(run, line, &reason, err);
    }
    return run->sink->take(run->sink->user, &found, run->file, line, err);
}

anp_status run_json(import_run *run, str json, uint64_t line, anp_error *err) {
    raw_post raw = {ANP_FORMAT_JSON, json, STR(""), run->file, line};
    return run_post(run, &raw, err);
}

anp_status run_progress(import_run *run, bool now, anp_error *err) {
    uint64_t read = run->bytes_done + run->in.bytes_read;
    if (!now && read - run->bytes_told < PROGRESS_BYTES) {
        return ANP_OK;
    }
    run->bytes_told = read;
    return run->sink->progress(run->sink->user, read, run->bytes_total, err);
}

static anp_status read_file(import_run *run, const walk_file *file, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    anp_status status;
    run->file = file->path;
    run->format = file->format;
    if (file->unreadable) {
        status = run_damaged(run, 0, file->unreadable, err);
    } else if (stream_open(&run->in, file->path, &reason) == ANP_OK) {
        status = format_of(file->format)->read(run, err);
        stream_close(&run->in);
    } else {
        status = run_damaged(run, run->in.bytes_read ? 1 : 0, &reason, err);
    }
    if (status == ANP_OK) {
        status = run_progress(run, true, err);
    }
    run->bytes_done += run->in.bytes_read;
    run->in.bytes_read = 0;
    return status;
}

static anp_status read_files(import_run *run, const walk *w, anp_error *err) {
    if (!arena_alloc(&run->memory, POST_MEMORY_BYTES)) {
        return error_nomem(err, "reading posts");
    }
    run->start = (arena_mark){run->memory.head, 0};
    for (size_t i = 0; i < w->count; i++) {
        TRY(read_file(run, &w->items[i], err));
    }
    if (run->file_status != ANP_OK) {
        error_set(err, run->file_status, "%s", run->file_error.message);
        if (err) {
            err->os_code = run->file_error.os_code;
        }
        return run->file_status;
    }
    return ANP_OK;
}

anp_status import_paths(const char *const *paths, size_t path_count, anp_format format,
                        const import_sink *sink, anp_error *err) {
    walk files;
    if (format != ANP_FORMAT_AUTO && !format_of(format)) {
        return error_set(err, ANP_INVALID, "there is no post format %d", (int)format);
    }
    anp_status status = walk_paths(&files, paths, path_count, format, err);
    if (status == ANP_OK) {
        import_run run = {.sink = sink, .in.fd = -1};
        run.bytes_total = files.sized ? files.bytes_total : 0;
        status = read_files(&run, &files, err);
        stream_free(&run.in);
        arena_free(&run.memory);
    }
    walk_free(&files);
    return status;
}
