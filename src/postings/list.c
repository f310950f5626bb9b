/* Reading a posting list in place. The sections and their order: postings/format.h. */
#include "postings/list.h"

#include "base/error.h"

#include <stdio.h>

static unsigned shift_of(uint32_t count) {
    return count < LIST_DIRECTORY_FROM ? 0 : count < 256 ? 12 : count < 1024 ? 10 : 8;
}

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

static void open_bounds(list_view *v, const uint8_t **at, const uint8_t *end) {
    v->bounds = take(at, end, 4 * sizeof(float));
    if (v->count >= LIST_DIRECTORY_FROM) {
        v->seeds = take(at, end, 2 * LIST_SEEDS * sizeof(uint16_t));
    }
    v->bound_count = v->count < LIST_BLOCKS ? v->count : LIST_BLOCKS;
    v->bound_bytes = take(at, end, v->bound_count);
    v->blended_bytes = take(at, end, v->bound_count);
}

/* What the readers lean on: a bitset has a directory by blocks, a list without tf has no codes. */
static bool header_fits(const list_view *v) {
    bool bitset = v->kind & LIST_BITSET, tf = v->kind & LIST_TF, bounds = v->kind & LIST_BOUNDS;
    bool width = v->tf_bits == 0 || v->tf_bits == 2 || v->tf_bits == 4 || v->tf_bits == 8 ||
                 (v->tf_bits == LIST_TF_WHOLE && v->exceptions == 0);
    return !(v->kind & ~LIST_KINDS) && bitset == (v->count >= LIST_BITSET_FROM) &&
           (tf ? width : v->tf_bits == 0 && v->exceptions == 0) &&
           (!bounds || v->count >= LIST_BOUNDS_FROM);
}

anp_status list_view_open(str value, list_view *out, anp_error *err) {
    list_header header;
    list_view v = {.bytes = (const uint8_t *)value.data, .len = value.len};
    if (value.len < sizeof header) {
        return error_corrupt(err, "a posting list of %zu bytes has no header", value.len);
    }
    memcpy(&header, value.data, sizeof header);
    v.count = header.count_minus_1 + 1u;
    v.kind = header.kind;
    v.tf_bits = header.tf_bits;
    v.exceptions = header.exceptions;
    v.tf_sum = header.tf_sum;
    v.impact_max = header.impact_max;
    v.blended_max = header.blended_max;
    v.directory_shift = shift_of(v.count);
    const uint8_t *at = v.bytes + sizeof header, *end = v.bytes + v.len;
    if (!header_fits(&v)) {
        return error_corrupt(err, "the header of a list of %u postings contradicts itself",
                             v.count);
    }
    if (header.positions_at) {
        if (header.positions_at < sizeof header || header.positions_at > v.len) {
            return error_corrupt(err, "a posting list's positions begin outside of it");
        }
        end = v.bytes + header.positions_at;
        v.positions = str_make(value.data + header.positions_at, v.len - header.positions_at);
    }
    v.container = take(&at, end, v.kind & LIST_BITSET ? (size_t)LIST_BITSET_BYTES : v.count * 2u);
    if (v.directory_shift) {
        v.directory = take(&at, end, (size_t)((uint32_t)LIST_DOCS >> v.directory_shift) * 2);
    }
    if (v.kind & LIST_TF) {
        v.exception_ranks = take(&at, end, v.exceptions * 2u);
        v.exception_tfs = take(&at, end, v.exceptions * 4u);
        v.tf_codes = take(&at, end, ((size_t)v.count * v.tf_bits + 7) / 8);
    }
    if (v.kind & LIST_BOUNDS) {
        open_bounds(&v, &at, end);
    }
    if (at != end) {
        return error_corrupt(err, "a posting list of %u postings does not fill its %zu bytes",
                             v.count, v.len);
    }
    *out = v;
    return ANP_OK;
}

uint32_t list_docs(const list_view *v, uint16_t *docs) {
    if (!(v->kind & LIST_BITSET)) {
        memcpy(docs, v->container, v->count * sizeof *docs);
        return v->count;
    }
    uint32_t n = 0;
    for (uint32_t word = 0; word < (uint32_t)LIST_DOCS / 64; word++) {
        uint64_t bits = load_u64(v->container + word * 8);
        while (bits && n < v->count) {
            docs[n++] = (uint16_t)(word * 64 + (uint32_t)__builtin_ctzll(bits));
            bits &= bits - 1;
        }
    }
    return n;
}

/* Of a width below LIST_TF_WHOLE. */
static uint32_t code_of(const list_view *v, uint32_t rank) {
    size_t bit = (size_t)rank * v->tf_bits;
    return (uint32_t)(v->tf_codes[bit / 8] >> bit % 8) & ((1u << v->tf_bits) - 1);
}

