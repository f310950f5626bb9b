/* Which kernels this processor can run. */
#include "text/spans.h"

#include "base/cpu.h"

static const spans_kernel *const ALL[] = {
    &spans_portable,
#if defined(__x86_64__)
    &spans_avx2,
    &spans_avx512,
#endif
};

size_t spans_all(const spans_kernel *const **all) {
    *all = ALL;
    return cpu_kinds();
}

const spans_kernel *spans_best(void) {
    return ALL[cpu_kinds() - 1];
}
