/*
 * The directory of the index file: every table, its key, what its values are. There is no second
 * copy of this list.
 *
 * The file is one LMDB environment (MDB_NOSUBDIR). Each table is a named database. A value on disk
 * is
 *
 *     0                      n          n + 8
 *     +----------------------+-----------+
 *     | payload, n bytes     | checksum  |      checksum = XXH3-64 of payload, seeded with table,
 *                                               key and n
 *     +----------------------+-----------+
 *
 * so that a value read under another key, cut, or flipped anywhere is noticed. The checksum stands
 * behind the payload because LMDB puts a large value at page + 16: the payload's first byte is
 * then 16-byte aligned; a small value (under about 2 KB) is 2-byte aligned only.
 *
 *     table      key              payload
 *     meta       name             settings, units, counters (index/catalog.h), "tables" (below)
 *     ids        post id          u32 docno
 *     posts      u64 docno        u8 id length, id, zstd frame of the canonical JSON; of most dead
 *                                 posts nothing (index/deleted.h)
 *     terms      last term        block of terms with their numbers (index/numbers.h)
 *     values     last value       the same of facet values: u16 field, big-endian, and text
 *     terms_runs, values_runs
 *                u8 run, as above those of the newest commits, not yet in the two tables above
 *     log        u64 docno        forward record of one post (index/forward.h)
 *     segments   u64 unit key     all that a segment holds, as in the tables below, but positions
 *     segment_positions
 *                u64 unit key     its positions: those of a window that is being merged go as the
 *                                 window gets them
 *     postings   u64 unit key     posting list of one term in one window (postings/format.h)
 *     positions  u64 unit key     its positions (postings/format.h)
 *     facets     u64 unit key     posting list without tf: the posts with a value
 *     group_postings, group_positions, group_facets
 *                u64 unit key     the same of 16 windows, term by term
 *     columns    u64 unit key     fixed-width array, one entry a post (index/column.h)
 *     sketches   u64 unit key     136 bytes a post (sketch/sketch.h), for each 16th of a window
 *     pairs      u64 unit key     posts in which two frequent words stand side by side
 *                                 (index/pairs.h)
 *     shingles   u64 docno        of the first post of a chunk: the classes of its shingles and of
 *                                 the terms that its posts are about (index/chunk_code.h)
 *     deleted    u64 window       roaring bitmap of its deleted ordinals, portable format
 *
 * A unit key is unit << 48 | kind << 44 | number << 12 | slot << 8 | sub << 4 | part: index/unit.h.
 * With part 1 the value is a pack of several: index/pack.h.
 *
 * The record "tables" of meta is kept by the store itself: u64 number of the commit, then for each
 * table, in this order, u64 count of entries and u64 set-hash (the sum of the checksums of its
 * values, which does not depend on their order), as of that commit; meta's own row leaves the
 * record itself out. The number tells whether the header that led here is that of the same commit:
 * one that was torn may join the number of the newest with the tables of an older one.
 *
 * Format versions: 1 (0.1.0) first; 2 has tables shingles and pairs, and sketches in pieces; 3 says
 * which pairs stand nowhere; 4 has champions in lists, and lists of any of the other pairs; 5 has
 * runners-up, and keeps the segments of a window whole until all of it is merged; 6 has their
 * positions in a table of their own, whole only until the merge has reached them, makes a
 * window's pairs when its segments are gone, and has lists of pairs as ranks; 7 has strips in
 * lists, and brief lists in units of fewer than 8,192 posts: without champions, and no bitsets.
 */
#ifndef ANP_STORE_SCHEMA_H
#define ANP_STORE_SCHEMA_H

enum { STORE_FORMAT_VERSION = 7 };

typedef enum store_table {
    STORE_META,
    STORE_IDS,
    STORE_POSTS,
    STORE_TERMS,
    STORE_VALUES,
    STORE_TERMS_RUNS,
    STORE_VALUES_RUNS,
    STORE_LOG,
    STORE_SEGMENTS,
    STORE_SEGMENT_POSITIONS,
    STORE_POSTINGS,
    STORE_POSITIONS,
    STORE_FACETS,
    STORE_GROUP_POSTINGS,
    STORE_GROUP_POSITIONS,
    STORE_GROUP_FACETS,
    STORE_COLUMNS,
    STORE_SKETCHES,
    STORE_PAIRS,
    STORE_SHINGLES,
    STORE_DELETED,
    STORE_TABLES, /* how many */
} store_table;

typedef enum store_key_kind { STORE_KEY_BYTES, STORE_KEY_U64 } store_key_kind;

typedef struct store_table_info {
    const char *name;
    store_key_kind key_kind; /* u64 keys are MDB_INTEGERKEY: native order, 8 bytes */
} store_table_info;

extern const store_table_info store_table_infos[STORE_TABLES];

#endif
