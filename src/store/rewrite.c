/*
 * See rewrite.h; the pages are drawn in page.h.
 *
 * A tree is built from below: each level has one page in hand. A page that has no room for the next
 * node is written, and its first key with its number goes to the level above. LMDB wants two
 * children in every branch, so a full branch hands its last child on to the next one.
 */
#include "store/rewrite.h"

#include "base/error.h"
#include "base/vec.h"
#include "store/environment.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum {
    OUT_BYTES = 1 << 20,
    WATCH_BYTES = 1 << 20,
};

/* One level of a tree: the page in hand, whose offsets grow from below and nodes from above. */
typedef struct level {
    uint8_t *page;
    uint32_t lower;
    uint32_t upper;
    uint32_t count;
    uint32_t first_len; /* of the first key of all that hangs below */
    char first[PAGE_KEY_BYTES_MAX];
} level;

typedef struct builder {
    page_tree tree;
    bool integer_keys;
    unsigned height; /* levels in use */
    level levels[PAGE_DEPTH_MAX];
    uint32_t last_len;
    char last[PAGE_KEY_BYTES_MAX];
} builder;

/* A record of meta, held back to the end: they come in any order and the last one counts. */
typedef struct record {
    char *key;
    char *value;
    size_t value_len;
} record;

struct store_rewrite {
    making making;
    const char *what; /* for messages: the path */
    bool finished;
    bool published;
    uint64_t number;
    uint32_t page_bytes;
    uint32_t node_max; /* larger nodes put their value into pages of its own */
    page_meta like;
    uint64_t next_page;
    uint8_t *out;
    size_t out_len;
    builder *builders; /* by table, then the main tree */
    store_tally tallies[STORE_TABLES];
    VEC(record) records;
};

/* ---- The file ------------------------------------------------------------------------------ */

static anp_status fail_write(const store_rewrite *p, int code, anp_error *err) {
    struct statvfs room;
    bool full = code == ENOSPC || code == EDQUOT || code == EFBIG ||
                (code == EIO && fstatvfs(p->making.fd, &room) == 0 && room.f_bavail == 0);
    if (full) {
        return error_os(err, ANP_NOSPACE, code,
                        "cannot write %s: no space left on its disk, or the limit of a file's size "
                        "is reached; nothing else was changed", p->what);
    }
    return error_os(err, ANP_IO, code, "cannot write %s", p->what);
}

static anp_status write_all(const store_rewrite *p, const uint8_t *bytes, size_t len,
                            anp_error *err) {
    while (len) {
        ssize_t done = write(p->making.fd, bytes, len);
        if (done < 0 && errno != EINTR) {
            return fail_write(p, errno, err);
        }
        bytes += done > 0 ? done : 0;
        len -= done > 0 ? (size_t)done : 0;
    }
    return ANP_OK;
}

static anp_status flush(store_rewrite *p, anp_error *err) {
    size_t len = p->out_len;
    p->out_len = 0;
    return write_all(p, p->out, len, err);
}

/* NULL: zeros. */
static anp_status emit(store_rewrite *p, const void *bytes, size_t len, anp_error *err) {
    const uint8_t *at = bytes;
    while (len) {
        size_t part = OUT_BYTES - p->out_len < len ? OUT_BYTES - p->out_len : len;
        if (at) {
            memcpy(p->out + p->out_len, at, part);
            at += part;
        } else {
            memset(p->out + p->out_len, 0, part);
        }
        p->out_len += part;
        len -= part;
        if (p->out_len == OUT_BYTES) {
            TRY(flush(p, err));
        }
    }
    return ANP_OK;
}

uint64_t store_rewrite_bytes(const store_rewrite *p) {
    return p->next_page * p->page_bytes;
}

/* ---- Pages and trees ----------------------------------------------------------------------- */

static bool level_begin(const store_rewrite *p, level *l) {
    if (!l->page && !(l->page = malloc(p->page_bytes))) {
        return false;
    }
    memset(l->page, 0, p->page_bytes); /* what is left of a page is no business of the file */
    l->lower = PAGE_HEADER_BYTES;
    l->upper = p->page_bytes;
    l->count = 0;
    return true;
}

