/* What is behind the opaque handles of anpsearch.h. */
#ifndef ANP_API_HANDLES_H
#define ANP_API_HANDLES_H

#include "anpsearch.h"
#include "index/index.h"
#include "index/intake.h"
#include "index/snapshot.h"
#include "index/writer.h"
#include "query/query.h"
#include "similar/by_sketch.h"
#include "similar/similar.h"

#include <pthread.h>

struct anp_index {
    index_handle *inner;
    pthread_mutex_t mutex; /* over what follows */
    similar *similar;      /* of the last commit that was asked, or NULL */
    snapshot_version similar_version;
    snapshot_version scanned_version; /* that was scanned for one list, */
    uint32_t scans;                   /* and how often */
};

struct anp_snapshot {
    snapshot *inner;
    anp_index *index;
    similar *similar;    /* made when first asked for, as is the next */
    by_sketch *sketches;
    arena memory;     /* of what stats returned last */
};

struct anp_writer {
    index_writer *inner;
    intake *posts; /* those of anp_writer_add; NULL: none yet */
};

typedef enum results_kind { RESULTS_QUERY, RESULTS_SIMILAR, RESULTS_CLUSTER } results_kind;

struct anp_results {
    arena memory; /* owns everything below, and this */
    results_kind kind;
    str subject; /* the query's text, or the probe's id; data NULL for a draft */
    anp_hit *hits;
    const query_explanation **explanations; /* by hit; NULL when not asked for */
    const char **explanation_texts;         /* made when first asked for */
    size_t count;
    uint64_t total;
    uint64_t took_us;
    bool timed; /* took_us belongs into the JSON */
    bool count_only;
    const char *note;
    const char *trace; /* NULL: not asked for */
    rank_settings rank;
    char *json; /* made when first asked for */
    const char *title;           /* of a group: its first post's */
    struct shared_parts *shared; /* of a similar list, by hit; NULL when not asked for */
};

/*
 * Copies a caller's option struct, which may be older (shorter) or newer than ours: what it does
 * not have stays zero, which means the default. ANP_INVALID when its size was not set.
 */
anp_status options_take(void *to, size_t to_bytes, const void *from, anp_error *err);

/* The ordinal of a live post; ANP_NOT_FOUND with its text. */
anp_status find_docno(anp_snapshot *s, const char *id, uint32_t *docno, anp_error *err);

/* A new, empty one; NULL when memory is out. */
anp_results *results_new(results_kind kind);

/* Microseconds of a clock that only goes forward. */
uint64_t clock_us(void);

/*
 * A copy in memory as valid UTF-8, NUL-terminated: bytes that are none become U+FFFD. data NULL
 * when memory is out.
 */
str results_utf8(anp_results *r, str text);

/* A copy in memory, NUL-terminated; "" for data NULL. */
const char *results_text(anp_results *r, str text);

/* Whether it has the numbers behind its hits. */
static inline bool results_explained(const anp_results *r) {
    return r->shared || (r->explanations && r->explanation_texts);
}

/* What a hit shares with the probe, for people and as JSON. */
void shared_text(const anp_results *r, size_t i, buffer *out);
void shared_json(const anp_results *r, size_t i, buffer *out);

/* The numbers behind a hit, for people and as JSON. */
void explanation_text(const anp_results *r, size_t i, buffer *out);
void explanation_json(const anp_results *r, size_t i, buffer *out);

/* printf behind what is in out; a line is cut at 1,023 bytes. */
void results_line(buffer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
