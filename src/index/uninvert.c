/*
 * See uninvert.h. Terms come in the order of their numbers, so each post's part of its record grows
 * at its end. The parts of all posts are first put one behind the other as they come,
 *
 *     u16 low, varint n, n bytes      a term's entry in the post's forward record (forward.h)
 *
 * with the sum of each post's bytes kept beside, and then copied to where they belong.
 */
#include "index/uninvert.h"

#include "base/error.h"
#include "index/snapshot_impl.h"
#include "sketch/sketch.h"

#include <math.h>

typedef struct number_of_post {
    uint16_t low;
    uint32_t field;
    double value;
} number_of_post;

typedef struct facet_of_post {
    uint16_t low;
    uint32_t value;
} facet_of_post;

enum { TAKEN_BYTES_KEPT = 1 << 20 };

/* What is known of a post while its window is walked. */
typedef struct part {
    bool live;
    uint32_t last_term; /* new number, of the entry written last */
    uint32_t term_count;
    uint32_t number_count, facet_count;
    size_t term_bytes;
    const uint8_t *sketch; /* into sketches */
} part;

typedef struct window_walk {
    uninverter *from;
    snapshot *snapshot;
    uint32_t window;
    const renumbering *numbers;
    window_columns known; /* lengths and scores */
    list_lengths bodies, titles;
    part *parts; /* by low */
    buffer stream;
    VEC(number_of_post) columns;
    VEC(facet_of_post) facets;
    buffer sketches; /* of the whole window, by low */
    term_rows rows;
    uint32_t term; /* in hand, by its old number; UINT32_MAX: none */
    const unit_info *unit; /* that has it */
    term_values values; /* its values, in kept */
    buffer kept[UNIT_SUBS];
    arena taken; /* positions of it that a merge has taken from its segment */
    uint16_t *lows;
    buffer entry, payload;
} window_walk;

/* ---- The units of a window ----------------------------------------------------------------- */

/* A range of inner keys of a unit, or of the group that took them over from it. */
typedef struct span {
    const unit_info *unit;
    unit_level level;
    uint32_t number;
    uint64_t from, to;
} span;

/* Behind the kinds that groups have. */
#define LISTS_END unit_key(0, UNIT_COLUMN, 0)

/* Up to where a group has the lists of a window. */
static uint64_t grouped_to(const catalog_state *state, uint32_t window) {
    uint32_t group = window >> GROUP_BITS;
    if (group == state->group_end && state->group_cursor != UINT64_MAX) {
        return state->group_cursor < LISTS_END ? state->group_cursor : LISTS_END;
    }
    return group < state->group_end ? LISTS_END : 0;
}

/* Calls take for all spans that have something of a window, in the order of their keys for each
   post. */
static anp_status each_span(snapshot *s, uint32_t window,
                            anp_status (*take)(void *user, const span *at, anp_error *err),
                            void *user, anp_error *err) {
    for (size_t i = 0; i < s->cat.units.count; i++) {
        const unit_info *unit = &s->cat.units.items[i];
        if (unit->first >> WINDOW_BITS != window) {
            continue;
        }
        span at = {unit, (unit_level)unit->level, unit->number, 0, UINT64_MAX};
        if (unit->level == UNIT_WINDOW && grouped_to(&s->cat.state, window)) {
            at.from = grouped_to(&s->cat.state, window);
            span group = {unit, UNIT_GROUP, window >> GROUP_BITS, 0, at.from};
            TRY(take(user, &group, err));
        }
        TRY(take(user, &at, err));
    }
    return ANP_OK;
}

/* ---- Terms --------------------------------------------------------------------------------- */

static void put_positions(const uint32_t *positions, uint32_t count, buffer *out) {
    for (uint32_t i = 0; i < count; i++) {
        buffer_put_varint(out, i ? positions[i] - positions[i - 1] - 1 : positions[i]);
    }
}