void list_tfs(const list_view *v, uint32_t *tfs) {
    if (v->tf_bits == LIST_TF_WHOLE) {
        memcpy(tfs, v->tf_codes, v->count * sizeof *tfs);
        return;
    }
    for (uint32_t i = 0; i < v->count; i++) {
        tfs[i] = v->tf_bits ? code_of(v, i) + 1 : 1;
    }
    for (uint32_t i = 0; i < v->exceptions; i++) {
        uint32_t rank = load_u16(v->exception_ranks + i * 2);
        if (rank < v->count) {
            tfs[rank] = load_u32(v->exception_tfs + i * 4);
        }
    }
}

/* The first index in u16 values[from, to) that is >= key. */
static uint32_t lower_bound(const uint8_t *values, uint32_t from, uint32_t to, uint32_t key) {
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (load_u16(values + middle * 2) < key) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

uint32_t list_tf(const list_view *v, uint32_t rank) {
    if (!(v->kind & LIST_TF)) {
        return 1;
    }
    if (v->tf_bits == LIST_TF_WHOLE) {
        return load_u32(v->tf_codes + (size_t)rank * 4);
    }
    uint32_t code = v->tf_bits ? code_of(v, rank) : 0;
    if (v->tf_bits && code + 1 < 1u << v->tf_bits) {
        return code + 1;
    }
    uint32_t at = lower_bound(v->exception_ranks, 0, v->exceptions, rank);
    if (at < v->exceptions && load_u16(v->exception_ranks + at * 2) == rank) {
        return load_u32(v->exception_tfs + at * 4);
    }
    return code + 1;
}

static uint32_t bitset_rank(const list_view *v, uint16_t low) {
    uint64_t word = load_u64(v->container + low / 64 * 8);
    if (!(word >> (low % 64) & 1)) {
        return UINT32_MAX;
    }
    /* A bitset has at least 2,048 postings, so its directory is by blocks of 256 = 4 words. */
    uint32_t rank = load_u16(v->directory + low / BLOCK_DOCS * 2);
    for (uint32_t i = low / BLOCK_DOCS * 4; i < low / 64u; i++) {
        rank += (uint32_t)__builtin_popcountll(load_u64(v->container + i * 8));
    }
    rank += (uint32_t)__builtin_popcountll(word & ((1ull << low % 64) - 1));
    return rank < v->count ? rank : UINT32_MAX;
}

uint32_t list_rank(const list_view *v, uint16_t low) {
    if (v->kind & LIST_BITSET) {
        return bitset_rank(v, low);
    }
    uint32_t from = 0, to = v->count;
    if (v->directory) {
        uint32_t slot = (uint32_t)low >> v->directory_shift;
        uint32_t last = ((uint32_t)LIST_DOCS >> v->directory_shift) - 1;
        from = load_u16(v->directory + slot * 2);
        to = slot < last ? load_u16(v->directory + (slot + 1) * 2) : v->count;
        from = from < v->count ? from : v->count;
        to = to < v->count ? to : v->count;
    }
    uint32_t at = lower_bound(v->container, from, to, low);
    return at < to && load_u16(v->container + at * 2) == low ? at : UINT32_MAX;
}

static anp_status validate_order(const list_view *v, anp_error *err) {
    uint32_t count = 0;
    if (v->kind & LIST_BITSET) {
        for (uint32_t word = 0; word < (uint32_t)LIST_DOCS / 64; word++) {
            count += (uint32_t)__builtin_popcountll(load_u64(v->container + word * 8));
        }
        return count == v->count
                   ? ANP_OK
                   : error_corrupt(err, "a bitset of %u postings holds %u", v->count, count);
    }
    for (uint32_t i = 1; i < v->count; i++) {
        if (load_u16(v->container + i * 2) <= load_u16(v->container + (i - 1) * 2)) {
            return error_corrupt(err, "ordinals are not ascending at rank %u", i);
        }
    }
    return ANP_OK;
}

static anp_status validate_directory(const list_view *v, anp_error *err) {
    uint32_t slots = v->directory_shift ? (uint32_t)LIST_DOCS >> v->directory_shift : 0;
    uint32_t rank = 0;
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (load_u16(v->directory + slot * 2) != rank) {
            return error_corrupt(err, "the directory is wrong at slot %u", slot);
        }
        if (v->kind & LIST_BITSET) {
            for (uint32_t i = 0; i < BLOCK_DOCS / 64; i++) {
                uint64_t word = load_u64(v->container + (slot * (BLOCK_DOCS / 64) + i) * 8);
                rank += (uint32_t)__builtin_popcountll(word);
            }
        } else {
            while (rank < v->count &&
                   (uint32_t)load_u16(v->container + rank * 2) >> v->directory_shift == slot) {
                rank++;
            }
        }
    }
    return ANP_OK;
}

