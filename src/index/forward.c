/* See forward.h. */
#include "index/forward.h"

#include "base/error.h"
#include "base/sort.h"
#include "sketch/sketch.h"

#include <math.h>

enum { SCORES_ARE_FLOATS = 1, NO_SKETCH = 2 };

static void put_scores(const float scores[4], bool floats, buffer *out) {
    for (int i = 0; i < 4; i++) {
        if (floats) {
            buffer_put(out, &scores[i], sizeof scores[i]);
        } else {
            buffer_put_u8(out, (uint8_t)scores[i]);
        }
    }
}

static uint32_t count_terms(const forward_hit *hits, size_t count) {
    uint32_t terms = 0;
    for (size_t i = 0; i < count; i++) {
        terms += i == 0 || hits[i] >> 32 != hits[i - 1] >> 32;
    }
    return terms;
}

static void put_positions(const forward_hit *hits, size_t count, buffer *out) {
    for (size_t i = 0; i < count; i++) {
        uint32_t position = (uint32_t)hits[i] & 0x7fffffff;
        uint32_t before = i ? (uint32_t)hits[i - 1] & 0x7fffffff : 0;
        buffer_put_varint(out, i ? position - before - 1 : position);
    }
}

static void put_payload(const forward_hit *hits, size_t body, size_t title, buffer *out) {
    buffer_put_varint(out, body);
    buffer_put_varint(out, title);
    put_positions(hits, body, out);
    put_positions(hits + body, title, out);
}

static void put_terms(const forward_input *input, buffer *out) {
    uint32_t previous = 0;
    buffer payload = {0};
    buffer_put_varint(out, count_terms(input->hits, input->hit_count));
    for (size_t from = 0, to; from < input->hit_count; from = to) {
        uint32_t term = (uint32_t)(input->hits[from] >> 32);
        size_t title_from = from;
        for (to = from; to < input->hit_count && input->hits[to] >> 32 == term; to++) {
            title_from += !(input->hits[to] >> 31 & 1);
        }
        payload.len = 0;
        put_payload(input->hits + from, title_from - from, to - title_from, &payload);
        buffer_put_varint(out, term - previous);
        buffer_put_varint(out, payload.len);
        buffer_put(out, payload.data, payload.len);
        previous = term;
    }
    out->failed = out->failed || payload.failed;
    buffer_free(&payload);
}

/* All but the terms. */
static void put_front(const forward_input *input, buffer *out) {
    bool floats = false;
    for (int i = 0; i < 4; i++) {
        floats = floats || input->head.scores[i] != floorf(input->head.scores[i]);
    }
    buffer_put_u8(out, (uint8_t)((floats ? SCORES_ARE_FLOATS : 0) |
                                 (input->sketch ? 0 : NO_SKETCH)));
    buffer_put_varint(out, input->head.title_words);
    buffer_put_varint(out, input->head.body_words);
    put_scores(input->head.scores, floats, out);
    buffer_put_varint(out, input->number_count);
    uint32_t previous = 0;
    for (size_t i = 0; i < input->number_count; i++) {
        buffer_put_varint(out, input->numbers[i].field - previous);
        buffer_put(out, &input->numbers[i].value, sizeof(double));
        previous = input->numbers[i].field;
    }
    buffer_put_varint(out, input->facet_count);
    previous = 0;
    for (size_t i = 0; i < input->facet_count; i++) {
        buffer_put_varint(out, input->facets[i] - previous);
        previous = input->facets[i];
    }
    if (input->sketch) {
        buffer_put(out, input->sketch, SKETCH_BYTES);
    }
}

void forward_build(const forward_input *input, buffer *out) {
    put_front(input, out);
    put_terms(input, out);
}

static bool read_u32(forward_reader *r, uint32_t *out) {
    *out = 0;
    r->at = r->at ? varint_read_u32(r->at, r->end, out) : NULL;
    return r->at != NULL;
}

static const uint8_t *take(forward_reader *r, size_t bytes) {
    const uint8_t *at = r->at;
    if (!at || (size_t)(r->end - at) < bytes) {
        r->at = NULL;
        return NULL;
    }
    r->at += bytes;
    return at;
}

forward_reader forward_open(str record, forward_head *head) {
    forward_reader r = {.at = (const uint8_t *)record.data,
                        .end = (const uint8_t *)record.data + record.len};
    const uint8_t *flags = take(&r, 1);
    r.sketched = flags && !(*flags & NO_SKETCH);
    bool floats = flags && *flags & SCORES_ARE_FLOATS;
    *head = (forward_head){0};
    read_u32(&r, &head->title_words);
    read_u32(&r, &head->body_words);
    const uint8_t *scores = take(&r, floats ? 16 : 4);
    for (int i = 0; scores && i < 4; i++) {
        if (floats) {
            memcpy(&head->scores[i], scores + i * 4, 4);
        } else {
            head->scores[i] = scores[i];
        }
    }
    return r;
}

void forward_section(forward_reader *r) {
    r->number = 0;
    read_u32(r, &r->left);
}

/* The number of the next entry, or false at the section's end. */
static bool next_entry(forward_reader *r) {
    uint32_t delta;
    if (!r->at || r->left == 0 || !read_u32(r, &delta)) {
        return false;
    }
    r->left--;
    r->number += delta;
    return true;
}

bool forward_next_number(forward_reader *r, forward_number *out) {
    const uint8_t *value = next_entry(r) ? take(r, sizeof(double)) : NULL;
    if (!value) {
        return false;
    }
    out->field = r->number;
    memcpy(&out->value, value, sizeof out->value);
    return true;
}

bool forward_next_facet(forward_reader *r, uint32_t *value) {
    bool more = next_entry(r);
    *value = r->number;
    return more;
}

