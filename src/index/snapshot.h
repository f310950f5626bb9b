/*
 * The read view of one commit: what `query` and `similar` ask.
 *
 * A snapshot hides that a posting list is spread over windows, segments and the log: it gives a
 * term's postings window by window, in ordinal order. One thread at a time. Strings and arrays
 * that come out live in the arena that was given, or, where the comment says "borrowed", until the
 * next call for another window or the snapshot's close.
 */
#ifndef ANP_INDEX_SNAPSHOT_H
#define ANP_INDEX_SNAPSHOT_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/limits.h"
#include "base/str.h"
#include "index/column.h"
#include "postings/bitmap.h"
#include "store/store.h"

typedef struct index_handle index_handle; /* index/index.h */
typedef struct snapshot snapshot;

/* What a word can be looked for in. Each has its own tf, df, lengths and average. */
typedef enum index_field {
    INDEX_TEXT,  /* the combined text: body once, title title_weight times */
    INDEX_TITLE,
    INDEX_BODY,
    INDEX_FIELDS,
} index_field;

anp_status snapshot_open(index_handle *index, snapshot **out, anp_error *err);
void snapshot_close(snapshot *s);

/* ---- The corpus ---------------------------------------------------------------------------- */

uint64_t snapshot_post_count(const snapshot *s);   /* live */
uint32_t snapshot_docno_end(const snapshot *s);    /* ordinals, dead ones too, lie below */
uint32_t snapshot_window_count(const snapshot *s); /* ceil(docno_end / WINDOW_DOCS) */
double snapshot_length_average(const snapshot *s, index_field field); /* exact, over live posts */
uint32_t snapshot_title_weight(const snapshot *s);
const struct catalog_settings *snapshot_settings(const snapshot *s); /* for the snapshot's life */
const bitmap *snapshot_deleted(const snapshot *s); /* borrowed for the snapshot's life */

/* Empty memory for one query, until the next call; at most SNAPSHOT_SCRATCH_BYTES of it stay. */
enum { SNAPSHOT_SCRATCH_BYTES = 4 << 20 };
arena *snapshot_scratch(snapshot *s);

/* The analyzer of this index, for this snapshot's thread: its settings are those the index was
   made with. Borrowed. */
struct analyzer *snapshot_analyzer(snapshot *s);

typedef struct snapshot_statistics {
    const struct catalog_settings *settings; /* borrowed for the snapshot's life */
    uint64_t deleted;
    uint64_t terms; /* distinct, ever indexed */
    uint64_t words; /* of the combined text of live posts */
    uint64_t file_bytes;
    uint64_t log_posts;
    uint32_t segments;
    uint32_t windows;
    store_table_size tables[STORE_TABLES];
} snapshot_statistics;

anp_status snapshot_statistics_of(snapshot *s, snapshot_statistics *out, anp_error *err);

/* ---- Terms --------------------------------------------------------------------------------- */

/* ANP_NOT_FOUND (without error text) when no post ever held the term. */
anp_status snapshot_term(snapshot *s, str term, uint32_t *number, anp_error *err);

/* df and cf of a field over live posts, exact. cf counts tf of that field (INDEX_TEXT: combined
   tf). */
anp_status snapshot_term_stats(snapshot *s, index_field field, uint32_t term, uint32_t *df,
                               uint64_t *cf, anp_error *err);

typedef struct window_postings {
    const uint16_t
        *docs; /* ordinals less the window's first, ascending; dead posts are among them */
    const uint32_t *tfs;  /* of the field, > 0 */
    uint32_t count;
} window_postings;

/* A term's postings in one window, decoded into perm; count 0 when there are none. */
anp_status snapshot_postings(snapshot *s, index_field field, uint32_t term, uint32_t window,
                             arena *perm, window_postings *out, anp_error *err);

/* One of a term's posting lists: that of a whole window, or of a segment. */
typedef struct term_list {
    const struct unit_info *unit; /* its posts; the average length that its bounds were made with */
    str bytes;                    /* postings/list.h; in place for the snapshot's life */
} term_list;

/*
 * All of a term's lists (of the combined text, or of the title), in ordinal order, into perm. The
 * log is not among them. Costs a search a unit, but where windows are grouped a search a group and
 * a step a list.
 */
anp_status snapshot_lists(snapshot *s, index_field field, uint32_t term, arena *perm,
                          const term_list **lists, uint32_t *count, anp_error *err);

/* The positions of one of these lists, in place, or in perm where a merge has taken them from their
   segment; postings/list.h opens them. */
anp_status snapshot_list_positions(snapshot *s, index_field field, uint32_t term,
                                   const term_list *list, arena *perm, str *out, anp_error *err);