static anp_status put_rows(window_walk *w, uint32_t term, anp_error *err) {
    const uint32_t *body = w->rows.body_positions.items, *title = w->rows.title_positions.items;
    for (size_t i = 0; i < w->rows.rows.count; i++) {
        const term_row *row = &w->rows.rows.items[i];
        part *post = &w->parts[row->low];
        if (post->live) {
            w->payload.len = w->entry.len = 0;
            buffer_put_varint(&w->payload, row->body_tf);
            buffer_put_varint(&w->payload, row->title_tf);
            put_positions(body, row->body_tf, &w->payload);
            put_positions(title, row->title_tf, &w->payload);
            buffer_put_varint(&w->entry, term - post->last_term);
            buffer_put_varint(&w->entry, w->payload.len);
            buffer_put(&w->entry, w->payload.data, w->payload.len);
            buffer_put_u16(&w->stream, row->low);
            buffer_put_varint(&w->stream, w->entry.len);
            buffer_put(&w->stream, w->entry.data, w->entry.len);
            post->last_term = term;
            post->term_count++;
            post->term_bytes += w->entry.len;
        }
        body += row->body_tf;
        title += row->title_tf;
    }
    bool failed = w->stream.failed || w->entry.failed || w->payload.failed;
    return failed ? error_nomem(err, "reading a window") : ANP_OK;
}

/* The positions that its list (of `sub`) should have. */
static anp_status find_positions(window_walk *w, unsigned sub, str value, str *positions,
                                 anp_error *err) {
    list_view list;
    if (value.len == 0 || positions->data) {
        return ANP_OK;
    }
    TRY(list_view_open(value, &list, err));
    return list.positions.data
               ? ANP_OK
               : snapshot_positions_of(w->snapshot, w->unit, (unit_entry){UNIT_TERM, w->term, sub},
                                       &list, &w->taken, positions, err);
}

/* The values of the term in hand were gathered. */
static anp_status end_term(window_walk *w, anp_error *err) {
    uint32_t term = w->term == UINT32_MAX ? UINT32_MAX : w->numbers->terms[w->term];
    term_values values = w->values;
    rows_clear(&w->rows);
    if (term != UINT32_MAX) {
        TRY(find_positions(w, UNIT_SUB_TEXT, values.text, &values.text_positions, err));
        TRY(find_positions(w, UNIT_SUB_TITLE, values.title, &values.title_positions, err));
    }
    w->term = UINT32_MAX;
    w->values = (term_values){0};
    if (term == UINT32_MAX) {
        return ANP_OK;
    }
    TRY(rows_add_values(&w->rows, &values, w->snapshot->cat.settings.title_weight, &w->bodies,
                        &w->titles, err));
    arena_reset(&w->taken, TAKEN_BYTES_KEPT);
    return put_rows(w, term, err);
}

/* ---- The other kinds ----------------------------------------------------------------------- */

static anp_status take_facet(window_walk *w, uint32_t old, str value, anp_error *err) {
    list_view list;
    TRY(list_view_open(value, &list, err));
    uint32_t count = list_docs(&list, w->lows), number = w->numbers->values[old];
    for (uint32_t i = 0; i < count && number != UINT32_MAX; i++) {
        if (w->parts[w->lows[i]].live) {
            w->parts[w->lows[i]].facet_count++;
            if (!vec_push(&w->facets, ((facet_of_post){w->lows[i], number}))) {
                return error_nomem(err, "reading a window");
            }
        }
    }
    return ANP_OK;
}

static anp_status take_column(window_walk *w, const unit_info *unit, uint32_t number, str value,
                              anp_error *err) {
    column_view column;
    if (number < COLUMN_FIELD_0) {
        return ANP_OK; /* lengths and scores: snapshot_columns gives them */
    }
    TRY(column_open(value, &column, err));
    uint16_t first = window_low(unit->first);
    for (uint32_t i = 0; i < column.count && first + i < WINDOW_DOCS; i++) {
        part *post = &w->parts[first + i];
        double held = column_get(&column, i);
        if (post->live && !isnan(held)) {
            number_of_post entry = {(uint16_t)(first + i), number - COLUMN_FIELD_0, held};
            post->number_count++;
            if (!vec_push(&w->columns, entry)) {
                return error_nomem(err, "reading a window");
            }
        }
    }
    return ANP_OK;
}

