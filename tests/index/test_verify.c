/*
 * What the check of an index finds besides wrong checksums: every kind of contradiction is planted
 * by itself, with right checksums, found, and taken back. The index stands in the midst of a
 * window's merge, then of a group's.
 */
#include "index/verify.h"

#include "index/cells.h"
#include "index/pack.h"
#include "index/pairs.h"
#include "index/staged.h"
#include "postings/bitmap.h"

enum { UNDO_MAX = 4, FREE_UNIT = 0x7777 };

typedef struct undo {
    store_table table;
    uint64_t key;
    bool was;
    buffer value;
} undo;

typedef struct garden {
    index_handle *index;
    store_txn *txn;
    catalog cat;
    undo undone[UNDO_MAX];
    size_t count;
} garden;

static void write_value(store_txn *txn, store_table table, uint64_t key, const str *value) {
    store_key at = store_key_u64(key);
    CHECK_EQ_INT(value ? store_put(txn, table, at, *value, false, NULL)
                       : store_delete(txn, table, at, NULL), ANP_OK);
}

/* Puts a value, or deletes it (NULL), and notes what was there. */
static void change(garden *g, store_table table, uint64_t key, const str *value) {
    undo *u = &g->undone[g->count++];
    str old;
    *u = (undo){.table = table, .key = key};
    u->was = store_get(g->txn, table, store_key_u64(key), &old, NULL) == ANP_OK;
    buffer_put_str(&u->value, old);
    buffer copy = {0};
    if (value) {
        buffer_put_str(&copy, *value);
    }
    str kept = str_make((const char *)copy.data, copy.len);
    write_value(g->txn, table, key, value ? &kept : NULL);
    buffer_free(&copy);
}

static void take_back(garden *g) {
    CHECK_EQ_INT(store_begin_write(index_store(g->index), &g->txn, NULL), ANP_OK);
    while (g->count > 0) {
        undo *u = &g->undone[--g->count];
        str value = str_make((const char *)u->value.data, u->value.len);
        write_value(g->txn, u->table, u->key, u->was ? &value : NULL);
        buffer_free(&u->value);
    }
    CHECK_EQ_INT(store_commit(g->txn, NULL), ANP_OK);
}

static void report_line(void *user, const char *line) {
    (void)user;
    test_note("verify: %s", line);
}

static uint64_t problems_of(index_handle *index, bool noted) {
    uint64_t problems = 0;
    anp_error err = ANP_ERROR_INIT;
    void (*report)(void *user, const char *line) = noted ? report_line : NULL;
    CHECK_EQ_INT(index_verify(index, true, report, NULL, &problems, &err), ANP_OK);
    return problems;
}

/* The first value of a table from a key on whose pack bit is as wanted. */
static bool find_value(garden *g, store_table table, uint64_t from, bool packed, uint64_t *key,
                       str *value) {
    store_cursor *cursor;
    store_key at = store_key_u64(from);
    if (!CHECK_EQ_INT(store_cursor_open(g->txn, table, &cursor, NULL), ANP_OK)) {
        return false;
    }
    anp_status status = store_seek(cursor, at, &at, value, NULL);
    while (status == ANP_OK && (at.number & UNIT_PART_PACK) != packed) {
        status = store_next(cursor, &at, value, NULL);
    }
    store_cursor_close(cursor);
    *key = at.number;
    return status == ANP_OK;
}

static bool being_written(const catalog *c) {
    return c->state.merge_cursor < MERGE_WRITTEN;
}

static bool losing_segments(const catalog *c) {
    return c->state.merge_cursor == MERGE_WRITTEN;
}

static bool of_group(const catalog *c) {
    return c->state.group_cursor != UINT64_MAX;
}

/* A table that has lists now: of the level that the round is about. */
static store_table lists_of(const garden *g) {
    return of_group(&g->cat) ? STORE_GROUP_POSTINGS
           : g->cat.state.merge_cursor != UINT64_MAX ? STORE_POSTINGS : STORE_SEGMENTS;
}

