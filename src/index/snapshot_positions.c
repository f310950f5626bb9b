/*
 * Positions in a snapshot: of a list, and of one post.
 *
 * A merge deletes the positions of its segments as their window gets them (merge.c), while readers
 * go on with the segments' lists. Dead posts go along in merges, so a segment's postings of a term
 * are a run of the window's, and what the segment had is copied from there:
 *
 *     window's list    │ segment 7's postings │ segment 8's │ segment 9's      │
 *     its positions    ─────────────────────────███████████████─────────────────
 *                      groups of 32:  │     │   ▲   │     │     │     │
 *                                           └───┘ lengths of so many posts say where it begins
 *
 * Cost: 6 to 12 ns a posting of a list, 0.5 to 1.5 us for a single one (titles and texts of short
 * synthesised posts in segments of 8,192).
 */
#include "index/snapshot_impl.h"

#include "base/error.h"

/* The lengths of a unit's posts: of the one that was asked for last, at once. */
static anp_status words_of(snapshot *s, index_field field, const unit_info *unit,
                           list_lengths *out, anp_error *err) {
    unit_words *words = &s->words[field];
    if (words->count != unit->count || words->first != unit->first) {
        uint32_t number = field == INDEX_TITLE ? COLUMN_TITLE_LENGTH : COLUMN_BODY_LENGTH;
        str value;
        column_view column;
        words->count = 0;
        TRY(snapshot_unit_value(s, unit, (unit_entry){UNIT_COLUMN, number, 0}, &value, err));
        TRY(column_open(value, &column, err));
        TRY(column_lengths(&column, window_low(unit->first), &words->lengths, err));
        words->first = unit->first;
        words->count = unit->count;
    }
    *out = words->lengths;
    return ANP_OK;
}

/* What tfs of a list of the field have more than positions, for each title tf. */
static uint32_t title_weight(const snapshot *s, index_field field) {
    return field == INDEX_TITLE ? 0 : s->cat.settings.title_weight;
}

/* ---- What a merge has taken ------------------------------------------------------------------ */

/* Some of a segment's postings of a term, one behind the other. */
typedef struct run {
    const unit_info *unit;
    index_field field;
    uint32_t count;
    const uint16_t *docs;
    const uint32_t *counts; /* of positions */
} run;

/* Whether the positions of an entry of this unit are to be had of its window. */
static bool is_taken(const snapshot *s, const unit_info *unit, unit_entry entry) {
    uint32_t window = unit->first >> WINDOW_BITS;
    return unit->level == UNIT_SEGMENT && s->merging == (int32_t)window &&
           snapshot_inner_key(window, entry) < s->merged;
}

/* A value of the window that is being merged, for a list of so many postings. */
static anp_status merged_value(snapshot *s, unit_entry entry, uint32_t count, str *out,
                               anp_error *err) {
    uint64_t unit = (uint64_t)s->merging << 48;
    anp_status status = unit_get(s->txn, UNIT_WINDOW,
                                 unit | snapshot_inner_key((uint32_t)s->merging, entry), out, err);
    return status == ANP_NOT_FOUND
               ? error_corrupt(err, "a list of %u postings has no positions: nor has its window",
                               count)
               : status;
}

/* How many words the posts have; lows ascend. */
static anp_status find_lengths(snapshot *s, index_field field, const uint16_t *lows,
                               uint32_t count, uint32_t *out, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, (uint32_t)s->merging, &units);
    for (uint32_t i = 0, at = 0; i < count; i++) {
        list_lengths lengths;
        while (at < n && lows[i] - (uint32_t)window_low(units[at].first) >= units[at].count) {
            at++;
        }
        if (at == n) {
            return error_corrupt(err, "a list has ordinals of no post");
        }
        TRY(words_of(s, field, &units[at], &lengths, err));
        out[i] = list_length(&lengths, lows[i]);
    }
    return ANP_OK;
}

