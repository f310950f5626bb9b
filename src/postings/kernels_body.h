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

static void tfs_of_2(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = 0;
    for (; i + 8 <= n; i += 8) {
        store_u64(tfs + i, spread(load_u16(codes + i / 4), 0x0303030303030303u));
    }
    if (i < n) {
        store_u32(tfs + i, (uint32_t)spread(codes[i / 4], 0x0303030303030303u));
    }
}

static void tfs_of_4(const uint8_t *codes, uint32_t n, uint8_t *tfs) {
    uint32_t i = 0;
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

static uint32_t and_count(const uint8_t *a, const uint8_t *b) {
    uint64_t ones = 0;
    for (size_t i = 0; i < KERNEL_WORDS; i++) {
        ones += (uint64_t)__builtin_popcountll(load_u64(a + 8 * i) & load_u64(b + 8 * i));
    }
    return (uint32_t)ones;
}

static uint32_t count(const uint64_t *a) {
    uint64_t ones = 0;
    for (size_t i = 0; i < KERNEL_WORDS; i++) {
        ones += (uint64_t)__builtin_popcountll(a[i]);
    }
    return (uint32_t)ones;
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
 * The bit vector is walked in pieces of at most 56 bits. Behind `zeros` 0s and `ones` 1s of it no
 * position is less than (zeros << w) + ones, and none before it is (zeros + 1 << w) + ones or more.
 */
typedef struct vector_walk {
    const uint8_t *bytes;
    size_t len;
    uint64_t low, at, end; /* bits: of the low parts; of the vector: the next piece, its end */
    uint64_t piece;        /* of the piece in hand: 1s that are left */
    uint32_t zeros, ones;  /* before the piece in hand */
    uint32_t size;         /* of the piece */
    uint32_t passed;       /* 1s of the piece that are passed */
    uint32_t t, w;
    bool inside;
} vector_walk;

static inline void next_piece(vector_walk *v) {
    uint32_t had = v->passed + (uint32_t)__builtin_popcountll(v->piece);
    v->ones += had;
    v->zeros += v->size - had;
    v->size = v->end - v->at < 56 ? (uint32_t)(v->end - v->at) : 56;
    v->piece = positions_peek(v->bytes, v->len, v->at, v->inside) & ((1ull << v->size) - 1);
    v->at += v->size;
    v->passed = 0;
}

/* Whether `position` is there; positions ascend from call to call. */
static inline bool holds(vector_walk *v, uint32_t position) {
    for (;;) {
        uint32_t had = v->passed + (uint32_t)__builtin_popcountll(v->piece);
        uint64_t above = ((uint64_t)(v->zeros + v->size - had + 1) << v->w) + v->ones + had;
        if (above > position) {
            for (; v->piece; v->piece &= v->piece - 1, v->passed++) {
                uint32_t bit = (uint32_t)__builtin_ctzll(v->piece), one = v->ones + v->passed;
                uint64_t least = ((uint64_t)(v->zeros + bit - v->passed) << v->w) + one;
                if (least > position || one >= v->t) {
                    return false;
                }
                uint64_t place = v->low + (uint64_t)one * v->w;
                uint64_t low = positions_peek(v->bytes, v->len, place, v->inside);
                uint64_t here = least + (low & ((1ull << v->w) - 1));
                if (here >= position) {
                    return here == position;
                }
            }
        }
        if (v->at >= v->end) {
            return false;
        }
        next_piece(v);
    }
}

static uint32_t keep(const uint8_t *bytes, size_t len, uint64_t bit, uint32_t t, uint32_t length,
                     uint32_t offset, uint32_t *starts, uint32_t n) {
    uint32_t range = length - t + 1, w = low_bits(t, range), kept = 0;
    uint64_t high = bit + (uint64_t)t * w, end = high + t + ((range - 1) >> w);
    vector_walk v = {.bytes = bytes, .len = len, .low = bit, .at = high, .end = end,
                     .t = t, .w = w, .inside = end / 8 + 8 <= len};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t start = starts[i];
        starts[kept] = start;
        kept += holds(&v, start + offset);
    }
    return kept;
}

const postings_kernels KERNELS = {
    .name = KERNELS_NAME,
    .expand = expand,
    .at_least = at_least,
    .tfs_of_2 = tfs_of_2,
    .tfs_of_4 = tfs_of_4,
    .starts = starts,
    .keep_docs = keep_docs,
    .and_count = and_count,
    .and_into = and_into,
    .or_into = or_into,
    .andnot_into = andnot_into,
    .count = count,
    .set = set,
    .widths_each = widths_each,
    .keep = keep,
};
