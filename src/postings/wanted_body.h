/*
 * The tfs of some postings: what reader_body.h includes for `tfs_of` and `tfs_of_docs`.
 *
 *     wanted      0 1 0 0 1 1 0 …   ordinals, a bit each
 *     the list    1 1 0 1 1 0 0 …   of a bitset or made of a blocked container's bytes
 *     its tfs     3 1   2 4
 *     given       1 4 0             by wanted ordinal; 0: not in the list
 *
 * A word of 64 ordinals at a time: its codes, cut out of their bits and spread over the ordinals,
 * and of these the wanted ones put together.
 */

/* ---- Of a block ---------------------------------------------------------------------------- */

/* By one posting after the other; of any list. */
static bool tfs_of_each(const list_view *v, const uint8_t *all, uint32_t block,
                        const uint64_t *wanted, uint8_t *tfs) {
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint32_t from, to, before = 0, count = 0;
    bool large, any = false;
    block_of(v, block, &from, &to);
    block_bits(v, block, from, to, bits);
    const uint8_t *bytes = all ? all + from : tf_bytes(v, from, to - from, room, &large);
    for (uint32_t word = 0; word < (uint32_t)KERNEL_BLOCK_WORDS; word++) {
        for (uint64_t left = wanted[word]; left; left &= left - 1) {
            uint64_t bit = left & (0 - left);
            uint32_t rank = before + ones_of(bits[word] & (bit - 1));
            bool here = (bits[word] & bit) && rank < to - from;
            tfs[count] = here ? bytes[rank] : 0;
            any |= tfs[count++] == UINT8_MAX;
        }
        before += ones_of(bits[word]);
    }
    return any;
}

/* Of a block, each in its place, whether it is wanted or not. */
static bool lane_tfs_of_each(const list_view *v, const uint8_t *all, uint32_t block,
                             uint8_t *tfs) {
    uint8_t room[LIST_TF_ROOM + KERNEL_READ_BYTES];
    uint64_t bits[KERNEL_BLOCK_WORDS];
    uint32_t from, to;
    bool large;
    block_of(v, block, &from, &to);
    block_bits(v, block, from, to, bits);
    if (ones_of(bits[0]) + ones_of(bits[1]) + ones_of(bits[2]) + ones_of(bits[3]) != to - from) {
        memset(tfs, 0, BLOCK_DOCS); /* a damaged list */
        return false;
    }
    const uint8_t *bytes = all ? all + from : tf_bytes(v, from, to - from, room, &large);
    READER_KERNELS.expand(bits, bytes, tfs);
    return memchr(bytes, UINT8_MAX, to - from) != NULL;
}

/* As many at a time as tf_bytes takes; codes of no bits at once. */
static void tfs_of_all_blocks(const list_view *v, uint8_t *tfs) {
    uint8_t room[LIST_TF_ROOM];
    bool large;
    if (v->tf_bits == 0) {
        const uint8_t *ranks = v->exception_ranks; /* a byte may be anything: read once */
        const uint32_t exceptions = v->exceptions, last = v->count - 1;
        memset(tfs, 1, v->count);
        const uint8_t *bytes = v->exception_bytes == 1 ? v->exception_tfs : NULL;
        for (uint32_t i = 0; i < exceptions; i++) {
            uint32_t rank = load_u16(ranks + (size_t)i * 2);
            uint32_t tf = bytes ? bytes[i] : exception_tf(v, i);
            tfs[rank < last ? rank : last] = (uint8_t)(tf < UINT8_MAX ? tf : UINT8_MAX);
        }
        return;
    }
    for (uint32_t rank = 0; rank < v->count; rank += BLOCK_DOCS) {
        uint32_t here = v->count - rank < BLOCK_DOCS ? v->count - rank : BLOCK_DOCS;
        memcpy(tfs + rank, tf_bytes(v, rank, here, room, &large), here);
    }
}

#if defined(__AVX512VBMI2__)

/* Once for each width of codes. */
#define INLINE inline __attribute__((always_inline))

/* The codes of ranks [rank, rank + count), count <= 64, as tfs, of which the greatest stands for an
   exception; 8 bits: for 255 and more. */
