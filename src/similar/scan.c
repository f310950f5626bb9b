/*
 * See scan.h. A side (shingles, or terms) of a piece, second pass:
 *
 *     feature   df everywhere   weight   the probe has it?        class   weight   shared
 *     a         2               9        yes                      0: a b     12       12
 *     b         40              3        yes               ─>     1: c        1        0
 *     c         900             1        no
 *
 *     post 0 is in classes 0 and 1: 13 in all, 12 shared with the probe
 *
 * Dfs are by place in one table for all pieces, so that the second pass looks nothing up.
 */
#include "similar/scan.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "index/chunk_code.h"
#include "index/likeness.h"
#include "similar/weigh.h"

#include <stdlib.h>

enum { SLACK = 2, AHEAD = 16, SLOTS_AT_FIRST = 1 << 14, READ_SHARE = 16 };

/* ---- Features ------------------------------------------------------------------------------ */

typedef struct known {
    uint64_t hash;
    uint64_t weight; /* once all dfs are known */
    uint32_t df;
    bool used, probed;
} known;

/* All features of a side. */
typedef struct known_table {
    known *slots;
    size_t mask, used;
} known_table;

static known *find(const known_table *t, uint64_t hash) {
    size_t at = hash & t->mask;
    while (t->slots[at].used && t->slots[at].hash != hash) {
        at = (at + 1) & t->mask;
    }
    return &t->slots[at];
}

/* Room for so many more. */
static bool reserve(known_table *t, size_t more) {
    size_t mask = t->slots ? t->mask : SLOTS_AT_FIRST - 1;
    while (mask < 2 * (t->used + more)) {
        mask = mask * 2 + 1;
    }
    if (t->slots && mask == t->mask) {
        return true;
    }
    known_table grown = {calloc(mask + 1, sizeof *grown.slots), mask, t->used};
    if (!grown.slots) {
        return false;
    }
    for (size_t i = 0; t->slots && i <= t->mask; i++) {
        if (t->slots[i].used) {
            *find(&grown, t->slots[i].hash) = t->slots[i];
        }
    }
    free(t->slots);
    *t = grown;
    return true;
}

/* There is room. */
static known *need(known_table *t, uint64_t hash) {
    known *found = find(t, hash);
    if (!found->used) {
        *found = (known){.hash = hash, .used = true};
        t->used++;
    }
    return found;
}

/* ---- A scan -------------------------------------------------------------------------------- */

typedef struct piece {
    pool_task task;
    struct scan *scan;
    const likeness_piece *from;
    const uint32_t *docnos; /* of its live posts */
    uint32_t first, count;
    stored_post *posts; /* NULL: it is a chunk */
    chunk chunk;
    anp_status status;
    anp_error error;
} piece;

/* Of shingles, or of terms. */
typedef struct scan_side {
    bool counts; /* for the measure */
    int power;
    known_table known;
    uint64_t total; /* of the probe, by weight */
    uint64_t number; /* of its distinct features */
} scan_side;

typedef struct scan {
    snapshot *snapshot;
    const similar_request *request;
    uint64_t posts; /* N */
    uint32_t self;  /* ordinal; UINT32_MAX: a draft */
    scan_side text, about;
    uint32_t *docnos;
    uint32_t live;
    double *likeness; /* by live post; below 0: no answer */
    likeness_piece *pieces;
    piece *work;
    size_t count;
    pool *pool;
    part_tools *tools; /* by worker */
} scan;

/* ---- First pass ---------------------------------------------------------------------------- */

static void load_piece(void *user, unsigned worker) {
    piece *p = user;
    p->status = part_load(&p->scan->tools[worker], p->from, p->docnos, p->posts, p->count,
                          &p->chunk, &p->error);
    free(p->posts);
    p->posts = NULL;
}

