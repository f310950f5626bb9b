/*
 * See tree.h; the bytes are drawn in page.h. Invariant: a tree_page in hand lies whole in the view,
 * and its offsets lie in it; nodes are checked one by one when they are looked at.
 */
#include "store/tree.h"

#include "base/bytes.h"

static bool fault_at(tree_fault *fault, uint64_t page, const char *what) {
    fault->what = what;
    fault->page = page;
    return false;
}

bool tree_page_at(const tree_view *view, uint64_t number, bool leaf, tree_page *out,
                  tree_fault *fault) {
    if (number < PAGE_META_COUNT || number >= view->pages) {
        return fault_at(fault, number, "a page number beyond the file");
    }
    const uint8_t *bytes = view->map + number * view->page_bytes;
    page_header header;
    memcpy(&header, bytes, sizeof header);
    if (header.number != number) {
        return fault_at(fault, number, "a page that bears another number");
    }
    if (header.flags != (leaf ? PAGE_LEAF : PAGE_BRANCH)) {
        return fault_at(fault, number,
                        leaf ? "no leaf page where one belongs"
                             : "no branch page where one belongs");
    }
    if (header.lower <= PAGE_HEADER_BYTES || (header.lower & 1) || header.lower > header.upper ||
        header.upper > view->page_bytes) {
        return fault_at(fault, number, "a page with impossible bounds");
    }
    out->bytes = bytes;
    out->number = number;
    out->count = (header.lower - PAGE_HEADER_BYTES) / 2u;
    return true;
}

/* The node's bytes and its key. */
static const uint8_t *key_at(const tree_view *view, const tree_page *page, uint32_t index, str *key,
                             tree_fault *fault) {
    uint32_t at = load_u16(page->bytes + PAGE_HEADER_BYTES + 2 * index);
    uint32_t least = PAGE_HEADER_BYTES + 2 * page->count;
    if (at < least || at + PAGE_NODE_BYTES > view->page_bytes) {
        fault_at(fault, page->number, "an entry outside of its page");
        return NULL;
    }
    const uint8_t *node = page->bytes + at;
    uint32_t key_bytes = load_u16(node + 6);
    if (key_bytes > PAGE_KEY_BYTES_MAX || at + PAGE_NODE_BYTES + key_bytes > view->page_bytes) {
        fault_at(fault, page->number, "a key outside of its page");
        return NULL;
    }
    *key = str_make((const char *)node + PAGE_NODE_BYTES, key_bytes);
    return node;
}

static bool overflow_at(const tree_view *view, const tree_page *page, size_t size, tree_node *out,
                        tree_fault *fault) {
    uint64_t first = out->child;
    if (first < PAGE_META_COUNT || first >= view->pages) {
        return fault_at(fault, page->number, "a value beyond the file");
    }
    const uint8_t *bytes = view->map + first * view->page_bytes;
    page_header header;
    memcpy(&header, bytes, sizeof header);
    if (header.number != first || header.flags != PAGE_OVERFLOW) {
        return fault_at(fault, first, "no value page where one belongs");
    }
    if (header.pages > view->pages - first ||
        (uint64_t)header.pages * view->page_bytes < PAGE_HEADER_BYTES + (uint64_t)size) {
        return fault_at(fault, first, "a value longer than its pages");
    }
    out->overflow_pages = header.pages;
    out->value = str_make((const char *)bytes + PAGE_HEADER_BYTES, size);
    return true;
}

bool tree_node_head(const tree_view *view, const tree_page *page, uint32_t index, bool leaf,
                    tree_node *out, tree_fault *fault) {
    const uint8_t *node = key_at(view, page, index, &out->key, fault);
    if (!node) {
        return false;
    }
    uint32_t low = load_u32(node);
    out->flags = leaf ? load_u16(node + 4) : 0;
    out->overflow_pages = 0;
    if (!leaf) {
        out->child = low | (uint64_t)load_u16(node + 4) << 32;
        return true;
    }
    const uint8_t *value = node + PAGE_NODE_BYTES + out->key.len;
    size_t room = view->page_bytes - (size_t)(value - page->bytes);
    if (out->flags & ~(NODE_OVERFLOW | NODE_TREE)) {
        return fault_at(fault, page->number, "an entry of unknown kind");
    }
    bool apart = out->flags & NODE_OVERFLOW;
    if (apart ? room < sizeof(uint64_t) : low > room) {
        return fault_at(fault, page->number,
                        apart ? "an entry outside of its page" : "a value outside of its page");
    }
    out->child = apart ? load_u64(value) : 0;
    out->value = str_make(apart ? NULL : (const char *)value, low);
    return true;
}

