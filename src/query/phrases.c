/*
 * Phrases of candidates: the positions of posts' words, looked at when the posts may be kept.
 *
 *     "book of life"   the fewest posts hold life, then book, then of
 *     found            where life's positions begin in each of the posts, at once (postings/list.h)
 *     starts           life at 40, 91 in this post, less its place in the phrase: 38, 89
 *     found, kept      in the posts that have starts: 38 if book stands at 38
 *     found, kept      in those that still have some: 38 if of stands at 39, which is looked for
 *                      among its 130 positions without reading them
 *
 * A candidate holds every word of a phrase somewhere. In the combined text a phrase stands in the
 * body or in the title, not across both: titles are looked at in the posts whose bodies do not have
 * it, and whose titles have all the words. One of body: is looked for in bodies only, at the same
 * positions. With slop all positions are read and match.h decides.
 */
#include "query/evaluation.h"

enum { BATCH = 512 }; /* posts that are looked at together: what is known of them stays near */

/* A word of a phrase in one cell. */
typedef struct phrase_word {
    cell_list *in; /* NULL: not here */
    positions_view view;
    positions_finder finder;
} phrase_word;

typedef struct phrase_side {
    phrase_word *words; /* by place in the phrase; of a repeated word its first place counts */
    uint32_t *order;    /* places, those of the shortest lists first */
    bool made, impossible;
} phrase_side;

/* Posts that may still hold a phrase; count <= BATCH. */
typedef struct phrase_posts {
    uint32_t count;
    uint16_t lows[BATCH];    /* ascending */
    uint16_t numbers[BATCH]; /* among those that were asked for */
    uint32_t starts[BATCH];  /* how many each has, one post behind the other in e->positions */
    positions_place places[BATCH]; /* of the word in hand */
} phrase_posts;

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
    TRY(cells_open(e->snapshot, ec->c, e->err));
    for (uint32_t i = 0; i < node->term_count; i++) {
        phrase_word *word = &side->words[i];
        word->in = cells_list_in(terms[i], eval_cell_number(e, ec));
        side->impossible |= !word->in;
        if (!word->in || p->before[i] != PHRASE_FIRST) {
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
    if (!side->impossible) {
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

/* ---- Posts ----------------------------------------------------------------------------------- */

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

/* Puts what is left of a post, `at` of them: its starts begin at *from and are moved to *to. */
static void put_post(const evaluation *e, phrase_posts *posts, uint32_t at, uint32_t starts,
                     uint32_t from, uint32_t *to) {
    uint32_t kept = posts->count;
    if (starts == 0) {
        return;
    }
    if (*to != from) {
        memmove(e->positions + *to, e->positions + from, starts * sizeof *e->positions);
    }
    *to += starts;
    posts->lows[kept] = posts->lows[at];
    posts->numbers[kept] = posts->numbers[at];
    posts->starts[kept] = starts;
    posts->count++;
}

/* The starts that the first word leaves. */
static anp_status read_starts(evaluation *e, const phrase_word *word, uint32_t offset,
                              phrase_posts *posts) {
    uint32_t count = posts->count, to = 0;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += posts->places[i].number;
    }
    TRY(need_room(e, total));
    posts->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const positions_place *place = &posts->places[i];
        uint32_t *starts = e->positions + to, kept = 0;
        TRY(positions_found(&word->view, place, starts, e->err));
        for (uint32_t k = 0; k < place->number; k++) {
            uint32_t position = starts[k];
            starts[kept] = position - offset;
            kept += position >= offset;
        }
        put_post(e, posts, i, kept, to, &to);
    }
    return ANP_OK;
}

/* Of these, those that another word leaves. */
static anp_status keep_starts(evaluation *e, const phrase_word *word, uint32_t offset,
                              phrase_posts *posts) {
    uint32_t count = posts->count, from = 0, to = 0;
    posts->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const positions_place *place = &posts->places[i];
        uint32_t starts = posts->starts[i], kept = starts;
        if (place->number) {
            TRY(positions_keep(&word->view, place, offset, e->positions + from, &kept, e->err));
        }
        put_post(e, posts, i, place->number ? kept : 0, from, &to);
        from += starts;
    }
    return ANP_OK;
}

