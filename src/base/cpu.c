/*
 * Asked of the processor itself: compilers' __builtin_cpu_supports needs a run-time library that
 * not all of them bring. The answer is kept, because virtual machines take microseconds for each
 * question; threads that ask at the same time find the same answer, so that a relaxed atomic is
 * enough.
 */
#include "base/cpu.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <stdatomic.h>
#include <stdbool.h>

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

static cpu_level ask(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !has(c, LEAF_1_ECX_AVX2)) {
        return CPU_PORTABLE;
    }
    unsigned saved = read_saved();
    if (!has(saved, SAVED_AVX2) || !__get_cpuid(0x80000001, &a, &b, &c, &d) ||
        !has(c, EXTENDED_ECX_AVX2) || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        !has(b, LEAF_7_EBX_AVX2)) {
        return CPU_PORTABLE;
    }
    bool wide = has(saved, SAVED_AVX512) && has(b, LEAF_7_EBX_AVX512) && has(c, LEAF_7_ECX_AVX512);
    return wide ? CPU_AVX512 : CPU_AVX2;
}

cpu_level cpu_best(void) {
    enum { UNKNOWN = -1 };
    static _Atomic int known = UNKNOWN;
    int level = atomic_load_explicit(&known, memory_order_relaxed);
    if (level == UNKNOWN) {
        level = (int)ask();
        atomic_store_explicit(&known, level, memory_order_relaxed);
    }
    return (cpu_level)level;
}

#elif defined(__aarch64__)

cpu_level cpu_best(void) {
    return CPU_NEON;
}

#else

cpu_level cpu_best(void) {
    return CPU_PORTABLE;
}

#endif
