/* See tail.h. */
#include "index/tail.h"

#include "base/error.h"
#include "base/pool.h"
#include "sketch/sketch.h"

#include <stdatomic.h>
#include <sys/mman.h>

enum {
    /* A chunk is joined with the one before when that has less than this many times its posts. */
    JOIN_RATIO = 2,
    /* Look-ups that scan a chunk before it is sorted: a sort costs as much as some hundred. */
    SCANS_MAX = 48,
    RADIX_BITS = 11,
    RADIX = 1 << RADIX_BITS,
    HUGE_PAGE_BYTES = 2 << 20,
    TERM_BYTES_MIN = 4, /* of a term in a record */
    /* Posts from which on the memory of a chunk is asked for at once; and from which on its records
       are looked through for a facet or field so often before references are made of all. */
    MANY_POSTS = 64,
    META_SCANS_MAX = 8,
};

typedef struct log_post {
    const uint8_t *record;
    const uint8_t *end;
    const uint8_t *sketch;
    forward_head head;
} log_post;

/* What all tails with the same first post share. Posts are only appended. */
struct tail_log {
    uint32_t references;
    uint32_t capacity;
    VEC(char *) buffers; /* of the records */
    log_post posts[];
};

/* Small, for a million of them are made when a full log is read. */
typedef struct place {
    uint16_t post;
    uint16_t at; /* from the record's first byte; PLACE_FAR: there or behind, to be looked for */
} place;

enum { PLACE_FAR = UINT16_MAX };

_Static_assert(WINDOW_DOCS <= UINT16_MAX + 1u, "a post of the log in 16 bits");

static inline place make_place(uint32_t post, size_t at) {
    return (place){(uint16_t)post, at < PLACE_FAR ? (uint16_t)at : PLACE_FAR};
}

/* References, each number with its place: in the order of posts, or sorted by number, then post. */
typedef struct tail_refs {
    uint32_t *numbers;
    place *places;
    size_t count;
    size_t capacity;
} tail_refs;

/* References of facets and numbers: by kind, those of terms are empty. */
typedef struct tail_meta {
    tail_refs refs[TAIL_KINDS];
} tail_meta;

struct tail_chunk {
    uint32_t references;
    uint32_t first; /* post of the log */
    uint32_t count; /* posts */
    tail_refs terms;
    _Atomic(tail_refs *) sorted; /* the terms; NULL: not yet; may be `terms` itself */
    _Atomic(tail_meta *) meta;   /* NULL: not yet */
    _Atomic uint32_t meta_scans;
    _Atomic uint32_t scans;
};

/* ---- References ---------------------------------------------------------------------------- */

/*
 * As realloc. What about fills a huge page is put on such where they are given: a fresh process
 * pays for each page that it touches first, and a full log takes thousands of small ones.
 */
static void *grow(void *old, size_t used, size_t bytes) {
    if (bytes < (size_t)HUGE_PAGE_BYTES / 2) {
        return realloc(old, bytes);
    }
    size_t whole = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
    void *grown = aligned_alloc(HUGE_PAGE_BYTES, whole);
    if (grown) {
#if defined(MADV_HUGEPAGE)
        madvise(grown, whole, MADV_HUGEPAGE); /* no matter if it is refused */
#endif
        if (used) {
            memcpy(grown, old, used);
        }
        free(old);
    }
    return grown;
}

static bool reserve(tail_refs *r, size_t need) {
    if (need <= r->capacity) {
        return true;
    }
    size_t grown = r->capacity * 2 > need ? r->capacity * 2 : need, n = r->count;
    uint32_t *numbers = grow(r->numbers, n * sizeof *numbers, grown * sizeof *numbers);
    r->numbers = numbers ? numbers : r->numbers;
    place *places = grow(r->places, n * sizeof *places, grown * sizeof *places);
    r->places = places ? places : r->places;
    r->capacity = numbers && places ? grown : r->capacity;
    return numbers && places;
}

