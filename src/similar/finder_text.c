/*
 * See finder.h: the search by text.
 *
 * A post's sum is in units: weights times `scale`, rounded up, so that all of the probe's are some
 * 65,000 units. With O for what two posts share, A and B for all that each has, text is
 * O / (A + B − O); it grows with O, and so it reaches t where
 *
 *     O >= t / (1 + t) · (A + B)
 *
 * A sum is never less than O, so that what it rules out is out.
 */
#include "similar/finder_impl.h"

#include <math.h>

enum {
    UNITS_MAX = 65000,
    CHECK_FIRST = 512, /* postings before the worst of the k is first looked after, then 4 × */
    CHECK_GROWTH = 4,
    CHECKED = 16, /* posts compared at a check, at most */
    COMPARE_COST = 40, /* of a post, in postings; a row of 32 posts costs about one */
    COMPARE_SHARE = 4, /* a class may cost so much of what comparing costs */
    OPEN_ENOUGH = 32,
    SWEEP_ROWS = 8, /* what a sweep costs besides its rows */
};

static const double SAFE = 1e-5; /* more than single precision loses in a bound */

typedef struct walk {
    finder *f;
    double about_most; /* below 0: only posts about nothing are looked for */
    double scale;      /* units a weight */
    double whole;      /* the probe's weight in units */
    uint64_t left;     /* weight of classes not yet walked */
    uint32_t next;     /* the next class of the probe */
    uint32_t candidate_count;
} walk;

/* ---- Bounds -------------------------------------------------------------------------------- */

/* The text that a post needs which was not compared so far. */
static double text_needed(const walk *w) {
    const finder *f = w->f;
    double least = f->least;
    if (!f->y->by_about || f->bare) {
        return least;
    }
    double needed = w->about_most < 0 ? least : (least - 0.6 * w->about_most) / 0.4;
    if (f->corpus->some_bare && needed > least) {
        needed = least;
    }
    return needed > 0 ? needed * (1 - SAFE) : 0;
}

/* The measure of a post whose text is at most this. */
static double measure_most(const finder *f, double text, uint32_t number) {
    if (!f->y->by_about || f->bare || corpus_is_bare(f->corpus, number)) {
        return text;
    }
    return weigh_blend(text, finder_about_most(f, f->corpus->set_of[number]));
}

/* The most text of a post that shares at most so many units. */
static double text_most(const walk *w, double units, uint32_t number) {
    double total = (double)w->f->y->text.totals_near[number] * w->scale * (1 + SAFE);
    units = units < w->whole ? units : w->whole;
    units = units < total ? units : total;
    return units / (w->whole + total * (1 - 2 * SAFE) - units) * (1 + SAFE);
}

/* What a sum must be, for a post that was not compared: base + slope · total. */
typedef struct bar {
    float base, slope;
} bar;

static bar bar_of(const walk *w) {
    double needed = text_needed(w);
    double slope = needed / (1 + needed) * (1 - SAFE);
    return (bar){(float)(slope * w->whole * (1 - SAFE)), (float)(slope * w->scale * (1 - SAFE))};
}

static inline bool reaches(const walk *w, bar b, float units, uint32_t number) {
    return units >= b.base + b.slope * w->f->y->text.totals_near[number];
}

/* ---- Candidates ---------------------------------------------------------------------------- */

static void add_candidate(walk *w, uint32_t number, double text) {
    finder *f = w->f;
    double bound = measure_most(f, text, number) * (1 + SAFE);
    if (bound >= f->least && f->seen[number] != f->search && finder_accepts(f, number)) {
        f->candidates[w->candidate_count++] = (candidate){(float)(bound * (1 + SAFE)), number};
    }
}

/* Compares all that may still be among the nearest, the best bound first, as buckets go. */
static void compare_candidates(walk *w) {
    finder *f = w->f;
    finder_sort(f->candidates, w->candidate_count, f->sorted);
    for (uint32_t i = 0; i < w->candidate_count; i++) {
        candidate c = f->sorted[i];
        if (i + 2 * FINDER_AHEAD < w->candidate_count) {
            __builtin_prefetch(&f->corpus->text.item_start[f->sorted[i + 2 * FINDER_AHEAD].post]);
            finder_fetch(&f->y->text, f->sorted[i + FINDER_AHEAD].post);
        }
        if ((double)c.bound >= f->least) {
            finder_compare(f, c.post);
        }
    }
}

