/*
 * See finder.h: the search by text.
 *
 * A post's sum is in units: weights times `scale`, rounded up, so that all of the probe's are some
 * 65,000 units. With O for what two posts share, A and B for all that each has, text is
 * O / (A + B − O); it grows with O, and so it reaches t where
 *
 *     O >= t / (1 + t) · (A + B)
 *
 * A sum is never less than O, so that what it rules out is out; and without what rounding added it
 * is never more, so that what k posts reach by theirs the k-th nearest reaches.
 *
 * Posts with a sum are listed while they are few; once they are many, all sums are looked through
 * one behind the other (wide), until few are open.
 */
#include "similar/finder_impl.h"

#include <math.h>

enum {
    CHECK_FIRST = 512, /* postings before the worst of the k is first looked after, then 4 × */
    CHECK_GROWTH = 4,
    CHECKED = 16, /* posts compared at a check, at most */
    WIDE_SHARE = 8, /* of all posts have a sum: sums are looked through by SIMD */
    WIDE_LOOKS = 2, /* done again once as many postings as half of all posts were walked */
    COMPARE_CLASSES = 4, /* of the probe and of a mean post: to compare them costs one posting */
    COMPARE_SHARE = 4, /* a class may cost so much of what comparing costs */
    OPEN_ENOUGH = 32,
    SWEEP_ROWS = 8, /* what a sweep costs besides its rows */
};

#ifndef LISTED_SHARE /* of all posts are open: they are listed again; tests make it larger */
#define LISTED_SHARE 64
#endif

static const double SAFE = 1e-5; /* more than single precision loses in a bound */
static const double TEXT_FAINT = 1e-3; /* posts are looked for that look like half, a quarter … */

