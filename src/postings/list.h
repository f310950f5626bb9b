/*
 * A posting list: made from arrays, read in place. The bytes are drawn in postings/format.h.
 *
 * list_view_open checks sizes only, in O(1): the store's checksum has vouched for the bytes.
 * Nothing here reads or writes outside the value or the caller's arrays, even so, for any bytes;
 * list_validate says whether they make sense.
 */
#ifndef ANP_POSTINGS_LIST_H
#define ANP_POSTINGS_LIST_H

#include "anpsearch.h"
#include "base/bytes.h"
#include "base/limits.h"
#include "postings/format.h"

typedef struct list_input {
    uint32_t count;       /* 1 to LIST_DOCS */
    const uint16_t *docs; /* ascending */
    const uint32_t *tfs;  /* > 0; NULL: a list without tf */
    const float *impacts; /* in [0, 1]; NULL: a list without bounds */
    const float *blended; /* impact * prior factor, in [0, LIST_BLEND_SCALE]; with impacts */
    const uint32_t *title_tfs; /* of each posting, at most 65,535; NULL: none has any */
    bool brief; /* of a unit of fewer than LIST_BRIEF_POSTS */
} list_input;

/* Appends the value to out (out->failed when memory is out). */
void list_build(const list_input *input, buffer *out);

typedef struct list_view {
    const uint8_t *bytes;
    size_t len;
    uint32_t count;
    uint32_t tf_sum;
    uint32_t container_kind; /* LIST_ARRAY, LIST_BLOCKED, LIST_BITSET */
    bool brief; /* said of large lists only */
    uint32_t tf_bits;
    uint32_t exception_bytes; /* 0: no exceptions */
    uint32_t exceptions;
    uint32_t title_count;
    uint32_t title_rank_bytes;
    uint32_t title_tf_bytes;
    uint16_t impact_max;  /* in 1/65535; of a list without bounds 65535 */
    uint16_t blended_max; /* in 1.3/65535, likewise */
    const uint8_t *container;
    const uint8_t *ranks; /* of a blocked container's slots, of a bitset's blocks */
    const uint8_t *high;  /* of a blocked container */
    const uint8_t *exception_ranks;  /* where tf_bits is 0 */
    const uint8_t *exception_counts; /* before[], else */
    const uint8_t *exception_tfs;
    const uint8_t *tf_codes;
    const uint8_t *title_ranks;
    const uint8_t *title_tfs;
    const uint8_t *bounds; /* NULL: none; low, high, blended low, blended high */
    uint32_t seed_count;
    const uint8_t *seeds; /* impact's, then blended ones */
    uint32_t bound_count;  /* m */
    const uint8_t *bound_bytes;
    const uint8_t *blended_bytes;
    uint32_t champion_count;
    const uint8_t *champions;    /* u16 lows by impact, then by blended impact */
    const uint8_t *champion_tfs; /* likewise */
    uint32_t runner_count;
    const uint8_t *runners; /* a blocked container */
    const uint8_t *strips;  /* NULL: none; first and last block, levels, strips */
    str positions; /* when they are in the same value; data NULL otherwise */
} list_view;

/* ANP_CORRUPT when the sizes do not fit. */
anp_status list_view_open(str value, list_view *out, anp_error *err);

/* Every rule of the format, in O(n); ANP_CORRUPT names the first that is broken. */
anp_status list_validate(const list_view *view, anp_error *err);

/* All ordinals; docs has room for count. Returns how many there really are (count, unless bytes
   are damaged). */
uint32_t list_docs(const list_view *view, uint16_t *docs);

/* The same, for who counts on them: false where bytes are damaged, so that they are not count, do
   not ascend or do not all lie in [from, end). */
bool list_docs_within(const list_view *view, uint32_t from, uint32_t end, uint16_t *docs);

/* The runners-up as the container of a list of so many; runner_count > 0. */
list_view list_runner_view(const list_view *view);

/* The ordinals of the runners-up, ascending, runner_count of them at most; how many. */
uint32_t list_runner_docs(const list_view *view, uint16_t *docs);

/* All tfs in rank order; 1 each in a list without tf. */
void list_tfs(const list_view *view, uint32_t *tfs);

/* The ordinals of the `count` postings before that of `rank`, whose ordinal is `low`; count <=
   rank. Of damaged bytes, any. */
