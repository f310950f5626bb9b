/*
 * Sketches: how well they estimate, what the format is, and the corners: empty, one shingle, a few.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/prng.h"
#include "sketch/loops.h"
#include "sketch/sketch.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SET_MAX = 2000, SEED = 424242 };

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Two random sets: `shared` in both, `own_a` and `own_b` in one of them. */
typedef struct pair {
    uint64_t a[SET_MAX];
    uint64_t b[SET_MAX];
    uint8_t sketch_a[SKETCH_BYTES];
    uint8_t sketch_b[SKETCH_BYTES];
} pair;

static void make_pair(prng *random, size_t shared, size_t own_a, size_t own_b, pair *out) {
    for (size_t i = 0; i < shared; i++) {
        out->a[i] = out->b[i] = prng_next(random);
    }
    for (size_t i = 0; i < own_a; i++) {
        out->a[shared + i] = prng_next(random);
    }
    for (size_t i = 0; i < own_b; i++) {
        out->b[shared + i] = prng_next(random);
    }
    qsort(out->a, shared + own_a, sizeof *out->a, ascending);
    qsort(out->b, shared + own_b, sizeof *out->b, ascending);
    sketch_make((shingle_set){out->a, shared + own_a}, out->sketch_a);
    sketch_make((shingle_set){out->b, shared + own_b}, out->sketch_b);
}

static int bits_apart(const uint8_t *a, const uint8_t *b) {
    uint64_t x = load_u64(a + SKETCH_MINHASH_BYTES), y = load_u64(b + SKETCH_MINHASH_BYTES);
    return __builtin_popcountll(x ^ y);
}

/* Mean of the estimate before it is cut at 0, and its standard deviation, over `rounds` pairs. */
typedef struct spread {
    double mean;
    double deviation;
} spread;

static spread estimate(prng *random, size_t shared, size_t own_a, size_t own_b, int rounds) {
    static pair p;
    double sum = 0, squares = 0;
    for (int i = 0; i < rounds; i++) {
        make_pair(random, shared, own_a, own_b, &p);
        double share = sketch_equal_slots(p.sketch_a, p.sketch_b) / 256.0;
        double value = (share - 1.0 / 16) / (15.0 / 16);
        sum += value;
        squares += value * value;
    }
    double mean = sum / rounds;
    return (spread){mean, sqrt(fabs(squares / rounds - mean * mean))};
}

/*
 * Large sets: each slot is equal with p = J + (1 - J) / 16, nearly independent of the others, so
 * that the estimate is unbiased with deviation sqrt(p (1 - p) / 256) * 16 / 15.
 */
static void large_sets(void) {
    static const size_t sizes[][3] = {{0, 900, 1000},  {100, 700, 900}, {300, 300, 300},
                                      {650, 175, 175}, {900, 50, 50},   {990, 10, 0},
                                      {200, 1000, 50}};
    enum { ROUNDS = 400 };
    prng random = {SEED};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const size_t *s = sizes[i];
        double jaccard = (double)s[0] / (double)(s[0] + s[1] + s[2]);
        double p = jaccard + (1 - jaccard) / 16;
        double deviation = sqrt(p * (1 - p) / 256) * 16 / 15;
        spread got = estimate(&random, s[0], s[1], s[2], ROUNDS);
        if (!CHECK_NEAR(got.mean, jaccard, 4 * deviation / sqrt(ROUNDS)) ||
            !CHECK(got.deviation < 1.2 * deviation)) {
            test_note("seed %d, sets %zu, deviation %g, expected about %g", SEED, i, got.deviation,
                      deviation);
        }
    }
}

/*
 * Fewer shingles than slots: still unbiased, and no wider than sampling the union with its few
 * members allows.
 */
