/* See shared.h. */
#include "similar/shared.h"

#include "base/error.h"
#include "base/hash.h"
#include "post/post.h"
#include "sketch/sketch.h"
#include "text/analyzer.h"

#include <stdlib.h>

/* A feature of one post. */
typedef struct named {
    uint64_t hash;
    str name;
} named;

typedef struct named_set {
    named *items; /* ascending by hash, distinct */
    size_t count;
} named_set;

static int by_hash(const void *a, const void *b) {
    const named *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

static void make_set(named_set *set) {
    size_t kept = 0;
    if (set->count) {
        qsort(set->items, set->count, sizeof *set->items, by_hash);
    }
    for (size_t i = 0; i < set->count; i++) {
        if (i == 0 || set->items[i].hash != set->items[i - 1].hash) {
            set->items[kept++] = set->items[i];
        }
    }
    set->count = kept;
}

static anp_status shingles_of(snapshot *s, str body, arena *perm, named_set *out, anp_error *err) {
    text_tokens tokens;
    analyzer *a = snapshot_analyzer(s);
    if (!a) {
        return error_nomem(err, "an explanation");
    }
    TRY(analyzer_run(a, body, perm, &tokens, err));
    str *words = arena_array(perm, str, tokens.count + 1);
    uint64_t *hashes = arena_array(perm, uint64_t, 2 * tokens.count + 1);
    out->items = arena_array(perm, named, tokens.count + 1);
    if (!words || !hashes || !out->items) {
        return error_nomem(err, "an explanation");
    }
    size_t count = 0;
    for (size_t i = 0; i < tokens.count; i++) {
        if (tokens.items[i].kind != TEXT_PART) {
            words[count] = tokens.items[i].folded;
            hashes[count] = sketch_word(words[count]);
            count++;
        }
    }
    uint64_t *shingles = hashes + tokens.count;
    out->count = sketch_hashes(hashes, count, shingles);
    for (size_t i = 0; i < out->count; i++) {
        const str *w = words + i;
        str name = arena_format(perm, "%.*s %.*s %.*s", (int)w[0].len, w[0].data, (int)w[1].len,
                                w[1].data, (int)w[2].len, w[2].data);
        if (!name.data) {
            return error_nomem(err, "an explanation");
        }
        out->items[i] = (named){shingles[i], name};
    }
    make_set(out);
    return ANP_OK;
}

static anp_status add_terms(snapshot *s, str text, arena *perm, named_set *out, size_t room,
                            anp_error *err) {
    text_tokens tokens;
    analyzer *a = snapshot_analyzer(s);
    if (!a) {
        return error_nomem(err, "an explanation");
    }
    TRY(analyzer_run(a, text, perm, &tokens, err));
    for (size_t i = 0; i < tokens.count && out->count < room; i++) {
        str term = tokens.items[i].term;
        if (!analyzer_is_stopword(a, tokens.items[i].folded)) {
            out->items[out->count++] = (named){hash64(term.data, term.len), term};
        }
    }
    return ANP_OK;
}

static anp_status terms_of(snapshot *s, const post_brief *brief, arena *perm, named_set *out,
                           anp_error *err) {
    /* A text of n bytes has at most 2 n tokens: words, and the parts of technical ones. */
    size_t room = 2 * (brief->title.len + brief->topic.len + brief->problem.len) + 1;
    for (size_t i = 0; i < brief->stack_count; i++) {
        room += 2 * brief->stack[i].len;
    }
    *out = (named_set){arena_array(perm, named, room), 0};
    if (!out->items) {
        return error_nomem(err, "an explanation");
    }
    TRY(add_terms(s, brief->title, perm, out, room, err));
    TRY(add_terms(s, brief->topic, perm, out, room, err));
    TRY(add_terms(s, brief->problem, perm, out, room, err));
    for (size_t i = 0; i < brief->stack_count; i++) {
        TRY(add_terms(s, brief->stack[i], perm, out, room, err));
    }
    make_set(out);
    return ANP_OK;
}

/* ---- Comparing ----------------------------------------------------------------------------- */

static int heaviest_first(const void *a, const void *b) {
    const shared_feature *x = a, *y = b;
    if (x->weight != y->weight) {
        return x->weight > y->weight ? -1 : 1;
    }
    return str_compare(x->name, y->name);
}

typedef struct scale {
    const family *family;
    uint64_t posts;
    int power;
    const named_set *draft; /* its features count for one post more; NULL: none */
} scale;

static uint32_t df_of(const scale *c, uint64_t hash) {
    uint32_t class = family_find(c->family, hash);
    named key = {hash, {NULL, 0}};
    bool drafted = c->draft && bsearch(&key, c->draft->items, c->draft->count, sizeof key, by_hash);
    return (class == FAMILY_NONE ? 0 : c->family->df[class]) + drafted;
}

static anp_status compare(const scale *c, const named_set *a, const named_set *b, arena *perm,
                          shared_side *out, anp_error *err) {
    uint64_t both = 0, either = 0;
    out->features = arena_array(perm, shared_feature, a->count + 1);
    if (!out->features) {
        return error_nomem(err, "an explanation");
    }
    for (size_t i = 0, j = 0; i < a->count || j < b->count;) {
        const named *x = i < a->count ? &a->items[i] : NULL;
        const named *y = j < b->count ? &b->items[j] : NULL;
        bool from_a = x && (!y || x->hash <= y->hash), from_b = y && (!x || y->hash <= x->hash);
        const named *feature = from_a ? x : y;
        uint32_t df = df_of(c, feature->hash);
        uint64_t weight = weigh_feature(c->posts, df, c->power);
        double unit = c->power == WEIGH_COUNT ? 1 : 65536;
        either += weight;
        if (from_a && from_b) {
            both += weight;
            out->features[out->count++] =
                (shared_feature){feature->name, df, (double)weight / unit};
        }
        i += from_a;
        j += from_b;
    }
    double unit = c->power == WEIGH_COUNT ? 1 : 65536;
    out->both = (double)both / unit;
    out->either = (double)either / unit;
    bool equal = a->count == b->count && out->count == a->count && a->count > 0;
    out->likeness = either > 0 ? (double)both / (double)either : equal;
    if (out->count) {
        qsort(out->features, out->count, sizeof *out->features, heaviest_first);
    }
    return ANP_OK;
}

static anp_status read_post(snapshot *s, uint32_t docno, arena *perm, post_brief *out,
                            anp_error *err) {
    str json;
    TRY(snapshot_post(s, docno, perm, &json, err));
    return post_brief_read(json, perm, out, err);
}

anp_status shared_find(similar *m, snapshot *s, anp_measure measure, uint32_t docno, str body,
                       uint32_t hit, arena *perm, shared_parts *out, anp_error *err) {
    const corpus *c = similar_corpus(m);
    bool draft = docno == UINT32_MAX;
    post_brief a = {.body = body}, b;
    named_set a_text, b_text, a_about, b_about;
    TRY(draft ? ANP_OK : read_post(s, docno, perm, &a, err));
    TRY(read_post(s, hit, perm, &b, err));
    TRY(shingles_of(s, a.body, perm, &a_text, err));
    TRY(shingles_of(s, b.body, perm, &b_text, err));
    TRY(terms_of(s, &a, perm, &a_about, err));
    TRY(terms_of(s, &b, perm, &b_about, err));
    *out = (shared_parts){.measure = measure, .posts = (uint64_t)c->count + draft};
    scale text = {&c->text, out->posts,
                  measure == ANP_MEASURE_JACCARD ? WEIGH_COUNT : WEIGH_TEXT_POWER,
                  draft ? &a_text : NULL};
    scale about = {&c->about, out->posts, WEIGH_ABOUT_POWER, NULL};
    bool blend = measure == ANP_MEASURE_BLEND && a_about.count && b_about.count;
    out->text.counts = measure != ANP_MEASURE_ABOUT;
    out->about.counts = measure == ANP_MEASURE_ABOUT || blend;
    if (out->text.counts) {
        TRY(compare(&text, &a_text, &b_text, perm, &out->text, err));
    }
    if (out->about.counts) {
        TRY(compare(&about, &a_about, &b_about, perm, &out->about, err));
    }
    out->likeness = blend             ? weigh_blend(out->text.likeness, out->about.likeness)
                    : out->text.counts ? out->text.likeness
                                       : out->about.likeness;
    return ANP_OK;
}
