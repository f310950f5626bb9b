/*
 * Positions beside their lists: every posting's read back against the arrays that they were built
 * of, with titles in none, some or all of the postings, in a value of their own and joined.
 */
#include "postings/sample.h"
#include "test.h"

#include <stdio.h>

typedef enum titles { TITLES_NONE, TITLES_SOME, TITLES_ALL } titles;

typedef struct fixture {
    sample s; /* its tfs are combined ones */
    uint32_t weight;
    uint32_t *counts, *title_tfs, *positions, *starts;
    uint32_t title_count, title_only;
    buffer list, apart;
} fixture;

/* Body positions are few, and now and then many and far apart. */
static void draw_posting(fixture *f, prng *p, uint32_t i, titles which) {
    bool title = which == TITLES_ALL || (which == TITLES_SOME && prng_below(p, 6) == 0);
    uint32_t long_post = prng_below(p, 400) == 0;
    f->title_tfs[i] = title ? 1 + prng_below(p, prng_below(p, 30) ? 3 : 65535) : 0;
    f->counts[i] = prng_below(p, long_post ? 300 : 4);
    f->counts[i] += f->counts[i] == 0 && (f->title_tfs[i] == 0 || f->weight == 0);
    f->title_tfs[i] = f->weight ? f->title_tfs[i] : 0;
    f->s.tfs[i] = f->counts[i] + f->weight * f->title_tfs[i];
    f->title_count += f->title_tfs[i] > 0;
    f->title_only += f->title_tfs[i] > 0 && f->counts[i] == 0;
}

static bool make_fixture(fixture *f, prng *p, uint32_t count, titles which, uint32_t weight) {
    uint32_t total = 0;
    *f = (fixture){.weight = weight};
    if (!sample_make(p, count, SAMPLE_ONES, false, &f->s)) {
        return false;
    }
    f->counts = calloc(count, sizeof *f->counts);
    f->title_tfs = calloc(count, sizeof *f->title_tfs);
    f->starts = calloc(count, sizeof *f->starts);
    f->positions = calloc((size_t)count * 300, sizeof *f->positions);
    if (!f->counts || !f->title_tfs || !f->starts || !f->positions) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        draw_posting(f, p, i, which);
        f->starts[i] = total;
        uint32_t position = prng_below(p, prng_below(p, 9) ? 100 : 1 << 23);
        for (uint32_t j = 0; j < f->counts[i]; j++) {
            f->positions[total++] = position;
            position += 1 + prng_below(p, prng_below(p, 4) ? 2 : 20000);
        }
    }
    list_build(&(list_input){count, f->s.docs, f->s.tfs, NULL, NULL}, &f->list);
    positions_build(&(positions_input){count, f->counts, f->positions,
                                       which == TITLES_NONE ? NULL : f->title_tfs},
                    &f->apart);
    return true;
}

static void free_fixture(fixture *f) {
    sample_free(&f->s);
    free(f->counts);
    free(f->title_tfs);
    free(f->starts);
    free(f->positions);
    buffer_free(&f->list);
    buffer_free(&f->apart);
}

/* The positions of one posting into room of the exact size. */
static anp_status read_one(const fixture *f, const positions_view *v, const list_view *list,
                           uint32_t rank, bool *equal) {
    uint32_t expect = f->counts[rank];
    uint32_t *out = malloc(expect * sizeof *out + !expect);
    anp_status status = positions_read(v, list, f->weight, rank, expect, out, NULL);
    *equal = expect == 0 || memcmp(out, f->positions + f->starts[rank], expect * sizeof *out) == 0;
    free(out);
    return status;
}

static bool check_titles(const fixture *f, const positions_view *v) {
    uint32_t *tfs = malloc(f->s.count * sizeof *tfs);
    bool good = CHECK_EQ_INT(v->title_count, f->title_count) &&
                CHECK_EQ_INT(v->title_only, f->title_only);
    positions_title_tfs(v, tfs, f->s.count);
    for (uint32_t i = 0; i < f->s.count && good; i++) {
        good = CHECK_EQ_INT(tfs[i], f->title_tfs[i]) &&
               CHECK_EQ_INT(positions_title_tf(v, i), f->title_tfs[i]);
    }
    free(tfs);
    return good;
}

static bool check_all(const fixture *f, str value, const list_view *list) {
    positions_view v;
    if (!CHECK_EQ_INT(positions_view_open(value, f->s.count, &v, NULL), ANP_OK) ||
        !check_titles(f, &v)) {
        return false;
    }
    for (uint32_t rank = 0; rank < f->s.count; rank++) {
        bool equal = false;
        if (!CHECK_EQ_INT(read_one(f, &v, list, rank, &equal), ANP_OK) || !CHECK(equal)) {
            test_note("rank %u of %u", rank, f->s.count);
            return false;
        }
    }
    return true;
}

