/* See part.h. */
#include "similar/part.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/pages.h"
#include "index/chunk_code.h"

uint64_t post_print(uint32_t number) {
    return hash_mix64(((uint64_t)number + 1) * 0x9e3779b97f4a7c15u);
}

void part_tools_free(part_tools *t) {
    reader_close(t->reader);
    chunk_maker_close(t->maker);
    free(t->hashes.items);
    free(t->posts.items);
    free(t->seen.items);
    *t = (part_tools){0};
}

static void free_side(chunk_side *s) {
    chunk c = {.text = *s};
    chunk_free(&c);
    *s = (chunk_side){0};
}

void part_free(corpus_part *p) {
    free_side(&p->text);
    free(p->prints);
    free(p->sizes);
    free(p->terms.items);
    free(p->set_start.items);
    free(p->set_keys.items);
    free(p->set_of);
    *p = (corpus_part){0};
}

/* ---- The chunk ----------------------------------------------------------------------------- */

static anp_status open_reader(part_tools *t, anp_error *err) {
    return t->reader ? ANP_OK : reader_open(t->settings, &t->reader, err);
}

static anp_status read_posts(part_tools *t, const stored_post *posts, uint32_t count, chunk *out,
                             anp_error *err) {
    TRY(open_reader(t, err));
    t->maker = t->maker ? t->maker : chunk_maker_open();
    if (!t->maker) {
        return error_nomem(err, "similar posts");
    }
    chunk_maker_begin(t->maker, SIZE_MAX);
    for (uint32_t i = 0; i < count; i++) {
        features f;
        TRY(reader_read(t->reader, &posts[i], &f, err));
        if (!chunk_maker_add(t->maker, &f)) {
            return error_nomem(err, "similar posts");
        }
    }
    return chunk_maker_finish(t->maker, out, err);
}

/* Leaves the dead out of all lists. places: by post of the chunk. */
static void drop_dead(chunk_side *s, const uint16_t *places) {
    uint32_t kept = 0, from = 0;
    for (uint32_t c = 0; c < s->class_count; c++) {
        uint32_t end = s->start[c + 1];
        s->start[c] = kept;
        for (uint32_t i = from; i < end; i++) {
            uint16_t place = places[s->posts[i]];
            s->posts[kept] = place; /* never ahead of what is read */
            kept += place != CHUNK_NOWHERE;
        }
        from = end;
    }
    s->start[s->class_count] = kept;
}

static anp_status load_chunk(const likeness_piece *piece, const uint32_t *docnos, uint32_t count,
                             chunk *out, anp_error *err) {
    TRY(chunk_decode(piece->value, out, err));
    if (count < piece->count) {
        uint16_t *places = malloc(piece->count * sizeof *places);
        if (!places) {
            return error_nomem(err, "similar posts");
        }
        memset(places, 0xff, piece->count * sizeof *places);
        for (uint32_t i = 0; i < count; i++) {
            places[docnos[i] - piece->first] = (uint16_t)i;
        }
        drop_dead(&out->text, places);
        drop_dead(&out->about, places);
        free(places);
    }
    return ANP_OK;
}

anp_status part_posts(snapshot *s, const likeness_piece *piece, const uint32_t *docnos,
                      uint32_t count, stored_post **posts, anp_error *err) {
    *posts = NULL;
    if (piece->value.len) {
        return ANP_OK;
    }
    *posts = malloc((count + 1u) * sizeof **posts);
    anp_status status = *posts ? ANP_OK : error_nomem(err, "similar posts");
    for (uint32_t i = 0; i < count && status == ANP_OK; i++) {
        status = snapshot_stored(s, docnos[i], &(*posts)[i], err);
    }
    if (status != ANP_OK) {
        free(*posts);
        *posts = NULL;
    }
    return status;
}

anp_status part_load(part_tools *t, const likeness_piece *piece, const uint32_t *docnos,
                     const stored_post *posts, uint32_t count, chunk *out, anp_error *err) {
    *out = (chunk){0};
    return posts ? read_posts(t, posts, count, out, err)
                 : load_chunk(piece, docnos, count, out, err);
}

/* ---- Text ---------------------------------------------------------------------------------- */

static bool make_prints(corpus_part *p) {
    const chunk_side *s = &p->text;
    uint64_t *of_post = malloc(((size_t)p->count + 1) * sizeof *of_post);
    p->prints = malloc(((size_t)s->class_count + 1) * sizeof *p->prints);
    for (uint32_t i = 0; of_post && i < p->count; i++) {
        of_post[i] = post_print(p->first + i);
    }
    for (uint32_t c = 0; of_post && p->prints && c < s->class_count; c++) {
        uint64_t print = 0;
        for (uint32_t i = s->start[c]; i < s->start[c + 1]; i++) {
            print += of_post[s->posts[i]];
        }
        p->prints[c] = print;
    }
    free(of_post);
    return of_post && p->prints;
}

