/*
 * The best of what is offered. While there are fewer than capacity they are in no order.
 *
 *     heap    [worst that is kept | …]; log k an offer that wins
 *     pool    [worst | best k and some | offers that were better than it … | room]: where no room
 *             is left, and at the end, all are counted by steps of the range of scores, and what
 *             lies below the step of the k-th goes: some 10 ns an offer. The worst is that of the
 *             last time, so that some offers win which a heap would refuse
 *
 * It is a heap first. Where hundreds are wanted, and half as many have won after it was full, it
 * becomes a pool: that takes a third of the heap's time. Tried: a pool from the start. Where bounds
 * tell the best posts so well that few others are offered, it loses up to a sixth, and of a hundred
 * wanted a tenth.
 *
 * Items are passed field by field: a struct that was just made would be read again before it is
 * stored, and wait for that.
 *
 * At the end they are put into steps of the range of scores, and each step is sorted by itself: of
 * a thousand posts that is half the time of taking them from the heap one by one. Where scores are
 * the same, or memory is out, the heap does it.
 */
#include "query/score.h"

enum {
    STEPS_MAX = 1024,
    STEPS_FROM = 24, /* fewer posts are sorted by insertion */
    POOL_FROM = TOP_DROP_MAX + 1, /* so many wanted are no heap */
    SUNK_PART = 2,   /* of those wanted are put into the heap first */
    LEFT_PART = 8,   /* of those wanted may be left beside them */
    FIRST_PART = 2,  /* of those wanted may come before room is made first */
};

static inline bool is_worse_than(const scored *a, double score, uint32_t docno) {
    return a->score < score || (a->score == score && a->docno > docno);
}

static inline bool is_worse(const scored *a, const scored *b) {
    return is_worse_than(a, b->score, b->docno);
}

bool top_make(top_list *top, size_t capacity, arena *memory) {
    size_t room = capacity < POOL_FROM ? capacity + 1 : 2 * capacity;
    *top = (top_list){.items = arena_alloc(memory, room * sizeof *top->items),
                      .capacity = capacity};
    return top->items != NULL;
}

/* ---- The heap ------------------------------------------------------------------------------ */

/* Puts an item, whose place `at` is free, where both below it are better: at or further down. */
static inline void sink(scored *items, size_t count, size_t at, double score, double prior,
                        int64_t units, uint32_t docno) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && is_worse(&items[child + 1], &items[child])) {
            child++;
        }
        if (!is_worse_than(&items[child], score, docno)) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = (scored){score, prior, units, docno};
}

static void sink_item(scored *items, size_t count, size_t at, const scored *item) {
    sink(items, count, at, item->score, item->prior, item->units, item->docno);
}

static void make_heap(scored *items, size_t count) {
    for (size_t at = count / 2; at-- > 0;) {
        sink_item(items, count, at, &items[at]);
    }
}

/* ---- The pool ------------------------------------------------------------------------------ */

/* Steps of equal width, the best first: of scores, or of ordinals where all scores are the same. */
typedef struct score_steps {
    bool by_docno;
    double best, scale;
    size_t count;
} score_steps;

/* Less is better. */
static inline double key_of(const scored *item, bool by_docno) {
    return by_docno ? (double)item->docno : -item->score;
}

static score_steps steps_by(const scored *items, size_t count, bool by_docno) {
    double best = key_of(&items[0], by_docno), worst = best;
    for (size_t i = 1; i < count; i++) {
        double key = key_of(&items[i], by_docno);
        best = key < best ? key : best;
        worst = key > worst ? key : worst;
    }
    size_t steps = count < STEPS_MAX ? count : STEPS_MAX;
    double scale = worst > best ? (double)(steps - 1) / (worst - best) : 0;
    return (score_steps){by_docno, best, scale, steps};
}

static score_steps steps_of(const scored *items, size_t count) {
    score_steps s = steps_by(items, count, false);
    return s.scale > 0 ? s : steps_by(items, count, true);
}

static inline size_t step_of(const score_steps *s, const scored *item) {
    return (size_t)((key_of(item, s->by_docno) - s->best) * s->scale);
}

/* How many lie in each step. */
static void count_steps(const score_steps *s, const scored *items, size_t count,
                        uint32_t counts[STEPS_MAX]) {
    memset(counts, 0, s->count * sizeof *counts);
    for (size_t i = 0; i < count; i++) {
        counts[step_of(s, &items[i])]++;
    }
}

/* Leaves the best `wanted` < *count, those of the last one's step behind the others; how many
   others. */
static size_t cut_steps(scored *items, size_t *count, size_t wanted) {
    uint32_t counts[STEPS_MAX];
    score_steps s = steps_of(items, *count);
    size_t last = 0, kept = 0, better = 0;
    count_steps(&s, items, *count, counts);
    while (better + counts[last] < wanted) {
        better += counts[last++];
    }
    for (size_t i = 0; i < *count; i++) {
        bool keep = step_of(&s, &items[i]) <= last;
        items[kept] = items[i];
        kept += keep;
    }
    *count = kept;
    if (kept - wanted <= wanted / LEFT_PART) {
        return better; /* they need no order */
    }
    for (size_t i = 0, to = 0; to < better; i++) {
        if (step_of(&s, &items[i]) < last) {
            scored item = items[i];
            items[i] = items[to];
            items[to++] = item;
        }
    }
    return better;
}

