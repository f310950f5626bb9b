/*
 * Positions of a posting list: drawn in postings/format.h.
 *
 * A posting is found without reading the others' positions: its group of 32 by offset, the rest by
 * counting varint ends. The number of positions is not stored: it is tf - title_weight * title_tf.
 */
#include "postings/list.h"

#include "base/error.h"

static void put_titles(const positions_input *input, buffer *out) {
    uint32_t with_title = 0, title_only = 0;
    for (uint32_t i = 0; input->title_tfs && i < input->count; i++) {
        with_title += input->title_tfs[i] > 0;
        title_only += input->title_tfs[i] > 0 && input->counts[i] == 0;
    }
    buffer_put_u32(out, with_title);
    buffer_put_u32(out, title_only);
    for (uint32_t i = 0; with_title && i < input->count; i++) {
        if (input->title_tfs[i]) {
            buffer_put_u16(out, (uint16_t)i);
        }
    }
    for (uint32_t i = 0; with_title && i < input->count; i++) {
        if (input->title_tfs[i]) {
            buffer_put_u16(out, (uint16_t)input->title_tfs[i]);
        }
    }
}

void positions_build(const positions_input *input, buffer *out) {
    put_titles(input, out);
    size_t groups = (input->count - 1) / POSITIONS_GROUP, groups_at = out->len;
    for (size_t i = 0; i < groups; i++) {
        buffer_put_u32(out, 0);
    }
    size_t deltas_at = out->len;
    const uint32_t *next = input->positions;
    for (uint32_t i = 0; i < input->count; i++) {
        if (i && i % POSITIONS_GROUP == 0 && !out->failed) {
            size_t group = i / POSITIONS_GROUP - 1;
            store_u32(out->data + groups_at + group * 4, (uint32_t)(out->len - deltas_at));
        }
        for (uint32_t j = 0; j < input->counts[i]; j++, next++) {
            buffer_put_varint(out, j ? next[0] - next[-1] - 1 : next[0]);
        }
    }
}

void positions_join(buffer *out, size_t list_at, str positions) {
    size_t at = out->len - list_at;
    if (!out->failed && at <= UINT16_MAX) {
        store_u16(out->data + list_at + offsetof(list_header, positions_at), (uint16_t)at);
        buffer_put_str(out, positions);
    }
}

anp_status positions_view_open(str value, uint32_t posting_count, positions_view *out,
                               anp_error *err) {
    if (value.len < POSITIONS_HEADER_BYTES || posting_count == 0) {
        return error_corrupt(err, "positions of %zu bytes have no header", value.len);
    }
    const uint8_t *bytes = (const uint8_t *)value.data;
    positions_view v = {.bytes = bytes, .end = bytes + value.len};
    v.title_count = load_u32(bytes);
    v.title_only = load_u32(bytes + 4);
    v.group_count = (posting_count - 1) / POSITIONS_GROUP;
    size_t fixed = POSITIONS_HEADER_BYTES + (size_t)v.title_count * 4 + (size_t)v.group_count * 4;
    if (v.title_count > posting_count || v.title_only > v.title_count || fixed > value.len) {
        return error_corrupt(err, "positions of %u postings do not fit their %zu bytes",
                             posting_count, value.len);
    }
    v.title_ranks = bytes + POSITIONS_HEADER_BYTES;
    v.title_tfs = v.title_ranks + (size_t)v.title_count * 2;
    v.groups = v.title_tfs + (size_t)v.title_count * 2;
    v.deltas = v.groups + (size_t)v.group_count * 4;
    *out = v;
    return ANP_OK;
}

uint32_t positions_title_tf(const positions_view *v, uint32_t rank) {
    uint32_t from = 0, to = v->title_count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (load_u16(v->title_ranks + (size_t)middle * 2) < rank) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    bool here = from < v->title_count && load_u16(v->title_ranks + (size_t)from * 2) == rank;
    return here ? load_u16(v->title_tfs + (size_t)from * 2) : 0;
}

void positions_title_tfs(const positions_view *v, uint32_t *out, uint32_t count) {
    memset(out, 0, count * sizeof *out);
    for (uint32_t i = 0; i < v->title_count; i++) {
        uint32_t rank = load_u16(v->title_ranks + (size_t)i * 2);
        if (rank < count) {
            out[rank] = load_u16(v->title_tfs + (size_t)i * 2);
        }
    }
}

/* The byte behind `count` varints; NULL when they end before. */
static const uint8_t *skip_varints(const uint8_t *at, const uint8_t *end, uint64_t count) {
    while (count && at < end) {
        count -= *at++ < 0x80;
    }
    return count ? NULL : at;
}

anp_status positions_read(const positions_view *v, const list_view *list, uint32_t title_weight,
                          uint32_t rank, uint32_t expect, uint32_t *out, anp_error *err) {
    uint32_t group = rank / POSITIONS_GROUP;
    uint32_t offset = group ? load_u32(v->groups + (size_t)(group - 1) * 4) : 0;
    uint64_t before = 0;
    for (uint32_t i = group * POSITIONS_GROUP; i < rank; i++) {
        before += list_tf(list, i) - (uint64_t)title_weight * positions_title_tf(v, i);
    }
    const uint8_t *at = NULL;
    if (offset <= (size_t)(v->end - v->deltas)) {
        at = skip_varints(v->deltas + offset, v->end, before);
    }
    uint32_t position = 0;
    for (uint32_t i = 0; i < expect && at; i++) {
        uint32_t delta = 0;
        at = varint_read_u32(at, v->end, &delta);
        position = i ? position + delta + 1 : delta;
        out[i] = position;
    }
    return at ? ANP_OK : error_corrupt(err, "the positions of posting %u are cut", rank);
}
