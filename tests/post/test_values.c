/* Facets and columns out of a post's meta. */
#include "help.h"

static void names_and_kinds(void) {
    arena perm = {0};
    CASE("names join with a dot; arrays give a value an entry");
    post p = json_post(
        "{\"id\":\"i\",\"title\":\"t\",\"body\":\"b\",\"lang\":\"en\",\"extra\":{\"deep\":{\"er\":"
        "true}},"
        "\"meta\":{\"tools\":[\"git\",[\"make\",\"cc\"]],\"view_count\":12,\"own\":[1,2.5],"
        "\"entities\":[{\"name\":\"redis\",\"type\":\"stack\"},{\"name\":\"web\"}],"
        "\"flags\":{\"has_images\":1},\"gone\":null,\"none\":\"\",\"yes\":false}}",
        &perm);
    static const struct {
        const char *name;
        int n;
        const char *value;
    } rows[] = {
        {"tools", 0, "git"},
        {"tools", 1, "make"},
        {"tools", 2, "cc"},
        {"tools", 3, "-"},
        {"view_count", 0, "12"},
        {"own", 0, "1"},
        {"own", 1, "2.5"},
        {"entities.name", 0, "redis"},
        {"entities.type", 0, "stack"},
        {"entities.name", 1, "web"},
        {"entities.type", 1, "-"},
        {"flags.has_images", 0, "1"},
        {"gone", 0, "-"},
        {"none", 0, "-"},
        {"yes", 0, "0"},
        {"lang", 0, "en"},
        {"extra.deep.er", 0, "1"},
        {"id", 0, "-"},
        {"title", 0, "-"},
        {"body", 0, "-"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!CHECK_EQ_STR(value_of(&p, rows[i].name, rows[i].n), rows[i].value)) {
            test_note("%s %d", rows[i].name, rows[i].n);
        }
    }
    CHECK_EQ_INT(p.value_count, 13);
    CASE("their order is that of the canonical form");
    CHECK_EQ_STR(text_of(p.values[0].name), "tools");
    CHECK_EQ_STR(text_of(p.values[3].name), "view_count");
    CHECK_EQ_STR(text_of(p.values[4].name), "flags.has_images");
    CHECK_EQ_STR(text_of(p.values[5].name), "entities.name");
    CHECK_EQ_STR(text_of(p.values[8].name), "own");
    CHECK_EQ_STR(text_of(p.values[11].name), "lang");
    CASE("dates keep their text");
    p = json_post("{\"id\":\"i\",\"meta\":{\"revision\":{\"last_reviewed\":\"1970-01-02\",\"at\":"
                  "\"1970-01-01T01:00:00+01:00\",\"version\":\"1.9.7\"}}}",
                  &perm);
    CHECK_EQ_STR(value_of(&p, "revision.last_reviewed", 0), "1970-01-02@86400");
    CHECK_EQ_STR(value_of(&p, "revision.at", 0), "1970-01-01T01:00:00+01:00@0");
    CHECK_EQ_STR(value_of(&p, "revision.version", 0), "1.9.7");
    CASE("a meta that is no object");
    p = json_post("{\"id\":\"i\",\"meta\":[\"a\",\"b\"]}", &perm);
    CHECK_EQ_STR(value_of(&p, "meta", 1), "b");
    CASE("big numbers");
    p = json_post(
        "{\"id\":\"i\",\"a\":18446744073709551616,\"b\":1e400,\"c\":-9223372036854775808}", &perm);
    CHECK_EQ_STR(value_of(&p, "a", 0), "1.8446744073709552e+19");
    CHECK_EQ_STR(value_of(&p, "b", 0), "-");
    CHECK_EQ_STR(value_of(&p, "c", 0), "-9.2233720368547758e+18");
    arena_free(&perm);
}

static void limits(void) {
    arena perm = {0};
    char json[8192];
    CASE("long strings and names are no values");
    snprintf(json, sizeof json,
             "{\"id\":\"i\",\"a\":\"%0255d\",\"b\":\"%0256d\",\"%0200d\":1,\"%0201d\":1,"
             "\"c\":{\"%0198d\":1},\"d\":{\"%0199d\":1},\"\":5,\"e\":{\"\":{\"f\":2}}}",
             0, 0, 0, 0, 0, 0);
    post p = json_post(json, &perm);
    CHECK_EQ_INT(strlen(value_of(&p, "a", 0)), 255);
    CHECK_EQ_STR(value_of(&p, "b", 0), "-");
    CHECK_EQ_STR(value_of(&p, "e..f", 0), "2");
    CHECK_EQ_INT(p.value_count, 4);
    CASE("at most POST_FIELDS_MAX values");
    buffer many = {0};
    buffer_put_str(&many, STR("{\"id\":\"i\",\"n\":[0"));
    for (int i = 0; i < POST_FIELDS_MAX + 10; i++) {
        buffer_put_str(&many, STR(",1"));
    }
    buffer_put_str(&many, STR("]}"));
    CHECK_EQ_INT(post_from_json(str_make((char *)many.data, many.len), &perm, &p, NULL), ANP_OK);
    CHECK_EQ_INT(p.value_count, POST_FIELDS_MAX);
    CHECK_EQ_INT(p.json.len, many.len + strlen("\"title\":\"\",\"body\":\"\",\"meta\":{},"));
    buffer_free(&many);
    arena_free(&perm);
}

void test_post_values(void) {
    names_and_kinds();
    limits();
}
