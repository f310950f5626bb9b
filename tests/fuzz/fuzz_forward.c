/*
 * Forward records out of damaged bytes: walked, inverted, made into rows.
 *
 * An even first byte: the rest is taken as a record as it is. An odd one: a record built well is
 * damaged by the rest, by threes: where (two bytes), what to flip.
 */
#include "fuzz/fuzz.h"
#include "index/invert.h"
#include "index/records.h"
#include "index/rows.h"

#include <string.h>

void fuzz_forward(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

/* Every reference of a record that was taken leads to positions that are there. */
static void check_inverted(const inverted *in, size_t record_len) {
    term_rows rows = {0};
    uint32_t low = 0;
    need(in->post_count == 2 && in->terms.count % 2 == 0);
    for (size_t i = 0; i < in->terms.count; i++) {
        const term_ref *ref = &in->terms.items[i];
        size_t from, to;
        need(ref->post < 2 && (i == 0 || in->terms.items[i - 1].term <= ref->term));
        size_t left = (size_t)(in->ends[ref->post] - ref->at);
        need(left < record_len);
        rows_clear(&rows);
        anp_status status =
            rows_add_forward(&rows, (uint16_t)low, ref->at, in->ends[ref->post], NULL);
        need(status == ANP_OK || status == ANP_CORRUPT);
        need(rows.body_positions.count + rows.title_positions.count < record_len);
        invert_find_term(in, ref->term, &from, &to);
        need(from <= i && i < to);
    }
    rows_free(&rows);
}

static void read_record(str record) {
    forward_head head;
    forward_number number;
    forward_term term;
    uint32_t value;
    forward_reader r = forward_open(record, &head);
    for (forward_section(&r); forward_next_number(&r, &number);) {
    }
    for (forward_section(&r); forward_next_facet(&r, &value);) {
    }
    forward_sketch(&r);
    for (forward_section(&r); forward_next_term(&r, &term);) {
        need(term.positions <= term.end && term.end <= r.end);
        need((uint64_t)term.body_tf + term.title_tf <= (uint64_t)(term.end - term.positions));
    }
    bool whole = r.at && r.at == r.end;
    str records[2] = {record, record};
    inverted in;
    anp_error err = ANP_ERROR_INIT;
    anp_status status = invert(records, 2, &in, &err);
    need(whole ? status == ANP_OK : status == ANP_CORRUPT && err.message[0]);
    if (status == ANP_OK) {
        check_inverted(&in, record.len);
        invert_free(&in);
    }
}

void fuzz_forward(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return;
    }
    if (bytes[0] % 2 == 0) {
        read_record(str_make((const char *)bytes + 1, size - 1));
        return;
    }
    prng p = {bytes[1]};
    record_parts *parts = calloc(1, sizeof *parts);
    need(parts != NULL);
    record_make(&p, 1u << (4 + bytes[1] % 28), parts);
    for (size_t at = 2; at + 3 <= size; at += 3) {
        parts->bytes.data[load_u16(bytes + at) % parts->bytes.len] ^= bytes[at + 2];
    }
    size_t len = size % 3 == 1 ? parts->bytes.len - size % parts->bytes.len : parts->bytes.len;
    uint8_t *exact = malloc(len);
    need(exact != NULL);
    memcpy(exact, parts->bytes.data, len);
    read_record(str_make((const char *)exact, len));
    free(exact);
    buffer_free(&parts->bytes);
    free(parts);
}
