/*
 * What each reader_*.c compiles for its processor. Before it is included: READER, the table's
 * name, READER_NAME and READER_KERNELS. See reader.h; the sections are drawn in postings/format.h.
 */
#include "postings/kernels.h"
#include "postings/reader.h"
#include "postings/search.h"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

static inline uint32_t ones_of(uint64_t x) {
    return (uint32_t)__builtin_popcountll(x);
}

static inline uint64_t below_bit(uint32_t bit) {
    return bit < 64 ? ((uint64_t)1 << bit) - 1 : UINT64_MAX;
}

/* ---- Ordinals ------------------------------------------------------------------------------ */

/* Posting i has bit i + its block in `high`, so that each 1 tells the block. */
#if defined(__AVX512VBMI2__)

static uint32_t blocked_docs(const list_view *v, uint16_t *docs) {
    uint32_t done = 0, words = list_high_words(v->count);
    uint8_t counting[64];
    for (int i = 0; i < 64; i++) {
        counting[i] = (uint8_t)i;
    }
    const __m512i iota = _mm512_loadu_si512((const void *)counting);
    for (uint32_t word = 0; word < words; word++) {
        uint64_t ones = load_u64(v->high + (size_t)word * 8);
        uint32_t here = ones_of(ones);
        if (here > v->count - done) {
            break;
        }
        __mmask64 some = below_bit(here);
        __m512i bits = _mm512_maskz_compress_epi8(ones, iota);
        __m512i block = _mm512_add_epi8(_mm512_sub_epi8(bits, iota),
                                        _mm512_set1_epi8((char)(word * 64 - done)));
        __m512i low = _mm512_maskz_loadu_epi8(some, v->container + done);
        for (uint32_t half = 0; half < here; half += 32) {
            __m256i l = half ? _mm512_extracti64x4_epi64(low, 1) : _mm512_castsi512_si256(low);
            __m256i b = half ? _mm512_extracti64x4_epi64(block, 1) : _mm512_castsi512_si256(block);
            __m512i out = _mm512_or_si512(_mm512_cvtepu8_epi16(l),
                                          _mm512_slli_epi16(_mm512_cvtepu8_epi16(b), 8));
            _mm512_mask_storeu_epi16(docs + done + half, (__mmask32)(some >> half), out);
        }
        done += here;
    }
    return done;
}

#else

/* Posting by posting. */
static uint32_t sparse_docs(const list_view *v, uint16_t *docs) {
    uint32_t done = 0, words = list_high_words(v->count);
    for (uint32_t word = 0; word < words; word++) {
        uint64_t ones = load_u64(v->high + (size_t)word * 8);
        for (; ones && done < v->count; ones &= ones - 1, done++) {
            uint32_t block = word * 64 + (uint32_t)__builtin_ctzll(ones) - done;
            docs[done] = (uint16_t)(block << 8 | v->container[done]);
        }
    }
    return done;
}

enum { PUT_DOCS = 16 };

/* The ordinals of 16 low bytes in a block. */
static inline void put_docs(const uint8_t *lows, uint32_t block, uint16_t *docs) {
#if defined(__AVX2__)
    __m256i wide = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)lows));
    wide = _mm256_or_si256(wide, _mm256_set1_epi16((int16_t)(block << 8)));
    _mm256_storeu_si256((__m256i *)(void *)docs, wide);
#else
    for (uint32_t i = 0; i < (uint32_t)PUT_DOCS; i++) {
        docs[i] = (uint16_t)(block << 8 | lows[i]);
    }
#endif
}

/* As many as if these were all of the block; how many. At the end of the list there is room for
   what is left of it. */
static inline uint32_t put_some(const list_view *v, uint32_t done, uint32_t left, uint32_t block,
                                uint16_t *docs) {
    if (left >= (uint32_t)PUT_DOCS) {
        put_docs(v->container + done, block, docs + done);
        return PUT_DOCS;
    }
    for (uint32_t i = 0; i < left; i++) {
        docs[done + i] = (uint16_t)(block << 8 | v->container[done + i]);
    }
    return left;
}

/* Block by block, 16 ordinals at once: what is put behind a block's is written over by those of the
   next. */
