/* See intern.h. A slot keeps 32 bits of the hash so that a growing table never hashes again. */
#include "base/intern.h"

#include "base/hash.h"
#include "base/pages.h"

#include <stdlib.h>

struct intern_slot {
    uint32_t hash;
    uint32_t number_plus_1; /* 0: free */
};

static struct intern_slot *probe(const intern *table, str key, uint32_t hash) {
    for (uint32_t at = hash & table->mask;; at = (at + 1) & table->mask) {
        struct intern_slot *slot = &table->slots[at];
        if (slot->number_plus_1 == 0 ||
            (slot->hash == hash && str_equal(table->keys[slot->number_plus_1 - 1], key))) {
            return slot;
        }
    }
}

static bool grow(intern *table) {
    uint32_t mask = table->slots ? table->mask * 2 + 1 : 1023;
    struct intern_slot *slots = pages_zeroed(((size_t)mask + 1) * sizeof *slots);
    if (!slots) {
        return false;
    }
    for (uint32_t i = 0; table->slots && i <= table->mask; i++) {
        struct intern_slot old = table->slots[i];
        if (old.number_plus_1) {
            uint32_t at = old.hash & mask;
            while (slots[at].number_plus_1) {
                at = (at + 1) & mask;
            }
            slots[at] = old;
        }
    }
    free(table->slots);
    table->slots = slots;
    table->mask = mask;
    return true;
}

uint32_t intern_hash(str key) {
    return (uint32_t)hash64(key.data, key.len);
}

void intern_fetch_slot(const intern *table, uint32_t hash) {
    if (table->slots) {
        __builtin_prefetch(&table->slots[hash & table->mask]);
    }
}

/* Of the first slot, if it is the key's: most often. */
static const str *first_key(const intern *table, uint32_t hash) {
    const struct intern_slot *slot = table->slots ? &table->slots[hash & table->mask] : NULL;
    bool is = slot && slot->number_plus_1 && slot->hash == hash;
    return is ? &table->keys[slot->number_plus_1 - 1] : NULL;
}

void intern_fetch_key(const intern *table, uint32_t hash) {
    const str *key = first_key(table, hash);
    if (key) {
        __builtin_prefetch(key);
    }
}

void intern_fetch_bytes(const intern *table, uint32_t hash) {
    const str *key = first_key(table, hash);
    if (key) {
        __builtin_prefetch(key->data);
    }
}

uint32_t intern_find(const intern *table, str key) {
    if (!table->slots) {
        return INTERN_NONE;
    }
    struct intern_slot *slot = probe(table, key, intern_hash(key));
    return slot->number_plus_1 ? slot->number_plus_1 - 1 : INTERN_NONE;
}

uint32_t intern_add(intern *table, str key, bool *is_new) {
    return intern_add_hashed(table, key, intern_hash(key), is_new);
}

uint32_t intern_add_hashed(intern *table, str key, uint32_t hash, bool *is_new) {
    if (is_new) {
        *is_new = false;
    }
    if ((!table->slots || table->count * 2 >= table->mask) && !grow(table)) {
        return INTERN_NONE;
    }
    struct intern_slot *slot = probe(table, key, hash);
    if (slot->number_plus_1) {
        return slot->number_plus_1 - 1;
    }
    if (table->count == table->capacity) {
        uint32_t capacity = table->capacity ? table->capacity * 2 : 512;
        str *keys = realloc(table->keys, (size_t)capacity * sizeof *keys);
        if (!keys) {
            return INTERN_NONE;
        }
        table->keys = keys;
        table->capacity = capacity;
    }
    str copy = arena_str(&table->memory, key);
    if (!copy.data) {
        return INTERN_NONE;
    }
    table->keys[table->count] = copy;
    *slot = (struct intern_slot){hash, ++table->count};
    if (is_new) {
        *is_new = true;
    }
    return table->count - 1;
}

void intern_free(intern *table) {
    free(table->slots);
    free(table->keys);
    arena_free(&table->memory);
    *table = (intern){0};
}
