/*
 * The checksum behind every value, and the memory of which large ones this process has checked.
 *
 *     seed     = XXH3-64(key bytes, seeded with table << 56 ^ payload length)
 *     checksum = XXH3-64(payload, seeded with seed)
 *
 * A u64 key counts as its 8 bytes, little-endian. Both are part of the file format.
 */
#ifndef ANP_STORE_CHECKSUM_H
#define ANP_STORE_CHECKSUM_H

#include "base/bytes.h"
#include "base/hash.h"
#include "store/schema.h"

enum {
    CHECKSUM_BYTES = 8,
    /* Below, hashing costs no more than asking whether it was done: 1 KiB takes 50 ns. */
    CHECKSUM_ALWAYS_BYTES = 1024,
    CHECKSUM_SEEN_SLOTS = 1 << 16,
    CHECKSUM_SEEN_FIRST = 1 << 11, /* of them, for the first half as many marks */
};

static inline uint64_t checksum_seed(store_table table, str key, size_t payload_bytes) {
    return hash64_seed(key.data, key.len, (uint64_t)table << 56 ^ payload_bytes);
}

static inline uint64_t checksum_of(store_table table, str key, str payload) {
    return hash64_seed(payload.data, payload.len, checksum_seed(table, key, payload.len));
}

/* The checksum that stands behind the payload of a raw value of at least CHECKSUM_BYTES. */
static inline uint64_t checksum_stored(str raw) {
    return load_u64(raw.data + raw.len - CHECKSUM_BYTES);
}

/*
 * Which large values were found right: a direct-mapped table of marks. A mark binds the place in
 * the file, the stored checksum and the seed, so that neither a page that was reused nor a damaged
 * pointer to another key's value passes. Threads race on it without harm: the worst is that a value
 * is hashed again.
 *
 * The first marks lie together: a process that asks once touches four pages of it, not a page a
 * mark.
 */
typedef struct checksum_seen {
    _Atomic uint64_t marks[CHECKSUM_SEEN_SLOTS];
    _Atomic uint32_t first_marks; /* that were put among the first slots */
} checksum_seen;

/* The mark of a page that was found sound, as of a commit (guard.h). */
uint64_t checksum_page_mark(uint64_t page, uint64_t commit);
bool checksum_is_marked(const checksum_seen *seen, uint64_t mark);
void checksum_mark(checksum_seen *seen, uint64_t mark);

/*
 * Whether a raw value is whole; its payload is all but the last CHECKSUM_BYTES. `seen` may be NULL
 * (then it is always hashed); `place` is its offset in the file.
 */
bool checksum_holds(checksum_seen *seen, store_table table, str key, str raw, uint64_t place);

#endif
