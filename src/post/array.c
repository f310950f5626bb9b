/*
 * JSON: an array of posts, or posts one after the other, each on a line or on many.
 *
 * They are cut apart here, by brackets and quotes alone, and each is given to post_from_json,
 * which checks all else: so one bad post is one report, its line is known, and memory holds one
 * post however long the file is.
 *
 * What is wrong between the elements of an array ends the file, as nobody knows where the next one
 * begins. Among posts one after the other a post that has no end costs itself and what follows, up
 * to the next line that begins with `{`. Such lines may be looked at again, once for each level
 * that is open there, hence JSON_DEPTH_MAX times at most.
 */
#include "base/error.h"
#include "base/limits.h"
#include "post/formats.h"

static const char TOO_LONG[] = "the post is longer than a post may be (64 MiB)";
static const char NO_END[] = "the file ends inside the post that begins here";

typedef struct cutter {
    import_run *run;
    uint64_t line; /* at the window's begin */
    anp_error *err;
} cutter;

/* How an element of an array ended. */
typedef enum cut {
    CUT_DONE,     /* its bytes are the window's first *len */
    CUT_TOO_LONG, /* passed over */
    CUT_SHORT,    /* the file ended inside */
} cut;

static bool is_blank(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/*
 * The next byte that is no white space, which stays; 0 at the end of the file. NUL bytes are taken
 * for an end too.
 */
static anp_status next(cutter *c, char *out) {
    stream *in = &c->run->in;
    for (;;) {
        str window = stream_window(in);
        size_t i = 0;
        while (i < window.len && is_blank(window.data[i])) {
            c->line += window.data[i++] == '\n';
        }
        stream_skip(in, i);
        if (i < window.len) {
            *out = window.data[i];
            return ANP_OK;
        }
        if (in->ended) {
            *out = 0;
            return ANP_OK;
        }
        TRY(stream_more(in, c->err));
    }
}

/* Where a scan through an element stands. */
typedef struct element {
    int64_t depth;
    bool in_string;
    bool escaped;
    uint64_t lines;
    bool alone;      /* not in an array: `broken` is looked for */
    bool line_begun; /* the byte before was a line's end */
    char before;     /* the last byte that was no white space */
    const char *broken;
} element;

/*
 * A post that is not in an array cannot go on with ch: a line's end in a string, a line that begins
 * with `{` where no value may stand, more depth than a post may have. Found here, as an unclosed
 * quote or brace would swallow all posts that follow.
 */
static bool breaks(element *e, char ch) {
    bool line_begun = e->line_begun;
    e->line_begun = ch == '\n';
    if (e->in_string) {
        e->broken = ch == '\n' ? "not JSON: a string has no end on its line" : NULL;
    } else if ((ch == '{' || ch == '[') && e->depth > JSON_DEPTH_MAX) {
        e->broken = "nested deeper than 64 levels; flatten the post";
    } else if (ch == '{' && line_begun && e->depth && !strchr(":,[", e->before)) {
        e->broken = "not JSON: the next post begins before the one that begins here has ended";
    }
    e->before = is_blank(ch) ? e->before : ch;
    return e->broken;
}

/* Moves on through bytes; the count up to the element's end, or all with *done false. */
static size_t scan(element *e, str bytes, bool *done) {
    *done = false;
    for (size_t i = 0; i < bytes.len; i++) {
        char ch = bytes.data[i];
        if (e->alone && breaks(e, ch)) {
            return i;
        }
        e->lines += ch == '\n';
        if (e->escaped) {
            e->escaped = false;
        } else if (e->in_string) {
            e->escaped = ch == '\\';
            e->in_string = ch != '"';
            *done = !e->in_string && !e->depth;
        } else if (ch == '"') {
            e->in_string = true;
        } else if (ch == '{' || ch == '[') {
            e->depth++;
        } else if (e->depth && (ch == '}' || ch == ']')) {
            *done = --e->depth == 0;
        } else if (!e->depth && (is_blank(ch) || ch == ',' || ch == ']' || ch == '}')) {
            e->lines -= ch == '\n';
            *done = true; /* a bare word or number ended before this byte */
            return i;
        }
        if (*done) {
            return i + 1;
        }
    }
    return bytes.len;
}

/* Cuts the element of an array that begins with the window's first byte. */
static anp_status cut_element(cutter *c, cut *how, size_t *len) {
    stream *in = &c->run->in;
    element e = {0};
    size_t at = 0;
    bool done = false;
    *how = CUT_DONE;
    for (;;) {
        str window = stream_window(in);
        at += scan(&e, str_slice(window, at, window.len), &done);
        if (at > POST_BYTES_MAX) {
            *how = CUT_TOO_LONG;
        }
        if (*how == CUT_TOO_LONG) {
            stream_skip(in, at);
            at = 0;
        }
        if (done || in->ended) {
            break;
        }
        TRY(stream_more(in, c->err));
    }
    if (!done && (e.depth || e.in_string)) {
        *how = CUT_SHORT;
    }
    *len = at;
    c->line += e.lines;
    return ANP_OK;
}

static anp_status refuse(cutter *c, uint64_t line, anp_error *err, const char *why) {
    anp_error reason = ANP_ERROR_INIT;
    error_set(&reason, ANP_BAD_POST, "%s", why);
    return run_bad(c->run, line, &reason, err);
}

/* Cuts one element and hands it over; *more is false when the file is done for. */
static anp_status take_element(cutter *c, bool *more, anp_error *err) {
    uint64_t line = c->line;
    cut how;
    size_t len;
    *more = false;
    if (cut_element(c, &how, &len) != ANP_OK) {
        return run_damaged(c->run, c->line, c->err, err);
    }
    if (how == CUT_SHORT) {
        return refuse(c, line, err, NO_END);
    }
    *more = true;
    if (how == CUT_TOO_LONG) {
        return refuse(c, line, err, TOO_LONG);
    }
    if (!len) {
        *more = false;
        return refuse(c, line, err, "not JSON: a post was expected here");
    }
    TRY(run_json(c->run, str_slice(stream_window(&c->run->in), 0, len), line, err));
    stream_skip(&c->run->in, len);
    return run_progress(c->run, false, err);
}

/* Behind the array: nothing more. */
static anp_status expect_end(cutter *c, anp_error *err) {
    char ch;
    if (next(c, &ch) != ANP_OK) {
        return run_damaged(c->run, c->line, c->err, err);
    }
    if (ch || stream_window(&c->run->in).len) {
        return refuse(c, c->line, err, "not JSON: something follows the array of posts");
    }
    return ANP_OK;
}

/* The window begins with the array's `[`. */
static anp_status take_elements(cutter *c, anp_error *err) {
    bool more = true;
    stream_skip(&c->run->in, 1);
    for (size_t count = 0;; count++) {
        char ch;
        if (next(c, &ch) != ANP_OK) {
            return run_damaged(c->run, c->line, c->err, err);
        }
        if (ch == ']' && !count) {
            break;
        }
        TRY(take_element(c, &more, err));
        if (!more) {
            return ANP_OK;
        }
        if (next(c, &ch) != ANP_OK) {
            return run_damaged(c->run, c->line, c->err, err);
        }
        if (ch == ']') {
            break;
        }
        if (ch != ',') {
            return refuse(c, c->line, err, "not JSON: `,` or `]` was expected after a post");
        }
        stream_skip(&c->run->in, 1);
    }
    stream_skip(&c->run->in, 1);
    return expect_end(c, err);
}

/*
 * Cuts the post that begins with the window's first byte, `{`: *len bytes, or *broken says why it
 * has no end; then the line stays at its beginning.
 */
static anp_status cut_object(cutter *c, size_t *len, const char **broken) {
    stream *in = &c->run->in;
    element e = {.alone = true};
    bool done = false;
    *len = 0;
    for (;;) {
        str window = stream_window(in);
        *len += scan(&e, str_slice(window, *len, window.len), &done);
        if (*len > POST_BYTES_MAX) {
            e.broken = TOO_LONG;
        }
        if (done || e.broken || in->ended) {
            break;
        }
        TRY(stream_more(in, c->err));
    }
    if (!done && !e.broken) {
        e.broken = NO_END;
    }
    *broken = e.broken;
    c->line += e.broken ? 0 : e.lines;
    return ANP_OK;
}

/* Passes over the rest of this line, and over the next ones until one begins with `{`. */
static anp_status pass_lines(cutter *c) {
    stream *in = &c->run->in;
    bool line_begun = false;
    for (;;) {
        str window = stream_window(in);
        if (!window.len && in->ended) {
            return ANP_OK;
        }
        if (!window.len) {
            TRY(stream_more(in, c->err));
            continue;
        }
        if (line_begun && window.data[0] == '{') {
            return ANP_OK;
        }
        const char *end = memchr(window.data, '\n', window.len);
        line_begun = end != NULL;
        c->line += line_begun;
        stream_skip(in, end ? (size_t)(end - window.data) + 1 : window.len);
    }
}

/* The post that the window begins with; *more is false when the file is done for. */
static anp_status take_object(cutter *c, char first, bool *more, anp_error *err) {
    uint64_t line = c->line;
    const char *broken = "not JSON: a post was expected here";
    size_t len;
    *more = false;
    if (first == '{' && cut_object(c, &len, &broken) != ANP_OK) {
        return run_damaged(c->run, c->line, c->err, err);
    }
    if (broken) {
        TRY(refuse(c, line, err, broken));
        if (pass_lines(c) != ANP_OK) {
            return run_damaged(c->run, c->line, c->err, err);
        }
    } else {
        TRY(run_json(c->run, str_slice(stream_window(&c->run->in), 0, len), line, err));
        stream_skip(&c->run->in, len);
    }
    *more = true;
    return run_progress(c->run, false, err);
}

static anp_status take_objects(cutter *c, anp_error *err) {
    bool more = true;
    for (size_t count = 0; more; count++) {
        char first;
        if (next(c, &first) != ANP_OK) {
            return run_damaged(c->run, c->line, c->err, err);
        }
        if (!stream_window(&c->run->in).len) {
            return count ? ANP_OK : refuse(c, c->line, err, "the file is empty, it has no post");
        }
        TRY(take_object(c, first, &more, err));
    }
    return ANP_OK;
}

anp_status read_json(import_run *run, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    cutter c = {run, 1, &reason};
    char first;
    if (next(&c, &first) != ANP_OK) {
        return run_damaged(run, c.line, &reason, err);
    }
    if (first == '[') {
        return take_elements(&c, err);
    }
    return run->format == ANP_FORMAT_JSON ? take_objects(&c, err) : read_lines(run, c.line, err);
}
