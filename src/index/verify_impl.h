/* What the files of the index check share; nobody else includes this. */
#ifndef ANP_INDEX_VERIFY_IMPL_H
#define ANP_INDEX_VERIFY_IMPL_H

#include "index/pairs_make.h"
#include "index/snapshot_impl.h"

/* What the lists of one window (or segment) are checked against, by low. */
typedef struct window_facts {
    const unit_info *unit; /* NULL: not known */
    uint32_t *title_lengths;
    uint32_t *body_lengths;
    float *norms;   /* of the combined text, at the default k1 and b and the unit's average */
    float *factors; /* of the default blend and weights */
} window_facts;

/* What the pairs of a unit are checked against. */
typedef struct pair_facts {
    VEC(pairs_word) words; /* of its lists: the frequent ones */
    uint32_t values;       /* of its pairs, the head too */
} pair_facts;

typedef struct check {
    snapshot *snapshot;
    catalog cat; /* as it is stored: with both units of a window that is being merged */
    void (*report)(void *user, const char *line);
    void *user;
    uint64_t problems;
    uint16_t *lows; /* WINDOW_DOCS, scratch */
    uint32_t *tfs;
    uint8_t *parts; /* of champions, by low */
    window_facts facts[GROUP_WINDOWS]; /* by slot, of the windows of the unit in hand */
    pair_facts *pairs; /* by unit of cat */
    size_t pair_units;
} check;

__attribute__((format(printf, 2, 3))) void check_wrong(check *c, const char *format, ...);

/* Passes a status on unless it is damage, which is reported and survived. */
anp_status check_survive(check *c, anp_status status, const anp_error *detail, anp_error *err);

/* verify_units.c: the tables of units. */
anp_status check_units(check *c, anp_error *err);
void check_free_facts(check *c);

/* verify_pairs.c: the pairs of words of units. First all tables are walked: what they say of pairs
   is noted, a value at a time; then the pairs are made again. */
anp_status check_begin_pairs(check *c, anp_error *err);
anp_status check_note_word(check *c, const unit_info *unit, uint32_t number, uint32_t count,
                           anp_error *err);
anp_status check_pair_value(check *c, const unit_info *unit, uint32_t number, str value,
                            anp_error *err);
anp_status check_pairs(check *c, anp_error *err);
void check_free_pairs(check *c);

#endif
