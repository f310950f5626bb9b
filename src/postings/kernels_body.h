/*
 * What each kernels_*.c compiles for its processor. Before it is included: KERNELS, the table's
 * name, and KERNELS_NAME. See kernels.h.
 */
#include "postings/kernels.h"
#include "postings/widths.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#if defined(__AVX512VBMI2__)

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        __m512i from = _mm512_loadu_si512((const void *)bytes);
        _mm512_storeu_si512((void *)(lanes + 64 * word),
                            _mm512_maskz_expand_epi8(bits[word], from));
        bytes += __builtin_popcountll(bits[word]);
    }
}

#elif defined(__AVX2__) && defined(__BMI2__)

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        uint64_t left = bits[word];
        for (size_t at = 64 * word; at < 64 * word + 64; at += 8, left >>= 8) {
            uint64_t ones = _pdep_u64(left & 0xff, 0x0101010101010101u); /* one a lane */
            store_u64(lanes + at, _pdep_u64(load_u64(bytes), ones * 0xff));
            bytes += __builtin_popcountll(left & 0xff);
        }
    }
}

#else

static void expand(const uint64_t bits[KERNEL_BLOCK_WORDS], const uint8_t *bytes,
                   uint8_t lanes[BLOCK_DOCS]) {
    memset(lanes, 0, BLOCK_DOCS);
    for (size_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        for (uint64_t left = bits[word]; left; left &= left - 1) {
            lanes[64 * word + (size_t)__builtin_ctzll(left)] = *bytes++;
        }
    }
}

#endif

#if defined(__AVX512VBMI2__)

static uint32_t pick(const uint64_t *bits, uint32_t words, const uint8_t *lows,
                     const uint8_t *bytes, uint16_t first, uint16_t *docs, uint8_t *out) {
    const __m512i high = _mm512_set1_epi16((short)first);
    uint32_t count = 0;
    for (uint32_t word = 0; word < words; word++) {
        __mmask64 some = bits[word];
        __m512i low = _mm512_maskz_loadu_epi8(some, lows + 64 * (size_t)word);
        __m512i byte = _mm512_maskz_loadu_epi8(some, bytes + 64 * (size_t)word);
        low = _mm512_maskz_compress_epi8(some, low);
        __m512i even = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(low));
        __m512i odd = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(low, 1));
        _mm512_storeu_si512((void *)(docs + count), _mm512_or_si512(even, high));
        _mm512_storeu_si512((void *)(docs + count + 32), _mm512_or_si512(odd, high));
        _mm512_storeu_si512((void *)(out + count), _mm512_maskz_compress_epi8(some, byte));
        count += (uint32_t)__builtin_popcountll(some);
    }
    return count;
}

#else

static uint32_t pick(const uint64_t *bits, uint32_t words, const uint8_t *lows,
                     const uint8_t *bytes, uint16_t first, uint16_t *docs, uint8_t *out) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < words; word++) {
        for (uint64_t left = bits[word]; left; left &= left - 1) {
            size_t at = 64 * (size_t)word + (size_t)__builtin_ctzll(left);
            docs[count] = (uint16_t)(first | lows[at]);
            out[count++] = bytes[at];
        }
    }
    return count;
}

#endif

#if defined(__AVX512BW__)

static uint32_t at_least(const uint8_t *bytes, uint32_t count, uint8_t least,
                         uint64_t bits[KERNEL_BLOCK_WORDS]) {
    const __m512i want = _mm512_set1_epi8((char)least);
    uint32_t found = 0;
    for (uint32_t word = 0; word < KERNEL_BLOCK_WORDS; word++) {
        uint32_t from = word * 64, here = count > from ? count - from : 0;
        __mmask64 some = here < 64 ? ((uint64_t)1 << here) - 1 : UINT64_MAX;
        bits[word] = !some ? 0 : _mm512_mask_cmpge_epu8_mask(
            some, _mm512_maskz_loadu_epi8(some, bytes + from), want);
        found += (uint32_t)__builtin_popcountll(bits[word]);
    }
    return found;
}

#elif defined(__AVX2__)

