/*
 * The arithmetic of scores against the formulas of rank/bm25.h in long double.
 *
 * Tolerance of one contribution of weight w: 2^-21 + 8 * 2^-24 * w, as bm25.h derives it.
 */
#include "test.h"

#include "base/prng.h"
#include "rank/bm25.h"

static const uint64_t seed = 7041776;

struct word {
    double boost;
    uint64_t df;
    uint32_t tf;
};

static long double formula_word(long double n, struct word w, long double k1, long double b,
                                long double length, long double average, long double *weight) {
    long double idf = logl(1 + (n - (long double)w.df + 0.5L) / ((long double)w.df + 0.5L));
    long double norm = k1 * (1 - b + b * length / (average > 1 ? average : 1));
    *weight = (long double)w.boost * idf;
    return *weight * (long double)w.tf / ((long double)w.tf + norm);
}

static int64_t ours(uint64_t n, struct word w, rank_norm norm, uint32_t length) {
    return rank_contribution(rank_weight(w.boost, rank_idf(n, w.df)), w.tf,
                             rank_norm_of(norm, length));
}

static void against_formula(void) {
    CASE("contributions against the formula");
    prng random = {seed};
    for (int round = 0; round < 100000; round++) {
        uint64_t n = 1 + prng_below(&random, round % 2 ? 50 : 10000000);
        double k1 = round % 7 == 0 ? 0 : 3 * prng_unit(&random), b = prng_unit(&random);
        double average = round % 11 == 0 ? 0.5 : 2000 * prng_unit(&random);
        uint32_t length = prng_below(&random, 100000);
        struct word w = {.boost = round % 3 ? 1 : 100 * prng_unit(&random),
                         .df = 1 + prng_below(&random, (uint32_t)n),
                         .tf = 1 + prng_below(&random, round % 2 ? 3 : 5000)};
        long double weight;
        long double expected = formula_word((long double)n, w, (long double)k1, (long double)b,
                                            (long double)length, (long double)average, &weight);
        double tolerance = 0x1p-21 + 8 * 0x1p-24 * (double)weight;
        double actual = (double)ours(n, w, rank_norm_make(k1, b, average), length) / RANK_ONE;
        if (!CHECK_NEAR(actual, (double)expected, tolerance)) {
            test_note("seed %llu round %d", (unsigned long long)seed, round);
        }
    }
}

/* The contract: within 1e-5 max(1, score) of the formula up to 16 words, blend included. */
static void whole_scores(void) {
    CASE("scores of 16 words against the formula");
    prng random = {seed + 1};
    for (int round = 0; round < 20000; round++) {
        uint32_t length = 1 + prng_below(&random, 3000), count = 1 + prng_below(&random, 16);
        rank_norm norm = rank_norm_make(1.2, 0.75, 350.25);
        int64_t units = 0;
        long double sum = 0, weight;
        for (uint32_t i = 0; i < count; i++) {
            struct word w = {1, 1 + prng_below(&random, 30000), 1 + prng_below(&random, 20)};
            units += ours(30000, w, norm, length);
            sum += formula_word(30000, w, 1.2L, 0.75L, (long double)length, 350.25L, &weight);
        }
        double weights[RANK_SCORES], scores[RANK_SCORES];
        long double top = 0, bottom = 0;
        for (int i = 0; i < RANK_SCORES; i++) {
            weights[i] = 2 * prng_unit(&random);
            scores[i] = prng_below(&random, 101);
            top += (long double)weights[i] * (long double)scores[i] / 100;
            bottom += (long double)weights[i];
        }
        double expected = (double)(sum * (1 + 0.3L * (2 * top / bottom - 1)));
        double actual = rank_blend(units, 0.3, rank_prior(weights, scores));
        if (!CHECK_NEAR(actual, expected, 1e-5 * (expected > 1 ? expected : 1))) {
            test_note("seed %llu round %d", (unsigned long long)seed + 1, round);
        }
    }
}

