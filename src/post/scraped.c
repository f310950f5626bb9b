/*
 * A post as it was scraped from a page of the site: plain lines, told apart by how they look.
 *
 *     | |                                      a table rule: passed over, here and anywhere
 *     how to keep exports calm: notes          the first other line: the title
 *                                              ┐
 *     exports grow until …                     │ body, in blocks: intro, headings, paragraphs,
 *     why this matters                         │ lists, captions, code
 *       • write down the present state         ┘
 *     alphanode post meta                      opens the meta box (metabox.c)
 *     topicslow exports / redis caching
 *     Similar Posts                            ends the box and the post
 *
 * The body that comes out is a plain text: blocks with an empty line between them; a bullet is `-
 * item`, a caption stands once (its second copy, which ends in `image source: HOST`, is dropped),
 * code keeps its indentation. A post without a single blank line in its body is one block a line,
 * but for lists and runs of code.
 *
 * All is written as JSON and read by post_from_json, so that ids, values and scores have one way
 * in.
 */
#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "post/lines.h"
#include "post/metabox.h"
#include "post/post.h"

typedef enum line_kind {
    LINE_NONE, /* nothing yet */
    LINE_TEXT,
    LINE_CODE,
    LINE_HEADING,
    LINE_BULLET,
    LINE_CAPTION,
} line_kind;

typedef struct scan {
    lines in;
    str title;
    buffer body;
    buffer meta; /* the inside of its object */
    metabox box;
    bool boxed;      /* the box has begun */
    bool dense;      /* no blank lines in the body */
    bool blank;      /* the last line was blank */
    line_kind last;  /* kind of the last line of the body */
    str drop;        /* the caption's second copy that is still to come, or data NULL */
} scan;

static const str BOX_OPENS = {"alphanode post meta", 19};
static const str BOX_ENDS = {"similar posts", 13};

