/* The JSON form: what is read, what is refused, and the canonical form. */
#include <yyjson.h>

#include "help.h"

static void check_canonical(const char *json, const char *expected) {
    arena perm = {0};
    post found = json_post(json, &perm);
    CHECK_EQ_STR(text_of(found.json), expected);
    post again = json_post(text_of(found.json), &perm);
    CHECK_EQ_STR(text_of(again.json), expected);
    arena_free(&perm);
}

static void canonical_forms(void) {
    CASE("keys in the order of the contract, then as they came");
    check_canonical(
        "{\"x\":1,\"meta\":{\"zeta\":0,\"notes\":[],\"alpha\":{},\"topic\":\"t\",\"score\":{"
        "\"depth\":1,\"quality\":2}},\"body\":\"b\",\"a\":null,\"title\":\"t\",\"id\":\"i\"}",
        "{\"id\":\"i\",\"title\":\"t\",\"body\":\"b\",\"meta\":{\"topic\":\"t\",\"score\":{"
        "\"depth\":1,\"quality\":2},\"notes\":[],\"zeta\":0,\"alpha\":{}},\"x\":1,\"a\":null}");
    CASE("an empty post is a post");
    check_canonical("{\"id\":\"i\"}", "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":{}}");
    check_canonical(" {\t\"id\" : 12 ,\n\"title\":null,\r\"body\":null} ",
                    "{\"id\":\"12\",\"title\":\"\",\"body\":\"\",\"meta\":{}}");
    CASE("numbers are kept as they are written");
    check_canonical(
        "{\"id\":-0,\"n\":[0,-0,1.0,1e5,1E+400,123456789012345678901234567890,0.1000]}",
        "{\"id\":\"-0\",\"title\":\"\",\"body\":\"\",\"meta\":{},\"n\":[0,-0,1.0,1e5,1E+400,"
        "123456789012345678901234567890,0.1000]}");
    CASE("strings have as few escapes as can be");
    check_canonical(
        "{\"id\":\"\\u00e9\",\"body\":\"\\/\\u0000\\u001f\\n\\\"\\\\\\ud83d\\ude00\\u007f\"}",
        "{\"id\":\"\xc3\xa9\",\"title\":\"\",\"body\":\"/\\u0000\\u001f\\n\\\"\\\\"
        "\xf0\x9f\x98\x80\x7f\",\"meta\":{}}");
    CASE("text and content stand for body");
    check_canonical("{\"id\":\"i\",\"content\":\"c\"}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"c\",\"meta\":{}}");
    check_canonical("{\"id\":\"i\",\"content\":\"c\",\"text\":\"t\"}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"t\",\"meta\":{},\"content\":\"c\"}");
    check_canonical("{\"id\":\"i\",\"text\":\"t\",\"body\":\"\"}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":{},\"text\":\"t\"}");
    check_canonical("{\"id\":\"i\",\"text\":5,\"body\":null,\"content\":\"c\"}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"c\",\"meta\":{},\"text\":5}");
    CASE("odd metas are kept");
    check_canonical("{\"id\":\"i\",\"meta\":null}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":null}");
    check_canonical(
        "{\"id\":\"i\",\"meta\":[\"topic\",{\"b\":1,\"a\":2}]}",
        "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":[\"topic\",{\"b\":1,\"a\":2}]}");
    check_canonical("{\"id\":\"i\",\"meta\":{\"stack\":\"redis\",\"score\":7,\"topic\":null}}",
                    "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":{\"topic\":null,\"stack\":"
                    "\"redis\",\"score\":7}}");
}

/* Strings whose canonical form is not how they were written, of every length around the one from
   which a body is decoded apart (prose.h). */
static void written_otherwise(void) {
    static const struct {
        const char *source, *canonical;
    } forms[] = {
        {"\\/", "/"}, {"\\\\/", "\\\\/"}, {"\\u0041", "A"}, {"\\u00E9", "\xc3\xa9"},
        {"\\ud83d\\uDE00", "\xf0\x9f\x98\x80"}, {"\\u0000", "\\u0000"},
        {"\\u001F", "\\u001f"}, {"\\u007f", "\x7f"}, {"\x7f", "\x7f"},
        {"\\u000A", "\\n"}, {"\\u0022", "\\\""}, {"\\u005c", "\\\\"},
        {"\\\\", "\\\\"}, {"\\\"", "\\\""}, {"\\b\\f\\r\\t", "\\b\\f\\r\\t"},
        {"\xe2\x80\xa8", "\xe2\x80\xa8"}, {"\\u2028", "\xe2\x80\xa8"},
    };
    CASE("strings written otherwise");
    char filler[400], json[1000], expected[1000];
    memset(filler, 'x', sizeof filler);
    for (int len = 0; len < 340; len += len < 20 || len > 230 ? 1 : 15) {
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
            snprintf(json, sizeof json, "{\"body\":\"%.*s%s\",\"id\":\"%.*s%s\"}", len, filler,
                     forms[i].source, len % 9, filler, "i");
            snprintf(expected, sizeof expected,
                     "{\"id\":\"%.*s%s\",\"title\":\"\",\"body\":\"%.*s%s\",\"meta\":{}}", len % 9,
                     filler, "i", len, filler, forms[i].canonical);
            check_canonical(json, expected);
        }
    }
}

/* Control characters of a topic are escaped three times: that takes more than its source has. */
static void longer_than_source(void) {
    CASE("a form far longer than its source");
    char ones[6 * 150 + 1] = "", twos[6 * 150 + 1] = "", json[4000], expected[8000];
    for (size_t i = 0; i < 150; i++) {
        memcpy(ones + 6 * i, "\\u0001", 7);
        memcpy(twos + 6 * i, "\\u0002", 7);
    }
    snprintf(json, sizeof json, "{\"id\":\"i\",\"meta\":{\"topic\":\"a%s / %sb\"}}", ones, twos);
    snprintf(expected, sizeof expected,
             "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":{\"topic\":\"a%s / %sb\","
             "\"problem\":\"a%s\",\"stack\":[\"%sb\"]}}",
             ones, twos, ones, twos);
    check_canonical(json, expected);
}

static void topics(void) {
    arena perm = {0};
    CASE("a topic yields problem and stack");
    check_canonical(
        "{\"id\":\"i\",\"meta\":{\"topic\":\"a / b\"}}",
        "{\"id\":\"i\",\"title\":\"\",\"body\":\"\",\"meta\":{\"topic\":\"a / b\",\"problem\":"
        "\"a\",\"stack\":[\"b\"]}}");
    post p = json_post("{\"id\":\"i\",\"meta\":{\"topic\":\"slow / broken ci / make\"}}", &perm);
    CHECK_EQ_STR(text_of(p.topic), "slow / broken ci / make");
    CHECK_EQ_STR(text_of(p.problem), "slow / broken ci");
    CHECK_EQ_INT(p.stack_count, 1);
    CHECK_EQ_STR(text_of(p.stack[0]), "make");
    CHECK_EQ_STR(value_of(&p, "problem", 0), "slow / broken ci");
    CHECK_EQ_STR(value_of(&p, "stack", 0), "make");
    CASE("but only what is absent");
    p = json_post("{\"id\":\"i\",\"meta\":{\"topic\":\"a / b\",\"stack\":[\"c\",3,\"d\"]}}", &perm);
    CHECK_EQ_STR(text_of(p.problem), "a");
    CHECK_EQ_INT(p.stack_count, 2);
    CHECK_EQ_STR(text_of(p.stack[1]), "d");
    p = json_post("{\"id\":\"i\",\"meta\":{\"topic\":\"a / b\",\"problem\":null,\"stack\":\"c\"}}",
                  &perm);
    CHECK_EQ_STR(text_of(p.problem), "");
    CHECK_EQ_INT(p.stack_count, 1);
    CHECK_EQ_STR(text_of(p.stack[0]), "c");
    CASE("and only of two sides");
    static const char *const whole[] = {"a/b", "a / ", " / b", "a /b", "/"};
    for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"id\":\"i\",\"meta\":{\"topic\":\"%s\"}}", whole[i]);
        p = json_post(json, &perm);
        CHECK_EQ_INT(p.problem.len, 0);
        CHECK_EQ_INT(p.stack_count, 0);
    }
    arena_free(&perm);
}

