/*
 * Where the positions of many postings begin. reader_body.h includes this, and has what it uses.
 *
 *     ordinals   ranks, which lie in groups of 32
 *     group      |p p p p X p p Y| its postings up to the last that is asked for: their ordinals,
 *                backwards from that one's, lengths, numbers, widths; X and Y begin where the
 *                widths before them add up to
 *
 * Each step is done for all ordinals, or all postings of a group, before the next one begins.
 *
 * Tried: one ordinal after the other, each step in a call of its own: twice as long; positions
 * prefetched: no gain.
 */
#include "postings/widths.h"

enum { ONES_ROOM = 2 * POSITIONS_GROUP };

/* A group's postings, as far as they are asked for; 0 behind them. */
typedef struct places_group {
    uint32_t from, count;
    uint32_t lengths[ONES_ROOM], numbers[POSITIONS_GROUP], widths[POSITIONS_GROUP];
} places_group;

/* The words of a bit vector that its last `want` 1s up to bit `last` lie in: the first of them, and
   how many 1s of that one are others. Of damaged bytes fewer 1s: `missing`. */
typedef struct ones_range {
    uint32_t first, skip, missing;
} ones_range;

static inline ones_range ones_up_to(const uint8_t *words, uint32_t last, uint32_t want) {
    uint32_t first = last / 64;
    uint32_t have = ones_of(load_u64(words + (size_t)first * 8) & below_bit(last % 64 + 1));
    while (have < want && first > 0) {
        first--;
        have += ones_of(load_u64(words + (size_t)first * 8));
    }
    return (ones_range){first, have > want ? have - want : 0, have < want ? want - have : 0};
}

/* A word of the range, those 1s alone. */
static inline uint64_t ones_in(const uint8_t *words, const ones_range *r, uint32_t word,
                               uint32_t last) {
    uint64_t x = load_u64(words + (size_t)word * 8);
    x = word == last / 64 ? x & below_bit(last % 64 + 1) : x;
    if (word == r->first) {
#if defined(__BMI2__)
        x &= ~_pdep_u64(below_bit(r->skip), x);
#else
        for (uint32_t i = 0; i < r->skip; i++) {
            x &= x - 1;
        }
#endif
    }
    return x;
}

/* The bits of those 1s. */
static inline void ones_places(const uint8_t *words, uint32_t last, uint32_t want,
                               uint16_t out[ONES_ROOM]) {
    ones_range r = ones_up_to(words, last, want);
    uint32_t n = r.missing;
    memset(out, 0, n * sizeof *out);
    for (uint32_t word = r.first; word <= last / 64; word++) {
        uint64_t x = ones_in(words, &r, word, last);
        for (; x; x &= x - 1) {
            out[n++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(x));
        }
    }
}

/* ---- A group ------------------------------------------------------------------------------- */

static inline uint32_t column_entry(const uint8_t *entries, uint32_t width, uint32_t at) {
    return width == 4   ? load_u32(entries + (size_t)at * 4)
           : width == 2 ? load_u16(entries + (size_t)at * 2)
                        : entries[at];
}

/* The entries of a column are read without a branch. */
static inline void column_lengths_of(const list_lengths *l, uint32_t width, const uint16_t *docs,
                                     uint32_t count, uint32_t *out) {
    uint32_t first = l->first, base = l->base, end = l->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = docs[i] - first;
        uint32_t length = column_entry(l->entries, width, at < end ? at : 0) + base;
        out[i] = at < end ? length : 0;
    }
}

static inline void lengths_of(const list_lengths *l, const uint16_t *docs, uint32_t count,
                              uint32_t *out) {
    if (l->count && l->width == 1 && l->stride == 1) {
        column_lengths_of(l, 1, docs, count, out);
    } else if (l->count && l->width == 2 && l->stride == 2) {
        column_lengths_of(l, 2, docs, count, out);
    } else if (l->count && l->width == 4 && l->stride == 4) {
        column_lengths_of(l, 4, docs, count, out);
    } else {
        for (uint32_t i = 0; i < count; i++) {
            out[i] = list_length(l, docs[i]);
        }
    }
}

