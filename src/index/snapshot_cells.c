/*
 * Cells and the lists of terms by cell. See cells.h.
 *
 * Opened lists are remembered by field and term, whatever query asked: for a frequent term of ten
 * million posts opening them is ten look-ups and 153 headers.
 */
#include "index/cells.h"

#include "base/error.h"
#include "index/factors.h"
#include "index/pairs.h"
#include "index/snapshot_impl.h"
#include "rank/bounds.h"

struct cell_cache {
    VEC(cell) cells;
    pairs_head *heads; /* of pairs, by cell; noted is 0: it has none; NULL: not yet asked for */
    arena memory; /* of cells: lengths and scores of the log's posts */
    intern keys;  /* u8 field, term */
    VEC(term_lists *) terms; /* by key */
    intern pair_keys;        /* u32 first, u32 second word */
    VEC(cell_pair *) pairs;  /* by pair key; NULL: no cell knows */
    arena lists;
};

/* ---- Cells --------------------------------------------------------------------------------- */

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "the lists of a query");
}

static anp_status open_lengths(snapshot *s, const unit_info *unit, uint32_t number,
                               list_lengths *out, anp_error *err) {
    str value;
    column_view column;
    TRY(snapshot_unit_value(s, unit, (unit_entry){UNIT_COLUMN, number, 0}, &value, err));
    *out = (list_lengths){.width = 1};
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(column_open(value, &column, err));
    TRY(column_lengths(&column, window_low(unit->first), out, err));
    return column.count == unit->count
               ? ANP_OK
               : error_corrupt(err, "a column has %u entries for %u posts", column.count,
                               unit->count);
}

static anp_status open_scores(snapshot *s, const unit_info *unit, cell *c, anp_error *err) {
    str value;
    column_view column;
    TRY(snapshot_unit_value(s, unit, (unit_entry){UNIT_COLUMN, COLUMN_SCORES, 0}, &value, err));
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(column_open(value, &column, err));
    if (column.kind != COLUMN_KIND_SCORES || column.count != unit->count) {
        return error_corrupt(err, "a column of scores holds %u other numbers", column.count);
    }
    c->scores = column.entries;
    c->score_bytes = column.width;
    return ANP_OK;
}

static anp_status read_columns(snapshot *s, cell *c, anp_error *err) {
    const unit_info *unit = c->unit;
    TRY(open_lengths(s, unit, COLUMN_TITLE_LENGTH, &c->title, err));
    TRY(open_lengths(s, unit, COLUMN_BODY_LENGTH, &c->body, err));
    c->title_most = c->title.base + (((uint64_t)1 << 8 * c->title.width) - 1);
    c->body_most = c->body.base + (((uint64_t)1 << 8 * c->body.width) - 1);
    TRY(open_scores(s, unit, c, err));
    c->open = true;
    return ANP_OK;
}

anp_status cells_read_columns(snapshot *s, const cell *c, anp_error *err) {
    return read_columns(s, &s->cell_cache->cells.items[c - s->cell_cache->cells.items], err);
}

/* Arrays by ordinal have room for a window's posts. */
static anp_status add_unit(snapshot *s, const unit_info *unit, anp_error *err) {
    uint32_t low = window_low(unit->first);
    if (unit->count == 0 || unit->count > WINDOW_DOCS - low) {
        return error_corrupt(err, "a unit has %u posts from post %u on; verify the index",
                             unit->count, unit->first);
    }
    cell c = {.first = unit->first - low,
              .from = low,
              .end = low + unit->count,
              .length_average = (double)unit->length_average,
              .unit = unit};
    c.dead = (uint32_t)bitmap_count_range(s->deleted, unit->first,
                                          (uint64_t)unit->first + unit->count);
    return vec_push(&s->cell_cache->cells, c) ? ANP_OK : nomem(err);
}

/* Lengths and scores of the log's posts, to be filled. */
typedef struct made {
    uint32_t *title, *body;
    float (*scores)[4];
} made;

