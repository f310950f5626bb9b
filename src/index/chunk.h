/*
 * A chunk: some posts that lie one behind the other, with their features (shingles of the body,
 * terms of what they are about) in classes.
 *
 *     post 0: a b c d e          a b c   class 0: posts 0, 1
 *     post 1: a b c f       ─>   d e     class 1: post 0
 *                                f       class 2: post 1
 *
 * Features that stand in the same posts are one class: nothing that is counted over whole classes
 * can tell them apart. Features ascend by hash, and classes are numbered as their first features
 * come: a chunk is the same whatever it was made of.
 *
 * Made of posts, or of other chunks without their dead; no post is read twice for that.
 */
#ifndef ANP_INDEX_CHUNK_H
#define ANP_INDEX_CHUNK_H

#include "base/limits.h"
#include "index/reader.h"

enum { CHUNK_NOWHERE = UINT16_MAX };

/* The features of one kind. */
typedef struct chunk_side {
    uint32_t feature_count, class_count;
    uint64_t *hashes;  /* ascending */
    uint32_t *classes; /* of each */
    uint32_t *start;   /* by class, and one more: of its posts */
    uint16_t *posts;   /* places in the chunk; each class's ascend, and are at least one */
} chunk_side;

typedef struct chunk {
    uint32_t count; /* of posts */
    chunk_side text, about;
} chunk;

void chunk_free(chunk *c);

typedef struct chunk_maker chunk_maker;

/* One a thread. NULL when memory is out. */
chunk_maker *chunk_maker_open(void);
void chunk_maker_close(chunk_maker *m); /* NULL is allowed */

/* Begins a chunk. Once it has more distinct shingles than `most` it takes no more, and is none. */
void chunk_maker_begin(chunk_maker *m, size_t most);

/* The next post. false when memory is out. */
bool chunk_maker_add(chunk_maker *m, const features *f);

/*
 * The next posts out of another chunk, which must live until the end: places says of each of its
 * posts where it comes, counted from here, CHUNK_NOWHERE if it does not; those that do ascend, and
 * are `count`. false when memory is out.
 */
bool chunk_maker_add_part(chunk_maker *m, const chunk *part, const uint16_t *places,
                          uint32_t count);

/* Whether it has more distinct shingles than it may have. */
bool chunk_maker_full(const chunk_maker *m);

/* The chunk, which must not be full; *out is to be freed in any case. */
anp_status chunk_maker_finish(chunk_maker *m, chunk *out, anp_error *err);

#endif
