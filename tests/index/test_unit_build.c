/* Units built by ranges against the posts sorted term by term: the same values in the same order,
   with threads or without, of records or of mapped views. */
#include "base/hash.h"
#include "index/invert.h"
#include "index/records.h"
#include "index/unit_build.h"
#include "test.h"

#include <math.h>

enum {
    SMALL = WINDOW_BITS < 12, /* windows of 64 posts: the units are small too */
    POSTS_MAX = SMALL ? 40 : 600,
    OFFSET = SMALL ? 20 : 1234, /* of a segment in its window */
    NUMBERS_MAX = 20000,
};

typedef struct corpus {
    uint32_t count;
    record_parts parts[POSTS_MAX];
    str records[POSTS_MAX];
    forward_view views[POSTS_MAX];  /* of the records */
    forward_view mapped[POSTS_MAX]; /* the same posts by a drafter's numbers */
    buffer terms[POSTS_MAX];        /* of the mapped ones */
    VEC(uint32_t) map;
    uint32_t own[NUMBERS_MAX]; /* by term: its place in map + 1; 0: none */
    arena memory;
} corpus;

/* The drafter's number of a term: in the order of first appearance. */
static uint32_t own_number(corpus *c, uint32_t term) {
    if (c->own[term] == 0) {
        CHECK(vec_push(&c->map, term));
        c->own[term] = (uint32_t)c->map.count;
    }
    return c->own[term] - 1;
}

/* The terms of a post from the last to the first, by other numbers. */
static void map_post(corpus *c, uint32_t post) {
    enum { TERMS_MAX = RECORD_HITS_MAX };
    static uint32_t terms[TERMS_MAX];
    static str payloads[TERMS_MAX];
    forward_walk walk = forward_walk_open(&c->views[post]);
    uint32_t count = 0;
    while (forward_walk_next(&walk, &terms[count], &payloads[count])) {
        count++;
    }
    for (uint32_t i = count; i-- > 0;) {
        buffer_put_varint(&c->terms[post], own_number(c, terms[i]));
        buffer_put_varint(&c->terms[post], payloads[i].len);
        buffer_put_str(&c->terms[post], payloads[i]);
    }
    c->mapped[post] = c->views[post];
    c->mapped[post].terms = c->terms[post].data;
    c->mapped[post].terms_end = c->terms[post].data + c->terms[post].len;
    c->mapped[post].term_count = count;
}

static corpus *make_corpus(uint64_t seed, uint32_t count, uint32_t numbers) {
    prng p = {seed};
    corpus *c = calloc(1, sizeof *c);
    c->count = count;
    for (uint32_t i = 0; i < count; i++) {
        record_make(&p, numbers, &c->parts[i]);
        /* Lengths that hold all positions, and fields that can be. */
        record_parts *part = &c->parts[i];
        for (size_t n = 0; n < part->input.number_count; n++) {
            part->numbers[n].field = (uint32_t)n * 7;
        }
        part->input.head.body_words = part->input.head.title_words = 1u << 24;
        part->bytes.len = 0;
        forward_build(&part->input, &part->bytes);
        c->records[i] = str_make((const char *)part->bytes.data, part->bytes.len);
        CHECK_EQ_INT(forward_view_open(c->records[i], &c->memory, &c->views[i], NULL), ANP_OK);
        map_post(c, i);
    }
    for (uint32_t i = 0; i < count; i++) {
        c->mapped[i].map = c->map.items; /* where it is in the end */
        c->mapped[i].map_count = (uint32_t)c->map.count;
    }
    return c;
}

static void free_corpus(corpus *c) {
    for (uint32_t i = 0; i < c->count; i++) {
        buffer_free(&c->parts[i].bytes);
        buffer_free(&c->terms[i]);
    }
    free(c->map.items);
    arena_free(&c->memory);
    free(c);
}

/* ---- What is put --------------------------------------------------------------------------- */

/* Every entry of a value, so that it is no matter where a pack ends. */
typedef struct entry {
    store_table table;
    uint64_t inner; /* the key without its unit and part */
    uint64_t hash;
} entry;

