/*
 * The meta box, as the site's pages give it when their mark-up is gone: labels are glued to values.
 *
 *     topicslow exports / redis caching        text      "topic":"slow exports / redis caching"
 *     reading time10                           number    "reading_time":10
 *     stack                                    list      "stack":["redis caching","database"]
 *       • redis caching
 *       • database
 *     score                                    map       "score":{"quality":88,"depth":71}
 *       • quality: 88
 *       • depth: 71
 *     entities                                 maps      "entities":[{"name":"redis caching",
 *         • name: redis caching                                       "type":"stack"}]
 *         • type: stack
 *
 * A label counts once, at the beginning of a line that is no bullet, in any case of letters; where
 * several fit, the longest. Labels of maps count only alone on their line. Behind a label `: ` is
 * taken for a separator. Any other line that is no bullet goes on with the value before it, after
 * a blank. A bullet under a text label is one more line of the text. What fits nothing (a line
 * before the first label, an entry of a map without `key: `, a key that stands twice in its map)
 * is kept as an entry of the array `unlabelled`, so that no line of a box is lost.
 *
 * JSON is written as the lines come. A value is always a complete string in `out`; to go on with
 * it, its closing quote is taken back; a number loses its quotes when the next value begins.
 */
#include "post/metabox.h"
#include "base/json.h"
#include "post/lines.h"

void metabox_begin(metabox *box, buffer *out) {
    *box = (metabox){.out = out};
}

/* The number grammar of JSON. */
static bool is_number(const uint8_t *p, size_t len) {
    const uint8_t *end = p + len;
    p += p < end && *p == '-';
    const uint8_t *whole = p;
    while (p < end && *p >= '0' && *p <= '9') {
        p++;
    }
    if (p == whole || (*whole == '0' && p - whole > 1)) {
        return false;
    }
    if (p < end && *p == '.') {
        const uint8_t *fraction = ++p;
        while (p < end && *p >= '0' && *p <= '9') {
            p++;
        }
        if (p == fraction) {
            return false;
        }
    }
    return p == end;
}

/* The value is complete: a number drops its quotes. */
static void end_value(metabox *box) {
    buffer *out = box->out;
    if (box->in_value && box->numeric && !out->failed) {
        uint8_t *text = out->data + box->value_at + 1;
        size_t len = out->len - box->value_at - 2;
        if (is_number(text, len)) {
            memmove(text - 1, text, len);
            out->len -= 2;
        }
    }
    box->in_value = false;
}

static void begin_value(metabox *box, str text, bool numeric) {
    end_value(box);
    box->value_at = box->out->len;
    box->in_value = true;
    box->numeric = numeric;
    json_put_string(box->out, text);
}

/* Goes on with the open value: a blank, or a line's end as JSON writes it, then text. */
static void extend_value(metabox *box, str text, bool new_line) {
    buffer *out = box->out;
    if (out->failed || !text.len) {
        return;
    }
    bool empty = out->len == box->value_at + 2;
    out->len--; /* the closing quote */
    if (empty) {
        out->len--;
        json_put_string(out, text);
        return;
    }
    if (new_line) {
        buffer_put_u8(out, '\\');
    }
    size_t quote = out->len;
    json_put_string(out, text);
    if (!out->failed) {
        out->data[quote] = new_line ? 'n' : ' ';
    }
}

static void separate(buffer *out, char opening) {
    if (out->len && out->data[out->len - 1] != (uint8_t)opening) {
        buffer_put_u8(out, ',');
    }
}

static void keep_unlabelled(metabox *box, str line) {
    if (box->unlabelled.len) {
        buffer_put_u8(&box->unlabelled, ',');
    }
    json_put_string(&box->unlabelled, line);
}

static void close_label(metabox *box) {
    static const char *const ends[] = {
        [META_KIND_LIST] = "]", [META_KIND_MAP] = "}", [META_KIND_MAPS] = "]",
    };
    end_value(box);
    if (box->in_item) {
        buffer_put_u8(box->out, '}');
        box->in_item = false;
    }
    if (box->open && box->open->kind >= META_KIND_LIST) {
        buffer_put_str(box->out, str_from(ends[box->open->kind]));
    }
    box->open = NULL;
}

/* The longest unseen label that line begins with; *rest is what is glued to it. */
static const meta_key *find_label(const metabox *box, str line, str *rest) {
    const meta_key *found = NULL;
    for (size_t i = 0; i < META_KEYS; i++) {
        const meta_key *k = &meta_keys[i];
        if (k->boxed && !(box->seen >> i & 1) && line_starts(line, k->label) &&
            (!found || k->label.len > found->label.len)) {
            found = k;
        }
    }
    if (!found) {
        return NULL;
    }
    str value = str_slice(line, found->label.len, line.len);
    if (str_equal(value, STR(":")) || str_starts(value, STR(": "))) {
        value = str_slice(value, 1, value.len);
    }
    *rest = line_trim(value);
    bool map = found->kind == META_KIND_MAP || found->kind == META_KIND_MAPS;
    return map && rest->len ? NULL : found;
}

