/*
 * See likeness.h: what a writer does.
 *
 *     add ─> features in hand ──many, block full──> task: chunk ─> value ─┐
 *                └── commit: enough ──────────────> task ─────────────────┴─> block full: joined
 *                                                                          └> put
 *
 * Features of few posts stay in hand from commit to commit, so that a writer which lives on reads
 * no post again. Memory: three handfuls, some 4 MB each, and what the batch's chunks take.
 */
#include "base/error.h"
#include "base/vec.h"
#include "index/likeness_impl.h"

#ifndef HANDFUL_BYTES_MAX
#define HANDFUL_BYTES_MAX ((size_t)2 << 20)
#endif

enum { TASKS_AHEAD = 1 };

/* Posts one behind the other, by hashes. */
typedef struct handful {
    VEC(uint64_t) hashes; /* of each: shingles, then terms */
    VEC(size_t) ends;     /* two a post */
} handful;

/* A chunk in the making. */
typedef struct making {
    pool_task task;
    uint32_t first, count;
    handful read; /* posts of former batches */
    handful posts;
    buffer value;
    anp_status status;
    anp_error error;
} making;

struct likeness {
    index_handle *index;
    pool *pool;
    bool known;
    uint32_t end; /* where the chunks end, those in the making too */
    handful hand; /* posts from `first` to the newest */
    VEC(making *) makings;
    size_t waited; /* of them */
    reader *reader; /* NULL until first needed */
};

likeness *likeness_open(index_handle *index) {
    likeness *l = calloc(1, sizeof *l);
    if (l) {
        l->index = index;
    }
    return l;
}

static void free_handful(handful *h) {
    free(h->hashes.items);
    free(h->ends.items);
    *h = (handful){0};
}

static void wait_all(likeness *l) {
    for (; l->waited < l->makings.count; l->waited++) {
        if (l->pool) {
            pool_wait(l->pool, &l->makings.items[l->waited]->task);
        }
    }
}

static void drop_makings(likeness *l) {
    wait_all(l);
    for (size_t i = 0; i < l->makings.count; i++) {
        making *m = l->makings.items[i];
        free_handful(&m->read);
        free_handful(&m->posts);
        buffer_free(&m->value);
        free(m);
    }
    l->makings.count = l->waited = 0;
}

void likeness_drop(likeness *l) {
    drop_makings(l);
    free_handful(&l->hand);
    l->known = false;
}

void likeness_close(likeness *l) {
    if (l) {
        likeness_drop(l);
        free(l->makings.items);
        reader_close(l->reader);
        free(l);
    }
}

void likeness_use_pool(likeness *l, pool *p) {
    wait_all(l);
    l->pool = p;
}

static anp_status missing(uint32_t docno, anp_error *err) {
    return error_corrupt(err, "the shingles of post %u are missing; restore a backup", docno);
}

/* ---- A chunk ------------------------------------------------------------------------------- */

void likeness_begin(chunk_maker *m, uint32_t count) {
    size_t most = chunk_features_max(count > CHUNK_POSTS_MIN ? count : CHUNK_POSTS_MIN);
    chunk_maker_begin(m, most);
}

anp_status likeness_finish(chunk_maker *m, uint32_t count, buffer *out, anp_error *err) {
    chunk c = {0};
    size_t before = out->len;
    anp_status status = ANP_OK;
    bool full = chunk_maker_full(m);
    if (!full) {
        status = chunk_maker_finish(m, &c, err);
    }
    if (status == ANP_OK && !full) {
        chunk_encode(&c, out);
        full = out->len - before > likeness_bytes_max(count);
    }
    if (status == ANP_OK && full) {
        out->len = before;
        chunk_encode_nothing(count, out);
    }
    chunk_free(&c);
    return status == ANP_OK && out->failed ? error_nomem(err, "similar posts") : status;
}

static bool add_handful(chunk_maker *m, const handful *h) {
    size_t at = 0;
    bool added = true;
    for (size_t i = 0; i < h->ends.count && added; i += 2) {
        size_t middle = h->ends.items[i], end = h->ends.items[i + 1];
        features f = {h->hashes.items + at, middle - at, h->hashes.items + middle, end - middle};
        added = chunk_maker_add(m, &f);
        at = end;
    }
    return added;
}

