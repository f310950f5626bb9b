/* Reading a posting list in place. The sections and their order: postings/format.h. */
#include "postings/list.h"

#include "base/error.h"
#include "postings/kernels.h"
#include "postings/reader.h"
#include "postings/search.h"

#include <stdio.h>

/* ---- Opening ------------------------------------------------------------------------------- */

/* Takes the next `bytes` of the value; NULL once it is exhausted. */
static const uint8_t *take(const uint8_t **at, const uint8_t *end, size_t bytes) {
    if (!*at || (size_t)(end - *at) < bytes) {
        *at = NULL;
        return NULL;
    }
    const uint8_t *section = *at;
    *at += bytes;
    return section;
}

static const uint8_t *take_container(list_view *v, const uint8_t *at, const uint8_t *end) {
    switch (v->container_kind) {
    case LIST_BLOCKED:
        v->ranks = take(&at, end, LIST_SLOTS * 2);
        v->high = take(&at, end, (size_t)list_high_words(v->count) * 8);
        v->container = take(&at, end, v->count);
        break;
    case LIST_BITSET:
        v->container = take(&at, end, LIST_BITSET_BYTES);
        v->ranks = take(&at, end, LIST_BLOCKS * 2);
        break;
    default:
        v->container = take(&at, end, (size_t)v->count * 2);
    }
    return at;
}

static const uint8_t *take_tfs(list_view *v, const uint8_t *at, const uint8_t *end) {
    if (v->exception_bytes) {
        const uint8_t *size = take(&at, end, 2);
        v->exceptions = size ? load_u16(size) + 1u : 1;
        if (v->tf_bits == 0) {
            v->exception_ranks = take(&at, end, (size_t)v->exceptions * 2);
        } else {
            v->exception_counts = take(&at, end, (size_t)((v->count - 1) / LIST_TF_STRIDE) * 2);
        }
        v->exception_tfs = take(&at, end, (size_t)v->exceptions * v->exception_bytes);
    }
    v->tf_codes = take(&at, end, ((size_t)v->count * v->tf_bits + 7) / 8);
    return at;
}

/* false where the section contradicts itself. */
static bool take_titles(list_view *v, bool large, const uint8_t **at, const uint8_t *end) {
    const uint8_t *size = take(at, end, large ? 3 : 1);
    if (!size) {
        return false;
    }
    v->title_count = large ? load_u16(size) + 1u : *size & 15u;
    v->title_rank_bytes = large ? 2 : 1;
    v->title_tf_bytes = large ? size[2] : *size >> 4;
    if (v->title_count == 0 || v->title_count > v->count || v->title_tf_bytes > 2) {
        return false;
    }
    v->title_ranks = take(at, end, (size_t)v->title_count * v->title_rank_bytes);
    v->title_tfs = take(at, end, (size_t)v->title_count * v->title_tf_bytes);
    return true;
}

static const uint8_t *take_strips(list_view *v, const uint8_t *at, const uint8_t *end) {
    const uint8_t *strips = take(&at, end, LIST_STRIP_HEAD);
    if (!strips || strips[0] > strips[1]) {
        return NULL;
    }
    v->strips = strips;
    take(&at, end, (size_t)(strips[1] - strips[0] + 1) * LIST_STRIP_BYTES);
    return at;
}

static const uint8_t *take_bounds(list_view *v, const uint8_t *at, const uint8_t *end) {
    v->bounds = take(&at, end, 4 * 2);
    v->seed_count = list_seeds(v->count, v->brief);
    v->seeds = take(&at, end, (size_t)v->seed_count * 4);
    v->bound_count = v->count < LIST_BLOCKS ? v->count : LIST_BLOCKS;
    v->bound_bytes = take(&at, end, v->bound_count);
    v->blended_bytes = take(&at, end, v->bound_count);
    v->champion_count = list_champions(v->count, v->brief);
    v->champions = take(&at, end, (size_t)v->champion_count * 4);
    v->champion_tfs = take(&at, end, (size_t)v->champion_count * 2);
    v->runner_count = list_runners(v->count, v->brief);
    if (v->runner_count) {
        v->runners = take(&at, end, list_blocked_bytes(v->runner_count));
    }
    if (v->bounds) {
        v->impact_max = load_u16(v->bounds + 2);
        v->blended_max = load_u16(v->bounds + 6);
    }
    return list_has_strips(v->count, v->brief) ? take_strips(v, at, end) : at;
}

static bool open_small(list_view *v, const uint8_t **at, const uint8_t *end) {
    static const uint8_t widths[] = {0, 2, 4, 8};
    uint8_t head = v->bytes[0];
    v->count = (head & 7u) + 1;
    v->tf_bits = widths[head >> 3 & 3];
    *at = take_tfs(v, take_container(v, v->bytes + 1, end), end);
    return !(head & LIST_TITLES) || take_titles(v, false, at, end);
}

