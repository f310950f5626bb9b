/* See guard.h. What it rests on is drawn in page.h; LMDB leaves no holes between a page's nodes. */
#include "store/guard.h"

#include "base/error.h"

static anp_status unsound(const store_txn *txn, store_table table, const char *what, uint64_t page,
                          anp_error *err) {
    return store_fault(txn->store, store_table_infos[table].name, &(tree_fault){what, page}, err);
}

static int compare(const tree_cursor *c, str a, str b) {
    if (!c->integer_keys) {
        return str_compare(a, b);
    }
    uint64_t x = load_u64(a.data), y = load_u64(b.data);
    return (x > y) - (x < y);
}

static bool good_key(const tree_cursor *c, str key) {
    return c->integer_keys ? key.len == sizeof(uint64_t) : key.len > 0;
}

/* ---- One page ------------------------------------------------------------------------------ */

/* What is wrong with it, or NULL. Nobody looks at the key of a branch's first node, and here nobody
   at the pages of large values: of a leaf of a hundred that would be a hundred more pages. */
static const char *look_at(const store_txn *txn, store_table table, const tree_cursor *c,
                           const tree_page *page, bool leaf) {
    uint64_t room = 0;
    str before = {0};
    for (uint32_t i = 0; i < page->count; i++) {
        tree_node node;
        tree_fault fault;
        if (!tree_node_head(c->view, page, i, leaf, &node, &fault)) {
            return fault.what;
        }
        room += tree_node_room(&node, leaf);
        if (!leaf && i == 0) {
            continue;
        }
        if (!good_key(c, node.key) || (before.data && compare(c, before, node.key) >= 0)) {
            return "keys out of order";
        }
        before = node.key;
        if (leaf && !(node.flags & NODE_OVERFLOW) &&
            !checksum_holds(NULL, table, node.key, node.value, 0)) {
            return "a value with a wrong checksum";
        }
    }
    return tree_page_filled(&txn->view, page, room) ? NULL : "entries that do not fill their page";
}

static anp_status check_page(const store_txn *txn, store_table table, const tree_cursor *c,
                             const tree_page *page, bool leaf, anp_error *err) {
    checksum_seen *seen = txn->store->seen;
    uint64_t mark = checksum_page_mark(page->number, txn->meta.txn);
    if (checksum_is_marked(seen, mark)) {
        return ANP_OK;
    }
    const char *wrong = look_at(txn, table, c, page, leaf);
    if (wrong) {
        return unsound(txn, table, wrong, page->number, err);
    }
    checksum_mark(seen, mark);
    return ANP_OK;
}

/* ---- A leaf and the branches above it ------------------------------------------------------ */

/* The keys of a leaf lie where the branches say: from the nearest key on its left, below the
   nearest on its right. */
static bool within_bounds(const tree_cursor *c) {
    const struct tree_level *leaf = &c->levels[c->height - 1];
    tree_node first, last, bound;
    tree_fault fault;
    bool left = false, right = false;
    if (!tree_node_head(c->view, &leaf->page, 0, true, &first, &fault) ||
        !tree_node_head(c->view, &leaf->page, leaf->page.count - 1, true, &last, &fault)) {
        return false;
    }
    for (unsigned i = c->height - 1; i-- > 0 && !(left && right);) {
        const struct tree_level *level = &c->levels[i];
        if (!left && level->index > 0) {
            left = true;
            if (!tree_node_head(c->view, &level->page, level->index, false, &bound, &fault) ||
                compare(c, bound.key, first.key) > 0) {
                return false;
            }
        }
        if (!right && level->index + 1 < level->page.count) {
            right = true;
            if (!tree_node_head(c->view, &level->page, level->index + 1, false, &bound, &fault) ||
                compare(c, last.key, bound.key) >= 0) {
                return false;
            }
        }
    }
    return true;
}

anp_status guard_pages(store_txn *txn, store_table table, tree_cursor *c, anp_error *err) {
    for (unsigned i = 0; i < c->height; i++) {
        TRY(check_page(txn, table, c, &c->levels[i].page, i + 1 == c->height, err));
    }
    if (c->height && !within_bounds(c)) {
        return unsound(txn, table, "keys that belong to another page",
                       c->levels[c->height - 1].page.number, err);
    }
    return ANP_OK;
}

/* ---- Gaps ---------------------------------------------------------------------------------- */

