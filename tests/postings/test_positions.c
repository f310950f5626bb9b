/*
 * Positions beside their lists: every posting's read back against the arrays that they were built
 * of, with titles in none, some or all of the postings, in a value of their own and joined.
 */
#include "postings/reader.h"
#include "postings/sample.h"
#include "test.h"

#include <stdio.h>

typedef enum titles { TITLES_NONE, TITLES_SOME, TITLES_ALL } titles;

typedef struct fixture {
    sample s; /* its tfs are combined ones */
    uint32_t weight;
    bool heavy;    /* every posting has many positions */
    uint32_t most; /* words of a post, 0: any number */
    uint32_t *counts, *title_tfs, *positions, *starts;
    uint32_t lengths[65536]; /* by ordinal */
    uint8_t *column;         /* the same as a column that begins with the first posting */
    uint32_t title_count;
    buffer list, apart;
} fixture;

/* Body positions are few, and now and then many and far apart; some fill their post. */
static void draw_posting(fixture *f, prng *p, uint32_t i, titles which) {
    bool title = which == TITLES_ALL || (which == TITLES_SOME && prng_below(p, 6) == 0);
    bool long_post = f->heavy || (f->most == 0 && prng_below(p, 400) == 0);
    f->title_tfs[i] = title ? 1 + prng_below(p, prng_below(p, 30) ? 3 : 65535) : 0;
    f->counts[i] = prng_below(p, long_post ? 300 : 4);
    f->counts[i] += f->counts[i] == 0 && (f->title_tfs[i] == 0 || f->weight == 0);
    f->title_tfs[i] = f->weight ? f->title_tfs[i] : 0;
    f->s.tfs[i] = f->counts[i] + f->weight * f->title_tfs[i];
    f->title_count += f->title_tfs[i] > 0;
}

static list_lengths lengths_of(const fixture *f) {
    if (f->column) {
        uint32_t width = f->most < 256 ? 1 : 2, first = f->s.docs[0];
        return (list_lengths){f->column, width, width, 1, first, 65536 - first};
    }
    return (list_lengths){f->lengths, sizeof *f->lengths, sizeof *f->lengths, 0, 0, 65536};
}

/* Where a posting with `most` words in its post begins and goes on. */
static uint32_t draw_near(const fixture *f, prng *p, uint32_t count) {
    return 1 + prng_below(p, f->most / (2 * count + 2));
}

/* The lengths as a column of bytes or u16s, from 1 on: no longer than it has to be. */
static bool make_column(fixture *f) {
    uint32_t first = f->s.docs[0], width = f->most < 256 ? 1 : 2;
    f->column = malloc((65536 - first) * (size_t)width);
    for (uint32_t low = first; f->column && low < 65536; low++) {
        uint32_t entry = f->lengths[low] ? f->lengths[low] - 1 : 0;
        memcpy(f->column + (low - first) * (size_t)width, &entry, width); /* little-endian */
    }
    return f->column != NULL;
}

/* f is zeroed. */
static bool make_fixture(fixture *f, prng *p, uint32_t count, titles which, uint32_t weight) {
    uint32_t total = 0;
    f->weight = weight;
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
        uint32_t position = prng_below(p, prng_below(p, 9) ? 100 : 1 << 23) * prng_below(p, 8);
        bool packed = prng_below(p, 10) == 0;
        position = f->most ? draw_near(f, p, f->counts[i]) : position;
        for (uint32_t j = 0; j < f->counts[i]; j++) {
            f->positions[total++] = position;
            position += f->most ? draw_near(f, p, f->counts[i])
                                : 1 + prng_below(p, packed ? 1 : prng_below(p, 4) ? 2 : 20000);
        }
        /* Behind the last position: nothing, or a few words, or many. */
        uint32_t behind = prng_below(p, prng_below(p, 3) ? 1 : prng_below(p, 9) ? 50 : 1 << 22);
        behind = f->most ? 1 + prng_below(p, f->most / 4) : behind;
        f->lengths[f->s.docs[i]] = f->counts[i] ? f->positions[total - 1] + 1 + behind : behind;
    }
    if (f->most && !make_column(f)) {
        return false;
    }
    list_build(&(list_input){.count = count, .docs = f->s.docs, .tfs = f->s.tfs,
                             .title_tfs = which == TITLES_NONE ? NULL : f->title_tfs}, &f->list);
    positions_input input = {count, f->s.docs, f->counts, f->positions, lengths_of(f)};
    return positions_build(&input, &f->apart, NULL) == ANP_OK;
}

