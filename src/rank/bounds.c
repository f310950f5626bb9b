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

rank_prior_bound rank_prior_bound_make(const rank_settings *now) {
    const rank_settings settings = RANK_BUILD_SETTINGS;
    const line l = line_of(now), build = line_of(&settings);
    double shares = 0;
    bool as_built = l.blend == build.blend;
    rank_prior_bound out = {.kind = RANK_BOUND_PLAIN, .factor_min = 1, .factor_max = 1,
                            .linear = {0, 0, 0, 0, 1}};
    for (int i = 0; i < RANK_SCORES; i++) {
        shares += l.shares[i];
        as_built &= l.shares[i] == build.shares[i];
    }
    out.blends = now->blend > 0 && shares > 0;
    if (!out.blends) {
        return out; /* the neutral prior: a factor of exactly 1 */
    }
    out.kind = as_built ? RANK_BOUND_BLENDED : RANK_BOUND_BOTH;
    out.factor_min = (float)rank_factor(l.blend, 0) / RANK_BOUND_ROUND;
    out.factor_max = (float)rank_factor(l.blend, 1) * RANK_BOUND_ROUND;
    for (int i = 0; i < RANK_SCORES; i++) {
        out.linear[i] = (float)(2 * l.blend * l.shares[i] / 100);
    }
    out.linear[RANK_SCORES] = (float)(1 - l.blend);
    return out;
}

rank_norm_scale rank_norm_scale_make(rank_norm now) {
    const rank_settings settings = RANK_BUILD_SETTINGS;
    rank_norm build = rank_norm_make(settings.k1, settings.b, 1);
    return (rank_norm_scale){now.base / build.base, now.slope / build.slope};
}

void rank_bound_codes(rank_list_bounds list, rank_bound *b) {
    b->step = (list.high - list.low) / CODES;
    b->low = list.low - b->step;
    b->blended_step = (list.blended_high - list.blended_low) / CODES;
    b->blended_low = list.blended_low - b->blended_step;
    b->plain = b->weight * b->low + RANK_BOUND_UNITS;
    b->of_code = b->weight * b->step;
    const float most = b->weight * RANK_BUILD_FACTOR_MAX;
    b->blended = most * b->blended_low + RANK_BOUND_UNITS;
    b->of_blended = most * b->blended_step;
}
