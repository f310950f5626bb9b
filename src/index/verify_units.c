/*
 * Checking the tables of units. Each is walked from end to end, so that nothing in it is left out:
 *
 *     key        its unit is listed in the catalog, has keys of that kind in this table, and has
 *                them in this range: what a merge has not reached is not yet there, and what it has
 *                moved into a group is gone, as are a segment's positions that its window has.
 *                Values ascend, also over the borders of packs
 *     pack       its directory is whole, its last entry is its key's
 *     list       valid, brief where its unit is small, its ordinals inside its window or segment,
 *                its number below the counter; its bounds not below the impacts that they cover,
 *                its champions the best as its seeds say; its positions, which are in it, in one
 *                value of their own or its window's, read to their last byte, below the post's
 *                length
 *     positions  belong to a list that has none in itself
 *     column,    as many entries as posts; each unit has its lengths, scores and sketches
 *     sketches
 *     pairs      verify_pairs.c
 */
#include "base/error.h"
#include "index/pack.h"
#include "index/verify_impl.h"
#include "rank/bm25.h"
#include "sketch/sketch.h"

/* All keys of one unit in one table. */
typedef struct section {
    store_table table;
    uint32_t number;
    unit_level level;
    const unit_info *unit; /* of a group: that of its first window */
    uint64_t from, to;     /* its keys without the unit */
    uint64_t before;       /* the entry before, + 1: the next one is not less */
} section;

/* ---- Facts --------------------------------------------------------------------------------- */

static anp_status need_facts(window_facts *f, anp_error *err) {
    if (!f->title_lengths) {
        f->title_lengths = malloc(WINDOW_DOCS * sizeof *f->title_lengths);
        f->body_lengths = malloc(WINDOW_DOCS * sizeof *f->body_lengths);
        f->norms = malloc(WINDOW_DOCS * sizeof *f->norms);
        f->factors = malloc(WINDOW_DOCS * sizeof *f->factors);
    }
    return f->title_lengths && f->body_lengths && f->norms && f->factors
               ? ANP_OK
               : error_nomem(err, "checking an index");
}

void check_free_facts(check *c) {
    for (uint32_t slot = 0; slot < GROUP_WINDOWS; slot++) {
        free(c->facts[slot].title_lengths);
        free(c->facts[slot].body_lengths);
        free(c->facts[slot].norms);
        free(c->facts[slot].factors);
    }
}

static anp_status load_facts(check *c, const unit_info *unit, anp_error *err) {
    const rank_settings defaults = RANK_SETTINGS_DEFAULT;
    rank_norm norm = rank_norm_make(defaults.k1, defaults.b, (double)unit->length_average);
    uint32_t window = unit->first >> WINDOW_BITS, first = window_low(unit->first);
    window_facts *f = &c->facts[unit_slot(window)];
    window_columns columns;
    f->unit = NULL;
    TRY(need_facts(f, err));
    TRY(snapshot_columns(c->snapshot, window, &columns, err));
    for (uint32_t low = first; low < first + unit->count && low < columns.count; low++) {
        double scores[RANK_SCORES];
        for (int s = 0; s < RANK_SCORES; s++) {
            scores[s] = (double)columns.scores[low][s];
        }
        double prior = rank_prior(defaults.weights, scores);
        f->title_lengths[low] = columns.lengths[INDEX_TITLE][low];
        f->body_lengths[low] = columns.lengths[INDEX_BODY][low];
        f->norms[low] = rank_norm_of(norm, columns.lengths[INDEX_TEXT][low]);
        f->factors[low] = (float)(1.0 + defaults.blend * (2.0 * prior - 1.0));
    }
    f->unit = unit;
    return ANP_OK;
}

/* ---- Lists --------------------------------------------------------------------------------- */

