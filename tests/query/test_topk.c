/* The heap of the best against a full sort. */
#include "test.h"

#include "base/prng.h"
#include "query/score.h"

#include <stdlib.h>

static int better_first(const void *a, const void *b) {
    const scored *x = a, *y = b;
    if (x->score != y->score) {
        return x->score > y->score ? -1 : 1;
    }
    return x->docno < y->docno ? -1 : x->docno > y->docno;
}

void test_query_topk(void) {
    const uint64_t seed = 31337;
    prng random = {seed};
    arena memory = {0};
    CASE("the best of many, ties to the lower ordinal");
    for (int round = 0; round < 2000; round++) {
        scored all[2000];
        size_t count = prng_below(&random, round % 3 ? 200 : 2000);
        arena_mark mark = arena_save(&memory);
        top_list top;
        if (!CHECK(top_make(&top, prng_below(&random, round % 5 ? 64 : 600), &memory))) {
            return;
        }
        for (size_t i = 0; i < count; i++) {
            double score = prng_below(&random, round % 2 ? 5 : 100000);
            score = prng_below(&random, 300) ? score : 1e12; /* then most are in one step */
            all[i] = (scored){score, (double)i, -(int64_t)i, (uint32_t)i};
        }
        for (size_t i = count; i > 1; i--) { /* offered in any order */
            size_t other = prng_below(&random, (uint32_t)i);
            scored swap = all[i - 1];
            all[i - 1] = all[other];
            all[other] = swap;
        }
        for (size_t i = 0; i < count; i++) {
            top_offer(&top, all[i].score, all[i].prior, all[i].units, all[i].docno);
        }
        top_sort(&top, &memory);
        qsort(all, count, sizeof *all, better_first);
        bool good = CHECK_EQ_INT(top.count, count < top.capacity ? count : top.capacity);
        for (size_t i = 0; i < top.count && good; i++) {
            good = CHECK_EQ_INT(top.items[i].docno, all[i].docno) &&
                   CHECK_EQ_INT(top.items[i].units, all[i].units) &&
                   CHECK(top.items[i].score == all[i].score && top.items[i].prior == all[i].prior);
        }
        arena_rewind(&memory, mark);
        if (!good) {
            test_note("seed %llu round %d", (unsigned long long)seed, round);
        }
    }
    arena_free(&memory);
}
