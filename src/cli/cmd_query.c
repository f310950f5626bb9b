/* query: one query, or a file of them, in any of the formats. */
#include "cli/cli.h"
#include "cli/text.h"

#include "base/json.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* KEEP IN STEP: the words of FLAG_QUERY_FORMAT. */
enum { FORMAT_TEXT, FORMAT_JSON, FORMAT_JSONL, FORMAT_TSV, FORMAT_TREC, FORMAT_IDS };
enum { OPERATOR_AND, STOPWORDS_NONE = 0, SNIPPET_WORDS = 30, EXPLAIN_BYTES = 8 };

typedef struct asker {
    anp_snapshot *snapshot;
    anp_query_options options;
    int format;
    const char *batch; /* the file that the queries are in, or NULL */
    uint64_t number;   /* of the query, from 1: its line */
    bool found;        /* by any query so far */
    bool refused;      /* any query so far */
    output *out;
} asker;

static bool is_json(const asker *q) {
    return q->format == FORMAT_JSON || q->format == FORMAT_JSONL;
}

/* ---- Options ---- */

/* NAME=X,NAME=X into options; false after a message. */
static bool read_weights(const char *text, anp_query_options *options) {
    static const char *const names[] = {"quality", "freshness", "depth", "clarity"};
    double *const weights[] = {&options->weight_quality, &options->weight_freshness,
                               &options->weight_depth, &options->weight_clarity};
    static const unsigned bits[] = {ANP_SET_QUALITY, ANP_SET_FRESHNESS, ANP_SET_DEPTH,
                                    ANP_SET_CLARITY};
    for (const char *at = text;; at++) {
        size_t len = strcspn(at, ","), name_len = strcspn(at, "=,"), i = 0;
        while (i < 4 && (strlen(names[i]) != name_len || memcmp(names[i], at, name_len) != 0)) {
            i++;
        }
        if (i == 4) {
            return fail_usage(
                "--weights has no '%.*s': quality, freshness, depth and clarity are allowed",
                (int)name_len, at);
        }
        double value;
        if (name_len == len || !args_number(at + name_len + 1, at + len, &value) || value < 0) {
            return fail_usage("--weights cannot have '%.*s': NAME=X is allowed, X being 0 or more",
                              (int)len, at);
        }
        *weights[i] = value;
        options->set |= bits[i];
        at += len;
        if (*at == 0) {
            return true;
        }
    }
}

static uint32_t read_switches(const args *a) {
    uint32_t bits = 0;
    const flag_value *f = a->flags;
    bits |= f[FLAG_OPERATOR].given && f[FLAG_OPERATOR].choice == OPERATOR_AND ? ANP_QUERY_AND : 0;
    bits |= f[FLAG_COUNT_ONLY].given ? ANP_QUERY_COUNT_ONLY : 0;
    bits |= f[FLAG_EXPLAIN].given ? ANP_QUERY_EXPLAIN : 0;
    bits |= f[FLAG_TRACE].given ? ANP_QUERY_TRACE : 0;
    bits |= f[FLAG_STRICT_SYNTAX].given ? ANP_QUERY_STRICT_SYNTAX : 0;
    bits |= f[FLAG_STOPWORDS].given && f[FLAG_STOPWORDS].choice == STOPWORDS_NONE
                ? ANP_QUERY_KEEP_STOPWORDS
                : 0;
    return bits;
}

static void read_number(const args *a, flag_id id, unsigned bit, anp_query_options *options,
                        double *value) {
    if (a->flags[id].given) {
        *value = a->flags[id].number;
        options->set |= bit;
    }
}

static bool read_options(const args *a, asker *q) {
    anp_query_options *o = &q->options;
    *o = (anp_query_options)ANP_QUERY_OPTIONS_INIT;
    o->flags = read_switches(a);
    o->k = cli_k(a, 0);
    o->offset = (uint32_t)a->flags[FLAG_OFFSET].count;
    o->filter = a->flags[FLAG_FILTER].text;
    read_number(a, FLAG_BLEND, ANP_SET_BLEND, o, &o->blend);
    read_number(a, FLAG_K1, ANP_SET_K1, o, &o->k1);
    read_number(a, FLAG_B, ANP_SET_B, o, &o->b);
    if (q->format <= FORMAT_JSONL) {
        o->snippet_words = SNIPPET_WORDS;
        if (a->flags[FLAG_SNIPPET].given) {
            o->snippet_words = (uint32_t)a->flags[FLAG_SNIPPET].count;
        }
    }
    if (is_json(q)) {
        o->flags |= ANP_QUERY_ESCAPE_HTML;
    }
    if (q->format == FORMAT_TEXT) {
        o->mark_open = MARK_OPEN;
        o->mark_close = MARK_CLOSE;
    }
    return !a->flags[FLAG_WEIGHTS].given || read_weights(a->flags[FLAG_WEIGHTS].text, o);
}

