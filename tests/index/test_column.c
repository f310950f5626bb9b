/* Columns: the narrowest width that is exact, every value back with its bits. */
#include "base/prng.h"
#include "index/column.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

enum { COUNT = 300 };

static bool same(double a, double b) {
    return isnan(a) ? isnan(b) != 0 : a == b && signbit(a) == signbit(b);
}

/* Ranges about the values that are there, their bits in a window from `first` on. */
static bool check_ranges(const column_view *v, const double *values, uint32_t first) {
    enum { RANGES = 60, WORDS = (COUNT + 200) / 64 + 1 };
    static const double beside[] = {0, 0, 0.5, -0.5, 1, -1, 1e300, -1e300, INFINITY, -INFINITY};
    prng p = {82};
    bool good = true;
    for (int r = 0; r < RANGES && good; r++) {
        double low = values[prng_below(&p, v->count)], high = values[prng_below(&p, v->count)];
        number_range range = {low + beside[prng_below(&p, 10)], high + beside[prng_below(&p, 10)],
                              prng_below(&p, 2), prng_below(&p, 2)};
        uint64_t bits[WORDS] = {0};
        column_find(v, range, first, bits);
        for (uint32_t low_bit = 0; low_bit < WORDS * 64 && good; low_bit++) {
            bool here = low_bit >= first && low_bit < first + v->count;
            bool in = here && number_in_range(range, values[low_bit - first]);
            good = CHECK_EQ_INT(bits[low_bit / 64] >> low_bit % 64 & 1, in);
        }
        if (!good) {
            test_note("range %.17g to %.17g, %d %d, from %u", range.low, range.high,
                      range.low_included, range.high_included, first);
        }
    }
    return good;
}

/* Builds, opens from bytes of the exact size, compares. */
static void check_column(const double *values, uint32_t count, int kind, int width,
                         const char *what) {
    buffer b = {0};
    column_view v;
    anp_error err = ANP_ERROR_INIT;
    column_build(values, count, &b);
    char *exact = malloc(b.len);
    memcpy(exact, b.data, b.len);
    bool good = CHECK_EQ_INT(column_open(str_make(exact, b.len), &v, &err), ANP_OK) &&
                CHECK_EQ_INT(v.kind, kind) && CHECK_EQ_INT(v.width, width) &&
                CHECK_EQ_INT(v.count, count);
    for (uint32_t i = 0; i < count && good; i++) {
        good = CHECK(same(column_get(&v, i), values[i]));
        if (!good) {
            test_note("entry %u is %.17g, put in was %.17g", i, column_get(&v, i), values[i]);
        }
    }
    good = good && check_ranges(&v, values, 0) && check_ranges(&v, values, 139);
    if (!good) {
        test_note("%s: %s", what, err.message);
    }
    free(exact);
    buffer_free(&b);
}

/* Whole numbers from least to least + range, both ends there; some absent. */
static void integers(double least, double range, int kind, int width, const char *what) {
    double values[COUNT];
    prng p = {81};
    for (int i = 0; i < COUNT; i++) {
        values[i] = least + floor(prng_unit(&p) * range);
    }
    values[7] = least;
    values[COUNT - 1] = least + range;
    check_column(values, COUNT, kind, width, what);
    for (int i = 0; i < COUNT - 1; i += 3) {
        values[i] = NAN;
    }
    check_column(values, COUNT, kind, width, what);
}

static void widths(void) {
    const double exact = 9007199254740992.0; /* 2^53 */
    integers(0, 0, COLUMN_KIND_INT, 1, "all equal");
    integers(0, 254, COLUMN_KIND_INT, 1, "the widest byte");
    integers(-300, 254, COLUMN_KIND_INT, 1, "a byte below zero");
    integers(0, 255, COLUMN_KIND_INT, 2, "a byte that absence needs");
    integers(-5, 65534, COLUMN_KIND_INT, 2, "the widest of two bytes");
    integers(-5, 65535, COLUMN_KIND_INT, 4, "two bytes that absence needs");
    integers(-2147483648.0, 4294967294.0, COLUMN_KIND_INT, 4, "the widest of four bytes");
    integers(0, 4294967295.0, COLUMN_KIND_FLOAT, 8, "four bytes that absence needs");
    integers(1.7e9, 3e7, COLUMN_KIND_INT, 4, "dates");
    integers(exact - 200, 200, COLUMN_KIND_INT, 1, "the largest exact ones");
    integers(-exact, 200, COLUMN_KIND_INT, 1, "the least exact ones");
    integers(-exact, 2 * exact, COLUMN_KIND_FLOAT, 8, "all exact ones");
}

