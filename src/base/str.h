/* A string view: bytes that somebody else owns, not NUL-terminated, any value of byte allowed. */
#ifndef ANP_BASE_STR_H
#define ANP_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct str {
    const char *data; /* may be NULL only when len is 0 */
    size_t len;       /* bytes */
} str;

#define STR(literal) ((str){(literal), sizeof(literal) - 1})

static inline str str_make(const char *data, size_t len) {
    return (str){data, len};
}

static inline str str_from(const char *cstr) {
    return (str){cstr, cstr ? strlen(cstr) : 0};
}

/* Of two lengths from 4 to 16: loads that overlap, since a call takes longer than comparing. */
static inline bool str_equal_short(const char *a, const char *b, size_t len) {
    if (len >= 8) {
        uint64_t x[2], y[2];
        memcpy(&x[0], a, 8);
        memcpy(&x[1], a + len - 8, 8);
        memcpy(&y[0], b, 8);
        memcpy(&y[1], b + len - 8, 8);
        return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
    }
    uint32_t x[2], y[2];
    memcpy(&x[0], a, 4);
    memcpy(&x[1], a + len - 4, 4);
    memcpy(&y[0], b, 4);
    memcpy(&y[1], b + len - 4, 4);
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static inline bool str_equal(str a, str b) {
    if (a.len != b.len) {
        return false;
    }
    return a.len >= 4 && a.len <= 16 ? str_equal_short(a.data, b.data, a.len)
                                     : a.len == 0 || memcmp(a.data, b.data, a.len) == 0;
}

static inline bool str_starts(str s, str prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.data, prefix.data, prefix.len) == 0);
}

static inline bool str_ends(str s, str suffix) {
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.data + s.len - suffix.len, suffix.data, suffix.len) == 0);
}

/* Byte order, shorter first where one is a prefix of the other: the order of LMDB's keys. */
static inline int str_compare(str a, str b) {
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least ? memcmp(a.data, b.data, least) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static inline str str_slice(str s, size_t from, size_t to) {
    return (str){s.data ? s.data + from : NULL, to - from};
}

/* ASCII white space taken off both ends. */
static inline str str_trim(str s) {
    while (s.len && (s.data[0] == ' ' || (s.data[0] >= '\t' && s.data[0] <= '\r'))) {
        s.data++;
        s.len--;
    }
    while (s.len && (s.data[s.len - 1] == ' ' ||
                     (s.data[s.len - 1] >= '\t' && s.data[s.len - 1] <= '\r'))) {
        s.len--;
    }
    return s;
}

#endif
