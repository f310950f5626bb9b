/*
 * What lists of pairs of words say of phrases: a phrase of two frequent words needs no positions, a
 * longer one fewer posts to look for it in.
 *
 *     "of the"          the list of (of, the) is the answer
 *     "out of the box"  (out, of), (of, the) and the list of box are intersected; then positions
 *     "one of the"      (one, of) and (of, the) are intersected; where of stands but once, both
 *                       stand there together; positions in the other posts
 *
 * Only without slop, and where the words of a pair stand side by side in the phrase. Lists are of
 * the combined text: a pair that is in a body is in them, but some of their posts have it in the
 * title alone, so that positions decide what a phrase of body: is in. A unit may know a pair that
 * another one does not (index/pairs.h).
 */
#include "query/evaluation.h"

anp_status eval_find_pairs(evaluation *e, eval_phrase *p) {
    const plan_node *node = p->node;
    if (node->source->field == INDEX_TITLE || node->source->slop) {
        return ANP_OK;
    }
    for (uint32_t i = 0; i + 1 < node->term_count; i++) {
        const cell_pair *pair = NULL;
        if (node->offsets[i + 1] == node->offsets[i] + 1) {
            TRY(cells_pair(e->snapshot, p->body[i], p->body[i + 1], &pair, e->err));
        }
        if (pair && !p->pairs) {
            p->pairs = (const cell_pair **)arena_array(e->memory, void *, node->term_count);
            if (!p->pairs) {
                return eval_nomem(e);
            }
        }
        if (pair) {
            p->pairs[i] = pair;
        }
    }
    return ANP_OK;
}

static cell_pair_state state_of(const evaluation *e, const eval_cell *ec, const eval_phrase *p,
                                uint32_t word) {
    const cell_pair *pair = p->pairs ? p->pairs[word] : NULL;
    return pair ? pair[eval_cell_number(e, ec)].state : CELL_PAIR_UNKNOWN;
}

eval_pairs eval_pairs_say(const evaluation *e, const eval_cell *ec, const eval_phrase *p) {
    uint32_t count = p->node->term_count;
    for (uint32_t i = 0; p->pairs && i + 1 < count; i++) {
        if (state_of(e, ec, p, i) == CELL_PAIR_NOWHERE) {
            return EVAL_PAIRS_NOWHERE;
        }
    }
    bool all = count == 2 && state_of(e, ec, p, 0) == CELL_PAIR_LISTED;
    return all && p->node->source->field == INDEX_TEXT ? EVAL_PAIRS_ALL : EVAL_PAIRS_OPEN;
}

bool eval_pairs_chain(const evaluation *e, const eval_cell *ec, const eval_phrase *p) {
    uint32_t count = p->node->term_count;
    /* No more, so that candidates are in the lists of all pairs. */
    bool chain = count > 2 && count <= (uint32_t)EVAL_TERMS_MAX && e->phrase_count == 1 &&
                 p->node->source->field == INDEX_TEXT;
    for (uint32_t i = 0; chain && i + 1 < count; i++) {
        chain = state_of(e, ec, p, i) == CELL_PAIR_LISTED;
    }
    return chain;
}

/* The scoring terms of a word. */
static uint64_t term_bits(const evaluation *e, const term_lists *lists) {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < e->term_count; i++) {
        bits |= (uint64_t)(e->terms[i].lists == lists) << i;
    }
    return bits;
}

static void add_pair(const evaluation *e, const eval_cell *ec, const eval_phrase *p, uint32_t word,
                     const list_view **lists, uint32_t *count, uint64_t *covered) {
    const list_view *list = &p->pairs[word][eval_cell_number(e, ec)].list;
    for (uint32_t i = 0; i < *count; i++) {
        if (lists[i] == list) {
            return;
        }
    }
    if (*count < EVAL_TERMS_MAX) {
        lists[(*count)++] = list;
        if (e->trace) {
            e->trace->pairs++;
        }
        *covered |= term_bits(e, p->body[word]) | term_bits(e, p->body[word + 1]);
    }
}

bool eval_pair_lists(const evaluation *e, const eval_cell *ec, const list_view **lists,
                     uint32_t *count, uint64_t *covered) {
    for (uint32_t i = 0; i < e->phrase_count; i++) {
        const eval_phrase *p = &e->phrases[i];
        if (eval_pairs_say(e, ec, p) == EVAL_PAIRS_NOWHERE) {
            return false;
        }
        for (uint32_t word = 0; p->pairs && word + 1 < p->node->term_count; word++) {
            if (state_of(e, ec, p, word) == CELL_PAIR_LISTED) {
                add_pair(e, ec, p, word, lists, count, covered);
            }
        }
    }
    return true;
}

/* ---- The trace ----------------------------------------------------------------------------- */

static anp_status add_line(const evaluation *e, const eval_phrase *p, uint32_t word) {
    evaluate_trace *t = e->trace;
    str first = p->node->terms[word]->term, second = p->node->terms[word + 1]->term;
    uint32_t cells[3] = {0}; /* by state */
    uint64_t posts = 0;
    for (uint32_t i = 0; i < e->cell_count; i++) {
        cell_pair_state state = state_of(e, &e->cells[i], p, word);
        cells[state]++;
        posts += state == CELL_PAIR_LISTED ? p->pairs[word][i].list.count : 0;
    }
    t->pair_lines = arena_format(
        t->memory,
        "%.*spair \"%.*s %.*s\": listed in %u cells, %llu posts; nowhere in %u, not known in %u\n",
        (int)t->pair_lines.len, t->pair_lines.len ? t->pair_lines.data : "", (int)first.len,
        first.data, (int)second.len, second.data, cells[CELL_PAIR_LISTED],
        (unsigned long long)posts, cells[CELL_PAIR_NOWHERE], cells[CELL_PAIR_UNKNOWN]);
    return t->pair_lines.data ? ANP_OK : eval_nomem(e);
}

anp_status eval_trace_pairs(const evaluation *e) {
    for (uint32_t i = 0; i < e->phrase_count; i++) {
        const eval_phrase *p = &e->phrases[i];
        for (uint32_t word = 0; word + 1 < p->node->term_count; word++) {
            TRY(add_line(e, p, word));
        }
    }
    return ANP_OK;
}
