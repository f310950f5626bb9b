/* See rows.h. */
#include "index/rows.h"

#include "base/error.h"

void rows_clear(term_rows *rows) {
    rows->rows.count = rows->body_positions.count = rows->title_positions.count = 0;
}

void rows_free(term_rows *rows) {
    free(rows->rows.items);
    free(rows->body_positions.items);
    free(rows->title_positions.items);
    *rows = (term_rows){0};
}

/* Where a list's positions are: in its own value or in one of their own. */
static anp_status open_list(str value, str apart, list_view *list, positions_view *positions,
                            anp_error *err) {
    TRY(list_view_open(value, list, err));
    str where = list->positions.data ? list->positions : apart;
    return positions_view_open(where, list->count, positions, err);
}

/* Adds the title list's postings to rows that hold the text list's: a merge of two ascending
   sequences. */
static anp_status add_titles(term_rows *rows, size_t from, const list_view *title,
                             const positions_view *positions, const list_lengths *lengths,
                             anp_error *err) {
    positions_cursor cursor = {.view = positions};
    uint16_t *lows = malloc(title->count * sizeof *lows);
    uint32_t *tfs = malloc(title->count * sizeof *tfs);
    size_t have = rows->rows.count - from, total = 0;
    anp_status status = ANP_OK;
    if (!lows || !tfs || !vec_reserve(&rows->rows, rows->rows.count + title->count)) {
        status = error_nomem(err, "a term's title postings");
        goto done;
    }
    uint32_t count = list_docs(title, lows);
    list_tfs(title, tfs);
    for (size_t i = 0, j = 0; i < have || j < count; total++) {
        const term_row *row = rows->rows.items + from;
        uint32_t a = i < have ? row[i].low : UINT32_MAX, b = j < count ? lows[j] : UINT32_MAX;
        i += a <= b;
        j += b <= a;
    }
    /* From the back, so that rows move to their last place at once. */
    term_row *row = rows->rows.items + from;
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
    for (uint32_t rank = 0; rank < count && status == ANP_OK; rank++) {
        if (!vec_reserve(&rows->title_positions, rows->title_positions.count + tfs[rank])) {
            status = error_nomem(err, "a term's title positions");
            break;
        }
        uint32_t *out = rows->title_positions.items + rows->title_positions.count;
        status = positions_next(&cursor, list_length(lengths, lows[rank]), tfs[rank], out, err);
        rows->title_positions.count += tfs[rank];
    }
done:
    free(lows);
    free(tfs);
    return status;
}

static anp_status add_text(term_rows *rows, const list_view *list, const positions_view *positions,
                           uint32_t title_weight, const list_lengths *lengths, anp_error *err) {
    positions_cursor cursor = {.view = positions};
    uint16_t *lows = malloc(list->count * sizeof *lows);
    uint32_t *tfs = malloc(list->count * sizeof *tfs);
    anp_status status = ANP_OK;
    if (!lows || !tfs) {
        status = error_nomem(err, "a term's postings");
        goto done;
    }
    uint32_t count = list_docs(list, lows);
    list_tfs(list, tfs);
    list_less_titles(list, title_weight, 0, count, tfs);
    for (uint32_t rank = 0; rank < count && status == ANP_OK; rank++) {
        term_row row = {lows[rank], tfs[rank], 0};
        uint32_t length = list_length(lengths, row.low);
        if (row.body_tf > length) { /* so that damage does not ask for all memory */
            status = error_corrupt(err, "a posting has more positions than its post has words");
            break;
        }
        if (!vec_push(&rows->rows, row) ||
            !vec_reserve(&rows->body_positions, rows->body_positions.count + row.body_tf)) {
            status = error_nomem(err, "a term's positions");
            break;
        }
        uint32_t *out = rows->body_positions.items + rows->body_positions.count;
        status = positions_next(&cursor, length, row.body_tf, out, err);
        rows->body_positions.count += row.body_tf;
    }
done:
    free(lows);
    free(tfs);
    return status;
}

anp_status rows_add_values(term_rows *rows, const term_values *values, uint32_t title_weight,
                           const list_lengths *bodies, const list_lengths *titles,
                           anp_error *err) {
    list_view list;
    positions_view positions;
    size_t from = rows->rows.count;
    if (values->text.len) {
        TRY(open_list(values->text, values->text_positions, &list, &positions, err));
        TRY(add_text(rows, &list, &positions, title_weight, bodies, err));
    }
    if (values->title.len) {
        TRY(open_list(values->title, values->title_positions, &list, &positions, err));
        TRY(add_titles(rows, from, &list, &positions, titles, err));
    }
    return ANP_OK;
}
