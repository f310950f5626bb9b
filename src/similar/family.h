/*
 * A family: the classes of one kind of feature over all items, both ways, in memory.
 *
 *     class   df   weight of     places                       item   its classes, rarest first
 *       0      1   3 features    7                               7   0 2 5 …
 *       1      2   1             7 9                             9   1 2 …
 *       …                        (rare: a list)
 *      41    300   2             4 1009 │ bits │ 15 …
 *       …                        (frequent: cut by zones)
 *      87   4000   12            bits   │ bits │ bits
 *
 * Classes are numbered by df, rarest first. Items are posts (shingles) or distinct sets of terms
 * (what posts are about), which count for as many posts as share them.
 *
 * A zone holds the items of about one size, of so many features to twice as many; the smaller ones'
 * comes first. An item's place is where it stands in its zone. What is too small or too large to be
 * like another is passed over by zones; and classes of long items, which are rare among all, are
 * bits in the few zones where they are frequent.
 */
#ifndef ANP_SIMILAR_FAMILY_H
#define ANP_SIMILAR_FAMILY_H

#include "base/pool.h"
#include "similar/part.h"

/* Rows of bits are as long as whole blocks of items: what a kernel works on at a time. */
enum {
    FAMILY_BLOCK = 512,
    FAMILY_DENSE = 32, /* a class of items / 32 or more is frequent among all */
    FAMILY_ZONES_MAX = 12,
};

/* What is known of features until the family is made. */
typedef struct family_notes {
    uint64_t *prints; /* sums of post_print */
    uint32_t *df;
    uint32_t *items; /* NULL: as many as posts */
    uint8_t *first;  /* whether it is its class's first */
} family_notes;

/* Features whose hashes begin alike, numbered as they come, and a table of them. */
typedef struct family_bucket {
    uint32_t count;
    size_t slot_mask;
    uint32_t *slots;  /* a number, plus 1; these are the family's, */
    uint64_t *hashes; /* by number, */
    uint32_t *classes;
    family_notes notes; /* and these */
} family_bucket;

/* A class in a zone: bits from its first place on, or a list of places. */
typedef struct family_cut {
    size_t at; /* into bits, or lists */
    uint32_t count;
    bool is_bits;
} family_cut;

typedef struct family {
    uint32_t item_count;
    uint32_t class_count;
    uint32_t class_shared; /* the first that more than one post has */
    uint32_t class_split;  /* the first that is cut by zones */
    uint32_t class_dense;  /* the first that has no list of all its places besides */
    uint32_t *df;          /* posts, by class */
    uint32_t *members;     /* features of a class */
    size_t *list_start;    /* by class, up to class_dense */
    uint32_t *lists;       /* of places, zone by zone from class_split on */
    family_cut *cuts;      /* by zone, then class from class_split on */
    uint64_t *bits;
    uint32_t zone_count;
    uint32_t zone_start[FAMILY_ZONES_MAX + 1]; /* places: whole blocks */
    uint32_t *item_at;  /* by place, FAMILY_NONE where a zone is not filled; NULL: the same */
    uint32_t *place_of; /* by item, until the lists are made; likewise */
    size_t row_words; /* a bit for each place */
    size_t *item_start; /* by item, and one more */
    uint32_t *item_classes;
    /* For features of a draft: */
    unsigned bucket_bits;
    family_bucket *buckets; /* by the first bits of hashes */
    uint64_t *hashes;       /* of features, as far as buckets are filled */
    uint32_t *classes;
    uint32_t *slots;
    family_notes notes;
    uint64_t feature_count;
} family;

#define FAMILY_NONE UINT32_MAX

static inline size_t family_bucket_of(const family *f, uint64_t hash) {
    return f->bucket_bits ? hash >> (64 - f->bucket_bits) : 0;
}

/* Of shingles: joins parts by threads, and frees what of them it took over. The same
   family for any number of threads. */
anp_status family_join(corpus_part *parts, size_t count, uint32_t item_count, pool *threads,
                       family *out, anp_error *err);

/* Of sets: item i has features[start[i]] … and counts for posts[i] posts. */
anp_status family_of_sets(const uint64_t *features, const uint32_t *start, const uint32_t *posts,
                          uint32_t item_count, family *out, anp_error *err);
void family_free(family *f);

/* The class of a feature, or FAMILY_NONE. */
uint32_t family_find(const family *f, uint64_t hash);

static inline uint32_t family_item(const family *f, uint32_t place) {
    return f->item_at ? f->item_at[place] : place;
}

/* Of a class from class_split on. */
static inline const family_cut *family_cut_of(const family *f, uint32_t class, uint32_t zone) {
    return &f->cuts[(size_t)zone * (f->class_count - f->class_split) + (class - f->class_split)];
}

/* The words of bits of a zone. */
static inline size_t family_zone_words(const family *f, uint32_t zone) {
    return (f->zone_start[zone + 1] - f->zone_start[zone]) / 64;
}

/* Whether two items have the same classes. */
bool family_same(const family *f, uint32_t a, uint32_t b);

#endif
