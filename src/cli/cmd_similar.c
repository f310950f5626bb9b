/* similar: the nearest posts to one post, to a draft, or to every post. */
#include "cli/cli.h"
#include "cli/progress.h"
#include "cli/text.h"

#include "base/json.h"
#include "base/limits.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

/* KEEP IN STEP: the words of FLAG_SIMILAR_FORMAT. */
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_TSV, FORMAT_IDS };
enum { READ_BYTES = 1 << 16, EXPLAIN_BYTES = 6 };

static anp_similar_options similar_options(const args *a) {
    static const anp_measure measures[] = {ANP_MEASURE_JACCARD, ANP_MEASURE_TEXT, ANP_MEASURE_ABOUT,
                                           ANP_MEASURE_BLEND};
    anp_similar_options options = ANP_SIMILAR_OPTIONS_INIT;
    options.k = cli_k(a, 0);
    options.similarity_min = a->flags[FLAG_MIN].number;
    options.filter = a->flags[FLAG_FILTER].given ? a->flags[FLAG_FILTER].text : NULL;
    options.flags |= a->flags[FLAG_EXACT].given ? ANP_SIMILAR_EXACT : 0;
    options.flags |= a->flags[FLAG_EXPLAIN].given ? ANP_SIMILAR_EXPLAIN : 0;
    options.threads = (uint32_t)a->flags[FLAG_THREADS].count;
    if (a->flags[FLAG_MEASURE].given) {
        options.measure = measures[a->flags[FLAG_MEASURE].choice];
    }
    return options;
}

static void print_text(output *out, const anp_hit *hit, const char *explanation) {
    output_format(out, "%4u  %5.3f  ", hit->rank, hit->similarity);
    output_clean(out, hit->id);
    output_text(out, "  ");
    output_clean(out, hit->title);
    output_text(out, "\n");
    while (explanation && *explanation) {
        size_t len = strcspn(explanation, "\n");
        output_format(out, "%*s%.*s\n", EXPLAIN_BYTES, "", (int)len, explanation);
        explanation += len + (explanation[len] != 0);
    }
}

static void print_tsv(output *out, const anp_hit *hit) {
    buffer similarity = {0};
    json_put_double(&similarity, hit->similarity);
    output_format(out, "%u\t", hit->rank);
    output_id(out, hit->id, "");
    output_text(out, "\t");
    output_buffer(out, &similarity);
    output_text(out, "\t");
    output_field(out, hit->title);
    output_text(out, "\n");
    buffer_free(&similarity);
}

static int print_results(output *out, anp_results *results, int format) {
    size_t count = anp_results_count(results);
    if (format == FORMAT_JSON) {
        const char *json = anp_results_json(results);
        if (!json) {
            return fail(EXIT_IO, "out of memory for the results");
        }
        output_text(out, json);
        output_text(out, "\n");
    }
    for (size_t i = 0; i < count && format != FORMAT_JSON; i++) {
        anp_hit hit = anp_results_hit(results, i);
        if (format == FORMAT_TEXT) {
            print_text(out, &hit, anp_results_explanation(results, i));
        } else if (format == FORMAT_TSV) {
            print_tsv(out, &hit);
        } else {
            output_id(out, hit.id, "");
            output_text(out, "\n");
        }
    }
    if (format == FORMAT_TEXT) {
        output_flush(out);
        fprintf(stderr, "%zu %s, %.1f ms\n", count, count == 1 ? "post" : "posts",
                (double)anp_results_took_us(results) / 1000.0);
    }
    return count ? EXIT_DONE : EXIT_NOTHING;
}

/* What `similar --json` prints of an id that is not there. */
static void print_absent(output *out, const char *id) {
    buffer line = {0}, text = {0};
    text_put_valid(&text, str_from(id));
    buffer_put_str(&line, STR("{\"id\":"));
    json_put_string(&line, str_make((const char *)text.data, text.len));
    buffer_put_str(&line, STR(",\"took_us\":0,\"hits\":[]}\n"));
    line.failed |= text.failed;
    output_buffer(out, &line);
    buffer_free(&line);
    buffer_free(&text);
}

static int similar_to_id(const args *a, anp_snapshot *snapshot, output *out, int format) {
    anp_error err = ANP_ERROR_INIT;
    anp_similar_options options = similar_options(a);
    anp_results *results;
    anp_status status = anp_similar(snapshot, a->flags[FLAG_ID].text, &options, &results, &err);
    if (status != ANP_OK) {
        if (status == ANP_NOT_FOUND && format == FORMAT_JSON) {
            print_absent(out, a->flags[FLAG_ID].text);
        }
        return fail_status(status, &err);
    }
    int code = print_results(out, results, format);
    anp_results_free(results);
    return code;
}

