/*
 * Sketches: signing MB/s and posts/s, and sketches scanned a second by each kernel.
 *
 *     bench_sketch [POSTS]      default 100000: 14 MB of sketches; 1 M do not fit any cache
 *
 * Words are drawn with a few frequent ones and many rare ones, 600 a post, as in technical
 * articles. One core; the best of several runs is shown.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/prng.h"
#include "sketch/sketch.h"

#include <stdio.h>
#include <time.h>

enum {
    POSTS_DEFAULT = 100000,
    POST_WORDS = 600,
    VOCABULARY = 1 << 15,
    RUNS = 7,
    SIGNED_MAX = 20000
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_vocabulary(prng *random, arena *memory, str *vocabulary) {
    for (size_t i = 0; i < VOCABULARY; i++) {
        size_t len = 2 + prng_below(random, 9);
        char *word = arena_alloc(memory, len);
        for (size_t j = 0; word && j < len; j++) {
            word[j] = (char)('a' + prng_below(random, 26));
        }
        vocabulary[i] = str_make(word, word ? len : 0);
    }
}

/*
 * Rank 2^x - 1 for a uniform x: about as often as Zipf's law has it. Returns the bytes, a space
 * each included.
 */
static size_t make_post(prng *random, const str *vocabulary, uint64_t *words) {
    size_t bytes = 0;
    for (size_t i = 0; i < POST_WORDS; i++) {
        uint32_t bits = prng_below(random, 16);
        uint32_t rank = (1u << bits) - 1 + prng_below(random, 1u << bits);
        words[i] = sketch_word(vocabulary[rank % VOCABULARY]);
        bytes += vocabulary[rank % VOCABULARY].len + 1;
    }
    return bytes;
}

/* A block that stays, so that the system's allocator is not what is timed. */
static arena_mark warm(arena *memory) {
    arena_mark empty = {NULL, 0};
    if (arena_alloc(memory, 1 << 19)) {
        empty = arena_save(memory);
        empty.fill = 0;
    }
    return empty;
}

/* Signs `posts` posts into sketches; only the signing is timed. */
static bool sign(const str *vocabulary, uint8_t *sketches, size_t posts) {
    static uint64_t words[POST_WORDS];
    prng random = {2};
    arena memory = {0};
    arena_mark empty = warm(&memory);
    double shingle_seconds = 0, sketch_seconds = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < posts; i++) {
        shingle_set set;
        bytes += make_post(&random, vocabulary, words);
        double start = now();
        if (sketch_shingles(words, POST_WORDS, &memory, &set, NULL) != ANP_OK) {
            return false;
        }
        double middle = now();
        sketch_make(set, sketches + i * SKETCH_BYTES);
        sketch_seconds += now() - middle;
        shingle_seconds += middle - start;
        arena_rewind(&memory, empty);
    }
    arena_free(&memory);
    double seconds = shingle_seconds + sketch_seconds;
    printf("sign      %8.0f MB/s  %9.0f posts/s  %zu posts of %d words, %.2f us shingles, %.2f us "
           "sketch\n",
           (double)bytes / seconds / 1e6, (double)posts / seconds, posts, POST_WORDS,
           shingle_seconds / (double)posts * 1e6, sketch_seconds / (double)posts * 1e6);
    return true;
}

static void scan(const sketch_kernel *kernel, const uint8_t *sketches, size_t count,
                 uint16_t *equal) {
    double best = 1e9;
    for (int run = 0; run < RUNS; run++) {
        double start = now();
        kernel->scan(sketches + (size_t)run * SKETCH_BYTES, sketches, count, equal);
        double seconds = now() - start;
        best = seconds < best ? seconds : best;
    }
    printf("%-9s %8.1f M sketches/s  %6.2f GB/s  %zu sketches in %.3f ms\n", kernel->name,
           (double)count / best / 1e6, (double)(count * SKETCH_BYTES) / best / 1e9, count,
           best * 1e3);
}

int main(int argc, char **argv) {
    size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : POSTS_DEFAULT;
    count = count < RUNS ? RUNS : count;
    size_t made = count < SIGNED_MAX ? count : SIGNED_MAX;
    arena memory = {0};
    prng random = {1};
    str *vocabulary = arena_array(&memory, str, VOCABULARY);
    uint8_t *sketches = malloc(count * SKETCH_BYTES);
    uint16_t *equal = malloc(count * sizeof *equal);
    if (!vocabulary || !sketches || !equal) {
        fprintf(stderr, "bench_sketch: out of memory for %zu sketches\n", count);
        return 1;
    }
    make_vocabulary(&random, &memory, vocabulary);
    if (!sign(vocabulary, sketches, made)) {
        return 1;
    }
    for (size_t i = made; i < count; i++) {
        memcpy(sketches + i * SKETCH_BYTES, sketches + (i - made) * SKETCH_BYTES, SKETCH_BYTES);
    }
    for (const sketch_kernel *kernel = sketch_kernels(); kernel->scan; kernel++) {
        scan(kernel, sketches, count, equal);
    }
    free(sketches);
    free(equal);
    arena_free(&memory);
    return 0;
}