static uint32_t dense_docs(const list_view *v, uint16_t *docs) {
    uint32_t done = 0, at = 0, block = 0, words = list_high_words(v->count);
    for (uint32_t word = 0; word < words; word++) {
        uint64_t ends = ~load_u64(v->high + (size_t)word * 8);
        for (; ends && block < (uint32_t)LIST_BLOCKS; ends &= ends - 1, block++) {
            uint32_t end = word * 64 + (uint32_t)__builtin_ctzll(ends), left = v->count - done;
            uint32_t here = end - at < left ? end - at : left;
            uint32_t i = put_some(v, done, left, block, docs);
            while (i < here) {
                i += put_some(v, done + i, left - i, block, docs);
            }
            done += here;
            at = end + 1;
        }
    }
    return done;
}

static uint32_t blocked_docs(const list_view *v, uint16_t *docs) {
    enum { DENSE_FROM = 4 * LIST_BLOCKS };
    return v->count < (uint32_t)DENSE_FROM ? sparse_docs(v, docs) : dense_docs(v, docs);
}

#endif

static uint32_t bitset_docs(const list_view *v, uint16_t *docs) {
    uint32_t n = 0;
    for (uint32_t word = 0; word < (uint32_t)LIST_DOCS / 64; word++) {
        uint64_t bits = load_u64(v->container + (size_t)word * 8);
        while (bits && n < v->count) {
            docs[n++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(bits));
            bits &= bits - 1;
        }
    }
    return n;
}

static uint32_t docs_of(const list_view *v, uint16_t *docs) {
    if (v->container_kind == LIST_ARRAY) {
        memcpy(docs, v->container, v->count * sizeof *docs);
        return v->count;
    }
    return v->container_kind == LIST_BLOCKED ? blocked_docs(v, docs) : bitset_docs(v, docs);
}

/* ---- Ranks --------------------------------------------------------------------------------- */

static uint32_t bitset_rank(const list_view *v, uint16_t low) {
    uint64_t word = load_u64(v->container + low / 64 * 8);
    if (!(word >> (low % 64) & 1)) {
        return UINT32_MAX;
    }
    uint32_t rank = load_u16(v->ranks + low / BLOCK_DOCS * 2);
    for (uint32_t i = low / BLOCK_DOCS * 4; i < low / 64u; i++) {
        rank += ones_of(load_u64(v->container + i * 8));
    }
    rank += ones_of(word & below_bit(low % 64));
    return rank < v->count ? rank : UINT32_MAX;
}

/* The place of 1 number `n` (from 1) of x, which has so many. */
static inline uint32_t place_of(uint64_t x, uint32_t n) {
#if defined(__BMI2__)
    return (uint32_t)__builtin_ctzll(_pdep_u64((uint64_t)1 << (n - 1), x));
#else
    while (--n > 0) {
        x &= x - 1;
    }
    return (uint32_t)__builtin_ctzll(x);
#endif
}

static uint16_t doc_of(const list_view *v, uint32_t rank) {
    uint32_t words = list_high_words(v->count), left = rank;
    if (v->container_kind == LIST_ARRAY) {
        return load_u16(v->container + (size_t)rank * 2);
    }
    for (uint32_t word = 0; word < words; word++) {
        uint64_t ones = load_u64(v->high + (size_t)word * 8);
        uint32_t here = ones_of(ones);
        if (left < here) {
            uint32_t block = word * 64 + place_of(ones, left + 1) - rank;
            return (uint16_t)(block << 8 | v->container[rank]);
        }
        left -= here;
    }
    return 0; /* damaged: there are not so many */
}

/* The bit behind zero number `zeros` (from 1) after bit `bit` of high; UINT32_MAX when there are
   not so many. */
static uint32_t behind_zeros(const list_view *v, uint32_t bit, uint32_t zeros) {
    uint32_t words = list_high_words(v->count), word = bit / 64;
    if (zeros == 0 || word >= words) {
        return word < words ? bit : UINT32_MAX;
    }
    uint64_t x = ~load_u64(v->high + (size_t)word * 8) >> bit % 64 << bit % 64;
    for (;;) {
        uint32_t here = ones_of(x);
        if (here >= zeros) {
            return word * 64 + place_of(x, zeros) + 1;
        }
        zeros -= here;
        if (++word >= words) {
            return UINT32_MAX;
        }
        x = ~load_u64(v->high + (size_t)word * 8);
    }
}

/* How many 1s stand from bit `bit` of high on, at most `most`. */
static uint32_t run_of_ones(const list_view *v, uint32_t bit, uint32_t most) {
    uint32_t words = list_high_words(v->count), word = bit / 64, run = 0;
    while (word < words && run < most) {
        uint64_t x = ~(load_u64(v->high + (size_t)word * 8) >> bit % 64);
        uint32_t left = 64 - bit % 64;
        uint32_t here = x ? (uint32_t)__builtin_ctzll(x) : 64;
        if (here < left) {
            run += here;
            break;
        }
        run += left;
        bit = ++word * 64;
    }
    return run < most ? run : most;
}

