/*
 * See family.h. A join:
 *
 *     1  every distinct hash of every part gets a number; prints and dfs are added up
 *     2  hashes of one print and df are one class; classes are numbered by df
 *     3  a part's class falls apart into classes: which ones its hashes belong to
 *     4  lists are written by item, then the items' classes by list, which sorts them
 *
 * Cost: a look-up for each distinct hash of a part, two random writes for each entry of a list.
 */
#include "similar/family.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/pages.h"

#include <stdlib.h>

enum { AHEAD = 16 };

void family_free(family *f) {
    free(f->df);
    free(f->members);
    free(f->list_start);
    free(f->lists);
    free(f->bits);
    free(f->item_start);
    free(f->item_classes);
    free(f->slots);
    free(f->hashes);
    free(f->classes);
    *f = (family){0};
}

/* ---- 1: numbers of features ---------------------------------------------------------------- */

typedef struct numbering {
    family *f;
    size_t capacity;
    uint64_t *prints; /* by number */
    uint32_t *df;     /* posts */
    uint32_t *items;
} numbering;

static void free_numbering(numbering *n) {
    free(n->prints);
    free(n->df);
    free(n->items);
}

static size_t find_slot(const family *f, uint64_t hash) {
    size_t at = hash & f->slot_mask;
    while (f->slots[at] && f->hashes[f->slots[at] - 1] != hash) {
        at = (at + 1) & f->slot_mask;
    }
    return at;
}

static bool grow_to(void **items, size_t size, size_t capacity) {
    void *grown = realloc(*items, capacity * size);
    *items = grown ? grown : *items;
    return grown != NULL;
}

/* Room for `more` features. */
static bool reserve(numbering *n, size_t more) {
    family *f = n->f;
    size_t need = f->feature_count + more, capacity = n->capacity ? n->capacity : 1024;
    if (need >= UINT32_MAX) {
        return false;
    }
    while (capacity < need) {
        capacity += capacity / 2;
    }
    if (capacity != n->capacity) {
        if (!grow_to((void **)&f->hashes, sizeof *f->hashes, capacity) ||
            !grow_to((void **)&n->prints, sizeof *n->prints, capacity) ||
            !grow_to((void **)&n->df, sizeof *n->df, capacity) ||
            !grow_to((void **)&n->items, sizeof *n->items, capacity)) {
            return false;
        }
        n->capacity = capacity;
    }
    size_t slots = f->slots ? f->slot_mask + 1 : 1024;
    while (slots < need + need / 2) {
        slots *= 2;
    }
    if (!f->slots || slots != f->slot_mask + 1) {
        free(f->slots);
        f->slots = calloc(slots, sizeof *f->slots);
        f->slot_mask = slots - 1;
        for (uint32_t i = 0; f->slots && i < f->feature_count; i++) {
            f->slots[find_slot(f, f->hashes[i])] = i + 1;
        }
    }
    return f->slots != NULL;
}

/* The feature's number; it gains these posts and items. Room was reserved. */
static uint32_t add_feature(numbering *n, uint64_t hash, uint64_t print, uint32_t df,
                            uint32_t items) {
    family *f = n->f;
    size_t at = find_slot(f, hash);
    if (!f->slots[at]) {
        uint32_t number = f->feature_count++;
        f->hashes[number] = hash;
        n->prints[number] = 0;
        n->df[number] = n->items[number] = 0;
        f->slots[at] = number + 1;
    }
    uint32_t number = f->slots[at] - 1;
    n->prints[number] += print;
    n->df[number] += df;
    n->items[number] += items;
    return number;
}

uint32_t family_find(const family *f, uint64_t hash) {
    size_t at = f->slots ? find_slot(f, hash) : 0;
    return f->slots && f->slots[at] ? f->classes[f->slots[at] - 1] : FAMILY_NONE;
}

/* ---- 2: classes ---------------------------------------------------------------------------- */

