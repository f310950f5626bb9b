/*
 * See stream.h. Plain bytes are read right into the window, zstd through one input buffer. Several
 * zstd frames one after the other are one stream, as `cat a.zst b.zst` makes them; skippable
 * frames are passed over.
 */
#include "post/stream.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

enum {
    WINDOW_BYTES_MIN = 256 << 10,
    READ_BYTES_MIN = 64 << 10, /* room below this makes the window grow */
    INPUT_BYTES = 128 << 10,
    MAGIC_BYTES = 4,
};

typedef struct unpacker {
    ZSTD_DCtx *context;
    size_t begin;
    size_t end;
    bool source_ended;
    size_t wanted; /* what ZSTD_decompressStream said last: 0 between frames */
    unsigned char input[INPUT_BYTES];
} unpacker;

/* Room behind the window: consumed bytes are dropped first, then it doubles. */
static anp_status make_room(stream *s, anp_error *err) {
    if (s->capacity - s->end >= READ_BYTES_MIN) {
        return ANP_OK;
    }
    if (s->begin) {
        memmove(s->data, s->data + s->begin, s->end - s->begin);
        s->end -= s->begin;
        s->begin = 0;
    }
    if (s->capacity - s->end >= READ_BYTES_MIN) {
        return ANP_OK;
    }
    size_t capacity = s->capacity ? s->capacity * 2 : WINDOW_BYTES_MIN;
    char *grown = realloc(s->data, capacity);
    if (!grown) {
        return error_nomem(err, "reading posts");
    }
    s->data = grown;
    s->capacity = capacity;
    return ANP_OK;
}

/* *got is 0 at the end of the source. */
static anp_status read_source(stream *s, void *to, size_t bytes, size_t *got, anp_error *err) {
    ssize_t n;
    do {
        n = read(s->fd, to, bytes);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return error_os(err, ANP_IO, errno, "cannot read on");
    }
    *got = (size_t)n;
    s->bytes_read += (size_t)n;
    return ANP_OK;
}

static anp_status refill(stream *s, unpacker *u, anp_error *err) {
    u->begin = 0;
    u->end = 0;
    TRY(read_source(s, u->input, INPUT_BYTES, &u->end, err));
    u->source_ended = u->end == 0;
    return ANP_OK;
}

static anp_status more_packed(stream *s, anp_error *err) {
    unpacker *u = s->unpacker;
    for (;;) {
        if (u->begin == u->end && !u->source_ended) {
            TRY(refill(s, u, err));
        }
        /* Called without input too: a full window may have left output inside the context. */
        ZSTD_inBuffer in = {u->input, u->end, u->begin};
        ZSTD_outBuffer out = {s->data, s->capacity, s->end};
        if (u->source_ended && !u->wanted) {
            s->ended = true;
            return ANP_OK;
        }
        size_t wanted = ZSTD_decompressStream(u->context, &out, &in);
        if (ZSTD_isError(wanted)) {
            return error_set(err, ANP_IO, "cannot unpack its zstd data: %s; get it anew",
                             ZSTD_getErrorName(wanted));
        }
        bool moved = out.pos > s->end || in.pos > u->begin;
        bool gave = out.pos > s->end;
        u->wanted = wanted;
        u->begin = in.pos;
        s->end = out.pos;
        if (gave) {
            return ANP_OK;
        }
        if (u->source_ended && !moved) {
            return error_set(err, ANP_IO, "its zstd data is cut off; get it anew");
        }
    }
}

anp_status stream_more(stream *s, anp_error *err) {
    TRY(make_room(s, err));
    if (s->packed) {
        return more_packed(s, err);
    }
    size_t got;
    TRY(read_source(s, s->data + s->end, s->capacity - s->end, &got, err));
    s->end += got;
    s->ended = got == 0;
    return ANP_OK;
}

/* The bytes read so far are zstd: they become the unpacker's first input. */
static anp_status start_unpacker(stream *s, anp_error *err) {
    if (!s->unpacker) {
        s->unpacker = malloc(sizeof *s->unpacker);
        if (!s->unpacker) {
            return error_nomem(err, "reading zstd");
        }
        s->unpacker->context = ZSTD_createDCtx();
    }
    unpacker *u = s->unpacker;
    if (!u->context) {
        return error_nomem(err, "reading zstd");
    }
    ZSTD_DCtx_reset(u->context, ZSTD_reset_session_only);
    u->begin = 0;
    u->end = s->end;
    u->source_ended = s->ended;
    u->wanted = 1;
    memcpy(u->input, s->data, s->end);
    s->end = 0;
    s->ended = false;
    s->packed = true;
    return ANP_OK;
}

/* Reads until `bytes` are in the window or the source ends. */
static anp_status fill(stream *s, size_t bytes, anp_error *err) {
    while (s->end - s->begin < bytes && !s->ended) {
        TRY(stream_more(s, err));
    }
    return ANP_OK;
}

/* First bytes: few enough that they fit the unpacker's input. */
static anp_status look(stream *s, const char *path, anp_error *err) {
    TRY(make_room(s, err));
    while (s->end < MAGIC_BYTES && !s->ended) {
        size_t got;
        TRY(read_source(s, s->data + s->end, INPUT_BYTES - s->end, &got, err));
        s->end += got;
        s->ended = got == 0;
    }
    str head = stream_window(s);
    bool named = str_ends(str_from(path), STR(".zst"));
    if (named || str_starts(head, STR("\x28\xb5\x2f\xfd"))) {
        if (named && !head.len) {
            return error_set(err, ANP_IO, "it is empty, not zstd; get it anew");
        }
        TRY(start_unpacker(s, err));
    }
    TRY(fill(s, 3, err));
    if (str_starts(stream_window(s), STR("\xef\xbb\xbf"))) {
        stream_skip(s, 3);
    }
    return ANP_OK;
}

anp_status stream_open(stream *s, const char *path, anp_error *err) {
    bool standard = strcmp(path, "-") == 0;
    s->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    s->begin = 0;
    s->end = 0;
    s->bytes_read = 0;
    s->ended = false;
    s->packed = false;
    if (s->fd < 0) {
        return error_os(err, ANP_IO, errno, "cannot open it");
    }
    anp_status status = look(s, path, err);
    if (status != ANP_OK) {
        stream_close(s);
    }
    return status;
}

void stream_close(stream *s) {
    if (s->fd > STDIN_FILENO) {
        close(s->fd);
    }
    s->fd = -1;
}

void stream_free(stream *s) {
    stream_close(s);
    if (s->unpacker) {
        ZSTD_freeDCtx(s->unpacker->context);
        free(s->unpacker);
    }
    free(s->data);
    *s = (stream){.fd = -1};
}
