/*
 * The filter: which strings a table of numbers and its runs certainly do not hold. Most strings
 * that a writer looks up are fresh (ids, hashes, addresses), and each costs a walk down the table
 * and into every run, some 5 us; the filter says so in a miss of the cache.
 *
 * A line of 512 bits is chosen by a string's hash, three bits in it by the same hash: 16 bits a
 * string or more when it is built, 8 at the end, so that one string in 30 to 200 is looked up in
 * vain; of more strings than 16 MB hold so, every third. It is built by a walk over all strings
 * (some 12 ns each) once as many look-ups in vain cost as much, and forgotten when it is too full,
 * or when others have committed.
 */
#include "index/numbers_impl.h"

#include "base/hash.h"
#include "base/pages.h"

#include <stdlib.h>

enum {
    LINE_BITS = 512,
    LINE_WORDS = LINE_BITS / 64,
    LINES_MIN_LOG2 = 11,                /* 128 KB */
    LINES_MAX_LOG2 = 18,                /* 16 MB */
    STRING_BITS = 16,
    WAITING = 32,
    VAIN_MIN = 2048, /* look-ups in vain before a filter is built, and one for so many strings: */
    VAIN_STRINGS = 1024,
};

static inline uint64_t *line_of(const numbers *n, uint64_t hash) {
    return n->filter + (hash >> (64 - n->filter_log2)) * LINE_WORDS;
}

/* 9 bits of the hash each. */
static inline bool has_bit(const uint64_t *line, uint64_t hash, unsigned at) {
    unsigned bit = hash >> at & (LINE_BITS - 1);
    return line[bit / 64] >> (bit % 64) & 1;
}

static inline void set_bit(uint64_t *line, uint64_t hash, unsigned at) {
    unsigned bit = hash >> at & (LINE_BITS - 1);
    line[bit / 64] |= (uint64_t)1 << (bit % 64);
}

static inline void put_hash(const numbers *n, uint64_t hash) {
    uint64_t *line = line_of(n, hash);
    set_bit(line, hash, 0);
    set_bit(line, hash, 9);
    set_bit(line, hash, 18);
}

bool filter_excludes(const numbers *n, uint64_t hash) {
    if (!n->filter) {
        return false;
    }
    const uint64_t *line = line_of(n, hash);
    return !has_bit(line, hash, 0) || !has_bit(line, hash, 9) || !has_bit(line, hash, 18);
}

void filter_fetch(const numbers *n, uint64_t hash) {
    if (n->filter) {
        __builtin_prefetch(line_of(n, hash), 1);
    }
}

void filter_drop(numbers *n) {
    free(n->filter);
    n->filter = NULL;
    n->vain = 0;
}

void filter_add(numbers *n, uint64_t hash) {
    if (!n->filter) {
        return;
    }
    uint64_t room = (uint64_t)LINE_BITS << n->filter_log2;
    if (n->filter_log2 < LINES_MAX_LOG2 && *n->next > room / STRING_BITS * 2) {
        filter_drop(n);
    } else {
        put_hash(n, hash);
    }
}

static bool allocate(numbers *n) {
    n->filter_log2 = LINES_MIN_LOG2;
    while (n->filter_log2 < LINES_MAX_LOG2 &&
           (uint64_t)LINE_BITS << n->filter_log2 < (uint64_t)STRING_BITS * *n->next) {
        n->filter_log2++;
    }
    n->filter = pages_zeroed((size_t)LINE_BITS / 8 << n->filter_log2);
    return n->filter != NULL;
}

/* Puts hashes some turns after they came, so that the misses of the cache overlap. */
typedef struct putter {
    uint64_t waiting[WAITING];
    uint32_t next;
} putter;

static inline void put_later(const numbers *n, putter *p, str text) {
    uint64_t hash = hash64(text.data, text.len);
    uint64_t *slot = &p->waiting[p->next++ % WAITING];
    __builtin_prefetch(line_of(n, hash), 1);
    put_hash(n, *slot); /* a hash of 0 at first: no harm */
    *slot = hash;
}

/* The strings of the table, its runs, and those that are not yet put. */
static anp_status fill(numbers *n, store_txn *txn, anp_error *err) {
    merged m;
    putter p = {{0}, 0};
    str text;
    anp_status status = merged_open(&m, txn, n->table, -1, (str){NULL, 0}, err);
    while (status == ANP_OK) {
        status = merged_next_apart(&m, &text, err);
        if (status == ANP_OK) {
            put_later(n, &p, text);
        }
    }
    merged_close(&m);
    for (size_t i = 0; i < n->fresh.count; i++) {
        put_later(n, &p, n->cache.keys[n->fresh.items[i]]);
    }
    for (size_t i = 0; i < WAITING; i++) {
        put_hash(n, p.waiting[i]);
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

anp_status filter_note_vain(numbers *n, store_txn *txn, anp_error *err) {
    n->vain++;
    if (n->filter || n->vain < VAIN_MIN + *n->next / VAIN_STRINGS || !allocate(n)) {
        return ANP_OK; /* without memory: as before */
    }
    anp_status status = fill(n, txn, err);
    if (status != ANP_OK) {
        filter_drop(n);
    }
    return status;
}