static bool count_dfs(scan_side *s, const chunk_side *from) {
    known_table *t = &s->known;
    if (!s->counts) {
        return true;
    }
    if (!reserve(t, from->feature_count)) {
        return false;
    }
    for (uint32_t i = 0; i < from->feature_count; i++) {
        if (i + AHEAD < from->feature_count) {
            __builtin_prefetch(&t->slots[from->hashes[i + AHEAD] & t->mask]);
        }
        uint32_t class = from->classes[i];
        need(t, from->hashes[i])->df += from->start[class + 1] - from->start[class];
    }
    return true;
}

static anp_status submit(scan *s, size_t i, uint32_t *next, anp_error *err) {
    piece *p = &s->work[i];
    *p = (piece){.task = {.run = load_piece, .user = p},
                 .scan = s,
                 .from = &s->pieces[i],
                 .docnos = s->docnos + *next,
                 .first = *next,
                 .error = ANP_ERROR_INIT};
    while (*next < s->live && s->docnos[*next] - p->from->first < p->from->count) {
        ++*next;
    }
    p->count = *next - p->first;
    TRY(part_posts(s->snapshot, p->from, p->docnos, p->count, &p->posts, err));
    pool_submit(s->pool, &p->task, false);
    return ANP_OK;
}

static anp_status take(scan *s, const piece *p, const corpus_options *o, anp_error *err) {
    if (p->status != ANP_OK) {
        if (err) {
            *err = p->error;
        }
        return p->status;
    }
    if (!count_dfs(&s->text, &p->chunk.text) || !count_dfs(&s->about, &p->chunk.about)) {
        return error_nomem(err, "similar posts");
    }
    return o->on_progress && !o->on_progress(o->user, (uint64_t)p->first + p->count)
               ? error_set(err, ANP_CANCELLED, "stopped as asked")
               : ANP_OK;
}

static anp_status first_pass(scan *s, const corpus_options *o, anp_error *err) {
    size_t given = 0, taken = 0, most = pool_workers(s->pool) + SLACK;
    uint32_t next = 0;
    anp_status status = ANP_OK;
    while (taken < given || (status == ANP_OK && given < s->count)) {
        while (status == ANP_OK && given < s->count && given - taken < most) {
            status = submit(s, given, &next, err);
            given += status == ANP_OK;
        }
        if (taken < given) {
            piece *p = &s->work[taken++];
            pool_wait(s->pool, &p->task);
            status = status == ANP_OK ? take(s, p, o, err) : status;
        }
    }
    return status;
}

/* ---- The probe ----------------------------------------------------------------------------- */

/* hashes may repeat. After the first pass: what no post has is new. */
static bool mark_probe(scan_side *s, const uint64_t *hashes, size_t count, bool drafted) {
    if (!reserve(&s->known, count + 1)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        known *k = need(&s->known, hashes[i]);
        if (!k->probed) {
            k->probed = true;
            k->df += drafted;
            s->number++;
        }
    }
    return true;
}

static void weigh(scan_side *s, uint64_t posts) {
    for (size_t i = 0; i <= s->known.mask; i++) {
        known *k = &s->known.slots[i];
        if (k->used) {
            k->weight = weigh_feature(posts, k->df, s->power);
            s->total += k->probed ? k->weight : 0;
        }
    }
}

static anp_status read_probe(scan *s, str body, anp_error *err) {
    part_tools *tools = &s->tools[0];
    features f;
    stored_post post;
    bool drafted = s->self == UINT32_MAX;
    if (!tools->reader) {
        TRY(reader_open(snapshot_settings(s->snapshot), &tools->reader, err));
    }
    if (drafted) {
        TRY(reader_read_draft(tools->reader, body, &f, err));
    } else {
        TRY(snapshot_stored(s->snapshot, s->self, &post, err));
        TRY(reader_read(tools->reader, &post, &f, err));
    }
    if (!mark_probe(&s->text, f.shingles, f.shingle_count, drafted) ||
        !mark_probe(&s->about, f.terms, f.term_count, drafted)) {
        return error_nomem(err, "similar posts");
    }
    weigh(&s->text, s->posts);
    weigh(&s->about, s->posts);
    return ANP_OK;
}