static bool bounds_hold(const check *c, const window_facts *f, const list_view *list) {
    bool hold = true;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t low = c->lows[i];
        float impact = rank_saturation(c->tfs[i], f->norms[low]);
        float blended = impact * f->factors[low];
        uint32_t scope = list->bound_count < LIST_BLOCKS ? i : low / BLOCK_DOCS;
        hold = hold && impact <= list->impact_max / 65535.0f * 1.0000002f &&
               blended <= list->blended_max / 65535.0f * LIST_BLEND_SCALE * 1.0000002f;
        if (list->bounds) {
            hold = hold && list_bound(list, scope) >= impact &&
                   list_blended_bound(list, scope) >= blended;
        }
        if (list->strips) {
            uint32_t level = list_strip(list, low);
            hold = hold && level && list_strip_level(list, level) >= impact;
        }
    }
    return hold;
}

/* Parts of postings by low, in c->parts: what is in part i is not below seed i. Champions are in
   those below LIST_SEEDS, runners-up, if there are any, in that of the last of them, all others in
   the part behind; which that is. */
static uint32_t mark_best(check *c, const list_view *list, bool blended) {
    const uint8_t *lows = list->champions + (blended ? (size_t)list->champion_count * 2 : 0);
    uint16_t docs[LIST_DOCS / 64];
    uint32_t others = LIST_SEEDS, part = 0;
    if (!blended && list->runner_count) {
        others = 32 - (uint32_t)__builtin_clz(LIST_CHAMPIONS + list->runner_count);
    }
    memset(c->parts, (int)others, WINDOW_DOCS);
    for (uint32_t i = 0; i < list->champion_count; i++) {
        part += i == 1u << part;
        c->parts[load_u16(lows + (size_t)i * 2)] = (uint8_t)part;
    }
    uint32_t count = others > LIST_SEEDS ? list_runner_docs(list, docs) : 0;
    for (uint32_t i = 0; i < count; i++) {
        c->parts[docs[i]] = (uint8_t)(others - 1);
    }
    return others;
}

/* Seed i is not above the first 2^i champions, and not below all other postings by a unit; the same
   of champions and runners-up together; of seeds behind these as many postings are not below. */
static bool champions_hold(check *c, const window_facts *f, const list_view *list, bool blended) {
    uint32_t above[LIST_SEEDS_MAX] = {0}, others = mark_best(c, list, blended);
    bool hold = true;
    for (uint32_t i = 0; i < list->count; i++) {
        uint32_t low = c->lows[i], part = c->parts[low];
        float value = rank_saturation(c->tfs[i], f->norms[low]);
        value = blended ? value * f->factors[low] / LIST_BLEND_SCALE : value;
        float units = value * 65535.01f;
        uint32_t before = part < LIST_SEEDS || part == others ? part : (uint32_t)LIST_SEEDS;
        hold = hold &&
               (part == 0 || value <= list_seed_most(list_seed(list, blended, before - 1))) &&
               (part == others || units >= (float)list_seed(list, blended, part));
        for (uint32_t seed = LIST_SEEDS; seed < list->seed_count; seed++) {
            above[seed] += units >= (float)list_seed(list, blended, seed);
        }
    }
    for (uint32_t seed = LIST_SEEDS; seed < list->seed_count; seed++) {
        hold = hold && (list_seed(list, blended, seed) == 0 || above[seed] >= 1u << seed);
    }
    return hold;
}

