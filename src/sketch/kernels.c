/* Which kernels of sketch_scan this processor can run. */
#include "base/cpu.h"
#include "sketch/scan.h"

#if defined(__x86_64__)

static const sketch_kernel PORTABLE[] = {{"portable", scan_portable}, {NULL, NULL}};
static const sketch_kernel WITH_AVX2[] = {
    {"portable", scan_portable}, {"avx2", scan_avx2}, {NULL, NULL}};
static const sketch_kernel WITH_AVX512[] = {
    {"portable", scan_portable}, {"avx2", scan_avx2}, {"avx512", scan_avx512}, {NULL, NULL}};

const sketch_kernel *sketch_kernels(void) {
    cpu_level level = cpu_best();
    return level == CPU_AVX512 ? WITH_AVX512 : level == CPU_AVX2 ? WITH_AVX2 : PORTABLE;
}

#elif defined(__aarch64__)

const sketch_kernel *sketch_kernels(void) {
    static const sketch_kernel with_neon[] = {
        {"portable", scan_portable}, {"neon", scan_neon}, {NULL, NULL}};
    return with_neon; /* part of the architecture */
}

#else

const sketch_kernel *sketch_kernels(void) {
    static const sketch_kernel portable[] = {{"portable", scan_portable}, {NULL, NULL}};
    return portable;
}

#endif

void sketch_scan(const uint8_t probe[SKETCH_BYTES], const uint8_t *sketches, size_t count,
                 uint16_t *equal) {
    const sketch_kernel *best = sketch_kernels();
    while (best[1].scan) {
        best++;
    }
    best->scan(probe, sketches, count, equal);
}