/* ---- Second pass --------------------------------------------------------------------------- */

/* By post of a piece: all that it has, and what it shares with the probe. */
typedef struct sums {
    uint64_t *total, *both; /* NULL: not made */
} sums;

static void free_sums(sums *s) {
    free(s->total);
    free(s->both);
}

/* counting: each feature is 1. */
static bool add_up(const scan_side *s, const chunk_side *from, uint32_t count, bool counting,
                   sums *out) {
    const known_table *t = &s->known;
    size_t classes = (size_t)from->class_count + 1;
    uint64_t *weights = calloc(classes, sizeof *weights), *shared = calloc(classes, sizeof *shared);
    out->total = calloc((size_t)count + 1, sizeof *out->total);
    out->both = calloc((size_t)count + 1, sizeof *out->both);
    bool made = weights && shared && out->total && out->both;
    for (uint32_t i = 0; made && i < from->feature_count; i++) {
        if (i + AHEAD < from->feature_count) {
            __builtin_prefetch(&t->slots[from->hashes[i + AHEAD] & t->mask]);
        }
        const known *k = find(t, from->hashes[i]);
        uint64_t weight = counting ? 1 : k->weight;
        weights[from->classes[i]] += weight;
        shared[from->classes[i]] += k->probed ? weight : 0;
    }
    for (uint32_t c = 0; made && c < from->class_count; c++) {
        const uint16_t *posts = from->posts + from->start[c];
        uint32_t n = from->start[c + 1] - from->start[c];
        for (uint32_t i = 0; i < n; i++) {
            out->total[posts[i]] += weights[c];
        }
        for (uint32_t i = 0; shared[c] && i < n; i++) {
            out->both[posts[i]] += shared[c];
        }
    }
    free(weights);
    free(shared);
    return made;
}

/* What of a piece is compared. */
typedef struct measured {
    sums text, about;
    sums shingles, terms; /* the same, counted: some have nothing that weighs, or nothing at all */
} measured;

static double ratio(const scan_side *s, const sums *by_weight, const sums *counted, uint32_t i) {
    uint64_t both = by_weight->both[i], either = s->total + by_weight->total[i] - both;
    if (either > 0) {
        return (double)both / (double)either;
    }
    return s->number > 0 && counted->total[i] == s->number && counted->both[i] == s->number;
}

static double likeness_of(const scan *s, const measured *m, uint32_t i) {
    bool told = s->about.counts && s->about.number > 0 && m->terms.total[i] > 0;
    if (!s->text.counts) {
        return s->about.number > 0 ? ratio(&s->about, &m->about, &m->terms, i) : 0;
    }
    double text = ratio(&s->text, &m->text, &m->shingles, i);
    return told ? weigh_blend(text, ratio(&s->about, &m->about, &m->terms, i)) : text;
}

static bool measure(const scan *s, const piece *p, measured *m) {
    const scan_side *text = &s->text, *about = &s->about;
    bool made = true;
    if (text->counts) {
        made = add_up(text, &p->chunk.text, p->count, false, &m->text);
        /* Where the probe weighs something, so does every union with it. */
        made = made && (text->total > 0 ||
                        add_up(text, &p->chunk.text, p->count, true, &m->shingles));
    }
    if (about->counts && made) {
        made = add_up(about, &p->chunk.about, p->count, false, &m->about) &&
               add_up(about, &p->chunk.about, p->count, true, &m->terms);
    }
    return made;
}

