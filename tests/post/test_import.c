/* Files, directories, standard input, zstd: what reaches the sink, and what is reported. */
#include <zstd.h>

#include "help.h"
#include "post/import.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the sink saw, as text: `id@file:line ` for a post, `!file:line: reason` and a newline for a
 * bad one. */
typedef struct seen {
    buffer log;
    size_t strip; /* of the folder's name, in front of files */
    int posts, bads, progress;
    int stop_after; /* posts; 0: never */
    bool strict;
    bool brief; /* only counts */
    uint64_t bytes_read, bytes_total;
} seen;

static const char *short_name(const seen *s, const char *file) {
    return strlen(file) > s->strip && s->strip ? file + s->strip : file;
}

static anp_status take(void *user, const post *p, const char *file, uint64_t line, anp_error *err) {
    seen *s = user;
    char text[600];
    snprintf(text, sizeof text, "%.*s@%s:%d ", (int)p->id.len, p->id.data, short_name(s, file),
             (int)line);
    if (!s->brief) {
        buffer_put_str(&s->log, str_from(text));
    }
    if (++s->posts == s->stop_after) {
        snprintf(err->message, sizeof err->message, "enough");
        return ANP_CANCELLED;
    }
    return ANP_OK;
}

static anp_status bad(void *user, const char *file, uint64_t line, const anp_error *reason) {
    seen *s = user;
    char text[900];
    snprintf(text, sizeof text, "!%s:%d: %s\n", short_name(s, file), (int)line, reason->message);
    buffer_put_str(&s->log, str_from(text));
    s->bads++;
    return s->strict ? ANP_BAD_POST : ANP_OK;
}

static anp_status progress(void *user, uint64_t bytes_read, uint64_t bytes_total, anp_error *err) {
    seen *s = user;
    (void)err;
    CHECK(bytes_read >= s->bytes_read);
    s->bytes_read = bytes_read;
    s->bytes_total = bytes_total;
    s->progress++;
    return ANP_OK;
}

static anp_status run(seen *s, const char *const *paths, size_t count, anp_format format,
                      anp_error *err) {
    import_sink sink = {.take = take, .bad = bad, .progress = progress, .user = s};
    *s = (seen){
        .strip = s->strip, .stop_after = s->stop_after, .strict = s->strict, .brief = s->brief};
    anp_status status = import_paths(paths, count, format, &sink, err);
    buffer_put_u8(&s->log, 0);
    return status;
}

static const char *log_of(const seen *s) {
    return (const char *)s->log.data;
}

/* A file in the test's folder, whose path is returned; the folders in its name are made. */
static const char *make_file(const char *name, const void *bytes, size_t len) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", test_folder(), name);
    for (char *slash = path + strlen(test_folder()) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = 0;
        mkdir(path, 0700);
        *slash = '/';
    }
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        CHECK(!"write a file");
    }
    return text_of(str_from(path));
}

static const char *make_text(const char *name, const char *text) {
    return make_file(name, text, strlen(text));
}

static void pack(str text, buffer *out) {
    uint8_t *at = buffer_reserve(out, ZSTD_compressBound(text.len));
    out->len += ZSTD_compress(at, ZSTD_compressBound(text.len), text.data, text.len, 3);
}

/* One file in one run; the log must be as expected, %F standing for its name. */
static void check_file(const char *name, const void *bytes, size_t len, anp_format format,
                       anp_status expected, const char *log) {
    const char *path = make_file(name, bytes, len);
    seen s = {.strip = strlen(test_folder()) + 1};
    anp_error err = ANP_ERROR_INIT;
    if (!CHECK_EQ_INT(run(&s, &path, 1, format, &err), expected)) {
        test_note("%s: %s", name, err.message);
    }
    CHECK_EQ_STR(log_of(&s), log);
    buffer_free(&s.log);
}

static void check_text(const char *name, const char *text, const char *log) {
    check_file(name, text, strlen(text), ANP_FORMAT_AUTO, ANP_OK, log);
}

