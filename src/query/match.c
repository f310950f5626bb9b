/*
 * The set algebra of a plan. See match.h.
 *
 *     group = (AND of the needed | OR of the optional | everything) less the excluded
 *
 * where the optional only count when nothing is needed. Bottom-up each node makes its set; then
 * top-down each set that scores is cut to the set of the group around it.
 */
#include "query/match.h"

static anp_status nomem(anp_error *err) {
    return error_nomem(err, "the posts that match a query");
}

typedef struct matcher {
    snapshot *snapshot;
    arena scratch;
    anp_error *err;
} matcher;

static anp_status match_node(matcher *m, plan_node *node, bitmap **out);

/* Every ordinal, dead ones too. */
static anp_status match_everything(matcher *m, bitmap **out) {
    *out = bitmap_new();
    bool made = *out && bitmap_add_range(*out, 0, snapshot_docno_end(m->snapshot));
    return made ? ANP_OK : nomem(m->err);
}

/* Posts with a word in that field. */
static anp_status match_present(matcher *m, index_field field, bitmap **out) {
    if (field == INDEX_TEXT) {
        return match_everything(m, out);
    }
    *out = bitmap_new();
    if (!*out) {
        return nomem(m->err);
    }
    for (uint32_t w = 0; w < snapshot_window_count(m->snapshot); w++) {
        window_columns columns;
        TRY(snapshot_columns(m->snapshot, w, &columns, m->err));
        for (uint32_t i = 0; i < columns.count; i++) {
            if (columns.lengths[field][i] && !bitmap_add(*out, (w << WINDOW_BITS) + i)) {
                return nomem(m->err);
            }
        }
    }
    return ANP_OK;
}

static anp_status match_term(matcher *m, const plan_term *term, index_field field, bitmap **out) {
    if (term->number == PLAN_UNKNOWN) {
        *out = bitmap_new();
        return *out ? ANP_OK : nomem(m->err);
    }
    return snapshot_term_bitmap(m->snapshot, field, term->number, out, m->err);
}

/* Whether the phrase stands in that field of that post. */
static anp_status test_phrase(matcher *m, const plan_node *node, index_field field, uint32_t docno,
                              phrase_words *words, bool *found) {
    arena_mark mark = arena_save(&m->scratch);
    const uint32_t **lists = arena_array(&m->scratch, const uint32_t *, node->term_count);
    uint32_t *counts = arena_array(&m->scratch, uint32_t, node->term_count);
    anp_status status = lists && counts ? ANP_OK : nomem(m->err);
    for (uint32_t i = 0; i < node->term_count && status == ANP_OK; i++) {
        uint32_t before = words->before[i];
        if (before != PHRASE_FIRST) {
            lists[i] = lists[before];
            counts[i] = counts[before];
        } else {
            status = snapshot_positions(m->snapshot, field, node->terms[i]->number, docno,
                                        &m->scratch, &lists[i], &counts[i], m->err);
        }
    }
    if (status == ANP_OK) {
        words->lists = lists;
        words->list_counts = counts;
        *found = phrase_match(words, node->source->slop);
    }
    arena_rewind(&m->scratch, mark);
    return status;
}

/* Posts with all the words in that field: what is left to test. */
static anp_status match_all_words(matcher *m, const plan_node *node, index_field field,
                                  bitmap **out) {
    for (uint32_t i = 0; i < node->term_count; i++) {
        bitmap *one = NULL;
        anp_status status = match_term(m, node->terms[i], field, &one);
        if (status == ANP_OK && *out) {
            bitmap_and(*out, one);
        } else if (status == ANP_OK) {
            *out = one;
            one = NULL;
        }
        bitmap_free(one);
        TRY(status);
    }
    return bitmap_andnot(*out, snapshot_deleted(m->snapshot)) ? ANP_OK : nomem(m->err);
}

static anp_status match_phrase_in(matcher *m, const plan_node *node, index_field field,
                                  phrase_words *words, bitmap *out) {
    bitmap *left = NULL;
    anp_status status = match_all_words(m, node, field, &left);
    uint32_t docno = 0;
    for (uint64_t from = 0; status == ANP_OK && from <= DOCNO_MAX &&
                            bitmap_next(left, (uint32_t)from, &docno);
         from = (uint64_t)docno + 1) {
        bool found = false;
        status = test_phrase(m, node, field, docno, words, &found);
        if (found && !bitmap_add(out, docno)) {
            status = nomem(m->err);
        }
    }
    bitmap_free(left);
    return status;
}

static anp_status match_phrase(matcher *m, const plan_node *node, bitmap **out) {
    index_field field = node->source->field;
    uint32_t *before = arena_array(&m->scratch, uint32_t, node->term_count);
    *out = bitmap_new();
    if (!before || !*out) {
        return nomem(m->err);
    }
    for (uint32_t i = 0; i < node->term_count; i++) {
        before[i] = PHRASE_FIRST;
        for (uint32_t k = 0; k < i; k++) {
            before[i] = node->terms[k] == node->terms[i] ? k : before[i];
        }
    }
    phrase_words words = {.count = node->term_count, .offsets = node->offsets, .before = before};
    if (field == INDEX_TITLE || (field == INDEX_TEXT && snapshot_title_weight(m->snapshot))) {
        TRY(match_phrase_in(m, node, INDEX_TITLE, &words, *out));
    }
    if (field != INDEX_TITLE) {
        TRY(match_phrase_in(m, node, INDEX_BODY, &words, *out));
    }
    return ANP_OK;
}

