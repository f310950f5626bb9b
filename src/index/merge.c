/*
 * A window's segments walked in step by inner key (unit.h), each key's values joined and put
 * behind the window's unit:
 *
 *     segment 7     cache   redis   rules …            cursor: all keys before it are in the
 *                                                      window's unit, too
 *     segment 8     cache           rules …
 *     segment 9             redis         …
 *                     │       ▲ cursor
 *                     ▼
 *     window 3      cache
 *
 * Terms are joined by the pool's threads (merge_terms.h), if there are any for it. The last step
 * makes the window's pairs of words (pairs.h), out of the lists that it has by then. Dead posts go
 * along; compaction drops them. Cost: some 12 ms of processors a MB; a window of 65,536 posts 0.7 s
 * in all, and some 0.7 s for the pairs (synthesised posts: most words are frequent there).
 *
 * Readers read the segments, in place, until all of the window's unit is written but its pairs: so
 * a window that is being merged costs them next to nothing. Then they read that, and the segments
 * go, one a step; pairs come behind, for they take long, and the file has room for the next
 * segments meanwhile (segments of a full log have no pairs either).
 *
 * But positions, more than half of a window, go with the step that puts the window's: who wants
 * them copies those of a segment's list from the window's (snapshot_positions.c). So the file has
 * all else of a window twice for a while, and room for the next one afterwards. (Were lists, too,
 * taken from the segments at once, readers would have to join what is left: lists in memory,
 * without bounds, and 0.3 ms for the columns of each snapshot.)
 */
#include "index/merge.h"

#include "base/error.h"
#include "index/group.h"
#include "index/merge_terms.h"
#include "index/pairs_make.h"
#include "index/unit_write.h"
#include "sketch/sketch.h"

#include <math.h>

#define TERMS_END unit_key(0, UNIT_FACET, 0)

/* In bytes that are merged, of dropping a segment. */
enum { DROP_COST = MERGE_STEP_BYTES / 4 };

struct merge_job {
    catalog_settings settings;
    uint64_t bytes; /* to merge, about */
    uint64_t from;  /* the cursor before it */
    uint64_t reached; /* and after it */
    bool drops; /* the last of the segments */
    bool makes_pairs;
    bool of_group;
    uint32_t group;    /* its number */
    unit_info window;  /* else: its unit, */
    unit_info *units;  /* its segments */
    size_t unit_count;
    bool made;
    unit_held values; /* what is to be put */
};

typedef struct source {
    const unit_info *unit;
    unit_cursor *cursor;
    uint64_t inner; /* of the current key; UINT64_MAX: exhausted */
    str value;      /* the cursor's own copy: it outlives writes */
} source;

typedef struct merge {
    store_txn *txn;
    merge_job *job;
    source *sources; /* by segment */
    forward_head *heads; /* by post of the window */
    unit_sink sink;
    unit_writer *writer;
    merge_terms *terms;
    uint16_t *lows;
    double *values; /* WINDOW_DOCS * 2: room for scores too */
    buffer joined;
} merge;

/* The first window, complete, that still has segments; its first unit's place in the list, or
   SIZE_MAX. */
static size_t find_window(const catalog *c) {
    for (size_t i = 0; i < c->units.count; i++) {
        const unit_info *unit = &c->units.items[i];
        uint64_t end = ((uint64_t)(unit->first >> WINDOW_BITS) + 1) << WINDOW_BITS;
        bool merging = unit->level == UNIT_WINDOW && c->state.merge_cursor != UINT64_MAX &&
                       catalog_merging(c) == (int32_t)unit->number;
        if (merging || (unit->level == UNIT_SEGMENT && end <= c->state.log_first)) {
            return i;
        }
    }
    return SIZE_MAX;
}

bool merge_window_pending(const catalog *c) {
    return find_window(c) != SIZE_MAX;
}

bool merge_pending(const catalog *c) {
    return merge_window_pending(c) || group_pending(c);
}

