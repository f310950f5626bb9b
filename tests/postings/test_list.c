/*
 * Posting lists of every size class against the arrays that they were built of, their bounds
 * against exact maxima, and damaged ones against themselves.
 */
#include "postings/sample.h"
#include "test.h"

#include <math.h>
#include <stdio.h>

/* On both sides of every border of the format. */
static const uint32_t sizes[] = {1,    2,    8,    9,    33,   63,    64,    255,   256,
                                 1023, 1024, 2049, 4095, 4096, 4097, 8191, 30000, 65535, 65536};
enum { SIZES = sizeof sizes / sizeof *sizes };

static list_input input_of(const sample *s, bool with_tf, bool with_bounds, bool brief) {
    return (list_input){.count = s->count,
                        .docs = s->docs,
                        .tfs = with_tf ? s->tfs : NULL,
                        .impacts = with_bounds ? s->impacts : NULL,
                        .blended = with_bounds ? s->blended : NULL,
                        .brief = brief};
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
    for (uint32_t from = 0; from < s->count && good; from += 32) {
        uint32_t count = s->count - from < 32 ? s->count - from : 32;
        list_docs_before(v, from + count - 1, s->docs[from + count - 1], count - 1, docs);
        list_tfs_at(v, from, count, tfs);
        for (uint32_t i = 0; i < count && good; i++) {
            good = CHECK(i + 1 == count || docs[i] == s->docs[from + i]) &&
                   CHECK_EQ_INT(tfs[i], with_tf ? s->tfs[from + i] : 1);
        }
    }
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
    const uint8_t *range; /* low, high */
    const uint8_t *codes;
    const uint8_t *seeds;
    uint32_t seed_count;
    const float *values;
    double unit; /* of a seed: 1/65535, times 1.3 where blended */
} bounds;

/* What the drawing says, in doubles; the reader's own value may be a hair above. */
static double bound_at(const bounds *b, uint32_t i, double *step) {
    double low = load_u16(b->range) * b->unit, high = load_u16(b->range + 2) * b->unit;
    *step = (high - low) / 254;
    return low + (b->codes[i] - 1) * *step;
}

/* Each bound covers its scope's maximum, and by not much more than a step; an empty scope has
   code 0. */
static bool check_covers(const list_view *v, const bounds *b, const sample *s, bool blended) {
    float maxima[LIST_BLOCKS];
    double step = 0;
    uint32_t scopes = s->count < LIST_BLOCKS ? s->count : (uint32_t)LIST_BLOCKS;
    for (uint32_t i = 0; i < scopes; i++) {
        maxima[i] = -1;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t scope = s->count < LIST_BLOCKS ? i : s->docs[i] / 256u;
        maxima[scope] = fmaxf(maxima[scope], b->values[i]);
    }
    for (uint32_t i = 0; i < scopes; i++) {
        double drawn = bound_at(b, i, &step);
        float bound = blended ? list_blended_bound(v, i) : list_bound(v, i);
        bool holds = maxima[i] < 0
                         ? CHECK_EQ_INT(b->codes[i], 0) && CHECK(bound < 0)
                         : CHECK(b->codes[i] > 0) && CHECK(bound >= maxima[i]) &&
                               CHECK(fabs((double)bound - drawn) < 1e-5) &&
                               CHECK((double)(bound - maxima[i]) <= step * 1.01 + b->unit * 1.1);
        if (!holds) {
            test_note("scope %u: code %u, bound %g, maximum %g, step %g", i, b->codes[i],
                      (double)bound, (double)maxima[i], step);
            return false;
        }
    }
    return true;
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
    for (uint32_t i = 0, rank = 1; i < b->seed_count && good; i++, rank *= 2) {
        double exact = rank <= s->count ? (double)sorted[rank - 1] / b->unit : 0;
        uint16_t seed = load_u16(b->seeds + i * 2);
        good = CHECK(seed <= exact + 1e-6) && CHECK(seed > exact - 1.1 || seed == 65535);
    }
    free(sorted);
    return good;
}

