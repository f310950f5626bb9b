/*
 * Merging segments into windows and windows into groups: at every step that it can end with, all
 * answers are those of before, and the index is sound.
 */
#include "base/hash.h"
#include "index/compact.h"
#include "index/snapshot_impl.h"
#include "index/staged.h"
#include "index/uninvert.h"
#include "index/verify.h"
#include "sketch/sketch.h"
#include "store/rewrite.h"

#include <unistd.h>

/* All that a snapshot says, as one number. */
typedef struct digest {
    snapshot *s;
    arena memory;
    uint64_t sum;
    uint32_t taken; /* lists whose positions a merge has taken */
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

/* All positions of a list, as they are read one posting behind the other. */
static void mix_positions(digest *d, index_field field, const term_list *list,
                          const list_view *view, str value) {
    positions_view positions;
    window_columns columns;
    positions_cursor cursor = {.view = &positions};
    uint16_t *lows = arena_array(&d->memory, uint16_t, WINDOW_DOCS);
    uint32_t *tfs = arena_array(&d->memory, uint32_t, WINDOW_DOCS), out[64];
    const uint32_t *lengths;
    if (!CHECK_EQ_INT(positions_view_open(value, view->count, &positions, NULL), ANP_OK) ||
        !CHECK_EQ_INT(snapshot_columns(d->s, list->unit->first >> WINDOW_BITS, &columns, NULL),
                      ANP_OK)) {
        return;
    }
    lengths = columns.lengths[field == INDEX_TITLE ? INDEX_TITLE : INDEX_BODY];
    list_docs(view, lows);
    list_tfs(view, tfs);
    list_less_titles(view, field == INDEX_TITLE ? 0 : snapshot_title_weight(d->s), 0, view->count,
                     tfs);
    for (uint32_t i = 0; i < view->count; i++) {
        CHECK_EQ_INT(positions_next(&cursor, lengths[lows[i]], tfs[i], out, NULL), ANP_OK);
        mix(d, out, tfs[i] * sizeof *out);
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
        uint64_t key = snapshot_inner_key(base >> WINDOW_BITS, snapshot_term_entry(field, term));
        d->taken += d->s->merging == (int32_t)(base >> WINDOW_BITS) && key < d->s->merged &&
                    lists[i].unit->level == UNIT_SEGMENT && !view.positions.data;
        mix_positions(d, field, &lists[i], &view, positions);
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

/* What compaction and export read: the forward records of all live posts. */
static void mix_records(digest *d, index_handle *index) {
    const catalog_state *state = &d->s->cat.state;
    renumbering same = {.term_end = state->term_end, .value_end = state->value_end};
    same.terms = arena_array(&d->memory, uint32_t, state->term_end + 1);
    same.values = arena_array(&d->memory, uint32_t, state->value_end + 1);
    for (uint32_t i = 0; i < state->term_end; i++) {
        same.terms[i] = i;
    }
    for (uint32_t i = 0; i < state->value_end; i++) {
        same.values[i] = i;
    }
    uninverter from = {d->s, &same, store_path(index_store(index)), NULL, 0};
    for (uint32_t window = 0; window < snapshot_window_count(d->s); window++) {
        uninverted u;
        if (CHECK_EQ_INT(uninvert_window(&from, window, &u, NULL), ANP_OK)) {
            mix(d, u.bytes.data, u.bytes.len);
            uninvert_free(&u);
        }
    }
    uninverter_close(&from);
}

static uint64_t digest_of_snapshot(snapshot *s, uint32_t *taken) {
    digest d = {.s = s};
    mix_terms(&d);
    mix_meta(&d);
    arena_free(&d.memory);
    *taken += d.taken;
    return d.sum;
}

static uint64_t records_of(index_handle *index, snapshot *s) {
    digest d = {.s = s};
    mix_records(&d, index);
    arena_free(&d.memory);
    return d.sum;
}

static uint64_t digest_of(index_handle *index) {
    snapshot *s;
    uint64_t sum = 0;
    uint32_t taken = 0;
    if (CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK)) {
        sum = digest_of_snapshot(s, &taken);
        snapshot_close(s);
    }
    return sum;
}

static void report_line(void *user, const char *line) {
    (void)user;
    test_note("verify: %s", line);
}

static void check_sound(index_handle *index) {
    for (int full = 0; full < 2; full++) {
        uint64_t problems = 0;
        CHECK_EQ_INT(index_verify(index, full, report_line, NULL, &problems, NULL), ANP_OK);
        CHECK_EQ_INT(problems, 0);
    }
}

/* A copy says the same, in the midst of the merge; a compacted index has the same live posts. */
static void check_copies(index_handle *index, uint64_t want) {
    char backup[512], compacted[512];
    compact_options options = {.order = COMPACT_KEPT};
    store_watch watch = {0};
    index_handle *copy;
    uint64_t bytes, posts[2] = {0};
    snapshot *s;
    snprintf(backup, sizeof backup, "%s/copy.db", test_folder());
    snprintf(compacted, sizeof compacted, "%s/compacted.db", test_folder());
    CHECK_EQ_INT(store_backup(index_store(index), backup, watch, &bytes, NULL), ANP_OK);
    CHECK_EQ_INT(index_compact(index, compacted, &options, &bytes, NULL), ANP_OK);
    if (CHECK_EQ_INT(index_open(backup, 0, NULL, &copy, NULL), ANP_OK)) {
        CHECK(digest_of(copy) == want);
        check_sound(copy);
        CHECK_EQ_INT(snapshot_open(copy, &s, NULL), ANP_OK);
        posts[0] = snapshot_post_count(s);
        snapshot_close(s);
        index_close(copy);
    }
    if (CHECK_EQ_INT(index_open(compacted, 0, NULL, &copy, NULL), ANP_OK)) {
        check_sound(copy);
        CHECK_EQ_INT(snapshot_open(copy, &s, NULL), ANP_OK);
        posts[1] = snapshot_post_count(s);
        snapshot_close(s);
        index_close(copy);
    }
    CHECK_EQ_INT(posts[0], posts[1]);
    unlink(backup);
    unlink(compacted);
}

/* Whether a window's segments are gone and its pairs are to come. */
static bool waits_for_pairs(const catalog *c) {
    const unit_info *last = c->units.items;
    for (size_t i = 0; i < c->units.count; i++) {
        bool here = (int32_t)(c->units.items[i].first >> WINDOW_BITS) == catalog_merging(c);
        last = here ? &c->units.items[i] : last;
    }
    return c->state.merge_cursor == MERGE_WRITTEN && last->level == UNIT_WINDOW;
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
    uint32_t taken = 0, waiting = 0;
    snapshot *s, *former = NULL; /* some steps ago */
    catalog c;
    CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
    uint64_t records = records_of(index, s);
    snapshot_close(s);
    while (staged_step(index, 1 + prng_below(&p, most), &c)) {
        steps++;
        waiting += waits_for_pairs(&c);
        if (former && prng_below(&p, 8) == 0) {
            CHECK(digest_of_snapshot(former, &taken) == want);
            snapshot_close(former);
            former = NULL;
        }
        CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK);
        bool same = CHECK(digest_of_snapshot(s, &taken) == want) &&
                    (prng_below(&p, 4) || CHECK(records_of(index, s) == records));
        if (former) {
            snapshot_close(s);
        } else {
            former = s;
        }
        if (!same) {
            test_note("seed %llu, step %llu, window cursor %llx, group %u to %llx",
                      (unsigned long long)seed, (unsigned long long)steps,
                      (unsigned long long)c.state.merge_cursor, c.state.group_end,
                      (unsigned long long)c.state.group_cursor);
            break;
        }
        if (prng_below(&p, 25) == 0) {
            check_sound(index);
        }
        if (prng_below(&p, 40) == 0) {
            check_copies(index, want);
        }
        catalog_free(&c);
    }
    snapshot_close(former);
    CHECK(WINDOW_BITS > 8 || (taken > 20 && waiting > 3));
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