/* The ranks of a block's postings: as many zeros as blocks lie before it in high, and then a 1 for
   each of them. */
static inline void blocked_block(const list_view *v, uint32_t block, uint32_t *from, uint32_t *to) {
    uint32_t slot = block / LIST_SLOT_BLOCKS;
    uint32_t bit = load_u16(v->ranks + slot * 2) + slot * LIST_SLOT_BLOCKS;
    bit = behind_zeros(v, bit, block % LIST_SLOT_BLOCKS);
    *from = *to = 0;
    if (bit != UINT32_MAX && bit >= block && bit - block < v->count) {
        *from = bit - block;
        *to = *from + run_of_ones(v, bit, v->count - *from);
    }
}

/* Where a byte stands in the ascending bytes [from, to) of a blocked container. */
static inline uint32_t find_byte(const list_view *v, uint32_t from, uint32_t to, uint8_t key) {
#if defined(__AVX512VBMI2__)
    const __m512i want = _mm512_set1_epi8((char)key);
    for (; from < to; from += 64) {
        __m512i have = _mm512_maskz_loadu_epi8(below_bit(to - from), v->container + from);
        __mmask64 same = _mm512_mask_cmpeq_epi8_mask(below_bit(to - from), have, want);
        if (same) {
            return from + (uint32_t)__builtin_ctzll(same);
        }
    }
    return UINT32_MAX;
#else
#if defined(__AVX2__)
    const __m256i want = _mm256_set1_epi8((char)key);
    for (uint32_t at; from < to && to >= 32; from = at + 32) {
        at = to - from > 32 ? from : to - 32; /* nothing behind them is read */
        const __m256i *bytes = (const __m256i *)(const void *)(v->container + at);
        __m256i same = _mm256_cmpeq_epi8(_mm256_loadu_si256(bytes), want);
        uint32_t found = (uint32_t)_mm256_movemask_epi8(same) & UINT32_MAX << (from - at);
        if (found) {
            return at + (uint32_t)__builtin_ctz(found);
        }
    }
#endif
    while (from < to && v->container[from] < key) {
        from++;
    }
    return from < to && v->container[from] == key ? from : UINT32_MAX;
#endif
}

static uint32_t rank_of(const list_view *v, uint16_t low) {
    uint32_t from, to;
    if (v->container_kind == LIST_BITSET) {
        return bitset_rank(v, low);
    }
    if (v->container_kind == LIST_BLOCKED) {
        blocked_block(v, low / BLOCK_DOCS, &from, &to);
        return find_byte(v, from, to, (uint8_t)low);
    }
    uint32_t at = search_u16(v->container, v->count, low);
    return at < v->count && load_u16(v->container + (size_t)at * 2) == low ? at : UINT32_MAX;
}