typedef struct values {
    VEC(entry) entries;
    uint64_t puts; /* hash of all values as they were put */
    uint64_t last[STORE_TABLES];
    uint32_t count;
    uint32_t fail_at; /* the put that fails; UINT32_MAX: none */
} values;

static anp_status note(void *user, store_table table, uint64_t key, str value, anp_error *err) {
    values *v = user;
    (void)err;
    CHECK(v->last[table] < key); /* tables are appended to */
    v->last[table] = key;
    v->puts = hash_mix64(v->puts ^ key ^ (uint64_t)table << 60) + hash64(value.data, value.len);
    if (v->count++ == v->fail_at) {
        return ANP_IO;
    }
    if (!(key & UNIT_PART_PACK)) {
        entry e = {table, key & UNIT_KEY_INNER, hash64(value.data, value.len)};
        CHECK(vec_push(&v->entries, e));
        return ANP_OK;
    }
    pack_cursor cursor;
    uint64_t code;
    CHECK_EQ_INT(pack_open(value, &cursor, NULL), ANP_OK);
    while (pack_next(&cursor, &code, &value, NULL) == ANP_OK) {
        uint64_t kind = key & ((uint64_t)15 << 44);
        entry e = {table, kind | code << 4, hash64(value.data, value.len)};
        CHECK(vec_push(&v->entries, e));
    }
    return ANP_OK;
}

static unit_sink sink_of(values *v) {
    *v = (values){.fail_at = UINT32_MAX};
    return (unit_sink){note, v};
}

/* ---- The twin ------------------------------------------------------------------------------ */

static void twin_terms(unit_writer *w, const inverted *in, uint32_t first) {
    term_rows rows = {0};
    for (size_t from = 0, to; from < in->terms.count; from = to) {
        uint32_t term = in->terms.items[from].term;
        invert_find_term(in, term, &from, &to);
        rows_clear(&rows);
        for (size_t i = from; i < to; i++) {
            const term_ref *ref = &in->terms.items[i];
            uint16_t low = window_low(first + ref->post);
            CHECK_EQ_INT(rows_add_forward(&rows, low, ref->at, in->ends[ref->post], NULL), ANP_OK);
        }
        CHECK_EQ_INT(unit_write_term(w, term, &rows, NULL), ANP_OK);
    }
    rows_free(&rows);
}

static void twin_values(unit_writer *w, const inverted *in, uint32_t first) {
    static uint16_t lows[POSTS_MAX];
    static double column[POSTS_MAX];
    static float scores[POSTS_MAX][4];
    static uint8_t sketches[POSTS_MAX * SKETCH_BYTES];
    for (size_t from = 0, to; from < in->facets.count; from = to) {
        uint32_t value = in->facets.items[from].value;
        invert_find_facet(in, value, &from, &to);
        for (size_t i = from; i < to; i++) {
            lows[i - from] = window_low(first + in->facets.items[i].post);
        }
        CHECK_EQ_INT(unit_write_facet(w, value, lows, (uint32_t)(to - from), NULL), ANP_OK);
    }
    for (int which = 0; which < 2; which++) {
        for (uint32_t i = 0; i < in->post_count; i++) {
            column[i] = which ? in->heads[i].body_words : in->heads[i].title_words;
        }
        uint32_t number = which ? COLUMN_BODY_LENGTH : COLUMN_TITLE_LENGTH;
        CHECK_EQ_INT(unit_write_column(w, number, column, NULL), ANP_OK);
    }
    for (uint32_t i = 0; i < in->post_count; i++) {
        memcpy(scores[i], in->heads[i].scores, sizeof scores[i]);
        memcpy(sketches + (size_t)i * SKETCH_BYTES, in->sketches[i], SKETCH_BYTES);
    }
    CHECK_EQ_INT(unit_write_scores(w, (const float(*)[4])scores, NULL), ANP_OK);
    for (uint32_t field = 0; field < FIELD_COUNT_MAX; field++) {
        size_t from, to;
        invert_find_field(in, field, &from, &to);
        for (uint32_t i = 0; i < in->post_count; i++) {
            column[i] = NAN;
        }
        for (size_t i = from; i < to; i++) {
            column[in->numbers.items[i].post] = in->numbers.items[i].value;
        }
        if (from < to) {
            CHECK_EQ_INT(unit_write_column(w, COLUMN_FIELD_0 + field, column, NULL), ANP_OK);
        }
    }
    for (uint32_t piece = 0, before = 0, from, end; piece < UNIT_PIECES; piece++) {
        const unit_info info = {.first = first, .count = in->post_count};
        unit_piece(&info, piece, &from, &end);
        CHECK_EQ_INT(unit_write_sketches(w, piece, sketches + (size_t)before * SKETCH_BYTES, NULL),
                     ANP_OK);
        before += end - from;
    }
}