static anp_status take_sketches(window_walk *w, const unit_info *unit, uint32_t piece, str value,
                                anp_error *err) {
    uint32_t from, end;
    unit_piece(unit, piece < UNIT_PIECES ? piece : 0, &from, &end);
    if (piece >= UNIT_PIECES || value.len != (size_t)(end - from) * SKETCH_BYTES) {
        return error_corrupt(err, "sketches of %u posts have %zu bytes; verify the index",
                             end - from, value.len);
    }
    size_t first = window_low(from);
    memcpy(w->sketches.data + first * SKETCH_BYTES, value.data, value.len);
    for (size_t i = 0; i < value.len / SKETCH_BYTES; i++) {
        w->parts[first + i].sketch = w->sketches.data + (first + i) * SKETCH_BYTES;
    }
    return ANP_OK;
}

/* ---- A unit -------------------------------------------------------------------------------- */

/* Keeps a value of a term: the cursor's is gone with its next one. */
static anp_status take_term(window_walk *w, const unit_info *unit, uint32_t term, unsigned sub,
                            str value, anp_error *err) {
    str *places[UNIT_SUBS] = {&w->values.text, &w->values.text_positions, &w->values.title,
                              &w->values.title_positions};
    if (sub >= UNIT_SUBS) {
        return error_corrupt(err, "a unit has a key of no known kind; verify the index");
    }
    w->term = term;
    w->unit = unit;
    w->kept[sub].len = 0;
    buffer_put_str(&w->kept[sub], value);
    *places[sub] = str_make((const char *)w->kept[sub].data, w->kept[sub].len);
    return w->kept[sub].failed ? error_nomem(err, "reading a window") : ANP_OK;
}

static anp_status check_number(const window_walk *w, unit_kind kind, uint32_t number,
                               anp_error *err) {
    const catalog_state *state = &w->snapshot->cat.state;
    bool known = kind == UNIT_TERM ? number < state->term_end
                                   : kind != UNIT_FACET || number < state->value_end;
    return known ? ANP_OK : error_corrupt(err, "a unit has a number that was never given; verify "
                                          "the index");
}

static anp_status take_value(window_walk *w, const span *at, uint64_t inner, str value,
                             anp_error *err) {
    unit_kind kind = unit_key_kind(inner);
    uint32_t number = unit_key_number(inner);
    TRY(check_number(w, kind, number, err));
    if (kind != UNIT_TERM || number != w->term) {
        TRY(end_term(w, err));
    }
    switch (kind) {
    case UNIT_TERM: return take_term(w, at->unit, number, unit_key_sub(inner), value, err);
    case UNIT_FACET: return take_facet(w, number, value, err);
    case UNIT_COLUMN: return take_column(w, at->unit, number, value, err);
    case UNIT_SKETCH: return take_sketches(w, at->unit, number, value, err);
    case UNIT_PAIR: return ANP_OK; /* made anew */
    default: return ANP_OK;
    }
}

/* Reads a group up to inner key `to`, each window's values into a stream of its own. */
static anp_status read_group(uninverter *from, uint32_t group, uint64_t to, anp_error *err) {
    unit_cursor *cursor;
    uint64_t inner;
    str value;
    TRY(streams_open(from->beside, GROUP_WINDOWS, &from->group, err));
    from->group_number = group;
    TRY(unit_cursor_open(from->snapshot->txn, UNIT_GROUP, group, 0, to, &cursor, err));
    anp_status status;
    while ((status = unit_cursor_next(cursor, &inner, &value, err)) == ANP_OK) {
        uint32_t slot = unit_key_slot(inner);
        status = slot < GROUP_WINDOWS
                     ? streams_put(from->group, slot, inner, value, err)
                     : error_corrupt(err, "a group has a key of no window; verify the index");
        if (status != ANP_OK) {
            break;
        }
    }
    unit_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? streams_map(from->group, err) : status;
}

/* The group may have got some of a term's values while the window has the others: no end_term. */
static anp_status walk_group(window_walk *w, const span *at, anp_error *err) {
    uint64_t inner;
    str value;
    if (!w->from->group || w->from->group_number != at->number) {
        uninverter_close(w->from);
        anp_status status = read_group(w->from, at->number, at->to, err);
        if (status != ANP_OK) {
            uninverter_close(w->from);
            return status;
        }
    }
    while (streams_next(w->from->group, unit_slot(w->window), &inner, &value)) {
        TRY(take_value(w, at, inner, value, err));
    }
    return ANP_OK;
}

