/*
 * Similar posts by sketch through the public API, against Jaccard of exact shingles computed here.
 *
 * Words are `a` and five letters that spell their number, which no analyzer changes, so that a
 * shingle is three numbers of 16 bits and needs no hash.
 */
#include "anpsearch.h"
#include "base/prng.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_WORDS_MAX = 260, SHOWN_MAX = 160 };

/* The lists that are chosen by sketch. */
static const anp_similar_options by_sketch = {.size = sizeof by_sketch,
                                              .measure = ANP_MEASURE_JACCARD};

typedef struct article {
    bool live;
    uint16_t words[BODY_WORDS_MAX];
    uint32_t word_count;
    uint64_t shingles[BODY_WORDS_MAX]; /* ascending, distinct */
    uint32_t shingle_count;
} article;

typedef struct hit {
    uint32_t post;
    double similarity;
} hit;

static size_t put_word(char *at, uint32_t number) {
    at[0] = 'a';
    for (int i = 5; i > 0; i--, number /= 16) {
        at[i] = (char)("bcdfghjklmnpqrtv"[number % 16]);
    }
    return 6;
}

static size_t put_body(char *at, const article *a) {
    size_t len = 0;
    for (uint32_t i = 0; i < a->word_count; i++) {
        if (i) {
            at[len++] = ' ';
        }
        len += put_word(at + len, a->words[i]);
    }
    at[len] = 0;
    return len;
}

/* ---- The slow and obvious twin ------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void find_shingles(article *a) {
    uint32_t all = a->word_count < 3 ? 0 : a->word_count - 2;
    a->shingle_count = 0;
    for (uint32_t i = 0; i < all; i++) {
        const uint16_t *w = a->words + i;
        a->shingles[i] = (uint64_t)w[0] << 32 | (uint64_t)w[1] << 16 | w[2];
    }
    qsort(a->shingles, all, sizeof *a->shingles, ascending);
    for (uint32_t i = 0; i < all; i++) {
        if (i == 0 || a->shingles[i] != a->shingles[i - 1]) {
            a->shingles[a->shingle_count++] = a->shingles[i];
        }
    }
}

static double jaccard(const article *a, const article *b) {
    uint32_t both = 0, i = 0, j = 0;
    while (i < a->shingle_count && j < b->shingle_count) {
        both += a->shingles[i] == b->shingles[j];
        uint64_t least = a->shingles[i] < b->shingles[j] ? a->shingles[i] : b->shingles[j];
        i += a->shingles[i] == least;
        j += j < b->shingle_count && b->shingles[j] == least;
    }
    uint32_t either = a->shingle_count + b->shingle_count - both;
    return either ? (double)both / either : 0;
}

static int by_similarity(const void *a, const void *b) {
    const hit *x = a, *y = b;
    if (x->similarity != y->similarity) {
        return x->similarity > y->similarity ? -1 : 1;
    }
    return (x->post > y->post) - (x->post < y->post);
}

/* Every live post but `self` at `least` or more, nearest first, ties to the earlier one. */
static uint32_t nearest(const article *posts, uint32_t count, const article *probe, uint32_t self,
                        double least, hit *out) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        double similarity = posts[i].live && i != self ? jaccard(probe, &posts[i]) : -1;
        if (similarity >= least) {
            out[found++] = (hit){i, similarity};
        }
    }
    if (found) {
        qsort(out, found, sizeof *out, by_similarity);
    }
    return found;
}

/* ---- Corpora ------------------------------------------------------------------------------- */

/* A pool of sentences; a post takes some, changes a word now and then: ties and likeness abound. */
static void draw(prng *p, uint32_t sentences, uint32_t most, article *out) {
    uint32_t take = prng_below(p, 12) ? prng_below(p, most + 1) : 0;
    out->live = true;
    out->word_count = 0;
    for (uint32_t i = 0; i < take; i++) {
        uint32_t sentence = prng_below(p, sentences), len = 6 + sentence % 7;
        for (uint32_t w = 0; w < len && out->word_count < BODY_WORDS_MAX; w++) {
            uint32_t word = (sentence * 31 + w * 7) % 60000;
            out->words[out->word_count++] =
                (uint16_t)(prng_below(p, 60) ? word : 60000 + prng_below(p, 5000));
        }
    }
    out->word_count -= out->word_count && prng_below(p, 20) == 0;
    find_shingles(out);
}

