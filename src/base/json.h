/* JSON out: strings and numbers appended to a buffer. Reading JSON is yyjson's, in room post. */
#ifndef ANP_BASE_JSON_H
#define ANP_BASE_JSON_H

#include "base/bytes.h"

/* "…" with quotes; control characters escaped; other bytes as they are (UTF-8). */
void json_put_string(buffer *out, str s);

/* 15 to 17 digits, the fewest that read back as the same double; null for NaN and infinities. */
void json_put_double(buffer *out, double value);

void json_put_u64(buffer *out, uint64_t value);

/* `,` unless it stands at the beginning of an object or array; then "key": */
void json_put_key(buffer *out, const char *key);

#endif
