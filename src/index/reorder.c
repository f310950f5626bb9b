/*
 * See reorder.h.
 *
 *     all posts ─ bisected ─> windows ─ by prior, length ─> classes ─ bisected ─> blocks
 *
 * Which posts share a window, and which ones of a class a block, says recursive graph bisection
 * (bisect.h). A class is a range of a window: posts of one class of prior, the best first, and of
 * about one norm, so that the bounds of its blocks are tight; but it has so many blocks that there
 * is a choice which posts share one. Posts without scores and of one length are one class.
 *
 * Tried, on 500 thousand passages of one length (P), 100 thousand articles (A), 200 thousand
 * synthesised posts (S): times of words, intersections and unions, the best 10, 100 and 1,000, over
 * those in the order of the file, geometric mean:
 *
 *                                                    P      A      S    S, blend 0.3
 *     windows sorted by prior and length           1.03   0.70   0.77   0.68
 *     windows bisected down to blocks, no classes  0.94   0.56   0.74   0.76
 *     eight (S: sixteen) classes, all of one size  0.96   0.57   0.73   0.65
 *     classes by prior only                          -      -    0.80   0.68
 *     classes as here                              0.95   0.57   0.74   0.66
 *     the same, norms up to 1.25 times the least   0.94     -    0.76   0.67
 *     no classes, down to 4,096 posts only         1.02
 *
 * And terms that a post holds three times and more as terms of their own beside: one word's best
 * thousand on P 1.14 instead of 1.17, all else the same, a larger graph.
 *
 * Memory: 4 bytes for each (post, term) that counts. Where those of all posts do not fit, each post
 * takes part with only so many of its terms until the parts are small enough; then each part is
 * loaded in full, or as far as it fits, one after the other. The result does not depend on the
 * number of threads.
 */
#include "index/reorder.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "index/bisect.h"
#include "index/forward.h"

#include <math.h>

enum {
    DF_LEAST = 3,     /* terms of fewer posts gain next to nothing */
    TERMS_LEAST = 6,  /* of a post, where memory is short */
    PRIOR_CLASSES = 16,
    LEAF_BITS = WINDOW_BITS > 12 ? 8 : 2, /* of the posts bisected last: a block; tests' windows
                                             are smaller than that */
    CLASS_POSTS_MIN = WINDOW_DOCS / 16,
    ROUNDS = 20,        /* of swaps */
    ROUNDS_INSIDE = 6,  /* windows: queries take as long after 6 as after 20, within a hundredth */
};

#define CLASS_NORM_SPREAD 1.1f /* the greatest norm of a class over its least, where it is large */
#define NORM_B 0.75f           /* norms are those of BM25 by default */
#define TO_BLOCKS UINT32_MAX   /* levels: those of windows, then those inside of them */

typedef struct ordering {
    const reorder_input *input;
    uint32_t *df;         /* by term of the index */
    uint32_t *order;      /* the result: posts */
    float average;        /* words of a post */
    uint64_t done, whole; /* posts times levels */
} ordering;

static uint32_t half_of(uint32_t count) {
    return bisect_half(count, WINDOW_BITS);
}

static uint32_t levels_of(uint32_t count) {
    return bisect_levels(count, WINDOW_BITS);
}

/* ---- What counts --------------------------------------------------------------------------- */

static uint64_t words_of(const ordering *o, const forward_head *head) {
    return head->body_words + (uint64_t)o->input->title_weight * head->title_words;
}

/* The view is good for its head and its terms. */
static anp_status open_record(const ordering *o, uint32_t post, arena *memory, forward_view *view,
                              anp_error *err) {
    arena_mark mark = arena_save(memory);
    anp_status status =
        forward_view_open(o->input->record(o->input->user, post), memory, view, err);
    arena_rewind(memory, mark);
    return status;
}

static anp_status count_post(ordering *o, const forward_view *view, anp_error *err) {
    forward_walk walk = forward_walk_open(view);
    uint32_t term;
    str payload;
    while (forward_walk_next(&walk, &term, &payload)) {
        if (term >= o->input->term_end) {
            return error_corrupt(err, "a record has a term that was never given a number");
        }
        o->df[term]++;
    }
    return ANP_OK;
}

static anp_status count_all(ordering *o, anp_error *err) {
    arena memory = {0};
    anp_status status = ANP_OK;
    uint64_t words = 0;
    for (uint32_t post = 0; post < o->input->count && status == ANP_OK; post++) {
        forward_view view;
        status = open_record(o, post, &memory, &view, err);
        if (status == ANP_OK) {
            words += words_of(o, &view.head);
            status = count_post(o, &view, err);
        }
    }
    o->average = fmaxf((float)words / (float)o->input->count, 1);
    arena_free(&memory);
    return status;
}

static bool counts(const ordering *o, uint32_t term) {
    return o->df[term] >= DF_LEAST && o->df[term] <= o->input->count / 2;
}

/* ---- Loading a part ------------------------------------------------------------------------ */

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