static void check_bad(const char *json, size_t len, const char *message) {
    arena perm = {0};
    post found;
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(post_from_json(str_make(json, len), &perm, &found, &err), ANP_BAD_POST);
    if (!CHECK(strstr(err.message, message) != NULL)) {
        test_note("%s gives: %s", json, err.message);
    }
    CHECK(!strchr(err.message, '\n'));
    arena_free(&perm);
}

static void refusals(void) {
    static const struct {
        const char *json;
        const char *message;
    } bad[] = {
        {"", "not JSON"},
        {"{\"id\":\"i\"", "not JSON"},
        {"{\"id\":\"i\"} x", "not JSON"},
        {"{\"id\":\"i\"}{\"id\":\"j\"}", "not JSON"},
        {"{\"id\":\"i\",}", "not JSON"},
        {"{'id':'i'}", "not JSON"},
        {"{\"id\":01}", "not JSON"},
        {"{\"id\":\"i\",\"n\":NaN}", "not JSON"},
        {"{\"id\":\"i\",\"body\":\"a\nb\"}", "not JSON"},
        {"{\"id\":\"i\",\"body\":\"\\ud800\"}", "not JSON"},
        {"\xef\xbb\xbf{\"id\":\"i\"}", "byte order mark"},
        {"{\"id\":\"i\",\"body\":\"a\xff\"}", "at byte 19, which is 0xFF"},
        {"{\"id\":\"i\",\"body\":\"\xed\xa0\x80\"}", "0xED"},
        {"[]", "an array"},
        {"null", "null"},
        {"5", "a number"},
        {"{}", "no id"},
        {"{\"id\":null}", "no id"},
        {"{\"id\":\"\"}", "id is empty"},
        {"{\"id\":1.5}", "neither a string nor an integer"},
        {"{\"id\":1e3}", "neither a string nor an integer"},
        {"{\"id\":true}", "neither a string nor an integer"},
        {"{\"id\":[\"i\"]}", "neither a string nor an integer"},
        {"{\"id\":\"a\\u0000b\"}", "NUL"},
        {"{\"id\":\"i\",\"title\":5}", "title is not a string but a number"},
        {"{\"id\":\"i\",\"body\":[]}", "body is not a string but an array"},
        {"{\"id\":\"i\",\"id\":\"j\"}", "\"id\" stands twice in one object, at byte 11"},
        {"{\"id\":\"i\",\"meta\":{\"topic\":\"a\",\"b\":{\"x\":1,\"y\":2,\"\\u0078\":3}}}",
         "\"x\" stands twice"},
        {"{\"id\":\"i\",\"x\":[[{\"\":1,\"\":2}]]}", "\"\" stands twice"},
        {"{\"id\":\"i\",\"a\\nb\":1,\"a\\nb\":1}", "\"a?b\" stands twice"},
    };
    CASE("refusals");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_bad(bad[i].json, strlen(bad[i].json), bad[i].message);
    }
    check_bad("{\"id\":\"i\"\0}", 11, "not JSON");
}