static uint32_t at_least(const uint8_t *bytes, uint32_t count, uint8_t least,
                         uint64_t bits[KERNEL_BLOCK_WORDS]) {
    const __m256i want = _mm256_set1_epi8((char)least);
    uint32_t done = 0, found = 0;
    memset(bits, 0, KERNEL_BLOCK_WORDS * sizeof *bits);
    for (; done + 32 <= count; done += 32) {
        __m256i have = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + done));
        __m256i over = _mm256_cmpeq_epi8(_mm256_max_epu8(have, want), have);
        uint32_t mask = (uint32_t)_mm256_movemask_epi8(over);
        bits[done / 64] |= (uint64_t)mask << done % 64;
        found += (uint32_t)__builtin_popcount(mask);
    }
    for (; done < count; done++) {
        bits[done / 64] |= (uint64_t)(bytes[done] >= least) << done % 64;
        found += bytes[done] >= least;
    }
    return found;
}

#else

static uint32_t at_least(const uint8_t *bytes, uint32_t count, uint8_t least,
                         uint64_t bits[KERNEL_BLOCK_WORDS]) {
    uint32_t found = 0;
    memset(bits, 0, KERNEL_BLOCK_WORDS * sizeof *bits);
    for (uint32_t i = 0; i < count; i++) {
        bits[i / 64] |= (uint64_t)(bytes[i] >= least) << i % 64;
        found += bytes[i] >= least;
    }
    return found;
}

#endif

/* ---- tfs ----------------------------------------------------------------------------------- */

#if defined(__AVX512VBMI__)

/* 64 codes at a time: eight to each 64 bits, whose bytes pick theirs. */
static void tfs_of_2(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    const __m512i places = _mm512_set1_epi64(0x0e0c0a0806040200);
    for (uint32_t i = 0; i < n; i += 64) {
        __mmask64 some = n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : UINT64_MAX;
        __mmask16 bytes = n - i < 64 ? (__mmask16)((1u << (n - i) / 4) - 1) : UINT16_MAX;
        __m512i x = _mm512_cvtepu16_epi64(_mm_maskz_loadu_epi8(bytes, codes + i / 4));
        x = _mm512_and_si512(_mm512_multishift_epi64_epi8(places, x), _mm512_set1_epi8(3));
        _mm512_mask_storeu_epi8(tfs + i, some, _mm512_add_epi8(x, _mm512_set1_epi8(1)));
    }
}

static void tfs_of_4(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    const __m512i places = _mm512_set1_epi64(0x1c1814100c080400);
    for (uint32_t i = 0; i < n; i += 64) {
        __mmask64 some = n - i < 64 ? ((uint64_t)1 << (n - i)) - 1 : UINT64_MAX;
        __mmask32 bytes = n - i < 64 ? (__mmask32)(((uint64_t)1 << (n - i) / 2) - 1) : UINT32_MAX;
        __m512i x = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi8(bytes, codes + i / 2));
        x = _mm512_and_si512(_mm512_multishift_epi64_epi8(places, x), _mm512_set1_epi8(15));
        _mm512_mask_storeu_epi8(tfs + i, some, _mm512_add_epi8(x, _mm512_set1_epi8(1)));
    }
}

#else

#if defined(__BMI2__)

static inline uint64_t spread(uint64_t codes, uint64_t lanes) {
    return _pdep_u64(codes, lanes) + 0x0101010101010101u;
}

#else

static inline uint64_t spread(uint64_t codes, uint64_t lanes) {
    uint64_t out = 0x0101010101010101u;
    uint32_t bits = lanes & 0x0c ? 4 : 2;
    for (uint32_t i = 0; i < 8; i++, codes >>= bits) {
        out += (codes & lanes & 0xff) << (8 * i);
    }
    return out;
}

#endif

#if defined(__AVX2__)

static inline void store_tfs(__m128i codes, uint8_t *tfs) {
    _mm_storeu_si128((__m128i *)(void *)tfs, _mm_add_epi8(codes, _mm_set1_epi8(1)));
}

/* Of each byte the bits of a mask, from one on: a half, or its even or odd codes of 2 bits. */
static inline __m128i part_of(__m128i bytes, int shift, char mask) {
    return _mm_and_si128(_mm_srli_epi16(bytes, shift), _mm_set1_epi8(mask));
}

/* 64 codes at a time, as far as there are so many; how many were done. */
static uint32_t many_of_2(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = 0;
    for (; i + 64 <= n; i += 64) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(codes + i / 4));
        __m128i even = part_of(bytes, 0, 0x33), odd = part_of(bytes, 2, 0x33);
        __m128i pairs[2] = {_mm_unpacklo_epi8(even, odd), _mm_unpackhi_epi8(even, odd)};
        for (int half = 0; half < 2; half++) {
            __m128i first = part_of(pairs[half], 0, 3), second = part_of(pairs[half], 4, 3);
            store_tfs(_mm_unpacklo_epi16(first, second), tfs + i + 32 * half);
            store_tfs(_mm_unpackhi_epi16(first, second), tfs + i + 32 * half + 16);
        }
    }
    return i;
}