void forward_skip_numbers(forward_reader *r) {
    uint32_t field;
    for (; r->at && r->left; r->left--) {
        if (read_u32(r, &field)) {
            take(r, sizeof(double));
        }
    }
}

/* Varints end with bytes below 0x80: eight bytes at once, as long as no more of them end. */
void forward_skip_facets(forward_reader *r) {
    const uint8_t *at = r->at;
    while (at && r->left >= 8 && r->end - at >= 8) {
        r->left -= (uint32_t)__builtin_popcountll(~load_u64(at) & 0x8080808080808080u);
        at += 8;
    }
    while (at && r->left) {
        if (at == r->end) {
            at = NULL;
            break;
        }
        r->left -= *at++ < 0x80;
    }
    r->at = at;
}

const uint8_t *forward_sketch(forward_reader *r) {
    return r->sketched ? take(r, SKETCH_BYTES) : NULL;
}

bool forward_positions(const uint8_t **at, const uint8_t *end, uint32_t tf, uint32_t *out) {
    for (uint32_t i = 0; i < tf; i++) {
        uint32_t delta;
        *at = varint_read_u32(*at, end, &delta);
        if (!*at) {
            return false;
        }
        out[i] = i ? out[i - 1] + delta + 1 : delta;
    }
    return true;
}

/* ---- Views --------------------------------------------------------------------------------- */

static anp_status damaged(anp_error *err) {
    return error_corrupt(err, "a forward record is damaged");
}

/* Whether a payload holds exactly its tfs and as many positions. */
static bool is_whole(str payload) {
    const uint8_t *at = (const uint8_t *)payload.data, *end = at + payload.len;
    uint32_t body_tf = 0, title_tf = 0;
    at = varint_read_u32(at, end, &body_tf);
    at = at ? varint_read_u32(at, end, &title_tf) : NULL;
    if (!at) {
        return false;
    }
    uint64_t left = (uint64_t)body_tf + title_tf;
    bool ended = true;
    for (; at < end; at++) {
        ended = *at < 0x80;
        left -= ended;
    }
    return ended && left == 0;
}

/* Inverting takes payloads as they are, so what comes from a file is looked at first. */
static bool terms_are_whole(const forward_view *view) {
    forward_walk walk = forward_walk_open(view);
    uint32_t term;
    str payload;
    bool whole = true;
    while (whole && forward_walk_next(&walk, &term, &payload)) {
        whole = is_whole(payload);
    }
    return whole && walk.at == walk.end;
}

anp_status forward_view_open(str record, arena *perm, forward_view *out, anp_error *err) {
    forward_view v = {0};
    forward_reader r = forward_open(record, &v.head);
    forward_section(&r);
    if (!r.at || r.left > record.len) {
        return damaged(err);
    }
    forward_number *numbers = arena_alloc(perm, r.left * sizeof *numbers);
    v.numbers = numbers;
    while (numbers && forward_next_number(&r, &numbers[v.number_count])) {
        v.number_count++;
    }
    forward_section(&r);
    if (!r.at || r.left > record.len) {
        return damaged(err);
    }
    uint32_t *facets = arena_alloc(perm, (r.left + 1) * sizeof *facets);
    v.facets = facets;
    while (facets && forward_next_facet(&r, &facets[v.facet_count])) {
        v.facet_count++;
    }
    if (!numbers || !facets) {
        return error_nomem(err, "a forward record");
    }
    v.sketch = forward_sketch(&r);
    forward_section(&r);
    if (!r.at) {
        return damaged(err);
    }
    v.terms = r.at;
    v.terms_end = r.end;
    v.term_count = r.left;
    *out = v;
    return terms_are_whole(&v) ? ANP_OK : damaged(err);
}

static anp_status put_view_terms(const forward_view *view, buffer *out, anp_error *err) {
    enum { TERM_MORE_BYTES_MAX = 2 * 5 }; /* beside its payload */
    size_t room = view->term_count + 1u, len = (size_t)(view->terms_end - view->terms);
    uint64_t *items = malloc(room * 2 * sizeof *items);
    str *payloads = malloc(room * sizeof *payloads);
    uint8_t *to = buffer_reserve(out, len + room * TERM_MORE_BYTES_MAX);
    if (!items || !payloads || !to) {
        free(items);
        free(payloads);
        return error_nomem(err, "a forward record");
    }
    forward_walk walk = forward_walk_open(view);
    uint32_t count = 0, previous = 0, number;
    while (forward_walk_next(&walk, &number, &payloads[count])) {
        items[count] = (uint64_t)number << 32 | count;
        count++;
    }
    /* Some 250 terms: a call a comparison took a tenth of the time that a batch takes in all. */
    const uint64_t *sorted = sort_by_upper(items, items + room, count);
    to = varint_write(to, count);
    for (uint32_t i = 0; i < count; i++) {
        str payload = payloads[(uint32_t)sorted[i]];
        number = (uint32_t)(sorted[i] >> 32);
        to = varint_write(to, number - previous);
        to = varint_write(to, payload.len);
        copy_short(to, payload.data, payload.len);
        to += payload.len;
        previous = number;
    }
    out->len = (size_t)(to - out->data);
    free(items);
    free(payloads);
    return walk.at ? ANP_OK : damaged(err);
}

anp_status forward_view_write(const forward_view *view, buffer *out, anp_error *err) {
    put_front(&(forward_input){.head = view->head,
                               .numbers = view->numbers,
                               .number_count = view->number_count,
                               .facets = view->facets,
                               .facet_count = view->facet_count,
                               .sketch = view->sketch},
              out);
    TRY(put_view_terms(view, out, err));
    return out->failed ? error_nomem(err, "a forward record") : ANP_OK;
}
