/* The whole chain: hostile texts, the slow twin on random texts, limits. */
#include "render.h"

#include "base/prng.h"

#include <stdlib.h>

enum { SEED = 11, TEXT_BYTES_MAX = 120 };

/* Characters that are next to one another in technical words, and some of other scripts. */
static const char *const pieces[] = {
    "a", "b", "Ab", "C", "s", "S", "7", "42", ".", ".", "_", ":", "'", ",", ";", "-", "--", "+",
    "++", "#", " ", "  ", "\n", "(", "\"", "=", "/", "\t", "v", "@", "the", "ing", "API", "x",
    "\0", "*", "`", "~", "ed", "n", "é", "É", "ß", "’", "漢", "カ", "́", "\xe2\x80\x8d", "א", "ﬁ",
    "\xff", "\xc3", "İ", "_", "．", "🇦", "½", "ᄀ", "\xe2\x80\xaf", "д",
};

enum { PIECES = sizeof pieces / sizeof *pieces, ASCII_PIECES = 40 };

static str random_text(prng *random, size_t kinds, char *out) {
    size_t len = 0, count = prng_below(random, 30);
    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[prng_below(random, (uint32_t)kinds)];
        size_t bytes = *piece ? strlen(piece) : 1;
        memcpy(out + len, piece, bytes);
        len += bytes;
    }
    return str_make(out, len);
}

static bool same_tokens(const text_tokens *a, const text_tokens *b) {
    bool same = a->count == b->count && a->words == b->words;
    for (size_t i = 0; same && i < a->count; i++) {
        const text_token *x = &a->items[i], *y = &b->items[i];
        same = str_equal(x->folded, y->folded) && str_equal(x->term, y->term) &&
               x->kind == y->kind && x->position == y->position && x->start == y->start &&
               x->end == y->end;
    }
    return same;
}

static void twins(anp_analyzer kind, size_t kinds, int texts, const char *name) {
    char text[TEXT_BYTES_MAX * 2];
    prng random = {SEED};
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    CASE(name);
    analyzer *fast = open_or_fail(kind, "english"), *slow = open_or_fail(kind, "english");
    if (!fast || !slow) {
        return;
    }
    analyzer_use_twin(slow);
    for (int i = 0; i < texts; i++) {
        str s = random_text(&random, kinds, text);
        text_tokens a = {0}, b = {0};
        CHECK(analyzer_run(fast, s, &perm, &a, &err) == ANP_OK &&
              analyzer_run(slow, s, &perm, &b, &err) == ANP_OK);
        if (!CHECK(tokens_hold(&a, s.len)) || !CHECK(same_tokens(&a, &b))) {
            test_note("seed %d, text %d: %.*s", SEED, i, (int)s.len, s.data);
        }
        arena_free(&perm);
    }
    analyzer_close(fast);
    analyzer_close(slow);
}

/*
 * What is folded folds to itself: an ASCII word's folded form, analysed, is one token of the same
 * folded form and the same term. (Not so beyond ASCII, where compatibility forms may hold spaces,
 * nor for terms.)
 */
static void idempotence(void) {
    char text[TEXT_BYTES_MAX * 2];
    prng random = {SEED};
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    CASE("the folded form of an ASCII word is that word");
    analyzer *a = open_or_fail(ANP_ANALYZER_TECHNICAL, "english");
    for (int i = 0; i < 20000 && a; i++) {
        str s = random_text(&random, ASCII_PIECES, text);
        text_tokens first, again;
        CHECK(analyzer_run(a, s, &perm, &first, &err) == ANP_OK);
        for (size_t t = 0; t < first.count; t++) {
            if (first.items[t].kind == TEXT_PART) {
                continue;
            }
            CHECK(analyzer_run(a, first.items[t].folded, &perm, &again, &err) == ANP_OK);
            if (!CHECK(again.words == 1 &&
                       str_equal(again.items[0].folded, first.items[t].folded) &&
                       str_equal(again.items[0].term, first.items[t].term))) {
                test_note("seed %d, text %d: %.*s", SEED, i, (int)s.len, s.data);
            }
        }
        arena_free(&perm);
    }
    analyzer_close(a);
}

/* count times unit, as a text of its own. */
static str repeat(const char *unit, size_t count) {
    size_t len = strlen(unit);
    char *text = malloc(len * count + 1);
    for (size_t i = 0; text && i < count; i++) {
        memcpy(text + i * len, unit, len);
    }
    return str_make(text, text ? len * count : 0);
}