static void round_trip(uint32_t count, titles which, uint32_t weight) {
    prng p = {count * 100ull + which * 20 + weight};
    fixture f;
    list_view list;
    if (!CHECK(make_fixture(&f, &p, count, which, weight))) {
        return;
    }
    str apart = str_make((const char *)f.apart.data, f.apart.len);
    str alone = str_make((const char *)f.list.data, f.list.len);
    bool good = CHECK_EQ_INT(list_view_open(alone, &list, NULL), ANP_OK) &&
                CHECK(list.positions.data == NULL) && check_all(&f, apart, &list);
    if (f.list.len <= UINT16_MAX) {
        positions_join(&f.list, 0, apart);
        str joined = str_make((const char *)f.list.data, f.list.len);
        good = CHECK_EQ_INT(list_view_open(joined, &list, NULL), ANP_OK) &&
               CHECK_EQ_INT(list_validate(&list, NULL), ANP_OK) &&
               CHECK(str_equal(list.positions, apart)) && check_all(&f, list.positions, &list) &&
               good;
    }
    if (!good) {
        test_note("%u postings, titles %d, title weight %u", count, which, weight);
    }
    free_fixture(&f);
}

/* A cut value gives nothing but ANP_CORRUPT and what stood before the cut. */
static void cut(uint32_t count, titles which) {
    prng p = {count + 7};
    fixture f;
    list_view list;
    CHECK(make_fixture(&f, &p, count, which, 3));
    str value = str_make((const char *)f.list.data, f.list.len);
    CHECK_EQ_INT(list_view_open(value, &list, NULL), ANP_OK);
    size_t step = f.apart.len / 300 + 1;
    for (size_t len = 0; len < f.apart.len; len += step) {
        char *exact = malloc(len + !len);
        memcpy(exact, f.apart.data, len);
        positions_view v;
        uint32_t refused = 0;
        if (positions_view_open(str_make(exact, len), count, &v, NULL) == ANP_OK) {
            bool lost = false; /* a posting behind the cut must not come back */
            for (uint32_t rank = 0; rank < count; rank++) {
                bool equal = false;
                anp_status status = read_one(&f, &v, &list, rank, &equal);
                CHECK(status == ANP_OK ? equal && (!lost || f.counts[rank] == 0)
                                       : status == ANP_CORRUPT);
                lost = lost || status != ANP_OK;
                refused += status != ANP_OK;
            }
            CHECK(refused > 0 || f.counts[count - 1] == 0);
        }
        free(exact);
    }
    free_fixture(&f);
}

/* Any bytes: reads stay inside, and end. */
static void flipped(uint32_t count, titles which) {
    prng p = {count + 9};
    fixture f;
    list_view list;
    CHECK(make_fixture(&f, &p, count, which, 3));
    CHECK_EQ_INT(list_view_open(str_make((const char *)f.list.data, f.list.len), &list, NULL),
                 ANP_OK);
    uint32_t *tfs = malloc(count * sizeof *tfs), read = 0;
    for (int round = 0; round < 300; round++) {
        char *exact = malloc(f.apart.len);
        memcpy(exact, f.apart.data, f.apart.len);
        for (uint32_t flips = 1 + prng_below(&p, 4); flips > 0; flips--) {
            uint32_t span = prng_below(&p, 2) ? 16 : (uint32_t)f.apart.len;
            exact[prng_below(&p, span) % f.apart.len] ^= (char)(1 << prng_below(&p, 8));
        }
        positions_view v;
        if (positions_view_open(str_make(exact, f.apart.len), count, &v, NULL) == ANP_OK) {
            bool equal;
            positions_title_tfs(&v, tfs, count);
            for (int i = 0; i < 20; i++) {
                anp_status status = read_one(&f, &v, &list, prng_below(&p, count), &equal);
                CHECK(status == ANP_OK || status == ANP_CORRUPT);
                read += status == ANP_OK;
            }
        }
        free(exact);
    }
    CHECK(read > 0);
    free(tfs);
    free_fixture(&f);
}

void test_postings_positions(void) {
    static const uint32_t sizes[] = {1, 2, 31, 32, 33, 64, 65, 1000, 5000};
    static const char *const names[] = {"no titles", "some titles", "titles everywhere"};
    for (int which = TITLES_NONE; which <= TITLES_ALL; which++) {
        CASE(names[which]);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            round_trip(sizes[i], (titles)which, 3);
            round_trip(sizes[i], (titles)which, 15);
        }
        round_trip(1000, (titles)which, 0); /* no title counts */
    }
    CASE("a full window with a title exception in every posting");
    round_trip(65536, TITLES_ALL, 1);
    round_trip(65536, TITLES_NONE, 3);
    CASE("cut positions");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes - 2; i++) {
        cut(sizes[i], (titles)(i % 3));
    }
    CASE("damaged positions");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        flipped(sizes[i], (titles)(i % 3));
    }
}