/* Numbers classes by df: a counting sort where dfs are small, which nearly all are. */
static bool order_classes(family *f, uint32_t **items) {
    uint32_t n = f->class_count, most = 0;
    for (uint32_t c = 0; c < n; c++) {
        most = f->df[c] > most ? f->df[c] : most;
    }
    uint32_t *place = calloc((size_t)most + 2, sizeof *place);
    uint32_t *rank = malloc(((size_t)n + 1) * sizeof *rank);
    uint32_t *df = pages_alloc(((size_t)n + 1) * sizeof *df);
    uint32_t *members = malloc(((size_t)n + 1) * sizeof *members);
    uint32_t *sorted = malloc(((size_t)n + 1) * sizeof *sorted);
    bool made = place && rank && df && members && sorted;
    for (uint32_t c = 0; made && c < n; c++) {
        place[f->df[c] + 1]++;
    }
    for (uint32_t d = 0; made && d < most; d++) {
        place[d + 1] += place[d];
    }
    for (uint32_t c = 0; made && c < n; c++) {
        rank[c] = place[f->df[c]]++;
        df[rank[c]] = f->df[c];
        members[rank[c]] = f->members[c];
        sorted[rank[c]] = (*items)[c];
    }
    if (made) {
        free(f->df);
        free(f->members);
        free(*items);
        f->df = df;
        f->members = members;
        *items = sorted;
        for (uint32_t i = 0; i < f->feature_count; i++) {
            f->classes[i] = rank[f->classes[i]];
        }
    } else {
        free(df);
        free(members);
        free(sorted);
    }
    free(place);
    free(rank);
    return made;
}

/* items: of each class, how many items its list has. */
static bool find_classes(numbering *n, uint32_t **items) {
    family *f = n->f;
    size_t slots = 64, room = (size_t)f->feature_count + 1;
    while (slots < room + room / 2) {
        slots *= 2;
    }
    uint32_t *table = calloc(slots, sizeof *table); /* a feature of the class, plus 1 */
    f->classes = malloc(room * sizeof *f->classes);
    f->df = malloc(room * sizeof *f->df);
    f->members = malloc(room * sizeof *f->members);
    *items = malloc(room * sizeof **items);
    bool made = table && f->classes && f->df && f->members && *items;
    for (uint32_t i = 0; made && i < f->feature_count; i++) {
        uint64_t print = n->prints[i];
        size_t at = (print ^ print >> 32) & (slots - 1);
        while (table[at] &&
               (n->prints[table[at] - 1] != print || n->df[table[at] - 1] != n->df[i])) {
            at = (at + 1) & (slots - 1);
        }
        if (!table[at]) {
            uint32_t class = f->class_count++;
            table[at] = i + 1;
            f->df[class] = n->df[i];
            f->members[class] = 0;
            (*items)[class] = n->items[i];
            f->classes[i] = class;
        }
        f->classes[i] = f->classes[table[at] - 1];
        f->members[f->classes[i]]++;
    }
    free(table);
    return made && order_classes(f, items);
}

/* ---- 4: lists ------------------------------------------------------------------------------ */

/* Room for the lists, whose lengths are known. */
static bool make_lists(family *f, const uint32_t *items) {
    size_t total = 0, dense = 0;
    size_t blocks = ((size_t)f->item_count + FAMILY_BLOCK - 1) / FAMILY_BLOCK;
    f->row_words = blocks * (FAMILY_BLOCK / 64);
    f->class_dense = 0;
    f->list_start = pages_alloc(((size_t)f->class_count + 1) * sizeof *f->list_start);
    if (!f->list_start) {
        return false;
    }
    /* By df as classes are numbered; where items count for several posts that is near enough. */
    while (f->class_dense < f->class_count &&
           items[f->class_dense] < f->item_count / FAMILY_DENSE + 1) {
        f->list_start[f->class_dense] = total;
        total += items[f->class_dense++];
    }
    f->list_start[f->class_dense] = total;
    dense = f->class_count - f->class_dense;
    f->lists = pages_alloc((total + 1) * sizeof *f->lists);
    f->bits = pages_zeroed((dense * f->row_words + 8) * sizeof *f->bits);
    return f->lists && f->bits;
}

/* Adds an item to a list, in ascending order of items. fill: of each sparse class. */
static inline void add_to_list(family *f, size_t *fill, uint32_t class, uint32_t item) {
    if (class < f->class_dense) {
        f->lists[fill[class]++] = item;
    } else {
        f->bits[(size_t)(class - f->class_dense) * f->row_words + item / 64] |= (uint64_t)1
                                                                               << item % 64;
    }
}