static bool has_room(const level *l, uint32_t node_bytes) {
    return l->upper - l->lower >= node_bytes + sizeof(uint16_t);
}

/* The place of a new node, behind all others in key order. */
static uint8_t *level_add(level *l, uint32_t node_bytes) {
    l->upper -= node_bytes;
    store_u16(l->page + l->lower, (uint16_t)l->upper);
    l->lower += (uint32_t)sizeof(uint16_t);
    l->count++;
    return l->page + l->upper;
}

static uint32_t even(size_t bytes) {
    return (uint32_t)(bytes + 1) & ~1u;
}

static void put_node_head(uint8_t *node, uint64_t low48, str key) {
    store_u32(node, (uint32_t)low48);
    store_u16(node + 4, (uint16_t)(low48 >> 32));
    store_u16(node + 6, (uint16_t)key.len);
    if (key.len) {
        memcpy(node + PAGE_NODE_BYTES, key.data, key.len);
    }
}

static void set_first(level *l, str key) {
    memcpy(l->first, key.data, key.len);
    l->first_len = (uint32_t)key.len;
}

/* Writes the page in hand; its number. */
static anp_status write_page(store_rewrite *p, builder *b, unsigned at, uint64_t *number,
                             anp_error *err) {
    level *l = &b->levels[at];
    page_header head = {.number = p->next_page, .flags = at ? PAGE_BRANCH : PAGE_LEAF};
    head.lower = (uint16_t)l->lower;
    head.upper = (uint16_t)l->upper;
    memcpy(l->page, &head, sizeof head);
    *number = p->next_page++;
    *(at ? &b->tree.branch_pages : &b->tree.leaf_pages) += 1;
    return emit(p, l->page, p->page_bytes, err);
}

static anp_status add_child(store_rewrite *p, builder *b, unsigned at, str key, uint64_t child,
                            anp_error *err);

/* Writes the page in hand, tells the level above, and begins the next one. */
static anp_status turn_page(store_rewrite *p, builder *b, unsigned at, anp_error *err) {
    level *l = &b->levels[at];
    uint64_t number;
    TRY(write_page(p, b, at, &number, err));
    TRY(add_child(p, b, at + 1, str_make(l->first, l->first_len), number, err));
    return level_begin(p, l) ? ANP_OK : error_nomem(err, "writing an index");
}

/* Takes the last child off a branch that is full. */
static void take_last(level *l, char key[PAGE_KEY_BYTES_MAX], uint32_t *len, uint64_t *child) {
    const uint8_t *node = l->page + l->upper;
    *child = load_u32(node) | (uint64_t)load_u16(node + 4) << 32;
    *len = load_u16(node + 6);
    memcpy(key, node + PAGE_NODE_BYTES, *len);
    uint32_t bytes = even(PAGE_NODE_BYTES + *len);
    memset(l->page + l->upper, 0, bytes);
    l->upper += bytes;
    l->lower -= (uint32_t)sizeof(uint16_t);
    store_u16(l->page + l->lower, 0);
    l->count--;
}

static void put_child(level *l, str key, uint64_t child) {
    str shown = l->count ? key : (str){"", 0}; /* nobody looks at the first one */
    if (!l->count) {
        set_first(l, key);
    }
    put_node_head(level_add(l, even(PAGE_NODE_BYTES + shown.len)), child, shown);
}

static anp_status add_child(store_rewrite *p, builder *b, unsigned at, str key, uint64_t child,
                            anp_error *err) {
    if (at >= PAGE_DEPTH_MAX) {
        return error_set(err, ANP_LIMIT, "cannot write %s: a table is too large", p->what);
    }
    level *l = &b->levels[at];
    if (at >= b->height) {
        if (!level_begin(p, l)) {
            return error_nomem(err, "writing an index");
        }
        b->height = at + 1;
    }
    if (!has_room(l, even(PAGE_NODE_BYTES + key.len))) {
        char last[PAGE_KEY_BYTES_MAX];
        uint32_t len;
        uint64_t before;
        take_last(l, last, &len, &before);
        TRY(turn_page(p, b, at, err));
        put_child(l, str_make(last, len), before);
    }
    put_child(l, key, child);
    return ANP_OK;
}