/* The small values of a leaf were looked at with the page, the large ones only here. */
static anp_status check_neighbour(store_txn *txn, store_table table, const tree_cursor *c,
                                  uint32_t index, anp_error *err) {
    const tree_page *leaf = &c->levels[c->height - 1].page;
    tree_node node;
    tree_fault fault;
    str payload;
    if (!tree_node_at(c->view, leaf, index, true, &node, &fault)) {
        return store_fault(txn->store, store_table_infos[table].name, &fault, err);
    }
    return node.flags & NODE_OVERFLOW
               ? table_check_value(txn, table, node.key, node.value, true, &payload, err) : ANP_OK;
}

/* The leaf beside the one that the cursor is in, on the left or on the right: its keys too must lie
   within its bounds, and key not among them. */
static anp_status check_beside(store_txn *txn, store_table table, const tree_cursor *c, bool left,
                               str key, anp_error *err) {
    tree_cursor beside = *c;
    tree_node node;
    struct tree_level *leaf = &beside.levels[beside.height - 1];
    leaf->index = left ? 0 : leaf->page.count - 1;
    tree_result result = left ? tree_previous(&beside) : tree_next(&beside);
    if (result == TREE_NONE) {
        return ANP_OK;
    }
    if (result == TREE_DAMAGED || !tree_entry(&beside, &node)) {
        return store_fault(txn->store, store_table_infos[table].name, &beside.fault, err);
    }
    TRY(guard_pages(txn, table, &beside, err));
    int order = compare(c, node.key, key);
    if (left ? order >= 0 : order <= 0) {
        return unsound(txn, table, "keys that belong to another page",
                       beside.levels[beside.height - 1].page.number, err);
    }
    return ANP_OK;
}

/* That key is really not there: the cursor stands where a search for it ended. */
static anp_status check_gap(store_txn *txn, store_table table, tree_cursor *c, str key,
                            anp_error *err) {
    if (c->height == 0) { /* an empty tree */
        return ANP_OK;
    }
    TRY(guard_pages(txn, table, c, err));
    uint32_t index = c->levels[c->height - 1].index, count = c->levels[c->height - 1].page.count;
    TRY(index > 0 ? check_neighbour(txn, table, c, index - 1, err)
                  : check_beside(txn, table, c, true, key, err));
    return index < count ? check_neighbour(txn, table, c, index, err)
                         : check_beside(txn, table, c, false, key, err);
}

static anp_status faulty(const store_txn *txn, store_table table, const tree_cursor *c,
                         anp_error *err) {
    return store_fault(txn->store, store_table_infos[table].name, &c->fault, err);
}

anp_status guard_find(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err) {
    tree_result result = tree_find(c, key);
    if (result == TREE_NONE) {
        TRY(check_gap(txn, table, c, key, err));
        return ANP_NOT_FOUND;
    }
    return result == TREE_FOUND ? ANP_OK : faulty(txn, table, c, err);
}

anp_status guard_seek(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err) {
    anp_status status = guard_find(txn, table, c, key, err);
    if (status != ANP_NOT_FOUND || c->height == 0) {
        return status;
    }
    struct tree_level *leaf = &c->levels[c->height - 1];
    if (leaf->index < leaf->page.count) {
        return ANP_OK;
    }
    leaf->index--;
    return guard_walk(txn, table, c, tree_next, err);
}

anp_status guard_peek(store_txn *txn, store_table table, tree_cursor *c, str key, anp_error *err) {
    if (tree_find(c, key) == TREE_DAMAGED) {
        return faulty(txn, table, c, err);
    }
    bool here = c->height && c->levels[c->height - 1].index < c->levels[c->height - 1].page.count;
    return here ? ANP_OK : guard_seek(txn, table, c, key, err);
}

anp_status guard_walk(store_txn *txn, store_table table, tree_cursor *c, guard_move *move,
                      anp_error *err) {
    uint64_t before = c->height ? c->levels[c->height - 1].page.number : 0;
    tree_result result = move(c);
    if (result == TREE_NONE) {
        return ANP_NOT_FOUND;
    }
    if (result == TREE_DAMAGED) {
        return faulty(txn, table, c, err);
    }
    bool same = c->levels[c->height - 1].page.number == before;
    return same ? ANP_OK : guard_pages(txn, table, c, err);
}