static void compare_piece(void *user, unsigned worker) {
    piece *p = user;
    const scan *s = p->scan;
    measured m = {0};
    (void)worker;
    if (!measure(s, p, &m)) {
        p->status = error_nomem(&p->error, "similar posts");
    }
    for (uint32_t i = 0; p->status == ANP_OK && i < p->count; i++) {
        uint32_t docno = p->docnos[i];
        const bitmap *filter = s->request->filter;
        bool asked = docno != s->self && (!filter || bitmap_contains(filter, docno));
        s->likeness[p->first + i] = asked ? likeness_of(s, &m, i) : -1;
    }
    free_sums(&m.text);
    free_sums(&m.about);
    free_sums(&m.shingles);
    free_sums(&m.terms);
    chunk_free(&p->chunk);
}

static anp_status second_pass(scan *s, anp_error *err) {
    anp_status status = ANP_OK;
    for (size_t i = 0; i < s->count; i++) {
        s->work[i].task = (pool_task){.run = compare_piece, .user = &s->work[i]};
        pool_submit(s->pool, &s->work[i].task, false);
    }
    for (size_t i = 0; i < s->count; i++) {
        piece *p = &s->work[i];
        pool_wait(s->pool, &p->task);
        if (p->status != ANP_OK && status == ANP_OK) {
            status = p->status;
            if (err) {
                *err = p->error;
            }
        }
    }
    return status;
}

/* ---- The nearest --------------------------------------------------------------------------- */

/* Whether a post is farther than another; of equal ones the later post is. */
static bool farther(const scan *s, uint32_t a, uint32_t b) {
    return s->likeness[a] != s->likeness[b] ? s->likeness[a] < s->likeness[b] : a > b;
}

