/*
 * See pack.h.
 *
 * How large: pages, counted over the sizes of the 683 thousand lists and positions (180 MB) of
 * 119,968 articles, one window and a segment; 218 MB as values of their own:
 *
 *     packs of at most 1 page, entries of up to 512 bytes         204 MB
 *     up to 1 page, entries up to 1 page                          202 MB
 *     up to 16 KB, entries up to 8 KB                             194 MB
 *     from 7.5 KB on, ended where the last page is 7/8 full, entries up to 16 KB    188 MB
 *     the same, entries up to 32 KB (taken; 188 in the file)      186 MB
 *     the same, entries of any size (packs of up to 7 MB)         183 MB
 *
 * A look-up of a random term fell from 276 ns to 207 (the tree is smaller), the first pass over all
 * of them in a process from 830 to 272.
 */
#include "index/pack.h"

#include "base/error.h"

/* ---- Making one ---------------------------------------------------------------------------- */

/* Of one entry's row in a directory, at most: 33 bits of step, a low, 17 bits of size. */
enum { ROW_BYTES_MAX = 5 + 1 + 3 };

void pack_free(pack_builder *b) {
    buffer_free(&b->skips);
    buffer_free(&b->runs);
    buffer_free(&b->directory);
    buffer_free(&b->values);
    *b = (pack_builder){0};
}

static size_t bytes_of(const pack_builder *b) {
    return PACK_HEADER_BYTES + b->skips.len + b->runs.len + b->directory.len + b->values.len;
}

bool pack_has_room(const pack_builder *b, size_t value_bytes) {
    return bytes_of(b) + PACK_SKIP_BYTES + ROW_BYTES_MAX + value_bytes <= PACK_BYTES_MAX;
}

bool pack_is_full(const pack_builder *b) {
    size_t bytes = bytes_of(b);
    size_t in_last = (bytes + PACK_OVER_BYTES) % PACK_PAGE_BYTES;
    return bytes >= PACK_FILL_BYTES &&
           (in_last == 0 || PACK_PAGE_BYTES - in_last <= PACK_SLACK_BYTES);
}

/* Offsets of runs are told from the first one until the pack is finished. */
static void end_run(pack_builder *b) {
    if (b->skips.failed || b->skips.len == 0) {
        return;
    }
    uint8_t *skip = b->skips.data + b->skips.len - PACK_SKIP_BYTES;
    skip[5] = (uint8_t)b->directory.len;
    store_u16(skip + 6, (uint16_t)b->runs.len);
    buffer_put(&b->runs, b->directory.data, b->directory.len);
    buffer_put(&b->runs, b->values.data, b->values.len);
    b->runs.failed = b->runs.failed || b->directory.failed || b->values.failed;
    b->directory.len = b->values.len = 0;
}

void pack_add(pack_builder *b, uint64_t code, str value) {
    uint8_t low = (uint8_t)code;
    if (b->count == 0) {
        b->usual = low;
    }
    if (b->count % PACK_RUN == 0) {
        end_run(b);
        buffer_put_u32(&b->skips, (uint32_t)(code >> 8));
        buffer_put_u8(&b->skips, low);
        buffer_put(&b->skips, "\0\0\0", 3);
    } else {
        uint64_t step = (code >> 8) - (b->last >> 8);
        buffer_put_varint(&b->directory, step << 1 | (low != b->usual));
        if (low != b->usual) {
            buffer_put_u8(&b->directory, low);
        }
    }
    buffer_put_varint(&b->directory, value.len);
    buffer_put_str(&b->values, value);
    b->last = code;
    b->count++;
}

static void clear(pack_builder *b) {
    b->skips.len = b->runs.len = b->directory.len = b->values.len = 0;
    b->count = 0;
}

void pack_finish(pack_builder *b, buffer *out) {
    if (b->count == 1) {
        out->failed = out->failed || b->values.failed;
        buffer_put(out, b->values.data, b->values.len);
        clear(b);
        return;
    }
    end_run(b);
    size_t before = PACK_HEADER_BYTES + b->skips.len;
    for (size_t at = 0; at < b->skips.len; at += PACK_SKIP_BYTES) {
        uint8_t *offset = b->skips.data + at + 6;
        store_u16(offset, (uint16_t)(load_u16(offset) + before));
    }
    out->failed = out->failed || b->skips.failed || b->runs.failed;
    buffer_put_u16(out, (uint16_t)b->count);
    buffer_put_u8(out, b->usual);
    buffer_put_u8(out, 0);
    buffer_put(out, b->skips.data, b->skips.len);
    buffer_put(out, b->runs.data, b->runs.len);
    clear(b);
}

/* ---- Reading one --------------------------------------------------------------------------- */

static anp_status damaged(anp_error *err) {
    return error_corrupt(err, "a pack of lists is damaged; restore a backup");
}

static uint32_t run_count(const pack_cursor *c) {
    return (c->count + PACK_RUN - 1) / PACK_RUN;
}

static uint64_t skip_code(const uint8_t *skip) {
    return (uint64_t)load_u32(skip) << 8 | skip[4];
}

