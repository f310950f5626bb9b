/*
 * Pairs of words against a twin that looks at every place of every post: out of posts and out of
 * lists the same bytes, each list has exactly its pair's posts; of noted pairs the head says
 * whether they stand anywhere.
 */
#include "base/prng.h"
#include "index/pairs_make.h"
#include "index/unit_build.h"
#include "test.h"

#include <stdlib.h>

enum {
    SMALL = WINDOW_BITS < 12,
    POSTS = SMALL ? 60 : 5000, /* from 4,096 on a part is looked at first */
    WORDS = 40,
    APART = 13, /* no word stands behind one that is so much, or twice it, above or below it */
    PLACES = 40,
    HITS_MAX = 4 * PLACES,
    OFFSET = SMALL ? 3 : 5001, /* of a segment in its window */
};

typedef struct world {
    prng random;
    unit_info info;
    uint32_t title_weight;
    uint64_t stands[POSTS][2][PLACES + 1]; /* body, title: bits of words */
    str records[POSTS];
    forward_view views[POSTS];
    arena memory;
} world;

/* ---- Posts --------------------------------------------------------------------------------- */

static int by_hit(const void *a, const void *b) {
    forward_hit x = *(const forward_hit *)a, y = *(const forward_hit *)b;
    return (x > y) - (x < y);
}

/* Whether one of the words of the place before keeps a word from standing there. */
static bool keeps_apart(uint64_t before, uint32_t word) {
    for (uint32_t other = word % APART; other < WORDS; other += APART) {
        if (other != word && before >> other & 1) {
            return true;
        }
    }
    return false;
}

static void put_field(world *w, uint32_t post, bool title, uint32_t words, forward_hit *hits,
                      size_t *count) {
    for (uint32_t place = 0; place < words; place++) {
        uint32_t times = prng_below(&w->random, 6) ? 1 : prng_below(&w->random, 3);
        for (uint32_t i = 0; i < times; i++) {
            uint32_t word = prng_below(&w->random, 1 + prng_below(&w->random, WORDS));
            uint64_t bit = (uint64_t)1 << word, *stands = &w->stands[post][title][place];
            if (!(*stands & bit) && !(place && keeps_apart(stands[-1], word))) {
                *stands |= bit;
                hits[(*count)++] = forward_hit_make(word * 1000, title, place);
            }
        }
    }
}

static void make_world(world *w, uint64_t seed, uint32_t title_weight, unit_level level) {
    memset(w, 0, sizeof *w);
    w->random = (prng){seed};
    w->title_weight = title_weight;
    w->info = (unit_info){.first = 2 * WINDOW_DOCS + (level == UNIT_SEGMENT ? OFFSET : 0),
                          .count = POSTS, .number = 2, .level = (uint16_t)level,
                          .length_average = 20};
    for (uint32_t post = 0; post < POSTS; post++) {
        forward_hit hits[HITS_MAX];
        size_t count = 0;
        forward_input input = {.head = {.body_words = prng_below(&w->random, PLACES),
                                        .title_words = prng_below(&w->random, 5)},
                               .hits = hits};
        put_field(w, post, false, input.head.body_words, hits, &count);
        put_field(w, post, true, input.head.title_words, hits, &count);
        qsort(hits, count, sizeof *hits, by_hit);
        input.hit_count = count;
        buffer bytes = {0};
        forward_build(&input, &bytes);
        w->records[post] = arena_str(&w->memory, str_make((const char *)bytes.data, bytes.len));
        buffer_free(&bytes);
        CHECK_EQ_INT(forward_view_open(w->records[post], &w->memory, &w->views[post], NULL),
                     ANP_OK);
    }
}

static bool holds(const world *w, uint32_t post, uint32_t word) {
    bool found = false;
    for (uint32_t place = 0; place < PLACES; place++) {
        found |= w->stands[post][0][place] >> word & 1;
        found |= w->title_weight && (w->stands[post][1][place] >> word & 1);
    }
    return found;
}

static bool holds_pair(const world *w, uint32_t post, uint32_t first, uint32_t second) {
    bool found = false;
    for (uint32_t title = 0; title < (w->title_weight ? 2 : 1); title++) {
        const uint64_t *stands = w->stands[post][title];
        for (uint32_t place = 0; place < PLACES; place++) {
            found |= (stands[place] >> first & 1) && (stands[place + 1] >> second & 1);
        }
    }
    return found;
}

/* ---- Values -------------------------------------------------------------------------------- */

