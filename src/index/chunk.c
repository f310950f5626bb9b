/*
 * See chunk.h. Features get numbers by one table a side, whose entries also say which post had them
 * last (so that a post's repeats are seen by the same look-up), and sums of their posts' prints.
 * When all is added, features of one print and df are one class; what was added is walked again to
 * list each class's posts.
 *
 * Prints are sums of 64-bit random numbers: two different lists agree in print and length with a
 * chance of 2^-64, the same that is accepted of shingle hashes.
 *
 * Cost: some 2 µs a post of 380 shingles that others have too.
 */
#include "index/chunk.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/vec.h"

enum { SLOTS_AT_FIRST = 1 << 12, AHEAD = 16, BUCKET_SORTED = 32 };

typedef struct slot {
    uint64_t hash;
    uint32_t number; /* plus 1; 0: free */
    uint32_t source; /* that had it last, plus 1 */
} slot;

/* What is added of one kind. */
typedef struct side {
    slot *slots;
    size_t mask;
    VEC(uint64_t) hashes; /* by number */
    VEC(uint64_t) prints;
    VEC(uint32_t) df;
    VEC(uint32_t) numbers;    /* of all sources, one behind the other */
    VEC(uint32_t) number_end; /* by source */
} side;

/* A post, or part of another chunk. */
typedef struct source {
    const chunk *part;
    const uint16_t *places;
    uint32_t first; /* the place of its first post */
} source;

struct chunk_maker {
    side text, about;
    VEC(source) sources;
    uint32_t count; /* of posts */
    size_t most;
};

static bool open_side(side *s) {
    s->slots = calloc(SLOTS_AT_FIRST, sizeof *s->slots);
    s->mask = SLOTS_AT_FIRST - 1;
    return s->slots != NULL;
}

static void close_side(side *s) {
    free(s->slots);
    free(s->hashes.items);
    free(s->prints.items);
    free(s->df.items);
    free(s->numbers.items);
    free(s->number_end.items);
}

chunk_maker *chunk_maker_open(void) {
    chunk_maker *m = calloc(1, sizeof *m);
    if (m && (!open_side(&m->text) || !open_side(&m->about))) {
        chunk_maker_close(m);
        m = NULL;
    }
    return m;
}

void chunk_maker_close(chunk_maker *m) {
    if (m) {
        close_side(&m->text);
        close_side(&m->about);
        free(m->sources.items);
        free(m);
    }
}

static void clear_side(side *s) {
    memset(s->slots, 0, (s->mask + 1) * sizeof *s->slots);
    s->hashes.count = s->prints.count = s->df.count = 0;
    s->numbers.count = s->number_end.count = 0;
}

void chunk_maker_begin(chunk_maker *m, size_t most) {
    clear_side(&m->text);
    clear_side(&m->about);
    m->sources.count = 0;
    m->count = 0;
    m->most = most;
}

bool chunk_maker_full(const chunk_maker *m) {
    return m->text.hashes.count > m->most;
}

/* ---- Adding -------------------------------------------------------------------------------- */

/* A random number for each place. */
static uint64_t print_of(uint32_t place) {
    return hash_mix64(((uint64_t)place + 1) * 0x9e3779b97f4a7c15u);
}

static slot *find(slot *slots, size_t mask, uint64_t hash) {
    size_t at = hash & mask;
    while (slots[at].number && slots[at].hash != hash) {
        at = (at + 1) & mask;
    }
    return &slots[at];
}

static bool grow(side *s) {
    size_t mask = s->mask * 2 + 1;
    slot *grown = calloc(mask + 1, sizeof *grown);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; i <= s->mask; i++) {
        if (s->slots[i].number) {
            *find(grown, mask, s->slots[i].hash) = s->slots[i];
        }
    }
    free(s->slots);
    s->slots = grown;
    s->mask = mask;
    return true;
}

/* The slot of a feature, with a number; NULL when memory is out. */
static inline slot *need_slot(side *s, uint64_t hash) {
    slot *found = find(s->slots, s->mask, hash);
    if (found->number) {
        return found;
    }
    *found = (slot){hash, (uint32_t)s->hashes.count + 1, 0};
    bool made = vec_push(&s->hashes, hash) && vec_push(&s->prints, 0) && vec_push(&s->df, 0);
    if (made && s->hashes.count * 2 > s->mask) {
        made = grow(s);
        found = made ? find(s->slots, s->mask, hash) : NULL;
    }
    return made ? found : NULL;
}

