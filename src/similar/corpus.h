/*
 * The live posts of one commit, as similarity sees them: in memory, never changed once made, shared
 * by threads.
 *
 *     pieces of the index ─> parts, by threads ─> joined: text (classes of shingles over posts)
 *                                                         about (classes of terms over sets)
 *
 * Posts are numbered from 0 in ordinal order; what is dead is not there, so that dfs are over live
 * posts. Cost: some 1.5 µs of a processor a post, 15 where no chunk has it, and per post about 8
 * bytes for each class that holds it.
 */
#ifndef ANP_SIMILAR_CORPUS_H
#define ANP_SIMILAR_CORPUS_H

#include "similar/family.h"

typedef struct corpus {
    uint32_t count;
    uint32_t *docnos; /* by number, ascending */
    family text;
    family about;
    uint32_t *set_of;    /* by post: its item in about */
    uint32_t *set_start; /* by set, and one more: into set_posts */
    uint32_t *set_posts; /* numbers of posts, ascending in a set */
    uint32_t set_count;
    bool some_bare; /* some post is about nothing */
} corpus;

typedef struct corpus_options {
    unsigned threads;                                  /* beside the calling one; 0: none */
    bool (*on_progress)(void *user, uint64_t posts); /* may be NULL; false: ANP_CANCELLED */
    void *user;
} corpus_options;

/* The ordinals of all live posts, ascending; *docnos is malloc'd and the caller's. */
anp_status corpus_live(snapshot *s, uint32_t **docnos, uint32_t *count, anp_error *err);

anp_status corpus_open(snapshot *s, const corpus_options *options, corpus **out, anp_error *err);
void corpus_close(corpus *c); /* NULL is allowed */

/* The number of a live ordinal, or UINT32_MAX. */
uint32_t corpus_find(const corpus *c, uint32_t docno);

/* Whether a post is about nothing. */
static inline bool corpus_is_bare(const corpus *c, uint32_t number) {
    uint32_t set = c->set_of[number];
    return c->about.item_start[set] == c->about.item_start[set + 1];
}

#endif
