/*
 * anpsearch: full-text search and similar posts for technical articles, in one file on disk.
 *
 * A tour. Compile with `cc tour.c $(pkg-config --cflags --libs anpsearch)`:
 *
 *     #include <anpsearch.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         anp_error err = ANP_ERROR_INIT;
 *         anp_index *index;
 *         anp_writer *writer;
 *         anp_snapshot *snapshot;
 *         anp_results *results;
 *         const char post[] = "{\"id\":\"1\",\"title\":\"Cache rules\","
 *                             "\"body\":\"Invalidate by key.\"}";
 *         if (anp_index_open("posts.db", ANP_OPEN_CREATE, NULL, &index, &err)) goto fail;
 *         if (anp_writer_open(index, &writer, &err)) goto fail;
 *         if (anp_writer_add(writer, post, sizeof post - 1, &err)) goto fail;
 *         if (anp_writer_commit(writer, &err)) goto fail;
 *         anp_writer_close(writer);
 *         if (anp_snapshot_open(index, &snapshot, &err)) goto fail;
 *         if (anp_query(snapshot, "cache", NULL, &results, &err)) goto fail;
 *         for (size_t i = 0; i < anp_results_count(results); i++) {
 *             anp_hit hit = anp_results_hit(results, i);
 *             printf("%.2f %s %s\n", hit.score, hit.id, hit.title);
 *         }
 *         anp_results_free(results);
 *         anp_snapshot_close(snapshot);
 *         anp_index_close(index);
 *         return 0;
 *     fail:
 *         fprintf(stderr, "%s\n", err.message);
 *         return 1;
 *     }
 *
 * Dangers first.
 *   - An index is one file PATH with PATH-lock and PATH.witness beside it: move and delete the
 *     three together, and never while a process has them open. Not on network file systems.
 *   - One open per file and process: a second anp_index_open of the same file shares the first
 *     one's environment.
 *   - An anp_index may be used by many threads. An anp_snapshot, anp_writer or anp_results by one
 *     at a time.
 *   - There is one writer at a time over all processes; a second one waits for the first one's
 *     commit or close.
 *
 * Conventions. Every call that can fail returns an anp_status, 0 being success, and takes as its
 * last parameter an anp_error that the caller owns (or NULL). Results come through `**out` and are
 * given back with the function that the comment names; all else that is returned is borrowed from
 * the handle it came from. Option structs begin with `size` (set it by the _INIT macro) and grow
 * at the end only; zero in a field means its default. Text is UTF-8. The library never prints,
 * exits, or changes locale or signal handlers.
 */
#ifndef ANPSEARCH_H
#define ANPSEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ANP_API __attribute__((visibility("default")))
#define ANP_MUST_USE __attribute__((warn_unused_result))
#else
#define ANP_API
#define ANP_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ANP_VERSION_MAJOR 0
#define ANP_VERSION_MINOR 1
#define ANP_VERSION_PATCH 0

/* "0.1.0": of the library that is linked, which may be newer than this header. */
ANP_API const char *anp_version(void);

/* ---- Errors -------------------------------------------------------------------------------- */

/* Values are pinned and never reused. */
typedef enum anp_status {
    ANP_OK = 0,
    ANP_NOT_FOUND = 1, /* no such id, file or index */
    ANP_INVALID = 2,   /* an argument or option is out of its range */
    ANP_SYNTAX = 3,    /* a query does not parse; error.position is the byte */
    ANP_IO = 4,        /* the operating system refused; error.os_code says why */
    ANP_CORRUPT = 5,   /* the index is damaged; see anp_index_verify */
    ANP_FORMAT = 6,   /* not an index, or one of a format version that this library does not read */
    ANP_LIMIT = 7,    /* a documented limit was passed */
    ANP_NOMEM = 8,    /* out of memory */
    ANP_BUSY = 9,     /* somebody else holds what is needed */
    ANP_NOSPACE = 10, /* the disk is full; nothing committed was lost */
    ANP_BAD_POST =
        11, /* a post does not parse or breaks a rule; error.position is the line or byte */
    ANP_CANCELLED = 12,   /* a callback asked to stop; what was committed stays */
    ANP_UNSUPPORTED = 13, /* known, but not in this version */
} anp_status;

