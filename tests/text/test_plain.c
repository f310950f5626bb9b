/* The plain analyzer: runs of letters and digits, lower-cased, stemmed. */
#include "render.h"

#include "text/unicode.h"

#define EXPECT(...) CHECK_PAIRS(ANP_ANALYZER_PLAIN, "english", __VA_ARGS__)

static void words(void) {
    CASE("runs of letters and digits");
    EXPECT({"", ""}, {"--- ...", ""}, {"Caches, Node.js & C++", "caches>cach node js c"},
           {"snake_case camelCase", "snake case camelcase>camelcas"}, {"don't", "don t"},
           {"v1.2.3 --dry-run", "v1 2 3 dry>dri run"}, {"x86_64", "x86 64"},
           {"a\xff"
            "b",
            "a b"});
    CASE("other scripts");
    EXPECT({"ÉCOLE ΣΊΣΥΦΟΣ Straße", "école σίσυφοσ straße"}, {"東京都 タワー", "東京都 タワー"},
           {"١٢٣ ½ Ⅷ", "١٢٣ ½ ⅷ"}, {"ﬁne Ａ①", "ﬁne ａ①"}, {"हिन्दी", "हिन दी"}, {"İ", "i̇"});
}

static void lower_case(void) {
    static const struct {
        uint32_t from, to;
    } table[] = {{'A', 'a'},       {'z', 'z'},          {'I', 'i'},       {0xc9, 0xe9},
                 {0xdf, 0xdf},     {0x130, 'i'},        {0x131, 0x131},   {0x1c4, 0x1c6},
                 {0x1c5, 0x1c6},   {0x3a3, 0x3c3},      {0x3c2, 0x3c2},   {0x3f4, 0x3b8},
                 {0x13a0, 0xab70}, {0xab70, 0xab70},    {0x1e9e, 0xdf},   {0x2126, 0x3c9},
                 {0x212a, 'k'},    {0x2160, 0x2170},    {0x24b6, 0x24d0}, {0x10400, 0x10428},
                 {0x5d0, 0x5d0},   {0x10ffff, 0x10ffff}};
    CASE("lower case");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        uint32_t out[2] = {0, 0};
        size_t count = unicode_lower(table[i].from, out);
        if (!CHECK_EQ_INT(out[0], table[i].to) ||
            !CHECK_EQ_INT(count, table[i].from == 0x130 ? 2 : 1)) {
            test_note("of U+%04X", table[i].from);
        }
    }
    CASE("lower case of lower case is itself");
    for (uint32_t point = 0; point < 0x110000; point++) {
        uint32_t once[2], twice[2];
        unicode_lower(point, once);
        if (unicode_lower(once[0], twice) != 1 || twice[0] != once[0]) {
            CHECK_EQ_INT(twice[0], once[0]);
            test_note("of U+%04X", point);
        }
    }
}

void test_text_plain(void);
void test_text_plain(void) {
    words();
    lower_case();
}