static anp_status walk_span(void *user, const span *at, anp_error *err) {
    window_walk *w = user;
    unit_cursor *cursor;
    uint64_t inner;
    str value;
    if (at->level == UNIT_GROUP) {
        return walk_group(w, at, err);
    }
    TRY(unit_cursor_open(w->snapshot->txn, at->level, at->number, at->from, at->to, &cursor, err));
    anp_status status;
    while ((status = unit_cursor_next(cursor, &inner, &value, err)) == ANP_OK) {
        status = take_value(w, at, inner, value, err);
        if (status != ANP_OK) {
            break;
        }
    }
    unit_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? end_term(w, err) : status;
}

/* ---- Records ------------------------------------------------------------------------------- */

/* All of a record before its terms. */
static void put_front(const forward_input *input, uint32_t term_count, buffer *out) {
    forward_build(input, out);
    out->len -= !out->failed; /* the count of no terms: a byte */
    buffer_put_varint(out, term_count);
}

/* A record of the log, under new numbers. */
static anp_status renumber(window_walk *w, str record, arena *scratch, buffer *out,
                           anp_error *err) {
    forward_view view;
    TRY(forward_view_open(record, scratch, &view, err));
    uint32_t *facets = arena_alloc(scratch, (view.facet_count + 1u) * sizeof *facets), term;
    if (!facets) {
        return error_nomem(err, "reading a window");
    }
    for (uint32_t i = 0; i < view.facet_count; i++) {
        TRY(check_number(w, UNIT_FACET, view.facets[i], err));
        facets[i] = w->numbers->values[view.facets[i]];
    }
    forward_input input = {.head = view.head, .numbers = view.numbers, .facets = facets,
                           .number_count = view.number_count, .facet_count = view.facet_count,
                           .sketch = view.sketch};
    put_front(&input, view.term_count, out);
    str payload;
    uint32_t previous = 0, count = 0;
    forward_walk walk = forward_walk_open(&view);
    while (forward_walk_next(&walk, &term, &payload)) {
        TRY(check_number(w, UNIT_TERM, term, err));
        buffer_put_varint(out, w->numbers->terms[term] - previous);
        buffer_put_varint(out, payload.len);
        buffer_put_str(out, payload);
        previous = w->numbers->terms[term];
        count++;
    }
    return count == view.term_count ? ANP_OK : error_corrupt(err, "a record of the log is damaged");
}

static anp_status put_logged(window_walk *w, uint32_t docno, buffer *out, anp_error *err) {
    str record;
    arena memory = {0};
    anp_status status = store_get(w->snapshot->txn, STORE_LOG, store_key_u64(docno), &record, err);
    if (status == ANP_NOT_FOUND) {
        return error_corrupt(err, "the log lacks post %u; restore a backup", docno);
    }
    if (status == ANP_OK) {
        status = renumber(w, record, &memory, out, err);
    }
    arena_free(&memory);
    return status;
}

/* Sorts what was found by post; stable, so that a post's own stay in their order. */
static bool order_by_low(const window_walk *w, uint32_t **facet_at, uint32_t **column_at) {
    uint32_t *counts = calloc(2 * (WINDOW_DOCS + 1), sizeof *counts);
    *facet_at = malloc((w->facets.count + 1) * sizeof **facet_at);
    *column_at = malloc((w->columns.count + 1) * sizeof **column_at);
    if (!counts || !*facet_at || !*column_at) {
        free(counts);
        return false;
    }
    uint32_t *facets = counts, *columns = counts + WINDOW_DOCS + 1;
    for (uint32_t low = 0; low < WINDOW_DOCS; low++) {
        facets[low + 1] = facets[low] + w->parts[low].facet_count;
        columns[low + 1] = columns[low] + w->parts[low].number_count;
    }
    for (uint32_t i = 0; i < w->facets.count; i++) {
        (*facet_at)[facets[w->facets.items[i].low]++] = i;
    }
    for (uint32_t i = 0; i < w->columns.count; i++) {
        (*column_at)[columns[w->columns.items[i].low]++] = i;
    }
    free(counts);
    return true;
}

