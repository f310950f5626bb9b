/* See plain.h. */
#include "text/plain.h"

#include "text/utf8.h"

/* Whether the character at `at` belongs to a word; *next is the byte behind it. */
static bool is_inside(unicode_cache *cache, str text, size_t at, size_t *next) {
    uint32_t point = utf8_decode(text, at, next);
    return (unicode_look(cache, point)->traits & (UNICODE_ALPHABETIC | UNICODE_NUMBER)) != 0;
}

/* A run of ASCII, as far as it goes; false where something else stands behind it. */
static bool take_ascii(str text, size_t at, text_word *word) {
    uint8_t seen = 0, c;
    size_t end = at;
    while ((c = text_ascii_at(text, end)) & ASCII_ALNUM) {
        seen |= c;
        end++;
    }
    word->start = at;
    word->end = end;
    word->ascii = true;
    word->upper = (seen & ASCII_UPPER) != 0;
    return !(c & ASCII_NOT) && end - at <= WORD_BYTES_MAX;
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
