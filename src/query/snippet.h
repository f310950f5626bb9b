/*
 * A few words of a post's body around what matched.
 *
 *     body     w0 w1 w2 [cache] w4 w5 [redis] w7 [cache] w9 w10 …
 *     window            └──────── words_max ────────┘
 *     snippet  … w2 <mark>cache</mark> w4 w5 <mark>redis</mark> w7 <mark>cache</mark> w9 …
 */
#ifndef ANP_QUERY_SNIPPET_H
#define ANP_QUERY_SNIPPET_H

#include "query/plan.h"

typedef struct snippet_settings {
    uint32_t words_max; /* > 0 */
    str mark_open;
    str mark_close;
    bool escape_html; /* & < > of the body, not of the marks */
} snippet_settings;

/*
 * The terms of a plan that a body is marked with: those asked for in the text or the body, not the
 * excluded.
 */
typedef struct snippet_terms {
    str *items;
    size_t count;
} snippet_terms;

anp_status snippet_terms_make(const query_plan *plan, arena *perm, snippet_terms *out,
                              anp_error *err);

/*
 * The window with the most distinct terms, then the most matches, then the earliest; without a
 * match the beginning. White space becomes single spaces; "…" stands where the body goes on. *out
 * is empty, not NULL, for an empty body. Cost: the body is analysed.
 */
anp_status snippet_make(analyzer *a, str body, const snippet_terms *terms,
                        const snippet_settings *settings, arena *perm, str *out, anp_error *err);

#endif