/* The run in its window's list. */
static anp_status find_run(snapshot *s, const run *r, const list_view *list,
                           positions_part *part, anp_error *err) {
    uint16_t before[POSITIONS_GROUP];
    uint32_t lengths[POSITIONS_GROUP];
    uint32_t rank = list_rank(list, r->docs[0]), last = r->count - 1;
    if (rank >= list->count || last >= list->count - rank ||
        list_rank(list, r->docs[last]) != rank + last) {
        return error_corrupt(err, "a segment's list is not in its window's");
    }
    uint32_t count = rank % POSITIONS_GROUP;
    list_docs_before(list, rank, r->docs[0], count, before);
    TRY(find_lengths(s, r->field, before, count, lengths, err));
    part->count = r->count;
    part->first = rank;
    return positions_begin(&part->view, list, title_weight(s, r->field), rank, lengths, &part->bit,
                           err);
}

/* The run's positions as those of a list, in memory. */
static anp_status copy_run(snapshot *s, const run *r, unit_entry entry, arena *memory, str *out,
                           anp_error *err) {
    str value;
    list_view list;
    positions_part part = {0};
    positions_input input = {r->count, r->docs, r->counts, NULL, {0}};
    buffer bytes = {0};
    TRY(merged_value(s, entry, r->count, &value, err));
    TRY(list_view_open(value, &list, err));
    entry.sub++;
    TRY(list.positions.data ? ANP_OK
                            : merged_value(s, entry, r->count, &list.positions, err));
    TRY(positions_view_open(list.positions, list.count, &part.view, err));
    TRY(find_run(s, r, &list, &part, err));
    TRY(words_of(s, r->field, r->unit, &input.lengths, err));
    anp_status status = positions_append(&input, &part, 1, &bytes, err);
    if (status == ANP_OK) {
        *out = arena_str(memory, str_make((const char *)bytes.data, bytes.len));
        status = bytes.failed || !out->data ? error_nomem(err, "a term's positions") : ANP_OK;
    }
    buffer_free(&bytes);
    return status;
}

/* Those of a whole list of a segment. */
static anp_status copy_taken(snapshot *s, const unit_info *unit, unit_entry entry,
                             const list_view *list, arena *memory, str *out, anp_error *err) {
    index_field field = entry.sub == UNIT_SUB_TITLE ? INDEX_TITLE : INDEX_TEXT;
    uint32_t from = window_low(unit->first), count = list->count;
    arena scratch = {0};
    uint16_t *docs = arena_alloc(&scratch, count * sizeof *docs);
    uint32_t *tfs = arena_alloc(&scratch, count * sizeof *tfs);
    anp_status status = docs && tfs ? ANP_OK : error_nomem(err, "a term's positions");
    if (status == ANP_OK && !list_docs_within(list, from, from + unit->count, docs)) {
        status = error_corrupt(err, "the posts of a word do not ascend; verify the index");
    }
    if (status == ANP_OK) {
        list_tfs(list, tfs);
        list_less_titles(list, title_weight(s, field), 0, count, tfs);
        run all = {unit, field, count, docs, tfs};
        status = copy_run(s, &all, entry, memory, out, err);
    }
    arena_free(&scratch);
    return status;
}

/* ---- Of a list ------------------------------------------------------------------------------- */

anp_status snapshot_positions_of(snapshot *s, const unit_info *unit, unit_entry entry,
                                 const list_view *list, arena *memory, str *out, anp_error *err) {
    *out = list->positions;
    if (out->data) {
        return ANP_OK;
    }
    if (is_taken(s, unit, entry)) {
        return copy_taken(s, unit, entry, list, memory, out, err);
    }
    entry.sub++;
    TRY(snapshot_unit_value(s, unit, entry, out, err));
    return out->data ? ANP_OK : error_corrupt(err, "a list of %u postings has no positions",
                                              list->count);
}

anp_status snapshot_list_positions(snapshot *s, index_field field, uint32_t term,
                                   const term_list *list, arena *perm, str *out, anp_error *err) {
    list_view view;
    TRY(list_view_open(list->bytes, &view, err));
    return snapshot_positions_of(s, list->unit, snapshot_term_entry(field, term), &view, perm, out,
                                 err);
}

/* ---- Of one post ----------------------------------------------------------------------------- */

