/* Shingles against an obvious twin, and exact Jaccard. */
#include "base/arena.h"
#include "base/hash.h"
#include "base/prng.h"
#include "sketch/sketch.h"
#include "test.h"

#include <stdlib.h>

enum { WORDS_MAX = 700, SEED = 77001 };

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* One shingle at a time, its bytes put together anew. */
static size_t shingle_slowly(const str *words, size_t count, uint64_t *hashes) {
    size_t made = 0, kept = 0;
    for (size_t i = 0; i + 3 <= count; i++) {
        uint64_t of_words[3];
        for (size_t j = 0; j < 3; j++) {
            of_words[j] = hash64(words[i + j].data, words[i + j].len);
        }
        hashes[made++] = hash64(of_words, sizeof of_words);
    }
    qsort(hashes, made, sizeof *hashes, ascending);
    for (size_t i = 0; i < made; i++) {
        if (i == 0 || hashes[i] != hashes[i - 1]) {
            hashes[kept++] = hashes[i];
        }
    }
    return kept;
}

/* Few distinct words, so that shingles repeat; some of them empty or long. */
static void make_words(prng *random, arena *memory, str *words, size_t count) {
    uint32_t distinct = 1 + prng_below(random, 12);
    for (size_t i = 0; i < count; i++) {
        uint32_t word = prng_below(random, distinct);
        size_t len = word == 3 ? 0 : word == 5 ? 255 : 1 + word;
        char *bytes = arena_alloc(memory, len + 1);
        memset(bytes, (int)('a' + word), len);
        words[i] = str_make(bytes, len);
    }
}

static void hash_words(const str *words, size_t count, uint64_t *hashes) {
    for (size_t i = 0; i < count; i++) {
        hashes[i] = sketch_word(words[i]);
    }
}

/* Sets, and the sketch that is made without a set. */
static void random_texts(void) {
    static str words[WORDS_MAX];
    static uint64_t expected[WORDS_MAX], hashes[WORDS_MAX];
    sketch_scratch scratch = {0};
    prng random = {SEED};
    for (size_t round = 0; round < 300; round++) {
        arena memory = {0};
        size_t count = round < 20 ? round : prng_below(&random, WORDS_MAX);
        make_words(&random, &memory, words, count);
        shingle_set set;
        anp_error err = ANP_ERROR_INIT;
        uint8_t of_set[SKETCH_BYTES], of_words[SKETCH_BYTES];
        hash_words(words, count, hashes);
        CHECK_EQ_INT(sketch_shingles(hashes, count, &memory, &set, &err), ANP_OK);
        sketch_make(set, of_set);
        CHECK_EQ_INT(sketch_of_words(hashes, count, &scratch, of_words, &err), ANP_OK);
        CHECK(memcmp(of_set, of_words, SKETCH_BYTES) == 0);
        size_t kept = shingle_slowly(words, count, expected);
        if (!CHECK_EQ_INT(set.count, kept) ||
            !CHECK(kept == 0 || memcmp(set.hashes, expected, kept * sizeof *expected) == 0)) {
            test_note("seed %d, round %zu, %zu words", SEED, round, count);
        }
        arena_free(&memory);
    }
    sketch_scratch_free(&scratch);
}

/* More than a sparse table is made for, in a ring: each shingle but two stands twice. */
static void many_words(void) {
    enum { COUNT = 5000 };
    static uint64_t hashes[2 * COUNT];
    sketch_scratch scratch = {0};
    arena memory = {0};
    shingle_set set;
    uint8_t of_set[SKETCH_BYTES], of_words[SKETCH_BYTES];
    prng random = {SEED + 2};
    for (size_t i = 0; i < COUNT; i++) {
        hashes[i] = hashes[COUNT + i] = prng_next(&random);
    }
    CHECK_EQ_INT(sketch_shingles(hashes, 2 * COUNT, &memory, &set, NULL), ANP_OK);
    CHECK_EQ_INT(set.count, COUNT);
    sketch_make(set, of_set);
    CHECK_EQ_INT(sketch_of_words(hashes, 2 * COUNT, &scratch, of_words, NULL), ANP_OK);
    CHECK_EQ_INT(scratch.count, COUNT);
    CHECK(memcmp(of_set, of_words, SKETCH_BYTES) == 0);
    sketch_scratch_free(&scratch);
    arena_free(&memory);
}

