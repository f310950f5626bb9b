/*
 * Pair lists: in which posts of a unit one frequent word stands right behind another. A phrase of
 * such words needs no positions.
 *
 *     "of the"     of and the are in nearly all posts of the unit: the list of (of, the) says in
 *                  which they stand so, without a look at the positions of any
 *
 * A unit of PAIRS_POSTS_MIN posts or more notes all pairs (a, b) of its 1,024 most frequent words
 * (of as frequent ones: those of lower numbers) whose lists of the combined text have together
 *
 *     postings of a × postings of b >= noted
 *
 * which is a 256th of the unit's posts squared or what leaves a million pairs. A bit says whether
 * a noted pair stands in any post. Some of those that do have lists (pairs_sample.c): the ones that
 * save most, and the ones that save most for their bytes, as many as take about an eighth of a byte
 * for each word of the unit's text. Which these are does not matter to who reads: a pair without a
 * list is looked for in positions. Dead posts count, so that all of it follows from what the unit
 * holds for ever. A word stands behind another when its position in the body, or in the title where
 * that is part of the combined text, is one more.
 *
 * Values, under kind UNIT_PAIR of the unit key (unit.h); they stay with the window when its terms
 * are moved into a group:
 *
 *     number PAIRS_HEAD         u64 noted, u32 lists of all values, u32 n, n times u32 word, most
 *                               postings first (of as many: lower numbers), n times u16 reach, bits
 *     number a                  u32 n, then n times { u32 b, u32 end }, by ascending b, then n
 *                               lists; end: of the pair's list, from the first list's beginning
 *     a list                    without tf (postings/format.h), or PAIRS_RANKS, which begins no
 *                               such list, u16 n - 1 and n ranks: where the posts of the pair stand
 *                               in the rarer word's list of the combined text (of as many: in the
 *                               first word's), as positions in a post of as many words as that has
 *                               postings (postings/format.h)
 *
 * The words of the head are those of noted pairs. Behind the i-th one its first `reach` words make
 * noted pairs with it, and have a bit each, behind the bits of the words before it, the lowest of a
 * byte first: set where the pair stands in some post.
 *
 * Worked example: word 4 stands in posts 0, 1 and 2, words 5 and 7 in posts 0 and 2, behind word 4,
 * and before it:
 *
 *     02 00 00 00 | 05 00 00 00  05 00 00 00 | 07 00 00 00  0a 00 00 00
 *     01 00 00 02 00 | 01 00 00 02 00
 *
 *     01 00 00 00 00 00 00 00 | 04 00 00 00 | 03 00 00 00
 *     04 00 00 00  05 00 00 00  07 00 00 00 | 03 00  03 00  03 00
 *     4e 00                                              011 100 100: 4 5, 4 7, 5 4, 7 4
 *
 * The ranks of a pair that stands in all posts but the 4th and the 8th of 12 (q is 0 0 0 1 1 1 2 2
 * 2 2, w is 0):
 *
 *     83 | 09 00 | 77 0f
 *
 * (KEEP IN STEP: tests/index/test_pairs.c has these bytes.)
 *
 * Why ranks: on 119,968 articles the bytes that paid for the lists of 2,400 of the most expensive
 * pairs, plain or bits of the rarer word's list, pay for 4,500.
 */
#ifndef ANP_INDEX_PAIRS_H
#define ANP_INDEX_PAIRS_H

#include "postings/list.h"

#define PAIRS_HEAD UINT32_MAX

/* The tests are also built with tiny units. */
#ifndef PAIRS_POSTS_MIN
#define PAIRS_POSTS_MIN 8192 /* smaller units are soon looked through */
#endif

#ifndef PAIRS_WORDS_MAX
#define PAIRS_WORDS_MAX 1024u /* words of a unit that pairs are made of, the most frequent ones */
#endif
#ifndef PAIRS_NOTED_MAX
#define PAIRS_NOTED_MAX 1000000u /* pairs of them: a bit each, and 20 bytes while some are chosen */
#endif

enum {
    PAIRS_RANKS = 0x83,        /* a large list's head, of no container */
    PAIRS_RANKS_HEAD = 3,      /* bytes before the ranks */
    PAIRS_HEAD_BYTES = 16,     /* before the words */
    PAIRS_PRODUCT_PART = 256,  /* noted is at least posts squared over this */
    PAIRS_FIRST_WORDS = 24,    /* of which these pay for the pairs that cost most without */
    PAIRS_BUDGET_WORDS = 8,    /* words of text that pay for a byte of pair lists */
};

/* The head of a unit's pairs, in place. */
typedef struct pairs_head {
    uint64_t noted;
    uint32_t count; /* of words */
    const uint8_t *words, *reaches, *bits;
} pairs_head;

/* ANP_CORRUPT when the sizes do not fit. */
anp_status pairs_head_open(str value, pairs_head *out, anp_error *err);

/* Whether a noted pair stands in some post; true when the head does not know it. */
bool pairs_head_meet(const pairs_head *head, uint32_t first, uint32_t second);

/* The pairs of one first word, in place. */
typedef struct pairs_view {
    uint32_t count;
    const uint8_t *entries; /* b and end of each */
    str lists;
} pairs_view;

/* ANP_CORRUPT when the sizes do not fit. Reads never leave the value, whatever its bytes. */
anp_status pairs_view_open(str value, pairs_view *out, anp_error *err);

static inline uint32_t pairs_second(const pairs_view *v, uint32_t i) {
    return load_u32(v->entries + (size_t)i * 8);
}

/* The bytes of entry i's list. ANP_CORRUPT. */
anp_status pairs_bytes(const pairs_view *v, uint32_t i, str *out, anp_error *err);

static inline bool pairs_are_ranks(str bytes) {
    return bytes.len && (uint8_t)bytes.data[0] == PAIRS_RANKS;
}

/* Whether the second word, of so many postings, is the rarer one. */
static inline bool pairs_rarer(uint32_t first_count, uint32_t second_count) {
    return second_count < first_count;
}

/* Of the `count` ordinals of the rarer word's list those that the ranks say, in place; *kept is 1
   or more. ANP_CORRUPT, ANP_NOMEM. */
anp_status pairs_pick(str bytes, uint16_t *lows, uint32_t count, uint32_t *kept, anp_error *err);

/* The entry of a second word, or UINT32_MAX. */
uint32_t pairs_find(const pairs_view *v, uint32_t second);

/* Every rule of the format, its lists' too, but that ranks are those of some posts. */
anp_status pairs_validate(const pairs_view *v, anp_error *err);

#endif
