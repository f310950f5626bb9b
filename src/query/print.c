/* The tree as text: one line, every decision visible. See ast.h. */
#include "query/ast.h"

#include "base/bytes.h"

#include <stdio.h>

static void put_number(buffer *out, double value) {
    char text[40];
    snprintf(text, sizeof text, "%.10g", value);
    buffer_put_str(out, str_from(text));
}

static void put_range(buffer *out, number_range range) {
    buffer_put_u8(out, range.low_included ? '[' : '{');
    put_number(out, range.low);
    buffer_put_str(out, STR(" TO "));
    put_number(out, range.high);
    buffer_put_u8(out, range.high_included ? ']' : '}');
}

/* `name="text"` and `name[1 TO 2]`, both when either matches. */
static void put_value(buffer *out, const query_node *node) {
    bool first = true;
    if (node->has_text) {
        buffer_put_str(out, node->meta.name);
        buffer_put_str(out, STR("=\""));
        buffer_put_str(out, node->text);
        buffer_put_u8(out, '"');
        first = false;
    }
    for (uint32_t i = 0; i < node->range_count; i++, first = false) {
        buffer_put_str(out, first ? STR("") : STR("|"));
        buffer_put_str(out, node->meta.name);
        put_range(out, node->ranges[i]);
    }
}

static void put_node(buffer *out, const query_node *node) {
    static const char *const fields[INDEX_FIELDS] = {"", "title:", "body:"};
    static const char *const signs[] = {"", "+", "-"};
    buffer_put_str(out, str_from(signs[node->occur]));
    if (node->kind == QUERY_GROUP) {
        buffer_put_u8(out, '(');
        for (const query_node *child = node->first; child; child = child->next) {
            put_node(out, child);
            buffer_put_str(out, child->next ? STR(" ") : STR(")"));
        }
    } else if (node->kind == QUERY_VALUE) {
        put_value(out, node);
    } else {
        bool quoted = node->kind == QUERY_PHRASE;
        bool looks_signed = str_starts(node->text, STR("+")) || str_starts(node->text, STR("-"));
        buffer_put_str(out, str_from(fields[node->field]));
        buffer_put_str(out, quoted ? STR("\"") : looks_signed ? STR("\\") : STR(""));
        buffer_put_str(out, node->kind == QUERY_ALL ? STR("*") : node->text);
        buffer_put_str(out, quoted ? STR("\"") : STR(""));
    }
    if (node->slop) {
        buffer_put_u8(out, '~');
        put_number(out, node->slop);
    }
    if (node->boosted) {
        buffer_put_u8(out, '^');
        put_number(out, node->boost);
    }
}

str query_print(const query_node *root, arena *perm) {
    buffer out = {0};
    if (root) {
        put_node(&out, root);
    }
    str text = {NULL, 0};
    if (!out.failed) {
        text = arena_str(perm, str_make((const char *)out.data, out.len));
    }
    buffer_free(&out);
    return text;
}
