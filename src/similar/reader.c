/*
 * See reader.h. Cost: some 15 µs a post of 380 words; a third decompression, most of the rest
 * look-ups of words. What a title or topic is about is kept by its bytes, since topics repeat.
 */
#include "similar/reader.h"

#include "base/error.h"
#include "base/hash.h"
#include "index/catalog.h"
#include "sketch/sketch.h"
#include "store/compress.h"
#include "text/analyzer.h"
#include "text/lexicon.h"

#include <stdlib.h>

enum { KEPT_SLOTS = 1 << 12, KEPT_TERMS_MAX = 1 << 16, SCRATCH_BYTES = 1 << 18 };

/* The terms of a string that was met: a place in reader.kept. Another one may take it over. */
typedef struct kept_string {
    uint64_t hash; /* of the string */
    uint32_t start, count;
} kept_string;

struct reader {
    analyzer *analyzer;
    lexicon *lexicon;
    compressor *compressor;
    lexicon_text text;
    arena scratch;
    arena_mark start; /* its first block is kept */
    VEC(uint64_t) shingles;
    VEC(uint64_t) terms;
    VEC(uint64_t) kept;
    kept_string slots[KEPT_SLOTS];
};

anp_status reader_open(const catalog_settings *settings, reader **out, anp_error *err) {
    reader *r = calloc(1, sizeof *r);
    if (!r) {
        return error_nomem(err, "similar posts");
    }
    anp_status status = analyzer_open(settings->analyzer, settings->language, &r->analyzer, err);
    if (status == ANP_OK) {
        r->lexicon = lexicon_open(r->analyzer, true);
        r->compressor = compressor_open();
        if (!r->lexicon || !r->compressor || !arena_alloc(&r->scratch, SCRATCH_BYTES)) {
            status = error_nomem(err, "similar posts");
        }
    }
    if (status != ANP_OK) {
        reader_close(r);
        return status;
    }
    r->start = (arena_mark){r->scratch.head, 0};
    *out = r;
    return ANP_OK;
}

void reader_close(reader *r) {
    if (r) {
        lexicon_close(r->lexicon);
        analyzer_close(r->analyzer);
        compressor_close(r->compressor);
        lexicon_text_free(&r->text);
        arena_free(&r->scratch);
        free(r->shingles.items);
        free(r->terms.items);
        free(r->kept.items);
        free(r);
    }
}

static anp_status read_body(reader *r, str body, features *out, anp_error *err) {
    if (lexicon_full(r->lexicon)) {
        lexicon_clear(r->lexicon);
    }
    TRY(lexicon_read(r->lexicon, body, &r->text, err));
    if (!vec_reserve(&r->shingles, r->text.count + 1)) {
        return error_nomem(err, "the shingles of a post");
    }
    out->shingles = r->shingles.items;
    out->shingle_count = sketch_hashes(r->text.hashes, r->text.count, r->shingles.items);
    return ANP_OK;
}

/* Appends the terms of a string to r->kept. */
static anp_status analyse(reader *r, str text, anp_error *err) {
    text_tokens tokens;
    TRY(analyzer_run(r->analyzer, text, &r->scratch, &tokens, err));
    for (size_t i = 0; i < tokens.count; i++) {
        const text_token *token = &tokens.items[i];
        if (analyzer_is_stopword(r->analyzer, token->folded)) {
            continue;
        }
        if (!vec_push(&r->kept, hash64(token->term.data, token->term.len))) {
            return error_nomem(err, "the terms of a title");
        }
    }
    return ANP_OK;
}

static anp_status add_string(reader *r, str text, anp_error *err) {
    uint64_t hash = hash64(text.data, text.len);
    kept_string *slot = &r->slots[hash % KEPT_SLOTS];
    if (text.len == 0) {
        return ANP_OK;
    }
    if (slot->hash != hash || slot->count == 0) {
        if (r->kept.count > KEPT_TERMS_MAX) {
            memset(r->slots, 0, sizeof r->slots);
            r->kept.count = 0;
        }
        size_t start = r->kept.count;
        TRY(analyse(r, text, err));
        *slot = (kept_string){hash, (uint32_t)start, (uint32_t)(r->kept.count - start)};
    }
    for (uint32_t i = 0; i < slot->count; i++) {
        if (!vec_push(&r->terms, r->kept.items[slot->start + i])) {
            return error_nomem(err, "the terms of a title");
        }
    }
    return ANP_OK;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static anp_status read_about(reader *r, const post_brief *brief, features *out, anp_error *err) {
    size_t kept = 0;
    r->terms.count = 0;
    TRY(add_string(r, brief->title, err));
    TRY(add_string(r, brief->topic, err));
    TRY(add_string(r, brief->problem, err));
    for (size_t i = 0; i < brief->stack_count; i++) {
        TRY(add_string(r, brief->stack[i], err));
    }
    uint64_t *terms = r->terms.items;
    if (r->terms.count) {
        qsort(terms, r->terms.count, sizeof *terms, ascending);
    }
    for (size_t i = 0; i < r->terms.count; i++) {
        if (i == 0 || terms[i] != terms[i - 1]) {
            terms[kept++] = terms[i];
        }
    }
    out->terms = terms;
    out->term_count = kept;
    return ANP_OK;
}

anp_status reader_read(reader *r, const stored_post *stored, features *out, anp_error *err) {
    str json;
    post_brief brief;
    arena_rewind(&r->scratch, r->start);
    *out = (features){0};
    TRY(compressor_read(r->compressor, stored->dictionary, stored->frame, STORED_POST_BYTES_MAX,
                        &r->scratch, &json, err));
    TRY(post_brief_read(json, &r->scratch, &brief, err));
    TRY(read_body(r, brief.body, out, err));
    out->title = brief.title;
    return read_about(r, &brief, out, err);
}

anp_status reader_read_draft(reader *r, str body, features *out, anp_error *err) {
    *out = (features){0};
    return read_body(r, body, out, err);
}
