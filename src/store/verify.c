/*
 * Checking the file itself.
 *
 * Quick: header, size, witness, that every table is there, and that the record "tables" and LMDB's
 * own counts agree. Full: every page of the commit besides: each tree's order and structure, each
 * value's checksum, counts and set-hashes as found, the free list, and that every page has exactly
 * one owner. It reads through tree.h and cannot be led astray by what it finds; it costs one pass
 * over the file and a bit of memory for each page.
 */
#include "base/error.h"
#include "store/environment.h"
#include "store/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A file of rubbish must not fill a log: further problems are only counted. */
enum { LINES_MAX = 1000, LINE_BYTES = 512 };

typedef struct check {
    store_txn *txn;
    void (*report)(void *user, const char *line);
    void *user;
    uint64_t problems;
    store_table table;
    store_tally found[STORE_TABLES];
} check;

static void say(check *c, const char *format, va_list args) {
    char line[LINE_BYTES];
    c->problems++;
    if (c->report && c->problems <= LINES_MAX) {
        vsnprintf(line, sizeof line, format, args);
        c->report(c->user, line);
    }
}

__attribute__((format(printf, 2, 3))) static void problem(check *c, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(c, format, args);
    va_end(args);
}

__attribute__((format(printf, 2, 3))) static void walk_problem(walk *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    say(w->user, format, args);
    va_end(args);
}

static void note(check *c, const char *line) {
    if (c->report) {
        c->report(c->user, line);
    }
}

/* ---- Quick --------------------------------------------------------------------------------- */

static anp_status check_header(check *c, anp_error *err) {
    const store *s = c->txn->store;
    anp_error wrong = ANP_ERROR_INIT;
    witness w;
    header h;
    TRY(witness_read(s->path, &w, err));
    anp_status status = header_read(s->fd, s->path, &h, &wrong);
    if (status == ANP_OK) {
        status = witness_compare(&w, s->path, &h, &wrong);
    }
    if (status == ANP_CORRUPT || status == ANP_FORMAT) {
        problem(c, "%s", wrong.message);
    } else if (status != ANP_OK) {
        if (err) {
            *err = wrong;
        }
        return status;
    }
    if (!w.exists) {
        note(c, "note: there is no witness file beside the index; the next commit makes one");
    } else if (!w.valid) {
        problem(c,
                "the witness file is damaged; the next open for writing with a commit renews it");
    }
    return ANP_OK;
}

/* Copies a table's record out of the main tree; false when it is not there or unsound. */
static bool table_record(check *c, store_table table, const page_tree **tree) {
    anp_error wrong = ANP_ERROR_INIT;
    if (table_tree(c->txn, table, tree, &wrong) == ANP_OK) {
        return true;
    }
    problem(c, "%s", wrong.message);
    return false;
}

static void check_counts(check *c, const store_tally recorded[STORE_TABLES]) {
    for (int i = 0; i < STORE_TABLES; i++) {
        const page_tree *tree;
        if (!table_record(c, (store_table)i, &tree)) {
            continue;
        }
        uint64_t own = i == STORE_META; /* the record itself */
        if (tree->entries != recorded[i].entries + own) {
            problem(c, "table %s has %llu entries, the record of tables says %llu",
                    store_table_infos[i].name, (unsigned long long)tree->entries,
                    (unsigned long long)(recorded[i].entries + own));
        }
    }
}

/* ---- Full ---------------------------------------------------------------------------------- */

static void check_value(walk *w, const tree_node *node) {
    check *c = w->user;
    store_tally *tally = &c->found[c->table];
    if (node->flags & NODE_TREE || !checksum_holds(NULL, c->table, node->key, node->value, 0)) {
        if (store_table_infos[c->table].key_kind == STORE_KEY_U64) {
            problem(c, "table %s, key %llu: checksum of the value differs", w->table,
                    (unsigned long long)load_u64(node->key.data));
        } else {
            problem(c, "table %s, key '%.*s': checksum of the value differs", w->table,
                    (int)node->key.len, node->key.data);
        }
        return;
    }
    if (c->table == STORE_META && str_equal(node->key, STR(STORE_TALLY_KEY))) {
        return;
    }
    tally->entries++;
    tally->set_hash += checksum_stored(node->value);
}