/* What loading needs beside the graph. */
typedef struct loader {
    ordering *o;
    bisect_graph *g;
    size_t most;      /* terms of a post */
    uint32_t *number; /* by term: its number in the graph, or UINT32_MAX */
    arena memory;
    VEC(choice) items;   /* of the post in hand */
    VEC(uint32_t) terms; /* of all so far */
} loader;

static anp_status load_post(loader *l, uint32_t post, anp_error *err) {
    forward_view view;
    uint32_t term;
    str payload;
    bool held = true;
    l->items.count = 0;
    TRY(open_record(l->o, post, &l->memory, &view, err));
    forward_walk walk = forward_walk_open(&view);
    while (held && forward_walk_next(&walk, &term, &payload)) {
        held = !counts(l->o, term) || vec_push(&l->items, ((choice){term, l->o->df[term]}));
    }
    size_t kept = choose(l->o, l->items.items, l->items.count, l->most);
    for (size_t at = 0; at < kept && held; at++) {
        uint32_t *number = &l->number[l->items.items[at].term];
        *number = *number == UINT32_MAX ? l->g->term_count++ : *number;
        held = vec_push(&l->terms, *number);
    }
    return held ? ANP_OK : error_nomem(err, "ordering posts");
}

/* Posts of o->order from `from` on, each with at most that many terms. */
static anp_status load(ordering *o, uint32_t from, uint32_t count, size_t most, bisect_graph *g,
                       anp_error *err) {
    size_t term_end = o->input->term_end;
    loader l = {.o = o, .g = g, .most = most, .number = malloc((term_end + 1) * sizeof *l.number)};
    *g = (bisect_graph){.count = count, .begins = malloc((count + 1u) * sizeof *g->begins),
                        .lengths = malloc((count + 1u) * sizeof *g->lengths)};
    anp_status status =
        l.number && g->begins && g->lengths ? ANP_OK : error_nomem(err, "ordering posts");
    if (status == ANP_OK) {
        memset(l.number, 0xff, term_end * sizeof *l.number);
    }
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        g->begins[i] = l.terms.count;
        status = load_post(&l, o->order[from + i], err);
        g->lengths[i] = (uint32_t)(l.terms.count - g->begins[i]);
    }
    g->terms = l.terms.items;
    free(l.items.items);
    free(l.number);
    arena_free(&l.memory);
    if (status != ANP_OK) {
        bisect_graph_free(g);
    }
    return status;
}

/* ---- Classes of a window ------------------------------------------------------------------- */

/* What sorts a post of a window: class of prior, length, place before. */
static uint64_t rank_of(const ordering *o, uint32_t post, uint32_t place) {
    forward_head head;
    forward_open(o->input->record(o->input->user, post), &head);
    float prior = 0;
    for (int i = 0; i < 4; i++) {
        prior += head.scores[i] / 400;
    }
    float class = floorf(prior * (float)PRIOR_CLASSES);
    class = fminf(fmaxf(class, 0), (float)(PRIOR_CLASSES - 1));
    uint64_t length = words_of(o, &head);
    length = length < UINT32_MAX ? length : UINT32_MAX;
    return (uint64_t)(PRIOR_CLASSES - 1 - (unsigned)class) << 60 | length << 28 | place;
}

static unsigned prior_of(uint64_t rank) {
    return (unsigned)(rank >> 60);
}

static float norm_of(const ordering *o, uint64_t rank) {
    float length = (float)(rank >> 28 & UINT32_MAX);
    return 1 - NORM_B + NORM_B * length / o->average;
}

