/*
 * See analyzer.h. A word goes from technical.c or plain.c (where it stands) through fold.c (how it
 * is compared) and stem.c (what the index holds) into a token; nothing travels back.
 *
 * A folded word that is its source (small ASCII letters: most words) points into the text, a stem
 * that only drops an ending points into its folded word: most tokens cost no memory but their own.
 * Tokens are collected in a buffer that stays with the analyzer, and copied once, because their
 * number is not known before.
 */
#include "text/analyzer.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/vec.h"
#include "text/fold.h"
#include "text/plain.h"
#include "text/spans.h"
#include "text/stem.h"
#include "text/stopwords.h"
#include "text/technical.h"
#include "text/twin.h"
#include "text/utf8.h"

/* A buffer above this is given back after the text that needed it. */
enum { TOKENS_KEPT_MAX = 1 << 16 };

_Static_assert((int)ANALYZER_SPANS_STEP == (int)SPANS_STEP, "the same room");

struct analyzer {
    bool plain;
    bool english;
    bool fast;
    spans_find *find; /* NULL: no words are found many at a time */
    folder *folder;
    stemmer *stemmer; /* NULL: no stemming */
    VEC(text_token) tokens;
    uint32_t words;
    uint32_t words_max;
    unicode_cache characters;
};

anp_status analyzer_open(anp_analyzer kind, const char *language, analyzer **out, anp_error *err) {
    *out = NULL;
    if (kind != ANP_ANALYZER_DEFAULT && kind != ANP_ANALYZER_TECHNICAL &&
        kind != ANP_ANALYZER_PLAIN) {
        return error_set(err, ANP_INVALID, "no analyzer %d; take technical or plain", (int)kind);
    }
    analyzer *a = calloc(1, sizeof *a);
    if (!a) {
        return error_nomem(err, "an analyzer");
    }
    a->plain = kind == ANP_ANALYZER_PLAIN;
    a->english = strcmp(language, "english") == 0;
    a->fast = true;
    analyzer_use_kernel(a, spans_best());
    a->words_max = POST_WORDS_MAX;
    anp_status status = stemmer_open(language, &a->stemmer, err);
    if (status == ANP_OK && !(a->folder = folder_new(a->plain, &a->characters))) {
        status = error_nomem(err, "an analyzer");
    }
    if (status != ANP_OK) {
        analyzer_close(a);
        return status;
    }
    *out = a;
    return ANP_OK;
}

void analyzer_close(analyzer *a) {
    if (a) {
        folder_free(a->folder);
        stemmer_close(a->stemmer);
        free(a->tokens.items);
        free(a);
    }
}

void analyzer_use_kernel(analyzer *a, const spans_kernel *kernel) {
    a->find = a->plain ? kernel->plain : kernel->technical;
}

void analyzer_use_twin(analyzer *a) {
    a->fast = false;
    a->find = NULL;
    a->characters.off = true;
}

void analyzer_limit_words(analyzer *a, uint32_t words_max) {
    a->words_max = words_max;
}

static bool fold(analyzer *a, str source, const text_word *word, str *folded) {
    if (a->fast && word->ascii) {
        return folder_fold_ascii(a->folder, source, word->upper, folded);
    }
    return folder_fold(a->folder, source, folded);
}

/* The stem, cut; words longer than a term may be are no words of a language and are only cut. */
static bool make_term(analyzer *a, str folded, str *term) {
    stem_result stem;
    if (!a->stemmer || folded.len > TERM_BYTES_MAX) {
        *term = utf8_cut(folded, TERM_BYTES_MAX);
        return true;
    }
    if (!stemmer_stem(a->stemmer, folded, a->fast, &stem)) {
        return false;
    }
    if (stem.tail.len == 0) {
        *term = str_make(folded.data, stem.keep);
        return true;
    }
    size_t len = stem.keep + stem.tail.len;
    char *bytes = folder_take(a->folder, len);
    if (!bytes) {
        return false;
    }
    memcpy(bytes, folded.data, stem.keep);
    memcpy(bytes + stem.keep, stem.tail.data, stem.tail.len);
    *term = utf8_cut(str_make(bytes, len), TERM_BYTES_MAX);
    return true;
}

/* node.js's is node.js: stemming, which would see to it, does not touch words with symbols. */
static str drop_possessive(const analyzer *a, str folded) {
    bool possessive = a->english && folded.len > 2 && str_ends(folded, STR("'s"));
    return possessive ? str_slice(folded, 0, folded.len - 2) : folded;
}

