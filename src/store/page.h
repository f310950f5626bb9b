/*
 * The pages of an LMDB file (data version 1, 64-bit, little-endian), as far as we read them without
 * LMDB.
 *
 * Page p lies at p * page_bytes and begins with a header; the page size stands in the meta pages.
 *
 *     0          8      10      12       14      16
 *     +----------+------+-------+--------+-------+---------------------------------------------+
 *     | number p | pad  | flags | lower  | upper | branch, leaf: offsets (u16) and nodes       |
 *     |          |      |       |        |       | meta: page_meta                             |
 *     |          |      |       | pages, u32     | overflow: a value, over `pages` pages       |
 *     +----------+------+-------+--------+-------+---------------------------------------------+
 *
 *     pages 0, 1   meta of the commits with even and odd number: commit n overwrites page n & 1, so
 *                  that the commit before stays readable; the greater number counts
 *     lower        end of the array of offsets; (lower - 16) / 2 nodes, in key order
 *     node         u16 low, u16 high, u16 flags, u16 key bytes, key, value
 *                  in a branch low | high << 16 | flags << 32 is the child's page number; nobody
 *                  looks at the first node's key; in a leaf low | high << 16 is the value's size,
 *                  and with NODE_OVERFLOW the u64 number of its first page stands in its place
 *
 * Three trees hang on a meta page: `free` (key: transaction number; value: u64 count, then page
 * numbers, descending), `main` (key: a table's name, value: its page_tree, node flag NODE_TREE),
 * and below main a tree for each table.
 */
#ifndef ANP_STORE_PAGE_H
#define ANP_STORE_PAGE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAGE_HEADER_BYTES = 16,
    PAGE_NODE_BYTES = 8,
    PAGE_META_COUNT = 2, /* the first page that is not meta */

    PAGE_BRANCH = 0x01,
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,

    NODE_OVERFLOW = 0x01,
    NODE_TREE = 0x02,

    PAGE_TREE_INTEGER_KEYS = 0x08,

    PAGE_VERSION = 1,
    PAGE_BYTES_MIN = 512,
    PAGE_BYTES_MAX = 32768,
    PAGE_KEY_BYTES_MAX = 511, /* LMDB's own limit */
    PAGE_DEPTH_MAX = 32,      /* LMDB's own limit */
};

#define PAGE_MAGIC 0xBEEFC0DEu
#define PAGE_NONE UINT64_MAX /* the root of an empty tree */

typedef struct page_header {
    uint64_t number;
    uint16_t pad;
    uint16_t flags;
    union {
        struct {
            uint16_t lower;
            uint16_t upper;
        };
        uint32_t pages;
    };
} page_header;

typedef struct page_tree {
    uint32_t page_bytes; /* in the free tree of a meta page only */
    uint16_t flags;
    uint16_t depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
} page_tree;

typedef struct page_meta {
    uint32_t magic;
    uint32_t version;
    uint64_t address;
    uint64_t map_bytes;
    page_tree free;
    page_tree main;
    uint64_t last_page;
    uint64_t txn;
} page_meta;

static_assert(sizeof(page_header) == PAGE_HEADER_BYTES, "page header");
static_assert(offsetof(page_header, lower) == 12, "page header");
static_assert(sizeof(page_tree) == 48, "tree record");
static_assert(offsetof(page_tree, root) == 40, "tree record");
static_assert(sizeof(page_meta) == 136, "meta page");
static_assert(offsetof(page_meta, free) == 24, "meta page");
static_assert(offsetof(page_meta, txn) == 128, "meta page");

#endif
