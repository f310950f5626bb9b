/*
 * Long strings that are decoded apart: the kernels against bytes one by one, and posts against the
 * same posts whose long string begins with an escape that leaves it to the parser.
 */
#include "post/help.h"
#include "post/prose.h"

enum { SEED = 90210, ROUNDS = 4000, STRING_BYTES_MAX = 900, JSON_BYTES_MAX = 2 * STRING_BYTES_MAX };

static bool is_plain(char c) {
    return (uint8_t)c >= 0x20 && (uint8_t)c < 0x80 && c != '"' && c != '\\';
}

/* Every end at every place, in memory that ends with the bytes. */
static void kernels(void) {
    static const char stops[] = {0,      0x1f, 0x20, 0x21, 0x22,   0x23,   0x5b,
                                 0x5c,   0x5d, 0x7e, 0x7f, (char)0x80, (char)0xff};
    const prose_kernel *const *all;
    size_t kinds = prose_all(&all);
    CHECK(kinds > 0 && strcmp(all[0]->name, "portable") == 0);
    for (size_t len = 0; len < 200; len += 1 + len / 70) {
        char *from = malloc(len + !len), to[200 + PROSE_SLACK_BYTES];
        for (size_t at = 0; at <= len; at++) {
            for (size_t i = 0; i < sizeof stops; i++) {
                memset(from, 'x', len);
                if (at < len) {
                    from[at] = stops[i];
                }
                size_t expected = at < len && !is_plain(stops[i]) ? at : len;
                for (size_t kind = 0; kind < kinds; kind++) {
                    memset(to, 0, sizeof to);
                    size_t copied = all[kind]->copy(from, len, to);
                    if (!CHECK_EQ_INT(copied, expected) ||
                        !CHECK(memcmp(to, from, expected) == 0)) {
                        test_note("%s, byte 0x%02x at %zu of %zu", all[kind]->name,
                                  (unsigned)(uint8_t)stops[i], at, len);
                    }
                }
            }
        }
        free(from);
    }
}

static void taken(const char *json, size_t from, size_t to, const char *text) {
    char out[JSON_BYTES_MAX];
    prose found;
    if (CHECK(prose_take(str_from(json), out, &found))) {
        CHECK_EQ_INT(found.from, from);
        CHECK_EQ_INT(found.to, to);
        CHECK_EQ_STR(text_of(str_make(out, found.len)), text);
    }
}

/* What is taken, and what is left to the parser. */
static void strings(void) {
    static char long_text[PROSE_BYTES_MIN + 1], json[JSON_BYTES_MAX], text[JSON_BYTES_MAX];
    char out[JSON_BYTES_MAX];
    prose found;
    memset(long_text, 'x', PROSE_BYTES_MIN);
    snprintf(json, sizeof json, "{\"a\\\"\":\"b\",\"c\":\"%s\\n\\\"\\/\\\\\\tq\xc3\xa9\"}",
             long_text);
    snprintf(text, sizeof text, "%s\n\"/\\\tq\xc3\xa9", long_text);
    taken(json, 16, 16 + PROSE_BYTES_MIN + 13, text);
    snprintf(json, sizeof json, "{\"c\":\"%s\"}", long_text + 1);
    CHECK(!prose_take(str_from(json), out, &found)); /* too short */
    static const char *const ends[] = {"\\u0061", "\\x", "\\", "\x01", "\xff", "\xed\xa0\x80",
                                       "\xc0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\xc3"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(json, sizeof json, "{\"c\":\"%s%s\"}", long_text, ends[i]);
        if (!CHECK(!prose_take(str_from(json), out, &found))) {
            test_note("end %zu", i);
        }
        str cut = str_make(json, strlen(json) - 2); /* and none that has no end */
        CHECK(!prose_take(cut, out, &found));
    }
}

static size_t random_string(prng *r, char *to) {
    static const char *const pieces[] = {"cache", " ",   ", ", "\\n",  "\\\"",             "\\\\",
                                         "\\/",   "\\t", "é",  "東京", "\xf0\x9f\x98\x80", "\x7f"};
    static const char *const odd[] = {"\\u00e9", "\\x", "\x02", "\xff", "\xe2\x82", "\"", "\\"};
    size_t len = 0, most = prng_below(r, STRING_BYTES_MAX - 20);
    bool bad = prng_below(r, 3) == 0;
    while (len < most) {
        const char *piece = bad && prng_below(r, 40) == 0
                                ? odd[prng_below(r, sizeof odd / sizeof *odd)]
                                : pieces[prng_below(r, sizeof pieces / sizeof *pieces)];
        memcpy(to + len, piece, strlen(piece));
        len += strlen(piece);
    }
    to[len] = 0;
    return len;
}