/* 32 at a time. */
static uint32_t many_of_4(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(codes + i / 2));
        __m128i even = part_of(bytes, 0, 15), odd = part_of(bytes, 4, 15);
        store_tfs(_mm_unpacklo_epi8(even, odd), tfs + i);
        store_tfs(_mm_unpackhi_epi8(even, odd), tfs + i + 16);
    }
    return i;
}

#else

static uint32_t many_of_2(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    return (void)codes, (void)n, (void)tfs, 0;
}

static uint32_t many_of_4(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    return (void)codes, (void)n, (void)tfs, 0;
}

#endif

static void tfs_of_2(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = many_of_2(codes, n, tfs);
    for (; i + 8 <= n; i += 8) {
        store_u64(tfs + i, spread(load_u16(codes + i / 4), 0x0303030303030303u));
    }
    if (i < n) {
        store_u32(tfs + i, (uint32_t)spread(codes[i / 4], 0x0303030303030303u));
    }
}

static void tfs_of_4(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = many_of_4(codes, n, tfs);
    for (; i + 8 <= n; i += 8) {
        store_u64(tfs + i, spread(load_u32(codes + i / 2), 0x0f0f0f0f0f0f0f0fu));
    }
    for (; i < n; i += 2) {
        store_u16(tfs + i, (uint16_t)spread(codes[i / 2], 0x0f0f0f0f0f0f0f0fu));
    }
}

#endif

/* ---- Blocked containers -------------------------------------------------------------------- */

/* The 0s of high end the blocks. */
#if defined(__AVX512VBMI2__)

static void starts(const uint8_t *high, uint32_t words, uint32_t n, uint16_t out[257]) {
    uint8_t counting[64];
    uint32_t block = 0;
    for (int i = 0; i < 64; i++) {
        counting[i] = (uint8_t)i;
    }
    const __m512i iota = _mm512_loadu_si512((const void *)counting);
    const __m512i most = _mm512_set1_epi16((short)n);
    for (uint32_t word = 0; word < words && block < 256; word++) {
        uint64_t zeros = ~load_u64(high + 8 * (size_t)word);
        uint32_t here = (uint32_t)__builtin_popcountll(zeros), room = 256 - block;
        here = here < room ? here : room;
        /* A zero's bit less the blocks before it: the postings before it. */
        __m512i ones = _mm512_sub_epi8(_mm512_maskz_compress_epi8(zeros, iota), iota);
        __m512i before = _mm512_set1_epi16((short)(word * 64 - block));
        for (uint32_t half = 0; half < here; half += 32) {
            __m256i some = half ? _mm512_extracti64x4_epi64(ones, 1) : _mm512_castsi512_si256(ones);
            __m512i start = _mm512_add_epi16(_mm512_cvtepu8_epi16(some), before);
            __mmask32 store = here - half < 32 ? (1u << (here - half)) - 1 : UINT32_MAX;
            _mm512_mask_storeu_epi16(out + 1 + block + half, store,
                                     _mm512_min_epu16(start, most));
        }
        block += here;
    }
    out[0] = 0;
    while (block < 256) {
        out[++block] = (uint16_t)n;
    }
}

#else

static void starts(const uint8_t *high, uint32_t words, uint32_t n, uint16_t out[257]) {
    uint32_t block = 0;
    for (uint32_t word = 0; word < words && block < 256; word++) {
        uint64_t zeros = ~load_u64(high + 8 * (size_t)word);
        for (; zeros && block < 256; zeros &= zeros - 1) {
            uint32_t bit = word * 64 + (uint32_t)__builtin_ctzll(zeros), start = bit - block;
            out[++block] = (uint16_t)(start < n ? start : n);
        }
    }
    out[0] = 0;
    while (block < 256) {
        out[++block] = (uint16_t)n;
    }
}

#endif

/* Whether `byte` is among the bytes [from, to). */
static inline bool in_run(const uint8_t *container, uint32_t from, uint32_t to, uint8_t byte) {
#if defined(__AVX2__)
    const __m256i want = _mm256_set1_epi8((char)byte);
    for (; to - from > 32 && to > from; from += 32) {
        __m256i have = _mm256_loadu_si256((const __m256i *)(const void *)(container + from));
        if (_mm256_movemask_epi8(_mm256_cmpeq_epi8(have, want))) {
            return true;
        }
    }
    __m256i have = _mm256_loadu_si256((const __m256i *)(const void *)(container + from));
    uint32_t same = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(have, want));
    return to > from && same & (UINT32_MAX >> (32 - (to - from)));
