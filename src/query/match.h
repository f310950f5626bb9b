/*
 * A plan to the set of posts that match, by set algebra on whole bitmaps; and the phrase test on
 * positions.
 *
 * After match_run every GROUP, PHRASE, VALUE and ALL node holds in node->match the live posts in
 * which it counts for the score: those where it matches, and every group around it, and the filter.
 * Excluded parts hold nothing.
 */
#ifndef ANP_QUERY_MATCH_H
#define ANP_QUERY_MATCH_H

#include "query/plan.h"

/* filter may be NULL. The root's match is the answer. match_free also after a failure. */
anp_status match_run(snapshot *s, query_plan *plan, const bitmap *filter, anp_error *err);
void match_free(query_plan *plan);

/* The posts (dead ones too) that one node matches by itself, whatever stands around it; the caller
   frees the set. Also leaves sets in the nodes below, for match_free. */
anp_status match_posts(snapshot *s, plan_node *node, bitmap **out, anp_error *err);

/*
 * Whether the words of a phrase stand in one text: lists[i] are the ascending positions of word i,
 * offsets[i] is its place in the phrase; before[i] is the nearest earlier word of the same term,
 * for they need positions of their own. With slop n: some choice of positions p has max(p[i] -
 * offset[i]) - min(p[i] - offset[i]) <= n, so that a gap of one word costs 1 and two neighbours
 * exchanged cost 2. Cost: positions * words * log(positions).
 */
enum { PHRASE_FIRST = UINT32_MAX };

typedef struct phrase_words {
    uint32_t count; /* at most QUERY_CLAUSES_MAX */
    const uint32_t *const *lists;
    const uint32_t *list_counts;
    const uint32_t *offsets; /* ascending */
    const uint32_t *before;  /* PHRASE_FIRST: none */
} phrase_words;

bool phrase_match(const phrase_words *words, uint32_t slop);

#endif
