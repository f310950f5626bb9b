/*
 * What a query or filter has that does not parse: an error when strict, else part of the note. See
 * ast.h.
 */
#include "query/ast.h"

enum { NOTES_MAX = 8 };

/* How a token that a person wrote is named in messages. */
static const char *noun_of(const query_source *s) {
    return s->syntax->filter ? "filter" : "query";
}

static anp_status note_add(query_source *s, size_t position, const char *what) {
    if (s->note_count++ > NOTES_MAX) {
        return ANP_OK;
    }
    str note = s->note_count > NOTES_MAX
                   ? arena_format(s->perm, "%.*s; …", (int)s->note.len, s->note.data)
                   : arena_format(s->perm, "%.*s%sbyte %zu: %s", (int)s->note.len,
                                  s->note.len ? s->note.data : "",
                                  s->note.len ? "; " : "taken as words: ", position, what);
    if (!note.data) {
        return error_nomem(s->err, "a query's notes");
    }
    s->note = note;
    return ANP_OK;
}

anp_status query_complain(query_source *s, size_t position, const char *expected) {
    if (s->syntax->strict) {
        return error_at(s->err, ANP_SYNTAX, position,
                        "cannot parse the %s at byte %zu: expected %s; put \\ before a mark that "
                        "is text",
                        noun_of(s), position, expected);
    }
    str what = arena_format(s->perm, "expected %s", expected);
    return what.data ? note_add(s, position, what.data) : error_nomem(s->err, "a query's notes");
}

anp_status query_unsupported(query_source *s, size_t position, const char *what) {
    if (s->syntax->strict) {
        return error_at(s->err, ANP_UNSUPPORTED, position,
                        "cannot run the %s: at byte %zu stands %s, which is not in this version; "
                        "put \\ before the mark to search for the text",
                        noun_of(s), position, what);
    }
    str text = arena_format(s->perm, "%s is not in this version", what);
    return text.data ? note_add(s, position, text.data) : error_nomem(s->err, "a query's notes");
}
