/*
 * Sketches: signing MB/s and posts/s, and sketches scanned a second by each kernel.
 *
 *     bench_sketch [POSTS]            default 100000: 14 MB of sketches; 1 M do not fit any cache
 *     bench_sketch --from DOCS.jsonl  signing real posts from JSON Lines, by 1 thread and by 2
 *
 * Words are drawn with a few frequent ones and many rare ones, 600 a post, as in technical
 * articles. One core; the best of several runs is shown.
 *
 * --from reads the file into memory first; timed is all from its bytes to 136 bytes a post: JSON,
 * words, shingles, sketch, by the functions that the index calls where it needs no terms
 * (index/reader.c). MB are of the file. The median of the runs and the best one are shown.
 */
#include "base/arena.h"
#include "base/bytes.h"
#include "base/prng.h"
#include "sketch/sketch.h"

#include "post/lines.h"
#include "post/post.h"
#include "text/lexicon.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
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

/* ---- From JSON Lines ----------------------------------------------------------------------- */

enum { THREADS_MAX = 2, LINES_AT_ONCE = 64 };

typedef struct signing {
    const str *lines;
    size_t count;
    uint8_t *sketches;
    atomic_size_t next;
    atomic_size_t refused;
} signing;

typedef struct signer {
    analyzer *analyzer;
    lexicon *lexicon;
    lexicon_text words;
    sketch_scratch scratch;
    arena memory;
} signer;

static bool sign_line(signer *w, str line, uint8_t *sketch) {
    post article;
    arena_rewind(&w->memory, (arena_mark){w->memory.head, 0});
    if (lexicon_full(w->lexicon)) {
        lexicon_clear(w->lexicon);
    }
    return post_from_json_bare(line, &w->memory, &article, NULL) == ANP_OK &&
           lexicon_read(w->lexicon, article.body, &w->words, NULL) == ANP_OK &&
           sketch_of_words(w->words.hashes, w->words.count, &w->scratch, sketch, NULL) == ANP_OK;
}

static void *sign_lines(void *user) {
    signing *s = user;
    signer w = {0};
    if (analyzer_open(ANP_ANALYZER_TECHNICAL, "english", &w.analyzer, NULL) == ANP_OK) {
        w.lexicon = lexicon_open(w.analyzer, LEXICON_HASHES);
    }
    for (size_t at; (at = atomic_fetch_add(&s->next, LINES_AT_ONCE)) < s->count;) {
        for (size_t i = at; i < at + LINES_AT_ONCE && i < s->count; i++) {
            bool held = w.lexicon && sign_line(&w, s->lines[i], s->sketches + i * SKETCH_BYTES);
            atomic_fetch_add(&s->refused, !held);
        }
    }
    lexicon_close(w.lexicon);
    analyzer_close(w.analyzer);
    lexicon_text_free(&w.words);
    sketch_scratch_free(&w.scratch);
    arena_free(&w.memory);
    return NULL;
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sign_by(signing *s, int threads, double bytes) {
    double seconds[RUNS];
    for (int run = 0; run < RUNS; run++) {
        pthread_t ids[THREADS_MAX];
        int started = 0;
        double start = now();
        s->next = 0;
        s->refused = 0;
        while (started < threads && pthread_create(&ids[started], NULL, sign_lines, s) == 0) {
            started++;
        }
        for (int i = 0; i < started; i++) {
            pthread_join(ids[i], NULL);
        }
        seconds[run] = now() - start;
    }
    qsort(seconds, RUNS, sizeof *seconds, ascending);
    printf("sign from JSON Lines, %d thread%s: %.0f MB/s (best %.0f)  %.0f posts/s  %zu posts, %zu "
           "refused\n",
           threads, threads == 1 ? "" : "s", bytes / seconds[RUNS / 2] / 1e6,
           bytes / seconds[0] / 1e6, (double)s->count / seconds[RUNS / 2], s->count,
           (size_t)s->refused);
}

static bool read_whole(const char *path, str *out) {
    FILE *file = fopen(path, "rb");
    char *bytes = NULL;
    long len = -1;
    if (file && fseek(file, 0, SEEK_END) == 0 && (len = ftell(file)) > 0) {
        rewind(file);
        bytes = malloc((size_t)len);
    }
    bool held = bytes && fread(bytes, 1, (size_t)len, file) == (size_t)len;
    if (file) {
        fclose(file);
    }
    *out = str_make(bytes, held ? (size_t)len : 0);
    return held;
}

static int sign_file(const char *path) {
    str text, line;
    VEC(str) found = {0};
    if (!read_whole(path, &text)) {
        fprintf(stderr, "bench_sketch: cannot read %s\n", path);
        return 1;
    }
    for (lines l = {.rest = text}; lines_next(&l, &line);) {
        if (!vec_push(&found, line)) {
            return 1;
        }
    }
    signing s = {.lines = found.items, .count = found.count,
                 .sketches = malloc(found.count * SKETCH_BYTES)};
    for (int threads = 1; s.sketches && threads <= THREADS_MAX; threads++) {
        sign_by(&s, threads, (double)text.len);
    }
    free(s.sketches);
    free(found.items);
    free((char *)text.data);
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--from") == 0) {
        return sign_file(argv[2]);
    }
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
