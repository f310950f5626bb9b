/* See json.h. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { COPIED_PAST = 8 };

static inline bool is_escaped(uint8_t c) {
    return c < 0x20 || c == '"' || c == '\\';
}

/* Whether JSON escapes one of eight bytes: a zero byte of x, or one below 0x20, sets its high bit.
   False alarms are possible behind a byte that is escaped only. */
static inline bool any_escaped(uint64_t word) {
    const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
    uint64_t quote = word ^ ones * '"', slash = word ^ ones * '\\';
    return (((word - ones * 0x20) | (quote - ones) | (slash - ones)) & ~word & highs) != 0;
}

/* Copies up to the first byte that JSON escapes, eight at a time, then one by one; how many. Up to
   COPIED_PAST bytes more may be written. */
static size_t copy_plain(const char *from, size_t len, uint8_t *to) {
    size_t i = 0;
    while (i + 8 <= len) {
        uint64_t word = load_u64(from + i);
        if (any_escaped(word)) {
            break;
        }
        store_u64(to + i, word);
        i += 8;
    }
    if (i + 8 > len && len >= 8) { /* the rest with bytes before it */
        uint64_t word = load_u64(from + len - 8);
        if (!any_escaped(word)) {
            store_u64(to + len - 8, word);
            return len;
        }
    } else if (len >= 4 && len < 8) {
        uint32_t head = load_u32(from), tail = load_u32(from + len - 4);
        if (!any_escaped((uint64_t)tail << 32 | head)) {
            store_u32(to, head);
            store_u32(to + len - 4, tail);
            return len;
        }
    }
    for (; i < len && !is_escaped((uint8_t)from[i]); i++) {
        to[i] = (uint8_t)from[i];
    }
    return i;
}

static void put_escape(buffer *out, uint8_t c) {
    static const char hex[] = "0123456789abcdef";
    char escape[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    const char *at = strchr("\"\"\\\\\bb\ff\nn\rr\tt", c);
    if (c && at) {
        escape[1] = at[1];
    }
    buffer_put(out, escape, c && at ? 2 : 6);
}

void json_put_string(buffer *out, str s) {
    buffer_put_u8(out, '"');
    for (size_t i = 0; i < s.len;) {
        uint8_t *to = buffer_reserve(out, s.len - i + COPIED_PAST);
        if (!to) {
            return;
        }
        size_t plain = copy_plain(s.data + i, s.len - i, to);
        out->len += plain;
        i += plain;
        if (i < s.len) {
            put_escape(out, (uint8_t)s.data[i++]);
        }
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
