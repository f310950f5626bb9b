/* Sums of many posts by every kernel against one post after the other: the same hits, the same sums
   left, numbered from the first on. */
#include "base/prng.h"
#include "similar/family.h"
#include "similar/lanes.h"
#include "test.h"

#include <math.h>
#include <string.h>

enum { SEED = 60221, ROUNDS = 60, BLOCKS = 3, ITEMS = BLOCKS * FAMILY_BLOCK, ROWS = 20 };

static _Alignas(64) uint16_t sums[ITEMS], left[ITEMS], want_left[ITEMS];
static float totals[ITEMS];
static uint64_t bits[ROWS][ITEMS / 64];
static lane_hit hits[ITEMS], want[ITEMS];

static void make_work(prng *r, const uint64_t **rows, uint16_t *units, lane_work *out) {
    for (uint32_t i = 0; i < ITEMS; i++) {
        sums[i] = (uint16_t)(prng_below(r, 3) ? 0 : prng_below(r, 40000));
        totals[i] = i < ITEMS - 9 ? (float)prng_below(r, 1000) : INFINITY;
    }
    for (uint32_t row = 0; row < ROWS; row++) {
        rows[row] = bits[row];
        units[row] = (uint16_t)prng_below(r, 9000);
        for (uint32_t w = 0; w < ITEMS / 64; w++) {
            bits[row][w] = prng_next(r) & prng_next(r);
        }
    }
    *out = (lane_work){.totals = totals,
                       .blocks = BLOCKS,
                       .first = FAMILY_BLOCK * prng_below(r, 5),
                       .rows = rows,
                       .units = units,
                       .row_count = prng_below(r, ROWS + 1),
                       .base = (float)prng_below(r, 60000) - 10000,
                       .slope = (float)prng_below(r, 30),
                       .keep = prng_below(r, 2)};
}

/* What lanes.h says. */
static size_t count(const lane_work *work) {
    size_t found = 0;
    for (uint32_t i = 0; i < ITEMS; i++) {
        uint32_t sum = sums[i];
        for (size_t row = 0; row < work->row_count; row++) {
            sum += work->rows[row][i / 64] >> i % 64 & 1 ? work->units[row] : 0;
            sum = sum < UINT16_MAX ? sum : UINT16_MAX;
        }
        if (sum > 0 && (float)sum >= work->base + work->slope * totals[i]) {
            want[found++] = (lane_hit){work->first + i, sum};
        }
        want_left[i] = (uint16_t)(work->keep ? sum : 0);
    }
    return found;
}

void test_similar_lanes(void) {
    prng r = {SEED};
    const uint64_t *rows[ROWS];
    uint16_t units[ROWS];
    CASE("every kernel counts as one post after the other does");
    CHECK_EQ_STR(lane_kernels()->name, "portable");
    for (int round = 0; round < ROUNDS; round++) {
        lane_work work;
        make_work(&r, rows, units, &work);
        size_t found = count(&work);
        for (const lane_kernel *k = lane_kernels(); k->name; k++) {
            memcpy(left, sums, sizeof left);
            work.sums = left;
            CHECK_EQ_INT(k->run(&work, hits), found);
            CHECK(memcmp(hits, want, found * sizeof *hits) == 0);
            CHECK(memcmp(left, want_left, sizeof left) == 0);
        }
    }
}
