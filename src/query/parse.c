/*
 * Tokens to a tree, by recursive descent over the grammar drawn in ast.h.
 *
 * AND binds tighter than OR: `a b AND c` is `a OR (b AND c)`. A clause that is negated excludes in
 * the group it stands in (`a OR NOT b` is a without b, as people mean it); in parentheses of its
 * own it is a set (`a OR (NOT b)`). A + inside an AND chain makes the whole chain needed. A group
 * of one unsigned clause is that clause.
 *
 * Recursion is as deep as parentheses nest: QUERY_NESTING_MAX.
 */
#include "query/ast.h"

#include <math.h>

typedef struct parser {
    query_source *source;
    const query_token *token; /* the next one */
    uint32_t nesting;
    uint32_t clause_count;
    const query_token *field; /* the `name:` that holds here, or NULL */
} parser;

typedef struct node_list {
    query_node *first, *last;
    size_t count;
} node_list;

static void append(node_list *list, query_node *node) {
    if (list->last) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
    list->count++;
}

static anp_status new_node(parser *p, query_kind kind, size_t start, size_t end, query_node **out) {
    *out = arena_new(p->source->perm, query_node);
    if (!*out) {
        return error_nomem(p->source->err, "the clauses of a query");
    }
    (*out)->kind = kind;
    (*out)->start = start;
    (*out)->end = end;
    (*out)->boost = 1;
    (*out)->field = INDEX_TEXT;
    if (kind != QUERY_GROUP && ++p->clause_count > QUERY_CLAUSES_MAX) {
        return error_at(p->source->err, ANP_LIMIT, start,
                        "cannot run a query of more than %d clauses; ask for less at a time",
                        (int)QUERY_CLAUSES_MAX);
    }
    return ANP_OK;
}

/* A value that does not fit its field: complained about, then searched for as it was typed. */
static anp_status value_as_words(parser *p, const char *expected, query_node *node) {
    TRY(query_complain(p->source, node->start, expected));
    if (p->field[1].start == node->start) { /* `quality:high`: the name is among what was typed */
        node->start = p->field->start;
    }
    node->kind = QUERY_WORD;
    node->text = str_slice(p->source->text, node->start, node->end);
    return ANP_OK;
}

/* A word, phrase, range or * behind a meta field. */
static anp_status parse_value(parser *p, query_node *node) {
    static const char *const operators[] = {">=", "<=", ">", "<", "="};
    const query_token *token = p->token;
    const snapshot_field *field = &p->field->meta;
    const char *expected;
    node->kind = QUERY_VALUE;
    node->meta = *field;
    if (token->kind == TOKEN_ALL) {
        node->text = STR("*");
        node->ranges[node->range_count++] = (number_range){-INFINITY, INFINITY, true, true};
        expected = NULL;
        if (field->has_text) {
            TRY(query_unsupported(p->source, token->start, "* behind a text field"));
            return value_as_words(p, "a value", node);
        }
    } else if (token->kind == TOKEN_RANGE) {
        node->text = token->text;
        expected = query_value_range(node, field, token);
    } else {
        const char *op = "";
        str value = token->text;
        str typed = str_slice(p->source->text, token->start, token->end);
        size_t count = token->kind == TOKEN_WORD ? sizeof operators / sizeof *operators : 0;
        for (size_t i = 0; i < count; i++) {
            str sign = str_from(operators[i]);
            if (str_starts(typed, sign) && str_starts(value, sign)) {
                op = operators[i];
                value = str_slice(value, sign.len, value.len);
                break;
            }
        }
        expected = query_value_compare(node, field, op, value);
    }
    return expected ? value_as_words(p, expected, node) : ANP_OK;
}

static anp_status parse_either(parser *p, query_node **out);

static anp_status parse_group(parser *p, query_node **out) {
    const query_token *open = p->token++;
    if (++p->nesting > QUERY_NESTING_MAX) {
        return error_at(p->source->err, ANP_LIMIT, open->start,
                        "cannot run a query with parentheses more than %d deep; write it flatter",
                        (int)QUERY_NESTING_MAX);
    }
    TRY(parse_either(p, out));
    p->nesting--;
    p->token++; /* the lexer has matched it */
    return ANP_OK;
}

static anp_status parse_leaf(parser *p, query_node **out) {
    const query_token *token = p->token;
    query_kind kind = token->kind == TOKEN_PHRASE ? QUERY_PHRASE
                      : token->kind == TOKEN_ALL  ? QUERY_ALL
                                                  : QUERY_WORD;
    TRY(new_node(p, kind, token->start, token->end, out));
    (*out)->text = token->text;
    (*out)->slop = token->slop;
    if (p->field && p->field->field != INDEX_TEXT) {
        (*out)->field = p->field->field;
    } else if (p->field) {
        TRY(parse_value(p, *out));
    }
    p->token++;
    return ANP_OK;
}