static bool add_features(side *s, const uint64_t *hashes, size_t count, uint64_t print,
                         uint32_t nth) {
    if (s->numbers.count + count >= UINT32_MAX ||
        !vec_reserve(&s->numbers, s->numbers.count + count)) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            __builtin_prefetch(&s->slots[hashes[i + AHEAD] & s->mask]);
        }
        slot *found = need_slot(s, hashes[i]);
        if (!found) {
            return false;
        }
        if (found->source != nth + 1) {
            uint32_t number = found->number - 1;
            found->source = nth + 1;
            s->prints.items[number] += print;
            s->df.items[number]++;
            s->numbers.items[s->numbers.count++] = number;
        }
    }
    return vec_push(&s->number_end, (uint32_t)s->numbers.count);
}

bool chunk_maker_add(chunk_maker *m, const features *f) {
    uint32_t nth = (uint32_t)m->sources.count;
    uint64_t print = print_of(m->count);
    if (chunk_maker_full(m)) {
        return true;
    }
    return vec_push(&m->sources, ((source){.first = m->count++})) &&
           add_features(&m->text, f->shingles, f->shingle_count, print, nth) &&
           add_features(&m->about, f->terms, f->term_count, print, nth);
}

/* Of each class: the prints of its posts that come, and how many do. */
static bool add_part(side *s, const chunk_side *part, const uint16_t *places, uint32_t first) {
    uint64_t *prints = calloc((size_t)part->class_count + 1, sizeof *prints);
    uint32_t *df = calloc((size_t)part->class_count + 1, sizeof *df);
    bool made = prints && df && s->numbers.count + part->feature_count < UINT32_MAX &&
                vec_reserve(&s->numbers, s->numbers.count + part->feature_count);
    for (uint32_t c = 0; made && c < part->class_count; c++) {
        for (uint32_t i = part->start[c]; i < part->start[c + 1]; i++) {
            uint16_t place = places[part->posts[i]];
            if (place != CHUNK_NOWHERE) {
                prints[c] += print_of(first + place);
                df[c]++;
            }
        }
    }
    for (uint32_t i = 0; made && i < part->feature_count; i++) {
        uint32_t c = part->classes[i], number = UINT32_MAX;
        slot *found = df[c] ? need_slot(s, part->hashes[i]) : NULL;
        made = found || !df[c];
        if (found) {
            number = found->number - 1;
            s->prints.items[number] += prints[c];
            s->df.items[number] += df[c];
        }
        s->numbers.items[s->numbers.count++] = number; /* by place among the part's features */
    }
    free(prints);
    free(df);
    return made && vec_push(&s->number_end, (uint32_t)s->numbers.count);
}

bool chunk_maker_add_part(chunk_maker *m, const chunk *part, const uint16_t *places,
                          uint32_t count) {
    source s = {part, places, m->count};
    if (chunk_maker_full(m)) {
        return true;
    }
    m->count += count;
    return vec_push(&m->sources, s) && add_part(&m->text, &part->text, places, s.first) &&
           add_part(&m->about, &part->about, places, s.first);
}

/* ---- Classes ------------------------------------------------------------------------------- */

static int by_hash(const void *a, const void *b) {
    const slot *x = a, *y = b;
    return (x->hash > y->hash) - (x->hash < y->hash);
}

/* Hashes with their numbers, ascending. They are uniform: as many buckets as there are hashes, by
   their first bits, hold about one each. */
static slot *sort_features(const side *s) {
    size_t n = s->hashes.count;
    unsigned bits = 1;
    while (((size_t)1 << bits) < n) {
        bits++;
    }
    slot *sorted = malloc((n + 1) * sizeof *sorted);
    uint32_t *place = calloc(((size_t)1 << bits) + 1, sizeof *place);
    if (!sorted || !place) {
        free(sorted);
        free(place);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        place[(s->hashes.items[i] >> (64 - bits)) + 1]++;
    }
    for (size_t b = 0; b < (size_t)1 << bits; b++) {
        place[b + 1] += place[b];
    }
    for (size_t i = 0; i < n; i++) {
        uint64_t hash = s->hashes.items[i];
        sorted[place[hash >> (64 - bits)]++] = (slot){.hash = hash, .number = (uint32_t)i};
    }
    for (size_t from = 0, b = 0; b < (size_t)1 << bits; from = place[b++]) {
        if (place[b] - from > BUCKET_SORTED) {
            qsort(sorted + from, place[b] - from, sizeof *sorted, by_hash);
        }
        for (size_t i = from + 1; i < place[b]; i++) {
            slot moved = sorted[i];
            size_t at = i;
            for (; at > from && sorted[at - 1].hash > moved.hash; at--) {
                sorted[at] = sorted[at - 1];
            }
            sorted[at] = moved;
        }
    }
    free(place);
    return sorted;
}