static int by_rank(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The end of the class that begins at `from`, whole leaves; all that is left, if it is little. */
static uint32_t class_end(const ordering *o, const uint64_t *ranks, uint32_t from,
                          uint32_t count) {
    float most = norm_of(o, ranks[from]) * CLASS_NORM_SPREAD;
    for (uint32_t at = from + CLASS_POSTS_MIN; at + CLASS_POSTS_MIN <= count;
         at += 1u << LEAF_BITS) {
        if (prior_of(ranks[at]) != prior_of(ranks[from]) || norm_of(o, ranks[at]) > most) {
            return at;
        }
    }
    return count;
}

/* Sorts a window, and says its classes. Its places are those of posts, a range of o->order. */
static anp_status split_window(const ordering *o, const uint32_t *posts, uint32_t *places,
                               bisect_part window, bisect_parts *classes, anp_error *err) {
    uint64_t *ranks = malloc(window.count * sizeof *ranks);
    uint32_t *before = malloc(window.count * sizeof *before);
    bool held = ranks && before;
    for (uint32_t i = 0; i < window.count && held; i++) {
        before[i] = places[window.from + i];
        ranks[i] = rank_of(o, posts[before[i]], i);
    }
    if (held) {
        qsort(ranks, window.count, sizeof *ranks, by_rank);
    }
    for (uint32_t i = 0; i < window.count && held; i++) {
        places[window.from + i] = before[ranks[i] & (WINDOW_DOCS - 1)];
    }
    for (uint32_t from = 0, end; from < window.count && held; from = end) {
        end = class_end(o, ranks, from, window.count);
        held = vec_push(classes, ((bisect_part){window.from + from, end - from}));
    }
    free(ranks);
    free(before);
    return held ? ANP_OK : error_nomem(err, "ordering posts");
}

/* ---- Parts --------------------------------------------------------------------------------- */

static anp_status ask(void *user, uint32_t posts, anp_error *err) {
    ordering *o = user;
    o->done += posts;
    if (!o->input->ask || o->input->ask(o->input->user, o->done, o->whole)) {
        return ANP_OK;
    }
    return error_set(err, ANP_CANCELLED, "stopped as asked; the index is as it was");
}

/* Windows that are loaded: the blocks of their classes. */
static anp_status order_inside(ordering *o, const uint32_t *posts, bisection *b,
                               const bisect_parts *windows, anp_error *err) {
    bisect_parts classes = {0};
    bisect_depth depth = {LEAF_BITS, WINDOW_BITS - LEAF_BITS, ROUNDS_INSIDE, ask, o};
    anp_status status = ANP_OK;
    for (size_t i = 0; i < windows->count && status == ANP_OK; i++) {
        status = split_window(o, posts, bisection_order(b), windows->items[i], &classes, err);
    }
    if (status == ANP_OK) {
        status = bisection_run(b, &classes, &depth, err);
    }
    free(classes.items);
    return status;
}

/* Posts that are loaded: bisected so many times. */
static anp_status order_loaded(ordering *o, uint32_t *posts, bisect_graph *g, uint32_t levels,
                               anp_error *err) {
    bisection *b;
    bisect_parts parts = {0};
    bool inside = levels == TO_BLOCKS;
    bisect_depth depth = {WINDOW_BITS, inside ? levels_of(g->count) : levels, ROUNDS, ask, o};
    uint32_t *before = malloc((g->count + 1u) * sizeof *before);
    anp_status status = before && vec_push(&parts, ((bisect_part){0, g->count}))
                            ? bisection_open(g, o->input->pool, &b, err)
                            : error_nomem(err, "ordering posts");
    if (status == ANP_OK) {
        status = bisection_run(b, &parts, &depth, err);
        if (status == ANP_OK && inside) {
            status = order_inside(o, posts, b, &parts, err);
        }
        memcpy(before, posts, g->count * sizeof *before);
        for (uint32_t i = 0; i < g->count; i++) {
            posts[i] = before[bisection_order(b)[i]];
        }
        bisection_close(b);
    }
    free(before);
    free(parts.items);
    return status;
}

/* A part of the order, with at most so many terms of each post. */
static anp_status order_part(ordering *o, uint32_t from, uint32_t count, uint32_t levels,
                             size_t most, anp_error *err) {
    bisect_graph g;
    TRY(load(o, from, count, most, &g, err));
    anp_status status = order_loaded(o, o->order + from, &g, levels, err);
    bisect_graph_free(&g);
    return status;
}

/* The parts that so many cuts gave, each down to its blocks. */
static anp_status order_parts(ordering *o, uint32_t from, uint32_t count, uint32_t cuts,
                              size_t most, anp_error *err) {
    uint32_t half = half_of(count);
    if (cuts == 0 || half == 0) {
        return order_part(o, from, count, TO_BLOCKS, most, err);
    }
    TRY(order_parts(o, from, half, cuts - 1, most, err));
    return order_parts(o, from + half, count - half, cuts - 1, most, err);
}

/* As many terms of each of so many posts as there is room for. */
static size_t most_terms(uint64_t room, uint32_t count) {
    uint64_t most = room / count;
    return most > TERMS_LEAST ? (size_t)most : TERMS_LEAST;
}

/* As deep as the memory asks with few terms, then each part with all, or what a window may have. */
static anp_status order_all(ordering *o, anp_error *err) {
    uint32_t count = o->input->count, levels = levels_of(count), cuts = 0;
    uint64_t terms = 0, room = o->input->memory_bytes / sizeof(uint32_t) + 1;
    for (uint32_t term = 0; term < o->input->term_end; term++) {
        terms += counts(o, term) ? o->df[term] : 0;
    }
    while (cuts < levels && terms >> cuts > room) {
        cuts++;
    }
    o->whole = (uint64_t)count * (levels + WINDOW_BITS - LEAF_BITS);
    if (cuts) {
        TRY(order_part(o, 0, count, cuts, most_terms(room, count), err));
    }
    bool fits = terms >> cuts <= room;
    return order_parts(o, 0, count, cuts, fits ? SIZE_MAX : most_terms(room, WINDOW_DOCS), err);
}

anp_status reorder(const reorder_input *input, uint32_t *order, anp_error *err) {
    ordering o = {.input = input, .order = order};
    for (uint32_t i = 0; i < input->count; i++) {
        order[i] = i;
    }
    if (input->count == 0) {
        return ANP_OK;
    }
    o.df = calloc((size_t)input->term_end + 1, sizeof *o.df);
    anp_status status = o.df ? count_all(&o, err) : error_nomem(err, "ordering posts");
    if (status == ANP_OK) {
        status = order_all(&o, err);
    }
    free(o.df);
    return status;
}
