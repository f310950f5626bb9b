/* See tally.h. */
#define TALLY sketch_tally_portable
#define TALLY_NAME "portable"
#include "sketch/tally_body.h"