/* out->classes by place; `of`: by number; df: by class. */
static bool find_classes(const side *s, const slot *sorted, uint32_t *of, uint32_t *df,
                         chunk_side *out) {
    size_t n = s->hashes.count, slots = 64;
    while (slots < 2 * n) {
        slots *= 2;
    }
    uint32_t *table = calloc(slots, sizeof *table); /* a feature of the class, plus 1 */
    for (size_t i = 0; table && i < n; i++) {
        uint32_t number = sorted[i].number;
        uint64_t print = s->prints.items[number];
        size_t at = (print ^ print >> 32) & (slots - 1);
        while (table[at] && (s->prints.items[table[at] - 1] != print ||
                             s->df.items[table[at] - 1] != s->df.items[number])) {
            at = (at + 1) & (slots - 1);
        }
        if (!table[at]) {
            table[at] = number + 1;
            df[out->class_count] = s->df.items[number];
            of[number] = out->class_count++;
        }
        of[number] = of[table[at] - 1];
        out->classes[i] = of[number];
        out->hashes[i] = sorted[i].hash;
    }
    free(table);
    return table != NULL;
}

/* Where the next post of each class goes, and which source listed its posts last. */
typedef struct filling {
    uint32_t *next;
    uint32_t *seen;
} filling;

/* What a source adds to the lists of its features' classes: each class once, since its features
   stand in the same posts. */
static void list_source(const side *s, const source *from, const chunk_side *part, uint32_t nth,
                        const uint32_t *of, filling *f, uint16_t *posts) {
    uint32_t begin = nth ? s->number_end.items[nth - 1] : 0;
    for (uint32_t i = begin; i < s->number_end.items[nth]; i++) {
        uint32_t number = s->numbers.items[i], class = number == UINT32_MAX ? 0 : of[number];
        if (number == UINT32_MAX || f->seen[class] == nth + 1) {
            continue;
        }
        f->seen[class] = nth + 1;
        if (!part) {
            posts[f->next[class]++] = (uint16_t)from->first;
            continue;
        }
        uint32_t theirs = part->classes[i - begin];
        for (uint32_t p = part->start[theirs]; p < part->start[theirs + 1]; p++) {
            uint16_t place = from->places[part->posts[p]];
            if (place != CHUNK_NOWHERE) {
                posts[f->next[class]++] = (uint16_t)(from->first + place);
            }
        }
    }
}

static bool list_posts(const chunk_maker *m, const side *s, const uint32_t *of, const uint32_t *df,
                       chunk_side *out) {
    size_t classes = (size_t)out->class_count + 1;
    filling f = {malloc(classes * sizeof *f.next), calloc(classes, sizeof *f.seen)};
    uint64_t total = 0;
    out->start = malloc((classes + 1) * sizeof *out->start);
    bool made = f.next && f.seen && out->start;
    for (uint32_t c = 0; made && c < out->class_count; c++) {
        out->start[c] = f.next[c] = (uint32_t)total;
        total += df[c];
        made = total < UINT32_MAX;
    }
    out->posts = made ? malloc((total + 1) * sizeof *out->posts) : NULL;
    if (out->posts) {
        out->start[out->class_count] = (uint32_t)total;
        for (uint32_t nth = 0; nth < m->sources.count; nth++) {
            const source *from = &m->sources.items[nth];
            const chunk *c = from->part;
            const chunk_side *part = !c ? NULL : s == &m->text ? &c->text : &c->about;
            list_source(s, from, part, nth, of, &f, out->posts);
        }
    }
    free(f.next);
    free(f.seen);
    return out->posts != NULL;
}

static bool finish_side(const chunk_maker *m, const side *s, chunk_side *out) {
    size_t n = s->hashes.count;
    slot *sorted = sort_features(s);
    uint32_t *of = malloc((n + 1) * sizeof *of), *df = malloc((n + 1) * sizeof *df);
    out->feature_count = (uint32_t)n;
    out->hashes = malloc((n + 1) * sizeof *out->hashes);
    out->classes = malloc((n + 1) * sizeof *out->classes);
    bool made = sorted && of && df && out->hashes && out->classes &&
                find_classes(s, sorted, of, df, out) && list_posts(m, s, of, df, out);
    free(sorted);
    free(of);
    free(df);
    return made;
}

anp_status chunk_maker_finish(chunk_maker *m, chunk *out, anp_error *err) {
    *out = (chunk){.count = m->count};
    return finish_side(m, &m->text, &out->text) && finish_side(m, &m->about, &out->about)
               ? ANP_OK
               : error_nomem(err, "similar posts");
}

static void free_side(chunk_side *s) {
    free(s->hashes);
    free(s->classes);
    free(s->start);
    free(s->posts);
}

void chunk_free(chunk *c) {
    free_side(&c->text);
    free_side(&c->about);
    *c = (chunk){0};
}
