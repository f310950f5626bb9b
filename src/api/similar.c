/*
 * Similar posts: public structs in, rooms asked, public structs out.
 *
 * All lists at once: batches of posts go to threads, which also write their JSON; the caller gets
 * them in order.
 */
#include "api/handles.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pool.h"
#include "similar/clusters.h"
#include "similar/scan.h"
#include "similar/shared.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    BATCH_POSTS = 64,
    BATCHES_AHEAD = 4,
    DEFAULT_K = 10,
    SCANS_MAX = 4, /* of one commit: who asks more often has the posts read */
};

static const double DEFAULT_CLUSTER_LEAST = 0.8;

static anp_status missing(anp_error *err, const char *what) {
    return error_set(err, ANP_INVALID, "%s is missing (NULL); pass it", what);
}

/* ---- What is asked ------------------------------------------------------------------------- */

typedef struct question {
    anp_similar_options options;
    similar_request request;
    bitmap *filter; /* NULL: none */
    unsigned threads;
} question;

static anp_status check(const anp_similar_options *o, anp_error *err) {
    if ((unsigned)o->measure > ANP_MEASURE_BLEND) {
        return error_set(err, ANP_INVALID, "the measure %u is unknown; give one of ANP_MEASURE_…",
                         (unsigned)o->measure);
    }
    if (o->k > RESULTS_MAX) {
        return error_set(err, ANP_INVALID, "k is %u; give at most %d", o->k, RESULTS_MAX);
    }
    if (!(o->similarity_min >= 0 && o->similarity_min <= 1)) {
        return error_set(err, ANP_INVALID, "the least similarity must lie in 0 to 1");
    }
    return ANP_OK;
}

static unsigned processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 64 ? 64 : (unsigned)count;
}

/* Close it also after a failure. */
static anp_status take_question(anp_snapshot *s, const anp_similar_options *options, question *out,
                                anp_error *err) {
    *out = (question){.options = ANP_SIMILAR_OPTIONS_INIT};
    if (options) {
        TRY(options_take(&out->options, sizeof out->options, options, err));
    }
    const anp_similar_options *o = &out->options;
    TRY(check(o, err));
    if (o->filter && o->filter[0]) {
        TRY(query_filter(s->inner, str_from(o->filter), &out->filter, err));
    }
    out->threads = o->threads ? o->threads : processors();
    out->threads = out->threads < 64 ? out->threads : 64;
    out->request = (similar_request){
        .measure = o->measure ? o->measure : ANP_MEASURE_BLEND,
        .k = o->k ? o->k : DEFAULT_K,
        .similarity_min = o->similarity_min,
        .filter = out->filter,
    };
    return ANP_OK;
}

static void close_question(question *q) {
    bitmap_free(q->filter);
}

/* ---- The posts in memory ------------------------------------------------------------------- */

typedef struct reading {
    const question *question;
    uint64_t whole;
} reading;

static bool report_reading(void *user, uint64_t posts) {
    const reading *r = user;
    const anp_similar_options *o = &r->question->options;
    anp_progress so_far = {"reading", posts, r->whole};
    return !o->on_progress || o->on_progress(o->user, &so_far);
}

static bool is_version(snapshot_version a, snapshot_version b) {
    return a.generation == b.generation && a.number == b.number;
}

/* Whether one more list is found by a scan: nobody has read the posts yet, and few have asked. */
static bool take_scan(anp_snapshot *s) {
    anp_index *index = s->index;
    snapshot_version version = snapshot_version_of(s->inner);
    pthread_mutex_lock(&index->mutex);
    bool have = s->similar || (index->similar && is_version(index->similar_version, version));
    index->scans = is_version(index->scanned_version, version) ? index->scans : 0;
    index->scanned_version = version;
    index->scans += !have;
    bool scan = !have && index->scans <= SCANS_MAX;
    pthread_mutex_unlock(&index->mutex);
    return scan;
}

/* Those of the snapshot's commit: the index may have them from another snapshot of it. One thread
   reads them, others wait for it. */
static anp_status need_similar(anp_snapshot *s, const question *q, anp_error *err) {
    anp_index *index = s->index;
    snapshot_version version = snapshot_version_of(s->inner);
    anp_status status = ANP_OK;
    if (s->similar) {
        return ANP_OK;
    }
    pthread_mutex_lock(&index->mutex);
    bool have = index->similar && is_version(index->similar_version, version);
    if (!have) {
        reading r = {q, snapshot_post_count(s->inner)};
        corpus_options options = {q->threads > 1 ? q->threads : 0, report_reading, &r};
        similar *made = NULL;
        status = similar_open(s->inner, &options, &made, err);
        if (status == ANP_OK) {
            similar_close(index->similar);
            index->similar = made;
            index->similar_version = version;
        }
    }
    if (status == ANP_OK) {
        s->similar = similar_share(index->similar);
    }
    pthread_mutex_unlock(&index->mutex);
    return status;
}