static void free_fixture(fixture *f) {
    sample_free(&f->s);
    free(f->counts);
    free(f->title_tfs);
    free(f->starts);
    free(f->positions);
    free(f->column);
    buffer_free(&f->list);
    buffer_free(&f->apart);
    free(f);
}

/* The positions of one posting into room of the exact size. */
static anp_status read_one(const fixture *f, const positions_view *v, const list_view *list,
                           uint32_t rank, bool *equal) {
    uint32_t expect = f->counts[rank];
    uint32_t *out = malloc(expect * sizeof *out + !expect);
    list_lengths lengths = lengths_of(f);
    anp_status status = positions_read(v, list, &lengths, f->weight, f->s.docs[rank], rank,
                                       expect, out, NULL);
    *equal = expect == 0 || memcmp(out, f->positions + f->starts[rank], expect * sizeof *out) == 0;
    free(out);
    return status;
}

static bool check_titles(const fixture *f, const list_view *list) {
    uint32_t *tfs = malloc(f->s.count * sizeof *tfs);
    bool good = CHECK_EQ_INT(list->title_count, f->title_count);
    list_tfs(list, tfs);
    list_less_titles(list, f->weight, 0, f->s.count, tfs);
    for (uint32_t i = 0; i < f->s.count && good; i++) {
        good = CHECK_EQ_INT(tfs[i], f->counts[i]) &&
               CHECK_EQ_INT(list_title_tf(list, i), f->title_tfs[i]);
    }
    free(tfs);
    return good;
}

/* Some starts of phrases, of which some are there, ascending. */
static uint32_t draw_starts(const fixture *f, prng *p, uint32_t rank, uint32_t offset,
                            uint32_t *starts) {
    const uint32_t *positions = f->positions + f->starts[rank];
    uint32_t count = 0, last = 0;
    for (uint32_t i = 0; i < f->counts[rank]; i++) {
        uint32_t near = positions[i] + prng_below(p, 3);
        if (prng_below(p, 3) && near > offset + last) {
            starts[count++] = last = near - offset;
        }
    }
    starts[count] = last + (1u << 24); /* behind all */
    return count + 1;
}

static bool holds(const fixture *f, uint32_t rank, uint32_t position) {
    for (uint32_t i = 0; i < f->counts[rank]; i++) {
        if (f->positions[f->starts[rank] + i] == position) {
            return true;
        }
    }
    return false;
}

/* One posting that was found: its positions, and starts that are kept. */
static bool check_place(const fixture *f, prng *p, const positions_view *v, uint32_t rank,
                        const positions_place *place) {
    uint32_t out[300], starts[302], want[302];
    uint32_t t = f->counts[rank], offset = prng_below(p, 5), expected = 0;
    uint32_t count = draw_starts(f, p, rank, offset, starts);
    for (uint32_t i = 0; i < count; i++) {
        want[expected] = starts[i];
        expected += holds(f, rank, starts[i] + offset);
    }
    return CHECK_EQ_INT(place->number, t) &&
           CHECK_EQ_INT(place->length, f->lengths[f->s.docs[rank]]) &&
           CHECK_EQ_INT(positions_found(v, place, out, NULL), ANP_OK) &&
           CHECK(memcmp(out, f->positions + f->starts[rank], t * sizeof *out) == 0) &&
           (t == 0 ||
            (CHECK_EQ_INT(positions_keep(v, place, offset, starts, &count, NULL), ANP_OK) &&
             CHECK_EQ_INT(count, expected) &&
             CHECK(memcmp(starts, want, count * sizeof *want) == 0)));
}

enum { LOWS = 250 };

/* Some ordinals of the list and between its own, and which rank each has. */
static uint32_t draw_lows(const fixture *f, prng *p, uint32_t step, uint16_t *lows,
                          uint32_t *ranks) {
    uint32_t count = 0, last = 0, rank = prng_below(p, prng_below(p, 2) ? step : f->s.count);
    for (; rank < f->s.count && count < LOWS - 1; rank += 1 + prng_below(p, step)) {
        uint32_t low = f->s.docs[rank], between = low - last > 1 ? low - 1 : low;
        bool is = rank && f->s.docs[rank - 1] == between;
        if (between < low && between > last && !is && prng_below(p, 4) == 0) {
            lows[count] = (uint16_t)between;
            ranks[count++] = UINT32_MAX;
        }
        lows[count] = (uint16_t)low;
        ranks[count++] = rank;
        last = low;
    }
    return count;
}

