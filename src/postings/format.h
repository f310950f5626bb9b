/*
 * The bytes of a posting list and of its positions. KEEP IN STEP: list.c, reader_body.h, build.c,
 * validate.c, positions.c.
 *
 * A list is one term (or facet value) in one unit. All its ordinals lie in one window, so 16 bits
 * hold them ("low"). Little-endian, read in place, no alignment needed. Four of five terms have
 * four postings or fewer: those have a head of one byte.
 *
 *     small (n <= 8):  u8 head      bits 0-2 n - 1, bits 3-4 tf width (0, 2, 4, 8 bits, no
 *                                   exceptions), bit 5 LIST_TITLES, bit 6 LIST_POSITIONS, bit 7 0
 *     large:           u8 head      bits 0-1 container, bit 2 LIST_TF, bit 3 LIST_BOUNDS, bit 4
 *                                   LIST_BRIEF, bit 5 LIST_TITLES, bit 6 LIST_POSITIONS, bit 7
 *                                   LIST_LARGE
 *                      u8 tf form   low half: bits of a tf code, 0, 2, 4 or 8; high half: bytes
 *                                   of a tf exception, 0 (none), 1, 2 or 4
 *                      u16 n - 1
 *                      u32 tf sum   of all postings, at most 2^32 - 1
 *
 *     sections, in this order: container, tf, titles, bounds (with all that belongs to them),
 *     positions
 *
 *     container  LIST_ARRAY    (n < 64) u16 low[n], ascending
 *                LIST_BLOCKED  (64 <= n < 4,096) u16 rank[8], u64 high[ceil((n + 256) / 64)],
 *                              u8 low[n]: the low bytes of the ordinals. In high, bits from the
 *                              lowest on, each of the 256 blocks of 256 ordinals has a 1 for each
 *                              of its postings and then a 0; rank[s] postings (and 32 s zeros) lie
 *                              before the slot of 32 blocks s
 *                LIST_BITSET   (4,096 <= n) u64 bits[1024], u16 rank[256]: the postings before
 *                              each block
 *                A brief list, of a unit of fewer than 8,192 posts, is blocked from 64 on: its
 *                postings lie in few blocks, of which a bitset would be the least part
 *     tf         where LIST_TF is set, or the width of a small list is not 0: codes of w bits,
 *                lowest first, zero-padded to a byte: tf - 1. With exceptions (u16 n exc - 1 in
 *                front) the code 2^w - 1 says that tf >= 2^w stands among
 *                    w = 0:  u16 rank[n exc], tf[n exc]: every other tf is 1; no codes
 *                    w > 0:  u16 before[(n - 1) / 64], tf[n exc], in rank order: before[i]
 *                            exceptions lie below rank 64 (i + 1)
 *     titles     in a list of the combined text (at title weight > 0), the postings whose term
 *                stands in the title too; tf = body tf + title weight * title tf
 *                    small:  u8 m + 16 (title tf bytes), u8 rank[m], title tf[m]
 *                    large:  u16 m - 1, u8 title tf bytes, u16 rank[m], title tf[m]
 *                bytes of a title tf: 0 (each is 1), 1 or 2
 *     bounds     from n = 64 where LIST_BOUNDS is set: u16 low, high, blended low, blended high
 *                in units of 1/65535 (blended: 1.3/65535), low rounded down, high up; u16 seed[s]
 *                and blended seed[s], s = 8, or 11 in a list with champions: the 1st, 2nd, 4th …
 *                128th or 1,024th best impact (blended impact) in the same units, rounded down, 0
 *                when there are fewer; u8 bound[m], u8 blended[m],
 *                m = n while n < 256 (one a posting), else 256 (one a block). A code q > 0 says:
 *                impact <= low + (q - 1) (high - low) / 254; 0: no posting there. A list without
 *                bounds is so short that its impacts are soon computed
 *     champions  in a list with bounds, from n = 1,024, but in no brief one, where they would be
 *                an eighth: the 128 best postings, by impact and by blended impact in the units of
 *                seeds, of the same the lower ordinal first: u16 low[128], u16 blended low[128],
 *                u8 tf[128], u8 blended tf[128], 255 for a tf of 255 and more. So no posting but
 *                the first 2^i of them is above seed i by a unit
 *     runners    behind champions, from n = 1,024: the next best postings by impact, to the 256th
 *                or, from n = 2,048, the 512th, as a blocked container: u16 rank[8], u64 high[6 or
 *                10], u8 low[128 or 384]. So no posting but champions and these is above seed 8
 *                or 9 by a unit
 *     strips     in a list with bounds, from n = 4,096, but in no brief one: u8 first and last
 *                block with postings, u16 level[15] in the units of seeds, rounded up,
 *                u8 strip[8 (last - first + 1)]: of each of the 16 strips (16 ordinals) of these
 *                blocks half a byte, low half first: 0, no posting there; i > 0, no impact is above
 *                level[i - 1]. Levels ascend; one that was not needed is as the one before
 *     impact     tf / (tf + norm) by rank/bm25.h at k1 = 1.2, b = 0.75 and the unit's average
 *                length; blended: times the prior factor of blend 0.3 and equal weights. For other
 *                settings: with c the least norm(now) / norm(build), an impact x is at most
 *                x / (x + c (1 - x))
 *
 * Positions of the list, in a value of their own or, where LIST_POSITIONS is set, behind it in the
 * same one (when both together take LIST_INLINE_BYTES or less):
 *
 *     groups     from n = 33: u8 form, then where each further group of 32 postings begins, in
 *                bytes from the first; e counts them from 0:
 *                    form 0   u16 at[e]
 *                    form 1   u32 base[e / 16], u16 at[e]: base + at
 *                    form 2   u32 at[e]
 *     postings   one behind the other, bits from the lowest on; each group begins a byte. How many
 *                bits a posting takes follows from its number of positions t and the words of its
 *                post's field L, which the unit's column of lengths says; c = bits of L - 1:
 *                    t = 1     the position in c bits
 *                    t = 2..4  on a circle of 2^c words: the one behind the largest gap in c bits,
 *                              then the way to each next less 1 in c - 1 bits (no way is longer
 *                              than half of the circle)
 *                    t >= 5    Elias-Fano of q[i] = p[i] - i, all below U = L - t + 1; w the
 *                              largest with U >= t 2^w, or 0: the low w bits of each, then a bit
 *                              vector in which bit (q[i] >> w) + i is 1, of t + ((U - 1) >> w)
 *                              bits
 *
 * Worked example: "cache" twice (words 3 and 7 of 10) in ordinal 5 and once (word 0 of 4) in
 * ordinal 9:
 *
 *     49           small, n = 2, tf codes of 2 bits, positions
 *     05 00 09 00  container
 *     01           codes: tf 2 is 01, tf 1 is 00
 *     33 00        c = 4: the way from 7 back to 3 is 12 of 16 words long, so 3 comes first, in 4
 *                  bits, and then 7 - 3 - 1 in 3; a new byte only in a new group: c = 2, 0 in 2
 *                  bits
 *
 * (KEEP IN STEP: tests/postings/test_list.c has these bytes.)
 *
 * Why: on 119,968 articles (79 million words) containers take 1.2 bytes a posting (u16 and bitsets
 * from 2,048: 1.9), tfs 0.47, positions 1.19 bytes a word (varint differences: 1.35; were all
 * places equally likely, 1.10 would be the least).
 */
