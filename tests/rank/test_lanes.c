/*
 * Arithmetic by lanes against that of single postings, the same bits; bounds against what they
 * bound, for random settings.
 */
#include "base/prng.h"
#include "rank/lanes.h"
#include "test.h"

#include <string.h>

enum { SEED = 271828, ROUNDS = 300 };

static float unit(prng *r) {
    return (float)prng_unit(r);
}

static rank_settings settings_of(prng *r) {
    rank_settings s = RANK_SETTINGS_DEFAULT;
    if (prng_below(r, 3)) {
        s.k1 = 0.5 * prng_below(r, 6);
        s.b = 0.25 * prng_below(r, 5);
        s.blend = 0.19 * prng_below(r, 6);
        for (int i = 0; i < RANK_SCORES; i++) {
            s.weights[i] = prng_below(r, 4);
        }
    }
    return s;
}

/* ---- Kernels ------------------------------------------------------------------------------- */

static void check_add(const rank_lanes *k, prng *r) {
    uint8_t tfs[RANK_LANES];
    uint16_t titles[RANK_LANES];
    uint32_t bodies[RANK_LANES];
    float norms[RANK_LANES];
    int32_t sums[RANK_LANES], want[RANK_LANES];
    rank_settings s = settings_of(r);
    rank_norm norm = rank_norm_make(s.k1, s.b, 1 + prng_below(r, 900));
    float weight = rank_weight(1, 0.01 + 14 * prng_unit(r));
    uint32_t times = prng_below(r, 4);
    for (int i = 0; i < RANK_LANES; i++) {
        tfs[i] = prng_below(r, 3) ? 0 : (uint8_t)prng_below(r, 256);
        titles[i] = (uint16_t)prng_below(r, 30);
        bodies[i] = prng_below(r, 3) ? prng_below(r, 2000) : prng_below(r, 1 << 24);
        sums[i] = want[i] = (int32_t)prng_below(r, 1 << 28);
    }
    rank_lengths parts[2] = {{(const uint8_t *)titles, 2, 3, times},
                             {(const uint8_t *)bodies, 4, 7, 1}};
    k->norms(parts, norm, norms);
    k->add(tfs, norms, weight, sums);
    for (int i = 0; i < RANK_LANES; i++) {
        float one = rank_norm_of(norm, (titles[i] + 3u) * times + bodies[i] + 7);
        want[i] += tfs[i] ? (int32_t)rank_contribution(weight, tfs[i], one) : 0;
        if (!CHECK(memcmp(&one, &norms[i], sizeof one) == 0) || !CHECK_EQ_INT(sums[i], want[i])) {
            test_note("kernel %s, lane %d, tf %u", k->name, i, tfs[i]);
            return;
        }
    }
}

static void check_norms_at(const rank_lanes *k, prng *r) {
    enum { ENTRIES = 500, FIRST = 1000 };
    uint8_t titles[ENTRIES];
    uint16_t bodies[ENTRIES], lows[RANK_LANES];
    float norms[RANK_LANES];
    rank_settings s = settings_of(r);
    rank_norm norm = rank_norm_make(s.k1, s.b, 1 + prng_below(r, 900));
    uint32_t times = prng_below(r, 4), count = prng_below(r, RANK_LANES + 1);
    for (int i = 0; i < ENTRIES; i++) {
        titles[i] = (uint8_t)prng_below(r, 30);
        bodies[i] = (uint16_t)prng_below(r, 2000);
    }
    for (uint32_t i = 0; i < count; i++) { /* some outside, which is no harm */
        lows[i] = (uint16_t)(prng_below(r, 8) ? FIRST + prng_below(r, ENTRIES) : prng_next(r));
    }
    rank_lengths parts[2] = {{titles, 1, 3, times}, {(const uint8_t *)bodies, 2, 7, 1}};
    k->norms_at(parts, norm, lows, count, FIRST, FIRST + ENTRIES, norms);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = lows[i] - (uint32_t)FIRST;
        if (at >= ENTRIES) {
            continue;
        }
        float one = rank_norm_of(norm, (titles[at] + 3u) * times + bodies[at] + 7);
        if (!CHECK(memcmp(&one, &norms[i], sizeof one) == 0)) {
            test_note("kernel %s, posting %u of %u", k->name, i, count);
            return;
        }
    }
}

/* Entries of 1, 2 or 4 bytes, some of them with all bits. */
static rank_lengths lengths_of(uint32_t room[RANK_LANES], prng *r) {
    rank_lengths out = {(const uint8_t *)room, 1u << prng_below(r, 3), prng_below(r, 5), 0};
    bool far = prng_below(r, 10) == 0;
    for (int i = 0; i < RANK_LANES; i++) {
        uint32_t entry = prng_below(r, 20) ? prng_below(r, 300) : (uint32_t)prng_next(r) >> 8;
        memcpy((uint8_t *)room + (size_t)i * out.width, &entry, out.width);
    }
    out.base += far ? 70000 : 0;
    out.times = prng_below(r, 4);
    return out;
}

