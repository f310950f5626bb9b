/*
 * The posts of a cell that a query requires: intersections of lists, cut by sets.
 *
 *     lists by length      a short list decoded, then each next one keeps what it holds too
 *                          two bitsets and more: AND of words
 *     late                 where most blocks will not be scored: block by block
 *     allowed              live, in the filter and every required set, in no excluded set: bits of
 *                          the cell, made when first needed
 *     excluded terms       taken out of candidates; where posts are ranked without candidates, a
 *                          post is looked up when it would be kept
 */
#include "query/evaluation.h"

uint64_t *eval_words(evaluation *e) {
    return arena_alloc(e->memory, KERNEL_WORDS * sizeof(uint64_t));
}

void eval_set_words(const evaluation *e, uint64_t *words, const uint16_t *docs, size_t count) {
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    e->sets->set(words, docs, (uint32_t)count);
}

/* ---- What is allowed ----------------------------------------------------------------------- */

bool eval_restricted_by_sets(const evaluation *e, const eval_cell *ec) {
    return ec->c->dead || e->request->filter || e->excluded_set_count || e->required_set_count;
}

bool eval_restricted(const evaluation *e, const eval_cell *ec) {
    return eval_restricted_by_sets(e, ec) || e->excluded_count;
}

static anp_status restrict_to(evaluation *e, const eval_cell *ec, uint64_t *allowed,
                              uint64_t *some) {
    const uint8_t *words = (const uint8_t *)some;
    if (e->request->filter) {
        TRY(eval_bitmap_words(e, ec, e->request->filter, some));
        e->sets->and_into(allowed, words);
    }
    for (uint32_t i = 0; i < e->required_set_count; i++) {
        TRY(eval_node_words(e, ec, e->required_sets[i], some));
        e->sets->and_into(allowed, words);
    }
    if (ec->c->dead) {
        TRY(eval_bitmap_words(e, ec, snapshot_deleted(e->snapshot), some));
        e->sets->andnot_into(allowed, words);
    }
    for (uint32_t i = 0; i < e->excluded_set_count; i++) {
        TRY(eval_node_words(e, ec, e->excluded_sets[i], some));
        e->sets->andnot_into(allowed, words);
    }
    return ANP_OK;
}

anp_status eval_allowed(evaluation *e, eval_cell *ec, const uint64_t **words) {
    *words = ec->allowed;
    if (ec->allowed || !eval_restricted_by_sets(e, ec)) {
        return ANP_OK;
    }
    uint64_t *allowed = eval_words(e);
    arena_mark mark = arena_save(e->memory);
    uint64_t *some = eval_words(e);
    if (!allowed || !some) {
        return eval_nomem(e);
    }
    eval_all_words(ec->c, allowed);
    TRY(restrict_to(e, ec, allowed, some));
    arena_rewind(e->memory, mark);
    *words = ec->allowed = allowed;
    return ANP_OK;
}

anp_status eval_unscored(evaluation *e, eval_cell *ec, const uint64_t **words) {
    *words = ec->unscored;
    return ec->unscored ? ANP_OK : eval_allowed(e, ec, words);
}

/* ---- Intersections ------------------------------------------------------------------------- */

static void add_list(const list_view *lists[EVAL_LISTS_MAX], uint32_t *count,
                     const list_view *list) {
    uint32_t at = (*count)++;
    for (; at && lists[at - 1]->count > list->count; at--) {
        lists[at] = lists[at - 1];
    }
    lists[at] = list;
}

uint32_t eval_required_lists(const evaluation *e, const eval_cell *ec,
                             const list_view *lists[EVAL_LISTS_MAX]) {
    const list_view *pairs[EVAL_TERMS_MAX];
    uint32_t count = 0, pair_count = 0;
    uint64_t covered = 0;
    if (e->phrase_count && !eval_pair_lists(e, ec, pairs, &pair_count, &covered)) {
        return 0;
    }
    for (uint32_t i = 0; i < pair_count; i++) {
        add_list(lists, &count, pairs[i]);
    }
    for (uint32_t i = 0; i < e->term_count; i++) {
        if (!e->terms[i].required) {
            continue;
        }
        if (!ec->lanes[i]) {
            return 0;
        }
        if (!(covered >> i & 1)) {
            add_list(lists, &count, &ec->lanes[i]->in->list);
        }
    }
    return count;
}

