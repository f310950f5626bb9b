/*
 * A lexicon: every word form met so far, as it stands in the texts, and what becomes of it. A word
 * met again is one look-up: no folding, no stemming, no hashing of its shingles, no copy.
 *
 *     "The Cache of the cache"  ─>  words 0 1 2 3 4          (numbers of forms: The Cache of the
 *                                                             cache)
 *     word 1: hash of "cache"; terms: cach                   (a technical word: itself and its
 *                                                             parts)
 *
 * Numbers of words and terms are dense, in the order of first appearance, and the lexicon's own:
 * whoever writes an index maps them to its numbers. Not for two threads at a time. Cost: some 15 ns
 * a word, 40 to 60 bytes a form.
 */
#ifndef ANP_TEXT_LEXICON_H
#define ANP_TEXT_LEXICON_H

#include "base/vec.h"
#include "text/analyzer.h"

typedef struct lexicon lexicon;

typedef struct lexicon_word {
    uint64_t hash;       /* sketch.h wants one: 64-bit xxHash of the folded word */
    uint32_t first;      /* its term when there is one only, else a place in the list of terms */
    uint32_t term_count; /* 0: folds to nothing and takes no position */
} lexicon_word;

typedef VEC(uint32_t) lexicon_text;

/* a stays the caller's, and is used by the lexicon alone until it is closed. NULL when memory is
   out. */
lexicon *lexicon_open(analyzer *a);
void lexicon_close(lexicon *l);

/* The words of a text, one a position, into out (cleared before). ANP_LIMIT: too many of them. */
anp_status lexicon_read(lexicon *l, str text, lexicon_text *out, anp_error *err);

/* By word number; valid until the next lexicon_read or lexicon_clear. */
const lexicon_word *lexicon_words(const lexicon *l);

/* The numbers of a word's terms, none twice; valid likewise. */
const uint32_t *lexicon_terms_of(const lexicon *l, const lexicon_word *word);

uint32_t lexicon_term_count(const lexicon *l);
str lexicon_term(const lexicon *l, uint32_t term);

/* Whether it is so large that it should be cleared; it goes on growing until it is. */
bool lexicon_full(const lexicon *l);

/* Forgets all words and terms; numbers begin at 0 again. */
void lexicon_clear(lexicon *l);

#endif