/* Bytes of the UTF-8 sequence at p (RFC 3629: none overlong, no surrogates), 0 when it is none. */
static size_t sequence_bytes(const unsigned char *p, size_t left) {
    unsigned char lead = p[0];
    size_t bytes = lead < 0x80   ? 1
                   : lead < 0xc2 ? 0
                   : lead < 0xe0 ? 2
                   : lead < 0xf0 ? 3
                   : lead < 0xf5 ? 4
                                 : 0;
    if (bytes > left) {
        return 0;
    }
    for (size_t i = 1; i < bytes; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    bool wrong = (lead == 0xe0 && p[1] < 0xa0) || (lead == 0xed && p[1] > 0x9f) ||
                 (lead == 0xf0 && p[1] < 0x90) || (lead == 0xf4 && p[1] > 0x8f);
    return wrong ? 0 : bytes;
}

static anp_status check_utf8(str text, anp_error *err) {
    const unsigned char *bytes = (const unsigned char *)text.data;
    uint64_t line = 1;
    for (size_t i = 0; i < text.len;) {
        if (i + 8 <= text.len && !(load_u64(bytes + i) & 0x8080808080808080u)) {
            for (size_t end = i + 8; i < end; i++) {
                line += bytes[i] == '\n';
            }
            continue;
        }
        size_t step = sequence_bytes(bytes + i, text.len - i);
        if (!step) {
            return error_at(err, ANP_BAD_POST, line,
                            "not UTF-8: byte 0x%02X; convert the file first", bytes[i]);
        }
        line += bytes[i] == '\n';
        i += step;
    }
    return ANP_OK;
}

static bool is_known_heading(str line) {
    static const str headings[] = {
        {"why this matters", 16},
        {"the practical approach", 22},
        {"production checks", 17},
        {"security and maintenance notes", 30},
        {"implementation checklist", 24},
        {"final notes", 11},
    };
    for (size_t i = 0; i < sizeof headings / sizeof *headings; i++) {
        if (line_equal(line, headings[i])) {
            return true;
        }
    }
    return false;
}

/* A line of a dense post that is not prose: indented, or it begins or ends as statements do. */
static bool looks_like_code(str line) {
    str bare = line_trim(line);
    if (!bare.len) {
        return false;
    }
    if (line.data[0] == ' ' || line.data[0] == '\t' || strchr("@#$<>{}[]()/;", bare.data[0])) {
        return true;
    }
    if (strchr(";{}[]()=\\", bare.data[bare.len - 1]) || str_ends(bare, STR("):"))) {
        return true;
    }
    return bare.len < 60 && (str_starts(bare, STR("import ")) || str_starts(bare, STR("from ")));
}

/* `copy` is `caption` again, then an optional full stop and `image source: HOST`. */
static bool is_caption_copy(str caption, str copy) {
    if (!caption.len || !str_starts(copy, caption)) {
        return false;
    }
    str tail = line_trim(str_slice(copy, caption.len, copy.len));
    if (tail.len && tail.data[0] == '.') {
        tail = line_trim(str_slice(tail, 1, tail.len));
    }
    return line_starts(tail, STR("image source:"));
}

/* The next line that is not blank, trimmed; the reader stays where it is. */
static str peek(lines in) {
    str line;
    while (lines_next(&in, &line)) {
        line = line_trim(line);
        if (line.len) {
            return line;
        }
    }
    return STR("");
}

static line_kind classify(const scan *s, str line, str bare, str *text) {
    bool hyphen = bare.len && bare.data[0] == '-';
    bool inside_code = s->last == LINE_CODE && !s->blank;
    if (line_bullet(bare, text) && !(hyphen && inside_code)) {
        return LINE_BULLET;
    }
    *text = bare;
    if (is_caption_copy(bare, peek(s->in))) {
        return LINE_CAPTION;
    }
    if (is_known_heading(bare)) {
        return LINE_HEADING;
    }
    *text = line_trim_end(line);
    bool indented = line.data[0] == ' ' || line.data[0] == '\t';
    if (s->dense ? looks_like_code(line) : indented || inside_code) {
        return LINE_CODE;
    }
    return LINE_TEXT;
}

static void add_line(scan *s, str line) {
    str bare = line_trim(line);
    if (!bare.len) {
        s->blank = true;
        return;
    }
    if (line_is_rule(line)) {
        return;
    }
    if (s->drop.data) {
        str caption = s->drop;
        s->drop = (str){0};
        if (is_caption_copy(caption, bare)) {
            return;
        }
    }
    str text;
    line_kind kind = classify(s, line, bare, &text);
    /* Code often begins flush left and goes on indented; an item goes on in an indented line. */
    bool indented = line.data[0] == ' ' || line.data[0] == '\t';
    bool same = kind == s->last ||
                (kind == LINE_CODE && ((s->last == LINE_TEXT && !s->dense) ||
                                       (s->last == LINE_BULLET && indented)));
    bool joins = same && !s->blank && kind != LINE_HEADING && kind != LINE_CAPTION &&
                 !(kind == LINE_TEXT && s->dense);
    if (s->last != LINE_NONE) {
        buffer_put_str(&s->body, joins ? STR("\n") : STR("\n\n"));
    }
    if (kind == LINE_BULLET) {
        buffer_put_str(&s->body, STR("- "));
    }
    buffer_put_str(&s->body, text);
    s->drop = kind == LINE_CAPTION ? bare : (str){0};
    s->last = kind;
    s->blank = false;
}

static bool ends_body(str bare) {
    return line_equal(bare, BOX_OPENS) || line_equal(bare, BOX_ENDS);
}

/* No blank line between the first and the last line of the body, which begins at `in`. */
static bool body_is_dense(lines in) {
    str line;
    bool begun = false, blank = false;
    while (lines_next(&in, &line)) {
        str bare = line_trim(line);
        if (ends_body(bare)) {
            break;
        }
        if (!bare.len) {
            blank = begun;
        } else if (blank) {
            return false;
        } else {
            begun |= !line_is_rule(line);
        }
    }
    return true;
}

static anp_status scan_title(scan *s, anp_error *err) {
    str line;
    while (lines_next(&s->in, &line)) {
        str bare = line_trim(line);
        if (line_equal(bare, BOX_OPENS)) {
            break;
        }
        if (bare.len && !line_is_rule(line)) {
            s->title = bare;
            return ANP_OK;
        }
    }
    return error_at(err, ANP_BAD_POST, s->in.number ? s->in.number : 1,
                    "no title: a scraped post begins with a line of text");
}

static void scan_rest(scan *s) {
    enum { BODY, BOX, BEHIND } part = BODY;
    str line;
    s->dense = body_is_dense(s->in);
    while (lines_next(&s->in, &line)) {
        str bare = line_trim(line);
        if (line_equal(bare, BOX_OPENS) && !s->boxed) {
            part = BOX;
            s->boxed = true;
            metabox_begin(&s->box, &s->meta);
        } else if (line_equal(bare, BOX_ENDS)) {
            part = BEHIND;
        } else if (part == BODY) {
            add_line(s, line);
        } else if (part == BOX) {
            metabox_line(&s->box, line);
        }
    }
    if (s->boxed) {
        metabox_finish(&s->box);
    }
}

/*
 * `alphanode-009715` gives 009715; without a source id, or with nothing behind its last hyphen,
 * the stem.
 */
static str choose_id(const scan *s, str stem) {
    str id = s->box.source_id;
    for (size_t i = id.len; i-- > 0;) {
        if (id.data[i] == '-') {
            id = str_slice(id, i + 1, id.len);
            break;
        }
    }
    return id.len ? id : stem;
}

/* Frees the parts that it joins. */
static void write_json(scan *s, str id, buffer *json) {
    buffer_put_str(json, STR("{"));
    json_put_key(json, "id");
    json_put_string(json, id);
    json_put_key(json, "title");
    json_put_string(json, s->title);
    json_put_key(json, "body");
    json_put_string(json, s->body.len ? str_make((char *)s->body.data, s->body.len) : STR(""));
    json_put_key(json, "meta");
    buffer_put_str(json, STR("{"));
    buffer_put(json, s->meta.data, s->meta.len);
    buffer_put_str(json, STR("}}"));
    json->failed |= s->body.failed || s->meta.failed;
    buffer_free(&s->body);
    buffer_free(&s->meta);
}

anp_status post_from_scraped(str text, str stem, arena *perm, post *out, anp_error *err) {
    if (text.len > POST_BYTES_MAX) {
        return error_at(err, ANP_BAD_POST, 1, "the post has %zu bytes; at most %d are read",
                        text.len, POST_BYTES_MAX);
    }
    scan s = {.in = {text, 0}};
    TRY(check_utf8(text, err));
    TRY(scan_title(&s, err));
    scan_rest(&s);
    str id = choose_id(&s, stem);
    buffer json = {0};
    write_json(&s, id, &json);
    anp_status status = ANP_OK;
    if (json.failed) {
        status = error_nomem(err, "a scraped post");
    } else if (!id.len) {
        status = error_at(err, ANP_BAD_POST, 1,
                          "no id: the meta box has no source id and there is no file name");
    } else {
        status = post_from_json(str_make((char *)json.data, json.len), perm, out, err);
    }
    if (status == ANP_BAD_POST && err) {
        err->position = 1; /* not a byte of that JSON, which nobody has seen */
    }
    buffer_free(&json);
    return status;
}
