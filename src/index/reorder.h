/*
 * A new order of posts, by which posts that share words stand near each other: so that posting
 * lists are smaller and their bounds tighter.
 */
#ifndef ANP_INDEX_REORDER_H
#define ANP_INDEX_REORDER_H

#include "anpsearch.h"
#include "base/str.h"

typedef struct reorder_input {
    uint32_t count; /* posts */
    uint32_t term_end;
    uint32_t title_weight;
    uint64_t memory_bytes;
    uint32_t threads; /* 0: as many as there are processors */
    str (*record)(void *user, uint32_t post); /* its forward record; any thread */
    bool (*ask)(void *user, uint64_t done, uint64_t whole); /* false: stop, ANP_CANCELLED */
    void *user;
} reorder_input;

/* order[i]: the post that comes i-th. */
anp_status reorder(const reorder_input *input, uint32_t *order, anp_error *err);

#endif
