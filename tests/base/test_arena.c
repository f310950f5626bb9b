/* Arenas: pieces do not overlap, marks give back exactly what came after them. */
#include "base/arena.h"
#include "base/prng.h"
#include "test.h"

enum { PIECES = 400, MARKS = 20 };

typedef struct piece {
    unsigned char *at;
    size_t bytes;
    unsigned char fill;
} piece;

static size_t random_bytes(prng *p) {
    switch (prng_below(p, 10)) {
    case 0: return 0;
    case 1: return 4000 + prng_below(p, 200);   /* about the first block */
    case 2: return 3u << (10 + prng_below(p, 11)); /* up to 3 MiB: a block of its own */
    default: return prng_below(p, 100);
    }
}

static bool untouched(const piece *pieces, size_t count) {
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < pieces[i].bytes; j++) {
            if (pieces[i].at[j] != pieces[i].fill) {
                return false;
            }
        }
    }
    return true;
}

/* Random pieces, each filled to its last byte; now and then back to an earlier mark. */
static void random_life(uint64_t seed) {
    prng p = {seed};
    arena a = {0};
    piece pieces[PIECES];
    struct {
        arena_mark mark;
        size_t count, used_bytes;
    } marks[MARKS];
    size_t count = 0, mark_count = 0;
    for (int step = 0; step < PIECES; step++) {
        uint32_t what = prng_below(&p, 20);
        if (what == 0 && mark_count < MARKS) {
            marks[mark_count].mark = arena_save(&a);
            marks[mark_count].count = count;
            marks[mark_count++].used_bytes = a.used_bytes;
        } else if (what == 1 && mark_count > 0) {
            mark_count = prng_below(&p, (uint32_t)mark_count);
            arena_rewind(&a, marks[mark_count].mark);
            count = marks[mark_count].count;
            CHECK_EQ_INT(a.used_bytes, marks[mark_count].used_bytes);
        } else {
            piece *new = &pieces[count++];
            new->bytes = random_bytes(&p);
            new->fill = (unsigned char)prng_next(&p);
            new->at = arena_alloc(&a, new->bytes);
            if (!CHECK(new->at != NULL)) {
                break;
            }
            CHECK_EQ_INT((uintptr_t)new->at % 16, 0);
            memset(new->at, new->fill, new->bytes);
        }
    }
    if (!CHECK(untouched(pieces, count))) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    arena_free(&a);
    CHECK_EQ_INT(a.used_bytes, 0);
    CHECK(a.head == NULL);
}

static void cleared(void) {
    arena a = {0};
    arena_mark start = arena_save(&a);
    memset(arena_alloc(&a, 1000), 0xff, 1000);
    arena_rewind(&a, start);
    arena_alloc(&a, 1);
    start = arena_save(&a);
    memset(arena_alloc(&a, 1000), 0xff, 1000);
    arena_rewind(&a, start); /* the bytes are used ones now */
    const uint32_t *numbers = arena_array(&a, uint32_t, 250);
    uint32_t sum = 0;
    for (int i = 0; i < 250; i++) {
        sum |= numbers[i];
    }
    CHECK_EQ_INT(sum, 0);
    arena_free(&a);
}

static void strings(void) {
    arena a = {0};
    str copy = arena_str(&a, str_make("a\0b", 3)), none = arena_str(&a, (str){NULL, 0});
    CHECK(str_equal(copy, str_make("a\0b", 3)));
    CHECK_EQ_INT(copy.data[3], 0);
    CHECK(none.data != NULL && none.len == 0 && none.data[0] == 0);
    str text = arena_format(&a, "%s-%05d-%*s", "post", 42, 9000, "x");
    CHECK_EQ_INT(text.len, 4 + 1 + 5 + 1 + 9000);
    CHECK(str_starts(text, STR("post-00042-  ")) && str_ends(text, STR("  x")));
    CHECK_EQ_INT(text.data[text.len], 0);
    CHECK_EQ_INT(arena_format(&a, "%s", "").len, 0);
    arena_free(&a);
}

static void impossible(void) {
    arena a = {0};
    volatile size_t huge = SIZE_MAX; /* so that the compiler does not warn of it */
    CHECK(arena_alloc(&a, huge) == NULL);
    CHECK(arena_alloc(&a, huge - 15) == NULL);
    CHECK(arena_calloc(&a, huge / 4, 8) == NULL);
    CHECK(arena_calloc(&a, 8, huge / 4) == NULL);
    CHECK(arena_calloc(&a, huge, huge) == NULL);
    CHECK(arena_calloc(&a, 0, huge) != NULL);
    CHECK(arena_calloc(&a, huge, 0) != NULL);
    arena_free(&a);
}

void test_base_arena(void) {
    CASE("pieces keep their bytes, marks give back the rest");
    for (uint64_t seed = 1; seed <= 10; seed++) {
        random_life(seed);
    }
    CASE("calloc clears bytes that were in use before");
    cleared();
    CASE("strings end in a zero byte");
    strings();
    CASE("sizes that overflow give NULL, none give a pointer");
    impossible();
    CASE("reset");
    arena reused = {0};
    CHECK(arena_alloc(&reused, 100) && arena_alloc(&reused, 100000));
    arena_reset(&reused, 1 << 20);
    size_t kept = reused.used_bytes;
    CHECK(kept >= 100000 && kept < 200000);
    CHECK(arena_alloc(&reused, 100000) != NULL);
    CHECK_EQ_INT(reused.used_bytes, kept);
    arena_reset(&reused, 1000);
    CHECK_EQ_INT(reused.used_bytes, 0);
    arena_free(&reused);
}