static anp_status tail_positions(snapshot *s, index_field field, uint32_t term, uint32_t docno,
                                 arena *perm, const uint32_t **positions, uint32_t *count,
                                 anp_error *err) {
    tail_cursor cursor = tail_find(s->tail, TAIL_TERMS, term);
    tail_place place;
    while (tail_next(&cursor, &place)) {
        if (s->tail->first + place.post != docno) {
            continue;
        }
        const uint8_t *end = place.end, *at;
        uint32_t body_tf = 0, title_tf = 0;
        at = varint_read_u32(place.at, end, &body_tf);
        at = at ? varint_read_u32(at, end, &title_tf) : NULL;
        uint32_t *out = arena_alloc(perm, ((size_t)body_tf + title_tf + 1) * sizeof *out);
        if (!out) {
            return error_nomem(err, "positions");
        }
        if (!at || !forward_positions(&at, end, body_tf, out) ||
            !forward_positions(&at, end, title_tf, out + body_tf)) {
            return error_corrupt(err, "a record of the log is cut");
        }
        *positions = field == INDEX_TITLE ? out + body_tf : out;
        *count = field == INDEX_TITLE ? title_tf : body_tf;
        break;
    }
    return ANP_OK;
}

/* Of one posting, which the merge has taken. */
static anp_status read_taken(snapshot *s, const run *one, unit_entry entry, uint32_t length,
                             arena *perm, uint32_t *out, anp_error *err) {
    positions_place place = {0, one->counts[0], length};
    positions_view view;
    str value;
    TRY(copy_run(s, one, entry, perm, &value, err));
    TRY(positions_view_open(value, 1, &view, err));
    return positions_found(&view, &place, out, err);
}

static anp_status unit_positions(snapshot *s, index_field field, uint32_t term,
                                 const unit_info *unit, uint16_t low, arena *perm,
                                 const uint32_t **positions, uint32_t *count, anp_error *err) {
    unit_entry entry = snapshot_term_entry(field, term);
    uint32_t weight = title_weight(s, field);
    str value;
    list_view list;
    list_lengths lengths;
    positions_view view;
    TRY(snapshot_unit_value(s, unit, entry, &value, err));
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(list_view_open(value, &list, err));
    uint32_t rank = list_rank(&list, low);
    if (rank == UINT32_MAX) {
        return ANP_OK;
    }
    TRY(words_of(s, field, unit, &lengths, err));
    uint32_t expect = list_tf(&list, rank) - weight * list_title_tf(&list, rank);
    if (expect > list_length(&lengths, low)) {
        return error_corrupt(err, "a posting has more positions than its post has words");
    }
    uint32_t *out = arena_alloc(perm, (size_t)expect * sizeof *out);
    if (!out) {
        return error_nomem(err, "positions");
    }
    *positions = out;
    *count = expect;
    if (!list.positions.data && is_taken(s, unit, entry)) {
        run one = {unit, field, 1, &low, &expect};
        return read_taken(s, &one, entry, list_length(&lengths, low), perm, out, err);
    }
    TRY(snapshot_positions_of(s, unit, entry, &list, perm, &value, err));
    TRY(positions_view_open(value, list.count, &view, err));
    return positions_read(&view, &list, &lengths, weight, low, rank, expect, out, err);
}

anp_status snapshot_positions(snapshot *s, index_field field, uint32_t term, uint32_t docno,
                              arena *perm, const uint32_t **positions, uint32_t *count,
                              anp_error *err) {
    uint32_t window = docno >> WINDOW_BITS;
    *positions = NULL;
    *count = 0;
    if (snapshot_tail_in(s, window) && docno >= s->tail->first) {
        return tail_positions(s, field, term, docno, perm, positions, count, err);
    }
    const unit_info *units;
    size_t n = snapshot_units(s, window, &units), at = 0;
    while (at < n && docno - units[at].first >= units[at].count) {
        at++;
    }
    return at == n ? ANP_OK
                   : unit_positions(s, field, term, &units[at], window_low(docno), perm, positions,
                                    count, err);
}