/* ---- The plants: false where this index has nothing to plant it in ------------------------- */

static bool unlisted_unit(garden *g, unsigned n) {
    static const store_table tables[] = {STORE_SEGMENTS,       STORE_SEGMENT_POSITIONS,
                                         STORE_POSTINGS,       STORE_POSITIONS,      STORE_FACETS,
                                         STORE_GROUP_POSTINGS, STORE_GROUP_POSITIONS,
                                         STORE_GROUP_FACETS,   STORE_COLUMNS,
                                         STORE_SKETCHES,       STORE_PAIRS};
    if (n >= sizeof tables / sizeof *tables) {
        return false;
    }
    change(g, tables[n], unit_key_in(FREE_UNIT, UNIT_TERM, 1, 0, 0), &STR("x"));
    return true;
}

/* A good list under a key that cannot be: n says what is wrong with it. */
static bool wrong_key(garden *g, unsigned n) {
    store_table table = lists_of(g);
    uint64_t key, code, last = 0;
    str value, list = {NULL, 0};
    pack_cursor pack;
    if (n > 6 || !find_value(g, table, 0, true, &key, &value) ||
        pack_open(value, &pack, NULL) != ANP_OK) {
        return false;
    }
    while (pack_next(&pack, &code, &value, NULL) == ANP_OK) {
        list = value;
        last = code;
    }
    uint64_t unit = key & ~UNIT_KEY_INNER, same = unit | last << 4;
    uint64_t keys[] = {
        unit_key_in(unit_key_unit(unit), UNIT_TERM, g->cat.state.term_end, 0, 0),
        unit_key_in(unit_key_unit(unit), UNIT_FACET, g->cat.state.value_end, 0, 0),
        unit | (uint64_t)7 << 44,
        same | 2,                     /* part */
        same | 15 << 8,               /* slot */
        same | 7 << 4,                /* sub */
        unit_key_in(unit_key_unit(unit), UNIT_TERM, unit_key_number(same) - 1, 3, 3),
    };
    change(g, table, keys[n], &list);
    return true;
}

static bool wrong_pack(garden *g, unsigned n) {
    uint64_t key;
    str value;
    if (n > 2 || !find_value(g, lists_of(g), 0, true, &key, &value)) {
        return false;
    }
    buffer bytes = {0};
    buffer_put_str(&bytes, value);
    bytes.data[3] = n == 0;
    bytes.data[4] ^= (uint8_t)(n == 1);
    str pack = str_make((const char *)bytes.data, bytes.len - (n == 2));
    change(g, lists_of(g), key, &pack);
    buffer_free(&bytes);
    return true;
}

/* The same pack with its first list changed: n says how. */
static bool wrong_list(garden *g, unsigned n) {
    store_table table = lists_of(g);
    uint64_t key, code;
    str value, entry;
    pack_cursor cursor;
    pack_builder builder = {0};
    buffer changed = {0}, out = {0};
    if (n > 2 || !find_value(g, table, 0, true, &key, &value) ||
        pack_open(value, &cursor, NULL) != ANP_OK) {
        return false;
    }
    while (pack_next(&cursor, &code, &entry, NULL) == ANP_OK) {
        if (!changed.len && !(code & 1)) {
            buffer_put_str(&changed, entry);
            buffer_put_u8(&changed, 0); /* positions that are too long */
            size_t less = n == 1 ? 3 : n == 2 ? changed.len - 1 : 0;
            entry = str_make((const char *)changed.data, changed.len - less);
        }
        pack_add(&builder, code, entry);
    }
    pack_finish(&builder, &out);
    str pack = str_make((const char *)out.data, out.len);
    change(g, table, key, &pack);
    pack_free(&builder);
    buffer_free(&changed);
    buffer_free(&out);
    return true;
}

