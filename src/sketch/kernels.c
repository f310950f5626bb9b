/*
 * Which kernels of sketch_scan this processor can run.
 *
 * Asked of the processor itself: compilers' __builtin_cpu_supports needs a run-time library that
 * not all of them bring. The answer is kept, because virtual machines take microseconds for each
 * question; threads that ask at the same time find the same answer, so that a relaxed atomic is
 * enough.
 */
#include "sketch/scan.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdatomic.h>

static const sketch_kernel PORTABLE[] = {{"portable", scan_portable}, {NULL, NULL}};
static const sketch_kernel WITH_AVX2[] = {
    {"portable", scan_portable}, {"avx2", scan_avx2}, {NULL, NULL}};
static const sketch_kernel WITH_AVX512[] = {
    {"portable", scan_portable}, {"avx2", scan_avx2}, {"avx512", scan_avx512}, {NULL, NULL}};

/*
 * KEEP IN STEP: build.zig, the flags of *_avx2.c and *_avx512.c: the compiler may use any of them
 * anywhere. Registers of the leaves 1, 7 and 0x80000001 of CPUID, and the parts of the state that
 * the system saves (XCR0).
 */
static const unsigned LEAF_1_ECX_AVX2 = bit_FMA | bit_POPCNT | bit_OSXSAVE | bit_AVX;
static const unsigned LEAF_7_EBX_AVX2 = bit_AVX2 | bit_BMI | bit_BMI2;
static const unsigned EXTENDED_ECX_AVX2 = bit_LZCNT;
static const unsigned LEAF_7_EBX_AVX512 =
    bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ | bit_AVX512CD;
static const unsigned LEAF_7_ECX_AVX512 = bit_AVX512VBMI | bit_AVX512VBMI2 | bit_AVX512BITALG |
                                          bit_AVX512VPOPCNTDQ;
static const unsigned SAVED_AVX2 = 0x06;   /* XMM, YMM */
static const unsigned SAVED_AVX512 = 0xe6; /* the same, mask registers, both halves of ZMM */

static bool has(unsigned bits, unsigned wanted) {
    return (bits & wanted) == wanted;
}

static unsigned read_saved(void) {
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

static const sketch_kernel *ask_processor(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, LEAF_1_ECX_AVX2)) {
        return PORTABLE;
    }
    unsigned saved = read_saved();
    if (!has(saved, SAVED_AVX2) || !__get_cpuid(0x80000001, &a, &b, &c, &d) ||
        !has(c, EXTENDED_ECX_AVX2) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        !has(b, LEAF_7_EBX_AVX2)) {
        return PORTABLE;
    }
    bool wide = has(saved, SAVED_AVX512) && has(b, LEAF_7_EBX_AVX512) && has(c, LEAF_7_ECX_AVX512);
    return wide ? WITH_AVX512 : WITH_AVX2;
}

const sketch_kernel *sketch_kernels(void) {
    static const sketch_kernel *_Atomic known;
    const sketch_kernel *list = atomic_load_explicit(&known, memory_order_relaxed);
    if (!list) {
        list = ask_processor();
        atomic_store_explicit(&known, list, memory_order_relaxed);
    }
    return list;
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