static uint32_t length_in(const rank_lengths *part, int i) {
    uint32_t entry = 0;
    memcpy(&entry, part->entries + (size_t)i * part->width, part->width);
    return (entry + part->base) * part->times;
}

static void check_promising(const rank_lanes *k, prng *r) {
    uint8_t tfs[RANK_LANES], scores[RANK_LANES * RANK_SCORES];
    uint32_t room[2][RANK_LANES], counts[2] = {0};
    uint16_t longest[RANK_TFS];
    rank_needs needs;
    uint64_t within[RANK_LANE_WORDS], worthy[RANK_LANE_WORDS], scored[RANK_LANE_WORDS];
    rank_lengths parts[2] = {lengths_of(room[0], r), lengths_of(room[1], r)};
    uint16_t least = (uint16_t)prng_below(r, 402);
    uint32_t rare = prng_below(r, 2) ? 3 : 100; /* one in so many is large */
    for (int i = 0; i < RANK_LANES; i++) {
        tfs[i] = prng_below(r, rare) ? (uint8_t)prng_below(r, 16) : (uint8_t)prng_next(r);
    }
    for (int i = 0; i < RANK_LANES * RANK_SCORES; i++) {
        scores[i] = (uint8_t)prng_below(r, 101);
    }
    for (int tf = 0; tf < RANK_TFS; tf++) {
        longest[tf] = (uint16_t)(prng_below(r, 4) ? prng_below(r, 1500) : UINT16_MAX);
        needs.base[tf] = (uint16_t)(prng_below(r, 9) ? prng_below(r, 300) : prng_next(r));
        needs.slope[tf] = (uint16_t)(prng_below(r, 3) ? prng_below(r, 3000) : prng_next(r));
        needs.less[tf] = (uint16_t)(prng_below(r, 2) ? prng_below(r, 400) : 0);
    }
    uint32_t got[2] = {k->within(tfs, parts, longest, within),
                       k->worthy(tfs, parts, scores, &needs, worthy)};
    k->scored(scores, least, scored);
    for (int i = 0; i < RANK_LANES; i++) {
        uint32_t length = length_in(&parts[0], i) + length_in(&parts[1], i), sum = 0;
        uint32_t tf = tfs[i] < RANK_TFS ? tfs[i] : RANK_TFS - 1;
        for (int j = 0; j < RANK_SCORES; j++) {
            sum += scores[RANK_SCORES * i + j];
        }
        uint32_t need = needs.base[tf] +
                        (needs.slope[tf] * (length < 4095 ? length : 4095) >> 12);
        bool fits = tf && (length < UINT16_MAX ? length : UINT16_MAX) <= longest[tf];
        bool pays = tf && (need < UINT16_MAX ? need : UINT16_MAX) <= sum + needs.less[tf];
        if (!CHECK_EQ_INT(within[i / 64] >> i % 64 & 1, fits) ||
            !CHECK_EQ_INT(worthy[i / 64] >> i % 64 & 1, pays) ||
            !CHECK_EQ_INT(scored[i / 64] >> i % 64 & 1, sum >= least)) {
            test_note("kernel %s, lane %d, tf %u, length %u", k->name, i, tfs[i], length);
            return;
        }
        counts[0] += fits;
        counts[1] += pays;
    }
    CHECK_EQ_INT(got[0], counts[0]);
    CHECK_EQ_INT(got[1], counts[1]);
}

static void check_over(const rank_lanes *k, prng *r) {
    int32_t sums[RANK_LANES];
    float factors[RANK_LANES], least = prng_below(r, 4) ? 5e7f * unit(r) : -1;
    bool blends = prng_below(r, 2);
    uint64_t lanes[RANK_LANE_WORDS];
    for (int i = 0; i < RANK_LANES; i++) {
        sums[i] = prng_below(r, 4) ? (int32_t)prng_below(r, 100000000) : 0;
        factors[i] = 0.7f + 0.6f * unit(r);
    }
    uint32_t count = k->over(sums, blends ? factors : NULL, least, lanes), want = 0;
    for (int i = 0; i < RANK_LANES; i++) {
        float x = (float)sums[i] * (blends ? factors[i] : 1);
        bool over = sums[i] > 0 && x >= least;
        want += over;
        if (!CHECK_EQ_INT(lanes[i / 64] >> (i % 64) & 1, over)) {
            test_note("kernel %s, lane %d", k->name, i);
            return;
        }
    }
    CHECK_EQ_INT(count, want);
}