static void check_repeated(const char *unit, size_t count, uint32_t words) {
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    text_tokens tokens = {0};
    analyzer *a = open_or_fail(ANP_ANALYZER_TECHNICAL, "english");
    str text = repeat(unit, count);
    if (a && CHECK(text.data != NULL)) {
        CHECK_EQ_INT(analyzer_run(a, text, &perm, &tokens, &err), ANP_OK);
        CHECK(tokens_hold(&tokens, text.len));
        if (!CHECK_EQ_INT(tokens.words, words)) {
            test_note("of %zu times %s", count, unit);
        }
    }
    free((char *)(uintptr_t)text.data);
    arena_free(&perm);
    analyzer_close(a);
}

static void hostile(void) {
    CASE("endless words are split at 64 KiB");
    check_repeated("a", 10 << 20, 160);
    check_repeated("aB", 1 << 20, 32);
    check_repeated("a.", 1 << 20, 32);
    check_repeated("é", 1 << 20, 32);
    CASE("endless marks, joiners, symbols");
    check_repeated("\xcc\x81\xcc\xa7", 1 << 20, 0);
    check_repeated("a\xcc\x81\xcc\xa7", 1 << 18, 20);
    check_repeated("a.\xcc\x81", 1 << 18, 16);
    check_repeated("_", 1 << 20, 0);
    check_repeated("--a-", 1 << 18, 1 << 18);
    check_repeated("++c", 1 << 18, 1 << 18);
    check_repeated("\xff\xc3\xe2\x82", 1 << 18, 0);
    check_repeated("ﷺ", 1 << 16, 4);
    CASE("NUL bytes separate");
    static render r;
    analyzer *a = open_or_fail(ANP_ANALYZER_TECHNICAL, "english");
    CHECK_EQ_STR(render_text(a, str_make("a\0b\0", 4), &r), "a b");
    CASE("no bytes at all");
    CHECK_EQ_STR(render_text(a, (str){NULL, 0}, &r), "");
    analyzer_close(a);
}

static void limits(void) {
    arena perm = {0};
    anp_error err = ANP_ERROR_INIT;
    text_tokens tokens;
    CASE("terms are cut at 255 bytes, between characters; folded words are not");
    analyzer *a = open_or_fail(ANP_ANALYZER_TECHNICAL, "english");
    str text = repeat("é", 200);
    CHECK_EQ_INT(analyzer_run(a, text, &perm, &tokens, &err), ANP_OK);
    if (CHECK_EQ_INT(tokens.count, 1)) {
        CHECK_EQ_INT(tokens.items[0].folded.len, 400);
        CHECK_EQ_INT(tokens.items[0].term.len, 254);
    }
    free((char *)(uintptr_t)text.data);
    CASE("too many words");
    analyzer_limit_words(a, 1000);
    text = repeat("a ", 1001);
    CHECK_EQ_INT(analyzer_run(a, str_slice(text, 0, text.len - 2), &perm, &tokens, &err), ANP_OK);
    CHECK_EQ_INT(tokens.words, 1000);
    CHECK_EQ_INT(analyzer_run(a, text, &perm, &tokens, &err), ANP_LIMIT);
    CHECK_EQ_STR(err.message, "a text has more than 1000 words; split it");
    free((char *)(uintptr_t)text.data);
    arena_free(&perm);
    CASE("and after it the analyzer works on");
    static render r;
    CHECK_EQ_STR(render_text(a, STR("It works"), &r), "it works>work");
    analyzer_close(a);
    CASE("unknown analyzers and languages");
    CHECK_EQ_INT(analyzer_open((anp_analyzer)9, "english", &a, &err), ANP_INVALID);
    CHECK(a == NULL);
    CHECK_EQ_INT(analyzer_open(ANP_ANALYZER_PLAIN, "klingon", &a, &err), ANP_INVALID);
    CHECK(a == NULL);
}

void test_text_analyzer(void);
void test_text_analyzer(void) {
    twins(ANP_ANALYZER_TECHNICAL, ASCII_PIECES, 60000,
          "fast path and twin agree on ASCII, technical");
    twins(ANP_ANALYZER_TECHNICAL, PIECES, 60000, "fast path and twin agree on Unicode, technical");
    twins(ANP_ANALYZER_PLAIN, ASCII_PIECES, 20000, "fast path and twin agree on ASCII, plain");
    twins(ANP_ANALYZER_PLAIN, PIECES, 20000, "fast path and twin agree on Unicode, plain");
    idempotence();
    hostile();
    limits();
}