static void free_refs(tail_refs *r) {
    free(r->numbers);
    free(r->places);
}

static bool add(tail_refs *r, uint32_t number, uint32_t post, size_t at) {
    if (r->count == r->capacity && !reserve(r, r->count + 64)) {
        return false;
    }
    r->numbers[r->count] = number;
    r->places[r->count++] = make_place(post, at);
    return true;
}

/* b behind a: each number's places stay in the order of posts. */
static bool append(tail_refs *a, const tail_refs *b) {
    if (!reserve(a, a->count + b->count)) {
        return false;
    }
    if (b->count) {
        memcpy(a->numbers + a->count, b->numbers, b->count * sizeof *b->numbers);
        memcpy(a->places + a->count, b->places, b->count * sizeof *b->places);
        a->count += b->count;
    }
    return true;
}

/* Both sorted; all posts of a are below those of b. */
static bool merge(tail_refs *out, const tail_refs *a, const tail_refs *b) {
    size_t i = 0, j = 0, n = 0;
    if (!reserve(out, a->count + b->count)) {
        return false;
    }
    while (i < a->count && j < b->count) {
        bool first = a->numbers[i] <= b->numbers[j];
        out->numbers[n] = first ? a->numbers[i] : b->numbers[j];
        out->places[n++] = first ? a->places[i] : b->places[j];
        i += first;
        j += !first;
    }
    out->count = n;
    tail_refs rest_a = {a->numbers + i, a->places + i, a->count - i, 0};
    tail_refs rest_b = {b->numbers + j, b->places + j, b->count - j, 0};
    return append(out, &rest_a) && append(out, &rest_b);
}

/* One pass of a radix sort, stable. false: all share the digit and nothing was done. */
static bool sort_digit(const tail_refs *from, tail_refs *to, unsigned shift) {
    size_t starts[RADIX] = {0}, sum = 0;
    for (size_t i = 0; i < from->count; i++) {
        starts[from->numbers[i] >> shift & (RADIX - 1)]++;
    }
    for (size_t digit = 0; digit < RADIX; digit++) {
        size_t here = starts[digit];
        if (here == from->count) {
            return false;
        }
        starts[digit] = sum;
        sum += here;
    }
    for (size_t i = 0; i < from->count; i++) {
        size_t at = starts[from->numbers[i] >> shift & (RADIX - 1)]++;
        to->numbers[at] = from->numbers[i];
        to->places[at] = from->places[i];
    }
    return true;
}

/* A sorted copy; NULL when memory is out. */
static tail_refs *sort(const tail_refs *r) {
    tail_refs a = {0}, b = {0}, *out = calloc(1, sizeof *out);
    if (!out || !reserve(&b, r->count) || !append(&a, r)) {
        free_refs(&a);
        free_refs(&b);
        free(out);
        return NULL;
    }
    b.count = r->count;
    for (unsigned shift = 0; shift < 32; shift += RADIX_BITS) {
        if (sort_digit(&a, &b, shift)) {
            tail_refs swap = a;
            a = b;
            b = swap;
        }
    }
    free_refs(&b);
    *out = a;
    return out;
}

/* The first index from `from` on whose number is the one; count when there is none. */
static size_t scan(const tail_refs *r, size_t from, uint32_t number) {
    enum { STRIDE = 64 };
    for (; from + STRIDE <= r->count; from += STRIDE) {
        uint32_t any = 0;
        for (size_t i = 0; i < STRIDE; i++) {
            any |= r->numbers[from + i] == number;
        }
        if (any) {
            break;
        }
    }
    while (from < r->count && r->numbers[from] != number) {
        from++;
    }
    return from;
}

