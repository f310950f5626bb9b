/* See kernels.h. */
#if defined(__x86_64__)
#define KERNELS postings_kernels_avx512
#define KERNELS_NAME "avx512"
#include "postings/kernels_body.h"
#endif
