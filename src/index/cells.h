/*
 * A snapshot cut into cells, and the posting lists of its terms by cell: what the evaluator walks.
 *
 *     ordinals   0           65,536       131,072                       next
 *                |  cell 0    |  cell 1    | cell 2  │ cell 3  │ cell 4   |
 *                └ window ────┘ └ window ──┘ └ segment ────────┘ └ log ───┘
 *
 * A cell is a range of ordinals inside one window in which each term has at most one list: a whole
 * window (also one whose lists are in a group), a segment (also of a window that is being merged),
 * or the log. The log's lists are made in memory when they are asked for.
 *
 * Everything is borrowed: cells for the snapshot's life, lists until the next cells_begin. One
 * thread at a time, as all of a snapshot.
 */
#ifndef ANP_INDEX_CELLS_H
#define ANP_INDEX_CELLS_H

#include "index/snapshot.h"
#include "postings/list.h"

#include <assert.h>

typedef struct cell {
    uint32_t first;     /* ordinal of its window's first: a post's is first + low */
    uint32_t from, end; /* its posts' lows, dead ones too */
    double length_average;      /* that the bounds of its unit's lists were made with */
    uint32_t dead;              /* deleted posts among them */
    bool made;                  /* lists are made in memory, and have no bounds */
    const struct unit_info *unit; /* NULL in a made one */
    /* Columns, once it is `open` (cells_open): most queries score posts of some cells only. */
    bool open;
    list_lengths title, body;   /* words by low */
    uint64_t title_most, body_most; /* no post has more words */
    const uint8_t *scores;      /* of low `from` on: four bytes or four floats a post */
    uint32_t score_bytes;       /* 4 or 16; 0: no post has any */
} cell;

typedef struct cell_list {
    uint32_t cell;
    list_view list;
    const struct unit_info *unit; /* NULL in a cell whose lists are made */
    double length_average;        /* that its bounds were made with */
    str positions;                /* data NULL until cells_positions */
} cell_list;

/*
 * What decides whether a list is looked into: its greatest impacts and its seeds, as in list_view.
 * Those of a term lie side by side, 64 bytes each; the lists themselves lie all over the file, and
 * of ten million posts most are not looked into by a query.
 */
typedef struct list_digest {
    uint32_t cell;
    float length_average;
    uint16_t impact_max, blended_max;
    uint16_t champions, runners;
    uint16_t seeds[2][LIST_SEEDS_MAX]; /* impact's, blended ones */
    uint32_t seed_count;               /* 0: a list without bounds */
} list_digest;

/* A term in one field. */
typedef struct term_lists {
    index_field field;
    uint32_t number; /* of the term; UINT32_MAX: no post ever held it */
    uint32_t df;     /* live posts */
    double idf;      /* of so many of all live posts (rank/bm25.h) */
    uint32_t count;
    cell_list *lists;     /* by ascending cell */
    list_digest *digests; /* beside lists */
} term_lists;

/*
 * Before the first term of a query: what was remembered of the terms of former queries is kept
 * while it takes at most CELLS_CACHE_BYTES.
 */
enum { CELLS_CACHE_BYTES = 32 << 20 };
anp_status cells_begin(snapshot *s, anp_error *err);

/* All cells, in ordinal order; after cells_begin. */
const cell *cells_all(const snapshot *s, uint32_t *count);

/* Reads the columns of a cell: before its posts are scored. */
anp_status cells_read_columns(snapshot *s, const cell *c, anp_error *err);

static inline anp_status cells_open(snapshot *s, const cell *c, anp_error *err) {
    return c->open ? ANP_OK : cells_read_columns(s, c, err);
}

/* A post's scores, of which there are some; of a low outside of the cell any post's. */
static inline const uint8_t *cell_scores_at(const cell *c, uint32_t low) {
    uint32_t at = low - c->from;
    return c->scores + (size_t)c->score_bytes * (at < c->end - c->from ? at : 0);
}

/* The sum of a post's four scores, where these are bytes. */
static inline uint32_t cell_score_sum(const cell *c, uint32_t low) {
    assert(c->open && c->score_bytes == 4);
    const uint8_t *four = cell_scores_at(c, low);
    return (uint32_t)four[0] + four[1] + four[2] + four[3];
}

