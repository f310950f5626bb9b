/* See spans.h. */
#define SPANS spans_portable
#define SPANS_NAME "portable"
#include "text/spans_body.h"
