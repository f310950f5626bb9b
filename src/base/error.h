/*
 * How an error is made. A function that fails ends with
 *
 *     return error_set(err, ANP_IO, "cannot read %s: %s; check that it exists", path, why);
 *
 * and its caller passes the status on unchanged. A message is one line: what could not be done, to
 * which object, why, and what to do. Damaged bytes go through error_corrupt alone, so that a
 * debugger can stop there.
 */
#ifndef ANP_BASE_ERROR_H
#define ANP_BASE_ERROR_H

#include "anpsearch.h"

/* Fills *err (may be NULL) and returns status. */
anp_status error_set(anp_error *err, anp_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the byte offset (a query) or the line (a file) where it went wrong. */
anp_status error_at(anp_error *err, anp_status status, uint64_t position, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The same, for a failed system call: appends the text of os_code and keeps it in err->os_code. */
anp_status error_os(anp_error *err, anp_status status, int os_code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* ANP_CORRUPT. */
anp_status error_corrupt(anp_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* ANP_NOMEM, with what the memory was for. */
anp_status error_nomem(anp_error *err, const char *what);

#define TRY(call)                                  \
    do {                                           \
        anp_status try_status_ = (call);           \
        if (try_status_ != ANP_OK) {               \
            return try_status_;                    \
        }                                          \
    } while (0)

#endif
