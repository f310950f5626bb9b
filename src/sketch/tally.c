/* Which tallies this processor can run. */
#include "sketch/tally.h"

#include "base/cpu.h"

static const sketch_tally *const ALL[] = {
    &sketch_tally_portable,
#if defined(__x86_64__)
    &sketch_tally_avx2,
    &sketch_tally_avx512,
#endif
};

size_t sketch_tally_all(const sketch_tally *const **all) {
    cpu_level level = cpu_best();
    *all = ALL;
    return level == CPU_AVX512 ? 3 : level == CPU_AVX2 ? 2 : 1;
}

const sketch_tally *sketch_tally_best(void) {
    const sketch_tally *const *all;
    size_t count = sketch_tally_all(&all);
    return all[count - 1];
}
