/* The lines of a scraped text, and what counts as a blank, a bullet and a table rule there. */
#ifndef ANP_POST_LINES_H
#define ANP_POST_LINES_H

#include "base/str.h"

typedef struct lines {
    str rest;
    uint64_t number; /* of the line that came last, from 1 */
} lines;

/* The next line without its LF (a CR before it is trimmed as a blank); false behind the last. */
static inline bool lines_next(lines *l, str *line) {
    if (!l->rest.len) {
        return false;
    }
    const char *end = memchr(l->rest.data, '\n', l->rest.len);
    size_t len = end ? (size_t)(end - l->rest.data) : l->rest.len;
    *line = str_slice(l->rest, 0, len);
    l->rest = str_slice(l->rest, end ? len + 1 : len, l->rest.len);
    l->number++;
    return true;
}

/* ASCII white space and no-break spaces taken off the end, or off both ends. */
str line_trim_end(str line);
str line_trim(str line);

/* `line` (trimmed) is a bullet (•, or - and a blank): *item is what follows it, trimmed. */
bool line_bullet(str line, str *item);

/* Nothing but two or more bars and the blanks between them. */
bool line_is_rule(str line);

/* The same but for the case of ASCII letters. */
bool line_equal(str a, str b);
bool line_starts(str line, str prefix);

#endif
