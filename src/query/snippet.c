/*
 * Tokens of the body that match, the best window over them, and its text with marks. See snippet.h.
 *
 * A technical word that matched by a part is marked whole. Positions count words as the index does.
 */
#include "query/snippet.h"

#include "base/bytes.h"
#include "base/intern.h"

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "a snippet");
}

/*
 * ---- Which terms
 * -------------------------------------------------------------------------------------------
 */

static void collect(const plan_node *node, snippet_terms *out) {
    for (; node; node = node->next) {
        if (node->occur == QUERY_MUST_NOT) {
            continue;
        }
        for (uint32_t i = 0; i < node->term_count; i++) {
            if (node->terms[i]->field != INDEX_TITLE) {
                out->items[out->count++] = node->terms[i]->term;
            }
        }
        collect(node->first, out);
    }
}

anp_status snippet_terms_make(const query_plan *plan, arena *perm, snippet_terms *out,
                              anp_error *err) {
    out->count = 0;
    out->items = arena_array(perm, str, plan->clause_count + 1);
    if (!out->items) {
        return nomem(err);
    }
    collect(plan->root, out);
    return ANP_OK;
}

/*
 * ---- Where they stand
 * --------------------------------------------------------------------------------------
 */

/* A word of the body that matched. */
typedef struct match_place {
    uint32_t word; /* its index in the list of words */
    uint32_t term; /* number in the table of terms */
} match_place;

/* Words of the body: a token a position, technical words whole. */
typedef struct body_words {
    text_token *items;
    size_t count;
    match_place *matches; /* by word */
    size_t match_count;
} body_words;

static anp_status find_matches(analyzer *a, str body, const intern *table, arena *scratch,
                               body_words *out, anp_error *err) {
    text_tokens tokens;
    TRY(analyzer_run(a, body, scratch, &tokens, err));
    out->matches = arena_array(scratch, match_place, tokens.count + 1);
    if (!out->matches) {
        return nomem(err);
    }
    out->items = tokens.items;
    for (size_t i = 0; i < tokens.count; i++) {
        text_token *token = &tokens.items[i];
        uint32_t term = table->count ? intern_find(table, token->term) : INTERN_NONE;
        if (token->kind != TEXT_PART) {
            out->items[out->count++] = *token; /* in place: never ahead of i */
        }
        if (term != INTERN_NONE && out->count) {
            out->matches[out->match_count++] = (match_place){(uint32_t)out->count - 1, term};
        }
    }
    return ANP_OK;
}

/*
 * ---- The window
 * --------------------------------------------------------------------------------------------
 */

/* The first and behind the last of the words to show. */
typedef struct word_window {
    size_t first, end;
} word_window;

/* Slides over the matches: [from, i] are those within words_max words of the first. */
static anp_status best_window(const body_words *body, uint32_t term_count, size_t words_max,
                              arena *scratch, word_window *out, anp_error *err) {
    uint32_t *seen = arena_array(scratch, uint32_t, (size_t)term_count + 1);
    size_t from = 0, distinct = 0, best_distinct = 0, best_count = 0, best_from = 0, best_to = 0;
    if (!seen) {
        return nomem(err);
    }
    for (size_t i = 0; i < body->match_count; i++) {
        distinct += seen[body->matches[i].term]++ == 0;
        while (body->matches[i].word - body->matches[from].word >= words_max) {
            distinct -= --seen[body->matches[from++].term] == 0;
        }
        if (distinct > best_distinct || (distinct == best_distinct && i - from + 1 > best_count)) {
            best_distinct = distinct;
            best_count = i - from + 1;
            best_from = from;
            best_to = i;
        }
    }
    size_t first = 0;
    if (body->match_count) {
        /* The matches in the middle of the window. */
        size_t left = body->matches[best_from].word, right = body->matches[best_to].word;
        size_t spare = (words_max - (right - left + 1)) / 2;
        first = left > spare ? left - spare : 0;
    }
    if (first + words_max > body->count) {
        first = body->count > words_max ? body->count - words_max : 0;
    }
    out->first = first;
    out->end = first + words_max < body->count ? first + words_max : body->count;
    return ANP_OK;
}

