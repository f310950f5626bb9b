/* See reader.h. */
#if defined(__x86_64__)
#define READER postings_reader_avx2
#define READER_NAME "avx2"
#define READER_KERNELS postings_kernels_avx2
#include "postings/reader_body.h"
#endif
