/* The lexicon against the analyzer without shortcuts: the same terms at the same positions, by
   every kernel that finds words many at a time. */
#include "base/arena.h"
#include "base/hash.h"
#include "base/prng.h"
#include "test.h"
#include "text/lexicon.h"
#include "text/twin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 400, TEXT_BYTES_MAX = 3000, SEED = 5151 };

static const char *const pieces[] = {
    " ",     " ",       " ",    "\n",      "cache", "Caches", "CACHE",    "node.js", "Node.js's",
    "c++",   "C#",      "a",    "I",       "x86",   "--flag", ".net",     "naïve",   "Straße",
    "東京都", "\xff",    "-",    "'",       "don't", "1,000",  "v1.2.3",   "\xe3\x85\xa4",
    "fooBar", "HTTPServer", "_", ".", "#", "+", "0", "Z",
    "averyveryverylongwordthatnoslotcanhold", "AVeryVeryVeryLongWordThatNoSlotCanHold"};

/* Prose, with what may begin or end a word at the border of what is looked at together. */
static const char *const prose[] = {
    "cache", "the", "I", "HTTP", "Kafka", "sha256", " ",  " ", " ",   " ",  ", ", ". ", ".\n", "; ",
    " - ",   "--",  "-", "(",    ")",     "'",      "s ", "/", " 42", "\n", ".",  "_",  "+",
    ":",     ",",   ";", "1",    "a",     "#",      "é",  ".x", "x.", "1.", "'1", "a'", "::"};

static str make_text(prng *p, char *bytes) {
    size_t len = 0, most = prng_below(p, TEXT_BYTES_MAX - 60);
    uint32_t odd = prng_below(p, 3) == 0 ? 1 : 40; /* one piece of so many is no prose */
    while (len < most) {
        const char *piece = prng_below(p, odd) == 0
                                ? pieces[prng_below(p, sizeof pieces / sizeof *pieces)]
                                : prose[prng_below(p, sizeof prose / sizeof *prose)];
        size_t piece_len = strlen(piece);
        if (prng_below(p, 9) == 0) { /* a word that came nowhere else */
            bytes[len++] = (char)('a' + prng_below(p, 26));
            bytes[len++] = (char)('a' + prng_below(p, 26));
        }
        memcpy(bytes + len, piece, piece_len);
        len += piece_len;
    }
    return str_make(bytes, len);
}

/* Compares the words of one text; where they differ, how. */
static bool same(const lexicon *l, const lexicon_text *words, const text_tokens *tokens) {
    size_t at = 0;
    if (!CHECK_EQ_INT(words->count, tokens->words)) {
        return false;
    }
    for (uint32_t i = 0; i < words->count; i++) {
        const uint32_t *terms;
        uint32_t count = lexicon_terms_of(lexicon_lists(l), &words->words[i], &terms);
        str whole = tokens->items[at].folded;
        if (!CHECK(words->hashes[i] == hash64(whole.data, whole.len))) {
            return false;
        }
        for (uint32_t t = 0; t < count; t++, at++) {
            if (!CHECK(at < tokens->count && tokens->items[at].position == i &&
                       str_equal(lexicon_term(l, terms[t]), tokens->items[at].term))) {
                return false;
            }
        }
    }
    return CHECK_EQ_INT(at, tokens->count);
}

/* Hashes alone are the same ones. */
static void same_hashes(lexicon *hashes, str text, const lexicon_text *words) {
    lexicon_text alone = {0};
    CHECK_EQ_INT(lexicon_read(hashes, text, &alone, NULL), ANP_OK);
    if (!CHECK_EQ_INT(alone.count, words->count) ||
        !CHECK(alone.count == 0 ||
               memcmp(alone.hashes, words->hashes, alone.count * sizeof *alone.hashes) == 0)) {
        test_note("seed %d: %.*s", SEED, (int)text.len, text.data);
    }
    lexicon_text_free(&alone);
}

