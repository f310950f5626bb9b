/* Columns, facets and the names of fields in a snapshot. */
#include "index/snapshot_impl.h"

#include "base/error.h"
#include "index/numbers.h"

#include <math.h>

/* ---- Lengths and scores -------------------------------------------------------------------- */

static anp_status need_arrays(snapshot *s, anp_error *err) {
    for (int field = 0; field < INDEX_FIELDS; field++) {
        if (!s->lengths[field]) {
            s->lengths[field] = malloc(WINDOW_DOCS * sizeof *s->lengths[field]);
        }
    }
    if (!s->scores) {
        s->scores = malloc(WINDOW_DOCS * sizeof *s->scores);
    }
    bool all = s->lengths[0] && s->lengths[1] && s->lengths[2] && s->scores;
    return all ? ANP_OK : error_nomem(err, "a window's columns");
}

/* A unit's column; entries NULL when no post of the unit has it. */
static anp_status open_column(snapshot *s, const unit_info *unit, uint32_t number, column_view *out,
                              anp_error *err) {
    unit_entry entry = {UNIT_COLUMN, number, 0};
    str value;
    *out = (column_view){0};
    TRY(snapshot_unit_value(s, unit, entry, &value, err));
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(column_open(value, out, err));
    return out->count == unit->count ? ANP_OK
                                     : error_corrupt(err, "a column has %u entries for %u posts",
                                                     out->count, unit->count);
}

/* By column number, since a merge may have moved some columns of the window and not yet others. */
static anp_status decode_lengths(snapshot *s, uint32_t window, uint32_t number, index_field field,
                                 anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, window, (unit_entry){UNIT_COLUMN, number, 0}, &units);
    for (size_t i = 0; i < n; i++) {
        column_view column;
        TRY(open_column(s, &units[i], number, &column, err));
        uint32_t *out = s->lengths[field] + window_low(units[i].first);
        for (uint32_t post = 0; post < units[i].count; post++) {
            out[post] = column.entries ? (uint32_t)column_get(&column, post) : 0;
        }
    }
    return ANP_OK;
}

static anp_status decode_scores(snapshot *s, uint32_t window, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, window, (unit_entry){UNIT_COLUMN, COLUMN_SCORES, 0}, &units);
    for (size_t i = 0; i < n; i++) {
        column_view column;
        TRY(open_column(s, &units[i], COLUMN_SCORES, &column, err));
        float (*out)[4] = s->scores + window_low(units[i].first);
        for (uint32_t post = 0; post < units[i].count; post++) {
            if (column.entries) {
                column_get_scores(&column, post, out[post]);
            } else {
                out[post][0] = out[post][1] = out[post][2] = out[post][3] = 50;
            }
        }
    }
    return ANP_OK;
}

static void decode_tail(snapshot *s) {
    uint32_t first = window_low(s->tail->first);
    for (uint32_t post = 0; post < s->tail->count; post++) {
        const forward_head *head = tail_head(s->tail, post);
        s->lengths[INDEX_TITLE][first + post] = head->title_words;
        s->lengths[INDEX_BODY][first + post] = head->body_words;
        memcpy(s->scores[first + post], head->scores, sizeof head->scores);
    }
}

anp_status snapshot_columns(snapshot *s, uint32_t window, window_columns *out, anp_error *err) {
    if (s->column_window != window) {
        s->column_window = UINT32_MAX;
        TRY(need_arrays(s, err));
        TRY(decode_lengths(s, window, COLUMN_TITLE_LENGTH, INDEX_TITLE, err));
        TRY(decode_lengths(s, window, COLUMN_BODY_LENGTH, INDEX_BODY, err));
        TRY(decode_scores(s, window, err));
        if (snapshot_tail_in(s, window)) {
            decode_tail(s);
        }
        uint64_t left = (uint64_t)s->cat.state.docno_end - ((uint64_t)window << WINDOW_BITS);
        s->column_count = left < WINDOW_DOCS ? (uint32_t)left : WINDOW_DOCS;
        for (uint32_t i = 0; i < s->column_count; i++) {
            s->lengths[INDEX_TEXT][i] = s->lengths[INDEX_BODY][i] +
                                        s->cat.settings.title_weight * s->lengths[INDEX_TITLE][i];
        }
        s->column_window = window;
    }
    out->count = s->column_count;
    for (int field = 0; field < INDEX_FIELDS; field++) {
        out->lengths[field] = s->lengths[field];
    }
    out->scores = (const float (*)[4])s->scores;
    return ANP_OK;
}

/* ---- Fields -------------------------------------------------------------------------------- */

static str last_part(str name) {
    for (size_t i = name.len; i > 0; i--) {
        if (name.data[i - 1] == '.') {
            return str_slice(name, i, name.len);
        }
    }
    return name;
}

