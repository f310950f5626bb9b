/*
 * Posting list from arrays to bytes: the sections of postings/format.h in their order.
 *
 * Room for the largest form is made once, then sections are written by pointer. Cost: a few passes
 * over the postings; seeds, champions and runners-up by a histogram and a radix sort of the best,
 * hundred-odd or a thousand. Every bound is checked against the float that it must cover as it is
 * written, because it is rounded.
 */
#include "postings/list.h"

#include <math.h>

enum { RADIX = 256 };

/* ---- Containers ---------------------------------------------------------------------------- */

static uint8_t *put_array(const list_input *input, uint8_t *at) {
    memcpy(at, input->docs, input->count * sizeof *input->docs);
    return at + input->count * sizeof *input->docs;
}

/* The postings before each of `count` equal parts of the window, as u16. */
static void put_ranks(const list_input *input, uint32_t count, uint8_t *at) {
    uint32_t here[LIST_BLOCKS] = {0}, rank = 0;
    uint32_t shift = count == LIST_SLOTS ? 13 : 8;
    for (uint32_t i = 0; i < input->count; i++) {
        here[input->docs[i] >> shift]++;
    }
    for (uint32_t i = 0; i < count; i++) {
        store_u16(at + (size_t)i * 2, (uint16_t)rank);
        rank += here[i];
    }
}

static uint8_t *put_blocked(const list_input *input, uint8_t *at) {
    size_t high_bytes = (size_t)list_high_words(input->count) * 8;
    put_ranks(input, LIST_SLOTS, at);
    uint8_t *high = at + LIST_SLOTS * 2, *low = high + high_bytes;
    memset(high, 0, high_bytes);
    for (uint32_t i = 0; i < input->count; i++) {
        uint32_t bit = i + (input->docs[i] >> 8);
        high[bit / 8] |= (uint8_t)(1u << bit % 8);
        low[i] = (uint8_t)input->docs[i];
    }
    return low + input->count;
}

static uint8_t *put_bitset(const list_input *input, uint8_t *at) {
    memset(at, 0, LIST_BITSET_BYTES);
    for (uint32_t i = 0; i < input->count; i++) {
        at[input->docs[i] / 8] |= (uint8_t)(1u << input->docs[i] % 8);
    }
    put_ranks(input, LIST_BLOCKS, at + LIST_BITSET_BYTES);
    return at + LIST_BITSET_BYTES + (size_t)LIST_BLOCKS * 2;
}

static uint8_t *put_container(const list_input *input, uint8_t *at) {
    switch (list_container_of(input->count, input->brief)) {
    case LIST_ARRAY: return put_array(input, at);
    case LIST_BLOCKED: return put_blocked(input, at);
    default: return put_bitset(input, at);
    }
}

/* ---- tfs ----------------------------------------------------------------------------------- */

typedef struct tf_form {
    uint64_t sum;
    uint32_t largest;
    uint32_t bits;            /* of a code */
    uint32_t exception_bytes; /* 0: none */
    uint32_t exceptions;
} tf_form;

/* The form with the fewest bytes. */
static tf_form choose_tf_form(const list_input *input) {
    tf_form f = {.sum = input->count, .largest = 1};
    if (!input->tfs) {
        return f;
    }
    uint32_t above_1 = 0, above_3 = 0, above_15 = 0, above_255 = 0, largest = 1;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < input->count; i++) {
        uint32_t tf = input->tfs[i];
        sum += tf;
        largest = tf > largest ? tf : largest;
        above_1 += tf > 1;
        above_3 += tf > 3;
        above_15 += tf > 15;
        above_255 += tf > 255;
    }
    f.sum = sum;
    f.largest = largest;
    uint32_t wide = largest <= 255 ? 1 : largest <= 65535 ? 2 : 4;
    const struct {
        uint32_t bits, exceptions;
    } forms[] = {{0, above_1},
                 {2, largest <= 4 ? 0 : above_3},
                 {4, largest <= 16 ? 0 : above_15},
                 {8, largest <= 256 ? 0 : above_255}};
    size_t best = SIZE_MAX;
    for (int i = 0; i < 4; i++) {
        uint32_t bits = forms[i].bits, rest = forms[i].exceptions;
        size_t bytes = ((size_t)input->count * bits + 7) / 8 + (size_t)rest * wide;
        if (rest) {
            bytes += 2 + (bits ? (size_t)((input->count - 1) / LIST_TF_STRIDE) * 2
                               : (size_t)rest * 2);
        }
        if (bytes < best) {
            best = bytes;
            f.bits = bits;
            f.exceptions = rest;
            f.exception_bytes = rest ? wide : 0;
        }
    }
    return f;
}

