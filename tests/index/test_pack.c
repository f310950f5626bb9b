/*
 * Packs: their worked example byte for byte; random entries against a plain array; damaged bytes
 * are refused or read as something, never outside.
 */
#include "base/prng.h"
#include "index/pack.h"
#include "index/unit_put.h"
#include "store/aid.h"

#include <stdio.h>
#include <stdlib.h>

enum { ENTRIES_MAX = 400, ROUNDS = 300, VALUE_BYTES = 300 };

typedef struct entry {
    uint64_t code;
    uint8_t bytes[VALUE_BYTES];
    size_t len;
} entry;

static void check_example(void) {
    static const uint8_t want[] = {2, 0, 0, 0, 5, 0, 0, 0, 0, 4, 12, 0, 2, 5, 2, 1, 'a', 'b', 'c'};
    pack_builder b = {0};
    buffer out = {0};
    pack_add(&b, 5 << 8, STR("ab"));
    pack_add(&b, 7 << 8 | 2, STR("c"));
    pack_finish(&b, &out);
    CHECK_EQ_INT(out.len, sizeof want);
    CHECK(out.len == sizeof want && memcmp(out.data, want, sizeof want) == 0);
    out.len = 0;
    pack_add(&b, 9 << 8, STR("alone"));
    pack_finish(&b, &out);
    CHECK(str_equal(str_make((const char *)out.data, out.len), STR("alone")));
    pack_free(&b);
    buffer_free(&out);
}

/* Ascending codes: dense, or far apart, up to the largest one. */
static size_t make_entries(prng *p, entry *entries) {
    size_t count = 2 + prng_below(p, ENTRIES_MAX - 1);
    uint32_t gap = 1u << prng_below(p, 24), sizes = prng_below(p, 3) ? 20 : VALUE_BYTES;
    uint64_t number = prng_below(p, 2) ? 0 : prng_below(p, 1u << 30);
    uint8_t low = (uint8_t)prng_below(p, 256);
    for (size_t i = 0; i < count; i++) {
        entry *e = &entries[i];
        if (i && prng_below(p, 4) == 0 && (uint8_t)entries[i - 1].code < 255) {
            uint32_t before = (uint8_t)entries[i - 1].code;
            low = (uint8_t)(before + 1 + prng_below(p, 255 - before));
        } else {
            number += i ? 1 + prng_below(p, gap) : 0;
            low = prng_below(p, 8) ? low : (uint8_t)prng_below(p, 256);
        }
        if (number > UINT32_MAX) {
            return i < 2 ? make_entries(p, entries) : i;
        }
        e->code = number << 8 | low;
        e->len = prng_below(p, sizes);
        for (size_t j = 0; j < e->len; j++) {
            e->bytes[j] = (uint8_t)prng_next(p);
        }
    }
    return count;
}

static str value_of(const entry *e) {
    return str_make((const char *)e->bytes, e->len);
}

/* What a walk along the array finds. */
static const entry *slow_find(const entry *entries, size_t count, uint64_t code) {
    for (size_t i = 0; i < count; i++) {
        if (entries[i].code == code) {
            return &entries[i];
        }
    }
    return NULL;
}

static bool check_finds(prng *p, str pack, const entry *entries, size_t count) {
    bool good = true;
    for (size_t i = 0; i < 2 * count && good; i++) {
        uint64_t code = entries[prng_below(p, (uint32_t)count)].code;
        code += prng_below(p, 2) ? 0 : prng_below(p, 600) - 300u;
        code &= ((uint64_t)1 << 40) - 1;
        const entry *want = slow_find(entries, count, code);
        str value;
        anp_status status = pack_find(pack, code, &value, NULL);
        good = CHECK_EQ_INT(status, want ? ANP_OK : ANP_NOT_FOUND) &&
               (!want || CHECK(str_equal(value, value_of(want))));
    }
    return good;
}

static bool check_walk(str pack, const entry *entries, size_t count) {
    pack_cursor c;
    uint64_t code;
    str value;
    bool good = CHECK_EQ_INT(pack_open(pack, &c, NULL), ANP_OK);
    for (size_t i = 0; i < count && good; i++) {
        good = CHECK_EQ_INT(pack_next(&c, &code, &value, NULL), ANP_OK) &&
               CHECK(code == entries[i].code) && CHECK(str_equal(value, value_of(&entries[i])));
    }
    return good && CHECK_EQ_INT(pack_next(&c, &code, &value, NULL), ANP_NOT_FOUND);
}

/* Reads everything there is; true when the pack still counts as valid. */
static bool read_damaged(str pack, uint64_t last, uint64_t wanted) {
    pack_cursor c;
    uint64_t code;
    str value;
    size_t sum = 0;
    if (pack_find(pack, wanted, &value, NULL) == ANP_OK) {
        sum += value.len ? (uint8_t)value.data[value.len - 1] : 0;
    }
    if (pack_open(pack, &c, NULL) == ANP_OK) {
        while (pack_next(&c, &code, &value, NULL) == ANP_OK) {
            sum += value.len ? (uint8_t)value.data[value.len - 1] : 0;
        }
    }
    return pack_validate(pack, last, NULL) == ANP_OK && sum < SIZE_MAX;
}

