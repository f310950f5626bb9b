/* See prose.h. */
#include "post/prose.h"

#include "base/cpu.h"

enum { STRINGS_MAX = 16 }; /* looked at: the body is one of a post's first */

static const prose_kernel *const ALL[] = {
    &prose_portable,
#if defined(__x86_64__)
    &prose_avx2,
    &prose_avx512,
#endif
};

size_t prose_all(const prose_kernel *const **all) {
    *all = ALL;
    return cpu_kinds();
}

/* What the byte behind a backslash stands for; 0: ask the parser. */
static char unescape(char c) {
    switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
    }
}

/* The bytes of the character at p, of which `len` are left; 0: not UTF-8 (RFC 3629), or ASCII. */
static size_t character(const char *p, size_t len) {
    const uint8_t *b = (const uint8_t *)p;
    size_t bytes = b[0] < 0xc2 ? 0 : b[0] < 0xe0 ? 2 : b[0] < 0xf0 ? 3 : b[0] < 0xf5 ? 4 : 0;
    if (bytes == 0 || bytes > len) {
        return 0;
    }
    uint8_t least = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t most = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;
    bool valid = b[1] >= least && b[1] <= most;
    for (size_t i = 2; i < bytes; i++) {
        valid = valid && (b[i] & 0xc0) == 0x80;
    }
    return valid ? bytes : 0;
}

/* Decodes the string whose bytes begin at `from`. */
static bool decode(str json, size_t from, prose_copy *copy, char *out, prose *found) {
    size_t at = from;
    char *to = out;
    bool canonical = true;
    for (;;) {
        size_t plain = copy(json.data + at, json.len - at, to), bytes;
        at += plain;
        to += plain;
        if (at == json.len) {
            return false;
        }
        if (json.data[at] == '"') {
            *found = (prose){from, at, (size_t)(to - out), canonical};
            return true;
        }
        if (json.data[at] == '\\') {
            char c = at + 1 < json.len ? unescape(json.data[at + 1]) : 0;
            if (!c) {
                return false;
            }
            canonical = canonical && c != '/'; /* the one that needs no escape */
            *to++ = c;
            at += 2;
            continue;
        }
        for (; (bytes = character(json.data + at, json.len - at)) > 0; at += bytes, to += bytes) {
            memcpy(to, json.data + at, bytes);
            if (at + bytes == json.len) {
                return false;
            }
        }
        if ((uint8_t)json.data[at] < 0x20 || (uint8_t)json.data[at] >= 0x80) {
            return false;
        }
    }
}

bool prose_take(str json, char *out, prose *found) {
    prose_copy *copy = ALL[cpu_kinds() - 1]->copy;
    size_t at = 0;
    for (unsigned i = 0; i < STRINGS_MAX && json.len - at > PROSE_BYTES_MIN; i++) {
        const char *quote = memchr(json.data + at, '"', json.len - at);
        size_t from = quote ? (size_t)(quote - json.data) + 1 : 0;
        if (!quote || !decode(json, from, copy, out, found)) {
            return false;
        }
        if (found->to - found->from >= PROSE_BYTES_MIN) {
            return true;
        }
        at = found->to + 1;
    }
    return false;
}