static void floats(void) {
    static const double odd[] = {-0.0, 0.5, -1e-300, 1e300, INFINITY, -INFINITY,
                                 18014398509481984.0, 5e-324, 0.1};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        double values[] = {1, odd[i], NAN, 3};
        check_column(values, 4, COLUMN_KIND_FLOAT, 8, "one odd value");
    }
    double none[] = {NAN, NAN, NAN}, one[] = {-7};
    check_column(none, 3, COLUMN_KIND_FLOAT, 8, "all absent");
    check_column(one, 1, COLUMN_KIND_INT, 1, "a single one");
    check_column(one, 0, COLUMN_KIND_FLOAT, 8, "none");
}

static void scores(bool whole) {
    float in[COUNT][4];
    prng p = {82};
    for (int i = 0; i < COUNT; i++) {
        for (int s = 0; s < 4; s++) {
            in[i][s] = (float)prng_below(&p, 101);
        }
    }
    in[0][0] = 0;
    in[1][1] = 100;
    if (!whole) {
        in[COUNT - 1][3] = 99.5f;
    }
    buffer b = {0};
    column_view v;
    column_build_scores((const float (*)[4])in, COUNT, &b);
    char *exact = malloc(b.len);
    memcpy(exact, b.data, b.len);
    if (CHECK_EQ_INT(column_open(str_make(exact, b.len), &v, NULL), ANP_OK) &&
        CHECK_EQ_INT(v.kind, COLUMN_KIND_SCORES) && CHECK_EQ_INT(v.width, whole ? 4 : 16)) {
        for (uint32_t i = 0; i < COUNT; i++) {
            float out[4];
            column_get_scores(&v, i, out);
            CHECK(memcmp(out, in[i], sizeof out) == 0);
        }
    }
    free(exact);
    buffer_free(&b);
}

/* KEEP IN STEP: the drawing in column.h. */
static void golden(void) {
    static const char expected[] = "\0\2\0\0\3\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"
                                   "\0\0\xff\xff\x2c\1";
    const double values[] = {-2, NAN, 298};
    buffer b = {0};
    column_build(values, 3, &b);
    CHECK_EQ_INT(b.len, sizeof expected - 1);
    CHECK(b.len == sizeof expected - 1 && memcmp(b.data, expected, b.len) == 0);
    buffer_free(&b);
}

/* Numbers that are no numbers of words: none of them. */
static void lengths_that_are_none(void) {
    const double values[] = {3, NAN, -1, 1e18, 4294967295.0, 4294967296.0, -INFINITY, 0.5};
    const uint32_t wanted[] = {3, 0, 0, 0, UINT32_MAX, 0, 0, 0};
    uint32_t all[8];
    buffer b = {0};
    column_view v;
    column_build(values, 8, &b);
    if (CHECK_EQ_INT(column_open(str_make((const char *)b.data, b.len), &v, NULL), ANP_OK)) {
        column_get_lengths(&v, all);
        for (uint32_t i = 0; i < 8; i++) {
            CHECK_EQ_INT(column_get_length(&v, i), wanted[i]);
            CHECK_EQ_INT(all[i], wanted[i]);
        }
    }
    buffer_free(&b);
}

/* Kinds and widths that are not, and every length but the right one. */
static void damaged(void) {
    char bytes[16 + 4 * 16] = {0};
    for (int kind = 0; kind < 256; kind++) {
        for (int width = 0; width < 256; width++) {
            bool known = (kind == 0 && (width == 1 || width == 2 || width == 4)) ||
                         (kind == 1 && width == 8) || (kind == 2 && (width == 4 || width == 16));
            column_view v;
            bytes[0] = (char)kind;
            bytes[1] = (char)width;
            bytes[4] = 4;
            size_t len = 16 + (size_t)width * 4;
            len = len > sizeof bytes ? sizeof bytes : len;
            anp_status status = column_open(str_make(bytes, len), &v, NULL);
            CHECK_EQ_INT(status, known ? ANP_OK : ANP_CORRUPT);
            CHECK_EQ_INT(column_open(str_make(bytes, len - 1), &v, NULL), ANP_CORRUPT);
        }
    }
    for (size_t len = 0; len < sizeof bytes; len++) {
        column_view v;
        bytes[0] = 1;
        bytes[1] = 8;
        CHECK_EQ_INT(column_open(str_make(bytes, len), &v, NULL), len == 48 ? ANP_OK : ANP_CORRUPT);
    }
    memset(bytes + 4, 0xff, 4); /* more entries than any memory */
    CHECK_EQ_INT(column_open(str_make(bytes, sizeof bytes), &(column_view){0}, NULL), ANP_CORRUPT);
}

void test_index_column(void) {
    CASE("whole numbers take the narrowest width");
    widths();
    CASE("all others are doubles");
    floats();
    CASE("whole scores take a byte each");
    scores(true);
    CASE("other scores are floats");
    scores(false);
    CASE("the bytes as they are drawn");
    golden();
    CASE("lengths that are none");
    lengths_that_are_none();
    CASE("damaged columns are refused");
    damaged();
}