/* Leaves the best `wanted` < count and few others; how many. Where many share a step, it is cut by
   steps of its own. */
static size_t leave_best(scored *items, size_t count, size_t wanted) {
    size_t done = 0, left = count;
    while (done + left - wanted > wanted / LEFT_PART) {
        size_t better = cut_steps(items + done, &left, wanted - done);
        done += better;
        left -= better;
    }
    return done + left;
}

static void put_worst_first(scored *items, size_t count) {
    size_t worst = 0;
    for (size_t i = 1; i < count; i++) {
        worst = is_worse(&items[i], &items[worst]) ? i : worst;
    }
    scored first = items[0];
    items[0] = items[worst];
    items[worst] = first;
}

/* So many more may come: each time twice as many, as the first ones tell most. */
static void allow(top_list *top, size_t more) {
    size_t room = 2 * top->capacity - top->count;
    top->more = more;
    top->full = top->count + (more < room ? more : room);
}

/* When there is no room any more. */
static void make_room(top_list *top) {
    top->count = leave_best(top->items, top->count, top->capacity);
    put_worst_first(top->items, top->count);
    allow(top, 2 * top->more);
}

/* ---- Offers -------------------------------------------------------------------------------- */

/* Into the heap. After many it is a pool from here on: its first is the worst, as it has to be. */
static void sink_offer(top_list *top, double score, double prior, int64_t units, uint32_t docno) {
    sink(top->items, top->count, 0, score, prior, units, docno);
    if (top->capacity >= POOL_FROM && ++top->sunk == top->capacity / SUNK_PART) {
        allow(top, top->capacity / FIRST_PART);
    }
}

static inline void offer(top_list *top, double score, double prior, int64_t units,
                         uint32_t docno) {
    if (top->count < top->capacity) {
        top->items[top->count++] = (scored){score, prior, units, docno};
        if (top->count == top->capacity) {
            make_heap(top->items, top->count);
        }
    } else if (top->capacity && is_worse_than(&top->items[0], score, docno)) {
        if (!top->more) {
            sink_offer(top, score, prior, units, docno);
            return;
        }
        top->items[top->count++] = (scored){score, prior, units, docno};
        if (top->count == top->full) {
            make_room(top);
        }
    }
}

void top_offer(top_list *top, double score, double prior, int64_t units, uint32_t docno) {
    offer(top, score, prior, units, docno);
}

void top_offer_all(top_list *top, const double *scores, const double *priors, const int32_t *units,
                   const uint32_t *docnos, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        offer(top, scores[i], priors[i], units[i], docnos[i]);
    }
}

void top_drop(top_list *top, uint32_t docno, uint32_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < top->count; i++) {
        top->items[kept] = top->items[i];
        kept += top->items[i].docno - docno >= count;
    }
    top->count = kept;
}

/* ---- The order ----------------------------------------------------------------------------- */

static void sort_by_heap(scored *items, size_t count) {
    make_heap(items, count);
    for (size_t left = count; left > 1; left--) {
        scored worst = items[0], last = items[left - 1];
        sink_item(items, left - 1, 0, &last);
        items[left - 1] = worst;
    }
}

static void sort_few(scored *items, size_t count) {
    if (count >= STEPS_FROM) {
        sort_by_heap(items, count);
        return;
    }
    for (size_t i = 1; i < count; i++) {
        scored item = items[i];
        size_t at = i;
        for (; at && is_worse(&items[at - 1], &item); at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

/* By steps of the range of scores, from the best on, into `moved`. */
static void sort_by_steps(const scored *items, size_t count, scored *moved) {
    uint32_t ends[STEPS_MAX];
    score_steps s = steps_of(items, count);
    count_steps(&s, items, count, ends);
    for (size_t step = 0, sum = 0; step < s.count; step++) {
        uint32_t here = ends[step];
        ends[step] = (uint32_t)sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) {
        moved[ends[step_of(&s, &items[i])]++] = items[i];
    }
    for (size_t step = 0, from = 0; step < s.count; from = ends[step++]) {
        if (ends[step] - from > 1) {
            sort_few(moved + from, ends[step] - from);
        }
    }
}

void top_sort(top_list *top, arena *memory) {
    if (top->count > top->capacity) {
        top->count = leave_best(top->items, top->count, top->capacity);
    }
    bool few = top->count < STEPS_FROM;
    scored *moved = few ? NULL : arena_alloc(memory, top->count * sizeof *moved);
    if (moved) {
        sort_by_steps(top->items, top->count, moved);
        top->items = moved;
    } else {
        sort_few(top->items, top->count);
    }
    top->count = top->count < top->capacity ? top->count : top->capacity;
}
