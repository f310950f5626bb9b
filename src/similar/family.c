/* See family.h: features by bucket, classes, lists; families of sets. family_join.c tells what is
   done in which order. */
#include "similar/family_impl.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/pages.h"

#include <stdlib.h>

enum {
    SLOTS_AT_FIRST = 64,
    AHEAD = 16,
    ZONE_DENSE = 64, /* a class that so many of a zone's places have, as a share, is bits there */
};

/* Tests make these smaller. */
#ifndef ZONE_ITEMS_MIN
#define ZONE_ITEMS_MIN 1024 /* fewer go with those of about their size */
#endif
#ifndef SPLIT_MIN
#define SPLIT_MIN 128 /* items of a class that is cut where there are several zones */
#endif

void family_free_notes(family *f) {
    free(f->notes.prints);
    free(f->notes.df);
    free(f->notes.items);
    free(f->notes.first);
    f->notes = (family_notes){0};
}

void family_free(family *f) {
    free(f->df);
    free(f->members);
    free(f->list_start);
    free(f->lists);
    free(f->cuts);
    free(f->bits);
    free(f->item_at);
    free(f->place_of);
    free(f->item_start);
    free(f->item_classes);
    free(f->buckets);
    free(f->hashes);
    free(f->classes);
    free(f->slots);
    family_free_notes(f);
    *f = (family){0};
}

/* ---- Buckets ------------------------------------------------------------------------------- */

uint32_t family_find(const family *f, uint64_t hash) {
    const family_bucket *b = f->buckets ? &f->buckets[family_bucket_of(f, hash)] : NULL;
    size_t at = b && b->slots ? family_find_slot(b, hash) : 0;
    return b && b->slots && b->slots[at] ? b->classes[b->slots[at] - 1] : FAMILY_NONE;
}

bool family_open_features(family *f, size_t most, bool counts_items) {
    size_t room = most + 1;
    family_notes *n = &f->notes;
    f->hashes = malloc(room * sizeof *f->hashes);
    f->classes = malloc(room * sizeof *f->classes);
    n->prints = malloc(room * sizeof *n->prints);
    n->df = malloc(room * sizeof *n->df);
    n->first = calloc(room, sizeof *n->first);
    n->items = counts_items ? malloc(room * sizeof *n->items) : NULL;
    return f->hashes && f->classes && n->prints && n->df && n->first &&
           (n->items || !counts_items);
}

family_bucket family_bucket_at(const family *f, size_t from) {
    const family_notes *n = &f->notes;
    return (family_bucket){.hashes = f->hashes + from,
                           .classes = f->classes + from,
                           .notes = {n->prints + from, n->df + from,
                                     n->items ? n->items + from : NULL, n->first + from}};
}

void family_fill_slots(family_bucket *b) {
    for (uint32_t i = 0; i < b->count; i++) {
        b->slots[family_find_slot(b, b->hashes[i])] = i + 1;
    }
}

bool family_grow_slots(family_bucket *b) {
    size_t slots = b->slots ? 2 * (b->slot_mask + 1) : SLOTS_AT_FIRST;
    free(b->slots);
    b->slots = calloc(slots, sizeof *b->slots);
    b->slot_mask = slots - 1;
    if (b->slots) {
        family_fill_slots(b);
    }
    return b->slots != NULL;
}

void family_drop_slots(family_bucket *b) {
    free(b->slots);
    b->slots = NULL;
}

bool family_open_slots(family *f) {
    size_t total = 0, buckets = (size_t)1 << f->bucket_bits;
    for (size_t i = 0; i < buckets; i++) {
        family_bucket *b = &f->buckets[i];
        size_t slots = b->count ? 2 : 0;
        while (slots < (size_t)b->count + b->count / 2) {
            slots *= 2;
        }
        b->slot_mask = slots - 1;
        total += slots;
        f->feature_count += b->count;
    }
    f->slots = calloc(total + 1, sizeof *f->slots);
    total = 0;
    for (size_t i = 0; f->slots && i < buckets; i++) {
        family_bucket *b = &f->buckets[i];
        b->slots = b->count ? f->slots + total : NULL;
        total += b->slot_mask + 1;
    }
    return f->slots != NULL;
}

/* ---- Classes ------------------------------------------------------------------------------- */

static size_t share_of(uint64_t print) {
    return print >> (64 - FAMILY_SHARE_BITS);
}

static family_known *find_known(family_known *table, size_t mask, uint64_t print, uint32_t df) {
    size_t at = (print ^ print >> 32) & mask;
    while (table[at].class && (table[at].print != print || table[at].df != df)) {
        at = (at + 1) & mask;
    }
    return &table[at];
}

