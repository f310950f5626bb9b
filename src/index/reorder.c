/*
 * See reorder.h. Which posts share a window: recursive graph bisection (Dhulipala, Kabiljo, Karrer,
 * Ottaviano, Pupyrev, Shalita: Compressing Graphs and Indexes with Recursive Graph Bisection, KDD
 * 2016), with the cooling of Mackenzie, Mallia, Petri, Culpepper, Suel: Compressing Inverted
 * Indexes with Recursive Graph Bisection, ECIR 2019.
 *
 *     posts    [ a b c d e f g h ]     halves; each post's gain: the bits that its terms would
 *              [ a b c d | e f g h ]   save on the other side; the best of both change places while
 *              [ a f c d | e b g h ]   that pays, some rounds; then each half, down to a window
 *
 * A term that n1 of s1 posts hold on the left and n2 of s2 on the right is taken to cost
 * n1 log(s1 / (n1 + 1)) + n2 log(s2 / (n2 + 1)) bits.
 *
 * Inside a window: by class of prior, the best first, then by length, so that the bounds of a block
 * of posts are tight.
 *
 * Memory: 4 bytes for each (post, term) that counts. Where those of all posts do not fit, each post
 * takes part with only so many of its terms until the parts are small enough; then each part is
 * loaded in full, one after the other. The result does not depend on the number of threads.
 */
#include "index/reorder.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/pool.h"
#include "base/vec.h"
#include "index/forward.h"

#include <math.h>

enum {
    ROUNDS_MAX = 20,
    DF_LEAST = 3,     /* terms of fewer posts gain next to nothing */
    TERMS_LEAST = 6,  /* of a post, where memory is short */
    PRIOR_CLASSES = 16,
};

/* The terms of the posts in hand, as numbers of their own, dense. */
typedef struct graph {
    uint32_t count;    /* posts */
    uint32_t *posts;   /* by place: the post */
    uint64_t *offsets; /* by place of loading */
    uint32_t *terms;
    uint32_t term_count;
} graph;

/* What a thread counts with. */
typedef struct bench {
    uint32_t *left, *right; /* by term: how many posts of each half hold it */
    float *gain_left;       /* what a post of the left half gains by this term on the right */
    float *gain_right;
    uint32_t *touched;
    uint32_t touched_count;
    uint64_t *keys, *spare; /* by post of the part: gain << 32 | place, to be sorted */
} bench;

typedef struct ordering {
    const reorder_input *input;
    pool *pool;
    uint32_t *df;     /* by term of the index */
    uint32_t *order;  /* the result: posts */
    bench *benches;   /* by worker */
    graph g;
    uint32_t *places; /* of the graph's posts, in their order so far */
    uint64_t done, whole; /* posts times levels */
} ordering;

/* The left part is whole windows, as many as the right one or one fewer; 0: all is one window. */
static uint32_t half_of(uint32_t count) {
    uint32_t windows = (uint32_t)(((uint64_t)count + WINDOW_DOCS - 1) >> WINDOW_BITS);
    return (windows / 2) << WINDOW_BITS;
}

static uint32_t levels_of(uint32_t count) {
    uint32_t levels = 0;
    for (; half_of(count); count -= half_of(count)) { /* the right part is the larger one */
        levels++;
    }
    return levels;
}

/* ---- What counts --------------------------------------------------------------------------- */

static anp_status walk_record(const ordering *o, uint32_t post, forward_walk *walk, arena *memory,
                              anp_error *err) {
    forward_view view;
    arena_mark mark = arena_save(memory);
    anp_status status =
        forward_view_open(o->input->record(o->input->user, post), memory, &view, err);
    if (status == ANP_OK) {
        *walk = forward_walk_open(&view);
    }
    arena_rewind(memory, mark);
    return status;
}

static anp_status count_terms(ordering *o, anp_error *err) {
    arena memory = {0};
    anp_status status = ANP_OK;
    for (uint32_t post = 0; post < o->input->count && status == ANP_OK; post++) {
        forward_walk walk;
        uint32_t term;
        str payload;
        status = walk_record(o, post, &walk, &memory, err);
        while (status == ANP_OK && forward_walk_next(&walk, &term, &payload)) {
            if (term >= o->input->term_end) {
                status = error_corrupt(err, "a record has a term that was never given a number");
                break;
            }
            o->df[term]++;
        }
    }
    arena_free(&memory);
    return status;
}