/* Postings found many at a time, some passed over, by every reader. */
static bool check_finder(const fixture *f, const positions_view *v, const list_view *list) {
    static const uint32_t steps[] = {1, 2, 9, 40, 700};
    static uint16_t lows[LOWS];
    static uint32_t ranks[LOWS];
    static positions_place places[LOWS];
    const postings_reader *const *readers;
    size_t reader_count = postings_readers_all(&readers);
    prng p = {f->s.count};
    bool good = true;
    for (size_t i = 0; i < 5 * reader_count && good; i++) {
        const postings_reader *reader = readers[i / 5];
        positions_finder finder = {.list = list, .view = v, .lengths = lengths_of(f),
                                   .title_weight = f->weight};
        uint32_t count = draw_lows(f, &p, steps[i % 5], lows, ranks), from = 0;
        while (from < count && good) {
            uint32_t batch = 1 + prng_below(&p, prng_below(&p, 2) ? 4 : LOWS);
            batch = batch < count - from ? batch : count - from;
            good = CHECK(reader->places(&finder, lows + from, batch, places + from));
            from += batch;
        }
        for (uint32_t k = 0; k < count && good; k++) {
            good = ranks[k] == UINT32_MAX ? CHECK_EQ_INT(places[k].number, 0)
                                          : check_place(f, &p, v, ranks[k], &places[k]);
            if (!good) {
                test_note("%s, rank %u of %u", reader->name, ranks[k], f->s.count);
            }
        }
    }
    return good;
}

/* The positions of all postings of a block at once. */
static bool check_block_read(const fixture *f, const positions_view *v,
                             const positions_block *block) {
    uint32_t count = block->to - block->from, *out;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += block->numbers[i];
    }
    out = malloc((total + 1) * sizeof *out);
    bool good = CHECK(out != NULL) &&
                CHECK_EQ_INT(positions_read_block(v, block, out, NULL), ANP_OK);
    good = good && (total == 0 || CHECK(memcmp(out, f->positions + f->starts[block->from],
                                               total * sizeof *out) == 0));
    free(out);
    return good;
}

/* Postings of whole blocks, some passed over, some empty; single ones between them. */
static bool check_blocks(const fixture *f, const positions_view *v, const list_view *list) {
    prng p = {f->s.count + 7};
    positions_finder finder = {.list = list, .view = v, .lengths = lengths_of(f),
                               .title_weight = f->weight};
    static positions_block block;
    uint32_t out[300], rank = 0;
    bool good = true;
    memset(&block, 0, sizeof block);
    for (uint32_t number = 0; number < LIST_BLOCKS && good; number++) {
        bool asked = prng_below(&p, 4) > 0;
        good = !asked || CHECK_EQ_INT(positions_find_block(&finder, number, &block, NULL), ANP_OK);
        for (uint32_t low = number * BLOCK_DOCS; low < (number + 1) * BLOCK_DOCS && good; low++) {
            bool there = rank < f->s.count && f->s.docs[rank] == low;
            uint32_t t = there ? f->counts[rank] : 0;
            uint16_t lows[] = {(uint16_t)low};
            positions_place place = {0};
            if (asked && prng_below(&p, 8)) {
                place = positions_take(&block, lows[0]);
            } else if (there) {
                good = CHECK_EQ_INT(positions_find(&finder, lows, 1, &place, NULL), ANP_OK);
            } else {
                continue;
            }
            good = good && CHECK_EQ_INT(place.number, t);
            if (good && t) {
                const uint32_t *want = f->positions + f->starts[rank];
                good = CHECK_EQ_INT(positions_found(v, &place, out, NULL), ANP_OK) &&
                       CHECK(memcmp(out, want, t * sizeof *out) == 0);
            }
            rank += there;
        }
        good = good && (!asked || check_block_read(f, v, &block));
        if (!good) {
            test_note("block %u of %u postings", number, f->s.count);
        }
    }
    return good;
}

