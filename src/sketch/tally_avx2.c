/* See tally.h. */
#if defined(__x86_64__)
#define TALLY sketch_tally_avx2
#define TALLY_NAME "avx2"
#include "sketch/tally_body.h"
#endif