#else
    while (from < to && container[from] < byte) {
        from++;
    }
    return from < to && container[from] == byte;
#endif
}

static uint32_t keep_docs(uint16_t *docs, uint32_t n, const uint8_t *container,
                          const uint16_t at[257], bool drop) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t low = docs[i];
        uint32_t block = low >> 8;
        docs[kept] = low;
        kept += in_run(container, at[block], at[block + 1], (uint8_t)low) != drop;
    }
    return kept;
}

static uint32_t keep_in(uint16_t *docs, uint32_t n, const uint8_t *bits, bool drop) {
    const uint64_t flip = drop ? UINT64_MAX : 0;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint16_t low = docs[i];
        uint64_t word = load_u64(bits + (size_t)(low / 64) * 8) ^ flip;
        docs[kept] = low;
        kept += (uint32_t)(word >> low % 64) & 1;
    }
    return kept;
}

/* ---- Windows ------------------------------------------------------------------------------- */

/* The loops over a window: simple, so that every compiler makes vectors of them. */
#define WINDOW_LOOP(name, expression)                        \
    static uint32_t name(uint64_t *a, const uint8_t *b) {    \
        uint64_t ones = 0;                                   \
        for (size_t i = 0; i < KERNEL_WORDS; i++) {          \
            uint64_t x = a[i], y = load_u64(b + 8 * i);      \
            a[i] = (expression);                             \
            ones += (uint64_t)__builtin_popcountll(a[i]);    \
        }                                                    \
        return (uint32_t)ones;                               \
    }

WINDOW_LOOP(and_into, x & y)
WINDOW_LOOP(or_into, x | y)
WINDOW_LOOP(andnot_into, x & ~y)

static inline uint32_t ones_in_both(const uint8_t *a, const uint8_t *b, uint32_t words) {
    uint64_t ones = 0;
    for (size_t i = 0; i < words; i++) {
        ones += (uint64_t)__builtin_popcountll(load_u64(a + 8 * i) & load_u64(b + 8 * i));
    }
    return (uint32_t)ones;
}

static uint32_t and_count(const uint8_t *a, const uint8_t *b) {
    return ones_in_both(a, b, KERNEL_WORDS);
}

static uint32_t and_count_some(const uint64_t *a, const uint64_t *b, uint32_t words) {
    return ones_in_both((const uint8_t *)a, (const uint8_t *)b, words);
}

static uint32_t count(const uint64_t *a) {
    uint64_t ones = 0;
    for (size_t i = 0; i < KERNEL_WORDS; i++) {
        ones += (uint64_t)__builtin_popcountll(a[i]);
    }
    return (uint32_t)ones;
}

static uint32_t block_count(const uint64_t bits[KERNEL_BLOCK_WORDS]) {
    uint32_t ones = 0;
    for (size_t i = 0; i < KERNEL_BLOCK_WORDS; i++) {
        ones += (uint32_t)__builtin_popcountll(bits[i]);
    }
    return ones;
}

static inline void set_one(uint64_t *a, uint16_t doc) {
    a[doc / 64] |= (uint64_t)1 << doc % 64;
}

/* Neighbours share words, and each would wait for the one before: so by turns from four places. */
static void set(uint64_t *a, const uint16_t *docs, uint32_t n) {
    uint32_t part = n / 4;
    for (uint32_t i = 0; i < part; i++) {
        set_one(a, docs[i]);
        set_one(a, docs[part + i]);
        set_one(a, docs[2 * part + i]);
        set_one(a, docs[3 * part + i]);
    }
    for (uint32_t i = 4 * part; i < n; i++) {
        set_one(a, docs[i]);
    }
}

/* ---- Positions ----------------------------------------------------------------------------- */

static bool widths_each(const uint32_t *numbers, const uint32_t *lengths, uint32_t n,
                        uint32_t *each) {
    uint32_t impossible = 0;
    for (uint32_t i = 0; i < n; i++) {
        impossible |= numbers[i] > lengths[i];
        each[i] = (uint32_t)width_of(numbers[i], lengths[i]);
    }
    return !impossible;
}