static bool read_format(const args *a, asker *q) {
    const flag_value *format = &a->flags[FLAG_QUERY_FORMAT];
    bool json = a->flags[FLAG_JSON].given;
    q->format = format->given ? format->choice : json ? FORMAT_JSON : FORMAT_TEXT;
    if (json && q->format != FORMAT_JSON && q->format != FORMAT_JSONL) {
        return fail_usage("--json and --format %s contradict each other; give one", format->text);
    }
    return true;
}

/* ---- Printing ---- */

static void print_indented(output *out, const char *text) {
    while (*text) {
        size_t len = strcspn(text, "\n");
        output_format(out, "%*s%.*s\n", EXPLAIN_BYTES, "", (int)len, text);
        text += len + (text[len] != 0);
    }
}

static void print_text(const asker *q, anp_results *results) {
    for (size_t i = 0; i < anp_results_count(results); i++) {
        anp_hit hit = anp_results_hit(results, i);
        const char *explanation = anp_results_explanation(results, i);
        output_format(q->out, "%4u  %6.2f  ", hit.rank, hit.score);
        output_clean(q->out, hit.id);
        output_text(q->out, "  ");
        output_clean(q->out, hit.title);
        if (hit.snippet && *hit.snippet) {
            output_text(q->out, "\n      ");
            output_clean(q->out, hit.snippet);
        }
        output_text(q->out, "\n");
        if (explanation) {
            print_indented(q->out, explanation);
        }
    }
}

/* One line a hit, as tab-separated values or of a TREC run. */
static void print_lines(const asker *q, anp_results *results) {
    for (size_t i = 0; i < anp_results_count(results); i++) {
        anp_hit hit = anp_results_hit(results, i);
        buffer score = {0};
        json_put_double(&score, hit.score);
        if (q->format == FORMAT_TREC) {
            output_format(q->out, "%llu Q0 ", (unsigned long long)q->number);
            output_id(q->out, hit.id, " ");
            output_format(q->out, " %u ", hit.rank);
            output_buffer(q->out, &score);
            output_text(q->out, " anpsearch\n");
        } else {
            output_format(q->out, "%u\t", hit.rank);
            output_id(q->out, hit.id, "");
            output_text(q->out, "\t");
            output_buffer(q->out, &score);
            output_text(q->out, "\t");
            output_field(q->out, hit.title);
            output_text(q->out, "\n");
        }
        buffer_free(&score);
    }
}

static int print_json(const asker *q, anp_results *results) {
    const char *json = anp_results_json(results);
    if (!json) {
        return fail(EXIT_IO, "out of memory for the results");
    }
    output_text(q->out, json);
    output_text(q->out, "\n");
    return EXIT_DONE;
}

static int print_results(const asker *q, anp_results *results) {
    if (is_json(q)) {
        return print_json(q, results);
    }
    if (q->options.flags & ANP_QUERY_COUNT_ONLY) {
        output_format(q->out, "%llu\n", (unsigned long long)anp_results_total(results));
    } else if (q->format == FORMAT_TEXT) {
        print_text(q, results);
    } else if (q->format == FORMAT_IDS) {
        for (size_t i = 0; i < anp_results_count(results); i++) {
            output_id(q->out, anp_results_hit(results, i).id, "");
            output_text(q->out, "\n");
        }
    } else {
        print_lines(q, results);
    }
    return EXIT_DONE;
}

/* ---- Asking ---- */

/* About a query: one of a file is told by its line. */
static void say_of(const asker *q, const char *message) {
    if (q->batch) {
        say("%s:%llu: %s", q->batch, (unsigned long long)q->number, message);
    } else {
        say("%s", message);
    }
}

/* In a batch each query has an answer, so that answers and lines can be matched. */
static void print_refused(const asker *q, str query) {
    bool count = q->options.flags & ANP_QUERY_COUNT_ONLY;
    buffer line = {0}, text = {0};
    if (is_json(q)) {
        text_put_valid(&text, query);
        buffer_put_str(&line, STR("{\"query\":"));
        json_put_string(&line, str_make((const char *)text.data, text.len));
        buffer_put_str(&line, count ? STR(",\"total\":0}\n")
                                    : STR(",\"total\":0,\"took_us\":0,\"hits\":[],"
                                          "\"suggestion\":null}\n"));
        line.failed |= text.failed;
    } else if (count) {
        buffer_put_str(&line, STR("0\n"));
    }
    output_buffer(q->out, &line);
    buffer_free(&line);
    buffer_free(&text);
}

/* EXIT_USAGE for a query that ends the command, EXIT_DONE where a batch goes on. */
static int refuse(asker *q, str query, const char *message) {
    say_of(q, message);
    q->refused = true;
    if (!q->batch) {
        return EXIT_USAGE;
    }
    print_refused(q, query);
    return EXIT_DONE;
}

