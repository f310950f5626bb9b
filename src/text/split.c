/*
 * See split.h. One pass, a state of a few classes, and a look ahead behind the characters that join
 * only when a letter or digit follows (WB6, WB7b, WB12).
 *
 * `last` and `before` are the classes of the last two characters that count: by WB4 what extends a
 * character (combining marks, format characters, joiners) does not. A boundary needs no memory of
 * earlier segments: every rule looks back within its own segment, and pairs of regional indicators
 * are counted from its beginning.
 */
#include "text/split.h"

#include "text/utf8.h"
#include "text/word.h"

typedef struct state {
    unicode_break before; /* BREAK_OTHER when there is none */
    unicode_break last;
    unicode_break previous; /* the character just before, whether it counts or not */
    unsigned regionals;     /* in a row, up to last */
    unicode_cache *cache;
} state;

static unicode_break classify(const unicode_info *info) {
    return info->tag == 0x202f + 1 ? BREAK_OTHER : (unicode_break)info->word_break;
}

static bool is_letter(unicode_break c) {
    return c == BREAK_LETTER || c == BREAK_HEBREW;
}

static bool is_line_end(unicode_break c) {
    return c == BREAK_CR || c == BREAK_LF || c == BREAK_NEWLINE;
}

static bool extends(unicode_break c) {
    return c == BREAK_EXTEND || c == BREAK_FORMAT || c == BREAK_ZWJ;
}

/* MidNumLetQ of the standard, with the class that is meant for letters or for numbers alone. */
static bool is_mid(unicode_break c, unicode_break own) {
    return c == own || c == BREAK_MID_BOTH || c == BREAK_SINGLE_QUOTE;
}

/* The class of the first character from `at` on that counts. */
static unicode_break peek(const state *s, str text, size_t at) {
    while (at < text.len) {
        unicode_break c = classify(unicode_look(s->cache, utf8_decode(text, at, &at)));
        if (!extends(c)) {
            return c;
        }
    }
    return BREAK_OTHER;
}

/*
 * WB5 to WB16: whether there is no boundary between s->last and next; `behind` is the byte behind
 * next.
 */
static bool joins(const state *s, unicode_break next, str text, size_t behind) {
    unicode_break last = s->last, before = s->before;
    if (is_letter(last)) {
        if (is_letter(next) || next == BREAK_NUMERIC || next == BREAK_CONNECTOR) {
            return true; /* WB5, WB9, WB13a */
        }
        if (is_mid(next, BREAK_MID_LETTER) && is_letter(peek(s, text, behind))) {
            return true; /* WB6 */
        }
        if (last == BREAK_HEBREW) {
            return next == BREAK_SINGLE_QUOTE || /* WB7a, WB7b */
                   (next == BREAK_DOUBLE_QUOTE && peek(s, text, behind) == BREAK_HEBREW);
        }
        return false;
    }
    if (is_letter(next)) {
        return (is_letter(before) && is_mid(last, BREAK_MID_LETTER)) || /* WB7 */
               (before == BREAK_HEBREW && last == BREAK_DOUBLE_QUOTE && /* WB7c */
                next == BREAK_HEBREW) ||
               last == BREAK_NUMERIC || last == BREAK_CONNECTOR; /* WB10, WB13b */
    }
    if (next == BREAK_NUMERIC) {
        return last == BREAK_NUMERIC || last == BREAK_CONNECTOR ||       /* WB8, WB13b */
               (before == BREAK_NUMERIC && is_mid(last, BREAK_MID_NUM)); /* WB11 */
    }
    if (last == BREAK_NUMERIC) {
        return next == BREAK_CONNECTOR ||                                               /* WB13a */
               (is_mid(next, BREAK_MID_NUM) && peek(s, text, behind) == BREAK_NUMERIC); /* WB12 */
    }
    if (last == BREAK_KATAKANA || last == BREAK_CONNECTOR) {
        return next == BREAK_KATAKANA || next == BREAK_CONNECTOR; /* WB13, WB13a, WB13b */
    }
    return next == BREAK_REGIONAL && s->regionals % 2 == 1; /* WB15, WB16 */
}

/* WB3 to WB4, then the rest. */
static bool continues(const state *s, unicode_break next, uint32_t point, str text, size_t behind) {
    if (is_line_end(s->previous) || is_line_end(next)) {
        return s->previous == BREAK_CR && next == BREAK_LF; /* WB3, WB3a, WB3b */
    }
    if (extends(next)) {
        return true; /* WB4 */
    }
    if (s->previous == BREAK_ZWJ && unicode_is_pictographic(point)) {
        return true; /* WB3c */
    }
    if (s->previous == BREAK_SPACE && next == BREAK_SPACE) {
        return true; /* WB3d */
    }
    return joins(s, next, text, behind);
}

size_t split_segment(unicode_cache *cache, str text, size_t at, bool *is_word) {
    size_t next;
    uint32_t point = utf8_decode(text, at, &next);
    const unicode_info *info = unicode_look(cache, point);
    state s = {.last = classify(info), .cache = cache};
    s.previous = s.last;
    s.regionals = s.last == BREAK_REGIONAL;
    unsigned traits = info->traits;
    size_t end = next;
    while (end < text.len) {
        point = utf8_decode(text, end, &next);
        info = unicode_look(cache, point);
        unicode_break c = classify(info);
        unsigned more = info->traits;
        if (next - at > WORD_BYTES_MAX || !continues(&s, c, point, text, next)) {
            break;
        }
        traits |= more;
        s.previous = c;
        if (!extends(c)) {
            s.before = s.last;
            s.last = c;
            s.regionals = c == BREAK_REGIONAL ? s.regionals + 1 : 0;
        }
        end = next;
    }
    *is_word = (traits & (UNICODE_LETTER | UNICODE_NUMBER)) != 0;
    return end;
}
