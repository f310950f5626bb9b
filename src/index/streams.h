/*
 * Many sequences of values in one file without a name (spill.h): written in any mixture, each one's
 * own in its order, then each read once from its front.
 *
 *     file     | chunk of 3 | chunk of 0 | chunk of 3 | …
 *     chunk    values of one stream, as many as its buffer took; which lie where is in memory
 *     value    u64 key, u32 n, n bytes
 *
 * Memory: CHUNK_BYTES a stream. Cost: every byte is written and read once, from front to back.
 */
#ifndef ANP_INDEX_STREAMS_H
#define ANP_INDEX_STREAMS_H

#include "anpsearch.h"
#include "base/str.h"

typedef struct streams streams;

/* In the folder of `beside`, as spill_open. */
anp_status streams_open(const char *beside, uint32_t count, streams **out, anp_error *err);

/* The value is copied. */
anp_status streams_put(streams *s, uint32_t stream, uint64_t key, str value, anp_error *err);

/* After the last put: streams_next reads from here on. */
anp_status streams_map(streams *s, anp_error *err);

/* The next value of a stream, in place until streams_close; false at its end. */
bool streams_next(streams *s, uint32_t stream, uint64_t *key, str *value);

/* NULL is allowed. */
void streams_close(streams *s);

#endif