/* low: of its last posting. */
static inline void group_lengths(const positions_finder *f, places_group *g, uint16_t low) {
    const list_view *v = f->list;
    uint16_t docs[ONES_ROOM];
    uint32_t rank = g->from + g->count - 1;
    if (v->container_kind == LIST_BITSET) {
        ones_places(v->container, low, g->count, docs);
    } else if (v->container_kind == LIST_BLOCKED) {
        /* As many zeros as blocks lie before a posting, as many ones as its rank. */
        ones_places(v->high, rank + low / BLOCK_DOCS, g->count, docs);
        for (uint32_t i = 0; i < g->count; i++) {
            uint32_t block = docs[i] - (g->from + i);
            docs[i] = (uint16_t)(block << 8 | v->container[g->from + i]);
        }
    } else {
        memcpy(docs, v->container + (size_t)g->from * 2, g->count * sizeof *docs);
    }
    lengths_of(&f->lengths, docs, g->count, g->lengths);
}

/* Of positions: tfs less what the titles have of them. */
static inline void group_numbers(positions_finder *f, places_group *g) {
    const list_view *v = f->list;
    uint8_t room[LIST_TF_ROOM];
    bool large;
    const uint8_t *tfs = tf_bytes(v, g->from, g->count, room, &large);
    for (uint32_t i = 0; i < g->count; i++) {
        g->numbers[i] = tfs[i];
    }
    for (uint32_t i = 0; large && i < g->count; i++) {
        g->numbers[i] = tfs[i] == UINT8_MAX ? tf_of(v, g->from + i) : tfs[i];
    }
    if (f->title_weight == 0 || v->title_count == 0) {
        return;
    }
    for (uint32_t at = positions_title_from(f, g->from); at < v->title_count; at++) {
        uint32_t i = list_title_rank(v, at) - g->from;
        if (i >= g->count) {
            break;
        }
        uint64_t less = (uint64_t)f->title_weight * list_title_tf_at(v, at);
        g->numbers[i] = less <= g->numbers[i] ? g->numbers[i] - (uint32_t)less : 0;
    }
}

/* false where a post has fewer words than positions. */
static inline bool group_widths(places_group *g) {
    uint32_t impossible = 0;
    for (uint32_t i = g->count; i < (uint32_t)POSITIONS_GROUP; i++) {
        g->lengths[i] = g->numbers[i] = 0;
    }
    for (uint32_t i = 0; i < (uint32_t)POSITIONS_GROUP; i++) {
        impossible |= g->numbers[i] > g->lengths[i];
        g->widths[i] = (uint32_t)width_of(g->numbers[i], g->lengths[i]);
    }
    return !impossible;
}

/* A group by steps over arrays; false where a post has fewer words than positions. */
static bool open_group(positions_finder *f, places_group *g, uint16_t low) {
    group_lengths(f, g, low);
    group_numbers(f, g);
    return group_widths(g);
}

/* ---- A group in registers ------------------------------------------------------------------ */

#if defined(__AVX512VBMI2__)

/* Its 32 postings, the first 16 in a. */
typedef struct lanes32 {
    __m512i a, b;
} lanes32;

static inline lanes32 widened(__m512i u16s) {
    return (lanes32){_mm512_cvtepu16_epi32(_mm512_castsi512_si256(u16s)),
                     _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(u16s, 1))};
}

static inline __m512i counting_u16(void) {
    uint16_t counting[32];
    for (int i = 0; i < 32; i++) {
        counting[i] = (uint16_t)i;
    }
    return _mm512_loadu_si512((const void *)counting);
}

static inline __mmask32 below_lane(uint32_t lane) {
    return (__mmask32)below_bit(lane);
}

/* u16s behind the n that are there; those behind the new ones are 0. */
static inline __m512i behind(__m512i u16s, uint32_t n, __m512i more) {
    __m512i from = _mm512_sub_epi16(counting_u16(), _mm512_set1_epi16((short)n));
    return _mm512_or_si512(u16s, _mm512_maskz_permutexvar_epi16(~below_lane(n), from, more));
}

/* 32 entries of a column from one of them on, those of `some`; the others are not read. */
static inline __m512i read_entries(const list_lengths *l, uint32_t at, __mmask32 some) {
    const uint8_t *entries = (const uint8_t *)l->entries + (size_t)at * l->width;
    __m512i wide = l->width == 2
                       ? _mm512_maskz_loadu_epi16(some, entries)
                       : _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(some, entries));
    return _mm512_maskz_compress_epi16(some, wide);
}

