/*
 * Text to terms: UTF-8, split into words, fold, stem. One chain for index and query, so that both
 * agree.
 *
 *     "Use Node.js caches" ─> split ─> Use │ Node.js │ caches ─> fold ─> use │ node.js │ caches
 *                                            └ whole, and parts node, js       └ stem ─> cach
 *
 * technical: UAX #29 words, NFKC case folding, technical words whole and in parts. plain: maximal
 * runs of letters and digits. A technical word and its parts stand at one and the same position. A
 * word's whole is stemmed when it is letters and digits only (so that camelCase is found by
 * camelcase), else kept as it is; parts are stemmed like words; equal terms at a position are
 * given once. Not safe for two threads at a time: one analyzer a thread.
 */
#ifndef ANP_TEXT_ANALYZER_H
#define ANP_TEXT_ANALYZER_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/str.h"

typedef struct analyzer analyzer;
struct text_word;

typedef enum text_kind {
    TEXT_WORD,  /* an ordinary word */
    TEXT_WHOLE, /* a technical word, whole */
    TEXT_PART,  /* a part of the whole before it, at the same position */
} text_kind;

typedef struct text_token {
    str folded; /* normalised, case-folded, not stemmed, not cut; what shingles are made of (PART
                   tokens left out) */
    str term;          /* stemmed; at most TERM_BYTES_MAX bytes */
    uint32_t position; /* word position in this text, from 0 */
    text_kind kind;
    size_t start; /* byte range in the text: of the whole word, or of the part */
    size_t end;
} text_token;

typedef struct text_tokens {
    text_token *items; /* by position; a WHOLE before its PARTs */
    size_t count;
    uint32_t words; /* positions used: the length of the text */
} text_tokens;

/* language: a Snowball name ("english", "german" …) or "none". ANP_INVALID names the languages
   when it is unknown. */
anp_status analyzer_open(anp_analyzer kind, const char *language, analyzer **out, anp_error *err);
void analyzer_close(analyzer *a);

/* All tokens of text; items and strings live in perm (strings may also point into text). Bad
   UTF-8 becomes U+FFFD. */
anp_status analyzer_run(analyzer *a, str text, arena *perm, text_tokens *out, anp_error *err);

/*
 * The same, a word at a time, for a cache of words (lexicon.h). The next word from *at on, and *at
 * moved behind it; false at the end. *at is 0 or where the last call left it.
 */
bool analyzer_next(analyzer *a, str text, size_t *at, struct text_word *word);

/*
 * As many words as can be told by ASCII alone, up to `most`, found many at a time: where they start
 * and end, counted from *at. Nearly all are ordinary; what is made of one that is not (camelCase,
 * node.js) depends on its bytes alone, and analyzer_next, asked at its start, says it. *at as
 * above. Behind them analyzer_next has to be asked, but where room for fewer than
 * ANALYZER_SPANS_STEP is left: then there may be more of them.
 */
enum { ANALYZER_SPANS_STEP = 32 };
size_t analyzer_spans(const analyzer *a, str text, size_t *at, uint32_t *starts, uint32_t *ends,
                      size_t most);

/*
 * The tokens of that word: a whole one and its parts, or none at all (a word that folds to
 * nothing, which takes no position). *tokens is the analyzer's until its next call, their strings
 * live in scratch. Their positions are 0.
 */
anp_status analyzer_tokens(analyzer *a, str text, const struct text_word *word, arena *scratch,
                           const text_token **tokens, size_t *count, anp_error *err);

/* The folded word alone, without its terms; empty where it takes no position. It lives in scratch
   or in the text. false when memory is out. */
bool analyzer_folded(analyzer *a, str text, const struct text_word *word, arena *scratch,
                     str *folded);

/* How many words a text may have. */
uint32_t analyzer_words_max(const analyzer *a);

/* One of Lucene's 33 English stop words, by folded form; always false when the language is not
   English. */
bool analyzer_is_stopword(const analyzer *a, str folded);

/* Each of them, from 0 on; empty behind the last. */
str analyzer_stopword(const analyzer *a, size_t i);

#endif
