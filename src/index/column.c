/* See column.h. */
#include "index/column.h"

#include "base/error.h"

#include <math.h>

static void put_header(buffer *out, uint8_t kind, uint8_t width, uint32_t count, int64_t base) {
    buffer_put_u8(out, kind);
    buffer_put_u8(out, width);
    buffer_put_u16(out, 0);
    buffer_put_u32(out, count);
    buffer_put_u64(out, (uint64_t)base);
}

/* Whether every present value is an integer that a double holds exactly, and their range. */
static bool integer_range(const double *values, uint32_t count, int64_t *least, int64_t *largest) {
    const double exact = 9007199254740992.0; /* 2^53 */
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        double v = values[i];
        if (isnan(v)) {
            continue;
        }
        if (!(v >= -exact && v <= exact) || v != floor(v) || (v == 0 && signbit(v))) {
            return false;
        }
        int64_t n = (int64_t)v;
        *least = any && *least < n ? *least : n;
        *largest = any && *largest > n ? *largest : n;
        any = true;
    }
    return any;
}

void column_build(const double *values, uint32_t count, buffer *out) {
    int64_t least = 0, largest = 0;
    bool integers = integer_range(values, count, &least, &largest);
    uint64_t range = (uint64_t)(largest - least);
    if (!integers || range >= UINT32_MAX) {
        put_header(out, COLUMN_KIND_FLOAT, 8, count, 0);
        buffer_put(out, values, count * sizeof *values);
        return;
    }
    uint8_t width = range < UINT8_MAX ? 1 : range < UINT16_MAX ? 2 : 4;
    put_header(out, COLUMN_KIND_INT, width, count, least);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t entry = isnan(values[i]) ? UINT32_MAX : (uint32_t)((int64_t)values[i] - least);
        buffer_put(out, &entry, width);
    }
}

void column_build_scores(const float (*scores)[4], uint32_t count, buffer *out) {
    bool whole = true;
    for (uint32_t i = 0; i < count && whole; i++) {
        for (int s = 0; s < 4; s++) {
            whole = whole && scores[i][s] == floorf(scores[i][s]);
        }
    }
    put_header(out, COLUMN_KIND_SCORES, whole ? 4 : 16, count, 0);
    if (!whole) {
        buffer_put(out, scores, count * sizeof *scores);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        for (int s = 0; s < 4; s++) {
            buffer_put_u8(out, (uint8_t)scores[i][s]);
        }
    }
}

anp_status column_open(str value, column_view *out, anp_error *err) {
    if (value.len < COLUMN_HEADER_BYTES) {
        return error_corrupt(err, "a column of %zu bytes has no header", value.len);
    }
    const uint8_t *bytes = (const uint8_t *)value.data;
    column_view v = {bytes[0], bytes[1], load_u32(bytes + 4), (int64_t)load_u64(bytes + 8),
                     bytes + COLUMN_HEADER_BYTES};
    static const uint32_t widths[] = {1u << 1 | 1u << 2 | 1u << 4, 1u << 8, 1u << 4 | 1u << 16};
    bool known = v.kind <= COLUMN_KIND_SCORES && v.width <= 16 && (widths[v.kind] >> v.width & 1);
    if (!known || value.len != COLUMN_HEADER_BYTES + (size_t)v.count * v.width) {
        return error_corrupt(err, "a column of %u entries does not fill its %zu bytes", v.count,
                             value.len);
    }
    *out = v;
    return ANP_OK;
}

anp_status column_lengths(const column_view *v, uint32_t first, list_lengths *out,
                          anp_error *err) {
    if (v->kind != COLUMN_KIND_INT || v->base < 0 || v->base > UINT32_MAX) {
        return error_corrupt(err, "a column of lengths holds other numbers");
    }
    *out = (list_lengths){v->entries, v->width, v->width, (uint32_t)v->base, first, v->count};
    return ANP_OK;
}

double column_get(const column_view *v, uint32_t i) {
    const uint8_t *at = v->entries + (size_t)i * v->width;
    if (v->kind == COLUMN_KIND_FLOAT) {
        double value;
        memcpy(&value, at, sizeof value);
        return value;
    }
    uint32_t entry = v->width == 1 ? *at : v->width == 2 ? load_u16(at) : load_u32(at);
    uint32_t absent = v->width == 1 ? UINT8_MAX : v->width == 2 ? UINT16_MAX : UINT32_MAX;
    return entry == absent ? NAN : (double)(v->base + (int64_t)entry);
}

