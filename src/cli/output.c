/* See output.h. */
#include "cli/output.h"

#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MESSAGE_BYTES = 2048, BUFFER_BYTES = 1 << 16 };

/* ---- Results ---- */

void output_open(output *o) {
    const char *no_color = getenv("NO_COLOR");
    *o = (output){.file = stdout};
    o->terminal = isatty(STDOUT_FILENO) == 1;
    o->colour = o->terminal && !(no_color && *no_color);
    setvbuf(stdout, NULL, _IOFBF, BUFFER_BYTES);
}

static bool open_partial(output *o, const char *path, const char *mode) {
    static const char suffix[] = ".partial";
    *o = (output){.path = path};
    o->partial = malloc(strlen(path) + sizeof suffix);
    if (!o->partial) {
        fail(EXIT_IO, "cannot write %s: out of memory", path);
        return false;
    }
    memcpy(o->partial, path, strlen(path));
    memcpy(o->partial + strlen(path), suffix, sizeof suffix);
    o->file = fopen(o->partial, mode);
    if (!o->file) {
        fail(EXIT_IO, "cannot write %s: %s", o->partial, strerror(errno));
        free(o->partial);
        return false;
    }
    setvbuf(o->file, NULL, _IOFBF, BUFFER_BYTES);
    return true;
}

bool output_open_file(output *o, const char *path) {
    return open_partial(o, path, "we");
}

bool output_resume_file(output *o, const char *path, uint64_t kept) {
    if (!open_partial(o, path, kept ? "r+e" : "we")) {
        return false;
    }
    o->resumable = true;
    if (kept && (ftruncate(fileno(o->file), (off_t)kept) != 0 ||
                 fseeko(o->file, (off_t)kept, SEEK_SET) != 0)) {
        fail(EXIT_IO, "cannot write %s: %s", o->partial, strerror(errno));
        fclose(o->file);
        free(o->partial);
        return false;
    }
    return true;
}

static void note_failure(output *o) {
    if (!o->failed) {
        o->failed = true;
        o->os_code = errno;
    }
}

void output_bytes(output *o, const void *bytes, size_t len) {
    if (!o->failed && len && fwrite(bytes, 1, len, o->file) != len) {
        note_failure(o);
    }
}

void output_text(output *o, const char *text) {
    output_bytes(o, text, strlen(text));
}

void output_format(output *o, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!o->failed && vfprintf(o->file, format, arguments) < 0) {
        note_failure(o);
    }
    va_end(arguments);
}

void output_buffer(output *o, const buffer *b) {
    if (b->failed && !o->failed) {
        errno = ENOMEM;
        note_failure(o);
    }
    output_bytes(o, b->data, b->failed ? 0 : b->len);
}

/* U+0080 to U+009F are commands to some terminals; in UTF-8 they are C2 80 to C2 9F. */
static size_t control_bytes(const unsigned char *at) {
    if (at[0] < 0x20 || at[0] == 0x7f) {
        return 1;
    }
    return at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f ? 2 : 0;
}

/*
 * Writes text with its control characters made blanks, except that those of `keep` stay, and marks
 * may mean bold.
 */
static void write_clean(output *o, const char *text, const char *keep, bool marks) {
    const unsigned char *from = (const unsigned char *)text, *at = from;
    while (*at) {
        size_t control = strchr(keep, *at) ? 0 : control_bytes(at);
        if (!control) {
            at++;
            continue;
        }
        output_bytes(o, from, (size_t)(at - from));
        if (!marks || (*at != MARK_OPEN[0] && *at != MARK_CLOSE[0])) {
            output_text(o, " ");
        } else if (o->colour) {
            output_text(o, *at == MARK_OPEN[0] ? "\x1b[1m" : "\x1b[0m");
        }
        from = at += control;
    }
    output_bytes(o, from, (size_t)(at - from));
}

void output_clean(output *o, const char *text) {
    write_clean(o, text, "", true);
}

void output_clean_lines(output *o, const char *text) {
    write_clean(o, text, "\n\t", false);
}

void output_field(output *o, const char *text) {
    for (size_t len; *text; text += len + (text[len] != 0)) {
        len = strcspn(text, "\t\r\n");
        output_bytes(o, text, len);
        if (text[len]) {
            output_text(o, " ");
        }
    }
}

void output_id(output *o, const char *id, const char *others) {
    for (const unsigned char *at = (const unsigned char *)id; *at;) {
        size_t control = control_bytes(at);
        if (control || strchr(others, *at)) {
            output_text(o, "_");
            at += control ? control : 1;
        } else {
            output_bytes(o, at++, 1);
        }
    }
}

void output_flush(output *o) {
    if (!o->failed && fflush(o->file) != 0) {
        note_failure(o);
    }
}

/* Closes the file behind o, and gives it its name or removes it. */
static void settle_file(output *o, bool whole) {
    if (!o->failed && whole && fsync(fileno(o->file)) != 0 && errno != EINVAL) {
        note_failure(o);
    }
    if (fclose(o->file) != 0) {
        note_failure(o);
    }
    if (!o->failed && whole && rename(o->partial, o->path) != 0) {
        note_failure(o);
    }
    if (!o->resumable && (o->failed || !whole)) {
        unlink(o->partial);
    }
    free(o->partial);
}

int output_close(output *o, bool whole, int status) {
    output_flush(o);
    if (o->path) {
        settle_file(o, whole);
    }
    if (!o->failed) {
        return status;
    }
    if (o->os_code == EPIPE) {
        return EXIT_IO;
    }
    return fail(EXIT_IO, "cannot write %s: %s", o->path ? o->path : "to standard output",
                strerror(o->os_code));
}

/* ---- Messages ---- */

__attribute__((format(printf, 1, 0))) static void say_list(const char *format, va_list arguments) {
    char line[MESSAGE_BYTES];
    vsnprintf(line, sizeof line, format, arguments);
    for (unsigned char *at = (unsigned char *)line; *at; at++) {
        if (control_bytes(at)) {
            *at = '?';
        }
    }
    buffer valid = {0};
    text_put_valid(&valid, str_from(line));
    const char *bytes = valid.failed ? "out of memory" : (const char *)valid.data;
    int len = valid.failed ? (int)strlen(bytes) : (int)valid.len;
    fprintf(stderr, "anpsearch: %.*s\n", len, bytes);
    buffer_free(&valid);
}

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
}

int fail(int status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
    return status;
}

bool fail_usage(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    say_list(format, arguments);
    va_end(arguments);
    return false;
}

static int exit_of(anp_status status) {
    switch (status) {
    case ANP_OK:
        return EXIT_DONE;
    case ANP_NOT_FOUND:
        return EXIT_NOTHING;
    case ANP_INVALID:
    case ANP_SYNTAX:
    case ANP_LIMIT:
    case ANP_UNSUPPORTED:
        return EXIT_USAGE;
    case ANP_BAD_POST:
        return EXIT_SKIPPED;
    case ANP_CANCELLED:
        return EXIT_INTERRUPTED;
    case ANP_IO:
    case ANP_CORRUPT:
    case ANP_FORMAT:
    case ANP_NOMEM:
    case ANP_BUSY:
    case ANP_NOSPACE:
        break;
    }
    return EXIT_IO;
}

int fail_status(anp_status status, const anp_error *err) {
    if (status != ANP_OK) {
        say("%s", err->message[0] ? err->message : anp_status_name(status));
    }
    return exit_of(status);
}

int fail_file(anp_status status, const anp_error *err) {
    int code = fail_status(status, err);
    return status == ANP_NOT_FOUND ? EXIT_IO : code;
}
