/*
 * The forward record of a post: all that the index needs to know of it, by numbers. What the log
 * holds and what a fold inverts.
 *
 *     u8        flags: bit 0, scores are floats
 *     varint    title words, body words
 *     4 × u8 or 4 × f32      quality, freshness, depth, clarity
 *     varint n, n × { varint field - previous field, f64 }              numbers and dates, by field
 *     varint n, n × { varint value number - previous }                  facet values, by number
 *     136 bytes              sketch
 *     varint n, n × { varint term number - previous, varint body tf, varint title tf,
 *                     body positions, title positions }                 terms, by number
 *
 * Numbers ascend; the first difference is from 0. Positions: the first, then differences less 1,
 * as varints. A field occurs once: a second number of the same field is dropped by the writer.
 */
#ifndef ANP_INDEX_FORWARD_H
#define ANP_INDEX_FORWARD_H

#include "anpsearch.h"
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
    const uint8_t *sketch;
    const forward_hit *hits; /* ascending */
    size_t hit_count;
} forward_input;

void forward_build(const forward_input *input, buffer *out);

/* Walks a record from front to back: head, then numbers, facets, sketch, terms, in this order. */
typedef struct forward_reader {
    const uint8_t *at; /* NULL once the bytes were found damaged */
    const uint8_t *end;
    uint32_t left;   /* entries of the current section not yet read */
    uint32_t number; /* of the entry read last */
} forward_reader;

typedef struct forward_term {
    uint32_t term;
    uint32_t body_tf;
    uint32_t title_tf;
    const uint8_t *positions; /* body's, then title's */
    const uint8_t *end;       /* behind them */
} forward_term;

forward_reader forward_open(str record, forward_head *head);
/* Each section: first forward_section, then its entries while the function returns true. */
void forward_section(forward_reader *r);
bool forward_next_number(forward_reader *r, forward_number *out);
bool forward_next_facet(forward_reader *r, uint32_t *value);
const uint8_t *forward_sketch(forward_reader *r);
bool forward_next_term(forward_reader *r, forward_term *out);

/* tf positions from *at on, into out; *at moves behind them. false when the bytes are damaged. */
bool forward_positions(const uint8_t **at, const uint8_t *end, uint32_t tf, uint32_t *out);

#endif