static const uint8_t *skip_at(const pack_cursor *c, uint32_t run) {
    return c->bytes + PACK_HEADER_BYTES + (size_t)run * PACK_SKIP_BYTES;
}

anp_status pack_open(str pack, pack_cursor *out, anp_error *err) {
    *out = (pack_cursor){.bytes = (const uint8_t *)pack.data, .len = pack.len};
    if (pack.len < PACK_HEADER_BYTES + PACK_SKIP_BYTES) {
        return damaged(err);
    }
    out->count = load_u16(out->bytes);
    out->usual = out->bytes[2];
    size_t skips = (size_t)run_count(out) * PACK_SKIP_BYTES;
    return out->count > 1 && skips <= pack.len - PACK_HEADER_BYTES ? ANP_OK : damaged(err);
}

/* To the first entry of a run. */
static anp_status enter_run(pack_cursor *c, uint32_t run, anp_error *err) {
    const uint8_t *skip = skip_at(c, run);
    size_t at = load_u16(skip + 6), bytes = skip[5];
    if (at > c->len || bytes > c->len - at) {
        return damaged(err);
    }
    c->next = run * PACK_RUN;
    c->number = load_u32(skip);
    c->directory = c->bytes + at;
    c->directory_end = c->value = c->directory + bytes;
    return ANP_OK;
}

/* As varint_read of a small number: nearly all have one byte. */
static inline const uint8_t *read_small(const uint8_t *p, const uint8_t *end, uint64_t *v) {
    if (p < end && *p < 0x80) {
        *v = *p;
        return p + 1;
    }
    return varint_read(p, end, v);
}

/* The entry in hand of a run; moves behind it. */
static inline bool read_entry(pack_cursor *c, uint64_t *code, str *value) {
    const uint8_t *at = c->directory, *end = c->directory_end;
    uint64_t step, size;
    uint8_t low = c->usual;
    if (c->next % PACK_RUN == 0) {
        low = skip_at(c, c->next / PACK_RUN)[4];
    } else {
        at = read_small(at, end, &step);
        if (!at || (step & 1 && at == end)) {
            return false;
        }
        c->number += step >> 1;
        low = step & 1 ? *at++ : low;
    }
    at = read_small(at, end, &size);
    if (!at || size > (size_t)(c->bytes + c->len - c->value)) {
        return false;
    }
    *code = c->number << 8 | low;
    *value = str_make((const char *)c->value, (size_t)size);
    c->directory = at;
    c->value += size;
    c->next++;
    return true;
}

anp_status pack_next(pack_cursor *c, uint64_t *code, str *value, anp_error *err) {
    if (c->next == c->count) {
        return ANP_NOT_FOUND;
    }
    if (c->next % PACK_RUN == 0) {
        TRY(enter_run(c, c->next / PACK_RUN, err));
    }
    return read_entry(c, code, value) ? ANP_OK : damaged(err);
}

/* The last run whose first code is not greater; the first one when there is none. */
static uint32_t find_run(const pack_cursor *c, uint64_t code) {
    uint32_t from = 0, to = run_count(c);
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        if (skip_code(skip_at(c, middle)) <= code) {
            from = middle;
        } else {
            to = middle;
        }
    }
    return from;
}

anp_status pack_seek(pack_cursor *c, uint64_t at_least, uint64_t *code, str *value,
                     anp_error *err) {
    TRY(enter_run(c, find_run(c, at_least), err));
    anp_status status;
    do {
        status = pack_next(c, code, value, err);
    } while (status == ANP_OK && *code < at_least);
    return status;
}

anp_status pack_find(str pack, uint64_t code, str *value, anp_error *err) {
    pack_cursor c;
    uint64_t found;
    TRY(pack_open(pack, &c, err));
    TRY(pack_seek(&c, code, &found, value, err));
    return found == code ? ANP_OK : ANP_NOT_FOUND;
}

/* One run: its entries ascend and fill it. */
static bool run_holds(pack_cursor *c, uint32_t run, const uint8_t *end, uint64_t *last) {
    const uint8_t *skip = skip_at(c, run);
    if (c->next && skip_code(skip) <= *last) {
        return false;
    }
    for (uint32_t i = 0; i < PACK_RUN && c->next < c->count; i++) {
        uint64_t code;
        str value;
        if (!read_entry(c, &code, &value) || (i && code <= *last) || code >> 40) {
            return false;
        }
        *last = code;
    }
    return c->directory == c->directory_end && c->value == end;
}

anp_status pack_validate(str pack, uint64_t last, anp_error *err) {
    pack_cursor c;
    uint64_t code = 0;
    TRY(pack_open(pack, &c, err));
    const uint8_t *at = skip_at(&c, run_count(&c));
    bool holds = c.bytes[3] == 0;
    for (uint32_t run = 0; holds && run < run_count(&c); run++) {
        bool more = run + 1 < run_count(&c);
        const uint8_t *end = c.bytes + (more ? load_u16(skip_at(&c, run + 1) + 6) : c.len);
        TRY(enter_run(&c, run, err));
        holds = c.directory == at && run_holds(&c, run, end, &code);
        at = end;
    }
    return holds && code == last ? ANP_OK : damaged(err);
}
