/*
 * Checking pair lists (pairs.h): each value by itself; then every unit's are made again, out of its
 * lists and positions, for the pairs that have lists, and are equal to the byte. Costs about what
 * the frequent words' positions take to be read.
 */
#include "base/error.h"
#include "index/verify_impl.h"

anp_status check_begin_pairs(check *c, anp_error *err) {
    c->pair_units = c->cat.units.count;
    c->pairs = calloc(c->pair_units + 1, sizeof *c->pairs);
    return c->pairs ? ANP_OK : error_nomem(err, "checking an index");
}

void check_free_pairs(check *c) {
    for (size_t i = 0; c->pairs && i < c->pair_units; i++) {
        free(c->pairs[i].words.items);
    }
    free(c->pairs);
}

static pair_facts *facts_of(check *c, const unit_info *unit) {
    return &c->pairs[unit - c->cat.units.items];
}

anp_status check_note_word(check *c, const unit_info *unit, uint32_t number, uint32_t count,
                           anp_error *err) {
    pairs_word word = {number, count};
    if (count < pairs_count_min(unit->count) || vec_push(&facts_of(c, unit)->words, word)) {
        return ANP_OK;
    }
    return error_nomem(err, "checking an index");
}

anp_status check_pair_value(check *c, const unit_info *unit, uint32_t number, str value,
                            anp_error *err) {
    pairs_view view;
    pairs_head head;
    facts_of(c, unit)->values++;
    if (number == PAIRS_HEAD) {
        TRY(pairs_head_open(value, &head, err));
        return head.noted >= pairs_product_min(unit->count)
                   ? ANP_OK : error_corrupt(err, "pairs of too rare words are promised");
    }
    TRY(pairs_view_open(value, &view, err));
    return pairs_validate(&view, err);
}

/* ---- All pairs of a unit, made again ------------------------------------------------------- */

typedef struct remaking {
    check *check;
    const unit_info *unit;
    uint32_t values;
    bool equal;
    arena memory; /* of positions that a merge has taken */
} remaking;

static anp_status get(void *user, unit_kind kind, uint32_t number, unsigned sub, str *out,
                      anp_error *err) {
    remaking *r = user;
    snapshot *s = r->check->snapshot;
    unit_entry entry = {kind, number, sub};
    bool positions = kind == UNIT_TERM && sub & 1;
    entry.sub -= positions;
    TRY(snapshot_unit_value(s, r->unit, entry, out, err));
    if (!positions || out->len == 0) {
        return ANP_OK;
    }
    list_view list;
    TRY(list_view_open(*out, &list, err));
    return snapshot_positions_of(s, r->unit, entry, &list, &r->memory, out, err);
}

static anp_status compare(void *user, uint32_t number, str value, anp_error *err) {
    remaking *r = user;
    str stored;
    r->values++;
    TRY(get(r, UNIT_PAIR, number, 0, &stored, err));
    r->equal = r->equal && str_equal(stored, value);
    return ANP_OK;
}

static anp_status check_unit(check *c, const unit_info *unit, anp_error *err) {
    remaking r = {.check = c, .unit = unit, .equal = true};
    pair_facts *facts = facts_of(c, unit);
    str value;
    TRY(get(&r, UNIT_PAIR, PAIRS_HEAD, 0, &value, err));
    if (value.len == 0) {
        return error_corrupt(err, "it has none");
    }
    pairs_lists lists = {.get = get,
                         .user = &r,
                         .title_weight = snapshot_title_weight(c->snapshot),
                         .first = window_low(unit->first),
                         .posts = unit->count,
                         .again = true};
    pairs_words words = pairs_choose(facts->words.items, facts->words.count, unit->count);
    anp_status status = pairs_make_of_lists(&lists, &words, (pairs_sink){compare, &r}, err);
    arena_free(&r.memory);
    TRY(status);
    return r.equal && r.values == facts->values
               ? ANP_OK : error_corrupt(err, "they are not what the posts say");
}

/* Of a window whose segments are still going: its pairs are to come. */
static anp_status check_early(check *c, const unit_info *unit, anp_error *err) {
    return facts_of(c, unit)->values == 0 ? ANP_OK
                                          : error_corrupt(err, "they are here before their time");
}

anp_status check_pairs(check *c, anp_error *err) {
    for (size_t i = 0; i < c->cat.units.count; i++) {
        const unit_info *unit = &c->cat.units.items[i];
        bool early = unit->level == UNIT_WINDOW && catalog_merging(&c->cat) == unit->number;
        if (!catalog_reads(&c->cat, unit) || unit->count < PAIRS_POSTS_MIN) {
            continue;
        }
        anp_error detail = ANP_ERROR_INIT;
        anp_status status = early ? check_early(c, unit, &detail) : check_unit(c, unit, &detail);
        if (status == ANP_CORRUPT) {
            check_wrong(c, "the pairs of words of the unit at post %u: %s", unit->first,
                        detail.message);
            status = ANP_OK;
        }
        TRY(check_survive(c, status, &detail, err));
    }
    return ANP_OK;
}
