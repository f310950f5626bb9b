/* What the files that make pairs share; nobody else includes this. */
#ifndef ANP_INDEX_PAIRS_IMPL_H
#define ANP_INDEX_PAIRS_IMPL_H

#include "base/vec.h"
#include "index/pairs_make.h"

typedef struct pair {
    uint32_t number; /* from 1 */
    uint32_t post;   /* that had it last, + 1 */
} pair;

/* A word at a place where another one stands already. */
typedef struct second_word {
    size_t place;
    uint32_t word;
} second_word;

typedef struct found {
    uint32_t words;  /* first * side + second */
    uint32_t number; /* of the pair */
    uint32_t count;  /* postings */
    uint64_t product;
} found;

struct pairs_maker {
    const pairs_word *words; /* by word less 1 */
    uint32_t side;           /* words + 1 */
    uint64_t least;
    uint32_t *slots; /* words by hash of number */
    uint32_t slot_shift;
    pair *pairs; /* side * side */
    VEC(found) found; /* by number less 1 */
    uint16_t *places;
    size_t place_room;
    VEC(second_word) seconds;
    size_t seconds_done;
    bool seconds_sorted;
    bool lists;             /* postings are kept, not only counted */
    VEC(uint64_t) postings; /* number of the pair << 16 | low */
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
            return m->slots[at];
        }
    }
    return 0;
}

/* A word stands at a place, which is one of those begun with. That memory is out shows in
   pairs_end. */
static inline void pairs_stand(pairs_maker *m, uint32_t word, size_t place) {
    if (m->places[place] == 0) {
        m->places[place] = (uint16_t)word;
    } else if (!vec_push(&m->seconds, ((second_word){place, word}))) {
        m->failed = true;
    }
}

#endif