static uint32_t rank_in(const list_view *v, uint32_t from, uint32_t to, uint16_t low) {
    if (v->container_kind == LIST_BITSET) {
        return bitset_rank(v, low);
    }
    if (v->container_kind == LIST_BLOCKED) {
        return find_byte(v, from, to, (uint8_t)low);
    }
    while (from < to && load_u16(v->container + (size_t)from * 2) < low) {
        from++;
    }
    return from < to && load_u16(v->container + (size_t)from * 2) == low ? from : UINT32_MAX;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

static void block_of(const list_view *v, uint32_t block, uint32_t *from, uint32_t *to) {
    if (v->container_kind == LIST_BITSET) {
        uint32_t first = load_u16(v->ranks + block * 2);
        uint32_t end = block + 1 < LIST_BLOCKS ? load_u16(v->ranks + (block + 1) * 2) : v->count;
        *from = first < v->count ? first : v->count;
        *to = end < *from ? *from : end < v->count ? end : v->count;
    } else if (v->container_kind == LIST_BLOCKED) {
        blocked_block(v, block, from, to);
    } else {
        *from = search_u16(v->container, v->count, block << 8);
        *to = block + 1 < LIST_BLOCKS ? search_u16(v->container, v->count, (block + 1) << 8)
                                      : v->count;
        *to = *to < *from ? *from : *to;
    }
    *to = *to - *from > BLOCK_DOCS ? *from + BLOCK_DOCS : *to;
}

static void block_bits(const list_view *v, uint32_t block, uint32_t from, uint32_t to,
                       uint64_t bits[4]) {
    if (v->container_kind == LIST_BITSET) {
        memcpy(bits, v->container + (size_t)block * 32, 32);
        return;
    }
#if defined(__AVX2__)
    if (v->container_kind == LIST_BLOCKED) { /* a bit too far up or down is no bit */
        const __m256i first = _mm256_set_epi64x(192, 128, 64, 0), one = _mm256_set1_epi64x(1);
        __m256i all = _mm256_setzero_si256();
        for (uint32_t rank = from; rank < to; rank++) {
            __m256i at = _mm256_sub_epi64(_mm256_set1_epi64x(v->container[rank]), first);
            all = _mm256_or_si256(all, _mm256_sllv_epi64(one, at));
        }
        _mm256_storeu_si256((__m256i *)(void *)bits, all);
        return;
    }
#endif
    memset(bits, 0, 32);
    for (uint32_t rank = from; rank < to; rank++) {
        uint8_t at = (uint8_t)list_block_doc(v, block, rank);
        bits[at / 64] |= (uint64_t)1 << at % 64;
    }
}

/* ---- tfs: codes of 0, 2, 4 or 8 bits, and the exceptions that the greatest code stands for -- */

static inline uint32_t code_of(const list_view *v, uint32_t rank) {
    size_t bit = (size_t)rank * v->tf_bits;
    return (uint32_t)(v->tf_codes[bit / 8] >> bit % 8) & ((1u << v->tf_bits) - 1);
}

/* Exception i; 1 when damaged codes say that there are more than there are. */
static inline uint32_t exception_tf(const list_view *v, uint32_t i) {
    if (i >= v->exceptions) {
        return 1;
    }
    const uint8_t *at = v->exception_tfs + (size_t)i * v->exception_bytes;
    return v->exception_bytes == 1 ? *at : v->exception_bytes == 2 ? load_u16(at) : load_u32(at);
}

/* The codes of 64 bits from a byte on that say "exception", by their lowest bits. */
static inline uint64_t exceptions_in(const list_view *v, size_t byte) {
    size_t have = ((size_t)v->count * v->tf_bits + 7) / 8 - byte;
    uint64_t x = 0;
    if (have >= 8) {
        x = load_u64(v->tf_codes + byte);
    } else {
        memcpy(&x, v->tf_codes + byte, have);
    }
    x &= x >> 1;
    if (v->tf_bits == 2) {
        return x & 0x5555555555555555u;
    }
    x &= x >> 2;
    if (v->tf_bits == 4) {
        return x & 0x1111111111111111u;
    }
    return x & x >> 4 & 0x0101010101010101u;
}

/* How many exceptions lie below a rank, in a list whose codes name them. */
static uint32_t exceptions_below(const list_view *v, uint32_t rank) {
    uint32_t stride = rank / LIST_TF_STRIDE, width = v->tf_bits, below = 0;
    if (stride) {
        below = load_u16(v->exception_counts + (size_t)(stride - 1) * 2);
    }
    size_t bit = (size_t)stride * LIST_TF_STRIDE * width, end = (size_t)rank * width;
    for (; bit < end; bit += 64) {
        uint64_t found = exceptions_in(v, bit / 8);
        below += ones_of(end - bit < 64 ? found & below_bit((uint32_t)(end - bit)) : found);
    }
    return below;
}

static void expand_codes(const list_view *v, uint32_t from, uint32_t count, uint32_t *tfs) {
    const uint8_t *codes = v->tf_codes + (size_t)from * v->tf_bits / 8;
    uint32_t i = 0;
    if (v->tf_bits == 2) {
        for (; i + 4 <= count; i += 4) {
            uint32_t four = codes[i / 4];
            tfs[i] = (four & 3) + 1;
            tfs[i + 1] = (four >> 2 & 3) + 1;
            tfs[i + 2] = (four >> 4 & 3) + 1;
            tfs[i + 3] = (four >> 6) + 1;
        }
    } else if (v->tf_bits == 4) {
        for (; i + 2 <= count; i += 2) {
            tfs[i] = (codes[i / 2] & 15u) + 1;
            tfs[i + 1] = (codes[i / 2] >> 4) + 1u;
        }
    } else {
        for (; i < count; i++) {
            tfs[i] = codes[i] + 1u;
        }
    }
    for (; i < count; i++) {
        tfs[i] = code_of(v, from + i) + 1;
    }
}

/* Replaces the codes of ranks [from, from + count) that say so by exceptions. */
static void put_exceptions(const list_view *v, uint32_t from, uint32_t count, uint32_t *tfs) {
    uint32_t next = exceptions_below(v, from), width = v->tf_bits;
    size_t first = (size_t)from * width, end = first + (size_t)count * width;
    for (size_t bit = first; bit < end; bit += 64) {
        uint64_t found = exceptions_in(v, bit / 8);
        for (; found; found &= found - 1) {
            size_t at = (bit - first + (size_t)__builtin_ctzll(found)) / width;
            if (at >= count) {
                return;
            }
            tfs[at] = exception_tf(v, next++);
        }
    }
}

static void tfs_at(const list_view *v, uint32_t from, uint32_t count, uint32_t *tfs) {
    if (v->tf_bits) {
        expand_codes(v, from, count, tfs);
        if (v->exceptions) {
            put_exceptions(v, from, count, tfs);
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        tfs[i] = 1;
    }
    uint32_t i = v->exceptions ? search_u16(v->exception_ranks, v->exceptions, from) : 0;
    for (; i < v->exceptions; i++) {
        uint32_t rank = load_u16(v->exception_ranks + (size_t)i * 2);
        if (rank - from >= count) {
            break;
        }
        tfs[rank - from] = exception_tf(v, i);
    }
}

static uint32_t tf_of(const list_view *v, uint32_t rank) {
    if (v->tf_bits) {
        uint32_t code = code_of(v, rank);
        bool exception = v->exceptions && code + 1 == 1u << v->tf_bits;
        return exception ? exception_tf(v, exceptions_below(v, rank)) : code + 1;
    }
    uint32_t at = v->exceptions ? search_u16(v->exception_ranks, v->exceptions, rank) : 0;
    bool here = at < v->exceptions && load_u16(v->exception_ranks + (size_t)at * 2) == rank;
    return here ? exception_tf(v, at) : 1;
}

/* ---- tfs as bytes -------------------------------------------------------------------------- */

static void expand_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    const uint8_t *codes = v->tf_codes + (size_t)from * v->tf_bits / 8;
    if (v->tf_bits == 2) {
        READER_KERNELS.tfs_of_2(codes, (count + 3) & ~3u, tfs);
    } else if (v->tf_bits == 4) {
        READER_KERNELS.tfs_of_4(codes, (count + 1) & ~1u, tfs);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            tfs[i] = codes[i] == UINT8_MAX ? UINT8_MAX : (uint8_t)(codes[i] + 1);
        }
    }
}

