/* Blocks are a stack: `head` is the newest. A piece never spans blocks. See arena.h for the
   contract. */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK_BYTES_MIN = 4096, BLOCK_BYTES_MAX = 1 << 20 };

static arena_block *add_block(arena *a, size_t bytes) {
    size_t capacity = a->head ? a->head->capacity * 2 : BLOCK_BYTES_MIN;
    if (capacity > BLOCK_BYTES_MAX) {
        capacity = BLOCK_BYTES_MAX;
    }
    if (capacity < bytes) {
        capacity = bytes;
    }
    arena_block *block = malloc(sizeof *block + capacity);
    if (!block) {
        return NULL;
    }
    block->older = a->head;
    block->fill = 0;
    block->capacity = capacity;
    block->pad = 0;
    a->head = block;
    a->used_bytes += capacity;
    return block;
}

void *arena_grow(arena *a, size_t bytes) {
    if (bytes > SIZE_MAX / 2) {
        return NULL;
    }
    size_t need = (bytes + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    arena_block *block = add_block(a, need);
    if (!block) {
        return NULL;
    }
    block->fill = need;
    return block->data;
}

str arena_str(arena *a, str s) {
    char *copy = arena_alloc(a, s.len + 1);
    if (!copy) {
        return (str){NULL, 0};
    }
    if (s.len) {
        memcpy(copy, s.data, s.len);
    }
    copy[s.len] = 0;
    return (str){copy, s.len};
}

str arena_format(arena *a, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text) {
        vsnprintf(text, (size_t)len + 1, format, again);
    }
    va_end(again);
    return (str){text, text ? (size_t)len : 0};
}

arena_mark arena_save(const arena *a) {
    return (arena_mark){a->head, a->head ? a->head->fill : 0};
}

void arena_rewind(arena *a, arena_mark mark) {
    while (a->head != mark.block) {
        arena_block *older = a->head->older;
        a->used_bytes -= a->head->capacity;
        free(a->head);
        a->head = older;
    }
    if (a->head) {
        a->head->fill = mark.fill;
    }
}

void arena_free(arena *a) {
    arena_rewind(a, (arena_mark){NULL, 0});
}

void arena_reset(arena *a, size_t keep_bytes) {
    arena_block *kept = a->head;
    if (!kept || kept->capacity > keep_bytes) {
        arena_free(a);
        return;
    }
    arena_block *older = kept->older;
    kept->older = NULL;
    kept->fill = 0;
    while (older) {
        arena_block *next = older->older;
        free(older);
        older = next;
    }
    a->used_bytes = kept->capacity;
}