/* The last to read c->tfs, which become those of the field. */
static anp_status check_positions(check *c, const list_view *list, str value,
                                  const uint32_t *lengths, uint32_t weight, anp_error *err) {
    positions_view view;
    TRY(positions_view_open(value, list->count, &view, err));
    positions_cursor cursor = {.view = &view};
    list_less_titles(list, weight, 0, list->count, c->tfs);
    arena scratch = {0};
    anp_status status = ANP_OK;
    for (uint32_t rank = 0; rank < list->count && status == ANP_OK; rank++) {
        uint32_t expect = c->tfs[rank], length = lengths[c->lows[rank]];
        if (expect > length) {
            status = error_corrupt(err, "a posting has more positions than its post has words");
            break;
        }
        uint32_t *positions = arena_alloc(&scratch, expect * sizeof *positions);
        status = positions ? positions_next(&cursor, length, expect, positions, err)
                           : error_nomem(err, "checking positions");
        arena_rewind(&scratch, (arena_mark){NULL, 0});
    }
    arena_free(&scratch);
    if (status == ANP_OK && (cursor.bit + 7) / 8 != view.len) {
        return error_corrupt(err, "positions have %zu bytes, their list needs %llu", view.len,
                             (unsigned long long)(cursor.bit + 7) / 8);
    }
    return status;
}

/* A segment's may be its window's by now. */
static anp_status find_positions(check *c, const section *s, uint64_t inner, const list_view *list,
                                 arena *scratch, str *out, anp_error *err) {
    if (s->level == UNIT_SEGMENT) {
        unit_entry entry = {UNIT_TERM, unit_key_number(inner), unit_key_sub(inner)};
        return snapshot_positions_of(c->snapshot, s->unit, entry, list, scratch, out, err);
    }
    uint64_t key = (uint64_t)s->number << 48 | inner | 1 << 4; /* sub + 1 */
    *out = list->positions;
    anp_status status = out->data ? ANP_OK : unit_get(c->snapshot->txn, s->level, key, out, err);
    return status == ANP_NOT_FOUND ? error_corrupt(err, "a list of %u postings has no positions",
                                                   list->count) : status;
}

static anp_status check_list(check *c, const section *s, uint64_t inner, str value,
                             anp_error *err) {
    const window_facts *f = &c->facts[unit_key_slot(inner)];
    bool title = unit_key_sub(inner) == UNIT_SUB_TITLE;
    list_view list;
    TRY(list_view_open(value, &list, err));
    TRY(list_validate(&list, err));
    if (!f->unit) {
        return ANP_OK; /* its columns are damaged: that is reported already */
    }
    if (list.bytes[0] & LIST_LARGE && list.brief != (f->unit->count < LIST_BRIEF_POSTS)) {
        return error_corrupt(err, "a list is %sbrief, its unit is of %u posts",
                             list.brief ? "" : "not ", f->unit->count);
    }
    list_docs(&list, c->lows);
    list_tfs(&list, c->tfs);
    uint32_t first = window_low(f->unit->first);
    if (c->lows[0] < first || c->lows[list.count - 1] - first >= f->unit->count) {
        return error_corrupt(err, "a list has ordinals outside of its unit");
    }
    if (unit_key_kind(inner) == UNIT_FACET) {
        return ANP_OK;
    }
    if (!title) {
        TRY(check_note_word(c, f->unit, unit_key_number(inner), list.count, err));
    }
    if (!title && !bounds_hold(c, f, &list)) {
        return error_corrupt(err, "a bound is below an impact");
    }
    bool champions = list.champion_count == 0 || (champions_hold(c, f, &list, false) &&
                                                  champions_hold(c, f, &list, true));
    if (!champions) {
        return error_corrupt(err, "a list's champions are not its best postings");
    }
    arena scratch = {0};
    str positions;
    anp_status status = find_positions(c, s, inner, &list, &scratch, &positions, err);
    if (status == ANP_OK) {
        status = check_positions(c, &list, positions, title ? f->title_lengths : f->body_lengths,
                                 title ? 0 : snapshot_title_weight(c->snapshot), err);
    }
    arena_free(&scratch);
    return status;
}

static anp_status check_apart(check *c, const section *s, uint64_t inner, anp_error *err) {
    uint64_t key = (uint64_t)s->number << 48 | (inner & ~((uint64_t)1 << 4)); /* sub - 1 */
    str value;
    list_view list;
    anp_status status = unit_get(c->snapshot->txn, s->level, key, &value, err);
    if (status == ANP_OK) {
        TRY(list_view_open(value, &list, err));
    }
    if (status == ANP_NOT_FOUND || (status == ANP_OK && list.positions.data)) {
        return error_corrupt(err, "positions without a list that needs them");
    }
    return status;
}