/* A value of pages of its own; its first page. */
static anp_status put_large(store_rewrite *p, builder *b, str value, str tail, uint64_t *first,
                            anp_error *err) {
    size_t len = value.len + tail.len + PAGE_HEADER_BYTES;
    uint64_t pages = (len + p->page_bytes - 1) / p->page_bytes;
    page_header head = {.number = p->next_page, .flags = PAGE_OVERFLOW};
    head.pages = (uint32_t)pages;
    *first = p->next_page;
    p->next_page += pages;
    b->tree.overflow_pages += pages;
    TRY(emit(p, &head, sizeof head, err));
    TRY(emit(p, value.data, value.len, err));
    TRY(emit(p, tail.data, tail.len, err));
    return emit(p, NULL, (size_t)(pages * p->page_bytes - len), err);
}

static bool is_above(const builder *b, str key) {
    if (b->tree.entries == 0) {
        return true;
    }
    if (b->integer_keys) {
        return load_u64(key.data) > load_u64(b->last);
    }
    return str_compare(key, str_make(b->last, b->last_len)) > 0;
}

/* value and tail (its checksum) are one; flags: of the node. */
static anp_status put_entry(store_rewrite *p, builder *b, str key, str value, str tail,
                            uint16_t flags, anp_error *err) {
    level *leaf = &b->levels[0];
    uint64_t first = 0;
    size_t size = value.len + tail.len;
    bool large = PAGE_NODE_BYTES + key.len + size > p->node_max;
    uint32_t bytes = even(PAGE_NODE_BYTES + key.len + (large ? sizeof first : size));
    if (!is_above(b, key)) {
        return error_set(err, ANP_INVALID, "cannot write %s: a key is not above those before it",
                         p->what);
    }
    if (b->height == 0) {
        if (!level_begin(p, leaf)) {
            return error_nomem(err, "writing an index");
        }
        b->height = 1;
    }
    if (!has_room(leaf, bytes)) {
        TRY(turn_page(p, b, 0, err));
    }
    if (large) {
        TRY(put_large(p, b, value, tail, &first, err));
    }
    if (leaf->count == 0) {
        set_first(leaf, key);
    }
    uint8_t *node = level_add(leaf, bytes), *at = node + PAGE_NODE_BYTES + key.len;
    put_node_head(node, size | (uint64_t)(flags | (large ? NODE_OVERFLOW : 0)) << 32, key);
    if (large) {
        store_u64(at, first);
    } else {
        memcpy(at, value.data, value.len);
        if (tail.len) {
            memcpy(at + value.len, tail.data, tail.len);
        }
    }
    memcpy(b->last, key.data, key.len);
    b->last_len = (uint32_t)key.len;
    b->tree.entries++;
    return ANP_OK;
}

/* Writes the pages in hand, from the leaf up; the last one is the root. */
static anp_status finish_tree(store_rewrite *p, builder *b, anp_error *err) {
    b->tree.root = PAGE_NONE;
    b->tree.depth = (uint16_t)b->height;
    for (unsigned at = 0; at < b->height; at++) {
        TRY(write_page(p, b, at, &b->tree.root, err));
        if (at + 1 < b->height) {
            level *l = &b->levels[at];
            TRY(add_child(p, b, at + 1, str_make(l->first, l->first_len), b->tree.root, err));
            b->tree.depth = (uint16_t)b->height; /* the child may have made the tree higher */
        }
    }
    return ANP_OK;
}

/* ---- Entries ------------------------------------------------------------------------------- */

static anp_status put_checked(store_rewrite *p, store_table table, str key, str value, bool counted,
                              anp_error *err) {
    uint8_t tail[CHECKSUM_BYTES];
    uint64_t checksum = checksum_of(table, key, value);
    store_u64(tail, checksum);
    if (counted) {
        p->tallies[table].entries++;
        p->tallies[table].set_hash += checksum;
    }
    return put_entry(p, &p->builders[table], key, value,
                     str_make((const char *)tail, sizeof tail), 0, err);
}

static bool is_own(str key) {
    return str_equal(key, STR(STORE_TALLY_KEY)) || str_equal(key, STR(STORE_FORMAT_KEY));
}

