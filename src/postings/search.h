/* Binary search among u16 values of a list, at any alignment; private to this room. */
#ifndef ANP_POSTINGS_SEARCH_H
#define ANP_POSTINGS_SEARCH_H

#include "base/bytes.h"

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

#endif