/* The first champion and the last change places, of either kind; or the last seed is too great, or
   that of the last runner-up, or it is too small. */
static bool spoil_champions(buffer *list, unsigned kind) {
    list_view v;
    CHECK_EQ_INT(list_view_open(str_make((const char *)list->data, list->len), &v, NULL), ANP_OK);
    if (v.champion_count == 0 || (kind > 2 && v.runner_count == 0)) {
        return false;
    }
    if (kind > 2) {
        uint32_t seed = v.runner_count == 128 ? 8 : 9;
        uint8_t *at = list->data + (v.seeds - v.bytes) + (size_t)seed * 2;
        store_u16(at, kind == 3 ? load_u16(at - 2) : load_u16(at + 2));
        return true;
    }
    if (kind == 2) {
        uint8_t *seed = list->data + (v.seeds - v.bytes) + (size_t)(v.seed_count - 1) * 2;
        store_u16(seed, load_u16(seed - 2));
        return true;
    }
    uint32_t last = v.champion_count - 1, from = kind * v.champion_count;
    uint8_t *lows = list->data + (v.champions - v.bytes) + (size_t)from * 2;
    uint8_t *tfs = list->data + (v.champion_tfs - v.bytes) + from, tf = tfs[0];
    uint16_t low = load_u16(lows);
    store_u16(lows, load_u16(lows + (size_t)last * 2));
    store_u16(lows + (size_t)last * 2, low);
    tfs[0] = tfs[last];
    tfs[last] = tf;
    return true;
}

/* It says that it is of a unit of another size, where that makes no difference to its sections. */
static bool spoil_form(buffer *list, unsigned kind) {
    list_view v;
    (void)kind;
    CHECK_EQ_INT(list_view_open(str_make((const char *)list->data, list->len), &v, NULL), ANP_OK);
    if (!(list->data[0] & LIST_LARGE) || v.count >= LIST_CHAMPIONS_FROM) {
        return false;
    }
    list->data[0] ^= LIST_BRIEF;
    return true;
}

/* Spoils the first list of a combined text for which there is a way; whether there is one. */
static bool spoil_first(garden *g, bool (*spoil)(buffer *list, unsigned kind), unsigned kind) {
    store_table table = lists_of(g);
    uint64_t key = 0, code;
    bool found = false;
    str value, entry;
    while (!found && find_value(g, table, key + 1, true, &key, &value)) {
        pack_cursor cursor;
        pack_builder builder = {0};
        buffer list = {0}, out = {0};
        CHECK_EQ_INT(pack_open(value, &cursor, NULL), ANP_OK);
        while (pack_next(&cursor, &code, &entry, NULL) == ANP_OK) {
            list.len = 0;
            buffer_put_str(&list, entry);
            found = found || ((code & 15) == UNIT_SUB_TEXT && spoil(&list, kind));
            pack_add(&builder, code, str_make((const char *)list.data, list.len));
        }
        pack_finish(&builder, &out);
        if (found) {
            str pack = str_make((const char *)out.data, out.len);
            change(g, table, key, &pack);
        }
        pack_free(&builder);
        buffer_free(&list);
        buffer_free(&out);
    }
    return found;
}

/* The first list that has champions, whose best it then says wrongly. */
static bool wrong_champions(garden *g, unsigned n) {
    bool found = n < 5 && spoil_first(g, spoil_champions, n);
    CHECK(found || n == 5 || WINDOW_BITS <= 8 || g->cat.units.items[0].count < LIST_BRIEF_POSTS);
    return found;
}

static bool wrong_form(garden *g, unsigned n) {
    return n < 1 && CHECK(spoil_first(g, spoil_form, n));
}

