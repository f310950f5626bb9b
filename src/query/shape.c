/*
 * A plan to what the evaluator knows: terms that score, some of them required; terms and sets that
 * are excluded; sets and phrases that are required.
 *
 *     +cache +(redis stack:aws) -varnish "owner note"
 *         terms cache (required), redis; what stack:aws adds, a term that is a constant;
 *         owner and note where the phrase is (where.c); a set, of redis or aws; excluded varnish
 *
 * A group that each match is in is certain: the root, and what a certain group requires. Its
 * required words are required of the whole, its excluded ones excluded, and where it requires
 * nothing but is required, its posts are a set. Everything else counts where it is and where the
 * groups around it are, if it can be there without them: then its lists are cut.
 *
 *     (redis memcached) cache    where a word of such a group stands the group counts: nothing is
 *                                cut
 *     (+redis note) cache        note is cut to posts with redis
 *
 * Of few phrases, values and groups that are optional in the root, a choice is required and the
 * rest is left out (alternatives.c).
 *
 * KEEP IN STEP: scorers_make (score.c) makes the same terms in the same groups, so that sums are
 * rounded alike.
 */
#include "query/evaluation.h"

typedef struct shaper {
    evaluation *e;
    bool known;
} shaper;

/* ---- Terms --------------------------------------------------------------------------------- */

/* A scoring term; those from `first` on are of the same group: equal ones are one. *at: which one
   it is; UINT32_MAX: none. */
static void add_term(shaper *s, const plan_node *node, const term_lists *lists, bool required,
                     uint32_t first, uint32_t *at) {
    evaluation *e = s->e;
    *at = UINT32_MAX;
    if (lists->df == 0) {
        e->impossible |= required;
        return;
    }
    for (uint32_t i = first; i < e->term_count; i++) {
        if (e->terms[i].lists == lists) {
            e->terms[i].boost += node->boost;
            e->required_count += required && !e->terms[i].required;
            e->terms[i].required |= required;
            *at = i;
            return;
        }
    }
    if (e->term_count == e->room) {
        s->known = false;
        return;
    }
    *at = e->term_count++;
    e->terms[*at] = (eval_term){.lists = lists, .boost = node->boost, .required = required};
    e->required_count += required;
}

/* The posts in which a gate is open, each with so many units. */
static anp_status add_constant(shaper *s, eval_gate *gate, double boost) {
    evaluation *e = s->e;
    double units = rint(boost * RANK_ONE);
    const term_lists *lists;
    uint32_t at;
    if (units > EVAL_UNITS_MAX || (double)(float)units < units || (double)(float)units > units) {
        s->known = false; /* no float is that number */
        return ANP_OK;
    }
    TRY(eval_list_gate(e, gate, &lists));
    add_term(s, gate->node, lists, false, e->term_count, &at);
    if (at != UINT32_MAX) {
        e->terms[at].weight = (float)units;
    }
    return ANP_OK;
}

/* ---- What is excluded, and required sets --------------------------------------------------- */

static anp_status add_set(shaper *s, plan_node *node, const plan_node **sets, uint32_t *count) {
    if (*count == s->e->room) {
        s->known = false;
        return ANP_OK;
    }
    TRY(eval_set_find(s->e, node));
    sets[(*count)++] = node;
    return ANP_OK;
}

/* A group that counts wherever one of its words stands. */
static bool is_union(const plan_node *group) {
    bool words = group->kind == PLAN_GROUP && group->first;
    for (const plan_node *node = group->first; node && words; node = node->next) {
        words = node->occur == QUERY_SHOULD && (node->kind == PLAN_TERM || is_union(node));
    }
    return words;
}

static anp_status add_excluded(shaper *s, plan_node *node) {
    evaluation *e = s->e;
    if (is_union(node)) { /* each of its words */
        for (plan_node *child = node->first; child && s->known; child = child->next) {
            TRY(add_excluded(s, child));
        }
        return ANP_OK;
    }
    if (node->kind != PLAN_TERM) {
        return add_set(s, node, e->excluded_sets, &e->excluded_set_count);
    }
    const term_lists *lists = node->terms[0]->lists;
    if (e->excluded_count == e->room) {
        s->known = false;
    } else if (lists->df) {
        e->excluded[e->excluded_count++] = lists;
    }
    return ANP_OK;
}

