/*
 * UTF-8 to code points and back. Bytes that are no character decode as U+FFFD, one for each longest
 * part that could have begun one (the practice of the Unicode standard, section 3.9), so that
 * decoding always moves on.
 */
#ifndef ANP_TEXT_UTF8_H
#define ANP_TEXT_UTF8_H

#include "base/str.h"

#define UTF8_BAD 0xfffdu

enum { UTF8_BYTES_MAX = 4 };

/* The code point at `at` (below text.len); *next is the byte behind it. */
static inline uint32_t utf8_decode(str text, size_t at, size_t *next) {
    const uint8_t *p = (const uint8_t *)text.data + at;
    size_t left = text.len - at;
    uint32_t lead = p[0];
    if (lead < 0x80) {
        *next = at + 1;
        return lead;
    }
    unsigned more = lead < 0xc2 ? 0 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 0;
    uint32_t point = lead & (0x3fu >> more);
    /* The second byte's range keeps out overlong forms, surrogates and what lies above U+10FFFF. */
    uint8_t least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    for (unsigned i = 1; i <= more; i++) {
        if (i >= left || p[i] < least || p[i] > most) {
            *next = at + i;
            return UTF8_BAD;
        }
        point = point << 6 | (p[i] & 0x3fu);
        least = 0x80;
        most = 0xbf;
    }
    *next = at + 1 + more;
    return more ? point : UTF8_BAD;
}

/*
 * The code point that ends before `at` (above 0), as far as its bytes are a whole character; else
 * U+FFFD.
 */
static inline uint32_t utf8_before(str text, size_t at) {
    size_t from = at - 1;
    while (from > 0 && at - from < UTF8_BYTES_MAX && ((uint8_t)text.data[from] & 0xc0) == 0x80) {
        from--;
    }
    size_t next;
    uint32_t point = utf8_decode(text, from, &next);
    return next == at ? point : UTF8_BAD;
}

/* Writes a code point (not a surrogate, up to U+10FFFF) and returns the byte behind it. */
static inline char *utf8_encode(char *to, uint32_t point) {
    if (point < 0x80) {
        *to++ = (char)point;
    } else if (point < 0x800) {
        *to++ = (char)(0xc0 | point >> 6);
        *to++ = (char)(0x80 | (point & 0x3f));
    } else if (point < 0x10000) {
        *to++ = (char)(0xe0 | point >> 12);
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    } else {
        *to++ = (char)(0xf0 | point >> 18);
        *to++ = (char)(0x80 | (point >> 12 & 0x3f));
        *to++ = (char)(0x80 | (point >> 6 & 0x3f));
        *to++ = (char)(0x80 | (point & 0x3f));
    }
    return to;
}

/*
 * The longest beginning of valid UTF-8 s that has at most bytes_max bytes and ends at a
 * character's border.
 */
static inline str utf8_cut(str s, size_t bytes_max) {
    if (s.len <= bytes_max) {
        return s;
    }
    size_t len = bytes_max;
    while (len > 0 && ((uint8_t)s.data[len] & 0xc0) == 0x80) {
        len--;
    }
    return str_make(s.data, len);
}

#endif