/* Positions of their own beside a list that has them in itself, and of no list. */
static bool orphan_positions(garden *g, unsigned n) {
    store_table lists = lists_of(g);
    store_table table = lists == STORE_SEGMENTS ? STORE_SEGMENT_POSITIONS
                        : lists == STORE_POSTINGS ? STORE_POSITIONS : STORE_GROUP_POSITIONS;
    uint64_t key;
    str value;
    if (n > 1 || !find_value(g, lists, 0, true, &key, &value)) {
        return false;
    }
    key -= UNIT_PART_PACK;
    uint64_t beside = (key & ~(uint64_t)0xff) | 1 << 4;
    uint64_t alone = unit_key_in(unit_key_unit(key), UNIT_TERM, g->cat.state.term_end - 1,
                                 unit_key_slot(key), 3);
    change(g, table, n ? alone : beside, &STR("\0\0\0\0\0\0\0\0"));
    return true;
}

static bool lost_column(garden *g, unsigned n) {
    store_table table = lists_of(g) == STORE_SEGMENTS ? STORE_SEGMENTS : STORE_COLUMNS;
    const unit_info *unit = &g->cat.units.items[0];
    uint64_t key = unit_key(unit->number, n < 3 ? UNIT_COLUMN : UNIT_SKETCH, n < 3 ? n : 0);
    str value;
    table = table == STORE_COLUMNS && n == 3 ? STORE_SKETCHES : table;
    if (n > 3 || store_get(g->txn, table, store_key_u64(key), &value, NULL) != ANP_OK) {
        return false;
    }
    change(g, table, key, NULL);
    return true;
}

static bool short_sketches(garden *g, unsigned n) {
    store_table table = lists_of(g) == STORE_SEGMENTS ? STORE_SEGMENTS : STORE_SKETCHES;
    uint64_t key = unit_key(g->cat.units.items[0].number, UNIT_SKETCH, 0);
    str value;
    if (n > 0 || store_get(g->txn, table, store_key_u64(key), &value, NULL) != ANP_OK) {
        return false;
    }
    value.len--;
    change(g, table, key, &value);
    return true;
}

static bool stray_log(garden *g, unsigned n) {
    const catalog_state *state = &g->cat.state;
    if (n > 1) {
        return false;
    }
    change(g, STORE_LOG, n ? state->docno_end + 3 : state->log_first - 1, &STR("x"));
    return true;
}

/* The last post is live. */
static bool wrong_posts(garden *g, unsigned n) {
    uint32_t end = g->cat.state.docno_end;
    if (n > 1) {
        return false;
    }
    change(g, STORE_POSTS, end - !n, n ? &STR("\1x") : NULL);
    return true;
}

static bool stray_deleted(garden *g, unsigned n) {
    char bytes[64];
    bitmap *set = bitmap_new();
    bitmap_add(set, 1);
    str value = str_make(bytes, bitmap_write(set, bytes));
    bitmap_free(set);
    if (n > 0) {
        return false;
    }
    change(g, STORE_DELETED, 5, &value);
    return true;
}

/* The first list, of a term's combined text or a facet, of a unit whose inner key is in [from, to):
   as it stands there. */
static bool find_list(garden *g, unit_level level, uint32_t unit, uint64_t from, uint64_t to,
                      uint64_t *inner, buffer *out) {
    unit_cursor *cursor;
    str value;
    if (!CHECK_EQ_INT(unit_cursor_open(g->txn, level, unit, from, to, &cursor, NULL), ANP_OK)) {
        return false;
    }
    anp_status status = unit_cursor_next(cursor, inner, &value, NULL);
    while (status == ANP_OK && (unit_key_sub(*inner) || !unit_kind_packs(unit_key_kind(*inner)))) {
        status = unit_cursor_next(cursor, inner, &value, NULL);
    }
    if (status == ANP_OK) {
        buffer_put_str(out, value);
    }
    unit_cursor_close(cursor);
    return status == ANP_OK;
}