/* Where a group's 1s lie in a bitset, up to an ordinal; false: some have no entry. */
static inline bool bitset_range(const positions_finder *f, const places_group *g, uint16_t low,
                                ones_range *r) {
    const list_lengths *l = &f->lengths;
    *r = ones_up_to(f->list->container, low, g->count);
    return !r->missing && r->first * 64 >= l->first && (uint32_t)low - l->first < l->count;
}

/* Of a bitset's last 1s up to an ordinal, without the ordinals. */
static inline bool bitset_entries(const positions_finder *f, const places_group *g, uint16_t low,
                                  lanes32 *out) {
    const list_lengths *l = &f->lengths;
    const uint8_t *words = f->list->container;
    __m512i entries = _mm512_setzero_si512();
    ones_range r;
    uint32_t n = 0;
    if (!bitset_range(f, g, low, &r)) {
        return false;
    }
    for (uint32_t word = r.first; word <= low / 64u; word++) {
        uint64_t x = ones_in(words, &r, word, low);
        for (uint32_t at = word * 64 - l->first; x; at += 32, x >>= 32) {
            entries = behind(entries, n, read_entries(l, at, (__mmask32)x));
            n += ones_of((uint32_t)x);
        }
    }
    *out = widened(entries);
    return true;
}

/* The same of a column of 32 bits; g->lengths is scratch. */
static inline bool bitset_wide_entries(const positions_finder *f, places_group *g, uint16_t low,
                                       lanes32 *out) {
    const list_lengths *l = &f->lengths;
    const uint8_t *words = f->list->container;
    ones_range r;
    uint32_t n = 0;
    if (!bitset_range(f, g, low, &r)) {
        return false;
    }
    for (uint32_t word = r.first; word <= low / 64u; word++) {
        uint64_t x = ones_in(words, &r, word, low);
        for (uint32_t at = word * 64 - l->first; x; at += 16, x >>= 16) {
            const uint8_t *entries = (const uint8_t *)l->entries + (size_t)at * 4;
            __m512i those = _mm512_maskz_loadu_epi32((__mmask16)x, entries);
            those = _mm512_maskz_compress_epi32((__mmask16)x, those);
            _mm512_storeu_si512((void *)(g->lengths + n), those);
            n += ones_of((uint16_t)x);
        }
    }
    out->a = _mm512_loadu_si512((const void *)g->lengths);
    out->b = _mm512_loadu_si512((const void *)(g->lengths + 16));
    return true;
}

/* The ordinals in a list that is no bitset. */
static inline bool group_docs(const list_view *v, const places_group *g, uint16_t low,
                              __m512i *docs) {
    __mmask32 all = below_lane(g->count);
    if (v->container_kind == LIST_ARRAY) {
        *docs = _mm512_maskz_loadu_epi16(all, v->container + (size_t)g->from * 2);
        return true;
    }
    /* As many zeros as blocks lie before a posting, as many ones as its rank. */
    uint32_t n = 0, last = g->from + g->count - 1 + low / BLOCK_DOCS;
    ones_range r = ones_up_to(v->high, last, g->count);
    __m512i bits = _mm512_setzero_si512();
    for (uint32_t word = r.first; word <= last / 64; word++) {
        uint64_t x = ones_in(v->high, &r, word, last);
        for (uint32_t at = word * 64; x; at += 32, x >>= 32) {
            __m512i those = _mm512_maskz_compress_epi16((__mmask32)x, counting_u16());
            uint32_t here = ones_of((uint32_t)x);
            those = _mm512_maskz_add_epi16(below_lane(here), those, _mm512_set1_epi16((short)at));
            bits = behind(bits, n, those);
            n += here;
        }
    }
    __m512i ranks = _mm512_add_epi16(counting_u16(), _mm512_set1_epi16((short)g->from));
    __m512i lows = _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(all, v->container + g->from));
    *docs = _mm512_or_si512(_mm512_slli_epi16(_mm512_sub_epi16(bits, ranks), 8), lows);
    return r.missing == 0;
}

