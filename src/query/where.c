/*
 * What counts in some posts only: its lists cut to these.
 *
 *     redis (lock -"owner note")     lock counts in posts where the group matches:
 *                                    lock's list of each cell, less the phrase's posts, is a list
 *                                    made in memory, with bounds, seeds and champions of its own
 *     redis stack:aws^2              the posts of a value are a list of which each posting has the
 *                                    same part in a score: EVAL_CONSTANT
 *
 * So each posting of each list counts wherever it is in a match, and what walks lists need not know
 * of groups. A list costs some 20 ns a posting, and 8 KiB of bits a clause and cell.
 */
#include "query/evaluation.h"

/* ---- Gates ----------------------------------------------------------------------------------- */

/* The live posts of a cell in which a gate is open. */
static anp_status open_cell(evaluation *e, const eval_gate *gate, uint32_t number,
                            uint64_t *words) {
    const eval_cell *ec = &e->cells[number];
    arena_mark mark = arena_save(e->memory);
    uint64_t *some = eval_words(e);
    if (!some) {
        return eval_nomem(e);
    }
    if (gate->outer) {
        memcpy(words, gate->outer->words + (size_t)number * KERNEL_WORDS,
               KERNEL_WORDS * sizeof *words);
    } else {
        eval_all_words(ec->c, words);
    }
    if (!gate->outer && ec->c->dead) {
        TRY(eval_bitmap_words(e, ec, snapshot_deleted(e->snapshot), some));
        e->sets->andnot_into(words, (const uint8_t *)some);
    }
    if (!gate->outer || e->sets->count(words)) {
        TRY(eval_node_words(e, ec, gate->node, some));
        e->sets->and_into(words, (const uint8_t *)some);
    }
    arena_rewind(e->memory, mark);
    return ANP_OK;
}

/* Of all cells, once: what stands in a group with many clauses does not look at them again. */
static anp_status open_gate(evaluation *e, eval_gate *gate) {
    if (gate->words) {
        return ANP_OK;
    }
    TRY(gate->outer ? open_gate(e, gate->outer) : ANP_OK);
    gate->words = malloc((size_t)(e->cell_count + 1) * KERNEL_WORDS * sizeof *gate->words);
    if (!gate->words) {
        return eval_nomem(e);
    }
    for (uint32_t number = 0; number < e->cell_count; number++) {
        TRY(open_cell(e, gate, number, gate->words + (size_t)number * KERNEL_WORDS));
    }
    return ANP_OK;
}

