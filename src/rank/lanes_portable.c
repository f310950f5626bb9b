/* See lanes.h. */
#define LANES rank_lanes_portable
#define LANES_NAME "portable"
#include "rank/lanes_body.h"
