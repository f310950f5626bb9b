/*
 * At most capacity posts. While there is room they are in no order; then they are a binary heap
 * whose root is the worst and gives way. Cost: log k an offer that wins, once the heap is full.
 *
 * At the end they are put into steps of the range of scores, and each step is sorted by itself: of
 * a thousand posts that is half the time of taking them from the heap one by one. Where scores are
 * the same, or memory is out, the heap does it.
 */
#include "query/score.h"

#include <stdlib.h>

enum {
    STEPS_MAX = 1024,
    STEPS_FROM = 24, /* fewer posts are sorted by insertion */
};

static bool is_worse(const scored *a, const scored *b) {
    return a->score < b->score || (a->score == b->score && a->docno > b->docno);
}

/* ---- The heap ------------------------------------------------------------------------------ */

/* Moves the item at `at` down to where both below it are better. */
static void sink(scored *items, size_t count, size_t at) {
    scored item = items[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count) {
            break;
        }
        if (child + 1 < count && is_worse(&items[child + 1], &items[child])) {
            child++;
        }
        if (!is_worse(&items[child], &item)) {
            break;
        }
        items[at] = items[child];
        at = child;
    }
    items[at] = item;
}

static void make_heap(scored *items, size_t count) {
    for (size_t at = count / 2; at-- > 0;) {
        sink(items, count, at);
    }
}

void top_offer(top_list *top, scored item) {
    if (top->count < top->capacity) {
        top->items[top->count++] = item;
        if (top->count == top->capacity) {
            make_heap(top->items, top->count);
        }
    } else if (top->capacity && is_worse(&top->items[0], &item)) {
        top->items[0] = item;
        sink(top->items, top->count, 0);
    }
}

/* ---- The order ----------------------------------------------------------------------------- */

static void sort_by_heap(scored *items, size_t count) {
    make_heap(items, count);
    for (size_t left = count; left > 1; left--) {
        scored worst = items[0];
        items[0] = items[left - 1];
        items[left - 1] = worst;
        sink(items, left - 1, 0);
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

/* By steps of the range of scores, from the best on; `moved` has room for all. */
static void sort_by_steps(scored *items, size_t count, scored *moved) {
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
        sort_few(moved + from, ends[step] - from);
    }
    memcpy(items, moved, count * sizeof *items);
}

void top_sort(top_list *top) {
    scored *moved = top->count < STEPS_FROM ? NULL : malloc(top->count * sizeof *moved);
    if (moved) {
        sort_by_steps(top->items, top->count, moved);
    } else {
        sort_few(top->items, top->count);
    }
    free(moved);
}