/* As over, of some lanes, and with a threshold for each. */
static void check_reach(const rank_lanes *k, prng *r) {
    int32_t sums[RANK_LANES];
    float factors[RANK_LANES], least[RANK_LANES];
    bool blends = prng_below(r, 2);
    uint64_t lanes[RANK_LANE_WORDS], before[RANK_LANE_WORDS];
    for (int i = 0; i < RANK_LANES; i++) {
        sums[i] = prng_below(r, 4) ? (int32_t)prng_below(r, 100000000) : 0;
        factors[i] = 0.7f + 0.6f * unit(r);
        least[i] = prng_below(r, 4) ? 5e7f * unit(r) : prng_below(r, 2) ? (float)sums[i] : -1;
    }
    for (int word = 0; word < RANK_LANE_WORDS; word++) {
        before[word] = lanes[word] = prng_below(r, 4) ? prng_next(r) | prng_next(r) : 0;
    }
    bool each = prng_below(r, 2);
    uint32_t want = 0, count = each ? k->reach_each(sums, blends ? factors : NULL, least, lanes)
                                    : k->reach(sums, blends ? factors : NULL, least[0], lanes);
    for (int i = 0; i < RANK_LANES; i++) {
        float x = (float)sums[i] * (blends ? factors[i] : 1);
        bool reaches = (before[i / 64] >> (i % 64) & 1) && x >= least[each ? i : 0];
        want += reaches;
        if (!CHECK_EQ_INT(lanes[i / 64] >> (i % 64) & 1, reaches)) {
            test_note("kernel %s, lane %d", k->name, i);
            return;
        }
    }
    CHECK_EQ_INT(count, want);
}

static void check_reached(const rank_lanes *k, prng *r) {
    float bounds[RANK_LANES], least = prng_below(r, 4) ? 5e7f * unit(r) : -1;
    uint64_t lanes[RANK_LANE_WORDS];
    for (int i = 0; i < RANK_LANES; i++) {
        bounds[i] = prng_below(r, 4) == 0 ? 0 : prng_below(r, 8) ? 1e8f * unit(r) : least;
    }
    k->reached(bounds, least, lanes);
    for (int i = 0; i < RANK_LANES; i++) {
        if (!CHECK_EQ_INT(lanes[i / 64] >> (i % 64) & 1, bounds[i] > 0 && bounds[i] >= least)) {
            test_note("kernel %s, lane %d", k->name, i);
            return;
        }
    }
}

/* Some terms' numbers in some blocks' strips; thresholds that some of the sums are equal to. */
static void check_strips(const rank_lanes *k, prng *r) {
    enum { BLOCKS = 9, STRIPS = BLOCKS * RANK_STRIPS };
    uint16_t sums[STRIPS] = {0}, want[STRIPS] = {0}, least[BLOCKS], reached[BLOCKS];
    uint32_t terms = 1 + prng_below(r, 6), blocks = 1 + prng_below(r, BLOCKS), count = 0;
    for (uint32_t term = 0; term < terms; term++) {
        uint8_t halves[STRIPS / 2];
        rank_levels levels;
        for (int i = 0; i < 16; i++) {
            uint32_t number = prng_below(r, 10000);
            levels.low[i] = (uint8_t)number;
            levels.high[i] = (uint8_t)(number >> 8);
        }
        for (uint32_t i = 0; i < STRIPS / 2; i++) {
            halves[i] = (uint8_t)prng_below(r, 256);
        }
        k->add_levels(halves, blocks, &levels, sums);
        for (uint32_t i = 0; i < blocks * RANK_STRIPS; i++) {
            uint32_t at = i % 2 ? halves[i / 2] >> 4 : halves[i / 2] & 15;
            want[i] = (uint16_t)(want[i] + levels.low[at] + 256 * levels.high[at]);
        }
    }
    CHECK(memcmp(sums, want, sizeof sums) == 0); /* what is behind the blocks is left alone */
    for (uint32_t block = 0; block < blocks; block++) {
        uint32_t some = sums[block * RANK_STRIPS + prng_below(r, RANK_STRIPS)];
        least[block] = (uint16_t)(prng_below(r, 4) ? some : prng_below(r, 65536));
    }
    uint32_t found = k->strips(sums, blocks, least, reached);
    for (uint32_t i = 0; i < blocks * RANK_STRIPS; i++) {
        bool reaches = sums[i] >= least[i / RANK_STRIPS];
        count += reaches;
        if (!CHECK_EQ_INT(reached[i / RANK_STRIPS] >> i % RANK_STRIPS & 1, reaches)) {
            test_note("kernel %s, strip %u", k->name, i);
            return;
        }
    }
    CHECK_EQ_INT(found, count);
}