/* This struct does not grow. */
typedef struct anp_error {
    size_t size; /* sizeof(anp_error) */
    anp_status status;
    int os_code;       /* errno, or 0 */
    uint64_t position; /* byte in a query, line in a file, else 0 */
    char message[512]; /* one line: what, which object, why, what to do */
} anp_error;

#define ANP_ERROR_INIT {sizeof(anp_error), ANP_OK, 0, 0, {0}}

/* "ANP_OK", "ANP_NOT_FOUND", … Never NULL. */
ANP_API const char *anp_status_name(anp_status status);

/* ---- Index --------------------------------------------------------------------------------- */

typedef struct anp_index anp_index;

enum {
    ANP_OPEN_READ = 0,   /* an index that exists; no writing */
    ANP_OPEN_WRITE = 1,  /* an index that exists, with writers */
    ANP_OPEN_CREATE = 3, /* the same, made when it is not there */
};

typedef enum anp_analyzer {
    ANP_ANALYZER_DEFAULT = 0,
    /* UAX #29 words, NFKC case folding, technical words whole and in parts, stems */
    ANP_ANALYZER_TECHNICAL = 1,
    /* runs of letters and digits, lower-cased, stems: for comparison with others */
    ANP_ANALYZER_PLAIN = 2,
} anp_analyzer;

typedef enum anp_store_mode {
    ANP_STORE_DEFAULT = 0,
    ANP_STORE_ALL = 1,
    ANP_STORE_NONE = 2, /* for speed alone: without show, export, snippets, similar posts */
} anp_store_mode;

/* How an index is made; fixed for its life. Used by ANP_OPEN_CREATE when there is none yet. */
typedef struct anp_index_options {
    size_t size;
    anp_analyzer analyzer;   /* default technical */
    anp_store_mode store;    /* default all */
    const char *language;    /* a Snowball language, default "english"; "none": no stemming */
    uint32_t title_weight; /* 1 to 15: how often the title counts in the combined text; 0 means the
                              default 3 */
    uint32_t title_excluded; /* 1: title weight 0, the title is not part of the combined text */
} anp_index_options;

#define ANP_INDEX_OPTIONS_INIT                                                                     \
    {sizeof(anp_index_options), ANP_ANALYZER_DEFAULT, ANP_STORE_DEFAULT, NULL, 0, 0}

/*
 * Opens PATH. `options` may be NULL. With ANP_OPEN_CREATE on an index that exists, options that
 * are given (not zero) must equal the index's own, else ANP_INVALID says which differs. First
 * creation is atomic: a killed process leaves either no index or an empty one. Costs about 1 ms;
 * the file is mapped, not read.
 */
ANP_API ANP_MUST_USE anp_status anp_index_open(const char *path, unsigned flags,
                                               const anp_index_options *options, anp_index **out,
                                               anp_error *err);

/* NULL is allowed. Its writers and snapshots must be closed first; results stay valid. */
ANP_API void anp_index_close(anp_index *index);

/*
 * One committed state of the index, as it was when the snapshot was opened; later commits do not
 * change it. Open a new one to see them: it costs microseconds, but the first one after a commit
 * reads the log (up to 4,096 posts, a few microseconds each). An old snapshot keeps the pages it
 * may read from being reused, so that the file grows while others write, and when it is a quarter
 * larger than what is in use each commit waits up to 50 ms for old snapshots (of one snapshot a
 * minute in all): close it when the request is done.
 */
typedef struct anp_snapshot anp_snapshot;

ANP_API ANP_MUST_USE anp_status anp_snapshot_open(anp_index *index, anp_snapshot **out,
                                                  anp_error *err);

/* NULL is allowed. Results made from it stay valid. */
ANP_API void anp_snapshot_close(anp_snapshot *snapshot);

typedef struct anp_table_stats {
    const char *name;
    uint64_t entries;
    uint64_t bytes; /* pages in use, 4 KiB each */
} anp_table_stats;

typedef struct anp_stats {
    size_t size;
    uint32_t format_version;
    anp_analyzer analyzer;
    anp_store_mode store;
    const char *language;
    uint32_t title_weight;
    uint64_t posts_live;
    uint64_t posts_deleted; /* not yet compacted away */
    uint64_t terms;         /* distinct, dead ones included */
    uint64_t words;         /* word positions of the combined text of live posts */
    double length_average;  /* of the combined text of live posts, in words */
    uint64_t file_bytes;
    uint64_t log_posts; /* in the forward log, not yet folded */
    uint32_t segments;
    uint32_t windows;
    size_t table_count;
    const anp_table_stats *tables;
} anp_stats;

