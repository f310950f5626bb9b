/*
 * The reader of LMDB's pages, on pages in memory that end where the address space does: each rule
 * of a sound page broken once, then a great many broken at random.
 */
#include "store/aid.h"

#include "base/bytes.h"
#include "store/walk.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, COUNT = 400, LARGE = 7, FUZZ_ROUNDS = 20000 };

/* A file in memory, and a copy of it to go back to. */
typedef struct pages {
    tree_view view;
    uint8_t *bytes;
    uint8_t *sound;
    size_t size;
    page_tree terms; /* bytes keys, two levels */
    page_tree log;   /* number keys, large values among them */
    page_tree main;
    page_tree free;
} pages;

static char name[16];

/* The i-th of the terms, in order. */
static str term(int i) {
    return str_make(name, (size_t)snprintf(name, sizeof name, "term%05d", i));
}

static void build(const char *path) {
    static char bytes[9000];
    store_txn *txn;
    aid_create(path);
    store *s = aid_open(path, true);
    for (int commit = 0; commit < 3; commit++) {
        CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
        for (int i = 0; i < COUNT; i++) {
            str value = str_make(bytes, (size_t)(10 + commit));
            CHECK_EQ_INT(store_put(txn, STORE_TERMS, store_key_bytes(term(i)), value, false, NULL),
                         ANP_OK);
            value.len = i % 50 == LARGE ? 9000 : 10;
            CHECK_EQ_INT(store_put(txn, STORE_LOG, store_key_u64((uint64_t)i), value, false, NULL),
                         ANP_OK);
        }
        CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    }
    store_close(s);
}

static page_tree record_of(const pages *p, const char *table) {
    tree_cursor c;
    tree_node node;
    page_tree tree = {0};
    tree_cursor_begin(&c, &p->view, &p->main, false);
    if (CHECK_EQ_INT(tree_find(&c, str_from(table)), TREE_FOUND) && CHECK(tree_entry(&c, &node)) &&
        CHECK_EQ_INT(node.value.len, sizeof tree)) {
        memcpy(&tree, node.value.data, sizeof tree);
    }
    return tree;
}

