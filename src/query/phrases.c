/*
 * Phrases of candidates: the positions of a post's words, looked at when the post may be kept.
 *
 *     "book of life"   the fewest posts hold life, then book, then of
 *     starts           life at 40, 91 in this post, less its place in the phrase: 38, 89
 *     kept             38 if book stands at 38; then if of stands at 39, which is looked for among
 *                      its 130 positions without reading them
 *
 * Where many posts of a block are asked for, all of a word's postings in the block are found at
 * once; in titles first which posts have all the words there.
 *
 * A candidate holds every word of a phrase somewhere. In the combined text a phrase stands in the
 * body or in the title, not across both. With slop all positions are read and match.h decides.
 */
#include "query/evaluation.h"

enum {
    AT_ONCE_PART = 8, /* postings of a block that are found at once for a post asked for */
    COMMON_FROM = 16, /* posts asked for, from which what titles have in common pays */
};

/* A word of a phrase in one cell. */
typedef struct phrase_word {
    cell_list *in; /* NULL: not here */
    positions_view view;
    positions_finder finder;
    uint32_t number; /* of positions, of the post in hand */
    bool located;
    uint32_t block;           /* that was looked at last + 1 */
    bool at_once;             /* its postings were found at once: */
    positions_block *found;
} phrase_word;

typedef struct phrase_side {
    phrase_word *words; /* by place in the phrase; of a repeated word its first place counts */
    uint32_t *order;    /* places, those of the shortest lists first */
    bool made, impossible;
    uint16_t *common;   /* posts that have all the words, ascending; NULL: not looked for */
    uint32_t common_count, common_at;
} phrase_side;

/* ---- A cell -------------------------------------------------------------------------------- */

/* The word that stands for a place of the phrase. */
static phrase_word *word_at(const eval_phrase *p, const phrase_side *side, uint32_t place) {
    while (p->before[place] != PHRASE_FIRST) {
        place = p->before[place];
    }
    return &side->words[place];
}

static void order_places(const eval_phrase *p, phrase_side *side) {
    for (uint32_t i = 0; i < p->node->term_count; i++) {
        uint32_t count = word_at(p, side, i)->in->list.count, at = i;
        for (; at && word_at(p, side, side->order[at - 1])->in->list.count > count; at--) {
            side->order[at] = side->order[at - 1];
        }
        side->order[at] = i;
    }
}

static anp_status make_side(evaluation *e, const eval_phrase *p, const eval_cell *ec, bool title,
                            phrase_side *side) {
    const term_lists *const *terms = title ? p->title : p->body;
    const plan_node *node = p->node;
    *side = (phrase_side){.made = true};
    side->words = arena_array(e->memory, phrase_word, node->term_count);
    side->order = arena_array(e->memory, uint32_t, node->term_count);
    if (!side->words || !side->order) {
        return eval_nomem(e);
    }
    for (uint32_t i = 0; i < node->term_count; i++) {
        phrase_word *word = &side->words[i];
        word->in = cells_list_in(terms[i], eval_cell_number(e, ec));
        side->impossible |= !word->in;
        if (!word->in || p->before[i] != PHRASE_FIRST || ec->c->made) {
            continue;
        }
        TRY(cells_positions(e->snapshot, terms[i], word->in, e->err));
        TRY(positions_view_open(word->in->positions, word->in->list.count, &word->view, e->err));
        bool combined = terms[i]->field == INDEX_TEXT;
        word->finder = (positions_finder){.list = &word->in->list,
                                          .view = &word->view,
                                          .lengths = combined ? ec->c->body : ec->c->title,
                                          .title_weight = combined ? e->title_weight : 0};
    }
    if (!side->impossible && !ec->c->made) {
        order_places(p, side);
    }
    return ANP_OK;
}

static anp_status side_of(evaluation *e, eval_cell *ec, uint32_t phrase, bool title,
                          phrase_side **out) {
    if (!ec->sides) {
        ec->sides = arena_array(e->memory, phrase_side, 2 * e->phrase_count);
        if (!ec->sides) {
            return eval_nomem(e);
        }
    }
    *out = &ec->sides[2 * phrase + title];
    return (*out)->made ? ANP_OK : make_side(e, &e->phrases[phrase], ec, title, *out);
}

/* ---- A post -------------------------------------------------------------------------------- */

static anp_status need_room(evaluation *e, size_t positions) {
    if (e->positions && positions <= e->positions_room) {
        return ANP_OK;
    }
    uint32_t *grown = realloc(e->positions, (2 * positions + 1) * sizeof *grown);
    if (!grown) {
        return eval_nomem(e);
    }
    e->positions = grown;
    e->positions_room = 2 * positions;
    return ANP_OK;
}