#define ANP_STATS_INIT {.size = sizeof(anp_stats)}

/* Counts and sizes. Strings and tables are valid until the snapshot is closed. */
ANP_API ANP_MUST_USE anp_status anp_snapshot_stats(anp_snapshot *snapshot, anp_stats *stats,
                                                   anp_error *err);

typedef struct anp_term {
    const char *text; /* NUL-terminated */
    uint32_t df;      /* live posts whose combined text holds it */
    uint64_t cf;      /* its occurrences in the combined text of live posts */
} anp_term;

/*
 * Calls visit for each term that begins with prefix (after folding), in byte order, dead ones (df
 * 0) left out; stops early, with ANP_OK, when visit returns false.
 */
ANP_API ANP_MUST_USE anp_status anp_snapshot_terms(anp_snapshot *snapshot, const char *prefix,
                                                   bool (*visit)(void *user, const anp_term *term),
                                                   void *user, anp_error *err);

enum {
    ANP_VERIFY_QUICK = 0, /* file, headers, counts and set-hashes as recorded */
    ANP_VERIFY_FULL = 1,  /* every value's checksum, order and structure, every cross-reference */
};

/*
 * Checks the index; calls report (may be NULL) with one line for each thing that is wrong. ANP_OK:
 * nothing is; ANP_CORRUPT: something is, *problems says how many. FULL reads the whole file once.
 */
ANP_API ANP_MUST_USE anp_status anp_index_verify(anp_index *index, int depth,
                                                 void (*report)(void *user, const char *line),
                                                 void *user, uint64_t *problems, anp_error *err);

/* ---- Writing ------------------------------------------------------------------------------- */

typedef struct anp_writer anp_writer;

/*
 * Does not wait; the first change does, while another writer has uncommitted ones, in this or
 * another process. A writer belongs to the thread that made the first change since the last commit:
 * change, commit and close it there. Free with anp_writer_close. ANP_INVALID for an index opened to
 * read.
 */
ANP_API ANP_MUST_USE anp_status anp_writer_open(anp_index *index, anp_writer **out, anp_error *err);

/*
 * Adds one post in the JSON form, or replaces the one with its id. Visible to readers after the
 * commit. ANP_BAD_POST leaves the batch as it was; any other error loses it. The post is read, and
 * its bytes are no longer needed, when the call returns; of a batch of more than some 100 KB the
 * posts are analysed by up to 4 threads of the writer's own meanwhile, and what fails there is told
 * by a later call.
 */
ANP_API ANP_MUST_USE anp_status anp_writer_add(anp_writer *writer, const char *json, size_t len,
                                               anp_error *err);

/* ANP_NOT_FOUND when there is no live post with that id. */
ANP_API ANP_MUST_USE anp_status anp_writer_delete(anp_writer *writer, const char *id,
                                                  anp_error *err);

/* Makes the batch durable (after ANP_OK, power may fail) and visible, all at once. */
ANP_API ANP_MUST_USE anp_status anp_writer_commit(anp_writer *writer, anp_error *err);

/* Drops what was not committed. NULL is allowed. */
ANP_API void anp_writer_close(anp_writer *writer);

typedef enum anp_format {
    ANP_FORMAT_AUTO = 0,    /* by the file's name; standard input is JSON Lines */
    ANP_FORMAT_SCRAPED = 1, /* one post a file, as scraped from the site: .txt */
    ANP_FORMAT_JSONL = 2,   /* one post a line, or one array: .jsonl .ndjson */
    ANP_FORMAT_JSON = 3,    /* one array, or posts one after the other: .json */
} anp_format;

/* This struct does not grow. */
typedef struct anp_import_report {
    uint64_t posts_added;
    uint64_t posts_replaced;
    uint64_t posts_skipped;   /* bad ones */
    uint64_t posts_held_back; /* not reviewed */
    uint64_t bytes_read;      /* of the sources, before decompression */
    uint64_t bytes_total;     /* sizes of all sources; 0 when not known (standard input) */
    double seconds;
} anp_import_report;