static uint8_t *put_number(uint8_t *at, uint32_t bytes, uint32_t value) {
    memcpy(at, &value, bytes); /* little-endian: its low bytes */
    return at + bytes;
}

/* What is no exception has a code; most is the largest tf that has one. */
static uint8_t *put_exceptions(const list_input *input, const tf_form *f, uint8_t *at) {
    uint32_t most = f->bits ? (1u << f->bits) - 1 : 1, n = 0;
    store_u16(at, (uint16_t)(f->exceptions - 1));
    uint8_t *ranks = at + 2, *tfs = ranks + (size_t)f->exceptions * 2;
    if (f->bits) {
        tfs = ranks + (size_t)((input->count - 1) / LIST_TF_STRIDE) * 2;
    }
    for (uint32_t i = 0; i < input->count; i++) {
        if (f->bits && i && i % LIST_TF_STRIDE == 0) {
            store_u16(ranks + (size_t)(i / LIST_TF_STRIDE - 1) * 2, (uint16_t)n);
        }
        if (input->tfs[i] > most) {
            if (!f->bits) {
                store_u16(ranks + (size_t)n * 2, (uint16_t)i);
            }
            tfs = put_number(tfs, f->exception_bytes, input->tfs[i]);
            n++;
        }
    }
    return tfs;
}

static uint8_t *put_codes(const list_input *input, uint32_t bits, uint8_t *at) {
    uint32_t largest = (1u << bits) - 1, filled = 0;
    uint64_t word = 0;
    for (uint32_t i = 0; bits && i < input->count; i++) {
        uint32_t code = input->tfs[i] - 1;
        word |= (uint64_t)(code < largest ? code : largest) << filled;
        filled += bits;
        if (filled == 64) {
            store_u64(at, word);
            at += 8;
            word = filled = 0;
        }
    }
    memcpy(at, &word, (filled + 7) / 8);
    return at + (filled + 7) / 8;
}

/* ---- Titles -------------------------------------------------------------------------------- */

typedef struct title_form {
    uint32_t count;
    uint32_t tf_bytes;
} title_form;

static title_form choose_title_form(const list_input *input) {
    title_form f = {0};
    uint32_t largest = 0;
    for (uint32_t i = 0; input->title_tfs && i < input->count; i++) {
        uint32_t tf = input->title_tfs[i];
        f.count += tf > 0;
        largest = tf > largest ? tf : largest;
    }
    f.tf_bytes = largest <= 1 ? 0 : largest <= 255 ? 1 : 2;
    return f;
}

static uint8_t *put_titles(const list_input *input, title_form f, bool large, uint8_t *at) {
    uint32_t rank_bytes = large ? 2 : 1;
    if (large) {
        store_u16(at, (uint16_t)(f.count - 1));
        at[2] = (uint8_t)f.tf_bytes;
        at += 3;
    } else {
        *at++ = (uint8_t)(f.count | f.tf_bytes << 4);
    }
    uint8_t *tfs = at + (size_t)f.count * rank_bytes;
    for (uint32_t i = 0; i < input->count; i++) {
        if (input->title_tfs[i]) {
            at = put_number(at, rank_bytes, i);
            tfs = put_number(tfs, f.tf_bytes, input->title_tfs[i]);
        }
    }
    return tfs;
}

/* ---- Bounds -------------------------------------------------------------------------------- */

/* The best value of each bound's scope: a posting below 256 postings, else a block; -1 where
   there is none. */
