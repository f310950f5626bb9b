/* Forward records: what was put in is read back, and a record that was cut never reads as whole. */
#include "index/records.h"
#include "test.h"

enum { RECORDS = 300 };

static bool check_head(const forward_head *a, const forward_head *b) {
    return CHECK_EQ_INT(a->title_words, b->title_words) &&
           CHECK_EQ_INT(a->body_words, b->body_words) &&
           CHECK(memcmp(a->scores, b->scores, sizeof a->scores) == 0);
}

/* The hits of one term in its body or title: those of the input, from *at on. */
static bool check_positions(const forward_input *in, size_t *at, const forward_term *term,
                            bool title, const uint8_t **bytes) {
    uint32_t tf = title ? term->title_tf : term->body_tf;
    uint32_t *positions = malloc(tf * sizeof *positions + !tf);
    bool good = CHECK(forward_positions(bytes, term->end, tf, positions));
    for (uint32_t i = 0; i < tf && good; i++, (*at)++) {
        good = CHECK(*at < in->hit_count) &&
               CHECK(in->hits[*at] == forward_hit_make(term->term, title, positions[i]));
    }
    free(positions);
    return good;
}

static bool check_terms(forward_reader *r, const forward_input *in) {
    forward_term term;
    size_t at = 0;
    bool good = true;
    forward_section(r);
    while (good && forward_next_term(r, &term)) {
        const uint8_t *bytes = term.positions;
        good = check_positions(in, &at, &term, false, &bytes) &&
               check_positions(in, &at, &term, true, &bytes) && CHECK(bytes == term.end) &&
               CHECK(term.body_tf + term.title_tf > 0);
        /* All hits of the term were its. */
        good = CHECK(at == in->hit_count || in->hits[at] >> 32 > term.term) && good;
    }
    return CHECK_EQ_INT(at, in->hit_count) && CHECK(r->at == r->end) && good;
}

static bool check_record(str bytes, const forward_input *in) {
    forward_head head;
    forward_number number;
    uint32_t value;
    forward_reader r = forward_open(bytes, &head);
    bool good = check_head(&head, &in->head);
    size_t count = 0;
    for (forward_section(&r); good && forward_next_number(&r, &number); count++) {
        good = CHECK(count < in->number_count) &&
               CHECK_EQ_INT(number.field, in->numbers[count].field) &&
               CHECK(number.value == in->numbers[count].value);
    }
    good = good && CHECK_EQ_INT(count, in->number_count);
    count = 0;
    for (forward_section(&r); good && forward_next_facet(&r, &value); count++) {
        good = CHECK(count < in->facet_count) && CHECK_EQ_INT(value, in->facets[count]);
    }
    good = good && CHECK_EQ_INT(count, in->facet_count);
    const uint8_t *sketch = forward_sketch(&r);
    return good && CHECK(sketch && memcmp(sketch, in->sketch, SKETCH_BYTES) == 0) &&
           check_terms(&r, in);
}

static void round_trip(uint32_t numbers) {
    prng p = {numbers};
    record_parts *parts = calloc(1, sizeof *parts);
    for (int i = 0; i < RECORDS; i++) {
        record_make(&p, numbers, parts);
        if (!CHECK(!parts->bytes.failed) ||
            !check_record(str_make((const char *)parts->bytes.data, parts->bytes.len),
                          &parts->input)) {
            test_note("seed %u, record %d", numbers, i);
            break;
        }
    }
    buffer_free(&parts->bytes);
    free(parts);
}

/* Reads a record to its end or to where it is found damaged; true when it reads as whole. */
static bool walk(str record) {
    forward_head head;
    forward_number number;
    forward_term term;
    uint32_t value, positions[16];
    forward_reader r = forward_open(record, &head);
    for (forward_section(&r); forward_next_number(&r, &number);) {
    }
    for (forward_section(&r); forward_next_facet(&r, &value);) {
    }
    forward_sketch(&r);
    for (forward_section(&r); forward_next_term(&r, &term);) {
        const uint8_t *at = term.positions;
        uint32_t tf = term.body_tf < 16 ? term.body_tf : 16;
        CHECK(term.end >= term.positions && term.end <= r.end);
        forward_positions(&at, term.end, tf, positions);
    }
    return r.at != NULL && r.at == r.end;
}

static void cuts(void) {
    prng p = {91};
    record_parts *parts = calloc(1, sizeof *parts);
    for (int i = 0; i < 40; i++) {
        record_make(&p, 1 << (4 + i % 20), parts);
        for (size_t len = 0; len <= parts->bytes.len; len++) {
            char *exact = malloc(len + !len); /* a sanitizer sees a read behind it */
            memcpy(exact, parts->bytes.data, len);
            if (!CHECK_EQ_INT(walk(str_make(exact, len)), len == parts->bytes.len)) {
                test_note("seed 91, record %d, cut at %zu of %zu", i, len, parts->bytes.len);
            }
            free(exact);
        }
    }
    buffer_free(&parts->bytes);
    free(parts);
}

static void flips(void) {
    prng p = {92};
    record_parts *parts = calloc(1, sizeof *parts);
    int whole = 0;
    for (int i = 0; i < 4000; i++) {
        record_make(&p, 300, parts);
        uint8_t *exact = malloc(parts->bytes.len);
        memcpy(exact, parts->bytes.data, parts->bytes.len);
        for (uint32_t count = 1 + prng_below(&p, 4); count > 0; count--) {
            exact[prng_below(&p, (uint32_t)parts->bytes.len)] ^= (uint8_t)(1u << prng_below(&p, 8));
        }
        whole += walk(str_make((const char *)exact, parts->bytes.len));
        free(exact);
    }
    CHECK(whole > 0 && whole < 4000);
    buffer_free(&parts->bytes);
    free(parts);
}

void test_index_forward(void) {
    CASE("records read back");
    round_trip(20);
    round_trip(3000);
    round_trip(UINT32_MAX);
    CASE("a record cut anywhere is seen to be damaged");
    cuts();
    CASE("damaged records are read within their bytes");
    flips();
}
