/*
 * The catalog: what is not of one post: settings, counters, units, fields. Three records of table
 * meta.
 *
 *     "settings"  u8 analyzer, u8 store mode, u8 title weight, u8 0, language (the rest); once
 *     "state"     the counters of catalog_state, then u32 n and n × unit_info; each commit
 *     "fields"    n × { u8 kinds, u8 name length, name }; the place is the field's number; when one
 *                 is new
 *
 * Beside them "dictionary-XXXXXXXX" (its id in hexadecimal): a zstd dictionary of stored posts.
 *
 * The fields that the contract names are there from the start (post/fields.h).
 *
 * kinds: bit 0 some post has text there, bit 1 a number, bit 2 a date.
 */
#ifndef ANP_INDEX_CATALOG_H
#define ANP_INDEX_CATALOG_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/intern.h"
#include "base/vec.h"
#include "index/unit.h"
#include "store/compress.h"
#include "store/store.h"

enum { FIELD_TEXT = 1, FIELD_NUMBER = 2, FIELD_DATE = 4 };

enum { MERGE_NONE = -1 };

/* A merge cursor: the window's unit has all that its segments have; its pairs come when they are
   gone. */
#define MERGE_WRITTEN ((uint64_t)1 << 48)

/* 80 bytes on disk, in this order. */
typedef struct catalog_state {
    uint64_t post_count;       /* live */
    uint64_t title_words;      /* of live posts */
    uint64_t body_words;       /* of live posts */
    uint64_t merge_cursor; /* inner key up to which the newest window unit is written, and up to
                              which its segments have no positions any more; MERGE_WRITTEN: all
                              of it but pairs, its segments are going; UINT64_MAX: it is whole,
                              they are gone */
    uint64_t group_cursor; /* likewise of group group_end; UINT64_MAX: it is not begun */
    uint32_t docno_end;        /* the next ordinal */
    uint32_t log_first;        /* posts [log_first, docno_end) are in the log */
    uint32_t term_end;         /* the next term number */
    uint32_t value_end;        /* the next facet value number */
    uint32_t segment_next;     /* the next segment's number, modulo 65,536 */
    uint32_t segments_made;    /* ever */
    uint32_t dictionary;    /* the id of the one that posts are compressed with; 0: none yet */
    uint32_t merge_due;     /* bytes of merging that the posts of former commits owe */
    uint32_t group_end;     /* groups [0, group_end) are whole */
    uint32_t reserved;
} catalog_state;

typedef struct catalog_settings {
    anp_analyzer analyzer;
    anp_store_mode store;
    uint32_t title_weight;
    char language[32];
} catalog_settings;

typedef struct catalog {
    catalog_settings settings;
    catalog_state state;
    VEC(unit_info) units; /* by first ordinal; a window being merged stands before its segments */
    intern fields;        /* name to number */
    VEC(uint8_t) kinds;   /* by field number */
} catalog;

anp_status catalog_load(store_txn *txn, catalog *out, anp_error *err);
void catalog_free(catalog *c);

/* Of a new index. */
anp_status catalog_create(store_txn *txn, const catalog_settings *settings, anp_error *err);

/* The record of that name, for who writes it elsewhere. */
#define CATALOG_STATE "state"
void catalog_state_record(const catalog *c, buffer *out);

anp_status catalog_save_state(store_txn *txn, const catalog *c, anp_error *err);
anp_status catalog_save_fields(store_txn *txn, const catalog *c, anp_error *err);

/* The dictionary that the state names, or *out NULL when it names none. */
anp_status catalog_load_dictionary(store_txn *txn, uint32_t id, dictionary **out, anp_error *err);
anp_status catalog_save_dictionary(store_txn *txn, uint32_t id, str bytes, anp_error *err);

/* Words of the combined text of all live posts. */
uint64_t catalog_text_words(const catalog *c);

/*
 * Whether a field is known or can still be made. One that cannot is kept in its post and shown, but
 * not filtered on, like a string that is too long for a facet.
 */
bool catalog_has_room(const catalog *c, str name);

/* The number of a field, made when it is new; *changed is set when the record must be saved. */
anp_status catalog_field(catalog *c, str name, uint8_t kind, uint32_t *number, bool *changed,
                         anp_error *err);

/* The next segment's number; *append: it is greater than those of all live segments. */
uint16_t catalog_new_segment(catalog *c, bool *append);

/* The window that is being merged, or MERGE_NONE. */
int32_t catalog_merging(const catalog *c);

/* Whether readers read a unit: of a window that is being merged its segments, of one that is
   written the window's. */
bool catalog_reads(const catalog *c, const unit_info *unit);

/* Keeps those units alone, as if nothing was being merged. */
void catalog_keep_read(catalog *c);

/* Whole windows before the first that is not, or is being merged. */
uint32_t catalog_whole_windows(const catalog *c);

/* Where a value of a listed unit is: a group may have taken it over from its window. */
typedef struct unit_place {
    unit_level level;
    uint32_t number;
} unit_place;

unit_place catalog_place(const catalog *c, const unit_info *unit, uint64_t inner_key);

#endif
