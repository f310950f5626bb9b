/*
 * Any bytes as a query: the relaxed parser never fails but by a limit; the strict one names a byte
 * of the text; every clause lies in the text. The first byte chooses which field names are known.
 */
#include "query/ast.h"

#include <stdlib.h>

void fuzz_query_parse(const uint8_t *bytes, size_t size);

static anp_status find_field(void *user, str name, snapshot_field *out, anp_error *err) {
    unsigned kinds = *(const unsigned *)user;
    (void)err;
    if (name.len > 8) {
        return ANP_NOT_FOUND;
    }
    *out = (snapshot_field){0, name, kinds & 1, kinds & 2, kinds & 4};
    return kinds & 8 ? ANP_OK : ANP_NOT_FOUND;
}

static void check_node(const query_node *node, size_t len, unsigned depth) {
    if (node->start > node->end || node->end > len || depth > 3 * QUERY_NESTING_MAX ||
        !(node->boost > 0)) {
        abort();
    }
    for (const query_node *child = node->first; child; child = child->next) {
        check_node(child, len, depth + 1);
    }
}

void fuzz_query_parse(const uint8_t *bytes, size_t size) {
    unsigned kinds = size ? bytes[0] : 0;
    str text = size ? str_make((const char *)bytes + 1, size - 1) : str_make("", 0);
    for (unsigned mode = 0; mode < 8; mode++) {
        query_syntax syntax = {mode & 1, mode & 2, mode & 4, find_field, &kinds};
        arena memory = {0};
        anp_error err = ANP_ERROR_INIT;
        query_ast ast;
        anp_status status = query_parse(text, &syntax, &memory, &ast, &err);
        if (status == ANP_OK && ast.root) {
            check_node(ast.root, text.len, 0);
            if (!query_print(ast.root, &memory).data) {
                abort();
            }
        } else if (status != ANP_OK && status != ANP_LIMIT &&
                   (!syntax.strict || (status != ANP_SYNTAX && status != ANP_UNSUPPORTED) ||
                    err.position > text.len)) {
            abort();
        }
        arena_free(&memory);
    }
}
