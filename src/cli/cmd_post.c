/* show, delete, export: posts as they were stored. */
#include "cli/cli.h"
#include "cli/progress.h"

#include <string.h>

static bool needs_ids(const args *a) {
    const char *name = commands[a->command].name;
    return a->id_count > 0 || fail_usage("%s needs --id ID...; see: anpsearch help %s", name, name);
}

/* ---- show ---- */

static int show_one(const args *a, anp_snapshot *snapshot, size_t i, output *out) {
    anp_error err = ANP_ERROR_INIT;
    bool json = a->flags[FLAG_JSON].given;
    char *text = NULL;
    size_t len = 0;
    anp_status status = json ? anp_post_json(snapshot, a->ids[i], &text, &len, &err)
                             : anp_post_text(snapshot, a->ids[i], &text, &len, &err);
    if (status != ANP_OK) {
        return fail_status(status, &err);
    }
    if (json) {
        output_bytes(out, text, len);
    } else {
        output_text(out, i ? "\n" : "");
        output_clean_lines(out, text);
    }
    if (len == 0 || text[len - 1] != '\n') {
        output_text(out, "\n");
    }
    anp_free(text);
    return EXIT_DONE;
}

int cmd_show(const args *a, output *out) {
    session s;
    if (!needs_ids(a)) {
        return EXIT_USAGE;
    }
    int worst = session_open(&s, a);
    if (worst != EXIT_DONE) {
        return worst;
    }
    for (size_t i = 0; i < a->id_count && worst <= EXIT_NOTHING && !out->failed; i++) {
        int code = show_one(a, s.snapshot, i, out);
        worst = code > worst ? code : worst;
    }
    session_close(&s);
    return worst;
}

/* ---- delete ---- */

/*
 * Deletes what is there of a->ids in one commit, and reports what is not; *deleted and *absent
 * count.
 */
static anp_status delete_all(const args *a, anp_writer *writer, size_t *deleted, size_t *absent,
                             anp_error *err) {
    for (size_t i = 0; i < a->id_count; i++) {
        anp_status status = anp_writer_delete(writer, a->ids[i], err);
        if (status == ANP_NOT_FOUND) {
            fail_status(status, err);
            ++*absent;
        } else if (status != ANP_OK) {
            return status;
        } else {
            ++*deleted;
        }
    }
    return *deleted ? anp_writer_commit(writer, err) : ANP_OK;
}

int cmd_delete(const args *a) {
    anp_error err = ANP_ERROR_INIT;
    anp_index *index = NULL;
    anp_writer *writer = NULL;
    size_t deleted = 0, absent = 0;
    if (!needs_ids(a)) {
        return EXIT_USAGE;
    }
    anp_status status = anp_index_open(cli_db(a), ANP_OPEN_WRITE, NULL, &index, &err);
    if (status == ANP_OK) {
        status = anp_writer_open(index, &writer, &err);
    }
    if (status == ANP_OK) {
        status = delete_all(a, writer, &deleted, &absent, &err);
    }
    anp_writer_close(writer);
    anp_index_close(index);
    if (status != ANP_OK) {
        return fail_file(status, &err);
    }
    fprintf(stderr, "deleted %zu %s\n", deleted, deleted == 1 ? "post" : "posts");
    return absent ? EXIT_NOTHING : EXIT_DONE;
}

/* ---- export ---- */

typedef struct exporter {
    output *out;
    progress progress;
    uint64_t done;
    uint64_t whole;
} exporter;

static bool export_one(void *user, const char *json, size_t len) {
    exporter *e = user;
    output_bytes(e->out, json, len);
    output_text(e->out, "\n");
    e->done++;
    progress_show(&e->progress, e->done, e->done, e->whole);
    return !e->out->failed && !progress_interrupted();
}

static void tell_damaged(void *user, const char *message) {
    exporter *e = user;
    progress_clear(&e->progress);
    say("%s", message);
}

/* *whole: all that could be read is there. */
static int export_all(anp_snapshot *snapshot, output *out, bool *whole) {
    anp_error err = ANP_ERROR_INIT;
    anp_stats stats = ANP_STATS_INIT;
    exporter e = {.out = out};
    anp_status status = anp_snapshot_stats(snapshot, &stats, &err);
    if (status == ANP_OK) {
        e.whole = stats.posts_live;
        progress_catch_interrupt();
        progress_begin(&e.progress);
        e.progress.terminal &= !out->terminal; /* lines run there already */
        status = anp_posts_salvage(snapshot, export_one, tell_damaged, &e, &err);
        progress_clear(&e.progress);
    }
    *whole = status == ANP_OK || status == ANP_CORRUPT;
    if (status == ANP_CANCELLED && out->failed) {
        return EXIT_IO; /* output_close says why */
    }
    return fail_status(status, &err);
}

int cmd_export(const args *a, output *out) {
    session s;
    output file;
    bool to_file = a->flags[FLAG_OUT].given, whole;
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    if (!to_file) {
        code = export_all(s.snapshot, out, &whole);
    } else if (output_open_file(&file, a->flags[FLAG_OUT].text)) {
        code = export_all(s.snapshot, &file, &whole);
        code = output_close(&file, whole, code);
    } else {
        code = EXIT_IO;
    }
    session_close(&s);
    return code;
}
