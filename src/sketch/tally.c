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
    *all = ALL;
    return cpu_kinds();
}

const sketch_tally *sketch_tally_best(void) {
    return ALL[cpu_kinds() - 1];
}
