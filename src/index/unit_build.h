/*
 * Inversion: posts by number to a unit's values, grouped by term, facet value and column.
 *
 *     posts ─> area (area.h): terms ascending ─> ranges of terms ─> lists, positions ─> sink
 *                        │                    └> the rest ───────> columns, sketches ─┤
 *                        └ terms and counts ───> pairs of words ─────────────────────┘
 *
 * Ranges are built by the pool's threads, and put in order by the caller's.
 */
#ifndef ANP_INDEX_UNIT_BUILD_H
#define ANP_INDEX_UNIT_BUILD_H

#include "base/pool.h"
#include "index/area.h"
#include "index/unit_write.h"

/* What the caller's thread does while the pool's build ranges, once, before any value is put; not
   where the posts were damaged. What it says goes on. */
typedef struct unit_meanwhile {
    anp_status (*run)(void *user, anp_error *err);
    void *user;
} unit_meanwhile;

/*
 * A whole unit of posts [info->first, + info->count). Only the calling thread uses the sink. pool
 * and meanwhile may be NULL. Memory: about 1.3 times the posts' terms, most of it in `kept`, which
 * the caller frees, or gives to the next build (NULL: none is kept); and the values not yet put.
 */
anp_status unit_build(pool *p, unit_sink sink, const catalog_settings *settings,
                      const unit_info *info, const forward_view *posts,
                      const unit_meanwhile *meanwhile, area *kept, anp_error *err);

/* The same out of forward records. */
anp_status unit_write_records(unit_sink sink, const catalog_settings *settings,
                              const unit_info *info, const str *records, anp_error *err);

#endif
