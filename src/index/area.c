/* See area.h. */
#include "index/area.h"

#include "base/error.h"
#include "base/pages.h"

enum {
    PARTS_MAX = 8,
    WAITING_MAX = 32,
    BYTES_BITS = 44, /* of a term's bytes; how many postings it has stands above them */
};

/* ---- The terms that may occur, numbered densely -------------------------------------------- */

/* Numbers of terms are dense as a whole and sparse in one batch: 64 of them, and how many that may
   occur stand before them. */
typedef struct terms_word {
    uint64_t bits;
    uint32_t before;
} terms_word;

/* A drafter's numbers of terms, which many posts share, to dense ones. */
typedef struct dense_map {
    const uint32_t *map; /* to the index's numbers, as the posts have it */
    uint32_t count;
    uint32_t *dense;
} dense_map;

typedef struct part {
    const struct inversion *of;
    uint32_t from, to; /* of the posts */
    size_t *terms;     /* by dense number: bytes and postings, then where the next posting goes */
    bool damaged;
    pool_task task;
} part;

typedef struct inversion {
    area *area;
    const forward_view *posts;
    uint32_t count;
    uint16_t low_first;
    bool titles;
    VEC(terms_word) words;
    VEC(dense_map) maps;
    uint32_t dense_count;
    part parts[PARTS_MAX];
    unsigned part_count;
} inversion;

static bool add_term(inversion *in, uint32_t number) {
    size_t word = number / 64, had = in->words.count;
    if (word >= had) {
        if (!vec_reserve(&in->words, word + 1)) {
            return false;
        }
        in->words.count = in->words.capacity;
        memset(in->words.items + had, 0, (in->words.count - had) * sizeof *in->words.items);
    }
    in->words.items[word].bits |= (uint64_t)1 << number % 64;
    return true;
}

static inline uint32_t dense_of(const inversion *in, uint32_t number) {
    const terms_word *word = &in->words.items[number / 64];
    uint64_t below = word->bits & (((uint64_t)1 << number % 64) - 1);
    return word->before + (uint32_t)__builtin_popcountll(below);
}

/* Posts of a drafter lie together, so the map in hand is nearly always the right one. */
static inline const dense_map *find_map(const inversion *in, const uint32_t *map, size_t *hand) {
    if (*hand >= in->maps.count || in->maps.items[*hand].map != map) {
        for (*hand = 0; *hand < in->maps.count && in->maps.items[*hand].map != map; ++*hand) {
        }
    }
    return *hand < in->maps.count ? &in->maps.items[*hand] : NULL;
}

/* The terms of posts: of a drafter's all that it knows, of a record those that it has. */
static bool add_terms(inversion *in) {
    size_t hand = 0;
    bool held = true;
    for (uint32_t i = 0; i < in->count && held; i++) {
        const forward_view *post = &in->posts[i];
        forward_walk walk = forward_walk_open(post);
        uint32_t number;
        str payload;
        if (!post->map) {
            while (held && forward_walk_next(&walk, &number, &payload)) {
                held = add_term(in, number);
            }
        } else if (!find_map(in, post->map, &hand)) {
            held = vec_push(&in->maps, ((dense_map){post->map, post->map_count, NULL}));
            for (uint32_t t = 0; t < post->map_count && held; t++) {
                held = add_term(in, post->map[t]);
            }
        }
    }
    return held;
}

static bool number_densely(inversion *in) {
    for (size_t i = 0; i < in->words.count; i++) {
        in->words.items[i].before = in->dense_count;
        in->dense_count += (uint32_t)__builtin_popcountll(in->words.items[i].bits);
    }
    for (size_t i = 0; i < in->maps.count; i++) {
        dense_map *m = &in->maps.items[i];
        m->dense = malloc(((size_t)m->count + 1) * sizeof *m->dense);
        if (!m->dense) {
            return false;
        }
        for (uint32_t t = 0; t < m->count; t++) {
            m->dense[t] = dense_of(in, m->map[t]);
        }
    }
    return true;
}

/* ---- Parts --------------------------------------------------------------------------------- */

/* Cut where about as many bytes of terms are on both sides. */
static bool cut_parts(inversion *in, unsigned most) {
    size_t all = 0, before = 0;
    uint32_t at = 0;
    in->part_count = most < 1 ? 1 : most < PARTS_MAX ? most : PARTS_MAX;
    for (uint32_t i = 0; i < in->count; i++) {
        all += (size_t)(in->posts[i].terms_end - in->posts[i].terms);
    }
    for (unsigned i = 0; i < in->part_count; i++) {
        part *p = &in->parts[i];
        *p = (part){.of = in, .from = at};
        size_t end = all / in->part_count * (i + 1);
        for (; at < in->count && (before < end || i + 1 == in->part_count); at++) {
            before += (size_t)(in->posts[at].terms_end - in->posts[at].terms);
        }
        p->to = at;
        p->terms = pages_zeroed(((size_t)in->dense_count + 1) * sizeof *p->terms);
        if (!p->terms) {
            return false;
        }
    }
    return true;
}

/* The walk gives a drafter's posts dense numbers at once. */
static inline forward_walk open_walk(const inversion *in, const forward_view *post, size_t *hand) {
    forward_walk walk = forward_walk_open(post);
    walk.map = post->map ? find_map(in, post->map, hand)->dense : NULL;
    return walk;
}

static inline __attribute__((always_inline)) bool
next_posting(const inversion *in, forward_walk *walk, uint32_t *term, str *payload) {
    bool more = forward_walk_next(walk, term, payload);
    if (more && !walk->map) {
        *term = dense_of(in, *term);
    }
    return more;
}

