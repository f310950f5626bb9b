/* See lines.h. */
#include "post/lines.h"

#define NO_BREAK_SPACE STR("\xc2\xa0")
#define BULLET STR("\xe2\x80\xa2")

static bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

str line_trim_end(str line) {
    while (line.len) {
        if (is_blank(line.data[line.len - 1])) {
            line.len--;
        } else if (str_ends(line, NO_BREAK_SPACE)) {
            line.len -= NO_BREAK_SPACE.len;
        } else {
            break;
        }
    }
    return line;
}

str line_trim(str line) {
    line = line_trim_end(line);
    while (line.len) {
        if (is_blank(line.data[0])) {
            line = str_slice(line, 1, line.len);
        } else if (str_starts(line, NO_BREAK_SPACE)) {
            line = str_slice(line, NO_BREAK_SPACE.len, line.len);
        } else {
            break;
        }
    }
    return line;
}

bool line_bullet(str line, str *item) {
    if (str_starts(line, BULLET)) {
        *item = line_trim(str_slice(line, BULLET.len, line.len));
        return true;
    }
    if (line.len && line.data[0] == '-') {
        str rest = str_slice(line, 1, line.len);
        *item = line_trim(rest);
        return !rest.len || rest.len != line_trim(rest).len;
    }
    return false;
}

bool line_is_rule(str line) {
    line = line_trim(line);
    size_t bars = 0;
    for (size_t i = 0; i < line.len; i++) {
        if (line.data[i] != '|' && !is_blank(line.data[i])) {
            return false;
        }
        bars += line.data[i] == '|';
    }
    return bars >= 2 && bars < line.len; /* `||` alone may be code */
}

bool line_starts(str line, str prefix) {
    if (line.len < prefix.len) {
        return false;
    }
    for (size_t i = 0; i < prefix.len; i++) {
        char c = line.data[i], d = prefix.data[i];
        c = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
        d = (char)(d >= 'A' && d <= 'Z' ? d + 32 : d);
        if (c != d) {
            return false;
        }
    }
    return true;
}

bool line_equal(str a, str b) {
    return a.len == b.len && line_starts(a, b);
}
