/*
 * The canonical JSON form of a post: what the index stores, and what `show --json` prints.
 *
 *     {"id":"…","title":"…","body":"…","meta":{known keys, in the order of the contract;
 *     unknown ones, as they came},other keys}
 *
 * One line, no blanks between tokens. Strings are the same bytes as in the source, with as few
 * escapes as JSON allows; numbers are the very text of the source, so that nothing is rounded.
 * Reading a canonical form and writing it gives the same bytes.
 */
#include "post/shape.h"
#include "base/error.h"
#include "base/json.h"

/* Depth is bounded: json.c has checked it against JSON_DEPTH_MAX. */
static void write_value(yyjson_val *value, buffer *out) {
    size_t i, count;
    yyjson_val *key, *entry;
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        json_put_string(out, shape_str(value));
        break;
    case YYJSON_TYPE_RAW:
        buffer_put_str(out, shape_str(value));
        break;
    case YYJSON_TYPE_BOOL:
        buffer_put_str(out, yyjson_get_bool(value) ? STR("true") : STR("false"));
        break;
    case YYJSON_TYPE_ARR:
        buffer_put_u8(out, '[');
        shape_each_entry(value, i, count, entry) {
            if (i) {
                buffer_put_u8(out, ',');
            }
            write_value(entry, out);
        }
        buffer_put_u8(out, ']');
        break;
    case YYJSON_TYPE_OBJ:
        buffer_put_u8(out, '{');
        shape_each_key(value, i, count, key, entry) {
            if (i) {
                buffer_put_u8(out, ',');
            }
            json_put_string(out, shape_str(key));
            buffer_put_u8(out, ':');
            write_value(entry, out);
        }
        buffer_put_u8(out, '}');
        break;
    default:
        buffer_put_str(out, STR("null"));
        break;
    }
}

/* `,` where one is needed, then "key": */
static void write_key(str key, bool *first, buffer *out) {
    if (!*first) {
        buffer_put_u8(out, ',');
    }
    *first = false;
    json_put_string(out, key);
    buffer_put_u8(out, ':');
}

static void write_meta(const shape *s, buffer *out) {
    if (s->meta && !yyjson_is_obj(s->meta)) {
        write_value(s->meta, out);
        return;
    }
    bool first = true;
    buffer_put_u8(out, '{');
    for (size_t k = 0; k < META_KEYS; k++) {
        if (s->known[k]) {
            write_key(meta_keys[k].key, &first, out);
            write_value(s->known[k], out);
        } else if (k == META_PROBLEM && s->problem.data) {
            write_key(meta_keys[k].key, &first, out);
            json_put_string(out, s->problem);
        } else if (k == META_AREA && s->area.data) {
            write_key(meta_keys[k].key, &first, out);
            json_put_string(out, s->area);
        } else if (k == META_STACK && s->stack.data) {
            write_key(meta_keys[k].key, &first, out);
            buffer_put_u8(out, '[');
            json_put_string(out, s->stack);
            buffer_put_u8(out, ']');
        }
    }
    size_t i, count, hint = 0;
    yyjson_val *key, *value;
    shape_each_key(s->meta, i, count, key, value) {
        size_t found = meta_find(shape_str(key), hint);
        hint = found + 1;
        if (found == META_KEYS) {
            write_key(shape_str(key), &first, out);
            write_value(value, out);
        }
    }
    buffer_put_u8(out, '}');
}

static void write_body(const shape *s, buffer *out) {
    if (s->body && s->body == s->long_value) {
        buffer_put_u8(out, '"');
        buffer_put_str(out, s->long_string);
        buffer_put_u8(out, '"');
    } else {
        json_put_string(out, s->body ? shape_str(s->body) : STR(""));
    }
}

void shape_write(const shape *s, buffer *out) {
    buffer_put_str(out, STR("{\"id\":"));
    json_put_string(out, s->id);
    buffer_put_str(out, STR(",\"title\":"));
    json_put_string(out, s->title ? shape_str(s->title) : STR(""));
    buffer_put_str(out, STR(",\"body\":"));
    write_body(s, out);
    buffer_put_str(out, STR(",\"meta\":"));
    write_meta(s, out);
    bool first = false;
    size_t i, count;
    yyjson_val *key, *value;
    shape_each_key(s->root, i, count, key, value) {
        if (shape_is_beside(s, shape_str(key), value)) {
            write_key(shape_str(key), &first, out);
            write_value(value, out);
        }
    }
    buffer_put_u8(out, '}');
}

/*
 * ---- Back again: title and body alone
 * ------------------------------------------------------------------------
 */

/* Takes `literal` off the front of *rest. */
static bool eat(str *rest, str literal) {
    if (!str_starts(*rest, literal)) {
        return false;
    }
    *rest = str_slice(*rest, literal.len, rest->len);
    return true;
}

static const char HEX[] = "0123456789abcdef";

/*
 * The character of an escape that json_put_string writes, or -1; *i stands behind the backslash
 * and is moved on.
 */
static int unescape(str raw, size_t *i) {
    static const char names[] = "\"\"\\\\b\bf\fn\nr\rt\t";
    char c = *i < raw.len ? raw.data[(*i)++] : 0;
    if (c == 'u') {
        int value = 0;
        for (size_t end = *i + 4; *i < end; ++*i) {
            char hex = *i < raw.len ? raw.data[*i] : 'x';
            const char *digit = memchr(HEX, hex, 16);
            if (!digit) {
                return -1;
            }
            value = value * 16 + (int)(digit - HEX);
        }
        return value < 0x20 ? value : -1;
    }
    for (size_t n = 0; c && n + 1 < sizeof names; n += 2) {
        if (names[n] == c) {
            return names[n + 1];
        }
    }
    return -1;
}