static anp_status add_made(snapshot *s, made *out, anp_error *err) {
    arena *memory = &s->cell_cache->memory;
    uint32_t count = s->tail->count, from = window_low(s->tail->first);
    uint32_t first = s->tail->first - from;
    *out = (made){arena_alloc(memory, count * sizeof *out->title),
                  arena_alloc(memory, count * sizeof *out->body),
                  arena_alloc(memory, count * sizeof *out->scores)};
    if (!out->title || !out->body || !out->scores) {
        return nomem(err);
    }
    cell c = {.first = first,
              .from = from,
              .end = from + count,
              .length_average = 1,
              .title = {out->title, sizeof *out->title, sizeof *out->title, 0, from, count},
              .body = {out->body, sizeof *out->body, sizeof *out->body, 0, from, count},
              .scores = (const uint8_t *)out->scores,
              .score_bytes = sizeof *out->scores,
              .dead = (uint32_t)bitmap_count_range(s->deleted, (uint64_t)first + from,
                                                   (uint64_t)first + from + count),
              .made = true,
              .open = true};
    return vec_push(&s->cell_cache->cells, c) ? ANP_OK : nomem(err);
}

/* When its cell's lengths are filled in. */
static void find_most(snapshot *s, const made *m) {
    cell *c = &s->cell_cache->cells.items[s->cell_cache->cells.count - 1];
    for (uint32_t i = 0; i < s->tail->count; i++) {
        c->title_most = m->title[i] > c->title_most ? m->title[i] : c->title_most;
        c->body_most = m->body[i] > c->body_most ? m->body[i] : c->body_most;
    }
}

static anp_status add_tail(snapshot *s, anp_error *err) {
    made m;
    TRY(add_made(s, &m, err));
    for (uint32_t post = 0; post < s->tail->count; post++) {
        const forward_head *head = tail_head(s->tail, post);
        m.title[post] = head->title_words;
        m.body[post] = head->body_words;
        memcpy(m.scores[post], head->scores, sizeof head->scores);
    }
    find_most(s, &m);
    return ANP_OK;
}

static anp_status add_window(snapshot *s, uint32_t window, const unit_info **unit,
                             const unit_info *units_end, anp_error *err) {
    const unit_info *begin = *unit, *end = begin;
    while (end < units_end && end->first >> WINDOW_BITS == window) {
        end++;
    }
    *unit = end;
    for (; begin < end; begin++) {
        TRY(add_unit(s, begin, err));
    }
    return snapshot_tail_in(s, window) ? add_tail(s, err) : ANP_OK;
}

static anp_status make_cells(snapshot *s, anp_error *err) {
    const unit_info *unit = s->cat.units.items, *end = unit + s->cat.units.count;
    for (uint32_t window = 0; window < snapshot_window_count(s); window++) {
        TRY(add_window(s, window, &unit, end, err));
    }
    return ANP_OK;
}

static void forget_lists(struct cell_cache *cache) {
    intern_free(&cache->keys);
    arena_free(&cache->lists);
    intern_free(&cache->pair_keys);
    cache->keys = cache->pair_keys = (intern){0};
    cache->terms.count = cache->pairs.count = 0;
}

void snapshot_free_cells(snapshot *s) {
    factors_free(s->factors);
    s->factors = NULL;
    if (s->cell_cache) {
        forget_lists(s->cell_cache);
        free(s->cell_cache->terms.items);
        free(s->cell_cache->pairs.items);
        free(s->cell_cache->cells.items);
        arena_free(&s->cell_cache->memory);
        free(s->cell_cache);
        s->cell_cache = NULL;
    }
}

