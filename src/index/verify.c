/*
 * See verify.h. What is checked beyond the store's checksums, all in one snapshot:
 *
 *     catalog    units lie one behind the other from 0 to the log, the log from there to the next
 *                ordinal; live + deleted = ordinals; word counts = sums of the lengths of live
 *                posts
 *     posts      one for each ordinal, its id's entry names it when it is live; as many ids as
 *                live posts
 *     units      every list valid, its ordinals inside the unit, its number below the counter;
 *                positions readable to the last one and below the post's length; bounds not below
 *                the impacts that they cover
 *     log        every record inverts
 *
 * Cost: reads every value once; about as long as reading the file.
 */
#include "index/verify.h"

#include "base/error.h"
#include "index/snapshot_impl.h"
#include "rank/bm25.h"
#include "sketch/sketch.h"

#include <math.h>
#include <stdio.h>

typedef struct check {
    snapshot *snapshot;
    void (*report)(void *user, const char *line);
    void *user;
    uint64_t problems;
    const unit_info *unit; /* in hand */
    window_columns columns;
    uint16_t *lows; /* WINDOW_DOCS, scratch */
    uint32_t *tfs;
} check;

static void wrong(check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void wrong(check *c, const char *format, ...) {
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

/* Passes a status on unless it is damage, which is reported and survived. */
static anp_status survive(check *c, anp_status status, const anp_error *detail, anp_error *err) {
    if (status == ANP_CORRUPT || status == ANP_NOT_FOUND) {
        wrong(c, "%s", status == ANP_CORRUPT ? detail->message : "a value is missing");
        return ANP_OK;
    }
    if (status != ANP_OK && err) {
        *err = *detail;
    }
    return status;
}

/* ---- Catalog ------------------------------------------------------------------------------- */

static void check_catalog(check *c) {
    const catalog *cat = &c->snapshot->cat;
    uint32_t next = 0;
    for (size_t i = 0; i < cat->units.count; i++) {
        const unit_info *unit = &cat->units.items[i];
        bool merging = unit->level == UNIT_WINDOW && catalog_merging(cat) == (int32_t)unit->number;
        if (unit->first != next || unit->count == 0 || unit->count > WINDOW_DOCS ||
            window_low(unit->first) + unit->count > WINDOW_DOCS) {
            wrong(c, "unit %zu begins at post %u with %u posts; %u was expected", i, unit->first,
                  unit->count, next);
        }
        next = merging ? next : unit->first + unit->count;
    }
    if (next != cat->state.log_first || cat->state.log_first > cat->state.docno_end) {
        wrong(c, "the units end at post %u, the log begins at %u", next, cat->state.log_first);
    }
    uint64_t deleted = bitmap_count(c->snapshot->deleted);
    if (cat->state.post_count + deleted != cat->state.docno_end) {
        wrong(c, "%llu live and %llu deleted posts are not %u in all",
              (unsigned long long)cat->state.post_count, (unsigned long long)deleted,
              cat->state.docno_end);
    }
}

/* ---- Posts --------------------------------------------------------------------------------- */

static anp_status check_post(check *c, uint32_t docno, arena *scratch, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    snapshot *s = c->snapshot;
    uint32_t found;
    str id, json;
    anp_status status = snapshot_id(s, docno, scratch, &id, &detail);
    if (status == ANP_OK && snapshot_stores_posts(s)) {
        status = snapshot_post(s, docno, scratch, &json, &detail);
    }
    if (status == ANP_OK && !bitmap_contains(s->deleted, docno)) {
        status = snapshot_docno(s, id, &found, &detail);
        if (status == ANP_NOT_FOUND || (status == ANP_OK && found != docno)) {
            wrong(c, "the id %.*s does not lead to post %u", (int)id.len, id.data, docno);
            status = ANP_OK;
        }
    }
    return survive(c, status, &detail, err);
}

static anp_status check_posts(check *c, anp_error *err) {
    store_table_size ids, posts;
    snapshot *s = c->snapshot;
    arena scratch = {0};
    TRY(store_table_measure(s->txn, STORE_IDS, &ids, err));
    TRY(store_table_measure(s->txn, STORE_POSTS, &posts, err));
    if (ids.entries != s->cat.state.post_count || posts.entries != s->cat.state.docno_end) {
        wrong(c, "there are %llu ids for %llu live posts, %llu stored posts for %u ordinals",
              (unsigned long long)ids.entries, (unsigned long long)s->cat.state.post_count,
              (unsigned long long)posts.entries, s->cat.state.docno_end);
    }
    anp_status status = ANP_OK;
    for (uint32_t docno = 0; docno < s->cat.state.docno_end && status == ANP_OK; docno++) {
        arena_mark mark = arena_save(&scratch);
        status = check_post(c, docno, &scratch, err);
        arena_rewind(&scratch, mark);
    }
    arena_free(&scratch);
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
            TRY(survive(c, status, &detail, err));
            return ANP_OK;
        }
        for (uint32_t i = 0; i < columns.count; i++) {
            bool live = !bitmap_contains(s->deleted, window << WINDOW_BITS | i);
            title += live ? columns.lengths[INDEX_TITLE][i] : 0;
            body += live ? columns.lengths[INDEX_BODY][i] : 0;
        }
    }
    if (title != s->cat.state.title_words || body != s->cat.state.body_words) {
        wrong(c, "live titles and bodies have %llu and %llu words, %llu and %llu are recorded",
              (unsigned long long)title, (unsigned long long)body,
              (unsigned long long)s->cat.state.title_words,
              (unsigned long long)s->cat.state.body_words);
    }
    return ANP_OK;
}