static anp_status add(anp_writer *w, uint32_t i, const article *a) {
    static char json[BODY_WORDS_MAX * 8 + 200];
    anp_error err = ANP_ERROR_INIT;
    size_t len = (size_t)sprintf(json, "{\"id\":\"p%u\",\"title\":\"Post %u\",\"body\":\"", i, i);
    len += put_body(json + len, a);
    len += (size_t)sprintf(json + len, "\"}");
    anp_status status = anp_writer_add(w, json, len, &err);
    if (status != ANP_OK) {
        test_note("%s", err.message);
    }
    return status;
}

typedef struct corpus {
    article *posts; /* by ordinal: also those that were replaced, which are not live */
    uint32_t count;
    anp_index *index;
    anp_snapshot *snapshot;
} corpus;

static anp_index *open_index(const char *name) {
    char path[300];
    anp_index *index = NULL;
    snprintf(path, sizeof path, "%s/%s.db", test_folder(), name);
    CHECK_EQ_INT(anp_index_open(path, ANP_OPEN_CREATE, NULL, &index, NULL), ANP_OK);
    return index;
}

/* `count` posts in several batches; where asked for, one in six of them is deleted again. */
static bool build(corpus *c, prng *p, const char *name, uint32_t count, uint32_t sentences,
                  uint32_t most, bool deletes) {
    char id[20];
    anp_writer *w = NULL;
    *c = (corpus){calloc(count, sizeof *c->posts), count, open_index(name), NULL};
    bool good = CHECK_EQ_INT(anp_writer_open(c->index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < count && good; i++) {
        draw(p, sentences, most, &c->posts[i]);
        good = CHECK_EQ_INT(add(w, i, &c->posts[i]), ANP_OK);
        if (prng_below(p, 40) == 0) {
            good = CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK) && good;
        }
        uint32_t dead = prng_below(p, i + 1);
        if (deletes && prng_below(p, 6) == 0 && c->posts[dead].live) {
            snprintf(id, sizeof id, "p%u", dead);
            good = CHECK_EQ_INT(anp_writer_delete(w, id, NULL), ANP_OK) && good;
            c->posts[dead].live = false;
        }
    }
    good = good && CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    return good && CHECK_EQ_INT(anp_snapshot_open(c->index, &c->snapshot, NULL), ANP_OK);
}

