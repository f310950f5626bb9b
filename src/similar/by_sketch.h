/*
 * Similar posts by sketch: the nearest by plain Jaccard among those whose sketches are nearest.
 *
 *     sketch of the probe ─> scan all sketches ─> best candidates ─> their shingle sets ─> exact
 *     Jaccard ─> k
 *                             (SIMD, 136 B a post)   (100 or k)        (stored bodies)
 *
 * The similarity of what is returned is exact; which posts are candidates is the sketch's
 * estimate. In a corpus of at most SIMILAR_CANDIDATES live posts every post is a candidate, and
 * the answer exact. Needs no corpus in memory: for one list of a fresh process.
 */
#ifndef ANP_SIMILAR_BY_SKETCH_H
#define ANP_SIMILAR_BY_SKETCH_H

#include "similar/similar.h"

enum { SIMILAR_CANDIDATES = 100 };

/* Keeps shingle sets between calls on one snapshot, up to 1 GiB; one thread at a time. */
typedef struct by_sketch by_sketch;

anp_status by_sketch_open(snapshot *s, by_sketch **out, anp_error *err);
void by_sketch_close(by_sketch *m);

/* The nearest to a post; itself left out. The request's measure is jaccard. */
anp_status by_sketch_post(by_sketch *m, uint32_t docno, const similar_request *request,
                          arena *perm, similar_answer *out, anp_error *err);

/* The nearest to a draft. */
anp_status by_sketch_text(by_sketch *m, str body, const similar_request *request, arena *perm,
                          similar_answer *out, anp_error *err);

#endif
