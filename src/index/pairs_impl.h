/* What the files that make pairs share; nobody else includes this. */
#ifndef ANP_INDEX_PAIRS_IMPL_H
#define ANP_INDEX_PAIRS_IMPL_H

#include "base/vec.h"
#include "index/pairs_make.h"
#include "postings/format.h"

/*
 * A pair that is counted. When its postings take more memory than a bit for each of the unit's
 * posts it is wide: those that come from then on are such bits.
 */
typedef struct pair {
    uint32_t wide;  /* 0: it is not, else the place of its bits, + 1 */
    uint32_t count; /* postings, but of a wide one those before it was */
} pair;

/* The pairs of a first word. */
typedef struct pairs_row {
    uint32_t number; /* of its pair with word 1 */
    uint32_t reach;  /* the last word that makes a noted pair with it; of word 0 none */
} pairs_row;

/* A line of a cache more than there are ordinals, so that what is said of one ordinal does not lie
   in the same set of lines for all words. */
enum { HOLDER_WORDS = LIST_DOCS / 64 + 8 };

/* No group of 64 ordinals. */
#define PAIRS_NO_GROUP UINT32_MAX

/* A word at a place where another one stands already. */
typedef struct second_word {
    size_t place;
    uint32_t word;
} second_word;

_Static_assert(PAIRS_NOTED_MAX <= (uint64_t)1 << 26, "a place and a bit of a group fit 32 bits");

/*
 * Words are called 1, 2, 3 … here, the most frequent one first: so those that make a noted pair
 * with a word, as the product of the two says, are all up to some word. Pairs are numbered by first
 * word, then by second; those that are counted have places, in the order of their numbers.
 *
 * What is met in the 64 posts of a group is gathered in a bit a post, of words and of counted
 * pairs, which lie near; once the group is over it is put away, a word or a pair at a time.
 */
struct pairs_maker {
    const pairs_word *words; /* ascending by number of the term */
    uint32_t count;
    uint64_t noted;
    uint32_t *slots;  /* places in `words`, + 1, by hash of number */
    uint32_t slot_shift;
    uint16_t *called; /* by place in `words` */
    uint32_t *place_of; /* by word: in `words` */
    uint32_t *postings_of; /* by word */
    pairs_row *rows;  /* by first word */
    uint64_t *holders; /* HOLDER_WORDS by word: a bit a post whose combined text has it */
    uint64_t *counted; /* a bit by pair: its posts are counted; all of them in the sample, */
    bool keeps;        /* else those with lists, whose postings are kept */
    uint32_t *before;  /* by 64 pairs: the counted ones before them */
    uint64_t *met;     /* a bit by pair, but of those that are counted */
    uint64_t *asked;   /* a bit by pair: those that are counted, or were not met yet */
    uint32_t pair_count;
    pair *pairs;       /* by place */
    uint32_t group;    /* low / 64 of the posts in hand, or PAIRS_NO_GROUP */
    uint64_t *held;    /* by word: those of the group's posts that hold it, */
    uint64_t *now;     /* by place: that have the pair */
    uint32_t *touched; /* places of pairs that the group has */
    uint32_t touched_count;
    uint64_t shown; /* words of the bodies that were shown */
    uint16_t *places; /* words; 0: none */
    size_t place_room;
    VEC(second_word) seconds;
    size_t seconds_done;
    bool seconds_sorted;
    VEC(uint32_t) postings; /* place of the pair << 6 | low % 64, group by group */
    size_t group_ends[LIST_DOCS / 64]; /* of those; 0: the group has none */
    uint32_t narrow_most;   /* postings of a pair that is not wide */
    uint32_t wide_from;     /* what bits begin with: a low / 64 */
    uint32_t wide_words;    /* of a wide pair's bits */
    VEC(uint64_t) wide;
    bool failed;
};

static inline uint32_t pairs_slot_of(const pairs_maker *m, uint32_t number) {
    return number * 2654435769u >> m->slot_shift;
}

/* What a term's number is called here; 0: none of the words. */
static inline uint32_t pairs_word_of(const pairs_maker *m, uint32_t number) {
    uint32_t mask = (1u << (32 - m->slot_shift)) - 1;
    for (uint32_t at = pairs_slot_of(m, number); m->slots[at]; at = (at + 1) & mask) {
        if (m->words[m->slots[at] - 1].number == number) {
            return m->called[m->slots[at] - 1];
        }
    }
    return 0;
}

/* Puts away what the group in hand has, if there is one. That memory is out shows in pairs_end. */
void pairs_end_group(pairs_maker *m);

/* The posts in hand are from now on of the group of this one. */
static inline void pairs_turn_to(pairs_maker *m, uint16_t low) {
    if (low / 64u != m->group) {
        pairs_end_group(m);
        m->group = low / 64u;
    }
}

/* A post's combined text has a word; it was turned to. */
static inline void pairs_hold(pairs_maker *m, uint32_t word, uint16_t low) {
    m->held[word] |= (uint64_t)1 << low % 64;
}

/* The posts of a block whose combined text has a word. */
static inline void pairs_hold_block(pairs_maker *m, uint32_t word, uint32_t block,
                                    const uint64_t posts[4]) {
    memcpy(m->holders + (size_t)word * HOLDER_WORDS + (size_t)block * 4, posts, 4 * sizeof *posts);
}

/* Bits of a wide pair, by low - 64 * wide_from. */
static inline uint64_t *pairs_wide_bits(const pairs_maker *m, const pair *p) {
    return m->wide.items + (size_t)(p->wide - 1) * m->wide_words;
}

/* A word stands at a place, which is one of those begun with. That memory is out shows in
   pairs_end. */
static inline void pairs_stand(pairs_maker *m, uint32_t word, size_t place) {
    if (!m->places[place]) {
        m->places[place] = (uint16_t)word;
    } else if (!vec_push(&m->seconds, ((second_word){place, word}))) {
        m->failed = true;
    }
}

/* What the pair is numbered; false when it is not noted, or one of the two is no word (0). */
static inline bool pairs_number_of(const pairs_maker *m, uint32_t first, uint32_t second,
                                   uint32_t *number) {
    pairs_row row = m->rows[first];
    *number = row.number + second - 1;
    return second - 1 < row.reach;
}

static inline bool pairs_has_bit(const uint64_t *bits, uint32_t number) {
    return bits[number / 64] >> number % 64 & 1;
}

/* Where a counted pair is among them. */
static inline uint32_t pairs_place_of(const pairs_maker *m, uint32_t number) {
    uint64_t below = m->counted[number / 64] & (((uint64_t)1 << number % 64) - 1);
    return m->before[number / 64] + (uint32_t)__builtin_popcountll(below);
}

static inline void pairs_put_bit(uint64_t *bits, uint32_t number, bool is) {
    uint64_t bit = (uint64_t)1 << number % 64;
    bits[number / 64] = is ? bits[number / 64] | bit : bits[number / 64] & ~bit;
}

static inline uint32_t pairs_first_block(const pairs_source *source) {
    return source->first / BLOCK_DOCS;
}

static inline uint32_t pairs_end_block(const pairs_source *source) {
    return (source->first + source->posts - 1) / BLOCK_DOCS + 1;
}

/* Counting begins anew, with the pairs that `counted` says. ANP_NOMEM. */
anp_status pairs_count_anew(pairs_maker *m, anp_error *err);

/* Chooses pairs by a sample of the unit: those that are to be counted. ANP_NOMEM. */
anp_status pairs_sample(pairs_maker *m, const pairs_source *source, anp_error *err);

#endif