anp_status cells_begin(snapshot *s, anp_error *err) {
    if (!s->cell_cache) {
        s->cell_cache = calloc(1, sizeof *s->cell_cache);
        anp_status status = s->cell_cache ? make_cells(s, err) : nomem(err);
        if (status != ANP_OK) {
            snapshot_free_cells(s);
            return status;
        }
    }
    struct cell_cache *cache = s->cell_cache;
    size_t bytes = cache->lists.used_bytes + cache->keys.memory.used_bytes +
                   cache->pair_keys.memory.used_bytes;
    if (bytes > (size_t)CELLS_CACHE_BYTES) {
        forget_lists(cache);
    }
    return ANP_OK;
}

const cell *cells_all(const snapshot *s, uint32_t *count) {
    *count = (uint32_t)s->cell_cache->cells.count;
    return s->cell_cache->cells.items;
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* Live postings of a list: those of its dead are found one by one. */
static anp_status count_live(snapshot *s, const cell *c, const list_view *list, uint32_t *live,
                             anp_error *err) {
    arena scratch = {0};
    uint16_t *lows = arena_alloc(&scratch, WINDOW_DOCS * sizeof *lows);
    if (!lows) {
        return nomem(err);
    }
    *live = list->count;
    uint32_t first = c->first;
    if (c->dead < list->count) {
        size_t count = bitmap_window(s->deleted, first, lows);
        for (size_t i = 0; i < count; i++) {
            *live -= lows[i] >= c->from && lows[i] < c->end &&
                     list_rank(list, lows[i]) != UINT32_MAX;
        }
    } else {
        uint32_t count = list_docs(list, lows);
        for (uint32_t i = 0; i < count; i++) {
            *live -= bitmap_contains(s->deleted, first + lows[i]);
        }
    }
    arena_free(&scratch);
    return ANP_OK;
}

anp_status term_lists_make(term_lists *term, uint32_t most, arena *memory, anp_error *err) {
    term->lists = arena_array(memory, cell_list, most + 1);
    term->digests = arena_array(memory, list_digest, most + 1);
    return term->lists && term->digests ? ANP_OK : nomem(err);
}

void term_lists_add(term_lists *term, const cell_list *list) {
    const list_view *view = &list->list;
    list_digest *digest = &term->digests[term->count];
    *digest = (list_digest){.cell = list->cell,
                            .length_average = (float)list->length_average,
                            .impact_max = view->impact_max,
                            .blended_max = view->blended_max,
                            .champions = (uint16_t)view->champion_count,
                            .runners = (uint16_t)view->runner_count,
                            .seed_count = view->bounds ? view->seed_count : 0};
    for (uint32_t i = 0; i < digest->seed_count; i++) {
        digest->seeds[0][i] = (uint16_t)list_seed(view, false, i);
        digest->seeds[1][i] = (uint16_t)list_seed(view, true, i);
    }
    term->lists[term->count++] = *list;
}

static anp_status add_list(snapshot *s, term_lists *term, cell_list list, anp_error *err) {
    const cell *c = &s->cell_cache->cells.items[list.cell];
    uint32_t live = list.list.count;
    if (c->dead) {
        TRY(count_live(s, c, &list.list, &live, err));
    }
    term->df += live;
    term_lists_add(term, &list);
    return ANP_OK;
}

/* ---- Lists made in memory -------------------------------------------------------------------- */

anp_status cell_postings_make(arena *memory, cell_postings *out, anp_error *err) {
    *out = (cell_postings){.docs = arena_alloc(memory, WINDOW_DOCS * sizeof *out->docs),
                           .tfs = arena_alloc(memory, WINDOW_DOCS * sizeof *out->tfs),
                           .impacts = arena_alloc(memory, WINDOW_DOCS * sizeof *out->impacts),
                           .blended = arena_alloc(memory, WINDOW_DOCS * sizeof *out->blended)};
    return out->docs && out->tfs && out->impacts && out->blended ? ANP_OK : nomem(err);
}

enum { SUMS = RANK_SCORES * UINT8_MAX + 1 }; /* of a post's scores */

/* Blended impacts are made of impacts, as a unit's are (unit_write.c). Of many the factors by sums
   of scores are made first. */
static void blend_impacts(const cell *c, const cell_postings *postings) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    bool by_sums = c->score_bytes == RANK_SCORES && postings->count > SUMS;
    float factors[SUMS];
    double scores[RANK_SCORES];
    for (int sum = 0; by_sums && sum < SUMS; sum++) {
        factors[sum] = (float)rank_factor(build.blend, sum / (100.0 * (double)RANK_SCORES));
    }
    for (uint32_t i = 0; i < postings->count; i++) {
        uint32_t low = postings->docs[i];
        if (by_sums) {
            postings->blended[i] = postings->impacts[i] * factors[cell_score_sum(c, low)];
            continue;
        }
        cell_scores(c, low, scores);
        double prior = rank_prior(build.weights, scores);
        postings->blended[i] = postings->impacts[i] * (float)rank_factor(build.blend, prior);
    }
}