bool merge_late(const catalog *c) {
    size_t at = find_window(c);
    if (at == SIZE_MAX) {
        return false;
    }
    uint64_t end = ((uint64_t)(c->units.items[at].first >> WINDOW_BITS) + 1) << WINDOW_BITS;
    return group_pending(c) || c->state.log_first >= end + WINDOW_DOCS / 2;
}

static anp_status advance(source *s, anp_error *err) {
    anp_status status = unit_cursor_next(s->cursor, &s->inner, &s->value, err);
    if (status == ANP_NOT_FOUND) {
        s->inner = UINT64_MAX;
        return ANP_OK;
    }
    return status;
}

static anp_status open_source(merge *m, source *s, const unit_info *unit, anp_error *err) {
    s->unit = unit;
    TRY(unit_cursor_open(m->txn, (unit_level)unit->level, unit->number,
                         m->job->from, UINT64_MAX, &s->cursor, err));
    return advance(s, err);
}

static anp_status segment_column(merge *m, const unit_info *unit, uint32_t number, column_view *out,
                                 anp_error *err) {
    str value;
    *out = (column_view){0};
    uint64_t key = unit_key(unit->number, UNIT_COLUMN, number);
    anp_status status = unit_get(m->txn, UNIT_SEGMENT, key, &value, err);
    if (status != ANP_OK) {
        return status == ANP_NOT_FOUND ? ANP_OK : status;
    }
    TRY(column_open(value, out, err));
    return out->count == unit->count
               ? ANP_OK
               : error_corrupt(err, "a segment's column has the wrong length");
}

/* Lengths and scores of every post, for the bounds of terms; only terms need them, and columns
   are merged after terms. */
static anp_status read_heads(merge *m, anp_error *err) {
    if (unit_key_kind(m->job->from) != UNIT_TERM) {
        return ANP_OK;
    }
    for (size_t i = 0; i < m->job->unit_count; i++) {
        const unit_info *unit = m->sources[i].unit;
        column_view title, body, scores;
        TRY(segment_column(m, unit, COLUMN_TITLE_LENGTH, &title, err));
        TRY(segment_column(m, unit, COLUMN_BODY_LENGTH, &body, err));
        TRY(segment_column(m, unit, COLUMN_SCORES, &scores, err));
        if (!title.entries || !body.entries || !scores.entries) {
            return error_corrupt(err, "a segment lacks its lengths; restore a backup");
        }
        for (uint32_t post = 0; post < unit->count; post++) {
            forward_head *head = &m->heads[window_low(unit->first) + post];
            head->title_words = column_get_length(&title, post);
            head->body_words = column_get_length(&body, post);
            column_get_scores(&scores, post, head->scores);
        }
    }
    return ANP_OK;
}

/* All values of a term, out of all segments; their cursors move behind them. */
static anp_status take_term(merge *m, uint32_t term, anp_error *err) {
    for (size_t i = 0; i < m->job->unit_count; i++) {
        source *s = &m->sources[i];
        while (s->inner != UINT64_MAX && unit_key_kind(s->inner) == UNIT_TERM &&
               unit_key_number(s->inner) == term) {
            TRY(merge_terms_add(m->terms, s->inner, i, s->value, err));
            TRY(advance(s, err));
        }
    }
    return ANP_OK;
}

static anp_status merge_facet(merge *m, uint64_t inner, anp_error *err) {
    uint32_t count = 0;
    for (size_t i = 0; i < m->job->unit_count; i++) {
        source *s = &m->sources[i];
        if (s->inner == inner) {
            list_view list;
            TRY(list_view_open(s->value, &list, err));
            if (list.count > WINDOW_DOCS - count) {
                return error_corrupt(err, "a window has too many postings");
            }
            count += list_docs(&list, m->lows + count);
            TRY(advance(s, err));
        }
    }
    return unit_write_facet(m->writer, unit_key_number(inner), m->lows, count, err);
}

