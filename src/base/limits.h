/* Every limit of the library, with its reason. Units in the name; all are inclusive. */
#ifndef ANP_BASE_LIMITS_H
#define ANP_BASE_LIMITS_H

#include <stdint.h>

enum {
    /* Ids are LMDB keys (511 bytes at most) and stand in URLs; 255 fits a length byte. */
    ID_BYTES_MAX = 255,
    /* Terms are LMDB keys; longer words (base64, minified code) are cut, at a character's
       border. */
    TERM_BYTES_MAX = 255,
    /* A facet's value; longer strings are stored and shown but cannot be filtered on. */
    FACET_BYTES_MAX = 255,
    /* A facet's or column's full dotted name. */
    FIELD_NAME_BYTES_MAX = 200,
    /* Distinct facet and column names of one index: each costs an array per unit. */
    FIELD_COUNT_MAX = 1024,
    /* Facet and column values of one post. */
    POST_FIELDS_MAX = 4096,
    /* One post as it is read: 64 MiB keeps a hostile line from taking all memory. */
    POST_BYTES_MAX = 64 << 20,
    /* The canonical form of a post once decompressed: more is damage. */
    STORED_POST_BYTES_MAX = 8 * (64 << 20),
    /* Words of one field of one post: positions stay below 2^24. */
    POST_WORDS_MAX = 1 << 24,
    /* JSON nesting of a post. */
    JSON_DEPTH_MAX = 64,
    /* Title counted this often in the combined text, at most. */
    TITLE_WEIGHT_MAX = 15,
    /* A query, as typed. */
    QUERY_BYTES_MAX = 4096,
    QUERY_CLAUSES_MAX = 1024,
    QUERY_NESTING_MAX = 32,
    QUERY_SLOP_MAX = 255,
    /* k and offset + k of a query or a similar list: the heap is held in memory. */
    RESULTS_MAX = 1 << 20,
    /* Words of a title: a title's tf is 16 bits in the positions. */
    TITLE_WORDS_MAX = 65535,
};

/* Ordinals that share their upper 16 bits are a window (one roaring container), 256 of those a
   block. */
/* The tests are also built with tiny windows and logs, so that their borders are common. */
#ifndef WINDOW_BITS
#define WINDOW_BITS 16
#endif
#define WINDOW_DOCS (1u << WINDOW_BITS)
#define BLOCK_DOCS 256u

/* Windows whose terms and facets are kept as one, once all are full: 2, 4, 8 or 16. */
#ifndef GROUP_BITS
#define GROUP_BITS 4
#endif
#define GROUP_WINDOWS (1u << GROUP_BITS)

/*
 * Posts in the forward log before it is folded into a segment: the first snapshot after a commit
 * reads them, at some 2 us each.
 */
#ifndef LOG_POSTS_MAX
#define LOG_POSTS_MAX 4096
#endif

/*
 * Posts whose shingles are kept as one chunk (index/likeness.h), at most, and so many at least
 * before it is made: who asks for similar posts reads those behind the last chunk, at some 15 us
 * each.
 */
#ifndef CHUNK_POSTS
#define CHUNK_POSTS 4096u
#endif
#ifndef CHUNK_POSTS_MIN
#define CHUNK_POSTS_MIN 512u
#endif

/* What a chunk may take for each of its posts, or it is left out: with sketches 500 bytes. */
#ifndef CHUNK_POST_BYTES_MAX
#define CHUNK_POST_BYTES_MAX 364u
#endif

/* Of so many ordinals stored posts are packed each time so many more are dead (index/deleted.h). */
#ifndef PURGE_POSTS
#define PURGE_POSTS 512u
#endif
#ifndef PURGE_DEAD
#define PURGE_DEAD 32u
#endif

/* What one step of a merge writes, at least, before it lets others have the writer's place; and, at
   most, when large batches owe more. */
#ifndef MERGE_STEP_BYTES
#define MERGE_STEP_BYTES (1 << 20)
#endif
#define MERGE_STEP_BYTES_MAX (4 * MERGE_STEP_BYTES)

/*
 * Fresh terms or facet values of a commit that are put as a run, not into the blocks of the table
 * (index/numbers.h): at least so many, and fewer than so many for each block of the table; or
 * fewer, where the table has many blocks, so that its upper pages would be written too. Once
 * there are RUNS_MAX runs (up to 16), the last ones are joined if they have so few blocks in all,
 * else all are merged in steps that write about so many bytes.
 */
#ifndef RUN_STRINGS_MIN
#define RUN_STRINGS_MIN 256
#endif
#ifndef RUN_BLOCK_STRINGS
#define RUN_BLOCK_STRINGS 32
#endif
#ifndef RUN_FEW_BLOCKS_MIN
#define RUN_FEW_BLOCKS_MIN 64
#endif
#ifndef RUNS_MAX
#define RUNS_MAX 16
#endif
#ifndef RUN_JOIN_BLOCKS
#define RUN_JOIN_BLOCKS 512
#endif
#ifndef RUN_STEP_BYTES
#define RUN_STEP_BYTES (4 << 20)
#endif

/* Posts of the log that are read at once from which on a second thread reads them, and in what
   portions: it is there in 60 us, and reads a post in 1. */
#ifndef TAIL_THREAD_POSTS
#define TAIL_THREAD_POSTS 512
#endif
#ifndef TAIL_SLICE_POSTS
#define TAIL_SLICE_POSTS 128
#endif

/* Posts that the dictionary of stored posts is trained on: the first ones that a writer sees. */
#ifndef DICTIONARY_SAMPLES
#define DICTIONARY_SAMPLES 1000
#endif

/* An ordinal less its window's first. */
static inline uint16_t window_low(uint32_t docno) {
    return (uint16_t)(docno & (WINDOW_DOCS - 1));
}

/* Ordinals are 32-bit and the last window stays free for sentinels. */
#define DOCNO_MAX 0xfffeffffu

/* A boost above this would overflow the fixed-point scores (see rank/bm25.h). */
#define BOOST_MAX 1e6

#endif
