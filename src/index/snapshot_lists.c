/*
 * All lists of one term: of whole groups by walking each group's packs and values from the term's
 * first key on, of all other units by a search each.
 */
#include "index/pack.h"
#include "index/snapshot_impl.h"

#include "base/error.h"

typedef struct gathered {
    snapshot *s;
    unit_entry entry;
    term_list *lists;
    uint32_t count;
} gathered;

static void add(gathered *all, const unit_info *unit, str bytes) {
    all->lists[all->count++] = (term_list){unit, bytes};
}

/* A list of a group, by its code in packs; *more: later ones may be the term's too. */
static anp_status add_grouped(gathered *all, uint32_t group, uint64_t code, str bytes, bool *more,
                              anp_error *err) {
    const catalog *cat = &all->s->cat;
    uint32_t window = group << GROUP_BITS | unit_key_slot(code << 4);
    *more = code >> 8 == all->entry.number;
    if (!*more || unit_key_sub(code << 4) != all->entry.sub) {
        return ANP_OK;
    }
    /* Ascending slots, each once: no more lists than windows. */
    if (window >= cat->units.count || cat->units.items[window].level != UNIT_WINDOW ||
        (all->count && all->lists[all->count - 1].unit >= &cat->units.items[window])) {
        return error_corrupt(err, "a group of windows has a list of another one");
    }
    add(all, &cat->units.items[window], bytes);
    return ANP_OK;
}

static anp_status add_pack(gathered *all, uint32_t group, str bytes, uint64_t from, bool *more,
                           anp_error *err) {
    pack_cursor pack;
    uint64_t code;
    str value;
    TRY(pack_open(bytes, &pack, err));
    anp_status status = pack_seek(&pack, unit_key_code(from), &code, &value, err);
    while (status == ANP_OK && *more) {
        TRY(add_grouped(all, group, code, value, more, err));
        status = *more ? pack_next(&pack, &code, &value, err) : ANP_OK;
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status add_group(gathered *all, uint32_t group, anp_error *err) {
    snapshot *s = all->s;
    store_key key = store_key_u64(unit_key_in(group, UNIT_TERM, all->entry.number, 0, 0));
    uint64_t from = key.number;
    str value;
    if (!s->group_lists) {
        TRY(store_cursor_open(s->txn, STORE_GROUP_POSTINGS, &s->group_lists, err));
    }
    bool more = true;
    anp_status status = store_seek(s->group_lists, key, &key, &value, err);
    while (status == ANP_OK && more && key.number >> 44 == from >> 44) {
        TRY(key.number & UNIT_PART_PACK
                ? add_pack(all, group, value, from, &more, err)
                : add_grouped(all, group, unit_key_code(key.number), value, &more, err));
        status = more ? store_next(s->group_lists, &key, &value, err) : ANP_OK;
    }
    return status == ANP_NOT_FOUND ? ANP_OK : status;
}

static anp_status add_window(gathered *all, uint32_t window, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(all->s, window, &units);
    for (size_t i = 0; i < n; i++) {
        str bytes;
        TRY(snapshot_unit_value(all->s, &units[i], all->entry, &bytes, err));
        if (bytes.len) {
            add(all, &units[i], bytes);
        }
    }
    return ANP_OK;
}

anp_status snapshot_lists(snapshot *s, index_field field, uint32_t term, arena *perm,
                          const term_list **lists, uint32_t *count, anp_error *err) {
    gathered all = {.s = s, .entry = snapshot_term_entry(field, term)};
    all.lists = arena_alloc(perm, (s->cat.units.count + 1) * sizeof *all.lists);
    if (!all.lists) {
        return error_nomem(err, "a term's lists");
    }
    for (uint32_t group = 0; group < s->cat.state.group_end; group++) {
        TRY(add_group(&all, group, err));
    }
    for (uint32_t window = s->cat.state.group_end << GROUP_BITS; window < snapshot_window_count(s);
         window++) {
        TRY(add_window(&all, window, err));
    }
    *lists = all.lists;
    *count = all.count;
    return ANP_OK;
}
