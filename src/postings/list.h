/*
 * A posting list: made from arrays, read in place. The bytes are drawn in postings/format.h.
 *
 * list_view_open checks sizes only, in O(1): the store's checksum has vouched for the bytes.
 * Nothing here reads or writes outside the value or the caller's arrays, even so, for any bytes;
 * list_validate says whether they make sense.
 */
#ifndef ANP_POSTINGS_LIST_H
#define ANP_POSTINGS_LIST_H

#include "anpsearch.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "postings/format.h"

typedef struct list_input {
    uint32_t count;       /* 1 to LIST_DOCS */
    const uint16_t *docs; /* ascending */
    const uint32_t *tfs;  /* > 0; NULL: a list without tf */
    const float *impacts; /* in [0, 1]; NULL: a list without bounds */
    const float *blended; /* impact * prior factor, in [0, LIST_BLEND_SCALE]; with impacts */
} list_input;

/* Appends the value to out (out->failed when memory is out). Its positions_at is 0. */
void list_build(const list_input *input, buffer *out);

typedef struct list_view {
    const uint8_t *bytes;
    size_t len;
    uint32_t count;
    uint8_t kind;
    uint8_t tf_bits;
    uint32_t exceptions;
    uint32_t tf_sum;
    uint16_t impact_max;
    uint16_t blended_max;
    unsigned directory_shift;        /* 0: no directory */
    const uint8_t *container;
    const uint8_t *directory;        /* NULL: none */
    const uint8_t *exception_ranks;
    const uint8_t *exception_tfs;
    const uint8_t *tf_codes;
    const uint8_t *bounds; /* NULL: none; low, step, … as drawn */
    const uint8_t *seeds;  /* NULL: none */
    uint32_t bound_count;  /* m */
    const uint8_t *bound_bytes;
    const uint8_t *blended_bytes;
    str positions; /* when they are in the same value; data NULL otherwise */
} list_view;

/* ANP_CORRUPT when the sizes do not fit. */
anp_status list_view_open(str value, list_view *out, anp_error *err);

/* Every rule of the format, in O(n); ANP_CORRUPT names the first that is broken. */
anp_status list_validate(const list_view *view, anp_error *err);

/* All ordinals; docs has room for count. Returns how many there really are (count, unless bytes
   are damaged). */
uint32_t list_docs(const list_view *view, uint16_t *docs);

/* All tfs in rank order; 1 each in a list without tf. */
void list_tfs(const list_view *view, uint32_t *tfs);

/* The rank of an ordinal, or UINT32_MAX when it is not in the list. */
uint32_t list_rank(const list_view *view, uint16_t low);

/* The tf of one rank below count. */
uint32_t list_tf(const list_view *view, uint32_t rank);

/* One line a section, for people: sizes and the first few entries. */
void list_print(const list_view *view, buffer *out);

/* ---- Positions ----------------------------------------------------------------------------- */

typedef struct positions_input {
    uint32_t count;            /* postings */
    const uint32_t *counts;    /* positions of each posting; may be 0 */
    const uint32_t *positions; /* of all postings, one behind the other, ascending in each */
    const uint32_t *title_tfs; /* of each posting; NULL: none has any */
} positions_input;

void positions_build(const positions_input *input, buffer *out);

/* Puts positions (as built) behind the list that begins at list_at in out: both in one value. */
void positions_join(buffer *out, size_t list_at, str positions);

typedef struct positions_view {
    const uint8_t *bytes;
    uint32_t title_count;
    uint32_t title_only;
    const uint8_t *title_ranks;
    const uint8_t *title_tfs;
    const uint8_t *groups;
    const uint8_t *deltas;
    const uint8_t *end;
    uint32_t group_count;
} positions_view;

anp_status positions_view_open(str value, uint32_t posting_count, positions_view *out,
                               anp_error *err);

/* tf of the title in the posting of that rank; 0 for most. */
uint32_t positions_title_tf(const positions_view *view, uint32_t rank);

/* Fills out[count] with every posting's title tf. */
void positions_title_tfs(const positions_view *view, uint32_t *out, uint32_t count);

/*
 * The body positions of one posting into out, which has room for `expect` of them (its tf less
 * title_weight times title_tf). ANP_CORRUPT when the bytes end before.
 */
anp_status positions_read(const positions_view *view, const list_view *list, uint32_t title_weight,
                          uint32_t rank, uint32_t expect, uint32_t *out, anp_error *err);

#endif
