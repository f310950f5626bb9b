/*
 * BM25 and the blend: pure arithmetic, the same bits on every machine and in every order of terms.
 *
 *     idf(t)     = ln(1 + (N - df + 0.5) / (df + 0.5))
 *     norm(d)    = k1 (1 - b + b len(d) / max(avglen, 1))
 *     bm25(q,d)  = sum of boost(t) idf(t) tf / (tf + norm)
 *     prior(d)   = sum w_i s_i / sum w_i                  s_i in [0,1]; 0.5 when all weights are 0
 *     score(q,d) = bm25 (1 + blend (2 prior - 1))
 *
 * A contribution is computed in float32 by IEEE single operations in the written order, without
 * fused multiply-add (so that every SIMD width and compiler gives the same bits: gcc's ISO mode has
 * none, clang is told below), and rounded to a multiple of 2^-20; sums are of integers and do not
 * depend on the order. What that costs against the formula in real numbers, for one word of weight
 * w:
 *
 *     base, slope and weight rounded once each; product, sum, t + norm, quotient, product:
 *     at most 8 roundings of 2^-24
 *     the last rounding, to a unit: 2^-21
 *
 * together below 2^-21 + 2^-21 w a word: within 1e-5 max(1, score) up to 16 words, as the contract
 * wants.
 *
 * k1 = 0 gives saturation 1 for every posting; b = 0 takes lengths out. tf is at most 2^24 a field,
 * exact in float32.
 */
#ifndef ANP_RANK_BM25_H
#define ANP_RANK_BM25_H

#include <math.h>
#include <stdint.h>

#ifdef __clang__
#pragma STDC FP_CONTRACT OFF
#endif

enum { RANK_SCORES = 4 };

/* Units of a fixed-point score: 2^-20. */
#define RANK_ONE 1048576.0

typedef struct rank_settings {
    double k1;
    double b;
    double blend;
    double weights[RANK_SCORES];
} rank_settings;

#define RANK_SETTINGS_DEFAULT ((rank_settings){1.2, 0.75, 0.3, {1, 1, 1, 1}})

/* norm(d) = base + slope len(d), for one field, snapshot and pair of k1 and b. */
typedef struct rank_norm {
    float base;  /* k1 (1 - b) */
    float slope; /* k1 b / max(avglen, 1) */
} rank_norm;

static inline double rank_idf(uint64_t post_count, uint64_t df) {
    return log(1.0 + ((double)post_count - (double)df + 0.5) / ((double)df + 0.5));
}

static inline rank_norm rank_norm_make(double k1, double b, double length_average) {
    double average = length_average > 1.0 ? length_average : 1.0;
    return (rank_norm){(float)(k1 * (1.0 - b)), (float)(k1 * b / average)};
}

static inline float rank_norm_of(rank_norm norm, uint32_t length) {
    float scaled = norm.slope * (float)length;
    return norm.base + scaled;
}

/* The weight of a term in fixed-point units: boost * idf * 2^20. */
static inline float rank_weight(double boost, double idf) {
    return (float)(boost * idf * RANK_ONE);
}

/* tf / (tf + norm), in [0, 1]; tf > 0. */
static inline float rank_saturation(uint32_t tf, float norm) {
    float t = (float)tf;
    return t / (t + norm);
}

/*
 * One term's contribution in units of 2^-20; ties round to even (the default rounding mode is
 * assumed).
 */
static inline int64_t rank_contribution(float weight, uint32_t tf, float norm) {
    float units = weight * rank_saturation(tf, norm);
    return (int64_t)lrintf(units);
}

/* The weighted mean of the scores (0 to 100) in [0, 1]; neutral when all weights are 0. */
static inline double rank_prior(const double weights[RANK_SCORES],
                                const double scores[RANK_SCORES]) {
    double sum = 0, total = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        sum += weights[i] * (scores[i] / 100.0);
        total += weights[i];
    }
    return total > 0 ? sum / total : 0.5;
}

/* n / 100.0 for n from 0 to 100. */
extern const double rank_hundredths[101];

/* The same of scores of a byte each, at most 100, to the bit; total: of the weights, added in their
   order. */
static inline double rank_prior_of_bytes(const double weights[RANK_SCORES], double total,
                                         const uint8_t scores[RANK_SCORES]) {
    double sum = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        sum += weights[i] * rank_hundredths[scores[i] <= 100 ? scores[i] : 100];
    }
    return total > 0 ? sum / total : 0.5;
}

/* What the prior makes of bm25: 1 - blend to 1 + blend. */
static inline double rank_factor(double blend, double prior) {
    return 1.0 + blend * (2.0 * prior - 1.0);
}

static inline double rank_blend(int64_t bm25_units, double blend, double prior) {
    double bm25 = (double)bm25_units / RANK_ONE;
    return bm25 * rank_factor(blend, prior);
}

#endif
