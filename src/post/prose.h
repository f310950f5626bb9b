/*
 * The first long string of a JSON text, decoded apart: a post's body is most of its bytes, and a
 * parser that looks at each byte takes longer for it than for all else.
 *
 *     {"id":"7","body":"It begins\nhere …","meta":{…}}
 *                       ^ from          ^ to          what is parsed: {"id":"7","body":"","meta":…
 *
 * Only bytes that every reader of JSON decodes alike are taken: no \u, no control characters, UTF-8
 * that is valid. Private to this room.
 */
#ifndef ANP_POST_PROSE_H
#define ANP_POST_PROSE_H

#include "base/str.h"

enum { PROSE_BYTES_MIN = 256, PROSE_SLACK_BYTES = 64 };

typedef struct prose {
    size_t from, to; /* its bytes in the JSON text, without the quotes */
    size_t len;      /* decoded */
    bool canonical;  /* it is written in the canonical form as it stands there */
} prose;

/*
 * Finds it and decodes it into out, room for json.len + PROSE_SLACK_BYTES bytes. false: there is
 * none, or the parser has to decode it; out may be written to all the same. What stands around it
 * is not checked.
 */
bool prose_take(str json, char *out, prose *found);

/*
 * Copies bytes up to the first that is no ASCII, a control character, a quote or a backslash; how
 * many. Up to PROSE_SLACK_BYTES more may be written. By kinds of processors, portable first.
 */
typedef size_t prose_copy(const char *from, size_t len, char *to);

typedef struct prose_kernel {
    const char *name;
    prose_copy *copy;
} prose_kernel;

size_t prose_all(const prose_kernel *const **all);

extern const prose_kernel prose_portable;
extern const prose_kernel prose_avx2;
extern const prose_kernel prose_avx512;

#endif
