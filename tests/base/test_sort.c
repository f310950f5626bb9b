/* Sorting by upper halves, against a stable sort by insertion. */
#include "test.h"

#include "base/prng.h"
#include "base/sort.h"

enum { ITEMS_MAX = 600 };

static void sort_slowly(uint64_t *items, size_t count) {
    for (size_t i = 1; i < count; i++) {
        uint64_t item = items[i];
        size_t at = i;
        for (; at && items[at - 1] >> 32 > item >> 32; at--) {
            items[at] = items[at - 1];
        }
        items[at] = item;
    }
}

void test_base_sort(void) {
    static const uint32_t mosts[] = {1, 3, 256, 257, 70000, UINT32_MAX};
    prng p = {20261130};
    CASE("stable, whatever the greatest key");
    for (uint32_t round = 0; round < 600; round++) {
        uint64_t items[ITEMS_MAX], spare[ITEMS_MAX], expected[ITEMS_MAX];
        size_t count = prng_below(&p, round % 2 ? ITEMS_MAX : 8);
        for (size_t i = 0; i < count; i++) { /* lower halves fall, so that they cannot be keys */
            items[i] = (uint64_t)prng_below(&p, mosts[round % 6]) << 32 | (count - i);
            expected[i] = items[i];
        }
        sort_slowly(expected, count);
        const uint64_t *sorted = sort_by_upper(items, spare, count);
        CHECK(sorted == items || sorted == spare);
        bool same = true;
        for (size_t i = 0; i < count; i++) {
            same &= sorted[i] == expected[i];
        }
        if (!CHECK(same)) {
            test_note("round %u, %zu items", round, count);
            return;
        }
    }
}
