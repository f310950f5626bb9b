/*
 * Every measure through the public API, against brute force that is written from the contract and
 * shares no code: every pair of posts is compared, set by set, with weights of df over live posts.
 *
 * Words are invented ones that no analyzer changes; a shingle is three numbers of words. Bodies are
 * made of a pool of sentences, so that shingles stand together in posts as they do on a site.
 */
#include "anpsearch.h"
#include "base/prng.h"
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POSTS_MAX = 1500, /* versions ever added */
    IDS = 700,
    BODY_MAX = 160,
    NAMES_MAX = 24,
    THE = 64000, /* the number of a stop word */
};

typedef struct article {
    bool live;
    uint32_t id;
    bool featured; /* what a filter asks for */
    uint16_t body[BODY_MAX];
    uint32_t body_len;
    uint16_t title[NAMES_MAX], topic[NAMES_MAX], problem[NAMES_MAX], stack[2][NAMES_MAX];
    uint32_t title_len, topic_len, problem_len, stack_len[2], stacks;
    /* What the twin makes of them: ascending, distinct. */
    uint64_t shingles[BODY_MAX];
    uint64_t terms[5 * NAMES_MAX];
    uint32_t shingle_count, term_count;
    double shingle_weights[BODY_MAX], term_weights[5 * NAMES_MAX]; /* of the live corpus */
} article;

typedef struct hit {
    uint32_t post;
    double similarity;
} hit;

/* ---- Text ---------------------------------------------------------------------------------- */

static size_t put_word(char *at, uint32_t number) {
    if (number == THE) {
        memcpy(at, "the", 3);
        return 3;
    }
    at[0] = 'b';
    for (int i = 5; i > 0; i--, number /= 16) {
        at[i] = (char)("bcdfghjklmnpqrtv"[number % 16]);
    }
    return 6;
}

static size_t put_words(char *at, const uint16_t *words, uint32_t count) {
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i) {
            at[len++] = ' ';
        }
        len += put_word(at + len, words[i]);
    }
    at[len] = 0;
    return len;
}

static size_t put_json(char *at, const article *a) {
    size_t len = (size_t)sprintf(at, "{\"id\":\"p%u\",\"title\":\"", a->id);
    len += put_words(at + len, a->title, a->title_len);
    len += (size_t)sprintf(at + len, "\",\"body\":\"");
    len += put_words(at + len, a->body, a->body_len);
    len += (size_t)sprintf(at + len, "\",\"meta\":{\"area\":\"%s\"", a->featured ? "yes" : "no");
    if (a->topic_len) {
        len += (size_t)sprintf(at + len, ",\"topic\":\"");
        len += put_words(at + len, a->topic, a->topic_len);
        len += (size_t)sprintf(at + len, "\"");
    }
    if (a->problem_len) {
        len += (size_t)sprintf(at + len, ",\"problem\":\"");
        len += put_words(at + len, a->problem, a->problem_len);
        len += (size_t)sprintf(at + len, "\"");
    }
    if (a->stacks) {
        len += (size_t)sprintf(at + len, ",\"stack\":[");
        for (uint32_t s = 0; s < a->stacks; s++) {
            len += (size_t)sprintf(at + len, s ? ",\"" : "\"");
            len += put_words(at + len, a->stack[s], a->stack_len[s]);
            len += (size_t)sprintf(at + len, "\"");
        }
        len += (size_t)sprintf(at + len, "]");
    }
    return len + (size_t)sprintf(at + len, "}}");
}

