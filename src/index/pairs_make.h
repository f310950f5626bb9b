/*
 * Making the pair lists of a unit (pairs.h), out of posts as they come or out of lists that are
 * written.
 *
 *     words of many posts ─> a few blocks shown: what do lists of pairs save, what do they take?
 *                            all blocks shown: the best pairs ─> lists ─┬─> put
 *                                              all pairs ─> bits ───────┘
 *
 * A source shows blocks of 256 ordinals: where each of the words stands in their posts.
 *
 * Cost: 10 to 20 ns a word of the text that is one of those words: to find where each stands. (Out
 * of an area, a word's postings together, it takes as long as out of posts.) Memory: some 20 bytes
 * for each noted pair (20 MB at most) while they are chosen, then for each that has a list; 10 KB a
 * word (10.5 MB), and 4 bytes for each posting of a pair that has a list, but at most 16 KB a pair:
 * where some words stand side by side in all posts, a window of synthesised ones has 86 MB of
 * postings, which take 6.
 */
#ifndef ANP_INDEX_PAIRS_MAKE_H
#define ANP_INDEX_PAIRS_MAKE_H

#include "index/pairs.h"
#include "index/forward.h"
#include "index/unit_put.h"

typedef struct pairs_word {
    uint32_t number; /* of the term */
    uint32_t count;  /* postings of its list of the combined text */
} pairs_word;

typedef struct pairs_maker pairs_maker;

typedef struct pairs_source {
    anp_status (*begin)(void *user, const pairs_maker *m, anp_error *err); /* before blocks */
    anp_status (*show)(void *user, pairs_maker *m, uint32_t block, uint32_t count, anp_error *err);
    /* The value of a first word, or len 0: for the pairs that have lists. NULL: to be chosen. */
    anp_status (*listed)(void *user, uint32_t number, str *value, anp_error *err);
    void *user;
    uint32_t first; /* low of the unit's first post */
    uint32_t posts;
    uint64_t words; /* of all texts: titles once */
} pairs_source;

/* Where values go: first words, ascending, then PAIRS_HEAD. */
typedef struct pairs_sink {
    anp_status (*put)(void *user, uint32_t number, str value, anp_error *err);
    void *user;
} pairs_sink;

/* A unit's words before its pairs. */
typedef struct pairs_words {
    const pairs_word *items; /* ascending by number */
    size_t count;
    uint64_t noted; /* the least product of two of them that is noted */
} pairs_words;

/*
 * Of all words of a unit, in any order, those that pairs may be made of; in place. Words of fewer
 * than pairs_count_min postings may be left out before.
 */
pairs_words pairs_choose(pairs_word *words, size_t count, uint32_t posts);

/* A word of fewer postings is in no pair. */
static inline uint32_t pairs_count_min(uint32_t posts) {
    return posts / PAIRS_PRODUCT_PART;
}

/* The least product that a unit of so many posts may note. */
static inline uint64_t pairs_product_min(uint32_t posts) {
    return (uint64_t)posts * posts / PAIRS_PRODUCT_PART + 1;
}

/* ANP_NOMEM, and what source and sink say. */
anp_status pairs_make(const pairs_source *source, const pairs_words *words, pairs_sink sink,
                      anp_error *err);

/* ---- For sources (and pairs_impl.h) -------------------------------------------------------- */

/* Room for texts of so many places in all. ANP_NOMEM. */
anp_status pairs_begin(pairs_maker *m, size_t places, anp_error *err);

/* A post's body has so many: how much of all text a sample shows. */
void pairs_count_body(pairs_maker *m, size_t words);

/* All words stand in their places (pairs_stand): those of [from, from + places) are one text of a
   post. Texts in the order of their places, posts ascending. ANP_NOMEM. */
anp_status pairs_end(pairs_maker *m, uint16_t low, size_t from, size_t places, anp_error *err);

/* ---- A unit -------------------------------------------------------------------------------- */

/* The pairs of posts [info->first, + info->count), and where they go as values of the unit. */
anp_status pairs_make_of_posts(unit_sink sink, const unit_info *info, uint32_t title_weight,
                               const forward_view *posts, const pairs_words *words,
                               anp_error *err);

/*
 * The same out of the unit's own lists, which `get` finds: ANP_OK with len 0 where a value is not
 * there. What it finds stays until the first value is put.
 */
typedef struct pairs_lists {
    anp_status (*get)(void *user, unit_kind kind, uint32_t number, unsigned sub, str *out,
                      anp_error *err);
    void *user;
    uint32_t title_weight;
    uint32_t first; /* low of the unit's first post */
    uint32_t posts;
    bool again; /* the pairs that have lists by now, which `get` finds too */
} pairs_lists;

anp_status pairs_make_of_lists(const pairs_lists *lists, const pairs_words *words, pairs_sink sink,
                               anp_error *err);

/* Puts pairs as values of a unit. */
typedef struct pairs_unit_sink {
    unit_sink sink;
    const unit_info *info;
} pairs_unit_sink;

pairs_sink pairs_sink_of_unit(pairs_unit_sink *target);

#endif