/* ---- Phrases ------------------------------------------------------------------------------- */

/* Its terms; false: one of them is in no post. */
static bool add_phrase_terms(shaper *s, const plan_node *node, bool required, uint32_t *terms) {
    uint32_t first = s->e->term_count;
    for (uint32_t i = 0; i < node->term_count; i++) {
        if (!required && node->terms[i]->df == 0) {
            return false;
        }
    }
    for (uint32_t i = 0; i < node->term_count && s->known; i++) {
        add_term(s, node, node->terms[i]->lists, required, first, &terms[i]);
    }
    return true;
}

static anp_status add_phrase(shaper *s, plan_node *node) {
    evaluation *e = s->e;
    index_field field = node->source->field;
    uint32_t terms[QUERY_CLAUSES_MAX];
    if (e->phrase_count == e->room) {
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
    add_phrase_terms(s, node, true, terms);
    for (uint32_t i = 0; i < node->term_count; i++) {
        const plan_term *term = node->terms[i];
        p->body[i] = term->lists;
        if (field == INDEX_BODY) { /* the combined text's positions are the body's */
            TRY(cells_term(e->snapshot, INDEX_TEXT, term->term, &p->body[i], e->err));
        }
        TRY(cells_term(e->snapshot, INDEX_TITLE, term->term, &p->title[i], e->err));
        p->before[i] = PHRASE_FIRST;
        for (uint32_t k = 0; k < i; k++) {
            p->before[i] = node->terms[k] == term ? k : p->before[i];
        }
    }
    e->phrase_count++;
    return eval_find_pairs(e, p);
}

/* ---- What is optional ---------------------------------------------------------------------- */

typedef struct clauses {
    uint32_t wanted, required, excluded;
} clauses;

static clauses count_clauses(const plan_node *group) {
    clauses c = {0};
    for (const plan_node *node = group->first; node; node = node->next) {
        c.wanted += node->occur != QUERY_MUST_NOT;
        c.required += node->occur == QUERY_MUST;
        c.excluded += node->occur == QUERY_MUST_NOT;
    }
    return c;
}

/* Whether a group matches wherever a clause of it does. */
static bool is_enough(clauses of, const plan_node *clause) {
    return !of.excluded && (!of.required || (of.required == 1 && clause->occur == QUERY_MUST));
}

/* Terms of a group, which are cut unless a post with one of them is in the group. */
static anp_status add_group_terms(shaper *s, const plan_node *group, eval_gate *gate,
                                  eval_gate *inner) {
    evaluation *e = s->e;
    clauses of = count_clauses(group);
    uint32_t first = e->term_count, at, outer_count = 0, inner_count = 0;
    uint32_t outer_terms[EVAL_TERMS_MAX], inner_terms[EVAL_TERMS_MAX];
    bool enough[EVAL_TERMS_MAX] = {false};
    for (const plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind == PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            add_term(s, node, node->terms[0]->lists, false, first, &at);
            if (at != UINT32_MAX) {
                enough[at] |= is_enough(of, node);
            }
        }
    }
    for (uint32_t i = first; i < e->term_count; i++) {
        if (enough[i]) {
            outer_terms[outer_count++] = i;
        } else {
            inner_terms[inner_count++] = i;
        }
    }
    TRY(eval_cut_terms(e, outer_terms, outer_count, gate));
    return eval_cut_terms(e, inner_terms, inner_count, inner);
}

static anp_status add_optional(shaper *s, plan_node *node, eval_gate *gate);

