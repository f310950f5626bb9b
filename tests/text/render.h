/*
 * Tokens as one line that a test can compare:
 *
 *     use caches>cach Node.js's  ─>  "use caches>cach node.js's>node.js(node js's>js)"
 *
 * folded, then >term where the term differs, then the parts of a technical word in brackets. Breaks
 * in positions and in ranges are reported as they are met.
 */
#ifndef ANP_TESTS_TEXT_RENDER_H
#define ANP_TESTS_TEXT_RENDER_H

#include "test.h"
#include "text/analyzer.h"
#include "text/twin.h"

#include <stdio.h>

enum { RENDER_BYTES_MAX = 1 << 16 };

typedef struct render {
    char line[RENDER_BYTES_MAX];
    size_t len;
} render;

static inline void render_put(render *r, str s) {
    if (s.len && r->len + s.len < sizeof r->line) {
        memcpy(r->line + r->len, s.data, s.len);
        r->len += s.len;
    }
    r->line[r->len] = 0;
}

static inline void render_token(render *r, const text_token *t) {
    render_put(r, t->folded);
    if (!str_equal(t->folded, t->term)) {
        render_put(r, STR(">"));
        render_put(r, t->term);
    }
}

/* What holds of the tokens of any text. */
static inline bool tokens_hold(const text_tokens *tokens, size_t text_len) {
    uint32_t position = 0;
    size_t from = 0, whole_from = 0, whole_end = 0;
    for (size_t i = 0; i < tokens->count; i++) {
        const text_token *t = &tokens->items[i];
        bool part = t->kind == TEXT_PART;
        if (part ? i == 0 || tokens->items[i - 1].kind == TEXT_WORD ||
                       t->position + 1 != position || t->start < whole_from || t->end > whole_end
                 : t->position != position || t->start < from) {
            return false;
        }
        if (t->start >= t->end || t->end > text_len || t->folded.len == 0 || t->term.len == 0 ||
            t->term.len > 255) {
            return false;
        }
        if (!part) {
            position++;
            whole_from = t->start;
            from = whole_end = t->end;
        }
    }
    return position == tokens->words;
}

static inline const char *render_text(analyzer *a, str text, render *r) {
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    text_tokens tokens;
    r->len = 0;
    render_put(r, STR(""));
    if (!CHECK(analyzer_run(a, text, &perm, &tokens, &err) == ANP_OK)) {
        test_note("%s", err.message);
    } else if (CHECK(tokens_hold(&tokens, text.len))) {
        bool open = false;
        for (size_t i = 0; i < tokens.count; i++) {
            bool part = tokens.items[i].kind == TEXT_PART;
            render_put(r, open && !part ? STR(")") : STR(""));
            render_put(r, part && !open ? STR("(") : i ? STR(" ") : STR(""));
            render_token(r, &tokens.items[i]);
            open = part;
        }
        render_put(r, open ? STR(")") : STR(""));
    }
    arena_free(&perm);
    return r->line;
}

static inline analyzer *open_or_fail(anp_analyzer kind, const char *language) {
    analyzer *a;
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK(analyzer_open(kind, language, &a, &err) == ANP_OK)) {
        test_note("%s", err.message);
    }
    return a;
}

/* {text, expected}: each pair on the analyzer and on its slow twin. */
static inline void check_pairs(anp_analyzer kind, const char *language,
                               const char *const (*pairs)[2], size_t count) {
    static render r;
    analyzer *a = open_or_fail(kind, language), *twin = open_or_fail(kind, language);
    if (!a || !twin) {
        return;
    }
    analyzer_use_twin(twin);
    for (size_t i = 0; i < count; i++) {
        if (!CHECK_EQ_STR(render_text(a, str_from(pairs[i][0]), &r), pairs[i][1]) ||
            !CHECK_EQ_STR(render_text(twin, str_from(pairs[i][0]), &r), pairs[i][1])) {
            test_note("of the text: %s", pairs[i][0]);
        }
    }
    analyzer_close(a);
    analyzer_close(twin);
}

#define PAIRS(...)             \
    (const char *const[][2]) { \
        __VA_ARGS__            \
    }
#define CHECK_PAIRS(kind, language, ...)                \
    check_pairs((kind), (language), PAIRS(__VA_ARGS__), \
                sizeof(PAIRS(__VA_ARGS__)) / sizeof(const char *const[2]))

#endif
