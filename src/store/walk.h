/*
 * Walking every page of a commit, for verify: each tree in key order with all its rules, and which
 * page belongs to whom. Reads through tree.h, so it gets through any damage.
 */
#ifndef ANP_STORE_WALK_H
#define ANP_STORE_WALK_H

#include "store/tree.h"

typedef struct walk {
    tree_view view;
    uint64_t page_end; /* pages of the commit; those past the view were never written */
    uint8_t *owned;    /* a bit for each page that somebody has */
    const char *table; /* for the reports */
    void (*report)(struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
    /* Called for each sound entry of a tree. */
    void (*entry)(struct walk *w, const tree_node *node);
    void *user;
    /* Found in the last tree. */
    page_tree counts;
} walk;

/*
 * Walks one tree: order of keys within pages and between them, bounds, page kinds, and that no page
 * has two owners. Compares the pages and entries with what the tree's record says.
 */
void walk_tree(walk *w, const page_tree *tree, bool integer_keys);

/*
 * Gives `count` pages from `first` to the table in hand; reports those that are beyond the file or
 * have an owner.
 */
void walk_own(walk *w, uint64_t first, uint64_t count, uint64_t from_page);

/* Pages of the commit without an owner. */
uint64_t walk_orphans(const walk *w);

#endif