/* ---- The twin ------------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static uint32_t distinct(uint64_t *items, uint32_t count) {
    uint32_t kept = 0;
    if (count) {
        qsort(items, count, sizeof *items, ascending);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i == 0 || items[i] != items[i - 1]) {
            items[kept++] = items[i];
        }
    }
    return kept;
}

static void add_terms(article *a, const uint16_t *words, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (words[i] != THE) {
            a->terms[a->term_count++] = words[i];
        }
    }
}

static void find_sets(article *a) {
    a->shingle_count = a->term_count = 0;
    for (uint32_t i = 0; i + 2 < a->body_len; i++) {
        a->shingles[a->shingle_count++] =
            (uint64_t)a->body[i] << 32 | (uint64_t)a->body[i + 1] << 16 | a->body[i + 2];
    }
    a->shingle_count = distinct(a->shingles, a->shingle_count);
    add_terms(a, a->title, a->title_len);
    add_terms(a, a->topic, a->topic_len);
    add_terms(a, a->problem, a->problem_len);
    for (uint32_t s = 0; s < a->stacks; s++) {
        add_terms(a, a->stack[s], a->stack_len[s]);
    }
    a->term_count = distinct(a->terms, a->term_count);
}

/* All features of live posts, ascending, with repeats: a df is how often one stands there. */
typedef struct features {
    uint64_t *items;
    uint32_t count;
} features;

typedef struct corpus {
    article *posts; /* by ordinal: the dead too */
    uint32_t count, live;
    features shingles, terms;
    anp_index *index;
    anp_snapshot *snapshot;
    char path[300];
} corpus;

static uint32_t lower_bound(const features *f, uint64_t item) {
    uint32_t from = 0, to = f->count;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (f->items[middle] < item) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static void weigh_all(corpus *c, article *draft);

static void count_features(corpus *c, article *draft) {
    free(c->shingles.items);
    free(c->terms.items);
    c->shingles = (features){malloc((POSTS_MAX + 1) * BODY_MAX * sizeof(uint64_t)), 0};
    c->terms = (features){malloc((POSTS_MAX + 1) * 5 * NAMES_MAX * sizeof(uint64_t)), 0};
    c->live = 0;
    for (uint32_t i = 0; i <= c->count; i++) {
        const article *a = i < c->count ? &c->posts[i] : draft;
        if (!a || !a->live) {
            continue;
        }
        c->live++;
        for (uint32_t j = 0; j < a->shingle_count; j++) {
            c->shingles.items[c->shingles.count++] = a->shingles[j];
        }
        for (uint32_t j = 0; j < a->term_count; j++) {
            c->terms.items[c->terms.count++] = a->terms[j];
        }
    }
    qsort(c->shingles.items, c->shingles.count, sizeof(uint64_t), ascending);
    qsort(c->terms.items, c->terms.count, sizeof(uint64_t), ascending);
    weigh_all(c, draft);
}

static double weight(const corpus *c, const features *f, uint64_t item, double power) {
    double df = lower_bound(f, item + 1) - lower_bound(f, item);
    double rarity = log((double)c->live / (df > 2 ? df : 2));
    if (power == 0) {
        return 1;
    }
    return round(pow(rarity > 0 ? rarity : 0, power) * 65536) / 65536;
}

static void weigh_all(corpus *c, article *draft) {
    for (uint32_t i = 0; i <= c->count; i++) {
        article *a = i < c->count ? &c->posts[i] : draft;
        for (uint32_t j = 0; a && j < a->shingle_count; j++) {
            a->shingle_weights[j] = weight(c, &c->shingles, a->shingles[j], 3);
        }
        for (uint32_t j = 0; a && j < a->term_count; j++) {
            a->term_weights[j] = weight(c, &c->terms, a->terms[j], 2);
        }
    }
}

/* A set with the weight of each member; NULL: 1 each. */
typedef struct weighed {
    const uint64_t *items;
    const double *weights;
    uint32_t count;
} weighed;

/* The weighted Jaccard of two sets; sums of multiples of 2^-16 are exact. */
static double overlap(weighed a, weighed b) {
    double both = 0, either = 0;
    uint32_t i = 0, j = 0;
    bool equal = a.count == b.count && a.count > 0;
    while (i < a.count || j < b.count) {
        bool from_a = j == b.count || (i < a.count && a.items[i] <= b.items[j]);
        bool from_b = i == a.count || (j < b.count && b.items[j] <= a.items[i]);
        double w = !a.weights ? 1 : from_a ? a.weights[i] : b.weights[j];
        either += w;
        both += from_a && from_b ? w : 0;
        equal = equal && from_a && from_b;
        i += from_a;
        j += from_b;
    }
    return either > 0 ? both / either : equal ? 1 : 0;
}

static double likeness(anp_measure measure, const article *a, const article *b) {
    bool plain = measure == ANP_MEASURE_JACCARD;
    weighed a_text = {a->shingles, plain ? NULL : a->shingle_weights, a->shingle_count};
    weighed b_text = {b->shingles, plain ? NULL : b->shingle_weights, b->shingle_count};
    weighed a_about = {a->terms, a->term_weights, a->term_count};
    weighed b_about = {b->terms, b->term_weights, b->term_count};
    if (measure == ANP_MEASURE_ABOUT) {
        return overlap(a_about, b_about);
    }
    double text = overlap(a_text, b_text);
    if (measure != ANP_MEASURE_BLEND || a->term_count == 0 || b->term_count == 0) {
        return text;
    }
    return 0.4 * text + 0.6 * overlap(a_about, b_about);
}

static int nearest_first(const void *a, const void *b) {
    const hit *x = a, *y = b;
    if (x->similarity != y->similarity) {
        return x->similarity > y->similarity ? -1 : 1;
    }
    return (x->post > y->post) - (x->post < y->post);
}

static uint32_t nearest(const corpus *c, anp_measure measure, const article *probe, double least,
                        bool featured, hit *out) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        const article *a = &c->posts[i];
        if (!a->live || a == probe || (featured && !a->featured)) {
            continue;
        }
        double similarity = likeness(measure, probe, a);
        if (similarity >= least) {
            out[count++] = (hit){i, similarity};
        }
    }
    if (count) {
        qsort(out, count, sizeof *out, nearest_first);
    }
    return count;
}

