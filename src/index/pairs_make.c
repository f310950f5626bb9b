/* See pairs_make.h. */
#include "base/error.h"
#include "base/pages.h"
#include "index/pairs_impl.h"

enum {
    PAIRS_AT_ONCE = 64,
    WORDS_A_POSTING = 8, /* that is kept; of articles as many: room that grows would be copied */
    TOUCHED_AHEAD = 16, /* pairs of a group that are fetched into the cache ahead */
};

/* A list is kept as ranks where these take so much of what it takes: they have to be looked up. */
static const double RANKS_PART = 0.75;

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

/* How many pairs of these words, the most frequent one first, `noted` notes. */
static uint64_t count_noted(const pairs_word *words, size_t count, uint64_t noted) {
    uint64_t pairs = 0;
    for (size_t i = 0, reach = count; i < count && reach; i++) {
        while (reach && (uint64_t)words[i].count * words[reach - 1].count < noted) {
            reach--;
        }
        pairs += reach;
    }
    return pairs;
}

/* The least product from `noted` on that notes no more pairs than there may be. */
static uint64_t note_fewer(const pairs_word *words, size_t count, uint64_t noted) {
    uint64_t above = (uint64_t)words[0].count * words[0].count + 1;
    while (noted < above) {
        uint64_t middle = noted + (above - noted) / 2;
        if (count_noted(words, count, middle) <= PAIRS_NOTED_MAX) {
            above = middle;
        } else {
            noted = middle + 1;
        }
    }
    return noted;
}

pairs_words pairs_choose(pairs_word *words, size_t count, uint32_t posts) {
    pairs_words chosen = {words, 0, pairs_product_min(posts)};
    count = keep_words(words, count, chosen.noted);
    if (count) {
        qsort(words, count, sizeof *words, by_count);
        count = count < PAIRS_WORDS_MAX ? count : PAIRS_WORDS_MAX;
        chosen.noted = note_fewer(words, count, chosen.noted);
        count = keep_words(words, count, chosen.noted);
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
        m->place_of[i + 1] = named[i].number;
        m->postings_of[i + 1] = named[i].count;
        m->rows[i + 1] = (pairs_row){m->pair_count, reach};
        m->pair_count += reach;
    }
}

static anp_status open_pairs(pairs_maker *m, anp_error *err) {
    size_t words = m->pair_count / 64 + 1u; /* of bits */
    m->counted = calloc(words, sizeof *m->counted);
    m->before = malloc(words * sizeof *m->before);
    m->met = malloc(words * sizeof *m->met);
    m->asked = malloc(words * sizeof *m->asked);
    m->held = calloc(m->count + 1u, sizeof *m->held);
    m->group = PAIRS_NO_GROUP;
    return m->counted && m->before && m->met && m->asked && m->held
               ? ANP_OK
               : error_nomem(err, "pairs of words");
}

/* Posts that hold a word go on to hold it. */
anp_status pairs_count_anew(pairs_maker *m, anp_error *err) {
    size_t words = m->pair_count / 64 + 1u; /* of bits */
    uint32_t counted = 0;
    for (size_t i = 0; i < words; i++) {
        m->before[i] = counted;
        counted += (uint32_t)__builtin_popcountll(m->counted[i]);
    }
    free(m->pairs);
    free(m->now);
    free(m->touched);
    m->pairs = calloc(counted + 1u, sizeof *m->pairs);
    m->now = calloc(counted + 1u, sizeof *m->now);
    m->touched = malloc((counted + 1u) * sizeof *m->touched);
    memset(m->met, 0, words * sizeof *m->met);
    memset(m->asked, 0xff, words * sizeof *m->asked);
    return m->pairs && m->now && m->touched ? ANP_OK : error_nomem(err, "pairs of words");
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
    m->place_of = malloc((count + 1) * sizeof *m->place_of);
    m->postings_of = malloc((count + 1) * sizeof *m->postings_of);
    m->rows = malloc((count + 1) * sizeof *m->rows);
    m->holders = pages_zeroed((count + 1) * HOLDER_WORDS * sizeof *m->holders);
    if (!m->slots || !m->called || !m->place_of || !m->postings_of || !m->rows ||
        !m->holders) {
        return error_nomem(err, "pairs of words");
    }
    fill_slots(m, (1u << bits) - 1);
    return name_words(m, err);
}