/* Posts of some blocks' strips, and whether a term's postings are among them. */
static void check_strip_posts(const rank_lanes *k, prng *r) {
    enum { BLOCKS = 5, STRIPS = BLOCKS * RANK_STRIPS };
    uint16_t sums[STRIPS], added[STRIPS], least[BLOCKS], numbers[BLOCKS];
    uint16_t postings[STRIPS], posts[STRIPS], kept[STRIPS], level[STRIPS], number[STRIPS];
    uint8_t halves[STRIPS / 2];
    uint32_t blocks = prng_below(r, BLOCKS + 1);
    rank_levels levels;
    for (uint32_t i = 0; i < 16; i++) {
        uint32_t one = i ? prng_below(r, 200) : 0;
        levels.low[i] = (uint8_t)(i % 2 ? one : 0);
        levels.high[i] = (uint8_t)(i % 2 ? 0 : one);
    }
    for (uint32_t i = 0; i < BLOCKS; i++) {
        least[i] = (uint16_t)(prng_below(r, 4) ? prng_below(r, 65536) : prng_below(r, 200));
        numbers[i] = (uint16_t)(prng_below(r, 4) ? prng_below(r, 30000) : prng_below(r, 200));
    }
    for (uint32_t i = 0; i < STRIPS; i++) {
        uint32_t at = prng_below(r, 16);
        halves[i / 2] = (uint8_t)(i % 2 ? halves[i / 2] | at << 4 : at);
        postings[i] = (uint16_t)(prng_below(r, 2) ? prng_below(r, 65536) : 0);
        posts[i] = (uint16_t)prng_below(r, 65536);
        level[i] = (uint16_t)(levels.low[at] + 256 * levels.high[at]);
        number[i] = postings[i] ? numbers[i / RANK_STRIPS] : 0;
        uint32_t more = prng_below(r, 2) ? prng_below(r, 30000) : 0;
        sums[i] = (uint16_t)((level[i] > number[i] ? level[i] : number[i]) + more / 8);
        least[i / RANK_STRIPS] = prng_below(r, 9) ? least[i / RANK_STRIPS]
                                 : (uint16_t)(sums[i] - (prng_below(r, 2) ? level : number)[i]);
    }
    memcpy(added, sums, sizeof sums);
    k->add_numbers((const uint8_t *)postings, blocks, numbers, added);
    bool good = true;
    for (uint32_t i = 0; i < STRIPS; i++) {
        uint32_t more = i < blocks * RANK_STRIPS ? number[i] : 0;
        good &= added[i] == (uint16_t)(sums[i] + more);
    }
    memcpy(kept, posts, sizeof posts);
    k->keep_strips(sums, blocks, least, (uint8_t *)kept);
    for (uint32_t i = 0; i < STRIPS; i++) {
        bool leaves = i >= blocks * RANK_STRIPS || sums[i] >= least[i / RANK_STRIPS];
        good &= kept[i] == (leaves ? posts[i] : 0);
    }
    for (int by_level = 0; by_level < 2; by_level++) {
        const uint16_t *own = by_level ? level : number;
        memcpy(kept, posts, sizeof posts);
        if (by_level) {
            k->need_levels(halves, blocks, &levels, sums, least, (const uint8_t *)postings,
                           (uint8_t *)kept);
        } else {
            k->need_numbers(numbers, blocks, sums, least, (const uint8_t *)postings,
                            (uint8_t *)kept);
        }
        for (uint32_t i = 0; i < STRIPS; i++) {
            bool without = i >= blocks * RANK_STRIPS || sums[i] - own[i] >= least[i / RANK_STRIPS];
            good &= kept[i] == (without ? posts[i] : (posts[i] & postings[i]));
        }
    }
    if (!CHECK(good)) {
        test_note("kernel %s, %u blocks", k->name, blocks);
    }
}