/* In a block of exactly its size, so that a sanitizer sees every byte too far. */
static void check_damage(prng *p, str pack, uint64_t last, uint64_t wanted) {
    for (int i = 0; i < 20; i++) {
        size_t len = prng_below(p, 2) ? pack.len : prng_below(p, (uint32_t)pack.len);
        char *bytes = malloc(len + !len);
        memcpy(bytes, pack.data, len);
        for (uint32_t flips = prng_below(p, 4); flips > 0 && len; flips--) {
            uint32_t near = prng_below(p, 2) && len > 64 ? 64 : (uint32_t)len;
            bytes[prng_below(p, near)] ^= (char)(1 << prng_below(p, 8));
        }
        bool valid = read_damaged(str_make(bytes, len), last, wanted);
        CHECK(len == pack.len || !valid);
        free(bytes);
    }
}

static void check_random(uint64_t seed) {
    prng p = {seed};
    static entry entries[ENTRIES_MAX + 2];
    pack_builder b = {0};
    buffer out = {0};
    size_t count = make_entries(&p, entries), kept = 0;
    while (kept < count && pack_has_room(&b, entries[kept].len)) {
        pack_add(&b, entries[kept].code, value_of(&entries[kept]));
        kept++;
    }
    pack_finish(&b, &out);
    str pack = str_make((const char *)out.data, out.len);
    uint64_t last = entries[kept - 1].code;
    bool good = CHECK(out.len <= PACK_BYTES_MAX) &&
                CHECK_EQ_INT(pack_validate(pack, last, NULL), ANP_OK) &&
                CHECK_EQ_INT(pack_validate(pack, last + 1, NULL), ANP_CORRUPT) &&
                check_walk(pack, entries, kept) && check_finds(&p, pack, entries, kept);
    if (!good) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    check_damage(&p, pack, last, entries[kept / 2].code);
    pack_free(&b);
    buffer_free(&out);
}

/* ---- Units of packs and single values ------------------------------------------------------ */

enum { UNIT_VALUES = 3000, UNIT_ROUNDS = 8 };

typedef struct unit_value {
    uint64_t inner;
    uint32_t seed, len; /* of its bytes */
} unit_value;

static void fill(const unit_value *v, buffer *out) {
    prng p = {v->seed};
    out->len = 0;
    uint8_t *at = buffer_reserve(out, v->len + 1u);
    for (uint32_t i = 0; i < v->len; i++) {
        at[i] = (uint8_t)prng_next(&p);
    }
    out->len = v->len;
}

/* Terms, then facets, columns, sketches: small lists mostly, now and then one that stands alone. */
static size_t make_unit(prng *p, unit_value *values) {
    size_t count = 0;
    uint32_t number = 0;
    for (int kind = UNIT_TERM; kind < UNIT_KINDS; kind++) {
        size_t end = (size_t)(kind + 1) * UNIT_VALUES / UNIT_KINDS;
        for (number = 0; count < end; number += 1 + prng_below(p, prng_below(p, 9) ? 5 : 9000)) {
            for (unsigned sub = 0; sub < (kind == UNIT_TERM ? UNIT_SUBS : 1); sub++) {
                uint32_t size = prng_below(p, 30) ? 30 : prng_below(p, 9) ? 3000 : 50000;
                if (sub && prng_below(p, 4)) {
                    continue;
                }
                unsigned slot = kind < UNIT_COLUMN ? 5 : 0;
                values[count++] = (unit_value){unit_key_in(0, (unit_kind)kind, number, slot, sub),
                                               (uint32_t)prng_next(p), 1 + prng_below(p, size)};
            }
        }
    }
    return count;
}

static bool check_unit_gets(prng *p, store_txn *txn, unit_level level, uint32_t number,
                            const unit_value *values, size_t count) {
    buffer want = {0};
    bool good = true;
    for (size_t i = 0; i < count && good; i++) {
        uint64_t key = (uint64_t)number << 48 | values[i].inner;
        str value;
        fill(&values[i], &want);
        good = CHECK_EQ_INT(unit_get(txn, level, key, &value, NULL), ANP_OK) &&
               CHECK(str_equal(value, str_make((const char *)want.data, want.len)));
        uint64_t beside = key + ((1 + (uint64_t)prng_below(p, 40)) << (prng_below(p, 2) ? 4 : 12));
        size_t at = i;
        while (at < count && values[at].inner < (beside & UNIT_KEY_INNER)) {
            at++;
        }
        bool there = at < count && values[at].inner == (beside & UNIT_KEY_INNER);
        anp_status status = unit_get(txn, level, beside, &value, NULL);
        good = good && CHECK_EQ_INT(status, there ? ANP_OK : ANP_NOT_FOUND);
    }
    buffer_free(&want);
    return good;
}

