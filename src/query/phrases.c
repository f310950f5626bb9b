/*
 * Phrases of candidates: the positions of a post's words, read when the post may be kept.
 *
 * A candidate holds every word of a phrase somewhere. In the combined text a phrase stands in the
 * body or in the title, not across both.
 */
#include "query/evaluation.h"

/* The positions of one word's posting, appended to e->positions. */
static anp_status read_positions(evaluation *e, const eval_cell *ec, const term_lists *term,
                                 cell_list *in, const list_lengths *lengths, uint32_t weight,
                                 uint16_t low, size_t used, uint32_t *count) {
    positions_view view;
    uint32_t rank = list_rank(&in->list, low);
    *count = 0;
    if (rank == UINT32_MAX) {
        return ANP_OK;
    }
    uint32_t expect = list_tf(&in->list, rank);
    expect -= weight ? weight * list_title_tf(&in->list, rank) : 0;
    if (expect == 0) {
        return ANP_OK;
    }
    if (expect > list_length(lengths, low)) {
        return error_corrupt(e->err, "a posting has more positions than its post has words");
    }
    if (used + expect > e->positions_room) {
        size_t room = (used + expect) * 2;
        uint32_t *grown = realloc(e->positions, room * sizeof *grown);
        if (!grown) {
            return eval_nomem(e);
        }
        e->positions = grown;
        e->positions_room = room;
    }
    TRY(cells_positions(e->snapshot, term, in, e->err));
    TRY(positions_view_open(in->positions, in->list.count, &view, e->err));
    TRY(positions_read(&view, &in->list, lengths, weight, low, rank, expect, e->positions + used,
                       e->err));
    *count = expect;
    (void)ec;
    return ANP_OK;
}

static cell_list *list_of(const evaluation *e, const term_lists *term, const eval_cell *ec) {
    uint32_t want = (uint32_t)(ec - e->cells);
    for (uint32_t i = 0; i < term->count; i++) {
        if (term->lists[i].cell >= want) {
            return term->lists[i].cell == want ? &term->lists[i] : NULL;
        }
    }
    return NULL;
}

/* In a cell whose lists are made in memory: the snapshot finds the positions. */
static anp_status read_made(evaluation *e, const eval_cell *ec, index_field field,
                            const term_lists *term, uint16_t low, size_t used, uint32_t *count) {
    arena scratch = {0};
    const uint32_t *positions;
    anp_status status = snapshot_positions(e->snapshot, field, term->number, ec->c->first + low,
                                           &scratch, &positions, count, e->err);
    if (status == ANP_OK && used + *count > e->positions_room) {
        size_t room = (used + *count) * 2;
        uint32_t *grown = realloc(e->positions, room * sizeof *grown);
        status = grown ? ANP_OK : eval_nomem(e);
        e->positions = grown ? grown : e->positions;
        e->positions_room = grown ? room : e->positions_room;
    }
    if (status == ANP_OK && *count) {
        memcpy(e->positions + used, positions, *count * sizeof *positions);
    }
    arena_free(&scratch);
    return status;
}

/* Whether the phrase stands in the title (or else the body) of a post. */
static anp_status stands_in(evaluation *e, const eval_phrase *p, const eval_cell *ec, bool title,
                            uint16_t low, bool *found) {
    const plan_node *node = p->node;
    const term_lists *const *terms = title ? p->title : p->body;
    size_t starts[QUERY_CLAUSES_MAX];
    uint32_t counts[QUERY_CLAUSES_MAX];
    const uint32_t *lists[QUERY_CLAUSES_MAX];
    size_t used = 0;
    *found = false;
    for (uint32_t i = 0; i < node->term_count; i++) {
        if (p->before[i] != PHRASE_FIRST) {
            starts[i] = starts[p->before[i]];
            counts[i] = counts[p->before[i]];
            continue;
        }
        starts[i] = used;
        counts[i] = 0;
        if (ec->c->made) {
            TRY(read_made(e, ec, title ? INDEX_TITLE : INDEX_BODY, terms[i], low, used,
                          &counts[i]));
        } else {
            cell_list *in = list_of(e, terms[i], ec);
            uint32_t weight = title ? 0 : e->title_weight;
            if (in) {
                TRY(read_positions(e, ec, terms[i], in, title ? &ec->c->title : &ec->c->body,
                                   weight, low, used, &counts[i]));
            }
        }
        if (counts[i] == 0) {
            return ANP_OK;
        }
        used += counts[i];
    }
    for (uint32_t i = 0; i < node->term_count; i++) {
        lists[i] = e->positions + starts[i];
    }
    phrase_words words = {node->term_count, lists, counts, node->offsets, p->before};
    *found = phrase_match(&words, node->source->slop);
    return ANP_OK;
}

anp_status eval_phrases_hold(evaluation *e, const eval_cell *ec, uint16_t low, bool *hold) {
    *hold = true;
    if (e->trace) {
        e->trace->phrases++;
    }
    for (uint32_t i = 0; i < e->phrase_count && *hold; i++) {
        const eval_phrase *p = &e->phrases[i];
        index_field field = p->node->source->field;
        *hold = false;
        if (field != INDEX_TITLE) {
            TRY(stands_in(e, p, ec, false, low, hold));
        }
        if (!*hold && (field == INDEX_TITLE || e->title_weight)) {
            TRY(stands_in(e, p, ec, true, low, hold));
        }
    }
    return ANP_OK;
}

anp_status eval_phrases_keep(evaluation *e, eval_cell *ec) {
    uint32_t kept = 0;
    bool hold;
    if (ec->count == 0) {
        return ANP_OK;
    }
    if (!ec->docs) {
        uint16_t *docs = arena_alloc(e->memory, ec->count * sizeof *docs);
        if (!docs) {
            return eval_nomem(e);
        }
        for (uint32_t word = 0; word < (uint32_t)KERNEL_WORDS; word++) {
            for (uint64_t left = ec->words[word]; left && kept < ec->count; left &= left - 1) {
                docs[kept++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(left));
            }
        }
        ec->docs = docs;
        kept = 0;
    }
    for (uint32_t i = 0; i < ec->count; i++) {
        TRY(eval_phrases_hold(e, ec, ec->docs[i], &hold));
        ec->docs[kept] = ec->docs[i];
        kept += hold;
    }
    ec->count = kept;
    ec->words = NULL;
    return ANP_OK;
}