/* By sorting as well: units of seeds down, of the same the ordinals up. */
static int better_first(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Those behind the champions, of postings sorted by better_first. */
static bool check_runners(const list_view *v, const sample *s, const uint64_t *sorted,
                          uint32_t champions) {
    uint32_t expect = v->brief || s->count < 1024 ? 0 : s->count < 2048 ? 128 : 384;
    uint16_t docs[384];
    bool *named = calloc(65536, sizeof *named);
    bool good = CHECK(named != NULL) && CHECK_EQ_INT(v->runner_count, expect) &&
                CHECK_EQ_INT(list_runner_docs(v, docs), expect);
    for (uint32_t i = champions; i < champions + expect && good; i++) {
        named[s->docs[(uint32_t)sorted[i]]] = true;
    }
    for (uint32_t i = 0; i < expect && good; i++) {
        good = CHECK(named[docs[i]]) && (i == 0 || CHECK(docs[i - 1] < docs[i]));
    }
    uint32_t seed = expect == 128 ? 8 : 9;
    for (uint32_t i = champions + expect; i < s->count && expect && good; i++) {
        good = CHECK(s->impacts[(uint32_t)sorted[i]] <= list_seed_most(list_seed(v, false, seed)));
    }
    free(named);
    return good;
}

static bool check_champions(const list_view *v, const sample *s, bool blended) {
    const float *values = blended ? s->blended : s->impacts;
    float scale = list_seed_scale(blended ? LIST_BLEND_SCALE : 1.0f);
    uint32_t expect = v->brief || s->count < LIST_CHAMPIONS_FROM ? 0
                      : s->count < 128 ? s->count : 128;
    uint64_t *sorted = malloc(s->count * sizeof *sorted);
    bool good = CHECK(sorted != NULL) && CHECK_EQ_INT(v->champion_count, expect);
    for (uint32_t i = 0; i < s->count && good; i++) {
        sorted[i] = (uint64_t)(65535 - list_seed_units(values[i], scale)) << 32 | i;
    }
    qsort(sorted, s->count, sizeof *sorted, better_first);
    for (uint32_t i = 0; i < expect && good; i++) {
        uint32_t rank = (uint32_t)sorted[i], tf = s->tfs[rank], at = blended ? expect + i : i;
        good = CHECK_EQ_INT(load_u16(v->champions + (size_t)at * 2), s->docs[rank]) &&
               CHECK_EQ_INT(v->champion_tfs[at], tf < 255 ? tf : 255);
    }
    if (!blended) {
        good = good && check_runners(v, s, sorted, expect);
    }
    for (uint32_t i = 0; i < s->count && good; i++) { /* what is left is not above the seed */
        uint32_t before = i ? 31 - (uint32_t)__builtin_clz(i) : 0;
        before = before < LIST_SEEDS ? before : LIST_SEEDS - 1;
        uint32_t seed = list_seed(v, blended, before);
        float value = values[(uint32_t)sorted[i]] / (blended ? LIST_BLEND_SCALE : 1);
        good = i == 0 || CHECK(value <= list_seed_most(seed));
    }
    free(sorted);
    return good;
}

/* The levels of strips cover what they stand for; the greatest is exact, others are not above the
   best strip of theirs by more than a unit or two. */
static bool check_strips(const list_view *v, const sample *s) {
    float maxima[LIST_STRIPS], best[1 + LIST_STRIP_LEVELS];
    bool good = CHECK_EQ_INT(v->strips != NULL, !v->brief && s->count >= LIST_STRIPS_FROM);
    for (uint32_t i = 0; i < 4096; i++) {
        maxima[i] = best[i % 16] = -1;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        maxima[s->docs[i] / 16] = fmaxf(maxima[s->docs[i] / 16], s->impacts[i]);
    }
    for (uint32_t strip = 0; strip < 4096 && v->strips && good; strip++) {
        uint32_t level = list_strip(v, strip * 16);
        good = CHECK_EQ_INT(level > 0, maxima[strip] >= 0) && CHECK(level <= 15) &&
               CHECK_EQ_INT(list_strip(v, strip * 16 + 15), level);
        best[level] = fmaxf(best[level], maxima[strip]);
    }
    for (uint32_t level = 1; level <= LIST_STRIP_LEVELS && v->strips && good; level++) {
        double most = (double)list_strip_level(v, level), exact = (double)best[level];
        good = (level == 1 || CHECK(most >= (double)list_strip_level(v, level - 1))) &&
               (exact < 0 || (CHECK(most >= exact) && CHECK(most < exact + 2.1 / 65535)));
    }
    return good;
}

/* `largest` is rounded up, but not by more than a unit or two. */
static bool check_largest(const bounds *b, const sample *s, uint16_t largest) {
    float exact = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        exact = fmaxf(exact, b->values[i]);
    }
    return CHECK(largest >= (double)exact / b->unit - 1e-6) &&
           CHECK(largest < (double)exact / b->unit + 2);
}

