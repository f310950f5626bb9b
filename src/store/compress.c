/*
 * The index's door to zstd. Level 3: with a dictionary no higher level up to 4 is smaller, and 5
 * takes three times as long for 8 % less. A dictionary's tables have half the entries of that
 * level: they share the cache with all else that a drafter looks up, which saves a sixth of the
 * time (a writer's, of synthesised posts) and makes frames 0.5 to 0.9 % larger.
 */
#include "store/compress.h"

#include "base/error.h"

#include <stdatomic.h>
#include <zdict.h>
#define ZSTD_STATIC_LINKING_ONLY /* dictionaries by reference */
#include <zstd.h>

enum { LEVEL = 3, DICTIONARY_BYTES_MAX = 64 << 10, DICTIONARY_BYTES_MIN = 1 << 10 };

/* Samples this many times as large as the dictionary: zstd's own advice is 10 to 100. */
enum { SAMPLES_TO_DICTIONARY = 16 };

/* To compress takes tables of 0.2 MB, which whoever only reads does without. */
struct dictionary {
    _Atomic(ZSTD_CDict *) in; /* NULL: not yet needed */
    ZSTD_DDict *out;
    uint32_t id;
    size_t len;
    char bytes[]; /* of both */
};

/* Each made when first needed: a snapshot never compresses. */
struct compressor {
    ZSTD_CCtx *in;
    ZSTD_DCtx *out;
};

static bool is_nomem(size_t result) {
    return ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
}

anp_status dictionary_train(const buffer *samples, const size_t *sizes, size_t count, buffer *out,
                            anp_error *err) {
    size_t room = samples->len / SAMPLES_TO_DICTIONARY;
    room = room < DICTIONARY_BYTES_MAX ? room : DICTIONARY_BYTES_MAX;
    if (room < DICTIONARY_BYTES_MIN) {
        return ANP_NOT_FOUND;
    }
    uint8_t *at = buffer_reserve(out, room);
    if (!at) {
        return error_nomem(err, "a dictionary");
    }
    size_t len = ZDICT_trainFromBuffer(at, room, samples->data, sizes, (unsigned)count);
    if (ZDICT_isError(len) && is_nomem(len)) {
        return error_nomem(err, "a dictionary");
    }
    if (ZDICT_isError(len)) {
        return ANP_NOT_FOUND;
    }
    out->len += len;
    return ANP_OK;
}

anp_status dictionary_open(str bytes, dictionary **out, anp_error *err) {
    dictionary *d = malloc(sizeof *d + bytes.len);
    if (d) {
        *d = (dictionary){.id = ZDICT_getDictID(bytes.data, bytes.len), .len = bytes.len};
        memcpy(d->bytes, bytes.data, bytes.len);
        d->out = ZSTD_createDDict_byReference(d->bytes, d->len);
    }
    if (!d || !d->out) {
        dictionary_close(d);
        return error_nomem(err, "a dictionary");
    }
    if (d->id == 0) {
        dictionary_close(d);
        return error_corrupt(err,
                             "the dictionary of the stored posts is damaged; restore a backup");
    }
    *out = d;
    return ANP_OK;
}

void dictionary_close(dictionary *d) {
    if (d) {
        ZSTD_freeCDict(atomic_load(&d->in));
        ZSTD_freeDDict(d->out);
        free(d);
    }
}

/* Made by the first that needs it, or by several at once: then one of them is kept. */
static const ZSTD_CDict *compressing(dictionary *d) {
    ZSTD_CDict *have = atomic_load(&d->in), *made;
    if (have) {
        return have;
    }
    ZSTD_compressionParameters how = ZSTD_getCParams(LEVEL, ZSTD_CONTENTSIZE_UNKNOWN, d->len);
    how.hashLog--;
    how.chainLog--;
    made = ZSTD_createCDict_advanced(d->bytes, d->len, ZSTD_dlm_byRef, ZSTD_dct_auto, how,
                                     ZSTD_defaultCMem);
    if (made && !atomic_compare_exchange_strong(&d->in, &have, made)) {
        ZSTD_freeCDict(made);
        made = have;
    }
    return made;
}

uint32_t dictionary_id(const dictionary *d) {
    return d->id;
}

compressor *compressor_open(void) {
    return calloc(1, sizeof(compressor));
}

void compressor_close(compressor *c) {
    if (c) {
        ZSTD_freeCCtx(c->in);
        ZSTD_freeDCtx(c->out);
        free(c);
    }
}

anp_status compressor_write(compressor *c, const dictionary *d, str bytes, buffer *out,
                            anp_error *err) {
    const ZSTD_CDict *in = d ? compressing((dictionary *)d) : NULL;
    size_t room = ZSTD_compressBound(bytes.len);
    uint8_t *at = buffer_reserve(out, room);
    c->in = c->in ? c->in : ZSTD_createCCtx();
    if (!at || !c->in || (d && !in)) {
        return error_nomem(err, "compressing a post");
    }
    size_t len = d ? ZSTD_compress_usingCDict(c->in, at, room, bytes.data, bytes.len, in)
                   : ZSTD_compressCCtx(c->in, at, room, bytes.data, bytes.len, LEVEL);
    if (ZSTD_isError(len)) {
        return error_set(err, ANP_NOMEM, "cannot compress a post: %s", ZSTD_getErrorName(len));
    }
    out->len += len;
    return ANP_OK;
}

uint32_t compressor_dictionary_of(str frame) {
    return ZSTD_getDictID_fromFrame(frame.data, frame.len);
}

anp_status compressor_read(compressor *c, const dictionary *d, str frame, size_t limit, arena *perm,
                           str *out, anp_error *err) {
    unsigned long long len = ZSTD_getFrameContentSize(frame.data, frame.len);
    if (len > limit) { /* the two error codes are the largest values */
        return error_corrupt(err, "a stored post is not a zstd frame of at most %zu bytes", limit);
    }
    char *bytes = arena_alloc(perm, (size_t)len + 1);
    c->out = c->out ? c->out : ZSTD_createDCtx();
    if (!bytes || !c->out) {
        return error_nomem(err, "reading a post");
    }
    size_t room = (size_t)len;
    size_t got = d ? ZSTD_decompress_usingDDict(c->out, bytes, room, frame.data, frame.len, d->out)
                   : ZSTD_decompressDCtx(c->out, bytes, room, frame.data, frame.len);
    if (is_nomem(got)) {
        return error_nomem(err, "reading a post");
    }
    if (got != len) {
        return error_corrupt(err, "a stored post does not decompress: %s", ZSTD_getErrorName(got));
    }
    bytes[len] = 0;
    *out = str_make(bytes, got);
    return ANP_OK;
}
