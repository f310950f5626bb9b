/* Which kernels this processor can run. */
#include "postings/kernels.h"

#include "base/cpu.h"

static const postings_kernels *const ALL[] = {
    &postings_kernels_portable,
#if defined(__x86_64__)
    &postings_kernels_avx2,
    &postings_kernels_avx512,
#endif
};

size_t postings_kernels_all(const postings_kernels *const **all) {
    *all = ALL;
    return cpu_kinds();
}

const postings_kernels *postings_kernels_best(void) {
    return ALL[cpu_kinds() - 1];
}
