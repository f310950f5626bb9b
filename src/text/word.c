/* See word.h. */
#include "text/word.h"

const uint8_t text_ascii[256] = {
    ['a' ... 'z'] = ASCII_LOWER, ['A' ... 'Z'] = ASCII_UPPER, ['0' ... '9'] = ASCII_DIGIT,
    ['.'] = ASCII_JOINER,        ['_'] = ASCII_JOINER,        [':'] = ASCII_JOINER,
    ['\''] = ASCII_JOINER,       [','] = ASCII_JOINER,        [';'] = ASCII_JOINER,
    ['+'] = ASCII_SYMBOL,        ['#'] = ASCII_SYMBOL,        [0x80 ... 0xff] = ASCII_NOT,
};

void text_word_scan(str text, text_word *word) {
    uint8_t seen = 0;
    for (size_t i = word->start; i < word->end; i++) {
        seen |= text_ascii[(uint8_t)text.data[i]];
    }
    word->ascii = !(seen & ASCII_NOT);
    word->upper = (seen & ASCII_UPPER) != 0;
}