static bool make_sizes(corpus_part *p) {
    const chunk_side *s = &p->text;
    uint32_t *members = calloc((size_t)s->class_count + 1, sizeof *members);
    p->sizes = calloc((size_t)p->count + 1, sizeof *p->sizes);
    for (uint32_t i = 0; members && i < s->feature_count; i++) {
        members[s->classes[i]]++;
    }
    for (uint32_t c = 0; members && p->sizes && c < s->class_count; c++) {
        for (uint32_t i = s->start[c]; i < s->start[c + 1]; i++) {
            p->sizes[s->posts[i]] += members[c];
        }
    }
    free(members);
    return members && p->sizes;
}

/* ---- Sets of terms ------------------------------------------------------------------------- */

typedef struct sets {
    uint32_t *table; /* over keys: number, plus 1 */
    size_t mask;
} sets;

/* The set's number, made when it is new; sets of one key are the same as far as 64 bits go. */
static bool add_set(sets *s, corpus_part *p, const uint64_t *terms, size_t count,
                    uint32_t *number) {
    uint64_t key = hash64(terms, count * sizeof *terms);
    size_t at = key & s->mask;
    while (s->table[at] && p->set_keys.items[s->table[at] - 1] != key) {
        at = (at + 1) & s->mask;
    }
    if (s->table[at]) {
        *number = s->table[at] - 1;
        return true;
    }
    *number = (uint32_t)p->set_keys.count;
    s->table[at] = *number + 1;
    if (!vec_reserve(&p->terms, p->terms.count + count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        p->terms.items[p->terms.count++] = terms[i];
    }
    return vec_push(&p->set_keys, key) && vec_push(&p->set_start, (uint32_t)p->terms.count);
}

/* Each post's terms: as features ascend, so do they. end: by post. */
static uint64_t *list_terms(const chunk_side *about, uint32_t count, uint32_t *end) {
    uint32_t total = 0;
    memset(end, 0, ((size_t)count + 1) * sizeof *end);
    for (uint32_t i = 0; i < about->feature_count; i++) {
        uint32_t c = about->classes[i];
        for (uint32_t j = about->start[c]; j < about->start[c + 1]; j++) {
            end[about->posts[j]]++;
        }
    }
    for (uint32_t i = 0; i < count; i++) { /* for now: where it begins */
        uint32_t terms = end[i];
        end[i] = total;
        total += terms;
    }
    uint64_t *terms = malloc(((size_t)total + 1) * sizeof *terms);
    for (uint32_t i = 0; terms && i < about->feature_count; i++) {
        uint32_t c = about->classes[i];
        for (uint32_t j = about->start[c]; j < about->start[c + 1]; j++) {
            terms[end[about->posts[j]]++] = about->hashes[i];
        }
    }
    return terms;
}

/* terms: of all posts, one behind the other; end: where those of each end. */
static bool make_sets(corpus_part *p, const uint64_t *terms, const uint32_t *end) {
    sets s = {.mask = 63};
    while (s.mask < 2 * (size_t)p->count) {
        s.mask = s.mask * 2 + 1;
    }
    s.table = calloc(s.mask + 1, sizeof *s.table);
    p->set_of = malloc(((size_t)p->count + 1) * sizeof *p->set_of);
    bool made = s.table && p->set_of && vec_push(&p->set_start, 0);
    for (uint32_t i = 0; made && i < p->count; i++) {
        uint32_t from = i ? end[i - 1] : 0;
        made = add_set(&s, p, terms + from, end[i] - from, &p->set_of[i]);
    }
    free(s.table);
    return made;
}

/* ---- Of a chunk ---------------------------------------------------------------------------- */

static bool take_chunk(corpus_part *p, chunk *c) {
    uint32_t *end = malloc(((size_t)p->count + 1) * sizeof *end);
    uint64_t *terms = end ? list_terms(&c->about, p->count, end) : NULL;
    p->text = c->text;
    c->text = (chunk_side){0};
    bool made = terms && make_prints(p) && make_sizes(p) && make_sets(p, terms, end);
    free(end);
    free(terms);
    return made;
}

/* ---- Of posts ------------------------------------------------------------------------------ */

/* Adds a post's shingles, each once. The table of those seen holds them inverted: 0 is free. */
static bool add_shingles(part_tools *t, const features *f, uint32_t post) {
    size_t places = 64;
    while (places < 2 * f->shingle_count) {
        places *= 2;
    }
    if (!vec_reserve(&t->seen, places) ||
        !vec_reserve(&t->hashes, t->hashes.count + f->shingle_count) ||
        !vec_reserve(&t->posts, t->hashes.count + f->shingle_count)) {
        return false;
    }
    uint64_t *seen = t->seen.items;
    memset(seen, 0, places * sizeof *seen);
    bool all_ones = false;
    for (size_t i = 0; i < f->shingle_count; i++) {
        uint64_t hash = f->shingles[i];
        size_t at = hash & (places - 1);
        while (seen[at] && seen[at] != ~hash) {
            at = (at + 1) & (places - 1);
        }
        bool is_new = ~hash ? !seen[at] : !all_ones;
        all_ones |= !~hash;
        seen[at] = ~hash;
        t->hashes.items[t->hashes.count] = hash;
        t->posts.items[t->hashes.count] = (uint16_t)post;
        t->hashes.count += is_new;
    }
    return true;
}

/* The shingles by the first bits of their hashes, those of equal ones in the order of posts. */
static bool sort_shingles(const part_tools *t, chunk_side *out) {
    enum { SHIFT = 64 - PART_BUCKET_BITS };
    size_t count = t->hashes.count;
    uint32_t place[(1 << PART_BUCKET_BITS) + 1] = {0};
    out->hashes = count < UINT32_MAX ? pages_alloc((count + 1) * sizeof *out->hashes) : NULL;
    out->classes = pages_alloc((count + 1) * sizeof *out->classes);
    if (!out->hashes || !out->classes) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        place[(t->hashes.items[i] >> SHIFT) + 1]++;
    }
    for (size_t b = 1; b <= (size_t)1 << PART_BUCKET_BITS; b++) {
        place[b] += place[b - 1];
    }
    for (size_t i = 0; i < count; i++) {
        uint32_t to = place[t->hashes.items[i] >> SHIFT]++;
        out->hashes[to] = t->hashes.items[i];
        out->classes[to] = t->posts.items[i];
    }
    out->feature_count = (uint32_t)count;
    return true;
}

