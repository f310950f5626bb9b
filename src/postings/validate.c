/* Every rule of a posting list's bytes that list_view_open leaves unchecked, in O(n). */
#include "postings/list.h"

#include "base/error.h"

/* By two ways of reading: all ordinals at once, and each one's rank. */
static anp_status validate_order(const list_view *v, const uint16_t *docs, uint32_t count,
                                 anp_error *err) {
    if (count != v->count) {
        return error_corrupt(err, "a container of %u postings holds %u", v->count, count);
    }
    for (uint32_t i = 0; i < count; i++) {
        if (i && docs[i] <= docs[i - 1]) {
            return error_corrupt(err, "ordinals are not ascending at rank %u", i);
        }
    }
    return ANP_OK;
}

static anp_status validate_ranks(const list_view *v, const uint16_t *docs, anp_error *err) {
    uint32_t slots = v->container_kind == LIST_BLOCKED ? LIST_SLOTS
                     : v->container_kind == LIST_BITSET ? LIST_BLOCKS : 0;
    uint32_t span = slots ? (uint32_t)LIST_DOCS / slots : 0, rank = 0;
    for (uint32_t slot = 0; slot < slots; slot++) {
        while (rank < v->count && docs[rank] < slot * span) {
            rank++;
        }
        if (load_u16(v->ranks + (size_t)slot * 2) != rank) {
            return error_corrupt(err, "the ranks of a list are wrong at slot %u", slot);
        }
    }
    if (v->container_kind == LIST_BITSET) {
        uint32_t ones = 0;
        for (uint32_t i = 0; i < LIST_BITSET_BYTES; i += 8) {
            ones += (uint32_t)__builtin_popcountll(load_u64(v->container + i));
        }
        return ones == v->count
                   ? ANP_OK
                   : error_corrupt(err, "a bitset of %u postings holds %u", v->count, ones);
    }
    return ANP_OK;
}

/* A blocked container's high bits hold as many ones as postings: what is behind the last of its
   256 zeros is nothing. */
static anp_status validate_high(const list_view *v, anp_error *err) {
    uint32_t ones = 0;
    for (uint32_t i = 0; v->high && i < list_high_words(v->count); i++) {
        ones += (uint32_t)__builtin_popcountll(load_u64(v->high + (size_t)i * 8));
    }
    return !v->high || ones == v->count
               ? ANP_OK : error_corrupt(err, "the blocks of %u postings hold %u", v->count, ones);
}

static anp_status validate_codes(const list_view *v, anp_error *err) {
    uint32_t largest = (1u << v->tf_bits) - 1, coded = 0;
    for (uint32_t i = 0; i < v->count; i++) {
        size_t bit = (size_t)i * v->tf_bits;
        if (v->exceptions && i && i % LIST_TF_STRIDE == 0 &&
            load_u16(v->exception_counts + (size_t)(i / LIST_TF_STRIDE - 1) * 2) != coded) {
            return error_corrupt(err, "tf exceptions below rank %u are not %u", i, coded);
        }
        coded += ((uint32_t)(v->tf_codes[bit / 8] >> bit % 8) & largest) == largest;
    }
    size_t used = (size_t)v->count * v->tf_bits;
    bool padded = used % 8 == 0 || v->tf_codes[used / 8] >> used % 8 == 0;
    return padded && (v->exceptions == 0 || coded == v->exceptions)
               ? ANP_OK
               : error_corrupt(err, "%u tf codes stand for %u exceptions", coded, v->exceptions);
}

static anp_status validate_exceptions(const list_view *v, anp_error *err) {
    uint32_t most = v->tf_bits ? (1u << v->tf_bits) - 1 : 1; /* that needs no exception */
    for (uint32_t i = 0; i < v->exceptions; i++) {
        const uint8_t *at = v->exception_tfs + (size_t)i * v->exception_bytes;
        uint32_t tf = v->exception_bytes == 1   ? *at
                      : v->exception_bytes == 2 ? load_u16(at)
                                                : load_u32(at);
        bool placed = true;
        if (v->exception_ranks) {
            uint32_t rank = load_u16(v->exception_ranks + (size_t)i * 2);
            placed = rank < v->count &&
                     (i == 0 || rank > load_u16(v->exception_ranks + (size_t)(i - 1) * 2));
        }
        if (!placed || tf <= most) {
            return error_corrupt(err, "tf exception %u is wrong", i);
        }
    }
    return v->tf_bits ? validate_codes(v, err) : ANP_OK;
}

static anp_status validate_tfs(const list_view *v, uint32_t *tfs, anp_error *err) {
    uint64_t sum = 0;
    TRY(validate_exceptions(v, err));
    list_tfs(v, tfs);
    for (uint32_t i = 0; i < v->count; i++) {
        sum += tfs[i];
    }
    return v->tf_sum == (sum > UINT32_MAX ? UINT32_MAX : (uint32_t)sum)
               ? ANP_OK
               : error_corrupt(err, "the sum of tfs is %llu, recorded is %u",
                               (unsigned long long)sum, v->tf_sum);
}

static anp_status validate_titles(const list_view *v, anp_error *err) {
    uint32_t last = 0;
    for (uint32_t i = 0; i < v->title_count; i++) {
        uint32_t rank = v->title_rank_bytes == 2 ? load_u16(v->title_ranks + (size_t)i * 2)
                                                 : v->title_ranks[i];
        if (rank >= v->count || (i && rank <= last) || list_title_tf(v, rank) == 0) {
            return error_corrupt(err, "title posting %u is wrong", i);
        }
        last = rank;
    }
    return ANP_OK;
}

