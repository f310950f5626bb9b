/* Stats, terms and verify of an index that changed, against counting; exports. */
#include "api/help.h"
#include "base/prng.h"

#include <stdlib.h>

/* ---- Counts -------------------------------------------------------------------------------- */

static const char *const vocabulary[] = {"apple", "apricot", "banana", "berry", "cherry", "citron"};
enum { VOCABULARY = 6, POSTS = 150, TITLE_WEIGHT = 2 };

typedef struct counted {
    bool live;
    uint32_t body[VOCABULARY], title[VOCABULARY]; /* occurrences */
} counted;

static size_t put_words(prng *p, char *at, uint32_t most, uint32_t counts[VOCABULARY]) {
    size_t len = 0;
    memset(counts, 0, VOCABULARY * sizeof *counts);
    for (uint32_t count = prng_below(p, most); count > 0; count--) {
        uint32_t word = prng_below(p, prng_below(p, VOCABULARY) + 1);
        len += (size_t)sprintf(at + len, "%s ", vocabulary[word]);
        counts[word]++;
    }
    at[len] = 0;
    return len;
}

static void add_counted(prng *p, anp_writer *w, uint32_t id, counted *out) {
    char json[2000], title[200], body[1000];
    put_words(p, title, 5, out->title);
    put_words(p, body, 40, out->body);
    sprintf(json, "{\"id\":\"%u\",\"title\":\"%s\",\"body\":\"%s\"}", id, title, body);
    add(w, json);
    out->live = true;
}

typedef struct term_check {
    const counted *posts;
    const char *prefix;
    uint32_t next; /* of the vocabulary */
    uint32_t stop_at;
    uint32_t seen;
} term_check;

/* df and cf of a word by a walk over all posts. */
static uint32_t count_word(const counted *posts, uint32_t word, uint64_t *cf) {
    uint32_t df = 0;
    *cf = 0;
    for (int i = 0; i < POSTS; i++) {
        if (posts[i].live) {
            df += posts[i].body[word] + posts[i].title[word] > 0;
            *cf += posts[i].body[word] + TITLE_WEIGHT * posts[i].title[word];
        }
    }
    return df;
}

static bool check_term(void *user, const anp_term *term) {
    term_check *check = user;
    uint64_t cf = 0;
    uint32_t df = 0;
    while (check->next < VOCABULARY && df == 0) {
        if (strncmp(vocabulary[check->next], check->prefix, strlen(check->prefix)) == 0) {
            df = count_word(check->posts, check->next, &cf);
        }
        check->next++;
    }
    CHECK(df > 0);
    CHECK_EQ_STR(term->text, vocabulary[check->next - 1]);
    CHECK_EQ_INT(term->df, df);
    CHECK_EQ_INT(term->cf, cf);
    return ++check->seen < check->stop_at;
}

static void check_terms(anp_snapshot *s, const counted *posts) {
    static const char *const prefixes[] = {"", "a", "ap", "b", "apple", "citrons", "qui"};
    static const uint32_t found[] = {6, 2, 2, 2, 1, 0, 0};
    for (int i = 0; i < 7; i++) {
        term_check check = {posts, prefixes[i], 0, UINT32_MAX, 0};
        CHECK_EQ_INT(anp_snapshot_terms(s, prefixes[i], check_term, &check, NULL), ANP_OK);
        CHECK_EQ_INT(check.seen, found[i]);
    }
    term_check folded = {posts, "ap", 0, UINT32_MAX, 0}, all = {posts, "", 0, 4, 0};
    CHECK_EQ_INT(anp_snapshot_terms(s, "AP", check_term, &folded, NULL), ANP_OK);
    CHECK_EQ_INT(folded.seen, 2);
    CHECK_EQ_INT(anp_snapshot_terms(s, NULL, check_term, &all, NULL), ANP_OK);
    CHECK_EQ_INT(all.seen, 4); /* stopped by visit */
}

static void check_stats(anp_snapshot *s, const counted *posts) {
    anp_stats stats = ANP_STATS_INIT;
    uint64_t live = 0, words = 0;
    for (int i = 0; i < POSTS; i++) {
        live += posts[i].live;
        for (int word = 0; word < VOCABULARY && posts[i].live; word++) {
            words += posts[i].body[word] + TITLE_WEIGHT * posts[i].title[word];
        }
    }
    if (!CHECK_EQ_INT(anp_snapshot_stats(s, &stats, NULL), ANP_OK)) {
        return;
    }
    CHECK_EQ_INT(stats.size, sizeof stats);
    CHECK_EQ_INT(stats.posts_live, live);
    CHECK(stats.posts_deleted > 0);
    CHECK_EQ_INT(stats.words, words);
    CHECK_NEAR(stats.length_average, (double)words / (double)live, 1e-12);
    CHECK_EQ_INT(stats.terms, VOCABULARY + 1); /* the dead one too */
    CHECK_EQ_INT(stats.analyzer, ANP_ANALYZER_TECHNICAL);
    CHECK_EQ_INT(stats.store, ANP_STORE_ALL);
    CHECK_EQ_STR(stats.language, "none");
    CHECK_EQ_INT(stats.title_weight, TITLE_WEIGHT);
    CHECK(stats.format_version > 0 && stats.file_bytes >= 4096 && stats.table_count > 5);
    for (size_t i = 0; i < stats.table_count; i++) {
        CHECK(stats.tables[i].name && stats.tables[i].name[0]);
        bool ids = strcmp(stats.tables[i].name, "ids") == 0;
        CHECK(!ids || stats.tables[i].entries == live);
    }
}

