/*
 * A fold made ahead: when the next batch will find no room in the log, threads already make the
 * log's segment, while the commit waits for the disk and the next posts come.
 *
 *     posts      batch 4              │ batch 5
 *     writer     take … log, disk ────┤ take … put, log, disk ──
 *     pool       drafts    │ segment  │ drafts │ segment
 *                     begin ┘                  └ put
 */
#ifndef ANP_INDEX_FOLD_H
#define ANP_INDEX_FOLD_H

#include "index/unit_build.h"
#include "index/writer.h"

typedef struct fold fold;

/*
 * Of posts[i], whose terms and sketch stand in drafts[i], which is held until the fold is freed;
 * all else is copied. NULL when memory is out.
 */
fold *fold_begin(pool *p, const catalog_settings *settings, const unit_info *unit,
                 const forward_view *posts, batch_draft *const *drafts);

/* Whether it makes this unit. */
bool fold_makes(const fold *f, const unit_info *unit);

/* Waits for the threads. Once. */
anp_status fold_put(fold *f, unit_sink sink, anp_error *err);
void fold_free(fold *f); /* waits as well; NULL is allowed */

#endif
