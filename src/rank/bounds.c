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

/* A blend with each weight's share in their sum. */
typedef struct line {
    double blend;
    double shares[RANK_SCORES];
} line;

static line line_of(const rank_settings *s) {
    line out = {.blend = s->blend};
    double total = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        total += s->weights[i];
    }
    for (int i = 0; i < RANK_SCORES; i++) {
        out.shares[i] = total > 0 ? s->weights[i] / total : 0;
    }
    return out;
}

/* The least alpha for which factor(now) <= alpha + beta * factor(build), whatever the scores. */
static double least_alpha(const line *now, const line *build, double beta) {
    double alpha = (1 - now->blend) - beta * (1 - build->blend);
    for (int i = 0; i < RANK_SCORES; i++) {
        double slope = 2 * now->blend * now->shares[i] - beta * 2 * build->blend * build->shares[i];
        alpha += slope > 0 ? slope : 0;
    }
    return alpha > 0 ? alpha : 0;
}

static double factor_at(const line *l, unsigned corner) {
    double prior = 0;
    for (int i = 0; i < RANK_SCORES; i++) {
        prior += corner >> i & 1 ? l->shares[i] : 0;
    }
    return rank_factor(l->blend, prior);
}

/* alpha is convex in beta: its least sum with the typical factor is at one of its corners. */
static void choose_line(const line *now, const line *build, double ratio_max,
                        rank_prior_bound *out) {
    double best = INFINITY;
    for (int i = -2; i < RANK_SCORES; i++) {
        double beta = i == -2   ? 0
                      : i == -1 ? ratio_max
                                : now->blend * now->shares[i] / (build->blend * build->shares[i]);
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

/* What factors of settings other than the build's are by its own. */
static void bound_ratio(const line *now, const line *build, rank_prior_bound *out) {
    double ratio_min = INFINITY, ratio_max = 0;
    for (unsigned corner = 0; corner < 1u << RANK_SCORES; corner++) {
        double ratio = factor_at(now, corner) / factor_at(build, corner);
        ratio_min = ratio < ratio_min ? ratio : ratio_min;
        ratio_max = ratio > ratio_max ? ratio : ratio_max;
    }
    out->seed_ratio = (float)ratio_min / RANK_BOUND_ROUND;
    choose_line(now, build, ratio_max, out);
    out->capped = !(out->alpha == 0 && out->beta < 1.0001f);
}

rank_prior_bound rank_prior_bound_make(const rank_settings *now) {
    const rank_settings settings = RANK_BUILD_SETTINGS;
    const line l = line_of(now), build = line_of(&settings);
    double shares = 0;
    bool as_built = l.blend == build.blend;
    rank_prior_bound out = {.alpha = 1, .factor_min = 1, .factor_max = 1, .seed_ratio = 0,
                            .linear = {0, 0, 0, 0, 1}};
    for (int i = 0; i < RANK_SCORES; i++) {
        shares += l.shares[i];
        as_built &= l.shares[i] == build.shares[i];
    }
    out.blends = now->blend > 0 && shares > 0;
    if (!out.blends) {
        return out; /* the neutral prior: a factor of exactly 1 */
    }
    out.factor_min = (float)rank_factor(l.blend, 0) / RANK_BOUND_ROUND;
    out.factor_max = (float)rank_factor(l.blend, 1) * RANK_BOUND_ROUND;
    if (as_built) {
        out.alpha = 0;
        out.beta = RANK_BOUND_ROUND;
        out.seed_ratio = 1 / RANK_BOUND_ROUND;
    } else {
        bound_ratio(&l, &build, &out);
    }
    for (int i = 0; i < RANK_SCORES; i++) {
        out.linear[i] = (float)(2 * l.blend * l.shares[i] / 100);
    }
    out.linear[RANK_SCORES] = (float)(1 - l.blend);
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
