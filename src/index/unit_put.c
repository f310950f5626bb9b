/* See unit_put.h. */
#include "index/unit_put.h"

#include "base/error.h"

static anp_status put_in_txn(void *user, store_table table, uint64_t key, str value,
                             anp_error *err) {
    unit_txn_sink *target = user;
    return store_put(target->txn, table, store_key_u64(key), value, target->append, err);
}

static anp_status hold(void *user, store_table table, uint64_t key, str value, anp_error *err) {
    unit_held *held = user;
    buffer_put_str(&held->values, value);
    if (held->values.failed ||
        !vec_push(&held->list, ((unit_held_value){table, key, value.len}))) {
        return error_nomem(err, "writing a unit");
    }
    return ANP_OK;
}

unit_sink unit_held_sink(unit_held *held) {
    return (unit_sink){hold, held};
}

anp_status unit_held_put(unit_held *held, unit_sink sink, anp_error *err) {
    const char *at = (const char *)held->values.data;
    for (size_t i = 0; i < held->list.count; i++) {
        const unit_held_value *v = &held->list.items[i];
        TRY(sink.put(sink.user, v->table, v->key, str_make(at, v->len), err));
        at += v->len;
    }
    held->values.len = held->list.count = 0;
    return ANP_OK;
}

void unit_held_free(unit_held *held) {
    buffer_free(&held->values);
    free(held->list.items);
}

unit_sink unit_sink_of_txn(unit_txn_sink *target) {
    return (unit_sink){put_in_txn, target};
}

void unit_packer_init(unit_packer *p, unit_sink sink, unit_level level, uint32_t number) {
    *p = (unit_packer){.sink = sink, .level = level, .number = number};
}

void unit_packer_free(unit_packer *p) {
    for (int table = 0; table < STORE_TABLES; table++) {
        pack_free(&p->open[table].pack);
    }
    buffer_free(&p->scratch);
}

/* Ends a table's pack; one entry alone needs none. */
static anp_status flush(unit_packer *p, store_table table, anp_error *err) {
    pack_builder *pack = &p->open[table].pack;
    uint64_t key = p->open[table].last;
    if (pack->count == 0) {
        return ANP_OK;
    }
    key |= pack->count > 1 ? UNIT_PART_PACK : 0;
    p->scratch.len = 0;
    pack_finish(pack, &p->scratch);
    if (p->scratch.failed) {
        return error_nomem(err, "writing a unit");
    }
    str value = str_make((const char *)p->scratch.data, p->scratch.len);
    return p->sink.put(p->sink.user, table, key, value, err);
}

anp_status unit_packer_put(unit_packer *p, uint64_t inner, str value, anp_error *err) {
    unit_kind kind = unit_key_kind(inner);
    store_table table = unit_table(p->level, kind, unit_key_sub(inner));
    uint64_t key = (uint64_t)p->number << 48 | inner;
    pack_builder *pack = &p->open[table].pack;
    bool packs = unit_kind_packs(kind) && value.len <= PACK_ENTRY_BYTES_MAX;
    p->bytes += value.len;
    if (pack->count && (!packs || unit_key_kind(p->open[table].last) != kind ||
                        !pack_has_room(pack, value.len))) {
        TRY(flush(p, table, err));
    }
    if (!packs) {
        return p->sink.put(p->sink.user, table, key, value, err);
    }
    pack_add(pack, unit_key_code(inner), value);
    p->open[table].last = key;
    return pack_is_full(pack) ? flush(p, table, err) : ANP_OK;
}

anp_status unit_packer_finish(unit_packer *p, anp_error *err) {
    for (int table = 0; table < STORE_TABLES; table++) {
        TRY(flush(p, (store_table)table, err));
    }
    return ANP_OK;
}