/* ---- Rare classes -------------------------------------------------------------------------- */

static uint16_t units_of(const walk *w, uint64_t weight) {
    return (uint16_t)ceil((double)weight * w->scale);
}

/* Compares the posts that look best so far, so that the worst of the k is good soon. */
static void check(walk *w) {
    finder *f = w->f;
    candidate best[CHECKED];
    uint32_t most = f->options->k < CHECKED ? f->options->k : CHECKED, count = 0;
    const float *totals = f->y->text.totals_near;
    float whole = (float)w->whole, scale = (float)w->scale, worst = 0;
    for (uint32_t i = 0; i < f->touched_count; i++) {
        uint32_t number = f->touched[i];
        float units = (float)f->sums[number], total = whole + totals[number] * scale;
        if (units <= worst * total) {
            continue;
        }
        float looks = units / total;
        if (f->seen[number] == f->search || !finder_accepts(f, number)) {
            continue;
        }
        uint32_t at = count < most ? count++ : most - 1;
        for (; at > 0 && best[at - 1].bound < looks; at--) {
            best[at] = best[at - 1];
        }
        best[at] = (candidate){looks, number};
        worst = count == most ? best[count - 1].bound : 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        finder_fetch(&f->y->text, best[i].post);
    }
    for (uint32_t i = 0; i < count; i++) {
        finder_compare(f, best[i].post);
    }
}

/* Whether no post without a sum can be among the nearest, but for those that share nothing. */
static bool rest_is_out(const walk *w) {
    double total = (double)w->f->probe->total;
    return w->left == 0 || (double)w->left < text_needed(w) * total * (1 - SAFE);
}

static void add_list(walk *w, uint32_t class, uint16_t units) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    const uint32_t *list = t->lists + t->list_start[class];
    uint32_t count = (uint32_t)(t->list_start[class + 1] - t->list_start[class]);
    uint32_t touched = f->touched_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = list[i];
        f->touched[touched] = number;
        touched += f->sums[number] == 0;
        f->sums[number] = (uint16_t)(f->sums[number] + units);
    }
    f->touched_count = touched;
    f->work.postings += count;
}

/* Adds to posts that have a sum: no other can be among the nearest any more. */
static void add_list_to_open(walk *w, uint32_t class, uint16_t units) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    const uint32_t *list = t->lists + t->list_start[class];
    uint32_t count = (uint32_t)(t->list_start[class + 1] - t->list_start[class]);
    for (uint32_t i = 0; i < count; i++) {
        uint16_t sum = f->sums[list[i]];
        f->sums[list[i]] = (uint16_t)(sum + (sum ? units : 0));
    }
    f->work.postings += count;
}

/* The next rare class, or false when only frequent ones are left. */
static bool next_rare(const walk *w, uint32_t *class) {
    const probe *p = w->f->probe;
    if (w->next == p->class_count || p->classes[w->next] >= w->f->corpus->text.class_dense) {
        return false;
    }
    *class = p->classes[w->next];
    return true;
}

/* Has the lists of the classes that come next fetched into the cache, what tells where they lie
   before them. */
static void fetch_lists(const walk *w) {
    const family *t = &w->f->corpus->text;
    const probe *p = w->f->probe;
    if (w->next + 2 * FINDER_AHEAD < p->class_count) {
        uint32_t later = p->classes[w->next + 2 * FINDER_AHEAD];
        uint32_t soon = p->classes[w->next + FINDER_AHEAD];
        __builtin_prefetch(&t->df[later]);
        if (later < t->class_dense) {
            __builtin_prefetch(&t->list_start[later]);
            __builtin_prefetch(t->lists + t->list_start[soon]);
        }
    }
}

/* Walks rare classes until the rest is out; false when only frequent ones are left. */
static bool walk_rare(walk *w) {
    finder *f = w->f;
    const probe *p = f->probe;
    const family *t = &f->corpus->text;
    uint64_t start = f->work.postings, check_at = CHECK_FIRST;
    for (uint32_t class; next_rare(w, &class); w->next++) {
        uint64_t weight = p->weights[w->next];
        if (rest_is_out(w)) {
            return true;
        }
        fetch_lists(w);
        if (weight > 0 && !(t->df[class] == 1 && p->post != FAMILY_NONE)) {
            add_list(w, class, units_of(w, weight));
        }
        w->left -= weight;
        if (f->work.postings - start >= check_at) {
            check(w);
            check_at *= CHECK_GROWTH;
        }
    }
    check(w);
    return rest_is_out(w);
}

