/*
 * For tests: the slow and obvious twin of the analyzer, which gives the same tokens; a smaller
 * limit.
 */
#ifndef ANP_TEXT_TWIN_H
#define ANP_TEXT_TWIN_H

#include "text/analyzer.h"
#include "text/spans.h"

/*
 * From now on without shortcuts: no fast path for ASCII in splitting and folding, no cache of
 * stems.
 */
void analyzer_use_twin(analyzer *a);

/* Words are found many at a time by this kernel. */
void analyzer_use_kernel(analyzer *a, const spans_kernel *kernel);

/* A limit that a test can reach, in place of POST_WORDS_MAX. */
void analyzer_limit_words(analyzer *a, uint32_t words_max);

#endif
