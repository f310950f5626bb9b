/*
 * The order of things: filter, parse, plan, match, score, fetch. See query.h.
 *
 * The sets of a plan are the only memory outside of arenas; each function below frees what it had
 * made.
 */
#include "query/query.h"

#include "index/cells.h"
#include "post/post.h"
#include "query/evaluate.h"
#include "query/explain.h"
#include "query/match.h"
#include "query/score.h"
#include "query/snippet.h"

#include <time.h>

static anp_status field_find(void *user, str name, snapshot_field *out, anp_error *err) {
    return snapshot_field_find(user, name, out, err);
}

static anp_status make_filter(snapshot *s, str expression, bitmap **out, anp_error *err) {
    query_syntax syntax = {.strict = true, .filter = true, .field_find = field_find, .user = s};
    arena memory = {0};
    query_ast ast;
    query_plan plan = {0};
    *out = NULL;
    anp_status status = query_parse(expression, &syntax, &memory, &ast, err);
    if (status == ANP_OK) {
        status = plan_make(s, &ast, (plan_settings){.text = expression}, &memory, &plan, err);
    }
    if (status == ANP_OK && ast.root && !plan.root) {
        status = error_at(err, ANP_SYNTAX, 0,
                          "cannot parse the filter at byte 0: expected a word, found only marks; "
                          "leave the filter out to have all posts");
    } else if (status == ANP_OK && !plan.root) {
        /* No clause: no restriction. */
        *out = bitmap_new();
        if (!*out || !bitmap_add_range(*out, 0, snapshot_docno_end(s)) ||
            !bitmap_andnot(*out, snapshot_deleted(s))) {
            status = error_nomem(err, "a filter");
        }
    } else if (status == ANP_OK) {
        status = match_run(s, &plan, NULL, err);
        if (status == ANP_OK) {
            *out = plan.root->match;
            plan.root->match = NULL;
        }
    }
    match_free(&plan);
    arena_free(&memory);
    if (status != ANP_OK) {
        bitmap_free(*out);
        *out = NULL;
    }
    return status;
}

anp_status query_filter(snapshot *s, str expression, bitmap **out, anp_error *err) {
    *out = NULL;
    TRY(cells_begin(s, err));
    return make_filter(s, expression, out, err);
}

/* What one run of a query hands from step to step. */
typedef struct query_work {
    snapshot *snapshot;
    const query_request *request;
    arena *perm;
    arena *memory; /* of all but the answer: the snapshot's; explanations quote the plan, and have
                      it in perm */
    query_plan plan;
    scorer_list scorers;
    bitmap *filter; /* NULL: none */
    top_list top;
    query_answer *answer;
    anp_error *err;
} query_work;

static anp_status parse_and_plan(query_work *w) {
    const query_request *request = w->request;
    query_syntax syntax = {.all_words = (request->flags & ANP_QUERY_AND) != 0,
                           .strict = (request->flags & ANP_QUERY_STRICT_SYNTAX) != 0,
                           .field_find = field_find,
                           .user = w->snapshot};
    plan_settings settings = {.all_words = syntax.all_words,
                              .keep_stopwords = (request->flags & ANP_QUERY_KEEP_STOPWORDS) != 0,
                              .text = request->text};
    query_ast ast;
    TRY(query_parse(request->text, &syntax, w->memory, &ast, w->err));
    if (ast.note.len) {
        w->answer->note = arena_str(w->perm, ast.note);
        TRY(w->answer->note.data ? ANP_OK : error_nomem(w->err, "a query's notes"));
    }
    TRY(plan_make(w->snapshot, &ast, settings, w->memory, &w->plan, w->err));
    if (str_trim(request->filter).len) {
        TRY(make_filter(w->snapshot, request->filter, &w->filter, w->err));
    }
    return ANP_OK;
}

static bool wants_hits(const query_work *w) {
    return w->request->k && !(w->request->flags & ANP_QUERY_COUNT_ONLY);
}

/* Every match is scored. Explanations are of its scorers. */
static anp_status rank_in_full(query_work *w) {
    TRY(match_run(w->snapshot, &w->plan, w->filter, w->err));
    w->answer->total = w->plan.root ? bitmap_count(w->plan.root->match) : 0;
    if (!w->answer->total || !wants_hits(w)) {
        return ANP_OK;
    }
    uint64_t kept = (uint64_t)w->request->offset + w->request->k;
    kept = kept < w->answer->total ? kept : w->answer->total;
    if (!top_make(&w->top, (size_t)kept, w->memory)) {
        return error_nomem(w->err, "the best posts of a query");
    }
    TRY(scorers_make(w->snapshot, &w->plan, &w->request->rank, w->memory, &w->scorers, w->err));
    return score_run(w->snapshot, &w->scorers, w->plan.root->match, &w->request->rank, &w->top,
                     w->err);
}

/* The posts that hold one word, where nothing else is asked for: so many as its lists have that
   live. */
static bool count_one_word(query_work *w) {
    const query_request *request = w->request;
    const plan_node *root = w->plan.root, *only = root ? root->first : NULL;
    if (!only || only->next || only->kind != PLAN_TERM || only->occur == QUERY_MUST_NOT ||
        !only->terms[0]->lists || wants_hits(w) || w->filter || request->trace ||
        request->in_full) {
        return false;
    }
    w->answer->total = only->terms[0]->lists->df;
    return true;
}

