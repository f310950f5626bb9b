/* See numbers_block.h. */
#include "index/numbers_block.h"

#include <assert.h>

enum { GROUP = 32, HEADER_BYTES = 4, NIBBLE = 15 };

unsigned numbers_bits(uint32_t number) {
    unsigned bits = 1;
    while (bits < 32 && number >> bits) {
        bits++;
    }
    return bits;
}

static size_t number_bytes(size_t count, unsigned bits) {
    return (count * bits + 7) / 8;
}

/* ---- Building ------------------------------------------------------------------------------ */

static size_t shared_bytes(str a, str b) {
    size_t least = a.len < b.len ? a.len : b.len, n = 0;
    while (n + 8 <= least) {
        uint64_t differ = load_u64(a.data + n) ^ load_u64(b.data + n);
        if (differ) {
            return n + (size_t)__builtin_ctzll(differ) / 8;
        }
        n += 8;
    }
    while (n < least && a.data[n] == b.data[n]) {
        n++;
    }
    return n;
}

void numbers_block_share(numbered *items, size_t count) {
    for (size_t i = 0; i < count; i++) {
        items[i].shared = i ? (uint32_t)shared_bytes(items[i - 1].text, items[i].text) : 0;
    }
}

/* What entry i of a block shares with the one before it. */
static size_t shared_at(const numbered *items, size_t i) {
    return i % GROUP ? items[i].shared : 0;
}

static size_t escape_bytes(size_t n) {
    return n < NIBBLE ? 0 : n < NIBBLE + 128 ? 1 : 2; /* strings have up to 511 bytes */
}

/* Of entry i without its number, with the place in the directory of one that begins a group. */
static size_t entry_bytes(const numbered *items, size_t i) {
    size_t shared = shared_at(items, i), len = items[i].text.len - shared;
    return (i && i % GROUP == 0 ? 2u : 0u) + 1u + escape_bytes(shared) + escape_bytes(len) + len;
}

size_t numbers_block_measure(const numbered *items, size_t count, unsigned bits) {
    size_t bytes = HEADER_BYTES + number_bytes(count, bits);
    for (size_t i = 0; i < count; i++) {
        bytes += entry_bytes(items, i);
    }
    return bytes;
}

static size_t choose_count(const numbered *items, size_t count, unsigned bits, size_t target) {
    size_t bytes = HEADER_BYTES, n = 0;
    while (n < count && (n == 0 || bytes + number_bytes(n, bits) < target)) {
        bytes += entry_bytes(items, n);
        if (n && bytes + number_bytes(n + 1, bits) > NUMBERS_BLOCK_BYTES) {
            break;
        }
        n++;
    }
    return n;
}

static uint8_t *put_numbers(const numbered *items, size_t count, unsigned bits, uint8_t *at) {
    uint64_t pending = 0;
    unsigned have = 0;
    for (size_t i = 0; i < count; i++) {
        pending |= (uint64_t)items[i].number << have;
        have += bits;
        for (; have >= 8; have -= 8) {
            *at++ = (uint8_t)pending;
            pending >>= 8;
        }
    }
    if (have) {
        *at++ = (uint8_t)pending;
    }
    return at;
}

static uint8_t *put_entry(const numbered *items, size_t i, uint8_t *at) {
    size_t shared = shared_at(items, i), len = items[i].text.len - shared;
    *at++ = (uint8_t)((shared < NIBBLE ? shared : NIBBLE) << 4 | (len < NIBBLE ? len : NIBBLE));
    at = shared < NIBBLE ? at : varint_write(at, shared - NIBBLE);
    at = len < NIBBLE ? at : varint_write(at, len - NIBBLE);
    memcpy(at, items[i].text.data + shared, len);
    return at + len;
}

size_t numbers_block_build(const numbered *items, size_t count, unsigned bits, size_t target,
                           buffer *out) {
    size_t n = choose_count(items, count, bits, target);
    size_t bytes = numbers_block_measure(items, n, bits);
    uint8_t *start = buffer_reserve(out, bytes + VARINT_BYTES_MAX);
    if (!start) {
        return n;
    }
    store_u16(start, (uint16_t)n);
    start[2] = (uint8_t)bits;
    start[3] = 0;
    uint8_t *directory = put_numbers(items, n, bits, start + HEADER_BYTES);
    uint8_t *at = directory + (n - 1) / GROUP * 2;
    for (size_t i = 0; i < n; i++) {
        if (i && i % GROUP == 0) {
            store_u16(directory + (i / GROUP - 1) * 2, (uint16_t)(at - start));
        }
        at = put_entry(items, i, at);
    }
    assert((size_t)(at - start) == bytes && (n == 1 || bytes <= NUMBERS_BLOCK_BYTES));
    out->len += bytes;
    return n;
}

/* ---- Reading ------------------------------------------------------------------------------- */

/* One entry's parts. */
typedef struct entry {
    const uint8_t *suffix;
    const uint8_t *next;
    size_t shared, len;
} entry;