/* For who asks of all posts: close_question also after a failure. */
static anp_status open_question(anp_snapshot *s, const anp_similar_options *options, question *out,
                                anp_error *err) {
    TRY(take_question(s, options, out, err));
    return need_similar(s, out, err);
}

/* With all ids and titles. */
static anp_status open_labelled(anp_snapshot *s, const anp_similar_options *options, question *out,
                                anp_error *err) {
    TRY(open_question(s, options, out, err));
    reading r = {out, snapshot_post_count(s->inner)};
    corpus_options o = {out->threads > 1 ? out->threads : 0, report_reading, &r};
    return similar_label(s->similar, s->inner, &o, err);
}

/* ---- Results ------------------------------------------------------------------------------- */

static anp_status take_answer(anp_results *r, const similar_answer *answer, anp_error *err) {
    r->count = answer->hit_count;
    r->total = answer->hit_count;
    r->hits = arena_array(&r->memory, anp_hit, r->count);
    if (!r->hits) {
        return error_nomem(err, "results");
    }
    for (size_t i = 0; i < r->count; i++) {
        const similar_hit *hit = &answer->hits[i];
        r->hits[i] = (anp_hit){.rank = (uint32_t)i + 1,
                               .id = results_text(r, hit->id),
                               .title = results_text(r, hit->title),
                               .similarity = hit->similarity};
        if (!r->hits[i].id || !r->hits[i].title) {
            return error_nomem(err, "results");
        }
    }
    return ANP_OK;
}

/* Takes the answer, or frees r on a failure. subject: data NULL for a draft. */
static anp_status finish(anp_results *r, anp_status status, str subject,
                         const similar_answer *answer, anp_results **out, anp_error *err) {
    if (status == ANP_OK && subject.data) {
        r->subject = arena_str(&r->memory, subject);
        status = r->subject.data ? ANP_OK : error_nomem(err, "results");
    }
    if (status == ANP_OK) {
        status = take_answer(r, answer, err);
    }
    if (status != ANP_OK) {
        anp_results_free(r);
        return status;
    }
    *out = r;
    return ANP_OK;
}

/* What each hit shares with the probe. */
static anp_status explain(anp_results *r, anp_snapshot *s, const question *q, uint32_t docno,
                          str text, const similar_answer *answer, anp_error *err) {
    if (!(q->options.flags & ANP_SIMILAR_EXPLAIN)) {
        return ANP_OK;
    }
    r->shared = arena_array(&r->memory, shared_parts, answer->hit_count);
    r->explanation_texts = (const char **)arena_array(&r->memory, char *, answer->hit_count);
    if (!r->shared || !r->explanation_texts) {
        return error_nomem(err, "an explanation");
    }
    for (size_t i = 0; i < answer->hit_count; i++) {
        TRY(shared_find(s->similar, s->inner, q->request.measure, docno, text,
                        answer->hits[i].docno, &r->memory, &r->shared[i], err));
    }
    return ANP_OK;
}

/* ---- One list ------------------------------------------------------------------------------ */

/* docno, or text when docno is UINT32_MAX. */
static anp_status ask(anp_snapshot *s, const question *q, uint32_t docno, str text, arena *perm,
                      similar_answer *out, anp_error *err) {
    const similar_request *request = &q->request;
    bool drafted = docno == UINT32_MAX;
    unsigned flags = q->options.flags & (ANP_SIMILAR_EXACT | ANP_SIMILAR_EXPLAIN);
    if (request->measure == ANP_MEASURE_JACCARD && !flags) {
        TRY(s->sketches ? ANP_OK : by_sketch_open(s->inner, &s->sketches, err));
        return drafted ? by_sketch_text(s->sketches, text, request, perm, out, err)
                     : by_sketch_post(s->sketches, docno, request, perm, out, err);
    }
    bool scan = !(flags & ANP_SIMILAR_EXPLAIN) && take_scan(s);
    TRY(scan ? scan_pays(s->inner, &scan, err) : ANP_OK);
    if (scan) {
        reading r = {q, snapshot_post_count(s->inner)};
        corpus_options o = {q->threads > 1 ? q->threads : 0, report_reading, &r};
        return drafted ? scan_to_text(s->inner, text, request, &o, perm, out, err)
                       : scan_to_post(s->inner, docno, request, &o, perm, out, err);
    }
    TRY(need_similar(s, q, err));
    return drafted ? similar_to_text(s->similar, s->inner, text, request, perm, out, err)
                 : similar_to_post(s->similar, s->inner, docno, request, perm, out, err);
}