void list_docs_before(const list_view *view, uint32_t rank, uint16_t low, uint32_t count,
                      uint16_t *docs);

/* The tfs of `count` ranks from `from` on, a multiple of 32, from + count <= view->count. */
void list_tfs_at(const list_view *view, uint32_t from, uint32_t count, uint32_t *tfs);

/*
 * The same as bytes, 255 for 255 and more (*large false: none is more), for any from + count <=
 * view->count, count <= BLOCK_DOCS. They lie somewhere in `room`.
 */
enum { LIST_TF_ROOM = BLOCK_DOCS + 16 };
const uint8_t *list_tf_bytes(const list_view *view, uint32_t from, uint32_t count,
                             uint8_t room[LIST_TF_ROOM], bool *large);

/* The rank of an ordinal, or UINT32_MAX when it is not in the list. */
uint32_t list_rank(const list_view *view, uint16_t low);

/*
 * The ranks [*from, *to) of the postings in a block of 256 ordinals. Of damaged bytes any, but at
 * most 256 and *to <= view->count.
 */
void list_block(const list_view *view, uint32_t block, uint32_t *from, uint32_t *to);

/* Those postings as bits, bit i for ordinal 256 block + i. */
void list_block_bits(const list_view *view, uint32_t block, uint32_t from, uint32_t to,
                     uint64_t bits[4]);

/* The ordinal of a rank in that block's [from, to), of a list that is no bitset. */
static inline uint16_t list_block_doc(const list_view *view, uint32_t block, uint32_t rank) {
    return view->container_kind == LIST_ARRAY
               ? load_u16(view->container + (size_t)rank * 2)
               : (uint16_t)(block << 8 | view->container[rank]);
}

/*
 * Keeps of `count` ascending ordinals those that the list holds too, or (drop) those that it does
 * not; how many. Cost: some 2 ns an ordinal, and at most 0.4 µs a list.
 */
uint32_t list_keep(const list_view *view, uint16_t *docs, uint32_t count, bool drop);

/* The tf of one rank below count. */
uint32_t list_tf(const list_view *view, uint32_t rank);

/* tf of the title in the posting of that rank; 0 for most. */
uint32_t list_title_tf(const list_view *view, uint32_t rank);

/* Takes weight * title tf from the tfs of ranks [from, from + count); 0 where that is more. */
void list_less_titles(const list_view *view, uint32_t weight, uint32_t from, uint32_t count,
                      uint32_t *tfs);

/* Whether ordinals ascend, each of them once: what list_docs gives of a damaged list may not. */
static inline bool list_ascends(const uint16_t *docs, uint32_t count) {
    bool good = true;
    for (uint32_t i = 1; i < count; i++) {
        good &= docs[i - 1] < docs[i];
    }
    return good;
}

/* An impact (in `unit`s) in the units of seeds, rounded down: a hair less, so that no rounding up
   lifts one above its value. */
static inline float list_seed_scale(float unit) {
    return 65535.0f / unit * 0.9999995f;
}

static inline int32_t list_seed_units(float value, float scale) {
    float at = value * scale;
    return (int32_t)(at < 65535 ? at : 65535);
}

/* Seed i < seed_count, in units. */
static inline uint32_t list_seed(const list_view *view, bool blended, uint32_t i) {
    return load_u16(view->seeds + ((blended ? (size_t)view->seed_count : 0) + i) * 2);
}

/* What no impact exceeds (in its unit) that has so many. */
static inline float list_seed_most(uint32_t units) {
    return (float)(units + 1) * (1.000001f / 65535);
}

/* low + (code - 1) (high - low) / 254, both in units of `unit` / 65535; for code > 0. */
static inline float list_bound_value(uint16_t low, uint16_t high, float unit, uint32_t code) {
    float step = (float)(high - low) * (1.0f / 254.0f);
    return ((float)low + (float)(code - 1) * step) * (unit / 65535.0f);
}

/* What bound i says, i < bound_count, in a list with bounds; -1: no posting there. */
static inline float list_bound(const list_view *view, uint32_t i) {
    uint32_t code = view->bound_bytes[i];
    return code ? list_bound_value(load_u16(view->bounds), view->impact_max, 1.0f, code) : -1.0f;
}

static inline float list_blended_bound(const list_view *view, uint32_t i) {
    uint32_t code = view->blended_bytes[i];
    return code ? list_bound_value(load_u16(view->bounds + 4), view->blended_max, LIST_BLEND_SCALE,
                                   code) : -1.0f;
}

