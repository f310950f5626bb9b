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
    cpu_level level = cpu_best();
    *all = ALL;
    return level == CPU_AVX512 ? 3 : level == CPU_AVX2 ? 2 : 1;
}

const rank_lanes *rank_lanes_best(void) {
    const rank_lanes *const *all;
    size_t count = rank_lanes_all(&all);
    return all[count - 1];
}
