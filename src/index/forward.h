/*
 * The forward record of a post: all that the index needs to know of it, by numbers. What the log
 * holds and what a fold inverts. A view is the same in memory, of a record or of a post just
 * analysed (draft.h).
 *
 *     u8        flags: bit 0, scores are floats; bit 1, no sketch (an index without posts)
 *     varint    title words, body words
 *     4 × u8 or 4 × f32      quality, freshness, depth, clarity
 *     varint n, n × { varint field - previous field, f64 }              numbers and dates, by field
 *     varint n, n × { varint value number - previous }                  facet values, by number
 *     136 bytes              sketch, or none
 *     varint n, n × { varint term number - previous, varint bytes of what follows:
 *                     varint body tf, varint title tf, body positions, title positions }
 *                                                                       terms, by number
 *
 * Numbers ascend; the first difference is from 0. Positions: the first, then differences less 1,
 * as varints. What stands behind a term's number of bytes is its payload. A field occurs once: a
 * second number of the same field is dropped by the writer.
 */
#ifndef ANP_INDEX_FORWARD_H
#define ANP_INDEX_FORWARD_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/bytes.h"

typedef struct forward_head {
    uint32_t title_words;
    uint32_t body_words;
    float scores[4];
} forward_head;

/* One occurrence of a term, to be sorted: term << 32 | (in the title) << 31 | position. */
typedef uint64_t forward_hit;

static inline forward_hit forward_hit_make(uint32_t term, bool title, uint32_t position) {
    return (uint64_t)term << 32 | (uint64_t)title << 31 | position;
}

typedef struct forward_number {
    uint32_t field;
    uint32_t order; /* in the post; not in the record */
    double value;
} forward_number;

typedef struct forward_input {
    forward_head head;
    const forward_number *numbers; /* ascending by field */
    size_t number_count;
    const uint32_t *facets; /* ascending */
    size_t facet_count;
    const uint8_t *sketch; /* NULL: none */
    const forward_hit *hits; /* ascending */
    size_t hit_count;
} forward_input;

void forward_build(const forward_input *input, buffer *out);

/* Walks a record from front to back: head, then numbers, facets, sketch, in this order; then a view
   walks its terms. */
typedef struct forward_reader {
    const uint8_t *at; /* NULL once the bytes were found damaged */
    const uint8_t *end;
    uint32_t left;   /* entries of the current section not yet read */
    uint32_t number; /* of the entry read last */
    bool sketched;
} forward_reader;

forward_reader forward_open(str record, forward_head *head);
/* Each section: first forward_section, then its entries while the function returns true. */
void forward_section(forward_reader *r);
bool forward_next_number(forward_reader *r, forward_number *out);
bool forward_next_facet(forward_reader *r, uint32_t *value);
const uint8_t *forward_sketch(forward_reader *r); /* NULL: none */
/* Pass over all entries of the section instead. */
void forward_skip_numbers(forward_reader *r);
void forward_skip_facets(forward_reader *r);

/* ---- Views --------------------------------------------------------------------------------- */

/*
 * A post to be inverted. Its terms stand in `terms` as { varint number, varint bytes, payload },
 * the number being a place in `map`, in any order; with map NULL they are the terms of a record.
 * Numbers and facets are the index's, ascending.
 */
typedef struct forward_view {
    forward_head head;
    const forward_number *numbers;
    const uint32_t *facets;
    uint32_t number_count;
    uint32_t facet_count;
    const uint8_t *sketch; /* NULL: none */
    const uint8_t *terms;
    const uint8_t *terms_end;
    uint32_t term_count;
    uint32_t map_count;
    const uint32_t *map;
} forward_view;

/* Views the record in place; numbers and facets are copied to perm. ANP_CORRUPT, ANP_NOMEM. */
anp_status forward_view_open(str record, arena *perm, forward_view *out, anp_error *err);

/* Appends the record of a view. ANP_NOMEM. */
anp_status forward_view_write(const forward_view *view, buffer *out, anp_error *err);

typedef struct forward_walk {
    const uint8_t *at; /* NULL once the bytes were found damaged */
    const uint8_t *end;
    uint32_t left;
    uint32_t term; /* the last one, where differences are kept */
    const uint32_t *map;
} forward_walk;

static inline forward_walk forward_walk_open(const forward_view *view) {
    return (forward_walk){view->terms, view->terms_end, view->term_count, 0, view->map};
}

/* The next term's number in the index and its payload; false at the end or at damage. In line: it
   is called once for each term of each post. */
static inline __attribute__((always_inline)) bool
forward_walk_next(forward_walk *w, uint32_t *term, str *payload) {
    uint32_t number, bytes;
    if (w->left == 0 || !w->at) {
        return false;
    }
    w->left--;
    w->at = varint_read_u32(w->at, w->end, &number);
    w->at = w->at ? varint_read_u32(w->at, w->end, &bytes) : NULL;
    if (!w->at || bytes > (size_t)(w->end - w->at)) {
        w->at = NULL;
        return false;
    }
    w->term += number;
    *term = w->map ? w->map[number] : w->term;
    *payload = str_make((const char *)w->at, bytes);
    w->at += bytes;
    return true;
}

/* tf positions from *at on, into out; *at moves behind them. false when the bytes are damaged. */
bool forward_positions(const uint8_t **at, const uint8_t *end, uint32_t tf, uint32_t *out);

#endif
