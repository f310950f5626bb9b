/*
 * Posting lists of every size class against the arrays that they were built of, their bounds
 * against exact maxima, and damaged ones against themselves.
 */
#include "postings/sample.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

/* On both sides of every border of the format. */
static const uint32_t sizes[] = {1,    2,    15,   16,   63,   64,    255,   256,
                                 1023, 1024, 2047, 2048, 4097, 30000, 65535, 65536};
enum { SIZES = sizeof sizes / sizeof *sizes };

static list_input input_of(const sample *s, bool with_tf, bool with_bounds) {
    return (list_input){s->count, s->docs, with_tf ? s->tfs : NULL, with_bounds ? s->impacts : NULL,
                        with_bounds ? s->blended : NULL};
}

/* ---- What was put in comes out ------------------------------------------------------------- */

static bool check_arrays(const list_view *v, const sample *s, bool with_tf) {
    uint16_t *docs = malloc(s->count * sizeof *docs);
    uint32_t *tfs = malloc(s->count * sizeof *tfs);
    uint64_t sum = 0;
    bool good = CHECK_EQ_INT(v->count, s->count) && CHECK_EQ_INT(list_docs(v, docs), s->count) &&
                CHECK(memcmp(docs, s->docs, s->count * sizeof *docs) == 0);
    list_tfs(v, tfs);
    for (uint32_t i = 0; i < s->count && good; i++) {
        uint32_t tf = with_tf ? s->tfs[i] : 1;
        good = CHECK_EQ_INT(tfs[i], tf) && CHECK_EQ_INT(list_tf(v, i), tf);
        sum += tf;
    }
    good = good && CHECK_EQ_INT(v->tf_sum, sum > UINT32_MAX ? UINT32_MAX : sum);
    free(docs);
    free(tfs);
    return good;
}

static bool check_ranks(const list_view *v, const sample *s) {
    uint32_t rank = 0;
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low++) {
        bool here = rank < s->count && s->docs[rank] == low;
        if (!CHECK_EQ_INT(list_rank(v, (uint16_t)low), here ? rank : UINT32_MAX)) {
            return false;
        }
        rank += here;
    }
    return true;
}

/* ---- Bounds -------------------------------------------------------------------------------- */

typedef struct bounds {
    const uint8_t *scale; /* low, step */
    const uint8_t *codes;
    const uint8_t *seeds;
    const float *values;
    double unit; /* of a seed: 1/65535, times 1.3 where blended */
} bounds;

static float bound_at(const bounds *b, uint32_t i, float *step) {
    float low;
    memcpy(&low, b->scale, sizeof low);
    memcpy(step, b->scale + sizeof low, sizeof *step);
    return low + (float)(b->codes[i] - 1) * *step;
}

/* Each bound covers its scope's maximum, and by less than a step; an empty scope has code 0. */
static bool check_covers(const bounds *b, const sample *s) {
    float maxima[LIST_BLOCKS], step;
    uint32_t scopes = s->count < LIST_BLOCKS ? s->count : (uint32_t)LIST_BLOCKS;
    for (uint32_t i = 0; i < scopes; i++) {
        maxima[i] = -1;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t scope = s->count < LIST_BLOCKS ? i : s->docs[i] / 256u;
        maxima[scope] = fmaxf(maxima[scope], b->values[i]);
    }
    for (uint32_t i = 0; i < scopes; i++) {
        float bound = bound_at(b, i, &step);
        bool holds = maxima[i] < 0 ? CHECK_EQ_INT(b->codes[i], 0)
                                   : CHECK(b->codes[i] > 0) && CHECK(bound >= maxima[i]) &&
                                         CHECK(bound - maxima[i] <= step * 1.001f + 1e-6f);
        if (!holds) {
            test_note("scope %u: code %u, bound %g, maximum %g, step %g", i, b->codes[i],
                      (double)bound, (double)maxima[i], (double)step);
            return false;
        }
    }
    return CHECK(step <= 1.3f / 254 * 1.001f);
}

static int downwards(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x < y) - (x > y);
}

/* Seeds by sorting all values: floor of the 1st, 2nd, 4th … best in units. */
static bool check_seeds(const bounds *b, const sample *s) {
    float *sorted = malloc(s->count * sizeof *sorted);
    bool good = sorted != NULL;
    memcpy(sorted, b->values, s->count * sizeof *sorted);
    qsort(sorted, s->count, sizeof *sorted, downwards);
    for (uint32_t i = 0, rank = 1; i < LIST_SEEDS && good; i++, rank *= 2) {
        double exact = rank <= s->count ? (double)sorted[rank - 1] / b->unit : 0;
        uint16_t seed = load_u16(b->seeds + i * 2);
        good = CHECK(seed <= exact + 1e-6) && CHECK(seed > exact - 1 - 1e-6 || seed == 65535);
    }
    free(sorted);
    return good;
}