static void small_sets(void) {
    enum { ROUNDS = 300 };
    prng random = {SEED + 1};
    for (size_t size = 1; size <= 300; size += size < 12 ? 1 : 24) {
        for (size_t overlap = 0; overlap <= 2; overlap++) {
            size_t shared = size * overlap / 2, own = size - shared;
            double jaccard = (double)shared / (double)(shared + 2 * own);
            double p = jaccard + (1 - jaccard) / 16;
            double deviation =
                sqrt(p * (1 - p) / 256 + 2 * jaccard * (1 - jaccard) / (double)(shared + 2 * own));
            spread got = estimate(&random, shared, own, own, ROUNDS);
            if (!CHECK_NEAR(got.mean, jaccard, 5 * deviation / sqrt(ROUNDS)) ||
                !CHECK(got.deviation <= 1.3 * deviation)) {
                test_note("seed %d, %zu shingles, %zu shared, deviation %g, bound %g", SEED + 1,
                          size, shared, got.deviation, deviation);
            }
        }
    }
}

/* A set of one shingle borrows its slot 255 times: every probe sequence reaches every slot. */
static void every_donor(void) {
    for (uint64_t slot = 0; slot < SKETCH_SLOTS; slot++) {
        uint64_t hash = slot << 56 | 0x1234567;
        uint8_t sketch[SKETCH_BYTES];
        unsigned seen[16] = {0};
        sketch_make((shingle_set){&hash, 1}, sketch);
        for (size_t i = 0; i < SKETCH_MINHASH_BYTES; i++) {
            seen[sketch[i] & 15]++;
            seen[sketch[i] >> 4]++;
        }
        for (size_t value = 0; value < 16; value++) { /* 16 expected: far from all alike */
            CHECK(seen[value] < 48);
        }
    }
}

static void empty_set(void) {
    uint8_t empty[SKETCH_BYTES], zero[SKETCH_BYTES] = {0}, other[SKETCH_BYTES];
    memset(empty, 0xff, sizeof empty);
    sketch_make((shingle_set){NULL, 0}, empty);
    CHECK(memcmp(empty, zero, sizeof zero) == 0);
    uint64_t nothing[2] = {0, 1}; /* the majority of each bit is 0 */
    sketch_make((shingle_set){nothing, 1}, other);
    CHECK(load_u64(other + SKETCH_MINHASH_BYTES) == 1);
    sketch_make((shingle_set){nothing, 2}, other);
    CHECK(load_u64(other + SKETCH_MINHASH_BYTES) == 1);
    CHECK_EQ_INT(sketch_equal_slots(other, other), 256);
    CHECK_EQ_INT(sketch_equal_slots(empty, other), 0);
    CHECK_EQ_INT(sketch_equal_slots(empty, empty), 0);
}

static void simhash_slowly(void) {
    prng random = {SEED + 2};
    static uint64_t hashes[SET_MAX];
    for (size_t count = 1; count < SET_MAX; count += 1 + count / 5) {
        uint64_t expected = 0;
        uint8_t sketch[SKETCH_BYTES];
        for (size_t i = 0; i < count; i++) {
            hashes[i] = prng_next(&random) | (uint64_t)1 << 40;
        }
        qsort(hashes, count, sizeof *hashes, ascending);
        for (unsigned bit = 0; bit < 64; bit++) {
            size_t ones = 0;
            for (size_t i = 0; i < count; i++) {
                ones += hashes[i] >> bit & 1;
            }
            expected |= (uint64_t)(ones > count - ones) << bit;
        }
        sketch_make((shingle_set){hashes, count}, sketch);
        if (!CHECK(load_u64(sketch + SKETCH_MINHASH_BYTES) == expected)) {
            test_note("seed %d, %zu hashes", SEED + 2, count);
        }
    }
}

