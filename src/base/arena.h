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

typedef struct arena_block arena_block;

typedef struct arena {
    arena_block *head; /* newest block, NULL when empty */
    size_t used_bytes; /* sum of all blocks, for limits and reports */
} arena;

typedef struct arena_mark {
    arena_block *block;
    size_t fill;
} arena_mark;

/* 16-byte aligned, not cleared; NULL when memory is out. `bytes` 0 gives a valid pointer. */
void *arena_alloc(arena *a, size_t bytes);

/* The same for count * size bytes, cleared; NULL also on overflow. */
void *arena_calloc(arena *a, size_t count, size_t size);

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
