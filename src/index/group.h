/* Moving the terms and facets of 16 whole windows into their group (unit.h), a step at a time. */
#ifndef ANP_INDEX_GROUP_H
#define ANP_INDEX_GROUP_H

#include "index/catalog.h"
#include "index/unit_put.h"

/* Whether a group is being made, or could be. */
bool group_pending(const catalog *c);

/* All keys before it are in the group that is made, or will be. */
uint64_t group_cursor(const catalog *c);

/*
 * Copies about `bytes` of values of a group's windows, from an inner key on, to sink; *reached: the
 * first one that was not copied, never between the values that a term has in one window, or
 * UINT64_MAX.
 */
anp_status group_move(store_txn *txn, uint32_t group, uint64_t from, uint64_t bytes,
                      unit_sink sink, uint64_t *reached, anp_error *err);

/*
 * They were put: takes them from their windows and changes c. Readers find each value either in the
 * group or in its window, as the group's cursor in the catalog says (catalog_place).
 */
anp_status group_moved(store_txn *txn, catalog *c, uint64_t reached, anp_error *err);

#endif
