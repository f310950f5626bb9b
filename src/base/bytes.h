/*
 * Bytes in and out: little-endian fixed integers, varints (LEB128), and a growable buffer.
 *
 * Loads and stores go through memcpy because values inside an LMDB leaf have no guaranteed
 * alignment. The file format is little-endian; on a big-endian machine the build stops here rather
 * than write another format.
 */
#ifndef ANP_BASE_BYTES_H
#define ANP_BASE_BYTES_H

#include "base/str.h"

#include <stdlib.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the index format is little-endian and read in place: big-endian machines are not supported"
#endif

static inline uint16_t load_u16(const void *p) {
    uint16_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint32_t load_u32(const void *p) {
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_u64(const void *p) {
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void store_u16(void *p, uint16_t v) {
    memcpy(p, &v, sizeof v);
}

static inline void store_u32(void *p, uint32_t v) {
    memcpy(p, &v, sizeof v);
}

static inline void store_u64(void *p, uint64_t v) {
    memcpy(p, &v, sizeof v);
}

/* memcpy of what is mostly 3 to 8 bytes: loads that overlap beat a call. */
static inline void copy_short(void *to, const void *from, size_t len) {
    uint8_t *last_to = (uint8_t *)to + len;
    const uint8_t *last = (const uint8_t *)from + len;
    if (len >= 4 && len <= 8) {
        uint32_t head = load_u32(from), tail = load_u32(last - 4);
        store_u32(to, head);
        store_u32(last_to - 4, tail);
    } else if (len == 3) {
        uint16_t head = load_u16(from);
        store_u16(to, head);
        last_to[-1] = last[-1];
    } else {
        memcpy(to, from, len);
    }
}

enum { VARINT_BYTES_MAX = 10 };

/* Writes v at p (room for VARINT_BYTES_MAX) and returns the byte behind it. */
static inline uint8_t *varint_write(uint8_t *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* The same bytes, for values most of which are below 2^14: without a branch that tells one byte
   from two, which no processor guesses. May write a byte behind them. */
static inline uint8_t *varint_write_near(uint8_t *p, uint32_t v) {
    if (v >= 1u << 14) {
        return varint_write(p, v);
    }
    uint32_t more = v >= 0x80;
    store_u16(p, (uint16_t)((v & 0x7f) | more << 7 | v >> 7 << 8));
    return p + 1 + more;
}

/* Reads a varint from [p, end) into *v; the byte behind it, or NULL when it is cut or over 64
   bits. */
static inline const uint8_t *varint_read(const uint8_t *p, const uint8_t *end, uint64_t *v) {
    uint64_t value = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        uint8_t byte = *p++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *v = value;
            return shift == 63 && byte > 1 ? NULL : p;
        }
    }
    return NULL;
}

/* The same for a value that must fit in 32 bits; most have one byte or two. */
static inline const uint8_t *varint_read_u32(const uint8_t *p, const uint8_t *end, uint32_t *v) {
    uint64_t wide;
    if (end - p >= 2 && p[0] < 0x80) {
        *v = p[0];
        return p + 1;
    }
    if (end - p >= 2 && p[1] < 0x80) {
        *v = (uint32_t)(p[0] & 0x7f) | (uint32_t)p[1] << 7;
        return p + 2;
    }
    p = varint_read(p, end, &wide);
    if (!p || wide > UINT32_MAX) {
        return NULL;
    }
    *v = (uint32_t)wide;
    return p;
}

enum { VARINT_NEAR_BYTES = 2 }; /* behind the end, that varint_read_near may read */

/* The same for values most of which are below 2^14: without a branch that tells one byte from two,
   which no processor guesses. p is at most the end. */
static inline const uint8_t *varint_read_near(const uint8_t *p, const uint8_t *end, uint32_t *v) {
    uint32_t both = load_u16(p), more = both >> 7 & 1;
    if ((both & 0x8080) == 0x8080 || end - p <= (ptrdiff_t)more) {
        return varint_read_u32(p, end, v);
    }
    *v = (both & 0x7f) | (both >> 1 & 0x3f80 & (0u - more));
    return p + 1 + more;
}

/*
 * A growable byte buffer, malloc'd, owned by whoever declares it: `buffer b = {0}; ...
 * buffer_free(&b)`. Failure is sticky: when memory is out every later write is dropped, and
 * `failed` says so at the end.
 */
typedef struct buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
    bool failed;
    bool fixed; /* data is other memory: it does not grow, and is not freed as a buffer's */
} buffer;

/* Room for `more` bytes behind len; NULL (and failed) when memory is out. */
static inline uint8_t *buffer_reserve(buffer *b, size_t more) {
    if (b->failed) {
        return NULL;
    }
    if (!b->data || b->capacity - b->len < more) {
        size_t capacity = b->len + more;
        capacity += capacity / 2 + 64;
        uint8_t *grown = b->fixed ? NULL : realloc(b->data, capacity);
        if (!grown) {
            b->failed = true;
            return NULL;
        }
        b->data = grown;
        b->capacity = capacity;
    }
    return b->data + b->len;
}

static inline void buffer_put(buffer *b, const void *bytes, size_t count) {
    uint8_t *at = buffer_reserve(b, count);
    if (at && count) {
        memcpy(at, bytes, count);
        b->len += count;
    }
}

static inline void buffer_put_str(buffer *b, str s) {
    buffer_put(b, s.data, s.len);
}

static inline void buffer_put_u8(buffer *b, uint8_t v) {
    buffer_put(b, &v, 1);
}

static inline void buffer_put_u16(buffer *b, uint16_t v) {
    buffer_put(b, &v, sizeof v);
}

static inline void buffer_put_u32(buffer *b, uint32_t v) {
    buffer_put(b, &v, sizeof v);
}

static inline void buffer_put_u64(buffer *b, uint64_t v) {
    buffer_put(b, &v, sizeof v);
}

static inline void buffer_put_varint(buffer *b, uint64_t v) {
    uint8_t *at = buffer_reserve(b, VARINT_BYTES_MAX);
    if (at) {
        b->len = (size_t)(varint_write(at, v) - b->data);
    }
}

static inline void buffer_free(buffer *b) {
    free(b->data);
    *b = (buffer){0};
}

#endif