typedef struct walk {
    finder *f;
    double about_most; /* below 0: only posts about nothing are looked for */
    double scale;      /* units a weight */
    double whole;      /* the probe's weight in units */
    double rounded;    /* units that a class may have added to a sum over what it weighs */
    bool unclean;      /* sums of posts that are out were left */
    bool wide;         /* any post may have a sum, and nobody keeps a list of those that do */
    uint64_t compare_cost; /* of a post, in postings; a row of 32 posts costs about one */
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

static bar bar_at(const walk *w, double needed) {
    double slope = needed / (1 + needed) * (1 - SAFE);
    return (bar){(float)(slope * w->whole * (1 - SAFE)), (float)(slope * w->scale * (1 - SAFE))};
}

static bar bar_of(const walk *w) {
    return bar_at(w, text_needed(w));
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

/* ---- All sums at once ---------------------------------------------------------------------- */

/*
 * Once so many posts have a sum, sums are looked through one behind the other, by SIMD, and so
 * cheaply that k posts' sums alone can tell what the nearest reach at least.
 */
static bool may_be_wide(const finder *f) {
    return f->options->k <= CHECKED && (!f->y->by_about || f->bare);
}

/* Posts whose sums, with so many units more, come to a bar, into f->hits; how many. */
static uint32_t sums_over(const walk *w, bar b, double more, bool keep) {
    const finder *f = w->f;
    lane_work work = {.sums = f->sums,
                      .totals = f->y->text.totals_near,
                      .blocks = f->corpus->text.row_words * 64 / FAMILY_BLOCK,
                      .base = (float)(b.base - more * (1 + SAFE)),
                      .slope = b.slope,
                      .keep = keep};
    return (uint32_t)lanes_run(&work, f->hits);
}

/* The least text of a post that shares at least so many units. */
static double text_least(const walk *w, double units, uint32_t number) {
    double total = (double)w->f->y->text.totals_near[number] * w->scale * (1 + SAFE);
    return units > 0 ? units / (w->whole + total - units) * (1 - SAFE) : 0;
}

/* Sums of posts that look best, more than k if so many reach the least; into f->hits. */
static uint32_t best_sums(const walk *w) {
    finder *f = w->f;
    uint32_t hits = 0;
    if (!w->wide) {
        for (; hits < f->touched_count; hits++) {
            f->hits[hits] = (lane_hit){f->touched[hits], f->sums[f->touched[hits]]};
        }
        return hits;
    }
    double text = 0.5;
    for (; hits <= f->options->k && text > 2 * f->least && text > TEXT_FAINT; text /= 2) {
        hits = sums_over(w, bar_at(w, text), 0, true);
    }
    return hits <= f->options->k ? sums_over(w, bar_of(w), 0, true) : hits;
}

/* What k posts reach for certain, by what they share so far, is the least. */
static void raise_least(walk *w) {
    finder *f = w->f;
    double best[CHECKED] = {0};
    uint32_t k = f->options->k, hits = best_sums(w);
    for (uint32_t i = 0; i < hits; i++) {
        double units = f->hits[i].units - w->rounded * (w->next + 1.0);
        double least = text_least(w, units, f->hits[i].item);
        if (least <= best[k - 1] || !finder_accepts(f, f->hits[i].item)) {
            continue;
        }
        uint32_t at = k - 1;
        for (; at > 0 && best[at - 1] < least; at--) {
            best[at] = best[at - 1];
        }
        best[at] = least;
    }
    f->least = best[k - 1] > f->least ? best[k - 1] : f->least;
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
    if (w->wide || w->unclean) {
        raise_least(w);
        return;
    }
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

/* Where nobody asks which posts have a sum. */
static void add_to_all(finder *f, const uint32_t *list, uint32_t count, uint16_t units) {
    for (uint32_t i = 0; i < count; i++) {
        f->sums[list[i]] = (uint16_t)(f->sums[list[i]] + units);
    }
}

static void add_list(walk *w, uint32_t class, uint16_t units) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    const uint32_t *list = t->lists + t->list_start[class];
    uint32_t count = (uint32_t)(t->list_start[class + 1] - t->list_start[class]);
    uint32_t touched = f->touched_count;
    f->work.postings += count;
    if (w->wide) {
        add_to_all(f, list, count, units);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = list[i];
        f->touched[touched] = number;
        touched += f->sums[number] == 0;
        f->sums[number] = (uint16_t)(f->sums[number] + units);
    }
    f->touched_count = touched;
    w->wide = touched > f->corpus->count / WIDE_SHARE && may_be_wide(f);
}

/* Adds to posts that are open, at least: no other can be among the nearest any more. */
static void add_list_to_open(const walk *w, uint32_t class, uint16_t units) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    const uint32_t *list = t->lists + t->list_start[class];
    uint32_t count = (uint32_t)(t->list_start[class + 1] - t->list_start[class]);
    f->work.postings += count;
    if (w->wide || w->unclean) {
        add_to_all(f, list, count, units);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint16_t sum = f->sums[list[i]];
        f->sums[list[i]] = (uint16_t)(sum + (sum ? units : 0));
    }
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

/* The same of all sums. Once few posts are open, they are listed; the other sums stay until the
   search ends, and may lack what is added from now on. */
static uint32_t keep_open_wide(walk *w, double left) {
    finder *f = w->f;
    uint32_t open = sums_over(w, bar_of(w), left, true);
    if (open <= f->corpus->count / LISTED_SHARE) {
        for (uint32_t i = 0; i < open; i++) {
            f->touched[i] = f->hits[i].item;
        }
        f->touched_count = open;
        w->wide = false;
        w->unclean = true;
    }
    return open;
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
    if (w->wide) {
        return keep_open_wide(w, left);
    }
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

/*
 * Walks further rare classes while that is less work than comparing the posts they may rule out;
 * false when going over all posts is less than either.
 */
static bool narrow(walk *w) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    uint64_t open = keep_open(w), walked = 0;
    for (uint32_t class; next_rare(w, &class); w->next++) {
        uint64_t weight = f->probe->weights[w->next];
        if (open <= OPEN_ENOUGH || t->df[class] > w->compare_cost * open / COMPARE_SHARE) {
            return true;
        }
        if (weight > 0) {
            add_list_to_open(w, class, units_of(w, weight));
            walked += t->df[class];
        }
        w->left -= weight;
        if (walked > (w->wide ? f->corpus->count / WIDE_LOOKS : open)) {
            check(w);
            open = keep_open(w);
            walked = 0;
        }
    }
    uint64_t rows = f->probe->class_count - w->next;
    return w->compare_cost * keep_open(w) < (rows + SWEEP_ROWS) * (f->corpus->count / 32);
}

static void settle_wide(walk *w) {
    const finder *f = w->f;
    double left = ceil((double)w->left * w->scale);
    uint32_t hits = sums_over(w, bar_of(w), left, false);
    for (uint32_t i = 0; i < hits; i++) {
        lane_hit hit = f->hits[i];
        add_candidate(w, hit.item, text_most(w, hit.units + left, hit.item));
    }
}

/* Candidates among the posts with a sum; the others are out. */
static void settle_touched(walk *w) {
    finder *f = w->f;
    double left = ceil((double)w->left * w->scale);
    bar b = bar_of(w);
    if (w->wide) {
        settle_wide(w);
        return;
    }
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

/* The classes that are left complete all sums. Posts that come to the bar then, into f->hits; how
   many. */
static size_t add_rows(walk *w, float base, float slope, bool keep) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    size_t rows = 0;
    for (; w->next < f->probe->class_count; w->next++) {
        uint64_t weight = f->probe->weights[w->next];
        if (weight > 0) {
            f->rows[rows] = family_bits(t, f->probe->classes[w->next]);
            f->row_units[rows++] = units_of(w, weight);
        }
    }
    w->left = 0;
    f->work.swept++;
    lane_work work = {.sums = f->sums,
                      .totals = f->y->text.totals_near,
                      .blocks = t->row_words * 64 / FAMILY_BLOCK,
                      .rows = f->rows,
                      .units = f->row_units,
                      .row_count = rows,
                      .base = base,
                      .slope = slope,
                      .keep = keep};
    return lanes_run(&work, f->hits);
}

/* Candidates among all posts. */
static void settle_all(walk *w) {
    finder *f = w->f;
    if (may_be_wide(f)) {
        /* Where little was compared, nearly all would come to the bar: it is raised first. */
        add_rows(w, INFINITY, 0, true);
        w->wide = true;
        raise_least(w);
        settle_wide(w);
        return;
    }
    bar b = bar_of(w);
    size_t hits = add_rows(w, b.base, b.slope, false);
    for (size_t i = 0; i < hits; i++) {
        add_candidate(w, f->hits[i].item, text_most(w, f->hits[i].units, f->hits[i].item));
    }
}

static walk begin(finder *f, double about_most) {
    const probe *p = f->probe;
    const family *t = &f->corpus->text;
    walk w = {.f = f, .about_most = about_most};
    /* Of a draft, the probe has shingles that no post has: they are in the total alone. */
    for (uint32_t i = 0; i < p->class_count; i++) {
        w.left += p->weights[i];
    }
    /* Where a weight is some units, it is whole ones: then nothing is rounded. */
    w.scale = floor(FINDER_UNITS_MAX / (double)p->total);
    w.rounded = w.scale < 1;
    if (w.scale < 1) {
        w.scale = (double)(FINDER_UNITS_MAX - p->class_count) / (double)p->total;
    }
    w.whole = (double)p->total * w.scale;
    uint64_t mean = t->item_start[t->item_count] / t->item_count;
    w.compare_cost = (mean + p->class_count) / COMPARE_CLASSES + 1;
    f->touched_count = 0;
    return w;
}

void finder_by_text(finder *f, double about_most) {
    walk w = begin(f, about_most);
    if (walk_rare(&w) && narrow(&w)) {
        settle_touched(&w);
    } else {
        settle_all(&w);
    }
    if (w.unclean) {
        memset(f->sums, 0, f->corpus->text.row_words * 64 * sizeof *f->sums);
    }
    compare_candidates(&w);
}