static void lines(void) {
    CASE("JSON Lines");
    check_text("a.jsonl", "{\"id\":1}\n\n \t\r\n{\"id\":2}\r\n{\"id\":3}",
               "1@a.jsonl:1 2@a.jsonl:4 3@a.jsonl:5 ");
    check_text("a.ndjson", "", "");
    check_text("a.NDJSON", "\n", "");
    check_text("a.jsonl", "\xef\xbb\xbf{\"id\":1}\n\xef\xbb\xbf{\"id\":2}\n",
               "1@a.jsonl:1 !a.jsonl:2: not JSON: byte order mark (BOM) is not supported at byte "
               "0, which is 0xEF\n");
    check_text(
        "a.jsonl", "{\"id\":1}\n{\"id\":\n{}\n{\"id\":4}\n",
        "1@a.jsonl:1 !a.jsonl:2: not JSON: unexpected end of data at byte 6\n"
        "!a.jsonl:3: no id; every post needs a key \"id\", a string or an integer\n4@a.jsonl:4 ");
    CASE("a line over the limit");
    size_t len = (size_t)POST_BYTES_MAX + 300;
    char *big = malloc(len);
    if (!CHECK(big != NULL)) {
        return;
    }
    memset(big, ' ', len);
    memcpy(big, "{\"id\":1}\n", 9);
    memcpy(big + len - 10, "\n{\"id\":3}\n", 10);
    check_file("big.jsonl", big, len, ANP_FORMAT_AUTO, ANP_OK,
               "1@big.jsonl:1 !big.jsonl:2: the line has more than 67108864 bytes, the most that a "
               "post may have\n3@big.jsonl:3 ");
    check_file("big.jsonl", big, len - 20, ANP_FORMAT_AUTO, ANP_OK,
               "1@big.jsonl:1 !big.jsonl:2: the line has more than 67108864 bytes, the most that a "
               "post may have\n");
    free(big);
}

static void arrays(void) {
    CASE("JSON files");
    check_text("a.json", " {\"id\":1} \n", "1@a.json:1 ");
    check_text(
        "a.json",
        "\xef\xbb\xbf[{\"id\":1},\n\n{\"id\":\"a]}\\\"\"}\n,{\n\"id\":[]\n},{\n\"id\":\n4}]\n",
        "1@a.json:1 a]}\"@a.json:3 !a.json:4: the id is neither a string nor an "
        "integer\n4@a.json:6 ");
    check_text("a.json", "[]", "");
    check_text("a.json", "[ 5, \"x\" ,null]",
               "!a.json:1: a post must be a JSON object, this is a number\n"
               "!a.json:1: a post must be a JSON object, this is a string\n"
               "!a.json:1: a post must be a JSON object, this is null\n");
    check_text("a.json", "[5\n\n,{}]",
               "!a.json:1: a post must be a JSON object, this is a number\n"
               "!a.json:3: no id; every post needs a key \"id\", a string or an integer\n");
    CASE("an array under the endings of JSON Lines");
    check_text("a.jsonl", "\n [\n{\"id\":1},\n{\n\"id\":2},{}\n]\n",
               "1@a.jsonl:3 2@a.jsonl:4 !a.jsonl:5: no id; every post needs a key \"id\", a string "
               "or an integer\n");
    check_text("a.ndjson", "\xef\xbb\xbf[{\"id\":1}]", "1@a.ndjson:1 ");
    check_text("a.jsonl", "\n\n {\"id\":1}\n[]\n",
               "1@a.jsonl:3 !a.jsonl:4: a post must be a JSON object, this is an array\n");
    CASE("JSON files that end or go on wrongly");
    check_text("a.json", "", "!a.json:1: the file is empty, it has no post\n");
    check_text("a.json", "\n7", "!a.json:2: not JSON: a post was expected here\n");
    check_text("a.json", "[{\"id\":1}",
               "1@a.json:1 !a.json:1: not JSON: `,` or `]` was expected after a post\n");
    check_text("a.json", "[{\"id\":1},]",
               "1@a.json:1 !a.json:1: not JSON: a post was expected here\n");
    check_text("a.json", "[{\"id\":1},\n",
               "1@a.json:1 !a.json:2: not JSON: a post was expected here\n");
    check_text("a.json", "[{\"id\":1}\n{\"id\":2}]",
               "1@a.json:1 !a.json:2: not JSON: `,` or `]` was expected after a post\n");
    check_text("a.json", "[{\"id\":1}]\n]",
               "1@a.json:1 !a.json:2: not JSON: something follows the array of posts\n");
    check_text("a.json", "[\n{\"id\":1},\n{\"id\":\"2\n\n]",
               "1@a.json:2 !a.json:3: the file ends inside the post that begins here\n");
    CASE("NUL bytes");
    check_file("a.json", "{\"id\":1}\0", 9, ANP_FORMAT_AUTO, ANP_OK,
               "1@a.json:1 !a.json:1: not JSON: a post was expected here\n");
    CASE("a post over the limit in an array");
    size_t len = (size_t)POST_BYTES_MAX + 300;
    char *big = malloc(len);
    if (!CHECK(big != NULL)) {
        return;
    }
    memset(big, '\n', len);
    memcpy(big, "[{", 2);
    memcpy(big + len - 12, "},{\"id\":3}]\n", 12);
    char expected[200];
    snprintf(expected, sizeof expected,
             "!big.json:1: the post is longer than a post may be (64 MiB)\n3@big.json:%zu ",
             len - 13);
    check_file("big.json", big, len, ANP_FORMAT_AUTO, ANP_OK, expected);
    free(big);
}

