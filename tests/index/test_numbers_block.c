/* Blocks of numbered strings: the worked example, every string found, damage survived. */
#include "index/numbers_block.h"

#include "base/arena.h"
#include "base/prng.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>

enum { ITEMS = 3000 };

static void check_example(void) {
    static const uint8_t expected[] = {3, 0, 9, 0, 0x07, 0x58, 0x16, 0, 0x05, 'c',
                                       'a', 'c', 'h', 'e', 0x51, 'd', 0x32, 't', 'i'};
    numbered items[] = {{STR("cache"), 7, 0}, {STR("cached"), 300, 0}, {STR("cacti"), 5, 0}};
    buffer block = {0};
    CHECK_EQ_INT(numbers_bits(300), 9);
    numbers_block_share(items, 3);
    CHECK_EQ_INT(numbers_block_build(items, 3, 9, 4000, &block), 3);
    CHECK(block.len == sizeof expected && memcmp(block.data, expected, sizeof expected) == 0);
    CHECK_EQ_INT(numbers_block_measure(items, 3, 9), sizeof expected);
    buffer_free(&block);
    CHECK_EQ_INT(numbers_bits(0), 1);
    CHECK_EQ_INT(numbers_bits(UINT32_MAX), 32);
}

static int by_text(const void *a, const void *b) {
    return str_compare(((const numbered *)a)->text, ((const numbered *)b)->text);
}

/* Distinct, sorted; every second one is left out of the blocks. */
static numbered *make_items(arena *memory, uint64_t seed) {
    prng p = {seed};
    numbered *items = arena_array(memory, numbered, ITEMS);
    size_t kept = 1;
    for (size_t i = 0; i < ITEMS; i++) {
        char text[600];
        size_t len = 0, least = prng_below(&p, 30) ? 1 : 300;
        size_t most = least + prng_below(&p, least == 1 ? 9 : 200);
        while (len < most) {
            text[len++] = prng_below(&p, 9) ? (char)('a' + prng_below(&p, 3)) : (char)0xfe;
        }
        items[i] = (numbered){arena_str(memory, str_make(text, len)),
                              (uint32_t)prng_next(&p) >> prng_below(&p, 32), 0};
    }
    qsort(items, ITEMS, sizeof *items, by_text);
    for (size_t i = 1; i < ITEMS; i++) {
        if (!str_equal(items[i].text, items[kept - 1].text)) {
            items[kept++] = items[i];
        }
    }
    items[kept < ITEMS ? kept : ITEMS - 1].text = (str){NULL, 0}; /* the end */
    return items;
}

static bool holds(str block, const numbered *in, const numbered *out, size_t count) {
    numbers_walker w;
    numbers_walker_open(&w, block);
    for (size_t i = 0; i < count; i++) {
        uint32_t number = 0;
        if (!numbers_walker_next(&w) || w.number != in[i].number ||
            !str_equal(str_make(w.text, w.len), in[i].text) ||
            numbers_block_find(block, in[i].text, &number) != NUMBERS_FOUND ||
            number != in[i].number ||
            numbers_block_find(block, out[i].text, &number) != NUMBERS_ABSENT) {
            return false;
        }
    }
    return !numbers_walker_next(&w) && numbers_walker_whole(&w);
}

static void check_blocks(uint64_t seed) {
    arena memory = {0};
    numbered *all = make_items(&memory, seed), *in = arena_array(&memory, numbered, ITEMS);
    numbered *out = arena_array(&memory, numbered, ITEMS);
    size_t count = 0;
    while (2 * count + 1 < ITEMS && all[2 * count].text.data && all[2 * count + 1].text.data) {
        in[count] = all[2 * count];
        out[count] = all[2 * count + 1];
        count++;
    }
    buffer block = {0};
    numbers_block_share(in, count);
    for (size_t from = 0, n; from < count; from += n) {
        block.len = 0;
        size_t target = from % 3 ? NUMBERS_BLOCK_BYTES : from % 700;
        n = numbers_block_build(in + from, count - from, 32, target, &block);
        CHECK(n > 0 && block.len <= NUMBERS_BLOCK_BYTES);
        CHECK_EQ_INT(numbers_block_measure(in + from, n, 32), block.len);
        CHECK(from + n == count || block.len >= (target < 3500 ? target : 3500));
        CHECK(holds(str_make((const char *)block.data, block.len), in + from, out + from, n));
    }
    buffer_free(&block);
    arena_free(&memory);
}

/* Whatever the bytes, reading ends inside of them. */
static void check_damage(void) {
    arena memory = {0};
    prng p = {3};
    numbered *items = make_items(&memory, 9);
    buffer block = {0};
    numbers_block_share(items, 300);
    numbers_block_build(items, 300, 32, 3000, &block);
    for (int round = 0; round < 20000; round++) {
        size_t len = prng_below(&p, 4) ? block.len : prng_below(&p, (uint32_t)block.len);
        char *copy = malloc(len + 1); /* of its own size, so that a sanitizer sees the end */
        uint32_t number;
        numbers_walker w;
        memcpy(copy, block.data, len);
        for (uint32_t i = prng_below(&p, 4); len && i > 0; i--) {
            copy[prng_below(&p, prng_below(&p, 2) ? (uint32_t)len : 40) % len] =
                (char)prng_below(&p, 256);
        }
        str damaged = str_make(copy, len);
        numbers_walker_open(&w, damaged);
        while (numbers_walker_next(&w)) {
        }
        numbers_block_find(damaged, items[prng_below(&p, 300)].text, &number);
        free(copy);
    }
    CHECK(block.len > 1000);
    buffer_free(&block);
    arena_free(&memory);
}

void test_index_numbers_block(void) {
    CASE("the worked example");
    check_example();
    CASE("strings come back, others are absent");
    for (uint64_t seed = 1; seed < 9; seed++) {
        check_blocks(seed);
    }
    CASE("damaged bytes");
    check_damage();
}
