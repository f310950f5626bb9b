/*
 * What a checksum of each value cannot tell: that something is missing. A flipped bit in a key, in
 * a page's count of entries or in a pointer makes a search miss what is there, and a walk pass it
 * by.
 *
 * So before "there is no such key" is believed, and when a walk comes to another page, the pages on
 * the way are looked at as a whole: their entries in strict order, filling the page to the byte;
 * small values right with their keys; the keys within what the branches above promise; and beside a
 * gap both neighbours. A page that was found sound is remembered for its commit (checksum.h).
 *
 * Cost: 1 to 2 us for a page at its first visit after a commit, then some 20 ns. What was found by
 * its key needs none of this: its checksum binds key and value.
 */
#ifndef ANP_STORE_GUARD_H
#define ANP_STORE_GUARD_H

#include "store/environment.h"

/* The cursor's pages, for a walk; ANP_CORRUPT when one is unsound. */
anp_status guard_pages(store_txn *txn, store_table table, tree_cursor *c, anp_error *err);

/* To the key itself; ANP_NOT_FOUND (no error text) when it is really not there. */
anp_status guard_find(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err);

/* To the first key that is not less; ANP_NOT_FOUND (no error text) when there is none. */
anp_status guard_seek(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err);

/* The same without looking at what a gap may hide: for a value that proves by what it holds that it
   is the right one. */
anp_status guard_peek(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err);

/* To the first key, the last, or the next one. */
typedef tree_result guard_move(tree_cursor *c);
anp_status guard_walk(store_txn *txn, store_table table, tree_cursor *c, guard_move *move,
                      anp_error *err);

#endif
