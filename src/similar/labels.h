/*
 * Ids and titles of all posts of a corpus, in memory: for who asks for all lists. One list looks up
 * the few that it shows.
 */
#ifndef ANP_SIMILAR_LABELS_H
#define ANP_SIMILAR_LABELS_H

#include "similar/corpus.h"

typedef struct labels labels;

/* Decompresses all posts, by threads. */
anp_status labels_open(snapshot *s, const corpus *c, const corpus_options *options, labels **out,
                       anp_error *err);
void labels_close(labels *l); /* NULL is allowed */

/* By number; they live as long as l. */
str labels_id(const labels *l, uint32_t number);
str labels_title(const labels *l, uint32_t number);

/* Equal for equal posts in equal order, in indexes of equal settings. */
uint64_t labels_print(const labels *l);

/* Of one post, looked up, into perm. */
anp_status label_find(snapshot *s, uint32_t docno, arena *perm, str *id, str *title,
                      anp_error *err);

#endif
