/* See bisect.h. */
#include "index/bisect.h"

#include "base/error.h"
#include "base/sort.h"

#include <math.h>
#include <string.h>

enum {
    LOGS = 4096,        /* of small numbers, made beforehand */
    RADIX_FROM = 2048,  /* fewer gains are sorted by comparing */
    HOLDERS_LEAST = 2,  /* of a part: a term of one post there gains nothing wherever it goes */
};

/* What a thread counts with. */
typedef struct bench {
    uint32_t *left, *right; /* by term: how many posts of each half hold it */
    float *gain_left;       /* what a post of the left half gains by this term on the right */
    float *gain_right;
    uint32_t *touched;
    uint32_t touched_count;
    uint64_t *keys, *spare; /* by post of the part: gain << 32 | place, to be sorted */
} bench;

struct bisection {
    bisect_graph *g;
    pool *pool;
    uint32_t *order;
    bench *benches; /* by worker */
    float logs[LOGS];
};

uint32_t bisect_levels(uint32_t count, unsigned unit_bits) {
    uint32_t levels = 0;
    for (uint32_t half; (half = bisect_half(count, unit_bits)) != 0; count -= half) {
        levels++; /* the right part is the larger one */
    }
    return levels;
}

/* ---- Terms --------------------------------------------------------------------------------- */

static inline const uint32_t *terms_of(const bisect_graph *g, uint32_t post, uint32_t *count) {
    *count = g->lengths[post];
    return g->terms + g->begins[post];
}

static void count_half(const bisect_graph *g, const uint32_t *posts, uint32_t count,
                       uint32_t *counter, bench *b) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t held;
        const uint32_t *terms = terms_of(g, posts[i], &held);
        for (uint32_t t = 0; t < held; t++) {
            if (b->left[terms[t]] + b->right[terms[t]] == 0) {
                b->touched[b->touched_count++] = terms[t];
            }
            counter[terms[t]]++;
        }
    }
}

static bool is_rare(const bench *b, uint32_t term) {
    return b->left[term] + b->right[term] < HOLDERS_LEAST;
}

/* Parts of this one will not need them either. */
static void drop_rare(bisect_graph *g, const uint32_t *posts, uint32_t count, bench *b) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t *terms = g->terms + g->begins[posts[i]], kept = 0;
        for (uint32_t t = 0; t < g->lengths[posts[i]]; t++) {
            if (!is_rare(b, terms[t])) {
                terms[kept++] = terms[t];
            }
        }
        g->lengths[posts[i]] = kept;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->touched_count; i++) {
        uint32_t term = b->touched[i];
        if (is_rare(b, term)) {
            b->left[term] = b->right[term] = 0;
        } else {
            b->touched[kept++] = term;
        }
    }
    b->touched_count = kept;
}

/* ---- Gains --------------------------------------------------------------------------------- */

static inline float log_of(const bisection *s, uint32_t n) {
    return n < LOGS ? s->logs[n] : log2f((float)n);
}

/* What the term costs less when one of n1 goes over: from (n1, n2) to (n1 - 1, n2 + 1). */
static float move_gain(const bisection *s, uint32_t n1, uint32_t n2, float log_s1, float log_s2) {
    if (n1 == 0) {
        return 0;
    }
    float before = (float)n1 * (log_s1 - log_of(s, n1 + 1)) +
                   (float)n2 * (log_s2 - log_of(s, n2 + 1));
    float after = (float)(n1 - 1) * (log_s1 - log_of(s, n1)) +
                  (float)(n2 + 1) * (log_s2 - log_of(s, n2 + 2));
    return before - after;
}

static void weigh_terms(const bisection *s, uint32_t s1, uint32_t s2, bench *b) {
    float log_s1 = log2f((float)s1), log_s2 = log2f((float)s2);
    for (uint32_t i = 0; i < b->touched_count; i++) {
        uint32_t term = b->touched[i];
        uint32_t n1 = b->left[term], n2 = b->right[term];
        b->gain_left[term] = move_gain(s, n1, n2, log_s1, log_s2);
        b->gain_right[term] = move_gain(s, n2, n1, log_s2, log_s1);
    }
}

