/*
 * Reading LMDB's trees in place, trusting nothing.
 *
 * LMDB follows whatever its pages say: a flipped bit in a page makes it read outside of the map
 * (SIGBUS) or, with asserts, abort. So tables that the transaction has not written are read by this
 * cursor instead: every page number, offset and length is checked before it is followed, and what
 * does not fit is a fault, never a crash. It costs what mdb_get costs. It is what `verify` walks
 * with as well.
 *
 * The view must be of a commit that a transaction keeps alive.
 */
#ifndef ANP_STORE_TREE_H
#define ANP_STORE_TREE_H

#include "base/str.h"
#include "store/page.h"

typedef struct tree_view {
    const uint8_t *map;
    uint32_t page_bytes;
    uint64_t pages; /* that exist both in the commit and in the file */
} tree_view;

/* What is wrong, and in which page. */
typedef struct tree_fault {
    const char *what;
    uint64_t page;
} tree_fault;

typedef enum tree_result { TREE_FOUND, TREE_NONE, TREE_DAMAGED } tree_result;

typedef struct tree_page {
    const uint8_t *bytes;
    uint64_t number;
    uint32_t count; /* nodes */
} tree_page;

typedef struct tree_node {
    str key;
    str value; /* of a leaf */
    uint16_t flags;
    uint64_t child;          /* of a branch; the first overflow page of a leaf's value, or 0 */
    uint64_t overflow_pages; /* how many */
} tree_node;

typedef struct tree_cursor {
    const tree_view *view;
    const page_tree *tree;
    bool integer_keys;
    unsigned height; /* levels in use, the leaf last; 0: not positioned */
    tree_fault fault;
    struct tree_level {
        tree_page page;
        uint32_t index;
    } levels[PAGE_DEPTH_MAX];
} tree_cursor;

/* Does not clear the levels. `tree` is borrowed. */
void tree_cursor_begin(tree_cursor *c, const tree_view *view, const page_tree *tree,
                       bool integer_keys);

/* To the first key that is not less. */
tree_result tree_seek(tree_cursor *c, str key);

/* To the key itself. */
tree_result tree_find(tree_cursor *c, str key);

tree_result tree_first(tree_cursor *c);
tree_result tree_last(tree_cursor *c);

/* Only after a call that returned TREE_FOUND. */
tree_result tree_next(tree_cursor *c);
tree_result tree_previous(tree_cursor *c);

/* The entry that the cursor stands on; false: see c->fault. */
bool tree_entry(tree_cursor *c, tree_node *out);

/* The pieces: a page that is a whole branch (or leaf), and one node of it. false: *fault is set. */
bool tree_page_at(const tree_view *view, uint64_t number, bool leaf, tree_page *out,
                  tree_fault *fault);
/* Bytes of a page that a node takes. A page's nodes fill it from its upper bound to its end. */
static inline uint64_t tree_node_room(const tree_node *node, bool leaf) {
    uint64_t value = !leaf ? 0 : node->flags & NODE_OVERFLOW ? sizeof(uint64_t) : node->value.len;
    return (PAGE_NODE_BYTES + node->key.len + value + 1) & ~UINT64_C(1);
}
bool tree_page_filled(const tree_view *view, const tree_page *page, uint64_t nodes_room);

bool tree_node_at(const tree_view *view, const tree_page *page, uint32_t index, bool leaf,
                  tree_node *out, tree_fault *fault);

/* The same without looking at the pages of a large value: of it `child` and value.len are told,
   value.data is NULL. */
bool tree_node_head(const tree_view *view, const tree_page *page, uint32_t index, bool leaf,
                    tree_node *out, tree_fault *fault);

#endif
