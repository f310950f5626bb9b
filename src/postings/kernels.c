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
    cpu_level level = cpu_best();
    *all = ALL;
    return level == CPU_AVX512 ? 3 : level == CPU_AVX2 ? 2 : 1;
}

const postings_kernels *postings_kernels_best(void) {
    const postings_kernels *const *all;
    size_t count = postings_kernels_all(&all);
    return all[count - 1];
}
