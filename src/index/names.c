/* See names.h. */
#include "index/names.h"

#include "base/error.h"

enum { AHEAD = 8 /* facets */ };

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

static anp_status resolve_facet(const names *n, names_index *index, draft_facet facet,
                                uint32_t *number, anp_error *err) {
    facet_key key;
    str text;
    *number = DRAFT_NONE;
    return key_of(n, facet, key, &text)
               ? numbers_of(index->values, index->txn, text, number, err)
               : ANP_OK;
}

/* Those that are resolved soon: their misses of the cache overlap. */
static void prefetch_facet(const names *n, const names_index *index, size_t i) {
    facet_key key;
    str text;
    if (i < n->facet_texts.count && key_of(n, n->facet_texts.items[i], key, &text)) {
        numbers_prefetch(index->values, text);
    }
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
    for (; n->facets.count < n->facet_texts.count; n->facets.count++) {
        size_t i = n->facets.count;
        prefetch_facet(n, index, i + AHEAD);
        TRY(resolve_facet(n, index, n->facet_texts.items[i], &n->facets.items[i], err));
    }
    return ANP_OK;
}

void names_forget(names *n) {
    n->terms.count = n->fields.count = n->facets.count = 0;
}
