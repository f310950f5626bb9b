/*
 * Pairs of words out of a unit's lists and positions, a block of 256 ordinals at a time. See
 * pairs_make.h.
 *
 *     places    post 0: body │ title │ post 1: body │ title │ …      all texts of the block
 *               ▲ each word's positions there, one word after the other
 */
#include "base/error.h"
#include "index/column.h"
#include "index/pairs_impl.h"

/* A word in one field. */
typedef struct place_list {
    bool is;
    list_view list;
    positions_view positions;
    positions_finder finder;
    uint32_t next; /* as in positions_block */
    uint64_t end;
} place_list;

typedef struct source {
    const pairs_lists *of;
    const pairs_words *words;
    place_list (*lists)[2]; /* by word: body, title */
    list_lengths lengths[2];
    size_t *texts; /* by post of the block, body and title: its first place; one more: the end */
    uint32_t *names; /* by word: as it is called now, 0: it is not asked for */
    positions_block block;
    VEC(uint32_t) positions; /* of one posting */
} source;

static anp_status open_lengths(source *s, int title, anp_error *err) {
    column_view column;
    str value;
    uint32_t number = title ? COLUMN_TITLE_LENGTH : COLUMN_BODY_LENGTH;
    TRY(s->of->get(s->of->user, UNIT_COLUMN, number, 0, &value, err));
    if (value.len == 0) {
        return error_corrupt(err, "a unit lacks its lengths; restore a backup");
    }
    TRY(column_open(value, &column, err));
    TRY(column_lengths(&column, s->of->first, &s->lengths[title], err));
    return column.count == s->of->posts ? ANP_OK
                                        : error_corrupt(err, "a column has the wrong length");
}

static anp_status open_list(source *s, size_t word, int title, anp_error *err) {
    place_list *p = &s->lists[word][title];
    uint32_t number = s->words->items[word].number;
    unsigned sub = title ? UNIT_SUB_TITLE : UNIT_SUB_TEXT;
    str value, positions;
    TRY(s->of->get(s->of->user, UNIT_TERM, number, sub, &value, err));
    if (value.len == 0) {
        return ANP_OK;
    }
    TRY(list_view_open(value, &p->list, err));
    positions = p->list.positions;
    if (!positions.data) {
        TRY(s->of->get(s->of->user, UNIT_TERM, number, sub + 1, &positions, err));
    }
    TRY(positions_view_open(positions, p->list.count, &p->positions, err));
    p->is = true;
    p->finder = (positions_finder){.list = &p->list,
                                   .view = &p->positions,
                                   .lengths = s->lengths[title],
                                   .title_weight = title ? 0 : s->of->title_weight};
    return ANP_OK;
}

static anp_status open_source(source *s, const pairs_lists *of, const pairs_words *words,
                              anp_error *err) {
    *s = (source){.of = of, .words = words};
    s->lists = calloc(words->count + 1, sizeof *s->lists);
    s->texts = malloc((2 * BLOCK_DOCS + 1) * sizeof *s->texts);
    s->names = malloc((words->count + 1) * sizeof *s->names);
    if (!s->lists || !s->texts || !s->names) {
        return error_nomem(err, "pairs of words");
    }
    for (int title = 0; title < 2; title++) {
        TRY(open_lengths(s, title, err));
        for (size_t word = 0; word < words->count && (!title || of->title_weight); word++) {
            TRY(open_list(s, word, title, err));
        }
    }
    return ANP_OK;
}

/* One posting's words to their places. */
static anp_status stand(source *s, pairs_maker *m, uint32_t word, place_list *p, int title,
                        uint16_t low, anp_error *err) {
    positions_place place = positions_take(&s->block, low);
    size_t text = s->texts[2 * (low % BLOCK_DOCS) + (size_t)title];
    if (!vec_reserve(&s->positions, place.number)) {
        return error_nomem(err, "pairs of words");
    }
    place.length = list_length(&p->finder.lengths, low);
    TRY(positions_found(&p->positions, &place, s->positions.items, err));
    for (uint32_t i = 0; i < place.number; i++) {
        pairs_stand(m, word, text + s->positions.items[i]);
    }
    return ANP_OK;
}

static anp_status show_list(source *s, pairs_maker *m, uint32_t word, place_list *p, int title,
                            uint32_t block, anp_error *err) {
    s->block.next = p->next;
    s->block.end = p->end;
    TRY(positions_find_block(&p->finder, block, &s->block, err));
    p->next = s->block.next;
    p->end = s->block.end;
    for (uint32_t at = 0; at < 4; at++) {
        for (uint64_t bits = s->block.bits[at]; bits; bits &= bits - 1) {
            uint32_t lane = at * 64 + (uint32_t)__builtin_ctzll(bits);
            TRY(stand(s, m, word, p, title, (uint16_t)(block * BLOCK_DOCS + lane), err));
        }
    }
    return ANP_OK;
}

static anp_status begin(void *user, const pairs_maker *m, anp_error *err) {
    source *s = user;
    (void)err;
    for (size_t i = 0; i < s->words->count; i++) {
        s->names[i] = pairs_word_of(m, s->words->items[i].number);
        s->lists[i][0].next = s->lists[i][1].next = 0;
    }
    return ANP_OK;
}

static anp_status show(void *user, pairs_maker *m, uint32_t block, anp_error *err) {
    source *s = user;
    size_t places = 0;
    for (uint32_t i = 0; i < 2 * BLOCK_DOCS; i++) {
        uint32_t words = list_length(&s->lengths[i % 2], block * BLOCK_DOCS + i / 2);
        if (words > POST_WORDS_MAX) {
            return error_corrupt(err, "a post of %u words cannot be", words);
        }
        s->texts[i] = places;
        places += words;
    }
    s->texts[2 * BLOCK_DOCS] = places;
    TRY(pairs_begin(m, places, err));
    for (size_t i = 0; i < s->words->count; i++) {
        uint32_t word = s->names[i];
        for (int title = 0; word && title < 2; title++) {
            if (s->lists[i][title].is) {
                TRY(show_list(s, m, word, &s->lists[i][title], title, block, err));
            }
        }
    }
    for (uint32_t i = 0; i < 2 * BLOCK_DOCS; i++) {
        uint16_t low = (uint16_t)(block * BLOCK_DOCS + i / 2);
        TRY(pairs_end(m, low, s->texts[i], s->texts[i + 1] - s->texts[i], err));
    }
    return ANP_OK;
}

anp_status pairs_make_of_lists(const pairs_lists *lists, const pairs_words *words, pairs_sink sink,
                               anp_error *err) {
    source s;
    uint64_t total = 0;
    anp_status status = open_source(&s, lists, words, err);
    for (uint32_t i = 0; status == ANP_OK && i < lists->posts; i++) {
        total += (uint64_t)list_length(&s.lengths[0], lists->first + i) +
                 list_length(&s.lengths[1], lists->first + i);
    }
    if (status == ANP_OK) {
        pairs_source all = {begin, show, &s, lists->first, lists->posts, total};
        status = pairs_make(&all, words, sink, err);
    }
    free(s.lists);
    free(s.texts);
    free(s.names);
    free(s.positions.items);
    return status;
}