/* The whole file into text; EXIT_DONE, or another status after a message. */
static int read_draft(const char *path, buffer *text) {
    bool piped = strcmp(path, "-") == 0;
    FILE *file = piped ? stdin : fopen(path, "re");
    size_t got = 1;
    if (!file) {
        return fail(EXIT_IO, "cannot read %s: %s", path, strerror(errno));
    }
    while (got && text->len <= POST_BYTES_MAX) {
        uint8_t *room = buffer_reserve(text, READ_BYTES);
        got = room ? fread(room, 1, READ_BYTES, file) : 0;
        text->len += got;
    }
    int code = EXIT_DONE;
    if (ferror(file)) {
        code = fail(EXIT_IO, "cannot read %s: %s", path, strerror(errno));
    } else if (text->failed) {
        code = fail(EXIT_IO, "cannot read %s: out of memory", path);
    } else if (text->len > POST_BYTES_MAX) {
        code = fail(EXIT_USAGE, "the draft %s is too long: %d bytes are allowed", path,
                    POST_BYTES_MAX);
    }
    if (!piped) {
        fclose(file);
    }
    return code;
}

static int similar_to_draft(const args *a, anp_snapshot *snapshot, output *out, int format) {
    anp_error err = ANP_ERROR_INIT;
    anp_similar_options options = similar_options(a);
    anp_results *results;
    buffer text = {0};
    int code = read_draft(a->flags[FLAG_DRAFT].text, &text);
    if (code == EXIT_DONE) {
        const char *bytes = text.len ? (const char *)text.data : "";
        anp_status status = anp_similar_text(snapshot, bytes, text.len, &options, &results, &err);
        code = fail_status(status, &err);
        if (status == ANP_OK) {
            code = print_results(out, results, format);
            anp_results_free(results);
        }
    }
    buffer_free(&text);
    return code;
}

/* ---- Lists of all posts, and groups -------------------------------------------------------- */

typedef struct lister {
    output *out;
    progress progress;
    uint64_t done;
    uint64_t whole;
    bool nomem;
} lister;

static bool list_one(void *user, anp_results *results) {
    lister *l = user;
    const char *json = anp_results_json(results);
    l->nomem = !json;
    if (json) {
        output_text(l->out, json);
        output_text(l->out, "\n");
        l->done++;
        if (l->whole) {
            progress_show(&l->progress, l->done, l->done, l->whole);
        }
    }
    return json && !l->out->failed && !progress_interrupted();
}

static bool show_step(void *user, const anp_progress *so_far) {
    lister *l = user;
    progress_show_step(&l->progress, so_far->step, so_far->done, so_far->whole);
    return !progress_interrupted();
}

/* What is left of a run that was stopped: FILE.partial, and FILE.resume that says of what. */
typedef struct leftover {
    uint64_t lists;
    uint64_t bytes;
    char *record; /* the name of FILE.resume */
} leftover;

/* Whole lines of the file: how many, and their bytes. */
static void count_lines(FILE *file, leftover *out) {
    static char block[READ_BYTES];
    uint64_t at = 0;
    size_t got;
    while ((got = fread(block, 1, sizeof block, file)) > 0) {
        for (size_t i = 0; i < got; i++) {
            if (block[i] == '\n') {
                out->lists++;
                out->bytes = at + i + 1;
            }
        }
        at += got;
    }
}

/* What can be kept of FILE.partial; then the record is written. */
static int find_leftover(const char *path, uint64_t fingerprint, leftover *out) {
    unsigned long long of = 0;
    size_t room = strlen(path) + sizeof ".partial";
    char *partial = malloc(room);
    *out = (leftover){.record = malloc(room)};
    if (!partial || !out->record) {
        free(partial);
        return fail(EXIT_IO, "cannot write %s: out of memory", path);
    }
    snprintf(partial, room, "%s.partial", path);
    snprintf(out->record, room, "%s.resume", path);
    FILE *record = fopen(out->record, "re");
    bool same = record && fscanf(record, "anpsearch similar %llx", &of) == 1 && of == fingerprint;
    if (record) {
        fclose(record);
    }
    FILE *file = same ? fopen(partial, "re") : NULL;
    if (file) {
        count_lines(file, out);
        fclose(file);
    }
    free(partial);
    record = fopen(out->record, "we");
    of = fingerprint;
    if (!record || fprintf(record, "anpsearch similar %llx\n", of) < 0 ||
        fclose(record) != 0) {
        return fail(EXIT_IO, "cannot write %s: %s", out->record, strerror(errno));
    }
    return EXIT_DONE;
}

