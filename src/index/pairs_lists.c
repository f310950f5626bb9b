/*
 * Pairs of words out of a unit's lists and positions, some blocks of 256 ordinals at a time. See
 * pairs_make.h.
 *
 *     places    post 0: body │ title │ post 1: body │ title │ …      all texts of the blocks
 *               ▲ each word's positions there, one word after the other
 */
#include "base/error.h"
#include "index/column.h"
#include "index/pairs_impl.h"

enum {
    BLOCKS_AT_ONCE = 8,
    PLACES_AT_ONCE = 1 << 17, /* more begin no further block: two bytes each, they stay near */
};

/* A word in one field. */
typedef struct place_list {
    bool is, title;
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
    size_t *texts; /* by post of the blocks in hand, body and title: its first place; one more: the
                      end */
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
    p->title = title;
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
    s->texts = malloc((2 * BLOCK_DOCS * BLOCKS_AT_ONCE + 1) * sizeof *s->texts);
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

/* The positions of a word in the block in hand, one posting behind the other. */
static anp_status read_positions(source *s, const place_list *p, anp_error *err) {
    size_t total = 0;
    for (uint32_t i = 0; i < s->block.to - s->block.from; i++) {
        total += s->block.numbers[i];
    }
    if (!vec_reserve(&s->positions, total)) {
        return error_nomem(err, "pairs of words");
    }
    return positions_read_block(&p->positions, &s->block, s->positions.items, err);
}

/* A word to its places. texts: of the block, every second one of the word's field. */
static anp_status show_list(source *s, pairs_maker *m, uint32_t word, place_list *p,
                            const size_t *texts, uint32_t block, anp_error *err) {
    s->block.next = p->next;
    s->block.end = p->end;
    TRY(positions_find_block(&p->finder, block, &s->block, err));
    p->next = s->block.next;
    p->end = s->block.end;
    if (!p->title) {
        pairs_hold_block(m, word, block, s->block.bits);
    }
    TRY(read_positions(s, p, err));
    const uint32_t *at = s->positions.items;
    for (uint32_t i = 0; i < s->block.to - s->block.from; i++) {
        size_t text = texts[2 * (size_t)s->block.lanes[i]];
        for (const uint32_t *end = at + s->block.numbers[i]; at < end; at++) {
            pairs_stand(m, word, text + *at);
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

/* Lays out the texts of the blocks that are shown at once, from `block` on: of one, or of several
   that are small. *count: how many. */
static anp_status lay_out(source *s, uint32_t block, uint32_t end, uint32_t *count,
                          anp_error *err) {
    uint32_t blocks = 0;
    size_t places = 0;
    s->texts[0] = 0;
    while (blocks < BLOCKS_AT_ONCE && block + blocks < end && places < PLACES_AT_ONCE) {
        size_t *texts = s->texts + (size_t)2 * BLOCK_DOCS * blocks;
        uint32_t first = (block + blocks) * BLOCK_DOCS;
        for (uint32_t i = 0; i < 2 * BLOCK_DOCS; i++) {
            uint32_t words = list_length(&s->lengths[i % 2], first + i / 2);
            if (words > POST_WORDS_MAX) {
                return error_corrupt(err, "a post of %u words cannot be", words);
            }
            places += words;
            texts[i + 1] = places;
        }
        blocks++;
    }
    *count = blocks;
    return ANP_OK;
}

/* Some blocks, whose texts are laid out, a list after the other: what is read of it stays near. */
static anp_status show_some(source *s, pairs_maker *m, uint32_t block, uint32_t count,
                            anp_error *err) {
    uint32_t texts = 2 * BLOCK_DOCS * count;
    TRY(pairs_begin(m, s->texts[texts], err));
    for (size_t i = 0; i < 2 * s->words->count; i++) {
        place_list *p = &s->lists[i / 2][i % 2];
        uint32_t word = s->names[i / 2];
        for (uint32_t k = 0; word && p->is && k < count; k++) {
            TRY(show_list(s, m, word, p, s->texts + (size_t)2 * BLOCK_DOCS * k + i % 2,
                          block + k, err));
        }
    }
    for (uint32_t i = 0; i < texts; i++) {
        uint16_t low = (uint16_t)(block * BLOCK_DOCS + i / 2);
        pairs_count_body(m, i % 2 ? 0 : s->texts[i + 1] - s->texts[i]);
        TRY(pairs_end(m, low, s->texts[i], s->texts[i + 1] - s->texts[i], err));
    }
    return ANP_OK;
}

static anp_status show(void *user, pairs_maker *m, uint32_t block, uint32_t count,
                       anp_error *err) {
    uint32_t end = block + count, some;
    for (; block < end; block += some) {
        TRY(lay_out(user, block, end, &some, err));
        TRY(show_some(user, m, block, some, err));
    }
    return ANP_OK;
}

static anp_status listed(void *user, uint32_t number, str *value, anp_error *err) {
    const source *s = user;
    return s->of->get(s->of->user, UNIT_PAIR, number, 0, value, err);
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
        pairs_source all = {begin, show, lists->again ? listed : NULL,
                            &s, lists->first, lists->posts, total};
        status = pairs_make(&all, words, sink, err);
    }
    free(s.lists);
    free(s.texts);
    free(s.names);
    free(s.positions.items);
    return status;
}