static bool open_large(list_view *v, const uint8_t **at, const uint8_t *end) {
    uint8_t head = v->bytes[0], form = v->bytes[1];
    v->count = load_u16(v->bytes + 2) + 1u;
    v->tf_sum = load_u32(v->bytes + 4);
    v->container_kind = head & 3u;
    v->tf_bits = form & 15u;
    v->exception_bytes = form >> 4;
    uint32_t w = v->tf_bits, e = v->exception_bytes;
    bool tf = head & LIST_TF, bounds = head & LIST_BOUNDS;
    v->brief = head & LIST_BRIEF;
    if ((v->brief && v->count >= LIST_BRIEF_POSTS) ||
        v->container_kind != list_container_of(v->count, v->brief) || (!tf && form) ||
        !(w == 0 || w == 2 || w == 4 || w == 8) || !(e == 0 || e == 1 || e == 2 || e == 4) ||
        (bounds && v->count < LIST_BOUNDS_FROM)) {
        return false;
    }
    *at = take_tfs(v, take_container(v, v->bytes + LIST_HEAD_BYTES, end), end);
    if (head & LIST_TITLES && !take_titles(v, true, at, end)) {
        return false;
    }
    if (bounds) {
        *at = take_bounds(v, *at, end);
    }
    return v->exceptions <= v->count;
}

anp_status list_view_open(str value, list_view *out, anp_error *err) {
    list_view v = {.bytes = (const uint8_t *)value.data, .len = value.len,
                   .impact_max = UINT16_MAX, .blended_max = UINT16_MAX};
    const uint8_t *end = v.bytes + v.len, *at = NULL;
    if (v.len == 0 || (v.bytes[0] & LIST_LARGE && v.len < LIST_HEAD_BYTES)) {
        return error_corrupt(err, "a posting list of %zu bytes has no header", value.len);
    }
    bool large = v.bytes[0] & LIST_LARGE;
    if (!(large ? open_large : open_small)(&v, &at, end)) {
        return error_corrupt(err, "the header of a list of %u postings contradicts itself",
                             v.count);
    }
    if (at && v.bytes[0] & LIST_POSITIONS) {
        v.positions = str_make((const char *)at, (size_t)(end - at));
        at = end;
    }
    if (at != end) {
        return error_corrupt(err, "a posting list of %u postings does not fill its %zu bytes",
                             v.count, v.len);
    }
    if (!large) {
        uint32_t tfs[LIST_SMALL_MAX];
        list_tfs(&v, tfs);
        for (uint32_t i = 0; i < v.count; i++) {
            v.tf_sum += tfs[i];
        }
    }
    *out = v;
    return ANP_OK;
}

/* ---- What readers do (reader_body.h) ------------------------------------------------------- */

uint32_t list_docs(const list_view *v, uint16_t *docs) {
    return postings_reader_best()->docs(v, docs);
}

bool list_docs_within(const list_view *v, uint32_t from, uint32_t end, uint16_t *docs) {
    uint32_t count = list_docs(v, docs);
    return count == v->count && list_ascends(docs, count) && docs[0] >= from &&
           docs[count - 1] < end;
}

uint32_t list_rank(const list_view *v, uint16_t low) {
    return postings_reader_best()->rank(v, low);
}

list_view list_runner_view(const list_view *v) {
    const uint8_t *at = v->runners;
    list_view view = {.count = v->runner_count, .container_kind = LIST_BLOCKED};
    take_container(&view, at, at + list_blocked_bytes(v->runner_count));
    return view;
}

uint32_t list_runner_docs(const list_view *v, uint16_t *docs) {
    if (v->runner_count == 0) {
        return 0;
    }
    list_view runners = list_runner_view(v);
    return list_docs(&runners, docs);
}

void list_block(const list_view *v, uint32_t block, uint32_t *from, uint32_t *to) {
    postings_reader_best()->block(v, block, from, to);
}

void list_block_bits(const list_view *v, uint32_t block, uint32_t from, uint32_t to,
                     uint64_t bits[4]) {
    postings_reader_best()->block_bits(v, block, from, to, bits);
}

uint32_t list_tf(const list_view *v, uint32_t rank) {
    return postings_reader_best()->tf(v, rank);
}

void list_tfs_at(const list_view *v, uint32_t from, uint32_t count, uint32_t *tfs) {
    postings_reader_best()->tfs_at(v, from, count, tfs);
}

void list_tfs(const list_view *v, uint32_t *tfs) {
    list_tfs_at(v, 0, v->count, tfs);
}

const uint8_t *list_tf_bytes(const list_view *v, uint32_t from, uint32_t count,
                             uint8_t room[LIST_TF_ROOM], bool *large) {
    return postings_reader_best()->tf_bytes(v, from, count, room, large);
}

/* ---- Ordinals ------------------------------------------------------------------------------ */

/* The ones before bit `bit` of a bit vector of u64 words, backwards; 0 where there are no more. */
typedef struct ones_before {
    const uint8_t *words;
    uint64_t left; /* of the word */
    uint32_t word;
} ones_before;

