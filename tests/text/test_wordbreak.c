/*
 * Segmentation by UAX #29: the standard's own test file where it is there, and a case of our own
 * for each rule.
 */
#include "test.h"
#include "text/split.h"
#include "text/utf8.h"
#include "text/word.h"

#include <stdio.h>
#include <stdlib.h>

/*
 * The file's cases where split_segment differs on purpose. The file is of Unicode 15.0; Unicode 17
 * took U+2701 out of the pictographs that WB3c keeps together. (Our own difference, U+202F, is in
 * no case of the file.)
 */
static const char *const differences[] = {
    "÷ 2701 × 200D × 2701 ÷",
    "÷ 0061 × 200D × 2701 ÷",
};

enum { CASE_BYTES_MAX = 512 };

static unicode_cache cache;

/* Writes text's segments as "a÷b÷". */
static void segment(str text, char *out) {
    for (size_t at = 0, end; at < text.len; at = end) {
        bool ignored;
        end = split_segment(&cache, text, at, &ignored);
        memcpy(out, text.data + at, end - at);
        out += end - at;
        memcpy(out, "÷", sizeof "÷" - 1);
        out += sizeof "÷" - 1;
    }
    *out = 0;
}

/* Reads "÷ 0061 × 0308 ÷" into the text and the segments. */
static void read_case(const char *line, char *text, size_t *len, char *expected) {
    char *to = text;
    bool begun = false;
    while (*line && *line != '#' && *line != '\n') {
        if (strncmp(line, "÷", 2) == 0 || strncmp(line, "×", 2) == 0) {
            if (begun && strncmp(line, "÷", 2) == 0) {
                memcpy(expected, line, 2);
                expected += 2;
            }
            line += 2;
        } else if (*line == ' ' || *line == '\t') {
            line++;
        } else {
            char *after;
            uint32_t point = (uint32_t)strtoul(line, &after, 16);
            line = after > line ? after : line + 1;
            char *begin = to;
            to = utf8_encode(to, point);
            memcpy(expected, begin, (size_t)(to - begin));
            expected += to - begin;
            begun = true;
        }
    }
    *len = (size_t)(to - text);
    *expected = 0;
}

static bool is_difference(const char *line) {
    for (size_t i = 0; i < sizeof differences / sizeof *differences; i++) {
        if (strncmp(line, differences[i], strlen(differences[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void standard(void) {
    char line[2048], text[CASE_BYTES_MAX], expected[CASE_BYTES_MAX * 2], actual[CASE_BYTES_MAX * 2];
    long count = 0;
    CASE("the standard's test file");
    FILE *file = fopen("../shared/unicode/WordBreakTest.txt", "r");
    if (!file) {
        SKIP("../shared/unicode/WordBreakTest.txt is not there");
    }
    while (fgets(line, sizeof line, file)) {
        size_t len;
        if (line[0] == '#' || line[0] == '\n') {
            continue;
        }
        read_case(line, text, &len, expected);
        segment(str_make(text, len), actual);
        count++;
        if (!CHECK((strcmp(actual, expected) != 0) == is_difference(line))) {
            test_note("%s", line);
        }
    }
    fclose(file);
    CHECK_EQ_INT(count, 1823);
}

static void rules(void) {
    static const char *const table[][2] = {
        /* expected segments, rule; a text is its segments put together */
        {"\r\n÷\n÷\r÷a÷\v÷b÷", "WB3, WB3a, WB3b"},
        {"\xe2\x80\x8d\xe2\x9d\xa4÷a÷", "WB3c: a joiner and a pictograph"},
        {"👩\xe2\x80\x8d💻÷👩÷", "WB3c inside an emoji"},
        {"a÷  ÷b÷\t÷\t÷", "WB3d: spaces stay together, tabs do not"},
        {"a\xcc\x88\xcc\x81÷ \xcc\x88÷b\xc2\xad"
         "c÷",
         "WB4: marks and format characters"},
        {"\xcc\x88÷a÷", "WB4 at the beginning"},
        {"abc÷ ÷αβγ÷", "WB5"},
        {"a.b÷.÷", "WB6, WB7"},
        {"a:b÷.÷.÷c÷", "WB6, WB7: one only"},
        {"can't÷", "WB6, WB7"},
        {"a\xcc\x88:\xcc\x88"
         "b÷",
         "WB6, WB7 with WB4"},
        {"a÷:\xcc\x88÷ ÷b÷", "WB6: nothing follows"},
        {"א'÷", "WB7a"},
        {"א\"א÷", "WB7b, WB7c"},
        {"א÷\"÷a÷", "WB7b: not before a Latin letter"},
        {"123÷", "WB8"},
        {"a1÷ ÷1a÷", "WB9, WB10"},
        {"3.14÷ ÷1,000÷,÷ ÷1'0÷", "WB11, WB12"},
        {"3÷.÷a÷.÷4÷", "WB12: not between kinds"},
        {"カタ\xe3\x83\xbcナ÷", "WB13"},
        {"漢÷字÷ひ÷ら÷", "WB999: ideographs and Hiragana stand alone"},
        {"a_1_カ_÷", "WB13a, WB13b"},
        {"🇦🇧÷🇨÷a÷", "WB15, WB16"},
        {"🇦🇧÷🇨🇩÷", "WB15: in pairs"},
        {"한국어÷", "Hangul is letters"},
        {"a÷\xe2\x80\xaf÷b÷", "U+202F separates: our difference"},
        {"a÷\xff÷b÷\xc3÷", "bytes that are no UTF-8"},
    };
    char text[CASE_BYTES_MAX], actual[CASE_BYTES_MAX * 2];
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        CASE(table[i][1]);
        size_t len = 0;
        for (const char *p = table[i][0]; *p; p++) {
            if (strncmp(p, "÷", 2) == 0) {
                p++;
            } else {
                text[len++] = *p;
            }
        }
        segment(str_make(text, len), actual);
        CHECK_EQ_STR(actual, table[i][0]);
    }
}

static void long_words(void) {
    CASE("a word longer than the limit is split, between characters");
    size_t len = 3 * (size_t)WORD_BYTES_MAX + 4;
    char *text = malloc(len);
    if (!CHECK(text != NULL)) {
        return;
    }
    text[0] = 'x';
    for (size_t i = 1; i + 1 < len; i += 2) {
        memcpy(text + i, "é", 2);
    }
    bool is_word;
    text[len - 1] = 'y';
    size_t first = split_segment(&cache, str_make(text, len), 0, &is_word);
    CHECK(is_word);
    CHECK_EQ_INT(first, WORD_BYTES_MAX - 1);
    CHECK_EQ_INT(split_segment(&cache, str_make(text, len), first, &is_word),
                 first + WORD_BYTES_MAX);
    free(text);
}

void test_text_wordbreak(void);
void test_text_wordbreak(void) {
    standard();
    rules();
    long_words();
}
