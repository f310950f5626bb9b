/* A growing run of bytes: memory doubles, so a byte costs constant time on average. */
#include "buffer.h"

#include <stdlib.h>

enum { FIRST_BYTES = 64 * 1024 };

static const char HEX[] = "0123456789abcdef";

bool synth_buffer_grow(synth_buffer *buffer, size_t more) {
    if (buffer->failed) {
        return false;
    }
    size_t cap = buffer->cap == 0 ? FIRST_BYTES : buffer->cap;
    while (cap - buffer->len < more) {
        if (cap > SIZE_MAX / 2) {
            buffer->failed = true;
            return false;
        }
        cap *= 2;
    }
    char *data = realloc(buffer->data, cap);
    if (data == NULL) {
        /* With cap at len every further write comes through here and is refused. */
        buffer->cap = buffer->len;
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->cap = cap;
    return true;
}

void synth_buffer_free(synth_buffer *buffer) {
    free(buffer->data);
    *buffer = (synth_buffer){0};
}

void synth_buffer_add_number(synth_buffer *buffer, uint64_t value, int width) {
    char digits[24];
    size_t start = sizeof digits;
    do {
        digits[--start] = (char)('0' + value % 10);
        value /= 10;
        width--;
    } while ((value > 0 || width > 0) && start > 0);
    synth_buffer_add(buffer, digits + start, sizeof digits - start);
}

void synth_buffer_add_hex(synth_buffer *buffer, uint64_t value, int width) {
    char digits[16];
    for (int i = width - 1; i >= 0; i--) {
        digits[i] = HEX[value & 15];
        value >>= 4;
    }
    synth_buffer_add(buffer, digits, (size_t)width);
}

void synth_buffer_add_json(synth_buffer *buffer, const char *text, size_t len) {
    size_t done = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        synth_buffer_add(buffer, text + done, i - done);
        done = i + 1;
        if (byte == '\n') {
            synth_buffer_add(buffer, "\\n", 2);
        } else if (byte == '"' || byte == '\\') {
            char pair[2] = {'\\', (char)byte};
            synth_buffer_add(buffer, pair, 2);
        } else {
            synth_buffer_add(buffer, "\\u", 2);
            synth_buffer_add_hex(buffer, byte, 4);
        }
    }
    synth_buffer_add(buffer, text + done, len - done);
}

static bool stays_in_query(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
           byte == '.' || byte == '_';
}

void synth_buffer_add_query(synth_buffer *buffer, const char *text, size_t limit) {
    for (size_t i = 0; i < limit && text[i] != '\0'; i++) {
        if (stays_in_query(text[i])) {
            synth_buffer_add(buffer, &text[i], 1);
        } else if (text[i] == ' ') {
            synth_buffer_add(buffer, "+", 1);
        } else {
            synth_buffer_add(buffer, "%", 1);
            synth_buffer_add(buffer, &HEX[(unsigned char)text[i] >> 4], 1);
            synth_buffer_add(buffer, &HEX[(unsigned char)text[i] & 15], 1);
        }
    }
}
