/* See spans.h. */
#if defined(__x86_64__)
#define SPANS spans_avx2
#define SPANS_NAME "avx2"
#include "text/spans_body.h"
#endif