static inline bool put_byte(uint32_t tf, uint8_t *out) {
    *out = tf < UINT8_MAX ? (uint8_t)tf : UINT8_MAX;
    return tf >= UINT8_MAX;
}

static bool put_each(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    uint32_t next = UINT32_MAX, width = v->tf_bits, shift = (uint32_t)__builtin_ctz(width);
    size_t first = (size_t)from * width, end = first + (size_t)count * width;
    bool large = false;
    for (size_t bit = first; bit < end; bit += 64) {
        uint64_t found = exceptions_in(v, bit / 8);
        if (end - bit < 64) {
            found &= below_bit((uint32_t)(end - bit));
        }
        for (; found; found &= found - 1) {
            next = next == UINT32_MAX ? exceptions_below(v, from) : next;
            size_t at = (bit - first + (size_t)__builtin_ctzll(found)) >> shift;
            large |= put_byte(exception_tf(v, next++), &tfs[at]);
        }
    }
    return large;
}

#if defined(__AVX512VBMI2__)

/* `count` <= 64 exceptions from number `next` on, of one byte or two, as bytes. */
static inline __m512i exception_bytes_at(const list_view *v, uint32_t next, uint32_t count) {
    const uint8_t *at = v->exception_tfs + (size_t)next * v->exception_bytes;
    uint64_t those = below_bit(count);
    if (v->exception_bytes == 1) {
        return _mm512_maskz_loadu_epi8(those, at);
    }
    __m512i low = _mm512_maskz_loadu_epi16((__mmask32)those, at);
    __m512i high = _mm512_maskz_loadu_epi16((__mmask32)(those >> 32), at + 64);
    return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtusepi16_epi8(low)),
                              _mm512_cvtusepi16_epi8(high), 1);
}

