/*
 * A plan to what the evaluator knows: terms that score, some of them required; terms and sets that
 * are excluded; sets and phrases that are required. Of what is optional and is no word, a choice is
 * required and the rest is left out (alternatives.c).
 *
 *     +cache redis -varnish "owner note"    terms cache (required), redis; excluded varnish; with
 *                                           the choice also owner, note (required); a phrase
 *     (redis memcached) cache               terms redis, memcached, cache: where a word of such a
 *                                           group stands, the group counts
 *     +"owner note" +stack:redis            terms owner, note (required); a phrase; a set
 *
 * KEEP IN STEP: scorers_make (score.c) makes the same terms in the same groups, so that sums are
 * rounded alike.
 */
#include "query/evaluation.h"

typedef struct shaper {
    evaluation *e;
    bool known;
} shaper;

/* A scoring term; those from `first` on are of the same group: equal ones are one. */
static anp_status add_term(shaper *s, const plan_node *node, const plan_term *term, bool required,
                           uint32_t first) {
    evaluation *e = s->e;
    const term_lists *lists = term->lists;
    if (!lists) {
        s->known = false;
        return ANP_OK;
    }
    if (lists->df == 0) {
        e->impossible |= required;
        return ANP_OK;
    }
    for (uint32_t i = first; i < e->term_count; i++) {
        if (e->terms[i].lists == lists) {
            e->terms[i].boost += node->boost;
            e->required_count += required && !e->terms[i].required;
            e->terms[i].required |= required;
            return ANP_OK;
        }
    }
    if (e->term_count == e->room) {
        s->known = false;
        return ANP_OK;
    }
    e->terms[e->term_count++] =
        (eval_term){.lists = lists, .boost = node->boost, .required = required};
    e->required_count += required;
    return ANP_OK;
}

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

/* The posts that a query of the phrase alone finds; *known false: it is of another kind. */
static anp_status find_phrase(const evaluation *whole, const plan_node *phrase, bitmap *posts,
                              bool *known) {
    plan_node clause = *phrase, root = {.kind = PLAN_GROUP, .first = &clause};
    query_plan plan = {.root = &root, .clause_count = phrase->term_count};
    evaluate_request request = {.plan = &plan, .filter = whole->request->filter,
                                .rank = whole->request->rank};
    evaluation e = {.snapshot = whole->snapshot, .request = &request, .memory = whole->memory,
                    .err = whole->err, .lanes = whole->lanes, .sets = whole->sets,
                    .lists = whole->lists, .title_weight = whole->title_weight,
                    .prior = whole->prior};
    clause.occur = QUERY_MUST;
    clause.next = NULL;
    anp_status status = eval_prepare(&e, known);
    if (status == ANP_OK && *known && !eval_is_empty(&e)) {
        status = add_posts(&e, posts);
    }
    eval_close(&e);
    return status;
}

static anp_status make_set(const evaluation *e, plan_node *node, bitmap **out) {
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

/* The posts of a node, made once for all choices. */
static anp_status find_set(shaper *s, plan_node *node, const bitmap **out) {
    eval_sets *sets = s->e->sets_made;
    for (uint32_t i = 0; i < sets->count; i++) {
        if (sets->items[i].node == node) {
            *out = sets->items[i].posts;
            return ANP_OK;
        }
    }
    eval_set *made = &sets->items[sets->count];
    made->node = node;
    TRY(make_set(s->e, node, &made->posts));
    sets->count++;
    *out = made->posts;
    return ANP_OK;
}

static anp_status add_set(shaper *s, plan_node *node, const bitmap **sets, uint32_t *count) {
    if (*count == s->e->room) {
        s->known = false;
        return ANP_OK;
    }
    TRY(find_set(s, node, &sets[*count]));
    ++*count;
    return ANP_OK;
}

static anp_status add_excluded(shaper *s, plan_node *node) {
    evaluation *e = s->e;
    const term_lists *lists = node->kind == PLAN_TERM ? node->terms[0]->lists : NULL;
    if (!lists) {
        return add_set(s, node, e->excluded_sets, &e->excluded_set_count);
    }
    if (e->excluded_count == e->room) {
        s->known = false;
        return ANP_OK;
    }
    if (lists->df) {
        e->excluded[e->excluded_count++] = lists;
    }
    return ANP_OK;
}

static anp_status add_phrase(shaper *s, plan_node *node) {
    evaluation *e = s->e;
    index_field field = node->source->field;
    uint32_t first = e->term_count;
    if (field == INDEX_BODY || e->phrase_count == e->room) {
        s->known = false;
        return ANP_OK;
    }
    eval_phrase *p = &e->phrases[e->phrase_count];
    *p = (eval_phrase){.node = node};
    p->body = (const term_lists **)arena_array(e->memory, void *, node->term_count);
    p->title = (const term_lists **)arena_array(e->memory, void *, node->term_count);
    p->before = arena_array(e->memory, uint32_t, node->term_count);
    if (!p->body || !p->title || !p->before) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < node->term_count; i++) {
        const plan_term *term = node->terms[i];
        TRY(add_term(s, node, term, true, first));
        p->body[i] = term->lists;
        TRY(cells_term(e->snapshot, INDEX_TITLE, term->term, &p->title[i], e->err));
        p->before[i] = PHRASE_FIRST;
        for (uint32_t k = 0; k < i; k++) {
            p->before[i] = node->terms[k] == term ? k : p->before[i];
        }
    }
    e->phrase_count++;
    return eval_find_pairs(e, p);
}

