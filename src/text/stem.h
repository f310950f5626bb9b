/* The one door to libstemmer (Snowball), with a cache of the words that come again and again. */
#ifndef ANP_TEXT_STEM_H
#define ANP_TEXT_STEM_H

#include "anpsearch.h"
#include "base/str.h"

typedef struct stemmer stemmer;

/*
 * A stem is the first `keep` bytes of the word and then `tail`, which is valid until the next
 * call.
 */
typedef struct stem_result {
    size_t keep;
    str tail;
} stem_result;

/*
 * language: one of Snowball's, or "none", for which *out is NULL. ANP_INVALID names them all when
 * it is unknown.
 */
anp_status stemmer_open(const char *language, stemmer **out, anp_error *err);
void stemmer_close(stemmer *s);

/*
 * The stem of a folded word of at most TERM_BYTES_MAX bytes, never empty; false when memory is
 * out.
 */
bool stemmer_stem(stemmer *s, str word, bool cached, stem_result *out);

#endif
