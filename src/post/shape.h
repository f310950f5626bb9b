/*
 * What stands where in a parsed post, for the files of this room that read yyjson's tree: json.c
 * finds it, canonical.c writes it, values.c flattens it. Names of the room's insides begin with
 * `shape_`.
 */
#ifndef ANP_POST_SHAPE_H
#define ANP_POST_SHAPE_H

#include <yyjson.h> /* before our headers: its parameters named `str` would shadow our type */

#include "post/meta.h"
#include "post/post.h"

typedef struct shape {
    yyjson_val *root;             /* the post's object */
    yyjson_val *title;            /* a string, or NULL when absent or null */
    yyjson_val *body;             /* the same; the value of `body`, `text` or `content` */
    yyjson_val *long_value;       /* a string of root that has a written form already, or NULL: */
    str long_string;              /* without its quotes */
    yyjson_val *meta;             /* any type, or NULL when absent */
    yyjson_val *known[META_KEYS]; /* values of meta's known keys, or NULL */
    str id;
    str problem; /* what the topic yields where meta has no such key; data NULL: nothing */
    str stack;
    str area; /* likewise, of the entities */
} shape;

/*
 * Loops over values that may be missing: yyjson's own macros add to the NULL that stands for a
 * missing value, which is undefined. What is no object (no array) has no entries.
 */
#define shape_each_key(object, i, count, key, value) \
    if (yyjson_is_obj(object)) \
        yyjson_obj_foreach(object, i, count, key, value)
#define shape_each_entry(array, i, count, entry) \
    if (yyjson_is_arr(array)) \
        yyjson_arr_foreach(array, i, count, entry)

/* A string value's bytes; a raw number's text. */
static inline str shape_str(yyjson_val *value) {
    return str_make(yyjson_is_raw(value) ? yyjson_get_raw(value) : yyjson_get_str(value),
                    yyjson_get_len(value));
}

/* The key of root is none of id, title, body and meta, nor the key whose value serves as body. */
bool shape_is_beside(const shape *s, str key, yyjson_val *value);

/* A raw number as the nearest double; false when it is no number or not finite. */
bool shape_number(yyjson_val *value, double *number);

/* Appends the canonical form. Memory that ran out shows in out->failed. */
void shape_write(const shape *s, buffer *out);

/* Fills values and value_count of *out, in the order of the canonical form. */
anp_status shape_values(const shape *s, arena *perm, post *out, anp_error *err);

#endif