/* `largest` is the header's: rounded up, but not by more than a unit. */
static bool check_largest(const bounds *b, const sample *s, uint16_t largest) {
    float exact = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        exact = fmaxf(exact, b->values[i]);
    }
    return CHECK(largest >= (double)exact / b->unit - 1e-6) &&
           CHECK(largest < (double)exact / b->unit + 1 + 1e-6);
}

static bool check_bounds(const list_view *v, const sample *s) {
    double unit = 1.0 / 65535;
    bounds impacts = {v->bounds, v->bound_bytes, v->seeds, s->impacts, unit};
    bounds blended = {v->bounds ? v->bounds + 8 : NULL, v->blended_bytes,
                      v->seeds ? v->seeds + 16 : NULL, s->blended,
                      unit * (double)LIST_BLEND_SCALE};
    bool good = check_largest(&impacts, s, v->impact_max) &&
                check_largest(&blended, s, v->blended_max) &&
                CHECK_EQ_INT(v->bounds != NULL, s->count >= 16) &&
                CHECK_EQ_INT(v->seeds != NULL, s->count >= 64);
    if (good && v->bounds) {
        good = check_covers(&impacts, s) && check_covers(&blended, s);
    }
    if (good && v->seeds) {
        good = check_seeds(&impacts, s) && check_seeds(&blended, s);
    }
    return good;
}

static void build_and_check(const sample *s, bool with_tf, bool with_bounds, const char *what) {
    buffer b = {0};
    list_view v;
    anp_error err = ANP_ERROR_INIT;
    list_input input = input_of(s, with_tf, with_bounds);
    buffer_put_str(&b, STR("before")); /* it appends */
    list_build(&input, &b);
    str value = str_make((const char *)b.data + 6, b.len - 6);
    bool good = CHECK(!b.failed) && CHECK_EQ_INT(list_view_open(value, &v, &err), ANP_OK) &&
                CHECK_EQ_INT(list_validate(&v, &err), ANP_OK) && check_arrays(&v, s, with_tf) &&
                check_ranks(&v, s) && CHECK(v.positions.data == NULL);
    if (good && with_bounds) {
        good = check_bounds(&v, s);
    } else if (good) {
        good = CHECK(v.bounds == NULL) && CHECK(v.seeds == NULL) && CHECK_EQ_INT(v.impact_max, 0);
    }
    if (!good) {
        test_note("%u postings, %s, %s tf, %s bounds: %s", s->count, what,
                  with_tf ? "with" : "no", with_bounds ? "with" : "no", err.message);
    }
    buffer_free(&b);
}

static void every_class(sample_tfs kind) {
    for (int i = 0; i < SIZES; i++) {
        for (int dense = 0; dense < 2; dense++) {
            int seed = (int)kind * 100 + i * 2 + dense;
            prng p = {(uint64_t)seed};
            char what[64];
            sample s;
            snprintf(what, sizeof what, "seed %d, tf kind %d", seed, (int)kind);
            if (CHECK(sample_make(&p, sizes[i], kind, dense, &s))) {
                build_and_check(&s, true, true, what);
                build_and_check(&s, kind == SAMPLE_HUGE, false, what);
            }
            sample_free(&s);
        }
    }
}

/* All impacts equal, all nought, all as large as can be: scales without width. */
static void flat_bounds(void) {
    static const float levels[] = {0, 1e-9f, 0.25f, 0.999999f, 1};
    static const uint32_t counts[] = {16, 64, 255, 256, 5000};
    prng p = {51};
    for (int i = 0; i < 5; i++) {
        for (int level = 0; level < 5; level++) {
            char what[32];
            sample s;
            snprintf(what, sizeof what, "impacts %g", (double)levels[level]);
            if (CHECK(sample_make(&p, counts[i], SAMPLE_SMALL, false, &s))) {
                for (uint32_t at = 0; at < s.count; at++) {
                    s.impacts[at] = levels[level];
                    s.blended[at] = levels[level] * LIST_BLEND_SCALE;
                }
                build_and_check(&s, true, true, what);
                s.impacts[s.count / 2] = 1; /* one that stands out */
                s.blended[s.count / 2] = LIST_BLEND_SCALE;
                build_and_check(&s, true, true, what);
            }
            sample_free(&s);
        }
    }
}

/* ---- Bytes --------------------------------------------------------------------------------- */