static void open_label(metabox *box, const meta_key *label, str rest) {
    close_label(box);
    box->seen |= 1u << (label - meta_keys);
    box->open = label;
    box->key_count = 0;
    separate(box->out, '{');
    json_put_string(box->out, label->key);
    buffer_put_u8(box->out, ':');
    switch (label->kind) {
    case META_KIND_TEXT:
    case META_KIND_NUMBER:
        begin_value(box, rest, label->kind == META_KIND_NUMBER);
        break;
    case META_KIND_MAP:
        buffer_put_u8(box->out, '{');
        break;
    case META_KIND_LIST:
    case META_KIND_MAPS:
        buffer_put_u8(box->out, '[');
        if (rest.len) {
            begin_value(box, rest, false);
        }
        break;
    }
}

/* `Last reviewed` as the JSON key `last_reviewed`: lower-case, `_` for blanks and hyphens. */
static bool make_key(const metabox *box, str text, metabox_key *key) {
    if (box->open == &meta_keys[META_OUTLINE] && line_equal(text, STR("recommended action"))) {
        text = STR("action");
    }
    if (!text.len || text.len > BOX_KEY_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        bool gap = c == ' ' || c == '-' || c == '\t';
        key->bytes[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : gap ? '_' : c);
    }
    key->len = (uint8_t)text.len;
    return true;
}

static str key_str(const metabox_key *key) {
    return str_make(key->bytes, key->len);
}

static bool has_key(const metabox *box, str key) {
    for (size_t i = 0; i < box->key_count; i++) {
        if (str_equal(key_str(&box->keys[i]), key)) {
            return true;
        }
    }
    return false;
}

static bool key_is_number(const meta_key *map, str key) {
    return map->all_numbers || str_equal(key, map->numbers[0]) || str_equal(key, map->numbers[1]);
}

/* The next map of a list of maps. */
static void begin_item(metabox *box) {
    if (box->in_item) {
        buffer_put_u8(box->out, '}');
    }
    separate(box->out, '[');
    buffer_put_u8(box->out, '{');
    box->in_item = true;
    box->key_count = 0;
}

/*
 * `key: value` of a map, or of a list of maps, where `first` or a key that is there already begins
 * a new one.
 */
static bool add_pair(metabox *box, str item) {
    metabox_key made;
    size_t colon = 0;
    while (colon < item.len && !(item.data[colon] == ':' &&
                                 (colon + 1 == item.len || item.data[colon + 1] == ' '))) {
        colon++;
    }
    if (colon == item.len || !make_key(box, line_trim(str_slice(item, 0, colon)), &made)) {
        return false;
    }
    str key = key_str(&made);
    bool known = has_key(box, key);
    bool begins = box->open->kind == META_KIND_MAPS &&
                  (!box->in_item || str_equal(key, box->open->first) || known);
    if (!begins && (known || box->key_count == BOX_KEYS_MAX)) {
        return false;
    }
    end_value(box);
    if (begins) {
        begin_item(box);
    }
    box->keys[box->key_count++] = made;
    separate(box->out, '{');
    json_put_string(box->out, key);
    buffer_put_u8(box->out, ':');
    str value = line_trim(str_slice(item, colon + 1, item.len));
    if (box->open == &meta_keys[META_PAYLOAD] && str_equal(key, STR("source_id"))) {
        box->source_id = value;
    }
    begin_value(box, value, key_is_number(box->open, key));
    return true;
}

/* A bullet's text, or a line under a label that stands alone, into the open label. */
static void add_item(metabox *box, str line, str item) {
    switch (box->open ? box->open->kind : META_KIND_MAPS) {
    case META_KIND_TEXT:
    case META_KIND_NUMBER:
        extend_value(box, item, true);
        break;
    case META_KIND_LIST:
        end_value(box);
        separate(box->out, '[');
        begin_value(box, item, false);
        break;
    case META_KIND_MAP:
    case META_KIND_MAPS:
        if (!box->open || !add_pair(box, item)) {
            keep_unlabelled(box, line);
        }
        break;
    }
}

void metabox_line(metabox *box, str line) {
    str item, rest;
    line = line_trim(line);
    if (!line.len || line_is_rule(line)) {
        return;
    }
    if (line_bullet(line, &item)) {
        add_item(box, line, item);
        return;
    }
    const meta_key *label = find_label(box, line, &rest);
    if (label) {
        open_label(box, label, rest);
    } else if (box->in_value) {
        extend_value(box, line, false);
    } else {
        add_item(box, line, line);
    }
}

void metabox_finish(metabox *box) {
    close_label(box);
    if (box->unlabelled.len) {
        separate(box->out, '{');
        buffer_put_str(box->out, STR("\"unlabelled\":["));
        buffer_put(box->out, box->unlabelled.data, box->unlabelled.len);
        buffer_put_u8(box->out, ']');
    }
    box->out->failed |= box->unlabelled.failed;
    buffer_free(&box->unlabelled);
}