/*
 * Keeps those posts with a sum that can still be among the nearest; how many. What is out stays
 * out, whatever is added: no more is gained than what is left loses.
 */
static uint32_t keep_open(walk *w) {
    finder *f = w->f;
    uint32_t kept = 0;
    double left = ceil((double)w->left * w->scale);
    bar b = bar_of(w);
    bool text_only = !f->y->by_about || f->bare;
    for (uint32_t i = 0; i < f->touched_count; i++) {
        uint32_t number = f->touched[i];
        double units = f->sums[number] + left;
        if (reaches(w, b, (float)units, number) &&
            (text_only ||
             measure_most(f, text_most(w, units, number), number) * (1 + SAFE) >= f->least)) {
            f->touched[kept++] = number;
        } else {
            f->sums[number] = 0;
        }
    }
    f->touched_count = kept;
    return kept;
}

/* What comparing all posts that are open costs, in postings. */
static uint64_t compare_cost(uint32_t open) {
    return (uint64_t)open * COMPARE_COST;
}

/*
 * Walks further rare classes while that is less work than comparing the posts they may rule out;
 * false when going over all posts is less than either.
 */
static bool narrow(walk *w) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    uint32_t open = keep_open(w);
    uint64_t walked = 0;
    for (uint32_t class; next_rare(w, &class); w->next++) {
        uint64_t weight = f->probe->weights[w->next];
        if (open <= OPEN_ENOUGH || t->df[class] > compare_cost(open) / COMPARE_SHARE) {
            return true;
        }
        if (weight > 0) {
            add_list_to_open(w, class, units_of(w, weight));
            walked += t->df[class];
        }
        w->left -= weight;
        if (walked > open) {
            check(w);
            open = keep_open(w);
            walked = 0;
        }
    }
    uint64_t rows = f->probe->class_count - w->next;
    return compare_cost(keep_open(w)) < (rows + SWEEP_ROWS) * (f->corpus->count / 32);
}

/* Candidates among the posts with a sum; the others are out. */
static void settle_touched(walk *w) {
    finder *f = w->f;
    double left = ceil((double)w->left * w->scale);
    bar b = bar_of(w);
    for (uint32_t i = 0; i < f->touched_count; i++) {
        uint32_t number = f->touched[i];
        double units = f->sums[number] + left;
        f->sums[number] = 0;
        if (reaches(w, b, (float)units, number)) {
            add_candidate(w, number, text_most(w, units, number));
        }
    }
}

/* ---- Frequent classes ---------------------------------------------------------------------- */

/* Candidates among all posts, whose sums the other classes complete. */
static void settle_all(walk *w) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    size_t rows = 0;
    for (uint32_t i = w->next; i < f->probe->class_count; i++) {
        if (f->probe->weights[i] > 0) {
            f->rows[rows] = family_bits(t, f->probe->classes[i]);
            f->row_units[rows++] = units_of(w, f->probe->weights[i]);
        }
    }
    bar b = bar_of(w);
    lane_work work = {.sums = f->sums,
                      .totals = f->y->text.totals_near,
                      .blocks = t->row_words * 64 / FAMILY_BLOCK,
                      .rows = f->rows,
                      .units = f->row_units,
                      .row_count = rows,
                      .base = b.base,
                      .slope = b.slope};
    size_t hits = lanes_run(&work, f->hits);
    f->work.swept++;
    for (size_t i = 0; i < hits; i++) {
        add_candidate(w, f->hits[i].item, text_most(w, f->hits[i].units, f->hits[i].item));
    }
}

void finder_by_text(finder *f, double about_most) {
    const probe *p = f->probe;
    walk w = {.f = f, .about_most = about_most, .left = p->total};
    /* Of a draft, the probe has shingles that no post has: they are in the total alone. */
    uint64_t known = 0;
    for (uint32_t i = 0; i < p->class_count; i++) {
        known += p->weights[i];
    }
    w.left = known;
    w.scale = (double)(UNITS_MAX - p->class_count) / (double)p->total;
    w.whole = (double)p->total * w.scale;
    f->touched_count = 0;
    if (walk_rare(&w) && narrow(&w)) {
        settle_touched(&w);
    } else {
        settle_all(&w);
    }
    compare_candidates(&w);
}