/* What bounds impacts in the 16 strips of a block: half a byte each, the number of a level, or 0
   where no posting is; NULL: none is in the block. Of a list with strips. */
static inline const uint8_t *list_block_strips(const list_view *view, uint32_t block) {
    uint32_t first = view->strips[0], last = view->strips[1];
    return block < first || block > last
               ? NULL
               : view->strips + LIST_STRIP_HEAD + (size_t)(block - first) * LIST_STRIP_BYTES;
}

/* What level 1 <= i <= LIST_STRIP_LEVELS stands for: no impact is above it. Likewise. */
static inline float list_strip_level(const list_view *view, uint32_t i) {
    return (float)load_u16(view->strips + (size_t)i * 2) * (1.0f / 65535);
}

/* The level of the strip that an ordinal is in; 0: no posting is there. Likewise. */
static inline uint32_t list_strip(const list_view *view, uint32_t low) {
    const uint8_t *strips = list_block_strips(view, low / BLOCK_DOCS);
    uint32_t strip = low / LIST_STRIP_DOCS % (BLOCK_DOCS / LIST_STRIP_DOCS);
    return strips ? strips[strip / 2] >> strip % 2 * 4 & 15u : 0;
}

/* One line a section, for people: sizes and the first few entries. */
void list_print(const list_view *view, buffer *out);

/* ---- Positions ----------------------------------------------------------------------------- */

/*
 * How many words a field has, by ordinal: an array of numbers of `width` bytes, `stride` bytes
 * apart, of the ordinals from `first` on; read in place out of a column or an array of structures.
 */
typedef struct list_lengths {
    const void *entries;
    uint32_t stride;
    uint32_t width; /* 1, 2 or 4 */
    uint32_t base;  /* added to each */
    uint32_t first;
    uint32_t count;
} list_lengths;

/* 0 for an ordinal outside. */
static inline uint32_t list_length(const list_lengths *lengths, uint32_t low) {
    uint32_t i = low - lengths->first;
    if (i >= lengths->count) {
        return 0;
    }
    const uint8_t *at = (const uint8_t *)lengths->entries + (size_t)i * lengths->stride;
    uint32_t entry = lengths->width == 4 ? load_u32(at) : lengths->width == 2 ? load_u16(at) : *at;
    return lengths->base + entry;
}

typedef struct positions_input {
    uint32_t count;            /* postings */
    const uint16_t *docs;      /* of the postings */
    const uint32_t *counts;    /* positions of each posting; may be 0 */
    const uint32_t *positions; /* of all postings, one behind the other, ascending in each */
    list_lengths lengths;      /* of the field that the positions are in */
} positions_input;

/* Appends the value to out. ANP_CORRUPT when positions do not ascend or reach their post's
   length: the record that they came from was damaged. ANP_NOMEM. */
anp_status positions_build(const positions_input *input, buffer *out, anp_error *err);

/* Puts positions (as built) behind the list that begins at list_at in out: both in one value. */
void positions_join(buffer *out, size_t list_at, str positions);

typedef struct positions_view {
    const uint8_t *bytes; /* of the postings: behind the groups */
    size_t len;
    uint32_t form;
    const uint8_t *bases;
    const uint8_t *groups;
} positions_view;

anp_status positions_view_open(str value, uint32_t posting_count, positions_view *out,
                               anp_error *err);

/* Those of a run of a list's postings. */
typedef struct positions_part {
    positions_view view; /* the list's */
    uint32_t count;      /* postings of the run */
    uint32_t first;      /* its first rank; 0 with a whole list */
    uint64_t bit;        /* where that posting begins (positions_begin); 0 likewise */
} positions_part;

/*
 * As positions_build, of parts that lie one behind the other and whose postings are all of the
 * input's: their bits are copied, and the input's `positions` are not looked at. The same bytes
 * come out. ANP_CORRUPT when the parts are not as long as that takes; what they say is not checked:
 * who reads them does.
 */
anp_status positions_append(const positions_input *input, const positions_part *parts,
                            size_t part_count, buffer *out, anp_error *err);

/*
 * The positions of one posting into out, which has room for `expect` of them: its tf less
 * title_weight times its title tf. rank is list_rank's of low. ANP_CORRUPT when the bytes or the
 * lengths are damaged.
 * Cost: the widths of at most 31 postings before it are added up.
 */