static void measure(void *user, unsigned worker) {
    part *p = user;
    size_t hand = 0;
    (void)worker;
    for (uint32_t i = p->from; i < p->to; i++) {
        forward_walk walk = open_walk(p->of, &p->of->posts[i], &hand);
        uint32_t term;
        str payload;
        while (next_posting(p->of, &walk, &term, &payload)) {
            bool counts = p->of->titles || (payload.len && payload.data[0]); /* body tf */
            p->terms[term] += sizeof(uint16_t) + payload.len + ((size_t)counts << BYTES_BITS);
        }
        p->damaged = p->damaged || walk.at != walk.end;
    }
}

/* Postings to be put to their places, which are fetched into the cache meanwhile. */
typedef struct waiting {
    uint32_t count;
    struct {
        uint32_t term;
        str payload;
    } postings[WAITING_MAX];
} waiting;

static inline void put_waiting(const part *p, waiting *w, uint16_t low) {
    uint8_t *bytes = p->of->area->bytes;
    for (uint32_t i = 0; i < w->count; i++) {
        __builtin_prefetch(bytes + p->terms[w->postings[i].term], 1);
    }
    for (uint32_t i = 0; i < w->count; i++) {
        uint8_t *to = bytes + p->terms[w->postings[i].term];
        str payload = w->postings[i].payload;
        p->terms[w->postings[i].term] += sizeof(uint16_t) + payload.len;
        store_u16(to, low);
        copy_short(to + sizeof(uint16_t), payload.data, payload.len);
    }
    w->count = 0;
}

static void scatter(void *user, unsigned worker) {
    part *p = user;
    waiting w = {0};
    size_t hand = 0;
    (void)worker;
    for (uint32_t i = p->from; i < p->to; i++) {
        forward_walk walk = open_walk(p->of, &p->of->posts[i], &hand);
        uint16_t low = (uint16_t)(p->of->low_first + i);
        uint32_t term;
        str payload;
        while (next_posting(p->of, &walk, &term, &payload)) {
            __builtin_prefetch(&p->terms[term], 1);
            w.postings[w.count].term = term;
            w.postings[w.count].payload = payload;
            if (++w.count == WAITING_MAX) {
                put_waiting(p, &w, low);
            }
        }
        put_waiting(p, &w, low);
    }
}

static void run_parts(inversion *in, pool *p, void (*run)(void *user, unsigned worker)) {
    for (unsigned i = 0; i < in->part_count; i++) {
        in->parts[i].task = (pool_task){.run = run, .user = &in->parts[i]};
        if (p) {
            pool_submit(p, &in->parts[i].task, true);
        } else {
            run(&in->parts[i], 0);
        }
    }
    for (unsigned i = 0; p && i < in->part_count; i++) {
        pool_wait(p, &in->parts[i].task);
    }
}

/* From the bytes of all parts, where each part's postings of each term begin. */
static void arrange_term(inversion *in, uint32_t number, uint32_t dense) {
    area *a = in->area;
    size_t start = a->len;
    uint32_t count = 0;
    for (unsigned i = 0; i < in->part_count; i++) {
        size_t *term = &in->parts[i].terms[dense], bytes = *term;
        *term = a->len;
        a->len += bytes & (((size_t)1 << BYTES_BITS) - 1);
        count += (uint32_t)(bytes >> BYTES_BITS);
    }
    if (a->len > start) { /* else a term of other posts of the same drafters */
        a->terms.items[a->terms.count++] = (area_term){number, count, a->len};
    }
}

/* An eighth more than is needed: the next one may be a little larger. */
static bool make_room(area *a) {
    if (!a->bytes || a->capacity < a->len) {
        free(a->bytes);
        a->capacity = a->len + a->len / 8 + 1;
        a->bytes = pages_alloc(a->capacity);
    }
    return a->bytes != NULL;
}

static bool arrange(inversion *in) {
    area *a = in->area;
    uint32_t dense = 0;
    if (!vec_reserve(&a->terms, in->dense_count)) {
        return false;
    }
    for (size_t word = 0; word < in->words.count; word++) {
        for (uint64_t bits = in->words.items[word].bits; bits; bits &= bits - 1) {
            uint32_t number = (uint32_t)word * 64 + (uint32_t)__builtin_ctzll(bits);
            arrange_term(in, number, dense++);
        }
    }
    return make_room(a);
}

/* ---- All of it ----------------------------------------------------------------------------- */

static anp_status invert(inversion *in, pool *p, const area_hook *hook, anp_error *err) {
    if (!add_terms(in) || !number_densely(in) || !cut_parts(in, p ? pool_workers(p) : 1)) {
        return error_nomem(err, "inverting posts");
    }
    run_parts(in, p, measure);
    for (unsigned i = 0; i < in->part_count; i++) {
        if (in->parts[i].damaged) {
            return error_corrupt(err, "a forward record is damaged");
        }
    }
    if (!arrange(in)) {
        return error_nomem(err, "inverting posts");
    }
    if (hook) {
        hook->measured(hook->user);
    }
    run_parts(in, p, scatter);
    return ANP_OK;
}

anp_status area_make(area *a, pool *p, const forward_view *posts, uint32_t count,
                     uint16_t low_first, bool titles, const area_hook *hook, anp_error *err) {
    inversion in = {
        .area = a, .posts = posts, .count = count, .low_first = low_first, .titles = titles};
    a->terms.count = a->len = 0;
    anp_status status = invert(&in, p, hook, err);
    for (size_t i = 0; i < in.maps.count; i++) {
        free(in.maps.items[i].dense);
    }
    for (unsigned i = 0; i < in.part_count; i++) {
        free(in.parts[i].terms);
    }
    free(in.maps.items);
    free(in.words.items);
    return status;
}

void area_free(area *a) {
    free(a->terms.items);
    free(a->bytes);
    *a = (area){0};
}
