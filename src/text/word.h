/*
 * A word as it stands in the text, before folding: what technical.c and plain.c find and analyzer.c
 * turns into tokens.
 *
 *     text   ... Node.js's ...      shape JOINED
 *                ^       ^          start, end
 *                ^^^^ ^^^^          parts
 */
#ifndef ANP_TEXT_WORD_H
#define ANP_TEXT_WORD_H

#include "base/str.h"

enum {
    /* Longer words are split hard: bounds what one word can cost. */
    WORD_BYTES_MAX = 64 << 10,
    /* Of one technical word; further ones (encoded data, minified code) are not indexed apart. */
    WORD_PARTS_MAX = 32,
};

typedef enum word_shape {
    WORD_ORDINARY,
    WORD_CASED,  /* technical by its capitals alone: letters and digits, stemmed as a whole */
    WORD_JOINED, /* technical by its symbols: kept as a whole as it is */
} word_shape;

typedef struct text_range {
    size_t start;
    size_t end;
} text_range;

typedef struct text_word {
    size_t start;
    size_t end;
    word_shape shape;
    bool ascii;
    bool upper;          /* only told when ascii: it has capitals */
    uint32_t part_count; /* 0 when ordinary */
    text_range parts[WORD_PARTS_MAX];
} text_word;

/* What an ASCII byte can be in a word; 0 for all that only separates. */
enum {
    ASCII_LOWER = 1,
    ASCII_UPPER = 2,
    ASCII_DIGIT = 4,
    ASCII_JOINER = 8,  /* . _ : ' , ; which may stand inside a word */
    ASCII_SYMBOL = 16, /* + # which may end a technical word */
    ASCII_NOT = 32,    /* 0x80 and above */
    ASCII_LETTER = ASCII_LOWER | ASCII_UPPER,
    ASCII_ALNUM = ASCII_LETTER | ASCII_DIGIT,
};

extern const uint8_t text_ascii[256];

/* The class of the byte at `at`, 0 behind the end. */
static inline uint8_t text_ascii_at(str text, size_t at) {
    return at < text.len ? text_ascii[(uint8_t)text.data[at]] : 0;
}

/* Fills ascii and upper from the bytes. */
void text_word_scan(str text, text_word *word);

#endif
