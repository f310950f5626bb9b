/*
 * Chunks against sets of features kept by post: classes, whatever they are made of; the value in
 * the file, whole and damaged.
 */
#include "base/hash.h"
#include "base/prng.h"
#include "index/chunk_code.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { POSTS_MAX = CHUNK_POSTS < 300 ? CHUNK_POSTS : 300, FEATURES = 24, POOL = 400 };

/* Posts by what they have: ascending, distinct. */
typedef struct post_features {
    uint64_t text[FEATURES], about[FEATURES];
    size_t text_count, about_count;
} post_features;

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t draw_set(prng *p, uint32_t pool, uint64_t *out) {
    size_t count = prng_below(p, FEATURES + 1), kept = 0;
    for (size_t i = 0; i < count; i++) {
        uint64_t number = prng_below(p, pool) / 6 * 6 + prng_below(p, 1 + prng_below(p, 6));
        /* Extremes, and hashes whose first bits agree, are among them. */
        out[i] = number == 0   ? 0
                 : number == 1 ? UINT64_MAX
                 : number % 7  ? hash_mix64(number)
                               : number;
    }
    if (count) {
        qsort(out, count, sizeof *out, ascending);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || out[i] != out[i - 1]) {
            out[kept++] = out[i];
        }
    }
    return kept;
}

static void draw(prng *p, post_features *posts, uint32_t count) {
    uint32_t pool = 1 + prng_below(p, POOL);
    for (uint32_t i = 0; i < count; i++) {
        posts[i].text_count = draw_set(p, pool, posts[i].text);
        posts[i].about_count = draw_set(p, 1 + pool / 8, posts[i].about);
    }
}

/* ---- The slow and obvious twin ------------------------------------------------------------- */

static bool has(const uint64_t *set, size_t count, uint64_t hash) {
    return count && bsearch(&hash, set, count, sizeof hash, ascending);
}

static bool post_has(const post_features *p, bool about, uint64_t hash) {
    return about ? has(p->about, p->about_count, hash) : has(p->text, p->text_count, hash);
}

static bool in_class(const chunk_side *s, uint32_t class, uint32_t post) {
    for (uint32_t i = s->start[class]; i < s->start[class + 1]; i++) {
        if (s->posts[i] == post) {
            return true;
        }
    }
    return false;
}

static void check_side(const chunk_side *s, const post_features *posts, uint32_t count,
                       bool about) {
    uint32_t fresh = 0;
    size_t places = 0, want = 0;
    for (uint32_t i = 0; i < s->feature_count; i++) {
        uint32_t class = s->classes[i];
        CHECK(i == 0 || s->hashes[i] > s->hashes[i - 1]);
        CHECK(class <= fresh && class < s->class_count);
        fresh += class == fresh;
        for (uint32_t post = 0; post < count; post++) {
            CHECK_EQ_INT(in_class(s, class, post), post_has(&posts[post], about, s->hashes[i]));
        }
        places += s->start[class + 1] - s->start[class];
    }
    CHECK_EQ_INT(fresh, s->class_count);
    for (uint32_t c = 0; c < s->class_count; c++) {
        CHECK(s->start[c] < s->start[c + 1]);
        for (uint32_t i = s->start[c] + 1; i < s->start[c + 1]; i++) {
            CHECK(s->posts[i] > s->posts[i - 1]);
        }
        for (uint32_t d = 0; d < c; d++) { /* no two of the same posts */
            uint32_t n = s->start[c + 1] - s->start[c];
            bool same = n == s->start[d + 1] - s->start[d] &&
                        memcmp(s->posts + s->start[c], s->posts + s->start[d],
                               n * sizeof *s->posts) == 0;
            CHECK(!same);
        }
    }
    for (uint32_t post = 0; post < count; post++) {
        want += about ? posts[post].about_count : posts[post].text_count;
    }
    CHECK_EQ_INT(places, want);
}

/* ---- Making -------------------------------------------------------------------------------- */

static features features_of(const post_features *p) {
    return (features){p->text, p->text_count, p->about, p->about_count};
}

static void make(chunk_maker *m, const post_features *posts, uint32_t count, chunk *out) {
    chunk_maker_begin(m, SIZE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        features f = features_of(&posts[i]);
        CHECK(chunk_maker_add(m, &f));
    }
    CHECK_EQ_INT(chunk_maker_finish(m, out, NULL), ANP_OK);
    CHECK_EQ_INT(out->count, count);
}

