/*
 * A column: one number a post of a unit, at a fixed width, read in place.
 *
 *     0      1       2        4          8                   16
 *     +------+-------+--------+----------+-------------------+--------------------------------
 *     | kind | width | 0      | u32 n    | i64 base          | n entries of `width` bytes
 *     +------+-------+--------+----------+-------------------+--------------------------------
 *
 *     COLUMN_INT    width 1, 2 or 4: value = base + entry; all bits set: absent
 *     COLUMN_FLOAT  width 8: a double; NaN: absent
 *     COLUMN_SCORES width 4 (four bytes) or 16 (four floats): quality, freshness, depth, clarity,
 *     0 to 100
 *
 * Column numbers: 0 title lengths, 1 body lengths, 2 scores, 16 + field for the numbers and dates
 * of the meta. A column that no post of the unit has is not there.
 */
#ifndef ANP_INDEX_COLUMN_H
#define ANP_INDEX_COLUMN_H

#include "anpsearch.h"
#include "base/bytes.h"
#include "postings/list.h"

enum { COLUMN_TITLE_LENGTH = 0, COLUMN_BODY_LENGTH = 1, COLUMN_SCORES = 2, COLUMN_FIELD_0 = 16 };

enum { COLUMN_KIND_INT, COLUMN_KIND_FLOAT, COLUMN_KIND_SCORES, COLUMN_HEADER_BYTES = 16 };

typedef struct column_view {
    uint8_t kind;
    uint8_t width;
    uint32_t count;
    int64_t base;
    const uint8_t *entries;
} column_view;

/* values[count], NaN being absent, in the narrowest exact form. */
void column_build(const double *values, uint32_t count, buffer *out);

/* scores[count][4]; bytes where all are whole numbers. */
void column_build_scores(const float (*scores)[4], uint32_t count, buffer *out);

anp_status column_open(str value, column_view *out, anp_error *err);

/* An entry as a whole number, 0 where absent, or no such number: for lengths. */
uint32_t column_get_length(const column_view *view, uint32_t i);

/* All entries likewise. */
void column_get_lengths(const column_view *view, uint32_t *out);

/* Its entries as numbers of words, in place, of the ordinals from `first` on; ANP_CORRUPT when they
   are none. */
anp_status column_lengths(const column_view *view, uint32_t first, list_lengths *out,
                          anp_error *err);

/* NaN when absent. i < count. */
double column_get(const column_view *view, uint32_t i);

/* From low to high; without them where they are not included. -INFINITY, INFINITY: open. */
typedef struct number_range {
    double low, high;
    bool low_included, high_included;
} number_range;

static inline bool number_in_range(number_range r, double v) {
    return (v > r.low || (r.low_included && v == r.low)) &&
           (v < r.high || (r.high_included && v == r.high)); /* false for NaN */
}

/* Sets the bit `first` + i of each entry i in the range. Entries of a byte or two cost some 0.3 ns
   each. */
void column_find(const column_view *view, number_range range, uint32_t first, uint64_t *bits);

void column_get_scores(const column_view *view, uint32_t i, float scores[4]);

#endif