static uint32_t scope_maxima(const list_input *input, const float *values, float *maxima) {
    if (input->count < LIST_BLOCKS) {
        memcpy(maxima, values, input->count * sizeof *values);
        return input->count;
    }
    for (uint32_t block = 0; block < LIST_BLOCKS; block++) {
        maxima[block] = -1;
    }
    for (uint32_t i = 0; i < input->count;) {
        uint32_t block = input->docs[i] / BLOCK_DOCS;
        float best = values[i];
        for (i++; i < input->count && input->docs[i] / BLOCK_DOCS == block; i++) {
            best = values[i] > best ? values[i] : best;
        }
        maxima[block] = best;
    }
    return LIST_BLOCKS;
}

typedef struct range {
    uint16_t low, high; /* units of unit / 65535 */
} range;

static uint16_t clamp_u16(float units) {
    return (uint16_t)(units < 0 ? 0 : units > 65535 ? 65535 : units);
}

static range choose_range(const float *maxima, uint32_t count, float unit) {
    float least = INFINITY, largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (maxima[i] >= 0) {
            least = maxima[i] < least ? maxima[i] : least;
            largest = maxima[i] > largest ? maxima[i] : largest;
        }
    }
    range r = {clamp_u16(floorf(least / unit * 65535.0f)),
               clamp_u16(ceilf(largest / unit * 65535.0f))};
    r.low = r.low < r.high ? r.low : r.high;
    while (r.high < UINT16_MAX && list_bound_value(r.low, r.high, unit, 255) < largest) {
        r.high++;
    }
    return r;
}

/* A code too low for its value by rounding is raised until it covers it: 255 covers them all. */
static uint8_t *put_codes_of(const float *maxima, uint32_t count, range r, float unit,
                             uint8_t *at) {
    float step = (float)(r.high - r.low) * (1.0f / 254.0f);
    float per_step = step > 0 ? 1 / step : 0, units = 65535.0f / unit;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = 0;
        if (maxima[i] >= 0) {
            float steps = (maxima[i] * units - (float)r.low) * per_step;
            code = steps <= 0 ? 1 : steps >= 254 ? 255 : 1 + (uint32_t)steps;
            while (code < 255 && list_bound_value(r.low, r.high, unit, code) < maxima[i]) {
                code++;
            }
        }
        *at++ = (uint8_t)code;
    }
    return at;
}

/* ---- Strips -------------------------------------------------------------------------------- */

/* The best value of each strip, -1 where there is none; the least and the greatest of them. */
static void strip_maxima(const list_input *input, float maxima[LIST_STRIPS], float ends[2]) {
    for (uint32_t strip = 0; strip < (uint32_t)LIST_STRIPS; strip++) {
        maxima[strip] = -1;
    }
    ends[0] = INFINITY;
    ends[1] = 0;
    for (uint32_t i = 0; i < input->count;) {
        uint32_t strip = input->docs[i] / LIST_STRIP_DOCS;
        float best = input->impacts[i];
        for (i++; i < input->count && input->docs[i] / LIST_STRIP_DOCS == strip; i++) {
            best = input->impacts[i] > best ? input->impacts[i] : best;
        }
        maxima[strip] = best;
        ends[0] = best < ends[0] ? best : ends[0];
        ends[1] = best > ends[1] ? best : ends[1];
    }
}

/* Equal steps of the range that maxima fall into. */
static void find_steps(const float maxima[LIST_STRIPS], const float ends[2],
                       uint8_t steps[LIST_STRIPS]) {
    float scale = ends[1] > ends[0] ? (RADIX - 1) / (ends[1] - ends[0]) : 0;
    for (uint32_t strip = 0; strip < (uint32_t)LIST_STRIPS; strip++) {
        float step = (maxima[strip] - ends[0]) * scale;
        steps[strip] = (uint8_t)(int32_t)(step > 0 ? step < RADIX - 1 ? step : RADIX - 1 : 0);
    }
}

/*
 * The level of each step. Levels are dense where strips are many, as the roots of their numbers
 * (then what is rounded up is about the least), and denser for greater impacts: strips that reach
 * a threshold by several terms are rather there. Of a million synthesised posts' strips that
 * reached the thresholds of two unions, 4.2 and 4.6 % by exact bounds, 5.7 and 7.2 % do so by these
 * levels, 6.9 and 6.7 % without that.
 */
