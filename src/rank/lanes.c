/* Which kernels this processor can run. */
#include "rank/lanes.h"

#include "base/cpu.h"

static const rank_lanes *const ALL[] = {
    &rank_lanes_portable,
#if defined(__x86_64__)
    &rank_lanes_avx2,
    &rank_lanes_avx512,
#endif
};

size_t rank_lanes_all(const rank_lanes *const **all) {
    *all = ALL;
    return cpu_kinds();
}

const rank_lanes *rank_lanes_best(void) {
    return ALL[cpu_kinds() - 1];
}