/* A group that counts wherever one of its words stands, so that they are optional by themselves. */
static bool is_union(const plan_node *group) {
    bool words = group->kind == PLAN_GROUP && group->first;
    for (const plan_node *node = group->first; node && words; node = node->next) {
        words = node->occur == QUERY_SHOULD && (node->kind == PLAN_TERM || is_union(node));
    }
    return words;
}

/* A group's terms, wherever they are, then those of the unions in it, as in scorers_make. */
static anp_status add_words(shaper *s, const plan_node *group) {
    uint32_t first = s->e->term_count;
    for (const plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind == PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            TRY(add_term(s, node, node->terms[0], false, first));
        }
    }
    for (const plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind != PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            s->known = is_union(node);
            TRY(s->known ? add_words(s, node) : ANP_OK);
        }
    }
    return ANP_OK;
}

/* A group that is required as a whole: its set, and its words wherever they are. */
static anp_status add_required_group(shaper *s, plan_node *group) {
    TRY(add_words(s, group));
    return s->known ? add_set(s, group, s->e->required_sets, &s->e->required_set_count) : ANP_OK;
}

static anp_status add_required(shaper *s, plan_node *node) {
    evaluation *e = s->e;
    if (node->kind == PLAN_PHRASE) {
        return add_phrase(s, node);
    }
    if (node->kind == PLAN_GROUP) {
        return add_required_group(s, node);
    }
    double units = (double)e->constant + rint(node->boost * RANK_ONE);
    if (units > EVAL_UNITS_MAX) {
        s->known = false;
        return ANP_OK;
    }
    e->constant = (int32_t)units;
    return add_set(s, node, e->required_sets, &e->required_set_count);
}

static uint32_t count_wanted(const plan_node *root) {
    uint32_t wanted = 0;
    for (const plan_node *node = root->first; node; node = node->next) {
        wanted += node->occur != QUERY_MUST_NOT;
    }
    return wanted;
}

/* Optional beside others, and no word. */
static bool is_choice(const plan_node *node, uint32_t wanted) {
    return node->occur == QUERY_SHOULD && node->kind != PLAN_TERM && !is_union(node) && wanted > 1;
}

/* Terms of the root group first, then what else stands in it, as in scorers_make. */
static anp_status add_root(shaper *s, plan_node *root) {
    uint32_t wanted = count_wanted(root), choices = 0;
    s->known = wanted > 0;
    for (plan_node *node = root->first; node && s->known; node = node->next) {
        if (node->kind == PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            TRY(add_term(s, node, node->terms[0], node->occur == QUERY_MUST, 0));
        }
    }
    for (plan_node *node = root->first; node && s->known; node = node->next) {
        if (node->occur == QUERY_MUST_NOT) {
            TRY(add_excluded(s, node));
        } else if (is_choice(node, wanted)) {
            TRY(s->e->chosen >> choices++ & 1 ? add_required(s, node) : ANP_OK);
        } else if (node->occur == QUERY_SHOULD && is_union(node)) {
            TRY(add_words(s, node));
        } else if (node->kind != PLAN_TERM) {
            TRY(add_required(s, node));
        }
    }
    return ANP_OK;
}

uint32_t eval_choices(const query_plan *plan, bool *requires) {
    const plan_node *root = plan->root;
    uint32_t wanted, choices = 0;
    *requires = false;
    if (!root || root->kind != PLAN_GROUP) {
        return 0;
    }
    wanted = count_wanted(root);
    for (const plan_node *node = root->first; node; node = node->next) {
        choices += is_choice(node, wanted);
        *requires |= node->occur == QUERY_MUST;
    }
    return choices;
}

/* No array has more entries than the plan has words and values. */
static anp_status make_room(evaluation *e) {
    uint32_t clauses = e->request->plan->clause_count;
    e->room = clauses < EVAL_TERMS_MAX ? clauses : EVAL_TERMS_MAX;
    e->terms = arena_alloc(e->memory, e->room * sizeof *e->terms);
    e->phrases = arena_alloc(e->memory, e->room * sizeof *e->phrases);
    e->excluded = (const term_lists **)arena_alloc(e->memory, e->room * sizeof(void *));
    e->required_sets = (const bitmap **)arena_alloc(e->memory, e->room * sizeof(void *));
    e->excluded_sets = (const bitmap **)arena_alloc(e->memory, e->room * sizeof(void *));
    return e->terms && e->phrases && e->excluded && e->required_sets && e->excluded_sets
               ? ANP_OK
               : eval_nomem(e);
}

anp_status eval_shape(evaluation *e, bool *known) {
    shaper s = {e, true};
    plan_node *root = e->request->plan->root;
    *known = false;
    if (!root || root->kind != PLAN_GROUP) {
        return ANP_OK;
    }
    TRY(make_room(e));
    TRY(add_root(&s, root));
    double units = e->constant;
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_term *term = &e->terms[i];
        double average = snapshot_length_average(e->snapshot, term->lists->field);
        term->weight = rank_weight(term->boost, term->lists->idf);
        term->norm = rank_norm_make(e->request->rank->k1, e->request->rank->b, average);
        units += (double)term->weight + 1;
    }
    *known = s.known && units < EVAL_UNITS_MAX;
    return ANP_OK;
}
