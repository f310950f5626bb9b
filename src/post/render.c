/*
 * A stored post as text for people.
 *
 *     TITLE
 *
 *     BODY
 *
 *     alphanode post meta
 *
 *     topic: slow exports / redis caching
 *     stack
 *       • redis caching
 *       • database
 *     score
 *       • quality: 88
 *     image sources
 *       • source: example.org          a bullet an item, its other keys below
 *         url: https://example.org/1
 *
 * Keys beside the meta follow in the same box. Control characters are shown as U+FFFD, so that a
 * post cannot steer the terminal.
 */
#include "post/shape.h"
#include "base/error.h"

enum { INDENT_BYTES = 4 }; /* a level's: as wide as "  • " */

static void indent(buffer *out, int level) {
    for (int i = 0; i < level * INDENT_BYTES; i++) {
        buffer_put_u8(out, ' ');
    }
}

/*
 * Text with its lines after the first indented; C0 and C1 control characters replaced, but for
 * tabs.
 */
static void put_text(buffer *out, str text, int level) {
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (unsigned char)text.data[i + 1] < 0xa0;
        if ((c >= 0x20 && c != 0x7f && !c1) || c == '\t' || (c == '\n' && !level)) {
            continue;
        }
        if (i > from) {
            buffer_put(out, text.data + from, i - from);
        }
        if (c == '\n') {
            buffer_put_u8(out, '\n');
            indent(out, level);
        } else {
            buffer_put_str(out, STR("\xef\xbf\xbd"));
        }
        i += c1;
        from = i + 1;
    }
    buffer_put(out, text.data + from, text.len - from);
}

static void put_leaf(buffer *out, yyjson_val *value, int level) {
    if (yyjson_is_str(value) || yyjson_is_raw(value)) {
        put_text(out, shape_str(value), level);
    } else if (yyjson_is_bool(value)) {
        buffer_put_str(out, yyjson_get_bool(value) ? STR("true") : STR("false"));
    } else {
        buffer_put_str(out, yyjson_is_null(value) ? STR("null") : STR("(none)"));
    }
}

static void put_pair(buffer *out, str label, yyjson_val *value, int level);

static bool has_lines(yyjson_val *value) {
    return yyjson_get_len(value) > 0 && yyjson_is_ctn(value);
}

/* What stands under a label: a bullet for each entry or key. */
static void put_lines(buffer *out, yyjson_val *value, int level) {
    size_t i, count, k, keys;
    yyjson_val *key, *entry, *inner;
    if (yyjson_is_obj(value)) {
        shape_each_key(value, i, count, key, entry) {
            indent(out, level);
            buffer_put_str(out, STR("  \xe2\x80\xa2 "));
            put_pair(out, shape_str(key), entry, level + 1);
        }
        return;
    }
    shape_each_entry(value, i, count, entry) {
        indent(out, level);
        buffer_put_str(out, STR("  \xe2\x80\xa2 "));
        if (yyjson_is_obj(entry) && has_lines(entry)) {
            shape_each_key(entry, k, keys, key, inner) {
                if (k) {
                    indent(out, level + 1);
                }
                put_pair(out, shape_str(key), inner, level + 1);
            }
        } else if (has_lines(entry)) {
            buffer_put_u8(out, '\n');
            put_lines(out, entry, level + 1);
        } else {
            put_leaf(out, entry, level + 1);
            buffer_put_u8(out, '\n');
        }
    }
}

/* `label: value`, or the label and its lines; the line that begins it is indented already. */
static void put_pair(buffer *out, str label, yyjson_val *value, int level) {
    put_text(out, label, level + 1);
    if (has_lines(value)) {
        buffer_put_u8(out, '\n');
        put_lines(out, value, level);
        return;
    }
    buffer_put_str(out, STR(": "));
    put_leaf(out, value, level + 1);
    buffer_put_u8(out, '\n');
}

static str label_of(str key, size_t *hint) {
    size_t found = meta_find(key, *hint);
    *hint = found + 1;
    return found < META_KEYS ? meta_keys[found].label : key;
}

static void put_box(buffer *out, yyjson_val *root) {
    static const str outside[] = {{"id", 2}, {"title", 5}, {"body", 4}, {"meta", 4}};
    size_t i, count, hint = 0;
    yyjson_val *key, *value;
    yyjson_val *meta = yyjson_obj_get(root, "meta");
    if (!has_lines(meta) && yyjson_is_ctn(meta) && yyjson_obj_size(root) == 4) {
        return;
    }
    buffer_put_str(out, STR("alphanode post meta\n\n"));
    if (!yyjson_is_obj(meta)) {
        put_pair(out, STR("meta"), meta, 0);
    }
    shape_each_key(meta, i, count, key, value) {
        put_pair(out, label_of(shape_str(key), &hint), value, 0);
    }
    shape_each_key(root, i, count, key, value) {
        if (i >= 4 || !str_equal(shape_str(key), outside[i])) {
            put_pair(out, shape_str(key), value, 0);
        }
    }
}

static void put_paragraph(buffer *out, str text) {
    if (text.len) {
        put_text(out, text, 0);
        buffer_put_str(out, STR("\n\n"));
    }
}

anp_status post_to_text(str json, buffer *out, anp_error *err) {
    yyjson_read_err why;
    char *text = (char *)(uintptr_t)json.data; /* only written to when read in place */
    yyjson_doc *doc = yyjson_read_opts(text, json.len, YYJSON_READ_NUMBER_AS_RAW, NULL, &why);
    if (!doc && why.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return error_nomem(err, "a post's text");
    }
    yyjson_val *root = yyjson_doc_get_root(doc);
    if (!yyjson_is_obj(root)) {
        yyjson_doc_free(doc);
        return error_corrupt(err, "cannot read a stored post: no JSON object; run verify");
    }
    yyjson_val *title = yyjson_obj_get(root, "title");
    yyjson_val *body = yyjson_obj_get(root, "body");
    put_paragraph(out, yyjson_is_str(title) ? shape_str(title) : STR(""));
    put_paragraph(out, yyjson_is_str(body) ? shape_str(body) : STR(""));
    put_box(out, root);
    while (out->len > 1 && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n') {
        out->len--;
    }
    yyjson_doc_free(doc);
    return out->failed ? error_nomem(err, "a post's text") : ANP_OK;
}