/* The worst of a heap to its place. */
static void sift_down(const scan *s, uint32_t *heap, uint32_t count, uint32_t at) {
    uint32_t moved = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && farther(s, heap[child + 1], heap[child]);
        if (!farther(s, heap[child], moved)) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void make_heap(const scan *s, uint32_t *heap, uint32_t count) {
    for (uint32_t at = count / 2; at > 0; at--) {
        sift_down(s, heap, count, at - 1);
    }
}

/* Live posts into heap, nearest first; how many. */
static uint32_t choose(const scan *s, uint32_t most, uint32_t *heap) {
    uint32_t count = 0;
    double least = s->request->similarity_min;
    for (uint32_t i = 0; i < s->live && most > 0; i++) {
        if (s->likeness[i] < least || s->likeness[i] < 0) {
            continue;
        }
        if (count < most) {
            heap[count++] = i;
            if (count == most) {
                make_heap(s, heap, count);
            }
        } else if (farther(s, heap[0], i)) {
            heap[0] = i;
            sift_down(s, heap, count, 0);
        }
    }
    if (count < most) {
        make_heap(s, heap, count);
    }
    for (uint32_t left = count; left > 1; left--) { /* the worst to the end */
        uint32_t worst = heap[0];
        heap[0] = heap[left - 1];
        sift_down(s, heap, left - 1, 0);
        heap[left - 1] = worst;
    }
    return count;
}

static anp_status answer(const scan *s, arena *perm, similar_answer *out, anp_error *err) {
    uint32_t most = s->request->k < s->live ? s->request->k : s->live;
    uint32_t *chosen = malloc(((size_t)most + 1) * sizeof *chosen);
    if (!chosen) {
        return error_nomem(err, "similar posts");
    }
    out->hit_count = choose(s, most, chosen);
    out->hits = arena_array(perm, similar_hit, out->hit_count);
    anp_status status = out->hits ? ANP_OK : error_nomem(err, "similar posts");
    for (size_t i = 0; i < out->hit_count && status == ANP_OK; i++) {
        similar_hit *hit = &out->hits[i];
        *hit = (similar_hit){.docno = s->docnos[chosen[i]], .similarity = s->likeness[chosen[i]]};
        status = label_find(s->snapshot, hit->docno, perm, &hit->id, &hit->title, err);
    }
    free(chosen);
    return status;
}

/* ---- All of it ----------------------------------------------------------------------------- */

static void close_scan(scan *s) {
    unsigned workers = s->pool ? pool_workers(s->pool) : 0;
    for (size_t i = 0; s->work && i < s->count; i++) {
        chunk_free(&s->work[i].chunk);
        free(s->work[i].posts);
    }
    for (unsigned i = 0; s->tools && i < workers; i++) {
        part_tools_free(&s->tools[i]);
    }
    pool_close(s->pool);
    free(s->tools);
    free(s->work);
    free(s->pieces);
    free(s->docnos);
    free(s->likeness);
    free(s->text.known.slots);
    free(s->about.known.slots);
}

static anp_status open_scan(scan *s, const corpus_options *options, anp_error *err) {
    anp_measure measure = s->request->measure;
    bool drafted = s->self == UINT32_MAX;
    TRY(likeness_pieces(s->snapshot, &s->pieces, &s->count, err));
    TRY(corpus_live(s->snapshot, &s->docnos, &s->live, err));
    s->posts = (uint64_t)s->live + drafted;
    s->text.counts = measure != ANP_MEASURE_ABOUT;
    s->about.counts = measure == ANP_MEASURE_ABOUT || measure == ANP_MEASURE_BLEND;
    s->text.power = measure == ANP_MEASURE_JACCARD ? WEIGH_COUNT : WEIGH_TEXT_POWER;
    s->about.power = WEIGH_ABOUT_POWER;
    s->pool = pool_open(options->threads);
    s->work = calloc(s->count + 1, sizeof *s->work);
    s->likeness = malloc(((size_t)s->live + 1) * sizeof *s->likeness);
    s->tools = s->pool ? calloc(pool_workers(s->pool), sizeof *s->tools) : NULL;
    if (!s->pool || !s->work || !s->likeness || !s->tools || !reserve(&s->text.known, 1) ||
        !reserve(&s->about.known, 1)) {
        return error_nomem(err, "similar posts");
    }
    for (unsigned i = 0; i < pool_workers(s->pool); i++) {
        s->tools[i].settings = snapshot_settings(s->snapshot);
    }
    return ANP_OK;
}

static anp_status run(scan *s, str body, const corpus_options *options, arena *perm,
                      similar_answer *out, anp_error *err) {
    *out = (similar_answer){0};
    anp_status status = open_scan(s, options, err);
    if (status == ANP_OK) {
        status = first_pass(s, options, err);
    }
    if (status == ANP_OK) {
        status = read_probe(s, body, err);
    }
    if (status == ANP_OK) {
        status = second_pass(s, err);
    }
    if (status == ANP_OK) {
        status = answer(s, perm, out, err);
    }
    close_scan(s);
    return status;
}

anp_status scan_pays(snapshot *s, bool *pays, anp_error *err) {
    likeness_piece *pieces = NULL;
    size_t count = 0;
    uint32_t read = 0;
    TRY(likeness_pieces(s, &pieces, &count, err));
    for (size_t i = 0; i < count; i++) {
        read += pieces[i].value.len ? 0 : pieces[i].count;
    }
    free(pieces);
    *pays = read <= CHUNK_POSTS + snapshot_docno_end(s) / READ_SHARE;
    return ANP_OK;
}

anp_status scan_to_post(snapshot *s, uint32_t docno, const similar_request *request,
                        const corpus_options *options, arena *perm, similar_answer *out,
                        anp_error *err) {
    scan all = {.snapshot = s, .request = request, .self = docno};
    if (bitmap_contains(snapshot_deleted(s), docno)) {
        return error_set(err, ANP_NOT_FOUND, "post %u is deleted", docno);
    }
    return run(&all, (str){NULL, 0}, options, perm, out, err);
}

anp_status scan_to_text(snapshot *s, str body, const similar_request *request,
                        const corpus_options *options, arena *perm, similar_answer *out,
                        anp_error *err) {
    scan all = {.snapshot = s, .request = request, .self = UINT32_MAX};
    return run(&all, body, options, perm, out, err);
}
