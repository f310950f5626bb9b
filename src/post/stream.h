/*
 * The bytes of a file or of standard input, plain or zstd, through a window that grows.
 *
 *        consumed      window: read, not consumed      room
 *     ├────────────┼────────────────────────────────┼────────┤
 *     data         begin                            end      capacity
 *
 * stream_more reads behind the window and may move it: positions are kept as offsets into it. One
 * stream may be opened again and again; its buffers are reused.
 */
#ifndef ANP_POST_STREAM_H
#define ANP_POST_STREAM_H

#include "anpsearch.h"
#include "base/str.h"

typedef struct stream {
    int fd;
    bool ended;          /* nothing is left behind the window */
    uint64_t bytes_read; /* of the source, before decompression */
    char *data;
    size_t begin;
    size_t end;
    size_t capacity;
    struct unpacker *unpacker; /* made at the first zstd source, kept for the next */
    bool packed;               /* this source is zstd */
} stream;

/*
 * Opens the file `path`, or standard input for "-". zstd is known by its first bytes; a name that
 * ends in `.zst` must be zstd. A UTF-8 byte order mark at the beginning is passed over. ANP_IO, as
 * from stream_more; neither's message names the file: it follows the name in a report.
 */
anp_status stream_open(stream *s, const char *path, anp_error *err);

static inline str stream_window(const stream *s) {
    return str_make(s->data + s->begin, s->end - s->begin);
}

/*
 * Makes the window longer, or sets `ended`. ANP_IO when the source cannot be read or its zstd
 * frames are damaged or cut off.
 */
anp_status stream_more(stream *s, anp_error *err);

/* Consumes bytes of the window. */
static inline void stream_skip(stream *s, size_t bytes) {
    s->begin += bytes;
}

/* Closes the file and keeps the buffers. */
void stream_close(stream *s);

/* Closes, and frees all. */
void stream_free(stream *s);

#endif
