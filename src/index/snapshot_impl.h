/* What the files of the snapshot share; nobody else includes this. */
#ifndef ANP_INDEX_SNAPSHOT_IMPL_H
#define ANP_INDEX_SNAPSHOT_IMPL_H

#include "index/catalog.h"
#include "index/column.h"
#include "index/index.h"
#include "index/rows.h"
#include "index/snapshot.h"
#include "store/compress.h"
#include "text/analyzer.h"

/* How many words a field of a unit's posts has. */
typedef struct unit_words {
    list_lengths lengths;
    uint32_t first, count; /* of the unit; count 0: none yet */
} unit_words;

struct snapshot {
    index_handle *index;
    store_txn *txn;
    catalog cat; /* its units are those that readers read: nothing is being merged */
    int32_t merging; /* the window that is, or MERGE_NONE: what its segments had of positions */
    uint64_t merged; /* below this inner key is in the window's unit alone */
    bitmap *deleted;
    tail *tail;
    analyzer *analyzer;     /* made when first asked for */
    compressor *compressor; /* likewise */
    uint32_t column_window; /* of the arrays below; UINT32_MAX: none */
    uint32_t column_count;
    uint32_t sparse_window; /* of the last calls of snapshot_columns_of, and what they cost */
    uint64_t sparse_cost;
    uint32_t *lengths[INDEX_FIELDS];
    float (*scores)[4];
    buffer sketches; /* of the last window asked for */
    unit_words words[INDEX_FIELDS]; /* of the units whose positions were read last */
    store_cursor *group_lists; /* over table group_postings; NULL until first needed */
    struct cell_cache *cell_cache; /* snapshot_cells.c; NULL until first needed */
    struct factor_sets *factors;   /* factors.c; likewise */
    arena scratch; /* of one query after the other */
};

void snapshot_free_cells(snapshot *s);

/* A term's postings in the log alone, dead posts too. */
typedef struct log_postings {
    uint32_t count;
    uint16_t *docs;      /* ordinals less the window's first, ascending */
    uint32_t *tfs;       /* of the field, > 0 */
    uint32_t *title_tfs; /* what titles have part in them with, once: in INDEX_TEXT */
    uint32_t *counts;    /* of positions in the field; of INDEX_TEXT those in the body */
    uint32_t *positions; /* of all postings, one behind the other; NULL: not asked for */
} log_postings;
anp_status snapshot_log_postings(snapshot *s, index_field field, uint32_t term, bool positions,
                                 arena *perm, log_postings *out, anp_error *err);

/* What a value is of: kind, number and sub as in a unit key (unit.h). */
typedef struct unit_entry {
    unit_kind kind;
    uint32_t number;
    unsigned sub;
} unit_entry;

/* The units of a window, in ordinal order; how many. */
size_t snapshot_units(const snapshot *s, uint32_t window, const unit_info **units);

static inline unit_entry snapshot_term_entry(index_field field, uint32_t term) {
    unsigned sub = field == INDEX_TITLE ? UNIT_SUB_TITLE : UNIT_SUB_TEXT;
    return (unit_entry){UNIT_TERM, term, sub};
}

/* Whether the log lies in that window. */
static inline bool snapshot_tail_in(const snapshot *s, uint32_t window) {
    return s->tail->count > 0 && s->tail->first >> WINDOW_BITS == window;
}

/*
 * The value of one of those units, in place, also where a group has it by now; ANP_OK with len 0
 * when it is not there.
 */
anp_status snapshot_unit_value(snapshot *s, const unit_info *unit, unit_entry entry, str *out,
                               anp_error *err);

/* The key of a window's part of an entry, without the unit. */
static inline uint64_t snapshot_inner_key(uint32_t window, unit_entry entry) {
    unsigned slot = unit_kind_packs(entry.kind) ? unit_slot(window) : 0;
    return unit_key_in(0, entry.kind, entry.number, slot, entry.sub);
}

/*
 * The positions of the list of an entry in a unit: in place, or, where a merge has taken them from
 * its segment, made in `memory` (some 10 ns a posting). ANP_CORRUPT when there are none. Also of a
 * segment that is no longer read.
 */
anp_status snapshot_positions_of(snapshot *s, const unit_info *unit, unit_entry entry,
                                 const list_view *list, arena *memory, str *out, anp_error *err);

#endif
