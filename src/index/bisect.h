/*
 * Recursive graph bisection: posts into parts of so many, those of a part alike in terms
 * (Dhulipala, Kabiljo, Karrer, Ottaviano, Pupyrev, Shalita: Compressing Graphs and Indexes with
 * Recursive Graph Bisection, KDD 2016), with the cooling of Mackenzie, Mallia, Petri, Culpepper,
 * Suel: Compressing Inverted Indexes with Recursive Graph Bisection, ECIR 2019.
 *
 *     posts    [ a b c d e f g h ]     halves; each post's gain: the bits that its terms would
 *              [ a b c d | e f g h ]   save on the other side; the best of both change places while
 *              [ a f c d | e b g h ]   that pays, some rounds; each half in the order it came in
 *              [ a c d f | b e g h ]   (neighbours there are often alike); then each half by itself
 *
 * A term that n1 of s1 posts hold on the left and n2 of s2 on the right is taken to cost
 * n1 log(s1 / (n1 + 1)) + n2 log(s2 / (n2 + 1)) bits.
 *
 * A part is one thread's, so the result does not depend on how many there are.
 */
#ifndef ANP_INDEX_BISECT_H
#define ANP_INDEX_BISECT_H

#include "anpsearch.h"
#include "base/pool.h"
#include "base/vec.h"

/* Posts with their terms, as numbers of their own, dense. Zeroed: none. */
typedef struct bisect_graph {
    uint32_t count;    /* posts */
    uint32_t term_count;
    uint64_t *begins;  /* of a post's terms */
    uint32_t *lengths; /* of them, how many; terms that no longer matter go */
    uint32_t *terms;
} bisect_graph;

void bisect_graph_free(bisect_graph *g);

/* A range of the order. */
typedef struct bisect_part {
    uint32_t from, count;
} bisect_part;

typedef VEC(bisect_part) bisect_parts;

/* Of a part the left half is whole units of 1 << unit_bits posts, as many as the right one or one
   fewer; 0: all is one unit. */
static inline uint32_t bisect_half(uint32_t count, unsigned unit_bits) {
    uint64_t units = ((uint64_t)count + (1u << unit_bits) - 1) >> unit_bits;
    return (uint32_t)(units / 2 << unit_bits);
}

/* How often it is halved until all parts are units. */
uint32_t bisect_levels(uint32_t count, unsigned unit_bits);

typedef struct bisection bisection;

/* The posts of a graph, in the order of their numbers at first. ANP_NOMEM. */
anp_status bisection_open(bisect_graph *g, pool *threads, bisection **out, anp_error *err);
void bisection_close(bisection *b);

/* order[i]: the post that stands i-th; parts may be put into another order. */
uint32_t *bisection_order(bisection *b);

typedef struct bisect_depth {
    unsigned unit_bits;
    uint32_t levels; /* at most */
    uint32_t rounds; /* of swaps for each halving, at most */
    /* After each part of each level; a status other than ANP_OK stops. */
    anp_status (*step)(void *user, uint32_t posts, anp_error *err);
    void *user;
} bisect_depth;

/* Halves each of the parts, level by level, the parts of a level in parallel; they begin in the
   order of their posts' numbers. parts become the last level's. */
anp_status bisection_run(bisection *b, bisect_parts *parts, const bisect_depth *depth,
                         anp_error *err);

#endif