/*
 * A term's lists in a field. After the first time in a snapshot a look-up of some 50 ns; then a
 * search a unit (a group counts as one). Those of INDEX_BODY are made of the combined text's, less
 * its titles, with bounds of their own: some 20 ns a posting. They have no positions: the combined
 * text's are the body's.
 */
anp_status cells_term(snapshot *s, index_field field, str term, const term_lists **out,
                      anp_error *err);

/* Room for so many lists of a term, in `memory`; one behind those that are there. */
anp_status term_lists_make(term_lists *term, uint32_t most, arena *memory, anp_error *err);
void term_lists_add(term_lists *term, const cell_list *list);

/* Postings of a cell that are put together in memory. */
typedef struct cell_postings {
    uint32_t count;
    uint16_t *docs;  /* ascending lows of the cell; room for a window */
    uint32_t *tfs;   /* likewise; NULL: each posting has an impact of 1 */
    float *impacts;  /* likewise: scratch; NULL: no bounds are wanted */
    float *blended;
} cell_postings;

/* Room for a window's postings, in `memory`; tfs too. */
anp_status cell_postings_make(arena *memory, cell_postings *out, anp_error *err);

/*
 * A list of them in `memory`, of a field; with bounds, unless these are not wanted or there are no
 * tfs. count > 0. Sets out->list and its average. For bounds the cell's columns are read.
 */
anp_status cells_make_list(snapshot *s, const cell *c, index_field field,
                           const cell_postings *postings, arena *memory, cell_list *out,
                           anp_error *err);

/* The term's list in a cell (by its number), or NULL. */
static inline cell_list *cells_list_in(const term_lists *term, uint32_t cell_number) {
    uint32_t from = 0, to = term->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (term->lists[middle].cell < cell_number) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < term->count && term->lists[from].cell == cell_number ? &term->lists[from] : NULL;
}

/* Sets list->positions. The log's are built the first time, some 0.1 us a posting; those that a
   merge has taken from a segment are copied, some 10 ns a posting. */
anp_status cells_positions(snapshot *s, const term_lists *term, cell_list *list, anp_error *err);

/* ---- Pairs of words (index/pairs.h) -------------------------------------------------------- */

typedef enum cell_pair_state {
    CELL_PAIR_UNKNOWN, /* positions will say */
    CELL_PAIR_NOWHERE,
    CELL_PAIR_LISTED,
} cell_pair_state;

typedef struct cell_pair {
    cell_pair_state state;
    list_view list; /* of LISTED: the posts, dead ones too */
} cell_pair;

/*
 * In which posts of the combined text the second word stands right behind the first, by cell (as
 * many as there are); *out NULL when no cell knows. Both in INDEX_TEXT. Lives as lists do. Costs a
 * look-up the first time, and one a cell where both are frequent; a list that is kept as bits of
 * the rarer word's is spread, some 5 ns for each of its postings.
 */
anp_status cells_pair(snapshot *s, const term_lists *first, const term_lists *second,
                      const cell_pair **out, anp_error *err);

/* Words of a post of an open cell in a field; INDEX_TEXT: body + title_weight * title. */
static inline uint32_t cell_length(const cell *c, index_field field, uint32_t title_weight,
                                   uint32_t low) {
    assert(c->open);
    uint32_t title = field == INDEX_BODY ? 0 : list_length(&c->title, low);
    uint32_t body = field == INDEX_TITLE ? 0 : list_length(&c->body, low);
    return body + (field == INDEX_TEXT ? title_weight : 1) * title;
}

/* The four scores of a post of an open cell, 0 to 100. */
static inline void cell_scores(const cell *c, uint32_t low, double scores[4]) {
    assert(c->open);
    const uint8_t *at = cell_scores_at(c, low);
    for (int i = 0; i < 4; i++) {
        float value = 50;
        if (c->score_bytes == 4) {
            value = at[i];
        } else if (c->score_bytes) {
            memcpy(&value, at + 4 * i, sizeof value);
        }
        scores[i] = (double)value;
    }
}

#endif