static anp_status match_value(matcher *m, const query_node *value, bitmap **out) {
    *out = bitmap_new();
    if (!*out) {
        return nomem(m->err);
    }
    if (value->has_text && value->text.len <= FACET_BYTES_MAX) {
        bitmap *posts = NULL;
        TRY(snapshot_facet(m->snapshot, value->meta.number, value->text, &posts, m->err));
        bitmap_or(*out, posts);
        bitmap_free(posts);
    }
    for (uint32_t i = 0; i < value->range_count; i++) {
        bitmap *posts = NULL;
        TRY(snapshot_range(m->snapshot, value->meta.number, value->ranges[i], &posts, m->err));
        bitmap_or(*out, posts);
        bitmap_free(posts);
    }
    return ANP_OK;
}

/* One clause of a group into the group's sets. */
static anp_status join(matcher *m, plan_node *child, bitmap **needed, bitmap **optional,
                       bitmap **excluded) {
    bitmap *posts = NULL;
    anp_status status = match_node(m, child, &posts);
    if (status != ANP_OK) {
        bitmap_free(posts);
        return status;
    }
    bitmap **set = child->occur == QUERY_MUST       ? needed
                   : child->occur == QUERY_MUST_NOT ? excluded
                                                    : optional;
    bool scores = child->occur != QUERY_MUST_NOT && child->kind != PLAN_TERM;
    if (scores) {
        child->match = posts;
        posts = NULL;
    }
    const bitmap *from = scores ? child->match : posts;
    if (!*set && !(*set = bitmap_copy(from))) {
        status = nomem(m->err);
    } else if (set == needed) {
        bitmap_and(*set, from);
    } else {
        bitmap_or(*set, from);
    }
    bitmap_free(posts);
    return status;
}

static anp_status match_group(matcher *m, plan_node *node, bitmap **out) {
    bitmap *needed = NULL, *optional = NULL, *excluded = NULL;
    anp_status status = ANP_OK;
    for (plan_node *child = node->first; child && status == ANP_OK; child = child->next) {
        status = join(m, child, &needed, &optional, &excluded);
    }
    if (status == ANP_OK) {
        bitmap **chosen = needed ? &needed : &optional;
        *out = *chosen;
        *chosen = NULL;
        if (!*out) {
            status = match_everything(m, out);
        }
    }
    if (status == ANP_OK && excluded) {
        bitmap_andnot(*out, excluded);
    }
    bitmap_free(needed);
    bitmap_free(optional);
    bitmap_free(excluded);
    return status;
}

static anp_status match_kind(matcher *m, plan_node *node, bitmap **out) {
    switch (node->kind) {
    case PLAN_TERM:
        return match_term(m, node->terms[0], node->terms[0]->field, out);
    case PLAN_PHRASE:
        return match_phrase(m, node, out);
    case PLAN_VALUE:
        return match_value(m, node->source, out);
    case PLAN_ALL:
        return match_present(m, node->source->field, out);
    case PLAN_GROUP:
    default:
        return match_group(m, node, out);
    }
}

/* *out is the caller's, also after a failure. */
static anp_status match_node(matcher *m, plan_node *node, bitmap **out) {
    *out = NULL;
    anp_status status = match_kind(m, node, out);
    return status == ANP_OK && bitmap_failed(*out) ? nomem(m->err) : status;
}

anp_status match_posts(snapshot *s, plan_node *node, bitmap **out, anp_error *err) {
    matcher m = {.snapshot = s, .err = err};
    anp_status status = match_node(&m, node, out);
    arena_free(&m.scratch);
    if (status != ANP_OK) {
        bitmap_free(*out);
        *out = NULL;
    }
    return status;
}

/* Cuts what scores inside a group to where the group counts; false when memory is out. */
static bool narrow(plan_node *node) {
    for (plan_node *child = node->first; child; child = child->next) {
        if (child->match && !(bitmap_and(child->match, node->match) && narrow(child))) {
            return false;
        }
    }
    return true;
}

static void free_node(plan_node *node) {
    bitmap_free(node->match);
    node->match = NULL;
    for (plan_node *child = node->first; child; child = child->next) {
        free_node(child);
    }
}

void match_free(query_plan *plan) {
    if (plan->root) {
        free_node(plan->root);
    }
}

anp_status match_run(snapshot *s, query_plan *plan, const bitmap *filter, anp_error *err) {
    matcher m = {.snapshot = s, .err = err};
    if (!plan->root) {
        return ANP_OK;
    }
    match_free(plan); /* what match_posts left */
    anp_status status = match_node(&m, plan->root, &plan->root->match);
    arena_free(&m.scratch);
    TRY(status);
    bitmap *match = plan->root->match;
    bool done = bitmap_andnot(match, snapshot_deleted(s)) &&
                (!filter || bitmap_and(match, filter)) && narrow(plan->root);
    return done ? ANP_OK : nomem(err);
}