typedef struct value {
    uint64_t inner;
    str bytes;
} value;

typedef struct values {
    VEC(value) items;
    arena memory;
} values;

static void keep(values *v, uint64_t inner, str bytes) {
    CHECK(vec_push(&v->items, ((value){inner, arena_str(&v->memory, bytes)})));
}

static anp_status put(void *user, store_table table, uint64_t key, str bytes, anp_error *err) {
    values *v = user;
    (void)table, (void)err;
    if (!(key & UNIT_PART_PACK)) {
        keep(v, key & UNIT_KEY_INNER, bytes);
        return ANP_OK;
    }
    pack_cursor cursor;
    uint64_t code;
    CHECK_EQ_INT(pack_open(bytes, &cursor, NULL), ANP_OK);
    while (pack_next(&cursor, &code, &bytes, NULL) == ANP_OK) {
        keep(v, (key & (uint64_t)15 << 44) | code << 4, bytes);
    }
    return ANP_OK;
}

static str find(const values *v, uint64_t inner) {
    for (size_t i = 0; i < v->items.count; i++) {
        if (v->items.items[i].inner == inner) {
            return v->items.items[i].bytes;
        }
    }
    return (str){NULL, 0};
}

static void free_values(values *v) {
    free(v->items.items);
    arena_free(&v->memory);
}

typedef struct unit {
    const world *world;
    values values;
} unit;

static anp_status get(void *user, unit_kind kind, uint32_t number, unsigned sub, str *out,
                      anp_error *err) {
    const unit *u = user;
    unsigned slot = unit_kind_packs(kind) ? unit_slot(u->world->info.number) : 0;
    (void)err;
    *out = find(&u->values, unit_key_in(0, kind, number, slot, sub));
    return ANP_OK;
}

static anp_status put_pair(void *user, uint32_t number, str bytes, anp_error *err) {
    values *v = user;
    (void)err;
    keep(v, unit_key(0, UNIT_PAIR, number), bytes);
    return ANP_OK;
}

/* ---- Comparisons --------------------------------------------------------------------------- */

static bool same_values(const values *a, const values *b) {
    bool same = CHECK_EQ_INT(a->items.count, b->items.count);
    for (size_t i = 0; i < a->items.count && same; i++) {
        same = CHECK(a->items.items[i].inner == b->items.items[i].inner) &&
               CHECK(str_equal(a->items.items[i].bytes, b->items.items[i].bytes));
    }
    return same;
}

typedef struct listed {
    uint32_t lists, ranks;
} listed;

/* The ordinals of a list; how many. */
static uint32_t lows_of(const world *w, str bytes, uint32_t rarer, uint16_t *lows) {
    uint32_t count = 0, kept = 0;
    list_view list;
    if (!pairs_are_ranks(bytes)) {
        return CHECK_EQ_INT(list_view_open(bytes, &list, NULL), ANP_OK) ? list_docs(&list, lows)
                                                                        : 0;
    }
    for (uint32_t post = 0; post < POSTS; post++) {
        lows[count] = window_low(w->info.first + post);
        count += holds(w, post, rarer);
    }
    CHECK(bytes.len <= PAIRS_RANKS_HEAD + 1 + POSTS / 8);
    CHECK_EQ_INT(pairs_pick(bytes, lows, count, &kept, NULL), ANP_OK);
    return kept;
}

/* The posts of one pair: all of them where it has a list. */
static bool check_pair(const world *w, const values *made, const uint32_t *counts, uint32_t first,
                       uint32_t second, listed *all) {
    static uint16_t lows[LIST_DOCS];
    str bytes = find(made, unit_key(0, UNIT_PAIR, first * 1000));
    pairs_view view;
    uint32_t at = UINT32_MAX, found = 0;
    if (bytes.len && CHECK_EQ_INT(pairs_view_open(bytes, &view, NULL), ANP_OK)) {
        CHECK_EQ_INT(pairs_validate(&view, NULL), ANP_OK);
        at = pairs_find(&view, second * 1000);
    }
    if (at == UINT32_MAX || !CHECK_EQ_INT(pairs_bytes(&view, at, &bytes, NULL), ANP_OK)) {
        return at == UINT32_MAX;
    }
    uint32_t rarer = pairs_rarer(counts[first], counts[second]) ? second : first;
    uint32_t count = lows_of(w, bytes, rarer, lows);
    for (uint32_t post = 0; post < POSTS; post++) {
        if (holds_pair(w, post, first, second)) {
            if (!CHECK(found < count && lows[found] == window_low(w->info.first + post))) {
                return false;
            }
            found++;
        }
    }
    all->lists++;
    all->ranks += pairs_are_ranks(bytes);
    return CHECK_EQ_INT(found, count);
}