static bool holds_term(const analyzer *a, size_t from, str term) {
    for (size_t i = from; i < a->tokens.count; i++) {
        if (str_equal(a->tokens.items[i].term, term)) {
            return true;
        }
    }
    return false;
}

/* The parts of the technical word whose token is the last one. */
static bool add_parts(analyzer *a, str text, const text_word *word) {
    size_t whole = a->tokens.count - 1;
    str whole_folded = a->tokens.items[whole].folded;
    for (uint32_t i = 0; i < word->part_count; i++) {
        text_range range = word->parts[i];
        text_token token = {
            .position = a->words, .kind = TEXT_PART, .start = range.start, .end = range.end};
        if (a->fast && word->ascii) {
            token.folded =
                str_slice(whole_folded, range.start - word->start, range.end - word->start);
        } else if (!folder_fold(a->folder, str_slice(text, range.start, range.end),
                                &token.folded)) {
            return false;
        }
        if (!make_term(a, token.folded, &token.term)) {
            return false;
        }
        if (token.term.len && !holds_term(a, whole, token.term) && !vec_push(&a->tokens, token)) {
            return false;
        }
    }
    return true;
}

static bool add_word(analyzer *a, str text, const text_word *word) {
    text_token token = {
        .position = a->words, .kind = TEXT_WORD, .start = word->start, .end = word->end};
    if (!fold(a, str_slice(text, word->start, word->end), word, &token.folded)) {
        return false;
    }
    if (token.folded.len == 0) {
        return true; /* Hangul fillers, which are letters and yet ignorable */
    }
    if (word->shape == WORD_JOINED) {
        token.term = utf8_cut(drop_possessive(a, token.folded), TERM_BYTES_MAX);
    } else if (!make_term(a, token.folded, &token.term)) {
        return false;
    }
    if (word->shape != WORD_ORDINARY) {
        token.kind = TEXT_WHOLE;
    }
    if (!vec_push(&a->tokens, token) || (word->part_count && !add_parts(a, text, word))) {
        return false;
    }
    a->words++;
    return true;
}

bool analyzer_next(analyzer *a, str text, size_t *at, text_word *word) {
    return a->plain ? plain_next(&a->characters, text, at, a->fast, word)
                    : technical_next(&a->characters, text, at, a->fast, word);
}

size_t analyzer_spans(const analyzer *a, str text, size_t *at, uint32_t *starts, uint32_t *ends,
                      size_t most) {
    return a->find ? a->find(text, at, starts, ends, most) : 0;
}

anp_status analyzer_tokens(analyzer *a, str text, const text_word *word, arena *scratch,
                           const text_token **tokens, size_t *count, anp_error *err) {
    a->tokens.count = 0;
    a->words = 0;
    folder_begin(a->folder, scratch, word->end - word->start);
    if (!add_word(a, text, word)) {
        return error_nomem(err, "a word");
    }
    *tokens = a->tokens.items;
    *count = a->tokens.count;
    return ANP_OK;
}

bool analyzer_folded(analyzer *a, str text, const text_word *word, arena *scratch, str *folded) {
    folder_begin(a->folder, scratch, word->end - word->start);
    return fold(a, str_slice(text, word->start, word->end), word, folded);
}

uint32_t analyzer_words_max(const analyzer *a) {
    return a->words_max;
}

anp_status analyzer_run(analyzer *a, str text, arena *perm, text_tokens *out, anp_error *err) {
    text_word word;
    a->tokens.count = 0;
    a->words = 0;
    folder_begin(a->folder, perm, text.len);
    for (size_t at = 0; analyzer_next(a, text, &at, &word);) {
        if (a->words == a->words_max) {
            return error_set(err, ANP_LIMIT, "a text has more than %u words; split it",
                             a->words_max);
        }
        if (!add_word(a, text, &word)) {
            return error_nomem(err, "the words of a text");
        }
    }
    *out = (text_tokens){NULL, a->tokens.count, a->words};
    out->items = arena_alloc(perm, a->tokens.count * sizeof *out->items);
    if (!out->items) {
        return error_nomem(err, "the words of a text");
    }
    if (out->count) {
        memcpy(out->items, a->tokens.items, out->count * sizeof *out->items);
    }
    if (a->tokens.capacity > TOKENS_KEPT_MAX) {
        free(a->tokens.items);
        a->tokens.items = NULL;
        a->tokens.count = a->tokens.capacity = 0;
    }
    return ANP_OK;
}

bool analyzer_is_stopword(const analyzer *a, str folded) {
    return a->english && stopwords_contain(folded);
}

str analyzer_stopword(const analyzer *a, size_t i) {
    return a->english ? stopwords_at(i) : STR("");
}
