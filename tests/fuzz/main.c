/*
 * Runs fuzz targets: `anp-fuzz [NAME|all [ROUNDS [SEED]]]`.
 *
 * Each target runs in child processes, one for each processor, on inputs that are a pure function
 * of seed and round: one of the corpus (or an empty one), changed at random places by the means
 * below. When a child dies, the input it died of is written to a file, and `anp-fuzz NAME FILE`
 * runs that alone.
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
    JOBS_MAX = 8,
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

/* Every step-th round. */
static void run_rounds(const struct fuzz_entry *target, struct input *input, long from, long step,
                       long rounds, uint64_t seed) {
    for (long round = from; round < rounds; round += step) {
        state = seed * 0x100000001B3u + (uint64_t)round;
        input->size = 0;
        if (corpus_count) *input = *corpus[below((size_t)corpus_count)];
        for (size_t changes = below(CHANGES_MAX); changes > 0; changes--) change(input);
        run_once(target, input);
    }
}

/* What a child died of. */
static void keep_input(const struct fuzz_entry *target, const struct input *input, int status,
                       uint64_t seed) {
    char path[200];
    snprintf(path, sizeof path, "fuzz-%s.bin", target->name);
    FILE *file = fopen(path, "wb");
    if (file) {
        fwrite(input->bytes, 1, input->size, file);
        fclose(file);
    }
    fprintf(stderr, "FAILED %s: %s, seed %llu; run it again with: anp-fuzz %s %s\n", target->name,
            WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit status",
            (unsigned long long)seed, target->name, path);
}

static bool run_target(const struct fuzz_entry *target, long rounds, uint64_t seed) {
    struct input *inputs = mmap(NULL, JOBS_MAX * sizeof *inputs, PROT_READ | PROT_WRITE,
                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    long jobs = processors < 1 ? 1 : processors < JOBS_MAX ? processors : JOBS_MAX;
    pid_t children[JOBS_MAX];
    bool good = true;
    if (inputs == MAP_FAILED) return false;
    load_corpus(target->name);
    fflush(NULL);
    for (long job = 0; job < jobs; job++) {
        children[job] = fork();
        if (children[job] == 0) {
            run_rounds(target, &inputs[job], job, jobs, rounds, seed);
            exit(0);
        }
    }
    for (long job = 0; job < jobs; job++) {
        int status = 0;
        bool ended = children[job] > 0 && waitpid(children[job], &status, 0) == children[job];
        if (ended && status == 0) continue;
        keep_input(target, &inputs[job], status, seed);
        good = false;
    }
    munmap(inputs, JOBS_MAX * sizeof *inputs);
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
