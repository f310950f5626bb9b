/*
 * The JSON form of a post, read: parse, check, find what stands where, fill `post`.
 *
 *     json ─> copy in perm ─> yyjson, in place ─> check ─> shape ─┬─> canonical form (canonical.c)
 *                                                                 ├─> values (values.c)
 *                                                                 └─> id, title, body, scores …
 *
 * Strings are decoded inside the copy, so title, body and text values are views of it; a long body
 * where it can be before the parser sees it (prose.h). Numbers are kept as text and only turned
 * into doubles for columns. Odd types inside the meta are kept as they are; only id, title and body
 * must be what they are called. A `title` or `body` of null is an absent one.
 */
#include "post/shape.h"
#include "base/error.h"
#include "base/limits.h"
#include "post/prose.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct checker {
    const char *text; /* the copy: a key's distance from it is its byte in the source */
    anp_error *err;
} checker;

enum {
    SHOWN_BYTES = 60,   /* of a key in a message */
    PAIRWISE_KEYS = 32, /* up to here comparing all pairs is faster than sorting */
};

/* A key as a message can show it: short, on one line, cut at a character's border. */
static const char *shown(str key, char out[SHOWN_BYTES + 4]) {
    size_t len = key.len < SHOWN_BYTES ? key.len : SHOWN_BYTES;
    while (len < key.len && len && ((unsigned char)key.data[len] & 0xc0) == 0x80) {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)key.data[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    memcpy(out + len, len < key.len ? "..." : "", len < key.len ? 4 : 1);
    return out;
}

static anp_status twice(const checker *c, yyjson_val *key) {
    char name[SHOWN_BYTES + 4];
    size_t at = (size_t)(yyjson_get_str(key) - c->text);
    return error_at(c->err, ANP_BAD_POST, at,
                    "the key \"%s\" stands twice in one object, at byte %zu again; remove one",
                    shown(shape_str(key), name), at);
}

static int compare_keys(const void *a, const void *b) {
    return str_compare(shape_str(*(yyjson_val *const *)a), shape_str(*(yyjson_val *const *)b));
}

static anp_status check_many_keys(const checker *c, yyjson_val *object) {
    size_t i, count = 0;
    yyjson_val *key, *value;
    yyjson_val **keys = malloc(yyjson_obj_size(object) * sizeof *keys);
    if (!keys) {
        return error_nomem(c->err, "a post's keys");
    }
    shape_each_key(object, i, count, key, value) {
        (void)value;
        keys[i] = key;
    }
    qsort(keys, count, sizeof *keys, compare_keys);
    anp_status status = ANP_OK;
    for (i = 1; i < count && status == ANP_OK; i++) {
        if (compare_keys(&keys[i - 1], &keys[i]) == 0) {
            status = twice(c, keys[i] > keys[i - 1] ? keys[i] : keys[i - 1]);
        }
    }
    free(keys);
    return status;
}

/*
 * No key twice: JSON leaves open which one counts, so a post with two would mean different things
 * to different readers.
 */
static anp_status check_keys(const checker *c, yyjson_val *object) {
    size_t i, count;
    yyjson_val *key, *value;
    str seen[PAIRWISE_KEYS];
    if (yyjson_obj_size(object) > PAIRWISE_KEYS) {
        return check_many_keys(c, object);
    }
    shape_each_key(object, i, count, key, value) {
        (void)value;
        seen[i] = shape_str(key);
        for (size_t j = 0; j < i; j++) {
            if (str_equal(seen[j], seen[i])) {
                return twice(c, key);
            }
        }
    }
    return ANP_OK;
}

static anp_status check(const checker *c, yyjson_val *value, int depth) {
    size_t i, count;
    yyjson_val *key, *entry;
    if (!yyjson_is_ctn(value)) {
        return ANP_OK;
    }
    if (depth > JSON_DEPTH_MAX) {
        return error_set(c->err, ANP_BAD_POST, "nested deeper than %d levels; flatten the post",
                         JSON_DEPTH_MAX);
    }
    if (yyjson_is_arr(value)) {
        shape_each_entry(value, i, count, entry) {
            TRY(check(c, entry, depth + 1));
        }
        return ANP_OK;
    }
    TRY(check_keys(c, value));
    shape_each_key(value, i, count, key, entry) {
        (void)key;
        TRY(check(c, entry, depth + 1));
    }
    return ANP_OK;
}

bool shape_is_beside(const shape *s, str key, yyjson_val *value) {
    return value != s->body && !str_equal(key, STR("id")) && !str_equal(key, STR("title")) &&
           !str_equal(key, STR("body")) && !str_equal(key, STR("meta"));
}

bool shape_number(yyjson_val *value, double *number) {
    yyjson_val read;
    /* yyjson ends raw numbers with a NUL and reads them without regard to the locale. */
    if (!yyjson_is_raw(value) || !yyjson_read_number(yyjson_get_raw(value), &read, 0, NULL, NULL)) {
        return false;
    }
    *number = yyjson_get_num(&read);
    return true;
}

static anp_status find_id(shape *s, anp_error *err) {
    yyjson_val *id = yyjson_obj_get(s->root, "id");
    if (!id || yyjson_is_null(id)) {
        return error_set(err, ANP_BAD_POST,
                         "no id; every post needs a key \"id\", a string or an integer");
    }
    bool integer = yyjson_is_raw(id) && !strpbrk(yyjson_get_raw(id), ".eE");
    if (!yyjson_is_str(id) && !integer) {
        return error_set(err, ANP_BAD_POST, "the id is neither a string nor an integer");
    }
    s->id = shape_str(id);
    if (!s->id.len) {
        return error_set(err, ANP_BAD_POST, "the id is empty; it must have 1 to %d bytes",
                         ID_BYTES_MAX);
    }
    if (s->id.len > ID_BYTES_MAX) {
        return error_set(err, ANP_BAD_POST, "the id has %zu bytes; at most %d are allowed",
                         s->id.len, ID_BYTES_MAX);
    }
    if (memchr(s->id.data, 0, s->id.len)) {
        return error_set(err, ANP_BAD_POST, "the id holds a NUL byte (\\u0000); remove it");
    }
    return ANP_OK;
}

static const char *kind(yyjson_val *value) {
    switch (yyjson_get_type(value)) {
    case YYJSON_TYPE_STR:
        return "a string";
    case YYJSON_TYPE_RAW:
        return "a number";
    case YYJSON_TYPE_BOOL:
        return "a boolean";
    case YYJSON_TYPE_ARR:
        return "an array";
    case YYJSON_TYPE_OBJ:
        return "an object";
    default:
        return "null";
    }
}

/* The string under key into *out, NULL when it is absent or null. */
static anp_status find_text(const shape *s, const char *key, yyjson_val **out, anp_error *err) {
    yyjson_val *value = yyjson_obj_get(s->root, key);
    *out = yyjson_is_str(value) ? value : NULL;
    if (value && !yyjson_is_null(value) && !yyjson_is_str(value)) {
        return error_set(err, ANP_BAD_POST, "the %s is not a string but %s", key, kind(value));
    }
    return ANP_OK;
}

/* topic "X / Y" yields problem X and stack Y where meta has no such key. Y has no " / ". */
static void split_topic(shape *s) {
    yyjson_val *topic = s->known[META_TOPIC];
    if (!yyjson_is_str(topic)) {
        return;
    }
    str text = shape_str(topic);
    for (size_t at = text.len; at-- > 0;) {
        if (!str_starts(str_slice(text, at, text.len), STR(" / "))) {
            continue;
        }
        str problem = str_trim(str_slice(text, 0, at));
        str stack = str_trim(str_slice(text, at + 3, text.len));
        if (problem.len && stack.len) {
            s->problem = s->known[META_PROBLEM] ? (str){0} : problem;
            s->stack = s->known[META_STACK] ? (str){0} : stack;
        }
        return;
    }
}

/* The entity of type "area" yields area where meta has no such key: the meta box has no label
   for it. */
static void find_area(shape *s) {
    size_t i, count;
    yyjson_val *entity;
    if (s->known[META_AREA] || !yyjson_is_arr(s->known[META_ENTITIES])) {
        return;
    }
    yyjson_arr_foreach(s->known[META_ENTITIES], i, count, entity) {
        yyjson_val *name = yyjson_obj_get(entity, "name");
        if (yyjson_equals_str(yyjson_obj_get(entity, "type"), "area") && yyjson_is_str(name)) {
            s->area = shape_str(name);
            return;
        }
    }
}

static anp_status find(yyjson_val *root, shape *s, anp_error *err) {
    s->root = root;
    if (!yyjson_is_obj(root)) {
        return error_set(err, ANP_BAD_POST, "a post must be a JSON object, this is %s", kind(root));
    }
    TRY(find_id(s, err));
    TRY(find_text(s, "title", &s->title, err));
    TRY(find_text(s, "body", &s->body, err));
    static const char *const stand_ins[] = {"text", "content"};
    for (size_t n = 0; n < 2 && !s->body; n++) {
        yyjson_val *value = yyjson_obj_get(root, stand_ins[n]);
        s->body = yyjson_is_str(value) ? value : NULL;
    }
    s->meta = yyjson_obj_get(root, "meta");
    size_t i, count, hint = 0;
    yyjson_val *key, *value;
    shape_each_key(s->meta, i, count, key, value) {
        size_t found = meta_find(shape_str(key), hint);
        hint = found + 1;
        if (found < META_KEYS) {
            s->known[found] = value;
        }
    }
    split_topic(s);
    find_area(s);
    return ANP_OK;
}

static str text_of(yyjson_val *value) {
    return yyjson_is_str(value) ? shape_str(value) : STR("");
}

/* A single string stands for an array of one. */
static anp_status fill_stack(const shape *s, arena *perm, post *out, anp_error *err) {
    yyjson_val *stack = s->known[META_STACK];
    size_t i, count;
    yyjson_val *entry;
    out->stack = arena_array(perm, str, yyjson_arr_size(stack) + 1);
    if (!out->stack) {
        return error_nomem(err, "a post's stack");
    }
    shape_each_entry(stack, i, count, entry) {
        if (yyjson_is_str(entry)) {
            out->stack[out->stack_count++] = shape_str(entry);
        }
    }
    if (yyjson_is_str(stack) || s->stack.data) {
        out->stack[out->stack_count++] = stack ? shape_str(stack) : s->stack;
    }
    return ANP_OK;
}

static void fill_scores(const shape *s, post *out) {
    static const char *const names[POST_SCORES] = {
        [POST_QUALITY] = "quality",
        [POST_FRESHNESS] = "freshness",
        [POST_DEPTH] = "depth",
        [POST_CLARITY] = "clarity",
    };
    for (size_t i = 0; i < POST_SCORES; i++) {
        double score = 50;
        shape_number(yyjson_obj_get(s->known[META_SCORE], names[i]), &score);
        out->scores[i] = score < 0 ? 0 : score > 100 ? 100 : score;
    }
}

static bool is_reviewed(const shape *s) {
    str status = text_of(yyjson_obj_get(s->known[META_REVISION], "status"));
    yyjson_val *needed = yyjson_obj_get(s->known[META_FLAGS], "needs_human_review");
    double number = 1;
    bool waived = yyjson_is_false(needed) || (shape_number(needed, &number) && number == 0);
    return waived && (str_equal(status, STR("reviewed")) || str_equal(status, STR("expanded")));
}

/* What the canonical form has beyond its source at most, but for strings taken from others. */
enum { CANONICAL_MORE_BYTES = 128 };

/* In perm at once where it is about as long as the source, as nearly always; else elsewhere at
   first. */
static str write_canonical(const shape *s, size_t source_bytes, arena *perm) {
    size_t room = source_bytes + CANONICAL_MORE_BYTES + s->problem.len + s->stack.len + s->area.len;
    buffer canonical = {.data = arena_alloc(perm, room), .capacity = room, .fixed = true};
    if (canonical.data) {
        shape_write(s, &canonical);
        buffer_put_u8(&canonical, 0);
    }
    if (canonical.data && !canonical.failed) {
        return str_make((const char *)canonical.data, canonical.len - 1);
    }
    canonical = (buffer){0};
    shape_write(s, &canonical);
    str kept = {NULL, canonical.len};
    if (!canonical.failed && canonical.len <= POST_BYTES_MAX) {
        kept = arena_str(perm, str_make((const char *)canonical.data, canonical.len));
    }
    buffer_free(&canonical);
    return kept;
}

static anp_status fill_json(const shape *s, size_t source_bytes, arena *perm, post *out,
                            anp_error *err) {
    str canonical = write_canonical(s, source_bytes, perm);
    if (canonical.len > POST_BYTES_MAX) {
        return error_set(err, ANP_BAD_POST,
                         "the post's JSON form has %zu bytes; at most %d are read", canonical.len,
                         POST_BYTES_MAX);
    }
    out->json = canonical;
    return canonical.data ? ANP_OK : error_nomem(err, "a post's JSON form");
}

static anp_status fill(const shape *s, arena *perm, post *out, anp_error *err) {
    *out = (post){
        .id = s->id,
        .title = text_of(s->title),
        .body = text_of(s->body),
        .topic = text_of(s->known[META_TOPIC]),
        .problem = s->problem.data ? s->problem : text_of(s->known[META_PROBLEM]),
        .reviewed = is_reviewed(s),
    };
    fill_scores(s, out);
    TRY(fill_stack(s, perm, out, err));
    return shape_values(s, perm, out, err);
}

static anp_status refuse(str json, const yyjson_read_err *why, anp_error *err) {
    if (why->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION) {
        return error_nomem(err, "a post");
    }
    if (why->pos < json.len && (unsigned char)json.data[why->pos] >= 0x80) {
        return error_at(err, ANP_BAD_POST, why->pos, "not JSON: %s at byte %zu, which is 0x%02X",
                        why->msg, why->pos, (unsigned char)json.data[why->pos]);
    }
    return error_at(err, ANP_BAD_POST, why->pos, "not JSON: %s at byte %zu", why->msg, why->pos);
}

/* s is zero but for what is known of a long string. */
static anp_status fill_post(yyjson_doc *doc, const checker *c, size_t bytes, bool bare, shape *s,
                            arena *perm, post *out) {
    TRY(check(c, yyjson_doc_get_root(doc), 1));
    TRY(find(yyjson_doc_get_root(doc), s, c->err));
    TRY(fill(s, perm, out, c->err));
    return bare ? ANP_OK : fill_json(s, bytes, perm, out, c->err);
}

static const yyjson_read_flag FLAGS = YYJSON_READ_INSITU | YYJSON_READ_NUMBER_AS_RAW;

/* Parses the copy in text, room for its padding behind it. */
static anp_status read_whole(str json, char *text, bool bare, arena *perm, post *out,
                             anp_error *err) {
    yyjson_read_err why;
    if (json.len) {
        memcpy(text, json.data, json.len);
    }
    memset(text + json.len, 0, YYJSON_PADDING_SIZE);
    yyjson_doc *doc = yyjson_read_opts(text, json.len, FLAGS, NULL, &why);
    if (!doc) {
        return refuse(json, &why, err);
    }
    shape s = {0};
    anp_status status = fill_post(doc, &(checker){text, err}, json.len, bare, &s, perm, out);
    yyjson_doc_free(doc);
    return status;
}

/* The value of the object that stands where the empty string `at` is. */
static yyjson_val *value_at(yyjson_val *object, const char *at) {
    size_t i, count;
    yyjson_val *key, *value;
    shape_each_key(object, i, count, key, value) {
        (void)key;
        if (yyjson_is_str(value) && yyjson_get_str(value) == at) {
            return value;
        }
    }
    return NULL;
}

/*
 * The same without parsing the post's long string (prose.h), which is decoded into the beginning of
 * text. Anything but ANP_OK means that the whole has to be read: what is wrong with it is said as
 * of the whole.
 */
static anp_status read_around(str json, char *text, bool bare, arena *perm, post *out) {
    prose long_string;
    if (!prose_take(json, text, &long_string)) {
        return ANP_BAD_POST;
    }
    char *rest = text + long_string.len;
    size_t behind = json.len - long_string.to, len = long_string.from + behind;
    memcpy(rest, json.data, long_string.from);
    memcpy(rest + long_string.from, json.data + long_string.to, behind);
    memset(rest + len, 0, YYJSON_PADDING_SIZE);
    yyjson_doc *doc = yyjson_read_opts(rest, len, FLAGS, NULL, NULL);
    yyjson_val *value = value_at(yyjson_doc_get_root(doc), rest + long_string.from);
    anp_status status = ANP_BAD_POST;
    if (value) {
        yyjson_set_strn(value, text, long_string.len);
        shape s = {0};
        if (long_string.canonical) {
            s.long_value = value;
            s.long_string = str_slice(json, long_string.from, long_string.to);
        }
        status = fill_post(doc, &(checker){rest, NULL}, json.len, bare, &s, perm, out);
    }
    yyjson_doc_free(doc);
    return status;
}

static anp_status read_json(str json, bool bare, arena *perm, post *out, anp_error *err) {
    if (json.len > POST_BYTES_MAX) {
        return error_set(err, ANP_BAD_POST, "the post has %zu bytes; at most %d are read", json.len,
                         POST_BYTES_MAX);
    }
    char *text = arena_alloc(perm, json.len + PROSE_SLACK_BYTES + YYJSON_PADDING_SIZE);
    if (!text) {
        return error_nomem(err, "a post");
    }
    return read_around(json, text, bare, perm, out) == ANP_OK
               ? ANP_OK
               : read_whole(json, text, bare, perm, out, err);
}

anp_status post_from_json(str json, arena *perm, post *out, anp_error *err) {
    return read_json(json, false, perm, out, err);
}

anp_status post_from_json_bare(str json, arena *perm, post *out, anp_error *err) {
    return read_json(json, true, perm, out, err);
}
