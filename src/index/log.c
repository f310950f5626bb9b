/* See log.h. */
#include "index/log.h"

#include "base/error.h"
#include "base/vec.h"

enum {
    PARTS = 8,       /* of a batch, made by as many tasks */
    PARTS_FROM = 64, /* posts */
};

/* Records of some posts of the batch, made by a thread. */
typedef struct part {
    const forward_view *posts;
    uint32_t first, count; /* ordinals */
    buffer records;        /* one behind the other, and where each ends: */
    VEC(size_t) ends;
    pool_task task;
    anp_status status;
    anp_error error;
} part;

/* About what all records take: growing, they would be copied again and again. */
static size_t records_bytes(const part *p) {
    enum { FRONT_BYTES = 256, MORE_BYTES = 2 /* of a term's number */ };
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        const forward_view *v = &p->posts[i];
        bytes += (size_t)(v->terms_end - v->terms) + v->term_count * MORE_BYTES + FRONT_BYTES;
    }
    return bytes;
}

static anp_status make_records(part *p, anp_error *err) {
    if (!buffer_reserve(&p->records, records_bytes(p)) || !vec_reserve(&p->ends, p->count)) {
        return error_nomem(err, "a batch of posts");
    }
    for (uint32_t i = 0; i < p->count; i++) {
        TRY(forward_view_write(&p->posts[i], &p->records, err));
        if (!vec_push(&p->ends, p->records.len)) {
            return error_nomem(err, "a batch of posts");
        }
    }
    return ANP_OK;
}

static void run_part(void *user, unsigned worker) {
    part *p = user;
    (void)worker;
    p->status = make_records(p, &p->error);
}

static anp_status put_records(store_txn *txn, part *p, anp_error *err) {
    if (p->status != ANP_OK) {
        if (err) {
            *err = p->error;
        }
        return p->status;
    }
    size_t at = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        str record = str_make((const char *)p->records.data + at, p->ends.items[i] - at);
        at = p->ends.items[i];
        store_key key = store_key_u64((uint64_t)p->first + i);
        TRY(store_put(txn, STORE_LOG, key, record, true, err));
    }
    return ANP_OK;
}

anp_status log_append(pool *p, store_txn *txn, uint32_t first, const forward_view *posts,
                      uint32_t count, anp_error *err) {
    part parts[PARTS] = {{0}};
    uint32_t part_count = p && count >= PARTS_FROM ? PARTS : 1;
    anp_status status = ANP_OK;
    for (uint32_t i = 0; i < part_count; i++) {
        uint32_t from = (uint32_t)((uint64_t)count * i / part_count);
        uint32_t to = (uint32_t)((uint64_t)count * (i + 1) / part_count);
        parts[i] = (part){.posts = posts + from,
                          .first = first + from,
                          .count = to - from,
                          .task = {.run = run_part, .user = &parts[i]},
                          .error = ANP_ERROR_INIT};
        if (part_count > 1) {
            pool_submit(p, &parts[i].task, true);
        } else {
            run_part(&parts[i], 0);
        }
    }
    for (uint32_t i = 0; i < part_count; i++) {
        if (part_count > 1) {
            pool_wait(p, &parts[i].task);
        }
        status = status == ANP_OK ? put_records(txn, &parts[i], err) : status;
        buffer_free(&parts[i].records);
        free(parts[i].ends.items);
    }
    return status;
}