/* Eight entries of a column, of whose first bytes 4 are read. */
static inline __m256i gather(const list_lengths *l, __m256i at) {
    const int *entries = l->entries;
    return l->width == 1   ? _mm256_i32gather_epi32(entries, at, 1)
           : l->width == 2 ? _mm256_i32gather_epi32(entries, at, 2)
                           : _mm256_i32gather_epi32(entries, at, 4);
}

/* The entries of 16 ordinals; false: some lie outside of the column, or so near to its end that 4
   bytes cannot be read. */
static inline bool gather_entries(const list_lengths *l, __mmask16 all, __m512i docs,
                                  __m512i *out) {
    __m512i at = _mm512_sub_epi32(docs, _mm512_set1_epi32((int)l->first));
    uint32_t end = l->count < 4 ? 0 : l->count - (4 / l->width - 1);
    if (all & ~_mm512_cmplt_epu32_mask(at, _mm512_set1_epi32((int)end))) {
        return false;
    }
    at = _mm512_maskz_mov_epi32(all, at);
    __m512i read = _mm512_inserti64x4(
        _mm512_castsi256_si512(gather(l, _mm512_castsi512_si256(at))),
        gather(l, _mm512_extracti64x4_epi64(at, 1)), 1);
    *out = _mm512_and_si512(read, _mm512_set1_epi32((int)(UINT32_MAX >> (32 - 8 * l->width))));
    return true;
}

/* low: of its last posting. */
static inline bool lengths_in(const positions_finder *f, places_group *g, uint16_t low,
                              lanes32 *out) {
    const list_lengths *l = &f->lengths;
    __mmask32 all = below_lane(g->count);
    if (l->stride != l->width) {
        return false;
    }
    if (f->list->container_kind == LIST_BITSET) {
        if (!(l->width == 4 ? bitset_wide_entries(f, g, low, out)
                            : bitset_entries(f, g, low, out))) {
            return false;
        }
    } else {
        __m512i docs;
        if (!group_docs(f->list, g, low, &docs)) {
            return false;
        }
        lanes32 wide = widened(docs);
        if (!gather_entries(l, (__mmask16)all, wide.a, &out->a) ||
            !gather_entries(l, (__mmask16)(all >> 16), wide.b, &out->b)) {
            return false;
        }
    }
    const __m512i base = _mm512_set1_epi32((int)l->base);
    out->a = _mm512_maskz_add_epi32((__mmask16)all, out->a, base);
    out->b = _mm512_maskz_add_epi32((__mmask16)(all >> 16), out->b, base);
    return true;
}

/* 32 codes of 2 or 4 bits, a byte each; 0 behind the codes. */
static inline __m256i codes_in(const list_view *v, uint32_t from) {
    size_t byte = (size_t)from * v->tf_bits / 8, have = ((size_t)v->count * v->tf_bits + 7) / 8;
    size_t want = v->tf_bits == 2 ? 8 : 16;
    uint64_t x[2] = {0};
    have = have - byte < want ? have - byte : want;
    if (have == 16) {
        memcpy(x, v->tf_codes + byte, 16);
    } else if (have == 8) {
        memcpy(x, v->tf_codes + byte, 8);
    } else {
        memcpy(x, v->tf_codes + byte, have);
    }
    if (v->tf_bits == 2) {
        const __m256i at = _mm256_set_epi64x(0x3e3c3a3836343230, 0x2e2c2a2826242220,
                                             0x1e1c1a1816141210, 0x0e0c0a0806040200);
        __m256i all = _mm256_multishift_epi64_epi8(at, _mm256_set1_epi64x((int64_t)x[0]));
        return _mm256_and_si256(all, _mm256_set1_epi8(3));
    }
    const __m256i at = _mm256_set_epi64x(0x3c3834302c282420, 0x1c1814100c080400,
                                         0x3c3834302c282420, 0x1c1814100c080400);
    __m256i words = _mm256_set_epi64x((int64_t)x[1], (int64_t)x[1], (int64_t)x[0], (int64_t)x[0]);
    return _mm256_and_si256(_mm256_multishift_epi64_epi8(at, words), _mm256_set1_epi8(15));
}

