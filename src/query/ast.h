/*
 * What a query says, as a tree; still words as they were typed.
 *
 *     cache +redis -(varnish OR squid) "owner note"~2^1.5
 *
 *     group ├ should   word    cache
 *           ├ must     word    redis
 *           ├ must not group ─ should varnish, should squid
 *           └ should   phrase  owner note, slop 2, boost 1.5
 *
 * Grammar, binding from loose to tight; adjacent clauses are joined as by OR (all_words: as by
 * AND):
 *
 *     query   = either
 *     either  = all { [OR] all }
 *     all     = clause { AND clause }
 *     clause  = { NOT | + | - } primary [ ^ number ]
 *     primary = [ field : ] value
 *     value   = word | "phrase" [ ~ number ] | * | range | ( either )
 *     range   = [ low TO high ]     behind a meta field; { or } leaves its bound out; * is open
 *               a word behind a meta field may begin with >= > <= < =
 *
 * What does not fit is taken as words and noted, or, when strict, an error that names the byte.
 */
#ifndef ANP_QUERY_AST_H
#define ANP_QUERY_AST_H

#include "base/arena.h"
#include "base/error.h"
#include "index/snapshot.h"

typedef enum query_kind {
    QUERY_WORD,   /* goes through the analyzer, which may make several words of it */
    QUERY_PHRASE, /* the same, its words in order */
    QUERY_VALUE,  /* of a meta field: a facet's text, numbers, dates */
    QUERY_ALL,    /* every post; in field title or body: every post that has one */
    QUERY_GROUP,
} query_kind;

typedef enum query_occur { QUERY_SHOULD, QUERY_MUST, QUERY_MUST_NOT } query_occur;

typedef struct query_node {
    query_kind kind;
    query_occur occur; /* in the group that holds it */
    bool plus;         /* + was typed: a stop word stays */
    bool boosted;      /* ^ was typed */
    double boost;
    size_t start, end; /* its bytes in the query */
    index_field field; /* WORD, PHRASE, ALL */
    str text;          /* WORD, PHRASE, VALUE: without escapes */
    uint32_t slop;     /* PHRASE */

    snapshot_field meta;    /* VALUE */
    bool has_text;          /* VALUE: posts with exactly `text` match */
    uint32_t range_count;   /* VALUE: and those with a number or date in one of ranges */
    number_range ranges[2];

    struct query_node *first; /* GROUP: children in the order typed */
    struct query_node *next;  /* sibling */
} query_node;

typedef struct query_syntax {
    bool all_words; /* adjacent clauses are all needed */
    bool strict;    /* what does not parse is an error */
    bool filter;    /* AND OR NOT are always operators; messages say "filter" */
    /* snapshot_field_find, or a test's own: ANP_NOT_FOUND makes `name:` text. */
    anp_status (*field_find)(void *user, str name, snapshot_field *out, anp_error *err);
    void *user;
} query_syntax;

typedef struct query_ast {
    query_node *root; /* a GROUP; NULL when nothing was asked */
    str note;         /* what was taken as words and why, or empty */
} query_ast;

/*
 * ANP_LIMIT above QUERY_BYTES_MAX, QUERY_CLAUSES_MAX or QUERY_NESTING_MAX. Strict: ANP_SYNTAX,
 * ANP_UNSUPPORTED, with the byte from 0 in err->position. Else no other failure than ANP_NOMEM and
 * field_find's. Cost: linear in the text.
 */
anp_status query_parse(str text, const query_syntax *syntax, arena *perm, query_ast *out,
                       anp_error *err);

/*
 * The tree as text, for tests and traces: `(cache +redis -(varnish squid) "owner note"~2^1.5)`.
 * data NULL: no memory.
 */
str query_print(const query_node *root, arena *perm);

/*
 * ---- Within the parser
 * -------------------------------------------------------------------------------------
 */

typedef enum query_token_kind {
    TOKEN_END,
    TOKEN_WORD,
    TOKEN_PHRASE,
    TOKEN_RANGE, /* text is what stands between the brackets */
    TOKEN_ALL,
    TOKEN_FIELD, /* a value, phrase, range or parenthesis follows */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_BOOST, /* directly behind what it boosts */
    TOKEN_GONE,  /* taken out after all; only inside settle.c */
} query_token_kind;

typedef struct query_token {
    query_token_kind kind;
    size_t start, end;
    str text;             /* without escapes */
    double boost;         /* BOOST */
    uint32_t slop;        /* PHRASE */
    bool low_included;    /* RANGE */
    bool high_included;
    index_field field;    /* FIELD: INDEX_TEXT means meta */
    snapshot_field meta;
} query_token;

/* What lexer and parser share: where the query is, and what was wrong with it. */
typedef struct query_source {
    str text;
    const query_syntax *syntax;
    arena *perm;
    str note;
    uint32_t note_count;
    anp_error *err;
} query_source;

/*
 * The tokens, with every parenthesis matched and every operator between two clauses; ended by
 * TOKEN_END.
 */
anp_status query_lex(query_source *source, query_token **tokens, size_t *count);

/* The last two passes of query_lex, on *count tokens and a free place behind them. */
anp_status query_settle(query_source *source, query_token *tokens, size_t *count);

/* Strict: ANP_SYNTAX at that byte. Else notes it and returns ANP_OK. */
anp_status query_complain(query_source *source, size_t position, const char *expected);

/* The same for what a later version knows: ANP_UNSUPPORTED. */
anp_status query_unsupported(query_source *source, size_t position, const char *what);

/*
 * What a value says for a meta field, into node's has_text and ranges. op is one of "=", ">", ">=",
 * "<", "<=", or "" for plain equality. NULL when it fits, else what was expected.
 */
const char *query_value_compare(query_node *node, const snapshot_field *field, const char *op,
                                str value);

/* The same for `low TO high`. */
const char *query_value_range(query_node *node, const snapshot_field *field,
                              const query_token *range);

/* A decimal number, whole text, in the C locale's form. */
bool query_number_read(str text, double *value);

/* YYYY, YYYY-MM, YYYY-MM-DD or a date-time: the seconds [*start, *end) that it names, UTC. */
bool query_date_read(str text, double *start, double *end);

#endif