/* *out is NULL where a sign or a field was left without a clause. */
static anp_status parse_primary(parser *p, query_node **out) {
    const query_token *field = p->field;
    *out = NULL;
    if (p->token->kind == TOKEN_FIELD) {
        query_token_kind next = p->token[1].kind;
        if (next == TOKEN_WORD || next == TOKEN_PHRASE || next == TOKEN_RANGE ||
            next == TOKEN_ALL || next == TOKEN_OPEN) {
            p->field = p->token++;
        }
    }
    switch (p->token->kind) {
    case TOKEN_OPEN:
        TRY(parse_group(p, out));
        break;
    case TOKEN_WORD:
    case TOKEN_PHRASE:
    case TOKEN_RANGE:
    case TOKEN_ALL:
    case TOKEN_FIELD:
        TRY(parse_leaf(p, out));
        break;
    default:
        break;
    }
    p->field = field;
    for (; p->token->kind == TOKEN_BOOST; p->token++) {
        if (*out) {
            (*out)->boost *= p->token->boost;
            (*out)->boosted = true;
        }
    }
    return ANP_OK;
}

static anp_status parse_clause(parser *p, query_node **out) {
    bool negated = false, plus = false;
    for (;; p->token++) {
        if (p->token->kind == TOKEN_NOT) {
            negated = !negated;
        } else if (p->token->kind == TOKEN_MINUS) {
            negated = !negated;
        } else if (p->token->kind == TOKEN_PLUS) {
            plus = true;
        } else {
            break;
        }
    }
    TRY(parse_primary(p, out));
    if (*out) {
        /*
         * A group in parentheses may have signs of its own children only; its own come from
         * here.
         */
        (*out)->plus = plus;
        (*out)->occur = negated ? QUERY_MUST_NOT : plus ? QUERY_MUST : QUERY_SHOULD;
    }
    return ANP_OK;
}

/* A list of clauses as one clause: the only one if it has no sign, else a group. NULL for none. */
static anp_status wrap(parser *p, const node_list *list, query_node **out) {
    *out = list->first;
    if (!list->count || (list->count == 1 && list->first->occur == QUERY_SHOULD)) {
        return ANP_OK;
    }
    TRY(new_node(p, QUERY_GROUP, list->first->start, list->last->end, out));
    (*out)->first = list->first;
    return ANP_OK;
}

static bool at_end(const parser *p) {
    return p->token->kind == TOKEN_END || p->token->kind == TOKEN_CLOSE;
}

/*
 * Clauses joined by AND, or by standing side by side when all_words. One clause keeps its own sign.
 */
static anp_status parse_all(parser *p, query_node **out) {
    node_list list = {0};
    bool plus = false;
    for (;;) {
        query_node *clause;
        TRY(parse_clause(p, &clause));
        if (clause) {
            append(&list, clause);
            plus |= clause->plus;
        }
        if (p->token->kind == TOKEN_AND) {
            p->token++;
        } else if (!p->source->syntax->all_words || at_end(p) || p->token->kind == TOKEN_OR) {
            break;
        }
    }
    if (list.count < 2) {
        *out = list.first;
        return ANP_OK;
    }
    for (query_node *node = list.first; node; node = node->next) {
        node->occur = node->occur == QUERY_SHOULD ? QUERY_MUST : node->occur;
    }
    TRY(wrap(p, &list, out));
    (*out)->occur = plus ? QUERY_MUST : QUERY_SHOULD;
    return ANP_OK;
}

static anp_status parse_either(parser *p, query_node **out) {
    node_list list = {0};
    while (!at_end(p)) {
        query_node *clause;
        TRY(parse_all(p, &clause));
        if (clause) {
            append(&list, clause);
        }
        if (p->token->kind == TOKEN_OR) {
            p->token++;
        }
    }
    return wrap(p, &list, out);
}

anp_status query_parse(str text, const query_syntax *syntax, arena *perm, query_ast *out,
                       anp_error *err) {
    query_source source = {.text = text, .syntax = syntax, .perm = perm, .err = err};
    query_token *tokens;
    size_t count;
    *out = (query_ast){0};
    if (text.len > QUERY_BYTES_MAX) {
        return error_at(err, ANP_LIMIT, QUERY_BYTES_MAX,
                        "cannot run a %s of %zu bytes: at most %d are allowed; ask for less at a "
                        "time",
                        syntax->filter ? "filter" : "query", text.len, (int)QUERY_BYTES_MAX);
    }
    TRY(query_lex(&source, &tokens, &count));
    parser p = {.source = &source, .token = tokens};
    query_node *root;
    TRY(parse_either(&p, &root));
    if (root && root->kind != QUERY_GROUP) {
        node_list list = {root, root, 1};
        query_node *group;
        TRY(new_node(&p, QUERY_GROUP, root->start, root->end, &group));
        group->first = list.first;
        root = group;
    }
    out->root = root;
    out->note = source.note;
    return ANP_OK;
}