#ifndef ANP_POSTINGS_FORMAT_H
#define ANP_POSTINGS_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

enum { LIST_ARRAY, LIST_BLOCKED, LIST_BITSET, LIST_CONTAINERS = 3 };

/* Bits of the head. */
enum {
    LIST_TF = 1 << 2,
    LIST_BOUNDS = 1 << 3,
    LIST_BRIEF = 1 << 4,
    LIST_TITLES = 1 << 5,
    LIST_POSITIONS = 1 << 6,
    LIST_LARGE = 1 << 7,
};

enum {
    LIST_DOCS = 65536, /* ordinals that a container spans */
    LIST_SMALL_MAX = 8,
    LIST_BLOCKED_FROM = 64,
    LIST_BITSET_FROM = 4096,
    LIST_BOUNDS_FROM = 64,
    LIST_HEAD_BYTES = 8, /* of a large list */
    LIST_BITSET_BYTES = 8192,
    LIST_BLOCKS = 256,
    LIST_SLOT_BLOCKS = 32,
    LIST_SLOTS = LIST_BLOCKS / LIST_SLOT_BLOCKS,
    LIST_SEEDS = 8,
    LIST_SEEDS_MAX = 11,
    LIST_CHAMPIONS = 1 << (LIST_SEEDS - 1),
    LIST_STRIP_DOCS = 16,
    LIST_STRIPS = LIST_DOCS / LIST_STRIP_DOCS,
    LIST_STRIP_LEVELS = 15,
    LIST_STRIP_BYTES = 8, /* of a block's strips */
    LIST_STRIP_HEAD = 2 + 2 * LIST_STRIP_LEVELS,
    LIST_TF_STRIDE = 64, /* codes an entry of before[] covers */
    POSITIONS_GROUP = 32,
    POSITIONS_SUPER = 16, /* groups a base covers */
};