typedef struct anp_import_options {
    size_t size;
    anp_format format;
    bool strict; /* stop at the first bad post with ANP_BAD_POST; what was committed stays */
    bool require_reviewed;     /* only status reviewed or expanded and needs_human_review 0 */
    /* That read, analyse and invert posts, beside the calling one, which writes; 1: all in the
       calling one; 0: as many as there are processors. The index is the same with any number. */
    uint32_t threads;
    /*
     * About what the import may take in all; 0: 512 MiB. A third of it is the largest batch: a
     * window of 65,536 posts that does not fit is written in segments and merged, which is slower.
     */
    uint64_t memory_bytes;
    /*
     * For each bad post: the file ("-" for standard input), the line it begins at, the reason.
     * Line 0: the whole file could not be read.
     */
    void (*on_bad_post)(void *user, const char *file, uint64_t line, const char *reason);
    /* About ten times a second; false stops with ANP_CANCELLED, all committed work kept. */
    bool (*on_progress)(void *user, const anp_import_report *so_far);
    void *user;
    /* Posts get their ordinals in the order in which they are read. Otherwise each 8,192 of a
       larger import (fewer where they are large) get theirs by prior and length: queries are
       faster; exports and exact ties of scores go by ordinals; and of an import that is stopped
       those that are kept need not be the first. */
    bool keep_order;
} anp_import_options;

#define ANP_IMPORT_OPTIONS_INIT {.size = sizeof(anp_import_options)}

/*
 * Reads posts from files, directories (walked in sorted order) or "-" (standard input), each plain
 * or zstd-compressed (.zst), and commits in large batches. A bad post is reported and skipped; a
 * path that cannot be read is ANP_IO or ANP_NOT_FOUND before anything else is read. `report` may
 * be NULL; it is filled on errors too.
 */
ANP_API ANP_MUST_USE anp_status anp_writer_import(anp_writer *writer, const char *const *paths,
                                                  size_t path_count,
                                                  const anp_import_options *options,
                                                  anp_import_report *report, anp_error *err);

/* ---- Upkeep -------------------------------------------------------------------------------- */

/* How far a long call is. This struct does not grow. */
typedef struct anp_progress {
    const char *step; /* one word for people: "copying" */
    uint64_t done;    /* of `whole`, in a unit of the step's own */
    uint64_t whole;
} anp_progress;

typedef struct anp_backup_options {
    size_t size;
    /* Once at the start, then some ten times a second or more; false stops with ANP_CANCELLED, and
       nothing is left. */
    bool (*on_progress)(void *user, const anp_progress *so_far);
    void *user;
} anp_backup_options;

#define ANP_BACKUP_OPTIONS_INIT {.size = sizeof(anp_backup_options)}

/* This struct does not grow. */
typedef struct anp_copy_report {
    uint64_t posts;        /* live ones in the new file */
    uint64_t bytes_before; /* of the index that was read */
    uint64_t bytes;        /* of the new file */
    double seconds;
} anp_copy_report;

/*
 * Copies the last commit to a new file `path`, while others read and write. Every value is checked
 * on the way (ANP_CORRUPT: the index is damaged, nothing was made), free pages are left out. The
 * copy is written under a temporary name beside `path`, synced, and renamed; with its own witness
 * file it is an index like any other. ANP_BUSY when `path` exists: nothing is overwritten.
 * ANP_NOSPACE when its disk is full: nothing is left there. While it runs, what others overwrite
 * in the index cannot be reused: the index grows by about what they write, and writers are slowed
 * down as by an old snapshot. `options` and `report` may be NULL. Any thread.
 */
ANP_API ANP_MUST_USE anp_status anp_index_backup(anp_index *index, const char *path,
                                                 const anp_backup_options *options,
                                                 anp_copy_report *report, anp_error *err);

typedef struct anp_compact_options {
    size_t size;
    bool reorder;          /* posts come into a new order however few they are */
    uint32_t threads;      /* at most; 0: as many as there are processors */
    uint64_t memory_bytes; /* to order by, besides a window's postings; 0: 512 MiB */
    bool (*on_progress)(void *user, const anp_progress *so_far); /* as in a backup */
    void *user;
    bool keep_order;       /* posts stay in the order they stand in; not with reorder */
} anp_compact_options;

#define ANP_COMPACT_OPTIONS_INIT {.size = sizeof(anp_compact_options)}

