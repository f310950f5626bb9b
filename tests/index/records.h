/* Random forward records, with the arrays that they were made of. */
#ifndef ANP_TESTS_INDEX_RECORDS_H
#define ANP_TESTS_INDEX_RECORDS_H

#include "base/prng.h"
#include "index/forward.h"
#include "sketch/sketch.h"

#include <stdlib.h>

enum { RECORD_HITS_MAX = 400, RECORD_VALUES_MAX = 12 };

typedef struct record_parts {
    forward_number numbers[RECORD_VALUES_MAX];
    uint32_t facets[RECORD_VALUES_MAX];
    forward_hit hits[RECORD_HITS_MAX];
    uint8_t sketch[SKETCH_BYTES];
    forward_input input; /* points into the arrays above */
    buffer bytes;        /* as forward_build makes them */
} record_parts;

static inline int record_by_hit(const void *a, const void *b) {
    forward_hit x = *(const forward_hit *)a, y = *(const forward_hit *)b;
    return (x > y) - (x < y);
}

/* Sorts hits and takes out doubles. */
static inline size_t record_distinct(forward_hit *hits, size_t count) {
    size_t kept = 0;
    qsort(hits, count, sizeof *hits, record_by_hit);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || hits[i] != hits[i - 1]) {
            hits[kept++] = hits[i];
        }
    }
    return kept;
}

/* Numbers below `numbers`; a term's positions are dense now and then, far apart otherwise. */
static inline void record_make(prng *p, uint32_t numbers, record_parts *out) {
    uint32_t next = 0, hits = prng_below(p, RECORD_HITS_MAX + 1);
    memset(&out->input, 0, sizeof out->input);
    out->bytes.len = 0;
    for (int i = 0; i < 4; i++) {
        out->input.head.scores[i] = (float)prng_below(p, 101);
    }
    out->input.head.scores[0] += prng_below(p, 4) ? 0 : 0.25f;
    out->input.head.title_words = prng_below(p, 20);
    out->input.head.body_words = (uint32_t)prng_next(p) >> prng_below(p, 32);
    for (uint32_t i = prng_below(p, RECORD_VALUES_MAX + 1); i > 0; i--) {
        next += prng_below(p, numbers / RECORD_VALUES_MAX);
        out->numbers[out->input.number_count++] = (forward_number){
            .field = next++, .value = prng_unit(p) - 0.5};
    }
    next = 0;
    for (uint32_t i = prng_below(p, RECORD_VALUES_MAX + 1); i > 0; i--) {
        next += prng_below(p, numbers / RECORD_VALUES_MAX);
        out->facets[out->input.facet_count++] = next++;
    }
    for (uint32_t i = 0; i < SKETCH_BYTES; i++) {
        out->sketch[i] = (uint8_t)prng_next(p);
    }
    uint32_t few = 1 + prng_below(p, numbers), span = prng_below(p, 3) ? 1u << 24 : 500;
    for (uint32_t i = 0; i < hits; i++) {
        uint32_t term = prng_below(p, 3) ? prng_below(p, few) : prng_below(p, numbers);
        out->hits[i] = forward_hit_make(term, prng_below(p, 5) == 0, prng_below(p, span));
    }
    out->input.hit_count = record_distinct(out->hits, hits);
    out->input.numbers = out->numbers;
    out->input.facets = out->facets;
    out->input.sketch = out->sketch;
    out->input.hits = out->hits;
    forward_build(&out->input, &out->bytes);
}

/* ---- The terms of a record, read apart from forward_walk ----------------------------------- */

typedef struct forward_term {
    uint32_t term;
    uint32_t body_tf;
    uint32_t title_tf;
    const uint8_t *positions; /* body's, then title's */
    const uint8_t *end;       /* behind them */
} forward_term;

/* Whether there are exactly so many. */
static inline bool record_holds_varints(const uint8_t *at, const uint8_t *end, uint64_t count) {
    bool ended = true;
    uint64_t found = 0;
    for (; at < end; at++) {
        ended = *at < 0x80;
        found += ended;
    }
    return ended && found == count;
}

/* The next one, after forward_section; false at the end, with r->at NULL at damage. */
static inline bool forward_next_term(forward_reader *r, forward_term *out) {
    uint32_t delta = 0, bytes = 0;
    if (!r->at || r->left == 0) {
        return false;
    }
    r->left--;
    r->at = varint_read_u32(r->at, r->end, &delta);
    r->at = r->at ? varint_read_u32(r->at, r->end, &bytes) : NULL;
    if (!r->at || bytes > (size_t)(r->end - r->at)) {
        r->at = NULL;
        return false;
    }
    const uint8_t *at = r->at;
    r->number += delta;
    r->at += bytes;
    out->term = r->number;
    out->end = r->at;
    at = varint_read_u32(at, r->at, &out->body_tf);
    out->positions = at ? varint_read_u32(at, r->at, &out->title_tf) : NULL;
    uint64_t count = (uint64_t)out->body_tf + out->title_tf;
    if (!out->positions || !record_holds_varints(out->positions, out->end, count)) {
        r->at = NULL;
    }
    return r->at != NULL;
}

#endif