/* Both kinds of impacts of postings of a field. */
static anp_status find_impacts(snapshot *s, const cell *c, index_field field,
                               double length_average, const cell_postings *postings,
                               anp_error *err) {
    const rank_settings build = RANK_BUILD_SETTINGS;
    rank_norm norm = rank_norm_make(build.k1, build.b, length_average);
    uint32_t weight = s->cat.settings.title_weight;
    TRY(cells_open(s, c, err));
    for (uint32_t i = 0; i < postings->count; i++) {
        uint32_t length = cell_length(c, field, weight, postings->docs[i]);
        postings->impacts[i] = rank_saturation(postings->tfs[i], rank_norm_of(norm, length));
    }
    blend_impacts(c, postings);
    return ANP_OK;
}

anp_status cells_make_list(snapshot *s, const cell *c, index_field field,
                           const cell_postings *postings, arena *memory, cell_list *out,
                           anp_error *err) {
    list_input input = {.count = postings->count, .docs = postings->docs, .tfs = postings->tfs};
    buffer bytes = {0};
    if (postings->tfs && postings->impacts) {
        out->length_average = snapshot_length_average(s, field);
        TRY(find_impacts(s, c, field, out->length_average, postings, err));
        input.impacts = postings->impacts;
        input.blended = postings->blended;
    }
    list_build(&input, &bytes);
    str value = arena_str(memory, str_make((const char *)bytes.data, bytes.len));
    anp_status status = bytes.failed || !value.data ? nomem(err) : ANP_OK;
    buffer_free(&bytes);
    return status == ANP_OK ? list_view_open(value, &out->list, err) : status;
}

/* A list of the combined text to the postings of the body. */
static anp_status take_body(const snapshot *s, const cell *c, const list_view *text,
                            cell_postings *body, anp_error *err) {
    uint32_t count = text->count;
    if (!list_docs_within(text, c->from, c->end, body->docs)) {
        return error_corrupt(err, "the posts of a word do not ascend; verify the index");
    }
    list_tfs(text, body->tfs);
    list_less_titles(text, s->cat.settings.title_weight, 0, count, body->tfs);
    body->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        body->docs[body->count] = body->docs[i];
        body->tfs[body->count] = body->tfs[i];
        body->count += body->tfs[i] > 0;
    }
    return ANP_OK;
}

static anp_status open_body(snapshot *s, const term_lists *text, term_lists *body,
                            anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    arena scratch = {0};
    cell_postings postings;
    body->number = text->number;
    anp_status status = term_lists_make(body, text->count + 1, &cache->lists, err);
    status = status == ANP_OK ? cell_postings_make(&scratch, &postings, err) : status;
    for (uint32_t i = 0; i < text->count && status == ANP_OK; i++) {
        const cell *c = &cache->cells.items[text->lists[i].cell];
        cell_list list = {.cell = text->lists[i].cell};
        if (c->made) {
            continue; /* make_list has it */
        }
        status = take_body(s, c, &text->lists[i].list, &postings, err);
        if (status == ANP_OK && postings.count) {
            status = cells_make_list(s, c, INDEX_BODY, &postings, &cache->lists, &list, err);
            status = status == ANP_OK ? add_list(s, body, list, err) : status;
        }
    }
    arena_free(&scratch);
    return status;
}

