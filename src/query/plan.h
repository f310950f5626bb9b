/*
 * What a query asks of this index: its words analysed, its terms looked up, its stop words dropped.
 *
 *     cache the long-term +"rollback note" stack:redis
 *       │    │      │            │              └ VALUE
 *       │    │      │            └ PHRASE rollback 0, note 1
 *       │    │      └ TERM long, TERM term: each word a clause of its own
 *       │    └ dropped: a stop word beside others
 *       └ TERM cach
 *
 * Of a technical word only the whole is asked for. A word that the analyzer splits stands for its
 * words as the default operator joins them; under + or AND it needs all of them, under - it
 * excludes posts that have all of them.
 */
#ifndef ANP_QUERY_PLAN_H
#define ANP_QUERY_PLAN_H

#include "query/ast.h"
#include "text/analyzer.h"

/* One term in one field, once a query however often it stands there. */
typedef struct plan_term {
    str term;
    str name; /* as explained: "cache", "title:redis" */
    index_field field;
    uint32_t number; /* of the index; UINT32_MAX when no post ever held it */
    uint32_t df;
    const struct term_lists *lists; /* index/cells.h */
} plan_term;

enum { PLAN_UNKNOWN = UINT32_MAX };

typedef enum plan_kind { PLAN_TERM, PLAN_PHRASE, PLAN_VALUE, PLAN_ALL, PLAN_GROUP } plan_kind;

typedef struct plan_node {
    plan_kind kind;
    query_occur occur;
    double boost; /* with those of the groups around it, at most BOOST_MAX */
    bool stop;    /* a stop word that may be dropped; only inside plan.c */
    const query_node *source;
    plan_term **terms;       /* TERM: one; PHRASE: one a word */
    const uint32_t *offsets; /* PHRASE: word positions, ascending, the first 0 */
    uint32_t term_count;
    bitmap *match;           /* set and freed by match.c */
    struct plan_node *first; /* GROUP */
    struct plan_node *next;
} plan_node;

typedef struct query_plan {
    plan_node *root; /* NULL: nothing was asked */
    plan_term **terms;
    uint32_t term_count, term_capacity;
    uint32_t clause_count;
} query_plan;

typedef struct plan_settings {
    bool all_words;
    bool keep_stopwords;
    str text; /* the query's bytes: names in explanations */
} plan_settings;

/* After cells_begin. */
anp_status plan_make(snapshot *s, const query_ast *ast, plan_settings settings, arena *perm,
                     query_plan *out, anp_error *err);

#endif
