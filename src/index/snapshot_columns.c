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

/* Posts whose entries are wanted: all of the window, or some, ascending. */
typedef struct wanted {
    const uint16_t *lows; /* NULL: all */
    uint32_t count;
} wanted;

/* Those of the wanted ones that lie below `end`, from *at on, which moves behind them. */
static wanted take_below(const wanted *w, uint32_t *at, uint32_t end) {
    wanted some = {w->lows ? w->lows + *at : NULL, 0};
    while (w->lows && *at < w->count && w->lows[*at] < end) {
        ++*at;
        some.count++;
    }
    return some;
}

static void unit_lengths(const column_view *column, uint32_t first, wanted w, uint32_t *out) {
    if (!w.lows && column->entries) {
        column_get_lengths(column, out + first);
    }
    for (uint32_t i = 0; i < w.count; i++) {
        uint32_t low = w.lows[i];
        out[low] = column->entries ? column_get_length(column, low - first) : 0;
    }
}

static void unit_scores(const column_view *column, uint32_t first, uint32_t posts, wanted w,
                        float (*out)[4]) {
    uint32_t count = w.lows ? w.count : posts;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t low = w.lows ? w.lows[i] : first + i;
        if (column->entries) {
            column_get_scores(column, low - first, out[low]);
        } else {
            out[low][0] = out[low][1] = out[low][2] = out[low][3] = 50;
        }
    }
}

static anp_status decode_column(snapshot *s, uint32_t window, uint32_t number, const wanted *w,
                                anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(s, window, &units);
    uint32_t at = 0;
    for (size_t i = 0; i < n; i++) {
        column_view column;
        uint32_t first = window_low(units[i].first);
        wanted here = take_below(w, &at, first + units[i].count);
        if (w->lows && here.count == 0) {
            continue;
        }
        TRY(open_column(s, &units[i], number, &column, err));
        uint32_t *lengths = s->lengths[number == COLUMN_TITLE_LENGTH ? INDEX_TITLE : INDEX_BODY];
        if (number == COLUMN_SCORES) {
            unit_scores(&column, first, units[i].count, here, s->scores);
        } else if (column.entries || here.lows) {
            unit_lengths(&column, first, here, lengths);
        } else {
            memset(lengths + first, 0, units[i].count * sizeof *lengths);
        }
    }
    return ANP_OK;
}

static void decode_tail_post(snapshot *s, uint32_t post) {
    uint32_t low = window_low(s->tail->first) + post;
    const forward_head *head = tail_head(s->tail, post);
    s->lengths[INDEX_TITLE][low] = head->title_words;
    s->lengths[INDEX_BODY][low] = head->body_words;
    memcpy(s->scores[low], head->scores, sizeof head->scores);
}

static void decode_tail(snapshot *s, const wanted *w) {
    uint32_t first = window_low(s->tail->first);
    uint32_t count = w->lows ? w->count : s->tail->count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t post = w->lows ? w->lows[i] - first : i; /* below the first: very large */
        if (post < s->tail->count) {
            decode_tail_post(s, post);
        }
    }
}

static anp_status decode(snapshot *s, uint32_t window, const wanted *w, anp_error *err) {
    s->column_window = UINT32_MAX;
    TRY(need_arrays(s, err));
    TRY(decode_column(s, window, COLUMN_TITLE_LENGTH, w, err));
    TRY(decode_column(s, window, COLUMN_BODY_LENGTH, w, err));
    TRY(decode_column(s, window, COLUMN_SCORES, w, err));
    if (snapshot_tail_in(s, window)) {
        decode_tail(s, w);
    }
    uint64_t left = (uint64_t)s->cat.state.docno_end - ((uint64_t)window << WINDOW_BITS);
    s->column_count = left < WINDOW_DOCS ? (uint32_t)left : WINDOW_DOCS;
    uint32_t *text = s->lengths[INDEX_TEXT], weight = s->cat.settings.title_weight;
    const uint32_t *title = s->lengths[INDEX_TITLE], *body = s->lengths[INDEX_BODY];
    for (uint32_t i = 0; !w->lows && i < s->column_count; i++) {
        text[i] = body[i] + weight * title[i];
    }
    for (uint32_t i = 0; i < w->count; i++) {
        text[w->lows[i]] = body[w->lows[i]] + weight * title[w->lows[i]];
    }
    return ANP_OK;
}

