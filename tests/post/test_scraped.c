/* Scraped text: title, blocks of the body, id. The meta box has its own file. */
#include "help.h"

static void check_body(const char *text, const char *body) {
    arena perm = {0};
    post found = scraped_post(text, &perm);
    CHECK_EQ_STR(text_of(found.body), body);
    arena_free(&perm);
}

static void bodies(void) {
    CASE("blocks");
    check_body("t\n\nintro line\nits second line\n\n\n\npara",
               "intro line\nits second line\n\npara");
    check_body("t\n\nwhy this matters\nbecause\n\nx", "why this matters\n\nbecause\n\nx");
    check_body("t\n\nwhy this matters\nfinal notes\n\nx", "why this matters\n\nfinal notes\n\nx");
    check_body("t\n\n  | |  \na\n| | |\n\nb", "a\n\nb");
    check_body("t\n\na | |\n\n||\n\nb", "a | |\n\n||\n\nb");
    check_body("t\n", "");
    CASE("bullets");
    check_body("t\n\nlist\n\n  \xe2\x80\xa2 one\n\t\xe2\x80\xa2two\n- three\n-four\n\n\xe2\x80\xa2",
               "list\n\n- one\n- two\n- three\n\n-four\n\n- ");
    check_body("t\n\n- one\n  goes on\n- two\n\nx", "- one\n  goes on\n- two\n\nx");
    CASE("captions stand once");
    check_body("t\n\npara\na view of it\na view of it. image source: host\nmore\n\nx",
               "para\n\na view of it\n\nmore\n\nx");
    check_body("t\n\n- item\ncap 1\n\ncap 1 Image Source: h\ncap 2\ncap 2. image source: h\n\nx",
               "- item\n\ncap 1\n\ncap 2\n\nx");
    check_body("t\n\ncap\n\nother. image source: h\n\nx", "cap\n\nother. image source: h\n\nx");
    CASE("code keeps its lines and indentation");
    check_body("t\n\ndef f():\n    return 1\n- 2\nx = 3\n\n    y()\n\nz",
               "def f():\n    return 1\n- 2\nx = 3\n\n    y()\n\nz");
    CASE("dense posts are a block a line");
    check_body(
        "t\none line.\ntwo\n- a\n- b\nwhy this matters\nimport os\nrun(\n    1)\nlast",
        "one line.\n\ntwo\n\n- a\n- b\n\nwhy this matters\n\nimport os\nrun(\n    1)\n\nlast");
    check_body("| |\n\nt\n\n\na\nb\n\nSimilar Posts", "a\n\nb");
    CASE("what follows the similar posts is not the post's");
    check_body("t\n\na\n\nb\nSIMILAR posts \nc\n", "a\n\nb");
    check_body("t\n\na\n\nsimilar posts were found\n", "a\n\nsimilar posts were found");
}

static void titles_and_ids(void) {
    arena perm = {0};
    post p;
    CASE("title and stem");
    p = scraped_post("\n | | \n\n  a title \n", &perm);
    CHECK_EQ_STR(text_of(p.title), "a title");
    CHECK_EQ_STR(text_of(p.id), "stem");
    CHECK_EQ_STR(text_of(p.json),
                 "{\"id\":\"stem\",\"title\":\"a title\",\"body\":\"\",\"meta\":{}}");
    CASE("the id is what stands behind the last hyphen of the source id");
    static const char *const ids[][2] = {
        {"alphanode-000042", "000042"},
        {"a-b-c", "c"},
        {"plain", "plain"},
        {"ends-", "stem"},
        {"", "stem"},
        {"-x", "x"},
    };
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char text[200];
        snprintf(text, sizeof text, "t\nalphanode post meta\npayload\n- source id: %s\n",
                 ids[i][0]);
        CHECK_EQ_STR(text_of(scraped_post(text, &perm).id), ids[i][1]);
    }
    arena_free(&perm);
}