bool tree_node_at(const tree_view *view, const tree_page *page, uint32_t index, bool leaf,
                  tree_node *out, tree_fault *fault) {
    return tree_node_head(view, page, index, leaf, out, fault) &&
           (!leaf || !(out->flags & NODE_OVERFLOW) ||
            overflow_at(view, page, out->value.len, out, fault));
}

bool tree_page_filled(const tree_view *view, const tree_page *page, uint64_t nodes_room) {
    page_header header;
    memcpy(&header, page->bytes, sizeof header);
    return header.upper + nodes_room == view->page_bytes;
}

void tree_cursor_begin(tree_cursor *c, const tree_view *view, const page_tree *tree,
                       bool integer_keys) {
    c->view = view;
    c->tree = tree;
    c->integer_keys = integer_keys;
    c->height = 0;
    c->fault = (tree_fault){0};
}

/* Adds a level; the tree's depth says whether it is the leaf. */
static bool push(tree_cursor *c, uint64_t number) {
    if (c->height >= c->tree->depth || c->height >= PAGE_DEPTH_MAX) {
        return fault_at(&c->fault, number, "a tree of impossible depth");
    }
    bool leaf = c->height + 1 == c->tree->depth;
    struct tree_level *level = &c->levels[c->height];
    if (!tree_page_at(c->view, number, leaf, &level->page, &c->fault)) {
        return false;
    }
    level->index = 0;
    c->height++;
    return true;
}

/* The number that is the key of node `index`. */
static inline bool number_at(tree_cursor *c, const tree_page *page, uint32_t index,
                             uint64_t *number) {
    uint32_t at = load_u16(page->bytes + PAGE_HEADER_BYTES + 2 * index);
    const uint8_t *node = page->bytes + at;
    if (at < PAGE_HEADER_BYTES + 2 * page->count ||
        at + PAGE_NODE_BYTES + sizeof *number > c->view->page_bytes ||
        load_u16(node + 6) != sizeof *number) {
        return fault_at(&c->fault, page->number, "a number key of wrong length");
    }
    *number = load_u64(node + PAGE_NODE_BYTES);
    return true;
}

/*
 * Narrows [*low, *high), where the first key that is not less than (above: greater than) key lies
 * at *low or above, and at *high at most. Keys of posts follow one on the other, those of branches
 * nearly so: where key would lie were all steps equal it is found at once, or nearly.
 */
static bool narrow(tree_cursor *c, const tree_page *page, bool above, uint64_t key, uint32_t *low,
                   uint32_t *high) {
    uint64_t first, last, number;
    if (*high - *low < 4) {
        return true;
    }
    if (!number_at(c, page, *low, &first) || !number_at(c, page, *high - 1, &last)) {
        return false;
    }
    if (key <= first || key >= last || last - first >= UINT64_MAX / PAGE_BYTES_MAX) {
        return true;
    }
    uint32_t guess = *low + (uint32_t)((key - first) * (*high - 1 - *low) / (last - first));
    for (uint32_t step = 1; guess >= *low && guess < *high; step *= 4) {
        if (!number_at(c, page, guess, &number)) {
            return false;
        }
        if (number < key || (number == key && above)) {
            *low = guess + 1;
            guess += step;
        } else {
            *high = guess + (number == key);
            if (number == key) {
                *low = guess;
                break;
            }
            guess -= step < guess ? step : guess;
        }
        if (*high - *low < 2) {
            break;
        }
    }
    return true;
}