/* Each post a class. */
static bool make_single(corpus_part *p) {
    chunk_side *s = &p->text;
    size_t room = (size_t)p->count + 1;
    s->class_count = p->count;
    s->start = malloc(room * sizeof *s->start);
    s->posts = malloc(room * sizeof *s->posts);
    p->prints = malloc(room * sizeof *p->prints);
    if (!s->start || !s->posts || !p->prints) {
        return false;
    }
    for (uint32_t i = 0; i <= p->count; i++) {
        s->start[i] = i;
        s->posts[i] = (uint16_t)i;
        p->prints[i] = post_print(p->first + i);
    }
    return true;
}

static anp_status take_posts(part_tools *t, const stored_post *posts, corpus_part *p,
                             anp_error *err) {
    VEC(uint64_t) terms = {0};
    uint32_t *end = malloc(((size_t)p->count + 1) * sizeof *end);
    anp_status status = end ? open_reader(t, err) : error_nomem(err, "similar posts");
    p->sizes = malloc(((size_t)p->count + 1) * sizeof *p->sizes);
    if (status == ANP_OK && !p->sizes) {
        status = error_nomem(err, "similar posts");
    }
    t->hashes.count = 0;
    for (uint32_t i = 0; i < p->count && status == ANP_OK; i++) {
        size_t before = t->hashes.count;
        features f;
        status = reader_read(t->reader, &posts[i], &f, err);
        if (status == ANP_OK && (!add_shingles(t, &f, i) ||
                                 !vec_reserve(&terms, terms.count + f.term_count + 1))) {
            status = error_nomem(err, "similar posts");
        }
        for (size_t k = 0; k < f.term_count && status == ANP_OK; k++) {
            terms.items[terms.count++] = f.terms[k];
        }
        end[i] = (uint32_t)terms.count;
        p->sizes[i] = (uint32_t)(t->hashes.count - before);
    }
    if (status == ANP_OK &&
        (!sort_shingles(t, &p->text) || !make_single(p) || !make_sets(p, terms.items, end))) {
        status = error_nomem(err, "similar posts");
    }
    free(terms.items);
    free(end);
    return status;
}

anp_status part_make(part_tools *t, const likeness_piece *piece, const uint32_t *docnos,
                     const stored_post *posts, uint32_t first, uint32_t count, corpus_part *out,
                     anp_error *err) {
    out->first = first;
    out->count = count;
    if (posts) {
        return take_posts(t, posts, out, err);
    }
    chunk c = {0};
    anp_status status = load_chunk(piece, docnos, count, &c, err);
    if (status == ANP_OK && !take_chunk(out, &c)) {
        status = error_nomem(err, "similar posts");
    }
    chunk_free(&c);
    return status;
}
