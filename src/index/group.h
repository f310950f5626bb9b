/* Moving the terms and facets of 16 whole windows into their group (unit.h), a step at a time. */
#ifndef ANP_INDEX_GROUP_H
#define ANP_INDEX_GROUP_H

#include "index/catalog.h"

/* Whether a group is being made, or could be. */
bool group_pending(const catalog *c);

/*
 * Moves about `bytes` of values, inside txn; changes c and saves its state. Readers find each value
 * either in the group or in its window, as the group's cursor in the catalog says (catalog_place).
 * The cursor never stands between the values that a term has in one window.
 */
anp_status group_step(store_txn *txn, catalog *c, uint64_t bytes, anp_error *err);

#endif