static bool bound_number(tree_cursor *c, const tree_page *page, uint32_t from, bool above, str text,
                         uint32_t *out, bool *equal) {
    uint32_t low = from, high = page->count;
    uint64_t key, number;
    *equal = false;
    if (text.len != sizeof key) {
        return fault_at(&c->fault, page->number, "a number key of wrong length");
    }
    key = load_u64(text.data);
    if (!narrow(c, page, above, key, &low, &high)) {
        return false;
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (!number_at(c, page, middle, &number)) {
            return false;
        }
        if (number == key && !above) {
            *out = middle;
            return *equal = true;
        }
        if (number <= key) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return true;
}

/* The first node in [from, count) whose key is not less (or, with `above`, greater) than key. */
static bool bound(tree_cursor *c, const tree_page *page, uint32_t from, bool above, str key,
                  uint32_t *out, bool *equal) {
    uint32_t low = from, high = page->count;
    if (c->integer_keys) {
        return bound_number(c, page, from, above, key, out, equal);
    }
    *equal = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        str other;
        if (!key_at(c->view, page, middle, &other, &c->fault)) {
            return false;
        }
        int order = str_compare(key, other);
        if (order == 0 && !above) {
            *out = middle;
            return *equal = true;
        }
        if (order > 0 || (order == 0 && above)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *out = low;
    return true;
}

static bool descend(tree_cursor *c) {
    struct tree_level *level = &c->levels[c->height - 1];
    tree_node node;
    return tree_node_at(c->view, &level->page, level->index, false, &node, &c->fault) &&
           push(c, node.child);
}

static tree_result damaged(tree_cursor *c) {
    c->height = 0;
    return TREE_DAMAGED;
}

/* From the top level in hand down to a leaf, always the first (or last) node. */
static tree_result edge(tree_cursor *c, bool last) {
    for (;;) {
        struct tree_level *level = &c->levels[c->height - 1];
        level->index = last ? level->page.count - 1 : 0;
        if (c->height == c->tree->depth) {
            return TREE_FOUND;
        }
        if (!descend(c)) {
            return damaged(c);
        }
    }
}

static tree_result start(tree_cursor *c) {
    c->height = 0;
    if (c->tree->root == PAGE_NONE) {
        return TREE_NONE;
    }
    return push(c, c->tree->root) ? TREE_FOUND : damaged(c);
}

/*
 * To the leaf where key belongs, and there to the first key not less; the index may be the count.
 */
static tree_result locate(tree_cursor *c, str key, bool *equal) {
    tree_result result = start(c);
    *equal = false;
    while (result == TREE_FOUND) {
        struct tree_level *level = &c->levels[c->height - 1];
        bool leaf = c->height == c->tree->depth;
        if (!bound(c, &level->page, leaf ? 0 : 1, !leaf, key, &level->index, equal)) {
            return damaged(c);
        }
        if (leaf) {
            return TREE_FOUND;
        }
        level->index--; /* bound() began at 1 */
        if (!descend(c)) {
            return damaged(c);
        }
    }
    return result;
}

tree_result tree_find(tree_cursor *c, str key) {
    bool equal;
    tree_result result = locate(c, key, &equal);
    return result == TREE_FOUND && !equal ? TREE_NONE : result;
}

tree_result tree_seek(tree_cursor *c, str key) {
    bool equal;
    tree_result result = locate(c, key, &equal);
    if (result != TREE_FOUND) {
        return result;
    }
    struct tree_level *leaf = &c->levels[c->height - 1];
    if (leaf->index < leaf->page.count) {
        return TREE_FOUND;
    }
    leaf->index--;
    return tree_next(c);
}

tree_result tree_first(tree_cursor *c) {
    tree_result result = start(c);
    return result == TREE_FOUND ? edge(c, false) : result;
}

tree_result tree_last(tree_cursor *c) {
    tree_result result = start(c);
    return result == TREE_FOUND ? edge(c, true) : result;
}

tree_result tree_next(tree_cursor *c) {
    while (c->height) {
        struct tree_level *level = &c->levels[c->height - 1];
        if (level->index + 1 < level->page.count) {
            level->index++;
            if (c->height == c->tree->depth) {
                return TREE_FOUND;
            }
            return descend(c) ? edge(c, false) : damaged(c);
        }
        c->height--;
    }
    return TREE_NONE;
}

tree_result tree_previous(tree_cursor *c) {
    while (c->height) {
        struct tree_level *level = &c->levels[c->height - 1];
        if (level->index > 0) {
            level->index--;
            if (c->height == c->tree->depth) {
                return TREE_FOUND;
            }
            return descend(c) ? edge(c, true) : damaged(c);
        }
        c->height--;
    }
    return TREE_NONE;
}

bool tree_entry(tree_cursor *c, tree_node *out) {
    struct tree_level *level = &c->levels[c->height - 1];
    return tree_node_at(c->view, &level->page, level->index, true, out, &c->fault);
}
