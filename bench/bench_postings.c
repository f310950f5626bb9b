/*
 * Posting lists: bytes a posting, building, decoding and looking up, by size class.
 *
 *     bench_postings [SECONDS]      about how long each figure is measured; default 0.2
 *
 * Ordinals lie at random in the window, tfs are 1 to 4 and mostly 1 (as in technical articles),
 * bounds are built too. Decoding is list_docs and list_tfs into arrays, in MB of decoded ordinals
 * (2 bytes) and tfs (4 bytes) and in ns a posting; a look-up is list_rank of a random ordinal and,
 * where it is found, list_tf. One core; the best of several runs is shown.
 */
#include "base/prng.h"
#include "postings/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { RUNS = 5, PROBES = 4096 };

static double seconds_each = 0.2;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct arrays {
    uint32_t count;
    uint16_t docs[LIST_DOCS];
    uint32_t tfs[LIST_DOCS];
    float impacts[LIST_DOCS];
    float blended[LIST_DOCS];
    uint16_t probes[PROBES];
} arrays;

static void make(prng *p, uint32_t count, arrays *out) {
    out->count = 0;
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low++) {
        if (prng_below(p, LIST_DOCS - low) < count - out->count) {
            uint32_t i = out->count++;
            out->docs[i] = (uint16_t)low;
            out->tfs[i] = 1 + prng_below(p, 1 + prng_below(p, 4));
            out->impacts[i] = (float)out->tfs[i] / ((float)out->tfs[i] + 1.2f);
            out->blended[i] = out->impacts[i] * (0.7f + 0.6f * (float)prng_unit(p));
        }
    }
    for (int i = 0; i < PROBES; i++) {
        out->probes[i] = (uint16_t)prng_next(p);
    }
}

/* What is timed: one pass over `state`, which returns a number so that it is not left out. */
typedef uint64_t (*work)(void *state);

/* The best seconds of one pass. */
static double measure(work pass, void *state) {
    double best = 1e9;
    uint64_t sum = 0;
    for (int run = 0; run < RUNS; run++) {
        double start = now(), end;
        size_t passes = 0;
        do {
            sum += pass(state);
            passes++;
            end = now();
        } while (end - start < seconds_each / (double)RUNS);
        double each = (end - start) / (double)passes;
        best = each < best ? each : best;
    }
    return sum == 1 ? 0 : best;
}

typedef struct bench {
    arrays from;
    buffer list;
    list_view view;
    uint16_t docs[LIST_DOCS];
    uint32_t tfs[LIST_DOCS];
} bench;

static uint64_t build(void *state) {
    bench *b = state;
    b->list.len = 0;
    list_build(&(list_input){b->from.count, b->from.docs, b->from.tfs, b->from.impacts,
                             b->from.blended, NULL, false}, &b->list);
    return b->list.len;
}

static uint64_t decode(void *state) {
    bench *b = state;
    list_docs(&b->view, b->docs);
    list_tfs(&b->view, b->tfs);
    return (uint64_t)b->docs[b->from.count / 2] + b->tfs[b->from.count / 2];
}

static uint64_t look_up(void *state) {
    bench *b = state;
    uint64_t sum = 0;
    for (int i = 0; i < PROBES; i++) {
        uint32_t rank = list_rank(&b->view, b->from.probes[i]);
        sum += rank == UINT32_MAX ? 0 : list_tf(&b->view, rank);
    }
    return sum;
}

static uint64_t validate(void *state) {
    const bench *b = state;
    return (uint64_t)list_validate(&b->view, NULL) + 2;
}

int main(int argc, char **argv) {
    static const uint32_t sizes[] = {1, 16, 64, 256, 1024, 2047, 2048, 8192, 30000, 65536};
    bench *b = calloc(1, sizeof *b);
    prng p = {1};
    seconds_each = argc > 1 ? atof(argv[1]) : seconds_each;
    if (!b) {
        fprintf(stderr, "bench_postings: out of memory for %zu bytes\n", sizeof *b);
        return 1;
    }
    printf("postings  bytes each  build ns each  decode MB/s  ns each  look-up ns"
           "  validate ns each\n");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        make(&p, sizes[i], &b->from);
        double count = sizes[i], building = measure(build, b);
        str value = str_make((const char *)b->list.data, b->list.len);
        if (b->list.failed || list_view_open(value, &b->view, NULL) != ANP_OK) {
            fprintf(stderr, "bench_postings: no list of %u postings\n", sizes[i]);
            return 1;
        }
        double decoding = measure(decode, b);
        printf("%8u  %10.2f  %13.1f  %11.0f  %7.2f  %10.1f  %16.1f\n", sizes[i],
               (double)b->list.len / count, building / count * 1e9, count * 6 / decoding / 1e6,
               decoding / count * 1e9, measure(look_up, b) / (double)PROBES * 1e9,
               measure(validate, b) / count * 1e9);
    }
    buffer_free(&b->list);
    free(b);
    return 0;
}
