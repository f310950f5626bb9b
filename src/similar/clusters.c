/* See clusters.h. Pairs are found by threads, joined by the caller's. */
#include "similar/clusters.h"

#include "base/error.h"
#include "base/pool.h"

#include <stdlib.h>

enum { BATCH_POSTS = 256, BATCHES_AHEAD = 4, K_FIRST = 64 };

typedef struct pair {
    uint32_t a, b;
} pair;

typedef struct batch {
    pool_task task;
    struct search *search;
    uint32_t first, count;
    VEC(pair) pairs;
    anp_status status;
    anp_error error;
} batch;

typedef struct search {
    const similar *similar;
    snapshot *snapshot;
    const corpus *corpus;
    const clusters_options *options;
    const uint64_t *accepted;
    finder **finders; /* by the pool's worker */
    uint32_t *parent; /* of a post; itself where it is a root, which is the first of its group */
    size_t ring;
    batch *batches;
} search;

/* All posts at the least or more: k grows until it is more than there are. */
static anp_status find_pairs(search *s, finder *f, uint32_t number, batch *b, anp_error *err) {
    const neighbour *found;
    uint32_t count;
    uint32_t all = s->corpus->count;
    finder_options o = {.k = K_FIRST, .likeness_min = s->options->least, .accepted = s->accepted};
    for (o.k = K_FIRST < all ? K_FIRST : all;; o.k = o.k < all / 8 ? o.k * 8 : all) {
        TRY(finder_run_post(f, number, &o, &found, &count, err));
        if (count < o.k || o.k == all) {
            break;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (found[i].post > number && !vec_push(&b->pairs, ((pair){number, found[i].post}))) {
            return error_nomem(err, "near-duplicates");
        }
    }
    return ANP_OK;
}

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    search *s = b->search;
    b->pairs.count = 0;
    for (uint32_t i = 0; i < b->count && b->status == ANP_OK; i++) {
        uint32_t number = b->first + i;
        bool accepted = !s->accepted || s->accepted[number / 64] >> number % 64 & 1;
        if (accepted) {
            b->status = find_pairs(s, s->finders[worker], number, b, &b->error);
        }
    }
}

static uint32_t root_of(uint32_t *parent, uint32_t number) {
    while (parent[number] != number) {
        parent[number] = parent[parent[number]];
        number = parent[number];
    }
    return number;
}

static void join(search *s, const batch *b) {
    for (size_t i = 0; i < b->pairs.count; i++) {
        uint32_t x = root_of(s->parent, b->pairs.items[i].a);
        uint32_t y = root_of(s->parent, b->pairs.items[i].b);
        s->parent[x > y ? x : y] = x > y ? y : x;
    }
}

static anp_status take(search *s, batch *b, anp_error *err) {
    if (b->status != ANP_OK) {
        if (err) {
            *err = b->error;
        }
        return b->status;
    }
    join(s, b);
    const clusters_options *o = s->options;
    return o->on_progress && !o->on_progress(o->user, (uint64_t)b->first + b->count)
               ? error_set(err, ANP_CANCELLED, "stopped as asked")
               : ANP_OK;
}

static anp_status find_all(search *s, pool *p, anp_error *err) {
    uint32_t count = s->corpus->count, given = 0, taken = 0;
    anp_status status = ANP_OK;
    while (taken < count) {
        while (status == ANP_OK && given < count && given - taken < s->ring * BATCH_POSTS) {
            batch *b = &s->batches[given / BATCH_POSTS % s->ring];
            b->task = (pool_task){.run = run_batch, .user = b};
            b->search = s;
            b->first = given;
            b->count = count - given < BATCH_POSTS ? count - given : BATCH_POSTS;
            b->status = ANP_OK;
            b->error = (anp_error)ANP_ERROR_INIT;
            given += b->count;
            pool_submit(p, &b->task, false);
        }
        if (taken >= given) {
            break;
        }
        batch *b = &s->batches[taken / BATCH_POSTS % s->ring];
        pool_wait(p, &b->task);
        taken += b->count;
        if (status == ANP_OK) {
            status = take(s, b, err);
        }
    }
    return status;
}

/* ---- Groups -------------------------------------------------------------------------------- */

static double jaccard(const family *t, uint32_t a, uint32_t b) {
    size_t i = t->item_start[a], i_end = t->item_start[a + 1];
    size_t j = t->item_start[b], j_end = t->item_start[b + 1];
    uint64_t both = 0, either = 0;
    while (i < i_end || j < j_end) {
        uint32_t x = i < i_end ? t->item_classes[i] : UINT32_MAX;
        uint32_t y = j < j_end ? t->item_classes[j] : UINT32_MAX;
        uint32_t members = t->members[x < y ? x : y];
        either += members;
        both += x == y ? members : 0;
        i += x <= y;
        j += y <= x;
    }
    return either ? (double)both / (double)either : 0;
}