/* KEEP IN STEP: the worked example of postings/format.h. */
static void golden(void) {
    static const uint8_t expected[] = {
        0x01, 0x00, 0x02, 0x02, 0x00, 0x00, 0x15, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0x00,
        0x00, 0x00, 0x05, 0x00, 0x09, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
        0x00, 0x03, 0x03, 0x00};
    static const uint16_t docs[] = {5, 9};
    static const uint32_t tfs[] = {2, 1}, positions[] = {3, 7, 0};
    buffer list = {0}, apart = {0};
    list_build(&(list_input){2, docs, tfs, NULL, NULL}, &list);
    positions_build(&(positions_input){2, tfs, positions, NULL}, &apart);
    positions_join(&list, 0, str_make((const char *)apart.data, apart.len));
    CHECK_EQ_INT(list.len, sizeof expected);
    for (size_t i = 0; i < list.len && i < sizeof expected; i++) {
        if (!CHECK_EQ_INT(list.data[i], expected[i])) {
            test_note("byte %zu", i);
        }
    }
    buffer_free(&list);
    buffer_free(&apart);
}

/* The width of tf codes is the one that takes the fewest bytes. */
static void widths(void) {
    static const struct {
        uint32_t common, rare, rare_count;
        uint8_t bits;
        uint32_t exceptions;
    } table[] = {{1, 1, 0, 0, 0},       {1, 9, 4, 0, 4},     {1, 3, 50, 2, 0},
                 {2, 500, 3, 2, 3},     {2, 12, 60, 4, 0},   {12, 70, 5, 4, 5},
                 {200, 100000, 2, 8, 2}, {300, 255, 0, 32, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint16_t docs[100];
        uint32_t tfs[100];
        buffer b = {0};
        list_view v;
        for (uint16_t at = 0; at < 100; at++) {
            docs[at] = at;
            tfs[at] = at < table[i].rare_count ? table[i].rare : table[i].common;
        }
        list_build(&(list_input){100, docs, tfs, NULL, NULL}, &b);
        if (CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK)) {
            CHECK_EQ_INT(v.tf_bits, table[i].bits);
            CHECK_EQ_INT(v.exceptions, table[i].exceptions);
        }
        buffer_free(&b);
    }
}

/* ---- Damage -------------------------------------------------------------------------------- */

/* All that reads a list, on bytes of any kind; where they are found valid, the reads must agree. */
static bool read_damaged(const list_view *v, prng *p) {
    uint16_t *docs = malloc(v->count * sizeof *docs);
    uint32_t *tfs = malloc(v->count * sizeof *tfs);
    buffer shown = {0};
    uint32_t count = docs ? list_docs(v, docs) : 0;
    bool valid = list_validate(v, NULL) == ANP_OK, good = CHECK(count <= v->count);
    list_tfs(v, tfs);
    list_print(v, &shown);
    good = CHECK(!valid || count == v->count) && good;
    for (int i = 0; i < 100 && good; i++) {
        uint32_t rank = prng_below(p, v->count), low = prng_below(p, LIST_DOCS);
        uint32_t tf = list_tf(v, rank), found = list_rank(v, (uint16_t)low);
        good = CHECK(found == UINT32_MAX || found < v->count);
        if (valid) {
            good = CHECK_EQ_INT(tf, tfs[rank]) && CHECK(tf > 0) &&
                   CHECK(rank == 0 || docs[rank - 1] < docs[rank]) &&
                   CHECK_EQ_INT(list_rank(v, docs[rank]), rank) &&
                   CHECK(found == UINT32_MAX || docs[found] == low) && good;
        }
    }
    buffer_free(&shown);
    free(docs);
    free(tfs);
    return good;
}

/* Damage near the front more often: the header decides where all else lies. */
static void damage(uint8_t *bytes, size_t *len, prng *p) {
    if (prng_below(p, 4) == 0) {
        *len = prng_below(p, (uint32_t)*len + 1);
    }
    for (uint32_t flips = prng_below(p, 5); flips > 0 && *len > 0; flips--) {
        uint32_t span = prng_below(p, 2) && *len > 16 ? 16 : (uint32_t)*len;
        bytes[prng_below(p, span)] ^= (uint8_t)(1u << prng_below(p, 8));
    }
}

static void damaged(uint32_t count, sample_tfs kind, int rounds) {
    prng p = {count};
    sample s;
    buffer b = {0};
    CHECK(sample_make(&p, count, kind, false, &s));
    list_input input = input_of(&s, kind != SAMPLE_ONES, kind != SAMPLE_SMALL);
    list_build(&input, &b);
    for (int round = 0; round < rounds; round++) {
        size_t len = b.len;
        uint8_t *bytes = malloc(len);
        memcpy(bytes, b.data, len);
        damage(bytes, &len, &p);
        /* Of the exact size, so that a sanitizer sees a read behind it. */
        uint8_t *exact = malloc(len + !len);
        memcpy(exact, bytes, len);
        list_view v;
        anp_error err = ANP_ERROR_INIT;
        anp_status status = list_view_open(str_make((char *)exact, len), &v, &err);
        bool good = status == ANP_OK ? read_damaged(&v, &p)
                                     : CHECK_EQ_INT(status, ANP_CORRUPT) && CHECK(err.message[0]);
        free(exact);
        free(bytes);
        if (!good) {
            test_note("%u postings, tf kind %d, round %d of seed %u", count, kind, round, count);
            break;
        }
    }
    sample_free(&s);
    buffer_free(&b);
}

