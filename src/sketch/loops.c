/* Which loops this processor can run. */
#include "sketch/loops.h"

#include "base/cpu.h"

static const sketch_loops *const ALL[] = {
    &sketch_loops_portable,
#if defined(__x86_64__)
    &sketch_loops_avx2,
    &sketch_loops_avx512,
#endif
};

size_t sketch_loops_all(const sketch_loops *const **all) {
    *all = ALL;
    return cpu_kinds();
}

const sketch_loops *sketch_loops_best(void) {
    return ALL[cpu_kinds() - 1];
}
