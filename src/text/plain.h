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

/*
 * The next words, up to `most`, that are ASCII and do not touch another character, found 64 bytes
 * at a time; how many. *at is moved behind the last one. When they are fewer than `most`,
 * plain_next has to find the next word, or that there is none.
 */
size_t plain_spans(str text, size_t *at, text_range *words, size_t most);

#endif
