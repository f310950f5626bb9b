/*
 * A pack: the values of consecutive keys of one unit, kind and table in one value of the store. A
 * value of its own costs 26 bytes and, from 2 KB on, the rest of its last page; most lists have
 * some twenty bytes. KEEP IN STEP: pack.c.
 *
 *     0      2       3     4            4 + 8 r
 *     +------+-------+-----+------------+-----------------------------------------------------
 *     |  n   | usual |  0  |  skip[r]   | runs: each the directory of 16 entries, their values
 *     +------+-------+-----+------------+-----------------------------------------------------
 *
 *     n          entries, 2 or more, r = ceil(n / 16) runs
 *     usual      the low byte that most entries have
 *     skip       of a run: u32 number, u8 low: its first entry's code; u8 bytes of its directory;
 *                u16 offset of the directory in the pack
 *     code       what tells entries apart: number << 8 | low, as in a unit key (unit.h), ascending
 *     directory  for each entry { varint (number - number before) << 1 | (low != usual), then u8
 *                low where bit 0 is set } (left out for the first one, which the skip tells), then
 *                varint bytes of its value
 *     values     one behind the other, not aligned
 *
 * Worked example: "ab" under number 5, low 0, and "c" under number 7, low 2, usual low 0:
 *
 *     02 00 | 00 | 00 | 05 00 00 00 | 00 | 04 | 0c 00 | 02 | 05 02 01 | 61 62 | 63
 *
 * A look-up halves the skips and reads one directory: 20 to 60 ns. (KEEP IN STEP:
 * tests/index/test_pack.c has these bytes.)
 */
#ifndef ANP_INDEX_PACK_H
#define ANP_INDEX_PACK_H

#include "anpsearch.h"
#include "base/bytes.h"

enum {
    PACK_RUN = 16,
    PACK_HEADER_BYTES = 4,
    PACK_SKIP_BYTES = 8,
    PACK_BYTES_MAX = 65535, /* offsets have 16 bits */
    PACK_PAGE_BYTES = 4096,
    PACK_OVER_BYTES = 24, /* of the page's header and the checksum, in a value of many pages */
};

/* The tests are also built with tiny packs. */
#ifndef PACK_ENTRY_BYTES_MAX
#define PACK_ENTRY_BYTES_MAX 32768 /* longer values stand alone */
#endif
#ifndef PACK_FILL_BYTES
#define PACK_FILL_BYTES 7680 /* a pack of as many bytes ends where it about fills its pages: */
#endif
#ifndef PACK_SLACK_BYTES
#define PACK_SLACK_BYTES 512 /* what it may leave of the last one */
#endif

/* ---- Making one ---------------------------------------------------------------------------- */

typedef struct pack_builder {
    uint32_t count;
    uint8_t usual;
    uint64_t last; /* code */
    buffer skips;
    buffer runs;      /* that are complete */
    buffer directory; /* of the run in hand */
    buffer values;    /* likewise */
} pack_builder;

void pack_free(pack_builder *b);

/* Whether an entry has room; a pack without, or a full one, is finished before it. */
bool pack_has_room(const pack_builder *b, size_t value_bytes);
bool pack_is_full(const pack_builder *b);

/* Codes ascend. Memory that is out shows in pack_finish. */
void pack_add(pack_builder *b, uint64_t code, str value);

/*
 * Appends the pack to out, of a single entry just its value, and empties b. out->failed when memory
 * is out.
 */
void pack_finish(pack_builder *b, buffer *out);

/* ---- Reading one --------------------------------------------------------------------------- */

/*
 * The value of a code, in place; ANP_NOT_FOUND (without error text) when there is none. Never reads
 * outside of the pack, whatever its bytes.
 */
anp_status pack_find(str pack, uint64_t code, str *value, anp_error *err);

/* Walks the entries in order. */
typedef struct pack_cursor {
    const uint8_t *bytes;
    size_t len;
    uint32_t count, next; /* entries; the one that pack_next gives */
    uint8_t usual;
    uint64_t number;
    const uint8_t *directory, *directory_end, *value;
} pack_cursor;

anp_status pack_open(str pack, pack_cursor *out, anp_error *err);

/* The first entry whose code is not less; pack_next goes on behind it. As pack_next otherwise. */
anp_status pack_seek(pack_cursor *c, uint64_t at_least, uint64_t *code, str *value,
                     anp_error *err);

/* ANP_NOT_FOUND (without error text) at the end. */
anp_status pack_next(pack_cursor *c, uint64_t *code, str *value, anp_error *err);

/* Every rule of the format, and that the last code is `last`. */
anp_status pack_validate(str pack, uint64_t last, anp_error *err);

#endif
