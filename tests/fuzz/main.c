/*
 * Runs fuzz targets: `anp-fuzz [NAME|all [ROUNDS [SEED]]]`.
 *
 * Each target runs in a child process on inputs that are a pure function of seed and round: one of
 * the corpus (or an empty one), changed at random places by the means below. When the child dies,
 * the input it died of is written to a file, and `anp-fuzz NAME FILE` runs that alone.
 *
 * No coverage guides it (libFuzzer does not link with this compiler), so a corpus of good inputs is
 * what makes it reach deep.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    INPUT_BYTES_MAX = 1 << 16, /* larger ones find no more and take longer */
    CORPUS_MAX = 256,
    CHANGES_MAX = 16,
    ROUNDS_DEFAULT = 20000,
    ROUND_SECONDS_MAX = 20 /* an input that takes longer is a hang */
};

struct input {
    size_t size;
    uint8_t bytes[INPUT_BYTES_MAX];
};

static struct input *corpus[CORPUS_MAX];
static int corpus_count;
static uint64_t state; /* of the generator: splitmix64 */

static uint64_t next(void) {
    uint64_t z = (state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static size_t below(size_t limit) {
    return limit ? (size_t)(next() % limit) : 0;
}

static bool load(const char *path, struct input *input) {
    FILE *file = fopen(path, "rb");
    if (!file) return false;
    input->size = fread(input->bytes, 1, sizeof input->bytes, file);
    fclose(file);
    return true;
}

static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

static void load_corpus(const char *name) {
    char folder[256], path[600];
    struct dirent **entries;
    snprintf(folder, sizeof folder, "tests/fuzz/corpus/%s", name);
    for (; corpus_count > 0; corpus_count--) free(corpus[corpus_count - 1]);
    int count = scandir(folder, &entries, NULL, by_name);
    for (int i = 0; i < count; i++) {
        struct input *input = malloc(sizeof *input);
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        bool taken = input && corpus_count < CORPUS_MAX && entries[i]->d_name[0] != '.';
        if (taken && load(path, input)) corpus[corpus_count++] = input;
        else free(input);
        free(entries[i]);
    }
    if (count >= 0) free(entries);
}

/* One change: a bit, a byte, an extreme number, a piece doubled, moved from another, or cut out. */
static void change(struct input *input) {
    static const uint64_t extremes[] = {0,          1,          0x7F,       0x80, 0xFF, 0x7FFF,
                                        0xFFFF,     0x7FFFFFFF, 0xFFFFFFFF, 1u << 31,
                                        UINT64_MAX, UINT64_MAX / 2};
    size_t at = below(input->size), room = INPUT_BYTES_MAX - input->size;
    size_t length = 1 + below(1u << below(10));
    uint8_t piece[1024];
    const struct input *other = corpus_count ? corpus[below((size_t)corpus_count)] : input;
    uint64_t number = extremes[below(sizeof extremes / sizeof extremes[0])];
    switch (below(6)) {
    case 0:
        if (input->size) input->bytes[at] ^= (uint8_t)(1u << below(8));
        break;
    case 1:
        if (input->size) input->bytes[at] = (uint8_t)next();
        break;
    case 2:
        length = (size_t)1 << below(4);
        if (at + length <= input->size) memcpy(input->bytes + at, &number, length);
        break;
    case 3: { /* a piece of this or another input comes in between */
        size_t from = below(other->size);
        if (length > other->size - from) length = other->size - from;
        if (length > room) length = room;
        memcpy(piece, other->bytes + from, length);
        memmove(input->bytes + at + length, input->bytes + at, input->size - at);
        memcpy(input->bytes + at, piece, length);
        input->size += length;
        break;
    }
    case 4: /* a piece goes */
        if (length > input->size - at) length = input->size - at;
        memmove(input->bytes + at, input->bytes + at + length, input->size - at - length);
        input->size -= length;
        break;
    default: /* random bytes come at the end */
        for (; length > 0 && input->size < INPUT_BYTES_MAX; length--)
            input->bytes[input->size++] = (uint8_t)next();
    }
}

/* The input is copied to memory of its exact size, so that a sanitizer sees a read behind it. */
static void run_once(const struct fuzz_entry *target, const struct input *input) {
    uint8_t *exact = malloc(input->size ? input->size : 1);
    if (!exact) abort();
    memcpy(exact, input->bytes, input->size);
    alarm(ROUND_SECONDS_MAX);
    target->run(exact, input->size);
    free(exact);
}

static bool run_target(const struct fuzz_entry *target, long rounds, uint64_t seed) {
    struct input *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int status = 0;
    if (shared == MAP_FAILED) return false;
    load_corpus(target->name);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        for (long round = 0; round < rounds; round++) {
            state = seed * 0x100000001B3u + (uint64_t)round;
            shared->size = 0;
            if (corpus_count) *shared = *corpus[below((size_t)corpus_count)];
            for (size_t changes = below(CHANGES_MAX); changes > 0; changes--) change(shared);
            run_once(target, shared);
        }
        exit(0);
    }
    bool good = child > 0 && waitpid(child, &status, 0) == child && status == 0;
    if (!good) {
        char path[200];
        snprintf(path, sizeof path, "fuzz-%s.bin", target->name);
        FILE *file = fopen(path, "wb");
        if (file) {
            fwrite(shared->bytes, 1, shared->size, file);
            fclose(file);
        }
        fprintf(stderr, "FAILED %s: %s, seed %llu; run it again with: anp-fuzz %s %s\n",
                target->name, WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit status",
                (unsigned long long)seed, target->name, path);
    }
    munmap(shared, sizeof *shared);
    return good;
}

int main(int argc, char **argv) {
    static struct input one;
    long passed = 0, failed = 0, rounds = argc > 2 ? atol(argv[2]) : ROUNDS_DEFAULT;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    for (const struct fuzz_entry *target = fuzz_list; target->name; target++) {
        bool all = argc < 2 || strcmp(argv[1], "all") == 0;
        if (!all && strcmp(argv[1], target->name) != 0) continue;
        if (argc == 3 && rounds == 0 && load(argv[2], &one)) {
            run_once(target, &one);
            passed++;
            continue;
        }
        bool good = run_target(target, rounds, seed);
        printf("%s: %ld rounds from seed %llu, %d in the corpus: %s\n", target->name, rounds,
               (unsigned long long)seed, corpus_count, good ? "passed" : "FAILED");
        passed += good;
        failed += !good;
    }
    if (passed + failed == 0) fprintf(stderr, "no fuzz target of that name\n");
    printf("%ld passed, %ld failed, 0 skipped\n", passed, failed);
    return failed > 0 || passed == 0;
}
