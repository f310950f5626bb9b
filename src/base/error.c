/* See error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static anp_status fill(anp_error *err, anp_status status, uint64_t position, int os_code,
                       const char *format, va_list args) {
    if (!err) {
        return status;
    }
    err->status = status;
    err->position = position;
    err->os_code = os_code;
    int len = vsnprintf(err->message, sizeof err->message, format, args);
    if (os_code && len >= 0 && (size_t)len < sizeof err->message) {
        /* glibc's strerror is safe in threads (2.32 and newer); musl's always was. */
        snprintf(err->message + len, sizeof err->message - (size_t)len, ": %s", strerror(os_code));
    }
    return status;
}

anp_status error_set(anp_error *err, anp_status status, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, status, 0, 0, format, args);
    va_end(args);
    return status;
}

anp_status error_at(anp_error *err, anp_status status, uint64_t position, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, status, position, 0, format, args);
    va_end(args);
    return status;
}

anp_status error_os(anp_error *err, anp_status status, int os_code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, status, 0, os_code, format, args);
    va_end(args);
    return status;
}

anp_status error_corrupt(anp_error *err, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fill(err, ANP_CORRUPT, 0, 0, format, args);
    va_end(args);
    return ANP_CORRUPT;
}

anp_status error_nomem(anp_error *err, const char *what) {
    return error_set(err, ANP_NOMEM, "out of memory for %s; free memory or lower --memory", what);
}