/* How many of the lists that readers read are damaged, as readers of positions say by name. */
static uint32_t lists_without_positions(index_handle *index) {
    uint32_t lost = 0;
    snapshot *s;
    arena memory = {0};
    if (!CHECK_EQ_INT(snapshot_open(index, &s, NULL), ANP_OK) ||
        !CHECK_EQ_INT(cells_begin(s, NULL), ANP_OK)) {
        return 0;
    }
    for (uint32_t i = 0; i < 2 * STAGED_WORDS; i++) {
        char text[16];
        const term_lists *term;
        index_field field = i % 2 ? INDEX_TITLE : INDEX_TEXT;
        sprintf(text, "w%ux", i / 2);
        if (!CHECK_EQ_INT(cells_term(s, field, str_from(text), &term, NULL), ANP_OK)) {
            break;
        }
        for (uint32_t k = 0; k < term->count; k++) {
            anp_error err = ANP_ERROR_INIT;
            const uint32_t *positions;
            uint16_t lows[WINDOW_DOCS];
            uint32_t count;
            cell_list *list = &term->lists[k];
            anp_status status = cells_positions(s, term, list, &err);
            bool named = strstr(err.message, "postings has no positions") != NULL;
            CHECK(status == ANP_OK || (status == ANP_CORRUPT && named));
            lost += status != ANP_OK;
            list_docs(&list->list, lows);
            uint32_t docno = cells_all(s, &count)[list->cell].first + lows[list->list.count - 1];
            CHECK_EQ_INT(snapshot_positions(s, field == INDEX_TEXT ? INDEX_BODY : field,
                                            term->number, docno, &memory, &positions, &count,
                                            NULL), status);
        }
    }
    arena_free(&memory);
    snapshot_close(s);
    return lost;
}

/* Gone: positions of a segment that the merge has not reached, or of the window that has got them.
   Left: some of a segment that it has passed. */
static bool lost_positions(garden *g, unsigned n) {
    uint64_t key, inner;
    str value;
    uint32_t window = (uint32_t)catalog_merging(&g->cat);
    if (n > 2 || (n > 0 && catalog_merging(&g->cat) == MERGE_NONE)) {
        return false;
    }
    if (n == 2) {
        const unit_info *segment = g->cat.units.items;
        while (segment->level != UNIT_SEGMENT) {
            segment++;
        }
        buffer list = {0};
        bool found = find_list(g, UNIT_SEGMENT, segment->number, 0, g->cat.state.merge_cursor,
                               &inner, &list);
        key = (uint64_t)segment->number << 48 | inner | 1 << 4;
        change(g, STORE_SEGMENT_POSITIONS, key, &STR("abcdefgh"));
        buffer_free(&list);
        return found;
    }
    uint64_t from = n ? (uint64_t)window << 48 : 0;
    store_table table = n ? STORE_POSITIONS : STORE_SEGMENT_POSITIONS;
    if (!find_value(g, table, from, true, &key, &value) &&
        !find_value(g, table, from, false, &key, &value)) {
        return false;
    }
    change(g, table, key, NULL);
    return true;
}

/* A good list that a group has and its window, too, or that is here before a merge reached it. */
static bool wrong_side(garden *g, unsigned n) {
    uint64_t inner, cursor = g->cat.state.group_cursor;
    uint32_t group = g->cat.state.group_end, window = group << GROUP_BITS;
    buffer list = {0};
    bool found = false;
    store_table to = STORE_POSTINGS;
    uint64_t unit = 0;
    if (cursor != UINT64_MAX && n < 2) {
        to = n ? STORE_GROUP_POSTINGS : STORE_POSTINGS;
        found = n ? find_list(g, UNIT_WINDOW, window, cursor, UINT64_MAX, &inner, &list)
                  : find_list(g, UNIT_GROUP, group, 0, cursor, &inner, &list);
        unit = n ? group : window + unit_key_slot(inner);
    } else if (cursor == UINT64_MAX && being_written(&g->cat) && n < 1) {
        const unit_info *segment = g->cat.units.items; /* behind the window in the making */
        while (segment->level != UNIT_SEGMENT) {
            segment++;
        }
        to = STORE_FACETS; /* these have no bounds, which would not fit */
        found = find_list(g, UNIT_SEGMENT, segment->number, unit_key(0, UNIT_FACET, 0), UINT64_MAX,
                          &inner, &list);
        unit = (uint32_t)catalog_merging(&g->cat);
    }
    if (found) {
        to = unit_key_kind(inner) != UNIT_FACET ? to
             : to == STORE_GROUP_POSTINGS ? STORE_GROUP_FACETS : STORE_FACETS;
        str value = str_make((const char *)list.data, list.len);
        change(g, to, unit << 48 | inner, &value);
    }
    buffer_free(&list);
    return found;
}