anp_status positions_read(const positions_view *view, const list_view *list,
                          const list_lengths *lengths, uint32_t title_weight, uint16_t low,
                          uint32_t rank, uint32_t expect, uint32_t *out, anp_error *err);

/*
 * Where the posting of a rank begins. lengths: how many words the posts of the rank % 32 postings
 * before it have, in rank order. ANP_CORRUPT as positions_read.
 */
anp_status positions_begin(const positions_view *view, const list_view *list,
                           uint32_t title_weight, uint32_t rank, const uint32_t *lengths,
                           uint64_t *bit, anp_error *err);

/* All postings in rank order, for who reads them all: begins zeroed but for `view`. */
typedef struct positions_cursor {
    const positions_view *view;
    uint32_t rank; /* of the next posting */
    uint64_t bit;  /* where it begins */
} positions_cursor;

/* The next posting's `count` positions, whose field has `length` words. */
anp_status positions_next(positions_cursor *cursor, uint32_t length, uint32_t count, uint32_t *out,
                          anp_error *err);

/* For phrases: of which list. Begins zeroed but for list, view, lengths and title_weight. */
typedef struct positions_finder {
    const list_view *list;
    const positions_view *view;
    list_lengths lengths;  /* of the field that the positions are in */
    uint32_t title_weight; /* 0: tf is the number of positions */
    uint32_t title_at;     /* postings with titles before the rank that was asked for last */
} positions_finder;

/* The positions of one posting. */
typedef struct positions_place {
    uint64_t bit;    /* where they begin */
    uint32_t number; /* its tf less title_weight times its title tf; 0: none, or not in the list */
    uint32_t length; /* words of its post's field */
} positions_place;

/*
 * Finds the postings of `count` ascending ordinals. ANP_CORRUPT when lengths or bytes are damaged.
 * Cost: the widths of at most 32 postings are added up for each group of 32 that some are in.
 */
anp_status positions_find(positions_finder *finder, const uint16_t *lows, uint32_t count,
                          positions_place *places, anp_error *err);

/*
 * Where the positions of all postings of a block of 256 ordinals begin, found at once: for who asks
 * for many of them.
 */
typedef struct positions_block {
    uint32_t from, to;            /* ranks */
    uint64_t bits[4];             /* the ordinals */
    uint8_t lanes[BLOCK_DOCS];    /* ordinals less the block's first, by rank - from */
    uint32_t lengths[BLOCK_DOCS]; /* words of their posts' field */
    uint32_t numbers[BLOCK_DOCS]; /* of positions */
    uint64_t at[BLOCK_DOCS];      /* bits */
    uint32_t next;                /* a rank whose positions begin at `end`, a bit; 0: none */
    uint64_t end;
} positions_block;

/* out: zeroed at first, then as the call before for the same finder left it; blocks by ascending
   number best. ANP_CORRUPT as positions_find. */
anp_status positions_find_block(positions_finder *finder, uint32_t block, positions_block *out,
                                anp_error *err);

/* The positions of all its postings, one posting behind the other, into out, which has room for
   their numbers of them. */
anp_status positions_read_block(const positions_view *view, const positions_block *block,
                                uint32_t *out, anp_error *err);

/* An ordinal of the block. */
static inline positions_place positions_take(const positions_block *block, uint16_t low) {
    uint32_t word = low / 64u % 4, i = 0;
    uint64_t bit = (uint64_t)1 << low % 64;
    if (!(block->bits[word] & bit)) {
        return (positions_place){0};
    }
    for (uint32_t before = 0; before < word; before++) {
        i += (uint32_t)__builtin_popcountll(block->bits[before]);
    }
    i += (uint32_t)__builtin_popcountll(block->bits[word] & (bit - 1));
    return (positions_place){block->at[i], block->numbers[i], block->lengths[i]};
}

/* Its positions into out, which has room for its number of them; as positions_read. */
anp_status positions_found(const positions_view *view, const positions_place *place, uint32_t *out,
                           anp_error *err);

/* Keeps those of *count starts, each greater than the one before, for which start + offset is one
   of its positions. */
anp_status positions_keep(const positions_view *view, const positions_place *place,
                          uint32_t offset, uint32_t *starts, uint32_t *count, anp_error *err);

#endif
