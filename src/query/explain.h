/*
 * The numbers behind one hit's score, each as the score used it: the parts add up to bm25 to the
 * last unit.
 */
#ifndef ANP_QUERY_EXPLAIN_H
#define ANP_QUERY_EXPLAIN_H

#include "query/score.h"

/* text: the query's, for names. */
anp_status explain_make(snapshot *s, const scorer_list *scorers, const scored *hit, str text,
                        const rank_settings *rank, arena *perm, query_explanation **out,
                        anp_error *err);

#endif
