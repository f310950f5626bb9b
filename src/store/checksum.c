/* See checksum.h. */
#include "store/checksum.h"

#include <stdatomic.h>

/* Keeps marks of pages apart from those of values. */
#define PAGE_SALT UINT64_C(0x7067616e70617365)

uint64_t checksum_page_mark(uint64_t page, uint64_t commit) {
    uint64_t mark = hash_mix64(page ^ hash_mix64(commit ^ PAGE_SALT));
    return mark + (mark == 0); /* 0 is an empty slot */
}

static bool is_at(const checksum_seen *seen, uint64_t mark, uint32_t slots) {
    return atomic_load_explicit(&seen->marks[mark % slots], memory_order_relaxed) == mark;
}

/* How many marks are among the first slots; from FIRST_MARKS on others lie in all of them. */
enum { FIRST_MARKS = CHECKSUM_SEEN_FIRST / 2 };

static uint32_t first_marks(const checksum_seen *seen) {
    return atomic_load_explicit(&seen->first_marks, memory_order_relaxed);
}

bool checksum_is_marked(const checksum_seen *seen, uint64_t mark) {
    return is_at(seen, mark, CHECKSUM_SEEN_FIRST) ||
           (first_marks(seen) >= FIRST_MARKS && is_at(seen, mark, CHECKSUM_SEEN_SLOTS));
}

void checksum_mark(checksum_seen *seen, uint64_t mark) {
    uint32_t first = first_marks(seen), slots = CHECKSUM_SEEN_SLOTS;
    if (first < FIRST_MARKS) {
        atomic_store_explicit(&seen->first_marks, first + 1, memory_order_relaxed);
        slots = CHECKSUM_SEEN_FIRST;
    }
    atomic_store_explicit(&seen->marks[mark % slots], mark, memory_order_relaxed);
}

bool checksum_holds(checksum_seen *seen, store_table table, str key, str raw, uint64_t place) {
    if (raw.len < CHECKSUM_BYTES) {
        return false;
    }
    str payload = str_make(raw.data, raw.len - CHECKSUM_BYTES);
    uint64_t seed = checksum_seed(table, key, payload.len);
    uint64_t stored = checksum_stored(raw);
    if (!seen || payload.len < CHECKSUM_ALWAYS_BYTES) {
        return hash64_seed(payload.data, payload.len, seed) == stored;
    }
    uint64_t mark = hash_mix64(stored ^ hash_mix64(seed ^ hash_mix64(place + 1)));
    mark += mark == 0; /* 0 is an empty slot */
    if (checksum_is_marked(seen, mark)) {
        return true;
    }
    if (hash64_seed(payload.data, payload.len, seed) != stored) {
        return false;
    }
    checksum_mark(seen, mark);
    return true;
}
