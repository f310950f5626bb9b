/* See pairs_make.h. */
#include "base/error.h"
#include "index/pairs_impl.h"

enum {
    SAMPLE_PART = 32,        /* one block of so many is looked at to choose `least` */
    SAMPLE_STEP = 13,        /* the next one's place in its so many is so much further on: where
                                posts were bisected (reorder.c), blocks at one place are alike */
    SAMPLE_POSTS_MIN = 4096, /* of fewer posts, all are */
    PAIRS_AT_ONCE = 64,
};

/* ---- Words --------------------------------------------------------------------------------- */

static int by_count(const void *a, const void *b) {
    const pairs_word *x = a, *y = b;
    int order = (x->count < y->count) - (x->count > y->count);
    return order ? order : (x->number > y->number) - (x->number < y->number);
}

static int by_number(const void *a, const void *b) {
    const pairs_word *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static uint32_t most_postings(const pairs_word *words, size_t count) {
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        most = words[i].count > most ? words[i].count : most;
    }
    return most;
}

/* Words whose product with the most frequent one reaches `noted`, in place; how many. */
static size_t keep_words(pairs_word *words, size_t count, uint64_t noted) {
    uint64_t most = most_postings(words, count);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        pairs_word word = words[i];
        words[kept] = word;
        kept += word.count * most >= noted;
    }
    return kept;
}

pairs_words pairs_choose(pairs_word *words, size_t count, uint32_t posts, uint64_t least) {
    pairs_words chosen = {words, 0, pairs_product_min(posts), least};
    count = keep_words(words, count, chosen.noted);
    if (count > PAIRS_WORDS_MAX) { /* and none that is as frequent as the first one left out */
        qsort(words, count, sizeof *words, by_count);
        chosen.noted = (uint64_t)words[PAIRS_WORDS_MAX].count * words[0].count + 1;
        count = keep_words(words, PAIRS_WORDS_MAX, chosen.noted);
    }
    if (count) {
        qsort(words, count, sizeof *words, by_number);
    }
    chosen.count = count;
    return chosen;
}

static void fill_slots(pairs_maker *m, uint32_t mask) {
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t at = pairs_slot_of(m, m->words[i].number);
        while (m->slots[at]) {
            at = (at + 1) & mask;
        }
        m->slots[at] = i + 1;
    }
}

/* Numbers the pairs of words by `named`. */
static void number_pairs(pairs_maker *m, const pairs_word *named) {
    m->rows[0] = (pairs_row){0, 0};
    for (uint32_t i = 0, reach = m->count; i < m->count; i++) {
        while (reach && (uint64_t)named[i].count * named[reach - 1].count < m->noted) {
            reach--;
        }
        m->called[named[i].number] = (uint16_t)(i + 1);
        m->names[i + 1] = m->words[named[i].number].number;
        m->postings_of[i + 1] = named[i].count;
        m->rows[i + 1] = (pairs_row){m->pair_count, reach};
        m->pair_count += reach;
    }
}

static inline uint64_t product_of(const pairs_maker *m, uint32_t first, uint32_t second) {
    return (uint64_t)m->postings_of[first] * m->postings_of[second];
}

static anp_status open_pairs(pairs_maker *m, anp_error *err) {
    size_t words = m->pair_count / 64 + 1u; /* of bits */
    m->pairs = calloc(m->pair_count + 1u, sizeof *m->pairs);
    m->counted = calloc(words, sizeof *m->counted);
    m->met = calloc(words, sizeof *m->met);
    m->asked = malloc(words * sizeof *m->asked);
    if (!m->pairs || !m->counted || !m->met || !m->asked) {
        return error_nomem(err, "pairs of words");
    }
    for (uint32_t first = 1; first <= m->count; first++) {
        uint32_t number = m->rows[first].number;
        for (uint32_t second = 1; second <= m->rows[first].reach; second++, number++) {
            bool listed = product_of(m, first, second) >= m->least;
            m->counted[number / 64] |= (uint64_t)listed << number % 64;
        }
    }
    memset(m->asked, 0xff, words * sizeof *m->asked);
    return ANP_OK;
}

/* Names of the words, and which pairs there may be. */
static anp_status name_words(pairs_maker *m, anp_error *err) {
    pairs_word *named = malloc((m->count + 1) * sizeof *named);
    if (!named) {
        return error_nomem(err, "pairs of words");
    }
    for (uint32_t i = 0; i < m->count; i++) {
        named[i] = (pairs_word){i, m->words[i].count};
    }
    qsort(named, m->count, sizeof *named, by_count);
    number_pairs(m, named);
    anp_status status = open_pairs(m, err);
    free(named);
    return status;
}

