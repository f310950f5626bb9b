/* compact, backup: with a bar, a closing line, and Ctrl-C that leaves nothing. */
#include "cli/cli.h"
#include "cli/progress.h"

static bool on_progress(void *user, const anp_progress *so_far) {
    progress_show_step(user, so_far->step, so_far->done, so_far->whole);
    return !progress_interrupted();
}

static void print_report(const char *what, const anp_copy_report *report) {
    double seconds = report->seconds > 1e-6 ? report->seconds : 1e-6;
    fprintf(stderr, "%s %llu %s: %.1f MB, before %.1f MB, in %.1f s: %.0f MB/s\n", what,
            (unsigned long long)report->posts, report->posts == 1 ? "post" : "posts",
            (double)report->bytes / 1e6, (double)report->bytes_before / 1e6, report->seconds,
            (double)report->bytes / seconds / 1e6);
}

int cmd_backup(const args *a) {
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    anp_copy_report report;
    anp_backup_options options = ANP_BACKUP_OPTIONS_INIT;
    progress bar;
    anp_status status = anp_index_open(cli_db(a), ANP_OPEN_READ, NULL, &index, &err);
    if (status == ANP_OK) {
        progress_catch_interrupt();
        progress_begin(&bar);
        options.on_progress = on_progress;
        options.user = &bar;
        status = anp_index_backup(index, a->words[0], &options, &report, &err);
        progress_clear(&bar);
    }
    anp_index_close(index);
    if (status == ANP_OK) {
        print_report("backed up", &report);
    }
    return fail_file(status, &err);
}

int cmd_compact(const args *a) {
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    anp_copy_report report;
    anp_compact_options options = ANP_COMPACT_OPTIONS_INIT;
    progress bar;
    const char *to = a->word_count ? a->words[0] : NULL;
    if (a->flags[FLAG_REORDER].given && a->flags[FLAG_KEEP_ORDER].given) {
        return fail(EXIT_USAGE, "--reorder and --keep-order contradict each other; give one");
    }
    anp_status status =
        anp_index_open(cli_db(a), to ? ANP_OPEN_READ : ANP_OPEN_WRITE, NULL, &index, &err);
    if (status == ANP_OK) {
        progress_catch_interrupt();
        progress_begin(&bar);
        options.reorder = a->flags[FLAG_REORDER].given;
        options.keep_order = a->flags[FLAG_KEEP_ORDER].given;
        options.threads = (uint32_t)a->flags[FLAG_THREADS].count;
        options.memory_bytes = a->flags[FLAG_MEMORY].count;
        options.on_progress = on_progress;
        options.user = &bar;
        status = anp_index_compact(index, to, &options, &report, &err);
        progress_clear(&bar);
    }
    anp_index_close(index);
    if (status == ANP_OK) {
        print_report("compacted", &report);
    }
    return fail_file(status, &err);
}
