/* Which readers this processor can run. */
#include "postings/reader.h"

#include "base/cpu.h"

static const postings_reader *const ALL[] = {
    &postings_reader_portable,
#if defined(__x86_64__)
    &postings_reader_avx2,
    &postings_reader_avx512,
#endif
};

size_t postings_readers_all(const postings_reader *const **all) {
    cpu_level level = cpu_best();
    *all = ALL;
    return level == CPU_AVX512 ? 3 : level == CPU_AVX2 ? 2 : 1;
}

const postings_reader *postings_reader_best(void) {
    const postings_reader *const *all;
    size_t count = postings_readers_all(&all);
    return all[count - 1];
}