static anp_status add_optional_group(shaper *s, plan_node *group, eval_gate *gate,
                                     eval_gate *inner) {
    clauses of = count_clauses(group);
    if (of.excluded || of.required) {
        TRY(eval_set_find(s->e, group));
    }
    if (!of.wanted) {
        return add_constant(s, inner, 0); /* its posts match, and have nothing of it */
    }
    TRY(add_group_terms(s, group, gate, inner));
    for (plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind != PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            TRY(add_optional(s, node, is_enough(of, node) ? gate : inner));
        }
    }
    return ANP_OK;
}

static anp_status add_optional_phrase(shaper *s, const plan_node *phrase, eval_gate *inner) {
    evaluation *e = s->e;
    uint32_t first = e->term_count, terms[QUERY_CLAUSES_MAX];
    if (!add_phrase_terms(s, phrase, false, terms) || !s->known) {
        return ANP_OK;
    }
    for (uint32_t i = first; i < e->term_count; i++) {
        terms[i - first] = i;
    }
    return eval_cut_terms(e, terms, e->term_count - first, inner);
}

static anp_status add_optional_in(shaper *s, plan_node *node, eval_gate *gate, eval_gate *inner) {
    if (node->kind == PLAN_GROUP) {
        return add_optional_group(s, node, gate, inner);
    }
    TRY(eval_set_find(s->e, node));
    return node->kind == PLAN_PHRASE ? add_optional_phrase(s, node, inner)
                                     : add_constant(s, inner, node->boost);
}

/* What is no term, and counts where the gate is open. */
static anp_status add_optional(shaper *s, plan_node *node, eval_gate *gate) {
    eval_gate inner = {.node = node, .outer = gate};
    anp_status status = add_optional_in(s, node, gate, &inner);
    eval_gate_close(&inner);
    return status;
}

/* ---- What is certain ----------------------------------------------------------------------- */

/* Optional beside others, and no word. */
static bool is_choice(const plan_node *node, uint32_t wanted) {
    return node->occur == QUERY_SHOULD && node->kind != PLAN_TERM && !is_union(node) && wanted > 1;
}

static anp_status add_certain_group(shaper *s, plan_node *group, bool is_root);

static anp_status add_certain(shaper *s, plan_node *node, bool is_root) {
    evaluation *e = s->e;
    if (node->kind == PLAN_PHRASE) {
        return add_phrase(s, node);
    }
    if (node->kind == PLAN_GROUP) {
        return add_certain_group(s, node, is_root);
    }
    double units = (double)e->constant + rint(node->boost * RANK_ONE);
    if (units > EVAL_UNITS_MAX) {
        s->known = false;
        return ANP_OK;
    }
    e->constant = (int32_t)units;
    return add_set(s, node, e->required_sets, &e->required_set_count);
}

/* A clause that is no word of a certain group; `only`: there is no other one that is wanted. */
static anp_status add_clause(shaper *s, plan_node *node, clauses of, bool is_root,
                             uint32_t *choices) {
    if (node->occur == QUERY_MUST_NOT) {
        return add_excluded(s, node);
    }
    if (node->occur == QUERY_MUST || of.wanted == 1) {
        return add_certain(s, node, is_root && node->occur != QUERY_MUST);
    }
    if (is_root && s->e->chooses && is_choice(node, of.wanted)) {
        return s->e->chosen >> (*choices)++ & 1 ? add_certain(s, node, false) : ANP_OK;
    }
    return add_optional(s, node, NULL);
}

/*
 * Terms first, then what else stands in it, as in scorers_make. Of the root, what is optional makes
 * a match where nothing is required; of another group, a set says so.
 */
static anp_status add_certain_group(shaper *s, plan_node *group, bool is_root) {
    evaluation *e = s->e;
    clauses of = count_clauses(group);
    uint32_t first = e->term_count, choices = 0, at;
    for (plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind == PLAN_TERM && node->occur != QUERY_MUST_NOT) {
            bool required = node->occur == QUERY_MUST || (of.wanted == 1 && !is_root);
            add_term(s, node, node->terms[0]->lists, required, first, &at);
        }
    }
    for (plan_node *node = group->first; node && s->known; node = node->next) {
        if (node->kind != PLAN_TERM || node->occur == QUERY_MUST_NOT) {
            TRY(add_clause(s, node, of, is_root, &choices));
        }
    }
    bool by_set = !of.wanted || (!is_root && !of.required && of.wanted > 1);
    return by_set && s->known ? add_set(s, group, e->required_sets, &e->required_set_count)
                              : ANP_OK;
}

