/* See finder.h: the heap, comparing two posts, the steps of a search. */
#include "similar/finder_impl.h"

#include "base/error.h"
#include "base/pages.h"

#include <stdlib.h>

enum { BUCKETS = 512 };

/* ---- A measure on a corpus ----------------------------------------------------------------- */

anp_status yardstick_open(const corpus *c, anp_measure measure, const uint32_t *inside,
                          yardstick *out, anp_error *err) {
    *out = (yardstick){.corpus = c};
    uint64_t n = (uint64_t)c->count + (inside != NULL);
    out->by_text = measure != ANP_MEASURE_ABOUT;
    out->by_about = measure == ANP_MEASURE_ABOUT || measure == ANP_MEASURE_BLEND;
    if (out->by_text) {
        int power = measure == ANP_MEASURE_JACCARD ? WEIGH_COUNT : WEIGH_TEXT_POWER;
        TRY(weighing_open(&c->text, n, power, inside, &out->text, err));
    }
    if (out->by_about) {
        anp_status status = weighing_open(&c->about, n, WEIGH_ABOUT_POWER, NULL, &out->about, err);
        if (status != ANP_OK) {
            yardstick_close(out);
            return status;
        }
    }
    return ANP_OK;
}

void yardstick_close(yardstick *y) {
    weighing_close(&y->text);
    weighing_close(&y->about);
}

/* ---- A sieve -------------------------------------------------------------------------------- */

/*
 * Bits that classes of the probe set, several classes one bit: where there are so many classes that
 * their weights lie outside the cache, most of a post's are told to be none of the probe's by this.
 */
#ifndef SIEVE_FROM /* tests make it smaller */
#define SIEVE_FROM (1 << 16)
#endif

enum { SIEVE_BITS = SIEVE_FROM };

static inline void sieve_add(uint64_t *sieve, uint32_t class) {
    sieve[class % SIEVE_BITS / 64] |= (uint64_t)1 << class % 64;
}

static inline void sieve_clear(uint64_t *sieve, uint32_t class) {
    sieve[class % SIEVE_BITS / 64] = 0;
}

static inline bool sieve_has(const uint64_t *sieve, uint32_t class) {
    return sieve[class % SIEVE_BITS / 64] >> class % 64 & 1;
}

/* ---- The finder ---------------------------------------------------------------------------- */

static void *zeroed(size_t count, size_t size) {
    return pages_zeroed(count * size + 64);
}

anp_status finder_open(const yardstick *y, finder **out, anp_error *err) {
    const corpus *c = y->corpus;
    size_t sets = c->about.row_words * 64, padded = c->text.row_words * 64;
    size_t split = c->text.class_count - c->text.class_split;
    size_t about_split = c->about.class_count - c->about.class_split;
    size_t rows = split > about_split ? split : about_split;
    finder *f = calloc(1, sizeof *f);
    if (!f) {
        return error_nomem(err, "similar posts");
    }
    f->y = y;
    f->corpus = c;
    f->seen = zeroed(c->count, sizeof *f->seen);
    f->shared = zeroed(c->text.class_count, sizeof *f->shared);
    bool sieved = c->text.class_count > SIEVE_BITS;
    f->sieve = sieved ? zeroed(SIEVE_BITS / 64, sizeof *f->sieve) : NULL;
    f->sums = zeroed(padded, sizeof *f->sums);
    f->touched = zeroed(c->count, sizeof *f->touched);
    f->candidates = zeroed(padded, sizeof *f->candidates);
    f->sorted = zeroed(padded, sizeof *f->sorted);
    f->hits = zeroed(padded > sets ? padded : sets, sizeof *f->hits);
    f->rows = zeroed(rows, sizeof *f->rows);
    f->row_units = zeroed(rows, sizeof *f->row_units);
    f->about_shared = zeroed(c->about.class_count, sizeof *f->about_shared);
    f->set_sums = zeroed(sets, sizeof *f->set_sums);
    f->sets = zeroed(sets, sizeof *f->sets);
    f->sets_sorted = zeroed(sets, sizeof *f->sets_sorted);
    f->set_seen = zeroed(sets, sizeof *f->set_seen);
    if (!f->seen || !f->shared || (sieved && !f->sieve) || !f->sums || !f->touched ||
        !f->candidates || !f->sorted || !f->hits || !f->rows || !f->row_units ||
        !f->about_shared || !f->set_sums || !f->sets || !f->sets_sorted || !f->set_seen) {
        finder_close(f);
        return error_nomem(err, "similar posts");
    }
    *out = f;
    return ANP_OK;
}

