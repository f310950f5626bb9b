/*
 * Folding of one word's bytes: NFKC_Casefold for technical text, lower case for plain text. The
 * typographic apostrophes (U+2018, U+2019) become ' in technical text, so that it's is one word
 * however it is set.
 */
#ifndef ANP_TEXT_FOLD_H
#define ANP_TEXT_FOLD_H

#include "base/arena.h"
#include "base/str.h"
#include "text/unicode.h"

typedef struct folder folder;

folder *folder_new(bool plain, unicode_cache *cache); /* NULL when memory is out */
void folder_free(folder *f);

/*
 * Begins a text: folded words go to memory from perm, until the next call. `bytes` is the text's
 * size.
 */
void folder_begin(folder *f, arena *perm, size_t bytes);

/* `bytes` of memory behind the folded words, for a stem; NULL when memory is out. */
char *folder_take(folder *f, size_t bytes);

/*
 * Any word. The result may be empty (a word of nothing but ignorable characters). false when
 * memory is out.
 */
bool folder_fold(folder *f, str source, str *folded);

/*
 * The same for ASCII alone, quickly; `upper`: it has capitals. Without, the result is source
 * itself.
 */
bool folder_fold_ascii(folder *f, str source, bool upper, str *folded);

#endif