/* The items' classes out of the lists; item_start holds how many each has, one place ahead. */
static bool turn(family *f) {
    size_t *fill = pages_alloc(((size_t)f->item_count + 1) * sizeof *fill);
    for (uint32_t i = 0; i < f->item_count; i++) {
        f->item_start[i + 1] += f->item_start[i];
    }
    size_t total = f->item_start[f->item_count];
    f->item_classes = pages_alloc((total + 1) * sizeof *f->item_classes);
    bool made = fill && f->item_classes;
    if (made) {
        memcpy(fill, f->item_start, f->item_count * sizeof *fill);
        for (uint32_t c = 0; c < f->class_dense; c++) {
            for (size_t i = f->list_start[c]; i < f->list_start[c + 1]; i++) {
                f->item_classes[fill[f->lists[i]]++] = c;
            }
        }
        for (uint32_t c = f->class_dense; c < f->class_count; c++) {
            const uint64_t *row = family_bits(f, c);
            for (size_t w = 0; w < f->row_words; w++) {
                for (uint64_t word = row[w]; word; word &= word - 1) {
                    size_t item = w * 64 + (size_t)__builtin_ctzll(word);
                    f->item_classes[fill[item]++] = c;
                }
            }
        }
    }
    free(fill);
    return made;
}

bool family_same(const family *f, uint32_t a, uint32_t b) {
    size_t count = f->item_start[a + 1] - f->item_start[a];
    return count == f->item_start[b + 1] - f->item_start[b] &&
           (count == 0 || memcmp(f->item_classes + f->item_start[a],
                                 f->item_classes + f->item_start[b],
                                 count * sizeof *f->item_classes) == 0);
}

/* ---- Shingles of parts --------------------------------------------------------------------- */

static uint32_t posts_of(const chunk_side *s, uint32_t class) {
    return s->start[class + 1] - s->start[class];
}

/* Numbers instead of hashes; FAMILY_NONE: no post is left. */
static bool number_part(numbering *n, corpus_part *p, uint32_t *numbers) {
    const chunk_side *s = &p->text;
    if (!reserve(n, s->feature_count)) {
        return false;
    }
    for (uint32_t i = 0; i < s->feature_count; i++) {
        if (i + AHEAD < s->feature_count) {
            __builtin_prefetch(&n->f->slots[s->hashes[i + AHEAD] & n->f->slot_mask]);
        }
        uint32_t class = s->classes[i], df = posts_of(s, class);
        numbers[i] = df ? add_feature(n, s->hashes[i], p->prints[class], df, df) : FAMILY_NONE;
    }
    free(p->text.hashes);
    free(p->prints);
    p->text.hashes = p->prints = NULL;
    return true;
}

/* Which classes each of a part's classes falls apart into: parts[start[k]] … */
typedef struct split {
    uint32_t *start;
    uint32_t *parts;
} split;

static bool split_part(const family *f, const corpus_part *p, const uint32_t *numbers,
                       uint32_t *seen, split *out) {
    const chunk_side *s = &p->text;
    uint32_t n = s->class_count;
    uint32_t *start = calloc((size_t)n + 2, sizeof *start);
    uint32_t *parts = malloc(((size_t)s->feature_count + 1) * sizeof *parts);
    if (!start || !parts) {
        free(start);
        free(parts);
        return false;
    }
    for (uint32_t i = 0; i < s->feature_count; i++) {
        start[s->classes[i] + 2] += numbers[i] != FAMILY_NONE;
    }
    for (uint32_t k = 0; k < n; k++) {
        start[k + 2] += start[k + 1];
    }
    for (uint32_t i = 0; i < s->feature_count; i++) {
        if (numbers[i] != FAMILY_NONE) {
            parts[start[s->classes[i] + 1]++] = f->classes[numbers[i]];
        }
    }
    /* Each once: a class stands in one of the part's classes alone. */
    uint32_t kept = 0, from = 0;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t end = start[k + 1];
        start[k] = kept;
        for (uint32_t i = from; i < end; i++) {
            if (!seen[parts[i]]) {
                seen[parts[i]] = 1;
                parts[kept++] = parts[i];
            }
        }
        from = end;
    }
    start[n] = kept;
    for (uint32_t i = 0; i < kept; i++) {
        seen[parts[i]] = 0;
    }
    *out = (split){start, parts};
    return true;
}

/* A class after the other: parts follow in the order of their posts, so each list ascends. */
static void list_part(family *f, const corpus_part *p, const split *s, size_t *fill) {
    size_t *have = f->item_start + p->first + 1;
    for (uint32_t k = 0; k < p->text.class_count; k++) {
        const uint16_t *posts = p->text.posts + p->text.start[k];
        uint32_t count = posts_of(&p->text, k);
        for (uint32_t at = s->start[k]; at < s->start[k + 1]; at++) {
            for (uint32_t i = 0; i < count; i++) {
                add_to_list(f, fill, s->parts[at], p->first + posts[i]);
            }
        }
        for (uint32_t i = 0; i < count; i++) {
            have[posts[i]] += s->start[k + 1] - s->start[k];
        }
    }
}