static INLINE __m512i tfs_of_codes(const list_view *v, uint32_t width, uint32_t rank,
                                   uint32_t count) {
    const __m512i eight = _mm512_set1_epi64(0x0706050403020100);
    const __m512i by2 = _mm512_setr_epi64(0, 0x0202020202020202, 0x0404040404040404,
                                          0x0606060606060606, 0x0808080808080808,
                                          0x0a0a0a0a0a0a0a0a, 0x0c0c0c0c0c0c0c0c,
                                          0x0e0e0e0e0e0e0e0e);
    const uint32_t bit = rank * width, skip = bit % 8;
    __m512i x = _mm512_maskz_loadu_epi8(below_bit((count * width + skip + 7) / 8),
                                        v->tf_codes + bit / 8);
    if (width != 8) { /* to each 8 bytes those that have their codes */
        const int64_t shifts = width == 2 ? 0x0e0c0a0806040200 : 0x1c1814100c080400;
        __m512i from = _mm512_add_epi8(width == 2 ? by2 : _mm512_add_epi8(by2, by2), eight);
        __m512i places = _mm512_add_epi8(_mm512_set1_epi64(shifts), _mm512_set1_epi8((char)skip));
        x = _mm512_multishift_epi64_epi8(places, _mm512_permutexvar_epi8(from, x));
        x = _mm512_and_si512(x, _mm512_set1_epi8(width == 2 ? 3 : 15));
    }
    return _mm512_adds_epu8(x, _mm512_set1_epi8(1));
}

/* Which of `count` tfs out of codes stand for exceptions. */
static inline __mmask64 exceptions_of(uint32_t width, __m512i x, uint32_t count) {
    return _mm512_mask_cmpeq_epi8_mask(below_bit(count), x, _mm512_set1_epi8((char)(1u << width)));
}

/* As exceptions_below, without a branch. */
static INLINE uint32_t exceptions_to(const list_view *v, uint32_t width, uint32_t rank) {
    uint32_t stride = rank / LIST_TF_STRIDE, left = rank % LIST_TF_STRIDE;
    uint32_t below = stride ? load_u16(v->exception_counts + (size_t)(stride - 1) * 2) : 0;
    __m512i x = tfs_of_codes(v, width, rank - left, left);
    return below + ones_of(exceptions_of(width, x, left));
}

/* Puts exceptions, of which `next` is the first, in their places; of damaged bytes any. */
static inline __m512i with_exceptions(const list_view *v, __m512i x, __mmask64 found,
                                      uint32_t next) {
    uint32_t room = next < v->exceptions ? v->exceptions - next : 0, here = ones_of(found);
    next = room ? next : 0;
    __m512i those = exception_bytes_at(v, next, here < room ? here : room);
    return _mm512_mask_expand_epi8(x, found, those);
}

/* No branch depends on what is wanted, nor on tfs: none could be foreseen. */
static INLINE bool tfs_of_bitset(const list_view *v, const uint8_t *all, uint32_t width,
                                 uint32_t block, const uint64_t *wanted, bool packed,
                                 uint8_t *tfs) {
    const uint8_t *words = v->container + (size_t)block * 32;
    const bool exceptions = !all && width != 8 && v->exceptions;
    uint32_t rank = load_u16(v->ranks + block * 2);
    __mmask64 full = 0;
    rank = rank < v->count ? rank : v->count;
    uint32_t next = exceptions && rank < v->count ? exceptions_to(v, width, rank) : 0;
    for (uint32_t word = 0; word < (uint32_t)KERNEL_BLOCK_WORDS; word++) {
        const uint64_t bits = load_u64(words + 8 * (size_t)word);
        uint32_t here = ones_of(bits), left = v->count - rank;
        here = here < left ? here : left;
        __m512i x = all ? _mm512_loadu_si512((const void *)(all + rank))
                        : tfs_of_codes(v, width, rank, here);
        if (exceptions) {
            __mmask64 found = exceptions_of(width, x, here);
            x = with_exceptions(v, x, found, next);
            next += ones_of(found);
        }
        x = _mm512_maskz_expand_epi8(bits, x);
        x = packed ? _mm512_maskz_compress_epi8(wanted[word], x)
                   : _mm512_maskz_mov_epi8(wanted[word], x);
        full |= _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(-1));
        _mm512_storeu_si512((void *)tfs, x);
        tfs += packed ? ones_of(wanted[word]) : 64;
        rank += here;
    }
    return full != 0;
}

