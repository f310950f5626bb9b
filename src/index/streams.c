/* See streams.h. */
#include "index/streams.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/vec.h"
#include "index/spill.h"

enum { CHUNK_BYTES = 1 << 18, VALUE_HEAD_BYTES = 12 };

typedef struct chunk {
    uint64_t offset;
    uint64_t bytes;
} chunk;

typedef struct stream {
    buffer held; /* not in the file yet */
    VEC(chunk) chunks;
    size_t next; /* chunk, and the byte in it, to be read */
    uint64_t at;
} stream;

struct streams {
    spill *spill;
    uint32_t count;
    stream items[];
};

anp_status streams_open(const char *beside, uint32_t count, streams **out, anp_error *err) {
    streams *s = calloc(1, sizeof *s + count * sizeof *s->items);
    *out = NULL;
    if (!s) {
        return error_nomem(err, "a temporary file");
    }
    s->count = count;
    anp_status status = spill_open(beside, &s->spill, err);
    if (status != ANP_OK) {
        free(s);
        return status;
    }
    *out = s;
    return ANP_OK;
}

static anp_status flush(streams *s, stream *to, anp_error *err) {
    chunk written = {spill_bytes(s->spill), to->held.len};
    if (to->held.len == 0) {
        return ANP_OK;
    }
    if (!vec_push(&to->chunks, written)) {
        return error_nomem(err, "a temporary file");
    }
    to->held.len = 0;
    return spill_write(s->spill, to->held.data, (size_t)written.bytes, err);
}

anp_status streams_put(streams *s, uint32_t stream_at, uint64_t key, str value, anp_error *err) {
    stream *to = &s->items[stream_at];
    if (to->held.len + VALUE_HEAD_BYTES + value.len > CHUNK_BYTES) {
        TRY(flush(s, to, err));
    }
    buffer_put_u64(&to->held, key);
    buffer_put_u32(&to->held, (uint32_t)value.len);
    buffer_put_str(&to->held, value);
    return to->held.failed ? error_nomem(err, "a temporary file") : ANP_OK;
}

anp_status streams_map(streams *s, anp_error *err) {
    for (uint32_t i = 0; i < s->count; i++) {
        TRY(flush(s, &s->items[i], err));
        buffer_free(&s->items[i].held);
    }
    return spill_map(s->spill, err);
}

bool streams_next(streams *s, uint32_t stream_at, uint64_t *key, str *value) {
    stream *from = &s->items[stream_at];
    if (from->next < from->chunks.count && from->at == from->chunks.items[from->next].bytes) {
        from->next++;
        from->at = 0;
    }
    if (from->next == from->chunks.count) {
        return false;
    }
    const char *at = spill_data(s->spill) + from->chunks.items[from->next].offset + from->at;
    *key = load_u64(at);
    *value = str_make(at + VALUE_HEAD_BYTES, load_u32(at + sizeof *key));
    from->at += VALUE_HEAD_BYTES + value->len;
    return true;
}

void streams_close(streams *s) {
    if (!s) {
        return;
    }
    for (uint32_t i = 0; i < s->count; i++) {
        buffer_free(&s->items[i].held);
        free(s->items[i].chunks.items);
    }
    spill_close(s->spill);
    free(s);
}
