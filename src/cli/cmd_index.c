/*
 * index: posts into the index, with a bar, a closing line, and Ctrl-C that keeps what was
 * committed.
 */
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/rebuild.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

typedef struct import_run {
    progress bar;
    bool told; /* of a bad post, with its reason */
} import_run;

static void on_bad_post(void *user, const char *file, uint64_t line, const char *reason) {
    import_run *run = user;
    progress_clear(&run->bar);
    run->told = true;
    fprintf(stderr, "%s:%llu: %s\n", file, (unsigned long long)line, reason);
}

static bool on_progress(void *user, const anp_import_report *so_far) {
    import_run *run = user;
    progress_show(&run->bar, so_far->posts_added + so_far->posts_replaced, so_far->bytes_read,
                  so_far->bytes_total);
    return !progress_interrupted();
}

static anp_index_options index_options(const args *a) {
    anp_index_options options = cli_index_options(a);
    if (a->flags[FLAG_STORE].given) {
        static const anp_store_mode modes[] = {ANP_STORE_ALL, ANP_STORE_NONE};
        options.store = modes[a->flags[FLAG_STORE].choice];
    }
    if (a->flags[FLAG_TITLE_WEIGHT].given) {
        options.title_weight = (uint32_t)a->flags[FLAG_TITLE_WEIGHT].count;
        options.title_excluded = options.title_weight == 0;
    }
    return options;
}

static anp_import_options import_options(const args *a, import_run *run) {
    static const anp_format formats[] = {ANP_FORMAT_AUTO, ANP_FORMAT_SCRAPED, ANP_FORMAT_JSONL,
                                         ANP_FORMAT_JSON};
    anp_import_options options = ANP_IMPORT_OPTIONS_INIT;
    options.format = formats[a->flags[FLAG_INDEX_FORMAT].choice]; /* not given: 0, auto */
    options.strict = a->flags[FLAG_STRICT].given;
    options.require_reviewed = a->flags[FLAG_REQUIRE_REVIEWED].given;
    options.threads = (uint32_t)a->flags[FLAG_THREADS].count;
    options.memory_bytes = a->flags[FLAG_MEMORY].count;
    options.keep_order = a->flags[FLAG_KEEP_ORDER].given;
    options.on_bad_post = on_bad_post;
    options.on_progress = on_progress;
    options.user = run;
    return options;
}

static void print_report(const anp_import_report *report) {
    uint64_t posts = report->posts_added + report->posts_replaced;
    double seconds = report->seconds > 1e-6 ? report->seconds : 1e-6;
    fprintf(stderr,
            "indexed %llu %s (%llu new, %llu replaced, %llu skipped, %llu held back) in %.1f s: "
            "%.0f posts/s, %.1f MB/s\n",
            (unsigned long long)posts, posts == 1 ? "post" : "posts",
            (unsigned long long)report->posts_added, (unsigned long long)report->posts_replaced,
            (unsigned long long)report->posts_skipped, (unsigned long long)report->posts_held_back,
            report->seconds, (double)posts / seconds, (double)report->bytes_read / seconds / 1e6);
}

/* A wrong name must not leave an empty index behind. */
static bool can_read(const args *a) {
    for (size_t i = 0; i < a->word_count; i++) {
        if (strcmp(a->words[i], "-") != 0 && access(a->words[i], R_OK) != 0) {
            return fail_usage("cannot read %s: %s", a->words[i], strerror(errno));
        }
    }
    return true;
}

/* Sources that were refused before the first post have no closing line. */
static bool has_begun(anp_status status, const anp_import_report *report) {
    return status == ANP_OK || status == ANP_CANCELLED || report->posts_added ||
           report->posts_replaced || report->posts_skipped || report->posts_held_back;
}

/* The exit status. Of what is built beside an index and dropped nothing is kept: `anew`. */
static int tell_end(anp_status status, const import_run *run, bool anew, const anp_error *err) {
    if (status == ANP_BAD_POST && run->told) {
        if (!anew) {
            say("stopped at a bad post, as --strict asks; what was indexed before it is kept");
        }
        return EXIT_SKIPPED;
    }
    return status == ANP_CANCELLED && anew ? EXIT_INTERRUPTED : fail_file(status, err);
}

/* Everything between opening the index at path and closing it. */
static int import(const args *a, const char *path, bool anew) {
    anp_error err = ANP_ERROR_INIT;
    anp_index_options made = index_options(a);
    anp_import_report report = {0};
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    import_run run = {0};
    progress_begin(&run.bar);
    anp_import_options options = import_options(a, &run);
    anp_status status = anp_index_open(path, ANP_OPEN_CREATE, &made, &index, &err);
    if (status == ANP_OK) {
        status = anp_writer_open(index, &writer, &err);
    }
    if (status == ANP_OK) {
        status = anp_writer_import(writer, a->words, a->word_count, &options, &report, &err);
        progress_clear(&run.bar);
        if (anew ? status == ANP_OK : has_begun(status, &report)) {
            print_report(&report);
        }
    }
    anp_writer_close(writer);
    anp_index_close(index);
    int code = tell_end(status, &run, anew, &err);
    return status == ANP_OK && report.posts_skipped ? EXIT_SKIPPED : code;
}

static int import_anew(const args *a) {
    rebuild r;
    if (!rebuild_begin(&r, cli_db(a))) {
        return EXIT_IO;
    }
    int code = import(a, r.path, true);
    if (code == EXIT_DONE || (code == EXIT_SKIPPED && !a->flags[FLAG_STRICT].given)) {
        code = rebuild_finish(&r) ? code : EXIT_IO;
    } else {
        rebuild_drop(&r);
        say("not rebuilt: %s is as it was", r.target);
    }
    rebuild_free(&r);
    return code;
}

int cmd_index(const args *a) {
    if (!can_read(a)) {
        return EXIT_IO;
    }
    progress_catch_interrupt();
    return a->flags[FLAG_REBUILD].given ? import_anew(a) : import(a, cli_db(a), false);
}
