/* See likeness.h: what a snapshot sees. */
#include "base/error.h"
#include "base/vec.h"
#include "index/likeness_impl.h"
#include "index/snapshot_impl.h"

typedef struct pieces {
    VEC(likeness_piece) all;
    uint32_t next; /* ordinal */
} pieces;

static anp_status add(pieces *p, likeness_piece piece, anp_error *err) {
    p->next += piece.count;
    return vec_push(&p->all, piece) ? ANP_OK : error_nomem(err, "similar posts");
}

static anp_status add_chunk(pieces *p, uint64_t first, str value, uint32_t docno_end,
                            anp_error *err) {
    likeness_piece piece = {.first = p->next};
    TRY(chunk_peek(value, &piece.count, &piece.left_out, err));
    if (first != p->next || piece.count > docno_end - p->next ||
        piece.count > CHUNK_POSTS - p->next % CHUNK_POSTS) {
        return error_corrupt(err, "the shingles of post %u are missing; restore a backup", p->next);
    }
    piece.value = piece.left_out ? (str){NULL, 0} : value;
    return add(p, piece, err);
}

static anp_status list_chunks(snapshot *s, pieces *p, anp_error *err) {
    store_cursor *cursor;
    store_key key;
    str value;
    TRY(store_cursor_open(s->txn, STORE_SHINGLES, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, err);
    while (status == ANP_OK) {
        status = add_chunk(p, key.number, value, s->cat.state.docno_end, err);
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, err);
        }
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status list_alone(snapshot *s, pieces *p, anp_error *err) {
    while (p->next < s->cat.state.docno_end) {
        uint32_t count = s->cat.state.docno_end - p->next;
        count = count < CHUNK_POSTS ? count : CHUNK_POSTS;
        TRY(add(p, (likeness_piece){.first = p->next, .count = count}, err));
    }
    return ANP_OK;
}

anp_status likeness_pieces(snapshot *s, likeness_piece **out, size_t *count, anp_error *err) {
    pieces p = {0};
    if (!snapshot_stores_posts(s)) {
        return error_set(err, ANP_UNSUPPORTED, "this index was made with --store none and knows no "
                         "similar posts; rebuild it with --store all");
    }
    anp_status status = list_chunks(s, &p, err);
    if (status == ANP_OK) {
        status = list_alone(s, &p, err);
    }
    if (status != ANP_OK) {
        free(p.all.items);
        return status;
    }
    *out = p.all.items;
    *count = p.all.count;
    return ANP_OK;
}
