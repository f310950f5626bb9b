/* Phrases on position arrays, against a twin that tries every choice of positions. */
#include "test.h"

#include "base/prng.h"
#include "query/match.h"

#include <stdio.h>

enum { WORDS_MAX = 5, PLACES_MAX = 12 };

/* A text is an array of term numbers, a phrase another with the places of its words. */
struct example {
    uint32_t text[PLACES_MAX];
    uint32_t text_len;
    uint32_t phrase[WORDS_MAX];
    uint32_t offsets[WORDS_MAX];
    uint32_t phrase_len;
};

static bool ours(const struct example *e, uint32_t slop) {
    uint32_t places[WORDS_MAX][PLACES_MAX], counts[WORDS_MAX] = {0}, before[WORDS_MAX];
    const uint32_t *lists[WORDS_MAX];
    for (uint32_t i = 0; i < e->phrase_len; i++) {
        lists[i] = places[i];
        before[i] = PHRASE_FIRST;
        for (uint32_t k = 0; k < i; k++) {
            if (e->phrase[k] == e->phrase[i]) {
                before[i] = k;
            }
        }
        for (uint32_t at = 0; at < e->text_len; at++) {
            if (e->text[at] == e->phrase[i]) {
                places[i][counts[i]++] = at;
            }
        }
    }
    phrase_words words = {e->phrase_len, lists, counts, e->offsets, before};
    return phrase_match(&words, slop);
}

/* Every choice of a place for each word from `word` on; used[] are those of the words before. */
static bool every_choice(const struct example *e, int slop, uint32_t word, uint32_t *used) {
    if (word == e->phrase_len) {
        int least = 1 << 20, most = -(1 << 20);
        for (uint32_t i = 0; i < word; i++) {
            int adjusted = (int)used[i] - (int)e->offsets[i];
            least = adjusted < least ? adjusted : least;
            most = adjusted > most ? adjusted : most;
        }
        return most - least <= slop;
    }
    for (uint32_t at = 0; at < e->text_len; at++) {
        bool is_free = e->text[at] == e->phrase[word];
        for (uint32_t i = 0; i < word; i++) {
            is_free &= used[i] != at;
        }
        used[word] = at;
        if (is_free && every_choice(e, slop, word + 1, used)) {
            return true;
        }
    }
    return false;
}

static void random_phrases(void) {
    const uint64_t seed = 990217;
    prng random = {seed};
    uint32_t matched = 0;
    CASE("against every choice");
    for (int round = 0; round < 60000; round++) {
        struct example e = {.text_len = prng_below(&random, PLACES_MAX + 1),
                            .phrase_len = 1 + prng_below(&random, WORDS_MAX)};
        uint32_t terms = 1 + prng_below(&random, 4), place = 0, used[WORDS_MAX];
        for (uint32_t i = 0; i < e.text_len; i++) {
            e.text[i] = prng_below(&random, terms);
        }
        for (uint32_t i = 0; i < e.phrase_len; i++) {
            e.phrase[i] = prng_below(&random, terms);
            e.offsets[i] = place;
            place += prng_below(&random, 8) ? 1 : 2;
        }
        uint32_t slop = prng_below(&random, 2) ? 0 : prng_below(&random, 7);
        bool expected = every_choice(&e, (int)slop, 0, used);
        matched += expected;
        if (!CHECK_EQ_INT(ours(&e, slop), expected)) {
            test_note("seed %llu round %d slop %u", (unsigned long long)seed, round, slop);
        }
    }
    CHECK(matched > 6000 && matched < 54000);
}

static void by_hand(void) {
    static const struct {
        struct example e;
        uint32_t slop_needed; /* 99: never */
    } table[] = {
        {{{1, 2, 3}, 3, {1, 2, 3}, {0, 1, 2}, 3}, 0},
        {{{9, 1, 2, 3}, 4, {1, 2, 3}, {0, 1, 2}, 3}, 0},
        {{{1, 9, 2}, 3, {1, 2}, {0, 1}, 2}, 1},       /* a gap of one */
        {{{2, 1}, 2, {1, 2}, {0, 1}, 2}, 2},          /* exchanged */
        {{{1, 9, 9, 2, 9, 3}, 6, {1, 2, 3}, {0, 1, 2}, 3}, 3},
        {{{1}, 1, {1, 1}, {0, 1}, 2}, 99},            /* one word cannot stand for two */
        {{{1, 9, 1}, 3, {1, 1}, {0, 1}, 2}, 1},
        {{{1, 2, 1}, 3, {1, 2, 1}, {0, 1, 2}, 3}, 0},
        {{{1, 9, 3}, 3, {1, 3}, {0, 2}, 2}, 0},       /* a place left open in the phrase */
        {{{1, 3}, 2, {1, 3}, {0, 2}, 2}, 1},
        {{{1}, 1, {1, 2}, {0, 1}, 2}, 99},
        {{{0}, 0, {1}, {0}, 1}, 99},
    };
    CASE("by hand");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        for (uint32_t slop = 0; slop < 8; slop++) {
            if (!CHECK_EQ_INT(ours(&table[i].e, slop), slop >= table[i].slop_needed)) {
                test_note("row %zu slop %u", i, slop);
            }
        }
    }
}

void test_query_phrase(void) {
    by_hand();
    random_phrases();
}