static bool counts(const ordering *o, uint32_t term) {
    return o->df[term] >= DF_LEAST && o->df[term] <= o->input->count / 2;
}

/* ---- Loading a part ------------------------------------------------------------------------ */

static void free_graph(graph *g) {
    free(g->posts);
    free(g->offsets);
    free(g->terms);
    *g = (graph){0};
}

typedef struct choice {
    uint32_t term;
    uint32_t df;
} choice;

static int by_df(const void *a, const void *b) {
    const choice *x = a, *y = b;
    return x->df != y->df ? (x->df > y->df ? -1 : 1) : (x->term > y->term) - (x->term < y->term);
}

/*
 * The terms of a post that count: all, or `most` of them, frequent ones first (those that cut a
 * large part well), but none of more than an eighth of all posts.
 */
static size_t choose(const ordering *o, choice *items, size_t count, size_t most) {
    size_t kept = 0;
    if (count <= most) {
        return count;
    }
    for (size_t i = 0; i < count; i++) {
        if (items[i].df <= o->input->count / 8) {
            items[kept++] = items[i];
        }
    }
    qsort(items, kept, sizeof *items, by_df);
    return kept < most ? kept : most;
}

/* posts[0, count) of o->order from `from` on, each with at most that many terms. */
static anp_status load(ordering *o, uint32_t from, uint32_t count, size_t most, anp_error *err) {
    graph g = {.count = count};
    arena memory = {0};
    VEC(choice) items = {0};
    VEC(uint32_t) terms = {0};
    uint32_t *dense = malloc(((size_t)o->input->term_end + 1) * sizeof *dense);
    g.posts = malloc((count + 1u) * sizeof *g.posts);
    g.offsets = malloc((count + 1u) * sizeof *g.offsets);
    anp_status status = dense && g.posts && g.offsets ? ANP_OK : error_nomem(err, "ordering posts");
    if (status == ANP_OK) {
        memset(dense, 0xff, (size_t)o->input->term_end * sizeof *dense);
    }
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        forward_walk walk;
        uint32_t term;
        str payload;
        bool held = true;
        g.posts[i] = o->order[from + i];
        g.offsets[i] = terms.count;
        items.count = 0;
        status = walk_record(o, g.posts[i], &walk, &memory, err);
        while (status == ANP_OK && held && forward_walk_next(&walk, &term, &payload)) {
            held = !counts(o, term) || vec_push(&items, ((choice){term, o->df[term]}));
        }
        size_t kept = choose(o, items.items, items.count, most);
        for (size_t at = 0; at < kept && held; at++) {
            uint32_t *number = &dense[items.items[at].term];
            *number = *number == UINT32_MAX ? g.term_count++ : *number;
            held = vec_push(&terms, *number);
        }
        status = held ? status : error_nomem(err, "ordering posts");
    }
    free(items.items);
    free(dense);
    arena_free(&memory);
    g.terms = terms.items;
    if (status != ANP_OK) {
        free_graph(&g);
        return status;
    }
    g.offsets[count] = terms.count;
    o->g = g;
    return ANP_OK;
}

/* ---- Bisection ----------------------------------------------------------------------------- */

/* What the term costs less when one of n1 + 1 … goes over: from (n1, n2) to (n1 - 1, n2 + 1). */
static float move_gain(float n1, float n2, float log_s1, float log_s2) {
    float before = n1 * (log_s1 - log2f(n1 + 1)) + n2 * (log_s2 - log2f(n2 + 1));
    float after = (n1 - 1) * (log_s1 - log2f(n1)) + (n2 + 1) * (log_s2 - log2f(n2 + 2));
    return before - after;
}

static void count_half(const graph *g, const uint32_t *places, uint32_t count, uint32_t *counter,
                       bench *b) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint64_t e = g->offsets[places[i]]; e < g->offsets[places[i] + 1]; e++) {
            uint32_t term = g->terms[e];
            if (b->left[term] + b->right[term] == 0) {
                b->touched[b->touched_count++] = term;
            }
            counter[term]++;
        }
    }
}

