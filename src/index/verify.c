/*
 * See verify.h. What is checked beyond the store's checksums, all in one snapshot:
 *
 *     catalog    units lie one behind the other from 0 to the log, the log from there to the next
 *                ordinal; live + deleted = ordinals; word counts = sums of the lengths of live
 *                posts; groups are of whole windows
 *     posts      one for each live ordinal, whose id's entry names it, none but those of the dead
 *                besides; as many ids as live posts
 *     deleted    each window's ordinals lie in it
 *     log        one record for each of its ordinals, each inverts
 *     terms, values: index/numbers.h, each number given once
 *     shingles   chunks lie one behind the other, few posts behind them; each decodes
 *     units      verify_units.c
 *
 * Cost: reads every value once; about as long as reading the file.
 */
#include "index/verify.h"

#include "base/error.h"
#include "index/chunk_code.h"
#include "index/likeness.h"
#include "index/numbers.h"
#include "index/verify_impl.h"

#include <stdio.h>

void check_wrong(check *c, const char *format, ...) {
    char line[600];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    c->problems++;
    if (c->report) {
        c->report(c->user, line);
    }
}

anp_status check_survive(check *c, anp_status status, const anp_error *detail, anp_error *err) {
    if (status == ANP_CORRUPT || status == ANP_NOT_FOUND) {
        check_wrong(c, "%s", status == ANP_CORRUPT ? detail->message : "a value is missing");
        return ANP_OK;
    }
    if (status != ANP_OK && err) {
        *err = *detail;
    }
    return status;
}

/* ---- Catalog ------------------------------------------------------------------------------- */

static void check_catalog(check *c) {
    const catalog *cat = &c->cat;
    uint32_t next = 0;
    for (size_t i = 0; i < cat->units.count; i++) {
        const unit_info *unit = &cat->units.items[i];
        bool read = catalog_reads(cat, unit); /* else others have its posts, too */
        if ((read && unit->first != next) || unit->count == 0 || unit->count > WINDOW_DOCS ||
            window_low(unit->first) + unit->count > WINDOW_DOCS) {
            check_wrong(c, "unit %zu begins at post %u with %u posts; %u was expected", i,
                        unit->first, unit->count, next);
        }
        next = read ? unit->first + unit->count : next;
    }
    if (next != cat->state.log_first || cat->state.log_first > cat->state.docno_end) {
        check_wrong(c, "the units end at post %u, the log begins at %u", next,
                    cat->state.log_first);
    }
    uint64_t grouped = (uint64_t)cat->state.group_end + (cat->state.group_cursor != UINT64_MAX);
    grouped <<= GROUP_BITS;
    if (grouped > catalog_whole_windows(cat)) {
        check_wrong(c, "%llu windows are grouped, only %u are whole", (unsigned long long)grouped,
                    catalog_whole_windows(cat));
    }
    uint64_t deleted = bitmap_count(c->snapshot->deleted);
    if (cat->state.post_count + deleted != cat->state.docno_end) {
        check_wrong(c, "%llu live and %llu deleted posts are not %u in all",
                    (unsigned long long)cat->state.post_count, (unsigned long long)deleted,
                    cat->state.docno_end);
    }
}

/* ---- Posts --------------------------------------------------------------------------------- */

/* A dead post may be gone (deleted.h). */
static anp_status check_post(check *c, uint32_t docno, arena *scratch, uint64_t *held,
                             anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    snapshot *s = c->snapshot;
    uint32_t found;
    str id, json, row;
    bool dead = bitmap_contains(s->deleted, docno);
    if (dead && store_get(s->txn, STORE_POSTS, store_key_u64(docno), &row, NULL) == ANP_NOT_FOUND) {
        return ANP_OK;
    }
    anp_status status = snapshot_id(s, docno, scratch, &id, &detail);
    *held += status == ANP_OK;
    if (status == ANP_OK && snapshot_stores_posts(s)) {
        status = snapshot_post(s, docno, scratch, &json, &detail);
    }
    if (status == ANP_OK && !dead) {
        status = snapshot_docno(s, id, &found, &detail);
        if (status == ANP_NOT_FOUND || (status == ANP_OK && found != docno)) {
            check_wrong(c, "the id %.*s does not lead to post %u", (int)id.len, id.data, docno);
            status = ANP_OK;
        }
    }
    return check_survive(c, status, &detail, err);
}