/* What the library would not see, or would hand back as JSON that is none. */
static const char *find_fault(str query) {
    buffer copy = {0};
    bool valid = text_put_valid(&copy, query);
    bool failed = copy.failed;
    buffer_free(&copy);
    if (memchr(query.data, 0, query.len)) {
        return "a query cannot hold a zero byte";
    }
    return valid || failed ? NULL
                           : "a query cannot hold bytes that are not UTF-8: write it in UTF-8";
}

/* Whether these belong to the query, so that the next one may fare better. */
static bool is_of_query(anp_status status) {
    return status == ANP_INVALID || status == ANP_SYNTAX || status == ANP_LIMIT ||
           status == ANP_UNSUPPORTED;
}

/* `query` ends with a zero byte. */
static int ask(asker *q, str query) {
    anp_error err = ANP_ERROR_INIT;
    anp_results *results;
    q->number++;
    const char *fault = find_fault(query);
    if (fault) {
        return refuse(q, query, fault);
    }
    anp_status status = anp_query(q->snapshot, query.data, &q->options, &results, &err);
    if (is_of_query(status)) {
        return refuse(q, query, err.message);
    }
    if (status != ANP_OK) {
        return fail_status(status, &err);
    }
    uint64_t total = anp_results_total(results);
    const char *note = anp_results_note(results);
    if (note) {
        say_of(q, note);
    }
    if (q->format == FORMAT_TEXT && q->batch && !(q->options.flags & ANP_QUERY_COUNT_ONLY)) {
        output_text(q->out, "# ");
        output_clean(q->out, query.data);
        output_text(q->out, "\n");
    }
    int code = print_results(q, results);
    if (q->options.flags & ANP_QUERY_COUNT_ONLY ? total > 0 : anp_results_count(results) > 0) {
        q->found = true;
    }
    if (q->format == FORMAT_TEXT && !(q->options.flags & ANP_QUERY_COUNT_ONLY)) {
        output_flush(q->out); /* so that the closing line closes on a terminal */
        fprintf(stderr, "%llu %s, %.1f ms\n", (unsigned long long)total,
                total == 1 ? "post" : "posts", (double)anp_results_took_us(results) / 1000.0);
    }
    if (anp_results_trace(results)) {
        output_flush(q->out);
        fputs(anp_results_trace(results), stderr);
    }
    anp_results_free(results);
    return code;
}

/* One query a line; a line without its end is one too. Answers to a pipe go out at once. */
static int ask_each(asker *q, FILE *file) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && !q->out->failed && (len = getline(&line, &capacity, file)) >= 0) {
        while (len > 0 && (line[len - 1] == '\n' || line[len - 1] == '\r')) {
            line[--len] = 0;
        }
        code = ask(q, str_make(line, (size_t)len));
        if (file == stdin) {
            output_flush(q->out);
        }
    }
    if (code == EXIT_DONE && ferror(file)) {
        code = fail(EXIT_IO, "cannot read %s: %s", q->batch, strerror(errno));
    }
    free(line);
    return code;
}

/* A wrong filter or option would be wrong for every line: a query of nothing tells at once. */
static int check_options(const asker *q) {
    anp_error err = ANP_ERROR_INIT;
    anp_results *results;
    anp_status status = anp_query(q->snapshot, "", &q->options, &results, &err);
    if (status == ANP_OK) {
        anp_results_free(results);
    }
    return fail_status(status, &err);
}

static int ask_file(asker *q, const char *path) {
    int checked = check_options(q);
    if (checked != EXIT_DONE) {
        return checked;
    }
    q->batch = path;
    if (strcmp(path, "-") == 0) {
        return ask_each(q, stdin);
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return fail(EXIT_IO, "cannot read %s: %s", path, strerror(errno));
    }
    int code = ask_each(q, file);
    fclose(file);
    return code;
}

static int ask_words(asker *q, const args *a) {
    buffer query = {0};
    for (size_t i = 0; i < a->word_count; i++) {
        buffer_put_str(&query, i ? STR(" ") : STR(""));
        buffer_put_str(&query, str_from(a->words[i]));
    }
    buffer_put_u8(&query, 0);
    int code = query.failed ? fail(EXIT_IO, "out of memory for the query")
                            : ask(q, str_make((const char *)query.data, query.len - 1));
    buffer_free(&query);
    return code;
}

int cmd_query(const args *a, output *out) {
    asker q = {.out = out};
    session s;
    bool batch = a->flags[FLAG_QUERIES].given;
    if (batch == (a->word_count > 0)) {
        return fail(EXIT_USAGE,
                    "query needs either QUERY or --queries FILE; see: anpsearch help query");
    }
    if (!read_format(a, &q) || !read_options(a, &q)) {
        return EXIT_USAGE;
    }
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    q.snapshot = s.snapshot;
    code = batch ? ask_file(&q, a->flags[FLAG_QUERIES].text) : ask_words(&q, a);
    session_close(&s);
    if (code != EXIT_DONE) {
        return code;
    }
    return q.refused ? EXIT_USAGE : q.found ? EXIT_DONE : EXIT_NOTHING;
}