static bool check_bounds(const list_view *v, const sample *s) {
    double unit = 1.0 / 65535;
    if (s->count < 64) {
        return CHECK(!v->bounds) && CHECK_EQ_INT(v->impact_max, 65535) &&
               CHECK_EQ_INT(v->blended_max, 65535);
    }
    if (!CHECK(v->bounds != NULL)) {
        return false;
    }
    uint32_t seeds = v->brief || s->count < LIST_CHAMPIONS_FROM ? 8 : 11;
    bounds impacts = {v->bounds, v->bound_bytes, v->seeds, seeds, s->impacts, unit};
    bounds blended = {v->bounds + 4, v->blended_bytes, v->seeds + seeds * 2, seeds, s->blended,
                      unit * (double)LIST_BLEND_SCALE};
    return check_largest(&impacts, s, v->impact_max) &&
           check_largest(&blended, s, v->blended_max) && check_covers(v, &impacts, s, false) &&
           check_covers(v, &blended, s, true) && check_seeds(&impacts, s) &&
           check_seeds(&blended, s) && check_champions(v, s, false) &&
           check_champions(v, s, true) && check_strips(v, s);
}

/* What the drawing says of brief lists. */
static bool check_form(const list_view *v, bool brief) {
    bool large = v->bytes[0] & LIST_LARGE;
    uint32_t kind = v->count < 64               ? LIST_ARRAY
                    : v->count < 4096 || brief ? LIST_BLOCKED : LIST_BITSET;
    return CHECK_EQ_INT(v->brief, brief && large) && CHECK_EQ_INT(v->container_kind, kind);
}

static void build_and_check(const sample *s, bool with_tf, bool with_bounds, bool brief,
                            const char *what) {
    buffer b = {0};
    list_view v;
    anp_error err = ANP_ERROR_INIT;
    list_input input = input_of(s, with_tf, with_bounds, brief);
    buffer_put_str(&b, STR("before")); /* it appends */
    list_build(&input, &b);
    str value = str_make((const char *)b.data + 6, b.len - 6);
    bool good = CHECK(!b.failed) && CHECK_EQ_INT(list_view_open(value, &v, &err), ANP_OK) &&
                CHECK_EQ_INT(list_validate(&v, &err), ANP_OK) && check_form(&v, brief) &&
                check_arrays(&v, s, with_tf) && check_ranks(&v, s) &&
                CHECK(v.positions.data == NULL);
    if (good && with_bounds) {
        good = check_bounds(&v, s);
    } else if (good) {
        good = CHECK(!v.bounds) && CHECK(!v.seeds) && CHECK_EQ_INT(v.impact_max, 65535);
    }
    if (!good) {
        test_note("%u postings, %s, %s tf, %s bounds%s: %s", s->count, what,
                  with_tf ? "with" : "no", with_bounds ? "with" : "no", brief ? ", brief" : "",
                  err.message);
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
                build_and_check(&s, true, true, false, what);
                build_and_check(&s, kind == SAMPLE_HUGE, false, false, what);
                if (sizes[i] < LIST_BRIEF_POSTS) {
                    build_and_check(&s, true, true, true, what);
                    build_and_check(&s, kind == SAMPLE_HUGE, false, true, what);
                }
            }
            sample_free(&s);
        }
    }
}