static bool read_entry(const uint8_t *at, const uint8_t *end, entry *out) {
    uint32_t more;
    if (at >= end) {
        return false;
    }
    out->shared = *at >> 4;
    out->len = *at++ & NIBBLE;
    if (out->shared == NIBBLE) {
        at = varint_read_u32(at, end, &more);
        out->shared += at ? more : 0;
    }
    if (at && out->len == NIBBLE) {
        at = varint_read_u32(at, end, &more);
        out->len += at ? more : 0;
    }
    if (!at || (size_t)(end - at) < out->len) {
        return false;
    }
    out->suffix = at;
    out->next = at + out->len;
    return true;
}

/* Number i of those behind the header, which lie inside of the block. */
static uint32_t number_of(const uint8_t *block, uint32_t bits, size_t i) {
    size_t at = i * bits, end = at + bits;
    uint64_t value = 0;
    for (size_t byte = at / 8; byte < (end + 7) / 8; byte++) {
        value |= (uint64_t)block[HEADER_BYTES + byte] << (byte - at / 8) * 8;
    }
    return (uint32_t)(value >> at % 8 & ((1ull << bits) - 1));
}

/* Where the parts begin and end; n 0 when the block's form is wrong. */
typedef struct layout {
    const uint8_t *bytes;
    const uint8_t *end;
    uint32_t n, groups, bits;
    size_t directory, entries; /* where they begin */
} layout;

static layout layout_of(str block) {
    layout l = {(const uint8_t *)block.data, (const uint8_t *)block.data + block.len, 0, 0, 0, 0,
                0};
    if (block.len >= HEADER_BYTES) {
        uint32_t n = load_u16(block.data);
        l.bits = l.bytes[2];
        l.groups = (n + GROUP - 1) / GROUP;
        l.directory = HEADER_BYTES + number_bytes(n, l.bits);
        l.entries = l.directory + (n ? (size_t)(l.groups - 1) * 2 : 0);
        l.n = l.bits >= 1 && l.bits <= 32 && block.len >= l.entries ? n : 0;
    }
    return l;
}

/* NULL when it lies outside of the block. */
static const uint8_t *group_at(const layout *l, uint32_t group) {
    size_t at = group ? load_u16(l->bytes + l->directory + (group - 1) * 2) : l->entries;
    return at < (size_t)(l->end - l->bytes) && at >= l->entries ? l->bytes + at : NULL;
}

/* The last group whose first string is not above text; 0 when all are. false: damaged. */
static bool find_group(const layout *l, str text, uint32_t *group) {
    uint32_t from = 0, to = l->groups;
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        const uint8_t *at = group_at(l, middle);
        entry first;
        if (!at || !read_entry(at, l->end, &first)) {
            return false;
        }
        if (str_compare(str_make((const char *)first.suffix, first.len), text) <= 0) {
            from = middle;
        } else {
            to = middle;
        }
    }
    *group = from;
    return true;
}

numbers_found numbers_block_find(str block, str text, uint32_t *number) {
    layout l = layout_of(block);
    uint32_t group;
    if (l.n == 0 || !find_group(&l, text, &group)) {
        return NUMBERS_DAMAGED;
    }
    const uint8_t *at = group_at(&l, group);
    uint32_t from = group * GROUP, to = l.n - from < GROUP ? l.n : from + GROUP;
    size_t matched = 0; /* bytes that text shares with the entry before, which is below it */
    for (uint32_t i = from; i < to; i++) {
        entry e;
        if (!at || !read_entry(at, l.end, &e)) {
            return NUMBERS_DAMAGED;
        }
        at = e.next;
        if (e.shared > matched) {
            continue; /* differs from text where the one before did */
        }
        if (e.shared < matched) {
            return NUMBERS_ABSENT; /* above the one before where text agrees with that */
        }
        str suffix = str_make((const char *)e.suffix, e.len);
        str rest = str_slice(text, matched, text.len);
        size_t same = shared_bytes(suffix, rest);
        if (same == suffix.len && same == rest.len) {
            *number = number_of(l.bytes, l.bits, i);
            return NUMBERS_FOUND;
        }
        if (same == rest.len ||
            (same < suffix.len && (uint8_t)suffix.data[same] > (uint8_t)rest.data[same])) {
            return NUMBERS_ABSENT;
        }
        matched += same;
    }
    return NUMBERS_ABSENT;
}

void numbers_walker_open(numbers_walker *w, str block) {
    layout l = layout_of(block);
    w->block = l.bytes;
    w->end = l.end;
    w->at = l.n ? group_at(&l, 0) : NULL;
    w->bits = l.bits;
    w->count = l.n;
    w->index = 0;
    w->len = 0;
    w->number = 0;
}

bool numbers_walker_next(numbers_walker *w) {
    entry e;
    if (!w->at || w->index == w->count) {
        return false;
    }
    bool read = read_entry(w->at, w->end, &e);
    if (!read || e.shared > w->len || e.len > sizeof w->text - e.shared ||
        (w->index % GROUP == 0 && e.shared)) {
        w->at = NULL;
        return false;
    }
    memcpy(w->text + e.shared, e.suffix, e.len);
    w->len = e.shared + e.len;
    w->number = number_of(w->block, w->bits, w->index++);
    w->at = e.next;
    return true;
}

bool numbers_walker_whole(const numbers_walker *w) {
    return w->at && w->index == w->count && w->at == w->end;
}
