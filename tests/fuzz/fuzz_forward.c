/*
 * Forward records out of damaged bytes: walked, and built into a unit.
 *
 * An even first byte: the rest is taken as a record as it is. An odd one: a record built well is
 * damaged by the rest, by threes: where (two bytes), what to flip.
 */
#include "fuzz/fuzz.h"
#include "index/records.h"
#include "index/unit_build.h"

#include <string.h>

void fuzz_forward(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

static anp_status count_put(void *user, store_table table, uint64_t key, str value,
                            anp_error *err) {
    uint64_t *sum = user;
    (void)table, (void)err;
    for (size_t i = 0; i < value.len; i++) { /* so that every byte was written */
        *sum += key ^ (uint8_t)value.data[i];
    }
    return ANP_OK;
}

/* Two posts of the same record as a unit: whole or refused. */
static void build(str record, bool whole) {
    const catalog_settings settings = {.title_weight = 3, .store = ANP_STORE_ALL};
    const unit_info info = {.count = 2, .level = UNIT_SEGMENT, .length_average = 100};
    str records[2] = {record, record};
    uint64_t sum = 0;
    anp_error err = ANP_ERROR_INIT;
    anp_status status =
        unit_write_records((unit_sink){count_put, &sum}, &settings, &info, records, &err);
    need(status == ANP_OK || (status == ANP_CORRUPT && err.message[0]));
    need(whole || status == ANP_CORRUPT);
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
    build(record, r.at && r.at == r.end);
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
