/*
 * tfs of a posting list: codes of 0, 2, 4 or 8 bits, and the exceptions that the greatest code of a
 * width stands for. The section is drawn in postings/format.h.
 */
#include "postings/kernels.h"
#include "postings/search.h"
#include "postings/list.h"

static uint32_t code_of(const list_view *v, uint32_t rank) {
    size_t bit = (size_t)rank * v->tf_bits;
    return (uint32_t)(v->tf_codes[bit / 8] >> bit % 8) & ((1u << v->tf_bits) - 1);
}

/* Exception i; 1 when damaged codes say that there are more than there are. */
static uint32_t exception_tf(const list_view *v, uint32_t i) {
    if (i >= v->exceptions) {
        return 1;
    }
    const uint8_t *at = v->exception_tfs + (size_t)i * v->exception_bytes;
    return v->exception_bytes == 1 ? *at : v->exception_bytes == 2 ? load_u16(at) : load_u32(at);
}

/* The codes of 64 bits from a byte on that say "exception", by their lowest bits. */
static uint64_t exceptions_in(const list_view *v, size_t byte) {
    size_t have = ((size_t)v->count * v->tf_bits + 7) / 8 - byte;
    uint64_t x = 0;
    memcpy(&x, v->tf_codes + byte, have < 8 ? have : 8);
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
        if (end - bit < 64) {
            found &= (1ull << (end - bit)) - 1;
        }
        below += (uint32_t)__builtin_popcountll(found);
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

void list_tfs_at(const list_view *v, uint32_t from, uint32_t count, uint32_t *tfs) {
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

void list_tfs(const list_view *v, uint32_t *tfs) {
    list_tfs_at(v, 0, v->count, tfs);
}

uint32_t list_tf(const list_view *v, uint32_t rank) {
    if (v->tf_bits) {
        uint32_t code = code_of(v, rank);
        bool exception = v->exceptions && code + 1 == 1u << v->tf_bits;
        return exception ? exception_tf(v, exceptions_below(v, rank)) : code + 1;
    }
    uint32_t at = v->exceptions ? search_u16(v->exception_ranks, v->exceptions, rank) : 0;
    bool here = at < v->exceptions && load_u16(v->exception_ranks + (size_t)at * 2) == rank;
    return here ? exception_tf(v, at) : 1;
}

/* ---- As bytes ------------------------------------------------------------------------------ */

static void expand_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    const uint8_t *codes = v->tf_codes + (size_t)from * v->tf_bits / 8;
    if (v->tf_bits == 2) {
        postings_kernels_best()->tfs_of_2(codes, (count + 3) & ~3u, tfs);
    } else if (v->tf_bits == 4) {
        postings_kernels_best()->tfs_of_4(codes, (count + 1) & ~1u, tfs);
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

static bool put_exception_bytes(const list_view *v, uint32_t from, uint32_t count, uint8_t *tfs) {
    uint32_t next = UINT32_MAX, width = v->tf_bits;
    size_t first = (size_t)from * width, end = first + (size_t)count * width;
    bool large = false;
    for (size_t bit = first; bit < end; bit += 64) {
        uint64_t found = exceptions_in(v, bit / 8);
        if (end - bit < 64) {
            found &= (1ull << (end - bit)) - 1;
        }
        for (; found; found &= found - 1) {
            next = next == UINT32_MAX ? exceptions_below(v, from) : next;
            size_t at = (bit - first + (size_t)__builtin_ctzll(found)) / width;
            large |= put_byte(exception_tf(v, next++), &tfs[at]);
        }
    }
    return large;
}

const uint8_t *list_tf_bytes(const list_view *v, uint32_t from, uint32_t count,
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
