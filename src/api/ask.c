/* Queries, posts and analysis: public structs in, rooms asked, public structs
   out. */
#include "api/handles.h"
#include "base/error.h"
#include "post/post.h"
#include "query/evaluate.h"
#include "text/analyzer.h"

#include <stdlib.h>

static anp_status missing(anp_error *err, const char *what) {
    return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it", what);
}

anp_status find_docno(anp_snapshot *s, const char *id, uint32_t *docno, anp_error *err) {
    anp_status status = snapshot_docno(s->inner, str_from(id), docno, err);
    return status == ANP_NOT_FOUND ? error_set(err, ANP_NOT_FOUND, "no post has the id %s", id)
                                   : status;
}

/* ---- Queries ------------------------------------------------------------------------------- */

static query_request request_of(const char *query, const anp_query_options *options) {
    query_request r = {.text = str_from(query),
                       .k = 10,
                       .mark_open = STR("<mark>"),
                       .mark_close = STR("</mark>"),
                       .rank = RANK_SETTINGS_DEFAULT};
    r.flags = options->flags;
    r.k = options->k ? options->k : 10;
    r.offset = options->offset;
    r.filter = str_from(options->filter ? options->filter : "");
    r.snippet_words = options->snippet_words;
    if (options->mark_open && options->mark_close) {
        r.mark_open = str_from(options->mark_open);
        r.mark_close = str_from(options->mark_close);
    }
    const struct {
        uint32_t bit;
        double given;
        double *setting;
    } knobs[] = {
        {ANP_SET_BLEND, options->blend, &r.rank.blend},
        {ANP_SET_K1, options->k1, &r.rank.k1},
        {ANP_SET_B, options->b, &r.rank.b},
        {ANP_SET_QUALITY, options->weight_quality, &r.rank.weights[POST_QUALITY]},
        {ANP_SET_FRESHNESS, options->weight_freshness, &r.rank.weights[POST_FRESHNESS]},
        {ANP_SET_DEPTH, options->weight_depth, &r.rank.weights[POST_DEPTH]},
        {ANP_SET_CLARITY, options->weight_clarity, &r.rank.weights[POST_CLARITY]},
    };
    for (size_t i = 0; i < sizeof knobs / sizeof *knobs; i++) {
        if (options->set & knobs[i].bit) {
            *knobs[i].setting = knobs[i].given;
        }
    }
    return r;
}

static anp_status check_range(const char *name, double value, double low, double high,
                              anp_error *err) {
    if (value >= low && value <= high) {
        return ANP_OK;
    }
    return error_set(err, ANP_INVALID, "%s is %g; give a number from %g to %g", name, value, low,
                     high);
}

static anp_status check_request(const query_request *r, anp_error *err) {
    if ((uint64_t)r->k + r->offset > RESULTS_MAX) {
        return error_set(err, ANP_INVALID, "k + offset is %llu; give at most %d",
                         (unsigned long long)r->k + r->offset, RESULTS_MAX);
    }
    TRY(check_range("blend", r->rank.blend, 0, 0.95, err));
    TRY(check_range("k1", r->rank.k1, 0, 1000, err));
    TRY(check_range("b", r->rank.b, 0, 1, err));
    TRY(check_range("the weight of quality", r->rank.weights[POST_QUALITY], 0, 1e6, err));
    TRY(check_range("the weight of freshness", r->rank.weights[POST_FRESHNESS], 0, 1e6, err));
    TRY(check_range("the weight of depth", r->rank.weights[POST_DEPTH], 0, 1e6, err));
    return check_range("the weight of clarity", r->rank.weights[POST_CLARITY], 0, 1e6, err);
}

anp_status anp_ordinal_id(anp_snapshot *s, uint32_t ordinal, char id[256], anp_error *err) {
    arena scratch = {0};
    str text;
    if (!s || !id) {
        return missing(err, s ? "id" : "the snapshot");
    }
    if (ordinal >= snapshot_docno_end(s->inner) ||
        bitmap_contains(snapshot_deleted(s->inner), ordinal)) {
        return error_set(err, ANP_INVALID, "no post has the ordinal %u; give one that a hit of "
                         "this snapshot had", ordinal);
    }
    anp_status status = snapshot_id(s->inner, ordinal, &scratch, &text, err);
    if (status == ANP_OK) {
        memcpy(id, text.data, text.len);
        id[text.len] = 0;
    }
    arena_free(&scratch);
    return status;
}