/* A float as a number that sorts the greatest first. */
static uint32_t descending(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = bits >> 31 ? ~bits : bits | 0x80000000u;
    return ~bits;
}

static float of_descending(uint32_t key) {
    uint32_t bits = ~key;
    float value;
    bits = bits >> 31 ? bits & 0x7fffffffu : ~bits;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void weigh_half(const bisect_graph *g, const uint32_t *posts, uint32_t count,
                       const float *gain, uint64_t *keys, uint64_t *spare) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t held;
        const uint32_t *terms = terms_of(g, posts[i], &held);
        float sum = 0;
        for (uint32_t t = 0; t < held; t++) {
            sum += gain[terms[t]];
        }
        keys[i] = (uint64_t)descending(sum) << 32 | i;
    }
    if (count < RADIX_FROM) {
        qsort(keys, count, sizeof *keys, by_key);
    } else if (sort_by_upper(keys, spare, count) == spare) {
        memcpy(keys, spare, count * sizeof *keys);
    }
}

/* ---- Bisection ----------------------------------------------------------------------------- */

static void change_side(const bisect_graph *g, uint32_t post, uint32_t *from, uint32_t *to) {
    uint32_t held;
    const uint32_t *terms = terms_of(g, post, &held);
    for (uint32_t t = 0; t < held; t++) {
        from[terms[t]]--;
        to[terms[t]]++;
    }
}

/* One round; how many pairs changed places. */
static uint32_t swap_best(const bisection *s, uint32_t *posts, uint32_t s1, uint32_t s2,
                          float least, bench *b) {
    const bisect_graph *g = s->g;
    uint64_t *keys2 = b->keys + s1;
    uint32_t swaps = 0, pairs = s1 < s2 ? s1 : s2;
    weigh_terms(s, s1, s2, b);
    weigh_half(g, posts, s1, b->gain_left, b->keys, b->spare);
    weigh_half(g, posts + s1, s2, b->gain_right, keys2, b->spare);
    for (; swaps < pairs; swaps++) {
        float gain = of_descending((uint32_t)(b->keys[swaps] >> 32)) +
                     of_descending((uint32_t)(keys2[swaps] >> 32));
        if (!(gain > least)) {
            break;
        }
        uint32_t *one = &posts[(uint32_t)b->keys[swaps]];
        uint32_t *two = &posts[s1 + (uint32_t)keys2[swaps]];
        change_side(g, *one, b->left, b->right);
        change_side(g, *two, b->right, b->left);
        uint32_t swap = *one;
        *one = *two;
        *two = swap;
    }
    return swaps;
}

