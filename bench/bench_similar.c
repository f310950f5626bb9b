/*
 * Similar posts of an index, in process:
 *
 *     bench_similar INDEX [MEASURE [QUERIES]]      blend, text, about or jaccard; default 2000
 *
 * One JSON object: seconds to read the posts, one list's p50 and p99 and mean processor time (one
 * thread, posts read), work a list (postings walked, posts compared, searches that went over all
 * posts), the share of the ten with the same topic, and, for jaccard, the id-recall@10 of sketches
 * alone and with a re-rank of the best 10, 100 and 1,000: the share of what is returned that is as
 * near as the true tenth.
 */
#include "anpsearch.h"
#include "base/prng.h"
#include "index/index.h"
#include "post/post.h"
#include "similar/similar.h"
#include "sketch/sketch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { K = 10, QUERIES_DEFAULT = 2000, RECALL_QUERIES = 200, DEPTHS = 4 };

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double now(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int fail(const anp_error *err) {
    fprintf(stderr, "bench_similar: %s\n", err->message);
    return 1;
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* Posts are about the same set of terms but for their titles: the topic is told by the post. */
static str topic_of(snapshot *s, uint32_t docno, arena *memory) {
    str json;
    post_brief brief = {0};
    if (snapshot_post(s, docno, memory, &json, NULL) != ANP_OK ||
        post_brief_read(json, memory, &brief, NULL) != ANP_OK) {
        return STR("");
    }
    return brief.topic;
}

static bool run_lists(snapshot *s, const corpus *c, anp_measure measure, uint32_t queries) {
    yardstick y;
    finder *f;
    finder_options o = {.k = K};
    double *took = calloc(queries, sizeof *took);
    double processor = 0;
    uint64_t same = 0, listed = 0;
    arena memory = {0};
    prng p = {7};
    if (!took || yardstick_open(c, measure, NULL, &y, NULL) != ANP_OK ||
        finder_open(&y, &f, NULL) != ANP_OK) {
        return false;
    }
    for (uint32_t q = 0; q < queries; q++) {
        const neighbour *found;
        uint32_t count, number = prng_below(&p, c->count);
        double start = now(), spent = seconds_of(CLOCK_THREAD_CPUTIME_ID);
        if (finder_run_post(f, number, &o, &found, &count, NULL) != ANP_OK) {
            return false;
        }
        took[q] = now() - start;
        processor += seconds_of(CLOCK_THREAD_CPUTIME_ID) - spent;
        if (q % 8 == 0) {
            str topic = topic_of(s, c->docnos[number], &memory);
            for (uint32_t i = 0; i < count; i++) {
                same += str_equal(topic, topic_of(s, c->docnos[found[i].post], &memory));
            }
            listed += count;
        }
        arena_free(&memory);
    }
    finder_work work = finder_work_of(f);
    qsort(took, queries, sizeof *took, ascending);
    printf(",\"queries\":%u,\"p50_us\":%.1f,\"p99_us\":%.1f,\"cpu_us\":%.1f,\"postings\":%.0f,"
           "\"compared\":%.0f,"
           "\"swept\":%.3f,\"same_topic\":%.3f",
           queries, took[queries / 2] * 1e6, took[queries * 99ull / 100] * 1e6,
           processor / queries * 1e6,
           (double)work.postings / queries, (double)work.compared / queries,
           (double)work.swept / queries, listed ? (double)same / (double)listed : 0);
    finder_close(f);
    yardstick_close(&y);
    free(took);
    return true;
}

/* ---- Sketches ------------------------------------------------------------------------------ */

typedef struct guess {
    uint32_t post;
    double score;
} guess;

static int best_first(const void *a, const void *b) {
    const guess *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return (x->post > y->post) - (x->post < y->post);
}

static double jaccard(const family *t, uint32_t a, uint32_t b) {
    uint64_t both = 0, either = 0;
    size_t i = t->item_start[a], j = t->item_start[b];
    while (i < t->item_start[a + 1] || j < t->item_start[b + 1]) {
        uint32_t x = i < t->item_start[a + 1] ? t->item_classes[i] : UINT32_MAX;
        uint32_t y = j < t->item_start[b + 1] ? t->item_classes[j] : UINT32_MAX;
        either += t->members[x < y ? x : y];
        both += x == y ? t->members[x] : 0;
        i += x <= y;
        j += y <= x;
    }
    return either ? (double)both / (double)either : 0;
}

static uint8_t *read_sketches(snapshot *s, const corpus *c) {
    uint8_t *all = malloc((size_t)c->count * SKETCH_BYTES + 1);
    const uint8_t *together = NULL;
    for (uint32_t number = 0, first = 0, count = 0; all && number < c->count; number++) {
        uint32_t docno = c->docnos[number];
        if (docno - first >= count) {
            first = docno;
            if (snapshot_sketches(s, docno, &together, &count, NULL) != ANP_OK) {
                return NULL;
            }
        }
        memcpy(all + (size_t)number * SKETCH_BYTES,
               together + (size_t)(docno - first) * SKETCH_BYTES, SKETCH_BYTES);
    }
    return all;
}

static bool run_recall(snapshot *s, const corpus *c) {
    static const uint32_t depths[DEPTHS] = {0, 10, 100, 1000};
    uint8_t *sketches = read_sketches(s, c);
    uint16_t *equal = malloc((c->count + 1u) * sizeof *equal);
    guess *guesses = malloc((c->count + 1u) * sizeof *guesses);
    double *true_ones = malloc((c->count + 1u) * sizeof *true_ones);
    uint64_t near[DEPTHS] = {0}, all = 0;
    prng p = {11};
    if (!sketches || !equal || !guesses || !true_ones) {
        return false;
    }
    for (uint32_t q = 0; q < RECALL_QUERIES; q++) {
        uint32_t number = prng_below(&p, c->count), count = 0;
        sketch_scan(sketches + (size_t)number * SKETCH_BYTES, sketches, c->count, equal);
        for (uint32_t other = 0; other < c->count; other++) {
            if (other != number) {
                true_ones[count] = jaccard(&c->text, number, other);
                guesses[count++] = (guess){other, equal[other]};
            }
        }
        qsort(true_ones, count, sizeof *true_ones, ascending);
        double tenth = true_ones[count - K];
        qsort(guesses, count, sizeof *guesses, best_first);
        for (int d = 0; d < DEPTHS; d++) {
            for (uint32_t i = 0; i < depths[d]; i++) {
                guesses[i].score = jaccard(&c->text, number, guesses[i].post);
            }
            if (depths[d]) {
                qsort(guesses, depths[d], sizeof *guesses, best_first);
            }
            for (uint32_t i = 0; i < K; i++) {
                near[d] += jaccard(&c->text, number, guesses[i].post) >= tenth;
            }
        }
        all += K;
    }
    printf(",\"id_recall_sketch\":%.3f,\"rerank_10\":%.3f,\"rerank_100\":%.3f,\"rerank_1000\":%.3f",
           (double)near[0] / (double)all, (double)near[1] / (double)all,
           (double)near[2] / (double)all, (double)near[3] / (double)all);
    free(sketches);
    free(equal);
    free(guesses);
    free(true_ones);
    return true;
}

int main(int argc, char **argv) {
    static const char *const names[] = {"jaccard", "text", "about", "blend"};
    anp_error err = ANP_ERROR_INIT;
    anp_measure measure = ANP_MEASURE_BLEND;
    index_handle *index;
    snapshot *s;
    similar *m;
    if (argc < 2) {
        fprintf(stderr, "usage: bench_similar INDEX [MEASURE [QUERIES]]\n");
        return 2;
    }
    for (int i = 0; argc > 2 && i < 4; i++) {
        measure = strcmp(argv[2], names[i]) ? measure : (anp_measure)(ANP_MEASURE_JACCARD + i);
    }
    if (index_open(argv[1], ANP_OPEN_READ, NULL, &index, &err) != ANP_OK ||
        snapshot_open(index, &s, &err) != ANP_OK) {
        return fail(&err);
    }
    double start = now();
    corpus_options options = {.threads = 2};
    if (similar_open(s, &options, &m, &err) != ANP_OK) {
        return fail(&err);
    }
    double read = now() - start;
    const corpus *c = similar_corpus(m);
    printf("{\"bench\":\"similar\",\"posts\":%u,\"measure\":\"%s\",\"read_seconds\":%.3f,"
           "\"classes\":%u,\"classes_a_post\":%.1f,\"sets\":%u",
           c->count, names[measure - ANP_MEASURE_JACCARD], read, c->text.class_count,
           (double)c->text.item_start[c->count] / c->count, c->set_count);
    uint32_t queries = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : QUERIES_DEFAULT;
    bool good = c->count > K && queries > 0 && run_lists(s, c, measure, queries) &&
                (measure != ANP_MEASURE_JACCARD || c->count < 1000 || run_recall(s, c));
    printf("}\n");
    similar_close(m);
    snapshot_close(s);
    index_close(index);
    return good ? 0 : 1;
}