/* A good title list of another term, behind the entry where it belongs: a look-up finds it, but not
   what its pack has there. */
static bool hidden_entry(garden *g, unsigned n) {
    store_table table = lists_of(g);
    uint64_t key = 0, code, target = 0;
    str pack, value;
    buffer list = {0};
    while (n == 0 && (!target || !list.len) &&
           find_value(g, table, key + 1, true, &key, &pack)) {
        pack_cursor c;
        uint64_t before = 1;
        list.len = target = 0;
        CHECK_EQ_INT(pack_open(pack, &c, NULL), ANP_OK);
        while (pack_next(&c, &code, &value, NULL) == ANP_OK) {
            if ((code & 15) == UNIT_SUB_TITLE) {
                list.len = 0;
                buffer_put_str(&list, value);
            }
            bool alone = before % 16 == UNIT_SUB_TEXT && (code & 15) == UNIT_SUB_TEXT;
            target = alone ? before | UNIT_SUB_TITLE : target;
            before = code;
        }
    }
    if (target && list.len) {
        str kept = str_make((const char *)list.data, list.len);
        change(g, table, (key & ~(uint64_t)0 << 44) | target << 4, &kept);
    }
    bool found = target && list.len;
    buffer_free(&list);
    return found;
}

/* The first chunk cut, gone, or under another key; the last one gone; one too many. */
static bool wrong_chunk(garden *g, unsigned n) {
    uint64_t key = 0, last = 0;
    str value, first = {NULL, 0};
    while (find_value(g, STORE_SHINGLES, last + (key > 0), false, &key, &value)) {
        first = first.data ? first : value;
        last = key++;
    }
    if (n > 4 || !CHECK(first.len > 0)) {
        return false;
    }
    str cut = str_make(first.data, first.len - 1);
    if (n == 0) {
        change(g, STORE_SHINGLES, 0, &cut);
    } else if (n == 1 || n == 2) {
        change(g, STORE_SHINGLES, n == 1 ? 0 : last, NULL);
    } else if (n == 3) {
        change(g, STORE_SHINGLES, g->cat.state.docno_end, &first);
    } else {
        buffer copy = {0};
        buffer_put_str(&copy, first);
        str moved = str_make((const char *)copy.data, copy.len);
        change(g, STORE_SHINGLES, 0, NULL);
        change(g, STORE_SHINGLES, 1, &moved);
        buffer_free(&copy);
    }
    return true;
}

/* Pairs of a window whose segments are still going. */
static bool early_pairs(garden *g, unsigned n) {
    char head[PAIRS_HEAD_BYTES] = {0};
    if (n > 0 || !losing_segments(&g->cat)) {
        return false;
    }
    store_u64(head, UINT64_MAX);
    uint32_t window = (uint32_t)catalog_merging(&g->cat);
    str value = str_make(head, sizeof head);
    change(g, STORE_PAIRS, unit_key(window, UNIT_PAIR, PAIRS_HEAD), &value);
    return true;
}