/* A new block: whether all of the word's postings in it are found at once. */
static anp_status enter_block(evaluation *e, phrase_word *word, uint32_t block) {
    uint32_t from, to;
    word->block = block + 1;
    list_block(&word->in->list, block, &from, &to);
    word->at_once = to - from <= e->in_block * AT_ONCE_PART;
    if (word->at_once && !word->found) {
        word->found = arena_new(e->memory, positions_block);
        if (!word->found) {
            return eval_nomem(e);
        }
    }
    return word->at_once ? positions_find_block(&word->finder, block, word->found, e->err) : ANP_OK;
}

/* How many positions a word has in a post, and where; false: none. */
static anp_status locate(evaluation *e, phrase_word *word, uint16_t low, bool *here) {
    *here = word->located;
    if (word->located) {
        return ANP_OK;
    }
    if (e->in_block && word->block != low / BLOCK_DOCS + 1u) {
        TRY(enter_block(e, word, low / BLOCK_DOCS));
    }
    if (e->in_block && word->at_once) {
        word->number = positions_take(&word->finder, word->found, low);
        *here = word->located = word->number > 0;
        return ANP_OK;
    }
    uint32_t rank = list_rank(&word->in->list, low);
    if (rank == UINT32_MAX) {
        return ANP_OK;
    }
    word->number = positions_number(&word->finder, rank);
    if (word->number == 0) {
        return ANP_OK;
    }
    if (word->number > list_length(&word->finder.lengths, low)) {
        return error_corrupt(e->err, "a posting has more positions than its post has words");
    }
    *here = word->located = true;
    return positions_find(&word->finder, low, rank, e->err);
}

/* Without slop: starts of the rarest word, kept while the others agree. */
static anp_status find_exact(evaluation *e, const eval_phrase *p, phrase_side *side, uint16_t low,
                             bool *found) {
    const uint32_t *offsets = p->node->offsets, *order = side->order;
    uint32_t count = 0;
    bool here;
    phrase_word *first = word_at(p, side, order[0]);
    TRY(locate(e, first, low, &here));
    if (!here) {
        return ANP_OK;
    }
    TRY(need_room(e, first->number));
    uint32_t *starts = e->positions;
    TRY(positions_found(&first->finder, low, first->number, starts, e->err));
    for (uint32_t i = 0; i < first->number; i++) {
        uint32_t position = starts[i];
        starts[count] = position - offsets[order[0]];
        count += position >= offsets[order[0]];
    }
    for (uint32_t i = 1; i < p->node->term_count && count; i++) {
        phrase_word *word = word_at(p, side, order[i]);
        TRY(locate(e, word, low, &here));
        if (!here) {
            return ANP_OK;
        }
        TRY(positions_keep(&word->finder, low, word->number, offsets[order[i]], starts, &count,
                           e->err));
    }
    *found = count > 0;
    return ANP_OK;
}

/* All positions of all words, then the general test. */
static anp_status find_sloppy(evaluation *e, const eval_phrase *p, const eval_cell *ec, bool title,
                              phrase_side *side, uint16_t low, bool *found) {
    const plan_node *node = p->node;
    size_t starts[QUERY_CLAUSES_MAX], used = 0;
    uint32_t counts[QUERY_CLAUSES_MAX];
    const uint32_t *lists[QUERY_CLAUSES_MAX];
    arena scratch = {0};
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < node->term_count && status == ANP_OK; i++) {
        phrase_word *word = &side->words[i];
        if (p->before[i] != PHRASE_FIRST) {
            starts[i] = starts[p->before[i]];
            counts[i] = counts[p->before[i]];
            continue;
        }
        const uint32_t *positions = NULL;
        starts[i] = used;
        counts[i] = 0;
        if (!ec->c->made) {
            bool here = false;
            status = word->in ? locate(e, word, low, &here) : ANP_OK;
            counts[i] = here ? word->number : 0;
        } else {
            status = snapshot_positions(e->snapshot, title ? INDEX_TITLE : INDEX_BODY,
                                        node->terms[i]->number, ec->c->first + low, &scratch,
                                        &positions, &counts[i], e->err);
        }
        status = status == ANP_OK ? need_room(e, used + counts[i]) : status;
        if (status == ANP_OK && positions && counts[i]) {
            memcpy(e->positions + used, positions, counts[i] * sizeof *positions);
        } else if (status == ANP_OK && !ec->c->made && counts[i]) {
            status = positions_found(&word->finder, low, word->number, e->positions + used, e->err);
        }
        used += counts[i];
    }
    arena_free(&scratch);
    TRY(status);
    for (uint32_t i = 0; i < node->term_count; i++) {
        lists[i] = e->positions + starts[i];
    }
    phrase_words words = {node->term_count, lists, counts, node->offsets, p->before};
    *found = phrase_match(&words, node->source->slop);
    return ANP_OK;
}

