/*
 * Any bytes through both analyzers and their slow twins: the tokens agree and hold what analyzer.h
 * promises; a lexicon gives the same words. The first byte chooses the analyzer and the language.
 */
#include "base/hash.h"
#include "fuzz/fuzz.h"
#include "text/lexicon.h"
#include "text/twin.h"

#include <stdlib.h>

void fuzz_analyzer(const uint8_t *bytes, size_t size);

static void require(bool held) {
    if (!held) {
        abort();
    }
}

static void compare(const text_tokens *a, const text_tokens *b, size_t text_len) {
    require(a->count == b->count && a->words == b->words);
    for (size_t i = 0; i < a->count; i++) {
        const text_token *x = &a->items[i], *y = &b->items[i];
        require(str_equal(x->folded, y->folded) && str_equal(x->term, y->term));
        require(x->kind == y->kind && x->position == y->position && x->start == y->start &&
                x->end == y->end);
        require(x->start < x->end && x->end <= text_len && x->position < a->words);
        require(x->folded.len > 0 && x->term.len > 0 && x->term.len <= 255);
    }
}

static void compare_lexicon(analyzer *fast, lexicon_holds holds, str text,
                            const text_tokens *tokens) {
    lexicon_text words = {0};
    lexicon *l = lexicon_open(fast, holds);
    require(l && lexicon_read(l, text, &words, NULL) == ANP_OK && words.count == tokens->words);
    for (size_t i = 0, at = 0; i < tokens->count; i++) {
        if (tokens->items[i].kind != TEXT_PART) {
            str folded = tokens->items[i].folded;
            require(words.hashes[at++] == hash64(folded.data, folded.len));
        }
    }
    lexicon_text_free(&words);
    lexicon_close(l);
}

void fuzz_analyzer(const uint8_t *bytes, size_t size) {
    static const char *const languages[] = {"english", "none",   "german", "russian",
                                            "turkish", "arabic", "tamil"};
    if (size == 0) {
        return;
    }
    anp_analyzer kind = bytes[0] & 1 ? ANP_ANALYZER_PLAIN : ANP_ANALYZER_TECHNICAL;
    const char *language = languages[(bytes[0] >> 1) % (sizeof languages / sizeof *languages)];
    str text = str_make((const char *)bytes + 1, size - 1);
    analyzer *fast, *slow;
    if (analyzer_open(kind, language, &fast, NULL) != ANP_OK) {
        return;
    }
    if (analyzer_open(kind, language, &slow, NULL) == ANP_OK) {
        arena perm = {0};
        text_tokens a, b;
        analyzer_use_twin(slow);
        require(analyzer_run(fast, text, &perm, &a, NULL) == ANP_OK);
        require(analyzer_run(slow, text, &perm, &b, NULL) == ANP_OK);
        compare(&a, &b, text.len);
        compare_lexicon(fast, LEXICON_BOTH, text, &b);
        compare_lexicon(fast, LEXICON_HASHES, text, &b);
        arena_free(&perm);
        analyzer_close(slow);
    }
    analyzer_close(fast);
}
