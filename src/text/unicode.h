/*
 * The one door to Unicode's tables: properties from the tables of the regex package (Unicode 18),
 * normalisation from lexbor (Unicode 16).
 *
 * Characters that are newer than a table count there as unassigned: no word break class, no
 * decomposition.
 */
#ifndef ANP_TEXT_UNICODE_H
#define ANP_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Word_Break of UAX #29. */
typedef enum unicode_break {
    BREAK_OTHER,
    BREAK_CR,
    BREAK_LF,
    BREAK_NEWLINE,
    BREAK_SPACE, /* WSegSpace */
    BREAK_EXTEND,
    BREAK_FORMAT,
    BREAK_ZWJ,
    BREAK_LETTER, /* ALetter */
    BREAK_HEBREW, /* Hebrew_Letter */
    BREAK_NUMERIC,
    BREAK_KATAKANA,
    BREAK_CONNECTOR, /* ExtendNumLet */
    BREAK_MID_LETTER,
    BREAK_MID_NUM,
    BREAK_MID_BOTH, /* MidNumLet */
    BREAK_SINGLE_QUOTE,
    BREAK_DOUBLE_QUOTE,
    BREAK_REGIONAL, /* Regional_Indicator */
} unicode_break;

unicode_break unicode_word_break(uint32_t point);

bool unicode_is_pictographic(uint32_t point);

/* Of the general category, and Alphabetic. */
enum {
    UNICODE_LETTER = 1, /* L* */
    UNICODE_NUMBER = 2, /* N* */
    UNICODE_MARK = 4,   /* M* */
    UNICODE_UPPER = 8,  /* Lu, Lt */
    UNICODE_LOWER = 16, /* Ll */
    UNICODE_ALPHABETIC =
        32, /* letters, letter numbers, and the marks and symbols that serve as letters */
};

unsigned unicode_traits(uint32_t point);

/*
 * Lower case without context or language; writes 1 or 2 code points (two for U+0130 alone) and
 * returns how many.
 */
size_t unicode_lower(uint32_t point, uint32_t out[2]);

/*
 * All of the above for the characters that were met last, because each property costs a walk of its
 * own through three tables. Direct-mapped: a code point has one place. Begins cleared; not for
 * several threads at a time.
 */
enum { UNICODE_CACHE_ENTRIES = 4096 };

typedef struct unicode_info {
    uint32_t tag;    /* the code point and 1; 0: empty */
    uint32_t folded; /* only when simple */
    uint32_t lower;  /* 0 when it is more than one */
    uint8_t word_break;
    uint8_t traits;
    bool simple; /* folds to one character that stays as it is, whatever its neighbours */
} unicode_info;

typedef struct unicode_cache {
    bool off; /* look up afresh each time: for tests */
    unicode_info entries[UNICODE_CACHE_ENTRIES];
} unicode_cache;

void unicode_info_fill(unicode_info *info, uint32_t point);

static inline const unicode_info *unicode_look(unicode_cache *cache, uint32_t point) {
    unicode_info *info = &cache->entries[point % UNICODE_CACHE_ENTRIES];
    if (info->tag != point + 1 || cache->off) {
        unicode_info_fill(info, point);
    }
    return info;
}

/* Holds the buffers of unicode_fold. Not for several threads at a time. */
typedef struct unicode_folder unicode_folder;

unicode_folder *unicode_folder_new(unicode_cache *cache); /* NULL when memory is out */
void unicode_folder_free(unicode_folder *f);

/*
 * NFKC_Casefold: compatibility forms replaced, case folded, default-ignorable characters dropped,
 * composed. *out is valid until the next call; false when memory is out. Runs of more than 30
 * combining marks are taken in pieces (the Stream-Safe format of UAX #15), so that the cost is
 * linear.
 */
bool unicode_fold(unicode_folder *f, const uint32_t *points, size_t count, const uint32_t **out,
                  size_t *out_count);

#endif
