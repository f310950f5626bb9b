/* See reader.h. */
#if defined(__x86_64__)
#define READER postings_reader_avx512
#define READER_NAME "avx512"
#define READER_KERNELS postings_kernels_avx512
#include "postings/reader_body.h"
#endif
