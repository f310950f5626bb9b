/*
 * See chunk.h. Two passes: shingles get numbers by one table for the chunk, whose entries also say
 * which post had them last (so that a post's repeats are seen by the same look-up); when prints are
 * whole, shingles of one print are made one class and the posts' lists are cut down to classes.
 *
 * Prints are sums of 64-bit random numbers: two different lists agree in print and length with a
 * chance of 2^-64, the same that is accepted of shingle hashes.
 */
#include "similar/chunk.h"

#include "base/error.h"
#include "base/hash.h"

#include <stdlib.h>

typedef struct slot {
    uint64_t hash;
    uint32_t number; /* plus 1; 0: free */
    uint32_t post;   /* that had it last, plus 1 */
} slot;

struct chunk_maker {
    slot *slots;
    size_t mask;
    VEC(uint64_t) hashes;
    VEC(uint64_t) prints;
    VEC(uint32_t) df;
    VEC(uint32_t) numbers;  /* shingles of all posts, one behind the other */
    VEC(uint32_t) number_end;
    VEC(uint32_t) seen; /* by class: the post, plus 1, that had it last */
    uint32_t *sets;     /* a table over the keys of sets: number, plus 1 */
    size_t set_slots;
};

enum { SLOTS_AT_FIRST = 1 << 14, AHEAD = 16 };

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15u;

uint64_t post_print(uint32_t number) {
    return hash_mix64(((uint64_t)number + 1) * GOLDEN);
}

chunk_maker *chunk_maker_open(void) {
    chunk_maker *m = calloc(1, sizeof *m);
    if (m) {
        m->slots = calloc(SLOTS_AT_FIRST, sizeof *m->slots);
        m->mask = SLOTS_AT_FIRST - 1;
    }
    if (m && !m->slots) {
        chunk_maker_close(m);
        m = NULL;
    }
    return m;
}

void chunk_maker_close(chunk_maker *m) {
    if (m) {
        free(m->slots);
        free(m->hashes.items);
        free(m->prints.items);
        free(m->df.items);
        free(m->numbers.items);
        free(m->number_end.items);
        free(m->seen.items);
        free(m->sets);
        free(m);
    }
}

void chunk_free(chunk *c) {
    free(c->hashes);
    free(c->prints);
    free(c->df);
    free(c->classes);
    free(c->start);
    free(c->list);
    free(c->terms.items);
    free(c->set_start.items);
    free(c->set_keys.items);
    free(c->set_of);
    buffer_free(&c->names);
    free(c->name_end.items);
    *c = (chunk){0};
}

/* ---- Shingles ------------------------------------------------------------------------------ */

static slot *find(slot *slots, size_t mask, uint64_t hash) {
    size_t at = hash & mask;
    while (slots[at].number && slots[at].hash != hash) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static bool grow(chunk_maker *m) {
    size_t mask = m->mask * 2 + 1;
    slot *grown = calloc(mask + 1, sizeof *grown);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i <= m->mask; i++) {
        if (m->slots[i].number) {
            *find(grown, mask, m->slots[i].hash) = m->slots[i];
        }
    }
    free(m->slots);
    m->slots = grown;
    m->mask = mask;
    return true;
}

static bool add_shingle(chunk_maker *m, slot *s, uint64_t hash) {
    uint32_t number = (uint32_t)m->hashes.count;
    *s = (slot){hash, number + 1, 0};
    return vec_push(&m->hashes, hash) && vec_push(&m->prints, 0) && vec_push(&m->df, 0) &&
           (m->hashes.count * 2 <= m->mask || grow(m));
}

static bool add_post(chunk_maker *m, const features *f, uint32_t nth, uint64_t print) {
    if (!vec_reserve(&m->numbers, m->numbers.count + f->shingle_count)) {
        return false;
    }
    for (size_t i = 0; i < f->shingle_count; i++) {
        if (i + AHEAD < f->shingle_count) {
            __builtin_prefetch(&m->slots[f->shingles[i + AHEAD] & m->mask]);
        }
        uint64_t hash = f->shingles[i];
        slot *s = find(m->slots, m->mask, hash);
        if (!s->number) {
            if (!add_shingle(m, s, hash)) {
                return false;
            }
            s = find(m->slots, m->mask, hash);
        }
        if (s->post != nth + 1) {
            uint32_t number = s->number - 1;
            s->post = nth + 1;
            m->prints.items[number] += print;
            m->df.items[number]++;
            m->numbers.items[m->numbers.count++] = number;
        }
    }
    return vec_push(&m->number_end, (uint32_t)m->numbers.count);
}

/* Gives each shingle its class; how many there are in *count. */
static bool find_classes(const chunk_maker *m, uint32_t *classes, uint32_t *count) {
    size_t shingles = m->hashes.count, slots = 64;
    while (slots < 2 * shingles) {
        slots *= 2;
    }
    uint32_t *table = calloc(slots, sizeof *table); /* a shingle of the class, plus 1 */
    *count = 0;
    for (size_t i = 0; table && i < shingles; i++) {
        uint64_t print = m->prints.items[i];
        size_t at = (print ^ print >> 32) & (slots - 1);
        while (table[at] && (m->prints.items[table[at] - 1] != print ||
                             m->df.items[table[at] - 1] != m->df.items[i])) {
            at = (at + 1) & (slots - 1);
        }
        if (!table[at]) {
            table[at] = (uint32_t)i + 1;
            classes[i] = (*count)++;
        } else {
            classes[i] = classes[table[at] - 1];
        }
    }
    free(table);
    return table != NULL;
}

