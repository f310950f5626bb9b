/* lanes.h without SIMD, and which kernel is used. */
#include "similar/lanes.h"

#include "similar/family.h"
#include "sketch/sketch.h"

static void add_row(uint16_t *sums, const uint64_t *row, uint16_t units) {
    for (size_t w = 0; w < FAMILY_BLOCK / 64; w++) {
        for (uint64_t word = row[w]; word; word &= word - 1) {
            uint16_t *sum = &sums[w * 64 + (size_t)__builtin_ctzll(word)];
            uint32_t grown = (uint32_t)*sum + units;
            *sum = (uint16_t)(grown > UINT16_MAX ? UINT16_MAX : grown);
        }
    }
}

size_t lanes_portable(const lane_work *work, lane_hit *out) {
    size_t hits = 0;
    for (size_t block = 0; block < work->blocks; block++) {
        uint16_t *sums = work->sums + block * FAMILY_BLOCK;
        for (size_t r = 0; r < work->row_count; r++) {
            add_row(sums, work->rows[r] + block * (FAMILY_BLOCK / 64), work->units[r]);
        }
        for (size_t i = 0; i < FAMILY_BLOCK; i++) {
            size_t item = block * FAMILY_BLOCK + i;
            float need = work->base + work->slope * work->totals[item];
            if (sums[i] > 0 && (float)sums[i] >= need) {
                out[hits++] = (lane_hit){work->first + (uint32_t)item, sums[i]};
            }
            sums[i] = work->keep ? sums[i] : 0;
        }
    }
    return hits;
}

/* KEEP IN STEP: sketch/kernels.c asks the processor; kernels of one name need the same of it. */
const lane_kernel *lane_kernels(void) {
#if defined(__x86_64__)
    static const lane_kernel portable[] = {{"portable", lanes_portable}, {NULL, NULL}};
    static const lane_kernel with_avx2[] = {
        {"portable", lanes_portable}, {"avx2", lanes_avx2}, {NULL, NULL}};
    static const lane_kernel with_avx512[] = {{"portable", lanes_portable},
                                              {"avx2", lanes_avx2},
                                              {"avx512", lanes_avx512},
                                              {NULL, NULL}};
    static const lane_kernel *const by_count[] = {portable, portable, with_avx2, with_avx512};
    size_t count = 0;
    for (const sketch_kernel *k = sketch_kernels(); k->scan; k++) {
        count++;
    }
    return by_count[count < 3 ? count : 3];
#else
    static const lane_kernel portable[] = {{"portable", lanes_portable}, {NULL, NULL}};
    return portable;
#endif
}

size_t lanes_run(const lane_work *work, lane_hit *out) {
    const lane_kernel *best = lane_kernels();
    while (best[1].name) {
        best++;
    }
    return best->run(work, out);
}
