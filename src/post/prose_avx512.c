/* See prose.h. */
#if defined(__x86_64__)
#define PROSE prose_avx512
#define PROSE_NAME "avx512"
#include "post/prose_body.h"
#endif