/* Every posting by itself, and all of them in their order. */
static bool check_all(const fixture *f, str value, const list_view *list) {
    positions_view v;
    if (!CHECK_EQ_INT(positions_view_open(value, f->s.count, &v, NULL), ANP_OK) ||
        !check_titles(f, list)) {
        return false;
    }
    positions_cursor cursor = {.view = &v};
    bool good = check_finder(f, &v, list) && check_blocks(f, &v, list);
    for (uint32_t rank = 0; rank < f->s.count && good; rank++) {
        bool equal = false;
        uint32_t count = f->counts[rank], length = f->lengths[f->s.docs[rank]];
        uint32_t *out = malloc(count * sizeof *out + !count);
        good = CHECK_EQ_INT(read_one(f, &v, list, rank, &equal), ANP_OK) && CHECK(equal) &&
               CHECK_EQ_INT(positions_next(&cursor, length, count, out, NULL), ANP_OK) &&
               CHECK(count == 0 ||
                     memcmp(out, f->positions + f->starts[rank], count * sizeof *out) == 0);
        free(out);
        if (!good) {
            test_note("rank %u of %u", rank, f->s.count);
        }
    }
    return good;
}

/* Lists of some of the postings each, appended: the bytes of the list of all. */
static bool check_append(const fixture *f, prng *p) {
    enum { PARTS = 12 };
    buffer built[PARTS] = {{0}}, out = {0};
    positions_part parts[PARTS] = {0};
    uint32_t count = f->s.count, n = 0;
    bool good = true;
    for (uint32_t from = 0, to; good && from < count; from = to, n++) {
        uint32_t left = count - from, some = prng_below(p, 3) ? left / 4 : 40;
        to = n + 1 == PARTS ? count : from + 1 + prng_below(p, some < left ? some + 1 : left);
        positions_input input = {to - from, f->s.docs + from, f->counts + from,
                                 f->positions + f->starts[from], lengths_of(f)};
        parts[n].count = to - from;
        good = CHECK_EQ_INT(positions_build(&input, &built[n], NULL), ANP_OK) &&
               CHECK_EQ_INT(positions_view_open(str_make((const char *)built[n].data,
                                                         built[n].len),
                                                to - from, &parts[n].view, NULL), ANP_OK);
    }
    positions_input all = {count, f->s.docs, f->counts, NULL, lengths_of(f)};
    good = good && CHECK_EQ_INT(positions_append(&all, parts, n, &out, NULL), ANP_OK) &&
           CHECK_EQ_INT(out.len, f->apart.len) &&
           CHECK(out.len == 0 || memcmp(out.data, f->apart.data, out.len) == 0);
    parts[n - 1].count--;
    good = good && CHECK_EQ_INT(positions_append(&all, parts, n, &out, NULL), ANP_CORRUPT);
    for (uint32_t i = 0; i < n; i++) {
        buffer_free(&built[i]);
    }
    buffer_free(&out);
    return good;
}

/* A run of the list, appended: the bytes of a list of its postings alone. */
static bool check_run(const fixture *f, const positions_view *v, const list_view *list, prng *p) {
    uint32_t from = prng_below(p, f->s.count), count = 1 + prng_below(p, f->s.count - from);
    uint32_t words[POSITIONS_GROUP], before = from % POSITIONS_GROUP;
    positions_part part = {.view = *v, .count = count, .first = from};
    positions_input input = {count, f->s.docs + from, f->counts + from,
                             f->positions + f->starts[from], lengths_of(f)};
    buffer built = {0}, out = {0};
    for (uint32_t i = 0; i < before; i++) {
        words[i] = list_length(&input.lengths, f->s.docs[from - before + i]);
    }
    bool good = CHECK_EQ_INT(positions_begin(v, list, f->weight, from, words, &part.bit, NULL),
                             ANP_OK) &&
                CHECK_EQ_INT(positions_build(&input, &built, NULL), ANP_OK);
    input.positions = NULL;
    good = good && CHECK_EQ_INT(positions_append(&input, &part, 1, &out, NULL), ANP_OK) &&
           CHECK_EQ_INT(out.len, built.len) &&
           CHECK(out.len == 0 || memcmp(out.data, built.data, out.len) == 0);
    if (!good) {
        test_note("ranks %u to %u of %u", from, from + count, f->s.count);
    }
    /* Damaged groups lead anywhere. */
    part.bit = (uint64_t)v->len * 8 + 1 + prng_below(p, 100);
    good = good && CHECK_EQ_INT(positions_append(&input, &part, 1, &out, NULL), ANP_CORRUPT);
    buffer_free(&built);
    buffer_free(&out);
    return good;
}