static anp_status open_words(pairs_maker *m, const pairs_words *words, anp_error *err) {
    size_t count = words->count;
    uint32_t bits = 6;
    m->words = words->items;
    m->count = (uint32_t)count;
    m->noted = words->noted;
    while (1u << bits < 4 * count) {
        bits++;
    }
    m->slot_shift = 32 - bits;
    m->slots = calloc((size_t)1 << bits, sizeof *m->slots);
    m->called = malloc((count + 1) * sizeof *m->called);
    m->names = malloc((count + 1) * sizeof *m->names);
    m->postings_of = malloc((count + 1) * sizeof *m->postings_of);
    m->rows = malloc((count + 1) * sizeof *m->rows);
    if (!m->slots || !m->called || !m->names || !m->postings_of || !m->rows) {
        return error_nomem(err, "pairs of words");
    }
    fill_slots(m, (1u << bits) - 1);
    return name_words(m, err);
}

static void close_maker(pairs_maker *m) {
    free(m->slots);
    free(m->called);
    free(m->names);
    free(m->postings_of);
    free(m->rows);
    free(m->counted);
    free(m->met);
    free(m->asked);
    free(m->pairs);
    free(m->places);
    free(m->seconds.items);
    free(m->postings.items);
}

/* What the pair is numbered; false when it is not noted, or one of the two is no word (0). */
static inline bool number_of(const pairs_maker *m, uint32_t first, uint32_t second,
                             uint32_t *number) {
    pairs_row row = m->rows[first];
    *number = row.number + second - 1;
    return second - 1 < row.reach;
}

/* ---- Texts --------------------------------------------------------------------------------- */

anp_status pairs_begin(pairs_maker *m, size_t places, anp_error *err) {
    if (places + 1 > m->place_room) {
        free(m->places);
        m->place_room = 2 * places + 64;
        m->places = malloc(m->place_room * sizeof *m->places);
        if (!m->places) {
            m->place_room = 0;
            return error_nomem(err, "pairs of words");
        }
    }
    memset(m->places, 0, places * sizeof *m->places);
    m->seconds.count = m->seconds_done = 0;
    m->seconds_sorted = false;
    return ANP_OK;
}

static inline bool has_bit(const uint64_t *bits, uint32_t number) {
    return bits[number / 64] >> number % 64 & 1;
}

static inline void put_bit(uint64_t *bits, uint32_t number, bool is) {
    uint64_t bit = (uint64_t)1 << number % 64;
    bits[number / 64] = is ? bits[number / 64] | bit : bits[number / 64] & ~bit;
}

/* There is room for its posting. No branch: no processor guesses whether a post has had a pair
   before. */
static inline void count_pair(pairs_maker *m, uint32_t number, uint16_t low) {
    pair *p = &m->pairs[number];
    bool is_new = p->post != low + 1u;
    p->post = low + 1u;
    p->count += is_new;
    m->postings.items[m->postings.count] = (uint64_t)number << 16 | low;
    m->postings.count += is_new & m->keeps;
}

/* The pairs whose numbers these are, no more than PAIRS_AT_ONCE. Most are only noted, and were met
   before: of those one bit is read. */
static inline void meet(pairs_maker *m, const uint32_t *numbers, size_t count, uint16_t low) {
    uint32_t asked[PAIRS_AT_ONCE];
    size_t asked_count = 0;
    for (size_t i = 0; i < count; i++) {
        asked[asked_count] = numbers[i];
        asked_count += has_bit(m->asked, numbers[i]);
    }
    for (size_t i = 0; i < asked_count; i++) {
        put_bit(m->met, asked[i], true);
        if (has_bit(m->counted, asked[i])) {
            count_pair(m, asked[i], low);
        } else {
            put_bit(m->asked, asked[i], false);
        }
    }
}

static void meet_one(pairs_maker *m, uint32_t first, uint32_t second, uint16_t low) {
    uint32_t number;
    if (!number_of(m, first, second, &number)) {
        return;
    }
    if (vec_reserve(&m->postings, m->postings.count + 1)) {
        meet(m, &number, 1, low);
    } else {
        m->failed = true;
    }
}