/*
 * ---- Its text
 * ----------------------------------------------------------------------------------------------
 */

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

/* [from, to) with white space folded; `*space` is whether the last byte put was one. */
static void put_text(buffer *out, str body, size_t from, size_t to, bool escape, bool *space) {
    for (size_t i = from; i < to; i++) {
        char c = body.data[i];
        if (is_space(c)) {
            if (!*space) {
                buffer_put_u8(out, ' ');
            }
            *space = true;
            continue;
        }
        *space = false;
        if (escape && (c == '&' || c == '<' || c == '>')) {
            buffer_put_str(out, c == '&' ? STR("&amp;") : c == '<' ? STR("&lt;") : STR("&gt;"));
        } else {
            buffer_put_u8(out, (uint8_t)c);
        }
    }
}

/*
 * From the window's first word back, and from its last on, over the marks that touch it: quotes,
 * brackets, a full stop.
 */
static void window_bytes(str body, const body_words *words, word_window window, size_t *from,
                         size_t *to) {
    size_t floor = window.first ? words->items[window.first - 1].end : 0;
    size_t ceiling = window.end < words->count ? words->items[window.end].start : body.len;
    *from = window.first < window.end ? words->items[window.first].start : 0;
    *to = window.first < window.end ? words->items[window.end - 1].end : body.len;
    while (*from > floor && !is_space(body.data[*from - 1])) {
        (*from)--;
    }
    while (*to < ceiling && !is_space(body.data[*to])) {
        (*to)++;
    }
    if (window.first == 0) {
        *from = 0;
    }
    if (window.end == words->count) {
        *to = body.len;
    }
}

static void put_window(buffer *out, str body, const body_words *words, word_window window,
                       const snippet_settings *settings) {
    size_t at, to, next = 0;
    bool space = true; /* none at the beginning */
    window_bytes(body, words, window, &at, &to);
    if (window.first) {
        buffer_put_str(out, STR("… "));
    }
    for (size_t i = 0; i < words->match_count; i++) {
        const match_place *match = &words->matches[i];
        if (match->word < window.first || match->word >= window.end || match->word < next) {
            continue;
        }
        next = (size_t)match->word + 1; /* a word with several matching parts is marked once */
        const text_token *word = &words->items[match->word];
        put_text(out, body, at, word->start, settings->escape_html, &space);
        buffer_put_str(out, settings->mark_open);
        space = false;
        put_text(out, body, word->start, word->end, settings->escape_html, &space);
        buffer_put_str(out, settings->mark_close);
        at = word->end;
    }
    put_text(out, body, at, to, settings->escape_html, &space);
    while (out->len && out->data[out->len - 1] == ' ') {
        out->len--;
    }
    if (window.end < words->count) {
        buffer_put_str(out, STR(" …"));
    }
}

static anp_status make(analyzer *a, str body, const intern *table, const snippet_settings *settings,
                       arena *scratch, buffer *out, anp_error *err) {
    body_words words = {0};
    word_window window;
    TRY(find_matches(a, body, table, scratch, &words, err));
    TRY(best_window(&words, table->count, settings->words_max, scratch, &window, err));
    put_window(out, body, &words, window, settings);
    return out->failed ? nomem(err) : ANP_OK;
}

anp_status snippet_make(analyzer *a, str body, const snippet_terms *terms,
                        const snippet_settings *settings, arena *perm, str *out, anp_error *err) {
    intern table = {0};
    arena scratch = {0};
    buffer text = {0};
    anp_status status = ANP_OK;
    for (size_t i = 0; i < terms->count && status == ANP_OK; i++) {
        if (intern_add(&table, terms->items[i], NULL) == INTERN_NONE) {
            status = nomem(err);
        }
    }
    if (status == ANP_OK) {
        status = make(a, body, &table, settings, &scratch, &text, err);
    }
    if (status == ANP_OK) {
        *out = arena_str(perm, str_make((const char *)text.data, text.len));
        status = out->data ? ANP_OK : nomem(err);
    }
    buffer_free(&text);
    arena_free(&scratch);
    intern_free(&table);
    return status;
}
