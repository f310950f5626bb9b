/*
 * A query's bytes to tokens: where a person's text ends and the language begins.
 *
 *     title:redis -"long-term" (colo?r OR AND
 *     FIELD WORD  MINUS PHRASE  │ WORD  │  └ no clause behind it: a WORD
 *                               │       └ OR, a clause stands on either side
 *                               └ never closed: GONE, and noted
 *
 * Here characters become tokens; settle.c then sees to parentheses and operators. A sign is an
 * operator only at the beginning of a clause and directly before it, so `long-term`, `c++`,
 * `--flag` and a lone `-` are text. A backslash takes the meaning from the punctuation mark or
 * space behind it; before other bytes it is text (`\d`, `C:\temp`).
 */
#include "query/ast.h"

typedef struct lexer {
    query_source *source;
    const char *text;
    size_t len;
    size_t at;
    bool operators; /* AND OR NOT are operators */
    query_token *tokens;
    size_t count;
} lexer;

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0;
}

/*
 * Letters and digits; bytes over 127 too, for whatever they are, they are no mark of this language.
 */
static bool is_word_byte(char c) {
    unsigned char byte = (unsigned char)c;
    return (unsigned)(byte | 0x20) - 'a' < 26 || (unsigned)byte - '0' < 10 || byte >= 0x80;
}

static bool is_escape(const lexer *x, size_t at) {
    return x->text[at] == '\\' && at + 1 < x->len &&
           (x->text[at + 1] == ' ' || (x->text[at + 1] > ' ' && !is_word_byte(x->text[at + 1])));
}

/* At `at` a clause has ended: white space, a parenthesis, or the end. */
static bool is_border(const lexer *x, size_t at) {
    return at >= x->len || is_space(x->text[at]) || x->text[at] == ')' || x->text[at] == '(';
}

static query_token *emit(lexer *x, query_token_kind kind, size_t start, size_t end) {
    query_token *token = &x->tokens[x->count++];
    *token = (query_token){.kind = kind, .start = start, .end = end,
                           .text = str_make(x->text + start, end - start)};
    return token;
}

/* Text less its backslashes; `only` is the one mark that may be escaped there, or 0 for all. */
static anp_status unescape(lexer *x, size_t start, size_t end, char only, str *out) {
    char *copy = arena_alloc(x->source->perm, end - start + 1);
    if (!copy) {
        return error_nomem(x->source->err, "the words of a query");
    }
    size_t len = 0;
    for (size_t i = start; i < end; i++) {
        if (i + 1 < end && is_escape(x, i) &&
            (!only || x->text[i + 1] == only || x->text[i + 1] == '\\')) {
            i++;
        }
        copy[len++] = x->text[i];
    }
    copy[len] = 0;
    *out = str_make(copy, len);
    return ANP_OK;
}

/* The digits at *at as a number up to a million; false when there is none. */
static bool read_count(const lexer *x, size_t *at, uint32_t *value) {
    size_t from = *at;
    *value = 0;
    for (; *at < x->len && x->text[*at] >= '0' && x->text[*at] <= '9'; (*at)++) {
        *value = *value < 1000000 ? *value * 10 + (uint32_t)(x->text[*at] - '0') : *value;
    }
    return *at > from;
}

/* `^2.5` at `at` and then a border: the boost, and the byte behind it. */
static bool read_boost(const lexer *x, size_t at, double *boost, size_t *end) {
    *end = at + 1;
    while (!is_border(x, *end)) {
        (*end)++;
    }
    return query_number_read(str_make(x->text + at + 1, *end - at - 1), boost) && *boost > 0 &&
           *boost <= BOOST_MAX;
}

static const char expected_boost[] = "a number above 0 and up to a million behind ^";

/* The boost that stands directly behind a clause, if any. */
static anp_status lex_boost(lexer *x) {
    double boost;
    size_t end;
    if (x->at >= x->len || x->text[x->at] != '^') {
        return ANP_OK;
    }
    if (!read_boost(x, x->at, &boost, &end)) {
        TRY(query_complain(x->source, x->at + 1, expected_boost));
        x->at++;
        return ANP_OK;
    }
    emit(x, TOKEN_BOOST, x->at, end)->boost = boost;
    x->at = end;
    return ANP_OK;
}

static anp_status lex_phrase(lexer *x) {
    size_t start = x->at, end = start + 1;
    while (end < x->len && x->text[end] != '"') {
        end += is_escape(x, end) ? 2 : 1;
    }
    if (end >= x->len) {
        x->at++;
        return query_complain(x->source, start, "a second \" that closes this one");
    }
    query_token *token = emit(x, TOKEN_PHRASE, start, end + 1);
    TRY(unescape(x, start + 1, end, '"', &token->text));
    x->at = end + 1;
    if (x->at < x->len && x->text[x->at] == '~') {
        x->at++;
        if (!read_count(x, &x->at, &token->slop)) {
            TRY(query_complain(x->source, x->at, "a number behind ~"));
        } else if (token->slop > QUERY_SLOP_MAX) {
            TRY(query_complain(x->source, token->end + 1, "a slop of at most 255"));
            token->slop = QUERY_SLOP_MAX;
        }
        token->end = x->at;
    }
    return lex_boost(x);
}