/* tfs of 16 bits; false: of another form. */
static inline bool tfs_in(const list_view *v, const places_group *g, __m512i *tfs) {
    if ((v->tf_bits != 2 && v->tf_bits != 4) || (v->exceptions && v->exception_bytes > 2)) {
        return false;
    }
    __m256i codes = codes_in(v, g->from);
    *tfs = _mm512_cvtepu8_epi16(_mm256_add_epi8(codes, _mm256_set1_epi8(1)));
    __m256i greatest = _mm256_set1_epi8((char)((1 << v->tf_bits) - 1));
    __mmask32 those = _mm256_mask_cmpeq_epi8_mask(below_lane(g->count), codes, greatest);
    if (v->exceptions == 0 || those == 0) {
        return true;
    }
    uint32_t next = exceptions_below(v, g->from), here = ones_of(those);
    if (next > v->exceptions || here > v->exceptions - next) {
        return false;
    }
    const uint8_t *at = v->exception_tfs + (size_t)next * v->exception_bytes;
    __mmask32 first = below_lane(here);
    __m512i found = v->exception_bytes == 1
                        ? _mm512_cvtepu8_epi16(_mm256_maskz_loadu_epi8(first, at))
                        : _mm512_maskz_loadu_epi16(first, at);
    *tfs = _mm512_mask_expand_epi16(*tfs, those, found);
    return true;
}

static inline bool numbers_in(positions_finder *f, const places_group *g, lanes32 *out) {
    const list_view *v = f->list;
    __mmask32 all = below_lane(g->count);
    __m512i tfs;
    if (!tfs_in(v, g, &tfs)) {
        return false;
    }
    *out = widened(_mm512_maskz_mov_epi16(all, tfs));
    if (f->title_weight == 0 || v->title_count == 0) {
        return true;
    }
    for (uint32_t at = positions_title_from(f, g->from); at < v->title_count; at++) {
        uint32_t i = list_title_rank(v, at) - g->from;
        if (i >= g->count) {
            break;
        }
        __m512i less = _mm512_set1_epi32((int)(f->title_weight * list_title_tf_at(v, at)));
        __mmask32 lane = (__mmask32)1 << i;
        out->a = _mm512_mask_max_epu32(out->a, (__mmask16)lane, out->a, less);
        out->b = _mm512_mask_max_epu32(out->b, (__mmask16)(lane >> 16), out->b, less);
        out->a = _mm512_mask_sub_epi32(out->a, (__mmask16)lane, out->a, less);
        out->b = _mm512_mask_sub_epi32(out->b, (__mmask16)(lane >> 16), out->b, less);
    }
    return true;
}

static inline __m512i bits_in(__m512i values) {
    return _mm512_sub_epi32(_mm512_set1_epi32(32), _mm512_lzcnt_epi32(values));
}

/* width_of (widths.h). */
static inline __m512i widths_in(__m512i t, __m512i lengths) {
    const __m512i one = _mm512_set1_epi32(1);
    __m512i last = _mm512_sub_epi32(lengths, t), range = _mm512_add_epi32(last, one);
    __m512i low = _mm512_subs_epu16(bits_in(range), bits_in(t)); /* below 2^16 */
    __mmask16 over = _mm512_test_epi32_mask(low, low) &
                     _mm512_cmplt_epu32_mask(range, _mm512_sllv_epi32(t, low));
    low = _mm512_mask_sub_epi32(low, over, low, one);
    __m512i elias_fano = _mm512_add_epi32(_mm512_mullo_epi32(t, _mm512_add_epi32(low, one)),
                                          _mm512_srlv_epi32(last, low));
    __m512i circle = _mm512_mullo_epi32(t, bits_in(_mm512_sub_epi32(lengths, one)));
    circle = _mm512_sub_epi32(circle, _mm512_sub_epi32(t, one));
    __mmask16 many = _mm512_cmpgt_epu32_mask(t, _mm512_set1_epi32(CIRCLE_MAX));
    __m512i widths = _mm512_mask_mov_epi32(circle, many, elias_fano);
    return _mm512_maskz_mov_epi32(_mm512_test_epi32_mask(t, t), widths);
}

static inline void put_lanes(uint32_t *to, lanes32 lanes) {
    _mm512_storeu_si512((void *)to, lanes.a);
    _mm512_storeu_si512((void *)(to + 16), lanes.b);
}