static void close_maker(pairs_maker *m) {
    free(m->slots);
    free(m->called);
    free(m->place_of);
    free(m->postings_of);
    free(m->rows);
    free(m->counted);
    free(m->before);
    free(m->met);
    free(m->asked);
    free(m->pairs);
    free(m->held);
    free(m->now);
    free(m->touched);
    free(m->places);
    free(m->holders);
    free(m->seconds.items);
    free(m->postings.items);
    free(m->wide.items);
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

/* A pair that has more postings than it may keep: those of the group in hand are its first bits. */
static bool widen(pairs_maker *m, pair *p) {
    if (!vec_reserve(&m->wide, m->wide.count + m->wide_words)) {
        return false;
    }
    memset(m->wide.items + m->wide.count, 0, m->wide_words * sizeof *m->wide.items);
    p->wide = (uint32_t)(m->wide.count / m->wide_words) + 1;
    m->wide.count += m->wide_words;
    return true;
}

/* The posts of the group in hand that have a counted pair. */
static bool put_pair(pairs_maker *m, uint32_t place, uint64_t posts) {
    pair *p = &m->pairs[place];
    uint32_t count = p->wide ? 0 : (uint32_t)__builtin_popcountll(posts);
    if (m->keeps && p->count + count > m->narrow_most && !widen(m, p)) {
        return false;
    }
    if (p->wide) {
        pairs_wide_bits(m, p)[m->group - m->wide_from] |= posts;
        return true;
    }
    p->count += count;
    if (m->keeps && !vec_reserve(&m->postings, m->postings.count + count)) {
        return false;
    }
    for (; m->keeps && posts; posts &= posts - 1) {
        m->postings.items[m->postings.count++] = place << 6 | (uint32_t)__builtin_ctzll(posts);
    }
    return true;
}

void pairs_end_group(pairs_maker *m) {
    if (m->group == PAIRS_NO_GROUP) {
        return;
    }
    for (uint32_t word = 1; word <= m->count; word++) {
        if (m->held[word]) { /* not of lists, which say it of a whole block */
            m->holders[(size_t)word * HOLDER_WORDS + m->group] |= m->held[word];
            m->held[word] = 0;
        }
    }
    for (uint32_t i = 0; i < m->touched_count; i++) {
        uint32_t place = m->touched[i], ahead = i + TOUCHED_AHEAD;
        if (ahead < m->touched_count) {
            __builtin_prefetch(&m->pairs[m->touched[ahead]], 1);
            __builtin_prefetch(&m->now[m->touched[ahead]], 1);
        }
        m->failed |= !put_pair(m, place, m->now[place]);
        m->now[place] = 0;
    }
    m->touched_count = 0;
    m->group_ends[m->group] = m->postings.count;
    m->group = PAIRS_NO_GROUP;
}

/* The post in hand, a bit of its group, has the counted pairs at these places. No branch on whether
   it is the group's first: no processor guesses that. */
static inline void count_pairs(pairs_maker *m, const uint32_t *places, size_t count,
                               uint64_t post) {
    uint64_t *now = m->now;
    uint32_t *touched = m->touched, touched_count = m->touched_count;
    for (size_t i = 0; i < count; i++) {
        uint64_t had = now[places[i]];
        now[places[i]] = had | post;
        touched[touched_count] = places[i];
        touched_count += had == 0;
    }
    m->touched_count = touched_count;
}

/* The pairs whose numbers these are, no more than PAIRS_AT_ONCE. Many are only noted, and were met
   before: of those one bit is read. */
static inline void meet(pairs_maker *m, const uint32_t *numbers, size_t count, uint64_t post) {
    uint32_t asked[PAIRS_AT_ONCE], places[PAIRS_AT_ONCE];
    size_t asked_count = 0, counted = 0;
    for (size_t i = 0; i < count; i++) {
        asked[asked_count] = numbers[i];
        asked_count += pairs_has_bit(m->asked, numbers[i]);
    }
    for (size_t i = 0; i < asked_count; i++) {
        if (pairs_has_bit(m->counted, asked[i])) {
            uint32_t place = pairs_place_of(m, asked[i]);
            __builtin_prefetch(&m->now[place], 1);
            places[counted++] = place;
        } else {
            pairs_put_bit(m->met, asked[i], true);
            pairs_put_bit(m->asked, asked[i], false);
        }
    }
    count_pairs(m, places, counted, post);
}

static void meet_one(pairs_maker *m, uint32_t first, uint32_t second, uint64_t post) {
    uint32_t number;
    if (pairs_number_of(m, first, second, &number)) {
        meet(m, &number, 1, post);
    }
}

/* The numbers of those that begin in `count` places. */
static inline size_t number_adjacent(const pairs_maker *m, const uint16_t *places, size_t count,
                                     uint32_t numbers[PAIRS_AT_ONCE]) {
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        found += pairs_number_of(m, places[i], places[i + 1], &numbers[found]);
    }
    return found;
}

