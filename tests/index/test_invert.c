/* Inversion against sorting all that went into the records. */
#include "index/invert.h"
#include "index/records.h"
#include "index/rows.h"
#include "test.h"

enum { POSTS = 200 };

typedef struct corpus {
    record_parts parts[POSTS];
    str records[POSTS];
} corpus;

static corpus *make_corpus(uint64_t seed, uint32_t numbers) {
    prng p = {seed};
    corpus *c = calloc(1, sizeof *c);
    for (int i = 0; i < POSTS; i++) {
        buffer *bytes = &c->parts[i].bytes;
        record_make(&p, numbers, &c->parts[i]);
        c->records[i] = str_make((const char *)bytes->data, bytes->len);
    }
    return c;
}

static void free_corpus(corpus *c) {
    for (int i = 0; i < POSTS; i++) {
        buffer_free(&c->parts[i].bytes);
    }
    free(c);
}

/* Number << 32 | post of every reference that must come out, sorted; how many. */
typedef size_t (*gather)(const forward_input *in, uint64_t *out);

static size_t gather_terms(const forward_input *in, uint64_t *out) {
    size_t count = 0;
    for (size_t i = 0; i < in->hit_count; i++) {
        if (i == 0 || in->hits[i] >> 32 != in->hits[i - 1] >> 32) {
            out[count++] = in->hits[i] >> 32 << 32;
        }
    }
    return count;
}

static size_t gather_facets(const forward_input *in, uint64_t *out) {
    for (size_t i = 0; i < in->facet_count; i++) {
        out[i] = (uint64_t)in->facets[i] << 32;
    }
    return in->facet_count;
}

static size_t gather_numbers(const forward_input *in, uint64_t *out) {
    for (size_t i = 0; i < in->number_count; i++) {
        out[i] = (uint64_t)in->numbers[i].field << 32;
    }
    return in->number_count;
}

static uint64_t *expected(const corpus *c, gather from, size_t *count) {
    uint64_t *all = malloc((size_t)POSTS * RECORD_HITS_MAX * sizeof *all);
    *count = 0;
    for (uint32_t post = 0; post < POSTS; post++) {
        size_t some = from(&c->parts[post].input, all + *count);
        for (size_t i = 0; i < some; i++) {
            all[(*count)++] |= post;
        }
    }
    qsort(all, *count, sizeof *all, record_by_hit);
    return all;
}

/* A reference's positions: those of the hits of its term and post. */
static bool check_row(const corpus *c, const inverted *in, const term_ref *ref, term_rows *rows) {
    const forward_input *input = &c->parts[ref->post].input;
    size_t body = 0, title = 0;
    rows_clear(rows);
    if (!CHECK_EQ_INT(rows_add_forward(rows, 9, ref->at, in->ends[ref->post], NULL), ANP_OK)) {
        return false;
    }
    for (size_t i = 0; i < input->hit_count; i++) {
        uint32_t position = (uint32_t)input->hits[i] & 0x7fffffff;
        if (input->hits[i] >> 32 != ref->term) {
            continue;
        }
        bool in_title = input->hits[i] >> 31 & 1;
        size_t at = in_title ? title++ : body++;
        size_t have = in_title ? rows->title_positions.count : rows->body_positions.count;
        const uint32_t *items = in_title ? rows->title_positions.items : rows->body_positions.items;
        if (!CHECK(at < have) || !CHECK_EQ_INT(items[at], position)) {
            return false;
        }
    }
    return CHECK_EQ_INT(rows->rows.count, 1) && CHECK_EQ_INT(rows->rows.items[0].low, 9) &&
           CHECK_EQ_INT(rows->rows.items[0].body_tf, body) &&
           CHECK_EQ_INT(rows->rows.items[0].title_tf, title);
}

static void check_terms(const corpus *c, const inverted *in) {
    size_t count;
    uint64_t *all = expected(c, gather_terms, &count);
    term_rows rows = {0};
    bool good = CHECK_EQ_INT(in->terms.count, count);
    for (size_t i = 0; i < count && good; i++) {
        const term_ref *ref = &in->terms.items[i];
        good = CHECK(((uint64_t)ref->term << 32 | ref->post) == all[i]) &&
               check_row(c, in, ref, &rows);
    }
    rows_free(&rows);
    free(all);
}

static void check_values(const corpus *c, const inverted *in) {
    size_t count;
    uint64_t *all = expected(c, gather_facets, &count);
    CHECK_EQ_INT(in->facets.count, count);
    for (size_t i = 0; i < count && i < in->facets.count; i++) {
        const facet_ref *ref = &in->facets.items[i];
        CHECK(((uint64_t)ref->value << 32 | ref->post) == all[i]);
    }
    free(all);
    all = expected(c, gather_numbers, &count);
    CHECK_EQ_INT(in->numbers.count, count);
    for (size_t i = 0; i < count && i < in->numbers.count; i++) {
        const number_ref *ref = &in->numbers.items[i];
        const forward_input *input = &c->parts[ref->post].input;
        size_t at = 0;
        while (at < input->number_count && input->numbers[at].field != ref->field) {
            at++;
        }
        CHECK(((uint64_t)ref->field << 32 | ref->post) == all[i]);
        CHECK(at < input->number_count && input->numbers[at].value == ref->value);
    }
    free(all);
}