/* Posts of some strips by the numbers of the terms that they have. */
static void check_able(const rank_lanes *k, prng *r) {
    enum { BLOCKS = 5, STRIPS = BLOCKS * RANK_STRIPS, TERMS = 4, SHARE = 60000 / TERMS };
    rank_strips_term terms[TERMS];
    uint16_t postings[TERMS][STRIPS], levels[TERMS][16], numbers[TERMS][BLOCKS], least[BLOCKS];
    uint16_t posts[STRIPS], kept[STRIPS], which[STRIPS];
    uint8_t halves[TERMS][STRIPS / 2];
    uint32_t count = 0, term_count = 1 + prng_below(r, TERMS);
    for (uint32_t t = 0; t < TERMS; t++) {
        uint32_t first = prng_below(r, BLOCKS), blocks = 1 + prng_below(r, BLOCKS - first);
        for (uint32_t i = 0; i < STRIPS; i++) {
            halves[t][i / 2] = (uint8_t)prng_below(r, 256);
            postings[t][i] = (uint16_t)(prng_below(r, 4) ? prng_below(r, 65536) : 0);
        }
        for (uint32_t i = 0; i < 16; i++) {
            levels[t][i] = (uint16_t)(i ? prng_below(r, SHARE) : 0);
            numbers[t][i % BLOCKS] = (uint16_t)prng_below(r, SHARE);
        }
        bool by_level = prng_below(r, 2);
        terms[t] = (rank_strips_term){(const uint8_t *)postings[t], by_level ? halves[t] : NULL,
                                      levels[t], numbers[t], by_level ? first : 0,
                                      by_level ? blocks : BLOCKS};
    }
    for (uint32_t i = 0; i < STRIPS; i++) {
        posts[i] = (uint16_t)prng_below(r, 65536);
        least[i / RANK_STRIPS] = (uint16_t)prng_below(r, TERMS * SHARE);
        which[count] = (uint16_t)i;
        count += prng_below(r, 2);
    }
    memcpy(kept, posts, sizeof posts);
    k->keep_able(terms, term_count, which, count, least, (uint8_t *)kept);
    bool good = true;
    for (uint32_t i = 0, at = 0; i < STRIPS; i++) {
        uint32_t able = UINT16_MAX, block = i / RANK_STRIPS;
        if (at < count && which[at] == i) {
            at++;
            able = 0;
            for (uint32_t post = 0; post < RANK_STRIPS; post++) {
                uint32_t sum = 0;
                for (uint32_t t = 0; t < term_count; t++) {
                    const rank_strips_term *of = &terms[t];
                    uint32_t from = i - of->first * RANK_STRIPS, number = numbers[t][block];
                    if (of->halves) {
                        bool there = block >= of->first && block < of->first + of->blocks;
                        number = there ? levels[t][halves[t][from / 2] >> from % 2 * 4 & 15] : 0;
                    }
                    sum += postings[t][i] >> post & 1 ? number : 0;
                }
                able |= (uint32_t)(sum >= least[block]) << post;
            }
        }
        good &= kept[i] == (posts[i] & able);
    }
    if (!CHECK(good)) {
        test_note("kernel %s, %u terms", k->name, term_count);
    }
}

static void check_factors(const rank_lanes *k, prng *r) {
    uint8_t scores[RANK_LANES * RANK_SCORES];
    float factors[RANK_LANES];
    rank_settings s = settings_of(r);
    rank_prior_bound prior = rank_prior_bound_make(&s);
    for (size_t i = 0; i < sizeof scores; i++) {
        scores[i] = (uint8_t)prng_below(r, 101);
    }
    k->factors(scores, prior.linear, factors);
    for (int i = 0; i < RANK_LANES; i++) {
        double four[RANK_SCORES];
        for (int j = 0; j < RANK_SCORES; j++) {
            four[j] = scores[RANK_SCORES * i + j];
        }
        if (!CHECK_NEAR(factors[i], rank_factor(s.blend, rank_prior(s.weights, four)), 1e-6)) {
            return;
        }
    }
}

/* Contributions of postings and what their posts' scores make of them, in floats. */
static void check_values(const rank_lanes *k, prng *r) {
    uint8_t tfs[RANK_LANES], scores[RANK_LANES * RANK_SCORES];
    float norms[RANK_LANES], values[RANK_LANES];
    int32_t units[RANK_LANES];
    uint32_t count = prng_below(r, RANK_LANES + 1);
    rank_settings s = settings_of(r);
    rank_prior_bound prior = rank_prior_bound_make(&s);
    float weight = rank_weight(1, 0.01 + 14 * prng_unit(r));
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        tfs[i] = (uint8_t)(1 + prng_below(r, 255));
        norms[i] = 3 * unit(r);
    }
    for (size_t i = 0; i < sizeof scores; i++) {
        scores[i] = (uint8_t)prng_below(r, 101);
    }
    k->weigh(tfs, norms, count, weight, units, values);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        int32_t one = i < count ? (int32_t)rank_contribution(weight, tfs[i], norms[i]) : 0;
        if (!CHECK(values[i] == (float)one) || (i < count && !CHECK_EQ_INT(units[i], one))) {
            test_note("kernel %s, posting %u of %u", k->name, i, count);
            return;
        }
    }
    k->value(units, scores, count, prior.linear, values);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        double four[RANK_SCORES], one = 0;
        for (uint32_t j = 0; j < (uint32_t)RANK_SCORES; j++) {
            four[j] = scores[RANK_SCORES * i + j];
        }
        if (i < count) {
            one = units[i] * rank_factor(s.blend, rank_prior(s.weights, four));
        }
        if (!CHECK_NEAR(values[i], one, 1e-6 * one)) {
            test_note("kernel %s, post %u of %u", k->name, i, count);
            return;
        }
    }
}