static void limits(void) {
    char json[4096];
    arena perm = {0};
    post found;
    CASE("an id has 1 to 255 bytes");
    snprintf(json, sizeof json, "{\"id\":\"%0255d\"}", 0);
    CHECK_EQ_INT(json_post(json, &perm).id.len, 255);
    snprintf(json, sizeof json, "{\"id\":\"%0256d\"}", 0);
    check_bad(json, strlen(json), "256 bytes");
    CASE("nesting ends at the limit");
    for (int depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX; depth++) {
        buffer deep = {0};
        buffer_put_str(&deep, STR("{\"id\":\"i\",\"x\":"));
        for (int i = 0; i < depth; i++) {
            buffer_put_u8(&deep, '[');
        }
        for (int i = 0; i < depth; i++) {
            buffer_put_u8(&deep, ']');
        }
        buffer_put_str(&deep, STR("}"));
        anp_error err = ANP_ERROR_INIT;
        anp_status status =
            post_from_json(str_make((char *)deep.data, deep.len), &perm, &found, &err);
        CHECK_EQ_INT(status, depth < JSON_DEPTH_MAX ? ANP_OK : ANP_BAD_POST);
        CHECK(status == ANP_OK || strstr(err.message, "deeper than 64"));
        buffer_free(&deep);
    }
    CASE("many keys, one of them twice");
    buffer many = {0};
    buffer_put_str(&many, STR("{\"id\":\"i\""));
    for (int i = 0; i < 1000; i++) {
        snprintf(json, sizeof json, ",\"k%d\":%d", i, i);
        buffer_put_str(&many, str_from(json));
    }
    size_t good = many.len;
    buffer_put_str(&many, STR("}"));
    CHECK_EQ_INT(post_from_json(str_make((char *)many.data, many.len), &perm, &found, NULL),
                 ANP_OK);
    CHECK_EQ_INT(found.value_count, 1000);
    many.len = good;
    buffer_put_str(&many, STR(",\"k500\":0}"));
    check_bad((char *)many.data, many.len, "\"k500\" stands twice");
    buffer_free(&many);
    CASE("a post over 64 MiB");
    size_t len = (size_t)POST_BYTES_MAX + 1;
    char *huge = malloc(len);
    if (CHECK(huge != NULL)) {
        memset(huge, ' ', len);
        check_bad(huge, len, "at most 67108864");
    }
    free(huge);
    arena_free(&perm);
}

