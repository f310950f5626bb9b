/*
 * The words of a technical text: segments of UAX #29 that hold a letter or a number, and technical
 * words around them.
 *
 *     node.js snake_case v1.2.3 1,000     a segment with joiners inside
 *     d3.js python3.py                    the same where UAX #29 breaks: at a full stop between
 *                                         an ASCII letter and digit
 *     camelCase HTTPServer utf8Decoder    parts begin at capitals; a digit goes with the letter
 *                                         that it follows
 *     c++ c# notepad++                    letters, then ++ or #, then no letter (nor a digit
 *                                         after #)
 *     --flag --dry-run .net               at a word's beginning only
 *
 * Not technical: APIs and URLs (capitals and a plural s), don't and O'Reilly, sha256, long-term
 * (two words).
 */
#ifndef ANP_TEXT_TECHNICAL_H
#define ANP_TEXT_TECHNICAL_H

#include "text/unicode.h"
#include "text/word.h"

/*
 * The next word from *at on, and *at moved behind it; false at the end. *at is 0 or where the last
 * call left it. Without `fast` every segment goes through the rules of UAX #29, ASCII or not: the
 * same words, slower (a test compares).
 */
bool technical_next(unicode_cache *cache, str text, size_t *at, bool fast, text_word *word);

#endif
