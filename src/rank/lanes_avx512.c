/* See lanes.h. */
#if defined(__x86_64__)
#define LANES rank_lanes_avx512
#define LANES_NAME "avx512"
#include "rank/lanes_body.h"
#endif
