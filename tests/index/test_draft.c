/* Drafts against the analyzer, sorting and the sketch of all words: the same record of each post,
   whatever the drafter met before. */
#include "index/about.h"
#include "index/batches.h"
#include "sketch/sketch.h"
#include "text/analyzer.h"

enum { POSTS = 400, HITS_MAX = 1 << 14 };

/* The twin's own numbers of terms, as good as the index's. */
typedef struct twin {
    analyzer *analyzer;
    about *about;
    intern terms;
    forward_hit hits[HITS_MAX];
    uint64_t words[HITS_MAX];
    arena memory;
} twin;

static int by_hit(const void *a, const void *b) {
    forward_hit x = *(const forward_hit *)a, y = *(const forward_hit *)b;
    return (x > y) - (x < y);
}

/* The hits of a text, behind `count`; its words' hashes into t->words. */
static size_t take_text(twin *t, str text, bool title, size_t count, uint32_t *words) {
    text_tokens tokens;
    CHECK_EQ_INT(analyzer_run(t->analyzer, text, &t->memory, &tokens, NULL), ANP_OK);
    uint32_t held = 0;
    for (size_t i = 0; i < tokens.count && count < HITS_MAX; i++) {
        const text_token *token = &tokens.items[i];
        uint32_t term = intern_add(&t->terms, token->term, NULL);
        t->hits[count++] = forward_hit_make(term, title, token->position);
        if (token->kind != TEXT_PART) {
            t->words[held++] = hash64(token->folded.data, token->folded.len);
        }
    }
    *words = tokens.words;
    CHECK_EQ_INT(held, tokens.words);
    return count;
}

/* Record of the post but for its meta, which names number. */
static void twin_record(twin *t, const post *p, bool sketched, buffer *out) {
    uint8_t sketch[SKETCH_BYTES];
    sketch_scratch scratch = {0};
    forward_input in = {.hits = t->hits};
    size_t count = take_text(t, p->title, true, 0, &in.head.title_words);
    count = take_text(t, p->body, false, count, &in.head.body_words);
    qsort(t->hits, count, sizeof *t->hits, by_hit);
    for (size_t i = 0; i < count; i++) { /* a position has a term once */
        if (in.hit_count == 0 || t->hits[i] != t->hits[in.hit_count - 1]) {
            t->hits[in.hit_count++] = t->hits[i];
        }
    }
    for (int i = 0; i < 4; i++) {
        in.head.scores[i] = (float)p->scores[i];
    }
    if (sketched) {
        CHECK_EQ_INT(sketch_of_words(t->words, in.head.body_words, &scratch, sketch, NULL), ANP_OK);
        in.sketch = sketch;
    }
    out->len = 0;
    forward_build(&in, out);
    sketch_scratch_free(&scratch);
    arena_free(&t->memory);
}

/* The drafter's terms by the twin's numbers. */
typedef struct mapping {
    VEC(uint32_t) terms;
    VEC(draft_field) fields; /* names are in memory */
    VEC(draft_facet) facets;
    arena memory;
} mapping;

static void take_fresh(mapping *m, twin *t, const draft *d) {
    if (d->restarted) {
        m->terms.count = 0;
    }
    if (d->meta_restarted) {
        m->fields.count = m->facets.count = 0;
    }
    for (size_t i = 0; i < d->terms.count; i++) {
        uint32_t number = intern_find(&t->terms, d->terms.items[i]);
        CHECK(number != INTERN_NONE); /* a term of some post */
        CHECK(vec_push(&m->terms, number));
    }
    for (size_t i = 0; i < d->fields.count; i++) {
        draft_field field = d->fields.items[i];
        field.name = arena_str(&m->memory, field.name);
        CHECK(vec_push(&m->fields, field));
    }
    for (size_t i = 0; i < d->facets.count; i++) {
        draft_facet facet = d->facets.items[i];
        facet.text = arena_str(&m->memory, facet.text);
        CHECK(vec_push(&m->facets, facet));
    }
}

