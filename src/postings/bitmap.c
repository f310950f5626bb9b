/* The one door to CRoaring. See bitmap.h. */
#include "postings/bitmap.h"

#include "base/limits.h"

#include <roaring.h>

bitmap *bitmap_new(void) {
    return roaring_bitmap_create();
}

bitmap *bitmap_copy(const bitmap *set) {
    return roaring_bitmap_copy(set);
}

void bitmap_free(bitmap *set) {
    if (set) {
        roaring_bitmap_free(set);
    }
}

bool bitmap_add(bitmap *set, uint32_t docno) {
    roaring_bitmap_add(set, docno);
    return true;
}

void bitmap_remove(bitmap *set, uint32_t docno) {
    roaring_bitmap_remove(set, docno);
}

bool bitmap_add_range(bitmap *set, uint64_t from, uint64_t to) {
    if (from < to) {
        roaring_bitmap_add_range(set, from, to);
    }
    return true;
}

bool bitmap_add_window(bitmap *set, uint32_t base, const uint16_t *low, size_t count) {
    uint32_t docs[256];
    for (size_t from = 0; from < count; from += 256) {
        size_t some = count - from < 256 ? count - from : 256;
        for (size_t i = 0; i < some; i++) {
            docs[i] = base + low[from + i];
        }
        roaring_bitmap_add_many(set, some, docs);
    }
    return true;
}

bool bitmap_contains(const bitmap *set, uint32_t docno) {
    return roaring_bitmap_contains(set, docno);
}

uint64_t bitmap_count(const bitmap *set) {
    return roaring_bitmap_get_cardinality(set);
}

uint64_t bitmap_count_range(const bitmap *set, uint64_t from, uint64_t to) {
    return roaring_bitmap_range_cardinality(set, from, to);
}

uint64_t bitmap_and_count(const bitmap *a, const bitmap *b) {
    return roaring_bitmap_and_cardinality(a, b);
}

void bitmap_and(bitmap *a, const bitmap *b) {
    roaring_bitmap_and_inplace(a, b);
}

void bitmap_or(bitmap *a, const bitmap *b) {
    roaring_bitmap_or_inplace(a, b);
}

void bitmap_andnot(bitmap *a, const bitmap *b) {
    roaring_bitmap_andnot_inplace(a, b);
}

bool bitmap_next(const bitmap *set, uint32_t from, uint32_t *docno) {
    roaring_uint32_iterator_t at;
    roaring_iterator_init(set, &at);
    if (!roaring_uint32_iterator_move_equalorlarger(&at, from)) {
        return false;
    }
    *docno = at.current_value;
    return true;
}

size_t bitmap_window(const bitmap *set, uint32_t from, uint16_t *out) {
    roaring_uint32_iterator_t at;
    roaring_iterator_init(set, &at);
    size_t count = 0;
    uint64_t end = (uint64_t)from + WINDOW_DOCS;
    if (!roaring_uint32_iterator_move_equalorlarger(&at, from)) {
        return 0;
    }
    uint32_t some[256];
    for (;;) {
        uint32_t got = roaring_uint32_iterator_read(&at, some, 256);
        for (uint32_t i = 0; i < got; i++) {
            if (some[i] >= end) {
                return count;
            }
            out[count++] = (uint16_t)(some[i] - from);
        }
        if (got < 256) {
            return count;
        }
    }
}

size_t bitmap_bytes(const bitmap *set) {
    return roaring_bitmap_portable_size_in_bytes(set);
}

size_t bitmap_write(const bitmap *set, char *out) {
    return roaring_bitmap_portable_serialize(set, out);
}

bitmap *bitmap_read(const void *bytes, size_t len) {
    const char *reason = NULL;
    bitmap *set = roaring_bitmap_portable_deserialize_safe(bytes, len);
    bool whole = set && roaring_bitmap_portable_size_in_bytes(set) == len;
    if (set && (!whole || !roaring_bitmap_internal_validate(set, &reason))) {
        roaring_bitmap_free(set);
        return NULL;
    }
    return set;
}
