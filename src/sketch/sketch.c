/*
 * Shingles of words, and the sketch of a set of shingles.
 *
 *     byte 0        1              127     128            135
 *     +------+------+---  …  ---+------+------  …  -----+
 *     | 1  0 | 3  2 |           |255 254| SimHash, LE     |     slots of 4 bits, odd ones high
 *     +------+------+---  …  ---+------+------  …  -----+
 *
 * MinHash, one permutation: the hash of a shingle is its place in a random order of all shingles;
 * its first 8 bits are its slot. The least hash of a slot stands for it. A slot that nothing falls
 * into borrows from one that the probe sequence of its own number finds: "optimal densification",
 * which keeps the estimate unbiased for sets of a few shingles. What is kept of a slot is 4 bits of
 * its hash mixed with the slot's number: without the number, all the slots that borrow from one
 * hash would agree by chance together, and two sets of one shingle would look the same once in 16.
 *
 * SimHash: bit i is the majority of bit i over all hashes. SimHash 0 is kept for the empty set:
 * where another set comes to 0 it gets 1.
 *
 * Cost: sorting is linear for hashes: a radix sort of their first 16 bits, then insertion. A post
 * of 600 words: 3 µs for shingles, 1.6 µs for the sketch (bench_sketch). Sets of one or two
 * shingles cost up to 65,536 probes, 0.1 ms.
 */
#include "sketch/sketch.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"
#include "sketch/loops.h"

#include <stdlib.h>

enum { SORT_DIGIT_BITS = 8, SORT_DIGITS = 256, SORT_PASSES = 2 };

/* Of fewer hashes, the table that finds repeats is sparse: it fits the cache all the same. */
enum { SPARSE_ITEMS_MAX = 2048 };

_Static_assert(SKETCH_SLOTS == 1 << (64 - SLOT_SHIFT), "a slot is the first bits of a hash");
_Static_assert(SKETCH_BYTES == 136, "136 bytes a post are a promise of the format");

/* ---- Shingles ---- */

/* Of the first 16 bits, the lower digit first. */
static size_t sort_digit(uint64_t hash, unsigned pass) {
    return (hash >> (64 - (SORT_PASSES - pass) * SORT_DIGIT_BITS)) & (SORT_DIGITS - 1);
}

/*
 * Ascending; `spare` is room for `count` more. Hashes are uniform: by their first 16 bits they lie
 * nearly in order, and few move further.
 */
static void sort_hashes(uint64_t *hashes, uint64_t *spare, size_t count) {
    size_t starts[SORT_PASSES][SORT_DIGITS] = {{0}};
    for (size_t i = 0; i < count; i++) {
        for (unsigned pass = 0; pass < SORT_PASSES; pass++) {
            starts[pass][sort_digit(hashes[i], pass)]++;
        }
    }
    for (unsigned pass = 0; pass < SORT_PASSES; pass++) {
        size_t sum = 0;
        for (size_t digit = 0; digit < SORT_DIGITS; digit++) {
            size_t here = starts[pass][digit];
            starts[pass][digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            spare[starts[pass][sort_digit(hashes[i], pass)]++] = hashes[i];
        }
        uint64_t *sorted = spare; /* an even number of passes: the result ends where it began */
        spare = hashes;
        hashes = sorted;
    }
    for (size_t i = 1; i < count; i++) {
        uint64_t hash = hashes[i];
        size_t at = i;
        for (; at > 0 && hashes[at - 1] > hash; at--) {
            hashes[at] = hashes[at - 1];
        }
        hashes[at] = hash;
    }
}

static size_t drop_repeats(uint64_t *sorted, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || sorted[i] != sorted[i - 1]) {
            sorted[kept++] = sorted[i];
        }
    }
    return kept;
}

uint64_t sketch_word(str word) {
    return hash64(word.data, word.len);
}

_Static_assert(SKETCH_SHINGLE_WORDS == 3, "hash64_triples makes them");

static size_t shingle_count(size_t word_count) {
    return word_count < SKETCH_SHINGLE_WORDS ? 0 : word_count - (SKETCH_SHINGLE_WORDS - 1);
}

