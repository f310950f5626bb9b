/*
 * Posting list from arrays to bytes: the sections of postings/format.h in their order.
 *
 * Cost: a few passes over the postings; bounds by a scan, seeds by a partial selection of the best
 * 128. Every bound is checked against the floats that it must cover as it is written, because low
 * + (q - 1) step is rounded.
 */
#include "postings/list.h"

#include <math.h>

enum { SEED_DEPTH = 1 << (LIST_SEEDS - 1) };

static unsigned directory_shift(uint32_t count) {
    return count < LIST_DIRECTORY_FROM ? 0 : count < 256 ? 12 : count < 1024 ? 10 : 8;
}

static void put_zeros(buffer *out, size_t count) {
    uint8_t *at = buffer_reserve(out, count);
    if (at) {
        memset(at, 0, count);
        out->len += count;
    }
}

static void put_container(const list_input *input, buffer *out) {
    if (input->count < LIST_BITSET_FROM) {
        buffer_put(out, input->docs, input->count * sizeof *input->docs);
        return;
    }
    size_t at = out->len;
    put_zeros(out, LIST_BITSET_BYTES);
    for (uint32_t i = 0; !out->failed && i < input->count; i++) {
        out->data[at + (input->docs[i] >> 3)] |= (uint8_t)(1u << (input->docs[i] & 7));
    }
}

static void put_directory(const list_input *input, buffer *out) {
    unsigned shift = directory_shift(input->count);
    uint32_t rank = 0;
    for (uint32_t slot = 0; shift && slot < (uint32_t)LIST_DOCS >> shift; slot++) {
        buffer_put_u16(out, (uint16_t)rank); /* 65,280 at most */
        while (rank < input->count && (uint32_t)(input->docs[rank] >> shift) == slot) {
            rank++;
        }
    }
}

/* The width with the fewest bytes: codes plus 6 for each tf that has none. */
static uint8_t choose_tf_bits(const list_input *input, uint32_t *exceptions) {
    static const uint8_t widths[] = {0, 2, 4, 8, LIST_TF_WHOLE};
    uint32_t with_code[LIST_TF_WHOLE + 1] = {0}; /* tfs that have a code, by width */
    for (uint32_t i = 0; i < input->count; i++) {
        uint32_t tf = input->tfs[i];
        with_code[0] += tf == 1;
        with_code[2] += tf <= 3;
        with_code[4] += tf <= 15;
        with_code[8] += tf <= 255;
    }
    with_code[LIST_TF_WHOLE] = input->count;
    uint8_t best = 0;
    size_t best_bytes = SIZE_MAX;
    for (size_t i = 0; i < sizeof widths; i++) {
        uint8_t bits = widths[i];
        uint32_t rest = input->count - with_code[bits];
        size_t bytes = ((size_t)input->count * bits + 7) / 8 + (size_t)rest * 6;
        /* The count of exceptions is a u16: 65,536 of them do not fit, but whole tfs do. */
        if (bytes < best_bytes && rest <= UINT16_MAX) {
            best = bits;
            best_bytes = bytes;
            *exceptions = rest;
        }
    }
    return best;
}

static void put_tfs(const list_input *input, uint8_t bits, buffer *out) {
    if (bits == LIST_TF_WHOLE) {
        buffer_put(out, input->tfs, input->count * sizeof *input->tfs);
        return;
    }
    uint32_t largest = bits ? (1u << bits) - 1 : 1; /* the largest tf with a code */
    for (uint32_t i = 0; i < input->count; i++) {
        if (input->tfs[i] > largest) {
            buffer_put_u16(out, (uint16_t)i);
        }
    }
    for (uint32_t i = 0; i < input->count; i++) {
        if (input->tfs[i] > largest) {
            buffer_put_u32(out, input->tfs[i]);
        }
    }
    size_t at = out->len;
    put_zeros(out, ((size_t)input->count * bits + 7) / 8);
    for (uint32_t i = 0; bits && !out->failed && i < input->count; i++) {
        uint32_t code = input->tfs[i] > largest ? largest : input->tfs[i] - 1;
        size_t bit = (size_t)i * bits;
        out->data[at + bit / 8] |= (uint8_t)(code << bit % 8);
    }
}

static uint16_t round_up(float value, float scale) {
    double units = ceil((double)value / (double)scale * 65535.0);
    return (uint16_t)(units < 0 ? 0 : units > 65535 ? 65535 : units);
}

static float largest_of(const float *values, uint32_t count) {
    float largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        largest = values[i] > largest ? values[i] : largest;
    }
    return largest;
}

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
    for (uint32_t i = 0; i < input->count; i++) {
        float *best = &maxima[input->docs[i] / BLOCK_DOCS];
        *best = values[i] > *best ? values[i] : *best;
    }
    return LIST_BLOCKS;
}

