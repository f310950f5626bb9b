/* See catalog.h. */
#include "index/catalog.h"

#include "base/bytes.h"
#include "base/error.h"
#include "post/fields.h"

#include <assert.h>
#include <stdio.h>

static_assert(sizeof(catalog_state) == 80, "written as it is");
static_assert(sizeof(unit_info) == 16, "written as it is");

static store_key meta(const char *name) {
    return store_key_bytes(str_from(name));
}

static anp_status need(store_txn *txn, const char *name, str *out, anp_error *err) {
    anp_status status = store_get(txn, STORE_META, meta(name), out, err);
    if (status == ANP_NOT_FOUND) {
        return error_corrupt(err, "the index has no record \"%s\"; restore a backup", name);
    }
    return status;
}

static anp_status load_settings(store_txn *txn, catalog_settings *out, anp_error *err) {
    str record;
    TRY(need(txn, "settings", &record, err));
    if (record.len < 5 || record.len - 4 >= sizeof out->language) {
        return error_corrupt(err, "the record \"settings\" has %zu bytes", record.len);
    }
    const uint8_t *bytes = (const uint8_t *)record.data;
    *out = (catalog_settings){(anp_analyzer)bytes[0], (anp_store_mode)bytes[1], bytes[2], {0}};
    memcpy(out->language, bytes + 4, record.len - 4);
    return ANP_OK;
}

static anp_status load_state(store_txn *txn, catalog *c, anp_error *err) {
    str record;
    TRY(need(txn, "state", &record, err));
    uint32_t units = record.len < sizeof c->state + 4 ? 0 : load_u32(record.data + sizeof c->state);
    if (record.len != sizeof c->state + 4 + (size_t)units * sizeof(unit_info)) {
        return error_corrupt(err, "the record \"state\" has %zu bytes", record.len);
    }
    memcpy(&c->state, record.data, sizeof c->state);
    if (!vec_reserve(&c->units, units + 1u)) {
        return error_nomem(err, "the catalog");
    }
    memcpy(c->units.items, record.data + sizeof c->state + 4, (size_t)units * sizeof(unit_info));
    c->units.count = units;
    return ANP_OK;
}

static anp_status load_fields(store_txn *txn, catalog *c, anp_error *err) {
    str record;
    TRY(need(txn, "fields", &record, err));
    for (size_t at = 0; at < record.len;) {
        size_t len = at + 2 <= record.len ? (uint8_t)record.data[at + 1] : SIZE_MAX;
        if (len > record.len || at + 2 + len > record.len) {
            return error_corrupt(err, "the record \"fields\" is cut");
        }
        if (!vec_push(&c->kinds, (uint8_t)record.data[at]) ||
            intern_add(&c->fields, str_make(record.data + at + 2, len), NULL) == INTERN_NONE) {
            return error_nomem(err, "the catalog");
        }
        at += 2 + len;
    }
    return ANP_OK;
}

anp_status catalog_load(store_txn *txn, catalog *out, anp_error *err) {
    catalog c = {0};
    anp_status status = load_settings(txn, &c.settings, err);
    if (status == ANP_OK) {
        status = load_state(txn, &c, err);
    }
    if (status == ANP_OK) {
        status = load_fields(txn, &c, err);
    }
    if (status != ANP_OK) {
        catalog_free(&c);
        return status;
    }
    *out = c;
    return ANP_OK;
}

void catalog_free(catalog *c) {
    free(c->units.items);
    free(c->kinds.items);
    intern_free(&c->fields);
    *c = (catalog){0};
}

static anp_status add_known_fields(catalog *c, anp_error *err) {
    static const uint8_t kinds[] = {[POST_VALUE_TEXT] = FIELD_TEXT,
                                    [POST_VALUE_NUMBER] = FIELD_NUMBER,
                                    [POST_VALUE_DATE] = FIELD_DATE | FIELD_TEXT};
    for (size_t i = 0; i < POST_FIELD_COUNT; i++) {
        uint32_t number;
        bool changed;
        str name = str_from(post_fields[i].name);
        TRY(catalog_field(c, name, kinds[post_fields[i].kind], &number, &changed, err));
    }
    return ANP_OK;
}

anp_status catalog_create(store_txn *txn, const catalog_settings *settings, anp_error *err) {
    buffer b = {0};
    buffer_put_u8(&b, (uint8_t)settings->analyzer);
    buffer_put_u8(&b, (uint8_t)settings->store);
    buffer_put_u8(&b, (uint8_t)settings->title_weight);
    buffer_put_u8(&b, 0);
    buffer_put_str(&b, str_from(settings->language));
    if (b.failed) {
        buffer_free(&b);
        return error_nomem(err, "the catalog");
    }
    catalog empty = {.settings = *settings,
                     .state = {.merge_cursor = UINT64_MAX, .group_cursor = UINT64_MAX}};
    str record = str_make((const char *)b.data, b.len);
    anp_status status = store_put(txn, STORE_META, meta("settings"), record, false, err);
    if (status == ANP_OK) {
        status = add_known_fields(&empty, err);
    }
    if (status == ANP_OK) {
        status = catalog_save_state(txn, &empty, err);
    }
    if (status == ANP_OK) {
        status = catalog_save_fields(txn, &empty, err);
    }
    catalog_free(&empty);
    buffer_free(&b);
    return status;
}

void catalog_state_record(const catalog *c, buffer *out) {
    buffer_put(out, &c->state, sizeof c->state);
    buffer_put_u32(out, (uint32_t)c->units.count);
    buffer_put(out, c->units.items, c->units.count * sizeof(unit_info));
}

