/* What the files of the finder share; nobody else includes this. */
#ifndef ANP_SIMILAR_FINDER_IMPL_H
#define ANP_SIMILAR_FINDER_IMPL_H

#include "similar/finder.h"
#include "similar/lanes.h"

typedef struct candidate {
    float bound; /* of the measure: not less than what it is */
    uint32_t post;
} candidate;

/* Sums have 16 bits: so many units are all of a probe's, some spared for rounding where there are
   that many classes. Tests make it smaller. */
#ifndef FINDER_UNITS_MAX
#define FINDER_UNITS_MAX 65000
#endif

enum {
    FINDER_CLASSES_MAX = FINDER_UNITS_MAX / 4 * 3, /* of a probe whose sums are made */
    FINDER_LINE = 64 / sizeof(uint32_t), /* classes in a line of the cache */
    FINDER_AHEAD = 4, /* posts that are fetched into the cache before they are compared */
};

struct finder {
    const yardstick *y;
    const corpus *corpus;
    const probe *probe;
    const finder_options *options;
    finder_work work;

    /* The k nearest so far: a heap, the worst first. */
    VEC(neighbour) heap;
    double least; /* what a post must reach: of the worst, or the least asked for */
    uint32_t *seen;  /* by post: the search that compared it last */
    uint32_t search; /* the number of this one */

    uint64_t *shared;  /* by class of text: the probe's weight; 0 between searches */
    uint64_t *sieve;   /* NULL where there are few classes; see finder.c; 0 between searches */
    uint16_t *sums;    /* by place; 0 between searches */
    uint32_t *touched; /* places with a sum */
    uint32_t touched_count;
    candidate *candidates; /* as many as there are places */
    candidate *sorted;
    lane_hit *hits;        /* likewise */
    const uint64_t **rows;
    uint16_t *row_units;
    VEC(uint64_t) weights; /* of a probe that is a post */

    /* What the probe is about, against sets. */
    uint64_t *about_shared; /* by class of about: its weight; 0 between searches */
    uint16_t *set_sums;     /* by set; 0 between searches */
    candidate *sets;        /* as many as there are sets; post: a set */
    candidate *sets_sorted;
    uint32_t *set_seen; /* by set: the search that compared its posts last */
    uint64_t about_total;
    double about_scale; /* units a weight */
    uint32_t known_set; /* whose likeness is known_about */
    double known_about;
    bool bare; /* the probe is about nothing */
};

static inline bool finder_accepts(const finder *f, uint32_t number) {
    const uint64_t *accepted = f->options->accepted;
    return number != f->probe->post && (!accepted || accepted[number / 64] >> number % 64 & 1);
}

static inline bool finder_full(const finder *f) {
    return f->heap.count == f->options->k;
}

/* Takes a post among the nearest if it is. */
void finder_offer(finder *f, neighbour n);

/* Compares a post in full, unless this search did already. */
void finder_compare(finder *f, uint32_t number);

/* Has what a comparison reads of a post, or of a set, fetched into the cache. */
static inline void finder_fetch(const weighing *w, uint32_t item) {
    const family *of = w->family;
    const uint32_t *from = of->item_classes + of->item_start[item];
    const uint32_t *to = of->item_classes + of->item_start[item + 1];
    __builtin_prefetch(&w->totals[item]);
    for (; from < to; from += FINDER_LINE) {
        __builtin_prefetch(from);
    }
}

/* How like a set is to the probe's; exact. Only for a probe that is about something. */
double finder_about(finder *f, uint32_t set);

/* The most that it may be: a bound that costs less. */
double finder_about_most(const finder *f, uint32_t set);

/* Between these, finder_about_most knows. */
void finder_weigh_about(finder *f);
void finder_forget_about(finder *f);

/*
 * Compares the likest sets' posts. Returns what no other post exceeds in about; below 0: none of
 * the others, unless it is about nothing, can be among the nearest.
 */
double finder_by_about(finder *f);

/* Sorts candidates by bound, the greatest first, as far as buckets go. */
void finder_sort(const candidate *from, uint32_t count, candidate *to);

/* Posts that may be among the nearest by text; `about_most`: no post that was not compared has
   more. */
void finder_by_text(finder *f, double about_most);

/* About what that would cost, in posts compared. */
uint64_t finder_text_cost(finder *f, double about_most);

#endif
