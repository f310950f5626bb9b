/*
 * A new order of posts: those that share words share a window, so that fewer terms are in many
 * windows; those of a window that are about as good and as long, and share words, share a block, so
 * that fewer blocks have all words of a query and the bounds of blocks are tight.
 */
#ifndef ANP_INDEX_REORDER_H
#define ANP_INDEX_REORDER_H

#include "anpsearch.h"
#include "base/pool.h"
#include "base/str.h"

typedef struct reorder_input {
    uint32_t count; /* posts */
    uint32_t term_end;
    uint32_t title_weight;
    uint64_t memory_bytes; /* for terms of posts */
    pool *pool;
    str (*record)(void *user, uint32_t post); /* its forward record */
    bool (*ask)(void *user, uint64_t done, uint64_t whole); /* false: stop, ANP_CANCELLED */
    void *user;
} reorder_input;

/* order[i]: the post that comes i-th. */
anp_status reorder(const reorder_input *input, uint32_t *order, anp_error *err);

#endif
