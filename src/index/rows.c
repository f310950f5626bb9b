/* See rows.h. */
#include "index/rows.h"

#include "base/error.h"

void rows_clear(term_rows *rows) {
    rows->rows.count = rows->body_positions.count = rows->title_positions.count = 0;
    rows->body_parts.count = rows->title_parts.count = 0;
}

void rows_free(term_rows *rows) {
    free(rows->rows.items);
    free(rows->body_positions.items);
    free(rows->title_positions.items);
    free(rows->body_parts.items);
    free(rows->title_parts.items);
    *rows = (term_rows){0};
}

/* Where a list's positions are: in its own value or in one of their own. */
static anp_status open_list(str value, str apart, list_view *list, positions_part *positions,
                            anp_error *err) {
    TRY(list_view_open(value, list, err));
    str where = list->positions.data ? list->positions : apart;
    *positions = (positions_part){.count = list->count};
    return positions_view_open(where, list->count, &positions->view, err);
}

/* ---- Postings ------------------------------------------------------------------------------ */

/* A merge of two ascending sequences, the rows from `from` on and the title list's: from the back,
   so that rows move to their last place at once. False when they are more than a window has. */
static bool join_titles(term_rows *rows, size_t from, const uint16_t *lows, const uint32_t *tfs,
                        uint32_t count) {
    term_row *row = rows->rows.items + from;
    size_t have = rows->rows.count - from, total = 0;
    for (size_t i = 0, j = 0; i < have || j < count; total++) {
        uint32_t a = i < have ? row[i].low : UINT32_MAX, b = j < count ? lows[j] : UINT32_MAX;
        i += a <= b;
        j += b <= a;
    }
    if (from + total > WINDOW_DOCS) {
        return false;
    }
    size_t i = have, j = count;
    for (size_t to = total; to > 0; to--) {
        bool from_rows = i > 0 && (j == 0 || row[i - 1].low >= lows[j - 1]);
        bool from_title = j > 0 && (i == 0 || lows[j - 1] >= row[i - 1].low);
        term_row merged = from_rows ? row[i - 1] : (term_row){.low = lows[j - 1]};
        i -= from_rows;
        if (from_title) {
            merged.title_tf = tfs[--j];
        }
        row[to - 1] = merged;
    }
    rows->rows.count = from + total;
    return true;
}

/* False likewise. */
static bool append_rows(term_rows *rows, const uint16_t *lows, const uint32_t *tfs,
                        uint32_t count) {
    if (rows->rows.count + count > WINDOW_DOCS) {
        return false;
    }
    for (uint32_t rank = 0; rank < count; rank++) {
        rows->rows.items[rows->rows.count++] = (term_row){lows[rank], tfs[rank], 0};
    }
    return true;
}

/* Adds a text list's postings to the rows, or (of_title) a title list's to those from `from` on,
   which hold the text list's. */
static anp_status add_postings(term_rows *rows, size_t from, const list_view *list,
                               uint32_t title_weight, bool of_title, anp_error *err) {
    uint16_t *lows = malloc(list->count * sizeof *lows);
    uint32_t *tfs = malloc(list->count * sizeof *tfs);
    anp_status status = ANP_OK;
    if (!lows || !tfs || !vec_reserve(&rows->rows, rows->rows.count + list->count)) {
        status = error_nomem(err, "a term's postings");
    } else {
        uint32_t count = list_docs(list, lows);
        list_tfs(list, tfs);
        bool good = count == list->count && list_ascends(lows, count);
        if (good && of_title) {
            good = join_titles(rows, from, lows, tfs, count);
        } else if (good) {
            list_less_titles(list, title_weight, 0, count, tfs);
            good = append_rows(rows, lows, tfs, count);
        }
        if (!good) {
            status = error_corrupt(err, "a term's postings are not those of one window");
        }
    }
    free(lows);
    free(tfs);
    return status;
}

/* ---- Positions ----------------------------------------------------------------------------- */

/* A list's, of the rows from `from` on. */
static anp_status read_bodies(term_rows *rows, size_t from, const positions_part *part,
                              const list_lengths *lengths, anp_error *err) {
    positions_cursor cursor = {.view = &part->view};
    for (size_t i = from; i < rows->rows.count; i++) {
        term_row row = rows->rows.items[i];
        uint32_t length = list_length(lengths, row.low);
        if (row.body_tf > length) { /* so that damage does not ask for all memory */
            return error_corrupt(err, "a posting has more positions than its post has words");
        }
        if (!vec_reserve(&rows->body_positions, rows->body_positions.count + row.body_tf)) {
            return error_nomem(err, "a term's positions");
        }
        uint32_t *out = rows->body_positions.items + rows->body_positions.count;
        TRY(positions_next(&cursor, length, row.body_tf, out, err));
        rows->body_positions.count += row.body_tf;
    }
    return ANP_OK;
}

static anp_status read_titles(term_rows *rows, size_t from, const positions_part *part,
                              const list_lengths *lengths, anp_error *err) {
    positions_cursor cursor = {.view = &part->view};
    for (size_t i = from; i < rows->rows.count; i++) {
        term_row row = rows->rows.items[i];
        uint32_t length = list_length(lengths, row.low);
        if (row.title_tf == 0) {
            continue;
        }
        if (row.title_tf > length) {
            return error_corrupt(err, "a posting has more positions than its title has words");
        }
        if (!vec_reserve(&rows->title_positions, rows->title_positions.count + row.title_tf)) {
            return error_nomem(err, "a term's title positions");
        }
        uint32_t *out = rows->title_positions.items + rows->title_positions.count;
        TRY(positions_next(&cursor, length, row.title_tf, out, err));
        rows->title_positions.count += row.title_tf;
    }
    return ANP_OK;
}

/* ---- Both ---------------------------------------------------------------------------------- */

anp_status rows_add_values(term_rows *rows, const term_values *values, uint32_t title_weight,
                           const list_lengths *bodies, const list_lengths *titles,
                           anp_error *err) {
    list_view list;
    positions_part part;
    size_t from = rows->rows.count;
    if (values->text.len) {
        TRY(open_list(values->text, values->text_positions, &list, &part, err));
        TRY(add_postings(rows, from, &list, title_weight, false, err));
        TRY(read_bodies(rows, from, &part, bodies, err));
    }
    if (values->title.len) {
        TRY(open_list(values->title, values->title_positions, &list, &part, err));
        TRY(add_postings(rows, from, &list, title_weight, true, err));
        TRY(read_titles(rows, from, &part, titles, err));
    }
    return ANP_OK;
}

anp_status rows_add_lists(term_rows *rows, const term_values *values, uint32_t title_weight,
                          anp_error *err) {
    list_view list;
    positions_part part;
    size_t from = rows->rows.count;
    if (values->text.len) {
        TRY(open_list(values->text, values->text_positions, &list, &part, err));
        TRY(add_postings(rows, from, &list, title_weight, false, err));
        TRY(vec_push(&rows->body_parts, part) ? ANP_OK : error_nomem(err, "a term's positions"));
    }
    if (values->title.len) {
        TRY(open_list(values->title, values->title_positions, &list, &part, err));
        TRY(add_postings(rows, from, &list, title_weight, true, err));
        TRY(vec_push(&rows->title_parts, part) ? ANP_OK : error_nomem(err, "a term's positions"));
    }
    return ANP_OK;
}
