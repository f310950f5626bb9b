/*
 * Where bytes go: results to standard output or a file, all else to standard error.
 *
 * Writing never fails on the spot: the first failure is kept, later writes are dropped, and
 * output_close tells. Loops that can be long ask `failed` to stop early.
 */
#ifndef ANP_CLI_OUTPUT_H
#define ANP_CLI_OUTPUT_H

#include "anpsearch.h"
#include "base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* DESIGN section 9. */
enum {
    EXIT_DONE = 0,
    EXIT_NOTHING = 1,
    EXIT_USAGE = 2,
    EXIT_IO = 3,
    EXIT_SKIPPED = 4,
    EXIT_INTERRUPTED = 130,
    EXIT_TERMINATED = 143,
};

typedef struct output {
    FILE *file;
    const char *path; /* NULL: standard output */
    char *partial;    /* the name until it is whole */
    bool resumable; /* the partial file stays where it is not whole */
    bool failed;
    int os_code; /* of the first failure */
    bool terminal;
    bool colour; /* terminal, and NO_COLOR is not set */
} output;

/* Opens standard output for writing. */
void output_open(output *o);

/* Makes `path`.partial; false after a message. */
bool output_open_file(output *o, const char *path);

/* The same, going on behind the first `kept` bytes of what is there. */
bool output_resume_file(output *o, const char *path, uint64_t kept);

void output_bytes(output *o, const void *bytes, size_t len);
void output_text(output *o, const char *text);
void output_format(output *o, const char *format, ...) __attribute__((format(printf, 2, 3)));
void output_buffer(output *o, const buffer *b);

/*
 * Text of a post for people: control characters become blanks (a post must not command the
 * terminal), except MARK_OPEN and MARK_CLOSE, which become bold and plain where there is colour,
 * else nothing.
 */
void output_clean(output *o, const char *text);
#define MARK_OPEN "\x01"
#define MARK_CLOSE "\x02"

/* The same for many lines: ends of lines and tabs stay, marks are blanks too. */
void output_clean_lines(output *o, const char *text);

/* A field of tab-separated values. */
void output_field(output *o, const char *text);

/*
 * An id where a program reads a line a hit: control characters, and those of `others`, become _.
 */
void output_id(output *o, const char *id, const char *others);

void output_flush(output *o);

/*
 * Flushes, closes, and gives a file its name if `whole`, else removes it. Returns `status`, or
 * EXIT_IO after a message (none when the reader of a pipe has gone).
 */
int output_close(output *o, bool whole, int status);

/* Standard error: "anpsearch: MESSAGE", one line, whatever bytes were typed. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same; each returns what its name says. */
int fail(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool fail_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Whether the library's status is one that the command goes on with; else says the message. */
int fail_status(anp_status status, const anp_error *err);

/* The same where ANP_NOT_FOUND means a file, not a post. */
int fail_file(anp_status status, const anp_error *err);

#endif