/*
 * The bit vector is walked in pieces of 56 bits; what the last one has behind the vector is not
 * masked: 1s from number t on are none. Behind `zeros` 0s and `ones` 1s of the vector no position
 * is less than (zeros << w) + ones, and none before it is (zeros + 1 << w) + ones or more.
 *
 * In the piece where a position would be, the 1s with too few 0s before them are passed at once,
 * without a look at their low parts.
 */
enum { PIECE_BITS = 56 };

typedef struct vector_walk {
    uint64_t at;          /* bit: the next piece */
    uint64_t whole, left; /* the piece in hand; its 1s that are not passed */
    uint32_t zeros, ones; /* before it */
} vector_walk;

/* What does not change in a walk. */
typedef struct vector_of {
    const uint8_t *bytes;
    size_t len;
    uint64_t low, end; /* bits: of the low parts; where the vector ends */
    uint32_t t, w;
    bool inside;
} vector_of;

/* false: behind the end. */
static inline bool next_piece(const vector_of *v, vector_walk *walk) {
    uint32_t had = (uint32_t)__builtin_popcountll(walk->whole);
    if (walk->at >= v->end) {
        return false;
    }
    walk->zeros += PIECE_BITS - had;
    walk->ones += had;
    walk->whole = positions_peek(v->bytes, v->len, walk->at, v->inside) &
                  (((uint64_t)1 << PIECE_BITS) - 1);
    walk->left = walk->whole;
    walk->at += PIECE_BITS;
    return true;
}

/* Whether some position in the piece may be so great. */
static inline bool may_reach(const vector_of *v, const vector_walk *walk, uint32_t position) {
    uint32_t had = (uint32_t)__builtin_popcountll(walk->whole);
    uint32_t zeros = walk->zeros + PIECE_BITS - had, ones = walk->ones + had;
    return ((uint64_t)(zeros + 1) << v->w) + ones > position;
}

/* Passes 1s that have fewer 0s before them than `position` if it were as late as it can be. */
static inline void pass_low(const vector_of *v, vector_walk *walk, uint32_t position) {
#if defined(__BMI2__)
    uint32_t last = walk->ones + (uint32_t)__builtin_popcountll(walk->whole);
    uint32_t high = position < last ? 0 : (position - last) >> v->w;
    if (high > walk->zeros) {
        uint64_t zero = _pdep_u64((uint64_t)1 << (high - walk->zeros - 1), ~walk->whole);
        walk->left &= ~(zero - 1);
    }
#else
    (void)v, (void)walk, (void)position;
#endif
}

/* Looks for a position among the 1s of the piece: 1 it is there, 0 it is nowhere, -1 not here. */
static inline int find_in_piece(const vector_of *v, vector_walk *walk, uint32_t position) {
    pass_low(v, walk, position);
    for (; walk->left; walk->left &= walk->left - 1) {
        uint64_t before = walk->whole & ((walk->left & (0 - walk->left)) - 1);
        uint32_t bit = (uint32_t)__builtin_ctzll(walk->left);
        uint32_t passed = (uint32_t)__builtin_popcountll(before), one = walk->ones + passed;
        uint64_t least = ((uint64_t)(walk->zeros + bit - passed) << v->w) + one;
        if (least > position || one >= v->t) {
            return 0;
        }
        uint64_t place = v->low + (uint64_t)one * v->w;
        uint64_t low = positions_peek(v->bytes, v->len, place, v->inside);
        uint64_t here = least + (low & (((uint64_t)1 << v->w) - 1));
        if (here >= position) {
            return here == position;
        }
    }
    return -1;
}

/* Whether `position` is there; positions ascend from call to call. */
static inline bool holds(const vector_of *v, vector_walk *walk, uint32_t position) {
    do {
        int found = may_reach(v, walk, position) ? find_in_piece(v, walk, position) : -1;
        if (found >= 0) {
            return found;
        }
    } while (next_piece(v, walk));
    return false;
}

static inline uint32_t keep_held(vector_of v, uint64_t high, uint32_t offset, uint32_t *starts,
                                 uint32_t n) {
    vector_walk walk = {.at = high, .zeros = 0u - PIECE_BITS}; /* as if behind 56 0s */
    uint32_t kept = 0;
    next_piece(&v, &walk);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t start = starts[i];
        starts[kept] = start;
        kept += holds(&v, &walk, start + offset);
    }
    return kept;
}

/*
 * Where many starts are looked for, all positions are read: bits say which of a stretch of words
 * are wanted.
 */
