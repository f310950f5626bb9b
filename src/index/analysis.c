/* See analysis.h. */
#include "index/analysis.h"

#include "base/error.h"
#include "index/shingles.h"

static int by_u64(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_u32(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* By field, and in document order inside one. */
static int by_field(const void *a, const void *b) {
    const forward_number *x = a, *y = b;
    if (x->field != y->field) {
        return x->field < y->field ? -1 : 1;
    }
    return (x->order > y->order) - (x->order < y->order);
}

static anp_status add_hits(analysis *a, store_txn *txn, const text_tokens *tokens, bool title,
                           anp_error *err) {
    if (!vec_reserve(&a->hits, a->hits.count + tokens->count)) {
        return error_nomem(err, "analysing a post");
    }
    for (size_t i = 0; i < tokens->count; i++) {
        uint32_t term;
        TRY(numbers_of(a->terms, txn, tokens->items[i].term, &term, err));
        forward_hit hit = forward_hit_make(term, title, tokens->items[i].position);
        a->hits.items[a->hits.count++] = hit;
    }
    return ANP_OK;
}

static anp_status add_facet(analysis *a, store_txn *txn, uint32_t field, str text, anp_error *err) {
    char key[2 + FACET_BYTES_MAX] = {(char)(field >> 8), (char)field};
    uint32_t number;
    if (text.len > FACET_BYTES_MAX) {
        return ANP_OK;
    }
    if (text.len) {
        memcpy(key + 2, text.data, text.len);
    }
    TRY(numbers_of(a->values, txn, str_make(key, 2 + text.len), &number, err));
    return vec_push(&a->facets, number) ? ANP_OK : error_nomem(err, "analysing a post");
}

static anp_status add_values(analysis *a, store_txn *txn, const post *article, anp_error *err) {
    for (size_t i = 0; i < article->value_count; i++) {
        const post_value *value = &article->values[i];
        uint32_t field;
        uint8_t kind = value->kind == POST_VALUE_TEXT     ? FIELD_TEXT
                       : value->kind == POST_VALUE_NUMBER ? FIELD_NUMBER
                                                          : FIELD_DATE | FIELD_TEXT;
        if (value->name.len > FIELD_NAME_BYTES_MAX ||
            !catalog_has_room(a->catalog, value->name)) {
            continue;
        }
        TRY(catalog_field(a->catalog, value->name, kind, &field, &a->fields_changed, err));
        if (kind & FIELD_TEXT) {
            TRY(add_facet(a, txn, field, value->text, err));
        }
        if (kind != FIELD_TEXT &&
            !vec_push(&a->numbers, ((forward_number){field, (uint32_t)i, value->number}))) {
            return error_nomem(err, "analysing a post");
        }
    }
    return ANP_OK;
}

/* Keeps the first of equal ones, in sorted arrays. */
static void sort_values(analysis *a) {
    size_t kept = 0;
    if (a->facets.count) {
        qsort(a->facets.items, a->facets.count, sizeof *a->facets.items, by_u32);
    }
    for (size_t i = 0; i < a->facets.count; i++) {
        if (kept == 0 || a->facets.items[kept - 1] != a->facets.items[i]) {
            a->facets.items[kept++] = a->facets.items[i];
        }
    }
    a->facets.count = kept;
    kept = 0;
    if (a->numbers.count) {
        qsort(a->numbers.items, a->numbers.count, sizeof *a->numbers.items, by_field);
    }
    for (size_t i = 0; i < a->numbers.count; i++) {
        if (kept == 0 || a->numbers.items[kept - 1].field != a->numbers.items[i].field) {
            a->numbers.items[kept++] = a->numbers.items[i];
        }
    }
    a->numbers.count = kept;
}

static anp_status analyse(analysis *a, store_txn *txn, const post *article, forward_head *head,
                          arena *scratch, buffer *out, anp_error *err) {
    text_tokens title, body;
    shingle_set shingles;
    uint8_t sketch[SKETCH_BYTES];
    a->hits.count = a->facets.count = a->numbers.count = 0;
    TRY(analyzer_run(a->analyzer, article->title, scratch, &title, err));
    TRY(analyzer_run(a->analyzer, article->body, scratch, &body, err));
    if (title.words > TITLE_WORDS_MAX) {
        return error_set(err, ANP_BAD_POST,
                         "the title has %u words, %d are allowed; is it the body?", title.words,
                         TITLE_WORDS_MAX);
    }
    TRY(add_values(a, txn, article, err));
    TRY(add_hits(a, txn, &title, true, err));
    TRY(add_hits(a, txn, &body, false, err));
    if (a->hits.count) {
        qsort(a->hits.items, a->hits.count, sizeof *a->hits.items, by_u64);
    }
    sort_values(a);
    TRY(shingles_of_tokens(&body, scratch, &shingles, err));
    sketch_make(shingles, sketch);
    *head = (forward_head){title.words, body.words, {0}};
    for (int i = 0; i < POST_SCORES; i++) {
        head->scores[i] = (float)article->scores[i];
    }
    forward_build(&(forward_input){*head, a->numbers.items, a->numbers.count, a->facets.items,
                                   a->facets.count, sketch, a->hits.items, a->hits.count},
                  out);
    return out->failed ? error_nomem(err, "analysing a post") : ANP_OK;
}

anp_status analysis_run(analysis *a, store_txn *txn, const post *article, forward_head *head,
                        buffer *out, anp_error *err) {
    arena scratch = {0};
    anp_status status = analyse(a, txn, article, head, &scratch, out, err);
    arena_free(&scratch);
    return status;
}

void analysis_free(analysis *a) {
    free(a->hits.items);
    free(a->facets.items);
    free(a->numbers.items);
    analyzer_close(a->analyzer);
}