static inline bool tfs_of_coded(const list_view *v, const uint8_t *all, uint32_t block,
                                const uint64_t *wanted, bool packed, uint8_t *tfs) {
    return all               ? tfs_of_bitset(v, all, 8, block, wanted, packed, tfs)
           : v->tf_bits == 2 ? tfs_of_bitset(v, NULL, 2, block, wanted, packed, tfs)
           : v->tf_bits == 4 ? tfs_of_bitset(v, NULL, 4, block, wanted, packed, tfs)
                             : tfs_of_bitset(v, NULL, 8, block, wanted, packed, tfs);
}

/* Which of `count` <= 64 ordinals of a block are wanted. */
static inline __mmask64 wanted_of(const uint8_t *lows, uint32_t count, const uint64_t *wanted) {
    const __m512i bit_of = _mm512_set1_epi64((long long)0x8040201008040201u);
    const __m512i table = _mm512_broadcast_i64x4(
        _mm256_loadu_si256((const __m256i *)(const void *)wanted));
    __m512i low = _mm512_maskz_loadu_epi8(below_bit(count), lows);
    __m512i byte = _mm512_and_si512(_mm512_srli_epi16(low, 3), _mm512_set1_epi8(31));
    __m512i bit = _mm512_shuffle_epi8(bit_of, _mm512_and_si512(low, _mm512_set1_epi8(7)));
    return _mm512_mask_test_epi8_mask(below_bit(count), _mm512_permutexvar_epi8(byte, table), bit);
}

/* Codes of no bits: the exceptions say where they are. */
static inline __m512i tfs_of_ranks(const list_view *v, uint32_t from, uint32_t to) {
    __m512i x = _mm512_set1_epi8(1);
    uint32_t i = v->exceptions ? search_u16(v->exception_ranks, v->exceptions, from) : 0;
    for (; i < v->exceptions; i++) {
        uint32_t rank = load_u16(v->exception_ranks + (size_t)i * 2), tf = exception_tf(v, i);
        if (rank < from || rank >= to) {
            break;
        }
        x = _mm512_mask_set1_epi8(x, (uint64_t)1 << (rank - from), (char)(tf < 255 ? tf : 255));
    }
    return x;
}

/* Up to 64 postings of a block, all in one register; false: to be done one by one. */
static INLINE bool tfs_of_blocked(const list_view *v, const uint8_t *all, uint32_t width,
                                  uint32_t block, const uint64_t *wanted, uint8_t *tfs,
                                  bool *large) {
    uint32_t from, to, count = 0;
    blocked_block(v, block, &from, &to);
    for (uint32_t word = 0; word < (uint32_t)KERNEL_BLOCK_WORDS; word++) {
        count += ones_of(wanted[word]);
    }
    __mmask64 some = wanted_of(v->container + from, to - from < 64 ? to - from : 64, wanted);
    if (to - from > 64 || ones_of(some) != count) {
        return false; /* too many, or some are not in the list */
    }
    __m512i x;
    if (all) {
        x = _mm512_loadu_si512((const void *)(all + from));
    } else if (width == 0) {
        x = tfs_of_ranks(v, from, to);
    } else {
        x = tfs_of_codes(v, width, from, to - from);
    }
    if (!all && (width == 2 || width == 4)) {
        __mmask64 found = v->exceptions ? exceptions_of(width, x, to - from) : 0;
        x = found ? with_exceptions(v, x, found, exceptions_to(v, width, from)) : x;
    }
    x = _mm512_maskz_compress_epi8(some, x);
    *large = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(-1)) != 0;
    _mm512_storeu_si512((void *)tfs, x);
    return true;
}

/* Those of up to 64 lows of a block that are wanted, as ordinals; how many. */
static inline uint32_t put_wanted(const uint8_t *lows, uint32_t count, const uint64_t *wanted,
                                  uint32_t block, uint16_t *docs) {
    const __m512i high = _mm512_set1_epi16((short)(block * BLOCK_DOCS));
    __mmask64 some = wanted_of(lows, count, wanted);
    __m512i low = _mm512_maskz_compress_epi8(
        some, _mm512_maskz_loadu_epi8(below_bit(count), lows));
    __m512i even = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(low));
    _mm512_storeu_si512((void *)docs, _mm512_or_si512(even, high));
    if (count > 32) {
        __m512i odd = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(low, 1));
        _mm512_storeu_si512((void *)(docs + 32), _mm512_or_si512(odd, high));
    }
    return ones_of(some);
}

