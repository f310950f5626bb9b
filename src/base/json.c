/* See json.h. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* The first byte at or behind `from` that JSON escapes: eight at a time, then one by one. */
static size_t find_escape(str s, size_t from) {
    const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
    for (; from + 8 <= s.len; from += 8) {
        uint64_t word = load_u64(s.data + from);
        uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
        /* A zero byte of x, or one below 0x20, sets its high bit; false alarms are looked at
           below. */
        uint64_t found = ((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & highs;
        if (found) {
            break;
        }
    }
    while (from < s.len && (unsigned char)s.data[from] >= 0x20 && s.data[from] != '"' &&
           s.data[from] != '\\') {
        from++;
    }
    return from;
}

void json_put_string(buffer *out, str s) {
    static const char hex[] = "0123456789abcdef";
    buffer_put_u8(out, '"');
    for (size_t i = 0; s.len;) {
        size_t from = i;
        i = find_escape(s, from);
        buffer_put(out, s.data + from, i - from);
        if (i == s.len) {
            break;
        }
        unsigned char c = (unsigned char)s.data[i++];
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
        if (c && at) {
            escape[1] = at[1];
        }
        buffer_put(out, escape, c && at ? 2 : 6);
    }
    buffer_put_u8(out, '"');
}

void json_put_double(buffer *out, double value) {
    char text[40];
    if (!isfinite(value)) {
        buffer_put_str(out, STR("null"));
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        for (char *p = text; *p; p++) {
            if (*p == ',') { /* a locale that the embedding program chose */
                *p = '.';
            }
        }
        if (digits == 17 || strtod(text, NULL) == value) {
            break;
        }
    }
    buffer_put_str(out, str_from(text));
}

void json_put_u64(buffer *out, uint64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    buffer_put_str(out, str_from(text));
}

void json_put_key(buffer *out, const char *key) {
    if (out->len && out->data[out->len - 1] != '{' && out->data[out->len - 1] != '[') {
        buffer_put_u8(out, ',');
    }
    json_put_string(out, str_from(key));
    buffer_put_u8(out, ':');
}
