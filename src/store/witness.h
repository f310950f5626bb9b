/*
 * PATH.witness: what the last commit was, kept outside of the index, so that an index that was put
 * back to an older state (a restored copy, a lost write) or whose meta page was torn is noticed.
 *
 *     0        8        16           24           32          56      64
 *     +--------+--------+------------+------------+-----------+-------+
 *     | magic  | txn    | meta hash  | page bytes | zero      | check |   XXH3-64 of the 56 before
 *     +--------+--------+------------+------------+-----------+-------+
 *
 * Invariant: it is never ahead of what is durable in the index. It is written after LMDB has synced
 * the meta page (O_DSYNC), in place, 64 bytes of one sector, and not synced itself: a commit costs
 * 3 µs more, not a second sync. So a kill between the two leaves it one commit behind, and after a
 * power failure it may be further behind (what the kernel had not written back); both are fine, and
 * the next writer renews it. Ahead of the index it can only be if the index went back. Syncing it
 * each time would notice more only after a power failure, and double the cost.
 */
#ifndef ANP_STORE_WITNESS_H
#define ANP_STORE_WITNESS_H

#include "anpsearch.h"
#include "store/header.h"

enum { WITNESS_BYTES = 64 };

#define WITNESS_SUFFIX ".witness"

typedef struct witness {
    bool exists; /* a file of that name */
    bool valid;  /* whole; txn and meta_hash are set */
    uint64_t txn;
    uint64_t meta_hash;
} witness;

/*
 * Reads the witness of the index at path. Read it before the header: a commit in between then
 * leaves it behind, never ahead. A damaged one is not an error (valid is false): it says nothing
 * about the index.
 */
anp_status witness_read(const char *path, witness *out, anp_error *err);

/* ANP_CORRUPT when the index has gone back behind its witness, or differs from it. */
anp_status witness_compare(const witness *w, const char *path, const header *h, anp_error *err);

/* Opens (makes) the witness for writing; -1 when it cannot be. */
int witness_open(const char *path);

/* In place; false when it cannot be written. */
bool witness_write(int fd, const page_meta *meta);

/*
 * Removes the witness of an index that is gone; true when there was one. Then the folder must be
 * synced before another file gets the index's name: or power fails, and the two are found together.
 */
bool witness_remove(const char *path);

#endif
