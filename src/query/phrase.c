/*
 * Phrases on positions.
 *
 *     "a b c"~2       offsets 0 1 2
 *     text            a x b y c        positions a 0, b 2, c 4
 *     position-offset a 0  b 1  c 2    all within [0, 0 + 2]: a match
 *
 * A window [least, least + slop] of adjusted positions is tried from each place where some word
 * could be the least. Within a window word i may stand at [least + offset, least + offset + slop]:
 * intervals of one length, so that giving each word of a repeated term the first position that is
 * left, in the order of offsets, finds a choice if there is one.
 */
#include "query/match.h"

/* The first position >= from, as an index into the list. */
static uint32_t lower_bound(const uint32_t *list, uint32_t count, int64_t from) {
    uint32_t low = 0;
    while (low < count) {
        uint32_t middle = low + (count - low) / 2;
        if ((int64_t)list[middle] < from) {
            low = middle + 1;
        } else {
            count = middle;
        }
    }
    return low;
}

static bool fits(const phrase_words *w, int64_t least, uint32_t slop, int64_t *given) {
    for (uint32_t i = 0; i < w->count; i++) {
        int64_t from = least + w->offsets[i];
        if (w->before[i] != PHRASE_FIRST && from <= given[w->before[i]]) {
            from = given[w->before[i]] + 1;
        }
        uint32_t at = lower_bound(w->lists[i], w->list_counts[i], from);
        if (at == w->list_counts[i] ||
            (int64_t)w->lists[i][at] > least + w->offsets[i] + (int64_t)slop) {
            return false;
        }
        given[i] = w->lists[i][at];
    }
    return true;
}

bool phrase_match(const phrase_words *w, uint32_t slop) {
    int64_t given[QUERY_CLAUSES_MAX];
    /*
     * Without slop every word stands at the least place: the first word's positions are all
     * there is to try.
     */
    uint32_t tried = slop ? w->count : 1;
    for (uint32_t i = 0; i < tried; i++) {
        for (uint32_t k = 0; k < w->list_counts[i]; k++) {
            if (fits(w, (int64_t)w->lists[i][k] - w->offsets[i], slop, given)) {
                return true;
            }
        }
    }
    return false;
}
