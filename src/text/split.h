/* Word boundaries of UAX #29, rules WB1 to WB999. */
#ifndef ANP_TEXT_SPLIT_H
#define ANP_TEXT_SPLIT_H

#include "base/str.h"
#include "text/unicode.h"

/*
 * The end of the segment that begins at `at`, a boundary below text.len. *is_word: it holds a
 * letter or a number. Deliberate differences from the standard: U+202F (narrow no-break space)
 * separates, because French sets it between a word and its punctuation mark; a segment ends at
 * WORD_BYTES_MAX. Linear in the segment and what it looks ahead to, at most one run of combining
 * marks.
 */
size_t split_segment(unicode_cache *cache, str text, size_t at, bool *is_word);

#endif