/* The numbers of those that begin in `count` places. */
static inline size_t number_adjacent(const pairs_maker *m, const uint16_t *places, size_t count,
                                     uint32_t numbers[PAIRS_AT_ONCE]) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += number_of(m, places[i], places[i + 1], &numbers[found]);
    }
    return found;
}

/* The pairs of words that stand in adjacent places. */
static bool meet_adjacent(pairs_maker *m, uint16_t low, size_t from, size_t end) {
    uint32_t numbers[PAIRS_AT_ONCE];
    for (size_t at = from + 1; at < end; at += PAIRS_AT_ONCE) {
        size_t count = end - at < PAIRS_AT_ONCE ? end - at : PAIRS_AT_ONCE;
        if (!vec_reserve(&m->postings, m->postings.count + PAIRS_AT_ONCE)) {
            return false;
        }
        meet(m, numbers, number_adjacent(m, m->places + at - 1, count, numbers), low);
    }
    return true;
}

static int by_place(const void *a, const void *b) {
    const second_word *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

/* The pairs of those that share a place with another word: with what stands in the places before
   and behind, and with each other. */
static void meet_seconds(pairs_maker *m, uint16_t low, size_t from, size_t end) {
    const second_word *s = m->seconds.items;
    size_t count = m->seconds.count, at = m->seconds_done;
    for (; at < count && s[at].place < end; at++) {
        size_t place = s[at].place;
        if (place > from) {
            meet_one(m, m->places[place - 1], s[at].word, low);
        }
        if (place + 1 < end) {
            meet_one(m, s[at].word, m->places[place + 1], low);
        }
        for (size_t i = at + 1; i < count && s[i].place <= place + 1 && s[i].place < end; i++) {
            if (s[i].place == place + 1) {
                meet_one(m, s[at].word, s[i].word, low);
            }
        }
    }
    m->seconds_done = at;
}

anp_status pairs_end(pairs_maker *m, uint16_t low, size_t from, size_t places, anp_error *err) {
    size_t end = from + places;
    m->failed |= !meet_adjacent(m, low, from, end);
    if (m->seconds_done < m->seconds.count) {
        if (!m->seconds_sorted) {
            m->seconds_sorted = true;
            qsort(m->seconds.items, m->seconds.count, sizeof *m->seconds.items, by_place);
        }
        meet_seconds(m, low, from, end);
    }
    return m->failed ? error_nomem(err, "pairs of words") : ANP_OK;
}

static anp_status begin_blocks(pairs_maker *m, const pairs_source *source, uint32_t *first,
                               uint32_t *end, anp_error *err) {
    *first = source->first / BLOCK_DOCS;
    *end = (source->first + source->posts - 1) / BLOCK_DOCS + 1;
    return source->begin(source->user, m, err);
}

static anp_status show_all(pairs_maker *m, const pairs_source *source, anp_error *err) {
    uint32_t first, end;
    TRY(begin_blocks(m, source, &first, &end, err));
    return source->show(source->user, m, first, end - first, err);
}

/* One block of `every`, the second one first: it is whole; how many posts these have. */
static anp_status show_sample(pairs_maker *m, const pairs_source *source, uint32_t every,
                              uint32_t *shown, anp_error *err) {
    uint32_t first, end, last = source->first + source->posts - 1;
    *shown = 0;
    TRY(begin_blocks(m, source, &first, &end, err));
    for (uint32_t block = first; block < end; block++) {
        uint32_t from = block * BLOCK_DOCS, to = from + BLOCK_DOCS - 1;
        uint32_t at = block - first;
        if (at % every == (1 + at / every * SAMPLE_STEP) % every) {
            *shown += (to < last ? to : last) - (from > source->first ? from : source->first) + 1;
            TRY(source->show(source->user, m, block, 1, err));
        }
    }
    return ANP_OK;
}

/* ---- The least product --------------------------------------------------------------------- */

/* Products are told apart to a 64th. */
enum { LEVEL_BITS = 6, LEVELS = 64 << LEVEL_BITS };

static uint32_t level_of(uint64_t product) {
    uint32_t top = 63 - (uint32_t)__builtin_clzll(product | 1);
    uint64_t rest = product ^ (uint64_t)1 << top;
    rest = top > LEVEL_BITS ? rest >> (top - LEVEL_BITS) : rest << (LEVEL_BITS - top);
    return top << LEVEL_BITS | ((uint32_t)rest & ((1u << LEVEL_BITS) - 1));
}

/* The least product of a level. */
static uint64_t level_begin(uint32_t level) {
    uint32_t top = level >> LEVEL_BITS, rest = level & ((1u << LEVEL_BITS) - 1);
    uint64_t whole = 1u << LEVEL_BITS | rest;
    return top > LEVEL_BITS ? whole << (top - LEVEL_BITS) : whole >> (LEVEL_BITS - top);
}

/* About what a list of so many postings takes, its entry included. */
static uint64_t list_bytes(uint64_t count) {
    return 9 + (count >= LIST_BITSET_FROM    ? LIST_BITSET_BYTES + 512u
                : count >= LIST_BLOCKED_FROM ? 64 + count + count / 8
                                             : 2 * count);
}

/* What the lists of the pairs of each level would take, as many times those of the sample as there
   are posts. */
static void add_levels(const pairs_maker *m, uint64_t posts, uint64_t sampled,
                       uint64_t bytes[LEVELS]) {
    for (uint32_t first = 1; first <= m->count; first++) {
        const pair *row = &m->pairs[m->rows[first].number];
        for (uint32_t second = 1; second <= m->rows[first].reach; second++) {
            uint32_t count = row[second - 1].count;
            if (count) {
                bytes[level_of(product_of(m, first, second))] +=
                    list_bytes(count * posts / sampled);
            }
        }
    }
}

/* Pairs by descending product while their lists take no more than the budget. */
static anp_status least_of(const pairs_maker *m, uint64_t budget, uint64_t posts,
                           uint64_t sampled, uint64_t *least, anp_error *err) {
    uint64_t *bytes = calloc(LEVELS, sizeof *bytes), sum = 0;
    if (!bytes) {
        return error_nomem(err, "pairs of words");
    }
    add_levels(m, posts, sampled, bytes);
    *least = m->noted;
    for (uint32_t level = LEVELS; level-- > 0;) {
        sum += bytes[level];
        if (sum > budget) {
            *least = level_begin(level + 1);
            break;
        }
    }
    *least = *least > m->noted ? *least : m->noted;
    free(bytes);
    return ANP_OK;
}

static anp_status find_least(const pairs_source *source, const pairs_words *words,
                             uint64_t *least, anp_error *err) {
    pairs_maker m = {.keeps = false};
    uint32_t every = source->posts < SAMPLE_POSTS_MIN ? 1 : SAMPLE_PART, shown;
    anp_status status = open_words(&m, words, err);
    if (status == ANP_OK) {
        status = show_sample(&m, source, every, &shown, err);
    }
    if (status == ANP_OK) {
        uint64_t budget = source->words / PAIRS_BUDGET_WORDS;
        status = least_of(&m, budget, source->posts, shown, least, err);
    }
    close_maker(&m);
    return status;
}

/* ---- Lists --------------------------------------------------------------------------------- */

typedef struct list_maker {
    pairs_maker *m;
    uint16_t *lows; /* by pair */
    size_t *ends;   /* by pair: behind its lows */
    buffer entries, lists, value;
} list_maker;

/* The postings by pair; in each they ascend already. */
static anp_status sort_postings(list_maker *l, anp_error *err) {
    pairs_maker *m = l->m;
    l->lows = malloc((m->postings.count + 1) * sizeof *l->lows);
    l->ends = malloc((m->pair_count + 1u) * sizeof *l->ends);
    if (!l->lows || !l->ends) {
        return error_nomem(err, "pairs of words");
    }
    size_t sum = 0;
    for (size_t i = 0; i < m->pair_count; i++) {
        l->ends[i] = sum;
        sum += m->pairs[i].count;
    }
    for (size_t i = 0; i < m->postings.count; i++) {
        uint64_t posting = m->postings.items[i];
        l->lows[l->ends[posting >> 16]++] = (uint16_t)posting;
    }
    return ANP_OK;
}

/* A pair of places in `words` that has a list. */
static bool has_list(const pairs_maker *m, uint32_t first, uint32_t second, uint32_t *number) {
    return number_of(m, m->called[first], m->called[second], number) && m->pairs[*number].count;
}

/* The list of a pair that was met, behind those before. */
static void add_list(list_maker *l, uint32_t second, uint32_t number) {
    uint32_t count = l->m->pairs[number].count;
    uint8_t entry[8];
    list_build(&(list_input){.count = count, .docs = l->lows + l->ends[number] - count},
               &l->lists);
    store_u32(entry, second);
    store_u32(entry + 4, (uint32_t)l->lists.len);
    buffer_put(&l->entries, entry, sizeof entry);
}

/* The value of the i-th word as a first one, empty when it is none. */
static anp_status make_value(list_maker *l, uint32_t i, str *value, anp_error *err) {
    const pairs_maker *m = l->m;
    uint8_t count[4];
    l->entries.len = l->lists.len = l->value.len = 0;
    for (uint32_t j = 0; j < m->count; j++) {
        uint32_t number;
        if (has_list(m, i, j, &number)) {
            add_list(l, m->words[j].number, number);
        }
    }
    *value = (str){"", 0};
    if (l->entries.len) {
        store_u32(count, (uint32_t)(l->entries.len / 8));
        buffer_put(&l->value, count, sizeof count);
        buffer_put(&l->value, l->entries.data, l->entries.len);
        buffer_put(&l->value, l->lists.data, l->lists.len);
        *value = str_make((const char *)l->value.data, l->value.len);
    }
    return l->entries.failed || l->lists.failed || l->value.failed
               ? error_nomem(err, "pairs of words")
               : ANP_OK;
}

static anp_status put_lists(list_maker *l, pairs_sink sink, anp_error *err) {
    for (uint32_t i = 0; i < l->m->count; i++) {
        str value;
        TRY(make_value(l, i, &value, err));
        if (value.len) {
            TRY(sink.put(sink.user, l->m->words[i].number, value, err));
        }
    }
    return ANP_OK;
}

static anp_status put_head(list_maker *l, pairs_sink sink, anp_error *err) {
    const pairs_maker *m = l->m;
    uint32_t bit_bytes = (m->pair_count + 7) / 8;
    size_t size = PAIRS_HEAD_BYTES + (size_t)m->count * 6 + bit_bytes;
    uint8_t *head = calloc(size, 1), *at = head + PAIRS_HEAD_BYTES;
    if (!head) {
        return error_nomem(err, "pairs of words");
    }
    store_u64(head, m->least);
    store_u64(head + 8, m->noted);
    store_u32(head + 16, m->count);
    for (uint32_t word = 1; word <= m->count; word++, at += 4) {
        store_u32(at, m->names[word]);
    }
    for (uint32_t word = 1; word <= m->count; word++, at += 2) {
        store_u16(at, (uint16_t)m->rows[word].reach);
    }
    for (uint32_t i = 0; i < bit_bytes; i++) {
        at[i] = (uint8_t)(m->met[i / 8] >> i % 8 * 8);
    }
    anp_status status = sink.put(sink.user, PAIRS_HEAD, str_make((const char *)head, size), err);
    free(head);
    return status;
}

static anp_status make_lists(const pairs_source *source, const pairs_words *words, uint64_t least,
                             pairs_sink sink, anp_error *err) {
    pairs_maker m = {.least = least, .keeps = true};
    list_maker l = {.m = &m};
    anp_status status = open_words(&m, words, err);
    if (status == ANP_OK) {
        status = show_all(&m, source, err);
    }
    if (status == ANP_OK) {
        status = sort_postings(&l, err);
    }
    if (status == ANP_OK) {
        status = put_lists(&l, sink, err);
    }
    if (status == ANP_OK) {
        status = put_head(&l, sink, err);
    }
    close_maker(&m);
    free(l.lows);
    free(l.ends);
    buffer_free(&l.entries);
    buffer_free(&l.lists);
    buffer_free(&l.value);
    return status;
}

anp_status pairs_make(const pairs_source *source, const pairs_words *words, pairs_sink sink,
                      anp_error *err) {
    uint64_t least = words->least;
    if (!least) {
        TRY(find_least(source, words, &least, err));
    }
    return make_lists(source, words, least, sink, err);
}

/* ---- Values of a unit ---------------------------------------------------------------------- */

static anp_status put_in_unit(void *user, uint32_t number, str value, anp_error *err) {
    pairs_unit_sink *target = user;
    const unit_info *info = target->info;
    store_table table = unit_table((unit_level)info->level, UNIT_PAIR, 0);
    uint64_t key = unit_key(info->number, UNIT_PAIR, number);
    return target->sink.put(target->sink.user, table, key, value, err);
}

pairs_sink pairs_sink_of_unit(pairs_unit_sink *target) {
    return (pairs_sink){put_in_unit, target};
}
