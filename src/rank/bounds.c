/* See bounds.h. */
#include "rank/bounds.h"

#define OF_100(n) (n) / 100.0
#define TEN_OF_100(n)                                                                           \
    OF_100(n), OF_100(n + 1), OF_100(n + 2), OF_100(n + 3), OF_100(n + 4), OF_100(n + 5),       \
        OF_100(n + 6), OF_100(n + 7), OF_100(n + 8), OF_100(n + 9)

const double rank_hundredths[101] = {
    TEN_OF_100(0),  TEN_OF_100(10), TEN_OF_100(20), TEN_OF_100(30), TEN_OF_100(40), TEN_OF_100(50),
    TEN_OF_100(60), TEN_OF_100(70), TEN_OF_100(80), TEN_OF_100(90), OF_100(100),
};

static const float CODES = 254; /* steps between the codes 1 and 255 */

/* The typical factor(build) that alpha and beta are chosen for. */
static const double TYPICAL = 1.1;

static double weight_of(const rank_settings *s, int i) {
    double total = 0;
    for (int j = 0; j < RANK_SCORES; j++) {
        total += s->weights[j];
    }
    return total > 0 ? s->weights[i] / total : 0;
}

/* The least alpha for which factor(now) <= alpha + beta * factor(build), whatever the scores. */
static double least_alpha(const rank_settings *now, const rank_settings *build, double beta) {
    double alpha = (1 - now->blend) - beta * (1 - build->blend);
    for (int i = 0; i < RANK_SCORES; i++) {
        double slope = 2 * now->blend * weight_of(now, i) -
                       beta * 2 * build->blend * weight_of(build, i);
        alpha += slope > 0 ? slope : 0;
    }
    return alpha > 0 ? alpha : 0;
}

static double factor_at(const rank_settings *s, unsigned corner) {
    double prior = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        prior += corner >> i & 1 ? weight_of(s, i) : 0;
    }
    return rank_factor(s->blend, prior);
}

/* alpha is convex in beta: its least sum with the typical factor is at one of its corners. */
static void choose_line(const rank_settings *now, const rank_settings *build, double ratio_max,
                        rank_prior_bound *out) {
    double best = INFINITY;
    for (int i = -2; i < RANK_SCORES; i++) {
        double beta = i == -2   ? 0
                      : i == -1 ? ratio_max
                                : now->blend * weight_of(now, i) /
                                      (build->blend * weight_of(build, i));
        double alpha = least_alpha(now, build, beta);
        if (alpha + beta * TYPICAL < best - 1e-9) {
            best = alpha + beta * TYPICAL;
            out->alpha = (float)alpha;
            out->beta = (float)beta;
        }
    }
    out->alpha = out->alpha < 1e-6f ? 0 : out->alpha * RANK_BOUND_ROUND;
    out->beta = out->beta < 1e-6f ? 0 : out->beta * RANK_BOUND_ROUND;
}

rank_prior_bound rank_prior_bound_make(const rank_settings *now) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    double total = 0, least = INFINITY, largest = 0, ratio_min = INFINITY, ratio_max = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        total += now->weights[i];
    }
    rank_prior_bound out = {.alpha = 1, .factor_min = 1, .factor_max = 1, .seed_ratio = 0,
                            .linear = {0, 0, 0, 0, 1}, .blends = now->blend > 0 && total > 0};
    if (!out.blends) {
        return out; /* the neutral prior: a factor of exactly 1 */
    }
    for (unsigned corner = 0; corner < 1u << RANK_SCORES; corner++) {
        double factor = factor_at(now, corner), ratio = factor / factor_at(&build, corner);
        least = factor < least ? factor : least;
        largest = factor > largest ? factor : largest;
        ratio_min = ratio < ratio_min ? ratio : ratio_min;
        ratio_max = ratio > ratio_max ? ratio : ratio_max;
    }
    out.factor_min = (float)least / RANK_BOUND_ROUND;
    out.factor_max = (float)largest * RANK_BOUND_ROUND;
    out.seed_ratio = (float)ratio_min / RANK_BOUND_ROUND;
    choose_line(now, &build, ratio_max, &out);
    out.capped = !(out.alpha == 0 && out.beta < 1.0001f);
    for (int i = 0; i < RANK_SCORES; i++) {
        out.linear[i] = (float)(2 * now->blend * weight_of(now, i) / 100);
    }
    out.linear[RANK_SCORES] = (float)(1 - now->blend);
    return out;
}

/* norms are base + slope * length: their ratio lies between those of bases and of slopes. */
rank_norm_ratio rank_norm_ratio_make(rank_norm now, double length_average_build) {
    const rank_settings settings = RANK_BUILD_SETTINGS;
    rank_norm build = rank_norm_make(settings.k1, settings.b, length_average_build);
    float bases = now.base / build.base, slopes = now.slope / build.slope;
    rank_norm_ratio ratio = {bases < slopes ? bases : slopes, bases < slopes ? slopes : bases};
    if (ratio.least > 0.999999f && ratio.largest < 1.000001f) {
        return (rank_norm_ratio){1, 1};
    }
    return (rank_norm_ratio){ratio.least / RANK_BOUND_ROUND, ratio.largest * RANK_BOUND_ROUND};
}

void rank_bound_make(rank_list_bounds list, float weight, float ratio,
                     const rank_prior_bound *prior, rank_bound *b) {
    b->weight = weight * RANK_BOUND_ROUND;
    b->alpha = prior->alpha;
    b->beta = prior->beta * RANK_BUILD_FACTOR_MAX;
    b->ratio = ratio < 1 ? ratio : 1;
    b->capped = prior->capped;
    b->step = (list.high - list.low) / CODES;
    b->low = list.low - b->step;
    b->blended_step = (list.blended_high - list.blended_low) / CODES;
    b->blended_low = list.blended_low - b->blended_step;
    b->constant = b->weight * (b->alpha * b->low + b->beta * b->blended_low) + RANK_BOUND_UNITS;
    b->of_code = b->weight * b->alpha * b->step;
    b->of_blended = b->weight * b->beta * b->blended_step;
    b->plain = b->weight * b->low + RANK_BOUND_UNITS;
    b->plain_of_code = b->weight * b->step;
    b->most = rank_bound_units(b, list.high, list.blended_high, prior->factor_max);
}
