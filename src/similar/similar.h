/*
 * Similar posts: the nearest by Jaccard of 3-word shingles.
 *
 *     sketch of the probe ─> scan all sketches ─> best candidates ─> their shingle sets ─> exact
 *     Jaccard ─> k
 *                             (SIMD, 136 B a post)   (100 or k)        (stored bodies)
 *
 * The similarity of what is returned is exact; which posts are candidates is the sketch's
 * estimate. In a corpus of at most SIMILAR_CANDIDATES live posts every post is a candidate, and
 * the answer exact.
 */
#ifndef ANP_SIMILAR_SIMILAR_H
#define ANP_SIMILAR_SIMILAR_H

#include "index/snapshot.h"

enum { SIMILAR_CANDIDATES = 100 };

typedef struct similar_request {
    anp_measure measure;
    uint32_t k;
    double similarity_min;
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

/* Keeps shingle sets between calls on one snapshot, up to 1 GiB; one thread at a time. */
typedef struct similar similar;

anp_status similar_open(snapshot *s, similar **out, anp_error *err);
void similar_close(similar *m);

/* The nearest to a post; itself left out. */
anp_status similar_to_post(similar *m, uint32_t docno, const similar_request *request, arena *perm,
                           similar_answer *out, anp_error *err);

/* The nearest to a draft. */
anp_status similar_to_text(similar *m, str body, const similar_request *request, arena *perm,
                           similar_answer *out, anp_error *err);

#endif