/* Whether a title may hold the words; lows ascend where this is known. */
static bool may_stand(phrase_side *side, uint16_t low) {
    if (!side->common) {
        return true;
    }
    while (side->common_at < side->common_count && side->common[side->common_at] < low) {
        side->common_at++;
    }
    return side->common_at < side->common_count && side->common[side->common_at] == low;
}

static anp_status stands_in(evaluation *e, eval_cell *ec, uint32_t phrase, bool title,
                            uint16_t low, bool *found) {
    const eval_phrase *p = &e->phrases[phrase];
    phrase_side *side;
    TRY(side_of(e, ec, phrase, title, &side));
    *found = false;
    if (e->trace) {
        e->trace->phrases++;
    }
    if (side->impossible || !may_stand(side, low)) {
        return ANP_OK;
    }
    for (uint32_t i = 0; i < p->node->term_count; i++) {
        side->words[i].located = false;
    }
    return ec->c->made || p->node->source->slop
               ? find_sloppy(e, p, ec, title, side, low, found)
               : find_exact(e, p, side, low, found);
}

anp_status eval_phrases_hold(evaluation *e, eval_cell *ec, uint16_t low, bool *hold) {
    *hold = true;
    for (uint32_t i = 0; i < e->phrase_count && *hold; i++) {
        index_field field = e->phrases[i].node->source->field;
        if (eval_pairs_say(e, ec, &e->phrases[i]) == EVAL_PAIRS_ALL) {
            continue; /* a candidate is in the pair's list */
        }
        *hold = false;
        if (field != INDEX_TITLE) {
            TRY(stands_in(e, ec, i, false, low, hold));
        }
        if (!*hold && (field == INDEX_TITLE || e->title_weight)) {
            TRY(stands_in(e, ec, i, true, low, hold));
        }
    }
    return ANP_OK;
}

/* ---- A cell's candidates ------------------------------------------------------------------- */

/* Whether positions are needed for some phrase. */
static bool are_open(const evaluation *e, const eval_cell *ec) {
    bool open = false;
    for (uint32_t i = 0; i < e->phrase_count; i++) {
        open |= eval_pairs_say(e, ec, &e->phrases[i]) != EVAL_PAIRS_ALL;
    }
    return open;
}

/* The posts that have all words of a phrase in the title. */
static anp_status find_common(evaluation *e, eval_cell *ec, uint32_t phrase) {
    const eval_phrase *p = &e->phrases[phrase];
    phrase_side *side;
    TRY(side_of(e, ec, phrase, true, &side));
    if (side->impossible || ec->c->made || p->node->source->slop) {
        return ANP_OK;
    }
    const list_view *first = &word_at(p, side, side->order[0])->in->list;
    side->common = arena_alloc(e->memory, first->count * sizeof *side->common);
    if (!side->common) {
        return eval_nomem(e);
    }
    side->common_count = list_docs(first, side->common);
    for (uint32_t i = 1; i < p->node->term_count && side->common_count; i++) {
        const list_view *list = &word_at(p, side, side->order[i])->in->list;
        side->common_count = list_keep(list, side->common, side->common_count, false);
    }
    return ANP_OK;
}

static anp_status find_commons(evaluation *e, eval_cell *ec) {
    for (uint32_t i = 0; i < e->phrase_count && ec->count >= COMMON_FROM; i++) {
        bool titles = e->phrases[i].node->source->field == INDEX_TEXT && e->title_weight;
        TRY(titles ? find_common(e, ec, i) : ANP_OK);
    }
    return ANP_OK;
}

/* How many candidates from this one on lie in the same block. */
static uint32_t count_in_block(const eval_cell *ec, uint32_t from) {
    uint32_t i = from + 1;
    while (i < ec->count && ec->docs[i] / BLOCK_DOCS == ec->docs[from] / BLOCK_DOCS) {
        i++;
    }
    return i - from;
}

anp_status eval_phrases_keep(evaluation *e, eval_cell *ec) {
    uint32_t kept = 0, block = UINT32_MAX;
    bool hold;
    if (ec->count == 0 || !are_open(e, ec)) {
        return ANP_OK;
    }
    if (!ec->docs) {
        TRY(eval_candidate_docs(e, ec));
    }
    TRY(find_commons(e, ec));
    for (uint32_t i = 0; i < ec->count; i++) {
        uint16_t low = ec->docs[i];
        if (low / BLOCK_DOCS != block) {
            block = low / BLOCK_DOCS;
            e->in_block = count_in_block(ec, i);
        }
        TRY(eval_phrases_hold(e, ec, low, &hold));
        ec->docs[kept] = low;
        kept += hold;
    }
    e->in_block = 0;
    ec->count = kept;
    ec->words = NULL;
    return ANP_OK;
}
