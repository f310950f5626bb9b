/*
 * The leaves of a post's meta, and of the unknown keys beside it, as named values: facets and
 * columns.
 *
 *     {"score":{"quality":88},"stack":["redis","text"],"entities":[{"name":"x"}]}
 *     ─> score.quality 88 · stack redis · stack text · entities.name x
 *
 * Left out, though stored and shown all the same: null, empty strings and strings over
 * FACET_BYTES_MAX (prose), numbers beyond a double, names that are empty or over
 * FIELD_NAME_BYTES_MAX, and all values behind the first POST_FIELDS_MAX. The tree is walked twice,
 * to count (numbers beyond a double, too) and to fill, so that perm holds no more than needed.
 */
#include "post/shape.h"
#include "base/error.h"
#include "base/limits.h"
#include "post/date.h"

typedef struct collector {
    post_value *items; /* NULL in the walk that counts */
    size_t count;
    arena *perm;
    bool failed;   /* memory ran out */
    str name_kept; /* the last name copied to perm: entries of an array share theirs */
    size_t name_len;
    char name[FIELD_NAME_BYTES_MAX];
} collector;

static post_value *add(collector *c, post_value_kind kind) {
    if (c->count == POST_FIELDS_MAX || !c->name_len) {
        return NULL;
    }
    size_t i = c->count++;
    if (!c->items) {
        return NULL;
    }
    str name = str_make(c->name, c->name_len);
    if (!str_equal(name, c->name_kept)) {
        c->name_kept = arena_str(c->perm, name);
        c->failed |= !c->name_kept.data;
    }
    c->items[i] = (post_value){.name = c->name_kept, .kind = kind};
    return &c->items[i];
}

static void add_text(collector *c, str text) {
    if (!text.len || text.len > FACET_BYTES_MAX) {
        return;
    }
    double seconds = 0;
    bool dated = c->items && date_parse(text, &seconds);
    post_value_kind kind = dated ? POST_VALUE_DATE : POST_VALUE_TEXT;
    post_value *value = add(c, kind);
    if (value) {
        value->text = text;
        value->number = seconds;
    }
}

static void add_number(collector *c, double number) {
    post_value *value = add(c, POST_VALUE_NUMBER);
    if (value) {
        value->number = number;
    }
}

static void walk(collector *c, yyjson_val *value);

/* Walks value under the name so far and `.part`. */
static void walk_part(collector *c, str part, yyjson_val *value) {
    size_t before = c->name_len;
    size_t dot = before ? 1 : 0;
    if (part.len > FIELD_NAME_BYTES_MAX || before + dot + part.len > FIELD_NAME_BYTES_MAX) {
        return;
    }
    if (dot) {
        c->name[before] = '.';
    }
    if (part.len) {
        memcpy(c->name + before + dot, part.data, part.len);
    }
    c->name_len = before + dot + part.len;
    walk(c, value);
    c->name_len = before;
}

static void walk(collector *c, yyjson_val *value) {
    size_t i, count;
    yyjson_val *key, *entry;
    double number = 0;
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        add_text(c, shape_str(value));
        break;
    case YYJSON_TYPE_RAW:
        if (!c->items || shape_number(value, &number)) {
            add_number(c, number);
        }
        break;
    case YYJSON_TYPE_BOOL:
        add_number(c, yyjson_get_bool(value) ? 1 : 0);
        break;
    case YYJSON_TYPE_ARR:
        shape_each_entry(value, i, count, entry) {
            walk(c, entry);
        }
        break;
    case YYJSON_TYPE_OBJ:
        shape_each_key(value, i, count, key, entry) {
            walk_part(c, shape_str(key), entry);
        }
        break;
    default: /* null */
        break;
    }
}

static void walk_derived(collector *c, str name, str text) {
    if (text.data) {
        memcpy(c->name, name.data, name.len);
        c->name_len = name.len;
        add_text(c, text);
        c->name_len = 0;
    }
}

static void walk_post(collector *c, const shape *s) {
    size_t i, count;
    yyjson_val *key, *value;
    if (s->meta && !yyjson_is_obj(s->meta)) {
        walk_part(c, STR("meta"), s->meta);
    }
    for (size_t k = 0; k < META_KEYS; k++) {
        if (s->known[k]) {
            walk_part(c, meta_keys[k].key, s->known[k]);
        } else if (k == META_PROBLEM) {
            walk_derived(c, meta_keys[k].key, s->problem);
        } else if (k == META_AREA) {
            walk_derived(c, meta_keys[k].key, s->area);
        } else if (k == META_STACK) {
            walk_derived(c, meta_keys[k].key, s->stack);
        }
    }
    size_t hint = 0;
    shape_each_key(s->meta, i, count, key, value) {
        size_t found = meta_find(shape_str(key), hint);
        hint = found + 1;
        if (found == META_KEYS) {
            walk_part(c, shape_str(key), value);
        }
    }
    shape_each_key(s->root, i, count, key, value) {
        if (shape_is_beside(s, shape_str(key), value)) {
            walk_part(c, shape_str(key), value);
        }
    }
}

anp_status shape_values(const shape *s, arena *perm, post *out, anp_error *err) {
    collector c = {.perm = perm};
    walk_post(&c, s);
    c.items = arena_alloc(perm, c.count * sizeof *c.items);
    if (!c.items) {
        return error_nomem(err, "a post's values");
    }
    c.count = 0;
    walk_post(&c, s);
    if (c.failed) {
        return error_nomem(err, "a post's values");
    }
    out->values = c.items;
    out->value_count = c.count;
    return ANP_OK;
}