/* A whole list of any bytes, appended to nothing. */
static anp_status append_one(const fixture *f, const positions_view *v) {
    buffer out = {0};
    positions_part part = {.view = *v, .count = f->s.count};
    positions_input all = {f->s.count, f->s.docs, f->counts, NULL, lengths_of(f)};
    anp_status status = positions_append(&all, &part, 1, &out, NULL);
    buffer_free(&out);
    return status;
}

static void round_trip(uint32_t count, titles which, uint32_t weight, bool heavy, uint32_t most,
                       int form) {
    prng p = {count * 100ull + which * 20 + weight};
    fixture *f = calloc(1, sizeof *f);
    list_view list;
    f->heavy = heavy;
    f->most = most;
    if (!CHECK(make_fixture(f, &p, count, which, weight))) {
        return;
    }
    str apart = str_make((const char *)f->apart.data, f->apart.len);
    str alone = str_make((const char *)f->list.data, f->list.len);
    bool good = CHECK_EQ_INT(list_view_open(alone, &list, NULL), ANP_OK) &&
                CHECK(list.positions.data == NULL) && check_all(f, apart, &list);
    if (form >= 0) {
        good = CHECK_EQ_INT(f->apart.data[0], form) && good;
    }
    good = check_append(f, &p) && good;
    positions_view v;
    good = CHECK_EQ_INT(positions_view_open(apart, count, &v, NULL), ANP_OK) && good;
    for (int i = 0; i < 8 && good; i++) {
        good = check_run(f, &v, &list, &p);
    }
    if (good) {
        positions_join(&f->list, 0, apart);
        str joined = str_make((const char *)f->list.data, f->list.len);
        good = CHECK_EQ_INT(list_view_open(joined, &list, NULL), ANP_OK) &&
               CHECK_EQ_INT(list_validate(&list, NULL), ANP_OK) &&
               CHECK(str_equal(list.positions, apart)) && check_all(f, list.positions, &list) &&
               good;
    }
    if (!good) {
        test_note("%u postings, titles %d, title weight %u", count, which, weight);
    }
    free_fixture(f);
}

/* A cut value gives nothing but ANP_CORRUPT and what stood before the cut. */
static void cut(uint32_t count, titles which) {
    prng p = {count + 7};
    fixture *f = calloc(1, sizeof *f);
    list_view list;
    CHECK(make_fixture(f, &p, count, which, 3));
    str value = str_make((const char *)f->list.data, f->list.len);
    CHECK_EQ_INT(list_view_open(value, &list, NULL), ANP_OK);
    size_t step = f->apart.len / 300 + 1;
    for (size_t len = 0; len < f->apart.len; len += step) {
        char *exact = malloc(len + !len);
        memcpy(exact, f->apart.data, len);
        positions_view v;
        uint32_t refused = 0;
        if (positions_view_open(str_make(exact, len), count, &v, NULL) == ANP_OK) {
            bool lost = false; /* a posting behind the cut must not come back */
            for (uint32_t rank = 0; rank < count; rank++) {
                bool equal = false;
                anp_status status = read_one(f, &v, &list, rank, &equal);
                bool bare = f->counts[rank] == 0 || f->lengths[f->s.docs[rank]] == 1; /* no bits */
                CHECK(status == ANP_OK ? equal && (!lost || bare) : status == ANP_CORRUPT);
                lost = lost || status != ANP_OK;
                refused += status != ANP_OK;
            }
            CHECK(refused > 0);
            CHECK_EQ_INT(append_one(f, &v), ANP_CORRUPT);
        }
        free(exact);
    }
    free_fixture(f);
}

/* Any bytes, and lengths that are not those of the build: reads stay inside, and end. */
static void flipped(uint32_t count, titles which) {
    prng p = {count + 9};
    fixture *f = calloc(1, sizeof *f);
    list_view list;
    CHECK(make_fixture(f, &p, count, which, 3));
    CHECK_EQ_INT(list_view_open(str_make((const char *)f->list.data, f->list.len), &list, NULL),
                 ANP_OK);
    uint32_t read = 0;
    for (int round = 0; round < 300; round++) {
        char *exact = malloc(f->apart.len);
        memcpy(exact, f->apart.data, f->apart.len);
        for (uint32_t flips = 1 + prng_below(&p, 4); flips > 0 && f->apart.len; flips--) {
            uint32_t span = prng_below(&p, 2) ? 16 : (uint32_t)f->apart.len;
            exact[prng_below(&p, span) % f->apart.len] ^= (char)(1 << prng_below(&p, 8));
        }
        uint32_t *length = &f->lengths[f->s.docs[prng_below(&p, count)]], was = *length;
        *length ^= prng_below(&p, 2) << prng_below(&p, 32);
        positions_view v;
        if (positions_view_open(str_make(exact, f->apart.len), count, &v, NULL) == ANP_OK) {
            bool equal;
            anp_status appended = append_one(f, &v);
            CHECK(appended == ANP_OK || appended == ANP_CORRUPT);
            for (int i = 0; i < 20; i++) {
                anp_status status = read_one(f, &v, &list, prng_below(&p, count), &equal);
                CHECK(status == ANP_OK || status == ANP_CORRUPT);
                read += status == ANP_OK;
            }
        }
        *length = was;
        free(exact);
    }
    CHECK(read > 0);
    free_fixture(f);
}

