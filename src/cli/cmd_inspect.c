/* stats, terms, verify: what is in the index, and whether it is whole. */
#include "cli/cli.h"

#include "base/json.h"
#include "base/str.h"

#include <inttypes.h>

/* ---- stats ---- */

static const char *analyzer_name(anp_analyzer analyzer) {
    return analyzer == ANP_ANALYZER_PLAIN ? "plain" : "technical";
}

static const char *store_name(anp_store_mode mode) {
    return mode == ANP_STORE_NONE ? "none" : "all";
}

static void put_count(buffer *out, const char *key, uint64_t value) {
    json_put_key(out, key);
    json_put_u64(out, value);
}

static void put_text(buffer *out, const char *key, const char *value) {
    json_put_key(out, key);
    json_put_string(out, str_from(value));
}

static void print_stats_json(output *out, const anp_stats *s) {
    buffer b = {0};
    buffer_put_u8(&b, '{');
    put_count(&b, "format_version", s->format_version);
    put_text(&b, "analyzer", analyzer_name(s->analyzer));
    put_text(&b, "language", s->language);
    put_count(&b, "title_weight", s->title_weight);
    put_text(&b, "store", store_name(s->store));
    put_count(&b, "posts_live", s->posts_live);
    put_count(&b, "posts_deleted", s->posts_deleted);
    put_count(&b, "terms", s->terms);
    put_count(&b, "words", s->words);
    json_put_key(&b, "length_average");
    json_put_double(&b, s->length_average);
    put_count(&b, "file_bytes", s->file_bytes);
    put_count(&b, "log_posts", s->log_posts);
    put_count(&b, "segments", s->segments);
    put_count(&b, "windows", s->windows);
    json_put_key(&b, "tables");
    buffer_put_u8(&b, '[');
    for (size_t i = 0; i < s->table_count; i++) {
        buffer_put_str(&b, i ? STR(",{") : STR("{"));
        put_text(&b, "name", s->tables[i].name);
        put_count(&b, "entries", s->tables[i].entries);
        put_count(&b, "bytes", s->tables[i].bytes);
        buffer_put_u8(&b, '}');
    }
    buffer_put_str(&b, STR("]}\n"));
    output_buffer(out, &b);
    buffer_free(&b);
}

static void print_stats_text(output *out, const anp_stats *s) {
    output_format(out, "posts           %" PRIu64 "\n", s->posts_live);
    output_format(out, "deleted         %" PRIu64 "\n", s->posts_deleted);
    output_format(out, "terms           %" PRIu64 "\n", s->terms);
    output_format(out, "words           %" PRIu64 "\n", s->words);
    output_format(out, "average length  %.1f words\n", s->length_average);
    output_format(out, "analyzer        %s, %s\n", analyzer_name(s->analyzer), s->language);
    output_format(out, "title weight    %" PRIu32 "\n", s->title_weight);
    output_format(out, "posts stored    %s\n", store_name(s->store));
    output_format(out, "format version  %" PRIu32 "\n", s->format_version);
    output_format(out, "windows         %" PRIu32 "\n", s->windows);
    output_format(out, "segments        %" PRIu32 "\n", s->segments);
    output_format(out, "posts in log    %" PRIu64 "\n", s->log_posts);
    output_format(out, "file            %.1f MB\n", (double)s->file_bytes / 1e6);
    output_format(out, "\n%-14s %14s %14s\n", "table", "entries", "bytes");
    for (size_t i = 0; i < s->table_count; i++) {
        output_format(out, "%-14s %14" PRIu64 " %14" PRIu64 "\n", s->tables[i].name,
                      s->tables[i].entries, s->tables[i].bytes);
    }
}

int cmd_stats(const args *a, output *out) {
    session s;
    anp_error err = ANP_ERROR_INIT;
    anp_stats stats = ANP_STATS_INIT;
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    anp_status status = anp_snapshot_stats(s.snapshot, &stats, &err);
    if (status == ANP_OK && a->flags[FLAG_JSON].given) {
        print_stats_json(out, &stats);
    } else if (status == ANP_OK) {
        print_stats_text(out, &stats);
    }
    session_close(&s);
    return fail_status(status, &err);
}

/* ---- terms ---- */

typedef struct term_printer {
    output *out;
    bool json;
    uint64_t left; /* how many more */
    bool any;
} term_printer;

static void print_term_json(output *out, const anp_term *term) {
    buffer b = {0};
    buffer_put_u8(&b, '{');
    put_text(&b, "term", term->text);
    put_count(&b, "df", term->df);
    put_count(&b, "cf", term->cf);
    buffer_put_str(&b, STR("}\n"));
    output_buffer(out, &b);
    buffer_free(&b);
}

static bool print_term(void *user, const anp_term *term) {
    term_printer *p = user;
    if (p->json) {
        print_term_json(p->out, term);
    } else {
        output_field(p->out, term->text);
        output_format(p->out, "\t%" PRIu32 "\t%" PRIu64 "\n", term->df, term->cf);
    }
    p->any = true;
    return --p->left > 0 && !p->out->failed;
}

int cmd_terms(const args *a, output *out) {
    session s;
    anp_error err = ANP_ERROR_INIT;
    term_printer p = {.out = out, .json = a->flags[FLAG_JSON].given, .left = UINT64_MAX};
    if (a->flags[FLAG_K].given) {
        p.left = a->flags[FLAG_K].count;
    }
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    const char *prefix = a->word_count ? a->words[0] : "";
    anp_status status = anp_snapshot_terms(s.snapshot, prefix, print_term, &p, &err);
    session_close(&s);
    code = fail_status(status, &err);
    return code == EXIT_DONE && !p.any ? EXIT_NOTHING : code;
}

/* ---- verify ---- */

static void print_problem(void *user, const char *line) {
    output_text(user, line);
    output_text(user, "\n");
}

/* "ok: …": with what was looked at. */
static anp_status print_fine(anp_snapshot *snapshot, bool quick, output *out, anp_error *err) {
    anp_stats stats = ANP_STATS_INIT;
    anp_status status = anp_snapshot_stats(snapshot, &stats, err);
    if (status == ANP_OK) {
        output_format(out, "ok: %" PRIu64 " %s, %" PRIu64 " %s, %.1f MB, %s\n",
                      stats.posts_live, stats.posts_live == 1 ? "post" : "posts", stats.terms,
                      stats.terms == 1 ? "term" : "terms", (double)stats.file_bytes / 1e6,
                      quick ? "file and counts checked" : "every value checked");
    }
    return status;
}

int cmd_verify(const args *a, output *out) {
    session s;
    anp_error err = ANP_ERROR_INIT;
    uint64_t problems = 0;
    bool quick = a->flags[FLAG_QUICK].given;
    if (quick && a->flags[FLAG_FULL].given) {
        return fail(EXIT_USAGE, "--quick and --full contradict each other; give one");
    }
    int code = session_open(&s, a);
    if (code != EXIT_DONE) {
        return code;
    }
    anp_status status = anp_index_verify(s.index, quick ? ANP_VERIFY_QUICK : ANP_VERIFY_FULL,
                                         print_problem, out, &problems, &err);
    if (status == ANP_OK) {
        status = print_fine(s.snapshot, quick, out, &err);
    }
    session_close(&s);
    if (status == ANP_CORRUPT && problems) {
        return fail(EXIT_IO,
                    "%s is damaged: %" PRIu64 " %s; restore a copy or index the posts anew",
                    cli_db(a), problems, problems == 1 ? "problem" : "problems");
    }
    return fail_status(status, &err);
}