void eval_gate_close(eval_gate *gate) {
    free(gate->words);
    gate->words = NULL;
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Scratch of a cell at a time. */
typedef struct cutter {
    evaluation *e;
    const eval_gate *gate; /* that was opened */
    arena scratch;
    const uint64_t *words; /* the posts of the cell: */
    uint32_t count;
    uint16_t *docs; /* as lows, once they are needed */
    cell_postings postings;
} cutter;

static anp_status begin(cutter *c, evaluation *e, eval_gate *gate) {
    *c = (cutter){.e = e, .gate = gate};
    TRY(open_gate(e, gate));
    c->docs = arena_alloc(&c->scratch, WINDOW_DOCS * sizeof *c->docs);
    return c->docs ? cell_postings_make(&c->scratch, &c->postings, e->err) : eval_nomem(e);
}

static void begin_cell(cutter *c, uint32_t number) {
    c->words = c->gate->words + (size_t)number * KERNEL_WORDS;
    c->count = c->e->sets->count(c->words);
}

/* The postings of a list that the gate lets through: of few posts each is looked up. */
static anp_status cut_postings(cutter *c, const eval_cell *ec, const list_view *list) {
    enum { LOOK_UP = 8 };
    const evaluation *e = c->e;
    cell_postings *p = &c->postings;
    p->count = 0;
    if ((uint64_t)c->count * LOOK_UP < list->count) {
        uint32_t count = eval_words_docs(c->words, WINDOW_DOCS, c->docs);
        for (uint32_t i = 0; i < count; i++) {
            uint32_t rank = e->lists->rank(list, c->docs[i]);
            if (rank != UINT32_MAX) {
                p->docs[p->count] = c->docs[i];
                p->tfs[p->count++] = e->lists->tf(list, rank);
            }
        }
        return ANP_OK;
    }
    if (!list_docs_within(list, ec->c->from, ec->c->end, p->docs)) {
        return error_corrupt(e->err, "the posts of a word do not ascend; verify the index");
    }
    list_tfs(list, p->tfs);
    for (uint32_t i = 0; i < list->count; i++) {
        uint16_t low = p->docs[i];
        p->docs[p->count] = low;
        p->tfs[p->count] = p->tfs[i];
        p->count += c->words[low / 64] >> (low % 64) & 1;
    }
    return ANP_OK;
}

/* Adds what is there of a cell. */
static anp_status add_list(cutter *c, uint32_t number, bool tfs, term_lists *to) {
    evaluation *e = c->e;
    cell_postings postings = c->postings;
    if (!postings.count) {
        return ANP_OK;
    }
    postings.tfs = tfs ? postings.tfs : NULL;
    postings.impacts = e->request->k ? postings.impacts : NULL; /* what is counted has no bounds */
    cell_list list = {.cell = number};
    TRY(cells_make_list(e->snapshot, e->cells[number].c, to->field, &postings, e->memory, &list,
                        e->err));
    to->df += postings.count;
    term_lists_add(to, &list);
    return ANP_OK;
}

/* The list of a cell: as it is, where the gate is open in all of its posts. */
static anp_status cut_list(cutter *c, uint32_t number, const cell_list *in, term_lists *to) {
    const evaluation *e = c->e;
    if (in->list.container_kind == LIST_BITSET &&
        e->sets->and_count((const uint8_t *)c->words, in->list.container) == in->list.count) {
        term_lists_add(to, in);
        to->df += in->list.count;
        return ANP_OK;
    }
    TRY(cut_postings(c, &e->cells[number], &in->list));
    return add_list(c, number, true, to);
}

static anp_status copy_term(const evaluation *e, const term_lists *from, term_lists **out) {
    term_lists *to = arena_new(e->memory, term_lists);
    if (!to) {
        return eval_nomem(e);
    }
    *to = *from;
    to->df = to->count = 0;
    *out = to;
    return term_lists_make(to, e->cell_count, e->memory, e->err);
}

/* Choices have gates in common, and all that is cut by them. */
static const term_lists *cut_before(const evaluation *e, const eval_gate *gate,
                                    const term_lists *from) {
    const eval_cut *cut = e->sets_made->cuts;
    while (cut && (cut->gate != gate->node || cut->from != from)) {
        cut = cut->next;
    }
    return cut ? cut->to : NULL;
}

static anp_status remember_cut(evaluation *e, const eval_gate *gate, const term_lists *from,
                               const term_lists *to) {
    eval_cut *cut = arena_new(e->memory, eval_cut);
    if (!cut) {
        return eval_nomem(e);
    }
    *cut = (eval_cut){gate->node, from, to, e->sets_made->cuts};
    e->sets_made->cuts = cut;
    return ANP_OK;
}

static anp_status cut_terms(cutter *c, const uint32_t *terms, uint32_t count) {
    evaluation *e = c->e;
    const term_lists *from[EVAL_TERMS_MAX];
    term_lists *to[EVAL_TERMS_MAX];
    for (uint32_t i = 0; i < count; i++) {
        from[i] = e->terms[terms[i]].lists;
        TRY(copy_term(e, from[i], &to[i]));
        e->terms[terms[i]].lists = to[i];
    }
    for (uint32_t number = 0; number < e->cell_count; number++) {
        begin_cell(c, number);
        for (uint32_t i = 0; i < count && c->count; i++) {
            const cell_list *in = cells_list_in(from[i], number);
            TRY(in ? cut_list(c, number, in, to[i]) : ANP_OK);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(remember_cut(e, c->gate, from[i], to[i]));
    }
    return ANP_OK;
}

anp_status eval_cut_terms(evaluation *e, const uint32_t *terms, uint32_t count,
                          eval_gate *gate) {
    uint32_t left[EVAL_TERMS_MAX], left_count = 0;
    cutter c;
    for (uint32_t i = 0; i < count && gate; i++) {
        eval_term *term = &e->terms[terms[i]];
        const term_lists *known = cut_before(e, gate, term->lists);
        term->lists = known ? known : term->lists;
        left[left_count] = terms[i];
        left_count += !known;
    }
    if (!left_count) {
        return ANP_OK;
    }
    anp_status status = begin(&c, e, gate);
    status = status == ANP_OK ? cut_terms(&c, left, left_count) : status;
    arena_free(&c.scratch);
    return status;
}

static anp_status list_gate(cutter *c, term_lists *to) {
    for (uint32_t number = 0; number < c->e->cell_count; number++) {
        begin_cell(c, number);
        c->postings.count = eval_words_docs(c->words, WINDOW_DOCS, c->postings.docs);
        TRY(add_list(c, number, false, to));
    }
    return ANP_OK;
}

anp_status eval_list_gate(evaluation *e, eval_gate *gate, const term_lists **out) {
    const term_lists constant = {.field = (index_field)EVAL_CONSTANT, .number = UINT32_MAX,
                                 .idf = 1};
    term_lists *to;
    cutter c;
    *out = cut_before(e, gate, NULL);
    if (*out) {
        return ANP_OK;
    }
    TRY(copy_term(e, &constant, &to));
    anp_status status = begin(&c, e, gate);
    status = status == ANP_OK ? list_gate(&c, to) : status;
    arena_free(&c.scratch);
    *out = to;
    return status == ANP_OK ? remember_cut(e, gate, NULL, to) : status;
}
