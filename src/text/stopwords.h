/* Lucene's 33 English stop words. */
#ifndef ANP_TEXT_STOPWORDS_H
#define ANP_TEXT_STOPWORDS_H

#include "base/str.h"

bool stopwords_contain(str folded);

/* Each of them, from 0 on; empty behind the last. */
str stopwords_at(size_t i);

#endif