/* Gives back what a value does not fill: it waits for the commit. */
static void fit(buffer *value) {
    uint8_t *fitting = value->len ? realloc(value->data, value->len) : NULL;
    if (fitting) {
        value->data = fitting;
        value->capacity = value->len;
    }
}

static void run_making(void *user, unsigned worker) {
    making *k = user;
    (void)worker;
    chunk_maker *m = chunk_maker_open();
    if (m) {
        likeness_begin(m, k->count);
    }
    k->status = m && add_handful(m, &k->read) && add_handful(m, &k->posts)
                    ? likeness_finish(m, k->count, &k->value, &k->error)
                    : error_nomem(&k->error, "similar posts");
    chunk_maker_close(m);
    free_handful(&k->read);
    free_handful(&k->posts);
    fit(&k->value);
}

/* ---- Posts --------------------------------------------------------------------------------- */

static bool add_to_hand(handful *h, const features *f) {
    size_t more = f->shingle_count + f->term_count, need = h->hashes.count + more;
    size_t most = HANDFUL_BYTES_MAX / sizeof(uint64_t); /* at once: untouched it costs nothing */
    most += most / 8;                                   /* the last post goes beyond it */
    if (!vec_reserve(&h->hashes, need > most ? need : most) ||
        !vec_reserve(&h->ends, h->ends.count + 2)) {
        return false;
    }
    uint64_t *to = h->hashes.items + h->hashes.count;
    if (f->shingle_count) {
        memcpy(to, f->shingles, f->shingle_count * sizeof *to);
    }
    if (f->term_count) {
        memcpy(to + f->shingle_count, f->terms, f->term_count * sizeof *to);
    }
    h->hashes.count += more;
    h->ends.items[h->ends.count++] = h->hashes.count - f->term_count;
    h->ends.items[h->ends.count++] = h->hashes.count;
    return true;
}

/* Posts that were committed. */
static anp_status read_posts(likeness *l, store_txn *txn, uint32_t from, uint32_t to,
                             bool (*add)(void *user, const features *f), void *user,
                             anp_error *err) {
    if (from < to && !l->reader) {
        TRY(reader_open(index_settings(l->index), &l->reader, err));
    }
    for (uint32_t docno = from; docno < to; docno++) {
        stored_post post;
        features f;
        TRY(index_stored(l->index, txn, docno, &post, err));
        TRY(reader_read(l->reader, &post, &f, err));
        if (!add(user, &f)) {
            return error_nomem(err, "similar posts");
        }
    }
    return ANP_OK;
}

static bool add_read(void *user, const features *f) {
    return add_to_hand(user, f);
}

/* Where the chunks of the index end. */
static anp_status find_end(likeness *l, store_txn *txn, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    uint32_t count = 0;
    bool left_out;
    if (l->known) {
        return ANP_OK;
    }
    TRY(store_cursor_open(txn, STORE_SHINGLES, &cursor, err));
    anp_status status = store_last(cursor, &key, &value, err);
    if (status == ANP_OK) {
        status = chunk_peek(value, &count, &left_out, err);
    } else if (status == ANP_NOT_FOUND) {
        key.number = 0;
        status = ANP_OK;
    }
    store_cursor_close(cursor);
    if (status == ANP_OK && key.number > DOCNO_MAX) {
        status = error_corrupt(err, "the shingles of some posts are damaged; restore a backup");
    }
    l->end = status == ANP_OK ? (uint32_t)key.number + count : 0;
    l->known = status == ANP_OK;
    return status;
}