/* The head of each record, and room for its terms; offsets[i] is where those go. */
static anp_status put_heads(window_walk *w, uninverted *out, size_t *term_at, anp_error *err) {
    uint32_t *facet_at = NULL, *column_at = NULL, facet = 0, column = 0;
    forward_number numbers[POST_FIELDS_MAX];
    uint32_t facets[POST_FIELDS_MAX];
    anp_status status =
        order_by_low(w, &facet_at, &column_at) ? ANP_OK : error_nomem(err, "reading a window");
    for (uint32_t i = 0; i < out->count && status == ANP_OK; i++) {
        uint16_t low = window_low(out->docnos[i]);
        const part *post = &w->parts[low];
        out->offsets[i] = out->bytes.len;
        if (out->docnos[i] >= w->snapshot->cat.state.log_first) {
            term_at[low] = SIZE_MAX;
            status = put_logged(w, out->docnos[i], &out->bytes, err);
            continue;
        }
        bool sketched = !post->sketch == !snapshot_stores_posts(w->snapshot);
        if (post->facet_count > POST_FIELDS_MAX || post->number_count > POST_FIELDS_MAX ||
            !sketched) {
            status = error_corrupt(err, "post %u has lost its sketch or has too many values; "
                                   "verify the index", out->docnos[i]);
            break;
        }
        forward_input input = {.numbers = numbers, .facets = facets, .sketch = post->sketch};
        input.head.title_words = w->known.lengths[INDEX_TITLE][low];
        input.head.body_words = w->known.lengths[INDEX_BODY][low];
        memcpy(input.head.scores, w->known.scores[low], sizeof input.head.scores);
        for (; input.number_count < post->number_count; column++) {
            const number_of_post *held = &w->columns.items[column_at[column]];
            numbers[input.number_count++] = (forward_number){held->field, 0, held->value};
        }
        for (; input.facet_count < post->facet_count; facet++) {
            facets[input.facet_count++] = w->facets.items[facet_at[facet]].value;
        }
        put_front(&input, post->term_count, &out->bytes);
        term_at[low] = out->bytes.len;
        buffer_reserve(&out->bytes, post->term_bytes);
        out->bytes.len += out->bytes.failed ? 0 : post->term_bytes;
    }
    free(facet_at);
    free(column_at);
    return status == ANP_OK && out->bytes.failed ? error_nomem(err, "reading a window") : status;
}

static void put_stream(const window_walk *w, size_t *term_at, uninverted *out) {
    const uint8_t *at = w->stream.data, *end = at + w->stream.len;
    while (at < end) {
        uint16_t low = load_u16(at);
        uint32_t len = 0;
        at = varint_read_u32(at + 2, end, &len);
        memcpy(out->bytes.data + term_at[low], at, len);
        term_at[low] += len;
        at += len;
    }
}

static anp_status gather(window_walk *w, uninverted *out, anp_error *err) {
    size_t total = 0;
    size_t *term_at = malloc(WINDOW_DOCS * sizeof *term_at);
    if (!term_at) {
        return error_nomem(err, "reading a window");
    }
    for (uint32_t i = 0; i < out->count; i++) {
        const part *post = &w->parts[window_low(out->docnos[i])];
        total += post->term_bytes + SKETCH_BYTES + 24 + 16 * (size_t)post->number_count +
                 5 * (size_t)post->facet_count;
    }
    buffer_reserve(&out->bytes, total); /* at once: a large buffer that grows is copied */
    anp_status status = put_heads(w, out, term_at, err);
    if (status == ANP_OK) {
        out->offsets[out->count] = out->bytes.len;
        put_stream(w, term_at, out);
    }
    free(term_at);
    return status;
}

static void end_walk(window_walk *w) {
    free(w->parts);
    free(w->lows);
    free(w->columns.items);
    free(w->facets.items);
    buffer_free(&w->stream);
    buffer_free(&w->sketches);
    buffer_free(&w->entry);
    buffer_free(&w->payload);
    rows_free(&w->rows);
    for (int sub = 0; sub < UNIT_SUBS; sub++) {
        buffer_free(&w->kept[sub]);
    }
    arena_free(&w->taken);
}

