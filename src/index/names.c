/* See names.h. */
#include "index/names.h"

#include "base/error.h"

names *names_new(void) {
    names *n = calloc(1, sizeof *n);
    if (n) {
        n->references = 1;
    }
    return n;
}

void names_release(names *n) {
    if (n && --n->references == 0) {
        free(n->term_texts.items);
        free(n->field_texts.items);
        free(n->facet_texts.items);
        free(n->terms.items);
        free(n->fields.items);
        free(n->facets.items);
        arena_free(&n->memory);
        arena_free(&n->meta);
        free(n);
    }
}

anp_status names_extend(names *n, const draft *from, names_taken *taken, anp_error *err) {
    bool held = true;
    if (!taken->begun && from->meta_restarted) {
        n->field_texts.count = n->facet_texts.count = n->fields.count = n->facets.count = 0;
        arena_free(&n->meta);
    }
    taken->begun = true;
    for (; held && taken->terms < from->terms.count; taken->terms++) {
        str copy = arena_str(&n->memory, from->terms.items[taken->terms]);
        held = copy.data && vec_push(&n->term_texts, copy);
    }
    for (; held && taken->fields < from->fields.count; taken->fields++) {
        draft_field field = from->fields.items[taken->fields];
        field.name = arena_str(&n->meta, field.name);
        held = field.name.data && vec_push(&n->field_texts, field);
    }
    for (; held && taken->facets < from->facets.count; taken->facets++) {
        draft_facet facet = from->facets.items[taken->facets];
        facet.text = arena_str(&n->meta, facet.text);
        held = facet.text.data && vec_push(&n->facet_texts, facet);
    }
    return held ? ANP_OK : error_nomem(err, "the vocabulary");
}

static anp_status resolve_field(names_index *index, draft_field field, uint32_t *number,
                                anp_error *err) {
    *number = DRAFT_NONE;
    if (!catalog_has_room(index->catalog, field.name)) {
        return ANP_OK;
    }
    return catalog_field(index->catalog, field.name, field.kind, number, &index->fields_changed,
                         err);
}

typedef char facet_key[2 + FACET_BYTES_MAX];

/* What a facet is numbered by; false: it has no number. */
static bool key_of(const names *n, draft_facet facet, facet_key key, str *text) {
    uint32_t field = n->fields.items[facet.field];
    key[0] = (char)(field >> 8);
    key[1] = (char)field;
    if (facet.text.len) {
        memcpy(key + 2, facet.text.data, facet.text.len);
    }
    *text = str_make(key, 2 + facet.text.len);
    return field != DRAFT_NONE;
}

/* A facet that is looked up soon. */
typedef struct keyed {
    facet_key key;
    str text; /* in key; empty: it has no number */
    uint64_t hash;
} keyed;

enum {
    FETCH_LAG = 4,                           /* facets between two steps of fetching */
    AHEAD = NUMBERS_FETCHES * FETCH_LAG,     /* at most that are keyed and not looked up */
    KEYED = 16,                              /* room for them */
};

_Static_assert(AHEAD < KEYED, "none is keyed before its place is free");

static void make_key(const names *n, const names_index *index, size_t facet, keyed *out) {
    bool has = key_of(n, n->facet_texts.items[facet], out->key, &out->text);
    out->text.len = has ? out->text.len : 0;
    out->hash = has ? numbers_hash(out->text) : 0;
    numbers_fetch(index->values, out->hash, 0);
}

/* Each is looked up some turns after its slot, its key and its bytes were fetched. */
static anp_status resolve_facets(names *n, names_index *index, anp_error *err) {
    keyed ring[KEYED];
    size_t end = n->facet_texts.count, next = n->facets.count;
    for (; n->facets.count < end; n->facets.count++) {
        size_t i = n->facets.count;
        for (; next < end && next < i + AHEAD; next++) {
            make_key(n, index, next, &ring[next % KEYED]);
        }
        for (unsigned step = 1; step < NUMBERS_FETCHES; step++) {
            size_t at = i + AHEAD - step * FETCH_LAG;
            if (at < end) {
                numbers_fetch(index->values, ring[at % KEYED].hash, step);
            }
        }
        const keyed *facet = &ring[i % KEYED];
        n->facets.items[i] = DRAFT_NONE;
        TRY(facet->text.len ? numbers_of_hashed(index->values, index->txn, facet->text, facet->hash,
                                                &n->facets.items[i], err)
                            : ANP_OK);
    }
    return ANP_OK;
}

anp_status names_resolve(names *n, names_index *index, anp_error *err) {
    if (!vec_reserve(&n->terms, n->term_texts.count) ||
        !vec_reserve(&n->fields, n->field_texts.count) ||
        !vec_reserve(&n->facets, n->facet_texts.count)) {
        return error_nomem(err, "the vocabulary");
    }
    for (; n->terms.count < n->term_texts.count; n->terms.count++) {
        size_t i = n->terms.count;
        TRY(numbers_of(index->terms, index->txn, n->term_texts.items[i], &n->terms.items[i], err));
    }
    for (; n->fields.count < n->field_texts.count; n->fields.count++) {
        size_t i = n->fields.count;
        TRY(resolve_field(index, n->field_texts.items[i], &n->fields.items[i], err));
    }
    return resolve_facets(n, index, err);
}

void names_forget(names *n) {
    n->terms.count = n->fields.count = n->facets.count = 0;
}