/* Exceptions are spread over the lanes that say so, 64 at a time. */
static bool put_exception_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    if (v->exception_bytes > 2 || v->tf_bits == 8) {
        return put_each(v, from, count, tfs);
    }
    const __m512i full = _mm512_set1_epi8((char)(1u << v->tf_bits));
    uint32_t next = UINT32_MAX;
    bool large = false;
    for (uint32_t i = 0; i < count; i += 64) {
        __mmask64 some = below_bit(count - i);
        __m512i bytes = _mm512_maskz_loadu_epi8(some, tfs + i);
        __mmask64 found = _mm512_mask_cmpeq_epi8_mask(some, bytes, full);
        if (!found) {
            continue;
        }
        next = next == UINT32_MAX ? exceptions_below(v, from) : next;
        uint32_t here = ones_of(found);
        if (next > v->exceptions || here > v->exceptions - next) {
            return put_each(v, from + i, count - i, tfs + i);
        }
        __m512i those = exception_bytes_at(v, next, here);
        large |= _mm512_cmpeq_epi8_mask(those, _mm512_set1_epi8(-1)) != 0;
        _mm512_mask_storeu_epi8(tfs + i, found, _mm512_maskz_expand_epi8(found, those));
        next += here;
    }
    return large;
}

#elif defined(__AVX2__) && defined(__BMI2__)

/* Eight exceptions from number `next` on, of one byte or two, as bytes. */
static inline uint64_t exception_bytes_at(const list_view *v, uint32_t next) {
    const uint8_t *at = v->exception_tfs + (size_t)next * v->exception_bytes;
    if (v->exception_bytes == 1) {
        return load_u64(at);
    }
    __m128i wide = _mm_loadu_si128((const __m128i *)(const void *)at);
    wide = _mm_min_epu16(wide, _mm_set1_epi16(UINT8_MAX));
    return (uint64_t)_mm_cvtsi128_si64(_mm_packus_epi16(wide, wide));
}

/* Whether so many could be read from the first on, with what is behind them in the list. */
static inline bool are_readable(const list_view *v, uint32_t exceptions) {
    size_t bytes = (size_t)(v->bytes + v->len - v->exception_tfs);
    return (size_t)exceptions * v->exception_bytes <= bytes;
}

/* Exceptions are spread over the lanes that say so, 8 at a time. */
static bool put_exception_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    const uint64_t ones = 0x0101010101010101;
    const __m128i full = _mm_set1_epi8((char)(1u << v->tf_bits % 8));
    uint32_t next = UINT32_MAX;
    uint64_t large = 0; /* the highest bit of each byte that is 255 */
    if (v->exception_bytes > 2 || v->tf_bits == 8) {
        return put_each(v, from, count, tfs);
    }
    for (uint32_t i = 0; i < count; i += 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(tfs + i));
        uint32_t found = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, full)) &
                         (uint32_t)below_bit(count - i < 16 ? count - i : 16);
        if (!found) {
            continue;
        }
        next = next == UINT32_MAX ? exceptions_below(v, from) : next;
        uint32_t end = next + ones_of(found);
        if (end > v->exceptions || !are_readable(v, end + 8)) {
            return put_each(v, from + i, count - i, tfs + i) || large;
        }
        for (uint32_t at = i; found; at += 8, found >>= 8) {
            uint64_t lanes = _pdep_u64(found & UINT8_MAX, ones) * UINT8_MAX;
            uint64_t those = _pdep_u64(exception_bytes_at(v, next), lanes);
            store_u64(tfs + at, (load_u64(tfs + at) & ~lanes) | those);
            large |= ((those & 0x7f * ones) + ones) & those & 0x80 * ones;
            next += ones_of(found & UINT8_MAX);
        }
    }
    return large != 0;
}

#else

static bool put_exception_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    return put_each(v, from, count, tfs);
}

#endif

static const uint8_t *tf_bytes(const list_view *v, uint32_t from, uint32_t count,
                               uint8_t room[LIST_TF_ROOM], bool *large) {
    *large = false;
    if (v->tf_bits) {
        uint32_t skip = from & (8 / v->tf_bits - 1); /* codes of the first byte that are others' */
        expand_bytes(v, from - skip, count + skip, room);
        if (v->exceptions) {
            *large = put_exception_bytes(v, from - skip, count + skip, room);
        } else if (v->tf_bits == 8) { /* a code of 255 says 256 here */
            *large = memchr(room, UINT8_MAX, count) != NULL;
        }
        return room + skip;
    }
    memset(room, 1, count);
    uint32_t i = v->exceptions ? search_u16(v->exception_ranks, v->exceptions, from) : 0;
    for (; i < v->exceptions; i++) {
        uint32_t rank = load_u16(v->exception_ranks + (size_t)i * 2);
        if (rank - from >= count) {
            break;
        }
        *large |= put_byte(exception_tf(v, i), &room[rank - from]);
    }
    return room;
}

