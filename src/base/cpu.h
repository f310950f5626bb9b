/*
 * Which SIMD kernels this processor can run. Files of kernels end in _avx2.c, _avx512.c or _neon.c;
 * the build compiles each with the instructions of its level (build.zig, tools/sanitize).
 */
#ifndef ANP_BASE_CPU_H
#define ANP_BASE_CPU_H

typedef enum cpu_level {
    CPU_PORTABLE,
    CPU_NEON,   /* every aarch64 */
    CPU_AVX2,   /* x86-64-v3 */
    CPU_AVX512, /* with VBMI2, BITALG and VPOPCNTDQ: Ice Lake, Zen 4 and later */
} cpu_level;

/* The best level. Asked once a process. Any thread. */
cpu_level cpu_best(void);

/* How many of { portable, AVX2, AVX-512 } it can run, in this order: for tables of kernels that are
   one source, compiled for each. */
static inline unsigned cpu_kinds(void) {
    cpu_level best = cpu_best();
    return best == CPU_AVX512 ? 3 : best == CPU_AVX2 ? 2 : 1;
}

#endif