/* Pairs of words that the posts do not say: n says how they are wrong. */
static bool wrong_pairs(garden *g, unsigned n) {
    uint64_t key, head;
    str value, noted;
    if (n > 7 || !find_value(g, STORE_PAIRS, 0, false, &key, &value)) {
        return false;
    }
    head = unit_key(unit_key_unit(key), UNIT_PAIR, PAIRS_HEAD);
    if (!CHECK(key != head)) { /* some pair has a list */
        return false;
    }
    CHECK(find_value(g, STORE_PAIRS, head, false, &head, &noted));
    bool of_head = n == 1 || n == 2 || n == 7;
    str bytes;
    buffer changed = {0};
    buffer_put_str(&changed, of_head ? noted : value);
    switch (n) {
    case 0: change(g, STORE_PAIRS, head, NULL); break;
    case 1: /* noted */
    case 2:
        store_u64(changed.data, n == 1 ? 1 : UINT64_MAX);
        bytes = str_make((const char *)changed.data, changed.len);
        change(g, STORE_PAIRS, head, &bytes);
        break;
    case 7: /* the first pair: it stands nowhere */
        changed.data[PAIRS_HEAD_BYTES + 6 * load_u32(changed.data + 12)] ^= 1;
        bytes = str_make((const char *)changed.data, changed.len);
        change(g, STORE_PAIRS, head, &bytes);
        break;
    case 3: change(g, STORE_PAIRS, key, NULL); break;
    case 4: /* an ordinal: another one, or none that can be */
        changed.data[changed.len - 2] ^= 1;
        bytes = str_make((const char *)changed.data, changed.len);
        change(g, STORE_PAIRS, key, &bytes);
        break;
    case 5: /* of a word that has none */
        change(g, STORE_PAIRS, unit_key(unit_key_unit(key), UNIT_PAIR, PAIRS_HEAD - 1), &value);
        break;
    default: /* the first second word: another one */
        changed.data[4] ^= 1;
        bytes = str_make((const char *)changed.data, changed.len);
        change(g, STORE_PAIRS, key, &bytes);
        break;
    }
    buffer_free(&changed);
    return true;
}

static void plant(garden *g, const char *name, bool (*seed)(garden *g, unsigned n)) {
    for (unsigned n = 0;; n++) {
        CHECK_EQ_INT(store_begin_write(index_store(g->index), &g->txn, NULL), ANP_OK);
        if (!seed(g, n)) {
            store_abort(g->txn);
            return;
        }
        CHECK_EQ_INT(store_commit(g->txn, NULL), ANP_OK);
        CHECK(seed != lost_positions || n == 2 || losing_segments(&g->cat) ||
              lists_without_positions(g->index) > 0);
        if (!CHECK(problems_of(g->index, false) > 0)) {
            test_note("%s %u, group %u to %llx, window to %llx", name, n, g->cat.state.group_end,
                      (unsigned long long)g->cat.state.group_cursor,
                      (unsigned long long)g->cat.state.merge_cursor);
        }
        take_back(g);
    }
}

static void plant_all(garden *g) {
    CHECK_EQ_INT(problems_of(g->index, true), 0);
    plant(g, "unlisted unit", unlisted_unit);
    plant(g, "wrong key", wrong_key);
    plant(g, "wrong pack", wrong_pack);
    plant(g, "wrong list", wrong_list);
    plant(g, "wrong champions", wrong_champions);
    plant(g, "orphan positions", orphan_positions);
    plant(g, "lost positions", lost_positions);
    plant(g, "lost column", lost_column);
    plant(g, "short sketches", short_sketches);
    plant(g, "stray log", stray_log);
    plant(g, "wrong posts", wrong_posts);
    plant(g, "stray deleted", stray_deleted);
    plant(g, "wrong side of a merge", wrong_side);
    plant(g, "hidden entry", hidden_entry);
    plant(g, "wrong form", wrong_form);
    plant(g, "wrong chunk", wrong_chunk);
    plant(g, "wrong pairs", wrong_pairs);
    plant(g, "early pairs", early_pairs);
    CHECK_EQ_INT(problems_of(g->index, true), 0);
}