/* All impacts equal, all nought, all as large as can be: scales without width. */
static void flat_bounds(void) {
    static const float levels[] = {0, 1e-9f, 0.25f, 0.999999f, 1};
    static const uint32_t counts[] = {64, 65, 255, 1024, 5000};
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
                build_and_check(&s, true, true, false, what);
                s.impacts[s.count / 2] = 1; /* one that stands out */
                s.blended[s.count / 2] = LIST_BLEND_SCALE;
                build_and_check(&s, true, true, false, what);
            }
            sample_free(&s);
        }
    }
}

/* ---- Bytes --------------------------------------------------------------------------------- */

/* KEEP IN STEP: the worked example of postings/format.h. */
static void golden(void) {
    static const uint8_t expected[] = {0x49, 0x05, 0x00, 0x09, 0x00, 0x01, 0x33, 0x00};
    static const uint16_t docs[] = {5, 9};
    static const uint32_t tfs[] = {2, 1}, positions[] = {3, 7, 0};
    static const uint8_t lengths[] = {10, 0, 0, 0, 4};
    buffer list = {0}, apart = {0};
    list_build(&(list_input){.count = 2, .docs = docs, .tfs = tfs}, &list);
    CHECK_EQ_INT(positions_build(&(positions_input){2, docs, tfs, positions,
                                                    {lengths, 1, 1, 0, 5, 5}}, &apart, NULL),
                 ANP_OK);
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
        uint32_t common, rare, rare_count, bits, exceptions, exception_bytes;
    } table[] = {{1, 1, 0, 0, 0, 0},        {1, 9, 4, 0, 4, 1},     {1, 4, 50, 2, 0, 0},
                 {2, 500, 3, 2, 3, 2},      {2, 12, 60, 4, 0, 0},   {12, 70, 5, 4, 5, 1},
                 {200, 100000, 2, 8, 2, 4}, {300, 255, 1, 2, 100, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint16_t docs[100];
        uint32_t tfs[100];
        buffer b = {0};
        list_view v;
        for (uint16_t at = 0; at < 100; at++) {
            docs[at] = at;
            tfs[at] = at < table[i].rare_count ? table[i].rare : table[i].common;
        }
        list_build(&(list_input){.count = 100, .docs = docs, .tfs = tfs}, &b);
        if (CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK)) {
            CHECK_EQ_INT(v.tf_bits, table[i].bits);
            CHECK_EQ_INT(v.exceptions, table[i].exceptions);
            if (!CHECK_EQ_INT(v.exception_bytes, table[i].exception_bytes)) {
                test_note("row %zu", i);
            }
        }
        buffer_free(&b);
    }
}