/* ---- Lists --------------------------------------------------------------------------------- */

static bool bounds_hold(const check *c, const list_view *list) {
    const rank_settings defaults = RANK_SETTINGS_DEFAULT;
    rank_norm norm = rank_norm_make(defaults.k1, defaults.b, (double)c->unit->length_average);
    bool hold = true;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t low = c->lows[i];
        double scores[RANK_SCORES];
        for (int s = 0; s < RANK_SCORES; s++) {
            scores[s] = (double)c->columns.scores[low][s];
        }
        float impact =
            rank_saturation(c->tfs[i], rank_norm_of(norm, c->columns.lengths[INDEX_TEXT][low]));
        double prior = rank_prior(defaults.weights, scores);
        float blended = impact * (float)(1.0 + defaults.blend * (2.0 * prior - 1.0));
        uint32_t scope = list->bound_count < LIST_BLOCKS ? i : low / BLOCK_DOCS;
        hold = hold && impact <= list->impact_max / 65535.0f * 1.0000002f &&
               blended <= list->blended_max / 65535.0f * LIST_BLEND_SCALE * 1.0000002f;
        if (list->bounds) {
            hold = hold && list_bound(list, scope) >= impact &&
                   list_blended_bound(list, scope) >= blended;
        }
    }
    return hold;
}

/* The last to read c->tfs, which become those of the field. */
static anp_status check_positions(check *c, const list_view *list, str apart, bool title,
                                  anp_error *err) {
    positions_view view;
    uint32_t weight = title ? 0 : snapshot_title_weight(c->snapshot);
    TRY(positions_view_open(list->positions.data ? list->positions : apart, list->count, &view,
                            err));
    const uint32_t *lengths = c->columns.lengths[title ? INDEX_TITLE : INDEX_BODY];
    positions_cursor cursor = {.view = &view};
    list_less_titles(list, weight, 0, list->count, c->tfs);
    arena scratch = {0};
    anp_status status = ANP_OK;
    for (uint32_t rank = 0; rank < list->count && status == ANP_OK; rank++) {
        uint32_t expect = c->tfs[rank], length = lengths[c->lows[rank]];
        if (expect > length) {
            status = error_corrupt(err, "a posting has more positions than its post has words");
            break;
        }
        uint32_t *positions = arena_alloc(&scratch, expect * sizeof *positions);
        status = positions ? positions_next(&cursor, length, expect, positions, err)
                           : error_nomem(err, "checking positions");
        arena_rewind(&scratch, (arena_mark){NULL, 0});
    }
    arena_free(&scratch);
    return status;
}