static bool tfs_of(const list_view *v, const uint8_t *all, uint32_t block,
                   const uint64_t wanted[KERNEL_BLOCK_WORDS], uint8_t *tfs) {
    const uint32_t width = v->tf_bits, kind = v->container_kind;
    bool large, done = false, known = all || v->exception_bytes <= 2;
    if (kind == LIST_BITSET && known && (all || width)) {
        return tfs_of_coded(v, all, block, wanted, true, tfs);
    }
    if (kind == LIST_BLOCKED && known) {
        done = all          ? tfs_of_blocked(v, all, 8, block, wanted, tfs, &large)
               : width == 0 ? tfs_of_blocked(v, NULL, 0, block, wanted, tfs, &large)
               : width == 2 ? tfs_of_blocked(v, NULL, 2, block, wanted, tfs, &large)
               : width == 4 ? tfs_of_blocked(v, NULL, 4, block, wanted, tfs, &large)
                            : tfs_of_blocked(v, NULL, 8, block, wanted, tfs, &large);
    }
    return done ? large : tfs_of_each(v, all, block, wanted, tfs);
}

static bool lane_tfs_of(const list_view *v, const uint8_t *all, uint32_t block,
                        const uint64_t wanted[KERNEL_BLOCK_WORDS], uint8_t *tfs) {
    bool coded = v->tf_bits && v->exception_bytes <= 2;
    return v->container_kind == LIST_BITSET && (all || coded)
               ? tfs_of_coded(v, all, block, wanted, false, tfs)
               : lane_tfs_of_each(v, all, block, tfs);
}

/* 64 codes at a time. */
static INLINE void tfs_of_all_codes(const list_view *v, uint32_t width, uint8_t *tfs) {
    uint32_t next = 0;
    for (uint32_t rank = 0; rank < v->count; rank += 64) {
        uint32_t here = v->count - rank < 64 ? v->count - rank : 64;
        __m512i x = tfs_of_codes(v, width, rank, here);
        if (width != 8 && v->exceptions) {
            __mmask64 found = exceptions_of(width, x, here);
            x = with_exceptions(v, x, found, next);
            next += ones_of(found);
        }
        _mm512_storeu_si512((void *)(tfs + rank), x);
    }
}

static void tfs_of_all(const list_view *v, uint8_t *tfs) {
    const uint32_t width = v->exception_bytes <= 2 ? v->tf_bits : 0;
    if (width == 2) {
        tfs_of_all_codes(v, 2, tfs);
    } else if (width == 4) {
        tfs_of_all_codes(v, 4, tfs);
    } else if (width == 8) {
        tfs_of_all_codes(v, 8, tfs);
    } else {
        tfs_of_all_blocks(v, tfs);
    }
}

/* The tf of a rank whose code says that it is an exception. */
static inline uint32_t excepted_tf(const list_view *v, uint32_t rank) {
    return v->tf_bits == 2   ? exception_tf(v, exceptions_to(v, 2, rank))
           : v->tf_bits == 4 ? exception_tf(v, exceptions_to(v, 4, rank))
                             : tf_of(v, rank);
}

#else

static inline uint32_t put_wanted(const uint8_t *lows, uint32_t count, const uint64_t *wanted,
                                  uint32_t block, uint16_t *docs) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        docs[kept] = (uint16_t)(block * BLOCK_DOCS + lows[i]);
        kept += wanted[lows[i] / 64] >> lows[i] % 64 & 1;
    }
    return kept;
}

static bool tfs_of(const list_view *v, const uint8_t *all, uint32_t block,
                   const uint64_t wanted[KERNEL_BLOCK_WORDS], uint8_t *tfs) {
    return tfs_of_each(v, all, block, wanted, tfs);
}

static bool lane_tfs_of(const list_view *v, const uint8_t *all, uint32_t block,
                        const uint64_t wanted[KERNEL_BLOCK_WORDS], uint8_t *tfs) {
    (void)wanted;
    return lane_tfs_of_each(v, all, block, tfs);
}

static void tfs_of_all(const list_view *v, uint8_t *tfs) {
    tfs_of_all_blocks(v, tfs);
}

static inline uint32_t excepted_tf(const list_view *v, uint32_t rank) {
    return tf_of(v, rank);
}

#endif

/* ---- Common ordinals ----------------------------------------------------------------------- */