static void impossible(void) {
    static const struct {
        uint32_t positions[6], count, length;
        anp_status status;
    } table[] = {{{0}, 1, 1, ANP_OK},
                 {{3}, 1, 3, ANP_CORRUPT},
                 {{0}, 1, 0, ANP_CORRUPT},
                 {{0, 1}, 2, 2, ANP_OK},
                 {{1, 1}, 2, 5, ANP_CORRUPT},
                 {{0, 4, 2}, 3, 9, ANP_CORRUPT},
                 {{0, 1, 2, 3, 4, 5}, 6, 6, ANP_OK},
                 {{0, 1, 2, 3, 4, 6}, 6, 6, ANP_CORRUPT},
                 {{0, 1, 5, 3, 7, 8}, 6, 9, ANP_CORRUPT},
                 {{0, 1, 3, 3, 7, 8}, 6, 9, ANP_CORRUPT}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const uint16_t doc = 9;
        buffer b = {0};
        positions_input input = {1, &doc, &table[i].count, table[i].positions,
                                 {&table[i].length, 4, 4, 0, 9, 1}};
        if (!CHECK_EQ_INT(positions_build(&input, &b, NULL), table[i].status)) {
            test_note("row %zu", i);
        }
        buffer_free(&b);
    }
}

/* A value that is not there, of any number of postings: said, without an address of nothing. */
static void absent(void) {
    positions_view v;
    for (uint32_t count = 0; count < 2000; count++) {
        bool headed = count == 0 || count > POSITIONS_GROUP;
        CHECK_EQ_INT(positions_view_open((str){NULL, 0}, count, &v, NULL),
                     headed ? ANP_CORRUPT : ANP_OK);
    }
}

void test_postings_positions(void) {
    static const uint32_t sizes[] = {1, 2, 31, 32, 33, 64, 65, 1000, 5000};
    static const char *const names[] = {"no titles", "some titles", "titles everywhere"};
    for (int which = TITLES_NONE; which <= TITLES_ALL; which++) {
        CASE(names[which]);
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            round_trip(sizes[i], (titles)which, 3, false, 0, -1);
            round_trip(sizes[i], (titles)which, 15, false, 0, -1);
        }
        round_trip(1000, (titles)which, 0, false, 0, -1); /* no title counts */
    }
    CASE("a full window with a title exception in every posting");
    round_trip(65536, TITLES_ALL, 1, false, 0, 1);
    round_trip(65536, TITLES_NONE, 3, false, 0, 1);
    CASE("each form of the groups");
    round_trip(300, TITLES_SOME, 3, false, 0, 0);
    round_trip(40000, TITLES_SOME, 3, false, 0, 1);
    round_trip(2000, TITLES_SOME, 3, true, 0, 2);
    CASE("lengths of a byte, of two and of four");
    static const uint32_t narrow[] = {20, 300, 3000, 5000, 20000, 65536};
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++) {
        round_trip(narrow[i], TITLES_SOME, 1, false, 200, -1);
        round_trip(narrow[i], TITLES_NONE, 1, false, 60000, -1);
        round_trip(narrow[i], TITLES_SOME, 3, i < 4, 60000, -1);
        round_trip(narrow[i], TITLES_SOME, 1, false, 0, -1);
        round_trip(narrow[i], TITLES_NONE, 1, false, 0, -1);
    }
    CASE("positions that their post has no room for are refused");
    impossible();
    CASE("no positions");
    absent();
    CASE("cut positions");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes - 2; i++) {
        cut(sizes[i], (titles)(i % 3));
    }
    CASE("damaged positions");
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        flipped(sizes[i], (titles)(i % 3));
    }
}
