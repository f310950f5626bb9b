/* See shingles.h. One place for the rule, so that sketches made at index time and sets made at
   query time agree. */
#include "index/shingles.h"

#include "base/error.h"

anp_status shingles_of_tokens(const text_tokens *tokens, arena *perm, shingle_set *out,
                              anp_error *err) {
    uint64_t *words = arena_alloc(perm, (tokens->count + 1) * sizeof *words);
    size_t count = 0;
    if (!words) {
        return error_nomem(err, "a post's shingles");
    }
    for (size_t i = 0; i < tokens->count; i++) {
        if (tokens->items[i].kind != TEXT_PART) {
            words[count++] = sketch_word(tokens->items[i].folded);
        }
    }
    return sketch_shingles(words, count, perm, out, err);
}
