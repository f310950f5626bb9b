/*
 * See finder.h: the search by what posts are about. Sets of terms take the place of posts, sums are
 * made as in finder_text.c; then sets are taken by levels of likeness, best level first.
 */
#include "similar/finder_impl.h"

#include <math.h>

enum {
    UNITS_MAX = 65000,
    ASK_FIRST = 32, /* posts compared before it is first asked what text would cost */
};

static const double SAFE = 1e-5; /* more than single precision loses in a bound */
static const double LEVELS[] = {0.6, 0.4, 0.25, 0.12, 0};

/* ---- Sums ---------------------------------------------------------------------------------- */

void finder_weigh_about(finder *f) {
    const family *a = &f->corpus->about;
    uint32_t set = f->corpus->set_of[f->probe->post];
    size_t from = a->item_start[set], to = a->item_start[set + 1];
    for (size_t i = from; i < to; i++) {
        uint64_t weight = f->y->about.weights[a->item_classes[i]];
        f->about_shared[a->item_classes[i]] = weight;
        f->about_total += weight;
    }
    f->about_scale =
        f->about_total ? ((double)UNITS_MAX - (double)(to - from)) / (double)f->about_total : 0;
}

void finder_forget_about(finder *f) {
    const family *a = &f->corpus->about;
    uint32_t set = f->corpus->set_of[f->probe->post];
    for (size_t i = a->item_start[set]; i < a->item_start[set + 1]; i++) {
        f->about_shared[a->item_classes[i]] = 0;
    }
    memset(f->set_sums, 0, f->corpus->set_count * sizeof *f->set_sums);
}

/* Rare terms into the sums; frequent ones into rows, how many. */
static size_t add_terms(finder *f) {
    const family *a = &f->corpus->about;
    uint32_t set = f->corpus->set_of[f->probe->post];
    size_t rows = 0;
    for (size_t i = a->item_start[set]; i < a->item_start[set + 1]; i++) {
        uint32_t class = a->item_classes[i];
        uint16_t units = (uint16_t)ceil((double)f->about_shared[class] * f->about_scale);
        if (units == 0) {
            continue;
        }
        if (class >= a->class_split) { /* sets have one zone: all of these are bits */
            f->rows[rows] = a->bits + family_cut_of(a, class, 0)->at;
            f->row_units[rows++] = units;
            continue;
        }
        for (size_t j = a->list_start[class]; j < a->list_start[class + 1]; j++) {
            f->set_sums[a->lists[j]] = (uint16_t)(f->set_sums[a->lists[j]] + units);
        }
    }
    return rows;
}

double finder_about_most(const finder *f, uint32_t set) {
    double whole = (double)f->about_total * f->about_scale;
    double total = (double)f->y->about.totals_near[set] * f->about_scale * (1 + SAFE);
    double units = f->set_sums[set];
    units = units < whole ? units : whole;
    units = units < total ? units : total;
    return units / (whole + total * (1 - 2 * SAFE) - units) * (1 + SAFE);
}

double finder_about(finder *f, uint32_t set) {
    const family *a = &f->corpus->about;
    uint64_t both = 0;
    if (set == f->known_set) {
        return f->known_about;
    }
    for (size_t i = a->item_start[set]; i < a->item_start[set + 1]; i++) {
        both += f->about_shared[a->item_classes[i]];
    }
    uint64_t either = f->about_total + f->y->about.totals[set] - both;
    f->known_set = set;
    f->known_about = either > 0 ? (double)both / (double)either
                                : family_same(a, set, f->corpus->set_of[f->probe->post]);
    return f->known_about;
}

/* ---- Levels -------------------------------------------------------------------------------- */

/* The sets not yet taken that may reach a level; how many. */
static uint32_t take_level(finder *f, double level, size_t rows) {
    double slope = level / (1 + level) * (1 - SAFE) * f->about_scale;
    lane_work work = {.sums = f->set_sums,
                      .totals = f->y->about.totals_near,
                      .blocks = f->corpus->about.row_words * 64 / FAMILY_BLOCK,
                      .rows = f->rows,
                      .units = f->row_units,
                      .row_count = rows,
                      .base = (float)(slope * (double)f->about_total * (1 - SAFE)),
                      .slope = (float)slope,
                      .keep = true};
    size_t hits = lanes_run(&work, f->hits);
    uint32_t count = 0;
    for (size_t i = 0; i < hits; i++) {
        uint32_t set = f->hits[i].item;
        if (f->set_seen[set] != f->search) {
            f->set_seen[set] = f->search;
            f->sets[count++] = (candidate){(float)finder_about_most(f, set) * 1.00001f, set};
        }
    }
    finder_sort(f->sets, count, f->sets_sorted);
    return count;
}

/* The most that posts of at most this likeness can reach. */
static double reach_of(const finder *f, double about) {
    return f->y->by_text ? weigh_blend(1, about) : about;
}

/* The same of one post: its text is as like as totals allow. */
static double reach_of_post(const finder *f, double about, uint32_t number) {
    if (!f->y->by_text) {
        return about;
    }
    double a = (double)f->probe->total, b = (double)f->y->text.totals[number];
    double text = a < b ? a / b : a > b ? b / a : 1.0;
    return weigh_blend(text, about) * (1 + SAFE);
}

static void compare_set(finder *f, uint32_t set) {
    const corpus *c = f->corpus;
    double about = finder_about(f, set);
    if (reach_of(f, about) < f->least) {
        return;
    }
    for (uint32_t i = c->set_start[set], end = c->set_start[set + 1]; i < end; i++) {
        uint32_t number = c->set_posts[i];
        if (f->y->by_text && i + FINDER_AHEAD < end) {
            finder_fetch(&f->y->text, c->set_posts[i + FINDER_AHEAD]);
        }
        if (finder_accepts(f, number) && reach_of_post(f, about, number) >= f->least) {
            finder_compare(f, number);
        }
    }
}

/*
 * Whether it is time to ask for text, of posts whose about is at most this: once comparing has cost
 * as much as that would. *ask_at: when to look again.
 */
static bool text_is_better(finder *f, double about, uint64_t compared, uint64_t *ask_at) {
    if (!f->y->by_text || !finder_full(f) || compared < *ask_at) {
        return false;
    }
    uint64_t cost = finder_text_cost(f, about);
    *ask_at = 2 * compared < cost ? 2 * compared : cost;
    return compared >= cost;
}

double finder_by_about(finder *f) {
    size_t rows = add_terms(f);
    uint64_t before = f->work.compared, ask_at = ASK_FIRST;
    double most = 1; /* no set that was not taken exceeds it */
    for (size_t i = 0; i < sizeof LEVELS / sizeof *LEVELS; i++) {
        if (i > 0 && reach_of(f, most) < f->least) {
            return -1;
        }
        uint32_t count = take_level(f, LEVELS[i], rows);
        rows = 0;
        for (uint32_t n = 0; n < count; n++) {
            double bound = (double)f->sets_sorted[n].bound;
            double next = bound + 1.0 / 256; /* those of the same bucket are in any order */
            if (text_is_better(f, next, f->work.compared - before, &ask_at)) {
                return next;
            }
            if (n + FINDER_AHEAD < count) {
                finder_fetch(&f->y->about, f->sets_sorted[n + FINDER_AHEAD].post);
            }
            if (reach_of(f, bound) >= f->least) {
                compare_set(f, f->sets_sorted[n].post);
            }
        }
        most = LEVELS[i];
        if (text_is_better(f, most, f->work.compared - before, &ask_at)) {
            return most;
        }
    }
    return 0;
}