/* All posts from the last chunk to docno_end become one. */
static anp_status cut(likeness *l, store_txn *txn, uint32_t docno_end, anp_error *err) {
    making *m = calloc(1, sizeof *m);
    if (!m || !vec_reserve(&l->makings, l->makings.count + 1)) {
        free(m);
        return error_nomem(err, "similar posts");
    }
    uint32_t held = (uint32_t)(l->hand.ends.count / 2), from = docno_end - held;
    *m = (making){.task = {.run = run_making, .user = m},
                  .first = l->end,
                  .count = docno_end - l->end,
                  .posts = l->hand,
                  .error = ANP_ERROR_INIT};
    l->hand = (handful){0};
    anp_status status = read_posts(l, txn, l->end, from, add_read, &m->read, err);
    if (status != ANP_OK) {
        free_handful(&m->read);
        free_handful(&m->posts);
        free(m);
        return status;
    }
    l->end = docno_end;
    l->makings.items[l->makings.count++] = m;
    if (!l->pool) {
        run_making(m, 0);
        l->waited = l->makings.count;
        return ANP_OK;
    }
    for (; l->makings.count - l->waited > TASKS_AHEAD; l->waited++) {
        pool_wait(l->pool, &l->makings.items[l->waited]->task);
    }
    pool_submit(l->pool, &m->task, true);
    return ANP_OK;
}

anp_status likeness_add(likeness *l, store_txn *txn, uint32_t docno, const features *f,
                        anp_error *err) {
    TRY(find_end(l, txn, err));
    if (l->end > docno || l->end / CHUNK_POSTS != docno / CHUNK_POSTS) {
        return missing(l->end, err);
    }
    if (!add_to_hand(&l->hand, f)) {
        return error_nomem(err, "similar posts");
    }
    bool filled = (docno + 1) % CHUNK_POSTS == 0 ||
                  l->hand.hashes.count * sizeof(uint64_t) > HANDFUL_BYTES_MAX;
    return filled ? cut(l, txn, docno + 1, err) : ANP_OK;
}

/* ---- Blocks -------------------------------------------------------------------------------- */

typedef struct part {
    uint32_t first, count;
    bool left_out;
    chunk chunk;
} part;

typedef struct block {
    VEC(part) parts;
    uint32_t left_out; /* posts */
    uint16_t *places;  /* 0 1 2 …: every post of a part comes */
    chunk_maker *maker;
} block;

static void free_block(block *b) {
    for (size_t i = 0; i < b->parts.count; i++) {
        chunk_free(&b->parts.items[i].chunk);
    }
    free(b->parts.items);
    free(b->places);
    chunk_maker_close(b->maker);
}

static anp_status add_part(block *b, uint32_t first, str value, anp_error *err) {
    part p = {.first = first};
    anp_status status = chunk_decode(value, &p.chunk, err);
    p.count = p.chunk.count;
    p.left_out = !p.chunk.text.hashes;
    if (status == ANP_OK && !vec_push(&b->parts, p)) {
        status = error_nomem(err, "similar posts");
    }
    if (status != ANP_OK) {
        chunk_free(&p.chunk);
        return status;
    }
    b->left_out += p.left_out ? p.count : 0;
    return ANP_OK;
}

