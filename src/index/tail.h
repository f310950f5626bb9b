/*
 * The tail: the posts of the log, inverted in memory, so that a snapshot can read them like a unit.
 *
 * Made once for each state of the log and shared by the snapshots that see it (reference counted,
 * immutable).
 */
#ifndef ANP_INDEX_TAIL_H
#define ANP_INDEX_TAIL_H

#include "index/catalog.h"
#include "index/invert.h"

typedef struct tail {
    uint32_t first; /* ordinal of its first post */
    uint32_t count;
    uint64_t version;    /* the transaction it was read in */
    uint32_t references; /* guarded by the index handle's mutex */
    char *bytes;         /* the records, one behind the other */
    inverted in;
} tail;

/* Reads the log as txn sees it; one reference, the caller's. */
anp_status tail_load(store_txn *txn, const catalog_state *state, tail **out, anp_error *err);
void tail_free(tail *t);

/* The log's records, in ordinal order: *records and *bytes are malloc'd and the caller's. */
anp_status tail_records(store_txn *txn, const catalog_state *state, str **records, char **bytes,
                        anp_error *err);

#endif