static void counts(void) {
    static counted posts[POSTS];
    prng p = {3};
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    options.language = "none";
    options.title_weight = TITLE_WEIGHT;
    anp_index *index = open_index("counts", ANP_OPEN_CREATE, &options);
    anp_writer *w = NULL;
    anp_snapshot *s = NULL;
    char id[20];
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    for (uint32_t i = 0; i < POSTS; i++) {
        add_counted(&p, w, i, &posts[i]);
    }
    add(w, "{\"id\":\"dead\",\"title\":\"\",\"body\":\"quince\"}");
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_delete(w, "dead", NULL), ANP_OK);
    for (uint32_t i = 0; i < POSTS; i += 4) {
        add_counted(&p, w, i, &posts[i]); /* replaced */
        snprintf(id, sizeof id, "%u", i + 1);
        CHECK_EQ_INT(anp_writer_delete(w, id, NULL), ANP_OK);
        CHECK_EQ_INT(anp_writer_delete(w, id, NULL), ANP_NOT_FOUND);
        posts[i + 1].live = false;
    }
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    if (CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK)) {
        check_terms(s, posts);
        check_stats(s, posts);
    }
    anp_snapshot_close(s);
    check_verifies(index);
    anp_index_close(index);
}

/* ---- Export -------------------------------------------------------------------------------- */

typedef struct exported {
    char *lines[20];
    size_t lens[20];
    size_t count, stop_at;
} exported;

static bool take_line(void *user, const char *json, size_t len) {
    exported *e = user;
    e->lines[e->count] = malloc(len);
    memcpy(e->lines[e->count], json, len);
    e->lens[e->count++] = len;
    return e->count < e->stop_at;
}

static void export_all(anp_index *index, exported *out) {
    anp_snapshot *s = NULL;
    *out = (exported){.stop_at = 20};
    if (CHECK_EQ_INT(anp_snapshot_open(index, &s, NULL), ANP_OK)) {
        CHECK_EQ_INT(anp_posts_export(s, take_line, out, NULL), ANP_OK);
        exported some = {.stop_at = 2};
        CHECK_EQ_INT(anp_posts_export(s, take_line, &some, NULL), ANP_CANCELLED);
        CHECK_EQ_INT(some.count, 2);
        free(some.lines[0]);
        free(some.lines[1]);
    }
    anp_snapshot_close(s);
}

static void export_round_trip(void) {
    static const char odd[] =
        "{\"id\":\"a\",\"title\":\"Redis / cache\",\"body\":\"one\\nline \\u0001 \\\"two\\\"\","
        "\"meta\":{\"topic\":\"slow pages / redis caching\",\"score\":{\"quality\":12.5},"
        "\"own\":{\"deep\":[1,2.25,null,true,{\"k\":\"\xc3\xa9\"}]},\"flags\":{\"has_images\":1}}}";
    static const char large[] = "{\"id\":\"b\",\"content\":\"c\",\"meta\":{\"tags\":[],"
                                "\"last_reviewed\":\"2024-02-29\",\"big\":18446744073709551615}}";
    static const char *const posts[] = {"{\"id\":\"gone\",\"title\":\"x\",\"body\":\"y\"}", odd,
                                        "{\"id\":17,\"text\":\"by another name\",\"extra\":-1e-7}",
                                        "{\"id\":\"empty\"}", large};
    anp_index *index = open_index("export", ANP_OPEN_CREATE, NULL);
    anp_index *again = open_index("export2", ANP_OPEN_CREATE, NULL);
    anp_writer *w = NULL;
    exported first, second;
    CHECK_EQ_INT(anp_writer_open(index, &w, NULL), ANP_OK);
    for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
        add(w, posts[i]);
    }
    CHECK_EQ_INT(anp_writer_delete(w, "gone", NULL), ANP_OK);
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    export_all(index, &first);
    CHECK_EQ_INT(anp_writer_open(again, &w, NULL), ANP_OK);
    for (size_t i = 0; i < first.count; i++) {
        CHECK_EQ_INT(anp_writer_add(w, first.lines[i], first.lens[i], NULL), ANP_OK);
    }
    CHECK_EQ_INT(anp_writer_commit(w, NULL), ANP_OK);
    anp_writer_close(w);
    export_all(again, &second);
    CHECK_EQ_INT(first.count, 4);
    CHECK_EQ_INT(second.count, first.count);
    for (size_t i = 0; i < first.count && i < second.count; i++) {
        bool same = CHECK_EQ_INT(second.lens[i], first.lens[i]) &&
                    CHECK(memcmp(second.lines[i], first.lines[i], first.lens[i]) == 0);
        if (!same) {
            test_note("%.*s", (int)first.lens[i], first.lines[i]);
            test_note("%.*s", (int)second.lens[i], second.lines[i]);
        }
    }
    for (size_t i = 0; i < first.count; i++) {
        free(first.lines[i]);
    }
    for (size_t i = 0; i < second.count; i++) {
        free(second.lines[i]);
    }
    anp_index_close(index);
    anp_index_close(again);
}

void test_api_counts(void) {
    CASE("stats and terms count the live posts");
    counts();
    CASE("an export gives the same export again");
    export_round_trip();
}