static void check_bad(str text, str stem, uint64_t line, const char *message) {
    arena perm = {0};
    post found;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(post_from_scraped(text, stem, &perm, &found, &err), ANP_BAD_POST);
    CHECK_EQ_INT(err.position, line);
    if (!CHECK(strstr(err.message, message) != NULL)) {
        test_note("%s", err.message);
    }
    arena_free(&perm);
}

static void refusals(void) {
    char id[300] = "t\nalphanode post meta\npayload\n- source id: ";
    CASE("refusals");
    check_bad(STR(""), STR("s"), 1, "no title");
    check_bad(STR("| |\n\n \n"), STR("s"), 3, "no title");
    check_bad(STR("\nalphanode post meta\ntopica / b\n"), STR("s"), 2, "no title");
    check_bad(STR("t\n"), STR(""), 1, "no id");
    check_bad(STR("t\n"), STR("a\0b"), 1, "NUL");
    memset(id + strlen(id), 'x', 256);
    check_bad(str_make(id, strlen("t\nalphanode post meta\npayload\n- source id: ") + 256),
              STR("s"), 1, "256 bytes");
    check_bad(STR("t\n\nlong enough a line\ncaf\xe9 here"), STR("s"), 4, "0xE9");
    static const char *const wrong[] = {
        "\xc0\x80", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
        "\xf8",     "\x80",         "\xe2\x82",     "\xf0\x9f\x98"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        check_bad(str_from(wrong[i]), STR("s"), 1, "not UTF-8");
    }
    CASE("odd bytes that are text");
    arena perm = {0};
    post p;
    str text = STR("t\n\na\0b\x1b \xf0\x9f\x98\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf");
    CHECK_EQ_INT(post_from_scraped(text, STR("s"), &perm, &p, NULL), ANP_OK);
    CHECK_EQ_INT(p.body.len, text.len - 3);
    arena_free(&perm);
}

static void files(void) {
    size_t len;
    arena perm = {0};
    char *plain = read_file("tests/data/posts/plain.txt", &len);
    CASE("a post without blank lines and box");
    if (!CHECK(plain != NULL)) {
        return;
    }
    post p = scraped_post(plain, &perm);
    CHECK_EQ_STR(text_of(p.title), "keeping a queue worker honest");
    CHECK_EQ_STR(text_of(p.body),
                 "every worker tells how long its last task took, and the number is looked at each "
                 "week.\n\nwhy this matters\n\na queue that nobody watches fills up in silence.\n\n"
                 "#!/bin/sh\n(queue --length || echo none) > \"$1\";\n    exit 0\n\n"
                 "the practical approach\n\n"
                 "give each task an owner and a time after which it is called late.\n\n"
                 "implementation checklist\n\n- count the late tasks\n- tell the owner\n\n"
                 "final notes\n\nwrite down what was changed, and why.");
    CHECK_EQ_INT(p.value_count, 0);
    CASE("a post of windows");
    char *crlf = read_file("tests/data/posts/crlf.txt", &len);
    if (!CHECK(crlf != NULL)) {
        return;
    }
    p = scraped_post(crlf, &perm);
    CHECK_EQ_STR(text_of(p.json),
                 "{\"id\":\"crlf\",\"title\":\"Windows line ends: a note\",\"body\":\"the first "
                 "paragraph has an accent: caf\xc3\xa9.\\n\\na second one.\",\"meta\":{\"topic\":"
                 "\"Line ends / editors\",\"problem\":\"Line ends\",\"stack\":[\"editors\"],"
                 "\"reading_time\":7,\"view_count\":\"many\",\"score\":{\"quality\":90,\"charm\":"
                 "\"high\"},\"revision\":{\"status\":\"reviewed\"},\"flags\":"
                 "{\"needs_human_review\":0},\"payload\":{\"source_id\":\"crlf\"}}}");
    CHECK(p.reviewed);
    arena_free(&perm);
    free(plain);
    free(crlf);
}

void test_post_scraped(void) {
    bodies();
    titles_and_ids();
    refusals();
    files();
}
