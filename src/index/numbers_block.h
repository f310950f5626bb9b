/*
 * A block of a table of numbers: some hundred strings in byte order, each with its number.
 *
 *     u16 n         entries, at least 1
 *     u8  bits      of a number, 1 to 32
 *     u8  0
 *     ceil(n * bits / 8) bytes: the numbers, one behind the other, low bits first
 *     (ceil(n / 32) - 1) × u16   where the second, third … group of 32 entries begins, from the
 *                                block's first byte; the first group begins behind these
 *     n × { u8 shared << 4 | length, [varint shared - 15], [varint length - 15], length bytes }
 *
 * An entry's string is the first `shared` bytes of the one before it and its own `length` bytes;
 * the first of a group shares nothing. A nibble of 15 says that a varint follows.
 *
 *     cache 7, cached 300, cacti 5      03 00 09 00   07 58 16 00
 *                                       05 c a c h e   51 d   32 t i
 *
 * A string is looked up by halves among the first ones of the groups, then along one group: some
 * 0.15 us. Every read is bounded: a block of any bytes gives wrong strings at worst.
 */
#ifndef ANP_INDEX_NUMBERS_BLOCK_H
#define ANP_INDEX_NUMBERS_BLOCK_H

#include "base/bytes.h"
#include "store/schema.h"

enum {
    /* With its checksum and the header of a page, a full block is one page of 4 KiB. */
    NUMBERS_BLOCK_BYTES = 4072,
    /* With a run's number and one byte more it is a key of the store. */
    NUMBERS_TEXT_BYTES_MAX = 509,
};

typedef struct numbered {
    str text;
    uint32_t number;
    uint32_t shared; /* bytes shared with the one before, by numbers_block_share */
} numbered;

/* Sets `shared` of a sorted array's items; before any of the functions below. */
void numbers_block_share(numbered *items, size_t count);

/*
 * Appends to out a block of the first strings of a sorted array, at least one: as many as reach
 * `target` bytes and fit in NUMBERS_BLOCK_BYTES. Returns how many. `bits`: numbers_bits of the
 * greatest number.
 */
size_t numbers_block_build(const numbered *items, size_t count, unsigned bits, size_t target,
                           buffer *out);

/* That `number` needs: 1 to 32. */
unsigned numbers_bits(uint32_t number);

/* Bytes of a block that held them all, however many: to plan how many blocks they fill. */
size_t numbers_block_measure(const numbered *items, size_t count, unsigned bits);

typedef enum numbers_found { NUMBERS_FOUND, NUMBERS_ABSENT, NUMBERS_DAMAGED } numbers_found;

numbers_found numbers_block_find(str block, str text, uint32_t *number);

/* Walks a block from its first string. */
typedef struct numbers_walker {
    const uint8_t *block;
    const uint8_t *end;
    const uint8_t *at; /* NULL once the bytes were found damaged */
    uint32_t bits;
    uint32_t count;
    uint32_t index; /* of the next entry */
    uint32_t number;
    size_t len;
    char text[NUMBERS_TEXT_BYTES_MAX];
} numbers_walker;

void numbers_walker_open(numbers_walker *w, str block);

/* The next string in w->text, w->len, w->number; false at the end, or (w->at is NULL) at damage. */
bool numbers_walker_next(numbers_walker *w);

/* Whole: every entry was read and nothing stands behind the last. */
bool numbers_walker_whole(const numbers_walker *w);

#endif
