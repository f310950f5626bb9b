/*
 * How many posts match, without their scores: cardinalities of lists and of sets.
 */
#include "query/evaluation.h"

/* ---- Unions -------------------------------------------------------------------------------- */

static void add_to_words(evaluation *e, uint64_t *words, const list_view *list, uint16_t *docs) {
    if (list->container_kind == LIST_BITSET) {
        e->sets->or_into(words, list->container);
        return;
    }
    e->sets->set(words, docs, e->lists->docs(list, docs));
}

static uint32_t lanes_of(const evaluation *e, const eval_cell *ec,
                         const list_view *lists[EVAL_TERMS_MAX]) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->term_count; i++) {
        if (ec->lanes[i]) {
            lists[count++] = &ec->lanes[i]->in->list;
        }
    }
    return count;
}

/* Postings of the shorter list that the longer one holds too. */
static uint32_t count_both(evaluation *e, const list_view *a, const list_view *b,
                           uint16_t *docs) {
    const list_view *shorter = a->count < b->count ? a : b, *longer = a->count < b->count ? b : a;
    if (shorter->container_kind == LIST_BITSET && longer->container_kind == LIST_BITSET) {
        return e->sets->and_count(shorter->container, longer->container);
    }
    uint32_t count = list_docs(shorter, docs);
    return list_keep(longer, docs, count, false);
}

/* docs: room for a window. */
static anp_status union_words(evaluation *e, eval_cell *ec, uint64_t *words, uint16_t *docs,
                              uint32_t *count) {
    const list_view *lists[EVAL_TERMS_MAX];
    uint32_t list_count = lanes_of(e, ec, lists);
    const uint64_t *allowed;
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    for (uint32_t i = 0; i < list_count; i++) {
        add_to_words(e, words, lists[i], docs);
    }
    TRY(eval_allowed(e, ec, &allowed));
    *count = allowed ? e->sets->and_into(words, (const uint8_t *)allowed) : e->sets->count(words);
    return eval_drop_excluded(e, ec, words, count);
}

anp_status eval_union_words(evaluation *e, eval_cell *ec, uint64_t *words) {
    uint16_t *docs = arena_alloc(e->memory, WINDOW_DOCS * sizeof *docs);
    uint32_t count;
    return docs ? union_words(e, ec, words, docs, &count) : eval_nomem(e);
}

static anp_status count_union_cell(evaluation *e, eval_cell *ec, uint64_t *words, uint16_t *docs,
                                   uint64_t *total) {
    const list_view *lists[EVAL_TERMS_MAX];
    uint32_t count = lanes_of(e, ec, lists);
    if (count > 2 || (count && eval_restricted(e, ec))) {
        TRY(union_words(e, ec, words, docs, &count));
        *total += count;
    } else if (count == 2) {
        *total += lists[0]->count + lists[1]->count - count_both(e, lists[0], lists[1], docs);
    } else if (count == 1) {
        *total += lists[0]->count;
    }
    return ANP_OK;
}

static anp_status count_union(evaluation *e, uint64_t *total) {
    if (e->term_count == 1 && !e->request->filter && !e->excluded_count &&
        !e->excluded_set_count) {
        *total = e->terms[0].lists->df;
        return ANP_OK;
    }
    uint64_t *words = eval_words(e);
    uint16_t *docs = arena_alloc(e->memory, WINDOW_DOCS * sizeof *docs);
    if (!words || !docs) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < e->cell_count; i++) {
        TRY(count_union_cell(e, &e->cells[i], words, docs, total));
    }
    return ANP_OK;
}

/* ---- Candidates ---------------------------------------------------------------------------- */

/* Required lists and nothing else: the common postings of two are only counted. */
static bool counts_lists(const evaluation *e, const eval_cell *ec) {
    bool lists = e->required_count && !eval_restricted(e, ec);
    for (uint32_t i = 0; i < e->phrase_count && lists; i++) {
        lists = eval_pairs_say(e, ec, &e->phrases[i]) != EVAL_PAIRS_OPEN;
    }
    return lists;
}

/* How many of `docs` are new in `seen`, which they are put into. */
static uint32_t count_new(uint64_t *seen, const uint16_t *docs, uint32_t count) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *word = &seen[docs[i] / 64], bit = (uint64_t)1 << docs[i] % 64;
        found += !(*word & bit);
        *word |= bit;
    }
    return found;
}

/*
 * The postings of one list less those that excluded lists have, without making them: excluded
 * lists are decoded and looked for in it. false: one of them is the longer one, so that it is
 * better done the other way.
 */
static bool count_without(evaluation *e, const eval_cell *ec, const list_view *list, uint16_t *docs,
                          uint64_t *seen, uint64_t *total) {
    uint32_t common = 0;
    bool several = false;
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (!in) {
            continue;
        }
        if (in->list.count > list->count || in->list.container_kind == LIST_BITSET) {
            return false;
        }
        uint32_t count = list_keep(list, docs, list_docs(&in->list, docs), false);
        if (e->excluded_count > 1 && count && !several) {
            memset(seen, 0, KERNEL_WORDS * sizeof *seen);
            several = true;
        }
        common += several ? count_new(seen, docs, count) : count;
    }
    *total += list->count - common;
    return true;
}

static anp_status count_candidates(evaluation *e, uint64_t *total) {
    uint16_t *docs = arena_alloc(e->memory, WINDOW_DOCS * sizeof *docs);
    uint64_t *seen = eval_words(e);
    if (!docs || !seen) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < e->cell_count; i++) {
        eval_cell *ec = &e->cells[i];
        const list_view *lists[EVAL_LISTS_MAX];
        if (counts_lists(e, ec)) {
            uint32_t count = eval_required_lists(e, ec, lists);
            if (count <= 2) {
                *total += count == 2   ? count_both(e, lists[0], lists[1], docs)
                          : count == 1 ? lists[0]->count : 0;
                continue;
            }
        }
        if (e->driver && !eval_restricted_by_sets(e, ec)) {
            if (!eval_required_lists(e, ec, lists) ||
                count_without(e, ec, lists[0], docs, seen, total)) {
                continue;
            }
        }
        arena_mark mark = arena_save(e->memory);
        TRY(eval_find_candidates(e, ec));
        if (e->phrase_count) {
            TRY(eval_phrases_keep(e, ec));
        }
        *total += ec->count;
        arena_rewind(e->memory, mark);
        ec->docs = NULL;
        ec->words = ec->allowed = NULL;
        ec->sides = NULL;
    }
    return ANP_OK;
}

anp_status eval_count(evaluation *e, uint64_t *total) {
    *total = 0;
    if (e->impossible) {
        return ANP_OK;
    }
    return e->driver || eval_requires(e) ? count_candidates(e, total) : count_union(e, total);
}
