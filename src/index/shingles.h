/* The shingles of a body, as its tokens have them: whole words only, folded, stop words kept. */
#ifndef ANP_INDEX_SHINGLES_H
#define ANP_INDEX_SHINGLES_H

#include "sketch/sketch.h"
#include "text/analyzer.h"

anp_status shingles_of_tokens(const text_tokens *tokens, arena *perm, shingle_set *out,
                              anp_error *err);

#endif