static ones_before ones_open(const uint8_t *words, uint32_t bit) {
    uint64_t below = ((uint64_t)1 << bit % 64) - 1;
    return (ones_before){words, load_u64(words + (size_t)bit / 64 * 8) & below, bit / 64};
}

static inline uint32_t ones_next(ones_before *ones) {
    while (!ones->left) {
        if (ones->word == 0) {
            return 0;
        }
        ones->word--;
        ones->left = load_u64(ones->words + (size_t)ones->word * 8);
    }
    uint32_t bit = 63 - (uint32_t)__builtin_clzll(ones->left);
    ones->left ^= (uint64_t)1 << bit;
    return ones->word * 64 + bit;
}

void list_docs_before(const list_view *v, uint32_t rank, uint16_t low, uint32_t count,
                      uint16_t *docs) {
    uint32_t from = rank - count;
    if (v->container_kind == LIST_ARRAY) {
        memcpy(docs, v->container + (size_t)from * 2, count * sizeof *docs);
    } else if (v->container_kind == LIST_BITSET) {
        ones_before ones = ones_open(v->container, low);
        for (uint32_t i = count; i > 0; i--) {
            docs[i - 1] = (uint16_t)ones_next(&ones);
        }
    } else {
        /* As many zeros as blocks lie before a posting, as many ones as its rank. */
        ones_before ones = ones_open(v->high, rank + low / BLOCK_DOCS);
        for (uint32_t i = count; i > 0; i--) {
            uint32_t at = from + i - 1, block = ones_next(&ones) - at;
            docs[i - 1] = (uint16_t)(block << 8 | v->container[at]);
        }
    }
}

/* By looking up each: of few ordinals, or where a kernel could read behind the value. */
static uint32_t keep_by_rank(const list_view *v, uint16_t *docs, uint32_t count, bool drop) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t low = docs[i];
        docs[kept] = low;
        kept += (list_rank(v, low) != UINT32_MAX) != drop;
    }
    return kept;
}

uint32_t list_keep(const list_view *v, uint16_t *docs, uint32_t count, bool drop) {
    enum { FEW = 24 };
    const postings_kernels *k = postings_kernels_best();
    if (v->container_kind == LIST_BITSET) {
        return k->keep_in(docs, count, v->container, drop);
    }
    size_t behind = v->len - (size_t)(v->container - v->bytes);
    if (v->container_kind == LIST_ARRAY || count < FEW ||
        behind < (size_t)v->count + KERNEL_READ_BYTES) {
        return keep_by_rank(v, docs, count, drop);
    }
    uint16_t starts[LIST_BLOCKS + 1];
    k->starts(v->high, list_high_words(v->count), v->count, starts);
    return k->keep_docs(docs, count, v->container, starts, drop);
}

/* ---- Titles -------------------------------------------------------------------------------- */

static uint32_t title_from(const list_view *v, uint32_t rank) {
    if (v->title_rank_bytes == 2) {
        return search_u16(v->title_ranks, v->title_count, rank);
    }
    uint32_t at = 0;
    while (at < v->title_count && v->title_ranks[at] < rank) {
        at++;
    }
    return at;
}

uint32_t list_title_tf(const list_view *v, uint32_t rank) {
    uint32_t at = v->title_count ? title_from(v, rank) : 0;
    return at < v->title_count && list_title_rank(v, at) == rank ? list_title_tf_at(v, at) : 0;
}

void list_less_titles(const list_view *v, uint32_t weight, uint32_t from, uint32_t count,
                      uint32_t *tfs) {
    if (v->title_count == 0 || weight == 0) {
        return;
    }
    for (uint32_t i = title_from(v, from); i < v->title_count; i++) {
        uint32_t at = list_title_rank(v, i) - from;
        if (at >= count) {
            break;
        }
        uint64_t less = (uint64_t)weight * list_title_tf_at(v, i);
        tfs[at] = less <= tfs[at] ? tfs[at] - (uint32_t)less : 0;
    }
}

void list_print(const list_view *v, buffer *out) {
    static const char *const containers[] = {"array", "blocked", "bitset"};
    char line[160];
    int len = snprintf(line, sizeof line, "%u postings, %s, tf %u bits + %u exceptions, tf sum %u, "
                       "impact <= %.4f, %u bounds, %u champions, %u titles, %zu bytes\n", v->count,
                       containers[v->container_kind], v->tf_bits, v->exceptions, v->tf_sum,
                       v->impact_max / 65535.0, v->bound_count, v->champion_count, v->title_count,
                       v->len);
    buffer_put(out, line, (size_t)len);
    uint16_t *docs = malloc(v->count * sizeof *docs);
    uint32_t shown = docs ? list_docs(v, docs) : 0;
    for (uint32_t i = 0; i < shown && i < 8; i++) {
        len = snprintf(line, sizeof line, "  %u:%u", docs[i], list_tf(v, i));
        buffer_put(out, line, (size_t)len);
    }
    free(docs);
    buffer_put_u8(out, '\n');
}
