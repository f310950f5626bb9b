/* Case folding and normalisation. */
#include "render.h"

#include "text/unicode.h"
#include "text/utf8.h"

#include <stdlib.h>

static void folded_words(void) {
    CASE("NFKC case folding");
    CHECK_PAIRS(ANP_ANALYZER_TECHNICAL, "none",
                {"ABCDEFGHIJKLMNOPQRSTUVWXYZ @[`{", "abcdefghijklmnopqrstuvwxyz"}, {"ﬁne", "fine"},
                {"①", "1"}, {"Ａｐｐｌｅ", "apple"}, {"Straße STRASSE", "strasse strasse"},
                {"ẞ", "ss"}, {"İ I ı i", "i̇ i ı i"}, {"ΣΊΣΥΦΟΣ σίσυφος", "σίσυφοσ σίσυφοσ"},
                {"\xc3\x85 A\xcc\x8a \xe2\x84\xab", "å å å"},
                {"a\xe2\x80\x8d"
                 "b c\xc2\xad"
                 "d",
                 "ab cd"},
                {"Ǆ ǅ ǆ", "dž dž dž"}, {"Ⅷ ½ x²", "viii 1⁄2 x 2"}, {"ｶﾀｶﾅ", "カタカナ"},
                {"각 \xe1\x84\x80\xe1\x85\xa1\xe1\x86\xa8", "각 각"}, {"ᏸ Ᏸ", "Ᏸ Ᏸ"}, {"ŉ", "ʼn"},
                {"q\xcc\x87\xcc\xa3 q\xcc\xa3\xcc\x87", "q\xcc\xa3\xcc\x87 q\xcc\xa3\xcc\x87"},
                {"q\xcc\x96\xcc\xb4", "q\xcc\xb4\xcc\x96"});
    CASE("apostrophes");
    CHECK_PAIRS(ANP_ANALYZER_TECHNICAL, "english",
                {"it’s it's it‘s it＇s", "it's>it it's>it it's>it it's>it"});
    CASE("words of nothing but ignorable characters are none");
    CHECK_PAIRS(ANP_ANALYZER_TECHNICAL, "none", {"a \xe3\x85\xa4 b", "a b"}, {"\xe1\x85\x9f", ""});
    CASE("technical words in other forms");
    CHECK_PAIRS(ANP_ANALYZER_TECHNICAL, "none", {"ｎｏｄｅ．ｊｓ", "node.js(node js)"},
                {"a\xef\xbc\xbf"
                 "b",
                 "a_b(a b)"},
                {"col·lecció", "col·lecció"}, {"צה״ל", "צה״ל"},
                {"\xd0\xbc\xd0\xb8\xd1\x80.\xd1\x80\xd1\x84", "мир.рф(мир рф)"});
}

/* The code points of a literal, folded, as UTF-8. */
static const char *fold_points(unicode_folder *f, const uint32_t *points, size_t count, char *out) {
    const uint32_t *folded = NULL;
    size_t folded_count = 0;
    CHECK(unicode_fold(f, points, count, &folded, &folded_count));
    char *to = out;
    for (size_t i = 0; i < folded_count; i++) {
        to = utf8_encode(to, folded[i]);
    }
    *to = 0;
    return out;
}

static void library_faults(unicode_folder *f) {
    char out[64];
    CASE("marks at the very beginning are ordered");
    CHECK_EQ_STR(fold_points(f, (const uint32_t[]){0x302, 0x327}, 2, out), "\xcc\xa7\xcc\x82");
    CASE("I is no Turkish letter");
    CHECK_EQ_STR(fold_points(f, (const uint32_t[]){'I', 0x130, 0x131}, 3, out), "ii̇ı");
    CASE("capitals and ignorables inside compatibility forms");
    CHECK_EQ_STR(fold_points(f, (const uint32_t[]){0x3392, 0x1f118, 0x2121}, 3, out), "mhz(i)tel");
    CASE("nothing");
    CHECK_EQ_STR(fold_points(f, NULL, 0, out), "");
}

