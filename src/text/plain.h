/*
 * The words of a plain text, as other engines' simplest analyzers take them: maximal runs of
 * letters and digits, by Unicode's properties Alphabetic and N* (what tantivy's SimpleTokenizer
 * does).
 */
#ifndef ANP_TEXT_PLAIN_H
#define ANP_TEXT_PLAIN_H

#include "text/unicode.h"
#include "text/word.h"

/*
 * The next word from *at on, always ordinary, and *at moved behind it; false at the end. `fast` as
 * for technical_next.
 */
bool plain_next(unicode_cache *cache, str text, size_t *at, bool fast, text_word *word);

#endif