static bool are_bitsets(const list_view *const *lists, uint32_t count) {
    bool all = true;
    for (uint32_t i = 0; i < count; i++) {
        all = all && lists[i]->container_kind == LIST_BITSET;
    }
    return all;
}

static anp_status intersect(evaluation *e, eval_cell *ec, const list_view *const *lists,
                            uint32_t count) {
    if (are_bitsets(lists, count)) {
        ec->words = eval_words(e);
        if (!ec->words) {
            return eval_nomem(e);
        }
        memcpy(ec->words, lists[0]->container, KERNEL_WORDS * sizeof *ec->words);
        ec->count = lists[0]->count;
        for (uint32_t i = 1; i < count; i++) {
            ec->count = e->sets->and_into(ec->words, lists[i]->container);
        }
        return ANP_OK;
    }
    ec->docs = arena_alloc(e->memory, lists[0]->count * sizeof *ec->docs);
    if (!ec->docs) {
        return eval_nomem(e);
    }
    ec->count = list_docs(lists[0], ec->docs);
    for (uint32_t i = 1; i < count && ec->count; i++) {
        ec->count = list_keep(lists[i], ec->docs, ec->count, false);
    }
    return list_ascends(ec->docs, ec->count)
               ? ANP_OK
               : error_corrupt(e->err, "the posts of a word do not ascend; verify the index");
}

/* ---- Exclusions ---------------------------------------------------------------------------- */

static void collect_excluded(evaluation *e, eval_cell *ec) {
    uint64_t *words = eval_words(e);
    uint16_t *docs = arena_alloc(e->memory, WINDOW_DOCS * sizeof *docs);
    if (!words || !docs) {
        return; /* then each is looked up */
    }
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (in && in->list.container_kind == LIST_BITSET) {
            e->sets->or_into(words, in->list.container);
        } else if (in) {
            e->sets->set(words, docs, e->lists->docs(&in->list, docs));
        }
    }
    ec->excluded = words;
}

bool eval_is_excluded(evaluation *e, eval_cell *ec, uint16_t low) {
    enum { OFTEN = 16 };
    if (e->excluded_count && ++ec->excluded_asked == OFTEN) {
        collect_excluded(e, ec);
    }
    if (ec->excluded) {
        return ec->excluded[low / 64] >> (low % 64) & 1;
    }
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (in && list_rank(&in->list, low) != UINT32_MAX) {
            return true;
        }
    }
    return false;
}

anp_status eval_drop_excluded(evaluation *e, const eval_cell *ec, uint64_t *words,
                              uint32_t *count) {
    for (uint32_t i = 0; i < e->excluded_count && *count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (!in) {
            continue;
        }
        if (in->list.container_kind == LIST_BITSET) {
            *count = e->sets->andnot_into(words, in->list.container);
            continue;
        }
        uint16_t *docs = arena_alloc(e->memory, in->list.count * sizeof *docs);
        if (!docs) {
            return eval_nomem(e);
        }
        uint32_t gone = list_docs(&in->list, docs);
        for (uint32_t k = 0; k < gone; k++) {
            uint64_t *word = &words[docs[k] / 64], bit = (uint64_t)1 << docs[k] % 64;
            *count -= (*word & bit) != 0;
            *word &= ~bit;
        }
    }
    return ANP_OK;
}

/* Both ascend. */
static uint32_t drop_docs(uint16_t *docs, uint32_t count, const uint16_t *gone,
                          uint32_t gone_count) {
    uint32_t kept = 0, i = 0;
    for (uint32_t k = 0; k < gone_count; k++) {
        for (; i < count && docs[i] < gone[k]; i++) {
            docs[kept++] = docs[i];
        }
        i += i < count && docs[i] == gone[k];
    }
    memmove(docs + kept, docs + i, (count - i) * sizeof *docs);
    return kept + count - i;
}

/* The excluded out of candidates. A short list is looked for among them, a long one is asked. */
static anp_status drop_excluded(evaluation *e, eval_cell *ec) {
    if (!ec->docs) {
        return ec->words ? eval_drop_excluded(e, ec, ec->words, &ec->count) : ANP_OK;
    }
    for (uint32_t i = 0; i < e->excluded_count && ec->count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (in && in->list.count < ec->count) {
            uint16_t *gone = arena_alloc(e->memory, in->list.count * sizeof *gone);
            if (!gone) {
                return eval_nomem(e);
            }
            ec->count = drop_docs(ec->docs, ec->count, gone, list_docs(&in->list, gone));
        } else if (in) {
            ec->count = list_keep(&in->list, ec->docs, ec->count, true);
        }
    }
    return ANP_OK;
}