static void objects(void) {
    CASE("JSON files with posts one after the other");
    check_text("a.json", "{\"id\":1}\n{\"id\":2}\n", "1@a.json:1 2@a.json:2 ");
    check_text("a.json", "\n{\"id\":1} {\"id\":2}{\n\"id\":3}\r\n\r\n{\"id\":4}",
               "1@a.json:2 2@a.json:2 3@a.json:2 4@a.json:5 ");
    check_text("a.json", "{\n  \"id\": 1,\n  \"meta\": {\n  }\n}\n{\n  \"id\": \"}\\\"\"\n}\n",
               "1@a.json:1 }\"@a.json:6 ");
    check_text("a.json", "{\"id\":1,\"meta\":\n{},\"x\":[\n{\"id\":7},\n{}]}\n{\"id\":2}\n",
               "1@a.json:1 2@a.json:5 ");
    check_file("a.jsonl", "{\n\"id\":1}\n{\"id\":2}\n", 19, ANP_FORMAT_JSON, ANP_OK,
               "1@a.jsonl:1 2@a.jsonl:3 ");
    CASE("a bad post among them does not take the next ones along");
    check_text("a.json", "{\"id\":1}\n{}\n{\"id\":3}",
               "1@a.json:1 !a.json:2: no id; every post needs a key \"id\", a string or an "
               "integer\n3@a.json:3 ");
    check_text("a.json", "{\"id\":\"1}\n{\"id\":2}\n",
               "!a.json:1: not JSON: a string has no end on its line\n2@a.json:2 ");
    check_text("a.json", "{\"id\":1,\n\"x\":[2\n{\"id\":2}\n",
               "!a.json:1: not JSON: the next post begins before the one that begins here has "
               "ended\n2@a.json:3 ");
    check_text("a.json", "{\"id\":\n{}\n{\"id\":4}\n",
               "!a.json:1: not JSON: the next post begins before the one that begins here has "
               "ended\n!a.json:2: no id; every post needs a key \"id\", a string or an "
               "integer\n4@a.json:3 ");
    check_text("a.json", "{\"id\":1 {\"id\":2}}\n{\"id\":3}\n",
               "!a.json:1: not JSON: unexpected character, expected a comma or a closing brace at "
               "byte 8\n3@a.json:2 ");
    check_text("a.json", "{\"id\":1}},\n x\n{\"id\":2}\nx",
               "1@a.json:1 !a.json:1: not JSON: a post was expected here\n"
               "2@a.json:3 !a.json:4: not JSON: a post was expected here\n");
    check_text("a.json", "{\"id\":1}\n{\"id\":2,\n\"x\":\n{\"id\":3}\n",
               "1@a.json:1 !a.json:2: the file ends inside the post that begins here\n3@a.json:4 ");
    CASE("depth and length have an end");
    char deep[200] = "";
    memset(deep, '[', 150);
    memcpy(deep, "{\"x\":", 5);
    memcpy(deep + 150, "\n{\"id\":2}\n", 11);
    check_text("a.json", deep,
               "!a.json:1: nested deeper than 64 levels; flatten the post\n2@a.json:2 ");
    size_t len = (size_t)POST_BYTES_MAX + 300;
    char *big = malloc(len);
    if (!CHECK(big != NULL)) {
        return;
    }
    memset(big, ' ', len);
    memcpy(big, "{\n", 2);
    memcpy(big + len - 10, "\n{\"id\":3}\n", 10);
    check_file("big.json", big, len, ANP_FORMAT_AUTO, ANP_OK,
               "!big.json:1: the post is longer than a post may be (64 MiB)\n3@big.json:3 ");
    free(big);
}

