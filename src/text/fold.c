/*
 * See fold.h. Words lie end to end in pieces of the arena: an arena_alloc a word would cost more
 * than the folding.
 */
#include "text/fold.h"

#include "base/vec.h"
#include "text/utf8.h"

enum { PIECE_BYTES_MIN = 64, PIECE_BYTES_MAX = 16 << 10, LOWER_MAX = 2 };

struct folder {
    unicode_cache *cache;
    unicode_folder *unicode; /* NULL for plain text */
    VEC(uint32_t) points;
    arena *memory;
    size_t piece_bytes;
    char *at; /* free bytes of the newest piece */
    char *end;
};

folder *folder_new(bool plain, unicode_cache *cache) {
    folder *f = calloc(1, sizeof *f);
    if (!f) {
        return NULL;
    }
    f->cache = cache;
    if (!plain && !(f->unicode = unicode_folder_new(cache))) {
        free(f);
        return NULL;
    }
    return f;
}

void folder_free(folder *f) {
    if (f) {
        unicode_folder_free(f->unicode);
        free(f->points.items);
        free(f);
    }
}

void folder_begin(folder *f, arena *perm, size_t bytes) {
    f->memory = perm;
    f->at = f->end = NULL;
    f->piece_bytes = bytes / 4 < PIECE_BYTES_MIN   ? PIECE_BYTES_MIN
                     : bytes / 4 > PIECE_BYTES_MAX ? PIECE_BYTES_MAX
                                                   : bytes / 4;
}

/* Makes sure that `bytes` are free at f->at. */
static bool reserve(folder *f, size_t bytes) {
    if ((size_t)(f->end - f->at) < bytes) {
        size_t piece = bytes > f->piece_bytes ? bytes : f->piece_bytes;
        f->at = arena_alloc(f->memory, piece);
        f->end = f->at ? f->at + piece : NULL;
    }
    return f->at != NULL;
}

char *folder_take(folder *f, size_t bytes) {
    if (!reserve(f, bytes)) {
        return NULL;
    }
    char *taken = f->at;
    f->at += bytes;
    return taken;
}

static bool encode(folder *f, const uint32_t *points, size_t count, str *folded) {
    if (!reserve(f, count * UTF8_BYTES_MAX + 1)) {
        return false;
    }
    char *start = f->at, *to = start;
    for (size_t i = 0; i < count; i++) {
        bool apostrophe = f->unicode && (points[i] == 0x2018 || points[i] == 0x2019);
        to = utf8_encode(to, apostrophe ? '\'' : points[i]);
    }
    f->at = to;
    *folded = str_make(start, (size_t)(to - start));
    return true;
}

bool folder_fold(folder *f, str source, str *folded) {
    f->points.count = 0;
    if (!vec_reserve(&f->points, source.len * LOWER_MAX + 1)) {
        return false;
    }
    for (size_t at = 0; at < source.len;) {
        uint32_t point = utf8_decode(source, at, &at);
        uint32_t *to = f->points.items + f->points.count;
        uint32_t one = f->unicode ? point : unicode_look(f->cache, point)->lower;
        *to = one;
        f->points.count += one || !point ? 1 : unicode_lower(point, to);
    }
    const uint32_t *points = f->points.items;
    size_t count = f->points.count;
    if (f->unicode && !unicode_fold(f->unicode, points, count, &points, &count)) {
        return false;
    }
    return encode(f, points, count, folded);
}

bool folder_fold_ascii(folder *f, str source, bool upper, str *folded) {
    *folded = source;
    if (!upper) {
        return true;
    }
    char *to = folder_take(f, source.len);
    if (!to) {
        return false;
    }
    for (size_t i = 0; i < source.len; i++) {
        char c = source.data[i];
        to[i] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
    }
    folded->data = to;
    return true;
}