anp_status catalog_save_state(store_txn *txn, const catalog *c, anp_error *err) {
    buffer b = {0};
    catalog_state_record(c, &b);
    if (b.failed) {
        buffer_free(&b);
        return error_nomem(err, "the catalog");
    }
    str record = str_make((const char *)b.data, b.len);
    anp_status status = store_put(txn, STORE_META, meta(CATALOG_STATE), record, false, err);
    buffer_free(&b);
    return status;
}

anp_status catalog_save_fields(store_txn *txn, const catalog *c, anp_error *err) {
    buffer b = {0};
    for (uint32_t i = 0; i < c->fields.count; i++) {
        buffer_put_u8(&b, c->kinds.items[i]);
        buffer_put_u8(&b, (uint8_t)c->fields.keys[i].len);
        buffer_put_str(&b, c->fields.keys[i]);
    }
    if (b.failed) {
        buffer_free(&b);
        return error_nomem(err, "the catalog");
    }
    str record = str_make((const char *)b.data, b.len);
    anp_status status = store_put(txn, STORE_META, meta("fields"), record, false, err);
    buffer_free(&b);
    return status;
}

static str dictionary_name(uint32_t id, char name[32]) {
    snprintf(name, 32, "dictionary-%08x", id);
    return str_from(name);
}

anp_status catalog_load_dictionary(store_txn *txn, uint32_t id, dictionary **out, anp_error *err) {
    char name[32];
    str record;
    *out = NULL;
    if (id == 0) {
        return ANP_OK;
    }
    dictionary_name(id, name);
    TRY(need(txn, name, &record, err));
    return dictionary_open(record, out, err);
}

anp_status catalog_save_dictionary(store_txn *txn, uint32_t id, str bytes, anp_error *err) {
    char name[32];
    return store_put(txn, STORE_META, store_key_bytes(dictionary_name(id, name)), bytes, false,
                     err);
}

uint64_t catalog_text_words(const catalog *c) {
    return c->state.body_words + c->settings.title_weight * c->state.title_words;
}

bool catalog_has_room(const catalog *c, str name) {
    return c->fields.count < FIELD_COUNT_MAX || intern_find(&c->fields, name) != INTERN_NONE;
}

anp_status catalog_field(catalog *c, str name, uint8_t kind, uint32_t *number, bool *changed,
                         anp_error *err) {
    bool is_new;
    assert(catalog_has_room(c, name));
    *number = intern_add(&c->fields, name, &is_new);
    if (*number == INTERN_NONE || (is_new && !vec_push(&c->kinds, 0))) {
        return error_nomem(err, "the catalog");
    }
    if ((c->kinds.items[*number] & kind) != kind) {
        c->kinds.items[*number] |= kind;
        *changed = true;
    }
    return ANP_OK;
}

uint16_t catalog_new_segment(catalog *c, bool *append) {
    uint32_t number = c->state.segment_next;
    for (size_t i = 0; i < c->units.count; i++) {
        const unit_info *unit = &c->units.items[i];
        if (unit->level == UNIT_SEGMENT && unit->number == number) {
            number = (number + 1) & 0xffff;
            i = (size_t)-1; /* taken: look again from the first */
        }
    }
    *append = true;
    for (size_t i = 0; i < c->units.count; i++) {
        const unit_info *unit = &c->units.items[i];
        *append = *append && (unit->level != UNIT_SEGMENT || unit->number < number);
    }
    c->state.segment_next = (number + 1) & 0xffff;
    c->state.segments_made++;
    return (uint16_t)number;
}

int32_t catalog_merging(const catalog *c) {
    if (c->state.merge_cursor == UINT64_MAX) {
        return MERGE_NONE;
    }
    for (size_t i = c->units.count; i > 0; i--) {
        if (c->units.items[i - 1].level == UNIT_WINDOW) {
            return c->units.items[i - 1].number;
        }
    }
    return MERGE_NONE;
}

static bool reads(const catalog *c, int32_t merging, const unit_info *unit) {
    bool written = c->state.merge_cursor == MERGE_WRITTEN;
    return merging != (int32_t)(unit->first >> WINDOW_BITS) ||
           (unit->level == UNIT_WINDOW) == written;
}

bool catalog_reads(const catalog *c, const unit_info *unit) {
    return reads(c, catalog_merging(c), unit);
}

void catalog_keep_read(catalog *c) {
    int32_t merging = catalog_merging(c);
    size_t kept = 0;
    for (size_t i = 0; i < c->units.count; i++) {
        if (reads(c, merging, &c->units.items[i])) {
            c->units.items[kept++] = c->units.items[i];
        }
    }
    c->units.count = kept;
    c->state.merge_cursor = UINT64_MAX;
}

uint32_t catalog_whole_windows(const catalog *c) {
    uint32_t whole = 0;
    int32_t merging = catalog_merging(c);
    while (whole < c->units.count && c->units.items[whole].level == UNIT_WINDOW &&
           c->units.items[whole].number != merging) {
        whole++;
    }
    return whole;
}

unit_place catalog_place(const catalog *c, const unit_info *unit, uint64_t inner_key) {
    uint32_t group = (unit->first >> WINDOW_BITS) >> GROUP_BITS;
    bool grouped = group < c->state.group_end ||
                   (group == c->state.group_end && c->state.group_cursor != UINT64_MAX &&
                    inner_key < c->state.group_cursor);
    return unit->level == UNIT_WINDOW && unit_kind_packs(unit_key_kind(inner_key)) && grouped
               ? (unit_place){UNIT_GROUP, group}
               : (unit_place){(unit_level)unit->level, unit->number};
}
