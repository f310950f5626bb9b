/* See tally.h. */
#if defined(__x86_64__)
#define TALLY sketch_tally_avx512
#define TALLY_NAME "avx512"
#include "sketch/tally_body.h"
#endif