/* Exceptions ascend, and each stands where a code says so. */
static anp_status validate_exceptions(const list_view *v, anp_error *err) {
    uint32_t largest = v->tf_bits ? (1u << v->tf_bits) - 1 : 1, coded = 0;
    for (uint32_t i = 0; i < v->exceptions; i++) {
        uint32_t rank = load_u16(v->exception_ranks + i * 2);
        if (rank >= v->count || (i && rank <= load_u16(v->exception_ranks + (i - 1) * 2)) ||
            load_u32(v->exception_tfs + i * 4) <= largest ||
            (v->tf_bits && code_of(v, rank) != largest)) {
            return error_corrupt(err, "tf exception %u is wrong", i);
        }
    }
    for (uint32_t i = 0; v->tf_bits && i < v->count; i++) {
        coded += code_of(v, i) == largest;
    }
    size_t used = (size_t)v->count * v->tf_bits;
    bool padded = used % 8 == 0 || v->tf_codes[used / 8] >> used % 8 == 0;
    return (v->tf_bits == 0 || coded == v->exceptions) && padded
               ? ANP_OK
               : error_corrupt(err, "%u tf codes stand for %u exceptions", coded, v->exceptions);
}

static anp_status validate_tfs(const list_view *v, anp_error *err) {
    uint64_t sum = 0;
    if (v->tf_bits != LIST_TF_WHOLE) {
        TRY(validate_exceptions(v, err));
    }
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t tf = list_tf(v, i);
        if (tf == 0) {
            return error_corrupt(err, "the tf of rank %u is 0", i);
        }
        sum += tf;
    }
    return v->tf_sum == (sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum)
               ? ANP_OK
               : error_corrupt(err, "the sum of tfs is %llu, recorded is %u",
                               (unsigned long long)sum, v->tf_sum);
}

/* Whether an ordinal of this block is in the list. */
static bool block_has(const list_view *v, uint32_t block) {
    uint32_t slot = block * BLOCK_DOCS >> v->directory_shift, from, at;
    if (v->kind & LIST_BITSET) {
        uint64_t any = 0;
        for (uint32_t i = 0; i < BLOCK_DOCS / 64; i++) {
            any |= load_u64(v->container + (block * (BLOCK_DOCS / 64) + i) * 8);
        }
        return any != 0;
    }
    from = load_u16(v->directory + slot * 2);
    at = lower_bound(v->container, from, v->count, block * BLOCK_DOCS);
    return at < v->count && load_u16(v->container + at * 2) / BLOCK_DOCS == block;
}

/* One of the two kinds of bounds; whether they cover their impacts, only the index can say. */
static anp_status validate_bounds(const list_view *v, const uint8_t *scale, const uint8_t *seeds,
                                  const uint8_t *codes, anp_error *err) {
    float low, step;
    memcpy(&low, scale, sizeof low);
    memcpy(&step, scale + sizeof low, sizeof step);
    if (!(low >= 0 && low <= 2 * LIST_BLEND_SCALE && step > 0 && step <= LIST_BLEND_SCALE)) {
        return error_corrupt(err, "the scale of a list's bounds is wrong");
    }
    for (uint32_t i = 1; seeds && i < LIST_SEEDS; i++) {
        if (load_u16(seeds + i * 2) > load_u16(seeds + (i - 1) * 2)) {
            return error_corrupt(err, "seed %u is above the one before", i);
        }
    }
    for (uint32_t i = 0; i < v->bound_count; i++) {
        bool filled = v->count < LIST_BLOCKS || block_has(v, i);
        if (filled != (codes[i] > 0)) {
            return error_corrupt(err, "bound %u is %u", i, codes[i]);
        }
    }
    return ANP_OK;
}

anp_status list_validate(const list_view *v, anp_error *err) {
    TRY(validate_order(v, err));
    TRY(validate_directory(v, err));
    if (v->kind & LIST_TF) {
        TRY(validate_tfs(v, err));
    } else if (v->tf_sum != v->count) {
        return error_corrupt(err, "a list without tf has a tf sum of %u", v->tf_sum);
    }
    if (!v->bounds) {
        return ANP_OK;
    }
    const uint8_t *blended_seeds = v->seeds ? v->seeds + LIST_SEEDS * 2 : NULL;
    TRY(validate_bounds(v, v->bounds, v->seeds, v->bound_bytes, err));
    return validate_bounds(v, v->bounds + 2 * sizeof(float), blended_seeds, v->blended_bytes, err);
}

void list_print(const list_view *v, buffer *out) {
    char line[160];
    int len = snprintf(line, sizeof line, "%u postings, %s, tf %u bits + %u exceptions, tf sum %u, "
                       "impact <= %.4f, %u bounds, %zu bytes\n", v->count,
                       v->kind & LIST_BITSET ? "bitset" : "array", v->tf_bits, v->exceptions,
                       v->tf_sum, v->impact_max / 65535.0, v->bound_count, v->len);
    buffer_put(out, line, (size_t)len);
    for (uint32_t low = 0, shown = 0; low < (uint32_t)LIST_DOCS && shown < 8; low++) {
        uint32_t rank = list_rank(v, (uint16_t)low);
        if (rank != UINT32_MAX) {
            len = snprintf(line, sizeof line, "  %u:%u", low, list_tf(v, rank));
            buffer_put(out, line, (size_t)len);
            shown++;
        }
    }
    buffer_put_u8(out, '\n');
}
