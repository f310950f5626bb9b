/*
 * A part: the live posts of a piece of the index (index/likeness.h), with their features in
 * classes. Parts are made by threads and then joined (family.h).
 *
 *     chunk, or posts read ─> classes without the dead ─> text: prints, dfs by class
 *                                                     └─> about: sets of terms
 *
 * What a post is about is kept as a set; posts about the same share one. Posts that are read get no
 * classes here, since joining finds those of the whole corpus anyway: each post is a class of its
 * own, and a shingle stands once for each post that has it.
 */
#ifndef ANP_SIMILAR_PART_H
#define ANP_SIMILAR_PART_H

#include "base/vec.h"
#include "index/chunk.h"
#include "index/likeness.h"

/* Shingles stand in the order of so many first bits of their hashes. */
enum { PART_BUCKET_BITS = 10 };

typedef struct corpus_part {
    uint32_t first; /* number of the first post */
    uint32_t count;
    /* Shingles: posts of a class are live ones, counted from first; some classes have none. */
    chunk_side text;
    uint64_t *prints; /* by class: the sum of post_print of its posts: equal lists, equal prints */
    uint32_t *sizes;  /* by post: its distinct shingles */
    /* Sets of terms: terms[set_start[n]] … ascending. */
    VEC(uint64_t) terms;
    VEC(uint32_t) set_start; /* one more than there are sets */
    VEC(uint64_t) set_keys;
    uint32_t *set_of; /* by post */
} corpus_part;

/* A random number for each post, the same everywhere. */
uint64_t post_print(uint32_t number);

/* What a thread keeps between parts; zero at first. */
typedef struct part_tools {
    const catalog_settings *settings;
    reader *reader;
    chunk_maker *maker;
    VEC(uint64_t) hashes; /* shingles of posts that are read, none twice in a post, */
    VEC(uint16_t) posts;  /* and whose they are */
    VEC(uint64_t) seen;
} part_tools;

void part_tools_free(part_tools *t);

/* The live posts of a piece that is to be read, malloc'd; *posts NULL of one that is a chunk. */
anp_status part_posts(snapshot *s, const likeness_piece *piece, const uint32_t *docnos,
                      uint32_t count, stored_post **posts, anp_error *err);

/* The live posts of a piece as a chunk of them alone: some classes have no posts. *out is to be
   freed in any case. */
anp_status part_load(part_tools *t, const likeness_piece *piece, const uint32_t *docnos,
                     const stored_post *posts, uint32_t count, chunk *out, anp_error *err);

/*
 * Of a piece whose live posts are docnos[0 … count - 1]; posts: theirs, where the piece is to be
 * read. *out was zero; on failure it must be freed too.
 */
anp_status part_make(part_tools *t, const likeness_piece *piece, const uint32_t *docnos,
                     const stored_post *posts, uint32_t first, uint32_t count, corpus_part *out,
                     anp_error *err);
void part_free(corpus_part *p);

#endif
