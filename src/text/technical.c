/*
 * See technical.h. The fast path takes a run of ASCII letters and digits that ends where nothing
 * can join it and whose capitals make no parts: nearly all words of English prose. Everything else
 * is cut by split_segment.
 */
#include "text/technical.h"

#include "text/split.h"
#include "text/utf8.h"

static unsigned traits_at(str text, size_t at) {
    size_t next;
    return at < text.len ? unicode_traits(utf8_decode(text, at, &next)) : 0;
}

static bool is_ascii_word(str text, size_t at) {
    return (text_ascii_at(text, at) & ASCII_ALNUM) != 0;
}

/*
 * Whether a joiner of UAX #29 is left inside a part: an apostrophe, and the marks of Catalan,
 * Hebrew and Armenian words.
 */
static bool is_inner_mark(uint32_t point) {
    switch (point) {
    case '\'':
    case 0x00b7:
    case 0x0387:
    case 0x055f:
    case 0x05f4:
    case 0x2018:
    case 0x2019:
    case 0x2027:
    case 0xff07:
        return true;
    default:
        return false;
    }
}

static bool separates_parts(uint32_t point, const unicode_info *info) {
    switch ((unicode_break)info->word_break) {
    case BREAK_CONNECTOR:
    case BREAK_MID_LETTER:
    case BREAK_MID_NUM:
    case BREAK_MID_BOTH:
        return !is_inner_mark(point);
    default:
        return point == '-';
    }
}

/* The part that is being read, while a word is cut. */
typedef struct part {
    bool open;
    bool counts; /* holds a letter or a number */
    bool after_lower;
    unsigned capitals; /* in a row, up to here; digits and marks do not end a row */
    size_t start;
    size_t capital_at; /* the last one */
} part;

static void close_part(text_word *word, part *p, size_t end) {
    if (p->open && p->counts && word->part_count < WORD_PARTS_MAX) {
        word->parts[word->part_count++] = (text_range){p->start, end};
    }
    *p = (part){0};
}

static void open_part(part *p, size_t at) {
    *p = (part){.open = true, .start = at};
}

/* A last small s after capitals is a plural: APIs. */
static bool is_plural(str text, uint32_t point, size_t behind, size_t end) {
    return point == 's' && (behind >= end || !(traits_at(text, behind) & UNICODE_LOWER));
}

/* v1.2.3 is found by 1.2.3 too. */
static void add_version(str text, text_word *word) {
    bool v = word->end - word->start > 2 && (text.data[word->start] | 0x20) == 'v';
    for (size_t i = word->start + 1; v && i < word->end; i++) {
        v = text_ascii_at(text, i) == ASCII_DIGIT || (text.data[i] == '.' && i > word->start + 1);
    }
    if (v) {
        word->parts[word->part_count++] = (text_range){word->start + 1, word->end};
    }
}

/*
 * Cuts text[from, to), the word without its symbols, into parts; an only part that is the whole
 * word makes it ordinary.
 */
static void cut_parts(unicode_cache *cache, str text, size_t from, size_t to, text_word *word) {
    part p = {0};
    bool joined = from != word->start || to != word->end;
    word->part_count = 0;
    for (size_t at = from, next; at < to; at = next) {
        uint32_t point = utf8_decode(text, at, &next);
        const unicode_info *info = unicode_look(cache, point);
        if (separates_parts(point, info)) {
            close_part(word, &p, at);
            joined = true;
            continue;
        }
        unsigned traits = info->traits;
        if (!p.open) {
            open_part(&p, at);
        }
        if (traits & UNICODE_UPPER) {
            if (p.after_lower) {
                close_part(word, &p, at);
                open_part(&p, at);
            }
            p.capitals++;
            p.capital_at = at;
        } else if (traits & UNICODE_LOWER) {
            if (p.capitals > 1 && !is_plural(text, point, next, to)) {
                size_t border = p.capital_at;
                close_part(word, &p, border);
                open_part(&p, border);
            }
            p.after_lower = true;
            p.capitals = 0;
        } else if (!(traits & (UNICODE_NUMBER | UNICODE_MARK))) {
            p.after_lower = false;
            p.capitals = 0;
        }
        p.counts = p.counts || traits & (UNICODE_LETTER | UNICODE_NUMBER);
    }
    close_part(word, &p, to);
    if (!joined && word->part_count <= 1) {
        word->part_count = 0;
        word->shape = WORD_ORDINARY;
        return;
    }
    word->shape = joined ? WORD_JOINED : WORD_CASED;
    if (joined && word->part_count < WORD_PARTS_MAX) {
        add_version(text, word);
    }
}

/* The segment at `at`, and those that a full stop between an ASCII letter and digit joins to it. */
static size_t joined_segment(unicode_cache *cache, str text, size_t at, bool *is_word) {
    size_t end = split_segment(cache, text, at, is_word);
    while (*is_word && end + 1 < text.len && text.data[end] == '.' &&
           is_ascii_word(text, end - 1) && is_ascii_word(text, end + 1)) {
        bool ignored;
        size_t further = split_segment(cache, text, end + 1, &ignored);
        if (further - at > WORD_BYTES_MAX) {
            break;
        }
        end = further;
    }
    return end;
}