/* ---- Strips -------------------------------------------------------------------------------- */

/* Bytes one behind the other into the lanes that have a bit; 16 of them are read. */
#if defined(__AVX512VBMI2__) && defined(__AVX512VL__)

static inline void spread(uint32_t bits, const uint8_t *bytes, uint8_t lanes[LIST_STRIP_DOCS]) {
    __m128i packed = _mm_loadu_si128((const __m128i *)(const void *)bytes);
    _mm_storeu_si128((__m128i *)(void *)lanes,
                     _mm_maskz_expand_epi8((__mmask16)bits, packed));
}

#elif defined(__BMI2__)

static inline void spread(uint32_t bits, const uint8_t *bytes, uint8_t lanes[LIST_STRIP_DOCS]) {
    const uint64_t ones = 0x0101010101010101;
    uint32_t low = bits & UINT8_MAX;
    uint64_t words[2] = {_pdep_u64(load_u64(bytes), _pdep_u64(low, ones) * UINT8_MAX),
                         _pdep_u64(load_u64(bytes + ones_of(low)),
                                   _pdep_u64(bits >> 8, ones) * UINT8_MAX)};
    memcpy(lanes, words, sizeof words);
}

#else

static inline void spread(uint32_t bits, const uint8_t *bytes, uint8_t lanes[LIST_STRIP_DOCS]) {
    memset(lanes, 0, LIST_STRIP_DOCS);
    for (uint32_t left = bits, i = 0; left; left &= left - 1, i++) {
        lanes[__builtin_ctz(left)] = bytes[i];
    }
}

#endif

#if defined(__BMI2__)

/*
 * The tfs of up to 16 ranks whose codes have 2 or 4 bits: codes become bytes two words at a time.
 * Behind the codes are bounds, so that there is more to be read. False: not such codes.
 */
static inline bool few_tfs(const list_view *v, uint32_t from, uint32_t count,
                           uint8_t tfs[LIST_STRIP_DOCS], bool *large) {
    const uint32_t w = v->tf_bits, skip = from * w % 8;
    const uint64_t ones = 0x0101010101010101, codes = w == 2 ? 3 * ones : 15 * ones;
    if (w != 2 && w != 4) {
        return false;
    }
    const uint8_t *at = v->tf_codes + (size_t)from * w / 8;
    uint64_t packed = load_u64(at) >> skip;
    packed |= w == 4 && skip ? (uint64_t)at[8] << (64 - skip) : 0;
    uint64_t first = _pdep_u64(packed, codes), second = _pdep_u64(packed >> 8 * w, codes);
    const uint64_t words[2] = {first + ones, second + ones};
    memcpy(tfs, words, sizeof words);
    *large = false;
    if (!v->exceptions) {
        return true;
    }
    uint64_t most = _pext_u64(words[0], ones << w) | _pext_u64(words[1], ones << w) << 8;
    uint64_t left = most & below_bit(count);
    for (uint32_t next = left ? exceptions_below(v, from) : 0; left; left &= left - 1) {
        *large |= put_byte(exception_tf(v, next++), &tfs[__builtin_ctzll(left)]);
    }
    return true;
}

#else

static inline bool few_tfs(const list_view *v, uint32_t from, uint32_t count,
                           uint8_t tfs[LIST_STRIP_DOCS], bool *large) {
    (void)v, (void)from, (void)count, (void)tfs, (void)large;
    return false;
}

#endif

static bool strip_tfs(const list_view *v, uint32_t strip, uint8_t tfs[LIST_STRIP_DOCS]) {
    const uint32_t each = BLOCK_DOCS / LIST_STRIP_DOCS, a_word = 64 / LIST_STRIP_DOCS;
    uint32_t word = strip % each / a_word, bit = strip % a_word * LIST_STRIP_DOCS, from, to;
    uint8_t room[LIST_TF_ROOM];
    const uint8_t *found = room;
    uint64_t bits[KERNEL_BLOCK_WORDS];
    bool large;
    block_of(v, strip / each, &from, &to);
    block_bits(v, strip / each, from, to, bits);
    uint32_t here = (uint32_t)(bits[word] >> bit) & UINT16_MAX, count = ones_of(here);
    for (uint32_t i = 0; i < word; i++) {
        from += ones_of(bits[i]);
    }
    from += ones_of(bits[word] & below_bit(bit));
    if (here == 0 || from + count > v->count) { /* of damaged bytes */
        memset(tfs, 0, LIST_STRIP_DOCS);
        return false;
    }
    if (!few_tfs(v, from, count, room, &large)) {
        found = tf_bytes(v, from, count, room, &large);
    }
    spread(here, found, tfs);
    return large;
}