static void weigh_terms(bench *b, uint32_t s1, uint32_t s2) {
    float log_s1 = log2f((float)s1), log_s2 = log2f((float)s2);
    for (uint32_t i = 0; i < b->touched_count; i++) {
        uint32_t term = b->touched[i];
        float n1 = (float)b->left[term], n2 = (float)b->right[term];
        b->gain_left[term] = n1 > 0 ? move_gain(n1, n2, log_s1, log_s2) : 0;
        b->gain_right[term] = n2 > 0 ? move_gain(n2, n1, log_s2, log_s1) : 0;
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

/* Stable, by the upper half. */
static void sort_keys(uint64_t *keys, uint64_t *spare, uint32_t count) {
    enum { BITS = 11, SLOTS = 1 << BITS };
    uint64_t *from = keys, *to = spare;
    for (unsigned shift = 32; shift < 64; shift += BITS) {
        uint32_t starts[SLOTS] = {0}, sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            starts[from[i] >> shift & (SLOTS - 1)]++;
        }
        for (uint32_t slot = 0; slot < SLOTS; slot++) {
            uint32_t here = starts[slot];
            starts[slot] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < count; i++) {
            to[starts[from[i] >> shift & (SLOTS - 1)]++] = from[i];
        }
        uint64_t *swap = from;
        from = to;
        to = swap;
    }
    memcpy(keys, from, count * sizeof *keys); /* three passes: in spare */
}

static int by_key(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void weigh_half(const graph *g, const uint32_t *places, uint32_t count, const float *gain,
                       uint64_t *keys, uint64_t *spare) {
    for (uint32_t i = 0; i < count; i++) {
        float sum = 0;
        for (uint64_t e = g->offsets[places[i]]; e < g->offsets[places[i] + 1]; e++) {
            sum += gain[g->terms[e]];
        }
        keys[i] = (uint64_t)descending(sum) << 32 | i;
    }
    if (count < 2048) {
        qsort(keys, count, sizeof *keys, by_key);
    } else {
        sort_keys(keys, spare, count);
    }
}

static void change_side(const graph *g, uint32_t place, uint32_t *from, uint32_t *to) {
    for (uint64_t e = g->offsets[place]; e < g->offsets[place + 1]; e++) {
        from[g->terms[e]]--;
        to[g->terms[e]]++;
    }
}

/* One round; how many pairs changed places. */
static uint32_t swap_best(const graph *g, uint32_t *places, uint32_t s1, uint32_t s2, float least,
                          bench *b) {
    uint64_t *keys2 = b->keys + s1;
    uint32_t swaps = 0, pairs = s1 < s2 ? s1 : s2;
    weigh_terms(b, s1, s2);
    weigh_half(g, places, s1, b->gain_left, b->keys, b->spare);
    weigh_half(g, places + s1, s2, b->gain_right, keys2, b->spare);
    for (; swaps < pairs; swaps++) {
        float gain = of_descending((uint32_t)(b->keys[swaps] >> 32)) +
                     of_descending((uint32_t)(keys2[swaps] >> 32));
        if (!(gain > least)) {
            break;
        }
        uint32_t *one = &places[(uint32_t)b->keys[swaps]];
        uint32_t *two = &places[s1 + (uint32_t)keys2[swaps]];
        change_side(g, *one, b->left, b->right);
        change_side(g, *two, b->right, b->left);
        uint32_t swap = *one;
        *one = *two;
        *two = swap;
    }
    return swaps;
}

static void bisect(const graph *g, uint32_t *places, uint32_t count, bench *b) {
    uint32_t s1 = half_of(count), s2 = count - s1;
    b->touched_count = 0;
    count_half(g, places, s1, b->left, b);
    count_half(g, places + s1, s2, b->right, b);
    for (uint32_t round = 0; round < ROUNDS_MAX; round++) {
        if (swap_best(g, places, s1, s2, (float)round, b) == 0) {
            break;
        }
    }
    for (uint32_t i = 0; i < b->touched_count; i++) {
        b->left[b->touched[i]] = b->right[b->touched[i]] = 0;
    }
}

/* ---- Recursion ----------------------------------------------------------------------------- */

typedef struct part {
    ordering *o;
    uint32_t from, count;
    pool_task task;
} part;

static void run_part(void *user, unsigned worker) {
    part *p = user;
    bisect(&p->o->g, p->o->places + p->from, p->count, &p->o->benches[worker]);
}

static anp_status ask(ordering *o, uint64_t done, anp_error *err) {
    o->done += done;
    if (!o->input->ask || o->input->ask(o->input->user, o->done, o->whole)) {
        return ANP_OK;
    }
    return error_set(err, ANP_CANCELLED, "stopped as asked; the index is as it was");
}

/* Level by level, the parts of a level in parallel. */
static anp_status run_levels(ordering *o, uint32_t levels, anp_error *err) {
    VEC(part) now = {0}, next = {0};
    anp_status status = vec_push(&now, ((part){.o = o, .count = o->g.count}))
                            ? ANP_OK
                            : error_nomem(err, "ordering posts");
    for (uint32_t level = 0; level < levels && status == ANP_OK; level++) {
        next.count = 0;
        for (size_t i = 0; i < now.count; i++) {
            now.items[i].task = (pool_task){.run = run_part, .user = &now.items[i]};
            if (half_of(now.items[i].count)) {
                pool_submit(o->pool, &now.items[i].task, false);
            }
        }
        for (size_t i = 0; i < now.count; i++) {
            part *p = &now.items[i];
            uint32_t half = half_of(p->count);
            if (half) {
                pool_wait(o->pool, &p->task);
            }
            if (status == ANP_OK) {
                status = ask(o, p->count, err);
            }
            part left = {.o = o, .from = p->from, .count = half};
            part right = {.o = o, .from = p->from + half, .count = p->count - half};
            if ((half && !vec_push(&next, left)) || !vec_push(&next, right)) {
                status = error_nomem(err, "ordering posts");
            }
        }
        void *swap = now.items;
        size_t capacity = now.capacity;
        now.items = next.items;
        now.count = next.count;
        now.capacity = next.capacity;
        next.items = swap;
        next.capacity = capacity;
    }
    free(now.items);
    free(next.items);
    return status;
}

static void free_benches(ordering *o) {
    for (unsigned i = 0; o->benches && i < pool_workers(o->pool); i++) {
        bench *b = &o->benches[i];
        free(b->left);
        free(b->right);
        free(b->gain_left);
        free(b->gain_right);
        free(b->touched);
        free(b->keys);
        free(b->spare);
    }
    free(o->benches);
    o->benches = NULL;
}

static anp_status make_benches(ordering *o, anp_error *err) {
    size_t terms = (size_t)o->g.term_count + 1, posts = (size_t)o->g.count + 1;
    unsigned workers = pool_workers(o->pool);
    bool held = (o->benches = calloc(workers, sizeof *o->benches)) != NULL;
    for (unsigned i = 0; held && i < workers; i++) {
        bench *b = &o->benches[i];
        b->left = calloc(terms, sizeof *b->left);
        b->right = calloc(terms, sizeof *b->right);
        b->gain_left = malloc(terms * sizeof *b->gain_left);
        b->gain_right = malloc(terms * sizeof *b->gain_right);
        b->touched = malloc(terms * sizeof *b->touched);
        b->keys = malloc(posts * sizeof *b->keys);
        b->spare = malloc(posts * sizeof *b->spare);
        held = b->left && b->right && b->gain_left && b->gain_right && b->touched && b->keys &&
               b->spare;
    }
    return held ? ANP_OK : error_nomem(err, "ordering posts");
}

/* A part of the order, bisected so many times with at most so many terms of each post. */
static anp_status order_part(ordering *o, uint32_t from, uint32_t count, uint32_t levels,
                             size_t most, anp_error *err) {
    TRY(load(o, from, count, most, err));
    o->places = malloc((count + 1u) * sizeof *o->places);
    anp_status status = o->places ? make_benches(o, err) : error_nomem(err, "ordering posts");
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        o->places[i] = i;
    }
    if (status == ANP_OK) {
        status = run_levels(o, levels, err);
    }
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        o->order[from + i] = o->g.posts[o->places[i]];
    }
    free_benches(o);
    free(o->places);
    free_graph(&o->g);
    return status;
}