static anp_status hold_record(store_rewrite *p, str key, str value, anp_error *err) {
    record r = {malloc(key.len + 1), malloc(value.len + 1), value.len};
    if (r.key && r.value) {
        memcpy(r.key, key.data, key.len); /* no strndup: nothing ends the key in its page */
        r.key[key.len] = 0;
        memcpy(r.value, value.data, value.len);
        for (size_t i = 0; i < p->records.count; i++) {
            record *have = &p->records.items[i];
            if (strcmp(have->key, r.key) == 0) {
                free(have->value);
                free(r.key);
                have->value = r.value;
                have->value_len = r.value_len;
                return ANP_OK;
            }
        }
        if (vec_push(&p->records, r)) {
            return ANP_OK;
        }
    }
    free(r.key);
    free(r.value);
    return error_nomem(err, "writing an index");
}

anp_status store_rewrite_put(store_rewrite *p, store_table table, store_key key, str value,
                             anp_error *err) {
    str bytes = table_key_bytes(table, &key);
    if (bytes.len == 0 || bytes.len > PAGE_KEY_BYTES_MAX ||
        value.len > UINT32_MAX - 2 * CHECKSUM_BYTES) {
        return error_set(err, ANP_LIMIT,
                         "cannot write %s: a key of %zu bytes or a value of %zu is too long",
                         p->what, bytes.len, value.len);
    }
    if (table == STORE_META) {
        return is_own(bytes) ? ANP_OK : hold_record(p, bytes, value, err);
    }
    return put_checked(p, table, bytes, value, true, err);
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const record *)a)->key, ((const record *)b)->key);
}

/* The records of meta, with the store's own: "tables" last, since it counts the others. */
static anp_status put_records(store_rewrite *p, anp_error *err) {
    uint8_t format[4], tallies[TALLY_RECORD_BYTES] = {0};
    store_u32(format, STORE_FORMAT_VERSION);
    TRY(hold_record(p, STR(STORE_FORMAT_KEY), str_make((const char *)format, 4), err));
    TRY(hold_record(p, STR(STORE_TALLY_KEY), str_make((const char *)tallies, sizeof tallies), err));
    qsort(p->records.items, p->records.count, sizeof *p->records.items, by_key);
    store_tally *own = &p->tallies[STORE_META];
    for (size_t i = 0; i < p->records.count; i++) {
        const record *r = &p->records.items[i];
        if (strcmp(r->key, STORE_TALLY_KEY) != 0) {
            own->entries++;
            own->set_hash += checksum_of(STORE_META, str_from(r->key),
                                         str_make(r->value, r->value_len));
        }
    }
    for (size_t i = 0; i < p->records.count; i++) {
        const record *r = &p->records.items[i];
        str value = str_make(r->value, r->value_len);
        if (strcmp(r->key, STORE_TALLY_KEY) == 0) {
            table_write_tallies(p->number, p->tallies, tallies);
            value = str_make((const char *)tallies, sizeof tallies);
        }
        TRY(put_checked(p, STORE_META, str_from(r->key), value, false, err));
    }
    return ANP_OK;
}

/* ---- Begin and end ------------------------------------------------------------------------- */

anp_status store_rewrite_open(store_txn *txn, const char *path, store_rewrite **out,
                              anp_error *err) {
    *out = NULL;
    store_rewrite *p = calloc(1, sizeof *p);
    if (!p) {
        return error_nomem(err, "writing an index");
    }
    p->making = (making){.folder = -1, .fd = -1};
    p->number = txn->number;
    p->like = txn->meta;
    p->page_bytes = txn->view.page_bytes;
    p->node_max = (((p->page_bytes - PAGE_HEADER_BYTES) / 2) & ~1u) - 2; /* LMDB's own rule */
    p->next_page = PAGE_META_COUNT;
    p->out = malloc(OUT_BYTES);
    p->builders = calloc(STORE_TABLES + 1, sizeof *p->builders);
    anp_status status = p->out && p->builders ? ANP_OK : error_nomem(err, "writing an index");
    for (int i = 0; p->builders && i < STORE_TABLES; i++) {
        p->builders[i].integer_keys = store_table_infos[i].key_kind == STORE_KEY_U64;
        p->builders[i].tree.flags = p->builders[i].integer_keys ? PAGE_TREE_INTEGER_KEYS : 0;
    }
    if (status == ANP_OK && path) {
        status = environment_resolve(path, false, &p->making.path, err);
    } else if (status == ANP_OK && !(p->making.path = strdup(txn->store->path))) {
        status = error_nomem(err, "writing an index");
    }
    if (status == ANP_OK) {
        p->what = p->making.path;
        status = making_begin(&p->making, path != NULL, err);
    }
    if (status == ANP_OK) { /* the metas' place */
        status = emit(p, NULL, (size_t)PAGE_META_COUNT * p->page_bytes, err);
    }
    if (status != ANP_OK) {
        store_rewrite_close(p);
        return status;
    }
    *out = p;
    return ANP_OK;
}