static anp_status check_sketches(const unit_info *unit, uint32_t piece, str value,
                                 anp_error *err) {
    uint32_t from, end;
    unit_piece(unit, piece < UNIT_PIECES ? piece : 0, &from, &end);
    bool fits = piece < UNIT_PIECES && from < end &&
                value.len == (size_t)(end - from) * SKETCH_BYTES;
    return fits ? ANP_OK : error_corrupt(err, "a unit's sketches are too few");
}

static anp_status check_value(check *c, const section *s, uint64_t inner, str value,
                              anp_error *err) {
    column_view column;
    const catalog_state *state = &c->snapshot->cat.state;
    uint32_t number = unit_key_number(inner);
    switch (unit_key_kind(inner)) {
    case UNIT_TERM:
        if (number >= state->term_end) {
            return error_corrupt(err, "term number %u was never given", number);
        }
        return unit_key_sub(inner) & 1 ? check_apart(c, s, inner, err)
                                       : check_list(c, s, inner, value, err);
    case UNIT_FACET:
        if (number >= state->value_end) {
            return error_corrupt(err, "facet value number %u was never given", number);
        }
        return check_list(c, s, inner, value, err);
    case UNIT_COLUMN:
        TRY(column_open(value, &column, err));
        return column.count == s->unit->count ? ANP_OK
                                              : error_corrupt(err, "a column is too short");
    case UNIT_PAIR: return check_pair_value(c, s->unit, number, value, err);
    default:
        return check_sketches(s->unit, unit_key_number(inner), value, err);
    }
}

/* ---- Keys ---------------------------------------------------------------------------------- */

/* The key of one value, in a pack or not. */
static anp_status check_key(const section *s, uint64_t inner, anp_error *err) {
    unit_kind kind = unit_key_kind(inner);
    bool packs = unit_kind_packs(kind);
    unsigned slot = packs ? unit_slot(s->unit->first >> WINDOW_BITS) : 0;
    bool slot_fits = s->level == UNIT_GROUP ? unit_key_slot(inner) < GROUP_WINDOWS
                                            : unit_key_slot(inner) == slot;
    if (kind >= UNIT_KINDS || unit_key_sub(inner) >= (kind == UNIT_TERM ? UNIT_SUBS : 1) ||
        !slot_fits || (s->level == UNIT_GROUP && !packs) ||
        unit_table(s->level, kind, unit_key_sub(inner)) != s->table) {
        return error_corrupt(err, "no value can have this key");
    }
    if (inner < s->before) {
        return error_corrupt(err, "the entry does not stand behind the one before");
    }
    if (inner >= s->to) {
        return error_corrupt(err, "the entry is here before a merge has reached it");
    }
    return ANP_OK;
}

/* Reports damage of one value and goes on. */
static anp_status note(check *c, const section *s, uint64_t inner, anp_status status,
                       const anp_error *detail, anp_error *err) {
    if (status == ANP_CORRUPT) {
        check_wrong(c, "table %s, unit %u, key %012llx: %s", store_table_infos[s->table].name,
                    s->number, (unsigned long long)inner, detail->message);
        return ANP_OK;
    }
    return check_survive(c, status, detail, err);
}

static anp_status check_entry(check *c, section *s, uint64_t inner, str value, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    anp_status status = check_key(s, inner, &detail);
    s->before = inner + 1 > s->before ? inner + 1 : s->before;
    if (status == ANP_OK && inner >= s->from) { /* else moved, but its pack is still there */
        status = check_value(c, s, inner, value, &detail);
    }
    return note(c, s, inner, status, &detail, err);
}

