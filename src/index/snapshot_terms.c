/* Terms and their postings in a snapshot: the units of a window one behind the other, the log
   last. Positions: snapshot_positions.c. */
#include "index/snapshot_impl.h"

#include "base/error.h"
#include "index/numbers.h"

anp_status snapshot_term(snapshot *s, str term, uint32_t *number, anp_error *err) {
    if (term.len == 0 || term.len > TERM_BYTES_MAX) {
        return ANP_NOT_FOUND;
    }
    return numbers_find(s->txn, STORE_TERMS, term, number, err);
}

/* A term's list in one unit; count 0 when there is none. */
static anp_status unit_list(snapshot *s, const unit_info *unit, unit_entry entry, list_view *out,
                            anp_error *err) {
    str value;
    *out = (list_view){0};
    TRY(snapshot_unit_value(s, unit, entry, &value, err));
    return value.len ? list_view_open(value, out, err) : ANP_OK;
}

/* Appended to arrays that have room. */
typedef struct collected {
    uint16_t *docs;
    uint32_t *tfs;
    uint32_t count;
} collected;

/* Turns the combined tfs of docs[from, count) into body tfs, dropping posts whose title alone
   has the term. */
static void keep_body(const list_view *list, uint32_t weight, collected *all, uint32_t from) {
    uint32_t kept = from;
    list_less_titles(list, weight, 0, all->count - from, all->tfs + from);
    for (uint32_t i = from; i < all->count; i++) {
        all->docs[kept] = all->docs[i];
        all->tfs[kept] = all->tfs[i];
        kept += all->tfs[i] > 0;
    }
    all->count = kept;
}

static anp_status collect_unit(snapshot *s, index_field field, uint32_t term,
                               const unit_info *unit, collected *all, anp_error *err) {
    unit_entry entry = snapshot_term_entry(field, term);
    list_view list;
    TRY(unit_list(s, unit, entry, &list, err));
    if (list.count == 0 || list.count > WINDOW_DOCS - all->count) {
        return list.count ? error_corrupt(err, "a window has too many postings") : ANP_OK;
    }
    uint32_t from = all->count;
    list_tfs(&list, all->tfs + from);
    all->count += list_docs(&list, all->docs + from);
    if (field == INDEX_BODY) {
        keep_body(&list, s->cat.settings.title_weight, all, from);
    }
    return ANP_OK;
}

/* tfs of one posting of the log; *at is put behind them. */
static anp_status tail_tfs(const tail_place *place, const uint8_t **at, uint32_t *body_tf,
                           uint32_t *title_tf, anp_error *err) {
    *at = varint_read_u32(place->at, place->end, body_tf);
    *at = *at ? varint_read_u32(*at, place->end, title_tf) : NULL;
    /* Each position takes a byte at least. */
    uint64_t bytes = *at ? (uint64_t)(place->end - *at) : 0;
    return *at && *body_tf <= bytes && *title_tf <= bytes && *title_tf <= TITLE_WORDS_MAX
               ? ANP_OK
               : error_corrupt(err, "a record of the log is cut");
}

static uint32_t combined_tf(const snapshot *s, index_field field, uint32_t body_tf,
                            uint32_t title_tf) {
    return field == INDEX_BODY    ? body_tf
           : field == INDEX_TITLE ? title_tf
                                  : body_tf + s->cat.settings.title_weight * title_tf;
}

static anp_status collect_tail(const snapshot *s, index_field field, uint32_t term, collected *all,
                               anp_error *err) {
    tail_cursor cursor = tail_find(s->tail, TAIL_TERMS, term);
    tail_place place;
    while (tail_next(&cursor, &place)) {
        const uint8_t *at;
        uint32_t body_tf, title_tf;
        TRY(tail_tfs(&place, &at, &body_tf, &title_tf, err));
        uint32_t tf = combined_tf(s, field, body_tf, title_tf);
        if (tf) {
            all->docs[all->count] = window_low(s->tail->first + place.post);
            all->tfs[all->count++] = tf;
        }
    }
    return ANP_OK;
}

