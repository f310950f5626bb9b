/*
 * What likeness is measured by: a stored post to hashes.
 *
 *     body ─> words, folded ─> 3 at a time ─> shingles           64-bit hashes, repeats and all
 *     title, topic, problem, each stack ─> terms (about.h)       64-bit hashes, ascending, distinct
 *
 * The same as its drafter gave (draft.h). One reader a thread: it keeps the words it has met.
 */
#ifndef ANP_INDEX_READER_H
#define ANP_INDEX_READER_H

#include "index/catalog.h"
#include "index/snapshot.h"

typedef struct reader reader;

/* The settings are the index's. */
anp_status reader_open(const catalog_settings *settings, reader **out, anp_error *err);
void reader_close(reader *r); /* NULL is allowed */

/* Of one post; valid until the reader's next call. */
typedef struct features {
    const uint64_t *shingles;
    size_t shingle_count;
    const uint64_t *terms;
    size_t term_count;
} features;

anp_status reader_read(reader *r, const stored_post *post, features *out, anp_error *err);

/* The same of a draft: a body alone. */
anp_status reader_read_draft(reader *r, str body, features *out, anp_error *err);

#endif