static anp_status check_posts(check *c, anp_error *err) {
    store_table_size ids, posts;
    snapshot *s = c->snapshot;
    arena scratch = {0};
    TRY(store_table_measure(s->txn, STORE_IDS, &ids, err));
    TRY(store_table_measure(s->txn, STORE_POSTS, &posts, err));
    if (ids.entries != s->cat.state.post_count) {
        check_wrong(c, "there are %llu ids for %llu live posts", (unsigned long long)ids.entries,
                    (unsigned long long)s->cat.state.post_count);
    }
    uint64_t held = 0;
    anp_status status = ANP_OK;
    for (uint32_t docno = 0; docno < s->cat.state.docno_end && status == ANP_OK; docno++) {
        arena_mark mark = arena_save(&scratch);
        status = check_post(c, docno, &scratch, &held, err);
        arena_rewind(&scratch, mark);
    }
    arena_free(&scratch);
    if (status == ANP_OK && posts.entries != held) {
        check_wrong(c, "of %llu stored posts %llu were found below ordinal %u",
                    (unsigned long long)posts.entries, (unsigned long long)held,
                    s->cat.state.docno_end);
    }
    return status;
}

static anp_status check_lengths(check *c, anp_error *err) {
    snapshot *s = c->snapshot;
    uint64_t title = 0, body = 0;
    for (uint32_t window = 0; window < snapshot_window_count(s); window++) {
        anp_error detail = ANP_ERROR_INIT;
        window_columns columns;
        anp_status status = snapshot_columns(s, window, &columns, &detail);
        if (status != ANP_OK) {
            TRY(check_survive(c, status, &detail, err));
            return ANP_OK;
        }
        for (uint32_t i = 0; i < columns.count; i++) {
            bool live = !bitmap_contains(s->deleted, window << WINDOW_BITS | i);
            title += live ? columns.lengths[INDEX_TITLE][i] : 0;
            body += live ? columns.lengths[INDEX_BODY][i] : 0;
        }
    }
    if (title != s->cat.state.title_words || body != s->cat.state.body_words) {
        check_wrong(c,
                    "live titles and bodies have %llu and %llu words, %llu and %llu are recorded",
                    (unsigned long long)title, (unsigned long long)body,
                    (unsigned long long)s->cat.state.title_words,
                    (unsigned long long)s->cat.state.body_words);
    }
    return ANP_OK;
}

/* ---- Log and deleted posts ----------------------------------------------------------------- */