static anp_status take_answer(anp_results *r, const query_answer *answer, anp_error *err) {
    r->total = answer->total;
    r->count = answer->hit_count;
    r->hits = answer->hits;
    r->note = answer->note.data; /* in memory, with a NUL behind it, as all texts of the answer */
    r->explanations = answer->explanations;
    if (r->explanations) {
        r->explanation_texts = (const char **)arena_array(&r->memory, char *, r->count);
    }
    bool complete = !r->explanations || r->explanation_texts;
    return complete ? ANP_OK : error_nomem(err, "results");
}

/* For people; of full evaluation only the times. */
static anp_status take_trace(anp_results *r, const evaluate_trace *t, anp_error *err) {
    str times = arena_format(
        &r->memory, "evaluation %s\nplan %.1f us, rank %.1f us, fetch %.1f us\n",
        t->in_full ? "in full: every match is scored" : "by bounds", t->plan_us, t->rank_us,
        t->fetch_us);
    str text = t->in_full ? times : arena_format(
        &r->memory,
        "%sterms %u, lists %u, of %llu bytes\ncells %u, skipped %u\n"
        "blocks bounded %u, scored %u, strips of 16 posts scored %llu, posts of other strips %llu\n"
        "postings added %llu, probed %llu\n"
        "posts whose positions were looked at %llu, lists of word pairs %llu\n%.*s",
        times.data ? times.data : "", t->terms, t->lists, (unsigned long long)t->list_bytes,
        t->cells, t->cells_skipped, t->blocks, t->blocks_scored, (unsigned long long)t->strips,
        (unsigned long long)t->strip_posts, (unsigned long long)t->postings,
        (unsigned long long)t->probes, (unsigned long long)t->phrases,
        (unsigned long long)t->pairs, (int)t->pair_lines.len,
        t->pair_lines.len ? t->pair_lines.data : "");
    r->trace = text.data;
    return times.data && text.data ? ANP_OK : error_nomem(err, "results");
}

anp_status anp_query(anp_snapshot *s, const char *query, const anp_query_options *options,
                     anp_results **out, anp_error *err) {
    if (!s || !query || !out) {
        return missing(err, !s ? "the snapshot" : !query ? "the query" : "out");
    }
    anp_query_options taken = ANP_QUERY_OPTIONS_INIT;
    if (options) {
        TRY(options_take(&taken, sizeof taken, options, err));
    }
    bool timed = !(taken.flags & (ANP_QUERY_COUNT_ONLY | ANP_QUERY_ORDINALS));
    uint64_t start = timed ? clock_us() : 0;
    query_request request = request_of(query, &taken);
    query_answer answer = {0};
    evaluate_trace trace = {0};
    request.trace = request.flags & ANP_QUERY_TRACE ? &trace : NULL;
    TRY(check_request(&request, err));
    anp_results *r = results_new(RESULTS_QUERY);
    if (!r) {
        return error_nomem(err, "results");
    }
    r->rank = request.rank;
    r->count_only = request.flags & ANP_QUERY_COUNT_ONLY;
    r->subject = results_utf8(r, request.text);
    anp_status status = r->subject.data ? ANP_OK : error_nomem(err, "results");
    if (status == ANP_OK) {
        status = query_run(s->inner, &request, &r->memory, &answer, err);
    }
    if (status == ANP_OK) {
        status = take_answer(r, &answer, err);
    }
    if (status == ANP_OK && request.trace) {
        status = take_trace(r, &trace, err);
    }
    if (status != ANP_OK) {
        anp_results_free(r);
        return status;
    }
    r->timed = timed;
    r->took_us = timed ? clock_us() - start : 0;
    *out = r;
    return ANP_OK;
}

/* ---- Posts --------------------------------------------------------------------------------- */