enum { STRETCH = 2048, MANY_PART = 8 }; /* many: an eighth of the positions, and more */

typedef struct wanted_words {
    uint64_t bits[STRETCH / 64];
    uint32_t first; /* of the stretch */
    uint32_t taken; /* starts before the stretch's end */
} wanted_words;

/* A stretch from a position on; false: no start is left. */
static bool want_from(wanted_words *s, uint32_t position, uint32_t offset, const uint32_t *starts,
                      uint32_t n) {
    memset(s->bits, 0, sizeof s->bits);
    s->first = position;
    while (s->taken < n && starts[s->taken] + offset < position) {
        s->taken++;
    }
    if (s->taken == n) {
        return false;
    }
    for (; s->taken < n && starts[s->taken] + offset - position < (uint32_t)STRETCH; s->taken++) {
        uint32_t at = starts[s->taken] + offset - position;
        s->bits[at / 64] |= (uint64_t)1 << at % 64;
    }
    return true;
}

/* A start that is kept was taken before, so that none is overwritten which still is to be. */
static inline uint32_t keep_many_each(vector_of v, uint64_t high, uint32_t offset, uint32_t *starts,
                                 uint32_t n) {
    vector_walk walk = {.at = high, .zeros = 0u - PIECE_BITS};
    wanted_words s = {.taken = 0};
    uint32_t one = 0, kept = 0;
    uint64_t place = v.low, mask = ((uint64_t)1 << v.w) - 1;
    bool more = want_from(&s, 0, offset, starts, n);
    while (more && next_piece(&v, &walk)) {
        uint32_t before = walk.zeros + walk.ones, found[PIECE_BITS], count = 0;
        for (; walk.left && one < v.t; walk.left &= walk.left - 1, one++, place += v.w) {
            uint32_t high_part = before + (uint32_t)__builtin_ctzll(walk.left) - one;
            uint32_t low = (uint32_t)(positions_peek(v.bytes, v.len, place, v.inside) & mask);
            uint32_t position = (high_part << v.w) + low + one, at = position - s.first;
            if (at >= (uint32_t)STRETCH) {
                more = want_from(&s, position, offset, starts, n);
                at = 0;
            }
            found[count] = position - offset; /* without a branch: none could be foreseen */
            count += s.bits[at / 64] >> at % 64 & 1;
        }
        count = count < s.taken - kept ? count : s.taken - kept;
        memcpy(starts + kept, found, count * sizeof *found);
        kept += count;
    }
    return kept;
}

#if defined(__AVX512VBMI2__)

/*
 * Sixteen positions at once: which of a piece's 1s they are, out of their bits; the low parts, of
 * at most LOW_BITS_READ bits, out of theirs, so that all lie in 64 bytes. Tried: gathering them,
 * which takes as long as one after the other.
 */
enum { AT_ONCE = 16, LOW_BITS_READ = 25 };

static inline bool is_for_vectors(const vector_of *v) {
    return v->inside && v->w <= LOW_BITS_READ;
}

/* The bits of a piece's 1s, a byte each. */
static inline __m512i places_of(uint64_t ones) {
    const __m512i counting = _mm512_set_epi64(
        0x3f3e3d3c3b3a3938, 0x3736353433323130, 0x2f2e2d2c2b2a2928, 0x2726252423222120,
        0x1f1e1d1c1b1a1918, 0x1716151413121110, 0x0f0e0d0c0b0a0908, 0x0706050403020100);
    return _mm512_maskz_compress_epi8(ones, counting);
}

/* Positions number `one` on, of 1s at `bits` behind `before` others and 0s. */
static inline __m512i positions_at(const vector_of *v, __m128i bits, uint32_t before,
                                   uint32_t one) {
    const __m512i counting = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    __m512i ones = _mm512_add_epi32(counting, _mm512_set1_epi32((int)one));
    __m512i high = _mm512_add_epi32(_mm512_cvtepu8_epi32(bits), _mm512_set1_epi32((int)before));
    high = _mm512_sllv_epi32(_mm512_sub_epi32(high, ones), _mm512_set1_epi32((int)v->w));
    const uint64_t bit = v->low + (uint64_t)one * v->w;
    const size_t left = v->len - (size_t)(bit / 8);
    __m512i low = _mm512_maskz_loadu_epi8(left < 64 ? ((uint64_t)1 << left) - 1 : UINT64_MAX,
                                          v->bytes + bit / 8);
    __m512i place = _mm512_mullo_epi32(counting, _mm512_set1_epi32((int)v->w));
    place = _mm512_add_epi32(place, _mm512_set1_epi32((int)(bit % 8)));
    __m512i byte = _mm512_mullo_epi32(_mm512_srli_epi32(place, 3), _mm512_set1_epi32(0x01010101));
    byte = _mm512_add_epi8(byte, _mm512_set1_epi32(0x03020100)); /* four bytes to each */
    low = _mm512_permutexvar_epi8(byte, low);
    low = _mm512_srlv_epi32(low, _mm512_and_si512(place, _mm512_set1_epi32(7)));
    low = _mm512_and_si512(low, _mm512_set1_epi32((int)((1u << v->w) - 1)));
    return _mm512_add_epi32(_mm512_add_epi32(high, low), ones);
}