static void choose_levels(const float maxima[LIST_STRIPS], const uint8_t steps[LIST_STRIPS],
                          uint8_t level_of[RADIX]) {
    uint32_t counts[RADIX] = {0}, level = 1;
    float weights[RADIX], all = 0, sum = 0;
    for (uint32_t strip = 0; strip < (uint32_t)LIST_STRIPS; strip++) {
        counts[steps[strip]] += maxima[strip] >= 0;
    }
    for (uint32_t step = 0; step < RADIX; step++) {
        float high = (float)step / (RADIX - 1);
        weights[step] = sqrtf((float)counts[step]) * (0.1f + high * high);
        all += weights[step];
    }
    for (uint32_t step = 0; step < RADIX; step++) {
        sum += weights[step];
        level_of[step] = (uint8_t)level;
        level += level < LIST_STRIP_LEVELS && sum * (float)LIST_STRIP_LEVELS >= all * (float)level;
    }
}

/* An impact in units, rounded up. */
static uint16_t ceil_units(float impact) {
    uint16_t units = clamp_u16(ceilf(impact * 65535.0f));
    return (uint16_t)(units + (units < UINT16_MAX && (float)units * (1.0f / 65535) < impact));
}

static uint8_t *put_strips(const list_input *input, uint8_t *at) {
    float maxima[LIST_STRIPS], ends[2], mosts[1 + LIST_STRIP_LEVELS] = {0};
    uint8_t levels[LIST_STRIPS], level_of[RADIX];
    const uint32_t each = BLOCK_DOCS / LIST_STRIP_DOCS;
    uint32_t first = input->docs[0] / BLOCK_DOCS;
    uint32_t last = input->docs[input->count - 1] / BLOCK_DOCS;
    strip_maxima(input, maxima, ends);
    find_steps(maxima, ends, levels);
    choose_levels(maxima, levels, level_of);
    for (uint32_t strip = first * each; strip < (last + 1) * each; strip++) {
        uint8_t level = maxima[strip] >= 0 ? level_of[levels[strip]] : 0;
        mosts[level] = maxima[strip] > mosts[level] ? maxima[strip] : mosts[level];
        levels[strip] = level;
    }
    *at++ = (uint8_t)first;
    *at++ = (uint8_t)last;
    for (uint32_t level = 1; level <= LIST_STRIP_LEVELS; level++, at += 2) {
        mosts[level] = mosts[level] > mosts[level - 1] ? mosts[level] : mosts[level - 1];
        store_u16(at, ceil_units(mosts[level]));
    }
    for (uint32_t strip = first * each; strip < (last + 1) * each; strip += 2) {
        *at++ = (uint8_t)(levels[strip] | levels[strip + 1] << 4);
    }
    return at;
}

/* ---- Seeds, champions, runners-up ---------------------------------------------------------- */

/* The best values of a list: units above ranks. Room for all of its postings each. */
typedef struct best_room {
    uint32_t *best, *spare;
    uint16_t *units;
    uint8_t *bins;
} best_room;

/* Descending by units, as they came where these are the same; by two passes over the bytes. */
static void sort_down(uint32_t *values, uint32_t *spare, uint32_t count) {
    uint32_t starts[2][RADIX] = {{0}};
    for (uint32_t i = 0; i < count; i++) {
        starts[0][values[i] >> 16 & (RADIX - 1)]++;
        starts[1][values[i] >> 24]++;
    }
    for (unsigned pass = 0; pass < 2; pass++) {
        uint32_t sum = 0, *start = starts[pass];
        for (int digit = RADIX - 1; digit >= 0; digit--) {
            uint32_t here = start[digit];
            start[digit] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < count; i++) {
            spare[start[values[i] >> (16 + 8 * pass) & (RADIX - 1)]++] = values[i];
        }
        uint32_t *swap = values;
        values = spare;
        spare = swap;
    }
}

/* In units, rounded down, and the bin of each. A loop that compilers turn into vectors. */
static void floor_units(const float *values, uint32_t count, range r, float unit, uint16_t *seeds,
                        uint8_t *bins) {
    float units = list_seed_scale(unit);
    float per_unit = 255.0f / ((float)(r.high - r.low) + 1);
    float low = (float)r.low;
    for (uint32_t i = 0; i < count; i++) {
        int32_t seed = list_seed_units(values[i], units);
        float bin = ((float)seed - low) * per_unit;
        seeds[i] = (uint16_t)seed;
        bins[i] = (uint8_t)(int32_t)(bin > 0 ? bin : 0);
    }
}

