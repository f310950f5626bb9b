/*
 * A group (unit.h) made at once: the terms and facets of its windows, which are built one after the
 * other, wait in a file without a name and are then put in the order of their keys.
 *
 *     window 16   cache·0 redis·0 …      streams      group 1   cache·0 cache·1 redis·0 …
 *     window 17   cache·1 …          ─>  by window ─>
 *
 * Cost: every value is written and read once more. Memory: some 12 MB.
 */
#ifndef ANP_INDEX_GROUP_BUILD_H
#define ANP_INDEX_GROUP_BUILD_H

#include "index/unit_put.h"

typedef struct group_builder group_builder;

/* `beside`: the path in whose folder the file is. */
anp_status group_builder_open(const char *beside, uint32_t group, group_builder **out,
                              anp_error *err);

/* What a window of the group gives to its sink: a value or a pack of terms or facets. Keys ascend
   for each window and table. */
anp_status group_builder_put(group_builder *g, store_table table, uint64_t key, str value,
                             anp_error *err);

/* When all windows were put: gives the group's values to the sink, one table after the other. */
anp_status group_builder_finish(group_builder *g, unit_sink sink, anp_error *err);

/* NULL is allowed. */
void group_builder_close(group_builder *g);

#endif