/* Headers whose sizes fit their value, but not the other fields. */
static void odd_headers(void) {
    static const struct {
        uint16_t count_minus_1;
        uint8_t kind, tf_bits;
        uint16_t exceptions;
        size_t bytes; /* behind the header */
    } table[] = {{0, LIST_BITSET, 0, 0, 8192}, /* a bitset needs a directory by blocks */
                 {100, LIST_BITSET, 0, 0, 8192 + 32}, {2047, 0, 0, 0, 4096 + 512},
                 {0, 0, 8, 0, 2},              /* tf codes in a list without tf */
                 {0, 0, 0, 1, 2},              {0, 8, 0, 0, 2},
                 {0, LIST_TF, 32, 1, 2 + 4 + 6}, {0, LIST_TF, 1, 0, 3},
                 {0, LIST_BOUNDS, 0, 0, 2 + 16 + 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        list_header header = {.count_minus_1 = table[i].count_minus_1, .kind = table[i].kind,
                              .tf_bits = table[i].tf_bits, .exceptions = table[i].exceptions};
        size_t len = sizeof header + table[i].bytes;
        char *bytes = calloc(1, len);
        list_view v;
        memcpy(bytes, &header, sizeof header);
        if (!CHECK_EQ_INT(list_view_open(str_make(bytes, len), &v, NULL), ANP_CORRUPT)) {
            test_note("row %zu", i);
        }
        free(bytes);
    }
}

/* One broken rule each, the sizes still right: opens, and validation names it. */
static void broken_rules(void) {
    static const struct {
        uint32_t count;
        sample_tfs kind;
        size_t at;        /* from the section's begin */
        int section; /* 0 header, 1 container, 2 directory, 3 codes, 4 bounds, 5 seeds, 6 codes */
        uint8_t flip;
    } table[] = {{100, SAMPLE_SMALL, 12, 0, 1}, /* tf sum */
                 {100, SAMPLE_ONES, 12, 0, 1},  {100, SAMPLE_SMALL, 3, 1, 0x80}, /* order */
                 {3000, SAMPLE_SMALL, 100, 1, 1}, /* a bit more or less */
                 {100, SAMPLE_SMALL, 8, 2, 1},  {300, SAMPLE_SMALL, 8, 2, 1},
                 {3000, SAMPLE_SMALL, 100, 2, 1}, {100, SAMPLE_SMALL, 5, 3, 2},
                 {100, SAMPLE_SMALL, 7, 4, 0x80}, /* a negative step */
                 {100, SAMPLE_SMALL, 11, 4, 0x7f}, /* low is no number */
                 {100, SAMPLE_SMALL, 15, 5, 0xff}, /* seeds that rise */
                 {100, SAMPLE_SMALL, 0, 6, 0},  {3000, SAMPLE_SMALL, 255, 6, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prng p = {61};
        sample s;
        buffer b = {0};
        list_view v;
        CHECK(sample_make(&p, table[i].count, table[i].kind, false, &s));
        list_input input = input_of(&s, true, true);
        list_build(&input, &b);
        CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK);
        const uint8_t *sections[] = {v.bytes,  v.container, v.directory,  v.tf_codes,
                                     v.bounds, v.seeds,     v.bound_bytes};
        uint8_t *byte = b.data + (sections[table[i].section] - v.bytes) + table[i].at;
        *byte = table[i].flip ? *byte ^ table[i].flip : 0;
        CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK);
        anp_error err = ANP_ERROR_INIT;
        if (!CHECK_EQ_INT(list_validate(&v, &err), ANP_CORRUPT) || !CHECK(err.message[0])) {
            test_note("row %zu", i);
        }
        sample_free(&s);
        buffer_free(&b);
    }
}

void test_postings_list(void) {
    static const char *const kinds[] = {"tfs all 1", "tfs small", "tfs with rare huge ones",
                                        "tfs of all sizes", "tfs about the borders of widths",
                                        "tfs all above 255"};
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        CASE(kinds[kind]);
        every_class((sample_tfs)kind);
    }
    CASE("bounds over equal impacts");
    flat_bounds();
    CASE("the worked example of format.h");
    golden();
    CASE("tf codes take the fewest bytes");
    widths();
    CASE("damaged lists are refused or read within their bytes");
    for (int i = 0; i < SIZES; i++) {
        for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
            damaged(sizes[i], (sample_tfs)kind, sizes[i] < 5000 ? 400 : 20);
        }
    }
    CASE("headers that contradict themselves are refused");
    odd_headers();
    CASE("validation finds each broken rule");
    broken_rules();
}
