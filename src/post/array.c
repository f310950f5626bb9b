/*
 * A JSON file: an array of posts, or one post.
 *
 * The array is cut into its elements here, by brackets and quotes alone, and each is given to
 * post_from_json, which checks all else: so one bad post is one report, its line is known, and
 * memory holds one post however long the array is. What is wrong between the elements ends the
 * file, as nobody knows where the next one begins.
 */
#include "base/error.h"
#include "base/limits.h"
#include "post/formats.h"

typedef struct cutter {
    import_run *run;
    uint64_t line; /* at the window's begin */
    anp_error *err;
} cutter;

/* How an element ended. */
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
} element;

/* Moves on through bytes; the count up to the element's end, or all with *done false. */
static size_t scan(element *e, str bytes, bool *done) {
    *done = false;
    for (size_t i = 0; i < bytes.len; i++) {
        char ch = bytes.data[i];
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

/* Cuts the element that begins with the window's first byte. */
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
        return refuse(c, line, err, "the file ends inside the post that begins here");
    }
    *more = true;
    if (how == CUT_TOO_LONG) {
        return refuse(c, line, err, "the post is longer than a post may be (64 MiB)");
    }
    if (!len) {
        *more = false;
        return refuse(c, line, err, "not JSON: a post was expected here");
    }
    TRY(run_json(c->run, str_slice(stream_window(&c->run->in), 0, len), line, err));
    stream_skip(&c->run->in, len);
    return run_progress(c->run, false, err);
}

/* Behind the array or the one post: nothing more. */
static anp_status expect_end(cutter *c, const char *why, anp_error *err) {
    char ch;
    if (next(c, &ch) != ANP_OK) {
        return run_damaged(c->run, c->line, c->err, err);
    }
    if (ch || stream_window(&c->run->in).len) {
        return refuse(c, c->line, err, why);
    }
    return ANP_OK;
}

static anp_status take_elements(cutter *c, anp_error *err) {
    bool more = true;
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
    return expect_end(c, "not JSON: something follows the array of posts", err);
}

anp_status read_array(import_run *run, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    cutter c = {run, 1, &reason};
    char ch;
    if (next(&c, &ch) != ANP_OK) {
        return run_damaged(run, c.line, &reason, err);
    }
    if (ch == '[') {
        stream_skip(&run->in, 1);
        return take_elements(&c, err);
    }
    if (ch != '{') {
        return refuse(&c, c.line, err, "a JSON file must hold one array of posts, or one post");
    }
    bool more;
    TRY(take_element(&c, &more, err));
    if (!more) {
        return ANP_OK;
    }
    return expect_end(&c, "more than one post; one post a line is --format jsonl", err);
}