static uint32_t block_common(const list_view *const *lists, const uint16_t *const *starts,
                             uint32_t count, uint32_t block, uint16_t *docs) {
    uint64_t wanted[KERNEL_BLOCK_WORDS], bits[KERNEL_BLOCK_WORDS];
    uint32_t from = starts[0][block], to = starts[0][block + 1], found = 0;
    memset(wanted, UINT8_MAX, sizeof wanted);
    for (uint32_t i = 1; i < count; i++) {
        const uint8_t *words = (const uint8_t *)bits;
        if (lists[i]->container_kind == LIST_BITSET) {
            words = lists[i]->container + (size_t)block * sizeof bits;
        } else {
            block_bits(lists[i], block, starts[i][block], starts[i][block + 1], bits);
        }
        for (uint32_t word = 0; word < (uint32_t)KERNEL_BLOCK_WORDS; word++) {
            wanted[word] &= load_u64(words + 8 * (size_t)word);
        }
    }
    to = to > from && to - from > BLOCK_DOCS ? from + BLOCK_DOCS : to; /* of damaged bytes */
    for (; from < to; from += 64) {
        uint32_t here = to - from < 64 ? to - from : 64;
        found += put_wanted(lists[0]->container + from, here, wanted, block, docs + found);
    }
    return found;
}

/* ---- Of ordinals in any order -------------------------------------------------------------- */

/* As bitset_rank, without a branch. */
static inline uint32_t rank_in_bitset(const list_view *v, uint16_t low) {
    const uint8_t *words = v->container + (size_t)(low / BLOCK_DOCS) * 32;
    const uint32_t at = low / 64u % 4;
    const uint64_t word = load_u64(words + 8 * (size_t)at);
    uint32_t rank = load_u16(v->ranks + low / BLOCK_DOCS * 2);
    rank += ones_of(load_u64(words) & (0 - (uint64_t)(at > 0)));
    rank += ones_of(load_u64(words + 8) & (0 - (uint64_t)(at > 1)));
    rank += ones_of(load_u64(words + 16) & (0 - (uint64_t)(at > 2)));
    rank += ones_of(word & below_bit(low % 64));
    return (word >> low % 64 & 1) && rank < v->count ? rank : UINT32_MAX;
}

static void ranks_of_docs(const list_view *v, const uint16_t *starts, const uint16_t *docs,
                     uint32_t count, uint32_t *ranks) {
    if (v->container_kind == LIST_BITSET) {
        for (uint32_t i = 0; i < count; i++) {
            ranks[i] = rank_in_bitset(v, docs[i]);
        }
    } else if (v->container_kind == LIST_BLOCKED && starts) {
        for (uint32_t i = 0; i < count; i++) {
            const uint16_t *at = &starts[docs[i] / BLOCK_DOCS];
            ranks[i] = find_byte(v, at[0], at[1], (uint8_t)docs[i]);
        }
    } else {
        for (uint32_t i = 0; i < count; i++) {
            ranks[i] = rank_of(v, docs[i]);
        }
    }
}

/* Exceptions are told apart at first, and looked up afterwards. */
static bool tfs_of_docs(const list_view *v, const uint8_t *all, const uint16_t *starts,
                        const uint16_t *docs, uint32_t count, uint8_t *tfs) {
    uint32_t ranks[BLOCK_DOCS], excepted = 0;
    uint8_t which[BLOCK_DOCS];
    const uint32_t width = v->tf_bits, full = 1u << width;
    bool large = false;
    ranks_of_docs(v, starts, docs, count, ranks);
    for (uint32_t i = 0; i < count && all; i++) {
        uint8_t tf = all[ranks[i] == UINT32_MAX ? 0 : ranks[i]];
        tfs[i] = ranks[i] == UINT32_MAX ? 0 : tf;
        large |= tfs[i] == UINT8_MAX;
    }
    if (all) {
        return large;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = ranks[i] == UINT32_MAX ? 0 : ranks[i];
        uint32_t tf = width ? code_of(v, rank) + 1 : 1;
        bool here = ranks[i] != UINT32_MAX;
        tfs[i] = here ? (uint8_t)(tf < UINT8_MAX ? tf : UINT8_MAX) : 0;
        which[excepted] = (uint8_t)i;
        excepted += here && tf == full;
        large |= tfs[i] == UINT8_MAX;
    }
    for (uint32_t k = 0; k < excepted && v->exceptions; k++) {
        uint32_t i = which[k];
        large |= put_byte(excepted_tf(v, ranks[i]), &tfs[i]);
    }
    return large;
}
