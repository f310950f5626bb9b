/*
 * Groups of near-duplicates: posts joined, over others of the group, by a Jaccard of at least so
 * much. Every such pair is found: each post's search keeps all that reach the least.
 */
#ifndef ANP_SIMILAR_CLUSTERS_H
#define ANP_SIMILAR_CLUSTERS_H

#include "similar/similar.h"

typedef struct clusters_options {
    double least;
    const bitmap *filter; /* posts that are looked at; NULL: all */
    unsigned threads;
    bool (*on_progress)(void *user, uint64_t posts); /* false: ANP_CANCELLED */
    /* A group by its first post, which represents it; its posts ascend, likeness is to the first.
       false: ANP_CANCELLED. */
    bool (*visit)(void *user, const similar_hit *posts, size_t count);
    void *user;
} clusters_options;

/* s: of m's commit, or NULL once m is labelled. */
anp_status clusters_find(similar *m, snapshot *s, const clusters_options *options, anp_error *err);

#endif
