/* Snippets: which window, its marks, its text. */
#include "test.h"

#include "query/snippet.h"

static analyzer *english;

/* A snippet of at most `words` words for terms given as they are stemmed, parted by spaces. */
static void check(const char *body, const char *terms, uint32_t words, bool escape,
                  const char *expected) {
    arena memory = {0};
    str items[8], out = {NULL, 0};
    snippet_terms list = {items, 0};
    for (const char *at = terms; *at;) {
        size_t len = strcspn(at, " ");
        items[list.count++] = str_make(at, len);
        at += len + (at[len] == ' ');
    }
    snippet_settings settings = {words, STR("["), STR("]"), escape};
    CHECK_EQ_INT(snippet_make(english, str_from(body), &list, &settings, &memory, &out, NULL),
                 ANP_OK);
    CHECK_EQ_STR(out.data, expected);
    arena_free(&memory);
}

static void windows(void) {
    const char *body = "one two three four five six seven eight nine ten eleven twelve";
    CASE("the window");
    check(body, "six", 5, false, "… four five [six] seven eight …");
    check(body, "one", 5, false, "[one] two three four five …");
    check(body, "twelv", 5, false, "… eight nine ten eleven [twelve]");
    check(body, "", 3, false, "one two three …");
    check(body, "absent", 3, false, "one two three …");
    check(body, "six", 50, false,
          "one two three four five [six] seven eight nine ten eleven twelve");
    check(body, "six", 1, false, "… [six] …");
    check("", "six", 5, false, "");
    check(" \n ", "six", 5, false, "");
    CASE("distinct words first, then their number, then the earliest");
    check("red x x x x x red red red x x x x x red blue", "red blue", 3, false, "… x [red] [blue]");
    check("red x x x x x red red x x x x", "red", 3, false, "… [red] [red] x …");
    check("red blue x x x x x red blue x", "red blue", 2, false, "[red] [blue] …");
}

static void text(void) {
    CASE("white space, punctuation and marks");
    check("The cache\n\n  is (stale).\tNext line", "cach", 4, false, "The [cache] is (stale). …");
    check("a, b, c, \"d e\", f", "d", 1, false, "… \"[d] …");
    check("Caches cached, caching.", "cach", 9, false, "[Caches] [cached], [caching].");
    CASE("technical words are marked whole");
    check("use node.js today", "node", 9, false, "use [node.js] today");
    check("use node.js today", "node.j node js", 9, false, "use [node.js] today");
    CASE("HTML");
    check("if a<b && c>d then", "then", 9, true, "if a&lt;b &amp;&amp; c&gt;d [then]");
    check("if a<b && c>d then", "then", 9, false, "if a<b && c>d [then]");
    check("x <b>bold</b>", "bold", 9, true, "x &lt;b&gt;[bold]&lt;/b&gt;");
}

void test_query_snippet(void) {
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(analyzer_open(ANP_ANALYZER_TECHNICAL, "english", &english, &err), ANP_OK)) {
        return;
    }
    windows();
    text();
    analyzer_close(english);
}
