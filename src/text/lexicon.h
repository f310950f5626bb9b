/*
 * A lexicon: every word form met so far, as it stands in the texts, and what becomes of it. A word
 * met again is one look-up: no folding, no stemming, no hashing of its shingles, no copy.
 *
 *     "The Cache of Node.js"  ─>  position   0     1      2    3
 *                                 word       the   cach   of   list: node.js node js
 *                                 hash       the   cache  of   node.js
 *
 * Numbers of terms are dense, in the order of first appearance, and the lexicon's own: whoever
 * writes an index maps them to its numbers. Not for two threads at a time. Cost: some 15 ns a word,
 * 40 to 60 bytes a form.
 */
#ifndef ANP_TEXT_LEXICON_H
#define ANP_TEXT_LEXICON_H

#include "base/vec.h"
#include "text/analyzer.h"

typedef struct lexicon lexicon;

/*
 * A word: the number of its term or, for a technical word with parts, LEXICON_LIST and the place of
 * its list among the lists: how many terms, and their numbers, none twice.
 */
#define LEXICON_LIST 0x80000000u

/* What becomes of words. */
typedef enum lexicon_holds {
    LEXICON_TERMS,
    LEXICON_HASHES, /* no terms: words are not stemmed, nor numbered */
    LEXICON_BOTH,
} lexicon_holds;

/* A text by position. Zero at first; kept from text to text for its memory. */
typedef struct lexicon_text {
    uint32_t *words;  /* where there are terms */
    uint64_t *hashes; /* of the folded words, as sketch.h wants them: 64-bit xxHash */
    size_t count;
    size_t capacity;
} lexicon_text;

void lexicon_text_free(lexicon_text *text);

/* a stays the caller's, and is used by the lexicon alone until it is closed. NULL when memory is
   out. */
lexicon *lexicon_open(analyzer *a, lexicon_holds holds);
void lexicon_close(lexicon *l);

/* The words of a text, in place of what was in out. ANP_LIMIT: too many of them. */
anp_status lexicon_read(lexicon *l, str text, lexicon_text *out, anp_error *err);

/* Valid until the next lexicon_read or lexicon_clear. */
const uint32_t *lexicon_lists(const lexicon *l);

/* The terms of a word; how many. */
static inline uint32_t lexicon_terms_of(const uint32_t *lists, const uint32_t *word,
                                        const uint32_t **terms) {
    if (*word & LEXICON_LIST) {
        *terms = lists + (*word & ~LEXICON_LIST) + 1;
        return lists[*word & ~LEXICON_LIST];
    }
    *terms = word;
    return 1;
}

uint32_t lexicon_term_count(const lexicon *l);
str lexicon_term(const lexicon *l, uint32_t term);

/* Whether it is so large that it should be cleared; it goes on growing until it is. */
bool lexicon_full(const lexicon *l);

/* Forgets all words and terms; numbers begin at 0 again. */
void lexicon_clear(lexicon *l);

#endif