static bool check_unit_walk(store_txn *txn, unit_level level, uint32_t number, uint64_t from,
                            const unit_value *values, size_t count) {
    unit_cursor *cursor;
    buffer want = {0};
    uint64_t inner;
    str value;
    anp_status status = unit_cursor_open(txn, level, number, from, UINT64_MAX, &cursor, NULL);
    bool good = CHECK_EQ_INT(status, ANP_OK);
    for (size_t i = 0; i < count && good; i++) {
        if (values[i].inner < from) {
            continue;
        }
        fill(&values[i], &want);
        good = CHECK_EQ_INT(unit_cursor_next(cursor, &inner, &value, NULL), ANP_OK) &&
               CHECK(inner == values[i].inner) &&
               CHECK(str_equal(value, str_make((const char *)want.data, want.len)));
    }
    good = good && CHECK_EQ_INT(unit_cursor_next(cursor, &inner, &value, NULL), ANP_NOT_FOUND);
    unit_cursor_close(cursor);
    buffer_free(&want);
    return good;
}

static void check_units(const char *path, unit_level level, uint64_t seed) {
    prng p = {seed};
    static unit_value values[UNIT_VALUES + UNIT_SUBS * UNIT_KINDS];
    store *s;
    store_txn *txn;
    unit_packer packer;
    buffer bytes = {0};
    aid_remove(path);
    aid_create(path);
    if (!(s = aid_open(path, true))) {
        return;
    }
    size_t count = make_unit(&p, values);
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint32_t number = 6; number <= 8; number++) { /* the one in hand and its neighbours */
        unit_txn_sink target = {txn, true};
        unit_packer_init(&packer, unit_sink_of_txn(&target), level, number);
        for (size_t i = 0; i < count; i++) {
            fill(&values[i], &bytes);
            str value = str_make((const char *)bytes.data, bytes.len);
            CHECK_EQ_INT(unit_packer_put(&packer, values[i].inner, value, NULL), ANP_OK);
        }
        CHECK_EQ_INT(unit_packer_finish(&packer, NULL), ANP_OK);
        unit_packer_free(&packer);
    }
    bool good = check_unit_gets(&p, txn, level, 7, values, count) &&
                check_unit_walk(txn, level, 7, 0, values, count);
    CHECK_EQ_INT(store_commit(txn, NULL), ANP_OK);
    CHECK_EQ_INT(store_begin_read(s, &txn, NULL), ANP_OK);
    good = good && check_unit_gets(&p, txn, level, 7, values, count) &&
           check_unit_walk(txn, level, 7, 0, values, count) &&
           check_unit_walk(txn, level, 9, 0, values, 0);
    for (int i = 0; i < 30 && good; i++) {
        uint64_t from = values[prng_below(&p, (uint32_t)count)].inner + prng_below(&p, 3);
        good = check_unit_walk(txn, level, 7, from, values, count);
    }
    if (!good) {
        test_note("seed %llu", (unsigned long long)seed);
    }
    store_abort(txn);
    store_close(s);
    buffer_free(&bytes);
}

/* The next pack is of another kind, or of another unit: what it has is not what was asked for. */
static void check_borders(const char *path) {
    store *s;
    store_txn *txn;
    str value;
    aid_remove(path);
    aid_create(path);
    if (!(s = aid_open(path, true))) {
        return;
    }
    CHECK_EQ_INT(store_begin_write(s, &txn, NULL), ANP_OK);
    for (uint32_t number = 1; number <= 2; number++) {
        unit_txn_sink target = {txn, true};
        unit_packer packer;
        unit_packer_init(&packer, unit_sink_of_txn(&target), UNIT_SEGMENT, number);
        for (uint32_t i = 0; i < 12; i++) {
            unit_kind kind = i < 3 ? UNIT_TERM : UNIT_FACET;
            uint64_t inner = unit_key_in(0, kind, i < 3 && number == 2 ? i + 9 : i, 0, 0);
            CHECK_EQ_INT(unit_packer_put(&packer, inner, STR("value"), NULL), ANP_OK);
        }
        CHECK_EQ_INT(unit_packer_finish(&packer, NULL), ANP_OK);
        unit_packer_free(&packer);
    }
    static const struct {
        uint32_t unit, number;
        unit_kind kind;
        bool there;
    } asked[] = {{1, 2, UNIT_TERM, true},   {1, 5, UNIT_TERM, false},  {1, 1, UNIT_FACET, false},
                 {1, 11, UNIT_FACET, true}, {0, 9, UNIT_FACET, false}, {2, 9, UNIT_TERM, true}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        uint64_t key = unit_key_in(asked[i].unit, asked[i].kind, asked[i].number, 0, 0);
        CHECK_EQ_INT(unit_get(txn, UNIT_SEGMENT, key, &value, NULL),
                     asked[i].there ? ANP_OK : ANP_NOT_FOUND);
    }
    store_abort(txn);
    store_close(s);
}

void test_index_pack(void) {
    CASE("the worked example");
    check_example();
    CASE("borders between kinds and units");
    check_borders(aid_path("borders.db"));
    CASE("random packs");
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        check_random(seed);
    }
    for (uint64_t seed = 1; seed <= UNIT_ROUNDS; seed++) {
        CASE("a unit out of packs and single values");
        check_units(aid_path("unit.db"), (unit_level)(seed % 2), seed);
    }
}
