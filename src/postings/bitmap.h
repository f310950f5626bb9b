/*
 * Sets of ordinals: a thin face over CRoaring, so that other rooms need not know it.
 *
 * When memory is out, what makes a set returns NULL and what changes one false; that set has then
 * failed for good: it is as if empty, every further change is refused, a set that it is joined to
 * fails too, and it can only be freed. So a row of changes need not be checked one by one, if
 * bitmap_failed is asked at the end. A bitmap is freed with bitmap_free.
 */
#ifndef ANP_POSTINGS_BITMAP_H
#define ANP_POSTINGS_BITMAP_H

#include "anpsearch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bitmap bitmap;

bitmap *bitmap_new(void);
bitmap *bitmap_copy(const bitmap *set);
void bitmap_free(bitmap *set); /* NULL is allowed */

/* Memory was out in one of its changes. */
bool bitmap_failed(const bitmap *set);

bool bitmap_add(bitmap *set, uint32_t docno);
bool bitmap_remove(bitmap *set, uint32_t docno);
/* [from, to) */
bool bitmap_add_range(bitmap *set, uint64_t from, uint64_t to);
/* ascending ordinals of one window: base + low[i] */
bool bitmap_add_window(bitmap *set, uint32_t base, const uint16_t *low, size_t count);

bool bitmap_contains(const bitmap *set, uint32_t docno);
uint64_t bitmap_count(const bitmap *set);
/* members of [from, to) */
uint64_t bitmap_count_range(const bitmap *set, uint64_t from, uint64_t to);
uint64_t bitmap_and_count(const bitmap *a, const bitmap *b);

/* into *a */
bool bitmap_and(bitmap *a, const bitmap *b);
bool bitmap_or(bitmap *a, const bitmap *b);
bool bitmap_andnot(bitmap *a, const bitmap *b);

/* The least member >= from into *docno; false when there is none. Cost: a binary search over
   containers. */
bool bitmap_next(const bitmap *set, uint32_t from, uint32_t *docno);

/*
 * The members of [from, from + WINDOW_DOCS) as offsets from `from`, ascending, into out (room for
 * WINDOW_DOCS); how many.
 */
size_t bitmap_window(const bitmap *set, uint32_t from, uint16_t *out);

/* Portable serialisation; of a failed set nothing, 0 bytes. */
size_t bitmap_bytes(const bitmap *set);
size_t bitmap_write(const bitmap *set, char *out);

/* Safe on foreign bytes: ANP_CORRUPT when they are not a valid bitmap, else ANP_NOMEM. */
anp_status bitmap_load(const void *bytes, size_t len, bitmap **out);

/* The same, NULL for both. */
bitmap *bitmap_read(const void *bytes, size_t len);

#endif