/* Every processor's tally, added to what was there; more than a byte of a counter holds. */
static void tallies(void) {
    static const size_t counts[] = {0, 1, 2, 7, 8, 9, 254, 255, 256, 510, 511, 2000};
    static uint64_t hashes[2000];
    const sketch_loops *const *all;
    size_t kinds = sketch_loops_all(&all);
    prng random = {SEED + 4};
    for (size_t i = 0; i < sizeof hashes / sizeof *hashes; i++) {
        hashes[i] = prng_next(&random) | (uint64_t)1 << 63 | 1;
    }
    CHECK(kinds > 0 && strcmp(all[0]->name, "portable") == 0);
    for (size_t kind = 0; kind < kinds; kind++) {
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
            uint32_t totals[64], wrong = 0;
            for (unsigned bit = 0; bit < 64; bit++) {
                totals[bit] = bit;
            }
            all[kind]->add(hashes, counts[c], totals);
            for (unsigned bit = 0; bit < 64; bit++) {
                uint32_t expected = bit;
                for (size_t i = 0; i < counts[c]; i++) {
                    expected += hashes[i] >> bit & 1;
                }
                wrong += totals[bit] != expected;
            }
            if (!CHECK_EQ_INT(wrong, 0)) {
                test_note("%s, %zu hashes", all[kind]->name, counts[c]);
            }
        }
    }
}

/* A slot's value as sketch.c draws it: the least hash of the slot, or of the first that the probes
   find. */
static unsigned slot_slowly(const uint64_t *hashes, size_t count, unsigned slot) {
    uint64_t wanted = slot, least = 0, mix = 0;
    for (uint64_t probe = 0;; probe++) {
        bool found = false;
        for (size_t i = 0; i < count; i++) {
            if (hashes[i] >> 56 == wanted && (!found || hashes[i] < least)) {
                least = hashes[i];
                found = true;
            }
        }
        if (found) {
            return (unsigned)(hash_mix64(least + slot * 0x9e3779b97f4a7c15u) >> 60);
        }
        mix = probe % 8 ? mix >> 8 : hash_mix64((probe / 8 * 256 + slot + 1) * 0x9e3779b97f4a7c15u);
        wanted = mix & 255;
    }
}

/* Every processor's MinHash; hashes at the ends of their slots too, and slots that are not met. */
static void minhash_slowly(void) {
    static const size_t counts[] = {1, 2, 3, 10, 100, 256, 600, 2000};
    static uint64_t hashes[2000];
    const sketch_loops *const *all;
    size_t kinds = sketch_loops_all(&all);
    prng random = {SEED + 5};
    for (size_t c = 0; c < 2 * sizeof counts / sizeof *counts; c++) {
        size_t count = counts[c / 2];
        unsigned expected[256];
        for (size_t i = 0; i < count; i++) {
            hashes[i] = prng_next(&random);
            if (c % 2) {
                uint64_t end = prng_below(&random, 2) ? ~(uint64_t)0 >> 8 : 0;
                hashes[i] = hashes[i] >> 56 << 56 | end;
            }
        }
        for (unsigned slot = 0; slot < 256; slot++) {
            expected[slot] = slot_slowly(hashes, count, slot);
        }
        for (size_t kind = 0; kind < kinds; kind++) {
            uint8_t bytes[SKETCH_MINHASH_BYTES];
            size_t wrong = 0;
            all[kind]->minhash(hashes, count, bytes);
            for (unsigned slot = 0; slot < 256; slot++) {
                wrong += (bytes[slot / 2] >> slot % 2 * 4 & 15u) != expected[slot];
            }
            if (!CHECK_EQ_INT(wrong, 0)) {
                test_note("%s, %zu hashes", all[kind]->name, count);
            }
        }
    }
}

static void simhash_likeness(void) {
    static pair p;
    prng random = {SEED + 3};
    double near_sum = 0, mid_sum = 0, far_sum = 0;
    for (int i = 0; i < 100; i++) {
        make_pair(&random, 580, 20, 20, &p);
        near_sum += bits_apart(p.sketch_a, p.sketch_b) / 100.0;
        make_pair(&random, 400, 200, 200, &p);
        mid_sum += bits_apart(p.sketch_a, p.sketch_b) / 100.0;
        make_pair(&random, 0, 600, 600, &p);
        far_sum += bits_apart(p.sketch_a, p.sketch_b) / 100.0;
    }
    CHECK(near_sum < 8);
    CHECK(mid_sum > near_sum + 5 && mid_sum < far_sum - 5);
    CHECK_NEAR(far_sum, 32, 3);
}