static void scores_and_review(void) {
    arena perm = {0};
    CASE("scores");
    post p =
        json_post("{\"id\":\"i\",\"meta\":{\"score\":{\"quality\":88.5,\"freshness\":-3,\"depth\":"
                  "\"70\",\"clarity\":100.5}}}",
                  &perm);
    CHECK_NEAR(p.scores[POST_QUALITY], 88.5, 0);
    CHECK_NEAR(p.scores[POST_FRESHNESS], 0, 0);
    CHECK_NEAR(p.scores[POST_DEPTH], 50, 0);
    CHECK_NEAR(p.scores[POST_CLARITY], 100, 0);
    p = json_post("{\"id\":\"i\",\"meta\":{\"score\":5}}", &perm);
    CHECK_NEAR(p.scores[POST_QUALITY], 50, 0);
    p = json_post("{\"id\":\"i\",\"score\":{\"quality\":1}}", &perm);
    CHECK_NEAR(p.scores[POST_QUALITY], 50, 0);
    CASE("reviewed");
    static const struct {
        const char *status, *needed;
        bool reviewed;
    } rows[] = {
        {"\"reviewed\"", "0", true},
        {"\"expanded\"", "0", true},
        {"\"expanded\"", "false", true},
        {"\"expanded\"", "0.0", true},
        {"\"drafted\"", "0", false},
        {"\"reviewed\"", "1", false},
        {"\"reviewed\"", "null", false},
        {"\"reviewed\"", "\"0\"", false},
        {"null", "0", false},
        {"\"reviewed\"", "true", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "{\"id\":\"i\",\"meta\":{\"revision\":{\"status\":%s},\"flags\":{\"needs_human_"
                 "review\":%s}}}",
                 rows[i].status, rows[i].needed);
        CHECK_EQ_INT(json_post(json, &perm).reviewed, rows[i].reviewed);
    }
    CHECK(!json_post("{\"id\":\"i\",\"meta\":{\"revision\":{\"status\":\"reviewed\"}}}", &perm)
               .reviewed);
    arena_free(&perm);
}

/* ---- Random posts
 * --------------------------------------------------------------------------------------- */

static void put(buffer *out, const char *text) {
    buffer_put_str(out, str_from(text));
}

static void random_blank(prng *r, buffer *out) {
    static const char *const blanks[] = {"", "", "", " ", "\n", "\t ", "\r\n"};
    put(out, blanks[prng_below(r, 7)]);
}