anp_status snapshot_field_find(snapshot *s, str name, snapshot_field *out, anp_error *err) {
    (void)err;
    const intern *fields = &s->cat.fields;
    uint32_t number = intern_find(fields, name);
    for (uint32_t i = 0; number == INTERN_NONE && i < fields->count; i++) {
        if (!str_equal(last_part(fields->keys[i]), name)) {
            continue;
        }
        for (uint32_t j = i + 1; j < fields->count; j++) {
            if (str_equal(last_part(fields->keys[j]), name)) {
                return ANP_NOT_FOUND;
            }
        }
        number = i;
    }
    if (number == INTERN_NONE) {
        return ANP_NOT_FOUND;
    }
    uint8_t kinds = s->cat.kinds.items[number];
    *out = (snapshot_field){number, fields->keys[number], kinds & FIELD_TEXT, kinds & FIELD_NUMBER,
                            kinds & FIELD_DATE};
    return ANP_OK;
}

/* ---- Facets -------------------------------------------------------------------------------- */

static anp_status facet_window(snapshot *s, uint32_t value, uint32_t window, uint16_t *lows,
                               bitmap *set, anp_error *err) {
    const unit_entry entry = {UNIT_FACET, value, 0};
    const unit_info *units;
    size_t n = snapshot_units(s, window, entry, &units);
    uint32_t base = window << WINDOW_BITS;
    bool held = true;
    for (size_t i = 0; i < n; i++) {
        str bytes;
        list_view list;
        TRY(snapshot_unit_value(s, &units[i], entry, &bytes, err));
        if (bytes.len) {
            TRY(list_view_open(bytes, &list, err));
            held = held && bitmap_add_window(set, base, lows, list_docs(&list, lows));
        }
    }
    if (snapshot_tail_in(s, window)) {
        tail_cursor cursor = tail_find(s->tail, TAIL_FACETS, value);
        tail_place place;
        while (held && tail_next(&cursor, &place)) {
            held = bitmap_add(set, s->tail->first + place.post);
        }
    }
    return held ? ANP_OK : error_nomem(err, "a facet's posts");
}

anp_status snapshot_facet(snapshot *s, uint32_t field, str value, bitmap **out, anp_error *err) {
    char key[2 + FACET_BYTES_MAX] = {(char)(field >> 8), (char)field};
    uint32_t number = 0;
    anp_status status = ANP_NOT_FOUND;
    if (value.len <= FACET_BYTES_MAX) {
        if (value.len) {
            memcpy(key + 2, value.data, value.len);
        }
        status = numbers_find(s->txn, STORE_VALUES, str_make(key, 2 + value.len), &number, err);
    }
    if (status != ANP_OK && status != ANP_NOT_FOUND) {
        return status;
    }
    bitmap *set = bitmap_new();
    uint16_t *lows = malloc(WINDOW_DOCS * sizeof *lows);
    if (!set || !lows) {
        status = error_nomem(err, "a facet's posts");
    } else if (status == ANP_NOT_FOUND) {
        status = ANP_OK;
    } else {
        uint32_t windows = snapshot_window_count(s);
        for (uint32_t window = 0; window < windows && status == ANP_OK; window++) {
            status = facet_window(s, number, window, lows, set, err);
        }
    }
    free(lows);
    if (status != ANP_OK) {
        bitmap_free(set);
        return status;
    }
    *out = set;
    return ANP_OK;
}

/* ---- Ranges -------------------------------------------------------------------------------- */

static bool in_range(number_range r, double v) {
    return (v > r.low || (r.low_included && v == r.low)) &&
           (v < r.high || (r.high_included && v == r.high)); /* false for NaN */
}

static anp_status range_window(snapshot *s, uint32_t field, number_range range, uint32_t window,
                               bitmap *set, anp_error *err) {
    const unit_info *units;
    uint32_t number = COLUMN_FIELD_0 + field;
    size_t n = snapshot_units(s, window, (unit_entry){UNIT_COLUMN, number, 0}, &units);
    bool held = true;
    for (size_t i = 0; i < n; i++) {
        column_view column;
        TRY(open_column(s, &units[i], number, &column, err));
        for (uint32_t post = 0; column.entries && post < column.count; post++) {
            if (in_range(range, column_get(&column, post))) {
                held = held && bitmap_add(set, units[i].first + post);
            }
        }
    }
    if (snapshot_tail_in(s, window)) {
        tail_cursor cursor = tail_find(s->tail, TAIL_NUMBERS, field);
        tail_place place;
        while (held && tail_next(&cursor, &place)) {
            double value;
            memcpy(&value, place.at, sizeof value);
            if (in_range(range, value)) {
                held = bitmap_add(set, s->tail->first + place.post);
            }
        }
    }
    return held ? ANP_OK : error_nomem(err, "a range's posts");
}

anp_status snapshot_range(snapshot *s, uint32_t field, number_range range, bitmap **out,
                          anp_error *err) {
    bitmap *set = bitmap_new();
    anp_status status = set ? ANP_OK : error_nomem(err, "a range's posts");
    for (uint32_t window = 0; window < snapshot_window_count(s) && status == ANP_OK; window++) {
        status = range_window(s, field, range, window, set, err);
    }
    if (status != ANP_OK) {
        bitmap_free(set);
        return status;
    }
    *out = set;
    return ANP_OK;
}