/* Without slop: starts of the rarest word, kept while the others agree. */
static anp_status find_exact(evaluation *e, const eval_phrase *p, const phrase_side *side,
                             phrase_posts *posts) {
    for (uint32_t i = 0; i < p->node->term_count && posts->count; i++) {
        phrase_word *word = word_at(p, side, side->order[i]);
        uint32_t offset = p->node->offsets[side->order[i]];
        TRY(positions_find(&word->finder, posts->lows, posts->count, posts->places, e->err));
        TRY(i ? keep_starts(e, word, offset, posts) : read_starts(e, word, offset, posts));
    }
    return ANP_OK;
}

/* All positions of all words, then the general test. */
static anp_status find_sloppy(evaluation *e, const eval_phrase *p, phrase_side *side, uint16_t low,
                              bool *found) {
    const plan_node *node = p->node;
    size_t starts[QUERY_CLAUSES_MAX], used = 0;
    uint32_t counts[QUERY_CLAUSES_MAX];
    const uint32_t *lists[QUERY_CLAUSES_MAX];
    for (uint32_t i = 0; i < node->term_count; i++) {
        phrase_word *word = &side->words[i];
        if (p->before[i] != PHRASE_FIRST) {
            starts[i] = starts[p->before[i]];
            counts[i] = counts[p->before[i]];
            continue;
        }
        positions_place place = {0};
        TRY(word->in ? positions_find(&word->finder, &low, 1, &place, e->err) : ANP_OK);
        starts[i] = used;
        counts[i] = place.number;
        TRY(need_room(e, used + counts[i]));
        if (counts[i]) {
            TRY(positions_found(&word->view, &place, e->positions + used, e->err));
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

/* Leaves the posts that hold a phrase in the body (or the field it is in) or in the title. */
static anp_status look(evaluation *e, eval_cell *ec, uint32_t phrase, bool title,
                       phrase_posts *posts) {
    const eval_phrase *p = &e->phrases[phrase];
    uint32_t count = posts->count;
    phrase_side *side;
    TRY(side_of(e, ec, phrase, title, &side));
    if (e->trace) {
        e->trace->phrases += count;
    }
    if (side->impossible) {
        posts->count = 0;
        return ANP_OK;
    }
    if (!p->node->source->slop) {
        return find_exact(e, p, side, posts);
    }
    posts->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool found = false;
        TRY(find_sloppy(e, p, side, posts->lows[i], &found));
        posts->lows[posts->count] = posts->lows[i];
        posts->numbers[posts->count] = posts->numbers[i];
        posts->count += found;
    }
    return ANP_OK;
}

/* Posts of `lows` that are not held yet. */
static void take_posts(phrase_posts *posts, const uint16_t *lows, uint32_t count,
                       const bool *held) {
    posts->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        posts->lows[posts->count] = lows[i];
        posts->numbers[posts->count] = (uint16_t)i;
        posts->count += !held[i];
    }
}

/* Of these, those whose titles have all the words. */
static anp_status keep_titles(evaluation *e, eval_cell *ec, uint32_t phrase, phrase_posts *posts) {
    const eval_phrase *p = &e->phrases[phrase];
    uint16_t lows[BATCH];
    uint32_t count = posts->count, at = 0;
    phrase_side *side;
    TRY(side_of(e, ec, phrase, true, &side));
    if (side->impossible || p->node->source->slop) {
        return ANP_OK;
    }
    memcpy(lows, posts->lows, count * sizeof *lows);
    for (uint32_t i = 0; i < p->node->term_count && count; i++) {
        count = list_keep(&word_at(p, side, side->order[i])->in->list, lows, count, false);
    }
    for (uint32_t i = 0; i < count; i++, at++) {
        while (posts->lows[at] != lows[i]) {
            at++;
        }
        posts->lows[i] = lows[i];
        posts->numbers[i] = posts->numbers[at];
    }
    posts->count = count;
    return ANP_OK;
}

static void hold_posts(const phrase_posts *posts, bool *held) {
    for (uint32_t i = 0; i < posts->count; i++) {
        held[posts->numbers[i]] = true;
    }
}

/*
 * Of posts in which each two neighbours of the phrase stand side by side somewhere: where every
 * inner word stands but once (its tf is 1, so that it is in the body or in the title), all stand
 * together.
 */
static void hold_chained(const evaluation *e, const eval_cell *ec, const eval_phrase *p,
                         const uint16_t *lows, uint32_t count, bool *held) {
    uint32_t cell_number = eval_cell_number(e, ec);
    memset(held, true, count * sizeof *held);
    for (uint32_t word = 1; word + 1 < p->node->term_count; word++) {
        const list_view *list = &cells_list_in(p->body[word], cell_number)->list;
        for (uint32_t i = 0; i < count; i++) {
            if (held[i]) {
                uint32_t rank = e->lists->rank(list, lows[i]);
                held[i] = rank != UINT32_MAX && e->lists->tf(list, rank) == 1;
            }
        }
    }
}

/* Keeps of `count` <= BATCH ascending lows those that hold a phrase. */
static anp_status keep_batch(evaluation *e, eval_cell *ec, uint32_t phrase, uint16_t *lows,
                             uint32_t *count) {
    index_field field = e->phrases[phrase].node->source->field;
    phrase_posts posts;
    bool held[BATCH];
    uint32_t kept = 0;
    memset(held, 0, *count * sizeof *held);
    if (eval_pairs_chain(e, ec, &e->phrases[phrase])) {
        hold_chained(e, ec, &e->phrases[phrase], lows, *count, held);
    }
    if (field != INDEX_TITLE) {
        take_posts(&posts, lows, *count, held);
        TRY(posts.count ? look(e, ec, phrase, false, &posts) : ANP_OK);
        hold_posts(&posts, held);
    }
    if (field == INDEX_TITLE || (field == INDEX_TEXT && e->title_weight)) {
        take_posts(&posts, lows, *count, held);
        TRY(posts.count ? keep_titles(e, ec, phrase, &posts) : ANP_OK);
        TRY(posts.count ? look(e, ec, phrase, true, &posts) : ANP_OK);
        hold_posts(&posts, held);
    }
    for (uint32_t i = 0; i < *count; i++) {
        uint16_t low = lows[i];
        lows[kept] = low;
        kept += held[i];
    }
    *count = kept;
    return ANP_OK;
}

anp_status eval_phrases_hold(evaluation *e, eval_cell *ec, uint16_t *lows, uint32_t *count) {
    for (uint32_t i = 0; i < e->phrase_count; i++) {
        uint32_t asked = *count;
        if (eval_pairs_say(e, ec, &e->phrases[i]) == EVAL_PAIRS_ALL) {
            continue; /* a candidate is in the pair's list */
        }
        *count = 0;
        for (uint32_t from = 0; from < asked; from += BATCH) {
            uint32_t batch = asked - from < BATCH ? asked - from : BATCH;
            TRY(keep_batch(e, ec, i, lows + from, &batch));
            memmove(lows + *count, lows + from, batch * sizeof *lows);
            *count += batch;
        }
    }
    return ANP_OK;
}

bool eval_phrases_open(const evaluation *e, const eval_cell *ec) {
    bool open = false;
    for (uint32_t i = 0; i < e->phrase_count; i++) {
        open |= eval_pairs_say(e, ec, &e->phrases[i]) != EVAL_PAIRS_ALL;
    }
    return open;
}

anp_status eval_phrases_keep(evaluation *e, eval_cell *ec) {
    if (ec->count == 0 || !eval_phrases_open(e, ec)) {
        return ANP_OK;
    }
    if (!ec->docs) {
        TRY(eval_candidate_docs(e, ec));
    }
    ec->words = NULL;
    return eval_phrases_hold(e, ec, ec->docs, &ec->count);
}
