/* Backup and compaction. */
#include "api/handles.h"
#include "base/error.h"
#include "index/compact.h"
#include "store/rewrite.h"

static anp_status missing(anp_error *err, const char *what) {
    return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it", what);
}

enum { PROGRESS_US = 50000 };

#define MEMORY_BYTES_DEFAULT ((uint64_t)512 << 20)

typedef struct watcher {
    const char *step;
    bool (*on_progress)(void *user, const anp_progress *so_far);
    void *user;
    uint64_t shown_us; /* 0 before the first report, which comes at once */
} watcher;

static bool ask(void *user, uint64_t done, uint64_t whole) {
    watcher *w = user;
    uint64_t now = clock_us();
    if (!w->on_progress || now - w->shown_us < PROGRESS_US) {
        return true;
    }
    w->shown_us = now;
    anp_progress so_far = {w->step, done < whole ? done : whole, whole};
    return w->on_progress(w->user, &so_far);
}

/* Live posts and the size of the file. */
static anp_status measure(anp_index *index, anp_copy_report *report, anp_error *err) {
    snapshot *s;
    TRY(snapshot_open(index->inner, &s, err));
    report->posts = snapshot_post_count(s);
    snapshot_close(s);
    return store_file_bytes(index_store(index->inner), &report->bytes_before, err);
}

anp_status anp_index_backup(anp_index *index, const char *path, const anp_backup_options *options,
                            anp_copy_report *report, anp_error *err) {
    anp_backup_options taken = ANP_BACKUP_OPTIONS_INIT;
    anp_copy_report ignored;
    if (!index || !path) {
        return missing(err, index ? "the path" : "the index");
    }
    if (options) {
        TRY(options_take(&taken, sizeof taken, options, err));
    }
    report = report ? report : &ignored;
    *report = (anp_copy_report){0};
    uint64_t start = clock_us();
    watcher w = {"copying", taken.on_progress, taken.user, 0};
    TRY(measure(index, report, err));
    TRY(store_backup(index_store(index->inner), path, (store_watch){ask, &w}, &report->bytes, err));
    report->seconds = (double)(clock_us() - start) / 1e6;
    return ANP_OK;
}

static bool ask_step(void *user, const char *step, uint64_t done, uint64_t whole) {
    watcher *w = user;
    w->step = step;
    return ask(w, done, whole);
}

static compact_order order_of(const anp_compact_options *options) {
    return options->reorder ? COMPACT_ALL : options->keep_order ? COMPACT_KEPT : COMPACT_MANY;
}

anp_status anp_index_compact(anp_index *index, const char *path, const anp_compact_options *options,
                             anp_copy_report *report, anp_error *err) {
    anp_compact_options taken = ANP_COMPACT_OPTIONS_INIT;
    anp_copy_report ignored;
    if (!index) {
        return missing(err, "the index");
    }
    if (options) {
        TRY(options_take(&taken, sizeof taken, options, err));
    }
    if (taken.reorder && taken.keep_order) {
        return error_set(err, ANP_INVALID, "reorder and keep_order contradict each other");
    }
    report = report ? report : &ignored;
    *report = (anp_copy_report){0};
    uint64_t start = clock_us();
    watcher w = {"reading", taken.on_progress, taken.user, 0};
    compact_options inner = {order_of(&taken),
                             taken.memory_bytes ? taken.memory_bytes : MEMORY_BYTES_DEFAULT,
                             taken.threads, ask_step, &w};
    TRY(measure(index, report, err));
    TRY(index_compact(index->inner, path, &inner, &report->bytes, err));
    report->seconds = (double)(clock_us() - start) / 1e6;
    return ANP_OK;
}
