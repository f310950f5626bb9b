/* See loops.h. */
#define LOOPS sketch_loops_portable
#define LOOPS_NAME "portable"
#include "sketch/loops_body.h"
