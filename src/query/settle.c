/*
 * Tokens to tokens of a sentence: parentheses matched or taken out, AND OR NOT kept where they
 * stand between clauses.
 *
 *     a ( b AND ( ) OR      ->      a b AND OR      ->      a b, words AND and OR
 *       │       └─┘ nothing inside        └ no clause behind it
 *       └ never closed
 *
 * After it the parser meets no surprise: every parenthesis has its partner and something inside,
 * every operator its clauses. Cost: linear.
 */
#include "query/ast.h"

/* Takes parentheses without a partner or without content out of the tokens. */
static anp_status match_parentheses(query_source *s, query_token *tokens, size_t *count) {
    size_t *open = arena_alloc(s->perm, (*count + 1) * sizeof *open);
    size_t depth = 0;
    if (!open) {
        return error_nomem(s->err, "the parentheses of a query");
    }
    for (size_t i = 0; i < *count; i++) {
        query_token *token = &tokens[i];
        if (token->kind == TOKEN_OPEN) {
            open[depth++] = i;
        }
        if (token->kind != TOKEN_CLOSE) {
            continue;
        }
        if (!depth) {
            TRY(query_complain(s, token->start, "a ( before this )"));
            token->kind = TOKEN_GONE;
            continue;
        }
        size_t from = open[--depth], inside = from + 1;
        while (inside < i && tokens[inside].kind == TOKEN_GONE) {
            inside++;
        }
        if (inside == i) {
            TRY(query_complain(s, token->start, "a clause between ( and )"));
            token->kind = tokens[from].kind = TOKEN_GONE;
            if (from && tokens[from - 1].kind == TOKEN_FIELD) {
                tokens[from - 1].kind = TOKEN_WORD;
            }
        }
    }
    while (depth) {
        query_token *token = &tokens[open[--depth]];
        TRY(query_complain(s, token->start, "a ) that closes this ("));
        token->kind = TOKEN_GONE;
    }
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        if (tokens[i].kind != TOKEN_GONE) {
            tokens[kept++] = tokens[i];
        }
    }
    *count = kept;
    return ANP_OK;
}

static bool begins_clause(query_token_kind kind) {
    return kind == TOKEN_WORD || kind == TOKEN_PHRASE || kind == TOKEN_ALL || kind == TOKEN_FIELD ||
           kind == TOKEN_OPEN || kind == TOKEN_NOT || kind == TOKEN_PLUS || kind == TOKEN_MINUS;
}

static bool ends_clause(query_token_kind kind) {
    return kind == TOKEN_WORD || kind == TOKEN_PHRASE || kind == TOKEN_ALL || kind == TOKEN_RANGE ||
           kind == TOKEN_CLOSE || kind == TOKEN_BOOST;
}

/* AND and OR stand between two clauses and NOT before one; elsewhere they are words. */
static anp_status place_operators(query_source *s, query_token *tokens, size_t count) {
    for (size_t i = count; i-- > 0;) {
        query_token *token = &tokens[i];
        if (token->kind == TOKEN_NOT && !begins_clause(token[1].kind)) {
            TRY(query_complain(s, token->end, "a clause behind NOT"));
            token->kind = TOKEN_WORD;
        }
    }
    for (size_t i = 0; i < count; i++) {
        query_token *token = &tokens[i];
        if (token->kind != TOKEN_AND && token->kind != TOKEN_OR) {
            continue;
        }
        if (i == 0 || !ends_clause(token[-1].kind)) {
            TRY(query_complain(s, token->start, "a clause before this operator"));
            token->kind = TOKEN_WORD;
        } else if (!begins_clause(token[1].kind)) {
            TRY(query_complain(s, token->end, "a clause behind this operator"));
            token->kind = TOKEN_WORD;
        }
    }
    return ANP_OK;
}

anp_status query_settle(query_source *source, query_token *tokens, size_t *count) {
    TRY(match_parentheses(source, tokens, count));
    tokens[*count] = (query_token){.kind = TOKEN_END,
                                   .start = source->text.len,
                                   .end = source->text.len,
                                   .text = STR("")};
    return place_operators(source, tokens, *count);
}