static void compare(anp_analyzer kind, const spans_kernel *kernel) {
    static char bytes[TEXT_BYTES_MAX];
    analyzer *fast, *slow, *folding;
    prng p = {SEED + (uint64_t)kind};
    lexicon_text words = {0};
    if (!CHECK_EQ_INT(analyzer_open(kind, "english", &fast, NULL), ANP_OK) ||
        !CHECK_EQ_INT(analyzer_open(kind, "english", &slow, NULL), ANP_OK) ||
        !CHECK_EQ_INT(analyzer_open(kind, "english", &folding, NULL), ANP_OK)) {
        return;
    }
    analyzer_use_twin(slow);
    analyzer_use_kernel(fast, kernel);
    lexicon *l = lexicon_open(fast, LEXICON_BOTH);
    lexicon *hashes = lexicon_open(folding, LEXICON_HASHES);
    for (int round = 0; CHECK(l != NULL) && round < ROUNDS; round++) {
        arena memory = {0};
        text_tokens tokens;
        str text = make_text(&p, bytes);
        /* At its exact size, so that a read behind it is noticed. */
        char *exact = malloc(text.len + !text.len);
        memcpy(exact, text.data, text.len);
        text.data = exact;
        CHECK_EQ_INT(analyzer_run(slow, text, &memory, &tokens, NULL), ANP_OK);
        CHECK_EQ_INT(lexicon_read(l, text, &words, NULL), ANP_OK);
        same_hashes(hashes, text, &words);
        if (!same(l, &words, &tokens)) {
            test_note("%s, seed %d, round %d: %.*s", kernel->name, SEED, round, (int)text.len,
                      text.data);
            round = ROUNDS;
        }
        if (round == ROUNDS / 2) {
            lexicon_clear(l);
            CHECK_EQ_INT(lexicon_term_count(l), 0);
        }
        free(exact);
        arena_free(&memory);
    }
    CHECK_EQ_INT(lexicon_term_count(hashes), 0);
    lexicon_close(l);
    lexicon_close(hashes);
    lexicon_text_free(&words);
    analyzer_close(folding);
    analyzer_close(fast);
    analyzer_close(slow);
}

/* More forms than the first table holds. */
static void growth(void) {
    enum { WORDS = 30000 };
    char text[16];
    analyzer *a;
    lexicon_text words = {0};
    if (!CHECK_EQ_INT(analyzer_open(ANP_ANALYZER_PLAIN, "none", &a, NULL), ANP_OK)) {
        return;
    }
    lexicon *l = lexicon_open(a, LEXICON_BOTH);
    for (int pass = 0; CHECK(l != NULL) && pass < 2; pass++) {
        for (int i = 0; i < WORDS; i++) {
            int len = snprintf(text, sizeof text, "w%d", i);
            lexicon_read(l, str_make(text, (size_t)len), &words, NULL);
            if (words.count != 1 || words.words[0] != (uint32_t)i) {
                CHECK_EQ_INT(words.words[0], i);
            }
        }
    }
    CHECK_EQ_INT(lexicon_term_count(l), WORDS);
    analyzer_limit_words(a, 3);
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(lexicon_read(l, STR("a b c d"), &words, &err), ANP_LIMIT);
    CHECK_EQ_STR(err.message, "a text has more than 3 words; split it");
    CHECK_EQ_INT(lexicon_read(l, STR("a b c"), &words, NULL), ANP_OK);
    lexicon_close(l);
    lexicon_text_free(&words);
    analyzer_close(a);
}

/* Words over what is found in one step, in one call, or by a word's limit at all. */
static void long_words(const spans_kernel *kernel) {
    static const size_t lengths[] = {16, 17, 63, 64, 65, 200, 32704, 32768, 65535, 65536, 65600};
    static char bytes[2 * 65600 + 16];
    for (size_t i = 0; i < 2 * sizeof lengths / sizeof *lengths; i++) {
        analyzer *fast, *slow;
        arena memory = {0};
        lexicon_text words = {0};
        text_tokens tokens;
        size_t len = lengths[i / 2];
        memset(bytes, ' ', sizeof bytes);
        memset(bytes + 5 * (i % 2), 'a', len);
        memset(bytes + 5 + len + 1, 'b', len);
        str text = str_make(bytes, 5 + len + 1 + len + 3 * (i % 2));
        analyzer_open(ANP_ANALYZER_TECHNICAL, "none", &fast, NULL);
        analyzer_open(ANP_ANALYZER_TECHNICAL, "none", &slow, NULL);
        analyzer_use_twin(slow);
        analyzer_use_kernel(fast, kernel);
        lexicon *l = lexicon_open(fast, LEXICON_BOTH);
        CHECK_EQ_INT(analyzer_run(slow, text, &memory, &tokens, NULL), ANP_OK);
        CHECK_EQ_INT(lexicon_read(l, text, &words, NULL), ANP_OK);
        if (!same(l, &words, &tokens)) {
            test_note("%s, %zu bytes", kernel->name, len);
        }
        lexicon_close(l);
        lexicon_text_free(&words);
        arena_free(&memory);
        analyzer_close(fast);
        analyzer_close(slow);
    }
}

void test_text_lexicon(void);
void test_text_lexicon(void) {
    const spans_kernel *const *all;
    for (size_t i = 0, count = spans_all(&all); i < count; i++) {
        CASE("plain texts");
        compare(ANP_ANALYZER_PLAIN, all[i]);
        CASE("technical texts");
        compare(ANP_ANALYZER_TECHNICAL, all[i]);
        CASE("long words");
        long_words(all[i]);
    }
    CASE("many forms");
    growth();
}
