/*
 * A growable array of any type, malloc'd: `struct { T *items; size_t count, capacity; } v = {0};`
 *
 *     if (!vec_push(&v, item)) return error_nomem(err, "...");
 *     free(v.items);
 */
#ifndef ANP_BASE_VEC_H
#define ANP_BASE_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* Room for at least `need` items of `size` bytes; false when memory is out (the old items stay). */
static inline bool vec_grow(void **items, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity) {
        return true;
    }
    size_t grown = *capacity ? *capacity * 2 : 16;
    if (grown < need) {
        grown = need;
    }
    if (grown > SIZE_MAX / 2 / size) {
        return false;
    }
    void *moved = realloc(*items, grown * size);
    if (!moved) {
        return false;
    }
    *items = moved;
    *capacity = grown;
    return true;
}

#define VEC(type)         \
    struct {              \
        type *items;      \
        size_t count;     \
        size_t capacity;  \
    }

#define vec_reserve(v, need) \
    vec_grow((void **)(void *)&(v)->items, &(v)->capacity, (need), sizeof *(v)->items)

#define vec_push(v, item) \
    (vec_reserve((v), (v)->count + 1) ? ((v)->items[(v)->count++] = (item), true) : false)

#endif
