/* Sorting by counting, for numbers with something that goes along. */
#ifndef ANP_BASE_SORT_H
#define ANP_BASE_SORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * By the upper halves, ascending; stable, the lower halves go along. Both arrays have room for
 * `count`; which of them holds the result. Cost: some 2 ns an item and byte of the largest upper
 * half.
 */
uint64_t *sort_by_upper(uint64_t *items, uint64_t *spare, size_t count);

#endif
