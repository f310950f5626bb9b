/* Reading pair lists. See pairs.h. */
#include "index/pairs.h"

#include "base/error.h"

anp_status pairs_least(str head, uint64_t *least, anp_error *err) {
    if (head.len != PAIRS_HEAD_BYTES) {
        return error_corrupt(err, "the head of a unit's word pairs has %zu bytes", head.len);
    }
    *least = load_u64(head.data);
    return ANP_OK;
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

anp_status pairs_list(const pairs_view *v, uint32_t i, list_view *out, anp_error *err) {
    uint32_t from = i ? list_end(v, i - 1) : 0, end = list_end(v, i);
    if (from > end || end > v->lists.len) {
        return error_corrupt(err, "the list of a word pair lies outside of its value");
    }
    return list_view_open(str_make(v->lists.data + from, end - from), out, err);
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
        if (i && pairs_second(v, i) <= pairs_second(v, i - 1)) {
            return error_corrupt(err, "word pairs do not ascend");
        }
        TRY(pairs_list(v, i, &list, err));
        TRY(list_validate(&list, err));
    }
    return list_end(v, v->count - 1) == v->lists.len
               ? ANP_OK
               : error_corrupt(err, "bytes behind the last word pair");
}