/* The pairs of words that stand in adjacent places. */
static void meet_adjacent(pairs_maker *m, uint64_t post, size_t from, size_t end) {
    uint32_t numbers[PAIRS_AT_ONCE];
    for (size_t at = from + 1; at < end; at += PAIRS_AT_ONCE) {
        size_t count = end - at < PAIRS_AT_ONCE ? end - at : PAIRS_AT_ONCE;
        meet(m, numbers, number_adjacent(m, m->places + at - 1, count, numbers), post);
    }
}

static int by_place(const void *a, const void *b) {
    const second_word *x = a, *y = b;
    return (x->place > y->place) - (x->place < y->place);
}

/* The pairs of those that share a place with another word: with what stands in the places before
   and behind, and with each other. */
static void meet_seconds(pairs_maker *m, uint64_t post, size_t from, size_t end) {
    const second_word *s = m->seconds.items;
    size_t count = m->seconds.count, at = m->seconds_done;
    for (; at < count && s[at].place < end; at++) {
        size_t place = s[at].place;
        if (place > from) {
            meet_one(m, m->places[place - 1], s[at].word, post);
        }
        if (place + 1 < end) {
            meet_one(m, s[at].word, m->places[place + 1], post);
        }
        for (size_t i = at + 1; i < count && s[i].place <= place + 1 && s[i].place < end; i++) {
            if (s[i].place == place + 1) {
                meet_one(m, s[at].word, s[i].word, post);
            }
        }
    }
    m->seconds_done = at;
}

void pairs_count_body(pairs_maker *m, size_t words) {
    m->shown += words;
}

anp_status pairs_end(pairs_maker *m, uint16_t low, size_t from, size_t places, anp_error *err) {
    size_t end = from + places;
    uint64_t post = (uint64_t)1 << low % 64;
    pairs_turn_to(m, low);
    meet_adjacent(m, post, from, end);
    if (m->seconds_done < m->seconds.count) {
        if (!m->seconds_sorted) {
            m->seconds_sorted = true;
            qsort(m->seconds.items, m->seconds.count, sizeof *m->seconds.items, by_place);
        }
        meet_seconds(m, post, from, end);
    }
    return m->failed ? error_nomem(err, "pairs of words") : ANP_OK;
}