/* The bin of a histogram that the `depth`-th best value falls into. */
static uint32_t least_bin(const uint8_t *bins, uint32_t count, uint32_t depth) {
    uint32_t counts[2][RADIX] = {{0}}, above = 0, bin = RADIX - 1;
    for (uint32_t i = 0; i + 1 < count; i += 2) { /* of the same bin twice, neither waits */
        counts[0][bins[i]]++;
        counts[1][bins[i + 1]]++;
    }
    counts[0][bins[count - 1]] += count & 1;
    for (; bin > 0; bin--) {
        above += counts[0][bin] + counts[1][bin];
        if (above >= depth) {
            break;
        }
    }
    return bin;
}

/* As many of the best as there are seeds for, and some more, or all, in their order: room->best.
   How many. Values below the last seed's bin are left out. */
static uint32_t find_best(const list_input *input, const float *values, range r, float unit,
                          const best_room *room) {
    uint32_t count = input->count, held = 0;
    floor_units(values, count, r, unit, room->units, room->bins);
    uint32_t depth = 1u << (list_seeds(count, input->brief) - 1);
    uint32_t least = count > depth ? least_bin(room->bins, count, depth) : 0;
    for (uint32_t i = 0; i < count; i++) {
        room->best[held] = (uint32_t)room->units[i] << 16 | i;
        held += room->bins[i] >= least;
    }
    sort_down(room->best, room->spare, held);
    return held;
}

/* The 1st, 2nd, 4th … best. */
static void put_seeds(const uint32_t *best, uint32_t held, uint32_t count, uint8_t *at) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = (1u << i) - 1;
        store_u16(at + (size_t)i * 2, (uint16_t)(rank < held ? best[rank] >> 16 : 0));
    }
}

static void put_champions(const list_input *input, const uint32_t *best, uint8_t *lows,
                          uint8_t *tfs) {
    uint32_t count = list_champions(input->count, input->brief);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t rank = best[i] & UINT16_MAX, tf = input->tfs[rank];
        store_u16(lows + (size_t)i * 2, input->docs[rank]);
        tfs[i] = (uint8_t)(tf < UINT8_MAX ? tf : UINT8_MAX);
    }
}

/* Those behind the champions, in the order of ordinals. */
static uint8_t *put_runners(const list_input *input, const uint32_t *best, uint8_t *at) {
    uint64_t chosen[LIST_DOCS / 64] = {0};
    uint16_t docs[LIST_DOCS / 64];
    uint32_t first = list_champions(input->count, input->brief), count = 0;
    uint32_t wanted = list_runners(input->count, input->brief);
    for (uint32_t i = first; i < first + wanted; i++) {
        uint32_t rank = best[i] & UINT16_MAX;
        chosen[rank / 64] |= (uint64_t)1 << rank % 64;
    }
    for (uint32_t word = 0; word < (uint32_t)LIST_DOCS / 64 && count < wanted; word++) {
        for (uint64_t left = chosen[word]; left; left &= left - 1) {
            docs[count++] = input->docs[word * 64 + (uint32_t)__builtin_ctzll(left)];
        }
    }
    return wanted ? put_blocked(&(list_input){.count = wanted, .docs = docs}, at) : at;
}

/* The largest of all values is the largest of the scopes, and the least of them is not above the
   values that seeds are made of: what is below counts as the least. */