static anp_status rank_posts(query_work *w) {
    const query_request *request = w->request;
    evaluate_request wanted = {.plan = &w->plan,
                               .filter = w->filter,
                               .rank = &request->rank,
                               .count = !(request->flags & ANP_QUERY_NO_TOTAL),
                               .k = wants_hits(w) ? request->offset + request->k : 0};
    bool answered = false;
    if (count_one_word(w)) {
        return ANP_OK;
    }
    if (!request->in_full && !(request->flags & ANP_QUERY_EXPLAIN)) {
        TRY(evaluate(w->snapshot, &wanted, w->memory, &w->top, &w->answer->total, &answered,
                     request->trace, w->err));
    }
    if (!answered) {
        TRY(rank_in_full(w));
        if (request->trace) {
            request->trace->in_full = true;
        }
    }
    top_sort(&w->top, w->memory);
    return ANP_OK;
}

/* Title and snippet, where posts are stored. */
static anp_status fetch_text(query_work *w, anp_hit *hit, const snippet_terms *terms) {
    const query_request *request = w->request;
    snippet_settings settings = {request->snippet_words, request->mark_open, request->mark_close,
                                 (request->flags & ANP_QUERY_ESCAPE_HTML) != 0};
    arena scratch = {0};
    str json, title = STR(""), body = STR("");
    anp_status status = ANP_OK;
    if (snapshot_stores_posts(w->snapshot)) {
        status = snapshot_post(w->snapshot, hit->ordinal, &scratch, &json, w->err);
        if (status == ANP_OK) {
            status = post_title_body(json, &scratch, &title, &body, w->err);
        }
    }
    if (status == ANP_OK) {
        hit->title = arena_str(w->perm, title).data;
        status = hit->title ? ANP_OK : error_nomem(w->err, "a title");
    }
    if (status == ANP_OK && request->snippet_words) {
        str snippet;
        status = snippet_make(snapshot_analyzer(w->snapshot), body, terms, &settings, w->perm,
                              &snippet, w->err);
        hit->snippet = status == ANP_OK ? snippet.data : NULL;
    }
    arena_free(&scratch);
    return status;
}

static anp_status fetch_hits(query_work *w) {
    const query_request *request = w->request;
    query_answer *answer = w->answer;
    size_t first = request->offset < w->top.count ? request->offset : w->top.count;
    snippet_terms terms;
    if (request->snippet_words) {
        TRY(snippet_terms_make(&w->plan, w->memory, &terms, w->err));
    }
    size_t count = w->top.count - first;
    answer->hits = arena_alloc(w->perm, (count + 1) * sizeof *answer->hits);
    if (request->flags & ANP_QUERY_EXPLAIN) {
        answer->explanations = (const query_explanation **)arena_array(w->perm, void *, count + 1);
    }
    if (!answer->hits || (request->flags & ANP_QUERY_EXPLAIN && !answer->explanations)) {
        return error_nomem(w->err, "the hits of a query");
    }
    for (size_t i = 0; i < count; i++) {
        const scored *item = &w->top.items[first + i];
        anp_hit *hit = &answer->hits[i];
        *hit = (anp_hit){.rank = request->offset + (uint32_t)i + 1,
                         .id = "",
                         .title = "",
                         .score = item->score,
                         .bm25 = (double)item->units / RANK_ONE,
                         .prior = item->prior,
                         .ordinal = item->docno};
        if (!(request->flags & ANP_QUERY_ORDINALS)) {
            str id;
            TRY(snapshot_id(w->snapshot, item->docno, w->perm, &id, w->err));
            hit->id = id.data;
            TRY(fetch_text(w, hit, &terms));
        }
        if (request->flags & ANP_QUERY_EXPLAIN) {
            query_explanation *explanation;
            TRY(explain_make(w->snapshot, &w->scorers, item, request->text, &request->rank, w->perm,
                             &explanation, w->err));
            answer->explanations[i] = explanation;
        }
        answer->hit_count++;
    }
    return ANP_OK;
}

static double clock_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static anp_status run(query_work *w) {
    const query_request *request = w->request;
    if ((uint64_t)request->offset + request->k > RESULTS_MAX) {
        return error_set(w->err, ANP_LIMIT,
                         "cannot list hits up to rank %llu: at most %d are held; lower k or offset",
                         (unsigned long long)request->offset + request->k, (int)RESULTS_MAX);
    }
    evaluate_trace *trace = request->trace;
    double start = trace ? clock_now_us() : 0, planned = 0, ranked = 0;
    if (trace) {
        trace->memory = w->perm;
    }
    TRY(cells_begin(w->snapshot, w->err));
    TRY(parse_and_plan(w));
    planned = trace ? clock_now_us() : 0;
    TRY(rank_posts(w));
    ranked = trace ? clock_now_us() : 0;
    if (w->top.count) {
        TRY(fetch_hits(w));
    }
    if (trace) {
        trace->plan_us = planned - start;
        trace->rank_us = ranked - planned;
        trace->fetch_us = clock_now_us() - ranked;
    }
    return ANP_OK;
}

anp_status query_run(snapshot *s, const query_request *request, arena *perm, query_answer *out,
                     anp_error *err) {
    query_work w = {.snapshot = s, .request = request, .perm = perm, .answer = out, .err = err};
    bool quoted = request->flags & ANP_QUERY_EXPLAIN;
    w.memory = quoted ? perm : snapshot_scratch(s);
    *out = (query_answer){0};
    anp_status status = run(&w);
    match_free(&w.plan);
    bitmap_free(w.filter);
    return status;
}
