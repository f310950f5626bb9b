/* See loops.h. */
#if defined(__x86_64__)
#define LOOPS sketch_loops_avx512
#define LOOPS_NAME "avx512"
#include "sketch/loops_body.h"
#endif