/* `[low TO high]` behind a meta field; *found false when the brackets do not close. */
static anp_status lex_range(lexer *x, bool *found) {
    size_t end = x->at + 1;
    while (end < x->len && x->text[end] != ']' && x->text[end] != '}') {
        end++;
    }
    *found = end < x->len;
    if (!*found) {
        return query_complain(x->source, x->at, "a ] or } that closes this range");
    }
    query_token *token = emit(x, TOKEN_RANGE, x->at, end + 1);
    token->text = str_make(x->text + x->at + 1, end - x->at - 1);
    token->low_included = x->text[x->at] == '[';
    token->high_included = x->text[end] == ']';
    x->at = end + 1;
    return lex_boost(x);
}

/*
 * `/…/` as a whole clause at x->at: the byte of the second slash, or 0. `client / server / both` is
 * text.
 */
static size_t find_regex(const lexer *x) {
    size_t end = x->at + 1;
    if (end < x->len && is_space(x->text[end])) {
        return 0;
    }
    while (end < x->len && x->text[end] != '/') {
        end += x->text[end] == '\\' && end + 1 < x->len ? 2 : 1;
    }
    bool whole = end < x->len && end > x->at + 1 &&
                 (is_border(x, end + 1) || x->text[end + 1] == '^');
    return whole ? end : 0;
}

/* One word's bytes, and the marks in it that mean something. */
typedef struct word_shape {
    size_t end;       /* behind its last byte */
    size_t colon;     /* its first unescaped colon, or end */
    size_t wildcard;  /* its first unescaped * or ? inside, or end */
    size_t bad_boost; /* its first ^ without a good number, or end */
    bool has_letters;
} word_shape;

static word_shape shape_of(const lexer *x) {
    size_t i = x->at;
    word_shape shape = {0, x->len, x->len, x->len, false};
    for (;;) {
        size_t letters = i;
        while (i < x->len && is_word_byte(x->text[i])) {
            i++;
        }
        shape.has_letters |= i > letters;
        if (is_border(x, i) || x->text[i] == '"') {
            break;
        }
        char c = x->text[i];
        double boost;
        size_t behind;
        if (is_escape(x, i)) {
            i += 2;
            continue;
        }
        if (c == '^' && i > x->at && read_boost(x, i, &boost, &behind)) {
            break;
        }
        bool inside = c == '?' && i > x->at && is_word_byte(x->text[i - 1]) && i + 1 < x->len &&
                      is_word_byte(x->text[i + 1]);
        if ((inside || c == '*') && i < shape.wildcard) {
            shape.wildcard = i;
        }
        if (c == ':' && i < shape.colon) {
            shape.colon = i;
        }
        if (c == '^' && i < shape.bad_boost) {
            shape.bad_boost = i;
        }
        i++;
    }
    shape.end = i;
    return shape;
}

/* `name:` at x->at when the index knows the name and a value follows. */
static anp_status lex_field(lexer *x, const word_shape *shape, bool *found) {
    size_t behind = shape->colon + 1;
    str name;
    *found = false;
    if (shape->colon >= shape->end || shape->colon == x->at || behind >= x->len ||
        is_space(x->text[behind]) || x->text[behind] == ')') {
        return ANP_OK;
    }
    TRY(unescape(x, x->at, shape->colon, 0, &name));
    query_token field = {.field = INDEX_TEXT};
    if (str_equal(name, STR("title"))) {
        field.field = INDEX_TITLE;
    } else if (str_equal(name, STR("body"))) {
        field.field = INDEX_BODY;
    } else {
        const query_syntax *syntax = x->source->syntax;
        anp_status status = syntax->field_find(syntax->user, name, &field.meta, x->source->err);
        if (status == ANP_NOT_FOUND && syntax->filter && is_word_byte(name.data[0]) &&
            !(name.data[0] >= '0' && name.data[0] <= '9')) {
            /* In a query it is text; a filter that silently searched words would mislead. */
            return query_complain(x->source, x->at, "a field that some post has before the :");
        }
        if (status != ANP_OK) {
            return status == ANP_NOT_FOUND ? ANP_OK : status;
        }
    }
    query_token *token = emit(x, TOKEN_FIELD, x->at, behind);
    token->field = field.field;
    token->meta = field.meta;
    token->text = name;
    x->at = behind;
    *found = true;
    return ANP_OK;
}

/* The end of a word less a fuzzy mark (`~`, `~2`), noted. */
static anp_status cut_fuzzy(lexer *x, size_t start, size_t *end) {
    size_t tilde = *end;
    if (tilde > start && x->text[tilde - 1] >= '0' && x->text[tilde - 1] <= '9') {
        tilde--;
    }
    if (tilde < start + 2 || x->text[tilde - 1] != '~' || !is_word_byte(x->text[tilde - 2])) {
        return ANP_OK;
    }
    *end = tilde - 1;
    return query_unsupported(x->source, tilde - 1, "~ (similar spelling)");
}

