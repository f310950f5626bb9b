/*
 * Similar posts.
 *
 *     posts of one commit ─> corpus in memory ─> finder ─> the k nearest, exactly    (this file)
 *     sketches ─> candidates ─> Jaccard ─> the k nearest of those                    (by_sketch.h)
 *
 * What is held here is of one commit, shared by threads, and kept from question to question.
 */
#ifndef ANP_SIMILAR_SIMILAR_H
#define ANP_SIMILAR_SIMILAR_H

#include "index/snapshot.h"
#include "similar/finder.h"
#include "similar/labels.h"

typedef struct similar_request {
    anp_measure measure; /* not the default */
    uint32_t k;
    double similarity_min;
    const bitmap *filter; /* ordinals that may be answers; NULL: all live ones */
} similar_request;

typedef struct similar_hit {
    uint32_t docno;
    double similarity;
    str id;
    str title;
} similar_hit;

typedef struct similar_answer {
    similar_hit *hits; /* by similarity, then ordinal */
    size_t hit_count;
} similar_answer;

typedef struct similar similar;

/* Loads all live posts' features, by threads. */
anp_status similar_open(snapshot *s, const corpus_options *options, similar **out, anp_error *err);

/* One more holder; each closes. */
similar *similar_share(similar *m);
void similar_close(similar *m); /* NULL is allowed */

const corpus *similar_corpus(const similar *m);

/* Also loads all ids and titles: then hits need no look-up. Once for m; others wait. */
anp_status similar_label(similar *m, snapshot *s, const corpus_options *options, anp_error *err);
const labels *similar_labels(const similar *m); /* NULL before that */

/* Any thread, each with a snapshot s of its own, of m's commit; NULL once m is labelled. The answer
   lives in perm, and as long as m. */
anp_status similar_to_post(similar *m, snapshot *s, uint32_t docno, const similar_request *request,
                           arena *perm, similar_answer *out, anp_error *err);

/* A hit of a post by its number, with id and title; likewise. */
anp_status similar_hit_of(const similar *m, snapshot *s, uint32_t number, double similarity,
                          arena *perm, similar_hit *out, anp_error *err);

/* The nearest to a draft. Costs a pass over all classes: its own shingles count too. */
anp_status similar_to_text(similar *m, snapshot *s, str body, const similar_request *request,
                           arena *perm, similar_answer *out, anp_error *err);

/* The request's bits by post, as a finder wants them, into perm; NULL without a filter. */
anp_status similar_accepted(const similar *m, const similar_request *request, arena *perm,
                            const uint64_t **out, anp_error *err);

#endif