/* As open_group. What is not of the usual form is left to that. */
static inline bool open_group_fast(positions_finder *f, places_group *g, uint16_t low) {
    lanes32 lengths, numbers, widths;
    if (!lengths_in(f, g, low, &lengths) || !numbers_in(f, g, &numbers)) {
        return open_group(f, g, low);
    }
    widths.a = widths_in(numbers.a, lengths.a);
    widths.b = widths_in(numbers.b, lengths.b);
    put_lanes(g->lengths, lengths);
    put_lanes(g->numbers, numbers);
    put_lanes(g->widths, widths);
    return !(_mm512_cmpgt_epu32_mask(numbers.a, lengths.a) |
             _mm512_cmpgt_epu32_mask(numbers.b, lengths.b));
}

static inline uint64_t sum_many_widths(const places_group *g, uint32_t from, uint32_t to) {
    __mmask32 some = below_lane(to) & ~below_lane(from);
    __m512i a = _mm512_maskz_loadu_epi32((__mmask16)some, g->widths);
    __m512i b = _mm512_maskz_loadu_epi32((__mmask16)(some >> 16), g->widths + 16);
    return (uint32_t)_mm512_reduce_add_epi32(_mm512_add_epi32(a, b));
}

#else

static inline bool open_group_fast(positions_finder *f, places_group *g, uint16_t low) {
    return open_group(f, g, low);
}

static inline uint64_t sum_many_widths(const places_group *g, uint32_t from, uint32_t to) {
    uint64_t sum = 0;
    for (uint32_t i = from; i < to; i++) {
        sum += g->widths[i];
    }
    return sum;
}

#endif

/* The widths of [from, to). */
static inline uint64_t sum_widths(const places_group *g, uint32_t from, uint32_t to) {
    enum { FEW = 3 };
    if (to - from > FEW) {
        return sum_many_widths(g, from, to);
    }
    uint64_t sum = 0;
    for (uint32_t i = from; i < to; i++) {
        sum += g->widths[i];
    }
    return sum;
}

/* ---- All of them --------------------------------------------------------------------------- */

#define NO_RANK UINT64_MAX

/* Ranks, into `bit`. */
static inline void ranks_of(const list_view *v, const uint16_t *lows, uint32_t count,
                            positions_place *places) {
    uint32_t from = 0, to = 0, block = UINT32_MAX, rank;
    if (v->container_kind == LIST_BITSET) {
        for (uint32_t i = 0; i < count; i++) {
            rank = bitset_rank(v, lows[i]);
            places[i].bit = rank == UINT32_MAX ? NO_RANK : rank;
        }
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (lows[i] / BLOCK_DOCS != block) {
            block = lows[i] / BLOCK_DOCS;
            block_of(v, block, &from, &to);
        }
        rank = v->container_kind == LIST_BLOCKED ? find_byte(v, from, to, (uint8_t)lows[i])
                                                 : rank_in(v, from, to, lows[i]);
        places[i].bit = rank == UINT32_MAX ? NO_RANK : rank;
    }
}

static bool find_places(positions_finder *f, const uint16_t *lows, uint32_t count,
                        positions_place *places) {
    places_group g;
    uint32_t next = 0;
    ranks_of(f->list, lows, count, places);
    while (next < count) {
        uint64_t rank = places[next].bit, group = rank / POSITIONS_GROUP;
        if (rank == NO_RANK) {
            places[next++] = (positions_place){0};
            continue;
        }
        uint32_t end = next + 1, last = next;
        for (; end < count && (places[end].bit == NO_RANK ||
                               places[end].bit / POSITIONS_GROUP == group); end++) {
            last = places[end].bit == NO_RANK ? last : end;
        }
        g.from = (uint32_t)group * POSITIONS_GROUP;
        g.count = (uint32_t)places[last].bit - g.from + 1;
        if (!open_group_fast(f, &g, lows[last])) {
            return false;
        }
        uint64_t bit = positions_group_offset(f->view, (uint32_t)group) * 8;
        uint32_t done = 0;
        for (; next <= last; next++) {
            if (places[next].bit == NO_RANK) {
                places[next] = (positions_place){0};
                continue;
            }
            uint32_t at = (uint32_t)places[next].bit - g.from;
            bit += at > done ? sum_widths(&g, done, at) : 0;
            done = at;
            places[next] = (positions_place){bit, g.numbers[at], g.lengths[at]};
        }
    }
    return true;
}
