/* What strips.c, strip_batch.c, few.c and champions.c share: bounds of strips, 16 posts each, as
   numbers. Nobody else includes this. */
#ifndef ANP_QUERY_STRIPS_H
#define ANP_QUERY_STRIPS_H

#include "query/evaluation.h"

enum { STRIP_DOCS = LIST_STRIP_DOCS };

/* The posts of a cell, bits; those of a strip. */
typedef union strips_posts {
    uint64_t words[KERNEL_WORDS];
    uint16_t strips[LIST_STRIPS];
} strips_posts;

/* What a list without strips has instead. */
typedef struct strips_room {
    strips_posts postings;
    uint16_t numbers[EVAL_CELL_BLOCKS]; /* of each posting of a block */
} strips_room;

/* What the levels of a list stand for. */
typedef struct strips_levels {
    uint16_t numbers[LIST_STRIP_LEVELS + 1]; /* 0: no posting */
    rank_levels bytes;                       /* of these */
} strips_levels;

/* A term of a cell. */
typedef rank_strips_term strips_term;

/* A cell. */
typedef struct strip_cell {
    evaluation *e;
    eval_cell *ec;
    strips_term terms[EVAL_TERMS_MAX]; /* as ec->by_most */
    bool has_rare;                     /* one without strips */
    float scales[EVAL_CELL_BLOCKS];    /* from what a post has to numbers, by block */
    uint16_t least[EVAL_CELL_BLOCKS];  /* the numbers that its strips need */
    uint16_t sums[LIST_STRIPS];
    strips_posts posts; /* that may win */
} strip_cell;

/* Whether a term has a post. */
static inline bool strips_has(const strips_term *term, uint32_t low) {
    return term->postings[low / 8] >> low % 8 & 1;
}

/* Its posts in a strip, bits. */
static inline uint32_t strips_posts_of(const strips_term *term, uint32_t strip) {
    const uint8_t *postings = term->postings + (size_t)strip * 2;
    return postings[0] | (uint32_t)postings[1] << 8;
}

/* strips.c: makes lane->levels, of a list with strips, if they are not there. */
anp_status strips_make_levels(evaluation *e, eval_lane *lane);

/* The number of a lane with levels in the strip of a post. */
static inline uint32_t strips_level_number(const eval_lane *lane, uint32_t low) {
    return lane->levels->numbers[list_strip(&lane->in->list, low)];
}

/* The number of a term of the cell in a strip. */
static inline uint32_t strips_number(const eval_lane *lane, uint32_t strip) {
    const strips_term *term = lane->strips;
    return term->halves ? strips_level_number(lane, strip * STRIP_DOCS)
           : strips_posts_of(term, strip) ? term->numbers[strip / RANK_STRIPS] : 0;
}

/* What a sum of numbers stands for at most, in units without a factor. */
static inline float strips_units(const evaluation *e, uint32_t numbers) {
    return (float)numbers / e->strip_scale * RANK_BOUND_ROUND;
}

/* What a post of a block needs, ties with the worst that is kept included. */
static inline float strips_need(const strip_cell *s, uint32_t block) {
    const evaluation *e = s->e;
    float behind = e->prior.blends || !eval_top_full(e)
                       ? 0 : eval_least_behind(e, s->ec->c->first + block * BLOCK_DOCS);
    return behind > e->theta ? behind : e->theta;
}

/* The tfs of up to 256 posts of a term's list, put into places, the others of which are 0; whether
   one is 255. */
static inline bool strips_put_tfs(const evaluation *e, const eval_lane *lane, const uint16_t *docs,
                                  const uint8_t *places, uint32_t count,
                                  uint8_t tfs[RANK_LANES]) {
    uint8_t found[RANK_LANES + KERNEL_READ_BYTES];
    bool large = count > 0 && e->lists->tfs_of_docs(&lane->in->list, NULL, lane->starts, docs,
                                                    count, found);
    memset(tfs, 0, RANK_LANES);
    for (uint32_t i = 0; i < count; i++) {
        tfs[places[i]] = found[i];
    }
    return large;
}

/* strip_batch.c: scores posts of the cell, all those of a strip together, and offers those that can
   win: of all strips that have some. */
void strips_score_batches(strip_cell *s, const strips_posts *posts, const uint16_t *strips,
                          uint32_t count);

#endif