static void discard(corpus *c) {
    anp_snapshot_close(c->snapshot);
    anp_index_close(c->index);
    free(c->posts);
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static bool check_results(const anp_results *r, const hit *want, uint32_t count) {
    bool good =
        CHECK_EQ_INT(anp_results_count(r), count) && CHECK_EQ_INT(anp_results_total(r), count);
    for (uint32_t i = 0; i < count && good; i++) {
        anp_hit have = anp_results_hit(r, i);
        char id[20], title[30];
        snprintf(id, sizeof id, "p%u", want[i].post);
        snprintf(title, sizeof title, "Post %u", want[i].post);
        good = CHECK_EQ_STR(have.id, id) && CHECK_EQ_STR(have.title, title) &&
               CHECK_EQ_INT(have.rank, i + 1) && CHECK_NEAR(have.similarity, want[i].similarity, 0);
    }
    return good;
}

static bool check_probe(const corpus *c, const article *probe, uint32_t self,
                        const anp_similar_options *options) {
    static hit want[SHOWN_MAX];
    char text[BODY_WORDS_MAX * 8], id[20];
    anp_error err = ANP_ERROR_INIT;
    anp_results *r = NULL;
    double least = options ? options->similarity_min : 0;
    uint32_t k = options && options->k ? options->k : 10;
    uint32_t count = nearest(c->posts, c->count, probe, self, least, want);
    snprintf(id, sizeof id, "p%u", self);
    size_t len = put_body(text, probe);
    anp_status status = self < c->count
                            ? anp_similar(c->snapshot, id, options, &r, &err)
                            : anp_similar_text(c->snapshot, text, len, options, &r, &err);
    bool good = CHECK_EQ_INT(status, ANP_OK) && check_results(r, want, count < k ? count : k);
    if (!good) {
        test_note("probe %s, k %u, least %g: %s", self < c->count ? id : "draft", k, least,
                  err.message);
    }
    anp_results_free(r);
    return good;
}

/* At most 100 live posts: every one is looked at, and the list is brute force's. */
static void small_corpus(uint64_t seed) {
    static const double leasts[] = {0, 0.02, 0.3, 1};
    prng p = {seed};
    corpus c;
    char name[40];
    snprintf(name, sizeof name, "small-%d", (int)seed);
    uint32_t count = seed == 1 ? 1 : 10 + prng_below(&p, 90);
    bool good = build(&c, &p, name, count, 4 + prng_below(&p, 60), 8, seed % 2 == 0);
    for (uint32_t i = 0; i < c.count && good; i++) {
        anp_similar_options options = ANP_SIMILAR_OPTIONS_INIT;
        options.k = prng_below(&p, 120);
        options.similarity_min = leasts[prng_below(&p, 4)];
        options.measure = ANP_MEASURE_JACCARD;
        article draft;
        draw(&p, 60, 8, &draft);
        good = check_probe(&c, &draft, UINT32_MAX, prng_below(&p, 2) ? &options : &by_sketch);
        if (c.posts[i].live) {
            good = check_probe(&c, &c.posts[i], i, &options) &&
                   check_probe(&c, &c.posts[i], i, &by_sketch) && good;
        }
        if (!good) {
            test_note("seed %llu", (unsigned long long)seed);
        }
    }
    discard(&c);
}

/* ---- All posts at once --------------------------------------------------------------------- */

typedef struct all_walk {
    const corpus *c;
    uint32_t next;
    uint32_t stop_at; /* visits */
    uint32_t visits;
} all_walk;

/* The JSON of a single list, its time taken out: what --all writes. */
static bool same_json(anp_results *of_all, anp_results *single) {
    char text[20000];
    const char *json = anp_results_json(single), *took = strstr(json, ",\"took_us\":");
    if (!CHECK(took != NULL)) {
        return false;
    }
    const char *rest = took + strlen(",\"took_us\":");
    rest += strspn(rest, "0123456789");
    snprintf(text, sizeof text, "%.*s%s", (int)(took - json), json, rest);
    return CHECK_EQ_STR(anp_results_json(of_all), text);
}

static bool visit(void *user, anp_results *results) {
    all_walk *walk = user;
    const corpus *c = walk->c;
    anp_results *single = NULL;
    char id[20];
    while (walk->next < c->count && !c->posts[walk->next].live) {
        walk->next++;
    }
    snprintf(id, sizeof id, "p%u", walk->next++);
    if (CHECK_EQ_INT(anp_similar(c->snapshot, id, &by_sketch, &single, NULL), ANP_OK)) {
        same_json(results, single);
        anp_results_free(single);
    }
    return ++walk->visits < walk->stop_at;
}

static void all_posts(void) {
    prng p = {77};
    corpus c;
    if (build(&c, &p, "all", 90, 30, 8, true)) {
        uint32_t live = 0;
        for (uint32_t i = 0; i < c.count; i++) {
            live += c.posts[i].live;
        }
        all_walk walk = {&c, 0, UINT32_MAX, 0};
        CHECK_EQ_INT(anp_similar_all(c.snapshot, &by_sketch, visit, &walk, NULL), ANP_OK);
        CHECK_EQ_INT(walk.visits, live);
        walk = (all_walk){&c, 0, 3, 0};
        CHECK_EQ_INT(anp_similar_all(c.snapshot, &by_sketch, visit, &walk, NULL), ANP_CANCELLED);
        CHECK_EQ_INT(walk.visits, 3);
    }
    discard(&c);
}

/* ---- Larger corpora: the sketch decides who is looked at ----------------------------------- */

enum { LARGE = 2000, PROBES = 60 };

/* How many of the returned are as near as the true tenth; what is returned is exact and in
   order. */
static uint32_t near_enough(const corpus *c, uint32_t self, uint32_t *of) {
    static hit want[LARGE];
    char id[20];
    anp_results *r = NULL;
    uint32_t near = 0, count = nearest(c->posts, c->count, &c->posts[self], self, 0, want);
    hit before = {0, 2};
    snprintf(id, sizeof id, "p%u", self);
    *of = count < 10 ? count : 10;
    if (!CHECK_EQ_INT(anp_similar(c->snapshot, id, &by_sketch, &r, NULL), ANP_OK) ||
        !CHECK_EQ_INT(anp_results_count(r), *of)) {
        anp_results_free(r);
        return 0;
    }
    for (uint32_t i = 0; i < *of; i++) {
        anp_hit have = anp_results_hit(r, i);
        hit this = {(uint32_t)atoi(have.id + 1), have.similarity};
        CHECK(c->posts[this.post].live && this.post != self);
        CHECK_NEAR(this.similarity, jaccard(&c->posts[self], &c->posts[this.post]), 0);
        CHECK(by_similarity(&before, &this) < 0);
        near += this.similarity >= want[*of - 1].similarity;
        before = this;
    }
    anp_results_free(r);
    return near;
}

/* `least`: of the recall. */
static void large_corpus(uint32_t sentences, double least) {
    prng p = {sentences};
    corpus c;
    uint32_t near = 0, all = 0;
    char name[40];
    snprintf(name, sizeof name, "large-%u", sentences);
    if (build(&c, &p, name, LARGE, sentences, 24, true)) {
        for (uint32_t done = 0; done < PROBES;) {
            uint32_t of = 0, self = prng_below(&p, LARGE);
            if (c.posts[self].live && c.posts[self].shingle_count >= 20) {
                near += near_enough(&c, self, &of);
                all += of;
                done++;
            }
        }
        if (!CHECK(near >= least * all)) {
            test_note("id-recall@10 is %.3f over %d probes of %d posts, %u sentences",
                      (double)near / all, PROBES, LARGE, sentences);
        }
    }
    discard(&c);
}

/* ---- Edges --------------------------------------------------------------------------------- */

static void edges(void) {
    prng p = {5};
    corpus c;
    anp_results *r = NULL;
    anp_similar_options options = ANP_SIMILAR_OPTIONS_INIT;
    if (!build(&c, &p, "edges", 30, 10, 6, false)) {
        discard(&c);
        return;
    }
    CHECK_EQ_INT(anp_similar(c.snapshot, "p31", NULL, &r, NULL), ANP_NOT_FOUND);
    CHECK_EQ_INT(anp_similar(c.snapshot, "", NULL, &r, NULL), ANP_NOT_FOUND);
    /* A draft without a shingle is like nothing, not even like other empty ones. */
    if (CHECK_EQ_INT(anp_similar_text(c.snapshot, NULL, 0, NULL, &r, NULL), ANP_OK)) {
        CHECK_EQ_INT(anp_results_count(r), 10);
        CHECK_NEAR(anp_results_hit(r, 0).similarity, 0, 0);
        CHECK_EQ_STR(anp_results_hit(r, 0).id, "p0");
        CHECK(strncmp(anp_results_json(r), "{\"id\":null,", 11) == 0);
        anp_results_free(r);
    }
    options.similarity_min = 1e-9;
    if (CHECK_EQ_INT(anp_similar_text(c.snapshot, "two words", 9, &options, &r, NULL), ANP_OK)) {
        CHECK_EQ_INT(anp_results_count(r), 0);
        anp_results_free(r);
    }
    options.similarity_min = 1.5;
    CHECK_EQ_INT(anp_similar(c.snapshot, "p1", &options, &r, NULL), ANP_INVALID);
    options.similarity_min = 0;
    options.measure = (anp_measure)(ANP_MEASURE_BLEND + 1);
    CHECK_EQ_INT(anp_similar(c.snapshot, "p1", &options, &r, NULL), ANP_INVALID);
    discard(&c);
}

/* More posts that are all alike than candidates: the earliest ones are taken. */
static void all_alike(void) {
    enum { ALIKE = 150, K = 120 };
    corpus c = {calloc(ALIKE, sizeof *c.posts), ALIKE, open_index("alike"), NULL};
    anp_writer *w = NULL;
    prng p = {6};
    CHECK_EQ_INT(anp_writer_open(c.index, &w, NULL), ANP_OK);
    do {
        draw(&p, 10, 6, &c.posts[0]);
    } while (c.posts[0].shingle_count == 0);
    for (uint32_t i = 0; i < ALIKE; i++) {
        c.posts[i] = c.posts[0];
        CHECK_EQ_INT(add(w, i, &c.posts[i]), ANP_OK);
    }
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    CHECK_EQ_INT(anp_snapshot_open(c.index, &c.snapshot, NULL), ANP_OK);
    for (uint32_t k = 1; k <= K; k += 17) {
        anp_similar_options options = ANP_SIMILAR_OPTIONS_INIT;
        options.k = k;
        options.measure = ANP_MEASURE_JACCARD;
        check_probe(&c, &c.posts[40], 40, &options);
        check_probe(&c, &c.posts[0], UINT32_MAX, &options);
    }
    discard(&c);
}

void test_similar_similar(void) {
    CASE("corpora of up to 100 posts are exact");
    for (uint64_t seed = 1; seed <= 8; seed++) {
        small_corpus(seed);
    }
    CASE("--all is every single list");
    all_posts();
    CASE("2,000 posts of a small pool of sentences");
    large_corpus(300, 0.9);
    /*
     * The tenth nearest is at Jaccard 0.04 here: 10 equal slots of 256 above 16 that are chance,
     * whose deviation is 4. Of 2,000 posts the best 100 lie above 1.6 deviations, so that about
     * one in five of the true ones is missed.
     */
    CASE("2,000 posts of a large pool of sentences");
    large_corpus(4000, 0.7);
    CASE("150 posts that are all alike");
    all_alike();
    CASE("edges");
    edges();
}