static void save_units(garden *g) {
    CHECK_EQ_INT(store_begin_write(index_store(g->index), &g->txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_save_state(g->txn, &g->cat, NULL), ANP_OK);
    CHECK_EQ_INT(store_commit(g->txn, NULL), ANP_OK);
}

/* Units without posts, or that reach beyond their windows: arrays by ordinal have no room for
   theirs, so no query begins. */
static void odd_units(garden *g) {
    unit_info *unit = &g->cat.units.items[g->cat.units.count - 1];
    const uint32_t good = unit->count, beyond = WINDOW_DOCS - window_low(unit->first) + 1;
    const uint32_t counts[] = {0, beyond, UINT32_MAX, good};
    for (int i = 0; i < 4; i++) {
        snapshot *s;
        unit->count = counts[i];
        save_units(g);
        if (CHECK_EQ_INT(snapshot_open(g->index, &s, NULL), ANP_OK)) {
            CHECK_EQ_INT(cells_begin(s, NULL), counts[i] == good ? ANP_OK : ANP_CORRUPT);
            snapshot_close(s);
        }
    }
}

/* On to the midst of a merge; false when nothing is pending. */
static bool go_on(garden *g, bool (*there)(const catalog *c)) {
    bool pending = true;
    do {
        catalog_free(&g->cat);
        pending = staged_step(g->index, 1500, &g->cat);
    } while (pending && !there(&g->cat));
    return pending;
}

/* A unit of as many posts that its lists have champions. */
static void many_posts(void) {
    char path[512];
    garden g = {0};
    index_writer *w;
    prng p = {7};
    anp_index_options options = ANP_INDEX_OPTIONS_INIT;
    snprintf(path, sizeof path, "%s/many.db", test_folder());
    CHECK_EQ_INT(index_open(path, ANP_OPEN_CREATE, &options, &g.index, NULL), ANP_OK);
    if (!CHECK_EQ_INT(writer_open(g.index, &w, NULL), ANP_OK)) {
        return;
    }
    for (uint32_t i = 0; i < LIST_BRIEF_POSTS + 100; i++) {
        staged_add(&p, i, w);
    }
    CHECK_EQ_INT(writer_commit(w, NULL), ANP_OK);
    writer_close(w);
    CHECK_EQ_INT(store_begin_read(index_store(g.index), &g.txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(g.txn, &g.cat, NULL), ANP_OK);
    store_abort(g.txn);
    plant(&g, "wrong champions", wrong_champions);
    plant(&g, "wrong form", wrong_form);
    CHECK_EQ_INT(problems_of(g.index, true), 0);
    catalog_free(&g.cat);
    index_close(g.index);
}

void test_index_verify(void) {
    char path[512];
    garden g = {0};
    snprintf(path, sizeof path, "%s/garden.db", test_folder());
    CASE("segments");
    if (!(g.index = staged_open(path, 5, 1))) {
        return;
    }
    CHECK_EQ_INT(store_begin_read(index_store(g.index), &g.txn, NULL), ANP_OK);
    CHECK_EQ_INT(catalog_load(g.txn, &g.cat, NULL), ANP_OK);
    store_abort(g.txn);
    plant_all(&g);
    odd_units(&g);
    if (WINDOW_BITS <= 8) {
        CASE("a window in the making");
        CHECK(go_on(&g, being_written));
        plant_all(&g);
        CASE("a window that is written, and a segment gone");
        CHECK(go_on(&g, losing_segments) && go_on(&g, losing_segments));
        plant_all(&g);
        CASE("a group in the making");
        CHECK(go_on(&g, of_group));
        plant_all(&g);
    }
    catalog_free(&g.cat);
    index_close(g.index);
    if (WINDOW_BITS > 8) {
        CASE("a unit of many posts");
        many_posts();
    }
}
