/*
 * Shingles and sketches: pure functions. `index` writes the tables, `similar` asks.
 *
 * A shingle is 3 consecutive words of the body (folded, whole words only, not stemmed). A word's
 * hash is 64-bit xxHash over its bytes, a shingle's hash 64-bit xxHash over the three words' hashes
 * (24 bytes, little-endian), so that a word met again needs no hashing. A set of shingles is sorted
 * and distinct.
 *
 * A sketch is 136 bytes: one-permutation MinHash with optimal densification (Shrivastava 2017),
 * 256 slots of 4 bits packed two a byte (slot 2i in the low half of byte i), then a 64-bit
 * SimHash, little-endian.
 */
#ifndef ANP_SKETCH_SKETCH_H
#define ANP_SKETCH_SKETCH_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/str.h"

enum {
    SKETCH_SHINGLE_WORDS = 3,
    SKETCH_SLOTS = 256,
    SKETCH_SLOT_BITS = 4,
    SKETCH_MINHASH_BYTES = SKETCH_SLOTS * SKETCH_SLOT_BITS / 8,
    SKETCH_SIMHASH_BYTES = 8,
    SKETCH_BYTES = SKETCH_MINHASH_BYTES + SKETCH_SIMHASH_BYTES,
};

typedef struct shingle_set {
    uint64_t *hashes; /* ascending, distinct */
    size_t count;
} shingle_set;

/* The hash of a folded word. */
uint64_t sketch_word(str word);

/* The shingles of a sequence of words, given by their hashes; fewer than 3 words give an empty
   set. The set's hashes live in perm; NOMEM otherwise. */
anp_status sketch_shingles(const uint64_t *words, size_t word_count, arena *perm, shingle_set *out,
                           anp_error *err);

/* Their hashes as they stand in the text, repeats and all, into out (room for word_count); how
   many. */
size_t sketch_hashes(const uint64_t *words, size_t word_count, uint64_t *out);

/* An empty set gives 136 zero bytes, which no other set gives. */
void sketch_make(shingle_set set, uint8_t sketch[SKETCH_BYTES]);

/* Memory that sketch_of_words keeps from one text to the next; zero at first, one a thread. */
typedef struct sketch_scratch {
    uint64_t *room; /* begins with the text's distinct shingles, as they first stand in it */
    size_t count;   /* of them */
    size_t capacity;
} sketch_scratch;

void sketch_scratch_free(sketch_scratch *s);

/* The same sketch as of the words' shingles, without sorting them; they stay in scratch until its
   next call. */
anp_status sketch_of_words(const uint64_t *words, size_t word_count, sketch_scratch *scratch,
                           uint8_t sketch[SKETCH_BYTES], anp_error *err);

/* |A ∩ B| / |A ∪ B|; 0/0 is 1 where both are equal and not empty, else 0. */
double sketch_jaccard(shingle_set a, shingle_set b);

/* Slots that are equal, 0 to 256. An all-zero (empty) sketch equals nothing: 0. */
uint32_t sketch_equal_slots(const uint8_t a[SKETCH_BYTES], const uint8_t b[SKETCH_BYTES]);

/*
 * The estimate of Jaccard from equal slots: (equal/256 - c) / (1 - c), c = 1/16 being chance, not
 * below 0.
 */
double sketch_estimate(uint32_t equal_slots);

/*
 * Equal slots of `probe` against `count` sketches that lie one behind the other, into equal[].
 * SIMD chosen at run time (AVX-512, AVX2, NEON, portable), same numbers each.
 */
void sketch_scan(const uint8_t probe[SKETCH_BYTES], const uint8_t *sketches, size_t count,
                 uint16_t *equal);

/* The slow, obvious twin of sketch_scan, and its SIMD kernels, for tests: NULL-terminated list. */
typedef struct sketch_kernel {
    const char *name;
    void (*scan)(const uint8_t *probe, const uint8_t *sketches, size_t count, uint16_t *equal);
} sketch_kernel;
const sketch_kernel *sketch_kernels(void); /* those that this processor can run, portable first */

#endif
