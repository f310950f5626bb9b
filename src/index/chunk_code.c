/* See chunk_code.h. */
#include "index/chunk_code.h"

#include "base/error.h"

enum { LEFT_OUT, WHOLE };

/* A feature takes at least these: a chunk has not more than 2^24, so that hashes lie 2^40 apart in
   the mean, and a byte for the class. */
enum { FEATURE_BYTES_MIN = 6 };

size_t chunk_features_max(uint32_t count) {
    return (size_t)count * CHUNK_POST_BYTES_MAX / FEATURE_BYTES_MIN;
}

/* ---- Writing ------------------------------------------------------------------------------- */

static unsigned hash_width(const chunk_side *s) {
    uint64_t most = 0;
    for (uint32_t i = 0; i < s->feature_count; i++) {
        uint64_t step = s->hashes[i] - (i ? s->hashes[i - 1] : 0);
        most = step > most ? step : most;
    }
    unsigned width = s->feature_count > 0;
    while (width < 8 && most >> (8 * width)) {
        width++;
    }
    return width;
}

static uint8_t *put_list(uint8_t *to, const uint16_t *posts, uint32_t count, uint32_t whole) {
    to = varint_write(to, count);
    if ((uint64_t)count * 8 > whole) {
        memset(to, 0, (whole + 7) / 8);
        for (uint32_t i = 0; i < count; i++) {
            to[posts[i] / 8] = (uint8_t)(to[posts[i] / 8] | 1u << posts[i] % 8);
        }
        return to + (whole + 7) / 8;
    }
    for (uint32_t i = 0; i < count; i++) {
        to = varint_write(to, i ? posts[i] - posts[i - 1] - 1u : posts[i]);
    }
    return to;
}

static void put_hashes(const chunk_side *s, buffer *out) {
    unsigned width = hash_width(s);
    buffer_put_u8(out, (uint8_t)width);
    /* Each is written with 8 bytes and partly overwritten by the next. */
    uint8_t *to = buffer_reserve(out, (size_t)s->feature_count * width + 8);
    for (uint32_t i = 0; to && i < s->feature_count; i++) {
        store_u64(to + (size_t)i * width, s->hashes[i] - (i ? s->hashes[i - 1] : 0));
    }
    out->len += to ? (size_t)s->feature_count * width : 0;
}

static void put_side(const chunk_side *s, uint32_t whole, buffer *out) {
    uint32_t places = s->start[s->class_count];
    buffer_put_varint(out, s->feature_count);
    buffer_put_varint(out, s->class_count);
    buffer_put_varint(out, places);
    put_hashes(s, out);
    size_t room = (size_t)s->feature_count * 5 + (size_t)s->class_count * 3 + (size_t)places * 3 +
                  (size_t)whole / 8 + 1;
    uint8_t *start = buffer_reserve(out, room), *to = start;
    for (uint32_t i = 0; to && i < s->feature_count; i++) {
        to = varint_write(to, s->classes[i]);
    }
    for (uint32_t c = 0; to && c < s->class_count; c++) {
        to = put_list(to, s->posts + s->start[c], s->start[c + 1] - s->start[c], whole);
    }
    out->len += to ? (size_t)(to - start) : 0;
}

void chunk_encode(const chunk *c, buffer *out) {
    buffer_put_u8(out, WHOLE);
    buffer_put_varint(out, c->count);
    put_side(&c->text, c->count, out);
    put_side(&c->about, c->count, out);
}

void chunk_encode_nothing(uint32_t count, buffer *out) {
    buffer_put_u8(out, LEFT_OUT);
    buffer_put_varint(out, count);
}

/* ---- Reading ------------------------------------------------------------------------------- */

typedef struct source {
    const uint8_t *at; /* NULL once the bytes were found damaged */
    const uint8_t *end;
} source;

static uint32_t take(source *s) {
    uint32_t value = 0;
    if (s->at && s->at < s->end && *s->at < 0x80) {
        return *s->at++;
    }
    s->at = s->at ? varint_read_u32(s->at, s->end, &value) : NULL;
    return value;
}

static size_t left(const source *s) {
    return s->at ? (size_t)(s->end - s->at) : 0;
}

static void take_hashes(source *s, uint32_t n, chunk_side *out) {
    unsigned width = s->at && s->at < s->end ? *s->at++ : 9;
    if (width > 8 || (n > 0) != (width > 0) || left(s) < (size_t)n * width) {
        s->at = NULL;
        return;
    }
    uint64_t hash = 0;
    for (uint32_t i = 0; i < n; i++, s->at += width) {
        uint64_t step = 0, before = hash;
        memcpy(&step, s->at, width);
        hash += step;
        if (i > 0 && hash <= before) {
            s->at = NULL;
            return;
        }
        out->hashes[i] = hash;
    }
}

