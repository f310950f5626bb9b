/*
 * Postings of one term that are scored many at once: what one_term.c and light_term.c fill, and
 * what makes scores of it.
 */
#ifndef ANP_QUERY_TERM_BATCH_H
#define ANP_QUERY_TERM_BATCH_H

#include "query/evaluation.h"

enum {
    TERM_FEW = 8,     /* postings of a list whose columns are read with those of others */
    TERM_ENOUGH = 64, /* postings that wait for others: so that the threshold rises */
};

/* Postings of one term, of one list or several, whose contributions are made together. All are
   allowed. */
typedef struct term_batch {
    evaluation *e;
    const eval_term *term;
    uint32_t count;
    uint32_t cells[BLOCK_DOCS + TERM_FEW];
    uint16_t docs[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint8_t tfs[BLOCK_DOCS + KERNEL_READ_BYTES];
    uint8_t every[BLOCK_DOCS]; /* 0, 1, 2 … */
    eval_promise promise;
    float norms[BLOCK_DOCS];
    uint8_t later[BLOCK_DOCS + TERM_FEW]; /* those whose norms are not yet made */
    uint32_t later_count;
} term_batch;

void term_batch_begin(term_batch *b, evaluation *e, const eval_term *term);

/* Offers what is in it. */
void term_batch_end(term_batch *b);

/* Room for `count` <= 256 more postings, whose docs and tfs go where is returned. */
uint32_t term_batch_room(term_batch *b, uint32_t count);

/* So many postings of a cell are in their place. */
void term_batch_take(term_batch *b, const eval_cell *ec, uint32_t count);

/* A list by itself, which is no bitset without bounds. */
anp_status term_batch_list(term_batch *b, eval_cell *ec, const eval_lane *lane);

/* The postings of a block that may reach the threshold. */
anp_status term_batch_block(term_batch *b, eval_cell *ec, const eval_lane *lane, uint32_t block);

/* term_able.c: the postings of a list that may reach the threshold with the factors of their own
   posts; whether these can tell. */
bool term_tells_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane);
anp_status term_batch_able(term_batch *b, eval_cell *ec, const eval_lane *lane);
/* Leaves of the lanes of a block of such a bitset those; how many. */
anp_status term_keep_able(const evaluation *e, const eval_cell *ec, const eval_lane *lane,
                          uint32_t block, uint64_t lanes[RANK_LANE_WORDS], uint32_t *count);

/* One by itself, of any tf. allowed: of its cell (eval_allowed), or NULL. */
void term_offer(evaluation *e, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                uint16_t low, uint32_t tf);

/* The same with the tf that its list says; nothing when it is not there. */
void term_offer_large(evaluation *e, eval_cell *ec, const eval_lane *lane, const uint64_t *allowed,
                      uint16_t low);

/* light_term.c: a union of one word that stands in nearly all posts (eval_is_light); all of it. */
anp_status eval_light_term(term_batch *b);

#endif
