/* String views against loops over single bytes. */
#include "base/prng.h"
#include "base/str.h"
#include "test.h"

#include <stdlib.h>

enum { ROUNDS = 20000, BYTES = 6 };

/* Bytes of which few differ, zeros and high ones among them, so that ties are common. */
static str random_str(prng *p, char *room) {
    static const char alphabet[] = {0, 'a', 'b', ' ', '\t', (char)0xff};
    size_t len = prng_below(p, BYTES + 1);
    for (size_t i = 0; i < len; i++) {
        room[i] = alphabet[prng_below(p, sizeof alphabet)];
    }
    return len ? str_make(room, len) : (str){NULL, 0};
}

static int slow_compare(str a, str b) {
    for (size_t i = 0; i < a.len || i < b.len; i++) {
        int x = i < a.len ? (unsigned char)a.data[i] : -1;
        int y = i < b.len ? (unsigned char)b.data[i] : -1;
        if (x != y) {
            return x < y ? -1 : 1;
        }
    }
    return 0;
}

static bool slow_holds_at(str s, str piece, size_t at) {
    if (at > s.len || s.len - at < piece.len) {
        return false;
    }
    for (size_t i = 0; i < piece.len; i++) {
        if (s.data[at + i] != piece.data[i]) {
            return false;
        }
    }
    return true;
}

static void comparisons(void) {
    prng p = {11};
    for (int round = 0; round < ROUNDS; round++) {
        char x[BYTES], y[BYTES];
        str a = random_str(&p, x), b = random_str(&p, y);
        int order = str_compare(a, b), slow = slow_compare(a, b);
        bool good = CHECK_EQ_INT((order > 0) - (order < 0), slow) &&
                    CHECK_EQ_INT(str_equal(a, b), slow == 0) &&
                    CHECK_EQ_INT(str_starts(a, b), slow_holds_at(a, b, 0)) &&
                    CHECK_EQ_INT(str_ends(a, b),
                                 a.len >= b.len && slow_holds_at(a, b, a.len - b.len));
        if (!good) {
            test_note("seed 11, round %d", round);
            return;
        }
    }
}

/* Every length at which loads overlap and beside, each byte another one in turn, in memory that
   ends with the bytes. */
static void equal_lengths(void) {
    for (size_t len = 1; len <= 20; len++) {
        char *x = malloc(len), *y = malloc(len);
        for (size_t i = 0; i < len; i++) {
            x[i] = y[i] = (char)('a' + i);
        }
        CHECK(str_equal(str_make(x, len), str_make(y, len)));
        for (size_t i = 0; i < len; i++) {
            y[i] ^= (char)0x80;
            if (!CHECK(!str_equal(str_make(x, len), str_make(y, len)))) {
                test_note("byte %zu of %zu", i, len);
            }
            y[i] = x[i];
        }
        free(x);
        free(y);
    }
}

static void trimming(void) {
    CHECK(str_equal(str_trim(STR(" \t\r\n\v\fa b\f\v\n\r\t ")), STR("a b")));
    CHECK(str_equal(str_trim(STR("ab")), STR("ab")));
    CHECK_EQ_INT(str_trim(STR(" \n ")).len, 0);
    CHECK_EQ_INT(str_trim(STR("")).len, 0);
    CHECK_EQ_INT(str_trim((str){NULL, 0}).len, 0);
    CHECK_EQ_INT(str_trim(str_make("\0 ", 2)).len, 1); /* a zero byte is no space */
    CHECK_EQ_INT(str_trim(STR("\xc2\xa0")).len, 2);    /* nor is one outside of ASCII */
}

void test_base_str(void) {
    CASE("comparisons equal those byte by byte");
    comparisons();
    CASE("equal bytes of any length");
    equal_lengths();
    CASE("white space comes off both ends");
    trimming();
    CASE("views of C strings and slices");
    CHECK_EQ_INT(str_from(NULL).len, 0);
    CHECK_EQ_INT(str_from("abc").len, 3);
    CHECK_EQ_INT(STR("a\0b").len, 3);
    CHECK(str_equal(str_slice(STR("abcdef"), 2, 4), STR("cd")));
    CHECK_EQ_INT(str_slice(STR("abc"), 3, 3).len, 0);
}