static void estimates(void) {
    CHECK_NEAR(sketch_estimate(0), 0, 0);
    CHECK_NEAR(sketch_estimate(16), 0, 0);
    CHECK_NEAR(sketch_estimate(17), 1.0 / 240, 1e-15);
    CHECK_NEAR(sketch_estimate(136), 0.5, 1e-15);
    CHECK_NEAR(sketch_estimate(256), 1, 0);
}

/* The format: another byte here is another format version. */
static void golden(void) {
    static const char *const list[] = {
        "keep", "one", "owner",   "for",   "each", "cache", "key", "and",   "drop", "it",  "when",
        "the",  "row", "changes", "naïve", "c++",  "keep",  "one", "owner", "for",  "each"};
    enum { COUNT = sizeof list / sizeof *list };
    uint64_t words[COUNT];
    arena memory = {0};
    shingle_set set;
    uint8_t sketch[SKETCH_BYTES];
    char hex[2 * SKETCH_BYTES + 1];
    for (size_t i = 0; i < COUNT; i++) {
        words[i] = sketch_word(str_from(list[i]));
    }
    if (!CHECK_EQ_INT(sketch_shingles(words, COUNT, &memory, &set, NULL), ANP_OK)) {
        return;
    }
    CHECK_EQ_INT(set.count, COUNT - 2 - 3);
    sketch_make(set, sketch);
    for (size_t i = 0; i < SKETCH_BYTES; i++) {
        static const char digits[] = "0123456789abcdef";
        hex[2 * i] = digits[sketch[i] >> 4];
        hex[2 * i + 1] = digits[sketch[i] & 15];
    }
    hex[2 * SKETCH_BYTES] = 0;
    CHECK_EQ_STR(hex, "d77cb90f5e4426ee3039f4ffa620ea9a12b47dbb3a78ae58cd4d891cc98bba42"
                      "5cc4e88fcedec7e8ab2bf1b3c5d612203975d7cb72c72be4c2294fc7699b330f"
                      "8528c129af1fc46cece61d05073d1a93ece08ce1b24adaa747cf033c291bc596"
                      "3d1bae62f8ce5aae4d41daf3f069836ec4be00c351df22927defbdfb5c621c8b"
                      "2aa8082bb22463c0");
    arena_free(&memory);
}

/* The same where many shingles share a slot; the sketch's hash stands for its bytes. */
static void golden_large(void) {
    enum { COUNT = 3000 };
    static char texts[COUNT][8];
    static uint64_t words[COUNT];
    arena memory = {0};
    shingle_set set;
    uint8_t sketch[SKETCH_BYTES];
    for (unsigned i = 0; i < COUNT; i++) {
        size_t len = (size_t)snprintf(texts[i], sizeof texts[i], "w%u", i * i % 997);
        words[i] = sketch_word(str_make(texts[i], len));
    }
    if (!CHECK_EQ_INT(sketch_shingles(words, COUNT, &memory, &set, NULL), ANP_OK)) {
        return;
    }
    CHECK_EQ_INT(set.count, 997);
    sketch_make(set, sketch);
    CHECK_EQ_INT(hash64(sketch, sizeof sketch), -5414536427485144328);
    arena_free(&memory);
}

void test_sketch_sketch(void) {
    CASE("estimates of large sets");
    large_sets();
    CASE("estimates of sets of 1 to 300");
    small_sets();
    CASE("one shingle fills all slots");
    every_donor();
    CASE("the empty set");
    empty_set();
    CASE("SimHash equals its definition");
    simhash_slowly();
    CASE("tallies of every processor");
    tallies();
    CASE("MinHash, slowly");
    minhash_slowly();
    CASE("SimHash is nearer for nearer sets");
    simhash_likeness();
    CASE("estimate of equal slots");
    estimates();
    CASE("golden sketch");
    golden();
    CASE("golden sketch of 997 shingles");
    golden_large();
}