/* Scores to the bit. */
static void check_blend(const rank_lanes *k, prng *r) {
    uint8_t scores[RANK_LANES * RANK_SCORES];
    int32_t units[RANK_LANES];
    double priors[RANK_LANES], blended[RANK_LANES];
    uint32_t count = prng_below(r, RANK_LANES + 1);
    rank_settings s = settings_of(r);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        units[i] = (int32_t)prng_below(r, 100000000);
    }
    for (size_t i = 0; i < sizeof scores; i++) {
        scores[i] = (uint8_t)prng_below(r, prng_below(r, 9) ? 101 : 256);
    }
    k->blend(units, scores, count, &s, priors, blended);
    for (uint32_t i = 0; i < count; i++) {
        double four[RANK_SCORES];
        for (uint32_t j = 0; j < (uint32_t)RANK_SCORES; j++) {
            uint8_t score = scores[RANK_SCORES * i + j];
            four[j] = score < 100 ? score : 100;
        }
        double prior = rank_prior(s.weights, four), score = rank_blend(units[i], s.blend, prior);
        if (!CHECK(priors[i] == prior) || !CHECK(blended[i] == score)) {
            test_note("kernel %s, post %u of %u", k->name, i, count);
            return;
        }
    }
}

/* No more than the n-th greatest, and not many that are greater than it are no less than that. */
static void check_nth(const rank_lanes *k, prng *r) {
    float values[RANK_LANES], least = prng_below(r, 2) ? 0 : 1e8f * unit(r);
    uint32_t count = 1 + prng_below(r, RANK_LANES), n = 1 + prng_below(r, count);
    uint32_t reach_least = 0, reach = 0;
    bool ties = prng_below(r, 4) == 0;
    memset(values, 0, sizeof values);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = ties ? 1e7f * (float)prng_below(r, 4) : 1e8f * unit(r);
    }
    float found = k->nth(values, count, n, least);
    for (uint32_t i = 0; i < (uint32_t)RANK_LANES; i++) {
        reach_least += values[i] >= least;
        reach += values[i] >= found;
    }
    bool good = CHECK(found >= least) && CHECK(reach >= n || found == least) &&
                CHECK(reach_least >= n || found == least) &&
                CHECK(ties || least > 0 || reach <= n + n / 8 + 4);
    if (!good) {
        test_note("kernel %s, number %u of %u: %g reached by %u", k->name, n, count, (double)found,
                  reach);
    }
}

/* By codes, some equal to what is needed. */
static void check_able_strips(const rank_lanes *k, prng *r) {
    enum { BLOCKS = 7, STRIPS = BLOCKS * RANK_STRIPS };
    uint8_t halves[STRIPS / 2], level_needs[16], block_needs[BLOCKS];
    uint8_t codes[STRIPS], others[STRIPS];
    uint16_t able[BLOCKS];
    for (uint32_t i = 0; i < STRIPS; i++) {
        halves[i / 2] = (uint8_t)prng_below(r, 256);
        codes[i] = (uint8_t)(250 + prng_below(r, 6));
        others[i] = (uint8_t)prng_below(r, 6);
        level_needs[i % 16] = (uint8_t)(250 + prng_below(r, 6));
        block_needs[i % BLOCKS] = (uint8_t)prng_below(r, 6);
    }
    k->able_strips(halves, BLOCKS, level_needs, codes, block_needs, others, able);
    for (uint32_t i = 0; i < STRIPS; i++) {
        uint32_t level = halves[i / 2] >> i % 2 * 4 & 15, block = i / RANK_STRIPS;
        bool want = codes[i] >= level_needs[level] && others[i] >= block_needs[block];
        if (!CHECK_EQ_INT(able[block] >> i % RANK_STRIPS & 1, want)) {
            test_note("kernel %s, strip %u", k->name, i);
            return;
        }
    }
}

/* Posts of 256 blocks, some of which have lows; what able_docs and able_blocks tell of them. */
typedef struct coded_posts {
    uint8_t codes[RANK_LANES * RANK_LANES * 2 + 2];
    uint16_t needs[RANK_LANES + RANK_STRIPS];
    uint8_t lows[4096 + RANK_STRIPS];
    uint16_t starts[RANK_LANES + 1];
    uint64_t blocks[RANK_LANE_WORDS];
    uint16_t able[4096], want[4096];
} coded_posts;

