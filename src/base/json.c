/* See json.h. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_put_string(buffer *out, str s) {
    static const char hex[] = "0123456789abcdef";
    buffer_put_u8(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        buffer_put(out, s.data + from, i - from);
        from = i + 1;
        char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
        const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
        if (c && at) {
            escape[1] = at[1];
            buffer_put(out, escape, 2);
        } else {
            buffer_put(out, escape, 6);
        }
    }
    buffer_put(out, s.data + from, s.len - from);
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