/* Room that a window's postings of the term take at most. */
static anp_status count_window(snapshot *s, index_field field, uint32_t term, uint32_t window,
                               uint32_t *most, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, window, &units);
    uint64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        list_view list;
        TRY(unit_list(s, &units[i], snapshot_term_entry(field, term), &list, err));
        total += list.count;
    }
    if (snapshot_tail_in(s, window)) {
        total += s->tail->count;
    }
    if (total > WINDOW_DOCS) {
        return error_corrupt(err, "a window has too many postings");
    }
    *most = (uint32_t)total;
    return ANP_OK;
}

anp_status snapshot_postings(snapshot *s, index_field field, uint32_t term, uint32_t window,
                             arena *perm, window_postings *out, anp_error *err) {
    uint32_t most;
    *out = (window_postings){0};
    TRY(count_window(s, field, term, window, &most, err));
    if (most == 0) {
        return ANP_OK;
    }
    collected all = {arena_alloc(perm, most * sizeof *all.docs),
                     arena_alloc(perm, most * sizeof *all.tfs), 0};
    if (!all.docs || !all.tfs) {
        return error_nomem(err, "a term's postings");
    }
    const unit_info *units;
    size_t n = snapshot_units(s, window, &units);
    for (size_t i = 0; i < n; i++) {
        TRY(collect_unit(s, field, term, &units[i], &all, err));
    }
    if (snapshot_tail_in(s, window)) {
        TRY(collect_tail(s, field, term, &all, err));
    }
    *out = (window_postings){all.docs, all.tfs, all.count};
    return ANP_OK;
}

/* All of them but the positions; how many of these there are at most, of both fields. */
static anp_status collect_log(snapshot *s, index_field field, uint32_t term, log_postings *out,
                              uint64_t *positions, anp_error *err) {
    tail_cursor cursor = tail_find(s->tail, TAIL_TERMS, term);
    bool combined = field == INDEX_TEXT && s->cat.settings.title_weight;
    tail_place place;
    *positions = 0;
    while (out->count < s->tail->count && tail_next(&cursor, &place)) {
        const uint8_t *at;
        uint32_t body_tf, title_tf, i = out->count;
        TRY(tail_tfs(&place, &at, &body_tf, &title_tf, err));
        out->docs[i] = window_low(s->tail->first + place.post);
        out->tfs[i] = combined_tf(s, field, body_tf, title_tf);
        out->title_tfs[i] = combined ? title_tf : 0;
        out->counts[i] = field == INDEX_TITLE ? title_tf : body_tf;
        *positions += (uint64_t)body_tf + title_tf;
        out->count += out->tfs[i] > 0;
    }
    return ANP_OK;
}

/* Of the same postings. */
static anp_status collect_log_positions(snapshot *s, index_field field, uint32_t term,
                                        log_postings *out, anp_error *err) {
    tail_cursor cursor = tail_find(s->tail, TAIL_TERMS, term);
    uint32_t *next = out->positions, i = 0;
    tail_place place;
    while (i < out->count && tail_next(&cursor, &place)) {
        const uint8_t *at;
        uint32_t body_tf, title_tf;
        TRY(tail_tfs(&place, &at, &body_tf, &title_tf, err));
        if (combined_tf(s, field, body_tf, title_tf) == 0) {
            continue;
        }
        /* In INDEX_TITLE the body's are read first and then written over. */
        bool whole = forward_positions(&at, place.end, body_tf, next) &&
                     (field != INDEX_TITLE || forward_positions(&at, place.end, title_tf, next));
        if (!whole) {
            return error_corrupt(err, "a record of the log is cut");
        }
        next += out->counts[i++];
    }
    return ANP_OK;
}

