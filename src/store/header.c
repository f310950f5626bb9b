/*
 * See header.h.
 *
 * What an honest file always has: commit n stands in page n & 1 and n - 1 in the other one (a new
 * file: 0 in both); both name the same page size; and the file reaches to the last page, except
 * that pages which one transaction both took and gave back may be missing at the end, and then
 * stand in the free list. A transaction number with a flipped bit breaks the first rule.
 */
#include "store/header.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    META_END = PAGE_HEADER_BYTES + sizeof(page_meta),
    /*
     * A reading that a commit disturbs is done again; each takes microseconds, a commit takes
     * longer.
     */
    READ_TRIES = 100,
};

typedef struct raw_meta {
    uint8_t bytes[META_END];
    ssize_t len;
} raw_meta;

static raw_meta read_raw(int fd, uint64_t at) {
    raw_meta raw;
    do {
        raw.len = pread(fd, raw.bytes, sizeof raw.bytes, (off_t)at);
    } while (raw.len < 0 && errno == EINTR);
    return raw;
}

static page_meta decode(const raw_meta *raw) {
    page_meta meta;
    memcpy(&meta, raw->bytes + PAGE_HEADER_BYTES, sizeof meta);
    return meta;
}

static bool has_magic(const raw_meta *raw) {
    return raw->len == META_END && decode(raw).magic == PAGE_MAGIC;
}

static bool valid_page_bytes(uint64_t bytes) {
    return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX && (bytes & (bytes - 1)) == 0;
}

/* Where meta page 1 lies. Page 0 may be the damaged one: then the usual page size is tried. */
static uint64_t second_at(const raw_meta *first) {
    uint64_t bytes = has_magic(first) ? decode(first).free.page_bytes : 0;
    return valid_page_bytes(bytes) ? bytes : 4096;
}

/* Reads until two readings agree. */
static anp_status read_both(int fd, const char *path, raw_meta raw[PAGE_META_COUNT],
                            uint64_t *file_bytes, anp_error *err) {
    for (int attempt = 0; attempt < READ_TRIES; attempt++) {
        struct stat info;
        raw[0] = read_raw(fd, 0);
        raw[1] = read_raw(fd, second_at(&raw[0]));
        raw_meta again[PAGE_META_COUNT] = {read_raw(fd, 0), read_raw(fd, second_at(&raw[0]))};
        if (raw[0].len < 0 || raw[1].len < 0 || fstat(fd, &info) != 0) {
            return error_os(err, ANP_IO, errno, "cannot read %s", path);
        }
        *file_bytes =
            (uint64_t)info.st_size; /* after the metas: data pages are written before them */
        bool same = true;
        for (int i = 0; i < PAGE_META_COUNT; i++) {
            same &= raw[i].len == again[i].len &&
                    memcmp(raw[i].bytes, again[i].bytes, (size_t)raw[i].len) == 0;
        }
        if (same) {
            return ANP_OK;
        }
        sched_yield();
    }
    return error_set(err, ANP_BUSY, "cannot read the header of %s: commits never cease; try again",
                     path);
}

/* The magic numbers: was this ever an LMDB file? */
static anp_status check_magic(const char *path, const raw_meta raw[PAGE_META_COUNT],
                              uint64_t file_bytes, anp_error *err) {
    if (file_bytes == 0) {
        return error_set(err, ANP_FORMAT,
                         "cannot open %s: the file is empty, not an index; remove it", path);
    }
    if (!has_magic(&raw[0]) && !has_magic(&raw[1])) {
        return error_set(err, ANP_FORMAT, "cannot open %s: it is not an index; check the path",
                         path);
    }
    for (int i = 0; i < PAGE_META_COUNT; i++) {
        if (raw[i].len != META_END) {
            return error_corrupt(
                err, "cannot open %s: it is cut within its header (%llu bytes); restore a backup",
                path, (unsigned long long)file_bytes);
        }
        page_header top;
        memcpy(&top, raw[i].bytes, sizeof top);
        if (!has_magic(&raw[i]) || top.number != (uint64_t)i || top.flags != PAGE_META) {
            return error_corrupt(
                err, "cannot open %s: its header page %d is damaged; restore a backup", path, i);
        }
    }
    return ANP_OK;
}

static bool plausible_tree(const page_tree *tree, const page_meta *meta) {
    if (tree->root == PAGE_NONE) {
        return tree->depth == 0;
    }
    return tree->depth > 0 && tree->depth <= PAGE_DEPTH_MAX && tree->root >= PAGE_META_COUNT &&
           tree->root <= meta->last_page;
}

