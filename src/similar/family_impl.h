/* What the files of families share; nobody else includes this. */
#ifndef ANP_SIMILAR_FAMILY_IMPL_H
#define ANP_SIMILAR_FAMILY_IMPL_H

#include "similar/family.h"

#include <string.h>

enum { FAMILY_SHARE_BITS = 2, FAMILY_SHARES = 1 << FAMILY_SHARE_BITS };

/* ---- Buckets ------------------------------------------------------------------------------- */

/* Room for so many features, of which only what is filled becomes memory. */
bool family_open_features(family *f, size_t most, bool counts_items);

/* A bucket whose features lie from a place on. */
family_bucket family_bucket_at(const family *f, size_t from);

/* The table of its features, into slots that are cleared. */
void family_fill_slots(family_bucket *b);

/* While features are numbered, a bucket's table is its own. */
bool family_grow_slots(family_bucket *b);

/* Once no more are numbered. */
void family_drop_slots(family_bucket *b);

/* Room for the tables that stay, in one piece; buckets that are not empty fill theirs. */
bool family_open_slots(family *f);

/* What was known until the family was made. */
void family_free_notes(family *f);

/* Where a hash is, or the free slot where it belongs. */
static inline size_t family_find_slot(const family_bucket *b, uint64_t hash) {
    size_t at = hash & b->slot_mask;
    while (b->slots[at] && b->hashes[b->slots[at] - 1] != hash) {
        at = (at + 1) & b->slot_mask;
    }
    return at;
}

/* The feature's number; it gains these posts, and an item where items are counted. FAMILY_NONE:
   memory is out. */
static inline uint32_t family_add_feature(family_bucket *b, uint64_t hash, uint64_t print,
                                          uint32_t df) {
    family_notes *n = &b->notes;
    if (((size_t)b->count + 1) * 3 > b->slot_mask * 2 && !family_grow_slots(b)) {
        return FAMILY_NONE;
    }
    size_t at = family_find_slot(b, hash);
    if (!b->slots[at]) {
        b->hashes[b->count] = hash;
        n->prints[b->count] = 0;
        n->df[b->count] = 0;
        if (n->items) {
            n->items[b->count] = 0;
        }
        b->slots[at] = ++b->count;
    }
    uint32_t number = b->slots[at] - 1;
    n->prints[number] += print;
    n->df[number] += df;
    if (n->items) {
        n->items[number]++;
    }
    return number;
}

/* ---- Classes ------------------------------------------------------------------------------- */

typedef struct family_known {
    uint64_t print;
    uint32_t df;
    uint32_t class; /* plus 1; 0: free */
} family_known;

/* The classes whose prints begin alike, numbered apart. */
typedef struct family_share {
    family_known *table;
    size_t mask;
    VEC(uint32_t) df;
    VEC(uint32_t) members;
    VEC(uint32_t) items;
} family_share;

/* Those of one share, by all buckets. Threads take one share each. false when memory is out, as for
   all of these. */
bool family_find_classes(const family *f, family_share *s, size_t share);

/* All shares' classes, one behind the other. starts: where those of each begin. */
bool family_join_classes(family *f, family_share *shares, uint32_t *starts, uint32_t **items);

void family_free_share(family_share *s);

/* Numbers classes by df: a counting sort where dfs are small, which nearly all are. *ranks: of each
   its new number; the caller's. */
bool family_order_classes(family *f, uint32_t **items, uint32_t **ranks);

/* The numbers of classes that a bucket's features have in the end. */
void family_rank_classes(family_bucket *b, const uint32_t *starts, const uint32_t *ranks);

/* ---- Lists --------------------------------------------------------------------------------- */

/* Zones and places of items of so many features; sizes NULL: one zone. */
bool family_make_zones(family *f, const uint32_t *sizes);

static inline uint32_t family_place(const family *f, uint32_t item) {
    return f->place_of ? f->place_of[item] : item;
}

static inline uint32_t family_zone_of(const family *f, uint32_t place) {
    uint32_t zone = 0;
    while (place >= f->zone_start[zone + 1]) {
        zone++;
    }
    return zone;
}

/* Where classes are cut, by how many items they have, and room for the cuts, which are empty. */
bool family_open_cuts(family *f, const uint32_t *items);

/* Where there are several zones, each item of a class that is cut is counted before lists are made,
   in any order. */
static inline void family_count_in_cut(family *f, uint32_t class, uint32_t item) {
    uint32_t zone = family_zone_of(f, family_place(f, item));
    f->cuts[family_cut_of(f, class, zone) - f->cuts].count++;
}

/* Room for the lists, whose lengths are known. *fill, the caller's: where each goes on, those of
   classes that are not cut, then of cuts. */
bool family_make_lists(family *f, const uint32_t *items, size_t **fill);

/* Adds an item to a class. */
static inline void family_add_to_list(family *f, size_t *fill, uint32_t class, uint32_t item) {
    uint32_t place = family_place(f, item);
    if (class < f->class_split) {
        f->lists[fill[class]++] = place;
        return;
    }
    uint32_t zone = family_zone_of(f, place), low = place - f->zone_start[zone];
    const family_cut *cut = family_cut_of(f, class, zone);
    if (cut->is_bits) {
        f->bits[cut->at + low / 64] |= (uint64_t)1 << low % 64;
    }
    if (!cut->is_bits || class < f->class_dense) {
        f->lists[fill[f->class_split + (size_t)(cut - f->cuts)]++] = place;
    }
}

/* The items' classes out of the lists. */
bool family_turn(family *f);

#endif
