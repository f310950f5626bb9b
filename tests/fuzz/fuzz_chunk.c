/*
 * Chunks out of damaged bytes: an even first byte, the rest is a value as it is; an odd one, a
 * good value of random posts is damaged by the rest, by threes: where (two bytes), what to flip.
 * What is taken as whole holds what chunk.h promises, and can be written and joined.
 */
#include "base/prng.h"
#include "fuzz/fuzz.h"
#include "index/chunk_code.h"

#include <stdlib.h>

void fuzz_chunk(const uint8_t *bytes, size_t size);

static void need(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_side(const chunk_side *s, uint32_t count) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < s->feature_count; i++) {
        need(i == 0 || s->hashes[i] > s->hashes[i - 1]);
        need(s->classes[i] <= fresh);
        fresh += s->classes[i] == fresh;
    }
    need(fresh == s->class_count);
    for (uint32_t c = 0; c < s->class_count; c++) {
        need(s->start[c] < s->start[c + 1]);
        for (uint32_t i = s->start[c]; i < s->start[c + 1]; i++) {
            need(s->posts[i] < count && (i == s->start[c] || s->posts[i] > s->posts[i - 1]));
        }
    }
}

static void join(const chunk *c) {
    chunk_maker *m = chunk_maker_open();
    uint16_t *places = malloc(c->count * sizeof *places);
    chunk joined;
    need(m && places);
    for (uint32_t i = 0; i < c->count; i++) {
        places[i] = i % 3 == 0 ? CHUNK_NOWHERE : (uint16_t)(i - i / 3 - 1);
    }
    chunk_maker_begin(m, SIZE_MAX);
    need(chunk_maker_add_part(m, c, places, c->count - (c->count + 2) / 3));
    need(chunk_maker_finish(m, &joined, NULL) == ANP_OK);
    check_side(&joined.text, joined.count);
    check_side(&joined.about, joined.count);
    chunk_free(&joined);
    chunk_maker_close(m);
    free(places);
}

static void read_value(const uint8_t *bytes, size_t len) {
    chunk c;
    anp_error err = ANP_ERROR_INIT;
    uint8_t *exact = malloc(len + (len == 0)); /* so that what lies behind it is not read unseen */
    need(exact != NULL);
    memcpy(exact, bytes, len);
    anp_status status = chunk_decode(str_make((const char *)exact, len), &c, &err);
    need(status == ANP_OK || (status == ANP_CORRUPT && err.message[0]));
    if (status == ANP_OK && c.text.hashes) {
        buffer again = {0};
        check_side(&c.text, c.count);
        check_side(&c.about, c.count);
        chunk_encode(&c, &again);
        need(!again.failed && again.len <= len + 16 * (size_t)c.text.feature_count + 64);
        buffer_free(&again);
        join(&c);
    }
    chunk_free(&c);
    free(exact);
}

static void make_value(prng *p, buffer *out) {
    chunk_maker *m = chunk_maker_open();
    chunk c;
    need(m != NULL);
    chunk_maker_begin(m, SIZE_MAX);
    for (uint32_t i = prng_below(p, 40) + 1; i > 0; i--) {
        uint64_t hashes[16];
        size_t count = prng_below(p, 16);
        for (size_t h = 0; h < count; h++) {
            hashes[h] = (uint64_t)prng_below(p, 60) << prng_below(p, 2) * 50;
        }
        features f = {hashes, count, hashes, count / 2};
        need(chunk_maker_add(m, &f));
    }
    need(chunk_maker_finish(m, &c, NULL) == ANP_OK);
    chunk_encode(&c, out);
    chunk_free(&c);
    chunk_maker_close(m);
}

void fuzz_chunk(const uint8_t *bytes, size_t size) {
    if (size < 2) {
        return;
    }
    if (bytes[0] % 2 == 0) {
        read_value(bytes + 1, size - 1);
        return;
    }
    prng p = {bytes[1]};
    buffer value = {0};
    make_value(&p, &value);
    for (size_t at = 2; at + 3 <= size; at += 3) {
        value.data[load_u16(bytes + at) % value.len] ^= bytes[at + 2];
    }
    read_value(value.data, size % 3 == 1 ? value.len - size % value.len : value.len);
    buffer_free(&value);
}
