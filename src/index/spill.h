/*
 * A file without a name that holds what does not fit in memory: written once from front to back,
 * then read at random through a map. It ends with its handle or process, also a killed one.
 */
#ifndef ANP_INDEX_SPILL_H
#define ANP_INDEX_SPILL_H

#include "anpsearch.h"

typedef struct spill spill;

/* In the folder of `beside`, where `beside`.spill stands for a moment at most. */
anp_status spill_open(const char *beside, spill **out, anp_error *err);

/* ANP_NOSPACE when the disk has no room for it beside the new index: says so. */
anp_status spill_write(spill *s, const void *bytes, size_t len, anp_error *err);
uint64_t spill_bytes(const spill *s);

/* After the last write: spill_data gives the bytes. */
anp_status spill_map(spill *s, anp_error *err);
const char *spill_data(const spill *s);

/* NULL is allowed. */
void spill_close(spill *s);

#endif
