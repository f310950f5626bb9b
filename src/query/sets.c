/*
 * The posts of parts of the plan, by cell: bits that are put together as groups say.
 *
 *     (+redis -"owner note" stack:aws)     bits of redis' list in the cell, less those of the
 *                                          phrase's posts
 *
 * A word's bits are its list. The posts of phrases and values are found once for the query and kept
 * as sets, which all choices share; phrases only where the words are that each match needs. A group
 * costs an AND or OR of 8 KiB a clause and cell.
 *
 * KEEP IN STEP: match_group (match.c) says the same of whole bitmaps.
 */
#include "query/evaluation.h"

/* ---- Phrases and values -------------------------------------------------------------------- */

static anp_status add_posts(evaluation *e, bitmap *posts) {
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        TRY(eval_find_candidates(e, ec));
        TRY(eval_phrases_keep(e, ec));
        TRY(ec->count && !ec->docs ? eval_candidate_docs(e, ec) : ANP_OK);
        if (ec->count && !bitmap_add_window(posts, ec->c->first, ec->docs, ec->count)) {
            return eval_nomem(e);
        }
    }
    return ANP_OK;
}

/* The clauses of a query of a phrase and of the words that each match needs. */
static plan_node *make_clauses(const evaluation *e, const plan_node *phrase, plan_node *root,
                               uint32_t *words) {
    plan_node *clauses = arena_array(e->memory, plan_node, e->needed_count + 1);
    *words = phrase->term_count + e->needed_count;
    for (uint32_t i = 0; clauses && i <= e->needed_count; i++) {
        clauses[i] = i ? *e->needed[i - 1] : *phrase;
        clauses[i].occur = QUERY_MUST;
        clauses[i].next = i < e->needed_count ? &clauses[i + 1] : NULL;
    }
    root->kind = PLAN_GROUP;
    root->first = clauses;
    return clauses;
}

/* The posts of a phrase that may be matches of the query; *known false: it has too many words. */
static anp_status find_phrase(const evaluation *whole, const plan_node *phrase, bitmap *posts,
                              bool *known) {
    plan_node root = {0};
    query_plan plan = {.root = &root};
    evaluate_request request = {.plan = &plan, .filter = whole->request->filter,
                                .rank = whole->request->rank};
    evaluation e = {.snapshot = whole->snapshot, .request = &request, .memory = whole->memory,
                    .err = whole->err, .lanes = whole->lanes, .sets = whole->sets,
                    .lists = whole->lists, .title_weight = whole->title_weight,
                    .prior = whole->prior};
    if (!make_clauses(whole, phrase, &root, &plan.clause_count)) {
        return eval_nomem(whole);
    }
    anp_status status = eval_prepare(&e, known);
    if (status == ANP_OK && *known && !eval_is_empty(&e)) {
        status = add_posts(&e, posts);
    }
    eval_close(&e);
    return status;
}

static anp_status make_value(const evaluation *e, const query_node *value, eval_set *out) {
    snapshot *s = e->snapshot;
    uint32_t windows = snapshot_window_count(s), field = value->meta.number;
    if (value->has_text && value->text.len <= FACET_BYTES_MAX) {
        TRY(snapshot_facet(s, field, value->text, &out->posts, e->err));
    }
    if (value->range_count) {
        out->ranges = calloc((size_t)windows * KERNEL_WORDS + 1, sizeof *out->ranges);
        TRY(out->ranges ? ANP_OK : eval_nomem(e));
    }
    for (uint32_t i = 0; i < value->range_count; i++) {
        for (uint32_t window = 0; window < windows; window++) {
            uint64_t *bits = out->ranges + (size_t)window * KERNEL_WORDS;
            TRY(snapshot_range_bits(s, field, value->ranges[i], window, bits, e->err));
        }
    }
    return ANP_OK;
}

static anp_status make_posts(const evaluation *e, plan_node *node, bitmap **out) {
    bool known = false;
    if (node->kind == PLAN_PHRASE) {
        *out = bitmap_new();
        anp_status status = *out ? find_phrase(e, node, *out, &known) : eval_nomem(e);
        if (status != ANP_OK || !known) {
            bitmap_free(*out);
            *out = NULL;
        }
        TRY(status);
    }
    return known ? ANP_OK : match_posts(e->snapshot, node, out, e->err);
}

static const eval_set *set_of(const evaluation *e, const plan_node *node) {
    const eval_sets *sets = e->sets_made;
    for (uint32_t i = 0; i < sets->count; i++) {
        if (sets->items[i].node == node) {
            return &sets->items[i];
        }
    }
    return NULL;
}

anp_status eval_set_find(evaluation *e, plan_node *node) {
    eval_sets *sets = e->sets_made;
    for (plan_node *child = node->first; child; child = child->next) {
        TRY(eval_set_find(e, child));
    }
    bool kept = node->kind == PLAN_PHRASE || node->kind == PLAN_VALUE;
    if (!kept || set_of(e, node)) {
        return ANP_OK;
    }
    eval_set *made = &sets->items[sets->count++];
    made->node = node;
    return node->kind == PLAN_VALUE ? make_value(e, node->source, made)
                                    : make_posts(e, node, &made->posts);
}