/* Each value of the post, in its order, as text and number. */
static void check_meta(const mapping *m, const draft *d, const draft_post *made, const post *p) {
    CHECK_EQ_INT(made->value_count, p->value_count);
    for (size_t i = 0; i < made->value_count && i < p->value_count; i++) {
        const draft_value *value = &d->values.items[made->value_from + i];
        const post_value *from = &p->values[i];
        const draft_field *field = &m->fields.items[value->field];
        CHECK(str_equal(field->name, from->name));
        CHECK_EQ_INT(field->kind, from->kind == POST_VALUE_TEXT     ? FIELD_TEXT
                                  : from->kind == POST_VALUE_NUMBER ? FIELD_NUMBER
                                                                    : FIELD_TEXT | FIELD_DATE);
        if (from->kind == POST_VALUE_NUMBER) {
            CHECK_EQ_INT(value->facet, DRAFT_NONE);
        } else {
            CHECK(str_equal(m->facets.items[value->facet].text, from->text));
            CHECK_EQ_INT(m->facets.items[value->facet].field, value->field);
        }
        CHECK(from->kind == POST_VALUE_TEXT ? value->number != value->number
                                            : value->number == from->number);
    }
}

/* What the post is about, of its strings alone: the drafter takes the title's words as it has read
   them. */
static void check_about(const draft *d, const draft_post *made, twin *t, const post *p) {
    about_strings strings = {.title = p->title, .topic = p->topic, .problem = p->problem,
                             .stack = p->stack, .stack_count = p->stack_count};
    const uint64_t *terms, *got = d->features.items + made->feature_at + made->shingle_count;
    size_t count;
    CHECK_EQ_INT(about_terms(t->about, &strings, &terms, &count, NULL), ANP_OK);
    if (!CHECK(made->about_count == count &&
               (count == 0 || memcmp(got, terms, count * sizeof *terms) == 0))) {
        test_note("title: %.*s", (int)p->title.len, p->title.data);
    }
}

static void check_post(const mapping *m, const draft *d, size_t place, twin *t, const post *p,
                       bool sketched) {
    const draft_post *made = &d->posts.items[place];
    const uint8_t *kept = d->kept.data;
    buffer expected = {0}, got = {0};
    forward_view view = {.head = made->head,
                         .sketch = made->terms_at > made->kept_at ? kept + made->kept_at : NULL,
                         .terms = kept + made->terms_at,
                         .terms_end = kept + made->terms_at + made->terms_len,
                         .term_count = made->term_count,
                         .map = m->terms.items};
    twin_record(t, p, sketched, &expected);
    CHECK_EQ_INT(forward_view_write(&view, &got, NULL), ANP_OK);
    CHECK(got.len == expected.len && memcmp(got.data, expected.data, got.len) == 0);
    CHECK(str_equal(made->id, p->id));
    CHECK_EQ_INT(made->status, ANP_OK);
    check_meta(m, d, made, p);
    if (sketched) {
        check_about(d, made, t, p);
    }
    buffer_free(&expected);
    buffer_free(&got);
}

/* Words of all sorts, and meta of all kinds. */
static char *odd_post(prng *p, uint32_t number) {
    static const char *const words[] = {"the", "Cache", "caches", "Node.js", "node", "camelCase",
        "C++", "c#", "naïve", "Ünïcode", "日本語", "don't", "3.14", "x86_64", "a-b", "café",
        "snake_case", "This", "\\u200d", "...", "HTTPServer2", "v1.2.3", "user@example", "ﬁne"};
    char *json = malloc(1 << 16), *at = json;
    at += sprintf(at, "{\"id\":\"p%u\",\"meta\":{\"n\":%u,\"score\":{\"quality\":%u},"
                  "\"tags\":[\"a%u\",\"b\"],\"when\":\"2024-0%u-11\",\"own\":\"o%u\"}", number,
                  prng_below(p, 9), prng_below(p, 100), prng_below(p, 5), 1 + prng_below(p, 9),
                  number);
    for (int field = 0; field < 2; field++) {
        at += sprintf(at, field ? ",\"body\":\"" : ",\"title\":\"");
        for (uint32_t i = prng_below(p, field ? 400 : 12); i > 0; i--) {
            uint32_t which = prng_below(p, 40);
            at += which < sizeof words / sizeof *words
                      ? sprintf(at, "%s%s", words[which], prng_below(p, 9) ? " " : "")
                      : sprintf(at, "word%u ", prng_below(p, 4) ? which : number * 10 + i);
        }
        at += sprintf(at, "\"");
    }
    sprintf(at, "}");
    return json;
}

