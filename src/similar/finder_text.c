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
 *
 * Classes that are cut by zones (family.h) come last. A zone is passed over when all of its posts
 * are too small or too large to be among the nearest. Where sums are whole, as plain Jaccard's are,
 * complete ones tell the text to the bit: nothing is compared then.
 */
#include "similar/finder_impl.h"

#include <math.h>

enum {
    CHECK_FIRST = 512, /* postings before the worst of the k is first looked after, then 4 × */
    CHECK_GROWTH = 4,
    CHECKED = 16, /* posts compared at a check, at most */
    CHEAP_CLASSES = 128, /* of a probe whose posts are compared at a check though sums could do */
    WIDE_SHARE = 8, /* of all posts have a sum: sums are looked through by SIMD */
    WIDE_LOOKS = 2, /* done again once as many postings as half of all posts were walked */
    COMPARE_CLASSES = 4, /* of the probe and of a mean post: to compare them costs one posting */
    COMPARE_SHARE = 4, /* a class may cost so much of what comparing costs */
    OPEN_ENOUGH = 32,
    ASKED = 4, /* what text costs, over its postings: what is open then is compared */
    SWEEP_ROWS = 8, /* what a sweep costs besides its rows */
    STRETCH = 8,    /* blocks that are looked through before the bar is raised */
    CUTS_AHEAD = 8,
};

#ifndef LISTED_SHARE /* of all posts are open: they are listed again; tests make it larger */
#define LISTED_SHARE 64
#endif

static const double SAFE = 1e-5; /* more than single precision loses in a bound */

