/* See stopwords.h. Queries ask, and who analyses a title apart: a binary search is
   quick enough. */
#include "text/stopwords.h"

/* In the order of str_compare. */
static const char *const words[] = {
    "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
    "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
    "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with",
};

bool stopwords_contain(str folded) {
    size_t low = 0, high = sizeof words / sizeof *words;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(folded, str_from(words[middle]));
        if (order == 0) {
            return true;
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return false;
}

str stopwords_at(size_t i) {
    return i < sizeof words / sizeof *words ? str_from(words[i]) : (str){"", 0};
}
