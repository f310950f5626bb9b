/* See unit_build.h. */
#include "index/unit_build.h"

#include "base/error.h"
#include "base/sort.h"
#include "index/column.h"
#include "index/pairs_make.h"
#include "sketch/sketch.h"

#include <math.h>

enum {
    RANGE_BYTES_MIN = 1 << 18, /* of the area, in one task */
    RANGES = 16, /* whatever the threads: packs end with them, and a file is the same for all */
    RANGES_MAX = RANGES + 2,
    POSTING_BYTES_MIN = 5, /* low, body tf, title tf, one position */
};

/* ---- A range of terms ---------------------------------------------------------------------- */

typedef struct range {
    struct build *build;
    size_t from, to; /* of the area's terms */
    bool rest;       /* not terms, but all that is no term nor pair */
    bool pairs;      /* nor these, but pairs of words */
    pool_task task;
    unit_held held; /* not yet put */
    anp_status status;
    anp_error error;
} range;

typedef struct build {
    unit_sink sink;
    pool *pool; /* or NULL */
    const catalog_settings *settings;
    const unit_info *info;
    const forward_view *posts;
    const forward_head *heads;
    const unit_meanwhile *meanwhile; /* or NULL */
    area *area;
    range pairs; /* of a unit that has them */
    range ranges[RANGES_MAX];
    size_t range_count;
} build;

static const uint8_t *read_positions(const uint8_t *at, const uint8_t *end, uint32_t count,
                                     uint32_t *out) {
    uint32_t position = 0;
    for (uint32_t i = 0; i < count && at; i++) {
        uint32_t delta = 0;
        if (at < end && *at < 0x80) {
            delta = *at++;
        } else {
            at = varint_read_u32(at, end, &delta);
        }
        position = i ? position + delta + 1 : delta;
        out[i] = position;
    }
    return at;
}

/* Lows ascend and are of the unit's posts. */
static bool low_fits(const unit_info *info, const term_rows *rows, uint16_t low) {
    uint32_t post = (uint16_t)(low - window_low(info->first));
    size_t count = rows->rows.count;
    return post < info->count && (count == 0 || rows->rows.items[count - 1].low < low);
}

/* One posting; the byte behind it, or NULL when it is damaged. There is room: a posting has five
   bytes or more, a position one. */
static const uint8_t *read_posting(const unit_info *info, const uint8_t *at, const uint8_t *end,
                                   term_rows *rows) {
    term_row row = {0};
    if (end - at < POSTING_BYTES_MIN) {
        return NULL;
    }
    row.low = load_u16(at);
    at = varint_read_u32(at + sizeof(uint16_t), end, &row.body_tf);
    at = at ? varint_read_u32(at, end, &row.title_tf) : NULL;
    uint64_t positions = (uint64_t)row.body_tf + row.title_tf;
    if (!at || positions == 0 || positions > (uint64_t)(end - at) ||
        !low_fits(info, rows, row.low)) {
        return NULL;
    }
    at = read_positions(at, end, row.body_tf, rows->body_positions.items +
                                                  rows->body_positions.count);
    at = at ? read_positions(at, end, row.title_tf,
                             rows->title_positions.items + rows->title_positions.count)
            : NULL;
    rows->body_positions.count += row.body_tf;
    rows->title_positions.count += row.title_tf;
    rows->rows.items[rows->rows.count++] = row;
    return at;
}

/* Where the area's i-th term begins. */
static size_t start_of(const area *a, size_t i) {
    return i ? a->terms.items[i - 1].end : 0;
}

/* Room for each of the range's terms. */
static bool reserve_rows(const range *r, term_rows *rows) {
    const area *a = r->build->area;
    size_t most = 0;
    for (size_t i = r->from; i < r->to; i++) {
        size_t bytes = a->terms.items[i].end - start_of(a, i);
        most = bytes > most ? bytes : most;
    }
    return vec_reserve(&rows->rows, most / POSTING_BYTES_MIN + 1) &&
           vec_reserve(&rows->body_positions, most) && vec_reserve(&rows->title_positions, most);
}