static anp_status check_metas(const char *path, header *h, anp_error *err) {
    const page_meta *a = &h->metas[0], *b = &h->metas[1];
    if (a->version != b->version || a->free.page_bytes != b->free.page_bytes) {
        return error_corrupt(
            err, "cannot open %s: its header pages contradict each other; restore a backup", path);
    }
    if (a->version != PAGE_VERSION) {
        return error_set(err, ANP_FORMAT,
                         "cannot open %s: LMDB data version %u, this library reads %d", path,
                         a->version, PAGE_VERSION);
    }
    if (!valid_page_bytes(a->free.page_bytes)) {
        return error_corrupt(err,
                             "cannot open %s: its header gives a page size of %u; restore a backup",
                             path, a->free.page_bytes);
    }
    h->page_bytes = a->free.page_bytes;
    h->newest = a->txn < b->txn;
    const page_meta *newest = header_newest(h);
    uint64_t apart = newest->txn - h->metas[1 - h->newest].txn;
    bool fresh = a->txn == 0 && b->txn == 0;
    if (!fresh && (apart != 1 || (newest->txn & 1) != h->newest)) {
        return error_corrupt(
            err, "cannot open %s: its header pages name commits %llu and %llu; restore a backup",
            path, (unsigned long long)a->txn, (unsigned long long)b->txn);
    }
    if (newest->last_page < 1 || newest->last_page > UINT64_MAX / PAGE_BYTES_MAX - 1 ||
        !plausible_tree(&newest->free, newest) || !plausible_tree(&newest->main, newest)) {
        return error_corrupt(
            err, "cannot open %s: its header points outside of the file; restore a backup", path);
    }
    return ANP_OK;
}

/* How many of the pages in [from, to] the free list names; 0 when it cannot be read. */
static uint64_t count_free(const tree_view *view, const page_tree *free_tree, uint64_t from,
                           uint64_t to) {
    tree_cursor cursor;
    tree_node node;
    uint64_t found = 0;
    tree_cursor_begin(&cursor, view, free_tree, true);
    tree_result result = tree_first(&cursor);
    for (; result == TREE_FOUND; result = tree_next(&cursor)) {
        if (!tree_entry(&cursor, &node) || node.value.len < 8) {
            return 0;
        }
        uint64_t count = load_u64(node.value.data);
        if (count > node.value.len / 8 - 1) {
            return 0;
        }
        for (uint64_t i = 1; i <= count; i++) {
            uint64_t page = load_u64(node.value.data + 8 * i);
            found += page >= from && page <= to;
        }
    }
    return result == TREE_NONE ? found : 0;
}

/* Whether every page that the file is too short for is a free one. */
static bool tail_is_free(int fd, const header *h) {
    const page_meta *newest = header_newest(h);
    uint64_t pages = h->file_bytes / h->page_bytes;
    if (pages <= PAGE_META_COUNT) {
        return false;
    }
    void *map = mmap(NULL, (size_t)h->file_bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return false;
    }
    tree_view view = {map, h->page_bytes, pages};
    uint64_t missing = newest->last_page + 1 - pages;
    bool free = count_free(&view, &newest->free, pages, newest->last_page) == missing;
    munmap(map, (size_t)h->file_bytes);
    return free;
}

static anp_status read_once(int fd, const char *path, header *out, anp_error *err) {
    raw_meta raw[PAGE_META_COUNT];
    TRY(read_both(fd, path, raw, &out->file_bytes, err));
    TRY(check_magic(path, raw, out->file_bytes, err));
    for (int i = 0; i < PAGE_META_COUNT; i++) {
        out->metas[i] = decode(&raw[i]);
    }
    TRY(check_metas(path, out, err));
    uint64_t needed = (header_newest(out)->last_page + 1) * out->page_bytes;
    if (out->file_bytes < needed && !tail_is_free(fd, out)) {
        return error_corrupt(
            err, "cannot open %s: it is cut: %llu bytes, %llu are needed; restore a backup", path,
            (unsigned long long)out->file_bytes, (unsigned long long)needed);
    }
    return ANP_OK;
}

/*
 * The free list is read without a reader's slot, so that commits may reuse its pages meanwhile: a
 * verdict that the file is cut holds only if no commit came between.
 */
anp_status header_read(int fd, const char *path, header *out, anp_error *err) {
    uint64_t txn = 0;
    anp_status status = ANP_OK;
    for (int attempt = 0; attempt < READ_TRIES; attempt++) {
        *out = (header){0};
        status = read_once(fd, path, out, err);
        if (status != ANP_CORRUPT || (attempt && txn == header_newest(out)->txn)) {
            break;
        }
        txn = header_newest(out)->txn;
    }
    return status;
}

uint64_t header_meta_hash(const page_meta *meta) {
    return hash64(meta, sizeof *meta);
}