static anp_status merge_column(merge *m, uint64_t inner, anp_error *err) {
    uint32_t number = unit_key_number(inner);
    float (*scores)[4] = (float (*)[4])(void *)m->values;
    for (size_t i = 0; i < m->job->unit_count; i++) {
        source *s = &m->sources[i];
        uint32_t first = window_low(s->unit->first);
        column_view column = {0};
        if (s->inner == inner) {
            TRY(column_open(s->value, &column, err));
            if (column.count != s->unit->count) {
                return error_corrupt(err, "a segment's column has the wrong length");
            }
        }
        for (uint32_t post = 0; post < s->unit->count; post++) {
            if (number != COLUMN_SCORES) {
                m->values[first + post] = column.entries ? column_get(&column, post) : NAN;
            } else if (column.entries) {
                column_get_scores(&column, post, scores[first + post]);
            }
        }
        if (s->inner == inner) {
            TRY(advance(s, err));
        }
    }
    return number == COLUMN_SCORES
               ? unit_write_scores(m->writer, (const float (*)[4])scores, err)
               : unit_write_column(m->writer, number, m->values, err);
}

static anp_status merge_sketches(merge *m, uint64_t inner, anp_error *err) {
    uint32_t piece = unit_key_number(inner), from, end;
    m->joined.len = 0;
    for (size_t i = 0; i < m->job->unit_count; i++) {
        source *s = &m->sources[i];
        unit_piece(s->unit, piece, &from, &end);
        if (from == end) {
            continue;
        }
        if (s->inner != inner || s->value.len != (size_t)(end - from) * SKETCH_BYTES) {
            return error_corrupt(err, "a segment lacks sketches; restore a backup");
        }
        buffer_put_str(&m->joined, s->value);
        TRY(advance(s, err));
    }
    unit_piece(&m->job->window, piece, &from, &end);
    if (m->joined.len != (size_t)(end - from) * SKETCH_BYTES) {
        return error_corrupt(err, "a segment has sketches of no post; restore a backup");
    }
    return m->joined.failed ? error_nomem(err, "merging a window")
                            : unit_write_sketches(m->writer, piece, m->joined.data, err);
}

/* Of a segment: the window gets its own, at the end. */
static anp_status pass_pairs(merge *m, uint64_t inner, anp_error *err) {
    for (size_t i = 0; i < m->job->unit_count; i++) {
        if (m->sources[i].inner == inner) {
            TRY(advance(&m->sources[i], err));
        }
    }
    return ANP_OK;
}

static anp_status merge_key(merge *m, uint64_t inner, anp_error *err) {
    switch (unit_key_kind(inner)) {
    case UNIT_FACET: return merge_facet(m, inner, err);
    case UNIT_COLUMN: return merge_column(m, inner, err);
    case UNIT_SKETCH: return merge_sketches(m, inner, err);
    case UNIT_PAIR: return pass_pairs(m, inner, err);
    default: return error_corrupt(err, "a segment has a key of no known kind");
    }
}

static uint64_t least_inner(const merge *m) {
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < m->job->unit_count; i++) {
        least = m->sources[i].inner < least ? m->sources[i].inner : least;
    }
    return least;
}

static anp_status open_merge(merge *m, anp_error *err) {
    m->sources = calloc(m->job->unit_count + 1, sizeof *m->sources);
    m->heads = calloc(WINDOW_DOCS, sizeof *m->heads);
    m->lows = malloc(WINDOW_DOCS * sizeof *m->lows);
    m->values = malloc(WINDOW_DOCS * 2 * sizeof *m->values);
    if (!m->sources || !m->heads || !m->lows || !m->values) {
        return error_nomem(err, "merging a window");
    }
    for (size_t i = 0; i < m->job->unit_count; i++) {
        TRY(open_source(m, &m->sources[i], &m->job->units[i], err));
    }
    return read_heads(m, err);
}

static void close_cursors(merge *m) {
    for (size_t i = 0; m->sources && i < m->job->unit_count; i++) {
        unit_cursor_close(m->sources[i].cursor);
        m->sources[i].cursor = NULL;
    }
}