anp_status eval_find_candidates(evaluation *e, eval_cell *ec) {
    const list_view *lists[EVAL_LISTS_MAX];
    const uint64_t *allowed;
    uint32_t count = eval_required_lists(e, ec, lists);
    ec->count = 0;
    if (e->required_count && !count) {
        return ANP_OK;
    }
    TRY(eval_allowed(e, ec, &allowed));
    if (count) {
        TRY(intersect(e, ec, lists, count));
        if (allowed && ec->count) {
            const uint8_t *bits = (const uint8_t *)allowed;
            ec->count = ec->words ? e->sets->and_into(ec->words, bits)
                                  : e->sets->keep_in(ec->docs, ec->count, bits, false);
        }
    } else if (allowed) { /* sets alone */
        ec->words = eval_words(e);
        if (!ec->words) {
            return eval_nomem(e);
        }
        memcpy(ec->words, allowed, KERNEL_WORDS * sizeof *ec->words);
        ec->count = e->sets->count(ec->words);
    }
    return drop_excluded(e, ec);
}

/* Where the blocks of a cell's blocked lists begin, as batches.c keeps it too. */
static anp_status find_starts(evaluation *e, eval_cell *ec, eval_late *late) {
    for (uint32_t i = 0; i < late->count; i++) {
        const list_view *list = late->lists[i];
        uint16_t *starts = NULL;
        if (list->container_kind == LIST_BLOCKED) {
            starts = arena_alloc(e->memory, (EVAL_CELL_BLOCKS + 1) * sizeof *starts);
            if (!starts) {
                return eval_nomem(e);
            }
            e->sets->starts(list->high, list_high_words(list->count), list->count, starts);
        }
        for (uint32_t term = 0; term < e->term_count; term++) {
            if (ec->lanes[term] && &ec->lanes[term]->in->list == list) {
                ec->lanes[term]->starts = starts;
            }
        }
        late->starts[i] = starts;
    }
    return ANP_OK;
}

/*
 * Of many candidates most are in blocks that cannot win: lists are not intersected but where blocks
 * are scored. How many there are is guessed, as if words had nothing to do with each other; where
 * that was too much, batches.c has the rest found at once. Bitsets alone are quicker intersected.
 */
anp_status eval_find_late(evaluation *e, eval_cell *ec) {
    const list_view *lists[EVAL_LISTS_MAX];
    uint32_t count = eval_restricted(e, ec) ? 0 : eval_required_lists(e, ec, lists);
    uint64_t expected = count ? lists[0]->count : 0;
    for (uint32_t i = 1; i < count; i++) {
        expected = expected * lists[i]->count / (ec->c->end - ec->c->from);
    }
    if (count < 2 || lists[0]->container_kind != LIST_BLOCKED ||
        expected < (uint64_t)EVAL_LATE_LEAST) {
        return ANP_OK;
    }
    ec->late = arena_alloc(e->memory, sizeof *ec->late);
    if (!ec->late) {
        return eval_nomem(e);
    }
    ec->late->blocks = ec->late->found = 0;
    ec->late->count = count;
    memcpy(ec->late->lists, lists, count * sizeof(void *));
    ec->count = (uint32_t)expected;
    return find_starts(e, ec, ec->late);
}

anp_status eval_candidate_words(evaluation *e, eval_cell *ec) {
    if (!ec->words) {
        ec->words = eval_words(e);
        if (!ec->words) {
            return eval_nomem(e);
        }
        eval_set_words(e, ec->words, ec->docs, ec->count);
    }
    return ANP_OK;
}

uint32_t eval_words_docs(const uint64_t *words, uint32_t most, uint16_t *docs) {
    uint32_t count = 0;
    for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word++) {
        for (uint64_t left = words[word]; left && count < most; left &= left - 1) {
            docs[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    return count;
}

anp_status eval_candidate_docs(evaluation *e, eval_cell *ec) {
    ec->docs = arena_alloc(e->memory, ec->count * sizeof *ec->docs);
    if (!ec->docs) {
        return eval_nomem(e);
    }
    /* as many as were counted, unless the list is damaged */
    ec->count = eval_words_docs(ec->words, ec->count, ec->docs);
    return ANP_OK;
}
