/* analyze: each stage from text to terms, as a table. */
#include "cli/cli.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/vec.h"

#include <string.h>

enum { COLUMNS = 6 };

typedef struct row {
    const char *cells[COLUMNS];
} row;

typedef struct table {
    arena memory;
    VEC(row) rows;
    size_t widths[COLUMNS];
    bool nomem;
} table;

/* In characters: bytes that continue one do not count. */
static size_t width(const char *text) {
    size_t count = 0;
    for (; *text; text++) {
        count += ((unsigned char)*text & 0xc0) != 0x80;
    }
    return count;
}

static bool add_row(table *t, row r) {
    for (size_t i = 0; i < COLUMNS; i++) {
        str copy = arena_str(&t->memory, str_from(r.cells[i]));
        if (!copy.data) {
            return false;
        }
        r.cells[i] = copy.data;
        size_t here = width(copy.data);
        t->widths[i] = here > t->widths[i] ? here : t->widths[i];
    }
    return vec_push(&t->rows, r);
}

static bool add_token(void *user, const anp_token *token) {
    table *t = user;
    char position[16];
    snprintf(position, sizeof position, "%u", token->position);
    row r = {{position, token->kind, token->source, token->folded, token->term,
              token->stopword ? "stop word" : ""}};
    t->nomem = !add_row(t, r);
    return !t->nomem;
}

static void print_table(const table *t, output *out) {
    for (size_t i = 0; i < t->rows.count; i++) {
        size_t gap = 0;
        for (size_t j = 0; j < COLUMNS; j++) {
            const char *cell = t->rows.items[i].cells[j];
            if (*cell) {
                output_format(out, "%*s", (int)gap, "");
                output_clean(out, cell);
                gap = 0;
            }
            gap += t->widths[j] - width(cell) + 2;
        }
        output_text(out, "\n");
    }
}

static anp_status analyze(const args *a, table *t, anp_error *err) {
    anp_index_options options = cli_index_options(a);
    buffer text = {0};
    for (size_t i = 0; i < a->word_count; i++) {
        buffer_put_str(&text, i ? STR(" ") : STR(""));
        buffer_put_str(&text, str_from(a->words[i]));
    }
    row heads = {{"position", "kind", "source", "folded", "term", "stopword"}};
    t->nomem = text.failed || !add_row(t, heads);
    anp_status status = ANP_OK;
    if (!t->nomem) {
        const char *bytes = text.len ? (const char *)text.data : "";
        status = anp_analyze(bytes, text.len, &options, add_token, t, err);
    }
    buffer_free(&text);
    return status;
}

int cmd_analyze(const args *a, output *out) {
    anp_error err = ANP_ERROR_INIT;
    table t = {0};
    anp_status status = analyze(a, &t, &err);
    int code = t.nomem ? fail(EXIT_IO, "out of memory for the tokens") : fail_status(status, &err);
    if (code == EXIT_DONE) {
        print_table(&t, out);
        code = t.rows.count > 1 ? EXIT_DONE : EXIT_NOTHING;
    }
    free(t.rows.items);
    arena_free(&t.memory);
    return code;
}
