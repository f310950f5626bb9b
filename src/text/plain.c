/* See plain.h. */
#include "text/plain.h"

#include "text/spans.h"
#include "text/utf8.h"

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
/* A word's length is a branch that no processor guesses; 16 bytes at a time most need none. */
static run scan(str text, size_t at) {
    bool upper = false;
    for (; text.len - at >= SPAN_LANES; at += SPAN_LANES) {
        __m128i bytes = span_load(text.data + at);
        unsigned ends = (unsigned)span_bits(span_alnum(bytes), 0) ^ 0xffff;
        unsigned capitals = (unsigned)span_bits(span_range(bytes, 'A', 26), 0);
        if (ends) {
            unsigned len = (unsigned)__builtin_ctz(ends);
            return (run){at + len, upper || (capitals & ((1u << len) - 1)) != 0};
        }
        upper = upper || capitals;
    }
    run rest = scan_bytes(text, at);
    return (run){rest.end, rest.upper || upper};
}

/* A bit for each of 64 bytes: letter or digit; in *beyond: not ASCII. */
static inline uint64_t look(const char *at, uint64_t *beyond) {
    uint64_t inside = 0;
    *beyond = 0;
    for (unsigned i = 0; i < SPAN_BYTES; i += SPAN_LANES) {
        __m128i bytes = span_load(at + i);
        inside |= span_bits(span_alnum(bytes), i);
        *beyond |= span_bits(bytes, i);
    }
    return inside;
}

/* The words that end within the first `usable` of the bytes; *taken: where to look on. */
static inline size_t take_spans(uint64_t inside, unsigned usable, size_t from, text_range *words,
                                size_t most, unsigned *taken) {
    uint64_t left = inside & span_between(0, usable);
    size_t count = 0;
    *taken = usable;
    while (left) {
        unsigned start = (unsigned)__builtin_ctzll(left), end = span_end(inside, start);
        if (end >= usable || count == most) { /* it may go on */
            *taken = start;
            break;
        }
        words[count++] = (text_range){from + start, from + end};
        left &= ~(uint64_t)0 << end;
    }
    return count;
}

size_t plain_spans(str text, size_t *at, text_range *words, size_t most) {
    size_t from = *at, count = 0;
    unsigned taken = 1;
    while (count < most && taken && text.len - from >= SPAN_BYTES) {
        uint64_t beyond, inside = look(text.data + from, &beyond);
        unsigned usable = beyond ? (unsigned)__builtin_ctzll(beyond) : SPAN_BYTES;
        count += take_spans(inside, usable, from, words + count, most - count, &taken);
        from += taken;
    }
    *at = from;
    return count;
}
#else
static run scan(str text, size_t at) {
    return scan_bytes(text, at);
}

size_t plain_spans(str text, size_t *at, text_range *words, size_t most) {
    (void)text, (void)at, (void)words, (void)most;
    return 0;
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