static anp_status give(buffer *b, char **out, size_t *len, anp_error *err) {
    buffer_put_u8(b, 0);
    if (b->failed) {
        buffer_free(b);
        return error_nomem(err, "a post");
    }
    *out = (char *)b->data;
    if (len) {
        *len = b->len - 1;
    }
    return ANP_OK;
}

/* A post, in the JSON form or as text for people, into memory that the caller frees. */
static anp_status give_post(anp_snapshot *s, const char *id, bool as_text, char **out, size_t *len,
                            anp_error *err) {
    if (!s || !id || !out) {
        return missing(err, !s ? "the snapshot" : !id ? "the id" : "out");
    }
    arena scratch = {0};
    buffer b = {0};
    str json = {NULL, 0};
    uint32_t docno;
    anp_status status = find_docno(s, id, &docno, err);
    if (status == ANP_OK) {
        status = snapshot_post(s->inner, docno, &scratch, &json, err);
    }
    if (status == ANP_OK && as_text) {
        status = post_to_text(json, &b, err);
    } else if (status == ANP_OK) {
        buffer_put_str(&b, json);
    }
    if (status == ANP_OK) {
        status = give(&b, out, len, err);
    } else {
        buffer_free(&b);
    }
    arena_free(&scratch);
    return status;
}

anp_status anp_post_json(anp_snapshot *s, const char *id, char **out, size_t *len, anp_error *err) {
    return give_post(s, id, false, out, len, err);
}

anp_status anp_post_text(anp_snapshot *s, const char *id, char **out, size_t *len, anp_error *err) {
    return give_post(s, id, true, out, len, err);
}

typedef struct export {
    snapshot *snapshot;
    bool (*visit)(void *user, const char *json, size_t len);
    void (*damaged)(void *user, const char *message); /* NULL: the first one ends it */
    void *user;
    uint64_t lost;
} export;

static anp_status export_one(export *e, uint32_t docno, arena *scratch, anp_error *err) {
    str json;
    anp_error wrong = ANP_ERROR_INIT;
    anp_status status = snapshot_post(e->snapshot, docno, scratch, &json, &wrong);
    if (status == ANP_CORRUPT && e->damaged) {
        e->damaged(e->user, wrong.message);
        e->lost++;
        return ANP_OK;
    }
    if (status != ANP_OK) {
        if (err) {
            *err = wrong;
        }
        return status;
    }
    return e->visit(e->user, json.data, json.len)
               ? ANP_OK
               : error_set(err, ANP_CANCELLED, "stopped as asked");
}

static anp_status export_all(export *e, anp_error *err) {
    arena scratch = {0};
    anp_status status = ANP_OK;
    uint32_t end = snapshot_docno_end(e->snapshot);
    for (uint32_t docno = 0; docno < end && status == ANP_OK; docno++) {
        if (!bitmap_contains(snapshot_deleted(e->snapshot), docno)) {
            arena_mark mark = arena_save(&scratch);
            status = export_one(e, docno, &scratch, err);
            arena_rewind(&scratch, mark);
        }
    }
    arena_free(&scratch);
    if (status == ANP_OK && e->lost) {
        status = error_corrupt(err, "%llu posts could not be read; restore a backup, or index them "
                               "anew from their source", (unsigned long long)e->lost);
    }
    return status;
}

anp_status anp_posts_export(anp_snapshot *s,
                            bool (*visit)(void *user, const char *json, size_t len), void *user,
                            anp_error *err) {
    if (!s || !visit) {
        return missing(err, s ? "visit" : "the snapshot");
    }
    export e = {.snapshot = s->inner, .visit = visit, .user = user};
    return export_all(&e, err);
}

anp_status anp_posts_salvage(anp_snapshot *s,
                             bool (*visit)(void *user, const char *json, size_t len),
                             void (*damaged)(void *user, const char *message), void *user,
                             anp_error *err) {
    if (!s || !visit || !damaged) {
        return missing(err, !s ? "the snapshot" : !visit ? "visit" : "damaged");
    }
    export e = {s->inner, visit, damaged, user, 0};
    return export_all(&e, err);
}