uint32_t eval_choices(const query_plan *plan, bool *requires) {
    const plan_node *root = plan->root;
    uint32_t choices = 0;
    *requires = false;
    if (!root || root->kind != PLAN_GROUP) {
        return 0;
    }
    clauses of = count_clauses(root);
    for (const plan_node *node = root->first; node; node = node->next) {
        choices += is_choice(node, of.wanted);
    }
    *requires = of.required > 0;
    return choices;
}

static void add_needed(evaluation *e, const plan_node *group) {
    clauses of = count_clauses(group);
    for (const plan_node *node = group->first; node; node = node->next) {
        bool needed = node->occur == QUERY_MUST ||
                      (node->occur == QUERY_SHOULD && of.wanted == 1);
        if (needed && node->kind == PLAN_TERM) {
            e->needed[e->needed_count++] = node;
        } else if (needed && node->kind == PLAN_GROUP) {
            add_needed(e, node);
        }
    }
}

anp_status eval_find_needed(evaluation *e) {
    const plan_node *root = e->request->plan->root;
    e->needed = (const plan_node **)arena_alloc(
        e->memory, (e->request->plan->clause_count + 1) * sizeof(void *));
    if (!e->needed) {
        return eval_nomem(e);
    }
    if (root && root->kind == PLAN_GROUP) {
        add_needed(e, root);
    }
    return ANP_OK;
}

/* ---- All of it ----------------------------------------------------------------------------- */

/* No array has more entries than the plan has words and values. */
static anp_status make_room(evaluation *e) {
    uint32_t count = e->request->plan->clause_count;
    e->room = count < EVAL_TERMS_MAX ? count : EVAL_TERMS_MAX;
    e->terms = arena_alloc(e->memory, e->room * sizeof *e->terms);
    e->phrases = arena_alloc(e->memory, e->room * sizeof *e->phrases);
    e->excluded = (const term_lists **)arena_alloc(e->memory, e->room * sizeof(void *));
    e->required_sets = (const plan_node **)arena_alloc(e->memory, e->room * sizeof(void *));
    e->excluded_sets = (const plan_node **)arena_alloc(e->memory, e->room * sizeof(void *));
    return e->terms && e->phrases && e->excluded && e->required_sets && e->excluded_sets
               ? ANP_OK
               : eval_nomem(e);
}

static uint32_t count_sets(const plan_node *group) {
    uint32_t count = 0;
    for (const plan_node *node = group->first; node; node = node->next) {
        count += node->kind == PLAN_GROUP ? count_sets(node)
                                          : node->kind == PLAN_PHRASE || node->kind == PLAN_VALUE;
    }
    return count;
}

anp_status eval_shape(evaluation *e, bool *known) {
    shaper s = {e, true};
    plan_node *root = e->request->plan->root;
    *known = false;
    if (!root || root->kind != PLAN_GROUP || count_sets(root) > EVAL_SETS_MAX) {
        return ANP_OK;
    }
    TRY(make_room(e));
    TRY(add_certain_group(&s, root, true));
    double units = e->constant;
    for (uint32_t i = 0; i < e->term_count; i++) {
        eval_term *term = &e->terms[i];
        if (eval_is_constant(term)) {
            term->norm = (rank_norm){0, 0};
        } else {
            double average = snapshot_length_average(e->snapshot, term->lists->field);
            term->weight = rank_weight(term->boost, term->lists->idf);
            term->norm = rank_norm_make(e->request->rank->k1, e->request->rank->b, average);
        }
        units += (double)term->weight + 1;
    }
    *known = s.known && units < EVAL_UNITS_MAX;
    return ANP_OK;
}
