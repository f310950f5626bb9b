/* See loops.h. */
#if defined(__x86_64__)
#define LOOPS sketch_loops_avx2
#define LOOPS_NAME "avx2"
#include "sketch/loops_body.h"
#endif
