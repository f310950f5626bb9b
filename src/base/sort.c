/* See sort.h. */
#include "base/sort.h"

uint64_t *sort_by_upper(uint64_t *items, uint64_t *spare, size_t count) {
    enum { DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS };
    uint64_t any = 0;
    for (size_t i = 0; i < count; i++) {
        any |= items[i];
    }
    for (unsigned shift = 32; shift < 64 && any >> shift; shift += DIGIT_BITS) {
        uint32_t starts[DIGITS] = {0}, sum = 0;
        for (size_t i = 0; i < count; i++) {
            starts[items[i] >> shift & (DIGITS - 1)]++;
        }
        for (size_t digit = 0; digit < DIGITS; digit++) {
            uint32_t here = starts[digit];
            starts[digit] = sum;
            sum += here;
        }
        for (size_t i = 0; i < count; i++) {
            spare[starts[items[i] >> shift & (DIGITS - 1)]++] = items[i];
        }
        uint64_t *swap = items;
        items = spare;
        spare = swap;
    }
    return items;
}
