/* See reader.h. Cost: some 15 µs a post of 380 words; a third decompression, most of the rest
   look-ups of words. */
#include "index/reader.h"

#include "base/error.h"
#include "base/vec.h"
#include "index/about.h"
#include "post/post.h"
#include "sketch/sketch.h"
#include "text/lexicon.h"

enum { SCRATCH_BYTES = 1 << 18 };

struct reader {
    analyzer *analyzer;
    lexicon *lexicon;
    about *about;
    compressor *compressor;
    lexicon_text text;
    arena scratch;
    arena_mark start; /* its first block is kept */
    VEC(uint64_t) shingles;
};

anp_status reader_open(const catalog_settings *settings, reader **out, anp_error *err) {
    reader *r = calloc(1, sizeof *r);
    if (!r) {
        return error_nomem(err, "similar posts");
    }
    anp_status status = analyzer_open(settings->analyzer, settings->language, &r->analyzer, err);
    if (status == ANP_OK) {
        r->lexicon = lexicon_open(r->analyzer, LEXICON_HASHES);
        r->about = about_open(r->analyzer);
        r->compressor = compressor_open();
        if (!r->lexicon || !r->about || !r->compressor ||
            !arena_alloc(&r->scratch, SCRATCH_BYTES)) {
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
        about_close(r->about);
        analyzer_close(r->analyzer);
        compressor_close(r->compressor);
        lexicon_text_free(&r->text);
        arena_free(&r->scratch);
        free(r->shingles.items);
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

anp_status reader_read(reader *r, const stored_post *stored, features *out, anp_error *err) {
    str json;
    post_brief brief;
    arena_rewind(&r->scratch, r->start);
    *out = (features){0};
    TRY(compressor_read(r->compressor, stored->dictionary, stored->frame, STORED_POST_BYTES_MAX,
                        &r->scratch, &json, err));
    TRY(post_brief_read(json, &r->scratch, &brief, err));
    TRY(read_body(r, brief.body, out, err));
    about_strings strings = {.title = brief.title,
                             .topic = brief.topic,
                             .problem = brief.problem,
                             .stack = brief.stack,
                             .stack_count = brief.stack_count};
    return about_terms(r->about, &strings, &out->terms, &out->term_count, err);
}

anp_status reader_read_draft(reader *r, str body, features *out, anp_error *err) {
    *out = (features){0};
    return read_body(r, body, out, err);
}