static pairs_head head_of(const values *made) {
    pairs_head head = {0};
    CHECK_EQ_INT(pairs_head_open(find(made, unit_key(0, UNIT_PAIR, PAIRS_HEAD)), &head, NULL),
                 ANP_OK);
    return head;
}

static bool is_named(const pairs_head *head, uint32_t word) {
    uint32_t i = 0;
    while (i < head->count && load_u32(head->words + (size_t)i * 4) != word) {
        i++;
    }
    return i < head->count;
}

/* Noted pairs are met where they stand in any post; of others nothing is denied. */
static void check_head(const world *w, const values *made, const uint32_t *counts) {
    pairs_head head = head_of(made);
    uint32_t noted = 0, nowhere = 0;
    CHECK(head.noted >= pairs_product_min(POSTS));
    for (uint32_t pair = 0; pair < WORDS * WORDS; pair++) {
        uint32_t first = pair / WORDS, second = pair % WORDS, post = 0;
        bool is_noted = (uint64_t)counts[first] * counts[second] >= head.noted &&
                        is_named(&head, first * 1000) && is_named(&head, second * 1000);
        while (is_noted && post < POSTS && !holds_pair(w, post, first, second)) {
            post++;
        }
        noted += is_noted;
        nowhere += post == POSTS;
        CHECK_EQ_INT(pairs_head_meet(&head, first * 1000, second * 1000), post < POSTS);
    }
    CHECK(nowhere > 0 && nowhere < noted && noted < WORDS * WORDS);
    CHECK(pairs_head_meet(&head, 1, 0) && pairs_head_meet(&head, 0, 1));
}

static void check_pairs(const world *w, const values *made, const uint32_t *counts) {
    uint32_t in_values = 0;
    listed all = {0};
    check_head(w, made, counts);
    for (uint32_t first = 0; first < WORDS; first++) {
        for (uint32_t second = 0; second < WORDS; second++) {
            if (!check_pair(w, made, counts, first, second, &all)) {
                test_note("words %u and %u", first, second);
                return;
            }
        }
    }
    for (size_t i = 0; i + 1 < made->items.count; i++) {
        in_values += load_u32(made->items.items[i].bytes.data);
    }
    str head = find(made, unit_key(0, UNIT_PAIR, PAIRS_HEAD));
    CHECK_EQ_INT(all.lists, in_values);
    CHECK_EQ_INT(all.lists, load_u32(head.data + 8));
    CHECK(all.lists > (SMALL ? 0 : 3) && all.lists < WORDS * WORDS / 2);
    CHECK(SMALL ? all.ranks < all.lists : all.ranks > 0);
}

static void against_twin(uint64_t seed, uint32_t title_weight, unit_level level) {
    static world w;
    make_world(&w, seed, title_weight, level);
    catalog_settings settings = {.title_weight = title_weight, .store = ANP_STORE_NONE};
    unit u = {.world = &w};
    pairs_word words[WORDS];
    uint32_t counts[WORDS] = {0};
    for (uint32_t word = 0; word < WORDS; word++) {
        for (uint32_t post = 0; post < POSTS; post++) {
            counts[word] += holds(&w, post, word);
        }
        words[WORDS - 1 - word] = (pairs_word){word * 1000, counts[word]};
    }
    pairs_words chosen = pairs_choose(words, WORDS, POSTS);
    values of_posts = {0}, of_lists = {0}, again = {0};
    CHECK_EQ_INT(pairs_make_of_posts((unit_sink){put, &of_posts}, &w.info, title_weight, w.views,
                                     &chosen, NULL), ANP_OK);
    check_pairs(&w, &of_posts, counts);
    CASE("out of lists");
    CHECK_EQ_INT(unit_build(NULL, (unit_sink){put, &u.values}, &settings, &w.info, w.views, NULL,
                            NULL, NULL), ANP_OK);
    pairs_lists lists = {get, &u, title_weight, window_low(w.info.first), POSTS, false};
    CHECK_EQ_INT(pairs_make_of_lists(&lists, &chosen, (pairs_sink){put_pair, &of_lists}, NULL),
                 ANP_OK);
    same_values(&of_posts, &of_lists);
    CASE("for the pairs that have lists");
    lists.again = true;
    for (size_t i = 0; i < of_posts.items.count; i++) {
        keep(&u.values, of_posts.items.items[i].inner, of_posts.items.items[i].bytes);
    }
    CHECK_EQ_INT(pairs_make_of_lists(&lists, &chosen, (pairs_sink){put_pair, &again}, NULL),
                 ANP_OK);
    same_values(&of_posts, &again);
    free_values(&of_posts);
    free_values(&of_lists);
    free_values(&again);
    free_values(&u.values);
    arena_free(&w.memory);
}

