/* Reading units: one value, or all in order. See unit.h. */
#include "base/bytes.h"
#include "base/error.h"
#include "index/pack.h"
#include "index/unit.h"

/* Of a value or pack under `found`, what key stands for. */
static anp_status find_covered(uint64_t key, uint64_t found, str *value, anp_error *err) {
    if (found == key) {
        return ANP_OK;
    }
    str pack = *value;
    *value = (str){NULL, 0};
    return found >> 44 == key >> 44 ? pack_find(pack, unit_key_code(key), value, err)
                                    : ANP_NOT_FOUND;
}

anp_status unit_get(store_txn *txn, unit_level level, uint64_t key, str *out, anp_error *err) {
    store_table table = unit_table(level, unit_key_kind(key), unit_key_sub(key));
    uint64_t found;
    if (!unit_kind_packs(unit_key_kind(key))) {
        return store_get(txn, table, store_key_u64(key), out, err);
    }
    anp_status status = store_peek_cover(txn, table, key, UNIT_PART_PACK, &found, out, err);
    if (status == ANP_OK) {
        status = find_covered(key, found, out, err);
    }
    if (status != ANP_NOT_FOUND) {
        return status;
    }
    TRY(store_get_cover(txn, table, key, UNIT_PART_PACK, &found, out, err)); /* really not? */
    return find_covered(key, found, out, err);
}

/* ---- Walking ------------------------------------------------------------------------------- */

/* One table of the unit: the value or pack in hand, copied. */
typedef struct stream {
    store_cursor *cursor;
    buffer bytes;
    bool placed;     /* the cursor */
    bool packed;     /* bytes are a pack, walked by pack */
    pack_cursor pack;
    uint64_t kind;   /* of the pack's entries, as in an inner key */
    uint64_t inner;  /* of the next entry; UINT64_MAX: none */
    str value;
} stream;

enum { STREAMS = 6 };

struct unit_cursor {
    store_txn *txn;
    uint32_t number;
    uint64_t from, to; /* inner keys */
    size_t count;
    size_t last; /* the stream that gave the last value, to be advanced; STREAMS: none */
    stream streams[STREAMS];
};

static anp_status end_stream(stream *s) {
    s->inner = UINT64_MAX;
    s->packed = false;
    return ANP_OK;
}

static anp_status take_packed(stream *s, uint64_t from, anp_error *err) {
    uint64_t code;
    anp_status status;
    do {
        status = pack_next(&s->pack, &code, &s->value, err);
        s->inner = s->kind | code << 4;
    } while (status == ANP_OK && s->inner < from);
    s->packed = status == ANP_OK;
    return status;
}

/* Copies what the cursor reached; a pack's first entry from `from` on is next. */
static anp_status take(const unit_cursor *c, stream *s, uint64_t key, str value, anp_error *err) {
    if (unit_key_unit(key) != c->number || (!(key & UNIT_PART_PACK) &&
                                            (key & UNIT_KEY_INNER) >= c->to)) {
        return end_stream(s);
    }
    s->bytes.len = 0;
    buffer_put_str(&s->bytes, value);
    if (s->bytes.failed) {
        return error_nomem(err, "reading a unit");
    }
    s->value = str_make((const char *)s->bytes.data, s->bytes.len);
    if (!(key & UNIT_PART_PACK)) {
        s->inner = key & UNIT_KEY_INNER;
        return ANP_OK;
    }
    s->kind = key & UNIT_KEY_INNER & (uint64_t)15 << 44;
    TRY(pack_open(s->value, &s->pack, err));
    return take_packed(s, c->from, err);
}

/* To the next entry; a damaged pack may have none from `from` on: then the next value. */
static anp_status advance(const unit_cursor *c, stream *s, anp_error *err) {
    anp_status status = s->packed ? take_packed(s, 0, err) : ANP_NOT_FOUND;
    while (status == ANP_NOT_FOUND) {
        store_key key = store_key_u64((uint64_t)c->number << 48 | c->from);
        str value;
        status = s->placed ? store_next(s->cursor, &key, &value, err)
                           : store_seek(s->cursor, key, &key, &value, err);
        s->placed = true;
        if (status == ANP_NOT_FOUND) {
            return end_stream(s);
        }
        TRY(status);
        status = take(c, s, key.number, value, err);
    }
    return status == ANP_OK && s->inner >= c->to ? end_stream(s) : status;
}

static const struct {
    unit_kind kind;
    unsigned sub;
} places[STREAMS] = {{UNIT_TERM, UNIT_SUB_TEXT},
                     {UNIT_TERM, UNIT_SUB_TEXT_POSITIONS},
                     {UNIT_FACET, 0},
                     {UNIT_COLUMN, 0},
                     {UNIT_SKETCH, 0},
                     {UNIT_PAIR, 0}};

/* Whether a unit of this level may have keys of a place in [from, to). */
static bool has_place(unit_level level, size_t i, uint64_t from, uint64_t to) {
    uint64_t first = unit_key(0, places[i].kind, 0), end = first + ((uint64_t)1 << 44);
    bool meets = first < to && from < end;
    if (level == UNIT_SEGMENT) {
        return i == 0 || (unit_table(level, places[i].kind, places[i].sub) != STORE_SEGMENTS &&
                          meets);
    }
    return (level == UNIT_WINDOW || unit_kind_packs(places[i].kind)) && meets;
}

anp_status unit_cursor_open(store_txn *txn, unit_level level, uint32_t number, uint64_t from,
                            uint64_t to, unit_cursor **out, anp_error *err) {
    unit_cursor *c = calloc(1, sizeof *c);
    if (!c) {
        return error_nomem(err, "reading a unit");
    }
    c->txn = txn;
    c->number = number;
    c->from = from;
    c->to = to;
    c->last = STREAMS;
    anp_status status = ANP_OK;
    for (size_t i = 0; i < STREAMS && status == ANP_OK; i++) {
        if (!has_place(level, i, from, to)) {
            continue;
        }
        store_table table = unit_table(level, places[i].kind, places[i].sub);
        stream *s = &c->streams[c->count++];
        status = store_cursor_open(txn, table, &s->cursor, err);
        if (status == ANP_OK) {
            status = advance(c, s, err);
        }
    }
    if (status != ANP_OK) {
        unit_cursor_close(c);
        return status;
    }
    *out = c;
    return ANP_OK;
}

void unit_cursor_close(unit_cursor *c) {
    if (c) {
        for (size_t i = 0; i < c->count; i++) {
            store_cursor_close(c->streams[i].cursor);
            buffer_free(&c->streams[i].bytes);
        }
        free(c);
    }
}

anp_status unit_cursor_next(unit_cursor *c, uint64_t *inner, str *value, anp_error *err) {
    store_read_on(c->txn);
    if (c->last < STREAMS) {
        TRY(advance(c, &c->streams[c->last], err));
    }
    const stream *least = NULL;
    for (size_t i = 0; i < c->count; i++) {
        least = !least || c->streams[i].inner < least->inner ? &c->streams[i] : least;
    }
    c->last = STREAMS;
    if (!least || least->inner == UINT64_MAX) {
        return ANP_NOT_FOUND;
    }
    c->last = (size_t)(least - c->streams);
    *inner = least->inner;
    *value = least->value;
    return ANP_OK;
}
