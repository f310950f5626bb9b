/*
 * A post, as every importer makes it and as the index stores it.
 *
 * Importers turn the bytes of a source into a `post`; nothing behind this header knows JSON,
 * scraped text or zstd. All strings live in the arena that the importer was given.
 */
#ifndef ANP_POST_POST_H
#define ANP_POST_POST_H

#include "anpsearch.h"
#include "base/arena.h"
#include "base/bytes.h"
#include "base/str.h"

/* The four scores that make the prior, in this order everywhere (columns, weights, explain). */
enum { POST_QUALITY, POST_FRESHNESS, POST_DEPTH, POST_CLARITY, POST_SCORES };

typedef enum post_value_kind {
    POST_VALUE_TEXT,   /* a string or one entry of an array of strings: an exact-match facet */
    POST_VALUE_NUMBER, /* a number or boolean (0, 1): a sortable column */
    POST_VALUE_DATE, /* an ISO 8601 date or date-time (post/date.h): seconds since 1970, and text */
} post_value_kind;

/*
 * One leaf of the meta (or of an unknown key beside it): its full dotted name and value. Arrays
 * give one value an entry, under one name.
 */
typedef struct post_value {
    str name; /* "score.quality", "stack", "flags.has_images"; a key beside meta has its own name */
    post_value_kind kind;
    str text;      /* TEXT and DATE */
    double number; /* NUMBER and DATE */
} post_value;

typedef struct post {
    str id; /* 1 to ID_BYTES_MAX bytes */
    str title;
    str body;
    str topic; /* empty when absent */
    str problem;
    str *stack;
    size_t stack_count;
    double scores[POST_SCORES]; /* 0 to 100; an absent one is 50, which is the neutral prior */
    post_value *values;         /* in the order of json; see values.c for what is left out */
    size_t value_count;
    bool reviewed; /* status is reviewed or expanded and needs_human_review is 0 */
    str json;      /* the canonical form (canonical.c): what is stored, what `show --json` prints */
} post;

/*
 * Reads the JSON form (DESIGN section 4) into *out; strings live in perm. `text` and `content`
 * stand for `body`; `id` may be an integer; topic "X / Y" yields problem X and stack Y when
 * absent, and the entity of type area yields area, written into the meta. A byte order mark and
 * duplicate keys are errors named in the message. ANP_BAD_POST with the reason; position is the
 * byte in json.
 */
anp_status post_from_json(str json, arena *perm, post *out, anp_error *err);

/* The same without out->json, for an index that stores no posts. */
anp_status post_from_json_bare(str json, arena *perm, post *out, anp_error *err);

/*
 * Reads one scraped post (title, sections, meta box: scraped.c, metabox.c) into *out. stem is the
 * id when there is no meta box or it has no source id; else what stands behind the source id's last
 * hyphen. ANP_BAD_POST with the reason; position is the line, from 1.
 */
anp_status post_from_scraped(str text, str stem, arena *perm, post *out, anp_error *err);

/*
 * The post for people: title, body, then the meta box with labels, arrays as lists. `json` is the
 * canonical form.
 */
anp_status post_to_text(str json, buffer *out, anp_error *err);

/*
 * Title and body of a stored post: views into perm. Cheaper than post_from_json: no values, no
 * checks.
 */
anp_status post_title_body(str json, arena *perm, str *title, str *body, anp_error *err);

/* What similar posts look at. */
typedef struct post_brief {
    str id;
    str title;
    str body;
    str topic; /* empty when absent, as the next */
    str problem;
    const str *stack;
    size_t stack_count;
} post_brief;

/* The same of a stored post, as cheaply; strings live in perm. */
anp_status post_brief_read(str json, arena *perm, post_brief *out, anp_error *err);

#endif
