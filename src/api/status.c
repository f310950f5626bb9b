/* Names of statuses, the version, option structs, and memory that callers give back. */
#include "api/handles.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const char *anp_version(void) {
    return TEXT(ANP_VERSION_MAJOR) "." TEXT(ANP_VERSION_MINOR) "." TEXT(ANP_VERSION_PATCH);
}

const char *anp_status_name(anp_status status) {
    static const char *const texts[] = {
        "ANP_OK",          "ANP_NOT_FOUND", "ANP_INVALID",     "ANP_SYNTAX",   "ANP_IO",
        "ANP_CORRUPT",     "ANP_FORMAT",    "ANP_LIMIT",       "ANP_NOMEM",    "ANP_BUSY",
        "ANP_NOSPACE",     "ANP_BAD_POST",  "ANP_CANCELLED",   "ANP_UNSUPPORTED",
    };
    size_t at = (size_t)status;
    return at < sizeof texts / sizeof *texts ? texts[at] : "unknown status";
}

anp_status options_take(void *to, size_t to_bytes, const void *from, anp_error *err) {
    size_t given;
    memcpy(&given, from, sizeof given);
    if (given < sizeof given) {
        return error_set(err, ANP_INVALID, "the size of an option struct is not set; initialise it "
                         "with its _INIT macro");
    }
    memset(to, 0, to_bytes);
    memcpy(to, from, given < to_bytes ? given : to_bytes);
    return ANP_OK;
}

void anp_free(void *memory) {
    free(memory);
}
