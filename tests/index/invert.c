/* See invert.h. Every kind of reference begins with its u32 number, which is what is sorted and
   searched by. */
#include "index/invert.h"

#include "base/error.h"

enum { RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };

static uint32_t number_at(const unsigned char *items, size_t i, size_t size) {
    return load_u32(items + i * size);
}

/* Stable by number: least significant digit first; a digit that all share is passed over. */
static bool sort_by_number(void *items, size_t count, size_t size) {
    unsigned char *from = items, *spare = malloc(count * size + 1), *to = spare;
    if (!spare) {
        return false;
    }
    for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
        size_t starts[RADIX] = {0};
        for (size_t i = 0; i < count; i++) {
            starts[number_at(from, i, size) >> shift & (RADIX - 1)]++;
        }
        if (count && starts[number_at(from, 0, size) >> shift & (RADIX - 1)] == count) {
            continue;
        }
        size_t sum = 0;
        for (size_t digit = 0; digit < RADIX; digit++) {
            size_t here = starts[digit];
            starts[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            size_t at = starts[number_at(from, i, size) >> shift & (RADIX - 1)]++;
            memcpy(to + at * size, from + i * size, size);
        }
        unsigned char *swap = from;
        from = to;
        to = swap;
    }
    if (from == spare && count) {
        memcpy(items, spare, count * size);
    }
    free(spare);
    return true;
}

static anp_status collect(inverted *in, uint32_t post, str record, anp_error *err) {
    forward_reader r = forward_open(record, &in->heads[post]);
    forward_number number;
    uint32_t value;
    forward_term term;
    in->ends[post] = (const uint8_t *)record.data + record.len;
    forward_section(&r);
    while (forward_next_number(&r, &number)) {
        if (!vec_push(&in->numbers, ((number_ref){number.field, post, number.value}))) {
            return error_nomem(err, "inverting posts");
        }
    }
    forward_section(&r);
    while (forward_next_facet(&r, &value)) {
        if (!vec_push(&in->facets, ((facet_ref){value, post}))) {
            return error_nomem(err, "inverting posts");
        }
    }
    in->sketches[post] = forward_sketch(&r);
    forward_section(&r);
    for (const uint8_t *at = r.at; forward_next_term(&r, &term); at = r.at) {
        /* The reference skips the term's number and size and points at the tf behind them. */
        while (*at++ >= 0x80) {
        }
        while (*at++ >= 0x80) {
        }
        if (!vec_push(&in->terms, ((term_ref){term.term, post, at}))) {
            return error_nomem(err, "inverting posts");
        }
    }
    return r.at == in->ends[post] ? ANP_OK : error_corrupt(err, "a forward record is damaged");
}

anp_status invert(const str *records, uint32_t count, inverted *out, anp_error *err) {
    inverted in = {.post_count = count};
    in.heads = calloc(count + 1u, sizeof *in.heads);
    in.sketches = calloc(count + 1u, sizeof *in.sketches);
    in.ends = calloc(count + 1u, sizeof *in.ends);
    anp_status status = ANP_OK;
    if (!in.heads || !in.sketches || !in.ends) {
        status = error_nomem(err, "inverting posts");
    }
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        status = collect(&in, i, records[i], err);
    }
    if (status == ANP_OK &&
        (!sort_by_number(in.terms.items, in.terms.count, sizeof *in.terms.items) ||
         !sort_by_number(in.facets.items, in.facets.count, sizeof *in.facets.items) ||
         !sort_by_number(in.numbers.items, in.numbers.count, sizeof *in.numbers.items))) {
        status = error_nomem(err, "sorting postings");
    }
    if (status != ANP_OK) {
        invert_free(&in);
        return status;
    }
    *out = in;
    return ANP_OK;
}

void invert_free(inverted *in) {
    free(in->heads);
    free((void *)in->sketches);
    free((void *)in->ends);
    free(in->terms.items);
    free(in->facets.items);
    free(in->numbers.items);
    *in = (inverted){0};
}

/* The first item whose number is >= number. */
static size_t lower_bound(const void *items, size_t count, size_t size, uint64_t number) {
    size_t from = 0, to = count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (number_at(items, middle, size) < number) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static void find(const void *items, size_t count, size_t size, uint32_t number, size_t *from,
                 size_t *to) {
    *from = lower_bound(items, count, size, number);
    *to = lower_bound(items, count, size, (uint64_t)number + 1);
}

void invert_find_term(const inverted *in, uint32_t term, size_t *from, size_t *to) {
    find(in->terms.items, in->terms.count, sizeof *in->terms.items, term, from, to);
}

void invert_find_facet(const inverted *in, uint32_t value, size_t *from, size_t *to) {
    find(in->facets.items, in->facets.count, sizeof *in->facets.items, value, from, to);
}

void invert_find_field(const inverted *in, uint32_t field, size_t *from, size_t *to) {
    find(in->numbers.items, in->numbers.count, sizeof *in->numbers.items, field, from, to);
}

anp_status rows_add_forward(term_rows *rows, uint16_t low, const uint8_t *at, const uint8_t *end,
                            anp_error *err) {
    term_row row = {.low = low};
    at = varint_read_u32(at, end, &row.body_tf);
    at = at ? varint_read_u32(at, end, &row.title_tf) : NULL;
    /* A position takes a byte or more: a damaged tf must not ask for all memory. */
    if (!at || (uint64_t)row.body_tf + row.title_tf > (uint64_t)(end - at)) {
        return error_corrupt(err, "a forward record is cut");
    }
    if (!vec_reserve(&rows->body_positions, rows->body_positions.count + row.body_tf) ||
        !vec_reserve(&rows->title_positions, rows->title_positions.count + row.title_tf) ||
        !vec_push(&rows->rows, row)) {
        return error_nomem(err, "a term's postings");
    }
    uint32_t *body = rows->body_positions.items + rows->body_positions.count;
    uint32_t *title = rows->title_positions.items + rows->title_positions.count;
    if (!forward_positions(&at, end, row.body_tf, body) ||
        !forward_positions(&at, end, row.title_tf, title)) {
        return error_corrupt(err, "a forward record's positions are cut");
    }
    rows->body_positions.count += row.body_tf;
    rows->title_positions.count += row.title_tf;
    return ANP_OK;
}
