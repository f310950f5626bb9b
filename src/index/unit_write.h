/*
 * Writing a unit: from inverted forward records (a fold), or from the values of segments (a merge).
 *
 * Values are put in key order, so that every table grows at its end.
 */
#ifndef ANP_INDEX_UNIT_WRITE_H
#define ANP_INDEX_UNIT_WRITE_H

#include "index/catalog.h"
#include "index/column.h"
#include "index/rows.h"
#include "index/unit_put.h"

typedef struct unit_writer unit_writer;

/* Begins a unit of posts [info->first, + info->count). heads are theirs, for bounds and
   positions, and must stay until the writer is closed. */
anp_status unit_writer_open(unit_sink sink, const catalog_settings *settings, const unit_info *info,
                            const forward_head *heads, unit_writer **out, anp_error *err);

/* Puts what is still held back. Without it a unit is not whole. */
anp_status unit_writer_finish(unit_writer *w, anp_error *err);
void unit_writer_close(unit_writer *w);

anp_status unit_write_term(unit_writer *w, uint32_t term, const term_rows *rows, anp_error *err);
anp_status unit_write_facet(unit_writer *w, uint32_t value, const uint16_t *lows, uint32_t count,
                            anp_error *err);
anp_status unit_write_column(unit_writer *w, uint32_t column, const double *values, anp_error *err);
anp_status unit_write_scores(unit_writer *w, const float (*scores)[4], anp_error *err);
/* Of the unit's posts in a piece of the window (unit.h), if it has some there. */
anp_status unit_write_sketches(unit_writer *w, uint32_t piece, const uint8_t *sketches,
                               anp_error *err);

/* Bytes put so far. */
uint64_t unit_writer_bytes(const unit_writer *w);

#endif
