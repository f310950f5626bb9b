/* The tree of a query to the tree of a plan, node by node. Everything lives in perm. See plan.h. */
#include "query/plan.h"

#include "index/cells.h"

typedef struct planner {
    snapshot *snapshot;
    analyzer *analyzer;
    plan_settings settings;
    arena *perm;
    query_plan *plan;
    anp_error *err;
} planner;

typedef struct plan_list {
    plan_node *first, *last;
} plan_list;

static void append(plan_list *list, plan_node *node) {
    if (list->last) {
        list->last->next = node;
    } else {
        list->first = node;
    }
    list->last = node;
}

static anp_status nomem(planner *p) {
    return error_nomem(p->err, "the plan of a query");
}

/* words: the terms and values that the node holds itself. */
static anp_status new_node(planner *p, plan_kind kind, const query_node *source, double boost,
                           uint32_t words, plan_node **out) {
    plan_node *node = arena_new(p->perm, plan_node);
    if (!node) {
        return nomem(p);
    }
    p->plan->clause_count += words;
    if (p->plan->clause_count > QUERY_CLAUSES_MAX) {
        return error_at(p->err, ANP_LIMIT, source->start,
                        "cannot run a query of more than %d words; ask for less at a time",
                        (int)QUERY_CLAUSES_MAX);
    }
    node->kind = kind;
    node->occur = source->occur;
    node->boost = boost;
    node->source = source;
    *out = node;
    return ANP_OK;
}

static anp_status keep_term(planner *p, plan_term *term) {
    query_plan *plan = p->plan;
    if (plan->term_count == plan->term_capacity) {
        uint32_t capacity = plan->term_capacity ? plan->term_capacity * 2 : 16;
        plan_term **grown = arena_array(p->perm, plan_term *, capacity);
        if (!grown) {
            return nomem(p);
        }
        for (uint32_t i = 0; i < plan->term_count; i++) {
            grown[i] = plan->terms[i];
        }
        plan->terms = grown;
        plan->term_capacity = capacity;
    }
    plan->terms[plan->term_count++] = term;
    return ANP_OK;
}

static str term_name(planner *p, index_field field, str word) {
    const str fields[INDEX_FIELDS] = {STR(""), STR("title:"), STR("body:")};
    str prefix = fields[field];
    char *name = arena_alloc(p->perm, prefix.len + word.len + 1);
    if (!name) {
        return (str){NULL, 0};
    }
    memcpy(name, prefix.data, prefix.len);
    memcpy(name + prefix.len, word.data, word.len);
    name[prefix.len + word.len] = 0;
    return str_make(name, prefix.len + word.len);
}

/*
 * The one plan_term of this term and field. At most QUERY_CLAUSES_MAX and a phrase's words: a walk
 * is quick enough.
 */
static anp_status find_term(planner *p, index_field field, const text_token *token,
                            plan_term **out) {
    for (uint32_t i = 0; i < p->plan->term_count; i++) {
        plan_term *known = p->plan->terms[i];
        if (known->field == field && str_equal(known->term, token->term)) {
            *out = known;
            return ANP_OK;
        }
    }
    plan_term *term = arena_new(p->perm, plan_term);
    if (!term) {
        return nomem(p);
    }
    term->field = field;
    term->term = arena_str(p->perm, token->term);
    term->name = term_name(p, field, token->folded);
    if (!term->term.data || !term->name.data) {
        return nomem(p);
    }
    TRY(cells_term(p->snapshot, field, term->term, &term->lists, p->err));
    term->number = term->lists->number;
    term->df = term->lists->df;
    *out = term;
    return keep_term(p, term);
}

/* The words of a text: one token a position, technical words whole. */
static anp_status words_of(planner *p, str text, text_token **words, uint32_t *count) {
    text_tokens tokens;
    TRY(analyzer_run(p->analyzer, text, p->perm, &tokens, p->err));
    *count = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.items[i].kind != TEXT_PART) {
            tokens.items[(*count)++] = tokens.items[i];
        }
    }
    *words = tokens.items;
    return ANP_OK;
}

static anp_status plan_word(planner *p, const query_node *source, double boost, bool may_drop,
                            const text_token *word, plan_list *list) {
    plan_node *node;
    TRY(new_node(p, PLAN_TERM, source, boost, 1, &node));
    node->terms = arena_array(p->perm, plan_term *, 1);
    if (!node->terms) {
        return nomem(p);
    }
    TRY(find_term(p, source->field, word, &node->terms[0]));
    node->term_count = 1;
    node->stop = may_drop && analyzer_is_stopword(p->analyzer, word->folded);
    append(list, node);
    return ANP_OK;
}