#if defined(__AVX512VBMI2__)

/*
 * Up to 64 codes of 2 or 4 bits in one register, from their bytes to the comparison: what is read
 * where it has just been written with another width has to wait. False: not such codes.
 */
static bool few_least(const list_view *v, uint32_t from, uint32_t count, uint8_t least,
                      uint8_t *room, bool *large, uint64_t *bits) {
    const uint8_t *codes = v->tf_codes + (size_t)from * v->tf_bits / 8;
    const uint64_t some = below_bit(count);
    __m512i x;
    if (count > 64 || v->exception_bytes > 1 || count == 0) {
        return false;
    }
    if (v->tf_bits == 2) {
        __m128i bytes = _mm_maskz_loadu_epi8((__mmask16)below_bit((count + 3) / 4), codes);
        x = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x0e0c0a0806040200),
                                         _mm512_cvtepu16_epi64(bytes));
        x = _mm512_and_si512(x, _mm512_set1_epi8(3));
    } else if (v->tf_bits == 4) {
        __m256i bytes = _mm256_maskz_loadu_epi8((__mmask32)below_bit((count + 1) / 2), codes);
        x = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x1c1814100c080400),
                                         _mm512_cvtepu32_epi64(bytes));
        x = _mm512_and_si512(x, _mm512_set1_epi8(15));
    } else {
        return false;
    }
    x = _mm512_add_epi8(x, _mm512_set1_epi8(1));
    __mmask64 found = v->exceptions ? _mm512_mask_cmpeq_epi8_mask(
        some, x, _mm512_set1_epi8((char)(1u << v->tf_bits))) : 0;
    if (found) {
        uint32_t next = exceptions_below(v, from), here = ones_of(found);
        if (next > v->exceptions || here > v->exceptions - next) {
            return false; /* damaged */
        }
        __m512i those = _mm512_maskz_loadu_epi8(below_bit(here), v->exception_tfs + next);
        *large = _mm512_cmpeq_epi8_mask(those, _mm512_set1_epi8(-1)) != 0;
        x = _mm512_mask_expand_epi8(x, found, those);
    }
    *bits = _mm512_mask_cmpge_epu8_mask(some, x, _mm512_set1_epi8((char)least));
    _mm512_storeu_si512((void *)room, x);
    return true;
}

#else

static bool few_least(const list_view *v, uint32_t from, uint32_t count, uint8_t least,
                      uint8_t *room, bool *large, uint64_t *bits) {
    (void)v, (void)from, (void)count, (void)least, (void)room, (void)large, (void)bits;
    return false;
}

#endif

static uint32_t tfs_least(const list_view *v, uint32_t from, uint32_t count, uint8_t least,
                          uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES], const uint8_t **tfs,
                          bool *large, uint64_t bits[KERNEL_BLOCK_WORDS]) {
    uint32_t skip = v->tf_bits ? from & (8 / v->tf_bits - 1) : 0; /* as in tf_bytes */
    *large = false;
    if (few_least(v, from - skip, count + skip, least, room, large, bits)) {
        *tfs = room + skip;
        bits[0] >>= skip;
        bits[1] = bits[2] = bits[3] = 0;
        return ones_of(bits[0]);
    }
    *tfs = tf_bytes(v, from, count, room, large);
    return READER_KERNELS.at_least(*tfs, count, least, bits);
}

#include "postings/wanted_body.h"
#include "postings/places_body.h"

const postings_reader READER = {
    .name = READER_NAME,
    .docs = docs_of,
    .doc = doc_of,
    .rank = rank_of,
    .rank_in = rank_in,
    .block = block_of,
    .block_bits = block_bits,
    .block_common = block_common,
    .tf = tf_of,
    .tfs_at = tfs_at,
    .tf_bytes = tf_bytes,
    .tfs_least = tfs_least,
    .strip_tfs = strip_tfs,
    .tfs_of = tfs_of,
    .lane_tfs_of = lane_tfs_of,
    .tfs_of_all = tfs_of_all,
    .tfs_of_docs = tfs_of_docs,
    .places = find_places,
};
