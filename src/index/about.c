/* See about.h. */
#include "index/about.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/vec.h"

enum { KEPT_SLOTS = 1 << 12, KEPT_TERMS_MAX = 1 << 16, SCRATCH_BYTES = 1 << 14,
       FEW_TERMS = 48, STOP_SLOTS = 128 };

/* The terms of a string that was met: a place in about.kept. Another one may take it over. */
typedef struct kept_string {
    uint64_t hash; /* of the string */
    uint32_t start, count;
} kept_string;

struct about {
    analyzer *analyzer;
    arena scratch;
    arena_mark start; /* its first block is kept */
    VEC(uint64_t) terms;
    VEC(uint64_t) kept;
    kept_string slots[KEPT_SLOTS];
    VEC(uint64_t) hashes;       /* of a lexicon's terms, by number */
    uint64_t stops[STOP_SLOTS]; /* hashes of stop words where they belong, or behind; 0: free */
};

/* Where the hash of a folded word stands among those of stop words, or belongs. */
static inline uint64_t *find_stop(about *a, uint64_t hash) {
    size_t at = hash % STOP_SLOTS;
    while (a->stops[at] && a->stops[at] != hash) {
        at = (at + 1) % STOP_SLOTS;
    }
    return &a->stops[at];
}

static void fill_stops(about *a) {
    str word;
    for (size_t i = 0; (word = analyzer_stopword(a->analyzer, i)).len && i < STOP_SLOTS / 2; i++) {
        uint64_t hash = hash64(word.data, word.len);
        *find_stop(a, hash) = hash;
    }
}

about *about_open(analyzer *words) {
    about *a = calloc(1, sizeof *a);
    if (a && !arena_alloc(&a->scratch, SCRATCH_BYTES)) {
        about_close(a);
        a = NULL;
    }
    if (a) {
        a->analyzer = words;
        a->start = (arena_mark){a->scratch.head, 0};
        fill_stops(a);
    }
    return a;
}

void about_close(about *a) {
    if (a) {
        arena_free(&a->scratch);
        free(a->terms.items);
        free(a->kept.items);
        free(a->hashes.items);
        free(a);
    }
}

void about_renew(about *a) {
    a->hashes.count = 0;
}

/* Appends the terms of a string to a->kept. */
static anp_status analyse(about *a, str text, anp_error *err) {
    text_tokens tokens;
    arena_rewind(&a->scratch, a->start);
    TRY(analyzer_run(a->analyzer, text, &a->scratch, &tokens, err));
    for (size_t i = 0; i < tokens.count; i++) {
        const text_token *token = &tokens.items[i];
        if (analyzer_is_stopword(a->analyzer, token->folded)) {
            continue;
        }
        if (!vec_push(&a->kept, hash64(token->term.data, token->term.len))) {
            return error_nomem(err, "the terms of a title");
        }
    }
    return ANP_OK;
}

static anp_status add_string(about *a, str text, anp_error *err) {
    uint64_t hash = hash64(text.data, text.len);
    kept_string *slot = &a->slots[hash % KEPT_SLOTS];
    if (text.len == 0) {
        return ANP_OK;
    }
    if (slot->hash != hash || slot->count == 0) {
        if (a->kept.count > KEPT_TERMS_MAX) {
            memset(a->slots, 0, sizeof a->slots);
            a->kept.count = 0;
        }
        size_t start = a->kept.count;
        TRY(analyse(a, text, err));
        *slot = (kept_string){hash, (uint32_t)start, (uint32_t)(a->kept.count - start)};
    }
    for (uint32_t i = 0; i < slot->count; i++) {
        if (!vec_push(&a->terms, a->kept.items[slot->start + i])) {
            return error_nomem(err, "the terms of a title");
        }
    }
    return ANP_OK;
}

/* Hashes of the lexicon's terms up to its last. */
static bool hash_terms(about *a, const lexicon *l) {
    uint32_t count = lexicon_term_count(l);
    if (!vec_reserve(&a->hashes, count)) {
        return false;
    }
    for (; a->hashes.count < count; a->hashes.count++) {
        str term = lexicon_term(l, (uint32_t)a->hashes.count);
        a->hashes.items[a->hashes.count] = hash64(term.data, term.len);
    }
    return true;
}

/* Parts of technical words are dropped by how they are folded, which a lexicon does not keep. */
static bool is_ordinary(const lexicon_text *words) {
    uint32_t lists = 0;
    for (size_t i = 0; i < words->count; i++) {
        lists |= words->words[i] & LEXICON_LIST;
    }
    return lists == 0;
}

static anp_status add_title(about *a, const about_strings *strings, anp_error *err) {
    const lexicon_text *title = strings->title_words;
    if (!title || !is_ordinary(title)) {
        return add_string(a, strings->title, err);
    }
    if (!hash_terms(a, strings->lexicon) ||
        !vec_reserve(&a->terms, a->terms.count + title->count)) {
        return error_nomem(err, "the terms of a title");
    }
    for (size_t i = 0; i < title->count; i++) {
        if (*find_stop(a, title->hashes[i]) != title->hashes[i]) {
            a->terms.items[a->terms.count++] = a->hashes.items[title->words[i]];
        }
    }
    return ANP_OK;
}

static int ascending(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Most posts are about a dozen terms. */
static void sort_terms(uint64_t *terms, size_t count) {
    if (count > FEW_TERMS) {
        qsort(terms, count, sizeof *terms, ascending);
    }
    for (size_t i = 1; i < count && count <= FEW_TERMS; i++) {
        uint64_t moved = terms[i];
        size_t at = i;
        for (; at > 0 && terms[at - 1] > moved; at--) {
            terms[at] = terms[at - 1];
        }
        terms[at] = moved;
    }
}

anp_status about_terms(about *a, const about_strings *strings, const uint64_t **terms,
                       size_t *count, anp_error *err) {
    size_t kept = 0;
    a->terms.count = 0;
    TRY(add_title(a, strings, err));
    TRY(add_string(a, strings->topic, err));
    TRY(add_string(a, strings->problem, err));
    for (size_t i = 0; i < strings->stack_count; i++) {
        TRY(add_string(a, strings->stack[i], err));
    }
    uint64_t *items = a->terms.items;
    sort_terms(items, a->terms.count);
    for (size_t i = 0; i < a->terms.count; i++) {
        if (i == 0 || items[i] != items[i - 1]) {
            items[kept++] = items[i];
        }
    }
    *terms = items;
    *count = kept;
    return ANP_OK;
}