static bool grow_share(family_share *s) {
    size_t mask = s->table ? s->mask * 2 + 1 : SLOTS_AT_FIRST - 1;
    family_known *grown = pages_zeroed((mask + 1) * sizeof *grown);
    if (!grown) {
        return false;
    }
    for (size_t i = 0; s->table && i <= s->mask; i++) {
        if (s->table[i].class) {
            *find_known(grown, mask, s->table[i].print, s->table[i].df) = s->table[i];
        }
    }
    free(s->table);
    s->table = grown;
    s->mask = mask;
    return true;
}

static bool classify(family_share *s, family_bucket *b, uint32_t i) {
    if (s->df.count * 2 >= s->mask && !grow_share(s)) {
        return false;
    }
    const family_notes *n = &b->notes;
    family_known *k = find_known(s->table, s->mask, n->prints[i], n->df[i]);
    if (!k->class) {
        uint32_t items = n->items ? n->items[i] : n->df[i];
        *k = (family_known){n->prints[i], n->df[i], (uint32_t)s->df.count + 1};
        n->first[i] = 1;
        if (!vec_push(&s->df, n->df[i]) || !vec_push(&s->members, 0) ||
            !vec_push(&s->items, items)) {
            return false;
        }
    }
    b->classes[i] = k->class - 1;
    s->members.items[k->class - 1]++;
    return true;
}

bool family_find_classes(const family *f, family_share *s, size_t share) {
    if (!grow_share(s)) {
        return false;
    }
    for (size_t n = 0; n < (size_t)1 << f->bucket_bits; n++) {
        family_bucket *b = &f->buckets[n];
        for (uint32_t i = 0; i < b->count; i++) {
            if (i + AHEAD < b->count) {
                uint64_t later = b->notes.prints[i + AHEAD];
                __builtin_prefetch(&s->table[(later ^ later >> 32) & s->mask]);
            }
            if (share_of(b->notes.prints[i]) == share && !classify(s, b, i)) {
                return false;
            }
        }
    }
    return true;
}

bool family_join_classes(family *f, family_share *shares, uint32_t *starts, uint32_t **items) {
    size_t total = 0;
    for (size_t q = 0; q < FAMILY_SHARES; q++) {
        starts[q] = (uint32_t)total;
        total += shares[q].df.count;
    }
    f->df = malloc((total + 1) * sizeof *f->df);
    f->members = malloc((total + 1) * sizeof *f->members);
    *items = malloc((total + 1) * sizeof **items);
    if (!f->df || !f->members || !*items || total >= UINT32_MAX) {
        return false;
    }
    for (size_t q = 0; q < FAMILY_SHARES; q++) {
        size_t bytes = shares[q].df.count * sizeof *f->df;
        if (bytes) {
            memcpy(f->df + starts[q], shares[q].df.items, bytes);
            memcpy(f->members + starts[q], shares[q].members.items, bytes);
            memcpy(*items + starts[q], shares[q].items.items, bytes);
        }
    }
    f->class_count = (uint32_t)total;
    return true;
}

void family_free_share(family_share *s) {
    free(s->table);
    free(s->df.items);
    free(s->members.items);
    free(s->items.items);
    *s = (family_share){0};
}

bool family_order_classes(family *f, uint32_t **items, uint32_t **ranks) {
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
    } else {
        free(df);
        free(members);
        free(sorted);
    }
    free(place);
    *ranks = rank;
    return made;
}

void family_rank_classes(family_bucket *b, const uint32_t *starts, const uint32_t *ranks) {
    for (uint32_t i = 0; i < b->count; i++) {
        b->classes[i] = ranks[starts[share_of(b->notes.prints[i])] + b->classes[i]];
    }
}

/* ---- Lists --------------------------------------------------------------------------------- */

/* The level of a size: sizes of one level are less than twice as large as another. */
static unsigned level_of(uint32_t size) {
    return size ? 31 - (unsigned)__builtin_clz(size) : 0;
}

/* Levels from the least on are a zone once they have enough items; by level, its zone. */
static void choose_zones(family *f, const uint32_t *sizes, uint32_t *zones) {
    uint32_t have[32] = {0}, left = f->item_count, held = 0, places = 0, zone = 0;
    for (uint32_t i = 0; i < f->item_count; i++) {
        have[level_of(sizes[i])]++;
    }
    for (unsigned level = 0; level < 32; level++) {
        held += have[level];
        left -= have[level];
        zones[level] = zone;
        bool enough = held >= ZONE_ITEMS_MIN && left >= ZONE_ITEMS_MIN;
        if (level == 31 || (enough && zone + 1 < FAMILY_ZONES_MAX)) {
            places += (held + FAMILY_BLOCK - 1) / FAMILY_BLOCK * FAMILY_BLOCK;
            f->zone_start[++zone] = places;
            held = 0;
        }
    }
    f->zone_count = zone;
}