/* A copy of what was built, for as long as lists are remembered. */
static anp_status keep_built(struct cell_cache *cache, buffer *bytes, str *out, anp_error *err) {
    *out = bytes->failed ? (str){NULL, 0}
                         : arena_str(&cache->lists, str_make((const char *)bytes->data,
                                                             bytes->len));
    return out->data ? ANP_OK : nomem(err);
}

/* The postings of the log, the last cell, as a list. */
static anp_status make_list(snapshot *s, uint32_t number, term_lists *term, anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    arena scratch = {0};
    log_postings found = {0};
    buffer bytes = {0};
    str value = {NULL, 0};
    anp_status status = s->tail->count ? snapshot_log_postings(s, term->field, number, false,
                                                               &scratch, &found, err)
                                       : ANP_OK;
    if (status == ANP_OK && found.count) {
        list_build(&(list_input){.count = found.count, .docs = found.docs, .tfs = found.tfs,
                                 .title_tfs = found.title_tfs}, &bytes);
        status = keep_built(cache, &bytes, &value, err);
    }
    buffer_free(&bytes);
    arena_free(&scratch);
    cell_list list = {.cell = (uint32_t)cache->cells.count - 1};
    if (status == ANP_OK && value.len) {
        TRY(list_view_open(value, &list.list, err));
        status = add_list(s, term, list, err);
    }
    return status;
}

static anp_status open_lists(snapshot *s, uint32_t number, term_lists *term, anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    arena scratch = {0};
    const term_list *lists;
    uint32_t count, cell_at = 0;
    anp_status status = snapshot_lists(s, term->field, number, &scratch, &lists, &count, err);
    if (status == ANP_OK) {
        status = term_lists_make(term, count + 1, &cache->lists, err);
    }
    for (uint32_t i = 0; status == ANP_OK && i < count; i++) {
        const unit_info *unit = lists[i].unit;
        while (cell_at < cache->cells.count && (cache->cells.items[cell_at].first |
                                                cache->cells.items[cell_at].from) < unit->first) {
            cell_at++;
        }
        const cell *c = cell_at < cache->cells.count ? &cache->cells.items[cell_at] : NULL;
        if (!c || c->unit != unit) {
            status = error_corrupt(err, "a term's lists do not follow the units; verify the index");
            break;
        }
        cell_list list = {.cell = cell_at, .unit = unit, .length_average = c->length_average};
        status = list_view_open(lists[i].bytes, &list.list, err);
        if (status == ANP_OK) {
            status = add_list(s, term, list, err);
        }
    }
    arena_free(&scratch);
    return status == ANP_OK ? make_list(s, number, term, err) : status;
}

static anp_status open_body_lists(snapshot *s, str text, term_lists *term, anp_error *err) {
    const term_lists *combined;
    TRY(cells_term(s, INDEX_TEXT, text, &combined, err));
    TRY(open_body(s, combined, term, err));
    return make_list(s, term->number, term, err);
}

static anp_status open_term(snapshot *s, index_field field, str text, term_lists **out,
                            anp_error *err) {
    term_lists *term = arena_new(&s->cell_cache->lists, term_lists);
    if (!term) {
        return nomem(err);
    }
    term->field = field;
    anp_status status = snapshot_term(s, text, &term->number, err);
    if (status == ANP_NOT_FOUND) {
        term->number = UINT32_MAX;
    } else if (status != ANP_OK) {
        return status;
    } else if (field == INDEX_BODY) {
        TRY(open_body_lists(s, text, term, err));
    } else {
        TRY(open_lists(s, term->number, term, err));
    }
    term->idf = rank_idf(snapshot_post_count(s), term->df);
    *out = term;
    return ANP_OK;
}

