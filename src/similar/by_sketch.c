/*
 * See by_sketch.h. Cost of one probe at n posts: n × 136 bytes read by the scan, then up to 100
 * stored posts analysed, unless their sets are still held from a probe before.
 */
#include "similar/by_sketch.h"

#include "base/error.h"
#include "index/shingles.h"
#include "post/post.h"

enum { SETS_BYTES_MAX = 1 << 30, NO_POST = UINT16_MAX };

struct by_sketch {
    snapshot *snapshot;
    shingle_set *sets; /* by ordinal; hashes NULL: not held */
    size_t sets_bytes;
    uint16_t *equal; /* equal slots by ordinal; NO_POST where it is dead or the probe itself */
    uint32_t docno_end;
    arena scratch;
};

anp_status by_sketch_open(snapshot *s, by_sketch **out, anp_error *err) {
    by_sketch *m = calloc(1, sizeof *m);
    if (m) {
        m->snapshot = s;
        m->docno_end = snapshot_docno_end(s);
        m->sets = calloc(m->docno_end + 1u, sizeof *m->sets);
        m->equal = malloc((m->docno_end + 1u) * sizeof *m->equal);
    }
    if (!m || !m->sets || !m->equal) {
        by_sketch_close(m);
        return error_nomem(err, "similar posts");
    }
    *out = m;
    return ANP_OK;
}

static void drop_sets(by_sketch *m) {
    for (uint32_t docno = 0; m->sets && docno < m->docno_end; docno++) {
        free(m->sets[docno].hashes);
        m->sets[docno] = (shingle_set){0};
    }
    m->sets_bytes = 0;
}

void by_sketch_close(by_sketch *m) {
    if (m) {
        drop_sets(m);
        free(m->sets);
        free(m->equal);
        arena_free(&m->scratch);
        free(m);
    }
}

/* ---- Shingle sets -------------------------------------------------------------------------- */

static anp_status set_of_body(by_sketch *m, str body, arena *perm, shingle_set *out,
                              anp_error *err) {
    text_tokens tokens;
    analyzer *a = snapshot_analyzer(m->snapshot);
    if (!a) {
        return error_nomem(err, "similar posts");
    }
    TRY(analyzer_run(a, body, perm, &tokens, err));
    return shingles_of_tokens(&tokens, perm, out, err);
}

static anp_status load_set(by_sketch *m, uint32_t docno, shingle_set *out, anp_error *err) {
    str json, title, body;
    shingle_set found;
    TRY(snapshot_post(m->snapshot, docno, &m->scratch, &json, err));
    TRY(post_title_body(json, &m->scratch, &title, &body, err));
    TRY(set_of_body(m, body, &m->scratch, &found, err));
    size_t bytes = (found.count + 1) * sizeof *found.hashes; /* never 0, so that held is not NULL */
    if (m->sets_bytes + bytes > SETS_BYTES_MAX) {
        drop_sets(m);
    }
    out->hashes = malloc(bytes);
    if (!out->hashes) {
        return error_nomem(err, "similar posts");
    }
    out->count = found.count;
    if (found.count) {
        memcpy(out->hashes, found.hashes, found.count * sizeof *found.hashes);
    }
    m->sets_bytes += bytes;
    return ANP_OK;
}

/* The set of a post, valid until the next call. */
static anp_status set_of_post(by_sketch *m, uint32_t docno, shingle_set *out, anp_error *err) {
    anp_status status = ANP_OK;
    if (!m->sets[docno].hashes) {
        shingle_set loaded = {0};
        arena_mark mark = arena_save(&m->scratch);
        status = load_set(m, docno, &loaded, err);
        arena_rewind(&m->scratch, mark);
        m->sets[docno] = loaded;
    }
    *out = m->sets[docno];
    return status;
}

/* ---- Candidates ---------------------------------------------------------------------------- */

static anp_status scan(by_sketch *m, const uint8_t *asked, uint32_t self,
                       const bitmap *filter, anp_error *err) {
    for (uint32_t from = 0, count; from < m->docno_end; from += count) {
        const uint8_t *sketches;
        TRY(snapshot_sketches(m->snapshot, from, &sketches, &count, err));
        if (count > m->docno_end - from) {
            return error_corrupt(err, "a unit has too many sketches");
        }
        sketch_scan(asked, sketches, count, m->equal + from);
    }
    const bitmap *deleted = snapshot_deleted(m->snapshot);
    for (uint32_t docno = 0; bitmap_next(deleted, docno, &docno) && docno < m->docno_end; docno++) {
        m->equal[docno] = NO_POST;
    }
    for (uint32_t docno = 0; filter && docno < m->docno_end; docno++) {
        if (!bitmap_contains(filter, docno)) {
            m->equal[docno] = NO_POST;
        }
    }
    if (self < m->docno_end) {
        m->equal[self] = NO_POST;
    }
    return ANP_OK;
}

