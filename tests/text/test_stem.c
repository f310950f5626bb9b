/*
 * Stemming: Snowball's own vocabulary where it is there, a few words of many languages, the cache,
 * stop words.
 */
#include "render.h"

#include "base/prng.h"
#include "text/stem.h"
#include "text/stopwords.h"

#include <stdlib.h>

static str stem_of(stemmer *s, str word, bool cached, char out[512]) {
    stem_result r = {0};
    CHECK(stemmer_stem(s, word, cached, &r));
    memcpy(out, word.data, r.keep);
    if (r.tail.len) {
        memcpy(out + r.keep, r.tail.data, r.tail.len);
    }
    out[r.keep + r.tail.len] = 0;
    return str_make(out, r.keep + r.tail.len);
}

static stemmer *open_stemmer(const char *language) {
    stemmer *s = NULL;
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK(stemmer_open(language, &s, &err) == ANP_OK && s)) {
        test_note("%s", err.message);
    }
    return s;
}

static void languages(void) {
    static const char *const table[][3] = {
        {"english", "connections", "connect"},
        {"english", "happily", "happili"},
        {"english", "skies", "sky"},
        {"german", "häuser", "haus"},
        {"french", "continuellement", "continuel"},
        {"spanish", "ciudades", "ciudad"},
        {"italian", "pronunciamento", "pronunc"},
        {"russian", "важности", "важност"},
        {"dutch", "lichamelijke", "licham"},
        {"swedish", "klostergården", "klostergård"},
        {"finnish", "edeltävän", "edeltäv"},
        {"portuguese", "quilométricas", "quilométr"},
        {"turkish", "kitaplar", "kitap"},
        {"greek", "γλωσσεσ", "γλωσσ"},
    };
    char out[512];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        CASE(table[i][0]);
        stemmer *s = open_stemmer(table[i][0]);
        if (s) {
            CHECK_EQ_STR(stem_of(s, str_from(table[i][1]), true, out).data, table[i][2]);
            CHECK_EQ_STR(stem_of(s, str_from(table[i][1]), true, out).data, table[i][2]);
            CHECK_EQ_STR(stem_of(s, str_from(table[i][1]), false, out).data, table[i][2]);
        }
        stemmer_close(s);
    }
    CASE("none and unknown");
    stemmer *s = NULL;
    anp_error err = ANP_ERROR_INIT;
    CHECK(stemmer_open("none", &s, &err) == ANP_OK && s == NULL);
    CHECK_EQ_INT(stemmer_open("en", &s, &err),
                 ANP_INVALID); /* Snowball's aliases are not names of ours */
    CHECK_EQ_STR(
        err.message,
        "no stemming for language \"en\"; known are none, arabic, basque, catalan, danish, dutch, "
        "english, "
        "finnish, french, german, greek, hindi, hungarian, indonesian, irish, italian, lithuanian, "
        "nepali, "
        "norwegian, porter, portuguese, romanian, russian, spanish, swedish, tamil, turkish");
}