/* Which posts of the window live. */
static anp_status list_live(window_walk *w, uninverted *out, anp_error *err) {
    uint32_t first = w->window << WINDOW_BITS, end = w->snapshot->cat.state.docno_end;
    uint32_t count = end - first < WINDOW_DOCS ? end - first : WINDOW_DOCS;
    w->parts = calloc(WINDOW_DOCS, sizeof *w->parts);
    w->lows = malloc(WINDOW_DOCS * sizeof *w->lows);
    out->docnos = malloc((count + 1u) * sizeof *out->docnos);
    out->offsets = malloc((count + 1u) * sizeof *out->offsets);
    buffer_reserve(&w->sketches, (size_t)WINDOW_DOCS * SKETCH_BYTES);
    if (!w->parts || !w->lows || !out->docnos || !out->offsets || w->sketches.failed) {
        return error_nomem(err, "reading a window");
    }
    TRY(snapshot_columns(w->snapshot, w->window, &w->known, err));
    w->bodies = (list_lengths){w->known.lengths[INDEX_BODY], 4, 4, 0, 0, w->known.count};
    w->titles = (list_lengths){w->known.lengths[INDEX_TITLE], 4, 4, 0, 0, w->known.count};
    for (uint32_t i = 0; i < count; i++) {
        w->parts[i].live = !bitmap_contains(w->snapshot->deleted, first + i);
        if (w->parts[i].live) {
            out->docnos[out->count++] = first + i;
        }
    }
    return ANP_OK;
}

anp_status uninvert_window(uninverter *from, uint32_t window, uninverted *out, anp_error *err) {
    window_walk w = {.from = from, .snapshot = from->snapshot, .window = window,
                     .numbers = from->numbers, .term = UINT32_MAX};
    *out = (uninverted){0};
    anp_status status = list_live(&w, out, err);
    if (status == ANP_OK) {
        status = each_span(from->snapshot, window, walk_span, &w, err);
    }
    if (status == ANP_OK) {
        status = gather(&w, out, err);
    }
    end_walk(&w);
    if (status != ANP_OK) {
        uninvert_free(out);
    }
    return status;
}

void uninverter_close(uninverter *from) {
    streams_close(from->group);
    from->group = NULL;
}

void uninvert_free(uninverted *u) {
    free(u->docnos);
    free(u->offsets);
    buffer_free(&u->bytes);
    *u = (uninverted){0};
}

/* ---- New numbers --------------------------------------------------------------------------- */

typedef struct marking {
    snapshot *snapshot;
    renumbering *out; /* while marking: 0 where a live post has it */
    uint16_t *lows;
} marking;

static bool all_live(const marking *m, uint32_t window) {
    uint64_t first = (uint64_t)window << WINDOW_BITS;
    return bitmap_count_range(m->snapshot->deleted, first, first + WINDOW_DOCS) == 0;
}

/* A list of a window that has dead posts. */
static anp_status mark_list(marking *m, uint32_t *number, uint32_t window, str value,
                            anp_error *err) {
    list_view list;
    TRY(list_view_open(value, &list, err));
    uint32_t count = list_docs(&list, m->lows);
    for (uint32_t i = 0; i < count && *number; i++) {
        if (!bitmap_contains(m->snapshot->deleted, window << WINDOW_BITS | m->lows[i])) {
            *number = 0;
        }
    }
    return ANP_OK;
}