static void random_string(prng *r, buffer *out) {
    static const char *const pieces[] = {
        "a",
        "word",
        " ",
        "\\n",
        "\\\"",
        "\\\\",
        "\\/",
        "/",
        "\\u0001",
        "\\u0000",
        "\\u00e9",
        "\xc3\xa9",
        "\\ud83d\\ude00",
        "\xf0\x9f\x98\x80",
        "\\b\\f\\r\\t",
        "\x7f",
        "\xe2\x80\xa8",
        " / ",
        "2026-01-02",
        "}]",
    };
    put(out, "\"");
    for (uint32_t n = prng_below(r, prng_below(r, 8) ? 6 : 200); n > 0; n--) {
        put(out, pieces[prng_below(r, 20)]);
    }
    put(out, "\"");
}

static void random_value(prng *r, buffer *out, int depth) {
    static const char *const leaves[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.50",
        "1e5",
        "18446744073709551616",
        "9223372036854775807",
        "1E-400",
        "2.5E+3",
        "[]",
        "{}",
        "123456789.123456789123456789",
    };
    char key[32];
    uint32_t kind = prng_below(r, depth > 4 ? 6 : 10);
    if (kind < 3) {
        random_string(r, out);
    } else if (kind < 6) {
        put(out, leaves[prng_below(r, 14)]);
    } else {
        bool object = kind < 8;
        put(out, object ? "{" : "[");
        uint32_t count = prng_below(r, prng_below(r, 20) ? 5 : 60);
        for (uint32_t i = 0; i < count; i++) {
            random_blank(r, out);
            snprintf(key, sizeof key, "%s\"%s%u\":", i ? "," : "",
                     prng_below(r, 2) ? "k" : "\\u0009", i);
            put(out, object ? key : i ? "," : "");
            random_blank(r, out);
            random_value(r, out, depth + 1);
        }
        random_blank(r, out);
        put(out, object ? "}" : "]");
    }
}

/* Keys in random order, each at most once: known ones and others, with any value. */
static void random_keys(prng *r, buffer *out, const char *const *names, uint32_t count) {
    uint64_t used = 0;
    const char *comma = "";
    for (uint32_t n = prng_below(r, count + 1); n > 0; n--) {
        uint32_t i = prng_below(r, count);
        if (used >> i & 1) {
            continue;
        }
        used |= UINT64_C(1) << i;
        put(out, comma);
        comma = ",";
        random_blank(r, out);
        put(out, "\"");
        put(out, names[i]);
        put(out, "\":");
        random_value(r, out, 0);
    }
}

static void random_post(prng *r, buffer *out) {
    static const char *const beside[] = {"text", "content", "x", "a.b", "topic", "Title", ""};
    static const char *const meta[] = {
        "topic",    "problem",    "stack",         "area",       "summary",      "outline",
        "brief",    "tools",      "code_language", "difficulty", "reading_time", "view_count",
        "score",    "revision",   "reference",     "hash",       "flags",        "checklist",
        "entities", "images",     "payload",       "notes",      "zzz",          "",
        "toPic",    "unlabelled",
    };
    put(out, "{");
    random_keys(r, out, beside, 7);
    put(out, out->data[out->len - 1] == '{' ? "\"id\":\"i\"" : ",\"id\":7");
    if (prng_below(r, 4)) {
        put(out, ",\"meta\":{");
        random_keys(r, out, meta, 26);
        put(out, "}");
    }
    static const char *const texts[] = {"title", "body"};
    for (size_t i = 0; i < 2; i++) {
        if (prng_below(r, 4)) {
            put(out, ",\"");
            put(out, texts[i]);
            put(out, "\" : ");
            random_string(r, out);
        }
    }
    put(out, "}");
}

/* Every key of `from` is in `to` with an equal value, but for those that the canonical form takes
 * away. */
