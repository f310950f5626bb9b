/* See plain.h. */
#include "text/plain.h"

#include "text/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Whether the character at `at` belongs to a word; *next is the byte behind it. */
static bool is_inside(unicode_cache *cache, str text, size_t at, size_t *next) {
    uint32_t point = utf8_decode(text, at, next);
    return (unicode_look(cache, point)->traits & (UNICODE_ALPHABETIC | UNICODE_NUMBER)) != 0;
}

typedef struct run {
    size_t end;  /* the first byte that is no ASCII letter or digit */
    bool upper;  /* there is a capital before it */
} run;

static run scan_bytes(str text, size_t at) {
    uint8_t seen = 0, c;
    while ((c = text_ascii_at(text, at)) & ASCII_ALNUM) {
        seen |= c;
        at++;
    }
    return (run){at, (seen & ASCII_UPPER) != 0};
}

#if defined(__SSE2__)

enum { LANES = 16 };

/* 0xff where first <= byte < first + count, as unsigned bytes. */
static inline __m128i within(__m128i bytes, char first, int count) {
    __m128i moved = _mm_add_epi8(bytes, _mm_set1_epi8((char)(-128 - first)));
    return _mm_cmplt_epi8(moved, _mm_set1_epi8((char)(-128 + count)));
}

static inline unsigned bits(__m128i bytes) {
    return (unsigned)_mm_movemask_epi8(bytes);
}

/* A word's length is a branch that no processor guesses; 16 bytes at a time most need none. */
static run scan(str text, size_t at) {
    bool upper = false;
    for (; text.len - at >= LANES; at += LANES) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text.data + at));
        __m128i letters = within(_mm_or_si128(bytes, _mm_set1_epi8(0x20)), 'a', 26);
        unsigned ends = bits(_mm_or_si128(letters, within(bytes, '0', 10))) ^ 0xffff;
        unsigned capitals = bits(within(bytes, 'A', 26));
        if (ends) {
            unsigned len = (unsigned)__builtin_ctz(ends);
            return (run){at + len, upper || (capitals & ((1u << len) - 1)) != 0};
        }
        upper = upper || capitals;
    }
    run rest = scan_bytes(text, at);
    return (run){rest.end, rest.upper || upper};
}

#else
static run scan(str text, size_t at) {
    return scan_bytes(text, at);
}
#endif

/* A run of ASCII, as far as it goes; false where something else stands behind it. */
static bool take_ascii(str text, size_t at, text_word *word) {
    run found = scan(text, at);
    word->start = at;
    word->end = found.end;
    word->ascii = true;
    word->upper = found.upper;
    return !(text_ascii_at(text, found.end) & ASCII_NOT) && found.end - at <= WORD_BYTES_MAX;
}

bool plain_next(unicode_cache *cache, str text, size_t *at, bool fast, text_word *word) {
    size_t start = *at, next = start;
    word->shape = WORD_ORDINARY;
    word->part_count = 0;
    while (start < text.len) {
        uint8_t c = text_ascii_at(text, start);
        if (fast && c & ASCII_ALNUM && take_ascii(text, start, word)) {
            *at = word->end;
            return true;
        }
        if (fast && !(c & (ASCII_ALNUM | ASCII_NOT))) {
            start++;
            continue;
        }
        if (is_inside(cache, text, start, &next)) {
            break;
        }
        start = next;
    }
    *at = start;
    if (start >= text.len) {
        return false;
    }
    size_t end = next;
    while (end < text.len && is_inside(cache, text, end, &next) && next - start <= WORD_BYTES_MAX) {
        end = next;
    }
    word->start = start;
    word->end = end;
    text_word_scan(text, word);
    *at = end;
    return true;
}
