/*
 * See family.h. A join:
 *
 *     1  hashes that begin alike are a bucket: its distinct ones, out of every part, get numbers;
 *        prints and dfs are added up
 *     2  hashes of one print and df are one class, of which one is the first; classes are numbered
 *        by df
 *     3  items get places; where there are several zones, the posts of classes that are cut are
 *        counted by zone
 *     4  lists are written by class, out of its first hash's posts in every part
 *     5  then the items' classes by list, which sorts them
 *
 * Buckets are so small that their tables stay in the cache, and are threads' work but for 2, where
 * it is shared by the first bits of prints. Cost: two passes over the hashes of parts, two random
 * writes for each entry of a list.
 */
#include "similar/family_impl.h"

#include "base/error.h"
#include "base/pages.h"

#include <stdlib.h>

#ifndef BUCKET_FEATURES /* of parts, on average; tests make it smaller */
#define BUCKET_FEATURES (1 << 14)
#endif

enum { SHARES = 64 /* tasks that a step is cut into */ };

typedef struct joining {
    family *f;
    corpus_part *parts;
    size_t part_count;
    pool *pool;
    size_t bucket_count;
    uint32_t *slices;   /* by part: where its features of each bucket begin, and one more */
    uint32_t **numbers; /* by part: of its features, in their buckets */
    family_share shares[FAMILY_SHARES];
    uint32_t starts[FAMILY_SHARES];
    uint32_t *ranks;
    size_t *fill; /* where lists go on */
} joining;

/* Some of a step's work. */
typedef struct share {
    pool_task task;
    joining *j;
    bool (*run)(joining *j, size_t nth);
    size_t from, to;
    bool made;
} share;

static void run_share(void *user, unsigned worker) {
    share *s = user;
    (void)worker;
    s->made = true;
    for (size_t i = s->from; i < s->to && s->made; i++) {
        s->made = s->run(s->j, i);
    }
}

/* Runs a step for each of `count`, by the pool. */
static bool run_all(joining *j, size_t count, bool (*run)(joining *j, size_t nth)) {
    share shares[SHARES];
    size_t n = count < SHARES ? count : SHARES;
    bool made = true;
    for (size_t i = 0; i < n; i++) {
        shares[i] = (share){.task = {.run = run_share, .user = &shares[i]},
                            .j = j,
                            .run = run,
                            .from = count * i / n,
                            .to = count * (i + 1) / n};
        pool_submit(j->pool, &shares[i].task, false);
    }
    for (size_t i = 0; i < n; i++) {
        pool_wait(j->pool, &shares[i].task);
        made = made && shares[i].made;
    }
    return made;
}

static uint32_t posts_of(const chunk_side *s, uint32_t class) {
    return s->start[class + 1] - s->start[class];
}

/* Finds where buckets begin among a part's features. */
static bool slice_part(joining *j, size_t nth) {
    const chunk_side *s = &j->parts[nth].text;
    uint32_t *slices = j->slices + nth * (j->bucket_count + 1);
    j->numbers[nth] = pages_alloc(((size_t)s->feature_count + 1) * sizeof **j->numbers);
    for (size_t b = 0; b <= j->bucket_count; b++) {
        uint32_t from = b ? slices[b - 1] : 0, to = s->feature_count;
        while (from < to) {
            uint32_t middle = from + (to - from) / 2;
            if (family_bucket_of(j->f, s->hashes[middle]) < b) {
                from = middle + 1;
            } else {
                to = middle;
            }
        }
        slices[b] = from;
    }
    return j->numbers[nth] != NULL;
}

static bool number_bucket(joining *j, size_t nth) {
    family_bucket *b = &j->f->buckets[nth];
    for (size_t p = 0; p < j->part_count; p++) {
        const corpus_part *part = &j->parts[p];
        const chunk_side *s = &part->text;
        const uint32_t *slice = j->slices + p * (j->bucket_count + 1) + nth;
        for (uint32_t i = slice[0]; i < slice[1]; i++) {
            uint32_t class = s->classes[i], df = posts_of(s, class), number = FAMILY_NONE;
            if (df) { /* else no post is left */
                number = family_add_feature(b, s->hashes[i], part->prints[class], df);
                if (number == FAMILY_NONE) {
                    family_drop_slots(b);
                    return false;
                }
            }
            j->numbers[p][i] = number;
        }
    }
    family_drop_slots(b);
    return true;
}

static bool classify_share(joining *j, size_t nth) {
    return family_find_classes(j->f, &j->shares[nth], nth);
}

/* Counts the posts of classes that are cut. A class is one bucket's work, here and in the lists. */
static bool count_bucket(joining *j, size_t nth) {
    family *f = j->f;
    family_bucket *b = &f->buckets[nth];
    for (size_t p = 0; p < j->part_count; p++) {
        const uint32_t *slice = j->slices + p * (j->bucket_count + 1) + nth;
        const chunk_side *s = &j->parts[p].text;
        for (uint32_t i = slice[0]; i < slice[1]; i++) {
            uint32_t number = j->numbers[p][i];
            if (number == FAMILY_NONE || !b->notes.first[number] ||
                b->classes[number] < f->class_split) {
                continue;
            }
            uint32_t theirs = s->classes[i];
            for (uint32_t k = s->start[theirs]; k < s->start[theirs + 1]; k++) {
                family_count_in_cut(f, b->classes[number], j->parts[p].first + s->posts[k]);
            }
        }
    }
    return true;
}

static bool rank_bucket(joining *j, size_t nth) {
    family_bucket *b = &j->f->buckets[nth];
    family_rank_classes(b, j->starts, j->ranks);
    family_fill_slots(b);
    return true;
}