static anp_status put_main(store_rewrite *p, anp_error *err) {
    int order[STORE_TABLES];
    for (int i = 0; i < STORE_TABLES; i++) {
        int at = i;
        for (; at > 0 && strcmp(store_table_infos[order[at - 1]].name, store_table_infos[i].name) >
                             0; at--) {
            order[at] = order[at - 1];
        }
        order[at] = i;
    }
    builder *main = &p->builders[STORE_TABLES];
    for (int i = 0; i < STORE_TABLES; i++) {
        const page_tree *tree = &p->builders[order[i]].tree;
        TRY(put_entry(p, main, str_from(store_table_infos[order[i]].name),
                      str_make((const char *)tree, sizeof *tree), (str){"", 0}, NODE_TREE, err));
    }
    return finish_tree(p, main, err);
}

/* Both meta pages tell the same trees, as of this commit and the one before. */
static anp_status put_metas(store_rewrite *p, anp_error *err) {
    page_meta meta = p->like;
    meta.free.branch_pages = meta.free.leaf_pages = meta.free.overflow_pages = 0;
    meta.free.entries = 0;
    meta.free.depth = 0;
    meta.free.root = PAGE_NONE;
    uint16_t flags = meta.main.flags;
    meta.main = p->builders[STORE_TABLES].tree;
    meta.main.flags = flags;
    meta.last_page = p->next_page - 1;
    for (int i = 0; i < PAGE_META_COUNT; i++) {
        meta.txn = (p->number & 1) == (uint64_t)i ? p->number : p->number - 1;
        page_header head = {.number = (uint64_t)i, .flags = PAGE_META};
        memset(p->out, 0, p->page_bytes);
        memcpy(p->out, &head, sizeof head);
        memcpy(p->out + sizeof head, &meta, sizeof meta);
        if (lseek(p->making.fd, (off_t)i * p->page_bytes, SEEK_SET) < 0) {
            return fail_write(p, errno, err);
        }
        TRY(write_all(p, p->out, p->page_bytes, err));
        if (meta.txn == p->number) {
            p->making.meta = meta;
        }
    }
    return ANP_OK;
}

anp_status store_rewrite_finish(store_rewrite *p, anp_error *err) {
    TRY(put_records(p, err));
    for (int i = 0; i < STORE_TABLES; i++) {
        TRY(finish_tree(p, &p->builders[i], err));
    }
    TRY(put_main(p, err));
    TRY(flush(p, err));
    TRY(put_metas(p, err));
    environment_step("written");
    if (fsync(p->making.fd) != 0) {
        return fail_write(p, errno, err);
    }
    environment_step("synced back");
    TRY(verify_file(p->what, p->making.fd, &p->making.meta, p->tallies, err));
    p->finished = true;
    return ANP_OK;
}

const char *store_rewrite_path(const store_rewrite *p) {
    return p->making.temp;
}

anp_status store_rewrite_publish(store_rewrite *p, anp_error *err) {
    if (!p->finished) {
        return error_set(err, ANP_INVALID, "cannot publish %s: it is not finished", p->what);
    }
    TRY(making_publish(&p->making, err));
    p->published = true;
    return ANP_OK;
}

anp_status store_rewrite_replace(store_rewrite *p, store_txn *txn, anp_error *err) {
    store *s = txn->store;
    if (!p->finished || !txn->write || txn->dirty || txn->number != p->number) {
        store_abort(txn);
        return error_set(err, ANP_INVALID, "cannot replace %s: the transaction is another one",
                         p->what);
    }
    anp_status status = replace_begin(p->making.temp, &p->making.meta, txn, err);
    p->published = status == ANP_OK;
    if (status == ANP_OK) {
        /* If this process cannot go there yet, its next transaction tries again. */
        anp_status followed = environment_follow(s, NULL);
        (void)followed;
    }
    return status;
}