bool family_make_zones(family *f, const uint32_t *sizes) {
    uint32_t zones[32] = {0}, next[FAMILY_ZONES_MAX];
    f->zone_count = 1;
    f->zone_start[1] = (f->item_count + FAMILY_BLOCK - 1) / FAMILY_BLOCK * FAMILY_BLOCK;
    if (sizes) {
        choose_zones(f, sizes, zones);
    }
    uint32_t places = f->zone_start[f->zone_count];
    f->row_words = places / 64;
    if (f->zone_count == 1) {
        return true;
    }
    f->item_at = malloc(places * sizeof *f->item_at);
    f->place_of = malloc(((size_t)f->item_count + 1) * sizeof *f->place_of);
    if (!f->item_at || !f->place_of) {
        return false;
    }
    memset(f->item_at, 0xff, places * sizeof *f->item_at);
    memcpy(next, f->zone_start, sizeof next);
    for (uint32_t i = 0; i < f->item_count; i++) {
        uint32_t place = next[zones[level_of(sizes[i])]]++;
        f->item_at[place] = i;
        f->place_of[i] = place;
    }
    return true;
}

bool family_open_cuts(family *f, const uint32_t *items) {
    /* By df as classes are numbered; where items count for several posts that is near enough. */
    uint32_t dense = f->item_count / FAMILY_DENSE + 1, c = 0;
    uint32_t split = f->zone_count > 1 && SPLIT_MIN < dense ? SPLIT_MIN : dense;
    while (c < f->class_count && f->df[c] < 2) {
        c++;
    }
    f->class_shared = c;
    for (c = 0; c < f->class_count && items[c] < split; c++) {
    }
    f->class_split = c;
    for (; c < f->class_count && items[c] < dense; c++) {
    }
    f->class_dense = c;
    size_t cuts = (size_t)(f->class_count - f->class_split) * f->zone_count;
    f->cuts = calloc(cuts + 1, sizeof *f->cuts);
    for (c = f->class_split; f->cuts && f->zone_count == 1 && c < f->class_count; c++) {
        f->cuts[c - f->class_split].count = items[c];
    }
    return f->cuts != NULL;
}

/* Where a class's cuts go, of what was counted. *lists, *words: so many so far. */
static void place_cuts(family *f, uint32_t class, size_t *fill, size_t *lists, size_t *words) {
    for (uint32_t zone = 0; zone < f->zone_count; zone++) {
        uint32_t places = f->zone_start[zone + 1] - f->zone_start[zone];
        family_cut *cut = &f->cuts[family_cut_of(f, class, zone) - f->cuts];
        cut->is_bits = f->zone_count == 1 || cut->count >= places / ZONE_DENSE;
        cut->at = cut->is_bits ? *words : *lists;
        fill[f->class_split + (size_t)(cut - f->cuts)] = *lists;
        *words += cut->is_bits ? places / 64 : 0;
        *lists += cut->is_bits && class >= f->class_dense ? 0 : cut->count;
    }
}

bool family_make_lists(family *f, const uint32_t *items, size_t **fill) {
    size_t cuts = (size_t)(f->class_count - f->class_split) * f->zone_count;
    size_t total = 0, words = 0;
    f->list_start = pages_alloc(((size_t)f->class_dense + 1) * sizeof *f->list_start);
    *fill = pages_alloc((f->class_split + cuts + 1) * sizeof **fill);
    if (!f->list_start || !*fill) {
        return false;
    }
    for (uint32_t c = 0; c < f->class_count; c++) {
        if (c <= f->class_dense) {
            f->list_start[c] = total;
        }
        if (c < f->class_split) {
            (*fill)[c] = total;
            total += items[c];
        } else {
            place_cuts(f, c, *fill, &total, &words);
        }
    }
    if (f->class_dense == f->class_count) {
        f->list_start[f->class_dense] = total;
    }
    f->lists = pages_alloc((total + 1) * sizeof *f->lists);
    f->bits = pages_zeroed((words + 8) * sizeof *f->bits);
    return f->lists && f->bits;
}

/* ---- Items' classes ------------------------------------------------------------------------ */

/* Counts a class of the item at a place, or, once there is room, adds it. */
static inline void turn_place(family *f, size_t *fill, uint32_t place, uint32_t class) {
    uint32_t item = family_item(f, place);
    if (f->item_classes) {
        f->item_classes[fill[item]++] = class;
    } else {
        f->item_start[item + 1]++;
    }
}

static void turn_cut(family *f, size_t *fill, uint32_t class, uint32_t zone) {
    const family_cut *cut = family_cut_of(f, class, zone);
    if (!cut->is_bits) {
        for (size_t i = cut->at; i < cut->at + cut->count; i++) {
            turn_place(f, fill, f->lists[i], class);
        }
        return;
    }
    const uint64_t *bits = f->bits + cut->at;
    for (uint32_t w = 0; w < family_zone_words(f, zone); w++) {
        for (uint64_t word = bits[w]; word; word &= word - 1) {
            turn_place(f, fill, f->zone_start[zone] + w * 64 + (uint32_t)__builtin_ctzll(word),
                       class);
        }
    }
}