static void check_heads(const corpus *c, const inverted *in) {
    CHECK_EQ_INT(in->post_count, POSTS);
    for (int i = 0; i < POSTS; i++) {
        const forward_input *input = &c->parts[i].input;
        CHECK_EQ_INT(in->heads[i].title_words, input->head.title_words);
        CHECK_EQ_INT(in->heads[i].body_words, input->head.body_words);
        CHECK(memcmp(in->heads[i].scores, input->head.scores, sizeof input->head.scores) == 0);
        CHECK(memcmp(in->sketches[i], input->sketch, SKETCH_BYTES) == 0);
        CHECK((const char *)in->ends[i] == c->records[i].data + c->records[i].len);
    }
}

/* Each find against a walk over all references. */
static void check_finds(const inverted *in, uint64_t seed, uint32_t numbers) {
    prng p = {seed + 1000};
    for (int i = 0; i < 300; i++) {
        size_t from, to, first = 0, count = 0;
        uint32_t number = prng_below(&p, numbers);
        if (i % 2 && in->terms.count) {
            number = in->terms.items[prng_below(&p, (uint32_t)in->terms.count)].term;
        }
        number = i == 0 ? 0 : i == 2 ? UINT32_MAX : number;
        for (size_t at = 0; at < in->terms.count; at++) {
            first += in->terms.items[at].term < number;
            count += in->terms.items[at].term == number;
        }
        invert_find_term(in, number, &from, &to);
        CHECK(from == first && to == first + count);
        first = count = 0;
        for (size_t at = 0; at < in->facets.count; at++) {
            first += in->facets.items[at].value < number;
            count += in->facets.items[at].value == number;
        }
        invert_find_facet(in, number, &from, &to);
        CHECK(from == first && to == first + count);
        first = count = 0;
        for (size_t at = 0; at < in->numbers.count; at++) {
            first += in->numbers.items[at].field < number;
            count += in->numbers.items[at].field == number;
        }
        invert_find_field(in, number, &from, &to);
        CHECK(from == first && to == first + count);
    }
}

/* `numbers` decides how many digits the sort has to look at. */
static void against_twin(uint64_t seed, uint32_t numbers) {
    corpus *c = make_corpus(seed, numbers);
    inverted in;
    if (CHECK_EQ_INT(invert(c->records, POSTS, &in, NULL), ANP_OK)) {
        check_heads(c, &in);
        check_terms(c, &in);
        check_values(c, &in);
        check_finds(&in, seed, numbers);
        invert_free(&in);
    }
    free_corpus(c);
}

static void damaged(void) {
    corpus *c = make_corpus(101, 500);
    inverted in;
    for (uint32_t post = 0; post < POSTS; post += 17) {
        str whole = c->records[post];
        for (size_t len = 0; len < whole.len; len += 1 + whole.len / 9) {
            anp_error err = ANP_ERROR_INIT;
            c->records[post].len = len;
            CHECK_EQ_INT(invert(c->records, POSTS, &in, &err), ANP_CORRUPT);
            CHECK(err.message[0]);
        }
        c->records[post] = whole;
    }
    buffer longer = {0};
    buffer_put_str(&longer, c->records[0]);
    buffer_put_u8(&longer, 0);
    c->records[0] = str_make((const char *)longer.data, longer.len);
    CHECK_EQ_INT(invert(c->records, POSTS, &in, NULL), ANP_CORRUPT);
    buffer_free(&longer);
    free_corpus(c);
}

/* A posting that promises more positions than there are bytes asks for no memory. */
static void greedy_row(void) {
    uint8_t bytes[16];
    uint8_t *end = varint_write(varint_write(bytes, UINT32_MAX), UINT32_MAX);
    *end++ = 1;
    term_rows rows = {0};
    CHECK_EQ_INT(rows_add_forward(&rows, 0, bytes, end, NULL), ANP_CORRUPT);
    CHECK_EQ_INT(rows.rows.count, 0);
    CHECK(rows.body_positions.capacity < 1000);
    rows_free(&rows);
}

void test_index_invert(void) {
    static const uint32_t numbers[] = {15, 2000, 1 << 20, UINT32_MAX};
    CASE("references come by number, then post");
    for (uint64_t seed = 1; seed <= 4; seed++) {
        against_twin(seed, numbers[seed - 1]);
    }
    CASE("no records at all");
    inverted in;
    size_t from = 1, to = 1;
    if (CHECK_EQ_INT(invert(NULL, 0, &in, NULL), ANP_OK)) {
        invert_find_term(&in, 5, &from, &to);
        CHECK(from == 0 && to == 0 && in.terms.count == 0);
        invert_free(&in);
    }
    CASE("cut records and longer ones are refused");
    damaged();
    CASE("a damaged tf asks for no memory");
    greedy_row();
}