/*
 * The same random posts as an array with odd blanks, as lines, and one after the other with odd
 * blanks must be the same posts.
 */
static void array_twin(void) {
    static const char *const blanks[] = {"", " ", "\n", "\t\r\n"};
    CASE("an array and posts one after the other give what lines give");
    for (uint64_t seed = 1; seed <= 30; seed++) {
        prng r = {seed};
        buffer array = {0}, plain = {0}, loose = {0};
        buffer_put_str(&array, STR("["));
        uint32_t posts = prng_below(&r, 400);
        for (uint32_t i = 0; i < posts; i++) {
            char json[300];
            int pad = (int)prng_below(&r, 20);
            snprintf(json, sizeof json, "{\"id\":%u,\"x\":[\"]\\\\\",{\"a\":\"\\\"%*s\"}]}", i, pad,
                     prng_below(&r, 2) ? "}" : "[");
            buffer_put_str(&array, i ? STR(",") : STR(""));
            buffer_put_str(&array, str_from(blanks[prng_below(&r, 4)]));
            buffer_put_str(&array, str_from(json));
            buffer_put_str(&array, str_from(blanks[prng_below(&r, 4)]));
            buffer_put_str(&loose, str_from(json));
            buffer_put_str(&loose, str_from(blanks[prng_below(&r, 4)]));
            buffer_put_str(&plain, str_from(json));
            buffer_put_str(&plain, STR("\n"));
        }
        buffer_put_str(&array, STR("]"));
        const char *paths[] = {make_file("twin.json", array.data, array.len),
                               make_file("twin.jsonl", plain.data, plain.len),
                               make_file("loose.json", loose.data, loose.len),
                               make_file("array.jsonl", array.data, array.len)};
        seen a = {.brief = true}, b = {.brief = true}, all = {.brief = true};
        bool same = run(&a, &paths[0], 1, ANP_FORMAT_AUTO, NULL) == ANP_OK &&
                    run(&b, &paths[1], 1, ANP_FORMAT_AUTO, NULL) == ANP_OK &&
                    run(&all, paths, 4, ANP_FORMAT_JSON, NULL) == ANP_OK &&
                    a.posts == (int)posts && b.posts == (int)posts && !a.bads && !b.bads &&
                    all.posts == 4 * (int)posts && all.bads == (posts ? 0 : 2);
        if (!CHECK(same)) {
            test_note("seed %llu: %d and %d of %u", (unsigned long long)seed, a.posts, b.posts,
                      posts);
        }
        buffer_free(&array);
        buffer_free(&plain);
        buffer_free(&loose);
        buffer_free(&a.log);
        buffer_free(&b.log);
        buffer_free(&all.log);
    }
}

static void scraped_files(void) {
    CASE("scraped files");
    check_text("my.post.txt", "| |\n\na title\n", "my.post@my.post.txt:1 ");
    check_text("a.TXT", "\xef\xbb\xbfx\nalphanode post meta\npayload\n- source id: a-7\n",
               "7@a.TXT:1 ");
    check_text("a.txt", "a title\n\nok\n\xff\n",
               "!a.txt:4: not UTF-8: byte 0xFF; convert the file first\n");
    check_text("a.txt", "", "!a.txt:1: no title: a scraped post begins with a line of text\n");
    check_file("noending", "a title\n", 8, ANP_FORMAT_SCRAPED, ANP_OK, "noending@noending:1 ");
    check_file("a.jsonl", "a title\n", 8, ANP_FORMAT_SCRAPED, ANP_OK, "a@a.jsonl:1 ");
}

