/*
 * The posts of a cell that a query requires: intersections of lists, cut by sets.
 *
 *     lists by length      a short list decoded, then each next one keeps what it holds too
 *                          two bitsets and more: AND of words
 *     allowed              live, in the filter and every required set, in nothing excluded: bits of
 *                          the cell, made when first needed
 */
#include "query/evaluation.h"

uint64_t *eval_words(evaluation *e) {
    return arena_alloc(e->memory, KERNEL_WORDS * sizeof(uint64_t));
}

void eval_set_words(uint64_t *words, const uint16_t *docs, size_t count) {
    memset(words, 0, KERNEL_WORDS * sizeof *words);
    for (size_t i = 0; i < count; i++) {
        words[docs[i] / 64] |= (uint64_t)1 << (docs[i] % 64);
    }
}

/* ---- What is allowed ----------------------------------------------------------------------- */

static bool restricted_by_sets(const evaluation *e, const eval_cell *ec) {
    return ec->c->dead || e->request->filter || e->excluded_set_count || e->required_set_count;
}

bool eval_restricted(const evaluation *e, const eval_cell *ec) {
    return restricted_by_sets(e, ec) || e->excluded_count;
}

/* Scratch of one window. */
typedef struct window_room {
    uint16_t docs[WINDOW_DOCS];
    uint64_t words[KERNEL_WORDS];
} window_room;

static void set_of(const eval_cell *ec, const bitmap *set, window_room *room) {
    eval_set_words(room->words, room->docs, bitmap_window(set, ec->c->first, room->docs));
}

static void list_words(const list_view *list, window_room *room) {
    if (list->container_kind == LIST_BITSET) {
        memcpy(room->words, list->container, sizeof room->words);
    } else {
        eval_set_words(room->words, room->docs, list_docs(list, room->docs));
    }
}

static void restrict_to(evaluation *e, const eval_cell *ec, uint64_t *allowed, window_room *room) {
    const uint8_t *words = (const uint8_t *)room->words;
    if (e->request->filter) {
        set_of(ec, e->request->filter, room);
        e->sets->and_into(allowed, words);
    }
    for (uint32_t i = 0; i < e->required_set_count; i++) {
        set_of(ec, e->required_sets[i], room);
        e->sets->and_into(allowed, words);
    }
    if (ec->c->dead) {
        set_of(ec, snapshot_deleted(e->snapshot), room);
        e->sets->andnot_into(allowed, words);
    }
    for (uint32_t i = 0; i < e->excluded_set_count; i++) {
        set_of(ec, e->excluded_sets[i], room);
        e->sets->andnot_into(allowed, words);
    }
    for (uint32_t i = 0; i < e->excluded_count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (in) {
            list_words(&in->list, room);
            e->sets->andnot_into(allowed, words);
        }
    }
}

anp_status eval_allowed(evaluation *e, eval_cell *ec, const uint64_t **words) {
    *words = ec->allowed;
    if (ec->allowed || !eval_restricted(e, ec)) {
        return ANP_OK;
    }
    uint64_t *allowed = eval_words(e);
    window_room *room = malloc(sizeof *room);
    if (!allowed || !room) {
        free(room);
        return eval_nomem(e);
    }
    memset(allowed, 0, KERNEL_WORDS * sizeof *allowed);
    for (uint32_t low = ec->c->from; low < ec->c->end;) {
        if (low % 64 == 0 && ec->c->end - low >= 64) {
            allowed[low / 64] = UINT64_MAX;
            low += 64;
        } else {
            allowed[low / 64] |= (uint64_t)1 << (low % 64);
            low++;
        }
    }
    restrict_to(e, ec, allowed, room);
    free(room);
    *words = ec->allowed = allowed;
    return ANP_OK;
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

static uint32_t keep_in_words(uint16_t *docs, uint32_t count, const uint8_t *words) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t low = docs[i];
        docs[kept] = low;
        kept += words[low / 8] >> (low % 8) & 1;
    }
    return kept;
}

static anp_status intersect(evaluation *e, eval_cell *ec, const list_view *const *lists,
                            uint32_t count) {
    if (lists[0]->container_kind == LIST_BITSET) { /* then all are */
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
    return ANP_OK;
}

/* What excluded terms hold, out of candidates without other restrictions. */
static anp_status drop_excluded(evaluation *e, eval_cell *ec) {
    for (uint32_t i = 0; i < e->excluded_count && ec->count; i++) {
        const cell_list *in = cells_list_in(e->excluded[i], eval_cell_number(e, ec));
        if (!in) {
            continue;
        }
        if (ec->docs) {
            ec->count = list_keep(&in->list, ec->docs, ec->count, true);
        } else if (in->list.container_kind == LIST_BITSET) {
            ec->count = e->sets->andnot_into(ec->words, in->list.container);
        } else {
            uint64_t *words = eval_words(e);
            uint16_t *docs = arena_alloc(e->memory, in->list.count * sizeof *docs);
            if (!words || !docs) {
                return eval_nomem(e);
            }
            eval_set_words(words, docs, list_docs(&in->list, docs));
            ec->count = e->sets->andnot_into(ec->words, (const uint8_t *)words);
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
    if (count && !restricted_by_sets(e, ec)) {
        TRY(intersect(e, ec, lists, count));
        return drop_excluded(e, ec);
    }
    TRY(eval_allowed(e, ec, &allowed));
    if (count) {
        TRY(intersect(e, ec, lists, count));
    } else if (allowed) { /* sets alone */
        ec->words = eval_words(e);
        if (!ec->words) {
            return eval_nomem(e);
        }
        memcpy(ec->words, allowed, KERNEL_WORDS * sizeof *ec->words);
        ec->count = e->sets->count(ec->words);
        return ANP_OK;
    }
    if (allowed && ec->count) {
        ec->count = ec->words ? e->sets->and_into(ec->words, (const uint8_t *)allowed)
                              : keep_in_words(ec->docs, ec->count, (const uint8_t *)allowed);
    }
    return ANP_OK;
}

anp_status eval_candidate_words(evaluation *e, eval_cell *ec) {
    if (!ec->words) {
        ec->words = eval_words(e);
        if (!ec->words) {
            return eval_nomem(e);
        }
        eval_set_words(ec->words, ec->docs, ec->count);
    }
    return ANP_OK;
}

anp_status eval_candidate_docs(evaluation *e, eval_cell *ec) {
    uint32_t count = 0;
    ec->docs = arena_alloc(e->memory, ec->count * sizeof *ec->docs);
    if (!ec->docs) {
        return eval_nomem(e);
    }
    for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word++) {
        for (uint64_t left = ec->words[word]; left && count < ec->count; left &= left - 1) {
            ec->docs[count++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
        }
    }
    return ANP_OK;
}
