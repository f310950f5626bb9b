/*
 * A draft: posts analysed apart from the index, so that any thread can do it. Terms, fields and
 * facets have numbers of the drafter's own; whoever holds the write transaction maps them to the
 * index's (names.h) and never looks at a word again.
 *
 *     bytes ─> post ─> words ─> { terms, positions } + sketch     kept until the batch is inverted
 *                └───> zstd frame                                 until it is put
 *
 * A drafter is of one thread at a time and makes drafts one behind the other; a draft may be read
 * by any thread once it is done. Cost: some 60 ns a word, most of it look-ups in the lexicon.
 */
#ifndef ANP_INDEX_DRAFT_H
#define ANP_INDEX_DRAFT_H

#include "index/catalog.h"
#include "index/forward.h"
#include "post/import.h"

typedef struct drafter drafter;

/* A field's name with the kind of value that was met under it. */
typedef struct draft_field {
    str name;
    uint8_t kind; /* FIELD_… */
} draft_field;

typedef struct draft_facet {
    uint32_t field; /* the drafter's number */
    str text;
} draft_facet;

enum { DRAFT_NONE = UINT32_MAX };

/* One value of the meta. */
typedef struct draft_value {
    uint32_t field;
    uint32_t facet; /* DRAFT_NONE: not a facet */
    double number;  /* NaN: not a number */
} draft_value;

typedef struct draft_post {
    anp_status status; /* ANP_OK, or ANP_BAD_POST: left out, for `reason` */
    bool held_back;    /* not reviewed, as was asked: left out too, and nothing else is told */
    const char *file;
    uint64_t line;
    const char *reason;
    str id;
    forward_head head;
    size_t value_from, value_count; /* of the draft's values */
    size_t kept_at;  /* in kept: its sketch, but for indexes that store no posts */
    size_t terms_at; /* in kept */
    size_t terms_len;
    size_t weight; /* about terms_len, and the same whatever numbers the drafter gave */
    uint32_t term_count;
    size_t stored_at, stored_len; /* in stored: the row of table posts */
    size_t sample_at, sample_len; /* in samples: its canonical JSON, cut, where asked for */
    size_t feature_at; /* in features, where posts are stored: its distinct shingles, */
    uint32_t shingle_count, about_count; /* then the terms of what it is about (about.h) */
} draft_post;

typedef struct draft {
    VEC(draft_post) posts;
    VEC(draft_value) values;
    buffer kept;
    buffer stored;
    buffer samples;
    VEC(uint64_t) features;
    arena memory; /* of the strings here */
    /* What the drafter numbered since its last draft, in order. */
    bool restarted;      /* its numbers of terms begin at 0 again with these */
    bool meta_restarted; /* those of fields and facets do */
    VEC(str) terms;
    VEC(draft_field) fields;
    VEC(draft_facet) facets;
} draft;

typedef struct draft_options {
    bool require_reviewed;
    bool samples;                 /* keep the posts' JSON to train a dictionary with */
    const dictionary *dictionary; /* NULL: none */
} draft_options;

anp_status drafter_open(const catalog_settings *settings, drafter **out, anp_error *err);
void drafter_close(drafter *d); /* NULL is allowed */

/*
 * Begins a draft; *out is empty or was cleared. The strings of posts given to draft_post_add may
 * die afterwards.
 */
void draft_begin(drafter *d, draft *out);

/*
 * Appends a post. ANP_BAD_POST when it breaks a limit: then nothing was appended. After ANP_NOMEM
 * the drafter's numbers begin anew.
 */
anp_status draft_post_add(drafter *d, const draft_options *options, const post *article, draft *out,
                          anp_error *err);

/* Whether draft_post_add counts the post's words before anything else: its bytes alone do not show
   that it keeps the limits. */
bool drafter_must_count(const drafter *d, const post *article);

/* Appends a post as it was read, bad ones too, with the reason. Only memory can fail. */
anp_status draft_raw_add(drafter *d, const draft_options *options, const raw_post *raw, draft *out,
                         anp_error *err);

/* Forgets all numbers: what the next draft holds stands for itself. */
void drafter_restart(drafter *d);

/* Nothing more is added: gives back the room that was not needed; the drafter's next draft begins
   with as much as this one took. */
void draft_finish(drafter *d, draft *out);

/* Frees the posts' shingles and terms, once they were taken over. */
void draft_drop_features(draft *d);

/* Once all was taken over: frees what the batch does not need for its inversion, strings too. */
void draft_drop_taken(draft *d);
void draft_free(draft *d);

#endif
