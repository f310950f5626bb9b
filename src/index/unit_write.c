/* See unit_write.h; keys: unit.h, values: postings/format.h and column.h. */
#include "index/unit_write.h"

#include "base/error.h"
#include "rank/bm25.h"
#include "sketch/sketch.h"

#include <math.h>

/* What a posting needs of its post, in one cache line. */
typedef struct post_numbers {
    float norm;   /* of the combined text, at the default k1 and b */
    float factor; /* of the default blend and weights */
    uint32_t body_words, title_words;
} post_numbers;

struct unit_writer {
    unit_packer packer;
    unit_info info;
    uint32_t title_weight;
    bool brief;         /* its lists are */
    uint16_t low_first; /* of the unit's first post */
    post_numbers *posts;
    list_lengths bodies; /* of the posts, in their numbers */
    list_lengths titles;
    uint16_t *lows;     /* scratch of one list, WINDOW_DOCS each */
    uint32_t *tfs;
    uint32_t *counts;
    uint32_t *title_tfs;
    float *impacts;
    float *blended;
    VEC(uint32_t) positions;
    buffer list;
    buffer apart;
};

static void prepare_posts(unit_writer *w, const forward_head *heads) {
    const rank_settings defaults = RANK_SETTINGS_DEFAULT;
    rank_norm norm = rank_norm_make(defaults.k1, defaults.b, (double)w->info.length_average);
    for (uint32_t i = 0; i < w->info.count; i++) {
        double scores[RANK_SCORES];
        for (int s = 0; s < RANK_SCORES; s++) {
            scores[s] = (double)heads[i].scores[s];
        }
        uint32_t length = heads[i].body_words + w->title_weight * heads[i].title_words;
        double prior = rank_prior(defaults.weights, scores);
        w->posts[i] = (post_numbers){
            rank_norm_of(norm, length), (float)(1.0 + defaults.blend * (2.0 * prior - 1.0)),
            heads[i].body_words, heads[i].title_words};
    }
}

anp_status unit_writer_open(unit_sink sink, const catalog_settings *settings, const unit_info *info,
                            const forward_head *heads, unit_writer **out, anp_error *err) {
    unit_writer *w = calloc(1, sizeof *w);
    if (!w) {
        return error_nomem(err, "writing a unit");
    }
    unit_packer_init(&w->packer, sink, (unit_level)info->level, info->number);
    w->info = *info;
    w->title_weight = settings->title_weight;
    w->brief = info->count < LIST_BRIEF_POSTS;
    w->low_first = window_low(info->first);
    w->posts = malloc((info->count + 1u) * sizeof *w->posts);
    w->lows = malloc(WINDOW_DOCS * sizeof *w->lows);
    w->tfs = malloc(WINDOW_DOCS * sizeof *w->tfs);
    w->counts = malloc(WINDOW_DOCS * sizeof *w->counts);
    w->title_tfs = malloc(WINDOW_DOCS * sizeof *w->title_tfs);
    w->impacts = malloc(WINDOW_DOCS * sizeof *w->impacts);
    w->blended = malloc(WINDOW_DOCS * sizeof *w->blended);
    if (!w->posts || !w->lows || !w->tfs || !w->counts || !w->title_tfs ||
        !w->impacts || !w->blended) {
        unit_writer_close(w);
        return error_nomem(err, "writing a unit");
    }
    prepare_posts(w, heads);
    w->bodies = (list_lengths){&w->posts->body_words, sizeof *w->posts, sizeof(uint32_t), 0,
                               w->low_first, info->count};
    w->titles = w->bodies;
    w->titles.entries = &w->posts->title_words;
    *out = w;
    return ANP_OK;
}

void unit_writer_close(unit_writer *w) {
    if (w) {
        free(w->posts);
        free(w->lows);
        free(w->tfs);
        free(w->counts);
        free(w->title_tfs);
        free(w->impacts);
        free(w->blended);
        free(w->positions.items);
        buffer_free(&w->list);
        buffer_free(&w->apart);
        unit_packer_free(&w->packer);
        free(w);
    }
}

uint64_t unit_writer_bytes(const unit_writer *w) {
    return w->packer.bytes;
}

static anp_status put(unit_writer *w, unit_kind kind, uint32_t number, unsigned sub,
                      const buffer *value, anp_error *err) {
    if (value->failed) {
        return error_nomem(err, "writing a unit");
    }
    unsigned slot = unit_kind_packs(kind) ? unit_slot(w->info.first >> WINDOW_BITS) : 0;
    return unit_packer_put(&w->packer, unit_key_in(0, kind, number, slot, sub),
                           str_make((const char *)value->data, value->len), err);
}

anp_status unit_writer_finish(unit_writer *w, anp_error *err) {
    return unit_packer_finish(&w->packer, err);
}