typedef struct walk {
    finder *f;
    double about_most; /* below 0: only posts about nothing are looked for */
    double scale;      /* units a weight */
    double whole;      /* the probe's weight in units */
    double rounded;    /* units that a class may have added to a sum over what it weighs */
    bool exact;        /* sums are whole, and text is all that is asked for */
    bool unclean;      /* sums of posts that are out were left */
    bool wide;         /* any post may have a sum, and nobody keeps a list of those that do */
    uint64_t compare_cost; /* of a post, in postings; a row of 32 posts costs about one */
    uint64_t left;     /* weight of classes not yet walked */
    uint64_t most;     /* weight that any other post may share */
    uint32_t next;     /* the next class of the probe */
    uint32_t border;   /* the first class that is not walked */
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

/* The most text of the post at a place that shares at most so many units. */
static double text_most(const walk *w, double units, uint32_t place) {
    double total = (double)w->f->y->text.totals_near[place] * w->scale * (1 + SAFE);
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

static inline bool reaches(const walk *w, bar b, float units, uint32_t place) {
    return units >= b.base + b.slope * w->f->y->text.totals_near[place];
}

/* Whether a zone may hold posts that are among the nearest: large enough, and not so large that
   all they could share is too little. */
static bool zone_is_open(const walk *w, uint32_t zone) {
    const weighing *text = &w->f->y->text;
    double needed = text_needed(w) * (1 - SAFE), whole = (double)w->f->probe->total;
    double least = (double)text->zone_least[zone], most = (double)text->zone_most[zone];
    return least <= most && most >= needed * whole &&
           (double)w->most >= needed / (1 + needed) * (whole + least);
}

/* Zones by turns: from the probe's size up, then down. */
static uint32_t nth_zone(const walk *w, uint32_t nth) {
    const family *t = &w->f->corpus->text;
    uint32_t own = 0;
    while (own + 1 < t->zone_count && w->f->y->text.zone_most[own] < w->f->probe->total) {
        own++;
    }
    return own + nth < t->zone_count ? own + nth : t->zone_count - 1 - nth;
}

/* ---- Candidates ---------------------------------------------------------------------------- */

static void add_candidate(walk *w, uint32_t place, double text) {
    finder *f = w->f;
    uint32_t number = family_item(&f->corpus->text, place);
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

/* Some blocks of a zone. */
typedef struct stretch {
    uint32_t zone;
    size_t from, blocks;
} stretch;

static stretch whole_zone(const walk *w, uint32_t zone) {
    return (stretch){zone, 0, family_zone_words(&w->f->corpus->text, zone) * 64 / FAMILY_BLOCK};
}

/* Adds rows, then tells the places whose sums, with so many units more, come to a bar, into hits;
   how many. */
static uint32_t sums_of(const walk *w, stretch s, size_t rows, bar b, double more, bool keep,
                        lane_hit *hits) {
    finder *f = w->f;
    uint32_t first = f->corpus->text.zone_start[s.zone] + (uint32_t)s.from * FAMILY_BLOCK;
    lane_work work = {.sums = f->sums + first,
                      .totals = f->y->text.totals_near + first,
                      .blocks = s.blocks,
                      .first = first,
                      .rows = f->rows,
                      .units = f->row_units,
                      .row_count = rows,
                      .base = (float)(b.base - more * (1 + SAFE)),
                      .slope = b.slope,
                      .keep = keep};
    return (uint32_t)lanes_run(&work, hits);
}

/* The same of all zones that are open. */
static uint32_t sums_over(const walk *w, bar b, double more, bool keep) {
    finder *f = w->f;
    uint32_t hits = 0;
    for (uint32_t zone = 0; zone < f->corpus->text.zone_count; zone++) {
        if (zone_is_open(w, zone)) {
            hits += sums_of(w, whole_zone(w, zone), 0, b, more, keep, f->hits + hits);
        }
    }
    return hits;
}

/* The least text of a post that shares at least so many units. */
static double text_least(const walk *w, double units, uint32_t place) {
    double total = (double)w->f->y->text.totals_near[place] * w->scale * (1 + SAFE);
    return units > 0 ? units / (w->whole + total - units) * (1 - SAFE) : 0;
}

/* The k most that posts reach for certain, by what they share so far. */
typedef struct sure {
    double best[CHECKED];
    uint32_t k;
} sure;

static void make_sure(const walk *w, sure *s, const lane_hit *hits, uint32_t count) {
    uint32_t last = s->k - 1;
    for (uint32_t i = 0; i < count; i++) {
        double units = hits[i].units - w->rounded * (w->next + 1.0);
        double least = text_least(w, units, hits[i].item);
        if (least <= s->best[last] ||
            !finder_accepts(w->f, family_item(&w->f->corpus->text, hits[i].item))) {
            continue;
        }
        uint32_t at = last;
        for (; at > 0 && s->best[at - 1] < least; at--) {
            s->best[at] = s->best[at - 1];
        }
        s->best[at] = least;
    }
}

static void make_sure_of_zone(const walk *w, sure *s, uint32_t zone) {
    stretch all = whole_zone(w, zone);
    for (stretch some = {zone, 0, 0}; some.from < all.blocks; some.from += some.blocks) {
        double best = s->best[s->k - 1] > w->f->least ? s->best[s->k - 1] : w->f->least;
        some.blocks = all.blocks - some.from < STRETCH ? all.blocks - some.from : STRETCH;
        uint32_t hits = sums_of(w, some, 0, bar_at(w, best * (1 - SAFE)), 0, true, w->f->hits);
        make_sure(w, s, w->f->hits, hits);
    }
}

/* What k posts reach for certain is the least. */
static void raise_least(walk *w) {
    finder *f = w->f;
    sure s = {.k = f->options->k};
    if (w->wide) {
        for (uint32_t i = 0; i < f->corpus->text.zone_count; i++) {
            uint32_t zone = nth_zone(w, i);
            if (zone_is_open(w, zone)) {
                make_sure_of_zone(w, &s, zone);
            }
        }
    } else {
        for (uint32_t i = 0; i < f->touched_count; i++) {
            f->hits[i] = (lane_hit){f->touched[i], f->sums[f->touched[i]]};
        }
        make_sure(w, &s, f->hits, f->touched_count);
    }
    f->least = s.best[s.k - 1] > f->least ? s.best[s.k - 1] : f->least;
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
    bool costly = w->exact && may_be_wide(f) && f->probe->class_count > CHEAP_CLASSES;
    if (w->wide || w->unclean || costly) {
        raise_least(w);
        return;
    }
    for (uint32_t i = 0; i < f->touched_count; i++) {
        uint32_t place = f->touched[i];
        float units = (float)f->sums[place], total = whole + totals[place] * scale;
        if (units <= worst * total) {
            continue;
        }
        float looks = units / total;
        uint32_t number = family_item(&f->corpus->text, place);
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
        uint32_t place = list[i];
        f->touched[touched] = place;
        touched += f->sums[place] == 0;
        f->sums[place] = (uint16_t)(f->sums[place] + units);
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

/* The next class that is walked, or false when only frequent ones are left. */
static bool next_rare(const walk *w, uint32_t *class) {
    const probe *p = w->f->probe;
    if (w->next == p->class_count || p->classes[w->next] >= w->border) {
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
        if (weight > 0 && !(class < t->class_shared && p->post != FAMILY_NONE)) {
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
        uint32_t place = f->touched[i], number = family_item(&f->corpus->text, place);
        double units = f->sums[place] + left;
        if (reaches(w, b, (float)units, place) &&
            (text_only ||
             measure_most(f, text_most(w, units, place), number) * (1 + SAFE) >= f->least)) {
            f->touched[kept++] = place;
        } else {
            f->sums[place] = 0;
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
        uint32_t place = f->touched[i];
        double units = f->sums[place] + left;
        f->sums[place] = 0;
        if (reaches(w, b, (float)units, place)) {
            add_candidate(w, place, text_most(w, units, place));
        }
    }
}

/* ---- Frequent classes ---------------------------------------------------------------------- */

/* The classes that are left complete a zone's sums: lists at once, the others are made rows; how
   many. */
static size_t gather_rows(walk *w, uint32_t zone) {
    finder *f = w->f;
    const family *t = &f->corpus->text;
    size_t rows = 0;
    for (uint32_t i = w->next; i < f->probe->class_count; i++) {
        if (i + CUTS_AHEAD < f->probe->class_count) {
            __builtin_prefetch(family_cut_of(t, f->probe->classes[i + CUTS_AHEAD], zone));
        }
        const family_cut *cut = family_cut_of(t, f->probe->classes[i], zone);
        uint16_t units = units_of(w, f->probe->weights[i]);
        if (cut->count == 0 || units == 0) {
            continue;
        }
        if (cut->is_bits) {
            f->rows[rows] = t->bits + cut->at;
            f->row_units[rows++] = units;
        } else {
            f->work.postings += cut->count;
            add_to_all(f, t->lists + cut->at, cut->count, units);
        }
    }
    return rows;
}

static void end_rows(walk *w) {
    w->next = w->f->probe->class_count;
    w->left = 0;
    w->unclean |= w->f->corpus->text.zone_count > 1; /* of zones that were passed over */
}

/* Sums that are whole and complete tell the text to the bit. */
static void offer_hits(walk *w, const lane_hit *hits, uint32_t count) {
    finder *f = w->f;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = family_item(&f->corpus->text, hits[i].item);
        if (f->seen[number] == f->search || !finder_accepts(f, number)) {
            continue;
        }
        uint64_t both = hits[i].units / (uint64_t)w->scale;
        uint64_t either = f->probe->total + f->y->text.totals[number] - both;
        f->seen[number] = f->search;
        finder_offer(f, (neighbour){(double)both / (double)either, number});
    }
}

/* A few blocks at a time, so that the bar is soon as high as it gets. */
static void count_zone(walk *w, uint32_t zone) {
    finder *f = w->f;
    size_t rows = gather_rows(w, zone);
    stretch all = whole_zone(w, zone);
    for (stretch some = {zone, 0, 0}; some.from < all.blocks; some.from += some.blocks) {
        some.blocks = all.blocks - some.from < STRETCH ? all.blocks - some.from : STRETCH;
        offer_hits(w, f->hits, sums_of(w, some, rows, bar_of(w), 0, false, f->hits));
        for (size_t r = 0; r < rows; r++) {
            f->rows[r] += some.blocks * (FAMILY_BLOCK / 64);
        }
    }
}

static void count_all(walk *w) {
    w->f->work.swept++;
    for (uint32_t i = 0; i < w->f->corpus->text.zone_count; i++) {
        uint32_t zone = nth_zone(w, i);
        if (zone_is_open(w, zone)) {
            count_zone(w, zone);
        }
    }
    end_rows(w);
}

/* Completes all sums. Places that come to the bar then, into f->hits; how many. */
static uint32_t add_rows(walk *w, bar b, bool keep) {
    finder *f = w->f;
    uint32_t hits = 0;
    f->work.swept++;
    for (uint32_t zone = 0; zone < f->corpus->text.zone_count; zone++) {
        if (zone_is_open(w, zone)) {
            size_t rows = gather_rows(w, zone);
            hits += sums_of(w, whole_zone(w, zone), rows, b, 0, keep, f->hits + hits);
        }
    }
    end_rows(w);
    return hits;
}

/* Candidates among all posts. */
static void settle_all(walk *w) {
    finder *f = w->f;
    if (may_be_wide(f)) {
        /* Where little was compared, nearly all would come to the bar: it is raised first. */
        add_rows(w, (bar){INFINITY, 0}, true);
        w->wide = true;
        raise_least(w);
        settle_wide(w);
        return;
    }
    uint32_t hits = add_rows(w, bar_of(w), false);
    for (uint32_t i = 0; i < hits; i++) {
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
        w.most += p->post == FAMILY_NONE || p->classes[i] >= t->class_shared ? p->weights[i] : 0;
    }
    w.most = w.most < p->total ? w.most : p->total;
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
    w.exact = w.rounded == 0 && (!f->y->by_about || f->bare);
    w.border = w.exact ? f->corpus->text.class_split : f->corpus->text.class_dense;
    if (walk_rare(&w) && narrow(&w)) {
        settle_touched(&w);
    } else if (w.exact) {
        count_all(&w);
    } else {
        settle_all(&w);
    }
    if (w.unclean) {
        memset(f->sums, 0, f->corpus->text.row_words * 64 * sizeof *f->sums);
    }
    compare_candidates(&w);
}

uint64_t finder_text_cost(finder *f, double about_most) {
    const family *t = &f->corpus->text;
    walk w = begin(f, about_most);
    uint64_t postings = 0, row = f->corpus->count / FAMILY_DENSE;
    for (; w.next < f->probe->class_count && !rest_is_out(&w); w.next++) {
        uint32_t class = f->probe->classes[w.next], df = t->df[class];
        postings += class < t->class_shared ? 0 : df < row ? df : row;
        w.left -= f->probe->weights[w.next];
    }
    return ASKED * postings / w.compare_cost + OPEN_ENOUGH;
}