static int by_number(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void bisect(bisection *s, uint32_t *posts, uint32_t count, uint32_t s1, uint32_t rounds,
                   bench *b) {
    uint32_t s2 = count - s1;
    b->touched_count = 0;
    count_half(s->g, posts, s1, b->left, b);
    count_half(s->g, posts + s1, s2, b->right, b);
    drop_rare(s->g, posts, count, b);
    for (uint32_t round = 0; round < rounds; round++) {
        if (swap_best(s, posts, s1, s2, (float)round, b) == 0) {
            break;
        }
    }
    for (uint32_t i = 0; i < b->touched_count; i++) {
        b->left[b->touched[i]] = b->right[b->touched[i]] = 0;
    }
    qsort(posts, s1, sizeof *posts, by_number);
    qsort(posts + s1, s2, sizeof *posts, by_number);
}

/* ---- Recursion ----------------------------------------------------------------------------- */

typedef struct task {
    bisection *s;
    bisect_part part;
    uint32_t half, rounds;
    pool_task task;
} task;

static void run_task(void *user, unsigned worker) {
    task *t = user;
    bisect(t->s, t->s->order + t->part.from, t->part.count, t->half, t->rounds,
           &t->s->benches[worker]);
}

/* The parts' halves become the parts. All tasks are waited for, whatever the status. */
static anp_status run_level(bisection *s, bisect_parts *parts, task *tasks,
                            const bisect_depth *depth, anp_error *err) {
    anp_status status = ANP_OK;
    size_t count = parts->count;
    for (size_t i = 0; i < count; i++) {
        bisect_part p = parts->items[i];
        tasks[i] = (task){s, p, bisect_half(p.count, depth->unit_bits), depth->rounds, {0}};
        tasks[i].task = (pool_task){.run = run_task, .user = &tasks[i]};
        if (tasks[i].half) {
            pool_submit(s->pool, &tasks[i].task, false);
        }
    }
    parts->count = 0;
    for (size_t i = 0; i < count; i++) {
        bisect_part p = tasks[i].part;
        uint32_t half = tasks[i].half;
        if (half) {
            pool_wait(s->pool, &tasks[i].task);
        }
        if (status == ANP_OK) {
            status = depth->step(depth->user, p.count, err);
        }
        if ((half && !vec_push(parts, ((bisect_part){p.from, half}))) ||
            !vec_push(parts, ((bisect_part){p.from + half, p.count - half}))) {
            status = error_nomem(err, "ordering posts");
        }
    }
    return status;
}

anp_status bisection_run(bisection *b, bisect_parts *parts, const bisect_depth *depth,
                         anp_error *err) {
    anp_status status = ANP_OK;
    for (size_t i = 0; i < parts->count; i++) {
        qsort(b->order + parts->items[i].from, parts->items[i].count, sizeof *b->order, by_number);
    }
    for (uint32_t level = 0; level < depth->levels && status == ANP_OK; level++) {
        task *tasks = malloc((parts->count + 1) * sizeof *tasks);
        status = tasks ? run_level(b, parts, tasks, depth, err)
                       : error_nomem(err, "ordering posts");
        free(tasks);
    }
    return status;
}

/* ---- Open, close --------------------------------------------------------------------------- */

static bool make_bench(bench *b, size_t terms, size_t posts) {
    b->left = calloc(terms, sizeof *b->left);
    b->right = calloc(terms, sizeof *b->right);
    b->gain_left = malloc(terms * sizeof *b->gain_left);
    b->gain_right = malloc(terms * sizeof *b->gain_right);
    b->touched = malloc(terms * sizeof *b->touched);
    b->keys = malloc(posts * sizeof *b->keys);
    b->spare = malloc(posts * sizeof *b->spare);
    return b->left && b->right && b->gain_left && b->gain_right && b->touched && b->keys &&
           b->spare;
}

static void free_bench(bench *b) {
    free(b->left);
    free(b->right);
    free(b->gain_left);
    free(b->gain_right);
    free(b->touched);
    free(b->keys);
    free(b->spare);
}

anp_status bisection_open(bisect_graph *g, pool *threads, bisection **out, anp_error *err) {
    unsigned workers = pool_workers(threads);
    size_t terms = (size_t)g->term_count + 1, posts = (size_t)g->count + 1;
    bisection *s = *out = calloc(1, sizeof *s);
    if (!s) {
        return error_nomem(err, "ordering posts");
    }
    *s = (bisection){.g = g, .pool = threads, .order = malloc(posts * sizeof *s->order),
                     .benches = calloc(workers, sizeof *s->benches)};
    bool held = s->order && s->benches;
    for (unsigned i = 0; i < workers && held; i++) {
        held = make_bench(&s->benches[i], terms, posts);
    }
    if (!held) {
        bisection_close(s);
        *out = NULL;
        return error_nomem(err, "ordering posts");
    }
    for (uint32_t i = 0; i < g->count; i++) {
        s->order[i] = i;
    }
    for (uint32_t n = 1; n < LOGS; n++) {
        s->logs[n] = log2f((float)n);
    }
    return ANP_OK;
}

void bisection_close(bisection *b) {
    for (unsigned i = 0; b && b->benches && i < pool_workers(b->pool); i++) {
        free_bench(&b->benches[i]);
    }
    if (b) {
        free(b->benches);
        free(b->order);
        free(b);
    }
}

uint32_t *bisection_order(bisection *b) {
    return b->order;
}

void bisect_graph_free(bisect_graph *g) {
    free(g->begins);
    free(g->lengths);
    free(g->terms);
    *g = (bisect_graph){0};
}