static void free_lists(corpus_part *p) {
    free(p->text.classes);
    free(p->text.start);
    free(p->text.posts);
    p->text = (chunk_side){0};
}

static bool list_parts(family *f, corpus_part *parts, size_t count, uint32_t **numbers) {
    size_t *fill = pages_alloc(((size_t)f->class_dense + 1) * sizeof *fill);
    uint32_t *seen = calloc((size_t)f->class_count + 1, sizeof *seen);
    bool made = fill && seen;
    if (made) {
        memcpy(fill, f->list_start, f->class_dense * sizeof *fill);
    }
    for (size_t i = 0; i < count && made; i++) {
        split s = {0};
        made = split_part(f, &parts[i], numbers[i], seen, &s);
        if (made) {
            list_part(f, &parts[i], &s, fill);
            free_lists(&parts[i]);
        }
        free(s.start);
        free(s.parts);
        free(numbers[i]);
        numbers[i] = NULL;
    }
    free(fill);
    free(seen);
    return made && turn(f);
}

anp_status family_join(corpus_part *parts, size_t count, uint32_t item_count, family *out,
                       anp_error *err) {
    *out = (family){.item_count = item_count};
    numbering n = {.f = out};
    uint32_t *items = NULL;
    uint32_t **numbers = calloc(count + 1, sizeof *numbers);
    out->item_start = pages_zeroed(((size_t)item_count + 2) * sizeof *out->item_start);
    bool made = numbers && out->item_start && reserve(&n, 1);
    for (size_t i = 0; i < count && made; i++) {
        numbers[i] = malloc(((size_t)parts[i].text.feature_count + 1) * sizeof **numbers);
        made = numbers[i] && number_part(&n, &parts[i], numbers[i]);
    }
    made = made && find_classes(&n, &items);
    free_numbering(&n);
    made = made && make_lists(out, items) && list_parts(out, parts, count, numbers);
    for (size_t i = 0; numbers && i < count; i++) {
        free(numbers[i]);
    }
    free(numbers);
    free(items);
    if (!made) {
        family_free(out);
        return error_nomem(err, "similar posts");
    }
    return ANP_OK;
}

/* ---- Sets ---------------------------------------------------------------------------------- */

anp_status family_of_sets(const uint64_t *hashes, const uint32_t *start, const uint32_t *posts,
                          uint32_t item_count, family *out, anp_error *err) {
    *out = (family){.item_count = item_count};
    numbering n = {.f = out};
    size_t total = item_count ? start[item_count] : 0;
    uint32_t *items = NULL, *numbers = malloc((total + 1) * sizeof *numbers);
    size_t *fill = NULL;
    out->item_start = pages_zeroed(((size_t)item_count + 2) * sizeof *out->item_start);
    bool made = numbers && out->item_start && reserve(&n, total + 1);
    for (uint32_t i = 0; made && i < item_count; i++) {
        for (uint32_t j = start[i]; j < start[i + 1]; j++) {
            numbers[j] = add_feature(&n, hashes[j], post_print(i), posts[i], 1);
        }
    }
    made = made && find_classes(&n, &items);
    free_numbering(&n);
    made = made && make_lists(out, items);
    fill = made ? malloc(((size_t)out->class_dense + 1) * sizeof *fill) : NULL;
    if (fill) {
        memcpy(fill, out->list_start, out->class_dense * sizeof *fill);
    }
    for (uint32_t i = 0; fill && i < item_count; i++) {
        /* Features of one class stand in the same items: the class is listed by its first. */
        for (uint32_t j = start[i]; j < start[i + 1]; j++) {
            uint32_t class = out->classes[numbers[j]];
            bool is_first = true;
            for (uint32_t k = start[i]; k < j && is_first; k++) {
                is_first = out->classes[numbers[k]] != class;
            }
            if (is_first) {
                add_to_list(out, fill, class, i);
                out->item_start[i + 1]++;
            }
        }
    }
    made = fill && turn(out);
    free(fill);
    free(numbers);
    free(items);
    if (!made) {
        family_free(out);
        return error_nomem(err, "similar posts");
    }
    return ANP_OK;
}