/* Those that have lists by now. */
static anp_status choose_listed(pairs_maker *m, const pairs_source *source, anp_error *err) {
    for (uint32_t i = 0; i < m->count; i++) {
        pairs_view view;
        str value;
        TRY(source->listed(source->user, m->words[i].number, &value, err));
        if (value.len == 0) {
            continue;
        }
        TRY(pairs_view_open(value, &view, err));
        for (uint32_t k = 0; k < view.count; k++) {
            uint32_t number, second = pairs_word_of(m, pairs_second(&view, k));
            if (pairs_number_of(m, m->called[i], second, &number)) {
                pairs_put_bit(m->counted, number, true);
            }
        }
    }
    return ANP_OK;
}

/* ---- Lists --------------------------------------------------------------------------------- */

typedef struct list_maker {
    pairs_maker *m;
    uint16_t *lows; /* by place, but those of wide ones' bits */
    size_t *ends;   /* by place: behind its lows */
    uint16_t *all;  /* of a wide pair: room for as many as there may be */
    uint32_t *ranks;
    uint32_t seconds[PAIRS_WORDS_MAX]; /* places in `words` */
    buffer entries, lists, value;
    uint32_t list_count;
    uint32_t *holder_counts; /* by word */
    uint16_t *before; /* by word: of its posts those before each 64 ordinals */
} list_maker;

/* The postings by pair; in each they ascend already. */
static anp_status sort_postings(list_maker *l, anp_error *err) {
    const pairs_maker *m = l->m;
    uint32_t places = pairs_place_of(m, m->pair_count);
    l->lows = malloc((m->postings.count + 1) * sizeof *l->lows);
    l->ends = malloc((places + 1u) * sizeof *l->ends);
    l->all = malloc(WINDOW_DOCS * sizeof *l->all);
    l->ranks = malloc(WINDOW_DOCS * sizeof *l->ranks);
    if (!l->lows || !l->ends || !l->all || !l->ranks) {
        return error_nomem(err, "pairs of words");
    }
    size_t sum = 0, at = 0;
    for (size_t i = 0; i < places; i++) {
        l->ends[i] = sum;
        sum += m->pairs[i].count;
    }
    for (uint32_t group = 0; group < LIST_DOCS / 64; group++) {
        for (; at < m->group_ends[group]; at++) {
            uint32_t posting = m->postings.items[at];
            l->lows[l->ends[posting >> 6]++] = (uint16_t)(group * 64 + posting % 64);
        }
    }
    return ANP_OK;
}

static int by_second(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* All lows of a pair. */
static const uint16_t *lows_of(list_maker *l, uint32_t number, uint32_t *count) {
    const pairs_maker *m = l->m;
    uint32_t place = pairs_place_of(m, number);
    const pair *p = &m->pairs[place];
    const uint16_t *lows = l->lows + l->ends[place] - p->count;
    *count = p->count;
    if (!p->wide) {
        return lows;
    }
    memcpy(l->all, lows, p->count * sizeof *lows);
    const uint64_t *bits = pairs_wide_bits(m, p);
    for (uint32_t i = 0; i < m->wide_words; i++) {
        for (uint64_t rest = bits[i]; rest; rest &= rest - 1) {
            uint32_t bit = (uint32_t)__builtin_ctzll(rest);
            l->all[(*count)++] = (uint16_t)((m->wide_from + i) * 64 + bit);
        }
    }
    return l->all;
}

/* The ranks of a pair's posts among those that hold its rarer word. */
static void find_ranks(list_maker *l, uint32_t rarer, const uint16_t *lows, uint32_t count) {
    const uint64_t *holders = l->m->holders + (size_t)rarer * HOLDER_WORDS;
    const uint16_t *before = l->before + (size_t)rarer * (LIST_DOCS / 64);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t word = lows[i] / 64u;
        uint64_t below = holders[word] & (((uint64_t)1 << lows[i] % 64) - 1);
        l->ranks[i] = before[word] + (uint32_t)__builtin_popcountll(below);
    }
}

