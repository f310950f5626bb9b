/* See lanes.h. */
#if defined(__x86_64__)
#define LANES rank_lanes_avx2
#define LANES_NAME "avx2"
#include "rank/lanes_body.h"
#endif