/* Where the string whose first byte is at 1 ends: its quote, or the end of bytes. */
static size_t string_end(str rest) {
    size_t at = 1;
    while (at < rest.len) {
        const char *quote = memchr(rest.data + at, '"', rest.len - at);
        if (!quote) {
            return rest.len;
        }
        size_t end = (size_t)(quote - rest.data), slashes = 0;
        while (end - slashes > at && rest.data[end - slashes - 1] == '\\') {
            slashes++;
        }
        if (slashes % 2 == 0) {
            return end;
        }
        at = end + 1; /* an escaped one; no escape is open behind it */
    }
    return rest.len;
}

/* Decodes raw into out, which has room for as much; how much it is in *len. */
static anp_status decode(str raw, char *out, size_t *len, anp_error *err) {
    *len = 0;
    for (size_t i = 0; i < raw.len;) {
        const char *slash = memchr(raw.data + i, '\\', raw.len - i);
        size_t plain = slash ? (size_t)(slash - raw.data) - i : raw.len - i;
        memcpy(out + *len, raw.data + i, plain);
        *len += plain;
        i += plain;
        if (slash) {
            i++;
            int real = unescape(raw, &i);
            if (real < 0) {
                return error_corrupt(err,
                                     "cannot read a stored post: unknown escape; run verify");
            }
            out[(*len)++] = (char)real;
        }
    }
    return ANP_OK;
}

/* Takes a string, quotes and all, off the front of *rest; decoded into perm unless out is NULL. */
static anp_status take_string(str *rest, arena *perm, str *out, anp_error *err) {
    size_t end = string_end(*rest);
    if (end >= rest->len || rest->data[0] != '"') {
        return error_corrupt(err, "cannot read a stored post: a string is missing; run verify");
    }
    str raw = str_slice(*rest, 1, end);
    *rest = str_slice(*rest, end + 1, rest->len);
    if (!out) {
        return ANP_OK;
    }
    char *copy = arena_alloc(perm, raw.len);
    if (!copy) {
        return error_nomem(err, "a stored post");
    }
    out->data = copy;
    return decode(raw, copy, &out->len, err);
}

/* Takes id, title and body off the front; id may be NULL. */
static anp_status take_front(str *rest, arena *perm, str *id, str *title, str *body,
                             anp_error *err) {
    bool framed = eat(rest, STR("{\"id\":"));
    if (framed) {
        TRY(take_string(rest, perm, id, err));
        framed = eat(rest, STR(",\"title\":"));
    }
    if (framed) {
        TRY(take_string(rest, perm, title, err));
        framed = eat(rest, STR(",\"body\":"));
    }
    if (!framed) {
        return error_corrupt(err, "cannot read a stored post: no canonical form; run verify");
    }
    return take_string(rest, perm, body, err);
}

anp_status post_title_body(str json, arena *perm, str *title, str *body, anp_error *err) {
    str rest = json;
    return take_front(&rest, perm, NULL, title, body, err);
}

static bool next_is(str rest, char c) {
    return rest.len > 0 && rest.data[0] == c;
}

/*
 * The strings of an array; false where an entry is no string. Two passes: how many, then each.
 */
static anp_status take_strings(str *rest, arena *perm, post_brief *out, bool *plain,
                               anp_error *err) {
    str ahead = *rest;
    size_t count = 0;
    *plain = true;
    for (eat(&ahead, STR("[")); next_is(ahead, '"'); eat(&ahead, STR(","))) {
        TRY(take_string(&ahead, perm, NULL, err));
        count++;
    }
    *plain = next_is(ahead, ']');
    str *strings = arena_array(perm, str, count + 1);
    if (!strings) {
        return error_nomem(err, "a stored post");
    }
    eat(rest, STR("["));
    for (size_t i = 0; *plain && i < count; i++, eat(rest, STR(","))) {
        TRY(take_string(rest, perm, &strings[i], err));
    }
    eat(rest, STR("]"));
    out->stack = strings;
    out->stack_count = count;
    return ANP_OK;
}

/*
 * The meta's first three keys, which stand there in this order; false where one of them has a
 * value that is not of the usual type.
 */
static anp_status take_about(str rest, arena *perm, post_brief *out, bool *plain, anp_error *err) {
    *plain = true;
    if (!eat(&rest, STR(",\"meta\":{"))) {
        /* Anything else may stand before the meta: then it is looked for by who knows JSON. */
        *plain = next_is(rest, '}');
        return ANP_OK;
    }
    if (eat(&rest, STR("\"topic\":"))) {
        *plain = next_is(rest, '"');
        TRY(*plain ? take_string(&rest, perm, &out->topic, err) : ANP_OK);
        eat(&rest, STR(","));
    }
    if (*plain && eat(&rest, STR("\"problem\":"))) {
        *plain = next_is(rest, '"');
        TRY(*plain ? take_string(&rest, perm, &out->problem, err) : ANP_OK);
        eat(&rest, STR(","));
    }
    if (*plain && eat(&rest, STR("\"stack\":"))) {
        *plain = next_is(rest, '[');
        TRY(*plain ? take_strings(&rest, perm, out, plain, err) : ANP_OK);
    }
    return ANP_OK;
}

anp_status post_brief_read(str json, arena *perm, post_brief *out, anp_error *err) {
    str rest = json;
    bool plain;
    *out = (post_brief){0};
    TRY(take_front(&rest, perm, &out->id, &out->title, &out->body, err));
    TRY(take_about(rest, perm, out, &plain, err));
    if (!plain) {
        post p;
        TRY(post_from_json_bare(json, perm, &p, err));
        *out = (post_brief){p.id, p.title, p.body, p.topic, p.problem, p.stack, p.stack_count};
    }
    return ANP_OK;
}
