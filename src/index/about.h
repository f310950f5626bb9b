/*
 * What a post is about: the distinct terms of its title, topic, problem and every stack entry,
 * stemmed, without stop words, as 64-bit hashes.
 *
 * One a thread: it remembers the strings it has met by their bytes, since topics repeat.
 */
#ifndef ANP_INDEX_ABOUT_H
#define ANP_INDEX_ABOUT_H

#include "text/analyzer.h"
#include "text/lexicon.h"

typedef struct about about;

/* a is the caller's and must live as long; nobody uses it during a call. NULL when memory is
   out. */
about *about_open(analyzer *a);
void about_close(about *a); /* NULL is allowed */

/* The lexicon was cleared: its numbers of terms mean others now. */
void about_renew(about *a);

typedef struct about_strings {
    str title, topic, problem; /* empty when absent */
    const str *stack;
    size_t stack_count;
    /* The title as a lexicon with terms and hashes has read it, which saves analysing it once more;
       always the same one. NULL: it was not read. */
    const lexicon *lexicon;
    const lexicon_text *title_words;
} about_strings;

/* Ascending; valid until the next call. */
anp_status about_terms(about *a, const about_strings *strings, const uint64_t **terms,
                       size_t *count, anp_error *err);

#endif