/* A word at x->at; in_field: behind `name:`, where it is a value and nothing else. */
static anp_status lex_word(lexer *x, const word_shape *shape, bool in_field) {
    size_t start = x->at, end = shape->end;
    str source = str_make(x->text + start, end - start);
    if (!in_field && x->operators) {
        query_token_kind kind = str_equal(source, STR("AND"))   ? TOKEN_AND
                                : str_equal(source, STR("OR"))  ? TOKEN_OR
                                : str_equal(source, STR("NOT")) ? TOKEN_NOT
                                                                : TOKEN_WORD;
        if (kind != TOKEN_WORD) {
            emit(x, kind, start, end);
            x->at = end;
            return ANP_OK;
        }
    }
    x->at = end;
    if (str_equal(source, STR("*"))) {
        emit(x, TOKEN_ALL, start, end);
        return lex_boost(x);
    }
    if (shape->bad_boost < end && shape->has_letters) {
        TRY(query_complain(x->source, shape->bad_boost + 1, expected_boost));
    }
    size_t word_end = end;
    if (shape->wildcard < end && shape->has_letters) {
        TRY(query_unsupported(x->source, shape->wildcard, "a wildcard"));
    } else {
        TRY(cut_fuzzy(x, start, &word_end));
    }
    while (shape->has_letters && word_end > start && x->text[word_end - 1] == '*' &&
           shape->wildcard < end) {
        word_end--; /* `invalid*`: the word before the mark */
    }
    query_token *token = emit(x, TOKEN_WORD, start, end);
    TRY(unescape(x, start, word_end, 0, &token->text));
    return lex_boost(x);
}

static anp_status lex_regex(lexer *x, size_t end) {
    TRY(query_unsupported(x->source, x->at, "a regular expression"));
    query_token *token = emit(x, TOKEN_WORD, x->at, end + 1);
    token->text = str_make(x->text + x->at + 1, end - x->at - 1);
    x->at = end + 1;
    return lex_boost(x);
}

/* What stands behind `name:`. */
static anp_status lex_value(lexer *x, const query_token *field) {
    char c = x->text[x->at];
    if (c == '"') {
        return lex_phrase(x);
    }
    if (c == '(') {
        x->at++;
        emit(x, TOKEN_OPEN, x->at - 1, x->at);
        return ANP_OK;
    }
    if ((c == '[' || c == '{') && field->field == INDEX_TEXT) {
        bool found;
        TRY(lex_range(x, &found));
        if (found) {
            return ANP_OK;
        }
    }
    word_shape shape = shape_of(x);
    return lex_word(x, &shape, true);
}

/*
 * A sign counts at the beginning of a clause and directly before it: not alone, not doubled
 * (`--flag`, `++i`).
 */
static bool is_sign(const lexer *x) {
    char c = x->text[x->at];
    bool begins = x->at == 0 || is_space(x->text[x->at - 1]) || x->text[x->at - 1] == '(';
    size_t next = x->at + 1;
    return (c == '+' || c == '-') && begins && next < x->len && !is_space(x->text[next]) &&
           x->text[next] != ')' && x->text[next] != '+' && x->text[next] != '-';
}

static anp_status lex_clause(lexer *x) {
    char c = x->text[x->at];
    if (c == '(' || c == ')') {
        emit(x, c == '(' ? TOKEN_OPEN : TOKEN_CLOSE, x->at, x->at + 1);
        x->at++;
        return c == ')' ? lex_boost(x) : ANP_OK;
    }
    if (c == '"') {
        return lex_phrase(x);
    }
    if (is_sign(x)) {
        emit(x, c == '+' ? TOKEN_PLUS : TOKEN_MINUS, x->at, x->at + 1);
        x->at++;
        return ANP_OK;
    }
    size_t regex_end = c == '/' ? find_regex(x) : 0;
    if (regex_end) {
        return lex_regex(x, regex_end);
    }
    bool is_field;
    word_shape shape = shape_of(x);
    TRY(lex_field(x, &shape, &is_field));
    return is_field ? lex_value(x, &x->tokens[x->count - 1]) : lex_word(x, &shape, false);
}

/* Whether some letter is not upper case; other scripts count, for most have no case. */
static bool has_lower_case(str text) {
    for (size_t i = 0; i < text.len; i++) {
        if ((text.data[i] >= 'a' && text.data[i] <= 'z') || (unsigned char)text.data[i] >= 0x80) {
            return true;
        }
    }
    return false;
}

anp_status query_lex(query_source *source, query_token **tokens, size_t *count) {
    lexer x = {.source = source,
               .text = source->text.data,
               .len = source->text.len,
               .operators = source->syntax->filter || has_lower_case(source->text)};
    /* Each step below takes at least a byte and emits at most a token and a boost for it. */
    x.tokens = arena_alloc(source->perm, (2 * x.len + 2) * sizeof *x.tokens);
    if (!x.tokens) {
        return error_nomem(source->err, "the tokens of a query");
    }
    while (x.at < x.len) {
        if (is_space(x.text[x.at])) {
            x.at++;
            continue;
        }
        TRY(lex_clause(&x));
    }
    *tokens = x.tokens;
    *count = x.count;
    return query_settle(source, x.tokens, count);
}