/* The ordinals with the most equal slots, ties to the lower one; how many, at most `most`. */
static size_t choose(const by_sketch *m, size_t most, uint32_t *chosen) {
    size_t histogram[SKETCH_SLOTS + 2] = {0}, above = 0, count = 0;
    for (uint32_t docno = 0; docno < m->docno_end; docno++) {
        histogram[m->equal[docno] == NO_POST ? SKETCH_SLOTS + 1 : m->equal[docno]]++;
    }
    uint32_t least = SKETCH_SLOTS + 1;
    while (least > 0 && above + histogram[least - 1] <= most) {
        above += histogram[--least];
    }
    size_t of_border = most - above; /* places left for those with least - 1 */
    for (uint32_t docno = 0; docno < m->docno_end; docno++) {
        uint32_t equal = m->equal[docno];
        if (equal == NO_POST || equal + 1 < least) {
            continue;
        }
        if (equal >= least || of_border > 0) {
            of_border -= equal < least;
            chosen[count++] = docno;
        }
    }
    return count;
}

static int by_similarity(const void *a, const void *b) {
    const similar_hit *x = a, *y = b;
    if (x->similarity != y->similarity) {
        return x->similarity > y->similarity ? -1 : 1;
    }
    return (x->docno > y->docno) - (x->docno < y->docno);
}

static anp_status fill_hit(by_sketch *m, similar_hit *hit, arena *perm, anp_error *err) {
    str json, title, body;
    arena_mark mark = arena_save(&m->scratch);
    TRY(snapshot_id(m->snapshot, hit->docno, perm, &hit->id, err));
    anp_status status = snapshot_post(m->snapshot, hit->docno, &m->scratch, &json, err);
    if (status == ANP_OK) {
        status = post_title_body(json, &m->scratch, &title, &body, err);
    }
    if (status == ANP_OK) {
        hit->title = arena_str(perm, title);
        status = hit->title.data ? ANP_OK : error_nomem(err, "similar posts");
    }
    arena_rewind(&m->scratch, mark);
    return status;
}

static anp_status rank(by_sketch *m, shingle_set asked, const similar_request *request, arena *perm,
                       similar_answer *out, anp_error *err) {
    size_t most = request->k > SIMILAR_CANDIDATES ? request->k : SIMILAR_CANDIDATES;
    uint32_t *chosen = arena_array(&m->scratch, uint32_t, most);
    similar_hit *hits = arena_array(perm, similar_hit, most);
    if (!chosen || !hits) {
        return error_nomem(err, "similar posts");
    }
    size_t count = choose(m, most, chosen), kept = 0;
    for (size_t i = 0; i < count; i++) {
        shingle_set candidate;
        TRY(set_of_post(m, chosen[i], &candidate, err));
        double similarity = sketch_jaccard(asked, candidate);
        if (similarity >= request->similarity_min) {
            hits[kept++] = (similar_hit){.docno = chosen[i], .similarity = similarity};
        }
    }
    if (kept) {
        qsort(hits, kept, sizeof *hits, by_similarity);
    }
    kept = kept < request->k ? kept : request->k;
    for (size_t i = 0; i < kept; i++) {
        TRY(fill_hit(m, &hits[i], perm, err));
    }
    *out = (similar_answer){hits, kept};
    return ANP_OK;
}

anp_status by_sketch_post(by_sketch *m, uint32_t docno, const similar_request *request, arena *perm,
                           similar_answer *out, anp_error *err) {
    shingle_set held, asked;
    uint8_t sketch[SKETCH_BYTES];
    TRY(set_of_post(m, docno, &held, err));
    /* A copy: loading candidates may drop the sets that are held. */
    arena_mark mark = arena_save(&m->scratch);
    asked.count = held.count;
    asked.hashes = arena_array(&m->scratch, uint64_t, held.count + 1);
    anp_status status = asked.hashes ? ANP_OK : error_nomem(err, "similar posts");
    if (status == ANP_OK) {
        memcpy(asked.hashes, held.hashes, held.count * sizeof *held.hashes);
        sketch_make(asked, sketch);
        status = scan(m, sketch, docno, request->filter, err);
    }
    if (status == ANP_OK) {
        status = rank(m, asked, request, perm, out, err);
    }
    arena_rewind(&m->scratch, mark);
    return status;
}

anp_status by_sketch_text(by_sketch *m, str body, const similar_request *request, arena *perm,
                           similar_answer *out, anp_error *err) {
    shingle_set asked;
    uint8_t sketch[SKETCH_BYTES];
    arena_mark mark = arena_save(&m->scratch);
    anp_status status = set_of_body(m, body, &m->scratch, &asked, err);
    if (status == ANP_OK) {
        sketch_make(asked, sketch);
        status = scan(m, sketch, UINT32_MAX, request->filter, err);
    }
    if (status == ANP_OK) {
        status = rank(m, asked, request, perm, out, err);
    }
    arena_rewind(&m->scratch, mark);
    return status;
}
