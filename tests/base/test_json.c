/* JSON out: what is written reads back, by a reader of its own that knows only what it must. */
#include "base/json.h"
#include "base/prng.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

enum { ROUNDS = 50000, STRING_BYTES = 300 };

static const char *put_double(buffer *b, double value) {
    b->len = 0;
    json_put_double(b, value);
    buffer_put_u8(b, 0);
    return (const char *)b->data;
}

/* JSON's grammar of numbers: -? (0 | [1-9] digits) (. digits)? ([eE] [+-]? digits)? */
static bool is_json_number(const char *at) {
    at += *at == '-';
    size_t whole = strspn(at, "0123456789");
    if (whole == 0 || (whole > 1 && at[0] == '0')) {
        return false;
    }
    at += whole;
    if (*at == '.') {
        size_t digits = strspn(at + 1, "0123456789");
        if (digits == 0) {
            return false;
        }
        at += 1 + digits;
    }
    if (*at == 'e' || *at == 'E') {
        at += at[1] == '-' || at[1] == '+' ? 2 : 1;
        size_t digits = strspn(at, "0123456789");
        if (digits == 0) {
            return false;
        }
        at += digits;
    }
    return *at == 0;
}

static void check_double(buffer *b, double value) {
    const char *text = put_double(b, value);
    double back = strtod(text, NULL);
    if (!CHECK(is_json_number(text)) || !CHECK(memcmp(&back, &value, sizeof back) == 0)) {
        test_note("%a is written as %s", value, text);
    }
}

static void doubles(void) {
    prng p = {31};
    buffer b = {0};
    for (int round = 0; round < ROUNDS; round++) {
        double value;
        uint64_t bits = prng_next(&p);
        memcpy(&value, &bits, sizeof value);
        if (isfinite(value)) {
            check_double(&b, value);
        }
        check_double(&b, (double)prng_below(&p, 1000000) / 1000);
        check_double(&b, ldexp(1, (int)prng_below(&p, 2000) - 1050));
        check_double(&b, (double)(bits >> 11));
    }
    CHECK_EQ_STR(put_double(&b, 0.845), "0.845");
    CHECK_EQ_STR(put_double(&b, 7.31), "7.31");
    CHECK_EQ_STR(put_double(&b, 589026), "589026");
    CHECK_EQ_STR(put_double(&b, -0.0), "-0");
    CHECK_EQ_STR(put_double(&b, 1e300), "1e+300");
    CHECK_EQ_STR(put_double(&b, 0.1 + 0.2), "0.30000000000000004");
    CHECK_EQ_STR(put_double(&b, NAN), "null");
    CHECK_EQ_STR(put_double(&b, -INFINITY), "null");
    buffer_free(&b);
}

/* Decodes one string that begins at *at; false when it is none, or has a control byte in it. */
static bool read_string(const uint8_t **at, const uint8_t *end, uint8_t *out, size_t *len) {
    static const char escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t"; /* letter, byte */
    *len = 0;
    if (*at == end || *(*at)++ != '"') {
        return false;
    }
    while (*at < end) {
        uint8_t c = *(*at)++;
        if (c == '"') {
            return true;
        }
        if (c < 0x20) {
            return false;
        }
        if (c == '\\') {
            const char *found = NULL;
            c = *(*at)++;
            for (const char *pair = escapes; *pair && !found; pair += 2) {
                found = *pair == (char)c ? pair : NULL;
            }
            if (found) {
                c = (uint8_t)found[1];
            } else if (c == 'u' && end - *at >= 4) {
                char hex[5] = {0};
                memcpy(hex, *at, 4);
                c = (uint8_t)strtoul(hex, NULL, 16);
                *at += 4;
            } else {
                return false;
            }
        }
        out[(*len)++] = c;
    }
    return false;
}

static void check_string(str s) {
    buffer b = {0};
    uint8_t back[STRING_BYTES];
    size_t len = 0;
    json_put_string(&b, s);
    const uint8_t *at = b.data;
    bool good = CHECK(read_string(&at, b.data + b.len, back, &len)) &&
                CHECK(at == b.data + b.len) && CHECK_EQ_INT(len, s.len) &&
                CHECK(s.len == 0 || memcmp(back, s.data, s.len) == 0);
    if (!good) {
        test_note("written as %.*s", (int)b.len, (const char *)b.data);
    }
    buffer_free(&b);
}

static void strings(void) {
    prng p = {32};
    char text[256];
    for (int i = 0; i < 256; i++) {
        text[i] = (char)i;
        check_string(str_make(&text[i], 1));
    }
    check_string(str_make(text, 256));
    check_string((str){NULL, 0});
    for (int round = 0; round < 2000; round++) {
        size_t len = prng_below(&p, 40);
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)prng_below(&p, prng_below(&p, 2) ? 0x80 : 0x24);
        }
        check_string(str_make(text, len));
    }
}

/* Escapes only what must be, and in the short form where there is one. */
static void short_forms(void) {
    buffer b = {0};
    json_put_string(&b, STR("\"\\\b\f\n\r\t\x01\x1f/\x7f\xc3\xa9"));
    buffer_put_u8(&b, 0);
    CHECK_EQ_STR((const char *)b.data,
                 "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f/\x7f\xc3\xa9\"");
    buffer_free(&b);
}

static void objects(void) {
    buffer b = {0};
    buffer_put_u8(&b, '{');
    json_put_key(&b, "a");
    buffer_put_u8(&b, '{');
    json_put_key(&b, "b\"");
    json_put_u64(&b, UINT64_MAX);
    json_put_key(&b, "c");
    json_put_u64(&b, 0);
    buffer_put_u8(&b, '}');
    json_put_key(&b, "d");
    buffer_put_str(&b, STR("[]}"));
    buffer_put_u8(&b, 0);
    CHECK_EQ_STR((const char *)b.data,
                 "{\"a\":{\"b\\\"\":18446744073709551615,\"c\":0},\"d\":[]}");
    buffer_free(&b);
}

void test_base_json(void) {
    CASE("doubles read back bit by bit");
    doubles();
    CASE("strings of any bytes read back");
    strings();
    CASE("escapes are the short ones");
    short_forms();
    CASE("commas stand between keys");
    objects();
}
