/*
 * What two posts share, by name: the shingles and terms behind a likeness, with weights that add up
 * to it. Slow: both posts are read and analysed anew.
 */
#ifndef ANP_SIMILAR_SHARED_H
#define ANP_SIMILAR_SHARED_H

#include "similar/similar.h"

typedef struct shared_feature {
    str name; /* "cache invalidation rules", or a term */
    uint32_t df;
    double weight;
} shared_feature;

typedef struct shared_side {
    bool counts; /* it is part of the measure */
    shared_feature *features; /* by weight, then name */
    size_t count;
    double both;   /* the sum of their weights */
    double either; /* of all that one or the other has */
    double likeness;
} shared_side;

typedef struct shared_parts {
    anp_measure measure;
    uint64_t posts; /* N */
    double likeness;
    shared_side text, about;
} shared_parts;

/* Of a post (docno) or a draft (UINT32_MAX and its body) and one of its hits, into perm. */
anp_status shared_find(similar *m, snapshot *s, anp_measure measure, uint32_t docno, str body,
                       uint32_t hit, arena *perm, shared_parts *out, anp_error *err);

#endif
