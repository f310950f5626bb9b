/*
 * A chunk as it lies in table shingles, under the ordinal of its first post.
 *
 *     u8        0: left out, its posts are to be read instead; 1: all that follows
 *     varint    posts
 *     two sides, the shingles, then the terms:
 *         varint n        features
 *         varint c        classes
 *         varint          places in all lists of posts
 *         u8 w            0 without features
 *         n × w bytes     each hash less the one before, the first less 0, little-endian
 *         n × varint      its class; one that is not less than those before it has one more than
 *                         them
 *         c × list        varint p, how many posts; then, where p is more than an eighth of the
 *                         chunk's, a bit for each post, else p × varint: the first, then
 *                         differences less 1
 *
 * Of two posts, with the shingles 10 22 51 and 10 22 423, the second one about 7:
 *
 *     1 2 │ 4 3 4 2 │ 10 0  12 0  29 0  116 1 │ 0 0 1 2 │ 2 3  1 1  1 2 │ 1 1 1 1 │ 7 │ 0 │ 1 2
 *           n c   w   10    22    51    423                 class 0: both posts, as bits
 *
 * A chunk is left out where it would take more than CHUNK_POST_BYTES_MAX bytes a post: of text that
 * repeats little, whose shingles take more room than the text itself.
 */
#ifndef ANP_INDEX_CHUNK_CODE_H
#define ANP_INDEX_CHUNK_CODE_H

#include "index/chunk.h"

/* Appends the value. Failure is the buffer's. */
void chunk_encode(const chunk *c, buffer *out);

/* The value of a chunk that is left out. */
void chunk_encode_nothing(uint32_t count, buffer *out);

/* Posts of the value, and whether they are left out; without looking at the rest. */
anp_status chunk_peek(str value, uint32_t *count, bool *left_out, anp_error *err);

/* Everything is checked. *out is empty where it is left out, and to be freed in any case. */
anp_status chunk_decode(str value, chunk *out, anp_error *err);

/* Distinct shingles above which no chunk of so many posts is kept. */
size_t chunk_features_max(uint32_t count);

#endif