static uint8_t *put_bounds(const list_input *input, const best_room *room, uint8_t *at) {
    float impacts[LIST_BLOCKS], blended[LIST_BLOCKS];
    uint32_t scopes = scope_maxima(input, input->impacts, impacts);
    uint32_t champions = list_champions(input->count, input->brief);
    scope_maxima(input, input->blended, blended);
    range of_impacts = choose_range(impacts, scopes, 1.0f);
    range of_blended = choose_range(blended, scopes, LIST_BLEND_SCALE);
    memcpy(at, &of_impacts, sizeof of_impacts);
    memcpy(at + sizeof of_impacts, &of_blended, sizeof of_blended);
    uint32_t seed_count = list_seeds(input->count, input->brief);
    uint8_t *seeds = at + 2 * sizeof of_impacts, *codes = seeds + (size_t)seed_count * 4;
    uint8_t *lows = codes + (size_t)scopes * 2, *tfs = lows + (size_t)champions * 4;
    codes = put_codes_of(impacts, scopes, of_impacts, 1.0f, codes);
    put_codes_of(blended, scopes, of_blended, LIST_BLEND_SCALE, codes);
    uint32_t held = find_best(input, input->impacts, of_impacts, 1.0f, room);
    put_seeds(room->best, held, seed_count, seeds);
    put_champions(input, room->best, lows, tfs);
    uint8_t *end = put_runners(input, room->best, tfs + (size_t)champions * 2);
    held = find_best(input, input->blended, of_blended, LIST_BLEND_SCALE, room);
    put_seeds(room->best, held, seed_count, seeds + (size_t)seed_count * 2);
    put_champions(input, room->best, lows + (size_t)champions * 2, tfs + champions);
    return list_has_strips(input->count, input->brief) ? put_strips(input, end) : end;
}

/* ---- The whole ----------------------------------------------------------------------------- */

static uint8_t *put_small_head(const list_input *input, const tf_form *tf, uint32_t flags,
                               uint8_t *at) {
    uint32_t width = tf->bits == 8 ? 3 : tf->bits / 2;
    *at = (uint8_t)((input->count - 1) | width << 3 | flags);
    return at + 1;
}

static uint8_t *put_large_head(const list_input *input, const tf_form *tf, uint32_t flags,
                               uint8_t *at) {
    at[0] = (uint8_t)(LIST_LARGE | list_container_of(input->count, input->brief) | flags);
    at[1] = (uint8_t)(tf->bits | tf->exception_bytes << 4);
    store_u16(at + 2, (uint16_t)(input->count - 1));
    store_u32(at + 4, tf->sum > UINT32_MAX ? UINT32_MAX : (uint32_t)tf->sum);
    return at + LIST_HEAD_BYTES;
}

static bool best_room_make(best_room *room, size_t count) {
    count++; /* a place is written before it is known whether it counts */
    room->best = malloc(count * (2 * sizeof *room->best + sizeof *room->units + 1));
    if (!room->best) {
        return false;
    }
    room->spare = room->best + count;
    room->units = (uint16_t *)(room->spare + count);
    room->bins = (uint8_t *)(room->units + count);
    return true;
}

/* Without exceptions, which a small list has no room for. */
static void widen(tf_form *f) {
    f->bits = f->largest == 1 ? 0 : f->largest <= 4 ? 2 : f->largest <= 16 ? 4 : 8;
    f->exceptions = f->exception_bytes = 0;
}

void list_build(const list_input *input, buffer *out) {
    tf_form tf = choose_tf_form(input);
    title_form titles = choose_title_form(input);
    bool small = input->count <= LIST_SMALL_MAX && tf.largest <= 256;
    bool bounds = input->impacts && input->tfs && input->count >= LIST_BOUNDS_FROM;
    uint32_t flags = titles.count ? LIST_TITLES : 0;
    if (small) {
        widen(&tf);
    } else {
        flags |= (input->tfs ? LIST_TF : 0u) | (bounds ? LIST_BOUNDS : 0u) |
                 (input->brief ? LIST_BRIEF : 0u);
    }
    /* The largest sections: a bitset; 10 bytes of tf, 4 of titles a posting; bounds. What is above
       is scratch of the seeds. */
    size_t most = 16384 + (size_t)input->count * 20;
    uint8_t *at = buffer_reserve(out, most);
    if (!at) {
        return;
    }
    best_room room = {0};
    if (bounds && !best_room_make(&room, input->count)) {
        out->failed = true;
        return;
    }
    at = (small ? put_small_head : put_large_head)(input, &tf, flags, at);
    at = put_container(input, at);
    if (tf.exceptions) {
        at = put_exceptions(input, &tf, at);
    }
    at = put_codes(input, tf.bits, at);
    if (titles.count) {
        at = put_titles(input, titles, !small, at);
    }
    if (bounds) {
        at = put_bounds(input, &room, at);
    }
    free(room.best);
    out->len = (size_t)(at - out->data);
}