anp_status snapshot_log_postings(snapshot *s, index_field field, uint32_t term, bool positions,
                                 arena *perm, log_postings *out, anp_error *err) {
    uint32_t most = s->tail->count;
    uint64_t total;
    *out = (log_postings){.docs = arena_alloc(perm, most * sizeof *out->docs),
                          .tfs = arena_alloc(perm, most * sizeof *out->tfs),
                          .title_tfs = arena_alloc(perm, most * sizeof *out->title_tfs),
                          .counts = arena_alloc(perm, most * sizeof *out->counts)};
    if (!out->docs || !out->tfs || !out->title_tfs || !out->counts) {
        return error_nomem(err, "a term's postings");
    }
    TRY(collect_log(s, field, term, out, &total, err));
    if (!positions) {
        return ANP_OK;
    }
    out->positions = arena_alloc(perm, ((size_t)total + 1) * sizeof *out->positions);
    return out->positions ? collect_log_positions(s, field, term, out, err)
                          : error_nomem(err, "a term's positions");
}

/* df and cf of one window, by decoding: where posts are deleted, in the log, or the field is the
   body. */
static anp_status decode_stats(snapshot *s, index_field field, uint32_t term, uint32_t window,
                               uint64_t *df, uint64_t *cf, anp_error *err) {
    arena scratch = {0};
    window_postings postings;
    anp_status status = snapshot_postings(s, field, term, window, &scratch, &postings, err);
    for (uint32_t i = 0; status == ANP_OK && i < postings.count; i++) {
        if (!bitmap_contains(s->deleted, window << WINDOW_BITS | postings.docs[i])) {
            *df += 1;
            *cf += postings.tfs[i];
        }
    }
    arena_free(&scratch);
    return status;
}

static anp_status header_stats(snapshot *s, index_field field, uint32_t term, uint32_t window,
                               uint64_t *df, uint64_t *cf, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, window, &units);
    for (size_t i = 0; i < n; i++) {
        list_view list;
        TRY(unit_list(s, &units[i], snapshot_term_entry(field, term), &list, err));
        *df += list.count;
        *cf += list.tf_sum;
    }
    return ANP_OK;
}

anp_status snapshot_term_stats(snapshot *s, index_field field, uint32_t term, uint32_t *df,
                               uint64_t *cf, anp_error *err) {
    uint64_t df_sum = 0, cf_sum = 0;
    for (uint32_t window = 0; window < snapshot_window_count(s); window++) {
        uint64_t first = (uint64_t)window << WINDOW_BITS;
        bool whole = field != INDEX_BODY && !snapshot_tail_in(s, window) &&
                     bitmap_count_range(s->deleted, first, first + WINDOW_DOCS) == 0;
        TRY((whole ? header_stats : decode_stats)(s, field, term, window, &df_sum, &cf_sum, err));
    }
    *df = (uint32_t)df_sum;
    *cf = cf_sum;
    return ANP_OK;
}

anp_status snapshot_term_bitmap(snapshot *s, index_field field, uint32_t term, bitmap **out,
                                anp_error *err) {
    arena scratch = {0};
    anp_status status = ANP_OK;
    bitmap *set = bitmap_new();
    if (!set) {
        return error_nomem(err, "a term's posts");
    }
    for (uint32_t window = 0; window < snapshot_window_count(s) && status == ANP_OK; window++) {
        window_postings postings;
        arena_mark mark = arena_save(&scratch);
        status = snapshot_postings(s, field, term, window, &scratch, &postings, err);
        if (status == ANP_OK &&
            !bitmap_add_window(set, window << WINDOW_BITS, postings.docs, postings.count)) {
            status = error_nomem(err, "a term's posts");
        }
        arena_rewind(&scratch, mark);
    }
    arena_free(&scratch);
    if (status != ANP_OK) {
        bitmap_free(set);
        return status;
    }
    *out = set;
    return ANP_OK;
}

anp_status snapshot_terms(snapshot *s, str from,
                          bool (*visit)(void *user, str term, uint32_t number), void *user,
                          anp_error *err) {
    return numbers_walk(s->txn, STORE_TERMS, from, visit, user, err);
}