void store_rewrite_close(store_rewrite *p) {
    if (!p) {
        return;
    }
    making_end(&p->making, p->published);
    for (int i = 0; p->builders && i <= STORE_TABLES; i++) {
        for (int at = 0; at < PAGE_DEPTH_MAX; at++) {
            free(p->builders[i].levels[at].page);
        }
    }
    for (size_t i = 0; i < p->records.count; i++) {
        free(p->records.items[i].key);
        free(p->records.items[i].value);
    }
    free(p->records.items);
    free(p->builders);
    free(p->out);
    free(p);
}

/* ---- Backup -------------------------------------------------------------------------------- */

typedef struct copying {
    store_txn *txn;
    store_rewrite *rewrite;
    store_watch watch;
    uint64_t whole;
    uint64_t asked; /* bytes, when it was */
} copying;

static anp_status ask(copying *c, uint64_t after, anp_error *err) {
    uint64_t done = store_rewrite_bytes(c->rewrite);
    if (!c->watch.ask || done < c->asked + after) {
        return ANP_OK;
    }
    c->asked = done;
    return c->watch.ask(c->watch.user, done, c->whole)
               ? ANP_OK
               : error_set(err, ANP_CANCELLED, "stopped as asked; %s was not made",
                           c->rewrite->what);
}

static anp_status copy_table(copying *c, store_table table, anp_error *err) {
    store_cursor *cursor;
    bool numbers = store_table_infos[table].key_kind == STORE_KEY_U64;
    store_key key = numbers ? store_key_u64(0) : store_key_bytes((str){"", 0});
    str value;
    TRY(store_cursor_open(c->txn, table, &cursor, err));
    anp_status status = store_seek(cursor, key, &key, &value, err);
    while (status == ANP_OK) {
        status = store_rewrite_put(c->rewrite, table, key, value, err);
        if (status == ANP_OK) {
            status = ask(c, WATCH_BYTES, err);
        }
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, err);
        }
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ask(c, 0, err) : status;
}

/* Whether what was copied is what the source's record of tables says. */
static anp_status compare_tallies(store_txn *txn, const store_rewrite *p, anp_error *err) {
    store_tally recorded[STORE_TABLES];
    TRY(table_read_tallies(txn, recorded, NULL, err));
    for (int i = 0; i < STORE_TABLES; i++) {
        if (p->tallies[i].entries != recorded[i].entries ||
            p->tallies[i].set_hash != recorded[i].set_hash) {
            return error_corrupt(err, "%s is damaged: table %s has not the entries that it should; "
                                 "verify it, restore a backup", store_path(txn->store),
                                 store_table_infos[i].name);
        }
    }
    return ANP_OK;
}

static anp_status copy_tables(copying *c, anp_error *err) {
    for (int i = 0; i < STORE_TABLES; i++) {
        store_table_size size;
        TRY(store_table_measure(c->txn, (store_table)i, &size, err));
        c->whole += size.bytes;
    }
    for (int i = 0; i < STORE_TABLES; i++) {
        TRY(copy_table(c, (store_table)i, err));
    }
    TRY(store_rewrite_finish(c->rewrite, err));
    return compare_tallies(c->txn, c->rewrite, err);
}

anp_status store_backup(store *s, const char *path, store_watch watch, uint64_t *bytes,
                        anp_error *err) {
    store_txn *txn;
    store_rewrite *p = NULL;
    TRY(store_begin_read(s, &txn, err));
    anp_status status = store_rewrite_open(txn, path, &p, err);
    if (status == ANP_OK) {
        copying c = {.txn = txn, .rewrite = p, .watch = watch};
        status = copy_tables(&c, err);
    }
    store_abort(txn); /* the source may reuse its pages while the folder is synced */
    if (status == ANP_OK) {
        status = store_rewrite_publish(p, err);
    }
    if (status == ANP_OK && bytes) {
        *bytes = store_rewrite_bytes(p);
    }
    store_rewrite_close(p);
    return status;
}