static void list_posts(joining *j, uint32_t class, const corpus_part *part, uint32_t theirs) {
    const chunk_side *s = &part->text;
    for (uint32_t i = s->start[theirs]; i < s->start[theirs + 1]; i++) {
        family_add_to_list(j->f, j->fill, class, part->first + s->posts[i]);
    }
}

/* Parts follow in the order of their posts. */
static bool list_bucket(joining *j, size_t nth) {
    const family_bucket *b = &j->f->buckets[nth];
    for (size_t p = 0; p < j->part_count; p++) {
        const uint32_t *slice = j->slices + p * (j->bucket_count + 1) + nth;
        const uint32_t *numbers = j->numbers[p];
        for (uint32_t i = slice[0]; i < slice[1]; i++) {
            if (numbers[i] != FAMILY_NONE && b->notes.first[numbers[i]]) {
                const corpus_part *part = &j->parts[p];
                list_posts(j, b->classes[numbers[i]], part, part->text.classes[i]);
            }
        }
    }
    return true;
}

static size_t features_of(const joining *j) {
    size_t total = 0;
    for (size_t i = 0; i < j->part_count; i++) {
        total += j->parts[i].text.feature_count;
    }
    return total;
}

static bool open_join(joining *j) {
    family *f = j->f;
    size_t total = features_of(j);
    while (f->bucket_bits < PART_BUCKET_BITS && total >> f->bucket_bits > BUCKET_FEATURES) {
        f->bucket_bits++;
    }
    j->bucket_count = (size_t)1 << f->bucket_bits;
    f->buckets = calloc(j->bucket_count, sizeof *f->buckets);
    f->item_start = pages_zeroed(((size_t)f->item_count + 2) * sizeof *f->item_start);
    j->slices = malloc((j->part_count * (j->bucket_count + 1) + 1) * sizeof *j->slices);
    j->numbers = calloc(j->part_count + 1, sizeof *j->numbers);
    return f->buckets && f->item_start && j->slices && j->numbers;
}

/* Buckets lie one behind the other, with room for all that parts have. */
static bool open_buckets(joining *j, size_t most) {
    size_t from = 0;
    if (!family_open_features(j->f, most, false)) {
        return false;
    }
    for (size_t b = 0; b < j->bucket_count; b++) {
        j->f->buckets[b] = family_bucket_at(j->f, from);
        for (size_t p = 0; p < j->part_count; p++) {
            const uint32_t *slice = j->slices + p * (j->bucket_count + 1) + b;
            from += slice[1] - slice[0];
        }
    }
    return true;
}

static void free_hashes(joining *j) {
    for (size_t i = 0; i < j->part_count; i++) {
        free(j->parts[i].text.hashes);
        free(j->parts[i].prints);
        j->parts[i].text.hashes = j->parts[i].prints = NULL;
    }
}

static bool make_classes(joining *j, uint32_t **items) {
    family *f = j->f;
    bool made = run_all(j, FAMILY_SHARES, classify_share) &&
                family_join_classes(f, j->shares, j->starts, items);
    for (size_t q = 0; q < FAMILY_SHARES; q++) {
        family_free_share(&j->shares[q]);
    }
    return made && family_order_classes(f, items, &j->ranks);
}

static bool make_zones(joining *j) {
    uint32_t *sizes = pages_alloc(((size_t)j->f->item_count + 1) * sizeof *sizes);
    for (size_t p = 0; sizes && p < j->part_count; p++) {
        corpus_part *part = &j->parts[p];
        if (part->count) {
            memcpy(sizes + part->first, part->sizes, part->count * sizeof *sizes);
        }
        free(part->sizes);
        part->sizes = NULL;
    }
    bool made = sizes && family_make_zones(j->f, sizes);
    free(sizes);
    return made;
}

static bool write_lists(joining *j, const uint32_t *items) {
    family *f = j->f;
    if (!make_zones(j) || !family_open_cuts(f, items) || !family_open_slots(f) ||
        !run_all(j, j->bucket_count, rank_bucket) ||
        (f->zone_count > 1 && !run_all(j, j->bucket_count, count_bucket)) ||
        !family_make_lists(f, items, &j->fill)) {
        return false;
    }
    return run_all(j, j->bucket_count, list_bucket);
}

static void close_join(joining *j) {
    for (size_t i = 0; j->numbers && i < j->part_count; i++) {
        free(j->numbers[i]);
        free(j->parts[i].text.classes);
        free(j->parts[i].text.start);
        free(j->parts[i].text.posts);
        j->parts[i].text = (chunk_side){.hashes = j->parts[i].text.hashes};
    }
    free(j->numbers);
    free(j->slices);
    free(j->ranks);
    free(j->fill);
}

anp_status family_join(corpus_part *parts, size_t count, uint32_t item_count, pool *threads,
                       family *out, anp_error *err) {
    *out = (family){.item_count = item_count};
    joining j = {.f = out, .parts = parts, .part_count = count, .pool = threads};
    uint32_t *items = NULL;
    bool made = open_join(&j) && run_all(&j, count, slice_part) &&
                open_buckets(&j, features_of(&j)) && run_all(&j, j.bucket_count, number_bucket);
    free_hashes(&j);
    made = made && make_classes(&j, &items) && write_lists(&j, items);
    close_join(&j);
    family_free_notes(out);
    free(items);
    if (!made || !family_turn(out)) {
        family_free(out);
        return error_nomem(err, "similar posts");
    }
    return ANP_OK;
}