static void twin(const corpus *c, const catalog_settings *settings, const unit_info *info,
                 values *out) {
    inverted in;
    unit_writer *w = NULL;
    CHECK_EQ_INT(invert(c->records, c->count, &in, NULL), ANP_OK);
    CHECK_EQ_INT(unit_writer_open(sink_of(out), settings, info, in.heads, &w, NULL), ANP_OK);
    twin_terms(w, &in, info->first);
    twin_values(w, &in, info->first);
    CHECK_EQ_INT(unit_writer_finish(w, NULL), ANP_OK);
    unit_writer_close(w);
    invert_free(&in);
}

static void compare(const values *a, const values *b) {
    bool good = CHECK_EQ_INT(a->entries.count, b->entries.count);
    /* Values of different tables may be put in another order; those of one table not. */
    for (int table = 0; table < STORE_TABLES && good; table++) {
        size_t j = 0;
        for (size_t i = 0; i < a->entries.count && good; i++) {
            const entry *x = &a->entries.items[i];
            if ((int)x->table != table) {
                continue;
            }
            while (j < b->entries.count && (int)b->entries.items[j].table != table) {
                j++;
            }
            const entry *y = &b->entries.items[j < b->entries.count ? j : 0];
            good = CHECK(j < b->entries.count) && CHECK(x->inner == y->inner) &&
                   CHECK(x->hash == y->hash);
            j++;
        }
    }
}

/* kept: of the last unit, whatever it was. */
static void against_twin(uint64_t seed, uint32_t count, uint32_t numbers, unit_level level,
                         area *kept) {
    corpus *c = make_corpus(seed, count, numbers);
    catalog_settings settings = {.title_weight = (uint32_t)seed % 4, .language = "none"};
    unit_info info = {.first = 3 * WINDOW_DOCS + (level == UNIT_WINDOW ? 0 : OFFSET),
                      .count = count, .number = 3, .level = (uint16_t)level,
                      .length_average = 4e6f};
    values expected, got;
    uint64_t puts = 0;
    settings.store = ANP_STORE_ALL;
    twin(c, &settings, &info, &expected);
    for (unsigned threads = 0; threads < 5; threads++) {
        pool *p = threads ? pool_open(threads - 1) : NULL; /* none, of no threads, of 1, 2, 3 */
        for (int mapped = 0; mapped < 2; mapped++) {
            const forward_view *posts = mapped ? c->mapped : c->views;
            area *again = threads == 1 ? NULL : kept;
            CHECK_EQ_INT(unit_build(p, sink_of(&got), &settings, &info, posts, NULL, again, NULL),
                         ANP_OK);
            compare(&expected, &got);
            puts = puts ? puts : got.puts;
            CHECK(got.puts == puts); /* to the byte */
            free(got.entries.items);
        }
        pool_close(p);
    }
    CHECK_EQ_INT(unit_write_records(sink_of(&got), &settings, &info, c->records, NULL), ANP_OK);
    compare(&expected, &got);
    free(got.entries.items);
    free(expected.entries.items);
    free_corpus(c);
}

enum { SOME_POSTS = POSTS_MAX / 2 };

/* A segment of so many. */
static anp_status build_some(const corpus *c, pool *p, const unit_meanwhile *run, unit_sink sink) {
    catalog_settings settings = {.title_weight = 3, .store = ANP_STORE_ALL};
    unit_info info = {.count = SOME_POSTS, .level = UNIT_SEGMENT, .length_average = 4e6f};
    return unit_build(p, sink, &settings, &info, c->views, run, NULL, NULL);
}

