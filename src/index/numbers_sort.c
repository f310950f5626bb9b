/*
 * Sorting strings: by their first eight bytes as one number, digit by digit, and those that agree
 * in them by comparison.
 */
#include "index/numbers_impl.h"

#include <assert.h>

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 6, FEW = 256 };

static_assert(PASSES * DIGIT_BITS >= 64, "all bits of a prefix");

typedef struct item {
    uint64_t prefix; /* the first byte is the highest */
    uint32_t place;
} item;

static int by_text(const void *a, const void *b) {
    return str_compare(((const numbered *)a)->text, ((const numbered *)b)->text);
}

static uint64_t prefix_of(str text) {
    uint64_t prefix = 0;
    memcpy(&prefix, text.data, text.len < sizeof prefix ? text.len : sizeof prefix);
    return __builtin_bswap64(prefix);
}

static size_t digit_of(uint64_t prefix, unsigned pass) {
    return prefix >> (pass * DIGIT_BITS) & (DIGITS - 1);
}

/* The sorted ones: items or spare. */
static item *sort_prefixes(item *items, item *spare, size_t count) {
    for (unsigned pass = 0; pass < PASSES; pass++) {
        uint32_t starts[DIGITS] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++) {
            starts[digit_of(items[i].prefix, pass)]++;
        }
        if (starts[digit_of(items[0].prefix, pass)] == count) {
            continue;
        }
        for (size_t digit = 0; digit < DIGITS; digit++) {
            uint32_t here = starts[digit];
            starts[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            spare[starts[digit_of(items[i].prefix, pass)]++] = items[i];
        }
        item *sorted = spare;
        spare = items;
        items = sorted;
    }
    return items;
}

/* Strings that agree in eight bytes. */
static void sort_equal(numbered *sorted, const item *items, size_t count) {
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && items[to].prefix == items[from].prefix; to++) {
        }
        if (to - from > 1) {
            qsort(sorted + from, to - from, sizeof *sorted, by_text);
        }
    }
}

bool numbers_sort(numbered *strings, size_t count) {
    if (count <= FEW) {
        qsort(strings, count, sizeof *strings, by_text);
        return true;
    }
    item *items = count <= UINT32_MAX ? malloc(2 * count * sizeof *items) : NULL;
    numbered *copy = malloc(count * sizeof *copy);
    if (items && copy) {
        memcpy(copy, strings, count * sizeof *copy);
        for (size_t i = 0; i < count; i++) {
            items[i] = (item){prefix_of(strings[i].text), (uint32_t)i};
        }
        const item *sorted = sort_prefixes(items, items + count, count);
        for (size_t i = 0; i < count; i++) {
            strings[i] = copy[sorted[i].place];
        }
        sort_equal(strings, sorted, count);
    }
    bool held = items && copy;
    free(items);
    free(copy);
    return held;
}
