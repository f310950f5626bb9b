/*
 * The bytes of a posting list and of its positions. KEEP IN STEP: list.c, build.c, positions.c.
 *
 * A list is one term (or facet value) in one unit. All its ordinals lie in one window, so 16 bits
 * hold them ("low"). Little-endian, read in place. The value starts 16-byte aligned when it is
 * larger than about 2 KB, else 2-byte aligned.
 *
 *     0        2     3     4       6        8         10        12       16
 *     +--------+-----+-----+-------+--------+---------+---------+--------+------------
 *     | n - 1  |kind |tf w |n exc  |pos at  |imp max  |blend max|tf sum  | sections …
 *     +--------+-----+-----+-------+--------+---------+---------+--------+------------
 *
 *     sections, in this order: container, directory, tf, bounds, positions
 *
 *     kind       bit 0 LIST_BITSET, bit 1 LIST_TF, bit 2 LIST_BOUNDS
 *     tf w       bits of a tf code: 0, 2, 4, 8, or 32 (LIST_TF_WHOLE)
 *     n exc      tf exceptions
 *     pos at     offset of the positions when they are in this value, else 0
 *     imp max    largest impact, in 1/65535, rounded up; blend max: largest impact * prior factor /
 *                1.3, the same way
 *     tf sum     of all postings (the number of postings when there is no tf)
 *
 *     container  a roaring container: u64 bits[1024] (LIST_BITSET, from n = 2,048), else u16
 *                low[n], ascending
 *     directory  from n = 64: u16 first_rank[65536 >> shift], how many postings lie before each
 *                slot of ordinals; shift 12 below n = 256, 10 below 1,024, else 8 (a block).
 *     tf         u16 rank[n exc], u32 tf[n exc], then n codes of w bits, lowest bits first,
 *                zero-padded to a byte. A code c < 2^w - 1 says tf = c + 1; c = 2^w - 1 is an
 *                exception. With w = 0 every tf is 1 but for the exceptions; w = 32: u32 tf[n], no
 *                exceptions (where they would take more, or all 65,536 tfs are above 255)
 *     bounds     from n = 16 where LIST_BOUNDS is set: f32 low, step, blended low, blended step;
 *                from n = 64 two times u16 seed[8]: the 1st, 2nd, 4th … 128th best impact (blended
 *                impact / 1.3) in 1/65535, rounded down, 0 when there are fewer; then u8 bound[m],
 *                u8 blended[m], m = n while n < 256 (one a posting), else 256 (one a block of 256
 *                ordinals). A bound q > 0 says: impact <= low + (q - 1) step; 0: no posting there
 *     impact     tf / (tf + norm) by rank/bm25.h at k1 = 1.2, b = 0.75 and the unit's average
 *                length; its prior factor is that of blend 0.3 and equal weights. For other
 *                settings: with c the least norm(now) / norm(build), an impact x is at most
 *                x / (x + c (1 - x))
 *
 * Positions of the list, in a value of their own or behind it in the same one (when both together
 * take 512 bytes or less):
 *
 *     0         4            8
 *     +---------+------------+---------------------------------------------------------------------
 *     | n title | title only | u16 rank[n title], u16 title_tf[n title], u32 group[], varint deltas
 *     +---------+------------+---------------------------------------------------------------------
 *
 *     n title    postings (of the combined text, at title weight > 0) whose term stands in the
 *                title too
 *     title only those of them that do not stand in the body
 *     group      ceil(n / 32) - 1 offsets, from the first delta, of every 32nd posting's positions
 *     deltas     per posting, its body positions: the first one, then differences less 1. Their
 *                number is tf - title_weight * title_tf
 *
 * Worked example: "cache" twice (words 3 and 7) in ordinal 5 and once (word 0) in ordinal 9, no
 * bounds:
 *
 *     list       01 00 | 02 | 02 | 00 00 | 15 00 | 00 00 | 00 00 | 03 00 00 00
 *                                                        header: tf codes of 2 bits, pos at = 21
 *                05 00 09 00                             container
 *                01                                      codes: tf 2 is 01, tf 1 is 00
 *     positions  00 00 00 00 | 00 00 00 00 | 03 03 | 00  deltas: 3, 7 - 3 - 1; 0
 *
 * (KEEP IN STEP: tests/postings/test_list.c has these bytes.)
 */
#ifndef ANP_POSTINGS_FORMAT_H
#define ANP_POSTINGS_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum { LIST_BITSET = 1, LIST_TF = 2, LIST_BOUNDS = 4, LIST_KINDS = 7 };

typedef struct list_header {
    uint16_t count_minus_1;
    uint8_t kind;
    uint8_t tf_bits;
    uint16_t exceptions;
    uint16_t positions_at;
    uint16_t impact_max;
    uint16_t blended_max;
    uint32_t tf_sum;
} list_header;

static_assert(sizeof(list_header) == 16, "drawn above");
static_assert(offsetof(list_header, exceptions) == 4, "drawn above");
static_assert(offsetof(list_header, impact_max) == 8, "drawn above");
static_assert(offsetof(list_header, tf_sum) == 12, "drawn above");

enum {
    LIST_DOCS = 65536, /* ordinals that a container spans */
    LIST_BITSET_FROM = 2048,
    LIST_BITSET_BYTES = 8192,
    LIST_DIRECTORY_FROM = 64,
    LIST_BOUNDS_FROM = 16,
    LIST_SEEDS = 8,
    LIST_BLOCKS = 256,
    LIST_INLINE_BYTES = 512,
    LIST_TF_WHOLE = 32,
    POSITIONS_GROUP = 32,
    POSITIONS_HEADER_BYTES = 8,
};

/* What a blended impact is divided by before it is stored: the largest prior factor, 1 + 0.3. */
#define LIST_BLEND_SCALE 1.3f

#endif
