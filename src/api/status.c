/* Names of statuses, the version, and memory that callers give back. */
#include "anpsearch.h"

#include <stdlib.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const char *anp_version(void) {
    return TEXT(ANP_VERSION_MAJOR) "." TEXT(ANP_VERSION_MINOR) "." TEXT(ANP_VERSION_PATCH);
}

const char *anp_status_name(anp_status status) {
    static const char *const names[] = {
        "ANP_OK",          "ANP_NOT_FOUND", "ANP_INVALID",     "ANP_SYNTAX",   "ANP_IO",
        "ANP_CORRUPT",     "ANP_FORMAT",    "ANP_LIMIT",       "ANP_NOMEM",    "ANP_BUSY",
        "ANP_NOSPACE",     "ANP_BAD_POST",  "ANP_CANCELLED",   "ANP_UNSUPPORTED",
    };
    size_t at = (size_t)status;
    return at < sizeof names / sizeof *names ? names[at] : "unknown status";
}

void anp_free(void *memory) {
    free(memory);
}
