/*
 * Where posts come from: files, directories in sorted order, standard input; plain or zstd; one
 * interface for all formats.
 *
 * A format is a row in a table (formats.c): its name, its file name endings, and a function that
 * reads an open stream and calls `sink` once a post. Markdown, HTML and CSV join by adding a row,
 * gzip by a second unpacker in stream.c.
 *
 *     path ─> walk ─> open ─> (zstd) ─> a line, an element or the whole ─> post ─> sink
 */
#ifndef ANP_POST_IMPORT_H
#define ANP_POST_IMPORT_H

#include "post/post.h"

/* A post cut out of its file and not yet read: reading can be another thread's work. */
typedef struct raw_post {
    anp_format format; /* ANP_FORMAT_SCRAPED, else JSON */
    str bytes;
    str stem;         /* of its file's name; scraped posts without an id take it */
    const char *file; /* its path, "-" for standard input */
    uint64_t line;    /* where it begins */
} raw_post;

/*
 * post_from_json (bare: post_from_json_bare) or post_from_scraped; *line is where a bad one is
 * bad. ANP_BAD_POST or ANP_NOMEM otherwise. Any thread.
 */
anp_status raw_post_read(const raw_post *raw, bool bare, arena *perm, post *out, uint64_t *line,
                         anp_error *err);

typedef struct import_sink {
    /*
     * When not NULL, takes each post unread instead of `take`; bytes and stem die when the call
     * returns, file when import_paths does. Any status but ANP_OK stops the run.
     */
    anp_status (*take_raw)(void *user, const raw_post *raw, anp_error *err);
    /*
     * Takes one good post; its strings die when the call returns. line is where it begins. Any
     * status but ANP_OK stops the run.
     */
    anp_status (*take)(void *user, const post *post, const char *file, uint64_t line,
                       anp_error *err);
    /*
     * A bad post: reason says why, without the file's name. ANP_OK skips it; any other status stops
     * the run, with that status and the reason's message. Also called, with ANP_IO, for a file that
     * cannot be read to its end; line is 0 when nothing of it could be read (see below).
     */
    anp_status (*bad)(void *user, const char *file, uint64_t line, const anp_error *reason);
    /*
     * Called now and then (each file, each MiB) with what was read so far; any status but ANP_OK
     * stops the run.
     */
    anp_status (*progress)(void *user, uint64_t bytes_read, uint64_t bytes_total, anp_error *err);
    void *user;
} import_sink;

/*
 * Reads every post of every path. All of `paths` are looked at before anything is read: a missing
 * or unreadable one is ANP_NOT_FOUND or ANP_IO and nothing was taken. In a directory only files
 * with a known ending are read, others are passed over; hidden ones and links to directories too.
 * A format that is given holds for all files; else a named file with an unknown ending is
 * ANP_INVALID, and standard input is JSON Lines. JSON of either format may be one array of posts;
 * ANP_FORMAT_JSON takes objects one after the other as well, on a line each or on many.
 *
 * What a directory holds and cannot be opened (a dangling link, no permission), and a file that
 * turns out damaged half-way (a read error, zstd that is cut off), do not stop the run: what came
 * before the damage was taken, sink->bad is told, the other files are read, and the first such
 * error is what is returned at the end (ANP_IO, naming the file). So after ANP_IO from here all
 * good posts are with the sink, to be committed; none are when a path itself was refused.
 *
 * Memory: one post. A JSON array is cut into its elements as it is read.
 */
anp_status import_paths(const char *const *paths, size_t path_count, anp_format format,
                        const import_sink *sink, anp_error *err);

#endif