/* ---- Bits ---------------------------------------------------------------------------------- */

static anp_status term_words(evaluation *e, const eval_cell *ec, const plan_node *node,
                             uint64_t *words) {
    const cell_list *in = cells_list_in(node->terms[0]->lists, eval_cell_number(e, ec));
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    if (in && in->list.container_kind == LIST_BITSET) {
        memcpy(words, in->list.container, KERNEL_WORDS * sizeof *words);
    } else if (in) {
        uint16_t *docs = arena_alloc(e->memory, in->list.count * sizeof *docs);
        if (!docs) {
            return eval_nomem(e);
        }
        e->sets->set(words, docs, list_docs(&in->list, docs));
    }
    return ANP_OK;
}

anp_status eval_bitmap_words(evaluation *e, const eval_cell *ec, const bitmap *set,
                             uint64_t *words) {
    arena_mark mark = arena_save(e->memory);
    uint16_t *docs = arena_alloc(e->memory, WINDOW_DOCS * sizeof *docs);
    if (!docs) {
        return eval_nomem(e);
    }
    eval_set_words(e, words, docs, bitmap_window(set, ec->c->first, docs));
    arena_rewind(e->memory, mark);
    return ANP_OK;
}

static anp_status set_words(evaluation *e, const eval_cell *ec, const eval_set *set,
                            uint64_t *words) {
    size_t window = ec->c->first >> WINDOW_BITS;
    if (set->posts) {
        TRY(eval_bitmap_words(e, ec, set->posts, words));
    } else {
        memset(words, 0, KERNEL_WORDS * sizeof *words);
    }
    if (set->ranges) {
        e->sets->or_into(words, (const uint8_t *)(set->ranges + window * KERNEL_WORDS));
    }
    return ANP_OK;
}

/* Posts with a word in that field. */
static anp_status present_words(const evaluation *e, const cell *c, index_field field,
                                uint64_t *words) {
    if (field == INDEX_TEXT) {
        memset(words, 0xff, KERNEL_WORDS * sizeof *words);
        return ANP_OK;
    }
    TRY(cells_open(e->snapshot, c, e->err));
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    for (uint32_t low = c->from; low < c->end; low++) {
        words[low / 64] |= (uint64_t)(cell_length(c, field, 1, low) > 0) << low % 64;
    }
    return ANP_OK;
}

/* What has been joined of a group's clauses of one kind. */
typedef struct joined {
    uint64_t *words;
    bool any;
} joined;

static void join(const evaluation *e, joined *to, const uint64_t *words, bool all) {
    if (!to->any) {
        memcpy(to->words, words, KERNEL_WORDS * sizeof *words);
        to->any = true;
    } else if (all) {
        e->sets->and_into(to->words, (const uint8_t *)words);
    } else {
        e->sets->or_into(to->words, (const uint8_t *)words);
    }
}

static anp_status group_words(evaluation *e, const eval_cell *ec, const plan_node *group,
                              uint64_t *words) {
    joined needed = {.words = words}, optional = {.words = eval_words(e)};
    joined excluded = {.words = eval_words(e)};
    uint64_t *clause = eval_words(e);
    if (!optional.words || !excluded.words || !clause) {
        return eval_nomem(e);
    }
    for (const plan_node *node = group->first; node; node = node->next) {
        joined *to = node->occur == QUERY_MUST       ? &needed
                     : node->occur == QUERY_MUST_NOT ? &excluded
                                                     : &optional;
        TRY(eval_node_words(e, ec, node, clause));
        join(e, to, clause, to == &needed);
    }
    if (!needed.any && optional.any) {
        memcpy(words, optional.words, KERNEL_WORDS * sizeof *words);
    } else if (!needed.any) {
        memset(words, 0xff, KERNEL_WORDS * sizeof *words);
    }
    if (excluded.any) {
        e->sets->andnot_into(words, (const uint8_t *)excluded.words);
    }
    return ANP_OK;
}

anp_status eval_node_words(evaluation *e, const eval_cell *ec, const plan_node *node,
                           uint64_t *words) {
    arena_mark mark = arena_save(e->memory);
    anp_status status = node->kind == PLAN_TERM    ? term_words(e, ec, node, words)
                        : node->kind == PLAN_GROUP ? group_words(e, ec, node, words)
                        : node->kind == PLAN_ALL
                            ? present_words(e, ec->c, node->source->field, words)
                            : set_words(e, ec, set_of(e, node), words);
    arena_rewind(e->memory, mark);
    return status;
}

void eval_all_words(const cell *c, uint64_t *words) {
    uint32_t first = c->from / 64, last = (c->end - 1) / 64;
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    if (c->from >= c->end) {
        return;
    }
    memset(words + first, UINT8_MAX, (last - first + 1) * sizeof *words);
    words[first] &= UINT64_MAX << c->from % 64;
    words[last] &= UINT64_MAX >> (63 - (c->end - 1) % 64);
}