/* One list and its positions, which are those of parts if there are any, in one value when they are
   small. */
static anp_status put_list(unit_writer *w, uint32_t term, unsigned sub, const list_input *input,
                           const positions_input *positions, const positions_part *parts,
                           size_t part_count, anp_error *err) {
    w->list.len = w->apart.len = 0;
    list_build(input, &w->list);
    TRY(part_count ? positions_append(positions, parts, part_count, &w->apart, err)
                   : positions_build(positions, &w->apart, err));
    if (w->list.failed || w->apart.failed) {
        return error_nomem(err, "writing a unit");
    }
    bool together = w->list.len + w->apart.len <= LIST_INLINE_BYTES;
    if (together) {
        positions_join(&w->list, 0, str_make((const char *)w->apart.data, w->apart.len));
    }
    TRY(put(w, UNIT_TERM, term, sub, &w->list, err));
    return together ? ANP_OK : put(w, UNIT_TERM, term, sub + 1, &w->apart, err);
}

/* The combined text: posts whose title alone holds the term are left out at title weight 0. */
static anp_status write_text(unit_writer *w, uint32_t term, const term_rows *rows, anp_error *err) {
    uint32_t count = 0;
    for (size_t i = 0; i < rows->rows.count; i++) {
        term_row row = rows->rows.items[i];
        uint64_t tf = (uint64_t)row.body_tf + (uint64_t)w->title_weight * row.title_tf;
        if (tf == 0) {
            continue;
        }
        const post_numbers *post = &w->posts[(uint16_t)(row.low - w->low_first)];
        w->lows[count] = row.low;
        w->tfs[count] = tf > UINT32_MAX ? UINT32_MAX : (uint32_t)tf;
        w->counts[count] = row.body_tf;
        w->title_tfs[count] = w->title_weight ? row.title_tf : 0;
        w->impacts[count] = rank_saturation(w->tfs[count], post->norm);
        w->blended[count] = w->impacts[count] * post->factor;
        count++;
    }
    if (count == 0) {
        return ANP_OK;
    }
    list_input list = {count, w->lows, w->tfs, w->impacts, w->blended, w->title_tfs, w->brief};
    positions_input positions = {count, w->lows, w->counts, rows->body_positions.items, w->bodies};
    return put_list(w, term, UNIT_SUB_TEXT, &list, &positions, rows->body_parts.items,
                    rows->body_parts.count, err);
}

static anp_status write_title(unit_writer *w, uint32_t term, const term_rows *rows,
                              anp_error *err) {
    uint32_t count = 0;
    for (size_t i = 0; i < rows->rows.count; i++) {
        if (rows->rows.items[i].title_tf) {
            w->lows[count] = rows->rows.items[i].low;
            w->tfs[count++] = rows->rows.items[i].title_tf;
        }
    }
    if (count == 0) {
        return ANP_OK;
    }
    list_input list = {.count = count, .docs = w->lows, .tfs = w->tfs, .brief = w->brief};
    positions_input positions = {count, w->lows, w->tfs, rows->title_positions.items, w->titles};
    return put_list(w, term, UNIT_SUB_TITLE, &list, &positions, rows->title_parts.items,
                    rows->title_parts.count, err);
}

anp_status unit_write_term(unit_writer *w, uint32_t term, const term_rows *rows, anp_error *err) {
    TRY(write_text(w, term, rows, err));
    return write_title(w, term, rows, err);
}

anp_status unit_write_facet(unit_writer *w, uint32_t value, const uint16_t *lows, uint32_t count,
                            anp_error *err) {
    w->list.len = 0;
    list_build(&(list_input){.count = count, .docs = lows, .brief = w->brief}, &w->list);
    return put(w, UNIT_FACET, value, 0, &w->list, err);
}

anp_status unit_write_column(unit_writer *w, uint32_t column, const double *values,
                             anp_error *err) {
    w->list.len = 0;
    column_build(values, w->info.count, &w->list);
    return put(w, UNIT_COLUMN, column, 0, &w->list, err);
}

anp_status unit_write_scores(unit_writer *w, const float (*scores)[4], anp_error *err) {
    w->list.len = 0;
    column_build_scores(scores, w->info.count, &w->list);
    return put(w, UNIT_COLUMN, COLUMN_SCORES, 0, &w->list, err);
}

anp_status unit_write_sketches(unit_writer *w, uint32_t piece, const uint8_t *sketches,
                               anp_error *err) {
    uint32_t from, end;
    unit_piece(&w->info, piece, &from, &end);
    if (from == end) {
        return ANP_OK;
    }
    w->list.len = 0;
    buffer_put(&w->list, sketches, (size_t)(end - from) * SKETCH_BYTES);
    return put(w, UNIT_SKETCH, piece, 0, &w->list, err);
}