anp_status sketch_shingles(const uint64_t *words, size_t word_count, arena *perm, shingle_set *out,
                           anp_error *err) {
    size_t count = shingle_count(word_count);
    *out = (shingle_set){NULL, 0};
    if (count == 0) {
        return ANP_OK;
    }
    if (count > SIZE_MAX / 2 / sizeof(uint64_t)) {
        return error_nomem(err, "the shingles of a post");
    }
    uint64_t *hashes = arena_alloc(perm, count * sizeof *hashes);
    arena_mark mark = arena_save(perm);
    uint64_t *spare = hashes ? arena_alloc(perm, count * sizeof *spare) : NULL;
    if (!spare) {
        arena_rewind(perm, mark);
        return error_nomem(err, "the shingles of a post");
    }
    hash64_triples(words, count, hashes);
    sort_hashes(hashes, spare, count);
    arena_rewind(perm, mark);
    *out = (shingle_set){hashes, drop_repeats(hashes, count)};
    return ANP_OK;
}

size_t sketch_hashes(const uint64_t *words, size_t word_count, uint64_t *out) {
    size_t count = shingle_count(word_count);
    hash64_triples(words, count, out);
    return count;
}

/* Both indexes move without a branch: which one does is a coin toss that no processor guesses. */
double sketch_jaccard(shingle_set a, shingle_set b) {
    size_t i = 0, j = 0, shared = 0;
    while (i < a.count && j < b.count) {
        uint64_t x = a.hashes[i], y = b.hashes[j];
        shared += x == y;
        i += x <= y;
        j += y <= x;
    }
    size_t joined = a.count + b.count - shared;
    return joined ? (double)shared / (double)joined : 0.0;
}

/* ---- Sketches ---- */

static uint64_t simhash_of(const uint64_t *hashes, size_t count) {
    uint32_t totals[64] = {0};
    uint64_t simhash = 0;
    sketch_loops_best()->add(hashes, count, totals);
    for (unsigned bit = 0; bit < 64; bit++) {
        simhash |= (uint64_t)(2 * (size_t)totals[bit] > count) << bit;
    }
    return simhash ? simhash : 1;
}

/* Of distinct hashes in any order. */
static void write_sketch(const uint64_t *hashes, size_t count, uint8_t sketch[SKETCH_BYTES]) {
    if (count == 0) {
        memset(sketch, 0, SKETCH_BYTES);
        return;
    }
    sketch_loops_best()->minhash(hashes, count, sketch);
    store_u64(sketch + SKETCH_MINHASH_BYTES, simhash_of(hashes, count));
}

void sketch_make(shingle_set set, uint8_t sketch[SKETCH_BYTES]) {
    write_sketch(set.hashes, set.count, sketch);
}

void sketch_scratch_free(sketch_scratch *s) {
    free(s->room);
    *s = (sketch_scratch){0};
}

/* Room for so many hashes, and behind it a cleared table of many more places, so that few want the
   same; how many, or 0 when memory is out. */
static size_t make_room(sketch_scratch *s, size_t items, uint32_t **table) {
    size_t sparse = items < SPARSE_ITEMS_MAX ? 8 : 2, places = 64;
    while (places < sparse * items) {
        places *= 2;
    }
    size_t need = items + places * sizeof(uint32_t) / sizeof *s->room;
    if (s->capacity < need) {
        sketch_scratch_free(s);
        s->room = malloc(need * sizeof *s->room);
        s->capacity = s->room ? need : 0;
    }
    if (!s->room) {
        return 0;
    }
    *table = (uint32_t *)(s->room + items);
    memset(*table, 0, places * sizeof **table);
    return places;
}

/* Keeps the first of equal hashes; how many are kept. The table holds their numbers among those
   kept, from 1. */
static size_t make_distinct(uint64_t *hashes, size_t count, uint32_t *table, size_t places) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hashes[i];
        size_t at = hash & (places - 1);
        while (table[at] != 0 && hashes[table[at] - 1] != hash) {
            at = (at + 1) & (places - 1);
        }
        if (table[at] == 0) {
            hashes[kept] = hash;
            table[at] = (uint32_t)++kept;
        }
    }
    return kept;
}

anp_status sketch_of_words(const uint64_t *words, size_t word_count, sketch_scratch *scratch,
                           uint8_t sketch[SKETCH_BYTES], anp_error *err) {
    size_t count = shingle_count(word_count);
    uint32_t *table;
    size_t places = count < UINT32_MAX ? make_room(scratch, count, &table) : 0;
    if (places == 0) {
        return error_nomem(err, "the sketch of a post");
    }
    hash64_triples(words, count, scratch->room);
    scratch->count = make_distinct(scratch->room, count, table, places);
    write_sketch(scratch->room, scratch->count, sketch);
    return ANP_OK;
}

double sketch_estimate(uint32_t equal_slots) {
    const double chance = 1.0 / (1 << SKETCH_SLOT_BITS);
    double share = (double)equal_slots / (double)SKETCH_SLOTS;
    return share > chance ? (share - chance) / (1.0 - chance) : 0.0;
}