/* Worked by hand from the formulas: N 4, df 1 gives ln(1 + 3.5 / 1.5); length 10 of average 5. */
static void golden(void) {
    CASE("golden values");
    CHECK_NEAR(rank_idf(4, 1), 1.2039728043259361, 1e-15);
    CHECK_NEAR(rank_idf(1, 1), 0.28768207245178096, 1e-15);
    CHECK_NEAR(rank_idf(0, 0), 0.6931471805599453, 1e-15);
    rank_norm norm = rank_norm_make(1.2, 0.75, 5);
    CHECK_NEAR((double)rank_norm_of(norm, 10), 2.1, 1e-6);
    /* 1.2039728 * 2 / (2 + 2.1) = 0.5873038 = 615832.6 units */
    CHECK_EQ_INT(ours(4, (struct word){1, 1, 2}, norm, 10), 615833);
    CHECK_EQ_INT(ours(4, (struct word){2, 1, 2}, norm, 10), 1231665);
    CHECK_EQ_INT(ours(4, (struct word){1, 1, 2}, rank_norm_make(0, 0.75, 5), 10), 1262457);
    CHECK_EQ_INT(ours(4, (struct word){1, 1, 2}, rank_norm_make(1.2, 0, 5), 10),
                 ours(4, (struct word){1, 1, 2}, rank_norm_make(1.2, 0, 5), 99));
    CHECK_NEAR((double)rank_norm_of(rank_norm_make(1.2, 0.75, 0.25), 3), 1.2 * (0.25 + 0.75 * 3),
               1e-6);
}

static void priors(void) {
    CASE("priors and the blend");
    const double ones[RANK_SCORES] = {1, 1, 1, 1}, none[RANK_SCORES] = {0};
    const double scores[RANK_SCORES] = {80, 90, 100, 70}, neutral[RANK_SCORES] = {50, 50, 50, 50};
    const double quality[RANK_SCORES] = {2, 0, 0, 0};
    CHECK_NEAR(rank_prior(ones, scores), 0.85, 1e-15);
    CHECK_NEAR(rank_prior(quality, scores), 0.8, 1e-15);
    CHECK(rank_prior(none, scores) == 0.5);
    CHECK(rank_blend(3 << 20, 0.95, rank_prior(ones, neutral)) == 3.0);
    CHECK(rank_blend(3 << 20, 0, 0.9) == 3.0);
    CHECK_NEAR(rank_blend(2 << 20, 0.3, 0.85), 2 * 1.21, 1e-14);
    CHECK(rank_blend(0, 0.3, 0.85) == 0);
    CASE("priors of bytes are the same to the bit");
    prng random = {seed + 3};
    for (int round = 0; round < 2000; round++) {
        double weights[RANK_SCORES], wide[RANK_SCORES], total = 0;
        uint8_t bytes[RANK_SCORES];
        for (int i = 0; i < RANK_SCORES; i++) {
            weights[i] = prng_below(&random, 3) ? prng_unit(&random) : prng_below(&random, 2);
            total += weights[i];
            bytes[i] = (uint8_t)prng_below(&random, 101);
            wide[i] = bytes[i];
        }
        double want = rank_prior(weights, wide);
        CHECK(rank_prior_of_bytes(weights, total, bytes) == want);
    }
}

/* Sums are of integers: shuffled terms give the same score, which sums of floats would not. */
static void any_order(void) {
    CASE("sums do not depend on the order");
    prng random = {seed + 2};
    for (int round = 0; round < 200; round++) {
        int64_t parts[64], sum = 0, backwards = 0;
        for (int i = 0; i < 64; i++) {
            float weight = rank_weight(1, 12 * prng_unit(&random));
            float norm = (float)(2 * prng_unit(&random));
            parts[i] = rank_contribution(weight, 1 + prng_below(&random, 9), norm);
            sum += parts[i];
        }
        for (int i = 64; i-- > 0;) {
            backwards += parts[i];
        }
        CHECK(sum == backwards && sum > 0);
    }
}

void test_rank_bm25(void) {
    against_formula();
    whole_scores();
    golden();
    priors();
    any_order();
}
