/* A post as text for people. */
#include "help.h"

static void check_text(const char *json, const char *expected) {
    arena perm = {0};
    buffer out = {0};
    post p = json_post(json, &perm);
    CHECK_EQ_INT(post_to_text(p.json, &out, NULL), ANP_OK);
    CHECK_EQ_STR(text_of(str_make((char *)out.data, out.len)), expected);
    buffer_free(&out);
    arena_free(&perm);
}

void test_post_render(void) {
    CASE("title and body");
    check_text("{\"id\":\"i\",\"title\":\"t\",\"body\":\"a\\n\\nb\"}", "t\n\na\n\nb\n");
    check_text("{\"id\":\"i\",\"body\":\"b\"}", "b\n");
    check_text("{\"id\":\"i\"}", "");
    CASE("labels, lists and items");
    check_text(
        "{\"id\":\"i\",\"title\":\"t\",\"lang\":\"en\",\"meta\":{\"topic\":\"a / "
        "b\",\"outline\":{\"context\":"
        "\"c\"},\"view_count\":5,\"tools\":[],\"images\":[{\"source\":\"h\",\"url\":\"u\"},{"
        "\"source\":\"g\"}],"
        "\"own_key\":[1,null,true,[2,3],{\"x\":{\"y\":1},\"z\":{}}],\"notes\":[\"one\\ntwo\"]}}",
        "t\n\nalphanode post meta\n\n"
        "topic: a / b\nproblem: a\nstack\n  \xe2\x80\xa2 b\nai outline\n  \xe2\x80\xa2 context: c\n"
        "tools: (none)\nview count: 5\n"
        "image sources\n  \xe2\x80\xa2 source: h\n    url: u\n  \xe2\x80\xa2 source: g\n"
        "notes\n  \xe2\x80\xa2 one\n    two\n"
        "own_key\n  \xe2\x80\xa2 1\n  \xe2\x80\xa2 null\n  \xe2\x80\xa2 true\n  \xe2\x80\xa2 \n"
        "      \xe2\x80\xa2 2\n      \xe2\x80\xa2 3\n"
        "  \xe2\x80\xa2 x\n      \xe2\x80\xa2 y: 1\n    z: (none)\n"
        "lang: en\n");
    check_text("{\"id\":\"i\",\"meta\":\"odd\"}", "alphanode post meta\n\nmeta: odd\n");
    CASE("a post cannot steer the terminal");
    check_text("{\"id\":\"i\",\"title\":\"a\\u001b[2Jb\\u009bc\\td\\u007f\\r\\u00e9\",\"meta\":{"
               "\"\\u0007\":\"\\u0000\"}}",
               "a\xef\xbf\xbd[2Jb\xef\xbf\xbd"
               "c\td\xef\xbf\xbd\xef\xbf\xbd\xc3\xa9\n\nalphanode post meta\n\n\xef\xbf\xbd: "
               "\xef\xbf\xbd\n");
    CASE("damaged");
    buffer out = {0};
    CHECK_EQ_INT(post_to_text(STR("{\"id\":"), &out, NULL), ANP_CORRUPT);
    CHECK_EQ_INT(post_to_text(STR("[]"), &out, NULL), ANP_CORRUPT);
    CHECK_EQ_INT(post_to_text(STR(""), &out, NULL), ANP_CORRUPT);
    buffer_free(&out);
}