static size_t lower_bound(const tail_refs *r, uint32_t number) {
    size_t from = 0, to = r->count;
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        if (r->numbers[middle] < number) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

/* ---- Chunks -------------------------------------------------------------------------------- */

static void free_meta(tail_meta *m) {
    for (int kind = 0; m && kind < TAIL_KINDS; kind++) {
        free_refs(&m->refs[kind]);
    }
    free(m);
}

static void release_chunk(tail_chunk *c) {
    if (!c || --c->references > 0) {
        return;
    }
    tail_refs *sorted = atomic_load(&c->sorted);
    if (sorted && sorted != &c->terms) {
        free_refs(sorted);
        free(sorted);
    }
    free_refs(&c->terms);
    free_meta(atomic_load(&c->meta));
    free(c);
}

static tail_chunk *new_chunk(uint32_t first, uint32_t count) {
    tail_chunk *c = calloc(1, sizeof *c);
    if (c) {
        c->references = 1;
        c->first = first;
        c->count = count;
    }
    return c;
}

/* As varint_read_u32, twice; nearly all of them have one byte. */
static inline const uint8_t *read_pair(const uint8_t *at, const uint8_t *end, uint32_t *a,
                                       uint32_t *b) {
    if (end - at >= 2 && !((at[0] | at[1]) & 0x80)) {
        *a = at[0];
        *b = at[1];
        return at + 2;
    }
    at = varint_read_u32(at, end, a);
    return at ? varint_read_u32(at, end, b) : NULL;
}

/* The terms of a record, passing over their payloads; the byte behind them, NULL when damaged. */
static const uint8_t *read_terms(tail_chunk *c, const log_post *p, uint32_t post,
                                 forward_reader r, bool *held) {
    tail_refs *refs = &c->terms;
    uint32_t term = 0, delta, bytes;
    size_t most = r.at ? (size_t)(p->end - r.at) / TERM_BYTES_MIN : 0;
    *held = *held && reserve(refs, refs->count + (most < r.left ? most : r.left) + 1);
    const uint8_t *at = r.at;
    size_t n = refs->count, room = refs->capacity;
    for (uint32_t i = 0; i < r.left && at && *held; i++) {
        at = read_pair(at, p->end, &delta, &bytes);
        if (!at || (size_t)(p->end - at) < bytes || n == room) {
            return NULL; /* no room: smaller terms than there are */
        }
        term += delta;
        refs->numbers[n] = term;
        refs->places[n++] = make_place(post, (size_t)(at - p->record));
        at += bytes;
    }
    refs->count = n;
    return at;
}

static str record_of(const log_post *p) {
    return str_make((const char *)p->record, (size_t)(p->end - p->record));
}

static anp_status damaged(anp_error *err) {
    return error_corrupt(err, "a forward record is damaged");
}

/* Reads one record of the log into the chunk, all but its facets and numbers. */
static anp_status read_post(tail_chunk *c, log_post *p, uint32_t post, anp_error *err) {
    forward_reader r = forward_open(record_of(p), &p->head);
    bool held = true;
    forward_section(&r);
    forward_skip_numbers(&r);
    forward_section(&r);
    forward_skip_facets(&r);
    p->sketch = forward_sketch(&r);
    forward_section(&r);
    const uint8_t *end = read_terms(c, p, post, r, &held);
    if (!held) {
        return error_nomem(err, "reading the log");
    }
    return end == p->end ? ANP_OK : damaged(err);
}

/* The facets and numbers of a record. */
static anp_status read_post_meta(tail_meta *m, const log_post *p, uint32_t post, anp_error *err) {
    forward_head head;
    forward_reader r = forward_open(record_of(p), &head);
    forward_number number;
    uint32_t value;
    bool held = true;
    forward_section(&r);
    while (held && forward_next_number(&r, &number)) {
        size_t at = (size_t)(r.at - p->record) - sizeof(double);
        held = add(&m->refs[TAIL_NUMBERS], number.field, post, at);
    }
    forward_section(&r);
    while (held && forward_next_facet(&r, &value)) {
        held = add(&m->refs[TAIL_FACETS], value, post, (size_t)(r.at - p->record));
    }
    if (!held) {
        return error_nomem(err, "reading the log");
    }
    return r.at ? ANP_OK : damaged(err);
}

/* By the first that needs it, or by several at once: then one of them is kept. */
static anp_status read_meta(const tail_log *log, tail_chunk *c, anp_error *err) {
    tail_meta *have = atomic_load_explicit(&c->meta, memory_order_acquire);
    if (have) {
        return ANP_OK;
    }
    tail_meta *made = calloc(1, sizeof *made);
    anp_status status = made ? ANP_OK : error_nomem(err, "reading the log");
    for (uint32_t i = 0; i < c->count && status == ANP_OK; i++) {
        status = read_post_meta(made, &log->posts[c->first + i], c->first + i, err);
    }
    if (status != ANP_OK || !atomic_compare_exchange_strong(&c->meta, &have, made)) {
        free_meta(made);
    }
    return status;
}

anp_status tail_read_meta(const tail *t, anp_error *err) {
    for (uint32_t i = 0; i < t->chunk_count; i++) {
        tail_chunk *c = t->chunks[i];
        bool often = atomic_fetch_add(&c->meta_scans, 1) >= META_SCANS_MAX;
        if (c->count < MANY_POSTS || often) {
            TRY(read_meta(t->log, c, err));
        }
    }
    return ANP_OK;
}

/* What was asked for of a or b will be asked for of both. */
static anp_status join_meta(const tail_log *log, tail_chunk *a, tail_chunk *b, tail_chunk *out,
                            anp_error *err) {
    if (!atomic_load(&a->meta) && !atomic_load(&b->meta)) {
        return ANP_OK;
    }
    TRY(read_meta(log, a, err));
    TRY(read_meta(log, b, err));
    tail_meta *of_a = atomic_load(&a->meta), *of_b = atomic_load(&b->meta);
    tail_meta *both = calloc(1, sizeof *both);
    bool held = both != NULL;
    for (int kind = 0; held && kind < TAIL_KINDS; kind++) {
        held = append(&both->refs[kind], &of_a->refs[kind]) &&
               append(&both->refs[kind], &of_b->refs[kind]);
    }
    if (!held) {
        free_meta(both);
        return error_nomem(err, "reading the log");
    }
    atomic_store(&out->meta, both);
    return ANP_OK;
}

/* Of a and b, which come one behind the other; false when memory is out. */
static bool join_terms(const tail_chunk *a, const tail_chunk *b, tail_chunk *out) {
    tail_refs *made = NULL, *of_a = atomic_load(&a->sorted), *of_b = atomic_load(&b->sorted);
    bool held = true;
    if (of_a && !of_b) { /* the old one was asked for often: so will be the new one */
        of_b = made = sort(&b->terms);
        held = made != NULL;
    }
    if (of_a) {
        held = held && merge(&out->terms, of_a, of_b);
        atomic_store(&out->sorted, &out->terms);
    } else {
        held = append(&out->terms, &a->terms) && append(&out->terms, &b->terms);
        atomic_store(&out->scans, atomic_load(&a->scans));
    }
    if (made) {
        free_refs(made);
        free(made);
    }
    return held;
}

/* Both as one. */
static anp_status join(const tail_log *log, tail_chunk *a, tail_chunk *b, tail_chunk **out,
                       anp_error *err) {
    tail_chunk *c = new_chunk(a->first, a->count + b->count);
    anp_status status = c && join_terms(a, b, c) ? join_meta(log, a, b, c, err)
                                                 : error_nomem(err, "reading the log");
    if (status != ANP_OK) {
        release_chunk(c);
        return status;
    }
    *out = c;
    return ANP_OK;
}

/* The terms to look in, sorted or not; sorts them when they were scanned often. */
static const tail_refs *terms_of(tail_chunk *c, bool *sorted) {
    tail_refs *have = atomic_load_explicit(&c->sorted, memory_order_acquire);
    if (!have && atomic_fetch_add(&c->scans, 1) == SCANS_MAX) {
        have = sort(&c->terms); /* others go on scanning meanwhile */
        atomic_store_explicit(&c->sorted, have, memory_order_release);
    }
    *sorted = have != NULL;
    return have ? have : &c->terms;
}

/* ---- Reading the log ----------------------------------------------------------------------- */

/*
 * Records of many posts are read into their chunk by another thread, slice by slice, while this one
 * copies those that follow: a fresh process waits for both. The copies must not move meanwhile.
 */
typedef struct reading reading;

typedef struct slice {
    reading *of;
    uint32_t from, to; /* posts of the chunk */
    pool_task task;
} slice;

struct reading {
    pool *pool; /* of one thread, that reads them in order */
    tail_log *log;
    tail_chunk *chunk;
    const size_t *offsets;
    const buffer *bytes;
    slice *slices;
    uint32_t count; /* of slices that were handed over */
    uint32_t posts; /* of these slices */
    anp_status status;
    anp_error error;
};

static void hand_over(reading *r, uint32_t posts);

/* Copies records from..to of the log one behind the other; offsets (one more) tell where each
   begins. `reader` (may be NULL) gets them as they come. */
static anp_status gather(store_txn *txn, uint64_t from, uint64_t to, size_t *offsets, buffer *all,
                         reading *reader, anp_error *err) {
    store_cursor *cursor;
    store_key key = store_key_u64(from);
    store_table_size size;
    str record;
    offsets[0] = 0;
    if (from == to) {
        return ANP_OK;
    }
    if (reader || to - from >= MANY_POSTS) {
        /* The table's pages, at most: untouched, memory costs nothing. */
        TRY(store_table_measure(txn, STORE_LOG, &size, err));
        all->data = grow(NULL, 0, size.bytes + 1);
        all->capacity = all->data ? size.bytes + 1 : 0;
        if (reader && !all->data) {
            return error_nomem(err, "reading the log");
        }
    }
    size_t room = all->capacity;
    TRY(store_cursor_open(txn, STORE_LOG, &cursor, err));
    anp_status status = store_seek(cursor, key, &key, &record, err);
    for (uint64_t docno = from; docno < to && status == ANP_OK; docno++) {
        if (key.number != docno) {
            status = ANP_NOT_FOUND;
            break;
        }
        if (reader && record.len > room - all->len) {
            status = error_corrupt(err, "the log is larger than its pages; restore a backup");
            break;
        }
        buffer_put_str(all, record);
        offsets[docno - from + 1] = all->len;
        if (reader) {
            hand_over(reader, (uint32_t)(docno - from + 1));
        }
        if (docno + 1 < to) {
            status = store_next(cursor, &key, &record, err);
        }
    }
    store_cursor_close(cursor);
    if (status == ANP_NOT_FOUND) {
        return error_corrupt(err, "the log lacks a post; restore a backup");
    }
    return status == ANP_OK && all->failed ? error_nomem(err, "reading the log") : status;
}

static anp_status log_size(const catalog_state *state, uint32_t *count, anp_error *err) {
    *count = state->docno_end - state->log_first;
    if (state->docno_end < state->log_first || *count > WINDOW_DOCS) {
        return error_corrupt(err, "the log cannot go from post %u to %u; restore a backup",
                             state->log_first, state->docno_end);
    }
    return ANP_OK;
}

anp_status tail_records(store_txn *txn, const catalog_state *state, str **records, char **bytes,
                        anp_error *err) {
    uint32_t count;
    buffer all = {0};
    TRY(log_size(state, &count, err));
    size_t *offsets = malloc((count + 1u) * sizeof *offsets);
    str *found = malloc((count + 1u) * sizeof *found);
    anp_status status = ANP_OK;
    if (!offsets || !found) {
        status = error_nomem(err, "reading the log");
    } else {
        status = gather(txn, state->log_first, state->docno_end, offsets, &all, NULL, err);
    }
    if (status != ANP_OK) {
        free(offsets);
        free(found);
        buffer_free(&all);
        return status;
    }
    for (uint32_t i = 0; i < count; i++) {
        found[i] = str_make((const char *)all.data + offsets[i], offsets[i + 1] - offsets[i]);
    }
    free(offsets);
    *records = found;
    *bytes = (char *)all.data;
    return ANP_OK;
}

/* ---- Tails --------------------------------------------------------------------------------- */

static void release_log(tail_log *log) {
    if (log && --log->references == 0) {
        for (size_t i = 0; i < log->buffers.count; i++) {
            free(log->buffers.items[i]);
        }
        free(log->buffers.items);
        free(log);
    }
}

void tail_release(tail *t) {
    if (t && --t->references == 0) {
        for (uint32_t i = 0; i < t->chunk_count; i++) {
            release_chunk(t->chunks[i]);
        }
        release_log(t->log);
        free(t);
    }
}

static tail_log *new_log(uint32_t count) {
    uint32_t capacity = count > LOG_POSTS_MAX ? count : LOG_POSTS_MAX;
    tail_log *log = calloc(1, sizeof *log + capacity * sizeof *log->posts);
    if (log) {
        log->references = 1;
        log->capacity = capacity;
    }
    return log;
}

/* New posts of the log, [from, to) of a chunk, read into both. */
static anp_status read_posts(tail_log *log, uint32_t from, uint32_t to, const size_t *offsets,
                             const buffer *bytes, tail_chunk *c, anp_error *err) {
    for (uint32_t i = from; i < to; i++) {
        log_post *p = &log->posts[c->first + i];
        *p = (log_post){.record = bytes->data + offsets[i], .end = bytes->data + offsets[i + 1]};
        TRY(read_post(c, p, c->first + i, err));
    }
    return ANP_OK;
}

static void run_slice(void *user, unsigned worker) {
    const slice *part = user;
    reading *r = part->of;
    (void)worker;
    if (part->from == 0 && !reserve(&r->chunk->terms, r->bytes->capacity / TERM_BYTES_MIN)) {
        r->status = error_nomem(&r->error, "reading the log");
    }
    if (r->status == ANP_OK) {
        r->status = read_posts(r->log, part->from, part->to, r->offsets, r->bytes, r->chunk,
                               &r->error);
    }
}

/* So many posts of the chunk are copied. */
static void hand_over(reading *r, uint32_t posts) {
    if (posts - r->posts >= TAIL_SLICE_POSTS || posts == r->chunk->count) {
        slice *part = &r->slices[r->count++];
        *part = (slice){r, r->posts, posts, {.run = run_slice, .user = part}};
        r->posts = posts;
        pool_submit(r->pool, &part->task, false);
    }
}

/* Without memory or a thread r->pool is NULL, and the caller reads them itself. */
static void begin_reading(reading *r, uint32_t posts) {
    r->slices = calloc(posts / TAIL_SLICE_POSTS + 1, sizeof *r->slices);
    r->pool = r->slices ? pool_open(1) : NULL;
}

/* Waits for it. */
static anp_status end_reading(reading *r, anp_error *err) {
    for (uint32_t i = 0; i < r->count; i++) {
        pool_wait(r->pool, &r->slices[i].task);
    }
    pool_close(r->pool);
    free(r->slices);
    if (r->status != ANP_OK && err) {
        *err = r->error;
    }
    return r->status;
}

/* Copies and reads the posts of a chunk. */
static anp_status fill_chunk(store_txn *txn, const tail *t, tail_chunk *c, size_t *offsets,
                             buffer *bytes, anp_error *err) {
    uint64_t from = (uint64_t)t->first + c->first, to = from + c->count;
    reading r = {.log = t->log, .chunk = c, .offsets = offsets, .bytes = bytes,
                 .error = ANP_ERROR_INIT};
    if (c->count >= TAIL_THREAD_POSTS) {
        begin_reading(&r, c->count);
    }
    anp_status status = gather(txn, from, to, offsets, bytes, r.pool ? &r : NULL, err);
    bool alone = !r.pool;
    anp_status read = end_reading(&r, status == ANP_OK ? err : NULL);
    status = status == ANP_OK ? read : status;
    if (status != ANP_OK || !alone) {
        return status;
    }
    bool has_room = c->count < MANY_POSTS || reserve(&c->terms, bytes->len / TERM_BYTES_MIN);
    return has_room ? read_posts(t->log, 0, c->count, offsets, bytes, c, err)
                    : error_nomem(err, "reading the log");
}

/* Reads posts [from, count) of the tail's log; *out is their chunk. */
static anp_status extend_log(store_txn *txn, tail *t, uint32_t from, tail_chunk **out,
                             anp_error *err) {
    uint32_t more = t->count - from;
    buffer bytes = {0};
    size_t *offsets = malloc((more + 1u) * sizeof *offsets);
    tail_chunk *c = new_chunk(from, more);
    bool room = vec_reserve(&t->log->buffers, t->log->buffers.count + 1);
    anp_status status = offsets && c && room ? fill_chunk(txn, t, c, offsets, &bytes, err)
                                             : error_nomem(err, "reading the log");
    free(offsets);
    if (status != ANP_OK) {
        release_chunk(c);
        buffer_free(&bytes);
        return status;
    }
    if (more == 1) {
        atomic_store(&c->sorted, &c->terms); /* as records are */
    }
    t->log->buffers.items[t->log->buffers.count++] = (char *)bytes.data;
    *out = c;
    return ANP_OK;
}

/* Joins the last chunks while they are of like size. */
static anp_status settle(tail *t, anp_error *err) {
    while (t->chunk_count >= 2) {
        tail_chunk *a = t->chunks[t->chunk_count - 2], *b = t->chunks[t->chunk_count - 1];
        if (a->count >= JOIN_RATIO * b->count && t->chunk_count < TAIL_CHUNKS_MAX) {
            return ANP_OK;
        }
        tail_chunk *both;
        TRY(join(t->log, a, b, &both, err));
        release_chunk(a);
        release_chunk(b);
        t->chunks[--t->chunk_count - 1] = both;
    }
    return ANP_OK;
}

/* Takes over what another tail of the same log has; how many posts that is. */
static uint32_t take_over(tail *t, tail *have) {
    uint32_t held = 0;
    t->log = have->log;
    t->log->references++;
    t->chunk_count = have->chunk_count;
    for (uint32_t i = 0; i < t->chunk_count; i++) {
        t->chunks[i] = have->chunks[i];
        t->chunks[i]->references++;
        held += t->chunks[i]->count;
    }
    return held;
}

anp_status tail_load(store_txn *txn, const catalog_state *state, tail *have, tail **out,
                     anp_error *err) {
    uint32_t count, held = 0;
    TRY(log_size(state, &count, err));
    tail *t = calloc(1, sizeof *t);
    if (!t) {
        return error_nomem(err, "reading the log");
    }
    t->first = state->log_first;
    t->count = count;
    t->version = store_txn_number(txn);
    t->references = 1;
    if (have && have->first == t->first && count <= have->log->capacity) {
        held = take_over(t, have);
    } else {
        t->log = new_log(count);
    }
    anp_status status = t->log ? ANP_OK : error_nomem(err, "reading the log");
    if (status == ANP_OK && count > held) {
        tail_chunk *c = NULL;
        status = extend_log(txn, t, held, &c, err);
        if (status == ANP_OK) {
            t->chunks[t->chunk_count++] = c;
            status = settle(t, err);
        }
    }
    if (status != ANP_OK) {
        tail_release(t);
        return status;
    }
    *out = t;
    return ANP_OK;
}

/* ---- Asking -------------------------------------------------------------------------------- */

const forward_head *tail_head(const tail *t, uint32_t post) {
    return &t->log->posts[post].head;
}

const uint8_t *tail_sketch(const tail *t, uint32_t post) {
    return t->log->posts[post].sketch;
}

tail_cursor tail_find(const tail *t, tail_kind kind, uint32_t number) {
    return (tail_cursor){.tail = t, .kind = kind, .number = number};
}

/* A term that stands far behind in a long record, which was checked when it was read. Numbers and
   facets never do: POST_FIELDS_MAX of them take less. */
static const uint8_t *find_far(const log_post *p, uint32_t wanted) {
    forward_head head;
    forward_number number;
    uint32_t value, term = 0, delta, bytes;
    str record = str_make((const char *)p->record, (size_t)(p->end - p->record));
    forward_reader r = forward_open(record, &head);
    forward_section(&r);
    while (forward_next_number(&r, &number)) {
    }
    forward_section(&r);
    while (forward_next_facet(&r, &value)) {
    }
    forward_sketch(&r);
    forward_section(&r);
    for (const uint8_t *at = r.at; at; at += bytes) {
        at = read_pair(at, p->end, &delta, &bytes);
        term += delta;
        if (!at || term == wanted) {
            return at;
        }
    }
    return NULL;
}

/* Where a facet or field stands in a record, or NULL. */
static const uint8_t *find_meta(const log_post *p, tail_kind kind, uint32_t wanted) {
    forward_head head;
    forward_number number;
    uint32_t value;
    forward_reader r = forward_open(record_of(p), &head);
    forward_section(&r);
    while (kind == TAIL_NUMBERS && forward_next_number(&r, &number)) {
        if (number.field == wanted) {
            return r.at - sizeof(double);
        }
    }
    forward_skip_numbers(&r);
    forward_section(&r);
    while (kind == TAIL_FACETS && forward_next_facet(&r, &value)) {
        if (value >= wanted) {
            return value == wanted ? r.at : NULL;
        }
    }
    return NULL;
}

/* The next post of the chunk in hand, whose records are looked through. */
static bool next_in_records(tail_cursor *c, tail_place *out) {
    const tail_chunk *chunk = c->tail->chunks[c->chunk];
    while (c->index < chunk->count) {
        uint32_t post = chunk->first + (uint32_t)c->index++;
        const log_post *p = &c->tail->log->posts[post];
        const uint8_t *at = post < c->tail->count ? find_meta(p, c->kind, c->number) : NULL;
        if (at) {
            *out = (tail_place){post, at, p->end};
            return true;
        }
    }
    return false;
}

static void enter_chunk(tail_cursor *c) {
    tail_chunk *chunk = c->tail->chunks[c->chunk];
    c->entered = true;
    c->sorted = false;
    if (c->kind == TAIL_TERMS) {
        c->in = terms_of(chunk, &c->sorted);
    } else {
        const tail_meta *meta = atomic_load_explicit(&chunk->meta, memory_order_acquire);
        c->in = meta ? &meta->refs[c->kind] : NULL;
    }
    c->index = c->sorted ? lower_bound(c->in, c->number) : 0;
}

bool tail_next(tail_cursor *c, tail_place *out) {
    for (; c->chunk < c->tail->chunk_count; c->chunk++, c->entered = false) {
        if (!c->entered) {
            enter_chunk(c);
        }
        if (!c->in) {
            if (next_in_records(c, out)) {
                return true;
            }
            continue;
        }
        c->index = c->sorted ? c->index : scan(c->in, c->index, c->number);
        if (c->index == c->in->count || c->in->numbers[c->index] != c->number) {
            continue;
        }
        place found = c->in->places[c->index++];
        if (found.post >= c->tail->count) {
            break; /* a chunk of a newer tail */
        }
        const log_post *p = &c->tail->log->posts[found.post];
        const uint8_t *at = p->record + found.at;
        if (found.at == PLACE_FAR) {
            at = c->kind == TAIL_TERMS ? find_far(p, c->number) : NULL;
        }
        *out = (tail_place){found.post, at ? at : p->end, p->end};
        return true;
    }
    c->chunk = c->tail->chunk_count;
    return false;
}
