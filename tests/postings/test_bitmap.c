/* Sets of ordinals against one byte for each ordinal of a small world. */
#include "base/limits.h"
#include "base/prng.h"
#include "postings/bitmap.h"
#include "test.h"

#include <stdlib.h>
#include <string.h>

/* The world: WORLD ordinals from BASE on, a few windows wide, so that ranges cross borders. */
#define WORLD (3 * WINDOW_DOCS + WINDOW_DOCS / 2)
#define BASE (5 * WINDOW_DOCS)
enum { STEPS = 150, SETS = 3 };

typedef struct twin {
    bitmap *set;
    unsigned char *in; /* [WORLD] */
} twin;

static uint64_t count_of(const unsigned char *in, uint32_t from, uint32_t to) {
    uint64_t count = 0;
    for (uint32_t i = from; i < to; i++) {
        count += in[i];
    }
    return count;
}

static void add_run(prng *p, twin *t) {
    uint32_t from = prng_below(p, WORLD), to = from + prng_below(p, WORLD - from + 1);
    to = prng_below(p, 3) ? from + (to - from) / 50 : to;
    CHECK(bitmap_add_range(t->set, (uint64_t)BASE + from, (uint64_t)BASE + to));
    memset(t->in + from, 1, to - from);
}

static void add_window(prng *p, twin *t) {
    static uint16_t lows[WINDOW_DOCS];
    uint32_t first = prng_below(p, 3) * WINDOW_DOCS, odds = 1 + prng_below(p, 40), count = 0;
    for (uint32_t i = 0; i < WINDOW_DOCS; i++) {
        if (prng_below(p, odds) == 0) {
            lows[count++] = (uint16_t)i;
            t->in[first + i] = 1;
        }
    }
    CHECK(bitmap_add_window(t->set, BASE + first, lows, count));
}

static void combine(prng *p, twin *a, const twin *b) {
    uint32_t what = prng_below(p, 3);
    uint64_t both = 0;
    for (uint32_t i = 0; i < WORLD; i++) {
        both += a->in[i] & b->in[i];
        a->in[i] = what == 0 ? a->in[i] & b->in[i]
                 : what == 1 ? a->in[i] | b->in[i]
                             : (unsigned char)(a->in[i] & !b->in[i]);
    }
    CHECK_EQ_INT(bitmap_and_count(a->set, b->set), both);
    if (what == 0) {
        bitmap_and(a->set, b->set);
    } else if (what == 1) {
        bitmap_or(a->set, b->set);
    } else {
        bitmap_andnot(a->set, b->set);
    }
}

static void change(prng *p, twin *sets) {
    twin *t = &sets[prng_below(p, SETS)];
    const twin *other = &sets[prng_below(p, SETS)];
    switch (prng_below(p, 7)) {
    case 0: add_run(p, t); break;
    case 1: add_window(p, t); break;
    case 2:
        if (t != other) {
            combine(p, t, other);
        }
        break;
    case 3: /* a copy has a life of its own */
        if (t != other) {
            bitmap_free(t->set);
            t->set = bitmap_copy(other->set);
            memcpy(t->in, other->in, WORLD);
        }
        break;
    default:
        for (int i = 0; i < 200; i++) {
            uint32_t at = prng_below(p, WORLD);
            bool add = prng_below(p, 2);
            if (add) {
                CHECK(bitmap_add(t->set, BASE + at));
            } else {
                bitmap_remove(t->set, BASE + at);
            }
            t->in[at] = add;
        }
    }
}

static bool check_windows(const twin *t) {
    static uint16_t lows[WINDOW_DOCS];
    for (uint32_t first = 0; first < WORLD; first += WINDOW_DOCS) {
        uint32_t end = WORLD - first < WINDOW_DOCS ? WORLD : first + WINDOW_DOCS, next = first;
        size_t count = bitmap_window(t->set, BASE + first, lows);
        for (size_t i = 0; i < count; i++, next++) {
            while (next < end && !t->in[next]) {
                next++;
            }
            if (!CHECK_EQ_INT(lows[i], next - first)) {
                return false;
            }
        }
        if (!CHECK_EQ_INT(count, count_of(t->in, first, end))) {
            return false;
        }
    }
    return true;
}

static bool check_serial(const twin *t) {
    size_t bytes = bitmap_bytes(t->set);
    char *written = malloc(bytes);
    bool good = CHECK_EQ_INT(bitmap_write(t->set, written), bytes);
    bitmap *back = bitmap_read(written, bytes);
    good = CHECK(back != NULL) && CHECK_EQ_INT(bitmap_count(back), bitmap_count(t->set)) &&
           CHECK_EQ_INT(bitmap_and_count(back, t->set), bitmap_count(t->set)) && good;
    bitmap_free(back);
    free(written);
    return good;
}