static anp_status check_pack(check *c, section *s, uint64_t inner, str value, anp_error *err) {
    anp_error detail = ANP_ERROR_INIT;
    pack_cursor pack;
    uint64_t code;
    str entry;
    anp_status status = pack_validate(value, unit_key_code(inner), &detail);
    if (status != ANP_OK || !unit_kind_packs(unit_key_kind(inner))) {
        status = status == ANP_OK ? error_corrupt(&detail, "values of this kind are not packed")
                                  : status;
        return note(c, s, inner, status, &detail, err);
    }
    TRY(pack_open(value, &pack, err));
    while (pack_next(&pack, &code, &entry, NULL) == ANP_OK) {
        uint64_t of_entry = (inner & (uint64_t)15 << 44) | code << 4;
        TRY(check_entry(c, s, of_entry, entry, err));
    }
    return ANP_OK;
}

static anp_status check_stored(check *c, section *s, uint64_t inner, str value, anp_error *err) {
    if (inner < s->from || (inner & 15) > UNIT_PART_PACK) {
        check_wrong(c, "table %s, unit %u, key %012llx: %s", store_table_infos[s->table].name,
                    s->number, (unsigned long long)inner,
                    inner < s->from ? "a merge has left it behind" : "no value can have this key");
        return ANP_OK;
    }
    return inner & UNIT_PART_PACK
               ? check_pack(c, s, inner - UNIT_PART_PACK, value, err)
               : check_entry(c, s, inner, value, err);
}

/* ---- Units --------------------------------------------------------------------------------- */

static const unit_info *listed_unit(const catalog *cat, unit_level level, uint32_t number) {
    for (size_t i = 0; i < cat->units.count; i++) {
        const unit_info *unit = &cat->units.items[i];
        if (unit->level == level && unit->number == number) {
            return unit;
        }
    }
    return NULL;
}

/* A group's state as a range of keys that it has; its windows have the rest. */
static uint64_t group_reached(const catalog *cat, uint32_t group) {
    bool begun = cat->state.group_cursor != UINT64_MAX;
    return group < cat->state.group_end             ? unit_key(0, UNIT_COLUMN, 0)
           : group == cat->state.group_end && begun ? cat->state.group_cursor : 0;
}

/* Whether the catalog lists the unit; where its keys may lie. */
static bool find_unit(const catalog *cat, section *s) {
    bool segment = s->table == STORE_SEGMENTS || s->table == STORE_SEGMENT_POSITIONS;
    bool group = s->table >= STORE_GROUP_POSTINGS && s->table <= STORE_GROUP_FACETS;
    s->level = segment ? UNIT_SEGMENT : group ? UNIT_GROUP : UNIT_WINDOW;
    s->from = s->before = 0;
    s->to = UINT64_MAX;
    if (s->level == UNIT_GROUP) {
        s->to = group_reached(cat, s->number);
        s->unit = listed_unit(cat, UNIT_WINDOW, s->number << GROUP_BITS);
        return s->unit && s->to && (s->number + 1) << GROUP_BITS <= catalog_whole_windows(cat);
    }
    s->unit = listed_unit(cat, s->level, s->number);
    if (!s->unit) {
        return false;
    }
    bool merges = catalog_merging(cat) == (int32_t)(s->unit->first >> WINDOW_BITS);
    if (s->table == STORE_SEGMENT_POSITIONS) {
        s->from = merges ? cat->state.merge_cursor : 0;
    } else if (s->level == UNIT_WINDOW) {
        s->from = group_reached(cat, s->number >> GROUP_BITS);
        s->to = merges ? cat->state.merge_cursor : UINT64_MAX;
    }
    return true;
}

