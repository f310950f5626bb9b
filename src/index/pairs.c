/* Reading pair lists. See pairs.h. */
#include "index/pairs.h"

#include "base/error.h"

#include <stdlib.h>

static uint32_t reach_of(const pairs_head *head, uint32_t word) {
    return load_u16(head->reaches + (size_t)word * 2);
}

/* The bits of the words before one. */
static size_t bits_before(const pairs_head *head, uint32_t word) {
    size_t bits = 0;
    for (uint32_t i = 0; i < word; i++) {
        bits += reach_of(head, i);
    }
    return bits;
}

anp_status pairs_head_open(str value, pairs_head *out, anp_error *err) {
    const uint8_t *bytes = (const uint8_t *)value.data;
    uint32_t count = value.len >= PAIRS_HEAD_BYTES ? load_u32(bytes + 12) : UINT32_MAX;
    size_t words = PAIRS_HEAD_BYTES + (size_t)count * 6;
    if (count <= PAIRS_WORDS_MAX && words <= value.len) {
        const uint8_t *reaches = bytes + PAIRS_HEAD_BYTES + (size_t)count * 4;
        *out = (pairs_head){load_u64(bytes), count, bytes + PAIRS_HEAD_BYTES, reaches,
                            bytes + words};
        if (words + (bits_before(out, count) + 7) / 8 == value.len) {
            return ANP_OK;
        }
    }
    return error_corrupt(err, "the head of a unit's word pairs does not fit its %zu bytes",
                         value.len);
}

/* The place of a word among those of the head, or their count. */
static uint32_t place_of(const pairs_head *head, uint32_t word) {
    uint32_t place = 0;
    while (place < head->count && load_u32(head->words + (size_t)place * 4) != word) {
        place++;
    }
    return place;
}

bool pairs_head_meet(const pairs_head *head, uint32_t first, uint32_t second) {
    uint32_t at = place_of(head, first), behind = place_of(head, second);
    if (at == head->count || behind == head->count || behind >= reach_of(head, at)) {
        return true;
    }
    size_t bit = bits_before(head, at) + behind;
    return head->bits[bit / 8] >> bit % 8 & 1;
}

anp_status pairs_view_open(str value, pairs_view *out, anp_error *err) {
    const uint8_t *bytes = (const uint8_t *)value.data;
    uint32_t count = value.len >= 4 ? load_u32(bytes) : 0;
    size_t head = 4 + (size_t)count * 8;
    if (count == 0 || head > value.len) {
        return error_corrupt(err, "word pairs do not fit their %zu bytes", value.len);
    }
    *out = (pairs_view){count, bytes + 4, str_make(value.data + head, value.len - head)};
    return ANP_OK;
}

static uint32_t list_end(const pairs_view *v, uint32_t i) {
    return load_u32(v->entries + (size_t)i * 8 + 4);
}

anp_status pairs_bytes(const pairs_view *v, uint32_t i, str *out, anp_error *err) {
    uint32_t from = i ? list_end(v, i - 1) : 0, end = list_end(v, i);
    if (from > end || end > v->lists.len) {
        return error_corrupt(err, "the list of a word pair lies outside of its value");
    }
    *out = str_make(v->lists.data + from, end - from);
    return ANP_OK;
}

anp_status pairs_pick(str bytes, uint16_t *lows, uint32_t count, uint32_t *kept, anp_error *err) {
    if (bytes.len < PAIRS_RANKS_HEAD) {
        return error_corrupt(err, "a word pair has no ranks");
    }
    positions_place place = {.number = 1u + load_u16(bytes.data + 1), .length = count};
    uint32_t *ranks = malloc(place.number * sizeof *ranks);
    if (!ranks) {
        return error_nomem(err, "a word pair");
    }
    positions_view view = {0};
    anp_status status = positions_view_open(str_slice(bytes, PAIRS_RANKS_HEAD, bytes.len), 1,
                                            &view, err);
    if (status == ANP_OK) {
        status = positions_found(&view, &place, ranks, err);
    }
    for (uint32_t i = 0; status == ANP_OK && i < place.number; i++) {
        lows[i] = lows[ranks[i]]; /* ranks[i] >= i: they ascend */
    }
    *kept = place.number;
    free(ranks);
    return status;
}

uint32_t pairs_find(const pairs_view *v, uint32_t second) {
    uint32_t from = 0, to = v->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (pairs_second(v, middle) < second) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < v->count && pairs_second(v, from) == second ? from : UINT32_MAX;
}

anp_status pairs_validate(const pairs_view *v, anp_error *err) {
    for (uint32_t i = 0; i < v->count; i++) {
        list_view list;
        str bytes;
        if (i && pairs_second(v, i) <= pairs_second(v, i - 1)) {
            return error_corrupt(err, "word pairs do not ascend");
        }
        TRY(pairs_bytes(v, i, &bytes, err));
        if (!pairs_are_ranks(bytes)) {
            TRY(list_view_open(bytes, &list, err));
            TRY(list_validate(&list, err));
        }
    }
    return list_end(v, v->count - 1) == v->lists.len
               ? ANP_OK
               : error_corrupt(err, "bytes behind the last word pair");
}