static anp_status find_similar(anp_snapshot *s, uint32_t docno, str id, str text,
                               const anp_similar_options *options, anp_results **out,
                               anp_error *err) {
    uint64_t start = clock_us();
    question q;
    similar_answer answer = {0};
    anp_results *r = results_new(RESULTS_SIMILAR);
    if (!r) {
        return error_nomem(err, "results");
    }
    anp_status status = take_question(s, options, &q, err);
    if (status == ANP_OK) {
        status = ask(s, &q, docno, text, &r->memory, &answer, err);
    }
    if (status == ANP_OK) {
        status = explain(r, s, &q, docno, text, &answer, err);
    }
    close_question(&q);
    TRY(finish(r, status, id, &answer, out, err));
    (*out)->took_us = clock_us() - start;
    return ANP_OK;
}

anp_status anp_similar(anp_snapshot *s, const char *id, const anp_similar_options *options,
                       anp_results **out, anp_error *err) {
    uint32_t docno;
    if (!s || !id || !out) {
        return missing(err, !s ? "the snapshot" : !id ? "the id" : "out");
    }
    TRY(find_docno(s, id, &docno, err));
    return find_similar(s, docno, str_from(id), (str){NULL, 0}, options, out, err);
}

anp_status anp_similar_text(anp_snapshot *s, const char *text, size_t len,
                            const anp_similar_options *options, anp_results **out, anp_error *err) {
    if (!s || (!text && len) || !out) {
        return missing(err, !s ? "the snapshot" : !out ? "out" : "the text");
    }
    return find_similar(s, UINT32_MAX, (str){NULL, 0}, str_make(text, len), options, out, err);
}

/* ---- All lists ----------------------------------------------------------------------------- */

typedef struct batch {
    pool_task task;
    struct lister *lister;
    uint32_t first, count; /* posts of the corpus */
    anp_results *results[BATCH_POSTS];
    anp_status status;
    anp_error error;
} batch;

typedef struct lister {
    anp_snapshot *snapshot;
    similar *similar;
    const question *question;
    pool *pool;
    batch *batches; /* a ring */
    size_t ring;
    bool (*visit)(void *user, anp_results *results);
    void *user;
} lister;

static anp_status list_post(lister *l, uint32_t number, anp_results **out, anp_error *err) {
    const corpus *c = similar_corpus(l->similar);
    similar_answer answer = {0};
    anp_results *r = results_new(RESULTS_SIMILAR);
    if (!r) {
        return error_nomem(err, "results");
    }
    anp_status status = similar_to_post(l->similar, NULL, c->docnos[number], &l->question->request,
                                        &r->memory, &answer, err);
    TRY(finish(r, status, labels_id(similar_labels(l->similar), number), &answer, out, err));
    (*out)->timed = false;
    if (l->question->options.flags & ANP_SIMILAR_EXPLAIN) {
        return ANP_OK; /* the caller's thread adds it: it reads posts */
    }
    return anp_results_json(*out) ? ANP_OK : error_nomem(err, "results");
}

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    (void)worker;
    for (uint32_t i = 0; i < b->count && b->status == ANP_OK; i++) {
        b->status = list_post(b->lister, b->first + i, &b->results[i], &b->error);
    }
}

/* What a list of the batch shares, where it was asked for. */
static anp_status explain_list(lister *l, uint32_t number, anp_results *r, anp_error *err) {
    if (!(l->question->options.flags & ANP_SIMILAR_EXPLAIN)) {
        return ANP_OK;
    }
    similar_answer answer = {arena_array(&r->memory, similar_hit, r->count), r->count};
    if (!answer.hits) {
        return error_nomem(err, "an explanation");
    }
    for (size_t i = 0; i < r->count; i++) {
        TRY(find_docno(l->snapshot, r->hits[i].id, &answer.hits[i].docno, err));
    }
    uint32_t docno = similar_corpus(l->similar)->docnos[number];
    return explain(r, l->snapshot, l->question, docno, (str){NULL, 0}, &answer, err);
}

static anp_status hand_over(lister *l, batch *b, bool *stopped, anp_error *err) {
    anp_status status = b->status;
    if (status != ANP_OK && err) {
        *err = b->error;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        if (status == ANP_OK) {
            status = explain_list(l, b->first + i, b->results[i], err);
        }
        if (status == ANP_OK && !l->visit(l->user, b->results[i])) {
            status = error_set(err, ANP_CANCELLED, "stopped as asked");
        }
        anp_results_free(b->results[i]);
        b->results[i] = NULL;
    }
    *stopped = status != ANP_OK;
    return status;
}

