/*
 * Frequent classes, many posts at a time: the inner loop of the search for similar posts.
 *
 *     sums     | 812 |   0 |  40 | …     16 bits a post, from the rare classes
 *     row of a class, a bit a post:  1  0  1 …     + units where the bit is set, saturating
 *     …
 *     a post is a hit where its sum is > 0 and >= base + slope · total
 *
 * All kernels give the same hits in the same order. They leave the sums at 0, or complete.
 */
#ifndef ANP_SIMILAR_LANES_H
#define ANP_SIMILAR_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lane_hit {
    uint32_t item;
    uint32_t units;
} lane_hit;

typedef struct lane_work {
    uint16_t *sums;      /* blocks of 512 items, 64-byte aligned */
    const float *totals; /* as many */
    size_t blocks;
    uint32_t first; /* the number of the first item */
    const uint64_t *const *rows; /* bits of `row_count` classes */
    const uint16_t *units;
    size_t row_count;
    float base, slope;
    bool keep; /* the sums, complete, for another run without rows */
} lane_work;

/* Hits into out, which has room for all items; how many. The best kernel of this processor. */
size_t lanes_run(const lane_work *work, lane_hit *out);

typedef struct lane_kernel {
    const char *name;
    size_t (*run)(const lane_work *work, lane_hit *out);
} lane_kernel;

/* Those that this processor can run, portable first, ended by a NULL name: for tests. */
const lane_kernel *lane_kernels(void);

size_t lanes_portable(const lane_work *work, lane_hit *out);
size_t lanes_avx2(const lane_work *work, lane_hit *out);
size_t lanes_avx512(const lane_work *work, lane_hit *out);

#endif