static void packed_files(void) {
    buffer frames = {0};
    CASE("zstd: several frames, skippable ones, known by name or first bytes");
    pack(STR("{\"id\":1}\n{\"i"), &frames);
    buffer_put(&frames, "\x50\x2a\x4d\x18\x03\x00\x00\x00zzz", 11);
    pack(STR("d\":2}\n"), &frames);
    check_file("a.jsonl.zst", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_OK,
               "1@a.jsonl.zst:1 2@a.jsonl.zst:2 ");
    check_file("a.jsonl", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_OK,
               "1@a.jsonl:1 2@a.jsonl:2 ");
    CASE("zstd that is cut off, at every byte, or damaged");
    for (size_t len = 0; len < frames.len; len++) {
        const char *path = make_file("cut.jsonl.zst", frames.data, len);
        seen s = {0};
        anp_error err = ANP_ERROR_INIT;
        anp_status status = run(&s, &path, 1, ANP_FORMAT_AUTO, &err);
        /* Between the frames the cut leaves whole zstd data, whose last line is no post. */
        bool whole = status == ANP_OK && s.bads == 1 && s.posts == 1;
        CHECK(whole ||
              (status == ANP_IO && s.bads == 1 && strstr(err.message, "cut.jsonl.zst") != NULL));
        CHECK(!whole || strstr(log_of(&s), "2: not JSON") != NULL);
        buffer_free(&s.log);
    }
    frames.data[0] ^= 1;
    check_file("a.jsonl.zst", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_IO,
               "!a.jsonl.zst:1: cannot unpack its zstd data: Unknown frame descriptor; get it "
               "anew\n");
    check_file("a.txt.zst", "", 0, ANP_FORMAT_AUTO, ANP_IO,
               "!a.txt.zst:0: it is empty, not zstd; get it anew\n");
    buffer_free(&frames);
    pack(STR("{\"id\":1}\n"), &frames);
    size_t whole_len = frames.len;
    pack(STR("{\"id\":2}\n"), &frames);
    check_file("half.jsonl.zst", frames.data, whole_len + 8, ANP_FORMAT_AUTO, ANP_IO,
               "1@half.jsonl.zst:1 !half.jsonl.zst:2: its zstd data is cut off; get it anew\n");
    check_file("half.json.zst", frames.data, whole_len + 8, ANP_FORMAT_AUTO, ANP_IO,
               "1@half.json.zst:1 !half.json.zst:2: its zstd data is cut off; get it anew\n");
    buffer_free(&frames);
    CASE("zstd of every format");
    pack(STR("\xef\xbb\xbfmy title\n"), &frames);
    check_file("b.txt.zst", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_OK, "b@b.txt.zst:1 ");
    buffer_free(&frames);
    pack(STR("[{\"id\":5}]"), &frames);
    check_file("b.json.ZST", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_OK, "5@b.json.ZST:1 ");
    check_file("b.jsonl.zst", frames.data, frames.len, ANP_FORMAT_AUTO, ANP_OK,
               "5@b.jsonl.zst:1 ");
    buffer_free(&frames);
    CASE("a megabyte of posts in 4 KB, lines across all borders");
    buffer text = {0};
    for (int i = 0; i < 3000; i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"id\":%d,\"body\":\"", i);
        buffer_put_str(&text, str_from(json));
        for (int n = 0; n < (i * 37) % 700; n++) {
            buffer_put_u8(&text, 'x');
        }
        buffer_put_str(&text, STR("\"}\n"));
    }
    pack(str_make((char *)text.data, text.len), &frames);
    const char *paths[] = {make_file("m.jsonl.zst", frames.data, frames.len),
                           make_file("m.jsonl", text.data, text.len)};
    seen s = {.brief = true};
    CHECK_EQ_INT(run(&s, paths, 2, ANP_FORMAT_AUTO, NULL), ANP_OK);
    CHECK_EQ_INT(s.posts, 6000);
    CHECK_EQ_INT(s.bads, 0);
    CHECK_EQ_INT(s.bytes_total, frames.len + text.len);
    CHECK_EQ_INT(s.bytes_read, s.bytes_total);
    CHECK(s.progress >= 3);
    buffer_free(&s.log);
    buffer_free(&text);
    buffer_free(&frames);
}