static bool check(prng *p, const twin *t) {
    bool good = CHECK_EQ_INT(bitmap_count(t->set), count_of(t->in, 0, WORLD));
    for (int i = 0; i < 50 && good; i++) {
        uint32_t from = prng_below(p, WORLD), to = from + prng_below(p, WORLD - from + 1);
        uint32_t found = 0, next = from;
        while (next < WORLD && !t->in[next]) {
            next++;
        }
        bool any = bitmap_next(t->set, BASE + from, &found);
        good = CHECK_EQ_INT(bitmap_contains(t->set, BASE + from), t->in[from]) &&
               CHECK_EQ_INT(bitmap_count_range(t->set, (uint64_t)BASE + from, (uint64_t)BASE + to),
                            count_of(t->in, from, to)) &&
               CHECK_EQ_INT(any, next < WORLD) && CHECK(!any || found == BASE + next);
    }
    return good && check_windows(t) && check_serial(t);
}

static void random_life(uint64_t seed) {
    prng p = {seed};
    twin sets[SETS];
    bool good = true;
    for (int i = 0; i < SETS; i++) {
        sets[i] = (twin){bitmap_new(), calloc(WORLD, 1)};
        CHECK(sets[i].set && sets[i].in);
    }
    for (int step = 0; step < STEPS && good; step++) {
        change(&p, sets);
        good = step % 10 != 9 || check(&p, &sets[prng_below(&p, SETS)]);
        if (!good) {
            test_note("seed %llu, step %d", (unsigned long long)seed, step);
        }
    }
    for (int i = 0; i < SETS; i++) {
        bitmap_free(sets[i].set);
        free(sets[i].in);
    }
}

/* The first and the last ordinals there can be, and sets that hold nothing. */
static void ends(void) {
    uint32_t docno = 7;
    uint16_t lows[8];
    bitmap *set = bitmap_new();
    CHECK(!bitmap_next(set, 0, &docno));
    CHECK_EQ_INT(bitmap_window(set, 0, lows), 0);
    CHECK(bitmap_add_range(set, 10, 10) && bitmap_add_range(set, 10, 5));
    CHECK_EQ_INT(bitmap_count(set), 0);
    bitmap_add(set, 0);
    bitmap_add(set, UINT32_MAX);
    CHECK(bitmap_next(set, 0, &docno) && docno == 0);
    CHECK(bitmap_next(set, 1, &docno) && docno == UINT32_MAX);
    CHECK(bitmap_next(set, UINT32_MAX, &docno) && docno == UINT32_MAX);
    CHECK_EQ_INT(bitmap_count_range(set, 0, (uint64_t)UINT32_MAX + 1), 2);
    CHECK_EQ_INT(bitmap_count_range(set, 1, UINT32_MAX), 0);
    CHECK_EQ_INT(bitmap_window(set, UINT32_MAX - (WINDOW_DOCS - 1), lows), 1);
    CHECK_EQ_INT(lows[0], WINDOW_DOCS - 1);
    bitmap_free(set);
    bitmap_free(NULL);
}

/* Foreign bytes: refused, or a set whose members can be walked. */
static void foreign_bytes(void) {
    prng p = {71};
    bitmap *set = bitmap_new();
    for (int i = 0; i < 3000; i++) {
        bitmap_add(set, prng_below(&p, 1 << 17));
    }
    bitmap_add_range(set, 1 << 18, (1 << 18) + 30000);
    size_t len = bitmap_bytes(set);
    char *whole = malloc(len);
    bitmap_write(set, whole);
    int refused = 0;
    for (int round = 0; round < 3000; round++) {
        size_t cut = prng_below(&p, 3) ? len : prng_below(&p, (uint32_t)len + 1);
        char *exact = malloc(cut + !cut);
        memcpy(exact, whole, cut);
        for (uint32_t flips = prng_below(&p, 6); flips > 0 && cut > 0; flips--) {
            uint32_t span = prng_below(&p, 2) && cut > 64 ? 64 : (uint32_t)cut;
            exact[prng_below(&p, span)] ^= (char)(1 << prng_below(&p, 8));
        }
        bitmap *back = bitmap_read(exact, cut);
        refused += back == NULL;
        if (back) {
            uint64_t count = 0;
            for (uint32_t at = 0; bitmap_next(back, at, &at) && at < UINT32_MAX; at++) {
                count++;
            }
            CHECK_EQ_INT(count + bitmap_contains(back, UINT32_MAX), bitmap_count(back));
        }
        bitmap_free(back);
        free(exact);
    }
    CHECK(refused > 500 && refused < 3000);
    CHECK(bitmap_read(whole, 0) == NULL);
    free(whole);
    bitmap_free(set);
}

void test_postings_bitmap(void) {
    CASE("sets equal arrays of bytes");
    for (uint64_t seed = 1; seed <= 4; seed++) {
        random_life(seed);
    }
    CASE("the ends of the ordinals");
    ends();
    CASE("foreign bytes");
    foreign_bytes();
}