/* One of the two kinds of bounds; whether they cover their impacts, only the index can say. */
static anp_status validate_bounds(const list_view *v, const uint16_t *docs, const uint8_t *range,
                                  const uint8_t *seeds, const uint8_t *codes, anp_error *err) {
    uint64_t filled[LIST_BLOCKS / 64] = {0};
    for (uint32_t i = 0; i < v->count; i++) {
        uint32_t scope = v->count < LIST_BLOCKS ? i : docs[i] / BLOCK_DOCS;
        filled[scope / 64] |= 1ull << scope % 64;
    }
    if (load_u16(range) > load_u16(range + 2)) {
        return error_corrupt(err, "the range of a list's bounds is wrong");
    }
    for (uint32_t i = 1; i < v->seed_count; i++) {
        if (load_u16(seeds + (size_t)i * 2) > load_u16(seeds + (size_t)(i - 1) * 2)) {
            return error_corrupt(err, "seed %u is above the one before", i);
        }
    }
    for (uint32_t i = 0; i < v->bound_count; i++) {
        if ((filled[i / 64] >> i % 64 & 1) != (codes[i] > 0)) {
            return error_corrupt(err, "bound %u is %u", i, codes[i]);
        }
    }
    return ANP_OK;
}

/* A strip has a level where it has postings; whether levels cover their impacts, only the index can
   say. */
static anp_status validate_strips(const list_view *v, const uint16_t *docs, anp_error *err) {
    uint32_t rank = 0;
    for (uint32_t i = 2; i <= LIST_STRIP_LEVELS; i++) {
        if (list_strip_level(v, i) < list_strip_level(v, i - 1)) {
            return error_corrupt(err, "level %u of a list's strips is below the one before", i);
        }
    }
    for (uint32_t low = 0; low < (uint32_t)LIST_DOCS; low += LIST_STRIP_DOCS) {
        uint32_t before = rank;
        while (rank < v->count && docs[rank] < low + LIST_STRIP_DOCS) {
            rank++;
        }
        if ((rank > before) != (list_strip(v, low) > 0)) {
            return error_corrupt(err, "the strip of ordinal %u of a list has level %u", low,
                                 list_strip(v, low));
        }
    }
    return ANP_OK;
}

/* Different postings, with their tfs; whether they are the best, only the index can say. */
static anp_status validate_champions(const list_view *v, const uint8_t *lows, const uint8_t *tfs,
                                     uint64_t seen[LIST_DOCS / 64], anp_error *err) {
    memset(seen, 0, LIST_DOCS / 8);
    for (uint32_t i = 0; i < v->champion_count; i++) {
        uint16_t low = load_u16(lows + (size_t)i * 2);
        uint32_t rank = list_rank(v, low);
        bool again = seen[low / 64] >> low % 64 & 1;
        uint32_t tf = rank == UINT32_MAX ? 0 : list_tf(v, rank);
        if (again || rank == UINT32_MAX || tfs[i] != (tf < UINT8_MAX ? tf : UINT8_MAX)) {
            return error_corrupt(err, "champion %u is wrong", i);
        }
        seen[low / 64] |= (uint64_t)1 << low % 64;
    }
    return ANP_OK;
}

/* Other postings than those seen. */
static anp_status validate_runners(const list_view *v, const uint64_t seen[LIST_DOCS / 64],
                                   uint16_t *docs, anp_error *err) {
    list_view runners = list_runner_view(v);
    TRY(validate_order(&runners, docs, list_docs(&runners, docs), err));
    TRY(validate_high(&runners, err));
    TRY(validate_ranks(&runners, docs, err));
    for (uint32_t i = 0; i < runners.count; i++) {
        bool again = seen[docs[i] / 64] >> docs[i] % 64 & 1;
        if (again || list_rank(v, docs[i]) == UINT32_MAX) {
            return error_corrupt(err, "runner-up %u is wrong", i);
        }
    }
    return ANP_OK;
}

static anp_status validate_best(const list_view *v, uint16_t *docs, anp_error *err) {
    uint64_t seen[LIST_DOCS / 64];
    TRY(validate_champions(v, v->champions + (size_t)v->champion_count * 2,
                           v->champion_tfs + v->champion_count, seen, err));
    TRY(validate_champions(v, v->champions, v->champion_tfs, seen, err));
    return v->runner_count ? validate_runners(v, seen, docs, err) : ANP_OK;
}

static anp_status validate(const list_view *v, uint16_t *docs, uint32_t *tfs, anp_error *err) {
    TRY(validate_order(v, docs, list_docs(v, docs), err));
    TRY(validate_high(v, err));
    TRY(validate_ranks(v, docs, err));
    TRY(validate_tfs(v, tfs, err));
    TRY(validate_titles(v, err));
    if (!v->bounds) {
        return ANP_OK;
    }
    TRY(validate_bounds(v, docs, v->bounds, v->seeds, v->bound_bytes, err));
    TRY(validate_bounds(v, docs, v->bounds + 4, v->seeds + (size_t)v->seed_count * 2,
                        v->blended_bytes, err));
    TRY(v->strips ? validate_strips(v, docs, err) : ANP_OK);
    return v->champion_count ? validate_best(v, docs, err) : ANP_OK;
}

anp_status list_validate(const list_view *v, anp_error *err) {
    uint16_t *docs = malloc(v->count * sizeof *docs);
    uint32_t *tfs = malloc(v->count * sizeof *tfs);
    anp_status status =
        docs && tfs ? validate(v, docs, tfs, err) : error_nomem(err, "checking a posting list");
    free(docs);
    free(tfs);
    return status;
}
