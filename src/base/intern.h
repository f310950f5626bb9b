/*
 * Interning: byte strings to dense numbers 0, 1, 2 … in order of first appearance.
 *
 * Open addressing, linear probing, at most half full; the bytes are kept in an arena. Not
 * thread-safe. A look-up costs one XXH3 and on average 1.5 probes.
 */
#ifndef ANP_BASE_INTERN_H
#define ANP_BASE_INTERN_H

#include "base/arena.h"
#include "base/str.h"

typedef struct intern {
    struct intern_slot *slots; /* NULL until the first intern_add */
    uint32_t mask;             /* slots - 1, a power of two less one */
    str *keys;                 /* by number */
    uint32_t count;
    uint32_t capacity; /* of keys */
    arena memory;      /* owns the keys' bytes */
} intern;

#define INTERN_NONE UINT32_MAX

/*
 * For who looks many keys up: what intern_add_hashed looks at is fetched into the cache, each of
 * three steps for all of them, so that their misses overlap.
 */
uint32_t intern_hash(str key);
void intern_fetch_slot(const intern *table, uint32_t hash);
void intern_fetch_key(const intern *table, uint32_t hash);
void intern_fetch_bytes(const intern *table, uint32_t hash);

/* The number of key, or INTERN_NONE. */
uint32_t intern_find(const intern *table, str key);

/* The number of key, added when new (*is_new may be NULL); INTERN_NONE when memory is out. */
uint32_t intern_add(intern *table, str key, bool *is_new);
uint32_t intern_add_hashed(intern *table, str key, uint32_t hash, bool *is_new);

void intern_free(intern *table);

#endif