/* ---- Words --------------------------------------------------------------------------------- */

/* How many pairs of these words a product notes. */
static uint64_t pairs_noted(const pairs_word *words, size_t count, uint64_t noted) {
    uint64_t pairs = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < count; k++) {
            pairs += (uint64_t)words[i].count * words[k].count >= noted;
        }
    }
    return pairs;
}

/* However many words are frequent, those that are left out are in no noted pair, or no more
   frequent than any that is not; as many pairs are noted as may be. */
static void choice(void) {
    enum { MANY = 3000 };
    static pairs_word words[MANY], left[MANY];
    prng p = {77};
    bool fewer_words = false, fewer_pairs = false;
    for (uint32_t round = 0; round < 12; round++) {
        uint32_t most = 0, least = UINT32_MAX, count = 500 * (1 + prng_below(&p, MANY / 500));
        for (uint32_t i = 0; i < count; i++) {
            words[i] = left[i] = (pairs_word){i * 7, 4 + prng_below(&p, 10 + 90 * round)};
            most = words[i].count > most ? words[i].count : most;
        }
        pairs_words chosen = pairs_choose(words, count, 1000);
        uint64_t noted = chosen.noted, few = pairs_noted(words, chosen.count, noted);
        CHECK(chosen.count <= PAIRS_WORDS_MAX && noted >= pairs_product_min(1000));
        CHECK(few <= PAIRS_NOTED_MAX);
        CHECK(noted == pairs_product_min(1000) ||
              pairs_noted(left, count, noted - 1) > PAIRS_NOTED_MAX);
        for (size_t i = 0; i < chosen.count; i++) {
            CHECK(i == 0 || words[i].number > words[i - 1].number);
            CHECK((uint64_t)words[i].count * most >= noted);
            least = words[i].count < least ? words[i].count : least;
            left[words[i].number / 7].count = 0;
        }
        fewer_words |= chosen.count == PAIRS_WORDS_MAX;
        fewer_pairs |= noted > pairs_product_min(1000);
        for (uint32_t i = 0; i < count; i++) {
            CHECK((uint64_t)left[i].count * most < noted ||
                  (chosen.count == PAIRS_WORDS_MAX && left[i].count <= least));
        }
    }
    CHECK(fewer_pairs && (SMALL || fewer_words));
}

/* ---- Bytes --------------------------------------------------------------------------------- */

static const uint8_t drawn[] = {2, 0, 0, 0, 5, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 10, 0, 0, 0,
                                1, 0, 0, 2, 0, 1, 0, 0, 2, 0};
static const uint8_t drawn_head[] = {1, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0,
                                     4, 0, 0, 0, 5, 0, 0, 0, 7, 0, 0, 0, 3, 0, 3, 0, 3, 0, 0x4e, 0};

/* KEEP IN STEP: index/pairs.h. */
static void example(void) {
    static const uint32_t texts[3][4] = {{4, 5, 4, 7}, {4, 9, 9, 9}, {4, 7, 4, 5}};
    forward_view views[3];
    arena memory = {0};
    values made = {0};
    for (uint32_t post = 0; post < 3; post++) {
        forward_hit hits[4];
        buffer bytes = {0};
        for (uint32_t i = 0; i < 4; i++) {
            hits[i] = forward_hit_make(texts[post][i], false, i);
        }
        qsort(hits, 4, sizeof *hits, by_hit);
        forward_input input = {.head = {.body_words = 400}, .hits = hits, .hit_count = 4};
        forward_build(&input, &bytes);
        str record = arena_str(&memory, str_make((const char *)bytes.data, bytes.len));
        CHECK_EQ_INT(forward_view_open(record, &memory, &views[post], NULL), ANP_OK);
        buffer_free(&bytes);
    }
    unit_info info = {.count = 3, .level = UNIT_SEGMENT};
    pairs_word words[] = {{4, 3}, {5, 2}, {7, 2}};
    pairs_words chosen = pairs_choose(words, 3, 3);
    CHECK_EQ_INT(pairs_make_of_posts((unit_sink){put, &made}, &info, 0, views, &chosen, NULL),
                 ANP_OK);
    str bytes = find(&made, unit_key(0, UNIT_PAIR, 4));
    CHECK_EQ_INT(bytes.len, sizeof drawn);
    CHECK(bytes.len == sizeof drawn && memcmp(bytes.data, drawn, sizeof drawn) == 0);
    bytes = find(&made, unit_key(0, UNIT_PAIR, PAIRS_HEAD));
    CHECK_EQ_INT(bytes.len, sizeof drawn_head);
    CHECK(bytes.len == sizeof drawn_head && !memcmp(bytes.data, drawn_head, sizeof drawn_head));
    free_values(&made);
    arena_free(&memory);
}