static bool is_able(const coded_posts *p, uint32_t doc, uint32_t need) {
    return p->codes[2 * doc] >= (need & 255) && p->codes[2 * doc + 1] >= need >> 8;
}

static void make_coded(coded_posts *p, prng *r) {
    for (uint32_t i = 0; i < sizeof p->codes; i++) {
        p->codes[i] = (uint8_t)(i % 2 ? prng_below(r, 6) : 250 + prng_below(r, 6));
    }
    for (uint32_t i = 0; i < RANK_LANES + RANK_STRIPS; i++) {
        p->needs[i] = (uint16_t)(250 + prng_below(r, 6) + 256 * prng_below(r, 6));
    }
    p->starts[0] = 0;
    for (uint32_t block = 0; block < RANK_LANES; block++) {
        uint32_t count = prng_below(r, 3) ? prng_below(r, 16) : prng_below(r, 40);
        uint32_t at = p->starts[block];
        count = at + count > 4096 ? 0 : count;
        for (uint32_t i = 0; i < count; i++) {
            p->lows[at + i] = (uint8_t)(i * 6 + prng_below(r, 6));
        }
        p->starts[block + 1] = (uint16_t)(at + count);
    }
    for (uint32_t word = 0; word < RANK_LANE_WORDS; word++) {
        p->blocks[word] = prng_next(r) | prng_next(r);
    }
}

static void check_same(const rank_lanes *k, const coded_posts *p, uint32_t found, uint32_t want) {
    if (!CHECK_EQ_INT(found, want) || !CHECK(memcmp(p->able, p->want, want * 2) == 0)) {
        test_note("kernel %s", k->name);
    }
}

static void check_able_posts(const rank_lanes *k, prng *r) {
    static coded_posts p;
    uint16_t docs[RANK_LANES + RANK_STRIPS];
    uint64_t lanes[RANK_LANE_WORDS];
    uint32_t count = prng_below(r, RANK_LANES + 1), want = 0;
    make_coded(&p, r);
    k->able_lanes(p.codes, p.needs, lanes);
    for (uint32_t i = 0; i < RANK_LANES; i++) {
        bool able = is_able(&p, i, p.needs[i / RANK_STRIPS]);
        if (!CHECK_EQ_INT(lanes[i / 64] >> i % 64 & 1, able)) {
            test_note("kernel %s, lane %u", k->name, i);
            return;
        }
    }
    for (uint32_t i = 0; i < RANK_LANES + RANK_STRIPS; i++) {
        docs[i] = (uint16_t)(prng_below(r, 5) ? prng_below(r, 65536) : 65535);
        if (i < count && is_able(&p, docs[i], p.needs[i])) {
            p.want[want++] = docs[i];
        }
    }
    check_same(k, &p, k->able_docs(docs, p.needs, count, p.codes, p.able), want);
    want = 0;
    for (uint32_t block = 0; block < RANK_LANES; block++) {
        bool asked = p.blocks[block / 64] >> block % 64 & 1;
        for (uint32_t i = p.starts[block]; asked && i < p.starts[block + 1]; i++) {
            p.want[want] = (uint16_t)(block * RANK_LANES + p.lows[i]);
            want += is_able(&p, p.want[want], p.needs[block]);
        }
    }
    check_same(k, &p, k->able_blocks(p.lows, p.starts, p.blocks, p.needs, p.codes, p.able), want);
}

static void check_bounds_lanes(const rank_lanes *k, prng *r) {
    uint8_t codes[RANK_LANES], blended[RANK_LANES];
    float most[RANK_LANES], ratios[RANK_LANES];
    float sums[RANK_LANES], want[RANK_LANES], units[RANK_LANES];
    rank_bound_kind kind = (rank_bound_kind)prng_below(r, RANK_BOUND_BOTH + 1);
    rank_list_bounds list = {0.1f * unit(r), 0.5f + 0.5f * unit(r), 0.1f * unit(r), 0.6f};
    float ratio = prng_below(r, 2) ? 1 : 2 * unit(r);
    rank_bound bound;
    rank_bound_begin(list.high, list.blended_high, 1e6f * (1 + unit(r)), ratio, kind,
                     (rank_factors){1.5f, 1.5f}, &bound);
    rank_bound_codes(list, &bound);
    for (int i = 0; i < RANK_LANES; i++) {
        codes[i] = prng_below(r, 3) ? (uint8_t)prng_below(r, 256) : 0;
        blended[i] = codes[i] ? (uint8_t)(1 + prng_below(r, 255)) : 0;
        most[i] = 0.7f + 0.6f * unit(r);
        ratios[i] = 0.7f + 0.6f * unit(r);
        rank_factors f = {most[i], ratios[i]};
        sums[i] = want[i] = 1000 * unit(r);
        want[i] += codes[i] ? rank_bound_of(&bound, codes[i], blended[i], f) : 0;
    }
    k->bounds(codes, blended, most, ratios, &bound, units, sums);
    for (int i = 0; i < RANK_LANES; i++) {
        rank_factors f = {most[i], ratios[i]};
        float one = codes[i] ? rank_bound_of(&bound, codes[i], blended[i], f) : 0;
        if (!CHECK_NEAR(sums[i], want[i], 1e-5 * (double)want[i]) ||
            !CHECK_NEAR(units[i], one, 1e-5 * (double)one)) {
            test_note("kernel %s, lane %d, kind %d, ratio %g", k->name, i, (int)kind,
                      (double)ratio);
            return;
        }
    }
}

