/*
 * Stored posts of the dead: they go many at a time, what is live stays to the byte, and the pages
 * come free. Rows as small as synthesised ones, rows of more than a page, and both.
 */
#include "base/prng.h"
#include "index/batches.h"
#include "index/deleted.h"

enum { ROWS = 4 * CHUNK_POSTS + 3 };

typedef struct shelf {
    index_handle *index;
    store_txn *txn;
    bitmap *dead;
    uint32_t small, large; /* bytes of its rows; each 9th is large */
} shelf;

static size_t row_bytes(const shelf *s, uint32_t docno) {
    return (docno % 9 == 4 ? s->large : s->small) + docno % 37;
}

/* Bytes that no other row has. */
static str row_of(const shelf *s, uint32_t docno, char *bytes) {
    prng p = {docno + 1};
    size_t len = row_bytes(s, docno);
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (char)prng_below(&p, 256);
    }
    return str_make(bytes, len);
}

static store_table_size measure(const shelf *s) {
    store_table_size size;
    CHECK_EQ_INT(store_table_measure(s->txn, STORE_POSTS, &size, NULL), ANP_OK);
    return size;
}

static void begin(shelf *s) {
    CHECK_EQ_INT(store_begin_write(index_store(s->index), &s->txn, NULL), ANP_OK);
}

static void end(shelf *s) {
    CHECK_EQ_INT(store_commit(s->txn, NULL), ANP_OK);
    s->txn = NULL;
}

static void fill(shelf *s) {
    char bytes[8192];
    begin(s);
    for (uint32_t i = 0; i < ROWS; i++) {
        CHECK_EQ_INT(store_put(s->txn, STORE_POSTS, store_key_u64(i), row_of(s, i, bytes), true,
                               NULL), ANP_OK);
    }
    end(s);
}

/* Each dies with a chance of one in `of`, a few a commit. */
static void kill_some(shelf *s, prng *p, uint32_t of, uint32_t commits) {
    for (uint32_t c = 0; c < commits; c++) {
        bitmap *fresh = bitmap_new();
        for (uint32_t i = 0; i < ROWS; i++) {
            if (!bitmap_contains(s->dead, i) && prng_below(p, of * commits) == 0) {
                CHECK(bitmap_add(fresh, i));
            }
        }
        begin(s);
        CHECK_EQ_INT(deleted_save(s->txn, fresh, ROWS, NULL), ANP_OK);
        end(s);
        CHECK(bitmap_or(s->dead, fresh));
        bitmap_free(fresh);
    }
}

/* What is left of the dead: fewer than PURGE_DEAD of each stretch that is settled. */
static void check_rows(const shelf *s) {
    char bytes[8192];
    uint32_t left = 0, settled = ROWS - ROWS % CHUNK_POSTS;
    for (uint32_t i = 0; i < ROWS; i++) {
        str value;
        anp_status status = store_get(s->txn, STORE_POSTS, store_key_u64(i), &value, NULL);
        left = i % PURGE_POSTS ? left : 0;
        if (bitmap_contains(s->dead, i) && i / PURGE_POSTS * PURGE_POSTS + PURGE_POSTS <= settled) {
            left += status == ANP_OK;
            CHECK(status == ANP_OK || status == ANP_NOT_FOUND);
            CHECK(left < PURGE_DEAD);
        } else {
            CHECK(status == ANP_OK && str_equal(value, row_of(s, i, bytes)));
        }
    }
}

/* The pages that the same rows take that were put in order. */
static uint64_t packed_bytes(const shelf *s, const char *name) {
    shelf other = {.index = batches_index(name)};
    begin(&other);
    for (uint32_t i = 0; i < ROWS; i++) {
        str value;
        if (store_get(s->txn, STORE_POSTS, store_key_u64(i), &value, NULL) == ANP_OK) {
            CHECK_EQ_INT(store_put(other.txn, STORE_POSTS, store_key_u64(i), value, true, NULL),
                         ANP_OK);
        }
    }
    uint64_t bytes = measure(&other).bytes;
    end(&other);
    index_close(other.index);
    return bytes;
}

/* over: what they may take, over rows that were put in order. */
static void check_shelf(const char *name, const char *other, uint32_t small, uint32_t large,
                        double over) {
    prng p = {small};
    shelf s = {.index = batches_index(name), .dead = bitmap_new(), .small = small, .large = large};
    CASE("rows of one size, or of two");
    fill(&s);
    kill_some(&s, &p, 4, 20);
    begin(&s);
    check_rows(&s);
    double bytes = (double)measure(&s).bytes, least = (double)packed_bytes(&s, other);
    if (WINDOW_BITS > 8 && !CHECK(bytes < least * over && measure(&s).entries < ROWS - ROWS / 7)) {
        test_note("%s: %.0f bytes, packed %.0f", name, bytes, least);
    }
    end(&s);
    bitmap_free(s.dead);
    index_close(s.index);
}

/* All at once, and to the last of a stretch. */
static void all_die(void) {
    shelf s = {.index = batches_index("all-die"), .dead = bitmap_new(), .small = 300, .large = 300};
    CASE("all of them die");
    fill(&s);
    begin(&s);
    CHECK(bitmap_add_range(s.dead, 0, ROWS));
    CHECK_EQ_INT(deleted_save(s.txn, s.dead, ROWS, NULL), ANP_OK);
    CHECK_EQ_INT(measure(&s).entries, ROWS % CHUNK_POSTS);
    end(&s);
    bitmap_free(s.dead);
    index_close(s.index);
}

void test_index_deleted(void) {
    check_shelf("small-rows", "small-packed", 300, 300, 1.03);
    check_shelf("large-rows", "large-packed", 5000, 5000, 1.02);
    check_shelf("both-rows", "both-packed", 900, 7000, 1.2);
    all_die();
}
