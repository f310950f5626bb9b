/*
 * A binary heap of at most capacity posts; the worst is at its root and gives way. Cost: log k an
 * offer that wins.
 */
#include "query/score.h"

static bool is_worse(const scored *a, const scored *b) {
    return a->score < b->score || (a->score == b->score && a->docno > b->docno);
}

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

void top_offer(top_list *top, scored item) {
    if (top->count == top->capacity) {
        if (top->capacity && is_worse(&top->items[0], &item)) {
            top->items[0] = item;
            sink(top->items, top->count, 0);
        }
        return;
    }
    size_t at = top->count++;
    while (at && is_worse(&item, &top->items[(at - 1) / 2])) {
        top->items[at] = top->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    top->items[at] = item;
}

void top_sort(top_list *top) {
    for (size_t left = top->count; left > 1; left--) {
        scored worst = top->items[0];
        top->items[0] = top->items[left - 1];
        top->items[left - 1] = worst;
        sink(top->items, left - 1, 0);
    }
}