static anp_status read_term(const build *b, size_t i, term_rows *rows, anp_error *err) {
    const area *a = b->area;
    const uint8_t *at = a->bytes + start_of(a, i), *end = a->bytes + a->terms.items[i].end;
    rows_clear(rows);
    while (at && at < end) {
        at = read_posting(b->info, at, end, rows);
    }
    return at ? ANP_OK : error_corrupt(err, "a forward record is damaged");
}

static anp_status write_terms(const range *r, unit_writer *w, anp_error *err) {
    const build *b = r->build;
    term_rows rows = {0};
    anp_status status = reserve_rows(r, &rows) ? ANP_OK : error_nomem(err, "a term's postings");
    for (size_t i = r->from; i < r->to && status == ANP_OK; i++) {
        status = read_term(b, i, &rows, err);
        if (status == ANP_OK) {
            status = unit_write_term(w, b->area->terms.items[i].number, &rows, err);
        }
    }
    rows_free(&rows);
    return status;
}

/* ---- All that is no term ------------------------------------------------------------------- */

/* value << 32 | post, by value; posts are in order already, and stay so. */
static bool sort_refs(uint64_t *refs, size_t count) {
    uint64_t *spare = malloc((count + 1) * sizeof *spare);
    if (!spare) {
        return false;
    }
    if (sort_by_upper(refs, spare, count) == spare) {
        memcpy(refs, spare, count * sizeof *refs);
    }
    free(spare);
    return true;
}

static anp_status write_facets(const build *b, unit_writer *w, anp_error *err) {
    size_t count = 0, filled = 0;
    for (uint32_t i = 0; i < b->info->count; i++) {
        count += b->posts[i].facet_count;
    }
    uint64_t *refs = malloc((count + 1) * sizeof *refs);
    uint16_t *lows = malloc(WINDOW_DOCS * sizeof *lows);
    for (uint32_t i = 0; refs && i < b->info->count; i++) {
        for (uint32_t j = 0; j < b->posts[i].facet_count; j++) {
            refs[filled++] = (uint64_t)b->posts[i].facets[j] << 32 | i;
        }
    }
    bool sorted = refs && lows && sort_refs(refs, count);
    anp_status status = sorted ? ANP_OK : error_nomem(err, "inverting posts");
    for (size_t from = 0, to; from < count && status == ANP_OK; from = to) {
        uint32_t value = (uint32_t)(refs[from] >> 32), held = 0;
        for (to = from; to < count && refs[to] >> 32 == value; to++) {
            lows[held++] = window_low(b->info->first + (uint32_t)refs[to]);
        }
        status = unit_write_facet(w, value, lows, held, err);
    }
    free(refs);
    free(lows);
    return status;
}

/* Every field that some post has a number in. */
static anp_status write_numbers(const build *b, unit_writer *w, double *values, anp_error *err) {
    bool seen[FIELD_COUNT_MAX] = {false};
    for (uint32_t i = 0; i < b->info->count; i++) {
        for (uint32_t j = 0; j < b->posts[i].number_count; j++) {
            uint32_t field = b->posts[i].numbers[j].field;
            if (field >= FIELD_COUNT_MAX) {
                return error_corrupt(err, "a forward record has a field that cannot be");
            }
            seen[field] = true;
        }
    }
    for (uint32_t field = 0; field < FIELD_COUNT_MAX; field++) {
        if (!seen[field]) {
            continue;
        }
        for (uint32_t i = 0; i < b->info->count; i++) {
            values[i] = NAN;
            for (uint32_t j = 0; j < b->posts[i].number_count; j++) {
                const forward_number *number = &b->posts[i].numbers[j];
                values[i] = number->field == field ? number->value : values[i];
            }
        }
        TRY(unit_write_column(w, COLUMN_FIELD_0 + field, values, err));
    }
    return ANP_OK;
}

static anp_status write_columns(const build *b, unit_writer *w, double *values, anp_error *err) {
    float(*scores)[4] = (float(*)[4])(void *)values; /* 16 bytes a post: room made by the caller */
    for (uint32_t i = 0; i < b->info->count; i++) {
        values[i] = b->heads[i].title_words;
    }
    TRY(unit_write_column(w, COLUMN_TITLE_LENGTH, values, err));
    for (uint32_t i = 0; i < b->info->count; i++) {
        values[i] = b->heads[i].body_words;
    }
    TRY(unit_write_column(w, COLUMN_BODY_LENGTH, values, err));
    for (uint32_t i = 0; i < b->info->count; i++) {
        memcpy(scores[i], b->heads[i].scores, sizeof scores[i]);
    }
    TRY(unit_write_scores(w, (const float(*)[4])scores, err));
    return write_numbers(b, w, values, err);
}

