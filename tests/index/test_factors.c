/*
 * The factors of posts beside a slow twin that asks one post after the other: of cells whose scores
 * are bytes, of the log's, of posts without scores; of blocks, codes and the best posts; and when
 * more settings are asked for than are kept.
 */
#include "index/factors.h"

#include "base/prng.h"
#include "index/batches.h"

enum { UNIT_POSTS = WINDOW_BITS < 12 ? 200 : 9000, LOG_POSTS = WINDOW_BITS < 12 ? 7 : 300 };

static void add_some(index_handle *index, prng *p, uint32_t first, uint32_t count, bool scored,
                     bool fractions) {
    index_writer *w;
    char json[400];
    if (!CHECK_EQ_INT(writer_open(index, &w, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t level = prng_below(p, 3); /* many have the same */
        char scores[200] = "";
        if (scored && prng_below(p, 5)) {
            snprintf(scores, sizeof scores,
                     "\"score\":{\"quality\":%u%s,\"freshness\":%u,\"depth\":%u,\"clarity\":%u}",
                     70 + prng_below(p, 28), fractions ? ".25" : "", level * 50,
                     prng_below(p, 101), prng_below(p, 4) ? 90 : 100);
        }
        snprintf(json, sizeof json, "{\"id\":\"p%u\",\"title\":\"a post\",\"body\":\"some words\","
                 "\"meta\":{%s}}", first + i, scores);
        CHECK_EQ_INT(batches_add(w, json, NULL), ANP_OK);
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
}

/* ---- The twin -------------------------------------------------------------------------------- */

typedef struct twin {
    snapshot *s;
    rank_settings settings;
    const cell *c;
} twin;

static double slow_factor(const twin *t, const rank_settings *settings, uint32_t low) {
    double scores[RANK_SCORES];
    cell_scores(t->c, low, scores);
    return rank_factor(settings->blend, rank_prior(settings->weights, scores));
}

static double factor_of(const twin *t, uint32_t low) {
    return slow_factor(t, &t->settings, low);
}

static double ratio_of(const twin *t, uint32_t low) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    return factor_of(t, low) / slow_factor(t, &build, low);
}

/* None is more than what bounds say, and that is hardly more than the greatest one. */
static void check_most(double most, double bound, const char *what, uint32_t at) {
    if (!CHECK(bound >= most) || !CHECK(bound <= most * 1.0001)) {
        test_note("%s %u: %.9g, at most %.9g", what, at, most, bound);
    }
}

static void check_range(const twin *t, uint32_t from, uint32_t end, double *most, double *ratio) {
    from = from > t->c->from ? from : t->c->from;
    end = end < t->c->end ? end : t->c->end;
    *most = *ratio = 0;
    for (uint32_t low = from; low < end; low++) {
        *most = fmax(*most, factor_of(t, low));
        *ratio = fmax(*ratio, ratio_of(t, low));
    }
}

static void check_blocks(const twin *t, const cell_factors *f) {
    double most, ratio, least = INFINITY, ratio_least = INFINITY;
    for (uint32_t low = t->c->from; low < t->c->end; low++) {
        least = fmin(least, factor_of(t, low));
        ratio_least = fmin(ratio_least, ratio_of(t, low));
    }
    check_most((double)f->least, least, "least", 0);
    check_most((double)f->ratio_least, ratio_least, "least ratio", 0);
    check_range(t, t->c->from, t->c->end, &most, &ratio);
    check_most(most, (double)f->most.most, "cell", 0);
    check_most(ratio, (double)f->most.ratio, "cell", 0);
    for (uint32_t block = t->c->from / BLOCK_DOCS; block * BLOCK_DOCS < t->c->end; block++) {
        check_range(t, block * BLOCK_DOCS, (block + 1) * BLOCK_DOCS, &most, &ratio);
        check_most(most, (double)f->blocks[block], "block", block);
        check_most(ratio, (double)f->ratios[block], "ratio of block", block);
    }
    CHECK_EQ_INT(f->neutral, t->c->score_bytes == 0);
}

/* A code is that of what is told, or of what is hardly more. */
static bool has_code(uint32_t code, factor_codes codes, double most) {
    return code >= factor_code(codes, (float)most) &&
           code <= factor_code(codes, (float)(most * 1.0001));
}

static void check_codes(const twin *t, const coded_factors *f) {
    for (uint32_t low = t->c->from; low < t->c->end; low++) {
        uint32_t strip = low / LIST_STRIP_DOCS;
        double most, ratio;
        check_range(t, strip * LIST_STRIP_DOCS, (strip + 1) * LIST_STRIP_DOCS, &most, &ratio);
        if (!CHECK(has_code(f->posts[2 * low], f->most_codes, factor_of(t, low))) ||
            !CHECK(has_code(f->posts[2 * low + 1], f->ratio_codes, ratio_of(t, low))) ||
            !CHECK(has_code(f->most[strip], f->most_codes, most)) ||
            !CHECK(has_code(f->ratios[strip], f->ratio_codes, ratio))) {
            test_note("post %u: %u, %u for %.9g, %.9g; strip %u, %u for %.9g, %.9g", low,
                      f->posts[2 * low], f->posts[2 * low + 1], factor_of(t, low),
                      ratio_of(t, low), f->most[strip], f->ratios[strip], most, ratio);
            return;
        }
    }
}

/* All that are better than the last one are there, in their order. */
static void check_best(const twin *t, const best_posts *best) {
    uint32_t posts = t->c->end - t->c->from, better = 0;
    CHECK_EQ_INT(best->count, posts < FACTORS_BEST ? posts : FACTORS_BEST);
    double last = factor_of(t, best->lows[best->count - 1]);
    for (uint32_t i = 0; i < best->count; i++) {
        double factor = factor_of(t, best->lows[i]);
        check_most(factor, (double)best->most[i], "best post", i);
        better += factor > last + 1e-6;
        if (i && best->most[i] == best->most[i - 1]) {
            CHECK(best->lows[i] > best->lows[i - 1]);
        } else if (i) {
            CHECK(best->most[i] < best->most[i - 1]);
        }
    }
    for (uint32_t low = t->c->from; low < t->c->end; low++) {
        better -= factor_of(t, low) > last + 1e-6;
    }
    CHECK_EQ_INT(better, 0);
}

static void check_cells(snapshot *s, const rank_settings *settings) {
    uint32_t count;
    const cell *cells = cells_all(s, &count);
    factor_set *set, *again;
    CHECK_EQ_INT(factors_find(s, settings, &set, NULL), ANP_OK);
    for (uint32_t i = 0; i < count; i++) {
        twin t = {s, *settings, &cells[i]};
        const cell_factors *f;
        const coded_factors *codes;
        const best_posts *best;
        CHECK_EQ_INT(factors_of_cell(set, t.c, &f, NULL), ANP_OK);
        check_blocks(&t, f);
        CHECK_EQ_INT(factors_codes(set, t.c, &codes, NULL), ANP_OK);
        check_codes(&t, codes);
        CHECK_EQ_INT(factors_best(set, t.c, &best, NULL), ANP_OK);
        check_best(&t, best);
        const cell_factors *kept = f; /* the same the second time */
        CHECK_EQ_INT(factors_find(s, settings, &again, NULL), ANP_OK);
        CHECK_EQ_INT(factors_of_cell(again, t.c, &f, NULL), ANP_OK);
        CHECK(again == set && f == kept);
    }
}

static void check_index(index_handle *index) {
    static const rank_settings all[] = {
        {1.2, 0.75, 0.3, {1, 1, 1, 1}}, {1.2, 0.75, 0.5, {1, 1, 1, 1}},
        {1.2, 0.75, 0.95, {1, 0, 0, 0}}, {1.2, 0.75, 0.3, {0, 1, 0, 2}},
        {1.2, 0.75, 0.1, {3, 1, 0, 0}}, {1.2, 0.75, 0.3, {0, 0, 1, 1}},
    };
    enum { SETTINGS = sizeof all / sizeof *all };
    _Static_assert((int)SETTINGS > (int)FACTORS_KEPT, "some are forgotten");
    snapshot *s;
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK) ||
        !CHECK_EQ_INT(cells_begin(s, NULL), ANP_OK)) {
        return;
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < (int)SETTINGS; i++) {
            check_cells(s, &all[i]);
        }
    }
    factor_set *last, *other;
    rank_settings same = all[SETTINGS - 1];
    same.k1 = 2;
    CHECK_EQ_INT(factors_find(s, &all[SETTINGS - 1], &last, NULL), ANP_OK);
    CHECK_EQ_INT(factors_find(s, &same, &other, NULL), ANP_OK);
    CHECK(last == other); /* k1 has no part in them */
    snapshot_close(s);
}

void test_index_factors(void) {
    prng p = {20261201};
    index_handle *scored = batches_index("factors"), *plain = batches_index("factors-none");
    CASE("bytes, the log");
    add_some(scored, &p, 0, UNIT_POSTS, true, false);
    add_some(scored, &p, UNIT_POSTS, LOG_POSTS, true, true);
    check_index(scored);
    index_close(scored);
    CASE("no scores");
    add_some(plain, &p, 0, UNIT_POSTS, false, false);
    check_index(plain);
    index_close(plain);
}
