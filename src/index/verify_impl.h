/* What the files of the index check share; nobody else includes this. */
#ifndef ANP_INDEX_VERIFY_IMPL_H
#define ANP_INDEX_VERIFY_IMPL_H

#include "index/snapshot_impl.h"

/* What the lists of one window (or segment) are checked against, by low. */
typedef struct window_facts {
    const unit_info *unit; /* NULL: not known */
    uint32_t *title_lengths;
    uint32_t *body_lengths;
    float *norms;   /* of the combined text, at the default k1 and b and the unit's average */
    float *factors; /* of the default blend and weights */
} window_facts;

typedef struct check {
    snapshot *snapshot;
    void (*report)(void *user, const char *line);
    void *user;
    uint64_t problems;
    uint16_t *lows; /* WINDOW_DOCS, scratch */
    uint32_t *tfs;
    window_facts facts[GROUP_WINDOWS]; /* by slot, of the windows of the unit in hand */
} check;

__attribute__((format(printf, 2, 3))) void check_wrong(check *c, const char *format, ...);

/* Passes a status on unless it is damage, which is reported and survived. */
anp_status check_survive(check *c, anp_status status, const anp_error *detail, anp_error *err);

/* verify_units.c: the tables of units. */
anp_status check_units(check *c, anp_error *err);
void check_free_facts(check *c);

#endif