/* A list as ranks, which are `below` a number; behind those before. */
static anp_status put_ranks(list_maker *l, uint32_t count, uint32_t below, anp_error *err) {
    static const uint16_t only = 0;
    positions_input input = {.count = 1,
                             .docs = &only,
                             .counts = &count,
                             .positions = l->ranks,
                             .lengths = {&below, sizeof below, sizeof below, 0, 0, 1}};
    buffer_put_u8(&l->lists, PAIRS_RANKS);
    buffer_put_u16(&l->lists, (uint16_t)(count - 1));
    return positions_build(&input, &l->lists, err);
}

/* How many posts hold each word: as many as it has postings, but of damaged records. */
static anp_status count_holders(list_maker *l, anp_error *err) {
    enum { WORDS = LIST_DOCS / 64 };
    const pairs_maker *m = l->m;
    l->before = malloc((m->count + 1u) * WORDS * sizeof *l->before);
    l->holder_counts = malloc((m->count + 1u) * sizeof *l->holder_counts);
    if (!l->before || !l->holder_counts) {
        return error_nomem(err, "pairs of words");
    }
    for (size_t word = 0; word <= m->count; word++) {
        uint32_t count = 0;
        for (size_t i = 0; i < WORDS; i++) {
            l->before[word * WORDS + i] = (uint16_t)count;
            count += (uint32_t)__builtin_popcountll(m->holders[word * HOLDER_WORDS + i]);
        }
        l->holder_counts[word] = count;
    }
    return ANP_OK;
}

/* The list of a pair: as ranks where those take so much less. */
static anp_status put_list(list_maker *l, const uint16_t *lows, uint32_t count, uint32_t rarer,
                           anp_error *err) {
    size_t from = l->lists.len;
    list_build(&(list_input){.count = count, .docs = lows}, &l->lists);
    size_t plain = l->lists.len - from;
    if (count <= LIST_SMALL_MAX || l->lists.failed) {
        return ANP_OK;
    }
    find_ranks(l, rarer, lows, count);
    TRY(put_ranks(l, count, l->holder_counts[rarer], err));
    size_t ranks = l->lists.len - from - plain;
    bool less = (double)ranks <= (double)plain * RANKS_PART;
    if (less && !l->lists.failed) {
        memmove(l->lists.data + from, l->lists.data + from + plain, ranks);
    }
    l->lists.len = from + (less ? ranks : plain);
    return ANP_OK;
}

/* The list of a pair that was met, behind those before; first and second: places in `words`. */
static anp_status add_list(list_maker *l, uint32_t first, uint32_t second, uint32_t number,
                           anp_error *err) {
    const pairs_maker *m = l->m;
    uint32_t count;
    const uint16_t *lows = lows_of(l, number, &count);
    bool is_second = pairs_rarer(m->words[first].count, m->words[second].count);
    uint8_t entry[8];
    TRY(put_list(l, lows, count, m->called[is_second ? second : first], err));
    store_u32(entry, m->words[second].number);
    store_u32(entry + 4, (uint32_t)l->lists.len);
    buffer_put(&l->entries, entry, sizeof entry);
    l->list_count++;
    return ANP_OK;
}

/* Whether a pair is counted and was met. */
static bool has_list(const pairs_maker *m, uint32_t number) {
    if (!pairs_has_bit(m->counted, number)) {
        return false;
    }
    const pair *p = &m->pairs[pairs_place_of(m, number)];
    return p->count || p->wide;
}

/* The seconds of a first word's pairs that have lists: places in `words`, ascending. */
static uint32_t find_seconds(list_maker *l, uint32_t first) {
    const pairs_maker *m = l->m;
    pairs_row row = m->rows[m->called[first]];
    uint32_t count = 0;
    for (uint32_t i = 0; i < row.reach; i++) {
        if (has_list(m, row.number + i)) {
            l->seconds[count++] = m->place_of[i + 1];
        }
    }
    qsort(l->seconds, count, sizeof *l->seconds, by_second);
    return count;
}