static void take_classes(source *s, uint32_t n, uint32_t count, chunk_side *out) {
    uint32_t fresh = 0;
    for (uint32_t i = 0; i < n && s->at; i++) {
        uint32_t class = take(s);
        fresh += class == fresh;
        out->classes[i] = class;
        s->at = class < fresh ? s->at : NULL;
    }
    s->at = fresh == count ? s->at : NULL;
}

static void take_bits(source *s, uint32_t count, uint32_t whole, uint16_t *to) {
    size_t bytes = (whole + 7) / 8;
    uint32_t found = 0;
    if (left(s) < bytes) {
        s->at = NULL;
        return;
    }
    for (size_t b = 0; b < bytes; b++) {
        for (unsigned byte = s->at[b]; byte; byte &= byte - 1) {
            uint32_t post = (uint32_t)(b * 8) + (uint32_t)__builtin_ctz(byte);
            if (found == count || post >= whole) {
                s->at = NULL;
                return;
            }
            to[found++] = (uint16_t)post;
        }
    }
    s->at = found == count ? s->at + bytes : NULL;
}

static void take_list(source *s, uint32_t count, uint32_t whole, uint16_t *to) {
    uint64_t post = 0;
    if ((uint64_t)count * 8 > whole) {
        take_bits(s, count, whole, to);
        return;
    }
    for (uint32_t i = 0; i < count && s->at; i++) {
        post += take(s) + (uint64_t)(i > 0);
        to[i] = (uint16_t)post;
        s->at = post < whole ? s->at : NULL;
    }
}

static void take_lists(source *s, uint32_t whole, uint32_t places, chunk_side *out) {
    uint32_t at = 0;
    for (uint32_t c = 0; c < out->class_count && s->at; c++) {
        uint32_t count = take(s);
        out->start[c] = at;
        if (count == 0 || count > whole || count > places - at) {
            s->at = NULL;
            return;
        }
        take_list(s, count, whole, out->posts + at);
        at += count;
    }
    out->start[out->class_count] = at;
    s->at = at == places ? s->at : NULL;
}

/* false when memory is out. */
static bool take_side(source *s, uint32_t whole, chunk_side *out) {
    uint32_t n = take(s), classes = take(s), places = take(s);
    /* A place takes a bit at least, a feature two bytes: no more is made room for than can be. */
    if (!s->at || n > left(s) / 2 || classes > n || places / 8 > left(s)) {
        s->at = NULL;
        return true;
    }
    *out = (chunk_side){n, classes, malloc((n + 1) * sizeof *out->hashes),
                        malloc((n + 1) * sizeof *out->classes),
                        malloc((classes + 1) * sizeof *out->start),
                        malloc((places + 1) * sizeof *out->posts)};
    if (!out->hashes || !out->classes || !out->start || !out->posts) {
        return false;
    }
    take_hashes(s, n, out);
    take_classes(s, n, classes, out);
    take_lists(s, whole, places, out);
    return true;
}

static anp_status damaged(anp_error *err) {
    return error_corrupt(err, "the shingles of some posts are damaged; restore a backup");
}

static anp_status open(str value, source *s, uint32_t *count, bool *left_out, anp_error *err) {
    *s = (source){(const uint8_t *)value.data, (const uint8_t *)value.data + value.len};
    uint8_t kind = value.len ? *s->at++ : UINT8_MAX;
    *count = take(s);
    *left_out = kind == LEFT_OUT;
    bool fits = s->at && kind <= WHOLE && *count > 0 && *count <= CHUNK_POSTS;
    return fits && (kind == WHOLE || s->at == s->end) ? ANP_OK : damaged(err);
}

anp_status chunk_peek(str value, uint32_t *count, bool *left_out, anp_error *err) {
    source s;
    return open(value, &s, count, left_out, err);
}

anp_status chunk_decode(str value, chunk *out, anp_error *err) {
    source s;
    bool left_out;
    *out = (chunk){0};
    TRY(open(value, &s, &out->count, &left_out, err));
    if (left_out) {
        return ANP_OK;
    }
    if (!take_side(&s, out->count, &out->text) || !take_side(&s, out->count, &out->about)) {
        return error_nomem(err, "similar posts");
    }
    return s.at == s.end ? ANP_OK : damaged(err);
}
