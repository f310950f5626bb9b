/*
 * An arena: memory that is handed out piece by piece and given back all at once.
 *
 * `arena *perm` in a signature: the result lives there. `arena *scratch`: for work that dies when
 * the call returns (the callee marks and rewinds). Not for several threads at a time. Costs one
 * malloc per block; blocks double from 4 KiB to 1 MiB, larger pieces get a block of their own.
 */
#ifndef ANP_BASE_ARENA_H
#define ANP_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>
#include <stddef.h>
#include <string.h>

enum { ARENA_ALIGN = 16 };

typedef struct arena_block {
    struct arena_block *older;
    size_t fill;     /* bytes handed out of data */
    size_t capacity; /* bytes of data */
    size_t pad;      /* keeps data 16-byte aligned */
    unsigned char data[];
} arena_block;

typedef struct arena {
    arena_block *head; /* newest block, NULL when empty */
    size_t used_bytes; /* sum of all blocks, for limits and reports */
} arena;

typedef struct arena_mark {
    arena_block *block;
    size_t fill;
} arena_mark;

/* A piece of a new block. */
void *arena_grow(arena *a, size_t bytes);

/* 16-byte aligned, not cleared; NULL when memory is out. `bytes` 0 gives a valid pointer. */
static inline void *arena_alloc(arena *a, size_t bytes) {
    arena_block *block = a->head;
    size_t need = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (!block || bytes > block->capacity - block->fill || need > block->capacity - block->fill) {
        return arena_grow(a, bytes);
    }
    void *piece = block->data + block->fill;
    block->fill += need;
    return piece;
}

/* The same for count * size bytes, cleared; NULL also on overflow. */
static inline void *arena_calloc(arena *a, size_t count, size_t size) {
    size_t bytes;
    void *piece = __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(a, bytes);
    return piece ? memset(piece, 0, bytes) : NULL;
}

/* A copy of s, NUL-terminated behind its last byte. data is NULL when memory is out. */
str arena_str(arena *a, str s);

/* printf into the arena; data is NULL when memory is out. */
str arena_format(arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

arena_mark arena_save(const arena *a);
void arena_rewind(arena *a, arena_mark mark);

/* Frees all blocks; the arena is empty and may be used again. */
void arena_free(arena *a);

/*
 * Gives everything back but the newest block, if that has at most keep_bytes: for work that is
 * repeated, so that memory does not go to and from the system each time.
 */
void arena_reset(arena *a, size_t keep_bytes);

#define arena_new(a, type) ((type *)arena_calloc((a), 1, sizeof(type)))
#define arena_array(a, type, count) ((type *)arena_calloc((a), (count), sizeof(type)))

#endif