/* Where the long string stands, written %s; it begins with an a, in some way. */
static const char *const shapes[] = {
    "{\"id\":\"7\",\"title\":\"t\",\"body\":\"%s\",\"meta\":{\"topic\":\"x / y\",\"n\":1.50}}",
    "{\"meta\":{\"topic\":\"x / y\"},\"body\" : \"%s\" ,\"id\":7}",
    "{\"id\":\"7\",\"text\":\"%s\",\"z\":[1,2]}",
    "{\"id\":\"7\",\"title\":\"%s\",\"body\":null}",
    "{\"id\":\"7\",\"meta\":{\"summary\":\"%s\"},\"body\":\"\"}",
    "{\"id\":\"7\",\"%s\":1}",
    "{\"id\":\"%s\"}",
    "{\"id\":\"7\",\"body\":\"%s\",\"body\":\"\"}",
    "{\"id\":\"7\",\"body\":\"%s\",\"n\":01}",
    "{\"id\":\"7\",\"body\":\"%s\"} x",
    "{\"id\":\"7\",\"body\":\"%s\"",
    "[\"%s\"]",
    "\"%s\"",
};

static void same(const char *json, const char *apart) {
    arena perm = {0};
    post a, b;
    anp_error err_a = ANP_ERROR_INIT, err_b = ANP_ERROR_INIT;
    size_t len = strlen(json);
    char *exact = malloc(len);
    memcpy(exact, json, len);
    anp_status first = post_from_json(str_make(exact, len), &perm, &a, &err_a);
    anp_status second = post_from_json(str_from(apart), &perm, &b, &err_b);
    bool held = CHECK_EQ_INT(first, second);
    if (held && first == ANP_OK) {
        held = CHECK(str_equal(a.json, b.json)) && CHECK(str_equal(a.body, b.body)) &&
               CHECK(str_equal(a.title, b.title)) && CHECK_EQ_INT(a.value_count, b.value_count);
    } else if (held) { /* the escape is 5 bytes longer than what it stands for */
        held = CHECK(err_b.position - err_a.position == 0 || err_b.position - err_a.position == 5);
    }
    if (!held) {
        test_note("%s: %s | %s", json, err_a.message, err_b.message);
    }
    free(exact);
    arena_free(&perm);
}

static void posts(void) {
    static char rest[STRING_BYTES_MAX], string[STRING_BYTES_MAX], escaped[STRING_BYTES_MAX + 8],
        json[JSON_BYTES_MAX], apart[JSON_BYTES_MAX];
    prng r = {SEED};
    for (int round = 0; round < ROUNDS; round++) {
        const char *shape = shapes[prng_below(&r, sizeof shapes / sizeof *shapes)];
        random_string(&r, rest);
        snprintf(string, sizeof string, "a%s", rest);
        snprintf(escaped, sizeof escaped, "\\u0061%s", rest);
        const char *at = strstr(shape, "%s");
        snprintf(json, sizeof json, "%.*s%s%s", (int)(at - shape), shape, string, at + 2);
        snprintf(apart, sizeof apart, "%.*s%s%s", (int)(at - shape), shape, escaped, at + 2);
        same(json, apart);
    }
}

/* What is wrong behind a long string is said as of the whole. */
static void refusal(void) {
    char long_text[PROSE_BYTES_MIN + 1] = {0}, json[JSON_BYTES_MAX];
    arena perm = {0};
    post found;
    anp_error err = ANP_ERROR_INIT;
    memset(long_text, 'x', PROSE_BYTES_MIN);
    snprintf(json, sizeof json, "{\"body\":\"%s\",\"id\":1,\"id\":2}", long_text);
    CHECK_EQ_INT(post_from_json(str_from(json), &perm, &found, &err), ANP_BAD_POST);
    CHECK_EQ_STR(err.message,
                 "the key \"id\" stands twice in one object, at byte 275 again; remove one");
    arena_free(&perm);
}

void test_post_prose(void) {
    CASE("kernels stop where they should");
    kernels();
    CASE("what is taken");
    strings();
    CASE("posts are what the parser makes of them");
    posts();
    CASE("refusals");
    refusal();
}