/* KEEP IN STEP: index/pairs.h. */
static void ranks(void) {
    static const char drawn_ranks[] = {(char)0x83, 9, 0, 0x77, 0x0f};
    static const uint16_t picked[] = {0, 2, 4, 8, 10, 12, 16, 18, 20, 22};
    str bytes = str_make(drawn_ranks, sizeof drawn_ranks);
    uint16_t lows[12];
    uint32_t kept = 0;
    for (uint16_t i = 0; i < 12; i++) {
        lows[i] = 2 * i;
    }
    CHECK(pairs_are_ranks(bytes));
    CHECK_EQ_INT(pairs_pick(bytes, lows, 12, &kept, NULL), ANP_OK);
    CHECK(kept == 10 && memcmp(lows, picked, sizeof picked) == 0);
    CHECK_EQ_INT(pairs_pick(bytes, lows, 9, &kept, NULL), ANP_CORRUPT);
    for (size_t len = 1; len < bytes.len; len++) {
        CHECK_EQ_INT(pairs_pick(str_slice(bytes, 0, len), lows, 12, &kept, NULL), ANP_CORRUPT);
    }
}

/* Drawn bytes, cut or not, with some bits flipped; no byte more is theirs. */
static str damage(prng *p, const uint8_t *from, size_t size) {
    size_t len = prng_below(p, 3) ? size : prng_below(p, (uint32_t)size);
    char *bytes = malloc(len ? len : 1);
    memcpy(bytes, from, len);
    for (uint32_t flips = 1 + prng_below(p, 3); len && flips; flips--) {
        bytes[prng_below(p, (uint32_t)len)] ^= (char)(1u << prng_below(p, 8));
    }
    return str_make(bytes, len);
}

static void damaged_head(void) {
    prng p = {79};
    for (uint32_t round = 0; round < 20000; round++) {
        str exact = damage(&p, drawn_head, sizeof drawn_head);
        pairs_head head;
        if (pairs_head_open(exact, &head, NULL) == ANP_OK) {
            pairs_head_meet(&head, prng_below(&p, 10), prng_below(&p, 10));
        }
        free((void *)exact.data);
    }
}

/* Bytes of any kind are read without a step outside of them, and are seldom whole. */
static void damaged(void) {
    prng p = {78};
    uint32_t whole = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        str exact = damage(&p, drawn, sizeof drawn);
        pairs_view view;
        if (pairs_view_open(exact, &view, NULL) == ANP_OK) {
            list_view list;
            for (uint32_t i = 0; i < view.count; i++) {
                uint16_t lows[] = {1, 2, 3};
                uint32_t kept;
                str bytes;
                if (pairs_bytes(&view, i, &bytes, NULL) != ANP_OK) {
                    continue;
                }
                if (pairs_are_ranks(bytes)) {
                    pairs_pick(bytes, lows, 3, &kept, NULL);
                } else if (list_view_open(bytes, &list, NULL) == ANP_OK) {
                    list_rank(&list, 2);
                }
            }
            pairs_find(&view, prng_below(&p, 10));
            whole += pairs_validate(&view, NULL) == ANP_OK;
        }
        free((void *)exact.data);
    }
    CHECK(whole < 6000); /* of flips in an ordinal or in a word's number nothing is seen here */
}

void test_index_pairs(void) {
    CASE("pairs against the twin");
    against_twin(81, 0, UNIT_WINDOW);
    against_twin(82, 1, UNIT_SEGMENT);
    against_twin(83, 3, UNIT_SEGMENT);
    CASE("words");
    choice();
    CASE("bytes");
    example();
    ranks();
    damaged();
    damaged_head();
}
