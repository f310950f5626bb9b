/*
 * The measures, to the bit: weights of features by df, in units of 2^-16 so that sums are exact in
 * any order.
 *
 *     shingles   max(0, ln(N / max(df, 2)))³       measure text
 *                1                                 measure jaccard
 *     terms      max(0, ln(N / max(df, 2)))²       measure about
 *     blend      0.4 · text + 0.6 · about; text alone where either post is about nothing
 */
#ifndef ANP_SIMILAR_WEIGH_H
#define ANP_SIMILAR_WEIGH_H

#include "similar/corpus.h"

enum { WEIGH_TEXT_POWER = 3, WEIGH_ABOUT_POWER = 2, WEIGH_COUNT = 0 };

/* Of a feature in df of n posts; power 0: 1. */
uint64_t weigh_feature(uint64_t n, uint32_t df, int power);

/* weight a + b of two likenesses; what the contract calls blend. */
static inline double weigh_blend(double text, double about) {
    return 0.4 * text + 0.6 * about;
}

/* A family under one measure. */
typedef struct weighing {
    const family *family;
    uint64_t *weights;  /* by class: of all its features */
    uint64_t *totals;   /* by item: of all its classes */
    float *totals_near; /* the same by place, rounded; infinite where no item is */
    uint64_t zone_least[FAMILY_ZONES_MAX]; /* of totals of a zone; more than most if it is empty */
    uint64_t zone_most[FAMILY_ZONES_MAX];
} weighing;

/*
 * n posts in all. With a draft among them: inside[c] features of class c are the draft's too, and
 * count for one post more; else NULL.
 */
anp_status weighing_open(const family *f, uint64_t n, int power, const uint32_t *inside,
                         weighing *out, anp_error *err);
void weighing_close(weighing *w);

#endif
