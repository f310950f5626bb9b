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
 * When 16 windows that lie one behind the other are whole (a group: 0 to 15, 16 to 31, …), their
 * terms and facets are moved, in steps again, into one unit of the group, where a term's lists of
 * all 16 lie one behind the other: a rare term of ten million posts costs ten look-ups, not 153.
 * Columns, sketches and pairs of words (index/pairs.h) stay with the windows.
 *
 * Everything that a unit holds has a key
 *
 *     63      48 47  44 43          12 11   8 7   4 3    0
 *     +---------+------+--------------+------+-----+------+
 *     |  unit   | kind |    number    | slot | sub | part |
 *     +---------+------+--------------+------+-----+------+
 *
 *     unit: the number of the group or window, or the segment's own. slot: of terms and facets,
 *     the low bits of their window's number. part: 0 a value, 1 a pack (index/pack.h)
 *
 *     kind          number          sub                             table of a window
 *     UNIT_TERM     term number     0 text list, 1 its positions    postings, positions
 *                                   2 title list, 3 its positions   postings, positions
 *     UNIT_FACET    value number    0                               facets
 *     UNIT_COLUMN   column number   0                               columns
 *     UNIT_SKETCH   piece of the    0                               sketches
 *                   window
 *     UNIT_PAIR     number of the   0                               pairs
 *                   first word
 *
 * A group has tables group_postings, group_positions and group_facets of its own, so that windows
 * and groups both grow at the end. A segment keeps its positions in table segment_positions, for
 * they may go before it (merge.c), all else in table segments. The mechanism (fold, merge, read) is
 * the same for every kind; a new key space (shingle classes) is one more kind.
 *
 * Terms and facets of 32 KB or less are packed: a pack holds those of one table and kind whose keys
 * lie between the value or pack before it and its own key, which is that of its last entry with
 * part 1. So the first key that is not less than the one looked for finds either the value itself
 * or the only pack that can have it.
 */
#ifndef ANP_INDEX_UNIT_H
#define ANP_INDEX_UNIT_H

#include "base/limits.h"
#include "store/store.h"

typedef enum unit_level { UNIT_SEGMENT, UNIT_WINDOW, UNIT_GROUP } unit_level;

typedef enum unit_kind {
    UNIT_TERM,
    UNIT_FACET,
    UNIT_COLUMN,
    UNIT_SKETCH,
    UNIT_PAIR,
    UNIT_KINDS
} unit_kind;

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
    uint16_t level;       /* unit_level; groups are not listed, they are counted */
    float length_average; /* of the combined text, that its bounds were made with */
} unit_info;

/*
 * Sketches are cut where a 16th of the window ends, for large values are hard to place: they need
 * pages in a row, and a file without as many free ones grows.
 */
enum { UNIT_PIECE_BITS = WINDOW_BITS - 4, UNIT_PIECES = 16 };

/* Ordinals of a unit's posts in a piece of its window: [*from, *end), empty where it has none. */
static inline void unit_piece(const unit_info *unit, uint32_t piece, uint32_t *from,
                              uint32_t *end) {
    uint32_t first = unit->first & ~(WINDOW_DOCS - 1), past = unit->first + unit->count;
    *from = first + (piece << UNIT_PIECE_BITS);
    *end = *from + (1u << UNIT_PIECE_BITS);
    *from = *from > unit->first ? *from : unit->first;
    *end = *end < past ? *end : past;
    *end = *end > *from ? *end : *from;
}

/* The piece of its window that a post is in. */
static inline uint32_t unit_piece_of(uint32_t docno) {
    return (uint32_t)window_low(docno) >> UNIT_PIECE_BITS;
}

/* The value is a pack. */
#define UNIT_PART_PACK ((uint64_t)1)

static inline uint64_t unit_key_in(uint32_t unit, unit_kind kind, uint32_t number, unsigned slot,
                                   unsigned sub) {
    return (uint64_t)unit << 48 | (uint64_t)kind << 44 | (uint64_t)number << 12 |
           (uint64_t)slot << 8 | (uint64_t)sub << 4;
}

/* Of a column or sketches: they have no slot. */
static inline uint64_t unit_key(uint32_t unit, unit_kind kind, uint32_t number) {
    return unit_key_in(unit, kind, number, 0, 0);
}

/* The part of a key that does not name the unit: what a merge advances over. */
#define UNIT_KEY_INNER (((uint64_t)1 << 48) - 1)

static inline uint32_t unit_key_unit(uint64_t key) {
    return (uint32_t)(key >> 48);
}

static inline unit_kind unit_key_kind(uint64_t key) {
    return (unit_kind)(key >> 44 & 15);
}

static inline uint32_t unit_key_number(uint64_t key) {
    return (uint32_t)(key >> 12);
}

static inline unsigned unit_key_slot(uint64_t key) {
    return (unsigned)(key >> 8 & 15);
}

static inline unsigned unit_key_sub(uint64_t key) {
    return (unsigned)(key >> 4 & 15);
}

/* The slot of a window. */
static inline unsigned unit_slot(uint32_t window) {
    return window & (GROUP_WINDOWS - 1);
}

/* What a pack tells its entries apart by. */
static inline uint64_t unit_key_code(uint64_t key) {
    return key >> 4 & (((uint64_t)1 << 40) - 1);
}

/* Whether a kind is packed. */
static inline bool unit_kind_packs(unit_kind kind) {
    return kind == UNIT_TERM || kind == UNIT_FACET;
}

static inline store_table unit_table(unit_level level, unit_kind kind, unsigned sub) {
    if (level == UNIT_SEGMENT) {
        return kind == UNIT_TERM && sub & 1 ? STORE_SEGMENT_POSITIONS : STORE_SEGMENTS;
    }
    bool group = level == UNIT_GROUP;
    switch (kind) {
    case UNIT_FACET: return group ? STORE_GROUP_FACETS : STORE_FACETS;
    case UNIT_COLUMN: return STORE_COLUMNS;
    case UNIT_SKETCH: return STORE_SKETCHES;
    case UNIT_PAIR: return STORE_PAIRS;
    default: break;
    }
    if (sub & 1) {
        return group ? STORE_GROUP_POSITIONS : STORE_POSITIONS;
    }
    return group ? STORE_GROUP_POSTINGS : STORE_POSTINGS;
}

/*
 * One value of a unit, out of its pack where it is in one: one look-up of the store. In place, as
 * store_get gives it; ANP_NOT_FOUND without error text.
 */
anp_status unit_get(store_txn *txn, unit_level level, uint64_t key, str *out, anp_error *err);

/*
 * Walks the values of a unit in the order of their keys over all its tables, those whose key
 * without the unit lies in [from, to). Each value is copied, so that other tables may be written
 * meanwhile: it is valid until the next call. The unit's own tables must not be written. A group
 * has the terms and facets of all its windows; its windows have their columns and sketches alone.
 */
typedef struct unit_cursor unit_cursor;

anp_status unit_cursor_open(store_txn *txn, unit_level level, uint32_t number, uint64_t from,
                            uint64_t to, unit_cursor **out, anp_error *err);

/* The key without the unit, and its value; ANP_NOT_FOUND (without error text) at the end. */
anp_status unit_cursor_next(unit_cursor *c, uint64_t *inner, str *value, anp_error *err);
void unit_cursor_close(unit_cursor *c);

#endif