static bool keeps_all(yyjson_val *from, yyjson_val *to, bool top) {
    size_t i, count;
    yyjson_val *key, *value;
    if (!yyjson_is_obj(from)) {
        return !from || yyjson_equals(from, to);
    }
    yyjson_obj_foreach(from, i, count, key, value) {
        yyjson_val *other = yyjson_obj_getn(to, yyjson_get_str(key), yyjson_get_len(key));
        bool special = top && (yyjson_equals_str(key, "id") || yyjson_equals_str(key, "meta"));
        bool is_body = top && !yyjson_obj_get(from, "body") &&
                       yyjson_equals(value, yyjson_obj_get(to, "body"));
        if (!special && !is_body && !yyjson_equals(value, other)) {
            return false;
        }
    }
    return true;
}

static bool same_values(const post *a, const post *b) {
    bool same = a->value_count == b->value_count;
    for (size_t i = 0; same && i < a->value_count; i++) {
        const post_value *x = &a->values[i], *y = &b->values[i];
        same = str_equal(x->name, y->name) && x->kind == y->kind && str_equal(x->text, y->text) &&
               memcmp(&x->number, &y->number, sizeof x->number) == 0;
    }
    return same;
}

static bool holds(str json, arena *perm) {
    post a, b;
    str title, body;
    if (post_from_json(json, perm, &a, NULL) || post_from_json(a.json, perm, &b, NULL) ||
        post_title_body(a.json, perm, &title, &body, NULL)) {
        return false;
    }
    yyjson_doc *from = yyjson_read(json.data, json.len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_doc *to = yyjson_read(a.json.data, a.json.len, YYJSON_READ_NUMBER_AS_RAW);
    yyjson_val *old = yyjson_doc_get_root(from), *new = yyjson_doc_get_root(to);
    bool kept = keeps_all(old, new, true) &&
                keeps_all(yyjson_obj_get(old, "meta"), yyjson_obj_get(new, "meta"), false);
    yyjson_doc_free(from);
    yyjson_doc_free(to);
    return kept && str_equal(a.json, b.json) && str_equal(a.title, b.title) &&
           str_equal(a.body, b.body) && str_equal(title, a.title) && str_equal(body, a.body) &&
           same_values(&a, &b) && !memchr(a.json.data, '\n', a.json.len);
}

static void random_posts(void) {
    enum { POSTS = 6000 };
    CASE("random posts: nothing is lost, and the form is a fixed point");
    arena perm = {0};
    for (uint64_t seed = 1; seed <= POSTS; seed++) {
        prng r = {seed};
        buffer json = {0};
        random_post(&r, &json);
        if (!CHECK(holds(str_make((char *)json.data, json.len), &perm))) {
            test_note("seed %llu: %.*s", (unsigned long long)seed, (int)json.len,
                      (char *)json.data);
        }
        buffer_free(&json);
        arena_free(&perm);
    }
}

static void damaged_forms(void) {
    CASE("title and body of what is no canonical form");
    static const char *const bad[] = {
        "",
        "{",
        "{\"id\":\"i\"}",
        "{\"id\":\"i\",\"title\":\"t\"}",
        "{\"id\":\"i\",\"title\":\"t",
        "{\"id\":\"i\",\"title\":\"t\",\"body\":\"",
        "{\"id\":\"i\",\"title\":\"t\",\"body\":\"a\\",
        "{\"id\":\"i\",\"title\":\"t\",\"body\":\"a\\\"",
        "{\"id\":\"i\",\"title\":\"\\u00zz\",\"body\":\"\"",
        "{\"id\":\"i\",\"title\":\"\\x\",\"body\":\"\"}",
        "{\"id\":1,\"title\":\"\",\"body\":\"\"}",
        "{\"id\":\"i\",\"title\":\"\\u0\",\"body\":\"\"}",
        "{\"id\":\"i\",\"title\":\"\\u0041\",\"body\":\"\"}",
    };
    arena perm = {0};
    str title, body;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ_INT(post_title_body(str_from(bad[i]), &perm, &title, &body, NULL), ANP_CORRUPT);
    }
    arena_free(&perm);
}

void test_post_json(void) {
    canonical_forms();
    written_otherwise();
    longer_than_source();
    topics();
    refusals();
    limits();
    scores_and_review();
    random_posts();
    damaged_forms();
}