/* All windows of a group at once. */
static anp_status mark_span(void *user, const span *at, anp_error *err) {
    marking *m = user;
    const catalog_state *state = &m->snapshot->cat.state;
    uint32_t window = at->unit->first >> WINDOW_BITS, slots = GROUP_WINDOWS;
    bool live[GROUP_WINDOWS];
    unit_cursor *cursor;
    uint64_t inner;
    str value;
    if (at->from >= LISTS_END || (at->level == UNIT_GROUP && unit_slot(window) != 0)) {
        return ANP_OK;
    }
    window -= unit_slot(window);
    for (uint32_t i = 0; i < slots; i++) {
        live[i] = all_live(m, window + i);
    }
    TRY(unit_cursor_open(m->snapshot->txn, at->level, at->number, at->from,
                         at->to < LISTS_END ? at->to : LISTS_END, &cursor, err));
    anp_status status;
    while ((status = unit_cursor_next(cursor, &inner, &value, err)) == ANP_OK) {
        uint32_t number = unit_key_number(inner), slot = unit_key_slot(inner);
        bool term = unit_key_kind(inner) == UNIT_TERM;
        if (number >= (term ? state->term_end : state->value_end) || slot >= slots) {
            status = error_corrupt(err, "a unit has a number that was never given; verify the "
                                   "index");
            break;
        }
        uint32_t *mark = term ? &m->out->terms[number] : &m->out->values[number];
        if (*mark == 0 || (term && unit_key_sub(inner) & 1)) { /* positions */
            continue;
        }
        *mark = live[slot] ? 0 : *mark;
        status = live[slot] ? ANP_OK : mark_list(m, mark, window + slot, value, err);
        if (status != ANP_OK) {
            break;
        }
    }
    unit_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status mark_record(marking *m, str record, arena *scratch, anp_error *err) {
    const catalog_state *state = &m->snapshot->cat.state;
    forward_view view;
    str payload;
    uint32_t term, count = 0;
    bool known = true;
    TRY(forward_view_open(record, scratch, &view, err));
    for (uint32_t i = 0; i < view.facet_count && known; i++) {
        known = view.facets[i] < state->value_end;
        m->out->values[known ? view.facets[i] : 0] = 0;
    }
    forward_walk walk = forward_walk_open(&view);
    for (; known && forward_walk_next(&walk, &term, &payload); count++) {
        known = term < state->term_end;
        m->out->terms[known ? term : 0] = 0;
    }
    return known && count == view.term_count ? ANP_OK
                                             : error_corrupt(err, "a record of the log is damaged");
}

static anp_status mark_log(marking *m, anp_error *err) {
    const catalog_state *state = &m->snapshot->cat.state;
    for (uint32_t docno = state->log_first; docno < state->docno_end; docno++) {
        str record;
        if (bitmap_contains(m->snapshot->deleted, docno)) {
            continue;
        }
        anp_status status =
            store_get(m->snapshot->txn, STORE_LOG, store_key_u64(docno), &record, err);
        if (status == ANP_NOT_FOUND) {
            return error_corrupt(err, "the log lacks post %u; restore a backup", docno);
        }
        arena memory = {0};
        if (status == ANP_OK) {
            status = mark_record(m, record, &memory, err);
        }
        arena_free(&memory);
        TRY(status);
    }
    return ANP_OK;
}

static uint32_t number_marked(uint32_t *numbers, uint32_t count) {
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = numbers[i] == 0 ? next++ : UINT32_MAX;
    }
    return next;
}

anp_status renumbering_make(snapshot *s, renumbering *out, anp_error *err) {
    const catalog_state *state = &s->cat.state;
    marking m = {.snapshot = s, .out = out};
    *out = (renumbering){0};
    out->terms = malloc((state->term_end + 1u) * sizeof *out->terms);
    out->values = malloc((state->value_end + 1u) * sizeof *out->values);
    m.lows = malloc(WINDOW_DOCS * sizeof *m.lows);
    anp_status status =
        out->terms && out->values && m.lows ? ANP_OK : error_nomem(err, "numbering terms");
    if (status == ANP_OK) {
        memset(out->terms, 0xff, state->term_end * sizeof *out->terms);
        memset(out->values, 0xff, state->value_end * sizeof *out->values);
    }
    for (uint32_t i = 0; i < snapshot_window_count(s) && status == ANP_OK; i++) {
        status = each_span(s, i, mark_span, &m, err);
    }
    if (status == ANP_OK) {
        status = mark_log(&m, err);
    }
    free(m.lows);
    if (status != ANP_OK) {
        renumbering_free(out);
        return status;
    }
    out->term_end = number_marked(out->terms, state->term_end);
    out->value_end = number_marked(out->values, state->value_end);
    return ANP_OK;
}

void renumbering_free(renumbering *r) {
    free(r->terms);
    free(r->values);
    *r = (renumbering){0};
}
