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
enum { READ_BYTES = 1 << 16 };

static anp_similar_options similar_options(const args *a) {
    static const anp_measure measures[] = {ANP_MEASURE_JACCARD, ANP_MEASURE_TEXT, ANP_MEASURE_ABOUT,
                                           ANP_MEASURE_BLEND};
    anp_similar_options options = ANP_SIMILAR_OPTIONS_INIT;
    options.k = cli_k(a, 0);
    options.similarity_min = a->flags[FLAG_MIN].number;
    if (a->flags[FLAG_MEASURE].given) {
        options.measure = measures[a->flags[FLAG_MEASURE].choice];
    }
    return options;
}

static void print_text(output *out, const anp_hit *hit) {
    output_format(out, "%4u  %5.3f  ", hit->rank, hit->similarity);
    output_clean(out, hit->id);
    output_text(out, "  ");
    output_clean(out, hit->title);
    output_text(out, "\n");
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
            print_text(out, &hit);
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
        progress_show(&l->progress, l->done, l->done, l->whole);
    }
    return json && !l->out->failed && !progress_interrupted();
}

static int list_all(const args *a, anp_snapshot *snapshot, output *out) {
    anp_error err = ANP_ERROR_INIT;
    anp_similar_options options = similar_options(a);
    anp_stats stats = ANP_STATS_INIT;
    lister l = {.out = out};
    anp_status status = anp_snapshot_stats(snapshot, &stats, &err);
    if (status == ANP_OK) {
        l.whole = stats.posts_live;
        progress_catch_interrupt();
        progress_begin(&l.progress);
        l.progress.terminal &= !out->terminal; /* lines run there already */
        status = anp_similar_all(snapshot, &options, list_one, &l, &err);
        progress_clear(&l.progress);
    }
    if (status == ANP_CANCELLED && l.nomem) {
        return fail(EXIT_IO, "out of memory for the results");
    }
    if (status == ANP_CANCELLED && out->failed) {
        return EXIT_IO; /* output_close says why */
    }
    return fail_status(status, &err);
}

static int similar_to_all(const args *a, anp_snapshot *snapshot, output *out) {
    output file;
    if (!a->flags[FLAG_OUT].given) {
        return list_all(a, snapshot, out);
    }
    if (!output_open_file(&file, a->flags[FLAG_OUT].text)) {
        return EXIT_IO;
    }
    int code = list_all(a, snapshot, &file);
    return output_close(&file, code == EXIT_DONE, code);
}

/* The format, or -1 after a message. */
static int read_format(const args *a) {
    const flag_value *format = &a->flags[FLAG_SIMILAR_FORMAT];
    bool json = a->flags[FLAG_JSON].given, all = a->flags[FLAG_ALL].given;
    if (format->given && format->choice != FORMAT_JSON && (json || all)) {
        fail_usage("%s prints JSON; leave out --format %s", all ? "--all" : "--json", format->text);
        return -1;
    }
    return format->given ? format->choice : json ? FORMAT_JSON : FORMAT_TEXT;
}

int cmd_similar(const args *a, output *out) {
    session s;
    bool id = a->flags[FLAG_ID].given, draft = a->flags[FLAG_DRAFT].given;
    bool all = a->flags[FLAG_ALL].given;
    int format = read_format(a);
    if (format < 0) {
        return EXIT_USAGE;
    }
    if (id + draft + all != 1) {
        return fail(EXIT_USAGE,
                    "similar needs one of --id, --text and --all; see: anpsearch help similar");
    }
    if (a->flags[FLAG_OUT].given && !all) {
        return fail(EXIT_USAGE, "--out goes with --all only; see: anpsearch help similar");
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
