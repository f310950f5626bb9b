/*
 * At most capacity posts. While there is room they are in no order; then they are a binary heap
 * whose root is the worst and gives way. Cost: log k an offer that wins, once the heap is full.
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
};

static inline bool is_worse_than(const scored *a, double score, uint32_t docno) {
    return a->score < score || (a->score == score && a->docno > docno);
}

static inline bool is_worse(const scored *a, const scored *b) {
    return is_worse_than(a, b->score, b->docno);
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

void top_offer(top_list *top, double score, double prior, int64_t units, uint32_t docno) {
    if (top->count < top->capacity) {
        top->items[top->count++] = (scored){score, prior, units, docno};
        if (top->count == top->capacity) {
            make_heap(top->items, top->count);
        }
    } else if (top->capacity && is_worse_than(&top->items[0], score, docno)) {
        sink(top->items, top->count, 0, score, prior, units, docno);
    }
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
    uint32_t ends[STEPS_MAX + 1];
    double best = items[0].score, worst = best;
    size_t steps = count < STEPS_MAX ? count : STEPS_MAX;
    for (size_t i = 1; i < count; i++) {
        best = items[i].score > best ? items[i].score : best;
        worst = items[i].score < worst ? items[i].score : worst;
    }
    memset(ends, 0, (steps + 1) * sizeof *ends);
    double scale = best > worst ? (double)(steps - 1) / (best - worst) : 0;
    for (size_t i = 0; i < count; i++) {
        ends[1 + (size_t)((best - items[i].score) * scale)]++;
    }
    for (size_t step = 0; step < steps; step++) {
        ends[step + 1] += ends[step];
    }
    for (size_t i = 0; i < count; i++) {
        moved[ends[(size_t)((best - items[i].score) * scale)]++] = items[i];
    }
    for (size_t step = 0, from = 0; step < steps; from = ends[step++]) {
        if (ends[step] - from > 1) {
            sort_few(moved + from, ends[step] - from);
        }
    }
}

void top_sort(top_list *top, arena *memory) {
    bool few = top->count < STEPS_FROM;
    scored *moved = few ? NULL : arena_alloc(memory, top->count * sizeof *moved);
    if (moved) {
        sort_by_steps(top->items, top->count, moved);
        top->items = moved;
    } else {
        sort_few(top->items, top->count);
    }
}
