/*
 * The formats that posts are read from: one row each, with the endings of its files and the
 * function that reads one.
 *
 * Markdown, HTML and CSV join by a row in formats.c and a reader beside it.
 */
#ifndef ANP_POST_FORMATS_H
#define ANP_POST_FORMATS_H

#include "post/import.h"
#include "post/stream.h"

/* One run of import_paths: what a reader reads from and gives to. */
typedef struct import_run {
    const import_sink *sink;
    stream in;           /* the open file */
    const char *file;    /* its path, "-" for standard input */
    anp_format format;   /* that it is read as */
    arena memory;        /* of the post in hand; wound back to start for each */
    arena_mark start;
    uint64_t bytes_done; /* of the files before this one */
    uint64_t bytes_told; /* at the last call of progress */
    uint64_t bytes_total;
    anp_status file_status; /* of the first file that could not be read to its end */
    anp_error file_error;
} import_run;

typedef struct import_format {
    anp_format format;
    const char *name;       /* as --format has it */
    const char *endings[3]; /* lower-case; NULL behind the last */
    /* Reads the open file to its end. Any status but ANP_OK stops the run. */
    anp_status (*read)(import_run *run, anp_error *err);
} import_format;

/* By the name's ending, after `.zst`, in any case of letters; NULL when there is none. */
const import_format *format_of_name(const char *path);

/* NULL when there is none. */
const import_format *format_of(anp_format format);

anp_status read_scraped(import_run *run, anp_error *err); /* formats.c */
anp_status read_json(import_run *run, anp_error *err);    /* array.c; both formats of JSON */

/* The open file is JSON Lines from here on; number is that of the first line. */
anp_status read_lines(import_run *run, uint64_t number, anp_error *err); /* formats.c */

/*
 * ---- For readers
 * -------------------------------------------------------------------------------------------
 */

/* One post, to the sink or, when it is bad, to its bad. */
anp_status run_post(import_run *run, const raw_post *raw, anp_error *err);

/* The same for JSON; line is where it begins. */
anp_status run_json(import_run *run, str json, uint64_t line, anp_error *err);

/* A post that cannot even be cut out of its file. */
anp_status run_bad(import_run *run, uint64_t line, const anp_error *reason, anp_error *err);

/*
 * The file cannot be read on: reported as bad at line, remembered for the run's end. The reader
 * returns what this returns: ANP_OK unless the sink wants to stop.
 */
anp_status run_damaged(import_run *run, uint64_t line, const anp_error *reason, anp_error *err);

/* Tells how far the run is, when a MiB was read since the last time or `now`. */
anp_status run_progress(import_run *run, bool now, anp_error *err);

#endif