/* In drafts of some posts each; now and then the drafter's numbers begin anew. */
static void against_twin(uint64_t seed, anp_analyzer kind, anp_store_mode mode) {
    catalog_settings settings = {.analyzer = kind, .store = mode, .language = "english"};
    draft_options options = {0};
    twin *t = calloc(1, sizeof *t);
    mapping m = {0};
    prng p = {seed};
    drafter *d = NULL;
    CHECK_EQ_INT(drafter_open(&settings, &d, NULL), ANP_OK);
    CHECK_EQ_INT(analyzer_open(kind, "english", &t->analyzer, NULL), ANP_OK);
    t->about = about_open(t->analyzer);
    CHECK(t->about != NULL);
    for (uint32_t number = 0; number < POSTS;) {
        draft made = {0};
        arena memory = {0};
        post posts[16];
        char *json[16];
        uint32_t count = 1 + prng_below(&p, 16);
        if (prng_below(&p, 9) == 0) {
            drafter_restart(d);
        }
        draft_begin(d, &made);
        for (uint32_t i = 0; i < count; i++) {
            buffer record = {0};
            json[i] = odd_post(&p, number++);
            CHECK_EQ_INT(post_from_json(str_from(json[i]), &memory, &posts[i], NULL), ANP_OK);
            CHECK_EQ_INT(draft_post_add(d, &options, &posts[i], &made, NULL), ANP_OK);
            twin_record(t, &posts[i], false, &record); /* the twin's terms are all numbered */
            buffer_free(&record);
        }
        draft_finish(d, &made);
        take_fresh(&m, t, &made);
        CHECK_EQ_INT(made.posts.count, count);
        for (uint32_t i = 0; i < count; i++) {
            check_post(&m, &made, i, t, &posts[i], mode == ANP_STORE_ALL);
            free(json[i]);
        }
        draft_free(&made);
        arena_free(&memory);
    }
    drafter_close(d);
    about_close(t->about);
    analyzer_close(t->analyzer);
    intern_free(&t->terms);
    free(m.terms.items);
    free(m.fields.items);
    free(m.facets.items);
    arena_free(&m.memory);
    free(t);
}

/* What a post weighs does not tell what its drafter met before. */
static void weight(void) {
    catalog_settings settings = {.store = ANP_STORE_ALL, .language = "english",
                                 .analyzer = ANP_ANALYZER_TECHNICAL};
    static const char raw[] = "{\"id\":\"x\",\"title\":\"cache\",\"body\":\"redis key key lock\"}";
    raw_post given = {ANP_FORMAT_JSON, str_make(raw, sizeof raw - 1), STR(""), "f", 7};
    draft_options options = {0};
    size_t lens[2], weights[2];
    for (int warm = 0; warm < 2; warm++) {
        drafter *d;
        draft made = {0};
        prng p = {99};
        CHECK_EQ_INT(drafter_open(&settings, &d, NULL), ANP_OK);
        draft_begin(d, &made);
        for (uint32_t i = 0; warm && i < 50; i++) {
            char *json = odd_post(&p, i);
            raw_post other = given;
            other.bytes = str_from(json);
            CHECK_EQ_INT(draft_raw_add(d, &options, &other, &made, NULL), ANP_OK);
            free(json);
        }
        CHECK_EQ_INT(draft_raw_add(d, &options, &given, &made, NULL), ANP_OK);
        const draft_post *last = &made.posts.items[made.posts.count - 1];
        CHECK_EQ_INT(last->line, 7);
        lens[warm] = last->terms_len;
        weights[warm] = last->weight;
        draft_free(&made);
        drafter_close(d);
    }
    CHECK(lens[0] < lens[1]); /* greater numbers take more bytes */
    CHECK_EQ_INT(weights[0], weights[1]);
}

void test_index_draft(void) {
    CASE("drafts against the twin");
    against_twin(1, ANP_ANALYZER_TECHNICAL, ANP_STORE_ALL);
    against_twin(2, ANP_ANALYZER_PLAIN, ANP_STORE_ALL);
    against_twin(3, ANP_ANALYZER_TECHNICAL, ANP_STORE_NONE);
    CASE("a post's weight");
    weight();
}