/* The parts that so many cuts gave, each in full. */
static anp_status order_parts(ordering *o, uint32_t from, uint32_t count, uint32_t cuts,
                              anp_error *err) {
    uint32_t half = half_of(count);
    if (half == 0) {
        return ANP_OK;
    }
    if (cuts == 0) {
        return order_part(o, from, count, levels_of(count), SIZE_MAX, err);
    }
    TRY(order_parts(o, from, half, cuts - 1, err));
    return order_parts(o, from + half, count - half, cuts - 1, err);
}

/* As deep as the memory asks with few terms, then each part in full. */
static anp_status order_windows(ordering *o, anp_error *err) {
    uint32_t count = o->input->count, levels = levels_of(count), cuts = 0;
    uint64_t terms = 0, room = o->input->memory_bytes / sizeof(uint32_t) + 1;
    for (uint32_t term = 0; term < o->input->term_end; term++) {
        terms += counts(o, term) ? o->df[term] : 0;
    }
    while (cuts < levels && terms >> cuts > room) {
        cuts++;
    }
    o->whole = (uint64_t)count * levels;
    if (cuts) {
        uint64_t most = room / (count ? count : 1);
        TRY(order_part(o, 0, count, cuts, most > TERMS_LEAST ? (size_t)most : TERMS_LEAST, err));
    }
    return order_parts(o, 0, count, cuts, err);
}

