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
    *all = ALL;
    return cpu_kinds();
}

const postings_reader *postings_reader_best(void) {
    return ALL[cpu_kinds() - 1];
}
