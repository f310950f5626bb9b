/*
 * Shingles of words, and the sketch of a set of shingles.
 *
 *     byte 0        1              127     128            135
 *     +------+------+---  …  ---+------+------  …  -----+
 *     | 1  0 | 3  2 |           |255 254| SimHash, LE     |     slots of 4 bits, odd ones high
 *     +------+------+---  …  ---+------+------  …  -----+
 *
 * MinHash, one permutation: the hash of a shingle is its place in a random order of all shingles;
 * its first 8 bits are its slot. The least hash of a slot stands for it. As the set is sorted, that
 * is the first one met. A slot that nothing falls into borrows from one that the probe sequence of
 * its own number finds: "optimal densification", which keeps the estimate unbiased for sets of a
 * few shingles. What is kept of a slot is 4 bits of its hash mixed with the slot's number: without
 * the number, all the slots that borrow from one hash would agree by chance together, and two sets
 * of one shingle would look the same once in 16.
 *
 * SimHash: bit i is the majority of bit i over all hashes. SimHash 0 is kept for the empty set:
 * where another set comes to 0 it gets 1.
 *
 * Cost: sorting is linear (8 passes of a radix sort). A post of 600 words: 13 µs for shingles, 3 µs
 * for the sketch (bench_sketch). Sets of one or two shingles cost up to 65,536 probes, 0.1 ms.
 */
#include "sketch/sketch.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

enum { SLOT_SHIFT = 56, SORT_DIGIT_BITS = 8, SORT_DIGITS = 256, SORT_PASSES = 8 };

_Static_assert(SKETCH_SLOTS == 1 << (64 - SLOT_SHIFT), "a slot is the first bits of a hash");
_Static_assert(SKETCH_BYTES == 136, "136 bytes a post are a promise of the format");

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u; /* 2^64 / golden ratio: spreads small numbers */

/* ---- Shingles ---- */

/*
 * Ascending; `spare` is room for `count` more. Hashes are uniform, so that every pass but the
 * few-item ones counts.
 */