static anp_status list_all(lister *l, uint64_t skip, anp_error *err) {
    uint32_t count = similar_corpus(l->similar)->count;
    uint64_t given = skip, taken = skip;
    anp_status status = ANP_OK;
    bool stopped = false;
    while (taken < count) {
        while (!stopped && given < count && given - taken < l->ring * BATCH_POSTS) {
            batch *b = &l->batches[(given - skip) / BATCH_POSTS % l->ring];
            uint64_t left = count - given;
            *b = (batch){.task = {.run = run_batch, .user = b},
                         .lister = l,
                         .first = (uint32_t)given,
                         .count = left < BATCH_POSTS ? (uint32_t)left : BATCH_POSTS,
                         .error = ANP_ERROR_INIT};
            given += b->count;
            pool_submit(l->pool, &b->task, false);
        }
        if (taken >= given) {
            break;
        }
        batch *b = &l->batches[(taken - skip) / BATCH_POSTS % l->ring];
        pool_wait(l->pool, &b->task);
        taken += b->count;
        if (!stopped) {
            status = hand_over(l, b, &stopped, err);
        }
        for (uint32_t i = 0; stopped && i < b->count; i++) {
            anp_results_free(b->results[i]);
            b->results[i] = NULL;
        }
    }
    return status;
}

anp_status anp_similar_all(anp_snapshot *s, const anp_similar_options *options,
                           bool (*visit)(void *user, anp_results *results), void *user,
                           anp_error *err) {
    question q;
    if (!s || !visit) {
        return missing(err, s ? "visit" : "the snapshot");
    }
    anp_status status = open_labelled(s, options, &q, err);
    if (status == ANP_OK) {
        lister l = {.snapshot = s,
                    .similar = s->similar,
                    .question = &q,
                    .visit = visit,
                    .user = user};
        l.ring = (size_t)q.threads * BATCHES_AHEAD;
        l.pool = pool_open(q.threads > 1 ? q.threads : 0);
        l.batches = calloc(l.ring, sizeof *l.batches);
        status = l.pool && l.batches ? list_all(&l, q.options.skip, err)
                                     : error_nomem(err, "similar posts");
        pool_close(l.pool);
        free(l.batches);
    }
    close_question(&q);
    return status;
}

anp_status anp_similar_fingerprint(anp_snapshot *s, const anp_similar_options *options,
                                   uint64_t *out, anp_error *err) {
    question q;
    if (!s || !out) {
        return missing(err, s ? "out" : "the snapshot");
    }
    anp_status status = open_labelled(s, options, &q, err);
    if (status == ANP_OK) {
        const corpus *c = similar_corpus(s->similar);
        const char *filter = q.options.filter ? q.options.filter : "";
        struct {
            uint64_t posts, count;
            double least;
            uint64_t k, measure, flags;
        } all = {labels_print(similar_labels(s->similar)), c->count, q.request.similarity_min,
                 q.request.k, q.request.measure, q.options.flags};
        *out = hash64_seed(filter, strlen(filter), hash64(&all, sizeof all));
    }
    close_question(&q);
    return status;
}

/* ---- Near-duplicates ----------------------------------------------------------------------- */

typedef struct cluster_visit {
    const question *question;
    uint64_t whole;
    bool (*visit)(void *user, anp_results *results);
    void *user;
    bool failed; /* memory was out */
} cluster_visit;

static bool report_comparing(void *user, uint64_t posts) {
    const cluster_visit *v = user;
    const anp_similar_options *o = &v->question->options;
    anp_progress so_far = {"comparing", posts, v->whole};
    return !o->on_progress || o->on_progress(o->user, &so_far);
}

static bool visit_cluster(void *user, const similar_hit *posts, size_t count) {
    cluster_visit *v = user;
    similar_answer answer = {(similar_hit *)(uintptr_t)(posts + 1), count - 1};
    anp_results *r = results_new(RESULTS_CLUSTER);
    if (!r || !(r->title = results_text(r, posts[0].title)) ||
        finish(r, ANP_OK, posts[0].id, &answer, &r, NULL) != ANP_OK) {
        v->failed = true;
        return false;
    }
    bool go_on = v->visit(v->user, r);
    anp_results_free(r);
    return go_on;
}

anp_status anp_similar_clusters(anp_snapshot *s, const anp_similar_options *options,
                                bool (*visit)(void *user, anp_results *results), void *user,
                                anp_error *err) {
    question q;
    if (!s || !visit) {
        return missing(err, s ? "visit" : "the snapshot");
    }
    anp_status status = open_question(s, options, &q, err);
    if (status == ANP_OK) {
        double least = q.options.similarity_min;
        cluster_visit v = {&q, snapshot_post_count(s->inner), visit, user, false};
        clusters_options o = {.least = least > 0 ? least : DEFAULT_CLUSTER_LEAST,
                              .filter = q.filter,
                              .threads = q.threads,
                              .on_progress = report_comparing,
                              .visit = visit_cluster,
                              .user = &v};
        status = clusters_find(s->similar, s->inner, &o, err);
        if (v.failed) {
            status = error_nomem(err, "near-duplicates");
        }
    }
    close_question(&q);
    return status;
}