/* All ordinals that hold the term in the field, dead ones too; the caller frees it. */
anp_status snapshot_term_bitmap(snapshot *s, index_field field, uint32_t term, bitmap **out,
                                anp_error *err);

/*
 * Positions of a term in the title (INDEX_TITLE) or body (INDEX_BODY) of one post, ascending, from
 * 0 in each field, into perm; *count 0 when it is not there.
 */
anp_status snapshot_positions(snapshot *s, index_field field, uint32_t term, uint32_t docno,
                              arena *perm, const uint32_t **positions, uint32_t *count,
                              anp_error *err);

/* Every term with its bytes, in byte order from the first that is >= from; visit returns false
   to stop. */
anp_status snapshot_terms(snapshot *s, str from,
                          bool (*visit)(void *user, str term, uint32_t number), void *user,
                          anp_error *err);

/* ---- Columns and facets -------------------------------------------------------------------- */

typedef struct window_columns {
    uint32_t count;                         /* posts of this window, dead ones too */
    const uint32_t *lengths[INDEX_FIELDS];  /* word positions */
    const float (*scores)[4]; /* quality, freshness, depth, clarity: 0 to 100, 50 when absent */
} window_columns;

/* Lengths and scores of a window. Borrowed until the next call for another window. */
anp_status snapshot_columns(snapshot *s, uint32_t window, window_columns *out, anp_error *err);

/*
 * The same for some posts of the window, ascending: only their entries are set. Costs what they
 * are, not what the window is.
 */
anp_status snapshot_columns_of(snapshot *s, uint32_t window, const uint16_t *lows, uint32_t count,
                               window_columns *out, anp_error *err);

typedef struct snapshot_field {
    uint32_t number;
    str name;         /* the full dotted name; borrowed for the snapshot's life */
    bool has_text;    /* some post has a string there: exact-match facet */
    bool has_number;  /* some post has a number or boolean there */
    bool has_date;    /* some post has a date there (seconds since 1970-01-01 UTC) */
} snapshot_field;

/*
 * A meta field by its full name ("score.quality"), or by its last part where that is unique
 * ("quality"); a full name wins. ANP_NOT_FOUND (without error text) otherwise; ambiguous short
 * names are not found.
 */
anp_status snapshot_field_find(snapshot *s, str name, snapshot_field *out, anp_error *err);

/* Posts (dead ones too) with exactly this string there; an empty set when there are none. The
   caller frees it. */
anp_status snapshot_facet(snapshot *s, uint32_t field, str value, bitmap **out, anp_error *err);

/* Posts (dead ones too) whose number or date there lies in the range. The caller frees it. */
anp_status snapshot_range(snapshot *s, uint32_t field, number_range range, bitmap **out,
                          anp_error *err);

/* The same of a window: sets their bits, of WINDOW_DOCS. */
anp_status snapshot_range_bits(snapshot *s, uint32_t field, number_range range, uint32_t window,
                               uint64_t *bits, anp_error *err);

/* ---- Posts --------------------------------------------------------------------------------- */

/* The ordinal of the live post with that id; ANP_NOT_FOUND (without error text) when there is
   none. */
anp_status snapshot_docno(snapshot *s, str id, uint32_t *docno, anp_error *err);

/* The id of an ordinal. */
anp_status snapshot_id(snapshot *s, uint32_t docno, arena *perm, str *id, anp_error *err);

/* The canonical JSON of a post; ANP_UNSUPPORTED, with the text why, in an index made with
   --store none. */
anp_status snapshot_post(snapshot *s, uint32_t docno, arena *perm, str *json, anp_error *err);

bool snapshot_stores_posts(const snapshot *s);

/* A post as it lies in the file, for threads of the caller's own (store/compress.h): in place for
   the snapshot's life. As snapshot_post otherwise. */
typedef struct stored_post {
    str id;
    str frame;
    const struct dictionary *dictionary; /* that the frame needs, or NULL */
} stored_post;

anp_status snapshot_stored(snapshot *s, uint32_t docno, stored_post *out, anp_error *err);

/* What tells one committed state from another while the index is open. */
typedef struct snapshot_version {
    uint64_t generation; /* of the file */
    uint64_t number;     /* of the commit */
} snapshot_version;

snapshot_version snapshot_version_of(const snapshot *s);

/*
 * The sketches (SKETCH_BYTES each, one behind the other, dead posts too) of the posts from docno
 * on, as many as lie together: at least one, at most those up to the end of its window. In place
 * but for the log. Borrowed until the next call.
 */
anp_status snapshot_sketches(snapshot *s, uint32_t docno, const uint8_t **sketches,
                             uint32_t *count, anp_error *err);

#endif
