/*
 * Merging segments into windows and windows into groups: at every step that it can end with, all
 * answers are those of before, and the index is sound.
 */
#include "base/hash.h"
#include "index/snapshot_impl.h"
#include "index/staged.h"
#include "index/verify.h"
#include "sketch/sketch.h"

/* All that a snapshot says, as one number. */
typedef struct digest {
    snapshot *s;
    arena memory;
    uint64_t sum;
} digest;

static void mix(digest *d, const void *bytes, size_t len) {
    d->sum = hash64_seed(bytes, len, d->sum);
}

static void mix_set(digest *d, bitmap *set) {
    uint32_t docno = 0;
    while (bitmap_next(set, docno, &docno)) {
        mix(d, &docno, sizeof docno);
        docno++;
    }
    bitmap_free(set);
}

static void mix_postings(digest *d, index_field field, uint32_t term) {
    for (uint32_t window = 0; window < snapshot_window_count(d->s); window++) {
        window_postings all;
        CHECK_EQ_INT(snapshot_postings(d->s, field, term, window, &d->memory, &all, NULL), ANP_OK);
        mix(d, all.docs, all.count * sizeof *all.docs);
        mix(d, all.tfs, all.count * sizeof *all.tfs);
        for (uint32_t i = 0; i < all.count && field != INDEX_TEXT; i += 1 + all.count / 3) {
            const uint32_t *positions;
            uint32_t count, docno = window << WINDOW_BITS | all.docs[i];
            CHECK_EQ_INT(snapshot_positions(d->s, field, term, docno, &d->memory, &positions,
                                            &count, NULL), ANP_OK);
            CHECK_EQ_INT(count, all.tfs[i]);
            mix(d, positions, count * sizeof *positions);
        }
    }
}

/* The lists of a term one behind the other are its postings up to the log. */
static void check_lists(digest *d, index_field field, uint32_t term) {
    const term_list *lists;
    uint32_t count;
    bitmap *have = bitmap_new(), *want;
    uint16_t *lows = arena_array(&d->memory, uint16_t, WINDOW_DOCS);
    CHECK_EQ_INT(snapshot_lists(d->s, field, term, &d->memory, &lists, &count, NULL), ANP_OK);
    for (uint32_t i = 0; i < count; i++) {
        list_view view;
        str positions;
        CHECK(i == 0 || lists[i - 1].unit < lists[i].unit);
        CHECK_EQ_INT(list_view_open(lists[i].bytes, &view, NULL), ANP_OK);
        uint32_t base = lists[i].unit->first >> WINDOW_BITS << WINDOW_BITS;
        bitmap_add_window(have, base, lows, list_docs(&view, lows));
        CHECK_EQ_INT(snapshot_list_positions(d->s, field, term, &lists[i], &d->memory, &positions,
                                             NULL), ANP_OK);
        CHECK(positions.data != NULL);
    }
    CHECK_EQ_INT(snapshot_term_bitmap(d->s, field, term, &want, NULL), ANP_OK);
    uint64_t before_log = bitmap_count_range(want, 0, d->s->cat.state.log_first);
    CHECK_EQ_INT(bitmap_count(have), before_log);
    CHECK_EQ_INT(bitmap_and_count(have, want), before_log);
    bitmap_free(have);
    bitmap_free(want);
}

static void mix_terms(digest *d) {
    for (uint32_t word = 0; word < STAGED_WORDS; word++) {
        char text[16];
        uint32_t term, df;
        uint64_t cf;
        sprintf(text, "w%ux", word);
        if (snapshot_term(d->s, str_from(text), &term, NULL) != ANP_OK) {
            continue;
        }
        for (int field = 0; field < INDEX_FIELDS; field++) {
            CHECK_EQ_INT(snapshot_term_stats(d->s, (index_field)field, term, &df, &cf, NULL),
                         ANP_OK);
            mix(d, &df, sizeof df);
            mix(d, &cf, sizeof cf);
            mix_postings(d, (index_field)field, term);
        }
        check_lists(d, INDEX_TEXT, term);
        check_lists(d, INDEX_TITLE, term);
        arena_rewind(&d->memory, (arena_mark){NULL, 0});
    }
}

static void mix_meta(digest *d) {
    snapshot_field field;
    bitmap *set;
    if (CHECK_EQ_INT(snapshot_field_find(d->s, STR("stack"), &field, NULL), ANP_OK)) {
        for (int i = 0; i < 7; i++) {
            char name[8];
            sprintf(name, "s%d", i);
            CHECK_EQ_INT(snapshot_facet(d->s, field.number, str_from(name), &set, NULL), ANP_OK);
            mix_set(d, set);
        }
    }
    number_range range = {5, 14, true, false};
    if (CHECK_EQ_INT(snapshot_field_find(d->s, STR("reading_time"), &field, NULL), ANP_OK)) {
        CHECK_EQ_INT(snapshot_range(d->s, field.number, range, &set, NULL), ANP_OK);
        mix_set(d, set);
    }
    for (uint32_t window = 0; window < snapshot_window_count(d->s); window++) {
        window_columns columns;
        const uint8_t *sketches;
        uint32_t count;
        CHECK_EQ_INT(snapshot_columns(d->s, window, &columns, NULL), ANP_OK);
        for (int i = 0; i < INDEX_FIELDS; i++) {
            mix(d, columns.lengths[i], columns.count * sizeof *columns.lengths[i]);
        }
        mix(d, columns.scores, columns.count * sizeof *columns.scores);
        for (uint32_t low = 0; low < columns.count; low += count) {
            uint32_t docno = window << WINDOW_BITS | low;
            count = columns.count;
            CHECK_EQ_INT(snapshot_sketches(d->s, docno, &sketches, &count, NULL), ANP_OK);
            CHECK(count >= 1 && count <= columns.count - low);
            for (uint32_t i = 0; i < count; i++) {
                mix(d, sketches + (size_t)i * SKETCH_BYTES, SKETCH_BYTES);
            }
        }
    }
}