static void stability(unicode_folder *f) {
    CASE("what is folded stays, for every code point");
    uint32_t once[64];
    for (uint32_t point = 0; point < 0x110000; point++) {
        const uint32_t *out;
        size_t count, again;
        if (point >= 0xd800 && point < 0xe000) {
            continue;
        }
        if (!CHECK(unicode_fold(f, &point, 1, &out, &count) && count <= 64)) {
            return;
        }
        memcpy(once, out, count * sizeof *out);
        bool stays = unicode_fold(f, once, count, &out, &again) && again == count &&
                     (count == 0 || memcmp(once, out, count * sizeof *out) == 0);
        if (!CHECK(stays)) {
            test_note("U+%04X", point);
        }
    }
    CASE("long runs of marks are ordered in pieces of 30");
    size_t count = 1 << 16;
    uint32_t *marks = calloc(count, sizeof *marks);
    if (CHECK(marks != NULL)) {
        const uint32_t *out;
        size_t out_count;
        marks[0] = 'q'; /* composes with neither */
        for (size_t i = 1; i < count; i++) {
            marks[i] =
                i % 2 ? 0x327 : 0x302; /* of two combining classes: each pair is out of order */
        }
        CHECK(unicode_fold(f, marks, count, &out, &out_count));
        CHECK_EQ_INT(out_count, count);
        CHECK(out[1] == 0x327 && out[15] == 0x327 && out[16] == 0x302 && out[31] == 0x327);
    }
    free(marks);
}

static void utf8(void) {
    static const struct {
        const char *bytes;
        uint32_t point;
        size_t len;
    } table[] = {{"a", 'a', 1},
                 {"\xc3\xa9", 0xe9, 2},
                 {"\xe2\x82\xac", 0x20ac, 3},
                 {"\xf0\x9f\x92\xbb", 0x1f4bb, 4},
                 {"\x80", UTF8_BAD, 1},
                 {"\xc0\x80", UTF8_BAD, 1},
                 {"\xc3", UTF8_BAD, 1},
                 {"\xc3(", UTF8_BAD, 1},
                 {"\xe0\x80\x80", UTF8_BAD, 1},
                 {"\xe2\x82", UTF8_BAD, 2},
                 {"\xe2\x82(", UTF8_BAD, 2},
                 {"\xed\xa0\x80", UTF8_BAD, 1},
                 {"\xed\x9f\xbf", 0xd7ff, 3},
                 {"\xf0\x8f\xbf\xbf", UTF8_BAD, 1},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff, 4},
                 {"\xf4\x90\x80\x80", UTF8_BAD, 1},
                 {"\xf5\x80", UTF8_BAD, 1},
                 {"\xf0\x9f\x92", UTF8_BAD, 3},
                 {"\xff", UTF8_BAD, 1}};
    CASE("UTF-8, good and bad");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        size_t next;
        CHECK_EQ_INT(utf8_decode(str_from(table[i].bytes), 0, &next), table[i].point);
        if (!CHECK_EQ_INT(next, table[i].len)) {
            test_note("case %zu", i);
        }
        CHECK_EQ_INT(utf8_before(str_make(table[i].bytes, next), next), table[i].point);
    }
    CHECK_EQ_INT(utf8_before(STR("é\x80"), 3), UTF8_BAD);
    CHECK_EQ_INT(utf8_before(STR("aé"), 3), 0xe9);
    CHECK_EQ_INT(utf8_before(STR("\x80"), 1), UTF8_BAD);
    CASE("every code point there and back");
    for (uint32_t point = 0; point < 0x110000; point++) {
        char bytes[UTF8_BYTES_MAX];
        size_t next = 0, len = (size_t)(utf8_encode(bytes, point) - bytes);
        if (point >= 0xd800 && point < 0xe000) {
            continue;
        }
        if (utf8_decode(str_make(bytes, len), 0, &next) != point || next != len) {
            CHECK_EQ_INT(next, len);
            test_note("U+%04X", point);
        }
    }
    CASE("a cut ends at a character");
    CHECK_EQ_INT(utf8_cut(STR("aé"), 3).len, 3);
    CHECK_EQ_INT(utf8_cut(STR("aé"), 2).len, 1);
    CHECK_EQ_INT(utf8_cut(STR("é"), 1).len, 0);
}

void test_text_fold(void);
void test_text_fold(void) {
    static unicode_cache cache;
    unicode_folder *f = unicode_folder_new(&cache);
    utf8();
    folded_words();
    if (CHECK(f != NULL)) {
        library_faults(f);
        stability(f);
    }
    unicode_folder_free(f);
}