static shingle_set shingles_of(arena *memory, const char *const *texts, size_t count) {
    uint64_t words[16];
    shingle_set set = {NULL, 0};
    for (size_t i = 0; i < count; i++) {
        words[i] = sketch_word(str_from(texts[i]));
    }
    CHECK_EQ_INT(sketch_shingles(words, count, memory, &set, NULL), ANP_OK);
    return set;
}

static void word_borders(void) {
    arena memory = {0};
    const char *apart[] = {"ab", "c", "d"}, *shifted[] = {"a", "bc", "d"};
    const char *two[] = {"ab", "c"}, *loop[] = {"x", "x", "x", "x", "x"};
    shingle_set a = shingles_of(&memory, apart, 3), b = shingles_of(&memory, shifted, 3);
    CHECK_EQ_INT(a.count, 1);
    CHECK_EQ_INT(b.count, 1);
    CHECK(a.hashes[0] != b.hashes[0]);
    CHECK_EQ_INT(shingles_of(&memory, two, 2).count, 0);
    CHECK_EQ_INT(shingles_of(&memory, two, 0).count, 0);
    CHECK_EQ_INT(shingles_of(&memory, loop, 5).count, 1);
    arena_free(&memory);
}

/* Only the set stays in the arena. */
static void arena_use(void) {
    arena memory = {0};
    static uint64_t words[WORDS_MAX];
    for (size_t i = 0; i < WORDS_MAX; i++) {
        words[i] = sketch_word(STR("word"));
    }
    shingle_set set;
    CHECK(arena_alloc(&memory, 600000) != NULL); /* the next block would hold all the scratch too */
    CHECK_EQ_INT(sketch_shingles(words, WORDS_MAX, &memory, &set, NULL), ANP_OK);
    char *next = arena_alloc(&memory, 16);
    CHECK(next == (char *)set.hashes + (WORDS_MAX - 2) * sizeof(uint64_t));
    arena_free(&memory);
}

static void jaccard(void) {
    uint64_t a[] = {1, 3, 5, 7}, b[] = {3, 4, 5, 9, UINT64_MAX}, c[] = {2, 8};
    shingle_set sa = {a, 4}, sb = {b, 5}, sc = {c, 2}, none = {NULL, 0};
    CHECK_NEAR(sketch_jaccard(sa, sb), 2.0 / 7.0, 0);
    CHECK_NEAR(sketch_jaccard(sb, sa), 2.0 / 7.0, 0);
    CHECK_NEAR(sketch_jaccard(sa, sa), 1, 0);
    CHECK_NEAR(sketch_jaccard(sa, sc), 0, 0);
    CHECK_NEAR(sketch_jaccard(sa, none), 0, 0);
    CHECK_NEAR(sketch_jaccard(none, none), 0, 0);
}

static void jaccard_random(void) {
    prng random = {SEED + 1};
    for (size_t round = 0; round < 200; round++) {
        uint64_t a[64], b[64];
        size_t counts[2] = {0, 0}, shared = 0, joined = 0;
        for (uint64_t x = 0; x < 64; x++) {
            bool in_a = prng_below(&random, 3) == 0, in_b = prng_below(&random, 2) == 0;
            if (in_a) {
                a[counts[0]++] = x;
            }
            if (in_b) {
                b[counts[1]++] = x;
            }
            shared += in_a && in_b;
            joined += in_a || in_b;
        }
        shingle_set sa = {a, counts[0]}, sb = {b, counts[1]};
        if (!CHECK_NEAR(sketch_jaccard(sa, sb), (double)shared / (double)joined, 0)) {
            test_note("seed %d, round %zu", SEED + 1, round);
        }
    }
}

void test_sketch_shingles(void) {
    CASE("random texts equal the twin");
    random_texts();
    CASE("many words");
    many_words();
    CASE("words keep their borders");
    word_borders();
    CASE("scratch is given back");
    arena_use();
    CASE("jaccard of known sets");
    jaccard();
    CASE("jaccard of random sets");
    jaccard_random();
}