void finder_close(finder *f) {
    if (f) {
        free(f->heap.items);
        free(f->seen);
        free(f->shared);
        free(f->sieve);
        free(f->sums);
        free(f->touched);
        free(f->candidates);
        free(f->sorted);
        free(f->hits);
        free((void *)f->rows);
        free(f->row_units);
        free(f->weights.items);
        free(f->about_shared);
        free(f->set_sums);
        free(f->sets);
        free(f->sets_sorted);
        free(f->set_seen);
        free(f);
    }
}

finder_work finder_work_of(const finder *f) {
    return f->work;
}

/* ---- The heap ------------------------------------------------------------------------------ */

/* Whether a is farther than b; of equal ones the later post is. */
static inline bool farther(neighbour a, neighbour b) {
    return a.likeness != b.likeness ? a.likeness < b.likeness : a.post > b.post;
}

static void sift_down(neighbour *heap, size_t count, size_t at) {
    neighbour moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && farther(heap[child + 1], heap[child]);
        if (!farther(heap[child], moved)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

void finder_offer(finder *f, neighbour n) {
    neighbour *heap = f->heap.items;
    if (n.likeness < f->least) {
        return;
    }
    if (!finder_full(f)) {
        size_t at = f->heap.count++;
        for (size_t parent; at > 0 && farther(n, heap[parent = (at - 1) / 2]); at = parent) {
            heap[at] = heap[parent];
        }
        heap[at] = n;
    } else if (farther(heap[0], n)) {
        heap[0] = n;
        sift_down(heap, f->heap.count, 0);
    }
    if (finder_full(f) && heap[0].likeness > f->least) {
        f->least = heap[0].likeness;
    }
}

static int nearest_first(const void *a, const void *b) {
    const neighbour *x = a, *y = b;
    return farther(*x, *y) - farther(*y, *x);
}

/* ---- Two posts ----------------------------------------------------------------------------- */

/* Whether a draft has just the shingles of a post. */
static bool same_as_draft(const finder *f, uint32_t number) {
    const family *t = &f->corpus->text;
    uint64_t have = 0;
    for (size_t i = t->item_start[number]; i < t->item_start[number + 1]; i++) {
        uint32_t class = t->item_classes[i];
        if (f->probe->inside[class] != t->members[class]) {
            return false;
        }
        have += t->members[class];
    }
    return have > 0 && have == f->probe->feature_count;
}

/* The weight of the classes that a post shares with the probe. */
static uint64_t shared_weight(const finder *f, const uint32_t *classes, size_t count) {
    uint64_t both = 0;
    if (!f->sieve) {
        for (size_t i = 0; i < count; i++) {
            both += f->shared[classes[i]];
        }
        return both;
    }
    for (size_t i = 0; i < count; i++) {
        if (sieve_has(f->sieve, classes[i])) {
            both += f->shared[classes[i]];
        }
    }
    return both;
}

static double text_of(const finder *f, uint32_t number) {
    const family *t = &f->corpus->text;
    size_t from = t->item_start[number];
    uint64_t both = shared_weight(f, t->item_classes + from, t->item_start[number + 1] - from);
    uint64_t either = f->probe->total + f->y->text.totals[number] - both;
    if (either > 0) {
        return (double)both / (double)either;
    }
    if (f->probe->post == FAMILY_NONE) {
        return same_as_draft(f, number);
    }
    return t->item_start[number] < t->item_start[number + 1] &&
           family_same(t, number, f->probe->post);
}

static double likeness_of(finder *f, uint32_t number) {
    if (!f->y->by_about) {
        return text_of(f, number);
    }
    uint32_t set = f->corpus->set_of[number];
    if (!f->y->by_text) {
        return f->bare ? 0 : finder_about(f, set);
    }
    double text = text_of(f, number);
    return f->bare || corpus_is_bare(f->corpus, number) ? text
                                                      : weigh_blend(text, finder_about(f, set));
}

void finder_compare(finder *f, uint32_t number) {
    if (f->seen[number] != f->search) {
        f->seen[number] = f->search;
        f->work.compared++;
        finder_offer(f, (neighbour){likeness_of(f, number), number});
    }
}

/* ---- Order --------------------------------------------------------------------------------- */

static unsigned bucket_of(float bound) {
    return bound >= 1 ? BUCKETS - 1 : (unsigned)(bound * (float)BUCKETS);
}

void finder_sort(const candidate *from, uint32_t count, candidate *to) {
    uint32_t place[BUCKETS + 1] = {0};
    for (uint32_t i = 0; i < count; i++) {
        place[BUCKETS - bucket_of(from[i].bound)]++;
    }
    for (unsigned b = 1; b <= BUCKETS; b++) {
        place[b] += place[b - 1];
    }
    for (uint32_t i = 0; i < count; i++) {
        to[place[BUCKETS - 1 - bucket_of(from[i].bound)]++] = from[i];
    }
}

/* ---- A search ------------------------------------------------------------------------------ */

static anp_status begin(finder *f, const probe *p, const finder_options *options, anp_error *err) {
    f->probe = p;
    f->options = options;
    f->heap.count = 0;
    f->least = options->likeness_min;
    f->about_total = 0;
    f->known_set = UINT32_MAX;
    f->bare = p->post == FAMILY_NONE || corpus_is_bare(f->corpus, p->post);
    if (++f->search == 0) {
        memset(f->seen, 0, f->corpus->count * sizeof *f->seen);
        memset(f->set_seen, 0, f->corpus->set_count * sizeof *f->set_seen);
        f->search = 1;
    }
    if (!vec_reserve(&f->heap, (size_t)options->k + 1)) {
        return error_nomem(err, "similar posts");
    }
    for (uint32_t i = 0; i < p->class_count; i++) {
        f->shared[p->classes[i]] = p->weights[i];
        if (f->sieve) {
            sieve_add(f->sieve, p->classes[i]);
        }
    }
    if (f->y->by_about && !f->bare) {
        finder_weigh_about(f);
    }
    return ANP_OK;
}

static void end(finder *f) {
    for (uint32_t i = 0; i < f->probe->class_count; i++) {
        f->shared[f->probe->classes[i]] = 0;
        if (f->sieve) {
            sieve_clear(f->sieve, f->probe->classes[i]);
        }
    }
    if (f->y->by_about && !f->bare) {
        finder_forget_about(f);
    }
}

/* Where bounds would not help, or sums could not hold what they must. */
static bool wants_plain(const finder *f) {
    bool no_text = f->y->by_text && f->probe->total == 0;
    bool no_about = f->y->by_about && !f->bare && f->about_total == 0;
    return no_text || no_about || f->probe->class_count > FINDER_CLASSES_MAX ||
           f->options->k >= f->corpus->count / 4;
}

static void compare_all(finder *f) {
    for (uint32_t number = 0; number < f->corpus->count; number++) {
        if (finder_accepts(f, number)) {
            finder_compare(f, number);
        }
    }
}

/* Posts that have nothing in common with the probe, where there is room for them. */
static void fill_up(finder *f) {
    for (uint32_t number = 0; number < f->corpus->count && !finder_full(f); number++) {
        if (finder_accepts(f, number)) {
            finder_compare(f, number);
        }
    }
}

static void search(finder *f) {
    double about_most = 0;
    if (f->y->by_about && !f->bare) {
        about_most = finder_by_about(f);
        if (about_most < 0 && !f->corpus->some_bare) {
            return;
        }
    }
    if (f->y->by_text) {
        finder_by_text(f, about_most);
    }
    if (f->least <= 0) {
        fill_up(f);
    }
}

anp_status finder_run(finder *f, const probe *p, const finder_options *options,
                      const neighbour **out, uint32_t *count, anp_error *err) {
    TRY(begin(f, p, options, err));
    if (options->k == 0) {
        /* nothing is asked for */
    } else if (wants_plain(f)) {
        compare_all(f);
    } else {
        search(f);
    }
    end(f);
    if (f->heap.count) {
        qsort(f->heap.items, f->heap.count, sizeof *f->heap.items, nearest_first);
    }
    *out = f->heap.items;
    *count = (uint32_t)f->heap.count;
    return ANP_OK;
}

anp_status finder_run_post(finder *f, uint32_t number, const finder_options *options,
                           const neighbour **out, uint32_t *count, anp_error *err) {
    probe p = {.post = number};
    if (f->y->by_text) {
        const family *t = &f->corpus->text;
        size_t from = t->item_start[number];
        p.classes = t->item_classes + from;
        p.class_count = (uint32_t)(t->item_start[number + 1] - from);
        p.total = f->y->text.totals[number];
        if (!vec_reserve(&f->weights, (size_t)p.class_count + 1)) {
            return error_nomem(err, "similar posts");
        }
        for (uint32_t i = 0; i < p.class_count; i++) {
            f->weights.items[i] = f->y->text.weights[p.classes[i]];
        }
        p.weights = f->weights.items;
    }
    return finder_run(f, &p, options, out, count, err);
}