anp_status cells_term(snapshot *s, index_field field, str text, const term_lists **out,
                      anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    char key[1 + TERM_BYTES_MAX];
    if (text.len > TERM_BYTES_MAX) {
        text = str_slice(text, 0, TERM_BYTES_MAX);
    }
    key[0] = (char)field;
    memcpy(key + 1, text.data, text.len);
    str name = str_make(key, 1 + text.len);
    uint32_t at = intern_find(&cache->keys, name);
    if (at == INTERN_NONE) {
        term_lists *term = NULL;
        TRY(open_term(s, field, text, &term, err));
        if (!vec_reserve(&cache->terms, cache->terms.count + 1) ||
            (at = intern_add(&cache->keys, name, NULL)) == INTERN_NONE) {
            return nomem(err);
        }
        cache->terms.items[cache->terms.count++] = term;
    }
    *out = cache->terms.items[at];
    return ANP_OK;
}

/* Those of a list of the log. */
static anp_status build_positions(snapshot *s, const term_lists *term, const cell_list *list,
                                  str *out, anp_error *err) {
    const cell *c = &s->cell_cache->cells.items[list->cell];
    arena scratch = {0};
    buffer bytes = {0};
    log_postings found;
    anp_status status =
        snapshot_log_postings(s, term->field, term->number, true, &scratch, &found, err);
    if (status == ANP_OK) {
        positions_input input = {.count = found.count,
                                 .docs = found.docs,
                                 .counts = found.counts,
                                 .positions = found.positions,
                                 .lengths = term->field == INDEX_TITLE ? c->title : c->body};
        status = positions_build(&input, &bytes, err);
    }
    if (status == ANP_OK) {
        status = keep_built(s->cell_cache, &bytes, out, err);
    }
    buffer_free(&bytes);
    arena_free(&scratch);
    return status;
}

anp_status cells_positions(snapshot *s, const term_lists *term, cell_list *list, anp_error *err) {
    if (!list->positions.data) {
        bool of_log = !list->list.positions.data && !list->unit;
        unit_entry entry = snapshot_term_entry(term->field, term->number);
        TRY(of_log ? build_positions(s, term, list, &list->positions, err)
                   : snapshot_positions_of(s, list->unit, entry, &list->list,
                                           &s->cell_cache->lists, &list->positions, err));
    }
    return ANP_OK;
}

/* ---- Pairs --------------------------------------------------------------------------------- */

/* The heads of all cells' pairs. */
static anp_status open_pairs(snapshot *s, anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    pairs_head *heads = arena_array(&cache->memory, pairs_head, cache->cells.count + 1);
    if (!heads) {
        return nomem(err);
    }
    for (size_t i = 0; i < cache->cells.count; i++) {
        const unit_info *unit = cache->cells.items[i].unit;
        str value = {NULL, 0};
        if (unit && unit->count >= PAIRS_POSTS_MIN) {
            unit_entry entry = {UNIT_PAIR, PAIRS_HEAD, 0};
            TRY(snapshot_unit_value(s, unit, entry, &value, err));
        }
        if (value.len) {
            TRY(pairs_head_open(value, &heads[i], err));
        }
    }
    cache->heads = heads;
    return ANP_OK;
}

/* The list of a pair that is kept as ranks in the rarer word's. */
static anp_status pick_pair(snapshot *s, str ranks, const list_view *rarer, list_view *out,
                            anp_error *err) {
    uint16_t *lows = malloc(rarer->count * sizeof *lows);
    buffer bytes = {0};
    uint32_t count = 0;
    if (!lows) {
        return nomem(err);
    }
    bool whole = list_docs_within(rarer, 0, LIST_DOCS, lows);
    anp_status status = whole ? pairs_pick(ranks, lows, rarer->count, &count, err)
                              : error_corrupt(err, "the posts of a word do not ascend; verify the "
                                              "index");
    if (status == ANP_OK) {
        list_build(&(list_input){.count = count, .docs = lows}, &bytes);
        str copy = arena_str(&s->cell_cache->lists,
                             str_make((const char *)bytes.data, bytes.len));
        status = bytes.failed || !copy.data ? nomem(err) : list_view_open(copy, out, err);
    }
    free(lows);
    buffer_free(&bytes);
    return status;
}

