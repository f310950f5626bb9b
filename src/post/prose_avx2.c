/* See prose.h. */
#if defined(__x86_64__)
#define PROSE prose_avx2
#define PROSE_NAME "avx2"
#include "post/prose_body.h"
#endif