typedef struct scale {
    float low, step;
} scale;

/* 254 steps from the least to the largest bound, a hair wider than the range so that the last
   one covers it. */
static scale choose_scale(const float *maxima, uint32_t count) {
    float least = INFINITY, largest = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (maxima[i] >= 0) {
            least = maxima[i] < least ? maxima[i] : least;
            largest = maxima[i] > largest ? maxima[i] : largest;
        }
    }
    float low = least * 0.999999f;
    return (scale){low, (largest - low) / 254 * 1.000001f + 1e-9f};
}

static void put_bounds_of(const float *maxima, uint32_t count, scale s, buffer *out) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = 0;
        if (maxima[i] >= 0) {
            float steps = ceilf((maxima[i] - s.low) / s.step);
            code = 1 + (steps < 0 ? 0 : steps > 254 ? 254 : (uint32_t)steps);
            while (code < 255 && s.low + (float)(code - 1) * s.step < maxima[i]) {
                code++;
            }
        }
        buffer_put_u8(out, (uint8_t)code);
    }
}

/* The 1st, 2nd, 4th … 128th best, by insertion into a short sorted list: most values fail the
   first comparison. */
static void put_seeds_of(const float *values, uint32_t count, float scale_by, buffer *out) {
    float best[SEED_DEPTH];
    uint32_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (held == SEED_DEPTH && values[i] <= best[SEED_DEPTH - 1]) {
            continue;
        }
        uint32_t at = held < SEED_DEPTH ? held++ : SEED_DEPTH - 1;
        while (at > 0 && best[at - 1] < values[i]) {
            best[at] = best[at - 1];
            at--;
        }
        best[at] = values[i];
    }
    for (uint32_t i = 0; i < LIST_SEEDS; i++) {
        uint32_t rank = (1u << i) - 1;
        double units = rank < held ? floor((double)best[rank] / (double)scale_by * 65535.0) : 0;
        buffer_put_u16(out, (uint16_t)(units > 65535 ? 65535 : units));
    }
}

static void put_bounds(const list_input *input, buffer *out) {
    float impact_maxima[LIST_BLOCKS], blended_maxima[LIST_BLOCKS];
    uint32_t scopes = scope_maxima(input, input->impacts, impact_maxima);
    scope_maxima(input, input->blended, blended_maxima);
    scale impact_scale = choose_scale(impact_maxima, scopes);
    scale blended_scale = choose_scale(blended_maxima, scopes);
    buffer_put(out, &impact_scale, sizeof impact_scale);
    buffer_put(out, &blended_scale, sizeof blended_scale);
    if (input->count >= LIST_DIRECTORY_FROM) {
        put_seeds_of(input->impacts, input->count, 1.0f, out);
        put_seeds_of(input->blended, input->count, LIST_BLEND_SCALE, out);
    }
    put_bounds_of(impact_maxima, scopes, impact_scale, out);
    put_bounds_of(blended_maxima, scopes, blended_scale, out);
}

void list_build(const list_input *input, buffer *out) {
    size_t at = out->len;
    bool bounds = input->impacts && input->count >= LIST_BOUNDS_FROM;
    uint32_t exceptions = 0;
    uint64_t tf_sum = input->count;
    list_header header = {.count_minus_1 = (uint16_t)(input->count - 1)};
    header.kind = (uint8_t)((input->count >= LIST_BITSET_FROM ? LIST_BITSET : 0) |
                            (input->tfs ? LIST_TF : 0) | (bounds ? LIST_BOUNDS : 0));
    if (input->tfs) {
        header.tf_bits = choose_tf_bits(input, &exceptions);
        tf_sum = 0;
        for (uint32_t i = 0; i < input->count; i++) {
            tf_sum += input->tfs[i];
        }
    }
    header.exceptions = (uint16_t)exceptions;
    header.tf_sum = tf_sum > UINT32_MAX ? UINT32_MAX : (uint32_t)tf_sum;
    if (input->impacts) {
        header.impact_max = round_up(largest_of(input->impacts, input->count), 1.0f);
        header.blended_max = round_up(largest_of(input->blended, input->count), LIST_BLEND_SCALE);
    }
    buffer_put(out, &header, sizeof header);
    put_container(input, out);
    put_directory(input, out);
    if (input->tfs) {
        put_tfs(input, header.tf_bits, out);
    }
    if (bounds) {
        put_bounds(input, out);
    }
    if (out->failed) {
        out->len = at;
    }
}