static void close_merge(merge *m) {
    close_cursors(m);
    free(m->sources);
    free(m->heads);
    free(m->lows);
    free(m->values);
    merge_terms_close(m->terms);
    buffer_free(&m->joined);
    unit_writer_close(m->writer);
}

/* ---- The window's pairs of words ----------------------------------------------------------- */

/* A value that the window's unit has by now. */
static anp_status get_merged(void *user, unit_kind kind, uint32_t number, unsigned sub, str *out,
                             anp_error *err) {
    const merge *m = user;
    unsigned slot = unit_kind_packs(kind) ? unit_slot(m->job->window.number) : 0;
    uint64_t key = unit_key_in(m->job->window.number, kind, number, slot, sub);
    anp_status status = unit_get(m->txn, UNIT_WINDOW, key, out, err);
    if (status == ANP_NOT_FOUND) {
        *out = (str){NULL, 0};
        return ANP_OK;
    }
    return status;
}

/* The words of many of the window's posts: its lists are all walked. */
static anp_status find_words(merge *m, pairs_word **words, size_t *count, anp_error *err) {
    VEC(pairs_word) found = {0};
    unit_cursor *cursor;
    uint64_t inner;
    str value;
    TRY(unit_cursor_open(m->txn, UNIT_WINDOW, m->job->window.number, 0, unit_key(0, UNIT_FACET, 0),
                         &cursor, err));
    anp_status status;
    while ((status = unit_cursor_next(cursor, &inner, &value, err)) == ANP_OK) {
        list_view list;
        if (unit_key_sub(inner) != UNIT_SUB_TEXT) {
            continue;
        }
        status = list_view_open(value, &list, err);
        if (status == ANP_OK && list.count >= pairs_count_min(m->job->window.count) &&
            !vec_push(&found, ((pairs_word){unit_key_number(inner), list.count}))) {
            status = error_nomem(err, "pairs of words");
        }
        if (status != ANP_OK) {
            break;
        }
    }
    unit_cursor_close(cursor);
    *words = found.items;
    *count = found.count;
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status make_pairs(merge *m, anp_error *err) {
    pairs_word *words = NULL;
    size_t count;
    m->job->reached = UINT64_MAX;
    pairs_lists lists = {.get = get_merged,
                         .user = m,
                         .title_weight = m->job->settings.title_weight,
                         .first = window_low(m->job->window.first),
                         .posts = m->job->window.count};
    pairs_unit_sink target = {m->sink, &m->job->window};
    anp_status status = find_words(m, &words, &count, err);
    if (status == ANP_OK) {
        pairs_words chosen = pairs_choose(words, count, m->job->window.count);
        status = pairs_make_of_lists(&lists, &chosen, pairs_sink_of_unit(&target), err);
    }
    free(words);
    return status;
}

/* ---- Making a window's step ------------------------------------------------------------------ */

static bool is_term(uint64_t inner) {
    return inner != UINT64_MAX && unit_key_kind(inner) == UNIT_TERM;
}

/* Terms, until *bytes of their values are taken, which it counts down to 0. */
static anp_status merge_some_terms(merge *m, pool *p, uint64_t *bytes, anp_error *err) {
    uint64_t next = least_inner(m), taken = 0;
    if (!is_term(next)) {
        return ANP_OK;
    }
    TRY(merge_terms_open(p, m->sink, &m->job->settings, &m->job->window,
                         m->heads, &m->terms, err));
    for (; is_term(next) && taken < *bytes; next = least_inner(m)) {
        TRY(take_term(m, unit_key_number(next), err));
        taken = merge_terms_bytes(m->terms);
    }
    *bytes -= taken < *bytes ? taken : *bytes;
    return merge_terms_finish(m->terms, err);
}

/* What comes behind them, until `bytes` are written. */
static anp_status merge_some_others(merge *m, uint64_t bytes, anp_error *err) {
    uint64_t next = least_inner(m);
    if (bytes == 0 || next == UINT64_MAX) {
        return ANP_OK;
    }
    TRY(unit_writer_open(m->sink, &m->job->settings, &m->job->window, m->heads,
                         &m->writer, err));
    for (; next != UINT64_MAX && unit_writer_bytes(m->writer) < bytes; next = least_inner(m)) {
        TRY(merge_key(m, next, err));
    }
    return unit_writer_finish(m->writer, err);
}

static anp_status make_of_window(merge *m, pool *p, anp_error *err) {
    merge_job *job = m->job;
    uint64_t bytes = job->bytes;
    TRY(open_merge(m, err));
    TRY(merge_some_terms(m, p, &bytes, err));
    TRY(merge_some_others(m, bytes, err));
    job->reached = least_inner(m);
    job->reached = job->reached == UINT64_MAX ? MERGE_WRITTEN : job->reached;
    close_cursors(m);
    return ANP_OK;
}

/* ---- Steps --------------------------------------------------------------------------------- */

/* The unit of a window that is pending: as it is, or as it will be once it is begun. */
static unit_info window_unit(const catalog *c, size_t at) {
    const unit_info *first = &c->units.items[at];
    double average = c->state.post_count
                         ? (double)catalog_text_words(c) / (double)c->state.post_count : 0;
    return first->level == UNIT_WINDOW
               ? *first
               : (unit_info){.first = first->first,
                             .count = WINDOW_DOCS,
                             .number = (uint16_t)(first->first >> WINDOW_BITS),
                             .level = UNIT_WINDOW,
                             .length_average = (float)average};
}

/* A segment less; when all are gone, the window's pairs. */
static void plan_end(merge_job *job) {
    bool pairs = job->window.count >= PAIRS_POSTS_MIN;
    job->makes_pairs = pairs && job->unit_count == 0;
    job->drops = job->made = !job->makes_pairs;
    job->reached = job->unit_count > 1 || pairs ? MERGE_WRITTEN : UINT64_MAX;
}

static anp_status plan_window(const catalog *c, size_t at, merge_job *job, anp_error *err) {
    const unit_info *units = c->units.items;
    bool begun = units[at].level == UNIT_WINDOW;
    job->window = window_unit(c, at);
    job->from = begun ? c->state.merge_cursor : 0;
    size_t from = at + begun, end = from;
    while (end < c->units.count && units[end].first >> WINDOW_BITS == job->window.number) {
        end++;
    }
    job->unit_count = end - from;
    job->units = malloc((job->unit_count + 1) * sizeof *job->units);
    if (!job->units) {
        return error_nomem(err, "merging a window");
    }
    memcpy(job->units, units + from, job->unit_count * sizeof *job->units);
    if (begun && job->from == MERGE_WRITTEN) {
        plan_end(job);
    }
    return ANP_OK;
}

anp_status merge_plan(const catalog *c, uint64_t bytes, merge_job **out, anp_error *err) {
    size_t at = find_window(c);
    merge_job *job = calloc(1, sizeof *job);
    *out = job;
    if (!job) {
        return error_nomem(err, "a merge");
    }
    job->settings = c->settings;
    job->bytes = bytes;
    if (at == SIZE_MAX) {
        job->of_group = true;
        job->group = c->state.group_end;
        job->from = group_cursor(c);
        return ANP_OK;
    }
    anp_status status = plan_window(c, at, job, err);
    if (status != ANP_OK) {
        merge_job_free(job);
        *out = NULL;
    }
    return status;
}

/* Pairs cost two bytes a word of the window, some quarter of what its posts owe: more than their
   time, so that a thread has made them before they are put. */
uint64_t merge_job_cost(const merge_job *job) {
    float bytes = 2 * job->window.length_average * (float)job->window.count;
    bool sane = bytes >= 0 && bytes < (float)UINT32_MAX; /* it is of the file */
    return job->drops ? DROP_COST : !job->makes_pairs ? job->bytes : sane ? (uint64_t)bytes : 0;
}

bool merge_job_follows(const merge_job *job, const merge_job *before) {
    bool same = job->of_group == before->of_group && job->group == before->group &&
                job->window.number == before->window.number;
    return same && !job->makes_pairs;
}

void merge_job_free(merge_job *job) {
    if (job) {
        unit_held_free(&job->values);
        free(job->units);
        free(job);
    }
}

bool merge_made(const merge_job *job) {
    return job->made;
}

anp_status merge_make(merge_job *job, pool *p, store_txn *txn, anp_error *err) {
    merge m = {.txn = txn, .job = job, .sink = unit_held_sink(&job->values)};
    if (job->made) {
        return ANP_OK;
    }
    anp_status status = job->of_group
                            ? group_move(txn, job->group, job->from, job->bytes, m.sink,
                                         &job->reached, err)
                        : job->makes_pairs ? make_pairs(&m, err)
                                           : make_of_window(&m, p, err);
    close_merge(&m);
    job->made = status == ANP_OK;
    return status;
}

/* Puts the window's unit before its segments, unless a former step did. */
static anp_status begin_window(catalog *c, size_t at, unit_info window, anp_error *err) {
    if (c->units.items[at].level == UNIT_WINDOW) {
        return ANP_OK;
    }
    if (!vec_reserve(&c->units, c->units.count + 1)) {
        return error_nomem(err, "merging a window");
    }
    unit_info *items = c->units.items;
    memmove(items + at + 1, items + at, (c->units.count - at) * sizeof *items);
    items[at] = window;
    c->units.count++;
    return ANP_OK;
}

static anp_status drop_segment(const merge_job *job, store_txn *txn, catalog *c, anp_error *err) {
    unit_info *items = c->units.items;
    size_t at = find_window(c) + job->unit_count; /* the window stands before its segments */
    if (job->unit_count == 0) {
        return ANP_OK; /* a damaged catalog */
    }
    uint64_t unit = (uint64_t)items[at].number << 48;
    TRY(store_delete_range(txn, STORE_SEGMENTS, unit, unit | UNIT_KEY_INNER, err));
    TRY(store_delete_range(txn, STORE_SEGMENT_POSITIONS, unit, unit | UNIT_KEY_INNER, err));
    memmove(items + at, items + at + 1, (c->units.count - at - 1) * sizeof *items);
    c->units.count--;
    return ANP_OK;
}

/* The segments' positions that the window has now go. */
static anp_status drop_positions(const merge_job *job, store_txn *txn, anp_error *err) {
    uint64_t end = job->reached < TERMS_END ? job->reached : TERMS_END;
    for (size_t i = 0; i < job->unit_count && job->from < end; i++) {
        uint64_t unit = (uint64_t)job->units[i].number << 48;
        TRY(store_delete_range(txn, STORE_SEGMENT_POSITIONS, unit | job->from, unit | end, err));
    }
    return ANP_OK;
}

anp_status merge_put(merge_job *job, store_txn *txn, catalog *c, anp_error *err) {
    unit_txn_sink target = {txn, true};
    TRY(unit_held_put(&job->values, unit_sink_of_txn(&target), err));
    if (job->of_group) {
        return group_moved(txn, c, job->reached, err);
    }
    TRY(job->drops ? drop_segment(job, txn, c, err)
                   : begin_window(c, find_window(c), job->window, err));
    TRY(job->drops ? ANP_OK : drop_positions(job, txn, err));
    c->state.merge_cursor = job->reached;
    return ANP_OK;
}

anp_status merge_step(pool *p, store_txn *txn, catalog *c, uint64_t bytes, bool *done,
                      anp_error *err) {
    merge_job *job;
    *done = !merge_pending(c);
    if (*done) {
        return ANP_OK;
    }
    TRY(merge_plan(c, bytes, &job, err));
    anp_status status = merge_make(job, p, txn, err);
    if (status == ANP_OK) {
        status = merge_put(job, txn, c, err);
    }
    merge_job_free(job);
    TRY(status);
    *done = !merge_pending(c);
    return catalog_save_state(txn, c, err);
}
