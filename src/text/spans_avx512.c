/* See spans.h. */
#if defined(__x86_64__)
#define SPANS spans_avx512
#define SPANS_NAME "avx512"
#include "text/spans_body.h"
#endif