static int run_list(anp_snapshot *snapshot, const anp_similar_options *options, bool clusters,
                    lister *l) {
    anp_error err = ANP_ERROR_INIT;
    anp_status status = clusters
                            ? anp_similar_clusters(snapshot, options, list_one, l, &err)
                            : anp_similar_all(snapshot, options, list_one, l, &err);
    progress_clear(&l->progress);
    if (status == ANP_CANCELLED && l->nomem) {
        return fail(EXIT_IO, "out of memory for the results");
    }
    if (status == ANP_CANCELLED && l->out->failed) {
        return EXIT_IO; /* output_close says why */
    }
    return status == ANP_OK && clusters && l->done == 0 ? EXIT_NOTHING
                                                        : fail_status(status, &err);
}

/* --all into a file: what an earlier run left is kept. */
static int list_to_file(const args *a, anp_snapshot *snapshot, anp_similar_options *options,
                        lister *l) {
    anp_error err = ANP_ERROR_INIT;
    uint64_t fingerprint;
    output file;
    leftover left = {0};
    const char *path = a->flags[FLAG_OUT].text;
    anp_status status = anp_similar_fingerprint(snapshot, options, &fingerprint, &err);
    progress_clear(&l->progress);
    int code = fail_status(status, &err);
    if (code == EXIT_DONE) {
        code = find_leftover(path, fingerprint, &left);
    }
    if (code == EXIT_DONE && !output_resume_file(&file, path, left.bytes)) {
        code = EXIT_IO;
    }
    if (code == EXIT_DONE) {
        l->out = &file;
        l->done = options->skip = left.lists;
        code = run_list(snapshot, options, false, l);
        code = output_close(&file, code == EXIT_DONE, code);
        if (code == EXIT_DONE) {
            remove(left.record);
        }
    }
    free(left.record);
    return code;
}

static int similar_to_all(const args *a, anp_snapshot *snapshot, output *out) {
    anp_error err = ANP_ERROR_INIT;
    anp_similar_options options = similar_options(a);
    anp_stats stats = ANP_STATS_INIT;
    bool clusters = a->flags[FLAG_CLUSTERS].given, to_file = a->flags[FLAG_OUT].given;
    lister l = {.out = out};
    output file;
    anp_status status = anp_snapshot_stats(snapshot, &stats, &err);
    if (status != ANP_OK) {
        return fail_status(status, &err);
    }
    progress_catch_interrupt();
    progress_begin(&l.progress);
    l.progress.terminal &= to_file || !out->terminal; /* lines run there already */
    l.whole = clusters ? 0 : stats.posts_live;
    options.on_progress = show_step;
    options.user = &l;
    if (to_file && !clusters) {
        return list_to_file(a, snapshot, &options, &l);
    }
    if (!to_file) {
        return run_list(snapshot, &options, clusters, &l);
    }
    if (!output_open_file(&file, a->flags[FLAG_OUT].text)) {
        return EXIT_IO;
    }
    l.out = &file;
    int code = run_list(snapshot, &options, clusters, &l);
    return output_close(&file, code == EXIT_DONE || code == EXIT_NOTHING, code);
}

/* The format, or -1 after a message. */
static int read_format(const args *a) {
    const flag_value *format = &a->flags[FLAG_SIMILAR_FORMAT];
    bool json = a->flags[FLAG_JSON].given, clusters = a->flags[FLAG_CLUSTERS].given;
    bool all = a->flags[FLAG_ALL].given || clusters;
    if (format->given && format->choice != FORMAT_JSON && (json || all)) {
        const char *which = clusters ? "--clusters" : all ? "--all" : "--json";
        fail_usage("%s prints JSON; leave out --format %s", which, format->text);
        return -1;
    }
    return format->given ? format->choice : json ? FORMAT_JSON : FORMAT_TEXT;
}

int cmd_similar(const args *a, output *out) {
    session s;
    bool id = a->flags[FLAG_ID].given, draft = a->flags[FLAG_DRAFT].given;
    bool all = a->flags[FLAG_ALL].given, clusters = a->flags[FLAG_CLUSTERS].given;
    int format = read_format(a);
    if (format < 0) {
        return EXIT_USAGE;
    }
    if (id + draft + all + clusters != 1) {
        return fail(EXIT_USAGE, "similar needs one of --id, --text, --all and --clusters; see: "
                    "anpsearch help similar");
    }
    if (a->flags[FLAG_OUT].given && !all && !clusters) {
        return fail(EXIT_USAGE,
                    "--out goes with --all or --clusters; see: anpsearch help similar");
    }
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    code = id      ? similar_to_id(a, s.snapshot, out, format)
           : draft ? similar_to_draft(a, s.snapshot, out, format)
                   : similar_to_all(a, s.snapshot, out);
    session_close(&s);
    return code;
}