/*
 * Writes the index anew: without the posts, terms and values that are dead, its log folded, packed.
 * Every query and similar list answers as before, but for the order of exact ties: posts that share
 * words and are about as good and as long are put side by side, all over the index, if they are
 * 8,192 or more, or with `reorder`: queries are faster and the file is smaller. With `keep_order`
 * they stay where they are, which takes two thirds of the time: exact ties and exports go by that
 * order, which before the first compaction is that of adding (ANP_INVALID with both).
 *
 * With `path` into a new file (as a backup: ANP_BUSY when it exists; an index opened to read will
 * do). With NULL in place (ANP_INVALID for an index opened to read): other writers wait until it is
 * done; at the end the new file takes the name of the old one, in one step that a kill or power
 * failure makes whole or not at all. Whoever has the index open, in any process, goes on with its
 * snapshots as they are; its next snapshot or writer follows to the new file by itself, but waits
 * until the older snapshots of its process are closed, ANP_BUSY after two seconds. Needs room on
 * the disk for the new file, and where posts move for the postings a second time. `options` and
 * `report` may be NULL. The calling thread must have no changes that are not committed.
 */
ANP_API ANP_MUST_USE anp_status anp_index_compact(anp_index *index, const char *path,
                                                  const anp_compact_options *options,
                                                  anp_copy_report *report, anp_error *err);

/* ---- Queries ------------------------------------------------------------------------------- */

typedef struct anp_results anp_results;

/* Which of the numbers below are given; those that are not have their defaults. */
enum {
    ANP_SET_BLEND = 1,
    ANP_SET_K1 = 2,
    ANP_SET_B = 4,
    ANP_SET_QUALITY = 8,
    ANP_SET_FRESHNESS = 16,
    ANP_SET_DEPTH = 32,
    ANP_SET_CLARITY = 64,
};

enum {
    ANP_QUERY_AND = 1,            /* all words needed (--operator and) */
    ANP_QUERY_COUNT_ONLY = 2,     /* only the total; no hits */
    ANP_QUERY_EXPLAIN = 4,        /* keep the numbers behind each score */
    ANP_QUERY_STRICT_SYNTAX = 8,  /* ANP_SYNTAX instead of taking as words what does not parse */
    ANP_QUERY_KEEP_STOPWORDS = 16,/* --stopwords none */
    ANP_QUERY_ESCAPE_HTML = 32,   /* & < > in snippets become entities */
    ANP_QUERY_NO_TOTAL = 64,      /* the total may be left out (0, or what was found on the way) */
    ANP_QUERY_TRACE = 128,        /* keep what was read and skipped, and the time of each phase */
    ANP_QUERY_ORDINALS = 256,     /* hits with ordinal and scores alone: no id, title, snippet */
};

typedef struct anp_query_options {
    size_t size;
    uint32_t flags;
    uint32_t k;               /* 0: 10 */
    uint32_t offset;
    const char *filter;       /* the same language, unscored; NULL: none */
    uint32_t snippet_words;   /* about how long; 0: no snippets */
    const char *mark_open;    /* around matches in snippets; NULL: "<mark>" and "</mark>" */
    const char *mark_close;
    uint32_t set;             /* ANP_SET_… */
    double blend;             /* 0 to 0.95, default 0.3 */
    double k1;                /* >= 0, default 1.2 */
    double b;                 /* 0 to 1, default 0.75 */
    double weight_quality;    /* >= 0, default 1 each */
    double weight_freshness;
    double weight_depth;
    double weight_clarity;
} anp_query_options;

#define ANP_QUERY_OPTIONS_INIT {.size = sizeof(anp_query_options)}

/*
 * Runs query against the snapshot. `options` may be NULL. Query language: README.md. No hits is
 * ANP_OK with count 0. Free with anp_results_free. ANP_INVALID for options out of range,
 * ANP_SYNTAX for a filter (or, when strict, a query) that does not parse.
 */
ANP_API ANP_MUST_USE anp_status anp_query(anp_snapshot *snapshot, const char *query,
                                          const anp_query_options *options, anp_results **out,
                                          anp_error *err);

typedef struct anp_hit {
    uint32_t rank;       /* from 1, offset included */
    const char *id;
    const char *title;   /* "" when there is none or posts are not stored */
    const char *snippet; /* NULL when not asked for */
    double score;        /* of a query */
    double bm25;
    double prior;
    double similarity; /* of a similar list */
    uint32_t ordinal;  /* our number for the post, in this snapshot */
} anp_hit;

/*
 * The id of a post by its ordinal, NUL-terminated: for those of many hits that are shown. Costs
 * some 0.2 us. ANP_INVALID for an ordinal that no live post of the snapshot has; `id` has room for
 * 256 bytes.
 */