/* A put that fails ends it, with its status, and nothing is put after it. */
static void full(void) {
    corpus *c = make_corpus(7, SOME_POSTS, 3000);
    values got;
    for (unsigned threads = 0; threads < 3; threads++) {
        pool *p = threads ? pool_open(threads) : NULL;
        for (uint32_t at = 0; at < 20; at += 3) {
            unit_sink sink = sink_of(&got);
            got.fail_at = at;
            CHECK_EQ_INT(build_some(c, p, NULL, sink), ANP_IO);
            CHECK_EQ_INT(got.count, at + 1);
            free(got.entries.items);
        }
        pool_close(p);
    }
    free_corpus(c);
}

typedef struct aside {
    const values *got;
    uint32_t runs, put_before;
    anp_status status;
} aside;

static anp_status run_aside(void *user, anp_error *err) {
    aside *a = user;
    (void)err;
    a->runs++;
    a->put_before = a->got->count;
    return a->status;
}

/* What runs meanwhile runs once, before the first put; after its failure there is none. */
static void meanwhile(void) {
    corpus *c = make_corpus(8, SOME_POSTS, 3000);
    values got;
    for (unsigned threads = 0; threads < 3; threads++) {
        pool *p = threads ? pool_open(threads) : NULL;
        for (int fails = 0; fails < 2; fails++) {
            aside a = {.got = &got, .status = fails ? ANP_IO : ANP_OK};
            unit_meanwhile run = {run_aside, &a};
            CHECK_EQ_INT(build_some(c, p, &run, sink_of(&got)), a.status);
            CHECK_EQ_INT(a.runs, 1);
            CHECK_EQ_INT(a.put_before, 0);
            CHECK((got.count == 0) == fails);
            free(got.entries.items);
        }
        pool_close(p);
    }
    free_corpus(c);
}

/* Payloads that say something else than their sizes: refused, whatever follows them. */
static void damaged(void) {
    enum { POSTS = 40, OF_ONE = 8 };
    forward_view posts[POSTS];
    uint8_t bytes[64];
    catalog_settings settings = {.title_weight = 3, .store = ANP_STORE_NONE};
    unit_info info = {.first = OFFSET, .count = POSTS, .level = UNIT_SEGMENT, .length_average = 9};
    values got;
    static const uint8_t payloads[][OF_ONE] = {
        {2, 0, 0},          /* size, body tf, title tf: neither has it */
        {3, 9, 0, 1},       /* more positions than bytes */
        {4, 1, 0, 1, 7},    /* fewer */
        {2, 1, 0},          /* its position is the next posting's low */
        {8, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80}, /* a varint too long */
    };
    for (size_t which = 0; which < sizeof payloads / sizeof *payloads; which++) {
        size_t len = 1u + payloads[which][0];
        bytes[0] = 5; /* the term's number */
        memcpy(bytes + 1, payloads[which], OF_ONE);
        for (uint32_t i = 0; i < POSTS; i++) {
            posts[i] = (forward_view){.head = {.body_words = 9}, .terms = bytes,
                                      .terms_end = bytes + 1 + len, .term_count = 1};
        }
        for (unsigned threads = 0; threads < 2; threads++) {
            pool *p = threads ? pool_open(threads) : NULL;
            anp_error err = ANP_ERROR_INIT;
            CHECK_EQ_INT(unit_build(p, sink_of(&got), &settings, &info, posts, NULL, NULL, &err),
                         ANP_CORRUPT);
            CHECK(err.message[0]);
            free(got.entries.items);
            pool_close(p);
        }
    }
}

void test_index_unit_build(void) {
    area kept = {0};
    CASE("units against the twin");
    against_twin(1, 1, 100, UNIT_SEGMENT, &kept);
    against_twin(2, POSTS_MAX / 6, 60, UNIT_SEGMENT, &kept);
    against_twin(3, POSTS_MAX, 800, UNIT_WINDOW, &kept);
    against_twin(4, POSTS_MAX, NUMBERS_MAX, UNIT_SEGMENT, &kept);
    against_twin(5, POSTS_MAX / 2, 5000, UNIT_WINDOW, &kept);
    area_free(&kept);
    CASE("a put that fails");
    full();
    CASE("meanwhile");
    meanwhile();
    CASE("damaged payloads");
    damaged();
}
