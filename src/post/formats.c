/* See formats.h. The table, and the readers of scraped files and of JSON Lines. */
#include "post/formats.h"
#include "base/error.h"
#include "base/limits.h"
#include "post/lines.h"

static const import_format formats[] = {
    {ANP_FORMAT_SCRAPED, "scraped", {".txt"}, read_scraped},
    {ANP_FORMAT_JSONL, "jsonl", {".jsonl", ".ndjson"}, read_json},
    {ANP_FORMAT_JSON, "json", {".json"}, read_json},
};

enum { FORMATS = sizeof formats / sizeof *formats };

/* Takes `ending` off the end of *name, in any case of letters; a name is more than its ending. */
static bool take_ending(str *name, str ending) {
    if (name->len <= ending.len ||
        !line_equal(str_slice(*name, name->len - ending.len, name->len), ending)) {
        return false;
    }
    name->len -= ending.len;
    return true;
}

static str base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return str_from(slash ? slash + 1 : path);
}

const import_format *format_of_name(const char *path) {
    str name = base_name(path);
    take_ending(&name, STR(".zst"));
    for (size_t i = 0; i < FORMATS; i++) {
        for (size_t j = 0; formats[i].endings[j]; j++) {
            str stem = name;
            if (take_ending(&stem, str_from(formats[i].endings[j]))) {
                return &formats[i];
            }
        }
    }
    return NULL;
}

const import_format *format_of(anp_format format) {
    for (size_t i = 0; i < FORMATS; i++) {
        if (formats[i].format == format) {
            return &formats[i];
        }
    }
    return NULL;
}

/*
 * ---- Scraped text: one post a file
 * --------------------------------------------------------------------------
 */

/* The file's name without directory, .zst and last ending; empty for standard input. */
static str stem_of(const char *path) {
    str name = base_name(path);
    take_ending(&name, STR(".zst"));
    if (strcmp(path, "-") == 0) {
        return STR("");
    }
    for (size_t i = name.len; i-- > 1;) {
        if (name.data[i] == '.') {
            return str_slice(name, 0, i);
        }
    }
    return name;
}

anp_status read_scraped(import_run *run, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    stream *in = &run->in;
    while (!in->ended && stream_window(in).len <= POST_BYTES_MAX) {
        if (stream_more(in, &reason) != ANP_OK) {
            return run_damaged(run, 1, &reason, err);
        }
    }
    raw_post raw = {ANP_FORMAT_SCRAPED, stream_window(in), stem_of(run->file), run->file, 1};
    return run_post(run, &raw, err);
}

/*
 * ---- JSON Lines
 * ---------------------------------------------------------------------------------------------
 */

static anp_status take_line(import_run *run, str line, uint64_t number, anp_error *err) {
    if (str_trim(line).len) {
        TRY(run_json(run, line, number, err));
    }
    return run_progress(run, false, err);
}

/* A line is longer than a post may be: passes over the rest of it. */
static anp_status pass_line(stream *in, anp_error *err) {
    for (;;) {
        str window = stream_window(in);
        const char *end = window.len ? memchr(window.data, '\n', window.len) : NULL;
        if (end) {
            stream_skip(in, (size_t)(end - window.data) + 1);
            return ANP_OK;
        }
        stream_skip(in, window.len);
        if (in->ended) {
            return ANP_OK;
        }
        TRY(stream_more(in, err));
    }
}

static anp_status refuse_line(import_run *run, uint64_t number, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    error_set(&reason, ANP_BAD_POST,
              "the line has more than %d bytes, the most that a post may have", POST_BYTES_MAX);
    TRY(run_bad(run, number, &reason, err));
    if (pass_line(&run->in, &reason) != ANP_OK) {
        return run_damaged(run, number, &reason, err);
    }
    return ANP_OK;
}

anp_status read_lines(import_run *run, uint64_t number, anp_error *err) {
    anp_error reason = ANP_ERROR_INIT;
    stream *in = &run->in;
    size_t searched = 0; /* of the window: no line's end in there */
    for (;;) {
        str window = stream_window(in);
        const char *end = window.len > searched
                              ? memchr(window.data + searched, '\n', window.len - searched)
                              : NULL;
        size_t len = end ? (size_t)(end - window.data) : window.len;
        if (len > POST_BYTES_MAX) {
            TRY(refuse_line(run, number++, err));
            searched = 0;
        } else if (end || (in->ended && len)) {
            TRY(take_line(run, str_slice(window, 0, len), number++, err));
            stream_skip(in, len + (end ? 1 : 0));
            searched = 0;
        } else if (in->ended) {
            return ANP_OK;
        } else {
            searched = len;
            if (stream_more(in, &reason) != ANP_OK) {
                return run_damaged(run, number, &reason, err);
            }
        }
    }
}