static anp_status write_sketches(const build *b, unit_writer *w, anp_error *err) {
    uint8_t *sketches = malloc(((size_t)SKETCH_BYTES << UNIT_PIECE_BITS) + 1);
    anp_status status = sketches ? ANP_OK : error_nomem(err, "inverting posts");
    for (uint32_t piece = 0; piece < UNIT_PIECES && status == ANP_OK; piece++) {
        uint32_t from, end;
        unit_piece(b->info, piece, &from, &end);
        for (uint32_t docno = from; docno < end && status == ANP_OK; docno++) {
            const uint8_t *sketch = b->posts[docno - b->info->first].sketch;
            if (sketch) {
                memcpy(sketches + (size_t)(docno - from) * SKETCH_BYTES, sketch, SKETCH_BYTES);
            } else {
                status = error_corrupt(err, "a forward record has no sketch");
            }
        }
        if (status == ANP_OK) {
            status = unit_write_sketches(w, piece, sketches, err);
        }
    }
    free(sketches);
    return status;
}

static anp_status write_rest(const build *b, unit_writer *w, anp_error *err) {
    double *values = malloc((b->info->count + 1u) * 2 * sizeof *values);
    anp_status status = values ? write_facets(b, w, err) : error_nomem(err, "inverting posts");
    if (status == ANP_OK) {
        status = write_columns(b, w, values, err);
    }
    free(values);
    bool sketched = status == ANP_OK && b->settings->store == ANP_STORE_ALL;
    return sketched ? write_sketches(b, w, err) : status;
}

/* ---- Pairs --------------------------------------------------------------------------------- */

static anp_status write_pairs(const build *b, unit_sink sink, anp_error *err) {
    pairs_word *words = malloc((b->area->terms.count + 1) * sizeof *words);
    size_t count = 0;
    if (!words) {
        return error_nomem(err, "pairs of words");
    }
    for (size_t i = 0; i < b->area->terms.count; i++) {
        const area_term *term = &b->area->terms.items[i];
        words[count] = (pairs_word){term->number, term->count};
        count += term->count >= pairs_count_min(b->info->count);
    }
    pairs_words chosen = pairs_choose(words, count, b->info->count);
    anp_status status = pairs_make_of_posts(sink, b->info, b->settings->title_weight, b->posts,
                                            &chosen, err);
    free(words);
    return status;
}

/* ---- Tasks --------------------------------------------------------------------------------- */

static anp_status write_range(range *r, unit_sink sink, anp_error *err) {
    const build *b = r->build;
    unit_writer *w = NULL;
    if (r->pairs) {
        return write_pairs(b, sink, err);
    }
    TRY(unit_writer_open(sink, b->settings, b->info, b->heads, &w, err));
    anp_status status = r->rest ? write_rest(b, w, err) : write_terms(r, w, err);
    if (status == ANP_OK) {
        status = unit_writer_finish(w, err);
    }
    unit_writer_close(w);
    return status;
}

/* Values take rather less than what they are made of: they are not copied while they grow. */
static void reserve_held(range *r) {
    const area *a = r->build->area;
    if (r->to > r->from) {
        buffer_reserve(&r->held.values, (a->terms.items[r->to - 1].end - start_of(a, r->from)) / 2);
    }
}

static void run_range(void *user, unsigned worker) {
    range *r = user;
    (void)worker;
    reserve_held(r);
    r->status = write_range(r, unit_held_sink(&r->held), &r->error);
}

static anp_status put_range(range *r, unit_sink sink, anp_error *err) {
    if (r->status != ANP_OK) {
        if (err) {
            *err = r->error;
        }
        return r->status;
    }
    return unit_held_put(&r->held, sink, err);
}

