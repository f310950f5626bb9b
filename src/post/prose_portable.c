/* See prose.h. */
#define PROSE prose_portable
#define PROSE_NAME "portable"
#include "post/prose_body.h"