/* ---- Inside a window ----------------------------------------------------------------------- */

/* What sorts a post of a window: class of prior, length, place before. */
static uint64_t rank_of(const reorder_input *input, uint32_t post, uint32_t place) {
    forward_head head;
    forward_open(input->record(input->user, post), &head);
    float prior = 0;
    for (int i = 0; i < 4; i++) {
        prior += head.scores[i] / 400;
    }
    float class = floorf(prior * (float)PRIOR_CLASSES);
    class = fminf(fmaxf(class, 0), (float)(PRIOR_CLASSES - 1));
    uint64_t length = head.body_words + (uint64_t)input->title_weight * head.title_words;
    length = length < UINT32_MAX ? length : UINT32_MAX;
    return (uint64_t)(PRIOR_CLASSES - 1 - (unsigned)class) << 60 | length << 28 | place;
}

static anp_status order_inside(const reorder_input *input, uint32_t *order, anp_error *err) {
    uint64_t *keys = malloc(WINDOW_DOCS * sizeof *keys);
    uint32_t *before = malloc(WINDOW_DOCS * sizeof *before);
    anp_status status = keys && before ? ANP_OK : error_nomem(err, "ordering posts");
    for (uint32_t from = 0; from < input->count && status == ANP_OK;) {
        uint32_t count = input->count - from < WINDOW_DOCS ? input->count - from : WINDOW_DOCS;
        for (uint32_t i = 0; i < count; i++) {
            before[i] = order[from + i];
            keys[i] = rank_of(input, before[i], i);
        }
        qsort(keys, count, sizeof *keys, by_key);
        for (uint32_t i = 0; i < count; i++) {
            order[from + i] = before[keys[i] & (WINDOW_DOCS - 1)];
        }
        from += count;
    }
    free(keys);
    free(before);
    return status;
}

anp_status reorder(const reorder_input *input, uint32_t *order, anp_error *err) {
    ordering o = {.input = input, .pool = input->pool, .order = order};
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < input->count; i++) {
        order[i] = i;
    }
    if (levels_of(input->count)) {
        o.df = calloc((size_t)input->term_end + 1, sizeof *o.df);
        status = o.df ? count_terms(&o, err) : error_nomem(err, "ordering posts");
        if (status == ANP_OK) {
            status = order_windows(&o, err);
        }
        free(o.df);
    }
    return status == ANP_OK ? order_inside(input, order, err) : status;
}