ANP_API ANP_MUST_USE anp_status anp_ordinal_id(anp_snapshot *snapshot, uint32_t ordinal,
                                               char id[256], anp_error *err);

/* Of hits held here: at most k. */
ANP_API size_t anp_results_count(const anp_results *results);

/* Of all posts that match. For a similar list: the same as the count. */
ANP_API uint64_t anp_results_total(const anp_results *results);

/* Microseconds inside the library; 0 with ANP_QUERY_COUNT_ONLY and ANP_QUERY_ORDINALS, for which
   looking at the clock twice may take longer than the answer does. */
ANP_API uint64_t anp_results_took_us(const anp_results *results);

/* i below the count; strings live as long as the results. */
ANP_API anp_hit anp_results_hit(const anp_results *results, size_t i);

/* The query, or the id of the post that a list is of (NULL of a draft) or that represents a group;
   *title (may be NULL) is that post's title for a group, else NULL. */
ANP_API const char *anp_results_subject(const anp_results *results, const char **title);

/* How the query was understood where it did not parse ("taken as words: …"), or NULL. */
ANP_API const char *anp_results_note(const anp_results *results);

/* The explanation of hit i as indented text, one number a line, or NULL when it was not asked
   for. */
ANP_API const char *anp_results_explanation(const anp_results *results, size_t i);

/* With ANP_QUERY_TRACE: what evaluation read and skipped, as lines of text; else NULL. */
ANP_API const char *anp_results_trace(const anp_results *results);

/*
 * The JSON object of the command line, one line, no newline: query, total, took_us, hits and
 * suggestion; with ANP_QUERY_COUNT_ONLY only query and total, with ANP_QUERY_ORDINALS no took_us;
 * of a similar list id, took_us and hits; of a group representative, title, size and posts. It
 * lives as long as the results. NULL when memory is out.
 */
ANP_API const char *anp_results_json(anp_results *results);

/* NULL is allowed. */
ANP_API void anp_results_free(anp_results *results);

/* ---- Similar posts ------------------------------------------------------------------------- */

/*
 * How like two posts are, in [0, 1], over the live posts of the snapshot: N of them, df of which
 * have a feature. Exact sums in units of 2^-16; 0 / 0 is 1 where both sets are equal and not empty,
 * else 0.
 */
typedef enum anp_measure {
    ANP_MEASURE_DEFAULT = 0, /* blend */
    ANP_MEASURE_JACCARD = 1, /* shared of all 3-word shingles of the bodies */
    /* The same, a shingle weighing max(0, ln(N / max(df, 2)))³: rare ones count */
    ANP_MEASURE_TEXT = 2,
    /* Likewise of the terms of title, topic, problem and stack, with ² */
    ANP_MEASURE_ABOUT = 3,
    /* 0.4 text + 0.6 about; text alone where either post has no such terms */
    ANP_MEASURE_BLEND = 4,
} anp_measure;

enum {
    /* Of measure jaccard: compare with every post. Without it the list of one post or draft is
       chosen among the 100 (or k) posts whose sketches are nearest: quick in a fresh process. The
       other measures, and all lists that are made at once, are always exact. */
    ANP_SIMILAR_EXACT = 1,
    ANP_SIMILAR_EXPLAIN = 2, /* for anp_results_explanation and the JSON */
};

typedef struct anp_similar_options {
    size_t size;
    uint32_t k; /* 0: 10 */
    anp_measure measure;
    double similarity_min; /* 0 to 1 */
    const char *filter;    /* a query: only posts that match it are answers; NULL: all */
    uint32_t flags;
    uint32_t threads; /* 0: as many as there are processors; the answers are the same */
    uint64_t skip;    /* anp_similar_all: leaves out the lists of the first so many live posts */
    /* While posts are read ("reading") or compared; false stops with ANP_CANCELLED. */
    bool (*on_progress)(void *user, const anp_progress *so_far);
    void *user;
} anp_similar_options;

#define ANP_SIMILAR_OPTIONS_INIT {.size = sizeof(anp_similar_options)}

/*
 * The nearest posts to the live post id, itself left out; ties to the post that was added first.
 * ANP_NOT_FOUND when there is none with that id. The first few exact questions after a commit each
 * compare with all posts as the file has them (some 0.3 microseconds of a processor a post); who
 * asks on, or for an explanation, has them loaded (1.2 microseconds and 0.6 KB a post) and kept for
 * all that follow, of any snapshot of that commit. Posts of texts that repeat little are not kept
 * in that form: they are loaded at once, at 15 microseconds each.
 */