/* Those of up to 16 positions (`some`) that are wanted, less the offset, into `found`; how many. A
   compression to memory takes ten times as long on some processors as one and a store. */
static inline uint32_t take_wanted(wanted_words *s, __m512i positions, __mmask16 some,
                                   uint32_t offset, const uint32_t *starts, uint32_t n, bool *more,
                                   uint32_t found[2 * AT_ONCE]) {
    const __m512i stretch = _mm512_set1_epi32(STRETCH), one = _mm512_set1_epi32(1);
    uint32_t count = 0;
    while (some && *more) {
        __m512i bits[4];
        for (uint32_t i = 0; i < 4; i++) {
            bits[i] = _mm512_loadu_si512((const void *)(s->bits + 8 * (size_t)i));
        }
        __m512i at = _mm512_sub_epi32(positions, _mm512_set1_epi32((int)s->first));
        __mmask16 behind = some & _mm512_cmpge_epu32_mask(at, stretch);
        __mmask16 here = some & (__mmask16)((behind & (0u - behind)) - 1); /* before the first */
        __m512i byte = _mm512_srli_epi32(at, 3); /* the others of each four are not looked at */
        __m512i words = _mm512_mask_blend_epi8(
            _mm512_movepi8_mask(byte), _mm512_permutex2var_epi8(bits[0], byte, bits[1]),
            _mm512_permutex2var_epi8(bits[2], byte, bits[3]));
        words = _mm512_srlv_epi32(words, _mm512_and_si512(at, _mm512_set1_epi32(7)));
        __mmask16 held = _mm512_mask_test_epi32_mask(here, words, one);
        __m512i kept = _mm512_sub_epi32(positions, _mm512_set1_epi32((int)offset));
        _mm512_storeu_si512((void *)(found + count), _mm512_maskz_compress_epi32(held, kept));
        count += (uint32_t)__builtin_popcount(held);
        some &= (__mmask16)~here;
        if (some) {
            uint32_t all[AT_ONCE];
            _mm512_storeu_si512((void *)all, positions);
            *more = want_from(s, all[__builtin_ctz(some)], offset, starts, n);
        }
    }
    return count;
}

static inline uint32_t keep_many_at_once(vector_of v, uint64_t high, uint32_t offset,
                                         uint32_t *starts, uint32_t n) {
    vector_walk walk = {.at = high, .zeros = 0u - PIECE_BITS};
    wanted_words s = {.taken = 0};
    uint32_t one = 0, kept = 0;
    bool more = want_from(&s, 0, offset, starts, n);
    while (more && one < v.t && next_piece(&v, &walk)) {
        uint32_t before = walk.zeros + walk.ones;
        uint32_t here = (uint32_t)__builtin_popcountll(walk.whole);
        uint8_t bits[64];
        _mm512_storeu_si512((void *)bits, places_of(walk.whole));
        here = here < v.t - one ? here : v.t - one;
        for (uint32_t i = 0; i < here && more; i += AT_ONCE) {
            uint32_t found[2 * AT_ONCE], left = here - i;
            __mmask16 some = left < AT_ONCE ? (__mmask16)((1u << left) - 1) : UINT16_MAX;
            __m128i those = _mm_loadu_si128((const __m128i *)(const void *)(bits + i));
            __m512i positions = positions_at(&v, those, before, one + i);
            uint32_t count =
                take_wanted(&s, positions, some, offset, starts, n, &more, found);
            count = count < s.taken - kept ? count : s.taken - kept;
            memcpy(starts + kept, found, count * sizeof *found);
            kept += count;
        }
        one += here;
    }
    return kept;
}