/* ---- Corpora ------------------------------------------------------------------------------- */

typedef struct kind {
    uint32_t sentences; /* of the pool that bodies are made of */
    uint32_t topics;
    uint32_t bare;      /* one in so many posts is about nothing; 0: none */
    uint32_t noise;     /* one in so many words is another one */
} kind;

static uint32_t draw_names(prng *p, uint32_t pool, uint32_t most, uint16_t *out) {
    uint32_t name = prng_below(p, pool), len = 1 + name % most;
    for (uint32_t i = 0; i < len; i++) {
        out[i] = (uint16_t)(40000 + (name * 5 + i * 3) % 97);
    }
    return len;
}

static void draw(prng *p, const kind *k, uint32_t id, article *out) {
    uint32_t take = prng_below(p, 15) ? prng_below(p, 12) : 0;
    *out = (article){.live = true, .id = id, .featured = prng_below(p, 3) == 0};
    for (uint32_t i = 0; i < take; i++) {
        uint32_t sentence = prng_below(p, k->sentences), len = 4 + sentence % 9;
        for (uint32_t w = 0; w < len && out->body_len < BODY_MAX; w++) {
            uint32_t word = prng_below(p, k->noise) ? sentence * 31 + w * 7
                                                    : 30000 + prng_below(p, 5000);
            bool the = w == 2 && sentence % 3 == 0;
            out->body[out->body_len++] = (uint16_t)(the ? THE : word % 39000);
        }
    }
    if (!k->bare || prng_below(p, k->bare)) {
        out->title_len = draw_names(p, 60, 6, out->title);
        out->title[out->title_len++] = THE;
        out->title[out->title_len++] = (uint16_t)(50000 + prng_below(p, k->topics));
        out->topic_len = prng_below(p, 2) ? draw_names(p, k->topics, 3, out->topic) : 0;
        out->problem_len = prng_below(p, 2) ? draw_names(p, k->topics, 3, out->problem) : 0;
        out->stacks = prng_below(p, 3);
        for (uint32_t s = 0; s < out->stacks; s++) {
            out->stack_len[s] = draw_names(p, k->topics, 2, out->stack[s]);
        }
    }
    find_sets(out);
}