static anp_status check_list(check *c, uint64_t key, str value, anp_error *err) {
    list_view list;
    TRY(list_view_open(value, &list, err));
    TRY(list_validate(&list, err));
    list_docs(&list, c->lows);
    list_tfs(&list, c->tfs);
    uint32_t first = window_low(c->unit->first);
    if (c->lows[0] < first || c->lows[list.count - 1] - first >= c->unit->count) {
        return error_corrupt(err, "a list has ordinals outside of its unit");
    }
    if (unit_key_kind(key) == UNIT_FACET) {
        return ANP_OK;
    }
    bool title = unit_key_sub(key) == UNIT_SUB_TITLE;
    str apart = {NULL, 0};
    if (!list.positions.data) {
        unit_entry entry = {UNIT_TERM, unit_key_number(key), unit_key_sub(key) + 1};
        TRY(snapshot_unit_value(c->snapshot, c->unit, entry, &apart, err));
    }
    if (!title && !bounds_hold(c, &list)) {
        return error_corrupt(err, "a bound is below an impact");
    }
    return check_positions(c, &list, apart, title, err);
}

static anp_status check_value(check *c, uint64_t key, str value, anp_error *err) {
    column_view column;
    const catalog_state *state = &c->snapshot->cat.state;
    uint32_t number = unit_key_number(key);
    switch (unit_key_kind(key)) {
    case UNIT_TERM:
        if (number >= state->term_end) {
            return error_corrupt(err, "term number %u was never given", number);
        }
        return unit_key_sub(key) & 1 ? ANP_OK : check_list(c, key, value, err);
    case UNIT_FACET:
        if (number >= state->value_end) {
            return error_corrupt(err, "facet value number %u was never given", number);
        }
        return check_list(c, key, value, err);
    case UNIT_COLUMN:
        TRY(column_open(value, &column, err));
        return column.count == c->unit->count ? ANP_OK
                                              : error_corrupt(err, "a column is too short");
    case UNIT_SKETCH:
        return value.len == (size_t)c->unit->count * SKETCH_BYTES
                   ? ANP_OK : error_corrupt(err, "a unit's sketches are too few");
    default:
        return error_corrupt(err, "a key is of no known kind");
    }
}

/* What a merge has moved is no longer read from the window's segments. */
static uint64_t first_inner(const check *c) {
    const catalog *cat = &c->snapshot->cat;
    bool merging = c->unit->level == UNIT_SEGMENT &&
                   catalog_merging(cat) == (int32_t)(c->unit->first >> WINDOW_BITS);
    return merging ? cat->state.merge_cursor : 0;
}

static anp_status walk_unit(check *c, unit_cursor *cursor, anp_error *err) {
    uint64_t inner;
    str value;
    anp_status status = unit_cursor_next(cursor, &inner, &value, err);
    while (status == ANP_OK) {
        status = check_value(c, inner, value, err);
        if (status == ANP_CORRUPT) {
            wrong(c, "unit at post %u, key %012llx: %s", c->unit->first,
                  (unsigned long long)inner, err->message);
            status = ANP_OK;
        }
        if (status == ANP_OK) {
            status = unit_cursor_next(cursor, &inner, &value, err);
        }
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status check_unit(check *c, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    unit_cursor *cursor = NULL;
    uint32_t window = c->unit->first >> WINDOW_BITS;
    anp_status status = snapshot_columns(c->snapshot, window, &c->columns, &detail);
    if (status == ANP_OK) {
        status = unit_cursor_open(c->snapshot->txn, (unit_level)c->unit->level, c->unit->number,
                                  first_inner(c), UINT64_MAX, &cursor, &detail);
    }
    if (status == ANP_OK) {
        status = walk_unit(c, cursor, &detail);
    }
    unit_cursor_close(cursor);
    return survive(c, status, &detail, err);
}

static anp_status check_all(check *c, anp_error *err) {
    TRY(check_posts(c, err));
    TRY(check_lengths(c, err));
    for (size_t i = 0; i < c->snapshot->cat.units.count; i++) {
        c->unit = &c->snapshot->cat.units.items[i];
        TRY(check_unit(c, err));
    }
    return ANP_OK;
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
        check_catalog(&c);
        c.lows = malloc(WINDOW_DOCS * sizeof *c.lows);
        c.tfs = malloc(WINDOW_DOCS * sizeof *c.tfs);
        status = c.lows && c.tfs ? ANP_OK : error_nomem(&detail, "checking an index");
        if (status == ANP_OK && full) {
            status = check_all(&c, &detail);
        }
    }
    status = survive(&c, status, &detail, err);
    snapshot_close(c.snapshot);
    free(c.lows);
    free(c.tfs);
    *problems = of_store + c.problems;
    return status;
}