static inline uint32_t keep_many(vector_of v, uint64_t high, uint32_t offset, uint32_t *starts,
                                 uint32_t n) {
    enum { FEW = 48 }; /* of so few positions the bits that are wanted would be waited for */
    return v.t >= FEW && is_for_vectors(&v) ? keep_many_at_once(v, high, offset, starts, n)
                                            : keep_many_each(v, high, offset, starts, n);
}

#else

static inline uint32_t keep_many(vector_of v, uint64_t high, uint32_t offset, uint32_t *starts,
                                 uint32_t n) {
    return keep_many_each(v, high, offset, starts, n);
}

#endif

static uint32_t keep(const uint8_t *bytes, size_t len, uint64_t bit, uint32_t t, uint32_t length,
                     uint32_t offset, uint32_t *starts, uint32_t n) {
    uint32_t range = length - t + 1, w = low_bits(t, range);
    uint64_t high = bit + (uint64_t)t * w, end = high + t + ((range - 1) >> w);
    vector_of all = {bytes, len, bit, end, t, w, end / 8 + 8 <= len};
    bool many = n > t / MANY_PART;
    if (all.inside) { /* known in what is made of each */
        return many ? keep_many(all, high, offset, starts, n)
                    : keep_held(all, high, offset, starts, n);
    }
    return many ? keep_many(all, high, offset, starts, n)
                : keep_held(all, high, offset, starts, n);
}

/* One after the other. */
static inline uint32_t read_each(const vector_of *v, uint64_t high, uint32_t *out) {
    vector_walk walk = {.at = high, .zeros = 0u - PIECE_BITS};
    const uint64_t mask = ((uint64_t)1 << v->w) - 1;
    uint64_t place = v->low;
    uint32_t one = 0;
    while (one < v->t && next_piece(v, &walk)) {
        const uint32_t before = walk.zeros + walk.ones;
        for (; walk.left && one < v->t; walk.left &= walk.left - 1, one++, place += v->w) {
            uint32_t part = before + (uint32_t)__builtin_ctzll(walk.left) - one;
            uint64_t low = positions_peek(v->bytes, v->len, place, v->inside) & mask;
            out[one] = (part << v->w) + (uint32_t)low + one;
        }
    }
    return one;
}

#if defined(__AVX512VBMI2__)

static inline uint32_t read_at_once(const vector_of *v, uint64_t high, uint32_t *out) {
    vector_walk walk = {.at = high, .zeros = 0u - PIECE_BITS};
    uint32_t one = 0;
    while (one < v->t && next_piece(v, &walk)) {
        uint32_t here = (uint32_t)__builtin_popcountll(walk.whole);
        uint8_t bits[64];
        _mm512_storeu_si512((void *)bits, places_of(walk.whole));
        here = here < v->t - one ? here : v->t - one;
        for (uint32_t i = 0; i < here; i += AT_ONCE) {
            uint32_t room = v->t - one - i;
            __mmask16 some = room < AT_ONCE ? (__mmask16)((1u << room) - 1) : UINT16_MAX;
            __m128i those = _mm_loadu_si128((const __m128i *)(const void *)(bits + i));
            _mm512_mask_storeu_epi32(out + one + i, some,
                                     positions_at(v, those, walk.zeros + walk.ones, one + i));
        }
        one += here;
    }
    return one;
}

#endif

static bool elias_fano(const uint8_t *bytes, size_t len, uint64_t bit, uint32_t t, uint32_t length,
                       uint32_t *out) {
    uint32_t range = length - t + 1, w = low_bits(t, range);
    uint64_t high = bit + (uint64_t)t * w, end = high + t + ((range - 1) >> w);
    vector_of v = {bytes, len, bit, end, t, w, end / 8 + 8 <= len};
#if defined(__AVX512VBMI2__)
    if (is_for_vectors(&v)) {
        return read_at_once(&v, high, out) == t;
    }
#endif
    return read_each(&v, high, out) == t;
}

const postings_kernels KERNELS = {
    .name = KERNELS_NAME,
    .expand = expand,
    .at_least = at_least,
    .pick = pick,
    .tfs_of_2 = tfs_of_2,
    .tfs_of_4 = tfs_of_4,
    .starts = starts,
    .keep_docs = keep_docs,
    .keep_in = keep_in,
    .and_count = and_count,
    .and_count_some = and_count_some,
    .and_into = and_into,
    .or_into = or_into,
    .andnot_into = andnot_into,
    .count = count,
    .block_count = block_count,
    .set = set,
    .widths_each = widths_each,
    .keep = keep,
    .elias_fano = elias_fano,
};