ANP_API ANP_MUST_USE anp_status anp_similar(anp_snapshot *snapshot, const char *id,
                                            const anp_similar_options *options, anp_results **out,
                                            anp_error *err);

/* The nearest posts to a draft that is not in the index: its body text. It counts as one post
   more. */
ANP_API ANP_MUST_USE anp_status anp_similar_text(anp_snapshot *snapshot, const char *text,
                                                 size_t len, const anp_similar_options *options,
                                                 anp_results **out, anp_error *err);

/*
 * Every live post's list, in ordinal order; visit gets results that it must not free. Stops early,
 * with ANP_CANCELLED, when visit returns false.
 */
ANP_API ANP_MUST_USE anp_status anp_similar_all(anp_snapshot *snapshot,
                                                const anp_similar_options *options,
                                                bool (*visit)(void *user, anp_results *results),
                                                void *user, anp_error *err);

/* A number that is the same for two runs of anp_similar_all which give the same lists: of the live
   posts, in their order, and of the options that matter. */
ANP_API ANP_MUST_USE anp_status anp_similar_fingerprint(anp_snapshot *snapshot,
                                                        const anp_similar_options *options,
                                                        uint64_t *out, anp_error *err);

/*
 * Groups of near-duplicates: posts that are joined, over others of the group, by Jaccard of at
 * least similarity_min (0: 0.8). visit gets the group as a list of its first post, which represents
 * it, with the others as hits, in ordinal order; likeness is to the first. Of options it heeds
 * similarity_min, filter, threads and on_progress.
 */
ANP_API ANP_MUST_USE anp_status anp_similar_clusters(anp_snapshot *snapshot,
                                                     const anp_similar_options *options,
                                                     bool (*visit)(void *user,
                                                                   anp_results *results),
                                                     void *user, anp_error *err);

/* ---- Posts --------------------------------------------------------------------------------- */

/* A post as it was stored, in the JSON form, one line. Free with anp_free. ANP_NOT_FOUND when
   there is none. */
ANP_API ANP_MUST_USE anp_status anp_post_json(anp_snapshot *snapshot, const char *id, char **out,
                                              size_t *len, anp_error *err);

/* The same as text for people: title, body, then the meta box with arrays as lists. Free with
   anp_free. */
ANP_API ANP_MUST_USE anp_status anp_post_text(anp_snapshot *snapshot, const char *id, char **out,
                                              size_t *len, anp_error *err);

/* Every live post in the JSON form, in ordinal order. Stops early, with ANP_CANCELLED, when
   visit returns false. */
ANP_API ANP_MUST_USE anp_status anp_posts_export(anp_snapshot *snapshot,
                                                 bool (*visit)(void *user, const char *json,
                                                               size_t len),
                                                 void *user, anp_error *err);

/* The same of a damaged index: a post that cannot be read is left out, and `damaged` is told in
   words which one and why. ANP_CORRUPT at the end when there were any. */
ANP_API ANP_MUST_USE anp_status anp_posts_salvage(anp_snapshot *snapshot,
                                                  bool (*visit)(void *user, const char *json,
                                                                size_t len),
                                                  void (*damaged)(void *user, const char *message),
                                                  void *user, anp_error *err);

ANP_API void anp_free(void *memory);

/* ---- Analysis ------------------------------------------------------------------------------ */

typedef struct anp_token {
    const char *source; /* the bytes as they stand in the text */
    const char *folded; /* normalised and case-folded */
    const char *term;   /* stemmed: what the index holds */
    const char *kind;   /* "word", "whole" or "part" of a technical word */
    uint32_t position;  /* word position, from 0 */
    uint64_t start;     /* byte range in the text */
    uint64_t end;
    bool stopword; /* dropped from queries, outside quotes */
} anp_token;

/*
 * Shows what the analyzer makes of text, token by token. `options` may be NULL (defaults); only
 * its analyzer and language matter. Needs no index.
 */
ANP_API ANP_MUST_USE anp_status anp_analyze(const char *text, size_t len,
                                            const anp_index_options *options,
                                            bool (*visit)(void *user, const anp_token *token),
                                            void *user, anp_error *err);

#ifdef __cplusplus
}
#endif

#endif
