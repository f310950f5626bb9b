/* See merge_terms.h. Batches lie in a ring: one is filled, those before it are in the pool. */
#include "index/merge_terms.h"

#include "base/error.h"

enum {
    /* Values of a task, at least: below it the writer of each costs too much. */
    MERGE_BATCH_BYTES = MERGE_STEP_BYTES / 2,
    BATCHES_MAX = 16,
};

/* One value of a segment. */
typedef struct item {
    uint32_t term;
    uint32_t segment;
    uint32_t sub;
    size_t len;
} item;

typedef struct batch {
    merge_terms *merge;
    buffer bytes; /* of the values, one behind the other */
    VEC(item) items;
    unit_held held; /* what becomes of them */
    unit_writer *writer; /* into held */
    term_rows rows;
    pool_task task;
    anp_status status;
    anp_error error;
} batch;

struct merge_terms {
    pool *pool;
    unit_sink sink;
    const catalog_settings *settings;
    const unit_info *window;
    const forward_head *heads;
    uint64_t bytes;
    size_t count;         /* of the ring */
    size_t first, filled; /* batches [first, filled) are submitted; by number, modulo count */
    batch batches[];
};

anp_status merge_terms_open(pool *p, unit_sink sink, const catalog_settings *settings,
                            const unit_info *window, const forward_head *heads, merge_terms **out,
                            anp_error *err) {
    size_t count = p ? 2 * (size_t)pool_workers(p) : 1;
    count = count < BATCHES_MAX ? count : BATCHES_MAX;
    merge_terms *m = calloc(1, sizeof *m + count * sizeof *m->batches);
    if (!m) {
        return error_nomem(err, "merging a window");
    }
    m->pool = p;
    m->sink = sink;
    m->settings = settings;
    m->window = window;
    m->heads = heads;
    m->count = count;
    for (size_t i = 0; i < count; i++) {
        m->batches[i].merge = m;
        m->batches[i].error = (anp_error)ANP_ERROR_INIT;
    }
    *out = m;
    return ANP_OK;
}

static batch *batch_at(merge_terms *m, size_t number) {
    return &m->batches[number % m->count];
}

void merge_terms_close(merge_terms *m) {
    if (!m) {
        return;
    }
    for (; m->pool && m->first < m->filled; m->first++) {
        pool_wait(m->pool, &batch_at(m, m->first)->task);
    }
    for (size_t i = 0; i < m->count; i++) {
        batch *b = &m->batches[i];
        buffer_free(&b->bytes);
        free(b->items.items);
        unit_held_free(&b->held);
        unit_writer_close(b->writer);
        rows_free(&b->rows);
    }
    free(m);
}

uint64_t merge_terms_bytes(const merge_terms *m) {
    return m->bytes;
}

/* ---- In a thread of the pool --------------------------------------------------------------- */

/* What one segment has of a term: items from *i on; their values begin at *at. */
static anp_status add_segment(batch *b, size_t *i, size_t *at, anp_error *err) {
    const item first = b->items.items[*i];
    term_values values = {0};
    str *places[UNIT_SUBS] = {&values.text, &values.text_positions, &values.title,
                              &values.title_positions};
    for (; *i < b->items.count; ++*i) {
        const item *one = &b->items.items[*i];
        if (one->term != first.term || one->segment != first.segment) {
            break;
        }
        *places[one->sub] = str_make((const char *)b->bytes.data + *at, one->len);
        *at += one->len;
    }
    return rows_add_lists(&b->rows, &values, b->merge->settings->title_weight, err);
}

static anp_status merge_batch(batch *b, anp_error *err) {
    const merge_terms *m = b->merge;
    if (!b->writer) {
        TRY(unit_writer_open(unit_held_sink(&b->held), m->settings, m->window, m->heads,
                             &b->writer, err));
    }
    for (size_t i = 0, at = 0; i < b->items.count;) {
        uint32_t term = b->items.items[i].term;
        rows_clear(&b->rows);
        while (i < b->items.count && b->items.items[i].term == term) {
            TRY(add_segment(b, &i, &at, err));
        }
        TRY(unit_write_term(b->writer, term, &b->rows, err));
    }
    return unit_writer_finish(b->writer, err);
}

static void run_batch(void *user, unsigned worker) {
    batch *b = user;
    (void)worker;
    b->status = merge_batch(b, &b->error);
}

/* ---- In order ------------------------------------------------------------------------------ */

static anp_status put_first(merge_terms *m, anp_error *err) {
    batch *b = batch_at(m, m->first);
    if (m->pool) {
        pool_wait(m->pool, &b->task);
    }
    m->first++;
    if (b->status != ANP_OK) {
        if (err) {
            *err = b->error;
        }
        return b->status;
    }
    TRY(unit_held_put(&b->held, m->sink, err));
    b->bytes.len = b->items.count = 0;
    return ANP_OK;
}

/* The batch in hand goes to the pool; the next one is free afterwards. */
static anp_status submit(merge_terms *m, anp_error *err) {
    batch *b = batch_at(m, m->filled++);
    if (m->pool) {
        b->task = (pool_task){.run = run_batch, .user = b};
        pool_submit(m->pool, &b->task, true);
    } else {
        run_batch(b, 0);
    }
    return m->filled - m->first < m->count ? ANP_OK : put_first(m, err);
}

anp_status merge_terms_add(merge_terms *m, uint64_t inner, size_t segment, str value,
                           anp_error *err) {
    batch *b = batch_at(m, m->filled);
    item added = {unit_key_number(inner), (uint32_t)segment, unit_key_sub(inner), value.len};
    bool fresh = b->items.count && b->items.items[b->items.count - 1].term != added.term;
    if (added.sub >= UNIT_SUBS) {
        return error_corrupt(err, "a segment has a key of no known kind");
    }
    if (fresh && b->bytes.len >= MERGE_BATCH_BYTES) {
        TRY(submit(m, err));
        b = batch_at(m, m->filled);
    }
    buffer_put_str(&b->bytes, value);
    if (b->bytes.failed || !vec_push(&b->items, added)) {
        return error_nomem(err, "merging a window");
    }
    m->bytes += value.len;
    return ANP_OK;
}

anp_status merge_terms_finish(merge_terms *m, anp_error *err) {
    if (batch_at(m, m->filled)->items.count) {
        TRY(submit(m, err));
    }
    while (m->first < m->filled) {
        TRY(put_first(m, err));
    }
    return ANP_OK;
}
