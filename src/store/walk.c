/*
 * See walk.h. Invariant: the recursion is as deep as the tree's record says, at most
 * PAGE_DEPTH_MAX.
 */
#include "store/walk.h"

#include "base/bytes.h"

/* The keys that may stand below a branch's node: from `least`, and below `end`; NULL: no bound. */
typedef struct range {
    const str *least;
    const str *end;
} range;

static int order_of(bool integer_keys, str a, str b) {
    if (!integer_keys) {
        return str_compare(a, b);
    }
    uint64_t x = load_u64(a.data), y = load_u64(b.data);
    return (x > y) - (x < y);
}

void walk_own(walk *w, uint64_t first, uint64_t count, uint64_t from_page) {
    for (uint64_t page = first; page - first < count; page++) {
        if (page < PAGE_META_COUNT || page >= w->page_end) {
            w->report(w, "page %llu of %s points to page %llu, beyond the file",
                      (unsigned long long)from_page, w->table, (unsigned long long)page);
            return;
        }
        uint8_t bit = (uint8_t)(1u << (page & 7));
        if (w->owned[page >> 3] & bit) {
            w->report(w, "page %llu of %s points to page %llu, which is in use elsewhere",
                      (unsigned long long)from_page, w->table, (unsigned long long)page);
            return;
        }
        w->owned[page >> 3] |= bit;
    }
}

uint64_t walk_orphans(const walk *w) {
    uint64_t orphans = 0;
    for (uint64_t page = PAGE_META_COUNT; page < w->page_end; page++) {
        orphans += !(w->owned[page >> 3] >> (page & 7) & 1);
    }
    return orphans;
}

static void report_fault(walk *w, const tree_fault *fault) {
    w->report(w, "page %llu of %s: %s", (unsigned long long)fault->page, w->table, fault->what);
}

/* Whether a key has the right form, comes after the one before and lies in the range. */
static bool check_key(walk *w, bool integer_keys, const range *bounds, const str *before, str key,
                      uint64_t page) {
    const char *wrong = NULL;
    if (integer_keys ? key.len != sizeof(uint64_t) : key.len == 0) {
        wrong = "a key of wrong length";
    } else if (before && order_of(integer_keys, *before, key) >= 0) {
        wrong = "keys out of order";
    } else if (bounds->least && order_of(integer_keys, *bounds->least, key) > 0) {
        wrong = "a key that belongs to the left of its page";
    } else if (bounds->end && order_of(integer_keys, *bounds->end, key) <= 0) {
        wrong = "a key that belongs to the right of its page";
    }
    if (wrong) {
        report_fault(w, &(tree_fault){wrong, page});
    }
    return !wrong;
}

/* Unless some entry could not be read, which is reported already. */
static void check_filled(walk *w, const tree_page *page, bool whole, uint64_t room) {
    if (whole && !tree_page_filled(&w->view, page, room)) {
        report_fault(w, &(tree_fault){"entries that do not fill their page", page->number});
    }
}

static void walk_leaf(walk *w, const tree_page *page, bool integer_keys, range bounds) {
    str before;
    bool has_before = false, whole = true;
    uint64_t room = 0;
    w->counts.leaf_pages++;
    for (uint32_t i = 0; i < page->count; i++) {
        tree_node node;
        tree_fault fault;
        if (!tree_node_at(&w->view, page, i, true, &node, &fault)) {
            report_fault(w, &fault);
            whole = false;
            continue;
        }
        room += tree_node_room(&node, true);
        if (!check_key(w, integer_keys, &bounds, has_before ? &before : NULL, node.key,
                       page->number)) {
            continue;
        }
        before = node.key;
        has_before = true;
        w->counts.entries++;
        if (node.overflow_pages) {
            w->counts.overflow_pages += node.overflow_pages;
            walk_own(w, node.child, node.overflow_pages, page->number);
        }
        w->entry(w, &node);
    }
    check_filled(w, page, whole, room);
}

static void walk_page(walk *w, uint64_t number, unsigned depth, bool integer_keys, range bounds);

static void walk_branch(walk *w, const tree_page *page, unsigned depth, bool integer_keys,
                        range bounds) {
    w->counts.branch_pages++;
    str least = {0};
    bool sound = true, whole = true;
    uint64_t room = 0;
    for (uint32_t i = 0; i < page->count; i++) {
        tree_node node, next;
        tree_fault fault;
        if (!tree_node_at(&w->view, page, i, false, &node, &fault)) {
            report_fault(w, &fault);
            sound = whole = false;
            continue;
        }
        room += tree_node_room(&node, false);
        /* The first node's key is not looked at by anybody. */
        if (i > 0 && !check_key(w, integer_keys, &bounds, i > 1 && sound ? &least : NULL, node.key,
                                page->number)) {
            sound = false;
            continue;
        }
        range below = {i > 0 ? &node.key : bounds.least, bounds.end};
        if (i + 1 < page->count && tree_node_at(&w->view, page, i + 1, false, &next, &fault) &&
            (!integer_keys || next.key.len == sizeof(uint64_t))) {
            below.end = &next.key;
        }
        least = node.key;
        sound = true;
        walk_page(w, node.child, depth - 1, integer_keys, below);
    }
    check_filled(w, page, whole, room);
}

static void walk_page(walk *w, uint64_t number, unsigned depth, bool integer_keys, range bounds) {
    tree_page page;
    tree_fault fault;
    if (!tree_page_at(&w->view, number, depth == 1, &page, &fault)) {
        report_fault(w, &fault);
        return;
    }
    walk_own(w, number, 1, number);
    if (depth == 1) {
        walk_leaf(w, &page, integer_keys, bounds);
    } else {
        walk_branch(w, &page, depth, integer_keys, bounds);
    }
}

static void compare(walk *w, const char *what, uint64_t found, uint64_t recorded) {
    if (found != recorded) {
        w->report(w, "%s has %llu %s, its record says %llu", w->table, (unsigned long long)found,
                  what, (unsigned long long)recorded);
    }
}

void walk_tree(walk *w, const page_tree *tree, bool integer_keys) {
    w->counts = (page_tree){0};
    if (tree->depth > PAGE_DEPTH_MAX || (tree->root == PAGE_NONE) != (tree->depth == 0)) {
        w->report(w, "%s has an impossible depth of %u", w->table, tree->depth);
        return;
    }
    if (tree->depth) {
        walk_page(w, tree->root, tree->depth, integer_keys, (range){0});
    }
    compare(w, "entries", w->counts.entries, tree->entries);
    compare(w, "branch pages", w->counts.branch_pages, tree->branch_pages);
    compare(w, "leaf pages", w->counts.leaf_pages, tree->leaf_pages);
    compare(w, "value pages", w->counts.overflow_pages, tree->overflow_pages);
}