/* The posts' numbers of shingles to numbers of classes, each once. */
static bool cut_to_classes(chunk_maker *m, chunk *c) {
    m->seen.count = 0;
    if (!vec_reserve(&m->seen, (size_t)c->class_count + 1)) {
        return false;
    }
    memset(m->seen.items, 0, ((size_t)c->class_count + 1) * sizeof *m->seen.items);
    uint32_t kept = 0, from = 0;
    for (uint32_t nth = 0; nth < c->count; nth++) {
        c->start[nth] = kept;
        for (uint32_t i = from; i < m->number_end.items[nth]; i++) {
            uint32_t class = c->classes[m->numbers.items[i]];
            if (m->seen.items[class] != nth + 1) {
                m->seen.items[class] = nth + 1;
                m->numbers.items[kept++] = class; /* never ahead of what is read */
            }
        }
        from = m->number_end.items[nth];
    }
    c->start[c->count] = kept;
    c->list = malloc(((size_t)kept + 1) * sizeof *c->list);
    if (c->list) {
        memcpy(c->list, m->numbers.items, kept * sizeof *c->list);
    }
    return c->list != NULL;
}

static void *copy_of(const void *items, size_t bytes) {
    void *copy = malloc(bytes + 1);
    if (copy && bytes) {
        memcpy(copy, items, bytes);
    }
    return copy;
}

static bool finish(chunk_maker *m, chunk *c) {
    size_t n = m->hashes.count;
    c->shingle_count = (uint32_t)n;
    c->hashes = copy_of(m->hashes.items, n * sizeof *c->hashes);
    c->prints = copy_of(m->prints.items, n * sizeof *c->prints);
    c->df = copy_of(m->df.items, n * sizeof *c->df);
    c->classes = malloc((n + 1) * sizeof *c->classes);
    c->start = malloc(((size_t)c->count + 1) * sizeof *c->start);
    return c->hashes && c->prints && c->df && c->classes && c->start &&
           find_classes(m, c->classes, &c->class_count) && cut_to_classes(m, c);
}

/* ---- Sets of terms ------------------------------------------------------------------------- */

/* The set's number, made when it is new; sets of one key are the same as far as 64 bits go. */
static bool add_set(chunk_maker *m, chunk *c, const features *f, uint32_t *number) {
    uint64_t key = hash64(f->terms, f->term_count * sizeof *f->terms);
    size_t at = key & (m->set_slots - 1);
    while (m->sets[at] && c->set_keys.items[m->sets[at] - 1] != key) {
        at = (at + 1) & (m->set_slots - 1);
    }
    if (m->sets[at]) {
        *number = m->sets[at] - 1;
        return true;
    }
    *number = (uint32_t)c->set_keys.count;
    m->sets[at] = *number + 1;
    for (size_t i = 0; i < f->term_count; i++) {
        if (!vec_push(&c->terms, f->terms[i])) {
            return false;
        }
    }
    return vec_push(&c->set_keys, key) && vec_push(&c->set_start, (uint32_t)c->terms.count);
}

/* ---- A chunk ------------------------------------------------------------------------------- */

static bool begin(chunk_maker *m, chunk *c, uint32_t first, uint32_t count) {
    size_t set_slots = 64;
    while (set_slots < 2 * (size_t)count) {
        set_slots *= 2;
    }
    m->hashes.count = m->prints.count = m->df.count = 0;
    m->numbers.count = m->number_end.count = 0;
    memset(m->slots, 0, (m->mask + 1) * sizeof *m->slots);
    free(m->sets);
    m->sets = calloc(set_slots, sizeof *m->sets);
    m->set_slots = set_slots;
    c->first = first;
    c->count = count;
    c->set_of = malloc(((size_t)count + 1) * sizeof *c->set_of);
    return m->sets && c->set_of && vec_push(&c->set_start, 0);
}

static bool add_names(chunk *c, str id, str title) {
    buffer_put_str(&c->names, id);
    bool pushed = vec_push(&c->name_end, (uint32_t)c->names.len);
    buffer_put_str(&c->names, title);
    return pushed && vec_push(&c->name_end, (uint32_t)c->names.len) && !c->names.failed;
}

/* Of all that an answer depends on; a sum, so that it does not depend on how posts are chunked. */
static uint64_t print_of(const features *f, const stored_post *stored, uint64_t print) {
    uint64_t all = hash64_seed(stored->id.data, stored->id.len, print);
    all = hash64_seed(f->title.data, f->title.len, all);
    all = hash64_seed(f->terms, f->term_count * sizeof *f->terms, all);
    return hash64_seed(f->shingles, f->shingle_count * sizeof *f->shingles, all);
}

anp_status chunk_make(chunk_maker *m, reader *r, const stored_post *posts, uint32_t first,
                      uint32_t count, chunk *out, anp_error *err) {
    bool made = begin(m, out, first, count);
    for (uint32_t i = 0; made && i < count; i++) {
        features f;
        TRY(reader_read(r, &posts[i], &f, err));
        uint64_t print = post_print(first + i);
        made = m->numbers.count + f.shingle_count < UINT32_MAX && add_post(m, &f, i, print) &&
               add_set(m, out, &f, &out->set_of[i]) && add_names(out, posts[i].id, f.title);
        out->print += print_of(&f, &posts[i], print);
    }
    return made && finish(m, out) ? ANP_OK : error_nomem(err, "similar posts");
}
