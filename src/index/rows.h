/*
 * Rows: one term's postings as plain arrays, the form between forward records and posting lists. A
 * fold makes rows of records, a merge makes them of lists, both write lists from them; a snapshot
 * makes rows of the log. A merge leaves positions as they lie in the lists, to be copied.
 */
#ifndef ANP_INDEX_ROWS_H
#define ANP_INDEX_ROWS_H

#include "base/vec.h"
#include "index/forward.h"
#include "postings/list.h"

typedef struct term_row {
    uint16_t low;
    uint32_t body_tf;
    uint32_t title_tf;
} term_row;

typedef struct term_rows {
    VEC(term_row) rows;              /* ascending by low */
    VEC(uint32_t) body_positions;    /* of all rows, one behind the other */
    VEC(uint32_t) title_positions;
    VEC(positions_part) body_parts; /* else: of all rows, list by list */
    VEC(positions_part) title_parts;
} term_rows;

void rows_clear(term_rows *rows);
void rows_free(term_rows *rows);

/* A term's values in one unit; len 0 where there is none. */
typedef struct term_values {
    str text, text_positions, title, title_positions;
} term_values;

/* Appends all postings of one unit, whose posts have bodies and titles of these lengths. */
anp_status rows_add_values(term_rows *rows, const term_values *values, uint32_t title_weight,
                           const list_lengths *bodies, const list_lengths *titles,
                           anp_error *err);

/* The same without reading positions: the values must stay as long as the rows. */
anp_status rows_add_lists(term_rows *rows, const term_values *values, uint32_t title_weight,
                          anp_error *err);

#endif
