/* See reader.h. */
#define READER postings_reader_portable
#define READER_NAME "portable"
#define READER_KERNELS postings_kernels_portable
#include "postings/reader_body.h"