/* The chunks of the ordinals [next, end) that former commits put, which they must fill. */
static anp_status load_parts(store_txn *txn, uint32_t next, uint32_t end, block *b,
                             anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    TRY(store_cursor_open(txn, STORE_SHINGLES, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(next), &key, &value, err);
    while (status == ANP_OK) {
        status = key.number == next ? add_part(b, next, value, err) : missing(next, err);
        if (status != ANP_OK) {
            break;
        }
        next += b->parts.items[b->parts.count - 1].count;
        status = next < end ? store_next(cursor, &key, &value, err) : ANP_NOT_FOUND;
    }
    store_cursor_close(cursor);
    return status != ANP_NOT_FOUND ? status : next == end ? ANP_OK : missing(next, err);
}

static bool add_to_maker(void *user, const features *f) {
    return chunk_maker_add(user, f);
}

/* Posts of parts that were left out are read, unless they are most of all. */
static anp_status fill_block(likeness *l, store_txn *txn, block *b, anp_error *err) {
    for (size_t i = 0; i < b->parts.count; i++) {
        const part *p = &b->parts.items[i];
        if (p->left_out) {
            TRY(read_posts(l, txn, p->first, p->first + p->count, add_to_maker, b->maker, err));
        } else if (!chunk_maker_add_part(b->maker, &p->chunk, b->places, p->count)) {
            return error_nomem(err, "similar posts");
        }
    }
    return ANP_OK;
}

static anp_status put_chunk(store_txn *txn, uint32_t first, const buffer *value, bool append,
                            anp_error *err) {
    if (value->failed) {
        return error_nomem(err, "similar posts");
    }
    return store_put(txn, STORE_SHINGLES, store_key_u64(first),
                     str_make((const char *)value->data, value->len), append, err);
}

static anp_status make_block(likeness *l, store_txn *txn, block *b, uint32_t count, buffer *value,
                             anp_error *err) {
    if (b->left_out > count / 2) {
        chunk_encode_nothing(count, value);
        return ANP_OK;
    }
    for (uint32_t i = 0; i < CHUNK_POSTS; i++) {
        b->places[i] = (uint16_t)i;
    }
    likeness_begin(b->maker, count);
    TRY(fill_block(l, txn, b, err));
    return likeness_finish(b->maker, count, value, err);
}

/* The last chunks of a full block, and those that it had before, become one. */
static anp_status join_block(likeness *l, store_txn *txn, making *const *last, size_t count,
                             anp_error *err) {
    block b = {.places = malloc(CHUNK_POSTS * sizeof *b.places), .maker = chunk_maker_open()};
    uint32_t first = last[0]->first - last[0]->first % CHUNK_POSTS;
    bool stored = first < last[0]->first;
    buffer value = {0};
    anp_status status = b.places && b.maker ? ANP_OK : error_nomem(err, "similar posts");
    if (status == ANP_OK && stored) {
        status = load_parts(txn, first, last[0]->first, &b, err);
    }
    for (size_t i = 0; i < count && status == ANP_OK; i++) {
        const buffer *made = &last[i]->value;
        status = add_part(&b, last[i]->first, str_make((const char *)made->data, made->len), err);
    }
    if (status == ANP_OK) {
        status = make_block(l, txn, &b, CHUNK_POSTS, &value, err);
    }
    free_block(&b);
    if (status == ANP_OK && stored) {
        status = store_delete_range(txn, STORE_SHINGLES, first, last[0]->first, err);
    }
    if (status == ANP_OK) {
        status = put_chunk(txn, first, &value, true, err);
    }
    buffer_free(&value);
    return status;
}

/* ---- Saving -------------------------------------------------------------------------------- */

/* Chunks of one block. */
static anp_status put_makings(likeness *l, store_txn *txn, making *const *of, size_t count,
                              anp_error *err) {
    const making *last = of[count - 1];
    bool full = (last->first + last->count) % CHUNK_POSTS == 0;
    for (size_t i = 0; i < count; i++) {
        if (of[i]->status != ANP_OK) {
            if (err) {
                *err = of[i]->error;
            }
            return of[i]->status;
        }
    }
    if (full && last->count < CHUNK_POSTS) {
        return join_block(l, txn, of, count, err);
    }
    for (size_t i = 0; i < count; i++) {
        TRY(put_chunk(txn, of[i]->first, &of[i]->value, true, err));
    }
    return ANP_OK;
}

anp_status likeness_end(likeness *l, store_txn *txn, uint32_t docno_end, anp_error *err) {
    if (l->hand.ends.count == 0) {
        return ANP_OK;
    }
    TRY(find_end(l, txn, err));
    return docno_end - l->end >= CHUNK_POSTS_MIN ? cut(l, txn, docno_end, err) : ANP_OK;
}

anp_status likeness_save(likeness *l, store_txn *txn, anp_error *err) {
    wait_all(l);
    anp_status status = ANP_OK;
    making *const *all = l->makings.items;
    for (size_t from = 0, to; from < l->makings.count && status == ANP_OK; from = to) {
        for (to = from + 1; to < l->makings.count &&
                            all[to]->first / CHUNK_POSTS == all[from]->first / CHUNK_POSTS;) {
            to++;
        }
        status = put_makings(l, txn, all + from, to - from, err);
    }
    drop_makings(l);
    return status;
}
