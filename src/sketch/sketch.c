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
 * Cost: sorting is linear (8 passes of a radix sort). A post of 600 words: 13 µs for shingles, 3 µs
 * for the sketch (bench_sketch). Sets of one or two shingles cost up to 65,536 probes, 0.1 ms.
 */
#include "sketch/sketch.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

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

uint64_t sketch_word(str word) {
    return hash64(word.data, word.len);
}

/* Of the words at `words` and the two behind it. */
static uint64_t hash_shingle(const uint64_t *words) {
    return hash64(words, SKETCH_SHINGLE_WORDS * sizeof *words);
}

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
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_shingle(words + i);
    }
    sort_hashes(hashes, spare, count);
    arena_rewind(perm, mark);
    *out = (shingle_set){hashes, drop_repeats(hashes, count)};
    return ANP_OK;
}

size_t sketch_hashes(const uint64_t *words, size_t word_count, uint64_t *out) {
    size_t count = shingle_count(word_count);
    for (size_t i = 0; i < count; i++) {
        out[i] = hash_shingle(words + i);
    }
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

/* What a sketch is made from: the least hash of each slot, and a count for each bit. */
typedef struct summary {
    uint64_t least[SKETCH_SLOTS];
    bool used[SKETCH_SLOTS];
    uint64_t counts[8]; /* byte j of counts[i] counts bit 8 j + i, until it would overflow */
    uint32_t totals[64];
    size_t items;
} summary;

static void flush_counts(summary *s) {
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 8; j++) {
            s->totals[8 * j + i] += (uint32_t)(s->counts[i] >> (8 * j)) & 0xff;
        }
        s->counts[i] = 0;
    }
}

static void add_hash(summary *s, uint64_t hash) {
    uint64_t slot = hash >> SLOT_SHIFT;
    s->least[slot] = s->used[slot] && s->least[slot] < hash ? s->least[slot] : hash;
    s->used[slot] = true;
    for (unsigned bit = 0; bit < 8; bit++) {
        s->counts[bit] += (hash >> bit) & 0x0101010101010101u;
    }
    if (++s->items % 255 == 0) {
        flush_counts(s);
    }
}

static void write_minhash(const summary *s, uint8_t *bytes) {
    for (unsigned slot = 0; slot < SKETCH_SLOTS; slot++) {
        unsigned from = s->used[slot] ? slot : find_donor(slot, s->used);
        unsigned value = (unsigned)(hash_mix64(s->least[from] + slot * GOLDEN) >> 60);
        bytes[slot / 2] = (uint8_t)(bytes[slot / 2] | value << (slot % 2 * SKETCH_SLOT_BITS));
    }
}

static uint64_t simhash_of(summary *s) {
    uint64_t simhash = 0;
    flush_counts(s);
    for (unsigned bit = 0; bit < 64; bit++) {
        simhash |= (uint64_t)(2 * (size_t)s->totals[bit] > s->items) << bit;
    }
    return simhash ? simhash : 1;
}

static void write_sketch(summary *s, uint8_t sketch[SKETCH_BYTES]) {
    memset(sketch, 0, SKETCH_BYTES);
    if (s->items) {
        write_minhash(s, sketch);
        store_u64(sketch + SKETCH_MINHASH_BYTES, simhash_of(s));
    }
}

void sketch_make(shingle_set set, uint8_t sketch[SKETCH_BYTES]) {
    summary s = {0};
    for (size_t i = 0; i < set.count; i++) {
        add_hash(&s, set.hashes[i]);
    }
    write_sketch(&s, sketch);
}

void sketch_scratch_free(sketch_scratch *s) {
    free(s->table);
    *s = (sketch_scratch){0};
}

/* A cleared table of twice the items or more; its mask, or 0 when memory is out. */
static size_t clear_table(sketch_scratch *s, size_t items) {
    size_t need = 64;
    while (need < 2 * items) {
        need *= 2;
    }
    if (s->capacity < need) {
        sketch_scratch_free(s);
        s->table = malloc(need * sizeof *s->table);
        s->capacity = s->table ? need : 0;
    }
    if (s->table) {
        memset(s->table, 0, need * sizeof *s->table);
    }
    return s->table ? need - 1 : 0;
}

/* Whether the hash was not yet in the table; 0 marks a free place, and is never kept. */
static bool insert(uint64_t *table, size_t mask, uint64_t hash, bool *zero_seen) {
    size_t at = hash & mask;
    if (hash == 0) {
        bool is_new = !*zero_seen;
        *zero_seen = true;
        return is_new;
    }
    while (table[at] != 0 && table[at] != hash) {
        at = (at + 1) & mask;
    }
    bool is_new = table[at] == 0;
    table[at] = hash;
    return is_new;
}

anp_status sketch_of_words(const uint64_t *words, size_t word_count, sketch_scratch *scratch,
                           uint8_t sketch[SKETCH_BYTES], anp_error *err) {
    size_t count = shingle_count(word_count);
    size_t mask = clear_table(scratch, count);
    bool zero_seen = false;
    summary s = {0};
    if (mask == 0) {
        return error_nomem(err, "the sketch of a post");
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_shingle(words + i);
        if (insert(scratch->table, mask, hash, &zero_seen)) {
            add_hash(&s, hash);
        }
    }
    write_sketch(&s, sketch);
    return ANP_OK;
}

double sketch_estimate(uint32_t equal_slots) {
    const double chance = 1.0 / (1 << SKETCH_SLOT_BITS);
    double share = (double)equal_slots / (double)SKETCH_SLOTS;
    return share > chance ? (share - chance) / (1.0 - chance) : 0.0;
}