static anp_status visit_group(search *s, const uint32_t *posts, size_t count, similar_hit *hits,
                              anp_error *err) {
    arena names = {0};
    anp_status status = ANP_OK;
    for (size_t i = 0; i < count && status == ANP_OK; i++) {
        double similarity = i ? jaccard(&s->corpus->text, posts[0], posts[i]) : 1;
        status = similar_hit_of(s->similar, s->snapshot, posts[i], similarity, &names, &hits[i],
                                err);
    }
    if (status == ANP_OK && !s->options->visit(s->options->user, hits, count)) {
        status = error_set(err, ANP_CANCELLED, "stopped as asked");
    }
    arena_free(&names);
    return status;
}

/* Posts by group: a counting sort by root. */
static anp_status visit_groups(search *s, anp_error *err) {
    uint32_t count = s->corpus->count;
    uint32_t *end = calloc((size_t)count + 1, sizeof *end);
    uint32_t *posts = malloc(((size_t)count + 1) * sizeof *posts);
    similar_hit *hits = malloc(((size_t)count + 1) * sizeof *hits);
    anp_status status = end && posts && hits ? ANP_OK : error_nomem(err, "near-duplicates");
    for (uint32_t i = 0; status == ANP_OK && i < count; i++) {
        s->parent[i] = root_of(s->parent, i);
        end[s->parent[i] + 1]++;
    }
    for (uint32_t i = 0; status == ANP_OK && i < count; i++) {
        end[i + 1] += end[i];
    }
    for (uint32_t i = 0; status == ANP_OK && i < count; i++) {
        posts[end[s->parent[i]]++] = i;
    }
    for (uint32_t i = 0; status == ANP_OK && i < count; i++) {
        uint32_t from = i ? end[i - 1] : 0;
        if (end[i] - from > 1) {
            status = visit_group(s, posts + from, end[i] - from, hits, err);
        }
    }
    free(end);
    free(posts);
    free(hits);
    return status;
}

static anp_status open_finders(search *s, const yardstick *y, unsigned count, anp_error *err) {
    s->finders = calloc(count + 1, sizeof *s->finders);
    anp_status status = s->finders ? ANP_OK : error_nomem(err, "near-duplicates");
    for (unsigned i = 0; i < count && status == ANP_OK; i++) {
        status = finder_open(y, &s->finders[i], err);
    }
    return status;
}

anp_status clusters_find(similar *m, snapshot *of, const clusters_options *options,
                         anp_error *err) {
    search s = {.similar = m, .snapshot = of, .corpus = similar_corpus(m), .options = options};
    arena scratch = {0};
    yardstick y = {0};
    similar_request request = {.filter = options->filter};
    pool *p = pool_open(options->threads > 1 ? options->threads : 0);
    unsigned workers = p ? pool_workers(p) : 0;
    s.ring = (size_t)workers * BATCHES_AHEAD;
    s.batches = calloc(s.ring + 1, sizeof *s.batches);
    s.parent = malloc(((size_t)s.corpus->count + 1) * sizeof *s.parent);
    anp_status status =
        p && s.batches && s.parent ? ANP_OK : error_nomem(err, "near-duplicates");
    for (uint32_t i = 0; status == ANP_OK && i < s.corpus->count; i++) {
        s.parent[i] = i;
    }
    if (status == ANP_OK) {
        status = similar_accepted(m, &request, &scratch, &s.accepted, err);
    }
    if (status == ANP_OK) {
        status = yardstick_open(s.corpus, ANP_MEASURE_JACCARD, NULL, &y, err);
    }
    if (status == ANP_OK) {
        status = open_finders(&s, &y, workers, err);
    }
    if (status == ANP_OK) {
        status = find_all(&s, p, err);
    }
    if (status == ANP_OK) {
        status = visit_groups(&s, err);
    }
    pool_close(p);
    for (unsigned i = 0; s.finders && i < workers; i++) {
        finder_close(s.finders[i]);
    }
    for (size_t i = 0; s.batches && i < s.ring; i++) {
        free(s.batches[i].pairs.items);
    }
    free(s.finders);
    free(s.batches);
    free(s.parent);
    yardstick_close(&y);
    arena_free(&scratch);
    return status;
}