/* Ranges of about as many bytes each, then the rest. */
static void cut_ranges(build *b) {
    size_t bytes = b->area->len / RANGES;
    bytes = bytes > RANGE_BYTES_MIN ? bytes : RANGE_BYTES_MIN;
    size_t from = 0, started = 0;
    for (size_t i = 0; i < b->area->terms.count; i++) {
        bool last = i + 1 == b->area->terms.count;
        if (last || (b->area->terms.items[i].end - started >= bytes &&
                     b->range_count + 2 < RANGES_MAX)) {
            b->ranges[b->range_count++] = (range){.build = b, .from = from, .to = i + 1};
            from = i + 1;
            started = b->area->terms.items[i].end;
        }
    }
    b->ranges[b->range_count++] = (range){.build = b, .rest = true};
}

static bool has_pairs(const build *b) {
    return b->info->count >= PAIRS_POSTS_MIN;
}

static void start_range(range *r) {
    r->error = (anp_error)ANP_ERROR_INIT;
    r->task = (pool_task){.run = run_range, .user = r};
    pool_submit(r->build->pool, &r->task, true);
}

/* Pairs take longest, and only have to know the terms: they begin before the ranges can. */
static void start_pairs(void *user) {
    build *b = user;
    b->pairs = (range){.build = b, .pairs = true};
    if (b->pool && has_pairs(b)) {
        start_range(&b->pairs);
    }
}

/* With a pool it is waited for, also after a failure. */
static anp_status take_range(range *r, anp_status status, anp_error *err) {
    const build *b = r->build;
    if (b->pool) {
        pool_wait(b->pool, &r->task);
        status = status == ANP_OK ? put_range(r, b->sink, err) : status;
    } else if (status == ANP_OK) {
        status = write_range(r, b->sink, err);
    }
    unit_held_free(&r->held);
    return status;
}

/* With a pool: all are submitted at once, and put in order as they are done. Then pairs. */
static anp_status run_ranges(build *b, anp_error *err) {
    for (size_t i = 0; b->pool && i < b->range_count; i++) {
        start_range(&b->ranges[i]);
    }
    anp_status status =
        b->meanwhile ? b->meanwhile->run(b->meanwhile->user, err) : ANP_OK;
    for (size_t i = 0; i < b->range_count; i++) {
        status = take_range(&b->ranges[i], status, err);
    }
    return has_pairs(b) ? take_range(&b->pairs, status, err) : status;
}

static anp_status make_area(build *b, anp_error *err) {
    const area_hook hook = {start_pairs, b};
    return area_make(b->area, b->pool, b->posts, b->info->count, window_low(b->info->first),
                     b->settings->title_weight > 0, &hook, err);
}

anp_status unit_build(pool *p, unit_sink sink, const catalog_settings *settings,
                      const unit_info *info, const forward_view *posts,
                      const unit_meanwhile *meanwhile, area *kept, anp_error *err) {
    area own = {0};
    build *b = calloc(1, sizeof *b);
    forward_head *heads = malloc((info->count + 1u) * sizeof *heads);
    anp_status status = b && heads ? ANP_OK : error_nomem(err, "inverting posts");
    if (status == ANP_OK) {
        for (uint32_t i = 0; i < info->count; i++) {
            heads[i] = posts[i].head;
        }
        *b = (build){.sink = sink, .pool = p, .settings = settings, .info = info, .posts = posts,
                     .heads = heads, .meanwhile = meanwhile, .area = kept ? kept : &own};
        status = make_area(b, err);
    }
    if (status == ANP_OK) {
        cut_ranges(b);
        status = run_ranges(b, err);
    }
    area_free(&own);
    free(b);
    free(heads);
    return status;
}

anp_status unit_write_records(unit_sink sink, const catalog_settings *settings,
                              const unit_info *info, const str *records, anp_error *err) {
    arena memory = {0};
    forward_view *posts = malloc((info->count + 1u) * sizeof *posts);
    anp_status status = posts ? ANP_OK : error_nomem(err, "writing a unit");
    for (uint32_t i = 0; i < info->count && status == ANP_OK; i++) {
        status = forward_view_open(records[i], &memory, &posts[i], err);
    }
    if (status == ANP_OK) {
        status = unit_build(NULL, sink, settings, info, posts, NULL, NULL, err);
    }
    free(posts);
    arena_free(&memory);
    return status;
}