static void check_table_name(walk *w, const tree_node *node) {
    check *c = w->user;
    for (int i = 0; i < STORE_TABLES; i++) {
        if (str_equal(node->key, str_from(store_table_infos[i].name))) {
            return;
        }
    }
    problem(c, "there is a table '%.*s', which no version has", (int)node->key.len, node->key.data);
}

static void check_free_pages(walk *w, const tree_node *node) {
    check *c = w->user;
    uint64_t count = node->value.len >= 8 ? load_u64(node->value.data) : UINT64_MAX;
    if (count > node->value.len / 8 - (node->value.len >= 8) || node->flags & NODE_TREE) {
        problem(c, "the free list of commit %llu is damaged",
                (unsigned long long)load_u64(node->key.data));
        return;
    }
    uint64_t before = UINT64_MAX;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page = load_u64(node->value.data + 8 * i);
        if (page >= before) {
            problem(c, "the free list of commit %llu is out of order",
                    (unsigned long long)load_u64(node->key.data));
            return;
        }
        before = page;
        walk_own(w, page, 1, 0);
    }
}

static void check_trees(check *c, walk *w, const store_tally recorded[STORE_TABLES],
                        const page_meta *meta) {
    w->table = "the list of tables";
    w->entry = check_table_name;
    walk_tree(w, &meta->main, false);
    w->entry = check_value;
    for (int i = 0; i < STORE_TABLES; i++) {
        const page_tree *tree;
        c->table = (store_table)i;
        w->table = store_table_infos[i].name;
        if (!table_record(c, c->table, &tree)) {
            continue;
        }
        walk_tree(w, tree, store_table_infos[i].key_kind == STORE_KEY_U64);
        if (recorded && (c->found[i].entries != recorded[i].entries ||
                         c->found[i].set_hash != recorded[i].set_hash)) {
            problem(c,
                    "table %s has %llu sound entries with set-hash %016llx, the record of tables "
                    "says %llu with %016llx",
                    w->table, (unsigned long long)c->found[i].entries,
                    (unsigned long long)c->found[i].set_hash,
                    (unsigned long long)recorded[i].entries,
                    (unsigned long long)recorded[i].set_hash);
        }
    }
    w->table = "the free list";
    w->entry = check_free_pages;
    walk_tree(w, &meta->free, true);
}

static anp_status check_full(check *c, const store_tally *recorded, const page_meta *meta,
                             anp_error *err) {
    walk w = {
        .view = c->txn->view, .page_end = meta->last_page + 1, .report = walk_problem, .user = c};
    if (w.page_end / 2 > w.view.pages + (UINT64_C(1) << 20)) {
        problem(c, "the header names %llu pages, the file has %llu", (unsigned long long)w.page_end,
                (unsigned long long)w.view.pages);
        return ANP_OK;
    }
    w.owned = calloc(1, (size_t)(w.page_end / 8 + 1));
    if (!w.owned) {
        return error_nomem(err, "verifying");
    }
    uint64_t before = c->problems;
    check_trees(c, &w, recorded, meta);
    uint64_t orphans = walk_orphans(&w);
    if (orphans && c->problems == before) { /* else they hang below what is damaged */
        problem(c, "%llu pages are neither in use nor free", (unsigned long long)orphans);
    }
    free(w.owned);
    return ANP_OK;
}

/* ---- Both ---------------------------------------------------------------------------------- */