/* What a blended impact is divided by before it is stored: the largest prior factor, 1 + 0.3. */
#define LIST_BLEND_SCALE 1.3f

/* Positions of a list lie behind it in its value when both take at most as many. The tests are also
   built with less. */
#ifndef LIST_INLINE_BYTES
#define LIST_INLINE_BYTES 512
#endif

/* The least list that has champions. The tests are also built with fewer. */
#ifndef LIST_CHAMPIONS_FROM
#define LIST_CHAMPIONS_FROM 1024
#endif

/* The least list with bounds that has bounds of strips. Likewise. */
#ifndef LIST_STRIPS_FROM
#define LIST_STRIPS_FROM 4096
#endif

/* A unit of fewer posts has brief lists. The tests are also built with fewer. */
#ifndef LIST_BRIEF_POSTS
#define LIST_BRIEF_POSTS 8192
#endif

/* Postings of a list that is no bitset, at most. */
enum {
    LIST_BLOCKED_MAX = (LIST_BRIEF_POSTS > LIST_BITSET_FROM ? LIST_BRIEF_POSTS
                                                              : LIST_BITSET_FROM) - 1
};

/* Of a list with bounds. */
static inline uint32_t list_champions(uint32_t count, bool brief) {
    return brief || count < LIST_CHAMPIONS_FROM ? 0
           : count < LIST_CHAMPIONS ? count : LIST_CHAMPIONS;
}

static inline uint32_t list_seeds(uint32_t count, bool brief) {
    return list_champions(count, brief) ? LIST_SEEDS_MAX : LIST_SEEDS;
}

/* Of a list with champions: the runners-up, which are a blocked container. */
static inline uint32_t list_runners(uint32_t count, bool brief) {
    enum { FEWER = 256, MORE = 512, PART = 4 };
    return brief || count < PART * FEWER
               ? 0 : (count < PART * MORE ? FEWER : MORE) - LIST_CHAMPIONS;
}

static inline uint32_t list_container_of(uint32_t count, bool brief) {
    return count < LIST_BLOCKED_FROM ? LIST_ARRAY
           : brief || count < LIST_BITSET_FROM ? LIST_BLOCKED : LIST_BITSET;
}

/* Of a list with bounds. */
static inline bool list_has_strips(uint32_t count, bool brief) {
    return !brief && count >= LIST_STRIPS_FROM;
}

/* u64s of `high` in a blocked container. */
static inline uint32_t list_high_words(uint32_t count) {
    return (count + LIST_BLOCKS + 63) / 64;
}

static inline uint32_t list_blocked_bytes(uint32_t count) {
    return LIST_SLOTS * 2 + list_high_words(count) * 8 + count;
}

#endif
