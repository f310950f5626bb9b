/*
 * A chunk: some posts that lie one behind the other, with their features in classes. Chunks are
 * made by threads and then joined (family.h).
 *
 *     post 0: a b c d e          class 0: a b c   (posts 0, 1)       post 0: 0 1
 *     post 1: a b c f       ─>   class 1: d e     (post 0)      ─>   post 1: 0 2
 *                                class 2: f       (post 1)
 *
 * Shingles that stand in the same posts are one class: nothing that is counted over whole classes
 * can tell them apart. What a post is about is kept as a set; posts about the same share one.
 */
#ifndef ANP_SIMILAR_CHUNK_H
#define ANP_SIMILAR_CHUNK_H

#include "base/vec.h"
#include "similar/reader.h"

typedef struct chunk {
    uint32_t first; /* number of the first post */
    uint32_t count;
    /* Shingles, by number. */
    uint32_t shingle_count;
    uint64_t *hashes;
    uint64_t *prints;  /* the sum of post_print of its posts: equal lists, equal prints */
    uint32_t *df;      /* posts of the chunk */
    uint32_t *classes; /* of each shingle */
    uint32_t class_count;
    /* Classes of post i: list[start[i]] … list[start[i + 1]], in no order. */
    uint32_t *start;
    uint32_t *list;
    /* Sets of terms: terms[set_start[n]] … ascending. */
    VEC(uint64_t) terms;
    VEC(uint32_t) set_start; /* one more than there are sets */
    VEC(uint64_t) set_keys;
    uint32_t *set_of; /* by post */
    /* Ids and titles, one behind the other; name_end[2 i] is behind the id of post i. */
    buffer names;
    VEC(uint32_t) name_end;
    uint64_t print; /* of all that is here */
} chunk;

/* A random number for each post, the same everywhere. */
uint64_t post_print(uint32_t number);

typedef struct chunk_maker chunk_maker;

/* One a thread. NULL when memory is out. */
chunk_maker *chunk_maker_open(void);
void chunk_maker_close(chunk_maker *m); /* NULL is allowed */

/* *out was zero; on failure it must be freed too. */
anp_status chunk_make(chunk_maker *m, reader *r, const stored_post *posts, uint32_t first,
                      uint32_t count, chunk *out, anp_error *err);
void chunk_free(chunk *c);

#endif
