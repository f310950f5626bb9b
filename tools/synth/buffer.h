/* A growing run of bytes. Writing never fails at the call: when memory is short `failed` is set,
 * all later writes do nothing, and the owner asks once at the end. */
#ifndef SYNTH_BUFFER_H
#define SYNTH_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct synth_buffer {
    char *data;
    size_t len;
    size_t cap;
    bool failed;
} synth_buffer;

bool synth_buffer_grow(synth_buffer *buffer, size_t more);
void synth_buffer_free(synth_buffer *buffer);

/* Decimal digits, at least `width` of them. */
void synth_buffer_add_number(synth_buffer *buffer, uint64_t value, int width);

/* Lower-case hexadecimal digits, exactly `width` of them (at most 16). */
void synth_buffer_add_hex(synth_buffer *buffer, uint64_t value, int width);

/* The inside of a JSON string. */
void synth_buffer_add_json(synth_buffer *buffer, const char *text, size_t len);

/* The first `limit` bytes of `text` as the value of a URL's query: a space becomes `+`. */
void synth_buffer_add_query(synth_buffer *buffer, const char *text, size_t limit);

static inline void synth_buffer_add(synth_buffer *buffer, const char *text, size_t len) {
    if (len == 0 || (len > buffer->cap - buffer->len && !synth_buffer_grow(buffer, len))) {
        return;
    }
    memcpy(buffer->data + buffer->len, text, len);
    buffer->len += len;
}

static inline void synth_buffer_add_text(synth_buffer *buffer, const char *text) {
    synth_buffer_add(buffer, text, strlen(text));
}

#endif