/* The next line without its end; false at the end of the file. */
static bool next_line(FILE *file, char line[256]) {
    if (!fgets(line, 256, file)) {
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    return true;
}

/*
 * tests/data/snowball_differences.txt has the words that this libstemmer (Snowball 2.0) stems
 * otherwise than the vocabulary (of a later release): word, ours, theirs. It must be exactly the
 * differences.
 */
static void vocabulary(void) {
    char word[256], expected[256], difference[256], ours[512], found[1024];
    CASE("the vocabulary of Snowball");
    FILE *words = fopen("../shared/snowball/voc.txt", "r");
    FILE *stems = fopen("../shared/snowball/output.txt", "r");
    FILE *list = fopen("tests/data/snowball_differences.txt", "r");
    stemmer *s = open_stemmer("english");
    if (!words || !stems) {
        test_skip(__FILE__, __LINE__, "../shared/snowball is not there");
    } else if (CHECK(list != NULL) && s) {
        long count = 0;
        bool more = next_line(list, difference);
        while (more && difference[0] == '#') {
            more = next_line(list, difference);
        }
        while (next_line(words, word) && next_line(stems, expected)) {
            stem_of(s, str_from(word), true, ours);
            count++;
            if (strcmp(ours, expected) != 0) {
                snprintf(found, sizeof found, "%s\t%s\t%s", word, ours, expected);
                CHECK_EQ_STR(more ? difference : "(the list has ended)", found);
                more = next_line(list, difference);
            }
        }
        CHECK_EQ_INT(count, 42649);
        CHECK(!more);
    }
    stemmer_close(s);
    if (words) {
        fclose(words);
    }
    if (stems) {
        fclose(stems);
    }
    if (list) {
        fclose(list);
    }
}

/*
 * A word of a few letters, or of a long common beginning and a few letters: many share a place in
 * the cache.
 */
static str random_word(prng *random, const char *const letters[8], char word[128]) {
    static const char *const ends[] = {"",    "s",  "ed",      "ing", "ly", "ation",
                                       "ies", "'s", "iveness", "y",   "'"};
    size_t len = prng_below(random, 2) ? 0 : 1 + prng_below(random, 18);
    memcpy(word, "counterrevolutionary", len);
    for (uint32_t more = 1 + prng_below(random, 7); more > 0; more--) {
        const char *letter = letters[prng_below(random, 8)];
        memcpy(word + len, letter, strlen(letter));
        len += strlen(letter);
    }
    const char *end = ends[prng_below(random, sizeof ends / sizeof *ends)];
    len += (size_t)snprintf(word + len, 16, "%s", end);
    return str_make(word, len);
}

static void compare_cache(const char *language, const char *const letters[8]) {
    enum { WORDS = 200000, SEED = 3 };
    char word[128], a[512], b[512];
    stemmer *s = open_stemmer(language), *afresh = open_stemmer(language);
    prng random = {SEED};
    for (int i = 0; i < WORDS && s && afresh; i++) {
        str text = random_word(&random, letters, word);
        str stem = stem_of(s, text, true, a);
        if (!CHECK(stem.len > 0 && str_equal(stem, stem_of(afresh, text, false, b)))) {
            test_note("%s: %s, seed %d, word %d", language, word, SEED, i);
        }
    }
    stemmer_close(s);
    stemmer_close(afresh);
}

static void cache(void) {
    CASE("the cache gives what Snowball gives");
    compare_cache("english", (const char *const[8]){"a", "b", "e", "i", "n", "o", "r", "s"});
    compare_cache("german", (const char *const[8]){"ä", "ü", "ß", "e", "u", "n", "t", "s"});
    compare_cache("french",
                  (const char *const[8]){"é", "û", "ï", "ç", "I", "y", "q", "u"}); /* long tails */
    CASE("a word of which nothing is left is its own stem");
    char out[512];
    stemmer *s = open_stemmer("porter"), *arabic = open_stemmer("arabic");
    if (s && arabic) {
        CHECK_EQ_STR(stem_of(s, STR("s"), true, out).data, "s");
        CHECK_EQ_STR(stem_of(arabic, STR("ـ"), true, out).data, "ـ");
    }
    CASE("all words of one to three letters");
    for (int i = 0; i < 27 * 27 * 27 && s && arabic; i++) {
        char word[3], a[512], b[512];
        size_t len = 0;
        for (int rest = i; len < 3 && rest; rest /= 27) {
            if (rest % 27) {
                word[len++] = (char)('a' + rest % 27 - 1);
            }
        }
        str text = str_make(word, len);
        if (len && !str_equal(stem_of(s, text, true, a), stem_of(s, text, false, b))) {
            CHECK_EQ_STR(a, b);
        }
    }
    stemmer_close(s);
    stemmer_close(arabic);
}

static void stop_words(void) {
    static const char *const words[] = {
        "a",   "an",    "and",  "are",   "as",    "at",   "be",   "but", "by",  "for",  "if",
        "in",  "into",  "is",   "it",    "no",    "not",  "of",   "on",  "or",  "such", "that",
        "the", "their", "then", "there", "these", "they", "this", "to",  "was", "will", "with"};
    CASE("the 33 stop words, and no others");
    CHECK_EQ_INT(sizeof words / sizeof *words, 33);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char longer[16];
        CHECK(stopwords_contain(str_from(words[i])));
        snprintf(longer, sizeof longer, "%sx", words[i]);
        CHECK(!stopwords_contain(str_from(longer)));
    }
    CHECK(!stopwords_contain(STR("")) && !stopwords_contain(STR("cache")) &&
          !stopwords_contain(STR("he")));
    CASE("stop words of English alone");
    analyzer *english = open_or_fail(ANP_ANALYZER_PLAIN, "english"),
             *none = open_or_fail(ANP_ANALYZER_PLAIN, "none");
    CHECK(english && analyzer_is_stopword(english, STR("the")) &&
          !analyzer_is_stopword(english, STR("cache")));
    CHECK(none && !analyzer_is_stopword(none, STR("the")));
    analyzer_close(english);
    analyzer_close(none);
}

void test_text_stem(void);
void test_text_stem(void) {
    languages();
    vocabulary();
    cache();
    stop_words();
}
