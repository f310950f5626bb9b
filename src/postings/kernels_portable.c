/* See kernels.h. */
#define KERNELS postings_kernels_portable
#define KERNELS_NAME "portable"
#include "postings/kernels_body.h"