/* Facts of the unit, or of all windows of the group. */
static anp_status load_section(check *c, const section *s, anp_error *err) {
    uint32_t windows = s->level == UNIT_GROUP ? GROUP_WINDOWS : 1;
    if (s->table != STORE_SEGMENTS && s->table != STORE_POSTINGS && s->table != STORE_FACETS &&
        s->table != STORE_GROUP_POSTINGS && s->table != STORE_GROUP_FACETS) {
        return ANP_OK;
    }
    for (uint32_t i = 0; i < windows; i++) {
        anp_error detail = ANP_ERROR_INIT;
        anp_status status = load_facts(c, s->unit + i, &detail);
        TRY(check_survive(c, status, &detail, err));
    }
    return ANP_OK;
}

static anp_status check_table(check *c, store_table table, anp_error *err) {
    section s = {.table = table, .number = UINT32_MAX};
    const catalog *cat = &c->cat;
    store_cursor *cursor;
    store_key key;
    str value;
    bool listed = false;
    anp_error detail = ANP_ERROR_INIT;
    TRY(store_cursor_open(c->snapshot->txn, table, &cursor, err));
    anp_status status = store_seek(cursor, store_key_u64(0), &key, &value, &detail);
    while (status == ANP_OK) {
        if (unit_key_unit(key.number) != s.number) {
            s.number = unit_key_unit(key.number);
            listed = find_unit(cat, &s);
            if (!listed) {
                check_wrong(c, "table %s has values of unit %u, which the catalog does not list",
                            store_table_infos[table].name, s.number);
            }
            status = listed ? load_section(c, &s, &detail) : ANP_OK;
        }
        if (status == ANP_OK && listed) {
            status = check_stored(c, &s, key.number & UNIT_KEY_INNER, value, &detail);
        }
        if (status == ANP_OK) {
            status = store_next(cursor, &key, &value, &detail);
        }
    }
    store_cursor_close(cursor);
    return status == ANP_NOT_FOUND ? ANP_OK : check_survive(c, status, &detail, err);
}

/* That the units of a window have an entry. */
static anp_status check_has(check *c, uint32_t window, unit_entry entry, anp_error *err) {
    const unit_info *units;
    size_t n = snapshot_units(c->snapshot, window, &units);
    for (size_t at = 0; at < n; at++) {
        anp_error detail = ANP_ERROR_INIT;
        uint32_t from = 0, end = 1;
        str value;
        if (entry.kind == UNIT_SKETCH) {
            unit_piece(&units[at], entry.number, &from, &end);
        }
        anp_status status = snapshot_unit_value(c->snapshot, &units[at], entry, &value, &detail);
        if (status == ANP_OK && from < end && value.len == 0) {
            check_wrong(c, "the unit at post %u lacks its %s", units[at].first,
                        entry.kind == UNIT_SKETCH ? "sketches" : "lengths or scores");
        }
        TRY(check_survive(c, status, &detail, err));
    }
    return ANP_OK;
}

/* That each post has its lengths, scores and, where posts are stored, its sketch. */
static anp_status check_needed(check *c, uint32_t window, anp_error *err) {
    static const unit_entry needed[] = {{UNIT_COLUMN, COLUMN_TITLE_LENGTH, 0},
                                        {UNIT_COLUMN, COLUMN_BODY_LENGTH, 0},
                                        {UNIT_COLUMN, COLUMN_SCORES, 0}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        TRY(check_has(c, window, needed[i], err));
    }
    for (uint32_t piece = 0; snapshot_stores_posts(c->snapshot) && piece < UNIT_PIECES; piece++) {
        TRY(check_has(c, window, (unit_entry){UNIT_SKETCH, piece, 0}, err));
    }
    return ANP_OK;
}

anp_status check_units(check *c, anp_error *err) {
    TRY(check_begin_pairs(c, err));
    for (store_table table = STORE_SEGMENTS; table <= STORE_PAIRS; table++) {
        TRY(check_table(c, table, err));
    }
    for (uint32_t window = 0; window < snapshot_window_count(c->snapshot); window++) {
        TRY(check_needed(c, window, err));
    }
    return check_pairs(c, err);
}
