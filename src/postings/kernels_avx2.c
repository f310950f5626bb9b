/* See kernels.h. */
#if defined(__x86_64__)
#define KERNELS postings_kernels_avx2
#define KERNELS_NAME "avx2"
#include "postings/kernels_body.h"
#endif