static bool is_letters(str text, size_t from, size_t to) {
    while (from < to) {
        if (!(unicode_traits(utf8_decode(text, from, &from)) & (UNICODE_LETTER | UNICODE_MARK))) {
            return false;
        }
    }
    return true;
}

/* The bytes of ++ or # behind a word of letters, or 0. */
static size_t symbol_behind(str text, size_t start, size_t end) {
    if (!(text_ascii_at(text, end) & ASCII_SYMBOL)) {
        return 0;
    }
    str rest = str_slice(text, end, text.len);
    size_t bytes = rest.data[0] == '#' ? 1 : str_starts(rest, STR("++")) ? 2 : 0;
    if (bytes == 0 || !is_letters(text, start, end)) {
        return 0;
    }
    /* c++17 is c++ and 17, but a#1 is not a#. */
    unsigned letters = UNICODE_LETTER | (bytes == 1 ? UNICODE_NUMBER : 0);
    size_t behind = end + bytes;
    bool repeated = behind < text.len && text.data[behind] == text.data[end];
    return repeated || traits_at(text, behind) & letters ? 0 : bytes;
}

/*
 * Whether a word may begin with a symbol at `at`: behind a space, an opening bracket, a quote and
 * the like.
 */
static bool begins(str text, size_t at) {
    static const char before[] = " \t\n\v\f\r\"'`([{<=,;:|/>*";
    if (at == 0) {
        return true;
    }
    char c = text.data[at - 1];
    if ((uint8_t)c < 0x80) {
        return c != 0 && strchr(before, c) != NULL;
    }
    unsigned word = UNICODE_LETTER | UNICODE_NUMBER | UNICODE_MARK;
    return !(unicode_traits(utf8_before(text, at)) & word);
}

/* --dry-run or .net at `at`. */
static bool take_prefixed(unicode_cache *cache, str text, size_t at, text_word *word) {
    bool flag = text.data[at] == '-';
    size_t from = at + (flag ? 2 : 1);
    if ((flag && (at + 1 >= text.len || text.data[at + 1] != '-')) ||
        !(traits_at(text, from) & UNICODE_LETTER) || !begins(text, at)) {
        return false;
    }
    bool is_word;
    size_t end = joined_segment(cache, text, from, &is_word);
    if (end - at > WORD_BYTES_MAX) {
        return false;
    }
    while (flag && end < text.len && text.data[end] == '-' &&
           traits_at(text, end + 1) & (UNICODE_LETTER | UNICODE_NUMBER)) {
        size_t further = joined_segment(cache, text, end + 1, &is_word);
        if (further - at > WORD_BYTES_MAX) {
            break;
        }
        end = further;
    }
    word->start = at;
    word->end = end;
    cut_parts(cache, text, from, end, word);
    text_word_scan(text, word);
    return true;
}

static void take_segment(unicode_cache *cache, str text, size_t start, size_t end,
                         text_word *word) {
    size_t symbol = symbol_behind(text, start, end);
    word->start = start;
    word->end = end + symbol;
    cut_parts(cache, text, start, end, word);
    text_word_scan(text, word);
}

/* The fast path; false, with nothing done, where it does not hold. */
static bool take_ascii(str text, size_t at, text_word *word) {
    uint8_t first = text_ascii_at(text, at), rest = 0, c;
    size_t end = at + 1;
    while ((c = text_ascii_at(text, end)) & ASCII_ALNUM) {
        rest |= c;
        end++;
    }
    uint8_t all = first | rest;
    if ((rest & ASCII_UPPER && all & ASCII_LOWER) || end - at > WORD_BYTES_MAX) {
        return false;
    }
    if (c != 0) {
        /*
         * A joiner with a separator behind it ends a sentence or a clause; an underscore joins
         * whatever follows.
         */
        if (c != ASCII_JOINER || text.data[end] == '_' ||
            text_ascii_at(text, end + 1) & (ASCII_ALNUM | ASCII_NOT)) {
            return false;
        }
    }
    word->start = at;
    word->end = end;
    word->shape = WORD_ORDINARY;
    word->ascii = true;
    word->upper = (all & ASCII_UPPER) != 0;
    word->part_count = 0;
    return true;
}

bool technical_next(unicode_cache *cache, str text, size_t *at, bool fast, text_word *word) {
    size_t from = *at;
    while (from < text.len) {
        uint8_t c = text_ascii_at(text, from);
        char byte = text.data[from];
        if (fast && c & ASCII_ALNUM && take_ascii(text, from, word)) {
            *at = word->end;
            return true;
        }
        if ((byte == '-' || byte == '.') && take_prefixed(cache, text, from, word)) {
            *at = word->end;
            return true;
        }
        if (fast && byte != '_' && !(c & (ASCII_ALNUM | ASCII_NOT))) {
            from++; /* no word begins with it */
            continue;
        }
        bool is_word;
        size_t end = joined_segment(cache, text, from, &is_word);
        if (is_word) {
            take_segment(cache, text, from, end, word);
            *at = word->end;
            return true;
        }
        from = end;
    }
    *at = from;
    return false;
}
