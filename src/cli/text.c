/* See text.h. */
#include "cli/text.h"

/* The bytes of the character that begins at `at`, or 0 when none does (RFC 3629). */
static size_t character_len(const unsigned char *at, size_t room) {
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (len < 2) {
        return len;
    }
    uint32_t point = first & (0x7fu >> len);
    if (first > 0xf4 || len > room) {
        return 0;
    }
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        point = point << 6 | (at[i] & 0x3f);
    }
    bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least[len] || surrogate || point > 0x10ffff ? 0 : len;
}

bool text_put_valid(buffer *out, str text) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    bool valid = true;
    for (size_t i = 0; i < text.len;) {
        size_t len = character_len(bytes + i, text.len - i);
        if (len) {
            buffer_put(out, bytes + i, len);
        } else {
            buffer_put_str(out, STR("\xef\xbf\xbd"));
            valid = false;
        }
        i += len ? len : 1;
    }
    return valid;
}