static void walks(void) {
    char path[600], other[600];
    CASE("directories are walked in byte order");
    make_text("w/b.txt", "t\n");
    make_text("w/B.jsonl", "{\"id\":1}\n{\"id\":2}\n");
    make_text("w/a/z.json", "[{\"id\":3}]");
    make_text("w/a/deep/er/x.txt", "t\n");
    make_text("w/a.txt", "t\n");
    make_text("w/.hidden.txt", "t\n");
    make_text("w/.git/c.txt", "t\n");
    make_text("w/readme.md", "t\n");
    make_text("w/.txt", "t\n");
    snprintf(path, sizeof path, "%s/w/a/loop", test_folder());
    CHECK_EQ_INT(symlink("..", path), 0);
    snprintf(path, sizeof path, "%s/w/c.txt", test_folder());
    CHECK_EQ_INT(symlink("b.txt", path), 0);
    snprintf(path, sizeof path, "%s/w/d.txt", test_folder());
    CHECK_EQ_INT(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/w", test_folder());
    const char *paths[3] = {path, path, path};
    seen s = {.strip = strlen(path) + 1};
    static const char once[] = "1@B.jsonl:1 2@B.jsonl:2 x@a/deep/er/x.txt:1 3@a/z.json:1 a@a.txt:1 "
                               "b@b.txt:1 c@c.txt:1 ";
    CHECK_EQ_INT(run(&s, paths, 1, ANP_FORMAT_AUTO, NULL), ANP_OK);
    CHECK_EQ_STR(log_of(&s), once);
    CHECK_EQ_INT(s.bytes_total, 18 + 10 + 2 * 4);
    CHECK_EQ_INT(s.bytes_read, s.bytes_total);
    buffer_free(&s.log);
    CASE("what is named twice is read twice; one slash is enough");
    snprintf(other, sizeof other, "%s/", path);
    paths[1] = other;
    CHECK_EQ_INT(run(&s, paths, 2, ANP_FORMAT_AUTO, NULL), ANP_OK);
    CHECK_EQ_INT(s.posts, 14);
    CHECK(strncmp(log_of(&s) + strlen(once), once, strlen(once)) == 0);
    buffer_free(&s.log);
    CASE("a format that is given holds for all");
    CHECK_EQ_INT(run(&s, paths, 1, ANP_FORMAT_SCRAPED, NULL), ANP_OK);
    CHECK_EQ_STR(log_of(&s),
                 "B@B.jsonl:1 x@a/deep/er/x.txt:1 z@a/z.json:1 a@a.txt:1 b@b.txt:1 c@c.txt:1 ");
    buffer_free(&s.log);
}

/* Takes the file away that is read next. */
static anp_status take_and_remove(void *user, const post *p, const char *file, uint64_t line,
                                  anp_error *err) {
    char path[600];
    snprintf(path, sizeof path, "%s/u/z.jsonl", test_folder());
    unlink(path);
    return take(user, p, file, line, err);
}

static void unreadable_entries(void) {
    char path[600], folder[600];
    anp_error err = ANP_ERROR_INIT;
    CASE("what a directory holds and cannot be read keeps nothing else from being read");
    make_text("u/a.jsonl", "{\"id\":1}\n");
    make_text("u/d/a.txt", "t\n");
    make_text("u/y.jsonl", "{\"id\":2}\n");
    make_text("u/z.jsonl", "{\"id\":3}\n");
    snprintf(path, sizeof path, "%s/u/b.txt", test_folder());
    CHECK_EQ_INT(symlink("nowhere", path), 0);
    snprintf(path, sizeof path, "%s/u/d/loop.json", test_folder());
    CHECK_EQ_INT(symlink("loop.json", path), 0);
    snprintf(path, sizeof path, "%s/u/dangling.md", test_folder());
    CHECK_EQ_INT(symlink("nowhere", path), 0);
    snprintf(folder, sizeof folder, "%s/u", test_folder());
    const char *one = folder;
    seen s = {.strip = strlen(folder) + 1};
    import_sink sink = {
        .take = take_and_remove, .bad = bad, .progress = progress, .user = &s};
    CHECK_EQ_INT(import_paths(&one, 1, ANP_FORMAT_AUTO, &sink, &err), ANP_IO);
    buffer_put_u8(&s.log, 0);
    CHECK_EQ_STR(log_of(&s), "1@a.jsonl:1 !b.txt:0: cannot read it: No such file or directory\n"
                             "a@d/a.txt:1 !d/loop.json:0: cannot read it: Too many levels of "
                             "symbolic links\n2@y.jsonl:1 !z.jsonl:0: cannot open it: No such file "
                             "or directory\n");
    snprintf(path, sizeof path, "cannot read all of %s/b.txt: cannot read it: No such", folder);
    CHECK(strncmp(err.message, path, strlen(path)) == 0);
    CHECK_EQ_INT(err.os_code, ENOENT);
    buffer_free(&s.log);
    s = (seen){.strict = true};
    CASE("strict stops there");
    CHECK_EQ_INT(run(&s, &one, 1, ANP_FORMAT_AUTO, &err), ANP_BAD_POST);
    CHECK_EQ_INT(s.posts, 1);
    buffer_free(&s.log);
    if (geteuid() == 0) { /* root may read anything */
        return;
    }
    CASE("files and directories without permission");
    const char *closed = make_text("v/a.jsonl", "{\"id\":1}\n");
    make_text("v/b.jsonl", "{\"id\":2}\n");
    make_text("v/c/a.jsonl", "{\"id\":3}\n");
    snprintf(path, sizeof path, "%s/v/c", test_folder());
    snprintf(folder, sizeof folder, "%s/v", test_folder());
    CHECK_EQ_INT(chmod(closed, 0), 0);
    CHECK_EQ_INT(chmod(path, 0), 0);
    s = (seen){.strip = strlen(folder) + 1};
    CHECK_EQ_INT(run(&s, &one, 1, ANP_FORMAT_AUTO, &err), ANP_IO);
    CHECK_EQ_STR(log_of(&s), "!a.jsonl:0: cannot read it: Permission denied\n2@b.jsonl:1 "
                             "!c:0: cannot read it: Permission denied\n");
    buffer_free(&s.log);
    CASE("a directory that is named itself is refused");
    const char *shut = path;
    CHECK_EQ_INT(run(&s, &shut, 1, ANP_FORMAT_AUTO, &err), ANP_IO);
    CHECK_EQ_INT(s.bads, 0);
    CHECK(strstr(err.message, path) != NULL);
    buffer_free(&s.log);
    CHECK_EQ_INT(chmod(path, 0700), 0);
}

static void check_refused(const char *good, const char *path, anp_format format,
                          anp_status expected, const char *message) {
    const char *paths[] = {good, path};
    seen s = {0};
    anp_error err = ANP_ERROR_INIT;
    CHECK_EQ_INT(run(&s, paths, 2, format, &err), expected);
    CHECK_EQ_INT(s.posts, 0);
    if (!CHECK(strstr(err.message, message) && strstr(err.message, path))) {
        test_note("%s", err.message);
    }
    buffer_free(&s.log);
}

static void refusals(void) {
    char path[600];
    CASE("nothing is read when a path is wrong");
    const char *good = make_text("good.jsonl", "{\"id\":1}\n");
    snprintf(path, sizeof path, "%s/missing.jsonl", test_folder());
    check_refused(good, path, ANP_FORMAT_AUTO, ANP_NOT_FOUND, "No such file");
    check_refused(good, "", ANP_FORMAT_AUTO, ANP_NOT_FOUND, "No such file");
    snprintf(path, sizeof path, "%s/good.jsonl/x.txt", test_folder());
    check_refused(good, path, ANP_FORMAT_AUTO, ANP_IO, "Not a directory");
    check_refused(good, make_text("x.md", "t\n"), ANP_FORMAT_AUTO, ANP_INVALID, "--format");
    check_refused(good, make_text("x.zst", "t\n"), ANP_FORMAT_AUTO, ANP_INVALID, "--format");
    snprintf(path, sizeof path, "%s/dangling.txt", test_folder());
    CHECK_EQ_INT(symlink("nowhere", path), 0);
    check_refused(good, path, ANP_FORMAT_AUTO, ANP_NOT_FOUND, "No such file");
    const char *one = good;
    seen s = {0};
    CHECK_EQ_INT(run(&s, &one, 1, (anp_format)9, NULL), ANP_INVALID);
    buffer_free(&s.log);
    if (geteuid() != 0) { /* root may read anything */
        const char *closed = make_text("closed.jsonl", "{\"id\":1}\n");
        CHECK_EQ_INT(chmod(closed, 0), 0);
        check_refused(good, closed, ANP_FORMAT_AUTO, ANP_IO, "Permission denied");
    }
}

static void stops(void) {
    const char *path = make_text("s.jsonl", "{\"id\":1}\n{}\n{\"id\":3}\n");
    anp_error err = ANP_ERROR_INIT;
    CASE("the sink may stop the run");
    seen s = {.stop_after = 1};
    CHECK_EQ_INT(run(&s, &path, 1, ANP_FORMAT_AUTO, &err), ANP_CANCELLED);
    CHECK_EQ_STR(err.message, "enough");
    CHECK_EQ_INT(s.bads, 0);
    buffer_free(&s.log);
    s = (seen){.strict = true};
    CHECK_EQ_INT(run(&s, &path, 1, ANP_FORMAT_AUTO, &err), ANP_BAD_POST);
    CHECK_EQ_INT(s.posts, 1);
    CHECK_EQ_INT(err.position, 2);
    CHECK(strstr(err.message, "no id") != NULL);
    buffer_free(&s.log);
    CASE("a damaged file does not keep the next from being read");
    const char *paths[] = {make_text("0.jsonl.zst", "no zstd"), path};
    s = (seen){.strip = strlen(test_folder()) + 1};
    CHECK_EQ_INT(run(&s, paths, 2, ANP_FORMAT_AUTO, &err), ANP_IO);
    CHECK(strstr(err.message, "0.jsonl.zst") != NULL);
    CHECK_EQ_INT(s.posts, 2);
    CHECK_EQ_INT(s.bads, 2);
    buffer_free(&s.log);
}

static void standard_input(void) {
    static const char *const dash = "-";
    CASE("standard input: JSON Lines, or the given format; plain or zstd");
    buffer packed = {0};
    pack(STR("{\"id\":1}\n{\"id\":2}"), &packed);
    struct {
        const char *path;
        anp_format format;
        const char *log;
    } rows[] = {
        {make_text("in", "{\"id\":1}\n{\"id\":2}"), ANP_FORMAT_AUTO, "1@-:1 2@-:2 "},
        {make_file("packed", packed.data, packed.len), ANP_FORMAT_AUTO, "1@-:1 2@-:2 "},
        {make_text("array", "[{\"id\":1}]"), ANP_FORMAT_JSON, "1@-:1 "},
        {make_text("pretty", "[\n  {\n    \"id\": 1\n  },\n  {\n    \"id\": 2\n  }\n]\n"),
         ANP_FORMAT_AUTO, "1@-:2 2@-:5 "},
        {make_text("in", "{\"id\":1}\n{\"id\":2}"), ANP_FORMAT_JSON, "1@-:1 2@-:2 "},
        {make_text("objects", "{\n\"id\":1\n}\n{\n\"id\":2\n}\n"), ANP_FORMAT_JSON,
         "1@-:1 2@-:4 "},
        {make_text("text", "t\nalphanode post meta\npayload\n- source id: 9\n"), ANP_FORMAT_SCRAPED,
         "9@-:1 "},
        {make_text("noid", "t\n"), ANP_FORMAT_SCRAPED,
         "!-:1: no id: the meta box has no source id and there is no file name\n"},
    };
    int kept = dup(STDIN_FILENO);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int fd = open(rows[i].path, O_RDONLY);
        CHECK(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
        seen s = {0};
        CHECK_EQ_INT(run(&s, &dash, 1, rows[i].format, NULL), ANP_OK);
        CHECK_EQ_STR(log_of(&s), rows[i].log);
        CHECK_EQ_INT(s.bytes_total, 0);
        buffer_free(&s.log);
        close(fd);
    }
    dup2(kept, STDIN_FILENO);
    close(kept);
    buffer_free(&packed);
}

void test_post_import(void) {
    lines();
    arrays();
    objects();
    array_twin();
    scraped_files();
    packed_files();
    walks();
    unreadable_entries();
    refusals();
    stops();
    standard_input();
}