/* The list of a pair that stands in some post, if it has one. */
static anp_status open_pair_list(snapshot *s, const cell *c, const uint32_t numbers[2],
                                 const list_view *const lists[2], cell_pair *out,
                                 anp_error *err) {
    pairs_view view;
    str value, bytes;
    TRY(snapshot_unit_value(s, c->unit, (unit_entry){UNIT_PAIR, numbers[0], 0}, &value, err));
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(pairs_view_open(value, &view, err));
    uint32_t at = pairs_find(&view, numbers[1]);
    if (at == UINT32_MAX) {
        return ANP_OK;
    }
    out->state = CELL_PAIR_LISTED;
    TRY(pairs_bytes(&view, at, &bytes, err));
    return pairs_are_ranks(bytes)
               ? pick_pair(s, bytes, lists[pairs_rarer(lists[0]->count, lists[1]->count)],
                           &out->list, err)
               : list_view_open(bytes, &out->list, err);
}

/* What a cell knows of a pair. */
static anp_status open_pair(snapshot *s, uint32_t cell_number, const uint32_t numbers[2],
                            const list_view *const lists[2], cell_pair *out, anp_error *err) {
    const pairs_head *head = &s->cell_cache->heads[cell_number];
    uint64_t product = (uint64_t)lists[0]->count * lists[1]->count;
    out->state = CELL_PAIR_UNKNOWN;
    if (!head->noted || product < head->noted) {
        return ANP_OK;
    }
    if (!pairs_head_meet(head, numbers[0], numbers[1])) {
        out->state = CELL_PAIR_NOWHERE;
        return ANP_OK;
    }
    const cell *c = &s->cell_cache->cells.items[cell_number];
    return open_pair_list(s, c, numbers, lists, out, err);
}

/* NULL when no cell knows the pair. */
static anp_status open_cell_pairs(snapshot *s, const term_lists *first, const term_lists *second,
                                  cell_pair **out, anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    TRY(cache->heads ? ANP_OK : open_pairs(s, err));
    const uint32_t numbers[2] = {first->number, second->number};
    for (uint32_t i = 0; i < first->count; i++) {
        uint32_t number = first->lists[i].cell;
        const cell_list *other =
            cache->heads[number].noted ? cells_list_in(second, number) : NULL;
        cell_pair pair = {0};
        if (other) {
            const list_view *lists[2] = {&first->lists[i].list, &other->list};
            TRY(open_pair(s, number, numbers, lists, &pair, err));
        }
        if (pair.state == CELL_PAIR_UNKNOWN) {
            continue;
        }
        if (!*out) {
            *out = arena_array(&cache->lists, cell_pair, cache->cells.count);
        }
        if (!*out) {
            return nomem(err);
        }
        (*out)[number] = pair;
    }
    return ANP_OK;
}

anp_status cells_pair(snapshot *s, const term_lists *first, const term_lists *second,
                      const cell_pair **out, anp_error *err) {
    struct cell_cache *cache = s->cell_cache;
    uint32_t numbers[2] = {first->number, second->number};
    str key = str_make((const char *)numbers, sizeof numbers);
    *out = NULL;
    if (first->number == UINT32_MAX || second->number == UINT32_MAX) {
        return ANP_OK;
    }
    uint32_t at = intern_find(&cache->pair_keys, key);
    if (at == INTERN_NONE) {
        cell_pair *pairs = NULL;
        TRY(open_cell_pairs(s, first, second, &pairs, err));
        if (!vec_reserve(&cache->pairs, cache->pairs.count + 1) ||
            (at = intern_add(&cache->pair_keys, key, NULL)) == INTERN_NONE) {
            return nomem(err);
        }
        cache->pairs.items[cache->pairs.count++] = pairs;
    }
    *out = cache->pairs.items[at];
    return ANP_OK;
}
