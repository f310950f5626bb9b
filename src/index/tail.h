/*
 * The tail: the posts of the log in memory, so that a snapshot can read them like a unit.
 *
 *     log       9000  9001  9002 … 9700 │ 9701 … 9764 │ 9765 │       records and heads, once
 *     chunks    [ terms of 701 posts    ] [ 64 posts  ] [ 1  ]       references, by number
 *     tails     version 31: all three chunks;  version 30: the first two
 *
 * A tail belongs to one state of the log and never changes. The next one shares records and chunks
 * with it: only the posts that are new are read and become a chunk, and chunks of like size are
 * joined, so that there are few. A term is found in a sorted chunk by halves. A chunk of many posts
 * is only sorted when it was asked a few dozen times: until then it is scanned, so that a process
 * that asks once does not wait for the sort. Likewise records are looked through for facets and
 * numbers, until references are made of them too.
 *
 * Cost: some 1.5 us a new post (250 terms), 0.1 us a look-up in a sorted chunk; of 4,096 posts
 * 50 us a scan and 400 us a look through the records.
 */
#ifndef ANP_INDEX_TAIL_H
#define ANP_INDEX_TAIL_H

#include "index/catalog.h"
#include "index/forward.h"

enum { TAIL_CHUNKS_MAX = 24 };

typedef struct tail_log tail_log;
typedef struct tail_chunk tail_chunk;

typedef struct tail {
    uint32_t first; /* ordinal of its first post */
    uint32_t count;
    uint64_t version;    /* the transaction it was made in */
    uint32_t references; /* these, and those inside, are guarded by the index handle */
    uint32_t chunk_count;
    tail_log *log; /* may hold more posts than count */
    tail_chunk *chunks[TAIL_CHUNKS_MAX];
} tail;

/*
 * The tail of txn's state; one reference, the caller's. `have` (or NULL) is a tail of the same
 * environment: what it knows of the same log is taken over, whichever of the two is newer.
 */
anp_status tail_load(store_txn *txn, const catalog_state *state, tail *have, tail **out,
                     anp_error *err);

/* Takes one reference away, and with the last one all that no other tail shares. NULL is
   allowed. */
void tail_release(tail *t);

/* Of the post with ordinal t->first + post. */
const forward_head *tail_head(const tail *t, uint32_t post);
const uint8_t *tail_sketch(const tail *t, uint32_t post);

typedef enum tail_kind { TAIL_TERMS, TAIL_FACETS, TAIL_NUMBERS, TAIL_KINDS } tail_kind;

/* One post that holds a number, and where in its record. */
typedef struct tail_place {
    uint32_t post;     /* ordinal less t->first */
    const uint8_t *at; /* a term's body tf, a number's f64 */
    const uint8_t *end;
} tail_place;

/* The posts that hold a term, a facet value or a field, by ordinal. */
typedef struct tail_cursor {
    const tail *tail;
    tail_kind kind;
    uint32_t number;
    uint32_t chunk;             /* in hand */
    const struct tail_refs *in; /* of that chunk; NULL: its records are looked through */
    size_t index;               /* of the next reference, or record */
    bool entered, sorted;
} tail_cursor;

/* Before facets or numbers are looked for, each time. ANP_NOMEM, ANP_CORRUPT. */
anp_status tail_read_meta(const tail *t, anp_error *err);

tail_cursor tail_find(const tail *t, tail_kind kind, uint32_t number);
bool tail_next(tail_cursor *c, tail_place *out);

/* The log's records, in ordinal order: *records and *bytes are malloc'd and the caller's. */
anp_status tail_records(store_txn *txn, const catalog_state *state, str **records, char **bytes,
                        anp_error *err);

#endif