static bool load(pages *p, const char *path) {
    p->size = (size_t)aid_file_bytes(path) / PAGE * PAGE;
    uint8_t *map =
        mmap(NULL, p->size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open(path, O_RDONLY);
    p->sound = malloc(p->size);
    if (map == MAP_FAILED || !p->sound || read(fd, map, p->size) != (ssize_t)p->size ||
        mprotect(map + p->size, PAGE, PROT_NONE) != 0) {
        return false;
    }
    close(fd);
    memcpy(p->sound, map, p->size);
    p->bytes = map;
    page_meta metas[2];
    memcpy(&metas[0], map + PAGE_HEADER_BYTES, sizeof metas[0]);
    memcpy(&metas[1], map + PAGE + PAGE_HEADER_BYTES, sizeof metas[1]);
    const page_meta *newest = &metas[metas[0].txn < metas[1].txn];
    p->view = (tree_view){map, PAGE, p->size / PAGE};
    p->main = newest->main;
    p->free = newest->free;
    p->terms = record_of(p, "terms");
    p->log = record_of(p, "log");
    return true;
}

static void restore(pages *p) {
    memcpy(p->bytes, p->sound, p->size);
}

/* Where term (or log entry) i stands: page and node. */
static uint8_t *place_of(const pages *p, const page_tree *tree, str key, uint8_t **page) {
    tree_cursor c;
    tree_cursor_begin(&c, &p->view, tree, tree == &p->log);
    CHECK_EQ_INT(tree_find(&c, key), TREE_FOUND);
    const struct tree_level *leaf = &c.levels[c.height - 1];
    *page = p->bytes + leaf->page.number * PAGE;
    return *page + load_u16(*page + PAGE_HEADER_BYTES + 2 * leaf->index);
}

static void expect_fault(pages *p, const page_tree *tree, str key, const char *what) {
    tree_cursor c;
    tree_node node;
    tree_cursor_begin(&c, &p->view, tree, tree == &p->log);
    tree_result result = tree_find(&c, key);
    bool fault = result == TREE_DAMAGED || (result == TREE_FOUND && !tree_entry(&c, &node));
    if (!CHECK(fault) || !CHECK(strstr(c.fault.what, what) != NULL)) {
        test_note("expected '%s', got '%s'", what, c.fault.what ? c.fault.what : "nothing");
    }
    restore(p);
}

static void check_pages(pages *p) {
    uint8_t *page;
    place_of(p, &p->terms, term(5), &page);
    store_u64(page, 3);
    expect_fault(p, &p->terms, term(5), "another number");
    store_u16(page + 10, PAGE_BRANCH);
    expect_fault(p, &p->terms, term(5), "no leaf page");
    store_u16(page + 12, PAGE_HEADER_BYTES); /* no entries */
    expect_fault(p, &p->terms, term(5), "impossible bounds");
    store_u16(page + 12, 4000); /* lower above upper */
    expect_fault(p, &p->terms, term(5), "impossible bounds");
    store_u16(page + 14, PAGE + 2);
    expect_fault(p, &p->terms, term(5), "impossible bounds");
    page = p->bytes + p->terms.root * PAGE;
    CHECK_EQ_INT(p->terms.depth, 2);
    store_u32(page + load_u16(page + PAGE_HEADER_BYTES), 1 << 20); /* the first child */
    expect_fault(p, &p->terms, term(0), "beyond the file");
    store_u32(page + load_u16(page + PAGE_HEADER_BYTES), 1); /* a meta page */
    expect_fault(p, &p->terms, term(0), "beyond the file");
    store_u32(page + load_u16(page + PAGE_HEADER_BYTES), (uint32_t)p->terms.root);
    expect_fault(p, &p->terms, term(0), "no leaf page");
    page_tree deep = p->terms;
    deep.depth = 3;
    expect_fault(p, &deep, term(0), "no branch page");
    deep.depth = 1;
    expect_fault(p, &deep, term(0), "no leaf page");
    deep.root = p->view.pages;
    expect_fault(p, &deep, term(0), "beyond the file");
}

static void check_entries(pages *p) {
    uint8_t *page, *node;
    uint64_t number = LARGE;
    str large = str_make((const char *)&number, 8);
    node = place_of(p, &p->terms, term(5), &page);
    for (uint32_t i = 0; i < (load_u16(page + 12) - PAGE_HEADER_BYTES) / 2u; i++) {
        store_u16(page + PAGE_HEADER_BYTES + 2 * i, 18); /* among the offsets */
    }
    expect_fault(p, &p->terms, term(5), "entry outside");
    store_u16(node + 6, 512);
    expect_fault(p, &p->terms, term(5), "key outside");
    store_u16(node, PAGE);
    expect_fault(p, &p->terms, term(5), "value outside");
    store_u16(node + 2, 0x7fff); /* 2 GB */
    expect_fault(p, &p->terms, term(5), "value outside");
    store_u16(node + 4, 8);
    expect_fault(p, &p->terms, term(5), "unknown kind");
    node = place_of(p, &p->log, large, &page);
    CHECK_EQ_INT(load_u16(node + 4), NODE_OVERFLOW);
    uint8_t *value = p->bytes + load_u64(node + 16) * PAGE;
    store_u16(node + 6, 4);
    expect_fault(p, &p->log, large, "wrong length");
    store_u64(node + 16, p->view.pages);
    expect_fault(p, &p->log, large, "value beyond");
    store_u64(node + 16, p->log.root);
    expect_fault(p, &p->log, large, "no value page");
    store_u64(value, 1);
    expect_fault(p, &p->log, large, "no value page");
    store_u32(value + 12, 1);
    expect_fault(p, &p->log, large, "longer than its pages");
    store_u32(value + 12, (uint32_t)p->view.pages);
    expect_fault(p, &p->log, large, "longer than its pages");
    store_u32(node, 3 * PAGE);
    expect_fault(p, &p->log, large, "longer than its pages");
}

/* ---- The walk ------------------------------------------------------------------------------ */

static char said[4096];
static int said_lines;

__attribute__((format(printf, 2, 3))) static void hear(walk *w, const char *format, ...) {
    va_list args;
    size_t len = strlen(said);
    (void)w;
    said_lines++;
    va_start(args, format);
    vsnprintf(said + len, sizeof said - len, format, args);
    va_end(args);
}

static void touch(walk *w, const tree_node *node) {
    uint64_t *sum = w->user;
    *sum += node->value.len ? (uint8_t)node->value.data[node->value.len - 1] : 0;
}

static void walk_one(const pages *p, const page_tree *tree, bool numbers) {
    uint64_t sum = 0;
    walk w = {.view = p->view,
              .page_end = p->view.pages,
              .table = "it",
              .report = hear,
              .entry = touch,
              .user = &sum};
    w.owned = calloc(1, p->view.pages / 8 + 1);
    said[0] = 0;
    said_lines = 0;
    walk_tree(&w, tree, numbers);
    free(w.owned);
}

static void expect_said(pages *p, const char *what) {
    walk_one(p, &p->terms, false);
    if (!CHECK(strstr(said, what) != NULL)) {
        test_note("expected '%s', said '%s'", what, said);
    }
    restore(p);
}

static void check_walk(pages *p) {
    uint8_t *page, *next_page, *node = place_of(p, &p->terms, term(5), &page);
    uint8_t *next = place_of(p, &p->terms, term(6), &next_page);
    walk_one(p, &p->terms, false);
    CHECK_EQ_STR(said, "");
    walk_one(p, &p->log, true);
    CHECK_EQ_STR(said, "");
    CHECK(page == next_page);
    memcpy(next + PAGE_NODE_BYTES, node + PAGE_NODE_BYTES, 9); /* the same key twice */
    expect_said(p, "out of order");
    /*
     * The last key of the first leaf becomes greater than all of the second; order in the leaf
     * holds.
     */
    uint32_t count = (load_u16(page + 12) - PAGE_HEADER_BYTES) / 2u;
    uint8_t *last = page + load_u16(page + PAGE_HEADER_BYTES + 2 * (count - 1));
    memcpy(last + PAGE_NODE_BYTES, "zzzz", 4);
    expect_said(p, "to the right");
    /* The first key of the second leaf becomes less than its separator. */
    uint8_t *root = p->bytes + p->terms.root * PAGE;
    uint8_t *branch = root + load_u16(root + PAGE_HEADER_BYTES + 2);
    uint8_t *second = p->bytes + load_u32(branch) * PAGE;
    uint8_t *first = second + load_u16(second + PAGE_HEADER_BYTES);
    memcpy(first + PAGE_NODE_BYTES, "aaaa", 4);
    expect_said(p, "to the left");
    /* Two children that are one. */
    store_u32(branch, load_u32(root + load_u16(root + PAGE_HEADER_BYTES)));
    expect_said(p, "in use elsewhere");
    page_tree wrong = p->terms;
    wrong.entries++;
    walk_one(p, &wrong, false);
    CHECK_EQ_INT(said_lines, 1);
    CHECK(strstr(said, "400 entries, its record says 401") != NULL);
}

/* Whatever the bytes are: answers, faults, but no access outside (the guard page) and an end. */
static void check_fuzz(pages *p) {
    prng r = {31};
    int faults = 0;
    uint64_t sum = 0;
    for (int i = 0; i < FUZZ_ROUNDS; i++) {
        uint64_t last[16];
        int wounds = 1 + (int)prng_below(&r, 16);
        for (int j = 0; j < wounds; j++) {
            uint64_t number = PAGE_META_COUNT + prng_below(&r, (uint32_t)p->view.pages - 2);
            uint64_t at =
                number * PAGE + (prng_below(&r, 2) ? prng_below(&r, 40) : prng_below(&r, PAGE));
            last[j] = at;
            p->bytes[at] = (uint8_t)prng_next(&r);
        }
        bool numbers = prng_below(&r, 2);
        const page_tree *tree = numbers ? &p->log : &p->terms;
        uint64_t number = prng_below(&r, COUNT);
        str key = numbers ? str_make((const char *)&number, 8) : term((int)number);
        tree_cursor c;
        tree_node node;
        tree_cursor_begin(&c, &p->view, tree, numbers);
        tree_result result = prng_below(&r, 2) ? tree_seek(&c, key) : tree_last(&c);
        for (int steps = 0; result == TREE_FOUND && steps < 50; steps++) {
            if (!tree_entry(&c, &node)) {
                result = TREE_DAMAGED;
                break;
            }
            sum += node.value.len ? (uint8_t)node.value.data[node.value.len - 1] : 0;
            result = tree_next(&c);
        }
        faults += result == TREE_DAMAGED;
        if (i % 8 == 0) {
            walk_one(p, tree, numbers);
        }
        for (int j = 0; j < wounds; j++) {
            p->bytes[last[j]] = p->sound[last[j]];
        }
    }
    CHECK(faults > FUZZ_ROUNDS / 100);
    CHECK(memcmp(p->bytes, p->sound, p->size) == 0 && sum != 1);
}

void test_store_tree(void) {
    pages p = {0};
    const char *path = aid_path("tree.db");
    CASE("sound pages");
    build(path);
    if (!CHECK(load(&p, path))) {
        return;
    }
    CASE("pages");
    check_pages(&p);
    CASE("entries");
    check_entries(&p);
    CASE("the walk");
    check_walk(&p);
    CASE("random bytes");
    check_fuzz(&p);
    munmap(p.bytes, p.size + PAGE);
    free(p.sound);
}
