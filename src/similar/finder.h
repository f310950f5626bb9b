/*
 * The nearest posts to one, exactly.
 *
 *     about   every set that shares a term, best first: its posts are compared, until text could
 *             not make up for what is missing, or that has cost as much as asking for text would
 *     text    the probe's classes, rarest first: sums per post; until what is left cannot lift a
 *             post that shared nothing so far over the worst of the k; else the frequent classes by
 *             SIMD, all posts of a zone at once, but for zones that are out by their posts' sizes
 *     then    what could still enter is compared in full, best bound first
 *
 * The bounds are safe whatever was rounded; what is compared is compared in whole numbers. So the
 * answer is that of comparing with every post.
 */
#ifndef ANP_SIMILAR_FINDER_H
#define ANP_SIMILAR_FINDER_H

#include "similar/weigh.h"

/* What a search needs of a corpus for one measure; shared by threads. */
typedef struct yardstick {
    const corpus *corpus;
    bool by_text, by_about; /* both: blend */
    weighing text;
    weighing about;
} yardstick;

/* inside: of a draft, by class of text, else NULL. */
anp_status yardstick_open(const corpus *c, anp_measure measure, const uint32_t *inside,
                          yardstick *out, anp_error *err);
void yardstick_close(yardstick *y);

/* The post or draft whose nearest are looked for. */
typedef struct probe {
    uint32_t post;           /* FAMILY_NONE: a draft */
    const uint32_t *classes; /* of text, rarest first */
    const uint64_t *weights; /* of what it has of each */
    uint32_t class_count;
    uint64_t total; /* of text */
    /* Of a draft: */
    const uint32_t *inside; /* features it has of each class */
    uint32_t feature_count; /* distinct, known or not */
} probe;

typedef struct neighbour {
    double likeness;
    uint32_t post;
} neighbour;

typedef struct finder_options {
    uint32_t k;
    double likeness_min;
    const uint64_t *accepted; /* a bit a post; NULL: all */
} finder_options;

/* One a thread. */
typedef struct finder finder;

anp_status finder_open(const yardstick *y, finder **out, anp_error *err);
void finder_close(finder *f); /* NULL is allowed */

/* Nearest first, ties to the lower number, the probe left out; valid until the next call. */
anp_status finder_run(finder *f, const probe *p, const finder_options *options,
                      const neighbour **out, uint32_t *count, anp_error *err);

/* The same of a post. */
anp_status finder_run_post(finder *f, uint32_t number, const finder_options *options,
                           const neighbour **out, uint32_t *count, anp_error *err);

/* text, about and the measure of two posts; about is -1 where one of them is about nothing. */
typedef struct likeness {
    double text, about, measure;
} likeness;

/* Work done since it was opened, for benches. */
typedef struct finder_work {
    uint64_t postings, compared, swept; /* searches that went over all posts */
} finder_work;
finder_work finder_work_of(const finder *f);

#endif