static bool commit(anp_writer *w) {
    anp_error err = ANP_ERROR_INIT;
    bool good = CHECK_EQ_INT(anp_writer_commit(w, &err), ANP_OK);
    if (!good) {
        test_note("%s", err.message);
    }
    return good;
}

/* Adds, replaces and deletes, in batches. */
static bool change(corpus *c, prng *p, const kind *k, uint32_t changes) {
    static char json[BODY_MAX * 8 + 3000];
    char id[20];
    anp_writer *w = NULL;
    bool good = CHECK_EQ_INT(anp_writer_open(c->index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < changes && good && c->count < POSTS_MAX; i++) {
        article *a = &c->posts[c->count];
        uint32_t number = prng_below(p, IDS), old = 0;
        while (old < c->count && !(c->posts[old].live && c->posts[old].id == number)) {
            old++;
        }
        if (old < c->count && prng_below(p, 3) == 0) {
            snprintf(id, sizeof id, "p%u", number);
            good = CHECK_EQ_INT(anp_writer_delete(w, id, NULL), ANP_OK);
            c->posts[old].live = false;
        } else {
            if (old < c->count) {
                c->posts[old].live = false;
            }
            draw(p, k, number, a);
            if (c->count && prng_below(p, 12) == 0) { /* the same again, under another id */
                *a = c->posts[prng_below(p, c->count)];
                a->live = true;
                a->id = number;
            }
            size_t len = put_json(json, a);
            good = CHECK_EQ_INT(anp_writer_add(w, json, len, NULL), ANP_OK);
            c->count++;
        }
        if (prng_below(p, 200) == 0) {
            good = good && commit(w);
        }
    }
    good = good && commit(w);
    anp_writer_close(w);
    anp_snapshot_close(c->snapshot);
    c->snapshot = NULL;
    return good && CHECK_EQ_INT(anp_snapshot_open(c->index, &c->snapshot, NULL), ANP_OK);
}

static bool compact(corpus *c) {
    anp_snapshot_close(c->snapshot);
    c->snapshot = NULL;
    anp_compact_options options = ANP_COMPACT_OPTIONS_INIT;
    options.keep_order = true; /* of equals the one added first comes first */
    bool good = CHECK_EQ_INT(anp_index_compact(c->index, NULL, &options, NULL, NULL), ANP_OK);
    return good && CHECK_EQ_INT(anp_snapshot_open(c->index, &c->snapshot, NULL), ANP_OK);
}

static bool begin(corpus *c, const char *name) {
    *c = (corpus){.posts = calloc(POSTS_MAX, sizeof *c->posts)};
    snprintf(c->path, sizeof c->path, "%s/%s.db", test_folder(), name);
    return CHECK_EQ_INT(anp_index_open(c->path, ANP_OPEN_CREATE, NULL, &c->index, NULL), ANP_OK);
}

static void discard(corpus *c) {
    anp_snapshot_close(c->snapshot);
    anp_index_close(c->index);
    free(c->posts);
    free(c->shingles.items);
    free(c->terms.items);
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static bool check_list(const corpus *c, const anp_results *r, const hit *want, uint32_t count) {
    bool good = CHECK_EQ_INT(anp_results_count(r), count);
    for (uint32_t i = 0; i < count && good; i++) {
        char id[20];
        anp_hit have = anp_results_hit(r, i);
        snprintf(id, sizeof id, "p%u", c->posts[want[i].post].id);
        good = CHECK_EQ_STR(have.id, id) && CHECK_NEAR(have.similarity, want[i].similarity, 0);
    }
    return good;
}

/* self: an ordinal, or c->count: the probe is a draft. */
static bool check_probe(const corpus *c, const article *probe, const anp_similar_options *options) {
    static hit want[POSTS_MAX];
    char text[BODY_MAX * 8], id[20];
    anp_error err = ANP_ERROR_INIT;
    anp_results *r = NULL;
    bool draft = probe < c->posts || probe >= c->posts + c->count;
    uint32_t k = options->k ? options->k : 10;
    uint32_t count = nearest(c, options->measure, probe, options->similarity_min,
                             options->filter != NULL, want);
    snprintf(id, sizeof id, "p%u", probe->id);
    size_t len = put_words(text, probe->body, probe->body_len);
    anp_status status = draft ? anp_similar_text(c->snapshot, text, len, options, &r, &err)
                              : anp_similar(c->snapshot, id, options, &r, &err);
    bool good = CHECK_EQ_INT(status, ANP_OK) && check_list(c, r, want, count < k ? count : k);
    if (!good) {
        test_note("%s %s, measure %d, k %u, least %g, %sfiltered, %u live: %s",
                  draft ? "a draft like" : "probe", id, (int)options->measure, k,
                  options->similarity_min, options->filter ? "" : "not ", c->live, err.message);
    }
    anp_results_free(r);
    return good;
}

static anp_similar_options draw_options(prng *p) {
    static const double leasts[] = {0, 0, 0, 0.05, 0.3, 0.8, 1};
    anp_similar_options o = ANP_SIMILAR_OPTIONS_INIT;
    o.measure = (anp_measure)(ANP_MEASURE_JACCARD + prng_below(p, 4));
    o.k = prng_below(p, 4) ? 1 + prng_below(p, 20) : prng_below(p, 3) * 100;
    o.similarity_min = leasts[prng_below(p, 7)];
    o.filter = prng_below(p, 4) ? NULL : "area:yes";
    o.flags = ANP_SIMILAR_EXACT;
    o.threads = 1 + prng_below(p, 2);
    return o;
}

/* Posts are counted with the draft's; drafts are about nothing. */
static bool check_draft(corpus *c, prng *p, const kind *k) {
    article draft;
    anp_similar_options options = draw_options(p);
    draw(p, k, IDS, &draft);
    if (c->count && prng_below(p, 3) == 0) {
        draft = c->posts[prng_below(p, c->count)];
        draft.live = true;
    }
    draft.title_len = draft.topic_len = draft.problem_len = draft.stacks = 0;
    find_sets(&draft);
    count_features(c, &draft);
    bool good = check_probe(c, &draft, &options);
    count_features(c, NULL);
    return good;
}

static bool check_some(corpus *c, prng *p, const kind *k, uint32_t probes) {
    bool good = true;
    count_features(c, NULL);
    for (uint32_t i = 0; i < probes && good && c->live; i++) {
        anp_similar_options options = draw_options(p);
        uint32_t post;
        do {
            post = prng_below(p, c->count);
        } while (!c->posts[post].live);
        good = check_probe(c, &c->posts[post], &options) && (i % 5 || check_draft(c, p, k));
    }
    return good;
}

static void run_history(uint64_t seed) {
    static const kind kinds[] = {
        {30, 4, 0, 60},   {400, 30, 0, 200}, {5, 2, 7, 30},     {4000, 200, 3, 1000},
        {100, 12, 0, 15}, {60, 1, 2, 1000},  {400, 30, 20, 80}, {15, 8, 0, 1000},
    };
    prng p = {seed};
    const kind *k = &kinds[seed % (sizeof kinds / sizeof *kinds)];
    corpus c;
    char name[40];
    snprintf(name, sizeof name, "history-%u", (unsigned)seed);
    bool good = begin(&c, name);
    for (int step = 0; step < 5 && good; step++) {
        uint32_t changes = step == 0 ? 1 + prng_below(&p, 30) : prng_below(&p, 350);
        good = change(&c, &p, k, changes) && check_some(&c, &p, k, 24);
        if (good && prng_below(&p, 3) == 0) {
            good = compact(&c) && check_some(&c, &p, k, 10);
        }
    }
    if (!good) {
        test_note("seed %u", (unsigned)seed);
    }
    discard(&c);
}

/* ---- All lists, and groups ----------------------------------------------------------------- */

typedef struct lines {
    char *text;
    size_t len;
    uint64_t count, stop_at;
} lines;

static bool keep_line(void *user, anp_results *r) {
    lines *l = user;
    const char *json = anp_results_json(r);
    size_t len = strlen(json);
    l->text = realloc(l->text, l->len + len + 2);
    memcpy(l->text + l->len, json, len);
    l->len += len;
    l->text[l->len++] = '\n';
    l->text[l->len] = 0;
    return ++l->count < l->stop_at;
}

/* The same bytes with any number of threads, whole or in two pieces, and those of single lists. */
static void check_all(corpus *c, anp_measure measure) {
    anp_similar_options o = ANP_SIMILAR_OPTIONS_INIT;
    lines whole = {.stop_at = UINT64_MAX}, again = {.stop_at = 77};
    uint64_t before = 0, after = 1;
    o.measure = measure;
    o.threads = 1;
    CHECK_EQ_INT(anp_similar_all(c->snapshot, &o, keep_line, &whole, NULL), ANP_OK);
    CHECK_EQ_INT(whole.count, c->live);
    CHECK_EQ_INT(anp_similar_fingerprint(c->snapshot, &o, &before, NULL), ANP_OK);
    o.threads = 3;
    CHECK_EQ_INT(anp_similar_fingerprint(c->snapshot, &o, &after, NULL), ANP_OK);
    CHECK(before == after);
    CHECK_EQ_INT(anp_similar_all(c->snapshot, &o, keep_line, &again, NULL), ANP_CANCELLED);
    CHECK_EQ_INT(again.count, 77);
    again.stop_at = UINT64_MAX;
    o.skip = 77;
    CHECK_EQ_INT(anp_similar_all(c->snapshot, &o, keep_line, &again, NULL), ANP_OK);
    CHECK(whole.len == again.len && memcmp(whole.text, again.text, whole.len) == 0);
    o.k = 3;
    CHECK_EQ_INT(anp_similar_fingerprint(c->snapshot, &o, &after, NULL), ANP_OK);
    CHECK(before != after);
    free(whole.text);
    free(again.text);
}

typedef struct groups {
    const corpus *c;
    uint32_t *group; /* by post: the first of its group, as the twin has it */
    uint32_t joined; /* posts met in groups */
    double least;
} groups;

static uint32_t post_of(const corpus *c, const char *id) {
    uint32_t post = c->count, number = (uint32_t)atoi(id + 1);
    for (uint32_t i = 0; i < c->count; i++) {
        post = c->posts[i].live && c->posts[i].id == number ? i : post;
    }
    return post;
}

static bool check_group(void *user, anp_results *r) {
    groups *g = user;
    uint32_t first = post_of(g->c, anp_results_subject(r, NULL)), last = first;
    CHECK_EQ_INT(g->group[first], first);
    g->joined++;
    for (size_t i = 0; i < anp_results_count(r); i++, g->joined++) {
        anp_hit entry = anp_results_hit(r, i);
        uint32_t post = post_of(g->c, entry.id);
        CHECK(post > last);
        CHECK_EQ_INT(g->group[post], first);
        CHECK_NEAR(entry.similarity,
                   likeness(ANP_MEASURE_JACCARD, &g->c->posts[first], &g->c->posts[post]), 0);
        last = post;
    }
    return true;
}

static void check_groups(corpus *c, double least) {
    groups g = {c, malloc(c->count * sizeof(uint32_t)), 0, least};
    anp_similar_options o = ANP_SIMILAR_OPTIONS_INIT;
    uint32_t joined = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        g.group[i] = i;
    }
    for (bool changed = true; changed;) { /* the least number spreads along pairs */
        changed = false;
        for (uint32_t i = 0; i < c->count; i++) {
            for (uint32_t j = 0; j < c->count; j++) {
                if (c->posts[i].live && c->posts[j].live && g.group[j] < g.group[i] &&
                    likeness(ANP_MEASURE_JACCARD, &c->posts[i], &c->posts[j]) >= least) {
                    g.group[i] = g.group[j];
                    changed = true;
                }
            }
        }
    }
    for (uint32_t i = 0; i < c->count; i++) {
        bool alone = true;
        for (uint32_t j = 0; j < c->count && alone; j++) {
            alone = i == j || g.group[i] != g.group[j];
        }
        joined += !alone;
    }
    o.similarity_min = least;
    o.threads = 2;
    CHECK_EQ_INT(anp_similar_clusters(c->snapshot, &o, check_group, &g, NULL), ANP_OK);
    CHECK_EQ_INT(g.joined, joined);
    free(g.group);
}

/* What is shared adds up to the likeness. */
static void check_explanations(corpus *c) {
    for (int measure = ANP_MEASURE_JACCARD; measure <= ANP_MEASURE_BLEND; measure++) {
        anp_similar_options o = {.size = sizeof o, .measure = (anp_measure)measure,
                                 .flags = ANP_SIMILAR_EXPLAIN};
        anp_results *r = NULL;
        for (uint32_t i = 0; i < c->count; i += 17) {
            char id[20];
            snprintf(id, sizeof id, "p%u", c->posts[i].id);
            if (!c->posts[i].live || !CHECK_EQ_INT(anp_similar(c->snapshot, id, &o, &r, NULL), 0)) {
                continue;
            }
            for (size_t n = 0; n < anp_results_count(r); n++) {
                anp_hit entry = anp_results_hit(r, n);
                double total = 0, sides[2] = {0}, shared = 0, either, part, weight;
                const char *at = anp_results_explanation(r, n);
                int side = -1;
                if (!CHECK(at != NULL) || !CHECK(sscanf(at, "%lf", &total) == 1)) {
                    break;
                }
                CHECK_NEAR(total, entry.similarity, 1e-6);
                while ((at = strchr(at, '\n')) && *++at) {
                    if (sscanf(at, "  %lf = %*[a-z] = %lf shared / %lf", &part, &weight, &either) ==
                        3) {
                        CHECK_NEAR(shared, 0, 1e-3);
                        sides[++side] = part;
                        shared = weight;
                        CHECK_NEAR(either > 0 ? weight / either : part, part, 1e-5);
                    } else if (sscanf(at, "    %lf =", &weight) == 1) {
                        shared -= weight;
                    }
                }
                CHECK_NEAR(shared, 0, 1e-3);
                CHECK_NEAR(side == 1 ? 0.6 * sides[0] + 0.4 * sides[1] : sides[0], total, 2e-6);
            }
            anp_results_free(r);
        }
    }
}

static void whole_corpus(void) {
    static const kind k = {60, 10, 15, 300};
    prng p = {99};
    corpus c;
    if (begin(&c, "whole") && change(&c, &p, &k, 500)) {
        count_features(&c, NULL);
        CASE("all lists are the same bytes at any thread count and in pieces");
        for (int measure = ANP_MEASURE_JACCARD; measure <= ANP_MEASURE_BLEND; measure++) {
            check_all(&c, (anp_measure)measure);
        }
        CASE("groups of near-duplicates are those that pairs join");
        check_groups(&c, 0.8);
        check_groups(&c, 0.5);
        CASE("what an explanation says is shared adds up");
        check_explanations(&c);
    }
    discard(&c);
}

void test_similar_measures(void) {
    CASE("any history of changes gives brute force's lists: every measure, filters, drafts");
    for (uint64_t seed = 1; seed <= 16; seed++) {
        run_history(seed);
    }
    whole_corpus();
}
