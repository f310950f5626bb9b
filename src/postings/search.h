/* Looking for values in the sections of a list; private to this room. */
#ifndef ANP_POSTINGS_SEARCH_H
#define ANP_POSTINGS_SEARCH_H

#include "postings/list.h"

/* The first of `count` u16 values that is >= key; no branch depends on what is read. */
static inline uint32_t search_u16(const uint8_t *values, uint32_t count, uint32_t key) {
    uint32_t from = 0;
    while (count > 0) {
        uint32_t half = count / 2;
        bool below = load_u16(values + (size_t)(from + half) * 2) < key;
        from = below ? from + half + 1 : from;
        count = below ? count - half - 1 : half;
    }
    return from;
}

/* The rank, and the title tf, of a list's i-th posting with a title. */
static inline uint32_t list_title_rank(const list_view *v, uint32_t i) {
    return v->title_rank_bytes == 2 ? load_u16(v->title_ranks + (size_t)i * 2) : v->title_ranks[i];
}

static inline uint32_t list_title_tf_at(const list_view *v, uint32_t i) {
    return v->title_tf_bytes == 0 ? 1
           : v->title_tf_bytes == 1 ? v->title_tfs[i] : load_u16(v->title_tfs + (size_t)i * 2);
}

/* The first posting with a title from a rank on: near that of the last question. */
static inline uint32_t positions_title_from(positions_finder *f, uint32_t rank) {
    const list_view *list = f->list;
    uint32_t at = f->title_at;
    if (at > 0 && list_title_rank(list, at - 1) >= rank) {
        at = 0;
    }
    for (uint32_t step = 1; at < list->title_count && list_title_rank(list, at) < rank;) {
        bool further = at + step < list->title_count && list_title_rank(list, at + step) < rank;
        at += further ? step : 1;
        step = further ? 2 * step : 1;
    }
    f->title_at = at;
    return at;
}

#endif