static void give_columns(const snapshot *s, window_columns *out) {
    out->count = s->column_count;
    for (int field = 0; field < INDEX_FIELDS; field++) {
        out->lengths[field] = s->lengths[field];
    }
    out->scores = (const float (*)[4])s->scores;
}

anp_status snapshot_columns(snapshot *s, uint32_t window, window_columns *out, anp_error *err) {
    if (s->column_window != window) {
        wanted all = {NULL, 0};
        TRY(decode(s, window, &all, err));
        s->column_window = window;
    }
    give_columns(s, out);
    return ANP_OK;
}

anp_status snapshot_columns_of(snapshot *s, uint32_t window, const uint16_t *lows, uint32_t count,
                               window_columns *out, anp_error *err) {
    /* In cost one entry is like some in a row, one call like a hundred of those. */
    enum { ONE_LIKE = 8, CALL_LIKE = 100 };
    s->sparse_cost = s->sparse_window == window ? s->sparse_cost : 0;
    s->sparse_window = window;
    s->sparse_cost += (uint64_t)ONE_LIKE * count + CALL_LIKE;
    if (s->column_window == window || s->sparse_cost > WINDOW_DOCS) {
        return snapshot_columns(s, window, out, err);
    }
    wanted some = {lows, count};
    TRY(decode(s, window, &some, err));
    give_columns(s, out);
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
    size_t n = snapshot_units(s, window, &units);
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
        TRY(tail_read_meta(s->tail, err));
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

anp_status snapshot_range_bits(snapshot *s, uint32_t field, number_range range, uint32_t window,
                               uint64_t *bits, anp_error *err) {
    const unit_info *units;
    uint32_t number = COLUMN_FIELD_0 + field;
    size_t n = snapshot_units(s, window, &units);
    for (size_t i = 0; i < n; i++) {
        column_view column;
        TRY(open_column(s, &units[i], number, &column, err));
        if (column.entries) {
            column_find(&column, range, window_low(units[i].first), bits);
        }
    }
    if (snapshot_tail_in(s, window)) {
        TRY(tail_read_meta(s->tail, err));
        tail_cursor cursor = tail_find(s->tail, TAIL_NUMBERS, field);
        tail_place place;
        while (tail_next(&cursor, &place)) {
            uint32_t low = window_low(s->tail->first + place.post);
            double value;
            memcpy(&value, place.at, sizeof value);
            bits[low / 64] |= (uint64_t)number_in_range(range, value) << low % 64;
        }
    }
    return ANP_OK;
}

enum { RANGE_WORDS = (WINDOW_DOCS + 63) / 64 };

/* Scratch of a window. */
typedef struct range_room {
    uint64_t bits[RANGE_WORDS];
    uint16_t lows[WINDOW_DOCS];
} range_room;

static anp_status add_range(snapshot *s, uint32_t field, number_range range, uint32_t window,
                            range_room *room, bitmap *set, anp_error *err) {
    uint32_t count = 0;
    memset(room->bits, 0, sizeof room->bits);
    TRY(snapshot_range_bits(s, field, range, window, room->bits, err));
    for (uint32_t word = 0; word < RANGE_WORDS; word++) {
        for (uint64_t left = room->bits[word]; left; left &= left - 1) {
            room->lows[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    return bitmap_add_window(set, window << WINDOW_BITS, room->lows, count)
               ? ANP_OK
               : error_nomem(err, "a range's posts");
}

anp_status snapshot_range(snapshot *s, uint32_t field, number_range range, bitmap **out,
                          anp_error *err) {
    bitmap *set = bitmap_new();
    range_room *room = malloc(sizeof *room);
    anp_status status = set && room ? ANP_OK : error_nomem(err, "a range's posts");
    for (uint32_t window = 0; window < snapshot_window_count(s) && status == ANP_OK; window++) {
        status = add_range(s, field, range, window, room, set, err);
    }
    free(room);
    if (status != ANP_OK) {
        bitmap_free(set);
        return status;
    }
    *out = set;
    return ANP_OK;
}