/* What the commonest lists of all take: one to four postings, tf 1, a title. */
static void tiny(void) {
    static const uint16_t docs[] = {7, 300, 301, 65535};
    static const uint32_t tfs[] = {1, 1, 3, 1}, title_tfs[] = {0, 0, 1, 0};
    static const struct {
        uint32_t count;
        bool titles;
        size_t bytes;
    } table[] = {{1, false, 3}, {2, false, 5}, {3, false, 8}, {4, false, 10}, {4, true, 12}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        buffer b = {0};
        list_build(&(list_input){.count = table[i].count, .docs = docs, .tfs = tfs,
                                 .title_tfs = table[i].titles ? title_tfs : NULL}, &b);
        CHECK_EQ_INT(b.len, table[i].bytes);
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
    bool brief = kind % 2 && count < LIST_BRIEF_POSTS;
    list_input input = input_of(&s, kind != SAMPLE_ONES, kind != SAMPLE_SMALL, brief);
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

/* Heads whose sizes fit their value, but not the other fields. */
static void odd_headers(void) {
    static const struct {
        uint16_t count_minus_1;
        uint8_t head, form;
        size_t bytes; /* behind the head */
    } table[] = {{0, LIST_LARGE | LIST_BITSET, 0, 8192 + 512}, /* too few for a bitset */
                 {4094, LIST_LARGE | LIST_BITSET, 0, 8192 + 512},
                 {4095, LIST_LARGE | LIST_BLOCKED, 0, 16 + 68 * 8 + 4096},
                 {62, LIST_LARGE | LIST_BLOCKED, 0, 16 + 5 * 8 + 63},
                 {0, LIST_LARGE | 3, 0, 2},         /* no container */
                 {0, LIST_LARGE, 8, 3},             /* tf codes in a list without tf */
                 {0, LIST_LARGE, 0x10, 2 + 2 + 3},
                 {4999, LIST_LARGE | LIST_BRIEF | LIST_BITSET, 0, 8192 + 512},
                 {8191, LIST_LARGE | LIST_BRIEF | LIST_BLOCKED, 0, 16 + 132 * 8 + 8192},
                 {0, LIST_LARGE | LIST_TF, 3, 3},   /* no width */
                 {0, LIST_LARGE | LIST_TF, 0x30, 2 + 2 + 5},
                 {0, LIST_LARGE | LIST_TITLES, 0, 2 + 3 + 2 + 3}, /* title tfs of 3 bytes */
                 {0, LIST_LARGE | LIST_BOUNDS, 0, 2 + 8 + 32 + 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t len = LIST_HEAD_BYTES + table[i].bytes;
        char *bytes = calloc(1, len);
        list_view v;
        bytes[0] = (char)table[i].head;
        bytes[1] = (char)table[i].form;
        store_u16(bytes + 2, table[i].count_minus_1);
        if (table[i].head & LIST_TITLES) {
            bytes[LIST_HEAD_BYTES + 4] = 3;
        }
        if (!CHECK_EQ_INT(list_view_open(str_make(bytes, len), &v, NULL), ANP_CORRUPT)) {
            test_note("row %zu", i);
        }
        free(bytes);
    }
}

/* One broken rule each, the sizes still right: opens, and validation names it. */
static void broken_rules(void) {
    enum { HEAD, CONTAINER, RANKS, HIGH, CODES, COUNTS, RANGE, SEEDS, BOUNDS, CHAMPIONS, TFS,
           RUNNERS, STRIPS };
    static const struct {
        uint32_t count;
        sample_tfs kind;
        int section;
        size_t at; /* from the section's begin */
        uint8_t flip; /* 0: becomes 0 */
    } table[] = {{100, SAMPLE_SMALL, HEAD, 4, 1}, /* tf sum */
                 {100, SAMPLE_ONES, HEAD, 4, 1},
                 {40, SAMPLE_SMALL, CONTAINER, 3, 0x80}, /* order */
                 {4096, SAMPLE_SMALL, CONTAINER, 100, 1}, /* a bit more or less */
                 {300, SAMPLE_SMALL, HIGH, 8, 1}, {300, SAMPLE_SMALL, HIGH, 71, 0x80},
                 {300, SAMPLE_SMALL, HIGH, 69, 8}, /* the last zero, bit 555 */
                 {100, SAMPLE_SMALL, RANKS, 8, 1}, {5000, SAMPLE_SMALL, RANKS, 8, 1},
                 {100, SAMPLE_SMALL, CODES, 5, 2}, {300, SAMPLE_EDGES, COUNTS, 0, 1},
                 {100, SAMPLE_SMALL, RANGE, 3, 0}, /* the least above the largest */
                 {100, SAMPLE_SMALL, RANGE, 7, 0},
                 {100, SAMPLE_SMALL, SEEDS, 15, 0xff}, /* seeds that rise */
                 {100, SAMPLE_SMALL, BOUNDS, 0, 0}, {3000, SAMPLE_SMALL, BOUNDS, 255, 0},
                 {3000, SAMPLE_SMALL, CHAMPIONS, 0, 1}, {3000, SAMPLE_SMALL, CHAMPIONS, 511, 64},
                 {5000, SAMPLE_SMALL, TFS, 0, 0}, {5000, SAMPLE_SMALL, TFS, 255, 1},
                 {3000, SAMPLE_SMALL, RUNNERS, 2, 1}, {3000, SAMPLE_SMALL, RUNNERS, 20, 4},
                 {3000, SAMPLE_SMALL, RUNNERS, 100, 1}, {1024, SAMPLE_SMALL, RUNNERS, 191, 1},
                 {5000, SAMPLE_SMALL, STRIPS, 31, 0xff}, /* the last level below others */
                 {30000, SAMPLE_SMALL, STRIPS, 32, 0}, {30000, SAMPLE_SMALL, STRIPS, 2079, 0}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prng p = {61};
        sample s;
        buffer b = {0};
        list_view v;
        CHECK(sample_make(&p, table[i].count, table[i].kind, false, &s));
        list_input input = input_of(&s, true, true, false);
        list_build(&input, &b);
        CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK);
        const uint8_t *sections[] = {v.bytes,    v.container,        v.ranks,
                                     v.high,     v.tf_codes,         v.exception_counts,
                                     v.bounds,   v.seeds,            v.bound_bytes,
                                     v.champions, v.champion_tfs,     v.runners,
                                     v.strips};
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

/* Whose ordinals are counted on: all bits of a bitset are 0, and so on. */
static void docs_within(void) {
    static const struct {
        uint32_t count;
        size_t at, bytes; /* of the container, that become 0 */
    } table[] = {{5000, 0, LIST_BITSET_BYTES}, {5000, 100, 1}, {40, 2, 2}, {1, 0, 0}, {40, 0, 0}};
    static uint16_t docs[LIST_DOCS];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        prng p = {71};
        sample s;
        buffer b = {0};
        list_view v;
        CHECK(sample_make(&p, table[i].count, SAMPLE_SMALL, false, &s));
        list_input input = input_of(&s, true, true, false);
        list_build(&input, &b);
        CHECK_EQ_INT(list_view_open(str_make((char *)b.data, b.len), &v, NULL), ANP_OK);
        memset(b.data + (v.container - v.bytes) + table[i].at, 0, table[i].bytes);
        uint32_t first = s.docs[0], last = s.docs[s.count - 1];
        if (!CHECK_EQ_INT(list_docs_within(&v, first, last + 1, docs), table[i].bytes == 0) ||
            !CHECK(!list_docs_within(&v, first + 1, last + 1, docs)) ||
            !CHECK(!list_docs_within(&v, first, last, docs))) {
            test_note("row %zu", i);
        }
        sample_free(&s);
        buffer_free(&b);
    }
}

void test_postings_list(void) {
    static const char *const kinds[] = {"tfs all 1", "tfs small", "tfs with rare huge ones",
                                        "tfs of all sizes", "tfs about the borders of widths",
                                         "tfs all above 255", "tfs half about 255",
                                         "tfs with exceptions of a byte"};
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
    CASE("what tiny lists take");
    tiny();
    CASE("damaged lists are refused or read within their bytes");
    for (int i = 0; i < SIZES; i++) {
        for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
            damaged(sizes[i], (sample_tfs)kind, sizes[i] < 5000 ? 400 : 20);
        }
    }
    CASE("damaged lists have no ordinals to count on");
    docs_within();
    CASE("headers that contradict themselves are refused");
    odd_headers();
    CASE("validation finds each broken rule");
    broken_rules();
}
