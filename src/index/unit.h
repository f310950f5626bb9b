/*
 * Units: how an index of any size is cut, so that a new post is cheap and a query walks all its
 * terms in step.
 *
 *     ordinals   0            65,536        131,072                        next
 *                |  window 0   |  window 1   | segment │ segment │   log    |
 *                └─ full, one unit ──────────┘ └─ ≤ 16 a window ─┘ └ ≤ 4,096 posts
 *
 * A post is first a forward record in the log. A full log, or a large batch, is folded: its
 * records are inverted into a segment, a unit that lies inside one window. When a window's
 * ordinals are all given, its segments are merged, a step at a time, into one unit of the window.
 * Everything that a unit holds has a key
 *
 *     63      48 47  44 43          12 11   8 7     0
 *     +---------+------+--------------+------+-------+
 *     |  unit   | kind |    number    | sub  | part  |
 *     +---------+------+--------------+------+-------+
 *
 *     unit: the window's number, or the segment's own. part: 0 (room for values cut in parts)
 *
 *     kind          number          sub                             table of a window
 *     UNIT_TERM     term number     0 text list, 1 its positions    postings, positions
 *                                   2 title list, 3 its positions   postings, positions
 *     UNIT_FACET    value number    0                               facets
 *     UNIT_COLUMN   column number   0                               columns
 *     UNIT_SKETCH   0               0                               sketches
 *
 * and a segment keeps all of them in table segments. The mechanism (fold, merge, read) is the same
 * for every kind; a new key space (shingle classes) is one more kind.
 */
#ifndef ANP_INDEX_UNIT_H
#define ANP_INDEX_UNIT_H

#include "base/limits.h"
#include "store/store.h"

typedef enum unit_level { UNIT_SEGMENT, UNIT_WINDOW } unit_level;

typedef enum unit_kind { UNIT_TERM, UNIT_FACET, UNIT_COLUMN, UNIT_SKETCH, UNIT_KINDS } unit_kind;

enum {
    UNIT_SUB_TEXT,
    UNIT_SUB_TEXT_POSITIONS,
    UNIT_SUB_TITLE,
    UNIT_SUB_TITLE_POSITIONS,
    UNIT_SUBS
};

/* One unit as the catalog lists it; 16 bytes on disk, in this order, little-endian. */
typedef struct unit_info {
    uint32_t first;       /* ordinal */
    uint32_t count;       /* posts, dead ones too */
    uint16_t number;      /* the window, or the segment's own */
    uint16_t level;       /* unit_level */
    float length_average; /* of the combined text, that its bounds were made with */
} unit_info;

static inline uint64_t unit_key(uint32_t unit, unit_kind kind, uint32_t number, unsigned sub) {
    return (uint64_t)unit << 48 | (uint64_t)kind << 44 | (uint64_t)number << 12 |
           (uint64_t)sub << 8;
}

/* The part of a key that does not name the unit: what a merge advances over. */
#define UNIT_KEY_INNER (((uint64_t)1 << 48) - 1)

static inline unit_kind unit_key_kind(uint64_t key) {
    return (unit_kind)(key >> 44 & 15);
}

static inline uint32_t unit_key_number(uint64_t key) {
    return (uint32_t)(key >> 12);
}

static inline unsigned unit_key_sub(uint64_t key) {
    return (unsigned)(key >> 8 & 15);
}

static inline store_table unit_table(unit_level level, unit_kind kind, unsigned sub) {
    if (level == UNIT_SEGMENT) {
        return STORE_SEGMENTS;
    }
    switch (kind) {
    case UNIT_FACET: return STORE_FACETS;
    case UNIT_COLUMN: return STORE_COLUMNS;
    case UNIT_SKETCH: return STORE_SKETCHES;
    default: return sub & 1 ? STORE_POSITIONS : STORE_POSTINGS;
    }
}

static inline anp_status unit_get(store_txn *txn, unit_level level, uint64_t key, str *out,
                                  anp_error *err) {
    store_table table = unit_table(level, unit_key_kind(key), unit_key_sub(key));
    return store_get(txn, table, store_key_u64(key), out, err);
}

#endif