/* A typed word: none, one or several terms; several as plan.h says. */
static anp_status plan_words(planner *p, const query_node *source, double boost, bool excluded,
                             plan_list *list) {
    text_token *words;
    uint32_t count;
    TRY(words_of(p, source->text, &words, &count));
    bool may_drop = !p->settings.keep_stopwords && !excluded && !source->plus &&
                    source->field == INDEX_TEXT;
    bool together = count > 1 && (source->occur == QUERY_MUST_NOT ||
                                  (source->occur == QUERY_SHOULD && p->settings.all_words));
    plan_list inner = {0};
    for (uint32_t i = 0; i < count; i++) {
        TRY(plan_word(p, source, boost, may_drop, &words[i], together ? &inner : list));
    }
    if (together) {
        plan_node *group;
        TRY(new_node(p, PLAN_GROUP, source, boost, 0, &group));
        for (plan_node *node = inner.first; node; node = node->next) {
            node->occur = QUERY_MUST;
        }
        group->first = inner.first;
        append(list, group);
    }
    return ANP_OK;
}

static anp_status plan_phrase(planner *p, const query_node *source, double boost, plan_list *list) {
    text_token *words;
    uint32_t count;
    plan_node *node;
    TRY(words_of(p, source->text, &words, &count));
    if (!count) {
        return ANP_OK;
    }
    if (count == 1) {
        return plan_word(p, source, boost, false, &words[0], list);
    }
    TRY(new_node(p, PLAN_PHRASE, source, boost, count, &node));
    node->terms = arena_array(p->perm, plan_term *, count);
    uint32_t *offsets = arena_array(p->perm, uint32_t, count);
    if (!node->terms || !offsets) {
        return nomem(p);
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(find_term(p, source->field, &words[i], &node->terms[i]));
        offsets[i] = words[i].position - words[0].position;
    }
    node->offsets = offsets;
    node->term_count = count;
    append(list, node);
    return ANP_OK;
}

static anp_status plan_clause(planner *p, const query_node *source, double boost, bool excluded,
                              plan_list *list) {
    plan_node *node;
    boost *= source->boost;
    boost = boost < BOOST_MAX ? boost : BOOST_MAX;
    excluded |= source->occur == QUERY_MUST_NOT;
    switch (source->kind) {
    case QUERY_WORD:
        return plan_words(p, source, boost, excluded, list);
    case QUERY_PHRASE:
        return plan_phrase(p, source, boost, list);
    case QUERY_VALUE:
        TRY(new_node(p, PLAN_VALUE, source, boost, 1, &node));
        break;
    case QUERY_ALL:
        TRY(new_node(p, PLAN_ALL, source, boost, 1, &node));
        break;
    case QUERY_GROUP:
    default: {
        plan_list inner = {0};
        for (const query_node *child = source->first; child; child = child->next) {
            TRY(plan_clause(p, child, boost, excluded, &inner));
        }
        if (!inner.first) {
            return ANP_OK; /* nothing but punctuation */
        }
        TRY(new_node(p, PLAN_GROUP, source, boost, 0, &node));
        node->first = inner.first;
        break;
    }
    }
    append(list, node);
    return ANP_OK;
}

/* Clauses that would stay, and ask for something, if stop words were dropped. */
static size_t count_kept(const plan_node *node) {
    if (node->occur == QUERY_MUST_NOT || node->stop) {
        return 0;
    }
    if (node->kind != PLAN_GROUP) {
        return 1;
    }
    size_t kept = 0;
    for (const plan_node *child = node->first; child; child = child->next) {
        kept += count_kept(child);
    }
    return kept;
}

/* Takes the stop words out, and the groups that had nothing else. */
static plan_node *drop_stopwords(plan_node *first) {
    plan_list kept = {0};
    for (plan_node *node = first, *next; node; node = next) {
        next = node->next;
        node->next = NULL;
        if (node->kind == PLAN_GROUP) {
            node->first = drop_stopwords(node->first);
        }
        if (!node->stop && (node->kind != PLAN_GROUP || node->first)) {
            append(&kept, node);
        }
    }
    return kept.first;
}

anp_status plan_make(snapshot *s, const query_ast *ast, plan_settings settings, arena *perm,
                     query_plan *out, anp_error *err) {
    planner p = {.snapshot = s,
                 .analyzer = snapshot_analyzer(s),
                 .settings = settings,
                 .perm = perm,
                 .plan = out,
                 .err = err};
    plan_list list = {0};
    *out = (query_plan){0};
    if (!ast->root) {
        return ANP_OK;
    }
    if (!p.analyzer) {
        return nomem(&p);
    }
    TRY(plan_clause(&p, ast->root, 1, false, &list));
    if (list.first && count_kept(list.first)) {
        list.first = drop_stopwords(list.first);
    }
    out->root = list.first;
    return ANP_OK;
}