/* Opening the snapshot read the log's records; here: that there are no others. */
static anp_status check_log(check *c, anp_error *err) {
    snapshot *s = c->snapshot;
    const catalog_state *state = &s->cat.state;
    store_table_size log;
    store_cursor *cursor;
    store_key key;
    str value;
    TRY(store_table_measure(s->txn, STORE_LOG, &log, err));
    if (log.entries != state->docno_end - state->log_first) {
        check_wrong(c, "the log has %llu records for the posts %u to %u",
                    (unsigned long long)log.entries, state->log_first, state->docno_end);
    }
    anp_error detail = ANP_ERROR_INIT;
    TRY(store_cursor_open(s->txn, STORE_LOG, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, &detail);
    if (status == ANP_OK && key.number < state->log_first) {
        check_wrong(c, "the log has a record of post %llu, which a unit holds",
                    (unsigned long long)key.number);
    }
    status = status == ANP_OK ? store_last(cursor, &key, &value, &detail) : status;
    if (status == ANP_OK && key.number >= state->docno_end) {
        check_wrong(c, "the log has a record of post %llu, which was never given",
                    (unsigned long long)key.number);
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : check_survive(c, status, &detail, err);
}

static void check_deleted_window(check *c, uint64_t window, const bitmap *set) {
    uint64_t first = window << WINDOW_BITS, end = first + WINDOW_DOCS;
    end = end < c->snapshot->cat.state.docno_end ? end : c->snapshot->cat.state.docno_end;
    if (window > UINT32_MAX >> WINDOW_BITS || first > end ||
        bitmap_count_range(set, first, end) != bitmap_count(set)) {
        check_wrong(c, "the deleted posts of window %llu lie outside of it",
                    (unsigned long long)window);
    }
}

static anp_status check_deleted(check *c, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    anp_error detail = ANP_ERROR_INIT;
    TRY(store_cursor_open(c->snapshot->txn, STORE_DELETED, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, &detail);
    while (status == ANP_OK) {
        bitmap *set = NULL;
        status = bitmap_load(value.data, value.len, &set);
        if (status == ANP_OK) {
            check_deleted_window(c, key.number, set);
            bitmap_free(set);
            status = store_next(cursor, &key, &value, &detail);
        }
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : check_survive(c, status, &detail, err);
}

static anp_status check_numbers(check *c, store_table table, uint32_t end, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    anp_status status = numbers_verify(c->snapshot->txn, table, end, &detail);
    return check_survive(c, status, &detail, err);
}

static anp_status check_chunks(check *c, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    likeness_piece *pieces = NULL;
    size_t count = 0;
    uint32_t alone = 0;
    anp_status status = likeness_pieces(c->snapshot, &pieces, &count, &detail);
    for (size_t i = 0; i < count && status == ANP_OK; i++) {
        chunk whole = {0};
        if (pieces[i].value.len) {
            status = chunk_decode(pieces[i].value, &whole, &detail);
        }
        alone += pieces[i].value.len || pieces[i].left_out ? 0 : pieces[i].count;
        chunk_free(&whole);
        if (status == ANP_CORRUPT) {
            check_wrong(c, "the shingles of the posts from %u on are damaged", pieces[i].first);
            status = ANP_OK;
        }
    }
    free(pieces);
    if (alone >= CHUNK_POSTS_MIN) {
        check_wrong(c, "the shingles of the last %u posts are missing", alone);
    }
    return check_survive(c, status, &detail, err);
}

static anp_status check_shingles(check *c, anp_error *err) {
    store_table_size size;
    if (snapshot_stores_posts(c->snapshot)) {
        return check_chunks(c, err);
    }
    TRY(store_table_measure(c->snapshot->txn, STORE_SHINGLES, &size, err));
    if (size.entries) {
        check_wrong(c, "there are shingles of posts that are not stored");
    }
    return ANP_OK;
}

static anp_status check_all(check *c, anp_error *err) {
    TRY(check_posts(c, err));
    TRY(check_lengths(c, err));
    TRY(check_deleted(c, err));
    TRY(check_log(c, err));
    TRY(check_shingles(c, err));
    TRY(check_numbers(c, STORE_TERMS, c->snapshot->cat.state.term_end, err));
    TRY(check_numbers(c, STORE_VALUES, c->snapshot->cat.state.value_end, err));
    return check_units(c, err);
}

anp_status index_verify(index_handle *index, bool full,
                        void (*report)(void *user, const char *line), void *user,
                        uint64_t *problems, anp_error *err) {
    check c = {.report = report, .user = user};
    anp_error detail = ANP_ERROR_INIT;
    uint64_t of_store = 0;
    TRY(store_verify(index_store(index), full, report, user, &of_store, err));
    /* Opening a snapshot reads the catalog, the deleted posts and the whole log. */
    anp_status status = snapshot_open(index, &c.snapshot, &detail);
    if (status == ANP_OK) {
        status = catalog_load(c.snapshot->txn, &c.cat, &detail);
    }
    if (status == ANP_OK) {
        check_catalog(&c);
        c.lows = malloc(WINDOW_DOCS * sizeof *c.lows);
        c.tfs = malloc(WINDOW_DOCS * sizeof *c.tfs);
        c.parts = malloc(WINDOW_DOCS * sizeof *c.parts);
        status = c.lows && c.tfs && c.parts ? ANP_OK : error_nomem(&detail, "checking an index");
        if (status == ANP_OK && full) {
            status = check_all(&c, &detail);
        }
    }
    status = check_survive(&c, status, &detail, err);
    snapshot_close(c.snapshot);
    catalog_free(&c.cat);
    free(c.lows);
    free(c.tfs);
    free(c.parts);
    check_free_facts(&c);
    check_free_pairs(&c);
    *problems = of_store + c.problems;
    return status;
}