static anp_status run(check *c, bool full, anp_error *err) {
    store_tally recorded[STORE_TABLES];
    anp_error wrong = ANP_ERROR_INIT;
    TRY(check_header(c, err));
    anp_status status = table_read_tallies(c->txn, recorded, NULL, &wrong);
    if (status != ANP_OK) {
        problem(c, "%s", wrong.message);
    } else {
        check_counts(c, recorded);
        if (txn_check_header(c->txn, &wrong) != ANP_OK) {
            problem(c, "%s", wrong.message);
        }
    }
    if (!full) {
        return ANP_OK;
    }
    return check_full(c, status == ANP_OK ? recorded : NULL, &c->txn->meta, err);
}

anp_status store_verify(store *s, bool full, void (*report)(void *user, const char *line),
                        void *user, uint64_t *problems, anp_error *err) {
    check c = {.report = report, .user = user};
    *problems = 0;
    if (replace_noticed(s)) { /* header and witness are the new file's */
        TRY(environment_follow(s, err));
    }
    TRY(store_begin_read(s, &c.txn, err));
    anp_status status = run(&c, full, err);
    store_abort(c.txn);
    *problems = c.problems;
    return status;
}

/* ---- A file that is no index yet ----------------------------------------------------------- */

/* So that what is checked is what the disk has, and that a disk's error is no signal. */
static anp_status read_back(const char *path, int fd, uint64_t bytes, anp_error *err) {
    enum { PIECE_BYTES = 1 << 20 };
    char *piece = malloc(PIECE_BYTES);
    if (!piece) {
        return error_nomem(err, "checking a new index");
    }
    anp_status status = ANP_OK;
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    for (uint64_t at = 0; at < bytes && status == ANP_OK;) {
        ssize_t got = pread(fd, piece, PIECE_BYTES, (off_t)at);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            status = error_os(err, ANP_IO, got ? errno : EIO,
                              "cannot read back the new %s; check the disk", path);
        }
        at += got > 0 ? (uint64_t)got : 0;
    }
    free(piece);
    return status;
}

static void keep_line(void *user, const char *line) {
    char *first = user;
    if (!*first) {
        snprintf(first, LINE_BYTES, "%s", line);
    }
}

static bool same_meta(const page_meta *a, const page_meta *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

anp_status verify_file(const char *path, int fd, const page_meta *meta,
                       const store_tally tallies[STORE_TABLES], anp_error *err) {
    char first[LINE_BYTES] = "";
    uint32_t page_bytes = meta->free.page_bytes;
    uint64_t bytes = (meta->last_page + 1) * page_bytes;
    TRY(read_back(path, fd, bytes, err));
    void *map = mmap(NULL, (size_t)bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) {
        return error_os(err, ANP_NOMEM, errno, "cannot map the new %s", path);
    }
    store s = {.path = (char *)(uintptr_t)path, .fd = fd, .page_bytes = page_bytes,
               .map = map, .map_bytes = (size_t)bytes};
    store_txn txn = {.store = &s, .number = meta->txn, .meta = *meta};
    txn.view = (tree_view){map, page_bytes, meta->last_page + 1};
    check c = {.txn = &txn, .report = keep_line, .user = first};
    header h;
    anp_status status = header_read(fd, path, &h, err);
    page_meta other = *meta;
    other.txn--; /* both meta pages tell the same trees (rewrite.c) */
    if (status == ANP_OK && (!same_meta(header_newest(&h), meta) ||
                             !same_meta(&h.metas[1 - h.newest], &other))) {
        status = error_corrupt(err, "its header");
    }
    if (status == ANP_OK) {
        check_counts(&c, tallies);
        status = check_full(&c, tallies, meta, err);
    }
    munmap(map, (size_t)bytes);
    if (status == ANP_CORRUPT || status == ANP_FORMAT || (status == ANP_OK && c.problems)) {
        return error_set(err, ANP_IO, "what was written of the new %s reads back differently (%s); "
                         "nothing was changed; check the disk", path,
                         first[0] ? first : "its header");
    }
    return status;
}