static void sort_hashes(uint64_t *hashes, uint64_t *spare, size_t count) {
    size_t starts[SORT_PASSES][SORT_DIGITS] = {{0}};
    for (size_t i = 0; i < count; i++) {
        for (unsigned pass = 0; pass < SORT_PASSES; pass++) {
            starts[pass][(hashes[i] >> (pass * SORT_DIGIT_BITS)) & (SORT_DIGITS - 1)]++;
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
            uint64_t digit = (hashes[i] >> (pass * SORT_DIGIT_BITS)) & (SORT_DIGITS - 1);
            spare[starts[pass][digit]++] = hashes[i];
        }
        uint64_t *sorted = spare; /* an even number of passes: the result ends where it began */
        spare = hashes;
        hashes = sorted;
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

/*
 * Writes all words, each with its zero byte, one behind the other: a shingle's bytes are then a
 * slice.
 */
static void join_words(const str *words, size_t word_count, char *text) {
    for (size_t i = 0; i < word_count; i++) {
        if (words[i].len) {
            memcpy(text, words[i].data, words[i].len);
        }
        text[words[i].len] = 0;
        text += words[i].len + 1;
    }
}

static void hash_shingles(const str *words, const char *text, size_t count, uint64_t *hashes) {
    size_t len = 0;
    for (size_t i = 0; i < SKETCH_SHINGLE_WORDS - 1; i++) {
        len += words[i].len + 1;
    }
    for (size_t i = 0; i < count; i++) {
        len += words[i + SKETCH_SHINGLE_WORDS - 1].len + 1;
        hashes[i] = hash64(text, len);
        text += words[i].len + 1;
        len -= words[i].len + 1;
    }
}

anp_status sketch_shingles(const str *words, size_t word_count, arena *perm, shingle_set *out,
                           anp_error *err) {
    *out = (shingle_set){NULL, 0};
    if (word_count < SKETCH_SHINGLE_WORDS) {
        return ANP_OK;
    }
    size_t count = word_count - (SKETCH_SHINGLE_WORDS - 1);
    size_t text_bytes = word_count;
    for (size_t i = 0; i < word_count; i++) {
        text_bytes += words[i].len;
    }
    if (count > SIZE_MAX / 2 / sizeof(uint64_t)) {
        return error_nomem(err, "the shingles of a post");
    }
    uint64_t *hashes = arena_alloc(perm, count * sizeof *hashes);
    arena_mark mark = arena_save(perm);
    uint64_t *spare = hashes ? arena_alloc(perm, count * sizeof *spare) : NULL;
    char *text = spare ? arena_alloc(perm, text_bytes) : NULL;
    if (!text) {
        arena_rewind(perm, mark);
        return error_nomem(err, "the shingles of a post");
    }
    join_words(words, word_count, text);
    hash_shingles(words, text, count, hashes);
    sort_hashes(hashes, spare, count);
    arena_rewind(perm, mark);
    *out = (shingle_set){hashes, drop_repeats(hashes, count)};
    return ANP_OK;
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

/*
 * The first occupied slot in the probe sequence of `slot`: 8 probes a mix. `used` has at least one.
 */
static unsigned find_donor(unsigned slot, const bool used[SKETCH_SLOTS]) {
    for (uint64_t round = 0;; round++) {
        uint64_t probes = hash_mix64((round * SKETCH_SLOTS + slot + 1) * GOLDEN);
        for (unsigned i = 0; i < 8; i++, probes >>= 8) {
            unsigned donor = (unsigned)(probes & (SKETCH_SLOTS - 1));
            if (used[donor]) {
                return donor;
            }
        }
    }
}

static void make_minhash(shingle_set set, uint8_t *bytes) {
    uint64_t least[SKETCH_SLOTS] = {0};
    bool used[SKETCH_SLOTS] = {false};
    for (size_t i = set.count; i-- > 0;) { /* backwards: the least is written last */
        uint64_t slot = set.hashes[i] >> SLOT_SHIFT;
        least[slot] = set.hashes[i];
        used[slot] = true;
    }
    for (unsigned slot = 0; slot < SKETCH_SLOTS; slot++) {
        unsigned from = used[slot] ? slot : find_donor(slot, used);
        unsigned value = (unsigned)(hash_mix64(least[from] + slot * GOLDEN) >> 60);
        bytes[slot / 2] = (uint8_t)(bytes[slot / 2] | value << (slot % 2 * SKETCH_SLOT_BITS));
    }
}

/* Byte j of counts[i] counts bit 8 j + i, until it would overflow. */
static void add_counts(uint64_t counts[8], uint32_t totals[64]) {
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 8; j++) {
            totals[8 * j + i] += (uint32_t)(counts[i] >> (8 * j)) & 0xff;
        }
        counts[i] = 0;
    }
}

static uint64_t make_simhash(shingle_set set) {
    uint64_t counts[8] = {0};
    uint32_t totals[64] = {0};
    for (size_t i = 0; i < set.count; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            counts[bit] += (set.hashes[i] >> bit) & 0x0101010101010101u;
        }
        if (i % 255 == 254) {
            add_counts(counts, totals);
        }
    }
    add_counts(counts, totals);
    uint64_t simhash = 0;
    for (unsigned bit = 0; bit < 64; bit++) {
        simhash |= (uint64_t)(2 * (size_t)totals[bit] > set.count) << bit;
    }
    return simhash ? simhash : 1;
}

void sketch_make(shingle_set set, uint8_t sketch[SKETCH_BYTES]) {
    memset(sketch, 0, SKETCH_BYTES);
    if (set.count) {
        make_minhash(set, sketch);
        store_u64(sketch + SKETCH_MINHASH_BYTES, make_simhash(set));
    }
}

double sketch_estimate(uint32_t equal_slots) {
    const double chance = 1.0 / (1 << SKETCH_SLOT_BITS);
    double share = (double)equal_slots / (double)SKETCH_SLOTS;
    return share > chance ? (share - chance) / (1.0 - chance) : 0.0;
}