static void turn_all(family *f, size_t *fill) {
    for (uint32_t c = 0; c < f->class_dense; c++) {
        for (size_t i = f->list_start[c]; i < f->list_start[c + 1]; i++) {
            turn_place(f, fill, f->lists[i], c);
        }
    }
    for (uint32_t c = f->class_dense; c < f->class_count; c++) {
        for (uint32_t zone = 0; zone < f->zone_count; zone++) {
            turn_cut(f, fill, c, zone);
        }
    }
}

bool family_turn(family *f) {
    size_t *fill = pages_alloc(((size_t)f->item_count + 1) * sizeof *fill);
    turn_all(f, NULL);
    for (uint32_t i = 0; i < f->item_count; i++) {
        f->item_start[i + 1] += f->item_start[i];
    }
    size_t total = f->item_start[f->item_count];
    f->item_classes = pages_alloc((total + 1) * sizeof *f->item_classes);
    if (fill && f->item_classes) {
        memcpy(fill, f->item_start, f->item_count * sizeof *fill);
        turn_all(f, fill);
    }
    free(fill);
    free(f->place_of);
    f->place_of = NULL;
    return fill && f->item_classes;
}

bool family_same(const family *f, uint32_t a, uint32_t b) {
    size_t count = f->item_start[a + 1] - f->item_start[a];
    return count == f->item_start[b + 1] - f->item_start[b] &&
           (count == 0 || memcmp(f->item_classes + f->item_start[a],
                                 f->item_classes + f->item_start[b],
                                 count * sizeof *f->item_classes) == 0);
}

/* ---- Sets ---------------------------------------------------------------------------------- */

/* numbers: of features. */
static bool number_sets(family *f, const uint64_t *hashes, const uint32_t *start,
                        const uint32_t *posts, uint32_t *numbers) {
    family_bucket *b = f->buckets;
    bool made = true;
    *b = family_bucket_at(f, 0);
    for (uint32_t i = 0; i < f->item_count && made; i++) {
        for (uint32_t k = start[i]; k < start[i + 1] && made; k++) {
            numbers[k] = family_add_feature(b, hashes[k], post_print(i), posts[i]);
            made = numbers[k] != FAMILY_NONE;
        }
    }
    family_drop_slots(b);
    return made && family_open_slots(f);
}

static bool class_sets(family *f, uint32_t **items) {
    family_share shares[FAMILY_SHARES] = {0};
    uint32_t starts[FAMILY_SHARES], *ranks = NULL;
    bool made = true;
    for (size_t q = 0; q < FAMILY_SHARES; q++) {
        made = made && family_find_classes(f, &shares[q], q);
    }
    made = made && family_join_classes(f, shares, starts, items) &&
           family_order_classes(f, items, &ranks);
    if (made) {
        family_rank_classes(f->buckets, starts, ranks);
        family_fill_slots(f->buckets);
    }
    for (size_t q = 0; q < FAMILY_SHARES; q++) {
        family_free_share(&shares[q]);
    }
    free(ranks);
    return made;
}

static void list_sets(family *f, const uint32_t *start, const uint32_t *numbers, size_t *fill) {
    const family_bucket *b = f->buckets;
    for (uint32_t i = 0; i < f->item_count; i++) {
        for (uint32_t k = start[i]; k < start[i + 1]; k++) {
            if (b->notes.first[numbers[k]]) {
                family_add_to_list(f, fill, b->classes[numbers[k]], i);
            }
        }
    }
}

anp_status family_of_sets(const uint64_t *hashes, const uint32_t *start, const uint32_t *posts,
                          uint32_t item_count, family *out, anp_error *err) {
    *out = (family){.item_count = item_count};
    size_t total = item_count ? start[item_count] : 0;
    uint32_t *items = NULL, *numbers = malloc((total + 1) * sizeof *numbers);
    size_t *fill = NULL;
    out->buckets = calloc(1, sizeof *out->buckets);
    out->item_start = pages_zeroed(((size_t)item_count + 2) * sizeof *out->item_start);
    bool made = numbers && out->buckets && out->item_start &&
                family_open_features(out, total, true) &&
                number_sets(out, hashes, start, posts, numbers) && class_sets(out, &items) &&
                family_make_zones(out, NULL) && family_open_cuts(out, items) &&
                family_make_lists(out, items, &fill);
    if (made) {
        list_sets(out, start, numbers, fill);
        made = family_turn(out);
    }
    free(fill);
    free(items);
    free(numbers);
    if (!made) {
        family_free(out);
        return error_nomem(err, "similar posts");
    }
    family_free_notes(out);
    return ANP_OK;
}