static void check_same(const chunk *have, const chunk *want) {
    buffer a = {0}, b = {0};
    chunk_encode(have, &a);
    chunk_encode(want, &b);
    CHECK(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    buffer_free(&a);
    buffer_free(&b);
}

/* Posts that repeat features and come in any order of hashes. */
static void check_repeats(chunk_maker *m, const post_features *posts, uint32_t count,
                          const chunk *want) {
    chunk c;
    chunk_maker_begin(m, SIZE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t twice[2 * FEATURES];
        size_t n = posts[i].text_count;
        for (size_t j = 0; j < 2 * n; j++) {
            twice[j] = posts[i].text[n - 1 - j % n];
        }
        features f = {twice, 2 * n, posts[i].about, posts[i].about_count};
        CHECK(chunk_maker_add(m, &f));
    }
    CHECK_EQ_INT(chunk_maker_finish(m, &c, NULL), ANP_OK);
    check_same(&c, want);
    chunk_free(&c);
}

/* Cut into chunks and posts alone, some of them dead, joined again: as if made of the live ones. */
static void check_parts(prng *p, chunk_maker *m, const post_features *posts, uint32_t count) {
    static post_features live[POSTS_MAX];
    chunk parts[POSTS_MAX], have, want;
    uint16_t(*places)[POSTS_MAX] = calloc(POSTS_MAX, sizeof *places);
    chunk_maker *other = chunk_maker_open();
    uint32_t part_count = 0, live_count = 0;
    chunk_maker_begin(m, SIZE_MAX);
    for (uint32_t from = 0; from < count;) {
        uint32_t n = 1 + prng_below(p, prng_below(p, count - from) + 1), coming = 0;
        if (prng_below(p, 4) == 0) {
            features f = features_of(&posts[from]);
            live[live_count++] = posts[from++];
            CHECK(chunk_maker_add(m, &f));
            continue;
        }
        make(other, posts + from, n, &parts[part_count]);
        for (uint32_t i = 0; i < n; i++) {
            bool dead = prng_below(p, 3) == 0;
            places[part_count][i] = dead ? CHUNK_NOWHERE : (uint16_t)coming++;
            if (!dead) {
                live[live_count++] = posts[from + i];
            }
        }
        CHECK(chunk_maker_add_part(m, &parts[part_count], places[part_count], coming));
        part_count++;
        from += n;
    }
    CHECK_EQ_INT(chunk_maker_finish(m, &have, NULL), ANP_OK);
    make(other, live, live_count, &want);
    CHECK_EQ_INT(have.count, live_count);
    check_side(&have.text, live, live_count, false);
    check_side(&have.about, live, live_count, true);
    check_same(&have, &want);
    chunk_free(&have);
    chunk_free(&want);
    for (uint32_t i = 0; i < part_count; i++) {
        chunk_free(&parts[i]);
    }
    chunk_maker_close(other);
    free(places);
}

/* ---- The value ----------------------------------------------------------------------------- */

/* A copy of just so many bytes, so that none behind them is read unseen. */
static anp_status decode_exact(const uint8_t *bytes, size_t len, chunk *out) {
    char *exact = malloc(len + (len == 0));
    memcpy(exact, bytes, len);
    anp_status status = chunk_decode(str_make(exact, len), out, NULL);
    free(exact);
    return status;
}

static void check_value(prng *p, const chunk *c) {
    buffer value = {0};
    chunk back;
    uint32_t count;
    bool left_out;
    chunk_encode(c, &value);
    CHECK_EQ_INT(decode_exact(value.data, value.len, &back), ANP_OK);
    CHECK_EQ_INT(back.count, c->count);
    check_same(&back, c);
    chunk_free(&back);
    str bytes = str_make((const char *)value.data, value.len);
    CHECK_EQ_INT(chunk_peek(bytes, &count, &left_out, NULL), ANP_OK);
    CHECK(count == c->count && !left_out);
    for (int i = 0; i < 40; i++) { /* cut anywhere: named; flipped: named, or another whole chunk */
        size_t at = prng_below(p, (uint32_t)value.len);
        CHECK_EQ_INT(decode_exact(value.data, at, &back), ANP_CORRUPT);
        chunk_free(&back);
        uint8_t flip = (uint8_t)(1u << prng_below(p, 8));
        value.data[at] ^= flip;
        anp_status status = decode_exact(value.data, value.len, &back);
        CHECK(status == ANP_OK || status == ANP_CORRUPT);
        if (status == ANP_OK && back.text.hashes) {
            buffer again = {0};
            chunk_encode(&back, &again); /* so that every place of it was written */
            CHECK(again.len > 0);
            for (uint32_t f = 1; f < back.text.feature_count; f++) {
                CHECK(back.text.hashes[f - 1] < back.text.hashes[f]);
            }
            buffer_free(&again);
        }
        chunk_free(&back);
        value.data[at] ^= flip;
    }
    buffer_put_u8(&value, 0);
    CHECK_EQ_INT(decode_exact(value.data, value.len, &back), ANP_CORRUPT);
    chunk_free(&back);
    buffer_free(&value);
}

/* The example that chunk_code.h draws. */
static void drawn_example(void) {
    static const uint8_t want[] = {
        1, 2,                                                              /* whole, 2 posts */
        4, 3, 4, 2, 10, 0, 12, 0, 29, 0, 0x74, 1, 0, 0, 1, 2, 2, 3, 1, 1, 1, 2, /* text */
        1, 1, 1, 1, 7, 0, 1, 2,                                            /* about */
    };
    chunk_maker *m = chunk_maker_open();
    post_features posts[2] = {{.text = {10, 22, 51}, .text_count = 3},
                              {.text = {10, 22, 423}, .text_count = 3, .about = {7},
                               .about_count = 1}};
    chunk c;
    buffer value = {0};
    make(m, posts, 2, &c);
    chunk_encode(&c, &value);
    CHECK(value.len == sizeof want && memcmp(value.data, want, sizeof want) == 0);
    buffer_free(&value);
    chunk_free(&c);
    chunk_maker_close(m);
}

static void left_out(void) {
    chunk c;
    buffer value = {0};
    uint32_t count;
    bool is_left_out;
    chunk_encode_nothing(CHUNK_POSTS, &value);
    str bytes = str_make((const char *)value.data, value.len);
    CHECK_EQ_INT(chunk_peek(bytes, &count, &is_left_out, NULL), ANP_OK);
    CHECK(is_left_out && count == CHUNK_POSTS);
    CHECK_EQ_INT(chunk_decode(bytes, &c, NULL), ANP_OK);
    CHECK(c.count == CHUNK_POSTS && !c.text.hashes);
    chunk_free(&c);
    value.len = 0;
    chunk_encode_nothing(CHUNK_POSTS + 1, &value);
    bytes = str_make((const char *)value.data, value.len);
    CHECK_EQ_INT(chunk_decode(bytes, &c, NULL), ANP_CORRUPT);
    buffer_free(&value);
}

/* More distinct shingles than it may have: it says so, and takes no more. */
static void full_maker(void) {
    chunk_maker *m = chunk_maker_open();
    uint64_t hashes[3] = {1, 2, 3};
    features f = {hashes, 3, NULL, 0};
    chunk_maker_begin(m, 3);
    CHECK(chunk_maker_add(m, &f));
    CHECK(!chunk_maker_full(m));
    hashes[0] = 4;
    CHECK(chunk_maker_add(m, &f));
    CHECK(chunk_maker_full(m));
    CHECK(chunk_maker_add(m, &f));
    chunk_maker_close(m);
}

static void random_chunk(uint64_t seed) {
    static post_features posts[POSTS_MAX];
    prng p = {seed};
    uint32_t count = 1 + prng_below(&p, prng_below(&p, POSTS_MAX) + 1);
    count = count < POSTS_MAX ? count : POSTS_MAX;
    chunk_maker *m = chunk_maker_open();
    chunk c;
    draw(&p, posts, count);
    make(m, posts, count, &c);
    check_side(&c.text, posts, count, false);
    check_side(&c.about, posts, count, true);
    check_repeats(m, posts, count, &c);
    check_value(&p, &c);
    check_parts(&p, m, posts, count);
    chunk_free(&c);
    chunk_maker_close(m);
}

void test_index_chunk(void) {
    CASE("the drawn example");
    drawn_example();
    CASE("left out");
    left_out();
    CASE("too many shingles");
    full_maker();
    CASE("random chunks");
    for (uint64_t seed = 1; seed <= 60; seed++) {
        random_chunk(seed);
    }
}