uint32_t column_get_length(const column_view *v, uint32_t i) {
    double value = column_get(v, i);
    return value >= 0 && value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* A loop for each width, so that it is compiled to vector instructions. */
void column_get_lengths(const column_view *v, uint32_t *out) {
    uint32_t base = (uint32_t)v->base;
    if (v->kind == COLUMN_KIND_INT && v->width == 1) {
        for (uint32_t i = 0; i < v->count; i++) {
            out[i] = v->entries[i] == UINT8_MAX ? 0 : base + v->entries[i];
        }
    } else if (v->kind == COLUMN_KIND_INT && v->width == 2) {
        for (uint32_t i = 0; i < v->count; i++) {
            uint32_t entry = load_u16(v->entries + i * 2);
            out[i] = entry == UINT16_MAX ? 0 : base + entry;
        }
    } else {
        for (uint32_t i = 0; i < v->count; i++) {
            out[i] = column_get_length(v, i);
        }
    }
}

/* ---- Ranges -------------------------------------------------------------------------------- */

/* Entries of a range of whole numbers. */
typedef struct entry_range {
    uint32_t least, span; /* from least to least + span */
    bool any;
} entry_range;

/* Numbers so far from 0 are not all doubles: they are compared one by one. */
static const double WHOLE_MAX = 4503599627370496.0;

static entry_range entries_in(const column_view *v, number_range range) {
    double absent = v->width == 1 ? UINT8_MAX : UINT16_MAX, base = (double)v->base;
    double low = ceil(range.low), high = floor(range.high);
    low += low == range.low && !range.low_included ? 1 : 0;
    high -= high == range.high && !range.high_included ? 1 : 0;
    low = low > base ? low - base : 0;
    high = high < base + absent - 1 ? high - base : absent - 1;
    bool any = low <= high && high >= 0 && range.low <= range.high; /* false for NaN */
    return any ? (entry_range){(uint32_t)low, (uint32_t)(high - low), true} : (entry_range){0};
}

/* A 1 for each of 64 bytes that is 1. */
static uint64_t pack(const uint8_t flags[64]) {
    uint64_t bits = 0;
    for (uint32_t i = 0; i < 8; i++) {
        bits |= load_u64(flags + (size_t)i * 8) * 0x0102040810204080u >> 56 << 8 * i;
    }
    return bits;
}

/* Which of `count` <= 64 entries are in the range. */
static uint64_t find_64(const column_view *v, entry_range range, uint32_t from, uint32_t count) {
    const uint8_t *at = v->entries + (size_t)from * v->width;
    uint8_t flags[64] = {0};
    if (v->width == 1) {
        uint8_t least = (uint8_t)range.least, span = (uint8_t)range.span;
        for (uint32_t i = 0; i < count; i++) {
            flags[i] = (uint8_t)(at[i] - least) <= span;
        }
    } else {
        uint16_t least = (uint16_t)range.least, span = (uint16_t)range.span;
        for (uint32_t i = 0; i < count; i++) {
            flags[i] = (uint16_t)(load_u16(at + (size_t)i * 2) - least) <= span;
        }
    }
    return pack(flags);
}

void column_find(const column_view *v, number_range range, uint32_t first, uint64_t *bits) {
    bool narrow = v->kind == COLUMN_KIND_INT && v->width <= 2 &&
                  fabs((double)v->base) < WHOLE_MAX;
    entry_range entries = narrow ? entries_in(v, range) : (entry_range){0};
    for (uint32_t from = 0; narrow && entries.any && from < v->count; from += 64) {
        uint32_t count = v->count - from < 64 ? v->count - from : 64, at = first + from;
        uint64_t found = find_64(v, entries, from, count);
        bits[at / 64] |= found << at % 64;
        if (at % 64 && found >> (64 - at % 64)) {
            bits[at / 64 + 1] |= found >> (64 - at % 64);
        }
    }
    for (uint32_t i = 0; !narrow && i < v->count; i++) {
        uint64_t bit = number_in_range(range, column_get(v, i));
        bits[(first + i) / 64] |= bit << (first + i) % 64;
    }
}

void column_get_scores(const column_view *v, uint32_t i, float scores[4]) {
    const uint8_t *at = v->entries + (size_t)i * v->width;
    if (v->width == 16) {
        memcpy(scores, at, 16);
        return;
    }
    for (int s = 0; s < 4; s++) {
        scores[s] = at[s];
    }
}