/* ---- Bounds -------------------------------------------------------------------------------- */

/* A posting of a list built with one average, asked for with other settings and another average. */
static void check_bound(prng *r) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    rank_settings now = settings_of(r);
    double before = 1 + prng_below(r, 500), after = before * (0.5 + prng_unit(r));
    uint32_t length = prng_below(r, 3000), tf = 1 + prng_below(r, 1 + length);
    double scores[RANK_SCORES];
    for (int i = 0; i < RANK_SCORES; i++) {
        scores[i] = prng_below(r, 4) ? prng_below(r, 101) : 100 * prng_below(r, 2);
    }
    rank_norm norm = rank_norm_make(now.k1, now.b, after);
    float built = rank_norm_of(rank_norm_make(build.k1, build.b, before), length);
    float impact = rank_saturation(tf, built);
    float factor = (float)rank_factor(build.blend, rank_prior(build.weights, scores));
    float weight = rank_weight(1, 0.001 + 12 * prng_unit(r));
    rank_prior_bound prior = rank_prior_bound_make(&now);
    rank_norm_ratio ratio = rank_norm_ratio_of(rank_norm_scale_make(norm), (float)before);
    rank_list_bounds list = {impact, impact, impact * factor / RANK_BUILD_FACTOR_MAX,
                             impact * factor / RANK_BUILD_FACTOR_MAX};
    rank_bound bound;
    double now_factor = rank_factor(now.blend, rank_prior(now.weights, scores));
    rank_factors own = {(float)now_factor * RANK_BOUND_ROUND,
                        (float)now_factor / factor * RANK_BOUND_ROUND};
    rank_bound_begin(impact, list.blended_high, weight, ratio.least, prior.kind, own, &bound);
    rank_bound_codes(list, &bound);
    int64_t units = rank_contribution(weight, tf, rank_norm_of(norm, length));
    double score = (double)units * now_factor;
    double seeded = (double)(weight * rank_remap(impact, ratio.largest));
    if (!CHECK((double)rank_bound_of(&bound, 1, 1, own) >= score) ||
        !CHECK((double)bound.most >= score) ||
        !CHECK(prior.kind == RANK_BOUND_BLENDED ||
               (double)rank_bound_one(&bound, false, impact) >= score) ||
        !CHECK(prior.kind == RANK_BOUND_PLAIN ||
               (double)rank_bound_one(&bound, true, list.blended_high) >= score) ||
        !CHECK(now_factor >= (double)prior.factor_min && now_factor <= (double)prior.factor_max) ||
        !CHECK(seeded <= (double)units * 1.0001 + 2)) {
        test_note("seed %d: tf %u length %u averages %g %g k1 %g b %g blend %g", SEED, tf, length,
                  before, after, now.k1, now.b, now.blend);
    }
    /* And not far above it, where nothing has changed. */
    if (ratio.least == 1 && ratio.largest == 1) {
        CHECK((double)bound.most <= score * 1.001 + 10);
    }
}

void test_rank_lanes(void) {
    const rank_lanes *const *all;
    size_t count = rank_lanes_all(&all);
    prng r = {SEED};
    CASE("lanes");
    CHECK_EQ_STR(all[0]->name, "portable");
    for (size_t i = 0; i < count; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            check_add(all[i], &r);
            check_norms_at(all[i], &r);
            check_promising(all[i], &r);
            check_over(all[i], &r);
            check_reach(all[i], &r);
            check_reached(all[i], &r);
            check_strips(all[i], &r);
            check_strip_posts(all[i], &r);
            check_able_strips(all[i], &r);
            check_able_posts(all[i], &r);
            check_able(all[i], &r);
            check_factors(all[i], &r);
            check_values(all[i], &r);
            check_blend(all[i], &r);
            check_nth(all[i], &r);
            check_bounds_lanes(all[i], &r);
        }
    }
    CASE("bounds");
    for (int round = 0; round < 100 * ROUNDS; round++) {
        check_bound(&r);
    }
}