static uint64_t digest_of(index_handle *index) {
    digest d = {0};
    if (CHECK_EQ_INT(snapshot_open(index, &d.s, NULL), ANP_OK)) {
        mix_terms(&d);
        mix_meta(&d);
    }
    snapshot_close(d.s);
    arena_free(&d.memory);
    return d.sum;
}

static void report_line(void *user, const char *line) {
    (void)user;
    test_note("verify: %s", line);
}

static void check_sound(index_handle *index) {
    uint64_t problems = 0;
    CHECK_EQ_INT(index_verify(index, true, report_line, NULL, &problems, NULL), ANP_OK);
    CHECK_EQ_INT(problems, 0);
}

/* Steps of random sizes up to `most`; 1 moves one key at a time. */
static void check_steps(uint64_t seed, uint32_t groups, uint32_t most) {
    char path[512];
    prng p = {seed};
    snprintf(path, sizeof path, "%s/merge-%llu.db", test_folder(), (unsigned long long)seed);
    index_handle *index = staged_open(path, seed, groups);
    if (!index) {
        return;
    }
    uint64_t want = digest_of(index), steps = 0;
    catalog c;
    while (staged_step(index, 1 + prng_below(&p, most), &c)) {
        steps++;
        if (!CHECK(digest_of(index) == want)) {
            test_note("seed %llu, step %llu, window cursor %llx, group %u to %llx",
                      (unsigned long long)seed, (unsigned long long)steps,
                      (unsigned long long)c.state.merge_cursor, c.state.group_end,
                      (unsigned long long)c.state.group_cursor);
            break;
        }
        if (prng_below(&p, 25) == 0) {
            check_sound(index);
        }
        catalog_free(&c);
    }
    CHECK_EQ_INT(c.state.group_end, WINDOW_BITS > 8 ? 0 : groups);
    CHECK(WINDOW_BITS > 8 || steps > 20);
    catalog_free(&c);
    check_sound(index);
    index_close(index);
}

/* Every value of the tables that merges write, as one number. */
static uint64_t written(index_handle *index) {
    static const store_table tables[] = {STORE_SEGMENTS, STORE_SEGMENT_POSITIONS,
                                         STORE_POSTINGS, STORE_POSITIONS,
                                         STORE_FACETS,   STORE_COLUMNS,
                                         STORE_SKETCHES};
    digest d = {0};
    store_txn *txn;
    CHECK_EQ_INT(store_begin_read(index_store(index), &txn, NULL), ANP_OK);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        store_cursor *cursor;
        store_key key;
        str value;
        CHECK_EQ_INT(store_cursor_open(txn, tables[i], &cursor, NULL), ANP_OK);
        anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, NULL);
        for (; status == ANP_OK; status = store_next(cursor, &key, &value, NULL)) {
            mix(&d, &key.number, sizeof key.number);
            mix(&d, value.data, value.len);
        }
        CHECK_EQ_INT(status, ANP_NOT_FOUND);
        store_cursor_close(cursor);
    }
    store_abort(txn);
    return d.sum;
}

/* Windows in one transaction, as a large batch does it before it writes others; what is written. */
static uint64_t merge_windows(unsigned threads) {
    char path[512];
    snprintf(path, sizeof path, "%s/at-once-%u.db", test_folder(), threads);
    index_handle *index = staged_open(path, 77, 2);
    pool *p = threads ? pool_open(threads) : NULL;
    store_txn *txn;
    catalog c;
    bool done;
    if (!index || !CHECK(!threads || p)) {
        return 0;
    }
    uint64_t want = digest_of(index);
    CHECK_EQ_INT(store_begin_write(index_store(index), &txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(txn, &c, NULL), ANP_OK);
    while (merge_window_pending(&c) &&
           CHECK_EQ_INT(merge_step(p, txn, &c, UINT64_MAX, &done, NULL), ANP_OK)) {
    }
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    catalog_free(&c);
    pool_close(p);
    CHECK(digest_of(index) == want);
    check_sound(index);
    uint64_t sum = written(index);
    index_close(index);
    return sum;
}

void test_index_merge(void) {
    CASE("every step of one key gives the same answers");
    check_steps(1, 1, 1);
    CASE("every step of any size");
    check_steps(2, 2, 600);
    check_steps(3, 2, 6000);
    CASE("all in one transaction, the same values at any number of threads");
    uint64_t alone = merge_windows(0);
    CHECK(merge_windows(1) == alone);
    CHECK(merge_windows(3) == alone);
}