/* The value of the i-th word as a first one, empty when it is none. */
static anp_status make_value(list_maker *l, uint32_t i, str *value, anp_error *err) {
    const pairs_maker *m = l->m;
    uint8_t head[4];
    uint32_t count = find_seconds(l, i);
    l->entries.len = l->lists.len = l->value.len = 0;
    for (uint32_t k = 0; k < count; k++) {
        uint32_t number;
        pairs_number_of(m, m->called[i], m->called[l->seconds[k]], &number);
        TRY(add_list(l, i, l->seconds[k], number, err));
    }
    *value = (str){"", 0};
    if (count) {
        store_u32(head, count);
        buffer_put(&l->value, head, sizeof head);
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
    uint8_t *head = calloc(size, 1);
    if (!head) {
        return error_nomem(err, "pairs of words");
    }
    uint8_t *at = head + PAIRS_HEAD_BYTES;
    store_u64(head, m->noted);
    store_u32(head + 8, l->list_count);
    store_u32(head + 12, m->count);
    for (uint32_t word = 1; word <= m->count; word++, at += 4) {
        store_u32(at, m->words[m->place_of[word]].number);
    }
    for (uint32_t word = 1; word <= m->count; word++, at += 2) {
        store_u16(at, (uint16_t)m->rows[word].reach);
    }
    for (uint32_t i = 0; i < bit_bytes; i++) {
        at[i] = (uint8_t)(m->met[i / 8] >> i % 8 * 8);
    }
    for (uint32_t i = 0; i < m->pair_count; i++) {
        at[i / 8] |= (uint8_t)(has_list(m, i) << i % 8);
    }
    anp_status status = sink.put(sink.user, PAIRS_HEAD, str_make((const char *)head, size), err);
    free(head);
    return status;
}

static anp_status make_lists(pairs_maker *m, pairs_sink sink, anp_error *err) {
    list_maker l = {.m = m};
    anp_status status = sort_postings(&l, err);
    if (status == ANP_OK) {
        status = count_holders(&l, err);
    }
    if (status == ANP_OK) {
        status = put_lists(&l, sink, err);
    }
    if (status == ANP_OK) {
        status = put_head(&l, sink, err);
    }
    free(l.lows);
    free(l.ends);
    free(l.all);
    free(l.ranks);
    free(l.holder_counts);
    free(l.before);
    buffer_free(&l.entries);
    buffer_free(&l.lists);
    buffer_free(&l.value);
    return status;
}

/* From now on postings are kept. */
static anp_status keep_postings(pairs_maker *m, const pairs_source *source, anp_error *err) {
    uint32_t first = pairs_first_block(source);
    uint32_t words = (pairs_end_block(source) - first) * (BLOCK_DOCS / 64);
    m->keeps = true;
    m->narrow_most = 2 * words; /* of 4 bytes */
    m->wide_from = first * (BLOCK_DOCS / 64);
    m->wide_words = words + 8; /* as HOLDER_WORDS */
    return vec_reserve(&m->postings, source->words / WORDS_A_POSTING + 1)
               ? ANP_OK
               : error_nomem(err, "pairs of words");
}

static anp_status make(pairs_maker *m, const pairs_source *source, const pairs_words *words,
                       pairs_sink sink, anp_error *err) {
    uint32_t first = pairs_first_block(source);
    TRY(open_words(m, words, err));
    TRY(source->listed ? choose_listed(m, source, err) : pairs_sample(m, source, err));
    TRY(pairs_count_anew(m, err));
    TRY(keep_postings(m, source, err));
    TRY(source->begin(source->user, m, err));
    TRY(source->show(source->user, m, first, pairs_end_block(source) - first, err));
    pairs_end_group(m);
    TRY(m->failed ? error_nomem(err, "pairs of words") : ANP_OK);
    return make_lists(m, sink, err);
}

anp_status pairs_make(const pairs_source *source, const pairs_words *words, pairs_sink sink,
                      anp_error *err) {
    pairs_maker m = {0};
    anp_status status = make(&m, source, words, sink, err);
    close_maker(&m);
    return status;
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
