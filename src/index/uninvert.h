/*
 * The way back: a window's units and its part of the log become the forward records that they were
 * made of, with other numbers for terms and facet values. A compaction inverts them anew, without
 * the dead and in another order.
 *
 * What comes out equals what went in, byte for byte, at equal numbers.
 */
#ifndef ANP_INDEX_UNINVERT_H
#define ANP_INDEX_UNINVERT_H

#include "base/bytes.h"
#include "index/snapshot.h"
#include "index/streams.h"

/* New numbers by old ones, ascending as they do; UINT32_MAX where no live post has it. */
typedef struct renumbering {
    uint32_t *terms;
    uint32_t *values;
    uint32_t term_end; /* the next new number */
    uint32_t value_end;
} renumbering;

/* Finds what live posts have: one pass over all units. Free with renumbering_free. */
anp_status renumbering_make(snapshot *s, renumbering *out, anp_error *err);
void renumbering_free(renumbering *r);

/* The live posts of a window. */
typedef struct uninverted {
    uint32_t count;
    uint32_t *docnos; /* ascending */
    size_t *offsets;  /* count + 1: of their records in bytes */
    buffer bytes;
} uninverted;

/*
 * What windows are taken out of, in ascending order and each once. A group is read once for all its
 * windows: its values wait in a file without a name, in a stream for each window. Set the first
 * three; end with uninverter_close.
 */
typedef struct uninverter {
    snapshot *snapshot;
    const renumbering *numbers;
    const char *beside; /* the path in whose folder the file is */
    streams *group;     /* by slot; NULL: of no group yet */
    uint32_t group_number;
} uninverter;

void uninverter_close(uninverter *from);

/* Costs memory for about twice the records while it works. Free with uninvert_free. */
anp_status uninvert_window(uninverter *from, uint32_t window, uninverted *out, anp_error *err);
void uninvert_free(uninverted *u);

static inline str uninvert_record(const uninverted *u, uint32_t i) {
    return str_make((const char *)u->bytes.data + u->offsets[i],
                    u->offsets[i + 1] - u->offsets[i]);
}

#endif
